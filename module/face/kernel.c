// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Functions for other kernel modules. Each fast path stands here in one piece, with
 * the engine's code inlined: a driver's allocation is one lock and a few dozen
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
#include "core/tlsf.h"
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
 * @name: "heap" for a heap of the first region, "region/heap" for any region
 *
 * The heap cannot be destroyed before memmgr_heap_put(). It stays even if the
 * device of its region is removed.
 *
 * The first caller of a slab heap makes its books, because allocating may not need memory.
 *
 * Context: process, may sleep.
 * Return: the heap; ERR_PTR(-ENOENT) if there is none; ERR_PTR(-ENOMEM) if the system lacks
 * memory for the books.
 */
struct memmgr_heap *memmgr_heap_get(const char *name)
{
	const char *slash = strchr(name, '/');
	struct memmgr_heap *heap;
	struct region *region;

	region = region_get_named(slash ? name : NULL, slash ? slash - name : 0);
	if (!region)
		return ERR_PTR(-ENOENT);
	/* While the heap is held, it keeps this reference to the region. */
	heap = heap_keep(region, slash ? slash + 1 : name);
	if (IS_ERR(heap))
		region_put(region);
	return heap;
}
EXPORT_SYMBOL_GPL(memmgr_heap_get);

/**
 * memmgr_heap_put - release a heap
 * @heap: from memmgr_heap_get(); NULL and error pointers are ignored
 *
 * The caller must have freed all its blocks before.
 *
 * Context: process, may sleep.
 */
void memmgr_heap_put(struct memmgr_heap *heap)
{
	struct region *region;

	if (IS_ERR_OR_NULL(heap))
		return;
	region = heap->region;
	heap_unkeep(heap);
	region_put(region);
}
EXPORT_SYMBOL_GPL(memmgr_heap_put);

/*
 * The fast paths, a function for each kind: it keeps what it needs in registers that it need
 * not save. Where one cannot serve, it ends in a call of alloc_slow(), which tries again and
 * records the reason. None passes the address of a local variable to a function, because that
 * would cost the stack protector's check.
 */
static __always_inline void *pool_get(struct memmgr_heap *heap)
{
	unsigned long flags;
	u32 i;

	flags = heap_lock_inline(heap);
	if (unlikely(!pool_take(&heap->pool, 0, &i)))
		return pool_refused(heap, flags);
	heap_unlock_inline(heap, flags);
	return heap->base + (size_t)i * heap->pool.stride;
}

static noinline void *pool_alloc_fast(struct memmgr_heap *heap, u32 bytes)
{
	if (unlikely(bytes != heap->pool.block))
		return alloc_slow(heap, bytes, 0, 0);
	return pool_get(heap);
}

static __always_inline void *stack_alloc_fast(struct memmgr_heap *heap, u32 bytes)
{
	unsigned long flags;
	u32 start;

	flags = heap_lock_inline(heap);
	if (unlikely(!stack_push(&heap->stack, bytes, 1, 0, &start))) {
		heap_unlock_inline(heap, flags);
		return alloc_slow(heap, bytes, 0, 0);
	}
	heap_unlock_inline(heap, flags);
	return heap->base + ((size_t)start << STACK_SHIFT);
}

static noinline void *buddy_alloc_fast(struct memmgr_heap *heap, u32 bytes)
{
	unsigned long flags;
	u32 g;

	flags = heap_lock_inline(heap);
	g = buddy_take(&heap->buddy, bytes);
	heap_unlock_inline(heap, flags);
	heap_touched(heap);
	if (unlikely(g == BUDDY_NONE))
		return alloc_slow(heap, bytes, 0, 0);
	return heap->base + ((size_t)g << heap->buddy.shift);
}

static noinline void *tlsf_alloc_fast(struct memmgr_heap *heap, u32 bytes)
{
	unsigned long flags;
	u32 g;

	flags = heap_lock_inline(heap);
	g = tlsf_take(&heap->tlsf, bytes);
	heap_unlock_inline(heap, flags);
	if (unlikely(g == TLSF_NONE))
		return alloc_slow(heap, bytes, 0, 0);
	return heap->base + ((size_t)g << heap->tlsf.shift);
}

