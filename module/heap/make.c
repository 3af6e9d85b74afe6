// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Making and destroying heaps. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/capability.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "core/buddy.h"
#include "core/engine.h"
#include "core/handle.h"
#include "heap/account.h"
#include "heap/arena.h"
#include "heap/free.h"
#include "heap/grow.h"
#include "heap/heap.h"
#include "heap/kinds.h"
#include "heap/lookup.h"
#include "heap/make.h"
#include "heap/moments.h"
#include "heap/pins.h"
#include "heap/rights.h"
#include "heap/shape.h"
#include "heap/stats.h"
#include "region/stop.h"
#include "region/region.h"
#include "region/view.h"

/* Main's lock is taken inside a slab heap's lock, so lockdep needs another class for it. */
static struct lock_class_key main_lock_key;

static void heap_setup(struct memmgr_heap *heap, struct region *region,
		       const struct memmgr_heap_create *c)
{
	raw_spin_lock_init(&heap->lock);
	mutex_init(&heap->features);
	init_swait_queue_head(&heap->wait);
	INIT_LIST_HEAD(&heap->mine);
	refcount_set(&heap->lasting.users, 1);
	heap->table.window = HEAP_NO_WINDOW;
	heap->table.arena_window = HEAP_NO_WINDOW;
	heap->region = region;
	heap->kind = c->kind;
	heap->traits = heap_kind(c->kind);
	heap->capacity = c->object_size;
	heap->refused = jiffies - 1;
	heap->flags = c->flags & ~MEMMGR_HEAP_MODE;
	/* If main does without the slow path, all heaps do. */
	if (heap->traits->takes & HEAP_FIELD_NO_JOIN &&
	    !(region->memory.flags & MEMMGR_REGION_JOIN))
		heap->flags |= MEMMGR_HEAP_NO_JOIN;
	strscpy(heap->name, c->name, sizeof(heap->name));
}

/* The slot for a new heap, or an error. Only @trusted clients get the last slots. */
static int heap_slot(struct region *region, const char *name, bool trusted)
{
	int slot = -ENOSPC, left = trusted ? ROOT_HEAPS : 0;
	u32 id;

	for (id = MEMMGR_MAX_HEAPS; id--;) {
		struct memmgr_heap *heap = heap_in_slot(region, id);

		if (heap && !strcmp(heap->name, name))
			return -EEXIST;
		if (!heap && handle_left(region->last_handle[id])) {
			slot = id;
			left++;
		}
	}
	return left > ROOT_HEAPS ? slot : -ENOSPC;
}

static int heap_set_fallback(struct memmgr_heap *heap,
			     const struct memmgr_heap_create *c)
{
	struct memmgr_heap *fallback;
	int err;

	if (!(c->flags & MEMMGR_HEAP_FALLBACK))
		return 0;
	fallback = heap_get(heap->region, c->fallback);
	if (!fallback)
		return -ENOENT;
	err = READ_ONCE(fallback->lasting.dying) ? -ENOENT : heap_may_use(fallback, heap->client);
	if (!err && (fallback->fallback ||
		     (fallback->flags & MEMMGR_HEAP_PRIVATE &&
		      !(heap->flags & MEMMGR_HEAP_PRIVATE))))
		err = -EINVAL;
	if (err) {
		heap_put(fallback);
		return err;
	}
	heap->fallback = fallback;
	fallback->lasting.holders++;
	return 0;
}

/*
 * Release the fallback of a heap that takes no more requests. However long this heap stays,
 * it no longer keeps the fallback from being destroyed.
 */
static void heap_drop_fallback(struct memmgr_heap *heap)
{
	struct memmgr_heap *fallback = heap->fallback;
	unsigned long flags;

	lockdep_assert_held(&heap->region->heap_mutex);
	if (!fallback)
		return;
	flags = heap_lock(heap);
	heap->fallback = NULL;
	heap_unlock(heap, flags);
	fallback->lasting.holders--;
	heap_put(fallback);
}

