// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Finding a heap, and keeping it while it is in use. */
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "core/engine.h"
#include "heap/account.h"
#include "heap/heap.h"
#include "heap/kinds.h"
#include "heap/lookup.h"
#include "heap/moments.h"
#include "heap/records.h"
#include "region/region.h"

struct memmgr_heap *heap_locked(struct region *region, u32 id)
{
	return rcu_dereference_protected(region->heaps[id],
					 lockdep_is_held(&region->heap_mutex));
}

/* The heap with an id, with a reference, or NULL. */
struct memmgr_heap *heap_get(struct region *region, u32 id)
{
	struct memmgr_heap *heap;

	if (id >= MEMMGR_MAX_HEAPS)
		return NULL;
	id = array_index_nospec(id, MEMMGR_MAX_HEAPS);
	rcu_read_lock();
	heap = rcu_dereference(region->heaps[id]);
	if (heap && !refcount_inc_not_zero(&heap->lasting.users))
		heap = NULL;
	rcu_read_unlock();
	return heap;
}

/* The first heap with at least this id, with a reference, or NULL. */
struct memmgr_heap *heap_get_next(struct region *region, u32 id)
{
	struct memmgr_heap *heap;

	for (; id < MEMMGR_MAX_HEAPS; id++) {
		heap = heap_get(region, id);
		if (heap)
			return heap;
	}
	return NULL;
}

struct memmgr_heap *heap_get_named(struct region *region, const char *name)
{
	struct memmgr_heap *heap;
	u32 id;

	for (id = 0; (heap = heap_get_next(region, id)); id++) {
		if (!strcmp(heap->name, name))
			return heap;
		id = heap->id;
		heap_put(heap);
	}
	return NULL;
}

static bool heap_has_window(const struct memmgr_heap *heap, u32 window)
{
	if (heap->table.arena_window != HEAP_NO_WINDOW && heap->table.arena_window == window)
		return true;
	return heap->table.window != HEAP_NO_WINDOW && window >= heap->table.window &&
	       window - heap->table.window < heap->table.max;
}

/* The heap that a window of the mmap() offsets belongs to. */
struct memmgr_heap *heap_get_window(struct region *region, u32 window)
{
	struct memmgr_heap *heap;
	u32 id;

	for (id = 0; (heap = heap_get_next(region, id)); id++) {
		if (heap_has_window(heap, window))
			return heap;
		id = heap->id;
		heap_put(heap);
	}
	return NULL;
}

/* The heap in a slot, complete or being made. */
struct memmgr_heap *heap_in_slot(struct region *region, u32 id)
{
	lockdep_assert_held(&region->heap_mutex);
	return region->making[id] ? region->making[id] : heap_locked(region, id);
}

/* The lowest @count free windows. Only @trusted clients get the last windows. */
static u32 windows_find(struct region *region, u32 count, bool trusted)
{
	u32 end = windows_max(region) - (trusted ? 0 : heap_windows_left(region) / ROOT_PART);
	u32 first = 0;
	u32 id;

restart:
	for (id = 0; id < MEMMGR_MAX_HEAPS; id++) {
		struct memmgr_heap *heap = heap_in_slot(region, id);
		u32 w;

		if (!heap)
			continue;
		w = heap->table.arena_window;
		if (w != HEAP_NO_WINDOW && w >= first && w < first + count) {
			first = w + 1;
			goto restart;
		}
		w = heap->table.window;
		if (w != HEAP_NO_WINDOW && w < first + count &&
		    w + heap->table.max > first) {
			first = w + heap->table.max;
			goto restart;
		}
	}
	return first + count <= end ? first : HEAP_NO_WINDOW;
}

/**
 * heap_take_windows - give a heap its part of the mmap() offsets
 * @heap: a heap without windows; its records and, if it is private, its payer are set
 * @why: the reason of a failure
 *
 * The heap gets one window for each record if its blocks can be mapped, and behind these
 * one for the arena if it is private.
 *
 * Context: region.heap_mutex is held. O(heaps^2).
 * Return: 0, -EDQUOT, or -ENOSPC if so many windows are not left.
 */
