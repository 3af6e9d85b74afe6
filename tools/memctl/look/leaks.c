// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Allocations that live, by what they have in common; now and in a snapshot. */
#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <memmgr.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/newfile.h"
#include "base/words.h"
#include "find/site.h"
#include "look/leaks.h"
#include "memctl.h"

const char *const leaks_by_names[LEAKS_BYS] = { "site", "owner", "tag", "size" };

#define SITES_MOST	4096	/* more than any module knows */

/* ---- what lives ------------------------------------------------------------- */

struct collector {
	struct leaks *leaks;
	char *site[SITES_MOST];		/* by id, those that were looked up */
	bool failed;
};

static char *copy_of(const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		out_of_memory();
	return copy;
}

static int add_site(const struct memmgr_site *site, void *arg)
{
	struct collector *c = arg;

	/* Those of which nothing lives need no name. */
	if (site->id < SITES_MOST && site->live && !c->site[site->id])
		c->site[site->id] = site_text(site);
	return 0;
}

static char *owner_text(const struct memmgr_info *info)
{
	char text[128];

	snprintf(text, sizeof(text), "%s%.*s (pid %" PRIu32 ", uid %" PRIu32 ")",
		 info->state & MEMMGR_INFO_KERNEL ? "kernel for " : "",
		 (int)sizeof(info->comm), info->comm, info->pid, info->uid);
	return copy_of(text);
}

static char *tag_text(const struct memmgr_info *info)
{
	char tag[MEMMGR_TAG_LEN + 1] = "";

	memcpy(tag, info->tag, MEMMGR_TAG_LEN);
	return copy_of(*tag ? tag : "(no tag)");
}

/* Persistent, its maker is gone, and nobody uses it. */
static bool is_abandoned(const struct memmgr_info *info)
{
	return info->flags & MEMMGR_ALLOC_PERSISTENT && !info->pins && !info->exports &&
	       kill(info->pid, 0) && errno == ESRCH;
}

static int add_leak(const struct memmgr_info *info, void *arg)
{
	struct collector *c = arg;
	struct leaks *leaks = c->leaks;
	struct leak *leak;

	if (!(leaks->count & (leaks->count - 1))) {
		size_t room = leaks->count ? 2 * leaks->count : 1;

		leaks->item = reallocarray(leaks->item, room, sizeof(*leaks->item));
		if (!leaks->item)
			out_of_memory();
	}
	leak = &leaks->item[leaks->count++];
	*leak = (struct leak) {
		.bytes = info->bytes,
		.time_ns = info->time_ns,
		.abandoned = is_abandoned(info),
	};
	leak->word[BY_SITE] = copy_of(info->site < SITES_MOST && c->site[info->site] ?
				      c->site[info->site] : "(unknown)");
	leak->word[BY_OWNER] = owner_text(info);
	leak->word[BY_TAG] = tag_text(info);
	return 0;
}

static void copy_name(char to[MEMMGR_NAME_LEN + 1], const char name[MEMMGR_NAME_LEN])
{
	snprintf(to, MEMMGR_NAME_LEN + 1, "%s", clean_text(name, MEMMGR_NAME_LEN));
}

static int read_scope(const struct memctl *ctl, const struct memmgr_heap_query *heap,
		      struct leaks_scope *scope)
{
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "r");
	struct memmgr_query region;
	int err = memmgr_query(ctl->fd, &region);

	if (!file || fscanf(file, "%39s", scope->boot) != 1)
		scope->boot[0] = 0;
	if (file)
		fclose(file);
	scope->uid = geteuid();
	if (heap)
		copy_name(scope->heap, heap->name);
	if (!err)
		copy_name(scope->region, region.name);
	return err;
}

int leaks_collect(const struct memctl *ctl, const struct memmgr_heap_query *heap,
		  struct leaks *leaks)
{
	uint32_t id = heap ? heap->heap : MEMMGR_HEAP_ANY;
	struct collector c = { .leaks = leaks };
	int err;

	*leaks = (struct leaks) { .time_ns = now_ns(CLOCK_BOOTTIME) };
	err = read_scope(ctl, heap, &leaks->scope);
	if (err)
		return fail_errno(ctl, err, "region");
	err = memmgr_sites(ctl->fd, add_site, &c);
	/* An older module, or one without debugging, has none. */
	if (err == -ENOTTY || err == -EOPNOTSUPP)
		err = 0;
	if (!err)
		err = memmgr_list(ctl->fd, id, 0, add_leak, &c);
	if (!err)
		err = memmgr_list(ctl->fd, id, MEMMGR_LIST_KERNEL, add_leak, &c);
	/* Blocks of the kernel are root's to see. */
	if (err == -EPERM || err == -EINVAL)
		err = 0;
	for (size_t i = 0; i < SITES_MOST; i++)
		free(c.site[i]);
	return err ? fail_errno(ctl, err, "allocations") : EXIT_OK;
}

