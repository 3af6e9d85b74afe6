// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Two-level segregated fit. The words are explained in tlsf.h.
 *
 * Sources: Masmano, Ripoll, Crespo, Real: "TLSF: a new dynamic memory allocator for
 * real-time systems" (ECRTS 2004): classes in two levels of bits, good fit, neighbours
 * merged at once. Knuth's boundary tags (TAOCP 1, 2.5) are here in tables beside the
 * memory, because the memory may be mapped to users or not be reachable at all. The tables
 * are small, so that granules can be: 1.4 bytes for each.
 */
#include "core/plan.h"
#include "core/tlsf.h"

#define NONE	TLSF_NONE

/*
 * Two bits tell of each granule whether a piece starts there (start), and whether it is the
 * first or last granule of a run (edge). The length of a piece is the distance to the next
 * start, if this is in the same group or in the next one. The length of a longer piece is
 * written into its own bytes, of which it has more than 32:
 *
 *	run	byte 0 .. 3	next run of its class, plus 1: 0 is none
 *		byte 4 .. 7	previous run of its class, the same
 *		byte 8 .. 11	its length, if it is longer than the bits tell
 *		last four	the same, for what frees the block behind it
 *	block	byte 0		low bits of the bytes that it wastes, and RECORDED
 *		byte 1 .. 4	its length, if it is longer than the bits tell
 *
 * A short run has no bytes.
 */
#define RECORDED	0x80
#define WASTE_BITS	7u

struct run_bytes {
	u32 next;
	u32 prev;
	u32 length;
} __packed;

struct length_bytes {
	u32 length;
} __packed;

static struct run_bytes *run_bytes(const struct tlsf *t, u32 g)
{
	return (struct run_bytes *)(t->byte + g);
}

static u32 length_read(const u8 *byte)
{
	return ((const struct length_bytes *)byte)->length;
}

static void length_write(u8 *byte, u32 n)
{
	((struct length_bytes *)byte)->length = n;
}

static bool bit_at(const u32 *bits, u32 g)
{
	return bits[g >> 5] >> (g & 31) & 1;
}

static void bit_set(u32 *bits, u32 g)
{
	bits[g >> 5] |= 1u << (g & 31);
}

static void bit_clear(u32 *bits, u32 g)
{
	bits[g >> 5] &= ~(1u << (g & 31));
}

static bool is_run(const struct tlsf *t, u32 g)
{
	return t->start[g >> 5] & t->edge[g >> 5] & 1u << (g & 31);
}

static bool is_block(const struct tlsf *t, u32 g)
{
	return t->start[g >> 5] & ~t->edge[g >> 5] & 1u << (g & 31);
}

/* Does a piece of @n granules at @g end behind the next group? */
static bool is_long(u32 g, u32 n)
{
	return ((g + n) >> 5) > (g >> 5) + 1;
}

/* Granules of the piece that starts at @g; @at: where a long one has its length. */
static __always_inline u32 piece_length(const struct tlsf *t, u32 g, u32 at)
{
	const u32 *start = t->start + (g >> 5);
	u32 rest = *start & ~1u << (g & 31);

	if (likely(rest))
		return env_lowest(rest) - (g & 31);
	if (likely(start[1]))
		return 32 + env_lowest(start[1]) - (g & 31);
	return length_read(t->byte + g + at);
}

static __always_inline u32 run_length(const struct tlsf *t, u32 g)
{
	return piece_length(t, g, 8);
}

static __always_inline u32 block_length(const struct tlsf *t, u32 g)
{
	return piece_length(t, g, 1);
}

/* Granules of the run whose last granule is @last. */
static __always_inline u32 run_length_back(const struct tlsf *t, u32 last)
{
	u32 i = last >> 5;
	u32 rest = t->start[i] & ~0u >> (31 - (last & 31));

	if (likely(rest))
		return (last & 31) + 1 - env_highest(rest);
	if (likely(i && t->start[i - 1]))
		return (last & 31) + 33 - env_highest(t->start[i - 1]);
	return length_read(t->byte + last - 3);
}

/* ---- classes ---- */

static __always_inline u32 class_of(u32 n)
{
	u32 high;

	if (n < TLSF_ROW)
		return n;
	high = env_highest(n);
	return (high - TLSF_ROW_BITS + 1) << TLSF_ROW_BITS |
	       (n >> (high - TLSF_ROW_BITS) & (TLSF_ROW - 1));
}

/* The first class whose runs all have @n granules. */
static u32 class_for(u32 n)
{
	return class_of(n < TLSF_ROW ? n : n + (1u << (env_highest(n) - TLSF_ROW_BITS)) - 1);
}

/* The first class from @class on that has a run, or NONE. */
static __always_inline u32 class_find(const struct tlsf *t, u32 class)
{
	u32 r = class >> TLSF_ROW_BITS;
	u32 classes, rows;

	if (r >= TLSF_ROWS)
		return NONE;
	classes = t->row[r] & ~0u << (class & (TLSF_ROW - 1));
	if (!classes) {
		rows = r + 1 < 32 ? t->rows & ~0u << (r + 1) : 0;
		if (!rows)
			return NONE;
		r = env_lowest(rows);
		classes = t->row[r];
	}
	return r << TLSF_ROW_BITS | env_lowest(classes);
}

static bool class_has_run(const struct tlsf *t, u32 class)
{
	return t->row[class >> TLSF_ROW_BITS] >> (class & (TLSF_ROW - 1)) & 1;
}

static void class_mark(struct tlsf *t, u32 class)
{
	u32 r = class >> TLSF_ROW_BITS;

	t->row[r] |= 1u << (class & (TLSF_ROW - 1));
	t->rows |= 1u << r;
}

