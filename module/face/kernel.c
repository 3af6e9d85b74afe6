// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * What other kernel modules may call. The fast paths stand here in one piece
 * each, engine code inlined: a driver's allocation is one lock and a few dozen
 * instructions.
 */
#include <linux/build_bug.h>
#include <linux/export.h>
#include <linux/gfp.h>
#include <linux/string.h>

#include "core/buddy.h"
#include "core/engine.h"
#include "core/pool.h"
#include "core/slab.h"
#include "core/stack.h"
#include "debug/driver.h"
#include "debug/guards.h"
#include "debug/key.h"
#include "debug/latency.h"
#include "debug/quarantine.h"
#include "debug/track.h"
#include "heap/alloc.h"
#include "heap/block.h"
#include "heap/heap.h"
#include "heap/lookup.h"
#include "heap/marks.h"
#include "heap/stats.h"
#include "region/region.h"

/**
 * memmgr_heap_get - get a heap by name
 * @name: "heap" for one of the first region, "region/heap" for any
 *
 * The heap stays until memmgr_heap_put(), and cannot be destroyed before. It stays
 * also when the device of its region is removed.
 *
 * Context: process, may sleep.
 * Return: the heap, or ERR_PTR(-ENOENT).
 */
struct memmgr_heap *memmgr_heap_get(const char *name)
{
	const char *slash = strchr(name, '/');
	struct memmgr_heap *heap;
	struct region *region;

	region = region_get_named(slash ? name : NULL, slash ? slash - name : 0);
	if (!region)
		return ERR_PTR(-ENOENT);
	/* The heap that is held keeps the reference. */
	heap = heap_hold(region, slash ? slash + 1 : name);
	if (!heap)
		region_put(region);
	return heap ? heap : ERR_PTR(-ENOENT);
}
EXPORT_SYMBOL_GPL(memmgr_heap_get);

/**
 * memmgr_heap_put - let go of a heap
 * @heap: of memmgr_heap_get(), or NULL or an error pointer: nothing then
 *
 * Every block of it has to be freed before.
 *
 * Context: process, may sleep.
 */
void memmgr_heap_put(struct memmgr_heap *heap)
{
	struct region *region;

	if (IS_ERR_OR_NULL(heap))
		return;
	region = heap->region;
	heap_unhold(heap);
	region_put(region);
}
EXPORT_SYMBOL_GPL(memmgr_heap_put);

/*
 * The fast paths: false sends to alloc_slow(), which tries again and says why.
 * None has a variable on the stack whose address goes to a function: that would
 * cost the stack protector's check.
 */
static __always_inline bool pool_get_fast(struct memmgr_heap *heap, void **ptr)
{
	unsigned long flags;
	u32 i;

	flags = heap_lock_inline(heap);
	i = pool_take(&heap->pool, 0);
	heap_unlock_inline(heap, flags);
	*ptr = heap->base + (size_t)i * heap->pool.stride;
	return likely(i != POOL_NONE);
}

static __always_inline bool stack_get_fast(struct memmgr_heap *heap, u32 bytes, void **ptr)
{
	unsigned long flags;
	u32 start;

	flags = heap_lock_inline(heap);
	if (unlikely(!stack_push(&heap->stack, bytes, 1, 0, &start))) {
		heap_unlock_inline(heap, flags);
		return false;
	}
	heap_unlock_inline(heap, flags);
	*ptr = heap->base + ((size_t)start << STACK_SHIFT);
	return true;
}

static __always_inline bool buddy_get_fast(struct memmgr_heap *heap, u32 bytes, void **ptr)
{
	unsigned long flags;
	u32 g;

	flags = heap_lock_inline(heap);
	g = buddy_take(&heap->buddy, bytes);
	heap_unlock_inline(heap, flags);
	heap_touched(heap);
	*ptr = heap->base + ((size_t)g << heap->buddy.shift);
	return likely(g != BUDDY_NONE);
}

