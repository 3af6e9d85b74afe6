/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The device under test, as the environment names it, opened by users of each kind. */
#ifndef MEMMGR_DEVICE_H
#define MEMMGR_DEVICE_H

#include <stddef.h>

const char *device_path(void);
int open_device(int mode);

/* A test without a device or without rights says so and ends with 4 (skip). */
void require_device(void);

size_t page_size(void);

/* Opens the device through a node of our own that everybody may open. */
int open_public_node(void);

/* A new client of the node that open_public_node() found, for any user. */
int open_again(int node, int mode);

#endif /* MEMMGR_DEVICE_H */
