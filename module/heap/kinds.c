// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Kinds of heaps, one row each: all that differs between them, apart from the engines in
 * core/ and the fast paths of drivers. A build without a kind has no row of it.
 */
#include <linux/align.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/string.h>

#include "core/buddy.h"
#include "core/engine.h"
#include "core/pool.h"
#include "core/slab.h"
#include "core/stack.h"
#include "core/tlsf.h"
#include "heap/arena.h"
#include "heap/grow.h"
#include "heap/heap.h"
#include "heap/kinds.h"
#include "heap/record.h"
#include "heap/shape.h"
#include "region/region.h"

#define SMALL_OBJECT	16u	/* bytes of an object that may cost more, see heap/shape.c */

/* Objects of whole pages are aligned to pages, so that they can be mapped. */
static u64 object_align(const struct memmgr_heap_create *c)
{
	u64 align = max_t(u64, c->align, 8);

	return PAGE_ALIGNED(c->object_size) ? max_t(u64, align, PAGE_SIZE) : align;
}

/* Refuse a size that main could never give, and report the size that it could give now. */
static int too_large(const struct region *region, struct memmgr_heap_create *c)
{
	struct engine_refusal why = { 0 };
	u64 place;

	heap_main_take(region, region->memory.bytes + 1, 0, &place, &why);
	c->reason = MEMMGR_REASON_TOO_LARGE;
	c->largest = why.largest;
	return -ENOMEM;
}

/* Plan the granules of an arena, of @usual bytes unless the configuration says. Their number. */
static u32 plan_granules(const struct memmgr_heap_create *c, struct heap_shape *plan, u32 usual)
{
	u32 granules;

	plan->bytes = PAGE_ALIGN(c->bytes);
	plan->align = c->granule ? c->granule : usual;
	plan->granule = ilog2(plan->align);
	granules = plan->bytes >> plan->granule;
	plan->most = min(granules, HEAP_MAX_RECORDS);
	return granules;
}

/* Note them in the new heap. Returns their number. */
static u32 setup_granules(struct memmgr_heap *heap, const struct heap_shape *plan)
{
	heap->grid.shift = plan->granule;
	heap->grid.granules = plan->bytes >> plan->granule;
	return heap->grid.granules;
}

/* --- buddy --------------------------------------------------------------- */

static int plan_buddy(const struct region *region, struct memmgr_heap_create *c,
		      struct heap_shape *plan)
{
	if (c->bytes > region->memory.bytes)
		return too_large(region, c);
	plan->meta = buddy_meta_size(0, plan_granules(c, plan, PAGE_SIZE));
	return 0;
}

static int setup_buddy(struct memmgr_heap *heap, const struct heap_shape *plan,
		       const struct memmgr_heap_create *c, struct engine_refusal *why)
{
	u32 join = heap->flags & MEMMGR_HEAP_NO_JOIN ? 0 : BUDDY_JOIN;

	return buddy_init(&heap->buddy, 0, setup_granules(heap, plan), plan->granule, join,
			  heap->meta);
}

static const struct heap_kind buddy_kind = {
	.granule = 1u << BUDDY_MIN_SHIFT,
	.takes = HEAP_FIELD_BYTES | HEAP_FIELD_GRANULE | HEAP_FIELD_NO_JOIN,
	.needs = HEAP_FIELD_BYTES,
	.may_move = true,
	.plan = plan_buddy,
	.init = setup_buddy,
	.give_back = arena_give_back,
	.in_io = arena_in_io,
};

/* --- slab ---------------------------------------------------------------- */

#define PRIVATE_SLAB_SHIFT	max_t(u32, PAGE_SHIFT, 16)
#define SLAB_LIMIT_SHIFT	4	/* 1/16 of the region, unless a limit is given */
#define SLAB_LIMIT_LEAST	(1ull << 20)

/* Default limit of a slab heap. It has room for the objects to preallocate. */
static u64 slab_limit(const struct region *region, const struct memmgr_heap_create *c,
		      const struct slab_layout *layout)
{
	u64 limit = max(region->memory.bytes >> SLAB_LIMIT_SHIFT, SLAB_LIMIT_LEAST);
	u64 least = (u64)DIV_ROUND_UP(max(c->count, 1u), layout->objects) << layout->shift;

	return min(max(limit, least), region->memory.bytes);
}

static int plan_slab(const struct region *region, struct memmgr_heap_create *c,
		     struct heap_shape *plan)
{
	int err;

