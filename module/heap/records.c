// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The tables of a heap's records and of their origins, in steps of HEAP_STEP. Records describe
 * allocations of programs; blocks of kernel code have none.
 *
 *	a private heap	has all entries from the beginning, because its client pays for them
 *	a shared heap	gets all of them when a program first allocates in it, because many
 *			such heaps serve kernel code alone; that request is the only one that
 *			takes memory of the system
 *	heap main	makes a step when every entry is in use, because few boards use all
 *			16,384 records that it may have
 *
 * With realtime=1 every heap has all entries from the beginning. An entry stays until its heap
 * is destroyed.
 */
#include <linux/align.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "core/handle.h"
#include "heap/arena.h"
#include "heap/heap.h"
#include "heap/kinds.h"
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

/* Bytes of a table: pointers to its steps, and @made entries made at once. */
static u64 table_bytes(u32 records, u32 made, size_t entry)
{
	return ALIGN(step_count(records) * (u64)sizeof(void *) + made * (u64)entry, sizeof(u64));
}

static u64 tables_bytes(u32 records, u32 made)
{
	return table_bytes(records, made, sizeof(struct record)) +
	       table_bytes(records, made, sizeof(struct origin_entry));
}

/* Bytes of both tables that lie in the heap's books. */
u64 records_bytes(const struct heap_shape *plan)
{
	if (plan->late)
		return 0;
	return tables_bytes(plan->records, plan->grows ? 0 : plan->records);
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

/* Make a whole table at @at: the entries, and behind them the pointers to the steps. */
static void table_fill(struct memmgr_heap *heap, struct heap_steps *table, void *at,
		       size_t entry, fill_step *fill)
{
	u32 steps = step_count(heap->table.max);
	u32 i, next;

	table->free = 0;
	table->steps = at + heap->table.max * entry;
	for (i = 0; i < steps; i++) {
		next = i + 1 < steps ? (i + 1) * HEAP_STEP : RECORD_NONE;
		step_add(heap, table, at + i * HEAP_STEP * entry, next, fill);
		cond_resched();
	}
}

/* Make both tables whole in zeroed memory. Nobody uses them yet. */
static void tables_fill(struct memmgr_heap *heap, struct heap_steps *records,
			struct heap_steps *origins, void *at)
{
	u32 max = heap->table.max;

	table_fill(heap, records, at, sizeof(struct record), fill_records);
	table_fill(heap, origins, at + table_bytes(max, max, sizeof(struct record)),
		   sizeof(struct origin_entry), fill_origins);
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
	struct heap_table *table = &heap->table;

	table->apart = plan->grows;
	table->late = plan->late;
	memset(table->hints, 0xff, sizeof(table->hints));
	if (!plan->grows && !plan->late) {
		tables_fill(heap, &table->records, &table->origins, at);
		return;
	}
	table->records.free = RECORD_NONE;
	table->origins.free = RECORD_NONE;
	if (plan->grows) {
		table->records.steps = at;
		table->origins.steps = at + table_bytes(plan->records, 0, sizeof(struct record));
	}
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

/* The other members are there before the number of entries tells anybody to look. */
static void table_show(struct heap_steps *table, const struct heap_steps *filled)
{
	table->steps = filled->steps;
	table->free = filled->free;
	/* Pairs with heap_made_records(). */
	smp_store_release(&table->made, filled->made);
}

/* Make the tables of a shared heap, which a program uses for the first time. */
static int tables_make(struct memmgr_heap *heap)
{
	struct heap_steps records = { 0 }, origins = { 0 };
	u32 max = heap->table.max;
	unsigned long flags;
	void *at;

	if (!step_wanted(heap, &heap->table.records))
		return 0;
	if (heap_open(heap))
		return -ENOMEM;
	at = books_alloc(tables_bytes(max, max), LATE_GFP);
	if (!at)
		return -ENOMEM;
	tables_fill(heap, &records, &origins, at);
	flags = heap_lock(heap);
	if (step_wanted(heap, &heap->table.records)) {
		heap->table.block = at;
		table_show(&heap->table.origins, &origins);
		table_show(&heap->table.records, &records);
		at = NULL;
	}
	heap_unlock(heap, flags);
	kvfree(at);
	return 0;
}

/**
 * records_make - make what lacks of the tables: all of a shared heap, a step of heap main
 * @heap: the heap, not locked
 *
 * Context: process, may sleep. Cost: of heap main two system allocations of HEAP_STEP entries;
 * of a shared heap one of all entries, O(records).
 * Return: 0, also if another caller was quicker; -ENOMEM if the system has no memory.
 */
int records_make(struct memmgr_heap *heap)
{
	int err;

	if (heap->table.late)
		return tables_make(heap);
	err = step_make(heap, &heap->table.records, sizeof(struct record), fill_records);
	return err ? err : step_make(heap, &heap->table.origins, sizeof(struct origin_entry),
				     fill_origins);
}

static u64 table_cost(const struct heap_steps *table, size_t entry)
{
	return step_count(READ_ONCE(table->made)) * system_bytes(HEAP_STEP * entry);
}

/* System memory, in bytes, of the tables that do not lie in the heap's books. Context: any. */
u64 records_cost(const struct memmgr_heap *heap)
{
	u32 made = heap_made_records(heap);

	if (heap->table.late)
		return made ? system_bytes(tables_bytes(made, made)) : 0;
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

/* Free the tables, outside of the books, of a heap that nobody can find any more. */
void records_free(struct memmgr_heap *heap)
{
	kvfree(heap->table.block);
	if (!heap->table.apart)
		return;
	table_free(&heap->table.records);
	table_free(&heap->table.origins);
}
