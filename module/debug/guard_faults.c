// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The list of all guards, and what looks through it: a fault finds the slot that it hit, and
 * a new mapping finds slots that were at its address. See debug/guards.c.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kdebug.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <linux/timekeeping.h>

#include "base/compat.h"
#include "debug/guard_faults.h"
#include "debug/guard_slots.h"
#include "debug/reports.h"
#include "debug/sites.h"
#include "heap/heap.h"
#include "region/region.h"

/* All guards, to find the slot that a fault hit. guards_mutex is also held for changes. */
static LIST_HEAD(guards_all);
static DEFINE_RAW_SPINLOCK(guards_lock);
static DEFINE_MUTEX(guards_mutex);

static bool slot_was_near(const struct guard_slot *slot, const void *page)
{
	return slot->state == GUARD_AWAY && slot->page &&
	       abs((long)(page - slot->page)) < (long)(2 * PAGE_SIZE);
}

/*
 * Was one of the slots that are away mapped at this address, or in a page beside it?
 * @forget: the page and the guard behind it are mapped again, so forget such slots.
 */
bool guards_were_at(const void *page, bool forget)
{
	unsigned long flags;
	struct guards *g;
	bool were = false;
	u32 i;

	raw_spin_lock_irqsave(&guards_lock, flags);
	list_for_each_entry(g, &guards_all, node) {
		raw_spin_lock(&g->lock);
		for (i = 0; i < GUARD_SLOTS; i++) {
			if (!slot_was_near(&g->slot[i], page))
				continue;
			were = true;
			if (forget)
				g->slot[i].page = NULL;
		}
		raw_spin_unlock(&g->lock);
	}
	raw_spin_unlock_irqrestore(&guards_lock, flags);
	return were;
}

/* --- reports ------------------------------------------------------------- */

/*
 * Describe the allocation of a slot, for a report. The slot stays as it is: its guards are
 * locked, or the caller is freeing the allocation.
 */
void guard_report_fill(const struct guard_slot *slot, struct memmgr_corruption *c)
{
	*c = (struct memmgr_corruption) {
		.place = slot->place + slot->offset,
		.bytes = slot->bytes,
		.alloc_ns = slot->maker.time_ns,
		.site = slot->maker.site,
		.pid = slot->maker.pid,
		.tid = slot->maker.tid,
	};
	memcpy(c->comm, slot->maker.comm, sizeof(c->comm));
	if (slot->state != GUARD_ENDING && slot->state != GUARD_FREED &&
	    slot->state != GUARD_AWAY)
		return;
	c->free_ns = slot->freer.time_ns;
	c->free_site = slot->freer.site;
	c->free_pid = slot->freer.pid;
	c->free_tid = slot->freer.tid;
	memcpy(c->free_comm, slot->freer.comm, sizeof(c->free_comm));
}

void guard_report_add(struct memmgr_heap *heap, struct memmgr_corruption *c, u32 kind, u32 site)
{
	c->kind = kind;
	c->finder_site = site;
	corruptions_add(heap, c);
}

/* --- a fault ------------------------------------------------------------- */

/**
 * struct guard_hit - the allocation that a fault belongs to
 * @g: its guards
 * @slot: its slot; NULL: the fault belongs to none
 * @far: bytes between the fault and the allocation
 */
struct guard_hit {
	struct guards *g;
	struct guard_slot *slot;
	u64 far;
};

/* Is, or was, there an allocation in the slot, and is the address there or in a page beside? */
static bool slot_is_near(const struct guard_slot *slot, unsigned long address)
{
	unsigned long page = (unsigned long)slot->page;

	return page && slot->state != GUARD_NONE && slot->state != GUARD_READY &&
	       address - (page - PAGE_SIZE) < 3 * PAGE_SIZE;
}

static bool slot_holds(const struct guard_slot *slot, unsigned long address)
{
	return address - (unsigned long)guard_start(slot) < slot->bytes;
}

/* How an address misses the allocation, and by how many bytes. */
static const char *slot_miss(const struct guard_slot *slot, unsigned long address, u64 *distance)
{
	unsigned long start = (unsigned long)guard_start(slot);

	if (address < start) {
		*distance = start - address - 1;
		return "before";
	}
	*distance = address - start;
	if (slot_holds(slot, address))
		return "into";
	*distance -= slot->bytes;
	return "past the end of";
}

/* A page may lie between two slots. Choose the nearer one; if equal, the live one. */
static void guards_hit(struct guards *g, unsigned long address, struct guard_hit *hit)
{
	struct guard_slot *slot;
	u64 far;

	for (slot = g->slot; slot < g->slot + GUARD_SLOTS; slot++) {
		if (!slot_is_near(slot, address))
			continue;
		slot_miss(slot, address, &far);
		if (slot_holds(slot, address))
			far = 0;
		if (!hit->slot || far < hit->far || (far == hit->far && slot_is_live(slot)))
			*hit = (struct guard_hit) { g, slot, far };
	}
}

