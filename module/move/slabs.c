// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Compaction of slab heaps: moves objects out of the sparsest slabs. */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include "core/slab.h"
#include "heap/heap.h"
#include "heap/record.h"
#include "move/compact.h"
#include "move/mover.h"
#include "move/picture.h"
#include "move/slabs.h"

/*
 * The slabs with the fewest objects are emptied, as long as the others have room for
 * their objects.
 */

#define SHOW_SLABS	32u	/* slabs to look at between two cond_resched() */

enum merge_mark {
	MERGE_KEPT,	/* it was not considered, or takes objects of others */
	MERGE_GOES,	/* it shall be emptied */
	MERGE_STAYS,	/* it would be emptied, but some object may not move */
};

/**
 * struct merge - one compaction of a slab heap; arrays are by number of the slab
 * @live: live objects of a partial slab, else 0
 * @seen: how many of these have a record
 * @fixed: how many of these may not move
 * @mark: enum merge_mark
 * @at: for a slab to be emptied: its first index in @record
 * @partial: number of partial slabs
 * @count: number of partial slabs by number of objects, for sorting
 * @record: records to move, slab by slab; RECORD_NONE: it was freed meanwhile
 * @moves: size of @record
 * @order: partial slabs, those with the fewest objects first; the other arrays follow
 */
struct merge {
	u16 *live;
	u16 *seen;
	u16 *fixed;
	u8 *mark;
	u32 *at;
	u32 partial;
	u32 count[SLAB_MAX_OBJECTS + 2];
	u32 *record;
	u32 moves;
	u32 order[];
};

static void merge_free(struct merge *m)
{
	kvfree(m->record);
	kvfree(m);
}

static struct merge *merge_alloc(const struct memmgr_heap *heap)
{
	u32 max = heap->slabs.layout.max;
	struct merge *m = kvzalloc(struct_size(m, order, 2 * (size_t)max) +
				   max * (3 * sizeof(u16) + sizeof(u8)),
				   GFP_KERNEL_ACCOUNT | __GFP_NOWARN);

	if (!m)
		return NULL;
	m->at = m->order + max;
	m->live = (u16 *)(m->at + max);
	m->seen = m->live + max;
	m->fixed = m->seen + max;
	m->mark = (u8 *)(m->fixed + max);
	return m;
}

/* Live objects of each slab by number, to choose the slabs that shall be emptied. */
static void slabs_show(struct memmgr_heap *heap, u16 *live)
{
	unsigned long flags;
	u32 n;

	for (n = 0; n < heap->slabs.layout.max; n++) {
		if (n % SHOW_SLABS == 0)
			cond_resched();
		flags = heap_lock(heap);
		live[n] = slab_live(&heap->slabs, n);
		heap_unlock(heap, flags);
	}
}

/* Number of slabs that will keep their memory when they become empty. */
static u32 slabs_kept(struct memmgr_heap *heap)
{
	const struct slabs *s = &heap->slabs;
	unsigned long flags;
	u32 n;

	flags = heap_lock(heap);
	n = s->keep > s->empty ? s->keep - s->empty : 0;
	heap_unlock(heap, flags);
	return n;
}

/* Serve requests from this slab only when no other has free objects. */
static void slab_serves_last(struct memmgr_heap *heap, u32 number)
{
	unsigned long flags;

	flags = heap_lock(heap);
	slab_last(&heap->slabs, number);
	heap_unlock(heap, flags);
}

/* Sort the partial slabs by their objects. O(slabs). */
static void merge_sort(struct merge *m, u32 max)
{
	u32 n;

	for (n = 0; n < max; n++)
		if (m->live[n])
			m->count[m->live[n] + 1]++;
	for (n = 1; n < ARRAY_SIZE(m->count); n++)
		m->count[n] += m->count[n - 1];
	m->partial = m->count[ARRAY_SIZE(m->count) - 1];
	for (n = 0; n < max; n++) {
		if (m->live[n])
			m->order[m->count[m->live[n]]++] = n;
		if (n % SLAB_MAX_OBJECTS == 0)
			compact_pause();
	}
}

typedef void (*merge_look_t)(struct merge *m, const struct heap_object *object,
			     struct memmgr_compact *out);

/* Call @look for each record. */
static void merge_walk(struct merge *m, struct memmgr_heap *heap, merge_look_t look,
		       struct memmgr_compact *out)
{
	struct heap_object seen[SHOW_OBJECTS];
	u32 i, n, from = 0;

	while (from < heap_made_records(heap)) {
		n = heap_see_objects(heap, &from, seen, SHOW_OBJECTS);
		for (i = 0; i < n; i++)
			look(m, &seen[i], out);
		compact_pause();
	}
}

/* Objects may be added meanwhile, so these counts may be somewhat too large. */
static void merge_count(struct merge *m, const struct heap_object *object,
			struct memmgr_compact *out)
{
	u32 n = object->slab;

	m->seen[n] += m->seen[n] < U16_MAX;
	m->fixed[n] += object->fixed && m->fixed[n] < U16_MAX;
}

static void merge_tell_fixed(struct merge *m, const struct heap_object *object,
			     struct memmgr_compact *out)
{
	if (object->fixed && m->mark[object->slab] == MERGE_STAYS)
		out->stayed[object->fixed] += object->bytes;
}

