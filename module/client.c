// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Clients: an open file, and what was allocated through it. */
#include <linux/atomic.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "client.h"
#include "heap.h"

struct client *client_create(struct region *region)
{
	static atomic64_t serial = ATOMIC64_INIT(0);
	struct client *client = kzalloc(sizeof(*client), GFP_KERNEL);

	if (!client)
		return NULL;
	client->region = region;
	client->serial = atomic64_inc_return(&serial);
	raw_spin_lock_init(&client->lock);
	INIT_LIST_HEAD(&client->records);
	INIT_LIST_HEAD(&client->heaps);
	return client;
}

/*
 * The newest allocation of a client: newest first, because that is the order
 * in which stack heaps want them back. False when there is none.
 */
static bool client_newest(struct client *client, u64 *handle)
{
	struct record *record;
	unsigned long flags;

	raw_spin_lock_irqsave(&client->lock, flags);
	record = list_first_entry_or_null(&client->records, struct record, mine);
	if (record)
		*handle = record->handle;
	raw_spin_unlock_irqrestore(&client->lock, flags);
	return record;
}

/**
 * client_destroy - return everything that a client has
 * @client: its file is closed for good: no call of it runs, none of its
 *	mappings is left
 *
 * Context: process, may sleep. Persistent allocations stay.
 */
void client_destroy(struct client *client)
{
	struct memmgr_heap *heap;
	u64 handle;

	heap_destroy_private(client);
	while (client_newest(client, &handle)) {
		/* A heap that is destroyed forgets its records before it goes. */
		heap = heap_get(client->region, handle_heap(handle));
		if (heap) {
			heap_reclaim(heap, client, handle);
			heap_put(heap);
		}
		cond_resched();
	}
	kfree(client);
}
