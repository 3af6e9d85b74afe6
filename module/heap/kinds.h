/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Kinds of heaps, one row each. */
#ifndef MEMMGR_KINDS_H
#define MEMMGR_KINDS_H

#include <linux/kconfig.h>
#include <linux/types.h>
#include <uapi/linux/memmgr.h>

#include "heap/heap.h"

struct engine_refusal;
struct heap_shape;
struct region;

/* Fields of a heap's configuration that only some kinds take. */
#define HEAP_FIELD_BYTES	(1u << 0)
#define HEAP_FIELD_OBJECT	(1u << 1)
#define HEAP_FIELD_ALIGN	(1u << 2)
#define HEAP_FIELD_COUNT	(1u << 3)
#define HEAP_FIELD_GRANULE	(1u << 4)
#define HEAP_FIELD_NO_JOIN	(1u << 5)

/**
 * struct heap_kind - how heaps of a kind are planned, made and described
 * @takes: HEAP_FIELD_* that a configuration may set
 * @needs: HEAP_FIELD_* that a configuration has to set
 * @granule: the smallest granule in bytes; 0: it has none
 * @grows: the heap has no arena; it takes pieces of memory from heap main as it grows
 * @may_move: allocations may be moved
 * @keeps_order: only the last block can be freed
 * @plan: compute what a configuration comes to: @bytes, @align, @most, and what else of
 *	the plan is not 0. May fill in the reason of a refusal
 * @books: compute @meta for a number of records, and what depends on it; NULL: @plan knows it
 * @init: set up the engine. An arena has been taken, unless the heap grows
 * @open: make the engine's books, if @books left them out of a late heap. Called before the
 *	heap's first use, not under its lock. May sleep. 0 or -ENOMEM. NULL: none are left out
 * @give_back: give the memory of the heap back to heap main. May sleep
 * @in_io: is some of this memory the target of I/O? It has no mappings. May sleep
 * @query: fill in granule, count and held bytes where they differ from the usual ones;
 *	NULL: they do not
 *
 * The engine itself has its functions in struct engine_ops.
 */
struct heap_kind {
	u32 takes;
	u32 needs;
	u32 granule;
	bool grows;
	bool may_move;
	bool keeps_order;
	int (*plan)(const struct region *region, struct memmgr_heap_create *c,
		    struct heap_shape *plan);
	void (*books)(const struct memmgr_heap_create *c, struct heap_shape *plan, u32 records);
	int (*init)(struct memmgr_heap *heap, const struct heap_shape *plan,
		    const struct memmgr_heap_create *c, struct engine_refusal *why);
	int (*open)(struct memmgr_heap *heap);
	void (*give_back)(struct memmgr_heap *heap);
	bool (*in_io)(struct memmgr_heap *heap);
	void (*query)(struct memmgr_heap *heap, struct memmgr_heap_query *query);
};

/* All names, for a message. */
extern const char * const heap_kind_names;

/* Does the heap take its memory piece by piece? Slab heaps do; without them it is no question. */
static inline bool heap_grows(const struct memmgr_heap *heap)
{
	return IS_ENABLED(CONFIG_MEMMGR_SLAB) && heap->traits->grows;
}

/* Make the books that a heap needs before its first use. Context: process, may sleep. */
static inline int heap_open(struct memmgr_heap *heap)
{
	return heap->traits->open ? heap->traits->open(heap) : 0;
}

const struct heap_kind *heap_kind(u32 kind);
const char *heap_kind_name(u32 kind);

#endif /* MEMMGR_KINDS_H */
