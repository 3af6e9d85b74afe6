// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Clients: open files, the allocations made through them, and their quotas. */
#include <linux/atomic.h>
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include "client/client.h"
#include "client/debug.h"
#include "core/handle.h"
#include "debug/inject.h"
#include "debug/track.h"
#include "heap/account.h"
#include "heap/free.h"
#include "heap/heap.h"
#include "heap/lookup.h"
#include "heap/make.h"
#include "heap/pins.h"
#include "heap/record.h"
#include "move/compact.h"
#include "region/events.h"
#include "region/region.h"

/**
 * client_create - make a client for a file that is being opened
 * @region: the region
 *
 * Context: process, may sleep. O(log clients).
 * Return: the client, or NULL if there is no memory.
 */
struct client *client_create(struct region *region)
{
	static atomic64_t serial = ATOMIC64_INIT(0);
	struct client_file *file = kzalloc(sizeof(*file), GFP_KERNEL_ACCOUNT);
	struct client *client = &file->client;
	struct client_user *fresh = kzalloc(sizeof(*fresh), GFP_KERNEL_ACCOUNT);
	unsigned long flags;

	if (client)
		client->pins = pins_make();
	if (!client || !fresh || !client->pins) {
		if (client)
			kfree(client->pins);
		kfree(client);
		kfree(fresh);
		return NULL;
	}
	region_get(region);
	client->region = region;
	client->trusted = is_admin() ||
			  ns_capable_noaudit(&init_user_ns, CAP_SYS_RESOURCE);
	client->time_ns = ktime_get_boottime_ns();
	client->pid = task_tgid_nr(current);
	get_task_comm(client->comm, current);
	file->event = events_last(&region->events);
	mutex_init(&file->read_mutex);
	INIT_HLIST_HEAD(&client->records);
	INIT_LIST_HEAD(&client->heaps);

	raw_spin_lock_irqsave(&region->client_lock, flags);
	client->serial = atomic64_inc_return(&serial);
	client->user = user_find(region, current_euid(), &fresh);
	client->user->clients++;
	client->user->open++;
	rb_add(&client->node, &region->clients, client_before);
	raw_spin_unlock_irqrestore(&region->client_lock, flags);
	kfree(fresh);
	return client;
}

/*
 * The newest allocation of a client. Newest first, because stack heaps require that
 * order. Returns false if there is none.
 */
static bool client_newest(struct client *client, u64 *handle)
{
	struct region *region = client->region;
	struct record *record;
	unsigned long flags;

	raw_spin_lock_irqsave(&region->client_lock, flags);
	record = hlist_entry_safe(client->records.first, struct record, mine);
	if (record)
		*handle = record->handle;
	raw_spin_unlock_irqrestore(&region->client_lock, flags);
	return record;
}

/**
 * client_destroy - free everything that a client has
 * @client: its file is closed for good: no call on it runs, and none of its
 *	mappings is left
 *
 * Context: process, may sleep. Persistent and exported allocations stay. If the region
 * is gone, it may be freed when this returns.
 */
void client_destroy(struct client *client)
{
	struct region *region = client->region;
	struct track_tally tally = { 0 };
	struct heap_left left;
	struct injection *injection;
	struct memmgr_heap *heap;
	unsigned long flags;
	u64 handle;

	compact_slices_end(region, &client_file(client)->slices);
	client_unpin_all(client);
	heap_destroy_private(client);
	while (client_newest(client, &handle)) {
		/* The heap may be missing: a heap that is destroyed forgets its records first. */
		heap = heap_get(region, handle_heap(handle));
		if (heap) {
			heap_reclaim(heap, client, handle, &left);
			track_tally(heap, &tally, &left);
			heap_put(heap);
		}
		cond_resched();
	}
	track_tell(client, &tally);
	kfree(client->pins);
	raw_spin_lock_irqsave(&region->client_lock, flags);
	client->closed = true;
	injection = client->injection;
	client->injection = NULL;
	client->user->open--;
	client_expire(client);
	raw_spin_unlock_irqrestore(&region->client_lock, flags);
	kfree(injection);
	region_put(region);
}