static void class_unmark(struct tlsf *t, u32 class)
{
	u32 r = class >> TLSF_ROW_BITS;

	t->row[r] &= ~(1u << (class & (TLSF_ROW - 1)));
	if (!t->row[r])
		t->rows &= ~(1u << r);
}

/* ---- short runs ---- */

/*
 * Each group counts the short runs of each length that start in it, in fields of four bits.
 * 16 runs of one granule are one too many for the field of 1, which is the highest one and
 * has more: so the four bits are right just before a run comes and just after one went.
 */
#define SHORT_BITS	4u

static u32 short_shift(u32 n)
{
	return SHORT_BITS * (TLSF_SMALL - 1 - n);
}

static void short_enter(struct tlsf *t, u32 g, u32 n)
{
	u32 *shorts = &t->shorts[g >> 5];

	if (!(*shorts >> short_shift(n) & 15))
		bits_set(&t->small[n - 1], g >> 5);
	*shorts += 1u << short_shift(n);
}

static void short_leave(struct tlsf *t, u32 g, u32 n)
{
	u32 *shorts = &t->shorts[g >> 5];

	*shorts -= 1u << short_shift(n);
	if (!(*shorts >> short_shift(n) & 15))
		bits_clear(&t->small[n - 1], g >> 5);
}

/* A run of exactly @n granules; there is one. At most 16 starts are looked at. */
static u32 short_first(const struct tlsf *t, u32 n)
{
	u32 group = bits_first(&t->small[n - 1]), runs, g;

	for (runs = t->start[group] & t->edge[group]; runs; runs &= runs - 1) {
		g = group << 5 | env_lowest(runs);
		if (run_length(t, g) == n)
			return g;
	}
	return NONE;
}

/* ---- runs ---- */

/* Links are stored plus 1, so that 0 is none. */
static u32 next_of(const struct tlsf *t, u32 g)
{
	return run_bytes(t, g)->next - 1;
}

static u32 prev_of(const struct tlsf *t, u32 g)
{
	return run_bytes(t, g)->prev - 1;
}

static void link_next(struct tlsf *t, u32 g, u32 to)
{
	run_bytes(t, g)->next = to + 1;
}

static void link_prev(struct tlsf *t, u32 g, u32 to)
{
	run_bytes(t, g)->prev = to + 1;
}

static void link_enter(struct tlsf *t, u32 class, u32 g)
{
	u32 first = t->head[class];

	t->head[class] = g;
	link_next(t, g, first);
	link_prev(t, g, NONE);
	if (first != NONE)
		link_prev(t, first, g);
}

static void link_leave(struct tlsf *t, u32 class, u32 g)
{
	u32 next = next_of(t, g), prev = prev_of(t, g);

	if (next != NONE)
		link_prev(t, next, prev);
	if (prev != NONE)
		link_next(t, prev, next);
	else
		t->head[class] = next;
}

/* Its neighbours in the list find a run at @to that was at @g; both places may overlap. */
static void link_move(struct tlsf *t, u32 class, u32 g, u32 to)
{
	u32 next = next_of(t, g), prev = prev_of(t, g);

	link_next(t, to, next);
	link_prev(t, to, prev);
	if (next != NONE)
		link_prev(t, next, to);
	if (prev != NONE)
		link_next(t, prev, to);
	else
		t->head[class] = to;
}

static void index_enter(struct tlsf *t, u32 g, u32 n, u32 class)
{
	if (!t->runs[class]++)
		class_mark(t, class);
	if (class < TLSF_SMALL) {
		short_enter(t, g, n);
		return;
	}
	link_enter(t, class, g);
	if (class >= TLSF_EXACT)
		t->sum[class] += n;
}

static void index_leave(struct tlsf *t, u32 g, u32 n, u32 class)
{
	if (!--t->runs[class])
		class_unmark(t, class);
	if (class < TLSF_SMALL) {
		short_leave(t, g, n);
		return;
	}
	link_leave(t, class, g);
	if (class >= TLSF_EXACT)
		t->sum[class] -= n;
}

/* Note where a run ends. */
static __always_inline void run_end(struct tlsf *t, u32 g, u32 n)
{
	u32 last = g + n - 1;

	bit_set(t->edge, last);
	if (unlikely(is_long(g, n))) {
		run_bytes(t, g)->length = n;
		length_write(t->byte + last - 3, n);
	}
}

/* A run of @n granules at @g comes. O(1); the levels of bits for short ones. */
static void run_enter(struct tlsf *t, u32 g, u32 n)
{
	bit_set(t->start, g);
	bit_set(t->edge, g);
	run_end(t, g, n);
	index_enter(t, g, n, class_of(n));
}

/* It goes. That a piece starts there stays, for the caller. */
static void run_leave(struct tlsf *t, u32 g, u32 n)
{
	bit_clear(t->edge, g);
	bit_clear(t->edge, g + n - 1);
	index_leave(t, g, n, class_of(n));
}

/*
 * The run of @n granules at @g is one of @now at @to from now on; @to has its start already,
 * or gets it here. Long runs hardly ever change their class, so that a request which takes
 * some of one, and its free, cost little.
 */
static void run_change(struct tlsf *t, u32 g, u32 n, u32 to, u32 now)
{
	u32 class = class_of(n);

	bit_clear(t->edge, g);
	bit_clear(t->edge, g + n - 1);
	bit_set(t->start, to);
	bit_set(t->edge, to);
	if (class >= TLSF_EXACT && !((n ^ now) >> (env_highest(n) - TLSF_ROW_BITS))) {
		t->sum[class] += now - n;
		if (to != g)
			link_move(t, class, g, to);
		run_end(t, to, now);
		return;
	}
	index_leave(t, g, n, class);
	run_end(t, to, now);
	index_enter(t, to, now, class_of(now));
}

