/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Finds the regions to make: device tree, module parameters, fallback. */
#ifndef MEMMGR_SOURCE_H
#define MEMMGR_SOURCE_H

#include <linux/types.h>

int source_init(void);
void source_exit(void);

/**
 * struct region_source - source of a region's memory
 * @name: name of the region, unless it is taken; may be NULL
 * @number: number of the region; if it is taken, the next free number is used
 * @first: the region is the default where no region is named
 * @cache: one of REGION_CACHES; NULL: write-back
 * @phys: physical address; ignored for memory from the system
 * @bytes: size
 * @flags: MEMMGR_REGION_*; without _RESERVED the system supplies the memory
 * @node: device tree node with heaps as children, or NULL
 * @memory: device tree node of the memory, or NULL
 * @heaps: heaps= of the module, or NULL
 */
struct region_source {
	const char *name;
	u32 number;
	bool first;
	const char *cache;
	phys_addr_t phys;
	u64 bytes;
	u32 flags;
	struct device_node *node;
	struct device_node *memory;
	const char *heaps;
};

#endif /* MEMMGR_SOURCE_H */
