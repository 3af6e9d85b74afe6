// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* A buddy beside its model, see buddy_rig.h. */
#include "buddy_rig.h"
#include "core/plan.h"
#include "unit.h"

static u64 total(const struct buddy_rig *rig)
{
	return (u64)rig->b.granules << rig->b.shift;
}

static u32 granules_of(const struct buddy_rig *rig, u64 bytes)
{
	return (bytes + rig->m.bytes - 1) / rig->m.bytes;
}

static u32 order_of(u32 n)
{
	u32 order = 0;

	while (1u << order < n)
		order++;
	return order;
}

/* The order of block that the fast path needs. */
static u32 order_needed(u32 n, u32 align)
{
	return max(order_of(n), order_of(align));
}

/* The largest request that should succeed at an alignment, in granules. */
static u32 largest(const struct buddy_rig *rig, u32 align)
{
	u32 order;

	if (rig->b.flags & BUDDY_JOIN)
		return model_longest(&rig->m, align);
	for (order = 28; order + 1 > order_of(align); order--)
		if (model_has_order(&rig->m, order))
			return 1u << order;
	return 0;
}

void buddy_rig_init(struct buddy_rig *rig, u32 lead, u32 granules, u32 shift, u32 flags,
		    void *meta, void *units)
{
	memset(meta, 0, buddy_meta_size(lead, granules));
	memset(rig, 0, sizeof(*rig));
	model_init(&rig->m, granules, 1ull << shift, units);
	rig->m.lead = lead;
	EXPECT_EQ(buddy_init(&rig->b, lead, granules, shift, flags, meta), 0);
}

static bool alloc_possible(const struct buddy_rig *rig, u32 n, u32 align)
{
	if (rig->b.flags & BUDDY_JOIN)
		return largest(rig, align) >= n;
	return model_has_order(&rig->m, order_needed(n, align));
}

/* An alignment beyond the region is refused, whatever lies at offset 0. */
static void alloc_refused(const struct buddy_rig *rig,
			  const struct engine_request *rq,
			  const struct engine_refusal *why)
{
	u32 align = max_t(u64, 1, rq->align / rig->m.bytes);
	u32 n;

	if (rq->align > total(rig)) {
		EXPECT_EQ(why->reason, MEMMGR_REASON_TOO_LARGE);
		EXPECT_EQ(why->largest, 0);
		return;
	}
	EXPECT_EQ(why->largest, largest(rig, align) * rig->m.bytes);
	if (rq->bytes > total(rig)) {
		EXPECT_EQ(why->reason, MEMMGR_REASON_TOO_LARGE);
		return;
	}
	n = granules_of(rig, rq->bytes);
	EXPECT(!alloc_possible(rig, n, align),
	       "false out of memory: %u granules aligned to %u", n, align);
	if (model_free(&rig->m) < n)
		EXPECT_EQ(why->reason, MEMMGR_REASON_EXHAUSTED);
	else if (largest(rig, 1) >= n)
		EXPECT_EQ(why->reason, MEMMGR_REASON_ALIGNMENT);
	else
		EXPECT_EQ(why->reason, MEMMGR_REASON_FRAGMENTED);
}

static void alloc_done(struct buddy_rig *rig, const struct engine_request *rq,
		       const struct engine_block *block)
{
	u32 n = granules_of(rig, rq->bytes);
	u32 align = max_t(u64, 1, rq->align / rig->m.bytes);

	EXPECT_EQ(block->granted, n * rig->m.bytes);
	if (!model_has_order(&rig->m, order_needed(n, align))) {
		EXPECT(rig->b.flags & BUDDY_JOIN, "joined without BUDDY_JOIN");
		rig->m.books.joins++;
	}
	model_add(&rig->m, rq, block);
}

bool buddy_rig_alloc(struct buddy_rig *rig, const struct engine_request *rq)
{
	struct engine *e = &rig->b.e;
	struct engine_block block;
	struct engine_refusal why;
	int err;

	memset(&block, 0x5a, sizeof(block));
	memset(&why, 0x5a, sizeof(why));
	err = model_ask(e, rq, &block, &why);
	if (!rq->bytes || rq->align & (rq->align - 1)) {
		EXPECT_EQ(err, -EINVAL);
		return false;
	}
	if (err) {
		EXPECT_EQ(err, -ENOMEM);
		alloc_refused(rig, rq, &why);
		return false;
	}
	alloc_done(rig, rq, &block);
	return true;
}

