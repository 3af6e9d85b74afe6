// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* A slab engine beside its model, see slab_rig.h. */
#include <stdint.h>

#include "slab_rig.h"
#include "unit.h"

#define UNIT		8u	/* all offsets are multiples of it */
#define GROW_LARGEST	12345	/* what the source says when it refuses */

static u64 slab_bytes(const struct slab_rig *rig)
{
	return 1ull << rig->s.layout.shift;
}

static u32 slab_used(const struct slab_rig *rig, u32 n)
{
	u32 units = slab_bytes(rig) / UNIT;
	u32 used = 0;
	u32 i;

	for (i = n * units; i < (n + 1) * units; i++)
		used += !!rig->m.unit[i].length;
	return used;
}

static u32 slabs_in(const struct slab_rig *rig, enum slab_rig_state state)
{
	u32 i, n = 0;

	for (i = 0; i < rig->s.layout.max; i++)
		n += rig->state[i] == state;
	return n;
}

static u32 slabs_with_memory(const struct slab_rig *rig)
{
	return slabs_in(rig, RIG_HELD) + slabs_in(rig, RIG_LEAVING);
}

/* Free objects that can be had without growing. */
static u32 ready(const struct slab_rig *rig)
{
	return slabs_with_memory(rig) * rig->s.layout.objects -
	       rig->m.books.live;
}

/* Is there a slab with both live and free objects? */
static bool any_partial(const struct slab_rig *rig)
{
	u32 i;

	for (i = 0; i < rig->s.layout.max; i++) {
		u32 used = slab_used(rig, i);

		if (used && used < rig->s.layout.objects)
			return true;
	}
	return false;
}

static int grow(void *context, u32 number, struct engine_refusal *why)
{
	struct slab_rig *rig = context;

	rig->grows++;
	EXPECT(number < rig->s.layout.max, "slab %u was asked for", number);
	EXPECT_EQ(rig->state[number], RIG_AWAY);
	if (!rig->may_grow)
		return engine_refuse(why, MEMMGR_REASON_PARENT, GROW_LARGEST);
	rig->state[number] = RIG_HELD;
	return 0;
}

static bool shrink(void *context, u32 number)
{
	struct slab_rig *rig = context;

	EXPECT(number < rig->s.layout.max, "slab %u was given back", number);
	EXPECT_EQ(rig->state[number], RIG_HELD);
	rig->state[number] = rig->may_shrink ? RIG_AWAY : RIG_LEAVING;
	return rig->may_shrink;
}

static u32 model_units(const struct slab_layout *layout)
{
	return layout->max << (layout->shift - 3);
}

static size_t meta_size(const struct slab_layout *layout)
{
	return ALIGN(slab_meta_size(layout), sizeof(u64));
}

size_t slab_rig_size(const struct slab_layout *layout)
{
	return sizeof(struct slab_rig) + meta_size(layout) +
	       model_size(model_units(layout));
}

struct slab_rig *slab_rig_new(const struct slab_layout *layout)
{
	struct slab_rig *rig = calloc(1, slab_rig_size(layout));
	const struct slab_supply source = {
		.grow = grow,
		.shrink = shrink,
		.context = rig,
	};

	EXPECT(layout->max <= SLAB_RIG_MAX, "%u slabs", layout->max);
	slab_init(&rig->s, layout, &source, rig->memory);
	model_init(&rig->m, model_units(layout), UNIT,
		   (u8 *)rig->memory + meta_size(layout));
	rig->may_grow = 1;
	rig->may_shrink = 1;
	return rig;
}

/*
 * An object came. It lies whole in a slab that has memory; if it was about to
 * leave, it stays.
 */
static void object_came(struct slab_rig *rig, const struct engine_request *rq,
			const struct engine_block *block, u32 ready_before)
{
	u64 n = block->offset / slab_bytes(rig);

	EXPECT_EQ(rig->grows, !ready_before);
	EXPECT(n < rig->s.layout.max && rig->state[n] != RIG_AWAY,
	       "object at %llu, in a slab without memory", block->offset);
	EXPECT(slab_used(rig, n) || !any_partial(rig),
	       "an empty slab was used before one that is not");
	rig->state[n] = RIG_HELD;
	EXPECT(block->offset % slab_bytes(rig) + block->granted <=
	       slab_bytes(rig), "object at %llu leaves its slab", block->offset);
	EXPECT(block->offset % rig->s.layout.align == 0,
	       "object at %llu is not aligned", block->offset);
	EXPECT_EQ(block->granted, rig->s.layout.stride);
	model_add(&rig->m, rq, block);
}

static void object_refused(const struct slab_rig *rig, u32 ready_before,
			   u32 away_before, const struct engine_refusal *why)
{
	EXPECT_EQ(ready_before, 0);
	EXPECT_EQ(rig->grows, !!away_before);
	if (away_before) {
		EXPECT(!rig->may_grow, "refused, though the source gave a slab");
		EXPECT_EQ(why->reason, MEMMGR_REASON_PARENT);
		EXPECT_EQ(why->largest, GROW_LARGEST);
	} else {
		EXPECT_EQ(why->reason, MEMMGR_REASON_LIMIT);
		EXPECT_EQ(why->largest, 0);
	}
}

