// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* memctl failures: the requests that failed, and the reasons. */
#include <argp.h>
#include <fcntl.h>
#include <inttypes.h>
#include <memmgr.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/options.h"
#include "base/table.h"
#include "cmd/commands.h"
#include "find/find.h"
#include "memctl.h"

#define REMEMBERED	64u	/* by the region */

static const struct argp argp = {
	.doc = "Show the last requests that failed: who asked for how much, why it failed, and "
	       "the largest size that would have worked.",
};

static const struct column columns[] = {
	{ "SEQ", "seq", CELL_COUNT, 0 },
	{ "AGE", "age_ms", CELL_AGE, 0 },
	{ "HEAP", "heap", CELL_TEXT, 0 },
	{ "ASKED", "bytes", CELL_SIZE, 0 },
	{ "ALIGN", "align", CELL_SIZE, COLUMN_HIDE_ZERO },
	{ "REASON", "reason", CELL_TEXT, 0 },
	{ "LARGEST", "largest", CELL_SIZE, 0 },
	{ "FREE", "free", CELL_SIZE, 0 },
	{ "PID", "pid", CELL_COUNT, 0 },
	{ "UID", "uid", CELL_COUNT, COLUMN_JSON },
	{ "COMM", "comm", CELL_TEXT, 0 },
};

static void add_row(struct table *table, const struct memmgr_failure *failure, uint64_t now)
{
	table_num(table, failure->seq);
	table_num(table, now > failure->time_ns ? now - failure->time_ns : 0);
	table_chars(table, failure->heap_name, sizeof(failure->heap_name));
	table_num(table, failure->bytes);
	table_num(table, failure->align);
	table_text(table, memmgr_reason_name(failure->reason));
	table_num(table, failure->largest);
	table_num(table, failure->free);
	table_num(table, failure->pid);
	table_num(table, failure->uid);
	table_chars(table, failure->comm, sizeof(failure->comm));
}

int cmd_failures(struct memctl *ctl, int argc, char **argv)
{
	struct memmgr_failure entries[REMEMBERED];
	uint32_t count = ARRAY_SIZE(entries);
	uint64_t total = 0, now;
	struct table *table;
	int rc, err;

	parse_args(ctl, &argp, argc, argv, NULL);
	rc = region_open(ctl, O_RDONLY);
	if (rc)
		return rc;
	err = memmgr_failures(ctl->fd, 0, entries, &count, &total);
	if (err)
		return fail_errno(ctl, err, "failures");
	now = now_ns(CLOCK_BOOTTIME);
	table = table_new(columns, ARRAY_SIZE(columns));
	for (uint32_t i = 0; i < count; i++)
		add_row(table, &entries[i], now);
	if (ctl->json) {
		struct json_object *result = json_result(ctl, "total", json_u64(total));

		json_add(result, "failures", table_json(table));
		json_print(result);
	} else if (count) {
		table_print(table);
		printf("%" PRIu64 " failed ever, the last %u are remembered\n", total, count);
	} else {
		puts("no request has failed");
	}
	table_free(table);
	return EXIT_OK;
}
