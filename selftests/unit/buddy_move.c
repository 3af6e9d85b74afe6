// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Blocks of a buddy that move: to free places elsewhere, and down over holes next
 * to them, mixed with all other operations.
 *
 * Rule: module/core/buddy.h.
 */
#include "buddy_rig.h"
#include "core/plan.h"
#include "unit.h"

#define SLIDES	4u	/* that are under way at most */

/**
 * struct sliding - a slide that is under way
 * @g: where the block begins now
 * @from: where it began
 * @n: its granules before; 0: no slide
 */
struct sliding {
	u32 g;
	u32 from;
	u32 n;
};

/**
 * struct scene - a buddy, its model, and the slides that are under way
 * @rig: both
 * @sliding: one by one
 * @meta: of the buddy
 * @units: of the model
 * @cell: a picture
 * @strict: check everything after each operation
 */
struct scene {
	struct buddy_rig rig;
	struct sliding sliding[SLIDES];
	void *meta;
	void *units;
	u8 *cell;
	bool strict;
};

static void scene_open(struct scene *s, u32 granules, u32 shift, u32 flags)
{
	u32 lead = unit_chance(50) ? unit_below(granules) : 0;

	*s = (struct scene) {
		.meta = malloc(buddy_meta_size(lead, granules)),
		.units = malloc(model_size(granules)),
		.cell = malloc(granules),
	};
	buddy_rig_init(&s->rig, lead, granules, shift, flags, s->meta, s->units);
}

static void scene_close(struct scene *s)
{
	free(s->meta);
	free(s->units);
	free(s->cell);
}

static u32 granules(const struct scene *s)
{
	return s->rig.m.units;
}

/* First granule of any live block, or BUDDY_NONE. */
static u32 some_block(const struct scene *s)
{
	const struct model_unit *unit = model_any(&s->rig.m);

	return unit ? (u32)(unit - s->rig.m.unit) : BUDDY_NONE;
}

static struct sliding *sliding_at(struct scene *s, u32 g)
{
	u32 i;

	for (i = 0; i < SLIDES; i++)
		if (s->sliding[i].n && s->sliding[i].g == g)
			return &s->sliding[i];
	return NULL;
}

static void step_alloc(struct scene *s)
{
	u32 most = unit_chance(70) ? 4 : unit_chance(70) ? 40 : granules(s);
	u64 bytes = (1ull + unit_below(min(most, granules(s)))) << s->rig.b.shift;
	struct engine_request rq = {
		.bytes = bytes - (unit_chance(50) ? unit_below(1u << s->rig.b.shift) : 0),
		.align = unit_chance(80) ? 0 : 1ull << unit_below(s->rig.b.shift + 6),
		.recorded = unit_chance(85),
	};

	buddy_rig_alloc(&s->rig, &rq);
}

static void free_block(struct scene *s, u32 g)
{
	model_try_free(&s->rig.m, &s->rig.b.e, g * s->rig.m.bytes,
		       s->rig.m.unit[g].recorded);
}

/* Who slides a block sees to it that it is not freed. */
static void step_free(struct scene *s)
{
	u32 g = some_block(s);

	if (g != BUDDY_NONE && !sliding_at(s, g))
		free_block(s, g);
}

/* A place for @n granules: a random one, or a free one that is at hand. */
static u32 some_place(const struct scene *s, u32 n)
{
	u32 g = unit_below(granules(s));
	u32 i;

	for (i = 0; i < 100 && g + i < granules(s); i++)
		if (model_run(&s->rig.m, g + i) >= n)
			return g + i;
	return g;
}

/* A block is copied elsewhere, and one of the two goes away, now or later. */
static void step_take_at(struct scene *s)
{
	u32 from = some_block(s);
	u32 to, n;

	if (from == BUDDY_NONE || !s->rig.m.unit[from].recorded || sliding_at(s, from))
		return;
	n = s->rig.m.unit[from].length;
	to = some_place(s, n);
	if (!buddy_rig_take_at(&s->rig, to, n, MOVES(&s->rig)->slack(&s->rig.b.e, from)))
		return;
	if (unit_chance(40))
		buddy_rig_left(&s->rig, unit_chance(80) ? from : to);
	else if (unit_chance(60))
		free_block(s, unit_chance(80) ? from : to);
}

static u32 free_below(const struct scene *s, u32 g)
{
	u32 n = 0;

	while (n < g && !s->rig.m.unit[g - n - 1].owner)
		n++;
	return n;
}

