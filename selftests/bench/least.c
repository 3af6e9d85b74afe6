// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The least heap in which a recorded program finds all its memory, with the books of the
 * engine, as a share of what the program has at its peak. Runs the engines of the module on
 * this machine: they know offsets only.
 *
 * Reads a trace (tools/trace/README.md) as text; prints "ENGINE RATIO" a line.
 */
#include <stdio.h>
#include <stdlib.h>

#include "core/buddy.h"
#include "core/tlsf.h"

#define EVENTS_MOST	(1u << 20)
#define PEAK		"# peak-bytes:"

struct event {
	char what;
	u32 id;
	u32 bytes;
	u32 align;
};

static struct event events[EVENTS_MOST];
static u32 used;
static u32 ids;
static unsigned long long peak;

static bool read_trace(void)
{
	char line[256];

	while (fgets(line, sizeof(line), stdin)) {
		struct event *event = &events[used];

		if (*line == '#') {
			if (!strncmp(line, PEAK, strlen(PEAK)))
				peak = strtoull(line + strlen(PEAK), NULL, 10);
			continue;
		}
		*event = (struct event){ 0 };
		if (sscanf(line, "%c %u %u %u", &event->what, &event->id, &event->bytes,
			   &event->align) < 2)
			continue;
		ids = max(ids, event->id + 1);
		if (++used == EVENTS_MOST)
			return false;
	}
	return used && peak;
}

/* Returns false if there is no memory for it. */
static bool get(struct engine *e, const struct event *event, u64 *offset)
{
	struct engine_search search = { 0 };
	const struct engine_request rq = {
		.bytes = event->bytes, .align = event->align, .search = &search,
	};
	struct engine_refusal why;
	struct engine_block block;
	int err;

	do {
		err = e->ops->alloc(e, &rq, &block, &why);
	} while (err == -EAGAIN);
	*offset = block.offset;
	return !err;
}

static void put(struct engine *e, u64 offset)
{
	struct engine_block block;

	if (e->ops->free(e, offset, false, &block))
		abort();
}

/* As realloc(): in place, or else anew. */
static bool change(struct engine *e, const struct event *event, u64 *offset)
{
	const struct engine_request rq = { .bytes = event->bytes };
	struct engine_refusal why;
	struct engine_block block;
	u64 old = *offset;

	if (!e->ops->resize(e, old, &rq, &block, &why))
		return true;
	if (!get(e, event, offset))
		return false;
	put(e, old);
	return true;
}

static bool run(struct engine *e, u64 *offset)
{
	u32 i;

	for (i = 0; i < used; i++) {
		const struct event *event = &events[i];
		u64 *at = &offset[event->id];

		if (event->what == 'f')
			put(e, *at);
		else if (event->what == 'a' ? !get(e, event, at) : !change(e, event, at))
			return false;
	}
	return true;
}

/* Does a heap of @granules suffice? @meta: set to the size of its books. */
static bool tlsf_suffices(u32 granules, u64 *offset, size_t *meta)
{
	struct tlsf t;
	void *books;
	bool enough;

	*meta = tlsf_meta_size(granules, TLSF_MIN_SHIFT);
	books = calloc(1, *meta);
	enough = !tlsf_init(&t, 0, granules, TLSF_MIN_SHIFT, TLSF_SEARCH, books) &&
		 run(&t.e, offset);
	free(books);
	return enough;
}

static bool buddy_suffices(u32 granules, u64 *offset, size_t *meta)
{
	struct buddy b;
	void *books;
	bool enough;

	*meta = buddy_meta_size(0, granules);
	books = calloc(1, *meta);
	enough = !buddy_init(&b, 0, granules, BUDDY_MIN_SHIFT, BUDDY_JOIN, books) &&
		 run(&b.e, offset);
	free(books);
	return enough;
}

static void print_least(const char *name, u32 shift, u64 *offset,
			bool (*suffices)(u32 granules, u64 *offset, size_t *meta))
{
	u32 low = peak >> shift, high = 4 * (peak >> shift) + 4096;
	size_t meta = 0;

	while (low < high) {
		u32 middle = low + (high - low) / 2;

		if (suffices(middle, offset, &meta))
			high = middle;
		else
			low = middle + 1;
	}
	suffices(low, offset, &meta);
	printf("%s %.4f\n", name, (double)(((u64)low << shift) + meta) / (double)peak);
}

int main(void)
{
	u64 *offset;

	if (!read_trace()) {
		fprintf(stderr, "least: no trace on standard input, or one of too many events\n");
		return 1;
	}
	offset = calloc(ids, sizeof(*offset));
	if (!offset)
		return 1;
	print_least("tlsf", TLSF_MIN_SHIFT, offset, tlsf_suffices);
	print_least("buddy", BUDDY_MIN_SHIFT, offset, buddy_suffices);
	free(offset);
	return 0;
}
