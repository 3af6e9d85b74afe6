// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Guards: allocations of kernel code that lie beside pages that are not mapped. The
 * kernel code is memmgr_caller.ko; it looks whether a page is there without dying of it.
 *
 * Rule: <linux/memmgr.h>, struct memmgr_debug, and memmgr(7), "Memory errors".
 */
#include "lib/calling.h"
#include "lib/memmgr_test.h"

#define INTERVAL_NEVER	1000000u

CALLER_FIXTURE(guard)

static int debug_call(int fd, __u32 heap, __u32 flags, __u32 interval, struct memmgr_debug *d)
{
	*d = (struct memmgr_debug) {
		.size = sizeof(*d), .heap = heap, .flags = flags, .guard_interval = interval,
	};
	return mm_call(fd, MEMMGR_IOC_DEBUG, d);
}

static int guards_on(int fd, __u32 heap, __u32 interval)
{
	struct memmgr_debug d;

	return debug_call(fd, heap, MEMMGR_DEBUG_SET | MEMMGR_DEBUG_GUARDS, interval, &d);
}

static struct memmgr_debug guards_now(int fd, __u32 heap)
{
	struct memmgr_debug d;

	if (debug_call(fd, heap, 0, 0, &d))
		memset(&d, 0xff, sizeof(d));
	return d;
}

/* A worker unmaps what was freed: soon. */
static bool block_goes(int caller, __u32 block)
{
	int i;

	for (i = 0; i < 500; i++) {
		if (block_read(caller, block, 0) == -EFAULT)
			return true;
		usleep(10000);
	}
	return false;
}

/* In which page it lies, how far up, and that there is nothing beside that page. */
TEST_F(guard, corruption_guard_beside)
{
	static const __u64 sizes[] = { 1, 7, 8, 9, 100, 127, 128, 192 }, aligns[] = { 0, 16, 64 };
	__u64 at, expected, guarded = 0, align;
	unsigned int s, n;
	__s64 i, bytes;

	NEEDS_CALLER();
	ASSERT_EQ(0, guards_on(self->fd, self->heap, 1));
	for (n = 0; n < ARRAY_SIZE(aligns); n++)
		for (s = 0; s < ARRAY_SIZE(sizes); s++) {
			bytes = sizes[s];
			align = aligns[n] > self->align ? aligns[n] : self->align;
			expected = (self->page - bytes) & ~(align - 1);
			ASSERT_EQ(0, block_alloc(self->caller, 0, bytes, aligns[n], 0, &at));
			ASSERT_EQ(1, guards_now(self->fd, self->heap).guards);
			ASSERT_EQ(++guarded, guards_now(self->fd, self->heap).guarded);
			ASSERT_EQ(expected, at);
			for (i = 0; i < bytes; i++)
				ASSERT_EQ(0, block_write(self->caller, 0, i, i * 7 + 1));
			EXPECT_EQ(-EFAULT, block_read(self->caller, 0, self->page - at));
			EXPECT_EQ(-EFAULT, block_read(self->caller, 0, 2 * self->page - at - 1));
			EXPECT_EQ(-EFAULT, block_read(self->caller, 0, -(__s64)at - 1));
			EXPECT_LE(0, block_read(self->caller, 0, self->page - at - 1));
			EXPECT_LE(0, block_read(self->caller, 0, -(__s64)at));
			for (i = 0; i < bytes; i++)
				ASSERT_EQ((__u8)(i * 7 + 1), block_read(self->caller, 0, i));
			ASSERT_EQ(0, block_free(self->caller, 0, 0));
			EXPECT_TRUE(block_goes(self->caller, 0));
			EXPECT_EQ(0, guards_now(self->fd, self->heap).guards);
		}
	EXPECT_EQ(0, guards_now(self->fd, self->heap).found);
}

TEST_F(guard, corruption_guard_zeroed)
{
	__s64 i;

	NEEDS_CALLER();
	ASSERT_EQ(0, guards_on(self->fd, self->heap, 1));
	ASSERT_EQ(0, block_alloc(self->caller, 0, 100, 0, 1, NULL));
	for (i = 0; i < 100; i++)
		EXPECT_EQ(0, block_read(self->caller, 0, i));
	EXPECT_NE(0, block_read(self->caller, 0, -1));
}

