// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * COMPACT of a whole heap and for one run, beside the least that a brute force over all
 * windows finds.
 *
 * Rule: <linux/memmgr.h>, struct memmgr_compact, and memmgr(7), FRAGMENTATION, "What moves".
 */
#include "lib/board.h"
#include "lib/memmgr_test.h"

MEMMGR_FIXTURE(board)

/* @limit: of moved to least, in thousandths; 0: none, blocks of other sizes do not pack */
static void compact_all(struct __test_metadata *_metadata, struct board *b, const char *what,
			__u64 limit)
{
	struct memmgr_compact c = compact_request(b->heap, 0, 0);
	__u64 least;

	ASSERT_EQ(0, compact_as_predicted(_metadata, b, &c));
	expect_answer(_metadata, b, &c);
	EXPECT_LE(b->now.free * 95, largest_run(&b->now, 0) * 100);
	least = (__u64)least_cost(&b->before, c.after / b->unit, 0) * b->unit;
	print_ratio(what, c.moved, least);
	if (limit)
		EXPECT_GE(least * limit, c.moved * 1000);
	/* no block moves twice */
	EXPECT_GE((b->before.units - b->before.free) * b->unit, c.moved);
	EXPECT_LE(least, c.moved);
	EXPECT_GE(c.moved, c.least);
	ASSERT_NE(~0ull, c.offset);
	EXPECT_TRUE(window_is_free(&b->now, c.offset, c.after));
	expect_contents(_metadata, b);
}

TEST_F(board, nothing_pinned_one_compaction)
{
	struct memmgr_compact again;
	struct board b;

	make_checkerboard(_metadata, &b, self->fd, MEMMGR_HEAP_MAIN);
	compact_all(_metadata, &b, "checkerboard", 1100);
	/* there is nothing left to do */
	again = compact_request(MEMMGR_HEAP_MAIN, 0, 0);
	ASSERT_EQ(0, mm_compact(self->fd, &again));
	EXPECT_EQ(again.before, again.after);
	EXPECT_GE(again.free / 20, again.moved);
	end_board(&b);
}

TEST_F(board, mixed_sizes_one_compaction)
{
	__u32 random = test_seed();
	struct board b;

	make_mixed(_metadata, &b, self->fd, MEMMGR_HEAP_MAIN, &random);
	compact_all(_metadata, &b, "mixed sizes", 0);
	end_board(&b);
}

/* Blocks that cannot be mapped move as well. */
static void small_units(struct __test_metadata *_metadata, int fd, __u32 kind)
{
	struct memmgr_heap_create config = heap_config(kind, "t-small");
	__u32 random = test_seed();
	struct board b;

	config.flags = 0;
	config.granule = 64;
	config.bytes = 128 * KIB;
	config.max_allocations = 4096;
	ASSERT_EQ(0, mm_heap_create(fd, &config));
	make_checkerboard(_metadata, &b, fd, config.heap);
	compact_all(_metadata, &b, "units of 64 bytes", 1100);
	end_board(&b);
	EXPECT_EQ(0, mm_check(fd, config.heap));
	ASSERT_EQ(0, mm_heap_destroy(fd, config.heap, MEMMGR_DESTROY_FORCE));
	ASSERT_EQ(0, mm_heap_create(fd, &config));
	make_mixed(_metadata, &b, fd, config.heap, &random);
	compact_all(_metadata, &b, "units of 64 bytes, mixed", 0);
	end_board(&b);
	EXPECT_EQ(0, mm_check(fd, config.heap));
	ASSERT_EQ(0, mm_heap_destroy(fd, config.heap, MEMMGR_DESTROY_FORCE));
}

TEST_F(board, small_units_of_a_shared_heap)
{
	small_units(_metadata, self->fd, MEMMGR_KIND_BUDDY);
}

TEST_F(board, small_units_of_a_tlsf_heap)
{
	if (!kind_is_built(self->fd, MEMMGR_KIND_TLSF))
		SKIP(return, "%s is not in this build", kind_names[MEMMGR_KIND_TLSF]);
	small_units(_metadata, self->fd, MEMMGR_KIND_TLSF);
}

struct sum {
	__u64 moved, least;
};

/* The run is where the answer says, so aligned, and cost hardly more than it must. */
static void compact_run(struct __test_metadata *_metadata, struct board *b, __u32 units,
			__u64 align, __u64 limit, struct sum *sum)
{
	struct memmgr_compact c = compact_request(b->heap, 0, units * b->unit);
	__u64 least = (__u64)least_cost(&b->before, units, align) * b->unit;

	c.align = align;
	ASSERT_EQ(0, compact_as_predicted(_metadata, b, &c)) {
		TH_LOG("%u units aligned to %llu: reason %u, least by brute force %llu", units,
		       (unsigned long long)align, c.reason, (unsigned long long)least);
	}
	expect_answer(_metadata, b, &c);
	expect_fixed_stayed(_metadata, b);
	EXPECT_EQ(least, c.least);
	EXPECT_GE(least * limit, c.moved * 1000) {
		TH_LOG("moved %llu, least %llu", (unsigned long long)c.moved,
		       (unsigned long long)least);
	}
	ASSERT_NE(~0ull, c.offset);
	EXPECT_EQ(0, align ? c.offset % align : 0);
	EXPECT_TRUE(window_is_free(&b->now, c.offset, units * b->unit));
	EXPECT_LE(units, largest_run(&b->now, align));
	sum->moved += c.moved;
	sum->least += least;
}

