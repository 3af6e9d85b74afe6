// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* What hostile programs do with allocations by handle. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "basics.h"
#include "calls.h"
#include "device.h"
#include "fuzz.h"

#define GUARDED		(MEMMGR_ALLOC_GUARD | MEMMGR_ALLOC_MAY_SHIFT)

/* A heap to allocate from: main, one that all share, or a private one. */
static struct fuzz_heap *any_heap(struct fuzz_worker *w)
{
	__u32 dice = fuzz_below(w, 100);

	if (dice < 25 && w->heaps_used)
		return &w->heaps[fuzz_below(w, w->heaps_used)];
	if (dice < 55)
		return &w->board->shared[0];
	return &w->board->shared[fuzz_below(w, w->board->shared_used)];
}

static __u64 any_size(struct fuzz_worker *w, const struct fuzz_heap *heap)
{
	__u64 most = heap->object;

	if (fuzz_chance(w, 60) && most > w->page)
		most = w->page;
	return 1 + fuzz_below(w, most);
}

static __u32 any_flags(struct fuzz_worker *w, const struct fuzz_heap *heap)
{
	static const __u32 some[] = {
		MEMMGR_ALLOC_NO_FALLBACK, GUARDED, GUARDED, MEMMGR_ALLOC_GUARD,
		MEMMGR_ALLOC_MAY_COMPACT, MEMMGR_ALLOC_WAIT, MEMMGR_ALLOC_POPULATE,
		MEMMGR_ALLOC_PERSISTENT, MEMMGR_ALLOC_PERSISTENT,
	};
	__u32 flags = fuzz_chance(w, 25) ? some[fuzz_below(w, ARRAY_SIZE(some))] : 0;

	if (fuzz_chance(w, 2))
		flags |= MEMMGR_ALLOC_NO_ZERO;
	/* not in private heaps; and in main the offsets of others are never theirs, see below */
	if (heap->map_size || heap->id == MEMMGR_HEAP_MAIN)
		flags &= ~MEMMGR_ALLOC_PERSISTENT;
	return flags;
}

static struct memmgr_alloc any_request(struct fuzz_worker *w)
{
	struct fuzz_heap *heap = any_heap(w);
	struct memmgr_alloc a = alloc_request(heap->id, any_size(w, heap));

	a.flags = any_flags(w, heap);
	if (a.flags & MEMMGR_ALLOC_WAIT)
		a.timeout_ms = 1;
	if (heap->kind == MEMMGR_KIND_BUDDY && fuzz_chance(w, 20))
		a.align = 1u << fuzz_below(w, 15);
	if (fuzz_chance(w, 50))
		snprintf(a.tag, sizeof(a.tag), "fuzz-%u", fuzz_below(w, 20));
	if (fuzz_chance(w, 30))
		a.site = (uintptr_t)any_request + fuzz_below(w, 64);
	return a;
}

/* A refusal that must come, and the error that tells why; 0: none must. */
static int spoil_request(struct fuzz_worker *w, struct memmgr_alloc *a)
{
	switch (fuzz_below(w, 40)) {
	case 0:
		a->bytes = 0;
		return -EINVAL;
	case 1:
		a->align = 3;
		return -EINVAL;
	case 2:
		memset(a->tag, 'x', sizeof(a->tag));
		return -EINVAL;
	case 3:
		a->heap = 64 + fuzz_random(w) % 1000;
		return -ENOENT;
	case 4:
		a->bytes = w->board->region_size + 1 + fuzz_random(w);
		return -ENOMEM;
	case 5:
		a->flags |= MEMMGR_ALLOC_MAY_SHIFT;
		a->flags &= ~MEMMGR_ALLOC_GUARD;
		return -EINVAL;
	default:
		return 0;
	}
}

