// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Allocations of clients: blocks with a record. */
#include <linux/cred.h>
#include <linux/mm.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/timekeeping.h>

#include "base/compat.h"
#include "base/trace.h"
#include "core/engine.h"
#include "heap/account.h"
#include "heap/alloc.h"
#include "heap/heap.h"
#include "heap/kinds.h"
#include "heap/moments.h"
#include "heap/record.h"
#include "heap/records.h"
#include "region/failures.h"
#include "region/memory.h"
#include "region/region.h"

/* Clear a block that no one else uses. Can take long, so it may reschedule. */
void heap_clear(struct memmgr_heap *heap, u64 offset, u64 bytes)
{
	region_clear(heap->region, heap_place(heap, offset), bytes);
}

/* Fill in all fields of a record that its maker chooses, and its origin. */
void record_prepare(struct record_copy *wanted, struct client *client,
		    const struct heap_request *rq)
{
	wanted->record = (struct record) {
		.state = RECORD_NEW,
		.flags = rq->flags,
		.bytes = rq->bytes,
		.time_ns = ktime_get_boottime_ns(),
		.client = client,
		.owned = !(rq->flags & MEMMGR_ALLOC_PERSISTENT),
		.charged = true,
		.access = MEMMGR_ACCESS_READ | MEMMGR_ACCESS_WRITE,
	};
	record_set_align(&wanted->record, rq->align);
	record_set_site(&wanted->record, rq->site);
	wanted->origin.uid = current_euid();
	wanted->origin.pid = task_tgid_nr(current);
	wanted->origin.tid = task_pid_nr(current);
	/* The kernel pads it with zeros, and always ends it with one, also while it changes it. */
	memcpy(wanted->origin.comm, current->comm, sizeof(wanted->origin.comm));
	if (rq->tag[0])
		strscpy_pad(wanted->origin.tag, rq->tag, sizeof(wanted->origin.tag));
	else
		memset(wanted->origin.tag, 0, sizeof(wanted->origin.tag));
}

/* No record is left. If no memory is left either, report that, as it has to change first. */
static int refuse_record(struct memmgr_heap *heap, struct engine_refusal *why)
{
	struct engine_frag frag;
	bool full;

	heap->engine.ops->frag(&heap->engine, &frag);
	full = heap->traits->keeps_order ? !frag.free : !frag.largest;
	if (full)
		return engine_refuse(why, heap_grows(heap) ?
				     MEMMGR_REASON_LIMIT :
				     MEMMGR_REASON_EXHAUSTED, 0);
	engine_refuse(why, MEMMGR_REASON_RECORDS, 0);
	return -ENOSPC;
}

/* Is a record left for this client? Main's last ones are for root. */
static bool records_left(const struct memmgr_heap *heap, const struct client *client)
{
	u32 reserve = heap->id == MEMMGR_HEAP_MAIN && !client->trusted ?
		      heap->table.max / ROOT_PART : 0;

	heap_assert_locked(heap);
	return heap->table.max - heap->table.used > reserve;
}

/*
 * Allocate in the engine, give the block a record, and charge the client; or do none of it.
 * @rq: the request to the engine, without the size.
 */
static int alloc_charged(struct memmgr_heap *heap, struct record_copy *wanted,
			 struct engine_request *rq, struct record **record,
			 struct engine_block *block, struct engine_refusal *why)
{
	struct record *template = &wanted->record;
	int err = 0;

	rq->bytes = record_request(template);
	/* A private heap is charged as a whole. */
	template->charged = !(heap->flags & MEMMGR_HEAP_PRIVATE);
	/* Check first, so that the engine's books do not count a request that must fail. */
	if (template->charged)
		err = client_may_take(template->client, rq->bytes, heap->id == MEMMGR_HEAP_MAIN,
				      why);
	if (!err)
		err = heap->engine.ops->alloc(&heap->engine, rq, block, why);
	if (err)
		return err;
	template->charge = block->granted;
	*record = record_take(heap, wanted, block);
	err = client_take_records(heap, record, 1, why);
	if (err) {
		record_untake(heap, *record);
		heap->engine.ops->free(&heap->engine, block->offset, true, block);
	}
	return err;
}

