// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* memctl export: run a command that has an allocation as a dma-buf. */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <memmgr.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/options.h"
#include "cmd/commands.h"
#include "find/find.h"
#include "memctl.h"

#define KEY_READ_ONLY	0x200

struct options {
	const char *word;
	uint32_t flags;
	char **command;
};

static const struct argp_option options_table[] = {
	{ "read-only", KEY_READ_ONLY, 0, 0, "Nobody may write through the dma-buf", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case KEY_READ_ONLY:
		options->flags |= MEMMGR_EXPORT_READ_ONLY;
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
		if (!options->command)
			argp_error(state, "%s is missing; for example "
				   "memctl export camera -- viewer", options->word ?
				   "the COMMAND that gets the dma-buf" : "HANDLE or TAG");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options_table,
	.parser = parse,
	.args_doc = "HANDLE|TAG -- COMMAND [ARG...]",
	.doc = "Run COMMAND with an allocation as a dma-buf: the number of its file descriptor is "
	       "in $MEMMGR_FD, its size in bytes in $MEMMGR_SIZE. The exit status is COMMAND's.",
};

static void set_number(const char *name, uint64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, number);
	if (setenv(name, text, 1))
		out_of_memory();
}

int cmd_export(struct memctl *ctl, int argc, char **argv)
{
	struct options options = { .word = NULL };
	struct memmgr_info info;
	int rc, fd;

	parse_args(ctl, &argp, argc, argv, &options);
	rc = region_open(ctl, O_RDWR);
	if (!rc)
		rc = allocation_find(ctl, options.word, &info);
	if (rc)
		return rc;
	fd = memmgr_export(ctl->fd, info.handle, options.flags);
	if (fd == -EOPNOTSUPP)
		return fail(ctl, "allocate it from heap main, or from a heap of whole pages",
			    "allocation %s cannot be a dma-buf: it has no pages of its own",
			    options.word);
	if (fd == -EACCES)
		return fail(ctl, "memctl protect it read, then export it",
			    "allocation %s may not be read", options.word);
	if (fd < 0)
		return fail_errno(ctl, fd, "allocation %s", options.word);
	set_number("MEMMGR_FD", fd);
	set_number("MEMMGR_SIZE", info.granted);
	execvp(options.command[0], options.command);
	return fail(ctl, "give a program that is there", "%s cannot be run: %s",
		    options.command[0], strerror(errno));
}
