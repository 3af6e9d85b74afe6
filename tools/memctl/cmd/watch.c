// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* memctl watch: wait for events of the region, show them, run a command for each. */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <memmgr.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/args.h"
#include "base/clock.h"
#include "base/command.h"
#include "base/fail.h"
#include "base/interrupt.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/words.h"
#include "cmd/commands.h"
#include "find/find.h"
#include "look/errors.h"
#include "memctl.h"

#define TIMEOUT_MAX	(366u * 86400)	/* seconds */

enum {
	KEY_EXEC = 0x200,
	KEY_COUNT,
	KEY_TIMEOUT,
	KEY_KIND,
};

static const struct argp_option options_table[] = {
	{ "exec", KEY_EXEC, "COMMAND", 0, "Run COMMAND in a shell for each event", 0 },
	{ "count", KEY_COUNT, "N", 0, "End after N events", 0 },
	{ "timeout", KEY_TIMEOUT, "S", 0,
	  "End after S seconds; a failure if --count was not reached", 0 },
	{ "kind", KEY_KIND, "KIND[,KIND]", 0,
	  "Only these: low, not-low, fragmented, not-fragmented, compacted, leak, corruption", 0 },
	{ 0 },
};

struct options {
	const char *exec;
	uint64_t count;		/* 0: no end */
	uint64_t timeout;	/* seconds; 0: none */
	bool kinds[MEMMGR_EVENTS];
	bool kind_given;
};

static void parse_kinds(struct options *options, char *list, struct argp_state *state)
{
	/* That events were lost is told in any case. */
	const char *names[MEMMGR_EVENTS - 1];

	for (uint32_t kind = 1; kind < MEMMGR_EVENTS; kind++)
		names[kind - 1] = memmgr_event_name(kind);
	for (char *name = strtok(list, ","); name; name = strtok(NULL, ",")) {
		size_t index = arg_choice(state, "--kind", name, names, ARRAY_SIZE(names));

		options->kinds[index + 1] = true;
		options->kind_given = true;
	}
	if (!options->kind_given)
		argp_error(state, "--kind: is empty; give for example low,fragmented");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case KEY_EXEC:
		if (!*arg)
			argp_error(state, "--exec: is empty; give a command for the shell");
		options->exec = arg;
		return 0;
	case KEY_COUNT:
		options->count = arg_count(state, "--count", arg, 1, UINT32_MAX);
		return 0;
	case KEY_TIMEOUT:
		options->timeout = arg_count(state, "--timeout", arg, 1, TIMEOUT_MAX);
		return 0;
	case KEY_KIND:
		parse_kinds(options, arg, state);
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "'%s' is one word too many; a command follows --exec, in quotes",
			   arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options_table,
	.parser = parse,
	.doc = "Wait for what happens in the region and show it, a line for each event: low or not "
	       "low on memory, fragmented or not, compacted, a leak, a memory error. Thresholds: "
	       "memctl health.\v"
	       "COMMAND finds the event in $MEMMGR_EVENT (its kind), $MEMMGR_HEAP, $MEMMGR_VALUE and "
	       "$MEMMGR_LIMIT (thousandths; compacted: bytes moved; leak: allocations; corruption: "
	       "number of the report, see memctl errors), $MEMMGR_BYTES (free; compacted: the largest "
	       "free run; leak: not freed; corruption: damaged), $MEMMGR_SEQ, $MEMMGR_REGION and $MEMMGR_DEVICE. Events wait "
	       "until it has ended; when more come than the region remembers, the lost ones are "
	       "counted and shown, whatever --kind says. With --json, each event is one object in a "
	       "line of its own.\n\n"
	       "Example: memctl watch --kind low --exec 'logger memory: $MEMMGR_BYTES left'",
};

struct watch {
	const struct memctl *ctl;
	const struct options *options;
	char region[MEMMGR_NAME_LEN + 1];
	uint64_t seen;
};

/* ---- one event ---- */

/* The report that an event tells of; false when it is gone, or not for this user. */
static bool report_of(const struct memctl *ctl, const struct memmgr_event *event,
		      struct memmgr_corruption *report)
{
	uint32_t count = 1;

	return event->kind == MEMMGR_EVENT_CORRUPTION && event->value &&
	       !memmgr_corruptions(ctl->fd, event->value - 1, report, &count, NULL) && count &&
	       report->seq == event->value;
}

static void describe_error(const struct memctl *ctl, const struct memmgr_event *event, char *text,
			   size_t len)
{
	struct memmgr_corruption report;
	char error[ERROR_TEXT];

	if (report_of(ctl, event, &report))
		snprintf(text, len, "%s: %s; see memctl errors, #%" PRIu64, error_title(&report),
			 error_text(&report, error), (uint64_t)event->value);
	else
		snprintf(text, len, "memory error #%" PRIu64 ", %" PRIu64 " bytes damaged; see "
			 "memctl errors as root", (uint64_t)event->value, (uint64_t)event->bytes);
}

