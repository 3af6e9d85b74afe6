// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Failures on purpose: what was set, and whose turn it is. */
#include <linux/debugfs.h>
#include <linux/fault-inject.h>
#include <linux/math64.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/spinlock.h>

#include "client/client.h"
#include "debug/key.h"
#include "heap/heap.h"
#include "debug/inject.h"
#include "region/region.h"

#define ALWAYS	1000u	/* thousandths */

/* One for all: it is taken only where an injection is on. Innermost. */
static DEFINE_RAW_SPINLOCK(inject_lock);

/* Is the request that was just counted one of those to fail? */
static bool injection_turn(struct injection *in)
{
	u64 rest;

	if (in->failed >= in->times || in->seen <= in->skip)
		return false;
	div64_u64_rem(in->seen - in->skip, in->interval, &rest);
	if (rest)
		return false;
	return !in->probability ||
	       prandom_u32_state(&in->chance) % ALWAYS < in->probability;
}

static bool injection_hit(struct injection *in)
{
	unsigned long flags;
	bool hit = false;

	if (likely(!READ_ONCE(in->times)))
		return false;
	raw_spin_lock_irqsave(&inject_lock, flags);
	/* It may have been turned off meanwhile, and has no interval then. */
	if (in->times) {
		in->seen++;
		hit = injection_turn(in);
		in->failed += hit;
	}
	raw_spin_unlock_irqrestore(&inject_lock, flags);
	return hit;
}

#ifdef CONFIG_FAULT_INJECTION
DECLARE_FAULT_ATTR(fail_memmgr);

static bool fault_hit(u64 bytes)
{
	return debug_fails_requests() && should_fail(&fail_memmgr, bytes);
}

static struct dentry *fault_dir;

/* debugfs: fail_memmgr, beside failslab and its like. */
void inject_start(void)
{
	fault_dir = fault_create_debugfs_attr("fail_memmgr", NULL, &fail_memmgr);
}

void inject_end(void)
{
	debugfs_remove(fault_dir);
}
#else
static bool fault_hit(u64 bytes)
{
	return false;
}
#endif

/**
 * inject_heap - count a request to a heap
 * @heap: that it names
 * @bytes: asked for
 *
 * Context: any; the heap's lock may be held. O(1).
 * Return: true when the request is to fail.
 */
bool inject_heap(struct memmgr_heap *heap, u64 bytes)
{
	bool hit = READ_ONCE(heap->debug) & DEBUG_INJECT && injection_hit(&heap->injection);

	return fault_hit(bytes) || hit;
}

/**
 * inject_client - count a request of a client
 * @client: that makes it
 *
 * Context: any; a heap's lock may be held. O(1).
 * Return: true when the request is to fail.
 */
bool inject_client(struct client *client)
{
	return injection_hit(&client->injection);
}

static void injection_set(struct injection *in, const struct memmgr_inject *inject)
{
	struct injection fresh = {
		.skip = inject->skip,
		.interval = inject->interval,
		.times = inject->times,
		.probability = inject->probability,
		.seed = inject->seed,
	};
	unsigned long flags;

	prandom_seed_state(&fresh.chance, inject->seed);
	raw_spin_lock_irqsave(&inject_lock, flags);
	*in = fresh;
	raw_spin_unlock_irqrestore(&inject_lock, flags);
}

static void injection_describe(const struct injection *in, struct memmgr_inject *inject)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&inject_lock, flags);
	inject->skip = in->skip;
	inject->interval = in->interval;
	inject->times = in->times;
	inject->probability = in->probability;
	inject->seed = in->seed;
	inject->seen = in->seen;
	inject->failed = in->failed;
	raw_spin_unlock_irqrestore(&inject_lock, flags);
}

static bool is_set_call(const struct memmgr_inject *inject)
{
	return inject->flags & MEMMGR_INJECT_SET;
}

/*
 * A heap that goes turns its features off: after that none may be turned on, so
 * that the key of debug.h does not count a heap that is no more.
 */
static int call_heap_injection(struct memmgr_heap *heap, struct memmgr_inject *inject)
{
	bool on = inject->times;
	int err = 0;

	mutex_lock(&heap->features);
	if (READ_ONCE(heap->dying)) {
		err = -ENOENT;
	} else if (is_set_call(inject)) {
		injection_set(&heap->injection, inject);
		debug_set(heap, on ? DEBUG_INJECT : 0, on ? 0 : DEBUG_INJECT);
	}
	mutex_unlock(&heap->features);
	if (!err)
		injection_describe(&heap->injection, inject);
	return err;
}

/* The client of a serial, its file still open. Under client_lock. */
static struct client *client_open(struct region *region, u64 serial)
{
	struct client *client = client_from(region, serial);

	return client && client->serial == serial && !client->closed ? client : NULL;
}

static int call_client_injection(struct region *region, struct memmgr_inject *inject)
{
	struct client *client;
	unsigned long flags;

	raw_spin_lock_irqsave(&region->client_lock, flags);
	client = client_open(region, inject->id);
	if (client && is_set_call(inject))
		injection_set(&client->injection, inject);
	if (client)
		injection_describe(&client->injection, inject);
	raw_spin_unlock_irqrestore(&region->client_lock, flags);
	return client ? 0 : -ENOENT;
}

/**
 * inject_call - set or read an injection
 * @caller: who asks
 * @heap: whose injection; NULL: that of the client @inject->id
 * @inject: as in the ABI, arguments and rights checked
 *
 * Context: process, may sleep. O(log clients) for a client's.
 * Return: 0, or -ENOENT when there is no such client or the heap goes.
 */
int inject_call(struct client *caller, struct memmgr_heap *heap, struct memmgr_inject *inject)
{
	return heap ? call_heap_injection(heap, inject) :
		      call_client_injection(caller->region, inject);
}

/* For the file in debugfs; a heap's is that of a heap which is there. */
void inject_of_heap(struct memmgr_heap *heap, struct memmgr_inject *inject)
{
	injection_describe(&heap->injection, inject);
}

/**
 * inject_next_client - the next client with an injection
 * @region: of it
 * @cursor: 0 at first; moved behind the client
 * @inject: its injection, with the client's serial as id
 *
 * Context: process, may sleep. O(clients), the lock dropped after each.
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
			found = READ_ONCE(client->injection.times);
			inject->id = client->serial;
			injection_describe(&client->injection, inject);
		}
		raw_spin_unlock_irqrestore(&region->client_lock, flags);
		cond_resched();
	} while (client && !found);
	return found;
}
