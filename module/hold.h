/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* A place for tests to stop a compaction at: debugfs <region>/hold, in builds with DEBUG. */
#ifndef MEMMGR_HOLD_H
#define MEMMGR_HOLD_H

#include <linux/types.h>

struct region;

enum hold_step {
	HOLD_NONE,
	HOLD_SEEN,	/* what is in use is known, but not yet by whom */
	HOLD_TAKEN,	/* the new place is reserved */
	HOLD_ZAPPED,	/* nothing is mapped any more */
	HOLD_COPIED,	/* it is at the new place, but nobody knows */
	HOLD_SWITCHED,	/* the old place is free */
	HOLD_STEPS,
};

/**
 * struct hold - where the next compaction of a region stops
 * @step: enum hold_step
 * @waiting: one is stopped there
 */
struct hold {
	u32 step;
	bool waiting;
};

#if IS_ENABLED(CONFIG_MEMMGR_DEBUG)
void hold_here(struct region *region, u32 step);
int hold_set(struct region *region, const char *word);
const char *hold_word(u32 step);
#else
static inline void hold_here(struct region *region, u32 step) { }
#endif

#endif /* MEMMGR_HOLD_H */
