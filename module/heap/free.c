// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Freeing allocations, and holding them while something still uses their memory.
 *
 * After its free an allocation may still be shown by a dma-buf, or its pages may be the
 * target of I/O that the kernel has under way (get_user_pages). Then its record is held,
 * and the memory is freed when the last of these users is gone. The release of a dma-buf
 * is reported. The kernel does not report when it drops a page. So while pages are waited
 * for, and only then, a worker checks ten times a second.
 *
 * If memory of a private heap is in use when its client closes, the heap is an orphan:
 * it takes no more requests, and is destroyed when nothing of it is in use.
 */
#include <linux/sched.h>

#include "core/stack.h"
#include "heap/account.h"
#include "heap/free.h"
#include "heap/grow.h"
#include "heap/heap.h"
#include "heap/lookup.h"
#include "heap/moments.h"
#include "heap/pins.h"
#include "heap/record.h"
#include "heap/use.h"
#include "region/stop.h"
#include "region/memory.h"
#include "region/region.h"
#include "region/view.h"

/*
 * Hold a record: its memory stays while something uses it. No client can remove a pin by
 * the handle any more, so all clients' pins end here.
 */
static void record_hold(struct memmgr_heap *heap, struct record *record)
{
	heap_assert_locked(heap);
	record_drop_pins(heap, record, heap_place(heap, record->offset));
	record_disown(heap, record);
	record_set_state(heap, record, RECORD_HELD);
	heap->lasting.held++;
}

/*
 * Remove the mappings of a block that new faults cannot reach. Returns whether the block
 * is the target of I/O after that.
 */
static bool record_in_io(struct memmgr_heap *heap, const struct record *record)
{
	if (!record->mapped)
		return false;
	record_zap(heap, record, 0, record->map_bytes);
	return region_in_io(heap->region, record_map_place(heap, record),
			    record->map_bytes);
}

/*
 * Remove the mappings of a dying record, and check whether I/O holds its memory. The lock is
 * dropped meanwhile. Returns false if the heap was destroyed by force and has forgotten or
 * held the record.
 *
 * The check is valid only if nothing could reach the memory when it began. No new dma-buf
 * is made of a dying record, its clients' mappings are gone, and its faults are refused.
 * But through an existing dma-buf, I/O can begin on a page that was already checked. If
 * the last dma-buf goes during the check, the result is not valid, so the check is
 * repeated once. It cannot happen twice, because no dma-buf is left.
 */
static bool record_part(struct memmgr_heap *heap, struct record *record,
			unsigned long *flags, bool *in_io)
	__must_hold(&heap->lock)
{
	struct record_copy seen;
	bool reachable;

	record_copy(heap, record, &seen);
	record_set_state(heap, record, RECORD_DYING);
	do {
		reachable = record->exports;
		heap_unlock(heap, *flags);
		*in_io = record_in_io(heap, &seen.record);
		/* No client can write there through a mapping any more, so check the zones. */
		if (record_has_zones(&seen.record))
			heap_moment(heap, look, &seen);
		stop_here(heap->region, STOP_COUNTED);
		*flags = heap_lock(heap);
		if (!record_is_still(heap, record, seen.record.handle, RECORD_DYING))
			return false;
	} while (reachable && !record->exports && !*in_io);
	return true;
}

/**
 * heap_end - free an allocation, or hold it while something uses its memory
 * @heap: its heap, locked
 * @record: its record, live
 * @flags: flags of the lock, which is dropped to remove mappings or to check red zones
 *
 * Context: process; may sleep if it was mapped.
 * Return: 0, or -EBUSY if a stack's block is not the top one.
 */
int heap_end(struct memmgr_heap *heap, struct record *record, unsigned long *flags)
{
	bool in_io = false;

	if (likely(!(record->mapped | record_has_zones(record) | record->exports)))
		return record_free(heap, record);
	if (!record->mapped && !record_zones(heap, record, flags, false))
		return 0;
	/* The record may have been mapped meanwhile. */
	if (record->mapped && !record_part(heap, record, flags, &in_io))
		return 0;
	if (!in_io && !record->exports)
		return record_free(heap, record);
	record_hold(heap, record);
	if (in_io)
		held_start(heap->region);
	return 0;
}

