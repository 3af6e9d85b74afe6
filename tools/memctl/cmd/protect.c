// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* memctl protect, memctl seal: the access that an allocation allows. */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <memmgr.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/args.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/options.h"
#include "base/table.h"
#include "cmd/commands.h"
#include "find/find.h"
#include "find/rights.h"
#include "memctl.h"

struct options {
	const char *word;
	size_t access;
	bool given;
};

static void parse_word(struct options *options, char *arg, struct argp_state *state)
{
	switch (state->arg_num) {
	case 0:
		options->word = arg;
		break;
	case 1:
		options->access = arg_choice(state, "ACCESS", arg, access_names,
					     ARRAY_SIZE(access_names));
		options->given = true;
		break;
	default:
		argp_error(state, "'%s' is one word too many", arg);
	}
}

static error_t parse_protect(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case ARGP_KEY_ARG:
		parse_word(options, arg, state);
		return 0;
	case ARGP_KEY_END:
		if (!options->given)
			argp_error(state, "%s is missing; for example memctl protect camera read",
				   options->word ? "ACCESS" : "HANDLE or TAG");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* Without ACCESS what is sealed is what holds now. */
static error_t parse_seal(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case ARGP_KEY_ARG:
		parse_word(options, arg, state);
		return 0;
	case ARGP_KEY_END:
		if (!options->word)
			argp_error(state, "HANDLE or TAG is missing; for example "
				   "memctl seal camera read");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp protect_argp = {
	.parser = parse_protect,
	.args_doc = "HANDLE|TAG none|read|read-write",
	.doc = "Say how an allocation may be accessed, by programs that have it mapped already "
	       "too: an access that is not allowed ends in SIGSEGV.",
};

static const struct argp seal_argp = {
	.parser = parse_seal,
	.args_doc = "HANDLE|TAG [none|read|read-write]",
	.doc = "Make the protection and the size of an allocation final. Without a protection, "
	       "the one that it has. There is no way back but to free it.",
};

static const struct column columns[] = {
	{ "HANDLE", "handle", CELL_HANDLE, 0 },
	{ "ACCESS", "access", CELL_TEXT, 0 },
	{ "SEALED", "sealed", CELL_FLAG, 0 },
	{ "VIOLATIONS", "violations", CELL_COUNT, 0 },
	{ "TAG", "tag", CELL_TEXT, 0 },
};

static int set_access(struct memctl *ctl, const struct options *options, uint32_t flags)
{
	struct memmgr_info info;
	struct table *table;
	uint32_t access;
	int rc, err;

	rc = region_open(ctl, O_RDWR);
	if (!rc)
		rc = allocation_find(ctl, options->word, &info);
	if (rc)
		return rc;
	access = options->given ? access_bits[options->access] : info.access;
	err = memmgr_protect(ctl->fd, info.handle, access, flags);
	if (!err)
		err = memmgr_alloc_query(ctl->fd, info.handle, &info);
	if (err == -EOPNOTSUPP)
		return fail(ctl, "allocate it from heap main, or from a shared heap of whole pages",
			    "allocation %s has no pages of its own to protect", options->word);
	if (err == -EPERM)
		return fail(ctl, "free it and allocate another",
			    "allocation %s is sealed", options->word);
	if (err == -EBUSY)
		return fail(ctl, "let the program that has its dma-buf finish first",
			    "allocation %s is being written by a device", options->word);
	if (err)
		return fail_errno(ctl, err, "allocation %s", options->word);
	table = table_new(columns, ARRAY_SIZE(columns));
	table_num(table, info.handle);
	table_text(table, access_name(info.access));
	table_num(table, info.state & MEMMGR_INFO_SEALED);
	table_num(table, info.violations);
	table_chars(table, info.tag, sizeof(info.tag));
	if (ctl->json)
		json_print(json_result(ctl, "allocation", table_json_row(table, 0)));
	else
		table_print(table);
	table_free(table);
	return EXIT_OK;
}

int cmd_protect(struct memctl *ctl, int argc, char **argv)
{
	struct options options = { .word = NULL };

	parse_args(ctl, &protect_argp, argc, argv, &options);
	return set_access(ctl, &options, 0);
}

int cmd_seal(struct memctl *ctl, int argc, char **argv)
{
	struct options options = { .word = NULL };

	parse_args(ctl, &seal_argp, argc, argv, &options);
	return set_access(ctl, &options, MEMMGR_PROTECT_SEAL);
}