	plan->bytes = c->bytes ? c->bytes : region->memory.bytes;
	plan->align = object_align(c);
	if (plan->bytes > region->memory.bytes || c->object_size > region->memory.bytes ||
	    plan->align > region->memory.max_align)
		return too_large(region, c);
	err = slab_layout(&plan->layout, c->object_size, plan->align,
			  plan->bytes, PAGE_SHIFT);
	/* A new slab of a private heap is cleared while the lock is held, so limit its size. */
	if (c->flags & MEMMGR_HEAP_PRIVATE && err != -EINVAL)
		err = slab_layout_narrow(&plan->layout, plan->bytes, PRIVATE_SLAB_SHIFT);
	if (err == -ENOMEM)
		return too_large(region, c);
	if (err)
		return err;
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

/* Slabs that may be leaving while new ones are added: see heap_trim(). */
#define SLABS_LEAVING	4u

/*
 * A client's heap grows only if all of its slabs are full. So it never needs more slabs
 * than its records can fill with objects.
 */
static void books_slab(const struct memmgr_heap_create *c, struct heap_shape *plan, u32 records)
{
	u32 objects = plan->layout.objects;
	u32 full = DIV_ROUND_UP(max(records, c->count), objects);
	u32 held = PAGE_ALIGNED(c->object_size) ? full : DIV_ROUND_UP(c->count, objects);

	plan->layout.max = slabs_most(plan->bytes, plan->layout.shift);
	if (c->flags & MEMMGR_HEAP_PRIVATE)
		plan->layout.max = min(plan->layout.max, full + SLABS_LEAVING);
	plan->held = (u64)min(held, plan->layout.max) << plan->layout.shift;
	/* Objects to preallocate lie in slabs, which need the books. */
	if (!plan->late || c->count)
		plan->meta = slabs_meta_size(&plan->layout);
}

static void query_slab(struct memmgr_heap *heap, struct memmgr_heap_query *query)
{
	unsigned long flags;
	u32 held;

	query->granule = heap->slabs.layout.stride;
	query->count = heap->slabs.layout.objects;
	flags = heap_lock(heap);
	held = heap->slabs.held;
	heap_unlock(heap, flags);
	query->held = (u64)held << heap->slabs.layout.shift;
}

static const struct heap_kind slab_kind = {
	.takes = HEAP_FIELD_BYTES | HEAP_FIELD_OBJECT | HEAP_FIELD_ALIGN | HEAP_FIELD_COUNT,
	.needs = HEAP_FIELD_OBJECT,
	.grows = true,
	.may_move = true,
	.plan = plan_slab,
	.books = books_slab,
	.init = slabs_init,
	.open = slabs_open,
	.give_back = slabs_give_back,
	.in_io = slabs_in_io,
	.query = query_slab,
};

/* --- pool ---------------------------------------------------------------- */

static int plan_pool(const struct region *region, struct memmgr_heap_create *c,
		     struct heap_shape *plan)
{
	u64 stride;

	plan->align = object_align(c);
	if (c->object_size > min_t(u64, region->memory.bytes, POOL_MAX_BLOCK) ||
	    plan->align > region->memory.max_align)
		return too_large(region, c);
	stride = ALIGN(c->object_size, plan->align);
	plan->bytes = PAGE_ALIGN(stride * c->count);
	if (plan->bytes > region->memory.bytes)
		return too_large(region, c);
	if (c->bytes && c->bytes < stride * c->count)
		return -EINVAL;
	plan->small = stride <= SMALL_OBJECT;
	plan->most = min(c->count, HEAP_MAX_RECORDS);
	plan->usual = plan->most;
	plan->meta = pool_meta_size(c->count);
	return 0;
}

static int setup_pool(struct memmgr_heap *heap, const struct heap_shape *plan,
		      const struct memmgr_heap_create *c, struct engine_refusal *why)
{
	heap->max_align = plan->align;
	return pool_init(&heap->pool, c->object_size, plan->align, c->count, heap->meta);
}

static void query_pool(struct memmgr_heap *heap, struct memmgr_heap_query *query)
{
	query->granule = heap->pool.stride;
	query->count = heap->pool.count;
}

static const struct heap_kind pool_kind = {
	.takes = HEAP_FIELD_BYTES | HEAP_FIELD_OBJECT | HEAP_FIELD_ALIGN | HEAP_FIELD_COUNT,
	.needs = HEAP_FIELD_OBJECT | HEAP_FIELD_COUNT,
	.plan = plan_pool,
	.init = setup_pool,
	.give_back = arena_give_back,
	.in_io = arena_in_io,
	.query = query_pool,
};

/* --- stack --------------------------------------------------------------- */

static int plan_stack(const struct region *region, struct memmgr_heap_create *c,
		      struct heap_shape *plan)
{
	if (c->bytes > region->memory.bytes)
		return too_large(region, c);
	plan->bytes = PAGE_ALIGN(c->bytes);
	plan->align = 1u << STACK_SHIFT;
	plan->most = min_t(u64, plan->bytes >> STACK_SHIFT, HEAP_MAX_RECORDS);
	return 0;
}

/* Behind the engine's state lies the number of the record of each block. */
static void books_stack(const struct memmgr_heap_create *c, struct heap_shape *plan, u32 records)
{
	plan->meta = stack_meta_size(records) + records * sizeof(u32);
}

static int setup_stack(struct memmgr_heap *heap, const struct heap_shape *plan,
		       const struct memmgr_heap_create *c, struct engine_refusal *why)
{
	heap->table.record_at = heap->meta + stack_meta_size(plan->records);
	memset(heap->table.record_at, 0xff, plan->records * sizeof(u32));
	return stack_init(&heap->stack, plan->bytes, plan->records, heap->meta);
}

static const struct heap_kind stack_kind = {
	.takes = HEAP_FIELD_BYTES,
	.needs = HEAP_FIELD_BYTES,
	.keeps_order = true,
	.plan = plan_stack,
	.books = books_stack,
	.init = setup_stack,
	.give_back = arena_give_back,
	.in_io = arena_in_io,
};

/* --- tlsf ---------------------------------------------------------------- */

static int plan_tlsf(const struct region *region, struct memmgr_heap_create *c,
		     struct heap_shape *plan)
{
	u32 granules;

