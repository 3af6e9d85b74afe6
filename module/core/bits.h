/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * A set of small integers that finds its smallest member at once.
 *
 * The set is a tree of 32-bit words. Level 0 has one bit for each possible member;
 * each level above has one bit for each non-zero word below. Inserting, removing
 * and finding the first member touch at most one word a level: log32(size) steps,
 * 4 for a million members.
 */
#ifndef MEMMGR_BITS_H
#define MEMMGR_BITS_H

#include "core/env.h"

#define BITS_LEVELS	5	/* 32^5 members at most */

struct bits {
	u32 *level[BITS_LEVELS];
	u32 depth;
};

static inline u32 bits_words(u32 bits)
{
	return (bits >> 5) + !!(bits & 31);
}

/* Number of words that a set of @size possible members needs. */
static inline u32 bits_size(u32 size)
{
	u32 words = 0;

	do {
		size = bits_words(size);
		words += size;
	} while (size > 1);
	return words;
}

/* @words: bits_size(size) words of zeros. Returns the first word behind the set. */
static inline u32 *bits_init(struct bits *b, u32 size, u32 *words)
{
	b->depth = 0;
	do {
		size = bits_words(size);
		b->level[b->depth++] = words;
		words += size;
	} while (size > 1);
	return words;
}

static inline void bits_set(struct bits *b, u32 i)
{
	u32 depth = b->depth;
	u32 l;

	for (l = 0; l < depth; l++) {
		u32 *word = &b->level[l][i >> 5];
		u32 old = *word;

		*word = old | 1u << (i & 31);
		if (old)
			return;
		i >>= 5;
	}
}

/* Returns true when the set is empty afterwards. */
static inline bool bits_clear(struct bits *b, u32 i)
{
	u32 depth = b->depth;
	u32 l;

	for (l = 0; l < depth; l++) {
		u32 *word = &b->level[l][i >> 5];
		u32 left = *word & ~(1u << (i & 31));

		*word = left;
		if (left)
			return false;
		i >>= 5;
	}
	return true;
}

static inline bool bits_test(const struct bits *b, u32 i)
{
	return b->level[0][i >> 5] >> (i & 31) & 1;
}

static inline bool bits_empty(const struct bits *b)
{
	return !b->level[b->depth - 1][0];
}

/* The smallest member; the set is not empty. */
static inline u32 bits_first(const struct bits *b)
{
	u32 l = b->depth;
	u32 i = 0;

	while (l--)
		i = i << 5 | env_lowest(b->level[l][i]);
	return i;
}

/*
 * Check the part of two invariants that depends on member @i: no member is @size or
 * more, and each level agrees with the level below. A loop over 0 <= @i < @size
 * checks the whole set. O(levels).
 */
static inline bool bits_check_at(const struct bits *b, u32 size, u32 i)
{
	u32 l;

	for (l = 0; l < b->depth && !(i & 31); l++) {
		u32 words = bits_words(size);
		u32 w = b->level[l][i >> 5];

		if (size & 31 && i >> 5 == words - 1 && w >> (size & 31))
			return false;
		i >>= 5;
		if (l + 1 < b->depth &&
		    (b->level[l + 1][i >> 5] >> (i & 31) & 1) != !!w)
			return false;
		size = words;
	}
	return true;
}

#endif /* MEMMGR_BITS_H */
