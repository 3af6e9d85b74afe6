/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Exhaustive search: from a first state, every move from every state that can
 * be reached at all. As the state is all that decides what a move does, this
 * is every sequence of moves, of any length.
 */
#ifndef EXPLORE_H
#define EXPLORE_H

#include "core/engine.h"

/**
 * struct explore - what is searched
 * @state: the world, engine and model in one piece of memory
 * @size: of it
 * @move: do move number @i; false when there is no such move
 * @settle: set what does not decide the future (running totals) to one value
 * @verify: compare engine and model; called once for each new state
 * @max_states: more are a failure
 */
struct explore {
	void *state;
	size_t size;
	bool (*move)(void *state, u32 i);
	void (*settle)(void *state);
	void (*verify)(void *state);
	u32 max_states;
};

/* Returns the number of states that can be reached. */
u32 explore(const struct explore *x);

/**
 * struct explore_menu - the moves in a heap of granules: each size at each alignment; at each
 * step free and each new size
 * @shift: log2 of the granule in bytes
 * @step: sizes are multiples of it, in granules
 * @steps: how many sizes
 * @aligns: how many alignments: none, and the powers of two above the step
 */
struct explore_menu {
	u32 shift;
	u32 step;
	u32 steps;
	u32 aligns;
};

enum explore_what { EXPLORE_ALLOC, EXPLORE_FREE, EXPLORE_RESIZE };

void explore_menu_init(struct explore_menu *menu, u32 shift, u32 granules, u32 step);

/* Move number @i: the request, and the offset of free and resize. False: there is no such move. */
bool explore_pick(const struct explore_menu *menu, u32 i, u64 total, enum explore_what *what,
		  struct engine_request *rq, u64 *offset);

#endif /* EXPLORE_H */
