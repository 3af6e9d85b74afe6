// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Where memory comes from: a reserved region of the device tree, physical
 * addresses given to the module, or, failing both, the system.
 *
 * A region's memory has one attribute, of REGION_CACHES, in the kernel's mapping and
 * in every user's.
 */
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/iosys-map.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/of.h>
#include <linux/of_address.h>
#include <linux/pagemap.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "setup/claim.h"
#include "client/client.h"
#include "base/compat.h"
#include "face/debugfs.h"
#include "face/dev.h"
#include "face/dmaheap.h"
#include "heap/heap.h"
#include "setup/heaps.h"
#include "share/mmap.h"
#include "region/region.h"

#define REGION_DEFAULT_RECORDS	16384u
#define LABEL_CHARACTERS \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.,"

static unsigned int max_allocations = REGION_DEFAULT_RECORDS;
module_param(max_allocations, uint, 0444);
MODULE_PARM_DESC(max_allocations, "records of heap main (default 16384)");

static bool join = true;
module_param(join, bool, 0444);
MODULE_PARM_DESC(join, "heap main looks for unaligned free runs as a last resort (default 1; 0 for real time)");

/*
 * The regions in sight, by index, and those that are gone, whose memory is still in
 * use. Changed at probe, remove, module init and exit, and when the last reference
 * to a region that is gone ends.
 */
static LIST_HEAD(regions);
static LIST_HEAD(regions_gone);
static DEFINE_MUTEX(regions_mutex);
static bool regions_open;	/* new regions are published; under regions_mutex */

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

static struct region *region_find(const char *name, size_t len)
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

/* The page frame at an offset. */
unsigned long region_pfn(const struct region *region, u64 offset)
{
	if (region->flags & MEMMGR_REGION_CONTIGUOUS)
		return PHYS_PFN(region->phys + offset);
	return vmalloc_to_pfn(region->virt + offset);
}

/* The physical address at an offset; 0 when it would promise too much. */
u64 region_phys(const struct region *region, u64 offset)
{
	return region->flags & MEMMGR_REGION_CONTIGUOUS ?
	       region->phys + offset : 0;
}

static void __iomem *region_io(const struct region *region, u64 offset)
{
	return (void __iomem __force *)region->virt + offset;
}

/* Is the kernel's mapping that of a device? It does not take any access then. */
static bool region_is_io(const struct region *region)
{
	return region->flags & (COMPAT_UNCACHED_MAP ? MEMMGR_REGION_DEVICE :
				MEMMGR_REGION_DEVICE | MEMMGR_REGION_UNCACHED);
}

/* How a mapping of the region's memory has to be, to agree with the kernel's. */
pgprot_t region_pgprot(const struct region *region, pgprot_t prot)
{
	if (region->flags & MEMMGR_REGION_DEVICE)
		return pgprot_device(prot);
	if (region->flags & MEMMGR_REGION_UNCACHED)
		return compat_pgprot_uncached(prot);
	if (region->flags & MEMMGR_REGION_WRITE_COMBINE)
		return pgprot_writecombine(prot);
	return prot;
}

/**
 * region_insert - map a page of the region into a process
 * @region: the region
 * @vma: of the process
 * @address: in it
 * @offset: of the page in the region
 * @write: it is about to be written, and may be
 *
 * Context: of a fault, region.map_gate is held.
 * Return: what a fault returns.
 */
vm_fault_t region_insert(const struct region *region, struct vm_area_struct *vma,
			 unsigned long address, u64 offset, bool write)
{
	unsigned long pfn = region_pfn(region, offset);
	pgprot_t prot = vma->vm_page_prot;
	int err;

	if (region->flags & MEMMGR_REGION_PAGES) {
		err = vm_insert_page(vma, address & PAGE_MASK, pfn_to_page(pfn));
		if (!err || err == -EBUSY)	/* another thread was faster */
			return VM_FAULT_NOPAGE;
		return err == -ENOMEM ? VM_FAULT_OOM : VM_FAULT_SIGBUS;
	}
	/* The kernel keeps shared pages read-only until the first write. */
	if (write)
		prot = region_pgprot(region, vm_get_page_prot(vma->vm_flags));
	return vmf_insert_pfn_prot(vma, address, pfn, prot);
}

