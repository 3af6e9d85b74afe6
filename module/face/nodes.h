/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What a region keeps for face/: files below know only that there is a pointer. */
#ifndef MEMMGR_NODES_H
#define MEMMGR_NODES_H

#include <linux/miscdevice.h>
#include <uapi/linux/memmgr.h>

struct dentry;
struct region;

/**
 * struct region_nodes - the device nodes and the debugfs folder of a region
 * @region: the region
 * @dev: its device node
 * @dev_name: name of this node
 * @heap: the device node of the dma-heap interface
 * @heap_name: path of this node below /dev
 * @debugfs: the debugfs folder
 *
 * regions_mutex guards the making of the nodes; region_remove() removes them.
 */
struct region_nodes {
	struct region *region;
	struct miscdevice dev;
	char dev_name[MEMMGR_NAME_LEN];
	struct miscdevice heap;
	char heap_name[MEMMGR_NAME_LEN + 16];
	struct dentry *debugfs;
};

int region_nodes_init(struct region *region);

#endif /* MEMMGR_NODES_H */
