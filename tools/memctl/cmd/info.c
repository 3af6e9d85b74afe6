// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* memctl info: the region, and the abilities of its module. */
#include <argp.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <memmgr.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/json.h"
#include "base/options.h"
#include "base/table.h"
#include "base/words.h"
#include "cmd/commands.h"
#include "find/find.h"
#include "memctl.h"

struct word {
	uint64_t bit;
	const char *name;
};

static const struct word features[] = {
	{ MEMMGR_FEATURE_SLAB, "slab" },
	{ MEMMGR_FEATURE_POOL, "pool" },
	{ MEMMGR_FEATURE_STACK, "stack" },
	{ MEMMGR_FEATURE_TLSF, "tlsf" },
	{ MEMMGR_FEATURE_DMABUF, "dma-buf" },
	{ MEMMGR_FEATURE_MOVE, "move" },
	{ MEMMGR_FEATURE_DEBUG, "debug" },
};

static const struct word region_flags[] = {
	{ MEMMGR_REGION_RESERVED, "reserved" },
	{ MEMMGR_REGION_CONTIGUOUS, "contiguous" },
	{ MEMMGR_REGION_DT, "devicetree" },
	{ MEMMGR_REGION_JOIN, "join" },
	{ MEMMGR_REGION_WRITE_COMBINE, "write-combine" },
	{ MEMMGR_REGION_UNCACHED, "uncached" },
	{ MEMMGR_REGION_DEVICE, "device" },
	{ MEMMGR_REGION_PAGES, "pages" },
};

static const struct column columns[] = {
	{ "region", "region", CELL_COUNT, 0 },
	{ "name", "name", CELL_TEXT, 0 },
	{ "size", "size", CELL_SIZE, 0 },
	{ "used", "used", CELL_SIZE, 0 },
	{ "free", "free", CELL_SIZE, 0 },
	{ "largest free", "largest", CELL_SIZE, 0 },
	{ "peak", "peak", CELL_SIZE, 0 },
	{ "fragmentation", "fragmentation", CELL_PERCENT, 0 },
	{ "compacts itself", NULL, CELL_TEXT, COLUMN_TEXT },
	{ "granule", "granule", CELL_SIZE, 0 },
	{ "max. alignment", "max_align", CELL_SIZE, 0 },
	{ "physical address", "phys", CELL_HANDLE, 0 },
	{ "heaps", "heaps", CELL_COUNT, 0 },
	{ "system memory", "kernel_bytes", CELL_SIZE, 0 },
	{ "of it by heap", NULL, CELL_TEXT, COLUMN_TEXT },
	{ "memory is", NULL, CELL_TEXT, COLUMN_TEXT },
	{ "mappings are", "cache", CELL_TEXT, 0 },
	{ "direct I/O", "direct_io", CELL_TEXT, 0 },
	{ "module has", NULL, CELL_TEXT, COLUMN_TEXT },
	{ "memctl", "memctl_version", CELL_TEXT, 0 },
};

static struct json_object *words_json(uint64_t bits, const struct word *words, size_t count)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < count; i++) {
		if (bits & words[i].bit)
			json_object_array_add(array, json_object_new_string(words[i].name));
	}
	return array;
}

static void words_text(char *text, size_t len, uint64_t bits, const struct word *words,
		       size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t used = strlen(text);

		if (bits & words[i].bit)
			snprintf(text + used, len - used, "%s%s", used ? ", " : "",
				 words[i].name);
	}
}

static const char *cache_name(uint32_t flags)
{
	return flags & MEMMGR_REGION_DEVICE ? "device" :
	       flags & MEMMGR_REGION_UNCACHED ? "uncached" :
	       flags & MEMMGR_REGION_WRITE_COMBINE ? "write-combine" : "write-back";
}

/* Of a module that knows of no health, and of one whose worker is off: "no". */
static const char *self_text(const struct memmgr_health *health, char *text, size_t len)
{
	if (!(health->flags & MEMMGR_HEALTH_ON))
		return "no (memctl health --on, memctl defrag)";
	snprintf(text, len, "above %s (memctl health)", percent_text(health->compact_above));
	return text;
}

/* What heaps take of the system: as many as a line has room for, and all of them for JSON. */
struct costs {
	char text[80];
	struct json_object *heaps;
};

