// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * What compaction costs, in instructions of a guest whose clock counts them: one
 * line "BENCH {json}" for each figure.
 *
 *	move_granule		one granule that nobody has mapped, plan and all
 *	move_mapped		one granule that is mapped and was touched
 *	merge_dry		a dry run of merging sparse slabs, for each record of the heap
 *	frag_query		MEMMGR_IOC_FRAG of heap main
 *	compact_off		longest time that interrupts are off meanwhile, beyond
 *				what the same measurement shows without compaction
 *
 * The clock counts in steps of 16: what is short is done many times.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"

#define BLOCKS		2048
#define ROUNDS		4
#define QUERIES		2000
#define OBJECTS		8192
#define OBJECT		2048
#define OFF		"/sys/kernel/debug/memmgr_bench/off"

static size_t page;
static __u64 region_bytes;
static char *blocks[BLOCKS];

static void blocks_make(bool mapped)
{
	int i;

	for (i = 0; i < BLOCKS; i++) {
		struct memmgr_alloc a = { .size = sizeof(a), .bytes = page };

		call(MEMMGR_IOC_ALLOC, &a, "ALLOC");
		if (!mapped)
			continue;
		blocks[i] = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, device,
				 a.map_offset);
		if (blocks[i] == MAP_FAILED)
			fail("mmap");
	}
}

/* Empty one half of the region, then the other: that moves every block. */
static struct memmgr_compact half(int upper)
{
	struct memmgr_compact c = {
		.size = sizeof(c),
		.flags = MEMMGR_COMPACT_RANGE,
		.offset = upper ? region_bytes / 2 : 0,
		.bytes = region_bytes / 2,
	};

	call(MEMMGR_IOC_COMPACT, &c, "COMPACT");
	return c;
}

/* What a move has taken away from the mappings is there again then. */
static void touch_all(void)
{
	int i;

	for (i = 0; i < BLOCKS; i++)
		blocks[i][0]++;
}

static void moves_bench(const char *name, bool mapped)
{
	__u64 sum = 0, longest = 0, took;
	unsigned int n = 0, round;
	struct memmgr_compact c;

	half(0);
	for (round = 0; round < ROUNDS; round++) {
		if (mapped)
			touch_all();
		took = now();
		c = half(!(round % 2));
		took = now() - took;
		sum += took;
		n += c.moves;
		if (c.longest_ns > longest)
			longest = c.longest_ns;
	}
	report_max(name, "memmgr", sum, longest, n);
}

/* One object in eight is left, each in a slab of its own: all of these want to go. */
static void merge_bench(void)
{
	struct memmgr_heap_create heap = {
		.size = sizeof(heap), .kind = MEMMGR_KIND_SLAB, .object_size = OBJECT,
		.bytes = 2 * OBJECTS * OBJECT, .max_allocations = OBJECTS, .name = "merge",
	};
	struct memmgr_compact c = { .size = sizeof(c), .flags = MEMMGR_COMPACT_DRY_RUN };
	struct memmgr_heap_destroy destroy = {
		.size = sizeof(destroy), .flags = MEMMGR_DESTROY_FORCE,
	};
	static __u64 handles[OBJECTS];
	__u64 took;
	int i;

	call(MEMMGR_IOC_HEAP_CREATE, &heap, "HEAP_CREATE");
	c.heap = heap.heap;
	destroy.heap = heap.heap;
	for (i = 0; i < OBJECTS; i++) {
		struct memmgr_alloc a = {
			.size = sizeof(a), .heap = heap.heap, .bytes = OBJECT,
		};

		call(MEMMGR_IOC_ALLOC, &a, "ALLOC");
		handles[i] = a.handle;
	}
	for (i = 0; i < OBJECTS; i++) {
		struct memmgr_free f = { .size = sizeof(f), .handle = handles[i] };

		if (i % 8)
			call(MEMMGR_IOC_FREE, &f, "FREE");
	}
	took = now();
	call(MEMMGR_IOC_COMPACT, &c, "COMPACT");
	took = now() - took;
	if (!c.slabs)
		fail("no slab would go");
	report("merge_dry", "memmgr", took, OBJECTS);
	call(MEMMGR_IOC_HEAP_DESTROY, &destroy, "HEAP_DESTROY");
}

/* All of them at once: the clock itself would cost more than the query. */
static void frag_bench(void)
{
	struct memmgr_frag f = { .size = sizeof(f) };
	__u64 took;
	int i;

	took = now();
	for (i = 0; i < QUERIES; i++) {
		f.flags = 0;
		call(MEMMGR_IOC_FRAG, &f, "FRAG");
	}
	took = now() - took;
	report("frag_query", "memmgr", took, QUERIES);
}

static void off_write(unsigned int seed)
{
	FILE *file = fopen(OFF, "w");

	if (!file || fprintf(file, "%u\n", seed) < 0 || fclose(file))
		fail(OFF);
}

static __u64 off_read(void)
{
	FILE *file = fopen(OFF, "r");
	unsigned long long longest;

	if (!file || fscanf(file, "%llu", &longest) != 1)
		fail(OFF);
	fclose(file);
	return longest;
}

/* Something that the timer interrupts as often, and that never locks it out. */
static void spin(void)
{
	__u64 end = now() + 20000000;

	while (now() < end)
		;
}

static void off_bench(bool mapped)
{
	__u64 idle = 0, busy = 0, longest;
	unsigned int seed;

	for (seed = 1; seed <= 4 * ROUNDS; seed++) {
		if (mapped)
			touch_all();
		off_write(seed);
		spin();
		longest = off_read();
		if (longest > idle)
			idle = longest;
		off_write(seed);
		half(seed % 2);
		longest = off_read();
		if (longest > busy)
			busy = longest;
		off_write(0);
	}
	report(mapped ? "off_none_mapped" : "off_none", "memmgr", idle, 1);
	report_max(mapped ? "compact_off_mapped" : "compact_off", "memmgr",
		   busy > idle ? busy - idle : 0, busy, 1);
}

int main(void)
{
	struct memmgr_query q = { .size = sizeof(q) };

	device = open("/dev/memmgr", O_RDWR);
	if (device < 0)
		fail("/dev/memmgr");
	page = sysconf(_SC_PAGESIZE);
	call(MEMMGR_IOC_QUERY, &q, "QUERY");
	region_bytes = q.region_size;
	health_off();
	blocks_make(false);
	merge_bench();
	moves_bench("move_granule", false);
	off_bench(false);
	frag_bench();
	close(device);
	device = open("/dev/memmgr", O_RDWR);
	blocks_make(true);
	moves_bench("move_mapped", true);
	off_bench(true);
	return 0;
}
