// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Compaction: take a picture of a heap, plan on it (core/plan.c), carry the moves out
 * one by one (heap_move.c), and plan anew when the heap is no longer as the picture
 * shows it.
 *
 * The picture and the moves are memory of the system's, for as long as it lasts: five
 * bytes a granule and twelve a move.
 */
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include "compact.h"
#include "events.h"
#include "heap.h"
#include "region.h"
#include "trace.h"

#define COMPACT_PLANS	8u		/* before others that change the heap are given way */
#define COMPACT_MOVES	65536u		/* of one plan */

static void compact_pause(void)
{
	cond_resched();
}

bool compact_skips(const struct compaction *c, u32 index)
{
	u32 i;

	for (i = 0; i < c->skips; i++)
		if (c->skip[i] == index)
			return true;
	return false;
}

static void compaction_free(struct compaction *c)
{
	kvfree(c->plan.cell);
	kvfree(c->plan.move);
	kvfree(c->record);
	kfree(c);
}

static struct compaction *compaction_alloc(const struct memmgr_heap *heap, bool moves)
{
	struct compaction *c = kzalloc(sizeof(*c), GFP_KERNEL_ACCOUNT);
	u32 granules = heap->buddy.granules;
	struct plan *plan;

	if (!c)
		return NULL;
	plan = &c->plan;
	plan->granules = granules;
	plan->lead = heap->buddy.lead;
	plan->room = moves ? min(2 * granules, COMPACT_MOVES) : 0;
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

/* Granules that have to be free for a request, and where they have to begin. */
static void wanted_run(const struct memmgr_heap *heap, u64 bytes, u64 align, u32 *n,
		       u32 *granule)
{
	u32 shift = heap->buddy.shift;

	*n = (bytes + (1u << shift) - 1) >> shift;
	*granule = max_t(u64, align >> shift, 1);
	/* Without the slow path only aligned blocks are found. */
	if (heap->flags & MEMMGR_HEAP_NO_JOIN && *n) {
		*n = roundup_pow_of_two(*n);
		*granule = max(*granule, *n);
	}
}

/* What of the picture may not move; blocks without a record are the kernel's. */
static void tally_fixed(const struct compaction *c, u32 free, u32 shift, u64 *bytes)
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
	u32 shift = heap->buddy.shift;
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

/* Picture and plan: as plan_run(). What was there is remembered of a run's first one. */
static int compact_plan(struct compaction *c, struct memmgr_heap *heap,
			struct memmgr_compact *out, bool first)
{
	u32 shift = heap->buddy.shift;
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

/* There is no plan, by compact_plan(): say what is in the way now. */
static int compact_no_plan(const struct compaction *c, const struct memmgr_heap *heap,
			   struct memmgr_compact *out, int err)
{
	u32 shift = heap->buddy.shift;

	/* What was fixed only for a moment is not in the way any more. */
	tally_fixed(c, out->free >> shift, shift, out->stayed);
	out->reason = reason_of(out->stayed, err);
	if (err == -ENOSPC)
		out->stayed[MEMMGR_FIXED_NO_ROOM] = c->plan.least << shift;
	return -ENOMEM;
}

static bool compact_interrupted(void)
{
	return !(current->flags & PF_WQ_WORKER) && signal_pending(current);
}

/* Is it time to stop? Not before something was done. */
static int compact_break(const struct memmgr_compact *out)
{
	if (out->max_bytes && out->moved >= out->max_bytes)
		return -ENOSPC;
	return compact_interrupted() ? -EINTR : 0;
}

/*
 * Carry the moves out. -EAGAIN: the heap is not as planned; -ENOSPC: enough for
 * this call.
 */
static int compact_carry(struct compaction *c, struct memmgr_heap *heap,
			 struct memmgr_compact *out)
{
	u32 shift = heap->buddy.shift;
	u32 i;
	int err;

	c->pace = (struct move_pace) { .step = out->step_bytes, .clock = ktime_get_ns() };
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

