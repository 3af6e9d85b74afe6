/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Explains why a request is refused, and which moves would help. */
#ifndef MEMMGR_MOVE_EXPLAIN_H
#define MEMMGR_MOVE_EXPLAIN_H

#include <linux/errno.h>
#include <linux/types.h>
#include <uapi/linux/memmgr.h>

struct memmgr_heap;

#if IS_ENABLED(CONFIG_MEMMGR_MOVE)
int compact_explain(struct memmgr_heap *heap, struct memmgr_explain *out);
#else
static inline int compact_explain(struct memmgr_heap *heap, struct memmgr_explain *out)
{
	return -EOPNOTSUPP;
}
#endif

#endif /* MEMMGR_MOVE_EXPLAIN_H */
