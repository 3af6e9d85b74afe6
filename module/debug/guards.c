// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Guards: some allocations lie beside unmapped pages, so that a wrong access faults, as
 * KFENCE does it for the kernel's own memory.
 *
 *	  not mapped  [ zone before | allocation | slack ]  not mapped
 *	               <------- a page of a slot ------->
 *
 * Allocations of clients that map with guard pages anyway, and that agree to it, are
 * shifted in their own pages: see guards_room(). The rest of this text is about
 * allocations of kernel code.
 *
 * For each of them the heap allocates a block as usual, so that its books, limits, order
 * and failures do not change. The block is not used; the caller gets the page of a slot
 * instead. The alignment leaves some slack. The slack and the bytes before the allocation
 * have the pattern of red zones, which is checked when the allocation is freed.
 *
 *	NONE -> READY -> LIVE -> ENDING -> FREED -> AWAY -> READY ...
 *
 * A worker maps and unmaps, because both may sleep. Until it has run, an access to freed
 * memory does not fault. After that the slot stays away while others are ready; the slot
 * that was freed first comes back first, at another address. After the slot is unmapped,
 * the kernel may reuse its address, and a late access then no longer faults. memmgr itself
 * does not reuse the address while the slot is in state GUARD_AWAY.
 *
 * The page before a slot's page is unmapped because nearly every mapping in the kernel's
 * address space ends in a guard page. Those of vm_map_ram() and per-cpu memory do not.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include "debug/debugging.h"
#include "debug/guard_faults.h"
#include "debug/guard_slots.h"
#include "debug/guards.h"
#include "debug/key.h"
#include "debug/reports.h"
#include "debug/sites.h"
#include "heap/heap.h"
#include "heap/stats.h"
#include "region/region.h"

#define ALIGN_LEAST	8u			/* smallest alignment that any block needs */

static struct guards *guards_of(const struct memmgr_heap *heap)
{
	return smp_load_acquire(&heap_debugging(heap)->guards);	/* made, then published */
}

static struct guard_party party_here(u32 site)
{
	struct guard_party party = {
		.time_ns = ktime_get_boottime_ns(),
		.site = site,
	};

	debug_who(&party.pid, &party.tid, party.comm);
	return party;
}

/* --- turning on and off -------------------------------------------------- */

/* Made once, and kept until the heap is destroyed, so readers need no lock to find it. */
static int guards_make(struct memmgr_heap *heap)
{
	struct guards *g;
	u32 i;

	if (heap_debugging(heap)->guards)
		return 0;
	g = kvzalloc(sizeof(*g), GFP_KERNEL);
	if (!g)
		return -ENOMEM;
	raw_spin_lock_init(&g->lock);
	mutex_init(&g->mutex);
	INIT_WORK(&g->work, guards_work);
	INIT_LIST_HEAD(&g->ready);
	INIT_LIST_HEAD(&g->freed);
	INIT_LIST_HEAD(&g->away);
	for (i = 0; i < GUARD_SLOTS; i++)
		INIT_LIST_HEAD(&g->slot[i].node);
	g->heap = heap;
	guards_enter(g);
	smp_store_release(&heap->debugging->guards, g);	/* see guards_of() */
	return 0;
}

static void guards_set_interval(struct guards *g, u32 interval)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&g->lock, flags);
	g->interval = interval;
	g->left = interval;
	raw_spin_unlock_irqrestore(&g->lock, flags);
}

/**
 * guards_set - turn the guarding of allocations on or off
 * @heap: the heap
 * @interval: one allocation in this many is guarded; 0: none
 *
 * When guarding is turned off, guarded allocations stay so until they are freed.
 *
 * Context: process, may sleep; heap.features is held. O(slots).
 * Return: 0, -ENOMEM, or -EOPNOTSUPP if single pages of the region's memory cannot be
 * mapped.
 */
int guards_set(struct memmgr_heap *heap, u32 interval)
{
	struct guards *g;
	int err;

	if (!interval && !heap_debugging(heap)->guards)
		return 0;
	err = debugging_make(heap) ? : sites_make(heap->region) ? : guards_make(heap);
	if (err)
		return err;
	g = heap_debugging(heap)->guards;
	mutex_lock(&g->mutex);
	guards_set_interval(g, 0);
	if (interval)
		err = guards_grow(g);
	if (interval && !err) {
		guards_set_interval(g, interval);
		debug_set(heap, DEBUG_GUARDS, 0);
	} else {
		guards_shrink(g);
	}
	mutex_unlock(&g->mutex);
	return err;
}