/* Errors are found in any heap, whatever their events say. */
static const char *event_heap(const struct memctl *ctl, const struct memmgr_event *event,
			      char name[MEMMGR_NAME_LEN])
{
	struct memmgr_corruption report;

	if (!report_of(ctl, event, &report))
		return heap_name(ctl, event->heap, name);
	snprintf(name, MEMMGR_NAME_LEN, "%s",
		 clean_text(report.heap_name, sizeof(report.heap_name)));
	return name;
}

static void describe(const struct memctl *ctl, const struct memmgr_event *event, char *text,
		     size_t len)
{
	const char *free = size_text(event->bytes);

	switch (event->kind) {
	case MEMMGR_EVENT_LOST:
		snprintf(text, len, "%" PRIu64 " events were lost, too fast for this reader",
			 (uint64_t)event->value);
		break;
	case MEMMGR_EVENT_LOW:
		snprintf(text, len, "usage %s rose above %s, %s free", percent_text(event->value),
			 percent_text(event->limit), free);
		break;
	case MEMMGR_EVENT_NOT_LOW:
		snprintf(text, len, "usage fell to %s, %s free", percent_text(event->value), free);
		break;
	case MEMMGR_EVENT_FRAGMENTED:
		snprintf(text, len, "fragmentation %s rose above %s, %s free",
			 percent_text(event->value), percent_text(event->limit), free);
		break;
	case MEMMGR_EVENT_NOT_FRAGMENTED:
		snprintf(text, len, "fragmentation fell to %s, %s free", percent_text(event->value),
			 free);
		break;
	case MEMMGR_EVENT_COMPACTED:
		snprintf(text, len, "%s moved, the largest free run is %s", size_text(event->value),
			 free);
		break;
	case MEMMGR_EVENT_LEAK:
		snprintf(text, len, "a client closed with %" PRIu64 " allocations, %s, not freed",
			 (uint64_t)event->value, free);
		break;
	case MEMMGR_EVENT_CORRUPTION:
		describe_error(ctl, event, text, len);
		break;
	default:
		snprintf(text, len, "kind %" PRIu32 ", value %" PRIu64 ", limit %" PRIu64
			 ", bytes %" PRIu64, event->kind, (uint64_t)event->value,
			 (uint64_t)event->limit, (uint64_t)event->bytes);
	}
}

/* The time of day of a time since boot. */
static uint64_t wall_ns(uint64_t boot_ns)
{
	return now_ns(CLOCK_REALTIME) - now_ns(CLOCK_BOOTTIME) + boot_ns;
}

static void print_text(const struct watch *watch, const struct memmgr_event *event)
{
	uint64_t wall = wall_ns(event->time_ns);
	time_t seconds = (time_t)(wall / NSEC_PER_SEC);
	char text[ERROR_TEXT + 96], when[32], name[MEMMGR_NAME_LEN];
	struct tm tm;

	strftime(when, sizeof(when), "%F %T", localtime_r(&seconds, &tm));
	describe(watch->ctl, event, text, sizeof(text));
	printf("%s.%03u  %-14s  %s: %s\n", when, (unsigned int)(wall / NSEC_PER_MSEC % 1000),
	       memmgr_event_name(event->kind),
	       event->kind == MEMMGR_EVENT_LOST ? watch->region :
	       event_heap(watch->ctl, event, name), text);
}

static void print_json(const struct watch *watch, const struct memmgr_event *event)
{
	struct json_object *object = json_object_new_object();
	char name[MEMMGR_NAME_LEN];

	json_add(object, "kind", json_object_new_string(memmgr_event_name(event->kind)));
	json_add(object, "seq", json_u64(event->seq));
	json_add(object, "unix_ms", json_u64(wall_ns(event->time_ns) / NSEC_PER_MSEC));
	json_add(object, "region", json_object_new_string(watch->region));
	json_add(object, "heap", json_object_new_string(event_heap(watch->ctl, event, name)));
	json_add(object, "value", json_u64(event->value));
	json_add(object, "limit", json_u64(event->limit));
	json_add(object, "bytes", json_u64(event->bytes));
	json_print_line(json_result(watch->ctl, "event", object));
}

/* ---- --exec ---- */

static void set_text(const char *name, const char *text)
{
	if (setenv(name, text, 1))
		out_of_memory();
}

static void set_number(const char *name, uint64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, number);
	set_text(name, text);
}

