// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* What hostile programs do with protection, pins, dma-bufs and the files of others. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/dma-buf.h>

#include "basics.h"
#include "calls.h"
#include "children.h"
#include "device.h"
#include "fuzz.h"

static bool has_protection(struct fuzz_worker *w, const struct fuzz_block *b)
{
	const struct fuzz_heap *heap = fuzz_heap_of(w, b->heap);

	return heap && !heap->map_size && heap->pages;
}

/* What is sealed is rare, and is tried more often. */
static struct fuzz_block *any_sealed(struct fuzz_worker *w)
{
	__u32 i;

	for (i = 0; i < w->used; i++)
		if (w->blocks[i].sealed)
			return &w->blocks[i];
	return fuzz_any_block(w);
}

static bool op_protect(struct fuzz_worker *w)
{
	static const __u32 accesses[] = {
		MEMMGR_ACCESS_READ, MEMMGR_ACCESS_NONE, MEMMGR_ACCESS_READ | MEMMGR_ACCESS_WRITE,
		MEMMGR_ACCESS_READ | MEMMGR_ACCESS_WRITE, MEMMGR_ACCESS_WRITE,
	};
	struct fuzz_block *b = fuzz_chance(w, 15) ? any_sealed(w) : fuzz_any_block(w);
	struct memmgr_protect p = { 0 };
	int result;

	if (!b)
		return true;
	p.handle = b->handle;
	p.access = accesses[fuzz_below(w, ARRAY_SIZE(accesses))];
	p.flags = fuzz_chance(w, 10) ? MEMMGR_PROTECT_SEAL : 0;
	result = fuzz_ioctl(w, fuzz_client(w, b), F(PROTECT), &p, b->handle, p.access);
	if (result == FUZZ_TWISTED)
		return true;
	if (p.access == MEMMGR_ACCESS_WRITE)
		return ALLOW(w, "PROTECT to write only", result, -EINVAL);
	if (!has_protection(w, b))
		return ALLOW(w, "PROTECT of what has none", result, -EOPNOTSUPP);
	if (b->sealed && p.access != b->access)
		return ALLOW(w, "PROTECT of what is sealed", result, -EPERM);
	if (result)
		return ALLOW(w, "PROTECT", result, -EBUSY);
	b->access = p.access;
	b->sealed |= !!p.flags;
	fuzz_restamped(w, b);
	return true;
}

static bool op_pin(struct fuzz_worker *w)
{
	struct fuzz_block *b = fuzz_any_block(w);
	struct memmgr_pin p = { 0 };
	int result;

	if (!b || b->pins + b->leases > 2)
		return true;
	p = pin_request(b->handle, fuzz_chance(w, 30) ? MEMMGR_PIN_LEASE : 0);
	result = fuzz_ioctl(w, fuzz_client(w, b), F(PIN), &p, b->handle, p.flags);
	if (result == FUZZ_TWISTED)
		return true;
	if (result && p.flags)
		return ALLOW(w, "a lease", result, -EFAULT, -EOPNOTSUPP, -EDQUOT, -EACCES, -EBUSY);
	if (result)
		return ALLOW(w, "PIN", result, -EDQUOT, -ENOSPC, -EBUSY);
	if (w->uid && p.phys)
		return fuzz_fail(w, "a physical address for a user", 0);
	if (p.flags)
		b->leases++;
	else
		b->pins++;
	return true;
}

static bool op_unpin(struct fuzz_worker *w)
{
	struct fuzz_block *b = fuzz_any_block(w);
	struct memmgr_pin p = { 0 };
	__u32 *count, i;
	int result;

	for (i = 0; b && !b->pins && !b->leases && i < 5; i++)
		b = fuzz_any_block(w);
	if (!b)
		return true;
	p = pin_request(b->handle, b->leases ? MEMMGR_PIN_LEASE : 0);
	count = p.flags ? &b->leases : &b->pins;
	result = fuzz_ioctl(w, fuzz_client(w, b), F(UNPIN), &p, b->handle, *count);
	if (result == FUZZ_TWISTED)
		return true;
	if (!*count)
		return ALLOW(w, "UNPIN of what is not pinned", result, -EINVAL);
	if (result)
		return ALLOW(w, "UNPIN", result, -EBUSY);
	--*count;
	return true;
}