/* Wait for those who were allowed to write and have not yet mapped it so. */
void region_settle_writes(const struct region *region, u64 offset, u64 bytes)
{
	u64 at;

	if (!(region->flags & MEMMGR_REGION_PAGES))
		return;
	for (at = 0; at < bytes; at += PAGE_SIZE) {
		struct page *page = pfn_to_page(region_pfn(region, offset + at));

		lock_page(page);
		unlock_page(page);
		cond_resched();
	}
}

#define COUNT_STEP	(256 * PAGE_SIZE)

/**
 * region_in_io - has the kernel references to pages, for I/O that goes on?
 * @region: the region
 * @offset: of memory that no mapping shows any more
 * @bytes: of it
 *
 * Who looks a page up and wants to keep it finds its entry, and then either holds the
 * lock of the page table while he takes a reference, or (get_user_pages_fast()) takes
 * it, which is a full barrier, and then reads the entry once more: if it has changed, he
 * gives the reference back. Here the entry was cleared, with that lock held, before the
 * barrier below, and the count is read behind it. So either he sees that the entry is
 * gone, or we see his reference: none stays unseen. One that is about to be given back
 * is seen as well. An entry is a reference too, until no CPU can use it any more.
 *
 * Context: process, may reschedule. O(pages) in a region with struct pages, O(1) elsewhere.
 */
bool region_in_io(const struct region *region, u64 offset, u64 bytes)
{
	u64 at;

	if (!(region->flags & MEMMGR_REGION_PAGES))
		return false;
	smp_mb();	/* unmapped before, counted after; pairs with the taking of references */
	for (at = 0; at < bytes; at += PAGE_SIZE) {
		if (page_count(pfn_to_page(region_pfn(region, offset + at))) > 1)
			return true;
		if (!(at % COUNT_STEP))
			cond_resched();
	}
	return false;
}

/**
 * region_sync - write back and discard the CPU's cache lines of memory
 * @region: the region
 * @offset: of it
 * @bytes: of it
 *
 * Context: process, may reschedule. O(bytes), in no time without caches.
 */
void region_sync(const struct region *region, u64 offset, u64 bytes)
{
	if (!region_is_cached(region)) {
		mb();	/* what was written is on its way, before a device is told */
		return;
	}
	while (bytes) {
		unsigned long n = min_t(u64, bytes, PAGE_SIZE - offset_in_page(offset));
		phys_addr_t phys = PFN_PHYS(region_pfn(region, offset)) +
				   offset_in_page(offset);

		compat_cache_flush(region->virt + offset, phys, n);
		offset += n;
		bytes -= n;
		cond_resched();
	}
}

/* Where the kernel sees memory, for those who may ask for it. */
void region_iosys_map(const struct region *region, u64 offset, struct iosys_map *map)
{
	if (region_is_io(region))
		iosys_map_set_vaddr_iomem(map, region_io(region, offset));
	else
		iosys_map_set_vaddr(map, region->virt + offset);
}

void region_zero(struct region *region, u64 offset, u64 bytes)
{
	if (region_is_io(region))
		memset_io(region_io(region, offset), 0, bytes);
	else
		memset(region->virt + offset, 0, bytes);
}

#define CLEAR_STEP	(1u << 20)

/* The same for much of it, in process context: may reschedule. */
void region_clear(struct region *region, u64 offset, u64 bytes)
{
	while (bytes) {
		u64 step = min_t(u64, bytes, CLEAR_STEP);

		region_zero(region, offset, step);
		offset += step;
		bytes -= step;
		cond_resched();
	}
}

/* A copy from the kernel, of a few bytes. */
void region_copy_in(const struct region *region, u64 offset, const void *from, size_t bytes)
{
	if (region_is_io(region))
		memcpy_toio(region_io(region, offset), from, bytes);
	else
		memcpy(region->virt + offset, from, bytes);
}

