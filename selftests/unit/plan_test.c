// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Plans against brute force: all small pictures, random ones, and large ones.
 *
 * Rule: module/core/plan.h.
 */
#include <time.h>

#include "plan_rig.h"
#include "unit.h"

/* Of any piece, for pictures that brute force can look through. */
static const struct plan_kind kinds[] = {
	{ .free = 50, .fixed = 0, .size = 1, .align = 0 },
	{ .free = 50, .fixed = 0, .size = 4, .align = 0 },
	{ .free = 30, .fixed = 0, .size = 9, .align = 0 },
	{ .free = 60, .fixed = 0, .size = 9, .align = 3 },
	{ .free = 50, .fixed = 20, .size = 3, .align = 1 },
	{ .free = 40, .fixed = 10, .size = 6, .align = 3 },
	{ .free = 60, .fixed = 5, .size = 12, .align = 5 },
	{ .free = 10, .fixed = 5, .size = 3, .align = 0 },
	{ .free = 90, .fixed = 2, .size = 20, .align = 4 },
};

static void try_all_sizes(struct plan_rig *rig)
{
	u32 granules = rig->p.granules;
	u32 n, align;

	for (align = 1; align <= granules + 1; align *= 2) {
		plan_rig_same_longest(rig, align);
		for (n = 1; n <= granules + 1; n++) {
			plan_rig_same_cheapest(rig, n, align);
			plan_rig_run(rig, n, align);
		}
	}
}

static void try_all_ranges(struct plan_rig *rig)
{
	u32 start, n;

	for (start = 0; start < rig->p.granules; start++)
		for (n = 1; n <= rig->p.granules - start; n++)
			plan_rig_range(rig, start, n);
}

static void try_all(struct plan_rig *rig)
{
	plan_rig_same_survey(rig);
	try_all_sizes(rig);
	try_all_ranges(rig);
	plan_rig_all(rig);
}

/* Give all movable blocks the best alignment that their places have. */
static void align_best(struct plan_rig *rig)
{
	u32 g, shift;

	for (g = 0; g < rig->p.granules; g++) {
		u8 cell = rig->before[g];

		if (!(cell & PLAN_START))
			continue;
		for (shift = 0; shift < 3 && (g + rig->p.lead) % (2u << shift) == 0;
		     shift++)
			;
		rig->p.cell[g] = cell | shift << PLAN_ALIGN_SHIFT;
	}
	plan_rig_keep(rig);
}

/* @code: what each granule is: 0 free, 1 more of the same, 2 movable, 3 fixed. */
static bool draw(struct plan_rig *rig, u32 code)
{
	u8 last = PLAN_FREE;
	u32 g;

	for (g = 0; g < rig->p.granules; g++, code >>= 2) {
		if ((code & 3) == 1 && last == PLAN_FREE)
			return false;
		if ((code & 3) == 1)
			rig->p.cell[g] = last & ~PLAN_START;
		else if (code & 3)
			rig->p.cell[g] = PLAN_USED | PLAN_START |
					 ((code & 3) == 3 ? PLAN_FIXED : 0);
		else
			rig->p.cell[g] = PLAN_FREE;
		last = rig->p.cell[g];
	}
	plan_rig_keep(rig);
	return true;
}

static void plan_exhaustive(void)
{
	u32 granules, code, lead;

	for (granules = 1; granules <= 7; granules++) {
		struct plan_rig rig;

		plan_rig_init(&rig, granules);
		for (code = 0; code < 1u << 2 * granules; code++) {
			if (!draw(&rig, code))
				continue;
			/* All leads of the small ones. */
			for (lead = 0; lead < (granules < 6 ? granules : 1); lead++) {
				rig.p.lead = lead;
				plan_rig_again(&rig);
				draw(&rig, code);
				unit_context("picture %#x of %u behind %u", code, granules, lead);
				try_all(&rig);
				unit_context("picture %#x of %u behind %u, aligned", code,
					     granules, lead);
				align_best(&rig);
				try_all(&rig);
			}
		}
		plan_rig_drop(&rig);
	}
}

