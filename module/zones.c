// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Red zones: bytes before and behind an allocation that nobody may write.
 *
 *	block   [ room | zone before ][ allocation ][ zone behind | rest ]
 *	          <----- lead ------>                 <-- tail -->
 *
 * The lead keeps the alignment that was asked for; only its last bytes are the zone.
 */
#include <linux/string.h>

#include "corruptions.h"
#include "heap.h"
#include "pattern.h"
#include "zones.h"

#define LEAD_MAX	(1u << 20)	/* no more is given for an alignment */
#define UNASKED_MAX	64u		/* of an alignment that was not asked for, this is kept */

/**
 * zones_plan - decide which zones a new allocation gets
 * @heap: that it is asked of
 * @bytes: asked for
 * @align: asked for
 * @lead: room before it; 0 on entry
 * @tail: room behind it; 0 on entry
 *
 * Context: the heap's lock is held. O(1).
 */
void zones_plan(struct memmgr_heap *heap, u64 bytes, u64 align, u32 *lead, u32 *tail)
{
	u64 unit = heap->window == HEAP_NO_WINDOW ? min_t(u64, heap->align, UNASKED_MAX) :
						    PAGE_SIZE;
	u64 capacity = heap_capacity(heap);
	u64 zone = heap->zones.bytes;
	u64 room;

	if (!(heap->debug & DEBUG_ZONES) || bytes >= heap->bytes)
		return;
	unit = max3(unit, align, (u64)MEMMGR_ZONE_MIN);
	room = round_up(zone, unit);
	if (unit <= LEAD_MAX && (!capacity || room + bytes + zone <= capacity)) {
		*lead = room;
		*tail = zone;
		return;
	}
	heap->zones.unzoned++;
	if (!capacity)
		*tail = zone;
	else if (bytes < capacity)
		*tail = min(zone, capacity - bytes);
}

/* An allocation and the bytes of its zones; it has a record, or is a block of kernel code. */
struct zoned {
	u64 place;
	u64 bytes;
	u32 before;
	u32 behind;
	u32 key;
	const struct record *record;
	const struct track_block *block;
};

/* Usually both are the same; in its own page a shifted one has what there is. */
static u32 record_before(const struct record *record)
{
	if (record->shifted)
		return min(record->lead, GUARD_BEFORE);
	return record->lead ? record->tail : 0;
}

static struct zoned zoned_record(const struct memmgr_heap *heap, const struct record *record)
{
	return (struct zoned) {
		.place = heap_place(heap, record->offset),
		.bytes = record->bytes,
		.before = record_before(record),
		.behind = record->tail,
		.key = record->seq,
		.record = record,
	};
}

static struct zoned zoned_block(const struct track_block *block)
{
	return (struct zoned) {
		.place = block->place,
		.bytes = block->bytes,
		.before = block->lead ? block->tail : 0,
		.behind = block->tail,
		.key = block->time_ns,
		.block = block,
	};
}

/* The one before it; empty when there is none. */
static struct pattern zone_before(const struct zoned *zoned)
{
	return (struct pattern) {
		.place = zoned->place - zoned->before,
		.bytes = zoned->before,
		.kind = GUARD_ZONE,
		.key = zoned->key,
	};
}

static struct pattern zone_behind(const struct zoned *zoned)
{
	return (struct pattern) {
		.place = zoned->place + zoned->bytes,
		.bytes = zoned->behind,
		.kind = GUARD_ZONE,
		.key = zoned->key,
	};
}

static void zoned_paint(struct memmgr_heap *heap, const struct zoned *zoned)
{
	struct pattern before = zone_before(zoned), behind = zone_behind(zoned);

	pattern_fill(heap->region, &before);
	pattern_fill(heap->region, &behind);
}

/* One of its zones: damage is reported and mended, so that it is reported once. */
static u32 zone_check(struct memmgr_heap *heap, const struct zoned *zoned,
		      const struct pattern *zone, u32 kind)
{
	struct memmgr_corruption c = { .kind = kind };

	if (!pattern_damaged(heap->region, zone, &c))
		return 0;
	if (zoned->record)
		corruption_of_record(&c, heap, zoned->record);
	else
		corruption_of_block(&c, zoned->block);
	c.distance = kind == MEMMGR_CORRUPTION_BEFORE ?
		     zoned->place - (c.offset + c.damaged) :
		     c.offset - (zoned->place + zoned->bytes);
	corruptions_add(heap, &c);
	pattern_fill(heap->region, zone);
	return 1;
}

static u32 zoned_check(struct memmgr_heap *heap, const struct zoned *zoned)
{
	struct pattern before = zone_before(zoned), behind = zone_behind(zoned);

	return zone_check(heap, zoned, &before, MEMMGR_CORRUPTION_BEFORE) +
	       zone_check(heap, zoned, &behind, MEMMGR_CORRUPTION_BEHIND);
}

/* Write the zones of an allocation, which is new or has a new end. */
void zones_paint(struct memmgr_heap *heap, const struct record *record)
{
	struct zoned zoned = zoned_record(heap, record);

	zoned_paint(heap, &zoned);
}

/* The same for a block of kernel code; needs no lock, as it is not yet given out. */
void zones_paint_block(struct memmgr_heap *heap, const struct track_block *block)
{
	struct zoned zoned = zoned_block(block);

	zoned_paint(heap, &zoned);
}

/**
 * zones_check - look at the zones of an allocation
 * @heap: its heap
 * @record: of it
 *
 * Context: the heap's lock is held. O(bytes of a zone), at most 2 * MEMMGR_ZONE_MAX, or a
 * page when its size was changed at the end of one.
 * Return: zones that were damaged.
 */
u32 zones_check(struct memmgr_heap *heap, const struct record *record)
{
	struct zoned zoned;

	/* Its zones are not written yet, or not where its end is now. */
	if (!record_has_zones(record) || record->state == RECORD_NEW ||
	    record->state == RECORD_CHANGING)
		return 0;
	zoned = zoned_record(heap, record);
	return zoned_check(heap, &zoned);
}

/**
 * zones_check_block - look at the zones of a block of kernel code
 * @heap: that it was asked of
 * @block: what is known of it
 *
 * Context: any; nobody frees the block meanwhile. O(bytes of a zone).
 * Return: zones that were damaged.
 */
u32 zones_check_block(struct memmgr_heap *heap, const struct track_block *block)
{
	struct zoned zoned = zoned_block(block);

	return zoned_check(heap, &zoned);
}
