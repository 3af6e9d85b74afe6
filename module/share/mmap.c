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
 * it saw before, and then removes the mappings that are there. A mover does neither,
 * so that no fault waits for it: see heap_move.c.
 *
 * A dma-buf's mappings go by the same numbers in the same address space: what takes
 * an allocation's mappings away takes those of its dma-bufs with them.
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/mount.h>
#include <linux/pagemap.h>
#include <linux/personality.h>
#include <linux/pseudo_fs.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "client/client.h"
#include "base/compat.h"
#include "heap/heap.h"
#include "share/mmap.h"
#include "region/region.h"

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

/* Where in the mapping an address is. */
static u64 mapping_offset(const struct vm_area_struct *vma, unsigned long address)
{
	const struct mapping *mapping = vma->vm_private_data;

	return ((u64)(vma->vm_pgoff - mapping->first) << PAGE_SHIFT) + (address - vma->vm_start);
}

/* And where a fault is: the byte, as far as the kernel knows it. */
static u64 fault_offset(const struct vm_fault *vmf)
{
	return mapping_offset(vmf->vma, vmf->address & PAGE_MASK) + compat_fault_byte(vmf);
}

/* What to tell the kernel of a fault that found no page. */
static vm_fault_t fault_failed(int err)
{
	/* It has arrived now: fault anew. */
	if (err == -EAGAIN)
		return VM_FAULT_NOPAGE;
	return err == -EACCES ? VM_FAULT_SIGSEGV : VM_FAULT_SIGBUS;
}

/* Map what a fault touches. @again: instead of what is mapped there. */
static vm_fault_t mapping_show(struct vm_fault *vmf, bool write, bool again)
{
	struct mapping *mapping = vmf->vma->vm_private_data;
	struct region *region = mapping->region;
	struct memmgr_heap *heap = heap_get(region, mapping->heap);
	vm_fault_t result = 0;
	u64 place;
	int err;

	if (!heap)
		return VM_FAULT_SIGBUS;
	down_read(&region->map_gate);
	err = heap_map_place(heap, mapping, fault_offset(vmf),
			     write ? MEMMGR_ACCESS_WRITE : MEMMGR_ACCESS_READ, true, &place);
	if (!err) {
		if (again)
			zap_vma_ptes(vmf->vma, vmf->address & PAGE_MASK, PAGE_SIZE);
		result = region_insert(region, vmf->vma, vmf->address, place, write);
		heap_map_end(heap, mapping);
	}
	up_read(&region->map_gate);
	if (err == -EAGAIN)
		heap_map_help(heap, mapping, fault_offset(vmf));
	heap_put(heap);
	return err ? fault_failed(err) : result;
}

static vm_fault_t mapping_fault(struct vm_fault *vmf)
{
	return mapping_show(vmf, vmf->flags & FAULT_FLAG_WRITE, false);
}

/*
 * The first write to a page that was mapped for reading. The kernel compares the
 * entry only, which may have come again: so it is replaced here, in the gate.
 */
static vm_fault_t mapping_mkwrite_pfn(struct vm_fault *vmf)
{
	return mapping_show(vmf, true, true);
}

/*
 * The same where there are struct pages. The caller keeps the page locked until it
 * is mapped for writing; a protection waits for that lock.
 */
static vm_fault_t mapping_mkwrite_page(struct vm_fault *vmf)
{
	struct mapping *mapping = vmf->vma->vm_private_data;
	struct region *region = mapping->region;
	struct memmgr_heap *heap = heap_get(region, mapping->heap);
	u64 place;
	int err;

	if (!heap)
		return VM_FAULT_SIGBUS;
	lock_page(vmf->page);
	down_read(&region->map_gate);
	err = heap_map_place(heap, mapping, fault_offset(vmf), MEMMGR_ACCESS_WRITE, true, &place);
	if (!err)
		heap_map_end(heap, mapping);
	up_read(&region->map_gate);
	heap_put(heap);
	if (!err)
		return VM_FAULT_LOCKED;
	unlock_page(vmf->page);
	/* What has yet to arrive is mapped no more: the next fault helps. */
	return fault_failed(err);
}

