/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The one seam between the engines and the world: what they use of the kernel.
 * selftests/unit/env.h is its twin for user space, with the same guard.
 */
#ifndef MEMMGR_ENV_H
#define MEMMGR_ENV_H

#include <asm/byteorder.h>
#include <linux/align.h>
#include <linux/bitops.h>
#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/kconfig.h>
#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/types.h>
#include <uapi/linux/memmgr.h>

/* Are the engines' checks of themselves built in? */
#define env_checks	IS_ENABLED(CONFIG_MEMMGR_DEBUG)

/* Index of the lowest and of the highest set bit; @w is not 0. */
static inline u32 env_lowest(u32 w)
{
	return __ffs(w);
}

static inline u32 env_highest(u32 w)
{
	return __fls(w);
}

/* Bits up to the highest that is set; 0 for 0. */
static inline u32 env_width(u32 w)
{
	return fls(w);
}

/* Others may have their turn. Only where an engine is set up, with no lock held. */
static inline void env_pause(void)
{
	cond_resched();
}

/* What has the bytes of @w in memory, the lowest one first. */
static inline u64 env_le64(u64 w)
{
	return (__force u64)cpu_to_le64(w);
}

#endif /* MEMMGR_ENV_H */
