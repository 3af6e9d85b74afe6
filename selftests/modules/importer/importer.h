/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What a program writes to /dev/memmgr_importer, and reads from it. */
#ifndef MEMMGR_IMPORTER_H
#define MEMMGR_IMPORTER_H

#include <linux/types.h>

/* struct import.fail */
#define IMPORT_FAIL_NONE	0
#define IMPORT_FAIL_MAP		1	/* the device's bus takes no memory at all */

#define IMPORT_NAME_LEN		32

/**
 * struct import - attach a dma-buf and map it
 * @fd: of the dma-buf
 * @direction: enum dma_data_direction
 * @mask: highest address that the device reaches
 * @fail: IMPORT_FAIL_*
 * @ask: map a page of the kernel's own as well
 * @device: node name of a device in the device tree; "": one that is on no bus
 */
struct import {
	__s32 fd;
	__u32 direction;
	__u64 mask;
	__u32 fail;
	__u32 ask;
	char device[IMPORT_NAME_LEN];
};

/**
 * struct imported - what the device was given; is read after a struct import
 * @first: bus address of the first byte
 * @last: of the last
 * @bytes: all of it
 * @page_phys: where the page of the kernel's own is
 * @page_address: its bus address
 * @entries: of the scatterlist
 * @reserved: 0
 */
struct imported {
	__u64 first;
	__u64 last;
	__u64 bytes;
	__u64 page_phys;
	__u64 page_address;
	__u32 entries;
	__u32 reserved;
};

/**
 * struct peek - what a debugger does, on kernels that do not let it
 * @address: in the mapping of a region
 * @buffer: to read to or to write from
 * @bytes: how many
 * @write: 1: it writes
 *
 * The result is that of the mapping's access().
 */
struct peek {
	__u64 address;
	__u64 buffer;
	__u32 bytes;
	__u32 write;
};

#endif
