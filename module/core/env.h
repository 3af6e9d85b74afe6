/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * All that the engines use of the kernel: the one seam between them and the world.
 * selftests/unit/env.h replaces this file in user space, under the same guard.
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

/* Are the engines' self-checks built in? */
#define env_checks	IS_ENABLED(CONFIG_MEMMGR_DEBUG)

/* Do blocks ever move? */
#define env_moves	IS_ENABLED(CONFIG_MEMMGR_MOVE)

/* Index of the lowest set bit; @w is not 0. env_highest(): of the highest set bit. */
static inline u32 env_lowest(u32 w)
{
	return __ffs(w);
}

static inline u32 env_highest(u32 w)
{
	return __fls(w);
}

/* Number of bits up to the highest set bit; 0 for 0. */
static inline u32 env_width(u32 w)
{
#ifdef CONFIG_ARM
	/* Here the instruction is right for 0 as well, which no builtin tells the compiler. */
	if (!__builtin_constant_p(w)) {
		u32 zeros;

		asm("clz %0, %1" : "=r" (zeros) : "r" (w));
		return 32 - zeros;
	}
#endif
	return fls(w);
}

/*
 * Begins a rare branch. Otherwise the compiler may turn it into conditional instructions,
 * which a CPU passes over one by one each time.
 */
static __always_inline void env_rarely(void)
{
	barrier();
}

/* Let other tasks run. Called only while an engine is set up, with no lock held. */
static inline void env_pause(void)
{
	cond_resched();
}

/* A number whose bytes in memory are those of @w, the lowest one first. */
static inline u64 env_le64(u64 w)
{
	return (__force u64)cpu_to_le64(w);
}

#endif /* MEMMGR_ENV_H */
