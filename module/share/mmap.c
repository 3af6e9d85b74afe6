// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Mappings of allocations and private heaps into clients.
 *
 * A page is mapped when it is first touched, and only while its allocation or heap
 * lives. So an allocation can be freed, cut or moved under its mappings.
 *
 * The mmap() offsets that users see are divided into windows as large as the region,
 * one for each record and each private arena. The window tells what is mapped. The
 * kernel finds a mapping again, to remove it, by another page number, its vm_pgoff: the
 * page of the region at which the allocation was when it was first mapped. These
 * numbers have to be small, because 6.1 cuts the arguments of unmap_mapping_range() to
 * 32 bits. If two mappings ever have the same number, both are removed, and the one
 * that is still valid is faulted in again.
 *
 * A fault holds the region's map_gate for reading while it looks up what a page shows
 * and maps it. Code that takes memory away first makes the lookup fail. Then it passes
 * the gate for writing, so that no fault is still about to map what it saw before.
 * Then it removes the existing mappings. A mover does not pass the gate, so that no
 * fault waits for it: see move/mover.c.
 *
 * The mappings of a dma-buf have the same numbers in the same address space. So when an
 * allocation's mappings are removed, those of its dma-bufs are removed with them.
 */
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/personality.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "base/compat.h"
#include "heap/access.h"
#include "heap/account.h"
#include "heap/export.h"
#include "heap/heap.h"
#include "heap/lookup.h"
#include "region/memory.h"
#include "region/region.h"
#include "share/mmap.h"

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

/* The offset of an address in its mapping. */
static u64 mapping_offset(const struct vm_area_struct *vma, unsigned long address)
{
	const struct mapping *mapping = vma->vm_private_data;

	return ((u64)(vma->vm_pgoff - mapping->view.first) << PAGE_SHIFT) +
	       (address - vma->vm_start);
}

/* The offset of a fault: exact to the byte, as far as the kernel knows it. */
static u64 fault_offset(const struct vm_fault *vmf)
{
	return mapping_offset(vmf->vma, vmf->address & PAGE_MASK) + compat_fault_byte(vmf);
}

/* Leases promise real-time programs that there are no faults, but make some themselves. */
static enum heap_look fault_look(const struct mapping *mapping)
{
	return READ_ONCE(mapping->populator) == current ? LOOK_LEASE : LOOK_PROGRAM;
}

/* The result of a fault that found no page. */
static vm_fault_t fault_failed(int err)
{
	/* The page has arrived now, so fault again. */
	if (err == -EAGAIN)
		return VM_FAULT_NOPAGE;
	return err == -EACCES ? VM_FAULT_SIGSEGV : VM_FAULT_SIGBUS;
}

/* Map the page of a fault. @again: replace the page that is mapped there. */
static vm_fault_t mapping_show(struct vm_fault *vmf, bool write, bool again)
{
	struct mapping *mapping = vmf->vma->vm_private_data;
	struct region *region = mapping->region;
	struct memmgr_heap *heap = heap_get(region, mapping->view.heap);
	vm_fault_t result = 0;
	u64 place;
	int err;

	if (!heap)
		return VM_FAULT_SIGBUS;
	down_read(&region->view.map_gate);
	err = heap_map_place(heap, &mapping->view, fault_offset(vmf),
			     write ? MEMMGR_ACCESS_WRITE : MEMMGR_ACCESS_READ,
			     fault_look(mapping), &place);
	if (!err) {
		if (again)
			compat_zap(vmf->vma, vmf->address & PAGE_MASK, PAGE_SIZE);
		result = region_insert(region, vmf->vma, vmf->address, place, write);
		heap_map_end(heap, &mapping->view);
	}
	up_read(&region->view.map_gate);
	if (err == -EAGAIN)
		heap_map_help(heap, &mapping->view, fault_offset(vmf));
	heap_put(heap);
	return err ? fault_failed(err) : result;
}

static vm_fault_t mapping_fault(struct vm_fault *vmf)
{
	return mapping_show(vmf, vmf->flags & FAULT_FLAG_WRITE, false);
}

/*
 * The first write to a page that was mapped for reading. The kernel only compares the
 * page table entry, which may be another mapping of the same page by now. So replace
 * the entry here, inside the gate.
 */
static vm_fault_t mapping_mkwrite_pfn(struct vm_fault *vmf)
{
	return mapping_show(vmf, true, true);
}

/*
 * The first write to such a page, if the memory has struct pages. The caller keeps the
 * page locked until it is mapped for writing; a change of protection waits for this lock.
 */
static vm_fault_t mapping_mkwrite_page(struct vm_fault *vmf)
{
	struct mapping *mapping = vmf->vma->vm_private_data;
	struct region *region = mapping->region;
	struct memmgr_heap *heap = heap_get(region, mapping->view.heap);
	u64 place;
	int err;

	if (!heap)
		return VM_FAULT_SIGBUS;
	lock_page(vmf->page);
	down_read(&region->view.map_gate);
	err = heap_map_place(heap, &mapping->view, fault_offset(vmf), MEMMGR_ACCESS_WRITE,
			     fault_look(mapping), &place);
	if (!err)
		heap_map_end(heap, &mapping->view);
	up_read(&region->view.map_gate);
	heap_put(heap);
	if (!err)
		return VM_FAULT_LOCKED;
	unlock_page(vmf->page);
	/* A page that has yet to arrive is no longer mapped, so the next fault helps. */
	return fault_failed(err);
}

/*
 * A mapping must be shared and not executable. A program with READ_IMPLIES_EXEC, as old
 * programs have it, did not ask for execution. It gets a mapping that is not executable, as
 * from a file system that is mounted noexec.
 */
