// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* memctl alloc: allocations that stay when memctl exits. */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <memmgr.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/args.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/interrupt.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/table.h"
#include "base/words.h"
#include "cmd/commands.h"
#include "find/find.h"
#include "memctl.h"

enum {
	KEY_TAG = 0x200,
	KEY_COUNT,
	KEY_WAIT,
	KEY_NO_FALLBACK,
	KEY_GUARD,
	KEY_POPULATE,
	KEY_NO_ZERO,
	KEY_MAY_COMPACT,
};

static const struct argp_option options_table[] = {
	{ "heap", 'H', "HEAP", 0, "Heap by name or id (default: main)", 0 },
	{ "align", 'a', "SIZE", 0, "Alignment, a power of two", 0 },
	{ "tag", KEY_TAG, "NAME", 0, "Name to find it by", 0 },
	{ "count", KEY_COUNT, "N", 0, "Make N of them, or none", 0 },
	{ "wait", KEY_WAIT, "MS", OPTION_ARG_OPTIONAL,
	  "Wait for memory, at most MS milliseconds (default: without limit)", 0 },
	{ "guard", KEY_GUARD, 0, 0, "With guard pages around it where it is mapped", 0 },
	{ "populate", KEY_POPULATE, 0, 0,
	  "Where it is mapped, the first touch maps up to 4 MiB of it", 0 },
	{ "no-zero", KEY_NO_ZERO, 0, 0, "Not cleared first; as root", 0 },
	{ "may-compact", KEY_MAY_COMPACT, 0, 0,
	  "Rather move other allocations out of the way than fail; takes as long as that does", 0 },
	{ "no-fallback", KEY_NO_FALLBACK, 0, 0, "This heap or nothing", 0 },
	{ 0 },
};

struct options {
	struct memmgr_alloc request;
	const char *heap;
	uint32_t count;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;
	struct memmgr_alloc *request = &options->request;

	switch (key) {
	case 'H':
		options->heap = arg;
		return 0;
	case 'a':
		request->align = arg_align(state, "--align", arg);
		return 0;
	case KEY_TAG:
		strcpy(request->tag, arg_word(state, "--tag", arg, MEMMGR_TAG_LEN - 1));
		return 0;
	case KEY_COUNT:
		options->count = arg_count(state, "--count", arg, 1, 1u << 24);
		return 0;
	case KEY_WAIT:
		request->flags |= MEMMGR_ALLOC_WAIT;
		if (arg)
			request->timeout_ms = arg_count(state, "--wait", arg, 1, UINT32_MAX);
		return 0;
	case KEY_GUARD:
		request->flags |= MEMMGR_ALLOC_GUARD;
		return 0;
	case KEY_POPULATE:
		request->flags |= MEMMGR_ALLOC_POPULATE;
		return 0;
	case KEY_NO_ZERO:
		request->flags |= MEMMGR_ALLOC_NO_ZERO;
		return 0;
	case KEY_MAY_COMPACT:
		request->flags |= MEMMGR_ALLOC_MAY_COMPACT;
		return 0;
	case KEY_NO_FALLBACK:
		request->flags |= MEMMGR_ALLOC_NO_FALLBACK;
		return 0;
	case ARGP_KEY_ARG:
		request->bytes = arg_size_nonzero(state, "SIZE",
						  arg_only(state, arg, "give one SIZE"));
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "SIZE is missing; for example memctl alloc 64K");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options_table,
	.parser = parse,
	.args_doc = "SIZE",
	.doc = "Allocate memory that stays allocated until it is freed: by its handle, which is "
	       "printed, or by its tag.\vExample: memctl alloc 64K --heap frames --tag camera",
};

static const struct column columns[] = {
	{ "HANDLE", "handle", CELL_HANDLE, 0 },
	{ "HEAP", "heap", CELL_TEXT, 0 },
	{ "OFFSET", "offset", CELL_SIZE, COLUMN_JSON },
	{ "OFFSET", NULL, CELL_HANDLE, COLUMN_TEXT },
	{ "SIZE", "bytes", CELL_SIZE, 0 },
	{ "GRANTED", "granted", CELL_SIZE, 0 },
	{ "TAG", "tag", CELL_TEXT, 0 },
};

