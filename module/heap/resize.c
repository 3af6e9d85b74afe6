// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Resizing allocations in place. */
#include <linux/mm.h>

#include "base/trace.h"
#include "core/engine.h"
#include "heap/account.h"
#include "heap/alloc.h"
#include "heap/free.h"
#include "heap/heap.h"
#include "heap/moments.h"
#include "heap/record.h"
#include "heap/resize.h"
#include "heap/rights.h"
#include "heap/stats.h"
#include "heap/use.h"
#include "region/memory.h"
#include "region/region.h"
#include "region/view.h"

/* Bytes of the block behind the allocation if it has @bytes. */
static u32 room_behind(const struct memmgr_heap *heap, const struct record *record, u64 bytes)
{
	u64 end = record_lead(record) + bytes, capacity = heap_capacity(heap);
	u64 left = PAGE_ALIGN(end) - end;

	if (!record_shifted(record))
		return record_tail(record);
	/* A block may end inside a page. */
	return capacity && capacity >= end ? min(left, capacity - end) : left;
}

static int resize_locked(struct memmgr_heap *heap, struct record *record,
			 u64 bytes, struct engine_block *block,
			 struct engine_refusal *why)
{
	/* Let the engine refuse a size beyond the region, before a sum overflows. */
	bool possible = bytes <= heap->region->memory.bytes;
	u32 behind = possible ? room_behind(heap, record, bytes) : 0;
	u64 room = possible ? record_lead(record) + behind : 0;
	struct engine_request rq = { .bytes = bytes + room, .recorded = true };
	struct engine_refusal undone;
	int err;

	err = heap->engine.ops->resize(&heap->engine, record_block(record), &rq, block,
				       why);
	if (err) {
		why->exact &= !(record_lead(record) | record_tail(record));
		room = record_lead(record);
		if (!record_shifted(record))
			room += record_tail(record);
		why->largest -= min(why->largest, room);
		return err;
	}
	if (record_payer(record) && block->granted > record->charge) {
		err = client_charge(record_payer(record), block->granted - record->charge,
				    0, why);
		if (err) {
			/* Cannot fail, because it was that small just before. */
			rq.bytes = record_request(record);
			heap->engine.ops->resize(&heap->engine, record_block(record),
						 &rq, block, &undone);
			return err;
		}
	} else if (record_payer(record)) {
		client_uncharge(record_payer(record), record->charge - block->granted, 0);
	}
	record->charge = block->granted;
	heap_moment(heap, resized, record, bytes - record->bytes);
	record->bytes = bytes;
	record_set_tail(record, behind);
	heap->counts.resizes++;
	return 0;
}

/*
 * Cut a mapped allocation: first make faults unable to map the end, then remove its
 * mappings. After that the engine can get it back.
 */
static int resize_cut(struct memmgr_heap *heap, struct record *record,
		      u64 bytes, unsigned long *flags)
{
	u64 place = record_map_place(heap, record);
	u64 handle = record->handle;
	u64 from = PAGE_ALIGN(record_inset(record) + bytes);
	u64 to = record->map_bytes;
	bool in_io;

	/* Not for a size near 2^64 that overflows, because that size will be refused. */
	if (!record->mapped || bytes >= to || from >= to)
		return 0;
	record_set_state(heap, record, RECORD_CHANGING);
	record->map_bytes = from;
	heap_unlock(heap, *flags);
	record_zap(heap, record, from, to);
	in_io = region_in_io(heap->region, place + from, to - from);
	*flags = heap_lock(heap);
	if (!record_is_still(heap, record, handle, RECORD_CHANGING))
		return -EBADF;
	record_set_state(heap, record, RECORD_LIVE);
	if (in_io) {
		record->map_bytes = to;
		return -EBUSY;
	}
	return 0;
}

/* Clear added memory before any user can see it. */
static int resize_clear(struct memmgr_heap *heap, struct record *record,
			u64 from, const struct engine_block *block,
			unsigned long *flags)
{
	u64 handle = record->handle;
	u64 offset = record->offset;
	u64 end = block->granted - record_lead(record);

	record_set_state(heap, record, RECORD_CHANGING);
	heap_unlock(heap, *flags);
	heap_clear(heap, offset + from, end - from);
	*flags = heap_lock(heap);
	if (!record_is_still(heap, record, handle, RECORD_CHANGING))
		return -EBADF;
	record_set_state(heap, record, RECORD_LIVE);
	return 0;
}

/**
 * heap_resize - change the size of an allocation in place
 * @heap: the heap that the handle names
 * @client: the caller
 * @handle: handle of the allocation
 * @bytes: new size
 * @granted: set to the bytes that it occupies now
 * @why: the reason of -ENOMEM
 *
 * Context: process; may sleep if it was mapped, and may reschedule while it clears added
 * memory. O(levels^2) otherwise.
 * Return: 0 or an error of the ABI's table.
 */
int heap_resize(struct memmgr_heap *heap, struct client *client, u64 handle,
		u64 bytes, u64 *granted, struct engine_refusal *why)
{
	struct viewer viewer = viewer_of(client);
	struct engine_block block;
	struct record *record;
	unsigned long flags;
	bool wake = false;
	u64 before = 0;
	int err, may_grow;

	if (!bytes)
		return -EINVAL;
	may_grow = heap_may_use(heap, client);
	record = heap_use(heap, &viewer, handle, true, &flags);
	err = PTR_ERR_OR_ZERO(record);
	if (err) {
		heap_moment(heap, misuse, client, handle, err, false);
		goto out;
	}
	before = record->bytes;
	if (record->sealed)
		err = -EPERM;
	else if (record->exports || record_pinned_by_others(record, client))
		err = -EBUSY;
	else if (bytes > before)
		err = may_grow ? : heap_fails(heap, client, bytes, why);
	if (!err && !record_zones(heap, record, &flags, false))
		err = -EBADF;
	if (!err)
		err = resize_cut(heap, record, bytes, &flags);
	if (!err)
		err = resize_locked(heap, record, bytes, &block, why);
	if (!err && bytes > before)
		err = resize_clear(heap, record, before, &block, &flags);
	if (!err) {
		record->map_bytes = record_map_bytes(heap, record, &block);
		*granted = record_has_zones(record) ? bytes : block.granted;
		if (!record_zones(heap, record, &flags, true))
			err = -EBADF;
		wake = heap_freed(heap);
		trace_memmgr_resize(heap->region->name, heap->name, handle, before,
				    bytes);
	}
out:
	heap_unlock(heap, flags);
	heap_wake(heap, wake);
	heap_touched(heap);
	if (err == -ENOMEM || err == -EDQUOT)
		heap_failed(heap, bytes, 0, why);
	return err;
}
