// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* ioctls about allocations. */
#include <linux/uaccess.h>

#include "base/compat.h"
#include "base/kept.h"
#include "client/client.h"
#include "client/request.h"
#include "core/engine.h"
#include "core/handle.h"
#include "debug/key.h"
#include "debug/sites.h"
#include "debug/track.h"
#include "face/call.h"
#include "face/calls_alloc.h"
#include "heap/access.h"
#include "heap/account.h"
#include "heap/alloc.h"
#include "heap/free.h"
#include "heap/grow.h"
#include "heap/heap.h"
#include "heap/lookup.h"
#include "heap/marks.h"
#include "heap/resize.h"
#include "heap/rights.h"
#include "heap/stats.h"
#include "region/failures.h"
#include "region/stop.h"
#include "region/memory.h"
#include "region/region.h"

#define BATCH_FLAGS	(MEMMGR_ALLOC_PERSISTENT | MEMMGR_ALLOC_NO_FALLBACK | \
			 MEMMGR_ALLOC_GUARD | MEMMGR_ALLOC_NO_ZERO | \
			 MEMMGR_ALLOC_MAY_COMPACT | MEMMGR_ALLOC_MAY_SHIFT | \
			 MEMMGR_ALLOC_POPULATE)
#define ALLOC_FLAGS	(BATCH_FLAGS | MEMMGR_ALLOC_WAIT)

/* The values that record.flags has to hold. */
static_assert(ALLOC_FLAGS <= U8_MAX);

static bool alloc_flags_ok(u32 flags, u32 known)
{
	/* A program that maps without guard pages assumes a page-aligned allocation. */
	return !(flags & ~known) &&
	       (flags & MEMMGR_ALLOC_GUARD || !(flags & MEMMGR_ALLOC_MAY_SHIFT));
}

/* The site of the call in the caller's program, if the heap is tracked. */
static u32 caller_site(const struct caller *caller, u64 address)
{
	if (!(READ_ONCE(caller->heap->debug) & DEBUG_TRACK))
		return SITE_NONE;
	return site_of_user(caller->client->region, &client_file(caller->client)->sites, address);
}

int call_alloc(struct caller *caller, void *arg)
{
	struct memmgr_alloc *a = arg;
	struct heap_request rq = {
		.bytes = a->bytes,
		.align = a->align,
		.flags = a->flags,
		.timeout_ms = a->timeout_ms,
		.tag = a->tag,
		.site = caller_site(caller, a->site),
	};
	struct engine_refusal why __uninitialized;
	struct heap_answer answer __uninitialized;
	int err;

	if (!alloc_flags_ok(a->flags, ALLOC_FLAGS) ||
	    (a->tag[0] && !text_ok(a->tag, sizeof(a->tag))) ||
	    (a->timeout_ms && !(a->flags & MEMMGR_ALLOC_WAIT)))
		return -EINVAL;
	why.reason = MEMMGR_REASON_NONE;
	why.exact = false;
	why.largest = 0;
	err = heap_alloc(caller->heap, caller->client, &rq, &answer, &why);
	if (err)
		answer = (struct heap_answer) { .heap = a->heap };
	a->handle = answer.handle;
	a->offset = answer.offset;
	a->granted = answer.granted;
	a->map_offset = answer.map_offset;
	a->from = answer.heap;
	a->reason = err ? why.reason : MEMMGR_REASON_NONE;
	a->largest = err ? why.largest : 0;
	a->exact = err && why.exact;
	return err;
}

/* Free by handle, in the heap that the handle names. */
static int free_handle(struct client *client, u64 handle)
{
	struct memmgr_heap *heap = heap_get(client->region, handle_heap(handle));
	int err;

	if (!heap) {
		heap_refused(client->region);
		return -EBADF;
	}
	err = heap_free(heap, client, handle);
	heap_trim(heap);
	heap_put(heap);
	return err;
}

