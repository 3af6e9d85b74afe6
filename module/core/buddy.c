// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Buddy. The words are explained in buddy.h.
 *
 * Sources: the buddy system is Knowlton's (CACM 8/10, 1965). Free space as bit
 * fields, in which word operations find a run and merging is implicit, follows
 * LLFree (Wrenger et al., USENIX ATC'23). Here a tree of rows replaces LLFree's
 * one row of fixed areas, so that every order has an index.
 *
 * Cost: levels = log32(granules), at most 6. A function marked O(levels) touches
 * at most two words a level, each with an index of its own.
 */
#include "core/buddy.h"
#include "core/plan.h"

#define FULL	(~0u)
#define NONE	BUDDY_NONE

/*
 * The mix of a word: five fields of six bits, the numbers of maximal aligned
 * free blocks of 1, 2, 4, 8 and 16 units. It is the sum of the mixes of the word's
 * four bytes, unless two full bytes lie side by side.
 */
#define MIX_BITS	6
#define MIX_MASK	((1u << MIX_BITS) - 1)
#define MIX_ONE(class)	(1u << (class) * MIX_BITS)
#define MIX_BIAS_ONE	32u		/* more than a field ever holds */
#define MIX_BIAS	(MIX_BIAS_ONE * (MIX_ONE(0) + MIX_ONE(1) + MIX_ONE(2) + \
					 MIX_ONE(3) + MIX_ONE(4)))

#define RUN8(b)		((b) == 0xff)
#define RUN4(b)		((((b) & 0x0f) == 0x0f) + (((b) & 0xf0) == 0xf0))
#define RUN2(b)		((((b) & 0x03) == 0x03) + (((b) & 0x0c) == 0x0c) + \
			 (((b) & 0x30) == 0x30) + (((b) & 0xc0) == 0xc0))
#define RUN1(b)		(((b) & 1) + ((b) >> 1 & 1) + ((b) >> 2 & 1) + \
			 ((b) >> 3 & 1) + ((b) >> 4 & 1) + ((b) >> 5 & 1) + \
			 ((b) >> 6 & 1) + ((b) >> 7 & 1))
#define MIX(b)		((RUN1(b) - 2 * RUN2(b)) * MIX_ONE(0) + \
			 (RUN2(b) - 2 * RUN4(b)) * MIX_ONE(1) + \
			 (RUN4(b) - 2 * RUN8(b)) * MIX_ONE(2) + \
			 RUN8(b) * MIX_ONE(3))
#define MIX_4(b)	MIX(b), MIX((b) + 1), MIX((b) + 2), MIX((b) + 3)
#define MIX_16(b)	MIX_4(b), MIX_4((b) + 4), MIX_4((b) + 8), MIX_4((b) + 12)
#define MIX_64(b)	MIX_16(b), MIX_16((b) + 16), MIX_16((b) + 32), \
			MIX_16((b) + 48)

static const u32 byte_mix[256] = {
	MIX_64(0), MIX_64(64), MIX_64(128), MIX_64(192)
};

/* The mix of a word. A full word has no blocks: it is a unit of the level above. */
static __always_inline u32 mix_of(u32 w)
{
	u32 mix = byte_mix[w & 0xff] + byte_mix[w >> 8 & 0xff] +
		  byte_mix[w >> 16 & 0xff] + byte_mix[w >> 24];

	if (w == FULL)
		return 0;
	if ((w & 0xffff) == 0xffff || w >> 16 == 0xffff)
		mix += MIX_ONE(4) - 2 * MIX_ONE(3);
	return mix;
}

/*
 * The highest field that is not zero, or BUDDY_CLASSES if all are zero. For these x,
 * x * 43 / 256 is x / 6.
 */
static __always_inline u32 mix_class(u32 mix)
{
	return mix ? env_highest(mix) * 43 >> 8 : BUDDY_CLASSES;
}

static u32 order_level(u32 order)
{
	return order * 13 >> 6;		/* order / 5, for orders below 32 */
}

static u32 unit_shift(u32 level)
{
	return level * BUDDY_CLASSES;
}

/* Smallest order whose blocks hold @n granules. */
static u32 order_of(u32 n)
{
	return env_width(n - 1);
}

/*
 * code[g] describes the block that starts at granule g:
 *
 *	0		no block starts here
 *	1 .. 62		a block of so many granules
 *	63		a longer block; its length is in the next five granules,
 *			six bits each, marked with CODE_MORE
 *
 * CODE_RECORDED is added if the block has a record. No code of another granule can
 * be mistaken for the start of a block.
 */
#define CODE_LONG	63u
#define CODE_LENGTH	63u
#define CODE_MORE	64u
#define CODE_RECORDED	128u
#define CODE_EXTRA	5u

static void code_write(struct buddy *b, u32 g, u32 n, bool recorded)
{
	u32 mark = recorded ? CODE_RECORDED : 0;
	u32 i;

	if (n < CODE_LONG) {
		b->code[g] = n | mark;
		return;
	}
	b->code[g] = CODE_LONG | mark;
	for (i = 1; i <= CODE_EXTRA; i++, n >>= 6)
		b->code[g + i] = CODE_MORE | (n & 63);
}

static u32 code_read(const struct buddy *b, u32 g)
{
	u32 n = b->code[g] & CODE_LENGTH;
	u32 i;

	if (n < CODE_LONG)
		return n;
	for (n = 0, i = CODE_EXTRA; i; i--)
		n = n << 6 | (b->code[g + i] & 63);
	return n;
}

static void code_clear(struct buddy *b, u32 g)
{
	u32 i;

	if ((b->code[g] & CODE_LENGTH) == CODE_LONG)
		for (i = 1; i <= CODE_EXTRA; i++)
			b->code[g + i] = 0;
	b->code[g] = 0;
}

