// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* What is known of a heap. */
#include <linux/mm.h>
#include <linux/string.h>

#include "heap.h"

/**
 * heap_stats - the books of a heap
 * @heap: the heap
 * @stats: the answer; size and heap are left alone
 *
 * Context: any. O(orders).
 */
void heap_stats(struct memmgr_heap *heap, struct memmgr_stats *stats)
{
	struct engine_books books;
	struct engine_frag frag;
	unsigned long flags;

	flags = heap_lock(heap);
	heap->engine.ops->books(&heap->engine, &books);
	heap->engine.ops->frag(&heap->engine, &frag);
	/* What is in quarantine is used, but nobody's. */
	books.live -= quarantine_blocks(heap);
	stats->resizes = heap->resizes;
	stats->refused_frees = heap->refused;
	stats->fallbacks = heap->fallbacks;
	stats->waits = heap->waits;
	stats->records = heap->used_records;
	stats->kernel_live = heap_kernel_live(heap);
	memcpy(stats->failures, heap->failures, sizeof(stats->failures));
	stats->zeroed = heap->zeroed;
	stats->zero_ns = heap->zero_ns;
	stats->violations = heap->violations;
	stats->injected = heap->failures[MEMMGR_REASON_INJECTED];
	heap_unlock(heap, flags);

	stats->live = books.live;
	stats->total = books.total;
	stats->used = books.used;
	stats->free = books.total - books.used;
	stats->peak = books.peak;
	stats->requested = books.requested;
	stats->largest = frag.largest;
	stats->allocs = books.allocs;
	stats->frees = books.allocs - books.live;
	stats->joins = books.joins;
	memcpy(stats->classes, books.classes, sizeof(stats->classes));
}

/**
 * heap_frag - the fragmentation of a heap
 * @heap: the heap
 * @out: the answer; size and heap are left alone
 *
 * Context: any. O(orders).
 */
void heap_frag(struct memmgr_heap *heap, struct memmgr_frag *out)
{
	struct engine_frag frag;
	unsigned long flags;
	u32 o;

	flags = heap_lock(heap);
	heap->engine.ops->frag(&heap->engine, &frag);
	heap_unlock(heap, flags);

	*out = (struct memmgr_frag) {
		.size = out->size,
		.heap = out->heap,
		.orders = frag.orders,
		.unit = frag.unit,
		.free = frag.free,
		.largest = frag.largest,
	};
	out->free_blocks = frag_indices(&frag, out->unusable, out->index);
	out->external = frag_external(&frag);
	out->internal = frag_internal(&frag);
	for (o = 0; o < frag.orders; o++) {
		out->blocks[o] = frag.blocks[o];
		out->aligned[o] = (u64)frag.aligned[o] * (u32)frag.unit;
	}
}

/* The records against the engine: each names a live block that knows of it. */
static const char *records_check(struct memmgr_heap *heap, u64 *offset)
{
	u32 used = 0, free = 0;
	u32 i;

	for (i = 0; i < heap->max_records; i++) {
		const struct record *record = &heap->records[i];
		struct engine_block block;

		if (record->state == RECORD_FREE)
			continue;
		used++;
		*offset = record->offset;
		/* Between two places its block is something else. */
		if (record->state == RECORD_MOVING)
			continue;
		if (heap->engine.ops->find(&heap->engine, record_block(record), &block))
			return "record of no block";
		if (!block.recorded || block.requested != record_request(record))
			return "record and block disagree";
	}
	for (i = heap->free_record; i != RECORD_NONE; i = heap->records[i].next)
		if (i >= heap->max_records || ++free > heap->max_records)
			return "list of free records";
	*offset = 0;
	return used != heap->used_records ||
	       used + free + heap->spent_records != heap->max_records ?
	       "number of records" : NULL;
}

/* Look at all red zones: the last damaged one is told, all are reported. */
static const char *records_check_zones(struct memmgr_heap *heap, u64 *offset)
{
	const char *what = NULL;
	u32 i;

	for (i = 0; i < heap->max_records; i++) {
		const struct record *record = &heap->records[i];

		if (record->state == RECORD_FREE || !zones_check(heap, record))
			continue;
		*offset = record->offset;
		what = "red zone";
	}
	return what;
}

/**
 * heap_check - verify every invariant of a heap
 * @heap: the heap
 * @check: the answer; size and heap are left alone
 *
 * Context: process. Cost: a walk over everything, with the lock held; the poison of
 * what is in quarantine is looked at without it.
 * Return: 0, -EUCLEAN, or -EOPNOTSUPP in a build without checks.
 */
int heap_check(struct memmgr_heap *heap, struct memmgr_check *check)
{
	struct engine_fault fault;
	unsigned long flags;
	u64 place;

	if (!heap->engine.ops->check)
		return -EOPNOTSUPP;
	flags = heap_lock(heap);
	if (heap->engine.ops->check(&heap->engine, &fault))
		fault.what = records_check(heap, &fault.offset) ? :
			     records_check_zones(heap, &fault.offset);
	heap_unlock(heap, flags);
	if (!fault.what && quarantine_check(heap, &fault.offset))
		fault.what = "poison";
	if (!fault.what && track_check_zones(heap, &place)) {
		fault.what = "red zone";
		flags = heap_lock(heap);
		fault.offset = heap_unplace(heap, place);
		heap_unlock(heap, flags);
	}
	check->checked = fault.checked;
	check->offset = fault.what ? fault.offset : 0;
	strscpy_pad(check->what, fault.what ? fault.what : "",
		    sizeof(check->what));
	return fault.what ? -EUCLEAN : 0;
}

