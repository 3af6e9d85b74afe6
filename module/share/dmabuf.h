/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Allocations as dma-bufs, for devices and other processes. */
#ifndef MEMMGR_DMABUF_H
#define MEMMGR_DMABUF_H

#include <linux/err.h>
#include <linux/types.h>

struct client;
struct memmgr_heap;

struct dma_buf;

#ifdef CONFIG_MEMMGR_DMABUF
struct dma_buf *dmabuf_export(struct memmgr_heap *heap, struct client *client,
			      u64 handle, bool read_only, u32 file_flags);
#else
static inline struct dma_buf *dmabuf_export(struct memmgr_heap *heap,
					    struct client *client, u64 handle,
					    bool read_only, u32 file_flags)
{
	return ERR_PTR(-EOPNOTSUPP);
}
#endif

#endif /* MEMMGR_DMABUF_H */
