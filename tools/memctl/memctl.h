/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What the commands of memctl share.
 *
 * A command is one entry of the table in main.c and one file, cmd/NAME.c. It
 * parses its arguments with argp, calls libmemmgr, and shows what it learned
 * as a struct table: text for people or JSON for programs from one source.
 */
#ifndef MEMCTL_H
#define MEMCTL_H

#include <argp.h>
#include <json-c/json.h>
#include <memmgr.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>
#include <time.h>

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))
#define NSEC_PER_SEC		1000000000ull
#define NSEC_PER_MSEC		1000000ull

enum exit_code {
	EXIT_OK			= 0,
	EXIT_FAILED		= 1,
	EXIT_USAGE		= 2,
	EXIT_NO_DEVICE		= 3,
	EXIT_SIGNALLED		= 128,	/* plus the signal, as shells have it */
	EXIT_INTERRUPTED	= 0x100,	/* main() says by which signal */
};

/* One run of memctl. */
struct memctl {
	const char *region;	/* as given, NULL for the default */
	const char *command;	/* "heap create" */
	bool json;
	int fd;			/* of the region, -1 before region_open() */
};

struct command {
	const char *name;
	const char *summary;	/* one line of "memctl help" */
	const struct argp *argp;
	/* argv[0] is "memctl NAME"; returns an enum exit_code */
	int (*run)(struct memctl *ctl, int argc, char **argv);
};

extern const struct command cmd_info, cmd_heap_list, cmd_heap_create,
	cmd_heap_destroy, cmd_heap_mode, cmd_alloc, cmd_free, cmd_resize, cmd_list, cmd_read,
	cmd_write, cmd_fill, cmd_stats, cmd_frag, cmd_map, cmd_check,
	cmd_failures, cmd_protect, cmd_seal, cmd_clients, cmd_quota, cmd_export,
	cmd_sync, cmd_demo, cmd_replay, cmd_defrag, cmd_pin, cmd_health, cmd_watch,
	cmd_top, cmd_leaks, cmd_inject, cmd_report, cmd_latency, cmd_debug, cmd_errors;

/* ---- cmd/heap_mode.c ---- */

/* What a word says; a usage error that names it if it says nothing. */
uint32_t arg_mode(struct argp_state *state, const char *text);
uint32_t arg_user(struct argp_state *state, const char *name, const char *text);
uint32_t arg_group(struct argp_state *state, const char *name, const char *text);
/* Valid until the next call of the same. */
const char *mode_text(const struct memmgr_heap_query *heap);
const char *user_text(uint32_t uid);
const char *group_text(uint32_t gid);

/* ---- main.c ---- */

/* Parses @argv with the command's argp and the global options; exits if bad. */
void parse_args(struct memctl *ctl, const struct argp *argp, int argc,
		char **argv, void *input);

/* ---- base/interrupt.c ---- */

/* From here on SIGINT, SIGTERM and SIGHUP do not end memctl; interrupt_arrived() tells. */
void interrupt_catch(void);
/* The same for SIGQUIT. */
void interrupt_catch_quit(void);
/* Has one come? Whoever asks a call that sleeps next may: the call ends with EINTR. */
bool interrupt_arrived(void);
/* As shells report the signal that came: 130 for SIGINT. */
int interrupt_code(void);
/* The signal that came, if any, has its effect after all. */
void interrupt_raise(void);
/* Every signal waits until the mask @before is set again. */
void interrupt_hold(sigset_t *before);
/*
 * interrupt_arrived() and ppoll() in one step: a signal that came before it ends it, too.
 * @timeout NULL: no limit. What ppoll() returns, or a negative errno.
 */
int interrupt_poll(struct pollfd *fds, nfds_t count, const struct timespec *timeout);
/* Until that time of CLOCK_MONOTONIC, or interrupt_arrived(). */
void interrupt_sleep_until(uint64_t time_ns);
/* For a child of fork(): signals are again as they were before interrupt_catch(). */
void interrupt_release(void);
/* From here on signals are the child's, too; 0: no longer. */
void interrupt_pass_to(pid_t pid);

/* ---- base/command.c ---- */

/* The words behind "--", which are cut off; NULL when there is none. */
char **command_split(int *argc, char **argv);
/* From here on no signal ends memctl, until command_run() passes them on. */
void command_prepare(void);
/*
 * After command_prepare(): runs a command and waits for it, however memctl is told to
 * end meanwhile, of which interrupt_arrived() tells then; its exit code, or 128 plus the
 * signal that ended it.
 */
int command_run(const struct memctl *ctl, char **command);

/* ---- base/args.c: arguments; each ends the run with a usage error if bad ---- */

uint64_t arg_size(struct argp_state *state, const char *name, const char *text);
/* A size of at least 1. */
uint64_t arg_size_nonzero(struct argp_state *state, const char *name,
			  const char *text);
