// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* What the features know of a heap, from the first one on that is turned on. */
#include <linux/slab.h>

#include "debug/debugging.h"
#include "heap/heap.h"
#include "heap/moments.h"
#include "region/region.h"

struct heap_debug debugging_nothing;

static const struct heap_moments *moments_used;	/* set once, at module init */

/* Module init: what is done at the moments of a heap that somebody looks at. */
void debug_use_moments(const struct heap_moments *use)
{
	moments_used = use;
}

/**
 * moments_begin - from now on the region's heaps tell what happens in them
 * @region: the region
 *
 * Context: any; before a feature is turned on in one of its heaps.
 */
void moments_begin(struct region *region)
{
	WRITE_ONCE(region->moments, moments_used);
}

/**
 * debugging_make - have a place for what the features know of a heap
 * @heap: the heap
 *
 * It stays until the heap goes: readers need no lock to find it.
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