/* Take the spare, or an object of a slab that has memory. alloc_slow() adds slabs. */
static noinline void *slab_alloc_fast(struct memmgr_heap *heap, u32 bytes)
{
	unsigned long flags;
	void *ptr;
	u32 n;

	if (unlikely(bytes != heap->slabs.layout.object))
		return alloc_slow(heap, bytes, 0, 0);
	flags = heap_lock_inline(heap);
	ptr = heap->spare;
	if (ptr) {
		heap->spare = NULL;
		count_add(&heap->slabs.e.allocs, 1);
		heap_unlock_inline(heap, flags);
		return ptr;
	}
	n = heap->slabs.partial;
	if (unlikely(n == SLAB_NONE)) {
		heap_unlock_inline(heap, flags);
		return alloc_slow(heap, bytes, 0, 0);
	}
	ptr = heap->base + ((size_t)heap->slab_at[n] << heap->slabs.layout.shift) +
	      slab_take_from(&heap->slabs, n);
	heap_unlock_inline(heap, flags);
	return ptr;
}

static_assert(!(KALLOC_FLAGS & ((__force unsigned int)__GFP_BITS_MASK | HOW_ALIGN)));

static __always_inline unsigned int how_asked(size_t align, unsigned int flags)
{
	return fls_long(align) | flags;
}

/* Flags of another allocator would give the driver memory that it does not expect. */
static noinline void *flags_refuse(const struct memmgr_heap *heap, unsigned int flags)
{
	WARN_ONCE(true,
		  "memmgr: memmgr_alloc() from heap %s refused: flags %#x are not MEMMGR_KALLOC_*, the only ones that it takes\n",
		  heap->name, flags);
	return NULL;
}

/* A request with flags, for more than the usual alignment, or of a strange size. */
static noinline void *alloc_otherwise(struct memmgr_heap *heap, size_t bytes, size_t align,
				      unsigned int flags)
{
	if (unlikely(flags & ~KALLOC_FLAGS))
		return flags_refuse(heap, flags);
	/* The engine refuses an invalid alignment. */
	return alloc_slow(heap, bytes, align, flags);
}

/**
 * memmgr_alloc - allocate a block
 * @heap: a heap of any kind
 * @bytes: size
 * @align: 0 or a power of two. It holds for the physical address, or for the offset in
 *	the region if the region is not contiguous
 * @flags: MEMMGR_KALLOC_*; no GFP_* flags, because the context makes no difference
 *
 * Context: any, never sleeps. Cost: that of the heap's engine, plus clearing with
 * MEMMGR_KALLOC_ZERO.
 * Return: the block, or NULL if @bytes is 0, if @align is not a power of two, if @flags
 * has unknown bits (the first such call logs a warning), or if the heap cannot serve the
 * request (see the failures in debugfs).
 */
void *memmgr_alloc(struct memmgr_heap *heap, size_t bytes, size_t align,
		   unsigned int flags)
{
	/* First of all, so that no other path keeps _RET_IP_ or what it is asked for. */
	if (debug_is_on() && !(flags & ~KALLOC_FLAGS) && engine_align_ok(align))
		return alloc_looked_at(heap, bytes, _RET_IP_, how_asked(align & ~8ul, flags));
	/*
	 * Engines take 1 to 2^32 bytes as a u32, in which 0 stands for 2^32. With a 32-bit
	 * size_t a size of 0 passes this test. It then means more than any heap has, and
	 * ends on the slow path too.
	 */
	if (unlikely((align & ~8ul) | flags | upper_32_bits(bytes - 1)))
		return alloc_otherwise(heap, bytes, align, flags);
	switch (heap->kind) {
	case MEMMGR_KIND_BUDDY:
		return buddy_alloc_fast(heap, bytes);
	case MEMMGR_KIND_SLAB:
		if (!heap_kind_built(MEMMGR_KIND_SLAB))
			break;
		return slab_alloc_fast(heap, bytes);
	case MEMMGR_KIND_POOL:
		if (!heap_kind_built(MEMMGR_KIND_POOL))
			break;
		return pool_alloc_fast(heap, bytes);
	case MEMMGR_KIND_STACK:
		if (!heap_kind_built(MEMMGR_KIND_STACK))
			break;
		return stack_alloc_fast(heap, bytes);
	case MEMMGR_KIND_TLSF:
		if (!heap_kind_built(MEMMGR_KIND_TLSF))
			break;
		return tlsf_alloc_fast(heap, bytes);
	}
	return alloc_slow(heap, bytes, 0, 0);
}
EXPORT_SYMBOL_GPL(memmgr_alloc);

