// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Every sequence of operations on tiny regions.
 *
 * Rule: module/core/buddy.h.
 */
#include <stdio.h>

#include "buddy_rig.h"
#include "explore.h"
#include "unit.h"

#define SHIFT	12

/**
 * struct world - a buddy, its model and what may be done to them
 * @rig: both
 * @step: sizes are multiples of it, in granules
 * @steps: how many sizes
 * @aligns: how many alignments
 */
struct world {
	struct buddy_rig rig;
	u32 step;
	u32 steps;
	u32 aligns;
	u64 memory[];
};

static u64 bytes_of(const struct world *world, u32 i)
{
	return (u64)world->step * (i + 1) << SHIFT;
}

/* None, and the powers of two above the step. */
static u64 align_of(const struct world *world, u32 i)
{
	u64 align = 1ull << (SHIFT + env_highest(world->step));

	return i ? align << i : 0;
}

/* Moves: each size at each alignment; at each step free and each new size. */
static bool move(void *state, u32 i)
{
	struct world *world = state;
	u32 allocs = world->steps * world->aligns;
	struct engine_request rq = { 0 };
	u64 offset;
	u32 what;

	if (i < allocs) {
		rq.bytes = bytes_of(world, i % world->steps);
		rq.align = align_of(world, i / world->steps);
		buddy_rig_alloc(&world->rig, &rq);
		return true;
	}
	offset = bytes_of(world, (i - allocs) / (world->steps + 1)) -
		 bytes_of(world, 0);
	what = (i - allocs) % (world->steps + 1);
	if (offset >= world->rig.m.units * world->rig.m.bytes)
		return false;
	if (what == world->steps) {
		model_try_free(&world->rig.m, &world->rig.b.e, offset, false);
		return true;
	}
	rq.bytes = bytes_of(world, what);
	buddy_rig_resize(&world->rig, offset, &rq);
	return true;
}

static void settle(void *state)
{
	struct world *world = state;
	struct buddy *b = &world->rig.b;
	struct engine_books *books = &world->rig.m.books;

	memset(books->classes, 0, sizeof(books->classes));
	memset(b->e.classes, 0, sizeof(b->e.classes));
	books->allocs = 0;
	b->e.allocs = (struct engine_count) { 0 };
	b->e.changes = 0;
	books->joins = 0;
	b->joins = 0;
	books->peak = books->used;
	b->low = b->free;
}

static void verify(void *state)
{
	struct world *world = state;

	buddy_rig_verify(&world->rig);
}

/* All operations in steps of @step on a region of @granules behind @lead. */
static void explore_region(u32 lead, u32 granules, u32 step, u32 flags)
{
	size_t meta = ALIGN(buddy_meta_size(lead, granules), sizeof(u64));
	size_t size = sizeof(struct world) + meta + model_size(granules);
	struct world *world = calloc(1, size);
	const struct explore x = {
		.state = world,
		.size = size,
		.move = move,
		.settle = settle,
		.verify = verify,
		.max_states = 1u << 20,
	};
	u32 n;

	unit_context("%u granules behind %u in steps of %u, flags %u", granules, lead, step,
		     flags);
	world->step = step;
	world->steps = granules / step;
	world->aligns = env_highest(granules / step) + 1;
	buddy_rig_init(&world->rig, lead, granules, SHIFT, flags, world->memory,
		       (u8 *)world->memory + meta);
	n = explore(&x);
	printf("# %u granules behind %u, step %u, flags %u: %u states\n", granules, lead,
	       step, flags, n);
	free(world);
}

static void buddy_exhaustive(void)
{
	u32 n;

	for (n = 1; n <= 8; n++)
		explore_region(0, n, 1, BUDDY_JOIN);
}

static void buddy_exhaustive_no_join(void)
{
	u32 n;

	for (n = 1; n <= 8; n++)
		explore_region(0, n, 1, 0);
}

/* Regions that begin at any distance from an aligned address. */
static void buddy_exhaustive_lead(void)
{
	u32 n, lead;

	for (n = 2; n <= 6; n++)
		for (lead = 1; lead < n; lead++) {
			explore_region(lead, n, 1, BUDDY_JOIN);
			explore_region(lead, n, 1, 0);
		}
}

/* Coarse steps cross the borders of words and of levels. */
static void buddy_exhaustive_levels(void)
{
	static const struct {
		u32 granules;
		u32 step;
		u32 lead;
	} regions[] = {
		{ 34, 6, 29 }, { 64, 10, 31 }, { 96, 16, 33 }, { 100, 15, 48 }, { 130, 32, 96 },
		{ 193, 32, 127 }, { 150, 30, 1 }, { 2048, 512, 1023 }, { 2050, 410, 1001 },
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(regions); i++) {
		explore_region(0, regions[i].granules, regions[i].step, BUDDY_JOIN);
		explore_region(regions[i].lead, regions[i].granules, regions[i].step,
			       BUDDY_JOIN);
	}
}

static const struct unit_test tests[] = {
	{ "buddy_exhaustive", buddy_exhaustive },
	{ "buddy_exhaustive_no_join", buddy_exhaustive_no_join },
	{ "buddy_exhaustive_lead", buddy_exhaustive_lead },
	{ "buddy_exhaustive_levels", buddy_exhaustive_levels },
};

int main(int argc, char **argv)
{
	return unit_main(argc, argv, tests, ARRAY_SIZE(tests));
}
