// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Stack against its model.
 *
 * Rule: module/core/stack.h.
 */
#include <stdio.h>

#include "explore.h"
#include "model.h"
#include "core/stack.h"
#include "unit.h"

#define UNIT	8u	/* bytes of a unit of the model */
#define MARKS	8u

/**
 * struct level - a block of the model, from the bottom up
 * @offset: of it
 * @born: number of its allocation
 * @abandoned: it goes as soon as it is the top one
 */
struct level {
	u32 offset;
	u32 born;
	u32 abandoned;
};

/**
 * struct mark - a mark, and what it stands for
 * @mark: as the engine gave it
 * @count: blocks that were live
 * @born: number of the top one
 */
struct mark {
	u64 mark;
	u32 count;
	u32 born;
};

/**
 * struct rig - a stack beside its model
 * @s: the engine
 * @m: the model of its memory
 * @count: live blocks
 * @births: allocations ever
 * @marks: some marks, those of a number of 0 are of the empty stack
 * @level: the live blocks
 */
struct rig {
	struct stack s;
	struct model m;
	u32 count;
	u32 births;
	struct mark marks[MARKS];
	struct level *level;
	u64 memory[];
};

static size_t levels_size(u32 max)
{
	return ALIGN(max * sizeof(struct level), sizeof(u64));
}

static size_t rig_size(u32 units, u32 max)
{
	return sizeof(struct rig) + stack_meta_size(max) + levels_size(max) +
	       model_size(units);
}

static struct rig *rig_new(u32 units, u32 max)
{
	struct rig *rig = calloc(1, rig_size(units, max));
	u8 *memory = (u8 *)rig->memory;

	unit_context("%u units, %u blocks", units, max);
	EXPECT_EQ(stack_init(&rig->s, (u64)units * UNIT, max, memory), 0);
	memory += stack_meta_size(max);
	rig->level = (struct level *)memory;
	model_init(&rig->m, units, UNIT, memory + levels_size(max));
	return rig;
}

static const struct level *top_of(const struct rig *rig)
{
	return rig->count ? &rig->level[rig->count - 1] : NULL;
}

/* First byte behind the top block. */
static u64 height(const struct rig *rig)
{
	const struct level *top = top_of(rig);

	return top ? top->offset +
		     (u64)model_at(&rig->m, top->offset)->length * UNIT : 0;
}

static u64 total(const struct rig *rig)
{
	return (u64)rig->m.units * UNIT;
}

static void pop(struct rig *rig)
{
	do
		model_del(&rig->m, rig->level[--rig->count].offset);
	while (rig->count && top_of(rig)->abandoned);
}

/* The level of the live block at @offset, NULL when there is none. */
static struct level *level_at(struct rig *rig, u64 offset)
{
	u32 i;

	for (i = 0; i < rig->count; i++)
		if (rig->level[i].offset == offset && !rig->level[i].abandoned)
			return &rig->level[i];
	return NULL;
}

static u64 largest(const struct rig *rig, u64 align)
{
	u64 start = height(rig);

	if (rig->count == rig->s.max)
		return 0;
	if (align > UNIT)
		start = (start + align - 1) / align * align;
	return start < total(rig) ? total(rig) - start : 0;
}

/* A stack counts the gaps below its top as used. */
static void books_height(struct rig *rig)
{
	rig->m.books.used = height(rig);
	rig->m.books.peak = max(rig->m.books.peak, rig->m.books.used);
}

static void alloc_refused(const struct rig *rig, const struct engine_request *rq,
			  const struct engine_refusal *why)
{
	u64 fits = rq->align > total(rig) ? 0 : largest(rig, rq->align);

	EXPECT(rq->bytes > fits, "false out of memory: %llu aligned to %llu",
	       rq->bytes, rq->align);
	EXPECT_EQ(why->largest, fits);
	if (rq->align > total(rig) || rq->bytes > total(rig))
		EXPECT_EQ(why->reason, MEMMGR_REASON_TOO_LARGE);
	else if (rig->count == rig->s.max)
		EXPECT_EQ(why->reason, MEMMGR_REASON_RECORDS);
	else if (rq->bytes <= total(rig) - height(rig))
		EXPECT_EQ(why->reason, MEMMGR_REASON_ALIGNMENT);
	else
		EXPECT_EQ(why->reason, MEMMGR_REASON_EXHAUSTED);
}

