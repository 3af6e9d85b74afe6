// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Memory errors of kernel code: each byte of its red zones and of its freed memory, second
 * frees, frees of pointers that were never allocated. The kernel code is memmgr_caller.ko.
 *
 * Rule: <linux/memmgr.h>, struct memmgr_corruption, and memmgr(7), "Memory errors".
 */
#include "lib/calling.h"
#include "lib/memmgr_test.h"

CALLER_FIXTURE(corruption_kernel)

static const struct memmgr_debug zones = { .flags = MEMMGR_DEBUG_ZONES, .zone = ZONE };

static const struct memmgr_debug everything = {
	.flags = MEMMGR_DEBUG_ZONES | MEMMGR_DEBUG_POISON | MEMMGR_DEBUG_QUARANTINE,
	.zone = ZONE,
	.quarantine_blocks = 8,
};

static const struct memmgr_debug nothing;

static const __u64 sizes[] = { 16, 29, 64 }, aligns[] = { 0, 16, 64 };

/* A report of an allocation of this process's kernel code. */
static void expect_report(struct __test_metadata *_metadata, const struct memmgr_corruption *c,
			  __u32 kind, __u64 bytes)
{
	EXPECT_EQ(kind, c->kind);
	EXPECT_EQ(0, c->handle);
	EXPECT_EQ(bytes, c->bytes);
	EXPECT_EQ((__u32)getpid(), c->pid);
	EXPECT_NE(0, c->site);
}

/* Flip a bit of a byte, @at from the begin of block 0. */
static __u8 flip(struct __test_metadata *_metadata, int caller, __s64 at)
{
	int byte = block_read(caller, 0, at);

	EXPECT_LE(0, byte);
	byte ^= 1 << (at & 7);
	EXPECT_EQ(0, block_write(caller, 0, at, byte));
	return byte;
}

static void damage_zone(struct __test_metadata *_metadata, int fd, int caller, __u64 *seen,
			__u64 bytes, __u64 align, __u64 distance, bool before)
{
	struct memmgr_corruption c;
	__u8 bad;

	ASSERT_EQ(0, block_alloc(caller, 0, bytes, align, 0, NULL));
	bad = flip(_metadata, caller, before ? -1 - (__s64)distance : (__s64)(bytes + distance));
	ASSERT_EQ(0, block_free(caller, 0, 0));
	ASSERT_EQ(1, reports(_metadata, fd, seen, &c))
		TH_LOG("%llu bytes, align %llu, distance %llu", (unsigned long long)bytes,
		       (unsigned long long)align, (unsigned long long)distance);
	expect_report(_metadata, &c, before ? MEMMGR_CORRUPTION_BEFORE :
					      MEMMGR_CORRUPTION_BEHIND, bytes);
	EXPECT_EQ(distance, c.distance);
	EXPECT_EQ(before ? c.place - 1 - distance : c.place + bytes + distance, c.offset);
	EXPECT_EQ(1, c.damaged);
	EXPECT_EQ(bad, c.found[0]);
}

TEST_F(corruption_kernel, corruption_each_byte_of_kernel_zones)
{
	unsigned int s, n;
	__u64 distance;

	NEEDS_CALLER();
	ASSERT_EQ(0, debug_set(self->fd, self->heap, zones));
	for (n = 0; n < ARRAY_SIZE(aligns); n++)
		for (s = 0; s < ARRAY_SIZE(sizes); s++)
			for (distance = 0; distance < ZONE; distance++) {
				damage_zone(_metadata, self->fd, self->caller, &self->seen,
					    sizes[s], aligns[n], distance, true);
				damage_zone(_metadata, self->fd, self->caller, &self->seen,
					    sizes[s], aligns[n], distance, false);
			}
}

