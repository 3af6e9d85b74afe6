// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* What a region keeps for face/. */
#include <linux/slab.h>
#include <linux/string.h>

#include "face/nodes.h"
#include "region/region.h"

/*
 * Called for a new region, whose number names its device node. Returns 0 or -ENOMEM;
 * kfree() of region.nodes must follow.
 */
int region_nodes_init(struct region *region)
{
	struct region_nodes *nodes = kzalloc(sizeof(*nodes), GFP_KERNEL);

	if (!nodes)
		return -ENOMEM;
	nodes->region = region;
	if (region->index)
		snprintf(nodes->dev_name, sizeof(nodes->dev_name), "memmgr%u", region->index);
	else
		strscpy(nodes->dev_name, "memmgr", sizeof(nodes->dev_name));
	region->nodes = nodes;
	return 0;
}