/* A copy for the kernel. */
void region_copy(const struct region *region, u64 offset, void *to, size_t bytes)
{
	if (region_is_io(region))
		memcpy_fromio(to, region_io(region, offset), bytes);
	else
		memcpy(to, region->virt + offset, bytes);
}

#define BOUNCE	256u	/* a device does not take any access */

/* Copy memory of the region to lower addresses, or to where the two do not overlap. */
void region_move(const struct region *region, u64 to, u64 from, u64 bytes)
{
	char bounce[BOUNCE];

	if (!region_is_io(region)) {
		memmove(region->virt + to, region->virt + from, bytes);
		return;
	}
	while (bytes) {
		u32 n = min_t(u64, bytes, BOUNCE);

		memcpy_fromio(bounce, region_io(region, from), n);
		memcpy_toio(region_io(region, to), bounce, n);
		to += n;
		from += n;
		bytes -= n;
	}
}

/* Bytes that could not be copied, as copy_to_user() tells. */
unsigned long region_read(struct region *region, u64 offset, void __user *to,
			  unsigned long bytes)
{
	char bounce[BOUNCE];

	if (!region_is_io(region))
		return copy_to_user(to, region->virt + offset, bytes);
	while (bytes) {
		unsigned long n = min_t(unsigned long, bytes, BOUNCE);
		unsigned long rest;

		memcpy_fromio(bounce, region_io(region, offset), n);
		rest = copy_to_user(to, bounce, n);
		bytes -= n - rest;
		if (rest)
			break;
		offset += n;
		to += n;
	}
	return bytes;
}

unsigned long region_write(struct region *region, u64 offset,
			   const void __user *from, unsigned long bytes)
{
	char bounce[BOUNCE];

	if (!region_is_io(region))
		return copy_from_user(region->virt + offset, from, bytes);
	while (bytes) {
		unsigned long n = min_t(unsigned long, bytes, BOUNCE);
		unsigned long rest = copy_from_user(bounce, from, n);

		memcpy_toio(region_io(region, offset), bounce, n - rest);
		bytes -= n - rest;
		if (rest)
			break;
		offset += n;
		from += n;
	}
	return bytes;
}

static const struct {
	const char *name;
	u32 flag;
	unsigned long map;	/* for memremap(); 0: ioremap() */
} caches[] = {
	{ "write-back",	   0,				MEMREMAP_WB },
	{ "write-combine", MEMMGR_REGION_WRITE_COMBINE,	MEMREMAP_WC },
	{ "uncached",	   MEMMGR_REGION_UNCACHED,	COMPAT_UNCACHED_MAP },
	{ "device",	   MEMMGR_REGION_DEVICE,	0 },
};

/* The flag of a cache attribute's name; ~0: there is no such. */
u32 region_cache_flag(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(caches); i++)
		if (!name || !strcmp(name, caches[i].name))
			return caches[i].flag;
	return ~0u;
}

/* The name of a region's cache attribute. */
const char *region_cache(const struct region *region)
{
	size_t i;

	for (i = ARRAY_SIZE(caches) - 1; i; i--)
		if (region->flags & caches[i].flag)
			break;
	return caches[i].name;
}

static const struct region *overlapping(const struct list_head *list,
					const struct region_source *s)
{
	struct region *region;

	list_for_each_entry(region, list, node)
		if (region->flags & MEMMGR_REGION_CONTIGUOUS &&
		    s->phys < region->phys + region->bytes &&
		    region->phys < s->phys + s->bytes)
			return region;
	return NULL;
}

/* A region that has some of the source's memory; NULL: none has. */
static const struct region *region_overlapping(const struct region_source *s)
{
	return overlapping(&regions, s) ? : overlapping(&regions_gone, s);
}

/*
 * memremap() looks at the first page only: memory that the kernel maps itself
 * there would be taken for mapped to its end.
 */
static bool region_straddles(const struct region *region)
{
	unsigned long first = PHYS_PFN(region->phys);
	unsigned long last = PHYS_PFN(region->phys + region->bytes - 1);

	return pfn_valid(first) && pfn_valid(last) &&
	       PageHighMem(pfn_to_page(first)) != PageHighMem(pfn_to_page(last));
}

