// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* What hostile programs do with mappings. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "basics.h"
#include "calls.h"
#include "fuzz.h"

static const int protections[] = {
	PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE, PROT_READ, PROT_NONE,
};

static int any_protection(struct fuzz_worker *w)
{
	return protections[fuzz_below(w, ARRAY_SIZE(protections))];
}

static bool allows(const struct fuzz_block *b, int prot)
{
	return !(prot & PROT_READ && !(b->access & MEMMGR_ACCESS_READ)) &&
	       !(prot & PROT_WRITE && !(b->access & MEMMGR_ACCESS_WRITE));
}

static bool can_read(const struct fuzz_block *b)
{
	return b->map && b->access & MEMMGR_ACCESS_READ && b->prot & PROT_READ;
}

static bool can_write(const struct fuzz_block *b)
{
	return b->map && b->access & MEMMGR_ACCESS_WRITE && b->prot & PROT_WRITE;
}

static struct fuzz_block *any_mapped(struct fuzz_worker *w)
{
	struct fuzz_block *b;
	int i;

	for (i = 0; i < 4; i++) {
		b = fuzz_any_block(w);
		if (b && b->map)
			return b;
	}
	return NULL;
}

static size_t whole_pages(const struct fuzz_worker *w, __u64 bytes)
{
	return (bytes + w->page - 1) / w->page * w->page;
}

/* How <linux/memmgr.h> tells to map it: all of it, with its guard pages if it has such. */
static void plan_mapping(const struct fuzz_worker *w, const struct fuzz_block *b, __u64 *offset,
			 size_t *bytes, size_t *start)
{
	__u64 inset = b->map_offset % w->page;
	bool guard = b->flags & MEMMGR_ALLOC_GUARD;

	*offset = b->map_offset - inset;
	*bytes = whole_pages(w, inset + b->granted) + (guard ? 2 * w->page : 0);
	*start = inset + (guard ? w->page : 0);
}

static int map_at(struct fuzz_worker *w, int fd, __u64 offset, size_t bytes, int prot, int flags,
		  unsigned char **p)
{
	*p = mmap(NULL, bytes, prot, flags, fd, (off_t)offset);
	return fuzz_note(w, F_MMAP, *p == MAP_FAILED ? -errno : 0, offset, bytes);
}

/* Arguments that mmap() has to refuse. */
static bool map_wrongly(struct fuzz_worker *w, const struct fuzz_block *b, __u64 offset,
			size_t bytes)
{
	int prot = PROT_READ, flags = MAP_SHARED, fd = fuzz_client(w, b), result;
	unsigned char *p;

	switch (fuzz_below(w, 4)) {
	case 0:
		prot |= PROT_EXEC;
		break;
	case 1:
		flags = MAP_PRIVATE;
		break;
	case 2:
		bytes += w->page * (1 + fuzz_below(w, 1000));
		break;
	default:
		offset += 1ull << (50 - fuzz_below(w, 5));
	}
	result = map_at(w, fd, offset, bytes, prot, flags, &p);
	if (!result)
		munmap(p, bytes);
	return ALLOW(w, "a wrong mapping", result, -EINVAL, -EACCES, -EOVERFLOW);
}

static bool op_mmap(struct fuzz_worker *w)
{
	struct fuzz_block *b = fuzz_any_block(w);
	int prot = any_protection(w), result;
	size_t bytes, start;
	unsigned char *p;
	__u64 offset;

	if (!b || b->map_offset == NO_OFFSET)
		return true;
	plan_mapping(w, b, &offset, &bytes, &start);
	if (fuzz_chance(w, 15))
		return map_wrongly(w, b, offset, bytes);
	result = map_at(w, fuzz_client(w, b), offset, bytes, prot, MAP_SHARED, &p);
	if (!allows(b, prot))
		return ALLOW(w, "a mapping of what is protected", result, -EACCES);
	if (result)
		return fuzz_fail(w, "mmap", result);
	fuzz_unmap(w, b);
	b->map = p;
	b->map_bytes = bytes;
	b->start = p + start;
	b->prot = prot;
	b->split = false;
	return true;
}

