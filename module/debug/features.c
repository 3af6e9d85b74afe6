// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* What memory errors a heap is looked through for, and frees and uses that are wrong. */
#include <linux/mutex.h>
#include <linux/rcupdate.h>

#include "debug/reports.h"
#include "debug/key.h"
#include "debug/guards.h"
#include "heap/heap.h"
#include "debug/quarantine.h"
#include "debug/track.h"
#include "debug/zones.h"

/* What each flag of the ABI is here; guards.c has its own on as long as blocks have slots. */
static const struct {
	u32 flag;
	u32 debug;
} features[] = {
	{ MEMMGR_DEBUG_ZONES, DEBUG_ZONES },
	{ MEMMGR_DEBUG_POISON, DEBUG_POISON },
	{ MEMMGR_DEBUG_QUARANTINE, DEBUG_QUARANTINE },
};

static u32 debug_of(u32 flags)
{
	u32 i, debug = 0;

	for (i = 0; i < ARRAY_SIZE(features); i++)
		if (flags & features[i].flag)
			debug |= features[i].debug;
	return debug;
}

static u32 flags_of(u32 debug)
{
	u32 i, flags = 0;

	for (i = 0; i < ARRAY_SIZE(features); i++)
		if (debug & features[i].debug)
			flags |= features[i].flag;
	return flags;
}

/* What is not turned on takes no limits. */
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

	if (flags_of(debug_of(features_asked)) != (features_asked & ~MEMMGR_DEBUG_GUARDS) ||
	    d->reserved)
		return false;
	return d->flags & MEMMGR_DEBUG_SET ? debug_limits_ok(d) :
	       !(features_asked | d->zone | d->quarantine_bytes | d->quarantine_blocks |
		 d->guard_interval);
}

/* The limits that are not given. */
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

/* Blocks of kernel code between red zones are looked up at their free, while there are any. */
static u32 debug_lasting(const struct memmgr_heap *heap, u32 wanted)
{
	return wanted & DEBUG_ZONES || track_zoned(heap) ? DEBUG_ZONED : 0;
}

/*
 * Everything off, then what is wanted on, with its memory at hand. In between
 * DEBUG_ZONED keeps the key as it is: to patch the kernel twice takes long.
 */
static int debug_apply(struct memmgr_heap *heap, struct memmgr_debug *d)
{
	u32 wanted = debug_of(d->flags);
	unsigned long flags;
	int err;

	debug_default(heap, d);
	/* From the first flag on, frees look there. */
	err = wanted || d->guard_interval ? track_prepare(heap) : 0;
	if (!err)
		err = guards_set(heap, d->guard_interval);
	if (err)
		return err;
	debug_set(heap, wanted ? DEBUG_ZONED : 0, DEBUG_ERRORS & ~DEBUG_GUARDS);
	if (wanted || d->guard_interval || heap->quarantine)
		err = quarantine_set(heap, d);
	if (err)
		wanted = 0;
	/* Who still got zones has the block known by then. */
	if (heap->debug & DEBUG_ZONED && !(wanted & DEBUG_ZONES))
		synchronize_rcu();
	flags = heap_lock(heap);
	heap->zones.bytes = err ? 0 : d->zone;
	heap_unlock(heap, flags);
	debug_set(heap, wanted | debug_lasting(heap, wanted), DEBUG_ZONED);
	return err;
}

static void debug_tell(struct memmgr_heap *heap, struct memmgr_debug *d)
{
	unsigned long flags;

	flags = heap_lock(heap);
	d->flags = flags_of(heap->debug);
	d->zone = heap->zones.bytes;
	d->unzoned = heap->zones.unzoned;
	if (heap->quarantine) {
		d->quarantine_bytes = heap->quarantine->max_bytes;
		d->quarantine_blocks = heap->quarantine->max_blocks;
		d->held_bytes = heap->quarantine->held_bytes;
		d->held_blocks = heap->quarantine->held_blocks;
	}
	heap_unlock(heap, flags);
	d->found = corruptions_of_heap(heap);
	guards_describe(heap, d);
}

/**
 * heap_debug - turn the search for memory errors on or off, and tell how it stands
 * @heap: the heap
 * @d: as in the ABI, capability checked; the answers are filled in
 *
 * Context: process, may sleep. O(bytes in quarantine), which is emptied by a change.
 * Return: 0, -EINVAL, -ENOMEM, -ENOENT when the heap goes, or -EOPNOTSUPP when its memory
 * cannot be guarded.
 */
int heap_debug(struct memmgr_heap *heap, struct memmgr_debug *d)
{
	int err = 0;

	if (!debug_ok(d))
		return -EINVAL;
	/* A heap that goes turns its features off: after that none may be turned on. */
	mutex_lock(&heap->features);
	if (READ_ONCE(heap->dying))
		err = -ENOENT;
	else if (d->flags & MEMMGR_DEBUG_SET)
		err = debug_apply(heap, d);
	if (!err)
		debug_tell(heap, d);
	mutex_unlock(&heap->features);
	return err;
}

#define LOOK_RECORDS	4096u	/* not more, and so many with the lock held: */
#define LOOK_STEP	64u