/* The spare, or an object of a slab that is there; alloc_slow() gets another. */
static __always_inline bool slab_get_fast(struct memmgr_heap *heap, void **ptr)
{
	unsigned long flags;
	u32 n;

	flags = heap_lock_inline(heap);
	if (likely(heap->spare)) {
		*ptr = heap->spare;
		heap->spare = NULL;
		heap->slabs.e.allocs++;
		heap_unlock_inline(heap, flags);
		return true;
	}
	n = heap->slabs.partial;
	if (unlikely(n == SLAB_NONE)) {
		heap_unlock_inline(heap, flags);
		return false;
	}
	*ptr = heap->base + ((size_t)heap->slab_at[n] << heap->slabs.layout.shift) +
	       slab_take_from(&heap->slabs, n);
	heap_unlock_inline(heap, flags);
	return true;
}

#define KALLOC_FLAGS	(MEMMGR_KALLOC_ZERO | MEMMGR_KALLOC_NO_FALLBACK)

static_assert(!(KALLOC_FLAGS & ((__force unsigned int)__GFP_BITS_MASK | HOW_ALIGN)));

static __always_inline unsigned int how_asked(size_t align, unsigned int flags)
{
	return fls_long(align) | flags;
}

/* A driver with flags of another allocator would get memory that it does not expect. */
static noinline void *flags_refuse(const struct memmgr_heap *heap, unsigned int flags)
{
	WARN_ONCE(true,
		  "memmgr: memmgr_alloc() from heap %s refused: flags %#x are not MEMMGR_KALLOC_*, the only ones that it takes\n",
		  heap->name, flags);
	return NULL;
}

/**
 * memmgr_alloc - allocate
 * @heap: of any kind
 * @bytes: size
 * @align: 0 or a power of two: of the physical address, or, where the region
 *	is not contiguous, of the offset in it
 * @flags: MEMMGR_KALLOC_*; no GFP_*: every context is the same to it
 *
 * Context: any, never sleeps. Cost: as the kind's engine says; clearing it
 * (MEMMGR_KALLOC_ZERO) comes on top.
 * Return: the block, or NULL when @bytes is 0, @align no power of two, @flags has
 * others (the first such call is warned of), or the heap cannot serve it (see the
 * failures in debugfs).
 */
void *memmgr_alloc(struct memmgr_heap *heap, size_t bytes, size_t align,
		   unsigned int flags)
{
	bool done = false;
	void *ptr;

	/*
	 * Engines take 1 to 2^32 bytes for u32 - 1. Where size_t is that small,
	 * 0 asks for more than a heap has, and goes the slow way as well.
	 */
	if (unlikely(flags | (align & ~8ul) | upper_32_bits(bytes - 1))) {
		/* In a branch of its own, or the short way would keep the caller's address. */
		if (unlikely(flags & ~KALLOC_FLAGS))
			return flags_refuse(heap, flags);
		/* The engine refuses an alignment that is none. */
		if (debug_is_on() && engine_align_ok(align))
			return alloc_watched(heap, bytes, how_asked(align, flags),
					     _RET_IP_);
		return alloc_slow(heap, bytes, align, flags);
	}
	if (debug_is_on())
		return alloc_watched(heap, bytes, 0, _RET_IP_);
	if (heap_is(heap, MEMMGR_KIND_STACK)) {
		done = stack_get_fast(heap, bytes, &ptr);
	} else if (heap_is(heap, MEMMGR_KIND_SLAB)) {
		if (likely(bytes == heap->slabs.layout.object))
			done = slab_get_fast(heap, &ptr);
	} else if (heap_is(heap, MEMMGR_KIND_POOL)) {
		if (likely(bytes == heap->pool.block))
			done = pool_get_fast(heap, &ptr);
	} else {
		done = buddy_get_fast(heap, bytes, &ptr);
	}
	return likely(done) ? ptr : alloc_slow(heap, bytes, 0, 0);
}
EXPORT_SYMBOL_GPL(memmgr_alloc);