static void config_answer(struct memmgr_heap_create *c,
			  const struct memmgr_heap *heap)
{
	const struct region *region = heap->region;

	c->heap = heap->id;
	if (heap->table.arena_window == HEAP_NO_WINDOW)
		return;
	c->map_offset = (u64)heap->table.arena_window <<
			(region->view.window_shift + PAGE_SHIFT);
	c->map_size = PAGE_ALIGN(heap->bytes);
}

/*
 * A private heap is charged for the system memory that it uses, and for all memory that it
 * holds, allocated or not. An arena is charged here, a slab when the heap gets it.
 */
static int heap_charge(struct memmgr_heap *heap, const struct heap_shape *plan,
		       struct engine_refusal *why)
{
	u64 arena = heap_grows(heap) ? 0 : PAGE_ALIGN(plan->bytes);
	int err;

	if (!heap->client)
		return 0;
	err = client_take(heap->client, ACCOUNT_HEAPS, 1, why);
	if (err)
		return err;
	err = client_charge(heap->client, arena + plan_cost(plan), 1, why);
	if (err) {
		client_give(heap->client, ACCOUNT_HEAPS, 1);
		return err;
	}
	heap->payer = heap->client;
	heap->charge = arena + plan_cost(plan);
	return 0;
}

/* Reserve slot, name, windows and fallback for the heap. It cannot be found yet. */
static int heap_reserve(struct memmgr_heap *heap, const struct client *client,
			const struct heap_shape *plan, struct memmgr_heap_create *c)
{
	struct region *region = heap->region;
	struct engine_refusal why = { 0 };
	int err, slot;

	lockdep_assert_held(&region->heap_mutex);
	slot = heap_slot(region, c->name, !client || client->trusted);

	if (slot == -ENOSPC)
		c->reason = MEMMGR_REASON_RECORDS;
	if (slot < 0)
		return slot;
	err = heap_set_fallback(heap, c);
	if (err)
		return err;
	heap->id = slot;
	heap->bytes = plan->bytes;
	heap->align = plan->align;
	heap->table.max = plan->records;
	heap->table.bits = handle_bits(plan->records);
	/* A heap of mode 0 is for kernel code alone, which needs no mappings. */
	if (heap->rights.mode)
		err = heap_take_windows(heap, &why);
	if (err) {
		c->reason = why.reason;
		c->largest = why.largest;
		heap_drop_fallback(heap);
		return err;
	}
	region->making[slot] = heap;
	return 0;
}

/* Do everything that takes long or needs memory. No mutex is held. */
static int heap_build(struct memmgr_heap *heap, const struct heap_shape *plan,
		      struct memmgr_heap_create *c)
{
	struct engine_refusal why = { 0 };
	int err;

	err = heap_charge(heap, plan, &why);
	if (!err)
		err = heap_alloc_memory(heap, plan);
	if (!err)
		err = heap_init_engine(heap, plan, c, &why);
	if (err == -ENOMEM || err == -EDQUOT) {
		c->reason = why.reason;
		c->largest = why.largest;
	}
	/* The books are charged too, so they reduce the possible size. */
	if (err == -EDQUOT)
		c->largest -= min(c->largest, plan_cost(plan));
	return err;
}

/* Make the heap visible if it is complete; otherwise release its slot. */
static void heap_publish(struct memmgr_heap *heap, bool made)
{
	struct region *region = heap->region;

	mutex_lock(&region->heap_mutex);
	region->making[heap->id] = NULL;
	if (!made) {
		heap_drop_fallback(heap);
	} else {
		heap->serial = ++region->serial;
		rcu_assign_pointer(region->heaps[heap->id], heap);
	}
	if (made && heap->client)
		list_add(&heap->mine, &heap->client->heaps);
	mutex_unlock(&region->heap_mutex);
}

/* Check whether this client may make such a heap, and plan it. */
static int heap_wanted(struct region *region, struct client *client,
		       struct memmgr_heap_create *c, struct heap_shape *plan)
{
	int err = config_check(c);

