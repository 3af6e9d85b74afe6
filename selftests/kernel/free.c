// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Frees that are right, and all that are not: stale handles, forged ones, handles of another
 * client, and second frees.
 *
 * Rule: <linux/memmgr.h>, struct memmgr_free.
 */
#include "lib/memmgr_test.h"

MEMMGR_FIXTURE(free)
MEMMGR_KIND_FIXTURE(free_kind);

/* All that a dead handle is good for, on every call that takes one. */
static void expect_dead(struct __test_metadata *_metadata, int fd, __u64 handle)
{
	struct memmgr_resize r;
	struct memmgr_info i;
	char byte = 0;

	EXPECT_EQ(-EBADF, mm_free(fd, handle));
	EXPECT_EQ(-EBADF, mm_info(fd, handle, &i));
	EXPECT_EQ(-EBADF, mm_resize(fd, handle, 64, &r));
	EXPECT_EQ(-EBADF, mm_read(fd, handle, 0, &byte, 1));
	EXPECT_EQ(-EBADF, mm_write(fd, handle, 0, &byte, 1));
}

TEST_F(free_kind, gives_everything_back)
{
	struct memmgr_stats before, after;
	__u64 handles[32];
	__u32 heap;
	int i;

	if (!kind_is_built(self->fd, variant->kind))
		SKIP(return, "%s is not in this build", kind_names[variant->kind]);
	heap = must_kind(_metadata, self->fd, variant->kind);
	before = must_stats(_metadata, self->fd, heap);
	for (i = 0; i < 32; i++)
		handles[i] = must_alloc(_metadata, self->fd, heap, 100).handle;
	while (i--)
		EXPECT_EQ(0, mm_free(self->fd, handles[i]));
	after = must_stats(_metadata, self->fd, heap);
	EXPECT_EQ(0, after.live);
	EXPECT_EQ(0, after.used);
	EXPECT_EQ(0, after.requested);
	EXPECT_EQ(0, after.records);
	EXPECT_EQ(before.frees + 32, after.frees);
	EXPECT_EQ(0, mm_check(self->fd, heap));
}

TEST_F(free, any_order_but_for_a_stack)
{
	__u64 handles[60];
	__u32 kind, heap;
	int i;

	for (kind = 0; kind < MEMMGR_KINDS; kind++) {
		if (kind == MEMMGR_KIND_STACK || !kind_is_built(self->fd, kind))
			continue;
		heap = must_kind(_metadata, self->fd, kind);
		for (i = 0; i < 60; i++)
			handles[i] = must_alloc(_metadata, self->fd, heap, 1 + i).handle;
		for (i = 0; i < 60; i++)
			EXPECT_EQ(0, mm_free(self->fd, handles[i * 7 % 60]));
		EXPECT_EQ(0, must_stats(_metadata, self->fd, heap).live);
		EXPECT_EQ(0, mm_check(self->fd, heap));
	}
}

TEST_F(free_kind, twice)
{
	struct snapshot before, after;
	struct memmgr_alloc a;
	__u32 heap;

	if (!kind_is_built(self->fd, variant->kind))
		SKIP(return, "%s is not in this build", kind_names[variant->kind]);
	heap = must_kind(_metadata, self->fd, variant->kind);
	must_alloc(_metadata, self->fd, heap, 64);
	a = must_alloc(_metadata, self->fd, heap, 64);
	ASSERT_EQ(0, mm_free(self->fd, a.handle));
	ASSERT_EQ(0, snapshot_take(self->fd, &before));
	EXPECT_EQ(-EBADF, mm_free(self->fd, a.handle));
	ASSERT_EQ(0, snapshot_take(self->fd, &after));
	EXPECT_TRUE(snapshot_same_state(&before, &after));
	EXPECT_EQ(snapshot_refused(&before) + 1, snapshot_refused(&after));
	expect_dead(_metadata, self->fd, a.handle);
}

/* The record is used again: the old handle must miss the new allocation. */
TEST_F(free_kind, stale_handle_misses_the_successor)
{
	struct memmgr_alloc a, b;
	__u32 heap;
	int i;

	if (!kind_is_built(self->fd, variant->kind))
		SKIP(return, "%s is not in this build", kind_names[variant->kind]);
	heap = must_kind(_metadata, self->fd, variant->kind);
	a = must_alloc(_metadata, self->fd, heap, 64);
	for (i = 0; i < 8; i++) {
		ASSERT_EQ(0, mm_free(self->fd, i ? b.handle : a.handle));
		b = must_alloc(_metadata, self->fd, heap, 64);
		expect_dead(_metadata, self->fd, a.handle);
	}
	EXPECT_EQ(1, must_stats(_metadata, self->fd, heap).live);
	EXPECT_EQ(0, mm_free(self->fd, b.handle));
}

