// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* memctl leaks: the allocations that live, their ages and their origins. */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <memmgr.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/args.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/options.h"
#include "base/table.h"
#include "base/words.h"
#include "cmd/commands.h"
#include "find/find.h"
#include "look/leaks.h"
#include "memctl.h"

enum {
	KEY_ON = 0x200,
	KEY_OFF,
	KEY_OLDER,
	KEY_BY,
	KEY_SNAPSHOT,
	KEY_DIFF,
};

static const struct argp_option options_table[] = {
	{ "on", KEY_ON, 0, 0, "From now on remember where allocations come from", 0 },
	{ "off", KEY_OFF, 0, 0, "No longer", 0 },
	{ "older", KEY_OLDER, "TIME", 0, "Only what lives for longer: 500ms, 60s, 5m, 2h", 0 },
	{ "by", KEY_BY, "WHAT", 0, "Put together by site, owner, tag or size (default: site)", 0 },
	{ "snapshot", KEY_SNAPSHOT, "FILE", 0, "Write what lives now to FILE", 0 },
	{ "diff", KEY_DIFF, "FILE", 0, "Show what has grown since the snapshot in FILE", 0 },
	{ 0 },
};

struct options {
	const char *heap;
	uint32_t track;
	uint64_t older_ns;
	size_t by;
	const char *snapshot;
	const char *diff;
	bool looks;		/* how, was said */
};

static void parse_track(struct options *options, uint32_t track, struct argp_state *state)
{
	if (options->track && options->track != track)
		argp_error(state, "give --on or --off, not both");
	options->track = track;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case KEY_ON:
		parse_track(options, MEMMGR_TRACK_ON, state);
		return 0;
	case KEY_OFF:
		parse_track(options, MEMMGR_TRACK_OFF, state);
		return 0;
	case KEY_OLDER:
		options->older_ns = arg_time(state, "--older", arg);
		options->looks = true;
		return 0;
	case KEY_BY:
		options->looks = true;
		options->by = arg_choice(state, "--by", arg, leaks_by_names, LEAKS_BYS);
		return 0;
	case KEY_SNAPSHOT:
		options->snapshot = arg;
		options->looks = true;
		return 0;
	case KEY_DIFF:
		options->diff = arg;
		options->looks = true;
		return 0;
	case ARGP_KEY_ARG:
		options->heap = arg_only(state, arg, "give one HEAP or none");
		return 0;
	case ARGP_KEY_END:
		if (options->track && options->looks)
			argp_error(state, "--on and --off only switch tracking; give --snapshot, "
				   "--diff, --older and --by to a second memctl leaks");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options_table,
	.parser = parse,
	.args_doc = "[HEAP]",
	.doc = "Show what lives in the region, put together by where it comes from, the most "
	       "first. What is old and grows is a leak.\v"
	       "Sites are known of what was allocated after --on, in a heap that there was then, "
	       "by programs that call libmemmgr (or pass memmgr_alloc.site) and by kernel code. "
	       "Functions and lines are named where addr2line and symbols are there, in files "
	       "that are root's or your own. ABANDONED are persistent allocations whose maker is "
	       "gone and that nobody pins or exports.",
};

/* ---- tracking -------------------------------------------------------------------- */

struct tracking {
	uint32_t flags;
	bool all;		/* heaps: one that has gone meanwhile is none of them */
	size_t on;
	size_t heaps;
	uint64_t lost;
	uint64_t sites_lost;
};

static int track(const struct memctl *ctl, const struct memmgr_heap_query *heap, void *arg)
{
	struct tracking *tracking = arg;
	struct memmgr_track t;
	int err = memmgr_track(ctl->fd, heap->heap, tracking->flags, &t);

	if (err == -ENOENT && tracking->all)
		return EXIT_OK;
	if (err)
		return fail_errno(ctl, err, "tracking of heap '%s'", heap->name);
	tracking->heaps++;
	tracking->on += t.state & MEMMGR_TRACK_ON;
	tracking->lost += t.lost;
	tracking->sites_lost = t.sites_lost;
	return EXIT_OK;
}

static int set_tracking(const struct memctl *ctl, const struct options *options)
{
	struct tracking tracking = { .flags = options->track, .all = !options->heap };
	int rc = heaps_visit(ctl, options->heap, track, &tracking);

	if (rc)
		return rc;
	if (ctl->json)
		json_print(json_result(ctl, "tracked_heaps", json_u64(tracking.on)));
	else
		printf("%zu heap%s tracked\n", tracking.on, tracking.on == 1 ? " is" : "s are");
	return EXIT_OK;
}

