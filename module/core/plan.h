/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Plan: which blocks to move, and where to, so that a free run is made.
 *
 * A plan works on a picture of a heap of granules: one byte for each granule. The heap changes
 * while the picture is taken and afterwards, so each move has to be checked when it is
 * made. The planner changes only its picture and calls only pause().
 *
 * Words used here and in plan.c:
 *
 *	cell		the byte of a granule
 *	fixed		the block may not move
 *	window		the granules that shall become one free run
 *	cost		granules of all blocks that overlap a window. All of them have to
 *			move, so the cost of the cheapest window is a lower bound
 *	evacuate	move the blocks of a window to free runs outside of it
 *	slide		move neighbouring blocks down over the holes between them, also
 *			onto their own old place, so that the holes join above them
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
 * struct plan_move - one move of a block
 * @from: its first granule
 * @to: its first granule afterwards; the move is a slide if both places overlap
 * @n: number of granules
 */
struct plan_move {
	u32 from;
	u32 to;
	u32 n;
};

/**
 * struct plan - a picture, and the moves planned on it
 * @cell: the cell of each granule
 * @granules: number of granules
 * @lead: place of the first granule (core/buddy.h): alignments count from @lead before it
 * @slide: granules of the longest block that may slide onto its own old place
 * @move: array for the moves
 * @room: size of this array
 * @moves: moves planned so far, in the order in which they have to be made
 * @moved: sum of the granules of these moves
 * @passes: passes over the picture so far
 * @least: lower bound of the granules that any plan has to move
 * @window: first granule of the run made last, or PLAN_NONE
 * @length: number of granules of this run
 * @pause: called now and then during long work; may be NULL
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
 * @moves: blocks that have to move
 */
struct plan_window {
	u32 start;
	u32 cost;
	u32 moves;
};

/**
 * struct plan_survey - summary of a picture
 * @free: free granules
 * @runs: number of maximal free runs
 * @longest: granules of the longest free run
 * @by_order: number of free runs of 2^o up to 2^(o+1) - 1 granules
 * @aligned: granules of the longest run that starts at a multiple of 2^o granules
 * @best: the movable block whose removal would leave the longest free run, or NONE
 * @best_n: its granules
 * @best_run: granules of this run
 */
struct plan_survey {
	u32 free;
	u32 runs;
	u32 longest;
	u32 by_order[MEMMGR_ORDERS];
	u32 aligned[MEMMGR_ORDERS];
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