/* One of so many, and neither more nor others. */
TEST_F(guard, corruption_guard_interval)
{
	static const __u32 intervals[] = { 2, 3, 10 };
	__u64 before;
	__u32 n, i;

	NEEDS_CALLER();
	for (n = 0; n < ARRAY_SIZE(intervals); n++) {
		ASSERT_EQ(0, guards_on(self->fd, self->heap, intervals[n]));
		EXPECT_EQ(intervals[n], guards_now(self->fd, self->heap).guard_interval);
		before = guards_now(self->fd, self->heap).guarded;
		for (i = 1; i <= 3 * intervals[n]; i++) {
			ASSERT_EQ(0, block_alloc(self->caller, 0, 64, 0, 0, NULL));
			EXPECT_EQ(before + i / intervals[n],
				  guards_now(self->fd, self->heap).guarded);
			EXPECT_EQ(i % intervals[n] == 0,
				  guards_now(self->fd, self->heap).guards);
			ASSERT_EQ(0, block_free(self->caller, 0, 0));
		}
	}
	/* What fits no page is not counted. */
	ASSERT_EQ(0, guards_on(self->fd, self->heap, INTERVAL_NEVER));
	ASSERT_EQ(0, block_alloc(self->caller, 0, 64, 0, 0, NULL));
	EXPECT_EQ(0, guards_now(self->fd, self->heap).guards);
	ASSERT_EQ(0, block_free(self->caller, 0, 0));
}

/* The bytes that the page has more, each side: found by the free, and named. */
TEST_F(guard, corruption_guard_margins)
{
	struct memmgr_corruption c;
	__s64 distance;
	__u64 at;
	int side, bad;

	NEEDS_CALLER();
	ASSERT_EQ(0, guards_on(self->fd, self->heap, 1));
	for (side = 0; side < 2; side++)
		for (distance = 0; distance < 3; distance++) {
			__s64 offset = side ? 101 + distance : -1 - distance;

			ASSERT_EQ(0, block_alloc(self->caller, 0, 101, 0, 0, &at));
			bad = block_read(self->caller, 0, offset) ^ 1;
			ASSERT_EQ(0, block_write(self->caller, 0, offset, bad));
			EXPECT_EQ(0, reports_after(self->fd, &self->seen, &c));
			ASSERT_EQ(0, block_free(self->caller, 0, 0));
			ASSERT_EQ(1, reports_after(self->fd, &self->seen, &c));
			EXPECT_EQ(side ? MEMMGR_CORRUPTION_BEHIND : MEMMGR_CORRUPTION_BEFORE,
				  c.kind);
			EXPECT_EQ(self->heap, c.heap);
			EXPECT_EQ(101, c.bytes);
			EXPECT_EQ(distance, c.distance);
			EXPECT_EQ(1, c.damaged);
			EXPECT_EQ(1, c.dump);
			EXPECT_EQ(bad, c.found[0]);
			EXPECT_EQ(bad ^ 1, c.expected[0]);
			EXPECT_EQ(at, c.place % self->page);
			EXPECT_EQ(c.place + offset, c.offset);
			EXPECT_EQ((__u32)getpid(), c.pid);
			EXPECT_NE(0, c.site);
		}
	EXPECT_EQ(6, guards_now(self->fd, self->heap).found);
}

