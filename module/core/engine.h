/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What an engine is, and the contract that all four honour.
 *
 * An engine hands out blocks of a range of offsets that starts at 0. It keeps
 * all its state in memory that the caller gave it at init, outside the range,
 * and never looks into the range: that may be mapped to users, written by
 * devices or out of the CPU's reach. It takes no lock and calls nothing but
 * what env.h offers; the caller serialises.
 *
 * Errors, the same in all engines:
 *
 *	-EINVAL	size 0, or an alignment that is not a power of two
 *	-ENOMEM	cannot be served; struct engine_refusal says why
 *	-ENOENT	free, resize: no live block starts at this offset
 *	-EACCES	free, resize: the block has a record and the caller none, or
 *		the other way round
 *	-EBUSY	free, resize: stack only, a live block but not the top one
 *
 * A refused call changes nothing. Bad input never crashes an engine.
 */
#ifndef MEMMGR_ENGINE_H
#define MEMMGR_ENGINE_H

#include "env.h"

struct engine;

/**
 * struct engine_request - what is asked for
 * @bytes: size
 * @align: power of two; 0 or 1 for the engine's own alignment
 * @recorded: the caller keeps a record of the block; only a caller with the
 *	same answer may free it, so that kernel code cannot free what a user
 *	holds, nor a user what kernel code holds
 */
struct engine_request {
	u64 bytes;
	u64 align;
	bool recorded;
};

/**
 * struct engine_block - a block, or a free run met on a walk
 * @offset: first byte
 * @granted: bytes that it occupies
 * @requested: bytes that were asked for
 * @used: it is handed out
 * @recorded: as in the request
 */
struct engine_block {
	u64 offset;
	u64 granted;
	u64 requested;
	bool used;
	bool recorded;
};

/**
 * struct engine_refusal - why -ENOMEM
 * @reason: enum memmgr_reason
 * @largest: largest size that would have worked with this alignment
 */
struct engine_refusal {
	u32 reason;
	u64 largest;
};

/**
 * struct engine_fault - where check() found the first broken invariant
 * @what: the invariant; NULL when all hold
 * @offset: where
 * @checked: blocks seen
 */
struct engine_fault {
	const char *what;
	u64 offset;
	u32 checked;
};

/**
 * struct engine_books - the running figures of an engine
 * @live: blocks handed out now
 * @total: bytes that can be handed out
 * @used: bytes granted
 * @peak: highest @used ever
 * @requested: bytes asked for by what lives now
 * @allocs: blocks handed out ever
 * @joins: of those, found by joining neighbours (buddy)
 * @classes: @allocs by size class of the request
 */
struct engine_books {
	u32 live;
	u64 total;
	u64 used;
	u64 peak;
	u64 requested;
	u64 allocs;
	u64 joins;
	u64 classes[MEMMGR_CLASSES];
};

/**
 * struct engine_frag - the free memory of an engine by orders
 * @orders: entries of @blocks that can ever be non-zero
 * @unit: bytes of order 0
 * @free: free bytes
 * @largest: bytes that one request would get now
 * @used: bytes granted
 * @requested: bytes asked for by what lives now
 * @uniform: every free unit serves every request: nothing to fragment
 * @blocks: free blocks of exactly that order
 * @aligned: units of the longest run known that starts at a multiple of 2^o units
 */
struct engine_frag {
	u32 orders;
	u64 unit;
	u64 free;
	u64 largest;
	u64 used;
	u64 requested;
	bool uniform;
	u32 blocks[MEMMGR_ORDERS];
	u32 aligned[MEMMGR_ORDERS];
};

/**
 * struct engine_ops - one table an engine
 * @name: of the kind
 * @alloc: hand out a block
 * @free: take it back; tells what it was
 * @resize: change its size where it stands; @refusal is filled on -ENOMEM
 * @find: the live block that starts at an offset: -ENOENT when none does
 * @next: the block or free run at *pos; moves *pos behind it; false at the end
 * @check: verify every invariant by a full walk; NULL when left out (env_checks)
 * @books: the running figures
 * @frag: free memory by orders
 */
struct engine_ops {
	const char *name;
	int (*alloc)(struct engine *e, const struct engine_request *rq,
		     struct engine_block *block, struct engine_refusal *why);
	int (*free)(struct engine *e, u64 offset, bool recorded,
		    struct engine_block *block);
	int (*resize)(struct engine *e, u64 offset,
		      const struct engine_request *rq,
		      struct engine_block *block, struct engine_refusal *why);
	int (*find)(struct engine *e, u64 offset, struct engine_block *block);
	bool (*next)(struct engine *e, u64 *pos, struct engine_block *block);
	bool (*check)(struct engine *e, struct engine_fault *fault);
	void (*books)(struct engine *e, struct engine_books *books);
	void (*frag)(struct engine *e, struct engine_frag *frag);
};

/**
 * struct engine_count - a number that only grows
 * @low: lower half
 * @high: upper half: on a 32-bit CPU a fast path needs not load it
 */
struct engine_count {
	u32 low;
	u32 high;
};

/**
 * struct engine - first member of every engine
 * @ops: its table
 * @allocs: pool, slab: blocks handed out ever
 * @classes: the same by size class; pool, slab: only those that were asked for
 *	less than an object
 */
struct engine {
	const struct engine_ops *ops;
	u64 allocs;
	struct engine_count classes[MEMMGR_CLASSES];
};

/* Size class of a request: c holds 2^(c-1)+1 .. 2^c bytes. @bytes is not 0. */
static inline u32 engine_class(u64 bytes)
{
	u64 n = bytes - 1;

	return n >> 32 ? MEMMGR_CLASSES - 1 : env_width(n);
}

/* Every 2^32 allocations; a function, so that the others pay for one branch. */
static noinline void __maybe_unused engine_carry(struct engine *e, u32 class)
{
	e->classes[class].high++;
}

static inline void engine_count(struct engine *e, u32 class)
{
	if (unlikely(!++e->classes[class].low))
		engine_carry(e, class);
}

/* Fills the classes of @books and returns their sum. */
static inline u64 engine_counts(const struct engine *e, struct engine_books *books)
{
	u64 sum = 0;
	u32 c;

	for (c = 0; c < MEMMGR_CLASSES; c++) {
		books->classes[c] = (u64)e->classes[c].high << 32 | e->classes[c].low;
		sum += books->classes[c];
	}
	return sum;
}

static inline bool engine_align_ok(u64 align)
{
	return !(align & (align - 1)) || !align;
}

static inline int engine_refuse(struct engine_refusal *why, u32 reason,
				u64 largest)
{
	why->reason = reason;
	why->largest = largest;
	return -ENOMEM;
}

static inline bool engine_broken(struct engine_fault *fault, const char *what,
				 u64 offset)
{
	fault->what = what;
	fault->offset = offset;
	return false;
}

#endif /* MEMMGR_ENGINE_H */
