// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Plan. The words are explained in plan.h.
 *
 * Sources: to choose the place to empty by its cost is what Linux'
 * alloc_contig_range() leaves to its callers, and what LLFree and Compact-fit
 * (Craciunas et al., USENIX ATC'08) do for fixed areas. Here the window may start at
 * any granule. The blocks are placed into the holes outside by first fit decreasing
 * (Johnson 1973), into snug holes first. Sliding is Lisp 2's compaction (Knuth 1,
 * 2.5), and is used if no hole outside is large enough.
 *
 * Cost: each pass over the picture is O(granules), some ten instructions a granule.
 * There is one pass for each window that is tried, at most PLAN_TRIES, and two for
 * each size among the blocks that move. After PLAN_PASSES passes the planner gives up.
 */
#include "core/plan.h"

#define PLAN_TRIES	8u	/* windows that are tried before sliding */
#define PLAN_PASSES	1024u	/* passes of one plan */
#define PLAN_PAUSE	4096u	/* granules of a pass between two pauses */
#define PLAN_ITEMS	256u	/* runs surveyed, or moves undone, between two pauses */

static bool cell_is(const struct plan *p, u32 g, u32 bits)
{
	return p->cell[g] & bits;
}

static noinline void plan_pause(const struct plan *p)
{
	if (p->pause)
		p->pause();
}

/* Pause if granule @g of a pass is the PLAN_PAUSEth. */
static void plan_step(const struct plan *p, u32 g)
{
	if (g % PLAN_PAUSE == 0)
		plan_pause(p);
}

/* Count one more pass. Returns false if there were too many. */
static bool plan_pass(struct plan *p)
{
	plan_pause(p);
	return ++p->passes <= PLAN_PASSES;
}

/* The first granule from @g on, before @limit, whose bits in @mask are not @bits. */
static noinline u32 cells_end_far(const struct plan *p, u32 g, u32 limit, u8 mask, u8 bits)
{
	u32 stop;

	while (g < limit) {
		/* Testing for the pause at each granule would double the cost. */
		stop = min(limit, (g | (PLAN_PAUSE - 1)) + 1);
		for (; g < stop; g++)
			if ((p->cell[g] & mask) != bits)
				return g;
		plan_step(p, g);
	}
	return g;
}

/* The same from @g + 1 on. Most often the answer is @g + 1. */
static u32 cells_end(const struct plan *p, u32 g, u32 limit, u8 mask, u8 bits)
{
	g++;
	if (g >= limit || (p->cell[g] & mask) != bits)
		return g;
	return cells_end_far(p, g, limit, mask, bits);
}

/* First granule behind the block or free run at @g. */
static u32 piece_end(const struct plan *p, u32 g)
{
	return cells_end(p, g, p->granules, PLAN_START | PLAN_USED, p->cell[g] & PLAN_USED);
}

/* First granule of the block that granule @g belongs to. */
static u32 block_start(const struct plan *p, u32 g)
{
	while (!cell_is(p, g, PLAN_START))
		plan_step(p, g--);
	return g;
}

/* First granule of the block or free run that a window from @lo on begins with. */
static u32 window_first(const struct plan *p, u32 lo)
{
	return cell_is(p, lo, PLAN_USED) ? block_start(p, lo) : lo;
}

static u32 block_align(const struct plan *p, u32 g)
{
	return 1u << (p->cell[g] >> PLAN_ALIGN_SHIFT);
}

/* The first granule from @g on whose place is a multiple of @align. No overflow. */
static u32 plan_align(const struct plan *p, u32 g, u32 align)
{
	return ALIGN(g + p->lead, align) - p->lead;
}

/* Length of the part of a run of places that begins at its first multiple of @align. */
static u32 run_aligned(u32 start, u32 end, u32 align)
{
	u32 at = ALIGN(start, align);

	return at >= start && at < end ? end - at : 0;
}

/* Count one free run, given in places, not in granules. */
static void survey_run(struct plan_survey *s, u32 start, u32 end)
{
	u32 n = end - start;
	u32 o;

	s->free += n;
	s->runs++;
	s->longest = max(s->longest, n);
	s->by_order[env_highest(n)]++;
	for (o = 0; o < MEMMGR_ORDERS; o++)
		s->aligned[o] = max(s->aligned[o], run_aligned(start, end, 1u << o));
}

/**
 * plan_survey - summarise a picture
 * @p: the plan; only its picture is used
 * @s: the answer
 *
 * Context: any. O(granules + runs x orders).
 */
