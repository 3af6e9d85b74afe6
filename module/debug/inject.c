// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Injected failures: setting them, and deciding which requests fail. */
#include <linux/debugfs.h>
#include <linux/fault-inject.h>
#include <linux/math64.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>

#include "debug/debugging.h"
#include "debug/inject.h"
#include "debug/key.h"
#include "heap/account.h"
#include "heap/heap.h"

#define ALWAYS	1000u	/* thousandths */

/* One lock for all injections, because it is taken only if an injection is on. Innermost. */
static DEFINE_RAW_SPINLOCK(inject_lock);

/* Shall the request that was just counted fail? */
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
	/* The injection may have been turned off meanwhile; then its interval is 0. */
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

/* The debugfs folder fail_memmgr, beside failslab and the like. */
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
 * @heap: the heap that the request names
 * @bytes: requested size
 *
 * Context: any; the heap's lock may be held. O(1).
 * Return: true if the request shall fail.
 */
bool inject_heap(struct memmgr_heap *heap, u64 bytes)
{
	struct heap_debug *debugging = heap_debugging_made(heap);
	bool hit = READ_ONCE(heap->debug) & DEBUG_INJECT && debugging &&
		   injection_hit(&debugging->injection);

	return fault_hit(bytes) || hit;
}

/**
 * inject_client - count a request of a client
 * @client: the client that makes the request
 *
 * Context: any; a heap's lock may be held. O(1).
 * Return: true if the request shall fail.
 */
bool inject_client(struct client *client)
{
	struct injection *injection = READ_ONCE(client->injection);

	return injection && injection_hit(injection);
}

void injection_set(struct injection *in, const struct memmgr_inject *inject)
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

void injection_describe(const struct injection *in, struct memmgr_inject *inject)
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

bool is_set_call(const struct memmgr_inject *inject)
{
	return inject->flags & MEMMGR_INJECT_SET;
}

/*
 * A heap that is being destroyed has turned its features off, and none may be turned on
 * again. Otherwise the key of debug/key.h would count a heap that no longer exists.
 */
int call_heap_injection(struct memmgr_heap *heap, struct memmgr_inject *inject)
{
	bool on = inject->times;
	int err = 0;

	mutex_lock(&heap->features);
	if (READ_ONCE(heap->lasting.dying))
		err = -ENOENT;
	else if (is_set_call(inject))
		err = debugging_make(heap);
	if (!err && is_set_call(inject)) {
		injection_set(&heap->debugging->injection, inject);
		debug_set(heap, on ? DEBUG_INJECT : 0, on ? 0 : DEBUG_INJECT);
	}
	mutex_unlock(&heap->features);
	if (!err)
		injection_describe(&heap_debugging(heap)->injection, inject);
	return err;
}

/* For the file in debugfs. */
void inject_of_heap(struct memmgr_heap *heap, struct memmgr_inject *inject)
{
	injection_describe(&heap_debugging(heap)->injection, inject);
}