static void block_came(struct rig *rig, const struct engine_request *rq,
		       const struct engine_block *block)
{
	u64 end = height(rig);

	EXPECT(block->offset >= end && block->offset - end <
	       max_t(u64, rq->align, UNIT), "block at %llu, the top was %llu",
	       block->offset, end);
	EXPECT(block->granted - rq->bytes < UNIT, "%llu granted for %llu",
	       block->granted, rq->bytes);
	model_add(&rig->m, rq, block);
	rig->level[rig->count++] = (struct level) {
		.offset = block->offset,
		.born = ++rig->births,
	};
	books_height(rig);
}

static void try_alloc(struct rig *rig, const struct engine_request *rq)
{
	struct engine *e = &rig->s.e;
	struct engine_block block;
	struct engine_refusal why;
	int err;

	memset(&block, 0x5a, sizeof(block));
	memset(&why, 0x5a, sizeof(why));
	err = model_ask(e, rq, &block, &why);
	if (!rq->bytes || rq->align & (rq->align - 1)) {
		EXPECT_EQ(err, -EINVAL);
	} else if (err) {
		EXPECT_EQ(err, -ENOMEM);
		alloc_refused(rig, rq, &why);
	} else {
		block_came(rig, rq, &block);
	}
}

/* What free and resize of the block at @offset should say. */
static int touch(struct rig *rig, u64 offset, bool recorded)
{
	struct level *level = level_at(rig, offset);

	if (!level)
		return -ENOENT;
	if (level != top_of(rig))
		return -EBUSY;
	return model_at(&rig->m, offset)->recorded == recorded ? 0 : -EACCES;
}

static void try_free(struct rig *rig, u64 offset, bool recorded)
{
	int expected = touch(rig, offset, recorded);
	struct engine *e = &rig->s.e;
	struct engine_block block;

	memset(&block, 0x5a, sizeof(block));
	EXPECT_EQ(e->ops->free(e, offset, recorded, &block), expected);
	if (expected)
		return;
	EXPECT_EQ(block.offset, offset);
	model_same_block(&rig->m, &block);
	pop(rig);
	books_height(rig);
}

static void try_resize(struct rig *rig, u64 offset,
		       const struct engine_request *rq)
{
	int expected = rq->bytes ? touch(rig, offset, rq->recorded) : -EINVAL;
	bool fits = rq->bytes <= total(rig) - offset;
	struct engine *e = &rig->s.e;
	struct engine_block block;
	struct engine_refusal why;

	if (!expected && !fits)
		expected = -ENOMEM;
	memset(&block, 0x5a, sizeof(block));
	memset(&why, 0x5a, sizeof(why));
	EXPECT_EQ(e->ops->resize(e, offset, rq, &block, &why), expected);
	if (expected == -ENOMEM) {
		EXPECT_EQ(why.reason, rq->bytes > total(rig) ?
			  MEMMGR_REASON_TOO_LARGE : MEMMGR_REASON_EXHAUSTED);
		EXPECT_EQ(why.largest, total(rig) - offset);
	}
	if (expected)
		return;
	EXPECT_EQ(block.offset, offset);
	EXPECT(block.granted - rq->bytes < UNIT, "%llu granted for %llu",
	       block.granted, rq->bytes);
	model_resize(&rig->m, rq->bytes, &block);
	books_height(rig);
}

static void try_find(struct rig *rig, u64 offset)
{
	struct engine *e = &rig->s.e;
	struct engine_block block;

	EXPECT_EQ(e->ops->find(e, offset, &block),
		  level_at(rig, offset) ? 0 : -ENOENT);
	if (level_at(rig, offset)) {
		EXPECT_EQ(block.offset, offset);
		model_same_block(&rig->m, &block);
	}
}

static void try_abandon(struct rig *rig, u64 offset)
{
	struct level *level = level_at(rig, offset);

	EXPECT_EQ(stack_abandon(&rig->s, offset), level ? 0 : -ENOENT);
	if (!level)
		return;
	if (level == top_of(rig))
		pop(rig);
	else
		level->abandoned = true;
	books_height(rig);
}