/* The giving back of each kind but the stack: @distance bytes from the heap's base, in it. */
static __always_inline int buddy_give_fast(struct memmgr_heap *heap, unsigned long distance)
{
	u32 g = distance >> heap->buddy.shift;

	if (unlikely((unsigned long)g << heap->buddy.shift != distance))
		return -ENOENT;
	return buddy_give(&heap->buddy, g);
}

static __always_inline int pool_give_fast(struct memmgr_heap *heap, unsigned long distance)
{
	return pool_give(&heap->pool, distance, 0);
}

/*
 * A whole object becomes the spare, which the engine takes for live, unless there
 * is one: then the engine gets it back.
 */
static __always_inline int slab_give_fast(struct memmgr_heap *heap, void *ptr,
					  unsigned long distance)
{
	struct slabs *s = &heap->slabs;
	u32 n = heap_slab_of(heap, distance);
	u32 rest = distance & ((1u << s->layout.shift) - 1);

	if (unlikely(n >= SLAB_NOT_OURS))
		return -ERANGE;
	if (likely(!heap->spare && slab_is_whole(s, n, rest))) {
		heap->spare = ptr;
		return 0;
	}
	return heap->spare == ptr ? -ENOENT : slab_give_to(s, n, rest, 0);
}

/**
 * memmgr_free - free a block
 * @heap: that it was asked from; a block that the heap's fallback served is
 *	found there
 * @ptr: of memmgr_alloc() or memmgr_pool_get(); NULL: nothing happens
 *
 * Context: any, never sleeps. Cost: as the kind's engine says.
 * Return: 0; -ENOENT when no live block starts there, -EACCES when it is a
 * user's allocation, -EBUSY when it is not the top one of a stack: nothing is
 * freed then, and the heap counts it (struct memmgr_stats.refused_frees).
 */
int memmgr_free(struct memmgr_heap *heap, void *ptr)
{
	unsigned long distance = ptr - heap->base;
	unsigned long flags;
	int err = 0;

	if (debug_is_on())
		return free_watched(heap, ptr, _RET_IP_);
	flags = heap_lock_inline(heap);
	if (heap_is(heap, MEMMGR_KIND_STACK)) {
		if (unlikely(!stack_give(&heap->stack, distance)))
			err = distance < heap->span ? free_any(heap, distance) : -ERANGE;
	} else if (unlikely(distance >= heap->span)) {
		err = -ERANGE;
	} else if (heap_is(heap, MEMMGR_KIND_SLAB)) {
		err = slab_give_fast(heap, ptr, distance);
	} else if (heap_is(heap, MEMMGR_KIND_POOL)) {
		err = pool_give_fast(heap, distance);
	} else {
		err = buddy_give_fast(heap, distance);
	}
	if (unlikely(heap->waiters))
		goto wake;
	heap_unlock_inline(heap, flags);
	return likely(!err) ? 0 : free_slow(heap, ptr, err);

wake:
	return free_wake(heap, ptr, err, flags);
}
EXPORT_SYMBOL_GPL(memmgr_free);

/**
 * memmgr_pool_get - get a block of a pool
 * @heap: a pool heap
 *
 * Context: any, never sleeps. O(1).
 * Return: the block; NULL when all are out and the fallback heap, if there is
 * one, has none either, or when the heap is no pool.
 */
void *memmgr_pool_get(struct memmgr_heap *heap)
{
	void *ptr;

	if (unlikely(!heap_is(heap, MEMMGR_KIND_POOL)))
		return NULL;
	if (debug_is_on())
		return alloc_watched(heap, heap->pool.block, 0, _RET_IP_);
	return likely(pool_get_fast(heap, &ptr)) ? ptr :
	       alloc_slow(heap, heap->pool.block, 0, 0);
}
EXPORT_SYMBOL_GPL(memmgr_pool_get);

