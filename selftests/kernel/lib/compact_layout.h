/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Where everything lies in a buddy heap, from LIST, and by brute force what
 * compaction has to do at the least. Slow and plain on purpose: it judges plans
 * that are neither.
 */
#ifndef MEMMGR_COMPACT_LAYOUT_H
#define MEMMGR_COMPACT_LAYOUT_H

#include <stdbool.h>

#include <linux/memmgr.h>

struct block {
	__u64 handle;
	__u32 at, units;		/* in units of the heap, from its start */
	bool fixed;
};

/* Windows are looked at by these sums over all units before one. */
struct layout {
	__u64 base, unit;		/* in bytes; base in the region */
	__u32 units, count, free;
	struct block *blocks;		/* by address */
	__u32 *owner;			/* of each unit: 1 + number of its block, or 0 */
	__u32 *begun;			/* units of the blocks that begin before */
	__u32 *fixed;			/* fixed units before */
};

#define NEVER	0xffffffffu

void layout_free(struct layout *l);

/* The heap as it is now; what the books do not agree with is EUCLEAN. */
int layout_take(int fd, __u32 heap, struct layout *l);

bool layout_same(const struct layout *a, const struct layout *b);

/* Units that have to move to free a window; NEVER when something in it may not. */
__u32 window_cost(const struct layout *l, __u32 at, __u32 units);

/* A fixed block that only begins in front of the window counts as fixed units, too. */
bool window_is_free(const struct layout *l, __u64 offset, __u64 bytes);

/*
 * The fewest units that have to move so that @units are free in one run at this
 * alignment; they need room outside of it. NEVER: it cannot be.
 */
__u32 least_cost(const struct layout *l, __u32 units, __u64 align);

/* Length of the free run that starts here. */
__u32 run_at(const struct layout *l, __u32 at);

__u32 largest_run(const struct layout *l, __u64 align);

/* The same if all that may move could, in pieces of any size. */
__u32 possible_run(const struct layout *l, __u64 align);

/* The run that there would be without this block. */
__u32 run_without(const struct layout *l, __u32 number);

#endif /* MEMMGR_COMPACT_LAYOUT_H */