/* All runs and all that is free, of larger pictures: the rest is above. */
static void plan_exhaustive_runs(void)
{
	static const u32 sizes[] = { 8, 9 };
	u32 i, code, n;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct plan_rig rig;

		plan_rig_init(&rig, sizes[i]);
		for (code = 0; code < 1u << 2 * sizes[i]; code++) {
			if (!draw(&rig, code))
				continue;
			unit_context("picture %#x of %u", code, sizes[i]);
			for (n = 1; n <= sizes[i]; n++)
				plan_rig_run(&rig, n, 1);
			plan_rig_all(&rig);
		}
		plan_rig_drop(&rig);
	}
}

static void try_some(struct plan_rig *rig)
{
	u32 granules = rig->p.granules;
	u32 n = 1 + unit_below(granules);
	u32 align = 1u << unit_below(env_width(granules));
	u32 start = unit_below(granules);

	plan_rig_same_survey(rig);
	plan_rig_same_longest(rig, align);
	plan_rig_same_cheapest(rig, n, align);
	plan_rig_run(rig, n, 1);
	plan_rig_run(rig, n, align);
	plan_rig_run(rig, 1 + unit_below(n), align);
	plan_rig_range(rig, start, 1 + unit_below(granules - start));
	plan_rig_all(rig);
}

/* With room for fewer moves than it takes. */
static void try_narrow(struct plan_rig *rig)
{
	u32 granules = rig->p.granules;
	u32 start = unit_below(granules);

	rig->p.room = unit_below(4);
	plan_rig_run(rig, 1 + unit_below(granules), 1);
	rig->p.room = unit_below(4);
	plan_rig_range(rig, start, 1 + unit_below(granules - start));
	rig->p.room = unit_below(4);
	plan_rig_all(rig);
}

static void run_random(u32 most, u32 ops)
{
	struct plan_rig rig;
	u32 i, kind, granules;

	for (i = 0; i < ops; i++) {
		granules = 1 + unit_below(most);
		kind = unit_below(ARRAY_SIZE(kinds));
		unit_context("picture %u: %u granules, kind %u", i, granules, kind);
		plan_rig_init(&rig, granules);
		rig.p.lead = unit_chance(50) ? unit_below(granules) : 0;
		plan_rig_random(&rig, &kinds[kind]);
		try_some(&rig);
		try_narrow(&rig);
		plan_rig_drop(&rig);
	}
}

static void plan_random(void)
{
	run_random(40, unit_ops(60000));
	run_random(300, unit_ops(6000));
}

/* Every block is one granule: what is free outside of a range always holds it. */
static void plan_range_singles(void)
{
	static const struct plan_kind kind = { .free = 40, .fixed = 10, .size = 1 };
	u32 i, ops = unit_ops(20000);
	struct plan_window w;
	struct plan_rig rig;

	plan_rig_init(&rig, 50);
	for (i = 0; i < ops; i++) {
		u32 start = unit_below(50);
		u32 n = 1 + unit_below(50 - start);

		unit_context("picture %u", i);
		plan_rig_random(&rig, &kind);
		if (!plan_rig_window(&rig, start, n, &w))
			continue;
		EXPECT_EQ(plan_rig_range(&rig, start, n),
			  plan_rig_free(&rig) >= n ? 0 : -ENOMEM);
	}
	plan_rig_drop(&rig);
}

static void draw_string(struct plan_rig *rig, const char *picture)
{
	u32 g, n;

	plan_rig_clear(rig);
	for (g = 0; picture[g]; g += n) {
		n = 1;
		if (picture[g] == '.')
			continue;
		while (picture[g + n] == '-')
			n++;
		plan_rig_block(rig, g, n, 0, picture[g] == 'F');
	}
	plan_rig_keep(rig);
}

