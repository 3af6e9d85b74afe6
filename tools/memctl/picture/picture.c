// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* A picture of the region: its owners, and the places of their memory. */
#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <memmgr.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/memory.h"
#include "memctl.h"
#include "picture/picture.h"

const char *const by_names[3] = { "owner", "client", "tag" };

/* A piece of the region, or of what is known to be somewhere, and whose it is. */
struct extent {
	uint64_t offset;
	uint64_t bytes;		/* 0: nobody knows where it is */
	struct owner as;	/* what it adds to its owner */
	struct owner *owner;
};

struct extents {
	struct picture *picture;
	struct extent *list;
	size_t count;
	size_t room;
	uint64_t known;		/* bytes of main that are accounted for */
	uint32_t arenas;	/* blocks of main that are */
};

static struct extent *extent_add(struct extents *extents, uint64_t offset, uint64_t bytes)
{
	struct extent *extent;

	if (extents->count == extents->room) {
		extents->room = extents->room ? 2 * extents->room : 256;
		extents->list = reallocarray(extents->list, extents->room, sizeof(*extent));
		if (!extents->list)
			out_of_memory();
	}
	extent = &extents->list[extents->count++];
	memset(extent, 0, sizeof(*extent));
	extent->offset = offset;
	extent->bytes = bytes;
	extent->as.oldest_ns = UINT64_MAX;
	return extent;
}

/* ---- what heap main has handed out ---- */

/* The arrays of the ABI may be full without a NUL. */
static void name_owner(struct owner *owner, enum picture_by by, const struct memmgr_info *info)
{
	owner->kind = OWNER_PROGRAM;
	owner->uid = info->uid;
	if (by == BY_TAG && !*info->tag)
		snprintf(owner->name, sizeof(owner->name), "(no tag)");
	else if (by == BY_TAG)
		snprintf(owner->name, sizeof(owner->name), "%.*s", MEMMGR_TAG_LEN, info->tag);
	else
		snprintf(owner->name, sizeof(owner->name), "%.*s", MEMMGR_COMM_LEN, info->comm);
	if (by == BY_CLIENT)
		owner->id = info->client;
}

static int add_allocation(const struct memmgr_info *info, void *arg)
{
	struct extents *extents = arg;
	struct extent *extent = extent_add(extents, info->offset, info->granted);
	struct owner *as = &extent->as;

	name_owner(as, extents->picture->by, info);
	as->bytes = info->granted;
	as->fixed = info->state & MEMMGR_INFO_MOVABLE ? 0 : info->granted;
	as->count = 1;
	as->pins = info->pins;
	as->exports = info->exports;
	as->oldest_ns = info->time_ns;
	extents->known += info->granted;
	return 0;
}

static struct extent *add_heap(struct extents *extents, uint32_t heap, uint64_t offset,
			       uint64_t bytes, uint64_t held)
{
	struct extent *extent = extent_add(extents, offset, bytes);

	extent->as.kind = OWNER_HEAP;
	extent->as.id = heap;
	extent->as.bytes = held;
	extent->as.fixed = held;
	extents->known += held;
	extents->arenas += bytes != 0;
	return extent;
}

static int add_heaps(const struct memctl *ctl, struct extents *extents)
{
	struct memmgr_heap_query heap;
	struct memmgr_stats stats;
	struct extent *extent;
	int err;

	for (uint32_t id = MEMMGR_HEAP_MAIN + 1;; id = heap.heap + 1) {
		err = memmgr_heap_next(ctl->fd, id, &heap);
		if (err)
			return err == -ENOENT ? 0 : err;
		/* The slabs of a slab heap lie here and there: the cells show them. */
		extent = add_heap(extents, heap.heap, heap.offset,
				  heap.offset == UINT64_MAX ? 0 : heap.held, heap.held);
		snprintf(extent->as.name, sizeof(extent->as.name), "heap %.*s", MEMMGR_NAME_LEN,
			 heap.name);
		if (!memmgr_stats(ctl->fd, heap.heap, &stats))
			extent->as.count = stats.live;
	}
}

/* Heaps that the caller may not see are in the cells alone, which do not tell them apart. */
static void add_unseen_heaps(struct extents *extents)
{
	struct extent *extent;
	uint64_t used = 0;

	for (uint32_t i = 0; i < extents->picture->count; i++) {
		const struct memmgr_cell *cell = &extents->picture->cells[i];

		if (cell->heap == MEMMGR_HEAP_ANY)
			used += cell->used;
	}
	if (!used)
		return;
	extent = add_heap(extents, MEMMGR_HEAP_ANY, 0, 0, used);
	snprintf(extent->as.name, sizeof(extent->as.name), "heaps of others");
}