void plan_survey(const struct plan *p, struct plan_survey *s)
{
	u32 before = 0;		/* granules of the run that ends at @g */
	u32 g, end, start, run;

	memset(s, 0, sizeof(*s));
	s->best = PLAN_NONE;
	for (g = 0; g < p->granules; g = end) {
		end = piece_end(p, g);
		if (!cell_is(p, g, PLAN_USED)) {
			survey_run(s, g + p->lead, end + p->lead);
			if (s->runs % PLAN_ITEMS == 0)
				plan_pause(p);
			before = end - g;
			continue;
		}
		start = g;
		run = before + end - g;
		before = 0;
		if (end < p->granules && !cell_is(p, end, PLAN_USED))
			run += piece_end(p, end) - end;
		if (!cell_is(p, start, PLAN_FIXED) && run > s->best_run) {
			s->best = start;
			s->best_n = end - start;
			s->best_run = run;
		}
	}
}

/**
 * struct view - a window that moves over the picture
 * @start: first granule
 * @n: number of granules
 * @used: granules in use
 * @fixed: fixed granules
 * @blocks: number of blocks that start in the window
 * @left: start of the block that contains granule @start
 * @right: end of the block that contains the last granule
 */
struct view {
	u32 start;
	u32 n;
	u32 used;
	u32 fixed;
	u32 blocks;
	u32 left;
	u32 right;
};

static void view_count(const struct plan *p, struct view *v, u32 g, u32 sign)
{
	u32 cell = p->cell[g];

	v->used += cell & PLAN_USED ? sign : 0;
	v->fixed += cell & PLAN_FIXED ? sign : 0;
	v->blocks += cell & PLAN_START ? sign : 0;
}

static void view_edges(const struct plan *p, struct view *v)
{
	u32 end = v->start + v->n;

	if (cell_is(p, v->start, PLAN_START))
		v->left = v->start;
	if (v->right < end)
		v->right = end;
	while (v->right < p->granules && cell_is(p, v->right, PLAN_USED) &&
	       !cell_is(p, v->right, PLAN_START))
		plan_step(p, v->right++);
}

/* Does the window begin inside of a block? */
static bool view_cuts(const struct plan *p, const struct view *v)
{
	return cell_is(p, v->start, PLAN_USED) && !cell_is(p, v->start, PLAN_START);
}

static void view_open(const struct plan *p, struct view *v, u32 start, u32 n)
{
	u32 g;

	*v = (struct view) { .start = start, .n = n };
	for (g = start; g < start + n; g++) {
		plan_step(p, g);
		view_count(p, v, g, 1);
	}
	/* The picture may be torn, so a fixed block may have no start. */
	if (!v->fixed && view_cuts(p, v))
		v->left = block_start(p, start);
	view_edges(p, v);
}

/* Move the window by one granule. Returns false at the end of the picture. */
static bool view_advance(const struct plan *p, struct view *v)
{
	if (v->start + v->n >= p->granules)
		return false;
	plan_step(p, v->start);
	view_count(p, v, v->start, -1);
	view_count(p, v, v->start + v->n, 1);
	v->start++;
	view_edges(p, v);
	return true;
}

/* Granules of all blocks in the window, with the parts outside of it. */
static u32 view_cost(const struct plan *p, const struct view *v)
{
	return v->used + (view_cuts(p, v) ? v->start - v->left : 0) +
	       (v->right - (v->start + v->n));
}

/* Windows that were tried in vain. Others near them would fail too. */
struct tried {
	u32 start[PLAN_TRIES];
	u32 count;
};

static bool near_tried(const struct tried *tried, u32 start, u32 n)
{
	u32 i;

	for (i = 0; tried && i < tried->count; i++) {
		u32 other = tried->start[i];

		if ((start > other ? start - other : other - start) <= n / 4)
			return true;
	}
	return false;
}

static bool cheapest_but(const struct plan *p, u32 n, u32 align, const struct tried *tried,
			 struct plan_window *best)
{
	bool found = false;
	struct view v;
	u32 cost;

	if (!n || n > p->granules)
		return false;
	view_open(p, &v, 0, n);
	do {
		if (v.fixed || (v.start + p->lead) & (align - 1))
			continue;
		cost = view_cost(p, &v);
		if ((found && cost >= best->cost) || near_tried(tried, v.start, n))
			continue;
		found = true;
		*best = (struct plan_window) {
			.start = v.start,
			.cost = cost,
			.moves = v.blocks + view_cuts(p, &v),
		};
	} while (view_advance(p, &v));
	return found;
}