		err = compact_break(out);
		if (err)
			return err;
		err = heap_move(heap, index, &route, &c->pace, out);
		if (err == -EBUSY && c->skips < COMPACT_SKIPS)
			c->skip[c->skips++] = index;
		if (err)
			return -EAGAIN;
		/* It may move once more. */
		c->record[m->to] = index;
		out->left -= min(out->left, route.bytes);
	}
	return 0;
}

static int compact_buddy(struct memmgr_heap *heap, struct memmgr_compact *out)
{
	struct compaction *c = compaction_alloc(heap, true);
	u32 shift = heap->buddy.shift;
	bool first = true;
	int err = -EAGAIN;
	u32 plans;

	if (!c)
		return -ENOMEM;
	for (plans = 0; err == -EAGAIN && plans < COMPACT_PLANS; plans++) {
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
		/* It is not as planned. */
		heap_show(heap, c);
	}
	out->after = largest_in(c, shift);
	compaction_free(c);
	/* Others change it as fast: what was done is done. */
	return err == -EAGAIN || err == -ENOSPC ? 0 : err;
}

/*
 * Slabs: those with the fewest objects go, as long as the others have room for what
 * is in them.
 */

/* The slab with the fewest objects, of those that are still to be looked at. */
static u32 slab_sparsest(const u16 *live, u32 max)
{
	u32 n, best = SLAB_NONE;

	for (n = 0; n < max; n++)
		if (live[n] && (best == SLAB_NONE || live[n] < live[best]))
			best = n;
	return best;
}

/* May all objects of a slab move? Those that the kernel has are without a record. */
static bool slab_movable(struct memmgr_heap *heap, u32 number, u32 live,
			 struct memmgr_compact *out)
{
	u64 stride = heap->slabs.layout.stride;
	struct heap_route route;
	u32 i = 0, seen = 0, stay = 0;
	u32 fixed;

