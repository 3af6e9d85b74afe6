/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Pool: a fixed number of blocks of one size, all of which exist from the start.
 *
 * The numbers of the free blocks form a stack. For each block an array holds the
 * bytes that were asked for, which is 0 while the block is free. The state takes
 * 8 bytes a block. Every call is O(1): the same few instructions whatever happened
 * before.
 */
#ifndef MEMMGR_POOL_H
#define MEMMGR_POOL_H

#include "core/divide.h"
#include "core/engine.h"

#define POOL_RECORDED	(1u << 31)	/* in asked[]: the block has a record */
#define POOL_MAX_BLOCK	(1u << 30)
#define POOL_NONE	(~0u)

/**
 * struct pool - the engine
 * @e: the common part; its classes count only requests for less than a block
 * @block: largest size that can be asked for, in bytes
 * @stride: distance between two blocks in bytes
 * @magic: to divide by @stride
 * @count: number of blocks
 * @top: number of free blocks
 * @low: lowest @top ever
 * @waste: bytes of live blocks beyond the requested size
 * @stack: numbers of the free blocks; the next one to hand out is at @top - 1
 * @asked: bytes asked for, for each block; 0 when it is free
 */
struct pool {
	struct engine e;
	u32 block;
	u32 stride;
	u64 magic;
	u32 count;
	u32 top;
	u32 low;
	u64 waste;
	u32 *stack;
	u32 *asked;
};

size_t pool_meta_size(u32 count);
int pool_init(struct pool *p, u32 block, u32 align, u32 count, void *meta);

/* Take a whole block. Returns its number, or POOL_NONE. */
static inline u32 pool_take(struct pool *p, u32 mark)
{
	u32 top = p->top;
	u32 i;

	if (unlikely(!top))
		return POOL_NONE;
	i = p->stack[--top];
	p->top = top;
	if (top < p->low)
		p->low = top;
	p->asked[i] = p->block | mark;
	p->e.allocs++;
	return i;
}

/* Give back the block at @offset. @mark is its record mark. */
static inline int pool_give(struct pool *p, u32 offset, u32 mark)
{
	u32 i = divide(offset, p->magic);
	u32 asked;

	if (unlikely(i >= p->count || i * p->stride != offset))
		return -ENOENT;
	asked = p->asked[i];
	if (unlikely(asked != (p->block | mark))) {
		if (!asked)
			return -ENOENT;
		if ((asked ^ mark) & POOL_RECORDED)
			return -EACCES;
		p->waste -= p->block - (asked & ~POOL_RECORDED);
	}
	p->asked[i] = 0;
	p->stack[p->top++] = i;
	return 0;
}

#endif /* MEMMGR_POOL_H */
