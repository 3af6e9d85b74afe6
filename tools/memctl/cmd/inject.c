// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* memctl inject: requests for memory fail on purpose, to test how programs take it. */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <memmgr.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/args.h"
#include "base/clock.h"
#include "base/command.h"
#include "base/fail.h"
#include "base/options.h"
#include "base/table.h"
#include "cmd/commands.h"
#include "find/find.h"
#include "memctl.h"

#define KEY_SKIP	0x200
#define KEY_EVERY	0x201
#define KEY_TIMES	0x202
#define KEY_CHANCE	0x203
#define KEY_SEED	0x204
#define KEY_OFF		0x205

static const char *const whom_names[ARG_KINDS] = { "heap", "client" };

static const uint32_t whom_flags[] = { MEMMGR_INJECT_HEAP, MEMMGR_INJECT_CLIENT };

struct options {
	struct memmgr_inject inject;	/* id: when it is known */
	struct arg_pair whom;		/* heap HEAP, client ID */
	char **command;
	bool set;
	bool seeded;
	bool off;
};

/* ---- what is shown ---- */

static const struct column columns[] = {
	{ "WHOM", "whom", CELL_TEXT, 0 },
	{ "NAME", "name", CELL_TEXT, 0 },
	{ "SKIP", "skip", CELL_COUNT, 0 },
	{ "EVERY", "every", CELL_COUNT, 0 },
	{ "TIMES", "times", CELL_COUNT, COLUMN_JSON },
	{ "TIMES", NULL, CELL_TEXT, COLUMN_TEXT },
	{ "CHANCE", "chance", CELL_PERCENT, 0 },
	{ "SEED", "seed", CELL_COUNT, COLUMN_HIDE_ZERO },
	{ "SEEN", "seen", CELL_COUNT, 0 },
	{ "FAILED", "failed", CELL_COUNT, 0 },
};

/* Without a limit it is null in JSON; off it is 0. */
static void add_times(struct table *table, uint64_t times)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, times);
	if (times == MEMMGR_INJECT_NO_LIMIT)
		table_none(table);
	else
		table_num(table, times);
	table_text(table, !times ? "off" : times == MEMMGR_INJECT_NO_LIMIT ? "no limit" : text);
}

static void add_row(struct table *table, const char *whom, const char *name,
		    const struct memmgr_inject *inject)
{
	table_text(table, whom);
	table_text(table, name);
	table_num(table, inject->skip);
	table_num(table, inject->interval);
	add_times(table, inject->times);
	table_num(table, !inject->times ? 0 : inject->probability ? inject->probability : 1000);
	table_num(table, inject->seed);
	table_num(table, inject->seen);
	table_num(table, inject->failed);
}

static int read_one(const struct memctl *ctl, uint32_t whom, uint64_t id,
		    struct memmgr_inject *inject)
{
	*inject = (struct memmgr_inject){ .flags = whom, .id = id };
	return memmgr_inject(ctl->fd, inject);
}

static int show_one(const struct memctl *ctl, const struct options *options)
{
	struct table *table = table_new(columns, ARRAY_SIZE(columns));
	const char *whom = whom_names[options->whom.kind];
	struct memmgr_inject inject;
	int err = read_one(ctl, whom_flags[options->whom.kind], options->inject.id, &inject);

	if (!err) {
		add_row(table, whom, options->whom.name, &inject);
		table_show(ctl, "injections", table);
	}
	table_free(table);
	return err ? fail_errno(ctl, err, "%s '%s'", whom, options->whom.name) : EXIT_OK;
}

/* ---- all that are set ---- */

struct list {
	const struct memctl *ctl;
	struct table *table;
};

static int add_heap(const struct memctl *ctl, const struct memmgr_heap_query *heap, void *arg)
{
	char name[MEMMGR_NAME_LEN + 1];
	struct memmgr_inject inject;
	struct list *list = arg;
	int err = read_one(ctl, MEMMGR_INJECT_HEAP, heap->heap, &inject);

	snprintf(name, sizeof(name), "%.*s", MEMMGR_NAME_LEN, heap->name);
	if (!err && inject.times)
		add_row(list->table, "heap", name, &inject);
	/* It may have gone since. */
	return !err || err == -ENOENT ? EXIT_OK : fail_errno(ctl, err, "heap '%s'", name);
}

