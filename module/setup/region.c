// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Creating and removing regions. The memory of a region comes from a reserved node of the
 * device tree, from physical addresses given to the module, or, if there is neither, from
 * the system.
 *
 * A region's memory has one attribute, of REGION_CACHES, in the kernel's mapping and in
 * every user's mapping.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/ioport.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/of.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "client/quota.h"
#include "debug/reports.h"
#include "debug/sites.h"
#include "face/debugfs.h"
#include "face/dev.h"
#include "face/dmaheap.h"
#include "face/nodes.h"
#include "heap/lookup.h"
#include "heap/make.h"
#include "heap/held.h"
#include "move/health.h"
#include "move/state.h"
#include "region/events.h"
#include "region/failures.h"
#include "region/stop.h"
#include "region/region.h"
#include "region/remap.h"
#include "region/view.h"
#include "setup/claim.h"
#include "setup/heaps.h"
#include "setup/region.h"
#include "setup/source.h"

#define REGION_DEFAULT_RECORDS	16384u
#define LABEL_CHARACTERS \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.,"

static unsigned int max_allocations = REGION_DEFAULT_RECORDS;
module_param(max_allocations, uint, 0444);
MODULE_PARM_DESC(max_allocations, "records of heap main (default 16384)");

static bool join = true;
module_param(join, bool, 0444);
MODULE_PARM_DESC(join, "heap main looks for unaligned free runs as a last resort (default 1; 0 for real time)");
static bool regions_open;	/* publish new regions at once; under regions_mutex */

static const struct region *overlapping(const struct list_head *list,
					const struct region_source *s)
{
	struct region *region;

	list_for_each_entry(region, list, node)
		if (region->memory.flags & MEMMGR_REGION_CONTIGUOUS &&
		    s->phys < region->memory.phys + region->memory.bytes &&
		    region->memory.phys < s->phys + s->bytes)
			return region;
	return NULL;
}

/* A region that contains some of the source's memory, or NULL. */
static const struct region *region_overlapping(const struct region_source *s)
{
	return overlapping(&regions, s) ? : overlapping(&regions_gone, s);
}

/*
 * Is it what a node under /dev is or will be called, or its number? Programs find regions by these
 * too, so no other region may have it for its label.
 */
static bool names_a_node(const char *label)
{
	size_t prefix = str_has_prefix(label, KBUILD_MODNAME);

	return !label[prefix + strspn(label + prefix, "0123456789")];
}

/* The fault of the label of a region; NULL if there is none. */
static const char *region_label_fault(const struct region *region, const char *label)
{
	if (strlen(label) >= MEMMGR_NAME_LEN)
		return "longer than 31 characters";
	if (!*label || *label == '.' || label[strspn(label, LABEL_CHARACTERS)])
		return "not of letters, digits and -_.,";
	if (region_find(label, strlen(label)) ||
	    (names_a_node(label) && strcmp(label, region->nodes->dev_name)))
		return "taken";
	return NULL;
}

static void region_set_name(struct region *region,
			    const struct region_source *s)
{
	const char *fault;

	fault = s->name ? region_label_fault(region, s->name) : NULL;
	strscpy(region->name, s->name && !fault ? s->name : region->nodes->dev_name,
		sizeof(region->name));
	if (fault)
		pr_warn("%pOF: label '%s' is %s; the region is called %s\n", s->node,
			s->name, fault, region->name);
}

static void region_free(struct region *region)
{
	kfree(region->moving);
	corruptions_free(region);
	kfree(region->nodes);
	vfree(region);
}

/* The last reference is gone, so no call can reach the region any more. */
static void region_destroy(struct region *region)
{
	health_end(region);
	heap_destroy_all(region);
	mapping_inode_put(region->view.inode);
	region_unmap(region);
	client_forget_users(region);
	corruptions_end(region);
	events_end(&region->events);
	sites_free(region);
	/* Other regions may not use the memory before this point. */
	mutex_lock(&regions_mutex);
	list_del(&region->node);
	mutex_unlock(&regions_mutex);
	region_free(region);
}

static struct region *region_alloc(const struct region_source *s, u32 index)
{
	/* Its logs make it so large that kzalloc() would take twice as much. */
	struct region *region = vzalloc(sizeof(*region));

	if (!region)
		return NULL;
	refcount_set(&region->refs, 1);
	region->index = index;
	region->release = region_destroy;
	region->first = s->first;
	region->memory.flags = s->flags | (join && !region_realtime() ? MEMMGR_REGION_JOIN : 0) |
			region_cache_flag(s->cache);
	if (s->flags & MEMMGR_REGION_RESERVED) {
		region->memory.phys = s->phys;
		region->memory.flags |= MEMMGR_REGION_CONTIGUOUS;
	}
	region->memory.bytes = s->bytes;
	region->view.window_shift = order_base_2(s->bytes >> PAGE_SHIFT);
	init_rwsem(&region->view.map_gate);
	init_waitqueue_head(&region->stop.wait);
	events_init(&region->events);
	mutex_init(&region->heap_mutex);
	raw_spin_lock_init(&region->client_lock);
	region->clients = RB_ROOT;
	region->users = RB_ROOT;
	held_init(region);
	failures_init(&region->failures);
	if (region_nodes_init(region) || move_state_init(region) || corruptions_init(region)) {
		region_free(region);
		return NULL;
	}
	region_set_name(region, s);
	return region;
}

