/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The kernel's mapping of a region, and its cache attribute. */
#ifndef MEMMGR_REGION_REMAP_H
#define MEMMGR_REGION_REMAP_H

#include <linux/types.h>
#include <uapi/linux/memmgr.h>

struct region;

bool region_in_system(phys_addr_t phys, u64 bytes);
const char *region_cache(const struct region *region);
u32 region_cache_flag(const char *name);
void *region_map_page(const struct region *region, u64 offset);
void region_unmap_page(const struct region *region, void *virt);
bool region_has_pages(const struct region *region);
int region_map_reserved(struct region *region);
int region_map_system(struct region *region);
void region_unmap(struct region *region);

#endif /* MEMMGR_REGION_REMAP_H */
