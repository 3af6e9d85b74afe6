// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Resizing in place: added bytes read as zeros, bytes that are cut off become free,
 * and a refusal names the size that would have worked.
 *
 * Rule: <linux/memmgr.h>, struct memmgr_resize.
 */
#include "lib/memmgr_test.h"

MEMMGR_FIXTURE(resize)
MEMMGR_KIND_FIXTURE(resize_kind);

/* A buddy heap of whole pages with nothing else in it. */
static __u32 quiet_heap(struct __test_metadata *_metadata, int fd)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_BUDDY, "t-resize");

	c.bytes = 64 * page_size();
	c.granule = page_size();
	return must_heap(_metadata, fd, c);
}

TEST_F(resize, shrink_frees_the_tail)
{
	__u32 heap = quiet_heap(_metadata, self->fd);
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, heap, 8 * self->page);
	struct memmgr_resize r;
	struct memmgr_stats s;
	struct memmgr_info i;

	ASSERT_EQ(0, mm_resize(self->fd, a.handle, 3 * self->page - 5, &r));
	EXPECT_EQ(3 * self->page, r.granted);
	EXPECT_EQ(MEMMGR_REASON_NONE, r.reason);
	s = must_stats(_metadata, self->fd, heap);
	EXPECT_EQ(3 * self->page, s.used);
	EXPECT_EQ(3 * self->page - 5, s.requested);
	EXPECT_EQ(1, s.resizes);
	EXPECT_EQ(1, s.live);
	ASSERT_EQ(0, mm_info(self->fd, a.handle, &i));
	EXPECT_EQ(3 * self->page - 5, i.bytes);
	EXPECT_EQ(3 * self->page, i.granted);
	EXPECT_EQ(a.offset, i.offset);
	EXPECT_EQ(0, mm_check(self->fd, heap));
}

TEST_F(resize, grow_takes_what_follows)
{
	__u32 heap = quiet_heap(_metadata, self->fd);
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, heap, 64 * self->page);
	struct memmgr_resize r;

	ASSERT_EQ(0, mm_resize(self->fd, a.handle, self->page, &r));
	ASSERT_EQ(0, mm_resize(self->fd, a.handle, 7 * self->page, &r));
	EXPECT_EQ(7 * self->page, r.granted);
	EXPECT_EQ(7 * self->page, must_stats(_metadata, self->fd, heap).used);
	ASSERT_EQ(0, mm_resize(self->fd, a.handle, 64 * self->page, &r));
	EXPECT_EQ(0, must_stats(_metadata, self->fd, heap).free);
	EXPECT_EQ(0, mm_check(self->fd, heap));
	EXPECT_EQ(0, mm_free(self->fd, a.handle));
	EXPECT_EQ(64 * self->page, must_stats(_metadata, self->fd, heap).largest);
}

TEST_F(resize, contents_stay_and_what_is_added_is_zero)
{
	__u32 heap = quiet_heap(_metadata, self->fd);
	size_t first = self->page + 100, last = 6 * self->page;
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, heap, last);
	unsigned char *data = malloc(last);
	struct memmgr_resize r;

	ASSERT_TRUE(!!data);
	fill_pattern(data, last, 1);
	ASSERT_EQ(0, mm_write(self->fd, a.handle, 0, data, last));
	ASSERT_EQ(0, mm_resize(self->fd, a.handle, first, &r));
	EXPECT_EQ(-ERANGE, mm_read(self->fd, a.handle, first, data, 1));
	ASSERT_EQ(0, mm_resize(self->fd, a.handle, last, &r));
	memset(data, 0xaa, last);
	ASSERT_EQ(0, mm_read(self->fd, a.handle, 0, data, last));
	EXPECT_TRUE(is_pattern(data, first, 1));
	EXPECT_TRUE(is_zero(data + first, last - first));
	free(data);
}

TEST_F(resize, within_the_last_page_the_cut_off_bytes_are_zero_again)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 200);
	unsigned char data[200];
	struct memmgr_resize r;

	memset(data, 0xff, sizeof(data));
	ASSERT_EQ(0, mm_write(self->fd, a.handle, 0, data, 200));
	ASSERT_EQ(0, mm_resize(self->fd, a.handle, 50, &r));
	ASSERT_EQ(0, mm_resize(self->fd, a.handle, 200, &r));
	ASSERT_EQ(0, mm_read(self->fd, a.handle, 0, data, 200));
	EXPECT_FALSE(is_zero(data, 50));
	EXPECT_TRUE(is_zero(data + 50, 150));
}

TEST_F(resize, blocked_growth_names_what_fits)
{
	__u32 heap = quiet_heap(_metadata, self->fd);
	struct snapshot before, after;
	struct memmgr_alloc blocks[64], *a = &blocks[10];
	struct memmgr_resize r;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(blocks); i++)
		blocks[i] = must_alloc(_metadata, self->fd, heap, self->page);
	sort_by_offset(blocks, ARRAY_SIZE(blocks));
	ASSERT_EQ(0, mm_free(self->fd, blocks[11].handle));
	ASSERT_EQ(0, snapshot_take(self->fd, &before));
	EXPECT_EQ(-ENOMEM, mm_resize(self->fd, a->handle, 3 * self->page, &r));
	EXPECT_EQ(MEMMGR_REASON_BLOCKED, r.reason);
	EXPECT_EQ(2 * self->page, r.largest);
	ASSERT_EQ(0, snapshot_take(self->fd, &after));
	EXPECT_TRUE(snapshot_same_state(&before, &after));
	EXPECT_EQ(0, mm_resize(self->fd, a->handle, r.largest, &r));
	EXPECT_EQ(2 * self->page, r.granted);
}