static bool code_starts(const struct buddy *b, u32 g)
{
	return g < b->granules && (b->code[g] & CODE_LENGTH) &&
	       !(b->code[g] & CODE_MORE);
}

/* Is the code right at granule @i, 1 or more, of the block at @g? */
static bool code_inside(const struct buddy *b, u32 g, u32 i)
{
	bool more = (b->code[g] & CODE_LENGTH) == CODE_LONG && i <= CODE_EXTRA;

	return (b->code[g + i] & ~(more ? 63 : 0)) == (more ? CODE_MORE : 0);
}

/*
 * Enter @new as the mix of word @i of a level into the indices. Most of the engine's
 * time is spent here and in the callers, so this is inlined and has no loop.
 */
static __always_inline void index_put(struct buddy *b, struct buddy_level *level,
				      u32 i, u32 new)
{
	u32 old = level->mix[i];
	u32 diff = new + MIX_BIAS - old;	/* no field borrows from the next */
	u32 old_class, new_class;

	level->mix[i] = new;
	level->count[0] += (diff & MIX_MASK) - MIX_BIAS_ONE;
	if ((old ^ new) >> MIX_BITS) {
		level->count[1] += (diff >> MIX_BITS & MIX_MASK) - MIX_BIAS_ONE;
		level->count[2] += (diff >> 2 * MIX_BITS & MIX_MASK) - MIX_BIAS_ONE;
		level->count[3] += (diff >> 3 * MIX_BITS & MIX_MASK) - MIX_BIAS_ONE;
		level->count[4] += (diff >> 4 * MIX_BITS & MIX_MASK) - MIX_BIAS_ONE;
	}
	old_class = mix_class(old);
	new_class = mix_class(new);
	if (old_class == new_class)
		return;
	if (old && bits_clear(&level->class[old_class], i))
		b->mask &= ~(1u << (level->first + old_class));
	if (new) {
		bits_set(&level->class[new_class], i);
		b->mask |= 1u << (level->first + new_class);
	}
}

/* Set word @i of a level to the bits @w, and update its indices. */
static noinline void word_put(struct buddy *b, struct buddy_level *level, u32 i,
			      u32 w)
{
	level->word[i] = w;
	index_put(b, level, i, mix_of(w));
}

/*
 * Mark the units @bits of a word as taken. Returns true if the word was one unit
 * of the level above, which is then no longer free as a whole.
 */
static bool word_take(struct buddy *b, struct buddy_level *level, u32 i, u32 bits)
{
	u32 w = level->word[i];

	if (bits == FULL)
		return true;
	word_put(b, level, i, w & ~bits);
	return w == FULL;
}

/* Mark the units as free. True if the word becomes one unit of the level above. */
static __always_inline bool word_give(struct buddy *b, struct buddy_level *level, u32 i, u32 bits)
{
	u32 w = level->word[i];

	if (i == b->open && level == b->level) {
		level->word[i] = w | bits;
		return false;
	}
	if (w == FULL)
		w = 0;		/* stale: the caller gives back a part of it */
	w |= bits;
	word_put(b, level, i, w);
	return w == FULL;
}

/*
 * Take or give back the units of level @l from @from up to, but without, @to. They
 * are all free or all taken. Only the first and the last word are touched at this
 * level. The whole words between them are units of the next level, so the work
 * that is left there is again one range.
 */
static noinline void range_mark(struct buddy *b, u32 l, u32 from, u32 to,
				bool (*mark)(struct buddy *b, struct buddy_level *level,
					     u32 i, u32 bits))
{
	struct buddy_level *level = &b->level[l];

	for (; from < to; level++) {
		u32 first = from >> 5;
		u32 last = (to - 1) >> 5;
		u32 head = FULL << (from & 31);
		u32 tail = FULL >> (31 - ((to - 1) & 31));

		if (first == last) {
			from = first;
			to = first + mark(b, level, first, head & tail);
			continue;
		}
		from = first + !mark(b, level, first, head);
		to = last + mark(b, level, last, tail);
	}
}

static __always_inline void range_taken(struct buddy *b, u32 n)
{
	b->free -= n;
	if (b->free < b->low)
		b->low = b->free;
}

/* This function and all below up to block_take() count places. */
static void range_take(struct buddy *b, u32 from, u32 to)
{
	range_mark(b, 0, from, to, word_take);
	range_taken(b, to - from);
}

/* A range within one word, the case of most blocks, takes a short cut. */
static __always_inline void range_give(struct buddy *b, u32 from, u32 to)
{
	u32 i = from >> 5;

	if (i != (to - 1) >> 5)
		range_mark(b, 0, from, to, word_give);
	else if (word_give(b, b->level, i, FULL >> (32 - (to - from)) << (from & 31)))
		range_mark(b, 1, i, i + 1, word_give);
	b->free += to - from;
}

/* Close the open word, so that the indices count everything. O(levels). */
static void settle(struct buddy *b)
{
	u32 i = b->open;
	u32 w;

	if (i == NONE)
		return;
	b->open = NONE;
	w = b->level[0].word[i];
	if (w == FULL)
		range_mark(b, 1, i, i + 1, word_give);
	else
		word_put(b, b->level, i, w);
}

/* Is unit @u of level @l free, as itself or as part of a larger unit? */
static bool unit_free(const struct buddy *b, u32 l, u32 u)
{
	for (; l < b->levels; l++, u >>= 5) {
		u32 w = b->level[l].word[u >> 5];

		if (!(w >> (u & 31) & 1))
			return false;
		if (w != FULL)
			return true;
	}
	return false;
}