static void take_mark(struct rig *rig, struct mark *mark)
{
	mark->mark = stack_mark(&rig->s);
	mark->count = rig->count;
	mark->born = rig->count ? top_of(rig)->born : 0;
}

/* A mark holds as long as the block that was the top one then lives. */
static bool mark_holds(const struct rig *rig, const struct mark *mark)
{
	return !mark->count || (mark->count <= rig->count &&
				rig->level[mark->count - 1].born == mark->born);
}

static void try_release(struct rig *rig, const struct mark *mark)
{
	bool holds = mark_holds(rig, mark);
	u32 before = rig->count;
	u32 depth, released;

	EXPECT_EQ(stack_depth(&rig->s, mark->mark, &depth), holds ? 0 : -EINVAL);
	EXPECT_EQ(stack_release(&rig->s, mark->mark, &released),
		  holds ? 0 : -EINVAL);
	if (!holds)
		return;
	EXPECT_EQ(depth, mark->count);
	while (rig->count > mark->count)
		pop(rig);
	EXPECT_EQ(released, before - rig->count);
	books_height(rig);
}

static void verify(void *state)
{
	struct rig *rig = state;
	struct engine *e = &rig->s.e;
	u64 free = total(rig) - height(rig);
	struct engine_frag frag;
	u64 sum = 0;
	u32 o;

	model_same_books(&rig->m, e);
	model_same_walk(&rig->m, e);
	model_check(e);
	memset(&frag, 0x5a, sizeof(frag));
	e->ops->frag(e, &frag);
	EXPECT_EQ(frag.unit, UNIT);
	EXPECT_EQ(frag.free, free);
	EXPECT_EQ(frag.largest, largest(rig, 1));
	EXPECT(!frag.uniform, "uniform");
	for (o = 0; o < MEMMGR_ORDERS; o++) {
		EXPECT(frag.blocks[o] <= (o < frag.orders), "order %u", o);
		sum += (u64)frag.blocks[o] << o;
	}
	EXPECT_EQ(sum * UNIT, free);
	EXPECT(1ull << (frag.orders - 1) <= rig->m.units &&
	       rig->m.units < 1ull << frag.orders, "%u orders", frag.orders);
}

static u64 some_offset(const struct rig *rig)
{
	const struct level *top = top_of(rig);

	if (!top || unit_chance(5))
		return unit_hostile();
	if (unit_chance(10))
		return unit_below(rig->m.units + 2) * UNIT;
	if (unit_chance(20))
		return rig->level[unit_below(rig->count)].offset;
	return top->offset + (unit_chance(5) ? 1 + unit_below(20) : 0);
}

static bool some_recorded(const struct rig *rig, u64 offset)
{
	const struct model_unit *unit = model_at(&rig->m, offset);

	return (unit && unit->recorded) != unit_chance(5);
}

static struct engine_request some_request(const struct rig *rig)
{
	u32 most = unit_chance(80) ? 100 : rig->m.units * UNIT;

	return (struct engine_request) {
		.bytes = unit_chance(5) ? unit_hostile() : 1 + unit_below(most),
		.align = unit_chance(5) ? unit_hostile() :
			 unit_chance(70) ? unit_below(2) : 1u << unit_below(12),
		.recorded = unit_chance(50),
	};
}

static void step_mark(struct rig *rig)
{
	struct mark *mark = &rig->marks[unit_below(MARKS)];

	if (unit_chance(60))
		take_mark(rig, mark);
	else
		try_release(rig, mark);
}

static void step(struct rig *rig, u32 fill)
{
	struct engine_request rq = some_request(rig);
	u64 offset = some_offset(rig);
	bool recorded = some_recorded(rig, offset);
	u32 dice = unit_below(100);

	if (dice < 8) {
		rq.recorded = recorded;
		try_resize(rig, offset, &rq);
	} else if (dice < 11) {
		try_find(rig, offset);
	} else if (dice < 13) {
		try_abandon(rig, offset);
	} else if (dice < 16) {
		step_mark(rig);
	} else if (unit_chance(fill)) {
		try_alloc(rig, &rq);
	} else {
		try_free(rig, offset, recorded);
	}
}

