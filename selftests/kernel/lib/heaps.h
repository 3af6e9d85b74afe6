/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Heaps of each kind, and what a test allocates of them. */
#ifndef MEMMGR_HEAPS_H
#define MEMMGR_HEAPS_H

#include <stdbool.h>

#include <linux/memmgr.h>

struct __test_metadata;

/* The same words for the kinds in all test names. */
extern const char *const kind_names[MEMMGR_KINDS];

/* A private heap of a kind with room for at least 64 blocks of 64 bytes. */
struct memmgr_heap_create heap_config(__u32 kind, const char *name);

bool kind_is_built(int fd, __u32 kind);
bool debug_is_built(int fd);
bool dmabuf_is_built(int fd);
bool move_is_built(int fd);

/* Does the client see the heap in the list of all? */
bool heap_is_listed(int fd, __u32 heap);

/* In tests of a fixture: what a build lacks is not tested. */
#define REQUIRE_DEBUG							\
	do {								\
		if (!debug_is_built(self->fd))				\
			SKIP(return, "this build has no DEBUG");	\
	} while (0)

#define REQUIRE_DMABUF							\
	do {								\
		if (!dmabuf_is_built(self->fd))				\
			SKIP(return, "this build has no dma-bufs");	\
	} while (0)

#define REQUIRE_KIND(k)							\
	do {								\
		if (!kind_is_built(self->fd, k))			\
			SKIP(return, "%s is not in this build", kind_names[k]); \
	} while (0)

/* Where these fail, the test ends. */
__u32 must_heap(struct __test_metadata *_metadata, int fd, struct memmgr_heap_create c);
__u32 must_kind(struct __test_metadata *_metadata, int fd, __u32 kind);
struct memmgr_alloc must_alloc(struct __test_metadata *_metadata, int fd, __u32 heap, __u64 bytes);
struct memmgr_stats must_stats(struct __test_metadata *_metadata, int fd, __u32 heap);
__u64 violations_of(struct __test_metadata *_metadata, int fd, __u64 handle);

#endif /* MEMMGR_HEAPS_H */
