/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The contract of an engine, which all engines honour.
 *
 * An engine hands out blocks from a range of offsets that starts at 0. It keeps
 * its whole state in memory that the caller supplied at init, outside the range.
 * It never reads or writes the range, because the range may be mapped to users,
 * written by devices, or not reachable by the CPU. An engine takes no lock and
 * calls only what env.h offers. The caller serialises all calls.
 *
 * All engines return the same errors:
 *
 *	-EINVAL	size 0, or an alignment that is not a power of two
 *	-ENOMEM	cannot be served; struct engine_refusal holds the reason
 *	-EAGAIN	alloc with a search: one step did not finish; call again
 *	-ENOENT	free, resize: no live block starts at this offset
 *	-EACCES	free, resize: the block has a record and the caller has none, or
 *		the other way round
 *	-EBUSY	free, resize: stack only, a live block but not the top one
 *
 * A refused call changes no block. Bad input never crashes an engine.
 */
#ifndef MEMMGR_ENGINE_H
#define MEMMGR_ENGINE_H

#include "core/env.h"

struct engine;

/**
 * struct engine_search - progress of a slow search for memory
 * @at: position at which the next step starts, in the engine's own unit
 * @longest: longest run seen so far, counted from its first aligned unit
 * @any: longest run seen so far, at any alignment
 * @done: the search has reached the end of the range
 * @torn: the engine has changed since the first step. So a run that was seen may be
 *	gone, and a run that is free now may have been missed
 * @mark: engine_mark() at the last step
 *
 * Starts as all zeros. The search sees every run that stays free during all of its
 * steps, whatever else changes between them.
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
 * struct engine_request - one request for memory
 * @bytes: size
 * @align: power of two; 0 or 1 for the engine's own alignment
 * @recorded: the caller keeps a record of the block. Only a caller with the same
 *	value may free the block, so that kernel code cannot free a user's block,
 *	nor a user a block of kernel code
 * @search: progress of this request's slow search. If NULL, the engine gives out
 *	only memory that its indices show, and does not search
 */
struct engine_request {
	u64 bytes;
	u64 align;
	bool recorded;
	struct engine_search *search;
};

/**
 * struct engine_block - a block, or a free run found by a walk
 * @offset: first byte
 * @granted: bytes that it occupies
 * @requested: bytes that the caller asked for
 * @used: true for a block, false for a free run
 * @recorded: as in struct engine_request
 */
struct engine_block {
	u64 offset;
	u64 granted;
	u64 requested;
	bool used;
	bool recorded;
};

/**
 * struct engine_refusal - the reason for -ENOMEM
 * @reason: enum memmgr_reason
 * @exact: no size above @largest would have succeeded
 * @largest: largest size known to succeed with this alignment
 */
struct engine_refusal {
	u32 reason;
	bool exact;
	u64 largest;
};

/**
 * struct engine_fault - the first broken invariant that check() found
 * @what: the invariant; NULL when all hold
 * @offset: place of the fault
 * @checked: blocks checked so far
 */
struct engine_fault {
	const char *what;
	u64 offset;
	u32 checked;
};

/**
 * struct engine_check - progress of a check; starts as all zeros
 * @fault: the first broken invariant
 * @mark: engine_mark() at the last step
 * @begun: at least one step has been taken
 * @changed: the engine has changed since the last step
 * @torn: the engine has changed since the first step, so sums cannot be compared
 * @phase: part of the check that runs now, numbered by the engine
 * @at: position in that part, in the engine's own unit
 * @inner: units already checked of the piece that begins at @at
 * @n: sums of the engine
 * @sum: more sums of the engine
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
 * @requested: bytes that the callers of all live blocks asked for
 * @allocs: blocks handed out ever
 * @joins: part of @allocs that was found by joining neighbours (buddy)
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
 * @orders: number of entries of @blocks that can ever be non-zero
 * @unit: bytes of order 0
 * @free: free bytes
 * @largest: bytes that one request can get now
 * @used: bytes granted
 * @requested: bytes that the callers of all live blocks asked for
 * @uniform: every free unit serves every request, so nothing can fragment
 * @blocks: free blocks of exactly this order; it and @aligned have @orders entries
 * @aligned: units of the longest known run that starts at a multiple of 2^o units
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
 * struct engine_moves - how blocks of granules move; for engines whose blocks have any length
 * @picture: describe @n granules from @g on in cells of core/plan.h; all blocks are shown as
 *	fixed. A picture is taken from granule 0 on: if @g is not 0, the cell before @cell[0]
 *	describes the granule before @g. O(@n)
 * @take_at: take @n granules at @g as the new place of a block that moves and wastes @slack
 *	bytes. The new block has a record, because every block that moves has one. It counts as
 *	live, but not as an allocation. -EBUSY: not all of the granules are free. -EAGAIN: one
 *	step did not finish; call again with the same search, which starts as all zeros
 * @left: free the old or the new block of a move, whichever goes; a live block starts at @g
 * @slack: bytes that the live block at @g wastes
 * @slide: extend the block at @g by the free granules before it, so that it starts at @to.
 *	-EBUSY: not all of them are free
 * @slid: end a slide: of the block that starts at @g since slide(), @n granules from @keep on
 *	stay, the others become free. @keep is @g, or the old start to call the slide off
 * @sure: replace length and alignment of a request by those of a free run that serves it
 *	without a search, whatever else is free
 */