TEST_F(corruption_kernel, corruption_each_byte_freed_by_kernel)
{
	struct memmgr_corruption c;
	unsigned int s;
	__u8 bad;
	__u64 at;

	NEEDS_CALLER();
	if (variant->kind == MEMMGR_KIND_STACK)
		SKIP(return, "a stack keeps nothing");
	ASSERT_EQ(0, debug_set(self->fd, self->heap, everything));
	for (s = 0; s < ARRAY_SIZE(sizes); s++)
		for (at = 0; at < sizes[s]; at++) {
			ASSERT_EQ(0, block_alloc(self->caller, 0, sizes[s], 0, 0, NULL));
			ASSERT_EQ(0, block_free(self->caller, 0, 0));
			EXPECT_EQ(0, mm_check(self->fd, self->heap));
			bad = flip(_metadata, self->caller, at);
			EXPECT_EQ(-EUCLEAN, mm_check(self->fd, self->heap));
			ASSERT_EQ(1, reports(_metadata, self->fd, &self->seen, &c));
			expect_report(_metadata, &c, MEMMGR_CORRUPTION_FREED, sizes[s]);
			EXPECT_EQ(at, c.distance);
			EXPECT_EQ(c.place + at, c.offset);
			EXPECT_EQ(bad, c.found[0]);
			EXPECT_EQ((__u32)getpid(), c.free_pid);
			EXPECT_NE(0, c.free_site);
			EXPECT_NE(c.site, c.free_site);
		}
}

/* CHECK says where: in the heap, wherever in the region that is. */
TEST_F(corruption_kernel, corruption_check_tells_the_place)
{
	struct memmgr_check check = { .size = sizeof(check), .heap = self->heap };
	struct memmgr_corruption c;

	NEEDS_CALLER();
	ASSERT_EQ(0, debug_set(self->fd, self->heap, zones));
	ASSERT_EQ(0, block_alloc(self->caller, 0, 64, 0, 0, NULL));
	flip(_metadata, self->caller, 64);
	EXPECT_EQ(-EUCLEAN, mm_call(self->fd, MEMMGR_IOC_CHECK, &check));
	EXPECT_STREQ("red zone", check.what);
	/* It is the first block. */
	EXPECT_GT(self->page, check.offset);
	EXPECT_EQ(1, reports(_metadata, self->fd, &self->seen, &c));
	ASSERT_EQ(0, block_free(self->caller, 0, 0));
}

/* As nobody: has kernel code do it, and is not told of what is not his. */
static int damage_as_nobody(int caller, int node)
{
	struct memmgr_corruption c;
	__u64 after = 0;
	int fd, byte;

	fd = open_as_nobody(node);
	if (fd < 0)
		return 2;
	if (block_alloc(caller, 0, 29, 0, 0, NULL))
		return 3;
	byte = block_read(caller, 0, 29);
	if (byte < 0 || block_write(caller, 0, 29, byte ^ 1) || block_free(caller, 0, 0))
		return 4;
	return reports_after(fd, &after, &c) ? 5 : 0;
}

TEST_F(corruption_kernel, corruption_kernel_of_no_user)
{
	const struct memmgr_debug guards = { .flags = MEMMGR_DEBUG_GUARDS, .guard_interval = 1 };
	struct memmgr_corruption c;
	int node, round, result;
	pid_t child;

	NEEDS_CALLER();
	node = open_public_node();
	ASSERT_LE(0, node);
	for (round = 0; round < 2; round++) {
		result = debug_set(self->fd, self->heap, round ? guards : zones);
		/* Where nothing can be unmapped by the page there are no guards. */
		if (round && result == -EOPNOTSUPP)
			break;
		ASSERT_EQ(0, result);
		child = fork();
		if (!child)
			_exit(damage_as_nobody(self->caller, node));
		EXPECT_EQ(0, child_result(child));
		EXPECT_EQ(1, reports(_metadata, self->fd, &self->seen, &c));
		EXPECT_EQ(0, c.uid);
	}
	close(node);
	ASSERT_EQ(0, debug_set(self->fd, self->heap, nothing));
}