static u32 class_first(const struct tlsf *t, u32 class)
{
	return class < TLSF_SMALL ? short_first(t, class) : t->head[class];
}

/* The first granule of the run that holds @n granules at @align, or the end of the run. */
static u32 aligned_in(const struct tlsf *t, u32 g, u32 align)
{
	return ALIGN(g + t->lead, align) - t->lead;
}

static bool run_serves(const struct tlsf *t, u32 g, u32 n, u32 align)
{
	u32 length = run_length(t, g);
	u32 skip = aligned_in(t, g, align) - g;

	return skip < length && length - skip >= n;
}

#define FIT_TRIES	8u	/* runs of a class that are tried one by one */

/* The first of the first runs of a class, which is not empty, that holds @n at @align; or NONE. */
static u32 class_try(const struct tlsf *t, u32 class, u32 n, u32 align)
{
	u32 tries, g;

	g = class_first(t, class);
	if (class < TLSF_SMALL)
		return run_serves(t, g, n, align) ? g : NONE;
	for (tries = 0; g != NONE && tries < FIT_TRIES; tries++, g = next_of(t, g))
		if (run_serves(t, g, n, align))
			return g;
	return NONE;
}

/* The highest class that has a run; some granule is free. */
static u32 class_last(const struct tlsf *t)
{
	u32 r = env_highest(t->rows);

	return r << TLSF_ROW_BITS | env_highest(t->row[r]);
}

/*
 * A run of which @n granules at a multiple of @align places can be taken, or NONE: the first
 * of the classes in which every run is long enough, or else one of the first runs of the
 * request's own class, which may be. An alignment may need a longer run; the last resort are
 * the longest runs. @n is at most the number of free granules.
 */
static __always_inline u32 run_find(const struct tlsf *t, u32 n, u32 align)
{
	u32 class, g;

	class = class_find(t, class_for(n));
	if (class != NONE) {
		g = class_first(t, class);
		if (likely(align == 1) || run_serves(t, g, n, align))
			return g;
	}
	if (align > 1 && align <= t->granules && n + align - 1 <= t->granules) {
		class = class_find(t, class_for(n + align - 1));
		if (class != NONE)
			return class_first(t, class);
	}
	class = class_of(n);
	g = class_has_run(t, class) ? class_try(t, class, n, align) : NONE;
	return g == NONE && align > 1 ? class_try(t, class_last(t), n, align) : g;
}

/* ---- blocks ---- */

static __always_inline void block_write(struct tlsf *t, u32 g, u32 n, u32 slack, bool recorded)
{
	bit_set(t->start, g);
	t->byte[g] = (slack & (RECORDED - 1)) | (recorded ? RECORDED : 0);
	if (t->over)
		t->over[g] = slack >> WASTE_BITS;
	if (is_long(g, n))
		length_write(t->byte + g + 1, n);
}

static u32 block_slack(const struct tlsf *t, u32 g)
{
	u32 low = t->byte[g] & (RECORDED - 1);

	return t->over ? low | (u32)t->over[g] << WASTE_BITS : low;
}

static bool block_recorded(const struct tlsf *t, u32 g)
{
	return t->byte[g] & RECORDED;
}

/* A block comes to granules that are no longer free; block_leave(): it goes. */
static void block_enter(struct tlsf *t, u32 g, u32 n, u32 slack, bool recorded)
{
	block_write(t, g, n, slack, recorded);
	t->waste += slack;
	t->live++;
}

/* Take @n granules at @g out of the run at @run; the rest of it stays free. */
static void run_cut(struct tlsf *t, u32 run, u32 g, u32 n)
{
	u32 length = run_length(t, run), end = run + length;

	t->free -= n;
	t->low = min(t->low, t->free);
	if (g + n == end && g == run) {
		run_leave(t, run, length);
	} else if (g + n == end) {
		run_change(t, run, length, run, g - run);
	} else {
		run_change(t, run, length, g + n, end - g - n);
		if (g > run)
			run_enter(t, run, g - run);
	}
}

/* Granules @g .. @g + @n become free, and one run with their neighbours. */
static void run_give(struct tlsf *t, u32 g, u32 n)
{
	bool next = g + n < t->granules && bit_at(t->edge, g + n);
	u32 end = g + n, length = 0;

	t->free += n;
	if (next) {
		length = run_length(t, end);
		bit_clear(t->start, end);
		end += length;
	}
	if (g && bit_at(t->edge, g - 1)) {
		if (next)
			run_leave(t, end - length, length);
		length = run_length_back(t, g - 1);
		bit_clear(t->start, g);
		run_change(t, g - length, length, g - length, end - g + length);
	} else if (next) {
		run_change(t, end - length, length, g, end - g);
	} else {
		run_enter(t, g, n);
	}
}

static __always_inline void block_leave(struct tlsf *t, u32 g)
{
	t->waste -= block_slack(t, g);
	t->live--;
	run_give(t, g, block_length(t, g));
}

/* ---- the search that is hardly ever needed ---- */

#define SEARCH_STEPS	256u	/* blocks, runs, and granules amid them */

/* Granules from @g on that belong together: of a piece, or one amid a piece. */
static u32 length_at(const struct tlsf *t, u32 g)
{
	return is_run(t, g) ? run_length(t, g) : is_block(t, g) ? block_length(t, g) : 1;
}

