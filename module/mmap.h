/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Mappings of allocations and private heaps into clients. */
#ifndef MEMMGR_MMAP_H
#define MEMMGR_MMAP_H

#include <linux/types.h>

struct client;
struct region;
struct vm_area_struct;

int mapping_create(struct client *client, struct vm_area_struct *vma);
void mapping_zap(struct region *region, u32 page, u64 offset, u64 bytes);

int mapping_init(void);
void mapping_exit(void);
struct inode *mapping_inode_get(void);
void mapping_inode_put(struct inode *inode);

#endif /* MEMMGR_MMAP_H */
