/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Red zones beside allocations. */
#ifndef MEMMGR_ZONES_H
#define MEMMGR_ZONES_H

#include <linux/spinlock.h>
#include <linux/types.h>
#include <uapi/linux/memmgr.h>

struct memmgr_heap;
struct record;
struct record_copy;
struct track_block;

#define ZONE_USUAL	64u	/* default bytes of a zone */

/**
 * struct zones - the red zones of a heap; guarded by its lock
 * @bytes: size of a zone of new allocations
 * @unzoned: allocations without room for both zones
 */
struct zones {
	u32 bytes;
	u64 unzoned;
};

/* Called only after debug_is_on(). Without DEBUG the compiler drops these calls. */
void zones_paint_block(struct memmgr_heap *heap, const struct track_block *block);
u32 zones_check_block(struct memmgr_heap *heap, const struct track_block *block);

#if IS_ENABLED(CONFIG_MEMMGR_DEBUG)
void zones_room(struct memmgr_heap *heap, u64 bytes, u64 align, u32 *lead, u32 *tail);
void zones_paint(struct memmgr_heap *heap, const struct record_copy *seen);
void zones_check(struct memmgr_heap *heap, const struct record_copy *seen);
u32 zones_check_shared(struct memmgr_heap *heap, raw_spinlock_t *lock,
		       const struct record *record, const struct track_block *block,
		       u64 *place);
u32 zones_check_records(struct memmgr_heap *heap, u64 *place);
#else
static inline void zones_room(struct memmgr_heap *heap, u64 bytes, u64 align, u32 *lead,
			      u32 *tail)
{
}

static inline void zones_paint(struct memmgr_heap *heap, const struct record_copy *seen)
{
}

static inline void zones_check(struct memmgr_heap *heap, const struct record_copy *seen)
{
}

static inline u32 zones_check_shared(struct memmgr_heap *heap, raw_spinlock_t *lock,
				     const struct record *record,
				     const struct track_block *block, u64 *place)
{
	return 0;
}
#endif

#endif /* MEMMGR_ZONES_H */
