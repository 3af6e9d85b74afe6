// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* memctl defrag: move memory together, under the programs that use it. */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <memmgr.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/args.h"
#include "base/bar.h"
#include "base/fail.h"
#include "base/interrupt.h"
#include "base/json.h"
#include "base/options.h"
#include "base/table.h"
#include "base/words.h"
#include "cmd/commands.h"
#include "find/find.h"
#include "find/fixed.h"
#include "memctl.h"

/*
 * Bytes that one call moves, at the least: the bar waits no longer than that takes. Each
 * call looks at the whole heap, so of a large one it moves a part like this.
 */
#define CALL_BYTES	(1u << 20)
#define CALL_PART	64
#define CALLS_IN_VAIN	3	/* in a row: then what is left is left */
/* More than the first call foresaw, by so much: others change the heap as fast. */
#define CALLS_TIMES	4
#define BYTES_TIMES	2

enum {
	KEY_DRY_RUN = 0x200,
	KEY_ORDER,
	KEY_SIZE,
	KEY_RANGE,
	KEY_BUDGET,
};

static const struct argp_option options_table[] = {
	{ "dry-run", KEY_DRY_RUN, 0, 0, "Move nothing; say what would be moved and gained", 0 },
	{ "size", KEY_SIZE, "SIZE", 0, "Make one free run of SIZE, and do no more than that takes",
	  0 },
	{ "order", KEY_ORDER, "N", 0, "The same for a run of 2^N granules", 0 },
	{ "align", 'a', "SIZE", 0, "Where that run has to start: a power of two", 0 },
	{ "range", KEY_RANGE, "OFFSET,SIZE", 0, "Empty this range of the region", 0 },
	{ "budget", KEY_BUDGET, "SIZE", 0,
	  "Bytes that one step moves at most; a block moves onto its own old place only when it "
	  "has at most 16 times that (default: 64K)", 0 },
	{ "quiet", 'q', 0, 0, "No progress bar", 0 },
	{ 0 },
};

struct options {
	const char *heap;
	struct memmgr_compact request;
	uint32_t order;
	bool order_given;
	bool quiet;
};

static void parse_range(struct memmgr_compact *request, const char *arg, struct argp_state *state)
{
	char offset[ARG_PART], size[ARG_PART];

	arg_two(state, "--range", arg, offset, size);
	if (!*size)
		argp_error(state, "--range: '%s' has no size; give for example 4M,512K", arg);
	request->offset = arg_size(state, "--range", offset);
	request->bytes = arg_size_nonzero(state, "--range", size);
	request->flags |= MEMMGR_COMPACT_RANGE;
}