/*
 * One step of a search for @n granules at @align by address. A good fit passes over the
 * runs of the request's own class, which may be long enough. Returns the run, or NONE.
 */
static u32 search_step(struct tlsf *t, u32 n, u32 align, struct engine_search *s)
{
	u32 steps, length, skip, g = NONE, mark = engine_mark(&t->e);

	s->torn |= s->at && mark != s->mark;
	s->mark = mark;
	for (steps = 0; s->at < t->granules && steps < SEARCH_STEPS; steps++) {
		g = s->at;
		length = length_at(t, g);
		s->at += length;
		if (!is_run(t, g))
			continue;
		skip = aligned_in(t, g, align) - g;
		s->any = max(s->any, length);
		if (skip < length)
			s->longest = max(s->longest, length - skip);
		if (run_serves(t, g, n, align))
			return g;
	}
	s->done = s->at >= t->granules;
	return NONE;
}

/* ---- the contract ---- */

static void tlsf_describe(const struct tlsf *t, u32 g, struct engine_block *block)
{
	block->offset = (u64)g << t->shift;
	block->granted = (u64)block_length(t, g) << t->shift;
	block->requested = block->granted - block_slack(t, g);
	block->used = true;
	block->recorded = block_recorded(t, g);
}

/* The longest of the runs that class_try() tries: at least 15/16 of the longest of all. */
static u32 longest_run(const struct tlsf *t, u32 *at)
{
	u32 class, g, n, tries, longest = 0;

	if (!t->rows)
		return 0;
	class = class_last(t);
	if (class < TLSF_SMALL) {
		*at = short_first(t, class);
		return class;
	}
	g = t->head[class];
	for (tries = 0; g != NONE && tries < FIT_TRIES; tries++, g = next_of(t, g)) {
		n = run_length(t, g);
		if (n <= longest)
			continue;
		longest = n;
		*at = g;
	}
	return longest;
}

/* The largest request known to succeed at @align granules. */
static u32 largest_at(const struct tlsf *t, u32 align, const struct engine_search *search)
{
	u32 g = 0, n, skip;

	if (search)
		return search->longest;
	n = longest_run(t, &g);
	skip = aligned_in(t, g, align) - g;
	return n > skip ? n - skip : 0;
}

static int tlsf_refuse(const struct tlsf *t, u32 n, u32 align, const struct engine_search *search,
		       struct engine_refusal *why)
{
	u32 reason, any = search ? search->any : largest_at(t, 1, NULL);

	if (n > t->granules)
		reason = MEMMGR_REASON_TOO_LARGE;
	else if (t->free < n)
		reason = MEMMGR_REASON_EXHAUSTED;
	else if (any >= n)
		reason = MEMMGR_REASON_ALIGNMENT;
	else
		reason = MEMMGR_REASON_FRAGMENTED;
	engine_refuse(why, reason, (u64)largest_at(t, align, search) << t->shift);
	why->exact = search && !search->torn;
	return -ENOMEM;
}

/*
 * O(1) by the classes. If they show nothing and the request has a search, each call looks
 * at up to SEARCH_STEPS blocks and runs more, and returns -EAGAIN until it finds a run or
 * has seen all.
 */
static int tlsf_alloc(struct engine *e, const struct engine_request *rq,
		      struct engine_block *block, struct engine_refusal *why)
{
	struct tlsf *t = container_of(e, struct tlsf, e);
	struct engine_search *search = t->flags & TLSF_SEARCH ? rq->search : NULL;
	u64 total = (u64)t->granules << t->shift;
	u32 n, align, run = NONE, g;

	if (!rq->bytes || !engine_align_ok(rq->align))
		return -EINVAL;
	if (rq->align > total)
		return engine_refuse(why, MEMMGR_REASON_TOO_LARGE, 0);
	align = max_t(u32, 1, rq->align >> t->shift);
	/* All sizes beyond the end are equal. */
	n = rq->bytes > total ? t->granules + 1 :
	    (rq->bytes + (1u << t->shift) - 1) >> t->shift;
	if (n <= t->free)
		run = run_find(t, n, align);
	if (run == NONE && search) {
		run = search_step(t, n, align, search);
		if (run == NONE && !search->done)
			return -EAGAIN;
		t->joins += run != NONE;
	}
	if (run == NONE)
		return tlsf_refuse(t, n, align, search, why);
	g = aligned_in(t, run, align);
	run_cut(t, run, g, n);
	block_enter(t, g, n, ((u64)n << t->shift) - rq->bytes, rq->recorded);
	engine_count(e, engine_class(rq->bytes));
	tlsf_describe(t, g, block);
	return 0;
}

/**
 * tlsf_take - tlsf_alloc() without alignment, description, record or search
 * @t: the engine
 * @bytes: size, at least 1
 *
 * Context: any; the caller serialises. O(1).
 * Return: the first granule, or TLSF_NONE.
 */
u32 tlsf_take(struct tlsf *t, u32 bytes)
{
	u32 n = ((bytes - 1) >> t->shift) + 1, g;

	g = n <= t->free ? run_find(t, n, 1) : NONE;
	if (g == NONE)
		return NONE;
	run_cut(t, g, g, n);
	block_enter(t, g, n, (n << t->shift) - bytes, false);
	engine_count(&t->e, env_width(bytes - 1));
	return g;
}

/**
 * tlsf_give - give back a block of tlsf_take()
 * @t: the engine
 * @g: first granule
 *
 * Context: any; the caller serialises. O(1).
 * Return: 0, -ENOENT or -EACCES.
 */
