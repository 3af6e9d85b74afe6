// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Tracking: the makers of a heap's blocks.
 *
 * An allocation of a client has a record, which gets a site if its heap is tracked. A
 * block of kernel code has no record. If the heap is tracked, it gets an entry in a hash
 * table of fixed size. Blocks that do not fit are counted.
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

/* Make all entries free. Under the lock, or before the table is published. */
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

/* Made once, and kept until the heap is destroyed, so readers need no lock to find it. */
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
	smp_store_release(&heap->debugging->track, track);	/* see track_of() */
	return 0;
}

static struct track *track_of(const struct memmgr_heap *heap)
{
	return smp_load_acquire(&heap_debugging(heap)->track);	/* made, then published */
}

/* The heap is being destroyed. */
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

/* Remove the entry that @link names. */
static void block_drop(struct memmgr_heap *heap, struct track *track, u32 *link)
{
	u32 i = *link;
	struct track_block *block = &track->block[i];

	lockdep_assert_held(&track->lock);
	*link = block->next;
	block->next = track->free;
	block->live = false;
	track->free = i;
	track->used--;
	track->zoned -= block_has_zones(block);
	block_uncount(heap, block);
}

/*
 * Call @drop for each block of the buckets from @from up to, but without, @to, and pass
 * @place on. Blocks for which it returns true are removed.
 */
static void track_sweep(struct memmgr_heap *heap, struct track *track, u32 from, u32 to,
			u64 place, bool (*drop)(struct memmgr_heap *heap,
						struct track_block *block, u64 place))
{
	u32 b, *link;

	lockdep_assert_held(&track->lock);
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

/* A block between red zones stays in the table, because its free needs to know its start. */
static bool forget_block(struct memmgr_heap *heap, struct track_block *block, u64 unused)
{
	block_uncount(heap, block);
	return !block_has_zones(block);
}

#define FORGET_BUCKETS	64u	/* buckets handled under the lock; divides TRACK_BLOCKS */

/* Forget all blocks. They stay live, but are no longer counted, and new ones neither. */
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

/* Held to turn tracking on and off, in an order in which no call comes too early or late. */
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

/* As in debug/inject.c: a heap that is being destroyed turns no feature on. */
static int track_switch(struct memmgr_heap *heap, bool on)
{
	int err;

	mutex_lock(&heap->features);
	err = READ_ONCE(heap->lasting.dying) ? -ENOENT : track_set(heap, on);
	mutex_unlock(&heap->features);
	return err;
}

/**
 * track_prepare - make the table, without tracking the heap
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
 * track_call - turn tracking on or off, and report its state
 * @heap: the heap
 * @out: as in the ABI, capability checked; the answers are filled in
 *
 * Context: process, may sleep. O(blocks) to turn it off.
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

/* Describe a block that the running task gets. */
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
 * Enter a block. False if there is no room, or if tracking was turned off meanwhile. A block
 * between red zones is entered in any case, but counted only while the heap is tracked.
 */
static bool track_insert(struct memmgr_heap *heap, struct track_block *wanted,
			 void (*count)(const struct region *region, u32 id, u64 bytes))
{
	struct track *track = track_of(heap);
	struct track_block *block;
	unsigned long flags;
	u32 *bucket, i;

	/* The flag may be seen before the table, although it was set after it. */
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
		/* Count under the lock, before it can be removed, so that no count goes below 0. */
		if (wanted->counted)
			count(heap->region, wanted->site, wanted->bytes);
	} else {
		track->lost++;
	}
	raw_spin_unlock_irqrestore(&track->lock, flags);
	return i != TRACK_NONE;
}

/**
 * track_add - enter a new block of kernel code
 * @heap: the heap that it was requested from
 * @block: description of the block
 *
 * Context: any. O(1).
 * Return: false if there was no room.
 */
bool track_add(struct memmgr_heap *heap, struct track_block *block)
{
	return track_insert(heap, block, site_born);
}

/**
 * track_remove - remove a block that kernel code is about to free
 * @heap: the heap that it was requested from
 * @place: offset of the block in the region
 * @was: set to the description of the block
 *
 * Called before the free, because afterwards another block may be at the place. Then
 * track_removed() or track_restore() must follow; until then track_zoned() counts the block.
 *
 * Context: any. O(1) on average.
 * Return: false if the block was not in the table.
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

/* After track_remove(), if the block was freed. */
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

/* After track_remove(), if the block was not freed. */
void track_restore(struct memmgr_heap *heap, struct track_block *was)
{
	track_insert(heap, was, site_again);
	track_removed(heap, was);
}

/* A block above the mark: check its zones a last time. The fallback's blocks lie elsewhere. */
static bool release_block(struct memmgr_heap *heap, struct track_block *block, u64 place)
{
	if (block->place < place || block->place >= heap->arena + heap->bytes)
		return false;
	zones_check_block(heap, block);
	return true;
}

/**
 * track_remove_from - remove the blocks above a mark of a stack
 * @heap: the stack heap
 * @place: offset in the region at which the released part begins
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

/* Number of blocks between red zones, whether red zones are on or not. */
u32 track_zoned(const struct memmgr_heap *heap)
{
	const struct track *track = track_of(heap);

	return track ? READ_ONCE(track->zoned) : 0;
}

/**
 * track_check_zones - check the red zones of all blocks of kernel code
 * @heap: any heap
 * @place: set to the place of the last damaged block, offset in the region
 *
 * No block is freed while its entry is checked, because the entry is removed before.
 *
 * Context: process, may sleep. O(table); the lock is dropped after a piece of a zone.
 * Return: number of damaged zones.
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

#define LOOK_BLOCKS	64u	/* blocks to look at under the lock; divides TRACK_BLOCKS */

/**
 * track_inside - find the block of kernel code that contains a place
 * @heap: any heap
 * @place: offset in the region
 * @out: set to the description of the block
 *
 * Context: any. O(table); the lock is dropped every LOOK_BLOCKS blocks.
 * Return: false if there is no such block.
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
 * track_next - read the first block at or behind an index of the table
 * @heap: the heap
 * @index: index to begin at; set to the index to continue at
 * @info: the answer
 *
 * Context: process.
 * Return: false if there are no more.
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

/* Add an allocation to the tally of a closing client, if its heap is tracked. */
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
