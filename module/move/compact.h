/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Compaction: what is to be moved, and why it would help. */
#ifndef MEMMGR_COMPACT_H
#define MEMMGR_COMPACT_H

#include <linux/types.h>
#include <uapi/linux/memmgr.h>

#include "core/engine.h"
#include "core/plan.h"

struct memmgr_heap;
struct region;

#define COMPACT_SKIPS		16u	/* busy allocations, before it is given up */

/**
 * struct move_pace - the steps of a compaction, and its end
 * @step: bytes that one copies at most
 * @max_bytes: bytes after which no move begins
 * @end: time after which no move begins
 * @clock: when the last one ended
 * @stayed: enum memmgr_fixed: why the last allocation that was busy stayed
 */
struct move_pace {
	u64 step;
	u64 max_bytes;
	u64 end;
	u64 clock;
	u32 stayed;
};

/**
 * struct compaction - one compaction of a buddy heap
 * @plan: the picture and the moves
 * @record: by granule: of the movable block that starts there
 * @movable: granules of blocks that may move
 * @fixed: granules of those that may not, by enum memmgr_fixed
 * @skip: records that turned out to be held by I/O, or to be touched all the time
 * @skip_why: enum memmgr_fixed
 * @skips: number of these
 * @torn: the heap changed while the picture was taken
 * @seq: number of the last allocation before it was taken
 * @pace: of its steps
 */
struct compaction {
	struct plan plan;
	u32 *record;
	u64 movable;
	u64 fixed[MEMMGR_FIXED_REASONS];
	u32 skip[COMPACT_SKIPS];
	u32 skip_why[COMPACT_SKIPS];
	u32 skips;
	bool torn;
	u64 seq;
	struct move_pace *pace;
};

#define SHOW_OBJECTS	12u	/* to look at with the lock held */

/**
 * struct heap_object - a record of a slab heap, as it is copied out from under the lock
 * @index: of the record
 * @slab: number of the slab that it is in
 * @offset: of the object
 * @bytes: granted
 * @seq: of the allocation
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
 * struct heap_route - from where to where
 * @from: offset in the heap
 * @to: offset in the heap; slab: chosen when it moves
 * @bytes: granted
 * @seq: of the last allocation that the plan can have seen: a later one has taken the
 *	place of what was to move
 * @slide: the two places overlap
 */
struct heap_route {
	u64 from;
	u64 to;
	u64 bytes;
	u64 seq;
	bool slide;
};

/**
 * struct compact_slices - a compaction of main that somebody does call by call
 * @moved: bytes, since the last event that told of it
 * @largest: longest free run after the last of them
 *
 * Whoever calls is its owner, and ends it when there will be no more calls.
 * region.compact_mutex guards it as long as there may be others.
 */
struct compact_slices {
	u64 moved;
	u64 largest;
};

/**
 * struct compact_total - what was done in a region
 * @runs: compactions that moved something
 * @moves: blocks
 * @moved: bytes
 * @longest_ns: the longest step
 */
struct compact_total {
	u64 runs;
	u64 moves;
	u64 moved;
	u64 longest_ns;
};

u32 compact_skips(const struct compaction *c, u32 index);
int compact_heap(struct memmgr_heap *heap, struct memmgr_compact *out,
		 struct compact_slices *slices);
void compact_slices_end(struct region *region, struct compact_slices *slices);
int compact_explain(struct memmgr_heap *heap, struct memmgr_explain *out);
bool compact_may_help(const struct memmgr_heap *heap, u64 align,
		      const struct engine_refusal *why);
int compact_for(struct memmgr_heap *heap, u64 bytes, u64 align,
		struct engine_refusal *why);

#endif /* MEMMGR_COMPACT_H */
