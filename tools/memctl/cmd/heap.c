// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* memctl heap list, create, destroy. */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <memmgr.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/args.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/options.h"
#include "base/table.h"
#include "base/words.h"
#include "cmd/commands.h"
#include "find/find.h"
#include "find/rights.h"
#include "memctl.h"

/* ---- heap list ---- */

static const struct column list_columns[] = {
	{ "ID", "id", CELL_COUNT, 0 },
	{ "NAME", "name", CELL_TEXT, 0 },
	{ "KIND", "kind", CELL_TEXT, 0 },
	{ "SIZE", "size", CELL_SIZE, 0 },
	{ "HELD", "held", CELL_SIZE, 0 },
	{ "USED", "used", CELL_SIZE, 0 },
	{ "FREE", "free", CELL_SIZE, 0 },
	{ "LIVE", "live", CELL_COUNT, 0 },
	{ "UNIT", "unit", CELL_SIZE, 0 },
	{ "COUNT", "count", CELL_COUNT, COLUMN_JSON },
	{ "OBJECT", "object_size", CELL_SIZE, COLUMN_JSON },
	{ "ALIGN", "align", CELL_SIZE, COLUMN_JSON },
	{ "MAXALIGN", "max_align", CELL_SIZE, COLUMN_JSON },
	{ "RECORDS", "max_allocations", CELL_COUNT, COLUMN_JSON },
	{ "KERNEL", "kernel_bytes", CELL_SIZE, COLUMN_JSON },
	{ "OFFSET", "offset", CELL_SIZE, COLUMN_JSON },
	{ "PRIVATE", "private", CELL_FLAG, COLUMN_JSON },
	{ "MODE", NULL, CELL_TEXT, COLUMN_TEXT },
	{ "MODE", "mode", CELL_COUNT, COLUMN_JSON },
	{ "OWNER", NULL, CELL_TEXT, COLUMN_TEXT },
	{ "OWNER", "uid", CELL_COUNT, COLUMN_JSON },
	{ "GROUP", NULL, CELL_TEXT, COLUMN_TEXT },
	{ "GROUP", "gid", CELL_COUNT, COLUMN_JSON },
	{ "FALLBACK", "fallback", CELL_TEXT, 0 },
};

static int list_heap(const struct memctl *ctl, const struct memmgr_heap_query *heap, void *arg)
{
	struct table *table = arg;
	struct memmgr_stats stats;
	char name[MEMMGR_NAME_LEN];
	int err = memmgr_stats(ctl->fd, heap->heap, &stats);

	if (err)
		return fail_errno(ctl, err, "heap '%.*s'", MEMMGR_NAME_LEN, heap->name);
	table_num(table, heap->heap);
	table_chars(table, heap->name, sizeof(heap->name));
	table_text(table, memmgr_kind_name(heap->kind));
	table_num(table, heap->bytes);
	table_num(table, heap->held);
	table_num(table, stats.used);
	table_num(table, stats.free);
	table_num(table, stats.live);
	table_num(table, heap->granule);
	table_num(table, heap->count);
	table_num(table, heap->object_size);
	table_num(table, heap->align);
	table_num(table, heap->max_align);
	table_num(table, heap->max_allocations);
	table_num(table, heap->kernel_bytes);
	if (heap->offset == UINT64_MAX)
		table_none(table);
	else
		table_num(table, heap->offset);
	table_num(table, heap->heap_flags & MEMMGR_HEAP_PRIVATE);
	table_text(table, mode_text(heap));
	table_num(table, heap->mode);
	table_text(table, user_text(heap->uid));
	table_num(table, heap->uid);
	table_text(table, group_text(heap->gid));
	table_num(table, heap->gid);
	if (heap->heap_flags & MEMMGR_HEAP_FALLBACK)
		table_text(table, heap_name(ctl, heap->fallback, name));
	else
		table_none(table);
	return EXIT_OK;
}

static const struct argp list_argp = {
	.doc = "List the heaps of the region.\vSIZE is the arena, or for a slab heap the limit "
	       "it may grow to; HELD what it has of the region now; LIVE counts what kernel "
	       "code holds as well. --json tells kernel_bytes, what it costs the system, too.",
};

int cmd_heap_list(struct memctl *ctl, int argc, char **argv)
{
	struct table *table;
	int rc;

	parse_args(ctl, &list_argp, argc, argv, NULL);
	rc = region_open(ctl, O_RDONLY);
	if (rc)
		return rc;
	table = table_new(list_columns, ARRAY_SIZE(list_columns));
	rc = heaps_visit(ctl, NULL, list_heap, table);
	if (!rc)
		table_show(ctl, "heaps", table);
	table_free(table);
	return rc;
}

/* ---- heap create ---- */

