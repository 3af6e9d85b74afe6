// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "basics.h"
#include "calls.h"
#include "fuzz.h"

/* ---- contents ---------------------------------------------------------------------- */

static __u32 word_of(__u32 stamp, size_t i)
{
	return stamp + (__u32)i * 0x9e3779b9u;
}

void fuzz_fill(unsigned char *p, size_t bytes, __u32 stamp)
{
	__u32 *word = (__u32 *)p, last;
	size_t i;

	for (i = 0; i < bytes / 4; i++)
		word[i] = word_of(stamp, i);
	last = word_of(stamp, i);
	memcpy(word + i, &last, bytes % 4);
}

bool fuzz_is_filled(const unsigned char *p, size_t bytes, __u32 stamp)
{
	const __u32 *word = (const __u32 *)p;
	size_t i;
	__u32 last;

	for (i = 0; i < bytes / 4; i++)
		if (word[i] != word_of(stamp, i))
			return false;
	last = word_of(stamp, i);
	return !memcmp(word + i, &last, bytes % 4);
}

/* ---- memory that may not be there ---------------------------------------------------- */

static __thread sigjmp_buf landing;
static __thread bool may_land;

static void land(int signal_number)
{
	if (may_land)
		siglongjmp(landing, signal_number);
	signal(signal_number, SIG_DFL);
}

void fuzz_catch_signals(void)
{
	struct sigaction action = { .sa_handler = land, .sa_flags = SA_NODEFER };

	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGSEGV, &action, NULL);
}

int fuzz_try(void (*step)(void *arg), void *arg)
{
	int raised = sigsetjmp(landing, 0);

	may_land = !raised;
	if (!raised)
		step(arg);
	may_land = false;
	return raised ? FUZZ_SIGNAL + raised : 0;
}

struct bytes {
	unsigned char *p;
	size_t bytes;
	__u32 stamp;
	bool good;
};

static void step_read(void *arg)
{
	struct bytes *b = arg;

	__atomic_load_n(b->p, __ATOMIC_RELAXED);
}

static void step_write(void *arg)
{
	struct bytes *b = arg;

	__atomic_store_n(b->p, 0x5a, __ATOMIC_RELAXED);
}

static void step_compare(void *arg)
{
	struct bytes *b = arg;

	b->good = fuzz_is_filled(b->p, b->bytes, b->stamp);
}

static void step_compare_zero(void *arg)
{
	struct bytes *b = arg;

	b->good = is_zero(b->p, b->bytes);
}

static void step_fill(void *arg)
{
	struct bytes *b = arg;

	fuzz_fill(b->p, b->bytes, b->stamp);
	b->good = true;
}

static int try_bytes(void (*step)(void *arg), const unsigned char *p, size_t bytes, __u32 stamp)
{
	struct bytes b = { (unsigned char *)p, bytes, stamp, false };
	int raised = fuzz_try(step, &b);

	return raised ?: b.good ? 0 : FUZZ_DIFFERENT;
}

int fuzz_touch(unsigned char *p, bool write)
{
	struct bytes b = { p };

	return fuzz_try(write ? step_write : step_read, &b);
}

int fuzz_compare(const unsigned char *p, size_t bytes, __u32 stamp)
{
	return try_bytes(step_compare, p, bytes, stamp);
}

int fuzz_compare_zero(const unsigned char *p, size_t bytes)
{
	return try_bytes(step_compare_zero, p, bytes, 0);
}

int fuzz_refill(unsigned char *p, size_t bytes, __u32 stamp)
{
	return try_bytes(step_fill, p, bytes, stamp);
}

/* ---- what the worker has ---------------------------------------------------------------- */

struct fuzz_block *fuzz_any_block(struct fuzz_worker *w)
{
	return w->used ? &w->blocks[fuzz_below(w, w->used)] : NULL;
}

struct fuzz_heap *fuzz_heap_of(struct fuzz_worker *w, __u32 id)
{
	__u32 i;

	for (i = 0; i < w->heaps_used; i++)
		if (w->heaps[i].id == id)
			return &w->heaps[i];
	for (i = 0; i < w->board->shared_used; i++)
		if (w->board->shared[i].id == id)
			return &w->board->shared[i];
	return NULL;
}

int fuzz_client(struct fuzz_worker *w, const struct fuzz_block *b)
{
	return w->clients[b->client];
}

bool fuzz_is_stack(struct fuzz_worker *w, const struct fuzz_block *b)
{
	const struct fuzz_heap *heap = fuzz_heap_of(w, b->heap);

	return heap && heap->kind == MEMMGR_KIND_STACK;
}

bool fuzz_is_top(const struct fuzz_worker *w, const struct fuzz_block *b)
{
	__u32 i;

	for (i = 0; i < w->used; i++)
		if (w->blocks[i].heap == b->heap && w->blocks[i].seq > b->seq)
			return false;
	return true;
}

bool fuzz_is_exported(const struct fuzz_worker *w, const struct fuzz_block *b)
{
	__u32 i;

	for (i = 0; i < w->buffers_used; i++)
		if (w->buffers[i].handle == b->handle)
			return true;
	return false;
}

