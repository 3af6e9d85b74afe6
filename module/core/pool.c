// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Pool. The stack of free indices is Kenwright's ("Fast efficient fixed-size
 * memory pool", 2012), but the links lie outside of the blocks. Every function is
 * O(1), except a step of pool_check().
 */
#include "core/pool.h"

static struct pool *to_pool(struct engine *e)
{
	return container_of(e, struct pool, e);
}

/* Bytes of a live block that were not asked for. */
static u32 slack_bytes(u32 slack)
{
	return (slack & ~POOL_RECORDED) - POOL_WHOLE;
}

static void pool_describe(const struct pool *p, u32 i,
			  struct engine_block *block)
{
	u32 slack = p->slack[i];

	*block = (struct engine_block) {
		.offset = (u64)i * p->stride,
		.granted = p->stride,
		.requested = slack ? p->block - slack_bytes(slack) : 0,
		.used = slack,
		.recorded = slack & POOL_RECORDED,
	};
}

static u64 pool_largest(const struct pool *p)
{
	return p->live < p->count ? p->block : 0;
}

/* Let a live block serve a request of @bytes. */
static void pool_set_asked(struct pool *p, u32 i, u32 bytes, u32 mark)
{
	p->waste -= slack_bytes(p->slack[i]);
	p->slack[i] = (POOL_WHOLE + p->block - bytes) | mark;
	p->waste += slack_bytes(p->slack[i]);
}

static int pool_alloc(struct engine *e, const struct engine_request *rq,
		      struct engine_block *block, struct engine_refusal *why)
{
	struct pool *p = to_pool(e);
	u32 mark = rq->recorded ? POOL_RECORDED : 0;
	u32 i;

	if (!rq->bytes || !engine_align_ok(rq->align))
		return -EINVAL;
	if (rq->align && p->stride & (rq->align - 1))
		return engine_refuse(why, MEMMGR_REASON_TOO_LARGE, 0);
	if (rq->bytes > p->block)
		return engine_refuse(why, MEMMGR_REASON_TOO_LARGE,
				     pool_largest(p));
	if (!pool_take(p, mark, &i))
		return engine_refuse(why, MEMMGR_REASON_EXHAUSTED, 0);
	if (rq->bytes < p->block) {
		pool_set_asked(p, i, rq->bytes, mark);
		engine_count(e, engine_class(rq->bytes));
	}
	pool_describe(p, i, block);
	return 0;
}

#define POOL_NONE	(~0u)

/* The number of the live block at @offset, or POOL_NONE. */
static u32 number_at(const struct pool *p, u64 offset)
{
	u32 i = offset >> 32 ? POOL_NONE : divide(offset, p->by);

	return i < p->count && p->slack[i] ? i : POOL_NONE;
}

/**
 * pool_give - give back a block, named by offset
 * @p: the engine
 * @offset: its offset
 * @mark: the same as for pool_take()
 *
 * Context: any; the caller serialises. O(1).
 * Return: 0, -ENOENT or -EACCES.
 */
int pool_give(struct pool *p, u32 offset, u32 mark)
{
	u32 i = number_at(p, offset);

	if (i == POOL_NONE)
		return -ENOENT;
	if ((p->slack[i] ^ mark) & POOL_RECORDED)
		return -EACCES;
	p->waste -= slack_bytes(p->slack[i]);
	pool_gave(p, i);
	return 0;
}

static int pool_free(struct engine *e, u64 offset, bool recorded,
		     struct engine_block *block)
{
	struct pool *p = to_pool(e);
	u32 i = number_at(p, offset);

	if (i == POOL_NONE)
		return -ENOENT;
	pool_describe(p, i, block);
	return pool_give(p, offset, recorded ? POOL_RECORDED : 0);
}

static int pool_resize(struct engine *e, u64 offset,
		       const struct engine_request *rq,
		       struct engine_block *block, struct engine_refusal *why)
{
	struct pool *p = to_pool(e);
	u32 i = number_at(p, offset);

	if (!rq->bytes)
		return -EINVAL;
	if (i == POOL_NONE)
		return -ENOENT;
	pool_describe(p, i, block);
	if (block->recorded != rq->recorded)
		return -EACCES;
	if (rq->bytes > p->block)
		return engine_refuse(why, MEMMGR_REASON_TOO_LARGE, p->block);
	e->changes++;
	pool_set_asked(p, i, rq->bytes, rq->recorded ? POOL_RECORDED : 0);
	block->requested = rq->bytes;
	return 0;
}

static int pool_find(struct engine *e, u64 offset, struct engine_block *block)
{
	struct pool *p = to_pool(e);
	u32 i = number_at(p, offset);

	if (i == POOL_NONE)
		return -ENOENT;
	pool_describe(p, i, block);
	return 0;
}

static bool pool_next(struct engine *e, u64 *pos, struct engine_block *block)
{
	struct pool *p = to_pool(e);
	u64 i = div64_u64(*pos, p->stride);

	i += i * p->stride != *pos;
	if (i >= p->count)
		return false;
	pool_describe(p, i, block);
	*pos = (i + 1) * p->stride;
	return true;
}

/*
 * A hash of a block number. Two different sets of numbers have different sums of hashes,
 * except by chance. With it the check proves that each free block is on the stack once.
 */
