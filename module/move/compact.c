// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Compaction: takes a picture of a heap, plans moves on it (core/plan.c), carries them out
 * one by one (move/mover.c), and plans again when the heap no longer matches the picture.
 *
 * During a compaction the picture and the moves use system memory: five bytes a granule
 * and twelve a move.
 */
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include "base/trace.h"
#include "core/engine.h"
#include "core/plan.h"
#include "heap/heap.h"
#include "heap/kinds.h"
#include "heap/record.h"
#include "move/compact.h"
#include "move/mover.h"
#include "move/picture.h"
#include "move/slabs.h"
#include "move/state.h"
#include "region/events.h"
#include "region/region.h"

#define COMPACT_PLANS	8u		/* plans, before it gives up against other changes */
#define COMPACT_MOVES	65536u		/* moves of one plan */

static void compact_skip(struct compaction *c, u32 index)
{
	if (c->skips == COMPACT_SKIPS)
		return;
	c->skip[c->skips] = index;
	c->skip_why[c->skips++] = c->pace->stayed;
}

void compaction_free(struct compaction *c)
{
	kvfree(c->plan.cell);
	kvfree(c->plan.move);
	kvfree(c->record);
	kfree(c);
}

/* @slide: size in bytes of the longest block that may slide. */
struct compaction *compaction_alloc(const struct memmgr_heap *heap, bool moves, u64 slide)
{
	struct compaction *c = kzalloc(sizeof(*c), GFP_KERNEL_ACCOUNT);
	u32 granules = heap->grid.granules;
	struct plan *plan;

