// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * An allocation moves.
 *
 * Its mappings are taken away piece by piece, the piece is copied, and what touches
 * it next finds it at its new place: pointers stay valid. A piece between the two
 * places is behind the *fence*: who touches it waits until it has arrived. Calls
 * that use the allocation wait until all of it has.
 *
 * Memory with struct pages may be the target of I/O, which the kernel begins without
 * asking. There the whole allocation goes behind the fence at once, and is left where
 * it is when I/O holds a page of it. Elsewhere a move that has begun is completed, in
 * steps of at most so many bytes, whatever becomes of those who look on.
 *
 * The heap's lock is held to begin a move, to shift the fence and to end the move,
 * never while anything is copied.
 */
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/timekeeping.h>
#include <linux/wait.h>

#include "compact.h"
#include "heap.h"
#include "hold.h"
#include "trace.h"

/**
 * record_fixed - why an allocation may not be moved
 * @record: with its heap's lock held
 *
 * Context: any. O(1).
 * Return: enum memmgr_fixed; I/O is not looked for.
 */
u32 record_fixed(const struct record *record)
{
	if (record->exports)
		return MEMMGR_FIXED_EXPORTED;
	if (record->state == RECORD_HELD)
		return MEMMGR_FIXED_IO;
	if (record->pins || record_has_zones(record))
		return MEMMGR_FIXED_PINNED;
	if (record->sealed)
		return MEMMGR_FIXED_SEALED;
	if (record->busy || record->state != RECORD_LIVE)
		return MEMMGR_FIXED_BUSY;
	return MEMMGR_FIXED_NONE;
}

/* Can the heap's allocations be moved at all? A private arena is mapped as it lies. */
bool heap_can_move(const struct memmgr_heap *heap)
{
	return !(heap->flags & MEMMGR_HEAP_PRIVATE) &&
	       (heap->kind == MEMMGR_KIND_BUDDY || heap_is(heap, MEMMGR_KIND_SLAB));
}

static bool heap_is_moving(struct memmgr_heap *heap, u64 handle)
{
	struct record *record;
	unsigned long flags;
	bool moving;

	flags = heap_lock(heap);
	record = record_of(heap, handle);
	moving = record && record->state == RECORD_MOVING;
	heap_unlock(heap, flags);
	return moving;
}

/**
 * heap_use - the record that a viewer may use, with the heap locked
 * @heap: that the handle names
 * @viewer: who asks
 * @handle: of the allocation
 * @alone: nobody may copy from or to it
 * @flags: of the lock
 *
 * Waits for a move of the allocation to end.
 *
 * Context: process, may sleep.
 * Return: the record, or an error of the ABI's table; -EINTR only for who is killed.
 */
struct record *heap_use(struct memmgr_heap *heap, const struct viewer *viewer,
			u64 handle, bool alone, unsigned long *flags)
	__acquires(&heap->lock)
{
	struct record *record;
	bool killed = false;

	for (;;) {
		*flags = heap_lock(heap);
		record = alone ? record_use_alone(heap, viewer, handle) :
				 record_use(heap, viewer, handle);
		if (record != ERR_PTR(-EAGAIN))
			return record;
		if (killed)
			return ERR_PTR(-EINTR);
		heap_unlock(heap, *flags);
		killed = wait_event_killable(heap->region->move_wait,
					     !heap_is_moving(heap, handle));
	}
}

/**
 * heap_lock_unmoved - lock a heap while an allocation of it is not on its way
 * @heap: that the handle names
 * @handle: of the allocation, or of one that has ended
 *
 * The same for who cannot be put off. Look and lock are one step: between two of them
 * a move could begin.
 *
 * Context: process, may sleep.
 * Return: for heap_unlock().
 */
unsigned long heap_lock_unmoved(struct memmgr_heap *heap, u64 handle)
	__acquires(&heap->lock)
{
	const struct record *record;
	unsigned long flags;

	for (;;) {
		flags = heap_lock(heap);
		record = record_of(heap, handle);
		if (!record || record->state != RECORD_MOVING)
			return flags;
		heap_unlock(heap, flags);
		wait_event(heap->region->move_wait, !heap_is_moving(heap, handle));
	}
}

/**
 * heap_wait_fence - wait until a page is no longer between two places
 * @heap: it lies in
 * @mapping: that shows it
 * @offset: of the page in the mapping
 *
 * Context: of a fault, no locks of ours held.
 */
void heap_wait_fence(struct memmgr_heap *heap, const struct mapping *mapping, u64 offset)
{
	if (wait_event_killable(heap->region->move_wait,
				!heap_behind_fence(heap, mapping, offset)))
		cond_resched();
}

