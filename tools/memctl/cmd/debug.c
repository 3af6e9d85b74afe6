// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* memctl debug: look for memory errors in heaps. */
#include <argp.h>
#include <fcntl.h>
#include <inttypes.h>
#include <memmgr.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/args.h"
#include "base/fail.h"
#include "base/options.h"
#include "base/table.h"
#include "base/words.h"
#include "cmd/commands.h"
#include "find/find.h"
#include "memctl.h"

enum {
	KEY_ZONES = 0x200,
	KEY_POISON,
	KEY_QUARANTINE,
	KEY_GUARDS,
	KEY_OFF,
};

static const struct argp_option options_table[] = {
	{ "red-zones", KEY_ZONES, "BYTES", OPTION_ARG_OPTIONAL,
	  "Put new allocations between red zones of BYTES each (default 64)", 0 },
	{ "poison", KEY_POISON, 0, 0,
	  "Fill freed memory with a pattern, and see what is written there", 0 },
	{ "quarantine", KEY_QUARANTINE, "SIZE,N", OPTION_ARG_OPTIONAL,
	  "Keep freed memory from being used again soon: the last SIZE of it (default: a 16th of "
	  "the heap), in at most N blocks (default 256)", 0 },
	{ "guards", KEY_GUARDS, "N", OPTION_ARG_OPTIONAL,
	  "Let one in N allocations (default 100) end at a page that cannot be touched: of kernel "
	  "code, and of programs that call memmgr_alloc_mapped()", 0 },
	{ "off", KEY_OFF, 0, 0,
	  "Look for nothing more; zones that are there are still looked at", 0 },
	{ 0 },
};

struct options {
	const char *heap;
	struct memmgr_debug wanted;	/* flags: of the options that were given */
	bool off;
};

static void parse_zones(struct memmgr_debug *wanted, const char *text, struct argp_state *state)
{
	wanted->flags |= MEMMGR_DEBUG_ZONES;
	if (!text)
		return;
	wanted->zone = arg_size_range(state, "--red-zones", text, MEMMGR_ZONE_MIN,
				      MEMMGR_ZONE_MAX);
	if (wanted->zone % MEMMGR_ZONE_MIN)
		argp_error(state, "--red-zones: %s is no multiple of %u bytes", text,
			   MEMMGR_ZONE_MIN);
}

static void parse_quarantine(struct memmgr_debug *wanted, const char *text,
			     struct argp_state *state)
{
	char bytes[ARG_PART], blocks[ARG_PART];

	wanted->flags |= MEMMGR_DEBUG_QUARANTINE;
	if (!text)
		return;
	arg_two(state, "--quarantine", text, bytes, blocks);
	wanted->quarantine_bytes = arg_size_nonzero(state, "--quarantine", bytes);
	if (strchr(text, ','))
		wanted->quarantine_blocks = arg_count(state, "--quarantine: N", blocks, 1,
						      MEMMGR_QUARANTINE_MAX);
}

static void parse_guards(struct memmgr_debug *wanted, const char *text, struct argp_state *state)
{
	wanted->flags |= MEMMGR_DEBUG_GUARDS;
	if (text)
		wanted->guard_interval = arg_count(state, "--guards", text, 1,
						   MEMMGR_GUARD_INTERVAL_MAX);
}

static void parse_end(struct options *options, struct argp_state *state)
{
	if (options->off && options->wanted.flags)
		argp_error(state, "--off goes alone; what is not given goes off anyway");
	if (options->off || options->wanted.flags)
		options->wanted.flags |= MEMMGR_DEBUG_SET;
}

static void parse_word(struct options *options, char *arg, struct argp_state *state)
{
	uint64_t number;

	/* "--red-zones 64", as options whose value is not optional may be given. */
	if (options->wanted.flags && !memmgr_parse_size(arg, &number) &&
	    number >= MEMMGR_MAX_HEAPS)
		argp_error(state, "'%s' is taken for a HEAP; a number follows its option with '=': "
			   "--red-zones=%s", arg, arg);
	options->heap = arg_only(state, arg, "give one HEAP or none");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case KEY_ZONES:
		parse_zones(&options->wanted, arg, state);
		return 0;
	case KEY_POISON:
		options->wanted.flags |= MEMMGR_DEBUG_POISON;
		return 0;
	case KEY_QUARANTINE:
		parse_quarantine(&options->wanted, arg, state);
		return 0;
	case KEY_GUARDS:
		parse_guards(&options->wanted, arg, state);
		return 0;
	case KEY_OFF:
		options->off = true;
		return 0;
	case ARGP_KEY_ARG:
		parse_word(options, arg, state);
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
	.args_doc = "[HEAP]",
	.doc = "Look for memory errors in a heap, or in all: what is given is on from then on, and "
	       "what is not given is off. As root. Without options, show what is on and how many "
	       "errors were found; memctl errors shows them.\v"
	       "Red zones are bytes before and behind an allocation that nobody may write. They are "
	       "looked at when it is freed, when its size changes, and by memctl check.\n\n"
	       "Poison is looked at when its memory leaves the quarantine, and by memctl check; "
	       "without a quarantine there is little time to find anything. A quarantine by itself "
	       "keeps what is freed from a new owner, whom a late write would hit; a stack heap has "
	       "none.\n\n"
	       "A guard page stops a wrong access at once: kernel code with a trace in the kernel's "
	       "log, a program by a signal.\n\n"
	       "While any of these is on, a second free, a free of what is no allocation and the use "
	       "of an old handle are reported as well.\n\n"
	       "All of it costs memory and time; guards cost least. Example: "
	       "memctl debug frames --red-zones --poison --quarantine=1M",
};

