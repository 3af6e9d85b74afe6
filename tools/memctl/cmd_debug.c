// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* memctl debug: look for memory errors in heaps. */
#include <fcntl.h>
#include <stdlib.h>

#include "memctl.h"

enum {
	KEY_ZONES = 0x100,
	KEY_OFF,
};

static const struct argp_option options_table[] = {
	{ "red-zones", KEY_ZONES, "BYTES", OPTION_ARG_OPTIONAL,
	  "From now on put allocations between red zones of BYTES each, 64 unless given", 0 },
	{ "off", KEY_OFF, 0, 0, "No longer; zones that are there are still looked at", 0 },
	{ 0 },
};

struct options {
	const char *heap;
	uint32_t flags;
	uint32_t zone;
	bool off;
};

static void parse_zones(struct options *options, const char *text, struct argp_state *state)
{
	options->flags = MEMMGR_DEBUG_SET | MEMMGR_DEBUG_ZONES;
	if (!text)
		return;
	options->zone = arg_count(state, "--red-zones", text, MEMMGR_ZONE_MIN, MEMMGR_ZONE_MAX);
	if (options->zone % MEMMGR_ZONE_MIN)
		argp_error(state, "--red-zones: %s is no multiple of %u", text, MEMMGR_ZONE_MIN);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case KEY_ZONES:
		parse_zones(options, arg, state);
		return 0;
	case KEY_OFF:
		options->off = true;
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num)
			argp_error(state, "'%s' is one word too many; give one HEAP or none", arg);
		options->heap = arg;
		return 0;
	case ARGP_KEY_END:
		if (options->off && options->flags)
			argp_error(state, "give --red-zones or --off, not both");
		if (options->off)
			options->flags = MEMMGR_DEBUG_SET;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options_table,
	.parser = parse,
	.args_doc = "[HEAP]",
	.doc = "Look for memory errors in a heap, or in all. Without options, show what is looked "
	       "for and how much damage was found; memctl errors shows it.\v"
	       "Red zones are bytes before and behind an allocation that nobody may write. They are "
	       "looked at when it ends, when its size changes, and by memctl check.",
};

static const struct column columns[] = {
	{ "HEAP", "heap", CELL_TEXT, 0 },
	{ "RED ZONES", "zone_bytes", CELL_SIZE, COLUMN_HIDE_ZERO },
	{ "WITHOUT ROOM", "unzoned", CELL_COUNT, 0 },
	{ "DAMAGE", "found", CELL_COUNT, 0 },
};

struct debugging {
	const struct options *options;
	struct table *table;
};

static int debug(const struct memctl *ctl, const struct memmgr_heap_query *heap, void *arg)
{
	struct debugging *debugging = arg;
	struct memmgr_debug d;
	int err = memmgr_debug(ctl->fd, heap->heap, debugging->options->flags,
			       debugging->options->zone, &d);

	if (err)
		return fail_errno(ctl, err, "debugging of heap '%s'", heap->name);
	table_chars(debugging->table, heap->name, sizeof(heap->name));
	table_num(debugging->table, d.zone);
	table_num(debugging->table, d.unzoned);
	table_num(debugging->table, d.found);
	return EXIT_OK;
}

static int run(struct memctl *ctl, int argc, char **argv)
{
	struct options options = { 0 };
	struct debugging debugging = { .options = &options };
	int rc;

	parse_args(ctl, &argp, argc, argv, &options);
	rc = region_open(ctl, options.flags ? O_RDWR : O_RDONLY);
	if (rc)
		return rc;
	debugging.table = table_new(columns, ARRAY_SIZE(columns));
	rc = heaps_visit(ctl, options.heap, debug, &debugging);
	if (!rc && ctl->json)
		json_print(json_result(ctl, "heaps", table_json(debugging.table)));
	else if (!rc)
		table_print(debugging.table);
	table_free(debugging.table);
	return rc;
}

const struct command cmd_debug = {
	"debug", "look for memory errors in heaps", &argp, run,
};
