// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Finding an allocation by its handle, and waiting while it moves. */

#include "heap/account.h"
#include "heap/heap.h"
#include "heap/moving.h"
#include "heap/record.h"
#include "heap/use.h"

static struct record *use_record(struct memmgr_heap *heap, const struct viewer *viewer,
				 u64 handle, bool alone)
{
	return alone ? record_use_alone(heap, viewer, handle) :
		       record_use(heap, viewer, handle);
}

/**
 * heap_use - find the record that a viewer may use, and lock the heap
 * @heap: the heap that the handle names
 * @viewer: the caller
 * @handle: handle of the allocation
 * @alone: no call may be copying from or to it
 * @flags: set to the flags of the lock
 *
 * A move of the allocation is ended.
 *
 * Context: process, may reschedule. O(1), or a copy of the allocation if it slides.
 * Return: the record, or an error of the ABI's table.
 */
struct record *heap_use(struct memmgr_heap *heap, const struct viewer *viewer,
			u64 handle, bool alone, unsigned long *flags)
	__acquires(&heap->lock)
{
	struct record *record;

	for (;;) {
		*flags = heap_lock(heap);
		record = use_record(heap, viewer, handle, alone);
		if (record == ERR_PTR(-EAGAIN) && move_called_off(heap))
			record = use_record(heap, viewer, handle, alone);
		if (record != ERR_PTR(-EAGAIN))
			return record;
		heap_unlock(heap, *flags);
		heap_help_move(heap, handle, ULONG_MAX);
	}
}

/**
 * heap_lock_unmoved - lock a heap, after ending a move of an allocation
 * @heap: the heap
 * @handle: handle of the allocation, which may be gone
 *
 * Context: process, may reschedule. Cost: as for heap_use().
 * Return: flags for heap_unlock().
 */
unsigned long heap_lock_unmoved(struct memmgr_heap *heap, u64 handle)
	__acquires(&heap->lock)
{
	struct record *record;
	unsigned long flags;

	for (;;) {
		flags = heap_lock(heap);
		record = record_of(heap, handle);
		if (!record || record->state != RECORD_MOVING || move_called_off(heap))
			return flags;
		heap_unlock(heap, flags);
		heap_help_move(heap, handle, ULONG_MAX);
	}
}
