// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Pairs of alloc and free on a buddy heap in the states that hurt most: every
 * granule was handed out, then every second one freed.
 *
 * A board is such a heap, seen as numbered granules. Positions are found by
 * address: a full heap of one arena has every granule exactly once.
 */
#include <linux/bitmap.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/memmgr.h>
#include "bench.h"

#define BOARD_GRANULE	32
#define BOARD_GRANULES	262144
#define BOARD_RARE	64	/* pairs of what is slow by design */

/**
 * struct board - a buddy heap of BOARD_GRANULES granules
 * @heap: the heap
 * @base: its first granule
 * @live: granules that are handed out
 * @cost: of what was last done at each position
 */
struct board {
	struct memmgr_heap *heap;
	char *base;
	unsigned long *live;
	u32 *cost;
};

static char *board_block(const struct board *b, u32 pos)
{
	return b->base + pos * BOARD_GRANULE;
}

/* Takes note of a block of one granule; -ENOMEM for NULL. */
static int board_took(struct board *b, char *block)
{
	u32 pos = (block - b->base) / BOARD_GRANULE;

	if (!block)
		return -ENOMEM;
	if (block < b->base || pos >= BOARD_GRANULES || test_bit(pos, b->live))
		return -EIO;
	__set_bit(pos, b->live);
	return pos;
}

static int board_free(struct board *b, u32 pos)
{
	int err = memmgr_free(b->heap, board_block(b, pos));

	if (!err)
		__clear_bit(pos, b->live);
	return err;
}

/*
 * Takes every granule. Until all are there, and with them the lowest address,
 * each block holds the address of the one before.
 */
static int board_fill(struct board *b)
{
	void **block, *chain = NULL;
	u32 n;

	b->base = (char *)ULONG_MAX;
	for (n = 0; n < BOARD_GRANULES; n++) {
		block = memmgr_alloc(b->heap, BOARD_GRANULE, 0, 0);
		if (!block)
			break;
		*block = chain;
		chain = block;
		b->base = min(b->base, (char *)block);
	}
	if (n == BOARD_GRANULES) {
		bitmap_fill(b->live, BOARD_GRANULES);
		return 0;
	}
	while (chain) {
		block = chain;
		chain = *block;
		memmgr_free(b->heap, block);
	}
	return -ENOMEM;
}

/* Frees every second granule below @end. */
static int board_checker(struct board *b, u32 end)
{
	int err = 0;
	u32 pos;

	for (pos = 1; pos < end && !err; pos += 2)
		err = board_free(b, pos);
	return err;
}

static int board_clear(struct board *b)
{
	u32 pos;
	int err = 0;

	for_each_set_bit(pos, b->live, BOARD_GRANULES)
		err = err ?: board_free(b, pos);
	return err;
}

static int board_open(struct board *b, struct memmgr_heap *heap)
{
	b->heap = heap;
	b->live = bitmap_zalloc(BOARD_GRANULES, GFP_KERNEL);
	b->cost = kvcalloc(BOARD_GRANULES, sizeof(*b->cost), GFP_KERNEL);
	return b->live && b->cost ? 0 : -ENOMEM;
}

static void board_close(struct board *b)
{
	bitmap_free(b->live);
	kvfree(b->cost);
}

/* Runs @play on a heap that is full. */
static int board_run(struct sample *s, struct memmgr_heap *heap,
		     int (*play)(struct sample *s, struct board *b))
{
	struct board b = { };
	int err;

	err = board_open(&b, heap);
	if (!err) {
		err = board_fill(&b) ?: play(s, &b);
		err = board_clear(&b) ?: err;
	}
	board_close(&b);
	return err;
}

/* A pair at each hole: all are filled one by one, then emptied again. */
static int holes_play(struct sample *s, struct board *b)
{
	int pos, err = board_checker(b, BOARD_GRANULES);
	void *block;
	u32 i, cost;

	for (i = 0; i < BOARD_GRANULES / 2 && !err; i++) {
		bench_begin(s);
		block = memmgr_alloc(b->heap, BOARD_GRANULE, 0, 0);
		cost = bench_end(s);
		pos = board_took(b, block);
		if (pos < 0)
			return pos;
		b->cost[pos] = cost;
	}
	for (i = 1; i < BOARD_GRANULES && !err; i += 2) {
		block = board_block(b, i);
		bench_begin(s);
		err = memmgr_free(b->heap, block);
		cost = bench_end(s);
		sample_add(s, b->cost[i] + cost);
		__clear_bit(i, b->live);
	}
	return err;
}

/*
 * The blocks between the holes go, each one joining a hole, and another comes
 * wherever the heap puts it.
 */
static int churn_play(struct sample *s, struct board *b)
{
	int pos, err = board_checker(b, BOARD_GRANULES);
	void *old, *block;
	u32 i, cost;

	for (i = 0; i < BOARD_GRANULES && !err; i += 2) {
		old = board_block(b, i);
		bench_begin(s);
		err = memmgr_free(b->heap, old);
		block = memmgr_alloc(b->heap, BOARD_GRANULE, 0, 0);
		cost = bench_end(s);
		if (err)
			return err;
		__clear_bit(i, b->live);
		pos = board_took(b, block);
		if (pos < 0)
			return pos;
		sample_add(s, cost);
	}
	return err;
}

/* A request of two granules that nothing can serve. */
static int fail_play(struct sample *s, struct board *b)
{
	int err = board_checker(b, BOARD_GRANULES);
	void *block;
	u32 i;

	for (i = 0; i < BOARD_RARE && !err; i++) {
		bench_begin(s);
		block = memmgr_alloc(b->heap, 2 * BOARD_GRANULE, 0, 0);
		sample_add(s, bench_end(s));
		if (block)
			err = memmgr_free(b->heap, block) ?: -EIO;
	}
	return err;
}

static int pairs_of_two(struct sample *s, struct board *b)
{
	return bench_pairs(s, BOARD_RARE, memmgr_alloc(b->heap, 2 * BOARD_GRANULE, 0, 0),
			   memmgr_free(b->heap, block));
}

/* Two granules; one run of two is free, at the far end: a buddy block. */
static int two_play(struct sample *s, struct board *b)
{
	int err = board_checker(b, BOARD_GRANULES) ?: board_free(b, BOARD_GRANULES - 2);

	return err ?: pairs_of_two(s, b);
}

/* The same, but the run lies across two buddies: no order list shows it. */
static int join_play(struct sample *s, struct board *b)
{
	int err = board_checker(b, BOARD_GRANULES - 2) ?: board_free(b, BOARD_GRANULES - 2);

	return err ?: pairs_of_two(s, b);
}

static int checkerboard(struct sample *s, struct memmgr_heap *heap)
{
	return board_run(s, heap, holes_play);
}

static int churn(struct sample *s, struct memmgr_heap *heap)
{
	return board_run(s, heap, churn_play);
}

static int fail(struct sample *s, struct memmgr_heap *heap)
{
	return board_run(s, heap, fail_play);
}

static int two(struct sample *s, struct memmgr_heap *heap)
{
	return board_run(s, heap, two_play);
}

static int join(struct sample *s, struct memmgr_heap *heap)
{
	return board_run(s, heap, join_play);
}

const struct bench board_benches[] = {
	{ "buddy_checkerboard",	"memmgr", "bcheck",	checkerboard },
	{ "buddy_churn",	"memmgr", "bcheck",	churn },
	{ "buddy_fragmented",	"memmgr", "bcheck",	two },
	{ "buddy_join",		"memmgr", "bcheck",	join },
	{ "buddy_fail",		"memmgr", "bcheck",	fail },
	{ }
};
