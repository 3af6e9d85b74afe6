// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Figures, descriptions and checks of a heap. */
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/sched/signal.h>
#include <linux/string.h>

#include "base/compat.h"
#include "core/engine.h"
#include "core/frag.h"
#include "heap/account.h"
#include "heap/arena.h"
#include "heap/heap.h"
#include "heap/kinds.h"
#include "heap/lookup.h"
#include "heap/moments.h"
#include "heap/origins.h"
#include "heap/record.h"
#include "heap/records.h"
#include "heap/rights.h"
#include "heap/stats.h"
#include "region/stop.h"
#include "region/region.h"

/**
 * heap_stats - read the books of a heap
 * @heap: the heap
 * @stats: the answer; size and heap are not changed
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
	/* Blocks in quarantine are used, but have no owner. */
	books.live -= heap->idle;
	stats->resizes = heap->counts.resizes;
	stats->refused_frees = heap->counts.refused;
	stats->fallbacks = heap->counts.fallbacks;
	stats->waits = heap->counts.waits;
	stats->records = heap->table.used;
	stats->kernel_live = heap_kernel_live(heap);
	memcpy(stats->failures, heap->counts.failures, sizeof(stats->failures));
	stats->zeroed = heap->counts.zeroed;
	stats->zero_ns = heap->counts.zero_ns;
	stats->violations = heap->counts.violations;
	stats->injected = heap->counts.failures[MEMMGR_REASON_INJECTED];
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
 * heap_frag - read the fragmentation of a heap
 * @heap: the heap
 * @out: the answer; size and heap are not changed
 *
 * Context: any. O(orders).
 */
