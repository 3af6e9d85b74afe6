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
 * @menu: its moves
 */
struct world {
	struct buddy_rig rig;
	struct explore_menu menu;
	u64 memory[];
};

static bool move(void *state, u32 i)
{
	struct world *world = state;
	struct model *m = &world->rig.m;
	struct engine_request rq;
	enum explore_what what;
	u64 offset;

	if (!explore_pick(&world->menu, i, m->units * m->bytes, &what, &rq, &offset))
		return false;
	if (what == EXPLORE_ALLOC)
		buddy_rig_alloc(&world->rig, &rq);
	else if (what == EXPLORE_FREE)
		model_try_free(m, &world->rig.b.e, offset, false);
	else
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
	explore_menu_init(&world->menu, SHIFT, granules, step);
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
