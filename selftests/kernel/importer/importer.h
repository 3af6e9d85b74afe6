/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What a program writes to /dev/memmgr_importer: a dma-buf to map for the device. */
#ifndef MEMMGR_IMPORTER_H
#define MEMMGR_IMPORTER_H

#include <linux/types.h>

/* struct import.fail */
#define IMPORT_FAIL_NONE	0
#define IMPORT_FAIL_MAP		1	/* the device's bus takes no memory at all */

/**
 * struct import - attach a dma-buf and map it
 * @fd: of the dma-buf
 * @direction: enum dma_data_direction
 * @mask: highest address that the device reaches
 * @fail: IMPORT_FAIL_*
 * @reserved: 0
 */
struct import {
	__s32 fd;
	__u32 direction;
	__u64 mask;
	__u32 fail;
	__u32 reserved;
};

#endif
