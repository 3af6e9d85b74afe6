// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Checks the configuration of a heap, and plans its layout and its cost. */
#include <linux/ctype.h>
#include <linux/mm.h>
#include <linux/string.h>

#include "core/engine.h"
#include "heap/account.h"
#include "heap/arena.h"
#include "heap/heap.h"
#include "heap/kinds.h"
#include "heap/records.h"
#include "heap/rights.h"
#include "heap/shape.h"
#include "region/region.h"

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
 * holds, 1/8 for small objects, plus COST_BASE: what a small heap takes, and a page, because
 * its books are rounded up to pages.
 */
#define COST_SHIFT		4
#define COST_SMALL_SHIFT	3
#define COST_BASE		((12u << 10) + PAGE_SIZE)

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
	const struct heap_kind *kind = heap_kind(c->kind);
	u32 given = (c->bytes ? HEAP_FIELD_BYTES : 0) |
		    (c->object_size ? HEAP_FIELD_OBJECT : 0) |
		    (c->align ? HEAP_FIELD_ALIGN : 0) |
		    (c->count ? HEAP_FIELD_COUNT : 0) |
		    (c->granule ? HEAP_FIELD_GRANULE : 0) |
		    (c->flags & MEMMGR_HEAP_NO_JOIN ? HEAP_FIELD_NO_JOIN : 0);

	*missing = kind ? kind->needs & ~given : 0;
	return kind ? given & ~kind->takes : 0;
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
	if (!heap_kind(c->kind))
		return -EOPNOTSUPP;
	if (heap_config_fields(c, &missing) || missing)
		return -EINVAL;
	if (!engine_align_ok(c->align) || !engine_align_ok(c->granule))
		return -EINVAL;
	if (c->granule && (c->granule < heap_kind(c->kind)->granule || c->granule > PAGE_SIZE))
		return -EINVAL;
	if (c->max_allocations > HEAP_MAX_RECORDS)
		return -EINVAL;
	return !c->fallback || c->flags & MEMMGR_HEAP_FALLBACK ? 0 : -EINVAL;
}

/* Plan the tables of a heap with so many records. */
void plan_books(const struct memmgr_heap_create *c, struct heap_shape *plan, u32 records)
{
	void (*books)(const struct memmgr_heap_create *c, struct heap_shape *plan, u32 records) =
		heap_kind(c->kind)->books;

	plan->records = records;
	plan->held = plan->bytes;
	if (books)
		books(c, plan, records);
	plan->books = plan->meta + records_bytes(plan);
}

/* Limit of the system memory for a heap that has @held bytes of the region. */
static u64 cost_limit(const struct heap_shape *plan, u64 held)
{
	return (held >> (plan->small ? COST_SMALL_SHIFT : COST_SHIFT)) + COST_BASE;
}

/* The largest record table up to @most whose cost is within the limit; 0: none. */
static u32 plan_worth(const struct memmgr_heap_create *c, struct heap_shape *plan, u32 most)
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
static int plan_records(struct memmgr_heap_create *c, struct heap_shape *plan, bool admin)
{
	u32 records = min(plan->most, c->max_allocations ? c->max_allocations : plan->usual);

	if (!admin && !c->max_allocations)
		records = plan_worth(c, plan, records);
	plan_books(c, plan, records);
	if (records && (admin || plan_cost(plan) <= cost_limit(plan, plan->bytes)))
		return 0;
	c->reason = MEMMGR_REASON_RECORDS;
	return -ENOSPC;
}

int shape_of(const struct region *region, const struct client *client,
	     struct memmgr_heap_create *c, struct heap_shape *plan)
{
	int err;

	*plan = (struct heap_shape) {
		.usual = HEAP_DEFAULT_RECORDS,
		.late = !(c->flags & MEMMGR_HEAP_PRIVATE) && !region_realtime(),
	};
	err = heap_kind(c->kind)->plan(region, c, plan);

	return err ? err : plan_records(c, plan, !client || viewer_of(client).admin);
}
