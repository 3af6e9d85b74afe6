// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * An allocation moves: its mappings are taken away, it is copied, and what touches it
 * next finds it at its new place. Pointers stay valid.
 *
 * The task that moves it may get no CPU for seconds. So nobody ever waits for that task:
 *
 * A *switch* is for two places that do not overlap. Until all of it has been copied, the
 * allocation is at its old place, and the mover is a guest there. A fault maps the old
 * place and notes what it mapped (touched); a call that uses the allocation calls the
 * move off. The mover takes away what was mapped again, copies that again, and after
 * MOVE_TRIES leaves the allocation where it is and says "busy". Else it gives the record
 * its new place in one go, under the heap's lock. Worst wait of a fault or a call: none.
 *
 * A *slide* is for two places that overlap: as it goes, the old place is overwritten. It
 * begins as a switch does. When nothing of it is mapped and nobody has touched it, it is
 * committed, and from then on nothing of it is mapped but what has arrived. Its pieces
 * are copied in order, each with preemption off, by the task that comes first: the mover,
 * or a fault or call that needs it. Worst wait: for one piece that another CPU copies at
 * that moment, MOVE_PIECE bytes. What else it takes is the fault's own work: a copy of
 * what lies before the page, of at most MEMMGR_COMPACT_SLIDE steps; move/compact.c plans no
 * longer slides.
 *
 * A fault counts itself in the record while it knows a place (heap_map_place() to
 * heap_map_end()). A mover that finds one there comes back later: so each fault has
 * either mapped its page before that was taken away, or has noted it.
 *
 * Memory with struct pages may be the target of I/O, which the kernel begins without
 * asking, through mappings. It has a reference to the page then: such an allocation is
 * left where it is.
 *
 * The heap's lock is held to begin a move, to look what was touched, to switch and to
 * pass from piece to piece, never while anything is copied.
 */
#include <linux/delay.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/timekeeping.h>
#include <linux/workqueue.h>

#include "base/trace.h"
#include "core/buddy.h"
#include "core/engine.h"
#include "core/slab.h"
#include "heap/heap.h"
#include "heap/moving.h"
#include "heap/record.h"
#include "move/compact.h"
#include "move/mover.h"
#include "move/picture.h"
#include "region/hold.h"
#include "region/memory.h"
#include "region/region.h"
#include "region/view.h"

#define MOVE_TRIES	8u	/* to switch or to commit, beside those who touch it */

/**
 * struct mover - a move under way, as its mover sees it
 * @heap: where
 * @record: of the allocation; the mover's only as long as heap.move names it
 * @handle: of the allocation
 * @from: offset in the heap
 * @to: offset in the heap
 * @old: place in the region of the old one, as long as it is the allocation's
 * @new: place in the region of the new one
 * @bytes: of the block
 * @seq: as in struct heap_route
 * @slide: the two places overlap
 * @at: first byte to take away and to copy now
 * @end: behind the last one
 * @mapped: somebody may have mapped these
 * @page: vm_pgoff of the allocation's first byte
 * @unmapping: takes away what is mapped
 * @off: a call had ended the move when that began
 * @pace: how large steps are, and when the last one ended
 * @tally: takes what is to be reported
 */
struct mover {
	struct memmgr_heap *heap;
	struct record *record;
	u64 handle;
	u64 from;
	u64 to;
	u64 old;
	u64 new;
	u64 bytes;
	u64 seq;
	bool slide;
	unsigned long at;
	unsigned long end;
	bool mapped;
	u32 page;
	struct work_struct unmapping;
	bool off;
	struct move_pace *pace;
	struct memmgr_compact *tally;
};

/* The engine's part of the beginning: room at the new place, but for a slide. */
static int mover_reserve(struct mover *m)
{
	struct memmgr_heap *heap = m->heap;
	struct buddy *b = &heap->buddy;
	u32 from;

	if (heap_is(heap, MEMMGR_KIND_SLAB))
		return slab_move(&heap->slabs, m->from, &m->to);
	if (m->slide)
		return 0;
	from = m->from >> b->shift;
	return buddy_take_at(b, m->to >> b->shift, m->bytes >> b->shift,
			     buddy_slack(b, from));
}

/* One of the two places is free again. Under the heap's lock. */
static void mover_give(struct mover *m, u64 gone)
{
	struct memmgr_heap *heap = m->heap;
	struct engine_block block;

	if (heap_is(heap, MEMMGR_KIND_SLAB))
		heap->engine.ops->free(&heap->engine, gone, true, &block);
	else
		buddy_left(&heap->buddy, gone >> heap->buddy.shift);
}

