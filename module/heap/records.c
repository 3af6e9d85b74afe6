// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The table of a heap's records, in steps of RECORD_STEP. A heap that a client makes has all
 * of its records from the beginning, because the client pays for them. Heap main makes a step
 * when every record is in use, because few boards use all 16,384 that it may have. With
 * realtime=1 main has all of its records from the beginning, too. A step stays until its heap
 * is destroyed.
 */
#include <linux/align.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "core/handle.h"
#include "heap/arena.h"
#include "heap/heap.h"
#include "heap/record.h"
#include "heap/records.h"
#include "heap/shape.h"
#include "region/region.h"

#define STEP_BYTES	(RECORD_STEP * sizeof(struct record))

static u32 record_steps(u32 records)
{
	return DIV_ROUND_UP(records, RECORD_STEP);
}

/* Bytes of the table that lie in the heap's books: pointers, and records made at once. */
u64 records_bytes(const struct heap_shape *plan)
{
	u64 bytes = record_steps(plan->records) * (u64)sizeof(struct record *);

	if (!plan->grows)
		bytes += plan->records * (u64)sizeof(struct record);
	return ALIGN(bytes, sizeof(u64));
}

/*
 * Add a step. Its records are free, in the order of their numbers, and @next follows them;
 * their handles follow all handles ever given out in this slot. O(RECORD_STEP). The heap is
 * locked, or nobody else knows it.
 */
static void records_add(struct memmgr_heap *heap, struct record *step, u32 next)
{
	/* No other heap can take the slot meanwhile. */
	u64 last = heap->region->last_handle[heap->id];
	u32 first = heap->table.made;
	u32 n = min(heap->table.max - first, RECORD_STEP);
	u32 i;

	for (i = 0; i < n; i++) {
		step[i].next = i + 1 < n ? first + i + 1 : next;
		step[i].handle = handle_first(last, heap->id, first + i, heap->table.bits);
	}
	heap->table.steps[first / RECORD_STEP] = step;
	/* Pairs with heap_made_records(): a record that is counted can be found. */
	smp_store_release(&heap->table.made, first + n);
}

/**
 * records_setup - make the record table of a new heap
 * @heap: the heap, which nobody else knows yet
 * @plan: the plan of the heap
 * @at: zeroed memory of records_bytes()
 *
 * Context: process, may sleep. O(records).
 */
void records_setup(struct memmgr_heap *heap, const struct heap_shape *plan, void *at)
{
	u32 steps = record_steps(plan->records);
	u32 i, next;

	heap->table.free = plan->grows ? RECORD_NONE : 0;
	heap->table.apart = plan->grows;
	heap->table.steps = plan->grows ? at : at + plan->records * sizeof(struct record);
	for (i = 0; !plan->grows && i < steps; i++) {
		next = i + 1 < steps ? (i + 1) * RECORD_STEP : RECORD_NONE;
		records_add(heap, at + (size_t)i * STEP_BYTES, next);
		cond_resched();
	}
}

/* Is every record in use, and may there be more? For a caller that drops the lock. */
bool records_wanted(const struct memmgr_heap *heap)
{
	return READ_ONCE(heap->table.free) == RECORD_NONE &&
	       READ_ONCE(heap->table.made) < heap->table.max;
}

/**
 * records_make - make a step of records, if every record is in use
 * @heap: the heap, not locked
 *
 * Context: process, may sleep. Cost: one system allocation of RECORD_STEP records.
 * Return: 0, also if another caller was quicker; -ENOMEM if the system has no memory.
 */
int records_make(struct memmgr_heap *heap)
{
	struct record *step;
	unsigned long flags;

	if (!records_wanted(heap))
		return 0;
	step = kvzalloc(STEP_BYTES, GFP_KERNEL | __GFP_NOWARN);
	if (!step)
		return -ENOMEM;
	flags = heap_lock(heap);
	if (records_wanted(heap)) {
		heap->table.free = heap->table.made;
		records_add(heap, step, RECORD_NONE);
		step = NULL;
	}
	heap_unlock(heap, flags);
	kvfree(step);
	return 0;
}

/* System memory, in bytes, of the steps with memory of their own. Context: any. */
u64 records_cost(const struct memmgr_heap *heap)
{
	if (!heap->table.apart)
		return 0;
	return record_steps(heap_made_records(heap)) * system_bytes(STEP_BYTES);
}

/* Free the steps of a heap that nobody can find any more. */
void records_free(struct memmgr_heap *heap)
{
	u32 i;

	for (i = 0; heap->table.apart && i < record_steps(heap->table.made); i++)
		kvfree(heap->table.steps[i]);
}
