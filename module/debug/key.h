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

/* heap.debug: the features of struct memmgr_debug under their flags of the ABI, and others. */
#define DEBUG_ZONES	MEMMGR_DEBUG_ZONES
#define DEBUG_POISON	MEMMGR_DEBUG_POISON
#define DEBUG_QUARANTINE MEMMGR_DEBUG_QUARANTINE
#define DEBUG_GUARDS	MEMMGR_DEBUG_GUARDS
#define DEBUG_LATENCY	(1u << 24)	/* calls are timed, see debug/latency.h */
#define DEBUG_INJECT	(1u << 25)	/* requests fail on purpose, see debug/inject.h */
#define DEBUG_TRACK	(1u << 26)	/* blocks are tracked, see debug/track.h */
#define DEBUG_ZONED	(1u << 27)	/* kernel code may have blocks with red zones */

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
