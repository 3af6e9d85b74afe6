// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The memory of a heap: taking it from main, clearing it, giving it back. */
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "core/engine.h"
#include "core/handle.h"
#include "heap/account.h"
#include "heap/arena.h"
#include "heap/heap.h"
#include "heap/kinds.h"
#include "heap/records.h"
#include "heap/shape.h"
#include "region/stop.h"
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

u64 plan_cost(const struct heap_shape *plan)
{
	return system_bytes(sizeof(struct memmgr_heap)) +
	       (plan->books ? system_bytes(plan->books) : 0);
}

/* System memory that a heap takes now, in bytes. Context: any. */
u64 heap_cost(struct memmgr_heap *heap)
{
	unsigned long flags = heap_lock(heap);
	u64 bytes = heap->kernel_bytes + records_cost(heap);

	heap_unlock(heap, flags);
	return bytes;
}

/* Allocate the books that a heap has from its beginning, in one piece, before it exists. */
int heap_alloc_memory(struct memmgr_heap *heap, const struct heap_shape *plan)
{
	void *at = plan->books ? books_alloc(plan->books, HEAP_GFP) : NULL;

	if (plan->books && !at)
		return -ENOMEM;
	heap->books = at;
	heap->kernel_bytes = plan_cost(plan);
	records_setup(heap, plan, at);
	heap->meta = at + records_bytes(plan);
	return 0;
}

/*
 * Take the arena, aligned to its size if possible, so that a buddy or a stack in it can
 * serve alignments up to that size.
 */
static int heap_take_arena(struct memmgr_heap *heap, const struct heap_shape *plan,
			   struct engine_refusal *why)
{
	struct region *region = heap->region;
	u64 align = min(region->memory.max_align, rounddown_pow_of_two(plan->bytes));
	u64 least = max_t(u64, plan->align, PAGE_SIZE);
	int err = -ENOMEM;

	if (align > least)
		err = heap_main_take(region, plan->bytes, align, &heap->arena, why);
	if (err) {
		align = least;
		err = heap_main_take(region, plan->bytes, align, &heap->arena, why);
	}
	heap->max_align = align;
	heap->base = region->memory.virt + heap->arena;
	heap->span = plan->bytes;
	return err;
}

/* Give the arena back to heap main. */
void arena_give_back(struct memmgr_heap *heap)
{
	heap_main_give(heap->region, heap->arena);
}

#define CLEAR_PIECE	(1ull << 20)

/* Clear a private heap's arena of old data. A killed caller does not need the heap. */
static int heap_clear_arena(struct memmgr_heap *heap, u64 bytes)
{
	u64 at, step;

	stop_here(heap->region, STOP_MAKING);
	for (at = 0; at < bytes && heap->flags & MEMMGR_HEAP_PRIVATE; at += step) {
		step = min(bytes - at, CLEAR_PIECE);
		if (fatal_signal_pending(current))
			return -EINTR;
		region_clear(heap->region, heap->arena + at, step);
	}
	return 0;
}

int heap_init_engine(struct memmgr_heap *heap, const struct heap_shape *plan,
		     const struct memmgr_heap_create *c, struct engine_refusal *why)
{
	const struct heap_kind *kind = heap->traits;
	int err = 0;

	if (!heap_grows(heap)) {
		err = heap_take_arena(heap, plan, why);
		if (err)
			return err;
		err = heap_clear_arena(heap, plan->bytes);
	}
	if (!err)
		err = kind->init(heap, plan, c, why);
	if (err)
		kind->give_back(heap);
	return err;
}

#define IN_IO_STRIDE	(1ull << 24)	/* bytes to check between two pauses */

/* Is any of the arena the target of I/O? The heap has no mappings any more. */
bool arena_in_io(struct memmgr_heap *heap)
{
	u64 bytes = PAGE_ALIGN(heap->bytes);
	u64 at;

	for (at = 0; at < bytes; at += IN_IO_STRIDE) {
		if (region_in_io(heap->region, heap->arena + at, min(bytes - at, IN_IO_STRIDE)))
			return true;
		cond_resched();
	}
	return false;
}
