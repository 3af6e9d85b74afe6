/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The address space that contains all mappings of a region. */
#ifndef MEMMGR_REGION_VIEW_H
#define MEMMGR_REGION_VIEW_H

#include <linux/workqueue.h>
#include <linux/types.h>

struct region;

void mapping_unmap(struct region *region, u32 page, u64 offset, u64 bytes);
void mapping_run_soon(struct work_struct *work);
void mapping_zap(struct region *region, u32 page, u64 offset, u64 bytes);
bool mapping_in_io(struct region *region, u32 page, u64 place, u64 bytes);
int mapping_init(void);
void mapping_exit(void);
struct inode *mapping_inode_get(void);
void mapping_inode_put(struct inode *inode);

#endif /* MEMMGR_REGION_VIEW_H */
