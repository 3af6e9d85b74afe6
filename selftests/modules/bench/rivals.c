// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The same pairs on the kernel's own allocators, as code that may not sleep calls
 * them: GFP_ATOMIC. (GFP_KERNEL costs 25 instructions more.) Where the kernel
 * clears memory by default, as Debian's does, that is part of the cost.
 */
#include <linux/genalloc.h>
#include <linux/gfp.h>
#include <linux/mempool.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include "bench.h"

#define MEMPOOL_RESERVE	16
#define GEN_GRANULES	262144	/* of a gen_pool: as many as the memmgr heap has */
#define GEN_SHIFT	5
#define GEN_BASE	PAGE_SIZE
#define GEN_SLOW_PAIRS	256	/* where one pair takes long */

/* --- slab ---------------------------------------------------------------- */

static struct kmem_cache *cache_create(void)
{
	return kmem_cache_create("memmgr_bench", BENCH_OBJECT, 0, 0, NULL);
}

static int kmem_cache_pair(struct sample *s, struct memmgr_heap *unused)
{
	struct kmem_cache *cache = cache_create();
	int err;

	if (!cache)
		return -ENOMEM;
	err = bench_pairs(s, BENCH_PAIRS, kmem_cache_alloc(cache, GFP_ATOMIC),
			  (kmem_cache_free(cache, block), 0));
	kmem_cache_destroy(cache);
	return err;
}

static int cache_many(struct sample *s, struct kmem_cache *cache, void **live, u32 *cost)
{
	int err = 0;
	u32 i;

	for (i = 0; i < BENCH_LIVE; i++) {
		bench_begin(s);
		live[i] = kmem_cache_alloc(cache, GFP_ATOMIC);
		cost[i] = bench_end(s);
		if (!live[i])
			err = -ENOMEM;
	}
	for (i = 0; i < BENCH_LIVE; i++) {
		bench_begin(s);
		kmem_cache_free(cache, live[i]);
		sample_add(s, cost[i] + bench_end(s));
	}
	return err;
}

static int kmem_cache_many(struct sample *s, struct memmgr_heap *unused)
{
	void **live = kvcalloc(BENCH_LIVE, sizeof(*live), GFP_KERNEL);
	u32 *cost = kvcalloc(BENCH_LIVE, sizeof(*cost), GFP_KERNEL);
	struct kmem_cache *cache = cache_create();
	int err = -ENOMEM;

	if (live && cost && cache)
		err = cache_many(s, cache, live, cost);
	kmem_cache_destroy(cache);
	kvfree(cost);
	kvfree(live);
	return err;
}

static int kmem_cache_bulk(struct sample *s, struct memmgr_heap *unused)
{
	struct kmem_cache *cache = cache_create();
	void *blocks[BENCH_BULK];
	int err;

	if (!cache)
		return -ENOMEM;
	err = bench_lots(s, BENCH_PAIRS / BENCH_BULK,
			 kmem_cache_alloc_bulk(cache, GFP_ATOMIC, BENCH_BULK, blocks),
			 (kmem_cache_free_bulk(cache, BENCH_BULK, blocks), 0));
	kmem_cache_destroy(cache);
	return err;
}

static int kmalloc_pair(struct sample *s, struct memmgr_heap *unused)
{
	/* Whether the first pair needs another slab depends on all that ran before. */
	kfree(kmalloc(BENCH_OBJECT, GFP_ATOMIC));
	return bench_pairs(s, BENCH_PAIRS, kmalloc(BENCH_OBJECT, GFP_ATOMIC), (kfree(block), 0));
}

/* --- pool ---------------------------------------------------------------- */

static int mempool_pair(struct sample *s, struct memmgr_heap *unused)
{
	struct kmem_cache *cache = cache_create();
	mempool_t *pool = cache ? mempool_create_slab_pool(MEMPOOL_RESERVE, cache) : NULL;
	int err = -ENOMEM;

	if (pool)
		err = bench_pairs(s, BENCH_PAIRS, mempool_alloc(pool, GFP_ATOMIC),
				  (mempool_free(block, pool), 0));
	mempool_destroy(pool);
	kmem_cache_destroy(cache);
	return err;
}

/* --- buddy --------------------------------------------------------------- */

static int pages_pair(struct sample *s, unsigned int order)
{
	return bench_pairs(s, BENCH_PAIRS, alloc_pages(GFP_ATOMIC, order),
			   (__free_pages(block, order), 0));
}

static int page_pair(struct sample *s, struct memmgr_heap *unused)
{
	return pages_pair(s, 0);
}

/* A pool of memory that is not there: gen_pool never touches what it manages. */
static struct gen_pool *gen_open(void)
{
	struct gen_pool *pool = gen_pool_create(GEN_SHIFT, NUMA_NO_NODE);

	if (pool && gen_pool_add(pool, GEN_BASE, GEN_GRANULES << GEN_SHIFT, NUMA_NO_NODE)) {
		gen_pool_destroy(pool);
		return NULL;
	}
	return pool;
}

