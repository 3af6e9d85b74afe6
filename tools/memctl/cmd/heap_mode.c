// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* memctl heap mode: the users that may use a heap. */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <json-c/json.h>
#include <memmgr.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/args.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/options.h"
#include "cmd/commands.h"
#include "find/find.h"
#include "find/rights.h"
#include "memctl.h"

enum {
	KEY_MODE = 0x200,
	KEY_OWNER,
	KEY_GROUP,
};

static const struct argp_option options[] = {
	{ "mode", KEY_MODE, "MODE", 0, "As chmod has it, of read and write bits", 0 },
	{ "owner", KEY_OWNER, "USER", 0, "Its owner (root)", 0 },
	{ "group", KEY_GROUP, "GROUP", 0, "Its group", 0 },
	{ 0 },
};

struct options {
	struct memmgr_heap_rights rights;
	const char *heap;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *given = state->input;

	switch (key) {
	case KEY_MODE:
		given->rights.mode = arg_mode(state, arg);
		given->rights.flags |= MEMMGR_RIGHTS_MODE;
		return 0;
	case KEY_OWNER:
		given->rights.uid = arg_user(state, "--owner", arg);
		given->rights.flags |= MEMMGR_RIGHTS_OWNER;
		return 0;
	case KEY_GROUP:
		given->rights.gid = arg_group(state, "--group", arg);
		given->rights.flags |= MEMMGR_RIGHTS_GROUP;
		return 0;
	case ARGP_KEY_ARG:
		given->heap = arg_only(state, arg, "give one HEAP");
		return 0;
	case ARGP_KEY_END:
		if (!given->heap)
			argp_error(state, "HEAP is missing; see memctl heap list");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "HEAP",
	.doc = "Say who may use a heap, as its owner or as root; without options, tell. Read is to "
	       "see it, write to allocate from it; of main write is also to make private heaps. "
	       "Mode 0 is for kernel code alone. What was allocated stays its owner's.\v"
	       "Examples:\n"
	       "  memctl heap mode frames --mode 0660 --group video\n"
	       "  memctl heap mode dma --mode 0",
};

int cmd_heap_mode(struct memctl *ctl, int argc, char **argv)
{
	struct options given = { .heap = NULL };
	struct memmgr_heap_query heap;
	struct json_object *object;
	char mode[8];
	int rc, err;

	parse_args(ctl, &argp, argc, argv, &given);
	rc = region_open(ctl, given.rights.flags ? O_RDWR : O_RDONLY);
	if (!rc)
		rc = heap_find(ctl, given.heap, &heap);
	if (rc)
		return rc;
	given.rights.heap = heap.heap;
	err = given.rights.flags ? memmgr_heap_set_rights(ctl->fd, &given.rights) : 0;
	if (err == -EINVAL && heap.heap_flags & MEMMGR_HEAP_PRIVATE)
		return fail(ctl, "only shared heaps have owner, group and mode",
			    "heap '%s' is private", given.heap);
	if (!err && given.rights.flags)
		err = memmgr_heap_query(ctl->fd, heap.heap, &heap);
	if (err)
		return fail_errno(ctl, err, "heap '%s'", given.heap);
	if (!ctl->json) {
		printf("heap '%.*s': %s %s ", MEMMGR_NAME_LEN, heap.name, mode_text(&heap),
		       user_text(heap.uid));
		printf("%s\n", group_text(heap.gid));
		return EXIT_OK;
	}
	snprintf(mode, sizeof(mode), "%04o", heap.mode & MODE_ALL);
	object = json_object_new_object();
	json_add(object, "id", json_u64(heap.heap));
	json_add(object, "name", json_chars(heap.name, sizeof(heap.name)));
	json_add(object, "mode", json_object_new_string(mode));
	json_add(object, "uid", json_u64(heap.uid));
	json_add(object, "gid", json_u64(heap.gid));
	json_print(json_result(ctl, "heap", object));
	return EXIT_OK;
}
