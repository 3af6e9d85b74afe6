/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Freeing allocations, and holding them while something still uses their memory. */
#ifndef MEMMGR_HEAP_FREE_H
#define MEMMGR_HEAP_FREE_H

#include <linux/types.h>
#include <uapi/linux/memmgr.h>

struct client;
struct memmgr_heap;
struct record;
struct region;

/**
 * struct heap_left - an allocation that its client has not freed
 * @bytes: requested size; 0: there is no such allocation
 * @site: site that made it
 */
struct heap_left {
	u64 bytes;
	u32 site;
};

void heap_refused(struct region *region);
void heap_reclaim(struct memmgr_heap *heap, struct client *client, u64 handle,
		  struct heap_left *left);
void heap_forget_records(struct memmgr_heap *heap);
int heap_end(struct memmgr_heap *heap, struct record *record, unsigned long *flags);
bool heap_let_go(struct memmgr_heap *heap, u64 handle);
bool record_pinned_by_others(const struct record *record, const struct client *client);

#endif /* MEMMGR_HEAP_FREE_H */