static bool op_munmap(struct fuzz_worker *w)
{
	struct fuzz_block *b = any_mapped(w);

	if (!b)
		return true;
	/*
	 * A page first: the rest of the mapping goes in two pieces. No hole is left, which
	 * the other thread might map something into.
	 */
	if (b->map_bytes > 2 * w->page && fuzz_chance(w, 50) &&
	    mmap(b->map + w->page, w->page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		 -1, 0) == MAP_FAILED)
		return fuzz_fail(w, "a page amid a mapping", -errno);
	fuzz_unmap(w, b);
	return true;
}

static bool op_touch(struct fuzz_worker *w)
{
	struct fuzz_block *b = any_mapped(w);
	bool guarded;
	int result;

	if (!b)
		return true;
	guarded = b->flags & MEMMGR_ALLOC_GUARD;
	if (guarded && fuzz_chance(w, 10)) {
		result = fuzz_note(w, F_TOUCH, fuzz_touch(b->map, false), b->handle, 1);
		return ALLOW(w, "touch of a guard page", result, FUZZ_SIGNAL + SIGSEGV);
	}
	result = fuzz_note(w, F_TOUCH, fuzz_compare(b->start, b->bytes, b->stamp), b->handle,
			   b->bytes);
	return ALLOW(w, "touch", result, can_read(b) ? 0 : FUZZ_SIGNAL + SIGSEGV);
}

static bool op_touch_write(struct fuzz_worker *w)
{
	struct fuzz_block *b = any_mapped(w);
	__u32 stamp = fuzz_random(w);
	int result;

	if (!b)
		return true;
	if (!can_write(b)) {
		result = fuzz_touch(b->start + fuzz_below(w, b->bytes), true);
		fuzz_note(w, F_TOUCH_WRITE, result, b->handle, b->bytes);
		return ALLOW(w, "a write to what is protected", result, FUZZ_SIGNAL + SIGSEGV);
	}
	result = fuzz_note(w, F_TOUCH_WRITE, fuzz_refill(b->start, b->bytes, stamp), b->handle,
			   b->bytes);
	if (result)
		return fuzz_fail(w, "a write through a mapping", result);
	b->stamp = stamp;
	fuzz_restamped(w, b);
	/* what is granted beyond the size may be written too, and is not for the next owner */
	if (b->granted > b->bytes && b->granted - b->bytes < w->page)
		memset(b->start + b->bytes, 0xdd, b->granted - b->bytes);
	return true;
}

static bool op_touch_stale(struct fuzz_worker *w)
{
	struct fuzz_stale *s;
	int result;

	if (!w->stales_used)
		return true;
	s = &w->stales[fuzz_below(w, w->stales_used)];
	result = fuzz_note(w, F_TOUCH_STALE, fuzz_touch(s->start, fuzz_chance(w, 30)),
			   (uintptr_t)s->start, 0);
	return ALLOW(w, "a mapping of what is gone", result, FUZZ_SIGNAL + SIGBUS,
		     FUZZ_SIGNAL + SIGSEGV);
}

