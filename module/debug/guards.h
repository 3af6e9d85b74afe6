/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Guards: allocations that lie beside pages that are not mapped. */
#ifndef MEMMGR_GUARDS_H
#define MEMMGR_GUARDS_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>
#include <uapi/linux/memmgr.h>

struct memmgr_heap;

#define GUARD_SLOTS	32u	/* of a heap */
#define GUARD_USUAL	100u	/* the interval */
#define GUARD_BEFORE	256u	/* bytes before an allocation that are looked at, at most */

/**
 * enum guard_state - the life of a slot
 * @GUARD_NONE: it has no memory
 * @GUARD_READY: mapped, to be used next
 * @GUARD_LIVE: an allocation lies in it
 * @GUARD_ENDING: that is being freed
 * @GUARD_FREED: that was freed; to be unmapped
 * @GUARD_AWAY: that was freed, and touching it faults
 */
enum guard_state {
	GUARD_NONE,
	GUARD_READY,
	GUARD_LIVE,
	GUARD_ENDING,
	GUARD_FREED,
	GUARD_AWAY,
};

/**
 * struct guard_party - who made or freed an allocation
 * @time_ns: when
 * @site: where in the kernel
 * @pid: of who was running; 0: an interrupt
 * @tid: the same
 * @comm: the same
 */
struct guard_party {
	u64 time_ns;
	u32 site;
	u32 pid;
	u32 tid;
	char comm[MEMMGR_COMM_LEN];
};

/**
 * struct guard_slot - a page of the region that is mapped on its own
 * @node: in guards.ready, .freed or .away
 * @state: enum guard_state
 * @place: of the page in the region
 * @page: where it is mapped, or was last
 * @offset: of the allocation in the page
 * @bytes: of the allocation
 * @key: of the pattern beside it
 * @block: that the heap gave for the allocation
 * @maker: of the allocation
 * @freer: who freed it, from GUARD_ENDING on
 */
struct guard_slot {
	struct list_head node;
	enum guard_state state;
	u64 place;
	void *page;
	u32 offset;
	u32 bytes;
	u32 key;
	void *block;
	struct guard_party maker;
	struct guard_party freer;
};

/**
 * struct guards - the slots of a heap
 * @lock: guards what follows up to @heap; innermost
 * @interval: one of so many allocations goes into a slot; 0: none
 * @left: allocations until then
 * @live: slots in GUARD_LIVE and GUARD_ENDING
 * @shifted: allocations of clients that guards_plan() has shifted
 * @readies: slots in @ready
 * @guarded: allocations ever
 * @ready: slots to be used
 * @freed: slots to be unmapped
 * @away: unmapped slots, the one that was freed first at the head
 * @slot: the slots
 * @heap: theirs
 * @mutex: mapping and unmapping; guards @aside
 * @asides: how many
 * @aside: mappings that are in the way, see page_map_apart()
 * @work: maps and unmaps
 * @node: in the list of all guards
 */
struct guards {
	raw_spinlock_t lock;
	u32 interval;
	u32 left;
	u32 live;
	u32 shifted;
	u32 readies;
	u64 guarded;
	struct list_head ready;
	struct list_head freed;
	struct list_head away;
	struct guard_slot slot[GUARD_SLOTS];
	struct memmgr_heap *heap;
	struct mutex mutex;	/* mapping and unmapping */
	u32 asides;
	void *aside[2 * GUARD_SLOTS];
	struct work_struct work;
	struct list_head node;
};

/* Where the allocation in a slot begins. */
static inline void *guard_start(const struct guard_slot *slot)
{
	return slot->page + slot->offset;
}

#if IS_ENABLED(CONFIG_MEMMGR_DEBUG)
int guards_set(struct memmgr_heap *heap, u32 interval);
void guards_describe(struct memmgr_heap *heap, struct memmgr_debug *d);
void guards_free(struct memmgr_heap *heap);
bool guards_plan(struct memmgr_heap *heap, u64 bytes, u64 align, u32 *lead, u32 *tail);
void guards_planned(struct memmgr_heap *heap, bool shifted);
void guards_gone(struct memmgr_heap *heap);
struct guard_slot *guards_take(struct memmgr_heap *heap, size_t bytes, size_t align);
void *guards_begin(struct memmgr_heap *heap, struct guard_slot *slot, void *block,
		   u32 site);
bool guards_have(const struct memmgr_heap *heap, const void *ptr);
struct guard_slot *guards_end(struct memmgr_heap *heap, void *ptr, u32 site);
void guards_ended(struct memmgr_heap *heap, struct guard_slot *slot, int err);
void guards_release(struct memmgr_heap *heap, const void *from, u32 site);
bool guards_place(const struct memmgr_heap *heap, const void *ptr, u64 *place);
#else
static inline void guards_free(struct memmgr_heap *heap)
{
}

static inline bool guards_plan(struct memmgr_heap *heap, u64 bytes, u64 align, u32 *lead,
			       u32 *tail)
{
	return false;
}

static inline void guards_planned(struct memmgr_heap *heap, bool shifted)
{
}

static inline void guards_gone(struct memmgr_heap *heap)
{
}

static inline struct guard_slot *guards_take(struct memmgr_heap *heap, size_t bytes,
					     size_t align)
{
	return NULL;
}

static inline void *guards_begin(struct memmgr_heap *heap, struct guard_slot *slot,
				 void *block, u32 site)
{
	return block;
}

static inline bool guards_have(const struct memmgr_heap *heap, const void *ptr)
{
	return false;
}

static inline struct guard_slot *guards_end(struct memmgr_heap *heap, void *ptr, u32 site)
{
	return NULL;
}

static inline void guards_ended(struct memmgr_heap *heap, struct guard_slot *slot, int err)
{
}

static inline void guards_release(struct memmgr_heap *heap, const void *from, u32 site)
{
}

static inline bool guards_place(const struct memmgr_heap *heap, const void *ptr, u64 *place)
{
	return false;
}
#endif

#endif /* MEMMGR_GUARDS_H */