static int add_client(const struct memmgr_account *account, void *arg)
{
	struct memmgr_inject inject;
	struct list *list = arg;
	int err = read_one(list->ctl, MEMMGR_INJECT_CLIENT, account->id, &inject);
	char id[24];

	snprintf(id, sizeof(id), "%" PRIu64, (uint64_t)account->id);
	if (!err && inject.times)
		add_row(list->table, "client", id, &inject);
	return err == -ENOENT ? 0 : err;
}

static int show_all(const struct memctl *ctl)
{
	struct list list = { ctl, table_new(columns, ARRAY_SIZE(columns)) };
	int rc = heaps_visit(ctl, NULL, add_heap, &list);
	int err;

	if (!rc) {
		err = memmgr_accounts(ctl->fd, 0, add_client, &list);
		rc = err ? fail_errno(ctl, err, "clients") : EXIT_OK;
	}
	if (!rc)
		table_show(ctl, "injections", list.table);
	table_free(list.table);
	return rc;
}

/* ---- what is asked for ---- */

static const struct argp_option options_table[] = {
	{ "skip", KEY_SKIP, "N", 0, "Let so many requests pass first (default 0)", 0 },
	{ "every", KEY_EVERY, "N", 0, "Then every N-th fails (default 1: each)", 0 },
	{ "times", KEY_TIMES, "N", 0, "At most so many fail (default: no limit)", 0 },
	{ "chance", KEY_CHANCE, "SHARE", 0,
	  "Of these, such a share fails: 0.05, 5% (default 1)", 0 },
	{ "seed", KEY_SEED, "N", 0, "Of the chance: the same one repeats it", 0 },
	{ "off", KEY_OFF, 0, 0, "No request fails on purpose any more", 0 },
	{ 0 },
};

static void parse_end(struct options *options, struct argp_state *state)
{
	struct memmgr_inject *inject = &options->inject;

	if (!options->whom.given && (options->set || options->off))
		argp_error(state, "heap HEAP or client ID is missing; for example "
			   "memctl inject heap main --times 1");
	if (options->whom.given && !options->whom.name)
		argp_error(state, "the %s is missing; memctl %s lists them",
			   whom_names[options->whom.kind],
			   options->whom.kind ? "clients" : "heap list");
	if (options->off && options->set)
		argp_error(state, "--off goes alone");
	if (options->command && !options->command[0])
		argp_error(state, "the command is missing after --");
	if (options->command && !options->set)
		argp_error(state, "which requests shall fail while %s runs? Give --skip, --every, "
			   "--times or --chance", options->command[0]);
	if (options->seeded && !inject->probability)
		argp_error(state, "--seed goes with --chance");
	if (!options->off && !inject->interval)
		inject->interval = 1;
	if (!options->off && !inject->times)
		inject->times = MEMMGR_INJECT_NO_LIMIT;
	if (inject->probability && !options->seeded)
		inject->seed = (uint32_t)now_ns(CLOCK_REALTIME);
}

