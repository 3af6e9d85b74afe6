// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* memctl list: the allocations, their owners and their ages. */
#include <argp.h>
#include <fcntl.h>
#include <memmgr.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/args.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/table.h"
#include "cmd/commands.h"
#include "find/find.h"
#include "find/rights.h"
#include "memctl.h"

enum {
	KEY_MINE = 0x200,
	KEY_SORT,
};

static const struct argp_option options_table[] = {
	{ "heap", 'H', "HEAP", 0, "Only of this heap", 0 },
	{ "mine", KEY_MINE, 0, 0, "Only what you may use", 0 },
	{ "sort", KEY_SORT, "KEY", 0, "By offset, size, age, pid or tag (default: offset)", 0 },
	{ 0 },
};

static int by_offset(const void *a, const void *b)
{
	const struct memmgr_info *x = a, *y = b;

	return (x->offset > y->offset) - (x->offset < y->offset);
}

static int by_size(const void *a, const void *b)
{
	const struct memmgr_info *x = a, *y = b;

	return (x->granted < y->granted) - (x->granted > y->granted);
}

static int by_age(const void *a, const void *b)
{
	const struct memmgr_info *x = a, *y = b;

	return (x->time_ns > y->time_ns) - (x->time_ns < y->time_ns);
}

static int by_pid(const void *a, const void *b)
{
	const struct memmgr_info *x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

static int by_tag(const void *a, const void *b)
{
	const struct memmgr_info *x = a, *y = b;

	return strncmp(x->tag, y->tag, sizeof(x->tag));
}

/* Largest and oldest first. */
static const char *const sort_names[] = { "offset", "size", "age", "pid", "tag" };
static int (*const sorts[])(const void *, const void *) = {
	by_offset, by_size, by_age, by_pid, by_tag,
};

struct options {
	const char *heap;
	uint32_t flags;
	size_t sort;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case 'H':
		options->heap = arg;
		return 0;
	case KEY_MINE:
		options->flags = MEMMGR_LIST_MINE;
		return 0;
	case KEY_SORT:
		options->sort = arg_choice(state, "--sort", arg, sort_names,
					   ARRAY_SIZE(sort_names));
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options_table,
	.parser = parse,
	.doc = "List the allocations: size, offset in the region, who made it and when.\v"
	       "Allocations of others are shown without a handle. PERS: it stays when its maker "
	       "exits. MOVABLE: compaction may move it now; MOVES: how often it did. LEASE FAULTS: "
	       "page faults in its mappings since somebody took a real-time lease on it.",
};

static const struct column columns[] = {
	{ "HANDLE", "handle", CELL_HANDLE, 0 },
	{ "HEAP", "heap", CELL_TEXT, 0 },
	{ "SIZE", "bytes", CELL_SIZE, 0 },
	{ "GRANTED", "granted", CELL_SIZE, COLUMN_JSON },
	{ "ALIGN", "align", CELL_SIZE, COLUMN_JSON },
	{ "OFFSET", "offset", CELL_SIZE, COLUMN_JSON },
	{ "OFFSET", NULL, CELL_HANDLE, COLUMN_TEXT },
	{ "PID", "pid", CELL_COUNT, 0 },
	{ "TID", "tid", CELL_COUNT, COLUMN_JSON },
	{ "COMM", "comm", CELL_TEXT, 0 },
	{ "UID", "uid", CELL_COUNT, 0 },
	{ "AGE", "age_ms", CELL_AGE, 0 },
	{ "MOVABLE", "movable", CELL_FLAG, 0 },
	{ "MOVES", "moves", CELL_COUNT, COLUMN_HIDE_ZERO },
	{ "PINS", "pins", CELL_COUNT, COLUMN_HIDE_ZERO },
	{ "LEASED", "leased", CELL_FLAG, COLUMN_HIDE_ZERO },
	{ "LEASE FAULTS", "lease_faults", CELL_COUNT, COLUMN_HIDE_ZERO },
	{ "ACCESS", "access", CELL_TEXT, 0 },
	{ "SEALED", "sealed", CELL_FLAG, COLUMN_HIDE_ZERO },
	{ "HELD", "held", CELL_FLAG, COLUMN_HIDE_ZERO },
	{ "EXPORTS", "exports", CELL_COUNT, COLUMN_HIDE_ZERO },
	{ "VIOLATIONS", "violations", CELL_COUNT, COLUMN_HIDE_ZERO },
	{ "CLIENT", "client", CELL_COUNT, COLUMN_JSON },
	{ "PERS", "persistent", CELL_FLAG, 0 },
	{ "MAPPED", "mapped", CELL_FLAG, COLUMN_JSON },
	{ "MINE", "mine", CELL_FLAG, COLUMN_JSON },
	{ "TAG", "tag", CELL_TEXT, 0 },
};

struct listing {
	struct memmgr_info *infos;
	size_t count;
	size_t room;
};

static int keep(const struct memmgr_info *info, void *arg)
{
	struct listing *listing = arg;

	if (listing->count == listing->room) {
		listing->room = listing->room ? 2 * listing->room : 256;
		listing->infos = reallocarray(listing->infos, listing->room, sizeof(*info));
		if (!listing->infos)
			out_of_memory();
	}
	listing->infos[listing->count++] = *info;
	return 0;
}

static void add_row(const struct memctl *ctl, struct table *table,
		    const struct memmgr_info *info, uint64_t now)
{
	char name[MEMMGR_NAME_LEN];

	if (info->handle)
		table_num(table, info->handle);
	else
		table_none(table);
	table_text(table, heap_name(ctl, info->heap, name));
	table_num(table, info->bytes);
	table_num(table, info->granted);
	table_num(table, info->align);
	table_num(table, info->offset);
	table_num(table, info->offset);
	table_num(table, info->pid);
	table_num(table, info->tid);
	table_chars(table, info->comm, sizeof(info->comm));
	table_num(table, info->uid);
	table_num(table, now > info->time_ns ? now - info->time_ns : 0);
	table_num(table, info->state & MEMMGR_INFO_MOVABLE);
	table_num(table, info->moves);
	table_num(table, info->pins);
	table_num(table, info->state & MEMMGR_INFO_LEASED);
	table_num(table, info->lease_faults);
	table_text(table, access_name(info->access));
	table_num(table, info->state & MEMMGR_INFO_SEALED);
	table_num(table, info->state & MEMMGR_INFO_HELD);
	table_num(table, info->exports);
	table_num(table, info->violations);
	table_num(table, info->client);
	table_num(table, info->flags & MEMMGR_ALLOC_PERSISTENT);
	table_num(table, info->state & MEMMGR_INFO_MAPPED);
	table_num(table, info->state & MEMMGR_INFO_MINE);
	table_chars(table, info->tag, sizeof(info->tag));
}

static void show(const struct memctl *ctl, const struct listing *listing)
{
	struct table *table = table_new(columns, ARRAY_SIZE(columns));
	uint64_t now = now_ns(CLOCK_BOOTTIME);

	for (size_t i = 0; i < listing->count; i++)
		add_row(ctl, table, &listing->infos[i], now);
	if (ctl->json)
		json_print(json_result(ctl, "allocations", table_json(table)));
	else if (listing->count)
		table_print(table);
	else
		puts("nothing is allocated");
	table_free(table);
}

int cmd_list(struct memctl *ctl, int argc, char **argv)
{
	struct options options = { .sort = 0 };
	struct memmgr_heap_query heap = { .heap = MEMMGR_HEAP_ANY };
	struct listing listing = { .count = 0 };
	int rc, err;

	parse_args(ctl, &argp, argc, argv, &options);
	rc = region_open(ctl, O_RDONLY);
	if (!rc && options.heap)
		rc = heap_find(ctl, options.heap, &heap);
	if (rc)
		return rc;
	err = memmgr_list(ctl->fd, heap.heap, options.flags, keep, &listing);
	if (err) {
		free(listing.infos);
		return fail_errno(ctl, err, "allocations");
	}
	if (listing.count)
		qsort(listing.infos, listing.count, sizeof(*listing.infos), sorts[options.sort]);
	show(ctl, &listing);
	free(listing.infos);
	return EXIT_OK;
}