/*
 * Only what is shared, and not executable. A program with READ_IMPLIES_EXEC, as old ones
 * have, did not ask for that: it gets a mapping without, as from a file system that is
 * mounted noexec.
 */
static bool mapping_may_be(struct vm_area_struct *vma)
{
	/* The kernel takes VM_SHARED from a file that was opened read-only. */
	if (!(vma->vm_flags & VM_MAYSHARE))
		return false;
	if (current->personality & READ_IMPLIES_EXEC)
		compat_vm_flags_clear(vma, VM_EXEC);
	return !(vma->vm_flags & VM_EXEC);
}

static bool mapping_allows(const struct mapping *mapping, vm_flags_t flags)
{
	struct memmgr_heap *heap = heap_get(mapping->region, mapping->heap);
	u32 access;

	if (!heap)
		return true;	/* touching it is SIGBUS */
	access = heap_map_access(heap, mapping);
	heap_put(heap);
	return !(flags & VM_WRITE && !(access & MEMMGR_ACCESS_WRITE)) &&
	       !(flags & VM_READ && !(access & MEMMGR_ACCESS_READ));
}

static int mapping_mprotect(struct vm_area_struct *vma, unsigned long start,
			    unsigned long end, unsigned long flags)
{
	return mapping_allows(vma->vm_private_data, flags) ? 0 : -EACCES;
}

/*
 * What a debugger sees at an offset, up to the end of its page. The gate is held
 * meanwhile: who takes the page away, or the right to it, waits for us.
 */
static int mapping_peek(const struct mapping *mapping, u64 offset, void *buf, int bytes,
			bool write)
{
	struct region *region = mapping->region;
	struct memmgr_heap *heap = heap_get(region, mapping->heap);
	int err;
	u32 inset = offset_in_page(offset);
	u64 page;

	if (!heap)
		return -EFAULT;
	bytes = min_t(int, bytes, PAGE_SIZE - inset);
	down_read(&region->map_gate);
	err = heap_map_place(heap, mapping, offset,
			     write ? MEMMGR_ACCESS_WRITE : MEMMGR_ACCESS_READ, false, &page);
	if (!err && write)
		region_copy_in(region, page + inset, buf, bytes);
	else if (!err)
		region_copy(region, page + inset, buf, bytes);
	if (!err)
		heap_map_end(heap, mapping);
	up_read(&region->map_gate);
	if (err == -EAGAIN)
		heap_map_help(heap, mapping, offset);
	heap_put(heap);
	return err ? err : bytes;
}

/*
 * ptrace() and /proc/PID/mem, where there are no pages that the kernel could look up
 * itself. Reads what the program may have mapped so, whatever it did with mprotect();
 * writes what the mapping could write. Not asked on kernels without HAVE_IOREMAP_PROT,
 * 32-bit arm among them; process_vm_readv() looks for pages only.
 */
static int mapping_access(struct vm_area_struct *vma, unsigned long address, void *buf,
			  int bytes, int write)
{
	const struct mapping *mapping = vma->vm_private_data;
	u64 offset = mapping_offset(vma, address);
	int done;

	/* Pages were looked up already, and the answer was no. */
	if (!(vma->vm_flags & VM_PFNMAP) || !(vma->vm_flags & (write ? VM_WRITE : VM_MAYREAD)))
		return -EFAULT;
	for (;;) {
		done = mapping_peek(mapping, offset, buf, bytes, write);
		if (done != -EAGAIN)
			return done;
		if (fatal_signal_pending(current))
			return -EINTR;
	}
}

static const struct vm_operations_struct mapping_ops = {
	.open = mapping_open,
	.close = mapping_close,
	.access = mapping_access,
	.mprotect = mapping_mprotect,
	.fault = mapping_fault,
	.page_mkwrite = mapping_mkwrite_page,
	.pfn_mkwrite = mapping_mkwrite_pfn,
};

