// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Heaps come and go. */
#include <linux/mm.h>

#include "core/slab.h"
#include "heap/heap.h"

/* Give the spare back to the engine. */
static noinline void heap_settle(struct memmgr_heap *heap)
{
	unsigned long distance = heap->spare - heap->base;
	u32 shift = heap->slabs.layout.shift;

	heap->spare = NULL;
	if (heap_kind_built(MEMMGR_KIND_SLAB))
		slab_give_to(&heap->slabs, heap_slab_of(heap, distance),
			     distance & ((1u << shift) - 1), 0);
}

/**
 * heap_lock - lock a heap
 * @heap: the heap
 *
 * What the engine says is the truth then: there is no spare.
 *
 * Context: any; disables interrupts.
 * Return: for heap_unlock().
 */
unsigned long heap_lock(struct memmgr_heap *heap)
	__acquires(&heap->lock)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&heap->lock, flags);
	if (unlikely(heap->spare))
		heap_settle(heap);
	return flags;
}

/*
 * The next change of main calls health_kick(). It counts as a waiter, so that a
 * driver's free needs no look of its own for it.
 */
void heap_watch(struct memmgr_heap *main)
{
	unsigned long flags;

	flags = heap_lock(main);
	main->waiters += !main->watched;
	main->watched = true;
	heap_unlock(main, flags);
}

/* True when it was watched. A slab heap's lock may be held. */
bool heap_unwatch(struct memmgr_heap *main)
{
	unsigned long flags;
	bool watched;

	flags = heap_lock(main);
	watched = main->watched;
	main->waiters -= watched;
	main->watched = false;
	heap_unlock(main, flags);
	return watched;
}

/* Blocks of whole pages can be mapped and exported one by one. */
bool heap_has_pages(const struct memmgr_heap *heap)
{
	return heap->align >= PAGE_SIZE;
}
