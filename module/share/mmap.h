/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Mappings of allocations and private heaps into clients. */
#ifndef MEMMGR_MMAP_H
#define MEMMGR_MMAP_H

#include <linux/mm_types.h>
#include <linux/refcount.h>
#include <linux/types.h>

struct client;
struct heap_export;
struct mapping;

struct task_struct;
struct vm_area_struct;

int mapping_create(struct client *client, struct vm_area_struct *vma);
int mapping_create_export(const struct heap_export *export, struct vm_area_struct *vma);

extern const struct vm_operations_struct mapping_ops;

bool mapping_allows(const struct mapping *mapping, vm_flags_t flags);

#endif /* MEMMGR_MMAP_H */
