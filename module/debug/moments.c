// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Calls the features at the moments of an allocation, in their order. This is the one file
 * that knows all features.
 */
#include <linux/build_bug.h>
#include <linux/limits.h>
#include <linux/slab.h>

#include "debug/debugging.h"
#include "debug/guards.h"
#include "debug/inject.h"
#include "debug/key.h"
#include "debug/latency.h"
#include "debug/misuse.h"
#include "debug/moments.h"
#include "debug/quarantine.h"
#include "debug/sites.h"
#include "debug/track.h"
#include "debug/zones.h"
#include "heap/account.h"
#include "heap/heap.h"
#include "heap/moments.h"
#include "heap/record.h"

/* The values that record.site has to hold. */
static_assert(SITES_MAX <= U16_MAX);

/* Both injections count the request, whichever of them makes it fail. */
static bool moment_fails(struct memmgr_heap *heap, struct client *client, u64 bytes)
{
	bool of_heap = inject_heap(heap, bytes);
	bool of_client = inject_client(client);

	return of_heap || of_client;
}

static void moment_room(struct memmgr_heap *heap, struct record *wanted)
{
	u64 align = record_align(wanted);
	u32 lead = 0, tail = 0;

	wanted->shifted = wanted->flags & MEMMGR_ALLOC_MAY_SHIFT &&
			  guards_room(heap, wanted->bytes, align, &lead, &tail);
	if (!wanted->shifted)
		zones_room(heap, wanted->bytes, align, &lead, &tail);
	wanted->lead = lead;
	wanted->tail = tail;
}

static void moment_born(struct memmgr_heap *heap, const struct record *record)
{
	site_born(heap->region, record->site, record->bytes);
	if (record->flags & MEMMGR_ALLOC_MAY_SHIFT)
		guards_planned(heap, record->shifted);
}

static void moment_resized(struct memmgr_heap *heap, const struct record *record, s64 more)
{
	site_count(heap->region, record->site, 0, more);
}

static void moment_gone(struct memmgr_heap *heap, const struct record *record)
{
	site_count(heap->region, record->site, -1, -(s64)record->bytes);
	if (record->shifted)
		guards_gone(heap);
}

static const char *moment_verify(struct memmgr_heap *heap, u64 *offset)
{
	unsigned long flags;
	u64 place;

	if (quarantine_check(heap, offset))
		return "poison";
	if (!zones_check_records(heap, &place) && !track_check_zones(heap, &place))
		return NULL;
	flags = heap_lock(heap);
	*offset = heap_unplace(heap, place);
	heap_unlock(heap, flags);
	return "red zone";
}

static void moment_off(struct memmgr_heap *heap)
{
	debug_set(heap, 0, ~0u);
}

static void moment_free(struct memmgr_heap *heap)
{
	/* Guards give their memory back to main, so main frees its own guards itself. */
	guards_free(heap);
	track_free(heap);
	latency_free(heap);
	quarantine_free(heap);
	kfree(heap->debugging);
}

static const struct heap_moments moments_table = {
	.fails = moment_fails,
	.room = moment_room,
	.born = moment_born,
	.paint = zones_paint,
	.look = zones_check,
	.resized = moment_resized,
	.keeps = quarantine_keeps,
	.ended = quarantine_add_record,
	.gone = moment_gone,
	.tidy = quarantine_tidy,
	.evict = quarantine_evict,
	.misuse = heap_report_handle,
	.fault = heap_report_fault,
	.verify = moment_verify,
	.off = moment_off,
	.flush = quarantine_flush,
	.free = moment_free,
};

/* Module init. From here on features can be turned on. */
void moments_start(void)
{
	debug_use_moments(&moments_table);
}
