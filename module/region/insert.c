// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Page table entries of processes for the memory of a region.
 *
 * The kernel maps the pages of a shared mapping read-only until the first write, for a file
 * system that has to know of it. Here nobody has to: the right to write is looked up together
 * with the page, and taken away together with it. So a page that may be written is mapped
 * writable at once, as young and dirty, and the first write is no second fault.
 *
 * Many pages are mapped under one walk of the page tables. The kernel's functions for that are
 * made for mmap() and not for faults; the way here is that of the graphics drivers, which map
 * much at one fault too (drivers/gpu/drm/i915/i915_mm.c).
 */
#include <linux/minmax.h>
#include <linux/mm.h>

#include "base/compat.h"
#include "region/insert.h"
#include "region/memory.h"
#include "region/region.h"

/**
 * struct filling - state of a walk along the entries of a span
 * @region: the region
 * @mm: the process
 * @offset: offset in the region of the page whose entry comes next
 * @prot: what an entry becomes
 * @pages: the entries are of struct pages, which only the kernel may enter
 * @write: an entry that is there becomes writable
 */
struct filling {
	const struct region *region;
	struct mm_struct *mm;
	u64 offset;
	pgprot_t prot;
	bool pages;
	bool write;
};

/*
 * One entry, whose lock is held. What another fault has entered meanwhile stays, unless it is
 * of the same page and may not be written yet. A right that comes needs no flush: a
 * CPU that still has the old entry faults, and finds the new one. The new entry is not made of
 * the old one, because pte_modify() needs a mask that x86 keeps from modules (cc_mask of 6.12).
 */
static int fill_entry(pte_t *entry, unsigned long address, void *data)
{
	struct filling *f = data;
	unsigned long pfn = region_pfn(f->region, f->offset);
	pte_t old = ptep_get(entry);
	bool enter = pte_none(old) && !f->pages;
	bool allow = f->write && pte_present(old) && !pte_write(old) && pte_pfn(old) == pfn;
	pte_t new = pfn_pte(pfn, f->prot);

	f->offset += PAGE_SIZE;
	if (enter || pte_special(old))
		new = pte_mkspecial(new);
	if (enter || allow)
		compat_set_entry(f->mm, address, entry, new);
	return 0;
}

#define PAGES_AT_ONCE	16u	/* pointers on the stack */

/* Enter struct pages, which the kernel counts. It enters them with the rights of the mapping. */
static int enter_pages(const struct region *region, struct vm_area_struct *vma,
		       const struct region_span *span)
{
	struct page *pages[PAGES_AT_ONCE];
	unsigned long left;
	u32 done, n, i;
	int err;

	for (done = 0; done < span->pages; done += n - left) {
		n = min(span->pages - done, PAGES_AT_ONCE);
		for (i = 0; i < n; i++)
			pages[i] = pfn_to_page(region_pfn(region, span->offset +
							  (u64)(done + i) * PAGE_SIZE));
		left = n;
		err = vm_insert_pages(vma, span->address + (size_t)done * PAGE_SIZE, pages, &left);
		if (err && err != -EBUSY)
			return err;
		/* One that is there already is passed over. */
		left -= err == -EBUSY;
	}
	return 0;
}

/* The rights of entries that may be written: as the kernel makes them at a write. */
static pgprot_t written_prot(const struct region *region, const struct vm_area_struct *vma)
{
	pgprot_t prot = region_pgprot(region, vm_get_page_prot(vma->vm_flags));

	return __pgprot(pte_val(pte_mkdirty(pte_mkyoung(pfn_pte(0, prot)))));
}

/**
 * region_insert - map pages of the region into a process
 * @region: the region
 * @vma: mapping of the process
 * @span: the pages, inside the mapping
 *
 * Entries that are there stay, but become writable if @span says so.
 *
 * Context: process; mmap_lock and view.map_gate are held. May sleep, for page tables.
 * O(pages).
 * Return: 0; -ENOMEM if the system has no memory for page tables, when some of the pages may
 * be mapped.
 */
int region_insert(const struct region *region, struct vm_area_struct *vma,
		  const struct region_span *span)
{
	struct filling f = {
		.region = region,
		.mm = vma->vm_mm,
		.offset = span->offset,
		.prot = span->write ? written_prot(region, vma) : vma->vm_page_prot,
		.pages = region->memory.flags & MEMMGR_REGION_PAGES,
		.write = span->write,
	};
	unsigned long bytes = (unsigned long)span->pages << PAGE_SHIFT;
	int err = f.pages ? enter_pages(region, vma, span) : 0;

	if (!err && (!f.pages || f.write))
		err = apply_to_page_range(f.mm, span->address, bytes, fill_entry, &f);
	compat_entries_written(vma, span->address, span->address + bytes);
	return err;
}
