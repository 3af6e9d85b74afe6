/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Moments in the life of an allocation, for whoever looks at it. heap/ calls them and
 * knows no feature; debug/moments.c fills the table and calls the features in their order.
 */
#ifndef MEMMGR_HEAP_MOMENTS_H
#define MEMMGR_HEAP_MOMENTS_H

#include <linux/compiler.h>
#include <linux/types.h>

#include "core/engine.h"
#include "heap/heap.h"
#include "region/region.h"

struct client;
struct mapping;
struct record;

/**
 * struct heap_moments - what is done at each moment
 * @fails: is a request of a client to fail on purpose? Heap locked or not
 * @room: a new allocation is planned: what of its block lies before and behind it.
 *	Heap locked
 * @born: it has a record. Heap locked
 * @paint: it is about to be used, or has a new end: its red zones are written. No lock; its
 *	state keeps others away, the record may be a copy
 * @look: it ends or changes: its red zones are looked at. As @paint
 * @resized: it has so many bytes more than before, which may be negative. Heap locked
 * @keeps: is memory that is freed now kept for a while? Heap locked
 * @ended: it was freed and lay at a place; its block is kept or went back. Heap locked
 * @gone: its record ends. Heap locked
 * @settle: after a free, without the lock: what is kept is brought in order
 * @evict: memory is short: give back some that is kept. False: there is none that helps.
 *	No lock
 * @misuse: a client used, or tried to free, a handle that it cannot. Heap locked
 * @fault: a client touched what it cannot. Heap locked
 * @verify: look for damage where no record is locked; tells what it is, or NULL. May sleep
 * @off: the heap goes, and nothing is turned on any more: all off. May sleep
 * @flush: what is kept goes back. May sleep
 * @free: the heap goes, and nobody uses it. May sleep
 */
struct heap_moments {
	bool (*fails)(struct memmgr_heap *heap, struct client *client, u64 bytes);
	void (*room)(struct memmgr_heap *heap, struct record *wanted);
	void (*born)(struct memmgr_heap *heap, const struct record *record);
	void (*paint)(struct memmgr_heap *heap, const struct record *record);
	void (*look)(struct memmgr_heap *heap, const struct record *record);
	void (*resized)(struct memmgr_heap *heap, const struct record *record, s64 more);
	bool (*keeps)(const struct memmgr_heap *heap);
	void (*ended)(struct memmgr_heap *heap, const struct record *record, u64 place,
		      const struct engine_block *block, bool kept);
	void (*gone)(struct memmgr_heap *heap, const struct record *record);
	void (*settle)(struct memmgr_heap *heap, bool may_sleep);
	bool (*evict)(struct memmgr_heap *heap, u64 align, u32 reason, bool may_sleep);
	void (*misuse)(struct memmgr_heap *heap, const struct client *client, u64 handle, int err,
		       bool free);
	void (*fault)(struct memmgr_heap *heap, const struct mapping *mapping, u64 offset);
	const char *(*verify)(struct memmgr_heap *heap, u64 *offset);
	void (*off)(struct memmgr_heap *heap);
	void (*flush)(struct memmgr_heap *heap);
	void (*free)(struct memmgr_heap *heap);
};

/*
 * NULL until somebody looks at a heap of the region for the first time; then it stays:
 * what has red zones, a site or a place in quarantine outlives the feature.
 */
static __always_inline const struct heap_moments *heap_moments(const struct memmgr_heap *heap)
{
	return IS_ENABLED(CONFIG_MEMMGR_DEBUG) ? READ_ONCE(heap->region->moments) : NULL;
}

/* Calls one, when there are any. */
#define heap_moment(heap, moment, ...)						\
do {										\
	const struct heap_moments *moments_ = heap_moments(heap);		\
										\
	if (unlikely(moments_))							\
		moments_->moment(heap, ##__VA_ARGS__);				\
} while (0)

/* Does a request fail on purpose? 0, or -ENOMEM with the reason. */
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