static void run_random(u32 units, u32 max, u32 usual)
{
	struct rig *rig = rig_new(units, max);
	u32 ops = unit_ops(usual);
	u32 every = 64 + max;
	u32 fill = 50;
	u32 i;

	for (i = 0; i < ops; i++) {
		unit_context("%u units, %u blocks, operation %u", units, max, i);
		if (i % every == 0) {
			fill = 20 + 10 * unit_below(7);
			verify(rig);
		}
		step(rig, fill);
	}
	verify(rig);
	free(rig);
}

static void stack_differential(void)
{
	static const struct {
		u32 units;
		u32 max;
	} shapes[] = {
		{ 1, 1 }, { 2, 2 }, { 5, 3 }, { 32, 40 }, { 33, 8 }, { 64, 64 },
		{ 100, 1 }, { 1000, 1000 }, { 1025, 30 }, { 4096, 200 },
		{ 10000, 1000 },
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(shapes); i++)
		run_random(shapes[i].units, shapes[i].max, 60000);
}

static void move_mark(struct rig *rig, u32 what)
{
	if (what == 0)
		take_mark(rig, &rig->marks[0]);
	else
		try_release(rig, &rig->marks[0]);
}

/* Moves: mark, release; each size and alignment; at each unit the rest. */
static bool move(void *state, u32 i)
{
	struct rig *rig = state;
	u32 units = rig->m.units;
	struct engine_request rq = { 0 };
	u64 offset;

	if (i < 2) {
		move_mark(rig, i);
		return true;
	}
	i -= 2;
	if (i < 3 * units) {
		rq.bytes = (i % units + 1) * UNIT;
		rq.align = UNIT << i / units;
		try_alloc(rig, &rq);
		return true;
	}
	i -= 3 * units;
	offset = i / (units + 2) * UNIT;
	i %= units + 2;
	if (offset >= total(rig))
		return false;
	rq.bytes = i * UNIT;
	if (i == units + 1)
		try_abandon(rig, offset);
	else if (i)
		try_resize(rig, offset, &rq);
	else
		try_free(rig, offset, false);
	return true;
}

/* The number that a mark or a block has after renumbering. */
static u32 renumbered(const struct rig *rig, const struct mark *mark)
{
	return !mark->count ? 0 : mark_holds(rig, mark) ? mark->count : 1000;
}

/*
 * Only equality of the numbers matters: count the live blocks from 1, and give
 * a mark that does not hold a number that none will have.
 */
static void settle(void *state)
{
	struct rig *rig = state;
	struct engine_books *books = &rig->m.books;
	struct mark *mark = &rig->marks[0];
	u32 i;

	mark->born = renumbered(rig, mark);
	mark->mark = (u64)mark->born << 32 | mark->count;
	for (i = 0; i < rig->count; i++) {
		rig->level[i].born = i + 1;
		rig->s.entry[i].seq = i + 1;
	}
	rig->births = rig->count;
	rig->s.seq = rig->count;
	for (; i < rig->s.max; i++) {
		rig->level[i] = (struct level) { 0 };
		rig->s.entry[i] = (struct stack_entry) { 0 };
	}
	memset(books->classes, 0, sizeof(books->classes));
	memset(rig->s.e.classes, 0, sizeof(rig->s.e.classes));
	books->allocs = 0;
	rig->s.e.allocs = (struct engine_count) { 0 };
	rig->s.e.changes = 0;
	books->peak = books->used;
	rig->s.high = 0;
	stack_reach(&rig->s, stack_top(&rig->s)->end);
}

static void stack_exhaustive(void)
{
	static const struct {
		u32 units;
		u32 max;
	} shapes[] = { { 1, 1 }, { 3, 3 }, { 5, 3 }, { 5, 5 }, { 6, 6 }, { 7, 4 } };
	u32 i;

	for (i = 0; i < ARRAY_SIZE(shapes); i++) {
		struct rig *rig = rig_new(shapes[i].units, shapes[i].max);
		const struct explore x = {
			.state = rig,
			.size = rig_size(shapes[i].units, shapes[i].max),
			.move = move,
			.settle = settle,
			.verify = verify,
			.max_states = 1u << 20,
		};

		printf("# %u units, %u blocks: %u states\n", shapes[i].units,
		       shapes[i].max, explore(&x));
		free(rig);
	}
}

