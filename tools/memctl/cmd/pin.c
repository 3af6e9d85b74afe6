// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * memctl pin: keep an allocation where it is, while a command or memctl runs.
 *
 * A pin belongs to the open file that made it and goes with it, so that there is no
 * "memctl unpin": it could only take back what it had just made itself.
 */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <memmgr.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/command.h"
#include "base/fail.h"
#include "base/interrupt.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/table.h"
#include "cmd/commands.h"
#include "find/find.h"
#include "memctl.h"

#define KEY_LEASE	0x200

struct options {
	const char *word;
	char **command;
	bool lease;
};

static const struct argp_option options_table[] = {
	{ "lease", KEY_LEASE, 0, 0,
	  "Take a real-time lease, and say at the end how many page faults there were", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case KEY_LEASE:
		options->lease = true;
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num == 0) {
			options->word = arg;
			return 0;
		}
		/* The rest is the command's, options and all. */
		options->command = &state->argv[state->next - 1];
		state->next = state->argc;
		return 0;
	case ARGP_KEY_END:
		if (!options->word)
			argp_error(state, "HANDLE or TAG is missing; for example "
				   "memctl pin camera");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options_table,
	.parser = parse,
	.args_doc = "HANDLE|TAG [-- COMMAND [ARG...]]",
	.doc = "Keep an allocation where it is while COMMAND runs, which finds its offset in the "
	       "region in $MEMMGR_OFFSET, its size in $MEMMGR_SIZE and, if memctl may know it, the "
	       "physical address in $MEMMGR_PHYS. The exit status is COMMAND's. Without COMMAND, "
	       "until a signal comes or standard input (a terminal or a pipe) ends.\v"
	       "A pin is its maker's: it goes when memctl ends, however that happens, and nobody "
	       "else can take it back, so that there is no unpin.\n\n"
	       "A lease makes present what the process that takes it has mapped. Programs take "
	       "theirs themselves, after mmap() (memmgr_lease() of libmemmgr); one that memctl takes "
	       "spares nobody a page fault, but counts those of all.",
};

static const struct column columns[] = {
	{ "HANDLE", "handle", CELL_HANDLE, 0 },
	{ "OFFSET", "offset", CELL_SIZE, COLUMN_JSON },
	{ "OFFSET", NULL, CELL_HANDLE, COLUMN_TEXT },
	{ "PHYSICAL", "phys", CELL_HANDLE, 0 },
	{ "SIZE", "bytes", CELL_SIZE, 0 },
	{ "GRANTED", "granted", CELL_SIZE, 0 },
	{ "PINS", "pins", CELL_COUNT, 0 },
	{ "LEASE", "lease", CELL_FLAG, 0 },
	{ "TAG", "tag", CELL_TEXT, 0 },
};

static void show(const struct memctl *ctl, const struct options *options,
		 const struct memmgr_info *info, const struct memmgr_pin *pin)
{
	struct table *table = table_new(columns, ARRAY_SIZE(columns));

	table_num(table, info->handle);
	table_num(table, pin->offset);
	table_num(table, pin->offset);
	if (pin->phys)
		table_num(table, pin->phys);
	else
		table_none(table);
	table_num(table, info->bytes);
	table_num(table, info->granted);
	table_num(table, pin->pins);
	table_num(table, options->lease);
	table_chars(table, info->tag, sizeof(info->tag));
	if (ctl->json)
		json_print(json_result(ctl, "pin", table_json_row(table, 0)));
	else
		table_print(table);
	table_free(table);
	/* Whoever reads this goes on when it is there, not when the pin ends. */
	fflush(stdout);
}

/* ---- until a signal or the end of standard input ---- */

/* /dev/null and files end at once: of a service, standard input says nothing. */
static bool input_can_end(void)
{
	struct stat stat;

	return isatty(STDIN_FILENO) ||
	       (!fstat(STDIN_FILENO, &stat) && (S_ISFIFO(stat.st_mode) || S_ISSOCK(stat.st_mode)));
}

/*
 * A terminal is read by its foreground job: who reads it in the background is stopped,
 * and no signal but SIGKILL ends what is stopped.
 */
static bool in_background(void)
{
	pid_t foreground = tcgetpgrp(STDIN_FILENO);

	return foreground >= 0 && foreground != getpgrp();
}

static bool input_ended(void)
{
	char line[256];
	ssize_t got = read(STDIN_FILENO, line, sizeof(line));

	return got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN && !in_background());
}

static void tell_end(bool can_end)
{
	fprintf(stderr, "memctl: pin: it stays there until %s\n",
		!can_end || in_background() ? "a signal comes" :
		isatty(STDIN_FILENO) ? "Ctrl-D, Ctrl-C or another signal" :
		"standard input ends or a signal comes");
}

/* That a job was brought to the foreground, no signal tells. */
static void wait_pinned(bool quiet)
{
	static const struct timespec look_again = { .tv_nsec = 500000000 };
	struct pollfd input = { .events = POLLIN };
	bool can_end = input_can_end();

	interrupt_catch();
	/* It may go to the background after the look: then read() fails. */
	signal(SIGTTIN, SIG_IGN);
	if (!quiet)
		tell_end(can_end);
	while (!interrupt_arrived()) {
		bool away = can_end && in_background();

		/* A negative descriptor is one that ppoll() passes over. */
		input.fd = can_end && !away ? STDIN_FILENO : -1;
		if (interrupt_poll(&input, 1, away ? &look_again : NULL) > 0 && !in_background() &&
		    input_ended())
			break;
	}
}

/* ---- while a command runs ---- */

static void set_number(const char *name, const char *format, uint64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), format, number);
	if (setenv(name, text, 1))
		out_of_memory();
}

static int run_pinned(const struct memctl *ctl, const struct options *options,
		      const struct memmgr_info *info, const struct memmgr_pin *pin)
{
	set_number("MEMMGR_OFFSET", "%" PRIu64, pin->offset);
	set_number("MEMMGR_SIZE", "%" PRIu64, info->granted);
	if (pin->phys)
		set_number("MEMMGR_PHYS", "0x%" PRIx64, pin->phys);
	command_prepare();
	return command_run(ctl, options->command);
}

static void tell_faults(const struct memctl *ctl, uint64_t handle)
{
	struct memmgr_info info;

	if (!memmgr_alloc_query(ctl->fd, handle, &info))
		fprintf(stderr, "memctl: pin: %" PRIu64 " page faults in its mappings since it was "
			"leased\n", (uint64_t)info.lease_faults);
}

int cmd_pin(struct memctl *ctl, int argc, char **argv)
{
	struct options options = { .word = NULL };
	struct memmgr_info info;
	struct memmgr_pin pin;
	int rc, err;

	parse_args(ctl, &argp, argc, argv, &options);
	rc = region_open(ctl, O_RDWR);
	if (!rc)
		rc = allocation_find(ctl, options.word, &info);
	if (rc)
		return rc;
	err = options.lease ? memmgr_lease(ctl->fd, info.handle, &pin) :
			      memmgr_pin(ctl->fd, info.handle, &pin);
	if (err)
		return fail_errno(ctl, err, "allocation %s", options.word);
	if (options.command) {
		rc = run_pinned(ctl, &options, &info, &pin);
	} else {
		show(ctl, &options, &info, &pin);
		wait_pinned(ctl->json);
	}
	if (options.lease && !ctl->json)
		tell_faults(ctl, info.handle);
	return rc;
}
