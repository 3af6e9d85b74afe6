// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "asserting.h"
#include "calls.h"
#include "debugging.h"
#include "device.h"
#include "heaps.h"
#include "mapping.h"

#define MARK	"where is it now?"	/* 16 bytes, in no zone */

int debug_set(int fd, __u32 heap, struct memmgr_debug wanted)
{
	wanted.size = sizeof(wanted);
	wanted.heap = heap;
	wanted.flags |= MEMMGR_DEBUG_SET;
	return mm_call(fd, MEMMGR_IOC_DEBUG, &wanted);
}

int debug_get(int fd, __u32 heap, struct memmgr_debug *d)
{
	*d = (struct memmgr_debug) { .size = sizeof(*d), .heap = heap };
	return mm_call(fd, MEMMGR_IOC_DEBUG, d);
}

int reports_after(int fd, __u64 *after, struct memmgr_corruption *c)
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

__u32 reports(struct __test_metadata *_metadata, int fd, __u64 *after, struct memmgr_corruption *c)
{
	int n = reports_after(fd, after, c);

	ASSERT_LE(0, n);
	return n;
}

void ground_make(struct __test_metadata *_metadata, int fd, __u32 kind, struct memmgr_debug wanted,
		 struct ground *g)
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

unsigned char *where(struct __test_metadata *_metadata, const struct ground *g,
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
