/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * memmgr: functions for other kernel modules.
 *
 * A driver gets a heap by name at probe time and allocates from it in any
 * context. Its blocks have no record: they count as held by kernel code
 * (struct memmgr_stats.kernel_live), never move and are not shown to users.
 *
 * Unless stated otherwise, a function may be called from any context, hard
 * interrupts included; it never sleeps and never calls the system allocator. It
 * holds one raw spinlock with interrupts off, for a time that does not depend
 * on the size of the region or the number of live blocks. (A slab heap that
 * grows takes the lock of heap main inside its own.)
 */
#ifndef _LINUX_MEMMGR_H
#define _LINUX_MEMMGR_H

#include <linux/types.h>
#include <uapi/linux/memmgr.h>

struct memmgr_heap;

/*
 * Flags of memmgr_alloc(). They share no bit with a gfp_t, so that GFP_KERNEL or
 * __GFP_ZERO passed by mistake is refused and never misread.
 */
#define MEMMGR_KALLOC_ZERO		(1u << 30)	/* clear the block */
#define MEMMGR_KALLOC_NO_FALLBACK	(1u << 31)	/* try this heap only */

struct memmgr_heap *memmgr_heap_get(const char *name);
void memmgr_heap_put(struct memmgr_heap *heap);

void *memmgr_alloc(struct memmgr_heap *heap, size_t bytes, size_t align,
		   unsigned int flags);
int memmgr_free(struct memmgr_heap *heap, void *ptr);

/* As kmem_cache_alloc_bulk(): all or nothing. In a stack heap the last block is the top. */
size_t memmgr_alloc_bulk(struct memmgr_heap *heap, size_t bytes, unsigned int flags,
			 size_t count, void **blocks);
int memmgr_free_bulk(struct memmgr_heap *heap, size_t count, void **blocks);

void *memmgr_pool_get(struct memmgr_heap *heap);
void *memmgr_pool_get_timeout(struct memmgr_heap *heap, unsigned long timeout);
int memmgr_pool_put(struct memmgr_heap *heap, void *ptr);

int memmgr_mark(struct memmgr_heap *heap, u64 *mark);
int memmgr_release(struct memmgr_heap *heap, u64 mark);

int memmgr_phys(struct memmgr_heap *heap, const void *ptr, phys_addr_t *phys);
void memmgr_heap_stats(struct memmgr_heap *heap, struct memmgr_stats *stats);
enum memmgr_kind memmgr_heap_kind(const struct memmgr_heap *heap);

#endif /* _LINUX_MEMMGR_H */