static void step_slide(struct scene *s)
{
	struct sliding *slot = &s->sliding[unit_below(SLIDES)];
	u32 g = some_block(s);
	u32 n, below, to;

	if (g == BUDDY_NONE || !s->rig.m.unit[g].recorded || sliding_at(s, g) || slot->n)
		return;
	n = s->rig.m.unit[g].length;
	below = free_below(s, g);
	to = unit_chance(10) ? unit_below(granules(s)) :
	     unit_chance(50) ? g - below : g - unit_below(below + 1);
	if (buddy_rig_slide(&s->rig, g, to))
		*slot = (struct sliding) { .g = to, .from = g, .n = n };
}

static void slide_end(struct scene *s, struct sliding *slot)
{
	if (!slot->n)
		return;
	buddy_rig_slid(&s->rig, slot->g, unit_chance(70) ? slot->g : slot->from, slot->n);
	slot->n = 0;
}

/* A picture of all, and of some of it. */
static void step_picture(struct scene *s)
{
	u32 g = unit_below(granules(s));
	u32 n = unit_below(granules(s) - g + 1);

	if (unit_chance(50))
		buddy_rig_picture(&s->rig, g, n, s->cell);
	else
		buddy_rig_picture(&s->rig, 0, granules(s), s->cell);
}

/* What is small is served from the open word: it is looked at as it is, too. */
static void step_check(struct scene *s)
{
	if (s->strict || unit_chance(20))
		buddy_rig_picture(&s->rig, 0, granules(s), s->cell);
	if (s->strict || unit_chance(5))
		model_check(&s->rig.b.e);
	if (unit_chance(s->strict ? 20 : 2))
		buddy_rig_verify(&s->rig);
}

static void step(struct scene *s, u32 fill)
{
	u32 dice = unit_below(100);

	if (dice < 15)
		step_take_at(s);
	else if (dice < 30)
		step_slide(s);
	else if (dice < 45)
		slide_end(s, &s->sliding[unit_below(SLIDES)]);
	else if (dice < 50)
		step_picture(s);
	else if (unit_chance(fill))
		step_alloc(s);
	else
		step_free(s);
}

static void run_random(u32 size, u32 shift, u32 flags, bool strict, u32 usual)
{
	u32 ops = unit_ops(usual);
	u32 fill = 60;
	struct scene s;
	u32 i;

	scene_open(&s, size, shift, flags);
	s.strict = strict;
	for (i = 0; i < ops; i++) {
		unit_context("%u granules of 2^%u, flags %u, operation %u", size, shift,
			     flags, i);
		if (i % 64 == 0)
			fill = 30 + 10 * unit_below(6);
		step(&s, fill);
		step_check(&s);
	}
	for (i = 0; i < SLIDES; i++)
		slide_end(&s, &s.sliding[i]);
	buddy_rig_verify(&s.rig);
	scene_close(&s);
}

/* All sizes of regions around one word of the lowest level. */
static void move_small(void)
{
	u32 size;

	for (size = 1; size <= 40; size++) {
		run_random(size, 12, BUDDY_JOIN, true, 3000);
		run_random(size, 5, BUDDY_JOIN, false, 6000);
		run_random(size, 7, 0, false, 1000);
	}
}

static void move_middle(void)
{
	static const u32 sizes[] = { 63, 64, 65, 100, 300, 1000, 1024, 1025, 1056, 2500 };
	u32 i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		run_random(sizes[i], 12, BUDDY_JOIN, true, 1500);
		run_random(sizes[i], 16, BUDDY_JOIN, false, 10000);
		run_random(sizes[i], 5, 0, false, 1000);
	}
}

/* 4 GiB of pages, and what is no multiple of anything. */
static void move_large(void)
{
	run_random(32768, 12, BUDDY_JOIN, false, 500);
	run_random(100001, 12, BUDDY_JOIN, false, 200);
	run_random(1u << 20, 12, BUDDY_JOIN, false, 30);
}

/* A copy of all that the engine is. */
struct snapshot {
	struct buddy b;
	void *meta;
};

static void snapshot_take(struct snapshot *snap, struct scene *s)
{
	size_t size = buddy_meta_size(s->rig.b.lead, granules(s));

	buddy_rig_picture(&s->rig, 0, granules(s), s->cell);	/* settles */
	snap->b = s->rig.b;
	snap->meta = malloc(size);
	memcpy(snap->meta, s->meta, size);
}