/**
 * struct mover - a move under way
 * @heap: where
 * @record: of the allocation; stays RECORD_MOVING, so nobody else changes it
 * @handle: of the allocation
 * @from: offset in the heap
 * @to: offset in the heap
 * @bytes: of the block
 * @seq: as in struct heap_route
 * @piece: bytes that go behind the fence in one go
 * @slide: the two places overlap
 * @mapped: somebody may have mapped the piece behind the fence
 * @pace: how large steps are, and when the last one ended
 * @tally: takes what is to be reported
 */
struct mover {
	struct memmgr_heap *heap;
	struct record *record;
	u64 handle;
	u64 from;
	u64 to;
	u64 bytes;
	u64 seq;
	u64 piece;
	bool slide;
	bool mapped;
	struct move_pace *pace;
	struct memmgr_compact *tally;
};

/* The engine's part of the beginning: room at the new place. */
static int mover_reserve(struct mover *m)
{
	struct memmgr_heap *heap = m->heap;
	struct buddy *b = &heap->buddy;
	u32 from, to;

	if (heap_is(heap, MEMMGR_KIND_SLAB))
		return slab_move(&heap->slabs, m->from, &m->to);
	from = m->from >> b->shift;
	to = m->to >> b->shift;
	if (m->slide)
		return buddy_slide(b, from, to);
	return buddy_take_at(b, to, m->bytes >> b->shift, buddy_slack(b, from));
}

/* The block at @gone goes, the other one of the two places stays. */
static void mover_settle(struct mover *m, u64 stays, u64 gone)
{
	struct memmgr_heap *heap = m->heap;
	u32 shift = heap->buddy.shift;
	struct engine_block block;

	if (heap_is(heap, MEMMGR_KIND_SLAB))
		heap->engine.ops->free(&heap->engine, gone, true, &block);
	else if (m->slide)
		buddy_slid(&heap->buddy, m->to >> shift, stays >> shift, m->bytes >> shift);
	else
		buddy_left(&heap->buddy, gone >> shift);
}

static void mover_wake(const struct mover *m)
{
	struct wait_queue_head *wait = &m->heap->region->move_wait;

	if (wq_has_sleeper(wait))
		wake_up_all(wait);
}

/*
 * Reserve the new place, with the first piece behind the fence: who maps it from now
 * on waits there.
 */
static int mover_begin(struct mover *m)
{
	struct memmgr_heap *heap = m->heap;
	struct record *record = m->record;
	unsigned long flags;
	int err = -EAGAIN;
	u32 why;

	flags = heap_lock(heap);
	/*
	 * What the plan saw may have gone since, and another may have come to its place with
	 * the same size, but with an alignment that the plan knows nothing of.
	 */
	if (record->state != RECORD_FREE && record->seq <= m->seq &&
	    record->offset == m->from && record->map_bytes == m->bytes) {
		why = record_fixed(record);
		if (why)
			m->tally->stayed[why] += m->bytes;
		else
			err = mover_reserve(m) ? -EAGAIN : 0;
	}
	if (!err) {
		m->handle = record->handle;
		m->mapped = record->mapped;
		record_set_state(heap, record, RECORD_MOVING);
		heap->move = (struct heap_move) {
			.record = record,
			.to = m->to,
			.fence = m->piece,
		};
	}
	heap_unlock(heap, flags);
	return err;
}

/* A piece has arrived, and the next one goes behind the fence. */
static void mover_next(struct mover *m, u64 bytes)
{
	struct memmgr_heap *heap = m->heap;
	unsigned long flags;

	flags = heap_lock(heap);
	heap->move.done = heap->move.fence;
	heap->move.fence += bytes;
	m->mapped = m->record->mapped;
	heap_unlock(heap, flags);
	mover_wake(m);
}

/* All of it has arrived, or stays where it was. */
static void mover_end(struct mover *m, bool moved)
{
	struct memmgr_heap *heap = m->heap;
	unsigned long flags;
	bool wake;

	flags = heap_lock(heap);
	mover_settle(m, moved ? m->to : m->from, moved ? m->from : m->to);
	if (moved) {
		m->record->offset = m->to;
		m->record->moves++;
	}
	record_set_state(heap, m->record, RECORD_LIVE);
	heap->move.record = NULL;
	wake = heap_freed(heap);
	heap_unlock(heap, flags);
	heap_wake(heap, wake);
	mover_wake(m);
}

static void mover_count_step(struct mover *m, u64 bytes)
{
	u64 now = ktime_get_ns();

	m->tally->steps++;
	m->tally->longest_ns = max(m->tally->longest_ns, now - m->pace->clock);
	m->tally->longest_bytes = max(m->tally->longest_bytes, bytes);
	m->pace->clock = now;
}

