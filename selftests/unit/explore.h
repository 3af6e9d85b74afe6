/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Exhaustive search: from a first state, every move from every state that can
 * be reached at all. As the state is all that decides what a move does, this
 * is every sequence of moves, of any length.
 */
#ifndef EXPLORE_H
#define EXPLORE_H

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

#endif /* EXPLORE_H */
