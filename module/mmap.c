// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Mappings of allocations and private heaps into clients.
 *
 * Pages are mapped when they are touched, and only while what they belong to
 * lives: so an allocation can be freed, cut or moved under its mappings.
 *
 * The mmap() offsets that users see are cut into windows as large as the region,
 * one for each record and each private arena: a window names what is mapped.
 * Inside, a mapping goes by another page number, vm_pgoff, under which it is
 * found again to take it away: the page of the region where the allocation was
 * when it was mapped first. 6.1 cuts what unmap_mapping_range() is given to 32
 * bits, so these numbers have to be small. Should two mappings ever share one,
 * then both are taken away, and what still lives is faulted in again.
 *
 * A fault looks up what a page shows and maps it with the region's map_gate
 * held for reading. Whoever takes something away first makes the lookup fail,
 * then passes the gate for writing, so that no fault is still about to map what
 * it saw before, and then removes the mappings that are there.
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/mount.h>
#include <linux/pseudo_fs.h>
#include <linux/slab.h>

#include "client.h"
#include "compat.h"
#include "heap.h"
#include "mmap.h"
#include "region.h"

#define MAPPING_MAGIC	0x6d6d6772	/* "mmgr" */

static void mapping_open(struct vm_area_struct *vma)
{
	struct mapping *mapping = vma->vm_private_data;

	refcount_inc(&mapping->users);
}

static void mapping_close(struct vm_area_struct *vma)
{
	struct mapping *mapping = vma->vm_private_data;

	if (refcount_dec_and_test(&mapping->users))
		kfree(mapping);
}

static int mapping_place(const struct mapping *mapping, u64 offset, u64 *place)
{
	struct memmgr_heap *heap = heap_get(mapping->region, mapping->heap);
	int err;

	if (!heap)
		return -ENOENT;
	err = heap_map_place(heap, mapping, offset, place);
	heap_put(heap);
	return err;
}

static vm_fault_t mapping_fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct mapping *mapping = vma->vm_private_data;
	struct region *region = mapping->region;
	u64 offset = (u64)(vmf->pgoff - mapping->first) << PAGE_SHIFT;
	vm_fault_t result = VM_FAULT_SIGBUS;
	u64 place;

	down_read(&region->map_gate);
	if (!mapping_place(mapping, offset, &place))
		result = vmf_insert_pfn(vma, vmf->address,
					region_pfn(region, place));
	up_read(&region->map_gate);
	return result;
}

static const struct vm_operations_struct mapping_ops = {
	.open = mapping_open,
	.close = mapping_close,
	.fault = mapping_fault,
};

/**
 * mapping_create - mmap()
 * @client: whose file it is
 * @vma: to be
 *
 * Context: process, mmap_lock held for writing.
 * Return: 0, -EINVAL, -EACCES or -ENOMEM.
 */
int mapping_create(struct client *client, struct vm_area_struct *vma)
{
	struct region *region = client->region;
	u32 window = vma->vm_pgoff >> region->window_shift;
	unsigned long page = vma->vm_pgoff & ((1ul << region->window_shift) - 1);
	struct mapping *mapping;
	struct memmgr_heap *heap;
	int err;

	/* The kernel takes VM_SHARED from a file that was opened read-only. */
	if (!(vma->vm_flags & VM_MAYSHARE) || vma->vm_flags & VM_EXEC ||
	    vma->vm_pgoff >> region->window_shift != window)
		return -EINVAL;
	heap = heap_get_window(region, window);
	if (!heap)
		return -EINVAL;
	mapping = kzalloc(sizeof(*mapping), GFP_KERNEL);
	if (!mapping) {
		heap_put(heap);
		return -ENOMEM;
	}
	refcount_set(&mapping->users, 1);
	mapping->region = region;
	err = heap_map(heap, client, window, (u64)page << PAGE_SHIFT,
		       vma->vm_end - vma->vm_start, mapping);
	heap_put(heap);
	if (err) {
		kfree(mapping);
		return err;
	}
	vma->vm_pgoff = mapping->first + page;
	/*
	 * Page frames without struct pages, not to be grown or dumped. The
	 * attribute stays that of ordinary memory, like the kernel's mapping.
	 */
	compat_vm_flags_set(vma, VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	compat_vm_flags_clear(vma, VM_MAYEXEC);
	vma->vm_private_data = mapping;
	vma->vm_ops = &mapping_ops;
	return 0;
}

/**
 * mapping_zap - take away what is mapped of an allocation or arena
 * @region: the region
 * @page: vm_pgoff of its first byte
 * @offset: first byte to take away
 * @bytes: how many
 *
 * What it shows must already be out of the reach of new faults.
 *
 * Context: process, may sleep. Cost: the mappings that there are.
 */
void mapping_zap(struct region *region, u32 page, u64 offset, u64 bytes)
{
	loff_t from = ((loff_t)page << PAGE_SHIFT) + offset;

	down_write(&region->map_gate);
	up_write(&region->map_gate);
	unmap_mapping_range(region->inode->i_mapping, from, bytes, 1);
}

/*
 * Mappings are found through the address space of an inode. Device nodes can
 * be made anywhere, each with an inode of its own, so each region has one that
 * all of its files use, on a file system that nobody sees.
 */
static struct vfsmount *mapping_mount;

static int mapping_init_context(struct fs_context *fc)
{
	return init_pseudo(fc, MAPPING_MAGIC) ? 0 : -ENOMEM;
}

/* No owner: our own mount would keep us from ever being unloaded. */
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
	mapping_mount = kern_mount(&mapping_fs);
	return PTR_ERR_OR_ZERO(mapping_mount);
}

void mapping_exit(void)
{
	kern_unmount(mapping_mount);
}
