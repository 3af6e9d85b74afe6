/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Moves allocations. */
#ifndef MEMMGR_MOVE_MOVER_H
#define MEMMGR_MOVE_MOVER_H

#include <linux/types.h>
#include <uapi/linux/memmgr.h>

struct heap_object;
struct heap_route;
struct memmgr_heap;
struct move_pace;

int heap_relocate(struct memmgr_heap *heap, u32 index, const struct heap_route *route,
		  struct move_pace *pace, struct memmgr_compact *tally);
int heap_compact_begin(struct memmgr_heap *heap);
void heap_compact_end(struct memmgr_heap *heap);
u32 heap_see_objects(struct memmgr_heap *heap, u32 *from, struct heap_object *seen, u32 room);
void compact_pause(void);
bool compact_interrupted(void);
int compact_break(const struct memmgr_compact *out, const struct move_pace *pace);

#endif /* MEMMGR_MOVE_MOVER_H */