/**
 * struct example - one plan by hand
 * @picture: . free, B movable block, F fixed block, - more of it
 * @n: granules of the run
 * @align: of its first granule
 * @err: of plan_run()
 * @moved: when it is 0
 */
struct example {
	const char *picture;
	u32 n;
	u32 align;
	int err;
	u64 moved;
};

static const struct example examples[] = {
	{ "....", 4, 1, 0, 0 },
	{ "B.B.", 2, 1, 0, 1 },
	{ "B.B.", 3, 1, -ENOMEM, 0 },
	{ "F.F.", 2, 1, -EBUSY, 0 },
	{ "F.B.F.", 3, 1, 0, 1 },
	{ ".F.F.F", 2, 1, -EBUSY, 0 },
	/* Nothing outside holds the block: it slides over itself. */
	{ ".B--.", 2, 1, 0, 3 },
	{ "F.B--.F", 2, 1, 0, 3 },
	{ "F.B--.F", 2, 4, 0, 3 },
	{ "F..B-.F", 3, 2, -ENOSPC, 0 },
	/* Sliding as well takes what costs least, between two fixed ones. */
	{ ".B---.F.B--.F", 2, 1, 0, 3 },
	{ ".F.B---.F.B--.F", 2, 1, 0, 3 },
	/* The hole that would cost least comes to lie at an odd place. */
	{ "FF.B--.F.B---.F", 2, 2, 0, 4 },
	/* The cheapest window moves the small block, not the large one. */
	{ ".B--.B....", 5, 1, 0, 1 },
	/* A block that is cut by the window moves as a whole. */
	{ "FB---FFF..F....", 5, 1, -EBUSY, 0 },
	{ "..B--F....", 3, 1, 0, 0 },
	/* Into the snug hole: the long run stays. */
	{ "F.F....F..B..", 5, 1, 0, 1 },
	/* Both blocks fit only when the long one goes first. */
	{ "F..F.FB.B-.", 5, 1, 0, 3 },
};

static void plan_examples(void)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(examples); i++) {
		const struct example *ex = &examples[i];
		struct plan_rig rig;

		unit_context("%s, %u aligned to %u", ex->picture, ex->n, ex->align);
		plan_rig_init(&rig, strlen(ex->picture));
		draw_string(&rig, ex->picture);
		EXPECT_EQ(plan_rig_run(&rig, ex->n, ex->align), ex->err);
		EXPECT_EQ(plan_run(&rig.p, ex->n, ex->align), ex->err);
		EXPECT_EQ(rig.p.moved, ex->moved);
		plan_rig_drop(&rig);
	}
}

/*
 * Where the block of a range goes: into the snug hole, and a smaller one into what
 * a larger one of the same range left free outside of it.
 */
static void plan_destinations(void)
{
	struct plan_rig rig;

	plan_rig_init(&rig, 14);
	draw_string(&rig, "....F..B-F...F");
	EXPECT_EQ(plan_range(&rig.p, 7, 2), 0);
	EXPECT_EQ(rig.p.move[0].to, 5);
	plan_rig_drop(&rig);
	plan_rig_init(&rig, 10);
	draw_string(&rig, "FB--BF...F");
	EXPECT_EQ(plan_rig_range(&rig, 3, 2), 0);
	draw_string(&rig, "FBB--F...F");
	EXPECT_EQ(plan_rig_range(&rig, 1, 2), 0);
	plan_rig_drop(&rig);
}

static void draw_checkerboard(struct plan_rig *rig, u32 n)
{
	u32 g;

	plan_rig_clear(rig);
	for (g = 0; g < rig->p.granules; g += 2 * n)
		plan_rig_block(rig, g, n, 0, false);
	plan_rig_keep(rig);
}

