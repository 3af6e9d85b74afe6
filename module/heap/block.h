/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Blocks of kernel code: allocation in any engine, the fallback, and waking waiters. */
#ifndef MEMMGR_HEAP_BLOCK_H
#define MEMMGR_HEAP_BLOCK_H

#include <linux/types.h>
#include <uapi/linux/memmgr.h>

struct engine_refusal;
struct memmgr_heap;

bool heap_offset(const struct memmgr_heap *heap, const void *ptr, u64 *offset);
void *heap_pointer(const struct memmgr_heap *heap, u64 offset);
void *alloc_any(struct memmgr_heap *heap, size_t bytes, size_t align, bool recorded,
		struct engine_refusal *why);
void *alloc_slow(struct memmgr_heap *heap, size_t bytes, size_t align,
		 unsigned int alloc_flags);
int free_any(struct memmgr_heap *heap, u64 offset);
int free_slow(struct memmgr_heap *heap, void *ptr, int err);
int free_wake(struct memmgr_heap *heap, void *ptr, int err, unsigned long flags)
	__releases(&heap->lock);

#endif /* MEMMGR_HEAP_BLOCK_H */
