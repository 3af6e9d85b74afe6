// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Quarantine: memory that was freed is not used again for a while, so that who still
 * writes to it is found out, and does no harm.
 *
 * A block in quarantine is live for the engine, but has no record and no owner. The
 * heap's lock guards the entries; poison is written and looked at without it, as that
 * can take long. Meanwhile the entry is FREED_BUSY, and nobody else touches it.
 */
#include <linux/delay.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include "core/engine.h"
#include "core/guard.h"
#include "debug/debugging.h"
#include "debug/key.h"
#include "debug/pattern.h"
#include "debug/quarantine.h"
#include "debug/reports.h"
#include "debug/track.h"
#include "heap/heap.h"
#include "heap/record.h"
#include "region/region.h"

static struct freed *freed_at(struct quarantine *q, u32 number)
{
	return &q->freed[number & (q->slots - 1)];
}

static struct pattern freed_poison(const struct memmgr_heap *heap, const struct freed *freed)
{
	return (struct pattern) {
		.place = heap_place(heap, freed->block),
		.bytes = freed->granted,
		.kind = GUARD_POISON,
		.key = freed->number,
	};
}

static bool freed_is_kept(const struct freed *freed)
{
	return freed->state != FREED_NONE && freed->state != FREED_GONE;
}

/**
 * quarantine_keeps - is what is freed now kept?
 * @heap: any heap
 *
 * A stack can only take back what is on top. When all entries are in use, what is
 * freed by then goes back at once.
 *
 * Context: the heap's lock is held. O(1).
 */
bool quarantine_keeps(const struct memmgr_heap *heap)
{
	struct quarantine *q = heap_debugging(heap)->quarantine;

	return heap->debug & (DEBUG_POISON | DEBUG_QUARANTINE) && q && !heap->dying &&
	       !heap_is(heap, MEMMGR_KIND_STACK) && !freed_is_kept(freed_at(q, q->head));
}

/*
 * The next entry; NULL when nobody looks for errors, or all are in use. What is kept has
 * one in any case: errors may be looked for no longer since that was decided.
 */
static struct freed *freed_new(struct memmgr_heap *heap, const struct engine_block *block,
			       bool kept)
{
	struct quarantine *q = heap_debugging(heap)->quarantine;
	struct freed *freed;

	if (!q || !(kept || heap->debug & DEBUG_ERRORS) ||
	    freed_is_kept(freed_at(q, q->head)))
		return NULL;
	if (!q->held_blocks) {
		q->tail = q->head;
		q->fill = q->head;
	}
	freed = freed_at(q, q->head);
	*freed = (struct freed) {
		.number = q->head++,
		.state = kept ? FREED_NEW : FREED_GONE,
		.recorded = block->recorded,
		.block = block->offset,
		.granted = block->granted,
		.free_ns = ktime_get_boottime_ns(),
	};
	debug_who(&freed->free_pid, &freed->free_tid, freed->free_comm);
	if (kept) {
		q->held_blocks++;
		heap->idle++;
		q->held_bytes += freed->granted;
	}
	return freed;
}

/**
 * quarantine_add_record - an allocation of a client ends
 * @heap: its heap
 * @record: of it
 * @place: where in the region it lay
 * @block: its block
 * @kept: it stays live for the engine, see quarantine_keeps()
 *
 * quarantine_settle() has to follow, without the lock.
 *
 * Context: the heap's lock is held. O(1).
 */
void quarantine_add_record(struct memmgr_heap *heap, const struct record *record, u64 place,
			   const struct engine_block *block, bool kept)
{
	struct freed *freed = freed_new(heap, block, kept);

	if (!freed)
		return;
	freed->handle = record->handle;
	freed->place = place;
	freed->bytes = record->bytes;
	freed->alloc_ns = record->time_ns;
	freed->site = record->site;
	freed->pid = record->pid;
	freed->tid = record->tid;
	freed->uid = __kuid_val(record->uid);
	memcpy(freed->comm, record->comm, sizeof(freed->comm));
	memcpy(freed->tag, record->tag, sizeof(freed->tag));
}

