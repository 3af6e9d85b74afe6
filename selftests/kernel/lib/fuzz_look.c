// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Calls of hostile programs that look at a region and its heaps. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "calls.h"
#include "fuzz.h"

#define ENTRIES		8

static __u32 any_id(struct fuzz_worker *w)
{
	__u32 dice = fuzz_below(w, 100);

	if (dice < 5)
		return 64 + fuzz_below(w, 1000);
	if (dice < 30 && w->heaps_used)
		return w->heaps[fuzz_below(w, w->heaps_used)].id;
	if (dice < 40)
		return fuzz_below(w, MEMMGR_MAX_HEAPS);
	return w->board->shared[fuzz_below(w, w->board->shared_used)].id;
}

static int any_file(struct fuzz_worker *w)
{
	return w->clients[fuzz_below(w, FUZZ_CLIENTS)];
}

/* Heaps of others come, go and change their rights at any time. */
static bool looked(struct fuzz_worker *w, const char *what, int result)
{
	return result == FUZZ_TWISTED || ALLOW(w, what, result, 0, -ENOENT, -EACCES, -EOPNOTSUPP);
}

static bool op_query(struct fuzz_worker *w)
{
	struct memmgr_query q = { 0 };
	int result = fuzz_ioctl(w, any_file(w), F(QUERY), &q, 0, 0);

	if (result == FUZZ_TWISTED)
		return true;
	return (!result && (!w->uid || !q.phys) && q.region_size == w->board->region_size) ||
	       fuzz_fail(w, "QUERY", result);
}

static bool op_heap_query(struct fuzz_worker *w)
{
	struct memmgr_heap_query q = { .flags = fuzz_below(w, 3), .heap = any_id(w) };
	int result;

	if (q.flags == MEMMGR_QUERY_NAME)
		snprintf(q.name, sizeof(q.name), fuzz_chance(w, 70) ? "main" : "nobody");
	result = fuzz_ioctl(w, any_file(w), F(HEAP_QUERY), &q, q.heap, q.flags);
	return looked(w, "HEAP_QUERY", result);
}

static bool op_info(struct fuzz_worker *w)
{
	struct fuzz_block *b = fuzz_any_block(w);
	struct memmgr_info i = { 0 };
	int result;

	if (!b)
		return true;
	i.handle = b->handle;
	result = fuzz_ioctl(w, fuzz_client(w, b), F(ALLOC_QUERY), &i, b->handle, 0);
	if (result == FUZZ_TWISTED)
		return true;
	return (!result && i.bytes == b->bytes && i.granted == b->granted &&
		(!w->uid || !i.phys)) || fuzz_fail(w, "ALLOC_QUERY", result);
}

/* Others' allocations are seen, their handles are not. */
static bool hides_handles(struct fuzz_worker *w, const struct memmgr_list *l)
{
	const struct memmgr_info *i = (const struct memmgr_info *)w->scratch;
	__u32 n;

	for (n = 0; n < l->count; n++)
		if (!(i[n].state & MEMMGR_INFO_MINE) && i[n].handle)
			return fuzz_fail(w, "a handle of another", 0);
	return true;
}

static bool op_list(struct fuzz_worker *w)
{
	struct memmgr_list l = {
		.heap = fuzz_chance(w, 40) ? MEMMGR_HEAP_ANY : any_id(w),
		.flags = fuzz_below(w, 4), .count = 1 + fuzz_below(w, ENTRIES),
		.entry_size = sizeof(struct memmgr_info), .entries = (uintptr_t)w->scratch,
	};
	int result, calls = 0;

	do {
		result = fuzz_ioctl(w, any_file(w), F(LIST), &l, l.heap, l.flags);
		if (result == FUZZ_TWISTED)
			return true;
		if (result == -EPERM && w->uid && l.flags & MEMMGR_LIST_KERNEL)
			return true;
		if (!looked(w, "LIST", result) || (!result && !hides_handles(w, &l)))
			return false;
	} while (!result && l.cursor && calls++ < 3);
	return true;
}

static bool op_stats(struct fuzz_worker *w)
{
	struct memmgr_stats s = { .heap = any_id(w) };
	int result = fuzz_ioctl(w, any_file(w), F(STATS), &s, s.heap, 0);

	if (!looked(w, "STATS", result))
		return false;
	return result || (s.used + s.free == s.total && s.used >= s.requested) ||
	       s.size < sizeof(s) || fuzz_fail(w, "books that do not add up", s.heap);
}

