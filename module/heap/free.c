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
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/workqueue.h>

#include "heap/heap.h"
#include "region/hold.h"

#define SETTLE_INTERVAL	(HZ / 10 + 1)
#define IN_IO_STRIDE	(1ull << 24)	/* bytes to look at without a pause */

static void settle_soon(struct region *region, unsigned long delay)
{
	/* Work that is due keeps module and region: each time it is queued, a reference. */
	__module_get(THIS_MODULE);
	region_get(region);
	if (queue_delayed_work(region_queue, &region->settle, delay))
		return;
	/* Not the last one: the caller has another. */
	region_put(region);
	module_put(THIS_MODULE);
}

/**
 * heap_settle_start - look for memory that is no longer in use, now and again
 * @region: of it
 *
 * Context: any where module and region have a reference: a call, or a dma-buf that
 * ends.
 */
void heap_settle_start(struct region *region)
{
	settle_soon(region, SETTLE_INTERVAL);
}

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
			zones_check(heap, &seen);
		hold_here(heap->region, HOLD_COUNTED);
		*flags = heap_lock(heap);
		if (!record_is_still(heap, record, seen.handle, RECORD_DYING))
			return false;
	} while (reachable && !record->exports && !*in_io);
	return true;
}

/**
 * record_zones - write the red zones of a live allocation, or look at them
 * @heap: its heap, locked
 * @record: of it
 * @flags: of the lock, which is dropped meanwhile
 * @act: what is done, with a copy of the record: zones_paint() or zones_check()
 *
 * It changes until that is done: nobody else ends it, uses it or looks at its zones.
 *
 * Context: any. O(bytes of a zone).
 * Return: false when a heap that was destroyed by force has forgotten it.
 */
bool record_zones(struct memmgr_heap *heap, struct record *record, unsigned long *flags,
		  void (*act)(struct memmgr_heap *heap, const struct record *record))
{
	struct record seen;

	/* Out of another state its heap was destroyed by force: nobody looks any more. */
	if (!record_has_zones(record) || record->state != RECORD_LIVE)
		return true;
	seen = *record;
	record_set_state(heap, record, RECORD_CHANGING);
	heap_unlock(heap, *flags);
	act(heap, &seen);
	*flags = heap_lock(heap);
	if (!record_is_still(heap, record, seen.handle, RECORD_CHANGING))
		return false;
	record_set_state(heap, record, RECORD_LIVE);
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

	if (!record->mapped && !record_zones(heap, record, flags, zones_check))
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
static bool heap_let_go(struct memmgr_heap *heap, u64 handle)
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
		zones_check(heap, &seen);
	flags = heap_lock(heap);
	record = record_held(heap, handle);
	if (record) {
		heap->held--;
		record_free(heap, record);
		wake = heap_freed(heap);
	}
	heap_unlock(heap, flags);
	heap_wake(heap, wake);
	quarantine_settle(heap, true);
	heap_trim(heap);
	return false;
}

/* Look through the records of a heap. True when I/O keeps some. */
static bool heap_settle_records(struct memmgr_heap *heap)
{
	bool in_io = false;
	u32 i;

	for (i = 0; READ_ONCE(heap->held) && i < heap->max_records; i++) {
		if (READ_ONCE(heap->records[i].state) == RECORD_HELD)
			in_io |= heap_let_go(heap, heap->records[i].handle);
		cond_resched();
	}
	return in_io;
}

static void heap_settle_work(struct work_struct *work)
{
	struct region *region = container_of(to_delayed_work(work), struct region,
					     settle);
	struct memmgr_heap *heap;
	bool again = false;
	u32 id;

	for (id = 0; (heap = heap_get_next(region, id)); id++) {
		id = heap->id;
		again |= heap_settle_records(heap);
		heap_trim(heap);
		heap_put(heap);
	}
	again |= heap_retire_orphans(region);
	if (again)
		settle_soon(region, SETTLE_INTERVAL);
	/* The references that came with this run; the work lies in the region. */
	region_put(region);
	module_put(THIS_MODULE);
}

void heap_settle_init(struct region *region)
{
	INIT_DELAYED_WORK(&region->settle, heap_settle_work);
}

/* Is anything of the heap's memory the target of I/O? It has no mappings. */
bool heap_in_io(struct memmgr_heap *heap)
{
	u64 bytes = PAGE_ALIGN(heap->bytes);
	u32 n, shift, slab;
	u64 at;

	if (!heap_is(heap, MEMMGR_KIND_SLAB)) {
		for (at = 0; at < bytes; at += IN_IO_STRIDE) {
			if (region_in_io(heap->region, heap->arena + at,
					 min(bytes - at, IN_IO_STRIDE)))
				return true;
			cond_resched();
		}
		return false;
	}
	shift = heap->slabs.layout.shift;
	for (n = 0; n < heap->slabs.layout.max; n++) {
		/* It may just be given back, see heap_trim(). */
		slab = READ_ONCE(heap->slab_at[n]);
		if (slab != SLAB_NONE &&
		    region_in_io(heap->region, heap_slab_place(heap, slab), 1ull << shift))
			return true;
		cond_resched();
	}
	return false;
}