/**
 * plan_cheapest - find the window that costs least
 * @p: the plan; only its picture is used
 * @n: granules of the window
 * @align: alignment of its first granule, a power of two
 * @window: the answer; the first one if several cost the same
 *
 * Context: any. O(granules).
 * Return: false if every window contains a fixed granule.
 */
bool plan_cheapest(const struct plan *p, u32 n, u32 align, struct plan_window *window)
{
	return cheapest_but(p, n, align, NULL, window);
}

static u32 plan_free(const struct plan *p)
{
	u32 g, free = 0;

	for (g = 0; g < p->granules; g++) {
		plan_step(p, g);
		free += !cell_is(p, g, PLAN_USED);
	}
	return free;
}

/**
 * plan_longest - upper bound of a free run, if all movable blocks could go elsewhere
 * @p: the plan; only its picture is used
 * @align: alignment of the first granule, a power of two
 *
 * Context: any. O(granules).
 * Return: granules: at most the free ones, and at most those between two fixed ones.
 */
u32 plan_longest(const struct plan *p, u32 align)
{
	u32 longest = 0;
	u32 start = 0;
	u32 g;

	for (g = 0; g <= p->granules; g++) {
		plan_step(p, g);
		if (g < p->granules && !cell_is(p, g, PLAN_FIXED))
			continue;
		longest = max(longest, run_aligned(start + p->lead, g + p->lead, align));
		start = g + 1;
	}
	return min(longest, plan_free(p));
}

static void cells_set(struct plan *p, u32 g, u32 n, u8 first)
{
	u32 i;

	p->cell[g] = first;
	for (i = 1; i < n; i++) {
		plan_step(p, i);
		p->cell[g + i] = first & (PLAN_USED | PLAN_FIXED);
	}
}

/* Show a move in the picture. */
static void move_show(struct plan *p, const struct plan_move *m)
{
	u8 first = p->cell[m->from];

	cells_set(p, m->from, m->n, PLAN_FREE);
	cells_set(p, m->to, m->n, first);
}

/* Add a move to the plan. Returns false if there is no room for it. */
static bool move_add(struct plan *p, u32 from, u32 to, u32 n)
{
	struct plan_move *m;

	if (p->moves == p->room)
		return false;
	m = &p->move[p->moves++];
	*m = (struct plan_move) { .from = from, .to = to, .n = n };
	p->moved += n;
	return true;
}

/* Undo the planned moves from @first on, in the plan and in the picture. */
static void moves_undo(struct plan *p, u32 first)
{
	while (p->moves > first) {
		struct plan_move m = p->move[--p->moves];
		struct plan_move back = { .from = m.to, .to = m.from, .n = m.n };

		p->moved -= m.n;
		move_show(p, &back);
		if (p->moves % PLAN_ITEMS == 0)
			plan_pause(p);
	}
}

/**
 * struct sieve - the blocks of a window by size and alignment, largest first
 * @lo: first granule of the window
 * @hi: first granule behind it
 * @key: size and alignment of the blocks whose turn it is
 * @next: the next smaller key found so far
 */
struct sieve {
	u32 lo;
	u32 hi;
	u64 key;
	u64 next;
};

static u64 block_key(const struct plan *p, u32 g, u32 n)
{
	return (u64)n << 5 | p->cell[g] >> PLAN_ALIGN_SHIFT;
}

/* Is it the turn of the block at @g? */
static bool sieve_takes(const struct plan *p, struct sieve *s, u32 g, u32 n)
{
	u64 key = block_key(p, g, n);

	if (key < s->key)
		s->next = max(s->next, key);
	return key == s->key;
}

/**
 * struct hole - a search for free runs, in order of address
 * @from: granule from which to search; no run before it fits
 * @snug: consider only runs less than twice as long as the block
 */
struct hole {
	u32 from;
	bool snug;
};

/* The next run outside of [@lo, @hi) that holds @n granules, or NONE. */
static u32 hole_find(const struct plan *p, struct hole *hole, u32 n, u32 align, u32 lo, u32 hi)
{
	u32 g = hole->from;
	u32 at, end, limit, reach;

	while (g < p->granules) {
		if (g >= lo && g < hi) {
			g = hi;
			continue;
		}
		limit = g < lo ? lo : p->granules;
		if (cell_is(p, g, PLAN_USED)) {
			plan_step(p, g++);
			continue;
		}
		plan_step(p, g);
		/* A run longer than this counts the same. */
		reach = min(limit, g + 2 * n + align);
		end = cells_end(p, g, reach, PLAN_USED, 0);
		at = plan_align(p, g, align);
		if (at >= g && at < end && end - at >= n &&
		    (!hole->snug || end - g < 2 * n)) {
			hole->from = at;
			return at;
		}
		g = end < limit ? cells_end_far(p, end, limit, PLAN_USED, 0) : end;
	}
	return PLAN_NONE;
}

