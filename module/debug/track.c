// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Tracking: whose blocks of a heap are.
 *
 * An allocation of a client has a record, and gets its site when its heap is tracked.
 * A block of kernel code has no record; while the heap is tracked it has an entry
 * in a hash table of a fixed size. What does not fit is counted.
 */
#include <linux/hash.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/timekeeping.h>

#include "debug/debugging.h"
#include "debug/key.h"
#include "debug/sites.h"
#include "debug/track.h"
#include "debug/zones.h"
#include "heap/free.h"
#include "heap/heap.h"
#include "region/memory.h"
#include "region/region.h"

static u32 *track_bucket(struct track *track, u64 place)
{
	return &track->bucket[hash_64(place, ilog2(TRACK_BLOCKS))];
}

/* Nothing is remembered. Under the lock, or before anybody else knows it. */
static void track_clear(struct track *track)
{
	u32 i;

	for (i = 0; i < TRACK_BLOCKS; i++) {
		track->bucket[i] = TRACK_NONE;
		track->block[i].next = i + 1 < TRACK_BLOCKS ? i + 1 : TRACK_NONE;
		track->block[i].live = false;
	}
	track->free = 0;
	track->used = 0;
	track->zoned = 0;
}

/* Made once, and kept until the heap goes: readers need no lock to find it. */
static int track_make(struct memmgr_heap *heap)
{
	struct track *track;
	int err;

	err = debugging_make(heap) ? : sites_make(heap->region);
	if (err || heap_debugging(heap)->track)
		return err;
	track = kvzalloc(sizeof(*track), GFP_KERNEL);
	if (!track)
		return -ENOMEM;
	raw_spin_lock_init(&track->lock);
	track_clear(track);
	smp_store_release(&heap_debugging(heap)->track, track);	/* see track_of() */
	return 0;
}

static struct track *track_of(const struct memmgr_heap *heap)
{
	return smp_load_acquire(&heap_debugging(heap)->track);	/* made, then published */
}

/* The heap goes. */
void track_free(struct memmgr_heap *heap)
{
	kvfree(heap_debugging(heap)->track);
}

static void block_uncount(struct memmgr_heap *heap, struct track_block *block)
{
	if (block->counted)
		site_count(heap->region, block->site, -1, -(s64)block->bytes);
	block->counted = false;
}

/* Take out what @link leads to. Under the lock. */
static void block_drop(struct memmgr_heap *heap, struct track *track, u32 *link)
{
	u32 i = *link;
	struct track_block *block = &track->block[i];

	*link = block->next;
	block->next = track->free;
	block->live = false;
	track->free = i;
	track->used--;
	track->zoned -= block_has_zones(block);
	block_uncount(heap, block);
}

/*
 * Look at the blocks of the buckets from @from to before @to: @drop takes those out that
 * it returns true for, with @place as it was told. Under the lock.
 */
static void track_sweep(struct memmgr_heap *heap, struct track *track, u32 from, u32 to,
			u64 place, bool (*drop)(struct memmgr_heap *heap,
						struct track_block *block, u64 place))
{
	u32 b, *link;

	for (b = from; b < to; b++) {
		link = &track->bucket[b];
		while (*link != TRACK_NONE) {
			struct track_block *block = &track->block[*link];

			if (drop(heap, block, place))
				block_drop(heap, track, link);
			else
				link = &block->next;
		}
	}
}

/* Where its block begins is still to be known when it is freed. */
static bool forget_block(struct memmgr_heap *heap, struct track_block *block, u64 unused)
{
	block_uncount(heap, block);
	return !block_has_zones(block);
}

#define FORGET_BUCKETS	64u	/* looked at with the lock held; divides TRACK_BLOCKS */

/* What is forgotten lives on, but nobody counts it any more; no new block is counted. */
static void track_forget(struct memmgr_heap *heap)
{
	struct track *track = track_of(heap);
	unsigned long flags;
	u32 b;

	for (b = 0; track && b < TRACK_BLOCKS; b += FORGET_BUCKETS) {
		raw_spin_lock_irqsave(&track->lock, flags);
		track_sweep(heap, track, b, b + FORGET_BUCKETS, 0, forget_block);
		raw_spin_unlock_irqrestore(&track->lock, flags);
		cond_resched();
	}
}

/* Turning on and off; in this order, so that no call comes too early or too late. */
static DEFINE_MUTEX(track_mutex);

static int track_set(struct memmgr_heap *heap, bool on)
{
	int err = 0;

	mutex_lock(&track_mutex);
	if (on)
		err = track_make(heap);
	if (on && !err)
		debug_set(heap, DEBUG_TRACK, 0);
	if (!on) {
		debug_set(heap, 0, DEBUG_TRACK);
		track_forget(heap);
	}
	mutex_unlock(&track_mutex);
	return err;
}

/* As debug/inject.c has it: no feature of a heap that goes is turned on. */
static int track_switch(struct memmgr_heap *heap, bool on)
{
	int err;

	mutex_lock(&heap->features);
	err = READ_ONCE(heap->dying) ? -ENOENT : track_set(heap, on);
	mutex_unlock(&heap->features);
	return err;
}

