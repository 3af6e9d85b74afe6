// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The address space that contains all mappings of a region. */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/mount.h>
#include <linux/pseudo_fs.h>
#include <linux/workqueue.h>

#include "region/memory.h"
#include "region/region.h"
#include "region/view.h"

#define MAPPING_MAGIC	0x6d6d6772	/* "mmgr" */

/**
 * mapping_unmap - remove the present mappings of an allocation or arena
 * @region: the region
 * @page: vm_pgoff of its first byte
 * @offset: first byte to unmap, in whole pages
 * @bytes: number of bytes
 *
 * A fault that is under way may map it again.
 *
 * Context: process, may sleep. Cost: proportional to the existing mappings.
 */
void mapping_unmap(struct region *region, unsigned long page, u64 offset, u64 bytes)
{
	/* For the kernel 0 pages are all pages. */
	if (bytes)
		unmap_mapping_pages(region->view.inode->i_mapping, page + (offset >> PAGE_SHIFT),
				    PAGE_ALIGN(bytes) >> PAGE_SHIFT, true);
}

static struct workqueue_struct *unmap_queue;

/**
 * mapping_run_soon - run work at high priority, whatever the caller's priority is
 * @work: work that removes mappings
 *
 * Context: process, may sleep. Cost: two task switches, and that of @work.
 */
void mapping_run_soon(struct work_struct *work)
{
	queue_work(unmap_queue, work);
	flush_work(work);
}

/**
 * mapping_zap - remove mappings so that they stay removed
 * @region: the region
 * @page: vm_pgoff of its first byte
 * @offset: first byte to unmap, in whole pages
 * @bytes: number of bytes
 *
 * The caller must first make sure that new faults cannot find the memory.
 *
 * Context: process, may sleep. Cost: proportional to the existing mappings.
 */
void mapping_zap(struct region *region, unsigned long page, u64 offset, u64 bytes)
{
	down_write(&region->view.map_gate);
	up_write(&region->view.map_gate);
	mapping_unmap(region, page, offset, bytes);
}

#define SETTLE_TRIES	5	/* one jiffy apart */

/*
 * Is a page in I/O, even if programs touch it meanwhile? While the gate is held, no fault
 * maps the page again, so no mapping is counted. A writer that is being refused and a
 * mapping that is just being removed hold the page for a moment. The retries wait for them.
 */
static bool mapping_page_in_io(struct region *region, unsigned long page, u64 place, u64 at)
{
	bool in_io = true;
	int tries;

	for (tries = 0; in_io && tries < SETTLE_TRIES; tries++) {
		if (tries)
			schedule_timeout_uninterruptible(1);
		down_write(&region->view.map_gate);
		mapping_unmap(region, page, at, PAGE_SIZE);
		in_io = region_in_io(region, place + at, PAGE_SIZE);
		up_write(&region->view.map_gate);
	}
	return in_io;
}

/**
 * mapping_in_io - remove mappings, and check for I/O that goes on regardless
 * @region: the region
 * @page: vm_pgoff of the first byte
 * @place: offset of that byte in the region
 * @bytes: number of bytes
 *
 * For memory that stays accessible, but under another protection. References that were
 * taken before are still under the old protection; new ones are under the new one. If a
 * page was once seen without any reference, it has none under the old protection.
 *
 * Context: process, may sleep. Cost: proportional to the existing mappings, and O(pages)
 * in a region with struct pages.
 */
bool mapping_in_io(struct region *region, unsigned long page, u64 place, u64 bytes)
{
	u64 at;

	mapping_zap(region, page, 0, bytes);
	if (!(region->memory.flags & MEMMGR_REGION_PAGES))
		return false;
	for (at = 0; at < bytes; at += PAGE_SIZE) {
		if (region_in_io(region, place + at, PAGE_SIZE) &&
		    mapping_page_in_io(region, page, place, at))
			return true;
		cond_resched();
	}
	return false;
}

/*
 * Mappings are found through the address space of an inode. Device nodes can be made
 * anywhere, each with an inode of its own. So each region has one inode that all of its
 * files use, on a file system that is not visible to users.
 */
static struct vfsmount *mapping_mount;

static int mapping_init_context(struct fs_context *fc)
{
	return init_pseudo(fc, MAPPING_MAGIC) ? 0 : -ENOMEM;
}

/* No owner, because our own mount would then keep the module from being unloaded. */
static struct file_system_type mapping_fs = {
	.name = "memmgr",
	.init_fs_context = mapping_init_context,
	.kill_sb = kill_anon_super,
};

struct inode *mapping_inode_get(void)
{
	return alloc_anon_inode(mapping_mount->mnt_sb);
}

void mapping_inode_put(struct inode *inode)
{
	iput(inode);
}

int mapping_init(void)
{
	unmap_queue = alloc_workqueue("memmgr_unmap", WQ_UNBOUND | WQ_HIGHPRI, 0);
	if (!unmap_queue)
		return -ENOMEM;
	mapping_mount = kern_mount(&mapping_fs);
	if (IS_ERR(mapping_mount))
		destroy_workqueue(unmap_queue);
	return PTR_ERR_OR_ZERO(mapping_mount);
}

void mapping_exit(void)
{
	kern_unmount(mapping_mount);
	destroy_workqueue(unmap_queue);
}