/* The held record of a handle if no dma-buf shows it; otherwise NULL. */
static struct record *record_held(struct memmgr_heap *heap, u64 handle)
{
	struct record *record = record_of(heap, handle);

	return record && record->state == RECORD_HELD && !record->exports ?
	       record : NULL;
}

/* Free a held allocation, if possible. Returns true if I/O keeps it. */
bool heap_let_go(struct memmgr_heap *heap, u64 handle)
{
	struct record_copy seen;
	struct record *record;
	unsigned long flags;
	bool wake = false;

	flags = heap_lock(heap);
	record = record_held(heap, handle);
	if (record)
		record_copy(heap, record, &seen);
	heap_unlock(heap, flags);
	if (!record)
		return false;
	/*
	 * Nothing can map the record any more: no dma-buf is left, and clients of a held record
	 * see nothing. The call that held it may still be removing the clients' mappings. After
	 * that no new I/O can begin.
	 */
	if (record_in_io(heap, &seen.record))
		return true;
	if (record_has_zones(&seen.record))
		heap_moment(heap, look, &seen);
	flags = heap_lock(heap);
	record = record_held(heap, handle);
	if (record) {
		heap->lasting.held--;
		record_free(heap, record);
		wake = heap_freed(heap);
	}
	heap_unlock(heap, flags);
	heap_wake(heap, wake);
	heap_moment(heap, tidy, true);
	heap_trim(heap);
	return false;
}

/* Count a free whose handle names no heap. Main counts it. */
void heap_refused(struct region *region)
{
	struct memmgr_heap *main = heap_get(region, MEMMGR_HEAP_MAIN);
	unsigned long flags;

	if (!main)
		return;
	flags = heap_lock(main);
	main->counts.refused++;
	heap_unlock(main, flags);
	heap_put(main);
}

/* Has another client pinned the allocation? Under the heap's lock. */
bool record_pinned_by_others(const struct record *record, const struct client *client)
{
	return record->pins && record->pins - record->exports > client_pins(client, record);
}

/**
 * heap_reclaim - free an allocation that a closing client has left
 * @heap: the heap that the handle names
 * @client: the closing client; no call of it runs, and it has no mappings
 * @handle: handle of one of its allocations
 * @left: set to the allocation; its bytes are 0 if there was none
 *
 * Context: process. O(levels); for a stack O(log live).
 */
void heap_reclaim(struct memmgr_heap *heap, struct client *client, u64 handle,
		  struct heap_left *left)
{
	struct record *record;
	unsigned long flags;
	bool wake = false;

	left->bytes = 0;
	stop_here(heap->region, STOP_CLOSING);
	flags = heap_lock_unmoved(heap, handle);
	record = record_of(heap, handle);
	if (record && record_owner(record) == client) {
		*left = (struct heap_left) { .bytes = record->bytes, .site = record_site(record) };
		if (heap_end(heap, record, &flags)) {
			/* Below another block: it is freed when it is the top one. */
			if (heap_is(heap, MEMMGR_KIND_STACK))
				stack_abandon(&heap->stack, record_block(record));
			record_release(heap, record);
		}
		wake = heap_freed(heap);
	}
	heap_unlock(heap, flags);
	heap_wake(heap, wake);
	heap_touched(heap);
	heap_moment(heap, tidy, true);
}

/*
 * Forget all records of a heap that is destroyed; its blocks go with it. Records whose
 * memory is still in use stay, and keep the heap.
 */
void heap_forget_records(struct memmgr_heap *heap)
{
	unsigned long flags;
	u32 i;

	for (i = 0; i < heap_made_records(heap); i++) {
		struct record *record = heap_record(heap, i);

		flags = heap_lock(heap);
		if (record->exports && record->state != RECORD_HELD)
			heap_end(heap, record, &flags);
		else if (record->state != RECORD_FREE && record->state != RECORD_HELD &&
			 record_zones(heap, record, &flags, false))
			record_release(heap, record);
		heap_unlock(heap, flags);
		cond_resched();
	}
}
