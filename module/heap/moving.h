/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Calls that meet a moving allocation: they wait for the move, end it or help to complete it. */
#ifndef MEMMGR_HEAP_MOVING_H
#define MEMMGR_HEAP_MOVING_H

#include <linux/types.h>
#include <uapi/linux/memmgr.h>

struct memmgr_heap;
struct region;

void heap_move_touched(struct memmgr_heap *heap, unsigned long offset);
int heap_wait_unmapped(struct region *region);
void heap_help_move(struct memmgr_heap *heap, u64 handle, unsigned long upto);
void move_over(struct memmgr_heap *heap);
bool move_called_off(struct memmgr_heap *heap);
bool move_arrived(struct memmgr_heap *heap);

#endif /* MEMMGR_HEAP_MOVING_H */
