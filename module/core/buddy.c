// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Buddy. The words are explained in buddy.h.
 *
 * Where it comes from: the buddy system is Knowlton's (CACM 8/10, 1965); free
 * space as bit fields in which a run is found by word operations and merging is
 * implicit follows LLFree (Wrenger et al., USENIX ATC'23), here with a tree of
 * rows instead of one row of fixed areas, so that every order has an index.
 *
 * Cost: levels = log32(granules), at most 6. Where a function says O(levels)
 * it touches at most two words a level, each with an index of its own.
 */
#include "core/buddy.h"
#include "core/plan.h"

#define FULL	(~0u)
#define NONE	BUDDY_NONE

/*
 * The mix of a word: five fields of six bits, the number of maximal aligned
 * free blocks of 1, 2, 4, 8 and 16 units. The mixes of its four bytes add up,
 * but for two full bytes side by side.
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

/* A full word has no blocks of its own: it is a unit of the level above. */
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
 * The highest field that is not zero; BUDDY_CLASSES when all are. x * 43 / 256
 * is x / 6.
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
 * code[g] tells what starts at granule g:
 *
 *	0		nothing
 *	1 .. 62		a block of so many granules
 *	63		a longer block; the length follows in five granules of
 *			six bits each, marked with CODE_MORE
 *
 * with CODE_RECORDED where the block has a record. Nothing that is not the
 * start of a block can be taken for one.
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

/* Is the code of granule @i of the block at @g what it should be? 1 <= @i. */
static bool code_inside(const struct buddy *b, u32 g, u32 i)
{
	bool more = (b->code[g] & CODE_LENGTH) == CODE_LONG && i <= CODE_EXTRA;

	return (b->code[g + i] & ~(more ? 63 : 0)) == (more ? CODE_MORE : 0);
}

/*
 * The indices take word @i of a level for one whose mix is @new. This and what
 * calls it is where the time goes: hence inlined, and without a loop.
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

/* Give word @i of a level the bits @w, and bring its indices in line. */
static noinline void word_put(struct buddy *b, struct buddy_level *level, u32 i,
			      u32 w)
{
	level->word[i] = w;
	index_put(b, level, i, mix_of(w));
}

/*
 * Mark the units @bits of a word as taken. True when the word was one unit of
 * the level above, which is then no longer free as a whole.
 */
static bool word_take(struct buddy *b, struct buddy_level *level, u32 i, u32 bits)
{
	u32 w = level->word[i];

	if (bits == FULL)
		return true;
	word_put(b, level, i, w & ~bits);
	return w == FULL;
}

/* Mark them as free. True when the word becomes one unit of the level above. */
static __always_inline bool word_give(struct buddy *b, struct buddy_level *level, u32 i, u32 bits)
{
	u32 w = level->word[i];

	if (i == b->open && level == b->level) {
		level->word[i] = w | bits;
		return false;
	}
	if (w == FULL)
		w = 0;		/* stale: it was part of what is given back */
	w |= bits;
	word_put(b, level, i, w);
	return w == FULL;
}

/*
 * Take or give back the units of level @l from @from to before @to, which are
 * all free or all taken. Whole words in the middle are left alone at their
 * level: they are units of the next one. So only the first and the last word of
 * a level are touched, and what is left for the next level is again one range.
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

/* Places, as all that follows up to block_take(). */
static void range_take(struct buddy *b, u32 from, u32 to)
{
	range_mark(b, 0, from, to, word_take);
	range_taken(b, to - from);
}

/* What lies in one word, as most blocks do, takes a short cut. */
static __always_inline void range_give(struct buddy *b, u32 from, u32 to)
{
	u32 i = from >> 5;

	if (i != (to - 1) >> 5)
		range_mark(b, 0, from, to, word_give);
	else if (word_give(b, b->level, i, FULL >> (32 - (to - from)) << (from & 31)))
		range_mark(b, 1, i, i + 1, word_give);
	b->free += to - from;
}

/* No word is open afterwards: all indices tell all. O(levels). */
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
 * The level at which place @g is free: the unit around it there is free and
 * its word is not full. NONE when it is taken. O(levels).
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

/* First place from @g on that is taken, or the end. O(levels^2). */
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

/* Where a block of class c + 1 may start. */
static const u32 aligned[BUDDY_CLASSES] = {
	0x55555555, 0x11111111, 0x01010101, 0x00010001, 0x00000001
};

/*
 * The first unit of the smallest maximal aligned run of at least 2^@order
 * units in the word @w, which has one.
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
 * The aligned free block of the smallest order, at least @order, at the lowest
 * address that the index shows first. The fast path. O(levels).
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
 * Open the word of the smallest free block of at least 2^@order granules; false
 * when there is none. The word that was open has nothing left. O(levels).
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
 * Take @n granules from the open word, at a multiple of 2^@order; NONE when it
 * has no such run. Only an empty word is left for another, so that requests of
 * different sizes do not make words open and close in turn. O(levels).
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

/* Has @w a run of @n units, wherever it stands? */
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

#define SEARCH_WORDS	96u	/* looked at in a step of a slow search */

/**
 * struct search - a step of a slow search for a run
 * @n: length that is wanted
 * @align: in granules
 * @at: where it was found, or NONE
 * @s: how far the search has come
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
 * Look at the free runs, in order of address, joining neighbours that are no buddies,
 * until one serves: at most SEARCH_WORDS words, some 100 instructions each. Where the
 * step before has ended, a run may have come or gone: it is looked at as it is now.
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

/* A step of the search that a request brings along: where it found a run, or NONE. */
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

/* What the fast path alone can give at an alignment of @align granules. */
static u32 largest_block(const struct buddy *b, u32 align)
{
	u32 largest = b->mask ? 1u << env_highest(b->mask) : 0;

	return largest < align ? 0 : largest;
}

/*
 * The largest request that would succeed at an alignment, in granules: with a search
 * that has seen all of it, exactly.
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
 * Take @n free granules for which the open word is of no use: the first of them; NONE:
 * the indices show none.
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
 * Take @n free granules at a place that is a multiple of @align, as far as the indices
 * show any: the first of them; NONE when they do not.
 */
static __always_inline u32 run_take(struct buddy *b, u32 n, u32 align)
{
	u32 order = max(order_of(n), order_of(align));
	u32 g = open_take(b, n, order);

	return g != NONE ? g - b->lead : block_take(b, n, order);
}

/*
 * The index shows aligned blocks only; a run made of neighbours that are no buddies is
 * found by a slow search, which also tells what would have worked.
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
 * O(levels) by the fast path; with BUDDY_JOIN, a search and nothing aligned free, at
 * most SEARCH_WORDS steps more, and -EAGAIN until granules / 32 are done.
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
	/* Beyond the end all sizes are one. */
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
 * buddy_take - buddy_alloc() without alignment, description, record and search
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
 * buddy_give - give back what buddy_take() gave
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
	/* A block without a record starts with its length alone, and with neither mark. */
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
 * O(levels^2). A block that grows is given back and taken anew in one go: only
 * so are the words that it fills marked the way they will be given back.
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

/**
 * buddy_picture - show what granules are, in the cells of plan.h
 * @b: the engine
 * @g: the first of them
 * @n: how many; not beyond the last one
 * @cell: one byte for each; blocks look fixed
 *
 * Context: any; the caller serialises. O(n + levels for each 32).
 */
void buddy_picture(struct buddy *b, u32 g, u32 n, u8 *cell)
{
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

/* Are these places, at least one, all free? O(levels) for each unit they fill. */
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

/**
 * buddy_take_at - take granules at a place, for a block that moves there
 * @b: the engine
 * @g: the first of them
 * @n: how many
 * @slack: what the block wastes of them, in bytes
 *
 * The new block has a record, as all that move have. It counts as live, but not as
 * an allocation.
 *
 * Context: any; the caller serialises. O(levels^2).
 * Return: 0, or -EBUSY when they are not all free.
 */
int buddy_take_at(struct buddy *b, u32 g, u32 n, u32 slack)
{
	u32 place = g + b->lead;

	settle(b);
	if (!range_free(b, place, place + n))
		return -EBUSY;
	range_take(b, place, place + n);
	block_enter(b, g, n, slack, true);
	b->e.changes++;
	return 0;
}

/**
 * buddy_left - one of the two blocks of a move goes: the old one, or the one at the new place
 * @b: the engine
 * @g: its first granule; a live block starts there, as the mover knows
 *
 * Context: any; the caller serialises. O(levels).
 */
void buddy_left(struct buddy *b, u32 g)
{
	block_leave(b, g, code_read(b, g));
}

/* What the live block at @g wastes, in bytes. */
u32 buddy_slack(const struct buddy *b, u32 g)
{
	return b->slack[g];
}

/* A live block begins elsewhere and is longer or shorter now; its waste stays. */
static void block_recode(struct buddy *b, u32 g, u32 to, u32 n)
{
	u32 slack = b->slack[g];

	code_clear(b, g);
	code_write(b, to, n, true);
	b->slack[g] = 0;
	b->slack[to] = slack;
}

/**
 * buddy_slide - add the free granules before a block to it, to move it down
 * @b: the engine
 * @g: the block, with a record
 * @to: the first of them, where the block begins now
 *
 * Context: any; the caller serialises. O(levels^2).
 * Return: 0, or -EBUSY when they are not all free.
 */
int buddy_slide(struct buddy *b, u32 g, u32 to)
{
	u32 n = code_read(b, g);
	u32 place = g + b->lead;

	settle(b);
	if (to >= g || run_end(b, to + b->lead) < place)
		return -EBUSY;
	/* In one go, as in buddy_resize(). */
	range_give(b, place, place + n);
	range_take(b, to + b->lead, place + n);
	block_recode(b, g, to, g + n - to);
	b->e.changes++;
	return 0;
}

/**
 * buddy_slid - the slide of a block is over
 * @b: the engine
 * @g: where the block begins since buddy_slide()
 * @keep: where it shall begin: @g, or where it was before to call the slide off
 * @n: its granules, as before
 *
 * What else it has becomes free.
 *
 * Context: any; the caller serialises. O(levels).
 */
void buddy_slid(struct buddy *b, u32 g, u32 keep, u32 n)
{
	u32 end = g + code_read(b, g);

	settle(b);
	b->e.changes++;
	block_recode(b, g, keep, n);
	if (keep > g)
		range_give(b, g + b->lead, keep + b->lead);
	if (keep + n < end)
		range_give(b, keep + n + b->lead, end + b->lead);
}

#define NEXT_GRANULES	256u	/* of a block that is none of its own, in a call */

/* One block or one free run a call, O(levels^2), or a part of one that was cut. */
static bool buddy_next(struct engine *e, u64 *pos, struct engine_block *block)
{
	struct buddy *b = container_of(e, struct buddy, e);
	u64 g = *pos >> b->shift;
	u32 end, skipped = 0;

	g += g << b->shift != *pos;
	settle(b);
	/*
	 * The walk may have been resumed after the block at *pos went away, and another
	 * one lies across it.
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
 * The run around the first block of an order. The longest run of all holds a
 * block of the highest order there is or of the one below: a run of 2^(o+2) - 1
 * granules has a block of order o + 1 in it wherever it starts.
 */
static void run_around(const struct buddy *b, u32 order, struct engine_frag *frag)
{
	u32 g = block_find(b, order);
	u32 start, end, o;

	if (g == NONE)
		return;
	end = run_end(b, g);
	start = run_start(b, g);
	/* It has nothing to add to a longer one that was seen. */
	if (end - start <= frag->aligned[order])
		return;
	for (o = 0; o < frag->orders; o++) {
		u32 at = ALIGN(start, 1u << o);		/* far below 2^32 */

		if (at >= end)
			break;
		frag->aligned[o] = max(frag->aligned[o], end - at);
	}
}

/* The longest run, and from multiples of 2^o on. */
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
	/* A product costs less than a shift of 64 bits. */
	frag->free = (u64)b->free * unit;
	frag->used = (u64)(b->granules - b->free) * unit;
	frag->requested = frag->used - b->waste;
	buddy_runs(b, frag);
	for (l = 0; l < b->levels; l++)
		for (c = 0; c < BUDDY_CLASSES && o < orders; c++)
			frag->blocks[o++] = b->level[l].count[c];
}

/* Phases of a check: a level each, then the granules. Sums of the latter: */
enum { COVER_FREE, COVER_LIVE, COVER_LEAD };

/* The indices of word c->at of a level. n[]: free blocks by class. */
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

/* A level's indices against its words. */
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

/* The block at c->at, from c->inner on. False: it is broken. */
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

#define INNER_LOST	NONE	/* in inner: a block that came meanwhile may lie here */

/* Behind what is left of a block that came meanwhile. */
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

/* Every granule belongs to one live block or is free, never both. */
static bool cover_check(struct buddy *b, struct engine_check *c, u32 budget)
{
	/* Nothing of what is before the first granule is ever free. */
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
};

/* The rows of bits that @granules take; the last one is never full. */
static u32 levels_of(u32 granules)
{
	u32 levels = 1;

	while (granules >>= 5)
		levels++;
	return levels;
}

/**
 * buddy_meta_size - memory for the state of a buddy
 * @lead: place of the first granule
 * @granules: that it will manage
 *
 * Return: bytes, at most 4 a granule from 74 granules on without a lead, and from
 * 1024 on with any.
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

#define INIT_STEP	(1u << 16)	/* words that are set without a pause */

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
 *	granules before it
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