static void mover_copy(struct mover *m, u64 at, u64 bytes)
{
	struct memmgr_heap *heap = m->heap;
	u64 to = heap_place(heap, m->to);
	u64 from = heap_place(heap, m->from);
	u64 end = at + bytes;

	for (; at < end; at += m->pace->step) {
		bytes = min(m->pace->step, end - at);
		region_move(heap->region, to + at, from + at, bytes);
		mover_count_step(m, bytes);
		cond_resched();
	}
}

/* The piece behind the fence goes over. -EBUSY: it did not, because I/O holds it. */
static int mover_piece(struct mover *m, u64 at, u64 bytes)
{
	struct region *region = m->heap->region;

	if (m->mapped)
		mapping_zap(region, record_first_page(m->record), at, bytes);
	hold_here(region, HOLD_ZAPPED);
	if (m->mapped && region_in_io(region, heap_place(m->heap, m->from) + at, bytes)) {
		m->tally->stayed[MEMMGR_FIXED_IO] += bytes;
		return -EBUSY;
	}
	mover_copy(m, at, bytes);
	hold_here(region, HOLD_COPIED);
	return 0;
}

/* Only the first piece can fail: where I/O can begin at any time there is no other. */
static int mover_carry(struct mover *m)
{
	u64 at = 0, bytes = m->piece;
	int err;

	for (;;) {
		err = mover_piece(m, at, bytes);
		at += bytes;
		if (err || at == m->bytes)
			return err;
		bytes = min(m->piece, m->bytes - at);
		mover_next(m, bytes);
	}
}

/**
 * heap_move - move an allocation
 * @heap: of kind buddy or slab, whose compaction has begun
 * @index: of its record
 * @route: where from and where to
 * @pace: how large steps are; the clock is read once a step
 * @tally: takes bytes, blocks, steps, and what stayed
 *
 * Context: process, may sleep. Cost: a copy, and the mappings that there are.
 * Return: 0; -EAGAIN when the allocation or its new place is not what the plan saw;
 * -EBUSY when I/O holds it.
 */
int heap_move(struct memmgr_heap *heap, u32 index, const struct heap_route *route,
	      struct move_pace *pace, struct memmgr_compact *tally)
{
	struct mover m = {
		.heap = heap,
		.record = &heap->records[index],
		.from = route->from,
		.to = route->to,
		.bytes = route->bytes,
		.seq = route->seq,
		.piece = heap->region->flags & MEMMGR_REGION_PAGES ?
			 route->bytes : min(route->bytes, pace->step),
		.slide = route->slide,
		.pace = pace,
		.tally = tally,
	};
	int err;

	err = mover_begin(&m);
	if (err)
		return err;
	hold_here(heap->region, HOLD_TAKEN);
	err = mover_carry(&m);
	mover_end(&m, !err);
	if (err)
		return err;
	tally->moves++;
	tally->moved += m.bytes;
	trace_memmgr_move(heap->region->name, heap->name, m.handle,
			  heap_place(heap, m.from), heap_place(heap, m.to), m.bytes);
	hold_here(heap->region, HOLD_SWITCHED);
	return 0;
}

/**
 * heap_compact_begin - keep a heap from being destroyed while it is compacted
 * @heap: the heap
 *
 * Context: process, region.compact_mutex held.
 * Return: 0, or -ENOENT when it is being destroyed already.
 */
int heap_compact_begin(struct memmgr_heap *heap)
{
	unsigned long flags;
	int err = 0;

	flags = heap_lock(heap);
	if (heap->dying)
		err = -ENOENT;
	else
		heap->compacting = true;
	heap_unlock(heap, flags);
	return err;
}

void heap_compact_end(struct memmgr_heap *heap)
{
	unsigned long flags;

	flags = heap_lock(heap);
	heap->compacting = false;
	heap_unlock(heap, flags);
}

#define SHOW_GRANULES	32u	/* to look at with the lock held */
#define SHOW_RECORDS	12u

/* An allocation, as it is copied out from under the lock. */
struct seen {
	u32 index;
	u32 first;
	u32 order;
	u32 fixed;
};

/* The block belongs to a record, as long as the picture has it, whatever it has now. */
static void show_record(struct compaction *c, const struct seen *seen)
{
	u8 *cell = c->plan.cell;
	u32 g = seen->first;

	/* It came or went since its granules were looked at: leave it alone. */
	if (g >= c->plan.granules || !(cell[g] & PLAN_START))
		return;
	if (!seen->fixed) {
		cell[g] = PLAN_USED | PLAN_START | seen->order << PLAN_ALIGN_SHIFT;
		c->record[g] = seen->index;
	}
	for (g++; g < c->plan.granules && cell[g] == (PLAN_USED | PLAN_FIXED); g++)
		if (!seen->fixed)
			cell[g] = PLAN_USED;
	if (seen->fixed)
		c->fixed[seen->fixed] += g - seen->first;
	else
		c->movable += g - seen->first;
}

