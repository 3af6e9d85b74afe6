// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The buddy lesson: variable sizes. */
#include <memmgr.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/words.h"
#include "demo/demo.h"

#define ARENA	(256u << 10)
#define PAGE	4096u
#define PAGES	(ARENA / PAGE)

/* "free blocks: 1 x 4K, 1 x 8K" */
static void say_orders(struct demo *demo)
{
	struct memmgr_frag frag = demo_frag(demo);
	char text[128] = "";

	for (uint32_t order = 0; order < frag.orders && order < MEMMGR_ORDERS; order++) {
		size_t used = strlen(text);

		if (frag.blocks[order])
			snprintf(text + used, sizeof(text) - used, "%s%llu x %s", used ? ", " : "",
				 (unsigned long long)frag.blocks[order],
				 size_text(frag.unit << order));
	}
	demo_say(demo, "    free blocks: %s", *text ? text : "none");
}

static void show_trim_and_merge(struct demo *demo)
{
	uint64_t five, tiny;

	demo_say(demo, "One large block is free. Five pages are asked for: a block of eight is");
	demo_say(demo, "split off, and its last three pages are given back at once.");
	say_orders(demo);
	five = demo_alloc(demo, 5 * PAGE);
	say_orders(demo);
	demo_say(demo, "The smallest unit, the granule, is a page here: 100 bytes take a page.");
	demo_say(demo, "(Where small sizes matter, a heap may have a granule of 32 bytes.)");
	tiny = demo_alloc(demo, 100);
	demo_say(demo, "What is freed merges with its neighbours, up to one block again:");
	demo_free(demo, five, "the five pages");
	demo_free(demo, tiny, "the 100 bytes");
	say_orders(demo);
}

static void show_fragmentation(struct demo *demo)
{
	uint64_t pages[PAGES], odd[PAGES / 2];
	struct memmgr_frag frag;
	struct memmgr_stats stats;

	demo_say(demo, "The weak side: every page is taken, then every second one is freed.");
	demo_alloc_many(demo, PAGE, pages, PAGES);
	for (uint32_t i = 0; i < PAGES / 2; i++)
		odd[i] = pages[2 * i + 1];
	demo_free_many(demo, odd, PAGES / 2);
	stats = demo_stats(demo);
	frag = demo_frag(demo);
	demo_say(demo, "    free %s, but in %llu blocks; external fragmentation %u.%u%%",
		 size_text(stats.free), (unsigned long long)frag.free_blocks,
		 frag.external / 10, frag.external % 10);
	demo_alloc_refused(demo, 2 * PAGE, 0);
	demo_say(demo, "The answer says why and what would have worked. Then the rest is freed:");
	for (uint32_t i = 0; i < PAGES / 2; i++)
		odd[i] = pages[2 * i];
	demo_free_many(demo, odd, PAGES / 2);
	say_orders(demo);
}

void demo_buddy(struct demo *demo)
{
	struct memmgr_heap_create create = {
		.name = "demo-buddy",
		.kind = MEMMGR_KIND_BUDDY,
		.bytes = ARENA,
		.granule = PAGE,
	};

	demo_say(demo, "buddy: any size, any alignment. For sizes that vary.");
	demo_say(demo, "    memctl heap create demo-buddy --kind buddy --size 256K");
	demo_heap(demo, &create);
	show_trim_and_merge(demo);
	show_fragmentation(demo);
}
