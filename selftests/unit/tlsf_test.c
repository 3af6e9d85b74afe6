// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * TLSF against its model: random operations, moves among them, and its fixed promises.
 *
 * Rule: module/core/tlsf.h.
 */
#include <stdio.h>

#include "core/plan.h"
#include "core/tlsf.h"
#include "explore.h"
#include "model.h"
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
 * struct rig - a TLSF, its model, and the slides that are under way
 * @t: the engine
 * @m: the model
 * @moves: the engine's functions for moves
 * @sliding: one by one
 * @meta: of the engine
 * @cell: a picture
 */
struct rig {
	struct tlsf t;
	struct model m;
	const struct engine_moves *moves;
	struct sliding sliding[SLIDES];
	void *meta;
	u8 *cell;
};

/* @meta: tlsf_meta_size() bytes of zeros, @units: model_size() bytes. */
static void rig_begin(struct rig *rig, u32 lead, u32 granules, u32 shift, u32 flags, void *meta,
		      void *units)
{
	memset(rig, 0, sizeof(*rig));
	rig->meta = meta;
	model_init(&rig->m, granules, 1ull << shift, units);
	rig->m.lead = lead;
	EXPECT_EQ(tlsf_init(&rig->t, lead, granules, shift, flags, rig->meta), 0);
	rig->moves = rig->t.e.ops->moves;
}

static void rig_init(struct rig *rig, u32 lead, u32 granules, u32 shift, u32 flags)
{
	rig_begin(rig, lead, granules, shift, flags, calloc(1, tlsf_meta_size(granules, shift)),
		  malloc(model_size(granules)));
	rig->cell = malloc(granules);
}

static void rig_end(struct rig *rig)
{
	free(rig->m.unit);
	free(rig->meta);
	free(rig->cell);
}

static u32 granules_of(const struct rig *rig, u64 bytes)
{
	return (bytes + rig->m.bytes - 1) / rig->m.bytes;
}

static u64 total(const struct rig *rig)
{
	return rig->m.units * rig->m.bytes;
}

/* Must the engine serve @n granules at @align? With a search, whatever is there. */
static bool is_sure(const struct rig *rig, u32 n, u32 align)
{
	if (!(rig->t.flags & TLSF_SEARCH))
		rig->moves->sure(&rig->t.e, &n, &align);
	return model_longest(&rig->m, align) >= n;
}

static void reason_given(const struct rig *rig, u32 n, u32 reason)
{
	u32 longest = model_longest(&rig->m, 1);

	if (model_free(&rig->m) < n)
		EXPECT_EQ(reason, MEMMGR_REASON_EXHAUSTED);
	else if (rig->t.flags & TLSF_SEARCH)
		EXPECT_EQ(reason, longest >= n ? MEMMGR_REASON_ALIGNMENT :
			  MEMMGR_REASON_FRAGMENTED);
	else
		EXPECT(reason == MEMMGR_REASON_FRAGMENTED ||
		       (reason == MEMMGR_REASON_ALIGNMENT && longest >= n), "reason %u", reason);
}

static void alloc_refused(const struct rig *rig, const struct engine_request *rq,
			  const struct engine_refusal *why)
{
	u32 align = max_t(u64, 1, rq->align / rig->m.bytes);
	u64 longest;

	if (rq->align > total(rig)) {
		EXPECT_EQ(why->reason, MEMMGR_REASON_TOO_LARGE);
		return;
	}
	longest = model_longest(&rig->m, align) * rig->m.bytes;
	if (rig->t.flags & TLSF_SEARCH)
		EXPECT_EQ(why->largest, longest);
	else
		EXPECT(why->largest <= longest && why->largest < rq->bytes,
		       "largest %llu, in truth %llu", why->largest, longest);
	if (rq->bytes > total(rig)) {
		EXPECT_EQ(why->reason, MEMMGR_REASON_TOO_LARGE);
		return;
	}
	EXPECT(!is_sure(rig, granules_of(rig, rq->bytes), align),
	       "false out of memory: %llu bytes aligned to %u granules", rq->bytes, align);
	reason_given(rig, granules_of(rig, rq->bytes), why->reason);
}