/* Report the state for heap_debug(). Context: any. O(1). */
void guards_describe(struct memmgr_heap *heap, struct memmgr_debug *d)
{
	struct guards *g = guards_of(heap);
	unsigned long flags;

	if (!g)
		return;
	raw_spin_lock_irqsave(&g->lock, flags);
	d->flags |= g->interval ? MEMMGR_DEBUG_GUARDS : 0;
	d->guard_interval = g->interval;
	d->guards = g->live + g->shifted;
	d->guarded = g->guarded;
	raw_spin_unlock_irqrestore(&g->lock, flags);
}

/* The heap is being destroyed, and nothing uses it. May sleep. */
void guards_free(struct memmgr_heap *heap)
{
	struct guards *g = heap_debugging(heap)->guards;
	u32 i;

	if (!g)
		return;
	guards_set_interval(g, 0);
	cancel_work_sync(&g->work);
	mutex_lock(&g->mutex);
	guards_shrink(g);
	/* Slots whose allocation a driver never freed before it was removed. */
	for (i = 0; i < GUARD_SLOTS; i++)
		if (g->slot[i].state != GUARD_NONE)
			slot_drop(g, &g->slot[i], true);
	mutex_unlock(&g->mutex);
	guards_leave(g);
	kvfree(g);
}

/* --- allocations --------------------------------------------------------- */

/*
 * The alignment that the allocation gets. If the maker of a slab or pool asked for an
 * alignment of all blocks, it counts too. A granule is no such promise.
 */
static size_t guard_align(const struct memmgr_heap *heap, size_t align)
{
	size_t least = ALIGN_LEAST;

	if (heap_capacity(heap))
		least = max_t(u64, least, heap->align);
	return max(align, least);
}

/**
 * guards_take - take a slot for an allocation, if it is its turn
 * @heap: the heap that it is requested from
 * @bytes: size
 * @align: 0 or a power of two
 *
 * guards_begin() has to follow. If it is the turn of the allocation but no slot is ready,
 * it gets none.
 *
 * Context: any. O(1).
 * Return: the slot, or NULL.
 */
struct guard_slot *guards_take(struct memmgr_heap *heap, size_t bytes, size_t align)
{
	struct guards *g = guards_of(heap);
	struct guard_slot *slot = NULL;
	unsigned long flags;

	align = guard_align(heap, align);
	if (!g || bytes > PAGE_SIZE || align > PAGE_SIZE)
		return NULL;
	raw_spin_lock_irqsave(&g->lock, flags);
	if (g->interval && !--g->left) {
		g->left = g->interval;
		slot = list_first_entry_or_null(&g->ready, struct guard_slot, node);
	}
	if (slot) {
		list_del_init(&slot->node);
		g->readies--;
		g->live++;
		slot->key = ++g->guarded;
		slot->bytes = bytes;
		slot->offset = round_down(PAGE_SIZE - bytes, align);
	}
	raw_spin_unlock_irqrestore(&g->lock, flags);
	return slot;
}

/**
 * guards_room - decide whether a client's new allocation ends where its last page ends
 * @heap: the heap that it is requested from, whose allocations are whole pages
 * @bytes: size
 * @align: 0 or a power of two
 * @lead: set to the bytes of its first page before it
 * @tail: set to the bytes of its last page behind it, which the alignment leaves
 *
 * guards_planned() has to follow when the allocation is made.
 *
 * Context: the heap's lock is held. O(1).
 * Return: false if it is not its turn; then @lead and @tail are unchanged.
 */
bool guards_room(struct memmgr_heap *heap, u64 bytes, u64 align, u32 *lead, u32 *tail)
{
	u64 capacity = heap_capacity(heap);
	struct guards *g = guards_of(heap);
	unsigned long flags;
	u32 slack;
	bool due;

	heap_assert_locked(heap);
	/* A size that no heap has would overflow below. The request will be refused anyway. */
	if (!g || bytes > heap->bytes)
		return false;
	/* A block that ends within a page has no room for a shift in that page. */
	if (capacity && PAGE_ALIGN(bytes) > capacity)
		return false;
	raw_spin_lock_irqsave(&g->lock, flags);
	due = g->interval && g->left == 1;
	raw_spin_unlock_irqrestore(&g->lock, flags);
	if (!due)
		return false;
	slack = PAGE_ALIGN(bytes) - bytes;
	/* A shifted allocation has the alignment that was asked for, not the heap's. */
	*lead = round_down(slack, max_t(u64, align, ALIGN_LEAST));
	*tail = slack - *lead;
	return true;
}

