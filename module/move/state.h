/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What a region keeps for move/: files below know only that there is a pointer. */
#ifndef MEMMGR_MOVE_STATE_H
#define MEMMGR_MOVE_STATE_H

#include <linux/mutex.h>
#include <linux/types.h>

#include "move/health.h"

struct region;

/**
 * struct compact_total - totals of a region
 * @runs: compactions that moved something
 * @moves: blocks moved
 * @moved: bytes moved
 * @longest_ns: duration of the longest step
 */
struct compact_total {
	u64 runs;
	u64 moves;
	u64 moved;
	u64 longest_ns;
};

/**
 * struct move_state - compaction and health of a region
 * @compact_mutex: allows one compaction at a time; guards @compacted
 * @compacted: totals of compaction
 * @health: thresholds and the worker
 */
struct move_state {
	struct mutex compact_mutex;	/* compaction */
	struct compact_total compacted;
	struct health health;
};

#if IS_ENABLED(CONFIG_MEMMGR_MOVE)
int move_state_init(struct region *region);
#else
static inline int move_state_init(struct region *region)
{
	return 0;
}

#endif

/* The totals of compaction. Context: process, sleeps while a compaction is under way. */
static inline struct compact_total move_state_total(struct move_state *moving)
{
	struct compact_total total = { 0 };

	if (!IS_ENABLED(CONFIG_MEMMGR_MOVE))
		return total;
	mutex_lock(&moving->compact_mutex);
	total = moving->compacted;
	mutex_unlock(&moving->compact_mutex);
	return total;
}

#endif /* MEMMGR_MOVE_STATE_H */
