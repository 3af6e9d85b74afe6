// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* memctl clients, memctl quota: the memory of clients and users, and its limits. */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <memmgr.h>
#include <pwd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/args.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/options.h"
#include "base/table.h"
#include "base/words.h"
#include "cmd/commands.h"
#include "find/find.h"
#include "memctl.h"

#define KEY_USERS	0x200
#define KEY_BYTES	0x201
#define KEY_COUNT	0x202
#define KEY_DEFAULT	0x203
#define KEY_HEAPS	0x204
#define KEY_WINDOWS	0x205
#define KEY_PINS	0x206
#define KEY_RECORDS	0x207

/* ---- what is shown ------------------------------------------------------------ */

static const struct column client_columns[] = {
	{ "CLIENT", "id", CELL_COUNT, 0 },
	{ "PID", "pid", CELL_COUNT, 0 },
	{ "COMM", "comm", CELL_TEXT, 0 },
	{ "UID", "uid", CELL_COUNT, 0 },
	{ "AGE", "age_ms", CELL_AGE, 0 },
	{ "STATE", "state", CELL_TEXT, 0 },
	{ "HAS", "bytes", CELL_SIZE, 0 },
	{ "PEAK", "peak", CELL_SIZE, 0 },
	{ "MAY HAVE", "max_bytes", CELL_SIZE, COLUMN_JSON },
	{ "MAY HAVE", NULL, CELL_TEXT, COLUMN_TEXT },
	{ "ALLOCATIONS", "allocations", CELL_COUNT, 0 },
	{ "AT MOST", "max_allocations", CELL_COUNT, COLUMN_HIDE_ZERO },
	{ "HEAPS", "heaps", CELL_COUNT, COLUMN_JSON },
	{ "HEAPS", "max_heaps", CELL_COUNT, COLUMN_JSON },
	{ "HEAPS", NULL, CELL_TEXT, COLUMN_TEXT },
	{ "PINS", "pins", CELL_COUNT, COLUMN_JSON },
	{ "PINS", "max_pins", CELL_COUNT, COLUMN_JSON },
	{ "PINS", NULL, CELL_TEXT, COLUMN_TEXT },
	{ "IN MAIN", "records", CELL_COUNT, COLUMN_JSON },
	{ "IN MAIN", "max_records", CELL_COUNT, COLUMN_JSON },
	{ "IN MAIN", NULL, CELL_TEXT, COLUMN_TEXT },
	{ "WINDOWS", "windows", CELL_COUNT, COLUMN_JSON },
	{ "WINDOWS", "max_windows", CELL_COUNT, COLUMN_JSON },
	{ "WINDOWS", NULL, CELL_TEXT, COLUMN_TEXT },
	{ "REFUSED", "refused", CELL_COUNT, 0 },
};

static const struct column user_columns[] = {
	{ "UID", "uid", CELL_COUNT, 0 },
	{ "USER", "user", CELL_TEXT, 0 },
	{ "CLIENTS", "clients", CELL_COUNT, 0 },
	{ "HAS", "bytes", CELL_SIZE, 0 },
	{ "PEAK", "peak", CELL_SIZE, 0 },
	{ "MAY HAVE", "max_bytes", CELL_SIZE, COLUMN_JSON },
	{ "MAY HAVE", NULL, CELL_TEXT, COLUMN_TEXT },
	{ "ALLOCATIONS", "allocations", CELL_COUNT, 0 },
	{ "AT MOST", "max_allocations", CELL_COUNT, COLUMN_HIDE_ZERO },
	{ "HEAPS", "heaps", CELL_COUNT, COLUMN_JSON },
	{ "HEAPS", "max_heaps", CELL_COUNT, COLUMN_JSON },
	{ "HEAPS", NULL, CELL_TEXT, COLUMN_TEXT },
	{ "PINS", "pins", CELL_COUNT, COLUMN_JSON },
	{ "PINS", "max_pins", CELL_COUNT, COLUMN_JSON },
	{ "PINS", NULL, CELL_TEXT, COLUMN_TEXT },
	{ "IN MAIN", "records", CELL_COUNT, COLUMN_JSON },
	{ "IN MAIN", "max_records", CELL_COUNT, COLUMN_JSON },
	{ "IN MAIN", NULL, CELL_TEXT, COLUMN_TEXT },
	{ "WINDOWS", "windows", CELL_COUNT, COLUMN_JSON },
	{ "WINDOWS", "max_windows", CELL_COUNT, COLUMN_JSON },
	{ "WINDOWS", NULL, CELL_TEXT, COLUMN_TEXT },
	{ "SET", "set", CELL_FLAG, 0 },
	{ "REFUSED", "refused", CELL_COUNT, 0 },
};

static const char *limit_text(uint64_t bytes)
{
	return bytes ? size_text(bytes) : "-";
}