/* All 4 GiB, and what init refuses. */
static void stack_limits(void)
{
	const u64 all = 1ull << 32;
	const struct engine_request rq = { .bytes = all - 1 };
	const struct engine_request half = { .bytes = all / 2, .align = all / 2 };
	const struct engine_request more = { .bytes = all };
	struct stack_entry entries[5];
	struct engine_block block;
	struct engine_refusal why;
	struct stack s;
	struct engine *e = &s.e;

	EXPECT_EQ(stack_init(&s, 0, 4, entries), -EINVAL);
	EXPECT_EQ(stack_init(&s, 12, 4, entries), -EINVAL);
	EXPECT_EQ(stack_init(&s, all + 8, 4, entries), -EINVAL);
	EXPECT_EQ(stack_init(&s, ~0ull, 4, entries), -EINVAL);
	EXPECT_EQ(stack_init(&s, 8, 0, entries), -EINVAL);
	EXPECT_EQ(stack_meta_size(4), sizeof(entries));
	EXPECT_EQ(stack_init(&s, all, 4, entries), 0);
	EXPECT_EQ(model_ask(e, &more, &block, &why), -ENOMEM);
	EXPECT_EQ(why.reason, MEMMGR_REASON_TOO_LARGE);
	EXPECT_EQ(why.largest, all - 1);
	EXPECT_EQ(model_ask(e, &rq, &block, &why), 0);
	EXPECT_EQ(block.granted, all);
	model_check(e);
	EXPECT_EQ(model_ask(e, &half, &block, &why), -ENOMEM);
	EXPECT_EQ(why.reason, MEMMGR_REASON_EXHAUSTED);
	EXPECT_EQ(e->ops->free(e, 0, false, &block), 0);
	EXPECT_EQ(model_ask(e, &half, &block, &why), 0);
	EXPECT_EQ(model_ask(e, &half, &block, &why), 0);
	EXPECT_EQ(block.offset, all / 2);
	EXPECT_EQ(e->ops->resize(e, all / 2, &rq, &block, &why), -ENOMEM);
	EXPECT_EQ(why.largest, all / 2);
	model_check(e);
}

/* Blocks are told apart and healthy when the numbers wrap around. */
static void stack_numbers(void)
{
	const struct engine_request rq = { .bytes = 8 };
	struct stack_entry entries[5];
	struct engine_block block;
	struct engine_refusal why;
	struct stack s;
	struct engine *e = &s.e;
	u32 released, i;
	u64 mark = 0;

	EXPECT_EQ(stack_init(&s, 32, 4, entries), 0);
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(model_ask(e, &rq, &block, &why), 0);
		if (i == 1)
			mark = stack_mark(&s);
		s.seq += 0x90000000;
		model_check(e);
	}
	EXPECT_EQ(stack_release(&s, mark, &released), 0);
	EXPECT_EQ(released, 2);
	EXPECT_EQ(e->ops->free(e, 8, false, &block), 0);
	EXPECT_EQ(model_ask(e, &rq, &block, &why), 0);
	EXPECT_EQ(stack_release(&s, mark, &released), -EINVAL);
}

static void stack_hostile(void)
{
	struct rig *rig = rig_new(100, 20);
	u32 i, ops = unit_ops(20000);

	for (i = 0; i < ops; i++) {
		struct engine_request rq = {
			.bytes = unit_hostile(),
			.align = unit_hostile(),
			.recorded = unit_chance(50),
		};
		u32 released;

		unit_context("operation %u", i);
		step(rig, 50);
		try_alloc(rig, &rq);
		try_resize(rig, unit_hostile(), &rq);
		try_resize(rig, some_offset(rig), &rq);
		try_free(rig, unit_hostile(), rq.recorded);
		try_find(rig, unit_hostile());
		try_abandon(rig, unit_hostile());
		EXPECT_EQ(stack_release(&rig->s, ~0ull, &released), -EINVAL);
		EXPECT_EQ(stack_release(&rig->s, 1ull << 32, &released), -EINVAL);
		model_try_next(&rig->m, &rig->s.e);
		verify(rig);
	}
	free(rig);
}

