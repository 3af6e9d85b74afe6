// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The fragmentation indices against the kernel's formulas.
 *
 * Rule: module/core/frag.h, and mm/vmstat.c of the kernel.
 */
#include "core/frag.h"
#include "unit.h"

/* fill_contig_page_info() of mm/vmstat.c, for one order. */
struct contig_info {
	u64 free_pages;
	u64 free_blocks_total;
	u64 free_blocks_suitable;
};

static struct contig_info fill_info(const struct engine_frag *frag,
				    u32 suitable_order)
{
	struct contig_info info = { 0 };
	u32 order;

	for (order = 0; order < frag->orders; order++) {
		u64 blocks = frag->blocks[order];

		info.free_blocks_total += blocks;
		info.free_pages += blocks << order;
		if (order >= suitable_order)
			info.free_blocks_suitable +=
				blocks << (order - suitable_order);
	}
	return info;
}

/* unusable_free_index(), but for 0 where nothing is free. */
static s32 unusable(const struct engine_frag *frag, u32 order)
{
	struct contig_info info = fill_info(frag, order);

	if (info.free_pages == 0)
		return 0;
	return (info.free_pages - (info.free_blocks_suitable << order)) *
	       1000 / info.free_pages;
}

/* __fragmentation_index() */
static s32 fragmentation(const struct engine_frag *frag, u32 order)
{
	struct contig_info info = fill_info(frag, order);
	u64 requested = 1ull << order;

	if (!info.free_blocks_total)
		return 0;
	if (info.free_blocks_suitable)
		return -1000;
	return 1000 - (s32)((1000 + info.free_pages * 1000 / requested) /
			    info.free_blocks_total);
}

static s32 frag_unusable(const struct engine_frag *frag, u32 order)
{
	s32 unusable[MEMMGR_ORDERS] = { 0 }, index[MEMMGR_ORDERS] = { 0 };

	frag_indices(frag, unusable, index);
	return unusable[order];
}

static s32 frag_index(const struct engine_frag *frag, u32 order)
{
	s32 unusable[MEMMGR_ORDERS] = { 0 }, index[MEMMGR_ORDERS] = { 0 };

	frag_indices(frag, unusable, index);
	return index[order];
}

static u32 frag_free_blocks(const struct engine_frag *frag)
{
	s32 unusable[MEMMGR_ORDERS] = { 0 }, index[MEMMGR_ORDERS] = { 0 };

	return frag_indices(frag, unusable, index);
}

static void same_indices(const struct engine_frag *frag)
{
	u64 blocks = 0;
	u32 o;

	for (o = 0; o < frag->orders; o++) {
		EXPECT(frag_unusable(frag, o) == unusable(frag, o),
		       "unusable index of order %u: %d, expected %d", o,
		       frag_unusable(frag, o), unusable(frag, o));
		EXPECT(frag_index(frag, o) == fragmentation(frag, o),
		       "fragmentation index of order %u: %d, expected %d", o,
		       frag_index(frag, o), fragmentation(frag, o));
		blocks += frag->blocks[o];
	}
	EXPECT_EQ(frag_free_blocks(frag), blocks);
}

/* Up to as many blocks as 2^27 granules can have. */
static void frag_random(void)
{
	u32 i, o, ops = unit_ops(100000);

	for (i = 0; i < ops; i++) {
		struct engine_frag frag = {
			.orders = 1 + unit_below(28),
			.unit = 32,
		};

		unit_context("set %u", i);
		for (o = 0; o < frag.orders; o++)
			if (unit_chance(40))
				frag.blocks[o] = unit_below((1u << (27 - o)) + 1);
		same_indices(&frag);
	}
}

/* By hand, from the definitions. */
static void frag_examples(void)
{
	/* 8 single pages: an order 3 fails for fragmentation: 1000 - 2000 / 8. */
	const struct engine_frag singles = { .orders = 10, .blocks = { 8 } };
	/* 1 page: an order 3 fails for lack of memory: 1000 - (1000 + 125). */
	const struct engine_frag one = { .orders = 10, .blocks = { 1 } };
	/* 1 + 2 + 4 pages of 7: order 1 can use 6, order 2 can use 4. */
	const struct engine_frag mix = { .orders = 10, .blocks = { 1, 1, 1 } };

	EXPECT_EQ(frag_unusable(&singles, 0), 0);
	EXPECT_EQ(frag_unusable(&singles, 1), 1000);
	EXPECT_EQ(frag_index(&singles, 0), -1000);
	EXPECT_EQ(frag_index(&singles, 3), 750);
	EXPECT_EQ(frag_index(&one, 3), -125);
	EXPECT_EQ(frag_unusable(&mix, 1), 142);
	EXPECT_EQ(frag_unusable(&mix, 2), 428);
	EXPECT_EQ(frag_index(&mix, 2), -1000);
	EXPECT_EQ(frag_index(&mix, 3), 1000 - 1875 / 3);
	EXPECT_EQ(frag_free_blocks(&mix), 3);
}

static void frag_nothing_free(void)
{
	const struct engine_frag none = { .orders = 28, .unit = 4096 };
	const struct engine_frag no_orders = { 0 };
	u32 o;

	for (o = 0; o < MEMMGR_ORDERS; o++) {
		EXPECT_EQ(frag_unusable(&none, o), 0);
		EXPECT_EQ(frag_index(&none, o), 0);
		EXPECT_EQ(frag_unusable(&no_orders, o), 0);
		EXPECT_EQ(frag_index(&no_orders, o), 0);
	}
	EXPECT_EQ(frag_external(&none), 0);
	EXPECT_EQ(frag_free_blocks(&none), 0);
}

static void frag_external_internal(void)
{
	struct engine_frag frag = { .unit = 32, .free = 4096, .largest = 1024 };
	struct engine_frag books = { .used = 4096, .requested = 3072 };
	const struct engine_frag none = { 0 };

	EXPECT_EQ(frag_external(&frag), 750);
	frag.largest = 4096;
	EXPECT_EQ(frag_external(&frag), 0);
	frag.largest = 0;
	EXPECT_EQ(frag_external(&frag), 1000);
	frag.uniform = true;
	EXPECT_EQ(frag_external(&frag), 0);
	frag = (struct engine_frag) {
		.unit = 32, .free = 1ull << 32, .largest = 1ull << 31,
	};
	EXPECT_EQ(frag_external(&frag), 500);
	EXPECT_EQ(frag_internal(&books), 250);
	books.requested = 4096;
	EXPECT_EQ(frag_internal(&books), 0);
	books = (struct engine_frag) { .used = 1ull << 32, .requested = 1 };
	EXPECT_EQ(frag_internal(&books), 999);
	EXPECT_EQ(frag_internal(&none), 0);
}

static const struct unit_test tests[] = {
	{ "frag_random", frag_random },
	{ "frag_examples", frag_examples },
	{ "frag_nothing_free", frag_nothing_free },
	{ "frag_external_internal", frag_external_internal },
};

int main(int argc, char **argv)
{
	return unit_main(argc, argv, tests, ARRAY_SIZE(tests));
}
