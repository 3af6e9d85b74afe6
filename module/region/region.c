// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Regions in use: finding them, counting references and releasing them. */
#include <linux/module.h>
#include <linux/of.h>
#include <linux/workqueue.h>

#include "region/region.h"

void held_soon(struct region *region, unsigned long delay)
{
	/* Each time the work is queued, it holds a reference to the module and the region. */
	__module_get(THIS_MODULE);
	region_get(region);
	if (queue_delayed_work(region_queue, &region->held, delay))
		return;
	/* It was queued already. This is not the last reference, because the caller has one. */
	region_put(region);
	module_put(THIS_MODULE);
}

/**
 * held_start - start to check at intervals for memory that is no longer in use
 * @region: the region
 *
 * Context: any in which the caller holds references to module and region: a call, or the
 * release of a dma-buf.
 */
void held_start(struct region *region)
{
	held_soon(region, SETTLE_INTERVAL);
}

/*
 * The visible regions, by index, and the regions that are gone but whose memory is still in
 * use. Both lists change at probe, remove, module init and exit, and when the last
 * reference to a region that is gone ends.
 */
LIST_HEAD(regions);
LIST_HEAD(regions_gone);
DEFINE_MUTEX(regions_mutex);	/* both lists */

struct workqueue_struct *region_queue;

static bool realtime;
module_param(realtime, bool, 0444);
MODULE_PARM_DESC(realtime, "nothing without bound, nothing in the background, all records when a heap is made: join=0 health=0 (default 0)");

bool region_realtime(void)
{
	return realtime;
}

/* Module init, before there is a region. */
int region_init(void)
{
	region_queue = alloc_workqueue("memmgr", WQ_UNBOUND | WQ_FREEZABLE, 0);
	return region_queue ? 0 : -ENOMEM;
}

/* Module exit, after all regions were removed. Waits for work that is just ending. */
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

/* The default region, for callers that name none; NULL if it was not made. */
static struct region *region_first(void)
{
	struct region *region;

	list_for_each_entry(region, &regions, node)
		if (region->first)
			return region;
	return NULL;
}

/* Get a reference to the region @name, or to the default one if NULL. NULL if none exists. */
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

/* Get one more reference; the caller holds one already. Context: any. */
void region_get(struct region *region)
{
	refcount_inc(&region->refs);
}

/* The lowest free index from *@index on, and the list entry to insert before. */
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
 * region_put - drop a reference
 * @region: may be freed when this returns
 *
 * Context: process, may sleep; regions_mutex is not held. O(1); the last reference
 * costs destroying all heaps.
 */
void region_put(struct region *region)
{
	if (refcount_dec_and_test(&region->refs))
		region->release(region);
}
