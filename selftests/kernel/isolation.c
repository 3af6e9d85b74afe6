// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Two regions do not share anything. The second one is MEMMGR_SECOND or /dev/memmgr1.
 *
 * Rule: memmgr(7), WORDS, "region", and memmgr(4), DESCRIPTION.
 */
#include "lib/memmgr_test.h"

MEMMGR_FIXTURE(isolation)

static const char *second_path(void)
{
	const char *path = getenv("MEMMGR_SECOND");

	return path ? path : "/dev/memmgr1";
}

static int open_second(struct __test_metadata *_metadata)
{
	int fd = open(second_path(), O_RDWR | O_CLOEXEC);

	ASSERT_LE(0, fd);
	return fd;
}

static void __attribute__((constructor)) check_second(void)
{
	if (access(second_path(), F_OK))
		ksft_exit_skip("no %s: load memmgr.ko with two regions\n", second_path());
}

TEST_F(isolation, names_numbers_and_addresses_differ)
{
	int second = open_second(_metadata);
	struct memmgr_query a, b;

	ASSERT_EQ(0, mm_query(self->fd, &a));
	ASSERT_EQ(0, mm_query(second, &b));
	EXPECT_EQ(0, a.region);
	EXPECT_EQ(1, b.region);
	EXPECT_STRNE(a.name, b.name);
	EXPECT_TRUE(a.phys + a.region_size <= b.phys || b.phys + b.region_size <= a.phys);
	close(second);
}

TEST_F(isolation, handles_do_not_cross)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 100);
	int second = open_second(_metadata);
	struct memmgr_info i;
	char byte = 0;

	/* the second region may have a handle of the same number, or not */
	must_alloc(_metadata, second, MEMMGR_HEAP_MAIN, 100);
	mm_write(second, a.handle, 0, "x", 1);
	mm_free(second, a.handle);
	EXPECT_EQ(0, mm_info(self->fd, a.handle, &i));
	ASSERT_EQ(0, mm_read(self->fd, a.handle, 0, &byte, 1));
	EXPECT_EQ(0, byte);
	close(second);
}

TEST_F(isolation, the_same_heap_name_in_both)
{
	struct memmgr_heap_create a = heap_config(MEMMGR_KIND_BUDDY, "t-same"), b = a;
	int second = open_second(_metadata);

	EXPECT_EQ(0, mm_heap_create(self->fd, &a));
	EXPECT_EQ(0, mm_heap_create(second, &b));
	must_alloc(_metadata, second, b.heap, 100);
	EXPECT_EQ(0, must_stats(_metadata, self->fd, a.heap).live);
	EXPECT_EQ(1, must_stats(_metadata, second, b.heap).live);
	close(second);
}

TEST_F(isolation, books_do_not_cross)
{
	int second = open_second(_metadata);
	struct snapshot before, after;

	ASSERT_EQ(0, snapshot_take(second, &before));
	must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 100 * self->page);
	must_kind(_metadata, self->fd, MEMMGR_KIND_BUDDY);
	ASSERT_EQ(0, snapshot_take(second, &after));
	EXPECT_TRUE(snapshot_equal(&before, &after));
	close(second);
}

/* All of the first region written: not a byte of the second changes. */
TEST_F(isolation, contents_do_not_cross)
{
	int second = open_second(_metadata);
	struct memmgr_alloc a, b;
	unsigned char *p, *q;
	__u64 largest;

	largest = must_stats(_metadata, second, MEMMGR_HEAP_MAIN).largest;
	b = must_alloc(_metadata, second, MEMMGR_HEAP_MAIN, largest);
	q = must_map(_metadata, second, b.map_offset, largest);
	memset(q, 0x33, largest);
	a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN,
		       must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN).largest);
	p = must_map(_metadata, self->fd, a.map_offset, a.granted);
	EXPECT_TRUE(is_zero(p, a.granted));
	memset(p, 0xcc, a.granted);
	EXPECT_EQ(0x33, q[0]);
	EXPECT_EQ(0, memcmp(q, q + 1, largest - 1));
	munmap(q, largest);
	close(second);
}

TEST_F(isolation, mmap_offsets_do_not_cross)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 1);
	int second = open_second(_metadata);

	EXPECT_TRUE(mmap(NULL, self->page, PROT_READ, MAP_SHARED, second,
			 (off_t)a.map_offset) == MAP_FAILED);
	close(second);
}

MEMMGR_TEST_MAIN
