// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * What a program pays for its calls, in instructions of a guest whose clock counts
 * them: one line "BENCH {json}" for each figure.
 *
 *	ioctl_KIND_pair		ALLOC and FREE in a shared heap; ioctl_private_pair: in
 *				a private pool
 *	ioctl_refused		ALLOC from a pool that has no block left
 *	batch_KIND_pair		the same by batches of 64
 *	frag_query_worst	FRAG in the worst of some states of a heap
 *
 * The rival "bare" makes as many calls, of a device that only copies the same arguments in
 * and out: the least that any driver's calls cost here.
 *
 * The clock counts in steps of 16: what is short is done many times.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define PAIRS		2000
#define BATCH		64
#define BATCHES		100
#define QUERIES		500
#define BARE		"/sys/kernel/debug/memmgr_bench/bare"
#define MIB		(1ull << 20)

/* A bare call: bytes of the argument; and of a table behind it, that is written or read. */
#define BARE_CALL(argument, write, read)	\
	((argument) << 20 | (write) << 10 | (read))

static int bare;
static size_t page;

/* Wait until the kernel has done what the last heap left it to do: that is not ours to pay. */
static __u64 begin(void)
{
	usleep(200000);
	return now();
}

/* ---- memmgr -------------------------------------------------------------- */

static __u32 heap_make(struct memmgr_heap_create c)
{
	static int serial;

	c.size = sizeof(c);
	snprintf(c.name, sizeof(c.name), "calls%d", serial++);
	call(MEMMGR_IOC_HEAP_CREATE, &c, "HEAP_CREATE");
	return c.heap;
}

static void heap_end(__u32 heap)
{
	struct memmgr_heap_destroy d = {
		.size = sizeof(d), .flags = MEMMGR_DESTROY_FORCE, .heap = heap,
	};

	call(MEMMGR_IOC_HEAP_DESTROY, &d, "HEAP_DESTROY");
}

static struct memmgr_alloc request(__u32 heap, __u64 bytes)
{
	return (struct memmgr_alloc) {
		.size = sizeof(struct memmgr_alloc), .heap = heap, .bytes = bytes,
	};
}

static void ioctl_bench(const char *name, __u32 heap, __u64 bytes)
{
	struct memmgr_alloc a = request(heap, bytes);
	struct memmgr_free f = { .size = sizeof(f) };
	__u64 took;
	int i;

	took = begin();
	for (i = 0; i < PAIRS; i++) {
		call(MEMMGR_IOC_ALLOC, &a, "ALLOC");
		f.handle = a.handle;
		call(MEMMGR_IOC_FREE, &f, "FREE");
	}
	report(name, "memmgr", now() - took, PAIRS);
}

/* A stack frees its blocks in the order opposite to that in which it made them. */
static void reverse(__u64 *handles)
{
	__u64 handle;
	int i;

	for (i = 0; i < BATCH / 2; i++) {
		handle = handles[i];
		handles[i] = handles[BATCH - 1 - i];
		handles[BATCH - 1 - i] = handle;
	}
}

static void batch_bench(const char *name, __u32 heap, __u64 bytes, bool stack)
{
	static __u64 handles[BATCH];
	struct memmgr_alloc_batch a = {
		.size = sizeof(a), .heap = heap, .bytes = bytes, .count = BATCH,
		.handles = (uintptr_t)handles,
	};
	struct memmgr_free_batch f = {
		.size = sizeof(f), .count = BATCH, .handles = (uintptr_t)handles,
	};
	__u64 took;
	int i;

	took = begin();
	for (i = 0; i < BATCHES; i++) {
		call(MEMMGR_IOC_ALLOC_BATCH, &a, "ALLOC_BATCH");
		if (stack)
			reverse(handles);
		call(MEMMGR_IOC_FREE_BATCH, &f, "FREE_BATCH");
		if (a.count != BATCH || f.count != BATCH)
			fail("a batch");
	}
	report(name, "memmgr", now() - took, BATCH * BATCHES);
}

static void refused_bench(void)
{
	__u32 heap = heap_make((struct memmgr_heap_create) {
		.kind = MEMMGR_KIND_POOL, .object_size = 64, .count = 1,
	});
	struct memmgr_alloc a = request(heap, 64);
	__u64 took;
	int i;

	call(MEMMGR_IOC_ALLOC, &a, "ALLOC");
	took = begin();
	for (i = 0; i < PAIRS; i++)
		if (!ioctl(device, MEMMGR_IOC_ALLOC, &a))
			fail("no refusal");
	report("ioctl_refused", "memmgr", now() - took, PAIRS);
	heap_end(heap);
}

/* What a heap is made by, and the size of its allocations. */
static const struct {
	const char *ioctl;
	const char *batch;
	__u64 bytes;
	struct memmgr_heap_create make;
} kinds[] = {
	{ "ioctl_pool_pair", "batch_pool_pair", 64, {
		.kind = MEMMGR_KIND_POOL, .object_size = 64, .count = 4096,
	} },
	{ "ioctl_private_pair", "batch_private_pair", 64, {
		.kind = MEMMGR_KIND_POOL, .object_size = 64, .count = 4096,
		.flags = MEMMGR_HEAP_PRIVATE,
	} },
	{ "ioctl_slab_pair", "batch_slab_pair", 64, {
		.kind = MEMMGR_KIND_SLAB, .object_size = 64, .bytes = 4 * MIB,
	} },
	{ "ioctl_stack_pair", "batch_stack_pair", 64, {
		.kind = MEMMGR_KIND_STACK, .bytes = MIB / 16,
	} },
	{ "ioctl_buddy_pair", "batch_buddy_pair", 64, {
		.kind = MEMMGR_KIND_BUDDY, .bytes = 8 * MIB, .granule = 32,
	} },
};

