/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The slots of guards, see debug/guards.c. */
#ifndef MEMMGR_GUARD_SLOTS_H
#define MEMMGR_GUARD_SLOTS_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>
#include <uapi/linux/memmgr.h>

struct memmgr_heap;

#define GUARD_SLOTS	32u	/* slots of a heap */
#define GUARD_BEFORE	256u	/* most bytes before an allocation that are checked */

/**
 * enum guard_state - the life of a slot
 * @GUARD_NONE: it has no memory
 * @GUARD_READY: mapped, and free for the next allocation
 * @GUARD_LIVE: it contains an allocation
 * @GUARD_ENDING: its allocation is being freed
 * @GUARD_FREED: its allocation was freed; its page is still to be unmapped
 * @GUARD_AWAY: its allocation was freed, and an access to it faults
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
 * struct guard_party - the maker or the freer of an allocation
 * @time_ns: time of the call
 * @site: site of the call in the kernel
 * @pid: thread group that was running; 0: an interrupt
 * @tid: thread that was running; 0: an interrupt
 * @comm: command name of the thread
 */
struct guard_party {
	u64 time_ns;
	u32 site;
	u32 pid;
	u32 tid;
	char comm[MEMMGR_COMM_LEN];
};

/**
 * struct guard_slot - a page of the region with a mapping of its own
 * @node: in guards.ready, .freed or .away
 * @state: enum guard_state
 * @place: offset of the page in the region
 * @page: address at which it is mapped, or was last mapped
 * @offset: offset of the allocation in the page
 * @bytes: size of the allocation
 * @key: key of the pattern beside the allocation
 * @block: block that the heap gave for the allocation
 * @maker: maker of the allocation
 * @freer: freer of the allocation, from GUARD_ENDING on
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
 * @lock: guards all fields up to @heap; innermost
 * @interval: one allocation in this many gets a slot; 0: none
 * @left: allocations until the next one that gets a slot
 * @live: slots in GUARD_LIVE and GUARD_ENDING
 * @readies: slots in @ready
 * @shifted: clients' allocations that guards_room() has shifted
 * @guarded: guarded allocations ever
 * @ready: slots that are free for an allocation
 * @freed: slots to be unmapped
 * @away: unmapped slots, the one freed first at the head
 * @slot: the slots
 * @heap: the heap
 * @mutex: held to map and unmap; guards @aside
 * @asides: number of entries in @aside
 * @aside: mappings at unsuitable addresses, see page_map_apart()
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

/* Address of the allocation in a slot. */
static inline void *guard_start(const struct guard_slot *slot)
{
	return slot->page + slot->offset;
}

/* Is the allocation in the slot not yet freed? */
static inline bool slot_is_live(const struct guard_slot *slot)
{
	return slot->state == GUARD_LIVE || slot->state == GUARD_ENDING;
}

void slot_paint(const struct guard_slot *slot);
void slot_check(struct memmgr_heap *heap, const struct guard_slot *slot);
void slot_queue(struct guards *g, struct guard_slot *slot, enum guard_state state);
void slot_drop(struct guards *g, struct guard_slot *slot, bool mapped);
int guards_grow(struct guards *g);
void guards_shrink(struct guards *g);
void guards_work(struct work_struct *work);

#endif /* MEMMGR_GUARD_SLOTS_H */
