/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Allocations of a heap that have ended: those whose memory is not used again yet,
 * and who freed the last ones.
 */
#ifndef MEMMGR_QUARANTINE_H
#define MEMMGR_QUARANTINE_H

#include <linux/types.h>
#include <uapi/linux/memmgr.h>

struct engine_block;
struct memmgr_heap;
struct record;
struct track_block;

#define QUARANTINE_USUAL	256u
#define QUARANTINE_PART		16u	/* of the heap, unless told otherwise */

/**
 * enum freed_state - of an allocation that has ended
 * @FREED_NONE: there is none
 * @FREED_NEW: its memory is kept, and is to be poisoned
 * @FREED_HELD: its memory is kept
 * @FREED_BUSY: somebody writes or reads its memory, without the heap's lock
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
 * struct freed - an allocation that has ended
 * @state: of it
 * @recorded: its block was, which the engine wants to be told
 * @poisoned: its memory was filled with the pattern
 * @number: of the entry
 * @handle: that it had; 0: kernel code had it
 * @block: engine's offset of its block
 * @granted: bytes of the block
 * @place: where the allocation began, offset in the region
 * @bytes: of the allocation; 0: not known
 * @alloc_ns: when it was made; 0: not known
 * @free_ns: when it was freed
 * @site: where it comes from
 * @pid: of its maker
 * @tid: of its maker
 * @uid: of its maker
 * @free_site: where it was freed, by kernel code
 * @free_pid: of who freed it; 0: an interrupt
 * @free_tid: the same
 * @comm: of its maker
 * @free_comm: of who freed it
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
 * struct quarantine - the last allocations of a heap that have ended; guarded by its lock
 * @slots: entries; number n is in @freed[n % slots]
 * @head: number of the next one
 * @fill: none before it is new
 * @tail: all before it are gone
 * @max_blocks: of @held_blocks; 0: off
 * @held_blocks: those that are not gone
 * @max_bytes: of @held_bytes
 * @held_bytes: granted to these
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

/* Called where debug_is_on(), which the compiler knows when it cannot be. */
bool quarantine_holds(struct memmgr_heap *heap, u64 block, unsigned long *flags);
void quarantine_add_block(struct memmgr_heap *heap, const struct track_block *was,
			  const struct engine_block *block, u32 site, bool kept);

#if IS_ENABLED(CONFIG_MEMMGR_DEBUG)
int quarantine_set(struct memmgr_heap *heap, const struct memmgr_debug *d);
void quarantine_free(struct memmgr_heap *heap);
bool quarantine_keeps(const struct memmgr_heap *heap);
void quarantine_add_record(struct memmgr_heap *heap, const struct record *record, u64 place,
			   const struct engine_block *block, bool kept);
void quarantine_settle(struct memmgr_heap *heap, bool may_sleep);
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

static inline void quarantine_settle(struct memmgr_heap *heap, bool may_sleep)
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
