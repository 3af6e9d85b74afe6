// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * A soak: recorded programs allocate from heap main, again and again, while a
 * ballast keeps the region at 90 % usage. A request that fails although as much
 * memory is free is one that a perfect allocator would have served. Once with health
 * on and requests that may compact: there must be none. Once without, to show how
 * many there are.
 *
 *	soak OPERATIONS SEED TRACE...
 *
 * Prints KTAP. Sizes are the recorded ones times SCALE, so that they are of granules
 * what the recorded ones were of a few dozen bytes. Every 16th allocation carries a
 * mark that has to be there at its end, wherever it was moved.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/memmgr.h>

#include "trace/trace.h"

#define SCALE		4u
#define USAGE		900u	/* of 1000 */
#define TRACES_MAX	6
#define BALLAST_MAX	4096
#define BALLAST_LARGEST	16u	/* granules */
#define MARKED		16u	/* one in so many */
#define SAYS		20u	/* lines of progress */

struct block {
	__u64 handle;	/* 0: there is none */
	__u64 granted;
	bool marked;
};

/* A trace that is being run, from its start again and again. */
struct player {
	struct trace trace;
	struct block *slots;
	size_t next;
};

struct result {
	__u64 operations;
	__u64 allocations;
	__u64 refused;		/* for whatever reason */
	__u64 fragmented;	/* of these, with enough memory free */
	__u64 damaged;
	__u64 moves;
	__u64 used_sum;		/* thousandths, to show that it was 90 % */
};

static int device;
static __u64 total, used, granule;
static bool with_health;
static __u32 random_state;
static struct player players[TRACES_MAX];
static int player_count;
static struct block ballast[BALLAST_MAX];
static unsigned int ballast_count;
static struct result result;

static void die(const char *what)
{
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(1);
}

static __u32 below(__u32 limit)
{
	random_state = random_state * 1664525u + 1013904223u;
	return (__u64)(random_state >> 1) * limit >> 31;
}

static void copy(unsigned long command, __u64 handle, __u64 *mark)
{
	struct memmgr_copy c = {
		.size = sizeof(c), .handle = handle, .bytes = sizeof(*mark),
		.ptr = (unsigned long)mark,
	};

	if (ioctl(device, command, &c))
		die("READ or WRITE");
}

static bool enough_was_free(__u64 bytes)
{
	struct memmgr_stats s = { .size = sizeof(s), .heap = MEMMGR_HEAP_MAIN };

	if (ioctl(device, MEMMGR_IOC_STATS, &s))
		die("STATS");
	return s.free >= (bytes + granule - 1) / granule * granule;
}

static bool take(struct block *block, __u64 bytes)
{
	struct memmgr_alloc a = {
		.size = sizeof(a), .heap = MEMMGR_HEAP_MAIN, .bytes = bytes,
		.flags = MEMMGR_ALLOC_NO_ZERO |
			 (with_health ? MEMMGR_ALLOC_MAY_COMPACT : 0),
	};

	result.operations++;
	if (ioctl(device, MEMMGR_IOC_ALLOC, &a)) {
		if (errno != ENOMEM)
			die("ALLOC");
		result.refused++;
		result.fragmented += enough_was_free(bytes);
		return false;
	}
	*block = (struct block) { .handle = a.handle, .granted = a.granted };
	used += a.granted;
	block->marked = ++result.allocations % MARKED == 0;
	if (block->marked)
		copy(MEMMGR_IOC_WRITE, a.handle, &a.handle);
	return true;
}

static void give(struct block *block)
{
	struct memmgr_free f = { .size = sizeof(f), .handle = block->handle };
	__u64 mark;

	if (!block->handle)
		return;
	if (block->marked) {
		copy(MEMMGR_IOC_READ, block->handle, &mark);
		result.damaged += mark != block->handle;
	}
	result.operations++;
	if (ioctl(device, MEMMGR_IOC_FREE, &f))
		die("FREE");
	used -= block->granted;
	*block = (struct block) { 0 };
}

/* In place, or else another one: what the mark says must go along then. */
static void resize(struct block *block, __u64 bytes)
{
	struct memmgr_resize r = {
		.size = sizeof(r), .handle = block->handle, .bytes = bytes,
	};
	struct block other;

	if (!block->handle)
		return;
	result.operations++;
	if (!ioctl(device, MEMMGR_IOC_RESIZE, &r)) {
		used += r.granted - block->granted;
		block->granted = r.granted;
		return;
	}
	if (errno != ENOMEM)
		die("RESIZE");
	if (take(&other, bytes)) {
		give(block);
		*block = other;
	}
}