/**
 * guards_planned - count a client's new allocation that could have been shifted
 * @heap: the heap that it was requested from
 * @shifted: result of guards_room()
 *
 * Context: the heap's lock is held. O(1).
 */
void guards_planned(struct memmgr_heap *heap, bool shifted)
{
	struct guards *g = guards_of(heap);
	unsigned long flags;

	heap_assert_locked(heap);
	if (!g)
		return;
	raw_spin_lock_irqsave(&g->lock, flags);
	if (shifted) {
		g->left = g->interval;
		g->shifted++;
		g->guarded++;
	} else if (g->left > 1) {
		g->left--;
	}
	raw_spin_unlock_irqrestore(&g->lock, flags);
}

/**
 * guards_gone - count the end of a shifted allocation
 * @heap: the heap that it was requested from
 *
 * Context: the heap's lock is held. O(1).
 */
void guards_gone(struct memmgr_heap *heap)
{
	struct guards *g = guards_of(heap);
	unsigned long flags;
	bool last;

	heap_assert_locked(heap);
	raw_spin_lock_irqsave(&g->lock, flags);
	last = !--g->shifted && !g->interval;
	raw_spin_unlock_irqrestore(&g->lock, flags);
	if (last)
		schedule_work(&g->work);
}

/**
 * guards_begin - put an allocation into a slot
 * @heap: the heap that it was requested from
 * @slot: from guards_take()
 * @block: block that the heap gave for it
 * @site: site of the call
 *
 * Context: any. O(1).
 * Return: the address that the caller gets.
 */
void *guards_begin(struct memmgr_heap *heap, struct guard_slot *slot, void *block, u32 site)
{
	struct guard_party maker = party_here(site);
	struct guards *g = guards_of(heap);
	unsigned long flags;

	slot_paint(slot);
	raw_spin_lock_irqsave(&g->lock, flags);
	slot->block = block;
	slot->maker = maker;
	slot->state = GUARD_LIVE;
	raw_spin_unlock_irqrestore(&g->lock, flags);
	return guard_start(slot);
}

/*
 * The slot that an address lies in, or lay in. A slot with a live allocation is preferred
 * to one that was at the same address before. O(slots).
 */
static struct guard_slot *slot_at(struct guards *g, const void *ptr)
{
	const void *page = (const void *)((unsigned long)ptr & PAGE_MASK);
	struct guard_slot *found = NULL;
	u32 i;

	lockdep_assert_held(&g->lock);
	for (i = 0; page && i < GUARD_SLOTS; i++) {
		struct guard_slot *slot = &g->slot[i];

		if (slot->page != page || slot->state == GUARD_NONE ||
		    slot->state == GUARD_READY)
			continue;
		found = slot;
		if (slot_is_live(slot))
			break;
	}
	return found;
}

/* Is the address in the region's own mapping? No slot is there. */
static bool is_regular(const struct memmgr_heap *heap, const void *ptr)
{
	return (unsigned long)(ptr - heap->region->memory.virt) < heap->region->memory.bytes;
}

/**
 * guards_have - does an address belong to a slot?
 * @heap: heap of the slot
 * @ptr: the address
 *
 * Context: any. O(1) for the region's own addresses, O(slots) for others.
 */
bool guards_have(const struct memmgr_heap *heap, const void *ptr)
{
	struct guards *g = guards_of(heap);
	unsigned long flags;
	bool have;

	if (!g || is_regular(heap, ptr))
		return false;
	raw_spin_lock_irqsave(&g->lock, flags);
	have = slot_at(g, ptr);
	raw_spin_unlock_irqrestore(&g->lock, flags);
	return have;
}

/**
 * guards_end - begin to free an allocation in a slot
 * @heap: the heap that it was requested from
 * @ptr: its address, for which guards_have() was true
 * @site: site of the call
 *
 * The caller frees its block and then calls guards_ended().
 *
 * Context: any. O(slots).
 * Return: the slot; NULL if no live allocation begins there, which is reported.
 */