void slab_rig_alloc(struct slab_rig *rig, const struct engine_request *rq)
{
	u32 ready_before = ready(rig), away_before = slabs_in(rig, RIG_AWAY);
	const struct slab_layout *layout = &rig->s.layout;
	struct engine *e = &rig->s.e;
	struct engine_block block;
	struct engine_refusal why;
	int err;

	memset(&block, 0x5a, sizeof(block));
	memset(&why, 0x5a, sizeof(why));
	rig->grows = 0;
	err = model_ask(e, rq, &block, &why);
	if (!rq->bytes || rq->align & (rq->align - 1)) {
		EXPECT_EQ(err, -EINVAL);
		EXPECT_EQ(rig->grows, 0);
	} else if (rq->align > layout->align || rq->bytes > layout->object) {
		EXPECT_EQ(err, -ENOMEM);
		EXPECT_EQ(rig->grows, 0);
		EXPECT_EQ(why.reason, MEMMGR_REASON_TOO_LARGE);
		EXPECT_EQ(why.largest,
			  rq->align > layout->align ? 0 : layout->object);
	} else if (err) {
		EXPECT_EQ(err, -ENOMEM);
		object_refused(rig, ready_before, away_before, &why);
	} else {
		object_came(rig, rq, &block, ready_before);
	}
	rig->grows = 0;
}

/* The fast path of kernel callers: a whole object. */
void slab_rig_take(struct slab_rig *rig, bool recorded)
{
	u32 ready_before = ready(rig), away_before = slabs_in(rig, RIG_AWAY);
	const struct engine_request rq = {
		.bytes = rig->s.layout.object,
		.recorded = recorded,
	};
	struct engine_block block = {
		.granted = rig->s.layout.stride,
		.requested = rig->s.layout.object,
		.used = true,
		.recorded = recorded,
	};
	struct engine_refusal why;

	memset(&why, 0x5a, sizeof(why));
	rig->grows = 0;
	if (slab_take(&rig->s, recorded ? SLAB_RECORDED : 0, &block.offset, &why))
		object_refused(rig, ready_before, away_before, &why);
	else
		object_came(rig, &rq, &block, ready_before);
	rig->grows = 0;
}

/*
 * An object went: a slab goes when it became empty and enough empty ones are
 * kept without it, and only then.
 */
static void object_went(struct slab_rig *rig, u64 offset, u32 empty_before)
{
	u32 n = offset / slab_bytes(rig);
	bool goes = !slab_used(rig, n) && empty_before >= rig->s.keep;

	EXPECT_EQ(rig->state[n], !goes ? RIG_HELD :
				 rig->may_shrink ? RIG_AWAY : RIG_LEAVING);
}

static u32 slabs_empty(const struct slab_rig *rig)
{
	u32 i, n = 0;

	for (i = 0; i < rig->s.layout.max; i++)
		n += rig->state[i] == RIG_HELD && !slab_used(rig, i);
	return n;
}

void slab_rig_free(struct slab_rig *rig, u64 offset, bool recorded)
{
	u32 empty_before = slabs_empty(rig);

	if (model_try_free(&rig->m, &rig->s.e, offset, recorded))
		object_went(rig, offset, empty_before);
}

void slab_rig_give(struct slab_rig *rig, u64 offset, bool recorded)
{
	struct model_unit *unit = model_at(&rig->m, offset);
	u32 empty_before = slabs_empty(rig);
	int err = slab_give(&rig->s, offset, recorded ? SLAB_RECORDED : 0);

	EXPECT_EQ(err, !unit ? -ENOENT :
		       unit->recorded != recorded ? -EACCES : 0);
	if (err)
		return;
	model_del(&rig->m, offset);
	object_went(rig, offset, empty_before);
}

#define MANY	40u
#define BASE	0x1000u

/* The address of an offset, where the slabs lie one behind the other. */
static void *address(u64 offset)
{
	return (void *)(uintptr_t)(BASE + offset);
}

/* Give back many objects of slab @n, from the end on, up to one that is none. */
static void give_some(struct slab_rig *rig, u32 n, void **objects, u32 count)
{
	u64 at = n * slab_bytes(rig);
	u32 want = 1 + unit_below(count), bad = unit_below(2 * count), i;
	u32 left = count - want, empty_before = slabs_empty(rig);

	if (bad < count) {
		objects[bad] = (char *)objects[bad] + 1 + unit_below(rig->s.layout.stride - 1);
		left = max(left, bad + 1);
	}
	EXPECT_EQ(slab_give_some(&rig->s, n, address(at + slab_book(&rig->s, n)->colour),
				 objects, count, want), left);
	for (i = left; i < count; i++)
		model_del(&rig->m, (uintptr_t)objects[i] - BASE);
	if (left < count)
		object_went(rig, at, empty_before);
}

