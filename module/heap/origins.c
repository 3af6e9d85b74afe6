// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Origins: the makers and tags of a heap's allocations. A program makes many allocations with
 * few tags, so their records share an origin. To look for an equal one costs a single
 * comparison: a hint, chosen by a hash, names the entry to compare with. If it is not equal,
 * the record gets an entry of its own, even if an equal one exists elsewhere. So no program
 * can make others search, and whoever defeats the hints only uses more memory of the heap.
 *
 * Each record in use has one origin, so a heap never needs more origins than records. The
 * table comes from where the records come from: a heap that a client makes has all of its
 * origins from the beginning, as has main with realtime=1. Otherwise main makes a step when
 * every entry is in use. A step stays until its heap is destroyed.
 */
#include <linux/align.h>
#include <linux/hash.h>
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "heap/arena.h"
#include "heap/heap.h"
#include "heap/origins.h"
#include "heap/shape.h"

#define STEP_BYTES	(ORIGIN_STEP * sizeof(struct origin_entry))

/* A step takes up a power of two, so that the system wastes nothing. */
static_assert(sizeof(struct origin_entry) == 64);

static u32 origin_steps(u32 origins)
{
	return DIV_ROUND_UP(origins, ORIGIN_STEP);
}

/* Bytes of the table that lie in the heap's books: pointers, and entries made at once. */
u64 origins_bytes(const struct heap_shape *plan)
{
	u64 bytes = origin_steps(plan->records) * (u64)sizeof(struct origin_entry *);

	if (!plan->grows)
		bytes += plan->records * (u64)sizeof(struct origin_entry);
	return ALIGN(bytes, sizeof(u64));
}

/* Add a step. Its entries are free, and @next follows them. As records_add(). */
static void origins_add(struct memmgr_heap *heap, struct origin_entry *step, u32 next)
{
	struct origins *origins = &heap->origins;
	u32 first = origins->made;
	u32 n = min(heap->table.max - first, ORIGIN_STEP);
	u32 i;

	for (i = 0; i < n; i++)
		step[i].next = i + 1 < n ? first + i + 1 : next;
	origins->steps[first / ORIGIN_STEP] = step;
	/* origins_cost() reads it without the lock. */
	WRITE_ONCE(origins->made, first + n);
}

/**
 * origins_setup - make the table of origins of a new heap
 * @heap: the heap, which nobody else knows yet
 * @plan: the plan of the heap
 * @at: zeroed memory of origins_bytes()
 *
 * Context: process, may sleep. O(records).
 */
void origins_setup(struct memmgr_heap *heap, const struct heap_shape *plan, void *at)
{
	struct origins *origins = &heap->origins;
	u32 steps = origin_steps(plan->records);
	u32 i, next;

	memset(origins->hints, 0xff, sizeof(origins->hints));
	origins->free = plan->grows ? ORIGIN_NONE : 0;
	origins->steps = plan->grows ? at : at + plan->records * sizeof(struct origin_entry);
	for (i = 0; !plan->grows && i < steps; i++) {
		next = i + 1 < steps ? (i + 1) * ORIGIN_STEP : ORIGIN_NONE;
		origins_add(heap, at + (size_t)i * STEP_BYTES, next);
		cond_resched();
	}
}

/* Is every origin in use, and may there be more? For a caller that drops the lock. */
bool origins_wanted(const struct memmgr_heap *heap)
{
	return READ_ONCE(heap->origins.free) == ORIGIN_NONE &&
	       READ_ONCE(heap->origins.made) < heap->table.max;
}

/**
 * origins_make - make a step of origins, if every origin is in use
 * @heap: the heap, not locked
 *
 * Context: process, may sleep. Cost: one system allocation of ORIGIN_STEP entries.
 * Return: 0, also if another caller was quicker; -ENOMEM if the system has no memory.
 */
int origins_make(struct memmgr_heap *heap)
{
	struct origin_entry *step;
	unsigned long flags;

	if (!origins_wanted(heap))
		return 0;
	step = kvzalloc(STEP_BYTES, GFP_KERNEL | __GFP_NOWARN);
	if (!step)
		return -ENOMEM;
	flags = heap_lock(heap);
	if (origins_wanted(heap)) {
		heap->origins.free = heap->origins.made;
		origins_add(heap, step, ORIGIN_NONE);
		step = NULL;
	}
	heap_unlock(heap, flags);
	kvfree(step);
	return 0;
}

/* System memory, in bytes, of the steps with memory of their own. Context: any. */
u64 origins_cost(const struct memmgr_heap *heap)
{
	if (!heap->table.apart)
		return 0;
	return origin_steps(READ_ONCE(heap->origins.made)) * system_bytes(STEP_BYTES);
}

/* Free the steps of a heap that nobody can find any more. */
void origins_free(struct memmgr_heap *heap)
{
	u32 i;

	for (i = 0; heap->table.apart && i < origin_steps(heap->origins.made); i++)
		kvfree(heap->origins.steps[i]);
}

/* Number of records that have an origin. 0: its entry is free, or there is no such entry. */
u32 origin_uses(const struct memmgr_heap *heap, u32 i)
{
	heap_assert_locked(heap);
	return i < heap->origins.made ? origin_entry(heap, i)->uses : 0;
}

/* The free entry behind a free entry. */
u32 origin_next(const struct memmgr_heap *heap, u32 i)
{
	heap_assert_locked(heap);
	return origin_entry(heap, i)->next;
}

static_assert(MEMMGR_TAG_LEN == 8 * sizeof(u32) && IS_ALIGNED(offsetof(struct origin, tag), 4));

/*
 * The hint for an origin. A sum is good enough. Of a tag all bytes count, as many tags differ
 * in the last ones alone. Threads of one program differ in @tid.
 */
static u32 *origin_hint(struct memmgr_heap *heap, const struct origin *origin)
{
	const u32 *tag = (const u32 *)origin->tag;
	u32 sum = origin->tid + tag[0] + tag[1] + tag[2] + tag[3] + tag[4] + tag[5] + tag[6] +
		  tag[7];

	return &heap->origins.hints[hash_32(sum, ilog2(ORIGIN_HINTS))];
}

static bool origin_is(const struct origin_entry *entry, const struct origin *wanted)
{
	return entry->uses && !memcmp(&entry->origin, wanted, sizeof(*wanted));
}

/**
 * origin_take - find or make the origin of a new record
 * @heap: heap of the record, locked; it has a free entry, see origins_wanted()
 * @wanted: the origin
 *
 * Context: any. O(1): one comparison.
 * Return: number of the origin, for origin_put().
 */
u32 origin_take(struct memmgr_heap *heap, const struct origin *wanted)
{
	u32 *hint = origin_hint(heap, wanted);
	struct origin_entry *entry;

	heap_assert_locked(heap);
	if (*hint != ORIGIN_NONE) {
		entry = origin_entry(heap, *hint);
		if (origin_is(entry, wanted)) {
			entry->uses++;
			return *hint;
		}
	}
	*hint = heap->origins.free;
	entry = origin_entry(heap, *hint);
	heap->origins.free = entry->next;
	entry->uses = 1;
	entry->origin = *wanted;
	return *hint;
}

/* A record with this origin ends. */
void origin_put(struct memmgr_heap *heap, u32 i)
{
	struct origin_entry *entry = origin_entry(heap, i);

	heap_assert_locked(heap);
	if (--entry->uses)
		return;
	entry->next = heap->origins.free;
	heap->origins.free = i;
}
