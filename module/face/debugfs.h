/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* /sys/kernel/debug/memmgr: one file for each subject. */
#ifndef MEMMGR_DEBUGFS_H
#define MEMMGR_DEBUGFS_H

#include <linux/types.h>

struct region;

bool debugfs_add_region(struct region *region);
void debugfs_remove_region(struct region *region);
void debugfs_init(void);
void debugfs_exit(void);

#endif /* MEMMGR_DEBUGFS_H */
