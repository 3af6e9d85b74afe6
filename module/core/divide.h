/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Division by a divisor known in advance, as two multiplications. */
#ifndef MEMMGR_DIVIDE_H
#define MEMMGR_DIVIDE_H

#include "core/env.h"

/* @by is at least 2. */
static inline u64 divide_magic(u32 by)
{
	return div64_u64(~0ull, by) + 1;
}

/*
 * @n / by, exact for every @n: the magic number is too large by less than
 * by / 2^64. For @n below 2^32 this error is too small to change the quotient.
 */
static inline u32 divide(u32 n, u64 magic)
{
	u64 low = (u64)n * (u32)magic >> 32;

	return ((u64)n * (u32)(magic >> 32) + low) >> 32;
}

#endif /* MEMMGR_DIVIDE_H */
