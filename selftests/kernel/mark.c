// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Marks of a stack heap: all allocations since the mark go at once, or none does.
 *
 * Rule: <linux/memmgr.h>, struct memmgr_mark.
 */
#include "lib/memmgr_test.h"

MEMMGR_FIXTURE(mark)

TEST_F(mark, release_frees_what_came_since)
{
	struct memmgr_stats before, after;
	struct memmgr_alloc keep;
	__u64 handles[10], mark;
	__u32 heap, released;
	int i;

	if (!kind_is_built(self->fd, MEMMGR_KIND_STACK))
		SKIP(return, "%s is not in this build", kind_names[MEMMGR_KIND_STACK]);
	heap = must_kind(_metadata, self->fd, MEMMGR_KIND_STACK);
	keep = must_alloc(_metadata, self->fd, heap, 100);
	before = must_stats(_metadata, self->fd, heap);
	ASSERT_EQ(0, mm_mark(self->fd, heap, &mark));
	for (i = 0; i < 10; i++)
		handles[i] = must_alloc(_metadata, self->fd, heap, 33 * (i + 1)).handle;
	EXPECT_EQ(0, mm_release(self->fd, heap, mark, &released));
	EXPECT_EQ(10, released);
	after = must_stats(_metadata, self->fd, heap);
	EXPECT_EQ(before.live, after.live);
	EXPECT_EQ(before.used, after.used);
	EXPECT_EQ(before.requested, after.requested);
	EXPECT_EQ(before.frees + 10, after.frees);
	for (i = 0; i < 10; i++)
		EXPECT_EQ(-EBADF, mm_free(self->fd, handles[i]));
	EXPECT_EQ(0, mm_check(self->fd, heap));
	EXPECT_EQ(0, mm_free(self->fd, keep.handle));
}

TEST_F(mark, release_of_nothing)
{
	__u32 heap, released = 7;
	__u64 mark;

	if (!kind_is_built(self->fd, MEMMGR_KIND_STACK))
		SKIP(return, "%s is not in this build", kind_names[MEMMGR_KIND_STACK]);
	heap = must_kind(_metadata, self->fd, MEMMGR_KIND_STACK);
	ASSERT_EQ(0, mm_mark(self->fd, heap, &mark));
	EXPECT_EQ(0, mm_release(self->fd, heap, mark, &released));
	EXPECT_EQ(0, released);
	must_alloc(_metadata, self->fd, heap, 10);
	ASSERT_EQ(0, mm_mark(self->fd, heap, &mark));
	EXPECT_EQ(0, mm_release(self->fd, heap, mark, &released));
	EXPECT_EQ(0, released);
	EXPECT_EQ(1, must_stats(_metadata, self->fd, heap).live);
}

TEST_F(mark, marks_nest)
{
	__u64 outer, inner;
	__u32 heap, released;
	int i;

	if (!kind_is_built(self->fd, MEMMGR_KIND_STACK))
		SKIP(return, "%s is not in this build", kind_names[MEMMGR_KIND_STACK]);
	heap = must_kind(_metadata, self->fd, MEMMGR_KIND_STACK);
	ASSERT_EQ(0, mm_mark(self->fd, heap, &outer));
	for (i = 0; i < 3; i++)
		must_alloc(_metadata, self->fd, heap, 50);
	ASSERT_EQ(0, mm_mark(self->fd, heap, &inner));
	for (i = 0; i < 4; i++)
		must_alloc(_metadata, self->fd, heap, 50);
	EXPECT_EQ(0, mm_release(self->fd, heap, inner, &released));
	EXPECT_EQ(4, released);
	for (i = 0; i < 2; i++)
		must_alloc(_metadata, self->fd, heap, 50);
	EXPECT_EQ(0, mm_release(self->fd, heap, outer, &released));
	EXPECT_EQ(5, released);
	EXPECT_EQ(0, must_stats(_metadata, self->fd, heap).used);
}