int tlsf_give(struct tlsf *t, u32 g)
{
	if (unlikely(g >= t->granules || !is_block(t, g)))
		return -ENOENT;
	if (unlikely(block_recorded(t, g)))
		return -EACCES;
	block_leave(t, g);
	return 0;
}

/* The granule where the live block at @offset starts, or NONE. */
static u32 block_at(const struct tlsf *t, u64 offset)
{
	u64 g = offset >> t->shift;

	if (g >= t->granules || g << t->shift != offset || !is_block(t, g))
		return NONE;
	return g;
}

/* O(1) */
static int tlsf_free(struct engine *e, u64 offset, bool recorded, struct engine_block *block)
{
	struct tlsf *t = container_of(e, struct tlsf, e);
	u32 g = block_at(t, offset);

	if (g == NONE)
		return -ENOENT;
	tlsf_describe(t, g, block);
	if (block->recorded != recorded)
		return -EACCES;
	block_leave(t, g);
	return 0;
}

/* O(1). Both ways in place: a block grows into the run behind it. */
static int tlsf_resize(struct engine *e, u64 offset, const struct engine_request *rq,
		       struct engine_block *block, struct engine_refusal *why)
{
	struct tlsf *t = container_of(e, struct tlsf, e);
	u32 g = block_at(t, offset);
	u32 n, want, room;

	if (!rq->bytes)
		return -EINVAL;
	if (g == NONE)
		return -ENOENT;
	if (block_recorded(t, g) != rq->recorded)
		return -EACCES;
	n = block_length(t, g);
	room = n;
	if (g + n < t->granules && is_run(t, g + n))
		room += run_length(t, g + n);
	if (rq->bytes > (u64)room << t->shift)
		return engine_refuse(why, rq->bytes > (u64)t->granules << t->shift ?
				     MEMMGR_REASON_TOO_LARGE : MEMMGR_REASON_BLOCKED,
				     (u64)room << t->shift);
	want = (rq->bytes + (1u << t->shift) - 1) >> t->shift;
	e->changes++;
	t->waste -= block_slack(t, g);
	if (want > n) {
		run_cut(t, g + n, g + n, want - n);
		bit_clear(t->start, g + n);
	}
	block_write(t, g, want, ((u64)want << t->shift) - rq->bytes, rq->recorded);
	if (want < n)
		run_give(t, g + want, n - want);
	t->waste += block_slack(t, g);
	tlsf_describe(t, g, block);
	return 0;
}

/* O(1) */
static int tlsf_find(struct engine *e, u64 offset, struct engine_block *block)
{
	struct tlsf *t = container_of(e, struct tlsf, e);
	u32 g = block_at(t, offset);

	if (g == NONE)
		return -ENOENT;
	tlsf_describe(t, g, block);
	return 0;
}

#define NEXT_GRANULES	256u	/* granules amid a block that one call passes over */

/* One block, one run, or the rest of a run that was cut, a call. O(NEXT_GRANULES) */
static bool tlsf_next(struct engine *e, u64 *pos, struct engine_block *block)
{
	struct tlsf *t = container_of(e, struct tlsf, e);
	u64 g = *pos >> t->shift;
	u32 skipped = 0;

	g += g << t->shift != *pos;
	/* What lay at *pos may have gone since the last call. */
	while (g < t->granules && !is_block(t, g) && !is_run(t, g) &&
	       skipped++ < NEXT_GRANULES)
		g++;
	if (g >= t->granules)
		return false;
	*block = (struct engine_block) { .offset = g << t->shift };
	if (is_block(t, g))
		tlsf_describe(t, g, block);
	else if (is_run(t, g))
		block->granted = (u64)run_length(t, g) << t->shift;
	*pos = block->offset + block->granted;
	return true;
}

static void tlsf_books(struct engine *e, struct engine_books *books)
{
	struct tlsf *t = container_of(e, struct tlsf, e);

	books->live = t->live;
	books->total = (u64)t->granules << t->shift;
	books->used = (u64)(t->granules - t->free) << t->shift;
	books->peak = (u64)(t->granules - t->low) << t->shift;
	books->requested = books->used - t->waste;
	books->joins = t->joins;
	books->allocs = engine_counts(e, books);
}

/* The least length of a class. */
static u32 class_least(u32 class)
{
	u32 r = class >> TLSF_ROW_BITS;

	return r < 2 ? class : (TLSF_ROW | (class & (TLSF_ROW - 1))) << (r - 1);
}

/*
 * The powers of two that the runs of a class amount to. What they have beyond the least
 * length of the class is known as a sum; each run is taken to have at most one block of each
 * power.
 */
static void class_blocks(const struct tlsf *t, u32 class, u32 *blocks)
{
	u32 least = class_least(class), runs = t->runs[class], rest = 0, n, o;

	for (n = least; n; n &= n - 1)
		blocks[env_lowest(n)] += runs;
	if (class >= TLSF_EXACT)
		rest = t->sum[class] - runs * least;
	for (o = (class >> TLSF_ROW_BITS) - 1; rest && o; rest -= n << o) {
		o--;
		n = min(runs, rest >> o);
		blocks[o] += n;
	}
}