/* ---- dma-bufs ---------------------------------------------------------------------------- */

static bool close_buffer(struct fuzz_worker *w, __u32 i)
{
	int result = close(w->buffers[i].fd) ? -errno : 0;

	fuzz_note(w, F_BUFFER_CLOSE, result, w->buffers[i].handle, w->buffers[i].bytes);
	w->buffers[i] = w->buffers[--w->buffers_used];
	return !result || fuzz_fail(w, "close of a dma-buf", result);
}

static bool op_buffer_close(struct fuzz_worker *w)
{
	return !w->buffers_used || close_buffer(w, fuzz_below(w, w->buffers_used));
}

static bool op_export(struct fuzz_worker *w)
{
	struct fuzz_block *b = fuzz_any_block(w);
	struct memmgr_export e = { 0 };
	int result;

	if (w->buffers_used == FUZZ_BUFFERS)
		return op_buffer_close(w);
	if (!b)
		return true;
	e.handle = b->handle;
	e.flags = MEMMGR_EXPORT_CLOEXEC | (fuzz_chance(w, 30) ? MEMMGR_EXPORT_READ_ONLY : 0);
	result = fuzz_ioctl(w, fuzz_client(w, b), F(EXPORT), &e, b->handle, e.flags);
	if (result == FUZZ_TWISTED)
		return true;
	if (result == -EOPNOTSUPP)
		return !has_protection(w, b) || b->flags & MEMMGR_ALLOC_GUARD ||
		       fuzz_fail(w, "EXPORT", result);
	if (!(b->access & MEMMGR_ACCESS_READ))
		return ALLOW(w, "EXPORT of what is protected", result, -EACCES);
	if (result)
		return ALLOW(w, "EXPORT", result, -EBUSY);
	w->buffers[w->buffers_used++] = (struct fuzz_buffer){
		.fd = e.fd, .handle = b->handle, .bytes = b->bytes, .stamp = b->stamp,
		.access = b->access,
		.writable = b->access & MEMMGR_ACCESS_WRITE && !(e.flags & MEMMGR_EXPORT_READ_ONLY),
	};
	return true;
}

static bool look_at_buffer(struct fuzz_worker *w, struct fuzz_buffer *x, unsigned char *p)
{
	struct dma_buf_sync sync = { DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ };
	int result;

	ioctl(x->fd, DMA_BUF_IOCTL_SYNC, &sync);
	result = fuzz_note(w, F_TOUCH, fuzz_compare(p, x->bytes, x->stamp), x->handle, x->bytes);
	sync.flags = DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ;
	ioctl(x->fd, DMA_BUF_IOCTL_SYNC, &sync);
	return !result || fuzz_fail(w, "a dma-buf shows something else", result);
}

static bool write_to_buffer(struct fuzz_worker *w, struct fuzz_buffer *x, unsigned char *p)
{
	__u32 stamp = fuzz_random(w), i;
	__u64 handle = x->handle;

	if (fuzz_note(w, F_TOUCH_WRITE, fuzz_refill(p, x->bytes, stamp), handle, x->bytes))
		return fuzz_fail(w, "a write to a dma-buf", 0);
	for (i = 0; handle && i < w->used; i++) {
		if (w->blocks[i].handle != handle)
			continue;
		w->blocks[i].stamp = stamp;
		fuzz_restamped(w, &w->blocks[i]);
	}
	x->stamp = stamp;
	return true;
}

/* Other dma-bufs of a block that is freed would show what is written; the pipe too. */
static bool is_the_only_one(const struct fuzz_worker *w, const struct fuzz_buffer *x)
{
	__u32 i;

	if (x->handle)
		return true;
	if (w->piped.bytes && !w->piped.handle)
		return false;
	for (i = 0; i < w->buffers_used; i++)
		if (&w->buffers[i] != x && !w->buffers[i].handle)
			return false;
	return true;
}