/* The size that a refusal names can be had. */
static void rig_take_largest(struct rig *rig, const struct engine_request *rq, u64 largest)
{
	const struct engine_request again = {
		.bytes = largest, .align = rq->align, .recorded = rq->recorded,
	};
	struct engine_refusal why;
	struct engine_block block;

	if (!largest)
		return;
	EXPECT_EQ(model_ask(&rig->t.e, &again, &block, &why), 0);
	model_add(&rig->m, &again, &block);
}

static void rig_alloc(struct rig *rig, const struct engine_request *rq, bool largest)
{
	u64 joins = rig->t.joins;
	struct engine_refusal why;
	struct engine_block block;
	int err = model_ask(&rig->t.e, rq, &block, &why);

	if (!rq->bytes || rq->align & (rq->align - 1)) {
		EXPECT_EQ(err, -EINVAL);
	} else if (err) {
		EXPECT_EQ(err, -ENOMEM);
		alloc_refused(rig, rq, &why);
		joins = rig->t.joins;
		if (largest)
			rig_take_largest(rig, rq, why.largest);
		rig->m.books.joins += rig->t.joins - joins;
	} else {
		EXPECT_EQ(block.granted, granules_of(rig, rq->bytes) * rig->m.bytes);
		rig->m.books.joins += rig->t.joins - joins;
		model_add(&rig->m, rq, &block);
	}
}

static void rig_resize(struct rig *rig, u64 offset, const struct engine_request *rq)
{
	struct model_unit *unit = model_at(&rig->m, offset);
	struct engine *e = &rig->t.e;
	struct engine_refusal why;
	struct engine_block block;
	int err = e->ops->resize(e, offset, rq, &block, &why);
	u32 room;

	if (!rq->bytes || !unit || unit->recorded != rq->recorded) {
		EXPECT_EQ(err, !rq->bytes ? -EINVAL : unit ? -EACCES : -ENOENT);
		return;
	}
	room = unit->length + model_run(&rig->m, offset / rig->m.bytes + unit->length);
	if (err) {
		EXPECT_EQ(err, -ENOMEM);
		EXPECT(rq->bytes > total(rig) || granules_of(rig, rq->bytes) > room, "room for %u",
		       room);
		EXPECT_EQ(why.largest, room * rig->m.bytes);
		return;
	}
	EXPECT_EQ(block.offset, offset);
	model_resize(&rig->m, rq->bytes, &block);
}

/* As long as each run has less granules than its class is wide, each block is known. */
static void rig_blocks(const struct rig *rig, const struct engine_frag *frag)
{
	u32 blocks[MEMMGR_ORDERS] = { 0 }, g, n, o;

	for (g = 0; g < rig->m.units; g += n) {
		n = rig->m.unit[g].owner ? rig->m.unit[g].length : model_run(&rig->m, g);
		if (rig->m.unit[g].owner)
			continue;
		if (n >= TLSF_EXACT)
			return;
		for (o = 0; o < 5; o++)
			blocks[o] += n >> o & 1;
	}
	for (o = 0; o < MEMMGR_ORDERS; o++)
		EXPECT_EQ(frag->blocks[o], blocks[o]);
}

static void rig_frag(struct rig *rig)
{
	struct engine *e = &rig->t.e;
	struct engine_frag frag;
	u64 sum = 0;
	u32 o, truth;

	e->ops->frag(e, &frag);
	EXPECT_EQ(frag.free, model_free(&rig->m) * rig->m.bytes);
	truth = model_longest(&rig->m, 1);
	EXPECT(frag.largest <= truth * rig->m.bytes, "largest");
	EXPECT(frag.largest >= truth * rig->m.bytes * 15 / 16, "largest %llu, in truth %llu",
	       frag.largest, truth * rig->m.bytes);
	for (o = 0; o < frag.orders; o++) {
		EXPECT(frag.aligned[o] <= model_longest(&rig->m, 1u << o), "aligned");
		sum += (u64)frag.blocks[o] << o;
	}
	EXPECT_EQ(sum, model_free(&rig->m));
	rig_blocks(rig, &frag);
}

static void rig_verify(struct rig *rig)
{
	struct engine *e = &rig->t.e;

	model_same_books(&rig->m, e);
	model_same_walk(&rig->m, e);
	rig_frag(rig);
	model_check(e);
}

