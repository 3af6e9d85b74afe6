// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The reason of a failed request, and the largest size that would have worked: both must be
 * true, in the answer and in the log of the last failures.
 *
 * Rule: memmgr(4), "Reasons of a refused request".
 */
#include "lib/memmgr_test.h"

MEMMGR_FIXTURE(failures)
MEMMGR_KIND_FIXTURE(failures_kind);

#define REMEMBERED	64

/* A buddy of 16 pages with every second page free. */
static __u32 checkerboard(struct __test_metadata *_metadata, int fd)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_BUDDY, "t-checkers");
	struct memmgr_alloc blocks[16];
	int i;

	c.bytes = 16 * page_size();
	c.granule = page_size();
	ASSERT_EQ(0, mm_heap_create(fd, &c));
	for (i = 0; i < 16; i++)
		blocks[i] = must_alloc(_metadata, fd, c.heap, page_size());
	sort_by_offset(blocks, 16);
	for (i = 0; i < 16; i += 2)
		ASSERT_EQ(0, mm_free(fd, blocks[i].handle));
	return c.heap;
}

static __u32 failing_alloc(struct __test_metadata *_metadata, int fd, __u32 heap,
			   __u64 bytes, __u64 align, __u64 *largest)
{
	struct memmgr_alloc a = alloc_request(heap, bytes);

	a.align = align;
	ASSERT_EQ(-ENOMEM, mm_alloc(fd, &a));
	EXPECT_EQ(NO_HANDLE, a.handle);
	*largest = a.largest;
	return a.reason;
}

TEST_F(failures, fragmented)
{
	__u32 heap = checkerboard(_metadata, self->fd);
	__u64 largest;

	EXPECT_EQ(MEMMGR_REASON_FRAGMENTED,
		  failing_alloc(_metadata, self->fd, heap, 2 * self->page, 0, &largest));
	EXPECT_EQ(self->page, largest);
	must_alloc(_metadata, self->fd, heap, largest);
}

TEST_F(failures, exhausted)
{
	__u32 heap = checkerboard(_metadata, self->fd);
	__u64 largest;

	EXPECT_EQ(MEMMGR_REASON_EXHAUSTED,
		  failing_alloc(_metadata, self->fd, heap, 9 * self->page, 0, &largest));
	EXPECT_EQ(self->page, largest);
}

TEST_F(failures, too_large)
{
	__u32 heap = checkerboard(_metadata, self->fd);
	__u64 largest;

	EXPECT_EQ(MEMMGR_REASON_TOO_LARGE,
		  failing_alloc(_metadata, self->fd, heap, 17 * self->page, 0, &largest));
	EXPECT_EQ(self->page, largest);
}

/* Free runs of two pages, none of them where four pages would be aligned. */
TEST_F(failures, alignment)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_BUDDY, "t-align");
	struct memmgr_alloc blocks[16], a;
	struct memmgr_heap_query q;
	__u64 largest;
	int i;

	c.bytes = 16 * self->page;
	c.granule = self->page;
	ASSERT_EQ(0, mm_heap_create(self->fd, &c));
	ASSERT_EQ(0, mm_heap_query(self->fd, c.heap, &q));
	for (i = 0; i < 16; i++)
		blocks[i] = must_alloc(_metadata, self->fd, c.heap, self->page);
	sort_by_offset(blocks, 16);
	for (i = 0; i < 16; i++) {
		bool free = blocks[i].offset % (4 * self->page);

		ASSERT_EQ(0, free ? mm_free(self->fd, blocks[i].handle) : 0);
	}
	EXPECT_EQ(MEMMGR_REASON_ALIGNMENT,
		  failing_alloc(_metadata, self->fd, c.heap, self->page,
				4 * self->page, &largest));
	EXPECT_EQ(0, largest);
	EXPECT_EQ(MEMMGR_REASON_ALIGNMENT,
		  failing_alloc(_metadata, self->fd, c.heap, 2 * self->page + 1,
				2 * self->page, &largest));
	EXPECT_EQ(2 * self->page, largest);
	a = alloc_request(c.heap, largest);
	a.align = 2 * self->page;
	EXPECT_EQ(0, mm_alloc(self->fd, &a));
	EXPECT_EQ(0, a.offset % (2 * self->page));
}

