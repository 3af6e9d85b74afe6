/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Regions: one range of memory, one device node, one debugfs folder each.
 *
 * A region is in sight from probe (or module init) to remove (or module exit): it
 * has nodes, and its name can be looked up. Its device may be removed at any time.
 * The region is gone then: calls of files that are still open answer -ENODEV. The
 * memory and the books stay until the last reference ends. References are held by
 * the driver that made the region, by each open file, by each heap that kernel code
 * holds, by each dma-buf, and by work that is due.
 */
#ifndef MEMMGR_REGION_H
#define MEMMGR_REGION_H

#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/mm_types.h>
#include <linux/mutex.h>
#include <linux/pgtable.h>
#include <linux/rbtree.h>
#include <linux/refcount.h>
#include <linux/rwsem.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <uapi/linux/memmgr.h>

#include "move/compact.h"
#include "debug/reports.h"
#include "region/events.h"
#include "region/failures.h"
#include "move/health.h"
#include "region/hold.h"
#include "debug/sites.h"

struct device;
struct device_node;
struct inode;
struct iosys_map;
struct memmgr_heap;
struct vm_area_struct;

/**
 * struct region - a range of memory that memmgr owns
 * @node: in the list of the regions in sight, or of those that are gone
 * @refs: references, see above; the last one unmakes the region
 * @gone: its device was removed
 * @index: its number, which names the device node
 * @first: kernel code that names no region means this one
 * @name: of the region, unique
 * @flags: MEMMGR_REGION_*
 * @phys: physical address, when MEMMGR_REGION_CONTIGUOUS
 * @bytes: size, whole pages
 * @virt: the kernel's mapping
 * @claimed: @phys is entered in /proc/iomem for us
 * @max_align: largest alignment that can be asked for: of addresses, or of offsets where
 *	the memory is not contiguous
 * @misc: the device node
 * @misc_name: its name
 * @inode: the one address space in which all clients' mappings are found
 * @map_gate: held for reading from looking up what a page shows to mapping it;
 *	passing it for writing waits for faults that looked before a change
 * @window_shift: log2 of the pages that a window of the mmap() offsets spans
 * @heap_misc: the device node of the dma-heap interface
 * @heap_node_name: where it is below /dev
 * @clients: by serial
 * @users: of these, and those with limits of their own, by user id
 * @client_lock: guards both, and what they hold; innermost but for failures
 * @settle: looks whether I/O has ended that keeps memory
 * @compact_mutex: one compaction at a time; guards @compacted
 * @unmapping: odd while mappings are being taken away for a move, each time another number
 * @compacted: what compaction did so far
 * @hold: where tests stop a call
 * @hold_wait: of a call that stops there
 * @events: the last events
 * @health: thresholds and the worker
 * @heap_mutex: guards what follows, up to @last_handle
 * @making: heaps that are being made, by id: nobody finds them yet
 * @heaps: by id; written under @heap_mutex, read under RCU
 * @serial: of the last heap that was made
 * @last_handle: by id: last one that a heap which went could have given
 * @slab_of: by page, what slab of which heap begins there; see heap.h. Each heap's lock
 *	guards the entries of its slabs
 * @failures: the last failed requests
 * @corruptions: the last reports of damage
 * @sites: where allocations come from; NULL: no heap was ever tracked
 * @debugfs: the folder
 */
