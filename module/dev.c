// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The device node: ioctls to calls and back. No logic of its own. */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "client.h"
#include "compat.h"
#include "dev.h"
#include "heap.h"
#include "mmap.h"
#include "region.h"

/* The heap of an id, if the client may see it. */
static struct memmgr_heap *call_heap(struct client *client, u32 id)
{
	struct memmgr_heap *heap = heap_get(client->region, id);
	int err;

	if (!heap)
		return ERR_PTR(-ENOENT);
	err = heap_access(heap, client);
	if (err) {
		heap_put(heap);
		return ERR_PTR(err);
	}
	return heap;
}

/* The heap of an id to look at: the administrator may see others' as well. */
static struct memmgr_heap *call_heap_look(struct client *client, u32 id)
{
	struct memmgr_heap *heap = heap_get(client->region, id);
	int err;

	if (!heap)
		return ERR_PTR(-ENOENT);
	err = heap_access(heap, client);
	if (err && !ns_capable_noaudit(&init_user_ns, CAP_SYS_ADMIN)) {
		heap_put(heap);
		return ERR_PTR(err);
	}
	return heap;
}

/* A pointer of the caller; one that this kernel could not hold leads nowhere. */
static int call_pointer(u64 value, void __user **ptr)
{
	*ptr = u64_to_user_ptr(value);
	return (u64)(uintptr_t)*ptr == value ? 0 : -EFAULT;
}

/* The heap of a handle. */
static struct memmgr_heap *call_handle(struct client *client, u64 handle)
{
	struct memmgr_heap *heap = heap_get(client->region, handle_heap(handle));

	return heap ? heap : ERR_PTR(-EBADF);
}

static bool text_ok(const char *text, size_t len)
{
	return strnlen(text, len) < len;
}

static int call_query(struct client *client, void *arg)
{
	struct region *region = client->region;
	struct memmgr_query *q = arg;

	if (q->flags)
		return -EINVAL;
	q->features =
		(IS_ENABLED(CONFIG_MEMMGR_SLAB) ? MEMMGR_FEATURE_SLAB : 0) |
		(IS_ENABLED(CONFIG_MEMMGR_POOL) ? MEMMGR_FEATURE_POOL : 0) |
		(IS_ENABLED(CONFIG_MEMMGR_STACK) ? MEMMGR_FEATURE_STACK : 0) |
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

static int call_heap_create(struct client *client, void *arg)
{
	struct memmgr_heap_create *c = arg;

	if (!text_ok(c->name, sizeof(c->name)))
		return -EINVAL;
	return heap_create(client->region, client, c);
}

static int call_heap_destroy(struct client *client, void *arg)
{
	struct memmgr_heap_destroy *d = arg;

	if (d->flags & ~MEMMGR_DESTROY_FORCE || d->reserved)
		return -EINVAL;
	return heap_destroy(client->region, client, d->heap, d->flags);
}

/* The heap that a query means. Others' private ones are the administrator's. */
static struct memmgr_heap *query_heap(struct client *client,
				      const struct memmgr_heap_query *q)
{
	bool admin = ns_capable_noaudit(&init_user_ns, CAP_SYS_ADMIN);
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
		if (admin || !heap_access(heap, client))
			return heap;
		id = heap->id;
		heap_put(heap);
		if (q->flags & MEMMGR_QUERY_NAME)
			return ERR_PTR(-ENOENT);
		if (!(q->flags & MEMMGR_QUERY_NEXT))
			return ERR_PTR(-EACCES);
	}
}

static int call_heap_query(struct client *client, void *arg)
{
	struct memmgr_heap_query *q = arg;
	struct memmgr_heap *heap;

	if (q->flags != 0 && q->flags != MEMMGR_QUERY_NAME &&
	    q->flags != MEMMGR_QUERY_NEXT)
		return -EINVAL;
	if (q->reserved || (q->flags & MEMMGR_QUERY_NAME &&
			    !text_ok(q->name, sizeof(q->name))))
		return -EINVAL;
	heap = query_heap(client, q);
	if (IS_ERR(heap))
		return PTR_ERR(heap);
	heap_query(heap, client, q);
	heap_put(heap);
	return 0;
}

#define ALLOC_FLAGS	(MEMMGR_ALLOC_PERSISTENT | MEMMGR_ALLOC_WAIT | \
			 MEMMGR_ALLOC_NO_FALLBACK)

