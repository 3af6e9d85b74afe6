// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* memctl report: one page about a region, or about a recorded trace. */
#include <argp.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/args.h"
#include "base/clock.h"
#include "base/interrupt.h"
#include "base/json.h"
#include "base/newfile.h"
#include "base/options.h"
#include "cmd/commands.h"
#include "find/find.h"
#include "memctl.h"
#include "report/report.h"
#include "trace/trial.h"

#define FOR_DEFAULT	(5 * NSEC_PER_SEC)
#define INTERVAL	(NSEC_PER_SEC / 2)
#define INTERVAL_LEAST	(NSEC_PER_SEC / 100)
#define SAMPLES_MOST	10000u

enum {
	KEY_HTML = 0x200,
	KEY_FOR,
	KEY_INTERVAL,
	KEY_SIZE,
};

static const struct argp_option options_table[] = {
	{ "html", KEY_HTML, "FILE", 0, "Write a page for a browser instead; - is standard output",
	  0 },
	{ "for", KEY_FOR, "TIME", 0,
	  "Watch the region for so long (default 5s; 0: look at it once)", 0 },
	{ "interval", KEY_INTERVAL, "TIME", 0, "Time between two looks (default 500ms)", 0 },
	{ "size", KEY_SIZE, "SIZE", 0,
	  "Region that the trace is tried in (default: the power of two above 1.25 times its peak)",
	  0 },
	{ 0 },
};

struct options {
	const char *trace;
	const char *html;
	uint64_t size;
	struct report_times times;
	bool times_given;
	bool interval_given;
};

static void parse_end(const struct options *options, struct argp_state *state)
{
	if (options->trace && options->times_given)
		argp_error(state, "--for and --interval are for the region, not for a trace");
	if (!options->trace && options->size)
		argp_error(state, "--size is for a trace; give one, or leave it out");
	if (options->times.interval_ns < INTERVAL_LEAST)
		argp_error(state, "--interval: is too short; give at least 10ms");
	if (options->interval_given && options->times.interval_ns > options->times.for_ns)
		argp_error(state, "--interval is longer than --for; watch longer, or look more "
			   "often");
	if (options->times.for_ns / options->times.interval_ns > SAMPLES_MOST)
		argp_error(state, "--for is more than %u times --interval; look less often",
			   SAMPLES_MOST);
	if (options->size > TRIAL_MOST)
		argp_error(state, "--size: a region is at most 4G");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case KEY_HTML:
		if (!*arg)
			argp_error(state, "--html: is empty; give a FILE, or - for standard "
				   "output");
		options->html = arg;
		return 0;
	case KEY_FOR:
		options->times.for_ns = arg_time(state, "--for", arg);
		options->times_given = true;
		return 0;
	case KEY_INTERVAL:
		options->times.interval_ns = arg_time(state, "--interval", arg);
		options->times_given = true;
		options->interval_given = true;
		return 0;
	case KEY_SIZE:
		options->size = arg_size_nonzero(state, "--size", arg);
		return 0;
	case ARGP_KEY_ARG:
		options->trace = arg_only(state, arg, "give one TRACE or none");
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
	.args_doc = "[TRACE]",
	.doc = "One page about the region, or about a recorded TRACE (text or gzip, - for standard "
	       "input): usage and fragmentation over time, sizes, lifetimes, owners, suspected "
	       "leaks, and advice that gives the numbers that it comes from.\v"
	       "A trace is run through the buddy and the tlsf of the module, in this program: that "
	       "takes no region, no root and no memory of that size; the one that needs less is "
	       "shown. The region is watched for a while; "
	       "Ctrl-C ends that early. Where allocations come from is known of what was "
	       "allocated after memctl leaks --on. The page of --html is one file that needs "
	       "nothing else: no network, no script.",
};

/* ---- what becomes of it ---- */

static int write_html(const struct memctl *ctl, const char *path, const struct report *report)
{
	struct newfile file;
	int rc = newfile_open(ctl, path, &file);

	if (rc)
		return rc;
	report_html(report, file.stream);
	return newfile_close(ctl, &file);
}

static int show(const struct memctl *ctl, const char *html, const struct report *report)
{
	if (html)
		return write_html(ctl, html, report);
	if (ctl->json)
		json_print(json_result(ctl, "report", report_json(report)));
	else
		report_print(report);
	return EXIT_OK;
}

static int read_region(struct memctl *ctl, const struct options *options, struct report *report)
{
	int rc = region_open(ctl, O_RDONLY);

	if (rc)
		return rc;
	interrupt_catch();
	return report_region(ctl, &options->times, report);
}

int cmd_report(struct memctl *ctl, int argc, char **argv)
{
	struct options options = { .times = { FOR_DEFAULT, INTERVAL } };
	struct report report = { .facts = NULL };
	int rc, shown = EXIT_OK;

	parse_args(ctl, &argp, argc, argv, &options);
	/* However short the time is, there is a look at its end. */
	if (!options.interval_given && options.times.for_ns && options.times.for_ns < INTERVAL)
		options.times.interval_ns = options.times.for_ns;
	rc = options.trace ? report_trace(ctl, options.trace, options.size, &report) :
			     read_region(ctl, &options, &report);
	if (report.facts)
		shown = show(ctl, options.html, &report);
	report_free(&report);
	return shown ? shown : rc;
}
