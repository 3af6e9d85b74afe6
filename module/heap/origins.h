/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Origins: the makers and tags of a heap's allocations, each kept once for many records. */
#ifndef MEMMGR_HEAP_ORIGINS_H
#define MEMMGR_HEAP_ORIGINS_H

#include <linux/types.h>
#include <linux/uidgid.h>
#include <uapi/linux/memmgr.h>

struct memmgr_heap;

#define ORIGIN_HINTS	16u	/* a power of two */

/**
 * struct origin - the maker of an allocation, and its tag
 * @uid: user id of the maker
 * @pid: thread group of the maker
 * @tid: thread of the maker
 * @comm: command name of the maker, padded with zeros
 * @tag: as given, padded with zeros
 */
struct origin {
	kuid_t uid;
	u32 pid;
	u32 tid;
	char comm[MEMMGR_COMM_LEN];
	char tag[MEMMGR_TAG_LEN];
};

/**
 * struct origin_entry - an entry of the table of origins
 * @uses: number of records that have it; 0: free
 * @next: free: the next free entry
 * @origin: in use: the origin
 */
struct origin_entry {
	u32 uses;
	union {
		u32 next;
		struct origin origin;
	};
};

/* The caller of each function below holds the heap's lock. */
u32 origin_uses(const struct memmgr_heap *heap, u32 i);
u32 origin_take(struct memmgr_heap *heap, const struct origin *wanted, u32 n);
void origin_put(struct memmgr_heap *heap, u32 i, u32 n);

#endif /* MEMMGR_HEAP_ORIGINS_H */
