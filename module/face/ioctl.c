// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The device node: ioctls to calls and back. No logic of its own. */
#include <linux/dma-buf.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "client/client.h"
#include "move/compact.h"
#include "base/compat.h"
#include "face/dev.h"
#include "share/dmabuf.h"
#include "heap/heap.h"
#include "region/hold.h"
#include "debug/latency.h"
#include "share/mmap.h"
#include "region/region.h"

/**
 * struct caller - who calls, and what the table of calls found for him
 * @client: whose file it is
 * @writes: that was opened for writing
 * @heap: of the id or handle in the argument, for calls that take one
 * @file: to be given to the caller when the answer has reached him
 * @made: there is something to undo when it does not
 * @began: ALLOC_BATCH: a time before its first allocation
 */
struct caller {
	struct client *client;
	bool writes;
	struct memmgr_heap *heap;
	struct file *file;
	bool made;
	u64 began;
};

/* What the heap of a call is found by, and who may name it. */
enum call_heap {
	HEAP_NONE,
	HEAP_ID,	/* an id; another client's private one is refused */
	HEAP_READ,	/* the same, and it is to be seen */
	HEAP_LOOK,	/* an id that is to be seen; the administrator sees private ones */
	HEAP_HANDLE,	/* a handle; the record says who may use it */
};

static int call_find_heap(struct caller *caller, enum call_heap by, const void *field)
{
	struct memmgr_heap *heap;
	int err = 0;

	if (by == HEAP_HANDLE)
		heap = heap_get(caller->client->region, handle_heap(*(const u64 *)field));
	else
		heap = heap_get(caller->client->region, *(const u32 *)field);
	if (!heap)
		return by == HEAP_HANDLE ? -EBADF : -ENOENT;
	if (by == HEAP_ID)
		err = heap_own(heap, caller->client);
	else if (by != HEAP_HANDLE)
		err = heap_look(heap, caller->client);
	if (err && by == HEAP_LOOK && is_admin())
		err = 0;
	if (err)
		heap_put(heap);
	else
		caller->heap = heap;
	return err;
}

/* A pointer of the caller; one that this kernel could not hold leads nowhere. */
static int call_pointer(u64 value, void __user **ptr)
{
	*ptr = u64_to_user_ptr(value);
	return (u64)(uintptr_t)*ptr == value ? 0 : -EFAULT;
}

static bool text_ok(const char *text, size_t len)
{
	return strnlen(text, len) < len;
}

static int call_query(struct caller *caller, void *arg)
{
	struct region *region = caller->client->region;
	struct memmgr_query *q = arg;

	if (q->flags)
		return -EINVAL;
	q->features =
		(IS_ENABLED(CONFIG_MEMMGR_SLAB) ? MEMMGR_FEATURE_SLAB : 0) |
		(IS_ENABLED(CONFIG_MEMMGR_POOL) ? MEMMGR_FEATURE_POOL : 0) |
		(IS_ENABLED(CONFIG_MEMMGR_STACK) ? MEMMGR_FEATURE_STACK : 0) |
		(IS_ENABLED(CONFIG_MEMMGR_DMABUF) ? MEMMGR_FEATURE_DMABUF : 0) |
		(IS_ENABLED(CONFIG_MEMMGR_DEBUG) ? MEMMGR_FEATURE_DEBUG : 0);
	q->region_size = region->bytes;
	q->phys = capable(CAP_SYS_ADMIN) ? region_phys(region, 0) : 0;
	q->max_align = region->max_align;
	q->granule = PAGE_SIZE;
	q->region_flags = region->flags;
	q->region = region->index;
	q->heaps = heap_count(region);
	strscpy_pad(q->name, region->name, sizeof(q->name));
	return 0;
}

static int call_heap_create(struct caller *caller, void *arg)
{
	struct memmgr_heap_create *c = arg;

	if (!text_ok(c->name, sizeof(c->name)))
		return -EINVAL;
	return heap_create(caller->client->region, caller->client, c);
}

static int call_heap_destroy(struct caller *caller, void *arg)
{
	struct memmgr_heap_destroy *d = arg;

	if (d->flags & ~MEMMGR_DESTROY_FORCE || d->reserved)
		return -EINVAL;
	return heap_destroy(caller->client->region, caller->client, d->heap, d->flags);
}

/* The heap that a query means. Others' private ones are the administrator's. */
static struct memmgr_heap *query_heap(struct client *client,
				      const struct memmgr_heap_query *q)
{
	bool admin = is_admin();
	struct memmgr_heap *heap;
	u32 id = q->heap;

	for (;; id++) {
		if (q->flags & MEMMGR_QUERY_NAME)
			heap = heap_get_named(client->region, q->name);
		else if (q->flags & MEMMGR_QUERY_NEXT)
			heap = heap_get_next(client->region, id);
		else
			heap = heap_get(client->region, id);
		if (!heap)
			return ERR_PTR(-ENOENT);
		if (admin || !heap_look(heap, client))
			return heap;
		id = heap->id;
		heap_put(heap);
		if (q->flags & MEMMGR_QUERY_NAME)
			return ERR_PTR(-ENOENT);
		if (!(q->flags & MEMMGR_QUERY_NEXT))
			return ERR_PTR(-EACCES);
	}
}

static int call_heap_query(struct caller *caller, void *arg)
{
	struct memmgr_heap_query *q = arg;
	struct memmgr_heap *heap;

	if (q->flags != 0 && q->flags != MEMMGR_QUERY_NAME &&
	    q->flags != MEMMGR_QUERY_NEXT)
		return -EINVAL;
	if (q->reserved || (q->flags & MEMMGR_QUERY_NAME &&
			    !text_ok(q->name, sizeof(q->name))))
		return -EINVAL;
	heap = query_heap(caller->client, q);
	if (IS_ERR(heap))
		return PTR_ERR(heap);
	heap_query(heap, caller->client, q);
	heap_put(heap);
	return 0;
}