static bool refused(struct fuzz_worker *w, const struct memmgr_alloc *a, int result, int must)
{
	/* A heap without a record for one more says so, whatever the size. */
	if (must)
		return ALLOW(w, "a request that is wrong", result, must, -EPERM, -EACCES, -EDQUOT,
			     must == -ENOMEM ? -ENOSPC : must,
			     a->flags & GUARDED ? -EOPNOTSUPP : must);
	if ((result == -ENOMEM || result == -EDQUOT) && !a->reason)
		return fuzz_fail(w, "no reason", result);
	if (result == -ENOMEM && a->exact && a->largest >= a->bytes && !(a->flags & GUARDED))
		return fuzz_fail(w, "a size that would have worked", result);
	if (result == -EPERM)
		return (w->uid && a->flags & MEMMGR_ALLOC_NO_ZERO) ||
		       fuzz_fail(w, "ALLOC", result);
	if (result == -EACCES)
		return a->heap == w->board->rights || fuzz_fail(w, "ALLOC", result);
	if (result == -ETIMEDOUT)
		return a->flags & MEMMGR_ALLOC_WAIT || fuzz_fail(w, "ALLOC", result);
	if (result == -EINVAL || result == -EOPNOTSUPP)
		return a->flags & GUARDED || fuzz_fail(w, "ALLOC", result);
	return ALLOW(w, "ALLOC", result, -ENOMEM, -EDQUOT, -ENOSPC);
}

static struct fuzz_block block_from(const struct memmgr_alloc *a, __u32 client)
{
	return (struct fuzz_block){
		.handle = a->handle, .bytes = a->bytes, .granted = a->granted,
		.map_offset = a->map_offset, .heap = a->from, .flags = a->flags,
		.client = client,
	};
}

static bool op_free(struct fuzz_worker *w);

static __u32 client_for(struct fuzz_worker *w, __u32 heap)
{
	__u32 i;

	for (i = 0; i < w->heaps_used; i++)
		if (w->heaps[i].id == heap)
			return w->heaps[i].client;
	return fuzz_below(w, FUZZ_CLIENTS);
}

static bool op_alloc(struct fuzz_worker *w)
{
	struct memmgr_alloc a;
	struct fuzz_block b;
	__u32 client;
	int result, must;

	if (w->used == FUZZ_BLOCKS)
		return op_free(w);
	a = any_request(w);
	must = spoil_request(w, &a);
	client = client_for(w, a.heap);
	result = fuzz_ioctl(w, w->clients[client], F(ALLOC), &a, a.heap, a.bytes);
	if (result == FUZZ_TWISTED)
		return true;
	if (result || must)
		return refused(w, &a, result, must);
	if (a.granted < a.bytes || (a.flags & MEMMGR_ALLOC_NO_ZERO && w->uid))
		return fuzz_fail(w, "less than was asked for", 0);
	b = block_from(&a, client);
	return fuzz_adopt(w, &b);
}

/* An older structure has no room for these fields. */
static bool describe(struct fuzz_worker *w, struct fuzz_block *b)
{
	struct memmgr_info i;
	int result = mm_info(fuzz_client(w, b), b->handle, &i);

	if (result)
		return fuzz_fail(w, "ALLOC_QUERY of a new allocation", result);
	b->granted = i.granted;
	b->map_offset = i.map_offset;
	b->heap = i.heap;
	return true;
}

static bool op_alloc_batch(struct fuzz_worker *w)
{
	__u64 handles[8] = { 0 };
	struct memmgr_alloc a = any_request(w);
	struct memmgr_alloc_batch b = {
		.heap = a.heap, .flags = a.flags & ~MEMMGR_ALLOC_WAIT, .bytes = a.bytes,
		.count = 1 + fuzz_below(w, 8), .handles = (uintptr_t)handles, .align = a.align,
	};
	__u32 client = client_for(w, a.heap), i, wanted = b.count;
	int result;

	if (w->used + b.count > FUZZ_BLOCKS)
		return op_free(w);
	if (fuzz_chance(w, 6))
		b.bytes = w->board->region_size;
	if (fuzz_chance(w, 4)) {
		b.count = MEMMGR_BATCH_MAX + 1;
		result = fuzz_ioctl(w, w->clients[client], F(ALLOC_BATCH), &b, b.heap, b.count);
		return result == FUZZ_TWISTED || ALLOW(w, "a batch too large", result, -EINVAL);
	}
	result = fuzz_ioctl(w, w->clients[client], F(ALLOC_BATCH), &b, b.heap, b.bytes);
	if (result == FUZZ_TWISTED)
		return true;
	a.flags = b.flags;
	a.bytes = b.bytes;
	a.reason = b.reason;
	a.exact = 0;
	if (result)
		return refused(w, &a, result, 0);
	if (!b.count || b.count > wanted)
		return fuzz_fail(w, "a batch of another size", b.count);
	for (i = 0; i < b.count; i++) {
		struct fuzz_block made = {
			.handle = handles[i], .bytes = b.bytes, .flags = b.flags, .client = client,
		};

		if (!describe(w, &made) || !fuzz_adopt(w, &made))
			return false;
	}
	return true;
}

