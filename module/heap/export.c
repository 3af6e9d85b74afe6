// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Allocations that are exported as dma-bufs. */

#include "heap/access.h"
#include "heap/account.h"
#include "heap/export.h"
#include "heap/free.h"
#include "heap/heap.h"
#include "heap/lookup.h"
#include "heap/moments.h"
#include "heap/record.h"
#include "heap/use.h"
#include "region/region.h"

/**
 * heap_export_begin - keep an allocation for a dma-buf
 * @heap: the heap that the handle names
 * @client: the caller
 * @handle: handle of the allocation
 * @read_only: nothing may write through the dma-buf
 * @export: the answer
 *
 * Context: process, may reschedule. O(1), and the cost of heap_use().
 * Return: 0, or an error of the ABI's table; after 0 heap_export_end() must follow.
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
		heap_moment(heap, misuse, client, handle, err, false);
	if (!err && (!heap_has_pages(heap) || record_shifted(record)))
		err = -EOPNOTSUPP;
	if (!err && !(record->access & MEMMGR_ACCESS_READ))
		err = -EACCES;
	if (!err && record->exports == U16_MAX)
		err = -EBUSY;
	if (!err) {
		record->exports++;
		record->pins++;
		heap->lasting.exports++;
		refcount_inc(&heap->lasting.users);
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
 * heap_export_end - end the export when the dma-buf is released
 * @export: the export
 *
 * If the region's device was removed, the region may be freed when this returns.
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
	heap->lasting.exports--;
	heap_unlock(heap, flags);
	if (heap_let_go(heap, export->handle))
		held_start(region);
	if (READ_ONCE(heap->lasting.orphan))
		held_soon(region, 0);
	heap_put(heap);
	region_put(region);
}

/**
 * heap_export_use - a device or the kernel begins to use a dma-buf
 * @export: the export
 * @access: MEMMGR_ACCESS_* that it needs
 * @ask: a refusal is no violation, because the caller has another way
 *
 * Context: any. O(1).
 * Return: 0, or -EACCES; after 0 heap_export_unuse() must follow.
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

/* Fill in what a mapping of a dma-buf shows, and the page number under which it is found. */
void heap_map_export(const struct heap_export *export, struct heap_view *view)
{
	struct memmgr_heap *heap = export->heap;
	struct record *record;
	unsigned long flags;

	view->kind = MAPPING_EXPORT;
	view->heap = heap->id;
	view->serial = heap->serial;
	view->handle = export->handle;
	flags = heap_lock(heap);
	record = record_of(heap, export->handle);
	view->seq = record->seq;
	view->populate = record->flags & MEMMGR_ALLOC_POPULATE;
	/* Its pages may become the target of I/O through this mapping too. */
	record->mapped = true;
	view->first = record_first_page(heap, record);
	heap_unlock(heap, flags);
}