/**
 * quarantine_add_block - a block of kernel code ends
 * @heap: its heap
 * @was: what is known of it; time_ns is 0: no more than place and bytes
 * @block: its block
 * @site: of the free
 * @kept: as in quarantine_add_record(), also context and cost
 */
void quarantine_add_block(struct memmgr_heap *heap, const struct track_block *was,
			  const struct engine_block *block, u32 site, bool kept)
{
	struct freed *freed = freed_new(heap, block, kept);

	if (!freed)
		return;
	freed->place = was->place;
	freed->bytes = was->bytes;
	freed->free_site = site;
	freed->alloc_ns = was->time_ns;
	freed->site = was->site;
	freed->pid = was->pid;
	freed->tid = was->tid;
	memcpy(freed->comm, was->comm, sizeof(freed->comm));
}

/* Its memory went back. Under the lock. */
static void freed_gone(struct memmgr_heap *heap, struct quarantine *q, struct freed *freed)
{
	q->held_blocks--;
	heap->idle--;
	q->held_bytes -= freed->granted;
	freed->state = FREED_GONE;
	while (q->tail != q->head && !freed_is_kept(freed_at(q, q->tail)))
		q->tail++;
}

/* Poison the oldest new one; false: there is none. Who waits can have it then. */
static bool quarantine_fill(struct memmgr_heap *heap, bool may_sleep)
{
	struct quarantine *q;
	struct freed *freed = NULL;
	struct pattern poison;
	unsigned long flags;
	bool wake, fill;

	flags = heap_lock(heap);
	q = heap_debugging(heap)->quarantine;
	while (q && !freed && q->fill != q->head) {
		freed = freed_at(q, q->fill);
		if (freed->state != FREED_NEW) {
			freed = NULL;
			q->fill++;
		}
	}
	if (!freed) {
		heap_unlock(heap, flags);
		return false;
	}
	q->fill++;
	freed->state = FREED_BUSY;
	poison = freed_poison(heap, freed);
	fill = heap->debug & DEBUG_POISON;
	heap_unlock(heap, flags);
	if (fill)
		pattern_fill(heap->region, &poison, may_sleep);
	flags = heap_lock(heap);
	freed->state = FREED_HELD;
	freed->poisoned = fill;
	wake = heap_freed(heap);
	heap_unlock(heap, flags);
	heap_wake(heap, wake);
	return true;
}

/* Poison all of them. */
static void quarantine_fill_all(struct memmgr_heap *heap, bool may_sleep)
{
	while (quarantine_fill(heap, may_sleep))
		;
}

static bool quarantine_is_over(const struct quarantine *q)
{
	return q->held_blocks > q->max_blocks || q->held_bytes > q->max_bytes;
}

/* The first one that is held, from a number on; NULL: there is none. */
static struct freed *freed_held(struct quarantine *q, u32 number)
{
	for (; number != q->head; number++)
		if (freed_at(q, number)->state == FREED_HELD)
			return freed_at(q, number);
	return NULL;
}

/*
 * Look at the poison of an entry that is busy. Damage is reported, and mended so that
 * it is reported once.
 */
static bool freed_check(struct memmgr_heap *heap, const struct freed *freed, bool may_sleep)
{
	struct memmgr_corruption c = { .kind = MEMMGR_CORRUPTION_FREED };
	struct pattern poison = freed_poison(heap, freed);

	if (!freed->poisoned || !pattern_damaged(heap->region, &poison, &c, may_sleep))
		return false;
	corruption_of_freed(&c, freed);
	if (c.offset < c.place)
		c.distance = c.place - (c.offset + c.damaged);
	else if (c.offset >= c.place + c.bytes)
		c.distance = c.offset - (c.place + c.bytes);
	else
		c.distance = c.offset - c.place;
	corruptions_add(heap, &c);
	pattern_fill(heap->region, &poison, may_sleep);
	return true;
}