int call_free(struct caller *caller, void *arg)
{
	struct memmgr_free *f = arg;

	return f->flags ? -EINVAL : free_handle(caller->client, f->handle);
}

int call_resize(struct caller *caller, void *arg)
{
	struct memmgr_resize *r = arg;
	struct engine_refusal why = { 0 };
	int err;

	if (r->flags)
		return -EINVAL;
	err = heap_resize(caller->heap, caller->client, r->handle, r->bytes,
			  &r->granted, &why);
	r->reason = why.reason;
	r->largest = why.largest;
	r->exact = why.exact;
	return err;
}

/*
 * Write the handles of new allocations into the array of the caller. Those that it does not
 * get are freed. Returns the number of handles that it has.
 */
static u32 batch_tell(struct client *client, u64 __user *to, const u64 *handles, u32 n)
{
	unsigned long rest = copy_to_user(to, handles, n * sizeof(*handles));
	u32 told = n - DIV_ROUND_UP(rest, sizeof(*handles));

	while (n > told)
		free_handle(client, handles[--n]);
	return told;
}

/* Make allocations, some at a time, until there are @count or one fails. */
static int batch_alloc(struct caller *caller, struct memmgr_alloc_batch *b,
		       u64 __user *handles, u32 count, u32 *done)
{
	struct heap_request rq = {
		.bytes = b->bytes,
		.align = b->align,
		.flags = b->flags,
		.tag = b->tag,
		.site = caller_site(caller, b->site),
	};
	struct heap_order order __uninitialized;
	struct engine_refusal why = { 0 };
	u64 got[GROUP_MOST];
	int n, told;

	order_prepare(&order, caller->client, &rq);
	while (*done < count) {
		if (fatal_signal_pending(current))
			return -EINTR;
		n = heap_alloc_some(caller->heap, caller->client, &rq, &order, got, count - *done,
				    &why);
		if (n < 0) {
			b->reason = why.reason;
			b->largest = why.largest;
			b->exact = why.exact;
			return n;
		}
		told = batch_tell(caller->client, handles + *done, got, n);
		*done += told;
		if (told < n)
			return -EFAULT;
		stop_here(caller->client->region, STOP_BATCHED);
		cond_resched();
	}
	return 0;
}

/* Wait until the clock has advanced, so that later times belong to this call. */
static u64 batch_begin(void)
{
	u64 began = ktime_get_boottime_ns();

	while (ktime_get_boottime_ns() == began)
		cond_resched();
	return began;
}

int call_alloc_batch(struct caller *caller, void *arg)
{
	struct memmgr_alloc_batch *b = arg;
	u32 count = b->count;
	void __user *handles;
	int err;

	/* Whatever the call returns, the count is that of the allocations made. */
	b->count = 0;
	if (!alloc_flags_ok(b->flags, BATCH_FLAGS) || !count || count > MEMMGR_BATCH_MAX ||
	    !text_ok(b->tag, sizeof(b->tag)))
		return -EINVAL;
	err = call_find_heap(caller, HEAP_ID, &b->heap);
	if (err)
		return err;
	if (call_pointer(b->handles, &handles))
		return -EFAULT;
	b->reason = MEMMGR_REASON_NONE;
	b->exact = 0;
	b->largest = 0;
	caller->began = batch_begin();
	err = batch_alloc(caller, b, handles, count, &b->count);
	caller->made = b->count;
	return b->count && err != -EFAULT ? 0 : err;
}

/* The heap of the handle. The caller keeps it until a handle names another one. */
static struct memmgr_heap *batch_heap(struct caller *caller, u64 handle)
{
	u32 id = handle_heap(handle);

	if (caller->heap && caller->heap->id == id)
		return caller->heap;
	if (caller->heap)
		heap_put(caller->heap);
	caller->heap = heap_get(caller->client->region, id);
	return caller->heap;
}