static int call_heap_rights(struct caller *caller, void *arg)
{
	struct memmgr_heap_rights *r = arg;

	if (!r->flags || r->flags & ~(MEMMGR_RIGHTS_MODE | MEMMGR_RIGHTS_OWNER |
				      MEMMGR_RIGHTS_GROUP))
		return -EINVAL;
	return heap_set_rights(caller->heap, r);
}

#define BATCH_FLAGS	(MEMMGR_ALLOC_PERSISTENT | MEMMGR_ALLOC_NO_FALLBACK | \
			 MEMMGR_ALLOC_GUARD | MEMMGR_ALLOC_NO_ZERO | \
			 MEMMGR_ALLOC_MAY_COMPACT | MEMMGR_ALLOC_MAY_SHIFT)
#define ALLOC_FLAGS	(BATCH_FLAGS | MEMMGR_ALLOC_WAIT)

static bool alloc_flags_ok(u32 flags, u32 known)
{
	/* Only who maps with guard pages looks where in a page his memory begins. */
	return !(flags & ~known) &&
	       (flags & MEMMGR_ALLOC_GUARD || !(flags & MEMMGR_ALLOC_MAY_SHIFT));
}

/* Where in the caller's program it is, if anybody wants to know. */
static u32 caller_site(const struct caller *caller, u64 address)
{
	return READ_ONCE(caller->heap->debug) & DEBUG_TRACK ?
	       site_of_user(caller->client, address) : SITE_NONE;
}

static int call_alloc(struct caller *caller, void *arg)
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
	struct engine_refusal why = { 0 };
	struct memmgr_info info = { 0 };
	int err;

	if (!alloc_flags_ok(a->flags, ALLOC_FLAGS) || !text_ok(a->tag, sizeof(a->tag)) ||
	    (a->timeout_ms && !(a->flags & MEMMGR_ALLOC_WAIT)))
		return -EINVAL;
	err = heap_alloc(caller->heap, caller->client, &rq, &info, &why);
	a->handle = info.handle;
	a->offset = info.offset;
	a->granted = info.granted;
	a->map_offset = info.map_offset;
	a->from = err ? a->heap : info.heap;
	a->reason = err ? why.reason : MEMMGR_REASON_NONE;
	a->largest = err ? why.largest : 0;
	a->exact = err && why.exact;
	return err;
}

/* Free by handle, whichever heap it names. */
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

static int call_free(struct caller *caller, void *arg)
{
	struct memmgr_free *f = arg;

	return f->flags ? -EINVAL : free_handle(caller->client, f->handle);
}

static int call_resize(struct caller *caller, void *arg)
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

/* Make allocations one by one until it is enough or one fails. */
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
	struct engine_refusal why = { 0 };
	struct memmgr_info info = { 0 };
	int err;

	for (; *done < count; ++*done) {
		if (fatal_signal_pending(current))
			return -EINTR;
		err = heap_alloc(caller->heap, caller->client, &rq, &info, &why);
		if (err) {
			b->reason = why.reason;
			b->largest = why.largest;
			b->exact = why.exact;
			return err;
		}
		if (put_user(info.handle, &handles[*done])) {
			free_handle(caller->client, info.handle);
			return -EFAULT;
		}
		hold_here(caller->client->region, HOLD_BATCHED);
		cond_resched();
	}
	return 0;
}

/* The clock moves on before anything is made: what is later than this is the call's own. */
static u64 batch_begin(void)
{
	u64 began = ktime_get_boottime_ns();

	while (ktime_get_boottime_ns() == began)
		cond_resched();
	return began;
}