/*
 * The level at which place @g is free: the unit around @g is free at that level and
 * its word is not full. NONE if the place is taken. O(levels).
 */
static u32 free_level(const struct buddy *b, u32 g)
{
	u32 l;

	for (l = 0; l < b->levels; l++, g >>= 5) {
		u32 w = b->level[l].word[g >> 5];

		if (!(w >> (g & 31) & 1))
			return NONE;
		if (w != FULL)
			return l;
	}
	return NONE;
}

/* First taken place from @g on, or the end. O(levels^2). */
static u32 run_end(const struct buddy *b, u32 g)
{
	while (g < b->end) {
		u32 l = free_level(b, g);
		u32 u, rest;

		if (l == NONE)
			break;
		u = g >> unit_shift(l);
		rest = ~(b->level[l].word[u >> 5] >> (u & 31));
		u = rest ? u + env_lowest(rest) : (u | 31) + 1;
		g = u << unit_shift(l);
	}
	return g;
}

/* First place of the free run that ends before @g. O(levels^2). */
static u32 run_start(const struct buddy *b, u32 g)
{
	while (g > b->lead) {
		u32 l = free_level(b, g - 1);
		u32 u, rest;

		if (l == NONE)
			break;
		u = (g - 1) >> unit_shift(l);
		rest = ~(b->level[l].word[u >> 5] << (31 - (u & 31)));
		u = rest ? u + 1 - (31 - env_highest(rest)) : u & ~31u;
		g = u << unit_shift(l);
	}
	return g;
}

/* Units at which a block of class c + 1 may start. */
static const u32 aligned[BUDDY_CLASSES] = {
	0x55555555, 0x11111111, 0x01010101, 0x00010001, 0x00000001
};

/*
 * The first unit of the smallest maximal aligned run of at least 2^@order
 * units in the word @w. Such a run exists.
 */
static u32 word_fit(u32 w, u32 order)
{
	u32 runs = w;
	u32 c, pairs, single;

	for (c = 0; c < BUDDY_CLASSES; c++, runs = pairs) {
		pairs = runs & (runs >> (1u << c)) & aligned[c];
		if (c < order)
			continue;
		single = runs & ~(pairs | pairs << (1u << c));
		if (single)
			return env_lowest(single);
	}
	return env_lowest(runs);
}

/*
 * An aligned free block of at least 2^@order granules: of the smallest order that
 * there is, the first block in its index. The fast path. O(levels).
 */
static u32 block_find(const struct buddy *b, u32 order)
{
	u32 have = order < 32 ? b->mask >> order : 0;
	u32 found, l, i, unit;

	if (!have)
		return NONE;
	found = order + env_lowest(have);
	l = order_level(found);
	i = bits_first(&b->level[l].class[found - unit_shift(l)]);
	unit = i << 5 | word_fit(b->level[l].word[i],
				 order > unit_shift(l) ?
				 order - unit_shift(l) : 0);
	return unit << unit_shift(l);
}

/*
 * Open the word of the smallest free block of at least 2^@order granules. Returns
 * false if there is none. The word that was open before is empty. O(levels).
 */
static __always_inline bool open_next(struct buddy *b, u32 order)
{
	u32 have = b->mask >> order;
	u32 found, l, i;

	if (!have)
		return false;
	found = order + env_lowest(have);
	l = order_level(found);
	i = bits_first(&b->level[l].class[found - unit_shift(l)]);
	if (!l) {
		index_put(b, b->level, i, 0);
	} else {
		i = (i << 5 | word_fit(b->level[l].word[i], 0)) << (unit_shift(l) - 5);
		range_mark(b, 1, i, i + 1, word_take);
	}
	b->open = i;
	return true;
}

/*
 * Take @n granules from the open word, at a multiple of 2^@order. NONE if the word
 * has no such run. Another word is opened only when this one is empty, so that
 * requests of different sizes do not open and close words in turn. O(levels).
 */
static __always_inline u32 open_take(struct buddy *b, u32 n, u32 order)
{
	u32 runs, at, c;

	if (order >= BUDDY_CLASSES)
		return NONE;
	if ((b->open == NONE || !b->level[0].word[b->open]) && !open_next(b, order))
		return NONE;
	runs = b->level[0].word[b->open];
	for (c = 0; c < order; c++)
		runs &= runs >> (1u << c) & aligned[c];
	if (!runs)
		return NONE;
	at = env_lowest(runs);
	b->level[0].word[b->open] &= ~(FULL >> (32 - n) << at);
	range_taken(b, n);
	return b->open << 5 | at;
}

/* Has @w a run of @n units, at any alignment? */
static bool word_has_run(u32 w, u32 n)
{
	u32 have = 1;

	if (n > 32)
		return false;
	while (w && have < n) {
		u32 step = min(have, n - have);

		w &= w >> step;
		have += step;
	}
	return w;
}

#define SEARCH_WORDS	96u	/* words that one step of a slow search looks at */

/**
 * struct search - a step of a slow search for a run
 * @n: length of the run
 * @align: alignment in granules
 * @at: where the step starts; afterwards the place of the run, if one was found
 * @s: progress of the search
 */
struct search {
	u32 n;
	u32 align;
	u32 at;
	struct engine_search *s;
};

static noinline bool search_run(struct search *search, u32 start, u32 len)
{
	u32 at = ALIGN(start, search->align);
	u32 usable = at - start < len ? len - (at - start) : 0;

	search->s->any = max(search->s->any, len);
	search->s->longest = max(search->s->longest, usable);
	if (usable < search->n)
		return false;
	search->at = at;
	return true;
}

