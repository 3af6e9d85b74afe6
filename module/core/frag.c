// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The fragmentation indices, by the definitions and on the scale (0 .. 1000) of
 * the kernel's own, mm/vmstat.c: the unusable free space index is Gorman's, the
 * fragmentation index as well ("Supporting superpage allocation without
 * additional hardware support", ISMM'08). Each is O(orders).
 *
 * Where nothing is free both say 0: nothing is fragmented. (The kernel says
 * 1000 and 0.)
 */
#include "frag.h"

static u64 permille(u64 part, u64 whole)
{
	return whole ? div64_u64(part * 1000, whole) : 0;
}

static u64 free_units(const struct engine_frag *frag)
{
	u64 free = 0;
	u32 o;

	for (o = 0; o < frag->orders; o++)
		free += (u64)frag->blocks[o] << o;
	return free;
}

/* How often a request of this order would succeed. */
static u64 suitable(const struct engine_frag *frag, u32 order)
{
	u64 n = 0;
	u32 o;

	for (o = order; o < frag->orders; o++)
		n += (u64)frag->blocks[o] << (o - order);
	return n;
}

/* 1000 x (1 - largest / free) */
u32 frag_external(const struct engine_frag *frag)
{
	if (!frag->free || frag->uniform)
		return 0;
	return 1000 - permille(frag->largest, frag->free);
}

/* 1000 x wasted / granted */
u32 frag_internal(const struct engine_books *books)
{
	return permille(books->used - books->requested, books->used);
}

u64 frag_free_blocks(const struct engine_frag *frag)
{
	u64 n = 0;
	u32 o;

	for (o = 0; o < frag->orders; o++)
		n += frag->blocks[o];
	return n;
}

/* 1000 x (F - S x 2^order) / F: the part of the free units that is too small */
s32 frag_unusable(const struct engine_frag *frag, u32 order)
{
	u64 free = free_units(frag);

	return permille(free - (suitable(frag, order) << order), free);
}

/*
 * -1000: a request would succeed. Otherwise 1000 - (1000 + F x 1000 / 2^order)
 * / B: towards 0 it fails for lack of memory, towards 1000 for fragmentation.
 */
s32 frag_index(const struct engine_frag *frag, u32 order)
{
	u64 free = free_units(frag);
	u64 blocks = frag_free_blocks(frag);

	if (!free)
		return 0;
	if (suitable(frag, order))
		return -1000;
	return 1000 - div64_u64(1000 + (free * 1000 >> order), blocks);
}