/* Half of the window moves, and no more. */
static void plan_checkerboard(void)
{
	u32 n, run, moved;
	struct plan_rig rig;

	plan_rig_init(&rig, 128);
	for (n = 1; n <= 8; n *= 2) {
		draw_checkerboard(&rig, n);
		for (run = 2 * n; run <= 64; run += 2 * n) {
			unit_context("blocks of %u, run of %u", n, run);
			EXPECT_EQ(plan_rig_run(&rig, run, 1), 0);
			EXPECT_EQ(plan_rig_run(&rig, run, 2 * n), 0);
			EXPECT_EQ(plan_run(&rig.p, run, 2 * n), 0);
			moved = rig.p.moved;
			EXPECT_EQ(moved, run / 2);
			EXPECT_EQ(rig.p.moves, run / 2 / n);
			plan_rig_again(&rig);
		}
		plan_rig_all(&rig);
	}
	plan_rig_drop(&rig);
}

/* Room for one move less than the only plan takes. */
static void plan_no_room(void)
{
	struct plan_rig rig;
	u32 room;

	plan_rig_init(&rig, 64);
	draw_checkerboard(&rig, 1);
	for (room = 0; room < 16; room++) {
		unit_context("room for %u", room);
		rig.p.room = room;
		EXPECT_EQ(plan_rig_run(&rig, 32, 1), -ENOSPC);
		rig.p.room = room;
		EXPECT_EQ(plan_rig_range(&rig, 0, 32), -ENOSPC);
		rig.p.room = room;
		plan_rig_all(&rig);
	}
	rig.p.room = room;
	EXPECT_EQ(plan_rig_run(&rig, 32, 1), 0);
	rig.p.room = room;
	EXPECT_EQ(plan_rig_range(&rig, 0, 32), 0);
	plan_rig_drop(&rig);
}

static void plan_pauses(void)
{
	u32 before = plan_rig_pauses();
	struct plan_rig rig;

	plan_rig_init(&rig, 64);
	draw_checkerboard(&rig, 1);
	EXPECT_EQ(plan_run(&rig.p, 8, 1), 0);
	EXPECT(plan_rig_pauses() - before >= 4, "%u pauses", plan_rig_pauses() - before);
	plan_rig_again(&rig);
	rig.p.pause = NULL;
	before = plan_rig_pauses();
	EXPECT_EQ(plan_run(&rig.p, 8, 1), 0);
	EXPECT_EQ(plan_rig_pauses(), before);
	plan_rig_drop(&rig);
}

#define LONG_GRANULES	(1u << 20)
#define LONG_PAUSE	8192u	/* granules that are looked at without one, at the most */

static void expect_paused(u32 before, const char *what)
{
	EXPECT(plan_rig_pauses() - before >= LONG_GRANULES / LONG_PAUSE, "%s: %u pauses", what,
	       plan_rig_pauses() - before);
}

/* A pass over a large heap pauses in its midst, whatever lies there. */
static void plan_pauses_inside(void)
{
	static const u32 blocks[] = { 0, LONG_GRANULES / 2 };
	struct plan_survey survey;
	struct plan_window window;
	struct plan_rig rig;
	u32 i, before;

	for (i = 0; i < ARRAY_SIZE(blocks); i++) {
		plan_rig_init(&rig, LONG_GRANULES);
		if (blocks[i])
			plan_rig_block(&rig, 1, blocks[i], 0, false);
		before = plan_rig_pauses();
		plan_survey(&rig.p, &survey);
		expect_paused(before, "survey");
		before = plan_rig_pauses();
		plan_longest(&rig.p, 1);
		expect_paused(before, "longest");
		before = plan_rig_pauses();
		plan_cheapest(&rig.p, LONG_GRANULES / 8, 1, &window);
		expect_paused(before, "cheapest");
		plan_rig_drop(&rig);
	}
}

/* Many sizes to move, and no place for any: it is given up, not looked at for hours. */
static void plan_gives_up(void)
{
	struct plan_rig rig;
	u32 g = 0, n;

	plan_rig_init(&rig, 16384);
	rig.p.slide = 0;
	for (n = 1; g + 2 * n + 2 < rig.p.granules; n++) {
		plan_rig_block(&rig, g, n, 0, false);
		g += n + 1;
	}
	plan_rig_keep(&rig);
	plan_all(&rig.p);
	EXPECT(rig.p.passes <= 1100, "%u passes", rig.p.passes);
	plan_rig_replay(&rig);
	plan_rig_drop(&rig);
}

