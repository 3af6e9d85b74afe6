// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * What a program pays for mapped memory, in instructions of a guest whose clock counts
 * them: one line "BENCH {json}" for each figure, each of one page.
 *
 *	map_write_page		the first write to each page, one after the other
 *	map_prefault_page	the first touch of an allocation with MEMMGR_ALLOC_POPULATE
 *	unmap_page		munmap() of what was touched
 *
 * Rivals: "bare" maps one page at each fault, as a driver of a few lines does; "remap" maps
 * all at mmap(), with remap_pfn_range(), and can never take them back.
 *
 * The argument, if there is one, takes the place of "memmgr" in the names of the figures: for
 * a region of another kind of memory.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"

#define BARE	"/sys/kernel/debug/memmgr_bench/bare"
#define PAGES	1024
#define ROUNDS	8

static size_t page;

/* The offsets of the mappings of bare.c, in pages. */
enum { BARE_FAULT, BARE_REMAP };

struct costs {
	__u64 map;
	__u64 write;
	__u64 unmap;
};

/* Map, touch and unmap. Each page is touched, or one for all. */
static void round_trip(int file, off_t offset, bool each, struct costs *costs)
{
	size_t bytes = PAGES * page, at;
	char *p;
	__u64 start = now();

	p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, offset);
	if (p == MAP_FAILED)
		fail("mmap");
	costs->map += now() - start;
	start = now();
	if (each)
		for (at = 0; at < bytes; at += page)
			__atomic_store_n(p + at, 1, __ATOMIC_RELAXED);
	else
		(void)__atomic_load_n(p, __ATOMIC_RELAXED);
	costs->write += now() - start;
	/* What is not mapped yet shows as a signal or as a cost of another page. */
	for (at = 0; at < bytes; at += page)
		(void)__atomic_load_n(p + at, __ATOMIC_RELAXED);
	start = now();
	if (munmap(p, bytes))
		fail("munmap");
	costs->unmap += now() - start;
}

/* Begin with page tables that are there: they are not what is measured. */
static struct costs costs_of(int file, off_t offset, bool each)
{
	struct costs costs = { 0 };
	int i;

	round_trip(file, offset, each, &costs);
	memset(&costs, 0, sizeof(costs));
	for (i = 0; i < ROUNDS; i++)
		round_trip(file, offset, each, &costs);
	return costs;
}

static struct costs alloc_costs(__u32 flags, bool each)
{
	struct memmgr_alloc a = {
		.size = sizeof(a), .bytes = PAGES * page, .flags = flags,
		.align = PAGES * page,
	};
	struct memmgr_free f = { .size = sizeof(f) };
	struct costs costs;

	call(MEMMGR_IOC_ALLOC, &a, "ALLOC");
	costs = costs_of(device, a.map_offset, each);
	f.handle = a.handle;
	call(MEMMGR_IOC_FREE, &f, "FREE");
	return costs;
}

int main(int argc, char **argv)
{
	const char *impl = argc > 1 ? argv[1] : "memmgr";
	struct costs each, whole;
	int bare;

	device = open("/dev/memmgr", O_RDWR);
	if (device < 0)
		fail("/dev/memmgr");
	page = sysconf(_SC_PAGESIZE);
	health_off();
	each = alloc_costs(0, true);
	whole = alloc_costs(MEMMGR_ALLOC_POPULATE, false);
	report("map_write_page", impl, each.write, PAGES * ROUNDS);
	report("map_prefault_page", impl, whole.map + whole.write, PAGES * ROUNDS);
	report("unmap_page", impl, each.unmap, PAGES * ROUNDS);
	bare = open(BARE, O_RDWR);
	if (bare < 0 || argc > 1)
		return 0;
	each = costs_of(bare, BARE_FAULT * page, true);
	whole = costs_of(bare, BARE_REMAP * page, false);
	report("map_write_page", "bare", each.write, PAGES * ROUNDS);
	report("map_prefault_page", "remap", whole.map + whole.write, PAGES * ROUNDS);
	report("unmap_page", "bare", each.unmap, PAGES * ROUNDS);
	return 0;
}
