/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Compaction: planning moves and carrying them out. */
#ifndef MEMMGR_COMPACT_H
#define MEMMGR_COMPACT_H

#include <linux/errno.h>
#include <linux/types.h>
#include <uapi/linux/memmgr.h>

struct compaction;
struct engine_refusal;
struct memmgr_heap;
struct region;

#define SHOW_OBJECTS	12u	/* records to read while the lock is held */

/**
 * struct heap_object - copy of a record of a slab heap, made under the lock
 * @index: index of the record
 * @slab: number of the slab that the object is in
 * @offset: offset of the object
 * @bytes: granted bytes
 * @seq: number of the allocation
 * @fixed: enum memmgr_fixed
 */
struct heap_object {
	u32 index;
	u32 slab;
	u64 offset;
	u64 bytes;
	u64 seq;
	u32 fixed;
};

/**
 * struct compact_slices - a compaction of main that its owner does in several calls
 * @moved: bytes moved since the last event that reported them
 * @largest: longest free run after the last move
 *
 * The owner makes the calls, and ends the compaction when there will be no more calls.
 * move_state.compact_mutex guards it while other calls are possible.
 */
struct compact_slices {
	u64 moved;
	u64 largest;
};

#if IS_ENABLED(CONFIG_MEMMGR_MOVE)
int compact_heap(struct memmgr_heap *heap, struct memmgr_compact *out,
		 struct compact_slices *slices);
void compact_slices_end(struct region *region, struct compact_slices *slices);
bool compact_may_help(const struct memmgr_heap *heap, u64 align,
		      const struct engine_refusal *why);
int compact_for(struct memmgr_heap *heap, u64 bytes, u64 align,
		struct engine_refusal *why);
#else
static inline int compact_heap(struct memmgr_heap *heap, struct memmgr_compact *out,
			       struct compact_slices *slices)
{
	return -EOPNOTSUPP;
}

static inline void compact_slices_end(struct region *region, struct compact_slices *slices)
{
}

static inline bool compact_may_help(const struct memmgr_heap *heap, u64 align,
				    const struct engine_refusal *why)
{
	return false;
}

static inline int compact_for(struct memmgr_heap *heap, u64 bytes, u64 align,
			      struct engine_refusal *why)
{
	return -EOPNOTSUPP;
}
#endif

void compaction_free(struct compaction *c);
struct compaction *compaction_alloc(const struct memmgr_heap *heap, bool moves, u64 slide);
void wanted_run(const struct memmgr_heap *heap, u64 bytes, u64 align, u32 *n, u32 *granule);
void tally_fixed(const struct compaction *c, u32 free, u32 shift, u64 *bytes);

#endif /* MEMMGR_COMPACT_H */
