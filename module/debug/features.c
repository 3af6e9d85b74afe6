// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Turns the search for memory errors in a heap on and off. */
#include <linux/mutex.h>
#include <linux/rcupdate.h>

#include "debug/debugging.h"
#include "debug/features.h"
#include "debug/guards.h"
#include "debug/key.h"
#include "debug/quarantine.h"
#include "debug/reports.h"
#include "debug/track.h"
#include "debug/zones.h"
#include "heap/heap.h"

/* Features that MEMMGR_IOC_DEBUG turns on. guards.c turns on its own while a block has a slot. */
#define FEATURES	(MEMMGR_DEBUG_ZONES | MEMMGR_DEBUG_POISON | MEMMGR_DEBUG_QUARANTINE)

/* Are the limits valid? A feature that is not turned on takes none. */
static bool debug_limits_ok(const struct memmgr_debug *d)
{
	if (d->zone && (!(d->flags & MEMMGR_DEBUG_ZONES) || d->zone < MEMMGR_ZONE_MIN ||
			d->zone > MEMMGR_ZONE_MAX || d->zone % MEMMGR_ZONE_MIN))
		return false;
	if (d->quarantine_bytes | d->quarantine_blocks &&
	    !(d->flags & MEMMGR_DEBUG_QUARANTINE))
		return false;
	if (d->guard_interval && !(d->flags & MEMMGR_DEBUG_GUARDS))
		return false;
	return d->quarantine_blocks <= MEMMGR_QUARANTINE_MAX &&
	       d->guard_interval <= MEMMGR_GUARD_INTERVAL_MAX;
}

static bool debug_ok(const struct memmgr_debug *d)
{
	u32 features_asked = d->flags & ~MEMMGR_DEBUG_SET;

	if (features_asked & ~(FEATURES | MEMMGR_DEBUG_GUARDS) || d->reserved)
		return false;
	return d->flags & MEMMGR_DEBUG_SET ? debug_limits_ok(d) :
	       !(features_asked | d->zone | d->quarantine_bytes | d->quarantine_blocks |
		 d->guard_interval);
}

/* Set the limits that the caller left 0. */
static void debug_default(const struct memmgr_heap *heap, struct memmgr_debug *d)
{
	if (d->flags & MEMMGR_DEBUG_ZONES && !d->zone)
		d->zone = ZONE_USUAL;
	if (d->flags & MEMMGR_DEBUG_GUARDS && !d->guard_interval)
		d->guard_interval = GUARD_USUAL;
	if (!(d->flags & MEMMGR_DEBUG_QUARANTINE))
		return;
	if (!d->quarantine_bytes)
		d->quarantine_bytes = heap->bytes / QUARANTINE_PART;
	if (!d->quarantine_blocks)
		d->quarantine_blocks = QUARANTINE_USUAL;
}

/* While kernel code has blocks between red zones, frees have to look them up. */
static u32 debug_lasting(const struct memmgr_heap *heap, u32 wanted)
{
	return wanted & DEBUG_ZONES || track_zoned(heap) ? DEBUG_ZONED : 0;
}

/*
 * Turn everything off, then turn the wanted features on, once their memory is there. In
 * between, DEBUG_ZONED keeps the static key on, because patching the kernel twice is slow.
 */
static int debug_apply(struct memmgr_heap *heap, struct memmgr_debug *d)
{
	u32 wanted = d->flags & FEATURES;
	unsigned long flags;
	int err;

	debug_default(heap, d);
	/* Frees use the track table as soon as the first flag is set. */
	err = debugging_make(heap);
	if (!err && (wanted || d->guard_interval))
		err = track_prepare(heap);
	if (!err)
		err = guards_set(heap, d->guard_interval);
	if (err)
		return err;
	debug_set(heap, wanted ? DEBUG_ZONED : 0, DEBUG_ERRORS & ~DEBUG_GUARDS);
	if (wanted || d->guard_interval || heap_debugging(heap)->quarantine)
		err = quarantine_set(heap, d);
	if (err)
		wanted = 0;
	/* Wait until every block that still got red zones is in the track table. */
	if (heap->debug & DEBUG_ZONED && !(wanted & DEBUG_ZONES))
		synchronize_rcu();
	flags = heap_lock(heap);
	heap->debugging->zones.bytes = err ? 0 : d->zone;
	heap_unlock(heap, flags);
	debug_set(heap, wanted | debug_lasting(heap, wanted), DEBUG_ZONED);
	return err;
}

static void debug_tell(struct memmgr_heap *heap, struct memmgr_debug *d)
{
	unsigned long flags;

	flags = heap_lock(heap);
	d->flags = heap->debug & FEATURES;
	d->zone = heap_debugging(heap)->zones.bytes;
	d->unzoned = heap_debugging(heap)->zones.unzoned;
	if (heap_debugging(heap)->quarantine) {
		d->quarantine_bytes = heap_debugging(heap)->quarantine->max_bytes;
		d->quarantine_blocks = heap_debugging(heap)->quarantine->max_blocks;
		d->held_bytes = heap_debugging(heap)->quarantine->held_bytes;
		d->held_blocks = heap_debugging(heap)->quarantine->held_blocks;
	}
	heap_unlock(heap, flags);
	d->found = corruptions_of_heap(heap);
	guards_describe(heap, d);
}

/**
 * heap_debug - turn the search for memory errors on or off, and report its state
 * @heap: the heap
 * @d: as in the ABI, capability checked; the answers are filled in
 *
 * Context: process, may sleep. O(bytes in quarantine): a change empties the quarantine.
 * Return: 0, -EINVAL, -ENOMEM, -ENOENT if the heap is being destroyed, or -EOPNOTSUPP if
 * its memory cannot be guarded.
 */
int heap_debug(struct memmgr_heap *heap, struct memmgr_debug *d)
{
	int err = 0;

	if (!debug_ok(d))
		return -EINVAL;
	/* A heap that is being destroyed has turned its features off: turn none on again. */
	mutex_lock(&heap->features);
	if (READ_ONCE(heap->lasting.dying))
		err = -ENOENT;
	else if (d->flags & MEMMGR_DEBUG_SET)
		err = debug_apply(heap, d);
	if (!err)
		debug_tell(heap, d);
	mutex_unlock(&heap->features);
	return err;
}