/* After its free nothing of a block can be reached any more. */
static bool is_gone(struct fuzz_worker *w, struct fuzz_block *b)
{
	unsigned char *start = b->map ? b->start : NULL;
	int fd = fuzz_client(w, b), result;
	__u64 handle = b->handle;

	fuzz_forget(w, b);
	if (start) {
		result = fuzz_note(w, F_TOUCH_STALE, fuzz_touch(start, fuzz_chance(w, 50)), handle,
				   0);
		if (result < FUZZ_SIGNAL)
			return fuzz_fail(w, "a freed allocation is still mapped", result);
	}
	if (!fuzz_chance(w, 10))
		return true;
	result = fuzz_note(w, F(FREE), mm_free(fd, handle), handle, 0);
	return ALLOW(w, "a second free", result, -EBADF);
}

static bool op_free(struct fuzz_worker *w)
{
	struct fuzz_block *b = fuzz_any_block(w);
	struct memmgr_free f = { 0 };
	int result;
	bool top;

	if (!b)
		return true;
	f.handle = b->handle;
	top = !fuzz_is_stack(w, b) || fuzz_is_top(w, b);
	result = fuzz_ioctl(w, fuzz_client(w, b), F(FREE), &f, b->handle, b->heap);
	if (result == FUZZ_TWISTED)
		return true;
	if (!top)
		return ALLOW(w, "FREE of what is not the top", result, -EBUSY);
	if (result)
		return ALLOW(w, "FREE", result, -EBUSY);
	return is_gone(w, b);
}

static bool op_free_batch(struct fuzz_worker *w)
{
	struct fuzz_block *b = fuzz_any_block(w);
	__u64 handles[2];
	struct memmgr_free_batch f = {
		.count = 2, .handles = (uintptr_t)handles,
	};
	int result;

	if (!b || (fuzz_is_stack(w, b) && !fuzz_is_top(w, b)))
		return true;
	handles[0] = b->handle;
	handles[1] = fuzz_chance(w, 50) ? b->handle : fuzz_random(w) | 1ull << 63;
	result = fuzz_ioctl(w, fuzz_client(w, b), F(FREE_BATCH), &f, b->handle, handles[1]);
	if (result == FUZZ_TWISTED || (result == -EBUSY && !f.count))
		return true;
	if (f.count != 1)
		return fuzz_fail(w, "a batch that frees more or less", f.count);
	return ALLOW(w, "the second of a batch", result, -EBADF, -EACCES) && is_gone(w, b);
}

/* Two of one's own at once. */
static bool op_free_two(struct fuzz_worker *w)
{
	struct fuzz_block *a = fuzz_any_block(w), *b = fuzz_any_block(w), *last;
	__u64 handles[2];
	struct memmgr_free_batch f = {
		.count = 2, .handles = (uintptr_t)handles,
	};
	int result;

	if (!a || a == b || a->client != b->client || fuzz_is_stack(w, a) || fuzz_is_stack(w, b))
		return true;
	handles[0] = a->handle;
	handles[1] = b->handle;
	result = fuzz_ioctl(w, fuzz_client(w, a), F(FREE_BATCH), &f, handles[0], handles[1]);
	if (result == FUZZ_TWISTED)
		return true;
	if (result != (f.count == 2 ? 0 : -EBUSY))
		return fuzz_fail(w, "FREE_BATCH", result);
	last = &w->blocks[w->used - 1];
	if (f.count >= 1 && !is_gone(w, a))
		return false;
	/* the last one has taken the place of the first */
	return f.count < 2 || is_gone(w, b == last ? a : b);
}

