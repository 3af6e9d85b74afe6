// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Slab against its model.
 *
 * Rule: module/core/slab.h.
 */
#include <stdio.h>

#include "explore.h"
#include "slab_rig.h"
#include "unit.h"

static u64 some_offset(const struct slab_rig *rig)
{
	const struct model_unit *unit = model_any(&rig->m);
	u64 offset = unit ? model_offset(&rig->m, unit) : 0;

	switch (unit_below(10)) {
	case 0:
		return unit_hostile();
	case 1:
		return unit_below(rig->m.units + 2) * rig->m.bytes;
	case 2:
		return offset + rig->s.layout.stride;
	case 3:
		return offset + 1 + unit_below(rig->s.layout.stride - 1);
	default:
		return offset;
	}
}

static bool some_recorded(const struct slab_rig *rig, u64 offset)
{
	const struct model_unit *unit = model_at(&rig->m, offset);

	return (unit && unit->recorded) != unit_chance(5);
}

static struct engine_request some_request(const struct slab_rig *rig)
{
	u32 object = rig->s.layout.object;

	return (struct engine_request) {
		.bytes = unit_chance(5) ? unit_hostile() :
			 unit_chance(40) ? object : 1 + unit_below(object),
		.align = unit_chance(5) ? unit_hostile() :
			 unit_chance(70) ? 0 : 1u << unit_below(8),
		.recorded = unit_chance(50),
	};
}

static void step_free(struct slab_rig *rig, bool fast)
{
	u64 offset = some_offset(rig);
	bool recorded = some_recorded(rig, offset);

	if (fast)
		slab_rig_give(rig, offset, recorded);
	else
		slab_rig_free(rig, offset, recorded);
}

static void step(struct slab_rig *rig, u32 fill)
{
	struct engine_request rq = some_request(rig);
	u32 dice = unit_below(100);

	rig->may_grow = unit_chance(80);
	rig->may_shrink = unit_chance(60);
	if (dice < 8) {
		u64 offset = some_offset(rig);

		rq.recorded = some_recorded(rig, offset);
		slab_rig_resize(rig, offset, &rq);
	} else if (dice < 12) {
		model_try_find(&rig->m, &rig->s.e, some_offset(rig));
	} else if (dice < 14) {
		slab_rig_leave(rig);
	} else if (dice < 16) {
		slab_rig_later(rig);
	} else if (dice < 22) {
		slab_rig_some(rig);
	} else if (unit_chance(fill)) {
		if (dice < 60)
			slab_rig_alloc(rig, &rq);
		else
			slab_rig_take(rig, rq.recorded);
	} else {
		step_free(rig, dice < 60);
	}
}

static void run_random(u32 object, u32 align, u32 slabs, u32 keep, u32 usual)
{
	u32 ops = unit_ops(usual);
	struct slab_layout layout;
	struct slab_rig *rig;
	u32 fill = 50;
	u32 i, every;

	unit_context("objects of %u, aligned to %u, %u slabs", object, align,
		     slabs);
	EXPECT_EQ(slab_layout(&layout, object, align, 1ull << 30, 12), 0);
	layout.max = slabs;
	rig = slab_rig_new(&layout);
	rig->may_grow = unit_chance(50);
	if (keep)
		slab_rig_prepare(rig, keep);
	every = 64 + layout.objects * slabs;
	for (i = 0; i < ops; i++) {
		unit_context("objects of %u, aligned to %u, %u slabs, operation %u",
			     object, align, slabs, i);
		if (i % every == 0) {
			fill = 20 + 10 * unit_below(7);
			slab_rig_verify(rig);
		}
		step(rig, fill);
	}
	slab_rig_verify(rig);
	free(rig);
}

