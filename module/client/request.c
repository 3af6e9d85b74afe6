// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Serving a client's request: fallbacks, compaction, waiting. */
#include <linux/capability.h>
#include <linux/jiffies.h>
#include <linux/sched.h>

#include "base/compat.h"
#include "client/request.h"
#include "core/engine.h"
#include "debug/key.h"
#include "debug/latency.h"
#include "heap/account.h"
#include "heap/alloc.h"
#include "heap/free.h"
#include "heap/heap.h"
#include "heap/kinds.h"
#include "heap/lookup.h"
#include "heap/moments.h"
#include "heap/pins.h"
#include "heap/record.h"
#include "heap/rights.h"
#include "heap/use.h"
#include "move/compact.h"
#include "region/region.h"
#include "region/stop.h"

/* Can waiting help? Not if the request can never be served. */
static bool may_wait(const struct memmgr_heap *heap, const struct heap_request *rq,
		     int err, const struct engine_refusal *why)
{
	if (rq->align > heap->max_align)
		return false;
	return err == -ENOSPC ||
	       (err == -ENOMEM && why->reason != MEMMGR_REASON_TOO_LARGE);
}

/*
 * Longest sleep of a waiter in a slab heap before it tries again, because the free that
 * it waits for may happen in main.
 */
#define WAIT_SLICE	(HZ / 10 + 1)

static bool alloc_sleep(struct memmgr_heap *heap, u32 seen, long *left, int *err)
{
	long slice = *left;

	if (heap_grows(heap))
		slice = min_t(long, slice, WAIT_SLICE);
	if (*left != MAX_SCHEDULE_TIMEOUT)
		*left -= slice;
	if (heap_wait(heap, seen, &slice, err)) {
		if (*left != MAX_SCHEDULE_TIMEOUT)
			*left += slice;
		return true;
	}
	return *err == -ETIMEDOUT && *left > 0;
}

/*
 * Try until the request succeeds, cannot succeed, or its time is over. A woken waiter
 * always wakes the next one, because one free may satisfy two waiters, or only a later
 * one. The chain ends at the first waiter that has already seen the latest free.
 */
static int alloc_wait(struct memmgr_heap *heap, const struct heap_request *rq,
		      struct heap_order *order)
{
	/* One more jiffy, because the present one is already partly over. */
	long left = rq->timeout_ms ?
		    min_t(unsigned long, msecs_to_jiffies(rq->timeout_ms), MAX_JIFFY_OFFSET) + 1 :
		    MAX_SCHEDULE_TIMEOUT;
	struct engine_refusal *why = order->why;
	unsigned long flags;
	bool go_on = true;
	int result = 0;
	u32 seen;
	int err;

	engine_search_begin(&order->search);
	flags = heap_lock(heap);
	heap->counts.waits++;
	heap->waiters++;
	for (;;) {
		/* A search may miss memory freed behind it, so note frees from its start on. */
		if (!order->search.at)
			seen = heap->freed;
		err = alloc_locked(heap, order);
		if (err == -EAGAIN) {
			heap_unlock(heap, flags);
			err = alloc_again(heap);
			flags = heap_lock(heap);
			if (!err)
				continue;
			break;
		}
		engine_search_begin(&order->search);
		if (!go_on || !may_wait(heap, rq, err, why))
			break;
		heap_unlock(heap, flags);
		if (!heap_evict(heap, rq->align, why->reason, true)) {
			go_on = alloc_sleep(heap, seen, &left, &result);
			heap_wake(heap, true);
		}
		flags = heap_lock(heap);
	}
	heap->waiters--;
	heap_unlock(heap, flags);
	heap_touched(heap);
	if (!err)
		return order->done ? 0 : alloc_finish(heap, order);
	if (!go_on && may_wait(heap, rq, err, why)) {
		if (result == -ETIMEDOUT)
			why->reason = MEMMGR_REASON_TIMEOUT;
		return result;
	}
	return err;
}

#define COMPACT_TRIES	3u	/* others may take the memory that was made free */

/* Allocate after compaction, if the request was refused because of fragmentation. */
static int alloc_compacted(struct memmgr_heap *heap, const struct heap_request *rq,
			   struct heap_order *order)
{
	int err = -ENOMEM;
	u32 tries;

	for (tries = 0; tries < COMPACT_TRIES && err == -ENOMEM &&
	     compact_may_help(heap, rq->align, order->why); tries++) {
		if (compact_for(heap, rq->bytes, rq->align, order->why))
			break;
		err = alloc_try(heap, order);
	}
	return err;
}

static void count_fallback(struct memmgr_heap *heap)
{
	unsigned long flags = heap_lock(heap);

	heap->counts.fallbacks++;
	heap_unlock(heap, flags);
}

