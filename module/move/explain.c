// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Explains why a request is refused, and which moves would help. */

#include "core/engine.h"
#include "core/plan.h"
#include "heap/heap.h"
#include "move/compact.h"
#include "move/explain.h"
#include "move/picture.h"

static void explain_survey(const struct memmgr_heap *heap, const struct plan_survey *s,
			   struct memmgr_explain *out)
{
	u32 shift = heap->grid.shift;
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

/* The longest run, and the longest at an alignment, that the engine finds without a search. */
static void explain_indexed(struct memmgr_heap *heap, u32 order, u32 *longest, u32 *largest)
{
	struct engine_frag frag;
	unsigned long flags;

	flags = heap_lock(heap);
	heap->engine.ops->frag(&heap->engine, &frag);
	heap_unlock(heap, flags);
	*longest = frag.largest >> heap->grid.shift;
	*largest = frag.aligned[order];
}

/* The reason why the request would fail, as the engine would give it. */
static u32 explain_reason(struct memmgr_heap *heap, const struct plan_survey *s,
			  struct memmgr_explain *out)
{
	u32 shift = heap->grid.shift;
	u32 align = max_t(u64, out->align >> shift, 1);
	u32 order = ilog2(align);
	u32 n = (out->bytes + (1u << shift) - 1) >> shift;
	u32 longest = s->longest, largest = s->aligned[order];

	if (heap->flags & MEMMGR_HEAP_NO_JOIN)
		explain_indexed(heap, order, &longest, &largest);
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
	u32 shift = heap->grid.shift;
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
 * compact_explain - explain why a request would fail, and what would help
 * @heap: the heap; only heaps of granules can be explained
 * @out: as in the ABI; the answers are filled in
 *
 * Context: process, may sleep. O(granules + records), in small steps.
 * Return: 0 or an error of the ABI's table.
 */
int compact_explain(struct memmgr_heap *heap, struct memmgr_explain *out)
{
	struct compaction *c;
	struct plan_survey s;

	if (!heap_is_grid(heap))
		return -EOPNOTSUPP;
	if (!engine_align_ok(out->align))
		return -EINVAL;
	c = compaction_alloc(heap, false, 0);
	if (!c)
		return -ENOMEM;
	heap_show(heap, c);
	plan_survey(&c->plan, &s);
	explain_survey(heap, &s, out);
	out->movable = c->movable << heap->grid.shift;
	tally_fixed(c, s.free, heap->grid.shift, out->fixed);
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
