// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Regions in use: found, counted and let go. */
#include <linux/module.h>
#include <linux/of.h>
#include <linux/workqueue.h>

#include "region/region.h"

void settle_soon(struct region *region, unsigned long delay)
{
	/* Work that is due keeps module and region: each time it is queued, a reference. */
	__module_get(THIS_MODULE);
	region_get(region);
	if (queue_delayed_work(region_queue, &region->settle, delay))
		return;
	/* Not the last one: the caller has another. */
	region_put(region);
	module_put(THIS_MODULE);
}

/**
 * heap_settle_start - look for memory that is no longer in use, now and again
 * @region: of it
 *
 * Context: any where module and region have a reference: a call, or a dma-buf that
 * ends.
 */
void heap_settle_start(struct region *region)
{
	settle_soon(region, SETTLE_INTERVAL);
}

/*
 * The regions in sight, by index, and those that are gone, whose memory is still in
 * use. Changed at probe, remove, module init and exit, and when the last reference
 * to a region that is gone ends.
 */
LIST_HEAD(regions);
LIST_HEAD(regions_gone);
DEFINE_MUTEX(regions_mutex);	/* both lists */

struct workqueue_struct *region_queue;

/* Module init: before there is a region. */
int region_init(void)
{
	region_queue = alloc_workqueue("memmgr", WQ_UNBOUND | WQ_FREEZABLE, 0);
	return region_queue ? 0 : -ENOMEM;
}

/* Module exit: all regions were removed, and work that is just ending is waited for. */
void region_exit(void)
{
	destroy_workqueue(region_queue);
}

struct region *region_find(const char *name, size_t len)
{
	struct region *region;

	list_for_each_entry(region, &regions, node)
		if (strlen(region->name) == len && !memcmp(region->name, name, len))
			return region;
	return NULL;
}

/* The region that is meant where none is named, NULL: it did not come. */
static struct region *region_first(void)
{
	struct region *region;

	list_for_each_entry(region, &regions, node)
		if (region->first)
			return region;
	return NULL;
}

/* A reference to the region of a name; NULL: to the first one. NULL when there is none. */
struct region *region_get_named(const char *name, size_t len)
{
	struct region *region;

	mutex_lock(&regions_mutex);
	region = name ? region_find(name, len) : region_first();
	if (region)
		region_get(region);
	mutex_unlock(&regions_mutex);
	return region;
}

/* One reference more, for a caller that has one. Context: any. */
void region_get(struct region *region)
{
	refcount_inc(&region->refs);
}

/* The lowest index from *@index on that is free, and the list entry to insert before. */
struct list_head *region_slot(u32 *index)
{
	struct region *other;

	list_for_each_entry(other, &regions, node) {
		if (other->index > *index)
			return &other->node;
		*index += other->index == *index;
	}
	return &regions;
}

/**
 * region_put - end a reference
 * @region: may be no more afterwards
 *
 * Context: process, may sleep; regions_mutex is not held. Cost: O(1), and of the
 * last one that of unmaking all heaps.
 */
void region_put(struct region *region)
{
	if (refcount_dec_and_test(&region->refs))
		region->release(region);
}