static void slab_differential(void)
{
	static const struct {
		u32 object;
		u32 align;
		u32 slabs;
		u32 keep;
	} shapes[] = {
		{ 8, 8, 2, 0 }, { 5, 8, 3, 0 }, { 9, 8, 2, 0 }, { 1, 8, 1, 0 },
		{ 128, 8, 4, 0 }, { 129, 8, 4, 0 }, { 32768, 8, 3, 0 }, { 32776, 8, 3, 0 },
		{ 24, 8, 3, 200 },
		{ 64, 64, 4, 1 }, { 72, 8, 16, 0 }, { 100, 64, 5, 90 },
		{ 192, 8, 16, 1000 }, { 700, 16, 7, 0 }, { 1000, 8, 16, 20 },
		{ 1360, 8, 6, 0 }, { 4000, 8, 5, 3 }, { 4096, 4096, 4, 0 },
		{ 5000, 8, 3, 0 }, { 10000, 256, 3, 9 },
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(shapes); i++)
		run_random(shapes[i].object, shapes[i].align, shapes[i].slabs,
			   shapes[i].keep, 10000);
}

/* Moves at each object's place, with each answer of the source. */
static bool move(void *state, u32 i)
{
	struct slab_rig *rig = state;
	const struct slab_layout *layout = &rig->s.layout;
	u32 objects = layout->max * layout->objects;
	struct engine_request rq = { .bytes = 3 };
	u32 at = i / 4;
	u64 offset = ((u64)(at / layout->objects) << layout->shift) +
		     at % layout->objects * layout->stride;

	if (i > 4 * objects)
		return false;
	if (i == 4 * objects) {
		slab_rig_leave(rig);
		return true;
	}
	rig->may_grow = i & 1;
	rig->may_shrink = i & 1;
	if (i & 2)
		slab_rig_alloc(rig, &rq);
	else
		slab_rig_free(rig, offset, false);
	return true;
}

/* Links and bits of slabs that nothing looks at do not decide the future. */
static void settle(void *state)
{
	struct slab_rig *rig = state;
	struct engine_books *books = &rig->m.books;
	u32 i;

	memset(books->classes, 0, sizeof(books->classes));
	memset(rig->s.e.classes, 0, sizeof(rig->s.e.classes));
	books->allocs = 0;
	rig->s.e.allocs = (struct engine_count) { 0 };
	rig->s.e.changes = 0;
	books->peak = books->used;
	rig->s.high = rig->s.live;
	rig->may_grow = 0;
	rig->may_shrink = 0;
	books->total = 0;
	for (i = 0; i < rig->s.layout.max; i++) {
		struct slab *slab = slab_book(&rig->s, i);

		if (rig->state[i] != RIG_HELD || !slab->free)
			slab->prev = 0;
		if (rig->state[i] == RIG_HELD && !slab->free)
			slab->next = 0;
		if (rig->state[i] == RIG_AWAY)
			slab->colour = 0;
	}
}

static void verify(void *state)
{
	slab_rig_verify(state);
}

static void slab_exhaustive(void)
{
	static const struct {
		u32 objects;
		u32 max;
		u32 keep;
	} shapes[] = {
		{ 1, 1, 1 }, { 1, 4, 1 }, { 1, 4, 2 }, { 2, 3, 1 }, { 2, 3, 2 },
		{ 3, 2, 1 }, { 3, 3, 1 }, { 5, 1, 1 },
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(shapes); i++) {
		const struct slab_layout layout = {
			.object = 8,
			.align = 8,
			.stride = 8,
			.shift = 6,
			.objects = shapes[i].objects,
			.max = shapes[i].max,
		};
		struct slab_rig *rig = slab_rig_new(&layout);
		const struct explore x = {
			.state = rig,
			.size = slab_rig_size(&layout),
			.move = move,
			.settle = settle,
			.verify = verify,
			.max_states = 1u << 20,
		};

		unit_context("%u objects in %u slabs, %u kept", layout.objects,
			     layout.max, shapes[i].keep);
		rig->s.keep = shapes[i].keep;
		printf("# %u objects in %u slabs, %u kept: %u states\n",
		       layout.objects, layout.max, shapes[i].keep, explore(&x));
		free(rig);
	}
}

