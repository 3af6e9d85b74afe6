// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Mappings of allocations and private heaps into clients.
 *
 * A page is mapped when it is first touched, with those around it, and only while its
 * allocation or heap lives. So an allocation can be freed, cut or moved under its mappings.
 * mmap() itself maps nothing: the kernel would not find it there to remove it, as it makes the
 * mapping known only afterwards.
 *
 * The mmap() offsets are divided into windows as large as the region, one for each record
 * and each private arena. The window tells what is mapped. By the offset, in pages its
 * vm_pgoff, the kernel also finds a mapping again, to remove it. So no call removes the
 * mappings of another allocation, whose lease may promise that they stay. The function for it
 * is unmap_mapping_pages(), because 6.1 cuts the arguments of unmap_mapping_range() to 32 bits.
 *
 * A fault holds the region's map_gate for reading while it looks up what a page shows
 * and maps it. Code that takes memory away first makes the lookup fail. Then it passes
 * the gate for writing, so that no fault is still about to map what it saw before.
 * Then it removes the existing mappings. A mover does not pass the gate, so that no
 * fault waits for it: see move/mover.c.
 *
 * The mappings of a dma-buf have the vm_pgoff of the allocation, in the same address space.
 * So when an allocation's mappings are removed, those of its dma-bufs are removed with them.
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
#include "region/insert.h"
#include "region/memory.h"
#include "region/region.h"
#include "share/mmap.h"

#define AROUND_PAGES	16u	/* as many as the kernel maps at a fault in a file */
#define POPULATE_PAGES	((u32)(MEMMGR_POPULATE_BYTES >> PAGE_SHIFT))

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

/*
 * The pages to be mapped with one that was found: of the block around it, and of the
 * mapping.
 */
static void span_around(const struct vm_area_struct *vma, unsigned long address, u32 around,
			const struct heap_pages *found, struct region_span *span)
{
	u32 index = (address >> PAGE_SHIFT) & (around - 1);
	unsigned long first = (address - vma->vm_start) >> PAGE_SHIFT;
	unsigned long last = (vma->vm_end - 1 - address) >> PAGE_SHIFT;
	u32 before = min3((unsigned long)index, first, (unsigned long)found->before);
	u32 after = min3((unsigned long)(around - 1 - index), last, (unsigned long)found->after);

	span->address = address - before * PAGE_SIZE;
	span->offset = found->place - (u64)before * PAGE_SIZE;
	span->pages = before + 1 + after;
	span->write = vma->vm_flags & VM_WRITE && found->access & MEMMGR_ACCESS_WRITE;
}

/* One look at what a mapping shows at an offset. */
struct look {
	u64 offset;
	u32 access;
	enum heap_look why;
	bool again;
};

/*
 * Map the page that was looked for, and what is around it. Returns the number of pages from
 * it on that are mapped, or an error: of heap_map_place(), or -ENOMEM.
 */
static int mapping_show(struct vm_area_struct *vma, unsigned long address, u32 around,
			const struct look *look)
{
	struct mapping *mapping = vma->vm_private_data;
	struct region *region = mapping->region;
	struct memmgr_heap *heap = heap_get(region, mapping->view.heap);
	struct region_span span;
	struct heap_pages found;
	int err;

	if (!heap)
		return -ENOENT;
	down_read(&region->view.map_gate);
	err = heap_map_place(heap, &mapping->view, look->offset, look->access, look->why, &found);
	if (!err) {
		if (look->again)
			compat_zap(vma, address, PAGE_SIZE);
		span_around(vma, address, around, &found, &span);
		err = region_insert(region, vma, &span);
		heap_map_end(heap, &mapping->view);
	}
	up_read(&region->view.map_gate);
	if (err == -EAGAIN)
		heap_map_help(heap, &mapping->view, look->offset);
	heap_put(heap);
	return err ? err : span.pages - (address - span.address) / PAGE_SIZE;
}

