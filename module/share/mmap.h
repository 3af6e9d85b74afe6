/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Mappings of allocations and private heaps into clients. */
#ifndef MEMMGR_MMAP_H
#define MEMMGR_MMAP_H

#include <linux/refcount.h>
#include <linux/types.h>

struct client;
struct heap_export;
struct region;
struct task_struct;
struct vm_area_struct;

enum mapping_kind {
	MAPPING_RECORD,		/* an allocation, for its client */
	MAPPING_ARENA,		/* all of a private heap, for its client */
	MAPPING_EXPORT,		/* an allocation, through a dma-buf */
};

/**
 * struct mapping - what a VMA shows; shared by its copies and parts
 * @users: VMAs
 * @region: where
 * @heap: id
 * @serial: of the heap
 * @kind: enum mapping_kind
 * @guard: it begins with a guard page, and the allocation behind it
 * @final: the protection of the allocation will not change
 * @handle: of the allocation, unless it is an arena
 * @seq: of the allocation
 * @inset: where in its first page the allocation begins
 * @first: vm_pgoff of its first page
 * @populator: the task that maps its pages for a lease just now
 * @pages: of the allocation when it was mapped, without guard pages
 */
struct mapping {
	refcount_t users;
	struct region *region;
	u32 heap;
	u64 serial;
	u8 kind;
	bool guard;
	bool final;
	u64 handle;
	u64 seq;
	u32 inset;
	u32 first;
	u32 pages;
	const struct task_struct *populator;
};

int mapping_create(struct client *client, struct vm_area_struct *vma);
int mapping_create_export(const struct heap_export *export, struct vm_area_struct *vma);
int mapping_populate(struct region *region, u64 handle);
void mapping_unmap(struct region *region, u32 page, u64 offset, u64 bytes);
void mapping_run_soon(struct work_struct *work);
void mapping_zap(struct region *region, u32 page, u64 offset, u64 bytes);
bool mapping_in_io(struct region *region, u32 page, u64 place, u64 bytes);

__visible int mapping_init(void);
__visible void mapping_exit(void);
struct inode *mapping_inode_get(void);
void mapping_inode_put(struct inode *inode);

#endif /* MEMMGR_MMAP_H */
