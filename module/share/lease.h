/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Pins and leases: they keep allocations in their place. */
#ifndef MEMMGR_SHARE_LEASE_H
#define MEMMGR_SHARE_LEASE_H

#include <linux/types.h>
#include <uapi/linux/memmgr.h>

struct client;
struct memmgr_heap;
struct region;

int mapping_populate(struct region *region, u64 handle);
int heap_pin(struct memmgr_heap *heap, struct client *client, struct memmgr_pin *pin);

#endif /* MEMMGR_SHARE_LEASE_H */
