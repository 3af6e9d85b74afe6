/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The seam between the engines and the world, in user space: the twin of
 * module/core/env.h, with the same guard. It is forced in front of every file of
 * the core, so that an engine's own #include "core/env.h" finds nothing left to do.
 * selftests/unit/env.h adds what only tests want.
 */
#ifndef MEMMGR_ENV_H
#define MEMMGR_ENV_H

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <linux/memmgr.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;

#define noinline	__attribute__((noinline))
#define __maybe_unused	__attribute__((unused))
#define __packed	__attribute__((packed))
#define __visible
#define likely(x)	__builtin_expect(!!(x), 1)
#define unlikely(x)	__builtin_expect(!!(x), 0)

#define ALIGN(x, a)	(((x) + ((__typeof__(x))(a) - 1)) & \
			 ~((__typeof__(x))(a) - 1))

#define min_t(type, x, y) ({			\
	type min_x = (x), min_y = (y);		\
	min_x < min_y ? min_x : min_y; })
#define max_t(type, x, y) ({			\
	type max_x = (x), max_y = (y);		\
	max_x > max_y ? max_x : max_y; })
#define min(x, y)	min_t(__typeof__((x) + 0), x, y)
#define max(x, y)	max_t(__typeof__((x) + 0), x, y)

#define container_of(ptr, type, member) \
	((type *)((char *)(ptr) - offsetof(type, member)))

static inline u64 div64_u64(u64 dividend, u64 divisor)
{
	return dividend / divisor;
}

static inline void env_rarely(void)
{
}

/* Index of the lowest and of the highest set bit; @w is not 0. */
static inline u32 env_lowest(u32 w)
{
	assert(w);
	return __builtin_ctz(w);
}

static inline u32 env_highest(u32 w)
{
	assert(w);
	return 31 - __builtin_clz(w);
}

static inline u32 env_width(u32 w)
{
	return w ? env_highest(w) + 1 : 0;
}

/* The engines' checks of themselves are for tests. */
#ifndef env_moves
#define env_moves 0
#endif
#ifndef env_checks
#define env_checks	0
#endif

/* Nobody waits. */
static inline void env_pause(void)
{
}

/* A word with the bytes of @w in memory, the lowest one first. */
static inline u64 env_le64(u64 w)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	w = __builtin_bswap64(w);
#endif
	return w;
}

#endif /* MEMMGR_ENV_H */
