/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Division of multiples by a divisor known in advance, as one multiplication. */
#ifndef MEMMGR_DIVIDE_H
#define MEMMGR_DIVIDE_H

#include "core/env.h"

/**
 * struct divisor - what divide() needs to know of a divisor 2^shift * odd
 * @inverse: inverse of the odd part, modulo 2^32
 * @shift: log2 of the rest
 */
struct divisor {
	u32 inverse;
	u32 shift;
};

/* @by is not 0. */
static inline struct divisor divisor_of(u32 by)
{
	u32 shift = env_lowest(by);
	u32 odd = by >> shift;
	u32 inverse = odd;	/* right in the lowest 3 bits; each step doubles their number */
	u32 right;

	for (right = 3; right < 32; right *= 2)
		inverse *= 2 - odd * inverse;
	return (struct divisor) { .inverse = inverse, .shift = shift };
}

/*
 * @n / by if @n is a multiple, otherwise a number above ~0u / by (Granlund, Montgomery,
 * "Division by invariant integers using multiplication", 1994, section 9). So one test tells
 * whether a number below 2^32 / by is the quotient, and whether there is a rest.
 */
static inline u32 divide(u32 n, struct divisor by)
{
	u32 q = n * by.inverse;

	return q >> by.shift | q << (-by.shift & 31);
}

#endif /* MEMMGR_DIVIDE_H */
