// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The lock of a heap, its spare, and its watcher. */
#include <linux/mm.h>

#include "core/slab.h"
#include "heap/heap.h"

/* Give the spare back to the engine. */
static noinline void spare_back(struct memmgr_heap *heap)
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
 * The spare goes back to the engine, so that the engine's state is exact.
 *
 * Context: any; disables interrupts.
 * Return: flags for heap_unlock().
 */
unsigned long heap_lock(struct memmgr_heap *heap)
	__acquires(&heap->lock)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&heap->lock, flags);
	if (unlikely(heap->spare))
		spare_back(heap);
	return flags;
}

/*
 * Let the next change of main call health_kick(). The watcher counts as a waiter, so that a
 * driver's free needs no test of its own for it.
 */
void heap_mark_changes(struct memmgr_heap *main)
{
	unsigned long flags;

	flags = heap_lock(main);
	main->waiters += !main->watched;
	main->watched = true;
	heap_unlock(main, flags);
}

/* Returns true if the heap was watched. A slab heap's lock may be held. */
bool heap_unmark_changes(struct memmgr_heap *main)
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

/* Are all blocks whole pages, which can be mapped and exported one by one? */
bool heap_has_pages(const struct memmgr_heap *heap)
{
	return heap->align >= PAGE_SIZE;
}
