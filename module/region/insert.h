/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Page table entries of processes for the memory of a region. */
#ifndef MEMMGR_REGION_INSERT_H
#define MEMMGR_REGION_INSERT_H

#include <linux/types.h>

struct region;
struct vm_area_struct;

/**
 * struct region_span - pages of a region that lie one behind the other in a mapping too
 * @address: address of the first one in the mapping
 * @offset: offset of the first one in the region
 * @pages: their number
 * @write: the process may write to them
 */
struct region_span {
	unsigned long address;
	u64 offset;
	u32 pages;
	bool write;
};

int region_insert(const struct region *region, struct vm_area_struct *vma,
		  const struct region_span *span);

#endif /* MEMMGR_REGION_INSERT_H */
