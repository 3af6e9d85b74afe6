// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* What a region keeps for move/. */
#include <linux/slab.h>

#include "move/state.h"
#include "region/region.h"

/* Called for a new region. Returns 0 or -ENOMEM; kfree() of region.moving must follow. */
int move_state_init(struct region *region)
{
	struct move_state *moving = kzalloc(sizeof(*moving), GFP_KERNEL);

	if (!moving)
		return -ENOMEM;
	mutex_init(&moving->compact_mutex);
	region->moving = moving;
	health_init(region);
	return 0;
}