/*
 * Not to be grown or dumped. Page frames without struct pages, or pages that the
 * kernel may take references to. The attribute is that of the kernel's mapping.
 */
static int mapping_attach(struct mapping *mapping, struct vm_area_struct *vma)
{
	bool pages = mapping->region->flags & MEMMGR_REGION_PAGES;

	if (!mapping_allows(mapping, vma->vm_flags))
		return -EACCES;
	compat_vm_flags_set(vma, (pages ? VM_MIXEDMAP : VM_PFNMAP) |
			    VM_DONTEXPAND | VM_DONTDUMP);
	compat_vm_flags_clear(vma, VM_MAYEXEC);
	if (mapping->final && !mapping_allows(mapping, VM_WRITE))
		compat_vm_flags_clear(vma, VM_MAYWRITE);
	vma->vm_page_prot = region_pgprot(mapping->region, vm_get_page_prot(vma->vm_flags));
	vma->vm_private_data = mapping;
	vma->vm_ops = &mapping_ops;
	return 0;
}

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

	if (!mapping_may_be(vma) ||
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
	if (!err)
		err = mapping_attach(mapping, vma);
	if (err) {
		kfree(mapping);
		return err;
	}
	vma->vm_pgoff = mapping->first + page;
	return 0;
}

/**
 * mapping_create_export - mmap() of a dma-buf
 * @export: what it shows
 * @vma: to be; inside the dma-buf, whose file has the region's address space
 *
 * Context: process, mmap_lock held for writing.
 * Return: 0, -EINVAL, -EACCES or -ENOMEM.
 */
int mapping_create_export(const struct heap_export *export, struct vm_area_struct *vma)
{
	struct mapping *mapping;
	int err;

	if (!mapping_may_be(vma))
		return -EINVAL;
	if (!export->writable && vma->vm_flags & VM_WRITE)
		return -EACCES;
	mapping = kzalloc(sizeof(*mapping), GFP_KERNEL);
	if (!mapping)
		return -ENOMEM;
	refcount_set(&mapping->users, 1);
	heap_map_export(export, mapping);
	err = mapping_attach(mapping, vma);
	if (err) {
		kfree(mapping);
		return err;
	}
	vma->vm_pgoff += mapping->first;
	if (!export->writable)
		compat_vm_flags_clear(vma, VM_MAYWRITE);
	return 0;
}

/**
 * mapping_unmap - take away what is mapped now of an allocation or arena
 * @region: the region
 * @page: vm_pgoff of its first byte
 * @offset: first byte to take away
 * @bytes: how many
 *
 * A fault that is under way may map it again.
 *
 * Context: process, may sleep. Cost: the mappings that there are.
 */
void mapping_unmap(struct region *region, u32 page, u64 offset, u64 bytes)
{
	loff_t from = ((loff_t)page << PAGE_SHIFT) + offset;

	unmap_mapping_range(region->inode->i_mapping, from, bytes, 1);
}

static struct workqueue_struct *unmap_queue;

/**
 * mapping_run_soon - have a worker of high priority do it, whatever the caller's
 * @work: it takes mappings away
 *
 * Context: process, may sleep. Cost: two switches of tasks, and @work's.
 */
void mapping_run_soon(struct work_struct *work)
{
	queue_work(unmap_queue, work);
	flush_work(work);
}

/**
 * mapping_zap - mapping_unmap() for good
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
	down_write(&region->map_gate);
	up_write(&region->map_gate);
	mapping_unmap(region, page, offset, bytes);
}

#define SETTLE_TRIES	5	/* a jiffy apart */

/*
 * Is a page in I/O, whoever touches it meanwhile? With the gate held no fault maps it
 * again, so that what is counted then is no mapping. A writer that is being refused, and
 * a mapping that is just being removed, hold it for a moment: they are given time.
 */