static int call_alloc(struct client *client, void *arg)
{
	struct memmgr_alloc *a = arg;
	struct heap_request rq = {
		.bytes = a->bytes,
		.align = a->align,
		.flags = a->flags,
		.timeout_ms = a->timeout_ms,
		.tag = a->tag,
	};
	struct engine_refusal why = { 0 };
	struct memmgr_info info = { 0 };
	struct memmgr_heap *heap;
	int err;

	if (a->flags & ~ALLOC_FLAGS || !text_ok(a->tag, sizeof(a->tag)) ||
	    (a->timeout_ms && !(a->flags & MEMMGR_ALLOC_WAIT)))
		return -EINVAL;
	heap = call_heap(client, a->heap);
	if (IS_ERR(heap))
		return PTR_ERR(heap);
	err = heap_alloc(heap, client, &rq, &info, &why);
	heap_put(heap);
	a->handle = info.handle;
	a->offset = info.offset;
	a->granted = info.granted;
	a->map_offset = info.map_offset;
	a->from = err ? a->heap : info.heap;
	a->reason = err ? why.reason : MEMMGR_REASON_NONE;
	a->largest = err ? why.largest : 0;
	return err;
}

static int call_free(struct client *client, void *arg)
{
	struct memmgr_free *f = arg;
	struct memmgr_heap *heap;
	int err;

	if (f->flags)
		return -EINVAL;
	heap = call_handle(client, f->handle);
	if (IS_ERR(heap)) {
		heap_refused(client->region);
		return PTR_ERR(heap);
	}
	err = heap_free(heap, client, f->handle);
	heap_trim(heap);
	heap_put(heap);
	return err;
}

static int call_resize(struct client *client, void *arg)
{
	struct memmgr_resize *r = arg;
	struct engine_refusal why = { 0 };
	struct memmgr_heap *heap;
	int err;

	if (r->flags || r->reserved)
		return -EINVAL;
	heap = call_handle(client, r->handle);
	if (IS_ERR(heap))
		return PTR_ERR(heap);
	err = heap_resize(heap, client, r->handle, r->bytes, &r->granted, &why);
	heap_put(heap);
	r->reason = why.reason;
	r->largest = why.largest;
	return err;
}

/* Make allocations one by one until it is enough or one fails. */
static int batch_alloc(struct memmgr_heap *heap, struct client *client,
		       struct memmgr_alloc_batch *b, u64 __user *handles,
		       u32 *done)
{
	struct heap_request rq = {
		.bytes = b->bytes,
		.align = b->align,
		.flags = b->flags,
		.tag = b->tag,
	};
	struct engine_refusal why = { 0 };
	struct memmgr_info info = { 0 };
	int err;

	for (*done = 0; *done < b->count; ++*done) {
		err = heap_alloc(heap, client, &rq, &info, &why);
		if (err) {
			b->reason = why.reason;
			b->largest = why.largest;
			return err;
		}
		if (put_user(info.handle, &handles[*done])) {
			struct memmgr_free undo = { .handle = info.handle };

			call_free(client, &undo);
			return -EFAULT;
		}
	}
	return 0;
}

static int call_alloc_batch(struct client *client, void *arg)
{
	struct memmgr_alloc_batch *b = arg;
	struct memmgr_heap *heap;
	void __user *handles;
	u32 done;
	int err;

	if (b->flags & ~(MEMMGR_ALLOC_PERSISTENT | MEMMGR_ALLOC_NO_FALLBACK) ||
	    b->reserved || !b->count || b->count > MEMMGR_BATCH_MAX ||
	    !text_ok(b->tag, sizeof(b->tag)))
		return -EINVAL;
	if (call_pointer(b->handles, &handles))
		return -EFAULT;
	heap = call_heap(client, b->heap);
	if (IS_ERR(heap))
		return PTR_ERR(heap);
	b->reason = MEMMGR_REASON_NONE;
	b->largest = 0;
	err = batch_alloc(heap, client, b, handles, &done);
	heap_put(heap);
	b->count = done;
	return done && err != -EFAULT ? 0 : err;
}

static int call_free_batch(struct client *client, void *arg)
{
	struct memmgr_free_batch *b = arg;
	struct memmgr_free f = { 0 };
	void __user *handles;
	int err = 0;
	u32 done;

	if (b->flags || b->reserved || !b->count || b->count > MEMMGR_BATCH_MAX)
		return -EINVAL;
	if (call_pointer(b->handles, &handles))
		return -EFAULT;
	for (done = 0; !err && done < b->count; done += !err) {
		if (get_user(f.handle, (u64 __user *)handles + done))
			err = -EFAULT;
		else
			err = call_free(client, &f);
	}
	b->count = done;
	return err;
}

