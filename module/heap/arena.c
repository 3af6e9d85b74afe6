// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The memory of a heap: taking it from main, clearing it, giving it back. */
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "core/buddy.h"
#include "core/engine.h"
#include "core/handle.h"
#include "core/pool.h"
#include "core/slab.h"
#include "core/stack.h"
#include "heap/account.h"
#include "heap/arena.h"
#include "heap/heap.h"
#include "heap/record.h"
#include "heap/shape.h"
#include "region/hold.h"
#include "region/memory.h"
#include "region/region.h"
#include "region/view.h"

/**
 * heap_main_take - take memory from the region for a heap
 * @region: the region
 * @bytes: size
 * @align: 0 or a power of two
 * @place: set to its offset in the region
 * @why: the reason of -ENOMEM, as heap main sees it
 *
 * A slab heap asks for slabs aligned to their size, which the index shows, so no search is
 * needed. For other requests the lock is dropped between the steps of a search.
 *
 * Context: any; a slab heap's lock may be held while it asks for a slab. Cost: one
 * buddy allocation.
 * Return: 0, -EINVAL or -ENOMEM.
 */
int heap_main_take(const struct region *region, u64 bytes, u64 align, u64 *place,
		   struct engine_refusal *why)
{
	struct memmgr_heap *main = rcu_access_pointer(region->heaps[0]);
	/*
	 * Recorded, so that no one else can free it: a user has no handle of it, and a
	 * driver that holds main may only free blocks without a record.
	 */
	struct engine_search search = { 0 };
	struct engine_request rq = {
		.bytes = bytes,
		.align = align,
		.recorded = true,
		.search = bytes == align ? NULL : &search,
	};
	struct engine_block block;
	unsigned long flags;
	int err;

	do {
		flags = heap_lock(main);
		err = main->engine.ops->alloc(&main->engine, &rq, &block, why);
		heap_unlock(main, flags);
	} while (err == -EAGAIN);
	heap_touched(main);
	if (!err)
		*place = block.offset;
	return err;
}

/* Give memory back to the region. Same context and cost. */
void heap_main_give(struct region *region, u64 place)
{
	struct memmgr_heap *main = rcu_access_pointer(region->heaps[0]);
	struct engine_block block;
	unsigned long flags;
	bool wake;

	flags = heap_lock(main);
	main->engine.ops->free(&main->engine, place, true, &block);
	wake = heap_freed(main);
	heap_unlock(main, flags);
	heap_wake(main, wake);
	heap_touched(main);
}