/*
 * The rest: blocks that kernel code has, of which only their sum is known. Where all
 * that are not in the list are arenas, what is left over only changed meanwhile.
 */
static void add_kernel(struct extents *extents)
{
	const struct memmgr_stats *main = &extents->picture->main;
	uint64_t used = main->kernel_live > extents->arenas ? main->used : 0;
	struct extent *extent = extent_add(extents, 0, 0);

	extent->as.kind = OWNER_KERNEL;
	snprintf(extent->as.name, sizeof(extent->as.name), "kernel");
	extent->as.bytes = used > extents->known ? used - extents->known : 0;
	extent->as.fixed = extent->as.bytes;
}

/* ---- from pieces to owners ---- */

static int compare_numbers(uint64_t x, uint64_t y)
{
	return (x > y) - (x < y);
}

static int compare_owners(const struct owner *x, const struct owner *y)
{
	int order = compare_numbers(x->kind, y->kind);

	order = order ? order : compare_numbers(x->id, y->id);
	order = order ? order : compare_numbers(x->uid, y->uid);
	return order ? order : strcmp(x->name, y->name);
}

static int by_owner(const void *a, const void *b)
{
	const struct extent *x = a, *y = b;

	return compare_owners(&x->as, &y->as);
}

static int by_offset(const void *a, const void *b)
{
	const struct extent *x = a, *y = b;

	return compare_numbers(x->offset, y->offset);
}

static int by_bytes(const void *a, const void *b)
{
	const struct owner *x = a, *y = b;
	int order = compare_numbers(y->bytes, x->bytes);

	return order ? order : compare_owners(x, y);
}

static void owner_merge(struct owner *owner, const struct owner *as)
{
	owner->bytes += as->bytes;
	owner->fixed += as->fixed;
	owner->count += as->count;
	owner->pins += as->pins;
	owner->exports += as->exports;
	if (as->oldest_ns < owner->oldest_ns)
		owner->oldest_ns = as->oldest_ns;
}

static void group(struct picture *picture, struct extents *extents)
{
	picture->owners = calloc(extents->count, sizeof(*picture->owners));
	if (!picture->owners)
		out_of_memory();
	qsort(extents->list, extents->count, sizeof(*extents->list), by_owner);
	for (size_t i = 0; i < extents->count; i++) {
		struct extent *extent = &extents->list[i];

		if (!i || compare_owners(&extent->as, &extent[-1].as))
			picture->owners[picture->owner_count++] = extent->as;
		else
			owner_merge(&picture->owners[picture->owner_count - 1], &extent->as);
		picture->fixed += extent->as.fixed;
	}
	qsort(picture->owners, picture->owner_count, sizeof(*picture->owners), by_bytes);
}

static struct owner *owner_find(struct picture *picture, const struct owner *as)
{
	for (size_t i = 0; i < picture->owner_count; i++) {
		if (!compare_owners(&picture->owners[i], as))
			return &picture->owners[i];
	}
	return NULL;
}

/* The extents are in the order of their owners still: one search for each owner. */
static void link_extents(struct picture *picture, struct extents *extents)
{
	for (size_t i = 0; i < extents->count; i++) {
		struct extent *extent = &extents->list[i];

		extent->owner = i && !compare_owners(&extent->as, &extent[-1].as) ?
				extent[-1].owner : owner_find(picture, &extent->as);
	}
	qsort(extents->list, extents->count, sizeof(*extents->list), by_offset);
}

/* ---- from pieces to tiles ---- */

/* The owner of the part of a cell that no piece of known place accounts for; NULL: none. */
static struct owner *rest_owner(struct picture *picture, uint32_t heap)
{
	struct owner *kernel = NULL;

	for (size_t i = 0; i < picture->owner_count; i++) {
		struct owner *owner = &picture->owners[i];

		if (owner->kind == OWNER_KERNEL && owner->bytes)
			kernel = owner;
		if (owner->kind == OWNER_HEAP && owner->id == heap)
			return owner;
	}
	return kernel;
}

/* Pieces of one tile add up here until the tile is done. */
struct sum {
	struct owner *owner;
	uint64_t bytes;
};

static void sum_add(struct sum *sums, size_t *count, struct owner *owner, uint64_t bytes)
{
	size_t i = 0;

	while (i < *count && sums[i].owner != owner)
		i++;
	if (i == *count)
		sums[(*count)++] = (struct sum){ .owner = owner };
	sums[i].bytes += bytes;
}

