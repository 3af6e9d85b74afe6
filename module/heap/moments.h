/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Moments in the life of an allocation, at which the features of debug/ are called. heap/
 * knows no feature. debug/moments.c fills the table and calls the features in their order.
 */
#ifndef MEMMGR_HEAP_MOMENTS_H
#define MEMMGR_HEAP_MOMENTS_H

#include <linux/compiler.h>
#include <linux/types.h>

#include "core/engine.h"
#include "heap/heap.h"
#include "region/region.h"

struct client;
struct heap_view;
struct record;
struct record_copy;

/**
 * struct heap_moments - one function for each moment
 * @fails: shall a client's request fail on purpose? Heap locked or not
 * @room: plan the room in the block before and behind a new allocation. Heap locked
 * @born: an allocation has got its record. Heap locked
 * @paint: an allocation is about to be used, or was resized: write its red zones. No lock:
 *	the record's state keeps others away, and @seen is a copy
 * @look: an allocation ends or changes: check its red zones. As @paint
 * @resized: an allocation has @more bytes than before, possibly negative. Heap locked
 * @keeps: shall memory that is freed now be kept for a while? Heap locked
 * @ended: an allocation at @place was freed; its block is kept or went back. Heap locked
 * @gone: the record of an allocation ends. Heap locked
 * @tidy: after a free, without the lock: poison kept memory, and enforce the limits
 * @evict: memory is short: give back some that is kept. False if none would help. No lock
 * @misuse: a client used or freed a handle that it may not use. Heap locked
 * @fault: a client accessed memory that it may not access. Heap locked
 * @verify: look for damage while no record is locked; returns its name, or NULL. May sleep
 * @off: the heap is being destroyed: turn all features off for good. May sleep
 * @flush: give back all kept memory. May sleep
 * @free: the heap is being destroyed, and nothing uses it. May sleep
 */
struct heap_moments {
	bool (*fails)(struct memmgr_heap *heap, struct client *client, u64 bytes);
	void (*room)(struct memmgr_heap *heap, struct record *wanted);
	void (*born)(struct memmgr_heap *heap, const struct record *record);
	void (*paint)(struct memmgr_heap *heap, const struct record_copy *seen);
	void (*look)(struct memmgr_heap *heap, const struct record_copy *seen);
	void (*resized)(struct memmgr_heap *heap, const struct record *record, s64 more);
	bool (*keeps)(const struct memmgr_heap *heap);
	void (*ended)(struct memmgr_heap *heap, const struct record *record, u64 place,
		      const struct engine_block *block, bool kept);
	void (*gone)(struct memmgr_heap *heap, const struct record *record);
	void (*tidy)(struct memmgr_heap *heap, bool may_sleep);
	bool (*evict)(struct memmgr_heap *heap, u64 align, u32 reason, bool may_sleep);
	void (*misuse)(struct memmgr_heap *heap, const struct client *client, u64 handle, int err,
		       bool free);
	void (*fault)(struct memmgr_heap *heap, const struct heap_view *view, u64 offset);
	const char *(*verify)(struct memmgr_heap *heap, u64 *offset);
	void (*off)(struct memmgr_heap *heap);
	void (*flush)(struct memmgr_heap *heap);
	void (*free)(struct memmgr_heap *heap);
};

/*
 * NULL until a feature is first turned on in a heap of the region. Then the table stays,
 * because red zones, sites and quarantined memory outlive the feature that made them.
 */
static __always_inline const struct heap_moments *heap_moments(const struct memmgr_heap *heap)
{
	return IS_ENABLED(CONFIG_MEMMGR_DEBUG) ? READ_ONCE(heap->region->moments) : NULL;
}

/* Calls the function of a moment, if there is a table. */
#define heap_moment(heap, moment, ...)						\
do {										\
	const struct heap_moments *moments_ = heap_moments(heap);		\
										\
	if (unlikely(moments_))							\
		moments_->moment(heap, ##__VA_ARGS__);				\
} while (0)

/* -ENOMEM with the reason if the request shall fail on purpose; otherwise 0. */
static inline int heap_fails(struct memmgr_heap *heap, struct client *client, u64 bytes,
			     struct engine_refusal *why)
{
	const struct heap_moments *moments = heap_moments(heap);

	if (likely(!moments) || !moments->fails(heap, client, bytes))
		return 0;
	engine_refuse(why, MEMMGR_REASON_INJECTED, 0);
	why->exact = false;
	return -ENOMEM;
}

static inline bool heap_keeps_freed(const struct memmgr_heap *heap)
{
	const struct heap_moments *moments = heap_moments(heap);

	return unlikely(moments) && moments->keeps(heap);
}

static inline bool heap_evict(struct memmgr_heap *heap, u64 align, u32 reason, bool may_sleep)
{
	const struct heap_moments *moments = heap_moments(heap);

	return unlikely(moments) && moments->evict(heap, align, reason, may_sleep);
}

#endif /* MEMMGR_HEAP_MOMENTS_H */