static void set_event(const struct watch *watch, const struct memmgr_event *event)
{
	char name[MEMMGR_NAME_LEN];

	set_text("MEMMGR_EVENT", memmgr_event_name(event->kind));
	set_text("MEMMGR_HEAP", event_heap(watch->ctl, event, name));
	set_text("MEMMGR_REGION", watch->region);
	/* A memctl in COMMAND is about the same region. */
	if (watch->ctl->region)
		set_text(MEMMGR_DEVICE_ENV, watch->ctl->region);
	set_number("MEMMGR_VALUE", event->value);
	set_number("MEMMGR_LIMIT", event->limit);
	set_number("MEMMGR_BYTES", event->bytes);
	set_number("MEMMGR_SEQ", event->seq);
}

/*
 * The command's end is waited for; that it failed is no reason to stop watching. That it
 * was ended by Ctrl-C is one, and so is a signal that memctl got meanwhile.
 */
static int run_command(const struct watch *watch, const struct memmgr_event *event)
{
	char shell[] = "/bin/sh", option[] = "-c";
	char *command[4] = { shell, option, (char *)watch->options->exec, NULL };
	int code;

	set_event(watch, event);
	command_prepare();
	code = command_run(watch->ctl, command);
	if (interrupt_arrived() || code == EXIT_SIGNALLED + SIGINT)
		return EXIT_INTERRUPTED;
	if (code)
		fprintf(stderr, "memctl: watch: the command failed (exit code %d)\n", code);
	return EXIT_OK;
}

/* ---- all of them ---- */

static bool is_wanted(const struct watch *watch, const struct memmgr_event *event)
{
	if (event->kind == MEMMGR_EVENT_LOST || !watch->options->kind_given)
		return true;
	return event->kind < MEMMGR_EVENTS && watch->options->kinds[event->kind];
}

static int handle(struct watch *watch, const struct memmgr_event *event)
{
	if (!is_wanted(watch, event))
		return EXIT_OK;
	/* Lost events are not among those that are counted. */
	watch->seen += event->kind != MEMMGR_EVENT_LOST;
	if (watch->ctl->json)
		print_json(watch, event);
	else
		print_text(watch, event);
	/* Whoever reads a pipe wants it now. */
	if (fflush(stdout))
		return EXIT_FAILED;
	return watch->options->exec ? run_command(watch, event) : EXIT_OK;
}

/* The next event, waited for until @deadline; 0: without limit. */
static int next_event(const struct watch *watch, uint64_t deadline, struct memmgr_event *event)
{
	struct pollfd region = { .fd = watch->ctl->fd, .events = POLLIN };
	uint64_t now = now_ns(CLOCK_MONOTONIC), left = now < deadline ? deadline - now : 0;
	const struct timespec timeout = {
		.tv_sec = (time_t)(left / NSEC_PER_SEC),
		.tv_nsec = (long)(left % NSEC_PER_SEC),
	};
	int ready = interrupt_poll(&region, 1, deadline ? &timeout : NULL);

	if (ready < 0)
		return ready;
	return ready ? memmgr_next_event(watch->ctl->fd, 0, event) : -ETIMEDOUT;
}

static int end_of_time(const struct watch *watch)
{
	if (watch->seen >= watch->options->count)
		return EXIT_OK;
	return fail(watch->ctl, "wait longer, or see how the region is: memctl health",
		    "%" PRIu64 " of %" PRIu64 " events came in %" PRIu64 " s", watch->seen,
		    watch->options->count, watch->options->timeout);
}

static int watch_events(struct watch *watch)
{
	const struct options *options = watch->options;
	uint64_t deadline = options->timeout ?
			    now_ns(CLOCK_MONOTONIC) + options->timeout * NSEC_PER_SEC : 0;
	struct memmgr_event event;
	int rc = EXIT_OK, err;

	while (!rc && !(options->count && watch->seen >= options->count)) {
		err = next_event(watch, deadline, &event);
		if (err == -EINTR && interrupt_arrived())
			return EXIT_INTERRUPTED;
		if (err && err != -EINTR && err != -EAGAIN && err != -ETIMEDOUT)
			return fail_errno(watch->ctl, err, "events of region '%s'", watch->region);
		if (!err)
			rc = handle(watch, &event);
		/* Also where events come faster than they are handled. */
		if (!rc && deadline && now_ns(CLOCK_MONOTONIC) >= deadline)
			return end_of_time(watch);
	}
	return rc;
}

int cmd_watch(struct memctl *ctl, int argc, char **argv)
{
	struct options options = { .exec = NULL };
	struct watch watch = { .ctl = ctl, .options = &options };
	struct memmgr_query query;
	int rc, err;

	parse_args(ctl, &argp, argc, argv, &options);
	rc = region_open(ctl, O_RDONLY);
	if (rc)
		return rc;
	err = memmgr_query(ctl->fd, &query);
	if (err)
		return fail_errno(ctl, err, "region");
	snprintf(watch.region, sizeof(watch.region), "%.*s", MEMMGR_NAME_LEN, query.name);
	interrupt_catch();
	return watch_events(&watch);
}
