// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Red zones: bytes before and behind an allocation that nobody may write.
 *
 *	block   [ room | zone before ][ allocation ][ zone behind | rest ]
 *	          <----- lead ------>                 <-- tail -->
 *
 * The lead keeps the alignment that was asked for; only its last bytes are the zone.
 */

#include "core/guard.h"
#include "debug/debugging.h"
#include "debug/guards.h"
#include "debug/key.h"
#include "debug/pattern.h"
#include "debug/reports.h"
#include "debug/track.h"
#include "debug/zones.h"
#include "heap/heap.h"
#include "heap/record.h"
#include "heap/stats.h"

#define LEAD_MAX	(1u << 20)	/* no more is given for an alignment */
#define UNASKED_MAX	64u		/* of an alignment that was not asked for, this is kept */
#define ZONES_STAND	(BIT(RECORD_LIVE) | BIT(RECORD_HELD))

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
	u64 zone = heap_debugging(heap)->zones.bytes;
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
	heap_debugging(heap)->zones.unzoned++;
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

/* The one before it or behind it, as a kind of damage says; empty when there is none. */
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

#define ZONE_PIECE	128u	/* bytes of a zone that are looked at with a lock held */

/**
 * struct zones_walk - how far a look at the zones of an allocation has come
 * @kind: MEMMGR_CORRUPTION_BEFORE at first: the zone that it is at
 * @found: zones that were damaged
 * @done: bytes of the zone
 * @damage: of it; none: 0 bytes are damaged
 */
struct zones_walk {
	u32 kind;
	u32 found;
	u64 done;
	struct memmgr_corruption damage;
};

/* All of a zone was looked at. Damage is reported; it was mended, so that it is once. */
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

/* A piece of a zone: false at the end of both. */
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
		corruption_of_record(c, heap, zoned->record);
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
 * zones_paint - write the zones of an allocation, which is new or has a new end
 * @heap: its heap
 * @record: of it, or a copy
 *
 * Context: any; its state keeps others from the allocation: it takes too long for a lock.
 * O(bytes of a zone).
 */
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
 * zones_check - look at the zones of an allocation that ends or changes
 * @heap: its heap
 * @record: of it, or a copy
 *
 * Context: any; its state keeps others from the allocation: it takes too long for a lock.
 * O(bytes of a zone), at most 2 * MEMMGR_ZONE_MAX, or a page when its size was changed at
 * the end of one.
 */
void zones_check(struct memmgr_heap *heap, const struct record *record)
{
	struct zoned zoned = zoned_record(heap, record);

	zoned_check(heap, &zoned);
}

/**
 * zones_check_shared - look at the zones of an allocation that others may use
 * @heap: its heap
 * @lock: that guards what it is of
 * @record: of it, and may be another's meanwhile; NULL: it is a block of kernel code
 * @block: what is known of the block, which may have ended
 * @place: of the allocation, offset in the region, when there was damage
 *
 * Context: process, may sleep; the lock is dropped after ZONE_PIECE bytes.
 * Return: zones that were damaged.
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
		/* Its zones are not written yet or not where its end is, or its end looks. */
		if (!record && block->live)
			zoned = zoned_block(block);
		else if (record && record_has_zones(record) && BIT(record->state) & ZONES_STAND)
			zoned = zoned_record(heap, record);
		more = walk_step(heap, &walk, &zoned);
		raw_spin_unlock_irqrestore(lock, flags);
		cond_resched();
	} while (more);
	if (walk.found)
		*place = walk.damage.place;
	return walk.found;
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

/* Look at all red zones: @place is that of the last damaged one, all are reported. */
u32 zones_check_records(struct memmgr_heap *heap, u64 *place)
{
	u32 i, found = 0;

	for (i = 0; i < heap->max_records; i++) {
		const struct record *record = &heap->records[i];

		cond_resched();
		if (READ_ONCE(record->state) != RECORD_FREE && record_has_zones(record))
			found += zones_check_shared(heap, &heap->lock, record, NULL, place);
	}
	return found;
}