struct region {
	struct list_head node;
	refcount_t refs;
	bool gone;
	u32 index;
	bool first;
	char name[MEMMGR_NAME_LEN];
	u32 flags;
	phys_addr_t phys;
	u64 bytes;
	void *virt;
	bool claimed;
	u64 max_align;
	struct miscdevice misc;
	char misc_name[MEMMGR_NAME_LEN];
	struct inode *inode;
	struct rw_semaphore map_gate;
	u32 window_shift;
	struct miscdevice heap_misc;
	char heap_node_name[MEMMGR_NAME_LEN + 16];
	struct rb_root clients;
	struct rb_root users;
	raw_spinlock_t client_lock;
	struct delayed_work settle;
	struct mutex compact_mutex;	/* compaction */
	unsigned long unmapping;
	struct compact_total compacted;
	struct hold hold;
	wait_queue_head_t hold_wait;
	struct events events;
	struct health health;
	struct mutex heap_mutex;	/* slots of heaps */
	struct memmgr_heap *making[MEMMGR_MAX_HEAPS];
	struct memmgr_heap __rcu *heaps[MEMMGR_MAX_HEAPS];
	u64 serial;
	u64 last_handle[MEMMGR_MAX_HEAPS];
	u32 *slab_of;
	struct failures failures;
	struct corruptions corruptions;
	struct sites *sites;
	struct dentry *debugfs;
};

/* The attributes that memory may have. */
#define REGION_CACHES	"write-back, write-combine, uncached, device"

/**
 * struct region_source - where a region's memory comes from
 * @name: for the region, if it is free; may be NULL
 * @number: of the region, if it is free, else the next one that is
 * @first: it is the one that is meant where none is named
 * @cache: one of REGION_CACHES; NULL: write-back
 * @phys: physical address; ignored for memory from the system
 * @bytes: size
 * @flags: MEMMGR_REGION_*; without _RESERVED the system gives the memory
 * @node: device tree node with heaps as children, or NULL
 * @memory: device tree node of the memory, or NULL
 * @heaps: heaps= of the module, or NULL
 */
struct region_source {
	const char *name;
	u32 number;
	bool first;
	const char *cache;
	phys_addr_t phys;
	u64 bytes;
	u32 flags;
	struct device_node *node;
	struct device_node *memory;
	const char *heaps;
};

#define REGION_CACHE_FLAGS	(MEMMGR_REGION_WRITE_COMBINE | MEMMGR_REGION_UNCACHED | \
				 MEMMGR_REGION_DEVICE)

static inline bool region_is_cached(const struct region *region)
{
	return !(region->flags & REGION_CACHE_FLAGS);
}

/* Work of all regions; it is drained before the module goes. */
extern struct workqueue_struct *region_queue;

__visible int region_init(void);
__visible void region_exit(void);
struct region *region_create(const struct region_source *source);
int regions_publish(void);
void region_remove(struct region *region);
__visible struct region *region_get_named(const char *name, size_t len);
void region_get(struct region *region);
__visible void region_put(struct region *region);

/* Was its device removed? What is asked of it then is refused; its memory stays. */
static inline bool region_is_gone(const struct region *region)
{
	return READ_ONCE(region->gone);
}

unsigned long region_pfn(const struct region *region, u64 offset);
pgprot_t region_pgprot(const struct region *region, pgprot_t prot);
__visible void region_zero(struct region *region, u64 offset, u64 bytes);
void region_clear(struct region *region, u64 offset, u64 bytes);
u64 region_phys(const struct region *region, u64 offset);
vm_fault_t region_insert(const struct region *region, struct vm_area_struct *vma,
			 unsigned long address, u64 offset, bool write);
void region_settle_writes(const struct region *region, u64 offset, u64 bytes);
bool region_in_io(const struct region *region, u64 offset, u64 bytes);
const char *region_cache(const struct region *region);
u32 region_cache_flag(const char *name);
void region_iosys_map(const struct region *region, u64 offset, struct iosys_map *map);
void region_sync(const struct region *region, u64 offset, u64 bytes);
void *region_map_page(const struct region *region, u64 offset);
void region_unmap_page(const struct region *region, void *virt);
void region_move(const struct region *region, u64 to, u64 from, u64 bytes);
void region_copy_in(const struct region *region, u64 offset, const void *from, size_t bytes);
void region_copy(const struct region *region, u64 offset, void *to, size_t bytes);
unsigned long region_read(struct region *region, u64 offset, void __user *to,
			  unsigned long bytes);
unsigned long region_write(struct region *region, u64 offset,
			   const void __user *from, unsigned long bytes);

#endif /* MEMMGR_REGION_H */
