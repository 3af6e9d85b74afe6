// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* memctl latency: the times that allocations and frees take, and the longest of each. */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <memmgr.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/args.h"
#include "base/clock.h"
#include "base/command.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/options.h"
#include "base/terminal.h"
#include "base/words.h"
#include "cmd/commands.h"
#include "find/find.h"
#include "memctl.h"

#define KEY_ON		0x200
#define KEY_OFF		0x201
#define KEY_RESET	0x202

#define BAR_MOST	50
#define BAR_LEAST	10
#define ROW_WORDS	36	/* columns of a row of the histogram, without its bar */

struct options {
	const char *heap;
	uint32_t flags;
	char **command;
};

/* ---- what is asked for -------------------------------------------------------- */

static const struct argp_option options_table[] = {
	{ "on", KEY_ON, 0, 0, "From now on measure", 0 },
	{ "off", KEY_OFF, 0, 0, "No longer; what was measured stays", 0 },
	{ "reset", KEY_RESET, 0, 0, "Forget what was measured", 0 },
	{ 0 },
};

static void parse_flag(struct options *options, uint32_t flag, struct argp_state *state)
{
	const uint32_t both = MEMMGR_LATENCY_ON | MEMMGR_LATENCY_OFF;

	options->flags |= flag;
	if ((options->flags & both) == both)
		argp_error(state, "give --on or --off, not both");
}

static void parse_end(const struct options *options, struct argp_state *state)
{
	if (!options->command)
		return;
	if (!options->command[0])
		argp_error(state, "the command is missing after --");
	if (options->flags)
		argp_error(state, "with a command it is on while that runs: leave out --on, --off "
			   "and --reset");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case KEY_ON:
		parse_flag(options, MEMMGR_LATENCY_ON, state);
		return 0;
	case KEY_OFF:
		parse_flag(options, MEMMGR_LATENCY_OFF, state);
		return 0;
	case KEY_RESET:
		parse_flag(options, MEMMGR_LATENCY_RESET, state);
		return 0;
	case ARGP_KEY_ARG:
		options->heap = arg_only(state, arg, "give one HEAP or none, and -- before a "
					 "command");
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
	.args_doc = "[HEAP] [-- COMMAND [ARG...]]",
	.doc = "Show how long allocations and frees of a heap, or of all, take: histograms, and "
	       "the longest call with who and where it was. --on, --off and --reset are for root. With "
	       "COMMAND, measure while it runs and show that; the exit status is COMMAND's.\v"
	       "A row of a histogram is for calls of at least the time that it begins with, and of "
	       "less than twice that. Percentiles are known no better: the p99 is the end of the row "
	       "in which 99% of the calls are reached (or the longest call, if that is less), so "
	       "that 99% took at most so long.\n\n"
	       "A call takes what its caller feels in the module: waiting for memory, compaction and "
	       "clearing included, the way into the kernel and back not.",
};

/* ---- figures ------------------------------------------------------------------- */

static const char *const op_names[MEMMGR_LATENCY_OPS] = {
	[MEMMGR_LATENCY_ALLOC] = "alloc",
	[MEMMGR_LATENCY_FREE] = "free",
};

static const struct {
	uint32_t milli;
	const char *title;
	const char *key;
} percentiles[] = {
	{ 500, "p50", "p50_ns" }, { 990, "p99", "p99_ns" }, { 999, "p99.9", "p999_ns" },
};

static uint64_t bucket_start(unsigned int i)
{
	return i ? 1ull << i : 0;
}

/* At most so long were that many thousandths of the calls; no more than the longest. */
static uint64_t percentile(const struct memmgr_latency_op *op, uint32_t milli)
{
	uint64_t seen = 0;

	for (unsigned int i = 0; i + 1 < MEMMGR_LATENCY_BUCKETS; i++) {
		uint64_t last = bucket_start(i + 1) - 1;

		seen += op->bucket[i];
		if (seen * 1000 >= op->count * milli)
			return last < op->max_ns ? last : op->max_ns;
	}
	return op->max_ns;
}

static uint64_t mean(const struct memmgr_latency_op *op)
{
	return op->count ? op->total_ns / op->count : 0;
}

/* ---- text ---------------------------------------------------------------------- */

