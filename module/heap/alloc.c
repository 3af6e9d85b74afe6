// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Allocations of clients: blocks with a record. */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/timekeeping.h>

#include "move/compact.h"
#include "heap/heap.h"
#include "region/hold.h"
#include "debug/latency.h"
#include "base/trace.h"

/* Clear a block that nobody else uses; may take long, so may reschedule. */
static void heap_clear(struct memmgr_heap *heap, u64 offset, u64 bytes)
{
	region_clear(heap->region, heap_place(heap, offset), bytes);
}

/* Everything that a record says of its maker. */
static void record_prepare(struct record *record, struct client *client,
			   const struct heap_request *rq)
{
	*record = (struct record) {
		.state = RECORD_NEW,
		.flags = rq->flags,
		.bytes = rq->bytes,
		.align = rq->align,
		.time_ns = ktime_get_boottime_ns(),
		.client = rq->flags & MEMMGR_ALLOC_PERSISTENT ? NULL : client,
		.payer = client,
		.access = MEMMGR_ACCESS_READ | MEMMGR_ACCESS_WRITE,
		.site = rq->site,
		.uid = current_euid(),
		.pid = task_tgid_nr(current),
		.tid = task_pid_nr(current),
	};
	get_task_comm(record->comm, current);
	strscpy_pad(record->tag, rq->tag, sizeof(record->tag));
}

/* A heap that is out of memory as well says so: that is what has to change. */
static int refuse_record(struct memmgr_heap *heap, struct engine_refusal *why)
{
	struct engine_frag frag;
	bool full;

	heap->engine.ops->frag(&heap->engine, &frag);
	full = heap_is(heap, MEMMGR_KIND_STACK) ? !frag.free : !frag.largest;
	if (full)
		return engine_refuse(why, heap_is(heap, MEMMGR_KIND_SLAB) ?
				     MEMMGR_REASON_LIMIT :
				     MEMMGR_REASON_EXHAUSTED, 0);
	engine_refuse(why, MEMMGR_REASON_RECORDS, 0);
	return -ENOSPC;
}

/* Of main's records the last ones are root's. Under the heap's lock. */
static bool records_left(const struct memmgr_heap *heap, const struct client *client)
{
	u32 reserve = heap->id == MEMMGR_HEAP_MAIN && !client->trusted ?
		      heap->max_records / ROOT_PART : 0;

	return heap->max_records - heap->used_records > reserve;
}

/* The engine's part of an allocation, and the client's: all or nothing. */
static int alloc_charged(struct memmgr_heap *heap, const struct engine_request *rq,
			 struct record *record, struct engine_block *block,
			 struct engine_refusal *why)
{
	int err;

	/* A private heap is charged as a whole. */
	if (heap->flags & MEMMGR_HEAP_PRIVATE) {
		record->payer = NULL;
		return heap->engine.ops->alloc(&heap->engine, rq, block, why);
	}
	if (heap->id == MEMMGR_HEAP_MAIN) {
		err = client_take(record->payer, ACCOUNT_RECORDS, 1, why);
		if (err)
			return err;
	}
	/* What can never be granted shall not show in the engine's books. */
	err = client_may_charge(record->payer, rq->bytes, 1, why);
	if (!err)
		err = heap->engine.ops->alloc(&heap->engine, rq, block, why);
	if (!err) {
		record->charge = block->granted;
		err = client_charge(record->payer, block->granted, 1, why);
		if (err)
			heap->engine.ops->free(&heap->engine, block->offset, true, block);
	}
	if (err && heap->id == MEMMGR_HEAP_MAIN)
		client_give(record->payer, ACCOUNT_RECORDS, 1);
	return err;
}

/* A guarded allocation has two pages more to map: its window has to hold them. */
static bool guard_fits(const struct memmgr_heap *heap, u64 bytes)
{
	u64 window = PAGE_SIZE << heap->region->window_shift;

	return bytes <= window - 2 * PAGE_SIZE;
}

/* What a heap never takes, whatever is free. */
static int request_check(const struct memmgr_heap *heap, const struct record *wanted)
{
	if (region_is_gone(heap->region))
		return -ENODEV;
	if (READ_ONCE(heap->dying))
		return -ENOENT;
	if (!wanted->bytes || !engine_align_ok(wanted->align))
		return -EINVAL;
	if (wanted->flags & MEMMGR_ALLOC_GUARD && heap->window == HEAP_NO_WINDOW)
		return -EOPNOTSUPP;
	return 0;
}

/* What of its block lies before and behind it: to find errors, or nothing. */
static void plan_room(struct memmgr_heap *heap, struct record *template)
{
	if (template->flags & MEMMGR_ALLOC_MAY_SHIFT)
		template->shifted = guards_plan(heap, template->bytes, template->align,
						&template->lead, &template->tail);
	if (!template->shifted)
		zones_plan(heap, template->bytes, template->align, &template->lead,
			   &template->tail);
}

