// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* memctl demo: the strength of each allocator, shown on live memory. */
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
#include "base/words.h"
#include "cmd/commands.h"
#include "demo/demo.h"
#include "find/find.h"
#include "memctl.h"

static const struct {
	const char *name;
	void (*teach)(struct demo *demo);
} lessons[] = {
	{ "buddy", demo_buddy },
	{ "slab", demo_slab },
	{ "pool", demo_pool },
	{ "stack", demo_stack },
	{ "tlsf", demo_tlsf },
};

struct options {
	const char *allocator;	/* NULL: all */
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	static const char *const names[] = { "buddy", "slab", "pool", "stack", "tlsf", "all" };
	struct options *options = state->input;

	if (key != ARGP_KEY_ARG)
		return ARGP_ERR_UNKNOWN;
	arg_choice(state, "ALLOCATOR", arg_only(state, arg, "give one allocator or all"), names,
		   ARRAY_SIZE(names));
	options->allocator = strcmp(arg, "all") ? arg : NULL;
	return 0;
}

static const struct argp argp = {
	.parser = parse,
	.args_doc = "[buddy|slab|pool|stack|tlsf|all]",
	.doc = "Learn what each allocator is good at and what not, step by step on live memory. "
	       "A lesson works in a heap of its own, which is gone afterwards.",
};

static uint64_t main_used(struct demo *demo)
{
	struct memmgr_stats stats = { .used = 0 };

	demo_ok(demo, memmgr_stats(demo->ctl->fd, MEMMGR_HEAP_MAIN, &stats), "read the books");
	return stats.used;
}

/* Whatever the lesson left goes with its heap, after a failure as well. */
static void unmake_heap(struct demo *demo)
{
	int err;

	if (!demo->heap)
		return;
	err = memmgr_heap_destroy(demo->ctl->fd, demo->heap, MEMMGR_DESTROY_FORCE);
	demo_ok(demo, err, "unmake the heap");
	demo->heap = 0;
}

static int teach(const struct memctl *ctl, size_t lesson, struct json_object *result)
{
	struct demo demo = { .ctl = ctl };
	struct json_object *object = json_object_new_object();
	uint64_t before = main_used(&demo), after;

	if (ctl->json)
		demo.lines = json_object_new_array();
	lessons[lesson].teach(&demo);
	unmake_heap(&demo);
	after = main_used(&demo);
	demo_say(&demo, "The heap is gone; main had %s in use before, and has %s now.",
		 size_text(before), size_text(after));
	json_add(object, "allocator", json_object_new_string(lessons[lesson].name));
	json_add(object, "lines", demo.lines);
	json_add(object, "main_used_before", json_u64(before));
	json_add(object, "main_used_after", json_u64(after));
	json_object_array_add(result, object);
	if (demo.err)
		return fail_errno(ctl, demo.err, "lesson %s: could not %s", lessons[lesson].name,
				  demo.step);
	return EXIT_OK;
}

int cmd_demo(struct memctl *ctl, int argc, char **argv)
{
	struct options options = { .allocator = NULL };
	struct json_object *result;
	bool first = true;
	int rc;

	parse_args(ctl, &argp, argc, argv, &options);
	rc = region_open(ctl, O_RDWR);
	if (rc)
		return rc;
	result = json_object_new_array();
	for (size_t i = 0; i < ARRAY_SIZE(lessons) && !rc; i++) {
		if (options.allocator && strcmp(options.allocator, lessons[i].name))
			continue;
		if (!first && !ctl->json)
			putchar('\n');
		first = false;
		rc = teach(ctl, i, result);
	}
	if (!rc && ctl->json)
		json_print(json_result(ctl, "lessons", result));
	else
		json_object_put(result);
	return rc;
}