/* Beside one allocation that stays, so that a slab heap keeps its slab. */
static void kinds_bench(void)
{
	struct memmgr_alloc a;
	__u32 heap;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		heap = heap_make(kinds[i].make);
		a = request(heap, kinds[i].bytes);
		call(MEMMGR_IOC_ALLOC, &a, "ALLOC");
		ioctl_bench(kinds[i].ioctl, heap, kinds[i].bytes);
		batch_bench(kinds[i].batch, heap, kinds[i].bytes,
			    kinds[i].make.kind == MEMMGR_KIND_STACK);
		heap_end(heap);
	}
	ioctl_bench("ioctl_main_page_pair", MEMMGR_HEAP_MAIN, page);
}

/* ---- FRAG ---------------------------------------------------------------- */

static __u64 frag_cost(__u32 heap)
{
	struct memmgr_frag f = { .size = sizeof(f), .heap = heap };
	__u64 took;
	int i;

	took = begin();
	for (i = 0; i < QUERIES; i++) {
		f.flags = 0;
		call(MEMMGR_IOC_FRAG, &f, "FRAG");
	}
	return now() - took;
}

static __u64 longer(__u64 a, __u64 b)
{
	return a > b ? a : b;
}

/* Allocate in main until nothing is left, then free every other allocation. */
static void checkerboard(__u32 heap, __u64 bytes, __u32 most)
{
	static __u64 handles[16384];
	struct memmgr_alloc a = request(heap, bytes);
	struct memmgr_free f = { .size = sizeof(f) };
	__u32 i, n;

	for (n = 0; n < most && !ioctl(device, MEMMGR_IOC_ALLOC, &a); n++)
		handles[n] = a.handle;
	for (i = 0; i < n; i += 2) {
		f.handle = handles[i];
		call(MEMMGR_IOC_FREE, &f, "FREE");
	}
}

/* Free blocks of all orders: after each one that stays, one twice as large that goes. */
static void ladder(__u32 heap, __u64 granule)
{
	struct memmgr_alloc a = request(heap, granule);
	__u64 handles[32];
	struct memmgr_free f = { .size = sizeof(f) };
	__u32 i, n = 0;

	for (; n < ARRAY_SIZE(handles); n++) {
		a.bytes = granule << n;
		if (ioctl(device, MEMMGR_IOC_ALLOC, &a))
			break;
		handles[n] = a.handle;
		a.bytes = granule;
		if (ioctl(device, MEMMGR_IOC_ALLOC, &a))
			break;
	}
	for (i = 0; i < n; i++) {
		f.handle = handles[i];
		call(MEMMGR_IOC_FREE, &f, "FREE");
	}
}

static void frag_bench(void)
{
	__u32 small, heaps[ARRAY_SIZE(kinds)];
	__u64 worst = frag_cost(MEMMGR_HEAP_MAIN);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		heaps[i] = heap_make(kinds[i].make);
		worst = longer(worst, frag_cost(heaps[i]));
	}
	worst = longer(worst, frag_cost(MEMMGR_HEAP_MAIN));
	small = heaps[ARRAY_SIZE(kinds) - 1];
	ladder(small, 32);
	worst = longer(worst, frag_cost(small));
	checkerboard(small, 32, 4096);
	worst = longer(worst, frag_cost(small));
	ladder(MEMMGR_HEAP_MAIN, page);
	worst = longer(worst, frag_cost(MEMMGR_HEAP_MAIN));
	checkerboard(MEMMGR_HEAP_MAIN, page, 8192);
	worst = longer(worst, frag_cost(MEMMGR_HEAP_MAIN));
	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		heap_end(heaps[i]);
	report("frag_query_worst", "memmgr", worst, QUERIES);
}

/* ---- the floor ----------------------------------------------------------- */

/* @n times @first and then @second; @second 0: only the first. */
static void bare_bench(const char *name, unsigned long first, unsigned long second,
		       unsigned int n, unsigned int pairs)
{
	static struct {
		__u32 size;
		__u32 pad;
		__u64 table;
		char rest[1024];
	} argument;
	static char table[1024];
	__u64 took;
	unsigned int i;

	argument.table = (uintptr_t)table;
	took = begin();
	for (i = 0; i < n; i++) {
		argument.size = first >> 20;
		if (ioctl(bare, first, &argument))
			fail(BARE);
		argument.size = second >> 20;
		if (second && ioctl(bare, second, &argument))
			fail(BARE);
	}
	report(name, "bare", now() - took, n * pairs);
}

static void bare_benches(void)
{
	const unsigned long handles = BATCH * sizeof(__u64);

	bare = open(BARE, O_RDWR);
	if (bare < 0)
		fail(BARE);
	bare_bench("ioctl_pool_pair", BARE_CALL(sizeof(struct memmgr_alloc), 0ul, 0ul),
		   BARE_CALL(sizeof(struct memmgr_free), 0ul, 0ul), PAIRS, 1);
	bare_bench("batch_pool_pair", BARE_CALL(sizeof(struct memmgr_alloc_batch), handles, 0ul),
		   BARE_CALL(sizeof(struct memmgr_free_batch), 0ul, handles), BATCHES, BATCH);
	bare_bench("frag_query_worst", BARE_CALL(sizeof(struct memmgr_frag), 0ul, 0ul), 0,
		   QUERIES, 1);
}

int main(void)
{
	device = open("/dev/memmgr", O_RDWR);
	if (device < 0)
		fail("/dev/memmgr");
	page = sysconf(_SC_PAGESIZE);
	health_off();
	kinds_bench();
	refused_bench();
	frag_bench();
	bare_benches();
	return 0;
}
