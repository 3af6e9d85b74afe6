/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Finding an allocation by its handle, and waiting while it moves. */
#ifndef MEMMGR_HEAP_USE_H
#define MEMMGR_HEAP_USE_H

#include <linux/types.h>
#include <uapi/linux/memmgr.h>

struct memmgr_heap;
struct record;
struct viewer;

struct record *heap_use(struct memmgr_heap *heap, const struct viewer *viewer,
			u64 handle, bool alone, unsigned long *flags)
	__acquires(&heap->lock);
unsigned long heap_lock_unmoved(struct memmgr_heap *heap, u64 handle)
	__acquires(&heap->lock);

#endif /* MEMMGR_HEAP_USE_H */