static void print_row(const struct memmgr_latency_op *op, unsigned int i, uint64_t most,
		      unsigned int width)
{
	uint64_t calls = op->bucket[i];
	unsigned int bar = (unsigned int)((double)calls / (double)most * width + 0.5);

	printf("  %10s .. %12" PRIu64 "%s", time_text(bucket_start(i)), calls, calls ? " " : "");
	/* Calls show, however few there are. */
	if (calls && !bar)
		bar = 1;
	while (bar--)
		putchar('#');
	putchar('\n');
}

static void print_histogram(const struct memmgr_latency_op *op)
{
	unsigned int first = 0, last = MEMMGR_LATENCY_BUCKETS - 1, width = terminal_columns();
	uint64_t most = 0;

	while (!op->bucket[first])
		first++;
	while (!op->bucket[last])
		last--;
	for (unsigned int i = first; i <= last; i++)
		most = op->bucket[i] > most ? op->bucket[i] : most;
	if (!width || width > BAR_MOST + ROW_WORDS)
		width = BAR_MOST + ROW_WORDS;
	width = width < BAR_LEAST + ROW_WORDS ? BAR_LEAST : width - ROW_WORDS;
	printf("  %10s    %12s\n", "FROM", "CALLS");
	for (unsigned int i = first; i <= last; i++)
		print_row(op, i, most, width);
}

static const char *place_text(uint32_t context)
{
	if (context & MEMMGR_CONTEXT_HARDIRQ)
		return ", in a hard interrupt";
	return context & MEMMGR_CONTEXT_SOFTIRQ ? ", in a soft interrupt" : "";
}

/* A name that another user chose, fit for a terminal. */
static void print_clean(const char *chars, size_t size)
{
	for (size_t i = 0; i < size && chars[i]; i++)
		putchar(chars[i] >= ' ' && chars[i] <= '~' ? chars[i] : '?');
}

static void print_process(const struct memmgr_latency_worst *worst)
{
	print_clean(worst->comm, sizeof(worst->comm));
	printf(" (pid %" PRIu32 ", thread %" PRIu32 ", uid %" PRIu32 ")", worst->pid, worst->tid,
	       worst->uid);
}

/* "camera (pid 12, thread 13, uid 0)", "probe+0x1c/0x80 [driver] in camera (pid ...)" */
static void print_whose(const struct memmgr_latency_worst *worst)
{
	if (!(worst->context & MEMMGR_CONTEXT_KERNEL)) {
		print_process(worst);
		return;
	}
	print_clean(worst->caller, sizeof(worst->caller));
	if (worst->context & MEMMGR_CONTEXT_PROCESS) {
		fputs(" in ", stdout);
		print_process(worst);
	}
}

/* "The longest alloc took 1.2 ms: 64 KiB for ..., on CPU 1, 5s ago; it failed" */
static void print_longest(unsigned int op, const struct memmgr_latency_op *o, uint64_t now)
{
	const struct memmgr_latency_worst *worst = &o->worst;

	printf("  The longest %s took %s: ", op_names[op], time_text(o->max_ns));
	if (worst->context & MEMMGR_CONTEXT_HIDDEN) {
		puts("it was not yours; root is told whose");
		return;
	}
	if (worst->bytes)
		printf("%s%s ", op == MEMMGR_LATENCY_FREE ? "of " : "", size_text(worst->bytes));
	fputs(op == MEMMGR_LATENCY_FREE ? "by " : "for ", stdout);
	print_whose(worst);
	printf("%s%s, on CPU %" PRIu32 ", %s ago%s\n", place_text(worst->context),
	       worst->context & MEMMGR_CONTEXT_IRQS_OFF ? ", interrupts off" : "", worst->cpu,
	       age_text(now > worst->time_ns ? now - worst->time_ns : 0),
	       worst->context & MEMMGR_CONTEXT_FAILED ? "; it failed" : "");
}

static void print_op(unsigned int op, const struct memmgr_latency_op *o, uint64_t now)
{
	if (!o->count) {
		printf("%s: no calls\n", op_names[op]);
		return;
	}
	printf("%s: %" PRIu64 " call%s, %" PRIu64 " failed; mean %s, min %s, max %s\n",
	       op_names[op], (uint64_t)o->count, o->count == 1 ? "" : "s", (uint64_t)o->failed,
	       time_text(mean(o)), time_text(o->min_ns), time_text(o->max_ns));
	fputs("  at most:", stdout);
	for (size_t i = 0; i < ARRAY_SIZE(percentiles); i++)
		printf("%s %s %s", i ? "," : "", percentiles[i].title,
		       time_text(percentile(o, percentiles[i].milli)));
	puts(" (the ends of rows)");
	print_histogram(o);
	print_longest(op, o, now);
}