static int gen_pairs(struct sample *s, struct gen_pool *pool, u32 count, u32 granules)
{
	size_t bytes = granules << GEN_SHIFT;

	return bench_pairs(s, count, (void *)gen_pool_alloc(pool, bytes),
			   (gen_pool_free(pool, (unsigned long)block, bytes), 0));
}

static int gen_empty(struct sample *s, struct gen_pool *pool)
{
	return gen_pairs(s, pool, BENCH_PAIRS, 1);
}

static int gen_live(struct sample *s, struct gen_pool *pool)
{
	unsigned long live = gen_pool_alloc(pool, BENCH_LIVE << GEN_SHIFT);
	int err = gen_pairs(s, pool, BENCH_PAIRS, 1);

	gen_pool_free(pool, live, BENCH_LIVE << GEN_SHIFT);
	return err;
}

/* One granule more than there are. */
static int gen_exhausted(struct sample *s, struct gen_pool *pool)
{
	unsigned long all = gen_pool_alloc(pool, GEN_GRANULES << GEN_SHIFT);
	u32 i;

	for (i = 0; i < BENCH_PAIRS; i++) {
		bench_begin(s);
		gen_pool_alloc(pool, 1 << GEN_SHIFT);
		sample_add(s, bench_end(s));
	}
	gen_pool_free(pool, all, GEN_GRANULES << GEN_SHIFT);
	return 0;
}

/* A pair at holes far and near, all holes before it being filled. */
static int gen_checkerboard(struct sample *s, struct gen_pool *pool)
{
	unsigned long all = gen_pool_alloc(pool, GEN_GRANULES << GEN_SHIFT);
	u32 pos, step = GEN_GRANULES / GEN_SLOW_PAIRS;
	int err = 0;

	for (pos = step - 1; pos < GEN_GRANULES && !err; pos += step) {
		gen_pool_free(pool, all + (pos << GEN_SHIFT), 1 << GEN_SHIFT);
		err = gen_pairs(s, pool, 1, 1);
		gen_pool_alloc(pool, 1 << GEN_SHIFT);
	}
	gen_pool_free(pool, all, GEN_GRANULES << GEN_SHIFT);
	return err;
}

/* BENCH_LIVE granules of which every second is free, then a run of two. */
static int gen_fragmented(struct sample *s, struct gen_pool *pool)
{
	unsigned long all = gen_pool_alloc(pool, GEN_GRANULES << GEN_SHIFT);
	u32 pos;
	int err;

	for (pos = 1; pos < BENCH_LIVE; pos += 2)
		gen_pool_free(pool, all + (pos << GEN_SHIFT), 1 << GEN_SHIFT);
	gen_pool_free(pool, all + (pos << GEN_SHIFT), 2 << GEN_SHIFT);
	err = gen_pairs(s, pool, GEN_SLOW_PAIRS, 2);
	gen_pool_alloc(pool, 2 << GEN_SHIFT);
	for (pos = 1; pos < BENCH_LIVE; pos += 2)
		gen_pool_alloc(pool, 1 << GEN_SHIFT);
	gen_pool_free(pool, all, GEN_GRANULES << GEN_SHIFT);
	return err;
}

static int gen_run(struct sample *s, int (*run)(struct sample *s, struct gen_pool *pool))
{
	struct gen_pool *pool = gen_open();
	int err = -ENOMEM;

	if (pool) {
		err = run(s, pool);
		gen_pool_destroy(pool);
	}
	return err;
}

#define GEN_BENCH(state)							\
static int gen_##state##_pair(struct sample *s, struct memmgr_heap *unused)	\
{										\
	return gen_run(s, gen_##state);						\
}

GEN_BENCH(empty)
GEN_BENCH(live)
GEN_BENCH(exhausted)
GEN_BENCH(checkerboard)
GEN_BENCH(fragmented)

const struct bench rival_benches[] = {
	{ "slab_pair",		"kmem_cache",	NULL, kmem_cache_pair },
	{ "slab_pair",		"kmalloc",	NULL, kmalloc_pair },
	{ "slab_many",		"kmem_cache",	NULL, kmem_cache_many },
	{ "bulk_slab_pair",	"kmem_cache",	NULL, kmem_cache_bulk },
	{ "bulk_pool_pair",	"kmem_cache",	NULL, kmem_cache_bulk },
	{ "pool_pair",		"mempool",	NULL, mempool_pair },
	{ "pool_exhausted",	"gen_pool",	NULL, gen_exhausted_pair },
	{ "buddy_pair",		"alloc_pages",	NULL, page_pair },
	{ "buddy_pair",		"gen_pool",	NULL, gen_empty_pair },
	{ "buddy_live",		"gen_pool",	NULL, gen_live_pair },
	{ "buddy_checkerboard",	"gen_pool",	NULL, gen_checkerboard_pair },
	{ "buddy_fragmented",	"gen_pool",	NULL, gen_fragmented_pair },
	{ }
};
