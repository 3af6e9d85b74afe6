// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The picture of a heap, from which moves are planned. */
#include <linux/sched.h>

#include "core/engine.h"
#include "core/plan.h"
#include "core/slab.h"
#include "heap/heap.h"
#include "heap/record.h"
#include "move/picture.h"
#include "region/stop.h"

#define SHOW_GRANULES	32u	/* granules to read while the lock is held */
#define SHOW_PAUSE	16384u	/* granules of a block to show between two pauses */
#define SHOW_RECORDS	12u

/* Copy of a record, made under the lock. */
struct seen {
	u32 index;
	u32 first;
	u32 order;
	u32 fixed;
};

/* Show the block of a record, with the length it has in the picture, not in the heap. */
static void show_record(struct compaction *c, const struct seen *seen)
{
	u8 *cell = c->plan.cell;
	u32 g = seen->first;

	/* The block came or went since its granules were read: leave it alone. */
	if (g >= c->plan.granules || !(cell[g] & PLAN_START))
		return;
	if (!seen->fixed) {
		cell[g] = PLAN_USED | PLAN_START | seen->order << PLAN_ALIGN_SHIFT;
		c->record[g] = seen->index;
	}
	for (g++; g < c->plan.granules && cell[g] == (PLAN_USED | PLAN_FIXED); g++) {
		if (!seen->fixed)
			cell[g] = PLAN_USED;
		if (!(g % SHOW_PAUSE))
			cond_resched();
	}
	if (seen->fixed)
		c->fixed[seen->fixed] += g - seen->first;
	else
		c->movable += g - seen->first;
}

/* Number of changes of a heap of granules ever; *seq: number of the last recorded allocation. */
static u64 heap_changes(struct memmgr_heap *heap, u64 *seq)
{
	struct engine_books books;
	unsigned long flags;
	u64 changes;

	flags = heap_lock(heap);
	heap->engine.ops->books(&heap->engine, &books);
	changes = 2 * books.allocs - books.live + heap->counts.resizes;
	*seq = heap->table.seq;
	heap_unlock(heap, flags);
	return changes;
}

static u32 see_records(struct memmgr_heap *heap, u32 from, struct seen *seen, u32 *next)
{
	u32 end = min(from + SHOW_RECORDS, heap_made_records(heap));
	u32 shift = heap->grid.shift;
	unsigned long flags;
	u32 i, n = 0;
	u64 align;

	flags = heap_lock(heap);
	for (i = from; i < end; i++) {
		const struct record *record = heap_record(heap, i);

		if (record->state == RECORD_FREE)
			continue;
		align = record_align(record) >> shift;
		seen[n++] = (struct seen) {
			.index = i,
			.first = record_block(record) >> shift,
			.order = align ? ilog2(align) : 0,
			.fixed = heap_can_move(heap) ? record_fixed(record) :
						       MEMMGR_FIXED_KERNEL,
		};
	}
	heap_unlock(heap, flags);
	*next = end;
	return n;
}

/**
 * heap_show - take a picture of a heap of granules for a plan
 * @heap: the heap
 * @c: the plan's cells, the records by granule, and the sums are filled in
 *
 * The lock is dropped between steps. If the heap changes meanwhile, the picture shows no
 * single moment: it is torn, and may show blocks as fixed that are not.
 *
 * Context: process, may reschedule. O(granules + records).
 */
void heap_show(struct memmgr_heap *heap, struct compaction *c)
{
	struct engine *engine = &heap->engine;
	struct seen seen[SHOW_RECORDS];
	unsigned long flags;
	u32 g, i, n, next, left;
	u64 changes = heap_changes(heap, &c->seq);
	u64 unused;

	c->movable = 0;
	memset(c->fixed, 0, sizeof(c->fixed));
	for (g = 0; g < c->plan.granules; g += SHOW_GRANULES) {
		n = min(SHOW_GRANULES, c->plan.granules - g);
		flags = heap_lock(heap);
		engine->ops->moves->picture(engine, g, n, c->plan.cell + g);
		heap_unlock(heap, flags);
		cond_resched();
	}
	stop_here(heap->region, STOP_SEEN);
	/* Records that are added from here on look fixed in this picture. */
	left = READ_ONCE(heap->table.used);
	for (i = 0; left && i < heap_made_records(heap); i = next) {
		n = see_records(heap, i, seen, &next);
		left -= min(left, n);
		while (n--) {
			u32 why = compact_skips(c, seen[n].index);

			if (why)
				seen[n].fixed = why;
			show_record(c, &seen[n]);
		}
		cond_resched();
	}
	c->torn = heap_changes(heap, &unused) != changes;
}

/* Why a record is skipped, or MEMMGR_FIXED_NONE. */
u32 compact_skips(const struct compaction *c, u32 index)
{
	u32 i;

	for (i = 0; i < c->skips; i++)
		if (c->skip[i] == index)
			return c->skip_why[i];
	return MEMMGR_FIXED_NONE;
}