void buddy_rig_take(struct buddy_rig *rig, u32 bytes)
{
	const struct engine_request rq = { .bytes = bytes };
	u32 n = granules_of(rig, bytes);
	u32 g = buddy_take(&rig->b, bytes);
	const struct engine_block block = {
		.offset = g * rig->m.bytes,
		.granted = n * rig->m.bytes,
		.requested = bytes,
		.used = true,
	};

	if (g != BUDDY_NONE)
		alloc_done(rig, &rq, &block);
	else
		EXPECT(!model_has_order(&rig->m, order_needed(n, 1)),
		       "false out of memory: %u granules", n);
}

void buddy_rig_give(struct buddy_rig *rig, u32 granule)
{
	u64 offset = granule * rig->m.bytes;
	struct model_unit *unit = model_at(&rig->m, offset);

	EXPECT_EQ(buddy_give(&rig->b, granule),
		  !unit ? -ENOENT : unit->recorded ? -EACCES : 0);
	if (unit && !unit->recorded)
		model_del(&rig->m, offset);
}

static void resize_refused(const struct buddy_rig *rig, u64 offset,
			   const struct engine_request *rq, u32 room,
			   const struct engine_refusal *why)
{
	EXPECT(granules_of(rig, rq->bytes) > room || rq->bytes > total(rig),
	       "resize at %llu to %llu was refused, there is room for %u",
	       offset, rq->bytes, room);
	EXPECT_EQ(why->reason, rq->bytes > total(rig) ?
		  MEMMGR_REASON_TOO_LARGE : MEMMGR_REASON_BLOCKED);
	EXPECT_EQ(why->largest, room * rig->m.bytes);
}

bool buddy_rig_resize(struct buddy_rig *rig, u64 offset,
		      const struct engine_request *rq)
{
	struct model_unit *unit = model_at(&rig->m, offset);
	struct engine *e = &rig->b.e;
	struct engine_block block;
	struct engine_refusal why;
	u32 room;
	int err;

	memset(&block, 0x5a, sizeof(block));
	memset(&why, 0x5a, sizeof(why));
	err = e->ops->resize(e, offset, rq, &block, &why);
	if (!rq->bytes || !unit || unit->recorded != rq->recorded) {
		EXPECT_EQ(err, !rq->bytes ? -EINVAL : unit ? -EACCES : -ENOENT);
		return false;
	}
	room = unit->length + model_run(&rig->m, offset / rig->m.bytes +
					unit->length);
	if (err) {
		EXPECT_EQ(err, -ENOMEM);
		resize_refused(rig, offset, rq, room, &why);
		return false;
	}
	EXPECT_EQ(block.offset, offset);
	EXPECT_EQ(block.granted, granules_of(rig, rq->bytes) * rig->m.bytes);
	model_resize(&rig->m, rq->bytes, &block);
	return true;
}

/* A block with a record, of @n granules at @g that waste @slack bytes. */
static struct engine_block block_of(const struct buddy_rig *rig, u32 g, u32 n, u32 slack)
{
	return (struct engine_block) {
		.offset = g * rig->m.bytes,
		.granted = n * rig->m.bytes,
		.requested = n * rig->m.bytes - slack,
		.used = true,
		.recorded = true,
	};
}

bool buddy_rig_take_at(struct buddy_rig *rig, u32 g, u32 n, u32 slack)
{
	const struct engine_block block = block_of(rig, g, n, slack);
	bool possible = model_run(&rig->m, g) >= n;

	EXPECT_EQ(MOVES(rig)->take_at(&rig->b.e, g, n, slack, NULL), possible ? 0 : -EBUSY);
	if (!possible)
		return false;
	model_place(&rig->m, &block);
	EXPECT_EQ(MOVES(rig)->slack(&rig->b.e, g), slack);
	return true;
}

/* One of the two blocks of a move goes. */
void buddy_rig_left(struct buddy_rig *rig, u32 g)
{
	MOVES(rig)->left(&rig->b.e, g);
	model_del(&rig->m, g * rig->m.bytes);
}

/* The block at @g begins at @to and has @n granules now; its waste stays. */
static void block_shift(struct buddy_rig *rig, u32 g, u32 to, u32 n)
{
	const struct model_unit *unit = &rig->m.unit[g];
	u32 slack = unit->length * rig->m.bytes - unit->asked;
	const struct engine_block block = block_of(rig, to, n, slack);

	model_shift(&rig->m, g * rig->m.bytes, &block);
	EXPECT_EQ(MOVES(rig)->slack(&rig->b.e, to), slack);
}

