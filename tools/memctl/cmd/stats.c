// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* memctl stats: the books of the heaps. */
#include <argp.h>
#include <fcntl.h>
#include <inttypes.h>
#include <json-c/json.h>
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
#include "base/words.h"
#include "cmd/commands.h"
#include "find/find.h"
#include "find/reasons.h"
#include "memctl.h"

static const struct argp argp = {
	.parser = parse_optional_heap,
	.args_doc = "[HEAP]",
	.doc = "Show the books of every heap, or everything about one.\vWASTE is what was "
	       "granted beyond what was asked for.",
};

/* In the table of all heaps the brief ones, for one heap all. */
static const struct column columns[] = {
	{ "HEAP", "heap", CELL_TEXT, 0 },
	{ "KIND", "kind", CELL_TEXT, 0 },
	{ "TOTAL", "total", CELL_SIZE, 0 },
	{ "USED", "used", CELL_SIZE, 0 },
	{ "FREE", "free", CELL_SIZE, 0 },
	{ "PEAK", "peak", CELL_SIZE, 0 },
	{ "WASTE", "waste", CELL_PERCENT, 0 },
	{ "LIVE", "live", CELL_COUNT, 0 },
	{ "ALLOCS", "allocs", CELL_COUNT, 0 },
	{ "FREES", "frees", CELL_COUNT, 0 },
	{ "FAILED", "failed", CELL_COUNT, 0 },
	{ "ID", "id", CELL_COUNT, COLUMN_JSON },
	{ "REQUESTED", "requested", CELL_SIZE, COLUMN_JSON },
	{ "LARGEST", "largest", CELL_SIZE, COLUMN_JSON },
	{ "RESIZES", "resizes", CELL_COUNT, COLUMN_JSON },
	{ "REFUSED", "refused_frees", CELL_COUNT, COLUMN_JSON },
	{ "JOINS", "joins", CELL_COUNT, COLUMN_JSON },
	{ "FALLBACKS", "fallbacks", CELL_COUNT, COLUMN_JSON },
	{ "WAITS", "waits", CELL_COUNT, COLUMN_JSON },
	{ "RECORDS", "records", CELL_COUNT, COLUMN_JSON },
	{ "KERNEL", "kernel_live", CELL_COUNT, COLUMN_JSON },
	{ "CLEARED", "zeroed", CELL_SIZE, COLUMN_JSON },
	{ "CLEARING", "zero_ns", CELL_NS, COLUMN_JSON },
	{ "PER KIB", "zero_ns_per_kib", CELL_NS, COLUMN_JSON },
	{ "VIOLATIONS", "violations", CELL_COUNT, COLUMN_HIDE_ZERO },
};

static const struct column fact_columns[] = {
	{ "heap", NULL, CELL_TEXT, 0 },
	{ "kind", NULL, CELL_TEXT, 0 },
	{ "total", NULL, CELL_SIZE, 0 },
	{ "used (granted)", NULL, CELL_SIZE, 0 },
	{ "free", NULL, CELL_SIZE, 0 },
	{ "peak used", NULL, CELL_SIZE, 0 },
	{ "wasted of used", NULL, CELL_PERCENT, 0 },
	{ "live", NULL, CELL_COUNT, 0 },
	{ "allocations ever", NULL, CELL_COUNT, 0 },
	{ "frees ever", NULL, CELL_COUNT, 0 },
	{ "failed requests", NULL, CELL_COUNT, 0 },
	{ "id", NULL, CELL_COUNT, 0 },
	{ "requested", NULL, CELL_SIZE, 0 },
	{ "one request gets", NULL, CELL_SIZE, 0 },
	{ "resizes ever", NULL, CELL_COUNT, 0 },
	{ "refused frees", NULL, CELL_COUNT, 0 },
	{ "joined", NULL, CELL_COUNT, 0 },
	{ "passed to fallback", NULL, CELL_COUNT, 0 },
	{ "waited", NULL, CELL_COUNT, 0 },
	{ "records in use", NULL, CELL_COUNT, 0 },
	{ "held by the kernel", NULL, CELL_COUNT, 0 },
	{ "cleared for clients", NULL, CELL_SIZE, 0 },
	{ "time to clear it", NULL, CELL_NS, 0 },
	{ "that is, per KiB", NULL, CELL_NS, 0 },
	{ "violations", NULL, CELL_COUNT, 0 },
};

static uint64_t failed_requests(const struct memmgr_stats *stats)
{
	uint64_t failed = 0;

	for (int i = 1; i < MEMMGR_REASONS; i++)
		failed += failed_for(stats, i);
	return failed;
}