/* Take over what was touched, to do that again: all that can be mapped lies in it. */
static void mover_look(struct mover *m)
{
	struct heap_move *move = &m->heap->move;

	m->at = 0;
	m->end = 0;
	/* A fault is about to map something: later. */
	if (m->record->faults)
		return;
	m->at = move->touched;
	m->end = min_t(u64, move->touched_end, m->bytes);
	m->mapped = m->record->mapped;
	m->page = record_first_page(m->record);
	move->touched_end = 0;
}

/* Reserve the new place; from now on what is mapped of the old one is noted. */
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
		m->old = heap_place(heap, m->from);
		m->new = heap_place(heap, m->to);
		record_set_state(heap, record, RECORD_MOVING);
		heap->move = (struct heap_move) {
			.record = record,
			.to = m->to,
			.touched_end = m->bytes,
		};
		mover_look(m);
	}
	heap_unlock(heap, flags);
	return err;
}

static void mover_count_step(struct mover *m, unsigned long bytes)
{
	u64 now = ktime_get_ns();

	m->tally->steps++;
	m->tally->longest_ns = max(m->tally->longest_ns, now - m->pace->clock);
	m->tally->longest_bytes = max_t(u64, m->tally->longest_bytes, bytes);
	m->pace->clock = now;
}

/* Has a call ended the move? Or, of a slide, has it arrived? */
static bool mover_is_off(const struct mover *m)
{
	return READ_ONCE(m->heap->move.record) != m->record;
}

/* A copy of what is no longer the allocation's does no harm: the new place is ours. */
static void mover_copy(struct mover *m)
{
	unsigned long at, bytes;

	for (at = m->at; at < m->end && !mover_is_off(m); at += bytes) {
		bytes = min_t(u64, m->pace->step, m->end - at);
		region_move(m->heap->region, m->new + at, m->old + at, bytes);
		mover_count_step(m, bytes);
		cond_resched();
	}
}

static int mover_stays(struct mover *m, u32 why)
{
	m->tally->stayed[why] += m->bytes;
	m->pace->stayed = why;
	return -EBUSY;
}

static void count_unmapping(struct region *region)
{
	WRITE_ONCE(region->unmapping, region->unmapping + 1);
}

/*
 * Take away what is mapped, unless a call needs it: a lease that comes before is promised
 * that it stays mapped, and one that comes later waits.
 */
static void mover_unmap(struct work_struct *work)
{
	struct mover *m = container_of(work, struct mover, unmapping);
	struct region *region = m->heap->region;
	unsigned long flags;

	flags = heap_lock(m->heap);
	m->off = mover_is_off(m);
	if (!m->off)
		count_unmapping(region);
	heap_unlock(m->heap, flags);
	if (m->off)
		return;
	hold_here(region, HOLD_UNMAPS);
	mapping_unmap(region, m->page, m->at, m->end - m->at);
	count_unmapping(region);
}

/* Does the scheduler put the task off in favour of ordinary ones? */
static bool task_is_put_off(void)
{
	return current->policy == SCHED_IDLE || current->policy == SCHED_BATCH ||
	       task_nice(current) > 0;
}

/*
 * The kernel holds a lock of the region's mappings meanwhile, which mmap(), munmap() and
 * fork() need, and leases wait for us: they shall not wait for a task that gets no CPU. A
 * worker of high priority does it for such a one. Others do it themselves: they are more
 * likely to have copied what they took away before somebody touches it again. -ENOENT: a
 * call needs the allocation.
 */
static int mover_unmap_soon(struct mover *m)
{
	INIT_WORK_ONSTACK(&m->unmapping, mover_unmap);
	if (task_is_put_off())
		mapping_run_soon(&m->unmapping);
	else
		mover_unmap(&m->unmapping);
	destroy_work_on_stack(&m->unmapping);
	return m->off ? -ENOENT : 0;
}

/*
 * There are references to pages. Whose, is known only when nobody has mapped one again:
 * -EBUSY: that of I/O; -EAGAIN: somebody has, and all is done again.
 */
static int mover_held(struct mover *m)
{
	struct heap_move *move = &m->heap->move;
	unsigned long flags;
	int err = -EAGAIN;

	flags = heap_lock(m->heap);
	if (mover_is_off(m)) {
		err = -ENOENT;
	} else if (!m->record->faults && !move->touched_end) {
		err = mover_stays(m, MEMMGR_FIXED_IO);
	} else {
		move->touched = move->touched_end ? min(move->touched, m->at) : m->at;
		move->touched_end = max(move->touched_end, m->end);
		mover_look(m);
	}
	heap_unlock(m->heap, flags);
	return err;
}

/* What was touched goes over: 0, or as mover_unmap_soon() and mover_held(). */
static int mover_pass(struct mover *m)
{
	struct region *region = m->heap->region;
	int err;

	err = m->mapped ? mover_unmap_soon(m) : 0;
	if (err)
		return err;
	hold_here(region, HOLD_ZAPPED);
	if (m->mapped && region_in_io(region, m->old + m->at, m->end - m->at))
		return mover_held(m);
	if (!m->slide) {
		mover_copy(m);
		hold_here(region, HOLD_COPIED);
	}
	return 0;
}

