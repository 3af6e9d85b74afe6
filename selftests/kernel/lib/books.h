/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The books of a whole region at one moment, and its health. */
#ifndef MEMMGR_BOOKS_H
#define MEMMGR_BOOKS_H

#include <stdbool.h>

#include <linux/memmgr.h>

struct snapshot {
	__u32 heaps;
	struct memmgr_stats stats[MEMMGR_MAX_HEAPS];
};

/* Takes the books of every heap, and lets each heap check itself. */
int snapshot_take(int fd, struct snapshot *s);

bool snapshot_equal(const struct snapshot *a, const struct snapshot *b);

/* Equal apart from event counters; says where they differ. */
bool snapshot_same_state(const struct snapshot *before, const struct snapshot *after);

__u64 snapshot_refused(const struct snapshot *s);

/*
 * Waits until the state is what it was: a process that was killed gives its
 * file back a little after its parent was told.
 */
bool state_returns(int fd, const struct snapshot *before);

/*
 * From now on the region does not compact itself: a move changes places, and counts both of
 * them as used until it ends.
 */
int quiet_health(int fd);

int restore_health(int fd);

/* The account of the client itself. */
struct memmgr_account own_account(int fd);

#endif /* MEMMGR_BOOKS_H */