void heap_frag(struct memmgr_heap *heap, struct memmgr_frag *out)
{
	struct engine_frag frag __uninitialized;	/* the engine fills it in */
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

#define CHECK_TRIES	4u	/* checks of a heap that changes meanwhile */
#define CHECK_UNITS	40u	/* units of the engine to check while the lock is held */
#define CHECK_RECORDS	32u	/* records, the same; a stack searches the block of each */
#define CHECK_LINKS	512u	/* free records, the same */

/**
 * struct records_walk - progress of a check of the records and their origins
 * @at: the next record or origin
 * @link: the next record in the list of free ones
 * @used: records in use met so far
 * @free: free records met in the list so far
 * @uses: uses of the origins met so far
 * @seq: number of the last allocation when the check began
 * @records: number of records in use then
 * @spent: number of used-up records then
 * @made: records in the table
 * @origins: origins in their table
 * @torn: the records have changed since
 * @what: the broken invariant, or NULL
 * @offset: offset of the last record in use
 */
struct records_walk {
	u32 at;
	u32 link;
	u32 used;
	u32 free;
	u32 uses;
	u64 seq;
	u32 records;
	u32 spent;
	u32 made;
	u32 origins;
	bool torn;
	const char *what;
	u64 offset;
};

/* Check that a used record names a live block, and that the two agree. */
static const char *record_check(struct memmgr_heap *heap, const struct record *record)
{
	struct engine_block block;

	heap_assert_locked(heap);
	if (!origin_uses(heap, record->origin))
		return "record of no origin";
	/* During a move the block at the old offset may be another one. */
	if (record->state == RECORD_MOVING)
		return NULL;
	if (heap->engine.ops->find(&heap->engine, record_block(record), &block))
		return "record of no block";
	if (!block.recorded || block.requested != record_request(record))
		return "record and block disagree";
	return NULL;
}

/* Check some records. False at the end, or when one is broken. */
static bool records_step(struct memmgr_heap *heap, struct records_walk *walk)
{
	u32 end = min(walk->at + CHECK_RECORDS, heap->table.records.made);

	heap_assert_locked(heap);
	for (; !walk->what && walk->at < end; walk->at++) {
		const struct record *record = heap_record(heap, walk->at);

		if (record->state == RECORD_FREE)
			continue;
		walk->used++;
		walk->offset = record->offset;
		walk->what = record_check(heap, record);
	}
	if (walk->at == heap->table.records.made)
		walk->link = heap->table.records.free;
	return !walk->what && walk->at < heap->table.records.made;
}

/* Check a part of the list of free records. If it has changed, it is not checked further. */
static bool links_step(struct memmgr_heap *heap, struct records_walk *walk)
{
	u32 n;

	for (n = 0; n < CHECK_LINKS && !walk->torn && walk->link != RECORD_NONE; n++) {
		if (walk->link >= heap->table.records.made ||
		    ++walk->free > heap->table.records.made) {
			walk->what = "list of free records";
			return false;
		}
		walk->link = heap_record(heap, walk->link)->next;
	}
	return !walk->torn && walk->link != RECORD_NONE;
}

/* Count the uses of some origins. */
static bool uses_step(struct memmgr_heap *heap, struct records_walk *walk)
{
	u32 end = min(walk->at + CHECK_RECORDS, heap->table.origins.made);

	for (; walk->at < end; walk->at++)
		walk->uses += origin_uses(heap, walk->at);
	return walk->at < heap->table.origins.made;
}

static void records_walk(struct memmgr_heap *heap, struct records_walk *walk,
			 bool (*step)(struct memmgr_heap *heap, struct records_walk *walk))
{
	unsigned long flags;
	bool more;

	do {
		flags = heap_lock(heap);
		/* Each use of a record advances seq; each end changes the number in use. */
		walk->torn |= heap->table.seq != walk->seq || heap->table.used != walk->records ||
			      heap->table.records.made != walk->made ||
			      heap->table.origins.made != walk->origins;
		more = step(heap, walk);
		heap_unlock(heap, flags);
		cond_resched();
	} while (more);
}

/* Check that the origins have as many uses as there are records in use. */
static void origins_check(struct memmgr_heap *heap, struct records_walk *walk)
{
	walk->at = 0;
	records_walk(heap, walk, uses_step);
	if (!walk->torn && walk->uses != walk->records) {
		walk->what = "number of origins";
		walk->offset = 0;
	}
}

/* Check the records against the engine. @torn: they changed, so sums cannot be compared. */
static const char *records_check(struct memmgr_heap *heap, u64 *offset, bool *torn)
{
	struct records_walk walk = { 0 };
	unsigned long flags;

	flags = heap_lock(heap);
	walk.seq = heap->table.seq;
	walk.records = heap->table.used;
	walk.spent = heap->table.spent;
	walk.made = heap->table.records.made;
	walk.origins = heap->table.origins.made;
	heap_unlock(heap, flags);
	records_walk(heap, &walk, records_step);
	if (!walk.what)
		records_walk(heap, &walk, links_step);
	if (!walk.what)
		origins_check(heap, &walk);
	*torn = walk.torn;
	if (!walk.what && !walk.torn &&
	    (walk.used != walk.records ||
	     walk.used + walk.free + walk.spent != walk.made)) {
		walk.what = "number of records";
		walk.offset = 0;
	}
	if (walk.what)
		*offset = walk.offset;
	return walk.what;
}

/* Check the engine, in steps. Returns false if it is broken. */
static bool engine_checks(struct memmgr_heap *heap, struct engine_check *c)
{
	unsigned long flags;
	bool more;

	memset(c, 0, sizeof(*c));
	do {
		flags = heap_lock(heap);
		more = engine_check(&heap->engine, c, CHECK_UNITS);
		heap_unlock(heap, flags);
		stop_here(heap->region, STOP_CHECKING);
		cond_resched();
	} while (more && !fatal_signal_pending(current));
	return !c->fault.what;
}

/* Check engine and records; again while they change, up to CHECK_TRIES times. */
static const char *books_check(struct memmgr_heap *heap, struct engine_check *c, bool *torn)
{
	const char *what;
	bool moved;
	u32 tries;

	for (tries = 0; tries < CHECK_TRIES; tries++) {
		if (!engine_checks(heap, c))
			return c->fault.what;
		what = records_check(heap, &c->fault.offset, &moved);
		stop_here(heap->region, STOP_CHECKED);
		*torn = c->torn || moved;
		if (what || !*torn || fatal_signal_pending(current))
			return what;
	}
	return NULL;
}

/**
 * heap_check - verify every invariant of a heap
 * @heap: the heap
 * @check: the answer; size and heap are not changed
 *
 * Context: process, may sleep. Cost: a walk over everything, at most CHECK_TRIES times.
 * The lock is dropped after a few thousand instructions each.
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

/**
 * region_cost - system memory that the books of a region and of its heaps take
 * @region: the region
 *
 * Context: process, may sleep. O(heaps).
 * Return: bytes, without what the features of debug/ take.
 */
u64 region_cost(struct region *region)
{
	u64 bytes = PAGE_ALIGN(sizeof(*region));
	struct memmgr_heap *heap;
	u32 id;

	if (READ_ONCE(region->slab_of))
		bytes += system_bytes((region->memory.bytes >> PAGE_SHIFT) * sizeof(u32));
	for (id = 0; (heap = heap_get_next(region, id)); id++) {
		id = heap->id;
		bytes += heap_cost(heap);
		heap_put(heap);
	}
	return bytes;
}

/**
 * heap_query - describe a heap
 * @heap: the heap
 * @client: the caller
 * @query: the answer; size and flags are not changed
 *
 * Context: any.
 */
void heap_query(struct memmgr_heap *heap, struct client *client,
		struct memmgr_heap_query *query)
{
	struct memmgr_heap *fallback = heap_get_fallback(heap);
	struct heap_rights rights = heap_rights_of(heap);
	struct region *region = heap->region;

	strscpy_pad(query->name, heap->name, sizeof(query->name));
	query->heap = heap->id;
	query->kind = heap->kind;
	query->heap_flags = heap->flags;
	query->bytes = heap->bytes;
	query->align = heap->align;
	query->max_align = heap->max_align;
	query->max_allocations = heap->table.max;
	query->fallback = fallback ? fallback->id : 0;
	query->offset = heap->arena;
	query->held = heap->bytes;
	query->object_size = heap->capacity;
	query->granule = heap->align;
	query->count = 0;
	query->map_offset = ~0ull;
	query->map_size = 0;
	query->mode = rights.mode;
	query->uid = __kuid_val(rights.uid);
	query->gid = __kgid_val(rights.gid);
	query->pad = 0;
	query->kernel_bytes = heap_cost(heap);
	if (heap->traits->query)
		heap->traits->query(heap, query);
	if (heap->client == client && heap->table.arena_window != HEAP_NO_WINDOW) {
		query->map_offset = (u64)heap->table.arena_window <<
				    (region->view.window_shift + PAGE_SHIFT);
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

/* The heap that got a block of main as its memory; main if it is an allocation. */
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

		/* The heap with most of a cell: the first one to reach half. */
		if (cells[i].heap == MEMMGR_HEAP_ANY || part * 2 >= cell_bytes)
			cells[i].heap = owner;
		cells[i].used += part;
		at += part;
	}
}

/**
 * heap_picture - show the region as cells, as seen by heap main
 * @region: the region
 * @cells: cells to fill, all zero
 * @count: number of cells
 * @cell_bytes: set to the bytes that each cell stands for, whole pages
 *
 * Blocks that come or go meanwhile may be missed or seen. A block that lives all the time
 * is seen once.
 *
 * Context: process. Cost: a walk over main; the lock is dropped at each step.
 * Return: number of cells filled.
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
	*cell_bytes = PAGE_ALIGN(div64_u64(region->memory.bytes + count - 1, count));
	count = div64_u64(region->memory.bytes + *cell_bytes - 1, *cell_bytes);
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
 * heap_info - describe an allocation
 * @heap: the heap that the handle names
 * @client: the caller
 * @handle: handle of the allocation
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
	/* A query does not end a move. */
	if (record == ERR_PTR(-EAGAIN))
		record = record_of(heap, handle);
	err = PTR_ERR_OR_ZERO(record);
	if (!err)
		record_describe(heap, record, &viewer, info);
	heap_unlock(heap, flags);
	return err;
}