static int slab_source_grow(void *context, u32 number,
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
static bool slab_source_shrink(void *context, u32 number)
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
	mapping_zap(heap->region, heap_arena_page(heap), (u64)n << shift, 1ull << shift);
	in_io = region_in_io(heap->region, place, 1ull << shift);
	hold_here(heap->region, HOLD_TRIMMED);
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
 * If I/O holds a slab, the worker of heap/settle.c tries again.
 */
void heap_trim(struct memmgr_heap *heap)
{
	unsigned long flags;
	u32 n, tries;
	bool left;

	if (!heap_is(heap, MEMMGR_KIND_SLAB))
		return;
	flags = heap_lock(heap);
	/* One caller at a time; otherwise a slab would be named twice. */
	if (heap->trimming || slab_leaving(&heap->slabs) == SLAB_NONE) {
		heap_unlock(heap, flags);
		return;
	}
	heap->trimming = true;
	for (tries = heap->slabs.held; tries; tries--) {
		n = slab_leaving(&heap->slabs);
		if (n == SLAB_NONE)
			break;
		trim_slab(heap, n, &flags);
	}
	heap->trimming = false;
	left = slab_leaving(&heap->slabs) != SLAB_NONE;
	heap_unlock(heap, flags);
	if (left)
		heap_settle_start(heap->region);
}

/* Bytes that kmalloc() or vmalloc() uses for a size. */
static u64 system_bytes(u64 bytes)
{
	return bytes > PAGE_SIZE ? PAGE_ALIGN(bytes) : roundup_pow_of_two(bytes);
}

u64 plan_cost(const struct heap_plan *plan)
{
	return system_bytes(sizeof(struct memmgr_heap)) + system_bytes(plan->books);
}

/* Not kvmalloc(), which may use twice the requested size. */
static void *books_alloc(u64 bytes)
{
	if (bytes > SIZE_MAX / 2)
		return NULL;
	return bytes > PAGE_SIZE ? __vmalloc(bytes, HEAP_GFP) : kmalloc(bytes, HEAP_GFP);
}

/* Make all records free. Their handles follow all handles ever given out in this slot. */
static void records_setup(struct memmgr_heap *heap)
{
	/* No other heap can take the slot meanwhile. */
	u64 last = heap->region->last_handle[heap->id];
	u32 i;

	for (i = 0; i < heap->max_records; i++) {
		heap->records[i].next = i + 1 < heap->max_records ? i + 1 : RECORD_NONE;
		heap->records[i].handle = handle_first(last, heap->id, i, heap->record_bits);
		if (i % SETUP_STEP == 0)
			cond_resched();
	}
}

/* Allocate all memory of a heap outside of the region, in one piece, before it exists. */
int heap_alloc_memory(struct memmgr_heap *heap, const struct heap_plan *plan)
{
	void *at = books_alloc(plan->books);

	if (!at)
		return -ENOMEM;
	heap->books = at;
	heap->kernel_bytes = plan_cost(plan);
	heap->records = at;
	heap->meta = heap->records + plan->records;
	records_setup(heap);
	if (heap_is(heap, MEMMGR_KIND_STACK)) {
		heap->record_at = heap->meta + stack_meta_size(plan->records);
		memset(heap->record_at, 0xff, plan->records * sizeof(u32));
	}
	if (heap_is(heap, MEMMGR_KIND_SLAB)) {
		heap->slab_at = heap->meta + slab_meta_size(&plan->layout);
		memset(heap->slab_at, 0xff, plan->layout.max * sizeof(u32));
	}
	return 0;
}

/*
 * Take the arena, aligned to its size if possible, so that a buddy or a stack in it can
 * serve alignments up to that size.
 */
static int heap_take_arena(struct memmgr_heap *heap, const struct heap_plan *plan,
			   struct engine_refusal *why)
{
	struct region *region = heap->region;
	u64 align = min(region->max_align, rounddown_pow_of_two(plan->bytes));
	u64 least = max_t(u64, plan->align, PAGE_SIZE);
	int err = -ENOMEM;

	if (align > least)
		err = heap_main_take(region, plan->bytes, align, &heap->arena, why);
	if (err) {
		align = least;
		err = heap_main_take(region, plan->bytes, align, &heap->arena, why);
	}
	heap->max_align = align;
	return err;
}

/* Give all memory that the heap has of the region back to heap main. */
void heap_return_memory(struct memmgr_heap *heap)
{
	u32 n;

	if (!heap_is(heap, MEMMGR_KIND_SLAB)) {
		heap_main_give(heap->region, heap->arena);
		return;
	}
	for (n = 0; n < heap->slabs.layout.max; n++) {
		if (heap->slab_at[n] != SLAB_NONE)
			slab_return(heap, n);
		cond_resched();
	}
}

#define CLEAR_PIECE	(1ull << 20)

/* Clear a private heap's arena of old data. A killed caller does not need the heap. */
static int heap_clear_arena(struct memmgr_heap *heap, u64 bytes)
{
	u64 at, step;

	hold_here(heap->region, HOLD_MAKING);
	for (at = 0; at < bytes && heap->flags & MEMMGR_HEAP_PRIVATE; at += step) {
		step = min(bytes - at, CLEAR_PIECE);
		if (fatal_signal_pending(current))
			return -EINTR;
		region_clear(heap->region, heap->arena + at, step);
	}
	return 0;
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

static int heap_init_slab(struct memmgr_heap *heap, const struct heap_plan *plan,
			  const struct memmgr_heap_create *c,
			  struct engine_refusal *why)
{
	struct slab_source source = {
		.grow = slab_source_grow,
		.shrink = slab_source_shrink,
		.context = heap,
	};
	int err;

	heap->arena = ~0ull;
	heap->max_align = plan->align;
	heap->slab_of = heap->region->slab_of;
	heap->slab_key = heap->id << SLAB_KEY_SHIFT;
	heap->slab_mask = ~((1u << (plan->layout.shift - PAGE_SHIFT)) - 1);
	slab_init(&heap->slabs, &plan->layout, &source, heap->meta);
	hold_here(heap->region, HOLD_MAKING);
	err = heap_prepare_slabs(heap, c->count, why);
	if (err)
		heap_return_memory(heap);
	return err;
}

int heap_init_engine(struct memmgr_heap *heap, const struct heap_plan *plan,
		     const struct memmgr_heap_create *c, struct engine_refusal *why)
{
	u32 join = heap->flags & MEMMGR_HEAP_NO_JOIN ? 0 : BUDDY_JOIN;
	int err;

	if (heap_is(heap, MEMMGR_KIND_SLAB))
		return heap_init_slab(heap, plan, c, why);
	err = heap_take_arena(heap, plan, why);
	if (err)
		return err;
	err = heap_clear_arena(heap, plan->bytes);
	if (err) {
		/* Killed, so there is nothing to set up. */
	} else if (heap_is(heap, MEMMGR_KIND_POOL)) {
		heap->max_align = plan->align;
		err = pool_init(&heap->pool, c->object_size, plan->align,
				c->count, heap->meta);
	} else if (heap_is(heap, MEMMGR_KIND_STACK)) {
		err = stack_init(&heap->stack, plan->bytes, plan->records,
				 heap->meta);
	} else {
		err = buddy_init(&heap->buddy, 0, plan->bytes >> plan->granule,
				 plan->granule, join, heap->meta);
	}
	if (err)
		heap_return_memory(heap);
	return err;
}

/* The span in which slabs lie, limited so that each slab begins at a page of the region. */
unsigned long slab_span(const struct memmgr_heap *heap, const struct slab_layout *layout)
{
	u64 bytes = heap->region->bytes, slab = 1ull << layout->shift;

	return min(bytes + heap->skew, ALIGN(bytes, slab));
}

/* Allocate the table that maps pages of the region to slabs, for all slab heaps. */
int slab_map_alloc(struct region *region)
{
	if (!heap_kind_built(MEMMGR_KIND_SLAB))
		return 0;
	region->slab_of = kvcalloc(region->bytes >> PAGE_SHIFT, sizeof(u32), HEAP_GFP);
	return region->slab_of ? 0 : -ENOMEM;
}

void slab_map_free(struct region *region)
{
	kvfree(region->slab_of);
	region->slab_of = NULL;
}

#define IN_IO_STRIDE	(1ull << 24)	/* bytes to check between two pauses */

/* Is any of the heap's memory the target of I/O? The heap has no mappings any more. */
bool heap_in_io(struct memmgr_heap *heap)
{
	u64 bytes = PAGE_ALIGN(heap->bytes);
	u32 n, shift, slab;
	u64 at;

	if (!heap_is(heap, MEMMGR_KIND_SLAB)) {
		for (at = 0; at < bytes; at += IN_IO_STRIDE) {
			if (region_in_io(heap->region, heap->arena + at,
					 min(bytes - at, IN_IO_STRIDE)))
				return true;
			cond_resched();
		}
		return false;
	}
	shift = heap->slabs.layout.shift;
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
