/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Mappings of allocations and private heaps into clients. */
#ifndef MEMMGR_MMAP_H
#define MEMMGR_MMAP_H

#include <linux/mm_types.h>
#include <linux/refcount.h>
#include <linux/types.h>

#include "heap/access.h"

struct client;
struct heap_export;
struct region;

struct vm_area_struct;

/**
 * struct mapping - the subject of a VMA; shared by the VMA's copies and parts
 * @users: number of VMAs
 * @region: the region
 * @view: the part of a heap that it shows
 * @around: number of pages, a power of two: a fault maps those of the block of as many
 *	around its address that it may
 */
struct mapping {
	refcount_t users;
	struct region *region;
	struct heap_view view;
	u32 around;
};

int mapping_create(struct client *client, struct vm_area_struct *vma);
int mapping_create_export(const struct heap_export *export, struct vm_area_struct *vma);

extern const struct vm_operations_struct mapping_ops;

int mapping_fill(struct vm_area_struct *vma, unsigned long address, u32 *pages);
bool mapping_allows(const struct mapping *mapping, vm_flags_t flags);

#endif /* MEMMGR_MMAP_H */
