// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Debugging of clients: injected failures, and allocations that were not freed. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/sched.h>
#include <linux/sort.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "base/trace.h"
#include "client/debug.h"
#include "debug/debugging.h"
#include "debug/inject.h"
#include "debug/sites.h"
#include "debug/track.h"
#include "heap/account.h"
#include "heap/heap.h"
#include "region/events.h"
#include "region/region.h"

/* The client with this serial, if its file is still open. */
static struct client *client_open(struct region *region, u64 serial)
{
	struct client *client = client_from(region, serial);

	lockdep_assert_held(&region->client_lock);
	return client && client->serial == serial && !client->closed ? client : NULL;
}

static int call_client_injection(struct region *region, struct memmgr_inject *inject)
{
	struct injection *fresh = NULL;
	struct client *client;
	unsigned long flags;

	if (is_set_call(inject)) {
		fresh = kzalloc(sizeof(*fresh), GFP_KERNEL_ACCOUNT);
		if (!fresh)
			return -ENOMEM;
		moments_begin(region);
	}
	raw_spin_lock_irqsave(&region->client_lock, flags);
	client = client_open(region, inject->id);
	if (client && fresh && !client->injection)
		swap(client->injection, fresh);
	if (client && is_set_call(inject))
		injection_set(client->injection, inject);
	if (client && client->injection)
		injection_describe(client->injection, inject);
	raw_spin_unlock_irqrestore(&region->client_lock, flags);
	kfree(fresh);
	return client ? 0 : -ENOENT;
}

/**
 * inject_call - set or read an injection
 * @caller: the calling client
 * @heap: the heap whose injection is meant; NULL: that of the client @inject->id
 * @inject: as in the ABI, arguments and rights checked
 *
 * Context: process, may sleep. O(log clients) for a client's injection.
 * Return: 0, -ENOMEM, or -ENOENT if there is no such client or the heap is being destroyed.
 */
int inject_call(struct client *caller, struct memmgr_heap *heap, struct memmgr_inject *inject)
{
	return heap ? call_heap_injection(heap, inject) :
		      call_client_injection(caller->region, inject);
}

/**
 * inject_next_client - find the next client with an injection
 * @region: the region
 * @cursor: 0 at first; moved behind the client
 * @inject: set to its injection, with the client's serial as id
 *
 * Context: process, may sleep. O(clients); the lock is dropped after each client.
 * Return: false at the end.
 */
bool inject_next_client(struct region *region, u64 *cursor, struct memmgr_inject *inject)
{
	struct client *client;
	unsigned long flags;
	bool found = false;

	do {
		raw_spin_lock_irqsave(&region->client_lock, flags);
		client = client_from(region, *cursor);
		if (client) {
			*cursor = client->serial + 1;
			found = client->injection && READ_ONCE(client->injection->times);
			inject->id = client->serial;
			if (found)
				injection_describe(client->injection, inject);
		}
		raw_spin_unlock_irqrestore(&region->client_lock, flags);
		cond_resched();
	} while (client && !found);
	return found;
}

static int part_order(const void *a, const void *b)
{
	const struct track_part *left = a, *right = b;

	return left->bytes < right->bytes ? 1 : -(left->bytes > right->bytes);
}

#define TOLD	3u	/* sites in one line of the log */

/**
 * track_tell - report the allocations that a closed client had not freed
 * @client: the client
 * @tally: sums over its allocations in tracked heaps
 *
 * Context: process, may sleep.
 */
void track_tell(const struct client *client, struct track_tally *tally)
{
	struct region *region = client->region;
	char text[TOLD * (SITE_PATH + 48)];
	size_t len = 0;
	u32 i;

	if (!tally->count)
		return;
	sort(tally->part, ARRAY_SIZE(tally->part), sizeof(tally->part[0]), part_order, NULL);
	for (i = 0; i < TOLD && tally->part[i].count; i++) {
		char site[SITE_PATH + 24];

		site_print(site, sizeof(site), region, tally->part[i].site);
		len += scnprintf(text + len, sizeof(text) - len, "%s%llu at %s",
				 i ? ", " : "", tally->part[i].count, site);
	}
	trace_memmgr_leak(region->name, client->serial, tally->count, tally->bytes);
	pr_notice_ratelimited("%s: client %llu (%*pE, pid %u) closed with %llu allocations, %llu bytes not freed: %s\n",
			      region->name, client->serial,
			      (int)strnlen(client->comm, sizeof(client->comm)),
			      client->comm, client->pid, tally->count, tally->bytes, text);
	events_add(region, MEMMGR_EVENT_LEAK, tally->count, 0, tally->bytes,
		   __kuid_val(client->user->uid));
}