static void layout_holds(u64 object, u64 align, u64 limit, u32 page_shift)
{
	struct slab_layout l;
	int err = slab_layout(&l, object, align, limit, page_shift);
	u64 slab;

	unit_context("layout of %llu aligned to %llu, limit %llu, page 2^%u",
		     object, align, limit, page_shift);
	if (!object || object > SLAB_MAX_OBJECT || align < 8 ||
	    align > SLAB_MAX_OBJECT || align & (align - 1)) {
		EXPECT_EQ(err, -EINVAL);
		return;
	}
	slab = 1ull << l.shift;
	EXPECT_EQ(err, l.max ? 0 : -ENOMEM);
	EXPECT(l.shift >= page_shift && l.shift < 32, "shift %u", l.shift);
	EXPECT_EQ(l.object, object);
	EXPECT(l.align >= align && !(l.align & (l.align - 1)), "align %u", l.align);
	EXPECT(l.stride >= object && l.stride % l.align == 0 &&
	       l.stride - object < l.align, "stride %u", l.stride);
	EXPECT(l.objects && l.objects <= SLAB_MAX_OBJECTS, "%u objects", l.objects);
	EXPECT((u64)l.objects * l.stride <= slab, "objects do not fit");
	EXPECT(slab - (u64)l.objects * l.stride <= slab / 8, "wastes %llu of %llu",
	       slab - (u64)l.objects * l.stride, slab);
	EXPECT(l.max * slab <= limit, "%u slabs are more than the limit", l.max);
	EXPECT(limit - l.max * slab < slab || l.max == 1u << 24,
	       "%u slabs do not use the limit", l.max);
}

static void narrow_holds(u64 object, u64 align, u32 page_shift, u32 shift)
{
	struct slab_layout wide, l;
	u64 limit = 1u << 20;
	int err;

	unit_context("layout of %llu aligned to %llu, page 2^%u, slabs up to 2^%u", object, align,
		     page_shift, shift);
	EXPECT_EQ(slab_layout(&wide, object, align, 1ull << 30, page_shift), 0);
	l = wide;
	err = slab_layout_narrow(&l, limit, shift);
	EXPECT_EQ(err, wide.stride <= 1u << shift ? 0 : -ENOMEM);
	if (err)
		return;
	EXPECT_EQ(l.shift, min(wide.shift, shift));
	EXPECT_EQ(l.stride, wide.stride);
	EXPECT_EQ(l.objects, min((1u << l.shift) / l.stride, SLAB_MAX_OBJECTS));
	EXPECT_EQ(l.max, limit >> l.shift);
}

/* Whatever the size of the objects, slabs can be kept small, if an object fits at all. */
static void slab_narrow(void)
{
	u32 object;

	for (object = 1; object <= 70000; object += 1 + object / 500)
		narrow_holds(object, 8, 12, 16);
	for (object = 24000; object < 25000; object++)
		narrow_holds(object, 8, 12, 16);
	narrow_holds(65536, 8, 12, 16);
	narrow_holds(65537, 8, 12, 16);
	narrow_holds(65536, 65536, 16, 16);
	narrow_holds(100, 131072, 12, 16);
}

/* What a slab costs beside its memory: with room for its place, and for records. */
static void book_is_small(u32 object, u32 align)
{
	struct slab_layout l;
	u64 slab;

	unit_context("book of objects of %u aligned to %u", object, align);
	EXPECT_EQ(slab_layout(&l, object, align, 1ull << 32, 12), 0);
	slab = 1ull << l.shift;
	EXPECT(slab_book_size(&l) + sizeof(u32) <= slab / (l.stride <= 16 ? 8 : 16),
	       "%zu bytes for a slab of %llu", slab_book_size(&l), slab);
}

static void slab_books_are_small(void)
{
	u32 i;

	for (i = 1; i <= 20000; i++)
		book_is_small(i, 8);
	for (i = 1; i <= 27; i++)
		book_is_small((1u << i) - 1, 8);
	book_is_small(1, 4096);
}