/* Whatever a kind says would work, works; a granule more does not. */
TEST_F(failures_kind, largest_is_true_as_the_heap_fills)
{
	struct memmgr_heap_query q;
	struct memmgr_alloc a;
	__u64 largest;
	__u32 heap;
	int i;

	if (!kind_is_built(self->fd, variant->kind))
		SKIP(return, "%s is not in this build", kind_names[variant->kind]);
	heap = must_kind(_metadata, self->fd, variant->kind);
	ASSERT_EQ(0, mm_heap_query(self->fd, heap, &q));
	for (i = 0; i < 30; i++) {
		EXPECT_NE(MEMMGR_REASON_NONE,
			  failing_alloc(_metadata, self->fd, heap, 1ull << 40, 0,
					&largest));
		if (!largest)
			break;
		a = alloc_request(heap, largest + q.granule);
		EXPECT_EQ(-ENOMEM, mm_alloc(self->fd, &a));
		a = must_alloc(_metadata, self->fd, heap, largest);
		ASSERT_EQ(0, mm_free(self->fd, a.handle));
		must_alloc(_metadata, self->fd, heap, 1 + (i * 1103515245u >> 16) % 190);
	}
}

TEST_F(failures, empty_pool_is_exhausted)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_POOL, "t-empty");
	struct memmgr_alloc a;
	__u64 largest;

	if (!kind_is_built(self->fd, MEMMGR_KIND_POOL))
		SKIP(return, "%s is not in this build", kind_names[MEMMGR_KIND_POOL]);
	c.count = 2;
	ASSERT_EQ(0, mm_heap_create(self->fd, &c));
	EXPECT_EQ(MEMMGR_REASON_TOO_LARGE,
		  failing_alloc(_metadata, self->fd, c.heap, 257, 0, &largest));
	EXPECT_EQ(256, largest);
	a = must_alloc(_metadata, self->fd, c.heap, 1);
	must_alloc(_metadata, self->fd, c.heap, 256);
	c.size = sizeof(c);
	EXPECT_EQ(0, must_stats(_metadata, self->fd, c.heap).largest);
	ASSERT_EQ(0, mm_free(self->fd, a.handle));
	EXPECT_EQ(256, must_stats(_metadata, self->fd, c.heap).largest);
}

/* A slab that main cannot feed says so. */
TEST_F(failures, slab_that_cannot_grow_blames_its_parent)
{
	__u32 heap;
	struct memmgr_alloc a;
	__u64 largest;

	if (!kind_is_built(self->fd, MEMMGR_KIND_SLAB))
		SKIP(return, "%s is not in this build", kind_names[MEMMGR_KIND_SLAB]);
	heap = must_kind(_metadata, self->fd, MEMMGR_KIND_SLAB);
	while (must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN).free) {
		largest = must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN).largest;
		must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, largest);
	}
	while (must_stats(_metadata, self->fd, heap).free)
		must_alloc(_metadata, self->fd, heap, 192);
	a = alloc_request(heap, 192);
	EXPECT_EQ(-ENOMEM, mm_alloc(self->fd, &a));
	EXPECT_EQ(MEMMGR_REASON_PARENT, a.reason);
	EXPECT_EQ(0, a.largest);
}

/* ---- the log ---------------------------------------------------------------- */

static struct memmgr_failures log_request(void *entries, __u32 count, __u64 after)
{
	return (struct memmgr_failures){
		.size = sizeof(struct memmgr_failures), .count = count,
		.entry_size = sizeof(struct memmgr_failure), .after = after,
		.entries = (uintptr_t)entries,
	};
}

static int read_log(int fd, struct memmgr_failures *f)
{
	return mm_call(fd, MEMMGR_IOC_FAILURES, f);
}

TEST_F(failures, log_tells_the_request)
{
	__u32 heap = checkerboard(_metadata, self->fd);
	struct memmgr_failure entry = { 0 };
	struct memmgr_failures f;
	char comm[MEMMGR_COMM_LEN] = "";
	__u64 largest, total, start;

	f = log_request(&entry, 1, ~0ull);
	ASSERT_EQ(0, read_log(self->fd, &f));
	EXPECT_EQ(0, f.count);
	total = f.total;
	start = now_ns(CLOCK_BOOTTIME);
	failing_alloc(_metadata, self->fd, heap, 3 * self->page + 1, 2 * self->page,
		      &largest);
	f = log_request(&entry, 1, total);
	ASSERT_EQ(0, read_log(self->fd, &f));
	ASSERT_EQ(1, f.count);
	EXPECT_EQ(total + 1, f.total);
	EXPECT_EQ(total + 1, entry.seq);
	EXPECT_EQ(3 * self->page + 1, entry.bytes);
	EXPECT_EQ(2 * self->page, entry.align);
	EXPECT_EQ(largest, entry.largest);
	EXPECT_EQ(8 * self->page, entry.free);
	EXPECT_EQ(heap, entry.heap);
	EXPECT_STREQ("t-checkers", entry.heap_name);
	EXPECT_NE(MEMMGR_REASON_NONE, entry.reason);
	EXPECT_EQ(getpid(), (pid_t)entry.pid);
	EXPECT_EQ(0, entry.uid);
	EXPECT_LE(start, entry.time_ns);
	EXPECT_GE(now_ns(CLOCK_BOOTTIME), entry.time_ns);
	pthread_getname_np(pthread_self(), comm, sizeof(comm));
	EXPECT_STREQ(comm, entry.comm);
}

