// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The stack lesson: temporary memory. */
#include <errno.h>
#include <memmgr.h>
#include <stdint.h>

#include "base/words.h"
#include "demo/demo.h"

#define ARENA	(64u << 10)

static void say_used(struct demo *demo)
{
	struct memmgr_stats stats = demo_stats(demo);

	demo_say(demo, "    %u allocations, %s of %s used", stats.live, size_text(stats.used),
		 size_text(stats.total));
}

static void show_order(struct demo *demo, uint64_t below)
{
	int err;

	demo_say(demo, "Only the newest may be freed. The first one is not:");
	if (demo->err)
		return;
	err = memmgr_free(demo->ctl->fd, below);
	if (!err)
		demo_ok(demo, -EPROTO, "be refused a free out of order");
	else if (err != -EBUSY)
		demo_ok(demo, err, "free out of order");
	demo_say(demo, "    free the first: refused (EBUSY), and nothing changed");
	say_used(demo);
}

static void show_release(struct demo *demo, uint64_t mark)
{
	uint32_t released = 0;

	demo_say(demo, "Back to the mark: all that came after it goes in one call.");
	if (demo->err ||
	    !demo_ok(demo, memmgr_release(demo->ctl->fd, demo->heap, mark, &released),
		     "release to the mark"))
		return;
	demo_say(demo, "    release: %u allocations gone", released);
	say_used(demo);
}

void demo_stack(struct demo *demo)
{
	struct memmgr_heap_create create = {
		.name = "demo-stack",
		.kind = MEMMGR_KIND_STACK,
		.bytes = ARENA,
	};
	uint64_t first, next, mark = 0;

	demo_say(demo, "stack: last come, first gone. For temporary memory of one job or frame.");
	demo_say(demo, "    memctl heap create demo-stack --kind stack --size 64K");
	demo_heap(demo, &create);
	demo_say(demo, "An allocation puts a pointer up; nothing is searched, little is wasted.");
	first = demo_alloc(demo, 1000);
	demo_say(demo, "A job begins: it remembers the height, a mark, and takes what it needs.");
	if (!demo->err && demo_ok(demo, memmgr_mark(demo->ctl->fd, demo->heap, &mark), "mark"))
		demo_say(demo, "    mark");
	demo_alloc(demo, 5000);
	demo_alloc(demo, 300);
	demo_alloc(demo, 12000);
	say_used(demo);
	show_order(demo, first);
	show_release(demo, mark);
	demo_say(demo, "The next job gets the same place: no fragmentation builds up, ever.");
	next = demo_alloc(demo, 20000);
	demo_free(demo, next, "the newest");
	demo_free(demo, first, "the first, now the newest");
	say_used(demo);
	demo_time_pair(demo, 256);
}
