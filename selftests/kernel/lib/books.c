// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "books.h"
#include "calls.h"
#include "heaps.h"

/* What quiet_health() found, until the fixture restores it. */
static struct memmgr_health found_health;
static bool health_is_changed;

int snapshot_take(int fd, struct snapshot *s)
{
	struct memmgr_heap_query q;
	__u32 heap = 0;
	int result;

	memset(s, 0, sizeof(*s));
	while (!(result = mm_heap_next(fd, heap, &q))) {
		if (s->heaps == MEMMGR_MAX_HEAPS)
			return -E2BIG;
		result = mm_stats(fd, q.heap, &s->stats[s->heaps++]);
		if (result)
			return result;
		result = mm_check(fd, q.heap);
		if (result)
			return result;
		heap = q.heap + 1;
	}
	return result == -ENOENT ? 0 : result;
}

/* Forgets what only counts events: what is left is the state. */
static void keep_state(struct memmgr_stats *s)
{
	s->peak = 0;
	s->allocs = 0;
	s->frees = 0;
	s->resizes = 0;
	s->refused_frees = 0;
	s->joins = 0;
	s->fallbacks = 0;
	s->waits = 0;
	s->zeroed = 0;
	s->zero_ns = 0;
	s->violations = 0;
	s->injected = 0;
	memset(s->failures, 0, sizeof(s->failures));
	memset(s->classes, 0, sizeof(s->classes));
}

bool snapshot_equal(const struct snapshot *a, const struct snapshot *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static void print_difference(const struct memmgr_stats *a, const struct memmgr_stats *b)
{
	fprintf(stderr,
		"# heap %u/%u: live %u/%u used %llu/%llu free %llu/%llu requested %llu/%llu total %llu/%llu largest %llu/%llu records %u/%u kernel %u/%u\n",
		a->heap, b->heap, a->live, b->live,
		(unsigned long long)a->used, (unsigned long long)b->used,
		(unsigned long long)a->free, (unsigned long long)b->free,
		(unsigned long long)a->requested,
		(unsigned long long)b->requested,
		(unsigned long long)a->total, (unsigned long long)b->total,
		(unsigned long long)a->largest, (unsigned long long)b->largest,
		a->records, b->records, a->kernel_live, b->kernel_live);
}

bool snapshot_same_state(const struct snapshot *before, const struct snapshot *after)
{
	bool same = before->heaps == after->heaps;
	__u32 i;

	if (!same)
		fprintf(stderr, "# %u heaps before, %u after\n", before->heaps,
			after->heaps);
	for (i = 0; same && i < before->heaps; i++) {
		struct memmgr_stats a = before->stats[i], b = after->stats[i];

		keep_state(&a);
		keep_state(&b);
		same = !memcmp(&a, &b, sizeof(a));
		if (!same)
			print_difference(&a, &b);
	}
	return same;
}

__u64 snapshot_refused(const struct snapshot *s)
{
	__u64 sum = 0;
	__u32 i;

	for (i = 0; i < s->heaps; i++)
		sum += s->stats[i].refused_frees;
	return sum;
}

bool state_returns(int fd, const struct snapshot *before)
{
	static struct snapshot now;
	int err = -ENOENT, i;

	/* A heap that goes meanwhile may be in the list and no longer there. */
	for (i = 0; i < 1000 && (!err || err == -ENOENT); i++) {
		err = snapshot_take(fd, &now);
		if (!err && now.heaps == before->heaps &&
		    now.stats[0].live == before->stats[0].live &&
		    now.stats[0].used == before->stats[0].used)
			break;
		usleep(20000);
	}
	return !err && snapshot_same_state(before, &now);
}

/* The worker may be in a slice; it ends soon, because a slice is short. */
static int wait_for_worker(int fd)
{
	struct memmgr_health h;
	int result;

	do {
		result = mm_health(fd, &h);
		if (result || !(h.state & MEMMGR_HEALTH_AT_WORK))
			return result;
		usleep(1000);
	} while (true);
}

/* A module without MOVE has no worker that could move anything. */
int quiet_health(int fd)
{
	int result = 0;

	if (!move_is_built(fd))
		return 0;
	if (!health_is_changed)
		result = mm_health(fd, &found_health);
	if (result)
		return result;
	health_is_changed = true;
	result = mm_health_set(fd, &found_health, 0);
	return result ? result : wait_for_worker(fd);
}

int restore_health(int fd)
{
	if (!health_is_changed)
		return 0;
	health_is_changed = false;
	return mm_health_set(fd, &found_health, found_health.flags & MEMMGR_HEALTH_ON);
}

struct memmgr_account own_account(int fd)
{
	struct memmgr_account entry = { 0 };
	__u64 cursor = 0;
	__u32 count;

	do {
		count = 1;
		if (mm_accounts(fd, 0, &entry, &count, &cursor) || !count)
			break;
	} while (!(entry.flags & MEMMGR_ACCOUNT_MINE) && cursor);
	return entry;
}
