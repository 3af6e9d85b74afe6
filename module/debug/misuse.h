/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Reports wrong frees, handles and accesses. */
#ifndef MEMMGR_DEBUG_MISUSE_H
#define MEMMGR_DEBUG_MISUSE_H

#include <linux/types.h>
#include <uapi/linux/memmgr.h>

struct client;
struct heap_view;
struct memmgr_heap;

#if IS_ENABLED(CONFIG_MEMMGR_DEBUG)
void heap_report_free(struct memmgr_heap *heap, u64 place, int err, u32 site);
void heap_report_handle(struct memmgr_heap *heap, const struct client *client, u64 handle,
			int err, bool free);
void heap_report_fault(struct memmgr_heap *heap, const struct heap_view *view, u64 offset);
#else
static inline void heap_report_free(struct memmgr_heap *heap, u64 place, int err, u32 site)
{
}

static inline void heap_report_handle(struct memmgr_heap *heap, const struct client *client,
				      u64 handle, int err, bool free)
{
}

static inline void heap_report_fault(struct memmgr_heap *heap, const struct heap_view *view,
				     u64 offset)
{
}
#endif

#endif /* MEMMGR_DEBUG_MISUSE_H */