TEST_F(corruption_kernel, corruption_kernel_uses_all_of_it)
{
	__u64 bytes;
	__u32 i;

	NEEDS_CALLER();
	ASSERT_EQ(0, debug_set(self->fd, self->heap, everything));
	for (bytes = 16; bytes <= 80; bytes += 3) {
		ASSERT_EQ(0, block_alloc(self->caller, 0, bytes, 0, 1, NULL));
		for (i = 0; i < bytes; i++) {
			EXPECT_EQ(0, block_read(self->caller, 0, i));
			EXPECT_EQ(0, block_write(self->caller, 0, i, 0xa5));
		}
		EXPECT_EQ(0, mm_check(self->fd, self->heap));
		ASSERT_EQ(0, block_free(self->caller, 0, 0));
	}
	EXPECT_EQ(0, debug_set(self->fd, self->heap, nothing));
	EXPECT_EQ(0, reports_after(self->fd, &self->seen, &(struct memmgr_corruption){ 0 }));
}

TEST_F(corruption_kernel, corruption_kernel_frees_twice)
{
	struct memmgr_corruption c;
	struct memmgr_stats s;
	__u64 refused;

	NEEDS_CALLER();
	ASSERT_EQ(0, debug_set(self->fd, self->heap, everything));
	ASSERT_EQ(0, block_alloc(self->caller, 0, 40, 0, 0, NULL));
	ASSERT_EQ(0, block_free(self->caller, 0, 0));
	refused = must_stats(_metadata, self->fd, self->heap).refused_frees;
	EXPECT_GT(0, block_free(self->caller, 0, 0));
	ASSERT_EQ(1, reports(_metadata, self->fd, &self->seen, &c));
	expect_report(_metadata, &c, MEMMGR_CORRUPTION_DOUBLE_FREE, 40);
	EXPECT_EQ((__u32)getpid(), c.free_pid);
	EXPECT_EQ((__u32)getpid(), c.finder);
	EXPECT_NE(0, c.free_site);
	EXPECT_NE(0, c.finder_site);
	s = must_stats(_metadata, self->fd, self->heap);
	EXPECT_EQ(refused + 1, s.refused_frees);
	EXPECT_EQ(0, s.kernel_live);
}

/* Out of turn: a stack refuses it, and that is no memory error. */
TEST_F(corruption_kernel, corruption_kernel_frees_out_of_turn)
{
	struct memmgr_corruption c;
	bool stack = variant->kind == MEMMGR_KIND_STACK;

	NEEDS_CALLER();
	ASSERT_EQ(0, debug_set(self->fd, self->heap, everything));
	ASSERT_EQ(0, block_alloc(self->caller, 0, 40, 0, 0, NULL));
	ASSERT_EQ(0, block_alloc(self->caller, 1, 40, 0, 0, NULL));
	EXPECT_EQ(stack ? -EBUSY : 0, block_free(self->caller, 0, 0));
	EXPECT_EQ(0, block_free(self->caller, 1, 0));
	if (stack)
		EXPECT_EQ(0, block_free(self->caller, 0, 0));
	EXPECT_EQ(0, reports(_metadata, self->fd, &self->seen, &c));
}

/* What a release takes is looked at as what is freed. */
TEST_F(corruption_kernel, corruption_kernel_releases)
{
	struct caller_call mark = { 0 };
	struct memmgr_corruption c;

	NEEDS_CALLER();
	if (variant->kind != MEMMGR_KIND_STACK)
		SKIP(return, "only a stack has marks");
	ASSERT_EQ(0, debug_set(self->fd, self->heap, zones));
	ASSERT_EQ(0, mm_call(self->caller, CALLER_MARK, &mark));
	ASSERT_EQ(0, block_alloc(self->caller, 0, 40, 0, 0, NULL));
	ASSERT_EQ(0, block_alloc(self->caller, 1, 40, 0, 0, NULL));
	flip(_metadata, self->caller, 40 + 5);
	ASSERT_EQ(0, mm_call(self->caller, CALLER_RELEASE, &mark));
	ASSERT_EQ(1, reports(_metadata, self->fd, &self->seen, &c));
	expect_report(_metadata, &c, MEMMGR_CORRUPTION_BEHIND, 40);
	EXPECT_EQ(5, c.distance);
}

