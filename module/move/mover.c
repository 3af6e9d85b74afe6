// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Moves an allocation: removes its mappings and copies it, so that the next access finds
 * it at its new place. Pointers stay valid.
 *
 * The task that moves it may get no CPU for seconds. So no other task ever waits for it:
 *
 * A *switch* is a move between two places that do not overlap. Until everything has been
 * copied, the allocation is at its old place, and the mover only reads there. A fault
 * maps the old place and notes what it mapped (touched); a call that uses the allocation
 * calls the move off. The mover removes the new mappings, copies those parts again, and
 * after MOVE_TRIES attempts leaves the allocation in place and reports it as busy.
 * Otherwise it gives the record its new place at once, under the heap's lock. A fault or
 * a call never waits.
 *
 * A *slide* is a move between two places that overlap, so that it overwrites the old place.
 * It begins like a switch. When nothing of the allocation is mapped and it has not been
 * touched, the slide is committed. From then on only the parts that have arrived are
 * mapped. The pieces are copied in order, each with preemption off, by the first task that
 * comes: the mover, or a fault or call that needs the piece. Such a task waits at most for
 * one piece of MOVE_PIECE bytes that another CPU is copying. The rest is its own work: it
 * copies the part before its page, at most MEMMGR_COMPACT_SLIDE steps; move/compact.c plans
 * no longer slides.
 *
 * A fault counts itself in the record while it knows a place (heap_map_place() to
 * heap_map_end()). If the mover finds such a fault, it comes back later. So each fault has
 * either mapped its page before the mappings were removed, or has noted it.
 *
 * Memory with struct pages may be the target of I/O, which the kernel begins through
 * mappings without asking. I/O holds a reference to the page. An allocation with such a
 * reference is left in place.
 *
 * The heap's lock is held to begin a move, to look at what was touched, to switch, and to
 * go from piece to piece, but never while anything is copied.
 */
#include <linux/delay.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/timekeeping.h>
#include <linux/workqueue.h>

#include "base/trace.h"
#include "core/engine.h"
#include "core/slab.h"
#include "heap/heap.h"
#include "heap/moving.h"
#include "heap/record.h"
#include "move/compact.h"
#include "move/mover.h"
#include "move/picture.h"
#include "move/state.h"
#include "region/stop.h"
#include "region/memory.h"
#include "region/region.h"
#include "region/view.h"

#define MOVE_TRIES	8u	/* attempts to switch or commit while the memory is in use */

/**
 * struct mover - the mover's state of one move
 * @heap: the heap
 * @record: record of the allocation; the mover may use it only while heap.move names it
 * @handle: handle of the allocation
 * @from: old offset in the heap
 * @to: new offset in the heap
 * @old: old place in the region, valid while it is the allocation's
 * @new: new place in the region
 * @bytes: size of the block
 * @seq: as in struct heap_route
 * @slide: the two places overlap
 * @search: the engine's search for the new place
 * @at: first byte to unmap and copy now
 * @end: first byte behind these
 * @mapped: these bytes may be mapped
 * @page: vm_pgoff of the allocation's first byte
 * @unmapping: work that removes the mappings
 * @off: a call had ended the move when @unmapping began
 * @pace: step size, and time at which the last step ended
 * @tally: sums for the report
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
	struct engine_search search;
	unsigned long at;
	unsigned long end;
	bool mapped;
	unsigned long page;
	struct work_struct unmapping;
	bool off;
	struct move_pace *pace;
	struct memmgr_compact *tally;
};

/*
 * The engine's part of the beginning. Unless the move is a slide, reserve the new place.
 * -EINPROGRESS: one step of the engine's search did not finish.
 */
static int mover_reserve(struct mover *m)
{
	struct memmgr_heap *heap = m->heap;
	struct engine *e = &heap->engine;
	u32 shift = heap->grid.shift;
	int err;

	if (heap_is(heap, MEMMGR_KIND_SLAB))
		return slab_move(&heap->slabs, m->from, &m->to) ? -EAGAIN : 0;
	if (m->slide)
		return 0;
	err = e->ops->moves->take_at(e, m->to >> shift, m->bytes >> shift,
				     e->ops->moves->slack(e, m->from >> shift), &m->search);
	return err == -EAGAIN ? -EINPROGRESS : err ? -EAGAIN : 0;
}

