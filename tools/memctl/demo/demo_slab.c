// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The slab lesson: many objects of one size. */
#include <memmgr.h>
#include <stdint.h>

#include "base/words.h"
#include "demo/demo.h"

#define OBJECT	192u
#define MANY	1000u

static void say_held(struct demo *demo, const char *when)
{
	struct memmgr_heap_query query = demo_query(demo);
	struct memmgr_stats stats = demo_stats(demo);

	demo_say(demo, "    %-28s %4u objects live, %9s held of the region", when, stats.live,
		 size_text(query.held));
}

static void show_growth(struct demo *demo)
{
	uint64_t handles[MANY];
	struct memmgr_heap_query query = demo_query(demo);

	demo_say(demo, "An object takes %u bytes, and %u of them make a slab. A slab is taken",
		 query.granule, query.count);
	demo_say(demo, "from heap main when one is needed, so an unused slab heap holds little.");
	say_held(demo, "at first");
	demo_alloc_many(demo, OBJECT, handles, 1);
	say_held(demo, "after the first object");
	demo_alloc_many(demo, OBJECT, handles + 1, MANY - 1);
	say_held(demo, "after 1000");
	demo_say(demo, "Slabs that became empty go back to main, where others may have them;");
	demo_say(demo, "one may stay, so that a lone object does not fetch and return it forever.");
	demo_free_many(demo, handles, MANY - 10);
	say_held(demo, "after 990 were freed");
	demo_free_many(demo, handles + MANY - 10, 10);
	say_held(demo, "after all were freed");
}

static void show_waste(struct demo *demo)
{
	struct memmgr_stats stats;
	uint64_t handle;

	demo_say(demo, "One size only: smaller ones waste the rest, larger ones are refused.");
	handle = demo_alloc(demo, 100);
	stats = demo_stats(demo);
	demo_say(demo, "    %llu of %llu bytes are wasted",
		 (unsigned long long)(stats.used - stats.requested),
		 (unsigned long long)stats.used);
	demo_alloc_refused(demo, 2 * OBJECT, 0);
	demo_free(demo, handle, "the 100 bytes");
	demo_say(demo, "In return an allocation is a bit found in a word, whatever is live:");
	demo_time_pair(demo, OBJECT);
}

void demo_slab(struct demo *demo)
{
	struct memmgr_heap_create create = {
		.name = "demo-slab",
		.kind = MEMMGR_KIND_SLAB,
		.object_size = OBJECT,
	};

	demo_say(demo, "slab: objects of one size, as many as come. For descriptors and nodes.");
	demo_say(demo, "    memctl heap create demo-slab --kind slab --object-size 192");
	demo_heap(demo, &create);
	show_growth(demo);
	show_waste(demo);
}