/* Two numbers, and for people "3 of 8". */
static void add_count(struct table *table, uint32_t has, uint32_t may)
{
	char text[32];

	table_num(table, has);
	table_num(table, may);
	snprintf(text, sizeof(text), may ? "%u of %u" : "%u", has, may);
	table_text(table, text);
}

static void add_limits(struct table *table, const struct memmgr_account *account)
{
	table_num(table, account->bytes);
	table_num(table, account->peak);
	table_num(table, account->max_bytes);
	table_text(table, limit_text(account->max_bytes));
	table_num(table, account->allocations);
	table_num(table, account->max_allocations);
	add_count(table, account->heaps, account->max_heaps);
	add_count(table, account->pins, account->max_pins);
	add_count(table, account->records, account->max_records);
	add_count(table, account->windows, account->max_windows);
}

static int add_client(const struct memmgr_account *account, void *arg)
{
	uint64_t now = now_ns(CLOCK_BOOTTIME);
	struct table *table = arg;

	table_num(table, account->id);
	table_num(table, account->pid);
	table_chars(table, account->comm, sizeof(account->comm));
	table_num(table, account->uid);
	table_num(table, now > account->time_ns ? now - account->time_ns : 0);
	table_text(table, account->flags & MEMMGR_ACCOUNT_CLOSED ? "closed" :
		   account->flags & MEMMGR_ACCOUNT_MINE ? "this" : "open");
	add_limits(table, account);
	table_num(table, account->refused);
	return 0;
}

static int add_user(const struct memmgr_account *account, void *arg)
{
	const struct passwd *user = getpwuid(account->uid);
	struct table *table = arg;

	table_num(table, account->uid);
	table_text(table, user ? user->pw_name : "-");
	table_num(table, account->clients);
	add_limits(table, account);
	table_num(table, account->flags & MEMMGR_ACCOUNT_SET);
	table_num(table, account->refused);
	return 0;
}

static int show(struct memctl *ctl, bool users)
{
	struct table *table = users ? table_new(user_columns, ARRAY_SIZE(user_columns)) :
				      table_new(client_columns, ARRAY_SIZE(client_columns));
	int err = memmgr_accounts(ctl->fd, users ? MEMMGR_ACCOUNTS_USERS : 0,
				  users ? add_user : add_client, table);

	if (!err)
		table_show(ctl, users ? "users" : "clients", table);
	table_free(table);
	return err ? fail_errno(ctl, err, "clients") : EXIT_OK;
}

/* ---- memctl clients ------------------------------------------------------------- */

static const struct argp_option clients_options[] = {
	{ "users", KEY_USERS, 0, 0, "Users instead of clients", 0 },
	{ 0 },
};

static error_t parse_clients(int key, char *arg, struct argp_state *state)
{
	bool *users = state->input;

	(void)arg;
	if (key != KEY_USERS)
		return ARGP_ERR_UNKNOWN;
	*users = true;
	return 0;
}

static const struct argp clients_argp = {
	.options = clients_options,
	.parser = parse_clients,
	.doc = "Show who has opened the region, what they have, and what they may have: bytes, "
	       "allocations, private heaps, pins, allocations in main, and windows of the mmap() "
	       "offsets, which private heaps take. A client that is closed left something that "
	       "stays: persistent allocations or dma-bufs.",
};

int cmd_clients(struct memctl *ctl, int argc, char **argv)
{
	bool users = false;
	int rc;

	parse_args(ctl, &clients_argp, argc, argv, &users);
	rc = region_open(ctl, O_RDONLY);
	return rc ? rc : show(ctl, users);
}

/* ---- memctl quota --------------------------------------------------------------- */

static const char *const whom_names[ARG_KINDS] = { "client", "user" };

static const uint32_t whom_flags[] = { MEMMGR_QUOTA_CLIENT, MEMMGR_QUOTA_USER };

struct options {
	struct memmgr_quota quota;
	struct arg_pair whom;	/* client ID, user NAME */
};

static const struct argp_option quota_options[] = {
	{ "bytes", KEY_BYTES, "SIZE", 0, "May have so much; 0: no limit", 0 },
	{ "allocations", KEY_COUNT, "N", 0, "May have so many; 0: no limit", 0 },
	{ "heaps", KEY_HEAPS, "N", 0, "May have so many private heaps; 0: no limit", 0 },
	{ "pins", KEY_PINS, "N", 0, "May have so many pinned; 0: no limit", 0 },
	{ "records", KEY_RECORDS, "N", 0, "May have so many allocations in main; 0: no limit", 0 },
	{ "windows", KEY_WINDOWS, "N", 0,
	  "May have so many windows of the mmap() offsets for private heaps; 0: no limit", 0 },
	{ "default", KEY_DEFAULT, 0, 0, "Back to the limits of the module's parameters", 0 },
	{ 0 },
};

