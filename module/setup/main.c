// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* memmgr: init and exit. */
#include <linux/module.h>

#include "debug/moments.h"
#include "face/debugfs.h"
#include "move/health.h"
#include "region/region.h"
#include "region/view.h"
#include "setup/source.h"

static int __init memmgr_init(void)
{
	int err;

	err = mapping_init();
	if (err)
		return err;
	err = health_start();
	if (!err)
		err = region_init();
	if (err)
		goto out_mapping;
	debugfs_init();
	moments_start();
	/* Last, because it publishes the regions, and must not fail once there is a node. */
	err = source_init();
	if (err)
		goto out_debugfs;
	return 0;

out_debugfs:
	region_exit();
	debugfs_exit();
out_mapping:
	mapping_exit();
	return err;
}

static void __exit memmgr_exit(void)
{
	source_exit();
	region_exit();
	debugfs_exit();
	mapping_exit();
	rcu_barrier();
}

module_init(memmgr_init);
module_exit(memmgr_exit);

MODULE_DESCRIPTION("Memory manager for reserved memory");
MODULE_AUTHOR("memmgr maintainers");
MODULE_LICENSE("Dual MIT/GPL");
MODULE_VERSION("0.1.0");