static void *region_remap(const struct region *region, u64 offset, u64 bytes)
{
	size_t i;

	for (i = ARRAY_SIZE(caches) - 1; i; i--)
		if (region->flags & caches[i].flag)
			break;
	if (caches[i].map)
		return memremap(region->phys + offset, bytes, caches[i].map);
	return (void __force *)ioremap(region->phys + offset, bytes);
}

/*
 * Pages that the kernel has a struct of, maps itself and nobody holds: references
 * to them tell whether they are in use.
 */
static bool region_has_pages(const struct region *region)
{
	u64 at;

	if (region->flags & MEMMGR_REGION_RESERVED &&
	    region_intersects(region->phys, region->bytes, IORESOURCE_SYSTEM_RAM,
			      IORES_DESC_NONE) != REGION_INTERSECTS)
		return false;
	for (at = 0; at < region->bytes; at += PAGE_SIZE) {
		unsigned long pfn = region_pfn(region, at);

		if (!pfn_valid(pfn) || page_count(pfn_to_page(pfn)) != 1)
			return false;
	}
	return true;
}

#if IS_ENABLED(CONFIG_MEMMGR_DEBUG)
/**
 * region_map_page - map a page once more, for itself
 * @region: the region
 * @offset: of the page
 *
 * With the attribute of the region's own mapping. The kernel leaves the page behind
 * each such mapping unmapped; what lies before it ends so as well.
 *
 * Context: process, may sleep.
 * Return: where it is; -EOPNOTSUPP when the memory is no plain memory or has but the
 * kernel's own mapping, -ENOMEM when there is no room.
 */
void *region_map_page(const struct region *region, u64 offset)
{
	struct page *page;
	void *virt;

	if (region_is_io(region))
		return ERR_PTR(-EOPNOTSUPP);
	if (region->flags & MEMMGR_REGION_PAGES) {
		page = pfn_to_page(region_pfn(region, offset));
		virt = vmap(&page, 1, VM_MAP, PAGE_KERNEL);
	} else if (region->flags & MEMMGR_REGION_CONTIGUOUS) {
		virt = region_remap(region, offset, PAGE_SIZE);
		/* RAM that the kernel maps itself is given out where it is. */
		if (virt && !is_vmalloc_addr(virt))
			return ERR_PTR(-EOPNOTSUPP);
	} else {
		return ERR_PTR(-EOPNOTSUPP);
	}
	return virt ? virt : ERR_PTR(-ENOMEM);
}

/* The end of such a mapping. Context: process, may sleep. */
void region_unmap_page(const struct region *region, void *virt)
{
	if (region->flags & MEMMGR_REGION_PAGES)
		vunmap(virt);
	else
		memunmap(virt);
}
#endif

/* Memory that was set aside at boot. */
static int region_map_reserved(struct region *region)
{
	if (region_straddles(region)) {
		pr_err("memmgr: %s: 0x%llx bytes at %pa refused: they lie in low and in high memory; move the region\n",
		       region->name, region->bytes, &region->phys);
		return -EINVAL;
	}
	/*
	 * What the kernel maps as RAM is in /proc/iomem already. Want of memory, for a
	 * moment, is no want of room.
	 */
	if (!claim_in_system(region->phys, region->bytes)) {
		if (!request_mem_region(region->phys, region->bytes, "memmgr") &&
		    !request_mem_region(region->phys, region->bytes, "memmgr")) {
			pr_err("memmgr: %s: 0x%llx bytes at %pa refused: in use, see /proc/iomem\n",
			       region->name, region->bytes, &region->phys);
			return -EBUSY;
		}
		region->claimed = true;
	}
	region->virt = region_remap(region, 0, region->bytes);
	if (!region->virt)
		region->virt = region_remap(region, 0, region->bytes);
	if (!region->virt) {
		pr_err("memmgr: %s: 0x%llx bytes at %pa refused: the kernel has no room to map them; make the region smaller, or vmalloc= larger\n",
		       region->name, region->bytes, &region->phys);
		return -ENOSPC;
	}
	region->max_align = rounddown_pow_of_two(region->bytes);
	return 0;
}

