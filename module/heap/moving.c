// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* An allocation on its way: others wait for it, call it off or help it along. */
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/processor.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

#include "core/buddy.h"
#include "heap/heap.h"
#include "heap/moving.h"
#include "heap/record.h"
#include "region/memory.h"
#include "region/region.h"

#define MOVE_PIECE	4096u	/* of a slide, copied with preemption off */

/* The move is over. Under the heap's lock. */
void move_over(struct memmgr_heap *heap)
{
	record_set_state(heap, heap->move.record, RECORD_LIVE);
	heap->move.record = NULL;
}

/*
 * A call wants the allocation that moves. False when it slides: that has to be completed.
 * The mover gives the new place back when it finds out. Under the heap's lock.
 */
bool move_called_off(struct memmgr_heap *heap)
{
	if (heap->move.slides)
		return false;
	move_over(heap);
	return true;
}

/* It is at its new place now. Under the heap's lock; heap_wake() when it says so. */
bool move_arrived(struct memmgr_heap *heap)
{
	struct record *record = heap->move.record;

	record->offset = heap->move.to;
	record->moves++;
	move_over(heap);
	return heap_freed(heap);
}

/* A fault maps the page at @offset of what moves at its old place. Under the lock. */
void heap_move_touched(struct memmgr_heap *heap, unsigned long offset)
{
	struct heap_move *move = &heap->move;

	if (!move->touched_end)
		move->touched = offset;
	move->touched = min(move->touched, offset);
	move->touched_end = max(move->touched_end, offset + PAGE_SIZE);
}

/* The last piece of a slide has arrived. Under the heap's lock. */
static bool slide_arrived(struct memmgr_heap *heap)
{
	u32 shift = heap->buddy.shift;
	u64 to = heap->move.to, bytes = heap->move.record->map_bytes;

	buddy_slid(&heap->buddy, to >> shift, to >> shift, bytes >> shift);
	return move_arrived(heap);
}

/*
 * Copy the next piece of a slide, unless that has come to @upto or another CPU is at it.
 * That one cannot be preempted before it has finished. False: there is no more to do.
 */
static bool slide_piece(struct memmgr_heap *heap, u64 handle, unsigned long upto)
{
	struct heap_move *move = &heap->move;
	bool more, wake = false;
	unsigned long flags, bytes = 0;
	u64 from, to;

	preempt_disable();
	flags = heap_lock(heap);
	more = move->record && move->slides && move->record->handle == handle &&
	       move->done < upto;
	if (more && !move->copying) {
		move->copying = true;
		from = heap->arena + move->record->offset + move->done;
		to = heap->arena + move->to + move->done;
		bytes = min_t(u64, MOVE_PIECE, move->record->map_bytes - move->done);
	}
	heap_unlock(heap, flags);
	if (bytes) {
		region_move(heap->region, to, from, bytes);
		flags = heap_lock(heap);
		move->copying = false;
		move->done += bytes;
		if (move->done == move->record->map_bytes)
			wake = slide_arrived(heap);
		heap_unlock(heap, flags);
	}
	preempt_enable();
	heap_wake(heap, wake);
	cpu_relax();
	return more;
}

/**
 * heap_help_move - complete a slide, or its first part, if there is one
 * @heap: the heap
 * @handle: of the allocation
 * @upto: bytes that have to have arrived
 *
 * Context: process, may reschedule, no locks of ours held. O(@upto), of at most
 * MEMMGR_COMPACT_SLIDE steps of a compaction.
 */
void heap_help_move(struct memmgr_heap *heap, u64 handle, unsigned long upto)
{
	while (slide_piece(heap, handle, upto))
		cond_resched();
}

/**
 * heap_wait_unmapped - wait until no mappings are being taken away for a move
 * @region: of the allocation, which is pinned
 *
 * For who wants it to stay mapped from now on. What the mover began to take away before
 * the pin may be this allocation's, or that of another one that was at its place.
 *
 * Context: process, sleeps for as long as it takes to remove the mappings that there
 * are; a worker of high priority does that.
 * Return: 0, or -EINTR when a fatal signal came.
 */
int heap_wait_unmapped(struct region *region)
{
	unsigned long seen = READ_ONCE(region->unmapping);

	while (seen & 1 && READ_ONCE(region->unmapping) == seen) {
		if (fatal_signal_pending(current))
			return -EINTR;
		schedule_timeout_uninterruptible(1);
	}
	return 0;
}
