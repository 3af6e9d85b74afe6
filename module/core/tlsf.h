/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Two-level segregated fit: blocks of any number of granules, at any power-of-two
 * alignment, each operation in constant time. Each free run is one block.
 *
 * Words used here and in tlsf.c:
 *
 *	granule		the smallest unit; all numbers count granules
 *	lead, place	as in buddy.h: an aligned place is an aligned address
 *	run		free granules side by side, as many as there are
 *	piece		a run or a block
 *	class		runs of nearly equal length: of exactly 1 .. 31 granules, then 16
 *			classes for each power of two
 *	row		16 classes side by side
 *	short		a run of less than TLSF_SMALL granules, which has no room for links
 *	group		32 granules, and the word of bits that stands for them
 */
#ifndef MEMMGR_TLSF_H
#define MEMMGR_TLSF_H

#include "core/bits.h"
#include "core/engine.h"

#define TLSF_MAX_GRANULES	(1u << 27)
#define TLSF_MIN_SHIFT		4
#define TLSF_MAX_SHIFT		16
#define TLSF_NONE		(~0u)

/* flags of tlsf_init() */
#define TLSF_SEARCH	(1u << 0)	/* as a last resort, look for a run by address */

#define TLSF_ROW_BITS	4
#define TLSF_ROW	(1u << TLSF_ROW_BITS)
#define TLSF_ROWS	(27u - TLSF_ROW_BITS + 2)	/* of TLSF_MAX_GRANULES */
#define TLSF_EXACT	(2u * TLSF_ROW)		/* below it, a class is one length */
#define TLSF_SMALL	8u

/**
 * struct tlsf - the engine
 * @e: the common part
 * @shift: log2 of the granule in bytes
 * @granules: number of granules
 * @lead: the place of the first granule; below @granules
 * @free: number of free granules
 * @low: lowest @free ever
 * @live: blocks handed out
 * @flags: TLSF_SEARCH
 * @waste: granted bytes that no caller asked for
 * @joins: blocks that the slow search found
 * @rows: bit r: row r has a run
 * @row: bit c of row[r]: class c of row r has a run
 * @start: bit g: a piece starts at granule g. Behind the last granule one does too
 * @edge: bit g: granule g is the first or the last of a run
 * @shorts: by group: how many short runs of each length start in it, see tlsf.c
 * @small: groups in which runs of 1, 2, ... granules start
 * @head: first run of each class of TLSF_SMALL granules and more, row by row
 * @runs: number of runs of each class
 * @sum: granules of all runs of a class, from class TLSF_EXACT on
 * @byte: a byte for each granule, see tlsf.c
 * @over: the rest of the waste of a block by its first granule, if a byte is too small for
 *	it; NULL: it is not
 */
struct tlsf {
	struct engine e;
	u32 shift;
	u32 granules;
	u32 lead;
	u32 free;
	u32 low;
	u32 live;
	u32 flags;
	u64 waste;
	u64 joins;
	u32 rows;
	u16 row[TLSF_ROWS];
	u32 *start;
	u32 *edge;
	u32 *shorts;
	struct bits small[TLSF_SMALL - 1];
	u32 *head;
	u32 *runs;
	u32 *sum;
	u8 *byte;
	u16 *over;
};

size_t tlsf_meta_size(u32 granules, u32 shift);
int tlsf_init(struct tlsf *t, u32 lead, u32 granules, u32 shift, u32 flags, void *meta);
u32 tlsf_take(struct tlsf *t, u32 bytes);
int tlsf_give(struct tlsf *t, u32 g);

#endif /* MEMMGR_TLSF_H */
