/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The short ways of programs' calls to the engines: a branch on the kind instead of a call
 * through a table, and no description of the block. A new engine works without one.
 */
#ifndef MEMMGR_QUICK_H
#define MEMMGR_QUICK_H

#include <linux/kconfig.h>
#include <linux/types.h>

#include "core/engine.h"
#include "core/pool.h"
#include "core/slab.h"
#include "core/stack.h"
#include "heap/heap.h"

/*
 * Take a block, which will have a record, of the engine. The usual ones, of which only place
 * and size need be known, take a shorter way: whole blocks of a pool or a slab, and the top of
 * a stack.
 */
static inline int block_take(struct memmgr_heap *heap, const struct engine_request *rq,
			     struct engine_block *block, struct engine_refusal *why)
{
	u32 i;

	if (IS_ENABLED(CONFIG_MEMMGR_LEAN))
		return heap->engine.ops->alloc(&heap->engine, rq, block, why);
	if (heap_is(heap, MEMMGR_KIND_POOL) && rq->bytes == heap->capacity && !rq->align &&
	    pool_take(&heap->pool, POOL_RECORDED, &i)) {
		block->offset = (u64)i * heap->pool.stride;
		block->granted = heap->pool.stride;
		return 0;
	}
	if (heap_is(heap, MEMMGR_KIND_SLAB) && rq->bytes == heap->capacity && !rq->align) {
		block->granted = heap->slabs.layout.stride;
		return slab_take(&heap->slabs, SLAB_RECORDED, &block->offset, why);
	}
	if (heap_is(heap, MEMMGR_KIND_STACK) && rq->bytes && !(rq->bytes >> 32) &&
	    !rq->align && !heap->stack.abandoned &&
	    stack_push(&heap->stack, rq->bytes, 1, STACK_RECORDED, &i)) {
		block->offset = (u64)i << STACK_SHIFT;
		block->granted = (u64)(stack_top(&heap->stack)->end - i) << STACK_SHIFT;
		return 0;
	}
	return heap->engine.ops->alloc(&heap->engine, rq, block, why);
}

/* Give a block that has a record back to the engine, in a shorter way as in block_take(). */
static __always_inline int block_give(struct memmgr_heap *heap, u64 offset)
{
	struct engine_block block __uninitialized;

	if (IS_ENABLED(CONFIG_MEMMGR_LEAN))
		return heap->engine.ops->free(&heap->engine, offset, true, &block);
	if (heap_is(heap, MEMMGR_KIND_POOL) && !(offset >> 32) &&
	    pool_give_whole(&heap->pool, offset, POOL_RECORDED))
		return 0;
	if (heap_is(heap, MEMMGR_KIND_STACK) && !(offset >> 32) &&
	    stack_give(&heap->stack, offset, STACK_RECORDED))
		return 0;
	if (heap_is(heap, MEMMGR_KIND_SLAB))
		return slab_give(&heap->slabs, offset, SLAB_RECORDED);
	return heap->engine.ops->free(&heap->engine, offset, true, &block);
}

#endif /* MEMMGR_QUICK_H */
