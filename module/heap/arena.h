/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The memory of a heap: taking it from main, clearing it, giving it back. */
#ifndef MEMMGR_HEAP_ARENA_H
#define MEMMGR_HEAP_ARENA_H

#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/types.h>
#include <linux/vmalloc.h>
#include <uapi/linux/memmgr.h>

struct engine_refusal;
struct heap_shape;
struct memmgr_heap;
struct region;

/* A user chooses the size, so charge it to his account, and do not warn if it is too large. */
#define HEAP_GFP	(GFP_KERNEL_ACCOUNT | __GFP_NOWARN | __GFP_ZERO)
/* Memory of the system for a heap that serves many users, whichever of them asked first. */
#define LATE_GFP	(GFP_KERNEL | __GFP_NOWARN | __GFP_ZERO)
#define SETUP_STEP	1024u	/* records to set up between two pauses */

/* Bytes that kmalloc() or vmalloc() uses for a size. */
static inline u64 system_bytes(u64 bytes)
{
	return bytes > PAGE_SIZE ? PAGE_ALIGN(bytes) : roundup_pow_of_two(bytes);
}

/* Not kvmalloc(), which may use twice the requested size. kvfree() frees it. May sleep. */
static inline void *books_alloc(u64 bytes, gfp_t gfp)
{
	if (bytes > SIZE_MAX / 2)
		return NULL;
	return bytes > PAGE_SIZE ? __vmalloc(bytes, gfp) : kmalloc(bytes, gfp);
}

int heap_main_take(const struct region *region, u64 bytes, u64 align, u64 *place,
		   struct engine_refusal *why);
void heap_main_give(struct region *region, u64 place);
bool arena_in_io(struct memmgr_heap *heap);
u64 plan_cost(const struct heap_shape *plan);
u64 heap_cost(struct memmgr_heap *heap);
int heap_alloc_memory(struct memmgr_heap *heap, const struct heap_shape *plan);
void arena_give_back(struct memmgr_heap *heap);
int heap_init_engine(struct memmgr_heap *heap, const struct heap_shape *plan,
		     const struct memmgr_heap_create *c, struct engine_refusal *why);

#endif /* MEMMGR_HEAP_ARENA_H */
