/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Handles: names of allocations, of which none is ever given twice.
 *
 * A handle is a generation, above the index of a record, above the id of a heap. The
 * generation of a record goes up with each allocation that it stands for; the fewer
 * records a heap has, the more bits are left for it: 44 with 4,096 records, which last
 * half a year of a million allocations a second that all get the same record. A record
 * whose generations are used up stands for no allocation any more.
 *
 * All handles of a heap are larger than those of every heap that had its id before.
 */
#ifndef MEMMGR_HANDLE_H
#define MEMMGR_HANDLE_H

#include "core/env.h"

#define HANDLE_HEAP_BITS	8u
#define HANDLE_RECORD_BITS	24u	/* at most */
#define HANDLE_NONE		(~0ull)	/* after the last one: names no heap that there is */

static inline u32 handle_heap(u64 handle)
{
	return handle & ((1u << HANDLE_HEAP_BITS) - 1);
}

/* The index of the record; @bits: of the indices of its heap. */
static inline u32 handle_record(u64 handle, u32 bits)
{
	return handle >> HANDLE_HEAP_BITS & ((1u << bits) - 1);
}

/* Bits for the indices of @records records. */
static inline u32 handle_bits(u32 records)
{
	return records > 1 ? env_width(records - 1) : 0;
}

/* The handle of the record's next allocation, or HANDLE_NONE. O(1). */
static inline u64 handle_next(u64 handle, u32 bits)
{
	u64 next = handle + (1ull << (HANDLE_HEAP_BITS + bits));

	return next > handle ? next : HANDLE_NONE;
}

/*
 * Can a heap with any number of records have handles above @last? As long as not, its id
 * is used up.
 */
static inline bool handle_left(u64 last)
{
	return last >> (HANDLE_HEAP_BITS + HANDLE_RECORD_BITS) < ~0u;
}

/* A record's first handle, above @last, for which handle_left() holds. Never 0. */
static inline u64 handle_first(u64 last, u32 heap, u32 record, u32 bits)
{
	u32 shift = HANDLE_HEAP_BITS + bits;

	return ((last >> shift) + 1) << shift | record << HANDLE_HEAP_BITS | heap;
}

#endif /* MEMMGR_HANDLE_H */
