// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* memctl check: are the heaps whole? */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "memctl.h"

static const struct argp argp = {
	.parser = parse_optional_heap,
	.args_doc = "[HEAP|all]",
	.doc = "Verify every invariant of a heap, or of all of them.\vEach heap is locked while "
	       "it is walked: not for a system that must answer in time.",
};

static const struct column columns[] = {
	{ "HEAP", "heap", CELL_TEXT, 0 },
	{ "CHECKED", "checked", CELL_COUNT, 0 },
	{ "WHOLE", "whole", CELL_FLAG, 0 },
	{ "BROKEN", "what", CELL_TEXT, COLUMN_HIDE_ZERO },
	{ "OFFSET", "offset", CELL_SIZE, COLUMN_JSON },
	{ "OFFSET", NULL, CELL_HANDLE, COLUMN_TEXT | COLUMN_HIDE_ZERO },
};

struct view {
	struct table *table;
	unsigned int damaged;
};

static int check_heap(const struct memctl *ctl, const struct memmgr_heap_query *heap, void *arg)
{
	struct view *view = arg;
	struct memmgr_check check;
	int err = memmgr_check(ctl->fd, heap->heap, &check);

	if (err && err != -EUCLEAN)
		return fail_errno(ctl, err, "heap '%.*s'", MEMMGR_NAME_LEN, heap->name);
	view->damaged += err != 0;
	table_chars(view->table, heap->name, sizeof(heap->name));
	table_num(view->table, check.checked);
	table_num(view->table, !err);
	if (!err) {
		table_none(view->table);
		table_none(view->table);
		table_none(view->table);
		return EXIT_OK;
	}
	table_chars(view->table, check.what, sizeof(check.what));
	table_num(view->table, check.offset);
	table_num(view->table, check.offset);
	return EXIT_OK;
}

static int run(struct memctl *ctl, int argc, char **argv)
{
	const char *name = NULL;
	struct view view = { .damaged = 0 };
	int rc;

	parse_args(ctl, &argp, argc, argv, &name);
	rc = region_open(ctl, O_RDONLY);
	if (rc)
		return rc;
	view.table = table_new(columns, ARRAY_SIZE(columns));
	rc = heaps_visit(ctl, name, check_heap, &view);
	if (!rc)
		table_show(ctl, "heaps", view.table);
	if (!rc && view.damaged)
		rc = fail(ctl, "save what you can and restart; dmesg may tell what wrote there",
			  "%u damaged", view.damaged);
	table_free(view.table);
	return rc;
}

const struct command cmd_check = {
	"check", "verify that the heaps are whole", &argp, run,
};