/* Does the window hold a guarded allocation, which has two more pages to map? */
static bool guard_fits(const struct memmgr_heap *heap, u64 bytes)
{
	u64 window = PAGE_SIZE << heap->region->view.window_shift;

	return bytes <= window - 2 * PAGE_SIZE;
}

/* Does the heap still serve requests? */
static int heap_serves(const struct memmgr_heap *heap)
{
	if (region_is_gone(heap->region))
		return -ENODEV;
	return READ_ONCE(heap->lasting.dying) ? -ENOENT : 0;
}

/* Refuse requests that the heap never serves, however much is free. */
int request_check(const struct memmgr_heap *heap, const struct heap_request *rq)
{
	int err = heap_serves(heap);

	if (err)
		return err;
	if (!rq->bytes || !engine_align_ok(rq->align))
		return -EINVAL;
	if (rq->flags & MEMMGR_ALLOC_GUARD && heap->table.window == HEAP_NO_WINDOW)
		return -EOPNOTSUPP;
	return 0;
}

/* Subtract the room beside an allocation from the largest possible size. */
static void leave_room(struct engine_refusal *why, const struct record *template)
{
	u32 room = record_lead(template) + record_tail(template);

	why->exact &= !room;
	if (!record_shifted(template))
		why->largest -= min_t(u64, why->largest, room);
}

/* Are a record and an origin ready? -EAGAIN: alloc_again() has to make some. */
static int record_ready(struct memmgr_heap *heap, struct engine_refusal *why)
{
	if (likely(heap->table.records.free != RECORD_NONE &&
		   heap->table.origins.free != RECORD_NONE))
		return 0;
	if (heap->table.records.free == RECORD_NONE && !records_wanted(heap))
		return refuse_record(heap, why);
	return -EAGAIN;
}

/*
 * Try once a request that request_check() has let pass. Each try plans the room and the charge
 * in @wanted anew. After success the record is new, and its memory not yet cleared. -EAGAIN:
 * the search for memory has not finished, or there is no record or no origin yet. The caller
 * drops the lock and calls alloc_again() before it tries again.
 */
int alloc_locked(struct memmgr_heap *heap, struct record_copy *wanted,
		 struct engine_search *search, struct record **record,
		 struct engine_block *block, struct engine_refusal *why)
{
	struct record *template = &wanted->record;
	struct engine_request rq = {
		.align = record_align(template), .recorded = true, .search = search,
	};
	int err;

	err = heap_serves(heap);
	if (err)
		return err;
	if (template->flags & MEMMGR_ALLOC_GUARD && !guard_fits(heap, template->bytes))
		return engine_refuse(why, MEMMGR_REASON_TOO_LARGE, 0);
	if (rq.align > heap->max_align)
		return engine_refuse(why, MEMMGR_REASON_ALIGNMENT, 0);
	if (!records_left(heap, template->client))
		return refuse_record(heap, why);
	err = record_ready(heap, why);
	if (err)
		return err;
	heap_moment(heap, room, template);
	err = alloc_charged(heap, wanted, &rq, record, block, why);
	if (err && err != -EAGAIN)
		leave_room(why, template);
	/* Kernel code may have used up the stack's own table of blocks. */
	return err == -ENOMEM && why->reason == MEMMGR_REASON_RECORDS ? -ENOSPC : err;
}

/* A new record, whose memory is clear, becomes live. */
static void record_live(struct memmgr_heap *heap, struct record *record,
			const struct engine_block *block, struct heap_answer *answer)
{
	record_set_state(heap, record, RECORD_LIVE);
	*answer = (struct heap_answer) {
		.handle = record->handle,
		.offset = heap_place(heap, record->offset),
		.granted = record_has_zones(record) ? record->bytes : block->granted,
		.map_offset = record_map_offset(heap, record),
		.heap = heap->id,
	};
	trace_memmgr_alloc(heap->region->name, heap->name, record->handle, answer->offset,
			   record->bytes, record_align(record), record_origin(heap, record)->tag,
			   0);
}

/* So few bytes are cleared while the heap is locked: that costs less than to lock it again. */
#define CLEAR_LOCKED	256u

/**
 * alloc_done - make a new record live at once
 * @heap: its heap, still locked since alloc_locked()
 * @record: the record
 * @block: its block
 * @zero: clear the memory
 * @answer: filled in
 *
 * Context: any. O(1): at most CLEAR_LOCKED bytes are cleared, and never a device's memory.
 * Return: false if there is more to do, which alloc_finish() does.
 */