/* Move all blocks of one size out. Returns false if one of them finds no room. */
static bool evacuate_size(struct plan *p, struct sieve *s)
{
	struct hole hole = { .snug = true };
	u32 g, end, to;

	if (!plan_pass(p))
		return false;
	for (g = window_first(p, s->lo); g < s->hi; g = end) {
		plan_step(p, g);
		end = piece_end(p, g);
		if (!cell_is(p, g, PLAN_USED) || !sieve_takes(p, s, g, end - g))
			continue;
		to = hole_find(p, &hole, end - g, block_align(p, g), s->lo, s->hi);
		if (to == PLAN_NONE && hole.snug) {
			hole = (struct hole) { .snug = false };
			to = hole_find(p, &hole, end - g, block_align(p, g), s->lo, s->hi);
		}
		if (to == PLAN_NONE || !move_add(p, g, to, end - g))
			return false;
		move_show(p, &p->move[p->moves - 1]);
	}
	return true;
}

/*
 * Move all blocks out of [@lo, @hi), or none. If a block reaches out of the range, the
 * part that it leaves free outside is available to smaller blocks.
 */
static bool evacuate(struct plan *p, u32 lo, u32 hi)
{
	u32 first = p->moves;
	struct sieve s = { .lo = lo, .hi = hi, .key = ~0ull };

	/* The first round moves nothing; it only finds the largest size. */
	do {
		s.next = 0;
		if (!evacuate_size(p, &s)) {
			moves_undo(p, first);
			return false;
		}
		s.key = s.next;
	} while (s.key);
	return true;
}

/* Does the piece from @g to @end stop a slide, being fixed or too long? */
static bool slide_stops(const struct plan *p, u32 g, u32 end)
{
	return cell_is(p, g, PLAN_FIXED) ||
	       (cell_is(p, g, PLAN_USED) && end - g > p->slide);
}

/* Slide blocks down from @g on until there is a run of @n granules. */
static bool slide_from(struct plan *p, u32 g, u32 n, u32 align)
{
	u32 first = p->moves;
	u32 top = g;		/* everything from the start up to here is packed */
	u32 end, to;

	plan_pause(p);
	for (; g < p->granules; g = end) {
		plan_step(p, g);
		end = piece_end(p, g);
		if (slide_stops(p, g, end))
			break;
		if (!cell_is(p, g, PLAN_USED)) {
			if (run_aligned(top + p->lead, end + p->lead, align) >= n) {
				p->window = plan_align(p, top, align);
				p->length = n;
				return true;
			}
			continue;
		}
		to = plan_align(p, top, block_align(p, g));
		if (to < g) {
			if (!move_add(p, g, to, end - g))
				break;
			move_show(p, &p->move[p->moves - 1]);
		} else {
			to = g;
		}
		top = to + end - g;
	}
	moves_undo(p, first);
	return false;
}

/* Start of the slide that moves least: the fewest used granules around @n free ones. */
static u32 slide_cheapest(const struct plan *p, u32 n)
{
	u32 start = 0, used = 0, free = 0, least = PLAN_NONE, best = PLAN_NONE;
	u32 g, end = 0;

	for (g = 0; g < p->granules; g++) {
		bool next = g == end;

		plan_step(p, g);
		if (next)
			end = piece_end(p, g);
		if (next && slide_stops(p, g, end)) {
			g = end - 1;
			start = end;
			used = 0;
			free = 0;
			continue;
		}
		if (cell_is(p, g, PLAN_USED))
			used++;
		else
			free++;
		/* Drop blocks at the start, and holes that are not needed. */
		while (free > n || (start < g && cell_is(p, start, PLAN_USED))) {
			if (cell_is(p, start, PLAN_USED))
				used--;
			else
				free--;
			start++;
		}
		if (free == n && used < least) {
			least = used;
			best = start;
		}
	}
	return best;
}

static bool slide(struct plan *p, u32 n, u32 align)
{
	u32 start = slide_cheapest(p, n);
	bool stopped = true;
	u32 g, end;

	if (start == PLAN_NONE)
		return false;
	if (slide_from(p, start, n, align))
		return true;
	/* Alignment uses up some holes. So slide everything between two stops. */
	for (g = 0; g < p->granules; g = end) {
		plan_step(p, g);
		end = piece_end(p, g);
		if (slide_stops(p, g, end)) {
			stopped = true;
			continue;
		}
		if (stopped && slide_from(p, g, n, align))
			return true;
		stopped = false;
	}
	return false;
}

