// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* memctl resize: in place. */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <memmgr.h>
#include <stdint.h>

#include "base/args.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/options.h"
#include "base/table.h"
#include "cmd/commands.h"
#include "find/find.h"
#include "memctl.h"

struct options {
	const char *word;
	uint64_t bytes;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case ARGP_KEY_ARG:
		if (state->arg_num == 0)
			options->word = arg;
		else if (state->arg_num == 1)
			options->bytes = arg_size_nonzero(state, "SIZE", arg);
		else
			argp_error(state, "'%s' is one word too many", arg);
		return 0;
	case ARGP_KEY_END:
		if (state->arg_num < 2)
			argp_error(state, "%s is missing; for example memctl resize camera 128K",
				   state->arg_num ? "SIZE" : "HANDLE or TAG");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.parser = parse,
	.args_doc = "HANDLE|TAG SIZE",
	.doc = "Change the size of an allocation where it lies. What is added reads as zeros.",
};

static const struct column columns[] = {
	{ "HANDLE", "handle", CELL_HANDLE, 0 },
	{ "SIZE", "bytes", CELL_SIZE, 0 },
	{ "GRANTED", "granted", CELL_SIZE, 0 },
	{ "BEFORE", "granted_before", CELL_SIZE, 0 },
	{ "TAG", "tag", CELL_TEXT, 0 },
};

static int resize_failed(const struct memctl *ctl, int err, const struct options *options,
			 const struct memmgr_info *info, const struct memmgr_resize *resize)
{
	char name[MEMMGR_NAME_LEN];
	struct request request = {
		.heap = heap_name(ctl, info->heap, name),
		.heap_id = info->heap,
		.bytes = options->bytes,
		.reason = resize->reason,
		.exact = resize->exact,
		.largest = resize->largest,
	};

	if (err == -ENOMEM && resize->reason)
		return fail_request(ctl, err, &request);
	return fail_errno(ctl, err, "allocation %s", options->word);
}

int cmd_resize(struct memctl *ctl, int argc, char **argv)
{
	struct memmgr_resize resize = { .flags = 0 };
	struct options options = { .word = NULL };
	struct memmgr_info info;
	struct table *table;
	int rc, err;

	parse_args(ctl, &argp, argc, argv, &options);
	rc = region_open(ctl, O_RDWR);
	if (!rc)
		rc = allocation_find(ctl, options.word, &info);
	if (rc)
		return rc;
	resize.handle = info.handle;
	resize.bytes = options.bytes;
	err = memmgr_resize(ctl->fd, &resize);
	if (err)
		return resize_failed(ctl, err, &options, &info, &resize);
	table = table_new(columns, ARRAY_SIZE(columns));
	table_num(table, info.handle);
	table_num(table, options.bytes);
	table_num(table, resize.granted);
	table_num(table, info.granted);
	table_chars(table, info.tag, sizeof(info.tag));
	if (ctl->json)
		json_print(json_result(ctl, "allocation", table_json_row(table, 0)));
	else
		table_print(table);
	table_free(table);
	return EXIT_OK;
}