/* A larger page makes a slab larger only where the slab was less than that page. */
static void slabs_are_alike(u32 object, u32 page_shift)
{
	struct slab_layout small, large;

	unit_context("objects of %u on pages of 2^%u", object, page_shift);
	EXPECT_EQ(slab_layout(&small, object, 8, 1ull << 32, 12), 0);
	EXPECT_EQ(slab_layout(&large, object, 8, 1ull << 32, page_shift), 0);
	/* Pages of 64 KiB align objects to 64 bytes. */
	if (large.stride == small.stride)
		EXPECT_EQ(large.shift, small.shift > page_shift ? small.shift : page_shift);
}

static void slab_pages(void)
{
	u32 i;

	for (i = 64; i <= 1u << 20; i += i < 20000 ? 1 : 4093) {
		slabs_are_alike(i, 14);
		slabs_are_alike(i, 16);
	}
}

static void slab_layouts(void)
{
	u32 i, ops = unit_ops(300000);

	for (i = 1; i < 20000; i++) {
		layout_holds(i, 8, 1u << 20, 12);
		layout_holds(i, 64, 1u << 24, 16);
	}
	for (i = 0; i < ops; i++)
		layout_holds(unit_chance(30) ? unit_hostile() :
			     1u + (unit_random() >> unit_below(32)) %
			     SLAB_MAX_OBJECT,
			     unit_chance(10) ? unit_hostile() : 8u << unit_below(25),
			     unit_chance(10) ? unit_hostile() :
			     1ull << unit_below(33),
			     unit_chance(70) ? 12 : 16);
}

static void slab_hostile(void)
{
	struct slab_layout layout;
	struct slab_rig *rig;
	u32 i, ops = unit_ops(10000);

	EXPECT_EQ(slab_layout(&layout, 700, 8, 1u << 20, 12), 0);
	layout.max = 3;
	rig = slab_rig_new(&layout);
	for (i = 0; i < ops; i++) {
		struct engine_request rq = {
			.bytes = unit_hostile(),
			.align = unit_hostile(),
			.recorded = unit_chance(50),
		};

		unit_context("operation %u", i);
		step(rig, 50);
		slab_rig_alloc(rig, &rq);
		slab_rig_resize(rig, unit_hostile(), &rq);
		slab_rig_resize(rig, some_offset(rig), &rq);
		slab_rig_free(rig, unit_hostile(), rq.recorded);
		slab_rig_give(rig, unit_hostile(), rq.recorded);
		model_try_find(&rig->m, &rig->s.e, unit_hostile());
		model_try_next(&rig->m, &rig->s.e);
		slab_rig_verify(rig);
	}
	free(rig);
}

/*
 * A slab that is named to leave stays in the books until it has left, and may be needed
 * before: it has not left then, even if it is about to leave again.
 */
static void slab_needed_again(void)
{
	struct engine_request rq = { .bytes = 4096 };
	struct slab_layout layout;
	struct slab_rig *rig;
	u32 n, round;

	EXPECT_EQ(slab_layout(&layout, 4096, 4096, 1ull << 30, 12), 0);
	layout.max = 1;
	rig = slab_rig_new(&layout);
	rig->may_shrink = false;
	rig->s.keep = 0;
	for (round = 0; round < 3; round++) {
		slab_rig_alloc(rig, &rq);
		slab_rig_free(rig, 0, false);
		n = slab_leaving(&rig->s);
		EXPECT_EQ(n, 0);
		EXPECT(slab_is_leaving(&rig->s, n), "it may be seen");
		slab_rig_verify(rig);
		if (round == 2)
			break;
		slab_rig_alloc(rig, &rq);
		EXPECT(!slab_is_leaving(&rig->s, n), "it may not be seen");
		if (round)
			slab_rig_free(rig, 0, false);
		EXPECT(!slab_left(&rig->s), "it left, but was needed");
		slab_rig_verify(rig);
		if (!round)
			slab_rig_free(rig, 0, false);
	}
	rig->state[n] = RIG_AWAY;
	EXPECT(slab_left(&rig->s), "it did not leave");
	EXPECT(!slab_is_leaving(&rig->s, n), "it is still to leave");
	slab_rig_verify(rig);
	slab_rig_alloc(rig, &rq);
	slab_rig_verify(rig);
	free(rig);
}

