// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The slots of guards: the pattern beside their allocations, and the worker that maps and
 * unmaps them. See debug/guards.c.
 */
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/vmalloc.h>

#include "core/engine.h"
#include "core/guard.h"
#include "debug/guard_faults.h"
#include "debug/guard_slots.h"
#include "debug/key.h"
#include "heap/arena.h"
#include "heap/heap.h"
#include "region/region.h"
#include "region/remap.h"

#define READY_LEAST	(GUARD_SLOTS / 4)	/* the other three quarters may be away */

/* --- the pattern beside an allocation ------------------------------------ */

/* A run of the pattern beside an allocation in a slot. */
struct margin {
	u32 kind;
	u32 first;
	u32 bytes;
	struct guard guard;
};

static void slot_margins(const struct guard_slot *slot, struct margin margin[2])
{
	u32 end = slot->offset + slot->bytes, i;

	margin[0] = (struct margin) {
		.kind = MEMMGR_CORRUPTION_BEFORE,
		.bytes = min(slot->offset, GUARD_BEFORE),
	};
	margin[0].first = slot->offset - margin[0].bytes;
	margin[1] = (struct margin) {
		.kind = MEMMGR_CORRUPTION_BEHIND,
		.first = end,
		.bytes = PAGE_SIZE - end,
	};
	for (i = 0; i < 2; i++)
		margin[i].guard = (struct guard) {
			.kind = GUARD_ZONE,
			.key = slot->key,
			.position = slot->place + margin[i].first,
		};
}

/* Write the pattern beside the allocation that the slot gets. */
void slot_paint(const struct guard_slot *slot)
{
	struct margin margin[2];
	u32 i;

	slot_margins(slot, margin);
	for (i = 0; i < 2; i++)
		guard_fill(&margin[i].guard, slot->page + margin[i].first, margin[i].bytes);
}

static void margin_check(struct memmgr_heap *heap, const struct guard_slot *slot,
			 const struct margin *margin)
{
	const u8 *at = slot->page + margin->first;
	struct guard guard = margin->guard;
	struct memmgr_corruption c;
	u32 first, end;

	first = guard_check(&guard, at, margin->bytes);
	if (first == margin->bytes)
		return;
	end = guard_damage(&guard, at, margin->bytes);
	guard_report_fill(slot, &c);
	c.offset = slot->place + margin->first + first;
	c.distance = margin->kind == MEMMGR_CORRUPTION_BEFORE ? margin->bytes - end : first;
	c.damaged = end - first;
	c.dump = min(end - first, MEMMGR_CORRUPTION_DUMP);
	guard.position += first;
	guard_fill(&guard, c.expected, c.dump);
	memcpy(c.found, at + first, c.dump);
	guard_report_add(heap, &c, margin->kind, slot->freer.site);
}

/* Check the pattern beside an allocation that is being freed, and report damage. */
void slot_check(struct memmgr_heap *heap, const struct guard_slot *slot)
{
	struct margin margin[2];

	slot_margins(slot, margin);
	margin_check(heap, slot, &margin[0]);
	margin_check(heap, slot, &margin[1]);
}

/* --- slots come and go --------------------------------------------------- */

/* Put a slot into a state and into the list of that state. Context: any. O(1). */
void slot_queue(struct guards *g, struct guard_slot *slot, enum guard_state state)
{
	lockdep_assert_held(&g->lock);
	slot->state = state;
	if (state == GUARD_READY) {
		list_add_tail(&slot->node, &g->ready);
		g->readies++;
	} else {
		list_add_tail(&slot->node, state == GUARD_FREED ? &g->freed : &g->away);
	}
}

/* Take the first slot off a list, or return NULL. Its state does not change. */
static struct guard_slot *slot_pop(struct guards *g, struct list_head *list)
{
	struct guard_slot *slot;
	unsigned long flags;

	raw_spin_lock_irqsave(&g->lock, flags);
	slot = list_first_entry_or_null(list, struct guard_slot, node);
	if (slot)
		list_del_init(&slot->node);
	if (slot && list == &g->ready)
		g->readies--;
	raw_spin_unlock_irqrestore(&g->lock, flags);
	return slot;
}

static void slot_push(struct guards *g, struct guard_slot *slot, enum guard_state state)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&g->lock, flags);
	slot_queue(g, slot, state);
	raw_spin_unlock_irqrestore(&g->lock, flags);
}

/*
 * Map a page where none of our slots was lately, because a late access to such a slot must
 * fault. The kernel gives the lowest free address, so unsuitable mappings are kept aside
 * until all that is needed is mapped.
 */
static void *page_map_apart(struct guards *g, u64 place)
{
	void *page;

	for (;;) {
		page = region_map_page(g->heap->region, place);
		if (IS_ERR(page) || g->asides == ARRAY_SIZE(g->aside) ||
		    !guards_were_at(page, false))
			return page;
		g->aside[g->asides++] = page;
	}
}

