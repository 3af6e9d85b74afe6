// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Functions for other kernel modules: many blocks at once. Blocks of pools and objects of
 * slabs go BULK_HOLD at a time while the heap's lock is held; those of other heaps, and
 * whatever the fast path cannot serve, go one by one.
 */
#include <linux/export.h>
#include <linux/memmgr.h>

#include "core/pool.h"
#include "core/slab.h"
#include "debug/driver.h"
#include "debug/key.h"
#include "heap/block.h"
#include "heap/heap.h"
#include "region/memory.h"
#include "region/region.h"

#define BULK_HOLD	16u	/* blocks of one hold of the lock */

/* Take up to @want blocks of a pool. Returns how many there were. */
static u32 pool_get_some(struct memmgr_heap *heap, void **blocks, u32 want)
{
	struct pool *p = &heap->pool;
	size_t stride = p->stride;
	void *base = heap->base;
	unsigned long flags;
	const u32 *numbers;
	u32 i, n;

	flags = heap_lock_inline(heap);
	n = min(want, p->count - p->live);
	numbers = pool_take_some(p, n);
	for (i = 0; i < n; i++)
		blocks[i] = base + numbers[i] * stride;
	heap_unlock_inline(heap, flags);
	return n;
}

/* The address of a slab, which has memory. */
static __always_inline void *slab_address(const struct memmgr_heap *heap, u32 n)
{
	return heap->base + ((size_t)heap->slab_at[n] << heap->slabs.layout.shift);
}

/* Take up to @want objects of slabs that have memory. */
static u32 slab_get_some(struct memmgr_heap *heap, void **blocks, u32 want)
{
	struct slabs *s = &heap->slabs;
	unsigned long flags;
	u32 n = 0, head;

	flags = heap_lock(heap);
	while (n < want && s->partial != SLAB_NONE) {
		head = s->partial;
		n += slab_take_some(s, head, slab_address(heap, head), blocks + n, want - n);
	}
	heap_unlock(heap, flags);
	return n;
}

/* Take up to BULK_HOLD blocks; 0 if one at a time is the way, or if there are none. */
static u32 bulk_get(struct memmgr_heap *heap, void **blocks, size_t count)
{
	u32 want = min_t(size_t, count, BULK_HOLD);

	if (heap_is(heap, MEMMGR_KIND_POOL))
		return pool_get_some(heap, blocks, want);
	if (heap_is(heap, MEMMGR_KIND_SLAB))
		return slab_get_some(heap, blocks, want);
	return 0;
}

/* As many whole blocks as the fast path finds. */
static size_t bulk_get_all(struct memmgr_heap *heap, unsigned int flags, size_t count,
			   void **blocks)
{
	size_t got = 0, i;
	u32 n;

	for (; got < count; got += n) {
		n = bulk_get(heap, blocks + got, count - got);
		if (!n)
			break;
		for (i = got; flags & MEMMGR_KALLOC_ZERO && i < got + n; i++)
			region_zero(heap->region, blocks[i] - heap->region->memory.virt,
				    heap->capacity);
	}
	return got;
}

/**
 * memmgr_alloc_bulk - allocate many blocks of one size
 * @heap: a heap of any kind
 * @bytes: size of each
 * @flags: MEMMGR_KALLOC_*
 * @count: number of blocks
 * @blocks: set to the blocks
 *
 * All or nothing: if the heap cannot serve them all, those that it could are freed again.
 * Until then others find them taken, and the heap's books count them as allocations.
 *
 * Context: any, never sleeps. Cost: O(@count). The heap's lock is dropped after 16 blocks.
 * Return: @count, or 0 for the reasons for which memmgr_alloc() returns NULL.
 */