bool buddy_rig_slide(struct buddy_rig *rig, u32 g, u32 to)
{
	u32 n = rig->m.unit[g].length;
	bool possible = to < g && model_run(&rig->m, to) >= g - to;

	EXPECT_EQ(MOVES(rig)->slide(&rig->b.e, g, to), possible ? 0 : -EBUSY);
	if (possible)
		block_shift(rig, g, to, g + n - to);
	return possible;
}

void buddy_rig_slid(struct buddy_rig *rig, u32 g, u32 keep, u32 n)
{
	MOVES(rig)->slid(&rig->b.e, g, keep, n);
	block_shift(rig, g, keep, n);
}

static u8 cell_of(const struct model_unit *unit)
{
	if (!unit->owner)
		return PLAN_FREE;
	return PLAN_USED | PLAN_FIXED | (unit->length ? PLAN_START : 0);
}

void buddy_rig_picture(struct buddy_rig *rig, u32 g, u32 n, u8 *cell)
{
	u32 i;

	memset(cell, 0x5a, n);
	MOVES(rig)->picture(&rig->b.e, g, n, cell);
	for (i = 0; i < n; i++)
		EXPECT(cell[i] == cell_of(&rig->m.unit[g + i]),
		       "granule %u is shown as %#x, it is %#x", g + i, cell[i],
		       cell_of(&rig->m.unit[g + i]));
}

/*
 * Aligned runs: the truth or less, but never less than a quarter of it. Nothing is
 * promised for an alignment beyond the size of the largest block.
 */
static void frag_aligned(const struct buddy_rig *rig, const struct engine_frag *frag)
{
	u32 o, truth;

	for (o = 0; o < frag->orders; o++) {
		truth = largest(rig, 1u << o);
		EXPECT(frag->aligned[o] <= truth, "aligned to 2^%u: %u, in truth %u", o,
		       frag->aligned[o], truth);
		if (model_has_order(&rig->m, o))
			EXPECT(frag->aligned[o] >= truth / 4,
			       "aligned to 2^%u: %u, in truth %u", o,
			       frag->aligned[o], truth);
	}
	for (; o < MEMMGR_ORDERS; o++)
		EXPECT_EQ(frag->aligned[o], 0);
	EXPECT_EQ(frag->aligned[0] * rig->m.bytes, frag->largest);
}

/* Largest: the truth or less, but never less than a quarter of it. */
void buddy_rig_frag(struct buddy_rig *rig)
{
	struct engine *e = &rig->b.e;
	u32 blocks[MEMMGR_ORDERS];
	struct engine_frag frag;
	u64 truth;
	u32 o;

	memset(&frag, 0x5a, sizeof(frag));
	e->ops->frag(e, &frag);
	model_orders(&rig->m, blocks);
	EXPECT_EQ(frag.orders, order_of(rig->m.units + 1));
	EXPECT_EQ(frag.unit, rig->m.bytes);
	EXPECT_EQ(frag.free, model_free(&rig->m) * rig->m.bytes);
	EXPECT(!frag.uniform, "uniform");
	for (o = 0; o < MEMMGR_ORDERS; o++)
		EXPECT(frag.blocks[o] == blocks[o],
		       "order %u: %u free blocks, expected %u", o,
		       frag.blocks[o], blocks[o]);
	truth = largest(rig, 1) * rig->m.bytes;
	EXPECT(frag.largest <= truth, "largest %llu, in truth %llu",
	       frag.largest, truth);
	EXPECT(frag.largest >= truth / 4, "largest %llu, in truth %llu",
	       frag.largest, truth);
	if (!rig->m.books.live || !(rig->b.flags & BUDDY_JOIN))
		EXPECT_EQ(frag.largest, truth);
	frag_aligned(rig, &frag);
}

/* Free runs that the walk shows are whole: two never touch. */
static void same_runs(const struct buddy_rig *rig, struct engine *e)
{
	struct engine_block block;
	bool free_before = false;
	u64 pos = 0, end = 0;

	while (e->ops->next(e, &pos, &block)) {
		EXPECT_EQ(block.offset, end);
		EXPECT(block.used || !free_before, "two free runs touch at %llu",
		       end);
		free_before = !block.used;
		end = pos;
	}
	EXPECT_EQ(end, total(rig));
}

void buddy_rig_verify(struct buddy_rig *rig)
{
	struct engine *e = &rig->b.e;

	model_same_books(&rig->m, e);
	model_same_walk(&rig->m, e);
	same_runs(rig, e);
	buddy_rig_frag(rig);
	model_check(e);
}