/* Memory of the system, for trying things out. */
static int region_map_system(struct region *region)
{
	if (region->bytes > (u64)si_mem_available() * PAGE_SIZE / 4 * 3)
		region->virt = NULL;
	else
		region->virt = __vmalloc(region->bytes, GFP_KERNEL | __GFP_ZERO |
					 __GFP_NOWARN);
	if (!region->virt) {
		pr_err("memmgr: %s: the system has no 0x%llx bytes to give; use a smaller size=\n",
		       region->name, region->bytes);
		return -ENOMEM;
	}
	region->max_align = rounddown_pow_of_two(region->bytes);
	return 0;
}

static void region_unmap(struct region *region)
{
	if (!region->virt)
		goto out_release;
	if (region_is_io(region))
		iounmap(region_io(region, 0));
	else if (region->flags & MEMMGR_REGION_RESERVED)
		memunmap(region->virt);
	else
		vfree(region->virt);
out_release:
	if (region->claimed)
		release_mem_region(region->phys, region->bytes);
}

/* The lowest index from *@index on that is free, and the list entry to insert before. */
static struct list_head *region_slot(u32 *index)
{
	struct region *other;

	list_for_each_entry(other, &regions, node) {
		if (other->index > *index)
			return &other->node;
		*index += other->index == *index;
	}
	return &regions;
}

/* What is wrong with a label; NULL: nothing. */
static const char *region_label_fault(const char *label)
{
	if (strlen(label) >= MEMMGR_NAME_LEN)
		return "longer than 31 characters";
	if (region_find(label, strlen(label)))
		return "taken";
	if (!*label || *label == '.' || label[strspn(label, LABEL_CHARACTERS)])
		return "not of letters, digits and -_.,";
	return NULL;
}

static void region_set_name(struct region *region,
			    const struct region_source *s)
{
	const char *fault;

	if (region->index)
		snprintf(region->misc_name, sizeof(region->misc_name),
			 "memmgr%u", region->index);
	else
		strscpy(region->misc_name, "memmgr", sizeof(region->misc_name));
	fault = s->name ? region_label_fault(s->name) : NULL;
	strscpy(region->name, s->name && !fault ? s->name : region->misc_name,
		sizeof(region->name));
	if (fault)
		pr_warn("memmgr: %pOF: label '%s' is %s; the region is called %s\n", s->node,
			s->name, fault, region->name);
}

static struct region *region_alloc(const struct region_source *s, u32 index)
{
	struct region *region = kzalloc(sizeof(*region), GFP_KERNEL);

	if (!region)
		return NULL;
	refcount_set(&region->refs, 1);
	region->index = index;
	region->first = s->first;
	region->flags = s->flags | (join && !health_realtime() ? MEMMGR_REGION_JOIN : 0) |
			region_cache_flag(s->cache);
	if (s->flags & MEMMGR_REGION_RESERVED) {
		region->phys = s->phys;
		region->flags |= MEMMGR_REGION_CONTIGUOUS;
	}
	region->bytes = s->bytes;
	region->window_shift = order_base_2(s->bytes >> PAGE_SHIFT);
	init_rwsem(&region->map_gate);
	mutex_init(&region->compact_mutex);
	init_waitqueue_head(&region->hold_wait);
	events_init(&region->events);
	health_init(region);
	mutex_init(&region->heap_mutex);
	raw_spin_lock_init(&region->client_lock);
	region->clients = RB_ROOT;
	region->users = RB_ROOT;
	heap_settle_init(region);
	failures_init(&region->failures);
	corruptions_init(region);
	region_set_name(region, s);
	return region;
}

static void region_announce(const struct region *region)
{
	pr_info("memmgr: %s: %llu KiB at /dev/%s, %s%s%s\n", region->name,
		region->bytes >> 10, region->misc_name,
		region_is_cached(region) ? "" : region_cache(region),
		region_is_cached(region) ? "" : " ",
		region->flags & MEMMGR_REGION_RESERVED ?
		"reserved memory" :
		"memory of the system, NOT reserved: for trying out only");
}

