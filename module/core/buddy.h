/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Buddy: blocks of any number of granules, at any power-of-two alignment.
 *
 * Words used here and in buddy.c:
 *
 *	granule		the smallest unit; all numbers count granules
 *	lead		distance of the first granule from the place before it that is
 *			aligned for every request; the arena's address decides it
 *	place		granule + lead. An aligned place is an aligned address. The rows
 *			of bits, and the code that looks for runs in them, count places;
 *			everything that callers see counts granules
 *	level		a row of bits; a bit of level l is a *unit* of 32^l
 *			granules
 *	word		32 neighbouring units of a level
 *	run		free units side by side
 *	order		log2 of the size of an aligned free block; order o is
 *			held at level o / 5
 *	class		order % 5: log2 of the largest aligned run of a word
 *	mix		the number of aligned free blocks of each class in a word,
 *			packed into 32 bits
 *
 * A unit's bit is set if the whole unit is free and the word around it is not: when
 * all 32 units of a word are free, they become one unit of the level above.
 * Merging is therefore implicit, and a block of any size and place is taken or
 * given back by touching at most two words a level.
 *
 * A word that has become one unit keeps all its bits set, even while that unit is
 * handed out; the word is then *stale*. So a word of all ones is free exactly if
 * its unit above is free.
 *
 * One word of level 0 may be *open*: its bits are right, but the levels above and
 * the indices do not count it. Small requests are served from the open word and
 * freed into it without touching anything else. *Settling* the open word brings
 * the levels above and the indices up to date.
 */
#ifndef MEMMGR_BUDDY_H
#define MEMMGR_BUDDY_H

#include "core/bits.h"
#include "core/engine.h"

#define BUDDY_LEVELS		6	/* 32^6 granules at most */
#define BUDDY_CLASSES		5
#define BUDDY_MAX_GRANULES	(1u << 27)	/* 4 GiB in granules of 32 bytes */
#define BUDDY_MIN_SHIFT		5
#define BUDDY_NONE		(~0u)

/* flags of buddy_init() */
#define BUDDY_JOIN	(1u << 0)	/* as a last resort, look for unaligned runs */

struct buddy_level {
	u32 units;
	u32 first;	/* order of a single unit */
	u32 *word;
	u32 *mix;
	struct bits class[BUDDY_CLASSES];	/* words by class */
	u32 count[BUDDY_CLASSES];		/* free blocks by class */
};

/**
 * struct buddy - the engine
 * @e: the common part
 * @shift: log2 of the granule in bytes
 * @granules: number of granules
 * @lead: the place of the first granule; below @granules
 * @end: the place behind the last granule
 * @free: number of free granules
 * @low: lowest @free ever
 * @live: blocks handed out
 * @flags: BUDDY_JOIN
 * @levels: number of levels in use
 * @mask: bit o: some word of level o / 5 has class o % 5
 * @open: the open word, or BUDDY_NONE
 * @waste: granted bytes that no caller asked for
 * @joins: blocks that the slow path found
 * @code: length of the block that starts at a granule, see buddy.c
 * @slack: wasted bytes of the block that starts at a granule
 * @level: the rows of bits
 */
struct buddy {
	struct engine e;
	u32 shift;
	u32 granules;
	u32 lead;
	u32 end;
	u32 free;
	u32 low;
	u32 live;
	u32 flags;
	u32 levels;
	u32 mask;
	u32 open;
	u64 waste;
	u64 joins;
	u8 *code;
	u16 *slack;
	struct buddy_level level[BUDDY_LEVELS];
};

size_t buddy_meta_size(u32 lead, u32 granules);
int buddy_init(struct buddy *b, u32 lead, u32 granules, u32 shift, u32 flags, void *meta);
u32 buddy_take(struct buddy *b, u32 bytes);
int buddy_give(struct buddy *b, u32 g);

#endif /* MEMMGR_BUDDY_H */