	for (; heap_next_in_slab(heap, number, &i, &route, &fixed); i++) {
		seen++;
		stay += !!fixed;
		if (fixed)
			out->stayed[fixed] += route.bytes;
	}
	if (seen < live)
		out->stayed[MEMMGR_FIXED_KERNEL] += (live - seen) * stride;
	return seen >= live && !stay;
}

static int slab_empty(struct memmgr_heap *heap, u32 number, struct memmgr_compact *out)
{
	struct move_pace pace = { .step = out->step_bytes, .clock = ktime_get_ns() };
	struct heap_route route;
	u32 fixed, i = 0;
	int err = 0;

	for (; !err && heap_next_in_slab(heap, number, &i, &route, &fixed); i++) {
		err = compact_break(out);
		if (!err)
			err = heap_move(heap, i, &route, &pace, out);
	}
	return err;
}

/*
 * Choose the slabs that go: @live of the others becomes 0. Returns bytes to move.
 */
static u64 slabs_choose(struct memmgr_heap *heap, u16 *live, struct memmgr_compact *out)
{
	const struct slab_layout *layout = &heap->slabs.layout;
	u16 *left = live + layout->max;		/* still to be looked at */
	u64 room = 0, moves = 0;
	u32 n;

	for (n = 0; n < layout->max; n++) {
		room += live[n] ? layout->objects - live[n] : 0;
		left[n] = live[n];
		live[n] = 0;
	}
	while ((n = slab_sparsest(left, layout->max)) != SLAB_NONE) {
		u32 here = left[n];

		left[n] = 0;
		/* Its own room goes with it. */
		if (moves + here > room - (layout->objects - here))
			break;
		if (!slab_movable(heap, n, here, out))
			continue;
		room -= layout->objects - here;
		moves += here;
		live[n] = here;
	}
	return moves * layout->stride;
}

static int compact_slab(struct memmgr_heap *heap, struct memmgr_compact *out)
{
	u32 max = heap->slabs.layout.max;
	u16 *live = kvcalloc(2 * max, sizeof(*live), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	u32 held = READ_ONCE(heap->slabs.held);
	int err = 0;
	u32 n;

	if (!live)
		return -ENOMEM;
	heap_show_slabs(heap, live);
	out->least = slabs_choose(heap, live, out);
	out->left = out->least;
	out->offset = ~0ull;
	if (out->flags & MEMMGR_COMPACT_DRY_RUN) {
		for (n = 0; n < max; n++) {
			out->moves += live[n];
			out->slabs += !!live[n];
		}
		/* Some stay although they are empty. */
		n = heap_slabs_kept(heap);
		out->slabs -= min(out->slabs, n);
		out->moved = out->least;
		out->left = 0;
	} else {
		for (n = 0; n < max; n++)
			if (live[n])
				heap_slab_last(heap, n);
		while (!err && (n = slab_sparsest(live, max)) != SLAB_NONE) {
			err = slab_empty(heap, n, out);
			live[n] = 0;
		}
		out->left = err ? out->least - min(out->least, out->moved) : 0;
		n = READ_ONCE(heap->slabs.held);
		out->slabs = held > n ? held - n : 0;
	}
	kvfree(live);
	return err == -EINTR ? err : 0;
}

/**
 * compact_slices_end - tell of what the calls of one owner moved
 * @region: of these calls
 * @slices: their sum; 0 afterwards
 *
 * Context: process, may sleep. No such call runs, or it is the caller. O(1).
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
	struct compact_total *total = &region->compacted;

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
	u64 granule = heap->kind == MEMMGR_KIND_BUDDY ? 1u << heap->buddy.shift : 1;

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

/* Requests that can never be served. */
static int compact_refuse(const struct memmgr_heap *heap, struct memmgr_compact *out)
{
	if (out->bytes > heap->bytes)
		out->reason = MEMMGR_REASON_TOO_LARGE;
	else if (out->align > heap->max_align)
		out->reason = MEMMGR_REASON_ALIGNMENT;
	return out->reason ? -ENOMEM : 0;
}

/**
 * compact_heap - compact a heap
 * @heap: the heap
 * @out: as in the ABI, flags and capability checked; the answers are filled in
 * @slices: the owner's; ended when nothing is left to be done
 *
 * Context: process, may sleep, long. Waits for another compaction of the region.
 * Return: 0 or an error of the ABI's table.
 */
int compact_heap(struct memmgr_heap *heap, struct memmgr_compact *out,
		 struct compact_slices *slices)
{
	struct region *region = heap->region;
	int err;

	err = compact_check(heap, out);
	if (!err)
		err = compact_refuse(heap, out);
	if (err)
		return err;
	if (!out->step_bytes)
		out->step_bytes = MEMMGR_COMPACT_STEP;
	out->step_bytes = max_t(u64, PAGE_SIZE, round_down(out->step_bytes, PAGE_SIZE));
	if (mutex_lock_killable(&region->compact_mutex))
		return -EINTR;
	err = heap_compact_begin(heap);
	if (!err) {
		err = heap_is(heap, MEMMGR_KIND_SLAB) ? compact_slab(heap, out) :
							compact_buddy(heap, out);
		compact_count(heap, out, slices);
		/* A dry run between two slices ends nothing. */
		if (!out->left && !(out->flags & MEMMGR_COMPACT_DRY_RUN))
			compact_slices_end(region, slices);
		heap_compact_end(heap);
	}
	mutex_unlock(&region->compact_mutex);
	return err;
}

/* The heap in which compaction would help a request that failed, or NULL. */
static struct memmgr_heap *compact_target(const struct memmgr_heap *heap,
					  const struct engine_refusal *why)
{
	struct memmgr_heap *main = rcu_access_pointer(heap->region->heaps[0]);

	if (heap_is(heap, MEMMGR_KIND_SLAB))
		return why->reason == MEMMGR_REASON_PARENT ? main : NULL;
	if (heap->kind != MEMMGR_KIND_BUDDY || heap->flags & MEMMGR_HEAP_PRIVATE)
		return NULL;
	return why->reason == MEMMGR_REASON_FRAGMENTED ||
	       why->reason == MEMMGR_REASON_ALIGNMENT ? (struct memmgr_heap *)heap : NULL;
}

/* Is a request refused for something that compaction can change? */
bool compact_may_help(const struct memmgr_heap *heap, u64 align,
		      const struct engine_refusal *why)
{
	return align <= heap->max_align && compact_target(heap, why);
}

/**
 * compact_for - make room for a request
 * @heap: that refused it
 * @bytes: asked for
 * @align: asked for
 * @why: it was refused; PINNED when that is why compaction does not help
 *
 * Context: process, may sleep, long.
 * Return: 0 when it is worth another try.
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
	/* A signal may have come before its end. */
	compact_slices_end(heap->region, &slices);
	if (err == -ENOMEM && c.reason == MEMMGR_REASON_PINNED && target == heap)
		why->reason = MEMMGR_REASON_PINNED;
	return err;
}

static void explain_survey(const struct memmgr_heap *heap, const struct plan_survey *s,
			   struct memmgr_explain *out)
{
	u32 shift = heap->buddy.shift;
	u32 o;