TEST_F(mark, release_below_an_inner_mark)
{
	__u64 outer, inner;
	__u32 heap, released;

	if (!kind_is_built(self->fd, MEMMGR_KIND_STACK))
		SKIP(return, "%s is not in this build", kind_names[MEMMGR_KIND_STACK]);
	heap = must_kind(_metadata, self->fd, MEMMGR_KIND_STACK);
	must_alloc(_metadata, self->fd, heap, 50);
	ASSERT_EQ(0, mm_mark(self->fd, heap, &outer));
	must_alloc(_metadata, self->fd, heap, 50);
	ASSERT_EQ(0, mm_mark(self->fd, heap, &inner));
	must_alloc(_metadata, self->fd, heap, 50);
	EXPECT_EQ(0, mm_release(self->fd, heap, outer, &released));
	EXPECT_EQ(2, released);
	EXPECT_EQ(-EINVAL, mm_release(self->fd, heap, inner, NULL));
	EXPECT_EQ(1, must_stats(_metadata, self->fd, heap).live);
}

TEST_F(mark, stack_fell_below_the_mark)
{
	struct memmgr_alloc a;
	struct snapshot before, after;
	__u64 mark;
	__u32 heap;

	if (!kind_is_built(self->fd, MEMMGR_KIND_STACK))
		SKIP(return, "%s is not in this build", kind_names[MEMMGR_KIND_STACK]);
	heap = must_kind(_metadata, self->fd, MEMMGR_KIND_STACK);
	must_alloc(_metadata, self->fd, heap, 50);
	a = must_alloc(_metadata, self->fd, heap, 50);
	ASSERT_EQ(0, mm_mark(self->fd, heap, &mark));
	ASSERT_EQ(0, mm_free(self->fd, a.handle));
	ASSERT_EQ(0, snapshot_take(self->fd, &before));
	EXPECT_EQ(-EINVAL, mm_release(self->fd, heap, mark, NULL));
	ASSERT_EQ(0, snapshot_take(self->fd, &after));
	EXPECT_TRUE(snapshot_same_state(&before, &after));
}

TEST_F(mark, marks_that_were_never_given)
{
	static const __u64 marks[] = {
		~0ull, ~0ull - 1, 1ull << 63, 1ull << 32, 64 * KIB + 1,
	};
	struct snapshot before, after;
	unsigned int i;
	__u32 heap;

	if (!kind_is_built(self->fd, MEMMGR_KIND_STACK))
		SKIP(return, "%s is not in this build", kind_names[MEMMGR_KIND_STACK]);
	heap = must_kind(_metadata, self->fd, MEMMGR_KIND_STACK);
	must_alloc(_metadata, self->fd, heap, 50);
	ASSERT_EQ(0, snapshot_take(self->fd, &before));
	for (i = 0; i < ARRAY_SIZE(marks); i++)
		EXPECT_EQ(-EINVAL, mm_release(self->fd, heap, marks[i], NULL));
	ASSERT_EQ(0, snapshot_take(self->fd, &after));
	EXPECT_TRUE(snapshot_same_state(&before, &after));
}

