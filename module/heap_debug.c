// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* What memory errors a heap is looked through for. */
#include <linux/mutex.h>

#include "debug.h"
#include "heap.h"
#include "zones.h"

static bool debug_ok(const struct memmgr_debug *d)
{
	if (d->flags & ~(MEMMGR_DEBUG_SET | MEMMGR_DEBUG_ZONES) || d->reserved)
		return false;
	/* What is not turned on takes no size, and what is only asked nothing. */
	if (!(d->flags & MEMMGR_DEBUG_SET) || !(d->flags & MEMMGR_DEBUG_ZONES))
		return !d->zone && d->flags != MEMMGR_DEBUG_ZONES;
	return !d->zone || (d->zone >= MEMMGR_ZONE_MIN && d->zone <= MEMMGR_ZONE_MAX &&
			    d->zone % MEMMGR_ZONE_MIN == 0);
}

static void debug_apply(struct memmgr_heap *heap, const struct memmgr_debug *d)
{
	bool zones = d->flags & MEMMGR_DEBUG_ZONES;
	unsigned long flags;

	flags = heap_lock(heap);
	heap->zones.bytes = zones ? d->zone ? : ZONE_USUAL : 0;
	heap_unlock(heap, flags);
	debug_set(heap, zones ? DEBUG_ZONES : 0, zones ? 0 : DEBUG_ZONES);
}

/**
 * heap_debug - turn the search for memory errors on or off, and tell how it stands
 * @heap: the heap
 * @d: as in the ABI, capability checked; the answers are filled in
 *
 * Context: process, may sleep. O(1).
 * Return: 0, -EINVAL, or -ENOENT when the heap goes.
 */
int heap_debug(struct memmgr_heap *heap, struct memmgr_debug *d)
{
	unsigned long flags;
	int err = 0;

	if (!debug_ok(d))
		return -EINVAL;
	/* A heap that goes turns its features off: after that none may be turned on. */
	mutex_lock(&heap->region->heap_mutex);
	if (READ_ONCE(heap->dying))
		err = -ENOENT;
	else if (d->flags & MEMMGR_DEBUG_SET)
		debug_apply(heap, d);
	mutex_unlock(&heap->region->heap_mutex);
	if (err)
		return err;
	flags = heap_lock(heap);
	d->flags = heap->debug & DEBUG_ZONES ? MEMMGR_DEBUG_ZONES : 0;
	d->zone = heap->zones.bytes;
	d->unzoned = heap->zones.unzoned;
	d->found = heap->zones.found;
	heap_unlock(heap, flags);
	return 0;
}
