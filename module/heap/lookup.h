/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Finding a heap, and keeping it while it is in use. */
#ifndef MEMMGR_HEAP_LOOKUP_H
#define MEMMGR_HEAP_LOOKUP_H

#include <linux/types.h>
#include <uapi/linux/memmgr.h>

struct engine_refusal;
struct memmgr_heap;
struct region;

void heap_wake_waiters(struct region *region);
struct memmgr_heap *heap_get(struct region *region, u32 id);
struct memmgr_heap *heap_get_named(struct region *region, const char *name);
struct memmgr_heap *heap_get_next(struct region *region, u32 id);
struct memmgr_heap *heap_get_window(struct region *region, u32 window);
void heap_put(struct memmgr_heap *heap);
struct memmgr_heap *heap_keep(struct region *region, const char *name);
void heap_unkeep(struct memmgr_heap *heap);
struct memmgr_heap *heap_get_fallback(struct memmgr_heap *heap);
int heap_take_windows(struct memmgr_heap *heap, struct engine_refusal *why);
struct memmgr_heap *heap_locked(struct region *region, u32 id);
struct memmgr_heap *heap_in_slot(struct region *region, u32 id);
void heap_destruct(struct memmgr_heap *heap);

#endif /* MEMMGR_HEAP_LOOKUP_H */