	out->unit = 1ull << shift;
	out->free = (u64)s->free << shift;
	out->free_runs = s->runs;
	for (o = 0; o < MEMMGR_ORDERS; o++) {
		out->runs[o] = s->by_order[o];
		out->aligned[o] = (u64)s->aligned[o] << shift;
	}
	out->best_offset = s->best == PLAN_NONE ? ~0ull :
			   heap->arena + ((u64)s->best << shift);
	out->best_bytes = (u64)s->best_n << shift;
	out->best_run = (u64)s->best_run << shift;
}

/* Would it succeed? As buddy_refuse() says it. */
static u32 explain_reason(const struct memmgr_heap *heap, const struct plan_survey *s,
			  struct memmgr_explain *out)
{
	bool join = !(heap->flags & MEMMGR_HEAP_NO_JOIN);
	u32 shift = heap->buddy.shift;
	u32 align = max_t(u64, out->align >> shift, 1);
	u32 order = ilog2(align);
	u32 n = (out->bytes + (1u << shift) - 1) >> shift;
	u32 longest = join ? s->longest : s->block;
	u32 largest = join ? s->aligned[order] : s->block >= align ? s->block : 0;

	out->largest = (u64)largest << shift;
	if (largest >= n)
		return MEMMGR_REASON_NONE;
	if (s->free < n)
		return MEMMGR_REASON_EXHAUSTED;
	return longest >= n ? MEMMGR_REASON_ALIGNMENT : MEMMGR_REASON_FRAGMENTED;
}

static void explain_moves(const struct memmgr_heap *heap, const struct compaction *c,
			  struct memmgr_explain *out)
{
	u32 shift = heap->buddy.shift;
	struct plan_window w;
	u32 n, align;

	wanted_run(heap, out->bytes, out->align, &n, &align);
	out->possible = (u64)plan_longest(&c->plan, align) << shift;
	if (!n || out->possible < (u64)n << shift || !plan_cheapest(&c->plan, n, align, &w))
		return;
	out->move_bytes = (u64)w.cost << shift;
	out->move_offset = heap->arena + ((u64)w.start << shift);
	out->moves = w.moves;
}

/**
 * compact_explain - why a request would fail, and what would help
 * @heap: of kind buddy
 * @out: as in the ABI; the answers are filled in
 *
 * Context: process, may sleep. O(granules + records), in small steps.
 * Return: 0 or an error of the ABI's table.
 */
int compact_explain(struct memmgr_heap *heap, struct memmgr_explain *out)
{
	struct compaction *c;
	struct plan_survey s;

	if (heap->kind != MEMMGR_KIND_BUDDY)
		return -EOPNOTSUPP;
	if (!engine_align_ok(out->align))
		return -EINVAL;
	c = compaction_alloc(heap, false);
	if (!c)
		return -ENOMEM;
	heap_show(heap, c);
	plan_survey(&c->plan, &s);
	explain_survey(heap, &s, out);
	out->movable = c->movable << heap->buddy.shift;
	tally_fixed(c, s.free, heap->buddy.shift, out->fixed);
	out->reason = MEMMGR_REASON_NONE;
	out->largest = 0;
	out->possible = 0;
	out->move_bytes = ~0ull;
	out->move_offset = ~0ull;
	out->moves = 0;
	if (out->bytes > heap->bytes)
		out->reason = MEMMGR_REASON_TOO_LARGE;
	else if (out->align > heap->max_align)
		out->reason = MEMMGR_REASON_ALIGNMENT;
	else
		out->reason = explain_reason(heap, &s, out);
	if (out->reason != MEMMGR_REASON_TOO_LARGE && out->align <= heap->max_align)
		explain_moves(heap, c, out);
	compaction_free(c);
	return 0;
}
