/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Guards: allocations that lie beside unmapped pages. */
#ifndef MEMMGR_GUARDS_H
#define MEMMGR_GUARDS_H

#include <linux/types.h>
#include <uapi/linux/memmgr.h>

struct guard_slot;
struct memmgr_heap;

#define GUARD_USUAL	100u	/* default interval */

#if IS_ENABLED(CONFIG_MEMMGR_DEBUG)
int guards_set(struct memmgr_heap *heap, u32 interval);
void guards_describe(struct memmgr_heap *heap, struct memmgr_debug *d);
void guards_free(struct memmgr_heap *heap);
bool guards_room(struct memmgr_heap *heap, u64 bytes, u64 align, u32 *lead, u32 *tail);
void guards_planned(struct memmgr_heap *heap, bool shifted);
void guards_gone(struct memmgr_heap *heap);
struct guard_slot *guards_take(struct memmgr_heap *heap, size_t bytes, size_t align);
void *guards_begin(struct memmgr_heap *heap, struct guard_slot *slot, void *block,
		   u32 site);
bool guards_have(const struct memmgr_heap *heap, const void *ptr);
struct guard_slot *guards_end(struct memmgr_heap *heap, void *ptr, u32 site);
void guards_ended(struct memmgr_heap *heap, struct guard_slot *slot, int err);
void guards_release(struct memmgr_heap *heap, const void *from, u32 site);
bool guards_place(const struct memmgr_heap *heap, const void *ptr, u64 *place);
#else
static inline void guards_free(struct memmgr_heap *heap)
{
}

static inline bool guards_room(struct memmgr_heap *heap, u64 bytes, u64 align, u32 *lead,
			       u32 *tail)
{
	return false;
}

static inline void guards_planned(struct memmgr_heap *heap, bool shifted)
{
}

static inline void guards_gone(struct memmgr_heap *heap)
{
}

static inline struct guard_slot *guards_take(struct memmgr_heap *heap, size_t bytes,
					     size_t align)
{
	return NULL;
}

static inline void *guards_begin(struct memmgr_heap *heap, struct guard_slot *slot,
				 void *block, u32 site)
{
	return block;
}

static inline bool guards_have(const struct memmgr_heap *heap, const void *ptr)
{
	return false;
}

static inline struct guard_slot *guards_end(struct memmgr_heap *heap, void *ptr, u32 site)
{
	return NULL;
}

static inline void guards_ended(struct memmgr_heap *heap, struct guard_slot *slot, int err)
{
}

static inline void guards_release(struct memmgr_heap *heap, const void *from, u32 site)
{
}

static inline bool guards_place(const struct memmgr_heap *heap, const void *ptr, u64 *place)
{
	return false;
}
#endif

#endif /* MEMMGR_GUARDS_H */
