/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Allocations that are exported as dma-bufs. */
#ifndef MEMMGR_HEAP_EXPORT_H
#define MEMMGR_HEAP_EXPORT_H

#include <linux/types.h>
#include <uapi/linux/memmgr.h>

struct client;
struct heap_view;
struct memmgr_heap;

/**
 * struct heap_export - an allocation that a dma-buf shows
 * @heap: its heap; holds a reference
 * @handle: handle that it had when it was exported
 * @place: its offset in the region
 * @bytes: its size, whole pages
 * @writable: it may be written through this dma-buf
 */
struct heap_export {
	struct memmgr_heap *heap;
	u64 handle;
	u64 place;
	u64 bytes;
	bool writable;
};

int heap_export_begin(struct memmgr_heap *heap, struct client *client, u64 handle,
		      bool read_only, struct heap_export *export);
void heap_export_end(struct heap_export *export);
int heap_export_use(const struct heap_export *export, u32 access, bool ask);
void heap_export_unuse(const struct heap_export *export, u32 access);
void heap_map_export(const struct heap_export *export, struct heap_view *view);

#endif /* MEMMGR_HEAP_EXPORT_H */