/*
 * End a free without an error. The others end in free_odd(), or free_wake(), which tells an
 * address beyond the heap from a block that is not live.
 */
static __always_inline int free_end(struct memmgr_heap *heap, void *ptr, unsigned long flags)
	__releases(&heap->lock)
{
	if (unlikely(heap->waiters))
		return free_wake(heap, ptr, 0, flags);
	heap_unlock_inline(heap, flags);
	return 0;
}

static __always_inline int pool_put(struct memmgr_heap *heap, void *ptr)
{
	unsigned long distance = ptr - heap->base;
	unsigned long flags;

	flags = heap_lock_inline(heap);
	/* free_odd() also wakes the waiters. It gets an address that no register has to keep. */
	if (unlikely(heap->waiters || upper_32_bits(distance) ||
		     !pool_give_whole(&heap->pool, distance, 0)))
		return free_odd(heap, heap->base + distance, flags);
	heap_unlock_inline(heap, flags);
	return 0;
}

static noinline int pool_free_fast(struct memmgr_heap *heap, void *ptr)
{
	return pool_put(heap, ptr);
}

static __always_inline int stack_free_fast(struct memmgr_heap *heap, void *ptr)
{
	unsigned long distance = ptr - heap->base;
	unsigned long flags;

	flags = heap_lock_inline(heap);
	/* As in pool_put(); one test for waiters and abandoned blocks. */
	if (unlikely(heap->waiters | heap->stack.abandoned ||
		     !stack_give(&heap->stack, distance, 0)))
		return free_odd(heap, heap->base + distance, flags);
	heap_unlock_inline(heap, flags);
	return 0;
}

static noinline int buddy_free_fast(struct memmgr_heap *heap, void *ptr)
{
	unsigned long distance = ptr - heap->base;
	u32 g = distance >> heap->buddy.shift;
	unsigned long flags;
	int err;

	if (unlikely((unsigned long)g << heap->buddy.shift != distance))
		return block_free(heap, ptr);
	flags = heap_lock_inline(heap);
	err = buddy_give(&heap->buddy, g);
	if (unlikely(err))
		return free_wake(heap, ptr, err, flags);
	return free_end(heap, ptr, flags);
}

static noinline int tlsf_free_fast(struct memmgr_heap *heap, void *ptr)
{
	unsigned long distance = ptr - heap->base;
	u32 g = distance >> heap->tlsf.shift;
	unsigned long flags;
	int err;

	if (unlikely((unsigned long)g << heap->tlsf.shift != distance))
		return block_free(heap, ptr);
	flags = heap_lock_inline(heap);
	err = tlsf_give(&heap->tlsf, g);
	if (unlikely(err))
		return free_wake(heap, ptr, err, flags);
	return free_end(heap, ptr, flags);
}

/*
 * A whole object becomes the spare, which the engine still counts as live. If there is a
 * spare already, the engine gets the object back.
 */