void leaks_free(struct leaks *leaks)
{
	for (size_t i = 0; i < leaks->count; i++)
		for (int by = 0; by < BY_SIZE; by++)
			free(leaks->item[i].word[by]);
	free(leaks->item);
}

/* ---- snapshots ---------------------------------------------------------------- */

#define SCHEMA	"memctl-leaks/2"

static struct json_object *leak_json(const struct leak *leak)
{
	struct json_object *object = json_object_new_object();

	json_add(object, "bytes", json_u64(leak->bytes));
	json_add(object, "time_ns", json_u64(leak->time_ns));
	json_add(object, "abandoned", json_object_new_boolean(leak->abandoned));
	for (int by = 0; by < BY_SIZE; by++)
		json_add(object, leaks_by_names[by], json_object_new_string(leak->word[by]));
	return object;
}

int leaks_save(const struct memctl *ctl, const struct leaks *leaks, const char *path)
{
	struct json_object *root = json_object_new_object();
	struct json_object *list = json_object_new_array();
	struct newfile file;
	int rc;

	json_add(root, "schema", json_object_new_string(SCHEMA));
	json_add(root, "boot", json_object_new_string(leaks->scope.boot));
	json_add(root, "region", json_object_new_string(leaks->scope.region));
	json_add(root, "heap", json_object_new_string(leaks->scope.heap));
	json_add(root, "uid", json_u64(leaks->scope.uid));
	json_add(root, "time_ns", json_u64(leaks->time_ns));
	for (size_t i = 0; i < leaks->count; i++)
		json_object_array_add(list, leak_json(&leaks->item[i]));
	json_add(root, "allocations", list);
	rc = newfile_open(ctl, path, &file);
	if (!rc) {
		fputs(json_object_to_json_string_ext(root, JSON_C_TO_STRING_PRETTY), file.stream);
		rc = newfile_close(ctl, &file);
	}
	json_object_put(root);
	return rc;
}

/* A member of a snapshot, of the type that it has to have. */
static struct json_object *member(struct json_object *object, const char *key,
				  enum json_type type)
{
	struct json_object *value;

	return json_object_object_get_ex(object, key, &value) &&
	       json_object_is_type(value, type) ? value : NULL;
}

static bool leak_parse(struct json_object *object, struct leak *leak)
{
	struct json_object *bytes = member(object, "bytes", json_type_int);
	struct json_object *time = member(object, "time_ns", json_type_int);
	struct json_object *word[BY_SIZE];

	for (int by = 0; by < BY_SIZE; by++) {
		word[by] = member(object, leaks_by_names[by], json_type_string);
		if (!word[by])
			return false;
	}
	if (!bytes || !time)
		return false;
	*leak = (struct leak) {
		.bytes = json_object_get_uint64(bytes),
		.time_ns = json_object_get_uint64(time),
	};
	for (int by = 0; by < BY_SIZE; by++)
		leak->word[by] = copy_of(json_object_get_string(word[by]));
	return true;
}

/* Text of a snapshot, cut to what there is room for; false when there is none. */
static bool text_parse(struct json_object *root, const char *key, char *text, size_t room)
{
	struct json_object *value = member(root, key, json_type_string);

	if (value)
		snprintf(text, room, "%s", json_object_get_string(value));
	return value;
}

static bool scope_parse(struct json_object *root, struct leaks_scope *scope)
{
	struct json_object *uid = member(root, "uid", json_type_int);

	if (uid)
		scope->uid = (uint32_t)json_object_get_uint64(uid);
	return uid && text_parse(root, "boot", scope->boot, sizeof(scope->boot)) &&
	       text_parse(root, "region", scope->region, sizeof(scope->region)) &&
	       text_parse(root, "heap", scope->heap, sizeof(scope->heap));
}

static bool leaks_parse(struct json_object *root, struct leaks *leaks)
{
	struct json_object *list = member(root, "allocations", json_type_array);
	struct json_object *time = member(root, "time_ns", json_type_int);
	char schema[sizeof(SCHEMA) + 1];
	size_t count;

	if (!text_parse(root, "schema", schema, sizeof(schema)) || strcmp(schema, SCHEMA) ||
	    !list || !time || !scope_parse(root, &leaks->scope))
		return false;
	leaks->time_ns = json_object_get_uint64(time);
	count = json_object_array_length(list);
	leaks->item = calloc(count ? count : 1, sizeof(*leaks->item));
	if (!leaks->item)
		out_of_memory();
	for (; leaks->count < count; leaks->count++)
		if (!leak_parse(json_object_array_get_idx(list, leaks->count),
				&leaks->item[leaks->count]))
			return false;
	return true;
}