/* Printed at once, not by a work item, because the machine may not live to run it. */
static noinline void hit_print(const struct memmgr_heap *heap, const struct memmgr_corruption *c,
			       const char *miss)
{
	const struct region *region = heap->region;
	char site[SITE_PATH + 24];

	site_print(site, sizeof(site), region, c->site);
	pr_err("%s: heap %s: access %llu bytes %s %s allocation of %llu bytes at 0x%llx, allocated by %*pE, pid %u, thread %u, at %s\n",
	       region->name, heap->name, c->distance, miss, c->free_ns ? "a freed" : "an",
	       c->bytes, c->place, (int)strnlen(c->comm, sizeof(c->comm)), c->comm, c->pid,
	       c->tid, site);
	if (!c->free_ns)
		return;
	site_print(site, sizeof(site), region, c->free_site);
	pr_err("  freed by %*pE, pid %u, thread %u, at %s, %llu ms before\n",
	       (int)strnlen(c->free_comm, sizeof(c->free_comm)), c->free_comm, c->free_pid,
	       c->free_tid, site,
	       div_u64(ktime_get_boottime_ns() - c->free_ns, NSEC_PER_MSEC));
}

/* Describe a hit. Returns how the address misses. */
static const char *hit_describe(const struct guard_hit *hit, unsigned long address,
				struct memmgr_corruption *c)
{
	lockdep_assert_held(&hit->g->lock);
	guard_report_fill(hit->slot, c);
	/* A page beside the slot is in no region; report where it would be. */
	c->offset = hit->slot->place + (s64)(long)(address - (unsigned long)hit->slot->page);
	return slot_miss(hit->slot, address, &c->distance);
}

/* Guards that are locked are skipped. Returns true if the fault is nearest to one of these. */
static bool guards_look(struct guards *g, unsigned long address, struct guard_hit *hit,
			struct memmgr_corruption *c, const char **miss)
{
	if (!raw_spin_trylock(&g->lock))
		return false;
	guards_hit(g, address, hit);
	if (hit->g == g)
		*miss = hit_describe(hit, address, c);
	raw_spin_unlock(&g->lock);
	return hit->g == g;
}

/* Report a fault at an address. */
static void guards_tell(unsigned long address)
{
	struct guard_hit hit = { 0 };
	struct memmgr_corruption c;
	const char *miss;
	struct guards *g;
	bool ours = false;

	lockdep_assert_held(&guards_lock);
	list_for_each_entry(g, &guards_all, node)
		ours |= guards_look(g, address, &hit, &c, &miss);
	if (!ours)
		return;
	hit_print(hit.g->heap, &c, miss);
	guard_report_add(hit.g->heap, &c, MEMMGR_CORRUPTION_GUARD, SITE_NONE);
}

/*
 * Called when the kernel dies of a fault. It may have stopped anywhere, also while it
 * held our locks, so this waits for no lock.
 */
static int guards_die(struct notifier_block *self, unsigned long event, void *data)
{
	const struct die_args *args = data;

	/* Other ways to die have other names, and no fault address. */
	if (event != DIE_OOPS || strcmp(args->str, "Oops") || !raw_spin_trylock(&guards_lock))
		return NOTIFY_DONE;
	guards_tell(compat_fault_address());
	raw_spin_unlock(&guards_lock);
	return NOTIFY_DONE;
}

static struct notifier_block guards_notifier = {
	.notifier_call = guards_die,
};

/* Add the guards of a heap to the list of all guards. May sleep. */
void guards_enter(struct guards *g)
{
	unsigned long flags;

	mutex_lock(&guards_mutex);
	if (list_empty(&guards_all))
		register_die_notifier(&guards_notifier);
	raw_spin_lock_irqsave(&guards_lock, flags);
	list_add(&g->node, &guards_all);
	raw_spin_unlock_irqrestore(&guards_lock, flags);
	mutex_unlock(&guards_mutex);
}

/* Remove the guards of a heap from the list. May sleep. */
void guards_leave(struct guards *g)
{
	unsigned long flags;

	mutex_lock(&guards_mutex);
	raw_spin_lock_irqsave(&guards_lock, flags);
	list_del(&g->node);
	raw_spin_unlock_irqrestore(&guards_lock, flags);
	if (list_empty(&guards_all))
		unregister_die_notifier(&guards_notifier);
	mutex_unlock(&guards_mutex);
}