void fuzz_restamped(struct fuzz_worker *w, const struct fuzz_block *b)
{
	__u32 i;

	for (i = 0; i < w->buffers_used; i++) {
		if (w->buffers[i].handle != b->handle)
			continue;
		w->buffers[i].stamp = b->stamp;
		w->buffers[i].bytes = b->bytes;
		w->buffers[i].access = b->access;
	}
	if (w->piped.bytes && w->piped.handle == b->handle)
		w->piped.stamp = b->stamp;
}

void fuzz_unmap(struct fuzz_worker *w, struct fuzz_block *b)
{
	if (!b->map)
		return;
	fuzz_note(w, F_MUNMAP, munmap(b->map, b->map_bytes) ? -errno : 0, b->handle,
		  b->map_bytes);
	b->map = NULL;
}

void fuzz_drop_stales(struct fuzz_worker *w)
{
	for (; w->stales_used; w->stales_used--)
		munmap(w->stales[w->stales_used - 1].map,
		       w->stales[w->stales_used - 1].map_bytes);
}

static void keep_stale(struct fuzz_worker *w, struct fuzz_block *b)
{
	if (w->stales_used == FUZZ_STALES) {
		munmap(w->stales[0].map, w->stales[0].map_bytes);
		w->stales[0] = w->stales[--w->stales_used];
	}
	w->stales[w->stales_used++] = (struct fuzz_stale){ b->map, b->map_bytes, b->start };
}

void fuzz_forget(struct fuzz_worker *w, struct fuzz_block *b)
{
	__u32 i;

	if (b->map)
		keep_stale(w, b);
	for (i = 0; i < w->buffers_used; i++)
		if (w->buffers[i].handle == b->handle)
			w->buffers[i].handle = 0;
	if (w->piped.handle == b->handle)
		w->piped.handle = 0;
	*b = w->blocks[--w->used];
}

/* ---- against the region -------------------------------------------------------------- */

static int read_block(struct fuzz_worker *w, const struct fuzz_block *b)
{
	struct memmgr_copy c = copy_request(b->handle, 0, b->bytes, w->data);
	int result = fuzz_ioctl(w, fuzz_client(w, b), F(READ), &c, b->handle, b->bytes);

	if (result == FUZZ_TWISTED) {
		c = copy_request(b->handle, 0, b->bytes, w->data);
		result = fuzz_note(w, F(READ), fuzz_exact(fuzz_client(w, b), F(READ), &c),
				   b->handle, b->bytes);
	}
	return result;
}

bool fuzz_verify(struct fuzz_worker *w, const struct fuzz_block *b)
{
	int result;

	memset(w->data, 0xee, b->bytes);
	result = read_block(w, b);
	if (!(b->access & MEMMGR_ACCESS_READ))
		return ALLOW(w, "READ of a protected allocation", result, -EACCES);
	if (result)
		return fuzz_fail(w, "READ", result);
	return fuzz_is_filled(w->data, b->bytes, b->stamp) ||
	       fuzz_fail(w, "other contents", 0);
}

static void show(struct fuzz_worker *w, const struct fuzz_block *b)
{
	__u32 at = fuzz_below(w, FUZZ_SHOWN);

	if (b->flags & MEMMGR_ALLOC_PERSISTENT)
		return;
	w->board->shown[w->index][at].map_offset = b->heap == MEMMGR_HEAP_MAIN ? b->map_offset :
						   NO_OFFSET;
	__atomic_store_n(&w->board->shown[w->index][at].handle, b->handle, __ATOMIC_RELEASE);
}

bool fuzz_adopt(struct fuzz_worker *w, const struct fuzz_block *made)
{
	struct fuzz_block *b = &w->blocks[w->used++];
	struct memmgr_copy c;
	int result;
	__u32 i;

	*b = *made;
	for (i = 0; i + 1 < w->used; i++)
		if (w->blocks[i].handle == b->handle)
			return fuzz_fail(w, "a handle that is in use", 0);
	b->seq = ++w->seq;
	b->access = MEMMGR_ACCESS_READ | MEMMGR_ACCESS_WRITE;
	b->stamp = fuzz_random(w);
	if (!(b->flags & MEMMGR_ALLOC_NO_ZERO)) {
		result = read_block(w, b);
		if (result || !is_zero(w->data, b->bytes))
			return fuzz_fail(w, "a new allocation is not clear", result);
	}
	fuzz_fill(w->data, b->bytes, b->stamp);
	c = copy_request(b->handle, 0, b->bytes, w->data);
	result = fuzz_note(w, F(WRITE), fuzz_exact(fuzz_client(w, b), F(WRITE), &c), b->handle,
			   b->bytes);
	show(w, b);
	return !result || fuzz_fail(w, "WRITE to a new allocation", result);
}

