/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Resizing allocations in place. */
#ifndef MEMMGR_HEAP_RESIZE_H
#define MEMMGR_HEAP_RESIZE_H

#include <linux/types.h>
#include <uapi/linux/memmgr.h>

struct client;
struct engine_refusal;
struct memmgr_heap;

int heap_resize(struct memmgr_heap *heap, struct client *client, u64 handle,
		u64 bytes, u64 *granted, struct engine_refusal *why);

#endif /* MEMMGR_HEAP_RESIZE_H */