static u64 some_bytes(u32 granules, u32 shift)
{
	u32 most = unit_chance(70) ? granules / 8 + 1 : granules;
	u64 n;

	if (unit_chance(2))
		return unit_hostile();
	n = 1 + unit_below(unit_chance(60) ? 6 : most);
	return (n << shift) - unit_below(1u << shift);
}

static u64 some_align(u32 granules, u32 shift)
{
	if (unit_chance(2))
		return unit_hostile();
	if (unit_chance(70))
		return unit_below(2);
	return 1ull << unit_below(shift + env_highest(granules) + 2);
}

/* ---- the functions of kernel callers ---- */

static void step_take(struct rig *rig)
{
	u32 bytes = 1 + unit_below(rig->m.bytes * 5), n = granules_of(rig, bytes);
	const struct engine_request rq = { .bytes = bytes };
	u32 g = tlsf_take(&rig->t, bytes);
	const struct engine_block block = {
		.offset = g * rig->m.bytes, .granted = n * rig->m.bytes, .requested = bytes,
		.used = true,
	};

	if (g != TLSF_NONE)
		model_add(&rig->m, &rq, &block);
	else
		EXPECT(model_longest(&rig->m, 1) < n, "false out of memory: %u granules", n);
}

static void step_give(struct rig *rig)
{
	const struct model_unit *unit = model_any(&rig->m);
	u32 g = !unit || unit_chance(10) ? unit_below(rig->m.units + 2) :
		(u32)(unit - rig->m.unit);

	unit = model_at(&rig->m, g * rig->m.bytes);
	EXPECT_EQ(tlsf_give(&rig->t, g), !unit ? -ENOENT : unit->recorded ? -EACCES : 0);
	if (unit && !unit->recorded)
		model_del(&rig->m, g * rig->m.bytes);
}

/* ---- moves ---- */

static struct sliding *sliding_at(struct rig *rig, u32 g)
{
	u32 i;

	for (i = 0; i < SLIDES; i++)
		if (rig->sliding[i].n && rig->sliding[i].g == g)
			return &rig->sliding[i];
	return NULL;
}

/* A block with a record, of @n granules at @g that waste @slack bytes. */
static struct engine_block block_of(const struct rig *rig, u32 g, u32 n, u32 slack)
{
	return (struct engine_block) {
		.offset = g * rig->m.bytes, .granted = n * rig->m.bytes,
		.requested = n * rig->m.bytes - slack, .used = true, .recorded = true,
	};
}

/* The first granule of a block that may move, or TLSF_NONE. */
static u32 some_block(struct rig *rig)
{
	const struct model_unit *unit = model_any(&rig->m);
	u32 g = unit ? (u32)(unit - rig->m.unit) : TLSF_NONE;

	return unit && unit->recorded && !sliding_at(rig, g) ? g : TLSF_NONE;
}

static bool rig_take_at(struct rig *rig, u32 g, u32 n, u32 slack)
{
	const struct engine_block block = block_of(rig, g, n, slack);
	bool possible = n && g < rig->m.units && n <= rig->m.units - g &&
			model_run(&rig->m, g) >= n;
	struct engine_search search = { 0 };
	int err;

	do {
		err = rig->moves->take_at(&rig->t.e, g, n, slack, &search);
	} while (err == -EAGAIN);
	EXPECT_EQ(err, possible ? 0 : -EBUSY);
	if (possible)
		model_place(&rig->m, &block);
	return possible;
}

static void rig_left(struct rig *rig, u32 g)
{
	rig->moves->left(&rig->t.e, g);
	model_del(&rig->m, g * rig->m.bytes);
}

static void step_take_at(struct rig *rig)
{
	u32 from = some_block(rig), to = unit_below(rig->m.units), i, n, slack;

	if (from == TLSF_NONE)
		return;
	n = unit_chance(95) ? rig->m.unit[from].length : unit_hostile();
	for (i = 0; i < 100 && to < rig->m.units && model_run(&rig->m, to) < n; i++)
		to++;
	if (unit_chance(3))
		to = unit_hostile();
	slack = rig->moves->slack(&rig->t.e, from);
	if (rig_take_at(rig, to, n, slack) && unit_chance(80))
		rig_left(rig, unit_chance(80) ? from : to);
}

