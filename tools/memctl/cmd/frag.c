// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* memctl frag: the fragmentation of the heaps. */
#include <argp.h>
#include <fcntl.h>
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
#include "cmd/commands.h"
#include "find/find.h"
#include "look/explain.h"
#include "memctl.h"

#define KEY_EXPLAIN	0x200

struct options {
	const char *heap;
	bool explain;
	uint64_t bytes, align;
};

static const struct argp_option options_table[] = {
	{ "explain", KEY_EXPLAIN, "SIZE[,ALIGN]", 0,
	  "Would a request of SIZE succeed now? If not, why, what is in the way, and what to do "
	  "(HEAP: main, or another buddy or tlsf)", 0 },
	{ 0 },
};

static void parse_explain(struct options *options, const char *arg, struct argp_state *state)
{
	char size[ARG_PART], align[ARG_PART];

	arg_two(state, "--explain", arg, size, align);
	options->bytes = arg_size_nonzero(state, "--explain", size);
	options->align = strchr(arg, ',') ? arg_align(state, "--explain", align) : 0;
	options->explain = true;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &options->heap;
		return 0;
	case KEY_EXPLAIN:
		parse_explain(options, arg, state);
		return 0;
	case ARGP_KEY_END:
		if (options->explain && options->heap && !strcmp(options->heap, "all"))
			argp_error(state, "--explain is about one HEAP, not about all");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options_table,
	.parser = parse,
	.children = optional_heap,
	.args_doc = "[HEAP]",
	.doc = "Show how fragmented every heap is, or the orders of one; or explain what would "
	       "become of a request.\v"
	       "EXTERNAL: share of the free memory that one request cannot get. INTERNAL: share "
	       "of the granted memory that nobody asked for. UNUSABLE: share of the free memory "
	       "in blocks too small for that order. INDEX: -1.000 when a request of that size "
	       "would succeed; otherwise towards 0 it fails for lack of memory, towards 1 "
	       "because of fragmentation. These two are those of the kernel's mm/vmstat.c. SO "
	       "ALIGNED: the largest free run that starts at a multiple of that size, at least; "
	       "--explain looks at all of them and tells it exactly.",
};

static const struct column columns[] = {
	{ "HEAP", "heap", CELL_TEXT, 0 },
	{ "KIND", "kind", CELL_TEXT, 0 },
	{ "FREE", "free", CELL_SIZE, 0 },
	{ "LARGEST", "largest", CELL_SIZE, 0 },
	{ "BLOCKS", "free_blocks", CELL_COUNT, 0 },
	{ "UNIT", "unit", CELL_SIZE, 0 },
	{ "EXTERNAL", "external", CELL_PERCENT, 0 },
	{ "INTERNAL", "internal", CELL_PERCENT, 0 },
};

static const struct column order_columns[] = {
	{ "ORDER", "order", CELL_COUNT, 0 },
	{ "SIZE", "size", CELL_SIZE, 0 },
	{ "BLOCKS", "blocks", CELL_COUNT, 0 },
	{ "FREE", "free", CELL_SIZE, 0 },
	{ "UNUSABLE", "unusable", CELL_MILLI, 0 },
	{ "INDEX", "index", CELL_MILLI, 0 },
	{ "SO ALIGNED", "aligned", CELL_SIZE, 0 },
};

struct view {
	struct table *table;
	struct json_object *heaps;
	struct memmgr_frag last;
};

static void add_row(struct table *table, const struct memmgr_heap_query *heap,
		    const struct memmgr_frag *frag)
{
	table_chars(table, heap->name, sizeof(heap->name));
	table_text(table, memmgr_kind_name(heap->kind));
	table_num(table, frag->free);
	table_num(table, frag->largest);
	table_num(table, frag->free_blocks);
	table_num(table, frag->unit);
	table_num(table, frag->external);
	table_num(table, frag->internal);
}

static struct table *orders(const struct memmgr_frag *frag)
{
	struct table *table = table_new(order_columns, ARRAY_SIZE(order_columns));

	for (uint32_t order = 0; order < frag->orders && order < MEMMGR_ORDERS; order++) {
		uint64_t size = frag->unit << order;

		table_num(table, order);
		table_num(table, size);
		table_num(table, frag->blocks[order]);
		table_num(table, frag->blocks[order] * size);
		table_num(table, (uint64_t)(int64_t)frag->unusable[order]);
		table_num(table, (uint64_t)(int64_t)frag->index[order]);
		table_num(table, frag->aligned[order]);
	}
	return table;
}

static int add_heap(const struct memctl *ctl, const struct memmgr_heap_query *heap, void *arg)
{
	struct view *view = arg;
	int err = memmgr_frag(ctl->fd, heap->heap, &view->last);

	if (err)
		return fail_errno(ctl, err, "heap '%.*s'", MEMMGR_NAME_LEN, heap->name);
	add_row(view->table, heap, &view->last);
	if (ctl->json) {
		struct json_object *object = table_json_row(view->table,
							    table_rows(view->table) - 1);
		struct table *table = orders(&view->last);

		json_add(object, "orders", table_json(table));
		json_object_array_add(view->heaps, object);
		table_free(table);
	}
	return EXIT_OK;
}

static void print_orders(const struct memmgr_frag *frag)
{
	struct table *table = orders(frag);

	putchar('\n');
	table_print(table);
	puts("\nINDEX: -1.000 a request of that size would succeed; otherwise it fails,\n"
	     "towards 0 for lack of memory, towards 1 because of fragmentation.\n"
	     "SO ALIGNED: at least so much is free from some multiple of SIZE on.");
	table_free(table);
}

int cmd_frag(struct memctl *ctl, int argc, char **argv)
{
	struct options options = { .heap = NULL };
	struct view view = { .table = NULL };
	const char *name;
	int rc;

	parse_args(ctl, &argp, argc, argv, &options);
	name = options.heap;
	rc = region_open(ctl, O_RDONLY);
	if (rc)
		return rc;
	if (options.explain)
		return explain(ctl, name ? name : "main", options.bytes, options.align);
	view.table = table_new(columns, ARRAY_SIZE(columns));
	view.heaps = ctl->json ? json_object_new_array() : NULL;
	rc = heaps_visit(ctl, name, add_heap, &view);
	if (!rc && ctl->json) {
		json_print(json_result(ctl, "heaps", view.heaps));
	} else if (!rc) {
		table_print(view.table);
		if (name && strcmp(name, "all"))
			print_orders(&view.last);
	}
	table_free(view.table);
	return rc;
}
