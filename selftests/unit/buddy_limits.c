// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The promises of a buddy at its borders: sizes, metadata, bad input.
 *
 * Rule: module/core/buddy.h.
 */
#include <sys/mman.h>

#include "buddy_rig.h"
#include "unit.h"

static void buddy_hostile(void)
{
	static const u32 sizes[] = { 1, 31, 100, 1025 };
	u32 i, j, ops = unit_ops(3000);

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct buddy_rig *rig = malloc(sizeof(*rig));
		void *meta = malloc(buddy_meta_size(0, sizes[i]));
		void *units = malloc(model_size(sizes[i]));

		buddy_rig_init(rig, 0, sizes[i], 12, BUDDY_JOIN, meta, units);
		for (j = 0; j < ops; j++) {
			struct engine *e = &rig->b.e;
			const struct model_unit *unit = model_any(&rig->m);
			struct engine_request rq = {
				.bytes = unit_hostile(),
				.align = unit_hostile(),
				.recorded = unit_chance(50),
			};

			unit_context("%u granules, operation %u", sizes[i], j);
			buddy_rig_alloc(rig, &rq);
			buddy_rig_resize(rig, unit_hostile(), &rq);
			if (unit)
				buddy_rig_resize(rig, model_offset(&rig->m, unit), &rq);
			model_try_free(&rig->m, e, unit_hostile(), rq.recorded);
			model_try_find(&rig->m, e, unit_hostile());
			model_try_next(&rig->m, e);
			buddy_rig_verify(rig);
		}
		free(rig);
		free(meta);
		free(units);
	}
}

static void buddy_init_refuses(void)
{
	u32 meta[64] = { 0 };
	struct buddy b;

	EXPECT(buddy_meta_size(0, 8) <= sizeof(meta), "8 granules");
	EXPECT_EQ(buddy_init(&b, 0, 0, 12, 0, meta), -EINVAL);
	EXPECT_EQ(buddy_init(&b, 0, BUDDY_MAX_GRANULES + 1, 12, 0, meta), -EINVAL);
	EXPECT_EQ(buddy_init(&b, 0, ~0u, 12, 0, meta), -EINVAL);
	EXPECT_EQ(buddy_init(&b, 0, 8, 4, 0, meta), -EINVAL);
	EXPECT_EQ(buddy_init(&b, 0, 8, 17, 0, meta), -EINVAL);
	EXPECT_EQ(buddy_init(&b, 0, 8, ~0u, 0, meta), -EINVAL);
	EXPECT_EQ(buddy_init(&b, 0, 8, 12, BUDDY_JOIN << 1, meta), -EINVAL);
	EXPECT_EQ(buddy_init(&b, 0, 8, 12, ~0u, meta), -EINVAL);
	EXPECT_EQ(buddy_init(&b, 8, 8, 12, 0, meta), -EINVAL);
	EXPECT_EQ(buddy_init(&b, ~0u, 8, 12, 0, meta), -EINVAL);
	EXPECT_EQ(buddy_init(&b, 0, 8, 5, 0, meta), 0);
	EXPECT_EQ(buddy_init(&b, 0, 8, 16, BUDDY_JOIN, meta), 0);
}

/* With a lead, which is below the largest power of two in the granules, a little more. */
static void meta_holds(u32 granules)
{
	u32 lead = (1u << env_highest(granules)) - 1;

	EXPECT(granules < 1024 || buddy_meta_size(lead, granules) <= 4ull * granules,
	       "%zu bytes for %u granules behind %u", buddy_meta_size(lead, granules),
	       granules, lead);
	EXPECT(buddy_meta_size(0, granules) <= 4ull * granules,
	       "%zu bytes for %u granules", buddy_meta_size(0, granules), granules);
}

static void buddy_meta_bound(void)
{
	u32 i;

	for (i = 74; i < 200000; i++)
		meta_holds(i);
	for (i = 0; i < 100000; i++)
		meta_holds(74 + unit_below(BUDDY_MAX_GRANULES - 73));
	meta_holds(BUDDY_MAX_GRANULES);
}

/* The largest request is told exactly, and it succeeds, and none is larger. */
static void largest_of(u32 granules, u32 flags)
{
	u32 expected = flags & BUDDY_JOIN ? granules :
		       1u << env_highest(granules);
	void *meta = calloc(1, buddy_meta_size(0, granules));
	struct engine_request rq = { 0 };
	struct engine_block block;
	struct engine_refusal why;
	struct engine_frag frag;
	struct buddy b;

	unit_context("%u granules, flags %u", granules, flags);
	EXPECT_EQ(buddy_init(&b, 0, granules, 5, flags, meta), 0);
	b.e.ops->frag(&b.e, &frag);
	EXPECT_EQ(frag.largest, (u64)expected << 5);
	rq.bytes = frag.largest + 1;
	EXPECT_EQ(model_ask(&b.e, &rq, &block, &why), -ENOMEM);
	EXPECT_EQ(why.largest, frag.largest);
	rq.bytes = frag.largest;
	EXPECT_EQ(model_ask(&b.e, &rq, &block, &why), 0);
	free(meta);
}

static void buddy_largest_untouched(void)
{
	static const u32 sizes[] = {
		32767, 32768, 32769, 33000, 65535, 1000000, (1u << 20) - 1,
		1u << 20, (1u << 20) + 1,
	};
	u32 i;

	for (i = 1; i < 3000; i++) {
		largest_of(i, BUDDY_JOIN);
		largest_of(i, 0);
	}
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		largest_of(sizes[i], BUDDY_JOIN);
}