TEST_F(guard, corruption_guard_double_free)
{
	struct memmgr_corruption c;
	int i, status;
	pid_t child;

	NEEDS_CALLER();
	ASSERT_EQ(0, guards_on(self->fd, self->heap, 1));
	ASSERT_EQ(0, block_alloc(self->caller, 0, 40, 0, 0, NULL));
	/* Another process frees it, and this one does so once more. */
	child = fork();
	if (!child)
		_exit(block_free(self->caller, 0, 0) ? 1 : 0);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	ASSERT_EQ(0, status);
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(-ENOENT, block_free(self->caller, 0, 0));
		ASSERT_EQ(1, reports_after(self->fd, &self->seen, &c));
		EXPECT_EQ(MEMMGR_CORRUPTION_DOUBLE_FREE, c.kind);
		EXPECT_EQ(40, c.bytes);
		EXPECT_EQ(c.place, c.offset);
		EXPECT_EQ((__u32)getpid(), c.pid);
		EXPECT_EQ((__u32)child, c.free_pid);
		EXPECT_EQ((__u32)child, c.free_tid);
		EXPECT_EQ((__u32)getpid(), c.finder);
		EXPECT_NE(0, c.site);
		EXPECT_NE(0, c.free_site);
		EXPECT_NE(0, c.finder_site);
		EXPECT_LT(c.alloc_ns, c.free_ns);
		EXPECT_LT(c.free_ns, c.time_ns);
		/* First while it may still be mapped, then when it is away. */
		EXPECT_TRUE(block_goes(self->caller, 0));
	}
	EXPECT_EQ(2, must_stats(_metadata, self->fd, self->heap).refused_frees);
	EXPECT_EQ(0, guards_now(self->fd, self->heap).guards);
}

TEST_F(guard, corruption_guard_wrong_free)
{
	struct memmgr_corruption c;

	NEEDS_CALLER();
	ASSERT_EQ(0, guards_on(self->fd, self->heap, 1));
	ASSERT_EQ(0, block_alloc(self->caller, 0, 40, 0, 0, NULL));
	ASSERT_EQ(0, block_write(self->caller, 0, 8, 0x77));
	EXPECT_EQ(-ENOENT, block_free(self->caller, 0, 8));
	ASSERT_EQ(1, reports_after(self->fd, &self->seen, &c));
	EXPECT_EQ(MEMMGR_CORRUPTION_WRONG_FREE, c.kind);
	EXPECT_EQ(8, c.distance);
	EXPECT_EQ(c.place + 8, c.offset);
	EXPECT_EQ(1, must_stats(_metadata, self->fd, self->heap).refused_frees);
	EXPECT_EQ(0x77, block_read(self->caller, 0, 8));
	EXPECT_EQ(0, block_free(self->caller, 0, 0));
}

TEST_F(guard, corruption_guard_phys)
{
	struct memmgr_stats s;
	__u64 phys, at;
	int result;

	NEEDS_CALLER();
	ASSERT_EQ(0, guards_on(self->fd, self->heap, 1));
	ASSERT_EQ(0, block_alloc(self->caller, 0, 77, 0, 0, &at));
	ASSERT_EQ(0, block_write(self->caller, 0, 5, 0x39));
	result = block_phys(self->caller, 0, 5, &phys);
	if (result == -EOPNOTSUPP)
		SKIP(return, "the region is not contiguous");
	ASSERT_EQ(0, result);
	EXPECT_EQ((at + 5) % self->page, phys % self->page);
	/* The books know it as any other block. */
	s = must_stats(_metadata, self->fd, self->heap);
	EXPECT_EQ(1, s.kernel_live);
	EXPECT_EQ(1, s.live);
	ASSERT_EQ(0, block_free(self->caller, 0, 0));
	EXPECT_EQ(0, must_stats(_metadata, self->fd, self->heap).kernel_live);
}

/* What was freed is used again only when others have been, and all are used in turn. */
TEST_F(guard, corruption_guard_rests)
{
	__u64 phys[100];
	int i, n;

	NEEDS_CALLER();
	ASSERT_EQ(0, guards_on(self->fd, self->heap, 1));
	for (i = 0; i < 100; i++) {
		ASSERT_EQ(0, block_alloc(self->caller, 0, 64, 0, 0, NULL));
		ASSERT_EQ(1, guards_now(self->fd, self->heap).guards);
		if (block_phys(self->caller, 0, 0, &phys[i]) == -EOPNOTSUPP)
			SKIP(return, "the region is not contiguous");
		ASSERT_EQ(0, block_free(self->caller, 0, 0));
		ASSERT_TRUE(block_goes(self->caller, 0));
		for (n = i - 1; n > i - 16 && n >= 0; n--)
			EXPECT_NE(phys[n], phys[i]);
	}
	EXPECT_EQ(100, guards_now(self->fd, self->heap).guarded);
}