	if (err)
		return err;
	err = heap_may_make(region, client, c);
	if (err)
		return err;
	c->reason = MEMMGR_REASON_NONE;
	c->largest = 0;
	c->map_offset = ~0ull;
	c->map_size = 0;
	return shape_of(region, client, c, plan);
}

/**
 * heap_create - make a heap
 * @region: the region that it shall live in
 * @client: the caller, and the owner if the heap is private; NULL: the kernel
 * @c: as in the ABI; the answers are filled in
 *
 * First its slot and its name are reserved. Then it is built, with no mutex held. Then it
 * becomes visible. A fatal signal ends the building, and nothing of it stays.
 *
 * Context: process, may sleep. Cost: allocating its books, and clearing these and the
 * memory of a private heap.
 * Return: 0, -EINTR, or an error of the ABI's table.
 */
int heap_create(struct region *region, struct client *client,
		struct memmgr_heap_create *c)
{
	struct memmgr_heap *heap;
	struct heap_shape plan;
	int err;

	err = heap_wanted(region, client, c, &plan);
	if (err)
		return err;
	heap = kzalloc(sizeof(*heap), HEAP_GFP);
	if (!heap)
		return -ENOMEM;
	heap_setup(heap, region, c);
	if (c->flags & MEMMGR_HEAP_PRIVATE) {
		heap->client = client;
		heap->owner = client->serial;
	}
	heap_rights_begin(heap, c);
	mutex_lock(&region->heap_mutex);
	err = heap_reserve(heap, client, &plan, c);
	mutex_unlock(&region->heap_mutex);
	if (!err) {
		err = heap_build(heap, &plan, c);
		/* Fill in the answer first: once visible, the heap may be destroyed. */
		if (!err)
			config_answer(c, heap);
		heap_publish(heap, !err);
	}
	if (err)
		heap_destruct(heap);
	return err;
}

/**
 * heap_create_main - make the root buddy of a new region
 * @region: the region, not yet visible
 * @max_records: max_allocations of the module
 * @join: find runs of neighbours that are not buddies
 * @grows: make its records as they are used, not at once
 *
 * Return: 0, -EINVAL or -ENOMEM.
 */
int heap_create_main(struct region *region, u32 max_records, bool join, bool grows)
{
	struct memmgr_heap_create c = {
		.kind = MEMMGR_KIND_BUDDY,
		.name = "main",
		.flags = join ? 0 : MEMMGR_HEAP_NO_JOIN,
	};
	u32 granules = region->memory.bytes >> PAGE_SHIFT;
	/* Alignments hold for addresses, wherever the region begins. */
	u32 lead = (region->memory.phys & (region->memory.max_align - 1)) >> PAGE_SHIFT;
	struct heap_shape plan = {
		.bytes = region->memory.bytes,
		.align = PAGE_SIZE,
		.meta = buddy_meta_size(lead, granules),
		.records = min3(max_records, HEAP_MAX_RECORDS,
				(u32)(windows_max(region) / 2)),
		.grows = grows,
	};
	struct memmgr_heap *heap;
	int err;

	if (!max_records) {
		pr_err("max_allocations=0 refused: heap main needs at least one record\n");
		return -EINVAL;
	}
	heap = kzalloc(sizeof(*heap), GFP_KERNEL);
	if (!heap)
		return -ENOMEM;
	plan_books(&c, &plan, min(plan.records, granules));
	heap_setup(heap, region, &c);
	heap_rights_begin(heap, &c);
	lockdep_set_class(&heap->lock, &main_lock_key);
	heap->max_align = region->memory.max_align;
	heap->base = region->memory.virt;
	heap->span = region->memory.bytes;
	mutex_lock(&region->heap_mutex);
	err = heap_reserve(heap, NULL, &plan, &c);
	mutex_unlock(&region->heap_mutex);
	if (!err)
		err = heap_alloc_memory(heap, &plan);
	heap->grid = (struct heap_grid) {
		.shift = PAGE_SHIFT, .granules = granules, .lead = lead,
	};
	if (!err)
		err = buddy_init(&heap->buddy, lead, granules, PAGE_SHIFT,
				 join ? BUDDY_JOIN : 0, heap->meta);
	heap_publish(heap, !err);
	if (err)
		heap_destruct(heap);
	return err;
}