static int region_build(struct region *region, const struct region_source *s)
{
	int err;

	err = region->flags & MEMMGR_REGION_RESERVED ?
	      region_map_reserved(region) : region_map_system(region);
	if (err)
		goto out_unmap;
	if (region_has_pages(region))
		region->flags |= MEMMGR_REGION_PAGES;
	region->inode = mapping_inode_get();
	if (IS_ERR(region->inode)) {
		err = PTR_ERR(region->inode);
		goto out_unmap;
	}
	err = heap_create_main(region, max_allocations,
			       region->flags & MEMMGR_REGION_JOIN);
	if (err)
		goto out_inode;
	err = heap_config_apply(region, s);
	if (err)
		goto out_heaps;
	return 0;

out_heaps:
	heap_destroy_all(region);
out_inode:
	mapping_inode_put(region->inode);
out_unmap:
	region_unmap(region);
	return err;
}

/* A region with its heaps, in the list. Under regions_mutex. */
static struct region *region_make(const struct region_source *s)
{
	struct list_head *before;
	struct region *region;
	u32 index = s->number;
	int err;

	err = claim_check(s, region_overlapping(s));
	if (err)
		return ERR_PTR(err);
	before = region_slot(&index);
	region = region_alloc(s, index);
	if (!region)
		return ERR_PTR(-ENOMEM);
	err = region_build(region, s);
	if (err) {
		kfree(region);
		return ERR_PTR(err);
	}
	list_add_tail(&region->node, before);
	return region;
}

static void region_lacks(const struct region *region, const char *in, const char *what, int err)
{
	pr_warn("memmgr: %s: %s%s left out: %s\n", region->name, in, what, err == -EEXIST ?
		"the system has a dma-heap of this name; give the region another label" :
		"the system lacks memory; load again when it has some");
}

/*
 * Its nodes and its debugfs folder. A region that cannot get its second node does
 * without: once there is a node, nothing fails any more. Under regions_mutex.
 */
static int region_publish(struct region *region)
{
	int err = dev_add_region(region);

	if (err) {
		region_lacks(region, "/dev/", region->misc_name, err);
		return err;
	}
	err = dmaheap_add_region(region);
	if (err)
		region_lacks(region, "/dev/", region->heap_node_name, err);
	if (!debugfs_add_region(region))
		region_lacks(region, "", "files of debugfs", -ENOMEM);
	region_announce(region);
	health_watch(region);
	return 0;
}

/**
 * region_create - make a region with its heaps, device node and debugfs folder
 * @s: where its memory comes from
 *
 * Until regions_publish() was called it stays out of the sight of users.
 *
 * Context: process, may sleep. A refusal is one line in the log.
 * Return: the region, a reference of the caller, or an error. region_remove() is due.
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
 * regions_publish - let users see the regions that there are, and those to come
 *
 * An open file holds the module, but does not keep the kernel from freeing a module
 * whose init fails. So init publishes last, and fails only when there is no node yet.
 *
 * Context: process, may sleep.
 * Return: 0, or an error when there are regions, but none could get a node.
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

/* The last reference has ended: nobody can ask for anything any more. */
static void region_destroy(struct region *region)
{
	health_end(region);
	heap_destroy_all(region);
	mapping_inode_put(region->inode);
	region_unmap(region);
	client_forget_users(region);
	corruptions_end(region);
	events_end(&region->events);
	sites_free(region);
	/* Until here its memory is taken. */
	mutex_lock(&regions_mutex);
	list_del(&region->node);
	mutex_unlock(&regions_mutex);
	kfree(region);
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
		region_destroy(region);
}

/**
 * region_remove - the device of a region goes
 * @region: published or not; may be no more afterwards
 *
 * The region goes out of sight. Its memory stays as long as somebody uses it.
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
	hold_end(region);
	health_stop(region);
	heap_wake_waiters(region);
	region_put(region);
}
