/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Clients: an open file, and what was allocated through it. */
#ifndef MEMMGR_CLIENT_H
#define MEMMGR_CLIENT_H

#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>

struct region;

/**
 * struct client - one open file of the device
 * @region: that was opened
 * @serial: tells it from all other clients there ever were
 * @lock: guards @records; inside a heap's lock
 * @records: of its allocations that are not persistent
 * @heaps: its private heaps; guarded by region.heap_mutex
 */
struct client {
	struct region *region;
	u64 serial;
	raw_spinlock_t lock;
	struct list_head records;
	struct list_head heaps;
};

struct client *client_create(struct region *region);
void client_destroy(struct client *client);

#endif /* MEMMGR_CLIENT_H */