/* Free allocations until one cannot be freed. Returns how many were. */
static u32 batch_free(struct caller *caller, const u64 *handles, u32 n, int *err)
{
	struct memmgr_heap *heap;
	u32 done = 0, freed;

	*err = 0;
	while (done < n) {
		heap = batch_heap(caller, handles[done]);
		freed = heap ? heap_free_some(heap, caller->client, handles + done, n - done) : 0;
		done += freed;
		if (freed) {
			heap_trim(heap);
			continue;
		}
		*err = free_handle(caller->client, handles[done]);
		if (*err)
			break;
		done++;
	}
	return done;
}

int call_free_batch(struct caller *caller, void *arg)
{
	struct memmgr_free_batch *b = arg;
	u32 n, done = 0, count = b->count;
	u64 handles[GROUP_MOST];
	void __user *user;
	unsigned long rest;
	int err = 0;

	b->count = 0;
	if (b->flags || b->reserved || !count || count > MEMMGR_BATCH_MAX)
		return -EINVAL;
	if (call_pointer(b->handles, &user))
		return -EFAULT;
	while (!err && done < count) {
		if (fatal_signal_pending(current)) {
			err = -EINTR;
			break;
		}
		n = min(count - done, GROUP_MOST) * sizeof(*handles);
		rest = copy_from_user(handles, user + done * sizeof(*handles), n);
		done += batch_free(caller, handles, (n - rest) / sizeof(*handles), &err);
		if (!err && rest)
			err = -EFAULT;
		cond_resched();
	}
	b->count = done;
	return err;
}

int call_mark(struct caller *caller, void *arg)
{
	struct memmgr_mark *m = arg;

	return m->flags ? -EINVAL : heap_stack_mark(caller->heap, &m->mark);
}

int call_release(struct caller *caller, void *arg)
{
	struct memmgr_mark *m = arg;

	if (m->flags)
		return -EINVAL;
	return heap_stack_release(caller->heap, caller->client, m->mark, &m->released);
}

#define COPY_STEP	(1ul << 20)

/* Copy step by step, so that neither a signal nor another task has to wait long. */
static int call_copy(struct caller *caller, struct memmgr_copy *c, u32 access)
{
	struct region *region = caller->client->region;
	u64 bytes = c->bytes, done = 0, place;
	void __user *ptr;
	int err;

	if (c->flags || !bytes)
		return -EINVAL;
	c->bytes = 0;
	if (call_pointer(c->ptr, &ptr))
		return -EFAULT;
	err = heap_copy_begin(caller->heap, caller->client, c->handle, c->offset,
			      bytes, access, &place);
	if (err)
		return err;
	while (!err && done < bytes) {
		unsigned long n = min_t(u64, bytes - done, COPY_STEP);
		unsigned long rest = access == MEMMGR_ACCESS_WRITE ?
				     region_write(region, place + done, ptr + done, n) :
				     region_read(region, place + done, ptr + done, n);

		done += n - rest;
		if (rest)
			err = -EFAULT;
		else if (fatal_signal_pending(current))
			err = -EINTR;
		cond_resched();
	}
	heap_copy_end(caller->heap, c->handle);
	c->bytes = done;
	return err;
}

int call_read(struct caller *caller, void *arg)
{
	return call_copy(caller, arg, MEMMGR_ACCESS_READ);
}

int call_write(struct caller *caller, void *arg)
{
	return call_copy(caller, arg, MEMMGR_ACCESS_WRITE);
}

int call_alloc_query(struct caller *caller, void *arg)
{
	struct memmgr_info *info = arg;

	if (info->flags)
		return -EINVAL;
	return heap_info(caller->heap, caller->client, info->handle, info);
}

static bool list_next(struct memmgr_heap *heap, struct client *client, u32 flags,
		      u32 *index, struct memmgr_info *info)
{
	return flags & MEMMGR_LIST_KERNEL ? track_next(heap, index, info) :
					    heap_info_next(heap, client, index, info);
}