/* Again and again, each run is taken: windows get dearer. */
static void take_runs(struct __test_metadata *_metadata, struct board *b, __u32 times,
		      __u64 align, __u64 limit, const char *what)
{
	struct sum sum = { 0 };
	struct memmgr_alloc a;
	__u32 i;

	for (i = 0; i < times; i++) {
		a = alloc_request(b->heap, ORDER6 * b->unit);
		a.align = align;
		if (!i)
			EXPECT_EQ(-ENOMEM, mm_alloc(b->fd, &a));
		compact_run(_metadata, b, ORDER6, align, limit, &sum);
		ASSERT_EQ(0, mm_alloc(b->fd, &a));
		ASSERT_EQ(0, layout_take(b->fd, b->heap, &b->before));
	}
	print_ratio(what, sum.moved, sum.least);
	expect_contents(_metadata, b);
}

TEST_F(board, order_6_nothing_pinned)
{
	struct board b;

	make_checkerboard(_metadata, &b, self->fd, MEMMGR_HEAP_MAIN);
	take_runs(_metadata, &b, 4, 0, 1100, "order 6");
	end_board(&b);
}

TEST_F(board, order_6_five_percent_pinned)
{
	__u32 random = test_seed(), pinned;
	struct board b;

	make_checkerboard(_metadata, &b, self->fd, MEMMGR_HEAP_MAIN);
	pinned = pin_some(_metadata, &b, 20, &random);
	fprintf(stderr, "# %u of %u pinned\n", pinned, b.count);
	ASSERT_LT(0, pinned);
	take_runs(_metadata, &b, 5, 0, 1300, "order 6, pinned");
	end_board(&b);
}

TEST_F(board, order_6_aligned_and_pinned)
{
	__u32 random = test_seed();
	struct board b;

	make_checkerboard(_metadata, &b, self->fd, MEMMGR_HEAP_MAIN);
	pin_some(_metadata, &b, 40, &random);
	take_runs(_metadata, &b, 3, ORDER6 * b.unit, 1300, "order 6, aligned and pinned");
	end_board(&b);
}

TEST_F(board, order_6_mixed_sizes_and_pinned)
{
	__u32 random = test_seed();
	struct sum sum = { 0 };
	struct board b;

	make_mixed(_metadata, &b, self->fd, MEMMGR_HEAP_MAIN, &random);
	pin_some(_metadata, &b, 20, &random);
	compact_run(_metadata, &b, ORDER6, 0, 1300, &sum);
	ASSERT_EQ(0, layout_take(self->fd, MEMMGR_HEAP_MAIN, &b.before));
	compact_run(_metadata, &b, ORDER6, 32 * b.unit, 1300, &sum);
	print_ratio("order 6, mixed sizes and pinned", sum.moved, sum.least);
	expect_contents(_metadata, &b);
	end_board(&b);
}

TEST_F(board, run_that_is_there_moves_nothing)
{
	struct memmgr_compact c = compact_request(MEMMGR_HEAP_MAIN, 0, 2 * self->page);

	must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 3 * self->page);
	ASSERT_EQ(0, mm_compact(self->fd, &c));
	EXPECT_EQ(0, c.moved);
	EXPECT_EQ(0, c.moves);
	EXPECT_EQ(0, c.least);
	EXPECT_EQ(c.before, c.after);
}

TEST_F(board, everything_pinned)
{
	struct memmgr_compact c;
	struct board b;

	make_checkerboard(_metadata, &b, self->fd, MEMMGR_HEAP_MAIN);
	EXPECT_EQ(b.count, pin_some(_metadata, &b, 1, &(__u32){ 1 }));
	c = compact_request(MEMMGR_HEAP_MAIN, 0, 2 * b.unit);
	EXPECT_EQ(-ENOMEM, compact_as_predicted(_metadata, &b, &c));
	EXPECT_EQ(MEMMGR_REASON_PINNED, c.reason);
	EXPECT_EQ(0, c.moved);
	EXPECT_EQ(~0ull, c.offset);
	EXPECT_LT(0, c.stayed[MEMMGR_FIXED_PINNED]);
	EXPECT_TRUE(layout_same(&b.before, &b.now));
	/* the longest runs that can be made are there already */
	c = compact_request(MEMMGR_HEAP_MAIN, 0, 0);
	EXPECT_EQ(0, compact_as_predicted(_metadata, &b, &c));
	EXPECT_EQ(0, c.moved);
	EXPECT_EQ(b.unit, c.after);
	EXPECT_TRUE(layout_same(&b.before, &b.now));
	end_board(&b);
}

/* More than is free can be had by no compaction; more than there is never. */
TEST_F(board, more_than_is_free)
{
	struct memmgr_compact c;
	struct board b;

	make_checkerboard(_metadata, &b, self->fd, MEMMGR_HEAP_MAIN);
	c = compact_request(MEMMGR_HEAP_MAIN, 0, (b.before.free + 1) * b.unit);
	EXPECT_EQ(-ENOMEM, compact_as_predicted(_metadata, &b, &c));
	EXPECT_EQ(MEMMGR_REASON_EXHAUSTED, c.reason);
	EXPECT_EQ(0, c.moved);
	c = compact_request(MEMMGR_HEAP_MAIN, 0, (b.before.units + 1) * b.unit);
	EXPECT_EQ(-ENOMEM, mm_compact(self->fd, &c));
	EXPECT_EQ(MEMMGR_REASON_TOO_LARGE, c.reason);
	end_board(&b);
}

MEMMGR_TEST_MAIN
