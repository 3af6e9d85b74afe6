// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Pool against its model.
 *
 * Rule: module/core/pool.h.
 */
#include <stdint.h>
#include <stdio.h>

#include "explore.h"
#include "model.h"
#include "core/pool.h"
#include "unit.h"

/* A unit of the model is a block. */
struct rig {
	struct pool p;
	struct model m;
	u64 memory[];
};

static size_t rig_size(u32 count)
{
	return sizeof(struct rig) + ALIGN(pool_meta_size(count), sizeof(u64)) +
	       model_size(count);
}

static struct rig *rig_new(u32 block, u32 align, u32 count)
{
	size_t meta = ALIGN(pool_meta_size(count), sizeof(u64));
	struct rig *rig = calloc(1, rig_size(count));

	unit_context("%u blocks of %u, aligned to %u", count, block, align);
	EXPECT_EQ(pool_init(&rig->p, block, align, count, rig->memory), 0);
	model_init(&rig->m, count, rig->p.stride, (u8 *)rig->memory + meta);
	EXPECT(rig->p.stride >= block && rig->p.stride % align == 0 &&
	       rig->p.stride - block < align, "stride %u", rig->p.stride);
	return rig;
}

static void verify(void *state)
{
	struct rig *rig = state;
	struct engine *e = &rig->p.e;
	u32 free = model_free(&rig->m);
	struct engine_block block;
	struct engine_frag frag;
	u64 pos = 0;
	u32 n = 0;

	model_same_books(&rig->m, e);
	model_same_walk(&rig->m, e);
	model_check(e);
	while (e->ops->next(e, &pos, &block))
		n++;
	EXPECT_EQ(n, rig->m.units);
	memset(&frag, 0x5a, sizeof(frag));
	e->ops->frag(e, &frag);
	EXPECT_EQ(frag.orders, 1);
	EXPECT_EQ(frag.unit, rig->p.stride);
	EXPECT_EQ(frag.free, (u64)free * rig->p.stride);
	EXPECT_EQ(frag.blocks[0], free);
	EXPECT_EQ(frag.largest, free ? rig->p.block : 0);
	EXPECT(frag.uniform, "not uniform");
}

static void alloc_refused(const struct rig *rig, const struct engine_request *rq,
			  const struct engine_refusal *why)
{
	bool full = !model_free(&rig->m);
	bool align = rq->align && rig->p.stride % rq->align;
	bool bytes = rq->bytes > rig->p.block;

	EXPECT(align || bytes || full, "false out of memory: %llu aligned to %llu",
	       rq->bytes, rq->align);
	EXPECT_EQ(why->reason, align || bytes ? MEMMGR_REASON_TOO_LARGE :
					       MEMMGR_REASON_EXHAUSTED);
	EXPECT_EQ(why->largest, align || full ? 0 : rig->p.block);
}

static void try_alloc(struct rig *rig, const struct engine_request *rq)
{
	struct engine *e = &rig->p.e;
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
		EXPECT_EQ(block.granted, rig->p.stride);
		model_add(&rig->m, rq, &block);
	}
}

static void try_resize(struct rig *rig, u64 offset,
		       const struct engine_request *rq)
{
	struct model_unit *unit = model_at(&rig->m, offset);
	struct engine *e = &rig->p.e;
	struct engine_block block;
	struct engine_refusal why;
	int err;

	memset(&block, 0x5a, sizeof(block));
	memset(&why, 0x5a, sizeof(why));
	err = e->ops->resize(e, offset, rq, &block, &why);
	if (!rq->bytes) {
		EXPECT_EQ(err, -EINVAL);
	} else if (!unit || unit->recorded != rq->recorded) {
		EXPECT_EQ(err, unit ? -EACCES : -ENOENT);
	} else if (rq->bytes > rig->p.block) {
		EXPECT_EQ(err, -ENOMEM);
		EXPECT_EQ(why.reason, MEMMGR_REASON_TOO_LARGE);
		EXPECT_EQ(why.largest, rig->p.block);
	} else {
		EXPECT_EQ(err, 0);
		EXPECT_EQ(block.offset, offset);
		model_resize(&rig->m, rq->bytes, &block);
	}
}

/* The fast path of kernel callers: whole blocks by number. */
static void try_take(struct rig *rig, bool recorded)
{
	const struct engine_request rq = {
		.bytes = rig->p.block,
		.recorded = recorded,
	};
	u32 i = 0;
	bool took = pool_take(&rig->p, recorded ? POOL_RECORDED : 0, &i);
	const struct engine_block block = {
		.offset = (u64)i * rig->p.stride,
		.granted = rig->p.stride,
		.requested = rig->p.block,
		.used = true,
		.recorded = recorded,
	};

	EXPECT_EQ(took, !!model_free(&rig->m));
	if (took)
		model_add(&rig->m, &rq, &block);
}

static void try_give(struct rig *rig, u32 offset, bool recorded)
{
	struct model_unit *unit = model_at(&rig->m, offset);
	u32 mark = recorded ? POOL_RECORDED : 0;
	int err = 0;

	if (unit_chance(50) || !pool_give_whole(&rig->p, offset, mark))
		err = pool_give(&rig->p, offset, mark);
	EXPECT_EQ(err, !unit ? -ENOENT :
		       unit->recorded != recorded ? -EACCES : 0);
	if (!err)
		model_del(&rig->m, offset);
}

