/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Places at which a test can stop a call: debugfs <region>/hold, in builds with DEBUG. */
#ifndef MEMMGR_REGION_STOP_H
#define MEMMGR_REGION_STOP_H

#include <linux/types.h>
#include <linux/wait.h>

struct region;

struct seq_file;

enum stop_step {
	STOP_SEEN,	/* a picture shows the blocks of a heap, but not yet their records */
	STOP_TAKEN,	/* a move has begun; unless it slides, its new place is reserved */
	STOP_UNMAPS,	/* the mappings of the moving allocation are about to be removed */
	STOP_ZAPPED,	/* the mappings of the moving allocation have been removed */
	STOP_COPIED,	/* the copy is complete, the record is unchanged; slide: after a step */
	STOP_SWITCHED,	/* the move is done, and the old place is free */
	STOP_TRIMMED,	/* an empty slab is unmapped, and about to be given back */
	STOP_DESTROYING, /* a heap was found idle, and takes no more requests */
	STOP_CLOSING,	/* a closing client knows its next allocation, but has not locked it */
	STOP_COUNTED,	/* an allocation is freed, and its pages were checked for I/O */
	STOP_BATCHED,	/* an allocation of a batch is made, and the next is not begun */
	STOP_MADE,	/* a call has made what it can unmake, and has not answered */
	STOP_MAKING,	/* a new heap has its slot and its memory, which is not yet cleared */
	STOP_CHECKING,	/* a check of a heap has seen a part of its engine */
	STOP_CHECKED,	/* a check of a heap has seen all of its engine, and all records */
	STOP_STEPS,
};

/**
 * struct stop - the steps at which calls in a region stop
 * @wait: queue of the calls that stop
 * @armed: BIT() of each armed enum stop_step
 * @waiting: the armed steps at which a call is stopped
 */
struct stop {
	wait_queue_head_t wait;
	unsigned long armed;
	unsigned long waiting;
};

/*
 * Stop here if a test wants it, see stop_wait(). When no test does, this reads one word.
 * It is a macro because struct region contains struct stop.
 */
#if IS_ENABLED(CONFIG_MEMMGR_DEBUG)
#define stop_here(region, step)					\
do {								\
	if (unlikely(READ_ONCE((region)->stop.armed)))		\
		stop_wait(region, step);			\
} while (0)

/* Does a test stop calls? Then a call does its work in the smallest steps, one by one. */
#define stop_armed(region)	READ_ONCE((region)->stop.armed)

void stop_wait(struct region *region, u32 step);
int stop_set(struct region *region, const char *word);
void stop_print(struct seq_file *m, const struct region *region);
void stop_end(struct region *region);
#else
#define stop_here(region, step) do { } while (0)
#define stop_armed(region)	false
static inline void stop_end(struct region *region) { }
#endif

#endif /* MEMMGR_REGION_STOP_H */
