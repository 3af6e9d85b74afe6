// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * memremap() for user-mode Linux, whose build leaves it out with all that is about I/O
 * memory. Its kernel maps all of its memory, and memory has one cache attribute there.
 */
#include <linux/export.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/vmalloc.h>

/* A region has the kernel's own mapping. One page of it, for guards, gets another one. */
void *memremap(resource_size_t phys, size_t bytes, unsigned long flags)
{
	struct page *page = pfn_to_page(PHYS_PFN(phys));

	if (!pfn_valid(PHYS_PFN(phys)) || !pfn_valid(PHYS_PFN(phys + bytes - 1)))
		return NULL;
	return bytes == PAGE_SIZE ? vmap(&page, 1, VM_MAP, PAGE_KERNEL) : __va(phys);
}
EXPORT_SYMBOL(memremap);

void memunmap(void *virt)
{
	if (is_vmalloc_addr(virt))
		vunmap(virt);
}
EXPORT_SYMBOL(memunmap);

MODULE_DESCRIPTION("memremap() for user-mode Linux");
MODULE_LICENSE("Dual MIT/GPL");