#define MANY	9u

/* The address of an offset, in a pool that begins at BASE. */
#define BASE	0x1000u

static void *address(u64 offset)
{
	return (void *)(uintptr_t)(BASE + offset);
}

/* Give back many whole blocks, from the end on, up to one that is none. */
static void try_give_some(struct rig *rig, void **blocks, u32 count, u32 n)
{
	u32 bad = unit_below(2 * count), left = count - n, i;

	if (bad < count) {
		u32 off = 1 + unit_below(rig->p.stride - 1);

		blocks[bad] = (char *)blocks[bad] + off;
		left = max(left, bad + 1);
	}
	EXPECT_EQ(pool_give_some(&rig->p, address(0), blocks, count, n), left);
	for (i = left; i < count; i++)
		model_del(&rig->m, (uintptr_t)blocks[i] - BASE);
}

/* Many whole blocks at once, no more than there are. */
static void try_some(struct rig *rig)
{
	const struct engine_request rq = { .bytes = rig->p.block };
	u32 i, n = unit_below(min(model_free(&rig->m), MANY) + 1);
	const u32 *numbers = pool_take_some(&rig->p, n);
	void *blocks[MANY];

	for (i = 0; i < n; i++) {
		const struct engine_block block = {
			.offset = (u64)numbers[i] * rig->p.stride,
			.granted = rig->p.stride,
			.requested = rig->p.block,
			.used = true,
		};

		model_add(&rig->m, &rq, &block);
		blocks[i] = address(block.offset);
	}
	if (n && unit_chance(50))
		try_give_some(rig, blocks, n, 1 + unit_below(n));
}

static u64 some_offset(const struct rig *rig)
{
	const struct model_unit *unit = model_any(&rig->m);
	u64 offset = unit ? model_offset(&rig->m, unit) : 0;

	switch (unit_below(10)) {
	case 0:
		return unit_hostile();
	case 1:
		return (u64)unit_below(rig->m.units + 2) * rig->p.stride;
	case 2:
		return offset + 1 + unit_below(rig->p.stride - 1);
	default:
		return offset;
	}
}

static bool some_recorded(const struct rig *rig, u64 offset)
{
	const struct model_unit *unit = model_at(&rig->m, offset);

	return (unit && unit->recorded) != unit_chance(5);
}

static struct engine_request some_request(const struct rig *rig)
{
	return (struct engine_request) {
		.bytes = unit_chance(5) ? unit_hostile() :
			 unit_chance(40) ? rig->p.block :
			 1 + unit_below(rig->p.block),
		.align = unit_chance(5) ? unit_hostile() :
			 unit_chance(70) ? 0 : 1u << unit_below(16),
		.recorded = unit_chance(50),
	};
}

static void step(struct rig *rig, u32 fill)
{
	struct engine_request rq = some_request(rig);
	u64 offset = some_offset(rig);
	bool recorded = some_recorded(rig, offset);
	u32 dice = unit_below(100);

	if (dice < 10) {
		rq.recorded = recorded;
		try_resize(rig, offset, &rq);
	} else if (dice < 15) {
		model_try_find(&rig->m, &rig->p.e, offset);
	} else if (dice < 20) {
		try_some(rig);
	} else if (unit_chance(fill)) {
		if (dice < 60)
			try_alloc(rig, &rq);
		else
			try_take(rig, rq.recorded);
	} else if (dice < 60) {
		model_try_free(&rig->m, &rig->p.e, offset, recorded);
	} else {
		try_give(rig, offset, recorded);
	}
}

static void run_random(u32 block, u32 align, u32 count, u32 usual)
{
	struct rig *rig = rig_new(block, align, count);
	u32 ops = unit_ops(usual);
	u32 every = 32 + count;
	u32 fill = 50;
	u32 i;

	for (i = 0; i < ops; i++) {
		unit_context("%u blocks of %u, aligned to %u, operation %u",
			     count, block, align, i);
		if (i % every == 0) {
			fill = 20 + 10 * unit_below(7);
			verify(rig);
		}
		step(rig, fill);
	}
	verify(rig);
	free(rig);
}

static void pool_differential(void)
{
	static const u32 counts[] = { 1, 2, 3, 31, 32, 33, 100, 1000 };
	static const struct {
		u32 block;
		u32 align;
	} shapes[] = {
		{ 1, 8 }, { 8, 8 }, { 9, 8 }, { 64, 64 }, { 100, 4 << 1 },
		{ 1000, 512 }, { 4096, 4096 }, { 1500, 8 },
	};
	u32 i, j;

	for (i = 0; i < ARRAY_SIZE(counts); i++)
		for (j = 0; j < ARRAY_SIZE(shapes); j++)
			run_random(shapes[j].block, shapes[j].align, counts[i],
				   10000);
}

