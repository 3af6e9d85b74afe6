// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Marks of stack heaps, and releasing everything above a mark. */
#include <linux/sched.h>

#include "core/engine.h"
#include "core/stack.h"
#include "heap/account.h"
#include "heap/heap.h"
#include "heap/marks.h"
#include "heap/moments.h"
#include "heap/record.h"

/**
 * heap_stack_mark - mark the height of a stack heap
 * @heap: any heap
 * @mark: set to the mark
 *
 * Context: any. O(1).
 * Return: 0, or -EOPNOTSUPP if the heap is no stack.
 */
int heap_stack_mark(struct memmgr_heap *heap, u64 *mark)
{
	unsigned long flags;

	if (!heap_is(heap, MEMMGR_KIND_STACK))
		return -EOPNOTSUPP;
	flags = heap_lock(heap);
	*mark = stack_mark(&heap->stack);
	heap_unlock(heap, flags);
	return 0;
}

#define RECORDS_STEP	512u	/* blocks to look at while the lock is held */

/**
 * heap_stack_has_records - does a user's allocation lie above a height of a stack?
 * @heap: a stack heap, locked
 * @depth: the height, in blocks
 * @flags: flags of the lock, which is dropped now and then
 *
 * An allocation that is made meanwhile lies on top; it is noticed by its number.
 *
 * Context: any. O(blocks above).
 */
bool heap_stack_has_records(struct memmgr_heap *heap, u32 depth, unsigned long *flags)
{
	u64 seq = heap->table.seq;

	for (; depth < heap->stack.count && heap->table.seq == seq; depth++) {
		if (heap->table.record_at[depth] != RECORD_NONE)
			return true;
		if (!(depth % RECORDS_STEP)) {
			heap_unlock(heap, *flags);
			*flags = heap_lock(heap);
		}
	}
	return heap->table.seq != seq;
}

#define RELEASE_LOOK	256u	/* blocks to look at while the lock is held */
#define RELEASE_STEP	8u	/* blocks to release while the lock is held */

/* May the blocks from @depth up to, but without, @end be freed? Abandoned ones always may. */
static int release_check(struct memmgr_heap *heap, const struct viewer *viewer,
			 u32 depth, u32 end)
{
	for (; depth < end; depth++) {
		u32 i = heap->table.record_at[depth];
		struct record *record;

		if (heap->stack.entry[depth].start & STACK_ABANDONED)
			continue;
		if (i == RECORD_NONE)
			return -EBUSY;
		record = heap_record(heap, i);
		if (record_access(heap, record, viewer) || record->busy ||
		    record->pins || record->state != RECORD_LIVE)
			return -EBUSY;
	}
	return 0;
}

/* May everything above a mark be freed? Checked in steps. */
static int release_check_all(struct memmgr_heap *heap, const struct viewer *viewer,
			     u64 mark)
{
	unsigned long flags;
	bool more = true;
	u32 depth, end, d;
	int err;

	for (d = 0; more; d = end) {
		flags = heap_lock(heap);
		err = stack_depth(&heap->stack, mark, &depth);
		d = max(d, err ? 0 : depth);
		end = min(d + RELEASE_LOOK, heap->stack.count);
		if (!err)
			err = release_check(heap, viewer, d, end);
		more = !err && end < heap->stack.count;
		heap_unlock(heap, flags);
		cond_resched();
	}
	return err;
}

/* Remember the release of an allocation in the quarantine's list of ended allocations. */
static void released_note(struct memmgr_heap *heap, const struct record *record)
{
	struct engine_block block = {
		.offset = record_block(record),
		.granted = record->map_bytes,
		.recorded = true,
	};

	heap_moment(heap, ended, record, heap_place(heap, record->offset), &block, false);
}

/*
 * Check the zones of the top block, whose record the client may end. The lock is dropped.
 * Returns false if another block is the top one after that.
 */
static bool release_zones(struct memmgr_heap *heap, unsigned long *flags)
{
	u32 top = heap->stack.count - 1;
	struct record *record = heap_record(heap, heap->table.record_at[top]);
	u64 handle = record->handle;

	return record_zones(heap, record, flags, false) &&
	       heap->stack.count == top + 1 && record_is_still(heap, record, handle, RECORD_LIVE);
}

static bool top_has_zones(const struct memmgr_heap *heap)
{
	u32 i = heap->table.record_at[heap->stack.count - 1];

	return i != RECORD_NONE && record_has_zones(heap_record(heap, i));
}

/* Free the blocks from @depth on, and their records. */
static void release_above(struct memmgr_heap *heap, u32 depth, u32 *released)
{
	struct stack *s = &heap->stack;
	struct record *record;
	u32 d, n;

	heap_assert_locked(heap);
	for (d = depth; d < s->count; d++) {
		if (s->entry[d].start & STACK_ABANDONED)
			continue;
		record = heap_record(heap, heap->table.record_at[d]);
		released_note(heap, record);
		record_release(heap, record);
		++*released;
	}
	stack_release(s, stack_mark_at(s, depth), &n);
}

/* Free some of the top blocks above a mark. */
static int release_step(struct memmgr_heap *heap, const struct viewer *viewer, u64 mark,
			u32 *released, bool *more, unsigned long *flags)
{
	struct stack *s = &heap->stack;
	u32 depth, step;
	int err;

	heap_assert_locked(heap);
	err = stack_depth(s, mark, &depth);
	*more = !err && s->count != depth;
	if (!*more)
		return err;
	step = top_has_zones(heap) ? 1 : RELEASE_STEP;
	if (s->count - depth > step)
		depth = s->count - step;
	err = release_check(heap, viewer, depth, s->count);
	if (err || (top_has_zones(heap) && !release_zones(heap, flags)))
		return err;
	release_above(heap, depth, released);
	*more = depth != (u32)mark;
	return 0;
}

/**
 * heap_stack_release - free everything above a mark
 * @heap: any heap
 * @client: the caller; it must be allowed to free all of it
 * @mark: from heap_stack_mark()
 * @released: set to the number of allocations freed
 *
 * Context: process. O(allocations freed); the lock is dropped between steps. First all
 * allocations are checked, then they are freed.
 * Return: 0, -EOPNOTSUPP, -EINVAL if the stack was below the mark since, or -EBUSY if an
 * allocation above it is not the client's.
 */
int heap_stack_release(struct memmgr_heap *heap, struct client *client, u64 mark,
		       u32 *released)
{
	struct viewer viewer = viewer_of(client);
	unsigned long flags;
	bool wake, more = true;
	int err;

	*released = 0;
	if (!heap_is(heap, MEMMGR_KIND_STACK))
		return -EOPNOTSUPP;
	err = release_check_all(heap, &viewer, mark);
	while (!err && more) {
		flags = heap_lock(heap);
		err = release_step(heap, &viewer, mark, released, &more, &flags);
		wake = heap_freed(heap);
		heap_unlock(heap, flags);
		heap_wake(heap, wake);
		cond_resched();
	}
	return err;
}
