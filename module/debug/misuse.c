// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Reports wrong frees, handles and accesses. */

#include "debug/key.h"
#include "debug/misuse.h"
#include "debug/quarantine.h"
#include "debug/reports.h"
#include "debug/track.h"
#include "heap/access.h"
#include "heap/account.h"
#include "heap/heap.h"
#include "heap/record.h"
#include "region/region.h"

#define LOOK_RECORDS	4096u	/* records to look at; below: at once under the lock */
#define LOOK_STEP	64u

/* The client's allocation that contains a place. False: none within LOOK_RECORDS records. */
static bool report_record_at(struct memmgr_heap *heap, u64 place, struct memmgr_corruption *c)
{
	u32 i, end, most = min(heap_made_records(heap), LOOK_RECORDS);
	bool found = false;
	unsigned long flags;

	for (i = 0; !found && i < most; i = end) {
		end = min(i + LOOK_STEP, most);
		flags = heap_lock(heap);
		for (; !found && i < end; i++) {
			const struct record *record = heap_record(heap, i);

			found = record->state != RECORD_FREE &&
				place - heap_place(heap, record->offset) < record->bytes;
			if (found)
				corruption_of_record(c, heap, record, record_origin(heap, record));
		}
		heap_unlock(heap, flags);
	}
	return found;
}

/**
 * heap_report_free - report that kernel code tried to free memory that it may not free
 * @heap: the heap of the call
 * @place: what it passed: an offset in the region, or any number
 * @err: error of the call; -EBUSY is no memory error
 * @site: site of the call
 *
 * Context: any, no heap lock held. O(table).
 */
void heap_report_free(struct memmgr_heap *heap, u64 place, int err, u32 site)
{
	struct memmgr_corruption c = {
		.kind = MEMMGR_CORRUPTION_WRONG_FREE,
		.offset = place < heap->region->memory.bytes ? place : ~0ull,
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
 * heap_report_handle - report that a client used or freed a handle that it may not use
 * @heap: the heap that the handle names
 * @client: the client
 * @handle: the handle that it passed
 * @err: error of the call: -EBADF or -EACCES; others are no memory error
 * @free: the call was a free
 *
 * The report names the allocation. Its owner and the administrator may see it. The use of
 * an unknown handle is no memory error.
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

	heap_assert_locked(heap);
	if (!(heap->debug & DEBUG_ERRORS))
		return;
	freed = quarantine_find(heap, handle, 0);
	if (err == -EBADF && handle && freed) {
		if (free)
			c.kind = MEMMGR_CORRUPTION_DOUBLE_FREE;
		corruption_of_freed(&c, freed);
		c.offset = c.place;
	} else if (err == -EACCES && free && record) {
		corruption_of_record(&c, heap, record, record_origin(heap, record));
		c.offset = c.place;
	} else if (err != -EBADF || !free) {
		return;
	}
	corruptions_add_refused(heap, &c, client->serial);
}

/**
 * heap_report_fault - report that a client accessed memory that it may not access
 * @heap: heap with the id of the one that the mapping showed when it was made
 * @view: the part that the mapping shows
 * @offset: offset of the byte in the mapping
 *
 * A memory error is an access to a guard page, or to memory that was freed under its
 * mapping. An access without permission is none.
 *
 * Context: in a fault, the heap's lock is held. O(entries of the quarantine).
 */
void heap_report_fault(struct memmgr_heap *heap, const struct heap_view *view, u64 offset)
{
	struct memmgr_corruption c = { .kind = MEMMGR_CORRUPTION_GUARD };
	u64 page = offset - (view->guard ? PAGE_SIZE : 0);
	u64 inside = page - view->inset;
	const struct freed *freed;
	const struct record *record;

	heap_assert_locked(heap);
	if (!(heap->debug & DEBUG_ERRORS) || heap->serial != view->serial ||
	    view->kind != MAPPING_RECORD)
		return;
	record = record_of(heap, view->handle);
	freed = record ? NULL : quarantine_find(heap, view->handle, 0);
	if (record && view->guard && page >= record->map_bytes) {
		corruption_of_record(&c, heap, record, record_origin(heap, record));
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
