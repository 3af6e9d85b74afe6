/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Pool: a fixed number of blocks of one size, all of which exist from the start.
 *
 * The numbers of the free blocks form a stack, which lies at the end of its array: the
 * array's first entries are as many as there are live blocks. For each block another array
 * holds how many of its bytes were not asked for. The state takes 8 bytes a block. Every
 * call is O(1): the same few instructions whatever happened before.
 */
#ifndef MEMMGR_POOL_H
#define MEMMGR_POOL_H

#include "core/divide.h"
#include "core/engine.h"

#define POOL_RECORDED	(1u << 31)	/* in slack[]: the block has a record */
#define POOL_WHOLE	1u		/* in slack[]: all of the block was asked for */
#define POOL_MAX_BLOCK	(1u << 30)

/**
 * struct pool - the engine
 * @e: the common part; its classes count only requests for less than a block
 * @block: largest size that can be asked for, in bytes
 * @stride: distance between two blocks in bytes
 * @by: to divide by @stride
 * @count: number of blocks
 * @live: number of live blocks
 * @high: highest @live ever
 * @waste: bytes of live blocks beyond the requested size
 * @stack: numbers of the free blocks from @live on; the next one to hand out is at @live
 * @slack: for each block POOL_WHOLE plus the bytes not asked for, and its record mark; 0
 *	when it is free
 */
struct pool {
	struct engine e;
	u32 block;
	u32 stride;
	struct divisor by;
	u32 count;
	u32 live;
	u32 high;
	u32 *stack;
	u32 *slack;
	u64 waste;
};

size_t pool_meta_size(u32 count);
int pool_give(struct pool *p, u32 offset, u32 mark);
int pool_init(struct pool *p, u32 block, u32 align, u32 count, void *meta);

/* Take a whole block, number @i. Returns false if there is none. */
static __always_inline bool pool_take(struct pool *p, u32 mark, u32 *i)
{
	u32 live = p->live;

	/* Never so many were live, or all are. */
	if (unlikely(live >= p->high)) {
		env_rarely();
		if (live == p->count)
			return false;
		p->high = live + 1;
	}
	*i = p->stack[live];
	p->live = live + 1;
	p->slack[*i] = POOL_WHOLE | mark;
	count_add(&p->e.allocs, 1);
	return true;
}

/*
 * Take @n whole blocks without a record, no more than are free. Returns their numbers, which
 * are good until the next call.
 */
static inline const u32 *pool_take_some(struct pool *p, u32 n)
{
	const u32 *numbers = p->stack + p->live;
	u32 *slack = p->slack;
	u32 i;

	for (i = 0; i < n; i++)
		slack[numbers[i]] = POOL_WHOLE;
	p->live += n;
	p->high = max(p->high, p->live);
	count_add(&p->e.allocs, n);
	return numbers;
}

/* Block @i becomes free. Its waste is taken back already. */
static __always_inline void pool_gave(struct pool *p, u32 i)
{
	p->slack[i] = 0;
	p->stack[--p->live] = i;
}

/*
 * Give back the block at @offset, if it is a whole one with record mark @mark. If this
 * returns false, pool_give() tells the reason, or gives it back.
 */
static __always_inline bool pool_give_whole(struct pool *p, u32 offset, u32 mark)
{
	u32 i = divide(offset, p->by);

	if (unlikely(i >= p->count || p->slack[i] != (POOL_WHOLE | mark)))
		return false;
	pool_gave(p, i);
	return true;
}

/*
 * Give back the last @n of @count blocks, the last one first: they are whole and have no
 * record. @blocks are addresses, of which @base is that of offset 0. Returns how many blocks
 * are left; more than @count - @n if one was none that pool_give_whole() gives back.
 */
static inline size_t pool_give_some(struct pool *p, const void *base, void *const *blocks,
				    size_t count, u32 n)
{
	u32 *stack = p->stack + p->live, *slack = p->slack;
	const struct divisor by = p->by;
	u32 blocks_here = p->count;
	size_t left = count;

	while (left > count - n) {
		unsigned long distance = blocks[left - 1] - base;
		u32 i = divide(distance, by);

		if (unlikely((u64)distance >> 32 || i >= blocks_here || slack[i] != POOL_WHOLE))
			break;
		slack[i] = 0;
		*--stack = i;
		left--;
	}
	p->live -= count - left;
	return left;
}

#endif /* MEMMGR_POOL_H */
