/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What the tests of memory errors share. */
#ifndef MEMMGR_DEBUGGING_H
#define MEMMGR_DEBUGGING_H

#include <sys/mman.h>

#include "memmgr_test.h"

#define ZONE	16u

static inline int debug_set(int fd, __u32 heap, struct memmgr_debug wanted)
{
	wanted.size = sizeof(wanted);
	wanted.heap = heap;
	wanted.flags |= MEMMGR_DEBUG_SET;
	return mm_call(fd, MEMMGR_IOC_DEBUG, &wanted);
}

static inline int debug_get(int fd, __u32 heap, struct memmgr_debug *d)
{
	*d = (struct memmgr_debug) { .size = sizeof(*d), .heap = heap };
	return mm_call(fd, MEMMGR_IOC_DEBUG, d);
}

/* Reports after *@after; the last one goes to @c. */
static inline int reports_after(int fd, __u64 *after, struct memmgr_corruption *c)
{
	struct memmgr_corruptions cs = {
		.size = sizeof(cs), .entry_size = sizeof(*c), .after = *after,
		.entries = (uintptr_t)c,
	};
	int n = -1;

	do {
		n++;
		cs.count = 1;
		if (mm_call(fd, MEMMGR_IOC_CORRUPTIONS, &cs))
			return -1;
	} while (cs.count);
	*after = cs.after;
	return n;
}

static inline __u32 reports(struct __test_metadata *_metadata, int fd, __u64 *after,
			    struct memmgr_corruption *c)
{
	int n = reports_after(fd, after, c);

	ASSERT_LE(0, n);
	return n;
}

/* A private heap that is looked through, all of it mapped, and what was reported before. */
struct ground {
	int fd;
	__u32 heap;
	unsigned char *arena;
	size_t bytes;
	__u64 after;
};

static inline void ground_make(struct __test_metadata *_metadata, int fd, __u32 kind,
			       struct memmgr_debug wanted, struct ground *g)
{
	struct memmgr_heap_create c = heap_config(kind, "t-corruption");
	struct memmgr_corruption last;

	*g = (struct ground) { .fd = fd };
	if (kind == MEMMGR_KIND_SLAB || kind == MEMMGR_KIND_POOL)
		c.align = 64;
	ASSERT_EQ(0, mm_heap_create(fd, &c));
	g->heap = c.heap;
	g->bytes = c.map_size;
	ASSERT_EQ(0, debug_set(fd, c.heap, wanted));
	g->arena = must_map(_metadata, fd, c.map_offset, c.map_size);
	reports(_metadata, fd, &g->after, &last);
}

#define MARK	"where is it now?"	/* 16 bytes, in no zone */

/* Where an allocation shows in the arena: what is written to it is found there. */
static inline unsigned char *where(struct __test_metadata *_metadata, const struct ground *g,
				   const struct memmgr_alloc *a)
{
	unsigned char *found = NULL;
	size_t at;

	ASSERT_LE(strlen(MARK), a->bytes);
	ASSERT_EQ(0, mm_write(g->fd, a->handle, 0, MARK, strlen(MARK)));
	for (at = 0; !found && at < g->bytes; at += page_size())
		if (!touch(g->arena + at, false))
			found = memmem(g->arena + at, page_size(), MARK, strlen(MARK));
	ASSERT_NE(NULL, found);
	memset(found, 0, strlen(MARK));
	return found;
}

#endif /* MEMMGR_DEBUGGING_H */