/* Why sites may be lacking; a module without debugging says no more. */
static void tell_tracking(const struct memctl *ctl, const struct options *options)
{
	struct tracking tracking = { .all = !options->heap };
	struct memmgr_track t;

	if (ctl->json || options->by != BY_SITE)
		return;
	if (memmgr_track(ctl->fd, MEMMGR_HEAP_MAIN, 0, &t)) {
		puts("this module does not track sites: it is an older one, or built with DEBUG=n");
		return;
	}
	if (heaps_visit(ctl, options->heap, track, &tracking))
		return;
	if (!tracking.on)
		puts("no heap is tracked: memctl leaks --on, then allocations have a site");
	if (tracking.lost || tracking.sites_lost)
		printf("%" PRIu64 " blocks of kernel code and the sites of %" PRIu64
		       " allocations are not known: there was no more room\n", tracking.lost,
		       tracking.sites_lost);
}

/* ---- what is shown ---------------------------------------------------------------- */

static const struct column columns[] = {
	{ "COUNT", "count", CELL_COUNT, 0 },
	{ "BYTES", "bytes", CELL_SIZE, 0 },
	{ "OLDEST", "oldest_ms", CELL_AGE, 0 },
	{ "ABANDONED", "abandoned", CELL_COUNT, COLUMN_HIDE_ZERO },
	{ NULL, "count_before", CELL_COUNT, COLUMN_JSON },
	{ NULL, "bytes_before", CELL_SIZE, COLUMN_JSON },
	{ "GROWN BY", NULL, CELL_TEXT, COLUMN_TEXT },
	{ "WHERE", "where", CELL_TEXT, 0 },
};

static const struct column plain_columns[] = {
	{ "COUNT", "count", CELL_COUNT, 0 },
	{ "BYTES", "bytes", CELL_SIZE, 0 },
	{ "OLDEST", "oldest_ms", CELL_AGE, 0 },
	{ "ABANDONED", "abandoned", CELL_COUNT, COLUMN_HIDE_ZERO },
	{ "WHERE", "where", CELL_TEXT, 0 },
};

/* "+12, +48 KiB"; "-" where nothing has changed. */
static void add_growth(struct table *table, const struct leak_group *group)
{
	int64_t count = group->count - group->count_before;
	int64_t bytes = group->bytes - group->bytes_before;
	char text[64] = "-";

	table_num(table, group->count_before);
	table_num(table, group->bytes_before);
	if (count || bytes)
		snprintf(text, sizeof(text), "%+" PRId64 ", %c%s", count, bytes < 0 ? '-' : '+',
			 size_text(llabs(bytes)));
	table_text(table, text);
}

static void show(const struct memctl *ctl, const struct options *options,
		 const struct leaks *leaks, const struct leaks *before)
{
	struct table *table = before ? table_new(columns, ARRAY_SIZE(columns)) :
				       table_new(plain_columns, ARRAY_SIZE(plain_columns));
	struct leak_group *groups;
	size_t count;

	groups = leaks_group(leaks, before, options->by, options->older_ns, &count);
	for (size_t i = 0; i < count; i++) {
		table_num(table, groups[i].count);
		table_num(table, groups[i].bytes);
		table_num(table, groups[i].count ? leaks->time_ns - groups[i].oldest_ns : 0);
		table_num(table, groups[i].abandoned);
		if (before)
			add_growth(table, &groups[i]);
		table_text(table, groups[i].word);
		if (options->by == BY_SIZE)
			free(groups[i].word);
	}
	if (count || ctl->json)
		table_show(ctl, "leaks", table);
	else
		puts(options->older_ns ? "nothing lives for that long" : "nothing lives");
	free(groups);
	table_free(table);
}

static int look(const struct memctl *ctl, const struct options *options)
{
	struct leaks leaks = { 0 }, before = { 0 };
	struct memmgr_heap_query heap;
	int rc = EXIT_OK;

	if (options->diff)
		rc = leaks_load(ctl, options->diff, &before);
	if (!rc && options->heap)
		rc = heap_find(ctl, options->heap, &heap);
	if (!rc)
		rc = leaks_collect(ctl, options->heap ? &heap : NULL, &leaks);
	if (!rc && options->diff)
		rc = leaks_check_scope(ctl, &leaks, &before, options->diff);
	if (!rc && options->snapshot)
		rc = leaks_save(ctl, &leaks, options->snapshot);
	if (!rc && (!options->snapshot || options->diff)) {
		tell_tracking(ctl, options);
		show(ctl, options, &leaks, options->diff ? &before : NULL);
	} else if (!rc && !ctl->json && strcmp(options->snapshot, "-")) {
		printf("%zu allocations written to %s\n", leaks.count, options->snapshot);
	}
	leaks_free(&leaks);
	leaks_free(&before);
	return rc;
}

int cmd_leaks(struct memctl *ctl, int argc, char **argv)
{
	struct options options = { 0 };
	int rc;

	parse_args(ctl, &argp, argc, argv, &options);
	rc = region_open(ctl, options.track ? O_RDWR : O_RDONLY);
	if (rc)
		return rc;
	return options.track ? set_tracking(ctl, &options) : look(ctl, &options);
}
