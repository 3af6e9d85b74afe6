/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The table of a heap's records. */
#ifndef MEMMGR_HEAP_RECORDS_H
#define MEMMGR_HEAP_RECORDS_H

#include <linux/types.h>

struct heap_shape;
struct memmgr_heap;

u64 records_bytes(const struct heap_shape *plan);
void records_setup(struct memmgr_heap *heap, const struct heap_shape *plan, void *at);
int records_make(struct memmgr_heap *heap);
u64 records_cost(const struct memmgr_heap *heap);
void records_free(struct memmgr_heap *heap);
bool records_wanted(const struct memmgr_heap *heap);

#endif /* MEMMGR_HEAP_RECORDS_H */
