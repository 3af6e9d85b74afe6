// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * What stays in use when its handle is gone.
 *
 * A freed allocation may still be shown by a dma-buf, or its pages may be the
 * target of I/O that the kernel has under way (get_user_pages). Its record is
 * held then: the memory goes when the last of these does. A dma-buf tells when
 * it goes. The kernel does not tell when it lets go of a page: as long as pages
 * are waited for, and only then, a worker looks ten times a second.
 *
 * A private heap with memory in use when its client closes is an orphan: it
 * takes no more requests and goes when nothing of it is in use.
 */
#include <linux/sched.h>

#include "core/stack.h"
#include "heap/account.h"
#include "heap/arena.h"
#include "heap/free.h"
#include "heap/heap.h"
#include "heap/lookup.h"
#include "heap/moments.h"
#include "heap/pins.h"
#include "heap/record.h"
#include "heap/use.h"
#include "region/hold.h"
#include "region/memory.h"
#include "region/region.h"
#include "region/view.h"

/*
 * The memory stays while something uses it; nobody can take back a pin by its handle, so
 * that those of clients end here. Under the heap's lock.
 */
static void record_hold(struct memmgr_heap *heap, struct record *record)
{
	record_drop_pins(heap, record, heap_place(heap, record->offset));
	record_disown(heap, record);
	record_set_state(heap, record, RECORD_HELD);
	heap->held++;
}

/*
 * Take away what is mapped of a block that new faults do not reach. Is it the target of
 * I/O then?
 */
static bool record_in_io(struct memmgr_heap *heap, const struct record *record)
{
	if (!record->mapped)
		return false;
	mapping_zap(heap->region, record_first_page(record), 0, record->map_bytes);
	return region_in_io(heap->region, record_map_place(heap, record),
			    record->map_bytes);
}

/*
 * Take away what is mapped of a record that dies, and look whether I/O holds its memory.
 * Drops the lock meanwhile. False when a heap that was destroyed by force has forgotten
 * the record, or held it.
 *
 * What was counted is true only of memory that nobody reached any more when the counting
 * began. No new dma-buf is made of a dying record, its clients' mappings are gone and its
 * faults refused; but through a dma-buf that there is, I/O can begin on a page that was
 * counted already. If the last dma-buf goes meanwhile, its count was a rumour, and we
 * count once more: there can be no second last one.
 */
static bool record_part(struct memmgr_heap *heap, struct record *record,
			unsigned long *flags, bool *in_io)
	__must_hold(&heap->lock)
{
	struct record seen = *record;
	bool reachable;

	record_set_state(heap, record, RECORD_DYING);
	do {
		reachable = record->exports;
		heap_unlock(heap, *flags);
		*in_io = record_in_io(heap, &seen);
		/* Its clients do not write there by a mapping any more. */
		if (record_has_zones(&seen))
			heap_moment(heap, look, &seen);
		hold_here(heap->region, HOLD_COUNTED);
		*flags = heap_lock(heap);
		if (!record_is_still(heap, record, seen.handle, RECORD_DYING))
			return false;
	} while (reachable && !record->exports && !*in_io);
	return true;
}

/**
 * heap_end - free an allocation, or hold it while something uses its memory
 * @heap: its heap, locked
 * @record: of it, live
 * @flags: of the lock, which is dropped when there are mappings to remove or red zones
 *	to look at
 *
 * Context: process; may sleep when it was mapped.
 * Return: 0, or -EBUSY when a stack's block is not the top one.
 */
int heap_end(struct memmgr_heap *heap, struct record *record, unsigned long *flags)
{
	bool in_io = false;

	if (!record->mapped && !record_zones(heap, record, flags, false))
		return 0;
	/* It may have been mapped meanwhile. */
	if (record->mapped && !record_part(heap, record, flags, &in_io))
		return 0;
	if (!in_io && !record->exports)
		return record_free(heap, record);
	record_hold(heap, record);
	if (in_io)
		heap_settle_start(heap->region);
	return 0;
}

/* A held record that no dma-buf shows; NULL: it went, or is none. */
static struct record *record_held(struct memmgr_heap *heap, u64 handle)
{
	struct record *record = record_of(heap, handle);

	return record && record->state == RECORD_HELD && !record->exports ?
	       record : NULL;
}

/* Free a held allocation if it can go. True when I/O keeps it. */
bool heap_let_go(struct memmgr_heap *heap, u64 handle)
{
	struct record *record, seen;
	unsigned long flags;
	bool wake = false;

	flags = heap_lock(heap);
	record = record_held(heap, handle);
	if (record)
		seen = *record;
	heap_unlock(heap, flags);
	if (!record)
		return false;
	/*
	 * Nothing may map it any more: no dma-buf is left, and a held record's clients see
	 * nothing. Who held it may not have taken away yet what they had mapped; after that
	 * I/O ends and does not begin.
	 */
	if (record_in_io(heap, &seen))
		return true;
	if (record_has_zones(&seen))
		heap_moment(heap, look, &seen);
	flags = heap_lock(heap);
	record = record_held(heap, handle);
	if (record) {
		heap->held--;
		record_free(heap, record);
		wake = heap_freed(heap);
	}
	heap_unlock(heap, flags);
	heap_wake(heap, wake);
	heap_moment(heap, settle, true);
	heap_trim(heap);
	return false;
}

/* A handle of no heap was to be freed: main keeps count of that. */
void heap_refused(struct region *region)
{
	struct memmgr_heap *main = heap_get(region, MEMMGR_HEAP_MAIN);
	unsigned long flags;

	if (!main)
		return;
	flags = heap_lock(main);
	main->refused++;
	heap_unlock(main, flags);
	heap_put(main);
}

/* Somebody else counts on it to stay. Under the heap's lock. */
bool record_pinned_by_others(const struct record *record, const struct client *client)
{
	return record->pins - record->exports > client_pins(client, record);
}

/**
 * heap_reclaim - free what a client that goes has left
 * @heap: that its handle names
 * @client: that goes; no call of it runs, and it has no mappings
 * @handle: of one of its allocations
 * @left: what it had not freed; bytes 0: nothing
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
	hold_here(heap->region, HOLD_CLOSING);
	flags = heap_lock_unmoved(heap, handle);
	record = record_of(heap, handle);
	if (record && record->client == client) {
		*left = (struct heap_left) { .bytes = record->bytes, .site = record->site };
		if (heap_end(heap, record, &flags)) {
			/* Below another's block: it goes when it surfaces. */
			if (heap_is(heap, MEMMGR_KIND_STACK))
				stack_abandon(&heap->stack, record_block(record));
			record_release(heap, record);
		}
		wake = heap_freed(heap);
	}
	heap_unlock(heap, flags);
	heap_wake(heap, wake);
	heap_touched(heap);
	heap_moment(heap, settle, true);
}

/*
 * Forget all records of a heap that goes; their blocks go with the heap. Those
 * that something still uses stay, and keep the heap.
 */
void heap_forget_records(struct memmgr_heap *heap)
{
	unsigned long flags;
	u32 i;

	for (i = 0; i < heap->max_records; i++) {
		struct record *record = &heap->records[i];

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
