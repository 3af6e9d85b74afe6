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
#include <linux/sort.h>
#include <linux/string.h>
#include <linux/timekeeping.h>

#include "events.h"
#include "heap.h"
#include "sites.h"
#include "trace.h"
#include "track.h"

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
}

/* Made once, and kept until the heap goes: readers need no lock to find it. */
static int track_make(struct memmgr_heap *heap)
{
	struct track *track;

	if (heap->track)
		return 0;
	track = kvzalloc(sizeof(*track), GFP_KERNEL);
	if (!track)
		return -ENOMEM;
	raw_spin_lock_init(&track->lock);
	track_clear(track);
	smp_store_release(&heap->track, track);	/* see track_of() */
	return 0;
}

static struct track *track_of(const struct memmgr_heap *heap)
{
	return smp_load_acquire(&heap->track);	/* made, then published */
}

/* The heap goes. */
void track_free(struct memmgr_heap *heap)
{
	kvfree(heap->track);
}

/* What is forgotten lives on, but nobody counts it any more. */
static void track_forget(struct memmgr_heap *heap)
{
	struct track *track = track_of(heap);
	unsigned long flags;
	u32 i;

	if (!track)
		return;
	raw_spin_lock_irqsave(&track->lock, flags);
	for (i = 0; i < TRACK_BLOCKS; i++)
		if (track->block[i].live)
			site_count(heap->region, track->block[i].site, -1,
				   -(s64)track->block[i].bytes);
	track_clear(track);
	raw_spin_unlock_irqrestore(&track->lock, flags);
}

/* Turning on and off; in this order, so that no call comes too early or too late. */
static DEFINE_MUTEX(track_mutex);

static int track_set(struct memmgr_heap *heap, bool on)
{
	int err = 0;

	mutex_lock(&track_mutex);
	if (on)
		err = sites_make(heap->region) ? : track_make(heap);
	if (on && !err)
		debug_set(heap, DEBUG_TRACK, 0);
	if (!on) {
		debug_set(heap, 0, DEBUG_TRACK);
		track_forget(heap);
	}
	mutex_unlock(&track_mutex);
	return err;
}

/**
 * track_call - turn tracking on or off, and tell how it stands
 * @heap: the heap
 * @out: as in the ABI, capability checked; the answers are filled in
 *
 * Context: process, may sleep. O(blocks) when it is turned off.
 * Return: 0, -EINVAL or -ENOMEM.
 */
