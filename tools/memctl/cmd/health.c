// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* memctl health: the state of the region, and the thresholds of compaction by itself. */
#include <argp.h>
#include <fcntl.h>
#include <memmgr.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/args.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/options.h"
#include "base/table.h"
#include "cmd/commands.h"
#include "find/find.h"
#include "memctl.h"

enum {
	KEY_ON = 0x200,
	KEY_OFF,
	KEY_COMPACT_ABOVE,
	KEY_WARN_ABOVE,
	KEY_HYSTERESIS,
	KEY_CPU,
};

#define UNSET	UINT32_MAX

static const struct argp_option options_table[] = {
	{ "on", KEY_ON, 0, 0, "Compact the region by itself", 0 },
	{ "off", KEY_OFF, 0, 0, "Only watch; events still come", 0 },
	{ "compact-above", KEY_COMPACT_ABOVE, "X", 0,
	  "Fragmentation of heap main above which it is compacted", 0 },
	{ "warn-above", KEY_WARN_ABOVE, "X", 0,
	  "Usage above which the region is low on memory", 0 },
	{ "hysteresis", KEY_HYSTERESIS, "X", 0, "How far below its threshold a state ends", 0 },
	{ "cpu", KEY_CPU, "X", 0, "Share of one CPU's time that compacting takes at most", 0 },
	{ 0 },
};

struct options {
	uint32_t on;		/* these: UNSET where nothing was given */
	uint32_t compact_above;
	uint32_t warn_above;
	uint32_t hysteresis;
	uint32_t cpu;
	bool any;
};

static void parse_on(struct options *options, bool on, struct argp_state *state)
{
	if (options->on != UNSET && options->on != on)
		argp_error(state, "give --on or --off, not both");
	options->on = on;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case KEY_ON:
	case KEY_OFF:
		parse_on(options, key == KEY_ON, state);
		break;
	case KEY_COMPACT_ABOVE:
		options->compact_above = arg_share(state, "--compact-above", arg);
		break;
	case KEY_WARN_ABOVE:
		options->warn_above = arg_share(state, "--warn-above", arg);
		break;
	case KEY_HYSTERESIS:
		options->hysteresis = arg_share(state, "--hysteresis", arg);
		break;
	case KEY_CPU:
		options->cpu = arg_share(state, "--cpu", arg);
		break;
	case ARGP_KEY_ARG:
		argp_error(state, "'%s' is one word too many; thresholds are options, such as "
			   "--compact-above 30%%", arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	options->any = true;
	return 0;
}

static const struct argp argp = {
	.options = options_table,
	.parser = parse,
	.doc = "Show how the region is and when it acts by itself; or change that, as root. X is a "
	       "share: 0.30 or 30%.\v"
	       "Fragmentation is external: the share of the free memory of heap main that one "
	       "request cannot get. What crosses a threshold is an event: memctl watch. Nothing is "
	       "looked at while nothing changes.",
};

static const struct column columns[] = {
	{ "state", NULL, CELL_TEXT, COLUMN_TEXT },
	{ "compacts itself", "on", CELL_FLAG, 0 },
	{ "fragmentation", "fragmentation", CELL_PERCENT, 0 },
	{ "  compacted above", "compact_above", CELL_PERCENT, 0 },
	{ "usage", "usage", CELL_PERCENT, 0 },
	{ "  low on memory above", "warn_above", CELL_PERCENT, 0 },
	{ "hysteresis", "hysteresis", CELL_PERCENT, 0 },
	{ "CPU time at most", "cpu", CELL_PERCENT, 0 },
	{ "times looked", "checks", CELL_COUNT, 0 },
	{ "times compacted", "compactions", CELL_COUNT, 0 },
	{ "  blocks moved", "moves", CELL_COUNT, 0 },
	{ "  bytes moved", "moved", CELL_SIZE, 0 },
	{ "events", "events", CELL_COUNT, 0 },
	{ NULL, "low", CELL_FLAG, COLUMN_JSON },
	{ NULL, "fragmented", CELL_FLAG, COLUMN_JSON },
	{ NULL, "at_work", CELL_FLAG, COLUMN_JSON },
};

/* "low on memory, fragmented, compacting now"; "good" where none of these holds. */
static const char *state_text(uint32_t state, char *text, size_t len)
{
	snprintf(text, len, "%s%s%s", state & MEMMGR_HEALTH_LOW ? ", low on memory" : "",
		 state & MEMMGR_HEALTH_FRAGMENTED ? ", fragmented" : "",
		 state & MEMMGR_HEALTH_AT_WORK ? ", compacting now" : "");
	return *text ? text + 2 : "good";
}

static void show(const struct memctl *ctl, const struct memmgr_health *health)
{
	struct table *table = table_new(columns, ARRAY_SIZE(columns));
	char text[64];

	table_text(table, state_text(health->state, text, sizeof(text)));
	table_num(table, health->flags & MEMMGR_HEALTH_ON);
	table_num(table, health->fragmentation);
	table_num(table, health->compact_above);
	table_num(table, health->usage);
	table_num(table, health->warn_above);
	table_num(table, health->hysteresis);
	table_num(table, health->cpu);
	table_num(table, health->checks);
	table_num(table, health->compactions);
	table_num(table, health->moves);
	table_num(table, health->moved);
	table_num(table, health->events);
	table_num(table, health->state & MEMMGR_HEALTH_LOW);
	table_num(table, health->state & MEMMGR_HEALTH_FRAGMENTED);
	table_num(table, health->state & MEMMGR_HEALTH_AT_WORK);
	if (ctl->json)
		json_print(json_result(ctl, "health", table_json_row(table, 0)));
	else
		table_print_facts(table);
	table_free(table);
}

static void set(uint32_t *value, uint32_t option)
{
	if (option != UNSET)
		*value = option;
}

static int change(const struct memctl *ctl, const struct options *options,
		  struct memmgr_health *health)
{
	if (options->on != UNSET)
		health->flags = options->on ? MEMMGR_HEALTH_ON : 0;
	set(&health->compact_above, options->compact_above);
	set(&health->warn_above, options->warn_above);
	set(&health->hysteresis, options->hysteresis);
	set(&health->cpu, options->cpu);
	return memmgr_set_health(ctl->fd, health);
}

int cmd_health(struct memctl *ctl, int argc, char **argv)
{
	struct options options = { UNSET, UNSET, UNSET, UNSET, UNSET, false };
	struct memmgr_health health;
	int rc, err;

	parse_args(ctl, &argp, argc, argv, &options);
	rc = region_open(ctl, options.any ? O_RDWR : O_RDONLY);
	if (rc)
		return rc;
	err = memmgr_health(ctl->fd, &health);
	if (!err && options.any) {
		err = change(ctl, &options, &health);
		if (!err)
			err = memmgr_health(ctl->fd, &health);
	}
	if (err)
		return fail_errno(ctl, err, "health of the region");
	show(ctl, &health);
	return EXIT_OK;
}
