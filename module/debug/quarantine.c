// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Quarantine: freed memory is not reused for a while, so that late writes to it are found,
 * and do no harm.
 *
 * For the engine a block in quarantine is live, but it has no record and no owner. The
 * heap's lock guards the entries. Poison is written and checked without the lock, because
 * that can take long. Meanwhile the entry is FREED_BUSY, and no other code touches it.
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
#include "heap/kinds.h"
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
 * quarantine_keeps - shall a block that is freed now be kept?
 * @heap: any heap
 *
 * A stack has no quarantine, because it can take back only its top block. If all entries
 * are in use, freed blocks go back at once.
 *
 * Context: the heap's lock is held. O(1).
 */
bool quarantine_keeps(const struct memmgr_heap *heap)
{
	struct quarantine *q = heap_debugging(heap)->quarantine;

	heap_assert_locked(heap);
	return heap->debug & (DEBUG_POISON | DEBUG_QUARANTINE) && q && !heap->lasting.dying &&
	       !heap->traits->keeps_order && !freed_is_kept(freed_at(q, q->head));
}

/*
 * Get the next entry; NULL if errors are not looked for, or if all entries are in use. A
 * block that is kept gets one in any case, because the search for errors may have been
 * turned off since that was decided.
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
 * @record: its record
 * @place: its offset in the region
 * @block: its block
 * @kept: it stays live for the engine, see quarantine_keeps()
 *
 * quarantine_tidy() has to follow, without the lock.
 *
 * Context: the heap's lock is held. O(1).
 */
void quarantine_add_record(struct memmgr_heap *heap, const struct record *record, u64 place,
			   const struct engine_block *block, bool kept)
{
	const struct origin *origin = record_origin(heap, record);
	struct freed *freed = freed_new(heap, block, kept);

	heap_assert_locked(heap);
	if (!freed)
		return;
	freed->handle = record->handle;
	freed->place = place;
	freed->bytes = record->bytes;
	freed->alloc_ns = record->time_ns;
	freed->site = record->site;
	freed->pid = origin->pid;
	freed->tid = origin->tid;
	freed->uid = __kuid_val(origin->uid);
	memcpy(freed->comm, origin->comm, sizeof(freed->comm));
	memcpy(freed->tag, origin->tag, sizeof(freed->tag));
}

/**
 * quarantine_add_block - a block of kernel code ends
 * @heap: its heap
 * @was: what is known of it; if time_ns is 0, only place and bytes
 * @block: its block
 * @site: site of the free
 * @kept: as in quarantine_add_record(), as are context and cost
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

/* The memory of an entry went back to the engine. */
static void freed_gone(struct memmgr_heap *heap, struct quarantine *q, struct freed *freed)
{
	heap_assert_locked(heap);
	q->held_blocks--;
	heap->idle--;
	q->held_bytes -= freed->granted;
	freed->state = FREED_GONE;
	while (q->tail != q->head && !freed_is_kept(freed_at(q, q->tail)))
		q->tail++;
}

/* Poison the oldest new entry; false if there is none. Then waiters may get its memory. */
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

/* Poison all new entries. */
static void quarantine_fill_all(struct memmgr_heap *heap, bool may_sleep)
{
	while (quarantine_fill(heap, may_sleep))
		;
}

static bool quarantine_is_over(const struct quarantine *q)
{
	return q->held_blocks > q->max_blocks || q->held_bytes > q->max_bytes;
}

/* The first held entry from a number on, or NULL. */
static struct freed *freed_held(struct quarantine *q, u32 number)
{
	for (; number != q->head; number++)
		if (freed_at(q, number)->state == FREED_HELD)
			return freed_at(q, number);
	return NULL;
}

/*
 * Check the poison of a busy entry. Damage is reported, and repaired so that it is not
 * reported again.
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

/* Give the oldest entry back to the engine; with @over only if a limit is exceeded. */
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
 * quarantine_tidy - poison freed memory, and give back what exceeds the limits
 * @heap: any heap
 * @may_sleep: reschedule now and then
 *
 * Called after a free, without the lock.
 *
 * Context: any; process, if @may_sleep. O(bytes freed, and bytes that go back).
 */
void quarantine_tidy(struct memmgr_heap *heap, bool may_sleep)
{
	if (!debug_is_on() || !READ_ONCE(heap_debugging(heap)->quarantine))
		return;
	quarantine_fill_all(heap, may_sleep);
	while (quarantine_give(heap, true, may_sleep))
		;
}