static u32 number_mix(u32 i)
{
	u32 h = (i + 1) * 0x9e3779b1u;

	h ^= h >> 15;
	return h * 0x85ebca6bu;
}

enum { POOL_BLOCKS, POOL_STACK };	/* phases of a check */

/* n[0]: live blocks, sum[0]: waste, sum[1]: hashes of the numbers of free blocks. */
static bool blocks_check(struct pool *p, struct engine_check *c, u32 budget)
{
	for (; c->at < p->count && budget; c->at++, budget--) {
		u32 slack = p->slack[c->at];

		c->fault.checked++;
		if (!slack) {
			c->sum[1] += number_mix(c->at);
			continue;
		}
		/* A mark alone is no live block either. */
		if (slack_bytes(slack) >= p->block)
			return engine_broken(&c->fault, "size of a block",
					     (u64)c->at * p->stride);
		c->sum[0] += slack_bytes(slack);
		c->n[0]++;
	}
	if (c->at < p->count)
		return true;
	c->phase = POOL_STACK;
	c->at = p->live;
	return true;
}

/* sum[2]: hashes of the numbers on the stack. */
static bool stack_of_free_check(struct pool *p, struct engine_check *c, u32 budget)
{
	/* Since the last step blocks may have been taken off the stack. */
	c->at = max(c->at, p->live);
	for (; c->at < p->count && budget; c->at++, budget--) {
		u32 i = p->stack[c->at];

		if (i >= p->count || p->slack[i])
			return engine_broken(&c->fault, "stack of free blocks", 0);
		c->sum[2] += number_mix(i);
	}
	if (c->at < p->count)
		return true;
	if (c->torn)
		return false;
	if (c->sum[1] != c->sum[2])
		return engine_broken(&c->fault, "stack of free blocks", 0);
	if (c->n[0] != p->live)
		return engine_broken(&c->fault, "number of live blocks", 0);
	if (c->sum[0] != p->waste)
		return engine_broken(&c->fault, "sum of wasted bytes", 0);
	return false;
}

static bool pool_check(struct engine *e, struct engine_check *c, u32 budget)
{
	struct pool *p = to_pool(e);

	if (p->high > p->count || p->live > p->high)
		return engine_broken(&c->fault, "number of live blocks", 0);
	return c->phase == POOL_BLOCKS ? blocks_check(p, c, budget) :
					 stack_of_free_check(p, c, budget);
}

static void pool_books(struct engine *e, struct engine_books *books)
{
	struct pool *p = to_pool(e);
	u64 odd = engine_counts(e, books);

	books->live = p->live;
	books->total = (u64)p->count * p->stride;
	books->used = (u64)books->live * p->stride;
	books->peak = (u64)p->high * p->stride;
	books->requested = (u64)books->live * p->block - p->waste;
	books->allocs = count_of(&e->allocs);
	books->joins = 0;
	books->classes[engine_class(p->block)] += books->allocs - odd;
}

static void pool_frag(struct engine *e, struct engine_frag *frag)
{
	struct pool *p = to_pool(e);

	frag->orders = 1;
	frag->unit = p->stride;
	frag->free = (u64)(p->count - p->live) * p->stride;
	frag->largest = pool_largest(p);
	frag->used = (u64)p->live * p->stride;
	frag->requested = (u64)p->live * p->block - p->waste;
	frag->uniform = true;
	frag->blocks[0] = p->count - p->live;
	frag->aligned[0] = 0;
}

static const struct engine_ops pool_ops = {
	.name = "pool",
	.alloc = pool_alloc,
	.free = pool_free,
	.resize = pool_resize,
	.find = pool_find,
	.next = pool_next,
	.check = env_checks ? pool_check : NULL,
	.books = pool_books,
	.frag = pool_frag,
};

/* Bytes that the state of a pool of @count blocks needs: 8 a block. */
size_t pool_meta_size(u32 count)
{
	return (size_t)count * 2 * sizeof(u32);
}

#define STACK_STEP	(1u << 16)	/* blocks that become free without a pause */

/**
 * pool_init - set up a pool with every block free
 * @p: the engine
 * @block: largest size that a block serves, 1 .. POOL_MAX_BLOCK bytes
 * @align: alignment of each block, a power of two, at least 8
 * @count: number of blocks; all of them together at most 4 GiB
 * @meta: pool_meta_size(@count) bytes of zeros, aligned to 4
 *
 * Context: process, may pause; the caller serialises. O(count).
 * Return: 0 or -EINVAL.
 */
int pool_init(struct pool *p, u32 block, u32 align, u32 count, void *meta)
{
	u32 i;

	if (!block || block > POOL_MAX_BLOCK || align < 8 ||
	    align > POOL_MAX_BLOCK || !engine_align_ok(align) || !count ||
	    (u64)count * ALIGN(block, align) > 1ull << 32)
		return -EINVAL;
	memset(p, 0, sizeof(*p));
	p->e.ops = &pool_ops;
	p->block = block;
	p->stride = ALIGN(block, align);
	p->by = divisor_of(p->stride);
	p->count = count;
	p->stack = meta;
	p->slack = p->stack + count;
	for (i = 0; i < count; i++) {
		p->stack[i] = i;
		if (!(i % STACK_STEP))
			env_pause();
	}
	return 0;
}
