// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Pins and leases: they keep allocations in their place. */
#include <linux/mm.h>
#include <linux/sched/signal.h>

#include "heap/access.h"
#include "heap/account.h"
#include "heap/heap.h"
#include "heap/moving.h"
#include "heap/pins.h"
#include "region/region.h"
#include "share/lease.h"
#include "share/mmap.h"

/**
 * heap_pin - pin or lease an allocation
 * @heap: the heap that the handle names
 * @client: the caller
 * @out: handle and flags as in the ABI; the answers are filled in
 *
 * Context: process, may sleep while the allocation moves. O(1), and takes no memory of
 * the system. A lease costs O(pages), and mapping them.
 * Return: 0 or an error of the ABI's table.
 */
int heap_pin(struct memmgr_heap *heap, struct client *client, struct memmgr_pin *out)
{
	bool lease = out->flags & MEMMGR_PIN_LEASE;
	int err;

	if (!lease)
		return pin_change(heap, client, out, false, 1);
	if (!heap_has_pages(heap))
		return -EOPNOTSUPP;
	/* Pin it while its pages are mapped. The lease, which counts faults, begins after. */
	err = pin_change(heap, client, out, false, 1);
	out->mine = 0;
	if (err)
		return err;
	err = heap_wait_unmapped(heap->region);
	if (!err)
		err = mapping_populate(heap->region, out->handle);
	if (!err)
		err = pin_change(heap, client, out, true, 1);
	pin_undo(heap, client, out->handle, false);
	out->pins -= !err;
	return err;
}

/* Map the pages of the allocation that a mapping shows, as far as the process may touch them. */
static int populate_vma(struct vm_area_struct *vma)
{
	struct mapping *mapping = vma->vm_private_data;
	unsigned long first = mapping->view.first + mapping->view.guard;
	unsigned long page = max(first, vma->vm_pgoff);
	unsigned long end = min(first + mapping->view.pages, vma->vm_pgoff + vma_pages(vma));
	u32 pages;
	int err = 0;

	if (!(vma->vm_flags & VM_READ) || !mapping_allows(mapping, VM_READ))
		return 0;
	for (; !err && page < end; page += pages) {
		err = mapping_fill(vma, vma->vm_start + (page - vma->vm_pgoff) * PAGE_SIZE,
				   &pages);
		if (!err && fatal_signal_pending(current))
			err = -EINTR;
		cond_resched();
	}
	/* The allocation was cut since it was mapped, and has no more pages. */
	return err == -ENOENT ? 0 : err;
}

/**
 * mapping_populate - map all pages of an allocation that the calling process has mapped
 * @region: the region
 * @handle: handle of the allocation, which does not move
 *
 * Context: process, may sleep. O(mappings of the process + pages).
 * Return: 0, -EINTR, -EFAULT or another error if a page could not be mapped.
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
		    mapping->view.kind == MAPPING_RECORD && mapping->view.handle == handle)
			err = populate_vma(vma);
	}
	mmap_read_unlock(mm);
	return err;
}