/* Allocations, frees and resizes of a buddy heap, ever; @seq: of the last with a record. */
static u64 heap_changes(struct memmgr_heap *heap, u64 *seq)
{
	struct engine_books books;
	unsigned long flags;
	u64 changes;

	flags = heap_lock(heap);
	heap->engine.ops->books(&heap->engine, &books);
	changes = 2 * books.allocs - books.live + heap->resizes;
	*seq = heap->seq;
	heap_unlock(heap, flags);
	return changes;
}

static u32 see_records(struct memmgr_heap *heap, u32 from, struct seen *seen, u32 *next)
{
	u32 end = min(from + SHOW_RECORDS, heap->max_records);
	u32 shift = heap->buddy.shift;
	unsigned long flags;
	u32 i, n = 0;

	flags = heap_lock(heap);
	for (i = from; i < end; i++) {
		const struct record *record = &heap->records[i];

		if (record->state == RECORD_FREE)
			continue;
		seen[n++] = (struct seen) {
			.index = i,
			.first = record_block(record) >> shift,
			.order = record->align >> shift ? ilog2(record->align >> shift) : 0,
			.fixed = heap_can_move(heap) ? record_fixed(record) :
						       MEMMGR_FIXED_KERNEL,
		};
	}
	heap_unlock(heap, flags);
	*next = end;
	return n;
}

/**
 * heap_show - take a picture of a buddy heap for a plan
 * @heap: the heap
 * @c: its plan's cells, the records by granule, and the sums are filled in
 *
 * The lock is dropped between steps, so the picture may be of no single moment: it is
 * torn then, and something may look fixed that is not.
 *
 * Context: process, may reschedule. O(granules + records).
 */
void heap_show(struct memmgr_heap *heap, struct compaction *c)
{
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
		buddy_picture(&heap->buddy, g, n, c->plan.cell + g);
		heap_unlock(heap, flags);
		cond_resched();
	}
	hold_here(heap->region, HOLD_SEEN);
	/* Those that come meanwhile look fixed in this picture. */
	left = READ_ONCE(heap->used_records);
	for (i = 0; left && i < heap->max_records; i = next) {
		n = see_records(heap, i, seen, &next);
		left -= min(left, n);
		while (n--) {
			if (compact_skips(c, seen[n].index))
				seen[n].fixed = MEMMGR_FIXED_IO;
			show_record(c, &seen[n]);
		}
		cond_resched();
	}
	c->torn = heap_changes(heap, &unused) != changes;
}

/* Slabs by number: live objects, for the choice of those that shall go. */
void heap_show_slabs(struct memmgr_heap *heap, u16 *live)
{
	unsigned long flags;
	u32 n;

	for (n = 0; n < heap->slabs.layout.max; n++) {
		if (n % SHOW_GRANULES == 0)
			cond_resched();
		flags = heap_lock(heap);
		live[n] = slab_live(&heap->slabs, n);
		heap_unlock(heap, flags);
	}
}

/* Slabs that will stay held when they become empty. */
u32 heap_slabs_kept(struct memmgr_heap *heap)
{
	const struct slabs *s = &heap->slabs;
	unsigned long flags;
	u32 n;

	flags = heap_lock(heap);
	n = s->keep > s->empty ? s->keep - s->empty : 0;
	heap_unlock(heap, flags);
	return n;
}

/* The slab serves last from now on. */
void heap_slab_last(struct memmgr_heap *heap, u32 number)
{
	unsigned long flags;

	flags = heap_lock(heap);
	slab_last(&heap->slabs, number);
	heap_unlock(heap, flags);
}

/**
 * heap_next_in_slab - the next record of an object of a slab
 * @heap: a slab heap
 * @number: of the slab
 * @index: record to begin at; of the one found
 * @route: where it is, and its size
 * @fixed: enum memmgr_fixed
 *
 * Context: process. O(records).
 * Return: false when there are no more.
 */
bool heap_next_in_slab(struct memmgr_heap *heap, u32 number, u32 *index,
		       struct heap_route *route, u32 *fixed)
{
	u32 shift = heap->slabs.layout.shift;
	struct record *record;
	unsigned long flags;
	bool found = false;
	u32 end;

	while (!found && *index < heap->max_records) {
		end = min(*index + SHOW_RECORDS, heap->max_records);
		flags = heap_lock(heap);
		for (; !found && *index < end; ++*index) {
			record = &heap->records[*index];
			found = record->state != RECORD_FREE &&
				record_block(record) >> shift == number;
			if (found)
				break;
		}
		if (found) {
			*fixed = record_fixed(record);
			*route = (struct heap_route) {
				.from = record->offset,
				.bytes = record->map_bytes,
				.seq = record->seq,
			};
		}
		heap_unlock(heap, flags);
	}
	return found;
}