static bool mapping_page_in_io(struct region *region, u32 page, u64 place, u64 at)
{
	loff_t from = ((loff_t)page << PAGE_SHIFT) + at;
	bool in_io = true;
	int tries;

	for (tries = 0; in_io && tries < SETTLE_TRIES; tries++) {
		if (tries)
			schedule_timeout_uninterruptible(1);
		down_write(&region->map_gate);
		unmap_mapping_range(region->inode->i_mapping, from, PAGE_SIZE, 1);
		in_io = region_in_io(region, place + at, PAGE_SIZE);
		up_write(&region->map_gate);
	}
	return in_io;
}

/**
 * mapping_in_io - take away what is mapped, and look for I/O that goes on regardless
 * @region: the region
 * @page: vm_pgoff of the first byte
 * @place: of that byte in the region
 * @bytes: how many
 *
 * For memory that may be touched on, but no longer as before: references that were
 * taken before go on, new ones are as is allowed now. A page that was seen once without
 * any has none of the former.
 *
 * Context: process, may sleep. Cost: the mappings that there are, and O(pages) in a
 * region with struct pages.
 */
bool mapping_in_io(struct region *region, u32 page, u64 place, u64 bytes)
{
	u64 at;

	mapping_zap(region, page, 0, bytes);
	if (!(region->flags & MEMMGR_REGION_PAGES))
		return false;
	for (at = 0; at < bytes; at += PAGE_SIZE) {
		if (region_in_io(region, place + at, PAGE_SIZE) &&
		    mapping_page_in_io(region, page, place, at))
			return true;
		cond_resched();
	}
	return false;
}

/* Touch a page the way the process will: once to map it, once to mark it used. */
static int populate_page(struct vm_area_struct *vma, unsigned long address,
			 unsigned int flags)
{
	int err;

	err = fixup_user_fault(vma->vm_mm, address, flags, NULL);
	return err ? err : fixup_user_fault(vma->vm_mm, address, flags, NULL);
}

static int populate_vma(struct vm_area_struct *vma)
{
	struct mapping *mapping = vma->vm_private_data;
	unsigned long first = mapping->first + mapping->guard;
	unsigned int flags = 0;
	unsigned long address;
	int err = 0;

	/* No more than the process could do itself. */
	if (!(vma->vm_flags & VM_READ) || !mapping_allows(mapping, VM_READ))
		return 0;
	if (vma->vm_flags & VM_WRITE && mapping_allows(mapping, VM_WRITE))
		flags = FAULT_FLAG_WRITE;
	WRITE_ONCE(mapping->populator, current);
	for (address = vma->vm_start; !err && address < vma->vm_end; address += PAGE_SIZE) {
		unsigned long page = vma->vm_pgoff + ((address - vma->vm_start) >> PAGE_SHIFT);

		if (page >= first && page < first + mapping->pages)
			err = populate_page(vma, address, flags);
		if (!err && fatal_signal_pending(current))
			err = -EINTR;
		cond_resched();
	}
	WRITE_ONCE(mapping->populator, NULL);
	return err;
}

/**
 * mapping_populate - map all pages that the calling process sees of an allocation
 * @region: of it
 * @handle: of the allocation, which does not move
 *
 * Context: process, may sleep. O(mappings of the process + pages).
 * Return: 0, or -EFAULT or another error when a page could not be mapped.
 */
int mapping_populate(struct region *region, u64 handle)
{
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma;
	int err = 0;

	if (mmap_read_lock_killable(mm))
		return -EINTR;
	for (vma = find_vma(mm, 0); vma && !err; vma = find_vma(mm, vma->vm_end)) {
		struct mapping *mapping = vma->vm_private_data;

		if (vma->vm_ops == &mapping_ops && mapping->region == region &&
		    mapping->kind == MAPPING_RECORD && mapping->handle == handle)
			err = populate_vma(vma);
	}
	mmap_read_unlock(mm);
	return err;
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