/* O(classes + FIT_TRIES) */
static void tlsf_frag(struct engine *e, struct engine_frag *frag)
{
	struct tlsf *t = container_of(e, struct tlsf, e);
	u32 unit = 1u << t->shift, g = 0, n, o, at, rows, classes;

	memset(frag, 0, sizeof(*frag));
	frag->orders = env_highest(t->granules) + 1;
	frag->unit = unit;
	frag->free = (u64)t->free * unit;
	frag->used = (u64)(t->granules - t->free) * unit;
	frag->requested = frag->used - t->waste;
	n = longest_run(t, &g);
	frag->largest = (u64)n * unit;
	for (rows = t->rows; rows; rows &= rows - 1) {
		u32 row = env_lowest(rows);

		for (classes = t->row[row]; classes; classes &= classes - 1)
			class_blocks(t, row << TLSF_ROW_BITS | env_lowest(classes), frag->blocks);
	}
	for (o = 0; o < frag->orders; o++) {
		at = aligned_in(t, g, 1u << o);
		if (at < g + n)
			frag->aligned[o] = g + n - at;
	}
}

/* ---- moves ---- */

/*
 * A granule that is the first of nothing is what the granule before it is. If the heap has
 * changed between two parts of a picture, cells may show what was there before.
 */
static void tlsf_picture(struct engine *e, u32 g, u32 n, u8 *cell)
{
	struct tlsf *t = container_of(e, struct tlsf, e);
	bool free = g && cell[-1] == PLAN_FREE;
	u32 i;

	for (i = 0; i < n; i++) {
		bool block = is_block(t, g + i);

		free = !block && (free || is_run(t, g + i));
		cell[i] = free ? PLAN_FREE : PLAN_USED | PLAN_FIXED | (block ? PLAN_START : 0);
	}
}

#define BACK_GROUPS	64u	/* groups of a run that one call passes over */

/*
 * Nothing tells where a run begins but its two ends: a call looks at up to BACK_GROUPS
 * groups before @g. A plan takes a run from its beginning, so one call is the rule. What has
 * changed since the last call may make the place look taken, but never free.
 */
static int tlsf_take_at(struct engine *e, u32 g, u32 n, u32 slack, struct engine_search *s)
{
	struct tlsf *t = container_of(e, struct tlsf, e);
	u32 steps, starts, run;

	if (!n || g >= t->granules || n > t->granules - g)
		return -EBUSY;
	if (!s->any) {
		s->any = true;
		s->at = g;
	}
	for (steps = 0; !(starts = t->start[s->at >> 5] & ~0u >> (31 - (s->at & 31))); steps++) {
		if (steps == BACK_GROUPS)
			return -EAGAIN;
		s->at = ((s->at >> 5) << 5) - 1;
	}
	run = s->at >> 5 << 5 | env_highest(starts);
	if (!is_run(t, run) || run_length(t, run) < (u64)g - run + n)
		return -EBUSY;
	run_cut(t, run, g, n);
	block_enter(t, g, n, slack, true);
	e->changes++;
	return 0;
}

static void tlsf_left(struct engine *e, u32 g)
{
	block_leave(container_of(e, struct tlsf, e), g);
}

static u32 tlsf_slack(const struct engine *e, u32 g)
{
	return block_slack(container_of(e, struct tlsf, e), g);
}

/* O(1) */
static int tlsf_slide(struct engine *e, u32 g, u32 to)
{
	struct tlsf *t = container_of(e, struct tlsf, e);
	u32 n = block_length(t, g), slack = block_slack(t, g);
	u32 run;

	if (to >= g || !bit_at(t->edge, g - 1))
		return -EBUSY;
	run = g - run_length_back(t, g - 1);
	if (to < run)
		return -EBUSY;
	run_cut(t, run, to, g - to);
	bit_clear(t->start, g);
	block_write(t, to, g + n - to, slack, true);
	e->changes++;
	return 0;
}

/* O(1) */
static void tlsf_slid(struct engine *e, u32 g, u32 keep, u32 n)
{
	struct tlsf *t = container_of(e, struct tlsf, e);
	u32 end = g + block_length(t, g), slack = block_slack(t, g);

	e->changes++;
	bit_clear(t->start, g);
	block_write(t, keep, n, slack, true);
	if (keep > g)
		run_give(t, g, keep - g);
	if (keep + n < end)
		run_give(t, keep + n, end - keep - n);
}

/* Without the search: the least length of a class whose runs all have @n granules at @align. */
static void tlsf_sure(const struct engine *e, u32 *n, u32 *align)
{
	u32 wanted = *n + *align - 1, high;

	if (container_of(e, const struct tlsf, e)->flags & TLSF_SEARCH)
		return;
	*align = 1;
	*n = wanted;
	if (wanted < TLSF_ROW)
		return;
	high = env_highest(wanted) - TLSF_ROW_BITS;
	*n = ALIGN(wanted, 1u << high);
}

static const struct engine_moves tlsf_moves = {
	.picture = tlsf_picture,
	.take_at = tlsf_take_at,
	.left = tlsf_left,
	.slack = tlsf_slack,
	.slide = tlsf_slide,
	.slid = tlsf_slid,
	.sure = tlsf_sure,
};

/* ---- check ---- */

/* Sums, first of bytes and granules, then of pieces: */
enum { SUM_WASTE, SUM_FREE, SUM_LONG };
enum { SUM_BLOCKS, SUM_RUNS, SUM_EDGES, SUM_STARTS };

/* Is there room for the links of a run at @g, whatever is there? */
static bool has_links(const struct tlsf *t, u32 g)
{
	return g < t->granules && t->granules - g >= TLSF_SMALL;
}

static bool link_check(const struct tlsf *t, u32 g, u32 n, struct engine_check *c)
{
	u32 next = next_of(t, g), prev = prev_of(t, g);
	u64 at = (u64)g << t->shift;

	if (prev == NONE ? t->head[class_of(n)] != g : !has_links(t, prev) || next_of(t, prev) != g)
		return engine_broken(&c->fault, "link of a free run", at);
	return next == NONE || (has_links(t, next) && prev_of(t, next) == g) ||
	       engine_broken(&c->fault, "link of a free run", at);
}

