/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Checks the configuration of a heap, and plans its layout and its cost. */
#ifndef MEMMGR_HEAP_SHAPE_H
#define MEMMGR_HEAP_SHAPE_H

#include <linux/types.h>
#include <uapi/linux/memmgr.h>

#include "core/slab.h"

struct client;
struct region;

/**
 * struct heap_shape - the plan for a configuration
 * @bytes: size of the arena; slab: the limit
 * @held: bytes of the region that the heap has from the start; slabs of whole pages: once
 *	its records are used up
 * @align: alignment of every block
 * @granule: buddy: log2 of the granule
 * @records: size of the record table
 * @grows: the records are made as they are used
 * @late: the records are made when a program first allocates, and the books of slabs when
 *	the heap is first used
 * @usual: size of the record table, unless the configuration or the cost limits it
 * @most: largest number of records that could ever be in use
 * @small: objects have at most 16 bytes
 * @meta: bytes of the engine's state
 * @books: bytes of all tables of the heap outside of struct memmgr_heap
 * @layout: slab: layout of the slabs
 */
struct heap_shape {
	u64 bytes;
	u64 held;
	u64 align;
	u32 granule;
	u32 records;
	bool grows;
	bool late;
	u32 usual;
	u32 most;
	bool small;
	u64 meta;
	u64 books;
	struct slab_layout layout;
};

u32 heap_config_fields(const struct memmgr_heap_create *config, u32 *missing);
int config_check(const struct memmgr_heap_create *c);
void plan_books(const struct memmgr_heap_create *c, struct heap_shape *plan, u32 records);
int shape_of(const struct region *region, const struct client *client,
	     struct memmgr_heap_create *c, struct heap_shape *plan);

#endif /* MEMMGR_HEAP_SHAPE_H */
