/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Reports of memory errors, and a heap whose memory errors a test makes itself. */
#ifndef MEMMGR_DEBUGGING_H
#define MEMMGR_DEBUGGING_H

#include <sys/mman.h>

#include <linux/memmgr.h>

struct __test_metadata;

#define ZONE	16u

/* A private heap that is looked through, all of it mapped, and what was reported before. */
struct ground {
	int fd;
	__u32 heap;
	unsigned char *arena;
	size_t bytes;
	__u64 after;
};

int debug_set(int fd, __u32 heap, struct memmgr_debug wanted);
int debug_get(int fd, __u32 heap, struct memmgr_debug *d);

/* Reports after *@after; the last one goes to @c. */
int reports_after(int fd, __u64 *after, struct memmgr_corruption *c);

__u32 reports(struct __test_metadata *_metadata, int fd, __u64 *after, struct memmgr_corruption *c);
void ground_make(struct __test_metadata *_metadata, int fd, __u32 kind, struct memmgr_debug wanted,
		 struct ground *g);

/* Where an allocation shows in the arena: what is written to it is found there. */
unsigned char *where(struct __test_metadata *_metadata, const struct ground *g,
		     const struct memmgr_alloc *a);

#endif /* MEMMGR_DEBUGGING_H */