/* The heap that serves the request after @err, with a reference, or NULL. */
static struct memmgr_heap *fallback_for(struct memmgr_heap *heap, struct client *client,
					const struct heap_request *rq, int err)
{
	struct memmgr_heap *fallback;

	if ((err != -ENOMEM && err != -ENOSPC) || rq->flags & MEMMGR_ALLOC_NO_FALLBACK)
		return NULL;
	fallback = heap_get_fallback(heap);
	/* A fallback that never serves such a request is of no use. */
	if (fallback && (heap_may_use(fallback, client) || request_check(fallback, rq))) {
		heap_put(fallback);
		fallback = NULL;
	}
	return fallback;
}

/* The heap's fallback serves the request that the heap has refused with @err, if it can. */
static int alloc_fallback(struct memmgr_heap *heap, const struct heap_request *rq,
			  struct heap_order *order, int err)
{
	struct engine_refusal *why = order->why, second = { 0 };
	struct memmgr_heap *fallback;

	fallback = fallback_for(heap, order->wanted.record.client, rq, err);
	if (!fallback)
		return err;
	count_fallback(heap);
	order->why = &second;
	err = alloc_try(fallback, order);
	order->why = why;
	if (err == -EDQUOT) {
		/* The error is the fallback's, a limit of the caller: so is the reason. */
		*why = second;
	} else {
		why->largest = max(why->largest, second.largest);
		why->exact &= second.exact;
	}
	heap_put(fallback);
	return err;
}

/* Try all ways that the request allows, one after the other. */
static int alloc_by_all_means(struct memmgr_heap *heap, const struct heap_request *rq,
			      struct heap_order *order)
{
	int err;

	do {
		err = alloc_try(heap, order);
		if (likely(!err))
			return 0;
	} while (err == -ENOMEM && heap_evict(heap, rq->align, order->why->reason, true));
	err = alloc_fallback(heap, rq, order, err);
	if (err == -ENOMEM && rq->flags & MEMMGR_ALLOC_MAY_COMPACT)
		err = alloc_compacted(heap, rq, order);
	if (rq->flags & MEMMGR_ALLOC_WAIT && may_wait(heap, rq, err, order->why))
		err = alloc_wait(heap, rq, order);
	return err;
}

/* Is this a refusal for lack of something, or on purpose? Other errors do not count. */
static bool alloc_refused(int err)
{
	return err == -ENOMEM || err == -ENOSPC || err == -ETIMEDOUT || err == -EDQUOT;
}