static __always_inline int slab_give_fast(struct memmgr_heap *heap, void *ptr,
					  unsigned long distance)
{
	struct slabs *s = &heap->slabs;
	u32 n = heap_slab_of(heap, distance);
	u32 rest = distance & ((1u << s->layout.shift) - 1);
	struct slab *slab;
	u32 i;

	if (unlikely(n >= SLAB_NOT_OURS))
		return -ERANGE;
	slab = slab_book(s, n);
	if (unlikely(heap->spare == ptr || !slab_object(s, slab, rest, &i)))
		return -ENOENT;
	if (unlikely(!slab_is_whole(slab, i)))
		return slab_give_to(s, n, rest, 0);
	if (likely(!heap->spare))
		heap->spare = ptr;
	else
		slab_give_whole(s, slab, n, i);
	return 0;
}

static noinline int slab_free_fast(struct memmgr_heap *heap, void *ptr)
{
	unsigned long distance = ptr - heap->base;
	unsigned long flags;
	int err = -ERANGE;

	flags = heap_lock_inline(heap);
	if (likely(distance < heap->span))
		err = slab_give_fast(heap, ptr, distance);
	if (unlikely(err))
		return free_wake(heap, ptr, err, flags);
	return free_end(heap, ptr, flags);
}

/**
 * memmgr_free - free a block
 * @heap: the heap that it was requested from. If the heap's fallback served the
 *	request, the block is found there
 * @ptr: from memmgr_alloc() or memmgr_pool_get(); NULL is ignored
 *
 * Context: any, never sleeps. Cost: that of the heap's engine.
 * Return: 0; -ENOENT if no live block starts there; -EACCES if it is a user's
 * allocation; -EBUSY if it is not the top block of a stack. After an error nothing
 * is freed, and the heap counts it (struct memmgr_stats.refused_frees).
 */
int memmgr_free(struct memmgr_heap *heap, void *ptr)
{
	if (debug_is_on())
		return free_looked_at(heap, ptr, _RET_IP_);
	switch (heap->kind) {
	case MEMMGR_KIND_BUDDY:
		return buddy_free_fast(heap, ptr);
	case MEMMGR_KIND_SLAB:
		if (!heap_kind_built(MEMMGR_KIND_SLAB))
			break;
		return slab_free_fast(heap, ptr);
	case MEMMGR_KIND_POOL:
		if (!heap_kind_built(MEMMGR_KIND_POOL))
			break;
		return pool_free_fast(heap, ptr);
	case MEMMGR_KIND_STACK:
		if (!heap_kind_built(MEMMGR_KIND_STACK))
			break;
		return stack_free_fast(heap, ptr);
	case MEMMGR_KIND_TLSF:
		if (!heap_kind_built(MEMMGR_KIND_TLSF))
			break;
		return tlsf_free_fast(heap, ptr);
	}
	return block_free(heap, ptr);
}
EXPORT_SYMBOL_GPL(memmgr_free);

/**
 * memmgr_pool_get - get a block of a pool
 * @heap: a pool heap
 *
 * Each request that finds no block is counted and traced. If many do within a tick of the
 * kernel's clock, the log of failures has the first one.
 *
 * Context: any, never sleeps. O(1).
 * Return: the block; NULL if all blocks are taken and the fallback heap, if there is
 * one, cannot serve the request either, or if the heap is no pool.
 */
void *memmgr_pool_get(struct memmgr_heap *heap)
{
	if (unlikely(!heap_is(heap, MEMMGR_KIND_POOL)))
		return NULL;
	if (debug_is_on())
		return alloc_looked_at(heap, heap->pool.block, _RET_IP_, 0);
	return pool_get(heap);
}
EXPORT_SYMBOL_GPL(memmgr_pool_get);