/* ---- what is shown ---- */

static const struct column columns[] = {
	{ "HEAP", "heap", CELL_TEXT, 0 },
	{ NULL, "red_zone_bytes", CELL_SIZE, COLUMN_JSON },
	{ "RED ZONES", NULL, CELL_TEXT, COLUMN_TEXT },
	{ "POISON", "poison", CELL_FLAG, COLUMN_JSON },
	{ "POISON", NULL, CELL_TEXT, COLUMN_TEXT },
	{ NULL, "quarantine_bytes", CELL_SIZE, COLUMN_JSON },
	{ NULL, "quarantine_blocks", CELL_COUNT, COLUMN_JSON },
	{ NULL, "held_bytes", CELL_SIZE, COLUMN_JSON },
	{ NULL, "held_blocks", CELL_COUNT, COLUMN_JSON },
	{ "QUARANTINE", NULL, CELL_TEXT, COLUMN_TEXT },
	{ NULL, "guard_interval", CELL_COUNT, COLUMN_JSON },
	{ NULL, "guards", CELL_COUNT, COLUMN_JSON },
	{ "GUARDS", NULL, CELL_TEXT, COLUMN_TEXT },
	{ "GUARDED", "guarded", CELL_COUNT, COLUMN_HIDE_ZERO },
	{ "NO ROOM", "unzoned", CELL_COUNT, COLUMN_HIDE_ZERO },
	{ "ERRORS", "found", CELL_COUNT, 0 },
};

/* A feature that is off shows as "off", and as null in JSON. */
static void add_zones(struct table *table, const struct memmgr_debug *d)
{
	bool on = d->flags & MEMMGR_DEBUG_ZONES;

	if (on)
		table_num(table, d->zone);
	else
		table_none(table);
	table_text(table, on ? size_text(d->zone) : "off");
	on = d->flags & MEMMGR_DEBUG_POISON;
	table_num(table, on);
	table_text(table, on ? "on" : "off");
}

/* A quarantine that was turned off still has the blocks that it had. */
static void add_quarantine(struct table *table, const struct memmgr_debug *d)
{
	bool on = d->flags & MEMMGR_DEBUG_QUARANTINE;
	char text[128] = "off";

	if (on) {
		table_num(table, d->quarantine_bytes);
		table_num(table, d->quarantine_blocks);
		snprintf(text, sizeof(text), "%s of %s, %" PRIu32 " of %" PRIu32 " blocks",
			 brief_size_text(d->held_bytes), brief_size_text(d->quarantine_bytes),
			 d->held_blocks, d->quarantine_blocks);
	} else {
		table_none(table);
		table_none(table);
		if (d->held_blocks)
			snprintf(text, sizeof(text), "off, %s in %" PRIu32 " blocks",
				 brief_size_text(d->held_bytes), d->held_blocks);
	}
	table_num(table, d->held_bytes);
	table_num(table, d->held_blocks);
	table_text(table, text);
}

static void add_guards(struct table *table, const struct memmgr_debug *d)
{
	bool on = d->flags & MEMMGR_DEBUG_GUARDS;
	char text[64] = "off";

	if (on) {
		table_num(table, d->guard_interval);
		snprintf(text, sizeof(text), "1 in %" PRIu32 ", %" PRIu32 " now",
			 d->guard_interval, d->guards);
	} else {
		table_none(table);
		if (d->guards)
			snprintf(text, sizeof(text), "off, %" PRIu32 " now", d->guards);
	}
	table_num(table, d->guards);
	table_text(table, text);
}

/* ---- the heaps ---- */

struct debugging {
	const struct options *options;
	struct table *table;
	uint32_t on;		/* in any heap */
	uint64_t found;
};

static int debug(const struct memctl *ctl, const struct memmgr_heap_query *heap, void *arg)
{
	struct debugging *debugging = arg;
	struct memmgr_debug d = debugging->options->wanted;
	int err;

	d.heap = heap->heap;
	err = memmgr_debug(ctl->fd, &d);
	/* Of all heaps: one that has gone meanwhile is none of them. */
	if (err == -ENOENT && !debugging->options->heap)
		return EXIT_OK;
	if (err)
		return fail_errno(ctl, err, "heap '%.*s'", MEMMGR_NAME_LEN, heap->name);
	table_chars(debugging->table, heap->name, sizeof(heap->name));
	add_zones(debugging->table, &d);
	add_quarantine(debugging->table, &d);
	add_guards(debugging->table, &d);
	table_num(debugging->table, d.guarded);
	table_num(debugging->table, d.unzoned);
	table_num(debugging->table, d.found);
	debugging->on |= d.flags;
	debugging->found += d.found;
	return EXIT_OK;
}

static void show(const struct memctl *ctl, const struct debugging *debugging)
{
	table_show(ctl, "heaps", debugging->table);
	if (ctl->json)
		return;
	if (debugging->found)
		puts("memctl errors shows what was found");
	if (!debugging->on && !debugging->options->off)
		puts("nothing is looked for; for example, as root: memctl debug --red-zones "
		     "--poison --quarantine");
}

int cmd_debug(struct memctl *ctl, int argc, char **argv)
{
	struct options options = { .off = false };
	struct debugging debugging = { .options = &options };
	int rc;

	parse_args(ctl, &argp, argc, argv, &options);
	rc = region_open(ctl, options.wanted.flags ? O_RDWR : O_RDONLY);
	if (rc)
		return rc;
	debugging.table = table_new(columns, ARRAY_SIZE(columns));
	rc = heaps_visit(ctl, options.heap, debug, &debugging);
	if (!rc)
		show(ctl, &debugging);
	table_free(debugging.table);
	return rc;
}
