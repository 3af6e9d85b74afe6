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
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/kdebug.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <linux/vmalloc.h>

#include "base/compat.h"
#include "core/engine.h"
#include "core/guard.h"
#include "debug/debugging.h"
#include "debug/guards.h"
#include "debug/key.h"
#include "debug/reports.h"
#include "debug/sites.h"
#include "heap/arena.h"
#include "heap/heap.h"
#include "heap/stats.h"
#include "region/region.h"
#include "region/remap.h"

#define READY_LEAST	(GUARD_SLOTS / 4)	/* the other three quarters may be away */
#define ALIGN_LEAST	8u			/* smallest alignment that any block needs */

/* All guards, to find the slot that a fault hit. guards_mutex is also held for changes. */
static LIST_HEAD(guards_all);
static DEFINE_RAW_SPINLOCK(guards_lock);
static DEFINE_MUTEX(guards_mutex);

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

/* --- reports ------------------------------------------------------------- */

static void report_fill(const struct guard_slot *slot, struct memmgr_corruption *c)
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

static void report_add(struct memmgr_heap *heap, struct memmgr_corruption *c, u32 kind, u32 site)
{
	c->kind = kind;
	c->finder_site = site;
	corruptions_add(heap, c);
}

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

static void slot_paint(const struct guard_slot *slot)
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
	report_fill(slot, &c);
	c.offset = slot->place + margin->first + first;
	c.distance = margin->kind == MEMMGR_CORRUPTION_BEFORE ? margin->bytes - end : first;
	c.damaged = end - first;
	c.dump = min(end - first, MEMMGR_CORRUPTION_DUMP);
	guard.position += first;
	guard_fill(&guard, c.expected, c.dump);
	memcpy(c.found, at + first, c.dump);
	report_add(heap, &c, margin->kind, slot->freer.site);
}

/* --- slots come and go --------------------------------------------------- */

static void slot_queue(struct guards *g, struct guard_slot *slot, enum guard_state state)
{
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

static bool slot_was_near(const struct guard_slot *slot, const void *page)
{
	return slot->state == GUARD_AWAY && slot->page &&
	       abs((long)(page - slot->page)) < (long)(2 * PAGE_SIZE);
}

/* A page and the guard behind it are mapped again, so forget slots that were there. */
static void guards_forget(const void *page)
{
	unsigned long flags;
	struct guards *g;
	u32 i;

	raw_spin_lock_irqsave(&guards_lock, flags);
	list_for_each_entry(g, &guards_all, node) {
		raw_spin_lock(&g->lock);
		for (i = 0; i < GUARD_SLOTS; i++)
			if (slot_was_near(&g->slot[i], page))
				g->slot[i].page = NULL;
		raw_spin_unlock(&g->lock);
	}
	raw_spin_unlock_irqrestore(&guards_lock, flags);
}

/* Was one of the slots that are away mapped at this address, or in a page beside it? */
static bool guards_were_at(const void *page)
{
	unsigned long flags;
	struct guards *g;
	bool were = false;
	u32 i;

	raw_spin_lock_irqsave(&guards_lock, flags);
	list_for_each_entry(g, &guards_all, node) {
		raw_spin_lock(&g->lock);
		for (i = 0; i < GUARD_SLOTS; i++)
			were |= slot_was_near(&g->slot[i], page);
		raw_spin_unlock(&g->lock);
	}
	raw_spin_unlock_irqrestore(&guards_lock, flags);
	return were;
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
		if (IS_ERR(page) || g->asides == ARRAY_SIZE(g->aside) || !guards_were_at(page))
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
	guards_forget(page);
	raw_spin_lock_irqsave(&g->lock, flags);
	slot->page = page;
	slot_queue(g, slot, GUARD_READY);
	raw_spin_unlock_irqrestore(&g->lock, flags);
	return 0;
}

/* Give a slot's memory back. @mapped: its page is still mapped. */
static void slot_drop(struct guards *g, struct guard_slot *slot, bool mapped)
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
static void guards_shrink(struct guards *g)
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
		/* Before unmapping: afterwards the address may be reused, see guards_forget(). */
		slot_push(g, slot, GUARD_AWAY);
		region_unmap_page(g->heap->region, page);
		unmapped = true;
	}
	if (unmapped)
		vm_unmap_aliases();
}

static void guards_work(struct work_struct *work)
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

static bool slot_is_live(const struct guard_slot *slot)
{
	return slot->state == GUARD_LIVE || slot->state == GUARD_ENDING;
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
	report_fill(hit->slot, c);
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
	report_add(hit.g->heap, &c, MEMMGR_CORRUPTION_GUARD, SITE_NONE);
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

/* --- turning on and off -------------------------------------------------- */

static void guards_enter(struct guards *g)
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

static void guards_leave(struct guards *g)
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

/* Get memory for as many slots as possible. An error only if there is none at all. */
static int guards_grow(struct guards *g)
{
	int err = 0;
	u32 i;

	for (i = 0; i < GUARD_SLOTS && !err; i++)
		if (READ_ONCE(g->slot[i].state) == GUARD_NONE)
			err = slot_add(g, &g->slot[i]);
	aside_drop(g);
	return guards_used(g) ? 0 : err;
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
		report_fill(slot, &c);
		c.offset = slot->place + offset_in_page(ptr);
		c.distance = c.offset > c.place ? c.offset - c.place : c.place - c.offset;
	}
	raw_spin_unlock_irqrestore(&g->lock, flags);
	if (live && right)
		return slot;
	if (slot)
		report_add(heap, &c, right ? MEMMGR_CORRUPTION_DOUBLE_FREE :
					     MEMMGR_CORRUPTION_WRONG_FREE, site);
	return NULL;
}

static void slot_ended(struct memmgr_heap *heap, struct guards *g, struct guard_slot *slot)
{
	struct margin margin[2];
	unsigned long flags;

	slot_margins(slot, margin);
	margin_check(heap, slot, &margin[0]);
	margin_check(heap, slot, &margin[1]);
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