static void query_kind(const struct memmgr_heap *heap,
		       struct memmgr_heap_query *query)
{
	switch (heap->kind) {
	case MEMMGR_KIND_SLAB:
		query->object_size = heap->slabs.layout.object;
		query->granule = heap->slabs.layout.stride;
		query->count = heap->slabs.layout.objects;
		break;
	case MEMMGR_KIND_POOL:
		query->object_size = heap->pool.block;
		query->granule = heap->pool.stride;
		query->count = heap->pool.count;
		break;
	default:
		query->granule = heap->align;
		break;
	}
}

/**
 * heap_query - the make of a heap
 * @heap: the heap
 * @client: who asks
 * @query: the answer; size and flags are left alone
 *
 * Context: any.
 */
void heap_query(struct memmgr_heap *heap, struct client *client,
		struct memmgr_heap_query *query)
{
	struct memmgr_heap *fallback = heap_get_fallback(heap);
	struct heap_rights rights = heap_rights_of(heap);
	struct region *region = heap->region;
	unsigned long flags;
	u32 held = 0;

	strscpy_pad(query->name, heap->name, sizeof(query->name));
	query->heap = heap->id;
	query->kind = heap->kind;
	query->heap_flags = heap->flags;
	query->bytes = heap->bytes;
	query->align = heap->align;
	query->max_align = heap->max_align;
	query->max_allocations = heap->max_records;
	query->fallback = fallback ? fallback->id : 0;
	query->offset = heap->arena;
	query->held = heap->bytes;
	query->object_size = 0;
	query->count = 0;
	query->map_offset = ~0ull;
	query->map_size = 0;
	query->mode = rights.mode;
	query->uid = __kuid_val(rights.uid);
	query->gid = __kgid_val(rights.gid);
	query->pad = 0;
	query->kernel_bytes = heap->kernel_bytes;
	query_kind(heap, query);
	if (heap_is(heap, MEMMGR_KIND_SLAB)) {
		flags = heap_lock(heap);
		held = heap->slabs.held;
		heap_unlock(heap, flags);
		query->held = (u64)held << heap->slabs.layout.shift;
	}
	if (heap->client == client && heap->arena_window != HEAP_NO_WINDOW) {
		query->map_offset = (u64)heap->arena_window <<
				    (region->window_shift + PAGE_SHIFT);
		query->map_size = PAGE_ALIGN(heap->bytes);
	}
	if (fallback)
		heap_put(fallback);
}

/* One step of a walk over a heap. The lock is dropped between steps. */
bool heap_next_block(struct memmgr_heap *heap, u64 *pos,
		     struct engine_block *block)
{
	unsigned long flags;
	bool more;

	flags = heap_lock(heap);
	more = heap->engine.ops->next(&heap->engine, pos, block);
	heap_unlock(heap, flags);
	return more;
}

static bool heap_holds(struct memmgr_heap *heap, u64 place)
{
	if (heap_is(heap, MEMMGR_KIND_SLAB))
		return place + heap->skew < heap->span &&
		       heap_slab_of(heap, place + heap->skew) < SLAB_NOT_OURS;
	return place >= heap->arena && place - heap->arena < PAGE_ALIGN(heap->bytes);
}

/* The heap that a block of main was given to; main when it is an allocation. */
u32 heap_owner(struct region *region, u64 place)
{
	struct memmgr_heap *heap;
	u32 id;

	for (id = 1; (heap = heap_get_next(region, id)); id++) {
		bool holds = heap_holds(heap, place);

		id = heap->id;
		heap_put(heap);
		if (holds)
			return id;
	}
	return MEMMGR_HEAP_MAIN;
}

u32 heap_count(struct region *region)
{
	u32 id, n = 0;

	for (id = 0; id < MEMMGR_MAX_HEAPS; id++)
		n += !!rcu_access_pointer(region->heaps[id]);
	return n;
}

static void picture_add(struct memmgr_cell *cells, u64 cell_bytes,
			const struct engine_block *block, u32 owner)
{
	u64 end = block->offset + block->granted;
	u64 at = block->offset;
	u64 i = div64_u64(at, cell_bytes);

	cells[i].blocks++;
	for (; at < end; i++) {
		u64 part = min(end, (i + 1) * cell_bytes) - at;

		/* The heap that has most of a cell: the first to reach half. */
		if (cells[i].heap == MEMMGR_HEAP_ANY || part * 2 >= cell_bytes)
			cells[i].heap = owner;
		cells[i].used += part;
		at += part;
	}
}

/**
 * heap_picture - a picture of the region, as seen by heap main
 * @region: the region
 * @cells: to fill, all zero
 * @count: that there are
 * @cell_bytes: what each stands for, whole pages
 *
 * Blocks that come and go meanwhile may be missed or seen; what lives all the
 * time is seen once.
 *
 * Context: process. Cost: a walk over main; the lock is dropped at each step.
 * Return: cells that were filled.
 */
u32 heap_picture(struct region *region, struct memmgr_cell *cells, u32 count,
		 u64 *cell_bytes)
{
	struct memmgr_heap *main = heap_get(region, MEMMGR_HEAP_MAIN);
	struct engine_block block;
	u64 pos = 0;
	u32 i;

	if (!main)
		return 0;
	*cell_bytes = PAGE_ALIGN(div64_u64(region->bytes + count - 1, count));
	count = div64_u64(region->bytes + *cell_bytes - 1, *cell_bytes);
	for (i = 0; i < count; i++)
		cells[i].heap = MEMMGR_HEAP_ANY;
	while (heap_next_block(main, &pos, &block)) {
		if (block.used)
			picture_add(cells, *cell_bytes, &block,
				    heap_owner(region, block.offset));
		cond_resched();
	}
	heap_put(main);
	return count;
}