#define NEXT_STEPS	64u	/* records to look at while the lock is held */

/**
 * heap_info_next - describe the first live allocation at or behind an index of the table
 * @heap: the heap
 * @client: the caller; NULL: a file of debugfs
 * @index: index to begin at; set to the index to continue at
 * @info: the answer
 *
 * Context: process, may sleep. Under the lock only NEXT_STEPS records are looked at.
 * Return: false if there are no more.
 */
bool heap_info_next(struct memmgr_heap *heap, struct client *client,
		    u32 *index, struct memmgr_info *info)
{
	struct viewer viewer = viewer_of(client);
	bool found = false;
	unsigned long flags;
	u32 end;

	while (!found && *index < heap_made_records(heap)) {
		end = min(*index + NEXT_STEPS, heap_made_records(heap));
		flags = heap_lock(heap);
		for (; !found && *index < end; ++*index) {
			u32 i = array_index_nospec(*index, end);
			struct record *record = heap_record(heap, i);

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

/* Number of blocks that kernel code holds. */
u32 heap_kernel_live(struct memmgr_heap *heap)
{
	struct engine_books books;

	heap_assert_locked(heap);
	heap->engine.ops->books(&heap->engine, &books);
	if (heap->table.record_at)
		books.live -= heap->stack.abandoned;
	return books.live - heap->table.used - heap->idle;
}

/* Size of every block of the heap; 0 if blocks have the requested size. */
u64 heap_capacity(const struct memmgr_heap *heap)
{
	return heap->capacity;
}