/* From here on the old place is overwritten. Under the heap's lock. */
static int slide_commit(struct mover *m)
{
	struct buddy *b = &m->heap->buddy;

	if (buddy_slide(b, m->from >> b->shift, m->to >> b->shift))
		return -ENOENT;
	m->heap->move.slides = true;
	return 0;
}

/*
 * The allocation has its new place, or slides there for good. -EAGAIN: it was touched
 * meanwhile; -ENOENT: a call has ended the move, or the new place has gone.
 */
static int mover_settle(struct mover *m)
{
	struct memmgr_heap *heap = m->heap;
	unsigned long flags;
	bool wake = false;
	int err = 0;

	flags = heap_lock(heap);
	if (mover_is_off(m)) {
		err = -ENOENT;
	} else if (m->record->faults || heap->move.touched_end) {
		mover_look(m);
		err = -EAGAIN;
	} else if (m->slide) {
		err = slide_commit(m);
	} else {
		mover_give(m, m->from);
		wake = move_arrived(heap);
	}
	heap_unlock(heap, flags);
	heap_wake(heap, wake);
	return err;
}

/* It stays where it is; a call may have seen to that already. */
static void mover_leave(struct mover *m)
{
	struct memmgr_heap *heap = m->heap;
	unsigned long flags;
	bool wake;

	flags = heap_lock(heap);
	if (!mover_is_off(m))
		move_over(heap);
	if (!m->slide)
		mover_give(m, m->to);
	wake = heap_freed(heap);
	heap_unlock(heap, flags);
	heap_wake(heap, wake);
}

/* Those who touch it go first. -EBUSY: they do so all the time, or I/O does. */
static int mover_carry(struct mover *m)
{
	u32 tries;
	int err;

	for (tries = 0; tries < MOVE_TRIES; tries++) {
		err = m->at < m->end ? mover_pass(m) : 0;
		if (!err)
			err = mover_settle(m);
		if (err != -EAGAIN)
			return err;
		usleep_range(10, 50);
	}
	return mover_stays(m, MEMMGR_FIXED_BUSY);
}

/* The mover's part of a slide that is committed: all of it, unless others help. */
static void mover_slide(struct mover *m)
{
	unsigned long at, bytes;

	for (at = 0; at < m->bytes; at += bytes) {
		bytes = min_t(u64, m->pace->step, m->bytes - at);
		heap_help_move(m->heap, m->handle, at + bytes);
		mover_count_step(m, bytes);
		hold_here(m->heap->region, HOLD_COPIED);
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
 * Context: process, may sleep. Cost: a copy, and the mappings that there are; as often
 * as others touch it, MOVE_TRIES times at most.
 * Return: 0; -EAGAIN when the allocation or its new place is not what the plan saw, or a
 * call needs it; -EBUSY when I/O holds it, or it is touched all the time.
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
	if (err) {
		mover_leave(&m);
		return err == -ENOENT ? -EAGAIN : err;
	}
	if (m.slide)
		mover_slide(&m);
	tally->moves++;
	tally->moved += m.bytes;
	trace_memmgr_move(heap->region->name, heap->name, m.handle, m.old, m.new, m.bytes);
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

/**
 * heap_see_objects - the next records of a slab heap
 * @heap: the heap
 * @from: index to begin at, and to go on at
 * @seen: they are copied to
 * @room: of that; SHOW_OBJECTS at most
 *
 * Context: process. O(@room).
 * Return: how many there are; there are more while @from is below heap.max_records.
 */
u32 heap_see_objects(struct memmgr_heap *heap, u32 *from, struct heap_object *seen, u32 room)
{
	u32 shift = heap->slabs.layout.shift;
	u32 end = min(*from + room, heap->max_records);
	unsigned long flags;
	u32 n = 0;

	flags = heap_lock(heap);
	for (; *from < end; ++*from) {
		const struct record *record = &heap->records[*from];

		if (record->state != RECORD_FREE)
			seen[n++] = (struct heap_object) {
				.index = *from,
				.slab = record_block(record) >> shift,
				.offset = record->offset,
				.bytes = record->map_bytes,
				.seq = record->seq,
				.fixed = record_fixed(record),
			};
	}
	heap_unlock(heap, flags);
	return n;
}

void compact_pause(void)
{
	cond_resched();
}

bool compact_interrupted(void)
{
	return !(current->flags & PF_WQ_WORKER) && signal_pending(current);
}

/* Is it time to stop? Not before something was done. */
int compact_break(const struct memmgr_compact *out, const struct move_pace *pace)
{
	if (out->moved >= pace->max_bytes || pace->clock >= pace->end)
		return -ENOSPC;
	return compact_interrupted() ? -EINTR : 0;
}