static int call_alloc_batch(struct caller *caller, void *arg)
{
	struct memmgr_alloc_batch *b = arg;
	u32 count = b->count;
	void __user *handles;
	int err;

	/* Whatever comes, it tells how many were made. */
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

static int call_free_batch(struct caller *caller, void *arg)
{
	struct memmgr_free_batch *b = arg;
	u32 done = 0, count = b->count;
	void __user *handles;
	u64 handle;
	int err = 0;

	b->count = 0;
	if (b->flags || b->reserved || !count || count > MEMMGR_BATCH_MAX)
		return -EINVAL;
	if (call_pointer(b->handles, &handles))
		return -EFAULT;
	for (; !err && done < count; done += !err) {
		if (fatal_signal_pending(current))
			err = -EINTR;
		else if (get_user(handle, (u64 __user *)handles + done))
			err = -EFAULT;
		else
			err = free_handle(caller->client, handle);
		cond_resched();
	}
	b->count = done;
	return err;
}

static int call_mark(struct caller *caller, void *arg)
{
	struct memmgr_mark *m = arg;

	return m->flags ? -EINVAL : heap_stack_mark(caller->heap, &m->mark);
}

static int call_release(struct caller *caller, void *arg)
{
	struct memmgr_mark *m = arg;

	if (m->flags)
		return -EINVAL;
	return heap_stack_release(caller->heap, caller->client, m->mark, &m->released);
}

#define COPY_STEP	(1ul << 20)

/* Copy step by step, so that a signal or another task need not wait long. */
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

static int call_read(struct caller *caller, void *arg)
{
	return call_copy(caller, arg, MEMMGR_ACCESS_READ);
}

static int call_write(struct caller *caller, void *arg)
{
	return call_copy(caller, arg, MEMMGR_ACCESS_WRITE);
}

static int call_alloc_query(struct caller *caller, void *arg)
{
	struct memmgr_info *info = arg;

	if (info->flags)
		return -EINVAL;
	return heap_info(caller->heap, caller->client, info->handle, info);
}

/* A list entry as long as the caller knows it, the rest of it cleared. */
static int entry_put(u64 entries, u32 index, u32 entry_size, const void *entry,
		     u32 size)
{
	u32 n = min(size, entry_size);
	void __user *to;

	if (call_pointer(entries + (u64)index * entry_size, &to) ||
	    copy_to_user(to, entry, n) || clear_user(to + n, entry_size - n))
		return -EFAULT;
	return 0;
}

#define ENTRY_MAX	4096u

/* Does the caller ask for entries that there may be? @least: the first published form. */
static noinline bool entries_ok(u32 count, u32 entry_size, u32 least)
{
	return count && count <= MEMMGR_BATCH_MAX && entry_size >= least &&
	       entry_size <= ENTRY_MAX;
}

/* The cursor: heap and record where to go on, and one bit so that it is not 0. */
#define CURSOR_VALID	(1ull << 63)

static u64 cursor_make(u32 heap, u32 index)
{
	return CURSOR_VALID | (u64)heap << 32 | index;
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

static int call_list(struct caller *caller, void *arg)
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
			/* What could not be written comes again. */
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

static int call_stats(struct caller *caller, void *arg)
{
	struct memmgr_stats *s = arg;

	if (s->flags)
		return -EINVAL;
	heap_stats(caller->heap, s);
	return 0;
}

static int call_frag(struct caller *caller, void *arg)
{
	struct memmgr_frag *f = arg;

	if (f->flags)
		return -EINVAL;
	heap_frag(caller->heap, f);
	return 0;
}

static int call_check(struct caller *caller, void *arg)
{
	struct memmgr_heap *heap = caller->heap;
	struct memmgr_check *c = arg;

	if (c->flags & ~MEMMGR_CHECK_TORN)
		return -EINVAL;
	if (heap->client != caller->client && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	return heap_check(heap, c);
}

/* Of the heaps in a picture the caller is told those alone that he may see. */
static void cells_hide(struct client *client, struct memmgr_cell *cells, u32 count)
{
	struct memmgr_heap *heap;
	u64 seen = 0;
	u32 id, i;

	static_assert(MEMMGR_MAX_HEAPS <= 64);

	for (id = 0; (heap = heap_get_next(client->region, id)); id++) {
		id = heap->id;
		if (!heap_look(heap, client))
			seen |= BIT_ULL(id);
		heap_put(heap);
	}
	for (i = 0; i < count; i++) {
		if (cells[i].heap < MEMMGR_MAX_HEAPS && !(seen & BIT_ULL(cells[i].heap)))
			cells[i].heap = MEMMGR_HEAP_ANY;
		if (!(i % 1024))
			cond_resched();
	}
}

static int call_map(struct caller *caller, void *arg)
{
	struct client *client = caller->client;
	struct memmgr_map *m = arg;
	struct memmgr_cell *cells;
	void __user *to;
	int err = 0;

	if (m->flags || m->reserved || !m->count || m->count > MEMMGR_BATCH_MAX)
		return -EINVAL;
	if (call_pointer(m->cells, &to))
		return -EFAULT;
	cells = kvcalloc(m->count, sizeof(*cells), GFP_KERNEL);
	if (!cells)
		return -ENOMEM;
	m->count = heap_picture(client->region, cells, m->count, &m->cell_bytes);
	if (!is_admin())
		cells_hide(client, cells, m->count);
	if (copy_to_user(to, cells, m->count * sizeof(*cells))) {
		m->count = 0;
		err = -EFAULT;
	}
	kvfree(cells);
	return err;
}

static void heap_name_hide(char *name)
{
	strscpy_pad(name, "(private)", MEMMGR_NAME_LEN);
}

static int call_failures(struct caller *caller, void *arg)
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

static int call_protect(struct caller *caller, void *arg)
{
	struct memmgr_protect *p = arg;

	if (p->flags & ~MEMMGR_PROTECT_SEAL || p->reserved ||
	    p->access & ~(MEMMGR_ACCESS_READ | MEMMGR_ACCESS_WRITE) ||
	    p->access == MEMMGR_ACCESS_WRITE)
		return -EINVAL;
	return heap_protect(caller->heap, caller->client, p->handle, p->access,
			    p->flags & MEMMGR_PROTECT_SEAL);
}

static int call_sync(struct caller *caller, void *arg)
{
	struct memmgr_sync *s = arg;
	u64 place;
	int err;

	if ((s->flags != MEMMGR_SYNC_FOR_DEVICE && s->flags != MEMMGR_SYNC_FOR_CPU) ||
	    !s->bytes)
		return -EINVAL;
	err = heap_copy_begin(caller->heap, caller->client, s->handle, s->offset,
			      s->bytes, MEMMGR_ACCESS_NONE, &place);
	if (err)
		return err;
	/* Discarding what is written back first serves both directions. */
	region_sync(caller->client->region, place, s->bytes);
	heap_copy_end(caller->heap, s->handle);
	return 0;
}

static int call_export(struct caller *caller, void *arg)
{
	struct memmgr_export *e = arg;
	bool read_only = e->flags & MEMMGR_EXPORT_READ_ONLY;
	struct dma_buf *dmabuf;
	int fd;

	if (e->flags & ~(MEMMGR_EXPORT_CLOEXEC | MEMMGR_EXPORT_READ_ONLY) || e->reserved)
		return -EINVAL;
	dmabuf = dmabuf_export(caller->heap, caller->client, e->handle, read_only,
			       read_only ? O_RDONLY : O_RDWR);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	fd = get_unused_fd_flags(e->flags & MEMMGR_EXPORT_CLOEXEC ? O_CLOEXEC : 0);
	if (fd < 0) {
		fput(dmabuf->file);
		return fd;
	}
	e->fd = fd;
	caller->file = dmabuf->file;
	return 0;
}

/* The caller knows of the descriptor now: it may exist. */
static void keep_export(struct caller *caller, void *arg)
{
	struct memmgr_export *e = arg;

	fd_install(e->fd, caller->file);
}

static void undo_export(struct caller *caller, void *arg)
{
	struct memmgr_export *e = arg;

	put_unused_fd(e->fd);
	fput(caller->file);
}

static int call_accounts(struct caller *caller, void *arg)
{
	struct region *region = caller->client->region;
	struct memmgr_accounts *a = arg;
	struct memmgr_account account;
	u64 cursor = a->cursor;
	bool more = true;
	int err = 0;
	u32 n = 0;

	if (a->flags & ~MEMMGR_ACCOUNTS_USERS ||
	    !entries_ok(a->count, a->entry_size, offsetofend(struct memmgr_account, comm)))
		return -EINVAL;
	while (n < a->count && more) {
		more = client_account_next(region, caller->client,
					   a->flags & MEMMGR_ACCOUNTS_USERS,
					   &cursor, &account);
		if (!more)
			break;
		err = entry_put(a->entries, n, a->entry_size, &account, sizeof(account));
		if (err)
			break;
		a->cursor = cursor;
		n++;
		cond_resched();
	}
	a->count = n;
	a->cursor = more ? a->cursor : 0;
	return err;
}

static int call_set_quota(struct caller *caller, void *arg)
{
	struct memmgr_quota *q = arg;
	u32 whom = q->flags & ~MEMMGR_QUOTA_DEFAULT;

	if (whom != MEMMGR_QUOTA_CLIENT && whom != MEMMGR_QUOTA_USER)
		return -EINVAL;
	return client_set_quota(caller->client->region, q);
}

static int call_explain(struct caller *caller, void *arg)
{
	struct memmgr_explain *e = arg;

	return e->flags ? -EINVAL : compact_explain(caller->heap, e);
}

/* What is told of one compaction begins at nothing. */
static void compact_clear(struct memmgr_compact *c)
{
	struct memmgr_compact asked = *c;

	memset(c, 0, sizeof(*c));
	c->size = asked.size;
	c->heap = asked.heap;
	c->flags = asked.flags;
	c->bytes = asked.bytes;
	c->align = asked.align;
	c->offset = asked.flags & MEMMGR_COMPACT_RANGE ? asked.offset : ~0ull;
	c->step_bytes = asked.step_bytes;
	c->max_bytes = asked.max_bytes;
	c->max_ns = asked.max_ns;
}

/* For calls that look as well as change. */
static int caller_may_change(const struct caller *caller)
{
	if (!caller->writes)
		return -EACCES;
	return capable(CAP_SYS_ADMIN) ? 0 : -EPERM;
}

static int call_compact(struct caller *caller, void *arg)
{
	struct memmgr_compact *c = arg;
	int err;

	if (c->flags & ~(MEMMGR_COMPACT_DRY_RUN | MEMMGR_COMPACT_RANGE) || c->reserved)
		return -EINVAL;
	if (!(c->flags & MEMMGR_COMPACT_DRY_RUN)) {
		err = caller_may_change(caller);
		if (err)
			return err;
	}
	compact_clear(c);
	return compact_heap(caller->heap, c, &caller->client->slices);
}

static int call_pin(struct caller *caller, void *arg)
{
	struct memmgr_pin *p = arg;

	p->mine = 0;
	return p->flags & ~MEMMGR_PIN_LEASE ? -EINVAL :
	       heap_pin(caller->heap, caller->client, p);
}

static int call_unpin(struct caller *caller, void *arg)
{
	struct memmgr_pin *p = arg;

	return p->flags & ~MEMMGR_PIN_LEASE ? -EINVAL :
	       heap_unpin(caller->heap, caller->client, p);
}

static int call_health(struct caller *caller, void *arg)
{
	struct memmgr_health *h = arg;
	bool set = h->flags & MEMMGR_HEALTH_SET;
	int err;

	if (h->flags & ~(MEMMGR_HEALTH_SET | MEMMGR_HEALTH_ON) || h->reserved ||
	    (h->flags && !set))
		return -EINVAL;
	err = set ? caller_may_change(caller) : 0;
	return err ? err : health_call(caller->client->region, h, set);
}

static int call_debug(struct caller *caller, void *arg)
{
	struct memmgr_debug *d = arg;
	int err = d->flags & MEMMGR_DEBUG_SET ? caller_may_change(caller) : 0;

	return err ? err : heap_debug(caller->heap, d);
}

static int call_corruptions(struct caller *caller, void *arg)
{
	struct region *region = caller->client->region;
	struct viewer viewer = viewer_of(caller->client);
	struct memmgr_corruptions *c = arg;
	struct memmgr_corruption report;
	struct kept whose;
	int err = 0;
	u32 n = 0;

	if (c->flags || !entries_ok(c->count, c->entry_size, sizeof(report)))
		return -EINVAL;
	if (!IS_ENABLED(CONFIG_MEMMGR_DEBUG))
		return -EOPNOTSUPP;
	while (!err && n < c->count && corruptions_next(region, c->after, &report, &whose)) {
		if (viewer.admin || report.uid == __kuid_val(viewer.uid)) {
			/* The id is part of the handle, which is the caller's. */
			if (!heap_told(region, caller->client, report.heap, report.heap_name,
				       whose.owner))
				heap_name_hide(report.heap_name);
			err = entry_put(c->entries, n, c->entry_size, &report, sizeof(report));
			n += !err;
		}
		if (!err)
			c->after = report.seq;
	}
	c->total = corruptions_total(region);
	c->count = n;
	return err;
}

/* Off goes with nothing else, so that what is not meant is not taken for it. */
static bool inject_ok(const struct memmgr_inject *i)
{
	if (!(i->flags & MEMMGR_INJECT_SET))
		return true;
	if (!i->times)
		return !i->skip && !i->interval && !i->probability && !i->seed;
	return i->interval && i->probability <= 1000;
}

/* A client may let its own requests fail; what hits others is the administrator's. */
static int inject_may_set(const struct caller *caller, const struct memmgr_inject *i)
{
	bool own = i->flags & MEMMGR_INJECT_CLIENT && i->id == caller->client->serial;

	if (!own)
		return caller_may_change(caller);
	return caller->writes ? 0 : -EACCES;
}

static int inject_find_heap(struct caller *caller, u64 id)
{
	u32 heap = id;

	return id == heap ? call_find_heap(caller, HEAP_LOOK, &heap) : -ENOENT;
}

static int call_inject(struct caller *caller, void *arg)
{
	struct memmgr_inject *i = arg;
	u32 whom = i->flags & ~MEMMGR_INJECT_SET;
	int err = 0;

	if ((whom != MEMMGR_INJECT_CLIENT && whom != MEMMGR_INJECT_HEAP) || !inject_ok(i))
		return -EINVAL;
	if (whom == MEMMGR_INJECT_CLIENT && !i->id)
		i->id = caller->client->serial;
	if (i->flags & MEMMGR_INJECT_SET)
		err = inject_may_set(caller, i);
	if (!err && whom == MEMMGR_INJECT_HEAP)
		err = inject_find_heap(caller, i->id);
	return err ? err : inject_call(caller->client, caller->heap, i);
}

static int call_track(struct caller *caller, void *arg)
{
	struct memmgr_track *t = arg;
	int err = t->flags ? caller_may_change(caller) : 0;

	return err ? err : track_call(caller->heap, t);
}

static int call_latency(struct caller *caller, void *arg)
{
	struct viewer viewer = viewer_of(caller->client);
	struct memmgr_latency *l = arg;
	int err = l->flags ? caller_may_change(caller) : 0;

	return err ? err : latency_call(caller->heap, &viewer, l);
}

static int call_sites(struct caller *caller, void *arg)
{
	struct viewer viewer = viewer_of(caller->client);
	struct memmgr_sites *s = arg;
	struct memmgr_site *site;
	u64 after = s->after;
	int err = 0;
	u32 n = 0;

	if (s->flags || !entries_ok(s->count, s->entry_size, sizeof(*site)))
		return -EINVAL;
	site = kmalloc(sizeof(*site), GFP_KERNEL_ACCOUNT);
	if (!site)
		return -ENOMEM;
	while (n < s->count && sites_next(caller->client->region, &viewer, &after, site)) {
		err = entry_put(s->entries, n, s->entry_size, site, sizeof(*site));
		if (err)
			break;
		s->after = after;
		n++;
		cond_resched();
	}
	kfree(site);
	s->count = n;
	return err;
}

static void undo_heap_create(struct caller *caller, void *arg)
{
	struct memmgr_heap_create *c = arg;

	heap_destroy(caller->client->region, caller->client, c->heap, 0);
}

static void undo_alloc(struct caller *caller, void *arg)
{
	struct memmgr_alloc *a = arg;

	free_handle(caller->client, a->handle);
}

/* A lease that failed has undone itself: an earlier one of the client stays. */
static void undo_pin(struct caller *caller, void *arg)
{
	struct memmgr_pin *p = arg;

	if (p->mine)
		heap_unpin(caller->heap, caller->client, p);
}

/*
 * The program's array may say anything by now. The records tell: this thread has made
 * nothing else since the call began. They may lie in other heaps, to which it fell back.
 */
static void undo_alloc_batch(struct caller *caller, void *arg)
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

/* What is written back into the structure of a call. */
enum call_results {
	NO_RESULTS,
	ANSWER,		/* the call does nothing else: an answer that is lost harms nobody */
	RESULTS,	/* that it can be written is seen to before anything is done */
};

#define CHANGES		true
#define LOOKS		false

#define CALL(nr, name, type, last, changes, results, by, field, undo, keep)	\
	[_IOC_NR(nr)] = { name, undo, keep, offsetofend(struct type, last),	\
			  sizeof(struct type), offsetof(struct type, field),	\
			  by, changes, results }

/*
 * One line a call: its number, structure and the last field of the structure's
 * first published form; does it change things; has the structure results; which
 * field names its heap and how; what to do when the answer did not, or did, reach
 * the caller.
 */
static const struct call {
	int (*function)(struct caller *caller, void *arg);
	void (*undo)(struct caller *caller, void *arg);
	void (*keep)(struct caller *caller, void *arg);
	u16 least;
	u16 size;
	u16 field;
	u8 by;
	bool changes;
	u8 results;
} calls[] = {
	CALL(MEMMGR_IOC_QUERY, call_query, memmgr_query, name,
	     LOOKS, ANSWER, HEAP_NONE, size, NULL, NULL),
	CALL(MEMMGR_IOC_HEAP_CREATE, call_heap_create, memmgr_heap_create, largest,
	     CHANGES, RESULTS, HEAP_NONE, size, undo_heap_create, NULL),
	CALL(MEMMGR_IOC_HEAP_DESTROY, call_heap_destroy, memmgr_heap_destroy, reserved,
	     CHANGES, NO_RESULTS, HEAP_NONE, size, NULL, NULL),
	CALL(MEMMGR_IOC_HEAP_QUERY, call_heap_query, memmgr_heap_query, map_size,
	     LOOKS, ANSWER, HEAP_NONE, size, NULL, NULL),
	CALL(MEMMGR_IOC_ALLOC, call_alloc, memmgr_alloc, largest,
	     CHANGES, RESULTS, HEAP_ID, heap, undo_alloc, NULL),
	CALL(MEMMGR_IOC_FREE, call_free, memmgr_free, handle,
	     CHANGES, NO_RESULTS, HEAP_NONE, size, NULL, NULL),
	CALL(MEMMGR_IOC_RESIZE, call_resize, memmgr_resize, largest,
	     CHANGES, RESULTS, HEAP_HANDLE, handle, NULL, NULL),
	CALL(MEMMGR_IOC_ALLOC_BATCH, call_alloc_batch, memmgr_alloc_batch, largest,
	     CHANGES, RESULTS, HEAP_NONE, size, undo_alloc_batch, NULL),
	CALL(MEMMGR_IOC_FREE_BATCH, call_free_batch, memmgr_free_batch, handles,
	     CHANGES, RESULTS, HEAP_NONE, size, NULL, NULL),
	CALL(MEMMGR_IOC_MARK, call_mark, memmgr_mark, mark,
	     LOOKS, ANSWER, HEAP_READ, heap, NULL, NULL),
	CALL(MEMMGR_IOC_RELEASE, call_release, memmgr_mark, mark,
	     CHANGES, RESULTS, HEAP_ID, heap, NULL, NULL),
	CALL(MEMMGR_IOC_READ, call_read, memmgr_copy, ptr,
	     LOOKS, RESULTS, HEAP_HANDLE, handle, NULL, NULL),
	CALL(MEMMGR_IOC_WRITE, call_write, memmgr_copy, ptr,
	     CHANGES, RESULTS, HEAP_HANDLE, handle, NULL, NULL),
	CALL(MEMMGR_IOC_ALLOC_QUERY, call_alloc_query, memmgr_info, tag,
	     LOOKS, ANSWER, HEAP_HANDLE, handle, NULL, NULL),
	CALL(MEMMGR_IOC_LIST, call_list, memmgr_list, entries,
	     LOOKS, RESULTS, HEAP_NONE, size, NULL, NULL),
	CALL(MEMMGR_IOC_STATS, call_stats, memmgr_stats, classes,
	     LOOKS, ANSWER, HEAP_LOOK, heap, NULL, NULL),
	CALL(MEMMGR_IOC_FRAG, call_frag, memmgr_frag, index,
	     LOOKS, ANSWER, HEAP_LOOK, heap, NULL, NULL),
	CALL(MEMMGR_IOC_CHECK, call_check, memmgr_check, what,
	     LOOKS, RESULTS, HEAP_LOOK, heap, NULL, NULL),
	CALL(MEMMGR_IOC_MAP, call_map, memmgr_map, cells,
	     LOOKS, RESULTS, HEAP_NONE, size, NULL, NULL),
	CALL(MEMMGR_IOC_FAILURES, call_failures, memmgr_failures, entries,
	     LOOKS, RESULTS, HEAP_NONE, size, NULL, NULL),
	CALL(MEMMGR_IOC_PROTECT, call_protect, memmgr_protect, reserved,
	     CHANGES, NO_RESULTS, HEAP_HANDLE, handle, NULL, NULL),
	CALL(MEMMGR_IOC_SYNC, call_sync, memmgr_sync, bytes,
	     LOOKS, NO_RESULTS, HEAP_HANDLE, handle, NULL, NULL),
	CALL(MEMMGR_IOC_EXPORT, call_export, memmgr_export, reserved,
	     CHANGES, RESULTS, HEAP_HANDLE, handle, undo_export, keep_export),
	CALL(MEMMGR_IOC_ACCOUNTS, call_accounts, memmgr_accounts, entries,
	     LOOKS, RESULTS, HEAP_NONE, size, NULL, NULL),
	CALL(MEMMGR_IOC_SET_QUOTA, call_set_quota, memmgr_quota, reserved,
	     CHANGES, NO_RESULTS, HEAP_NONE, size, NULL, NULL),
	CALL(MEMMGR_IOC_EXPLAIN, call_explain, memmgr_explain, best_run,
	     LOOKS, ANSWER, HEAP_LOOK, heap, NULL, NULL),
	CALL(MEMMGR_IOC_COMPACT, call_compact, memmgr_compact, reserved,
	     LOOKS, RESULTS, HEAP_READ, heap, NULL, NULL),
	CALL(MEMMGR_IOC_PIN, call_pin, memmgr_pin, mine,
	     CHANGES, RESULTS, HEAP_HANDLE, handle, undo_pin, NULL),
	CALL(MEMMGR_IOC_UNPIN, call_unpin, memmgr_pin, mine,
	     CHANGES, RESULTS, HEAP_HANDLE, handle, NULL, NULL),
	CALL(MEMMGR_IOC_HEALTH, call_health, memmgr_health, events,
	     LOOKS, RESULTS, HEAP_NONE, size, NULL, NULL),
	CALL(MEMMGR_IOC_INJECT, call_inject, memmgr_inject, failed,
	     LOOKS, RESULTS, HEAP_NONE, size, NULL, NULL),
	CALL(MEMMGR_IOC_TRACK, call_track, memmgr_track, sites_lost,
	     LOOKS, RESULTS, HEAP_LOOK, heap, NULL, NULL),
	CALL(MEMMGR_IOC_SITES, call_sites, memmgr_sites, entries,
	     LOOKS, RESULTS, HEAP_NONE, size, NULL, NULL),
	CALL(MEMMGR_IOC_LATENCY, call_latency, memmgr_latency, op,
	     LOOKS, RESULTS, HEAP_LOOK, heap, NULL, NULL),
	CALL(MEMMGR_IOC_DEBUG, call_debug, memmgr_debug, reserved,
	     LOOKS, RESULTS, HEAP_LOOK, heap, NULL, NULL),
	CALL(MEMMGR_IOC_CORRUPTIONS, call_corruptions, memmgr_corruptions, entries,
	     LOOKS, RESULTS, HEAP_NONE, size, NULL, NULL),
	CALL(MEMMGR_IOC_HEAP_RIGHTS, call_heap_rights, memmgr_heap_rights, gid,
	     CHANGES, NO_RESULTS, HEAP_ID, heap, NULL, NULL),
};

/* Room for every structure of the table. */
union call_arg {
	u32 size;
	struct memmgr_info info;
	struct memmgr_heap_create create;
	struct memmgr_heap_query query;
	struct memmgr_stats stats;
	struct memmgr_frag frag;
	struct memmgr_explain explain;
	struct memmgr_compact compact;
	struct memmgr_latency latency;
};

/* The layout of the ABI is the same everywhere; a change of it is a mistake. */
static_assert(sizeof(struct memmgr_query) == 88);
static_assert(sizeof(struct memmgr_heap_create) == 136);
static_assert(sizeof(struct memmgr_heap_destroy) == 16);
static_assert(sizeof(struct memmgr_heap_rights) == 24);
static_assert(sizeof(struct memmgr_heap_query) == 160);
static_assert(sizeof(struct memmgr_alloc) == 128);
static_assert(sizeof(struct memmgr_free) == 16);
static_assert(sizeof(struct memmgr_resize) == 48);
static_assert(sizeof(struct memmgr_alloc_batch) == 96);
static_assert(sizeof(struct memmgr_free_batch) == 24);
static_assert(sizeof(struct memmgr_mark) == 24);
static_assert(sizeof(struct memmgr_copy) == 40);
static_assert(sizeof(struct memmgr_info) == 192);
static_assert(sizeof(struct memmgr_list) == 40);
static_assert(sizeof(struct memmgr_stats) == 520);
static_assert(sizeof(struct memmgr_frag) == 824);
static_assert(sizeof(struct memmgr_check) == 88);
static_assert(sizeof(struct memmgr_cell) == 16);
static_assert(sizeof(struct memmgr_map) == 32);
static_assert(sizeof(struct memmgr_failure) == 112);
static_assert(sizeof(struct memmgr_failures) == 40);
static_assert(sizeof(struct memmgr_protect) == 24);
static_assert(sizeof(struct memmgr_sync) == 32);
static_assert(sizeof(struct memmgr_export) == 24);
static_assert(sizeof(struct memmgr_account) == 128);
static_assert(sizeof(struct memmgr_accounts) == 32);
static_assert(sizeof(struct memmgr_quota) == 56);
static_assert(BIT(ACCOUNT_ITEMS) - 1 == MEMMGR_LIMIT_ALL);
/* Limits are read by their place, see client.c. */
static_assert(offsetof(struct memmgr_quota, max_records) ==
	      offsetof(struct memmgr_quota, max_heaps) +
	      (ACCOUNT_RECORDS - ACCOUNT_HEAPS) * sizeof(u32));
static_assert(sizeof(struct memmgr_explain) == 760);
static_assert(sizeof(struct memmgr_compact) == 272);
static_assert(sizeof(struct memmgr_pin) == 40);
static_assert(sizeof(struct memmgr_health) == 80);
static_assert(sizeof(struct memmgr_event) == 64);
static_assert(sizeof(struct memmgr_inject) == 64);
static_assert(sizeof(struct memmgr_track) == 48);
static_assert(sizeof(struct memmgr_latency_worst) == 104);
static_assert(sizeof(struct memmgr_latency_op) == 400);
static_assert(sizeof(struct memmgr_latency) == 824);
static_assert(sizeof(struct memmgr_site) == 624);
static_assert(sizeof(struct memmgr_sites) == 32);
static_assert(sizeof(struct memmgr_debug) == 80);
static_assert(sizeof(struct memmgr_corruptions) == 40);
static_assert(sizeof(struct memmgr_corruption) == 312);

/* Two bytes tell of a whole structure: see call_writable(). */
static_assert(sizeof(union call_arg) <= PAGE_SIZE);

/*
 * Can the results be written? Looked at before anything is done: a page that cannot be
 * written takes its fault here. The bytes are those that are there; one of each page tells
 * of all, and a structure lies in two pages at the most.
 */
static bool call_writable(u8 __user *user, const union call_arg *known, u32 bytes)
{
	const u8 *last = (const u8 *)known + bytes - 1;
	u8 __user *user_last = user + bytes - 1;

	if (put_user(known->size, (u32 __user *)user))
		return false;
	return !(((unsigned long)user ^ (unsigned long)user_last) & PAGE_MASK) ||
	       !put_user(*last, user_last);
}

/* The call itself, with the heap that its argument names. */
static int call_run(const struct call *call, struct caller *caller, void *arg)
{
	int err = 0;

	if (call->by != HEAP_NONE)
		err = call_find_heap(caller, call->by, arg + call->field);
	return err ? err : call->function(caller, arg);
}

/*
 * The call, then its answer, which is due on failure as well: it says why. Another thread
 * may have taken the memory away after call_writable(): nobody would know of what was
 * made, so it is unmade.
 */
static int call_answer(const struct call *call, struct caller *caller, union call_arg *known,
		       u8 __user *user, u32 bytes)
{
	int err;

	if (call->results == NO_RESULTS)
		return call_run(call, caller, known);
	if (call->results == RESULTS && !call_writable(user, known, bytes))
		return -EFAULT;
	err = call_run(call, caller, known);
	caller->made |= !err;
	if (call->undo)
		hold_here(caller->client->region, HOLD_MADE);
	if (copy_to_user(user, known, bytes)) {
		if (caller->made && call->undo)
			call->undo(caller, known);
		return -EFAULT;
	}
	if (!err && call->keep)
		call->keep(caller, known);
	return err;
}

static long dev_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct caller caller = {
		.client = file->private_data,
		.writes = file->f_mode & FMODE_WRITE,
	};
	void __user *user = (void __user *)arg;
	const struct call *call;
	union call_arg known;
	u32 size;
	int err;

	if (region_is_gone(caller.client->region))
		return -ENODEV;
	if (_IOC_TYPE(cmd) != MEMMGR_IOC_MAGIC || cmd != _IO(MEMMGR_IOC_MAGIC, _IOC_NR(cmd)) ||
	    _IOC_NR(cmd) >= ARRAY_SIZE(calls))
		return -ENOTTY;
	call = &calls[array_index_nospec(_IOC_NR(cmd), ARRAY_SIZE(calls))];
	if (!call->function)
		return -ENOTTY;
	if (get_user(size, (u32 __user *)user))
		return -EFAULT;
	if (size < call->least)
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	err = copy_struct_from_user(&known, call->size, user, size);
	if (err)
		return err;
	if (call->changes && !caller.writes)
		return -EACCES;
	known.size = size;
	err = call_answer(call, &caller, &known, user, min_t(u32, size, call->size));
	if (caller.heap)
		heap_put(caller.heap);
	return err;
}

static int dev_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct client *client = file->private_data;

	return region_is_gone(client->region) ? -ENODEV : mapping_create(client, vma);
}

static int dev_open(struct inode *inode, struct file *file)
{
	struct region *region = container_of(file->private_data, struct region,
					     misc);
	struct client *client = client_create(region);

	if (!client)
		return -ENOMEM;
	file->private_data = client;
	file->f_mapping = region->inode->i_mapping;
	file->f_mode |= COMPAT_FILE_MODE;
	return 0;
}

static int dev_release(struct inode *inode, struct file *file)
{
	client_destroy(file->private_data);
	return 0;
}

/* Is there an event to read, or will there never be another one? */
static bool read_due(const struct client *client)
{
	return events_last(&client->region->events) != READ_ONCE(client->event) ||
	       region_is_gone(client->region);
}

/*
 * One reader at a time, so that each event is read once. It may take a fault while it holds
 * the mutex: O_NONBLOCK does not wait for that either.
 */
static int read_begin(const struct file *file, struct client *client)
{
	if (region_is_gone(client->region))
		return -ENODEV;
	if (file->f_flags & O_NONBLOCK)
		return mutex_trylock(&client->read_mutex) ? 0 : -EAGAIN;
	return mutex_lock_interruptible(&client->read_mutex) ? -ERESTARTSYS : 0;
}

/* Wait for an event, without the mutex; another reader may have it first. */
static int read_wait(const struct file *file, struct client *client)
{
	if (file->f_flags & O_NONBLOCK)
		return -EAGAIN;
	return wait_event_interruptible(client->region->events.wait, read_due(client));
}

/* Whole events; one counts as read when the reader has it. Bytes, 0 when there is none. */
static ssize_t read_events(struct client *client, char __user *to, size_t bytes)
{
	struct memmgr_event event;
	ssize_t done = 0;
	int err = 0;

	while (!err && bytes - done >= sizeof(event) &&
	       events_next(&client->region->events, client->event, &event)) {
		if (copy_to_user(to + done, &event, sizeof(event))) {
			err = -EFAULT;
			break;
		}
		WRITE_ONCE(client->event, event.kind == MEMMGR_EVENT_LOST ? event.seq - 1 :
			   event.seq);
		done += sizeof(event);
	}
	return done ? done : err;
}

static ssize_t dev_read(struct file *file, char __user *to, size_t bytes, loff_t *pos)
{
	struct client *client = file->private_data;
	ssize_t done = 0;
	int err;

	if (bytes < sizeof(struct memmgr_event))
		return -EINVAL;
	do {
		err = read_begin(file, client);
		if (err)
			break;
		done = read_events(client, to, bytes);
		mutex_unlock(&client->read_mutex);
		if (done)
			break;
		err = read_wait(file, client);
	} while (!err);
	return done ? done : err;
}

static __poll_t dev_poll(struct file *file, struct poll_table_struct *table)
{
	struct client *client = file->private_data;
	struct events *events = &client->region->events;

	poll_wait(file, &events->wait, table);
	if (region_is_gone(client->region))
		return EPOLLHUP | EPOLLERR;
	return events_last(events) != READ_ONCE(client->event) ? EPOLLIN | EPOLLRDNORM : 0;
}

static const struct file_operations dev_fops = {
	.owner = THIS_MODULE,
	COMPAT_FOP_FLAGS
	.open = dev_open,
	.release = dev_release,
	.unlocked_ioctl = dev_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = dev_mmap,
	.read = dev_read,
	.poll = dev_poll,
	.llseek = noop_llseek,
};

int dev_add_region(struct region *region)
{
	int err;

	region->misc.minor = MISC_DYNAMIC_MINOR;
	region->misc.name = region->misc_name;
	region->misc.fops = &dev_fops;
	region->misc.mode = 0660;
	err = misc_register(&region->misc);
	if (err)
		region->misc.this_device = NULL;
	else
		events_set_device(&region->events, region->misc.this_device);
	return err;
}

/*
 * No call begins any more, once the region is gone; what waits for an event is woken.
 * A region that was never published has no node.
 */
void dev_remove_region(struct region *region)
{
	events_set_device(&region->events, NULL);
	if (region->misc.this_device)
		misc_deregister(&region->misc);
	wake_up_all(&region->events.wait);
}
