// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Heaps come and go. */
#include <linux/capability.h>
#include <linux/ctype.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "heap.h"
#include "hold.h"
#include "latency.h"

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
		slab_give_to(&heap->slabs, heap->slab_of[distance >> shift] - 1,
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
 * Context: any; a slab heap's lock may be held. Cost: one buddy allocation.
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
	struct engine_request rq = {
		.bytes = bytes,
		.align = align,
		.recorded = true,
	};
	struct engine_block block;
	unsigned long flags;
	int err;

	flags = heap_lock(main);
	err = main->engine.ops->alloc(&main->engine, &rq, &block, why);
	heap_unlock(main, flags);
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
	heap->slab_of[place >> shift] = number + 1;
	return 0;
}

static void slab_return(struct memmgr_heap *heap, u32 number)
{
	u32 at = heap->slab_at[number];

	heap->slab_at[number] = SLAB_NONE;
	heap->slab_of[at] = 0;
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
 * @align: of every block
 * @granule: log2, buddy
 * @records: size of the record table
 * @meta: bytes of the engine's state
 * @layout: slab
 */
struct heap_plan {
	u64 bytes;
	u64 align;
	u32 granule;
	u32 records;
	size_t meta;
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

/* No more records than there can be blocks: they are memory of the kernel, and uncharged. */
static u32 plan_records(const struct memmgr_heap_create *c, u64 blocks)
{
	return min_t(u64, blocks, c->max_allocations ? c->max_allocations :
						       HEAP_DEFAULT_RECORDS);
}

#define PRIVATE_SLAB_MAX	max_t(u64, PAGE_SIZE, 1u << 16)

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
	plan->align = plan->layout.align;
	plan->records = plan_records(c, (u64)plan->layout.max * plan->layout.objects);
	plan->meta = slab_meta_size(&plan->layout);
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
	plan->records = c->max_allocations ? plan_records(c, c->count) :
					     min(c->count, HEAP_MAX_RECORDS);
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
	plan->records = plan_records(c, plan->bytes >> STACK_SHIFT);
	plan->meta = stack_meta_size(plan->records);
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
	plan->records = plan_records(c, granules);
	plan->meta = buddy_meta_size(0, granules);
	return 0;
}

static int heap_plan(const struct region *region, struct memmgr_heap_create *c,
		     struct heap_plan *plan)
{
	memset(plan, 0, sizeof(*plan));
	if (heap_kind_built(MEMMGR_KIND_SLAB) && c->kind == MEMMGR_KIND_SLAB)
		return plan_slab(region, c, plan);
	if (heap_kind_built(MEMMGR_KIND_POOL) && c->kind == MEMMGR_KIND_POOL)
		return plan_pool(region, c, plan);
	if (heap_kind_built(MEMMGR_KIND_STACK) && c->kind == MEMMGR_KIND_STACK)
		return plan_stack(region, c, plan);
	return plan_buddy(region, c, plan);
}

static void heap_free_memory(struct memmgr_heap *heap)
{
	kvfree(heap->records);
	kvfree(heap->record_at);
	kvfree(heap->slab_at);
	kvfree(heap->slab_of);
	kvfree(heap->meta);
}

/* A user decides how much: on his account, and no warning when it is too much. */
#define HEAP_GFP	(GFP_KERNEL_ACCOUNT | __GFP_NOWARN)

/* The memory of a heap outside of the region; all of it before it exists. */
static int heap_alloc_memory(struct memmgr_heap *heap,
			     const struct heap_plan *plan)
{
	u32 i;

	heap->meta = kvzalloc(plan->meta, HEAP_GFP);
	heap->records = kvcalloc(plan->records, sizeof(*heap->records),
				 HEAP_GFP);
	if (!heap->meta || !heap->records)
		return -ENOMEM;
	heap->max_records = plan->records;
	heap->record_bits = handle_bits(plan->records);
	for (i = 0; i < plan->records; i++)
		heap->records[i].next = i + 1 < plan->records ? i + 1 : RECORD_NONE;
	if (heap_is(heap, MEMMGR_KIND_STACK)) {
		heap->record_at = kvcalloc(plan->records, sizeof(u32),
					   HEAP_GFP);
		if (!heap->record_at)
			return -ENOMEM;
		memset(heap->record_at, 0xff, plan->records * sizeof(u32));
	}
	if (heap_is(heap, MEMMGR_KIND_SLAB)) {
		heap->slab_at = kvcalloc(plan->layout.max, sizeof(u32),
					 HEAP_GFP);
		heap->slab_of = kvcalloc(((heap->region->bytes + heap->skew) >>
					  plan->layout.shift) + 1,
					 sizeof(u32), HEAP_GFP);
		if (!heap->slab_at || !heap->slab_of)
			return -ENOMEM;
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
	for (n = 0; n < heap->slabs.layout.max; n++)
		if (heap->slab_at[n] != SLAB_NONE)
			slab_return(heap, n);
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
	slab_init(&heap->slabs, &plan->layout, &source, heap->meta);
	err = slab_prepare(&heap->slabs, c->count, why);
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
	if (heap->flags & MEMMGR_HEAP_PRIVATE)
		region_clear(heap->region, heap->arena, plan->bytes);
	if (heap_is(heap, MEMMGR_KIND_POOL)) {
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
		struct memmgr_heap *heap = heap_locked(region, id);
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

/* Make a heap's handles follow those of all earlier heaps, and publish it. */
static void heap_publish(struct memmgr_heap *heap, u32 id)
{
	struct region *region = heap->region;
	u32 i;

	heap->id = id;
	heap->serial = ++region->serial;
	for (i = 0; i < heap->max_records; i++)
		heap->records[i].handle = handle_first(region->last_handle[id], id, i,
						       heap->record_bits);
	rcu_assign_pointer(region->heaps[id], heap);
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
	heap_free_memory(heap);
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
		struct memmgr_heap *heap = heap_locked(region, id);

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
	err = heap_access(fallback, heap->client);
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
 * A private heap is charged for what it holds, allocated or not: an arena now, a
 * slab when it comes.
 */
static int heap_charge(struct memmgr_heap *heap, const struct heap_plan *plan,
		       struct engine_refusal *why)
{
	u64 bytes = heap_is(heap, MEMMGR_KIND_SLAB) ? 0 : PAGE_ALIGN(plan->bytes);
	int err;

	if (!heap->client)
		return 0;
	err = client_take(heap->client, ACCOUNT_HEAPS, 1, why);
	if (err)
		return err;
	err = client_charge(heap->client, bytes, 1, why);
	if (err) {
		client_give(heap->client, ACCOUNT_HEAPS, 1);
		return err;
	}
	heap->payer = heap->client;
	heap->charge = bytes;
	return 0;
}

static int heap_build(struct memmgr_heap *heap, struct memmgr_heap_create *c)
{
	struct engine_refusal why = { 0 };
	struct heap_plan plan;
	int err;

	err = heap_plan(heap->region, c, &plan);
	if (err)
		return err;
	if (heap_is(heap, MEMMGR_KIND_SLAB))
		heap->skew = heap->region->phys & ((1u << plan.layout.shift) - 1);
	err = heap_alloc_memory(heap, &plan);
	if (err)
		return err;
	heap->bytes = plan.bytes;
	heap->align = plan.align;
	err = heap_charge(heap, &plan, &why);
	/* Who alone uses a heap of mode 0 maps nothing. */
	if (!err && heap->rights.mode)
		err = heap_take_windows(heap, &why);
	if (!err)
		err = heap_init_engine(heap, &plan, c, &why);
	if (err == -ENOMEM || err == -EDQUOT || err == -ENOSPC) {
		c->reason = why.reason;
		c->largest = why.largest;
	}
	heap->base = heap->region->virt +
		     (heap_is(heap, MEMMGR_KIND_SLAB) ? -(s64)heap->skew : (s64)heap->arena);
	heap->span = heap_is(heap, MEMMGR_KIND_SLAB) ? heap->region->bytes + heap->skew :
						      heap->bytes;
	return err;
}

/**
 * heap_create - make a heap
 * @region: it shall live in
 * @client: its owner if it is private, and who asks; NULL: the kernel
 * @c: as in the ABI; the answers are filled in
 *
 * Context: process, may sleep. Cost: its metadata is allocated and cleared.
 * Return: 0 or an error of the ABI's table.
 */
int heap_create(struct region *region, struct client *client,
		struct memmgr_heap_create *c)
{
	struct memmgr_heap *heap;
	int slot, err;

	err = config_check(c);
	if (err)
		return err;
	err = heap_may_make(region, client, c);
	if (err)
		return err;
	c->reason = MEMMGR_REASON_NONE;
	c->largest = 0;
	c->map_offset = ~0ull;
	c->map_size = 0;
	heap = kzalloc(sizeof(*heap), GFP_KERNEL);
	if (!heap)
		return -ENOMEM;
	heap_setup(heap, region, c);
	if (c->flags & MEMMGR_HEAP_PRIVATE)
		heap->client = client;

	mutex_lock(&region->heap_mutex);
	heap_rights_begin(heap, c);
	slot = heap_slot(region, c->name, !client || client->trusted);
	if (slot < 0) {
		err = slot;
		if (err == -ENOSPC)
			c->reason = MEMMGR_REASON_RECORDS;
		goto out_free;
	}
	err = heap_set_fallback(heap, c);
	if (err)
		goto out_free;
	err = heap_build(heap, c);
	if (err)
		goto out_fallback;
	heap_publish(heap, slot);
	config_answer(c, heap);
	if (heap->client)
		list_add(&heap->mine, &heap->client->heaps);
	mutex_unlock(&region->heap_mutex);
	return 0;

out_fallback:
	heap_drop_fallback(heap);
out_free:
	mutex_unlock(&region->heap_mutex);
	heap_destruct(heap);
	return err;
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
		.meta = buddy_meta_size(lead, granules),
		.records = min3(max_records, HEAP_MAX_RECORDS,
				(u32)(windows_max(region) / 2)),
	};
	struct engine_refusal why;
	struct memmgr_heap *heap;
	int err;

	if (!max_records) {
		pr_err("memmgr: max_allocations=0 refused: heap main needs at least one record\n");
		return -EINVAL;
	}
	heap = kzalloc(sizeof(*heap), GFP_KERNEL);
	if (!heap)
		return -ENOMEM;
	plan.records = min(plan.records, granules);
	heap_setup(heap, region, &c);
	heap_rights_begin(heap, &c);
	lockdep_set_class(&heap->lock, &main_lock_key);
	heap->bytes = region->bytes;
	heap->align = PAGE_SIZE;
	heap->max_align = region->max_align;
	heap->base = region->virt;
	heap->span = region->bytes;
	err = heap_alloc_memory(heap, &plan);
	if (!err)
		err = buddy_init(&heap->buddy, lead, granules, PAGE_SHIFT,
				 join ? BUDDY_JOIN : 0, heap->meta);
	if (err) {
		heap_destruct(heap);
		return err;
	}
	mutex_lock(&region->heap_mutex);
	heap_take_windows(heap, &why);
	heap_publish(heap, MEMMGR_HEAP_MAIN);
	mutex_unlock(&region->heap_mutex);
	return 0;
}

/* The last handle that the heap could have given, so that none comes again. */
static void heap_keep_handles(struct memmgr_heap *heap)
{
	u64 *last = &heap->region->last_handle[heap->id];
	u32 i;

	for (i = 0; i < heap->max_records; i++)
		*last = max(*last, heap->records[i].handle);
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
	    heap->pinned != client_pins_in(client, heap))
		err = -EBUSY;
	else
		heap->dying = true;
	heap_unlock(heap, flags);
	return err;
}

/* Take a heap that nothing uses out of the region. Under heap_mutex. */
static void heap_withdraw(struct memmgr_heap *heap)
{
	heap_keep_handles(heap);
	debug_set(heap, 0, ~0u);
	RCU_INIT_POINTER(heap->region->heaps[heap->id], NULL);
	heap_put(heap);
}

/*
 * Unmake a heap; its memory goes when nothing uses it any more. Under heap_mutex.
 * @client: who asks; @force: with what lives in it; @closing: with dma-bufs of it as well.
 */
static int heap_remove(struct memmgr_heap *heap, const struct client *client, bool force,
		       bool closing)
{
	struct region *region = heap->region;
	int err;

	if (heap->holders || heap->orphan)
		return -EBUSY;
	err = heap_idle(heap, client, force, closing);
	if (err)
		return err;
	hold_here(region, HOLD_DESTROYING);
	heap_wake(heap, READ_ONCE(heap->waiters));
	quarantine_flush(heap);
	/* From here on a fault finds nothing; what was mapped goes now. */
	heap_forget_records(heap);
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
	list_del_init(&heap->mine);
	heap_drop_fallback(heap);
	if (READ_ONCE(heap->held) || heap_in_io(heap)) {
		WRITE_ONCE(heap->orphan, true);
		heap_settle_start(region);
	} else {
		heap_withdraw(heap);
	}
	return 0;
}

/**
 * heap_retire_orphans - let heaps go that something still used at their end
 * @region: of them
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

	mutex_lock(&region->heap_mutex);
	for (id = 1; id < MEMMGR_MAX_HEAPS; id++) {
		heap = heap_locked(region, id);
		if (!heap || !heap->orphan || READ_ONCE(heap->held))
			continue;
		if (heap_in_io(heap))
			in_io = true;
		else
			heap_withdraw(heap);
	}
	mutex_unlock(&region->heap_mutex);
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
		err = heap_remove(heap, client, flags & MEMMGR_DESTROY_FORCE, false);
	mutex_unlock(&region->heap_mutex);
	return err;
}

/* A client goes, and its private heaps with it, those that fall back first. */
void heap_destroy_private(struct client *client)
{
	struct memmgr_heap *heap, *next;

	mutex_lock(&client->region->heap_mutex);
	list_for_each_entry_safe(heap, next, &client->heaps, mine)
		if (heap->fallback)
			heap_remove(heap, client, true, true);
	list_for_each_entry_safe(heap, next, &client->heaps, mine)
		heap_remove(heap, client, true, true);
	mutex_unlock(&client->region->heap_mutex);
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
	if (heap && heap->flags & MEMMGR_HEAP_PRIVATE) {
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
