/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The picture of a heap, from which moves are planned. */
#ifndef MEMMGR_MOVE_PICTURE_H
#define MEMMGR_MOVE_PICTURE_H

#include <linux/types.h>
#include <uapi/linux/memmgr.h>

#include "core/plan.h"

struct memmgr_heap;

#define COMPACT_SKIPS		16u	/* busy allocations to skip in one compaction */

/**
 * struct move_pace - step size and limits of a compaction
 * @step: largest number of bytes that one step copies
 * @max_bytes: number of moved bytes after which no move begins
 * @end: time after which no move begins
 * @clock: time at which the last step ended
 * @stayed: enum memmgr_fixed: why the last busy allocation stayed
 */
struct move_pace {
	u64 step;
	u64 max_bytes;
	u64 end;
	u64 clock;
	u32 stayed;
};

/**
 * struct compaction - one compaction of a heap of granules
 * @plan: the picture and the moves
 * @record: by granule: index of the record of the movable block that starts there
 * @movable: granules of blocks that may move
 * @fixed: granules of blocks that may not, by enum memmgr_fixed
 * @skip: records that I/O was found to hold, or that were in use all the time
 * @skip_why: enum memmgr_fixed of each
 * @skips: number of these records
 * @torn: the heap changed while the picture was taken
 * @seq: number of the last allocation before the picture was taken
 * @pace: step size and limits
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
 * struct heap_route - the two places of a move
 * @from: offset in the heap
 * @to: offset in the heap; in a slab heap it is chosen by the move
 * @bytes: granted bytes
 * @seq: number of the last allocation that the plan can have seen. A later allocation at
 *	@from has replaced the one that was to move
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