/* ---- JSON ----------------------------------------------------------------------- */

static struct json_object *json_buckets(const struct memmgr_latency_op *o)
{
	struct json_object *array = json_object_new_array();

	for (unsigned int i = 0; i < MEMMGR_LATENCY_BUCKETS; i++) {
		struct json_object *bucket = json_object_new_object();
		bool open = i + 1 == MEMMGR_LATENCY_BUCKETS;

		json_add(bucket, "from_ns", json_u64(bucket_start(i)));
		json_add(bucket, "below_ns", open ? NULL : json_u64(bucket_start(i + 1)));
		json_add(bucket, "count", json_u64(o->bucket[i]));
		json_object_array_add(array, bucket);
	}
	return array;
}

static const struct {
	uint32_t flag;
	const char *word;
} contexts[] = {
	{ MEMMGR_CONTEXT_PROCESS, "process" },
	{ MEMMGR_CONTEXT_SOFTIRQ, "softirq" },
	{ MEMMGR_CONTEXT_HARDIRQ, "hardirq" },
};

static struct json_object *json_context(uint32_t context)
{
	for (size_t i = 0; i < ARRAY_SIZE(contexts); i++)
		if (context & contexts[i].flag)
			return json_object_new_string(contexts[i].word);
	return NULL;
}

/* null when there is none, or it is hidden. */
static struct json_object *json_longest(const struct memmgr_latency_op *o)
{
	const struct memmgr_latency_worst *worst = &o->worst;
	bool kernel = worst->context & MEMMGR_CONTEXT_KERNEL;
	struct json_object *object;

	if (!worst->context || worst->context & MEMMGR_CONTEXT_HIDDEN)
		return NULL;
	object = json_object_new_object();
	json_add(object, "time_ns", json_u64(worst->time_ns));
	json_add(object, "bytes", json_u64(worst->bytes));
	json_add(object, "context", json_context(worst->context));
	json_add(object, "irqs_off",
		 json_object_new_boolean(worst->context & MEMMGR_CONTEXT_IRQS_OFF));
	json_add(object, "failed", json_object_new_boolean(worst->context & MEMMGR_CONTEXT_FAILED));
	json_add(object, "cpu", json_u64(worst->cpu));
	json_add(object, "pid", json_u64(worst->pid));
	json_add(object, "tid", json_u64(worst->tid));
	json_add(object, "uid", json_u64(worst->uid));
	json_add(object, "comm", json_chars(worst->comm, sizeof(worst->comm)));
	json_add(object, "caller",
		 kernel ? json_chars(worst->caller, sizeof(worst->caller)) : NULL);
	return object;
}

static struct json_object *json_op(const char *heap, bool on, unsigned int op,
				   const struct memmgr_latency_op *o)
{
	struct json_object *object = json_object_new_object();

	json_add(object, "heap", json_chars(heap, MEMMGR_NAME_LEN));
	json_add(object, "op", json_object_new_string(op_names[op]));
	json_add(object, "on", json_object_new_boolean(on));
	json_add(object, "count", json_u64(o->count));
	json_add(object, "failed", json_u64(o->failed));
	json_add(object, "total_ns", json_u64(o->total_ns));
	json_add(object, "mean_ns", o->count ? json_u64(mean(o)) : NULL);
	json_add(object, "min_ns", o->count ? json_u64(o->min_ns) : NULL);
	for (size_t i = 0; i < ARRAY_SIZE(percentiles); i++)
		json_add(object, percentiles[i].key,
			 o->count ? json_u64(percentile(o, percentiles[i].milli)) : NULL);
	json_add(object, "max_ns", o->count ? json_u64(o->max_ns) : NULL);
	json_add(object, "longest", json_longest(o));
	json_add(object, "buckets", json_buckets(o));
	return object;
}

/* ---- what was measured ------------------------------------------------------------- */