static int add_cost(const struct memctl *ctl, const struct memmgr_heap_query *heap, void *arg)
{
	struct costs *costs = arg;
	size_t used = strlen(costs->text), room = sizeof(costs->text) - used;
	char name[MEMMGR_NAME_LEN];

	(void)ctl;
	snprintf(name, sizeof(name), "%s", clean_text(heap->name, sizeof(heap->name)));
	json_add(costs->heaps, name, json_object_new_int64((int64_t)heap->kernel_bytes));
	/* What does not fit is left out, and marked. */
	if (used && costs->text[used - 1] == '.')
		return EXIT_OK;
	if (snprintf(costs->text + used, room, "%s%s %s", used ? ", " : "", name,
		     brief_size_text(heap->kernel_bytes)) >= (int)room - 6)
		strcpy(costs->text + used, used ? ", ..." : "...");
	return EXIT_OK;
}

static struct table *describe(const struct memmgr_query *query, const struct memmgr_stats *main,
			      const struct memmgr_frag *frag, const struct memmgr_health *health,
			      const struct costs *costs)
{
	struct table *table = table_new(columns, ARRAY_SIZE(columns));
	char memory[120] = "", module_has[80] = "buddy", text[64];

	if (!(query->region_flags & MEMMGR_REGION_RESERVED))
		snprintf(memory, sizeof(memory), "not reserved (taken from the system)");
	words_text(memory, sizeof(memory), query->region_flags, region_flags,
		   ARRAY_SIZE(region_flags));
	words_text(module_has, sizeof(module_has), query->features, features,
		   ARRAY_SIZE(features));
	table_num(table, query->region);
	table_chars(table, query->name, sizeof(query->name));
	table_num(table, query->region_size);
	table_num(table, main->used);
	table_num(table, main->free);
	table_num(table, frag->largest);
	table_num(table, main->peak);
	table_num(table, frag->external);
	table_text(table, self_text(health, text, sizeof(text)));
	table_num(table, query->granule);
	table_num(table, query->max_align);
	if (query->phys)
		table_num(table, query->phys);
	else
		table_none(table);
	table_num(table, query->heaps);
	table_num(table, query->kernel_bytes);
	table_text(table, costs->text);
	table_text(table, memory);
	table_text(table, cache_name(query->region_flags));
	table_text(table, query->region_flags & MEMMGR_REGION_PAGES ? "works" :
		   "fails: the kernel keeps no pages of this memory");
	table_text(table, module_has);
	table_text(table, MEMMGR_VERSION);
	return table;
}

static const struct argp argp = {
	.doc = "Show what the region is: its size, what is free, and what the module can do.",
};

int cmd_info(struct memctl *ctl, int argc, char **argv)
{
	struct memmgr_query query;
	struct memmgr_stats main;
	struct memmgr_health health;
	struct memmgr_frag frag;
	struct costs costs = { .heaps = NULL };
	struct table *table;
	int err, rc;

	parse_args(ctl, &argp, argc, argv, NULL);
	rc = region_open(ctl, O_RDONLY);
	if (rc)
		return rc;
	err = memmgr_query(ctl->fd, &query);
	if (!err)
		err = memmgr_stats(ctl->fd, MEMMGR_HEAP_MAIN, &main);
	if (!err)
		err = memmgr_frag(ctl->fd, MEMMGR_HEAP_MAIN, &frag);
	if (err)
		return fail_errno(ctl, err, "region");
	if (memmgr_health(ctl->fd, &health))
		health.flags = 0;
	costs.heaps = json_object_new_object();
	rc = heaps_visit(ctl, NULL, add_cost, &costs);
	if (rc) {
		json_object_put(costs.heaps);
		return rc;
	}
	table = describe(&query, &main, &frag, &health, &costs);
	if (ctl->json) {
		struct json_object *info = table_json_row(table, 0);

		json_add(info, "features",
			 words_json(query.features, features, ARRAY_SIZE(features)));
		json_add(info, "region_flags", words_json(query.region_flags, region_flags,
							  ARRAY_SIZE(region_flags)));
		json_add(info, "kernel_bytes_by_heap", costs.heaps);
		json_print(json_result(ctl, "info", info));
	} else {
		json_object_put(costs.heaps);
		table_print_facts(table);
	}
	table_free(table);
	return EXIT_OK;
}
