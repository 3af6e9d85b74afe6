// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* memctl sync: cache maintenance of an allocation. */
#include <argp.h>
#include <fcntl.h>
#include <memmgr.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/args.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/options.h"
#include "base/words.h"
#include "cmd/commands.h"
#include "find/find.h"
#include "memctl.h"

#define KEY_OFFSET	0x200
#define KEY_LENGTH	0x201

static const char *const side_names[] = { "cpu", "device" };

static const uint32_t side_flags[] = { MEMMGR_SYNC_FOR_CPU, MEMMGR_SYNC_FOR_DEVICE };

struct options {
	const char *word;
	size_t side;
	bool given;
	uint64_t offset;
	uint64_t length;
};

static const struct argp_option options_table[] = {
	{ "offset", KEY_OFFSET, "OFFSET", 0, "First byte (default 0)", 0 },
	{ "length", KEY_LENGTH, "SIZE", 0, "How many bytes (default: to the end)", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case KEY_OFFSET:
		options->offset = arg_size(state, "--offset", arg);
		return 0;
	case KEY_LENGTH:
		options->length = arg_size_nonzero(state, "--length", arg);
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num > 1)
			argp_error(state, "'%s' is one word too many", arg);
		if (state->arg_num == 0) {
			options->word = arg;
		} else {
			options->side = arg_choice(state, "for whom", arg, side_names,
						   ARRAY_SIZE(side_names));
			options->given = true;
		}
		return 0;
	case ARGP_KEY_END:
		if (!options->given)
			argp_error(state, "%s is missing; for example memctl sync camera device",
				   options->word ? "cpu or device" : "HANDLE or TAG");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options_table,
	.parser = parse,
	.args_doc = "HANDLE|TAG cpu|device",
	.doc = "Write back and discard the CPU's cache lines of an allocation: for the device that "
	       "will read it, or for the CPU after a device wrote it.",
};

int cmd_sync(struct memctl *ctl, int argc, char **argv)
{
	struct options options = { .word = NULL };
	struct memmgr_info info;
	uint64_t length;
	int rc, err;

	parse_args(ctl, &argp, argc, argv, &options);
	rc = region_open(ctl, O_RDONLY);
	if (!rc)
		rc = allocation_find(ctl, options.word, &info);
	if (rc)
		return rc;
	if (options.offset >= info.bytes)
		return fail(ctl, "give an --offset inside of it",
			    "allocation %s has only %s", options.word, size_text(info.bytes));
	length = options.length ? options.length : info.bytes - options.offset;
	err = memmgr_sync(ctl->fd, info.handle, options.offset, length, side_flags[options.side]);
	if (err)
		return fail_errno(ctl, err, "allocation %s", options.word);
	if (ctl->json)
		json_print(json_result(ctl, "bytes", json_u64(length)));
	else
		printf("%s at offset %s of allocation %s are ready for the %s\n", size_text(length),
		       size_text(options.offset), options.word, side_names[options.side]);
	return EXIT_OK;
}