static bool op_frag(struct fuzz_worker *w)
{
	struct memmgr_frag f = { .heap = any_id(w) };
	int result = fuzz_ioctl(w, any_file(w), F(FRAG), &f, f.heap, 0);

	return looked(w, "FRAG", result);
}

static bool op_check(struct fuzz_worker *w)
{
	struct memmgr_check c = { .heap = any_id(w) };
	int result;

	/* all of main is a lot */
	if (c.heap == MEMMGR_HEAP_MAIN && fuzz_chance(w, 80))
		return true;
	result = fuzz_ioctl(w, any_file(w), F(CHECK), &c, c.heap, 0);
	if (result == -EPERM)
		return w->uid || fuzz_fail(w, "CHECK", result);
	return looked(w, "CHECK", result);
}

static bool op_map(struct fuzz_worker *w)
{
	struct memmgr_map m = {
		.count = 1 + fuzz_below(w, 100), .cells = (uintptr_t)w->scratch,
	};
	int result;

	if (fuzz_chance(w, 10))
		m.count = MEMMGR_BATCH_MAX + 1;
	result = fuzz_ioctl(w, any_file(w), F(MAP), &m, 0, m.count);
	return result == FUZZ_TWISTED ||
	       ALLOW(w, "MAP", result, m.count > MEMMGR_BATCH_MAX ? -EINVAL : 0);
}

/* Lists of one shape: entries from a number on. */
static const struct {
	__u32 call;
	__u32 entry;
} logs[] = {
	{ F(FAILURES), sizeof(struct memmgr_failure) },
	{ F(CORRUPTIONS), sizeof(struct memmgr_corruption) },
	{ F(SITES), sizeof(struct memmgr_site) },
};

static bool op_logs(struct fuzz_worker *w)
{
	__u32 log = fuzz_below(w, ARRAY_SIZE(logs));
	struct memmgr_failures f = {
		.count = fuzz_below(w, ENTRIES), .entry_size = logs[log].entry,
	};
	__u32 wanted = f.count;
	struct memmgr_sites s = { 0 };
	void *arg = &f;
	int result;

	f.after = fuzz_chance(w, 50) ? 0 : fuzz_below(w, 100);
	f.entries = fuzz_chance(w, 5) ? 0 : (uintptr_t)w->scratch;
	if (logs[log].call == F(SITES)) {
		s.count = f.count;
		s.entry_size = f.entry_size;
		s.after = f.after;
		s.entries = f.entries;
		arg = &s;
	}
	result = fuzz_ioctl(w, any_file(w), logs[log].call, arg, f.after, f.count);
	if (result == FUZZ_TWISTED)
		return true;
	if (!wanted)
		return ALLOW(w, "a log without entries", result, -EINVAL, -EOPNOTSUPP);
	return ALLOW(w, "a log", result, 0, f.entries ? 0 : -EFAULT, -EOPNOTSUPP);
}

static bool op_accounts(struct fuzz_worker *w)
{
	struct memmgr_accounts a = {
		.flags = fuzz_below(w, 2), .count = 1 + fuzz_below(w, ENTRIES),
		.entry_size = sizeof(struct memmgr_account), .entries = (uintptr_t)w->scratch,
	};
	int result = fuzz_ioctl(w, any_file(w), F(ACCOUNTS), &a, a.flags, a.count);

	return result == FUZZ_TWISTED || ALLOW(w, "ACCOUNTS", result, 0);
}

static bool op_explain(struct fuzz_worker *w)
{
	struct memmgr_explain e = { .heap = any_id(w), .bytes = fuzz_below(w, 16 * w->page) };
	int result;

	if (e.heap == MEMMGR_HEAP_MAIN && fuzz_chance(w, 70))
		return true;
	result = fuzz_ioctl(w, any_file(w), F(EXPLAIN), &e, e.heap, e.bytes);
	return result == -ENOMEM || looked(w, "EXPLAIN", result);
}

const struct fuzz_op fuzz_look_ops[] = {
	{ "query", 8, op_query },
	{ "heap query", 12, op_heap_query },
	{ "info", 20, op_info },
	{ "list", 12, op_list },
	{ "stats", 12, op_stats },
	{ "frag", 8, op_frag },
	{ "check", 8, op_check },
	{ "map", 5, op_map },
	{ "logs", 15, op_logs },
	{ "accounts", 6, op_accounts },
	{ "explain", 8, op_explain },
	{ }
};