/* Many whole objects at once, of the slab at the head of the ring. */
void slab_rig_some(struct slab_rig *rig)
{
	const struct engine_request rq = { .bytes = rig->s.layout.object };
	u32 n = rig->s.partial, want = 1 + unit_below(MANY), taken, i;
	void *objects[MANY];

	if (n == SLAB_NONE)
		return;
	taken = slab_take_some(&rig->s, n, address(n * slab_bytes(rig)), objects, want);
	EXPECT(taken && taken <= want, "%u of %u", taken, want);
	for (i = 0; i < taken; i++) {
		const struct engine_block block = {
			.offset = (uintptr_t)objects[i] - BASE,
			.granted = rig->s.layout.stride,
			.requested = rig->s.layout.object,
			.used = true,
		};

		EXPECT_EQ(block.offset / slab_bytes(rig), n);
		model_add(&rig->m, &rq, &block);
	}
	if (unit_chance(50))
		give_some(rig, n, objects, taken);
}

void slab_rig_resize(struct slab_rig *rig, u64 offset,
		     const struct engine_request *rq)
{
	struct model_unit *unit = model_at(&rig->m, offset);
	struct engine *e = &rig->s.e;
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
	} else if (rq->bytes > rig->s.layout.object) {
		EXPECT_EQ(err, -ENOMEM);
		EXPECT_EQ(why.reason, MEMMGR_REASON_TOO_LARGE);
		EXPECT_EQ(why.largest, rig->s.layout.object);
	} else {
		EXPECT_EQ(err, 0);
		EXPECT_EQ(block.offset, offset);
		model_resize(&rig->m, rq->bytes, &block);
	}
}

/* What the owner does now and then: give back one slab that is leaving. */
void slab_rig_leave(struct slab_rig *rig)
{
	u32 leaving = slabs_in(rig, RIG_LEAVING);
	u32 n = slab_leaving(&rig->s);

	EXPECT_EQ(n == SLAB_NONE, !leaving);
	if (n == SLAB_NONE)
		return;
	EXPECT(n < rig->s.layout.max, "slab %u leaves", n);
	EXPECT_EQ(rig->state[n], RIG_LEAVING);
	rig->state[n] = RIG_AWAY;
	EXPECT(slab_left(&rig->s), "slab %u was needed", n);
	EXPECT(!slab_left(&rig->s), "slab %u left twice", n);
}

/* It cannot go back now: the next one is named after it, if there is one. */
void slab_rig_later(struct slab_rig *rig)
{
	u32 leaving = slabs_in(rig, RIG_LEAVING);
	u32 n = slab_leaving(&rig->s);

	slab_later(&rig->s);
	EXPECT(!slab_left(&rig->s), "slab %u left", n);
	EXPECT_EQ(slab_leaving(&rig->s) != n, leaving > 1);
}

void slab_rig_prepare(struct slab_rig *rig, u32 objects)
{
	struct engine_refusal why;
	int err;

	memset(&why, 0x5a, sizeof(why));
	err = slab_prepare(&rig->s, objects, &why);
	if (!err) {
		EXPECT(ready(rig) >= objects, "%u objects ready, asked for %u",
		       ready(rig), objects);
		return;
	}
	EXPECT_EQ(err, -ENOMEM);
	EXPECT(ready(rig) < objects, "enough is ready");
	EXPECT_EQ(why.reason, slabs_in(rig, RIG_AWAY) ? MEMMGR_REASON_PARENT :
							MEMMGR_REASON_LIMIT);
}

void slab_rig_verify(struct slab_rig *rig)
{
	const struct slab_layout *layout = &rig->s.layout;
	u32 objects = slabs_with_memory(rig) * layout->objects;
	struct engine *e = &rig->s.e;
	struct engine_block block;
	struct engine_frag frag;
	u64 pos = 0;
	u32 n = 0;

	rig->m.books.total = (u64)objects * layout->stride;
	model_same_books(&rig->m, e);
	model_same_walk(&rig->m, e);
	model_check(e);
	while (e->ops->next(e, &pos, &block)) {
		EXPECT(rig->state[block.offset / slab_bytes(rig)] != RIG_AWAY,
		       "object shown at %llu, without memory", block.offset);
		n++;
	}
	EXPECT_EQ(n, objects);
	memset(&frag, 0x5a, sizeof(frag));
	e->ops->frag(e, &frag);
	EXPECT_EQ(frag.orders, 1);
	EXPECT_EQ(frag.unit, layout->stride);
	EXPECT_EQ(frag.blocks[0], objects - rig->m.books.live);
	EXPECT_EQ(frag.free, (u64)frag.blocks[0] * layout->stride);
	EXPECT(frag.uniform, "not uniform");
	EXPECT_EQ(frag.largest, objects > rig->m.books.live ||
		  slabs_in(rig, RIG_AWAY) ? layout->object : 0);
}
