/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * memmgr: what other kernel modules may call.
 *
 * A driver gets a heap by name at probe time and allocates from it in any
 * context. Blocks have no record: they are counted as held by kernel code
 * (struct memmgr_stats.kernel_live), never move and are not shown to users.
 *
 * Unless a function says otherwise it may be called from any context, hard
 * interrupts included, never sleeps, never calls the system allocator, and
 * holds one raw spinlock with interrupts off for a time that does not depend
 * on the size of the region or the number of live blocks. (A slab heap that
 * grows takes the lock of heap main inside its own.)
 */
#ifndef _LINUX_MEMMGR_H
#define _LINUX_MEMMGR_H

#include <linux/types.h>
#include <uapi/linux/memmgr.h>

struct memmgr_heap;

/*
 * Flags of memmgr_alloc(). No bit of a gfp_t has their values, so that GFP_KERNEL or
 * __GFP_ZERO given by mistake is refused, and never taken for something else.
 */
#define MEMMGR_KALLOC_ZERO		(1u << 30)	/* clear it first */
#define MEMMGR_KALLOC_NO_FALLBACK	(1u << 31)	/* this heap or nothing */

struct memmgr_heap *memmgr_heap_get(const char *name);
void memmgr_heap_put(struct memmgr_heap *heap);

void *memmgr_alloc(struct memmgr_heap *heap, size_t bytes, size_t align,
		   unsigned int flags);
int memmgr_free(struct memmgr_heap *heap, void *ptr);

void *memmgr_pool_get(struct memmgr_heap *heap);
void *memmgr_pool_get_timeout(struct memmgr_heap *heap, unsigned long timeout);
int memmgr_pool_put(struct memmgr_heap *heap, void *ptr);

int memmgr_mark(struct memmgr_heap *heap, u64 *mark);
int memmgr_release(struct memmgr_heap *heap, u64 mark);

int memmgr_phys(struct memmgr_heap *heap, const void *ptr, phys_addr_t *phys);
void memmgr_heap_stats(struct memmgr_heap *heap, struct memmgr_stats *stats);
enum memmgr_kind memmgr_heap_kind(const struct memmgr_heap *heap);

#endif /* _LINUX_MEMMGR_H */