/* The memory behind @from is clear, as far as the block may use it. */
static bool is_clear_behind(struct fuzz_worker *w, const struct fuzz_block *b, __u64 from)
{
	struct memmgr_copy c = copy_request(b->handle, from, b->bytes - from, w->data);
	int result = fuzz_note(w, F(READ), fuzz_exact(fuzz_client(w, b), F(READ), &c), b->handle,
			       b->bytes - from);

	return (!result && is_zero(w->data, b->bytes - from)) ||
	       fuzz_fail(w, "added memory is not clear", result);
}

/* What was cut off is not mapped any more. */
static bool is_cut(struct fuzz_worker *w, const struct fuzz_block *b)
{
	__u64 inset = b->map_offset % w->page;
	size_t end = (inset + b->granted + w->page - 1) / w->page * w->page;

	if (!b->map || b->flags & MEMMGR_ALLOC_GUARD || end >= b->map_bytes)
		return true;
	return fuzz_touch(b->map + end, false) >= FUZZ_SIGNAL ||
	       fuzz_fail(w, "what was cut off is still mapped", 0);
}

static bool resized(struct fuzz_worker *w, struct fuzz_block *b, const struct memmgr_resize *r)
{
	__u64 before = b->bytes;
	struct memmgr_copy c;
	int result;

	b->bytes = r->bytes;
	if (!describe(w, b) || !is_cut(w, b))
		return false;
	/* a mapping does not grow along */
	if (b->map && b->start + b->bytes > b->map + b->map_bytes)
		fuzz_unmap(w, b);
	if (b->access == MEMMGR_ACCESS_NONE)
		return true;
	if (r->bytes <= before)
		return fuzz_verify(w, b);
	if (!is_clear_behind(w, b, before))
		return false;
	b->bytes = before;
	if (!fuzz_verify(w, b))
		return false;
	b->bytes = r->bytes;
	if (!(b->access & MEMMGR_ACCESS_WRITE)) {
		b->bytes = before;
		r = &(struct memmgr_resize){ .size = sizeof(*r), .handle = b->handle,
					     .bytes = before };
		result = fuzz_exact(fuzz_client(w, b), F(RESIZE), (void *)r);
		return (!result && describe(w, b)) || fuzz_fail(w, "RESIZE back", result);
	}
	b->stamp = fuzz_random(w);
	fuzz_fill(w->data, b->bytes, b->stamp);
	c = copy_request(b->handle, 0, b->bytes, w->data);
	result = fuzz_exact(fuzz_client(w, b), F(WRITE), &c);
	return !result || fuzz_fail(w, "WRITE after RESIZE", result);
}

static bool op_resize(struct fuzz_worker *w)
{
	struct fuzz_block *b = fuzz_any_block(w);
	struct memmgr_resize r = { 0 };
	struct fuzz_heap *heap;
	int result;

	if (!b || b->in_io)
		return true;
	heap = fuzz_heap_of(w, b->heap);
	r.handle = b->handle;
	r.bytes = fuzz_chance(w, 3) ? 0 : any_size(w, heap);
	if (fuzz_chance(w, 5))
		r.bytes = ~0ull - fuzz_below(w, 8192);
	/* what is protected cannot be looked at */
	if (b->access == MEMMGR_ACCESS_NONE && r.bytes > b->bytes)
		return true;
	result = fuzz_ioctl(w, fuzz_client(w, b), F(RESIZE), &r, b->handle, r.bytes);
	if (result == FUZZ_TWISTED)
		return true;
	if (!r.bytes)
		return ALLOW(w, "RESIZE to nothing", result, -EINVAL);
	if (b->sealed)
		return ALLOW(w, "RESIZE of what is sealed", result, -EPERM);
	if (fuzz_is_exported(w, b) || (fuzz_is_stack(w, b) && !fuzz_is_top(w, b)))
		return ALLOW(w, "RESIZE of what is in use", result, -EBUSY, -ENOMEM, -EACCES,
			     -EDQUOT);
	if (!result)
		return r.bytes <= w->data_bytes ? resized(w, b, &r) :
		       fuzz_fail(w, "RESIZE to more than there is", 0);
	if (result == -EACCES)
		return b->heap == w->board->rights || fuzz_fail(w, "RESIZE", result);
	return ALLOW(w, "RESIZE", result, -ENOMEM, -EDQUOT, -EBUSY);
}