static int call_mark(struct client *client, void *arg)
{
	struct memmgr_mark *m = arg;
	struct memmgr_heap *heap;
	int err;

	if (m->flags)
		return -EINVAL;
	heap = call_heap(client, m->heap);
	if (IS_ERR(heap))
		return PTR_ERR(heap);
	err = heap_stack_mark(heap, &m->mark);
	heap_put(heap);
	return err;
}

static int call_release(struct client *client, void *arg)
{
	struct memmgr_mark *m = arg;
	struct memmgr_heap *heap;
	int err;

	if (m->flags)
		return -EINVAL;
	heap = call_heap(client, m->heap);
	if (IS_ERR(heap))
		return PTR_ERR(heap);
	err = heap_stack_release(heap, client, m->mark, &m->released);
	heap_put(heap);
	return err;
}

#define COPY_STEP	(1ul << 20)

/* Copy step by step, so that a signal or another task need not wait long. */
static int call_copy(struct client *client, struct memmgr_copy *c, bool write)
{
	u64 bytes = c->bytes, done = 0, place;
	struct memmgr_heap *heap;
	void __user *ptr;
	int err;

	if (c->flags || !bytes)
		return -EINVAL;
	c->bytes = 0;
	if (call_pointer(c->ptr, &ptr))
		return -EFAULT;
	heap = call_handle(client, c->handle);
	if (IS_ERR(heap))
		return PTR_ERR(heap);
	err = heap_copy_begin(heap, client, c->handle, c->offset, bytes, &place);
	if (err)
		goto out;
	while (!err && done < bytes) {
		unsigned long n = min_t(u64, bytes - done, COPY_STEP);
		unsigned long rest =
			write ? region_write(client->region, place + done, ptr + done, n) :
				region_read(client->region, place + done, ptr + done, n);

		done += n - rest;
		if (rest)
			err = -EFAULT;
		else if (fatal_signal_pending(current))
			err = -EINTR;
		cond_resched();
	}
	heap_copy_end(heap, c->handle);
	c->bytes = done;
out:
	heap_put(heap);
	return err;
}

static int call_read(struct client *client, void *arg)
{
	return call_copy(client, arg, false);
}

static int call_write(struct client *client, void *arg)
{
	return call_copy(client, arg, true);
}

