// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The steps that lessons are made of. */
#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <memmgr.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/words.h"
#include "demo/demo.h"

#define PAIRS	1000u

void demo_say(struct demo *demo, const char *format, ...)
{
	char line[160];
	va_list args;

	if (demo->err)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (demo->lines)
		json_object_array_add(demo->lines, json_object_new_string(line));
	else
		puts(line);
}

bool demo_ok(struct demo *demo, int err, const char *step)
{
	if (err && !demo->err) {
		demo->err = err;
		snprintf(demo->step, sizeof(demo->step), "%s", step);
	}
	return !demo->err;
}

void demo_heap(struct demo *demo, struct memmgr_heap_create *create)
{
	create->flags = MEMMGR_HEAP_PRIVATE;
	if (demo->err || !demo_ok(demo, memmgr_heap_create(demo->ctl->fd, create), "create a heap"))
		return;
	demo->heap = create->heap;
}

/* Once a step went wrong there may be no heap: leave main alone. */
static int alloc(struct demo *demo, struct memmgr_alloc *request)
{
	request->heap = demo->heap;
	return demo->err ? demo->err : memmgr_alloc(demo->ctl->fd, request);
}

uint64_t demo_alloc(struct demo *demo, uint64_t bytes)
{
	struct memmgr_alloc request = { .bytes = bytes, .tag = "demo" };

	if (!demo_ok(demo, alloc(demo, &request), "allocate"))
		return 0;
	demo_say(demo, "    alloc %-10s granted %-10s at offset 0x%" PRIx64 " of the region",
		 size_text(bytes), size_text(request.granted), (uint64_t)request.offset);
	return request.handle;
}

void demo_alloc_refused(struct demo *demo, uint64_t bytes, uint32_t timeout_ms)
{
	struct memmgr_alloc request = {
		.bytes = bytes,
		.flags = timeout_ms ? MEMMGR_ALLOC_WAIT : 0,
		.timeout_ms = timeout_ms,
	};
	int err = alloc(demo, &request);

	if (!err) {
		memmgr_free(demo->ctl->fd, request.handle);
		demo_ok(demo, -EPROTO, "be refused an allocation");
	} else if (err != -ENOMEM && err != -ENOSPC && err != -ETIMEDOUT) {
		demo_ok(demo, err, "allocate");
	}
	demo_say(demo, "    alloc %-10s refused: %s; largest possible: %s", size_text(bytes),
		 memmgr_reason_name(request.reason), size_text(request.largest));
}

void demo_free(struct demo *demo, uint64_t handle, const char *name)
{
	if (demo->err || !demo_ok(demo, memmgr_free(demo->ctl->fd, handle), "free"))
		return;
	demo_say(demo, "    free %s", name);
}

void demo_alloc_many(struct demo *demo, uint64_t bytes, uint64_t *handles, uint32_t count)
{
	for (uint32_t i = 0; i < count && !demo->err; i++) {
		struct memmgr_alloc request = { .bytes = bytes, .tag = "demo" };

		demo_ok(demo, alloc(demo, &request), "allocate");
		handles[i] = request.handle;
	}
}

void demo_free_many(struct demo *demo, const uint64_t *handles, size_t count)
{
	if (!demo->err)
		demo_ok(demo, memmgr_free_batch(demo->ctl->fd, handles, &count), "free");
}

struct memmgr_stats demo_stats(struct demo *demo)
{
	struct memmgr_stats stats = { .size = 0 };

	if (!demo->err)
		demo_ok(demo, memmgr_stats(demo->ctl->fd, demo->heap, &stats), "read the books");
	return stats;
}

struct memmgr_frag demo_frag(struct demo *demo)
{
	struct memmgr_frag frag = { .size = 0 };

	if (!demo->err)
		demo_ok(demo, memmgr_frag(demo->ctl->fd, demo->heap, &frag),
			"read the fragmentation");
	return frag;
}

struct memmgr_heap_query demo_query(struct demo *demo)
{
	struct memmgr_heap_query query = { .size = 0 };

	if (!demo->err)
		demo_ok(demo, memmgr_heap_query(demo->ctl->fd, demo->heap, &query),
			"look at the heap");
	return query;
}

void demo_time_pair(struct demo *demo, uint64_t bytes)
{
	uint64_t start = now_ns(CLOCK_MONOTONIC);

	for (uint32_t i = 0; i < PAIRS && !demo->err; i++) {
		struct memmgr_alloc request = { .bytes = bytes };
		int err = alloc(demo, &request);

		demo_ok(demo, err ? err : memmgr_free(demo->ctl->fd, request.handle),
			"allocate and free");
	}
	demo_say(demo, "    %s for an allocation and a free, calls into the kernel included",
		 time_text((now_ns(CLOCK_MONOTONIC) - start) / PAIRS));
}