/* Moves at each block: both sizes, recorded or not; free both ways; resize. */
static bool move(void *state, u32 i)
{
	struct rig *rig = state;
	u32 at = i / 7;
	u64 offset = (u64)at * rig->p.stride;
	struct engine_request rq = { .bytes = 5 };

	if (at >= rig->m.units)
		return false;
	switch (i % 7) {
	case 0:
		try_alloc(rig, &rq);
		break;
	case 1:
		rq.recorded = true;
		try_alloc(rig, &rq);
		break;
	case 2:
		try_take(rig, false);
		break;
	case 3:
		model_try_free(&rig->m, &rig->p.e, offset, false);
		break;
	case 4:
		try_give(rig, offset, true);
		break;
	case 5:
		try_give(rig, offset, false);
		break;
	case 6:
		try_resize(rig, offset, &rq);
		break;
	}
	return true;
}

static void settle(void *state)
{
	struct rig *rig = state;
	struct engine_books *books = &rig->m.books;

	memset(books->classes, 0, sizeof(books->classes));
	memset(rig->p.e.classes, 0, sizeof(rig->p.e.classes));
	books->allocs = 0;
	rig->p.e.allocs = (struct engine_count) { 0 };
	rig->p.e.changes = 0;
	books->peak = books->used;
	rig->p.high = rig->p.live;
	memset(rig->p.stack, 0, rig->p.live * sizeof(u32));
}

static void pool_exhaustive(void)
{
	u32 count;

	for (count = 1; count <= 5; count++) {
		struct rig *rig = rig_new(8, 8, count);
		const struct explore x = {
			.state = rig,
			.size = rig_size(count),
			.move = move,
			.settle = settle,
			.verify = verify,
			.max_states = 1u << 20,
		};

		printf("# %u blocks: %u states\n", count, explore(&x));
		free(rig);
	}
}

/* All 4 GiB, and what init refuses. */
static void pool_limits(void)
{
	static const struct {
		u32 block;
		u32 align;
		u32 count;
		int err;
	} shapes[] = {
		{ 0, 8, 1, -EINVAL }, { 8, 0, 1, -EINVAL }, { 8, 4, 1, -EINVAL },
		{ 8, 24, 1, -EINVAL }, { 8, 8, 0, -EINVAL },
		{ POOL_MAX_BLOCK + 1, 8, 1, -EINVAL },
		{ ~0u, 8, 1, -EINVAL }, { 8, 1u << 31, 1, -EINVAL },
		{ POOL_MAX_BLOCK, 8, 5, -EINVAL }, { 8, 8, ~0u, -EINVAL },
		{ POOL_MAX_BLOCK, 8, 4, 0 }, { 1, POOL_MAX_BLOCK, 4, 0 },
		{ 1u << 20, 8, 4096, 0 }, { (1u << 20) + 1, 8, 4096, -EINVAL },
	};
	u64 meta[4096];
	u32 i;

	EXPECT_EQ(pool_meta_size(1), 8);
	EXPECT_EQ(pool_meta_size(4096), sizeof(meta));
	for (i = 0; i < ARRAY_SIZE(shapes); i++) {
		struct engine_request rq = { .bytes = shapes[i].block };
		struct engine_block block = { 0 };
		struct engine_refusal why;
		struct pool p;
		u64 offset, end = 0;

		unit_context("shape %u", i);
		memset(meta, 0, sizeof(meta));
		EXPECT_EQ(pool_init(&p, shapes[i].block, shapes[i].align,
				    shapes[i].count, meta), shapes[i].err);
		if (shapes[i].err)
			continue;
		while (!model_ask(&p.e, &rq, &block, &why))
			end = max(end, block.offset + block.granted);
		EXPECT_EQ(end, 1ull << 32);
		EXPECT_EQ(why.reason, MEMMGR_REASON_EXHAUSTED);
		for (offset = 0; offset < end; offset += p.stride)
			EXPECT_EQ(p.e.ops->free(&p.e, offset, false, &block), 0);
		model_check(&p.e);
	}
}

static void pool_hostile(void)
{
	struct rig *rig = rig_new(100, 8, 20);
	u32 i, ops = unit_ops(20000);

	for (i = 0; i < ops; i++) {
		struct engine_request rq = {
			.bytes = unit_hostile(),
			.align = unit_hostile(),
			.recorded = unit_chance(50),
		};

		unit_context("operation %u", i);
		step(rig, 50);
		try_alloc(rig, &rq);
		try_resize(rig, unit_hostile(), &rq);
		try_resize(rig, some_offset(rig), &rq);
		try_give(rig, unit_hostile(), rq.recorded);
		model_try_free(&rig->m, &rig->p.e, unit_hostile(), rq.recorded);
		model_try_find(&rig->m, &rig->p.e, unit_hostile());
		model_try_next(&rig->m, &rig->p.e);
		verify(rig);
	}
	free(rig);
}

static const struct unit_test tests[] = {
	{ "pool_differential", pool_differential },
	{ "pool_exhaustive", pool_exhaustive },
	{ "pool_limits", pool_limits },
	{ "pool_hostile", pool_hostile },
};

int main(int argc, char **argv)
{
	return unit_main(argc, argv, tests, ARRAY_SIZE(tests));
}
