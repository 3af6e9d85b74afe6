// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kselftest.h"

#include "calls.h"
#include "compact_layout.h"

static int compare_blocks(const void *x, const void *y)
{
	const struct block *a = x, *b = y;

	return a->at < b->at ? -1 : a->at > b->at;
}

static void layout_add(struct layout *l, const struct memmgr_info *i)
{
	l->blocks[l->count++] = (struct block){
		.handle = i->handle, .at = (i->offset - l->base) / l->unit,
		.units = i->granted / l->unit, .fixed = !(i->state & MEMMGR_INFO_MOVABLE),
	};
}

static int layout_list(int fd, __u32 heap, struct layout *l)
{
	static struct memmgr_info entries[512];
	struct memmgr_list list = {
		.size = sizeof(list), .heap = heap, .entry_size = sizeof(entries[0]),
		.entries = (uintptr_t)entries,
	};
	__u32 i;

	do {
		int result;

		list.count = ARRAY_SIZE(entries);
		result = mm_call(fd, MEMMGR_IOC_LIST, &list);
		if (result)
			return result;
		for (i = 0; i < list.count && l->count < l->units; i++)
			layout_add(l, &entries[i]);
	} while (list.cursor);
	return 0;
}

/* The arenas of other heaps in main have no record. */
static int layout_arenas(int fd, struct layout *l)
{
	struct memmgr_heap_query q;
	__u32 heap = 1;

	for (; !mm_heap_next(fd, heap, &q); heap = q.heap + 1) {
		/* where slabs lie is not told: layout_take() finds that some is missing */
		if (q.kind == MEMMGR_KIND_SLAB)
			continue;
		l->blocks[l->count++] = (struct block){
			.at = (q.offset - l->base) / l->unit, .units = q.held / l->unit,
			.fixed = true,
		};
	}
	return 0;
}

void layout_free(struct layout *l)
{
	free(l->blocks);
	free(l->owner);
	free(l->begun);
	free(l->fixed);
	*l = (struct layout){ 0 };
}

/* Fails with EUCLEAN when blocks overlap. */
static int layout_sum(struct layout *l)
{
	__u32 i, k;

	qsort(l->blocks, l->count, sizeof(*l->blocks), compare_blocks);
	for (i = 0; i < l->count; i++)
		for (k = 0; k < l->blocks[i].units; k++) {
			__u32 at = l->blocks[i].at + k;

			if (at >= l->units || l->owner[at])
				return -EUCLEAN;
			l->owner[at] = i + 1;
		}
	l->free = 0;
	for (k = 0; k < l->units; k++) {
		const struct block *b = l->owner[k] ? &l->blocks[l->owner[k] - 1] : NULL;

		l->free += !b;
		l->begun[k + 1] = l->begun[k] + (b && b->at == k ? b->units : 0);
		l->fixed[k + 1] = l->fixed[k] + (b && b->fixed);
	}
	return 0;
}

int layout_take(int fd, __u32 heap, struct layout *l)
{
	struct memmgr_heap_query q;
	struct memmgr_stats s;
	int result = mm_heap_query(fd, heap, &q);

	layout_free(l);
	if (result)
		return result;
	l->unit = q.granule;
	l->base = heap == MEMMGR_HEAP_MAIN ? 0 : q.offset;
	l->units = q.bytes / l->unit;
	l->blocks = calloc(l->units + MEMMGR_MAX_HEAPS, sizeof(*l->blocks));
	l->owner = calloc(l->units, sizeof(*l->owner));
	l->begun = calloc(l->units + 1, sizeof(*l->begun));
	l->fixed = calloc(l->units + 1, sizeof(*l->fixed));
	if (!l->blocks || !l->owner || !l->begun || !l->fixed)
		return -ENOMEM;
	result = layout_list(fd, heap, l);
	if (!result && heap == MEMMGR_HEAP_MAIN)
		result = layout_arenas(fd, l);
	if (!result)
		result = layout_sum(l);
	if (!result)
		result = mm_stats(fd, heap, &s);
	if (!result && s.free != l->free * l->unit)
		result = -EUCLEAN;
	return result;
}

bool layout_same(const struct layout *a, const struct layout *b)
{
	return a->units == b->units && a->count == b->count &&
	       !memcmp(a->blocks, b->blocks, a->count * sizeof(*a->blocks));
}

__u32 window_cost(const struct layout *l, __u32 at, __u32 units)
{
	__u32 owner = l->owner[at], cost;

	if (at + units > l->units || l->fixed[at + units] != l->fixed[at])
		return NEVER;
	if (owner && l->blocks[owner - 1].fixed)
		return NEVER;
	/* the block that reaches into the window moves as a whole */
	cost = l->begun[at + units] - l->begun[at];
	if (owner && l->blocks[owner - 1].at < at)
		cost += l->blocks[owner - 1].units;
	return cost;
}

bool window_is_free(const struct layout *l, __u64 offset, __u64 bytes)
{
	__u64 at = (offset - l->base) / l->unit;

	return offset >= l->base && at * l->unit + bytes <= l->units * l->unit &&
	       !window_cost(l, at, (bytes + l->unit - 1) / l->unit) &&
	       !(offset % l->unit);
}

__u32 least_cost(const struct layout *l, __u32 units, __u64 align)
{
	__u32 at, cost, least = NEVER;

	for (at = 0; at + units <= l->units; at++) {
		if (align && (l->base + at * l->unit) % align)
			continue;
		cost = window_cost(l, at, units);
		if (cost < least && units <= l->free)
			least = cost;
	}
	return least;
}

__u32 run_at(const struct layout *l, __u32 at)
{
	__u32 end = at;

	while (end < l->units && !l->owner[end])
		end++;
	return end - at;
}

__u32 largest_run(const struct layout *l, __u64 align)
{
	__u32 at, largest = 0, run = 0;

	for (at = l->units; at--;) {
		run = l->owner[at] ? 0 : run + 1;
		if (run > largest && !(align && (l->base + at * l->unit) % align))
			largest = run;
	}
	return largest;
}

__u32 possible_run(const struct layout *l, __u64 align)
{
	__u32 at, possible = 0, run = 0;

	for (at = l->units; at--;) {
		__u32 owner = l->owner[at];

		run = owner && l->blocks[owner - 1].fixed ? 0 : run + 1;
		if (run > possible && !(align && (l->base + at * l->unit) % align))
			possible = run;
	}
	return possible < l->free ? possible : l->free;
}

__u32 run_without(const struct layout *l, __u32 number)
{
	const struct block *b = &l->blocks[number];
	__u32 from = b->at, end = b->at + b->units;

	while (from && !l->owner[from - 1])
		from--;
	return end - from + (end < l->units ? run_at(l, end) : 0);
}