/* Reasons of a refusal that memory from the quarantine can change. */
#define EVICT_HELPS	(BIT(MEMMGR_REASON_EXHAUSTED) | BIT(MEMMGR_REASON_FRAGMENTED) | \
			 BIT(MEMMGR_REASON_ALIGNMENT) | BIT(MEMMGR_REASON_PINNED) | \
			 BIT(MEMMGR_REASON_LIMIT) | BIT(MEMMGR_REASON_PARENT))

/**
 * quarantine_evict - give the oldest block back, because a request would fail otherwise
 * @heap: the heap that refused it
 * @align: requested alignment
 * @reason: reason of the refusal
 * @may_sleep: reschedule now and then
 *
 * A slab heap gets its memory from heap main. So after its own quarantine main's is used,
 * unless the heap has reached its own limit.
 *
 * Context: any, process if @may_sleep; no heap lock held. O(bytes that go back).
 * Return: false if there is no block, or if none would help.
 */
bool quarantine_evict(struct memmgr_heap *heap, u64 align, u32 reason, bool may_sleep)
{
	struct memmgr_heap *main = rcu_access_pointer(heap->region->heaps[MEMMGR_HEAP_MAIN]);

	if (!debug_is_on() || align > heap->max_align || !(EVICT_HELPS & BIT(reason)))
		return false;
	return quarantine_give(heap, false, may_sleep) ||
	       (heap_grows(heap) && reason != MEMMGR_REASON_LIMIT &&
		quarantine_give(main, false, may_sleep));
}

/* Give everything back. Context: process, may reschedule. */
void quarantine_flush(struct memmgr_heap *heap)
{
	/* Also poison what was freed just before the last feature was turned off. */
	quarantine_fill_all(heap, true);
	while (quarantine_give(heap, false, true))
		cond_resched();
}

/**
 * quarantine_check - check all poison
 * @heap: any heap
 * @offset: set to the offset of the last block that was written to
 *
 * Context: process, may reschedule, no heap lock held. O(bytes in quarantine).
 * Return: number of blocks that were written to.
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

#define STOPS_STEP	256u	/* entries to look at while the lock is held */

/**
 * quarantine_holds - is a block in quarantine?
 * @heap: its heap, locked
 * @block: offset of the block that is being freed
 * @flags: flags of the lock, which is dropped now and then
 *
 * If the block enters the quarantine during this call, it was live before, so it is freed
 * twice at the same time. The engine handles that, as it does without a quarantine.
 *
 * Context: any. O(blocks in quarantine).
 */
bool quarantine_holds(struct memmgr_heap *heap, u64 block, unsigned long *flags)
{
	struct quarantine *q = heap_debugging(heap)->quarantine;
	u32 left = q ? q->head - q->tail : 0, number = q ? q->tail : 0;

	for (; q && left; left--, number++) {
		const struct freed *freed;

		if (!(left % STOPS_STEP)) {
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

#define FIND_MOST	400u	/* last entries to search; all would take too long */

/**
 * quarantine_find - find an ended allocation
 * @heap: its heap
 * @handle: handle that it had, or 0
 * @place: without a handle: its offset in the region
 *
 * Context: the heap's lock is held. O(FIND_MOST).
 * Return: the last such allocation; NULL if none of the last FIND_MOST entries matches.
 */
const struct freed *quarantine_find(const struct memmgr_heap *heap, u64 handle, u64 place)
{
	struct quarantine *q = heap_debugging(heap)->quarantine;
	u32 back;

	heap_assert_locked(heap);
	for (back = 1; q && back <= min(q->slots, FIND_MOST); back++) {
		const struct freed *freed = freed_at(q, q->head - back);

		if (freed->state != FREED_NONE && freed->handle == handle &&
		    (handle || freed->place == place))
			return freed;
	}
	return NULL;
}

/* Give back everything, also entries that other code is checking. No entry may be added. */
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
 * quarantine_set - set the limits of the quarantine
 * @heap: the heap, whose DEBUG_POISON and DEBUG_QUARANTINE are off
 * @d: as in the ABI, checked; if all limits are 0, nothing is kept
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

/* The heap is being destroyed. */
void quarantine_free(struct memmgr_heap *heap)
{
	kvfree(heap_debugging(heap)->quarantine);
}