/* The runs inside a word that touch neither of its ends. */
static bool search_inside(struct search *search, u32 base, u32 w)
{
	if (!word_has_run(w, search->s->longest + 1))
		return false;
	while (w) {
		u32 at = env_lowest(w);
		u32 len = env_lowest(~(w >> at));

		if (search_run(search, base + at, len))
			return true;
		w &= ~(((1u << len) - 1) << at);
	}
	return false;
}

/*
 * Look at the free runs in order of address until one is long enough; neighbours count
 * as one run even if they are not buddies. A step looks at up to SEARCH_WORDS words,
 * some 100 instructions each. A run across the end of the step before may have come or
 * gone since, so it is measured again.
 */
static bool search_words(const struct buddy *b, struct search *search)
{
	u32 words = bits_words(b->end);
	u32 from = max(search->s->at, b->lead >> 5);
	u32 end = min(words, from + SEARCH_WORDS);
	u32 start = run_start(b, from << 5);
	u32 len = (from << 5) - start;
	u32 i;

	for (i = from; i < end; i++) {
		u32 w = b->level[0].word[i];
		u32 head, tail;

		if (w == FULL && unit_free(b, 1, i)) {
			start = len ? start : i << 5;
			len += 32;
			if (search_run(search, start, len))
				return true;
			continue;
		}
		if (w == FULL)
			w = 0;
		head = env_lowest(~w);
		tail = 31 - env_highest(~w);
		start = len ? start : i << 5;
		if (search_run(search, start, len + head))
			return true;
		w &= (FULL << head) & (FULL >> tail);
		if (w && search_inside(search, i << 5, w))
			return true;
		len = tail;
		start = (i << 5) + 32 - tail;
	}
	search->s->at = end;
	search->s->done = end == words;
	return search_run(search, start, len);
}

/* One step of the search of a request. Returns the place of the run, or NONE. */
static u32 search_step(struct buddy *b, u32 n, u32 align, struct engine_search *s)
{
	struct search search = { .n = n, .align = align, .at = NONE, .s = s };
	u32 mark = engine_mark(&b->e);

	s->torn |= s->at && mark != s->mark;
	s->mark = mark;
	settle(b);
	search_words(b, &search);
	return search.at;
}

/* The largest request that the fast path alone can serve at @align granules. */
static u32 largest_block(const struct buddy *b, u32 align)
{
	u32 largest = b->mask ? 1u << env_highest(b->mask) : 0;

	return largest < align ? 0 : largest;
}

/*
 * The largest request that would succeed at an alignment, in granules. Exact after a
 * search that has seen the whole range.
 */
static u32 largest_at(struct buddy *b, u32 align, const struct engine_search *search)
{
	settle(b);
	return search ? search->longest : largest_block(b, align);
}

static int buddy_refuse(struct buddy *b, u32 n, u32 align, const struct engine_search *search,
			struct engine_refusal *why)
{
	u32 unaligned = search ? search->any : largest_block(b, 1);
	u32 reason;

	if (n > b->granules)
		reason = MEMMGR_REASON_TOO_LARGE;
	else if (b->free < n)
		reason = MEMMGR_REASON_EXHAUSTED;
	else if (unaligned >= n)
		reason = MEMMGR_REASON_ALIGNMENT;
	else
		reason = MEMMGR_REASON_FRAGMENTED;
	engine_refuse(why, reason, (u64)largest_at(b, align, search) << b->shift);
	why->exact = search ? !search->torn : !(b->flags & BUDDY_JOIN);
	return -ENOMEM;
}

/*
 * Take @n free granules without the open word. Returns the first granule, or NONE if
 * the indices show no such block.
 */
static noinline u32 block_take(struct buddy *b, u32 n, u32 order)
{
	u32 g = block_find(b, order);

	if (g == NONE) {
		settle(b);
		g = block_find(b, order);
	}
	if (g == NONE)
		return NONE;
	range_take(b, g, g + n);
	return g - b->lead;
}

/*
 * Take @n free granules at a multiple of @align, if the indices show such a block.
 * Returns the first granule, or NONE.
 */
static __always_inline u32 run_take(struct buddy *b, u32 n, u32 align)
{
	u32 order = max(order_of(n), order_of(align));
	u32 g = open_take(b, n, order);

	return g != NONE ? g - b->lead : block_take(b, n, order);
}

/*
 * The index shows aligned blocks only. A run of neighbours that are not buddies is
 * found by a slow search, which also finds out which request would have succeeded.
 */
static u32 run_search(struct buddy *b, u32 n, u32 align, struct engine_search *search)
{
	u32 g = search_step(b, n, align, search);

	if (g == NONE)
		return NONE;
	range_take(b, g, g + n);
	b->joins++;
	return g - b->lead;
}

static void buddy_describe(const struct buddy *b, u32 g, u32 n,
			   struct engine_block *block)
{
	block->offset = (u64)g << b->shift;
	block->granted = (u64)n << b->shift;
	block->requested = block->granted - b->slack[g];
	block->used = true;
	block->recorded = b->code[g] & CODE_RECORDED;
}

static __always_inline void block_enter(struct buddy *b, u32 g, u32 n, u32 slack, bool recorded)
{
	code_write(b, g, n, recorded);
	b->slack[g] = slack;
	if (slack)
		b->waste += slack;
	b->live++;
}

static __always_inline void block_leave(struct buddy *b, u32 g, u32 n)
{
	u32 place = g + b->lead;
	u32 slack = b->slack[g];

	if (slack)
		b->waste -= slack;
	b->live--;
	code_clear(b, g);
	range_give(b, place, place + n);
}

/*
 * O(levels) by the fast path. If that finds nothing, BUDDY_JOIN is set and the request
 * has a search, each call looks at up to SEARCH_WORDS words more, and returns -EAGAIN
 * until it finds a run or has seen all granules / 32 words.
 */
