// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Red zones: bytes before and behind an allocation that no one may write.
 *
 *	block   [ room | zone before ][ allocation ][ zone behind | rest ]
 *	          <----- lead ------>                 <-- tail -->
 *
 * The lead keeps the requested alignment; only its last bytes are the zone.
 */

#include "core/guard.h"
#include "debug/debugging.h"
#include "debug/guard_slots.h"
#include "debug/guards.h"
#include "debug/key.h"
#include "debug/pattern.h"
#include "debug/reports.h"
#include "debug/track.h"
#include "debug/zones.h"
#include "heap/heap.h"
#include "heap/record.h"
#include "heap/stats.h"

#define LEAD_MAX	(1u << 20)	/* largest lead that an alignment may cost */
#define UNASKED_MAX	64u		/* largest part of the heap's alignment to keep */
#define ZONES_STAND	(BIT(RECORD_LIVE) | BIT(RECORD_HELD))

/**
 * zones_room - decide which zones a new allocation gets
 * @heap: the heap that it is requested from
 * @bytes: requested size
 * @align: requested alignment
 * @lead: set to the room before it; 0 on entry
 * @tail: set to the room behind it; 0 on entry
 *
 * Context: the heap's lock is held. O(1).
 */
void zones_room(struct memmgr_heap *heap, u64 bytes, u64 align, u32 *lead, u32 *tail)
{
	u64 unit = heap->table.window == HEAP_NO_WINDOW ?
		   min_t(u64, heap->align, UNASKED_MAX) : PAGE_SIZE;
	u64 capacity = heap_capacity(heap);
	struct heap_debug *debugging = heap_debugging_made(heap);
	u64 zone, room;

	if (!debugging || !(heap->debug & DEBUG_ZONES) || bytes >= heap->bytes)
		return;
	zone = debugging->zones.bytes;
	unit = max3(unit, align, (u64)MEMMGR_ZONE_MIN);
	room = round_up(zone, unit);
	if (unit <= LEAD_MAX && (!capacity || room + bytes + zone <= capacity)) {
		*lead = room;
		*tail = zone;
		return;
	}
	debugging->zones.unzoned++;
	if (!capacity)
		*tail = zone;
	else if (bytes < capacity)
		*tail = min(zone, capacity - bytes);
}

/* An allocation and the sizes of its zones. It has a record, or is a block of kernel code. */
struct zoned {
	u64 place;
	u64 bytes;
	u32 before;
	u32 behind;
	u32 key;
	const struct record *record;
	const struct origin *origin;
	const struct track_block *block;
};

/* Usually as large as the zone behind. A shifted allocation uses the bytes in its page. */
static u32 record_before(const struct record *record)
{
	if (record->shifted)
		return min(record->lead, GUARD_BEFORE);
	return record->lead ? record->tail : 0;
}