TEST_F(resize, of_main)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN,
					   16 * self->page);
	struct memmgr_stats before, after;
	struct memmgr_resize r;

	before = must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN);
	ASSERT_EQ(0, mm_resize(self->fd, a.handle, 11 * self->page, &r));
	after = must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN);
	EXPECT_EQ(before.used - 5 * self->page, after.used);
	ASSERT_EQ(0, mm_resize(self->fd, a.handle, 16 * self->page, &r));
	after = must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN);
	EXPECT_EQ(before.used, after.used);
	EXPECT_EQ(before.largest, after.largest);
	EXPECT_EQ(0, mm_check(self->fd, MEMMGR_HEAP_MAIN));
}

TEST_F(resize_kind, bad_sizes)
{
	static const __u64 huge[] = {
		~0ull, ~0ull - 4095, ~0ull - 4096, 1ull << 63, 1ull << 32,
		(1ull << 32) + 64,
	};
	struct snapshot before, after;
	struct memmgr_resize r;
	struct memmgr_alloc a;
	unsigned int i;
	__u32 heap;

	if (!kind_is_built(self->fd, variant->kind))
		SKIP(return, "%s is not in this build", kind_names[variant->kind]);
	heap = must_kind(_metadata, self->fd, variant->kind);
	a = must_alloc(_metadata, self->fd, heap, 64);
	ASSERT_EQ(0, snapshot_take(self->fd, &before));
	EXPECT_EQ(-EINVAL, mm_resize(self->fd, a.handle, 0, &r));
	for (i = 0; i < ARRAY_SIZE(huge); i++) {
		EXPECT_EQ(-ENOMEM, mm_resize(self->fd, a.handle, huge[i], &r));
		EXPECT_NE(MEMMGR_REASON_NONE, r.reason);
		EXPECT_LE(64, r.largest);
	}
	ASSERT_EQ(0, snapshot_take(self->fd, &after));
	EXPECT_TRUE(snapshot_same_state(&before, &after));
}

/* The size that a refusal names is exact: a granule more is refused again. */
TEST_F(resize_kind, largest_is_true)
{
	struct memmgr_heap_query q;
	struct memmgr_resize r;
	struct memmgr_alloc a;
	__u64 largest;
	__u32 heap;

	if (!kind_is_built(self->fd, variant->kind))
		SKIP(return, "%s is not in this build", kind_names[variant->kind]);
	heap = must_kind(_metadata, self->fd, variant->kind);
	a = must_alloc(_metadata, self->fd, heap, 64);
	ASSERT_EQ(0, mm_heap_query(self->fd, heap, &q));
	ASSERT_EQ(-ENOMEM, mm_resize(self->fd, a.handle, 1ull << 40, &r));
	largest = r.largest;
	EXPECT_EQ(-ENOMEM, mm_resize(self->fd, a.handle, largest + q.granule, &r));
	EXPECT_EQ(largest, r.largest);
	EXPECT_EQ(0, mm_resize(self->fd, a.handle, largest, &r));
	EXPECT_LE(largest, r.granted);
	EXPECT_EQ(0, mm_check(self->fd, heap));
}

TEST_F(resize, objects_change_only_what_was_asked_for)
{
	static const __u32 kinds[] = { MEMMGR_KIND_SLAB, MEMMGR_KIND_POOL };
	struct memmgr_stats before, after;
	struct memmgr_resize r;
	struct memmgr_alloc a;
	unsigned int i;
	__u32 heap;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (!kind_is_built(self->fd, kinds[i]))
			continue;
		heap = must_kind(_metadata, self->fd, kinds[i]);
		a = must_alloc(_metadata, self->fd, heap, 64);
		before = must_stats(_metadata, self->fd, heap);
		EXPECT_EQ(0, mm_resize(self->fd, a.handle, 128, &r));
		EXPECT_EQ(a.granted, r.granted);
		after = must_stats(_metadata, self->fd, heap);
		EXPECT_EQ(before.used, after.used);
		EXPECT_EQ(before.requested + 64, after.requested);
	}
}

TEST_F(resize, stack_resizes_its_top_only)
{
	struct memmgr_resize r;
	struct memmgr_alloc a, b;
	__u64 used;
	__u32 heap;

	if (!kind_is_built(self->fd, MEMMGR_KIND_STACK))
		SKIP(return, "%s is not in this build", kind_names[MEMMGR_KIND_STACK]);
	heap = must_kind(_metadata, self->fd, MEMMGR_KIND_STACK);
	a = must_alloc(_metadata, self->fd, heap, 64);
	b = must_alloc(_metadata, self->fd, heap, 64);
	used = must_stats(_metadata, self->fd, heap).used;
	EXPECT_EQ(-EBUSY, mm_resize(self->fd, a.handle, 128, &r));
	EXPECT_EQ(used, must_stats(_metadata, self->fd, heap).used);
	EXPECT_EQ(0, mm_resize(self->fd, b.handle, 1024, &r));
	EXPECT_EQ(used - b.granted + r.granted,
		  must_stats(_metadata, self->fd, heap).used);
	EXPECT_LE(1024, r.granted);
	EXPECT_EQ(0, mm_free(self->fd, b.handle));
	EXPECT_EQ(0, mm_resize(self->fd, a.handle, 128, &r));
	EXPECT_EQ(0, mm_check(self->fd, heap));
}

MEMMGR_TEST_MAIN