static bool op_buffer_map(struct fuzz_worker *w)
{
	struct fuzz_buffer *x;
	unsigned char *p;
	int prot = PROT_READ, result;
	bool may, good;

	if (!w->buffers_used)
		return true;
	x = &w->buffers[fuzz_below(w, w->buffers_used)];
	if (fuzz_chance(w, 40))
		prot |= PROT_WRITE;
	may = x->access & MEMMGR_ACCESS_READ &&
	      (!(prot & PROT_WRITE) || (x->writable && x->access & MEMMGR_ACCESS_WRITE));
	p = mmap(NULL, (x->bytes + w->page - 1) / w->page * w->page, prot, MAP_SHARED, x->fd, 0);
	result = fuzz_note(w, F_BUFFER_MAP, p == MAP_FAILED ? -errno : 0, x->handle, prot);
	if (!may)
		return ALLOW(w, "a mapping of a protected dma-buf", result, -EACCES);
	if (result)
		return fuzz_fail(w, "mmap of a dma-buf", result);
	good = look_at_buffer(w, x, p) &&
	       (!(prot & PROT_WRITE) || !is_the_only_one(w, x) || write_to_buffer(w, x, p));
	munmap(p, (x->bytes + w->page - 1) / w->page * w->page);
	return good;
}

/* ---- files -------------------------------------------------------------------------------- */

static bool op_dup(struct fuzz_worker *w)
{
	struct fuzz_block *b = fuzz_any_block(w);
	struct memmgr_info i;
	int fd, result;

	if (!b)
		return true;
	fd = dup(fuzz_client(w, b));
	fuzz_note(w, F_DUP, fd < 0 ? -errno : 0, b->handle, 0);
	result = mm_info(fd, b->handle, &i);
	close(fd);
	return !result || fuzz_fail(w, "a file that was duplicated", result);
}

static bool op_pass(struct fuzz_worker *w)
{
	__u32 to = (w->index + 1 + fuzz_below(w, FUZZ_WORKERS - 1)) % FUZZ_WORKERS;
	int result;

	if (w->board->alone)
		return true;
	result = send_file(w->outboxes[to], w->clients[fuzz_below(w, FUZZ_CLIENTS)]);
	fuzz_note(w, F_PASS, result ? -errno : 0, to, 0);
	return !result || ALLOW(w, "pass a file", -errno, -EAGAIN, -ETOOMANYREFS);
}

/* Memory of another's client: clear, and one's own to use. */
static bool use_file(struct fuzz_worker *w, int fd)
{
	struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, w->page);
	int result = mm_alloc(fd, &a), tries;
	unsigned char *p;
	bool good = true;

	if (result)
		return ALLOW(w, "ALLOC through a file of another", result, -ENOMEM, -EDQUOT,
			     -ENOSPC);
	p = mmap(NULL, w->page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)a.map_offset);
	if (p == MAP_FAILED)
		return fuzz_fail(w, "mmap through a file of another", -errno);
	result = fuzz_compare_zero(p, w->page) ?: fuzz_refill(p, w->page, 77);
	if (result)
		good = fuzz_fail(w, "memory of a file of another", result);
	/* another to whom the file was passed may be reading it */
	for (tries = 0; tries < 1000; tries++) {
		result = mm_free(fd, a.handle);
		if (result != -EBUSY)
			break;
		usleep(100);
	}
	if (!result && fuzz_touch(p, false) < FUZZ_SIGNAL)
		good = fuzz_fail(w, "freed, and still mapped", 0);
	munmap(p, w->page);
	return good && (!result || fuzz_fail(w, "FREE through a file of another", result));
}