	if (c->bytes > region->memory.bytes)
		return too_large(region, c);
	granules = plan_granules(c, plan, 1u << TLSF_MIN_SHIFT);
	if (granules > TLSF_MAX_GRANULES)
		return too_large(region, c);
	plan->small = plan->align <= SMALL_OBJECT;
	plan->meta = tlsf_meta_size(granules, plan->granule);
	return 0;
}

static int setup_tlsf(struct memmgr_heap *heap, const struct heap_shape *plan,
		      const struct memmgr_heap_create *c, struct engine_refusal *why)
{
	u32 search = heap->flags & MEMMGR_HEAP_NO_JOIN ? 0 : TLSF_SEARCH;

	return tlsf_init(&heap->tlsf, 0, setup_granules(heap, plan), plan->granule, search,
			 heap->meta);
}

static const struct heap_kind tlsf_kind = {
	.granule = 1u << TLSF_MIN_SHIFT,
	.takes = HEAP_FIELD_BYTES | HEAP_FIELD_GRANULE | HEAP_FIELD_NO_JOIN,
	.needs = HEAP_FIELD_BYTES,
	.may_move = true,
	.plan = plan_tlsf,
	.init = setup_tlsf,
	.give_back = arena_give_back,
	.in_io = arena_in_io,
};

/* --- all ----------------------------------------------------------------- */

#define BUILT(OPTION, kind)	(IS_ENABLED(CONFIG_MEMMGR_##OPTION) ? &(kind) : NULL)

static const struct heap_kind * const kinds[MEMMGR_KINDS] = {
	[MEMMGR_KIND_BUDDY]	= &buddy_kind,
	[MEMMGR_KIND_SLAB]	= BUILT(SLAB, slab_kind),
	[MEMMGR_KIND_POOL]	= BUILT(POOL, pool_kind),
	[MEMMGR_KIND_STACK]	= BUILT(STACK, stack_kind),
	[MEMMGR_KIND_TLSF]	= BUILT(TLSF, tlsf_kind),
};

/* A build knows the names of kinds that it lacks, so that messages can say so. */
static const char * const names[MEMMGR_KINDS] = {
	[MEMMGR_KIND_BUDDY]	= "buddy",
	[MEMMGR_KIND_SLAB]	= "slab",
	[MEMMGR_KIND_POOL]	= "pool",
	[MEMMGR_KIND_STACK]	= "stack",
	[MEMMGR_KIND_TLSF]	= "tlsf",
};

const char * const heap_kind_names = "buddy, slab, pool, stack, tlsf";

/* The row of a kind; NULL: there is no such kind, or not in this build. Context: any. O(1). */
const struct heap_kind *heap_kind(u32 kind)
{
	return kind < MEMMGR_KINDS ? kinds[array_index_nospec(kind, MEMMGR_KINDS)] : NULL;
}

const char *heap_kind_name(u32 kind)
{
	return kind < MEMMGR_KINDS ? names[kind] : "?";
}
