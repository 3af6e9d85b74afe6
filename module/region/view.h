/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The address space that contains all mappings of a region. */
#ifndef MEMMGR_REGION_VIEW_H
#define MEMMGR_REGION_VIEW_H

#include <linux/rwsem.h>
#include <linux/types.h>
#include <linux/workqueue.h>

struct inode;
struct region;

/**
 * struct view - where the bytes of a region are seen
 * @inode: its address space contains all mappings of users
 * @map_gate: a fault holds it for reading from the lookup of a page until it has mapped the
 *	page. Passing it for writing waits for faults that looked before a change
 * @window_shift: log2 of the pages in a window of the mmap() offsets
 * @unmapping: odd while mappings are being removed for a move; it changes each time, and
 *	is read at any time. move_state.compact_mutex is held to change it
 *
 * @inode and @window_shift are constant once the region can be found.
 */
struct view {
	struct inode *inode;
	struct rw_semaphore map_gate;
	u32 window_shift;
	unsigned long unmapping;
};

void mapping_unmap(struct region *region, unsigned long page, u64 offset, u64 bytes);
void mapping_run_soon(struct work_struct *work);
void mapping_zap(struct region *region, unsigned long page, u64 offset, u64 bytes);
bool mapping_in_io(struct region *region, unsigned long page, u64 place, u64 bytes);
int mapping_init(void);
void mapping_exit(void);
struct inode *mapping_inode_get(void);
void mapping_inode_put(struct inode *inode);

#endif /* MEMMGR_REGION_VIEW_H */
