// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The tlsf lesson: variable sizes in constant time. */
#include <memmgr.h>
#include <stdint.h>

#include "base/words.h"
#include "demo/demo.h"

#define ARENA	(64u << 10)
#define BLOCK	1024u
#define BLOCKS	(ARENA / BLOCK)

static void say_runs(struct demo *demo)
{
	struct memmgr_frag frag = demo_frag(demo);

	demo_say(demo, "    %s free, the largest run of %s", size_text(frag.free),
		 size_text(frag.largest));
}

static void show_fit(struct demo *demo)
{
	uint64_t first, hole, last;

	demo_say(demo, "Sizes are rounded up to 16 bytes, not to powers of two:");
	first = demo_alloc(demo, 100);
	hole = demo_alloc(demo, 1100);
	last = demo_alloc(demo, 2500);
	demo_say(demo, "What is freed joins its free neighbours at once, so that each free run is");
	demo_say(demo, "one block. A request is served by a run whose length fits well:");
	demo_free(demo, hole, "the 1100 bytes");
	say_runs(demo);
	hole = demo_alloc(demo, 900);
	demo_free(demo, first, "the 100 bytes");
	demo_free(demo, hole, "the 900 bytes");
	demo_free(demo, last, "the 2500 bytes");
	say_runs(demo);
}

static void show_fragmentation(struct demo *demo)
{
	uint64_t blocks[BLOCKS], odd[BLOCKS / 2];

	demo_say(demo, "The weak side is that of all variable sizes: every second block is freed.");
	demo_alloc_many(demo, BLOCK, blocks, BLOCKS);
	for (uint32_t i = 0; i < BLOCKS / 2; i++)
		odd[i] = blocks[2 * i + 1];
	demo_free_many(demo, odd, BLOCKS / 2);
	say_runs(demo);
	demo_alloc_refused(demo, 2 * BLOCK, 0);
	for (uint32_t i = 0; i < BLOCKS / 2; i++)
		odd[i] = blocks[2 * i];
	demo_free_many(demo, odd, BLOCKS / 2);
	say_runs(demo);
	demo_say(demo, "In return a call takes as long for any size, whatever is free and live:");
	demo_time_pair(demo, 40);
	demo_time_pair(demo, ARENA / 2);
}

void demo_tlsf(struct demo *demo)
{
	struct memmgr_heap_create create = {
		.name = "demo-tlsf",
		.kind = MEMMGR_KIND_TLSF,
		.bytes = ARENA,
	};

	demo_say(demo, "tlsf: any size, any alignment, in constant time. For sizes under a page");
	demo_say(demo, "that vary, and for real time.");
	demo_say(demo, "    memctl heap create demo-tlsf --kind tlsf --size 64K");
	demo_heap(demo, &create);
	show_fit(demo);
	show_fragmentation(demo);
}