/* May the client make such a request? Asked before anything is done. */
static int request_may(struct memmgr_heap *heap, struct client *client,
		       const struct heap_request *rq)
{
	int err = heap_may_use(heap, client);

	if (err)
		return err;
	if (rq->flags & MEMMGR_ALLOC_NO_ZERO && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	/* A private heap is destroyed with its client, and all its allocations with it. */
	if (rq->flags & MEMMGR_ALLOC_PERSISTENT && heap->flags & MEMMGR_HEAP_PRIVATE)
		return -EINVAL;
	return request_check(heap, rq);
}

static noinline int alloc_plain(struct memmgr_heap *heap, struct client *client,
				const struct heap_request *rq, struct heap_answer *answer,
				struct engine_refusal *why)
{
	struct heap_order order __uninitialized;
	int err;

	err = request_may(heap, client, rq);
	if (err)
		return err;
	order_prepare(&order, client, rq);
	order.answer = answer;
	order.why = why;
	err = heap_fails(heap, client, rq->bytes, why);
	if (!err)
		err = alloc_by_all_means(heap, rq, &order);
	if (unlikely(err) && alloc_refused(err))
		heap_failed(heap, rq->bytes, rq->align, why);
	return err;
}

/* The slow path while heaps are watched. Apart, so that the fast path pays nothing. */
static noinline int alloc_timed(struct memmgr_heap *heap, struct client *client,
				const struct heap_request *rq, struct heap_answer *answer,
				struct engine_refusal *why)
{
	u64 start = latency_begin(heap);
	int err = alloc_plain(heap, client, rq, answer, why);

	if (start && (!err || alloc_refused(err)))
		latency_record(heap, &(struct latency_sample) {
			.op = MEMMGR_LATENCY_ALLOC,
			.start = start,
			.bytes = rq->bytes,
			.failed = err,
		});
	return err;
}

/**
 * heap_alloc - allocate for a client
 * @heap: heap to allocate from
 * @client: the owner
 * @rq: the request
 * @answer: the allocation; not set after a failure
 * @why: the reason of a failure
 *
 * Context: process. Sleeps only to wait (MEMMGR_ALLOC_WAIT), and may reschedule while
 * it clears the memory. Cost: one allocation of the engine, and clearing the granted
 * bytes.
 * Return: 0 or an error of the ABI's table.
 */
int heap_alloc(struct memmgr_heap *heap, struct client *client,
	       const struct heap_request *rq, struct heap_answer *answer,
	       struct engine_refusal *why)
{
	if (debug_is_on())
		return alloc_timed(heap, client, rq, answer, why);
	return alloc_plain(heap, client, rq, answer, why);
}

/**
 * heap_alloc_some - make some of a batch of allocations
 * @heap: heap to allocate from
 * @client: the owner
 * @rq: the request for each of them
 * @order: the request, prepared by order_prepare()
 * @handles: filled in, GROUP_MOST entries
 * @n: number of allocations that are wanted
 * @why: the reason of a failure
 *
 * As many as are made at once, which is one at least: without a group the next one goes
 * through all of heap_alloc().
 *
 * Context: process, as heap_alloc().
 * Return: the number of allocations made, not 0; or an error of the ABI's table.
 */
int heap_alloc_some(struct memmgr_heap *heap, struct client *client,
		    const struct heap_request *rq, struct heap_order *order, u64 *handles,
		    u32 n, struct engine_refusal *why)
{
	struct heap_answer answer __uninitialized;
	struct engine_refusal first;
	int err;
	u32 made;

	if (n > 1 && !debug_is_on() && !stop_armed(heap->region) && group_fits(heap, rq)) {
		err = request_may(heap, client, rq);
		if (err)
			return err;
		order->why = &first;
		made = alloc_group(heap, order, handles, min(n, GROUP_MOST));
		if (made)
			return made;
	}
	err = heap_alloc(heap, client, rq, &answer, why);
	if (err)
		return err;
	handles[0] = answer.handle;
	return 1;
}

/*
 * Find and lock an allocation that is to be freed. Only for one that is persistent does it
 * matter who calls, so that is asked when the caller does not own it. A wrong handle is
 * refused without that.
 */
static struct record *free_use(struct memmgr_heap *heap, struct client *client, u64 handle,
			       unsigned long *flags)
	__acquires(&heap->lock)
{
	struct viewer viewer = { .client = client, .uid = INVALID_UID };
	struct record *record = heap_use(heap, &viewer, handle, true, flags);

	if (likely(record != ERR_PTR(-EACCES)))
		return record;
	heap_unlock(heap, *flags);
	viewer = viewer_of(client);
	return heap_use(heap, &viewer, handle, true, flags);
}

/* Free by handle. Returns the bytes that the allocation had, or an error. */
static noinline s64 request_free(struct memmgr_heap *heap, struct client *client, u64 handle)
{
	bool wake = false, persistent = false;
	struct record *record;
	unsigned long flags;
	u64 bytes = 0;
	int err;

	record = free_use(heap, client, handle, &flags);
	err = PTR_ERR_OR_ZERO(record);
	if (!err && record_pinned_by_others(record, client))
		err = -EBUSY;
	if (!err) {
		bytes = record->bytes;
		persistent = !record->owned;
		err = heap_end(heap, record, &flags);
	}
	if (err) {
		heap->counts.refused++;
		heap_moment(heap, misuse, client, handle, err, true);
	} else {
		if (persistent)
			client_forget_pin(client, heap, handle);
		wake = heap_freed(heap);
	}
	heap_unlock(heap, flags);
	heap_wake(heap, wake);
	heap_touched(heap);
	heap_moment(heap, tidy, true);
	return err ? err : bytes;
}

static noinline s64 free_timed(struct memmgr_heap *heap, struct client *client, u64 handle)
{
	u64 start = latency_begin(heap);
	s64 done = request_free(heap, client, handle);

	if (start)
		latency_record(heap, &(struct latency_sample) {
			.op = MEMMGR_LATENCY_FREE,
			.start = start,
			.bytes = max_t(s64, done, 0),
			.failed = done < 0,
		});
	return done;
}

/**
 * heap_free_some - free some allocations of a batch under one hold of the lock
 * @heap: the heap that the first handle names
 * @client: the caller
 * @handles: handles of the allocations
 * @n: number of handles, at most GROUP_MOST
 *
 * It ends at the first handle with which there is more to do: of another heap, wrong, not the
 * client's own, in use, mapped or pinned. heap_free() does that.
 *
 * Context: process. O(@n).
 * Return: the number of allocations freed.
 */
u32 heap_free_some(struct memmgr_heap *heap, struct client *client, const u64 *handles, u32 n)
{
	bool wake = false;
	unsigned long flags;
	u32 freed;

	if (debug_is_on())
		return 0;
	flags = heap_lock(heap);
	/* While features are turned on, they are told of each free. */
	freed = heap_moments(heap) ? 0 : record_free_group(heap, client, handles, n);
	if (freed)
		wake = heap_freed(heap);
	heap_unlock(heap, flags);
	heap_wake(heap, wake);
	heap_touched(heap);
	return freed;
}

/**
 * heap_free - free an allocation
 * @heap: the heap that the handle names
 * @client: the caller
 * @handle: handle of the allocation
 *
 * The handle ends. If a dma-buf or I/O still uses the memory, it is freed after that.
 *
 * Context: process; may sleep if it was mapped. O(levels) without mappings.
 * Return: 0, -EBADF, -EACCES or -EBUSY.
 */
int heap_free(struct memmgr_heap *heap, struct client *client, u64 handle)
{
	s64 done;

	if (!IS_ENABLED(CONFIG_MEMMGR_LEAN) && likely(heap_free_some(heap, client, &handle, 1)))
		return 0;
	done = debug_is_on() ? free_timed(heap, client, handle) :
	       request_free(heap, client, handle);
	return min_t(s64, done, 0);
}
