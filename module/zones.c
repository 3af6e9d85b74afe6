// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Red zones: bytes before and behind an allocation that nobody may write.
 *
 *	block   [ room | zone before ][ allocation ][ zone behind | rest ]
 *	          <----- lead ------>                 <-- tail -->
 *
 * The lead keeps the alignment that was asked for; only its last bytes are the zone.
 * All of it with the heap's lock held.
 */
#include <linux/string.h>

#include "core/guard.h"
#include "corruptions.h"
#include "heap.h"
#include "zones.h"

#define LEAD_MAX	(1u << 20)	/* no more is given for an alignment */
#define UNASKED_MAX	64u		/* of the alignment that a block has unasked, this is kept */

/* What each block of the heap has; 0: what is asked for. */
static u64 block_capacity(const struct memmgr_heap *heap)
{
	if (heap_is(heap, MEMMGR_KIND_SLAB))
		return heap->slabs.layout.object;
	if (heap_is(heap, MEMMGR_KIND_POOL))
		return heap->pool.block;
	return 0;
}

/**
 * zones_plan - decide which zones a new allocation gets
 * @heap: that it is asked of
 * @record: with what is asked for; @record->lead and @record->tail are filled in
 *
 * Context: the heap's lock is held. O(1).
 */
void zones_plan(struct memmgr_heap *heap, struct record *record)
{
	u64 unit = heap->window == HEAP_NO_WINDOW ? min_t(u64, heap->align, UNASKED_MAX) : PAGE_SIZE;
	u64 capacity = block_capacity(heap);
	u64 zone = heap->zones.bytes;
	u64 lead;

	if (!(heap->debug & DEBUG_ZONES) || record->bytes >= heap->bytes)
		return;
	unit = max3(unit, record->align, (u64)MEMMGR_ZONE_MIN);
	lead = round_up(zone, unit);
	if (unit <= LEAD_MAX && (!capacity || lead + record->bytes + zone <= capacity)) {
		record->lead = lead;
		record->tail = zone;
		return;
	}
	heap->zones.unzoned++;
	if (!capacity)
		record->tail = zone;
	else if (record->bytes < capacity)
		record->tail = min(zone, capacity - record->bytes);
}

/* One zone: where it is, and its pattern. */
struct red_zone {
	u64 place;
	u32 bytes;
	u32 kind;
	struct guard guard;
};

/* Those of an allocation; how many it has. */
static u32 zones_of(const struct memmgr_heap *heap, const struct record *record,
		    struct red_zone zone[2])
{
	u64 place = heap_place(heap, record->offset);
	u32 n = 0, i;

	if (record->lead)
		zone[n++] = (struct red_zone) {
			.place = place - record->tail,
			.bytes = record->tail,
			.kind = MEMMGR_CORRUPTION_BEFORE,
		};
	if (record->tail)
		zone[n++] = (struct red_zone) {
			.place = place + record->bytes,
			.bytes = record->tail,
			.kind = MEMMGR_CORRUPTION_BEHIND,
		};
	for (i = 0; i < n; i++)
		zone[i].guard = (struct guard) {
			.kind = GUARD_ZONE,
			.key = record->seq,
			.position = zone[i].place,
		};
	return n;
}

#define PIECE	64u	/* memory of a device does not take any access */

static void zone_paint(struct memmgr_heap *heap, const struct red_zone *zone)
{
	struct guard guard = zone->guard;
	u8 piece[PIECE];
	u32 done, n;

	for (done = 0; done < zone->bytes; done += n) {
		n = min(zone->bytes - done, PIECE);
		guard.position = zone->place + done;
		guard_fill(&guard, piece, n);
		region_put(heap->region, zone->place + done, piece, n);
	}
}

/* First and end of what is damaged; false: nothing is. */
static bool zone_damaged(struct memmgr_heap *heap, const struct red_zone *zone, u32 *first,
			 u32 *end)
{
	struct guard guard = zone->guard;
	u8 piece[PIECE];
	u32 done, n, at;

	*end = 0;
	for (done = 0; done < zone->bytes; done += n) {
		n = min(zone->bytes - done, PIECE);
		guard.position = zone->place + done;
		region_copy(heap->region, zone->place + done, piece, n);
		at = guard_check(&guard, piece, n);
		if (at == n)
			continue;
		if (!*end)
			*first = done + at;
		*end = done + guard_damage(&guard, piece, n);
	}
	return *end;
}

static void zone_report(struct memmgr_heap *heap, const struct record *record,
			const struct red_zone *zone, u32 first, u32 end)
{
	bool before = zone->kind == MEMMGR_CORRUPTION_BEFORE;
	struct memmgr_corruption c = {
		.kind = zone->kind,
		.heap = heap->id,
		.handle = record->handle,
		.offset = zone->place + first,
		.distance = before ? zone->bytes - end : first,
		.damaged = end - first,
		.place = heap_place(heap, record->offset),
		.bytes = record->bytes,
		.alloc_ns = record->time_ns,
		.site = record->site,
		.pid = record->pid,
		.tid = record->tid,
		.uid = from_kuid(&init_user_ns, record->uid),
		.dump = min(end - first, MEMMGR_CORRUPTION_DUMP),
	};
	struct guard guard = zone->guard;

	guard.position = c.offset;
	guard_fill(&guard, c.expected, c.dump);
	region_copy(heap->region, c.offset, c.found, c.dump);
	memcpy(c.comm, record->comm, sizeof(c.comm));
	memcpy(c.tag, record->tag, sizeof(c.tag));
	strscpy(c.heap_name, heap->name, sizeof(c.heap_name));
	corruptions_add(heap->region, &c);
}

/* Write the zones of an allocation, which is new or has a new end. */
void zones_paint(struct memmgr_heap *heap, const struct record *record)
{
	struct red_zone zone[2];
	u32 n = zones_of(heap, record, zone);

	while (n--)
		zone_paint(heap, &zone[n]);
}

/**
 * zones_check - look at the zones of an allocation
 * @heap: its heap
 * @record: of it
 *
 * Damage is reported and mended, so that it is reported once.
 *
 * Context: the heap's lock is held. O(bytes of a zone), at most 2 * MEMMGR_ZONE_MAX.
 * Return: zones that were damaged.
 */
u32 zones_check(struct memmgr_heap *heap, const struct record *record)
{
	u32 n, i, first, end, damaged = 0;
	struct red_zone zone[2];

	/* Its zones are not written yet, or not where its end is now. */
	if (record->state == RECORD_NEW || record->state == RECORD_CHANGING)
		return 0;
	n = zones_of(heap, record, zone);
	for (i = 0; i < n; i++) {
		if (!zone_damaged(heap, &zone[i], &first, &end))
			continue;
		zone_report(heap, record, &zone[i], first, end);
		zone_paint(heap, &zone[i]);
		heap->zones.found++;
		damaged++;
	}
	return damaged;
}