static void parse_end(const struct options *options, struct argp_state *state)
{
	const struct memmgr_compact *request = &options->request;
	bool range = request->flags & MEMMGR_COMPACT_RANGE;

	if (options->order_given && request->bytes)
		argp_error(state, "give one of --size, --order and --range");
	if (request->align && (range || !(request->bytes || options->order_given)))
		argp_error(state, "--align goes with --size or --order: where that run starts");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;
	struct memmgr_compact *request = &options->request;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &options->heap;
		return 0;
	case KEY_DRY_RUN:
		request->flags |= MEMMGR_COMPACT_DRY_RUN;
		return 0;
	case KEY_SIZE:
		if (request->flags & MEMMGR_COMPACT_RANGE)
			argp_error(state, "give one of --size, --order and --range");
		request->bytes = arg_size_nonzero(state, "--size", arg);
		return 0;
	case KEY_ORDER:
		options->order = arg_count(state, "--order", arg, 0, MEMMGR_ORDERS - 1);
		options->order_given = true;
		return 0;
	case 'a':
		request->align = arg_align(state, "--align", arg);
		return 0;
	case KEY_RANGE:
		if (request->bytes)
			argp_error(state, "give one of --size, --order and --range");
		parse_range(request, arg, state);
		return 0;
	case KEY_BUDGET:
		request->step_bytes = arg_size_nonzero(state, "--budget", arg);
		return 0;
	case 'q':
		options->quiet = true;
		return 0;
	case ARGP_KEY_END:
		parse_end(options, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options_table,
	.parser = parse,
	.children = optional_heap,
	.args_doc = "[HEAP]",
	.doc = "Move memory together to make long free runs, as root. Programs that use it go on, "
	       "keep their pointers and see the same bytes. HEAP is a shared buddy or tlsf (default: "
	       "main), or a slab heap, whose sparse slabs are merged and given back.\v"
	       "Without --size, --order and --range everything is moved together. Ctrl-C stops "
	       "between two moves; what has been moved is reported and stays. It ends by itself "
	       "when other programs undo its work as fast.\n\n"
	       "Example: memctl defrag --size 8M --align 1M --dry-run",
};

/* ---- the work ---- */

/*
 * Adds the work of a call to the work of the calls before it. Blocks that stayed do not add up:
 * calls that follow each other find the same blocks in the way.
 */
static void add_call(struct memmgr_compact *sum, const struct memmgr_compact *call, bool first)
{
	if (first) {
		sum->least = call->least;
		sum->before = call->before;
	}
	sum->offset = call->offset;
	sum->after = call->after;
	sum->free = call->free;
	sum->left = call->left;
	sum->moved += call->moved;
	sum->moves += call->moves;
	sum->steps += call->steps;
	sum->slabs += call->slabs;
	if (call->longest_ns > sum->longest_ns) {
		sum->longest_ns = call->longest_ns;
		sum->longest_bytes = call->longest_bytes;
	}
	for (int i = 0; i < MEMMGR_FIXED_REASONS; i++) {
		if (call->stayed[i] > sum->stayed[i])
			sum->stayed[i] = call->stayed[i];
	}
}

/* Bytes of a call: see CALL_BYTES. */
static uint64_t call_bytes(const struct memmgr_compact *request,
			   const struct memmgr_heap_query *heap)
{
	uint64_t bytes = heap->bytes / CALL_PART;

	if (bytes < CALL_BYTES)
		bytes = CALL_BYTES;
	return bytes < request->step_bytes ? request->step_bytes : bytes;
}

/* The work that the first call foresaw, and the part of it that is done. */
struct effort {
	uint64_t bytes;
	uint64_t calls;
};

/* Other programs undo what is done: there would be no end. */
static bool effort_spent(struct effort *effort, const struct memmgr_compact *sum,
			 uint64_t max_bytes)
{
	if (!effort->calls)
		effort->bytes = sum->moved + sum->left;
	effort->calls++;
	return sum->moved >= BYTES_TIMES * effort->bytes + max_bytes ||
	       effort->calls >= CALLS_TIMES * (effort->bytes / max_bytes + 1);
}

/* Call after call until nothing is left; the error of the last one. */
static int compact(const struct memctl *ctl, const struct options *options,
		   const struct memmgr_heap_query *heap, struct memmgr_compact *sum)
{
	const struct memmgr_compact *request = &options->request;
	uint64_t max_bytes = call_bytes(request, heap);
	struct effort effort = { .calls = 0 };
	bool dry_run = request->flags & MEMMGR_COMPACT_DRY_RUN, first = true;
	struct bar bar = bar_begin(options->quiet || ctl->json);
	struct memmgr_compact call;
	int err, vain = 0;

	do {
		call = *request;
		call.max_bytes = dry_run ? 0 : max_bytes;
		err = memmgr_compact(ctl->fd, &call);
		/* Only after these has the module written down what it did. */
		if (err && err != -EINTR && err != -ENOMEM)
			break;
		add_call(sum, &call, first);
		sum->reason = call.reason;
		first = false;
		vain = call.moved || call.slabs ? 0 : vain + 1;
		bar_show(&bar, sum->moved, sum->moved + sum->left, "%s moved, %s left",
			 size_text(sum->moved), size_text(sum->left));
		if (interrupt_arrived())
			err = -EINTR;
		else if (err == -EINTR)
			err = 0;
	} while (!err && call.left && vain < CALLS_IN_VAIN && !dry_run &&
		 !effort_spent(&effort, sum, max_bytes));
	bar_end(&bar);
	return err;
}

/* ---- the result ---- */

static const struct column columns[] = {
	{ "heap", "heap", CELL_TEXT, 0 },
	{ "moved", "moved", CELL_SIZE, 0 },
	{ "blocks moved", "moves", CELL_COUNT, 0 },
	{ "least possible", "least", CELL_SIZE, 0 },
	{ "moved / least", "ratio", CELL_MILLI, 0 },
	{ "steps", "steps", CELL_COUNT, COLUMN_HIDE_ZERO },
	{ "longest step", "longest_ns", CELL_NS, COLUMN_HIDE_ZERO },
	{ "  it moved", "longest_bytes", CELL_SIZE, COLUMN_HIDE_ZERO },
	{ "left to move", "left", CELL_SIZE, COLUMN_HIDE_ZERO },
	{ "slabs given back", "slabs", CELL_COUNT, COLUMN_HIDE_ZERO },
	{ "free", "free", CELL_SIZE, 0 },
	{ "largest run before", "before", CELL_SIZE, 0 },
	{ "largest run now", "after", CELL_SIZE, 0 },
	{ "offset of the run", NULL, CELL_HANDLE, COLUMN_TEXT },
	{ NULL, "offset", CELL_COUNT, COLUMN_JSON },
	{ NULL, "dry_run", CELL_FLAG, COLUMN_JSON },
	{ NULL, "interrupted", CELL_FLAG, COLUMN_JSON },
};

static void add_offset(struct table *table, uint64_t offset)
{
	if (offset == UINT64_MAX)
		table_none(table);
	else
		table_num(table, offset);
}

static struct table *facts(const struct memmgr_heap_query *heap, const struct memmgr_compact *sum)
{
	struct table *table = table_new(columns, ARRAY_SIZE(columns));

	table_chars(table, heap->name, sizeof(heap->name));
	table_num(table, sum->moved);
	table_num(table, sum->moves);
	table_num(table, sum->least);
	/* Half of the work is no better than all of it. */
	if (sum->least && !sum->left)
		table_num(table, sum->moved * 1000 / sum->least);
	else
		table_none(table);
	table_num(table, sum->steps);
	table_num(table, sum->longest_ns);
	table_num(table, sum->longest_bytes);
	table_num(table, sum->left);
	table_num(table, sum->slabs);
	table_num(table, sum->free);
	table_num(table, sum->before);
	table_num(table, sum->after);
	add_offset(table, sum->offset);
	add_offset(table, sum->offset);
	table_num(table, sum->flags & MEMMGR_COMPACT_DRY_RUN);
	table_num(table, interrupt_arrived());
	return table;
}

static void print_text(const struct table *table, const struct memmgr_compact *sum)
{
	if (sum->flags & MEMMGR_COMPACT_DRY_RUN)
		puts("Nothing was moved: this is what would be.");
	else if (interrupt_arrived())
		puts("Interrupted: this is what was done until then.");
	table_print_facts(table);
	if (fixed_total(sum->stayed)) {
		struct table *stayed = fixed_table(NULL, sum->stayed);

		puts("\nIn the way, and stayed:");
		table_print(stayed);
		table_free(stayed);
	}
}

static void show(const struct memctl *ctl, const struct memmgr_heap_query *heap,
		 const struct memmgr_compact *sum)
{
	struct table *table = facts(heap, sum);

	if (ctl->json) {
		struct json_object *object = table_json_row(table, 0);

		json_add(object, "stayed", json_fixed(sum->stayed));
		json_print(json_result(ctl, "compaction", object));
	} else {
		print_text(table, sum);
	}
	table_free(table);
}

static int fail_run(const struct memctl *ctl, int err, const struct memmgr_heap_query *heap,
		    const struct memmgr_compact *sum)
{
	char name[MEMMGR_NAME_LEN];
	struct request request = {
		.heap = heap_name(ctl, heap->heap, name),
		.heap_id = heap->heap,
		.bytes = sum->bytes,
		.align = sum->align,
		.reason = sum->reason,
		.largest = sum->after,
	};

	if (err == -ENOMEM && sum->reason)
		return fail_compact(ctl, err, &request);
	if (err == -EINVAL && sum->flags & MEMMGR_COMPACT_RANGE)
		return fail(ctl, "see where the heap lies: memctl heap list, memctl map",
			    "range 0x%" PRIx64 ",%s: no range of heap '%s'", (uint64_t)sum->offset,
			    size_text(sum->bytes), request.heap);
	return fail_errno(ctl, err, "heap '%s'", request.heap);
}

/* Completes the request by the heap's granule; refuses it where the heap's kind cannot do it. */
static int complete(const struct memctl *ctl, struct options *options,
		    const struct memmgr_heap_query *heap)
{
	struct memmgr_compact *request = &options->request;

	request->heap = heap->heap;
	if (options->order_given)
		request->bytes = (uint64_t)heap->granule << options->order;
	if (heap->kind == MEMMGR_KIND_SLAB && request->bytes)
		return fail(ctl, "leave --size, --order and --range out",
			    "heap '%.*s' is a slab heap: its slabs are merged, as many as can be",
			    MEMMGR_NAME_LEN, heap->name);
	return EXIT_OK;
}

int cmd_defrag(struct memctl *ctl, int argc, char **argv)
{
	struct options options = { .heap = NULL };
	struct memmgr_heap_query heap;
	struct memmgr_compact sum;
	int rc, err;

	parse_args(ctl, &argp, argc, argv, &options);
	rc = region_open(ctl, options.request.flags & MEMMGR_COMPACT_DRY_RUN ? O_RDONLY : O_RDWR);
	if (!rc)
		rc = heap_find(ctl, options.heap ? options.heap : "main", &heap);
	if (!rc)
		rc = complete(ctl, &options, &heap);
	if (rc)
		return rc;
	sum = options.request;
	interrupt_catch();
	err = compact(ctl, &options, &heap, &sum);
	/* The result shows the moves even when these were not enough. */
	if (!err || err == -EINTR || sum.moves)
		show(ctl, &heap, &sum);
	if (err == -EINTR)
		return EXIT_INTERRUPTED;
	return err ? fail_run(ctl, err, &heap, &sum) : EXIT_OK;
}