static void add_row(const struct memctl *ctl, struct table *table,
		    const struct memmgr_alloc *made)
{
	char name[MEMMGR_NAME_LEN];

	table_num(table, made->handle);
	table_text(table, heap_name(ctl, made->from, name));
	table_num(table, made->offset);
	table_num(table, made->offset);
	table_num(table, made->bytes);
	table_num(table, made->granted);
	table_chars(table, made->tag, sizeof(made->tag));
}

/* Newest first, as a stack heap wants it. */
static void free_all(const struct memctl *ctl, const uint64_t *handles, uint32_t count)
{
	while (count)
		memmgr_free(ctl->fd, handles[--count]);
}

static int alloc_failed(const struct memctl *ctl, int err, const struct memmgr_alloc *made,
			const struct memmgr_heap_query *heap)
{
	char name[MEMMGR_NAME_LEN];
	struct request request = {
		.heap = heap_name(ctl, heap->heap, name),
		.heap_id = heap->heap,
		.bytes = made->bytes,
		.align = made->align,
		.reason = made->reason,
		.exact = made->exact,
		.largest = made->largest,
	};

	if (made->reason)
		return fail_request(ctl, err, &request);
	return fail_errno(ctl, err, "heap '%s', %s", request.heap, size_text(made->bytes));
}

/*
 * A signal that does not ask memctl to end, such as that of fg after Ctrl-Z, cuts a wait
 * short: it goes on for what is left of its time.
 */
static int alloc_one(const struct memctl *ctl, const struct memmgr_alloc *request,
		     struct memmgr_alloc *made)
{
	uint64_t end = now_ns(CLOCK_MONOTONIC) + request->timeout_ms * NSEC_PER_MSEC, now;
	int err;

	*made = *request;
	while (!interrupt_arrived()) {
		err = memmgr_alloc(ctl->fd, made);
		if (err != -EINTR)
			return err;
		*made = *request;
		now = now_ns(CLOCK_MONOTONIC);
		if (request->timeout_ms)
			made->timeout_ms = now < end ? (end - now) / NSEC_PER_MSEC + 1 : 1;
	}
	return -EINTR;
}

/* All or none: a script need not find out what half a success left behind. */
static int alloc_many(const struct memctl *ctl, const struct options *options,
		      const struct memmgr_heap_query *heap, struct table *table)
{
	uint64_t *handles = calloc(options->count, sizeof(*handles));
	int rc = EXIT_OK;

	if (!handles)
		out_of_memory();
	interrupt_catch();
	for (uint32_t i = 0; i < options->count && !rc; i++) {
		struct memmgr_alloc made;
		int err = alloc_one(ctl, &options->request, &made);

		if (err) {
			rc = alloc_failed(ctl, err, &made, heap);
			if (i && !ctl->json)
				fprintf(stderr, "memctl: alloc: %u of %u were made and freed "
						"again\n", i, options->count);
			free_all(ctl, handles, i);
		} else {
			handles[i] = made.handle;
			add_row(ctl, table, &made);
		}
	}
	free(handles);
	return rc && interrupt_arrived() ? EXIT_INTERRUPTED : rc;
}

int cmd_alloc(struct memctl *ctl, int argc, char **argv)
{
	struct options options = {
		.request.flags = MEMMGR_ALLOC_PERSISTENT,
		.heap = "main",
		.count = 1,
	};
	struct memmgr_heap_query heap;
	struct table *table;
	int rc;

	parse_args(ctl, &argp, argc, argv, &options);
	rc = region_open(ctl, O_RDWR);
	if (!rc)
		rc = heap_find(ctl, options.heap, &heap);
	if (rc)
		return rc;
	options.request.heap = heap.heap;
	table = table_new(columns, ARRAY_SIZE(columns));
	rc = alloc_many(ctl, &options, &heap, table);
	if (!rc)
		table_show(ctl, "allocations", table);
	table_free(table);
	return rc;
}