/* The client's allocation in which a place lies; false: none, or far back in the table. */
static bool report_record_at(struct memmgr_heap *heap, u64 place, struct memmgr_corruption *c)
{
	u32 i, end, most = min(heap->max_records, LOOK_RECORDS);
	bool found = false;
	unsigned long flags;

	for (i = 0; !found && i < most; i = end) {
		end = min(i + LOOK_STEP, most);
		flags = heap_lock(heap);
		for (; !found && i < end; i++) {
			const struct record *record = &heap->records[i];

			found = record->state != RECORD_FREE &&
				place - heap_place(heap, record->offset) < record->bytes;
			if (found)
				corruption_of_record(c, heap, record);
		}
		heap_unlock(heap, flags);
	}
	return found;
}

/**
 * heap_report_free - kernel code tried to free what it cannot
 * @heap: of which it asked that
 * @place: that it passed, offset in the region, or anything
 * @err: what it is told; -EBUSY is no memory error
 * @site: of the call
 *
 * Context: any, no heap lock held. O(table).
 */
void heap_report_free(struct memmgr_heap *heap, u64 place, int err, u32 site)
{
	struct memmgr_corruption c = {
		.kind = MEMMGR_CORRUPTION_WRONG_FREE,
		.offset = place < heap->region->bytes ? place : ~0ull,
		.place = ~0ull,
		.finder_site = site,
	};
	const struct freed *freed;
	struct track_block block;
	unsigned long flags;

	if (err == -EBUSY)
		return;
	flags = heap_lock(heap);
	freed = quarantine_find(heap, 0, place);
	if (freed) {
		c.kind = MEMMGR_CORRUPTION_DOUBLE_FREE;
		corruption_of_freed(&c, freed);
	}
	heap_unlock(heap, flags);
	if (!freed && track_inside(heap, place, &block))
		corruption_of_block(&c, &block);
	else if (!freed)
		report_record_at(heap, place, &c);
	if (c.place != ~0ull)
		c.distance = place - c.place;
	corruptions_add(heap, &c);
}

/**
 * heap_report_handle - a client used or tried to free what it cannot
 * @heap: that the handle names
 * @client: the client
 * @handle: that it passed
 * @err: what it is told: -EBADF or -EACCES, others are no memory error
 * @free: it was to be freed
 *
 * The report names the allocation, and is for its owner and who may see all. A use of
 * a handle of which nothing is known is no memory error.
 *
 * Context: process, the heap's lock is held. O(entries of the quarantine).
 */
void heap_report_handle(struct memmgr_heap *heap, const struct client *client, u64 handle,
			int err, bool free)
{
	struct memmgr_corruption c = {
		.kind = free ? MEMMGR_CORRUPTION_WRONG_FREE : MEMMGR_CORRUPTION_STALE,
		.handle = handle,
		.offset = ~0ull,
		.place = ~0ull,
		.uid = __kuid_val(current_euid()),
	};
	const struct record *record = record_of(heap, handle);
	const struct freed *freed;

	if (!(heap->debug & DEBUG_ERRORS))
		return;
	freed = quarantine_find(heap, handle, 0);
	if (err == -EBADF && handle && freed) {
		if (free)
			c.kind = MEMMGR_CORRUPTION_DOUBLE_FREE;
		corruption_of_freed(&c, freed);
		c.offset = c.place;
	} else if (err == -EACCES && free && record) {
		corruption_of_record(&c, heap, record);
		c.offset = c.place;
	} else if (err != -EBADF || !free) {
		return;
	}
	corruptions_add_refused(heap, &c, client->serial);
}

/**
 * heap_report_fault - a client touched what it cannot
 * @heap: with the id of the one that the mapping showed when it was made
 * @mapping: through which it did
 * @offset: of the byte in it
 *
 * A guard page, or what was freed under its mapping. Permissions that it lacks are no
 * memory error.
 *
 * Context: of a fault, the heap's lock is held. O(entries of the quarantine).
 */
void heap_report_fault(struct memmgr_heap *heap, const struct mapping *mapping, u64 offset)
{
	struct memmgr_corruption c = { .kind = MEMMGR_CORRUPTION_GUARD };
	u64 page = offset - (mapping->guard ? PAGE_SIZE : 0);
	u64 inside = page - mapping->inset;
	const struct freed *freed;
	const struct record *record;

	if (!(heap->debug & DEBUG_ERRORS) || heap->serial != mapping->serial ||
	    mapping->kind != MAPPING_RECORD)
		return;
	record = record_of(heap, mapping->handle);
	freed = record ? NULL : quarantine_find(heap, mapping->handle, 0);
	if (record && mapping->guard && page >= record->map_bytes) {
		corruption_of_record(&c, heap, record);
	} else if (freed) {
		c.kind = MEMMGR_CORRUPTION_STALE;
		corruption_of_freed(&c, freed);
	} else {
		return;
	}
	c.offset = c.place + inside;
	if ((s64)inside < 0)
		c.distance = -inside - 1;
	else
		c.distance = inside < c.bytes ? inside : inside - c.bytes;
	corruptions_add(heap, &c);
}