/* What a pool has none of now: wait for it, at most @left jiffies. */
static void *pool_wait(struct memmgr_heap *heap, long left)
{
	unsigned long flags;
	bool go_on = true;
	u32 seen;
	int err;
	u32 i;

	flags = heap_lock(heap);
	heap->waits++;
	heap->waiters++;
	for (;;) {
		i = pool_take(&heap->pool, 0);
		if (i != POOL_NONE || !go_on)
			break;
		seen = heap->freed;
		heap_unlock(heap, flags);
		if (!quarantine_evict(heap, 0, MEMMGR_REASON_EXHAUSTED, true)) {
			go_on = heap_wait(heap, seen, &left, &err);
			heap_wake(heap, true);
		}
		flags = heap_lock(heap);
	}
	heap->waiters--;
	heap_unlock(heap, flags);
	return i == POOL_NONE ? NULL : heap_pointer(heap, (u64)i * heap->pool.stride);
}

static void *pool_get_or_wait(struct memmgr_heap *heap, long left)
{
	void *ptr = NULL;

	if (!pool_get_fast(heap, &ptr))
		ptr = alloc_slow(heap, heap->pool.block, 0, 0);
	return ptr || left <= 0 ? ptr : pool_wait(heap, left);
}

/**
 * memmgr_pool_get_timeout - get a block of a pool, wait for one if need be
 * @heap: a pool heap
 * @timeout: jiffies to wait at most; MAX_SCHEDULE_TIMEOUT: without limit
 *
 * Context: process, sleeps.
 * Return: the block; NULL when none came in time, a signal came, or it was to fail
 * on purpose (debug/inject.h).
 */
void *memmgr_pool_get_timeout(struct memmgr_heap *heap, unsigned long timeout)
{
	long left = min_t(unsigned long, timeout, MAX_SCHEDULE_TIMEOUT);
	void *ptr = NULL;
	u64 start = 0;

	if (!heap_is(heap, MEMMGR_KIND_POOL))
		return NULL;
	if (debug_is_on())
		start = latency_begin(heap);
	/* Looked at here: what is to fail is not waited for. */
	if (!debug_is_on() || !alloc_injected(heap, heap->pool.block, 0))
		ptr = pool_get_or_wait(heap, left);
	if (!debug_is_on())
		return ptr;
	track_ptr(heap, ptr, heap->pool.block, _RET_IP_);
	alloc_watch(heap, ptr, heap->pool.block, 0, start, _RET_IP_);
	return guard_block(heap, ptr, heap->pool.block, 0, 0, _RET_IP_);
}
EXPORT_SYMBOL_GPL(memmgr_pool_get_timeout);

/**
 * memmgr_pool_put - put a block of a pool back
 * @heap: the pool heap that it was asked from
 * @ptr: the block; NULL: nothing happens
 *
 * Context: any, never sleeps. O(1).
 * Return: as memmgr_free().
 */
int memmgr_pool_put(struct memmgr_heap *heap, void *ptr)
{
	unsigned long distance = ptr - heap->base;
	unsigned long flags;
	int err = -ERANGE;

	if (unlikely(!heap_is(heap, MEMMGR_KIND_POOL)))
		return memmgr_free(heap, ptr);
	if (debug_is_on())
		return free_watched(heap, ptr, _RET_IP_);
	flags = heap_lock_inline(heap);
	if (likely(distance < heap->span))
		err = pool_give_fast(heap, distance);
	if (unlikely(heap->waiters))
		return free_wake(heap, ptr, err, flags);
	heap_unlock_inline(heap, flags);
	return likely(!err) ? 0 : free_slow(heap, ptr, err);
}
EXPORT_SYMBOL_GPL(memmgr_pool_put);

/**
 * memmgr_mark - remember the height of a stack
 * @heap: a stack heap
 * @mark: the height
 *
 * Context: any, never sleeps. O(1).
 * Return: 0, or -EOPNOTSUPP when it is no stack.
 */