/* Give the oldest one back to the engine; @over: if there is more than may be. */
static bool quarantine_give(struct memmgr_heap *heap, bool over, bool may_sleep)
{
	struct engine_block block;
	struct quarantine *q;
	struct freed *freed = NULL;
	unsigned long flags;
	bool wake;

	flags = heap_lock(heap);
	q = heap_debugging(heap)->quarantine;
	if (q && (!over || quarantine_is_over(q)))
		freed = freed_held(q, q->tail);
	if (!freed) {
		heap_unlock(heap, flags);
		return false;
	}
	freed->state = FREED_BUSY;
	heap_unlock(heap, flags);
	freed_check(heap, freed, may_sleep);
	flags = heap_lock(heap);
	heap->engine.ops->free(&heap->engine, freed->block, freed->recorded, &block);
	freed_gone(heap, q, freed);
	wake = heap_freed(heap);
	heap_unlock(heap, flags);
	heap_wake(heap, wake);
	heap_touched(heap);
	return true;
}

/**
 * quarantine_settle - poison what was freed, and give back what is too much
 * @heap: any heap
 * @may_sleep: reschedule now and then
 *
 * After a free, without the lock.
 *
 * Context: any; process, if @may_sleep. O(bytes that were freed, and that go back).
 */
void quarantine_settle(struct memmgr_heap *heap, bool may_sleep)
{
	if (!debug_is_on() || !READ_ONCE(heap_debugging(heap)->quarantine))
		return;
	quarantine_fill_all(heap, may_sleep);
	while (quarantine_give(heap, true, may_sleep))
		;
}

/* Reasons that memory which goes back can change. */
#define EVICT_HELPS	(BIT(MEMMGR_REASON_EXHAUSTED) | BIT(MEMMGR_REASON_FRAGMENTED) | \
			 BIT(MEMMGR_REASON_ALIGNMENT) | BIT(MEMMGR_REASON_PINNED) | \
			 BIT(MEMMGR_REASON_LIMIT) | BIT(MEMMGR_REASON_PARENT))

/**
 * quarantine_evict - give the oldest block back, as a request would fail otherwise
 * @heap: that refused it
 * @align: that was asked for
 * @reason: why
 * @may_sleep: reschedule now and then
 *
 * A slab heap gets its memory from heap main: after its own, what main keeps goes, unless
 * the heap may not have more.
 *
 * Context: any, process if @may_sleep; no heap lock held. O(bytes that go back).
 * Return: false when there is none, or no such block would help.
 */
bool quarantine_evict(struct memmgr_heap *heap, u64 align, u32 reason, bool may_sleep)
{
	struct memmgr_heap *main = rcu_access_pointer(heap->region->heaps[MEMMGR_HEAP_MAIN]);

	if (!debug_is_on() || align > heap->max_align || !(EVICT_HELPS & BIT(reason)))
		return false;
	return quarantine_give(heap, false, may_sleep) ||
	       (heap_is(heap, MEMMGR_KIND_SLAB) && reason != MEMMGR_REASON_LIMIT &&
		quarantine_give(main, false, may_sleep));
}

/* Give everything back. Context: process, may reschedule. */
void quarantine_flush(struct memmgr_heap *heap)
{
	/* Also what was freed just before all search for errors ended. */
	quarantine_fill_all(heap, true);
	while (quarantine_give(heap, false, true))
		cond_resched();
}

/**
 * quarantine_check - look at all poison
 * @heap: any heap
 * @offset: of the last block that was written to
 *
 * Context: process, may reschedule, no heap lock held. O(bytes in quarantine).
 * Return: blocks that were written to.
 */
u32 quarantine_check(struct memmgr_heap *heap, u64 *offset)
{
	struct freed *freed;
	struct quarantine *q;
	unsigned long flags;
	u32 number, found = 0;

	flags = heap_lock(heap);
	q = heap_debugging(heap)->quarantine;
	number = q ? q->tail : 0;
	while (q && (freed = freed_held(q, number))) {
		freed->state = FREED_BUSY;
		heap_unlock(heap, flags);
		if (freed_check(heap, freed, true)) {
			*offset = freed->block;
			found++;
		}
		cond_resched();
		flags = heap_lock(heap);
		freed->state = FREED_HELD;
		number = freed->number + 1;
	}
	heap_unlock(heap, flags);
	return found;
}