TEST_F(free_kind, forged_handles)
{
	struct snapshot before, after;
	__u64 good;
	int bit;
	__u32 heap;

	if (!kind_is_built(self->fd, variant->kind))
		SKIP(return, "%s is not in this build", kind_names[variant->kind]);
	heap = must_kind(_metadata, self->fd, variant->kind);
	good = must_alloc(_metadata, self->fd, heap, 64).handle;
	ASSERT_EQ(0, snapshot_take(self->fd, &before));
	for (bit = 0; bit < 64; bit++)
		EXPECT_EQ(-EBADF, mm_free(self->fd, good ^ (1ull << bit)));
	EXPECT_EQ(-EBADF, mm_free(self->fd, NO_HANDLE));
	EXPECT_EQ(-EBADF, mm_free(self->fd, ~0ull));
	EXPECT_EQ(-EBADF, mm_free(self->fd, 1));
	EXPECT_EQ(-EBADF, mm_free(self->fd, 0xffffffffull));
	EXPECT_EQ(-EBADF, mm_free(self->fd, 0xffffffff00000000ull));
	ASSERT_EQ(0, snapshot_take(self->fd, &after));
	EXPECT_TRUE(snapshot_same_state(&before, &after));
	expect_dead(_metadata, self->fd, good ^ (1ull << 40));
	EXPECT_EQ(0, mm_free(self->fd, good));
}

TEST_F(free, handle_of_another_client)
{
	struct memmgr_alloc a;
	struct snapshot before, after;
	struct memmgr_resize r;
	struct memmgr_info i;
	int other = open_device(O_RDWR);
	char byte = 0;

	ASSERT_LE(0, other);
	a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 100);
	ASSERT_EQ(0, snapshot_take(self->fd, &before));
	EXPECT_EQ(-EACCES, mm_free(other, a.handle));
	EXPECT_EQ(-EACCES, mm_resize(other, a.handle, 10, &r));
	EXPECT_EQ(-EACCES, mm_read(other, a.handle, 0, &byte, 1));
	EXPECT_EQ(-EACCES, mm_write(other, a.handle, 0, &byte, 1));
	EXPECT_EQ(-EACCES, mm_info(other, a.handle, &i));
	ASSERT_EQ(0, snapshot_take(self->fd, &after));
	EXPECT_TRUE(snapshot_same_state(&before, &after));
	EXPECT_EQ(before.stats[0].refused_frees + 1, after.stats[0].refused_frees);
	close(other);
	EXPECT_EQ(0, mm_free(self->fd, a.handle));
}

TEST_F(free, stack_frees_the_top_only)
{
	struct memmgr_alloc a, b, c;
	struct snapshot before, after;
	__u32 heap;

	if (!kind_is_built(self->fd, MEMMGR_KIND_STACK))
		SKIP(return, "%s is not in this build", kind_names[MEMMGR_KIND_STACK]);
	heap = must_kind(_metadata, self->fd, MEMMGR_KIND_STACK);
	a = must_alloc(_metadata, self->fd, heap, 100);
	b = must_alloc(_metadata, self->fd, heap, 100);
	c = must_alloc(_metadata, self->fd, heap, 100);
	EXPECT_LT(a.offset, b.offset);
	EXPECT_LT(b.offset, c.offset);
	ASSERT_EQ(0, snapshot_take(self->fd, &before));
	EXPECT_EQ(-EBUSY, mm_free(self->fd, a.handle));
	EXPECT_EQ(-EBUSY, mm_free(self->fd, b.handle));
	ASSERT_EQ(0, snapshot_take(self->fd, &after));
	EXPECT_TRUE(snapshot_same_state(&before, &after));
	EXPECT_EQ(0, mm_free(self->fd, c.handle));
	EXPECT_EQ(-EBUSY, mm_free(self->fd, a.handle));
	EXPECT_EQ(0, mm_free(self->fd, b.handle));
	EXPECT_EQ(0, mm_free(self->fd, a.handle));
}

TEST_F(free, free_memory_merges_again)
{
	struct memmgr_stats before, after;
	__u64 handles[64];
	int i;

	before = must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN);
	for (i = 0; i < 64; i++)
		handles[i] = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN,
					(1 + i % 5) * self->page).handle;
	for (i = 0; i < 64; i++)
		EXPECT_EQ(0, mm_free(self->fd, handles[i * 37 % 64]));
	after = must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN);
	EXPECT_EQ(before.largest, after.largest);
	EXPECT_EQ(before.free, after.free);
}

MEMMGR_TEST_MAIN
