// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* memctl replay: a recorded trace of a program, run through each allocator. */
#include <argp.h>
#include <fcntl.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <memmgr.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/args.h"
#include "base/fail.h"
#include "base/interrupt.h"
#include "base/json.h"
#include "base/options.h"
#include "base/table.h"
#include "base/words.h"
#include "cmd/commands.h"
#include "find/find.h"
#include "find/reasons.h"
#include "memctl.h"
#include "trace/replay.h"

enum {
	KEY_LIMIT = 0x200,
	KEY_SIZE,
	KEY_VERIFY,
};

static const struct argp_option options_table[] = {
	{ "heap", 'H', "HEAP", 0, "Through this heap, which exists", 0 },
	{ "kind", 'k', "KIND[,KIND]", 0,
	  "Through heaps of these kinds, made for it: buddy, slab, pool, stack, tlsf (default: all)",
	  0 },
	{ "limit", KEY_LIMIT, "N", 0, "Only the first N events", 0 },
	{ "size", KEY_SIZE, "SIZE", 0, "Arena of the buddy, of the stack and of the tlsf", 0 },
	{ "verify", KEY_VERIFY, 0, 0, "Write into each allocation, and look before it goes", 0 },
	{ 0 },
};

struct options {
	struct replay_options replay;
	const char *file;
	const char *heap;
	uint64_t limit;
	bool kinds[MEMMGR_KINDS];
	bool kind_given;
};

static void parse_kinds(struct argp_state *state, struct options *options, char *list)
{
	static const char *const names[] = { "buddy", "slab", "pool", "stack", "tlsf" };

	for (char *name = strtok(list, ","); name; name = strtok(NULL, ",")) {
		arg_choice(state, "--kind", name, names, ARRAY_SIZE(names));
		options->kinds[memmgr_kind_parse(name)] = true;
		options->kind_given = true;
	}
	if (!options->kind_given)
		argp_error(state, "--kind: is empty; give for example buddy,slab");
}

static error_t parse_end(struct argp_state *state, struct options *options)
{
	if (!options->file)
		argp_error(state, "FILE is missing; give a trace");
	if (options->heap && options->kind_given)
		argp_error(state, "give --heap or --kind, not both");
	if (options->heap && options->replay.arena)
		argp_error(state, "--size is for heaps made for the trace, not for --heap");
	for (int kind = 0; kind < MEMMGR_KINDS && !options->kind_given; kind++)
		options->kinds[kind] = true;
	return 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case 'H':
		options->heap = arg;
		return 0;
	case 'k':
		parse_kinds(state, options, arg);
		return 0;
	case KEY_LIMIT:
		options->limit = arg_count(state, "--limit", arg, 1, UINT32_MAX);
		return 0;
	case KEY_SIZE:
		options->replay.arena = arg_size_nonzero(state, "--size", arg);
		return 0;
	case KEY_VERIFY:
		options->replay.verify = true;
		return 0;
	case ARGP_KEY_ARG:
		options->file = arg_only(state, arg, "give one FILE");
		return 0;
	case ARGP_KEY_END:
		return parse_end(state, options);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options_table,
	.parser = parse,
	.args_doc = "FILE",
	.doc = "Run an allocation trace (text or gzip, - for standard input) through the "
	       "allocators and compare them. Whatever that makes is gone at the end.\v"
	       "Slab and pool get one heap for each size class (16, 24, 32, 48, ... 32K), each "
	       "pool as many blocks as the trace needs at a time; what is larger or aligned to "
	       "more than 16 is passed on to heap main. A stack refuses to free what is not on "
	       "top; that memory is kept until what lies above it is gone. The buddy's arena is "
	       "twice the peak of the trace, the stack's as large as all it ever asks for, or "
	       "--size. External fragmentation of slab and pool is 0: all that is free serves its "
	       "class; what that costs shows in what they hold. A resize that is not possible in place is an allocation and a free. "
	       "Times are of whole calls from this program, the way into the kernel included. "
	       "The format of traces: tools/trace/README.md.",
};

/* ---- showing the results ---- */