struct guard_slot *guards_end(struct memmgr_heap *heap, void *ptr, u32 site)
{
	struct guard_party freer = party_here(site);
	struct guards *g = guards_of(heap);
	struct memmgr_corruption c;
	struct guard_slot *slot;
	unsigned long flags;
	bool live = false, right = false;

	raw_spin_lock_irqsave(&g->lock, flags);
	slot = slot_at(g, ptr);
	if (slot) {
		live = slot->state == GUARD_LIVE;
		right = ptr == guard_start(slot);
	}
	if (live && right) {
		slot->state = GUARD_ENDING;
		slot->freer = freer;
	} else if (slot) {
		guard_report_fill(slot, &c);
		c.offset = slot->place + offset_in_page(ptr);
		c.distance = c.offset > c.place ? c.offset - c.place : c.place - c.offset;
	}
	raw_spin_unlock_irqrestore(&g->lock, flags);
	if (live && right)
		return slot;
	if (slot)
		guard_report_add(heap, &c, right ? MEMMGR_CORRUPTION_DOUBLE_FREE :
					     MEMMGR_CORRUPTION_WRONG_FREE, site);
	return NULL;
}

static void slot_ended(struct memmgr_heap *heap, struct guards *g, struct guard_slot *slot)
{
	unsigned long flags;

	slot_check(heap, slot);
	raw_spin_lock_irqsave(&g->lock, flags);
	g->live--;
	slot_queue(g, slot, GUARD_FREED);
	raw_spin_unlock_irqrestore(&g->lock, flags);
	schedule_work(&g->work);
}

/**
 * guards_ended - end the free of an allocation in a slot
 * @heap: the heap that it was requested from
 * @slot: from guards_end()
 * @err: error of freeing its block; 0 if that was freed
 *
 * Context: any. O(bytes beside the allocation).
 */
void guards_ended(struct memmgr_heap *heap, struct guard_slot *slot, int err)
{
	struct guards *g = guards_of(heap);
	unsigned long flags;

	if (!err) {
		slot_ended(heap, g, slot);
		return;
	}
	raw_spin_lock_irqsave(&g->lock, flags);
	slot->state = GUARD_LIVE;
	raw_spin_unlock_irqrestore(&g->lock, flags);
}

/**
 * guards_release - free the slots above a mark of a stack
 * @heap: the stack heap, whose lock is held
 * @from: address at which the released part begins
 * @site: site of the call
 *
 * Context: any. O(slots), and the bytes beside the allocations that were above.
 */
void guards_release(struct memmgr_heap *heap, const void *from, u32 site)
{
	const void *end = heap->base + heap->span;
	struct guard_party freer = party_here(site);
	struct guards *g = guards_of(heap);
	struct guard_slot *slot;
	unsigned long flags;
	bool above;
	u32 i;

	heap_assert_locked(heap);
	for (i = 0; g && i < GUARD_SLOTS; i++) {
		slot = &g->slot[i];
		raw_spin_lock_irqsave(&g->lock, flags);
		/* A block that the fallback served lies elsewhere. */
		above = slot->state == GUARD_LIVE && slot->block >= from && slot->block < end;
		if (above) {
			slot->state = GUARD_ENDING;
			slot->freer = freer;
		}
		raw_spin_unlock_irqrestore(&g->lock, flags);
		if (above)
			slot_ended(heap, g, slot);
	}
}

/**
 * guards_place - the place in the region of a byte in a slot
 * @heap: the heap that the allocation was requested from
 * @ptr: the byte
 * @place: set to its offset in the region
 *
 * Context: any. O(1) for the region's own addresses, O(slots) for others.
 * Return: false if no live allocation is there.
 */
bool guards_place(const struct memmgr_heap *heap, const void *ptr, u64 *place)
{
	struct guards *g = guards_of(heap);
	struct guard_slot *slot;
	unsigned long flags;
	bool live;

	if (!g || is_regular(heap, ptr))
		return false;
	raw_spin_lock_irqsave(&g->lock, flags);
	slot = slot_at(g, ptr);
	live = slot && slot->state == GUARD_LIVE;
	if (live)
		*place = slot->place + offset_in_page(ptr);
	raw_spin_unlock_irqrestore(&g->lock, flags);
	return live;
}
