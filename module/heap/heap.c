// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Heaps come and go. */
#include <linux/capability.h>
#include <linux/ctype.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "heap/heap.h"
#include "region/hold.h"
#include "debug/latency.h"

/* Main's lock is taken inside that of a slab heap: lockdep has to know. */
static struct lock_class_key main_lock_key;

static const char * const kind_names[MEMMGR_KINDS] = {
	[MEMMGR_KIND_BUDDY]	= "buddy",
	[MEMMGR_KIND_SLAB]	= "slab",
	[MEMMGR_KIND_POOL]	= "pool",
	[MEMMGR_KIND_STACK]	= "stack",
};

const char *heap_kind_name(u32 kind)
{
	return kind < MEMMGR_KINDS ? kind_names[kind] : "?";
}

/* Give the spare back to the engine. */
static noinline void heap_settle(struct memmgr_heap *heap)
{
	unsigned long distance = heap->spare - heap->base;
	u32 shift = heap->slabs.layout.shift;

	heap->spare = NULL;
	if (heap_kind_built(MEMMGR_KIND_SLAB))
		slab_give_to(&heap->slabs, heap_slab_of(heap, distance),
			     distance & ((1u << shift) - 1), 0);
}

/**
 * heap_lock - lock a heap
 * @heap: the heap
 *
 * What the engine says is the truth then: there is no spare.
 *
 * Context: any; disables interrupts.
 * Return: for heap_unlock().
 */
unsigned long heap_lock(struct memmgr_heap *heap)
	__acquires(&heap->lock)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&heap->lock, flags);
	if (unlikely(heap->spare))
		heap_settle(heap);
	return flags;
}

static struct memmgr_heap *heap_locked(struct region *region, u32 id)
{
	return rcu_dereference_protected(region->heaps[id],
					 lockdep_is_held(&region->heap_mutex));
}

/* The heap with an id, with a reference; NULL when there is none. */
struct memmgr_heap *heap_get(struct region *region, u32 id)
{
	struct memmgr_heap *heap;

	if (id >= MEMMGR_MAX_HEAPS)
		return NULL;
	id = array_index_nospec(id, MEMMGR_MAX_HEAPS);
	rcu_read_lock();
	heap = rcu_dereference(region->heaps[id]);
	if (heap && !refcount_inc_not_zero(&heap->users))
		heap = NULL;
	rcu_read_unlock();
	return heap;
}

/* The first heap with at least that id. */
struct memmgr_heap *heap_get_next(struct region *region, u32 id)
{
	struct memmgr_heap *heap;

	for (; id < MEMMGR_MAX_HEAPS; id++) {
		heap = heap_get(region, id);
		if (heap)
			return heap;
	}
	return NULL;
}

struct memmgr_heap *heap_get_named(struct region *region, const char *name)
{
	struct memmgr_heap *heap;
	u32 id;

	for (id = 0; (heap = heap_get_next(region, id)); id++) {
		if (!strcmp(heap->name, name))
			return heap;
		id = heap->id;
		heap_put(heap);
	}
	return NULL;
}

static bool heap_has_window(const struct memmgr_heap *heap, u32 window)
{
	if (heap->arena_window != HEAP_NO_WINDOW && heap->arena_window == window)
		return true;
	return heap->window != HEAP_NO_WINDOW && window >= heap->window &&
	       window - heap->window < heap->max_records;
}

/* The heap that a window of the mmap() offsets belongs to. */
struct memmgr_heap *heap_get_window(struct region *region, u32 window)
{
	struct memmgr_heap *heap;
	u32 id;

	for (id = 0; (heap = heap_get_next(region, id)); id++) {
		if (heap_has_window(heap, window))
			return heap;
		id = heap->id;
		heap_put(heap);
	}
	return NULL;
}

/**
 * heap_main_take - take memory from the region for a heap
 * @region: the region
 * @bytes: size
 * @align: 0 or a power of two
 * @place: where it is
 * @why: the reason of -ENOMEM, as heap main sees it
 *
 * What a slab heap asks for, whole slabs so aligned, an index shows: there is nothing to
 * search. For others the lock is dropped between the steps of a search.
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
	 * As if it had a record: neither a user, who has no handle of it, nor
	 * a driver that holds main can free it then.
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

/* Give it back; same context and cost. */
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

/*
 * The next change of main calls health_kick(). It counts as a waiter, so that a
 * driver's free needs no look of its own for it.
 */
void heap_watch(struct memmgr_heap *main)
{
	unsigned long flags;

	flags = heap_lock(main);
	main->waiters += !main->watched;
	main->watched = true;
	heap_unlock(main, flags);
}

/* True when it was watched. A slab heap's lock may be held. */
bool heap_unwatch(struct memmgr_heap *main)
{
	unsigned long flags;
	bool watched;

	flags = heap_lock(main);
	watched = main->watched;
	main->waiters -= watched;
	main->watched = false;
	heap_unlock(main, flags);
	return watched;
}

