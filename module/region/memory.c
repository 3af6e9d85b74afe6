// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Reading, writing and clearing the memory of a region. */
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/iosys-map.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/pagemap.h>
#include <linux/sched.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "base/compat.h"
#include "region/memory.h"
#include "region/region.h"

/* The page frame number at an offset. */
unsigned long region_pfn(const struct region *region, u64 offset)
{
	if (region->memory.flags & MEMMGR_REGION_CONTIGUOUS)
		return PHYS_PFN(region->memory.phys + offset);
	return vmalloc_to_pfn(region->memory.virt + offset);
}

/* The physical address at an offset; 0 if the memory is not contiguous. */
u64 region_phys(const struct region *region, u64 offset)
{
	return region->memory.flags & MEMMGR_REGION_CONTIGUOUS ? region->memory.phys + offset : 0;
}

void __iomem *region_io(const struct region *region, u64 offset)
{
	return (void __iomem __force *)region->memory.virt + offset;
}

/* Is the kernel's mapping a device mapping? Then it does not allow every access. */
bool region_is_io(const struct region *region)
{
	return region->memory.flags & (COMPAT_UNCACHED_MAP ? MEMMGR_REGION_DEVICE :
				MEMMGR_REGION_DEVICE | MEMMGR_REGION_UNCACHED);
}

/* The attribute of a mapping of the region's memory, which must match the kernel's mapping. */
pgprot_t region_pgprot(const struct region *region, pgprot_t prot)
{
	if (region->memory.flags & MEMMGR_REGION_DEVICE)
		return pgprot_device(prot);
	if (region->memory.flags & MEMMGR_REGION_UNCACHED)
		return compat_pgprot_uncached(prot);
	if (region->memory.flags & MEMMGR_REGION_WRITE_COMBINE)
		return pgprot_writecombine(prot);
	return prot;
}

/* Wait for faults that were allowed to write but have not yet mapped their page so. */
void region_wait_writes(const struct region *region, u64 offset, u64 bytes)
{
	u64 at;

	if (!(region->memory.flags & MEMMGR_REGION_PAGES))
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
 * region_in_io - does the kernel hold references to pages, for I/O that goes on?
 * @region: the region
 * @offset: start of memory that no mapping shows any more
 * @bytes: size of this memory
 *
 * To keep a page, kernel code looks up its page table entry. Then it either holds the lock
 * of the page table while it takes a reference; or, in get_user_pages_fast(), it takes the
 * reference, which is a full barrier, and reads the entry again. If the entry has changed,
 * it gives the reference back. Our caller has cleared the entry, with that lock held,
 * before the barrier below, and we read the count after it. So either the other side sees
 * that the entry is gone, or we see its reference. We may also see a reference that is
 * about to be given back. A page table entry counts as a reference too, until no CPU can
 * use it any more.
 *
 * Context: process, may reschedule. O(pages) in a region with struct pages, O(1) elsewhere.
 */
bool region_in_io(const struct region *region, u64 offset, u64 bytes)
{
	u64 at;

	if (!(region->memory.flags & MEMMGR_REGION_PAGES))
		return false;
	smp_mb();	/* between unmap and count; pairs with taking a reference */
	for (at = 0; at < bytes; at += PAGE_SIZE) {
		if (page_count(pfn_to_page(region_pfn(region, offset + at))) > 1)
			return true;
		if (!(at % COUNT_STEP))
			cond_resched();
	}
	return false;
}

/**
 * region_sync - write back and discard the CPU's cache lines of a range
 * @region: the region
 * @offset: start of the range
 * @bytes: size of the range
 *
 * Context: process, may reschedule. O(bytes); O(1) if the region is not cached.
 */
void region_sync(const struct region *region, u64 offset, u64 bytes)
{
	if (!region_is_cached(region)) {
		mb();	/* all writes are visible before a device is told */
		return;
	}
	while (bytes) {
		unsigned long n = min_t(u64, bytes, PAGE_SIZE - offset_in_page(offset));
		phys_addr_t phys = PFN_PHYS(region_pfn(region, offset)) +
				   offset_in_page(offset);

		compat_cache_flush(region->memory.virt + offset, phys, n);
		offset += n;
		bytes -= n;
		cond_resched();
	}
}

/* Describe the kernel's mapping at an offset to a caller that may access it. */
void region_iosys_map(const struct region *region, u64 offset, struct iosys_map *map)
{
	if (region_is_io(region))
		iosys_map_set_vaddr_iomem(map, region_io(region, offset));
	else
		iosys_map_set_vaddr(map, region->memory.virt + offset);
}

void region_zero(struct region *region, u64 offset, u64 bytes)
{
	if (region_is_io(region))
		memset_io(region_io(region, offset), 0, bytes);
	else
		region_zero_plain(region, offset, bytes);
}

#define CLEAR_STEP	(1u << 20)

/* Clear a large range. Process context, may reschedule. */
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

/* Copy a few bytes from kernel memory into the region. */
void region_copy_in(const struct region *region, u64 offset, const void *from, size_t bytes)
{
	if (region_is_io(region))
		memcpy_toio(region_io(region, offset), from, bytes);
	else
		memcpy(region->memory.virt + offset, from, bytes);
}

/* Copy a few bytes from the region into kernel memory. */
void region_copy(const struct region *region, u64 offset, void *to, size_t bytes)
{
	if (region_is_io(region))
		memcpy_fromio(to, region_io(region, offset), bytes);
	else
		memcpy(to, region->memory.virt + offset, bytes);
}

#define BOUNCE	256u	/* buffer on the stack, because device mappings limit accesses */

/* Copy within the region, to lower addresses or without overlap. */
void region_move(const struct region *region, u64 to, u64 from, u64 bytes)
{
	char bounce[BOUNCE];

	if (!region_is_io(region)) {
		memmove(region->memory.virt + to, region->memory.virt + from, bytes);
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

/* Returns the number of bytes that could not be copied, as copy_to_user() does. */
unsigned long region_read(struct region *region, u64 offset, void __user *to,
			  unsigned long bytes)
{
	char bounce[BOUNCE];

	if (!region_is_io(region))
		return copy_to_user(to, region->memory.virt + offset, bytes);
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

/*
 * copy_from_user() clears the part of its target that it cannot copy. Here this part is a
 * program's memory, and keeps its contents. The rest is as there, the barrier against a guessed
 * access_ok() too.
 */
static unsigned long copy_in(void *to, const void __user *from, unsigned long bytes)
{
	if (!access_ok(from, bytes))
		return bytes;
	barrier_nospec();
	return __copy_from_user(to, from, bytes);
}

unsigned long region_write(struct region *region, u64 offset,
			   const void __user *from, unsigned long bytes)
{
	char bounce[BOUNCE];

	if (!region_is_io(region))
		return copy_in(region->memory.virt + offset, from, bytes);
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