/* The giver may free it meanwhile. */
static bool look_at_others(struct fuzz_worker *w, int fd)
{
	struct memmgr_info *i = (struct memmgr_info *)w->scratch;
	struct memmgr_list l = {
		.size = sizeof(l), .flags = MEMMGR_LIST_MINE, .heap = MEMMGR_HEAP_MAIN, .count = 2,
		.entry_size = sizeof(*i), .entries = (uintptr_t)i,
	};
	char byte;
	int result = fuzz_exact(fd, F(LIST), &l);

	if (result)
		return fuzz_fail(w, "LIST of a file of another", result);
	result = l.count ? mm_read(fd, i->handle, 0, &byte, 1) : 0;
	return ALLOW(w, "READ through a file of another", result, 0, -EBADF, -EACCES, -EBUSY);
}

static bool op_receive(struct fuzz_worker *w)
{
	bool good;
	int fd;

	if (w->board->alone)
		return true;
	fd = receive_file(w->inbox);
	if (fd < 0)
		return true;
	good = look_at_others(w, fd) && use_file(w, fd);
	fuzz_note(w, F_RECEIVE, 0, fd, 0);
	close(fd);
	return good;
}

static void lose_blocks(struct fuzz_worker *w, __u32 client)
{
	struct fuzz_block *b;
	__u32 i;

	for (i = w->used; i--;) {
		b = &w->blocks[i];
		if (b->client != client)
			continue;
		fuzz_unmap(w, b);
		b->pins = 0;
		b->leases = 0;
		if (b->flags & MEMMGR_ALLOC_PERSISTENT) {
			b->client = !client;
			b->orphan = true;
		} else {
			fuzz_forget(w, b);
		}
	}
	for (i = w->heaps_used; i--;)
		if (w->heaps[i].client == client)
			w->heaps[i] = w->heaps[--w->heaps_used];
}

/* All goes with the file but what outlives it. */
static bool op_reopen(struct fuzz_worker *w)
{
	__u32 client = fuzz_below(w, FUZZ_CLIENTS);

	fuzz_drop_stales(w);
	lose_blocks(w, client);
	fuzz_note(w, F_CLOSE, close(w->clients[client]) ? -errno : 0, client, 0);
	w->clients[client] = open_again(w->node, O_RDWR | O_NONBLOCK);
	fuzz_note(w, F_OPEN, w->clients[client] < 0 ? w->clients[client] : 0, client, 0);
	return w->clients[client] >= 0 || fuzz_fail(w, "open", w->clients[client]);
}

static bool op_poll(struct fuzz_worker *w)
{
	struct pollfd p = { .fd = w->clients[fuzz_below(w, FUZZ_CLIENTS)], .events = POLLIN };
	int result = poll(&p, 1, 0);

	fuzz_note(w, F_POLL, result < 0 ? -errno : 0, p.revents, 0);
	return (result >= 0 && !(p.revents & ~POLLIN)) || fuzz_fail(w, "poll", result);
}

static bool op_read_events(struct fuzz_worker *w)
{
	size_t bytes = fuzz_below(w, 4 * sizeof(struct memmgr_event));
	void *to = fuzz_chance(w, 10) ? NULL : w->scratch;
	ssize_t result = read(w->clients[fuzz_below(w, FUZZ_CLIENTS)], to, bytes);

	result = result < 0 ? -errno : result;
	fuzz_note(w, F_READ_EVENTS, result < 0 ? (int)result : 0, bytes, 0);
	if (bytes < sizeof(struct memmgr_event))
		return ALLOW(w, "a read too short", result, -EINVAL);
	if (result > 0)
		return !(result % sizeof(struct memmgr_event)) || fuzz_fail(w, "read", result);
	return ALLOW(w, "read", result, -EAGAIN, to ? -EAGAIN : -EFAULT);
}

const struct fuzz_op fuzz_share_ops[] = {
	{ "protect", 30, op_protect },
	{ "pin", 20, op_pin },
	{ "unpin", 16, op_unpin },
	{ "export", 25, op_export },
	{ "map a buffer", 20, op_buffer_map },
	{ "close a buffer", 8, op_buffer_close },
	{ "dup", 5, op_dup },
	{ "pass", 6, op_pass },
	{ "receive", 8, op_receive },
	{ "reopen", 3, op_reopen },
	{ "poll", 5, op_poll },
	{ "read events", 8, op_read_events },
	{ }
};