/**
 * track_prepare - make room for what is known of blocks, without tracking them
 * @heap: the heap
 *
 * Context: process, may sleep.
 * Return: 0 or -ENOMEM.
 */
int track_prepare(struct memmgr_heap *heap)
{
	int err;

	mutex_lock(&track_mutex);
	err = track_make(heap);
	mutex_unlock(&track_mutex);
	return err;
}

/**
 * track_call - turn tracking on or off, and tell how it stands
 * @heap: the heap
 * @out: as in the ABI, capability checked; the answers are filled in
 *
 * Context: process, may sleep. O(blocks) when it is turned off.
 * Return: 0, -EINVAL, -ENOENT or -ENOMEM.
 */
int track_call(struct memmgr_heap *heap, struct memmgr_track *out)
{
	struct track *track;
	int err = 0;

	if (out->flags & ~(MEMMGR_TRACK_ON | MEMMGR_TRACK_OFF) ||
	    out->flags == (MEMMGR_TRACK_ON | MEMMGR_TRACK_OFF))
		return -EINVAL;
	if (out->flags)
		err = track_switch(heap, out->flags == MEMMGR_TRACK_ON);
	if (err)
		return err;
	track = track_of(heap);
	out->state = READ_ONCE(heap->debug) & DEBUG_TRACK ? MEMMGR_TRACK_ON : 0;
	out->blocks = track ? READ_ONCE(track->used) : 0;
	out->max_blocks = TRACK_BLOCKS;
	out->lost = track ? READ_ONCE(track->lost) : 0;
	sites_describe(heap->region, out);
	return 0;
}

/* Who is running gets a block. */
void block_fill(struct track_block *block, u64 place, u64 bytes, u32 site)
{
	*block = (struct track_block) {
		.place = place,
		.bytes = bytes,
		.time_ns = ktime_get_boottime_ns(),
		.site = site,
		.live = true,
	};
	debug_who(&block->pid, &block->tid, block->comm);
}

/*
 * False when there is no room, or it has been turned off meanwhile. A block between
 * red zones is remembered in any case, but counted only while the heap is tracked.
 */
static bool track_insert(struct memmgr_heap *heap, struct track_block *wanted,
			 void (*count)(const struct region *region, u32 id, u64 bytes))
{
	struct track *track = track_of(heap);
	struct track_block *block;
	unsigned long flags;
	u32 *bucket, i;

	/* A flag may be seen before the table, though that was there first. */
	if (!track)
		return false;
	raw_spin_lock_irqsave(&track->lock, flags);
	wanted->counted = READ_ONCE(heap->debug) & DEBUG_TRACK;
	i = wanted->counted || block_has_zones(wanted) ? track->free : TRACK_NONE;
	if (i != TRACK_NONE) {
		block = &track->block[i];
		track->free = block->next;
		bucket = track_bucket(track, wanted->place);
		*block = *wanted;
		block->next = *bucket;
		*bucket = i;
		track->used++;
		track->zoned += block_has_zones(wanted);
		/* Before anybody can take it out, so that it never goes below 0. */
		if (wanted->counted)
			count(heap->region, wanted->site, wanted->bytes);
	} else {
		track->lost++;
	}
	raw_spin_unlock_irqrestore(&track->lock, flags);
	return i != TRACK_NONE;
}

/**
 * track_add - kernel code got a block
 * @heap: that it asked
 * @block: what is known of it
 *
 * Context: any. O(1).
 * Return: false when there was no room.
 */
bool track_add(struct memmgr_heap *heap, struct track_block *block)
{
	return track_insert(heap, block, site_born);
}

/**
 * track_remove - kernel code is about to give a block back
 * @heap: that it had asked
 * @place: of the block
 * @was: what was known of it
 *
 * Before it is given back: after that the place may be another's. Whether it was given
 * back is for track_removed() or track_restore(); track_zoned() counts it until then.
 *
 * Context: any. O(1) on average.
 * Return: false when nothing was known of it.
 */
bool track_remove(struct memmgr_heap *heap, u64 place, struct track_block *was)
{
	struct track *track = track_of(heap);
	bool found = false;
	unsigned long flags;
	u32 *link;

	if (!track)
		return false;
	raw_spin_lock_irqsave(&track->lock, flags);
	for (link = track_bucket(track, place); *link != TRACK_NONE;
	     link = &track->block[*link].next)
		if (track->block[*link].place == place)
			break;
	if (*link != TRACK_NONE) {
		*was = track->block[*link];
		block_drop(heap, track, link);
		track->zoned += block_has_zones(was);
		found = true;
	}
	raw_spin_unlock_irqrestore(&track->lock, flags);
	return found;
}

static void site_again(const struct region *region, u32 id, u64 bytes)
{
	site_count(region, id, 1, bytes);
}

/* After track_remove(): the block was given back. */
void track_removed(struct memmgr_heap *heap, const struct track_block *was)
{
	struct track *track = track_of(heap);
	unsigned long flags;

	if (!block_has_zones(was))
		return;
	raw_spin_lock_irqsave(&track->lock, flags);
	track->zoned--;
	raw_spin_unlock_irqrestore(&track->lock, flags);
}

