// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The kernel's mapping of a region, and its cache attribute. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "base/compat.h"
#include "region/memory.h"
#include "region/region.h"
#include "region/remap.h"

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

/* The flag of a cache attribute's name; ~0 if there is no such attribute. */
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
		if (region->memory.flags & caches[i].flag)
			break;
	return caches[i].name;
}

/*
 * memremap() checks only the first page. If the kernel maps that page itself, memremap()
 * assumes that the kernel maps the range to its end.
 */
static bool region_straddles(const struct region *region)
{
	const struct memory *memory = &region->memory;
	unsigned long first = PHYS_PFN(memory->phys);
	unsigned long last = PHYS_PFN(memory->phys + memory->bytes - 1);

	return pfn_valid(first) && pfn_valid(last) &&
	       PageHighMem(pfn_to_page(first)) != PageHighMem(pfn_to_page(last));
}

static void *region_remap(const struct region *region, u64 offset, u64 bytes)
{
	const struct memory *memory = &region->memory;
	size_t i;

	for (i = ARRAY_SIZE(caches) - 1; i; i--)
		if (memory->flags & caches[i].flag)
			break;
	if (caches[i].map)
		return memremap(memory->phys + offset, bytes, caches[i].map);
	return (void __force *)ioremap(memory->phys + offset, bytes);
}

/*
 * Do all pages have a struct page, are they mapped by the kernel itself, and does nothing
 * hold them? Then their reference counts tell whether they are in use.
 */
bool region_has_pages(const struct region *region)
{
	const struct memory *memory = &region->memory;
	u64 at;

	if (memory->flags & MEMMGR_REGION_RESERVED &&
	    region_intersects(memory->phys, memory->bytes, IORESOURCE_SYSTEM_RAM,
			      IORES_DESC_NONE) != REGION_INTERSECTS)
		return false;
	for (at = 0; at < memory->bytes; at += PAGE_SIZE) {
		unsigned long pfn = region_pfn(region, at);

		if (!pfn_valid(pfn) || page_count(pfn_to_page(pfn)) != 1)
			return false;
	}
	return true;
}

#if IS_ENABLED(CONFIG_MEMMGR_DEBUG)

/**
 * region_map_page - make another kernel mapping of one page
 * @region: the region
 * @offset: offset of the page
 *
 * The mapping has the attribute of the region's own mapping. The kernel leaves the page
 * behind each such mapping unmapped, and the page before it too, because that is the page
 * behind another mapping.
 *
 * Context: process, may sleep.
 * Return: its address; -EOPNOTSUPP if the memory is not plain memory, or can only have the
 * kernel's own mapping; -ENOMEM if there is no room.
 */
void *region_map_page(const struct region *region, u64 offset)
{
	struct page *page;
	void *virt;

	if (region_is_io(region))
		return ERR_PTR(-EOPNOTSUPP);
	if (region->memory.flags & MEMMGR_REGION_PAGES) {
		page = pfn_to_page(region_pfn(region, offset));
		virt = vmap(&page, 1, VM_MAP, PAGE_KERNEL);
	} else if (region->memory.flags & MEMMGR_REGION_CONTIGUOUS) {
		virt = region_remap(region, offset, PAGE_SIZE);
		/* For RAM that the kernel maps itself, memremap() returns that mapping. */
		if (virt && !is_vmalloc_addr(virt))
			return ERR_PTR(-EOPNOTSUPP);
	} else {
		return ERR_PTR(-EOPNOTSUPP);
	}
	return virt ? virt : ERR_PTR(-ENOMEM);
}

/* Remove such a mapping. Context: process, may sleep. */
void region_unmap_page(const struct region *region, void *virt)
{
	if (region->memory.flags & MEMMGR_REGION_PAGES)
		vunmap(virt);
	else
		memunmap(virt);
}
#endif

/* Map memory that was set aside at boot. */
int region_map_reserved(struct region *region)
{
	struct memory *memory = &region->memory;

	if (region_straddles(region)) {
		pr_err("%s: 0x%llx bytes at %pa refused: they lie in low and in high memory; move the region\n",
		       region->name, memory->bytes, &memory->phys);
		return -EINVAL;
	}
	/*
	 * RAM that the kernel maps is in /proc/iomem already. Each call is tried twice,
	 * because the first failure may be a momentary lack of memory, not of room.
	 */
	if (!region_in_system(memory->phys, memory->bytes)) {
		if (!request_mem_region(memory->phys, memory->bytes, "memmgr") &&
		    !request_mem_region(memory->phys, memory->bytes, "memmgr")) {
			pr_err("%s: 0x%llx bytes at %pa refused: in use, see /proc/iomem\n",
			       region->name, memory->bytes, &memory->phys);
			return -EBUSY;
		}
		memory->claimed = true;
	}
	memory->virt = region_remap(region, 0, memory->bytes);
	if (!memory->virt)
		memory->virt = region_remap(region, 0, memory->bytes);
	if (!memory->virt) {
		pr_err("%s: 0x%llx bytes at %pa refused: the kernel has no room to map them; make the region smaller, or vmalloc= larger\n",
		       region->name, memory->bytes, &memory->phys);
		return -ENOSPC;
	}
	memory->max_align = rounddown_pow_of_two(memory->bytes);
	return 0;
}

/* Take memory from the system, for trying things out. */
int region_map_system(struct region *region)
{
	struct memory *memory = &region->memory;

	if (memory->bytes > (u64)si_mem_available() * PAGE_SIZE / 4 * 3)
		memory->virt = NULL;
	else
		memory->virt = __vmalloc(memory->bytes, GFP_KERNEL | __GFP_ZERO |
					 __GFP_NOWARN);
	if (!memory->virt) {
		pr_err("%s: the system has no 0x%llx bytes to give; use a smaller size=\n",
		       region->name, memory->bytes);
		return -ENOMEM;
	}
	memory->max_align = rounddown_pow_of_two(memory->bytes);
	return 0;
}

void region_unmap(struct region *region)
{
	const struct memory *memory = &region->memory;

	if (!memory->virt)
		goto out_release;
	if (region_is_io(region))
		iounmap(region_io(region, 0));
	else if (memory->flags & MEMMGR_REGION_RESERVED)
		memunmap(memory->virt);
	else
		vfree(memory->virt);
out_release:
	if (memory->claimed)
		release_mem_region(memory->phys, memory->bytes);
}

bool region_in_system(phys_addr_t phys, u64 bytes)
{
	return region_intersects(phys, bytes, IORESOURCE_SYSTEM_RAM,
				 IORES_DESC_NONE) != REGION_DISJOINT;
}
