// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Pairs of alloc and free on memmgr heaps in ordinary states. */
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/memmgr.h>
#include "bench.h"

static int pool_pair(struct sample *s, struct memmgr_heap *heap)
{
	memmgr_pool_put(heap, memmgr_pool_get(heap));	/* as in object_pair() */
	return bench_pairs(s, BENCH_PAIRS, memmgr_pool_get(heap), memmgr_pool_put(heap, block));
}

/* Nothing to be had: every block is handed out. */
static int pool_exhausted(struct sample *s, struct memmgr_heap *heap)
{
	void *block, **chain = NULL;
	int err = 0;
	u32 i;

	while ((block = memmgr_pool_get(heap))) {
		*(void **)block = chain;
		chain = block;
	}
	for (i = 0; i < BENCH_PAIRS && !err; i++) {
		bench_begin(s);
		block = memmgr_pool_get(heap);
		sample_add(s, bench_end(s));
		if (block)
			err = memmgr_pool_put(heap, block) ?: -EIO;
	}
	while (chain) {
		block = chain;
		chain = *chain;
		memmgr_pool_put(heap, block);
	}
	return err;
}

static int bulk_pair(struct sample *s, struct memmgr_heap *heap)
{
	void *blocks[BENCH_BULK];

	return bench_lots(s, BENCH_PAIRS / BENCH_BULK,
			  memmgr_alloc_bulk(heap, BENCH_OBJECT, 0, BENCH_BULK, blocks),
			  memmgr_free_bulk(heap, BENCH_BULK, blocks));
}

/* Any heap, one object. */
static int object_pair(struct sample *s, struct memmgr_heap *heap)
{
	/* Whether the first pair takes the heap where it never was depends on all before. */
	memmgr_free(heap, memmgr_alloc(heap, BENCH_OBJECT, 0, 0));
	return bench_pairs(s, BENCH_PAIRS, memmgr_alloc(heap, BENCH_OBJECT, 0, 0),
			   memmgr_free(heap, block));
}

/* Cleared, as kmem_cache and kmalloc do by default on a hardened kernel. */
static int object_zero_pair(struct sample *s, struct memmgr_heap *heap)
{
	return bench_pairs(s, BENCH_PAIRS,
			   memmgr_alloc(heap, BENCH_OBJECT, 0, MEMMGR_KALLOC_ZERO),
			   memmgr_free(heap, block));
}

/* Many allocs, then as many frees, the first block first: what one of each costs. */
static int object_many(struct sample *s, struct memmgr_heap *heap)
{
	void **live = kvcalloc(BENCH_LIVE, sizeof(*live), GFP_KERNEL);
	u32 *cost = kvcalloc(BENCH_LIVE, sizeof(*cost), GFP_KERNEL);
	int err = live && cost ? 0 : -ENOMEM;
	u32 i;

	for (i = 0; i < BENCH_LIVE && !err; i++) {
		bench_begin(s);
		live[i] = memmgr_alloc(heap, BENCH_OBJECT, 0, 0);
		cost[i] = bench_end(s);
		if (!live[i])
			err = -ENOMEM;
	}
	for (i = 0; i < BENCH_LIVE && !err; i++) {
		bench_begin(s);
		err = memmgr_free(heap, live[i]);
		sample_add(s, cost[i] + bench_end(s));
	}
	kvfree(cost);
	kvfree(live);
	return err;
}

static int stack_mark_pair(struct sample *s, struct memmgr_heap *heap)
{
	u64 mark = 0;
	int err = 0;
	u32 i;

	for (i = 0; i < BENCH_PAIRS && !err; i++) {
		bench_begin(s);
		err = memmgr_mark(heap, &mark) ?: memmgr_release(heap, mark);
		sample_add(s, bench_end(s));
	}
	return err;
}

static int pages_pair(struct sample *s, struct memmgr_heap *heap, unsigned int pages)
{
	size_t bytes = pages * PAGE_SIZE;

	return bench_pairs(s, BENCH_PAIRS, memmgr_alloc(heap, bytes, 0, 0),
			   memmgr_free(heap, block));
}

static int page_pair(struct sample *s, struct memmgr_heap *heap)
{
	return pages_pair(s, heap, 1);
}

static int pages5_pair(struct sample *s, struct memmgr_heap *heap)
{
	return pages_pair(s, heap, 5);
}

static size_t some_bytes(u32 *state)
{
	return (1 + bench_random(state) % 16) * 32;
}

/* One more object beside those that live. */
static int live_pair(struct sample *s, struct memmgr_heap *heap)
{
	u32 state = 1;
	void **live = bench_fill(heap, some_bytes, &state);
	int err;

	if (!live)
		return -ENOMEM;
	err = object_pair(s, heap);
	bench_empty(heap, live, BENCH_LIVE);
	return err;
}

const struct bench heap_benches[] = {
	{ "pool_pair",		"memmgr", "bpool",	pool_pair },
	{ "pool_alloc_pair",	"memmgr", "bpool",	object_pair },
	{ "pool_exhausted",	"memmgr", "bpool",	pool_exhausted },
	{ "bulk_pool_pair",	"memmgr", "bpool",	bulk_pair },
	{ "bulk_slab_pair",	"memmgr", "bslab",	bulk_pair },
	{ "slab_pair",		"memmgr", "bslab",	object_pair },
	{ "slab_zero_pair",	"memmgr", "bslab",	object_zero_pair },
	{ "slab_many",		"memmgr", "bslab",	object_many },
	{ "stack_pair",		"memmgr", "bstack",	object_pair },
	{ "stack_mark_pair",	"memmgr", "bstack",	stack_mark_pair },
	{ "buddy_pair",		"memmgr", "main",	page_pair },
	{ "buddy_5pages",	"memmgr", "main",	pages5_pair },
	{ "buddy_small",	"memmgr", "bcheck",	object_pair },
	{ "buddy_live",		"memmgr", "bcheck",	live_pair },
	{ "tlsf_pair",		"memmgr", "btlsf",	object_pair },
	{ }
};
