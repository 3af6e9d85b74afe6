// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * EXPLAIN: each figure beside the one that a brute force over all windows finds.
 *
 * Rule: <linux/memmgr.h>, struct memmgr_explain.
 */
#include "lib/board.h"
#include "lib/memmgr_test.h"

MEMMGR_FIXTURE(board)

static __u32 reason_now(const struct layout *l, __u32 units, __u64 align)
{
	if (largest_run(l, align) >= units)
		return MEMMGR_REASON_NONE;
	if (l->free < units)
		return MEMMGR_REASON_EXHAUSTED;
	return largest_run(l, 0) >= units ? MEMMGR_REASON_ALIGNMENT :
					    MEMMGR_REASON_FRAGMENTED;
}

static void expect_best(struct __test_metadata *_metadata, const struct layout *l,
			const struct memmgr_explain *e)
{
	__u32 i, best = 0, found = NEVER;

	for (i = 0; i < l->count; i++) {
		if (l->blocks[i].fixed)
			continue;
		if (run_without(l, i) > best)
			best = run_without(l, i);
		if (l->base + l->blocks[i].at * l->unit == e->best_offset)
			found = i;
	}
	if (!best) {
		EXPECT_EQ(~0ull, e->best_offset);
		return;
	}
	EXPECT_EQ(best * l->unit, e->best_run);
	ASSERT_NE(NEVER, found);
	EXPECT_EQ(best, run_without(l, found));
	EXPECT_EQ(l->blocks[found].units * l->unit, e->best_bytes);
}

static void expect_runs(struct __test_metadata *_metadata, const struct layout *l,
			const struct memmgr_explain *e, __u64 max_align)
{
	__u64 runs[MEMMGR_ORDERS] = { 0 };
	__u32 at, o, run, count = 0;

	for (at = 0; at < l->units; at += run ? run : 1) {
		run = run_at(l, at);
		if (!run)
			continue;
		runs[31 - __builtin_clz(run)]++;
		count++;
	}
	EXPECT_EQ(count, e->free_runs);
	for (o = 0; o < MEMMGR_ORDERS; o++) {
		EXPECT_EQ(runs[o], e->runs[o]) {
			TH_LOG("order %u", o);
		}
		if (l->unit << o > max_align)
			continue;
		EXPECT_EQ(largest_run(l, l->unit << o) * l->unit, e->aligned[o]) {
			TH_LOG("order %u", o);
		}
	}
}

/* Every figure but those of a request. */
static void expect_survey(struct __test_metadata *_metadata, int fd, __u32 heap,
			  const struct layout *l, const struct memmgr_explain *e)
{
	struct memmgr_heap_query q;
	__u64 movable = 0, fixed = 0, sum = 0;
	__u32 i;

	ASSERT_EQ(0, mm_heap_query(fd, heap, &q));
	for (i = 0; i < l->count; i++)
		*(l->blocks[i].fixed ? &fixed : &movable) += l->blocks[i].units * l->unit;
	for (i = 0; i < MEMMGR_FIXED_REASONS; i++)
		sum += e->fixed[i];
	EXPECT_EQ(l->unit, e->unit);
	EXPECT_EQ(l->free * l->unit, e->free);
	EXPECT_EQ(movable, e->movable);
	EXPECT_EQ(fixed, sum);
	EXPECT_EQ(0, e->fixed[MEMMGR_FIXED_NONE]);
	EXPECT_EQ(fixed, e->fixed[MEMMGR_FIXED_PINNED] + e->fixed[MEMMGR_FIXED_KERNEL]);
	expect_runs(_metadata, l, e, q.max_align);
	expect_best(_metadata, l, e);
}

/* @exact: all blocks are single units, so that room is never the question. */
static void expect_explained(struct __test_metadata *_metadata, struct board *b, __u32 units,
			     __u64 align, bool exact)
{
	struct memmgr_explain e;
	__u32 least = least_cost(&b->before, units, align);
	__u64 wanted = least == NEVER ? ~0ull : least * b->unit;

	ASSERT_EQ(0, mm_explain(b->fd, b->heap, units * b->unit - (units ? b->unit / 2 : 0), align,
				&e));
	expect_survey(_metadata, b->fd, b->heap, &b->before, &e);
	EXPECT_EQ(largest_run(&b->before, align) * b->unit, e.largest);
	if (exact)
		EXPECT_EQ(possible_run(&b->before, align) * b->unit, e.possible);
	EXPECT_GE(possible_run(&b->before, align) * b->unit, e.possible);
	EXPECT_LE(e.largest, e.possible);
	if (!units)
		return;
	EXPECT_EQ(reason_now(&b->before, units, align), e.reason);
	if (exact)
		EXPECT_EQ(wanted, e.move_bytes) {
			TH_LOG("%u units aligned to %llu", units, (unsigned long long)align);
		}
	EXPECT_LE(wanted, e.move_bytes);
	if (e.move_bytes == ~0ull || !e.move_bytes)
		return;
	EXPECT_EQ(e.move_bytes / b->unit,
		  window_cost(&b->before, (e.move_offset - b->before.base) / b->unit, units));
	EXPECT_EQ(0, align ? e.move_offset % align : 0);
	if (exact)
		EXPECT_EQ(e.move_bytes / b->unit, e.moves);
	EXPECT_LT(0, e.moves);
}