static struct owner *sum_most(const struct sum *sums, size_t count)
{
	const struct sum *most = sums;

	for (size_t i = 1; i < count; i++) {
		if (sums[i].bytes > most->bytes)
			most = &sums[i];
	}
	return count ? most->owner : NULL;
}

static uint64_t overlap(const struct extent *extent, uint64_t from, uint64_t to)
{
	uint64_t end = extent->offset + extent->bytes;

	from = extent->offset > from ? extent->offset : from;
	to = end < to ? end : to;
	return to > from ? to - from : 0;
}

/* Fills tile @i from the extents from @next on, which lie in order. */
static void fill_tile(struct picture *picture, uint32_t i, const struct extents *extents,
		      size_t next, struct sum *sums)
{
	uint64_t from = i * picture->cell_bytes, to = from + picture->cell_bytes, known = 0;
	struct tile *tile = &picture->tiles[i];
	struct owner *rest;
	size_t count = 0;

	tile->used = picture->cells[i].used;
	for (; next < extents->count && extents->list[next].offset < to; next++) {
		const struct extent *extent = &extents->list[next];
		uint64_t bytes = overlap(extent, from, to);

		if (!bytes)
			continue;
		sum_add(sums, &count, extent->owner, bytes);
		tile->fixed += extent->as.fixed ? bytes : 0;
		known += bytes;
	}
	rest = rest_owner(picture, picture->cells[i].heap);
	if (rest && tile->used > known) {
		sum_add(sums, &count, rest, tile->used - known);
		tile->fixed += tile->used - known;
	}
	tile->owner = tile->used ? sum_most(sums, count) : NULL;
}

static void fill_tiles(struct picture *picture, const struct extents *extents)
{
	struct sum *sums = calloc(picture->owner_count, sizeof(*sums));
	size_t next = 0;

	picture->tiles = calloc(picture->count, sizeof(*picture->tiles));
	if (!sums || !picture->tiles)
		out_of_memory();
	for (uint32_t i = 0; i < picture->count; i++) {
		while (next < extents->count && extents->list[next].offset +
		       extents->list[next].bytes <= i * picture->cell_bytes)
			next++;
		fill_tile(picture, i, extents, next, sums);
	}
	free(sums);
}

/* ---- colours ---- */

static unsigned int slot_of(const struct slots *slots, const struct owner *owner)
{
	for (unsigned int i = 0; i < SLOTS; i++) {
		if (slots->of[i].seen && !compare_owners(&slots->of[i].owner, owner))
			return i;
	}
	return SLOT_OTHERS;
}

/* The slot that nobody has had for longest; none when all are in use now. */
static unsigned int slot_take(struct slots *slots, const struct owner *owner)
{
	unsigned int slot = 0;

	for (unsigned int i = 1; i < SLOTS; i++) {
		if (slots->of[i].seen < slots->of[slot].seen)
			slot = i;
	}
	if (slots->of[slot].seen == slots->pictures)
		return SLOT_OTHERS;
	slots->of[slot].owner = *owner;
	/* Memory that is there when memctl starts has not grown. */
	slots->of[slot].first_bytes = slots->pictures > 1 ? 0 : owner->bytes;
	slots->of[slot].seen = slots->pictures;
	return slot;
}

static void give_slots(struct slots *slots, struct picture *picture)
{
	slots->pictures++;
	picture->grows = slots->pictures > 1;
	for (size_t i = 0; i < picture->owner_count; i++) {
		struct owner *owner = &picture->owners[i];

		owner->slot = slot_of(slots, owner);
		if (owner->slot != SLOT_OTHERS)
			slots->of[owner->slot].seen = slots->pictures;
	}
	for (size_t i = 0; i < picture->owner_count; i++) {
		struct owner *owner = &picture->owners[i];

		if (owner->slot == SLOT_OTHERS)
			owner->slot = slot_take(slots, owner);
		if (owner->slot != SLOT_OTHERS)
			owner->growth = (int64_t)(owner->bytes -
						  slots->of[owner->slot].first_bytes);
	}
}

/* ---- all of it ---- */

/* An older module moves nothing: then nothing is told apart. */
static int read_moves(const struct memctl *ctl, bool *moves)
{
	struct memmgr_health health;
	int err = memmgr_health(ctl->fd, &health);

	*moves = !err;
	return err == -ENOTTY ? 0 : err;
}