/*
 * The short way of a driver's free takes the top block alone, and only if it has no
 * record: no number that is its place but for a bit of a flag, or but for what 32 bits
 * cannot hold, and nothing in an empty stack.
 */
static void stack_wild(void)
{
	struct engine_request rq = { .bytes = 64 };
	struct rig *rig = rig_new(100, 20);
	struct engine_block block;
	struct engine_refusal why;
	u32 bit, recorded, live;
	unsigned long place;

	for (live = 0; live < 3; live++) {
		recorded = live == 2;
		rq.recorded = recorded;
		if (live)
			EXPECT_EQ(rig->s.e.ops->alloc(&rig->s.e, &rq, &block, &why), 0);
		place = live ? block.offset : 0;
		for (bit = 0; bit < 8 * sizeof(place); bit++) {
			unit_context("%u blocks, bit %u", live, bit);
			EXPECT(!stack_give(&rig->s, place ^ 1ul << bit, 0), "taken");
			EXPECT(!stack_give(&rig->s, ~0ul ^ 1ul << bit, 0), "taken");
			EXPECT(!stack_give(&rig->s, ~0ul >> bit, 0), "taken");
			if (~0ul >> bit > 7)
				EXPECT(!stack_give(&rig->s, (~0ul >> bit) & ~7ul, 0), "taken");
			EXPECT_EQ(rig->s.count, live);
		}
		if (live != 1)
			EXPECT(!stack_give(&rig->s, place, 0), "taken");
		if (live != 2)
			EXPECT(!stack_give(&rig->s, place, STACK_RECORDED), "taken");
	}
	EXPECT(stack_give(&rig->s, block.offset, STACK_RECORDED), "not taken");
	EXPECT(stack_give(&rig->s, 0, 0), "not taken");
	EXPECT_EQ(rig->s.count, 0);
	model_check(&rig->s.e);
	free(rig);
}

#define BURIED	2000u

/* However many abandoned blocks surface: some at a time, and all before one is refused. */
static void stack_surfaces_in_steps(void)
{
	const struct engine_request rq = { .bytes = 8 }, all = { .bytes = 8 * BURIED };
	struct stack_entry *entries = calloc(BURIED + 2, sizeof(*entries));
	struct engine_block block;
	struct engine_refusal why;
	u32 i, before, steps = 0;
	struct stack s;

	EXPECT_EQ(stack_init(&s, 8 * (BURIED + 1), BURIED + 1, entries), 0);
	for (i = 0; i <= BURIED; i++)
		EXPECT_EQ(model_ask(&s.e, &rq, &block, &why), 0);
	for (i = BURIED; i--;)
		EXPECT_EQ(stack_abandon(&s, 8 * i), 0);
	for (before = s.count; s.count && steps < 10; before = s.count, steps++) {
		if (!steps)
			EXPECT_EQ(s.e.ops->free(&s.e, 8 * BURIED, false, &block), 0);
		else
			stack_surface(&s);
		EXPECT(before - s.count <= 257, "%u went at once", before - s.count);
		EXPECT(s.count < before, "none went");
		model_check(&s.e);
		if (steps == 3)
			break;
	}
	EXPECT(s.count, "all are gone already");
	EXPECT_EQ(model_ask(&s.e, &all, &block, &why), 0);
	EXPECT_EQ(block.offset, 0);
	EXPECT_EQ(s.abandoned, 0);
	model_check(&s.e);
	free(entries);
}

static const struct unit_test tests[] = {
	{ "stack_differential", stack_differential },
	{ "stack_exhaustive", stack_exhaustive },
	{ "stack_limits", stack_limits },
	{ "stack_numbers", stack_numbers },
	{ "stack_hostile", stack_hostile },
	{ "stack_wild", stack_wild },
	{ "stack_surfaces_in_steps", stack_surfaces_in_steps },
};

int main(int argc, char **argv)
{
	return unit_main(argc, argv, tests, ARRAY_SIZE(tests));
}