static void snapshot_same(struct snapshot *snap, const struct scene *s)
{
	EXPECT(!memcmp(&snap->b, &s->rig.b, sizeof(snap->b)),
	       "a refused call changed the engine");
	EXPECT(!memcmp(snap->meta, s->meta, buddy_meta_size(s->rig.b.lead, granules(s))),
	       "a refused call changed the books of the engine");
	free(snap->meta);
}

/* Places that are taken, or no places at all. */
static void refuse_take_at(struct scene *s)
{
	u32 g = unit_chance(80) ? unit_below(granules(s) + 2) : unit_hostile();
	u32 n = unit_chance(80) ? unit_below(granules(s) + 2) : unit_hostile();
	bool inside = n && g < granules(s) && n <= granules(s) - g;
	struct snapshot snap;

	if (inside && model_run(&s->rig.m, g) >= n)
		return;
	snapshot_take(&snap, s);
	EXPECT_EQ(MOVES(&s->rig)->take_at(&s->rig.b.e, g, n, 0, NULL), -EBUSY);
	snapshot_same(&snap, s);
}

static void refuse_slide(struct scene *s)
{
	u32 to = unit_chance(80) ? unit_below(granules(s) + 2) : unit_hostile();
	u32 g = some_block(s);
	struct snapshot snap;

	if (g == BUDDY_NONE || (to < g && model_run(&s->rig.m, to) >= g - to))
		return;
	snapshot_take(&snap, s);
	EXPECT_EQ(MOVES(&s->rig)->slide(&s->rig.b.e, g, to), -EBUSY);
	snapshot_same(&snap, s);
}

static void move_refused(void)
{
	static const u32 sizes[] = { 1, 7, 32, 33, 100, 1025 };
	u32 i, j, ops = unit_ops(3000);

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct scene s;

		scene_open(&s, sizes[i], 12, BUDDY_JOIN);
		for (j = 0; j < ops; j++) {
			unit_context("%u granules, operation %u", sizes[i], j);
			step(&s, 60);
			refuse_take_at(&s);
			refuse_slide(&s);
		}
		buddy_rig_verify(&s.rig);
		scene_close(&s);
	}
}

/* Each block, wherever it can stand, slides by each distance, and back. */
static void slide_each(u32 size, u32 to, u32 g, u32 n)
{
	u32 back;

	for (back = 0; back < 2; back++) {
		struct scene s;

		scene_open(&s, size, 12, BUDDY_JOIN);
		EXPECT(buddy_rig_take_at(&s.rig, g, n, n % 100), "taken");
		EXPECT(buddy_rig_slide(&s.rig, g, to), "slide");
		model_check(&s.rig.b.e);
		buddy_rig_picture(&s.rig, 0, size, s.cell);
		buddy_rig_slid(&s.rig, to, back ? g : to, n);
		buddy_rig_verify(&s.rig);
		buddy_rig_picture(&s.rig, 0, size, s.cell);
		free_block(&s, back ? g : to);
		buddy_rig_verify(&s.rig);
		EXPECT_EQ(model_longest(&s.rig.m, 1), size);
		scene_close(&s);
	}
}

/* The ends of words, and of blocks with a long code. */
static void move_each_slide(void)
{
	static const u32 edges[] = { 0, 1, 5, 31, 32, 33, 62, 63, 64, 65, 70, 96, 127, 128 };
	static const u32 sizes[] = { 1, 2, 31, 32, 33, 62, 63, 64, 65, 100, 1024, 1030 };
	u32 i, j, k;

	for (i = 0; i < ARRAY_SIZE(edges); i++)
		for (j = i + 1; j < ARRAY_SIZE(edges); j++)
			for (k = 0; k < ARRAY_SIZE(sizes); k++) {
				unit_context("%u granules at %u to %u", sizes[k],
					     edges[j], edges[i]);
				slide_each(edges[j] + sizes[k], edges[i], edges[j],
					   sizes[k]);
				slide_each(1200, edges[i], edges[j], sizes[k]);
			}
}

static const struct unit_test tests[] = {
	{ "move_small", move_small },
	{ "move_middle", move_middle },
	{ "move_large", move_large },
	{ "move_refused", move_refused },
	{ "move_each_slide", move_each_slide },
};

int main(int argc, char **argv)
{
	return unit_main(argc, argv, tests, ARRAY_SIZE(tests));
}