/* The middle, and where its block really begins. */
TEST_F(corruption_kernel, corruption_kernel_frees_the_middle)
{
	static const __s64 wrong[] = { 1, 8, 39, -(__s64)ZONE, -64 };
	struct memmgr_corruption c;
	unsigned int i;

	NEEDS_CALLER();
	ASSERT_EQ(0, debug_set(self->fd, self->heap, everything));
	ASSERT_EQ(0, block_alloc(self->caller, 0, 40, 0, 0, NULL));
	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		EXPECT_GT(0, block_free(self->caller, 0, wrong[i]));
		/* Not the top one is how a stack refuses: no memory error. */
		if (!reports(_metadata, self->fd, &self->seen, &c)) {
			EXPECT_EQ(MEMMGR_KIND_STACK, variant->kind);
			continue;
		}
		EXPECT_EQ(MEMMGR_CORRUPTION_WRONG_FREE, c.kind);
		if (wrong[i] < 0)
			continue;
		expect_report(_metadata, &c, MEMMGR_CORRUPTION_WRONG_FREE, 40);
		EXPECT_EQ(wrong[i], (__s64)c.distance);
	}
	EXPECT_EQ(0, mm_check(self->fd, self->heap));
	EXPECT_EQ(0, block_free(self->caller, 0, 0));
}

/* What waits is given out again before a request fails. */
TEST_F(corruption_kernel, corruption_kernel_gets_what_waits)
{
	struct memmgr_debug all = {
		.flags = MEMMGR_DEBUG_QUARANTINE, .quarantine_blocks = MEMMGR_QUARANTINE_MAX,
		.quarantine_bytes = ~0ull,
	};
	__u32 round, i;

	NEEDS_CALLER();
	ASSERT_EQ(0, debug_set(self->fd, self->heap, all));
	for (round = 0; round < 4; round++) {
		for (i = 0; i < CALLER_BLOCKS; i++)
			ASSERT_EQ(0, block_alloc(self->caller, i, 192, 0, 0, NULL));
		while (i--)
			ASSERT_EQ(0, block_free(self->caller, i, 0));
	}
}

/* Off while blocks live: they are freed by their own place, and looked at once more. */
TEST_F(corruption_kernel, corruption_kernel_off_while_it_lives)
{
	struct memmgr_corruption c;

	NEEDS_CALLER();
	ASSERT_EQ(0, debug_set(self->fd, self->heap, zones));
	ASSERT_EQ(0, block_alloc(self->caller, 0, 40, 0, 0, NULL));
	ASSERT_EQ(0, debug_set(self->fd, self->heap, nothing));
	flip(_metadata, self->caller, 40);
	EXPECT_EQ(0, block_free(self->caller, 0, 0));
	ASSERT_EQ(1, reports(_metadata, self->fd, &self->seen, &c));
	expect_report(_metadata, &c, MEMMGR_CORRUPTION_BEHIND, 40);
	ASSERT_EQ(0, block_alloc(self->caller, 0, 40, 0, 0, NULL));
	EXPECT_EQ(0, block_free(self->caller, 0, 0));
}

/* Pairs of frees here and in interrupts, with all of it on. */
TEST_F(corruption_kernel, corruption_kernel_in_interrupts)
{
	struct caller_call call = { .bytes = test_number("MEMMGR_PAIRS", 20000) };
	struct memmgr_corruption c;

	NEEDS_CALLER();
	if (variant->kind == MEMMGR_KIND_STACK)
		SKIP(return, "a stack is for one at a time");
	ASSERT_EQ(0, debug_set(self->fd, self->heap, everything));
	ASSERT_EQ(0, ask(self->caller, CALLER_STRESS, 0, 0, &call));
	EXPECT_EQ(0, call.value);
	EXPECT_EQ(0, mm_check(self->fd, self->heap));
	EXPECT_EQ(0, reports(_metadata, self->fd, &self->seen, &c));
	EXPECT_EQ(0, must_stats(_metadata, self->fd, self->heap).kernel_live);
}

MEMMGR_TEST_MAIN
