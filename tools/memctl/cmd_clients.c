// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* memctl clients, memctl quota: what clients and users have, and may have. */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <string.h>
#include <time.h>

#include "memctl.h"

#define KEY_USERS	0x200
#define KEY_BYTES	0x201
#define KEY_COUNT	0x202
#define KEY_DEFAULT	0x203

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
	{ "HEAPS", "heaps", CELL_COUNT, COLUMN_HIDE_ZERO },
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
	{ "SET", "set", CELL_FLAG, 0 },
	{ "REFUSED", "refused", CELL_COUNT, 0 },
};

static const char *limit_text(uint64_t bytes)
{
	return bytes ? size_text(bytes) : "-";
}

static void add_limits(struct table *table, const struct memmgr_account *account)
{
	table_num(table, account->bytes);
	table_num(table, account->peak);
	table_num(table, account->max_bytes);
	table_text(table, limit_text(account->max_bytes));
	table_num(table, account->allocations);
	table_num(table, account->max_allocations);
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
	table_num(table, account->heaps);
	table_num(table, account->refused);
	return 0;
}

static int add_user(const struct memmgr_account *account, void *arg)
{
	const struct passwd *user = getpwuid(account->uid);
	struct table *table = arg;

	table_num(table, account->uid);
	table_text(table, user ? user->pw_name : "-");
	table_num(table, account->heaps);
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
	.doc = "Show who has opened the region, what they have, and what they may have. A client "
	       "that is closed left something that stays: persistent allocations or dma-bufs.",
};

static int run_clients(struct memctl *ctl, int argc, char **argv)
{
	bool users = false;
	int rc;

	parse_args(ctl, &clients_argp, argc, argv, &users);
	rc = region_open(ctl, O_RDONLY);
	return rc ? rc : show(ctl, users);
}

const struct command cmd_clients = {
	"clients", "who has opened the region, and what they have", &clients_argp, run_clients,
};

/* ---- memctl quota --------------------------------------------------------------- */

static const char *const whom_names[] = { "client", "user" };

static const uint32_t whom_flags[] = { MEMMGR_QUOTA_CLIENT, MEMMGR_QUOTA_USER };

struct options {
	struct memmgr_quota quota;
	const char *id;
	size_t whom;
	bool given;
	bool limits;
};

static const struct argp_option quota_options[] = {
	{ "bytes", KEY_BYTES, "SIZE", 0, "May have so much; 0: no limit", 0 },
	{ "allocations", KEY_COUNT, "N", 0, "May have so many; 0: no limit", 0 },
	{ "default", KEY_DEFAULT, 0, 0, "Back to the limits of the module's parameters", 0 },
	{ 0 },
};

static void parse_word(struct options *options, char *arg, struct argp_state *state)
{
	switch (state->arg_num) {
	case 0:
		options->whom = arg_choice(state, "whom", arg, whom_names,
					   ARRAY_SIZE(whom_names));
		options->given = true;
		break;
	case 1:
		options->id = arg;
		break;
	default:
		argp_error(state, "'%s' is one word too many", arg);
	}
}

static void parse_id(struct options *options, struct argp_state *state)
{
	bool is_user = whom_flags[options->whom] == MEMMGR_QUOTA_USER;
	const struct passwd *user = is_user ? getpwnam(options->id) : NULL;

	options->quota.flags |= whom_flags[options->whom];
	if (is_user && !user && options->id[strspn(options->id, "0123456789")])
		argp_error(state, "there is no user '%s'; give a name of /etc/passwd or a number",
			   options->id);
	options->quota.id = user ? user->pw_uid :
			    arg_count(state, whom_names[options->whom], options->id, 0,
				      is_user ? UINT32_MAX - 1 : UINT64_MAX);
}

static void parse_end(struct options *options, struct argp_state *state)
{
	bool back = options->quota.flags & MEMMGR_QUOTA_DEFAULT;

	if (!options->given) {
		if (options->limits || back)
			argp_error(state, "client ID or user NAME is missing; for example "
				   "memctl quota user camera --bytes 16M");
		return;
	}
	if (!options->id)
		argp_error(state, "the %s is missing; memctl clients%s lists them",
			   options->whom ? "user" : "client", options->whom ? " --users" : "");
	if (options->limits == back)
		argp_error(state, back ? "--default goes without limits" :
			   "give --bytes, --allocations or --default");
	parse_id(options, state);
}

static error_t parse_quota(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case KEY_BYTES:
		options->quota.max_bytes = arg_size(state, "--bytes", arg);
		options->limits = true;
		return 0;
	case KEY_COUNT:
		options->quota.max_allocations = arg_count(state, "--allocations", arg, 0,
							   UINT32_MAX);
		options->limits = true;
		return 0;
	case KEY_DEFAULT:
		options->quota.flags |= MEMMGR_QUOTA_DEFAULT;
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

static const struct argp quota_argp = {
	.options = quota_options,
	.parser = parse_quota,
	.args_doc = "[client ID|user NAME]",
	.doc = "Limit what a client (an open file) or a user may have, as root; or, without "
	       "arguments, show the users and their limits. A limit that is not given is none. "
	       "Lower than what somebody has is allowed: there is no more then.",
};

static int run_quota(struct memctl *ctl, int argc, char **argv)
{
	struct options options = { .given = false };
	int rc, err;

	parse_args(ctl, &quota_argp, argc, argv, &options);
	rc = region_open(ctl, options.given ? O_RDWR : O_RDONLY);
	if (rc)
		return rc;
	if (!options.given)
		return show(ctl, true);
	err = memmgr_set_quota(ctl->fd, &options.quota);
	if (err == -ENOENT)
		return fail(ctl, "memctl clients lists those there are", "there is no client %s",
			    options.id);
	if (err)
		return fail_errno(ctl, err, "quota of %s %s", whom_names[options.whom], options.id);
	return show(ctl, options.whom);
}

const struct command cmd_quota = {
	"quota", "limit what a client or a user may have", &quota_argp, run_quota,
};
