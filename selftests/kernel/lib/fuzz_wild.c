// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Random structures, by a client of their own: nothing is known of what they do, but that
 * all of it goes with the client.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "basics.h"
#include "calls.h"
#include "device.h"
#include "fuzz.h"

#define WORDS	256

/* Mostly numbers that mean something somewhere. */
static __u32 odd_number(struct fuzz_worker *w)
{
	static const __u32 numbers[] = {
		0, 0, 0, 1, 2, 3, 4, 8, 32, 63, 64, 100, 4095, 4096, 4097, 65536,
		0x100000, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffff000,
	};
	__u32 dice = fuzz_below(w, 32);

	return dice < ARRAY_SIZE(numbers) ? numbers[dice] : fuzz_random(w);
}

/* Only memory that nobody misses, or none. */
static __u64 odd_pointer(struct fuzz_worker *w)
{
	const __u64 pointers[] = {
		(uintptr_t)w->scratch, (uintptr_t)w->scratch, (uintptr_t)w->scratch + 1, 0,
		(uintptr_t)w->edge + w->page - 24, (uintptr_t)-4096, ~0ull, 1ull << 40 | 4096,
	};

	return pointers[fuzz_below(w, ARRAY_SIZE(pointers))];
}

static void tame_alloc(void *arg, struct fuzz_worker *w)
{
	struct memmgr_alloc *a = arg;

	a->flags &= ~(MEMMGR_ALLOC_WAIT | MEMMGR_ALLOC_PERSISTENT | 1u << 31);
	a->bytes %= 8 * w->page;
}

static void tame_batch(void *arg, struct fuzz_worker *w)
{
	struct memmgr_alloc_batch *b = arg;

	tame_alloc(arg, w);
	b->count %= 8;
}

static void tame_create(void *arg, struct fuzz_worker *w)
{
	struct memmgr_heap_create *c = arg;

	c->flags |= MEMMGR_HEAP_PRIVATE;
	c->bytes %= 64 * w->page;
	c->count %= 1000;
	c->max_allocations %= 2000;
	snprintf(c->name, sizeof(c->name), "wild-%u-%u", w->index, fuzz_below(w, 40));
}

/* Private heaps of the wild client are named by luck alone; root could take any other. */
static void tame_destroy(void *arg, struct fuzz_worker *w)
{
	struct memmgr_heap_destroy *d = arg;

	if (!w->uid)
		d->heap = MEMMGR_HEAP_ANY - fuzz_below(w, 4);
}

static void tame_quota(void *arg, struct fuzz_worker *w)
{
	struct memmgr_quota *q = arg;

	q->flags &= ~MEMMGR_QUOTA_USER;
	q->id |= 1ull << 40;
}

static void tame_rights(void *arg, struct fuzz_worker *w)
{
	struct memmgr_heap_rights *r = arg;

	r->heap = w->board->rights;
	r->flags &= ~(MEMMGR_RIGHTS_OWNER | MEMMGR_RIGHTS_GROUP);
}

static void tame_inject(void *arg, struct fuzz_worker *w)
{
	struct memmgr_inject *i = arg;

	i->times %= 3;
	i->id = i->flags & MEMMGR_INJECT_HEAP ? w->board->shared[0].id : 0;
}

static void tame_compact(void *arg, struct fuzz_worker *w)
{
	struct memmgr_compact *c = arg;

	c->max_bytes = 1 + c->max_bytes % 100000;
	c->max_ns = 1 + c->max_ns % 5000000;
}

static void tame_list(void *arg, struct fuzz_worker *w)
{
	__u32 *words = arg;

	/* @count and @entry_size, wherever they are: a few entries fit into @scratch */
	words[2] %= 5000;
	words[3] %= 16;
	words[4] %= 5000;
}

static void tame_entries(void *arg, struct fuzz_worker *w)
{
	__u32 *words = arg;

	words[2] %= 16;
	words[3] %= 5000;
}

static void tame_copy(void *arg, struct fuzz_worker *w)
{
	struct memmgr_copy *c = arg;

	c->bytes %= 4096;
}

/* A map's cells take 16 bytes each. */
static void tame_map(void *arg, struct fuzz_worker *w)
{
	struct memmgr_map *m = arg;

	m->count %= 4500;
}

static const struct {
	__u32 call;
	void (*tame)(void *arg, struct fuzz_worker *w);
} calls[] = {
	{ F(QUERY) }, { F(HEAP_CREATE), tame_create }, { F(HEAP_DESTROY), tame_destroy },
	{ F(HEAP_QUERY) }, { F(ALLOC), tame_alloc }, { F(ALLOC), tame_alloc },
	{ F(ALLOC_BATCH), tame_batch }, { F(FREE) }, { F(RESIZE) }, { F(FREE_BATCH), tame_entries },
	{ F(MARK) }, { F(RELEASE) }, { F(READ), tame_copy }, { F(WRITE), tame_copy },
	{ F(ALLOC_QUERY) }, { F(LIST), tame_list }, { F(STATS) }, { F(FRAG) }, { F(CHECK) },
	{ F(MAP), tame_map }, { F(FAILURES), tame_entries }, { F(PROTECT) }, { F(SYNC) },
	{ F(EXPORT) }, { F(ACCOUNTS), tame_entries }, { F(SET_QUOTA), tame_quota },
	{ F(EXPLAIN) }, { F(COMPACT), tame_compact }, { F(PIN) }, { F(UNPIN) },
	{ F(HEALTH) }, { F(INJECT), tame_inject }, { F(TRACK) }, { F(SITES), tame_entries },
	{ F(LATENCY) }, { F(DEBUG) }, { F(CORRUPTIONS), tame_entries },
	{ F(HEAP_RIGHTS), tame_rights },
};

/* RELEASE of a stack that all share, and CHECK of a large heap, are left to others. */
static bool op_wild(struct fuzz_worker *w)
{
	__u32 words[WORDS] = { 0 }, which = fuzz_below(w, ARRAY_SIZE(calls)), i;
	__u32 call = calls[which].call, size = fuzz_call_size(call), pointer;
	int result;

	for (i = 1; i < size / 4; i++)
		words[i] = fuzz_below(w, 3) ? 0 : odd_number(w);
	words[0] = fuzz_chance(w, 90) ? size : odd_number(w);
	pointer = fuzz_call_pointer(call);
	if (pointer) {
		__u64 to = odd_pointer(w);

		memcpy((char *)words + pointer, &to, sizeof(to));
	}
	if (calls[which].tame)
		calls[which].tame(words, w);
	result = fuzz_exact(w->wild, call, words);
	fuzz_note(w, call, result, words[1], words[2]);
	if (call == F(EXPORT) && !result)
		close(((struct memmgr_export *)words)->fd);
	return (result <= 0 && result > -200 && result != -EUCLEAN && result != -ENOTTY) ||
	       fuzz_fail(w, "a random structure", result);
}

static bool op_reopen_wild(struct fuzz_worker *w)
{
	fuzz_note(w, F_CLOSE, close(w->wild) ? -errno : 0, w->wild, 0);
	w->wild = open_again(w->node, fuzz_chance(w, 20) ? O_RDONLY : O_RDWR);
	fuzz_note(w, F_OPEN, w->wild < 0 ? w->wild : 0, 0, 0);
	return w->wild >= 0 || fuzz_fail(w, "open", w->wild);
}

const struct fuzz_op fuzz_wild_ops[] = {
	{ "random structure", 80, op_wild },
	{ "another client for them", 2, op_reopen_wild },
	{ }
};