static void explain_many(struct __test_metadata *_metadata, struct board *b, bool exact)
{
	__u32 units[] = { 0, 1, 2, 5, 17, ORDER6, 100, 300, b->before.free, b->before.free + 1 };
	__u32 i, shift;

	for (i = 0; i < ARRAY_SIZE(units); i++)
		for (shift = 0; shift <= 8; shift += 4)
			expect_explained(_metadata, b, units[i], shift ? b->unit << shift : 0,
					 exact);
}

TEST_F(board, explained_nothing_pinned)
{
	struct board b;

	make_checkerboard(_metadata, &b, self->fd, MEMMGR_HEAP_MAIN);
	explain_many(_metadata, &b, true);
	end_board(&b);
}

TEST_F(board, explained_five_percent_pinned)
{
	__u32 random = test_seed();
	struct memmgr_explain e;
	struct board b;
	__u32 pinned;

	make_checkerboard(_metadata, &b, self->fd, MEMMGR_HEAP_MAIN);
	pinned = pin_some(_metadata, &b, 20, &random);
	explain_many(_metadata, &b, true);
	ASSERT_EQ(0, mm_explain(self->fd, MEMMGR_HEAP_MAIN, 0, 0, &e));
	EXPECT_EQ(pinned * b.unit, e.fixed[MEMMGR_FIXED_PINNED]);
	pin_some(_metadata, &b, 1, &random);
	explain_many(_metadata, &b, true);
	end_board(&b);
}

TEST_F(board, explained_mixed_sizes)
{
	__u32 random = test_seed();
	struct board b;

	make_mixed(_metadata, &b, self->fd, MEMMGR_HEAP_MAIN, &random);
	explain_many(_metadata, &b, false);
	pin_some(_metadata, &b, 20, &random);
	explain_many(_metadata, &b, false);
	end_board(&b);
}

/* What EXPLAIN calls the least is what COMPACT moves. */
TEST_F(board, explained_is_what_is_done)
{
	struct memmgr_compact c;
	struct memmgr_explain e;
	__u32 random = test_seed();
	struct board b;

	make_checkerboard(_metadata, &b, self->fd, MEMMGR_HEAP_MAIN);
	pin_some(_metadata, &b, 20, &random);
	ASSERT_EQ(0, mm_explain(self->fd, MEMMGR_HEAP_MAIN, ORDER6 * b.unit, 0, &e));
	c = compact_request(MEMMGR_HEAP_MAIN, 0, ORDER6 * b.unit);
	ASSERT_EQ(0, mm_compact(self->fd, &c));
	EXPECT_EQ(e.move_bytes, c.least);
	ASSERT_EQ(0, mm_explain(self->fd, MEMMGR_HEAP_MAIN, ORDER6 * b.unit, 0, &e));
	EXPECT_EQ(MEMMGR_REASON_NONE, e.reason);
	EXPECT_EQ(0, e.move_bytes);
	end_board(&b);
}

/* FRAG takes a few steps and EXPLAIN walks: a lower bound, never more. */
TEST_F(board, frag_is_a_lower_bound)
{
	__u32 random = test_seed(), o;
	struct memmgr_explain e;
	struct memmgr_frag f;
	struct board b;

	make_mixed(_metadata, &b, self->fd, MEMMGR_HEAP_MAIN, &random);
	ASSERT_EQ(0, mm_explain(self->fd, MEMMGR_HEAP_MAIN, 0, 0, &e));
	ASSERT_EQ(0, mm_frag(self->fd, MEMMGR_HEAP_MAIN, &f));
	EXPECT_EQ(f.free, e.free);
	for (o = 0; o < f.orders; o++) {
		EXPECT_GE(e.aligned[o], f.aligned[o]) {
			TH_LOG("order %u", o);
		}
		EXPECT_TRUE(!e.aligned[o] || f.aligned[o] || !f.blocks[o]) {
			TH_LOG("order %u", o);
		}
	}
	EXPECT_EQ(f.largest, f.aligned[0]);
	for (; o < MEMMGR_ORDERS; o++)
		EXPECT_EQ(0, f.aligned[o]);
	end_board(&b);
}

MEMMGR_TEST_MAIN
