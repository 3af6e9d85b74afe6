// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Memory that may not be moved, and until when: in words, as a table and as JSON. */
#include "base/json.h"
#include "base/table.h"
#include "find/fixed.h"
#include "memctl.h"

static const char *const fixed_texts[MEMMGR_FIXED_REASONS] = {
	[MEMMGR_FIXED_PINNED]	= "not while somebody has a pin or a lease on it",
	[MEMMGR_FIXED_EXPORTED]	= "not while a dma-buf shows it",
	[MEMMGR_FIXED_SEALED]	= "never: sealed with its place, can only be freed",
	[MEMMGR_FIXED_KERNEL]	= "no: kernel code has it, or another heap as its arena",
	[MEMMGR_FIXED_BUSY]	= "not now: a call uses it; try again",
	[MEMMGR_FIXED_IO]	= "not now: the target of I/O; wait for that",
	[MEMMGR_FIXED_NO_ROOM]	= "not now: no free run elsewhere would hold it",
};

struct table *fixed_table(const __u64 *movable, const __u64 fixed[MEMMGR_FIXED_REASONS])
{
	static const struct column columns[] = {
		{ "MEMORY", NULL, CELL_TEXT, 0 },
		{ "BYTES", NULL, CELL_SIZE, 0 },
		{ "MAY MOVE", NULL, CELL_TEXT, 0 },
	};
	struct table *table = table_new(columns, ARRAY_SIZE(columns));

	if (movable) {
		table_text(table, "movable");
		table_num(table, *movable);
		table_text(table, "yes");
	}
	for (uint32_t i = MEMMGR_FIXED_NONE + 1; i < MEMMGR_FIXED_REASONS; i++) {
		if (!fixed[i])
			continue;
		table_text(table, memmgr_fixed_name(i));
		table_num(table, fixed[i]);
		table_text(table, fixed_texts[i]);
	}
	return table;
}

struct json_object *json_fixed(const __u64 fixed[MEMMGR_FIXED_REASONS])
{
	struct json_object *object = json_object_new_object();

	for (uint32_t i = MEMMGR_FIXED_NONE + 1; i < MEMMGR_FIXED_REASONS; i++)
		json_add(object, memmgr_fixed_name(i), json_u64(fixed[i]));
	return object;
}

uint64_t fixed_total(const __u64 fixed[MEMMGR_FIXED_REASONS])
{
	uint64_t total = 0;

	for (uint32_t i = MEMMGR_FIXED_NONE + 1; i < MEMMGR_FIXED_REASONS; i++)
		total += fixed[i];
	return total;
}
