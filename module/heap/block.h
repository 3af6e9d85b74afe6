/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Blocks of kernel code: allocation in any engine, the fallback, and waking waiters. */
#ifndef MEMMGR_HEAP_BLOCK_H
#define MEMMGR_HEAP_BLOCK_H

#include <linux/types.h>

#include <linux/memmgr.h>

struct engine_refusal;

/* The flags that memmgr_alloc() takes. */
#define KALLOC_FLAGS	(MEMMGR_KALLOC_ZERO | MEMMGR_KALLOC_NO_FALLBACK)

bool heap_offset(const struct memmgr_heap *heap, const void *ptr, u64 *offset);
void *heap_pointer(const struct memmgr_heap *heap, u64 offset);
void *alloc_any(struct memmgr_heap *heap, size_t bytes, size_t align, bool recorded,
		struct engine_refusal *why);
void *alloc_slow(struct memmgr_heap *heap, size_t bytes, size_t align,
		 unsigned int alloc_flags);
void *pool_refused(struct memmgr_heap *heap, unsigned long flags) __releases(&heap->lock);
int free_any(struct memmgr_heap *heap, u64 offset);
int free_slow(struct memmgr_heap *heap, void *ptr, int err);
int block_free(struct memmgr_heap *heap, void *ptr);
int free_odd(struct memmgr_heap *heap, void *ptr, unsigned long flags)
	__releases(&heap->lock);
int free_wake(struct memmgr_heap *heap, void *ptr, int err, unsigned long flags)
	__releases(&heap->lock);

#endif /* MEMMGR_HEAP_BLOCK_H */
