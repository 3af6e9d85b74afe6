/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The memory of slab heaps, which grow: slabs are taken from main, given back, trimmed. */
#ifndef MEMMGR_HEAP_GROW_H
#define MEMMGR_HEAP_GROW_H

#include <linux/kconfig.h>
#include <linux/types.h>
#include <uapi/linux/memmgr.h>

struct engine_refusal;
struct heap_shape;
struct memmgr_heap;
struct region;
struct slab_layout;

u32 slabs_most(u64 bytes, u32 shift);
size_t slabs_meta_size(const struct slab_layout *layout);
int slabs_open(struct memmgr_heap *heap);
int slabs_init(struct memmgr_heap *heap, const struct heap_shape *plan,
	       const struct memmgr_heap_create *c, struct engine_refusal *why);
void slabs_give_back(struct memmgr_heap *heap);
bool slabs_in_io(struct memmgr_heap *heap);
#if IS_ENABLED(CONFIG_MEMMGR_SLAB)
void heap_trim(struct memmgr_heap *heap);
void slab_map_free(struct region *region);
#else
static inline void heap_trim(struct memmgr_heap *heap)
{
}

static inline void slab_map_free(struct region *region)
{
}
#endif

#endif /* MEMMGR_HEAP_GROW_H */