	if (!c)
		return NULL;
	plan = &c->plan;
	plan->granules = granules;
	plan->lead = heap->grid.lead;
	plan->room = moves ? min(2 * granules, COMPACT_MOVES) : 0;
	plan->slide = slide >> heap->grid.shift;
	plan->pause = compact_pause;
	plan->cell = kvmalloc(granules, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	c->record = kvmalloc_array(granules, sizeof(*c->record),
				   GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (moves)
		plan->move = kvmalloc_array(plan->room, sizeof(*plan->move),
					    GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!plan->cell || !c->record || (moves && !plan->move)) {
		compaction_free(c);
		return NULL;
	}
	return c;
}

/* Granules of the run that a request needs, and its alignment in granules. */
void wanted_run(const struct memmgr_heap *heap, u64 bytes, u64 align, u32 *n, u32 *granule)
{
	u32 shift = heap->grid.shift;

	*n = (bytes + (1u << shift) - 1) >> shift;
	*granule = max_t(u64, align >> shift, 1);
	/* Without a search the engine does not find every run that is long enough. */
	if (*n)
		heap->engine.ops->moves->sure(&heap->engine, n, granule);
}

/* Bytes of the picture that may not move. Blocks without a record are kernel code's. */
void tally_fixed(const struct compaction *c, u32 free, u32 shift, u64 *bytes)
{
	u64 used = c->plan.granules - free;
	u64 known = c->movable;
	u32 why;

	for (why = 0; why < MEMMGR_FIXED_REASONS; why++) {
		bytes[why] = c->fixed[why] << shift;
		known += c->fixed[why];
	}
	if (used > known)
		bytes[MEMMGR_FIXED_KERNEL] += (used - known) << shift;
}

static u32 reason_of(const u64 *fixed, int err)
{
	u32 why;

	if (err == -ENOMEM)
		return MEMMGR_REASON_EXHAUSTED;
	if (err == -ENOSPC)
		return MEMMGR_REASON_FRAGMENTED;
	for (why = 1; why < MEMMGR_FIXED_REASONS; why++)
		if (fixed[why])
			return MEMMGR_REASON_PINNED;
	return MEMMGR_REASON_ALIGNMENT;
}

static int plan_wanted(struct compaction *c, const struct memmgr_heap *heap,
		       const struct memmgr_compact *out)
{
	u32 shift = heap->grid.shift;
	u32 n, align;

	if (out->flags & MEMMGR_COMPACT_RANGE)
		return plan_range(&c->plan, (out->offset - heap->arena) >> shift,
				  out->bytes >> shift);
	wanted_run(heap, out->bytes, out->align, &n, &align);
	if (n)
		return plan_run(&c->plan, n, align);
	plan_all(&c->plan);
	return 0;
}

static u64 largest_in(const struct compaction *c, u32 shift)
{
	struct plan_survey s;

	plan_survey(&c->plan, &s);
	return (u64)s.longest << shift;
}

/* Take a picture and plan on it; errors as plan_run(). @first: also report the heap before. */
static int compact_plan(struct compaction *c, struct memmgr_heap *heap,
			struct memmgr_compact *out, bool first)
{
	u32 shift = heap->grid.shift;
	struct plan_survey s;
	int err;

	heap_show(heap, c);
	plan_survey(&c->plan, &s);
	if (first) {
		tally_fixed(c, s.free, shift, out->stayed);
		out->before = (u64)s.longest << shift;
	}
	out->free = (u64)s.free << shift;
	err = plan_wanted(c, heap, out);
	out->left = c->plan.moved << shift;
	if (first)
		out->least = c->plan.least << shift;
	return err;
}

/* Planning failed with @err: report what is in the way now. */
static int compact_no_plan(const struct compaction *c, const struct memmgr_heap *heap,
			   struct memmgr_compact *out, int err)
{
	u32 shift = heap->grid.shift;

	/* Blocks that were fixed only for a moment are no longer in the way. */
	tally_fixed(c, out->free >> shift, shift, out->stayed);
	out->reason = reason_of(out->stayed, err);
	if (err == -ENOSPC)
		out->stayed[MEMMGR_FIXED_NO_ROOM] = c->plan.least << shift;
	return -ENOMEM;
}

/*
 * Carry the moves out. -EAGAIN: the heap is not as planned; -ENOSPC: this call has
 * reached a limit.
 */
static int compact_carry(struct compaction *c, struct memmgr_heap *heap,
			 struct memmgr_compact *out)
{
	u32 shift = heap->grid.shift;
	u32 i;
	int err;

	c->pace->clock = ktime_get_ns();
	for (i = 0; i < c->plan.moves; i++) {
		const struct plan_move *m = &c->plan.move[i];
		struct heap_route route = {
			.from = (u64)m->from << shift,
			.to = (u64)m->to << shift,
			.bytes = (u64)m->n << shift,
			.seq = c->seq,
			.slide = m->to < m->from && m->to + m->n > m->from,
		};
		u32 index = c->record[m->from];

		err = compact_break(out, c->pace);
		if (err)
			return err;
		err = heap_relocate(heap, index, &route, c->pace, out);
		if (err == -EBUSY)
			compact_skip(c, index);
		if (err)
			return -EAGAIN;
		/* A later move of the plan may move the block again. */
		c->record[m->to] = index;
		out->left -= min(out->left, route.bytes);
	}
	return 0;
}

static int compact_granules(struct memmgr_heap *heap, struct memmgr_compact *out,
			    struct move_pace *pace)
{
	struct compaction *c = compaction_alloc(heap, true, MEMMGR_COMPACT_SLIDE * out->step_bytes);
	u32 shift = heap->grid.shift;
	bool first = true;
	int err = -EAGAIN;
	u32 plans;

	if (!c)
		return -ENOMEM;
	c->pace = pace;
	for (plans = 0; err == -EAGAIN && plans < COMPACT_PLANS; plans++) {
		if (plans && ktime_get_ns() >= pace->end)
			break;
		err = compact_plan(c, heap, out, first);
		if (err && c->torn && plans < COMPACT_PLANS - 1) {
			err = compact_interrupted() ? -EINTR : -EAGAIN;
		} else if (err) {
			err = compact_no_plan(c, heap, out, err);
		} else {
			first = false;
			if (!(out->flags & MEMMGR_COMPACT_DRY_RUN))
				err = compact_carry(c, heap, out);
		}
	}
	out->offset = c->plan.window == PLAN_NONE ? ~0ull :
		      heap->arena + ((u64)c->plan.window << shift);
	if (out->flags & MEMMGR_COMPACT_DRY_RUN) {
		out->moved = c->plan.moved << shift;
		out->moves = c->plan.moves;
		out->left = 0;
	} else if (err || plans > 1) {
		/* The plan's picture is not the heap, so take a new one. */
		heap_show(heap, c);
	}
	out->after = largest_in(c, shift);
	compaction_free(c);
	/* If others change the heap as fast, the completed moves count as success. */
	return err == -EAGAIN || err == -ENOSPC ? 0 : err;
}

/**
 * compact_slices_end - report the bytes that the calls of one owner moved
 * @region: the region
 * @slices: their sum; 0 afterwards
 *
 * Context: process, may sleep. No such call runs, except possibly the caller itself. O(1).
 */
void compact_slices_end(struct region *region, struct compact_slices *slices)
{
	if (slices->moved)
		events_add(region, MEMMGR_EVENT_COMPACTED, slices->moved, 0,
			   slices->largest, __kuid_val(current_euid()));
	slices->moved = 0;
}

static void compact_count(struct memmgr_heap *heap, const struct memmgr_compact *out,
			  struct compact_slices *slices)
{
	struct region *region = heap->region;
	struct compact_total *total = &region->moving->compacted;

	if (out->flags & MEMMGR_COMPACT_DRY_RUN || !out->moves)
		return;
	if (heap->id == MEMMGR_HEAP_MAIN) {
		slices->moved += out->moved;
		slices->largest = out->after;
	}
	total->runs++;
	total->moves += out->moves;
	total->moved += out->moved;
	total->longest_ns = max(total->longest_ns, out->longest_ns);
	trace_memmgr_compact(region->name, heap->name, out->moves, out->moved,
			     out->before, out->after);
}

static int compact_check(const struct memmgr_heap *heap, const struct memmgr_compact *out)
{
	bool range = out->flags & MEMMGR_COMPACT_RANGE;
	u64 granule = heap_is_grid(heap) ? 1u << heap->grid.shift : 1;

	if (!heap_can_move(heap))
		return -EOPNOTSUPP;
	if (!engine_align_ok(out->align) || (range && (!out->bytes || out->align)))
		return -EINVAL;
	if (heap_is(heap, MEMMGR_KIND_SLAB))
		return out->bytes || out->align || range ? -EINVAL : 0;
	if (!range)
		return 0;
	if (out->offset & (granule - 1) || out->bytes & (granule - 1))
		return -EINVAL;
	return out->offset < heap->arena || out->bytes > heap->bytes ||
	       out->offset - heap->arena > heap->bytes - out->bytes ? -ERANGE : 0;
}

/* Refuse requests that can never be served. */
static int compact_refuse(const struct memmgr_heap *heap, struct memmgr_compact *out)
{
	if (out->bytes > heap->bytes)
		out->reason = MEMMGR_REASON_TOO_LARGE;
	else if (out->align > heap->max_align)
		out->reason = MEMMGR_REASON_ALIGNMENT;
	return out->reason ? -ENOMEM : 0;
}

/* Set the limits of this call. A later call does the rest. */
static void compact_limits(const struct memmgr_heap *heap, struct memmgr_compact *out,
			   struct move_pace *pace)
{
	if (!out->step_bytes)
		out->step_bytes = MEMMGR_COMPACT_STEP;
	/* More than the heap has is no more; and MEMMGR_COMPACT_SLIDE times it must be a number. */
	out->step_bytes = min(out->step_bytes, heap->bytes);
	out->step_bytes = max_t(u64, PAGE_SIZE, round_down(out->step_bytes, PAGE_SIZE));
	*pace = (struct move_pace) {
		.step = out->step_bytes,
		.max_bytes = out->max_bytes ? out->max_bytes : 2 * heap->bytes,
		.clock = ktime_get_ns(),
	};
	pace->end = pace->clock + min(out->max_ns ? out->max_ns : MEMMGR_COMPACT_NS,
				      (u64)S64_MAX);
}

/* Wait for other compactions. Returns 0, -EINTR, or -EBUSY if one takes too long. */
static int compact_lock(struct region *region, const struct move_pace *pace)
{
	while (!mutex_trylock(&region->moving->compact_mutex)) {
		if (fatal_signal_pending(current))
			return -EINTR;
		if (ktime_get_ns() >= pace->end)
			return -EBUSY;
		schedule_timeout_uninterruptible(1);
	}
	return 0;
}

/**
 * compact_heap - compact a heap
 * @heap: the heap
 * @out: as in the ABI, flags and capability checked; the answers are filled in
 * @slices: of the owner; ended if nothing is left to be done
 *
 * Context: process, may sleep, long, but bounded by bytes and time: see the ABI. Waits
 * for another compaction of the region.
 * Return: 0 or an error of the ABI's table.
 */
int compact_heap(struct memmgr_heap *heap, struct memmgr_compact *out,
		 struct compact_slices *slices)
{
	struct region *region = heap->region;
	struct move_pace pace;
	int err;

	err = compact_check(heap, out);
	if (!err)
		err = compact_refuse(heap, out);
	if (err)
		return err;
	compact_limits(heap, out, &pace);
	err = compact_lock(region, &pace);
	if (err)
		return err;
	err = heap_compact_begin(heap);
	if (!err) {
		err = heap_is(heap, MEMMGR_KIND_SLAB) ? compact_slab(heap, out, &pace) :
							compact_granules(heap, out, &pace);
		compact_count(heap, out, slices);
		/* A dry run between two slices ends no compaction. */
		if (!out->left && !(out->flags & MEMMGR_COMPACT_DRY_RUN))
			compact_slices_end(region, slices);
		heap_compact_end(heap);
	}
	mutex_unlock(&region->moving->compact_mutex);
	return err;
}

/* The heap in which compaction would help a request that failed, or NULL. */
static struct memmgr_heap *compact_target(const struct memmgr_heap *heap,
					  const struct engine_refusal *why)
{
	struct memmgr_heap *main = rcu_access_pointer(heap->region->heaps[0]);

	if (heap_grows(heap))
		return why->reason == MEMMGR_REASON_PARENT ? main : NULL;
	if (!heap_can_move(heap))
		return NULL;
	return why->reason == MEMMGR_REASON_FRAGMENTED ||
	       why->reason == MEMMGR_REASON_ALIGNMENT ? (struct memmgr_heap *)heap : NULL;
}

/* Was the request refused for a reason that compaction can change? */
bool compact_may_help(const struct memmgr_heap *heap, u64 align,
		      const struct engine_refusal *why)
{
	return align <= heap->max_align && compact_target(heap, why);
}

/**
 * compact_for - make room for a request
 * @heap: the heap that refused it
 * @bytes: requested size
 * @align: requested alignment
 * @why: the reason of the refusal; set to PINNED if compaction fails for that reason
 *
 * Context: process, may sleep, long.
 * Return: 0 if another try is worthwhile.
 */
int compact_for(struct memmgr_heap *heap, u64 bytes, u64 align, struct engine_refusal *why)
{
	struct memmgr_heap *target = compact_target(heap, why);
	struct memmgr_compact c = { .bytes = bytes, .align = align };
	struct compact_slices slices = { 0 };
	int err;

	if (heap_is(heap, MEMMGR_KIND_SLAB)) {
		c.bytes = 1ull << heap->slabs.layout.shift;
		c.align = c.bytes;
	}
	err = compact_heap(target, &c, &slices);
	/* Report the moves even if a signal ended the compaction. */
	compact_slices_end(heap->region, &slices);
	if (err == -ENOMEM && c.reason == MEMMGR_REASON_PINNED && target == heap)
		why->reason = MEMMGR_REASON_PINNED;
	return err;
}