static int buddy_alloc(struct engine *e, const struct engine_request *rq,
		       struct engine_block *block, struct engine_refusal *why)
{
	struct buddy *b = container_of(e, struct buddy, e);
	struct engine_search *search = b->flags & BUDDY_JOIN ? rq->search : NULL;
	u64 total = (u64)b->granules << b->shift;
	u32 n, align, g = NONE;

	if (!rq->bytes || !engine_align_ok(rq->align))
		return -EINVAL;
	if (rq->align > total)
		return engine_refuse(why, MEMMGR_REASON_TOO_LARGE, 0);
	align = max_t(u32, 1, rq->align >> b->shift);
	/* All sizes beyond the end are equal. */
	n = rq->bytes > total ? b->granules + 1 :
	    (rq->bytes + (1u << b->shift) - 1) >> b->shift;
	if (n <= b->granules)
		g = run_take(b, n, align);
	if (g == NONE && search) {
		g = run_search(b, n, align, search);
		if (g == NONE && !search->done)
			return -EAGAIN;
	}
	if (g == NONE)
		return buddy_refuse(b, n, align, search, why);
	block_enter(b, g, n, ((u64)n << b->shift) - rq->bytes, rq->recorded);
	engine_count(e, engine_class(rq->bytes));
	buddy_describe(b, g, n, block);
	return 0;
}

/**
 * buddy_take - buddy_alloc() without alignment, description, record or search
 * @b: the engine
 * @bytes: size, at least 1
 *
 * Context: any; the caller serialises. O(levels).
 * Return: the first granule, or BUDDY_NONE.
 */
u32 buddy_take(struct buddy *b, u32 bytes)
{
	u32 n = ((bytes - 1) >> b->shift) + 1;
	u32 g = run_take(b, n, 1);

	if (g == NONE)
		return NONE;
	block_enter(b, g, n, (n << b->shift) - bytes, false);
	engine_count(&b->e, env_width(bytes - 1));
	return g;
}

/**
 * buddy_give - give back a block of buddy_take()
 * @b: the engine
 * @g: first granule
 *
 * Context: any; the caller serialises. O(levels).
 * Return: 0, -ENOENT or -EACCES.
 */
int buddy_give(struct buddy *b, u32 g)
{
	if (unlikely(g >= b->granules))
		return -ENOENT;
	/* The code of a block without a record is its length, with neither mark. */
	if (unlikely(b->code[g] - 1u >= CODE_LENGTH))
		return code_starts(b, g) ? -EACCES : -ENOENT;
	block_leave(b, g, code_read(b, g));
	return 0;
}

/* The granule where the live block at @offset starts, or NONE. */
static u32 block_at(const struct buddy *b, u64 offset)
{
	u64 g = offset >> b->shift;

	if (g >= b->granules || g << b->shift != offset || !code_starts(b, g))
		return NONE;
	return g;
}

/* O(levels) */
static int buddy_free(struct engine *e, u64 offset, bool recorded,
		      struct engine_block *block)
{
	struct buddy *b = container_of(e, struct buddy, e);
	u32 g = block_at(b, offset);
	u32 n;

	if (g == NONE)
		return -ENOENT;
	n = code_read(b, g);
	buddy_describe(b, g, n, block);
	if (block->recorded != recorded)
		return -EACCES;
	block_leave(b, g, n);
	return 0;
}

/*
 * O(levels^2). A block that grows is first given back whole and then taken anew.
 * Otherwise the words that it fills would not be marked as free() expects them.
 */
static int buddy_resize(struct engine *e, u64 offset,
			const struct engine_request *rq,
			struct engine_block *block, struct engine_refusal *why)
{
	struct buddy *b = container_of(e, struct buddy, e);
	u32 g = block_at(b, offset);
	u32 low = b->low;
	u32 n, end, want, place;

	if (!rq->bytes)
		return -EINVAL;
	if (g == NONE)
		return -ENOENT;
	if (!!(b->code[g] & CODE_RECORDED) != rq->recorded)
		return -EACCES;
	settle(b);
	n = code_read(b, g);
	place = g + b->lead;
	end = run_end(b, place + n) - b->lead;
	if (rq->bytes > (u64)(end - g) << b->shift)
		return engine_refuse(why, rq->bytes > (u64)b->granules << b->shift ?
				     MEMMGR_REASON_TOO_LARGE :
				     MEMMGR_REASON_BLOCKED,
				     (u64)(end - g) << b->shift);
	want = (rq->bytes + (1u << b->shift) - 1) >> b->shift;
	e->changes++;
	code_clear(b, g);
	if (want < n) {
		range_give(b, place + want, place + n);
	} else if (want > n) {
		range_give(b, place, place + n);
		range_take(b, place, place + want);
		b->low = min(low, b->free);
	}
	code_write(b, g, want, rq->recorded);
	b->waste -= b->slack[g];
	b->slack[g] = ((u64)want << b->shift) - rq->bytes;
	b->waste += b->slack[g];
	buddy_describe(b, g, want, block);
	return 0;
}

/* O(1) */
static int buddy_find(struct engine *e, u64 offset, struct engine_block *block)
{
	struct buddy *b = container_of(e, struct buddy, e);
	u32 g = block_at(b, offset);

	if (g == NONE)
		return -ENOENT;
	buddy_describe(b, g, code_read(b, g), block);
	return 0;
}

