/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The slow path of a driver's calls, used while the heap is watched. */
#ifndef MEMMGR_DEBUG_DRIVER_H
#define MEMMGR_DEBUG_DRIVER_H

#include <linux/types.h>
#include <uapi/linux/memmgr.h>

#include "core/engine.h"
#include "debug/track.h"

struct memmgr_heap;
struct region;

/*
 * Alignment and flags share one word, because a fifth argument would cost every caller. The
 * word is the last one, as flags are for memmgr_alloc(), and so needs no other register.
 */
#define HOW_ALIGN	0xffu	/* fls() of the alignment */

/**
 * struct freeing - one free of kernel code in a watched heap
 * @ptr: the pointer that is freed
 * @was: what is known of the block; if time_ns is 0, only its place
 * @block: the block that was freed
 * @site: site of the call, if errors are looked for
 * @caller: address of the call
 */
struct freeing {
	void *ptr;
	struct track_block was;
	struct engine_block block;
	u32 site;
	unsigned long caller;
};

u32 block_site(struct region *region, unsigned long caller);
void track_ptr(struct memmgr_heap *heap, const void *ptr, size_t bytes,
	       unsigned long caller);
void alloc_watch(struct memmgr_heap *heap, const void *ptr, size_t bytes,
		 size_t align, u64 start, unsigned long caller);
bool alloc_injected(struct memmgr_heap *heap, size_t bytes, size_t align);
void *guard_block(struct memmgr_heap *heap, void *ptr, size_t bytes, size_t align,
		  unsigned int flags, unsigned long caller);
void *alloc_looked_at(struct memmgr_heap *heap, size_t bytes, unsigned long caller,
		      unsigned int how);
int free_looked_at(struct memmgr_heap *heap, void *ptr, unsigned long caller);

#endif /* MEMMGR_DEBUG_DRIVER_H */
