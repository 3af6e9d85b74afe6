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
		      struct record_copy *wanted, struct heap_answer *answer,
		      struct engine_refusal *why)
{
	/* One more jiffy, because the present one is already partly over. */
	long left = rq->timeout_ms ?
		    min_t(unsigned long, msecs_to_jiffies(rq->timeout_ms), MAX_JIFFY_OFFSET) + 1 :
		    MAX_SCHEDULE_TIMEOUT;
	bool go_on = true, done = false, zero = wants_zero(&wanted->record);
	struct engine_search search = { 0 };
	struct engine_block block;
	struct record *record;
	unsigned long flags;
	int result = 0;
	u64 handle = 0;
	u32 seen;
	int err;

	flags = heap_lock(heap);
	heap->counts.waits++;
	heap->waiters++;
	for (;;) {
		/* A search may miss memory freed behind it, so note frees from its start on. */
		if (!search.at)
			seen = heap->freed;
		err = alloc_locked(heap, wanted, &search, &record, &block, why);
		if (err == -EAGAIN) {
			heap_unlock(heap, flags);
			err = alloc_again(heap);
			flags = heap_lock(heap);
			if (!err)
				continue;
			break;
		}
		search = (struct engine_search) { 0 };
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
	if (!err) {
		handle = record->handle;
		done = alloc_done(heap, record, &block, zero, answer);
	}
	heap_unlock(heap, flags);
	heap_touched(heap);
	if (!err)
		return done ? 0 : alloc_finish(heap, handle, zero, &block, answer);
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
			   struct record_copy *wanted, struct heap_answer *answer,
			   struct engine_refusal *why)
{
	int err = -ENOMEM;
	u32 tries;

	for (tries = 0; tries < COMPACT_TRIES && err == -ENOMEM &&
	     compact_may_help(heap, rq->align, why); tries++) {
		if (compact_for(heap, rq->bytes, rq->align, why))
			break;
		err = alloc_try(heap, wanted, answer, why);
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

/* Try all ways that the request allows, one after the other. */
static int alloc_by_all_means(struct memmgr_heap *heap, const struct heap_request *rq,
			      struct record_copy *wanted, struct heap_answer *answer,
			      struct engine_refusal *why)
{
	struct engine_refusal second;
	struct memmgr_heap *fallback;
	int err;

	do {
		err = alloc_try(heap, wanted, answer, why);
	} while (err == -ENOMEM && heap_evict(heap, rq->align, why->reason, true));
	fallback = fallback_for(heap, wanted->record.client, rq, err);
	if (fallback) {
		count_fallback(heap);
		err = alloc_try(fallback, wanted, answer, &second);
		if (err == -ENOMEM || err == -ENOSPC)
			why->largest = max(why->largest, second.largest);
		why->exact &= second.exact;
		heap_put(fallback);
	}
	if (err == -ENOMEM && rq->flags & MEMMGR_ALLOC_MAY_COMPACT)
		err = alloc_compacted(heap, rq, wanted, answer, why);
	if (rq->flags & MEMMGR_ALLOC_WAIT && may_wait(heap, rq, err, why))
		err = alloc_wait(heap, rq, wanted, answer, why);
	return err;
}

/* Is this a refusal for lack of something, or on purpose? Other errors do not count. */
static bool alloc_refused(int err)
{
	return err == -ENOMEM || err == -ENOSPC || err == -ETIMEDOUT || err == -EDQUOT;
}

static noinline int alloc_plain(struct memmgr_heap *heap, struct client *client,
				const struct heap_request *rq, struct heap_answer *answer,
				struct engine_refusal *why)
{
	struct record_copy wanted __uninitialized;
	int err;

	err = heap_may_use(heap, client);
	if (err)
		return err;
	if (rq->flags & MEMMGR_ALLOC_NO_ZERO && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	/* A private heap is destroyed with its client, and all its allocations with it. */
	if (rq->flags & MEMMGR_ALLOC_PERSISTENT && heap->flags & MEMMGR_HEAP_PRIVATE)
		return -EINVAL;
	record_prepare(&wanted, client, rq);
	err = request_check(heap, rq);
	if (!err)
		err = heap_fails(heap, client, rq->bytes, why);
	if (!err)
		err = alloc_by_all_means(heap, rq, &wanted, answer, why);
	if (alloc_refused(err))
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
	s64 done = debug_is_on() ? free_timed(heap, client, handle) :
		   request_free(heap, client, handle);

	return min_t(s64, done, 0);
}