static bool op_read(struct fuzz_worker *w)
{
	struct fuzz_block *b = fuzz_any_block(w);
	struct memmgr_copy c;
	int result;

	if (!b)
		return true;
	if (!fuzz_chance(w, 10))
		return fuzz_verify(w, b);
	c = copy_request(b->handle, fuzz_below(w, 2) ? b->bytes : ~0ull - fuzz_below(w, 64),
			 1 + fuzz_below(w, 64), w->data);
	result = fuzz_ioctl(w, fuzz_client(w, b), F(READ), &c, b->handle, c.offset);
	return result == FUZZ_TWISTED || ALLOW(w, "READ past the end", result, -ERANGE);
}

static bool op_write(struct fuzz_worker *w)
{
	struct fuzz_block *b = fuzz_any_block(w);
	__u32 stamp = fuzz_random(w);
	struct memmgr_copy c;
	int result;

	if (!b)
		return true;
	fuzz_fill(w->data, b->bytes, stamp);
	c = copy_request(b->handle, 0, b->bytes, w->data);
	if (fuzz_chance(w, 10))
		c.offset = 1 + fuzz_below(w, 1u << 31);
	else if (fuzz_chance(w, 5))
		c.ptr = (uintptr_t)-4096;
	result = fuzz_ioctl(w, fuzz_client(w, b), F(WRITE), &c, b->handle, c.offset);
	if (result == FUZZ_TWISTED)
		return true;
	if (c.offset)
		return ALLOW(w, "WRITE past the end", result, -ERANGE);
	if (!(b->access & MEMMGR_ACCESS_WRITE))
		return ALLOW(w, "WRITE to what is protected", result, -EACCES, -EFAULT);
	if (c.ptr != (uintptr_t)w->data)
		return ALLOW(w, "WRITE from nowhere", result, -EFAULT);
	if (result)
		return fuzz_fail(w, "WRITE", result);
	b->stamp = stamp;
	fuzz_restamped(w, b);
	return true;
}

static bool op_sync(struct fuzz_worker *w)
{
	struct fuzz_block *b = fuzz_any_block(w);
	struct memmgr_sync s = { 0 };
	int result;

	if (!b)
		return true;
	s.handle = b->handle;
	s.flags = fuzz_chance(w, 10) ? 3 : 1 + fuzz_below(w, 2);
	s.offset = fuzz_below(w, b->bytes);
	s.bytes = b->bytes - s.offset;
	result = fuzz_ioctl(w, fuzz_client(w, b), F(SYNC), &s, b->handle, s.offset);
	return result == FUZZ_TWISTED ||
	       ALLOW(w, "SYNC", result, s.flags == 3 ? -EINVAL : 0);
}

/* ---- what belongs to others ------------------------------------------------------------- */

static int use_free(int fd, __u64 handle)
{
	return mm_free(fd, handle);
}

static int use_free_batch(int fd, __u64 handle)
{
	return mm_free_batch(fd, &handle, 1);
}

static int use_resize(int fd, __u64 handle)
{
	struct memmgr_resize r;

	return mm_resize(fd, handle, 1, &r);
}

static int use_read(int fd, __u64 handle)
{
	char byte;

	return mm_read(fd, handle, 0, &byte, 1);
}