/* The result of a fault that found no page. */
static vm_fault_t fault_failed(int err)
{
	/* The page has arrived now, so fault again. */
	if (err == -EAGAIN)
		return VM_FAULT_NOPAGE;
	if (err == -ENOMEM)
		return VM_FAULT_OOM;
	return err == -EACCES ? VM_FAULT_SIGSEGV : VM_FAULT_SIGBUS;
}

static vm_fault_t fault_show(struct vm_fault *vmf, bool write, bool again)
{
	struct mapping *mapping = vmf->vma->vm_private_data;
	struct look look = {
		.offset = fault_offset(vmf),
		.access = write ? MEMMGR_ACCESS_WRITE : MEMMGR_ACCESS_READ,
		.why = LOOK_PROGRAM,
		.again = again,
	};
	int done = mapping_show(vmf->vma, vmf->address & PAGE_MASK, mapping->around, &look);

	return done < 0 ? fault_failed(done) : VM_FAULT_NOPAGE;
}

static vm_fault_t mapping_fault(struct vm_fault *vmf)
{
	return fault_show(vmf, vmf->flags & FAULT_FLAG_WRITE, false);
}

/*
 * The first write to a page that was mapped when only reading was allowed. The kernel only
 * compares the page table entry, which may be another mapping of the same page by now. So
 * replace the entry here, inside the gate.
 */
static vm_fault_t mapping_mkwrite_pfn(struct vm_fault *vmf)
{
	return fault_show(vmf, true, true);
}

/**
 * mapping_fill - map pages before the program touches them
 * @vma: mapping of the calling process
 * @address: of the first page
 * @pages: set to the number of pages from it on that are mapped then
 *
 * Context: process, mmap_lock held for reading; may sleep. O(POPULATE_PAGES).
 * Return: 0; -ENOENT if there is no page any more; -EFAULT if the program itself could not touch
 * the first page now; -ENOMEM if the system has no memory for page tables; or -EINTR.
 */
int mapping_fill(struct vm_area_struct *vma, unsigned long address, u32 *pages)
{
	/* Leases promise real-time programs that there are no faults: these are none. */
	struct look look = {
		.offset = mapping_offset(vma, address),
		.access = MEMMGR_ACCESS_READ,
		.why = LOOK_LEASE,
	};
	int done;

	do {
		done = mapping_show(vma, address, POPULATE_PAGES, &look);
	} while (done == -EAGAIN && !fatal_signal_pending(current));
	*pages = max(done, 0);
	if (done >= 0 || done == -ENOMEM)
		return min(done, 0);
	if (done == -EAGAIN)
		return -EINTR;
	return done == -ENOENT ? done : -EFAULT;
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
	struct heap_pages found;
	int err;

	if (!heap)
		return VM_FAULT_SIGBUS;
	lock_page(vmf->page);
	down_read(&region->view.map_gate);
	err = heap_map_place(heap, &mapping->view, fault_offset(vmf), MEMMGR_ACCESS_WRITE,
			     LOOK_PROGRAM, &found);
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
	struct heap_pages found;
	int err;
	u32 inset = offset_in_page(offset);

	if (!heap)
		return -EFAULT;
	bytes = min_t(int, bytes, PAGE_SIZE - inset);
	down_read(&region->view.map_gate);
	err = heap_map_place(heap, &mapping->view, offset,
			     write ? MEMMGR_ACCESS_WRITE : MEMMGR_ACCESS_READ,
			     LOOK_DEBUGGER, &found);
	if (!err && write)
		region_copy_in(region, found.place + inset, buf, bytes);
	else if (!err)
		region_copy(region, found.place + inset, buf, bytes);
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
	/* The kernel itself does not map such memory ahead, and forgets that it was locked. */
	mapping->around = mapping->view.populate || vma->vm_flags & VM_LOCKED ?
			  POPULATE_PAGES : AROUND_PAGES;
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
	if (err)
		kfree(mapping);
	return err;
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