/* More at a time than there are slots: the others are served as ever. */
TEST_F(guard, corruption_guard_many)
{
	__u32 i, live;

	NEEDS_CALLER();
	ASSERT_EQ(0, guards_on(self->fd, self->heap, 1));
	for (i = 0; i < 60; i++)
		ASSERT_EQ(0, block_alloc(self->caller, i, 64, 0, 0, NULL));
	live = guards_now(self->fd, self->heap).guards;
	EXPECT_LT(0, live);
	EXPECT_GT(60, live);
	EXPECT_EQ(60, must_stats(_metadata, self->fd, self->heap).kernel_live);
	for (i = 0; i < 60; i++)
		EXPECT_EQ(0, block_write(self->caller, i, 63, i));
	for (i = 60; i--;) {
		EXPECT_EQ(i, block_read(self->caller, i, 63));
		ASSERT_EQ(0, block_free(self->caller, i, 0));
	}
	EXPECT_EQ(0, guards_now(self->fd, self->heap).guards);
	EXPECT_EQ(0, guards_now(self->fd, self->heap).found);
	/* After the rush there are some again, a moment after the last one has gone. */
	ASSERT_TRUE(block_goes(self->caller, 0));
	for (i = 0; i < 2000; i++) {
		ASSERT_EQ(0, block_alloc(self->caller, 0, 64, 0, 0, NULL));
		if (guards_now(self->fd, self->heap).guards)
			break;
		ASSERT_EQ(0, block_free(self->caller, 0, 0));
		usleep(10000);
	}
	EXPECT_EQ(1, guards_now(self->fd, self->heap).guards);
}

/* Off: what lives stays as it is until it is freed, and then nothing is left. */
TEST_F(guard, corruption_guard_off)
{
	struct memmgr_debug d;
	__u64 at, used;
	int i;

	NEEDS_CALLER();
	used = must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN).used;
	ASSERT_EQ(0, guards_on(self->fd, self->heap, 1));
	EXPECT_LT(used, must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN).used);
	ASSERT_EQ(0, block_alloc(self->caller, 0, 64, 0, 0, &at));
	ASSERT_EQ(0, block_write(self->caller, 0, 63, 0x42));
	ASSERT_EQ(0, debug_call(self->fd, self->heap, MEMMGR_DEBUG_SET, 0, &d));
	EXPECT_EQ(0, d.flags);
	EXPECT_EQ(0, d.guard_interval);
	EXPECT_EQ(1, d.guards);
	ASSERT_EQ(0, block_alloc(self->caller, 1, 64, 0, 0, NULL));
	EXPECT_EQ(1, guards_now(self->fd, self->heap).guards);
	ASSERT_EQ(0, block_free(self->caller, 1, 0));
	EXPECT_EQ(0x42, block_read(self->caller, 0, 63));
	EXPECT_EQ(-EFAULT, block_read(self->caller, 0, self->page - at));
	ASSERT_EQ(0, block_free(self->caller, 0, 0));
	EXPECT_EQ(0, guards_now(self->fd, self->heap).guards);
	EXPECT_TRUE(block_goes(self->caller, 0));
	/* A slab heap may keep the slab that it got for them. */
	for (i = 0; i < 2000 && variant->kind != MEMMGR_KIND_SLAB; i++) {
		if (must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN).used == used)
			break;
		usleep(10000);
	}
	EXPECT_GT(2000, i);
	EXPECT_EQ(-ENOENT, block_free(self->caller, 0, 0));
	ASSERT_EQ(0, guards_on(self->fd, self->heap, 1));
	ASSERT_EQ(0, block_alloc(self->caller, 0, 64, 0, 0, &at));
	EXPECT_EQ(1, guards_now(self->fd, self->heap).guards);
}

