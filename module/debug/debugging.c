// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The state of the features in a heap, made when the first feature is turned on. */
#include <linux/slab.h>

#include "debug/debugging.h"
#include "heap/heap.h"
#include "heap/moments.h"
#include "region/region.h"

const struct heap_debug debugging_nothing;

static const struct heap_moments *moments_used;	/* set once, at module init */

/* Module init: set the table of moments for heaps in which a feature is turned on. */
void debug_use_moments(const struct heap_moments *use)
{
	moments_used = use;
}

/**
 * moments_begin - call the features at the moments of the region's heaps from now on
 * @region: the region
 *
 * Context: any; before a feature is turned on in one of its heaps.
 */
void moments_begin(struct region *region)
{
	WRITE_ONCE(region->moments, moments_used);
}

/**
 * debugging_make - make the state of the features in a heap, if there is none
 * @heap: the heap
 *
 * It is kept until the heap is destroyed, so readers need no lock to find it.
 *
 * Context: process, may sleep; heap.features is held.
 * Return: 0 or -ENOMEM.
 */
int debugging_make(struct memmgr_heap *heap)
{
	struct heap_debug *debugging;

	moments_begin(heap->region);
	if (heap->debugging)
		return 0;
	debugging = kzalloc(sizeof(*debugging), GFP_KERNEL);
	if (!debugging)
		return -ENOMEM;
	smp_store_release(&heap->debugging, debugging);	/* see heap_debugging() */
	return 0;
}
