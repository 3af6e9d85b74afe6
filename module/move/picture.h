/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The picture of a heap that a plan of moves is made of. */
#ifndef MEMMGR_MOVE_PICTURE_H
#define MEMMGR_MOVE_PICTURE_H

#include <linux/types.h>
#include <uapi/linux/memmgr.h>

#include "core/plan.h"

struct memmgr_heap;

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

u32 compact_skips(const struct compaction *c, u32 index);
void heap_show(struct memmgr_heap *heap, struct compaction *c);

#endif /* MEMMGR_MOVE_PICTURE_H */