static void parse_id(struct options *options, struct argp_state *state)
{
	bool is_user = whom_flags[options->whom.kind] == MEMMGR_QUOTA_USER;
	const struct passwd *user = is_user ? getpwnam(options->whom.name) : NULL;

	options->quota.flags |= whom_flags[options->whom.kind];
	if (is_user && !user && options->whom.name[strspn(options->whom.name, "0123456789")])
		argp_error(state, "there is no user '%s'; give a name of /etc/passwd or a number",
			   options->whom.name);
	options->quota.id = user ? user->pw_uid :
			    arg_count(state, whom_names[options->whom.kind], options->whom.name, 0,
				      is_user ? UINT32_MAX - 1 : UINT64_MAX);
}

static void parse_end(struct options *options, struct argp_state *state)
{
	bool back = options->quota.flags & MEMMGR_QUOTA_DEFAULT;

	if (!options->whom.given) {
		if (options->quota.limits || back)
			argp_error(state, "client ID or user NAME is missing; for example "
				   "memctl quota user camera --bytes 16M");
		return;
	}
	if (!options->whom.name)
		argp_error(state, "the %s is missing; memctl clients%s lists them",
			   whom_names[options->whom.kind], options->whom.kind ? " --users" : "");
	if (!!options->quota.limits == back)
		argp_error(state, back ? "--default goes without limits" :
			   "give a limit, for example --bytes or --heaps, or --default");
	parse_id(options, state);
}

/* The limits, and where each one goes in struct memmgr_quota: sizes, and 32 bits of counts. */
static const struct {
	int key;
	uint32_t limit;
	bool size;
	size_t max;
	const char *name;
} limits[] = {
	{ KEY_BYTES, MEMMGR_LIMIT_BYTES, true, offsetof(struct memmgr_quota, max_bytes),
	  "--bytes" },
	{ KEY_COUNT, MEMMGR_LIMIT_ALLOCATIONS, false,
	  offsetof(struct memmgr_quota, max_allocations), "--allocations" },
	{ KEY_HEAPS, MEMMGR_LIMIT_HEAPS, false, offsetof(struct memmgr_quota, max_heaps),
	  "--heaps" },
	{ KEY_WINDOWS, MEMMGR_LIMIT_WINDOWS, false, offsetof(struct memmgr_quota, max_windows),
	  "--windows" },
	{ KEY_PINS, MEMMGR_LIMIT_PINS, false, offsetof(struct memmgr_quota, max_pins), "--pins" },
	{ KEY_RECORDS, MEMMGR_LIMIT_RECORDS, false, offsetof(struct memmgr_quota, max_records),
	  "--records" },
};

/* False: the key is none of a limit. */
static bool parse_limit(struct memmgr_quota *quota, int key, const char *arg,
			struct argp_state *state)
{
	void *max;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(limits) && limits[i].key != key; i++)
		;
	if (i == ARRAY_SIZE(limits))
		return false;
	max = (char *)quota + limits[i].max;
	if (limits[i].size)
		*(__u64 *)max = arg_size(state, limits[i].name, arg);
	else
		*(__u32 *)max = (__u32)arg_count(state, limits[i].name, arg, 0, UINT32_MAX);
	quota->limits |= limits[i].limit;
	return true;
}

static error_t parse_quota(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	if (parse_limit(&options->quota, key, arg, state))
		return 0;
	switch (key) {
	case KEY_DEFAULT:
		options->quota.flags |= MEMMGR_QUOTA_DEFAULT;
		return 0;
	case ARGP_KEY_ARG:
		arg_next(state, arg, &options->whom, "");
		return 0;
	case ARGP_KEY_END:
		parse_end(options, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp quota_argp = {
	.options = quota_options,
	.parser = parse_quota,
	.args_doc = "[client ID|user NAME]",
	.doc = "Limit what a client (an open file) or a user may have, as root; or, without "
	       "arguments, show the users and their limits. A limit that is not given stays as it "
	       "is. Lower than what somebody has is allowed: there is no more then. Where root "
	       "says nothing a user may have 8 private heaps, 1024 pins, and five eighths each of "
	       "main's records and of the windows that main leaves, and root as many as there are.",
};

int cmd_quota(struct memctl *ctl, int argc, char **argv)
{
	struct options options = { .whom.kinds = whom_names };
	int rc, err;

	parse_args(ctl, &quota_argp, argc, argv, &options);
	rc = region_open(ctl, options.whom.given ? O_RDWR : O_RDONLY);
	if (rc)
		return rc;
	if (!options.whom.given)
		return show(ctl, true);
	err = memmgr_set_quota(ctl->fd, &options.quota);
	if (err == -ENOENT)
		return fail(ctl, "memctl clients lists those there are", "there is no client %s",
			    options.whom.name);
	if (err)
		return fail_errno(ctl, err, "quota of %s %s", whom_names[options.whom.kind],
				  options.whom.name);
	return show(ctl, options.whom.kind);
}
