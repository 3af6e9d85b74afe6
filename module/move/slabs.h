/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Compaction of slab heaps: moves objects out of the sparsest slabs. */
#ifndef MEMMGR_MOVE_SLABS_H
#define MEMMGR_MOVE_SLABS_H

#include <linux/types.h>
#include <uapi/linux/memmgr.h>

struct memmgr_heap;
struct move_pace;

int compact_slab(struct memmgr_heap *heap, struct memmgr_compact *out,
		 struct move_pace *pace);

#endif /* MEMMGR_MOVE_SLABS_H */