TEST_F(failures, log_keeps_the_last_64_in_order)
{
	__u32 heap = checkerboard(_metadata, self->fd);
	static struct memmgr_failure entries[REMEMBERED + 40];
	struct memmgr_failures f;
	__u64 largest;
	__u32 i;

	for (i = 0; i < REMEMBERED + 30; i++)
		failing_alloc(_metadata, self->fd, heap, (2 + i) * self->page, 0,
			      &largest);
	f = log_request(entries, ARRAY_SIZE(entries), 0);
	ASSERT_EQ(0, read_log(self->fd, &f));
	ASSERT_EQ(REMEMBERED, f.count);
	for (i = 0; i < REMEMBERED; i++) {
		EXPECT_EQ(f.total - REMEMBERED + 1 + i, entries[i].seq);
		EXPECT_EQ((2 + 30 + i) * self->page, entries[i].bytes);
	}
}

TEST_F(failures, log_continues_where_a_reader_stopped)
{
	__u32 heap = checkerboard(_metadata, self->fd);
	struct memmgr_failure entries[4];
	struct memmgr_failures f;
	__u64 largest, start;
	__u32 i;

	f = log_request(entries, 4, ~0ull);
	ASSERT_EQ(0, read_log(self->fd, &f));
	start = f.total;
	for (i = 0; i < 10; i++)
		failing_alloc(_metadata, self->fd, heap, 2 * self->page, 0, &largest);
	f = log_request(entries, 4, start);
	ASSERT_EQ(0, read_log(self->fd, &f));
	ASSERT_EQ(4, f.count);
	EXPECT_EQ(start + 1, entries[0].seq);
	EXPECT_EQ(start + 4, entries[3].seq);
	f = log_request(entries, 4, start + 8);
	ASSERT_EQ(0, read_log(self->fd, &f));
	EXPECT_EQ(2, f.count);
	EXPECT_EQ(start + 10, entries[1].seq);
	EXPECT_EQ(start + 10, f.total);
}

TEST_F(failures, log_with_larger_entries)
{
	struct {
		struct memmgr_failure failure;
		__u64 future;
	} entries[2];
	__u32 heap = checkerboard(_metadata, self->fd);
	struct memmgr_failures f;
	__u64 largest;

	failing_alloc(_metadata, self->fd, heap, 2 * self->page, 0, &largest);
	failing_alloc(_metadata, self->fd, heap, 3 * self->page, 0, &largest);
	f = log_request(entries, 1, ~0ull);
	f.entry_size = sizeof(entries[0]);
	ASSERT_EQ(0, read_log(self->fd, &f));
	memset(entries, 0xee, sizeof(entries));
	f = log_request(entries, 2, f.total - 2);
	f.entry_size = sizeof(entries[0]);
	ASSERT_EQ(0, read_log(self->fd, &f));
	ASSERT_EQ(2, f.count);
	EXPECT_EQ(2 * self->page, entries[0].failure.bytes);
	EXPECT_EQ(3 * self->page, entries[1].failure.bytes);
	EXPECT_EQ(0, entries[0].future);
}

TEST_F(failures, log_bad_requests)
{
	struct memmgr_failure entries[2];
	__u32 heap = checkerboard(_metadata, self->fd);
	struct memmgr_failures f;
	__u64 largest;

	failing_alloc(_metadata, self->fd, heap, 2 * self->page, 0, &largest);
	f = log_request(entries, 0, 0);
	EXPECT_EQ(-EINVAL, read_log(self->fd, &f));
	f = log_request(entries, MEMMGR_BATCH_MAX + 1, 0);
	EXPECT_EQ(-EINVAL, read_log(self->fd, &f));
	f = log_request(entries, 2, 0);
	f.entry_size = 0;
	EXPECT_EQ(-EINVAL, read_log(self->fd, &f));
	f.entry_size = sizeof(entries[0]) - 8;
	EXPECT_EQ(-EINVAL, read_log(self->fd, &f));
	f = log_request(entries, 2, 0);
	f.flags = 1;
	EXPECT_EQ(-EINVAL, read_log(self->fd, &f));
	f = log_request(NULL, 2, 0);
	EXPECT_EQ(-EFAULT, read_log(self->fd, &f));
}

MEMMGR_TEST_MAIN
