/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Plan: which blocks to move where, so that a free run comes to be.
 *
 * A plan works on a picture of a buddy: one byte a granule, taken while others went
 * on, so that every move has to be checked when it is made. It calls nothing and
 * changes nothing but its picture.
 *
 * Words used here and in plan.c:
 *
 *	cell		the byte of a granule
 *	fixed		the block may not move
 *	window		the granules that shall become one free run
 *	cost		granules of the blocks that overlap a window: all of them have to
 *			move, so the cheapest window's cost is the least of any plan
 *	evacuate	move the blocks of a window to free runs outside of it
 *	slide		move neighbouring blocks down over the holes between them, also
 *			onto their own old place, so that the holes meet above them
 */
#ifndef MEMMGR_PLAN_H
#define MEMMGR_PLAN_H

#include "core/engine.h"

#define PLAN_FREE		0u
#define PLAN_USED		(1u << 0)
#define PLAN_START		(1u << 1)	/* first granule of a block */
#define PLAN_FIXED		(1u << 2)	/* on every granule of the block */
#define PLAN_ALIGN_SHIFT	3		/* START: log2 of the block's alignment */

#define PLAN_NONE		(~0u)

/**
 * struct plan_move - a block moves
 * @from: its first granule
 * @to: where that will be; a slide when the two places overlap
 * @n: granules
 */
struct plan_move {
	u32 from;
	u32 to;
	u32 n;
};

/**
 * struct plan - a picture, and what shall become of it
 * @cell: of each granule
 * @granules: of them
 * @lead: place of the first one (core/buddy.h): alignments count from @lead before it
 * @slide: granules of the longest block that may slide onto its own old place
 * @move: room for moves
 * @room: of them
 * @moves: of them that are planned, in the order in which they have to be made
 * @moved: granules that these move
 * @passes: over the picture that it took
 * @least: granules that any plan would have to move at the least
 * @window: first granule of the run that is made last, PLAN_NONE: none
 * @length: of it
 * @pause: called now and then in long work; may be NULL
 */
struct plan {
	u8 *cell;
	u32 granules;
	u32 lead;
	u32 slide;
	struct plan_move *move;
	u32 room;
	u32 moves;
	u64 moved;
	u32 passes;
	u64 least;
	u32 window;
	u32 length;
	void (*pause)(void);
};

/**
 * struct plan_window - a place for a free run
 * @start: first granule
 * @cost: granules that have to move
 * @moves: blocks that these are
 */
struct plan_window {
	u32 start;
	u32 cost;
	u32 moves;
};

/**
 * struct plan_survey - what a picture shows
 * @free: free granules
 * @runs: maximal free runs
 * @longest: of them
 * @by_order: runs of 2^o up to 2^(o+1) - 1 granules
 * @aligned: longest run from a multiple of 2^o granules on
 * @block: longest free block that is a power of two and aligned to its own size
 * @best: the movable block without which the longest run would be free, or NONE
 * @best_n: its granules
 * @best_run: granules of that run
 */
struct plan_survey {
	u32 free;
	u32 runs;
	u32 longest;
	u32 by_order[MEMMGR_ORDERS];
	u32 aligned[MEMMGR_ORDERS];
	u32 block;
	u32 best;
	u32 best_n;
	u32 best_run;
};

void plan_survey(const struct plan *p, struct plan_survey *survey);
bool plan_cheapest(const struct plan *p, u32 n, u32 align, struct plan_window *window);
u32 plan_longest(const struct plan *p, u32 align);
int plan_run(struct plan *p, u32 n, u32 align);
int plan_range(struct plan *p, u32 start, u32 n);
void plan_all(struct plan *p);

#endif /* MEMMGR_PLAN_H */
