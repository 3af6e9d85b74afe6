// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The memory of slab heaps, which grow: slabs are taken from main, given back, trimmed. */
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "core/engine.h"
#include "core/slab.h"
#include "heap/account.h"
#include "heap/arena.h"
#include "heap/grow.h"
#include "heap/heap.h"
#include "heap/kinds.h"
#include "heap/shape.h"
#include "region/stop.h"
#include "region/memory.h"
#include "region/region.h"
#include "region/view.h"

static int slab_supply_grow(void *context, u32 number,
			    struct engine_refusal *why)
{
	struct memmgr_heap *heap = context;
	u32 shift = heap->slabs.layout.shift;
	u64 place;
	int err;

	if (heap->payer) {
		err = client_charge(heap->payer, 1ull << shift, 0, why);
		if (err)
			return err;
	}
	err = heap_main_take(heap->region, 1ull << shift, 1ull << shift, &place,
			     why);
	if (err) {
		if (heap->payer)
			client_uncharge(heap->payer, 1ull << shift, 0);
		why->reason = MEMMGR_REASON_PARENT;
		why->largest = 0;
		return err;
	}
	/* The client may map the whole slab, not only its own objects, so clear it. */
	if (heap->flags & MEMMGR_HEAP_PRIVATE)
		region_zero(heap->region, place, 1ull << shift);
	place += heap->skew;
	heap->slab_at[number] = place >> shift;
	WRITE_ONCE(*heap_slab_entry(heap, place), heap->slab_key | number);
	return 0;
}

static void slab_return(struct memmgr_heap *heap, u32 number)
{
	u32 at = heap->slab_at[number];

	heap->slab_at[number] = SLAB_NONE;
	WRITE_ONCE(*heap_slab_entry(heap, (u64)at << heap->slabs.layout.shift), 0);
	heap_main_give(heap->region, heap_slab_place(heap, at));
	if (heap->payer)
		client_uncharge(heap->payer, 1ull << heap->slabs.layout.shift, 0);
}

/* A slab that may be mapped is given back only after its mappings: see heap_trim(). */
static bool slab_supply_shrink(void *context, u32 number)
{
	struct memmgr_heap *heap = context;

	if (heap->flags & MEMMGR_HEAP_PRIVATE)
		return false;
	slab_return(heap, number);
	return true;
}

/*
 * Give back slab @n, which slab_leaving() named; new faults cannot map it. The lock is
 * dropped while its mappings are removed. An allocation may need the slab meanwhile, so
 * slab_left() decides. If I/O holds it, it is given back later.
 */
static void trim_slab(struct memmgr_heap *heap, u32 n, unsigned long *flags)
	__must_hold(&heap->lock)
{
	u32 shift = heap->slabs.layout.shift;
	u64 place = heap_slab_place(heap, heap->slab_at[n]);
	bool in_io;

	heap_unlock(heap, *flags);
	mapping_zap(heap->region, heap_window_page(heap, heap->table.arena_window),
		    (u64)n << shift, 1ull << shift);
	in_io = region_in_io(heap->region, place, 1ull << shift);
	stop_here(heap->region, STOP_TRIMMED);
	cond_resched();
	*flags = heap_lock(heap);
	if (in_io)
		slab_later(&heap->slabs);
	else if (slab_left(&heap->slabs))
		slab_return(heap, n);
}

/**
 * heap_trim - give back slabs of a private heap that became empty
 * @heap: any heap
 *
 * Context: process, may sleep, no locks held. Cost: removing the mappings of each such slab.
 * If I/O holds a slab, the worker of heap/held.c tries again.
 */
void heap_trim(struct memmgr_heap *heap)
{
	unsigned long flags;
	u32 n, tries;
	bool left;

	/* slab_supply_shrink() gives back the slabs of other heaps at once. */
	if (!heap->traits->grows || !(heap->flags & MEMMGR_HEAP_PRIVATE))
		return;
	flags = heap_lock(heap);
	/* One caller at a time; otherwise a slab would be named twice. */
	if (heap->lasting.trimming || slab_leaving(&heap->slabs) == SLAB_NONE) {
		heap_unlock(heap, flags);
		return;
	}
	heap->lasting.trimming = true;
	for (tries = heap->slabs.held; tries; tries--) {
		n = slab_leaving(&heap->slabs);
		if (n == SLAB_NONE)
			break;
		trim_slab(heap, n, &flags);
	}
	heap->lasting.trimming = false;
	left = slab_leaving(&heap->slabs) != SLAB_NONE;
	heap_unlock(heap, flags);
	if (left)
		held_start(heap->region);
}

/* Get slabs for a number of objects, in steps, because those of private heaps are cleared. */
static int heap_prepare_slabs(struct memmgr_heap *heap, u32 objects, struct engine_refusal *why)
{
	u32 step = heap->slabs.layout.objects, n = 0;
	int err;

	do {
		if (fatal_signal_pending(current))
			return -EINTR;
		n += min(objects - n, step);
		err = slab_prepare(&heap->slabs, n, why);
		cond_resched();
	} while (!err && n < objects);
	return err;
}

/* The largest number of slabs of a limit. */
u32 slabs_most(u64 bytes, u32 shift)
{
	return min_t(u64, bytes >> shift, 1u << 24);
}