struct look {
	struct json_object *array;	/* NULL: text */
	size_t shown;
	uint64_t now;
};

static void show_heap(struct look *look, const char *heap, const struct memmgr_latency *latency)
{
	bool on = latency->state & MEMMGR_LATENCY_ON;

	if (!look->array)
		printf("%sheap '%.*s', %s\n", look->shown ? "\n" : "", MEMMGR_NAME_LEN, heap,
		       on ? "measured" : "no longer measured");
	look->shown++;
	for (unsigned int op = 0; op < MEMMGR_LATENCY_OPS; op++) {
		if (look->array)
			json_object_array_add(look->array,
					      json_op(heap, on, op, &latency->op[op]));
		else
			print_op(op, &latency->op[op], look->now);
	}
}

/* A heap may have gone since it was found. */
static int look_at(const struct memctl *ctl, const struct memmgr_heap_query *heap, void *arg)
{
	struct memmgr_latency latency;
	struct look *look = arg;
	int err = memmgr_latency(ctl->fd, heap->heap, 0, &latency);

	if (!err && latency.since_ns)
		show_heap(look, heap->name, &latency);
	return !err || err == -ENOENT ? EXIT_OK :
	       fail_errno(ctl, err, "latency of heap '%.*s'", MEMMGR_NAME_LEN, heap->name);
}

static int show(const struct memctl *ctl, const struct options *options)
{
	struct look look = {
		.array = ctl->json ? json_object_new_array() : NULL,
		.now = now_ns(CLOCK_BOOTTIME),
	};
	int rc = heaps_visit(ctl, options->heap, look_at, &look);

	if (rc)
		json_object_put(look.array);
	else if (ctl->json)
		json_print(json_result(ctl, "latency", look.array));
	else if (!look.shown)
		puts("nothing was measured yet: memctl latency --on, as root");
	return rc;
}

/* ---- on and off --------------------------------------------------------------------- */

struct change {
	uint32_t flags;
	size_t on;
};

static int change_one(const struct memctl *ctl, const struct memmgr_heap_query *heap, void *arg)
{
	struct memmgr_latency latency;
	struct change *change = arg;
	int err = memmgr_latency(ctl->fd, heap->heap, change->flags, &latency);

	if (!err)
		change->on += latency.state & MEMMGR_LATENCY_ON;
	return !err || err == -ENOENT ? EXIT_OK :
	       fail_errno(ctl, err, "latency of heap '%.*s'", MEMMGR_NAME_LEN, heap->name);
}

static int change(const struct memctl *ctl, const struct options *options, uint32_t flags,
		  size_t *on)
{
	struct change change = { .flags = flags };
	int rc = heaps_visit(ctl, options->heap, change_one, &change);

	*on = change.on;
	return rc;
}

static int set(const struct memctl *ctl, const struct options *options)
{
	size_t on;
	int rc = change(ctl, options, options->flags, &on);

	if (rc)
		return rc;
	if (ctl->json)
		json_print(json_result(ctl, "measured_heaps", json_u64(on)));
	else
		printf("%zu heap%s measured%s\n", on, on == 1 ? " is" : "s are",
		       options->flags & MEMMGR_LATENCY_RESET ? ", what was measured is forgotten" :
		       "");
	return EXIT_OK;
}

/* Whatever becomes of COMMAND, it is turned off. */
static int run_command(const struct memctl *ctl, const struct options *options)
{
	size_t on;
	int rc, failed;

	command_prepare();
	rc = change(ctl, options, MEMMGR_LATENCY_ON | MEMMGR_LATENCY_RESET, &on);
	if (rc)
		return rc;
	rc = command_run(ctl, options->command);
	failed = change(ctl, options, MEMMGR_LATENCY_OFF, &on);
	if (!failed)
		failed = show(ctl, options);
	return failed ? failed : rc;
}

int cmd_latency(struct memctl *ctl, int argc, char **argv)
{
	struct options options = { .command = command_split(&argc, argv) };
	int rc;

	parse_args(ctl, &argp, argc, argv, &options);
	rc = region_open(ctl, options.flags || options.command ? O_RDWR : O_RDONLY);
	if (rc)
		return rc;
	if (options.command)
		return run_command(ctl, &options);
	return options.flags ? set(ctl, &options) : show(ctl, &options);
}
