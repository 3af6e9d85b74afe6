// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The pool lesson: blocks that are there from the start. */
#include <errno.h>
#include <memmgr.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/words.h"
#include "demo/demo.h"

#define BLOCK	4096u
#define BLOCKS	8u
#define SOON_MS	30u

/* Another process with the same open file frees @handle a little later. */
static pid_t free_soon(struct demo *demo, uint64_t handle)
{
	const struct timespec pause = { .tv_nsec = SOON_MS * 1000000L };
	pid_t child;

	fflush(stdout);
	child = fork();
	if (!child) {
		nanosleep(&pause, NULL);
		_exit(memmgr_free(demo->ctl->fd, handle) ? EXIT_FAILURE : EXIT_SUCCESS);
	}
	return child;
}

static void show_wait(struct demo *demo, uint64_t *handles)
{
	struct memmgr_alloc request = {
		.heap = demo->heap,
		.bytes = BLOCK,
		.flags = MEMMGR_ALLOC_WAIT,
		.timeout_ms = 2000,
	};
	uint64_t start;
	pid_t child;

	if (demo->err)
		return;
	demo_say(demo, "Or the caller waits: another process frees a block in %u ms.", SOON_MS);
	child = free_soon(demo, handles[3]);
	if (!demo_ok(demo, child < 0 ? -EAGAIN : 0, "start another process"))
		return;
	start = now_ns(CLOCK_MONOTONIC);
	demo_ok(demo, memmgr_alloc(demo->ctl->fd, &request), "wait for a block");
	waitpid(child, NULL, 0);
	handles[3] = request.handle;
	demo_say(demo, "    alloc %s, waiting at most 2 s: granted after %s",
		 size_text(BLOCK), time_text(now_ns(CLOCK_MONOTONIC) - start));
	demo_say(demo, "and when nothing comes back in time, it is told so after 50 ms:");
	demo_alloc_refused(demo, BLOCK, 50);
}

static void show_no_fragmentation(struct demo *demo, uint64_t *handles)
{
	uint64_t odd[BLOCKS / 2];
	struct memmgr_frag frag;

	demo_say(demo, "Blocks come back in any order, and each fits whatever comes next:");
	for (uint32_t i = 0; i < BLOCKS / 2; i++)
		odd[i] = handles[2 * i + 1];
	demo_free_many(demo, odd, BLOCKS / 2);
	frag = demo_frag(demo);
	demo_say(demo, "    every second block freed: %s free, external fragmentation %u.%u%%",
		 size_text(frag.free), frag.external / 10, frag.external % 10);
	demo_alloc_many(demo, BLOCK, odd, BLOCKS / 2);
	demo_say(demo, "    all of it was handed out again");
	for (uint32_t i = 0; i < BLOCKS / 2; i++)
		handles[2 * i + 1] = odd[i];
}

void demo_pool(struct demo *demo)
{
	struct memmgr_heap_create create = {
		.name = "demo-pool",
		.kind = MEMMGR_KIND_POOL,
		.object_size = BLOCK,
		.count = BLOCKS,
	};
	uint64_t handles[BLOCKS];

	demo_say(demo, "pool: a fixed number of blocks, all there from the start. For what must");
	demo_say(demo, "not fail or take long: frames, DMA buffers, real time.");
	demo_say(demo, "    memctl heap create demo-pool --kind pool --block-size 4K --count 8");
	demo_heap(demo, &create);
	demo_say(demo, "Its memory, %s, is set aside now; nobody can take it away later.",
		 size_text(demo_query(demo).held));
	handles[0] = demo_alloc(demo, BLOCK);
	demo_alloc_many(demo, BLOCK, handles + 1, BLOCKS - 2);
	handles[BLOCKS - 1] = demo_alloc(demo, BLOCK);
	demo_say(demo, "That was the first and the eighth; a ninth is refused at once:");
	demo_alloc_refused(demo, BLOCK, 0);
	show_wait(demo, handles);
	show_no_fragmentation(demo, handles);
	demo_free_many(demo, handles, BLOCKS);
	demo_say(demo, "The cost is the same few instructions whatever happened before:");
	demo_time_pair(demo, BLOCK);
}
