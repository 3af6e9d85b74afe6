/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The features that a heap is watched for. When no heap is watched or traced, they cost
 * drivers one branch, which is patched out. Without CONFIG_MEMMGR_DEBUG they cost nothing.
 */
#ifndef MEMMGR_DEBUG_H
#define MEMMGR_DEBUG_H

#include <linux/types.h>
#include <linux/gfp.h>
#include <linux/fault-inject.h>	/* after the others, because it includes nothing */
#include <linux/jump_label.h>
#include <uapi/linux/memmgr.h>

#include "base/key.h"

struct memmgr_heap;

/* heap.debug */
#define DEBUG_LATENCY	(1u << 0)	/* calls are timed, see debug/latency.h */
#define DEBUG_INJECT	(1u << 1)	/* requests fail on purpose, see debug/inject.h */
#define DEBUG_TRACK	(1u << 2)	/* debug/track.c */
#define DEBUG_ZONES	(1u << 3)	/* new allocations get red zones, see debug/zones.c */
#define DEBUG_POISON	(1u << 4)	/* freed memory is filled, see debug/quarantine.c */
#define DEBUG_QUARANTINE (1u << 5)	/* freed memory is kept for a while */
#define DEBUG_GUARDS	(1u << 6)	/* some allocations end at an unmapped page */
#define DEBUG_ZONED	(1u << 7)	/* kernel code may have blocks with red zones */

/* Any search for errors: frees and uses of memory that is not the caller's are reported. */
#define DEBUG_ERRORS	(DEBUG_ZONES | DEBUG_POISON | DEBUG_QUARANTINE | DEBUG_GUARDS)

#if IS_ENABLED(CONFIG_MEMMGR_DEBUG)
#ifdef CONFIG_FAULT_INJECTION
extern struct fault_attr fail_memmgr;	/* the kernel's own fault injection */

static __always_inline bool debug_fails_requests(void)
{
	return READ_ONCE(fail_memmgr.probability);
}
#else
static __always_inline bool debug_fails_requests(void)
{
	return false;
}
#endif

static __always_inline bool debug_is_on(void)
{
	return static_branch_unlikely(&debug_key) || debug_fails_requests();
}

void debug_set(struct memmgr_heap *heap, u32 set, u32 clear);
void debug_who(u32 *pid, u32 *tid, char comm[MEMMGR_COMM_LEN]);
#else
static __always_inline bool debug_is_on(void)
{
	return false;
}

static inline void debug_set(struct memmgr_heap *heap, u32 set, u32 clear)
{
}
#endif

#endif /* MEMMGR_DEBUG_H */