int heap_take_windows(struct memmgr_heap *heap, struct engine_refusal *why)
{
	bool private = heap->flags & MEMMGR_HEAP_PRIVATE;
	u32 records = heap_has_pages(heap) ? heap->table.max : 0;
	u32 first, windows = records + private;
	int err;

	lockdep_assert_held(&heap->region->heap_mutex);
	if (!windows)
		return 0;
	first = windows_find(heap->region, windows, !private || heap->client->trusted);
	if (first == HEAP_NO_WINDOW) {
		engine_refuse(why, MEMMGR_REASON_WINDOWS, 0);
		return -ENOSPC;
	}
	if (private) {
		err = client_take(heap->client, ACCOUNT_WINDOWS, windows, why);
		if (err)
			return err;
		heap->windows = windows;
		heap->table.arena_window = first + records;
	}
	if (records)
		WRITE_ONCE(heap->table.window, first);
	return 0;
}

void heap_destruct(struct memmgr_heap *heap)
{
	/* The charge keeps the client alive, so it is taken back last. */
	if (heap->windows)
		client_give(heap->client, ACCOUNT_WINDOWS, heap->windows);
	if (heap->payer) {
		client_give(heap->payer, ACCOUNT_HEAPS, 1);
		client_uncharge(heap->payer, heap->charge, 1);
	}
	/* The heap was never visible, or the region is being destroyed. */
	if (heap->fallback)
		heap_put(heap->fallback);
	/* Guards give their memory back to main, so main frees its own guards itself. */
	heap_moment(heap, free);
	records_free(heap);
	kvfree(heap->books);
	kfree_rcu(heap, rcu);
}

/* Drop a reference. The last one gives the heap's memory back. May sleep. */
void heap_put(struct memmgr_heap *heap)
{
	if (!refcount_dec_and_test(&heap->lasting.users))
		return;
	if (heap->id != MEMMGR_HEAP_MAIN)
		heap->traits->give_back(heap);
	heap_destruct(heap);
}

/**
 * heap_get_fallback - get the heap that serves when another heap cannot
 * @heap: the other heap
 *
 * Context: any in which a reference may be dropped. O(1).
 * Return: the fallback, with a reference; NULL if there is none.
 */
struct memmgr_heap *heap_get_fallback(struct memmgr_heap *heap)
{
	struct memmgr_heap *fallback;
	unsigned long flags;

	/* A fallback is only ever removed, by the heap's destruction, so NULL is final. */
	if (!READ_ONCE(heap->fallback))
		return NULL;
	flags = heap_lock(heap);
	fallback = heap->fallback;
	if (fallback)
		refcount_inc(&fallback->lasting.users);
	heap_unlock(heap, flags);
	return fallback;
}

/* The region is gone: end all requests of clients that wait for memory. */
void heap_wake_waiters(struct region *region)
{
	struct memmgr_heap *heap;
	unsigned long flags;
	u32 id;

	for (id = 0; (heap = heap_get_next(region, id)); id++) {
		id = heap->id;
		flags = heap_lock(heap);
		heap->freed++;
		heap_unlock(heap, flags);
		swake_up_all(&heap->wait);
		heap_put(heap);
	}
}

/* Kernel code is about to use a heap, and its fallback. Neither can be destroyed. */
static int heap_open_kept(struct memmgr_heap *heap)
{
	int err = heap_open(heap);

	return !err && heap->fallback ? heap_open(heap->fallback) : err;
}

/*
 * Find a heap for kernel code, and keep it from being destroyed. ERR_PTR(-ENOENT): there is
 * none; ERR_PTR(-ENOMEM): the system lacks memory for its books.
 */
struct memmgr_heap *heap_keep(struct region *region, const char *name)
{
	struct memmgr_heap *heap;
	int err = -ENOENT;

	mutex_lock(&region->heap_mutex);
	heap = heap_get_named(region, name);
	if (heap && (heap->flags & MEMMGR_HEAP_PRIVATE || READ_ONCE(heap->lasting.dying))) {
		heap_put(heap);
		heap = NULL;
	}
	if (heap)
		heap->lasting.holders++;
	mutex_unlock(&region->heap_mutex);
	if (heap)
		err = heap_open_kept(heap);
	if (heap && err)
		heap_unkeep(heap);
	return err ? ERR_PTR(err) : heap;
}

void heap_unkeep(struct memmgr_heap *heap)
{
	struct region *region = heap->region;

	mutex_lock(&region->heap_mutex);
	heap->lasting.holders--;
	mutex_unlock(&region->heap_mutex);
	heap_put(heap);
}
