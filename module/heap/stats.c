// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* What is known of a heap. */
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/sched/signal.h>
#include <linux/string.h>

#include "core/engine.h"
#include "core/frag.h"
#include "heap/account.h"
#include "heap/heap.h"
#include "heap/lookup.h"
#include "heap/moments.h"
#include "heap/record.h"
#include "heap/rights.h"
#include "heap/stats.h"
#include "region/hold.h"
#include "region/region.h"

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
	books.live -= heap->idle;
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

#define CHECK_TRIES	4u	/* of a heap that changes while it is checked */
#define CHECK_UNITS	40u	/* of the engine, looked at with the lock held */
#define CHECK_RECORDS	32u	/* the same; a stack looks for the block of each */
#define CHECK_LINKS	512u	/* of the list of free records, the same */

/**
 * struct records_walk - how far a check of the records has come
 * @at: the next one
 * @link: the next one in the list of free ones
 * @used: that are in use so far
 * @free: that are in the list so far
 * @seq: number of the last allocation when it began
 * @records: that were in use then
 * @spent: that were used up then
 * @torn: there were others since
 * @what: is broken, or NULL
 * @offset: of the last one in use
 */
struct records_walk {
	u32 at;
	u32 link;
	u32 used;
	u32 free;
	u64 seq;
	u32 records;
	u32 spent;
	bool torn;
	const char *what;
	u64 offset;
};

/* A record in use names a live block that knows of it. Under the lock. */
static const char *record_check(struct memmgr_heap *heap, const struct record *record)
{
	struct engine_block block;

	/* Between two places its block is something else. */
	if (record->state == RECORD_MOVING)
		return NULL;
	if (heap->engine.ops->find(&heap->engine, record_block(record), &block))
		return "record of no block";
	if (!block.recorded || block.requested != record_request(record))
		return "record and block disagree";
	return NULL;
}

/* A step over the records: false at the end, or when one is broken. Under the lock. */
static bool records_step(struct memmgr_heap *heap, struct records_walk *walk)
{
	u32 end = min(walk->at + CHECK_RECORDS, heap->max_records);

	for (; !walk->what && walk->at < end; walk->at++) {
		const struct record *record = &heap->records[walk->at];

		if (record->state == RECORD_FREE)
			continue;
		walk->used++;
		walk->offset = record->offset;
		walk->what = record_check(heap, record);
	}
	if (walk->at == heap->max_records)
		walk->link = heap->free_record;
	return !walk->what && walk->at < heap->max_records;
}

/* The same over the list of free ones, which is another list when it has changed. */
static bool links_step(struct memmgr_heap *heap, struct records_walk *walk)
{
	u32 n;

	for (n = 0; n < CHECK_LINKS && !walk->torn && walk->link != RECORD_NONE; n++) {
		if (walk->link >= heap->max_records || ++walk->free > heap->max_records) {
			walk->what = "list of free records";
			return false;
		}
		walk->link = heap->records[walk->link].next;
	}
	return !walk->torn && walk->link != RECORD_NONE;
}

static void records_walk(struct memmgr_heap *heap, struct records_walk *walk,
			 bool (*step)(struct memmgr_heap *heap, struct records_walk *walk))
{
	unsigned long flags;
	bool more;

	do {
		flags = heap_lock(heap);
		/* Each use of a record moves seq on, each end changes their number. */
		walk->torn |= heap->seq != walk->seq || heap->used_records != walk->records;
		more = step(heap, walk);
		heap_unlock(heap, flags);
		cond_resched();
	} while (more);
}

/* The records against the engine. @torn: they changed, so that sums say nothing. */
static const char *records_check(struct memmgr_heap *heap, u64 *offset, bool *torn)
{
	struct records_walk walk = { 0 };
	unsigned long flags;

	flags = heap_lock(heap);
	walk.seq = heap->seq;
	walk.records = heap->used_records;
	walk.spent = heap->spent_records;
	heap_unlock(heap, flags);
	records_walk(heap, &walk, records_step);
	if (!walk.what)
		records_walk(heap, &walk, links_step);
	*torn = walk.torn;
	if (!walk.what && !walk.torn &&
	    (walk.used != walk.records ||
	     walk.used + walk.free + walk.spent != heap->max_records)) {
		walk.what = "number of records";
		walk.offset = 0;
	}
	if (walk.what)
		*offset = walk.offset;
	return walk.what;
}

/* The engine, in steps. False: it is broken. */
static bool engine_checks(struct memmgr_heap *heap, struct engine_check *c)
{
	unsigned long flags;
	bool more;

	memset(c, 0, sizeof(*c));
	do {
		flags = heap_lock(heap);
		more = engine_check(&heap->engine, c, CHECK_UNITS);
		heap_unlock(heap, flags);
		hold_here(heap->region, HOLD_CHECKING);
		cond_resched();
	} while (more && !fatal_signal_pending(current));
	return !c->fault.what;
}

