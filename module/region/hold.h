/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Places for tests to stop a call at: debugfs <region>/hold, in builds with DEBUG. */
#ifndef MEMMGR_HOLD_H
#define MEMMGR_HOLD_H

#include <linux/types.h>

struct region;

struct seq_file;

enum hold_step {
	HOLD_SEEN,	/* what is in use is known, but not yet by whom */
	HOLD_TAKEN,	/* the move has begun; the new place is reserved, but for a slide */
	HOLD_UNMAPS,	/* its mappings are about to be taken away */
	HOLD_ZAPPED,	/* nothing is mapped any more */
	HOLD_COPIED,	/* it is at the new place, but nobody knows; of a slide: a step is */
	HOLD_SWITCHED,	/* the old place is free */
	HOLD_TRIMMED,	/* an empty slab is mapped no more, and about to go back */
	HOLD_DESTROYING, /* a heap was found idle, and takes no more requests */
	HOLD_CLOSING,	/* a client goes: its next allocation is known, but not locked */
	HOLD_COUNTED,	/* it is freed, and I/O was looked for */
	HOLD_BATCHED,	/* an allocation of a batch is made, and the next is not begun */
	HOLD_MADE,	/* a call has made what it can unmake, and has not answered */
	HOLD_MAKING,	/* a new heap has its slot and its memory, which is not yet cleared */
	HOLD_CHECKING,	/* a check of a heap has seen a part of its engine */
	HOLD_CHECKED,	/* it has seen all of it, and all records */
	HOLD_STEPS,
};

/**
 * struct hold - where the next call in a region stops
 * @armed: BIT() of each enum hold_step
 * @waiting: of these, where one is stopped
 */
struct hold {
	unsigned long armed;
	unsigned long waiting;
};

/*
 * Stop here if a test wants that: see hold_wait(). A look at one word, when no test does.
 * A macro, because struct region has a struct hold.
 */
#if IS_ENABLED(CONFIG_MEMMGR_DEBUG)
#define hold_here(region, step)					\
do {								\
	if (unlikely(READ_ONCE((region)->hold.armed)))		\
		hold_wait(region, step);			\
} while (0)

void hold_wait(struct region *region, u32 step);
int hold_set(struct region *region, const char *word);
void hold_print(struct seq_file *m, const struct region *region);
void hold_end(struct region *region);
#else
#define hold_here(region, step) do { } while (0)
static inline void hold_end(struct region *region) { }
#endif

#endif /* MEMMGR_HOLD_H */
