/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Regions: one range of memory, one device node, one debugfs folder each.
 *
 * A region is visible from probe (or module init) to remove (or module exit): it has
 * device nodes, and it can be found by name. Its device may be removed at any time. Then
 * the region is gone: calls on files that are still open return -ENODEV, but its memory
 * and its books stay until the last reference ends. References are held by the driver
 * that made the region, by each open file, by each heap that kernel code holds, by each
 * dma-buf, and by work that is due.
 */
#ifndef MEMMGR_REGION_H
#define MEMMGR_REGION_H

#include <linux/list.h>
#include <linux/mm_types.h>
#include <linux/mutex.h>
#include <linux/pgtable.h>
#include <linux/rbtree.h>
#include <linux/refcount.h>
#include <linux/string.h>
#include <linux/types.h>
#include <linux/workqueue.h>
#include <uapi/linux/memmgr.h>

#include "region/events.h"
#include "region/failures.h"
#include "region/memory.h"
#include "region/stop.h"
#include "region/view.h"

struct corruptions;
struct heap_moments;
struct memmgr_heap;
struct move_state;
struct region_nodes;
struct sites;

struct device;
struct device_node;
struct iosys_map;
struct vm_area_struct;

/**
 * struct region - a range of memory that memmgr owns
 * @node: in the list of visible regions, or of regions that are gone
 * @refs: references, see above; the last one destroys the region
 * @moments: see heap/moments.h; NULL until debugging looks at one of the region's heaps
 * @release: called when the last of @refs ends
 * @changed: called after a change of heap main, if a watcher asked for it; any context
 * @gone: its device was removed
 * @index: number of the region, which names the device node
 * @first: kernel code that names no region means this one
 * @name: name of the region, unique
 * @memory: its bytes
 * @view: where its bytes are seen
 * @clients: by serial
 * @users: users of @clients, and users with limits of their own, by user id
 * @client_lock: guards both trees and their entries; innermost but for failures
 * @held: work that checks whether I/O that keeps memory has ended
 * @heap_mutex: guards the fields that follow, up to @last_handle
 * @making: heaps that are being made, by id; they cannot be found yet
 * @heaps: by id; written under @heap_mutex, read under RCU
 * @serial: serial of the last heap that was made
 * @last_handle: by id: last handle that a destroyed heap could have given out
 * @slab_of: by page: the heap and number of the slab that begins there; see heap/heap.h.
 *	Each heap's lock guards the entries of its slabs
 * @stop: where tests stop a call
 * @corruptions: of debug/: the last reports of damage
 * @sites: of debug/: sites of allocations; NULL until a heap is first tracked
 * @moving: of move/: compaction and health; NULL in a build without MOVE
 * @nodes: of face/: the device nodes and the debugfs folder
 * @events: the last events
 * @failures: the last failed requests
 *
 * The two logs are large and come last, because 32-bit arm reads the first 4 KiB of a structure
 * with one instruction.
 */
struct region {
	struct list_head node;
	refcount_t refs;
	void (*release)(struct region *region);
	void (*changed)(struct memmgr_heap *main);
	const struct heap_moments *moments;
	bool gone;
	u32 index;
	bool first;
	char name[MEMMGR_NAME_LEN];
	struct memory memory;
	struct view view;
	struct rb_root clients;
	struct rb_root users;
	raw_spinlock_t client_lock;
	struct delayed_work held;
	struct mutex heap_mutex;	/* slots of heaps */
	struct memmgr_heap *making[MEMMGR_MAX_HEAPS];
	struct memmgr_heap __rcu *heaps[MEMMGR_MAX_HEAPS];
	u64 serial;
	u64 last_handle[MEMMGR_MAX_HEAPS];
	u32 *slab_of;
	struct stop stop;
	struct corruptions *corruptions;
	struct sites *sites;
	struct move_state *moving;
	struct region_nodes *nodes;
	struct events events;
	struct failures failures;
};

/* The cache attributes that memory may have. */
#define REGION_CACHES	"write-back, write-combine, uncached, device"

#define REGION_CACHE_FLAGS	(MEMMGR_REGION_WRITE_COMBINE | MEMMGR_REGION_UNCACHED | \
				 MEMMGR_REGION_DEVICE)

static inline bool region_is_cached(const struct region *region)
{
	return !(region->memory.flags & REGION_CACHE_FLAGS);
}

/* The queue runs work of all regions, and is drained before the module is removed. */
extern struct list_head regions;
extern struct list_head regions_gone;
extern struct mutex regions_mutex;
extern struct workqueue_struct *region_queue;

int region_init(void);
bool region_realtime(void);
void region_exit(void);
struct region *region_get_named(const char *name, size_t len);
void region_get(struct region *region);
void region_put(struct region *region);

/* Was the region's device removed? Then new calls are refused; the memory stays. */
static inline bool region_is_gone(const struct region *region)
{
	return READ_ONCE(region->gone);
}

/* Clear a few bytes of memory that is no I/O memory, see region_is_io(). */
static inline void region_zero_plain(const struct region *region, unsigned long offset,
				     size_t bytes)
{
	memset(region->memory.virt + offset, 0, bytes);
}

#define SETTLE_INTERVAL	(HZ / 10 + 1)

void held_start(struct region *region);
void held_soon(struct region *region, unsigned long delay);
struct region *region_find(const char *name, size_t len);
struct list_head *region_slot(u32 *index);

#endif /* MEMMGR_REGION_H */
