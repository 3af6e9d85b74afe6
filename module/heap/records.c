// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The tables of a heap's records and of their origins, in steps of HEAP_STEP. A heap that a
 * client makes has all entries from the beginning, because the client pays for them. Heap main
 * makes a step when every entry is in use, because few boards use all 16,384 records that it
 * may have. With realtime=1 main has all entries from the beginning, too. A step stays until
 * its heap is destroyed.
 */
#include <linux/align.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "core/handle.h"
#include "heap/arena.h"
#include "heap/heap.h"
#include "heap/origins.h"
#include "heap/record.h"
#include "heap/records.h"
#include "heap/shape.h"
#include "region/region.h"

/* A step of origins takes up a power of two, so that the system wastes nothing. */
static_assert(sizeof(struct origin_entry) == 64);

static u32 step_count(u32 entries)
{
	return DIV_ROUND_UP(entries, HEAP_STEP);
}

/* Bytes of a table that lie in the heap's books: pointers, and entries made at once. */
static u64 table_bytes(const struct heap_shape *plan, size_t entry)
{
	u64 bytes = step_count(plan->records) * (u64)sizeof(void *);

	if (!plan->grows)
		bytes += plan->records * (u64)entry;
	return ALIGN(bytes, sizeof(u64));
}

/* Bytes of both tables that lie in the heap's books. */
u64 records_bytes(const struct heap_shape *plan)
{
	return table_bytes(plan, sizeof(struct record)) +
	       table_bytes(plan, sizeof(struct origin_entry));
}

/*
 * The records of a new step are free, in the order of their numbers, and @next follows them;
 * their handles follow all handles ever given out in this slot. O(@n).
 */
static void fill_records(struct memmgr_heap *heap, void *step, u32 first, u32 n, u32 next)
{
	/* No other heap can take the slot meanwhile. */
	u64 last = heap->region->last_handle[heap->id];
	struct record *record = step;
	u32 i;

	for (i = 0; i < n; i++) {
		record[i].next = i + 1 < n ? first + i + 1 : next;
		record[i].handle = handle_first(last, heap->id, first + i, heap->table.bits);
	}
}

/* The same for origins. */
static void fill_origins(struct memmgr_heap *heap, void *step, u32 first, u32 n, u32 next)
{
	struct origin_entry *entry = step;
	u32 i;

	for (i = 0; i < n; i++)
		entry[i].next = i + 1 < n ? first + i + 1 : next;
}

typedef void fill_step(struct memmgr_heap *heap, void *step, u32 first, u32 n, u32 next);

/* Add a step. The heap is locked, or nobody else knows it. O(HEAP_STEP). */
static void step_add(struct memmgr_heap *heap, struct heap_steps *table, void *step, u32 next,
		     fill_step *fill)
{
	u32 first = table->made;
	u32 n = min(heap->table.max - first, HEAP_STEP);

	fill(heap, step, first, n, next);
	table->steps[first / HEAP_STEP] = step;
	/* Pairs with heap_made_records(): an entry that is counted can be found. */
	smp_store_release(&table->made, first + n);
}

static void table_setup(struct memmgr_heap *heap, struct heap_steps *table,
			const struct heap_shape *plan, void *at, size_t entry, fill_step *fill)
{
	u32 steps = step_count(plan->records);
	u32 i, next;

	table->free = plan->grows ? RECORD_NONE : 0;
	table->steps = plan->grows ? at : at + plan->records * entry;
	for (i = 0; !plan->grows && i < steps; i++) {
		next = i + 1 < steps ? (i + 1) * HEAP_STEP : RECORD_NONE;
		step_add(heap, table, at + i * HEAP_STEP * entry, next, fill);
		cond_resched();
	}
}

/**
 * records_setup - make the tables of records and origins of a new heap
 * @heap: the heap, which nobody else knows yet
 * @plan: the plan of the heap
 * @at: zeroed memory of records_bytes()
 *
 * Context: process, may sleep. O(records).
 */
void records_setup(struct memmgr_heap *heap, const struct heap_shape *plan, void *at)
{
	size_t record = sizeof(struct record), origin = sizeof(struct origin_entry);

	heap->table.apart = plan->grows;
	memset(heap->table.hints, 0xff, sizeof(heap->table.hints));
	table_setup(heap, &heap->table.records, plan, at, record, fill_records);
	table_setup(heap, &heap->table.origins, plan, at + table_bytes(plan, record), origin,
		    fill_origins);
}

static bool step_wanted(const struct memmgr_heap *heap, const struct heap_steps *table)
{
	return READ_ONCE(table->free) == RECORD_NONE && READ_ONCE(table->made) < heap->table.max;
}

/* Is every record in use, and may there be more? For a caller that drops the lock. */
bool records_wanted(const struct memmgr_heap *heap)
{
	return step_wanted(heap, &heap->table.records);
}

static int step_make(struct memmgr_heap *heap, struct heap_steps *table, size_t entry,
		     fill_step *fill)
{
	unsigned long flags;
	void *step;

	if (!step_wanted(heap, table))
		return 0;
	step = kvzalloc(HEAP_STEP * entry, GFP_KERNEL | __GFP_NOWARN);
	if (!step)
		return -ENOMEM;
	flags = heap_lock(heap);
	if (step_wanted(heap, table)) {
		table->free = table->made;
		step_add(heap, table, step, RECORD_NONE, fill);
		step = NULL;
	}
	heap_unlock(heap, flags);
	kvfree(step);
	return 0;
}

/**
 * records_make - make a step of each table of which every entry is in use
 * @heap: the heap, not locked
 *
 * Context: process, may sleep. Cost: two system allocations of HEAP_STEP entries.
 * Return: 0, also if another caller was quicker; -ENOMEM if the system has no memory.
 */
int records_make(struct memmgr_heap *heap)
{
	int err = step_make(heap, &heap->table.records, sizeof(struct record), fill_records);

	return err ? err : step_make(heap, &heap->table.origins, sizeof(struct origin_entry),
				     fill_origins);
}

static u64 table_cost(const struct heap_steps *table, size_t entry)
{
	return step_count(READ_ONCE(table->made)) * system_bytes(HEAP_STEP * entry);
}

/* System memory, in bytes, of the steps with memory of their own. Context: any. */
u64 records_cost(const struct memmgr_heap *heap)
{
	if (!heap->table.apart)
		return 0;
	return table_cost(&heap->table.records, sizeof(struct record)) +
	       table_cost(&heap->table.origins, sizeof(struct origin_entry));
}

static void table_free(const struct heap_steps *table)
{
	u32 i;

	for (i = 0; i < step_count(table->made); i++)
		kvfree(table->steps[i]);
}

/* Free the steps of a heap that nobody can find any more. */
void records_free(struct memmgr_heap *heap)
{
	if (!heap->table.apart)
		return;
	table_free(&heap->table.records);
	table_free(&heap->table.origins);
}