static bool info_is_right(struct fuzz_worker *w, const struct fuzz_block *b,
			  const struct memmgr_info *i)
{
	__u32 exports = 0, n;

	for (n = 0; n < w->buffers_used; n++)
		exports += w->buffers[n].handle == b->handle;
	return i->bytes == b->bytes && i->granted == b->granted && i->heap == b->heap &&
	       i->flags == b->flags && i->access == b->access && i->uid == w->uid &&
	       i->exports == exports && i->pins == b->pins + b->leases + exports &&
	       !(i->state & MEMMGR_INFO_SEALED) == !b->sealed && i->state & MEMMGR_INFO_MINE &&
	       !(i->state & MEMMGR_INFO_LEASED) == !b->leases &&
	       i->map_offset == b->map_offset;
}

static bool verify_block(struct fuzz_worker *w, const struct fuzz_block *b)
{
	struct memmgr_info i;
	int result = mm_info(fuzz_client(w, b), b->handle, &i);

	if (result || !info_is_right(w, b, &i)) {
		fuzz_note(w, F(ALLOC_QUERY), result, b->handle, i.pins);
		return fuzz_fail(w, "an allocation is not as the model has it", result);
	}
	if (!fuzz_verify(w, b))
		return false;
	if (!b->map || !(b->access & MEMMGR_ACCESS_READ) || !(b->prot & PROT_READ))
		return true;
	result = fuzz_compare(b->start, b->bytes, b->stamp);
	return !result || fuzz_fail(w, "a mapping shows something else", result);
}

static const struct fuzz_block *block_of(const struct fuzz_worker *w, __u64 handle)
{
	__u32 i;

	for (i = 0; i < w->used; i++)
		if (w->blocks[i].handle == handle)
			return &w->blocks[i];
	return NULL;
}

/* All that the model has is listed once, and nothing else but what siblings keep for good. */
static bool verify_list(struct fuzz_worker *w, __u32 client)
{
	struct memmgr_info *entries = (struct memmgr_info *)w->scratch;
	__u32 found = 0, own = 0, i;
	struct memmgr_list l = {
		.size = sizeof(l), .flags = MEMMGR_LIST_MINE, .heap = MEMMGR_HEAP_ANY,
		.entry_size = sizeof(*entries), .entries = (uintptr_t)entries,
	};
	int result;

	for (i = 0; i < w->used; i++)
		own += w->blocks[i].client == client ||
		       w->blocks[i].flags & MEMMGR_ALLOC_PERSISTENT;
	do {
		l.count = 16;
		result = fuzz_exact(w->clients[client], F(LIST), &l);
		for (i = 0; !result && i < l.count; i++) {
			if (block_of(w, entries[i].handle))
				found++;
			else if (!(entries[i].flags & MEMMGR_ALLOC_PERSISTENT))
				return fuzz_fail(w, "an allocation that nobody made", 0);
		}
	} while (!result && l.cursor);
	return (!result && found == own) || fuzz_fail(w, "LIST has others", result);
}

/* The account of a file; false if there is none. */
static bool account_of_file(const struct fuzz_worker *w, __u32 client, struct memmgr_account *own)
{
	struct memmgr_account *a = (struct memmgr_account *)w->scratch;
	__u64 cursor = 0;
	__u32 count, i;

	do {
		count = 16;
		if (mm_accounts(w->clients[client], 0, a, &count, &cursor))
			return false;
		for (i = 0; i < count && !(a[i].flags & MEMMGR_ACCOUNT_MINE); i++)
			;
	} while (cursor && i == count);
	if (i == count)
		return false;
	*own = a[i];
	return true;
}

/*
 * Held memory counts too, and only the region knows how much. An allocation that another
 * worker, or the region's own, moves counts twice for so long.
 */
static bool verify_account(struct fuzz_worker *w, __u32 client)
{
	__u32 i, heaps = 0, blocks = 0, held = w->buffers_used, tries;
	struct memmgr_account a;

	for (i = 0; i < w->heaps_used; i++)
		heaps += w->heaps[i].client == client;
	for (i = 0; i < w->used; i++)
		blocks += w->blocks[i].client == client && !w->blocks[i].orphan &&
			  !fuzz_heap_of(w, w->blocks[i].heap)->map_size;
	for (tries = 0; tries < 500; tries++) {
		if (tries)
			usleep(20000);
		if (!account_of_file(w, client, &a))
			return fuzz_fail(w, "no account", 0);
		if (a.heaps == heaps && a.allocations >= blocks + heaps &&
		    a.allocations <= blocks + heaps + held)
			return true;
	}
	fprintf(stderr, "# charged: %u allocations, %u heaps; models: %u, %u, and %u held\n",
		a.allocations, a.heaps, blocks, heaps, held);
	return fuzz_fail(w, "another account", 0);
}

bool fuzz_verify_all(struct fuzz_worker *w)
{
	__u32 i;

	for (i = 0; i < w->used; i++)
		if (!verify_block(w, &w->blocks[i]))
			return false;
	for (i = 0; i < w->stales_used; i++)
		if (!fuzz_touch(w->stales[i].start, false))
			return fuzz_fail(w, "memory that is gone can be read", 0);
	for (i = 0; i < FUZZ_CLIENTS; i++)
		if (!verify_list(w, i) || !verify_account(w, i))
			return false;
	return true;
}
