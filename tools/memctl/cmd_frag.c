// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* memctl frag: how fragmented are the heaps? */
#include <fcntl.h>
#include <string.h>

#include "memctl.h"

static const struct argp argp = {
	.parser = parse_optional_heap,
	.args_doc = "[HEAP]",
	.doc = "Show how fragmented every heap is, or the orders of one.\v"
	       "EXTERNAL: share of the free memory that one request cannot get. INTERNAL: share "
	       "of the granted memory that nobody asked for. UNUSABLE: share of the free memory "
	       "in blocks too small for that order. INDEX: -1.000 when a request of that size "
	       "would succeed; otherwise towards 0 it fails for lack of memory, towards 1 "
	       "because of fragmentation. The last two are those of the kernel's mm/vmstat.c.",
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
	     "towards 0 for lack of memory, towards 1 because of fragmentation.");
	table_free(table);
}

static int run(struct memctl *ctl, int argc, char **argv)
{
	const char *name = NULL;
	struct view view = { .table = NULL };
	int rc;

	parse_args(ctl, &argp, argc, argv, &name);
	rc = region_open(ctl, O_RDONLY);
	if (rc)
		return rc;
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

const struct command cmd_frag = {
	"frag", "how fragmented the heaps are", &argp, run,
};