/* The block at @g begins at @to and has @n granules now; its waste stays. */
static void block_shift(struct rig *rig, u32 g, u32 to, u32 n)
{
	const struct model_unit *unit = &rig->m.unit[g];
	u32 slack = unit->length * rig->m.bytes - unit->asked;
	const struct engine_block block = block_of(rig, to, n, slack);

	model_shift(&rig->m, g * rig->m.bytes, &block);
	EXPECT_EQ(rig->moves->slack(&rig->t.e, to), slack);
}

static void step_slide(struct rig *rig)
{
	struct sliding *slot = &rig->sliding[unit_below(SLIDES)];
	u32 g = some_block(rig), below = 0, n, to;
	bool possible;

	if (g == TLSF_NONE || slot->n)
		return;
	while (below < g && !rig->m.unit[g - below - 1].owner)
		below++;
	n = rig->m.unit[g].length;
	to = unit_chance(10) ? unit_below(rig->m.units) :
	     unit_chance(50) ? g - below : g - unit_below(below + 1);
	possible = to < g && model_run(&rig->m, to) >= g - to;
	EXPECT_EQ(rig->moves->slide(&rig->t.e, g, to), possible ? 0 : -EBUSY);
	if (!possible)
		return;
	block_shift(rig, g, to, g + n - to);
	*slot = (struct sliding) { .g = to, .from = g, .n = n };
}

static void slide_end(struct rig *rig, struct sliding *slot)
{
	u32 keep = unit_chance(70) ? slot->g : slot->from;

	if (!slot->n)
		return;
	rig->moves->slid(&rig->t.e, slot->g, keep, slot->n);
	block_shift(rig, slot->g, keep, slot->n);
	slot->n = 0;
}

/* A picture, taken in pieces. */
static void rig_picture(struct rig *rig)
{
	u32 g, n, i;

	for (g = 0; g < rig->m.units; g += n) {
		n = 1 + unit_below(min(rig->m.units - g, 40u));
		rig->moves->picture(&rig->t.e, g, n, rig->cell + g);
	}
	for (i = 0; i < rig->m.units; i++) {
		const struct model_unit *unit = &rig->m.unit[i];
		u8 cell = !unit->owner ? PLAN_FREE :
			  PLAN_USED | PLAN_FIXED | (unit->length ? PLAN_START : 0);

		EXPECT(rig->cell[i] == cell, "granule %u is shown as %#x, it is %#x", i,
		       rig->cell[i], cell);
	}
}

static void step_move(struct rig *rig)
{
	u32 dice = unit_below(100);

	if (dice < 35)
		step_take_at(rig);
	else if (dice < 65)
		step_slide(rig);
	else
		slide_end(rig, &rig->sliding[unit_below(SLIDES)]);
}

/* ---- everything ---- */

/* Nobody resizes or frees a block that slides. */
static const struct model_unit *some_free_to_change(struct rig *rig)
{
	const struct model_unit *unit = model_any(&rig->m);

	return unit && !sliding_at(rig, unit - rig->m.unit) ? unit : NULL;
}

static void step(struct rig *rig, u32 fill, bool moves)
{
	const struct model_unit *unit = some_free_to_change(rig);
	u32 granules = rig->m.units, shift = rig->t.shift;
	u64 offset = unit ? model_offset(&rig->m, unit) : total(rig);
	struct engine_request rq = {
		.bytes = some_bytes(granules, shift), .align = some_align(granules, shift),
		.recorded = unit_chance(50),
	};

	if (!moves && unit_chance(15))
		offset = unit_chance(50) ? unit_hostile() :
			 (u64)unit_below(granules + 2) << shift;
	if (moves && unit_chance(30)) {
		step_move(rig);
	} else if (unit_chance(15)) {
		rq.recorded = unit && unit_chance(90) ? unit->recorded : rq.recorded;
		rig_resize(rig, offset, &rq);
	} else if (unit_chance(5)) {
		model_try_find(&rig->m, &rig->t.e, offset);
	} else if (unit_chance(fill)) {
		if (unit_chance(30))
			step_take(rig);
		else
			rig_alloc(rig, &rq, unit_chance(10));
	} else if (!moves && unit_chance(30)) {
		step_give(rig);
	} else {
		rq.recorded = unit && unit_chance(95) ? unit->recorded : rq.recorded;
		model_try_free(&rig->m, &rig->t.e, offset, rq.recorded);
	}
}

