// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * COMPACT in steps, with a budget, and ended by a signal.
 *
 * Rule: memmgr(7), FRAGMENTATION, "How memory moves".
 */
#include "lib/board.h"
#include "lib/memmgr_test.h"

MEMMGR_FIXTURE(board)

TEST_F(board, steps_are_bounded)
{
	static const __u32 units[] = { 1, 3, 16 };
	__u32 random = test_seed(), i;
	struct memmgr_compact c;
	struct board b;

	make_mixed(_metadata, &b, self->fd, MEMMGR_HEAP_MAIN, &random);
	for (i = 0; i < ARRAY_SIZE(units); i++) {
		c = compact_request(MEMMGR_HEAP_MAIN, MEMMGR_COMPACT_RANGE,
				    b.before.units / 4 * b.unit);
		c.offset = i * c.bytes;
		c.step_bytes = units[i] * b.unit;
		ASSERT_EQ(0, mm_compact(self->fd, &c));
		ASSERT_LT(0, c.moved);
		EXPECT_LT(0, c.longest_bytes);
		EXPECT_GE(units[i] * b.unit, c.longest_bytes);
		EXPECT_LE(c.moved / (units[i] * b.unit), c.steps);
		EXPECT_LT(0, c.longest_ns);
	}
	expect_contents(_metadata, &b);
	EXPECT_EQ(0, mm_check(self->fd, MEMMGR_HEAP_MAIN));
	end_board(&b);
}

/* A step of more than the heap has is one of all that it has: slides too are as before. */
TEST_F(board, step_beyond_the_heap)
{
	static const __u64 steps[] = { 1ull << 40, 1ull << 60, ~0ull };
	__u32 random = test_seed(), i;
	struct memmgr_compact usual, c;
	struct board b;

	make_mixed(_metadata, &b, self->fd, MEMMGR_HEAP_MAIN, &random);
	usual = compact_request(MEMMGR_HEAP_MAIN, MEMMGR_COMPACT_DRY_RUN, 0);
	usual.step_bytes = b.before.units * b.unit;
	ASSERT_EQ(0, mm_compact(self->fd, &usual));
	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		c = compact_request(MEMMGR_HEAP_MAIN, MEMMGR_COMPACT_DRY_RUN, 0);
		c.step_bytes = steps[i];
		ASSERT_EQ(0, mm_compact(self->fd, &c));
		EXPECT_EQ(usual.moved, c.moved);
		EXPECT_EQ(usual.after, c.after);
	}
	expect_contents(_metadata, &b);
	end_board(&b);
}

/* One block of many steps. */
TEST_F(board, large_block_in_small_steps)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 40 * self->page);
	unsigned char *p = must_map(_metadata, self->fd, a.map_offset, 40 * self->page);
	struct memmgr_compact c = compact_request(MEMMGR_HEAP_MAIN, MEMMGR_COMPACT_RANGE,
						  a.granted);

	fill_pattern(p, 40 * self->page, 3);
	c.offset = a.offset;
	c.step_bytes = 4 * self->page;
	ASSERT_EQ(0, mm_compact(self->fd, &c));
	EXPECT_EQ(1, c.moves);
	EXPECT_EQ(a.granted, c.moved);
	EXPECT_LE(10, c.steps);
	EXPECT_EQ(4 * self->page, c.longest_bytes);
	EXPECT_TRUE(is_pattern(p, 40 * self->page, 3));
	EXPECT_NE(a.offset, offset_of(_metadata, self->fd, a.handle));
}

TEST_F(board, budget_in_several_calls)
{
	__u64 moved = 0, left = ~0ull, budget, least;
	struct memmgr_compact c, all;
	__u32 calls = 0;
	struct board b;

	make_checkerboard(_metadata, &b, self->fd, MEMMGR_HEAP_MAIN);
	all = compact_request(MEMMGR_HEAP_MAIN, MEMMGR_COMPACT_DRY_RUN, 0);
	ASSERT_EQ(0, mm_compact(self->fd, &all));
	budget = 100 * b.unit;
	ASSERT_LT(4 * budget, all.moved);
	do {
		c = compact_request(MEMMGR_HEAP_MAIN, 0, 0);
		c.max_bytes = budget;
		ASSERT_EQ(0, mm_compact(self->fd, &c));
		EXPECT_GE(budget + b.unit, c.moved);
		EXPECT_GT(left, c.left);
		ASSERT_TRUE(c.moved || !c.left);
		left = c.left;
		moved += c.moved;
		calls++;
	} while (c.left);
	EXPECT_LE(all.moved / budget, calls);
	ASSERT_EQ(0, layout_take(self->fd, MEMMGR_HEAP_MAIN, &b.now));
	EXPECT_LE(b.now.free * 95, largest_run(&b.now, 0) * 100);
	least = (__u64)least_cost(&b.before, largest_run(&b.now, 0), 0) * b.unit;
	print_ratio("in several calls", moved, least);
	EXPECT_GE(least * 1100, moved * 1000);
	expect_contents(_metadata, &b);
	end_board(&b);
}

static void *compact_in_background(void *argument)
{
	struct board *b = argument;
	static struct memmgr_compact c;
	int result;

	c = compact_request(b->heap, 0, 0);
	c.step_bytes = b->unit;
	result = mm_compact(b->fd, &c);
	/* EINTR with what was done, or it was faster */
	if (result == -EINTR)
		return c.left ? NULL : "EINTR, but nothing is left";
	return result ? "neither EINTR nor 0" : NULL;
}

/* What has been done when a signal comes stays done. */
TEST_F(board, signals_end_it)
{
	struct sigaction action = { .sa_handler = wake_up };
	pthread_t thread;
	struct board b;
	void *wrong;

	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	make_checkerboard(_metadata, &b, self->fd, MEMMGR_HEAP_MAIN);
	ASSERT_EQ(0, pthread_create(&thread, NULL, compact_in_background, &b));
	usleep(5000);
	pthread_kill(thread, SIGUSR1);
	ASSERT_EQ(0, pthread_join(thread, &wrong));
	EXPECT_TRUE(!wrong) {
		TH_LOG("%s", (const char *)wrong);
	}
	ASSERT_EQ(0, layout_take(self->fd, MEMMGR_HEAP_MAIN, &b.now));
	EXPECT_EQ(b.before.free, b.now.free);
	EXPECT_EQ(0, mm_check(self->fd, MEMMGR_HEAP_MAIN));
	expect_contents(_metadata, &b);
	end_board(&b);
}

MEMMGR_TEST_MAIN
