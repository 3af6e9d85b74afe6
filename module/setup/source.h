/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Which regions there are: device tree, module parameters, fallback. */
#ifndef MEMMGR_SOURCE_H
#define MEMMGR_SOURCE_H

#include <linux/types.h>

__visible int source_init(void);
__visible void source_exit(void);

/**
 * struct region_source - where a region's memory comes from
 * @name: for the region, if it is free; may be NULL
 * @number: of the region, if it is free, else the next one that is
 * @first: it is the one that is meant where none is named
 * @cache: one of REGION_CACHES; NULL: write-back
 * @phys: physical address; ignored for memory from the system
 * @bytes: size
 * @flags: MEMMGR_REGION_*; without _RESERVED the system gives the memory
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