/* Wait until a pool has a free block, at most @left jiffies. */
static void *pool_wait(struct memmgr_heap *heap, long left)
{
	unsigned long flags;
	bool go_on = true, took;
	u32 seen, i = 0;
	int err;

	flags = heap_lock(heap);
	heap->counts.waits++;
	heap->waiters++;
	for (;;) {
		took = pool_take(&heap->pool, 0, &i);
		if (took || !go_on)
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
	return took ? heap_pointer(heap, (u64)i * heap->pool.stride) : NULL;
}

static void *pool_get_or_wait(struct memmgr_heap *heap, long left)
{
	void *ptr = pool_alloc_fast(heap, heap->pool.block);

	return ptr || left <= 0 ? ptr : pool_wait(heap, left);
}

/**
 * memmgr_pool_get_timeout - get a block of a pool, and wait for one if necessary
 * @heap: a pool heap
 * @timeout: longest wait in jiffies; MAX_SCHEDULE_TIMEOUT: no limit
 *
 * Context: process, sleeps.
 * Return: the block; NULL if none became free in time, if a signal came, or if a failure
 * was injected (debug/inject.h).
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
	/* Checked here, because an injected failure must not wait. */
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
 * memmgr_pool_put - free a block of a pool
 * @heap: the pool heap that it was requested from
 * @ptr: the block; NULL is ignored
 *
 * Context: any, never sleeps. O(1).
 * Return: as memmgr_free().
 */
int memmgr_pool_put(struct memmgr_heap *heap, void *ptr)
{
	if (unlikely(!heap_is(heap, MEMMGR_KIND_POOL)))
		return memmgr_free(heap, ptr);
	if (debug_is_on())
		return free_looked_at(heap, ptr, _RET_IP_);
	return pool_put(heap, ptr);
}
EXPORT_SYMBOL_GPL(memmgr_pool_put);

/**
 * memmgr_mark - mark the height of a stack
 * @heap: a stack heap
 * @mark: set to the mark
 *
 * Context: any, never sleeps. O(1).
 * Return: 0, or -EOPNOTSUPP if the heap is no stack.
 */
int memmgr_mark(struct memmgr_heap *heap, u64 *mark)
{
	return heap_stack_mark(heap, mark);
}
EXPORT_SYMBOL_GPL(memmgr_mark);

/* The place at which a stack's next block begins. */
static u64 stack_end(const struct memmgr_heap *heap)
{
	return heap_place(heap, (u64)stack_top(&heap->stack)->end << STACK_SHIFT);
}

/**
 * memmgr_release - free everything above a mark
 * @heap: a stack heap
 * @mark: from memmgr_mark()
 *
 * Context: any, never sleeps. O(1) in a stack that only kernel code uses; otherwise
 * O(blocks above the mark), to check that none of them is a user's.
 * Return: 0; -EOPNOTSUPP if the heap is no stack; -EINVAL if the stack has been below the
 * mark since; -EBUSY if a user's allocation lies above the mark, which cannot happen in a
 * stack of mode 0 (memmgr,mode, memctl heap mode).
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
	if (!err && heap->table.used)
		err = heap_stack_has_records(heap, depth, &flags) ? -EBUSY : 0;
	if (!err) {
		stack_release(&heap->stack, mark, &n);
		if (debug_is_on() && heap->debug & (DEBUG_TRACK | DEBUG_ZONED))
			track_remove_from(heap, stack_end(heap));
		if (debug_is_on() && heap->debug & DEBUG_GUARDS)
			guards_release(heap, heap->region->memory.virt + stack_end(heap),
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
 * @heap: the heap that it was requested from
 * @ptr: any byte of the block
 * @phys: set to its physical address
 *
 * Context: any. O(1).
 * Return: 0; -ENOENT if @ptr does not lie in the heap; -EOPNOTSUPP if the
 * region is not physically contiguous.
 */
int memmgr_phys(struct memmgr_heap *heap, const void *ptr, phys_addr_t *phys)
{
	struct region *region = heap->region;
	u64 offset;

	if (!(region->memory.flags & MEMMGR_REGION_CONTIGUOUS))
		return -EOPNOTSUPP;
	if (debug_is_on() && guards_place(heap, ptr, &offset)) {
		*phys = region->memory.phys + offset;
		return 0;
	}
	if (!heap_offset(heap, ptr, &offset))
		return heap->fallback ? memmgr_phys(heap->fallback, ptr, phys) :
					-ENOENT;
	*phys = region->memory.phys + (ptr - region->memory.virt);
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