/* O(n + levels for each 32). */
static void buddy_picture(struct engine *e, u32 g, u32 n, u8 *cell)
{
	struct buddy *b = container_of(e, struct buddy, e);
	const u8 *code = b->code + g;
	u32 place = g + b->lead;
	u32 i, w = 0;

	settle(b);
	for (i = 0; i < n; i++, place++, w >>= 1) {
		if (!i || !(place & 31)) {
			w = b->level[0].word[place >> 5];
			if (w == FULL && !unit_free(b, 1, place >> 5))
				w = 0;
			w >>= place & 31;
		}
		if (w & 1)
			cell[i] = PLAN_FREE;
		else if (code[i] & CODE_LENGTH && !(code[i] & CODE_MORE))
			cell[i] = PLAN_USED | PLAN_FIXED | PLAN_START;
		else
			cell[i] = PLAN_USED | PLAN_FIXED;
	}
}

/* Are all places of the range free, and is it not empty? O(levels) for each unit in it. */
static bool range_free(const struct buddy *b, u32 from, u32 to)
{
	u32 l;

	if (from >= to || from < b->lead || to > b->end)
		return false;
	while (from < to) {
		l = free_level(b, from);
		if (l == NONE)
			return false;
		from = ((from >> unit_shift(l)) + 1) << unit_shift(l);
	}
	return true;
}

/* O(levels^2). No search is needed. */
static int buddy_take_at(struct engine *e, u32 g, u32 n, u32 slack,
			 struct engine_search *unused __maybe_unused)
{
	struct buddy *b = container_of(e, struct buddy, e);
	u32 place = g + b->lead;

	settle(b);
	if (!range_free(b, place, place + n))
		return -EBUSY;
	range_take(b, place, place + n);
	block_enter(b, g, n, slack, true);
	b->e.changes++;
	return 0;
}

/* O(levels) */
static void buddy_left(struct engine *e, u32 g)
{
	struct buddy *b = container_of(e, struct buddy, e);

	block_leave(b, g, code_read(b, g));
}

static u32 buddy_slack(const struct engine *e, u32 g)
{
	return container_of(e, const struct buddy, e)->slack[g];
}

/* A live block now begins at @to and has @n granules; its waste stays the same. */
static void block_recode(struct buddy *b, u32 g, u32 to, u32 n)
{
	u32 slack = b->slack[g];

	code_clear(b, g);
	code_write(b, to, n, true);
	b->slack[g] = 0;
	b->slack[to] = slack;
}

/* O(levels^2) */
static int buddy_slide(struct engine *e, u32 g, u32 to)
{
	struct buddy *b = container_of(e, struct buddy, e);
	u32 n = code_read(b, g);
	u32 place = g + b->lead;

	settle(b);
	if (to >= g || run_end(b, to + b->lead) < place)
		return -EBUSY;
	/* Given back whole and taken anew, as in buddy_resize(). */
	range_give(b, place, place + n);
	range_take(b, to + b->lead, place + n);
	block_recode(b, g, to, g + n - to);
	b->e.changes++;
	return 0;
}

/* O(levels) */
static void buddy_slid(struct engine *e, u32 g, u32 keep, u32 n)
{
	struct buddy *b = container_of(e, struct buddy, e);
	u32 end = g + code_read(b, g);

	settle(b);
	b->e.changes++;
	block_recode(b, g, keep, n);
	if (keep > g)
		range_give(b, g + b->lead, keep + b->lead);
	if (keep + n < end)
		range_give(b, keep + n + b->lead, end + b->lead);
}

/* Without joining, only aligned blocks are found. */
static void buddy_sure(const struct engine *e, u32 *n, u32 *align)
{
	if (container_of(e, const struct buddy, e)->flags & BUDDY_JOIN)
		return;
	*n = 1u << env_width(*n - 1);
	*align = max(*align, *n);
}

static const struct engine_moves buddy_moves = {
	.picture = buddy_picture,
	.take_at = buddy_take_at,
	.left = buddy_left,
	.slack = buddy_slack,
	.slide = buddy_slide,
	.slid = buddy_slid,
	.sure = buddy_sure,
};

#define NEXT_GRANULES	256u	/* granules amid a block that one call passes over */

/* One block, one free run, or the rest of a cut free run a call. O(levels^2). */
static bool buddy_next(struct engine *e, u64 *pos, struct engine_block *block)
{
	struct buddy *b = container_of(e, struct buddy, e);
	u64 g = *pos >> b->shift;
	u32 end, skipped = 0;

	g += g << b->shift != *pos;
	settle(b);
	/*
	 * The block at *pos may have gone since the last call, and another block may
	 * lie across *pos.
	 */
	while (g < b->granules && !code_starts(b, g) &&
	       free_level(b, g + b->lead) == NONE && skipped++ < NEXT_GRANULES)
		g++;
	if (g >= b->granules)
		return false;
	if (skipped > NEXT_GRANULES) {
		*block = (struct engine_block) { .offset = g << b->shift };
	} else if (code_starts(b, g)) {
		buddy_describe(b, g, code_read(b, g), block);
	} else {
		end = run_end(b, g + b->lead) - b->lead;
		*block = (struct engine_block) {
			.offset = g << b->shift,
			.granted = (u64)(end - g) << b->shift,
		};
	}
	*pos = block->offset + block->granted;
	return true;
}

static void buddy_books(struct engine *e, struct engine_books *books)
{
	struct buddy *b = container_of(e, struct buddy, e);

	books->live = b->live;
	books->total = (u64)b->granules << b->shift;
	books->used = (u64)(b->granules - b->free) << b->shift;
	books->peak = (u64)(b->granules - b->low) << b->shift;
	books->requested = books->used - b->waste;
	books->joins = b->joins;
	books->allocs = engine_counts(e, books);
}

/*
 * Measure the run around the first free block of an order. The longest run of all
 * contains a block of the highest order in use or of the order below, because a run of
 * 2^(o+2) - 1 granules contains a block of order o + 1 wherever it starts.
 */