static bool run_check(const struct tlsf *t, u32 g, struct engine_check *c)
{
	u32 n = run_length(t, g), class, end;
	u64 at = (u64)g << t->shift;

	if (!n || n > t->granules - g)
		return engine_broken(&c->fault, "length of a free run", at);
	class = class_of(n);
	end = g + n;
	if (!bit_at(t->edge, end - 1) || run_length_back(t, end - 1) != n)
		return engine_broken(&c->fault, "end of a free run", at);
	if (!bit_at(t->start, end))
		return engine_broken(&c->fault, "nothing behind a free run", at);
	if (end < t->granules && is_run(t, end))
		return engine_broken(&c->fault, "two free runs touch", at);
	if (!class_has_run(t, class) || !(t->rows >> (class >> TLSF_ROW_BITS) & 1))
		return engine_broken(&c->fault, "class of a free run", at);
	return n < TLSF_SMALL || link_check(t, g, n, c);
}

static bool block_check(const struct tlsf *t, u32 g, struct engine_check *c)
{
	u32 n = block_length(t, g);
	u64 at = (u64)g << t->shift;

	if (!n || n > t->granules - g)
		return engine_broken(&c->fault, "length of a block", at);
	if (!bit_at(t->start, g + n))
		return engine_broken(&c->fault, "nothing behind a block", at);
	if (bit_at(t->edge, g + n - 1))
		return engine_broken(&c->fault, "end of a free run in a block", at);
	return block_slack(t, g) < 1u << t->shift ||
	       engine_broken(&c->fault, "waste of a block", at);
}

/* Phases: the piece at each granule, the short runs of each group, then each class. */
enum { PHASE_COVER, PHASE_GROUPS, PHASE_CLASSES };

static void phase_next(struct engine_check *c)
{
	c->at = 0;
	c->inner = 0;
	c->phase++;
}

/* The piece at c->at, or a granule amid what came since the last step. */
static bool piece_check(struct tlsf *t, struct engine_check *c)
{
	u32 g = c->at, length;

	if (!is_block(t, g) && !is_run(t, g)) {
		c->at++;
		return c->changed || c->inner ||
		       engine_broken(&c->fault, "granule of nothing", (u64)g << t->shift);
	}
	if (is_run(t, g) ? !run_check(t, g, c) : !block_check(t, g, c))
		return false;
	if (is_run(t, g)) {
		length = run_length(t, g);
		c->sum[SUM_FREE] += length;
		c->sum[SUM_LONG] += length < TLSF_EXACT ? 0 : length;
		c->n[SUM_RUNS]++;
		c->n[SUM_EDGES] += length > 1 ? 2 : 1;
	} else {
		c->sum[SUM_WASTE] += block_slack(t, g);
		c->n[SUM_BLOCKS]++;
	}
	c->n[SUM_STARTS]++;
	c->fault.checked++;
	c->inner = 0;
	c->changed = false;
	c->at += length_at(t, g);
	return true;
}

static bool cover_check(struct tlsf *t, struct engine_check *c, u32 budget)
{
	for (; c->at < t->granules && budget; budget--)
		if (!piece_check(t, c))
			return false;
	if (c->at < t->granules) {
		c->inner = c->changed;
		return true;
	}
	if (!c->torn && (c->sum[SUM_FREE] != t->free || t->low > t->free))
		return engine_broken(&c->fault, "number of free granules", 0);
	if (!c->torn && c->n[SUM_BLOCKS] != t->live)
		return engine_broken(&c->fault, "number of live blocks", 0);
	if (!c->torn && c->sum[SUM_WASTE] != t->waste)
		return engine_broken(&c->fault, "sum of wasted bytes", 0);
	phase_next(c);
	return true;
}

/* Are all short runs of a group counted and in their sets? */
static bool group_check(const struct tlsf *t, u32 group, struct engine_check *c)
{
	u32 groups = bits_words(t->granules), shorts = 0, runs, n;
	u64 at = (u64)group << 5 << t->shift;

	for (runs = t->start[group] & t->edge[group]; runs; runs &= runs - 1) {
		n = run_length(t, group << 5 | env_lowest(runs));
		if (n < TLSF_SMALL)
			shorts += 1u << short_shift(n);
	}
	if (shorts != t->shorts[group])
		return engine_broken(&c->fault, "number of short runs", at);
	for (n = 1; n < TLSF_SMALL; n++) {
		bool any = shorts >> short_shift(n) & (n == 1 ? 31 : 15);

		if (bits_test(&t->small[n - 1], group) != any ||
		    !bits_check_at(&t->small[n - 1], groups, group))
			return engine_broken(&c->fault, "index of short runs", at);
	}
	return true;
}

static u32 bits_count(u32 word)
{
	u32 n;

	for (n = 0; word; n++)
		word &= word - 1;
	return n;
}

static bool groups_check(struct tlsf *t, struct engine_check *c, u32 budget)
{
	u32 left, start;

	for (; c->at < bits_words(t->granules) && budget; c->at++, budget--) {
		if (!group_check(t, c->at, c))
			return false;
		left = t->granules - (c->at << 5);
		start = t->start[c->at] & (left < 32 ? ~(~0u << left) : ~0u);
		c->n[SUM_STARTS] -= bits_count(start);
		c->n[SUM_EDGES] -= bits_count(t->edge[c->at]);
	}
	if (c->at < bits_words(t->granules))
		return true;
	if (!c->torn && c->n[SUM_STARTS])
		return engine_broken(&c->fault, "piece amid a long one", 0);
	if (!c->torn && c->n[SUM_EDGES])
		return engine_broken(&c->fault, "ends of free runs", 0);
	phase_next(c);
	return true;
}