static void add_row(struct table *table, const struct memmgr_heap_query *heap,
		    const struct memmgr_stats *stats)
{
	uint64_t waste = stats->used > stats->requested ? stats->used - stats->requested : 0;

	table_chars(table, heap->name, sizeof(heap->name));
	table_text(table, memmgr_kind_name(heap->kind));
	table_num(table, stats->total);
	table_num(table, stats->used);
	table_num(table, stats->free);
	table_num(table, stats->peak);
	table_num(table, stats->used ? waste * 1000 / stats->used : 0);
	table_num(table, stats->live);
	table_num(table, stats->allocs);
	table_num(table, stats->frees);
	table_num(table, failed_requests(stats));
	table_num(table, heap->heap);
	table_num(table, stats->requested);
	table_num(table, stats->largest);
	table_num(table, stats->resizes);
	table_num(table, stats->refused_frees);
	table_num(table, stats->joins);
	table_num(table, stats->fallbacks);
	table_num(table, stats->waits);
	table_num(table, stats->records);
	table_num(table, stats->kernel_live);
	table_num(table, stats->zeroed);
	table_num(table, stats->zero_ns);
	table_num(table, stats->zeroed >> 10 ? stats->zero_ns / (stats->zeroed >> 10) : 0);
	table_num(table, stats->violations);
}

/* ---- what only JSON and the view of one heap show ---- */

static uint64_t class_limit(int class)
{
	return 1ull << class;
}

static struct json_object *classes_json(const struct memmgr_stats *stats)
{
	struct json_object *array = json_object_new_array();

	for (int i = 0; i < MEMMGR_CLASSES; i++) {
		struct json_object *object;

		if (!stats->classes[i])
			continue;
		object = json_object_new_object();
		json_add(object, "up_to", json_u64(class_limit(i)));
		json_add(object, "allocs", json_u64(stats->classes[i]));
		json_object_array_add(array, object);
	}
	return array;
}

static struct json_object *failures_json(const struct memmgr_stats *stats)
{
	__u64 counts[MEMMGR_REASONS];

	for (int i = 0; i < MEMMGR_REASONS; i++)
		counts[i] = failed_for(stats, i);
	return json_reasons(counts);
}

static void print_failures(const struct memmgr_stats *stats)
{
	for (int i = 1; i < MEMMGR_REASONS; i++) {
		if (failed_for(stats, i))
			printf("failed: %-10s  %" PRIu64 "\n", memmgr_reason_name(i),
			       failed_for(stats, i));
	}
}

static void print_classes(const struct memmgr_stats *stats)
{
	uint64_t most = 0;

	for (int i = 0; i < MEMMGR_CLASSES; i++)
		most = stats->classes[i] > most ? stats->classes[i] : most;
	if (!most)
		return;
	puts("\nallocations ever, by size asked for");
	for (int i = 0; i < MEMMGR_CLASSES; i++) {
		uint64_t count = stats->classes[i];

		if (count)
			printf("  up to %9s  %10" PRIu64 "  %s\n", size_text(class_limit(i)),
			       count, bar_text(count, most));
	}
}

/* ---- the command ---- */

struct view {
	struct table *table;
	struct json_object *heaps;
	struct memmgr_stats last;
};

static int add_heap(const struct memctl *ctl, const struct memmgr_heap_query *heap, void *arg)
{
	struct view *view = arg;
	struct json_object *object;
	int err = memmgr_stats(ctl->fd, heap->heap, &view->last);

	if (err)
		return fail_errno(ctl, err, "heap '%.*s'", MEMMGR_NAME_LEN, heap->name);
	add_row(view->table, heap, &view->last);
	if (ctl->json) {
		object = table_json_row(view->table, table_rows(view->table) - 1);
		json_add(object, "failures", failures_json(&view->last));
		json_add(object, "classes", classes_json(&view->last));
		json_object_array_add(view->heaps, object);
	}
	return EXIT_OK;
}

int cmd_stats(struct memctl *ctl, int argc, char **argv)
{
	const char *name = NULL;
	struct view view = { .table = NULL };
	bool facts;
	int rc;

	parse_args(ctl, &argp, argc, argv, &name);
	facts = name && strcmp(name, "all") && !ctl->json;
	rc = region_open(ctl, O_RDONLY);
	if (rc)
		return rc;
	view.table = table_new(facts ? fact_columns : columns, ARRAY_SIZE(columns));
	view.heaps = ctl->json ? json_object_new_array() : NULL;
	rc = heaps_visit(ctl, name, add_heap, &view);
	if (!rc && ctl->json) {
		json_print(json_result(ctl, "heaps", view.heaps));
	} else if (!rc && facts) {
		table_print_facts(view.table);
		print_failures(&view.last);
		print_classes(&view.last);
	} else if (!rc) {
		table_print(view.table);
	}
	table_free(view.table);
	return rc;
}