static bool parse_number(struct options *options, int key, char *arg, struct argp_state *state)
{
	struct memmgr_inject *inject = &options->inject;

	switch (key) {
	case KEY_SKIP:
		inject->skip = arg_count(state, "--skip", arg, 0, UINT64_MAX);
		break;
	case KEY_EVERY:
		inject->interval = arg_count(state, "--every", arg, 1, UINT64_MAX);
		break;
	case KEY_TIMES:
		inject->times = arg_count(state, "--times", arg, 1, UINT64_MAX - 1);
		break;
	case KEY_CHANCE:
		inject->probability = arg_share(state, "--chance", arg);
		if (!inject->probability)
			argp_error(state, "--chance: '%s' lets nothing fail; give 0.001 to 1, or "
				   "--off", arg);
		break;
	case KEY_SEED:
		inject->seed = (uint32_t)arg_count(state, "--seed", arg, 0, UINT32_MAX);
		options->seeded = true;
		break;
	default:
		return false;
	}
	options->set = true;
	return true;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case KEY_OFF:
		options->off = true;
		return 0;
	case ARGP_KEY_ARG:
		arg_next(state, arg, &options->whom, "; give -- before a command");
		return 0;
	case ARGP_KEY_END:
		parse_end(options, state);
		return 0;
	default:
		return parse_number(options, key, arg, state) ? 0 : ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options_table,
	.parser = parse,
	.args_doc = "[heap HEAP|client ID] [-- COMMAND [ARG...]]",
	.doc = "Let requests for memory fail on purpose, to test what programs and drivers do: "
	       "those to a heap, or those of a client (an open file), as root. With COMMAND, while "
	       "it runs; the exit status is COMMAND's. Without options, show what is set.\v"
	       "The tenth request to a heap fails, and no other: --skip 9 --times 1. Every request "
	       "from the third on: --skip 2. One in twenty by chance: --chance 0.05.\n\n"
	       "A request that fails so fails as any other does: memctl failures lists it, with the "
	       "reason 'injected'.",
};

/* ---- setting it ---- */

static int fail_set(const struct memctl *ctl, const struct options *options, int err)
{
	if (err == -ENOENT && options->whom.kind)
		return fail(ctl, "memctl clients lists those there are", "there is no client %s",
			    options->whom.name);
	return fail_errno(ctl, err, "%s '%s'", whom_names[options->whom.kind], options->whom.name);
}

/* The id of who was named. */
static int find(const struct memctl *ctl, struct options *options)
{
	struct memmgr_heap_query heap;
	uint64_t serial = 0;
	int rc;

	if (whom_flags[options->whom.kind] == MEMMGR_INJECT_CLIENT) {
		/* To the module, 0 would be memctl itself. */
		if (!parse_handle(options->whom.name, &serial) || !serial)
			return fail_set(ctl, options, -ENOENT);
		options->inject.id = serial;
		return EXIT_OK;
	}
	rc = heap_find(ctl, options->whom.name, &heap);
	if (!rc)
		options->inject.id = heap.heap;
	return rc;
}

static int set(const struct memctl *ctl, const struct options *options, bool on)
{
	struct memmgr_inject inject = { .id = options->inject.id };

	if (on)
		inject = options->inject;
	inject.flags = whom_flags[options->whom.kind] | MEMMGR_INJECT_SET;
	return memmgr_inject(ctl->fd, &inject);
}

static void tell(const struct options *options, const struct memmgr_inject *inject)
{
	fprintf(stderr, "memctl: inject: %s '%s': %" PRIu64 " of %" PRIu64 " requests failed on "
		"purpose\n", whom_names[options->whom.kind], options->whom.name,
		(uint64_t)inject->failed,
		(uint64_t)inject->seen);
}

/*
 * It is taken back whatever happens to COMMAND. Heaps that are gone by then took it
 * with them.
 */
static int run_command(const struct memctl *ctl, const struct options *options)
{
	uint32_t whom = whom_flags[options->whom.kind];
	struct memmgr_inject inject;
	int rc, err;

	rc = command_run(ctl, options->command);
	err = read_one(ctl, whom, options->inject.id, &inject);
	if (!err && !ctl->json)
		tell(options, &inject);
	if (!err)
		err = set(ctl, options, false);
	return err && err != -ENOENT ? fail_set(ctl, options, err) : rc;
}

int cmd_inject(struct memctl *ctl, int argc, char **argv)
{
	struct options options = { .whom.kinds = whom_names };
	bool changes;
	int rc, err;

	options.command = command_split(&argc, argv);
	parse_args(ctl, &argp, argc, argv, &options);
	changes = options.set || options.off;
	rc = region_open(ctl, changes ? O_RDWR : O_RDONLY);
	if (rc)
		return rc;
	if (!options.whom.given)
		return show_all(ctl);
	rc = find(ctl, &options);
	if (rc)
		return rc;
	if (options.command)
		command_prepare();
	err = changes ? set(ctl, &options, options.set) : 0;
	if (err)
		return fail_set(ctl, &options, err);
	return options.command ? run_command(ctl, &options) : show_one(ctl, &options);
}