static void merge_collect(struct merge *m, const struct heap_object *object,
			  struct memmgr_compact *out)
{
	u32 n = object->slab;

	if (m->mark[n] == MERGE_GOES && m->seen[n] < m->live[n])
		m->record[m->at[n] + m->seen[n]++] = object->index;
}

/* Choose the slabs to be emptied. Objects without a record belong to kernel code. */
static void merge_choose(struct merge *m, struct memmgr_heap *heap, struct memmgr_compact *out)
{
	const struct slab_layout *layout = &heap->slabs.layout;
	u64 room = 0;
	u32 i, n, here;

	for (i = 0; i < m->partial; i++)
		room += layout->objects - m->live[m->order[i]];
	for (i = 0; i < m->partial; i++) {
		n = m->order[i];
		here = m->live[n];
		/* The slab's own free objects are no room for its live ones. */
		if (m->moves + here > room - (layout->objects - here))
			break;
		if (m->seen[n] < here)
			out->stayed[MEMMGR_FIXED_KERNEL] += (here - m->seen[n]) * layout->stride;
		m->mark[n] = m->seen[n] < here || m->fixed[n] ? MERGE_STAYS : MERGE_GOES;
		if (m->mark[n] == MERGE_STAYS)
			continue;
		room -= layout->objects - here;
		m->at[n] = m->moves;
		m->moves += here;
		out->slabs++;
	}
}

/*
 * Objects move to the slab at the head of the ring. So the slabs to be emptied go to its
 * end, and the empty ones behind them.
 */
static void merge_order(struct merge *m, struct memmgr_heap *heap)
{
	u32 i, n;

	for (i = 0; i < m->partial; i++) {
		n = m->order[i];
		if (m->mark[n] == MERGE_GOES)
			slab_serves_last(heap, n);
		compact_pause();
	}
	for (n = 0; READ_ONCE(heap->slabs.empty) && n < heap->slabs.layout.max; n++) {
		if (!m->live[n])
			slab_serves_last(heap, n);
		compact_pause();
	}
}

/* Move one object out of a slab to be emptied. An object in use is left for another time. */
static int merge_move(struct merge *m, struct memmgr_heap *heap, u32 index,
		      struct memmgr_compact *out, struct move_pace *pace)
{
	struct heap_object object;
	struct heap_route route;
	u32 from = index;
	int err;

	if (!heap_see_objects(heap, &from, &object, 1) || m->mark[object.slab] != MERGE_GOES)
		return 0;
	err = compact_break(out, pace);
	if (err)
		return err;
	route = (struct heap_route) {
		.from = object.offset,
		.bytes = object.bytes,
		.seq = object.seq,
	};
	heap_relocate(heap, index, &route, pace, out);
	return 0;
}

static int merge_carry(struct merge *m, struct memmgr_heap *heap, struct memmgr_compact *out,
		       struct move_pace *pace)
{
	int err = 0;
	u32 i;

	m->record = kvmalloc_array(m->moves, sizeof(*m->record),
				   GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (m->moves && !m->record)
		return -ENOMEM;
	memset(m->record, 0xff, m->moves * sizeof(*m->record));
	for (i = 0; i < m->partial; i++)
		m->seen[m->order[i]] = 0;
	merge_order(m, heap);
	merge_walk(m, heap, merge_collect, out);
	pace->clock = ktime_get_ns();
	for (i = 0; i < m->moves && !err; i++)
		if (m->record[i] != RECORD_NONE)
			err = merge_move(m, heap, m->record[i], out, pace);
	return err;
}

/* Predict the result. Some of the slabs that become empty will stay held. */
static void merge_foretell(const struct merge *m, struct memmgr_heap *heap,
			   struct memmgr_compact *out)
{
	out->slabs -= min(out->slabs, slabs_kept(heap));
	out->moves = m->moves;
	out->moved = out->least;
	out->left = 0;
}

/* Has the heap books? They come with its first use, and stay; without them there is no slab. */
static bool slabs_are_open(struct memmgr_heap *heap)
{
	unsigned long flags = heap_lock(heap);
	bool open = heap->slabs.books;

	heap_unlock(heap, flags);
	return open;
}

/* Compact a slab heap. O(slabs + records), a few times. */
int compact_slab(struct memmgr_heap *heap, struct memmgr_compact *out,
		 struct move_pace *pace)
{
	struct merge *m;
	u32 held = READ_ONCE(heap->slabs.held);
	u32 now;
	int err;

	out->offset = ~0ull;
	if (!slabs_are_open(heap))
		return 0;
	m = merge_alloc(heap);
	if (!m)
		return -ENOMEM;
	slabs_show(heap, m->live);
	merge_sort(m, heap->slabs.layout.max);
	merge_walk(m, heap, merge_count, out);
	merge_choose(m, heap, out);
	merge_walk(m, heap, merge_tell_fixed, out);
	out->least = (u64)m->moves * heap->slabs.layout.stride;
	out->left = out->least;
	if (out->flags & MEMMGR_COMPACT_DRY_RUN) {
		merge_foretell(m, heap, out);
		merge_free(m);
		return 0;
	}
	err = merge_carry(m, heap, out, pace);
	out->left -= min(out->left, out->moved);
	now = READ_ONCE(heap->slabs.held);
	out->slabs = held > now ? held - now : 0;
	merge_free(m);
	return err == -ENOSPC ? 0 : err;
}