bool alloc_done(struct memmgr_heap *heap, struct record *record,
		const struct engine_block *block, bool zero, struct heap_answer *answer)
{
	heap_assert_locked(heap);
	if (record_has_zones(record))
		return false;
	if (zero && (block->granted > CLEAR_LOCKED || region_is_io(heap->region)))
		return false;
	if (zero) {
		region_zero(heap->region, heap_place(heap, block->offset), block->granted);
		heap->counts.zeroed += block->granted;
	}
	record_live(heap, record, block, answer);
	return true;
}

/* Clear the memory of a new record, and make the record live. */
int alloc_finish(struct memmgr_heap *heap, u64 handle, bool zero,
		 const struct engine_block *block, struct heap_answer *answer)
{
	struct record_copy seen __uninitialized;
	struct record *record;
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
	/* The handle is not known yet, so its red zones can be written without the lock. */
	if (record && record_has_zones(record)) {
		record_copy(heap, record, &seen);
		heap_unlock(heap, flags);
		heap_moment(heap, paint, &seen);
		flags = heap_lock(heap);
		record = record_of(heap, handle);
	}
	heap->counts.zeroed += zero ? block->granted : 0;
	heap->counts.zero_ns += took;
	if (record)
		record_live(heap, record, block, answer);
	else
		err = -ENOENT;	/* the heap was destroyed by force */
	heap_unlock(heap, flags);
	return err;
}

/* Before a try goes on. Context: may sleep. -ENOMEM: the system has no memory for records. */
int alloc_again(struct memmgr_heap *heap)
{
	cond_resched();
	return records_make(heap);
}

bool wants_zero(const struct record *template)
{
	return !(template->flags & MEMMGR_ALLOC_NO_ZERO);
}

int alloc_try(struct memmgr_heap *heap, struct record_copy *wanted,
	      struct heap_answer *answer, struct engine_refusal *why)
{
	bool done = false, zero = wants_zero(&wanted->record);
	struct engine_block block __uninitialized;
	struct engine_search search = { 0 };
	struct record *record;
	unsigned long flags;
	u64 handle = 0;
	int err;

	for (;;) {
		flags = heap_lock(heap);
		err = alloc_locked(heap, wanted, &search, &record, &block, why);
		if (!err) {
			handle = record->handle;
			done = alloc_done(heap, record, &block, zero, answer);
		}
		heap_unlock(heap, flags);
		if (err != -EAGAIN)
			break;
		err = alloc_again(heap);
		if (err)
			break;
	}
	heap_touched(heap);
	return err || done ? err : alloc_finish(heap, handle, zero, &block, answer);
}

static bool heap_changed(const struct memmgr_heap *heap, u32 seen)
{
	return READ_ONCE(heap->freed) != seen || READ_ONCE(heap->lasting.dying);
}

/**
 * heap_wait - wait for a free, after a try that failed
 * @heap: the heap; the caller counted itself in heap->waiters in that try
 * @seen: heap->freed at that time
 * @left: longest wait in jiffies; set to what is left of it
 * @err: set to -ETIMEDOUT or -EINTR
 *
 * Context: process, may sleep.
 * Return: false if the wait ended without a free.
 */
bool heap_wait(struct memmgr_heap *heap, u32 seen, long *left, int *err)
{
	*left = swait_event_interruptible_timeout_exclusive(heap->wait,
							    heap_changed(heap, seen),
							    *left);
	*err = *left < 0 ? -EINTR : -ETIMEDOUT;
	return *left > 0;
}

/**
 * heap_failed - count and log a refused request
 * @heap: the heap that refused it
 * @bytes: requested size
 * @align: requested alignment
 * @why: reason of the refusal
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
	heap->counts.failures[why->reason]++;
	heap->engine.ops->books(&heap->engine, &books);
	heap_unlock(heap, flags);
	trace_memmgr_fail(heap->region->name, heap->name, bytes, align, why->reason,
			  why->largest);
	failure.free = books.total - books.used;
	strscpy(failure.heap_name, heap->name, sizeof(failure.heap_name));
	/* A program may often try to grow in place, so such refusals are not logged. */
	if (why->reason != MEMMGR_REASON_BLOCKED)
		failures_add(&heap->region->failures, &failure, heap->owner);
}
