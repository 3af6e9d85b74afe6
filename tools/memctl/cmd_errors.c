// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* memctl errors: what was written where nobody may write. */
#include <fcntl.h>
#include <inttypes.h>
#include <time.h>

#include "memctl.h"

#define REMEMBERED	32u	/* by the region */

static const struct argp argp = {
	.doc = "Show the damage that was found beside allocations, the oldest first: how far from "
	       "which allocation, the bytes that should be there and those that are, and whose "
	       "it is. It is looked for after memctl debug, when an allocation ends and by "
	       "memctl check.",
};

static const struct column columns[] = {
	{ "SEQ", "seq", CELL_COUNT, COLUMN_JSON },
	{ "", "age_ms", CELL_AGE, COLUMN_JSON },
	{ "", "heap", CELL_TEXT, COLUMN_JSON },
	{ "", "kind", CELL_TEXT, COLUMN_JSON },
	{ "", "distance", CELL_COUNT, COLUMN_JSON },
	{ "", "damaged", CELL_COUNT, COLUMN_JSON },
	{ "", "place", CELL_COUNT, COLUMN_JSON },
	{ "", "bytes", CELL_COUNT, COLUMN_JSON },
	{ "", "tag", CELL_TEXT, COLUMN_JSON },
	{ "", "pid", CELL_COUNT, COLUMN_JSON },
	{ "", "tid", CELL_COUNT, COLUMN_JSON },
	{ "", "uid", CELL_COUNT, COLUMN_JSON },
	{ "", "comm", CELL_TEXT, COLUMN_JSON },
	{ "", "site", CELL_COUNT, COLUMN_JSON },
	{ "", "finder", CELL_COUNT, COLUMN_JSON },
	{ "", "expected", CELL_TEXT, COLUMN_JSON },
	{ "", "found", CELL_TEXT, COLUMN_JSON },
};

#define DUMP_TEXT	(3 * MEMMGR_CORRUPTION_DUMP + 1)

static void dump(const struct memmgr_corruption *c, const __u8 *bytes, char text[DUMP_TEXT])
{
	uint32_t n = c->dump < MEMMGR_CORRUPTION_DUMP ? c->dump : MEMMGR_CORRUPTION_DUMP;

	*text = 0;
	for (uint32_t i = 0; i < n; i++)
		sprintf(text + 3 * i, i + 1 < n ? "%02x " : "%02x", bytes[i]);
}

static const char *kind_name(uint32_t kind)
{
	return kind == MEMMGR_CORRUPTION_BEFORE ? "before" : "behind";
}

static void add_row(struct table *table, const struct memmgr_corruption *c, uint64_t now)
{
	char expected[DUMP_TEXT], found[DUMP_TEXT];

	dump(c, c->expected, expected);
	dump(c, c->found, found);
	table_num(table, c->seq);
	table_num(table, now > c->time_ns ? now - c->time_ns : 0);
	table_chars(table, c->heap_name, sizeof(c->heap_name));
	table_text(table, kind_name(c->kind));
	table_num(table, c->distance);
	table_num(table, c->damaged);
	table_num(table, c->place);
	table_num(table, c->bytes);
	table_chars(table, c->tag, sizeof(c->tag));
	table_num(table, c->pid);
	table_num(table, c->tid);
	table_num(table, c->uid);
	table_chars(table, c->comm, sizeof(c->comm));
	table_num(table, c->site);
	table_num(table, c->finder);
	table_text(table, expected);
	table_text(table, found);
}

/* A report in the manner of the kernel's: what, where, whose, and the bytes. */
static void print_report(const struct memmgr_corruption *c, uint64_t now)
{
	char expected[DUMP_TEXT], found[DUMP_TEXT];

	dump(c, c->expected, expected);
	dump(c, c->found, found);
	printf("#%" PRIu64 "  %" PRIu64 " byte%s damaged, %" PRIu64 " byte%s %s an allocation of %"
	       PRIu64 " bytes in heap %.*s, %s ago\n", (uint64_t)c->seq, (uint64_t)c->damaged,
	       c->damaged == 1 ? "" : "s", (uint64_t)c->distance, c->distance == 1 ? "" : "s",
	       c->kind == MEMMGR_CORRUPTION_BEFORE ? "before" : "past the end of",
	       (uint64_t)c->bytes, (int)sizeof(c->heap_name), c->heap_name,
	       age_text(now > c->time_ns ? now - c->time_ns : 0));
	printf("    expected   %s\n    found      %s\n", expected, found);
	printf("    allocated  by %.*s (pid %u, thread %u, uid %u)%s%.*s, at 0x%" PRIx64 "\n",
	       (int)sizeof(c->comm), c->comm, c->pid, c->tid, c->uid, *c->tag ? ", tag " : "",
	       (int)sizeof(c->tag), c->tag, (uint64_t)c->place);
}

static int run(struct memctl *ctl, int argc, char **argv)
{
	struct memmgr_corruption entries[REMEMBERED];
	uint32_t count = ARRAY_SIZE(entries);
	uint64_t total = 0, now;
	int rc, err;

	parse_args(ctl, &argp, argc, argv, NULL);
	rc = region_open(ctl, O_RDONLY);
	if (rc)
		return rc;
	err = memmgr_corruptions(ctl->fd, 0, entries, &count, &total);
	if (err)
		return fail_errno(ctl, err, "errors");
	now = now_ns(CLOCK_BOOTTIME);
	if (ctl->json) {
		struct json_object *result = json_result(ctl, "total", json_u64(total));
		struct table *table = table_new(columns, ARRAY_SIZE(columns));

		for (uint32_t i = 0; i < count; i++)
			add_row(table, &entries[i], now);
		json_add(result, "errors", table_json(table));
		json_print(result);
		table_free(table);
		return EXIT_OK;
	}
	for (uint32_t i = 0; i < count; i++)
		print_report(&entries[i], now);
	if (count)
		printf("%" PRIu64 " found ever, the last %u are remembered\n", total, count);
	else
		puts("no damage was found");
	return EXIT_OK;
}

const struct command cmd_errors = {
	"errors", "what was written where nobody may write", &argp, run,
};