/* Of the largest block something goes for what lies beside an allocation. */
static void leave_room(struct engine_refusal *why, const struct record *template)
{
	u32 room = template->lead + template->tail;

	why->exact &= !room;
	if (!template->shifted)
		why->largest -= min_t(u64, why->largest, room);
}

/*
 * One try. On success the record is new: its memory is not yet cleared. -EAGAIN: the
 * search for memory goes on, and others shall have the lock before.
 */
static int alloc_locked(struct memmgr_heap *heap, const struct record *wanted,
			struct engine_search *search, u64 *handle,
			struct engine_block *block, struct engine_refusal *why)
{
	struct record template = *wanted;
	struct engine_request rq = {
		.align = template.align, .recorded = true, .search = search,
	};
	int err;

	err = request_check(heap, wanted);
	if (err)
		return err;
	if (template.flags & MEMMGR_ALLOC_GUARD && !guard_fits(heap, template.bytes))
		return engine_refuse(why, MEMMGR_REASON_TOO_LARGE, 0);
	if (rq.align > heap->max_align)
		return engine_refuse(why, MEMMGR_REASON_ALIGNMENT, 0);
	if (heap->free_record == RECORD_NONE || !records_left(heap, template.payer))
		return refuse_record(heap, why);
	plan_room(heap, &template);
	rq.bytes = record_request(&template);
	err = alloc_charged(heap, &rq, &template, block, why);
	if (!err)
		*handle = record_take(heap, &template, block)->handle;
	else if (err != -EAGAIN)
		leave_room(why, &template);
	/* A stack has entries of its own, which kernel code may have used up. */
	return err == -ENOMEM && why->reason == MEMMGR_REASON_RECORDS ? -ENOSPC : err;
}

/* Clear the memory of a new record and let it live. */
static int alloc_finish(struct memmgr_heap *heap, const struct viewer *viewer,
			u64 handle, bool zero, const struct engine_block *block,
			struct memmgr_info *info)
{
	struct record *record, seen;
	unsigned long flags;
	u64 took = 0;
	int err = 0;

	if (zero) {
		took = ktime_get_ns();
		heap_clear(heap, block->offset, block->granted);
		took = ktime_get_ns() - took;
	}
	flags = heap_lock(heap);
	record = record_of(heap, handle);
	/* Nobody else knows it yet: its red zones need no lock to be written. */
	if (record && record_has_zones(record)) {
		seen = *record;
		heap_unlock(heap, flags);
		zones_paint(heap, &seen);
		flags = heap_lock(heap);
		record = record_of(heap, handle);
	}
	heap->zeroed += zero ? block->granted : 0;
	heap->zero_ns += took;
	if (record) {
		record_set_state(heap, record, RECORD_LIVE);
		record_describe(heap, record, viewer, info);
		trace_memmgr_alloc(heap->region->name, heap->name, handle, info->offset,
				   record->bytes, record->align, record->tag, 0);
	} else {
		err = -ENOENT;	/* the heap was destroyed by force */
	}
	heap_unlock(heap, flags);
	return err;
}

static bool wants_zero(const struct record *template)
{
	return !(template->flags & MEMMGR_ALLOC_NO_ZERO);
}

static int alloc_try(struct memmgr_heap *heap, const struct record *template,
		     const struct viewer *viewer, struct memmgr_info *info,
		     struct engine_refusal *why)
{
	struct engine_search search = { 0 };
	struct engine_block block;
	unsigned long flags;
	u64 handle;
	int err;

	for (;;) {
		flags = heap_lock(heap);
		err = alloc_locked(heap, template, &search, &handle, &block, why);
		heap_unlock(heap, flags);
		if (err != -EAGAIN)
			break;
		cond_resched();
	}
	heap_touched(heap);
	return err ? err : alloc_finish(heap, viewer, handle, wants_zero(template),
					&block, info);
}

static bool heap_changed(const struct memmgr_heap *heap, u32 seen)
{
	return READ_ONCE(heap->freed) != seen || READ_ONCE(heap->dying);
}

/**
 * heap_wait - wait until something was freed after a try that failed
 * @heap: the caller counted itself in heap->waiters in that try
 * @seen: heap->freed at that time
 * @left: jiffies to wait at most, and what is left of them
 * @err: -ETIMEDOUT or -EINTR
 *
 * Context: process, may sleep.
 * Return: false when it was in vain.
 */
bool heap_wait(struct memmgr_heap *heap, u32 seen, long *left, int *err)
{
	*left = swait_event_interruptible_timeout_exclusive(heap->wait,
							    heap_changed(heap, seen),
							    *left);
	*err = *left < 0 ? -EINTR : -ETIMEDOUT;
	return *left > 0;
}

