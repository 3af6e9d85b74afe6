// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Checks the configuration of a heap, and plans its layout and its cost. */
#include <linux/ctype.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/string.h>

#include "core/buddy.h"
#include "core/engine.h"
#include "core/pool.h"
#include "core/slab.h"
#include "core/stack.h"
#include "heap/account.h"
#include "heap/arena.h"
#include "heap/heap.h"
#include "heap/record.h"
#include "heap/rights.h"
#include "heap/shape.h"
#include "region/region.h"

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

static bool name_ok(const char *name)
{
	const char *p;

	for (p = name; *p && p - name < MEMMGR_NAME_LEN; p++)
		if (!isalnum(*p) && !strchr("-_.", *p))
			return false;
	return p != name && p - name < MEMMGR_NAME_LEN;
}

/*
 * Limit of the system memory that a client's heap may use: 1/16 of the memory that it
 * holds, 1/8 for small objects, plus COST_BASE.
 */
#define COST_SHIFT		4
#define COST_SMALL_SHIFT	3
#define COST_BASE		(16u << 10)
#define SMALL_OBJECT		16u

/* Fields of a configuration that a kind takes, and those it needs. All others must be 0. */
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
 * heap_config_fields - find the fields that do not fit the kind
 * @c: a configuration of a valid kind
 * @missing: set to the HEAP_FIELD_* that the kind needs and that are not given
 *
 * Context: any.
 * Return: HEAP_FIELD_* that are given but that the kind does not take.
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

/* A private heap belongs to its client, so it has no mode. */
static bool config_rights_ok(const struct memmgr_heap_create *c)
{
	if (c->flags & MEMMGR_HEAP_MODE)
		return !(c->flags & MEMMGR_HEAP_PRIVATE) && heap_mode_ok(c->mode) && !c->pad;
	return !(c->mode | c->uid | c->gid | c->pad);
}

int config_check(const struct memmgr_heap_create *c)
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

	heap_main_take(region, region->bytes + 1, 0, &place, &why);
	c->reason = MEMMGR_REASON_TOO_LARGE;
	c->largest = why.largest;
	return -ENOMEM;
}

#define PRIVATE_SLAB_MAX	max_t(u64, PAGE_SIZE, 1u << 16)
#define SLAB_LIMIT_SHIFT	4	/* 1/16 of the region, unless a limit is given */
#define SLAB_LIMIT_LEAST	(1ull << 20)

/* Default limit of a slab heap. It has room for the objects to preallocate. */
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
	/* A new slab of a private heap is cleared while the lock is held, so limit its size. */
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

/* As with heap_is(), the compiler drops code for kinds that are not built. */
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

/* Slabs that may be leaving while new ones are added: see heap_trim(). */
#define SLABS_LEAVING	4u

/*
 * A client's heap grows only if all of its slabs are full. So it never needs more slabs
 * than its records can fill with objects.
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

/* Plan the tables of a heap with so many records. */
void plan_books(const struct memmgr_heap_create *c, struct heap_plan *plan, u32 records)
{
	plan->records = records;
	plan->held = plan->bytes;
	if (plan_is(c, MEMMGR_KIND_SLAB))
		plan_slabs(c, plan, records);
	if (plan_is(c, MEMMGR_KIND_STACK))
		plan->meta = stack_meta_size(records) + records * sizeof(u32);
	plan->books = ALIGN(plan->meta, sizeof(u64)) + records * (u64)sizeof(struct record);
}

/* Limit of the system memory for a heap that has @held bytes of the region. */
static u64 cost_limit(const struct heap_plan *plan, u64 held)
{
	return (held >> (plan->small ? COST_SMALL_SHIFT : COST_SHIFT)) + COST_BASE;
}

/* The largest record table up to @most whose cost is within the limit; 0: none. */
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
 * Choose the number of records. A caller who is no administrator gets as many as the
 * memory that the heap has for them allows, or asks for more, up to what its limit allows.
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

int heap_plan(const struct region *region, const struct client *client,
	      struct memmgr_heap_create *c, struct heap_plan *plan)
{
	int err = plan_kind(region, c, plan);

	return err ? err : plan_records(c, plan, !client || viewer_of(client).admin);
}