static void region_announce(const struct region *region)
{
	pr_info("%s: %llu KiB at /dev/%s, %s%s%s\n", region->name,
		region->memory.bytes >> 10, region->nodes->dev_name,
		region_is_cached(region) ? "" : region_cache(region),
		region_is_cached(region) ? "" : " ",
		region->memory.flags & MEMMGR_REGION_RESERVED ?
		"reserved memory" :
		"memory of the system, NOT reserved: for trying out only");
}

static int region_build(struct region *region, const struct region_source *s)
{
	int err;

	err = region->memory.flags & MEMMGR_REGION_RESERVED ?
	      region_map_reserved(region) : region_map_system(region);
	if (err)
		goto out_unmap;
	if (region_has_pages(region))
		region->memory.flags |= MEMMGR_REGION_PAGES;
	region->view.inode = mapping_inode_get();
	if (IS_ERR(region->view.inode)) {
		err = PTR_ERR(region->view.inode);
		goto out_unmap;
	}
	err = heap_create_main(region, max_allocations,
			       region->memory.flags & MEMMGR_REGION_JOIN, !region_realtime());
	if (err)
		goto out_inode;
	err = heap_config_apply(region, s);
	if (err)
		goto out_heaps;
	return 0;

out_heaps:
	heap_destroy_all(region);
out_inode:
	mapping_inode_put(region->view.inode);
out_unmap:
	region_unmap(region);
	return err;
}

/* Make a region with its heaps and put it into the list. */
static struct region *region_make(const struct region_source *s)
{
	struct list_head *before;
	struct region *region;
	u32 index = s->number;
	int err;

	lockdep_assert_held(&regions_mutex);
	err = claim_check(s, region_overlapping(s));
	if (err)
		return ERR_PTR(err);
	before = region_slot(&index);
	region = region_alloc(s, index);
	if (!region)
		return ERR_PTR(-ENOMEM);
	err = region_build(region, s);
	if (err) {
		region_free(region);
		return ERR_PTR(err);
	}
	list_add_tail(&region->node, before);
	return region;
}

static void region_lacks(const struct region *region, const char *in, const char *what, int err)
{
	pr_warn("%s: %s%s left out: %s\n", region->name, in, what, err == -EEXIST ?
		"the system has a dma-heap of this name; give the region another label" :
		"the system lacks memory; load again when it has some");
}

/*
 * Make the device nodes and the debugfs folder of a region. If the dma-heap node cannot be
 * made, the region does without, because nothing may fail once there is a node.
 */
static int region_publish(struct region *region)
{
	int err;

	lockdep_assert_held(&regions_mutex);
	err = dev_add_region(region);
	if (err) {
		region_lacks(region, "/dev/", region->nodes->dev_name, err);
		return err;
	}
	err = dmaheap_add_region(region);
	if (err)
		region_lacks(region, "/dev/", region->nodes->heap_name, err);
	if (!debugfs_add_region(region))
		region_lacks(region, "", "files of debugfs", -ENOMEM);
	region_announce(region);
	health_watch(region);
	return 0;
}

/**
 * region_create - make a region with its heaps, device node and debugfs folder
 * @s: source of its memory
 *
 * The region stays invisible to users until regions_publish() has been called.
 *
 * Context: process, may sleep. A refusal is one line in the log.
 * Return: the region with a reference for the caller, who later calls region_remove(); or
 * an error.
 */
struct region *region_create(const struct region_source *s)
{
	struct region *region;
	int err;

	mutex_lock(&regions_mutex);
	region = region_make(s);
	err = PTR_ERR_OR_ZERO(region);
	if (!err && regions_open)
		err = region_publish(region);
	mutex_unlock(&regions_mutex);
	if (err && !IS_ERR(region))
		region_remove(region);
	return err ? ERR_PTR(err) : region;
}

/**
 * regions_publish - make all present and future regions visible to users
 *
 * An open file holds the module, but does not keep the kernel from freeing a module
 * whose init fails. So init publishes last, and may fail only while there is no node.
 *
 * Context: process, may sleep.
 * Return: 0, or an error if there are regions but none of them could get a node.
 */
int regions_publish(void)
{
	struct region *region;
	int err, result = 0;
	bool any = false;

	mutex_lock(&regions_mutex);
	list_for_each_entry(region, &regions, node) {
		err = region_publish(region);
		any |= !err;
		result = result ? : err;
	}
	regions_open = any || !result;
	mutex_unlock(&regions_mutex);
	return any ? 0 : result;
}

/**
 * region_remove - remove the device of a region
 * @region: published or not; may be freed when this returns
 *
 * The region becomes invisible. Its memory stays as long as anything uses it.
 *
 * Context: process, may sleep.
 */
void region_remove(struct region *region)
{
	mutex_lock(&regions_mutex);
	list_move(&region->node, &regions_gone);
	WRITE_ONCE(region->gone, true);
	mutex_unlock(&regions_mutex);
	dev_remove_region(region);
	dmaheap_remove_region(region);
	debugfs_remove_region(region);
	stop_end(region);
	health_stop(region);
	heap_wake_waiters(region);
	region_put(region);
}