int track_call(struct memmgr_heap *heap, struct memmgr_track *out)
{
	struct track *track;
	int err = 0;

	if (out->flags & ~(MEMMGR_TRACK_ON | MEMMGR_TRACK_OFF) ||
	    out->flags == (MEMMGR_TRACK_ON | MEMMGR_TRACK_OFF))
		return -EINVAL;
	if (out->flags)
		err = track_set(heap, out->flags == MEMMGR_TRACK_ON);
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

static void block_fill(struct track_block *block, u64 place, u64 bytes, u32 site)
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

/* False when there is no room, or it has been turned off meanwhile. */
static bool track_insert(struct memmgr_heap *heap, const struct track_block *wanted)
{
	struct track *track = track_of(heap);
	struct track_block *block;
	unsigned long flags;
	u32 *bucket, i;

	raw_spin_lock_irqsave(&track->lock, flags);
	i = READ_ONCE(heap->debug) & DEBUG_TRACK ? track->free : TRACK_NONE;
	if (i != TRACK_NONE) {
		block = &track->block[i];
		track->free = block->next;
		bucket = track_bucket(track, wanted->place);
		*block = *wanted;
		block->next = *bucket;
		*bucket = i;
		track->used++;
	} else {
		track->lost++;
	}
	raw_spin_unlock_irqrestore(&track->lock, flags);
	return i != TRACK_NONE;
}

/**
 * track_add - kernel code got a block
 * @heap: that it asked
 * @place: of the block, offset in the region
 * @bytes: asked for
 * @site: where
 *
 * Context: any. O(1).
 */
void track_add(struct memmgr_heap *heap, u64 place, u64 bytes, u32 site)
{
	struct track_block block;

	block_fill(&block, place, bytes, site);
	/* Before, so that it never goes below 0. */
	site_born(heap->region, site, bytes);
	if (!track_insert(heap, &block))
		site_count(heap->region, site, -1, -(s64)bytes);
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
	site_count(heap->region, block->site, -1, -(s64)block->bytes);
}

/**
 * track_remove - kernel code is about to give a block back
 * @heap: that it had asked
 * @place: of the block
 * @was: what was known of it
 *
 * Before it is given back: after that the place may be another's.
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

	raw_spin_lock_irqsave(&track->lock, flags);
	for (link = track_bucket(track, place); *link != TRACK_NONE;
	     link = &track->block[*link].next)
		if (track->block[*link].place == place)
			break;
	if (*link != TRACK_NONE) {
		*was = track->block[*link];
		block_drop(heap, track, link);
		found = true;
	}
	raw_spin_unlock_irqrestore(&track->lock, flags);
	return found;
}

/* The same block was not given back after all. */
void track_restore(struct memmgr_heap *heap, const struct track_block *was)
{
	site_count(heap->region, was->site, 1, was->bytes);
	if (!track_insert(heap, was))
		site_count(heap->region, was->site, -1, -(s64)was->bytes);
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
	u64 end = heap->arena + heap->bytes;
	struct track *track = track_of(heap);
	unsigned long flags;
	u32 b, *link;

	raw_spin_lock_irqsave(&track->lock, flags);
	for (b = 0; b < TRACK_BLOCKS; b++) {
		link = &track->bucket[b];
		while (*link != TRACK_NONE) {
			struct track_block *block = &track->block[*link];

			/* What the fallback served lies elsewhere. */
			if (block->place >= place && block->place < end)
				block_drop(heap, track, link);
			else
				link = &block->next;
		}
	}
	raw_spin_unlock_irqrestore(&track->lock, flags);
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

	for (; track && !seen.live && *index < TRACK_BLOCKS; ++*index) {
		raw_spin_lock_irqsave(&track->lock, flags);
		seen = track->block[*index];
		raw_spin_unlock_irqrestore(&track->lock, flags);
	}
	if (!seen.live)
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

/* Add an allocation to what a client that goes has left. */
void track_tally(struct track_tally *tally, const struct record *record)
{
	struct track_part *part = tally->part;
	u32 i;

	tally->count++;
	tally->bytes += record->bytes;
	for (i = 0; i < ARRAY_SIZE(tally->part); i++, part++) {
		if (part->count && part->site != record->site)
			continue;
		part->site = record->site;
		part->count++;
		part->bytes += record->bytes;
		return;
	}
}

static int part_order(const void *a, const void *b)
{
	const struct track_part *left = a, *right = b;

	return left->bytes < right->bytes ? 1 : -(left->bytes > right->bytes);
}

#define TOLD	3u	/* sites in the log */

/**
 * track_tell - a client has gone, and had not freed everything
 * @client: the client
 * @tally: of its allocations in tracked heaps
 *
 * Context: process, may sleep.
 */
void track_tell(const struct client *client, struct track_tally *tally)
{
	struct region *region = client->region;
	char text[TOLD * (SITE_PATH + 48)];
	size_t len = 0;
	u32 i;

	if (!tally->count)
		return;
	sort(tally->part, ARRAY_SIZE(tally->part), sizeof(tally->part[0]), part_order, NULL);
	for (i = 0; i < TOLD && tally->part[i].count; i++) {
		char site[SITE_PATH + 24];

		site_print(site, sizeof(site), region, tally->part[i].site);
		len += scnprintf(text + len, sizeof(text) - len, "%s%llu at %s",
				 i ? ", " : "", tally->part[i].count, site);
	}
	trace_memmgr_leak(region->name, client->serial, tally->count, tally->bytes);
	pr_notice_ratelimited("memmgr: %s: client %llu (%*pE, pid %u) closed with %llu allocations, %llu bytes not freed: %s\n",
			      region->name, client->serial,
			      (int)strnlen(client->comm, sizeof(client->comm)),
			      client->comm, client->pid, tally->count, tally->bytes, text);
	events_add(region, MEMMGR_EVENT_LEAK, tally->count, 0, tally->bytes);
}