int memmgr_mark(struct memmgr_heap *heap, u64 *mark)
{
	return heap_stack_mark(heap, mark);
}
EXPORT_SYMBOL_GPL(memmgr_mark);

/* The place where a stack's next block begins. */
static u64 stack_end(const struct memmgr_heap *heap)
{
	return heap_place(heap, (u64)stack_top(&heap->stack)->end << STACK_SHIFT);
}

/**
 * memmgr_release - free everything above a mark
 * @heap: a stack heap
 * @mark: of memmgr_mark()
 *
 * Context: any, never sleeps. O(1) in a stack that only kernel code uses;
 * otherwise O(blocks above the mark), to see that no user's is among them.
 * Return: 0; -EOPNOTSUPP when it is no stack, -EINVAL when the stack has been
 * below the mark since, -EBUSY when a user's allocation lies above it: a stack of
 * mode 0 (memmgr,mode, memctl heap mode) has none.
 */
int memmgr_release(struct memmgr_heap *heap, u64 mark)
{
	unsigned long flags;
	bool wake = false;
	u32 depth, n;
	int err;

	if (!heap_is(heap, MEMMGR_KIND_STACK))
		return -EOPNOTSUPP;
	flags = heap_lock(heap);
	err = stack_depth(&heap->stack, mark, &depth);
	if (!err && heap->used_records)
		err = heap_stack_has_records(heap, depth, &flags) ? -EBUSY : 0;
	if (!err) {
		stack_release(&heap->stack, mark, &n);
		if (debug_is_on() && heap->debug & (DEBUG_TRACK | DEBUG_ZONED))
			track_remove_from(heap, stack_end(heap));
		if (debug_is_on() && heap->debug & DEBUG_GUARDS)
			guards_release(heap, heap->region->virt + stack_end(heap),
				       block_site(heap->region, _RET_IP_));
		wake = heap_freed(heap);
	}
	heap_unlock(heap, flags);
	heap_wake(heap, wake);
	return err;
}
EXPORT_SYMBOL_GPL(memmgr_release);

/**
 * memmgr_phys - the physical address of a block
 * @heap: that it was asked from
 * @ptr: any byte of it
 * @phys: its physical address
 *
 * Context: any. O(1).
 * Return: 0; -ENOENT when @ptr does not lie in the heap, -EOPNOTSUPP when the
 * region is not physically contiguous.
 */
int memmgr_phys(struct memmgr_heap *heap, const void *ptr, phys_addr_t *phys)
{
	struct region *region = heap->region;
	u64 offset;

	if (!(region->flags & MEMMGR_REGION_CONTIGUOUS))
		return -EOPNOTSUPP;
	if (debug_is_on() && guards_place(heap, ptr, &offset)) {
		*phys = region->phys + offset;
		return 0;
	}
	if (!heap_offset(heap, ptr, &offset))
		return heap->fallback ? memmgr_phys(heap->fallback, ptr, phys) :
					-ENOENT;
	*phys = region->phys + (ptr - region->virt);
	return 0;
}
EXPORT_SYMBOL_GPL(memmgr_phys);

/**
 * memmgr_heap_stats - the books of a heap
 * @heap: the heap
 * @stats: the answer, as MEMMGR_IOC_STATS gives it
 *
 * Context: any. O(orders).
 */
void memmgr_heap_stats(struct memmgr_heap *heap, struct memmgr_stats *stats)
{
	memset(stats, 0, sizeof(*stats));
	stats->size = sizeof(*stats);
	stats->heap = heap->id;
	heap_stats(heap, stats);
}
EXPORT_SYMBOL_GPL(memmgr_heap_stats);

enum memmgr_kind memmgr_heap_kind(const struct memmgr_heap *heap)
{
	return heap->kind;
}
EXPORT_SYMBOL_GPL(memmgr_heap_kind);