/* The order of a stack is that of the blocks, and what goes with a mark goes too. */
TEST_F(guard, corruption_guard_stack)
{
	struct caller_call mark = { 0 };
	__u32 i;

	NEEDS_CALLER();
	if (variant->kind != MEMMGR_KIND_STACK)
		SKIP(return, "for a stack");
	ASSERT_EQ(0, guards_on(self->fd, self->heap, 1));
	ASSERT_EQ(0, block_alloc(self->caller, 0, 64, 0, 0, NULL));
	ASSERT_EQ(0, block_alloc(self->caller, 1, 64, 0, 0, NULL));
	EXPECT_EQ(-EBUSY, block_free(self->caller, 0, 0));
	EXPECT_EQ(0, block_write(self->caller, 0, 0, 1));
	EXPECT_EQ(2, guards_now(self->fd, self->heap).guards);
	EXPECT_EQ(0, block_free(self->caller, 1, 0));
	EXPECT_EQ(0, mm_call(self->caller, CALLER_MARK, &mark));
	for (i = 1; i < 4; i++)
		ASSERT_EQ(0, block_alloc(self->caller, i, 64, 0, 0, NULL));
	EXPECT_EQ(4, guards_now(self->fd, self->heap).guards);
	EXPECT_EQ(0, mm_call(self->caller, CALLER_RELEASE, &mark));
	EXPECT_EQ(1, guards_now(self->fd, self->heap).guards);
	for (i = 1; i < 4; i++) {
		EXPECT_TRUE(block_goes(self->caller, i));
		EXPECT_EQ(-ENOENT, block_free(self->caller, i, 0));
	}
	EXPECT_EQ(1, block_read(self->caller, 0, 0));
	EXPECT_EQ(0, block_free(self->caller, 0, 0));
}

/* Threads and hard interrupts at once, while guards go off and on. Return: failures. */
static int stress_round(int fd, int caller, __u32 heap, struct caller_call call)
{
	int status = 0, failed = 0;
	struct memmgr_debug d;
	pid_t child = fork();

	if (!child)
		_exit(mm_call(caller, CALLER_STRESS, &call) || call.value);
	while (!waitpid(child, &status, WNOHANG)) {
		usleep(20000);
		failed += !!debug_call(fd, heap, MEMMGR_DEBUG_SET, 0, &d);
		failed += !!guards_on(fd, heap, 3);
	}
	return failed + !!status;
}

/* How many get a slot is up to the worker that maps them: as often as it takes. */
TEST_F(guard, corruption_guard_stress)
{
	struct caller_call call = {
		.bytes = test_number("GUARD_PAIRS", is_debug_kernel() ? 20000 : 500000),
	};
	struct memmgr_corruption c;
	struct memmgr_debug d;
	int round;

	NEEDS_CALLER();
	if (variant->kind == MEMMGR_KIND_STACK)
		SKIP(return, "a stack is for one at a time");
	if (variant->kind == MEMMGR_KIND_SLAB || variant->kind == MEMMGR_KIND_BUDDY)
		call.bytes /= 5;
	ASSERT_EQ(0, guards_on(self->fd, self->heap, 3));
	for (round = 0; round < 20; round++) {
		ASSERT_EQ(0, stress_round(self->fd, self->caller, self->heap, call));
		d = guards_now(self->fd, self->heap);
		EXPECT_EQ(0, d.guards);
		EXPECT_EQ(0, d.found);
		if (d.guarded > 100)
			break;
	}
	EXPECT_LT(100, d.guarded);
	EXPECT_EQ(0, reports_after(self->fd, &self->seen, &c));
	EXPECT_EQ(0, must_stats(_metadata, self->fd, self->heap).kernel_live);
}

TEST_F(guard, corruption_guard_refused)
{
	struct memmgr_debug d;

	NEEDS_CALLER();
	EXPECT_EQ(-EINVAL, debug_call(self->fd, self->heap, MEMMGR_DEBUG_GUARDS, 0, &d));
	EXPECT_EQ(-EINVAL, debug_call(self->fd, self->heap, MEMMGR_DEBUG_SET, 5, &d));
	EXPECT_EQ(-EINVAL, debug_call(self->fd, self->heap, 0, 5, &d));
	EXPECT_EQ(-EINVAL, guards_on(self->fd, self->heap, MEMMGR_GUARD_INTERVAL_MAX + 1));
	ASSERT_EQ(0, guards_on(self->fd, self->heap, 0));
	d = guards_now(self->fd, self->heap);
	EXPECT_EQ(MEMMGR_DEBUG_GUARDS, d.flags);
	EXPECT_EQ(100, d.guard_interval);
}

MEMMGR_TEST_MAIN
