/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Places at which a test can stop a call: debugfs <region>/hold, in builds with DEBUG. */
#ifndef MEMMGR_HOLD_H
#define MEMMGR_HOLD_H

#include <linux/types.h>

struct region;

struct seq_file;

enum hold_step {
	HOLD_SEEN,	/* a picture shows the blocks of a heap, but not yet their records */
	HOLD_TAKEN,	/* a move has begun; unless it slides, its new place is reserved */
	HOLD_UNMAPS,	/* the mappings of the moving allocation are about to be removed */
	HOLD_ZAPPED,	/* the mappings of the moving allocation have been removed */
	HOLD_COPIED,	/* the copy is complete, the record is unchanged; slide: after a step */
	HOLD_SWITCHED,	/* the move is done, and the old place is free */
	HOLD_TRIMMED,	/* an empty slab is unmapped, and about to be given back */
	HOLD_DESTROYING, /* a heap was found idle, and takes no more requests */
	HOLD_CLOSING,	/* a closing client knows its next allocation, but has not locked it */
	HOLD_COUNTED,	/* an allocation is freed, and its pages were checked for I/O */
	HOLD_BATCHED,	/* an allocation of a batch is made, and the next is not begun */
	HOLD_MADE,	/* a call has made what it can unmake, and has not answered */
	HOLD_MAKING,	/* a new heap has its slot and its memory, which is not yet cleared */
	HOLD_CHECKING,	/* a check of a heap has seen a part of its engine */
	HOLD_CHECKED,	/* a check of a heap has seen all of its engine, and all records */
	HOLD_STEPS,
};

/**
 * struct hold - the steps at which calls in a region stop
 * @armed: BIT() of each armed enum hold_step
 * @waiting: the armed steps at which a call is stopped
 */
struct hold {
	unsigned long armed;
	unsigned long waiting;
};

/*
 * Stop here if a test wants it, see hold_wait(). When no test does, this reads one word.
 * It is a macro because struct region contains struct hold.
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