static void run_random(u32 lead, u32 granules, u32 shift, u32 flags, bool moves, u32 usual)
{
	u32 ops = unit_ops(usual), fill = 50, every = 32 + granules / 8, i;
	struct rig rig;

	rig_init(&rig, lead, granules, shift, flags);
	for (i = 0; i < ops; i++) {
		unit_context("%u granules of 2^%u behind %u, flags %u, operation %u", granules,
			     shift, lead, flags, i);
		if (i % every == 0) {
			fill = 30 + 10 * unit_below(6);
			rig_verify(&rig);
			rig_picture(&rig);
		}
		step(&rig, fill, moves);
	}
	for (i = 0; i < SLIDES; i++)
		slide_end(&rig, &rig.sliding[i]);
	rig_verify(&rig);
	rig_end(&rig);
}

static const u32 granules[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 31, 32, 33, 40, 63, 64, 65,
				97, 128, 200, 256, 300, 1000, 1024, 1025, 4096 };
static const u32 shifts[] = { 12, 4, 16, 5, 7 };

static void run_all(bool moves, u32 usual)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(granules); i++) {
		u32 lead = unit_chance(50) ? unit_below(granules[i]) : 0;

		run_random(lead, granules[i], shifts[i % ARRAY_SIZE(shifts)], TLSF_SEARCH, moves,
			   usual);
		run_random(lead, granules[i], shifts[i % ARRAY_SIZE(shifts)], 0, moves, usual / 4);
	}
}

static void tlsf_differential(void)
{
	run_all(false, 20000);
}

static void tlsf_moves(void)
{
	run_all(true, 20000);
}

/* ---- all sequences of operations on tiny heaps ---- */

#define TINY_SHIFT	12

/**
 * struct world - a rig, and what may be done to it
 * @rig: the rig
 * @menu: its moves
 */
struct world {
	struct rig rig;
	struct explore_menu menu;
	u64 memory[];
};

static bool world_move(void *state, u32 i)
{
	struct world *world = state;
	struct model *m = &world->rig.m;
	struct engine_request rq;
	enum explore_what what;
	u64 offset;

	if (!explore_pick(&world->menu, i, m->units * m->bytes, &what, &rq, &offset))
		return false;
	if (what == EXPLORE_ALLOC)
		rig_alloc(&world->rig, &rq, false);
	else if (what == EXPLORE_FREE)
		model_try_free(m, &world->rig.t.e, offset, false);
	else
		rig_resize(&world->rig, offset, &rq);
	return true;
}

/* What is in bytes that mean nothing is no part of the state. */
static void tlsf_forget(struct tlsf *t)
{
	u32 g, n, i, keep;

	for (g = 0; g < t->granules; g += n) {
		bool run = t->edge[g / 32] >> g % 32 & 1;

		for (n = 1; !(t->start[(g + n) / 32] >> (g + n) % 32 & 1); n++)
			;
		keep = run ? 8 : 1;
		if (run && n < TLSF_SMALL)
			keep = 0;
		if ((g + n) / 32 > g / 32 + 1)
			keep += 4;
		for (i = keep; i < n; i++)
			if (!(run && (g + n) / 32 > g / 32 + 1 && i >= n - 4))
				t->byte[g + i] = 0;
		for (i = run ? 0 : 1; i < n && t->over; i++)
			t->over[g + i] = 0;
	}
}

static void world_settle(void *state)
{
	struct world *world = state;
	struct engine_books *books = &world->rig.m.books;
	struct tlsf *t = &world->rig.t;

	memset(books->classes, 0, sizeof(books->classes));
	memset(t->e.classes, 0, sizeof(t->e.classes));
	books->allocs = 0;
	t->e.allocs = (struct engine_count) { 0 };
	t->e.changes = 0;
	books->joins = 0;
	t->joins = 0;
	books->peak = books->used;
	t->low = t->free;
	tlsf_forget(t);
}