static int read_pieces(const struct memctl *ctl, struct picture *picture,
		       struct extents *extents)
{
	int err = memmgr_query(ctl->fd, &picture->region);

	if (!err)
		err = read_moves(ctl, &picture->moves);
	if (!err)
		err = memmgr_map(ctl->fd, picture->cells, &picture->count, &picture->cell_bytes);
	if (!err)
		err = memmgr_stats(ctl->fd, MEMMGR_HEAP_MAIN, &picture->main);
	if (!err)
		err = memmgr_list(ctl->fd, MEMMGR_HEAP_MAIN, 0, add_allocation, extents);
	if (!err)
		err = add_heaps(ctl, extents);
	if (err)
		return err;
	add_unseen_heaps(extents);
	add_kernel(extents);
	return 0;
}

/* Nobody wants to read of a kernel that has nothing: it is the last owner then. */
static void drop_empty(struct picture *picture)
{
	if (!picture->owners[picture->owner_count - 1].bytes)
		picture->owner_count--;
}

int picture_read(const struct memctl *ctl, enum picture_by by, uint32_t count,
		 struct slots *slots, struct picture *picture)
{
	struct extents extents = { .picture = picture };
	int err;

	memset(picture, 0, sizeof(*picture));
	picture->by = by;
	picture->count = count;
	picture->now_ns = now_ns(CLOCK_BOOTTIME);
	picture->cells = calloc(count, sizeof(*picture->cells));
	if (!picture->cells)
		out_of_memory();
	err = read_pieces(ctl, picture, &extents);
	if (!err) {
		group(picture, &extents);
		link_extents(picture, &extents);
		fill_tiles(picture, &extents);
		drop_empty(picture);
		give_slots(slots, picture);
	}
	free(extents.list);
	return err;
}

void picture_free(struct picture *picture)
{
	free(picture->cells);
	free(picture->tiles);
	free(picture->owners);
	memset(picture, 0, sizeof(*picture));
}

/* ---- JSON ---- */

static struct json_object *owner_json(const struct picture *picture, const struct owner *owner)
{
	static const char *const kinds[] = { "program", "heap", "kernel" };
	bool program = owner->kind == OWNER_PROGRAM;
	struct json_object *object = json_object_new_object();

	json_add(object, "kind", json_object_new_string(kinds[owner->kind]));
	json_add(object, "name", json_chars(owner->name, sizeof(owner->name)));
	json_add(object, "uid", program ? json_u64(owner->uid) : NULL);
	json_add(object, "client", program && picture->by == BY_CLIENT ?
		 json_u64(owner->id) : NULL);
	json_add(object, "heap", owner->kind == OWNER_HEAP ? json_u64(owner->id) : NULL);
	json_add(object, "bytes", json_u64(owner->bytes));
	json_add(object, "movable", json_u64(owner->bytes - owner->fixed));
	json_add(object, "fixed", json_u64(owner->fixed));
	json_add(object, "count", json_u64(owner->count));
	json_add(object, "pins", json_u64(owner->pins));
	json_add(object, "exports", json_u64(owner->exports));
	json_add(object, "oldest_ms", owner->oldest_ns > picture->now_ns ? NULL :
		 json_u64((picture->now_ns - owner->oldest_ns) / 1000000));
	json_add(object, "growth", json_object_new_int64(owner->growth));
	return object;
}

struct json_object *owners_json(const struct picture *picture)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < picture->owner_count; i++)
		json_object_array_add(array, owner_json(picture, &picture->owners[i]));
	return array;
}

struct json_object *picture_json(const struct picture *picture)
{
	struct json_object *map = json_object_new_object();
	struct json_object *array = json_object_new_array();

	for (uint32_t i = 0; i < picture->count; i++) {
		const struct memmgr_cell *cell = &picture->cells[i];
		const struct tile *tile = &picture->tiles[i];
		struct json_object *object = json_object_new_object();

		json_add(object, "used", json_u64(cell->used));
		json_add(object, "blocks", json_u64(cell->blocks));
		json_add(object, "heap", cell->heap == MEMMGR_HEAP_ANY ? NULL :
						json_u64(cell->heap));
		json_add(object, "fixed", json_u64(tile->fixed));
		json_add(object, "owner", tile->owner ?
			 json_u64((uint64_t)(tile->owner - picture->owners)) : NULL);
		json_object_array_add(array, object);
	}
	json_add(map, "cell_bytes", json_u64(picture->cell_bytes));
	json_add(map, "cells", array);
	json_add(map, "owners", owners_json(picture));
	return map;
}
