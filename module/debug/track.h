/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Tracking: the makers of a heap's blocks, also of blocks without a record. */
#ifndef MEMMGR_TRACK_H
#define MEMMGR_TRACK_H

#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include <uapi/linux/memmgr.h>

struct heap_left;
struct memmgr_heap;

#define TRACK_BLOCKS	4096u	/* blocks of kernel code in one heap */
#define TRACK_NONE	(~0u)

/**
 * struct track_block - a block of kernel code
 * @place: offset of the allocation in the region
 * @bytes: requested size
 * @lead: bytes of its block before the allocation, which contain a red zone
 * @tail: bytes behind the allocation, which are a red zone
 * @time_ns: when it was made
 * @next: next in the bucket, or next free entry
 * @site: site that made it
 * @pid: thread group that was running then; 0: an interrupt
 * @tid: thread that was running then; 0: an interrupt
 * @live: the entry is used
 * @counted: its site counts it as live
 * @comm: command name of that thread
 */
struct track_block {
	u64 place;
	u64 bytes;
	u32 lead;
	u32 tail;
	u64 time_ns;
	u32 next;
	u32 site;
	u32 pid;
	u32 tid;
	bool live;
	bool counted;
	char comm[MEMMGR_COMM_LEN];
};

static inline bool block_has_zones(const struct track_block *block)
{
	return block->lead | block->tail;
}

/**
 * struct track - the blocks of a heap that kernel code holds
 * @lock: guards the rest; innermost
 * @used: recorded blocks
 * @zoned: blocks between red zones, recorded or being freed
 * @free: first free entry
 * @lost: blocks for which there was no room
 * @bucket: by hash of the place: first entry
 * @block: the entries
 */
struct track {
	raw_spinlock_t lock;
	u32 used;
	u32 zoned;
	u32 free;
	u64 lost;
	u32 bucket[TRACK_BLOCKS];
	struct track_block block[TRACK_BLOCKS];
};

/**
 * struct track_tally - allocations that a closing client has not freed
 * @count: number of allocations
 * @bytes: bytes that they asked for
 * @part: the same by site, in the order in which the sites were met
 */
struct track_tally {
	u64 count;
	u64 bytes;
	struct track_part {
		u32 site;
		u64 count;
		u64 bytes;
	} part[8];
};

#if IS_ENABLED(CONFIG_MEMMGR_DEBUG)
int track_call(struct memmgr_heap *heap, struct memmgr_track *out);
int track_prepare(struct memmgr_heap *heap);
void track_free(struct memmgr_heap *heap);
void block_fill(struct track_block *block, u64 place, u64 bytes, u32 site);
bool track_add(struct memmgr_heap *heap, struct track_block *block);
u32 track_zoned(const struct memmgr_heap *heap);
u32 track_check_zones(struct memmgr_heap *heap, u64 *place);
bool track_inside(struct memmgr_heap *heap, u64 place, struct track_block *out);
bool track_remove(struct memmgr_heap *heap, u64 place, struct track_block *was);
void track_removed(struct memmgr_heap *heap, const struct track_block *was);
void track_restore(struct memmgr_heap *heap, struct track_block *was);
void track_remove_from(struct memmgr_heap *heap, u64 place);
bool track_next(struct memmgr_heap *heap, u32 *index, struct memmgr_info *info);
void track_tally(const struct memmgr_heap *heap, struct track_tally *tally,
		 const struct heap_left *left);
#else
static inline int track_call(struct memmgr_heap *heap, struct memmgr_track *out)
{
	return -EOPNOTSUPP;
}

static inline u32 track_check_zones(struct memmgr_heap *heap, u64 *place)
{
	return 0;
}

static inline bool track_next(struct memmgr_heap *heap, u32 *index, struct memmgr_info *info)
{
	return false;
}

static inline bool track_remove(struct memmgr_heap *heap, u64 place, struct track_block *was)
{
	return false;
}

static inline void track_removed(struct memmgr_heap *heap, const struct track_block *was)
{
}

static inline void track_restore(struct memmgr_heap *heap, struct track_block *was)
{
}

static inline void track_remove_from(struct memmgr_heap *heap, u64 place)
{
}

static inline void block_fill(struct track_block *block, u64 place, u64 bytes, u32 site)
{
}

static inline bool track_add(struct memmgr_heap *heap, struct track_block *block)
{
	return false;
}

static inline void track_free(struct memmgr_heap *heap)
{
}

static inline void track_tally(const struct memmgr_heap *heap, struct track_tally *tally,
			       const struct heap_left *left)
{
}
#endif

#endif /* MEMMGR_TRACK_H */
