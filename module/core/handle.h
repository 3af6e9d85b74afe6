/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Handles: names of allocations. No handle is ever given out twice.
 *
 * A handle is made of a generation, the index of a record, and the id of a heap, from
 * the highest bits to the lowest. Each new allocation in a record raises the record's
 * generation. The fewer records a heap has, the more bits the generation has: 44 bits
 * with 4,096 records. These last half a year if a million allocations a second all get
 * the same record. A record whose generations are used up gets no allocation any more.
 *
 * All handles of a heap are larger than those of every heap that had its id before.
 */
#ifndef MEMMGR_HANDLE_H
#define MEMMGR_HANDLE_H

#include "core/env.h"

#define HANDLE_HEAP_BITS	8u
#define HANDLE_RECORD_BITS	24u	/* at most */
#define HANDLE_NONE		(~0ull)	/* after the last handle; no heap matches it */

static inline u32 handle_heap(u64 handle)
{
	return handle & ((1u << HANDLE_HEAP_BITS) - 1);
}

/* The index of the record. @bits is the number of index bits of the heap. */
static inline u32 handle_record(u64 handle, u32 bits)
{
	return handle >> HANDLE_HEAP_BITS & ((1u << bits) - 1);
}

/* Number of index bits that @records records need. */
static inline u32 handle_bits(u32 records)
{
	return records > 1 ? env_width(records - 1) : 0;
}

/* The handle of the next allocation in the same record, or HANDLE_NONE. O(1). */
static inline u64 handle_next(u64 handle, u32 bits)
{
	u64 next = handle + (1ull << (HANDLE_HEAP_BITS + bits));

	return next > handle ? next : HANDLE_NONE;
}

/*
 * Can a new heap, with any number of records, have handles above @last? If not, its id
 * is used up.
 */
static inline bool handle_left(u64 last)
{
	return last >> (HANDLE_HEAP_BITS + HANDLE_RECORD_BITS) < ~0u;
}

/* The first handle of a record, above @last. handle_left(@last) is true. Never 0. */
static inline u64 handle_first(u64 last, u32 heap, u32 record, u32 bits)
{
	u32 shift = HANDLE_HEAP_BITS + bits;

	return ((last >> shift) + 1) << shift | record << HANDLE_HEAP_BITS | heap;
}

#endif /* MEMMGR_HANDLE_H */