static bool mapping_may_be(struct vm_area_struct *vma)
{
	/* For a file that was opened read-only, the kernel clears VM_SHARED. */
	if (!(vma->vm_flags & VM_MAYSHARE))
		return false;
	if (current->personality & READ_IMPLIES_EXEC)
		compat_vm_flags_clear(vma, VM_EXEC);
	return !(vma->vm_flags & VM_EXEC);
}

bool mapping_allows(const struct mapping *mapping, vm_flags_t flags)
{
	struct memmgr_heap *heap = heap_get(mapping->region, mapping->view.heap);
	u32 access;

	if (!heap)
		return true;	/* the mapping is allowed; an access is SIGBUS */
	access = heap_map_access(heap, &mapping->view);
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
 * Read or write for a debugger at an offset, up to the end of its page. The gate is held,
 * so that code that takes the page, or the right to it, away waits meanwhile.
 */
static int mapping_peek(const struct mapping *mapping, u64 offset, void *buf, int bytes,
			bool write)
{
	struct region *region = mapping->region;
	struct memmgr_heap *heap = heap_get(region, mapping->view.heap);
	int err;
	u32 inset = offset_in_page(offset);
	u64 page;

	if (!heap)
		return -EFAULT;
	bytes = min_t(int, bytes, PAGE_SIZE - inset);
	down_read(&region->view.map_gate);
	err = heap_map_place(heap, &mapping->view, offset,
			     write ? MEMMGR_ACCESS_WRITE : MEMMGR_ACCESS_READ,
			     LOOK_DEBUGGER, &page);
	if (!err && write)
		region_copy_in(region, page + inset, buf, bytes);
	else if (!err)
		region_copy(region, page + inset, buf, bytes);
	if (!err)
		heap_map_end(heap, &mapping->view);
	up_read(&region->view.map_gate);
	if (err == -EAGAIN)
		heap_map_help(heap, &mapping->view, offset);
	heap_put(heap);
	return err ? err : bytes;
}

/*
 * For ptrace() and /proc/PID/mem, where the kernel has no pages to look up. A debugger
 * reads what the program may map for reading, whatever it did with mprotect(), and writes
 * what the mapping could write. Kernels without HAVE_IOREMAP_PROT, such as 32-bit arm, do
 * not call this; process_vm_readv() uses pages only.
 */
static int mapping_access(struct vm_area_struct *vma, unsigned long address, void *buf,
			  int bytes, int write)
{
	const struct mapping *mapping = vma->vm_private_data;
	u64 offset = mapping_offset(vma, address);
	int done;

	/* If there are struct pages, the kernel has tried them already, in vain. */
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

const struct vm_operations_struct mapping_ops = {
	.open = mapping_open,
	.close = mapping_close,
	.access = mapping_access,
	.mprotect = mapping_mprotect,
	.fault = mapping_fault,
	.page_mkwrite = mapping_mkwrite_page,
	.pfn_mkwrite = mapping_mkwrite_pfn,
};

/*
 * The mapping cannot grow and is not dumped. It shows page frames without struct pages, or
 * pages that the kernel may take references to. Its attribute is that of the kernel's
 * own mapping.
 */
static int mapping_attach(struct mapping *mapping, struct vm_area_struct *vma)
{
	bool pages = mapping->region->memory.flags & MEMMGR_REGION_PAGES;

	if (!mapping_allows(mapping, vma->vm_flags))
		return -EACCES;
	compat_vm_flags_set(vma, (pages ? VM_MIXEDMAP : VM_PFNMAP) |
			    VM_DONTEXPAND | VM_DONTDUMP);
	compat_vm_flags_clear(vma, VM_MAYEXEC);
	if (mapping->view.final && !mapping_allows(mapping, VM_WRITE))
		compat_vm_flags_clear(vma, VM_MAYWRITE);
	vma->vm_page_prot = region_pgprot(mapping->region, vm_get_page_prot(vma->vm_flags));
	vma->vm_private_data = mapping;
	vma->vm_ops = &mapping_ops;
	return 0;
}

/**
 * mapping_create - mmap() of the device
 * @client: the client of the file
 * @vma: the new mapping
 *
 * Context: process, mmap_lock held for writing.
 * Return: 0, -EINVAL, -EACCES or -ENOMEM.
 */
int mapping_create(struct client *client, struct vm_area_struct *vma)
{
	struct region *region = client->region;
	u32 window = vma->vm_pgoff >> region->view.window_shift;
	unsigned long page = vma->vm_pgoff & ((1ul << region->view.window_shift) - 1);
	struct mapping *mapping;
	struct memmgr_heap *heap;
	int err;

	if (!mapping_may_be(vma) ||
	    vma->vm_pgoff >> region->view.window_shift != window)
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
		       vma->vm_end - vma->vm_start, &mapping->view);
	heap_put(heap);
	if (!err)
		err = mapping_attach(mapping, vma);
	if (err) {
		kfree(mapping);
		return err;
	}
	vma->vm_pgoff = mapping->view.first + page;
	return 0;
}

/**
 * mapping_create_export - mmap() of a dma-buf
 * @export: the allocation that the dma-buf shows
 * @vma: the new mapping, inside the dma-buf, whose file has the region's address space
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
	mapping->region = export->heap->region;
	heap_map_export(export, &mapping->view);
	err = mapping_attach(mapping, vma);
	if (err) {
		kfree(mapping);
		return err;
	}
	vma->vm_pgoff += mapping->view.first;
	if (!export->writable)
		compat_vm_flags_clear(vma, VM_MAYWRITE);
	return 0;
}