static void plan_begin(struct plan *p)
{
	p->moves = 0;
	p->moved = 0;
	p->passes = 0;
	p->least = 0;
	p->window = PLAN_NONE;
	p->length = 0;
}

static bool plan_window(struct plan *p, u32 n, u32 align)
{
	struct tried tried = { .count = 0 };
	struct plan_window w;

	while (tried.count < PLAN_TRIES && plan_pass(p) &&
	       cheapest_but(p, n, align, &tried, &w)) {
		if (evacuate(p, w.start, w.start + n)) {
			p->window = w.start;
			p->length = n;
			return true;
		}
		tried.start[tried.count++] = w.start;
	}
	return plan_pass(p) && slide(p, n, align);
}

/**
 * plan_run - plan a free run
 * @p: the picture; shows the result afterwards
 * @n: granules of the run
 * @align: alignment of its first granule, a power of two
 *
 * Context: any, long.
 * Return: 0; -ENOMEM if fewer granules are free; -EBUSY if every window contains a
 * fixed block; -ENOSPC if the blocks in the way fit nowhere else, or @p->room is too
 * small.
 */
int plan_run(struct plan *p, u32 n, u32 align)
{
	struct plan_window w;

	plan_begin(p);
	if (plan_free(p) < n)
		return -ENOMEM;
	if (!plan_cheapest(p, n, align, &w))
		return -EBUSY;
	p->least = w.cost;
	return plan_window(p, n, align) ? 0 : -ENOSPC;
}

/**
 * plan_range - plan to empty a range
 * @p: the picture; shows the result afterwards
 * @start: first granule
 * @n: number of granules
 *
 * Context: any, long.
 * Return: as plan_run().
 */
int plan_range(struct plan *p, u32 start, u32 n)
{
	struct view v;

	plan_begin(p);
	view_open(p, &v, start, n);
	if (v.fixed)
		return -EBUSY;
	p->least = view_cost(p, &v);
	/* Free granules inside the range cannot take the blocks that have to leave. */
	if (!evacuate(p, start, start + n))
		return plan_free(p) < n ? -ENOMEM : -ENOSPC;
	p->window = start;
	p->length = n;
	return 0;
}

/* The longest free run in the picture. */
static u32 longest_now(const struct plan *p)
{
	struct plan_survey s;

	plan_survey(p, &s);
	return s.longest;
}

#define PLAN_SHRINK	8u	/* a run that cannot be made is cut by this part of it */

/* Plan the longest run possible, if it is longer than any present run and @least. */
static bool plan_largest(struct plan *p, u32 least)
{
	u32 now = max(longest_now(p), least);
	u32 n = plan_longest(p, 1);
	struct plan_window w;

	for (; n > now && plan_pass(p); n -= max(n / PLAN_SHRINK, 1u)) {
		if (!plan_cheapest(p, n, 1, &w))
			continue;
		if (plan_window(p, n, 1)) {
			p->least += w.cost;
			return true;
		}
	}
	return false;
}

#define PLAN_RUNS	32u	/* largest number of runs in one plan */
#define PLAN_WORTH	64u	/* further runs must exceed this part of the first one */

/**
 * plan_all - plan the longest runs that can be made, one after the other
 * @p: the picture; shows the result afterwards
 *
 * Later moves leave alone the runs that were made before. Runs that are short compared
 * with the first one are not sought, because the search for them takes longer than
 * all others together.
 *
 * Context: any, long.
 */
void plan_all(struct plan *p)
{
	u32 made[PLAN_RUNS][2];
	u32 runs = 0;
	u32 i, g;

	plan_begin(p);
	while (runs < PLAN_RUNS &&
	       plan_largest(p, runs ? made[0][1] / PLAN_WORTH : 0)) {
		made[runs][0] = p->window;
		made[runs][1] = p->length;
		/* Out of sight: taken, and fixed. */
		cells_set(p, p->window, p->length, PLAN_USED | PLAN_START | PLAN_FIXED);
		runs++;
	}
	for (i = 0; i < runs; i++)
		for (g = 0; g < made[i][1]; g++) {
			plan_step(p, g);
			p->cell[made[i][0] + g] = PLAN_FREE;
		}
	if (runs) {
		p->window = made[0][0];
		p->length = made[0][1];
	}
}