/* Free one of the two places. */
static void mover_give(struct mover *m, u64 gone)
{
	struct memmgr_heap *heap = m->heap;
	struct engine_block block;

	heap_assert_locked(heap);
	if (heap_is(heap, MEMMGR_KIND_SLAB))
		heap->engine.ops->free(&heap->engine, gone, true, &block);
	else
		heap->engine.ops->moves->left(&heap->engine, gone >> heap->grid.shift);
}

/* Take the touched range over, to do it again. All that can be mapped lies in it. */
static void mover_look(struct mover *m)
{
	struct heap_move *move = &m->heap->move;

	m->at = 0;
	m->end = 0;
	/* A fault is about to map a page, so try later. */
	if (m->record->faults)
		return;
	m->at = move->touched;
	m->end = min_t(u64, move->touched_end, m->bytes);
	m->mapped = m->record->mapped;
	m->page = record_first_page(m->heap, m->record);
	move->touched_end = 0;
}

/* Reserve the new place. From now on faults note what they map of the old one. */
static int mover_try_begin(struct mover *m)
{
	struct memmgr_heap *heap = m->heap;
	struct record *record = m->record;
	unsigned long flags;
	int err = -EAGAIN;
	u32 why;

	flags = heap_lock(heap);
	/*
	 * The block that the plan saw may be gone, and another block of the same size may be
	 * in its place, with an alignment that the plan does not know.
	 */
	if (record->state != RECORD_FREE && record->seq <= m->seq &&
	    record->offset == m->from && record->map_bytes == m->bytes) {
		why = record_fixed(record);
		if (why)
			m->tally->stayed[why] += m->bytes;
		else
			err = mover_reserve(m);
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

/* The lock is dropped between the steps of a search. */
static int mover_begin(struct mover *m)
{
	int err;

	while ((err = mover_try_begin(m)) == -EINPROGRESS)
		cond_resched();
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

/* Has a call ended the move? For a slide also: has it arrived? */
static bool mover_is_off(const struct mover *m)
{
	return READ_ONCE(m->heap->move.record) != m->record;
}

/* Copying memory that is no longer the allocation's is harmless: the new place is ours. */
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
	WRITE_ONCE(region->view.unmapping, region->view.unmapping + 1);
}

/*
 * Remove the mappings, unless a call needs them: a lease taken before this was promised
 * that its pages stay mapped. A lease taken later waits (view.unmapping).
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
	stop_here(region, STOP_UNMAPS);
	mapping_unmap(region, m->page, m->at, m->end - m->at);
	count_unmapping(region);
}

/* Does the scheduler put ordinary tasks before this one? */
static bool task_is_put_off(void)
{
	return current->policy == SCHED_IDLE || current->policy == SCHED_BATCH ||
	       task_nice(current) > 0;
}

/*
 * While it unmaps, the kernel holds a lock of the region's mappings that mmap(), munmap()
 * and fork() need, and leases wait too. None of them should wait for a task that gets no
 * CPU, so a worker of high priority unmaps for such a task. Other tasks unmap themselves,
 * because then they copy sooner, before another access. -ENOENT: a call needs the
 * allocation.
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
 * There are references to pages. If no page was mapped again, they are those of I/O:
 * -EBUSY. Otherwise they may be those of mappings: -EAGAIN, and all is done again.
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

/* Unmap and copy the touched range: 0, or as mover_unmap_soon() and mover_held(). */
static int mover_pass(struct mover *m)
{
	struct region *region = m->heap->region;
	int err;

	err = m->mapped ? mover_unmap_soon(m) : 0;
	if (err)
		return err;
	stop_here(region, STOP_ZAPPED);
	if (m->mapped && region_in_io(region, m->old + m->at, m->end - m->at))
		return mover_held(m);
	if (!m->slide) {
		mover_copy(m);
		stop_here(region, STOP_COPIED);
	}
	return 0;
}

/* From here on the old place is overwritten. */
static int slide_commit(struct mover *m)
{
	struct engine *e = &m->heap->engine;
	u32 shift = m->heap->grid.shift;

	heap_assert_locked(m->heap);
	if (e->ops->moves->slide(e, m->from >> shift, m->to >> shift))
		return -ENOENT;
	m->heap->move.slides = true;
	return 0;
}

/*
 * Give the allocation its new place, or commit the slide. -EAGAIN: it was touched
 * meanwhile; -ENOENT: a call has ended the move, or the new place is no longer free.
 */
static int mover_close(struct mover *m)
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

/* Leave the allocation in place; a call may have done so already. */
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

/* Accesses have priority. -EBUSY: the allocation is in use all the time, or I/O holds it. */
static int mover_carry(struct mover *m)
{
	u32 tries;
	int err;

	for (tries = 0; tries < MOVE_TRIES; tries++) {
		err = m->at < m->end ? mover_pass(m) : 0;
		if (!err)
			err = mover_close(m);
		if (err != -EAGAIN)
			return err;
		usleep_range(10, 50);
	}
	return mover_stays(m, MEMMGR_FIXED_BUSY);
}

/* The mover's part of a committed slide: all pieces, unless other tasks help. */
static void mover_slide(struct mover *m)
{
	unsigned long at, bytes;

	for (at = 0; at < m->bytes; at += bytes) {
		bytes = min_t(u64, m->pace->step, m->bytes - at);
		heap_help_move(m->heap, m->handle, at + bytes);
		mover_count_step(m, bytes);
		stop_here(m->heap->region, STOP_COPIED);
	}
}

/**
 * heap_relocate - move an allocation
 * @heap: a heap of granules or a slab heap, for which heap_compact_begin() was called
 * @index: index of its record
 * @route: the two places
 * @pace: step size; the clock is read once a step
 * @tally: adds up bytes, blocks and steps, and what stayed
 *
 * Context: process, may sleep. Cost: one copy, and removing the mappings; again after each
 * access, at most MOVE_TRIES times.
 * Return: 0; -EAGAIN if the allocation or its new place is not as the plan saw it, or a
 * call needs it; -EBUSY if I/O holds it, or it is in use all the time.
 */
int heap_relocate(struct memmgr_heap *heap, u32 index, const struct heap_route *route,
		  struct move_pace *pace, struct memmgr_compact *tally)
{
	struct mover m = {
		.heap = heap,
		.record = heap_record(heap, index),
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
	stop_here(heap->region, STOP_TAKEN);
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
	stop_here(heap->region, STOP_SWITCHED);
	return 0;
}

/**
 * heap_compact_begin - keep a heap from being destroyed while it is compacted
 * @heap: the heap
 *
 * Context: process, move_state.compact_mutex held.
 * Return: 0, or -ENOENT if it is being destroyed already.
 */
int heap_compact_begin(struct memmgr_heap *heap)
{
	unsigned long flags;
	int err = 0;

	lockdep_assert_held(&heap->region->moving->compact_mutex);
	flags = heap_lock(heap);
	if (heap->lasting.dying)
		err = -ENOENT;
	else
		heap->lasting.compacting = true;
	heap_unlock(heap, flags);
	return err;
}

void heap_compact_end(struct memmgr_heap *heap)
{
	unsigned long flags;

	flags = heap_lock(heap);
	heap->lasting.compacting = false;
	heap_unlock(heap, flags);
}

/**
 * heap_see_objects - copy the next records of a slab heap
 * @heap: the heap
 * @from: index to begin at; set to the index to continue at
 * @seen: array for the copies
 * @room: records to look at, at most SHOW_OBJECTS
 *
 * Context: process. O(@room).
 * Return: number of copies; there are more while @from is below heap_made_records().
 */
u32 heap_see_objects(struct memmgr_heap *heap, u32 *from, struct heap_object *seen, u32 room)
{
	u32 shift = heap->slabs.layout.shift;
	u32 end = min(*from + room, heap_made_records(heap));
	unsigned long flags;
	u32 n = 0;

	flags = heap_lock(heap);
	for (; *from < end; ++*from) {
		const struct record *record = heap_record(heap, *from);

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

/* Is it time to stop? */
int compact_break(const struct memmgr_compact *out, const struct move_pace *pace)
{
	if (out->moved >= pace->max_bytes || pace->clock >= pace->end)
		return -ENOSPC;
	return compact_interrupted() ? -EINTR : 0;
}