static int grow_any(void *context, u32 number, struct engine_refusal *why)
{
	EXPECT(context && why, "slab %u for nobody", number);
	return 0;
}

static bool shrink_any(void *context, u32 number)
{
	EXPECT(context, "slab %u of nobody", number);
	return true;
}

#define MOVED_SLABS	6u

/* Live objects of each slab, by what a walk shows; their offsets in @live. */
static u32 count_live(struct slabs *s, u32 *of, u64 *live)
{
	struct engine_block block;
	u32 n = 0;
	u64 pos = 0;

	memset(of, 0, MOVED_SLABS * sizeof(*of));
	while (s->e.ops->next(&s->e, &pos, &block)) {
		if (!block.granted || !block.used)
			continue;
		of[block.offset >> s->layout.shift]++;
		live[n++] = block.offset;
	}
	return n;
}

/* Is there a slab other than @n that has both live and free objects? */
static bool has_place(const struct slabs *s, const u32 *of, u32 n)
{
	u32 i;

	for (i = 0; i < MOVED_SLABS; i++)
		if (i != n && of[i] && of[i] < s->layout.objects)
			return true;
	return false;
}

/* Move an object: its new place is an object of another slab that was neither full nor empty. */
static void move_object(struct slabs *s, u64 from, const u32 *of)
{
	struct engine_block before, after, gone;
	u32 n = from >> s->layout.shift;
	u64 to = ~0ull, allocs = count_of(&s->e.allocs);
	u32 live = s->live, i;
	int err;

	EXPECT_EQ(s->e.ops->find(&s->e, from, &before), 0);
	/* The caller puts those last that shall take nothing: the ring's head is another then. */
	slab_last(s, n);
	for (i = 0; i < MOVED_SLABS; i++)
		if (!of[i])
			slab_last(s, i);
	err = slab_move(s, from, &to);
	EXPECT_EQ(err, has_place(s, of, n) ? 0 : -EBUSY);
	EXPECT_EQ(s->live, live + !err);
	if (err)
		return;
	EXPECT(to >> s->layout.shift != n, "from %llu to %llu, the same slab", from, to);
	EXPECT(of[to >> s->layout.shift], "to %llu, a slab that was empty", to);
	EXPECT_EQ(s->e.ops->find(&s->e, to, &after), 0);
	EXPECT_EQ(after.requested, before.requested);
	EXPECT(after.recorded, "a new place without record");
	EXPECT_EQ(s->e.ops->free(&s->e, from, true, &gone), 0);
	EXPECT_EQ(count_of(&s->e.allocs), allocs);
}

/* Objects that move to other slabs, in states from empty to full. */
static void slab_moves(void)
{
	struct slabs s;
	const struct slab_supply source = {
		.grow = grow_any, .shrink = shrink_any, .context = &s,
	};
	u32 of[MOVED_SLABS], n, i, ops = unit_ops(20000);
	struct engine_block block;
	struct engine_refusal why;
	struct slab_layout layout;
	u64 live[MOVED_SLABS * 8], to;
	void *meta;

	EXPECT_EQ(slab_layout(&layout, 512, 8, MOVED_SLABS << 12, 12), 0);
	EXPECT_EQ(layout.objects, 8);
	meta = calloc(1, slab_meta_size(&layout));
	slab_init(&s, &layout, &source, meta);
	for (i = 0; i < ops; i++) {
		const struct engine_request rq = { .bytes = 1 + unit_below(512), .recorded = true };

		unit_context("operation %u", i);
		n = count_live(&s, of, live);
		if (n && unit_chance(30)) {
			move_object(&s, live[unit_below(n)], of);
		} else if (unit_chance(i / 500 % 2 ? 35 : 65)) {
			model_ask(&s.e, &rq, &block, &why);
		} else if (n) {
			to = live[unit_below(n)];
			EXPECT_EQ(s.e.ops->free(&s.e, to, true, &block), 0);
			EXPECT_EQ(slab_move(&s, to, &to), -ENOENT);
		}
		model_check(&s.e);
	}
	free(meta);
}