static int use_write(int fd, __u64 handle)
{
	return mm_write(fd, handle, 0, "!", 1);
}

static int use_query(int fd, __u64 handle)
{
	struct memmgr_info i;

	return mm_info(fd, handle, &i);
}

static int use_protect(int fd, __u64 handle)
{
	return mm_protect(fd, handle, MEMMGR_ACCESS_NONE, MEMMGR_PROTECT_SEAL);
}

static int use_sync(int fd, __u64 handle)
{
	return mm_sync(fd, handle, 0, 1, MEMMGR_SYNC_FOR_CPU);
}

static int use_export(int fd, __u64 handle)
{
	return mm_export(fd, handle, MEMMGR_EXPORT_CLOEXEC);
}

static int use_pin(int fd, __u64 handle)
{
	return mm_pin(fd, handle, 0);
}

static int use_unpin(int fd, __u64 handle)
{
	return mm_unpin(fd, handle, 0);
}

static const struct {
	__u32 call;
	int (*use)(int fd, __u64 handle);
} uses[] = {
	{ F(FREE), use_free }, { F(FREE_BATCH), use_free_batch }, { F(RESIZE), use_resize },
	{ F(READ), use_read }, { F(WRITE), use_write }, { F(ALLOC_QUERY), use_query },
	{ F(PROTECT), use_protect }, { F(SYNC), use_sync }, { F(EXPORT), use_export },
	{ F(PIN), use_pin }, { F(UNPIN), use_unpin },
};

static __u64 any_foreign(struct fuzz_worker *w, __u32 *worker, __u32 *shown)
{
	*worker = (w->index + 1 + fuzz_below(w, FUZZ_WORKERS - 1)) % FUZZ_WORKERS;
	*shown = fuzz_below(w, FUZZ_SHOWN);
	return __atomic_load_n(&w->board->shown[*worker][*shown].handle, __ATOMIC_ACQUIRE);
}

/* Nobody may do anything with it, root included. */
static bool op_foreign(struct fuzz_worker *w)
{
	__u32 use = fuzz_below(w, ARRAY_SIZE(uses)), worker, shown;
	__u64 handle = any_foreign(w, &worker, &shown);
	int result;

	if (fuzz_chance(w, 20))
		/* a later generation: any other guess may be right, about memory of one's own */
		handle ^= 1ull << (48 + fuzz_below(w, 15));
	if (!handle)
		return true;
	result = uses[use].use(w->clients[0], handle);
	fuzz_note(w, uses[use].call, result, handle, worker);
	return ALLOW(w, "use of what belongs to another", result, -EACCES, -EBADF);
}

/* By a client that has nothing, or the place might be its own by now. */
static bool op_foreign_map(struct fuzz_worker *w)
{
	__u32 worker, shown;
	__u64 offset;
	void *p;
	int result, fd;

	if (!any_foreign(w, &worker, &shown))
		return true;
	offset = w->board->shown[worker][shown].map_offset;
	if (offset % w->page || offset == NO_OFFSET)
		return true;
	fd = open_again(w->node, O_RDWR);
	p = mmap(NULL, w->page, PROT_READ, MAP_SHARED, fd, (off_t)offset);
	result = fuzz_note(w, F_MMAP, p == MAP_FAILED ? -errno : 0, offset, worker);
	close(fd);
	return ALLOW(w, "mapping of what belongs to another", result, -EACCES, -EINVAL);
}

const struct fuzz_op fuzz_alloc_ops[] = {
	{ "alloc", 150, op_alloc },
	{ "free", 100, op_free },
	{ "alloc batch", 14, op_alloc_batch },
	{ "free batch", 12, op_free_batch },
	{ "free two", 12, op_free_two },
	{ "resize", 50, op_resize },
	{ "read", 50, op_read },
	{ "write", 50, op_write },
	{ "sync", 12, op_sync },
	{ "foreign", 60, op_foreign },
	{ "foreign map", 10, op_foreign_map },
	{ }
};
