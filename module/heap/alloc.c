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
#include "heap/quick.h"
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

/* Fill in what the maker of a record chooses. */
static void record_prepare(struct record *record, struct client *client,
			   const struct heap_request *rq)
{
	record->marks = 0;
	record->state = RECORD_NEW;
	record->flags = rq->flags;
	if (likely(!(rq->flags & MEMMGR_ALLOC_PERSISTENT)))
		record->owned = true;
	record->access = MEMMGR_ACCESS_READ | MEMMGR_ACCESS_WRITE;
	record->bytes = rq->bytes;
	record->time_ns = ktime_get_boottime_ns();
	record->client = client;
	record->lead = 0;
	record->tail = 0;
	record->site = 0;
	if (rq->align)
		record_set_align(record, rq->align);
	record_set_site(record, rq->site);
}

/* The calling thread, and the tag that it gave. */
static void origin_prepare(struct origin *origin, const char *tag)
{
	origin->uid = current_euid();
	origin->pid = task_tgid_nr(current);
	origin->tid = task_pid_nr(current);
	/* The kernel pads it with zeros, and always ends it with one, also while it changes it. */
	memcpy(origin->comm, current->comm, sizeof(origin->comm));
	if (tag[0])
		strscpy_pad(origin->tag, tag, sizeof(origin->tag));
	else
		memset(origin->tag, 0, sizeof(u32));	/* the word that origin_take() compares */
}

/**
 * order_prepare - prepare a request for its tries
 * @order: filled in, but for @order->answer and @order->why, which the caller sets
 * @client: the owner
 * @rq: the request
 *
 * Context: process. O(1).
 */
void order_prepare(struct heap_order *order, struct client *client,
		   const struct heap_request *rq)
{
	record_prepare(&order->wanted.record, client, rq);
	origin_prepare(&order->wanted.origin, rq->tag);
	order->rq.align = rq->align;
	order->rq.recorded = true;
	order->rq.search = &order->search;
	order->zero = !(rq->flags & MEMMGR_ALLOC_NO_ZERO);
}