/* A size, @min .. @max. */
uint64_t arg_size_range(struct argp_state *state, const char *name, const char *text,
			uint64_t min, uint64_t max);
/* A number without unit, @min .. @max. */
uint64_t arg_count(struct argp_state *state, const char *name, const char *text,
		   uint64_t min, uint64_t max);
uint64_t arg_align(struct argp_state *state, const char *name, const char *text);
/* "A,B", or "A" alone with @second empty. */
#define ARG_PART	32
void arg_two(struct argp_state *state, const char *name, const char *text,
	     char first[ARG_PART], char second[ARG_PART]);
/* A share, 0 to 1 or as a percentage; in thousandths. */
uint32_t arg_share(struct argp_state *state, const char *name, const char *text);
/* A time in ns: 500ms, 60s, 5m, 2h; without a unit in seconds. */
uint64_t arg_time(struct argp_state *state, const char *name, const char *text);
/* Printable ASCII without blanks, 1 .. @max bytes: names and tags. */
const char *arg_word(struct argp_state *state, const char *name,
		     const char *text, size_t max);
/* One of @count words; its index. */
size_t arg_choice(struct argp_state *state, const char *name, const char *text,
		  const char *const *words, size_t count);
/* The parser of commands whose one argument may be a HEAP; input: const char **. */
error_t parse_optional_heap(int key, char *arg, struct argp_state *state);

/* ---- base/fail.c: every error message comes from here ---- */

/* The request that could not be served; where what it asked for is known. */
struct request {
	const char *heap;	/* name */
	uint32_t heap_id;
	uint64_t bytes;
	uint64_t align;
	uint32_t reason;
	bool exact;		/* more than @largest would not do */
	uint64_t largest;
};