/**
 * heap_export_begin - keep an allocation for a dma-buf
 * @heap: that its handle names
 * @client: who asks
 * @handle: of the allocation
 * @read_only: nobody shall write through the dma-buf
 * @export: the answer
 *
 * Context: process, may reschedule. O(1), and what heap_use() costs.
 * Return: 0, or an error of the ABI's table; after 0 heap_export_end() is due.
 */
int heap_export_begin(struct memmgr_heap *heap, struct client *client, u64 handle,
		      bool read_only, struct heap_export *export)
{
	struct viewer viewer = viewer_of(client);
	struct record *record;
	unsigned long flags;
	int err;

	record = heap_use(heap, &viewer, handle, false, &flags);
	err = PTR_ERR_OR_ZERO(record);
	if (err)
		heap_report_handle(heap, client, handle, err, false);
	if (!err && (!heap_has_pages(heap) || record->shifted))
		err = -EOPNOTSUPP;
	if (!err && !(record->access & MEMMGR_ACCESS_READ))
		err = -EACCES;
	if (!err && record->exports == U16_MAX)
		err = -EBUSY;
	if (!err) {
		record->exports++;
		record->pins++;
		heap->exports++;
		refcount_inc(&heap->users);
		region_get(heap->region);
		*export = (struct heap_export) {
			.heap = heap,
			.handle = handle,
			.place = heap_place(heap, record->offset),
			.bytes = record->map_bytes,
			.writable = !read_only && record->access & MEMMGR_ACCESS_WRITE,
		};
	}
	heap_unlock(heap, flags);
	return err;
}

/**
 * heap_export_end - a dma-buf is gone
 * @export: of it
 *
 * The region may be no more afterwards, if its device was removed.
 *
 * Context: process, may sleep.
 */
void heap_export_end(struct heap_export *export)
{
	struct memmgr_heap *heap = export->heap;
	struct region *region = heap->region;
	struct record *record;
	unsigned long flags;

	flags = heap_lock(heap);
	record = record_of(heap, export->handle);
	record->exports--;
	record->pins--;
	heap->exports--;
	heap_unlock(heap, flags);
	if (heap_let_go(heap, export->handle))
		heap_settle_start(region);
	if (READ_ONCE(heap->orphan))
		settle_soon(region, 0);
	heap_put(heap);
	region_put(region);
}

/**
 * heap_export_use - a device or the kernel begins to use a dma-buf
 * @export: of it
 * @access: MEMMGR_ACCESS_* that it needs
 * @ask: a refusal is no violation: there is another way
 *
 * Context: any. O(1).
 * Return: 0, or -EACCES; after 0 heap_export_unuse() is due.
 */
int heap_export_use(const struct heap_export *export, u32 access, bool ask)
{
	struct memmgr_heap *heap = export->heap;
	u32 denied = export->writable ? 0 : MEMMGR_ACCESS_WRITE;
	struct violation violation;
	struct record *record;
	unsigned long flags;
	int err = 0;

	flags = heap_lock(heap);
	record = record_of(heap, export->handle);
	denied = access & (denied | ~record->access);
	if (denied)
		err = ask ? -EACCES :
			    record_violated(heap, record, 0, denied, &violation);
	record->users += !err;
	record->writers += !err && (access & MEMMGR_ACCESS_WRITE);
	heap_unlock(heap, flags);
	if (err && !ask)
		violation_report(heap, &violation);
	return err;
}

void heap_export_unuse(const struct heap_export *export, u32 access)
{
	struct memmgr_heap *heap = export->heap;
	struct record *record;
	unsigned long flags;

	flags = heap_lock(heap);
	record = record_of(heap, export->handle);
	record->users--;
	record->writers -= !!(access & MEMMGR_ACCESS_WRITE);
	heap_unlock(heap, flags);
}

/* What a mapping of a dma-buf shows, and the page number that it goes by. */
void heap_map_export(const struct heap_export *export, struct mapping *mapping)
{
	struct memmgr_heap *heap = export->heap;
	struct record *record;
	unsigned long flags;

	mapping->kind = MAPPING_EXPORT;
	mapping->region = heap->region;
	mapping->heap = heap->id;
	mapping->serial = heap->serial;
	mapping->handle = export->handle;
	flags = heap_lock(heap);
	record = record_of(heap, export->handle);
	mapping->seq = record->seq;
	/* Pages may be the target of I/O through this mapping as well. */
	record_set_mapped(heap, record);
	mapping->first = record_first_page(record);
	heap_unlock(heap, flags);
}