static void world_verify(void *state)
{
	struct world *world = state;

	rig_verify(&world->rig);
}

static void explore_region(u32 lead, u32 granules, u32 step, u32 flags)
{
	size_t meta = ALIGN(tlsf_meta_size(granules, TINY_SHIFT), sizeof(u64));
	size_t size = sizeof(struct world) + meta + model_size(granules);
	struct world *world = calloc(1, size);
	const struct explore x = {
		.state = world, .size = size, .move = world_move, .settle = world_settle,
		.verify = world_verify, .max_states = 1u << 20,
	};
	u32 n;

	unit_context("%u granules behind %u in steps of %u, flags %u", granules, lead, step, flags);
	explore_menu_init(&world->menu, TINY_SHIFT, granules, step);
	rig_begin(&world->rig, lead, granules, TINY_SHIFT, flags, world->memory,
		  (u8 *)world->memory + meta);
	n = explore(&x);
	printf("# %u granules behind %u, step %u, flags %u: %u states\n", granules, lead, step,
	       flags, n);
	free(world);
}

static void tlsf_exhaustive(void)
{
	static const struct {
		u32 granules;
		u32 step;
		u32 lead;
	} coarse[] = {
		{ 40, 8, 29 }, { 64, 10, 31 }, { 96, 16, 33 }, { 100, 15, 48 }, { 130, 32, 96 },
		{ 193, 32, 127 }, { 2050, 410, 1001 },
	};
	u32 n, i;

	for (n = 1; n <= 8; n++) {
		explore_region(0, n, 1, TLSF_SEARCH);
		explore_region(n / 2, n, 1, 0);
	}
	for (i = 0; i < ARRAY_SIZE(coarse); i++) {
		explore_region(0, coarse[i].granules, coarse[i].step, TLSF_SEARCH);
		explore_region(coarse[i].lead, coarse[i].granules, coarse[i].step, 0);
	}
}

/* A run longer than one step back, whose middle is taken. */
static void tlsf_take_amid(void)
{
	struct rig rig;

	rig_init(&rig, 0, 4096, 5, 0);
	EXPECT(rig_take_at(&rig, 3000, 10, 7), "a place amid a free run");
	EXPECT(!rig_take_at(&rig, 2995, 10, 0), "a place that is taken");
	rig_verify(&rig);
	rig_picture(&rig);
	rig_end(&rig);
}

/* From amid a block on, the next one is what begins behind that place. */
static void tlsf_next_amid(void)
{
	const struct engine_request two = { .bytes = 64 };
	struct engine_refusal why;
	struct engine_block block;
	struct rig rig;
	u64 pos = 1;

	rig_init(&rig, 0, 64, 5, 0);
	EXPECT_EQ(model_ask(&rig.t.e, &two, &block, &why), 0);
	EXPECT_EQ(model_ask(&rig.t.e, &two, &block, &why), 0);
	EXPECT(rig.t.e.ops->next(&rig.t.e, &pos, &block), "nothing behind it");
	EXPECT_EQ(block.offset, 64);
	pos = 33;
	EXPECT(rig.t.e.ops->next(&rig.t.e, &pos, &block), "nothing behind it");
	EXPECT_EQ(block.offset, 64);
	EXPECT_EQ(pos, 128);
	pos = 64 * 32 - 1;
	EXPECT(!rig.t.e.ops->next(&rig.t.e, &pos, &block), "something behind the end");
	rig_end(&rig);
}

/* A search goes in steps. The largest size is exact unless something changed between two. */
static void exact_of(bool changes, bool exact)
{
	const struct engine_request one = { .bytes = 32 };
	const u32 granules = 1024;
	void *meta = calloc(1, tlsf_meta_size(granules, 5));
	struct engine_search search = { 0 };
	struct engine_request rq = { .bytes = 64, .search = &search };
	struct engine_refusal why = { 0 };
	struct engine_block block;
	u32 steps = 0, i;
	struct tlsf t;
	int err;

	unit_context("changes %u", changes);
	EXPECT_EQ(tlsf_init(&t, 0, granules, 5, TLSF_SEARCH, meta), 0);
	for (i = 0; i < granules; i++)
		EXPECT_EQ(model_ask(&t.e, &one, &block, &why), 0);
	for (i = 0; i < granules; i += 2)
		EXPECT_EQ(t.e.ops->free(&t.e, (u64)i << 5, false, &block), 0);
	while ((err = t.e.ops->alloc(&t.e, &rq, &block, &why)) == -EAGAIN)
		if (!steps++ && changes)
			EXPECT_EQ(model_ask(&t.e, &one, &block, &why), 0);
	EXPECT_EQ(err, -ENOMEM);
	EXPECT_EQ(why.largest, 32);
	EXPECT_EQ(why.exact, exact);
	EXPECT(steps, "it went in one step");
	free(meta);
}