static const struct column columns[] = {
	{ "allocator", "kind", CELL_TEXT, 0 },
	{ "heaps", "heaps", CELL_COUNT, 0 },
	{ "held of the region, at peak", "held", CELL_SIZE, 0 },
	{ "events", "events", CELL_COUNT, 0 },
	{ "time an event", "ns_per_event", CELL_NS, 0 },
	{ "failed requests", "failed", CELL_COUNT, 0 },
	{ "  exhausted", NULL, CELL_COUNT, COLUMN_TEXT | COLUMN_HIDE_ZERO },
	{ "  fragmented", NULL, CELL_COUNT, COLUMN_TEXT | COLUMN_HIDE_ZERO },
	{ "  alignment", NULL, CELL_COUNT, COLUMN_TEXT | COLUMN_HIDE_ZERO },
	{ "  other reasons", NULL, CELL_COUNT, COLUMN_TEXT | COLUMN_HIDE_ZERO },
	{ "  events skipped for that", "skipped", CELL_COUNT, COLUMN_HIDE_ZERO },
	{ "refused frees", "refused_frees", CELL_COUNT, 0 },
	{ "  kept by them, most", "kept_most", CELL_SIZE, COLUMN_HIDE_ZERO },
	{ "  kept by them, at end", "kept_end", CELL_SIZE, COLUMN_HIDE_ZERO },
	{ "passed on to main", "passed_on", CELL_COUNT, 0 },
	{ "  bytes of that, at peak", "passed_on_bytes", CELL_SIZE, COLUMN_HIDE_ZERO },
	{ "resized in place", "resized", CELL_COUNT, 0 },
	{ "resized by moving", "moved", CELL_COUNT, 0 },
	{ "asked for, at peak", "requested", CELL_SIZE, 0 },
	{ "granted, at peak", "granted", CELL_SIZE, 0 },
	{ "granted, most ever", "granted_most", CELL_SIZE, 0 },
	{ "internal fragmentation, peak", "internal", CELL_PERCENT, 0 },
	{ "external fragmentation, peak", "external_peak", CELL_PERCENT, 0 },
	{ "external fragmentation, end", "external_end", CELL_PERCENT, 0 },
	{ "damaged contents", "damaged", CELL_COUNT, COLUMN_HIDE_ZERO },
};

static uint64_t failed(const struct replay_result *result)
{
	uint64_t sum = 0;

	for (int i = 0; i < MEMMGR_REASONS; i++)
		sum += result->failed[i];
	return sum;
}

static void add_failures(struct table *table, const struct replay_result *result)
{
	static const uint32_t named[] = {
		MEMMGR_REASON_EXHAUSTED, MEMMGR_REASON_FRAGMENTED, MEMMGR_REASON_ALIGNMENT,
	};
	uint64_t other = failed(result);

	table_num(table, other);
	for (size_t i = 0; i < ARRAY_SIZE(named); i++) {
		table_num(table, result->failed[named[i]]);
		other -= result->failed[named[i]];
	}
	table_num(table, other);
}

static void add_row(struct table *table, const char *name, const struct replay_result *result)
{
	table_text(table, name);
	table_num(table, result->heaps);
	table_num(table, result->held);
	table_num(table, result->events);
	table_num(table, result->events ? result->ns / result->events : 0);
	add_failures(table, result);
	table_num(table, result->skipped);
	table_num(table, result->refused_frees);
	table_num(table, result->kept_most);
	table_num(table, result->kept_end);
	table_num(table, result->passed_on);
	table_num(table, result->passed_on_peak);
	table_num(table, result->resized);
	table_num(table, result->moved);
	table_num(table, result->requested);
	table_num(table, result->granted);
	table_num(table, result->most);
	table_num(table, result->internal);
	table_num(table, result->external_peak);
	table_num(table, result->external_end);
	table_num(table, result->damaged);
}

static struct json_object *trace_json(const char *file, const struct trace *trace)
{
	struct json_object *object = json_object_new_object();

	json_add(object, "file", json_chars(file, strlen(file)));
	json_add(object, "program", json_chars(trace->program, sizeof(trace->program)));
	json_add(object, "events", json_u64(trace->count));
	json_add(object, "allocs", json_u64(trace->allocs));
	json_add(object, "frees", json_u64(trace->frees));
	json_add(object, "resizes", json_u64(trace->resizes));
	json_add(object, "zeros", json_u64(trace->zeros));
	json_add(object, "peak_live", json_u64(trace->slots));
	json_add(object, "peak_bytes", json_u64(trace->peak_bytes));
	return object;
}