/* No record is left. If no memory is left either, report that, as it has to change first. */
static int refuse_record(struct memmgr_heap *heap, struct engine_refusal *why)
{
	struct engine_frag frag __uninitialized;
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

/* How many records are left for this client? Main's last ones are for root. */
static u32 records_left(const struct memmgr_heap *heap, const struct client *client)
{
	u32 reserve = heap->id == MEMMGR_HEAP_MAIN && !client->trusted ?
		      heap->table.max / ROOT_PART : 0;

	heap_assert_locked(heap);
	return max(heap->table.max - heap->table.used, reserve) - reserve;
}

/* Allocate in the engine, give the block a record, and charge the client; or do none of it. */
static int alloc_charged(struct memmgr_heap *heap, struct heap_order *order)
{
	struct record *template = &order->wanted.record;
	struct engine_block *block = &order->block;
	int err = 0;

	order->rq.bytes = record_request(template);
	/* A private heap is charged as a whole. */
	template->charged = !(heap->flags & MEMMGR_HEAP_PRIVATE);
	/* Check first, so that the engine's books do not count a request that must fail. */
	if (template->charged)
		err = client_may_take(template->client, order->rq.bytes,
				      heap->id == MEMMGR_HEAP_MAIN, order->why);
	if (!err)
		err = block_take(heap, &order->rq, block, order->why);
	if (err)
		return err;
	template->charge = block->granted;
	order->record = record_take(heap, template,
				    origin_take(heap, &order->wanted.origin, 1), block);
	err = client_take_records(heap, &order->record, 1, block->granted, order->why);
	if (err) {
		record_untake(heap, order->record);
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

/* Are a record and an origin made that are free? */
static bool record_made(const struct memmgr_heap *heap)
{
	return heap->table.records.free != RECORD_NONE &&
	       heap->table.origins.free != RECORD_NONE;
}

/* Are a record and an origin ready? -EAGAIN: alloc_again() has to make some. */
static int record_ready(struct memmgr_heap *heap, struct engine_refusal *why)
{
	if (likely(record_made(heap)))
		return 0;
	if (heap->table.records.free == RECORD_NONE && !records_wanted(heap))
		return refuse_record(heap, why);
	return -EAGAIN;
}

static noinline void record_trace(const struct memmgr_heap *heap, const struct record *record)
{
	trace_memmgr_alloc(heap->region->name, heap->name, record->handle,
			   heap_place(heap, record->offset), record->bytes,
			   record_align(record), record_origin(heap, record)->tag, 0);
}

/* A new record, whose memory is clear, becomes live. */
static quick_inline void record_live(struct memmgr_heap *heap, struct record *record)
{
	record_set_state(heap, record, RECORD_LIVE);
	if (trace_memmgr_alloc_enabled())
		record_trace(heap, record);
}

/* A new record becomes live, and its maker learns of it. */
static void record_answer(struct memmgr_heap *heap, struct record *record, u64 place,
			  const struct heap_order *order)
{
	struct heap_answer *answer = order->answer;

	record_live(heap, record);
	answer->handle = record->handle;
	answer->offset = place;
	answer->granted = record_has_zones(record) ? record->bytes : order->block.granted;
	answer->map_offset = record_map_offset(heap, record);
	answer->heap = heap->id;
}

/* So few bytes are cleared while the heap is locked: that costs less than to lock it again. */
#define CLEAR_LOCKED	256u

/* Make a new record live at once, unless it has more to be written than a few bytes. */
static bool alloc_done(struct memmgr_heap *heap, const struct heap_order *order)
{
	const struct engine_block *block = &order->block;
	u64 place;

	if (record_has_zones(order->record))
		return false;
	if (order->zero && (block->granted > CLEAR_LOCKED || region_is_io(heap->region)))
		return false;
	place = heap_place(heap, block->offset);
	if (order->zero) {
		region_zero_plain(heap->region, place, block->granted);
		heap->counts.zeroed += block->granted;
	}
	record_answer(heap, order->record, place, order);
	return true;
}

/* Can the heap take such a request now, and is a record left for it? */
static quick_inline int alloc_check(struct memmgr_heap *heap, const struct heap_order *order)
{
	const struct record *template = &order->wanted.record;
	int err = heap_serves(heap);

	if (err)
		return err;
	if (template->flags & MEMMGR_ALLOC_GUARD && !guard_fits(heap, template->bytes))
		return engine_refuse(order->why, MEMMGR_REASON_TOO_LARGE, 0);
	if (order->rq.align > heap->max_align)
		return engine_refuse(order->why, MEMMGR_REASON_ALIGNMENT, 0);
	if (!records_left(heap, template->client))
		return refuse_record(heap, order->why);
	return record_ready(heap, order->why);
}

/**
 * alloc_locked - try once a request that request_check() has let pass
 * @heap: the heap, locked
 * @order: the request; each try plans the room and the charge in its template anew
 *
 * Context: any. O(1), and what the engine takes.
 * Return: 0: the record is live, or, if not @order->done, new, and alloc_finish() follows
 * without the lock. -EAGAIN: the search for memory has not finished, or there is no record or
 * no origin yet; the caller drops the lock and calls alloc_again() before it tries again. Or
 * another error of the ABI's table.
 */
int alloc_locked(struct memmgr_heap *heap, struct heap_order *order)
{
	struct record *template = &order->wanted.record;
	int err;

	heap_assert_locked(heap);
	err = alloc_check(heap, order);
	if (err)
		return err;
	heap_moment(heap, room, template);
	err = alloc_charged(heap, order);
	if (likely(!err)) {
		order->handle = order->record->handle;
		order->done = alloc_done(heap, order);
		return 0;
	}
	if (err != -EAGAIN)
		leave_room(order->why, template);
	/* Kernel code may have used up the stack's own table of blocks. */
	return err == -ENOMEM && order->why->reason == MEMMGR_REASON_RECORDS ? -ENOSPC : err;
}

/* Clear the memory of a new record, and make the record live. */
int alloc_finish(struct memmgr_heap *heap, struct heap_order *order)
{
	const struct engine_block *block = &order->block;
	struct record_copy seen __uninitialized;
	struct record *record;
	unsigned long flags;
	u64 took = 0;
	int err = 0;

	if (order->zero) {
		took = ktime_get_ns();
		heap_clear(heap, block->offset, block->granted);
		took = ktime_get_ns() - took;
	}
	flags = heap_lock(heap);
	record = record_of(heap, order->handle);
	/* The handle is not known yet, so its red zones can be written without the lock. */
	if (record && record_has_zones(record)) {
		record_copy(heap, record, &seen);
		heap_unlock(heap, flags);
		heap_moment(heap, paint, &seen);
		flags = heap_lock(heap);
		record = record_of(heap, order->handle);
	}
	heap->counts.zeroed += order->zero ? block->granted : 0;
	heap->counts.zero_ns += took;
	if (record)
		record_answer(heap, record, heap_place(heap, record->offset), order);
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

/**
 * alloc_try - allocate without fallback, compaction or waiting
 * @heap: the heap
 * @order: the request, prepared
 *
 * Context: process, may reschedule.
 * Return: 0 or an error of the ABI's table.
 */
int alloc_try(struct memmgr_heap *heap, struct heap_order *order)
{
	unsigned long flags;
	int err;

	engine_search_begin(&order->search);
	for (;;) {
		flags = heap_lock(heap);
		err = alloc_locked(heap, order);
		heap_unlock(heap, flags);
		if (likely(err != -EAGAIN))
			break;
		err = alloc_again(heap);
		if (err)
			break;
	}
	heap_touched(heap);
	return err || order->done ? err : alloc_finish(heap, order);
}

/**
 * group_fits - may alloc_group() make allocations for a request?
 * @heap: the heap
 * @rq: the request, which request_check() has let pass
 *
 * It may if the work for each of them is short, so that GROUP_MOST of them can be made while
 * the lock is held.
 *
 * Context: any. O(1).
 */
bool group_fits(const struct memmgr_heap *heap, const struct heap_request *rq)
{
	u64 most = max(heap->capacity, round_up(rq->bytes, heap->align));

	return most <= CLEAR_LOCKED && rq->align <= CLEAR_LOCKED && !region_is_io(heap->region);
}

/* How many of @n allocations have a record, and need no new slab: a group adds none. */
static u32 group_room(struct memmgr_heap *heap, struct heap_order *order, u32 n)
{
	const struct slabs *s = &heap->slabs;

	/* While features are turned on, they are told of each allocation. */
	if (heap_moments(heap) || alloc_check(heap, order))
		return 0;
	if (heap_is(heap, MEMMGR_KIND_SLAB))
		n = min(n, s->held * s->layout.objects - s->live);
	return min(n, records_left(heap, order->wanted.record.client));
}

/* Take blocks of @bytes in all and records for a group. The client does not know them yet. */
static u32 group_take(struct memmgr_heap *heap, struct heap_order *order,
		      struct record **records, u32 n, u64 *bytes)
{
	struct record *template = &order->wanted.record;
	struct engine_request rq = {
		.bytes = template->bytes, .align = order->rq.align, .recorded = true,
	};
	u32 i, origin;

	if (!n)
		return 0;
	template->charged = !(heap->flags & MEMMGR_HEAP_PRIVATE);
	origin = origin_take(heap, &order->wanted.origin, n);
	for (i = 0; i < n && heap->table.records.free != RECORD_NONE; i++) {
		/* Without a search: a refusal here is not the last word. */
		if (block_take(heap, &rq, &order->block, order->why))
			break;
		template->charge = order->block.granted;
		*bytes += order->block.granted;
		records[i] = record_take(heap, template, origin, &order->block);
	}
	if (unlikely(i < n))
		origin_put(heap, origin, n - i);
	return i;
}

static void group_undo(struct memmgr_heap *heap, struct heap_order *order,
		       struct record **records, u32 n)
{
	while (n--) {
		heap->engine.ops->free(&heap->engine, record_block(records[n]), true,
				       &order->block);
		record_untake(heap, records[n]);
	}
}

/* Charge a group, or undo it. The one by one path counts and tells the refusal. */
static bool group_charge(struct memmgr_heap *heap, struct heap_order *order,
			 struct record **records, u32 n, u64 bytes)
{
	if (likely(!client_take_records(heap, records, n, bytes, NULL)))
		return true;
	group_undo(heap, order, records, n);
	return false;
}

/* The new records of a group become live. */
static void group_show(struct memmgr_heap *heap, bool zero, struct record **records, u32 n,
		       u64 *handles)
{
	u32 i;

	for (i = 0; i < n; i++) {
		struct record *record = records[i];

		if (zero) {
			region_zero_plain(heap->region, heap_place(heap, record->offset),
					  record->map_bytes);
			heap->counts.zeroed += record->map_bytes;
		}
		record_live(heap, record);
		handles[i] = record->handle;
	}
}

/**
 * alloc_group - make several allocations under one hold of the lock
 * @heap: the heap; group_fits() says that it may
 * @order: the request, prepared
 * @handles: filled in
 * @n: number of allocations, at most GROUP_MOST
 *
 * None is made for which there is more to do than to take it: to make records, to add a slab,
 * to search, or to refuse it. alloc_try() does that.
 *
 * Context: process. O(GROUP_MOST).
 * Return: the number of allocations made; all of them are live.
 */
u32 alloc_group(struct memmgr_heap *heap, struct heap_order *order, u64 *handles, u32 n)
{
	u64 each = max(heap->capacity, round_up(order->wanted.record.bytes, heap->align));
	bool main = heap->id == MEMMGR_HEAP_MAIN, private = heap->flags & MEMMGR_HEAP_PRIVATE;
	struct client *client = order->wanted.record.client;
	struct record *records[GROUP_MOST] __uninitialized;
	unsigned long flags;
	u64 bytes = 0;

	flags = heap_lock(heap);
	n = group_room(heap, order, n);
	if (private || client_has_room(client, each * n, n, main))
		n = group_take(heap, order, records, n, &bytes);
	else
		n = 0;
	if (n && !group_charge(heap, order, records, n, bytes))
		n = 0;
	group_show(heap, order->zero, records, n, handles);
	heap_unlock(heap, flags);
	heap_touched(heap);
	return n;
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

/* Bytes that are free. A pool need not sum up its size classes. */
static u64 heap_unused(struct memmgr_heap *heap)
{
	const struct pool *p = &heap->pool;
	struct engine_books books __uninitialized;

	if (!IS_ENABLED(CONFIG_MEMMGR_LEAN) && heap_is(heap, MEMMGR_KIND_POOL))
		return (u64)(p->count - p->live) * p->stride;
	heap->engine.ops->books(&heap->engine, &books);
	return books.total - books.used;
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
	unsigned long flags;

	flags = heap_lock(heap);
	heap->counts.failures[why->reason]++;
	failure.free = heap_unused(heap);
	heap_unlock(heap, flags);
	trace_memmgr_fail(heap->region->name, heap->name, bytes, align, why->reason,
			  why->largest);
	memcpy(failure.heap_name, heap->name, sizeof(failure.heap_name));
	/* A program may often try to grow in place, so such refusals are not logged. */
	if (why->reason != MEMMGR_REASON_BLOCKED)
		failures_add(&heap->region->failures, &failure, heap->owner);
}
