// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Regions, heaps and allocations as people name them. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/words.h"
#include "find/find.h"
#include "memctl.h"

int region_open(struct memctl *ctl, int flags)
{
	int fd = memmgr_open(ctl->region, flags);

	if (fd < 0)
		return fail_open(ctl, fd);
	ctl->fd = fd;
	return EXIT_OK;
}

/* "choose one of main, frames (memctl heap list)" */
static void list_heaps(const struct memctl *ctl, char *text, size_t len)
{
	struct memmgr_heap_query heap;
	size_t used = snprintf(text, len, "choose one of");

	for (uint32_t id = 0; !memmgr_heap_next(ctl->fd, id, &heap); id = heap.heap + 1) {
		if (used < len)
			used += snprintf(text + used, len - used, " %.*s", MEMMGR_NAME_LEN,
					 heap.name);
	}
	if (used < len)
		snprintf(text + used, len - used, " (memctl heap list)");
}

int heap_find(const struct memctl *ctl, const char *text, struct memmgr_heap_query *heap)
{
	char remedy[512];
	uint64_t id;
	int err = memmgr_heap_by_name(ctl->fd, text, heap);

	if (err == -ENOENT && isdigit((unsigned char)*text) &&
	    !memmgr_parse_size(text, &id) && id < MEMMGR_HEAP_ANY)
		err = memmgr_heap_query(ctl->fd, (uint32_t)id, heap);
	if (!err)
		return EXIT_OK;
	if (err != -ENOENT)
		return fail_errno(ctl, err, "heap '%s'", text);
	list_heaps(ctl, remedy, sizeof(remedy));
	return fail(ctl, remedy, "there is no heap '%s'", text);
}

int heaps_visit(const struct memctl *ctl, const char *text,
		int (*visit)(const struct memctl *ctl,
			     const struct memmgr_heap_query *heap, void *arg),
		void *arg)
{
	struct memmgr_heap_query heap;
	int rc = EXIT_OK, err = 0;

	if (text && strcmp(text, "all")) {
		rc = heap_find(ctl, text, &heap);
		return rc ? rc : visit(ctl, &heap, arg);
	}
	for (uint32_t id = 0; !rc; id = heap.heap + 1) {
		err = memmgr_heap_next(ctl->fd, id, &heap);
		if (err)
			break;
		rc = visit(ctl, &heap, arg);
	}
	if (err && err != -ENOENT)
		return fail_errno(ctl, err, "heaps");
	return rc;
}

const char *heap_name(const struct memctl *ctl, uint32_t id, char name[MEMMGR_NAME_LEN])
{
	struct memmgr_heap_query heap;

	if (memmgr_heap_query(ctl->fd, id, &heap))
		snprintf(name, MEMMGR_NAME_LEN, "#%" PRIu32, id);
	else
		snprintf(name, MEMMGR_NAME_LEN, "%.*s", MEMMGR_NAME_LEN - 1, heap.name);
	return name;
}

bool parse_handle(const char *text, uint64_t *handle)
{
	return isdigit((unsigned char)*text) && !memmgr_parse_size(text, handle) &&
	       isxdigit((unsigned char)text[strlen(text) - 1]);
}

struct tag_search {
	const char *tag;
	struct memmgr_info *found;
	size_t count;
};

static int keep_tagged(const struct memmgr_info *info, void *arg)
{
	struct tag_search *search = arg;

	if (strncmp(info->tag, search->tag, sizeof(info->tag)))
		return 0;
	search->found = reallocarray(search->found, search->count + 1, sizeof(*info));
	if (!search->found)
		out_of_memory();
	search->found[search->count++] = *info;
	return 0;
}

static int newest_first(const void *a, const void *b)
{
	const struct memmgr_info *x = a, *y = b;

	return (x->time_ns < y->time_ns) - (x->time_ns > y->time_ns);
}

int allocations_tagged(const struct memctl *ctl, const char *text,
		       struct memmgr_info **infos, size_t *count)
{
	struct tag_search search = { .tag = text };
	int err = memmgr_list(ctl->fd, MEMMGR_HEAP_ANY, MEMMGR_LIST_MINE, keep_tagged, &search);

	*infos = search.found;
	*count = search.count;
	if (err)
		return fail_errno(ctl, err, "tag '%s'", text);
	if (!search.count)
		return fail(ctl, "see memctl list --mine",
			    "you have no allocation with the tag '%s'", text);
	qsort(search.found, search.count, sizeof(*search.found), newest_first);
	return EXIT_OK;
}

/* Several allocations have the tag: say which. */
static int fail_ambiguous(const struct memctl *ctl, const char *tag,
			  const struct memmgr_info *infos, size_t count)
{
	char list[256] = "";
	size_t used = 0, shown = 0;

	for (; shown < count && used < sizeof(list) - 64; shown++)
		used += snprintf(list + used, sizeof(list) - used, "%s0x%" PRIx64 " (%s)",
				 shown ? ", " : "", (uint64_t)infos[shown].handle,
				 size_text(infos[shown].bytes));
	return fail(ctl, "name one by its handle", "%zu allocations have the tag '%s': %s%s",
		    count, tag, list, shown < count ? ", ..." : "");
}

static int find_tagged(const struct memctl *ctl, const char *text, struct memmgr_info *info)
{
	struct memmgr_info *infos;
	size_t count;
	int rc = allocations_tagged(ctl, text, &infos, &count);

	if (!rc && count > 1)
		rc = fail_ambiguous(ctl, text, infos, count);
	if (!rc)
		*info = infos[0];
	free(infos);
	return rc;
}

int allocation_find(const struct memctl *ctl, const char *text, struct memmgr_info *info)
{
	uint64_t handle;
	int err;

	if (!parse_handle(text, &handle))
		return find_tagged(ctl, text, info);
	err = memmgr_alloc_query(ctl->fd, handle, info);
	return err ? fail_errno(ctl, err, "allocation %s", text) : EXIT_OK;
}