static int call_alloc_query(struct client *client, void *arg)
{
	struct memmgr_info *info = arg;
	struct memmgr_heap *heap;
	int err;

	if (info->flags)
		return -EINVAL;
	heap = call_handle(client, info->handle);
	if (IS_ERR(heap))
		return PTR_ERR(heap);
	err = heap_info(heap, client, info->handle, info);
	heap_put(heap);
	return err;
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

/* The cursor: heap and record where to go on, and one bit so that it is not 0. */
#define CURSOR_VALID	(1ull << 63)

static u64 cursor_make(u32 heap, u32 index)
{
	return CURSOR_VALID | (u64)heap << 32 | index;
}

static int call_list(struct client *client, void *arg)
{
	struct memmgr_list *l = arg;
	u32 id = l->heap == MEMMGR_HEAP_ANY ? 0 : l->heap;
	struct memmgr_heap *heap;
	u32 index = 0, n = 0;
	int err = 0;

	if (l->flags & ~MEMMGR_LIST_MINE || l->reserved || !l->count ||
	    l->count > MEMMGR_BATCH_MAX || l->entry_size > ENTRY_MAX ||
	    l->entry_size < sizeof(struct memmgr_info) ||
	    (l->cursor && !(l->cursor & CURSOR_VALID)))
		return -EINVAL;
	if (l->heap != MEMMGR_HEAP_ANY) {
		heap = call_heap(client, l->heap);
		if (IS_ERR(heap))
			return PTR_ERR(heap);
		heap_put(heap);
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
		while (!err && n < l->count &&
		       heap_info_next(heap, client, &index, &info)) {
			if (l->flags & MEMMGR_LIST_MINE &&
			    !(info.state & MEMMGR_INFO_MINE))
				continue;
			err = entry_put(l->entries, n, l->entry_size, &info,
					sizeof(info));
			n += !err;
			cond_resched();
		}
		heap_put(heap);
		if (err)
			return err;
		if (n == l->count) {
			l->cursor = cursor_make(id, index);
			break;
		}
	}
	l->count = n;
	return 0;
}

static int call_stats(struct client *client, void *arg)
{
	struct memmgr_stats *s = arg;
	struct memmgr_heap *heap;

	if (s->flags)
		return -EINVAL;
	heap = call_heap_look(client, s->heap);
	if (IS_ERR(heap))
		return PTR_ERR(heap);
	heap_stats(heap, s);
	heap_put(heap);
	return 0;
}

static int call_frag(struct client *client, void *arg)
{
	struct memmgr_frag *f = arg;
	struct memmgr_heap *heap;

	if (f->flags)
		return -EINVAL;
	heap = call_heap_look(client, f->heap);
	if (IS_ERR(heap))
		return PTR_ERR(heap);
	heap_frag(heap, f);
	heap_put(heap);
	return 0;
}

static int call_check(struct client *client, void *arg)
{
	struct memmgr_check *c = arg;
	struct memmgr_heap *heap;
	int err;

	if (c->flags)
		return -EINVAL;
	heap = heap_get(client->region, c->heap);
	if (!heap)
		return -ENOENT;
	if (heap->client == client || capable(CAP_SYS_ADMIN))
		err = heap_check(heap, c);
	else
		err = heap->client ? -EACCES : -EPERM;
	heap_put(heap);
	return err;
}

static int call_map(struct client *client, void *arg)
{
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
	if (copy_to_user(to, cells, m->count * sizeof(*cells)))
		err = -EFAULT;
	kvfree(cells);
	return err;
}

static int call_failures(struct client *client, void *arg)
{
	bool admin = ns_capable_noaudit(&init_user_ns, CAP_SYS_ADMIN);
	struct memmgr_failures *f = arg;
	struct memmgr_failure failure;
	u64 owner;
	u32 n = 0;
	int err;

	if (f->flags || !f->count || f->count > MEMMGR_BATCH_MAX ||
	    f->entry_size < sizeof(failure) || f->entry_size > ENTRY_MAX)
		return -EINVAL;
	while (n < f->count &&
	       failures_next(&client->region->failures, f->after, &failure, &owner)) {
		/* A private heap's name is its client's. */
		if (owner && owner != client->serial && !admin)
			strscpy_pad(failure.heap_name, "(private)",
				    sizeof(failure.heap_name));
		err = entry_put(f->entries, n, f->entry_size, &failure,
				sizeof(failure));
		if (err)
			return err;
		f->after = failure.seq;
		n++;
	}
	f->count = n;
	f->total = failures_total(&client->region->failures);
	return 0;
}

/*
 * An answer that could not be written is lost: nobody would know of what was
 * made, so it is unmade.
 */
static void undo_heap_create(struct client *client, void *arg)
{
	struct memmgr_heap_create *c = arg;

	heap_destroy(client->region, client, c->heap, 0);
}

static void undo_alloc(struct client *client, void *arg)
{
	struct memmgr_alloc *a = arg;
	struct memmgr_free f = { .handle = a->handle };

	call_free(client, &f);
}

static void undo_alloc_batch(struct client *client, void *arg)
{
	struct memmgr_alloc_batch *b = arg;
	struct memmgr_free_batch f = {
		.count = b->count,
		.handles = b->handles,
	};

	call_free_batch(client, &f);
}

#define CALL(nr, function, type, changes, undo) \
	[_IOC_NR(nr)] = { function, undo, sizeof(struct type), changes }

/* One line a call: its number and structure, does it change things, and undo. */
static const struct call {
	int (*function)(struct client *client, void *arg);
	void (*undo)(struct client *client, void *arg);
	u32 size;
	bool changes;
} calls[] = {
	CALL(MEMMGR_IOC_QUERY, call_query, memmgr_query,
	     false, NULL),
	CALL(MEMMGR_IOC_HEAP_CREATE, call_heap_create, memmgr_heap_create,
	     true, undo_heap_create),
	CALL(MEMMGR_IOC_HEAP_DESTROY, call_heap_destroy, memmgr_heap_destroy,
	     true, NULL),
	CALL(MEMMGR_IOC_HEAP_QUERY, call_heap_query, memmgr_heap_query,
	     false, NULL),
	CALL(MEMMGR_IOC_ALLOC, call_alloc, memmgr_alloc,
	     true, undo_alloc),
	CALL(MEMMGR_IOC_FREE, call_free, memmgr_free,
	     true, NULL),
	CALL(MEMMGR_IOC_RESIZE, call_resize, memmgr_resize,
	     true, NULL),
	CALL(MEMMGR_IOC_ALLOC_BATCH, call_alloc_batch, memmgr_alloc_batch,
	     true, undo_alloc_batch),
	CALL(MEMMGR_IOC_FREE_BATCH, call_free_batch, memmgr_free_batch,
	     true, NULL),
	CALL(MEMMGR_IOC_MARK, call_mark, memmgr_mark,
	     false, NULL),
	CALL(MEMMGR_IOC_RELEASE, call_release, memmgr_mark,
	     true, NULL),
	CALL(MEMMGR_IOC_READ, call_read, memmgr_copy,
	     false, NULL),
	CALL(MEMMGR_IOC_WRITE, call_write, memmgr_copy,
	     true, NULL),
	CALL(MEMMGR_IOC_ALLOC_QUERY, call_alloc_query, memmgr_info,
	     false, NULL),
	CALL(MEMMGR_IOC_LIST, call_list, memmgr_list,
	     false, NULL),
	CALL(MEMMGR_IOC_STATS, call_stats, memmgr_stats,
	     false, NULL),
	CALL(MEMMGR_IOC_FRAG, call_frag, memmgr_frag,
	     false, NULL),
	CALL(MEMMGR_IOC_CHECK, call_check, memmgr_check,
	     false, NULL),
	CALL(MEMMGR_IOC_MAP, call_map, memmgr_map,
	     false, NULL),
	CALL(MEMMGR_IOC_FAILURES, call_failures, memmgr_failures,
	     false, NULL),
};

/* Room for every structure of the table. */
union call_arg {
	u32 size;
	struct memmgr_heap_create create;
	struct memmgr_heap_query query;
	struct memmgr_stats stats;
	struct memmgr_frag frag;
};

/* The layout of the ABI is the same everywhere; a change of it is a mistake. */
static_assert(sizeof(struct memmgr_query) == 88);
static_assert(sizeof(struct memmgr_heap_create) == 120);
static_assert(sizeof(struct memmgr_heap_destroy) == 16);
static_assert(sizeof(struct memmgr_heap_query) == 136);
static_assert(sizeof(struct memmgr_alloc) == 112);
static_assert(sizeof(struct memmgr_free) == 16);
static_assert(sizeof(struct memmgr_resize) == 48);
static_assert(sizeof(struct memmgr_alloc_batch) == 88);
static_assert(sizeof(struct memmgr_free_batch) == 24);
static_assert(sizeof(struct memmgr_mark) == 24);
static_assert(sizeof(struct memmgr_copy) == 40);
static_assert(sizeof(struct memmgr_info) == 144);
static_assert(sizeof(struct memmgr_list) == 40);
static_assert(sizeof(struct memmgr_stats) == 488);
static_assert(sizeof(struct memmgr_frag) == 568);
static_assert(sizeof(struct memmgr_check) == 88);
static_assert(sizeof(struct memmgr_cell) == 16);
static_assert(sizeof(struct memmgr_map) == 32);
static_assert(sizeof(struct memmgr_failure) == 112);
static_assert(sizeof(struct memmgr_failures) == 40);

static long dev_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	void __user *user = (void __user *)arg;
	const struct call *call;
	union call_arg known;
	u32 size;
	int err;

	if (_IOC_TYPE(cmd) != MEMMGR_IOC_MAGIC || cmd != _IO(MEMMGR_IOC_MAGIC, _IOC_NR(cmd)) ||
	    _IOC_NR(cmd) >= ARRAY_SIZE(calls))
		return -ENOTTY;
	call = &calls[array_index_nospec(_IOC_NR(cmd), ARRAY_SIZE(calls))];
	if (get_user(size, (u32 __user *)user))
		return -EFAULT;
	if (size < call->size)
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	err = copy_struct_from_user(&known, call->size, user, size);
	if (err)
		return err;
	if (call->changes && !(file->f_mode & FMODE_WRITE))
		return -EACCES;
	known.size = size;
	err = call->function(file->private_data, &known);
	/* The answer says why, so it is due on failure as well. */
	if (copy_to_user(user, &known, call->size)) {
		if ((!err || err == -EFAULT) && call->undo)
			call->undo(file->private_data, &known);
		return -EFAULT;
	}
	return err;
}

static int dev_mmap(struct file *file, struct vm_area_struct *vma)
{
	return mapping_create(file->private_data, vma);
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

static const struct file_operations dev_fops = {
	.owner = THIS_MODULE,
	COMPAT_FOP_FLAGS
	.open = dev_open,
	.release = dev_release,
	.unlocked_ioctl = dev_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = dev_mmap,
	.llseek = noop_llseek,
};

int dev_add_region(struct region *region)
{
	region->misc.minor = MISC_DYNAMIC_MINOR;
	region->misc.name = region->misc_name;
	region->misc.fops = &dev_fops;
	region->misc.mode = 0660;
	return misc_register(&region->misc);
}

void dev_remove_region(struct region *region)
{
	misc_deregister(&region->misc);
}