/* What is longer than may slide is left where it is. */
static void plan_slides_short(void)
{
	struct plan_rig rig;

	plan_rig_init(&rig, 16);
	plan_rig_block(&rig, 2, 10, 0, false);
	plan_rig_keep(&rig);
	rig.p.slide = 9;
	EXPECT_EQ(plan_run(&rig.p, 6, 1), -ENOSPC);
	plan_rig_again(&rig);
	rig.p.slide = 10;
	EXPECT_EQ(plan_run(&rig.p, 6, 1), 0);
	EXPECT_EQ(rig.p.moves, 1);
	plan_rig_drop(&rig);
}

static double seconds(void)
{
	return (double)clock() / CLOCKS_PER_SEC;
}

#define LARGE_PASSES	10000u	/* each after at most a few passes over the picture */
#define LARGE_SECONDS	300.0	/* of the CPU, checked by sanitizers: a hang, no more */

static void check_large(struct plan_rig *rig, int err)
{
	if (err)
		plan_rig_untouched(rig);
	else
		plan_rig_replay(rig);
	plan_rig_again(rig);
}

/* Plans of all kinds, within so many passes and seconds. */
static void run_large(u32 granules, const struct plan_kind *kind)
{
	double start = seconds();
	struct plan_rig rig;
	u32 i, passes = 0;

	plan_rig_init(&rig, granules);
	plan_rig_random(&rig, kind);
	for (i = 2; i <= 64; i *= 4) {
		check_large(&rig, plan_run(&rig.p, granules / i, 1));
		passes += rig.p.passes;
		check_large(&rig, plan_range(&rig.p, granules / i, granules / i));
		passes += rig.p.passes;
	}
	plan_all(&rig.p);
	passes += rig.p.passes;
	plan_rig_replay(&rig);
	EXPECT(passes < LARGE_PASSES, "%u passes", passes);
	EXPECT(seconds() - start < LARGE_SECONDS, "%.1f seconds", seconds() - start);
	plan_rig_drop(&rig);
}

static const struct plan_kind large[] = {
	{ .free = 50, .fixed = 0, .size = 1, .align = 0 },
	{ .free = 40, .fixed = 1, .size = 16, .align = 2 },
	{ .free = 30, .fixed = 10, .size = 300, .align = 8 },
	{ .free = 50, .fixed = 0, .size = 64, .align = 4 },
};

static void plan_large(void)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(large); i++) {
		unit_context("kind %u", i);
		run_large(16384, &large[i]);
	}
}

/* 4 GiB of pages; the last kind would take half a minute. */
static void plan_4g(void)
{
	u32 i;

	for (i = 0; i + 1 < ARRAY_SIZE(large); i++) {
		unit_context("kind %u", i);
		run_large(1u << 20, &large[i]);
	}
}

static const struct unit_test tests[] = {
	{ "plan_exhaustive", plan_exhaustive },
	{ "plan_exhaustive_runs", plan_exhaustive_runs },
	{ "plan_random", plan_random },
	{ "plan_range_singles", plan_range_singles },
	{ "plan_examples", plan_examples },
	{ "plan_destinations", plan_destinations },
	{ "plan_checkerboard", plan_checkerboard },
	{ "plan_no_room", plan_no_room },
	{ "plan_pauses", plan_pauses },
	{ "plan_pauses_inside", plan_pauses_inside },
	{ "plan_gives_up", plan_gives_up },
	{ "plan_slides_short", plan_slides_short },
	{ "plan_large", plan_large },
	{ "plan_4g", plan_4g },
};

int main(int argc, char **argv)
{
	return unit_main(argc, argv, tests, ARRAY_SIZE(tests));
}