static void print_trace(const struct options *options, const struct trace *trace)
{
	char *program = clean_copy(trace->program, sizeof(trace->program));
	char *file = clean_copy(options->file, strlen(options->file));
	int room = 76 - (int)strlen(file);

	if (room < 20)
		room = 20;
	printf("%s%s%.*s%s\n", file, *program ? ": " : "", room, program,
	       strlen(program) > (size_t)room ? "..." : "");
	free(program);
	free(file);
	printf("%zu events: %" PRIu64 " allocations, %" PRIu64 " frees, %" PRIu64
	       " resizes; at its peak %s in use\n", trace->count, trace->allocs, trace->frees,
	       trace->resizes, size_text(trace->peak_bytes));
	if (trace->zeros)
		printf("%" PRIu64 " of them ask for 0 bytes: they are served as of 1\n",
		       trace->zeros);
	putchar('\n');
	if (options->replay.verify)
		puts("verified: the times include writing and reading each allocation\n");
}

/* ---- the command ---- */

struct run {
	const struct memctl *ctl;
	const struct options *options;
	const struct trace *trace;
	struct table *table;
	struct json_object *runs;
	uint64_t damaged;
};

static int run_one(struct run *run, const char *name, uint32_t kind,
		   const struct memmgr_heap_query *heap)
{
	struct replay_result result;
	struct json_object *object;
	int rc = replay_run(run->ctl, run->trace, kind, heap, &run->options->replay, &result);

	if (rc)
		return rc;
	run->damaged += result.damaged;
	add_row(run->table, name, &result);
	if (run->ctl->json) {
		object = table_json_row(run->table, table_rows(run->table) - 1);
		json_add(object, "failures", json_reasons(result.failed));
		json_add(object, "ns", json_u64(result.ns));
		json_object_array_add(run->runs, object);
	}
	return EXIT_OK;
}

/* A kind that cannot be run does not keep the others from it. */
static int run_kinds(struct run *run)
{
	int rc = EXIT_OK;

	for (uint32_t kind = 0; kind < MEMMGR_KINDS && rc != EXIT_INTERRUPTED; kind++) {
		int one;

		if (!run->options->kinds[kind])
			continue;
		one = run_one(run, memmgr_kind_name(kind), kind, NULL);
		rc = one ? one : rc;
	}
	return rc;
}

static int run_trace(struct memctl *ctl, const struct options *options,
		     const struct trace *trace)
{
	struct run run = {
		.ctl = ctl,
		.options = options,
		.trace = trace,
		.runs = ctl->json ? json_object_new_array() : NULL,
	};
	struct memmgr_heap_query heap;
	int rc = region_open(ctl, O_RDWR);

	if (!rc && options->heap)
		rc = heap_find(ctl, options->heap, &heap);
	if (rc)
		return rc;
	run.table = table_new(columns, ARRAY_SIZE(columns));
	rc = options->heap ? run_one(&run, options->heap, heap.kind, &heap) : run_kinds(&run);
	if (rc == EXIT_INTERRUPTED) {
		fputs("memctl: replay: interrupted; everything it made is gone\n", stderr);
	} else if (ctl->json) {
		struct json_object *result = json_result(ctl, "trace",
							 trace_json(options->file, trace));

		json_add(result, "runs", run.runs);
		json_print(result);
	} else if (table_rows(run.table)) {
		print_trace(options, trace);
		table_print_facts(run.table);
	}
	if (!rc && run.damaged)
		rc = fail(ctl, "memctl check all; dmesg may tell more",
			  "%" PRIu64 " allocations did not keep their contents", run.damaged);
	table_free(run.table);
	return rc;
}

int cmd_replay(struct memctl *ctl, int argc, char **argv)
{
	struct options options = { .file = NULL };
	struct trace_error error;
	struct trace trace;
	int rc;

	parse_args(ctl, &argp, argc, argv, &options);
	interrupt_catch();
	if (trace_load(options.file, options.limit, &trace, &error))
		rc = fail_trace(ctl, options.file, error.line, error.text);
	else
		rc = run_trace(ctl, &options, &trace);
	trace_free(&trace);
	return rc;
}
