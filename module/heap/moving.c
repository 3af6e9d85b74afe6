// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Calls that meet a moving allocation: they wait for the move, end it or help to complete it. */
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/processor.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

#include "core/engine.h"
#include "heap/heap.h"
#include "heap/moving.h"
#include "heap/record.h"
#include "region/memory.h"
#include "region/region.h"

#define MOVE_PIECE	4096u	/* bytes of a slide that are copied with preemption off */

/* End the move. */
void move_over(struct memmgr_heap *heap)
{
	heap_assert_locked(heap);
	record_set_state(heap, heap->move.record, RECORD_LIVE);
	heap->move.record = NULL;
}

/*
 * End the move because a call needs the allocation. Returns false if it slides, because a
 * slide has to be completed. The mover frees the new place when it notices. Under the
 * heap's lock.
 */
bool move_called_off(struct memmgr_heap *heap)
{
	heap_assert_locked(heap);
	if (heap->move.slides)
		return false;
	move_over(heap);
	return true;
}

/* Enter the new place. If this returns true, heap_wake() follows. */
bool move_arrived(struct memmgr_heap *heap)
{
	struct record *record = heap->move.record;

	heap_assert_locked(heap);
	record->offset = heap->move.to;
	record_count(&record->moves);
	move_over(heap);
	return heap_freed(heap);
}

/* Note that a fault maps the page at @offset of the old place. */
void heap_move_touched(struct memmgr_heap *heap, unsigned long offset)
{
	struct heap_move *move = &heap->move;

	heap_assert_locked(heap);
	if (!move->touched_end)
		move->touched = offset;
	move->touched = min(move->touched, offset);
	move->touched_end = max(move->touched_end, offset + PAGE_SIZE);
}

/* Complete a slide whose last piece has arrived. */
static bool slide_arrived(struct memmgr_heap *heap)
{
	u32 shift = heap->grid.shift;
	u64 to = heap->move.to, bytes = heap->move.record->map_bytes;

	heap_assert_locked(heap);
	heap->engine.ops->moves->slid(&heap->engine, to >> shift, to >> shift, bytes >> shift);
	return move_arrived(heap);
}

/*
 * Copy the next piece of a slide, unless the slide has come to @upto or another CPU is
 * copying; that CPU is not preempted before it has finished. Returns false if there is no
 * more to do.
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
 * heap_help_move - complete a slide, or its first part, if the allocation slides
 * @heap: the heap
 * @handle: handle of the allocation
 * @upto: number of bytes that must have arrived
 *
 * Context: process, may reschedule, no locks of memmgr held. O(@upto), which is at most
 * MEMMGR_COMPACT_SLIDE steps of a compaction.
 */
void heap_help_move(struct memmgr_heap *heap, u64 handle, unsigned long upto)
{
	while (slide_piece(heap, handle, upto))
		cond_resched();
}

/**
 * heap_wait_unmapped - wait until no mappings are being removed for a move
 * @region: region of the allocation, which is pinned
 *
 * For a caller that wants the allocation to stay mapped. The mappings that a mover began to
 * remove before the pin may be those of this allocation, or of another one at its place.
 *
 * Context: process, sleeps as long as it takes to remove the existing mappings, which a
 * task of usual or high priority does.
 * Return: 0, or -EINTR if a fatal signal came.
 */
int heap_wait_unmapped(struct region *region)
{
	unsigned long seen = READ_ONCE(region->view.unmapping);

	while (seen & 1 && READ_ONCE(region->view.unmapping) == seen) {
		if (fatal_signal_pending(current))
			return -EINTR;
		schedule_timeout_uninterruptible(1);
	}
	return 0;
}
