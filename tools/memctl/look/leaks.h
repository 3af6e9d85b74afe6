/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Allocations that live, by what they have in common; now and in a snapshot. */
#ifndef MEMCTL_LEAKS_H
#define MEMCTL_LEAKS_H

#include <memmgr.h>
#include <stdbool.h>
#include <stdint.h>

#include "memctl.h"

enum leaks_by {
	BY_SITE,
	BY_OWNER,
	BY_TAG,
	BY_SIZE,
	LEAKS_BYS,
};

extern const char *const leaks_by_names[LEAKS_BYS];

/* One allocation; what a snapshot keeps of it. */
struct leak {
	uint64_t bytes;
	uint64_t time_ns;	/* CLOCK_BOOTTIME */
	bool abandoned;		/* persistent, of a process that is gone, in no use */
	char *word[BY_SIZE];	/* what it is grouped by, as people read it */
};

/* The heap of a snapshot and the user that took it: other users see other allocations. */
struct leaks_scope {
	char boot[40];				/* its id, or empty */
	char region[MEMMGR_NAME_LEN + 1];
	char heap[MEMMGR_NAME_LEN + 1];		/* empty: all of them */
	uint32_t uid;
};

struct leaks {
	struct leak *item;
	size_t count;
	uint64_t time_ns;	/* when it was seen */
	struct leaks_scope scope;
};

/* Allocations that have something in common. */
struct leak_group {
	char *word;
	uint64_t count;
	uint64_t bytes;
	uint64_t oldest_ns;
	uint64_t abandoned;
	uint64_t count_before;
	uint64_t bytes_before;
};

/* The allocations that live in @heap now (NULL: in all heaps); an enum exit_code. */
int leaks_collect(const struct memctl *ctl, const struct memmgr_heap_query *heap,
		  struct leaks *leaks);
/* An enum exit_code; there is never half a file. */
int leaks_save(const struct memctl *ctl, const struct leaks *leaks, const char *path);
int leaks_load(const struct memctl *ctl, const char *path, struct leaks *leaks);
/* That @before, which is in @path, can be compared with @now; an enum exit_code. */
int leaks_check_scope(const struct memctl *ctl, const struct leaks *now,
		      const struct leaks *before, const char *path);
void leaks_free(struct leaks *leaks);
/*
 * The groups of those older than @older_ns, the largest first; with @before, what has
 * grown most since then. The caller frees the array; the words are those of the leaks.
 */
struct leak_group *leaks_group(const struct leaks *leaks, const struct leaks *before,
			       enum leaks_by by, uint64_t older_ns, size_t *count);

#endif /* MEMCTL_LEAKS_H */