#define HUGE_LIVE	300

/* The blocks of the huge region, in no order. */
struct huge {
	struct buddy b;
	struct engine_block live[HUGE_LIVE];
	u32 count;
};

static void huge_alloc(struct huge *huge)
{
	struct engine *e = &huge->b.e;
	const struct engine_request rq = {
		.bytes = 1 + ((u64)unit_random() >> 4 >> unit_below(28)),
		.align = 1ull << unit_below(30),
	};
	struct engine_block block;
	struct engine_refusal why;
	u32 i;

	if (model_ask(e, &rq, &block, &why)) {
		EXPECT(why.largest < rq.bytes, "%llu was refused, but %llu not",
		       rq.bytes, why.largest);
		return;
	}
	EXPECT(block.offset % rq.align == 0, "alignment");
	EXPECT(block.granted >= rq.bytes && block.granted - rq.bytes < 32, "size");
	EXPECT(block.offset + block.granted <= 1ull << 32, "past the end");
	for (i = 0; i < huge->count; i++)
		EXPECT(block.offset >= huge->live[i].offset + huge->live[i].granted ||
		       huge->live[i].offset >= block.offset + block.granted,
		       "%llu overlaps %llu", block.offset, huge->live[i].offset);
	huge->live[huge->count++] = block;
}

static void huge_free(struct huge *huge)
{
	u32 i = unit_below(huge->count);
	struct engine *e = &huge->b.e;
	struct engine_block block;

	EXPECT_EQ(e->ops->free(e, huge->live[i].offset, false, &block), 0);
	EXPECT_EQ(block.granted, huge->live[i].granted);
	EXPECT_EQ(e->ops->free(e, huge->live[i].offset, false, &block), -ENOENT);
	huge->live[i] = huge->live[--huge->count];
}

/* 4 GiB in granules of 32 bytes, the most there can be. Metadata is sparse. */
static void buddy_huge(void)
{
	size_t size = buddy_meta_size(0, BUDDY_MAX_GRANULES);
	struct huge *huge = calloc(1, sizeof(*huge));
	struct engine *e = &huge->b.e;
	struct engine_books books;
	struct engine_frag frag;
	u32 i, ops = unit_ops(3000);
	void *meta = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE |
			  MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	EXPECT(meta != MAP_FAILED, "no memory for %zu bytes", size);
	EXPECT_EQ(buddy_init(&huge->b, 0, BUDDY_MAX_GRANULES, 5, 0, meta), 0);
	for (i = 0; i < ops; i++) {
		unit_context("operation %u", i);
		if (!huge->count || (huge->count < HUGE_LIVE && unit_chance(52)))
			huge_alloc(huge);
		else
			huge_free(huge);
	}
	while (huge->count)
		huge_free(huge);
	e->ops->books(e, &books);
	EXPECT_EQ(books.used, 0);
	EXPECT_EQ(books.requested, 0);
	e->ops->frag(e, &frag);
	EXPECT_EQ(frag.free, 1ull << 32);
	EXPECT_EQ(frag.largest, 1ull << 32);
	EXPECT_EQ(frag.blocks[27], 1);
	munmap(meta, size);
	free(huge);
}

/*
 * A search goes in steps. What it tells of the largest size is exact unless something
 * changed between two of them; without a search, in a buddy that joins, it is not.
 */
static void exact_of(u32 flags, bool search, bool changes, bool exact)
{
	const u32 granules = 20000;
	void *meta = calloc(1, buddy_meta_size(0, granules));
	struct engine_search state = { 0 };
	struct engine_request rq = { .bytes = 32 };
	struct engine_refusal why = { 0 };
	struct engine_block block;
	u32 steps = 0;
	struct buddy b;
	int err;

	unit_context("flags %u, search %u, changes %u", flags, search, changes);
	EXPECT_EQ(buddy_init(&b, 0, granules, 5, flags, meta), 0);
	EXPECT_EQ(model_ask(&b.e, &rq, &block, &why), 0);
	rq.bytes = (u64)granules << 5;
	rq.search = search ? &state : NULL;
	while ((err = b.e.ops->alloc(&b.e, &rq, &block, &why)) == -EAGAIN) {
		const struct engine_request other = { .bytes = 32 };

		if (changes && !steps++)
			EXPECT_EQ(model_ask(&b.e, &other, &block, &why), 0);
	}
	EXPECT_EQ(err, -ENOMEM);
	EXPECT_EQ(why.exact, exact);
	EXPECT(!changes || steps, "it went in one step");
	free(meta);
}

static void buddy_largest_exact(void)
{
	exact_of(0, false, false, true);
	exact_of(BUDDY_JOIN, true, false, true);
	exact_of(BUDDY_JOIN, true, true, false);
	exact_of(BUDDY_JOIN, false, false, false);
}

static const struct unit_test tests[] = {
	{ "buddy_hostile", buddy_hostile },
	{ "buddy_init_refuses", buddy_init_refuses },
	{ "buddy_meta_bound", buddy_meta_bound },
	{ "buddy_largest_untouched", buddy_largest_untouched },
	{ "buddy_huge", buddy_huge },
	{ "buddy_largest_exact", buddy_largest_exact },
};

int main(int argc, char **argv)
{
	return unit_main(argc, argv, tests, ARRAY_SIZE(tests));
}