TEST_F(mark, allocation_of_another_client_above)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_STACK, "t-shared");
	struct snapshot before, after;
	struct memmgr_alloc theirs;
	__u32 released;
	__u64 mark;
	int other = open_device(O_RDWR);

	if (!kind_is_built(self->fd, MEMMGR_KIND_STACK))
		SKIP(return, "%s is not in this build", kind_names[MEMMGR_KIND_STACK]);
	ASSERT_LE(0, other);
	c.flags = 0;
	ASSERT_EQ(0, mm_heap_create(self->fd, &c));
	ASSERT_EQ(0, mm_mark(self->fd, c.heap, &mark));
	must_alloc(_metadata, self->fd, c.heap, 50);
	theirs = must_alloc(_metadata, other, c.heap, 50);
	must_alloc(_metadata, self->fd, c.heap, 50);
	ASSERT_EQ(0, snapshot_take(self->fd, &before));
	EXPECT_EQ(-EBUSY, mm_release(self->fd, c.heap, mark, NULL));
	ASSERT_EQ(0, snapshot_take(self->fd, &after));
	EXPECT_TRUE(snapshot_same_state(&before, &after));
	EXPECT_EQ(-EBUSY, mm_free(other, theirs.handle));
	close(other);
	EXPECT_EQ(0, mm_release(self->fd, c.heap, mark, &released));
	EXPECT_EQ(0, must_stats(_metadata, self->fd, c.heap).live);
	EXPECT_EQ(0, must_stats(_metadata, self->fd, c.heap).used);
	EXPECT_EQ(0, mm_heap_destroy(self->fd, c.heap, MEMMGR_DESTROY_FORCE));
}

TEST_F(mark, only_a_stack_has_marks)
{
	static const __u32 kinds[] = {
		MEMMGR_KIND_BUDDY, MEMMGR_KIND_SLAB, MEMMGR_KIND_POOL,
	};
	unsigned int i;
	__u64 mark;
	__u32 heap;

	EXPECT_EQ(-EOPNOTSUPP, mm_mark(self->fd, MEMMGR_HEAP_MAIN, &mark));
	EXPECT_EQ(-EOPNOTSUPP, mm_release(self->fd, MEMMGR_HEAP_MAIN, 0, NULL));
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (!kind_is_built(self->fd, kinds[i]))
			continue;
		heap = must_kind(_metadata, self->fd, kinds[i]);
		EXPECT_EQ(-EOPNOTSUPP, mm_mark(self->fd, heap, &mark));
		EXPECT_EQ(-EOPNOTSUPP, mm_release(self->fd, heap, 0, NULL));
	}
}

TEST_F(mark, private_stack_of_another_client)
{
	int other = open_device(O_RDWR);
	__u64 mark;
	__u32 heap;

	if (!kind_is_built(self->fd, MEMMGR_KIND_STACK))
		SKIP(return, "%s is not in this build", kind_names[MEMMGR_KIND_STACK]);
	ASSERT_LE(0, other);
	heap = must_kind(_metadata, self->fd, MEMMGR_KIND_STACK);
	ASSERT_EQ(0, mm_mark(self->fd, heap, &mark));
	must_alloc(_metadata, self->fd, heap, 50);
	EXPECT_EQ(-EACCES, mm_mark(other, heap, &mark));
	EXPECT_EQ(-EACCES, mm_release(other, heap, mark, NULL));
	EXPECT_EQ(1, must_stats(_metadata, self->fd, heap).live);
	close(other);
}

TEST_F(mark, released_memory_serves_again_and_is_zero)
{
	unsigned char data[256];
	struct memmgr_alloc a, b;
	__u64 mark;
	__u32 heap;

	if (!kind_is_built(self->fd, MEMMGR_KIND_STACK))
		SKIP(return, "%s is not in this build", kind_names[MEMMGR_KIND_STACK]);
	heap = must_kind(_metadata, self->fd, MEMMGR_KIND_STACK);
	ASSERT_EQ(0, mm_mark(self->fd, heap, &mark));
	a = must_alloc(_metadata, self->fd, heap, sizeof(data));
	memset(data, 0xcc, sizeof(data));
	ASSERT_EQ(0, mm_write(self->fd, a.handle, 0, data, sizeof(data)));
	ASSERT_EQ(0, mm_release(self->fd, heap, mark, NULL));
	b = must_alloc(_metadata, self->fd, heap, sizeof(data));
	EXPECT_EQ(a.offset, b.offset);
	ASSERT_EQ(0, mm_read(self->fd, b.handle, 0, data, sizeof(data)));
	EXPECT_TRUE(is_zero(data, sizeof(data)));
}

MEMMGR_TEST_MAIN
