// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Blocks of kernel code: allocation in any engine, the fallback, and waking waiters. */
#include <linux/jiffies.h>

#include "base/trace.h"
#include "core/engine.h"
#include "heap/alloc.h"
#include "heap/block.h"
#include "heap/heap.h"
#include "heap/moments.h"
#include "region/memory.h"
#include "region/region.h"

/* Convert a pointer to an offset. False for a pointer outside of the heap; any is allowed. */
bool heap_offset(const struct memmgr_heap *heap, const void *ptr, u64 *offset)
{
	unsigned long distance = ptr - heap->base;
	u32 shift, n;

	if (distance >= heap->span)
		return false;
	*offset = distance;
	if (!heap_is(heap, MEMMGR_KIND_SLAB))
		return true;
	shift = heap->slabs.layout.shift;
	n = heap_slab_of(heap, distance);
	if (n >= SLAB_NOT_OURS)
		return false;
	*offset = ((u64)n << shift) | (distance & ((1ul << shift) - 1));
	return true;
}

/* The kernel's address of a block. */
void *heap_pointer(const struct memmgr_heap *heap, u64 offset)
{
	return heap->region->memory.virt + heap_place(heap, offset);
}

/* Allocate in a heap of any kind, through the engine's functions. */
void *alloc_any(struct memmgr_heap *heap, size_t bytes, size_t align, bool recorded,
		struct engine_refusal *why)
{
	struct engine_search search = { 0 };
	struct engine_request rq = {
		.bytes = bytes, .align = align, .recorded = recorded, .search = &search,
	};
	struct engine_block block;
	unsigned long flags;
	int err;

	if (!bytes || !engine_align_ok(align))
		return NULL;
	if (align > heap->max_align) {
		engine_refuse(why, MEMMGR_REASON_ALIGNMENT, 0);
		return NULL;
	}
	do {
		flags = heap_lock(heap);
		err = heap->engine.ops->alloc(&heap->engine, &rq, &block, why);
		heap_unlock(heap, flags);
	} while (err == -EAGAIN);
	heap_touched(heap);
	return err ? NULL : heap_pointer(heap, block.offset);
}

/* Allocate after a fast path failed, or for a request without a fast path. */
noinline void *alloc_slow(struct memmgr_heap *heap, size_t bytes, size_t align,
			  unsigned int alloc_flags)
{
	struct engine_refusal why = { 0 };
	unsigned long flags;
	void *ptr;

	do {
		ptr = alloc_any(heap, bytes, align, false, &why);
	} while (!ptr && why.reason && heap_evict(heap, align, why.reason, false));
	if (!ptr && why.reason && heap->fallback &&
	    !(alloc_flags & MEMMGR_KALLOC_NO_FALLBACK)) {
		flags = heap_lock(heap);
		heap->counts.fallbacks++;
		heap_unlock(heap, flags);
		ptr = alloc_any(heap->fallback, bytes, align, false, &why);
	}
	if (!ptr && why.reason)
		heap_failed(heap, bytes, align, &why);
	if (!ptr && why.reason == MEMMGR_REASON_EXHAUSTED && bytes == heap->capacity)
		WRITE_ONCE(heap->refused, jiffies);
	if (ptr && alloc_flags & MEMMGR_KALLOC_ZERO)
		region_zero(heap->region, ptr - heap->region->memory.virt, bytes);
	return ptr;
}

/*
 * End a request for a whole block of a pool that has none. It is counted and traced as any
 * other. A driver may ask again and again: within a tick of the kernel's clock only the
 * first such request goes into the log of failures.
 */
noinline void *pool_refused(struct memmgr_heap *heap, unsigned long flags)
	__releases(&heap->lock)
{
	unsigned long last = READ_ONCE(heap->refused);
	u32 block = heap->pool.block;

	/* Both, because after half of the clock's range the last one seems to lie ahead. */
	if (heap->fallback || heap_moments(heap) || time_is_before_jiffies(last) ||
	    time_is_after_jiffies(last)) {
		heap_unlock(heap, flags);
		return alloc_slow(heap, block, 0, 0);
	}
	heap->counts.failures[MEMMGR_REASON_EXHAUSTED]++;
	heap_unlock(heap, flags);
	trace_memmgr_fail(heap->region->name, heap->name, block, 0, MEMMGR_REASON_EXHAUSTED, 0);
	return NULL;
}

/*
 * Free through the engine's functions, with the heap locked. One more argument would be
 * passed on the stack, and cost memmgr_free() a frame.
 */
noinline int free_any(struct memmgr_heap *heap, u64 offset)
{
	struct engine_block block;

	return heap->engine.ops->free(&heap->engine, offset, false, &block);
}

/**
 * block_free - free a block through the engine's functions
 * @heap: a heap of any kind; if it does not know the block, its fallback is asked
 * @ptr: the block
 *
 * Context: any, never sleeps. Cost: that of the heap's engine.
 * Return: as memmgr_free().
 */
int block_free(struct memmgr_heap *heap, void *ptr)
{
	unsigned long flags;

	flags = heap_lock(heap);
	return free_odd(heap, ptr, flags);
}

/* Free a block that this heap does not know; its fallback may know it. */
noinline int free_slow(struct memmgr_heap *heap, void *ptr, int err)
{
	unsigned long flags;

	if (!ptr)
		return 0;
	if (err == -ERANGE) {
		if (heap->fallback)
			return block_free(heap->fallback, ptr);
		err = -ENOENT;
	}
	flags = heap_lock(heap);
	heap->counts.refused++;
	heap_unlock(heap, flags);
	return err;
}

/*
 * End a free that was refused, or while others wait for memory. Otherwise the fast path ends
 * the free itself, and reads nothing that only this needs.
 */
noinline int free_wake(struct memmgr_heap *heap, void *ptr, int err, unsigned long flags)
	__releases(&heap->lock)
{
	bool wake = heap_freed(heap);

	heap_unlock(heap, flags);
	heap_wake(heap, wake);
	heap_touched(heap);
	/* A fast path does not look how far away a block is that it does not know. */
	if (err == -ENOENT && (unsigned long)(ptr - heap->base) >= heap->span)
		err = -ERANGE;
	return err ? free_slow(heap, ptr, err) : 0;
}

/*
 * Free a block that a fast path does not free: no whole block, no live one, or none of this
 * heap. A slab heap has no spare, as after heap_lock().
 */
noinline int free_odd(struct memmgr_heap *heap, void *ptr, unsigned long flags)
	__releases(&heap->lock)
{
	u64 offset;
	int err;

	err = heap_offset(heap, ptr, &offset) ? free_any(heap, offset) : -ERANGE;
	return free_wake(heap, ptr, err, flags);
}