static struct zoned zoned_record(const struct memmgr_heap *heap, const struct record *record,
				 const struct origin *origin)
{
	return (struct zoned) {
		.place = heap_place(heap, record->offset),
		.bytes = record->bytes,
		.before = record_before(record),
		.behind = record->tail,
		.key = record->seq,
		.record = record,
		.origin = origin,
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

/* The zone before or behind an allocation, as the kind of damage says; may be empty. */
static noinline struct pattern zone_of(const struct zoned *zoned, u32 kind)
{
	bool before = kind == MEMMGR_CORRUPTION_BEFORE;

	return (struct pattern) {
		.place = before ? zoned->place - zoned->before : zoned->place + zoned->bytes,
		.bytes = before ? zoned->before : zoned->behind,
		.kind = GUARD_ZONE,
		.key = zoned->key,
	};
}

static void zoned_paint(struct memmgr_heap *heap, const struct zoned *zoned)
{
	struct pattern zone = zone_of(zoned, MEMMGR_CORRUPTION_BEFORE);

	pattern_fill(heap->region, &zone, false);
	zone = zone_of(zoned, MEMMGR_CORRUPTION_BEHIND);
	pattern_fill(heap->region, &zone, false);
}

#define ZONE_PIECE	128u	/* bytes of a zone to check while a lock is held */

/**
 * struct zones_walk - progress of a check of an allocation's zones
 * @kind: the zone that is checked now; starts as MEMMGR_CORRUPTION_BEFORE
 * @found: number of damaged zones
 * @done: bytes of the zone that are checked
 * @damage: damage of the zone; none if @damaged in it is 0
 */
struct zones_walk {
	u32 kind;
	u32 found;
	u64 done;
	struct memmgr_corruption damage;
};

/* End of a zone: report its damage. It was repaired, so it is not reported again. */
static bool walk_next(struct memmgr_heap *heap, struct zones_walk *walk)
{
	struct memmgr_corruption *c = &walk->damage;

	if (c->damaged) {
		c->kind = walk->kind;
		c->distance = c->kind == MEMMGR_CORRUPTION_BEFORE ?
			      c->place - (c->offset + c->damaged) :
			      c->offset - (c->place + c->bytes);
		corruptions_add(heap, c);
		c->damaged = 0;
		walk->found++;
	}
	walk->done = 0;
	return walk->kind++ == MEMMGR_CORRUPTION_BEFORE;
}

/* Check a piece of a zone. Returns false at the end of both zones. */
static bool walk_step(struct memmgr_heap *heap, struct zones_walk *walk,
		      const struct zoned *zoned)
{
	struct pattern zone = zone_of(zoned, walk->kind);
	u64 first = walk->damage.damaged ? walk->damage.offset : ~0ull;
	struct memmgr_corruption part, *c = first == ~0ull ? &walk->damage : &part;

	if (walk->done >= zone.bytes)
		return walk_next(heap, walk);
	zone.place += walk->done;
	zone.bytes = min_t(u64, zone.bytes - walk->done, ZONE_PIECE);
	walk->done += zone.bytes;
	if (!pattern_damaged(heap->region, &zone, c, false))
		return true;
	pattern_fill(heap->region, &zone, false);
	if (c == &part)
		walk->damage.damaged = part.offset + part.damaged - first;
	else if (zoned->record)
		corruption_of_record(c, heap, zoned->record, zoned->origin);
	else
		corruption_of_block(c, zoned->block);
	return true;
}

static u32 zoned_check(struct memmgr_heap *heap, const struct zoned *zoned)
{
	struct zones_walk walk = { .kind = MEMMGR_CORRUPTION_BEFORE };

	while (walk_step(heap, &walk, zoned))
		;
	return walk.found;
}

/**
 * zones_paint - write the zones of an allocation that is new or was resized
 * @heap: its heap
 * @seen: copy of its record
 *
 * Context: any. Takes too long for a lock; the record's state keeps others from the
 * allocation. O(bytes of a zone).
 */
void zones_paint(struct memmgr_heap *heap, const struct record_copy *seen)
{
	struct zoned zoned = zoned_record(heap, &seen->record, &seen->origin);

	zoned_paint(heap, &zoned);
}

/* The same for a block of kernel code. Needs no lock, because it is not yet handed out. */
void zones_paint_block(struct memmgr_heap *heap, const struct track_block *block)
{
	struct zoned zoned = zoned_block(block);

	zoned_paint(heap, &zoned);
}

/**
 * zones_check - check the zones of an allocation that ends or changes
 * @heap: its heap
 * @seen: copy of its record
 *
 * Context: any. Takes too long for a lock; the record's state keeps others from the
 * allocation. O(bytes of a zone): at most 2 * MEMMGR_ZONE_MAX, or a page if an allocation
 * that ends with its page was resized.
 */
void zones_check(struct memmgr_heap *heap, const struct record_copy *seen)
{
	struct zoned zoned = zoned_record(heap, &seen->record, &seen->origin);

	zoned_check(heap, &zoned);
}

/**
 * zones_check_shared - check the zones of an allocation that others may use
 * @heap: its heap
 * @lock: guards @record or @block
 * @record: its record, which may get another allocation meanwhile; NULL: kernel code's block
 * @block: entry of the block, which may end meanwhile
 * @place: after damage: set to the offset of the allocation in the region
 *
 * Context: process, may sleep; the lock is dropped after ZONE_PIECE bytes.
 * Return: number of damaged zones.
 */
u32 zones_check_shared(struct memmgr_heap *heap, raw_spinlock_t *lock,
		       const struct record *record, const struct track_block *block,
		       u64 *place)
{
	struct zones_walk walk = { .kind = MEMMGR_CORRUPTION_BEFORE };
	struct zoned zoned;
	unsigned long flags;
	bool more;

	do {
		zoned = (struct zoned) { 0 };
		raw_spin_lock_irqsave(lock, flags);
		/* In other states zones are not written yet, or a free or resize checks them. */
		if (!record && block->live)
			zoned = zoned_block(block);
		else if (record && record_has_zones(record) && BIT(record->state) & ZONES_STAND)
			zoned = zoned_record(heap, record, record_origin(heap, record));
		more = walk_step(heap, &walk, &zoned);
		raw_spin_unlock_irqrestore(lock, flags);
		cond_resched();
	} while (more);
	if (walk.found)
		*place = walk.damage.place;
	return walk.found;
}

/**
 * zones_check_block - check the zones of a block of kernel code
 * @heap: the heap that it was requested from
 * @block: description of the block
 *
 * Context: any; the block is not freed meanwhile. O(bytes of a zone).
 * Return: number of damaged zones.
 */
u32 zones_check_block(struct memmgr_heap *heap, const struct track_block *block)
{
	struct zoned zoned = zoned_block(block);

	return zoned_check(heap, &zoned);
}

/* Check all red zones and report all damage. @place: place of the last damaged one. */
u32 zones_check_records(struct memmgr_heap *heap, u64 *place)
{
	u32 i, found = 0;

	for (i = 0; i < heap_made_records(heap); i++) {
		const struct record *record = heap_record(heap, i);

		cond_resched();
		if (READ_ONCE(record->state) != RECORD_FREE && record_has_zones(record))
			found += zones_check_shared(heap, &heap->lock, record, NULL, place);
	}
	return found;
}