/*
 * Unmap the mappings that were kept aside. A late access meanwhile may have put them into
 * the CPUs' address translation, so flush that as in guards_unmap().
 */
static void aside_drop(struct guards *g)
{
	if (!g->asides)
		return;
	while (g->asides)
		region_unmap_page(g->heap->region, g->aside[--g->asides]);
	vm_unmap_aliases();
}

static int slot_map(struct guards *g, struct guard_slot *slot)
{
	void *page = page_map_apart(g, slot->place);
	unsigned long flags;

	if (IS_ERR(page))
		return PTR_ERR(page);
	guards_were_at(page, true);
	raw_spin_lock_irqsave(&g->lock, flags);
	slot->page = page;
	slot_queue(g, slot, GUARD_READY);
	raw_spin_unlock_irqrestore(&g->lock, flags);
	return 0;
}

/* Give a slot's memory back. @mapped: its page is still mapped. */
void slot_drop(struct guards *g, struct guard_slot *slot, bool mapped)
{
	unsigned long flags;

	if (mapped)
		region_unmap_page(g->heap->region, slot->page);
	raw_spin_lock_irqsave(&g->lock, flags);
	slot->state = GUARD_NONE;
	slot->page = NULL;
	raw_spin_unlock_irqrestore(&g->lock, flags);
	heap_main_give(g->heap->region, slot->place);
}

/* Get memory for a slot that has none. */
static int slot_add(struct guards *g, struct guard_slot *slot)
{
	struct region *region = g->heap->region;
	struct engine_refusal why;
	int err;

	err = heap_main_take(region, PAGE_SIZE, 0, &slot->place, &why);
	if (err)
		return err;
	err = slot_map(g, slot);
	if (err)
		heap_main_give(region, slot->place);
	return err;
}

static bool guards_used(struct guards *g)
{
	unsigned long flags;
	bool used;
	u32 i;

	raw_spin_lock_irqsave(&g->lock, flags);
	used = g->shifted;
	for (i = 0; i < GUARD_SLOTS; i++)
		used |= g->slot[i].state != GUARD_NONE;
	raw_spin_unlock_irqrestore(&g->lock, flags);
	return used;
}

/* Guarding is off: keep only slots with live allocations. */
void guards_shrink(struct guards *g)
{
	struct guard_slot *slot;

	lockdep_assert_held(&g->mutex);
	while ((slot = slot_pop(g, &g->ready)))
		slot_drop(g, slot, true);
	while ((slot = slot_pop(g, &g->freed)))
		slot_drop(g, slot, true);
	while ((slot = slot_pop(g, &g->away)))
		slot_drop(g, slot, false);
	vm_unmap_aliases();	/* as in guards_unmap() */
	if (!guards_used(g))
		debug_set(g->heap, 0, DEBUG_GUARDS);
}

/* If slots are needed, map those that have been away longest. */
static void guards_refill(struct guards *g)
{
	struct guard_slot *slot;

	lockdep_assert_held(&g->mutex);
	while (READ_ONCE(g->readies) < READY_LEAST && (slot = slot_pop(g, &g->away))) {
		if (!slot_map(g, slot))
			continue;
		/* No room now; the next free tries again. */
		slot_push(g, slot, GUARD_AWAY);
		break;
	}
	aside_drop(g);
}

/*
 * Unmap freed slots. Without vm_unmap_aliases() the kernel would flush the CPUs' address
 * translation only some time later, and until then an access would not fault.
 */
static void guards_unmap(struct guards *g)
{
	struct guard_slot *slot;
	bool unmapped = false;
	void *page;

	lockdep_assert_held(&g->mutex);
	while ((slot = slot_pop(g, &g->freed))) {
		page = slot->page;
		/* Before unmapping: afterwards the address may be reused, see guards_were_at(). */
		slot_push(g, slot, GUARD_AWAY);
		region_unmap_page(g->heap->region, page);
		unmapped = true;
	}
	if (unmapped)
		vm_unmap_aliases();
}

/* The worker: maps and unmaps slots. */
void guards_work(struct work_struct *work)
{
	struct guards *g = container_of(work, struct guards, work);

	mutex_lock(&g->mutex);
	if (READ_ONCE(g->interval)) {
		guards_unmap(g);
		guards_refill(g);
	} else {
		guards_shrink(g);
	}
	mutex_unlock(&g->mutex);
}

/* Get memory for as many slots as possible. An error only if there is none at all. */
int guards_grow(struct guards *g)
{
	int err = 0;
	u32 i;

	for (i = 0; i < GUARD_SLOTS && !err; i++)
		if (READ_ONCE(g->slot[i].state) == GUARD_NONE)
			err = slot_add(g, &g->slot[i]);
	aside_drop(g);
	return guards_used(g) ? 0 : err;
}