static void run_around(const struct buddy *b, u32 order, struct engine_frag *frag)
{
	u32 g = block_find(b, order);
	u32 start, end, o, below = 0;

	if (g == NONE)
		return;
	end = run_end(b, g);
	start = run_start(b, g);
	/* A longer run was already measured. */
	if (end - start <= frag->aligned[order])
		return;
	for (o = 0; o < frag->orders; o++, below = below << 1 | 1) {
		u32 at = (start + below) & ~below;	/* far below 2^32 */

		if (at >= end)
			break;
		if (frag->aligned[o] < end - at)
			frag->aligned[o] = end - at;
	}
}

/* The longest run, and the longest runs that start at multiples of 2^o. */
static void buddy_runs(const struct buddy *b, struct engine_frag *frag)
{
	u32 top, o;

	if (!b->mask)
		return;
	top = env_highest(b->mask);
	/* A block is aligned to its own size. */
	for (o = 0; o <= top; o++)
		frag->aligned[o] = 1u << top;
	if (b->flags & BUDDY_JOIN) {
		run_around(b, top, frag);
		/* A run without a block of the highest order is shorter than this. */
		if (top && frag->aligned[0] < (2u << top) - 1)
			run_around(b, top - 1, frag);
	}
	frag->largest = (u64)frag->aligned[0] << b->shift;
}

/* O(orders) */
static void buddy_frag(struct engine *e, struct engine_frag *frag)
{
	struct buddy *b = container_of(e, struct buddy, e);
	u32 l, c, o = 0, orders = env_highest(b->granules) + 1;
	u32 unit = 1u << b->shift;

	settle(b);
	memset(frag, 0, sizeof(*frag));
	frag->orders = orders;
	frag->unit = unit;
	/* A product costs less than a 64-bit shift. */
	frag->free = (u64)b->free * unit;
	frag->used = (u64)(b->granules - b->free) * unit;
	frag->requested = frag->used - b->waste;
	buddy_runs(b, frag);
	for (l = 0; l < b->levels; l++)
		for (c = 0; c < BUDDY_CLASSES && o < orders; c++)
			frag->blocks[o++] = b->level[l].count[c];
}

/* Phases of a check: one for each level, then the granules. Sums of the latter: */
enum { COVER_FREE, COVER_LIVE, COVER_LEAD };

/* Check the indices of word c->at of a level. n[]: free blocks by class. */
static bool word_check(const struct buddy *b, u32 l, struct engine_check *c)
{
	const struct buddy_level *level = &b->level[l];
	u32 i = c->at, k, mix = level->mix[i];
	u64 place = max_t(u64, (u64)i << (unit_shift(l) + 5), b->lead);
	u64 at = (place - b->lead) << b->shift;

	if (mix != mix_of(level->word[i]))
		return engine_broken(&c->fault, "mix of a word", at);
	for (k = 0; k < BUDDY_CLASSES; k++) {
		c->n[k] += mix >> k * MIX_BITS & MIX_MASK;
		if (bits_test(&level->class[k], i) != (mix && mix_class(mix) == k))
			return engine_broken(&c->fault, "class of a word", at);
		if (!bits_check_at(&level->class[k], bits_words(level->units), i))
			return engine_broken(&c->fault, "index of a class", l);
	}
	return true;
}

/* Check the indices of a level against its words. */
static bool level_check(struct buddy *b, u32 l, struct engine_check *c, u32 budget)
{
	const struct buddy_level *level = &b->level[l];
	u32 words = bits_words(level->units);
	u32 k;

	for (; c->at < words && budget; c->at++, budget--)
		if (!word_check(b, l, c))
			return false;
	if (c->at < words)
		return true;
	for (k = 0; k < BUDDY_CLASSES; k++) {
		bool any = b->mask >> (unit_shift(l) + k) & 1;

		if (!c->torn && c->n[k] != level->count[k])
			return engine_broken(&c->fault, "free blocks of an order", l);
		if (any == bits_empty(&level->class[k]))
			return engine_broken(&c->fault, "order mask", l);
		c->n[k] = 0;
	}
	c->at = 0;
	c->phase++;
	return true;
}

/* Check the block at c->at, from c->inner on. Returns false if it is broken. */
static bool block_check(struct buddy *b, struct engine_check *c, u32 *budget)
{
	u32 g = c->at, n, i;
	u64 at = (u64)g << b->shift;

	if (!code_starts(b, g))
		return engine_broken(&c->fault, "granule of no block", at);
	n = code_read(b, g);
	if (n > b->granules - g)
		return engine_broken(&c->fault, "length of a block", at);
	for (i = max(c->inner, 1u); i < n && *budget; i++, --*budget)
		if (free_level(b, g + b->lead + i) != NONE || !code_inside(b, g, i))
			return engine_broken(&c->fault, "block overlaps", at);
	c->inner = i;
	if (i < n)
		return true;
	if (b->slack[g] >= 1u << b->shift)
		return engine_broken(&c->fault, "waste of a block", at);
	c->sum[0] += b->slack[g];
	c->n[COVER_LIVE]++;
	c->fault.checked++;
	c->inner = 0;
	c->at += n;
	return true;
}

#define INNER_LOST	NONE	/* in inner: a block that came since may lie across c->at */

/* Go on behind the rest of a block that was allocated between two steps. */
static void cover_resume(struct buddy *b, struct engine_check *c, u32 *budget)
{
	for (; c->at < b->granules && *budget; c->at++, --*budget)
		if (code_starts(b, c->at) || free_level(b, c->at + b->lead) != NONE)
			break;
	if (*budget)
		c->inner = 0;
}