/* The last handle that a heap without used records could have given out. */
static u64 heap_last_handle(const struct memmgr_heap *heap)
{
	u64 last = 0;
	u32 i;

	for (i = 0; i < heap_made_records(heap); i++) {
		last = max(last, heap_record(heap, i)->handle);
		if (i % SETUP_STEP == 0)
			cond_resched();
	}
	return last;
}

/*
 * Mark a heap as dying, if it may be destroyed: nothing lives in it that FORCE does not
 * cover, and no other client has pinned anything in it.
 */
static int heap_idle(struct memmgr_heap *heap, const struct client *client, bool force,
		     bool closing)
{
	unsigned long flags;
	int err = 0;

	flags = heap_lock(heap);
	if (heap_kernel_live(heap) || (heap->table.used && !force) ||
	    (heap->lasting.exports && !closing) || heap->lasting.compacting ||
	    heap->lasting.pinned != client->pinned[heap->id])
		err = -EBUSY;
	else
		heap->lasting.dying = true;
	heap_unlock(heap, flags);
	return err;
}

/* Remove an unused heap from the region. No locks held; may sleep. */
static void heap_withdraw(struct memmgr_heap *heap)
{
	struct region *region = heap->region;
	u64 last = heap_last_handle(heap);

	/* The heap is dying, so no later call can turn a feature on. */
	mutex_lock(&heap->features);
	heap_moment(heap, off);
	mutex_unlock(&heap->features);
	mutex_lock(&region->heap_mutex);
	region->last_handle[heap->id] = max(region->last_handle[heap->id], last);
	RCU_INIT_POINTER(region->heaps[heap->id], NULL);
	mutex_unlock(&region->heap_mutex);
	heap_put(heap);
}

/*
 * Mark a heap as dying, so that no new request begins in it; heap_unmake() must follow.
 * @client: the caller; @force: also if it has allocations; @closing: also
 * if it has dma-bufs.
 */
static int heap_retire(struct memmgr_heap *heap, const struct client *client, bool force,
		       bool closing)
{
	int err;

	lockdep_assert_held(&heap->region->heap_mutex);
	if (heap->lasting.dying)
		return heap->lasting.orphan ? -EBUSY : -ENOENT;
	if (heap->lasting.holders)
		return -EBUSY;
	err = heap_idle(heap, client, force, closing);
	if (err)
		return err;
	/* Requests that have begun hold a reference to the fallback. */
	heap_drop_fallback(heap);
	list_del_init(&heap->mine);
	return 0;
}

/*
 * Remove all mappings of a heap whose records are forgotten. Its windows lie behind each other,
 * that of the arena last. Those of a private heap are counted.
 */
static void heap_zap(struct memmgr_heap *heap)
{
	u32 first = min(heap->table.window, heap->table.arena_window);
	u32 windows = heap->windows ? : heap->table.max;

	if (first != HEAP_NO_WINDOW)
		mapping_zap(heap->region, heap_window_page(heap, first), 0,
			    (u64)windows << (heap->region->view.window_shift + PAGE_SHIFT));
}

/*
 * Destroy a dying heap. Its memory, its slot and its name are released when nothing uses
 * the memory any more. No locks held; may sleep.
 */
static void heap_unmake(struct memmgr_heap *heap)
{
	struct region *region = heap->region;

	stop_here(region, STOP_DESTROYING);
	heap_wake(heap, READ_ONCE(heap->waiters));
	heap_moment(heap, flush);
	/* From here on faults find nothing. Now remove what was mapped. */
	heap_forget_records(heap);
	heap_zap(heap);
	if (READ_ONCE(heap->lasting.held) || heap->traits->in_io(heap)) {
		/* From here on the worker may withdraw it. */
		WRITE_ONCE(heap->lasting.orphan, true);
		held_start(region);
	} else {
		heap_withdraw(heap);
	}
}

