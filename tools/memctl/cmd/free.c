// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* memctl free: by handle or by tag. */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <memmgr.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/json.h"
#include "base/options.h"
#include "base/table.h"
#include "cmd/commands.h"
#include "find/find.h"
#include "memctl.h"

static const struct argp_option options_table[] = {
	{ "all", 'a', 0, 0, "Free every allocation that has the tag, newest first", 0 },
	{ 0 },
};

struct options {
	char **words;
	int count;
	bool all;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	(void)arg;
	switch (key) {
	case 'a':
		options->all = true;
		return 0;
	case ARGP_KEY_ARGS:
		options->words = state->argv + state->next;
		options->count = state->argc - state->next;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "HANDLE or TAG is missing; see memctl list --mine");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options_table,
	.parser = parse,
	.args_doc = "HANDLE|TAG...",
	.doc = "Free allocations. A word that is a number is a handle, any other is a tag.",
};

static const struct column columns[] = {
	{ "HANDLE", "handle", CELL_HANDLE, 0 },
	{ "SIZE", "bytes", CELL_SIZE, 0 },
	{ "GRANTED", "granted", CELL_SIZE, 0 },
	{ "TAG", "tag", CELL_TEXT, 0 },
};

static int free_one(const struct memctl *ctl, const struct memmgr_info *info,
		    const char *word, struct table *table)
{
	int err = memmgr_free(ctl->fd, info->handle);

	if (err == -EBUSY && info->pins)
		return fail(ctl, "end the program that pinned it first",
			    "allocation %s is pinned by another program", word);
	if (err)
		return fail_errno(ctl, err, "allocation %s", word);
	table_num(table, info->handle);
	table_num(table, info->bytes);
	table_num(table, info->granted);
	table_chars(table, info->tag, sizeof(info->tag));
	return EXIT_OK;
}

static int free_tagged(const struct memctl *ctl, const char *word, struct table *table)
{
	struct memmgr_info *infos;
	size_t count;
	int rc = allocations_tagged(ctl, word, &infos, &count);

	for (size_t i = 0; i < count && !rc; i++)
		rc = free_one(ctl, &infos[i], word, table);
	free(infos);
	return rc;
}

static int free_word(const struct memctl *ctl, const struct options *options,
		     const char *word, struct table *table)
{
	struct memmgr_info info;
	uint64_t handle;
	int rc;

	if (options->all && !parse_handle(word, &handle))
		return free_tagged(ctl, word, table);
	rc = allocation_find(ctl, word, &info);
	return rc ? rc : free_one(ctl, &info, word, table);
}

int cmd_free(struct memctl *ctl, int argc, char **argv)
{
	struct options options = { .all = false };
	struct table *table;
	int rc;

	parse_args(ctl, &argp, argc, argv, &options);
	rc = region_open(ctl, O_RDWR);
	if (rc)
		return rc;
	table = table_new(columns, ARRAY_SIZE(columns));
	for (int i = 0; i < options.count; i++) {
		if (free_word(ctl, &options, options.words[i], table))
			rc = EXIT_FAILED;
	}
	/* Those that were freed are told even when others could not be. */
	if (ctl->json)
		json_print(json_result(ctl, "freed", table_json(table)));
	else if (table_rows(table))
		table_print(table);
	table_free(table);
	return rc;
}
