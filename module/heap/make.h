/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Making and destroying heaps. */
#ifndef MEMMGR_HEAP_MAKE_H
#define MEMMGR_HEAP_MAKE_H

#include <linux/types.h>
#include <uapi/linux/memmgr.h>

struct client;
struct region;

int heap_create_main(struct region *region, u32 max_records, bool join, bool grows);
int heap_create(struct region *region, struct client *client,
		struct memmgr_heap_create *config);
int heap_destroy(struct region *region, struct client *client, u32 id,
		 u32 flags);
void heap_destroy_private(struct client *client);
bool heap_retire_orphans(struct region *region);
void heap_destroy_all(struct region *region);

#endif /* MEMMGR_HEAP_MAKE_H */
