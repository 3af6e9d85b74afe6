/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Marks of stack heaps, and releasing everything above a mark. */
#ifndef MEMMGR_HEAP_MARKS_H
#define MEMMGR_HEAP_MARKS_H

#include <linux/types.h>
#include <uapi/linux/memmgr.h>

struct client;
struct memmgr_heap;

int heap_stack_mark(struct memmgr_heap *heap, u64 *mark);
int heap_stack_release(struct memmgr_heap *heap, struct client *client, u64 mark,
		       u32 *released);
bool heap_stack_has_records(struct memmgr_heap *heap, u32 depth, unsigned long *flags);

#endif /* MEMMGR_HEAP_MARKS_H */
