// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* memctl check: the heaps verified. */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <memmgr.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/args.h"
#include "base/fail.h"
#include "base/options.h"
#include "base/table.h"
#include "cmd/commands.h"
#include "find/find.h"
#include "memctl.h"

static const struct argp argp = {
	.parser = parse_optional_heap,
	.args_doc = "[HEAP|all]",
	.doc = "Verify every invariant of a heap, or of all of them, and look at its red zones and "
	       "poison (memctl debug).\vA heap is walked in small steps, so that others need not "
	       "wait. Of one that changes all the time sums are not compared: it is TORN. Damage of red zones and poison counts as ERRORS, is "
	       "shown by memctl errors, and is mended: the next check does not find it again.",
};

static const struct column columns[] = {
	{ "HEAP", "heap", CELL_TEXT, 0 },
	{ "CHECKED", "checked", CELL_COUNT, 0 },
	{ "WHOLE", "whole", CELL_FLAG, 0 },
	{ "BROKEN", "what", CELL_TEXT, COLUMN_HIDE_ZERO },
	{ "OFFSET", "offset", CELL_SIZE, COLUMN_JSON },
	{ "OFFSET", NULL, CELL_HANDLE, COLUMN_TEXT | COLUMN_HIDE_ZERO },
	{ "ERRORS", "errors", CELL_COUNT, COLUMN_HIDE_ZERO },
	{ "TORN", "torn", CELL_FLAG, COLUMN_HIDE_ZERO },
};

struct view {
	struct table *table;
	bool all;		/* heaps: one that has gone meanwhile is none of them */
	unsigned int damaged;	/* heaps */
	unsigned int broken;	/* of these, not by errors that are reported */
	uint64_t errors;
};

/* Memory errors that were found in a heap so far: of red zones and of poison. */
static uint64_t errors_of(const struct memctl *ctl, uint32_t heap)
{
	struct memmgr_debug debug = { .heap = heap };

	return memmgr_debug(ctl->fd, &debug) ? 0 : debug.found;
}

static void add_row(struct view *view, const struct memmgr_heap_query *heap,
		    const struct memmgr_check *check, bool whole, uint64_t errors)
{
	table_chars(view->table, heap->name, sizeof(heap->name));
	table_num(view->table, check->checked);
	table_num(view->table, whole);
	if (whole) {
		table_none(view->table);
		table_none(view->table);
		table_none(view->table);
	} else {
		table_chars(view->table, check->what, sizeof(check->what));
		table_num(view->table, check->offset);
		table_num(view->table, check->offset);
	}
	table_num(view->table, errors);
	table_num(view->table, check->flags & MEMMGR_CHECK_TORN);
}

static int check_heap(const struct memctl *ctl, const struct memmgr_heap_query *heap, void *arg)
{
	struct view *view = arg;
	struct memmgr_check check;
	uint64_t errors = errors_of(ctl, heap->heap);
	int err = memmgr_check(ctl->fd, heap->heap, &check);

	if (err == -ENOENT && view->all)
		return EXIT_OK;
	if (err && err != -EUCLEAN)
		return fail_errno(ctl, err, "heap '%.*s'", MEMMGR_NAME_LEN, heap->name);
	/* Others may find some meanwhile; those of a check are told by its result. */
	errors = err ? errors_of(ctl, heap->heap) - errors : 0;
	view->damaged += err != 0;
	view->broken += err && !errors;
	view->errors += errors;
	add_row(view, heap, &check, !err, errors);
	return EXIT_OK;
}

static int fail_damaged(const struct memctl *ctl, const struct view *view)
{
	if (view->broken)
		return fail(ctl, "save what you can and restart; dmesg may tell what wrote there",
			    "%u damaged", view->damaged);
	return fail(ctl, "memctl errors shows what was written, where, and whose it is",
		    "%" PRIu64 " memory error%s in %u heap%s, whose books are in order",
		    view->errors, view->errors == 1 ? "" : "s", view->damaged,
		    view->damaged == 1 ? "" : "s");
}

int cmd_check(struct memctl *ctl, int argc, char **argv)
{
	const char *name = NULL;
	struct view view = { 0 };
	int rc;

	parse_args(ctl, &argp, argc, argv, &name);
	rc = region_open(ctl, O_RDONLY);
	if (rc)
		return rc;
	view.all = !name;
	view.table = table_new(columns, ARRAY_SIZE(columns));
	rc = heaps_visit(ctl, name, check_heap, &view);
	if (!rc)
		table_show(ctl, "heaps", view.table);
	if (!rc && view.damaged)
		rc = fail_damaged(ctl, &view);
	table_free(view.table);
	return rc;
}