static bool cover_sums(const struct buddy *b, struct engine_check *c)
{
	if (c->n[COVER_FREE] != b->free || b->low > b->free)
		return engine_broken(&c->fault, "number of free granules", 0);
	if (c->n[COVER_LIVE] != b->live)
		return engine_broken(&c->fault, "number of live blocks", 0);
	if (c->sum[0] != b->waste)
		return engine_broken(&c->fault, "sum of wasted bytes", 0);
	return false;
}

/* Every granule is free or belongs to one live block, never both. */
static bool cover_check(struct buddy *b, struct engine_check *c, u32 budget)
{
	/* The places before the first granule are never free. */
	for (; c->n[COVER_LEAD] < b->lead && budget; c->n[COVER_LEAD]++, budget--)
		if (free_level(b, c->n[COVER_LEAD]) != NONE)
			return engine_broken(&c->fault, "free place before the first granule", 0);
	if (c->changed)
		c->inner = INNER_LOST;
	if (c->inner == INNER_LOST)
		cover_resume(b, c, &budget);
	while (c->at < b->granules && budget) {
		if (free_level(b, c->at + b->lead) == NONE) {
			if (!block_check(b, c, &budget))
				return false;
			budget -= !!budget;
			continue;
		}
		budget--;
		if (b->code[c->at])
			return engine_broken(&c->fault, "free granule with a length",
					     (u64)c->at << b->shift);
		c->fault.checked++;
		c->n[COVER_FREE]++;
		c->at++;
	}
	if (c->at < b->granules)
		return true;
	return !c->torn && cover_sums(b, c);
}

/* O(budget x levels) */
static bool buddy_check(struct engine *e, struct engine_check *c, u32 budget)
{
	struct buddy *b = container_of(e, struct buddy, e);

	if (b->mask >> unit_shift(b->levels))
		return engine_broken(&c->fault, "order mask", b->levels);
	if (b->open != NONE &&
	    (b->open >= bits_words(b->end) || b->level[0].mix[b->open]))
		return engine_broken(&c->fault, "open word", 0);
	settle(b);
	return c->phase < b->levels ? level_check(b, c->phase, c, budget) :
				      cover_check(b, c, budget);
}

static const struct engine_ops buddy_ops = {
	.name = "buddy",
	.alloc = buddy_alloc,
	.free = buddy_free,
	.resize = buddy_resize,
	.find = buddy_find,
	.next = buddy_next,
	.check = env_checks ? buddy_check : NULL,
	.books = buddy_books,
	.frag = buddy_frag,
	.moves = env_moves ? &buddy_moves : NULL,
};

/* Number of rows of bits for @granules. The word of the last row is never full. */
static u32 levels_of(u32 granules)
{
	u32 levels = 1;

	while (granules >>= 5)
		levels++;
	return levels;
}

/**
 * buddy_meta_size - bytes that the state of a buddy needs
 * @lead: place of the first granule
 * @granules: number of granules
 *
 * Return: bytes: at most 4 a granule from 74 granules on if @lead is 0, and from
 * 1024 granules on with any @lead.
 */
size_t buddy_meta_size(u32 lead, u32 granules)
{
	u32 levels = levels_of(lead + granules);
	size_t words = 0;
	u32 units = lead + granules;
	u32 l;

	for (l = 0; l < levels; l++, units >>= 5)
		words += 2 * bits_words(units) +
			 BUDDY_CLASSES * bits_size(bits_words(units));
	return words * sizeof(u32) +
	       ALIGN((size_t)granules, sizeof(u32)) + granules * sizeof(u16);
}

#define INIT_STEP	(1u << 16)	/* words that are set between two pauses */

static u32 *level_init(struct buddy_level *level, u32 units, u32 *words)
{
	u32 n = bits_words(units);
	u32 i, c;

	level->units = units;
	level->word = words;
	level->mix = words + n;
	words += 2 * n;
	for (c = 0; c < BUDDY_CLASSES; c++)
		words = bits_init(&level->class[c], n, words);
	for (i = 0; i < units >> 5; i++) {
		level->word[i] = FULL;	/* stale, until the first range_give() */
		if (!(i % INIT_STEP))
			env_pause();
	}
	return words;
}

/**
 * buddy_init - set up a buddy with everything free
 * @b: the engine
 * @lead: place of the first granule, below @granules: alignments count from @lead
 *	granules before the first granule
 * @granules: 1 .. BUDDY_MAX_GRANULES, not necessarily a power of two
 * @shift: log2 of the granule in bytes, 5 .. 16
 * @flags: BUDDY_JOIN
 * @meta: buddy_meta_size(@lead, @granules) bytes of zeros, aligned to 4
 *
 * Context: process, may pause; the caller serialises. O(granules / 32).
 * Return: 0 or -EINVAL.
 */
int buddy_init(struct buddy *b, u32 lead, u32 granules, u32 shift, u32 flags, void *meta)
{
	u32 *words = meta;
	u32 units = lead + granules;
	u32 l;

	if (!granules || granules > BUDDY_MAX_GRANULES || lead >= granules ||
	    shift < BUDDY_MIN_SHIFT || shift > 16 || flags & ~BUDDY_JOIN)
		return -EINVAL;
	memset(b, 0, sizeof(*b));
	b->e.ops = &buddy_ops;
	b->shift = shift;
	b->granules = granules;
	b->lead = lead;
	b->end = lead + granules;
	b->low = granules;
	b->flags = flags;
	b->levels = levels_of(b->end);
	b->open = NONE;
	for (l = 0; l < b->levels; l++, units >>= 5) {
		b->level[l].first = unit_shift(l);
		words = level_init(&b->level[l], units, words);
	}
	b->code = (u8 *)words;
	b->slack = (u16 *)(b->code + ALIGN(granules, sizeof(u32)));
	range_give(b, lead, b->end);
	return 0;
}