int leaks_load(const struct memctl *ctl, const char *path, struct leaks *leaks)
{
	struct json_object *root;
	bool good;

	*leaks = (struct leaks) { 0 };
	errno = 0;
	root = json_object_from_file(path);
	if (!root && errno)
		return fail(ctl, "name a file that --snapshot has written",
			    "cannot read %s: %s", path, strerror(errno));
	good = root && leaks_parse(root, leaks);
	json_object_put(root);
	return good ? EXIT_OK :
	       fail(ctl, "take a new one with --snapshot",
		    "%s is no snapshot of memctl leaks, or only a part of one", path);
}

static int fail_scope(const struct memctl *ctl, const char *path, const char *remedy,
		      const char *what, const char *now, const char *before)
{
	return fail(ctl, remedy, "%s is a snapshot of %s%s, and this is %s%s", path,
		    *before ? what : "all heaps", before, *now ? what : "all heaps", now);
}

int leaks_check_scope(const struct memctl *ctl, const struct leaks *now,
		      const struct leaks *before, const char *path)
{
	const struct leaks_scope *a = &now->scope, *b = &before->scope;

	if (strcmp(a->boot, b->boot))
		return fail(ctl, "compare snapshots of one boot",
			    "%s was taken before the machine was started", path);
	if (strcmp(a->region, b->region))
		return fail_scope(ctl, path, "name that one with --region", "region ", a->region,
				  b->region);
	if (strcmp(a->heap, b->heap))
		return fail_scope(ctl, path, "give the same HEAP, or none, to both", "heap ",
				  a->heap, b->heap);
	if (a->uid != b->uid)
		return fail(ctl, "look as the same user, for each is shown other memory",
			    "%s was taken by user %" PRIu32, path, b->uid);
	return EXIT_OK;
}

/* ---- groups ------------------------------------------------------------------- */

/* The group of a word, made if need be. Linear: there are few. */
static struct leak_group *group_of(struct leak_group **groups, size_t *count, char *word)
{
	for (size_t i = 0; i < *count; i++)
		if (!strcmp((*groups)[i].word, word))
			return &(*groups)[i];
	*groups = reallocarray(*groups, *count + 1, sizeof(**groups));
	if (!*groups)
		out_of_memory();
	(*groups)[*count] = (struct leak_group) { .word = word };
	return &(*groups)[(*count)++];
}

/* The word that tells the group; of a size it is made here, and kept. */
static char *word_of(const struct leak *leak, enum leaks_by by, char *size, size_t len)
{
	if (by != BY_SIZE)
		return leak->word[by];
	snprintf(size, len, "%" PRIu64, leak->bytes);
	return size;
}

static struct leak_group *find(struct leak_group **groups, size_t *count,
			       const struct leak *leak, enum leaks_by by)
{
	char size[32];
	char *word = word_of(leak, by, size, sizeof(size));
	size_t before = *count;
	struct leak_group *group = group_of(groups, count, word);

	if (*count > before && by == BY_SIZE)
		group->word = copy_of(word);
	return group;
}

static int64_t growth(const struct leak_group *group)
{
	return group->bytes - group->bytes_before;
}

static int most_grown(const void *a, const void *b)
{
	int64_t left = growth(a), right = growth(b);

	return left < right ? 1 : -(left > right);
}

struct leak_group *leaks_group(const struct leaks *leaks, const struct leaks *before,
			       enum leaks_by by, uint64_t older_ns, size_t *count)
{
	struct leak_group *groups = NULL, *group;

	*count = 0;
	for (size_t i = 0; i < leaks->count; i++) {
		const struct leak *leak = &leaks->item[i];

		if (leak->time_ns + older_ns > leaks->time_ns)
			continue;
		group = find(&groups, count, leak, by);
		if (!group->count || leak->time_ns < group->oldest_ns)
			group->oldest_ns = leak->time_ns;
		group->count++;
		group->bytes += leak->bytes;
		group->abandoned += leak->abandoned;
	}
	for (size_t i = 0; before && i < before->count; i++) {
		if (before->item[i].time_ns + older_ns > before->time_ns)
			continue;
		group = find(&groups, count, &before->item[i], by);
		group->count_before++;
		group->bytes_before += before->item[i].bytes;
	}
	if (*count)
		qsort(groups, *count, sizeof(*groups), most_grown);
	return groups;
}