/* Can waiting help? Not when the request can never be served. */
static bool may_wait(const struct memmgr_heap *heap, const struct record *template,
		     int err, const struct engine_refusal *why)
{
	if (template->align > heap->max_align)
		return false;
	return err == -ENOSPC ||
	       (err == -ENOMEM && why->reason != MEMMGR_REASON_TOO_LARGE);
}

/*
 * The longest wait before the next look, whatever was freed here: what a slab
 * heap waits for may be freed in main.
 */
#define WAIT_SLICE	(HZ / 10 + 1)

static bool alloc_sleep(struct memmgr_heap *heap, u32 seen, long *left, int *err)
{
	long slice = *left;

	if (heap_is(heap, MEMMGR_KIND_SLAB))
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
 * Try until it succeeds, cannot succeed, or the time is over. Whoever was woken
 * wakes the next in any case: what was freed may be enough for two, or suit the
 * next one only. A waiter that has seen the latest free sleeps on, so the chain
 * ends.
 */
static int alloc_wait(struct memmgr_heap *heap, const struct record *template,
		      const struct viewer *viewer, u32 timeout_ms,
		      struct memmgr_info *info, struct engine_refusal *why)
{
	/* The tick that is under way is no whole one. */
	long left = timeout_ms ?
		    min_t(unsigned long, msecs_to_jiffies(timeout_ms), MAX_JIFFY_OFFSET) + 1 :
		    MAX_SCHEDULE_TIMEOUT;
	struct engine_search search = { 0 };
	struct engine_block block;
	unsigned long flags;
	bool go_on = true;
	int result = 0;
	u64 handle;
	u32 seen;
	int err;

	flags = heap_lock(heap);
	heap->waits++;
	heap->waiters++;
	for (;;) {
		/* What is freed while it searches may lie where it has looked before. */
		if (!search.at)
			seen = heap->freed;
		err = alloc_locked(heap, template, &search, &handle, &block, why);
		if (err == -EAGAIN) {
			heap_unlock(heap, flags);
			cond_resched();
			flags = heap_lock(heap);
			continue;
		}
		search = (struct engine_search) { 0 };
		if (!go_on || !may_wait(heap, template, err, why))
			break;
		heap_unlock(heap, flags);
		if (!quarantine_evict(heap, template->align, why->reason, true)) {
			go_on = alloc_sleep(heap, seen, &left, &result);
			heap_wake(heap, true);
		}
		flags = heap_lock(heap);
	}
	heap->waiters--;
	heap_unlock(heap, flags);
	heap_touched(heap);
	if (!err)
		return alloc_finish(heap, viewer, handle, wants_zero(template),
				    &block, info);
	if (!go_on && may_wait(heap, template, err, why)) {
		if (result == -ETIMEDOUT)
			why->reason = MEMMGR_REASON_TIMEOUT;
		return result;
	}
	return err;
}

/**
 * heap_failed - count and remember a request that was refused
 * @heap: that refused it
 * @bytes: asked for
 * @align: asked for
 * @why: it was refused
 *
 * Context: any, no heap lock held. O(orders).
 */
void heap_failed(struct memmgr_heap *heap, u64 bytes, u64 align,
		 const struct engine_refusal *why)
{
	struct memmgr_failure failure = {
		.bytes = bytes,
		.align = align,
		.largest = why->largest,
		.heap = heap->id,
		.reason = why->reason,
	};
	struct engine_books books;
	unsigned long flags;

	flags = heap_lock(heap);
	heap->failures[why->reason]++;
	heap->engine.ops->books(&heap->engine, &books);
	heap_unlock(heap, flags);
	trace_memmgr_fail(heap->region->name, heap->name, bytes, align, why->reason,
			  why->largest);
	failure.free = books.total - books.used;
	strscpy(failure.heap_name, heap->name, sizeof(failure.heap_name));
	/* Who grows in place where he can asks often: that is no news. */
	if (why->reason != MEMMGR_REASON_BLOCKED)
		failures_add(&heap->region->failures, &failure, heap->owner);
}

#define COMPACT_TRIES	3u	/* what was made free, others may be quicker to take */

/* Allocate after compaction, if fragmentation is what is in the way. */
static int alloc_compacted(struct memmgr_heap *heap, const struct record *template,
			   const struct viewer *viewer, struct memmgr_info *info,
			   struct engine_refusal *why)
{
	int err = -ENOMEM;
	u32 tries;

	for (tries = 0; tries < COMPACT_TRIES && err == -ENOMEM &&
	     compact_may_help(heap, template->align, why); tries++) {
		if (compact_for(heap, template->bytes, template->align, why))
			break;
		err = alloc_try(heap, template, viewer, info, why);
	}
	return err;
}

static void count_fallback(struct memmgr_heap *heap)
{
	unsigned long flags = heap_lock(heap);

	heap->fallbacks++;
	heap_unlock(heap, flags);
}

/* The heap that serves when this one gave @err, with a reference, or NULL. */
static struct memmgr_heap *fallback_for(struct memmgr_heap *heap, const struct record *template,
					int err)
{
	struct memmgr_heap *fallback;

	if ((err != -ENOMEM && err != -ENOSPC) || template->flags & MEMMGR_ALLOC_NO_FALLBACK)
		return NULL;
	fallback = heap_get_fallback(heap);
	/* One that never takes such a request is no way. */
	if (fallback && (heap_access(fallback, template->payer) ||
			 request_check(fallback, template))) {
		heap_put(fallback);
		fallback = NULL;
	}
	return fallback;
}

/* Both count it, whichever of them lets it fail. */
static int inject_failure(struct memmgr_heap *heap, struct client *client, u64 bytes,
			  struct engine_refusal *why)
{
	bool of_heap = inject_heap(heap, bytes);
	bool of_client = inject_client(client);

	if (likely(!of_heap && !of_client))
		return 0;
	engine_refuse(why, MEMMGR_REASON_INJECTED, 0);
	why->exact = false;
	return -ENOMEM;
}

/* By all the ways that the request allows, one after the other. */
static int alloc_by_all_means(struct memmgr_heap *heap, const struct heap_request *rq,
			      const struct record *template, const struct viewer *viewer,
			      struct memmgr_info *info, struct engine_refusal *why)
{
	struct engine_refusal second;
	struct memmgr_heap *fallback;
	int err;

	do {
		err = alloc_try(heap, template, viewer, info, why);
	} while (err == -ENOMEM && quarantine_evict(heap, template->align, why->reason, true));
	fallback = fallback_for(heap, template, err);
	if (fallback) {
		count_fallback(heap);
		err = alloc_try(fallback, template, viewer, info, &second);
		if (err == -ENOMEM || err == -ENOSPC)
			why->largest = max(why->largest, second.largest);
		why->exact &= second.exact;
		heap_put(fallback);
	}
	if (err == -ENOMEM && rq->flags & MEMMGR_ALLOC_MAY_COMPACT)
		err = alloc_compacted(heap, template, viewer, info, why);
	if (rq->flags & MEMMGR_ALLOC_WAIT && may_wait(heap, template, err, why))
		err = alloc_wait(heap, template, viewer, rq->timeout_ms, info, why);
	return err;
}

/* For want of something, or on purpose; not: malformed, forbidden or interrupted. */
static bool alloc_refused(int err)
{
	return err == -ENOMEM || err == -ENOSPC || err == -ETIMEDOUT || err == -EDQUOT;
}

static noinline int alloc_plain(struct memmgr_heap *heap, struct client *client,
				const struct heap_request *rq, struct memmgr_info *info,
				struct engine_refusal *why)
{
	struct viewer viewer = viewer_of(client);
	struct record template;
	int err;

	err = heap_access(heap, client);
	if (err)
		return err;
	if (rq->flags & MEMMGR_ALLOC_NO_ZERO && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	/* A private heap goes with its client, and all that lives in it. */
	if (rq->flags & MEMMGR_ALLOC_PERSISTENT && heap->flags & MEMMGR_HEAP_PRIVATE)
		return -EINVAL;
	record_prepare(&template, client, rq);
	err = request_check(heap, &template);
	if (!err)
		err = inject_failure(heap, client, rq->bytes, why);
	if (!err)
		err = alloc_by_all_means(heap, rq, &template, &viewer, info, why);
	if (alloc_refused(err))
		heap_failed(heap, rq->bytes, rq->align, why);
	return err;
}

/* The long way, while heaps are watched: apart, so that the short one pays nothing. */
static noinline int alloc_timed(struct memmgr_heap *heap, struct client *client,
				const struct heap_request *rq, struct memmgr_info *info,
				struct engine_refusal *why)
{
	u64 start = latency_begin(heap);
	int err = alloc_plain(heap, client, rq, info, why);

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
 * @heap: to allocate from
 * @client: the owner
 * @rq: what
 * @info: the allocation; @info->heap tells which heap served it
 * @why: the reason of a failure
 *
 * Context: process. Sleeps only to wait (MEMMGR_ALLOC_WAIT), and may
 * reschedule while it clears the memory. Cost: one engine allocation, and to
 * clear what was granted.
 * Return: 0 or an error of the ABI's table.
 */
int heap_alloc(struct memmgr_heap *heap, struct client *client,
	       const struct heap_request *rq, struct memmgr_info *info,
	       struct engine_refusal *why)
{
	if (debug_is_on())
		return alloc_timed(heap, client, rq, info, why);
	return alloc_plain(heap, client, rq, info, why);
}

/* A handle of no heap was to be freed: main keeps count of that. */
void heap_refused(struct region *region)
{
	struct memmgr_heap *main = heap_get(region, MEMMGR_HEAP_MAIN);
	unsigned long flags;

	if (!main)
		return;
	flags = heap_lock(main);
	main->refused++;
	heap_unlock(main, flags);
	heap_put(main);
}

/* Somebody else counts on it to stay. Under the heap's lock. */
static bool record_pinned_by_others(const struct record *record, const struct client *client)
{
	return record->pins - record->exports > client_pins(client, record);
}

/* How many bytes the allocation had that went, or an error. */
static noinline s64 free_plain(struct memmgr_heap *heap, struct client *client, u64 handle)
{
	struct viewer viewer = viewer_of(client);
	struct record *record;
	unsigned long flags;
	bool wake = false;
	u64 bytes = 0;
	int err;

	record = heap_use(heap, &viewer, handle, true, &flags);
	err = PTR_ERR_OR_ZERO(record);
	if (!err && record_pinned_by_others(record, client))
		err = -EBUSY;
	if (!err) {
		bytes = record->bytes;
		err = heap_end(heap, record, &flags);
	}
	if (err) {
		heap->refused++;
		heap_report_handle(heap, client, handle, err, true);
	} else {
		client_forget_pin(client, heap, handle);
		wake = heap_freed(heap);
	}
	heap_unlock(heap, flags);
	heap_wake(heap, wake);
	heap_touched(heap);
	quarantine_settle(heap, true);
	return err ? err : bytes;
}

static noinline s64 free_timed(struct memmgr_heap *heap, struct client *client, u64 handle)
{
	u64 start = latency_begin(heap);
	s64 done = free_plain(heap, client, handle);

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
 * @heap: that its handle names
 * @client: who asks
 * @handle: of the allocation
 *
 * What a dma-buf or I/O still uses is held until that ends; its handle is gone.
 *
 * Context: process; may sleep when it was mapped. O(levels) without mappings.
 * Return: 0, -EBADF, -EACCES or -EBUSY.
 */
int heap_free(struct memmgr_heap *heap, struct client *client, u64 handle)
{
	s64 done = debug_is_on() ? free_timed(heap, client, handle) :
		   free_plain(heap, client, handle);

	return min_t(s64, done, 0);
}

/**
 * heap_reclaim - free what a client that goes has left
 * @heap: that its handle names
 * @client: that goes; no call of it runs, and it has no mappings
 * @handle: of one of its allocations
 * @tally: takes what it had not freed, if its heap is tracked
 *
 * Context: process. O(levels); for a stack O(log live).
 */
void heap_reclaim(struct memmgr_heap *heap, struct client *client, u64 handle,
		  struct track_tally *tally)
{
	struct record *record;
	unsigned long flags;
	bool wake = false;

	hold_here(heap->region, HOLD_CLOSING);
	flags = heap_lock_unmoved(heap, handle);
	record = record_of(heap, handle);
	if (record && record->client == client) {
		if (heap->debug & DEBUG_TRACK)
			track_tally(tally, record);
		if (heap_end(heap, record, &flags)) {
			/* Below another's block: it goes when it surfaces. */
			if (heap_is(heap, MEMMGR_KIND_STACK))
				stack_abandon(&heap->stack, record_block(record));
			record_release(heap, record);
		}
		wake = heap_freed(heap);
	}
	heap_unlock(heap, flags);
	heap_wake(heap, wake);
	heap_touched(heap);
	quarantine_settle(heap, true);
}

/*
 * Forget all records of a heap that goes; their blocks go with the heap. Those
 * that something still uses stay, and keep the heap.
 */
void heap_forget_records(struct memmgr_heap *heap)
{
	unsigned long flags;
	u32 i;

	for (i = 0; i < heap->max_records; i++) {
		struct record *record = &heap->records[i];

		flags = heap_lock(heap);
		if (record->exports && record->state != RECORD_HELD)
			heap_end(heap, record, &flags);
		else if (record->state != RECORD_FREE && record->state != RECORD_HELD &&
			 record_zones(heap, record, &flags, zones_check))
			record_release(heap, record);
		heap_unlock(heap, flags);
		cond_resched();
	}
}

/* Bytes of the block behind an allocation when it has so many. */
static u32 room_behind(const struct memmgr_heap *heap, const struct record *record, u64 bytes)
{
	u64 end = record->lead + bytes, capacity = heap_capacity(heap);
	u64 left = PAGE_ALIGN(end) - end;

	if (!record->shifted)
		return record->tail;
	/* A block may end within a page. */
	return capacity && capacity >= end ? min(left, capacity - end) : left;
}

static int resize_locked(struct memmgr_heap *heap, struct record *record,
			 u64 bytes, struct engine_block *block,
			 struct engine_refusal *why)
{
	/* More than there is at all is the engine's to refuse, before a sum wraps. */
	bool possible = bytes <= heap->region->bytes;
	u32 behind = possible ? room_behind(heap, record, bytes) : 0;
	u64 room = possible ? record->lead + behind : 0;
	struct engine_request rq = { .bytes = bytes + room, .recorded = true };
	struct engine_refusal undone;
	int err;

	err = heap->engine.ops->resize(&heap->engine, record_block(record), &rq, block,
				       why);
	if (err) {
		why->exact &= !(record->lead | record->tail);
		why->largest -= min_t(u64, why->largest, record->shifted ? record->lead :
				      record->lead + record->tail);
		return err;
	}
	if (record->payer && block->granted > record->charge) {
		err = client_charge(record->payer, block->granted - record->charge,
				    0, why);
		if (err) {
			/* It has just been that small. */
			rq.bytes = record_request(record);
			heap->engine.ops->resize(&heap->engine, record_block(record),
						 &rq, block, &undone);
			return err;
		}
	} else if (record->payer) {
		client_uncharge(record->payer, record->charge - block->granted, 0);
	}
	record->charge = block->granted;
	site_count(heap->region, record->site, 0, bytes - record->bytes);
	record->bytes = bytes;
	record->tail = behind;
	heap->resizes++;
	return 0;
}

/*
 * A mapped allocation is cut: first no fault may map the end any more, then
 * the mappings of it go, then the engine gets it back.
 */
static int resize_cut(struct memmgr_heap *heap, struct record *record,
		      u64 bytes, unsigned long *flags)
{
	u64 place = record_map_place(heap, record);
	u64 handle = record->handle;
	u64 from = PAGE_ALIGN(record_inset(record) + bytes);
	u64 to = record->map_bytes;
	bool in_io;

	/* Not for a size near 2^64 that wraps: that one is refused. */
	if (!record->mapped || bytes >= to || from >= to)
		return 0;
	record_set_state(heap, record, RECORD_CHANGING);
	record->map_bytes = from;
	heap_unlock(heap, *flags);
	mapping_zap(heap->region, record_first_page(record), from, to - from);
	in_io = region_in_io(heap->region, place + from, to - from);
	*flags = heap_lock(heap);
	if (!record_is_still(heap, record, handle, RECORD_CHANGING))
		return -EBADF;
	record_set_state(heap, record, RECORD_LIVE);
	if (in_io) {
		record->map_bytes = to;
		return -EBUSY;
	}
	return 0;
}

/* What was added has to be clear before anybody can see it. */
static int resize_clear(struct memmgr_heap *heap, struct record *record,
			u64 from, const struct engine_block *block,
			unsigned long *flags)
{
	u64 handle = record->handle;
	u64 offset = record->offset;
	u64 end = block->granted - record->lead;

	record_set_state(heap, record, RECORD_CHANGING);
	heap_unlock(heap, *flags);
	heap_clear(heap, offset + from, end - from);
	*flags = heap_lock(heap);
	if (!record_is_still(heap, record, handle, RECORD_CHANGING))
		return -EBADF;
	record_set_state(heap, record, RECORD_LIVE);
	return 0;
}

/**
 * heap_resize - change the size of an allocation in place
 * @heap: that its handle names
 * @client: who asks
 * @handle: of the allocation
 * @bytes: new size
 * @granted: bytes that it occupies now
 * @why: the reason of -ENOMEM
 *
 * Context: process; may sleep when it was mapped, and may reschedule while it
 * clears what was added. O(levels^2) otherwise.
 * Return: 0 or an error of the ABI's table.
 */
int heap_resize(struct memmgr_heap *heap, struct client *client, u64 handle,
		u64 bytes, u64 *granted, struct engine_refusal *why)
{
	struct viewer viewer = viewer_of(client);
	struct engine_block block;
	struct record *record;
	unsigned long flags;
	bool wake = false;
	u64 before = 0;
	int err, may_grow;

	if (!bytes)
		return -EINVAL;
	may_grow = heap_access(heap, client);
	record = heap_use(heap, &viewer, handle, true, &flags);
	err = PTR_ERR_OR_ZERO(record);
	if (err) {
		heap_report_handle(heap, client, handle, err, false);
		goto out;
	}
	before = record->bytes;
	if (record->sealed)
		err = -EPERM;
	else if (record->exports || record_pinned_by_others(record, client))
		err = -EBUSY;
	else if (bytes > before)
		err = may_grow ? : inject_failure(heap, client, bytes, why);
	if (!err && !record_zones(heap, record, &flags, zones_check))
		err = -EBADF;
	if (!err)
		err = resize_cut(heap, record, bytes, &flags);
	if (!err)
		err = resize_locked(heap, record, bytes, &block, why);
	if (!err && bytes > before)
		err = resize_clear(heap, record, before, &block, &flags);
	if (!err) {
		record->map_bytes = record_map_bytes(heap, record, &block);
		*granted = record_has_zones(record) ? bytes : block.granted;
		if (!record_zones(heap, record, &flags, zones_paint))
			err = -EBADF;
		wake = heap_freed(heap);
		trace_memmgr_resize(heap->region->name, heap->name, handle, before,
				    bytes);
	}
out:
	heap_unlock(heap, flags);
	heap_wake(heap, wake);
	heap_touched(heap);
	if (err == -ENOMEM || err == -EDQUOT)
		heap_failed(heap, bytes, 0, why);
	return err;
}

/**
 * heap_stack_mark - remember the height of a stack heap
 * @heap: any heap
 * @mark: the height
 *
 * Context: any. O(1).
 * Return: 0, or -EOPNOTSUPP when it is no stack.
 */
int heap_stack_mark(struct memmgr_heap *heap, u64 *mark)
{
	unsigned long flags;

	if (!heap_is(heap, MEMMGR_KIND_STACK))
		return -EOPNOTSUPP;
	flags = heap_lock(heap);
	*mark = stack_mark(&heap->stack);
	heap_unlock(heap, flags);
	return 0;
}

#define RECORDS_STEP	512u	/* blocks to look at with the lock held */

/**
 * heap_stack_has_records - does a user's allocation lie above a height of a stack?
 * @heap: a stack heap, locked
 * @depth: the height, in blocks
 * @flags: of the lock, which is dropped now and then
 *
 * One that comes meanwhile comes on top, and is seen: by the number that it gets.
 *
 * Context: any. O(blocks above).
 */
bool heap_stack_has_records(struct memmgr_heap *heap, u32 depth, unsigned long *flags)
{
	u64 seq = heap->seq;

	for (; depth < heap->stack.count && heap->seq == seq; depth++) {
		if (heap->record_at[depth] != RECORD_NONE)
			return true;
		if (!(depth % RECORDS_STEP)) {
			heap_unlock(heap, *flags);
			*flags = heap_lock(heap);
		}
	}
	return heap->seq != seq;
}

#define RELEASE_LOOK	256u	/* blocks to look at with the lock held */
#define RELEASE_STEP	8u	/* that go with the lock held */

/* May the blocks from @depth to before @end go? Abandoned ones always may. */
static int release_check(struct memmgr_heap *heap, const struct viewer *viewer,
			 u32 depth, u32 end)
{
	for (; depth < end; depth++) {
		u32 i = heap->record_at[depth];
		struct record *record;

		if (heap->stack.entry[depth].start & STACK_ABANDONED)
			continue;
		if (i == RECORD_NONE)
			return -EBUSY;
		record = &heap->records[i];
		if (record_access(record, viewer) || record->busy ||
		    record->pins || record->state != RECORD_LIVE)
			return -EBUSY;
	}
	return 0;
}

/* May everything above a mark go? Looked at in steps. */
static int release_check_all(struct memmgr_heap *heap, const struct viewer *viewer,
			     u64 mark)
{
	unsigned long flags;
	bool more = true;
	u32 depth, end, d;
	int err;

	for (d = 0; more; d = end) {
		flags = heap_lock(heap);
		err = stack_depth(&heap->stack, mark, &depth);
		d = max(d, err ? 0 : depth);
		end = min(d + RELEASE_LOOK, heap->stack.count);
		if (!err)
			err = release_check(heap, viewer, d, end);
		more = !err && end < heap->stack.count;
		heap_unlock(heap, flags);
		cond_resched();
	}
	return err;
}

/* It ends with a mark: who ended it is remembered. */
static void released_note(struct memmgr_heap *heap, const struct record *record)
{
	struct engine_block block = {
		.offset = record_block(record),
		.granted = record->map_bytes,
		.recorded = true,
	};

	quarantine_add_record(heap, record, heap_place(heap, record->offset), &block, false);
}

/*
 * Look at the zones of the topmost block, whose record its client may end. False when it
 * is another one then, for the lock was dropped.
 */
static bool release_zones(struct memmgr_heap *heap, unsigned long *flags)
{
	u32 top = heap->stack.count - 1;
	struct record *record = &heap->records[heap->record_at[top]];
	u64 handle = record->handle;

	return record_zones(heap, record, flags, zones_check) &&
	       heap->stack.count == top + 1 && record_is_still(heap, record, handle, RECORD_LIVE);
}

static bool top_has_zones(const struct memmgr_heap *heap)
{
	u32 i = heap->record_at[heap->stack.count - 1];

	return i != RECORD_NONE && record_has_zones(&heap->records[i]);
}

/* Blocks from @depth on go, and their records. Under the heap's lock. */
static void release_above(struct memmgr_heap *heap, u32 depth, u32 *released)
{
	struct stack *s = &heap->stack;
	u32 d, n;

	for (d = depth; d < s->count; d++) {
		if (s->entry[d].start & STACK_ABANDONED)
			continue;
		released_note(heap, &heap->records[heap->record_at[d]]);
		record_release(heap, &heap->records[heap->record_at[d]]);
		++*released;
	}
	stack_release(s, stack_mark_at(s, depth), &n);
}

/* Let go of the topmost blocks above a mark. Under the heap's lock. */
static int release_step(struct memmgr_heap *heap, const struct viewer *viewer, u64 mark,
			u32 *released, bool *more, unsigned long *flags)
{
	struct stack *s = &heap->stack;
	u32 depth, step;
	int err;

	err = stack_depth(s, mark, &depth);
	*more = !err && s->count != depth;
	if (!*more)
		return err;
	step = top_has_zones(heap) ? 1 : RELEASE_STEP;
	if (s->count - depth > step)
		depth = s->count - step;
	err = release_check(heap, viewer, depth, s->count);
	if (err || (top_has_zones(heap) && !release_zones(heap, flags)))
		return err;
	release_above(heap, depth, released);
	*more = depth != (u32)mark;
	return 0;
}

/**
 * heap_stack_release - free everything above a mark
 * @heap: any heap
 * @client: who asks; it must be allowed to free all of it
 * @mark: of heap_stack_mark()
 * @released: allocations that went
 *
 * Context: process. O(allocations that go), the lock dropped between steps:
 * first to see that all of them may go, then to free them.
 * Return: 0, -EOPNOTSUPP, -EINVAL when the stack was below the mark since, or
 * -EBUSY when something above it is not the client's.
 */
int heap_stack_release(struct memmgr_heap *heap, struct client *client, u64 mark,
		       u32 *released)
{
	struct viewer viewer = viewer_of(client);
	unsigned long flags;
	bool wake, more = true;
	int err;

	*released = 0;
	if (!heap_is(heap, MEMMGR_KIND_STACK))
		return -EOPNOTSUPP;
	err = release_check_all(heap, &viewer, mark);
	while (!err && more) {
		flags = heap_lock(heap);
		err = release_step(heap, &viewer, mark, released, &more, &flags);
		wake = heap_freed(heap);
		heap_unlock(heap, flags);
		heap_wake(heap, wake);
		cond_resched();
	}
	return err;
}

/**
 * heap_info - what is known of an allocation
 * @heap: that its handle names
 * @client: who asks
 * @handle: of the allocation
 * @info: the answer
 *
 * Context: process. O(1); for a stack O(log live).
 * Return: 0, -EBADF, -EACCES or -EBUSY.
 */
int heap_info(struct memmgr_heap *heap, struct client *client, u64 handle,
	      struct memmgr_info *info)
{
	struct viewer viewer = viewer_of(client);
	struct record *record;
	unsigned long flags;
	int err;

	flags = heap_lock(heap);
	record = record_use(heap, &viewer, handle);
	/* A look does not end its move. */
	if (record == ERR_PTR(-EAGAIN))
		record = record_of(heap, handle);
	err = PTR_ERR_OR_ZERO(record);
	if (!err)
		record_describe(heap, record, &viewer, info);
	heap_unlock(heap, flags);
	return err;
}

#define NEXT_STEPS	64u	/* records to look at with the lock held */

/**
 * heap_info_next - the first live allocation at or behind a place in the table
 * @heap: the heap
 * @client: who asks; NULL: a file of debugfs
 * @index: where to begin, and where to go on
 * @info: the answer
 *
 * Context: process, may sleep. A bounded number of records is looked at in one go.
 * Return: false when there are no more.
 */
bool heap_info_next(struct memmgr_heap *heap, struct client *client,
		    u32 *index, struct memmgr_info *info)
{
	struct viewer viewer = viewer_of(client);
	bool found = false;
	unsigned long flags;
	u32 end;

	while (!found && *index < heap->max_records) {
		end = min(*index + NEXT_STEPS, heap->max_records);
		flags = heap_lock(heap);
		for (; !found && *index < end; ++*index) {
			u32 i = array_index_nospec(*index, heap->max_records);
			struct record *record = &heap->records[i];

			found = record->state != RECORD_FREE &&
				record->state != RECORD_NEW;
			if (found)
				record_describe(heap, record, &viewer, info);
		}
		heap_unlock(heap, flags);
		cond_resched();
	}
	return found;
}
