/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Ended allocations of a heap: those whose memory is not yet reused, and the freers of the
 * last ones.
 */
#ifndef MEMMGR_QUARANTINE_H
#define MEMMGR_QUARANTINE_H

#include <linux/types.h>
#include <uapi/linux/memmgr.h>

struct engine_block;
struct memmgr_heap;
struct record;
struct track_block;

#define QUARANTINE_USUAL	256u	/* default number of blocks */
#define QUARANTINE_PART		16u	/* by default a 16th of the heap */

/**
 * enum freed_state - state of an ended allocation
 * @FREED_NONE: the entry is empty
 * @FREED_NEW: its memory is kept, and still to be poisoned
 * @FREED_HELD: its memory is kept
 * @FREED_BUSY: its memory is being written or read, without the heap's lock
 * @FREED_GONE: its memory went back to the engine
 */
enum freed_state {
	FREED_NONE,
	FREED_NEW,
	FREED_HELD,
	FREED_BUSY,
	FREED_GONE,
};

/**
 * struct freed - an ended allocation
 * @state: enum freed_state
 * @recorded: its block was recorded, which the engine must be told
 * @poisoned: its memory was filled with the pattern
 * @number: number of the entry
 * @handle: handle that it had; 0: it was kernel code's
 * @block: engine's offset of its block
 * @granted: bytes of the block
 * @place: offset in the region at which it began
 * @bytes: size of the allocation; 0: not known
 * @alloc_ns: when it was made; 0: not known
 * @free_ns: when it was freed
 * @site: site that made it
 * @pid: thread group of its maker
 * @tid: thread of its maker
 * @uid: user id of its maker
 * @free_site: site of the free, if kernel code freed it
 * @free_pid: thread group that freed it; 0: an interrupt
 * @free_tid: thread that freed it; 0: an interrupt
 * @comm: command name of its maker
 * @free_comm: command name of the thread that freed it
 * @tag: as given
 */
struct freed {
	u8 state;
	bool recorded;
	bool poisoned;
	u32 number;
	u64 handle;
	u64 block;
	u64 granted;
	u64 place;
	u64 bytes;
	u64 alloc_ns;
	u64 free_ns;
	u32 site;
	u32 pid;
	u32 tid;
	u32 uid;
	u32 free_site;
	u32 free_pid;
	u32 free_tid;
	char comm[MEMMGR_COMM_LEN];
	char free_comm[MEMMGR_COMM_LEN];
	char tag[MEMMGR_TAG_LEN];
};

/**
 * struct quarantine - the last ended allocations of a heap; guarded by its lock
 * @slots: number of entries; number n is in @freed[n % slots]
 * @head: number of the next entry
 * @fill: no entry before this number is FREED_NEW
 * @tail: all entries before this number are gone
 * @max_blocks: limit of @held_blocks; 0: off
 * @held_blocks: blocks that are not gone
 * @max_bytes: limit of @held_bytes
 * @held_bytes: bytes granted to these blocks
 * @freed: the entries
 */
struct quarantine {
	u32 slots;
	u32 head;
	u32 fill;
	u32 tail;
	u32 max_blocks;
	u32 held_blocks;
	u64 max_bytes;
	u64 held_bytes;
	struct freed freed[];
};

/* Called only after debug_is_on(). Without DEBUG the compiler drops these calls. */
bool quarantine_holds(struct memmgr_heap *heap, u64 block, unsigned long *flags);
void quarantine_add_block(struct memmgr_heap *heap, const struct track_block *was,
			  const struct engine_block *block, u32 site, bool kept);

#if IS_ENABLED(CONFIG_MEMMGR_DEBUG)
int quarantine_set(struct memmgr_heap *heap, const struct memmgr_debug *d);
void quarantine_free(struct memmgr_heap *heap);
bool quarantine_keeps(const struct memmgr_heap *heap);
void quarantine_add_record(struct memmgr_heap *heap, const struct record *record, u64 place,
			   const struct engine_block *block, bool kept);
void quarantine_tidy(struct memmgr_heap *heap, bool may_sleep);
bool quarantine_evict(struct memmgr_heap *heap, u64 align, u32 reason, bool may_sleep);
void quarantine_flush(struct memmgr_heap *heap);
u32 quarantine_check(struct memmgr_heap *heap, u64 *offset);
const struct freed *quarantine_find(const struct memmgr_heap *heap, u64 handle, u64 place);
#else
static inline void quarantine_free(struct memmgr_heap *heap)
{
}

static inline bool quarantine_keeps(const struct memmgr_heap *heap)
{
	return false;
}

static inline void quarantine_add_record(struct memmgr_heap *heap, const struct record *record,
					 u64 place, const struct engine_block *block, bool kept)
{
}

static inline void quarantine_tidy(struct memmgr_heap *heap, bool may_sleep)
{
}

static inline bool quarantine_evict(struct memmgr_heap *heap, u64 align, u32 reason, bool may_sleep)
{
	return false;
}

static inline void quarantine_flush(struct memmgr_heap *heap)
{
}

static inline u32 quarantine_check(struct memmgr_heap *heap, u64 *offset)
{
	return 0;
}
#endif

#endif /* MEMMGR_QUARANTINE_H */