/* Does each bit of the rows stand for a run, and each row for one of its classes? */
static bool classes_check(struct tlsf *t, struct engine_check *c, u32 budget)
{
	u32 classes = class_of(t->granules) + 1;
	bool has;

	for (; c->at < TLSF_ROWS * TLSF_ROW && budget; c->at++, budget--) {
		if (!c->at || c->at >= classes)
			has = false;
		else if (c->at < TLSF_SMALL)
			has = !bits_empty(&t->small[c->at - 1]);
		else
			has = t->head[c->at] != NONE;
		if (class_has_run(t, c->at) != has)
			return engine_broken(&c->fault, "class without a run", c->at);
		if (!!t->row[c->at >> TLSF_ROW_BITS] != (t->rows >> (c->at >> TLSF_ROW_BITS) & 1))
			return engine_broken(&c->fault, "row without a class", c->at);
		if (c->at >= classes)
			continue;
		c->n[SUM_RUNS] -= t->runs[c->at];
		c->sum[SUM_LONG] -= c->at < TLSF_EXACT ? 0 : t->sum[c->at];
	}
	if (c->at < TLSF_ROWS * TLSF_ROW)
		return true;
	if (t->rows >> TLSF_ROWS)
		return engine_broken(&c->fault, "row beyond the last one", 0);
	if (!c->torn && (c->n[SUM_RUNS] || c->sum[SUM_LONG]))
		return engine_broken(&c->fault, "runs of a class", 0);
	return false;
}

/* O(budget) */
static bool tlsf_check(struct engine *e, struct engine_check *c, u32 budget)
{
	struct tlsf *t = container_of(e, struct tlsf, e);

	switch (c->phase) {
	case PHASE_COVER:
		return cover_check(t, c, budget);
	case PHASE_GROUPS:
		return groups_check(t, c, budget);
	default:
		return classes_check(t, c, budget);
	}
}

static const struct engine_ops tlsf_ops = {
	.name = "tlsf",
	.alloc = tlsf_alloc,
	.free = tlsf_free,
	.resize = tlsf_resize,
	.find = tlsf_find,
	.next = tlsf_next,
	.check = env_checks ? tlsf_check : NULL,
	.books = tlsf_books,
	.frag = tlsf_frag,
	.moves = env_moves ? &tlsf_moves : NULL,
};

/* Does a byte hold what a block wastes of its last granule? */
static bool has_over(u32 shift)
{
	return shift > WASTE_BITS;
}

/**
 * tlsf_meta_size - bytes that the state of a TLSF needs
 * @granules: number of granules
 * @shift: log2 of the granule in bytes
 *
 * Return: bytes: 1.4 a granule, 3.4 for one of more than 128 bytes, and 192 for each power
 * of two.
 */
size_t tlsf_meta_size(u32 granules, u32 shift)
{
	size_t groups = bits_words(granules);

	/* A damaged piece may seem to be long: its length is read up to 12 bytes behind it. */
	return sizeof(u32) * (3 * groups + 2 + 3 * (class_of(granules) + 1) +
			      (TLSF_SMALL - 1) * (size_t)bits_size(groups)) +
	       (has_over(shift) ? 3 : 1) * (size_t)granules + sizeof(struct run_bytes);
}

/**
 * tlsf_init - set up a TLSF with everything free
 * @t: the engine
 * @lead: place of the first granule, below @granules: alignments count from @lead
 *	granules before the first granule
 * @granules: 1 .. TLSF_MAX_GRANULES
 * @shift: log2 of the granule in bytes, TLSF_MIN_SHIFT .. TLSF_MAX_SHIFT
 * @flags: TLSF_SEARCH
 * @meta: tlsf_meta_size() bytes of zeros, aligned to 4
 *
 * Context: process; the caller serialises. O(log granules).
 * Return: 0 or -EINVAL.
 */
int tlsf_init(struct tlsf *t, u32 lead, u32 granules, u32 shift, u32 flags, void *meta)
{
	u32 groups = bits_words(granules);
	u32 classes, i, *words = meta;

	if (!granules || granules > TLSF_MAX_GRANULES || lead >= granules ||
	    shift < TLSF_MIN_SHIFT || shift > TLSF_MAX_SHIFT || flags & ~TLSF_SEARCH)
		return -EINVAL;
	memset(t, 0, sizeof(*t));
	t->e.ops = &tlsf_ops;
	t->shift = shift;
	t->flags = flags;
	t->granules = granules;
	t->lead = lead;
	t->free = granules;
	t->low = granules;
	/* One bit and one word more than there are granules, see piece_length(). */
	t->start = words;
	t->edge = t->start + groups + 2;
	t->shorts = t->edge + groups;
	t->head = t->shorts + groups;
	classes = class_of(granules) + 1;
	for (i = 0; i < classes; i++)
		t->head[i] = NONE;
	t->runs = t->head + classes;
	t->sum = t->runs + classes;
	words = t->sum + classes;
	for (i = 0; i < TLSF_SMALL - 1; i++)
		words = bits_init(&t->small[i], groups, words);
	t->byte = (u8 *)words;
	if (has_over(shift)) {
		t->over = (u16 *)words;
		t->byte = (u8 *)(t->over + granules);
	}
	bit_set(t->start, granules);
	run_enter(t, 0, granules);
	return 0;
}