/**
 * heap_retire_orphans - withdraw orphans whose memory is no longer in use
 * @region: the region
 *
 * Called only by the region's worker, so there is one caller at a time.
 *
 * Context: process, may sleep. O(heaps), and their pages in memory that can be
 * the target of I/O.
 * Return: true if I/O keeps an orphan. The release of a dma-buf is reported by itself.
 */
bool heap_retire_orphans(struct region *region)
{
	struct memmgr_heap *heap;
	bool in_io = false;
	u32 id;

	for (id = 1; (heap = heap_get_next(region, id)); id++) {
		id = heap->id;
		/* Nothing can be allocated, mapped or exported in an orphan. */
		if (READ_ONCE(heap->lasting.orphan) && !READ_ONCE(heap->lasting.held)) {
			if (heap->traits->in_io(heap))
				in_io = true;
			else
				heap_withdraw(heap);
		}
		heap_put(heap);
	}
	return in_io;
}

/**
 * heap_destroy - destroy a heap
 * @region: the region that it lives in
 * @client: the caller
 * @id: id of the heap
 * @flags: MEMMGR_DESTROY_FORCE
 *
 * Context: process, may sleep.
 * Return: 0 or an error of the ABI's table.
 */
int heap_destroy(struct region *region, struct client *client, u32 id, u32 flags)
{
	struct memmgr_heap *heap = NULL;
	int err;

	mutex_lock(&region->heap_mutex);
	if (id < MEMMGR_MAX_HEAPS)
		heap = heap_locked(region, array_index_nospec(id, MEMMGR_MAX_HEAPS));
	if (!heap)
		err = -ENOENT;
	else if (id == MEMMGR_HEAP_MAIN)
		err = -EINVAL;
	else if (heap->client != client && !capable(CAP_SYS_ADMIN))
		err = heap->client ? -EACCES : -EPERM;
	else
		err = heap_retire(heap, client, flags & MEMMGR_DESTROY_FORCE, false);
	mutex_unlock(&region->heap_mutex);
	if (!err) {
		client_forget_pins(client, heap);
		heap_unmake(heap);
	}
	return err;
}

/* Retire a closing client's next private heap, those with a fallback first; NULL: none left. */
static struct memmgr_heap *heap_retire_next(struct client *client)
{
	struct region *region = client->region;
	struct memmgr_heap *heap, *next = NULL;

	mutex_lock(&region->heap_mutex);
	list_for_each_entry(heap, &client->heaps, mine)
		if (!next || heap->fallback)
			next = heap;
	/* No pins are left in its records, and no call of the client runs, so it can die. */
	if (next && WARN_ON_ONCE(heap_retire(next, client, true, true)))
		next = NULL;
	mutex_unlock(&region->heap_mutex);
	return next;
}

/* Destroy the private heaps of a closing client. No call of it runs, and none will. */
void heap_destroy_private(struct client *client)
{
	struct memmgr_heap *heap;

	while (!list_empty(&client->heaps)) {
		heap = heap_retire_next(client);
		/* An administrator may have destroyed it already. */
		if (!heap)
			return;
		heap_unmake(heap);
	}
}

/**
 * heap_destroy_all - destroy all heaps of a region that is being destroyed
 * @region: the region, without clients and holders of heaps, and not visible
 */
void heap_destroy_all(struct region *region)
{
	u32 id;

	for (id = MEMMGR_MAX_HEAPS; id--;) {
		struct memmgr_heap *heap = rcu_access_pointer(region->heaps[id]);

		if (!heap)
			continue;
		heap_forget_records(heap);
		heap_moment(heap, off);
		heap_put(heap);
		if (id != MEMMGR_HEAP_MAIN)
			RCU_INIT_POINTER(region->heaps[id], NULL);
	}
	RCU_INIT_POINTER(region->heaps[MEMMGR_HEAP_MAIN], NULL);
	slab_map_free(region);
}