/* Engine and records; again while they change, but not for ever. */
static const char *books_check(struct memmgr_heap *heap, struct engine_check *c, bool *torn)
{
	const char *what;
	bool moved;
	u32 tries;

	for (tries = 0; tries < CHECK_TRIES; tries++) {
		if (!engine_checks(heap, c))
			return c->fault.what;
		what = records_check(heap, &c->fault.offset, &moved);
		hold_here(heap->region, HOLD_CHECKED);
		*torn = c->torn || moved;
		if (what || !*torn || fatal_signal_pending(current))
			return what;
	}
	return NULL;
}

/**
 * heap_check - verify every invariant of a heap
 * @heap: the heap
 * @check: the answer; size and heap are left alone
 *
 * Context: process, may sleep. Cost: a walk over everything, at most CHECK_TRIES times;
 * the lock is dropped after a few thousand instructions each.
 * Return: 0, -EUCLEAN, -EINTR, or -EOPNOTSUPP in a build without checks.
 */
int heap_check(struct memmgr_heap *heap, struct memmgr_check *check)
{
	const struct heap_moments *moments = heap_moments(heap);
	struct engine_check c;
	bool torn = false;
	const char *what;

	if (!env_checks)
		return -EOPNOTSUPP;
	what = books_check(heap, &c, &torn);
	if (!what && moments)
		what = moments->verify(heap, &c.fault.offset);
	check->flags = torn ? MEMMGR_CHECK_TORN : 0;
	check->checked = c.fault.checked;
	check->offset = what ? c.fault.offset : 0;
	strscpy_pad(check->what, what ? what : "", sizeof(check->what));
	if (what)
		return -EUCLEAN;
	return fatal_signal_pending(current) ? -EINTR : 0;
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

/* One step of a walk over a heap, see engine_ops.next. The lock is dropped between steps. */
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

/**
 * heap_info - what is known of an allocation
 * @heap: that its handle names
 * @client: who asks
 * @handle: of the allocation
 * @info: the answer
 *
 * Context: process. O(1); for a stack O(log live).
 * Return: 0, -EBADF, -EACCES or -EBUSY.
 */
int heap_info(struct memmgr_heap *heap, struct client *client, u64 handle,
	      struct memmgr_info *info)
{
	struct viewer viewer = viewer_of(client);
	struct record *record;
	unsigned long flags;
	int err;

	flags = heap_lock(heap);
	record = record_use(heap, &viewer, handle);
	/* A look does not end its move. */
	if (record == ERR_PTR(-EAGAIN))
		record = record_of(heap, handle);
	err = PTR_ERR_OR_ZERO(record);
	if (!err)
		record_describe(heap, record, &viewer, info);
	heap_unlock(heap, flags);
	return err;
}

#define NEXT_STEPS	64u	/* records to look at with the lock held */

/**
 * heap_info_next - the first live allocation at or behind a place in the table
 * @heap: the heap
 * @client: who asks; NULL: a file of debugfs
 * @index: where to begin, and where to go on
 * @info: the answer
 *
 * Context: process, may sleep. A bounded number of records is looked at in one go.
 * Return: false when there are no more.
 */
bool heap_info_next(struct memmgr_heap *heap, struct client *client,
		    u32 *index, struct memmgr_info *info)
{
	struct viewer viewer = viewer_of(client);
	bool found = false;
	unsigned long flags;
	u32 end;

	while (!found && *index < heap->max_records) {
		end = min(*index + NEXT_STEPS, heap->max_records);
		flags = heap_lock(heap);
		for (; !found && *index < end; ++*index) {
			u32 i = array_index_nospec(*index, heap->max_records);
			struct record *record = &heap->records[i];

			found = record->state != RECORD_FREE &&
				record->state != RECORD_NEW;
			if (found)
				record_describe(heap, record, &viewer, info);
		}
		heap_unlock(heap, flags);
		cond_resched();
	}
	return found;
}

/* Blocks that kernel code holds. Under the heap's lock. */
u32 heap_kernel_live(struct memmgr_heap *heap)
{
	struct engine_books books;

	heap->engine.ops->books(&heap->engine, &books);
	if (heap_is(heap, MEMMGR_KIND_STACK))
		books.live -= heap->stack.abandoned;
	return books.live - heap->used_records - heap->idle;
}

/* What each block of the heap has; 0: what is asked for. */
u64 heap_capacity(const struct memmgr_heap *heap)
{
	if (heap_is(heap, MEMMGR_KIND_SLAB))
		return heap->slabs.layout.object;
	if (heap_is(heap, MEMMGR_KIND_POOL))
		return heap->pool.block;
	return 0;
}