/* "memctl: COMMAND: MESSAGE; REMEDY" (@remedy may be NULL) and EXIT_FAILED. */
int fail(const struct memctl *ctl, const char *remedy, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The same for a call that failed with -@err: the table has text and remedy. */
int fail_errno(const struct memctl *ctl, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The same for a request for memory that failed with -@err. */
int fail_request(const struct memctl *ctl, int err, const struct request *request);
/* The same for a free run of request->bytes that moving memory cannot make. */
int fail_compact(const struct memctl *ctl, int err, const struct request *request);
/* For a trace that is wrong; @line 0: as a whole. */
int fail_trace(const struct memctl *ctl, const char *file, uint64_t line, const char *text);
/* EXIT_NO_DEVICE, or EXIT_FAILED when it is there and won't open. */
int fail_open(const struct memctl *ctl, int err);
__attribute__((noreturn)) void out_of_memory(void);

/* ---- find/find.c: regions, heaps and allocations as people name them ---- */

/* Opens the region of @ctl; an enum exit_code. @flags as for open(). */
int region_open(struct memctl *ctl, int flags);
/* A heap by name or id; an enum exit_code. */
int heap_find(const struct memctl *ctl, const char *text,
	      struct memmgr_heap_query *heap);
/* The heap @text (as heap_find()), or all heaps when it is NULL or "all". */
int heaps_visit(const struct memctl *ctl, const char *text,
		int (*visit)(const struct memctl *ctl,
			     const struct memmgr_heap_query *heap, void *arg),
		void *arg);
/* The name of heap @id in @name; its number when it has gone. */
const char *heap_name(const struct memctl *ctl, uint32_t id,
		      char name[MEMMGR_NAME_LEN]);
/* The one allocation that @text names by handle or tag; an enum exit_code. */
int allocation_find(const struct memctl *ctl, const char *text,
		    struct memmgr_info *info);
/* Every usable allocation with the tag @text, newest first; an enum exit_code. */
int allocations_tagged(const struct memctl *ctl, const char *text,
		       struct memmgr_info **infos, size_t *count);
bool parse_handle(const char *text, uint64_t *handle);

/* ---- find/fixed.c: what may not be moved, and why ---- */

/* Bytes and until when that holds, of the reasons that are not 0; @movable or NULL. */
struct table *fixed_table(const __u64 *movable, const __u64 fixed[MEMMGR_FIXED_REASONS]);
/* Bytes by enum memmgr_fixed: {"pinned": ...}. */
struct json_object *json_fixed(const __u64 fixed[MEMMGR_FIXED_REASONS]);
uint64_t fixed_total(const __u64 fixed[MEMMGR_FIXED_REASONS]);

/* ---- look/explain.c ---- */

/* memctl frag HEAP --explain SIZE,ALIGN; an enum exit_code. */
int explain(const struct memctl *ctl, const char *heap, uint64_t bytes, uint64_t align);

/* ---- find/site.c: places in programs as people know them ---- */

/* "function (file.c:12)" where there are symbols, "/path+0x12" elsewhere. Free it. */
char *site_text(const struct memmgr_site *site);

/* ---- cmd/protect.c ---- */

/* "none", "read" or "read-write", of MEMMGR_ACCESS_*. */
const char *access_name(uint32_t access);

/* ---- base/out.c: one result, shown as text or as JSON ---- */

enum cell_type {
	CELL_TEXT,	/* string */
	CELL_SIZE,	/* bytes: "64K"; an integer in JSON */
	CELL_COUNT,	/* integer */
	CELL_HANDLE,	/* "0x100000003", in JSON too (beyond 2^53) */
	CELL_MILLI,	/* signed thousandths: "0.125"; an integer in JSON */
	CELL_PERCENT,	/* thousandths as percent: "12.5%"; an integer in JSON */
	CELL_AGE,	/* ns: "3m"; an integer of ms in JSON */
	CELL_NS,	/* ns: "4.1 us"; an integer in JSON */
	CELL_FLAG,	/* "yes"; a boolean in JSON */
};

#define COLUMN_HIDE_ZERO	(1u << 0)	/* not in text when 0 in all rows */
#define COLUMN_JSON		(1u << 1)	/* never in text */
#define COLUMN_TEXT		(1u << 2)	/* never in JSON */

struct column {
	const char *title;	/* in text */
	const char *key;	/* in JSON */
	enum cell_type type;
	unsigned int flags;
};

struct table;

struct table *table_new(const struct column *columns, size_t count);
void table_free(struct table *table);
/* The next cell of the row, then of the next row. */
void table_num(struct table *table, uint64_t number);
void table_text(struct table *table, const char *text);
/* Text from the ABI, which may fill its array without a NUL. */
void table_chars(struct table *table, const char *chars, size_t size);
void table_none(struct table *table);
size_t table_rows(const struct table *table);
/* Cells for those who draw: the column, and the number or the text in a row of it. */
size_t table_width(const struct table *table);
const struct column *table_column(const struct table *table, size_t column);
bool table_column_shown(const struct table *table, size_t column);
uint64_t table_number(const struct table *table, size_t row, size_t column);
#define CELL_TEXT_MAX	48	/* room for the text of a number */
/* In @buffer of CELL_TEXT_MAX bytes, unless the cell has a text of its own. */
const char *table_cell(const struct table *table, size_t row, size_t column, char *buffer);
/* Rows as lines below a header. */
void table_print(const struct table *table);
/* Columns as lines: "title  value", one value for each row. */
void table_print_facts(const struct table *table);
/* The whole result: the table, or with --json an object with its rows as @key. */
void table_show(const struct memctl *ctl, const char *key, const struct table *table);
struct json_object *table_json(const struct table *table);
struct json_object *table_json_row(const struct table *table, size_t row);

/* {"schema": "memctl/1", "command": ...}; with @key (if any) added to it. */
struct json_object *json_result(const struct memctl *ctl, const char *key,
				struct json_object *value);
/* Adds to an object, which owns @value from now on. */
void json_add(struct json_object *object, const char *key,
	      struct json_object *value);
/* Prints and frees; as one line: for results that follow each other. */
void json_print(struct json_object *result);
void json_print_line(struct json_object *result);
struct json_object *json_u64(uint64_t number);
struct json_object *json_handle(uint64_t handle);
struct json_object *json_chars(const char *chars, size_t size);
/* Requests that failed for a reason, of the books of a heap. */
uint64_t failed_for(const struct memmgr_stats *stats, uint32_t reason);
/* Counts by enum memmgr_reason: {"exhausted": ...}. */
struct json_object *json_reasons(const __u64 counts[MEMMGR_REASONS]);

/* "64 KiB" in one of a few buffers that take turns: for arguments of printf. */
const char *size_text(uint64_t bytes);
/* "64K", "1000": exact, one word, for commands that are advised; likewise. */
const char *size_word(uint64_t bytes);
/* "4.1 us", likewise. */
const char *time_text(uint64_t ns);
/* "12.5%" of thousandths, likewise. */
const char *percent_text(uint64_t milli);
/* Text from the ABI, likewise, of up to 63 bytes; what a terminal would obey is '?'. */
const char *clean_text(const char *chars, size_t size);
/* "64K" and "3m", likewise, as in tables. */
const char *brief_size_text(uint64_t bytes);
const char *age_text(uint64_t ns);
/* A bar of up to 40 signs, as long as @count is of @most. */
const char *bar_text(uint64_t count, uint64_t most);
/* Of the terminal that the result goes to; 0 when it goes elsewhere. */
unsigned int terminal_columns(void);
unsigned int terminal_rows(void);
bool is_utf8(void);
uint64_t now_ns(clockid_t clock);

#endif /* MEMCTL_H */