/* It was not given back after all. */
void track_restore(struct memmgr_heap *heap, struct track_block *was)
{
	track_insert(heap, was, site_again);
	track_removed(heap, was);
}

/* What the fallback served lies elsewhere. Its red zones are looked at for the last time. */
static bool release_block(struct memmgr_heap *heap, struct track_block *block, u64 place)
{
	if (block->place < place || block->place >= heap->arena + heap->bytes)
		return false;
	zones_check_block(heap, block);
	return true;
}

/**
 * track_remove_from - kernel code let go of the upper end of a stack
 * @heap: the stack heap
 * @place: where that begins
 *
 * Context: any. O(table).
 */
void track_remove_from(struct memmgr_heap *heap, u64 place)
{
	struct track *track = track_of(heap);
	unsigned long flags;

	if (!track)
		return;
	raw_spin_lock_irqsave(&track->lock, flags);
	track_sweep(heap, track, 0, TRACK_BLOCKS, place, release_block);
	raw_spin_unlock_irqrestore(&track->lock, flags);
}

/* Blocks between red zones, whether these are on or not. */
u32 track_zoned(const struct memmgr_heap *heap)
{
	const struct track *track = track_of(heap);

	return track ? READ_ONCE(track->zoned) : 0;
}

/**
 * track_check_zones - look at the red zones of all blocks of kernel code
 * @heap: any heap
 * @place: of the last one that was damaged, offset in the region
 *
 * Nobody can free a block while its entry is looked at: it is taken out before.
 *
 * Context: process, may sleep. O(table), the lock dropped after a piece of a zone.
 * Return: zones that were damaged.
 */
u32 track_check_zones(struct memmgr_heap *heap, u64 *place)
{
	struct track *track = track_of(heap);
	u32 i, found = 0;

	if (!track_zoned(heap))
		return 0;
	for (i = 0; i < TRACK_BLOCKS; i++) {
		struct track_block *block = &track->block[i];

		cond_resched();
		if (READ_ONCE(block->live))
			found += zones_check_shared(heap, &track->lock, NULL, block, place);
	}
	return found;
}

#define LOOK_BLOCKS	64u	/* looked at with the lock held; divides TRACK_BLOCKS */

/**
 * track_inside - the block of kernel code in which a place lies
 * @heap: any heap
 * @place: offset in the region
 * @out: what is known of it
 *
 * Context: any. O(table), the lock dropped every LOOK_BLOCKS blocks.
 * Return: false when none is known.
 */
bool track_inside(struct memmgr_heap *heap, u64 place, struct track_block *out)
{
	struct track *track = track_of(heap);
	bool found = false;
	unsigned long flags;
	u32 i, end;

	for (i = 0; track && !found && i < TRACK_BLOCKS; i = end) {
		end = i + LOOK_BLOCKS;
		raw_spin_lock_irqsave(&track->lock, flags);
		for (; !found && i < end; i++) {
			const struct track_block *block = &track->block[i];

			found = block->live && place - block->place < block->bytes;
			if (found)
				*out = *block;
		}
		raw_spin_unlock_irqrestore(&track->lock, flags);
	}
	return found;
}

/**
 * track_next - the first block at or behind a place in the table
 * @heap: the heap
 * @index: where to begin, and where to go on
 * @info: the answer
 *
 * Context: process.
 * Return: false when there are no more.
 */
bool track_next(struct memmgr_heap *heap, u32 *index, struct memmgr_info *info)
{
	struct track *track = track_of(heap);
	struct track_block seen = { 0 };
	unsigned long flags;

	for (; track && !seen.counted && *index < TRACK_BLOCKS; ++*index) {
		raw_spin_lock_irqsave(&track->lock, flags);
		seen = track->block[*index];
		raw_spin_unlock_irqrestore(&track->lock, flags);
	}
	if (!seen.counted)
		return false;
	*info = (struct memmgr_info) {
		.size = sizeof(*info),
		.offset = seen.place,
		.phys = region_phys(heap->region, seen.place),
		.bytes = seen.bytes,
		.granted = seen.bytes,
		.map_offset = ~0ull,
		.time_ns = seen.time_ns,
		.heap = heap->id,
		.state = MEMMGR_INFO_KERNEL,
		.pid = seen.pid,
		.tid = seen.tid,
		.site = seen.site,
	};
	memcpy(info->comm, seen.comm, sizeof(info->comm));
	return true;
}

/* Add an allocation to what a client that goes has left, if its heap is tracked. */
void track_tally(const struct memmgr_heap *heap, struct track_tally *tally,
		 const struct heap_left *left)
{
	struct track_part *part = tally->part;
	u32 i;

	if (!left->bytes || !(READ_ONCE(heap->debug) & DEBUG_TRACK))
		return;
	tally->count++;
	tally->bytes += left->bytes;
	for (i = 0; i < ARRAY_SIZE(tally->part); i++, part++) {
		if (part->count && part->site != left->site)
			continue;
		part->site = left->site;
		part->count++;
		part->bytes += left->bytes;
		return;
	}
}