/* A walk passes over slabs without memory, some at a time, and goes on upwards. */
static void slab_walks_in_steps(void)
{
	struct slabs s;
	const struct slab_supply source = {
		.grow = grow_any, .shrink = shrink_any, .context = &s,
	};
	const struct engine_request rq = { .bytes = 64 };
	struct engine_block block;
	struct engine_refusal why;
	struct slab_layout layout;
	u32 calls = 0, shown = 0;
	u64 pos = 0, before;
	void *meta;

	EXPECT_EQ(slab_layout(&layout, 64, 8, 5000 << 12, 12), 0);
	meta = calloc(1, slab_meta_size(&layout));
	slab_init(&s, &layout, &source, meta);
	EXPECT_EQ(model_ask(&s.e, &rq, &block, &why), 0);
	for (before = 0; s.e.ops->next(&s.e, &pos, &block); before = pos, calls++) {
		EXPECT(pos > before, "from %llu to %llu", before, pos);
		shown += !!block.granted;
		EXPECT(block.granted || !block.used, "a block of nothing");
	}
	EXPECT_EQ(shown, layout.objects);
	EXPECT(calls - shown >= layout.max / 256 - 1, "%u calls for %u slabs",
	       calls - shown, layout.max);
	free(meta);
}

/* An engine without books is empty and sound, and refuses; then it gets them. */
static void slab_opens_late(void)
{
	struct slabs s;
	const struct slab_supply source = {
		.grow = grow_any, .shrink = shrink_any, .context = &s,
	};
	const struct engine_request rq = { .bytes = 64 };
	struct engine_block block;
	struct engine_refusal why = { 0 };
	struct slab_layout layout;
	struct engine_frag frag;
	u64 pos = 0;
	void *meta;

	EXPECT_EQ(slab_layout(&layout, 64, 8, 5 << 12, 12), 0);
	slab_init(&s, &layout, &source, NULL);
	EXPECT_EQ(model_ask(&s.e, &rq, &block, &why), -ENOMEM);
	EXPECT_EQ(why.reason, MEMMGR_REASON_LIMIT);
	EXPECT_EQ(slab_give(&s, 0, 0), -ENOENT);
	EXPECT_EQ(slab_leaving(&s), SLAB_NONE);
	EXPECT(!s.e.ops->next(&s.e, &pos, &block), "a block at %llu", block.offset);
	s.e.ops->frag(&s.e, &frag);
	EXPECT_EQ(frag.free, 0);
	EXPECT_EQ(frag.largest, 64);
	model_check(&s.e);

	meta = calloc(1, slab_meta_size(&layout));
	slab_link(&layout, meta);
	slab_open(&s, layout.max, meta);
	model_check(&s.e);
	EXPECT_EQ(slab_prepare(&s, 5 * layout.objects, &why), 0);
	EXPECT_EQ(s.held, 5);
	EXPECT_EQ(slab_prepare(&s, 6 * layout.objects, &why), -ENOMEM);
	EXPECT_EQ(model_ask(&s.e, &rq, &block, &why), 0);
	model_check(&s.e);
	free(meta);
}

static const struct unit_test tests[] = {
	{ "slab_differential", slab_differential },
	{ "slab_needed_again", slab_needed_again },
	{ "slab_exhaustive", slab_exhaustive },
	{ "slab_layouts", slab_layouts },
	{ "slab_pages", slab_pages },
	{ "slab_books_are_small", slab_books_are_small },
	{ "slab_narrow", slab_narrow },
	{ "slab_hostile", slab_hostile },
	{ "slab_walks_in_steps", slab_walks_in_steps },
	{ "slab_moves", slab_moves },
	{ "slab_opens_late", slab_opens_late },
};

int main(int argc, char **argv)
{
	return unit_main(argc, argv, tests, ARRAY_SIZE(tests));
}
