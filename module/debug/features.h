/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Turns the search for memory errors in a heap on and off. */
#ifndef MEMMGR_DEBUG_FEATURES_H
#define MEMMGR_DEBUG_FEATURES_H

#include <linux/types.h>
#include <uapi/linux/memmgr.h>

struct memmgr_heap;

#if IS_ENABLED(CONFIG_MEMMGR_DEBUG)
int heap_debug(struct memmgr_heap *heap, struct memmgr_debug *d);
#else
static inline int heap_debug(struct memmgr_heap *heap, struct memmgr_debug *d)
{
	return -EOPNOTSUPP;
}
#endif

#endif /* MEMMGR_DEBUG_FEATURES_H */
