// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The two fragmentation indices, defined and scaled (0 .. 1000) as the kernel's own
 * in mm/vmstat.c. Both are Gorman's: the unusable free space index and the
 * fragmentation index ("Supporting superpage allocation without additional hardware
 * support", ISMM'08). Each costs O(orders).
 *
 * If no memory is free, both are 0 here, because nothing is fragmented. (The
 * kernel reports 1000 and 0.)
 */
#include "core/frag.h"

/* A 64-bit division costs a 32-bit CPU hundreds of instructions. */
static u64 quotient(u64 dividend, u64 divisor)
{
	if (!((dividend | divisor) >> 32))
		return (u32)dividend / (u32)divisor;
	return div64_u64(dividend, divisor);
}

static __always_inline u32 permille(u64 part, u64 whole)
{
	return whole ? quotient(part * 1000, whole) : 0;
}

/* 1000 x (1 - largest / free) */
u32 frag_external(const struct engine_frag *frag)
{
	u32 shift;

	if (!frag->free || frag->uniform)
		return 0;
	/* Both are multiples of the unit. */
	shift = env_lowest(frag->unit);
	return 1000 - permille(frag->largest >> shift, frag->free >> shift);
}

/* 1000 x wasted / granted */
u32 frag_internal(const struct engine_frag *frag)
{
	if (frag->used == frag->requested)
		return 0;
	return permille(frag->used - frag->requested, frag->used);
}

/* Free units of all orders, at most 2^29, and free blocks. */
static u32 frag_sums(const struct engine_frag *frag, u32 *blocks)
{
	u32 o, free = 0;

	*blocks = 0;
	for (o = 0; o < frag->orders; o++) {
		free += frag->blocks[o] << o;
		*blocks += frag->blocks[o];
	}
	return free;
}

/* The fragmentation index of an order that no block serves. */
static s32 lacking(u32 free, u32 blocks, u32 order)
{
	return 1000 - (s32)quotient(1000 + ((u64)free * 1000 >> order), blocks);
}

/**
 * frag_indices - both indices for all orders
 * @frag: free memory by orders
 * @unusable: 1000 x (F - S x 2^order) / F, the share of the free units that lies in
 *	blocks too small for the order. F is the number of free units, S the number of
 *	requests of this order that would succeed
 * @index: -1000 if a request would succeed; otherwise 1000 - (1000 + F x 1000 /
 *	2^order) / B. Near 0 it fails for lack of memory, near 1000 because of
 *	fragmentation. B is the number of free blocks
 *
 * Both are filled in for the orders that @frag has.
 *
 * Context: any. O(orders).
 * Return: B
 */
u32 frag_indices(const struct engine_frag *frag, s32 *unusable, s32 *index)
{
	u32 blocks, free = frag_sums(frag, &blocks);
	u32 o = frag->orders, suitable = 0;
	s32 share = 0;

	/* Orders that no block serves. */
	for (; o && !frag->blocks[o - 1]; o--) {
		unusable[o - 1] = free ? 1000 : 0;
		index[o - 1] = free ? lacking(free, blocks, o - 1) : 0;
	}
	/* The share is that of the order above, unless there are blocks of this order. */
	while (o--) {
		u32 n = frag->blocks[o];

		if (n) {
			suitable += n << o;
			share = suitable == free ? 0 : permille(free - suitable, free);
		}
		unusable[o] = share;
		index[o] = -1000;
	}
	return blocks;
}