#define GRANULE_MIN	16u
#define GRANULE_MAX	65536u	/* the largest page that Linux has */

enum {
	KEY_OBJECT = 0x200,
	KEY_COUNT,
	KEY_GRANULE,
	KEY_MAX,
	KEY_FALLBACK,
	KEY_NO_JOIN,
	KEY_MODE,
	KEY_OWNER,
	KEY_GROUP,
};

static const struct argp_option create_options[] = {
	{ "kind", 'k', "KIND", 0, "buddy, slab, pool, stack or tlsf (needed)", 0 },
	{ "size", 's', "SIZE", 0,
	  "buddy, stack, tlsf: arena; slab: limit (default: 1/16 of the region)", 0 },
	{ "object-size", KEY_OBJECT, "SIZE", 0, "slab: an object; pool: a block", 0 },
	{ "block-size", 0, 0, OPTION_ALIAS, 0, 0 },
	{ "count", KEY_COUNT, "N", 0, "pool: blocks; slab: objects to prepare", 0 },
	{ "align", 'a', "SIZE", 0, "slab, pool: alignment of each (default 8)", 0 },
	{ "granule", KEY_GRANULE, "SIZE", 0,
	  "smallest unit up to a page (buddy: 32 or more, default a page; "
	  "tlsf: 16 or more, default 16)", 0 },
	{ "max-allocations", KEY_MAX, "N", 0, "how many may live at a time", 0 },
	{ "fallback", KEY_FALLBACK, "HEAP", 0, "heap that serves when this one cannot", 0 },
	{ "no-join", KEY_NO_JOIN, 0, 0,
	  "buddy, tlsf: no slow search as the last resort (real time)", 0 },
	{ "mode", KEY_MODE, "MODE", 0,
	  "who may use it, as chmod has it: read to see it, write to allocate; 0: kernel code "
	  "alone (default 0666)", 0 },
	{ "owner", KEY_OWNER, "USER", 0, "its owner (default: who makes it)", 0 },
	{ "group", KEY_GROUP, "GROUP", 0, "its group (default: of who makes it)", 0 },
	{ 0 },
};

struct create_options {
	struct memmgr_heap_create create;
	const char *fallback;
	bool kind_given;
};

static uint32_t arg_granule(struct argp_state *state, const char *text)
{
	uint64_t granule = arg_align(state, "--granule", text);

	if (granule < GRANULE_MIN || granule > GRANULE_MAX)
		argp_error(state,
			   "--granule: %s is out of range; give 16 (buddy: 32) to the page size",
			   text);
	return (uint32_t)granule;
}