static void tlsf_largest_exact(void)
{
	exact_of(false, true);
	exact_of(true, false);
}

/* Each of two runs of 67 granules is a block of 64, one of two and one. */
static void tlsf_frag_blocks(void)
{
	static const u64 sizes[] = { 67, 1, 67, 1 };
	struct engine_refusal why;
	struct engine_block block[4];
	struct engine_frag frag;
	struct rig rig;
	u32 i;

	rig_init(&rig, 0, 136, 5, 0);
	for (i = 0; i < 4; i++) {
		const struct engine_request rq = { .bytes = sizes[i] << 5 };

		EXPECT_EQ(model_ask(&rig.t.e, &rq, &block[i], &why), 0);
	}
	for (i = 0; i < 4; i += 2)
		EXPECT_EQ(rig.t.e.ops->free(&rig.t.e, block[i].offset, false, &block[i]), 0);
	rig.t.e.ops->frag(&rig.t.e, &frag);
	for (i = 0; i < frag.orders; i++)
		EXPECT_EQ(frag.blocks[i], i == 0 || i == 1 || i == 6 ? 2 : 0);
	rig_end(&rig);
}

/* Without the search a request is sure of what is at least as long as all of a class. */
static void tlsf_sure_lengths(void)
{
	static const u32 wanted[][3] = {	/* granules, alignment, what is sure */
		{ 15, 1, 15 }, { 31, 1, 31 }, { 33, 1, 34 }, { 30, 4, 34 }, { 65, 1, 68 },
	};
	struct rig rig;
	u32 i, n, align;

	rig_init(&rig, 0, 256, 5, 0);
	for (i = 0; i < ARRAY_SIZE(wanted); i++) {
		n = wanted[i][0];
		align = wanted[i][1];
		rig.moves->sure(&rig.t.e, &n, &align);
		EXPECT_EQ(n, wanted[i][2]);
		EXPECT_EQ(align, 1);
	}
	rig_end(&rig);
}

static void tlsf_init_refused(void)
{
	struct tlsf t;
	u32 meta[4096];

	EXPECT_EQ(tlsf_init(&t, 0, 0, 5, 0, meta), -EINVAL);
	EXPECT_EQ(tlsf_init(&t, 8, 8, 5, 0, meta), -EINVAL);
	EXPECT_EQ(tlsf_init(&t, 0, 8, TLSF_MIN_SHIFT - 1, 0, meta), -EINVAL);
	EXPECT_EQ(tlsf_init(&t, 0, 8, TLSF_MAX_SHIFT + 1, 0, meta), -EINVAL);
	EXPECT_EQ(tlsf_init(&t, 0, TLSF_MAX_GRANULES + 1, 5, 0, meta), -EINVAL);
	EXPECT_EQ(tlsf_init(&t, 0, 8, 5, TLSF_SEARCH << 1, meta), -EINVAL);
}

static const struct unit_test tests[] = {
	{ "tlsf_differential", tlsf_differential },
	{ "tlsf_moves", tlsf_moves },
	{ "tlsf_exhaustive", tlsf_exhaustive },
	{ "tlsf_take_amid", tlsf_take_amid },
	{ "tlsf_next_amid", tlsf_next_amid },
	{ "tlsf_sure_lengths", tlsf_sure_lengths },
	{ "tlsf_largest_exact", tlsf_largest_exact },
	{ "tlsf_frag_blocks", tlsf_frag_blocks },
	{ "tlsf_init_refused", tlsf_init_refused },
};

int main(int argc, char **argv)
{
	return unit_main(argc, argv, tests, ARRAY_SIZE(tests));
}