size_t memmgr_alloc_bulk(struct memmgr_heap *heap, size_t bytes, unsigned int flags,
			 size_t count, void **blocks)
{
	size_t got = 0;

	if (!debug_is_on() && bytes == heap->capacity && !(flags & ~KALLOC_FLAGS))
		got = bulk_get_all(heap, flags, count, blocks);
	for (; got < count; got++) {
		if (debug_is_on() && !(flags & ~KALLOC_FLAGS))
			blocks[got] = alloc_looked_at(heap, bytes, _RET_IP_, flags);
		else
			blocks[got] = memmgr_alloc(heap, bytes, 0, flags);
		if (!blocks[got])
			break;
	}
	if (likely(got == count))
		return count;
	memmgr_free_bulk(heap, got, blocks);
	return 0;
}
EXPORT_SYMBOL_GPL(memmgr_alloc_bulk);

/* Free up to @n blocks from the end. Returns how many are left. */
static size_t pool_put_some(struct memmgr_heap *heap, void **blocks, size_t count, u32 n)
{
	unsigned long flags;
	bool wake;

	flags = heap_lock_inline(heap);
	count = pool_give_some(&heap->pool, heap->base, blocks, count, n);
	wake = heap_freed(heap);
	heap_unlock_inline(heap, flags);
	heap_wake(heap, wake);
	return count;
}

/* The number of the slab that an address lies in; SLAB_NOT_OURS or more if it is none. */
static u32 slab_around(const struct memmgr_heap *heap, const void *ptr)
{
	unsigned long distance = ptr - heap->base;

	return likely(distance < heap->span) ? heap_slab_of(heap, distance) : SLAB_NOT_OURS;
}

/* The same for objects, which the heap's lock keeps from becoming the spare. */
static size_t slab_put_some(struct memmgr_heap *heap, void **blocks, size_t count, u32 n)
{
	size_t least = count - n, before;
	struct slabs *s = &heap->slabs;
	unsigned long flags;
	void *first;
	bool wake;
	u32 slab;

	flags = heap_lock(heap);
	do {
		before = count;
		slab = slab_around(heap, blocks[count - 1]);
		if (unlikely(slab >= SLAB_NOT_OURS))
			break;
		first = slab_address(heap, slab) + slab_book(s, slab)->colour;
		count = slab_give_some(s, slab, first, blocks, count, count - least);
	} while (count > least && count < before);
	wake = heap_freed(heap);
	heap_unlock(heap, flags);
	heap_wake(heap, wake);
	return count;
}

/*
 * Free up to BULK_HOLD blocks from the end. Returns how many are left: all, if one at a time
 * is the way, or if the last one is no whole block of this heap.
 */
static size_t bulk_put(struct memmgr_heap *heap, void **blocks, size_t count)
{
	u32 n = min_t(size_t, count, BULK_HOLD);

	if (heap_is(heap, MEMMGR_KIND_POOL))
		return pool_put_some(heap, blocks, count, n);
	if (heap_is(heap, MEMMGR_KIND_SLAB))
		return slab_put_some(heap, blocks, count, n);
	return count;
}

/**
 * memmgr_free_bulk - free many blocks
 * @heap: the heap that they were requested from
 * @count: number of blocks
 * @blocks: the blocks, however they were allocated; NULL is ignored. The last one is freed
 *	first, as a stack wants it
 *
 * A block that cannot be freed is passed over.
 *
 * Context: any, never sleeps. Cost: O(@count). The heap's lock is dropped after 16 blocks.
 * Return: 0, or the first error of memmgr_free().
 */
int memmgr_free_bulk(struct memmgr_heap *heap, size_t count, void **blocks)
{
	int err = 0, failed;
	size_t left;

	while (count) {
		left = debug_is_on() ? count : bulk_put(heap, blocks, count);
		if (left < count) {
			count = left;
			continue;
		}
		count--;
		failed = debug_is_on() ? free_looked_at(heap, blocks[count], _RET_IP_) :
					 memmgr_free(heap, blocks[count]);
		err = err ? err : failed;
	}
	return err;
}
EXPORT_SYMBOL_GPL(memmgr_free_bulk);
