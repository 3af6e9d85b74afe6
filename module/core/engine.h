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

#include "core/env.h"

struct engine;

/**
 * struct engine_search - how far a slow search for memory has come
 * @at: where it goes on; the engine's own unit
 * @longest: the longest run so far that would serve the alignment
 * @any: the same at any alignment
 * @done: it has seen everything
 * @torn: something has changed since the first step: what it saw may be gone, and what
 *	is there now it may not have seen
 * @mark: engine_mark() at the last step
 *
 * All 0 at first. What is free during the whole of the search is seen, whatever else
 * changes between two steps.
 */
struct engine_search {
	u32 at;
	u32 longest;
	u32 any;
	bool done;
	bool torn;
	u32 mark;
};

/**
 * struct engine_request - what is asked for
 * @bytes: size
 * @align: power of two; 0 or 1 for the engine's own alignment
 * @recorded: the caller keeps a record of the block; only a caller with the
 *	same answer may free it, so that kernel code cannot free what a user
 *	holds, nor a user what kernel code holds
 * @search: of this request; NULL: what no index shows is not looked for
 */
struct engine_request {
	u64 bytes;
	u64 align;
	bool recorded;
	struct engine_search *search;
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
 * @exact: no size above @largest would have worked
 * @largest: largest size that is known to have worked with this alignment
 */
struct engine_refusal {
	u32 reason;
	bool exact;
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
 * struct engine_check - how far a check has come; all 0 at first
 * @fault: the first broken invariant
 * @mark: engine_mark() at the last step
 * @begun: there was a step
 * @changed: something has changed since the last step
 * @torn: something has changed since the first one: sums say nothing
 * @phase: what the engine looks at, its own number
 * @at: where in that it goes on, its own unit
 * @inner: how much of what begins there was looked at
 * @n: sums of the engine
 * @sum: the same
 */
struct engine_check {
	struct engine_fault fault;
	u32 mark;
	bool begun;
	bool changed;
	bool torn;
	u32 phase;
	u32 at;
	u32 inner;
	u32 n[8];
	u64 sum[3];
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
 * @alloc: hand out a block; -EAGAIN: the search that the request brings along has not
 *	come to its end, and goes on at the next call
 * @free: take it back; tells what it was
 * @resize: change its size where it stands; @refusal is filled on -ENOMEM
 * @find: the live block that starts at an offset: -ENOENT when none does
 * @next: the block or free run at *pos; moves *pos behind it; false at the end. One of
 *	0 bytes: there was neither in as much as a call looks at
 * @check: verify every invariant, a step of a walk, which looks at @budget units; false
 *	at its end, or when one is broken. See engine_check(); NULL when left out
 *	(env_checks)
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
	bool (*check)(struct engine *e, struct engine_check *c, u32 budget);
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
 * @changes: that neither blocks handed out nor the number of live ones tell
 * @allocs: pool, slab: blocks handed out ever
 * @classes: the same by size class; pool, slab: only those that were asked for
 *	less than an object
 */
struct engine {
	const struct engine_ops *ops;
	u32 changes;
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
	*why = (struct engine_refusal) {
		.reason = reason,
		.exact = true,
		.largest = largest,
	};
	return -ENOMEM;
}

static inline bool engine_broken(struct engine_fault *fault, const char *what,
				 u64 offset)
{
	fault->what = what;
	fault->offset = offset;
	return false;
}

/* A number that grows, modulo 2^32, with whatever changes in an engine. O(classes) */
static inline u32 engine_mark(struct engine *e)
{
	struct engine_books books;

	/* Each block that comes adds 1, as does each that goes; what moves is a change. */
	e->ops->books(e, &books);
	return 2 * (u32)books.allocs - books.live + 4 * e->changes;
}

/**
 * engine_check - take a step of a check
 * @e: the engine
 * @c: how far it has come
 * @budget: units to look at, each at most some 100 instructions
 *
 * The engine may change between two steps. What belongs together is looked at in one
 * step; sums are compared unless @c->torn.
 *
 * Context: any; the caller serialises. O(budget + classes).
 * Return: false at the end, and when something is broken: @c->fault.what tells.
 */
static inline bool engine_check(struct engine *e, struct engine_check *c, u32 budget)
{
	u32 mark = engine_mark(e);
	bool more;

	c->changed = c->begun && mark != c->mark;
	c->torn |= c->changed;
	c->begun = true;
	more = e->ops->check(e, c, budget);
	c->mark = mark;
	return more && !c->fault.what;
}

#endif /* MEMMGR_ENGINE_H */