static bool list_ok(const struct memmgr_list *l)
{
	return !(l->flags & ~(MEMMGR_LIST_MINE | MEMMGR_LIST_KERNEL) || l->reserved ||
		 !entries_ok(l->count, l->entry_size, offsetofend(struct memmgr_info, tag)) ||
		 (l->cursor && !(l->cursor & CURSOR_VALID)));
}

int call_list(struct caller *caller, void *arg)
{
	struct client *client = caller->client;
	struct memmgr_list *l = arg;
	bool admin = is_admin();
	u32 id = l->heap == MEMMGR_HEAP_ANY ? 0 : l->heap;
	struct memmgr_heap *heap;
	u32 index = 0, n = 0;
	int err = 0;

	if (!list_ok(l))
		return -EINVAL;
	if (l->flags & MEMMGR_LIST_KERNEL && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (l->heap != MEMMGR_HEAP_ANY) {
		err = call_find_heap(caller, HEAP_LOOK, &l->heap);
		if (err)
			return err;
	}
	if (l->cursor) {
		id = l->cursor >> 32 & (MEMMGR_MAX_HEAPS - 1);
		index = l->cursor;
	}
	l->cursor = 0;
	for (; (heap = heap_get_next(client->region, id)); id++, index = 0) {
		struct memmgr_info info = { .size = sizeof(info) };

		if (l->heap != MEMMGR_HEAP_ANY && heap->id != l->heap) {
			heap_put(heap);
			break;
		}
		if (heap->id != id)
			index = 0;
		id = heap->id;
		while (!err && n < l->count && (admin || !heap_look(heap, client))) {
			u32 at = index;

			if (!list_next(heap, client, l->flags, &index, &info))
				break;
			cond_resched();
			if (l->flags & MEMMGR_LIST_MINE &&
			    !(info.state & MEMMGR_INFO_MINE))
				continue;
			err = entry_put(l->entries, n, l->entry_size, &info,
					sizeof(info));
			n += !err;
			/* An entry that could not be written is listed again. */
			index = err ? at : index;
		}
		heap_put(heap);
		if (err || n == l->count) {
			l->cursor = cursor_make(id, index);
			break;
		}
	}
	l->count = n;
	return err;
}

int call_failures(struct caller *caller, void *arg)
{
	struct client *client = caller->client;
	struct memmgr_failures *f = arg;
	struct memmgr_failure failure;
	struct kept whose;
	int err = 0;
	u32 n = 0;

	if (f->flags || !entries_ok(f->count, f->entry_size, sizeof(failure)))
		return -EINVAL;
	while (!err && n < f->count &&
	       failures_next(&client->region->failures, f->after, &failure, &whose)) {
		if (!heap_told(client->region, client, failure.heap, failure.heap_name,
			       whose.owner)) {
			failure.heap = MEMMGR_HEAP_ANY;
			heap_name_hide(failure.heap_name);
		}
		err = entry_put(f->entries, n, f->entry_size, &failure,
				sizeof(failure));
		if (!err) {
			f->after = failure.seq;
			n++;
		}
	}
	f->count = n;
	f->total = failures_total(&client->region->failures);
	return err;
}

void undo_alloc(struct caller *caller, void *arg)
{
	struct memmgr_alloc *a = arg;

	free_handle(caller->client, a->handle);
}

/*
 * The program may have overwritten its array of handles. So search the records for
 * allocations that this thread has made since the call began; only the call made any. They
 * may also lie in the heap that the request fell back to.
 */
void undo_alloc_batch(struct caller *caller, void *arg)
{
	struct client *client = caller->client;
	struct memmgr_info info = { 0 };
	struct memmgr_heap *heap;
	u32 id, index;

	for (id = 0; (heap = heap_get_next(client->region, id)); id++) {
		id = heap->id;
		index = 0;
		while (heap_info_next(heap, client, &index, &info)) {
			if (info.tid == task_pid_nr(current) && info.time_ns > caller->began)
				free_handle(client, info.handle);
			cond_resched();
		}
		heap_put(heap);
	}
}