/* Bytes of the books: the engine's, and behind them the places of the slabs. */
size_t slabs_meta_size(const struct slab_layout *layout)
{
	return slab_meta_size(layout) + layout->max * sizeof(u32);
}

/* Books for so many slabs as the layout says. Nobody uses them yet. */
static void slabs_link(const struct slab_layout *layout, void *meta)
{
	slab_link(layout, meta);
	memset(meta + slab_meta_size(layout), 0xff, layout->max * sizeof(u32));
}

/*
 * From here on the heap can have slabs, and they can be found. It has no block yet. Either
 * nobody knows the heap, or it is locked.
 */
static void slabs_publish(struct memmgr_heap *heap, const struct slab_layout *layout, void *meta)
{
	struct region *region = heap->region;

	heap->meta = meta;
	heap->slab_at = meta + slab_meta_size(layout);
	heap->slab_of = region->slab_of;
	heap->base = region->memory.virt - heap->skew;
	/* Each slab begins at a page of the region. */
	heap->span = min(region->memory.bytes + heap->skew,
			 ALIGN(region->memory.bytes, 1ull << layout->shift));
	slab_open(&heap->slabs, layout->max, meta);
}

/* Make the table that maps pages of the region to slabs, for all slab heaps. */
static int slab_map_make(struct region *region)
{
	u32 *map;

	if (READ_ONCE(region->slab_of))
		return 0;
	map = kvcalloc(region->memory.bytes >> PAGE_SHIFT, sizeof(u32), LATE_GFP);
	if (!map)
		return -ENOMEM;
	/* Another heap may be faster. */
	if (cmpxchg(&region->slab_of, NULL, map))
		kvfree(map);
	return 0;
}

/**
 * slabs_open - make the books of a slab heap that was made without
 * @heap: the heap, not locked
 *
 * Context: process, may sleep. O(slabs); O(1) if it has books.
 * Return: 0, also if the heap is being destroyed and gets none; -ENOMEM.
 */
int slabs_open(struct memmgr_heap *heap)
{
	struct slab_layout layout = heap->slabs.layout;
	unsigned long flags;
	void *meta;

	if (READ_ONCE(heap->slabs.books))
		return 0;
	layout.max = slabs_most(heap->bytes, layout.shift);
	meta = slab_map_make(heap->region) ? NULL :
	       books_alloc(slabs_meta_size(&layout), LATE_GFP);
	if (!meta)
		return -ENOMEM;
	slabs_link(&layout, meta);
	flags = heap_lock(heap);
	/* Whoever destroys the heap looks at its slabs without the lock. */
	if (!heap->slabs.books && !heap->lasting.dying) {
		heap->books = meta;
		heap->kernel_bytes += system_bytes(slabs_meta_size(&layout));
		slabs_publish(heap, &layout, meta);
		meta = NULL;
	}
	heap_unlock(heap, flags);
	kvfree(meta);
	return 0;
}

/**
 * slabs_init - set up a slab heap, and get the slabs for the objects to preallocate
 * @heap: the heap
 * @plan: what its configuration comes to
 * @c: the configuration
 * @why: the reason of -ENOMEM or -EDQUOT
 *
 * If the plan has no room for the books, slabs_open() makes them later.
 *
 * Context: process, may sleep.
 * Return: 0, -EINTR, -ENOMEM or -EDQUOT.
 */
int slabs_init(struct memmgr_heap *heap, const struct heap_shape *plan,
	       const struct memmgr_heap_create *c, struct engine_refusal *why)
{
	struct slab_supply source = {
		.grow = slab_supply_grow,
		.shrink = slab_supply_shrink,
		.context = heap,
	};
	u32 shift = plan->layout.shift;

	heap->skew = heap->region->memory.phys & ((1u << shift) - 1);
	heap->arena = ~0ull;
	heap->max_align = plan->align;
	heap->slab_key = heap->id << SLAB_KEY_SHIFT;
	heap->slab_mask = ~((1u << (shift - PAGE_SHIFT)) - 1);
	slab_init(&heap->slabs, &plan->layout, &source, NULL);
	if (plan->meta) {
		if (slab_map_make(heap->region))
			return -ENOMEM;
		slabs_link(&plan->layout, heap->meta);
		slabs_publish(heap, &plan->layout, heap->meta);
	}
	stop_here(heap->region, STOP_MAKING);
	return heap_prepare_slabs(heap, c->count, why);
}

/* Give all slabs back to heap main. May sleep. */
void slabs_give_back(struct memmgr_heap *heap)
{
	u32 n;

	for (n = 0; n < heap->slabs.layout.max; n++) {
		if (heap->slab_at[n] != SLAB_NONE)
			slab_return(heap, n);
		cond_resched();
	}
}

/* Is a slab the target of I/O? The heap has no mappings any more. */
bool slabs_in_io(struct memmgr_heap *heap)
{
	u32 n, slab, shift = heap->slabs.layout.shift;

	for (n = 0; n < heap->slabs.layout.max; n++) {
		/* The slab may be given back just now, see heap_trim(). */
		slab = READ_ONCE(heap->slab_at[n]);
		if (slab != SLAB_NONE &&
		    region_in_io(heap->region, heap_slab_place(heap, slab), 1ull << shift))
			return true;
		cond_resched();
	}
	return false;
}

void slab_map_free(struct region *region)
{
	kvfree(region->slab_of);
	region->slab_of = NULL;
}