#define HOLDS_STEP	256u	/* entries that are looked at with the lock held */

/**
 * quarantine_holds - is a block in quarantine?
 * @heap: its heap, locked
 * @block: that somebody frees
 * @flags: of the lock, which is dropped now and then
 *
 * What comes in meanwhile was live at first, and is freed twice at the same time: the
 * engine sees to that, as it does without a quarantine.
 *
 * Context: any. O(blocks there).
 */
bool quarantine_holds(struct memmgr_heap *heap, u64 block, unsigned long *flags)
{
	struct quarantine *q = heap_debugging(heap)->quarantine;
	u32 left = q ? q->head - q->tail : 0, number = q ? q->tail : 0;

	for (; q && left; left--, number++) {
		const struct freed *freed;

		if (!(left % HOLDS_STEP)) {
			heap_unlock(heap, *flags);
			*flags = heap_lock(heap);
			q = heap_debugging(heap)->quarantine;
		}
		freed = q && number - q->tail < q->head - q->tail ? freed_at(q, number) : NULL;
		if (freed && freed_is_kept(freed) && freed->block == block)
			return true;
	}
	return false;
}

#define FIND_MOST	400u	/* entries, the last ones: all would take too long */

/**
 * quarantine_find - what is known of an allocation that has ended
 * @heap: its heap
 * @handle: that it had, or 0
 * @place: without a handle: where it began, offset in the region
 *
 * Context: the heap's lock is held. O(FIND_MOST).
 * Return: the last one; NULL when none of the last FIND_MOST is it.
 */
const struct freed *quarantine_find(const struct memmgr_heap *heap, u64 handle, u64 place)
{
	struct quarantine *q = heap_debugging(heap)->quarantine;
	u32 back;

	for (back = 1; q && back <= min(q->slots, FIND_MOST); back++) {
		const struct freed *freed = freed_at(q, q->head - back);

		if (freed->state != FREED_NONE && freed->handle == handle &&
		    (handle || freed->place == place))
			return freed;
	}
	return NULL;
}

/* Give back also what others look at just now. Nothing new may come in. */
static void quarantine_empty(struct memmgr_heap *heap)
{
	unsigned long flags;
	u32 left;

	for (;;) {
		quarantine_flush(heap);
		flags = heap_lock(heap);
		left = heap->idle;
		heap_unlock(heap, flags);
		if (!left)
			return;
		usleep_range(100, 1000);
	}
}

/**
 * quarantine_set - how much is kept
 * @heap: whose DEBUG_POISON and DEBUG_QUARANTINE are off
 * @d: as in the ABI, checked; all limits 0: nothing is
 *
 * Context: process, may sleep, heap.features held. O(bytes in quarantine).
 * Return: 0 or -ENOMEM.
 */
int quarantine_set(struct memmgr_heap *heap, const struct memmgr_debug *d)
{
	u32 slots = 2 * roundup_pow_of_two(max(d->quarantine_blocks, QUARANTINE_USUAL));
	struct quarantine *q, *old = NULL;
	unsigned long flags;

	quarantine_empty(heap);
	q = heap_debugging(heap)->quarantine;
	if (!q || q->slots < slots) {
		q = kvzalloc(struct_size(q, freed, slots), GFP_KERNEL);
		if (!q)
			return -ENOMEM;
		q->slots = slots;
	}
	flags = heap_lock(heap);
	if (q != heap_debugging(heap)->quarantine) {
		old = heap_debugging(heap)->quarantine;
		heap->debugging->quarantine = q;
	}
	q->max_blocks = d->quarantine_blocks;
	q->max_bytes = d->quarantine_bytes;
	heap_unlock(heap, flags);
	kvfree(old);
	return 0;
}

/* The heap goes. */
void quarantine_free(struct memmgr_heap *heap)
{
	kvfree(heap_debugging(heap)->quarantine);
}