/* To another place, through a hole that nobody else takes meanwhile. */
static bool op_mremap(struct fuzz_worker *w)
{
	struct fuzz_block *b = any_mapped(w);
	unsigned char *to, *moved;

	if (!b)
		return true;
	/* The kernel would unmap the target of two pieces before it refuses them. */
	if (b->split || fuzz_chance(w, 20)) {
		to = mremap(b->map, b->map_bytes, b->map_bytes + w->page, MREMAP_MAYMOVE);
		if (to != MAP_FAILED)
			return fuzz_fail(w, "a mapping that grows", 0);
		fuzz_note(w, F_MREMAP, -errno, b->handle, b->map_bytes + w->page);
		return ALLOW(w, "mremap", -errno, -EFAULT, -EINVAL);
	}
	to = mmap(NULL, b->map_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (to == MAP_FAILED)
		return fuzz_fail(w, "no room to map", -errno);
	moved = mremap(b->map, b->map_bytes, b->map_bytes, MREMAP_MAYMOVE | MREMAP_FIXED, to);
	fuzz_note(w, F_MREMAP, moved == MAP_FAILED ? -errno : 0, b->handle, b->map_bytes);
	if (moved == MAP_FAILED)
		return fuzz_fail(w, "mremap", -errno);
	b->start += moved - b->map;
	b->map = moved;
	return true;
}

static bool op_mprotect(struct fuzz_worker *w)
{
	struct fuzz_block *b = any_mapped(w);
	int prot = any_protection(w), result;

	if (!b)
		return true;
	if (fuzz_chance(w, 10)) {
		result = mprotect(b->map, b->map_bytes, PROT_READ | PROT_EXEC) ? -errno : 0;
		fuzz_note(w, F_MPROTECT, result, b->handle, PROT_EXEC);
		return ALLOW(w, "mprotect to execute", result, -EACCES);
	}
	/* the first page alone: the mapping is in two pieces until its protection is one */
	if (b->map_bytes > w->page && fuzz_chance(w, 20)) {
		b->split = true;
		if (mprotect(b->map, w->page, PROT_NONE))
			return fuzz_fail(w, "mprotect of a page", -errno);
	}
	result = mprotect(b->map, b->map_bytes, prot) ? -errno : 0;
	fuzz_note(w, F_MPROTECT, result, b->handle, prot);
	if (result == -EACCES && !allows(b, prot)) {
		/* some piece may have it already */
		fuzz_unmap(w, b);
		return true;
	}
	if (result || !allows(b, prot))
		return fuzz_fail(w, "mprotect", result);
	b->prot = prot;
	return true;
}

/* A private heap as a whole: its blocks lie there. */
static bool op_map_arena(struct fuzz_worker *w)
{
	struct fuzz_block *b = fuzz_any_block(w);
	struct memmgr_heap_query q;
	const struct fuzz_heap *heap;
	struct memmgr_info i;
	unsigned char *p;
	int result;

	heap = b ? fuzz_heap_of(w, b->heap) : NULL;
	if (!heap || !heap->map_size)
		return true;
	result = map_at(w, w->clients[heap->client], heap->map_offset, heap->map_size,
			PROT_READ | PROT_WRITE, MAP_SHARED, &p);
	if (result)
		return fuzz_fail(w, "mmap of a private heap", result);
	result = mm_heap_query(w->clients[heap->client], heap->id, &q) ?:
		 mm_info(fuzz_client(w, b), b->handle, &i);
	if (!result && heap->kind != MEMMGR_KIND_SLAB)
		result = fuzz_note(w, F_TOUCH, fuzz_compare(p + (i.offset - q.offset), b->bytes,
							    b->stamp), b->handle, i.offset);
	munmap(p, heap->map_size);
	return !result || fuzz_fail(w, "a private heap shows something else", result);
}

/* ---- processes --------------------------------------------------------------------------- */

/* What a child has it has from its parent. 0 if all is as there. */
static int child_looks(struct fuzz_worker *w, const struct fuzz_block *b)
{
	struct memmgr_info i;

	if (mm_info(fuzz_client(w, b), b->handle, &i))
		return 1;
	if (!b->map)
		return 0;
	return fuzz_compare(b->start, b->bytes, b->stamp) !=
	       (can_read(b) ? 0 : FUZZ_SIGNAL + SIGSEGV);
}

/* A child that looks, and is killed now and then; or a child that allocates. */
static bool op_fork(struct fuzz_worker *w)
{
	struct fuzz_block *b = fuzz_any_block(w);
	bool killed = fuzz_chance(w, 30);
	int status, result;
	pid_t child;

	if (!b)
		return true;
	child = fork();
	if (!child) {
		struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, w->page);

		result = child_looks(w, b);
		if (!result && !killed && !mm_alloc(w->clients[0], &a))
			result = mm_free(w->clients[0], a.handle) ? 2 : 0;
		_exit(result);
	}
	fuzz_note(w, F_FORK, child < 0 ? -errno : 0, b->handle, killed);
	if (child < 0)
		return fuzz_fail(w, "fork", -errno);
	if (killed)
		kill(child, SIGKILL);
	if (waitpid(child, &status, 0) != child)
		return fuzz_fail(w, "waitpid", -errno);
	return (WIFEXITED(status) && !WEXITSTATUS(status)) ||
	       (killed && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) ||
	       fuzz_fail(w, "a child sees something else", status);
}

/* ---- the kernel's own I/O ------------------------------------------------------------------ */

static size_t piped_bytes(const struct fuzz_worker *w, const struct fuzz_block *b)
{
	return b->bytes < w->page ? b->bytes : w->page;
}

static void end_io(struct fuzz_worker *w)
{
	__u32 i;

	for (i = 0; i < w->used; i++)
		w->blocks[i].in_io = false;
	w->piped.bytes = 0;
}