struct engine_moves {
	void (*picture)(struct engine *e, u32 g, u32 n, u8 *cell);
	int (*take_at)(struct engine *e, u32 g, u32 n, u32 slack, struct engine_search *search);
	void (*left)(struct engine *e, u32 g);
	u32 (*slack)(const struct engine *e, u32 g);
	int (*slide)(struct engine *e, u32 g, u32 to);
	void (*slid)(struct engine *e, u32 g, u32 keep, u32 n);
	void (*sure)(const struct engine *e, u32 *n, u32 *align);
};

/**
 * struct engine_ops - the functions of one kind of engine
 * @name: name of the kind
 * @alloc: hand out a block. -EAGAIN means that the search of the request has not
 *	finished; the next call continues it
 * @free: take a block back, and describe it in @block
 * @resize: change the size of a block in place; @why is filled on -ENOMEM
 * @find: describe the live block that starts at an offset; -ENOENT if there is none
 * @next: describe the block or free run at *pos and move *pos behind it; false at the
 *	end. A description of 0 bytes means that this call found neither within the
 *	number of units that one call may look at
 * @check: verify the invariants, in steps of @budget units; false at the end, or when
 *	an invariant is broken. See engine_check(). NULL when checks are not built in
 *	(env_checks)
 * @books: the running figures
 * @frag: free memory by orders
 * @moves: how blocks move; NULL: they do not, or not by granules
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
	const struct engine_moves *moves;
};

/**
 * struct engine_count - a 64-bit counter that only grows
 * @low: lower half
 * @high: upper half, apart so that a fast path on a 32-bit CPU need not load it
 */
struct engine_count {
	u32 low;
	u32 high;
};

/**
 * struct engine - first member of every engine
 * @allocs: pool, slab: blocks handed out ever
 * @ops: functions of its kind
 * @changes: counts changes that alter neither the number of allocations nor of live blocks
 * @classes: blocks handed out ever by size class; pool and slab count here only
 *	requests for less than a whole object
 */
struct engine {
	struct engine_count allocs;
	const struct engine_ops *ops;
	u32 changes;
	struct engine_count classes[MEMMGR_CLASSES];
};

/* A search begins anew. Its members one by one, because that takes no call. */
static inline void engine_search_begin(struct engine_search *search)
{
	search->at = 0;
	search->longest = 0;
	search->any = 0;
	search->done = false;
	search->torn = false;
	search->mark = 0;
}

/* Size class of a request. Class c holds 2^(c-1)+1 .. 2^c bytes. @bytes is not 0. */
static inline u32 engine_class(u64 bytes)
{
	u64 n = bytes - 1;

	return n >> 32 ? MEMMGR_CLASSES - 1 : env_width(n);
}

static inline void count_add(struct engine_count *count, u32 n)
{
	u32 low = count->low + n;

	if (unlikely(low < n)) {
		env_rarely();
		count->high++;
	}
	count->low = low;
}

/* Take back one count that count_add() added. */
static inline void count_take_back(struct engine_count *count)
{
	if (!count->low--)
		count->high--;
}

static inline u64 count_of(const struct engine_count *count)
{
	return (u64)count->high << 32 | count->low;
}

static inline void engine_count(struct engine *e, u32 class)
{
	count_add(&e->classes[class], 1);
}

/* Fills the classes of @books and returns their sum. */
static inline u64 engine_counts(const struct engine *e, struct engine_books *books)
{
	u64 sum = 0;
	u32 c;

	for (c = 0; c < MEMMGR_CLASSES; c++) {
		books->classes[c] = count_of(&e->classes[c]);
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

/* A number that grows, modulo 2^32, with every change of an engine. O(classes) */
static inline u32 engine_mark(struct engine *e)
{
	struct engine_books books;

	/* A block that comes or goes adds 1 each; any other change is in @changes. */
	e->ops->books(e, &books);
	return 2 * (u32)books.allocs - books.live + 4 * e->changes;
}

/**
 * engine_check - take one step of a check
 * @e: the engine
 * @c: progress of the check
 * @budget: units to look at, each at most some 100 instructions
 *
 * The engine may change between two steps. Facts that depend on each other are read
 * in one step. Sums are compared only if @c->torn is false.
 *
 * Context: any; the caller serialises. O(budget + classes).
 * Return: false at the end, or when an invariant is broken: @c->fault.what names it.
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