/* Make usage what it shall be when @bytes more are in use. */
static void balance(__u64 bytes)
{
	__u64 wanted = total / 1000 * USAGE;
	__u64 room, piece;
	unsigned int i;

	while (used + bytes > wanted && ballast_count) {
		i = below(ballast_count);
		give(&ballast[i]);
		ballast[i] = ballast[--ballast_count];
	}
	while (used + bytes < wanted && ballast_count < BALLAST_MAX) {
		room = (wanted - used - bytes) / granule;
		piece = 1 + below(BALLAST_LARGEST);
		if (piece > room || !take(&ballast[ballast_count], piece * granule))
			return;
		ballast_count++;
	}
}

static void player_start(struct player *p)
{
	uint32_t i;

	for (i = 0; i < p->trace.slots; i++)
		give(&p->slots[i]);
	p->next = 0;
}

static void player_step(struct player *p)
{
	const struct trace_event *event = &p->trace.events[p->next++];
	struct block *block = &p->slots[event->slot];
	__u64 bytes = event->size * SCALE + sizeof(__u64);	/* room for the mark */

	if (event->op == TRACE_FREE) {
		give(block);
	} else {
		balance(bytes);
		if (event->op == TRACE_ALLOC)
			take(block, bytes);
		else
			resize(block, bytes);
	}
	result.used_sum += used * 1000 / total;
	if (p->next == p->trace.count)
		player_start(p);
}

static void health_set(bool on)
{
	struct memmgr_health h = { .size = sizeof(h) };

	if (ioctl(device, MEMMGR_IOC_HEALTH, &h))
		die("HEALTH");
	result.moves = h.moves - result.moves;
	h.flags = MEMMGR_HEALTH_SET | (on ? MEMMGR_HEALTH_ON : 0);
	if (ioctl(device, MEMMGR_IOC_HEALTH, &h))
		die("HEALTH");
}

static const char *mode(void)
{
	return with_health ? "health on" : "health off";
}

static void soak(__u64 operations, bool health)
{
	__u64 steps = 0, said = 0;
	int i;

	result = (struct result) { 0 };
	with_health = health;
	health_set(health);
	for (; result.operations < operations; steps++) {
		player_step(&players[steps % player_count]);
		if (result.operations * SAYS / operations == said)
			continue;
		said = result.operations * SAYS / operations;
		printf("# %s: %llu %% done, %llu refused with enough memory free\n", mode(),
		       said * 100 / SAYS, result.fragmented);
	}
	for (i = 0; i < player_count; i++)
		player_start(&players[i]);
	while (ballast_count)
		give(&ballast[--ballast_count]);
	printf("# %s: %llu operations, %llu allocations at %llu.%llu %% usage: ",
	       mode(), result.operations, result.allocations,
	       result.used_sum / steps / 10, result.used_sum / steps % 10);
	printf("%llu refused, %llu of them with enough memory free\n", result.refused,
	       result.fragmented);
}

static void verdict(int number, bool ok, const char *name)
{
	printf("%sok %d %s\n", ok ? "" : "not ", number, name);
}

static void load(char **paths, int count)
{
	struct trace_error error;
	int i;

	for (i = 0; i < count; i++) {
		struct player *p = &players[i];

		if (trace_load(paths[i], 0, &p->trace, &error)) {
			printf("Bail out! %s: %s\n", paths[i], error.text);
			exit(1);
		}
		p->slots = calloc(p->trace.slots, sizeof(*p->slots));
		if (!p->slots)
			die("calloc");
	}
	player_count = count;
}

static void measure_region(void)
{
	struct memmgr_query q = { .size = sizeof(q) };
	struct memmgr_stats s = { .size = sizeof(s), .heap = MEMMGR_HEAP_MAIN };

	device = open("/dev/memmgr", O_RDWR);
	if (device < 0 || ioctl(device, MEMMGR_IOC_QUERY, &q) ||
	    ioctl(device, MEMMGR_IOC_STATS, &s))
		die("/dev/memmgr");
	granule = q.granule;
	total = s.total;
	used = s.used;
}

int main(int count, char **words)
{
	__u64 operations, without, kept;
	bool ok;

	if (count < 4 || count > 3 + TRACES_MAX) {
		fprintf(stderr, "usage: soak OPERATIONS SEED TRACE...\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	operations = strtoull(words[1], NULL, 0);
	random_state = strtoul(words[2], NULL, 0);
	printf("KTAP version 1\n1..3\n# seed %u\n", random_state);
	load(words + 3, count - 3);
	measure_region();
	kept = used;
	soak(operations, false);
	without = result.fragmented;
	ok = !result.damaged;
	soak(operations, true);
	verdict(1, without, "soak.failures_without_health # to compare with");
	verdict(2, !result.fragmented, "soak.no_failure_with_health");
	ok = ok && !result.damaged && used == kept;
	verdict(3, ok, "soak.nothing_damaged_or_lost");
	return !(without && !result.fragmented && ok);
}