bool fuzz_drain(struct fuzz_worker *w)
{
	size_t bytes = w->piped.bytes, done = 0;
	ssize_t result = 1;

	while (done < bytes && result > 0) {
		result = read(w->pipe[0], w->data + done, bytes - done);
		done += result > 0 ? result : 0;
	}
	end_io(w);
	if (done != bytes)
		return fuzz_fail(w, "a pipe has lost something", result);
	return fuzz_is_filled(w->data, bytes, w->piped.stamp) ||
	       fuzz_fail(w, "a pipe has something else", 0);
}

/* The pipe has the page itself: it is not given to others before the pipe has let go. */
static bool op_vmsplice(struct fuzz_worker *w)
{
	struct fuzz_block *b = any_mapped(w);
	struct iovec v;
	ssize_t result;

	if (w->piped.bytes)
		return fuzz_chance(w, 70) || fuzz_drain(w);
	if (!b || !can_read(b) || b->flags & MEMMGR_ALLOC_GUARD)
		return true;
	v = (struct iovec){ b->start, piped_bytes(w, b) };
	result = vmsplice(w->pipe[1], &v, 1, SPLICE_F_NONBLOCK);
	result = result < 0 ? -errno : result;
	fuzz_note(w, F_VMSPLICE, result < 0 ? (int)result : 0, b->handle, v.iov_len);
	if (!w->has_pages)
		return ALLOW(w, "vmsplice without pages", result, -EFAULT);
	if (result != (ssize_t)v.iov_len)
		return fuzz_fail(w, "vmsplice", result);
	w->piped.bytes = result;
	w->piped.stamp = b->stamp;
	w->piped.handle = b->handle;
	b->in_io = true;
	return true;
}

static bool op_splice(struct fuzz_worker *w)
{
	ssize_t result;
	int null;

	if (!w->piped.bytes)
		return true;
	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (null < 0)
		return fuzz_drain(w);
	result = splice(w->pipe[0], NULL, null, NULL, w->piped.bytes, 0);
	result = result < 0 ? -errno : result;
	close(null);
	fuzz_note(w, F_SPLICE, result < 0 ? (int)result : 0, w->piped.handle, w->piped.bytes);
	if (result != w->piped.bytes)
		return fuzz_fail(w, "splice", result);
	end_io(w);
	return true;
}

/* A page to the worker's own place on the disk, and back into a page that was cleared. */
static bool op_direct(struct fuzz_worker *w)
{
	struct fuzz_block *b = any_mapped(w);
	off_t place = w->index * 65536ll;
	ssize_t result;

	if (!b || w->disk < 0 || !can_write(b) || b->bytes < w->page || b->in_io ||
	    (uintptr_t)b->start % w->page)
		return true;
	result = pwrite(w->disk, b->start, w->page, place);
	result = result < 0 ? -errno : result;
	fuzz_note(w, F_DIRECT_WRITE, result < 0 ? (int)result : 0, b->handle, w->page);
	if (!w->has_pages)
		return ALLOW(w, "direct I/O without pages", result, -EFAULT);
	if (result != w->page)
		return fuzz_fail(w, "direct write", result);
	memset(b->start, 0, w->page);
	result = pread(w->disk, b->start, w->page, place);
	result = result < 0 ? -errno : result;
	fuzz_note(w, F_DIRECT_READ, result < 0 ? (int)result : 0, b->handle, w->page);
	if (result != w->page)
		return fuzz_fail(w, "direct read", result);
	return !fuzz_compare(b->start, b->bytes, b->stamp) ||
	       fuzz_fail(w, "direct I/O brings something else", 0);
}

const struct fuzz_op fuzz_map_ops[] = {
	{ "mmap", 80, op_mmap },
	{ "munmap", 15, op_munmap },
	{ "touch", 60, op_touch },
	{ "write", 40, op_touch_write },
	{ "stale", 15, op_touch_stale },
	{ "mremap", 8, op_mremap },
	{ "mprotect", 15, op_mprotect },
	{ "arena", 6, op_map_arena },
	{ "fork", 2, op_fork },
	{ "vmsplice", 12, op_vmsplice },
	{ "splice", 4, op_splice },
	{ "direct", 8, op_direct },
	{ }
};