/* Blocks that kernel code holds. Under the heap's lock. */
u32 heap_kernel_live(struct memmgr_heap *heap)
{
	struct engine_books books;

	heap->engine.ops->books(&heap->engine, &books);
	if (heap_is(heap, MEMMGR_KIND_STACK))
		books.live -= heap->stack.abandoned;
	return books.live - heap->used_records - quarantine_blocks(heap);
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
	/* Its client may map all of it, not just the objects that it gets. */
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

/* What may be mapped cannot go before the mappings do: see heap_trim(). */
static bool slab_source_shrink(void *context, u32 number)
{
	struct memmgr_heap *heap = context;

	if (heap->flags & MEMMGR_HEAP_PRIVATE)
		return false;
	slab_return(heap, number);
	return true;
}

/*
 * Give back slab @n, which slab_leaving() named: no fault maps it any more. Drops the lock
 * while what is mapped of it goes. Meanwhile an allocation may need it again, so that
 * slab_left() has the last word; while I/O holds it, it goes later.
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
 * heap_trim - give back the slabs of a private heap that became empty
 * @heap: any heap
 *
 * Context: process, may sleep, no locks held. Cost: the mappings of each such slab; what
 * I/O holds is looked at again by the worker of heap_hold.c.
 */
void heap_trim(struct memmgr_heap *heap)
{
	unsigned long flags;
	u32 n, tries;
	bool left;

	if (!heap_is(heap, MEMMGR_KIND_SLAB))
		return;
	flags = heap_lock(heap);
	/* One at a time, or a slab would be named twice. */
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

static bool name_ok(const char *name)
{
	const char *p;

	for (p = name; *p && p - name < MEMMGR_NAME_LEN; p++)
		if (!isalnum(*p) && !strchr("-_.", *p))
			return false;
	return p != name && p - name < MEMMGR_NAME_LEN;
}

/*
 * What a client's heap may cost the system: 1/16 of the memory that it holds, 1/8 for
 * small objects, and so much more.
 */
#define COST_SHIFT		4
#define COST_SMALL_SHIFT	3
#define COST_BASE		(16u << 10)
#define SMALL_OBJECT		16u

/* Which fields of a configuration a kind takes, and which it needs; the others must be 0. */
static const struct {
	u32 takes;
	u32 needs;
} kind_fields[MEMMGR_KINDS] = {
	[MEMMGR_KIND_BUDDY]	= {
		.takes = HEAP_FIELD_BYTES | HEAP_FIELD_GRANULE | HEAP_FIELD_NO_JOIN,
		.needs = HEAP_FIELD_BYTES,
	},
	[MEMMGR_KIND_SLAB]	= {
		.takes = HEAP_FIELD_BYTES | HEAP_FIELD_OBJECT | HEAP_FIELD_ALIGN |
			 HEAP_FIELD_COUNT,
		.needs = HEAP_FIELD_OBJECT,
	},
	[MEMMGR_KIND_POOL]	= {
		.takes = HEAP_FIELD_BYTES | HEAP_FIELD_OBJECT | HEAP_FIELD_ALIGN |
			 HEAP_FIELD_COUNT,
		.needs = HEAP_FIELD_OBJECT | HEAP_FIELD_COUNT,
	},
	[MEMMGR_KIND_STACK]	= {
		.takes = HEAP_FIELD_BYTES,
		.needs = HEAP_FIELD_BYTES,
	},
};

/**
 * heap_config_fields - which fields do not go with the kind
 * @c: of a kind that there is
 * @missing: HEAP_FIELD_* that the kind needs and that are not given
 *
 * Context: any.
 * Return: HEAP_FIELD_* that are given and that the kind does not take.
 */
u32 heap_config_fields(const struct memmgr_heap_create *c, u32 *missing)
{
	u32 kind = array_index_nospec(c->kind, MEMMGR_KINDS);
	u32 given = (c->bytes ? HEAP_FIELD_BYTES : 0) |
		    (c->object_size ? HEAP_FIELD_OBJECT : 0) |
		    (c->align ? HEAP_FIELD_ALIGN : 0) |
		    (c->count ? HEAP_FIELD_COUNT : 0) |
		    (c->granule ? HEAP_FIELD_GRANULE : 0) |
		    (c->flags & MEMMGR_HEAP_NO_JOIN ? HEAP_FIELD_NO_JOIN : 0);

	*missing = kind_fields[kind].needs & ~given;
	return given & ~kind_fields[kind].takes;
}

/* A private heap is its client's: it has no mode. */
static bool config_rights_ok(const struct memmgr_heap_create *c)
{
	if (c->flags & MEMMGR_HEAP_MODE)
		return !(c->flags & MEMMGR_HEAP_PRIVATE) && heap_mode_ok(c->mode) && !c->pad;
	return !(c->mode | c->uid | c->gid | c->pad);
}

static int config_check(const struct memmgr_heap_create *c)
{
	u32 missing;

	if (c->kind >= MEMMGR_KINDS || !name_ok(c->name) || c->reserved)
		return -EINVAL;
	if (c->flags & ~(MEMMGR_HEAP_PRIVATE | MEMMGR_HEAP_FALLBACK |
			 MEMMGR_HEAP_NO_JOIN | MEMMGR_HEAP_MODE))
		return -EINVAL;
	if (!config_rights_ok(c))
		return -EINVAL;
	if (!heap_kind_built(c->kind))
		return -EOPNOTSUPP;
	if (heap_config_fields(c, &missing) || missing)
		return -EINVAL;
	if (!engine_align_ok(c->align) || !engine_align_ok(c->granule))
		return -EINVAL;
	if (c->granule && (c->granule < 1u << BUDDY_MIN_SHIFT ||
			   c->granule > PAGE_SIZE))
		return -EINVAL;
	if (c->max_allocations > HEAP_MAX_RECORDS)
		return -EINVAL;
	return !c->fallback || c->flags & MEMMGR_HEAP_FALLBACK ? 0 : -EINVAL;
}

/* Objects of whole pages lie on pages, so that they can be mapped. */
static u64 object_align(const struct memmgr_heap_create *c)
{
	u64 align = max_t(u64, c->align, 8);

	return PAGE_ALIGNED(c->object_size) ? max_t(u64, align, PAGE_SIZE) : align;
}

/**
 * struct heap_plan - what a configuration comes to
 * @bytes: of the arena; slab: the limit
 * @held: bytes that the heap has of the region from the start; slabs of whole pages: once
 *	its records are used up
 * @align: of every block
 * @granule: log2, buddy
 * @records: size of the record table
 * @most: records that could ever be in use
 * @small: objects of at most 16 bytes
 * @meta: bytes of the engine's state
 * @books: bytes of all that a heap needs beside struct memmgr_heap
 * @layout: slab
 */
struct heap_plan {
	u64 bytes;
	u64 held;
	u64 align;
	u32 granule;
	u32 records;
	u32 most;
	bool small;
	u64 meta;
	u64 books;
	struct slab_layout layout;
};

/* Larger than anything main could give: say what it could give now. */
static int too_large(const struct region *region, struct memmgr_heap_create *c)
{
	struct engine_refusal why = { 0 };
	u64 place;

	heap_main_take(region, region->bytes + 1, 0, &place, &why);
	c->reason = MEMMGR_REASON_TOO_LARGE;
	c->largest = why.largest;
	return -ENOMEM;
}

#define PRIVATE_SLAB_MAX	max_t(u64, PAGE_SIZE, 1u << 16)

#define SLAB_LIMIT_SHIFT	4	/* 1/16 of the region, unless a limit is given */
#define SLAB_LIMIT_LEAST	(1ull << 20)

/* The limit of a slab heap for which none is given: what it shall have from the start fits. */
static u64 slab_limit(const struct region *region, const struct memmgr_heap_create *c,
		      const struct slab_layout *layout)
{
	u64 limit = max(region->bytes >> SLAB_LIMIT_SHIFT, SLAB_LIMIT_LEAST);
	u64 least = (u64)DIV_ROUND_UP(max(c->count, 1u), layout->objects) << layout->shift;

	return min(max(limit, least), region->bytes);
}

static int plan_slab(const struct region *region, struct memmgr_heap_create *c,
		     struct heap_plan *plan)
{
	int err;

	plan->bytes = c->bytes ? c->bytes : region->bytes;
	plan->align = object_align(c);
	if (plan->bytes > region->bytes || c->object_size > region->bytes ||
	    plan->align > region->max_align)
		return too_large(region, c);
	err = slab_layout(&plan->layout, c->object_size, plan->align,
			  plan->bytes, PAGE_SHIFT);
	if (err == -ENOMEM)
		return too_large(region, c);
	if (err)
		return err;
	/* A new slab of a private heap is cleared with the lock held. */
	if (c->flags & MEMMGR_HEAP_PRIVATE &&
	    1ull << plan->layout.shift > PRIVATE_SLAB_MAX)
		return too_large(region, c);
	if (c->count > (u64)plan->layout.max * plan->layout.objects)
		return too_large(region, c);
	if (!c->bytes)
		plan->bytes = slab_limit(region, c, &plan->layout);
	plan->layout.max = min_t(u64, plan->layout.max, plan->bytes >> plan->layout.shift);
	plan->align = plan->layout.align;
	plan->small = plan->layout.stride <= SMALL_OBJECT;
	plan->most = min_t(u64, (u64)plan->layout.max * plan->layout.objects, HEAP_MAX_RECORDS);
	return 0;
}

static int plan_pool(const struct region *region, struct memmgr_heap_create *c,
		     struct heap_plan *plan)
{
	u64 stride;

	plan->align = object_align(c);
	if (c->object_size > min_t(u64, region->bytes, POOL_MAX_BLOCK) ||
	    plan->align > region->max_align)
		return too_large(region, c);
	stride = ALIGN(c->object_size, plan->align);
	plan->bytes = PAGE_ALIGN(stride * c->count);
	if (plan->bytes > region->bytes)
		return too_large(region, c);
	if (c->bytes && c->bytes < stride * c->count)
		return -EINVAL;
	plan->small = stride <= SMALL_OBJECT;
	plan->most = min(c->count, HEAP_MAX_RECORDS);
	plan->meta = pool_meta_size(c->count);
	return 0;
}

static int plan_stack(const struct region *region, struct memmgr_heap_create *c,
		      struct heap_plan *plan)
{
	if (c->bytes > region->bytes)
		return too_large(region, c);
	plan->bytes = PAGE_ALIGN(c->bytes);
	plan->align = 1u << STACK_SHIFT;
	plan->most = min_t(u64, plan->bytes >> STACK_SHIFT, HEAP_MAX_RECORDS);
	return 0;
}

static int plan_buddy(const struct region *region, struct memmgr_heap_create *c,
		      struct heap_plan *plan)
{
	u64 granules;

	if (c->bytes > region->bytes)
		return too_large(region, c);
	plan->bytes = PAGE_ALIGN(c->bytes);
	plan->align = c->granule ? c->granule : PAGE_SIZE;
	plan->granule = ilog2(plan->align);
	granules = plan->bytes >> plan->granule;
	plan->most = min_t(u64, granules, HEAP_MAX_RECORDS);
	plan->meta = buddy_meta_size(0, granules);
	return 0;
}

/* The code behind it vanishes as with heap_is(). */
static bool plan_is(const struct memmgr_heap_create *c, u32 kind)
{
	return heap_kind_built(kind) && c->kind == kind;
}

static int plan_kind(const struct region *region, struct memmgr_heap_create *c,
		     struct heap_plan *plan)
{
	memset(plan, 0, sizeof(*plan));
	if (plan_is(c, MEMMGR_KIND_SLAB))
		return plan_slab(region, c, plan);
	if (plan_is(c, MEMMGR_KIND_POOL))
		return plan_pool(region, c, plan);
	if (plan_is(c, MEMMGR_KIND_STACK))
		return plan_stack(region, c, plan);
	return plan_buddy(region, c, plan);
}

/* Slabs that may be on their way back while new ones come: see heap_trim(). */
#define SLABS_LEAVING	4u

/*
 * A client's heap grows only when all of its slabs are full: no slab beyond those that as
 * many objects fill as there are records is ever needed.
 */
static void plan_slabs(const struct memmgr_heap_create *c, struct heap_plan *plan, u32 records)
{
	u32 objects = plan->layout.objects;
	u32 full = DIV_ROUND_UP(max(records, c->count), objects);
	u32 held = PAGE_ALIGNED(c->object_size) ? full : DIV_ROUND_UP(c->count, objects);

	plan->layout.max = min_t(u64, plan->bytes >> plan->layout.shift, 1u << 24);
	if (c->flags & MEMMGR_HEAP_PRIVATE)
		plan->layout.max = min(plan->layout.max, full + SLABS_LEAVING);
	plan->held = (u64)min(held, plan->layout.max) << plan->layout.shift;
	plan->meta = (u64)plan->layout.max * (slab_book_size(&plan->layout) + sizeof(u32));
}

/* What a heap of this plan and so many records needs. */
static void plan_books(const struct memmgr_heap_create *c, struct heap_plan *plan, u32 records)
{
	plan->records = records;
	plan->held = plan->bytes;
	if (plan_is(c, MEMMGR_KIND_SLAB))
		plan_slabs(c, plan, records);
	if (plan_is(c, MEMMGR_KIND_STACK))
		plan->meta = stack_meta_size(records) + records * sizeof(u32);
	plan->books = ALIGN(plan->meta, sizeof(u64)) + records * (u64)sizeof(struct record);
}

/* What kmalloc() and vmalloc() make of a size. */
static u64 system_bytes(u64 bytes)
{
	return bytes > PAGE_SIZE ? PAGE_ALIGN(bytes) : roundup_pow_of_two(bytes);
}

static u64 plan_cost(const struct heap_plan *plan)
{
	return system_bytes(sizeof(struct memmgr_heap)) + system_bytes(plan->books);
}

/* The most that a heap may cost the system which has @held bytes of the region. */
static u64 cost_limit(const struct heap_plan *plan, u64 held)
{
	return (held >> (plan->small ? COST_SMALL_SHIFT : COST_SHIFT)) + COST_BASE;
}

/* The largest table up to @most for which the heap is worth what it costs; 0: none. */
static u32 plan_worth(const struct memmgr_heap_create *c, struct heap_plan *plan, u32 most)
{
	u32 least = 0;

	while (least < most) {
		u32 half = least + (most - least + 1) / 2;

		plan_books(c, plan, half);
		if (plan_cost(plan) <= cost_limit(plan, plan->held))
			least = half;
		else
			most = half - 1;
	}
	return least;
}

/*
 * How many records. A user other than an administrator gets as many as the memory is
 * worth that the heap has for them, or asks for more, up to what its limit is worth.
 */
static int plan_records(struct memmgr_heap_create *c, struct heap_plan *plan, bool admin)
{
	u32 usual = c->kind == MEMMGR_KIND_POOL ? plan->most : HEAP_DEFAULT_RECORDS;
	u32 records = min(plan->most, c->max_allocations ? c->max_allocations : usual);

	if (!admin && !c->max_allocations)
		records = plan_worth(c, plan, records);
	plan_books(c, plan, records);
	if (records && (admin || plan_cost(plan) <= cost_limit(plan, plan->bytes)))
		return 0;
	c->reason = MEMMGR_REASON_RECORDS;
	return -ENOSPC;
}

static int heap_plan(const struct region *region, const struct client *client,
		     struct memmgr_heap_create *c, struct heap_plan *plan)
{
	int err = plan_kind(region, c, plan);

	return err ? err : plan_records(c, plan, !client || viewer_of(client).admin);
}

/* A user decides how much: on his account, and no warning when it is too much. */
#define HEAP_GFP	(GFP_KERNEL_ACCOUNT | __GFP_NOWARN | __GFP_ZERO)

/* Not kvmalloc(), which may take twice as much as it is asked for. */
static void *books_alloc(u64 bytes)
{
	if (bytes > SIZE_MAX / 2)
		return NULL;
	return bytes > PAGE_SIZE ? __vmalloc(bytes, HEAP_GFP) : kmalloc(bytes, HEAP_GFP);
}

#define SETUP_STEP	1024u	/* records to set up without a pause */

/* All records are free, and their handles follow those that were ever given out. */
static void records_setup(struct memmgr_heap *heap)
{
	/* Nobody else gets the slot meanwhile. */
	u64 last = heap->region->last_handle[heap->id];
	u32 i;

	for (i = 0; i < heap->max_records; i++) {
		heap->records[i].next = i + 1 < heap->max_records ? i + 1 : RECORD_NONE;
		heap->records[i].handle = handle_first(last, heap->id, i, heap->record_bits);
		if (i % SETUP_STEP == 0)
			cond_resched();
	}
}

/* The memory of a heap outside of the region, in one piece; all of it before it exists. */
static int heap_alloc_memory(struct memmgr_heap *heap, const struct heap_plan *plan)
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
 * Take the arena, aligned like its size if that can be had, so that a buddy or
 * stack in it can serve alignments up to that.
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

/* Give everything that the heap has of the region back to heap main. */
static void heap_return_memory(struct memmgr_heap *heap)
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

/* What others left there. Whoever is killed meanwhile has no use for the heap. */
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

/* Slabs for a number of objects, some at a time: those of a private heap are cleared. */
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

static int heap_init_engine(struct memmgr_heap *heap,
			    const struct heap_plan *plan,
			    const struct memmgr_heap_create *c,
			    struct engine_refusal *why)
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
		/* Killed: nothing to set up. */
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

/* Blocks of whole pages can be mapped and exported one by one. */
bool heap_has_pages(const struct memmgr_heap *heap)
{
	return heap->align >= PAGE_SIZE;
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

/* The heap that has a slot, made or being made. Under heap_mutex. */
static struct memmgr_heap *heap_in_slot(struct region *region, u32 id)
{
	return region->making[id] ? region->making[id] : heap_locked(region, id);
}

static u32 windows_max(const struct region *region)
{
	return 1u << min_t(u32, 31, BITS_PER_LONG - region->window_shift);
}

/* Records of heap main. */
u32 heap_main_records(const struct region *region)
{
	const struct memmgr_heap *main = rcu_access_pointer(region->heaps[MEMMGR_HEAP_MAIN]);

	return main ? main->max_records : 0;
}

/* Windows that heap main leaves to the others. */
u32 heap_windows_left(const struct region *region)
{
	return windows_max(region) - heap_main_records(region);
}

/* The lowest @count windows that no other heap has; the last ones are @trusted clients'. */
static u32 windows_find(struct region *region, u32 count, bool trusted)
{
	u32 end = windows_max(region) - (trusted ? 0 : heap_windows_left(region) / ROOT_PART);
	u32 first = 0;
	u32 id;

restart:
	for (id = 0; id < MEMMGR_MAX_HEAPS; id++) {
		struct memmgr_heap *heap = heap_in_slot(region, id);
		u32 w;

		if (!heap)
			continue;
		w = heap->arena_window;
		if (w != HEAP_NO_WINDOW && w >= first && w < first + count) {
			first = w + 1;
			goto restart;
		}
		w = heap->window;
		if (w != HEAP_NO_WINDOW && w < first + count &&
		    w + heap->max_records > first) {
			first = w + heap->max_records;
			goto restart;
		}
	}
	return first + count <= end ? first : HEAP_NO_WINDOW;
}

/**
 * heap_take_windows - give a heap its part of the mmap() offsets
 * @heap: that has none yet; its records and, if it is private, its payer are known
 * @why: the reason of a failure
 *
 * A window for each record whose block can be mapped, and behind them one for a private
 * heap's arena.
 *
 * Context: region.heap_mutex is held. O(heaps^2).
 * Return: 0, -EDQUOT, or -ENOSPC when no so many are left.
 */
int heap_take_windows(struct memmgr_heap *heap, struct engine_refusal *why)
{
	bool private = heap->flags & MEMMGR_HEAP_PRIVATE;
	u32 records = heap_has_pages(heap) ? heap->max_records : 0;
	u32 first, windows = records + private;
	int err;

	if (!windows)
		return 0;
	first = windows_find(heap->region, windows, !private || heap->client->trusted);
	if (first == HEAP_NO_WINDOW) {
		engine_refuse(why, MEMMGR_REASON_WINDOWS, 0);
		return -ENOSPC;
	}
	if (private) {
		err = client_take(heap->client, ACCOUNT_WINDOWS, windows, why);
		if (err)
			return err;
		heap->windows = windows;
		heap->arena_window = first + records;
	}
	if (records)
		WRITE_ONCE(heap->window, first);
	return 0;
}

static void heap_setup(struct memmgr_heap *heap, struct region *region,
		       const struct memmgr_heap_create *c)
{
	raw_spin_lock_init(&heap->lock);
	mutex_init(&heap->features);
	init_swait_queue_head(&heap->wait);
	INIT_LIST_HEAD(&heap->mine);
	refcount_set(&heap->users, 1);
	heap->window = HEAP_NO_WINDOW;
	heap->arena_window = HEAP_NO_WINDOW;
	heap->region = region;
	heap->kind = c->kind;
	heap->flags = c->flags & ~MEMMGR_HEAP_MODE;
	/* Where main does without the slow path, so do all. */
	if (c->kind == MEMMGR_KIND_BUDDY && !(region->flags & MEMMGR_REGION_JOIN))
		heap->flags |= MEMMGR_HEAP_NO_JOIN;
	strscpy(heap->name, c->name, sizeof(heap->name));
}

static void heap_destruct(struct memmgr_heap *heap)
{
	/* Its charge is what keeps the client: that goes last. */
	if (heap->windows)
		client_give(heap->client, ACCOUNT_WINDOWS, heap->windows);
	if (heap->payer) {
		client_give(heap->payer, ACCOUNT_HEAPS, 1);
		client_uncharge(heap->payer, heap->charge, 1);
	}
	/* It was never seen by others, or the region goes. */
	if (heap->fallback)
		heap_put(heap->fallback);
	/* Main itself takes back what its guards have. */
	guards_free(heap);
	kvfree(heap->books);
	track_free(heap);
	latency_free(heap);
	quarantine_free(heap);
	kfree_rcu(heap, rcu);
}

/* Drop a reference. The last one gives the heap's memory back. May sleep. */
void heap_put(struct memmgr_heap *heap)
{
	if (!refcount_dec_and_test(&heap->users))
		return;
	if (heap->id != MEMMGR_HEAP_MAIN)
		heap_return_memory(heap);
	heap_destruct(heap);
}

/* The slot for a new heap of this name, or an error; the last ones are @trusted clients'. */
static int heap_slot(struct region *region, const char *name, bool trusted)
{
	int slot = -ENOSPC, left = trusted ? ROOT_HEAPS : 0;
	u32 id;

	for (id = MEMMGR_MAX_HEAPS; id--;) {
		struct memmgr_heap *heap = heap_in_slot(region, id);

		if (heap && !strcmp(heap->name, name))
			return -EEXIST;
		if (!heap && handle_left(region->last_handle[id])) {
			slot = id;
			left++;
		}
	}
	return left > ROOT_HEAPS ? slot : -ENOSPC;
}

static int heap_set_fallback(struct memmgr_heap *heap,
			     const struct memmgr_heap_create *c)
{
	struct memmgr_heap *fallback;
	int err;

	if (!(c->flags & MEMMGR_HEAP_FALLBACK))
		return 0;
	fallback = heap_get(heap->region, c->fallback);
	if (!fallback)
		return -ENOENT;
	err = READ_ONCE(fallback->dying) ? -ENOENT : heap_access(fallback, heap->client);
	if (!err && (fallback->fallback ||
		     (fallback->flags & MEMMGR_HEAP_PRIVATE &&
		      !(heap->flags & MEMMGR_HEAP_PRIVATE))))
		err = -EINVAL;
	if (err) {
		heap_put(fallback);
		return err;
	}
	heap->fallback = fallback;
	fallback->holders++;
	return 0;
}

/*
 * A heap that takes no more requests needs its fallback no more, however long it stays:
 * nothing keeps that one from being destroyed then. Under heap_mutex.
 */
static void heap_drop_fallback(struct memmgr_heap *heap)
{
	struct memmgr_heap *fallback = heap->fallback;
	unsigned long flags;

	if (!fallback)
		return;
	flags = heap_lock(heap);
	heap->fallback = NULL;
	heap_unlock(heap, flags);
	fallback->holders--;
	heap_put(fallback);
}

/**
 * heap_get_fallback - the heap that serves when another one cannot
 * @heap: the other
 *
 * Context: any where a reference may be dropped. O(1).
 * Return: it, with a reference; NULL when there is none.
 */
struct memmgr_heap *heap_get_fallback(struct memmgr_heap *heap)
{
	struct memmgr_heap *fallback;
	unsigned long flags;

	/* Only one that goes has less than it had: what is NULL here stays NULL. */
	if (!READ_ONCE(heap->fallback))
		return NULL;
	flags = heap_lock(heap);
	fallback = heap->fallback;
	if (fallback)
		refcount_inc(&fallback->users);
	heap_unlock(heap, flags);
	return fallback;
}

static void config_answer(struct memmgr_heap_create *c,
			  const struct memmgr_heap *heap)
{
	const struct region *region = heap->region;

	c->heap = heap->id;
	if (heap->arena_window == HEAP_NO_WINDOW)
		return;
	c->map_offset = (u64)heap->arena_window <<
			(region->window_shift + PAGE_SHIFT);
	c->map_size = PAGE_ALIGN(heap->bytes);
}

/*
 * A private heap is charged for what it costs the system, and for what it holds,
 * allocated or not: an arena now, a slab when it comes.
 */
static int heap_charge(struct memmgr_heap *heap, const struct heap_plan *plan,
		       struct engine_refusal *why)
{
	u64 arena = heap_is(heap, MEMMGR_KIND_SLAB) ? 0 : PAGE_ALIGN(plan->bytes);
	int err;

	if (!heap->client)
		return 0;
	err = client_take(heap->client, ACCOUNT_HEAPS, 1, why);
	if (err)
		return err;
	err = client_charge(heap->client, arena + plan_cost(plan), 1, why);
	if (err) {
		client_give(heap->client, ACCOUNT_HEAPS, 1);
		return err;
	}
	heap->payer = heap->client;
	heap->charge = arena + plan_cost(plan);
	return 0;
}

/*
 * Slot, name, windows and fallback are the heap's from here on, but nobody finds it.
 * Under heap_mutex.
 */
static int heap_reserve(struct memmgr_heap *heap, const struct client *client,
			const struct heap_plan *plan, struct memmgr_heap_create *c)
{
	struct region *region = heap->region;
	struct engine_refusal why = { 0 };
	int err, slot;

	slot = heap_slot(region, c->name, !client || client->trusted);

	if (slot == -ENOSPC)
		c->reason = MEMMGR_REASON_RECORDS;
	if (slot < 0)
		return slot;
	err = heap_set_fallback(heap, c);
	if (err)
		return err;
	heap->id = slot;
	heap->bytes = plan->bytes;
	heap->align = plan->align;
	heap->max_records = plan->records;
	heap->record_bits = handle_bits(plan->records);
	/* Who alone uses a heap of mode 0 maps nothing. */
	if (heap->rights.mode)
		err = heap_take_windows(heap, &why);
	if (err) {
		c->reason = why.reason;
		c->largest = why.largest;
		heap_drop_fallback(heap);
		return err;
	}
	region->making[slot] = heap;
	return 0;
}

/* What slabs can lie in, so that where one begins is a page of the region. */
static unsigned long slab_span(const struct memmgr_heap *heap, const struct slab_layout *layout)
{
	u64 bytes = heap->region->bytes, slab = 1ull << layout->shift;

	return min(bytes + heap->skew, ALIGN(bytes, slab));
}

/* Everything that takes long, or memory: no mutex is held. */
static int heap_build(struct memmgr_heap *heap, const struct heap_plan *plan,
		      struct memmgr_heap_create *c)
{
	struct engine_refusal why = { 0 };
	int err;

	if (heap_is(heap, MEMMGR_KIND_SLAB))
		heap->skew = heap->region->phys & ((1u << plan->layout.shift) - 1);
	err = heap_charge(heap, plan, &why);
	if (!err)
		err = heap_alloc_memory(heap, plan);
	if (!err)
		err = heap_init_engine(heap, plan, c, &why);
	if (err == -ENOMEM || err == -EDQUOT) {
		c->reason = why.reason;
		c->largest = why.largest;
	}
	/* What the books cost counts as well. */
	if (err == -EDQUOT)
		c->largest -= min(c->largest, plan_cost(plan));
	heap->base = heap->region->virt +
		     (heap_is(heap, MEMMGR_KIND_SLAB) ? -(s64)heap->skew : (s64)heap->arena);
	heap->span = heap_is(heap, MEMMGR_KIND_SLAB) ? slab_span(heap, &plan->layout) :
						      heap->bytes;
	return err;
}

/* It is there for everybody, or it is not to be: then its slot is free again. */
static void heap_publish(struct memmgr_heap *heap, bool made)
{
	struct region *region = heap->region;

	mutex_lock(&region->heap_mutex);
	region->making[heap->id] = NULL;
	if (!made) {
		heap_drop_fallback(heap);
	} else {
		heap->serial = ++region->serial;
		rcu_assign_pointer(region->heaps[heap->id], heap);
	}
	if (made && heap->client)
		list_add(&heap->mine, &heap->client->heaps);
	mutex_unlock(&region->heap_mutex);
}

/* May this client make such a heap, and what does it come to? */
static int heap_wanted(struct region *region, struct client *client,
		       struct memmgr_heap_create *c, struct heap_plan *plan)
{
	int err = config_check(c);

	if (err)
		return err;
	err = heap_may_make(region, client, c);
	if (err)
		return err;
	c->reason = MEMMGR_REASON_NONE;
	c->largest = 0;
	c->map_offset = ~0ull;
	c->map_size = 0;
	return heap_plan(region, client, c, plan);
}

/**
 * heap_create - make a heap
 * @region: it shall live in
 * @client: its owner if it is private, and who asks; NULL: the kernel
 * @c: as in the ABI; the answers are filled in
 *
 * Its slot and its name are taken first; then it is built, with no mutex held; then
 * others find it. A fatal signal ends the building, and nothing of it stays.
 *
 * Context: process, may sleep. Cost: its books are allocated, and they and the memory of
 * a private heap are cleared.
 * Return: 0, -EINTR, or an error of the ABI's table.
 */
int heap_create(struct region *region, struct client *client,
		struct memmgr_heap_create *c)
{
	struct memmgr_heap *heap;
	struct heap_plan plan;
	int err;

	err = heap_wanted(region, client, c, &plan);
	if (err)
		return err;
	heap = kzalloc(sizeof(*heap), HEAP_GFP);
	if (!heap)
		return -ENOMEM;
	heap_setup(heap, region, c);
	if (c->flags & MEMMGR_HEAP_PRIVATE) {
		heap->client = client;
		heap->owner = client->serial;
	}
	heap_rights_begin(heap, c);
	mutex_lock(&region->heap_mutex);
	err = heap_reserve(heap, client, &plan, c);
	mutex_unlock(&region->heap_mutex);
	if (!err) {
		err = heap_build(heap, &plan, c);
		/* Once it is there, another call may destroy it. */
		if (!err)
			config_answer(c, heap);
		heap_publish(heap, !err);
	}
	if (err)
		heap_destruct(heap);
	return err;
}

/* Which slab has a page of the region, for all slab heaps. */
static int slab_map_alloc(struct region *region)
{
	if (!heap_kind_built(MEMMGR_KIND_SLAB))
		return 0;
	region->slab_of = kvcalloc(region->bytes >> PAGE_SHIFT, sizeof(u32), HEAP_GFP);
	return region->slab_of ? 0 : -ENOMEM;
}

static void slab_map_free(struct region *region)
{
	kvfree(region->slab_of);
	region->slab_of = NULL;
}

/**
 * heap_create_main - make the root buddy of a new region
 * @region: that nobody else sees yet
 * @max_records: max_allocations of the module
 * @join: find runs of neighbours that are no buddies
 *
 * Return: 0, -EINVAL or -ENOMEM.
 */
int heap_create_main(struct region *region, u32 max_records, bool join)
{
	struct memmgr_heap_create c = {
		.kind = MEMMGR_KIND_BUDDY,
		.name = "main",
		.flags = join ? 0 : MEMMGR_HEAP_NO_JOIN,
	};
	u32 granules = region->bytes >> PAGE_SHIFT;
	/* Blocks are aligned as addresses, wherever the region begins. */
	u32 lead = (region->phys & (region->max_align - 1)) >> PAGE_SHIFT;
	struct heap_plan plan = {
		.bytes = region->bytes,
		.align = PAGE_SIZE,
		.meta = buddy_meta_size(lead, granules),
		.records = min3(max_records, HEAP_MAX_RECORDS,
				(u32)(windows_max(region) / 2)),
	};
	struct memmgr_heap *heap;
	int err;

	if (!max_records) {
		pr_err("memmgr: max_allocations=0 refused: heap main needs at least one record\n");
		return -EINVAL;
	}
	heap = kzalloc(sizeof(*heap), GFP_KERNEL);
	if (!heap)
		return -ENOMEM;
	plan_books(&c, &plan, min(plan.records, granules));
	heap_setup(heap, region, &c);
	heap_rights_begin(heap, &c);
	lockdep_set_class(&heap->lock, &main_lock_key);
	heap->max_align = region->max_align;
	heap->base = region->virt;
	heap->span = region->bytes;
	mutex_lock(&region->heap_mutex);
	err = heap_reserve(heap, NULL, &plan, &c);
	mutex_unlock(&region->heap_mutex);
	if (!err)
		err = heap_alloc_memory(heap, &plan);
	if (!err)
		err = slab_map_alloc(region);
	if (!err)
		err = buddy_init(&heap->buddy, lead, granules, PAGE_SHIFT,
				 join ? BUDDY_JOIN : 0, heap->meta);
	heap_publish(heap, !err);
	if (err) {
		heap_destruct(heap);
		slab_map_free(region);
	}
	return err;
}

/* The last handle that a heap without records in use could have given. */
static u64 heap_last_handle(const struct memmgr_heap *heap)
{
	u64 last = 0;
	u32 i;

	for (i = 0; i < heap->max_records; i++) {
		last = max(last, heap->records[i].handle);
		if (i % SETUP_STEP == 0)
			cond_resched();
	}
	return last;
}

/*
 * Nothing lives in it that FORCE does not cover, nor is pinned by others than who
 * asks: no more allocations then.
 */
static int heap_idle(struct memmgr_heap *heap, const struct client *client, bool force,
		     bool closing)
{
	unsigned long flags;
	int err = 0;

	flags = heap_lock(heap);
	if (heap_kernel_live(heap) || (heap->used_records && !force) ||
	    (heap->exports && !closing) || heap->compacting ||
	    heap->pinned != client->pinned[heap->id])
		err = -EBUSY;
	else
		heap->dying = true;
	heap_unlock(heap, flags);
	return err;
}

/* Take a heap that nothing uses out of the region. No locks held; may sleep. */
static void heap_withdraw(struct memmgr_heap *heap)
{
	struct region *region = heap->region;
	u64 last = heap_last_handle(heap);

	/* It is dying, so that whoever comes later turns nothing on. */
	mutex_lock(&heap->features);
	debug_set(heap, 0, ~0u);
	mutex_unlock(&heap->features);
	mutex_lock(&region->heap_mutex);
	region->last_handle[heap->id] = max(region->last_handle[heap->id], last);
	RCU_INIT_POINTER(region->heaps[heap->id], NULL);
	mutex_unlock(&region->heap_mutex);
	heap_put(heap);
}

/*
 * Let a heap die: no request begins in it any more, and heap_unmake() is due. Under
 * heap_mutex.
 * @client: who asks; @force: with what lives in it; @closing: with dma-bufs of it as well.
 */
static int heap_retire(struct memmgr_heap *heap, const struct client *client, bool force,
		       bool closing)
{
	int err;

	if (heap->dying)
		return heap->orphan ? -EBUSY : -ENOENT;
	if (heap->holders)
		return -EBUSY;
	err = heap_idle(heap, client, force, closing);
	if (err)
		return err;
	/* What has begun already keeps the fallback by a reference. */
	heap_drop_fallback(heap);
	list_del_init(&heap->mine);
	return 0;
}

/* Take away what is mapped of a heap whose records are forgotten. */
static void heap_zap(struct memmgr_heap *heap)
{
	struct region *region = heap->region;

	if (heap->arena_window != HEAP_NO_WINDOW)
		mapping_zap(region, heap_arena_page(heap), 0, PAGE_ALIGN(heap->bytes));
	/*
	 * A slab's blocks may lie anywhere in the region. What has a guard page before it
	 * is mapped a page further up.
	 */
	if (heap->window != HEAP_NO_WINDOW && heap_is(heap, MEMMGR_KIND_SLAB))
		mapping_zap(region, 0, 0, region->bytes + PAGE_SIZE);
	else if (heap->window != HEAP_NO_WINDOW)
		mapping_zap(region, heap_arena_page(heap), 0,
			    PAGE_ALIGN(heap->bytes) + PAGE_SIZE);
}

/*
 * Unmake a heap that dies; its memory goes when nothing uses it any more. Its slot and
 * its name are taken until then. No locks held; may sleep.
 */
static void heap_unmake(struct memmgr_heap *heap)
{
	struct region *region = heap->region;

	hold_here(region, HOLD_DESTROYING);
	heap_wake(heap, READ_ONCE(heap->waiters));
	quarantine_flush(heap);
	/* From here on a fault finds nothing; what was mapped goes now. */
	heap_forget_records(heap);
	heap_zap(heap);
	if (READ_ONCE(heap->held) || heap_in_io(heap)) {
		/* From then on the worker may let it go. */
		WRITE_ONCE(heap->orphan, true);
		heap_settle_start(region);
	} else {
		heap_withdraw(heap);
	}
}

/**
 * heap_retire_orphans - let heaps go that something still used at their end
 * @region: of them
 *
 * One caller at a time: the region's worker.
 *
 * Context: process, may sleep. O(heaps), and their pages in memory that can be
 * the target of I/O.
 * Return: true when I/O keeps one; a dma-buf says itself when it goes.
 */
bool heap_retire_orphans(struct region *region)
{
	struct memmgr_heap *heap;
	bool in_io = false;
	u32 id;

	for (id = 1; (heap = heap_get_next(region, id)); id++) {
		id = heap->id;
		/* Nothing is allocated, mapped or exported in it again. */
		if (READ_ONCE(heap->orphan) && !READ_ONCE(heap->held)) {
			if (heap_in_io(heap))
				in_io = true;
			else
				heap_withdraw(heap);
		}
		heap_put(heap);
	}
	return in_io;
}

/**
 * heap_destroy - unmake a heap
 * @region: it lives in
 * @client: who asks
 * @id: of the heap
 * @flags: MEMMGR_DESTROY_FORCE
 *
 * Context: process, may sleep.
 * Return: 0 or an error of the ABI's table.
 */
int heap_destroy(struct region *region, struct client *client, u32 id, u32 flags)
{
	struct memmgr_heap *heap = NULL;
	int err;

	mutex_lock(&region->heap_mutex);
	if (id < MEMMGR_MAX_HEAPS)
		heap = heap_locked(region, array_index_nospec(id, MEMMGR_MAX_HEAPS));
	if (!heap)
		err = -ENOENT;
	else if (id == MEMMGR_HEAP_MAIN)
		err = -EINVAL;
	else if (heap->client != client && !capable(CAP_SYS_ADMIN))
		err = heap->client ? -EACCES : -EPERM;
	else
		err = heap_retire(heap, client, flags & MEMMGR_DESTROY_FORCE, false);
	mutex_unlock(&region->heap_mutex);
	if (!err) {
		client_forget_pins(client, heap);
		heap_unmake(heap);
	}
	return err;
}

/* The next private heap of a client that goes, those that fall back first; NULL: no more. */
static struct memmgr_heap *heap_retire_next(struct client *client)
{
	struct region *region = client->region;
	struct memmgr_heap *heap, *next = NULL;

	mutex_lock(&region->heap_mutex);
	list_for_each_entry(heap, &client->heaps, mine)
		if (!next || heap->fallback)
			next = heap;
	/* Its records have no pins any more, and no call of the client runs: it can die. */
	if (next && WARN_ON_ONCE(heap_retire(next, client, true, true)))
		next = NULL;
	mutex_unlock(&region->heap_mutex);
	return next;
}

/* A client goes, and its private heaps with it. No call of it runs, and none will. */
void heap_destroy_private(struct client *client)
{
	struct memmgr_heap *heap;

	while (!list_empty(&client->heaps)) {
		heap = heap_retire_next(client);
		/* An administrator may have been quicker. */
		if (!heap)
			return;
		heap_unmake(heap);
	}
}

/**
 * heap_destroy_all - unmake all heaps of a region that goes
 * @region: with no clients, no holders of heaps, and out of everybody's sight
 */
void heap_destroy_all(struct region *region)
{
	u32 id;

	for (id = MEMMGR_MAX_HEAPS; id--;) {
		struct memmgr_heap *heap = rcu_access_pointer(region->heaps[id]);

		if (!heap)
			continue;
		heap_forget_records(heap);
		debug_set(heap, 0, ~0u);
		heap_put(heap);
		if (id != MEMMGR_HEAP_MAIN)
			RCU_INIT_POINTER(region->heaps[id], NULL);
	}
	RCU_INIT_POINTER(region->heaps[MEMMGR_HEAP_MAIN], NULL);
	slab_map_free(region);
}

/* The region is gone: requests of clients that wait for memory end. */
void heap_wake_waiters(struct region *region)
{
	struct memmgr_heap *heap;
	unsigned long flags;
	u32 id;

	for (id = 0; (heap = heap_get_next(region, id)); id++) {
		id = heap->id;
		flags = heap_lock(heap);
		heap->freed++;
		heap_unlock(heap, flags);
		swake_up_all(&heap->wait);
		heap_put(heap);
	}
}

/* Keep a heap from being destroyed, for kernel code; NULL: no such heap. */
struct memmgr_heap *heap_hold(struct region *region, const char *name)
{
	struct memmgr_heap *heap;

	mutex_lock(&region->heap_mutex);
	heap = heap_get_named(region, name);
	if (heap && (heap->flags & MEMMGR_HEAP_PRIVATE || READ_ONCE(heap->dying))) {
		heap_put(heap);
		heap = NULL;
	}
	if (heap)
		heap->holders++;
	mutex_unlock(&region->heap_mutex);
	return heap;
}

void heap_unhold(struct memmgr_heap *heap)
{
	struct region *region = heap->region;

	mutex_lock(&region->heap_mutex);
	heap->holders--;
	mutex_unlock(&region->heap_mutex);
	heap_put(heap);
}
