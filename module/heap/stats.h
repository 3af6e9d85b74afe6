/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Figures, descriptions and checks of a heap. */
#ifndef MEMMGR_HEAP_STATS_H
#define MEMMGR_HEAP_STATS_H

#include <linux/types.h>
#include <uapi/linux/memmgr.h>

struct client;
struct engine_block;
struct memmgr_heap;
struct region;

u32 heap_kernel_live(struct memmgr_heap *heap);
u64 heap_capacity(const struct memmgr_heap *heap);
int heap_info(struct memmgr_heap *heap, struct client *client, u64 handle,
	      struct memmgr_info *info);
bool heap_info_next(struct memmgr_heap *heap, struct client *client,
		    u32 *index, struct memmgr_info *info);
void heap_stats(struct memmgr_heap *heap, struct memmgr_stats *stats);
void heap_frag(struct memmgr_heap *heap, struct memmgr_frag *frag);
int heap_check(struct memmgr_heap *heap, struct memmgr_check *check);
u64 region_cost(struct region *region);
void heap_query(struct memmgr_heap *heap, struct client *client,
		struct memmgr_heap_query *query);
bool heap_next_block(struct memmgr_heap *heap, u64 *pos,
		     struct engine_block *block);
u32 heap_owner(struct region *region, u64 place);
u32 heap_picture(struct region *region, struct memmgr_cell *cells, u32 count,
		 u64 *cell_bytes);
u32 heap_count(struct region *region);

#endif /* MEMMGR_HEAP_STATS_H */