static error_t parse_create(int key, char *arg, struct argp_state *state)
{
	static const char *const kinds[] = { "buddy", "slab", "pool", "stack", "tlsf" };
	struct create_options *options = state->input;
	struct memmgr_heap_create *create = &options->create;

	switch (key) {
	case 'k':
		arg_choice(state, "--kind", arg, kinds, ARRAY_SIZE(kinds));
		create->kind = (uint32_t)memmgr_kind_parse(arg);
		options->kind_given = true;
		return 0;
	case 's':
		create->bytes = arg_size_nonzero(state, "--size", arg);
		return 0;
	case KEY_OBJECT:
		create->object_size = arg_size_nonzero(state, "--object-size", arg);
		return 0;
	case KEY_COUNT:
		create->count = arg_count(state, "--count", arg, 1, UINT32_MAX);
		return 0;
	case 'a':
		create->align = arg_align(state, "--align", arg);
		return 0;
	case KEY_GRANULE:
		create->granule = arg_granule(state, arg);
		return 0;
	case KEY_MAX:
		create->max_allocations = arg_count(state, "--max-allocations", arg, 1, 1u << 24);
		return 0;
	case KEY_FALLBACK:
		options->fallback = arg;
		return 0;
	case KEY_NO_JOIN:
		create->flags |= MEMMGR_HEAP_NO_JOIN;
		return 0;
	case KEY_MODE:
		create->mode = arg_mode(state, arg);
		return 0;
	case KEY_OWNER:
		create->uid = arg_user(state, "--owner", arg);
		return 0;
	case KEY_GROUP:
		create->gid = arg_group(state, "--group", arg);
		return 0;
	case ARGP_KEY_ARG:
		strcpy(create->name, arg_word(state, "NAME", arg_only(state, arg, "give one NAME"),
					      MEMMGR_NAME_LEN - 1));
		return 0;
	case ARGP_KEY_END:
		if (!*create->name)
			argp_error(state, "NAME is missing; say how the heap is to be called");
		if (!options->kind_given)
			argp_error(state,
				   "--kind is missing; give buddy, slab, pool, stack or tlsf");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp create_argp = {
	.options = create_options,
	.parser = parse_create,
	.args_doc = "NAME",
	.doc = "Make a heap. It takes its memory from heap main.\vExamples:\n"
	       "  memctl heap create frames --kind pool --block-size 64K --count 32\n"
	       "  memctl heap create nodes --kind slab --object-size 192\n"
	       "  memctl heap create scratch --kind stack --size 1M\n"
	       "  memctl heap create small --kind tlsf --size 2M\n"
	       "  memctl heap create camera --kind pool --block-size 1M --count 8 --mode 0660 --group video",
};

/* The option that the kind cannot do without; NULL when none lacks. */
static const char *missing_option(const struct memmgr_heap_create *create)
{
	switch (create->kind) {
	case MEMMGR_KIND_SLAB:
		return create->object_size ? NULL : "--object-size";
	case MEMMGR_KIND_POOL:
		if (!create->object_size)
			return "--block-size";
		return create->count ? NULL : "--count";
	default:
		return create->bytes ? NULL : "--size";
	}
}

int cmd_heap_create(struct memctl *ctl, int argc, char **argv)
{
	struct create_options options = {
		.create = {
			.flags = MEMMGR_HEAP_MODE,
			.mode = 0666,
			.uid = MEMMGR_ID_CALLER,
			.gid = MEMMGR_ID_CALLER,
		},
	};
	struct memmgr_heap_create *create = &options.create;
	struct memmgr_heap_query fallback;
	struct json_object *heap;
	int rc, err;

	parse_args(ctl, &create_argp, argc, argv, &options);
	if (missing_option(create)) {
		fail(ctl, "see memctl help heap create", "a heap of kind %s needs %s",
		     memmgr_kind_name(create->kind), missing_option(create));
		return EXIT_USAGE;
	}
	rc = region_open(ctl, O_RDWR);
	if (!rc && options.fallback)
		rc = heap_find(ctl, options.fallback, &fallback);
	if (rc)
		return rc;
	if (options.fallback) {
		create->flags |= MEMMGR_HEAP_FALLBACK;
		create->fallback = fallback.heap;
	}
	err = memmgr_heap_create(ctl->fd, create);
	if (err)
		return fail_heap(ctl, err, create);
	if (!ctl->json) {
		printf("heap %u '%s' of kind %s\n", create->heap, create->name,
		       memmgr_kind_name(create->kind));
		return EXIT_OK;
	}
	heap = json_object_new_object();
	json_add(heap, "id", json_u64(create->heap));
	json_add(heap, "name", json_object_new_string(create->name));
	json_add(heap, "kind", json_object_new_string(memmgr_kind_name(create->kind)));
	json_print(json_result(ctl, "heap", heap));
	return EXIT_OK;
}

/* ---- heap destroy ---- */

static const struct argp_option destroy_options[] = {
	{ "force", 'f', 0, 0, "Free what lives in it first", 0 },
	{ 0 },
};

struct destroy_options {
	const char *heap;
	bool force;
};

static error_t parse_destroy(int key, char *arg, struct argp_state *state)
{
	struct destroy_options *options = state->input;

	switch (key) {
	case 'f':
		options->force = true;
		return 0;
	case ARGP_KEY_ARG:
		options->heap = arg_only(state, arg, "give one HEAP");
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "HEAP is missing; see memctl heap list");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp destroy_argp = {
	.options = destroy_options,
	.parser = parse_destroy,
	.args_doc = "HEAP",
	.doc = "Unmake a heap, by name or id. Its memory goes back to heap main.",
};

int cmd_heap_destroy(struct memctl *ctl, int argc, char **argv)
{
	struct destroy_options options = { .force = false };
	struct memmgr_heap_query heap;
	struct json_object *gone;
	int rc, err;

	parse_args(ctl, &destroy_argp, argc, argv, &options);
	rc = region_open(ctl, O_RDWR);
	if (!rc)
		rc = heap_find(ctl, options.heap, &heap);
	if (rc)
		return rc;
	err = memmgr_heap_destroy(ctl->fd, heap.heap, options.force ? MEMMGR_DESTROY_FORCE : 0);
	if (err)
		return fail_errno(ctl, err, "heap '%s'", options.heap);
	if (!ctl->json) {
		printf("heap '%.*s' is gone, %s returned\n", MEMMGR_NAME_LEN, heap.name,
		       size_text(heap.held));
		return EXIT_OK;
	}
	gone = json_object_new_object();
	json_add(gone, "id", json_u64(heap.heap));
	json_add(gone, "name", json_chars(heap.name, sizeof(heap.name)));
	json_add(gone, "returned", json_u64(heap.held));
	json_print(json_result(ctl, "heap", gone));
	return EXIT_OK;
}
