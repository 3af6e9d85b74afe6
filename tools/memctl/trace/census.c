// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The requests of a trace, whatever serves them. */
#include <memmgr.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/memory.h"
#include "trace/census.h"

#define NO_SLOT	UINT32_MAX

/* An allocation that lives. All of them are in a list, the youngest first. */
struct slot {
	struct census_size *size;	/* NULL: nothing lives here */
	size_t born;			/* event */
	uint32_t older;
	uint32_t younger;
	uint8_t tag;
};

struct count {
	struct census *census;
	const struct trace *trace;
	struct slot *slots;
	uint32_t youngest;
	uint64_t pages;			/* bytes of what lives, in whole pages */
};

static void *room_for(size_t count, size_t size)
{
	void *room = calloc(count ? count : 1, size);

	if (!room)
		out_of_memory();
	return room;
}

unsigned int census_class(uint64_t number)
{
	unsigned int class = number < 2 ? 0 : 64 - (unsigned int)__builtin_clzll(number - 1);

	return class < MEMMGR_CLASSES ? class : MEMMGR_CLASSES - 1;
}

/* ---- the sizes that there are ---- */

static int compare(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int by_size(const void *a, const void *b)
{
	return compare(((const struct census_size *)a)->size,
		       ((const struct census_size *)b)->size);
}

static int by_allocs(const void *a, const void *b)
{
	const struct census_size *x = a, *y = b;
	int order = compare(y->allocs, x->allocs);

	return order ? order : compare(y->size, x->size);
}

static void list_sizes(struct census *census, const struct trace *trace)
{
	struct census_size *sizes = room_for(trace->count, sizeof(*sizes));
	size_t count = 0, kept = 0;

	for (size_t i = 0; i < trace->count; i++)
		if (trace->events[i].op != TRACE_FREE)
			sizes[count++].size = trace->events[i].size;
	qsort(sizes, count, sizeof(*sizes), by_size);
	for (size_t i = 0; i < count; i++)
		if (!kept || sizes[i].size != sizes[kept - 1].size)
			sizes[kept++] = sizes[i];
	census->sizes = sizes;
	census->size_count = kept;
}

static struct census_size *find_size(const struct census *census, uint64_t size)
{
	const struct census_size key = { .size = size };

	return bsearch(&key, census->sizes, census->size_count, sizeof(key), by_size);
}

/* ---- what comes and goes ---- */

static uint64_t in_pages(uint64_t bytes)
{
	return (bytes + CENSUS_PAGE - 1) & ~(uint64_t)(CENSUS_PAGE - 1);
}

static void raise_to(uint64_t *most, uint64_t value)
{
	if (value > *most)
		*most = value;
}

static void enter(struct count *count, struct slot *slot, uint64_t bytes)
{
	struct census_tag *tag = &count->census->tags[slot->tag];

	slot->size = find_size(count->census, bytes);
	raise_to(&slot->size->most, ++slot->size->live);
	tag->live += bytes;
	raise_to(&tag->most, tag->live);
	tag->live_count++;
	count->pages += in_pages(bytes);
	raise_to(&count->census->pages_most, count->pages);
}

static void leave(struct count *count, const struct slot *slot)
{
	struct census_tag *tag = &count->census->tags[slot->tag];

	slot->size->live--;
	tag->live -= slot->size->size;
	tag->live_count--;
	count->pages -= in_pages(slot->size->size);
}

/* The link to slot @index from the one that is older, or younger. */
static void link_older(struct count *count, uint32_t index, uint32_t older)
{
	if (index == NO_SLOT)
		count->youngest = older;
	else
		count->slots[index].older = older;
}

static void count_alloc(struct count *count, size_t event, const struct trace_event *what)
{
	struct census *census = count->census;
	struct slot *slot = &count->slots[what->slot];

	*slot = (struct slot){
		.born = event,
		.older = count->youngest,
		.younger = NO_SLOT,
		.tag = what->tag,
	};
	if (slot->older != NO_SLOT)
		count->slots[slot->older].younger = what->slot;
	count->youngest = what->slot;
	enter(count, slot, what->size);
	slot->size->allocs++;
	census->tags[what->tag].allocs++;
	census->classes[census_class(what->size)]++;
	census->aligned += what->align_shift > 0;
	if (what->align_shift)
		raise_to(&census->align_most, 1ull << what->align_shift);
}

static void count_free(struct count *count, size_t event, const struct trace_event *what)
{
	struct slot *slot = &count->slots[what->slot];

	count->census->lifo += count->youngest == what->slot;
	count->census->lifetimes[census_class(event - slot->born)]++;
	link_older(count, slot->younger, slot->older);
	if (slot->older != NO_SLOT)
		count->slots[slot->older].younger = slot->younger;
	leave(count, slot);
	slot->size = NULL;
}

static void count_resize(struct count *count, size_t event, const struct trace_event *what)
{
	struct slot *slot = &count->slots[what->slot];

	(void)event;
	leave(count, slot);
	enter(count, slot, what->size);
}

static void (*const count_event[])(struct count *, size_t, const struct trace_event *) = {
	[TRACE_ALLOC]	= count_alloc,
	[TRACE_FREE]	= count_free,
	[TRACE_RESIZE]	= count_resize,
};

/* ---- what stays ---- */

static int by_group(const void *a, const void *b)
{
	const struct census_rest *x = a, *y = b;
	int order = compare(x->size, y->size);

	return order ? order : compare(x->tag, y->tag);
}

static int by_bytes(const void *a, const void *b)
{
	const struct census_rest *x = a, *y = b;
	int order = compare(y->count * y->size, x->count * x->size);

	return order ? order : by_group(a, b);
}

static void merge_rest(struct census_rest *group, const struct census_rest *one)
{
	group->count += one->count;
	group->late += one->late;
	if (one->first < group->first)
		group->first = one->first;
	if (one->last > group->last)
		group->last = one->last;
}

static void group_rest(struct census *census, struct census_rest *list, size_t count)
{
	qsort(list, count, sizeof(*list), by_group);
	for (size_t i = 0; i < count; i++) {
		struct census_rest *last = list + census->rest_count;

		census->rest_allocs++;
		census->rest_late += list[i].late;
		census->rest_bytes += list[i].size;
		if (census->rest_count && !by_group(last - 1, &list[i]))
			merge_rest(last - 1, &list[i]);
		else
			list[census->rest_count++] = list[i];
	}
	qsort(list, census->rest_count, sizeof(*list), by_bytes);
	census->rest = list;
}

static void take_rest(struct count *count)
{
	struct census_rest *list = room_for(count->trace->slots, sizeof(*list));
	size_t found = 0;

	for (uint32_t i = 0; i < count->trace->slots; i++) {
		const struct slot *slot = &count->slots[i];

		if (!slot->size)
			continue;
		list[found++] = (struct census_rest){
			.size = slot->size->size,
			.tag = slot->tag,
			.count = 1,
			.late = slot->born >= count->trace->count / 2,
			.first = slot->born,
			.last = slot->born,
		};
	}
	group_rest(count->census, list, found);
}

void census_take(const struct trace *trace, struct census *census)
{
	struct count count = {
		.census = census,
		.trace = trace,
		.slots = room_for(trace->slots, sizeof(*count.slots)),
		.youngest = NO_SLOT,
	};

	*census = (struct census){ 0 };
	list_sizes(census, trace);
	for (size_t i = 0; i < trace->count; i++)
		count_event[trace->events[i].op](&count, i, &trace->events[i]);
	take_rest(&count);
	free(count.slots);
	qsort(census->sizes, census->size_count, sizeof(*census->sizes), by_allocs);
}

void census_free(struct census *census)
{
	free(census->sizes);
	free(census->rest);
}
