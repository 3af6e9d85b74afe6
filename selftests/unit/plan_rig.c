// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* A plan beside brute force, see plan_rig.h. */
#include "plan_rig.h"
#include "unit.h"

static u32 pauses;

static void pause_count(void)
{
	pauses++;
}

u32 plan_rig_pauses(void)
{
	return pauses;
}

void plan_rig_init(struct plan_rig *rig, u32 granules)
{
	*rig = (struct plan_rig) {
		.p = {
			.cell = malloc(granules),
			.granules = granules,
			.slide = granules,
			.move = malloc(granules * sizeof(*rig->p.move)),
			.pause = pause_count,
		},
		.before = malloc(granules),
		.work = malloc(granules),
		.full = granules,
	};
	plan_rig_clear(rig);
	plan_rig_keep(rig);
}

void plan_rig_drop(struct plan_rig *rig)
{
	free(rig->p.cell);
	free(rig->p.move);
	free(rig->before);
	free(rig->work);
}

/* The figures of a plan that was not begun are rubbish. */
static void spoil(struct plan *p)
{
	p->moves = 0x5a5a5a5a;
	p->moved = 0x5a5a5a5a;
	p->least = 0x5a5a5a5a;
	p->window = 0x5a5a5a5a;
	p->length = 0x5a5a5a5a;
}

void plan_rig_clear(struct plan_rig *rig)
{
	memset(rig->p.cell, PLAN_FREE, rig->p.granules);
}

void plan_rig_block(struct plan_rig *rig, u32 g, u32 n, u32 shift, bool fixed)
{
	u8 cell = PLAN_USED | (fixed ? PLAN_FIXED : 0);

	memset(rig->p.cell + g, cell, n);
	rig->p.cell[g] |= PLAN_START | shift << PLAN_ALIGN_SHIFT;
}

void plan_rig_keep(struct plan_rig *rig)
{
	memcpy(rig->before, rig->p.cell, rig->p.granules);
	plan_rig_again(rig);
}

void plan_rig_again(struct plan_rig *rig)
{
	memcpy(rig->p.cell, rig->before, rig->p.granules);
	rig->p.room = rig->full;
	spoil(&rig->p);
}

void plan_rig_random(struct plan_rig *rig, const struct plan_kind *kind)
{
	u32 granules = rig->p.granules;
	u32 g, n, shift;

	plan_rig_clear(rig);
	for (g = 0; g < granules; g += n) {
		n = 1 + unit_below(min(kind->size, granules - g));
		if (unit_chance(kind->free))
			continue;
		shift = unit_below(kind->align + 1);
		while ((g + rig->p.lead) & ((1u << shift) - 1))
			shift--;
		plan_rig_block(rig, g, n, shift, unit_chance(kind->fixed));
	}
	plan_rig_keep(rig);
}

/* Granules of the block or the free granule at @g. */
static u32 piece(const u8 *cell, u32 granules, u32 g)
{
	u32 n = 1;

	if (cell[g] == PLAN_FREE)
		return 1;
	while (g + n < granules && cell[g + n] & PLAN_USED &&
	       !(cell[g + n] & PLAN_START))
		n++;
	return n;
}

static u32 free_from(const u8 *cell, u32 granules, u32 g)
{
	u32 n = 0;

	while (g + n < granules && cell[g + n] == PLAN_FREE)
		n++;
	return n;
}

static u32 free_before(const u8 *cell, u32 g)
{
	u32 n = 0;

	while (n < g && cell[g - n - 1] == PLAN_FREE)
		n++;
	return n;
}

u32 plan_rig_free(const struct plan_rig *rig)
{
	u32 g, free = 0;

	for (g = 0; g < rig->p.granules; g++)
		free += rig->before[g] == PLAN_FREE;
	return free;
}

/* The first granule that is so aligned, counted with the lead. */
static u64 first_aligned(const struct plan_rig *rig, u32 align)
{
	return (align - rig->p.lead % align) % align;
}

/* The longest free run from such a granule on. */
u32 plan_rig_longest(const struct plan_rig *rig, const u8 *cell, u32 align)
{
	u32 granules = rig->p.granules;
	u32 longest = 0;
	u64 g;

	for (g = first_aligned(rig, align); g < granules; g += align)
		longest = max(longest, free_from(cell, granules, g));
	return longest;
}

/* What a window costs; false when something fixed is in it. */
bool plan_rig_window(const struct plan_rig *rig, u32 start, u32 n,
		     struct plan_window *window)
{
	const u8 *cell = rig->before;
	u32 g, length;

	*window = (struct plan_window) { .start = start };
	for (g = 0; g < start + n; g += length) {
		length = piece(cell, rig->p.granules, g);
		if (cell[g] == PLAN_FREE || g + length <= start)
			continue;
		if (cell[g] & PLAN_FIXED)
			return false;
		window->cost += length;
		window->moves++;
	}
	return true;
}

/* The first of the windows that cost least. */
bool plan_rig_cheapest(const struct plan_rig *rig, u32 n, u32 align,
		       struct plan_window *window)
{
	struct plan_window w;
	bool found = false;
	u64 start;

	for (start = first_aligned(rig, align); n && start + n <= rig->p.granules;
	     start += align) {
		if (!plan_rig_window(rig, start, n, &w) ||
		    (found && w.cost >= window->cost))
			continue;
		*window = w;
		found = true;
	}
	return found;
}

/* Nothing is fixed, and every block may be anywhere. */
bool plan_rig_loose(const struct plan_rig *rig)
{
	u32 g;

	for (g = 0; g < rig->p.granules; g++)
		if (rig->before[g] & ~(PLAN_USED | PLAN_START))
			return false;
	return true;
}

static void same_runs(const struct plan_rig *rig, const struct plan_survey *s)
{
	u32 by_order[MEMMGR_ORDERS] = { 0 };
	u32 g, o, n, runs = 0;

	for (g = 0; g < rig->p.granules; g += n ? n : 1) {
		n = free_from(rig->before, rig->p.granules, g);
		if (!n)
			continue;
		for (o = 0; 2u << o <= n; o++)
			;
		by_order[o]++;
		runs++;
	}
	EXPECT_EQ(s->free, plan_rig_free(rig));
	EXPECT_EQ(s->runs, runs);
	for (o = 0; o < MEMMGR_ORDERS; o++)
		EXPECT(s->by_order[o] == by_order[o], "order %u: %u runs, expected %u",
		       o, s->by_order[o], by_order[o]);
}

static void same_aligned(const struct plan_rig *rig, const struct plan_survey *s)
{
	u32 o, longest;

	for (o = 0; o < MEMMGR_ORDERS; o++) {
		longest = plan_rig_longest(rig, rig->before, 1u << o);
		EXPECT(s->aligned[o] == longest,
		       "aligned to 2^%u: %u granules, expected %u", o,
		       s->aligned[o], longest);
	}
	EXPECT_EQ(s->longest, s->aligned[0]);
}

/* Take each movable block away in turn. */
static void same_best(const struct plan_rig *rig, const struct plan_survey *s)
{
	const u8 *cell = rig->before;
	u32 granules = rig->p.granules;
	u32 best = PLAN_NONE, best_n = 0, best_run = 0;
	u32 g, n, run;

	for (g = 0; g < granules; g += n) {
		n = piece(cell, granules, g);
		if (cell[g] == PLAN_FREE || cell[g] & PLAN_FIXED)
			continue;
		run = free_before(cell, g) + n + free_from(cell, granules, g + n);
		if (run <= best_run)
			continue;
		best = g;
		best_n = n;
		best_run = run;
	}
	EXPECT_EQ(s->best, best);
	EXPECT_EQ(s->best_n, best_n);
	EXPECT_EQ(s->best_run, best_run);
}

void plan_rig_same_survey(const struct plan_rig *rig)
{
	struct plan_survey s;

	memset(&s, 0x5a, sizeof(s));
	plan_survey(&rig->p, &s);
	same_runs(rig, &s);
	same_aligned(rig, &s);
	same_best(rig, &s);
}

void plan_rig_same_cheapest(const struct plan_rig *rig, u32 n, u32 align)
{
	struct plan_window seen, truth;
	bool found = plan_rig_cheapest(rig, n, align, &truth);

	EXPECT_EQ(plan_cheapest(&rig->p, n, align, &seen), found);
	if (!found)
		return;
	EXPECT_EQ(seen.start, truth.start);
	EXPECT_EQ(seen.cost, truth.cost);
	EXPECT_EQ(seen.moves, truth.moves);
}

/* The longest window without anything fixed, but no more than is free. */
void plan_rig_same_longest(const struct plan_rig *rig, u32 align)
{
	u32 granules = rig->p.granules;
	u32 longest = 0;
	u64 g;
	u32 n;

	for (g = first_aligned(rig, align); g < granules; g += align) {
		for (n = 0; g + n < granules; n++)
			if (rig->before[g + n] & PLAN_FIXED)
				break;
		longest = max(longest, n);
	}
	longest = min(longest, plan_rig_free(rig));
	EXPECT_EQ(plan_longest(&rig->p, align), longest);
}

/* May this move be made on the picture @cell? */
static void move_legal(const struct plan_rig *rig, const u8 *cell, const struct plan_move *m)
{
	u32 granules = rig->p.granules;
	u32 g;

	EXPECT(m->n && m->from < granules && m->n <= granules - m->from &&
	       m->to < granules && m->n <= granules - m->to,
	       "%u + %u to %u: past the end", m->from, m->n, m->to);
	EXPECT(cell[m->from] & PLAN_START, "%u: no block starts there", m->from);
	EXPECT(!(cell[m->from] & PLAN_FIXED), "%u: a fixed block moves", m->from);
	EXPECT_EQ(m->n, piece(cell, granules, m->from));
	EXPECT((m->to + rig->p.lead) % (1u << (cell[m->from] >> PLAN_ALIGN_SHIFT)) == 0,
	       "%u: to %u, aligned worse than before", m->from, m->to);
	EXPECT(m->to < m->from || m->to >= m->from + m->n,
	       "%u: to %u, not a slide down", m->from, m->to);
	for (g = m->to; g < m->to + m->n; g++)
		EXPECT(cell[g] == PLAN_FREE || (g >= m->from && g < m->from + m->n),
		       "%u + %u to %u: %u is taken", m->from, m->n, m->to, g);
}

static void move_make(u8 *cell, const struct plan_move *m)
{
	u8 start = cell[m->from];

	memset(cell + m->from, PLAN_FREE, m->n);
	memset(cell + m->to, PLAN_USED, m->n);
	cell[m->to] = start;
}

static void same_picture(const u8 *seen, const u8 *expected, u32 granules)
{
	u32 g;

	for (g = 0; g < granules; g++)
		EXPECT(seen[g] == expected[g], "granule %u is shown as %#x, it is %#x",
		       g, seen[g], expected[g]);
}

static void window_free(const struct plan_rig *rig)
{
	const struct plan *p = &rig->p;

	EXPECT(p->length && p->window < p->granules &&
	       p->length <= p->granules - p->window, "window %u + %u", p->window,
	       p->length);
	EXPECT(free_from(rig->work, p->granules, p->window) >= p->length,
	       "window %u + %u is not free", p->window, p->length);
}

void plan_rig_replay(struct plan_rig *rig)
{
	const struct plan *p = &rig->p;
	u64 moved = 0;
	u32 i;

	EXPECT(p->moves <= p->room, "%u moves, room for %u", p->moves, p->room);
	memcpy(rig->work, rig->before, p->granules);
	for (i = 0; i < p->moves; i++) {
		move_legal(rig, rig->work, &p->move[i]);
		move_make(rig->work, &p->move[i]);
		moved += p->move[i].n;
	}
	same_picture(p->cell, rig->work, p->granules);
	EXPECT_EQ(p->moved, moved);
	EXPECT(p->moved >= p->least, "%llu granules move, at least %llu had to",
	       p->moved, p->least);
	EXPECT(p->least || !p->moves, "%u moves, none of which had to be", p->moves);
	if (p->window != PLAN_NONE)
		window_free(rig);
}

/* A plan that failed leaves nothing behind. */
void plan_rig_untouched(const struct plan_rig *rig)
{
	const struct plan *p = &rig->p;

	EXPECT_EQ(p->moves, 0);
	EXPECT_EQ(p->moved, 0);
	EXPECT_EQ(p->window, PLAN_NONE);
	EXPECT_EQ(p->length, 0);
	same_picture(p->cell, rig->before, p->granules);
}

/* What is the same after plan_run() and plan_range(). */
static void plan_done(struct plan_rig *rig, int err, u32 n, const struct plan_window *w)
{
	if (err) {
		plan_rig_untouched(rig);
		return;
	}
	EXPECT_EQ(rig->p.least, w->cost);
	EXPECT_EQ(rig->p.length, n);
	EXPECT(rig->p.window != PLAN_NONE, "no window");
	plan_rig_replay(rig);
	EXPECT_EQ(!rig->p.moves, !w->cost);
}

/* Must a run of @n granules be found? */
static bool run_sure(const struct plan_rig *rig, const struct plan_window *w, u32 align)
{
	if (!w->cost)
		return true;
	return rig->p.room == rig->full && align == 1 && plan_rig_loose(rig);
}

int plan_rig_run(struct plan_rig *rig, u32 n, u32 align)
{
	struct plan_window w = { 0 };
	bool found = plan_rig_cheapest(rig, n, align, &w);
	u32 room = rig->p.room;
	int err = plan_run(&rig->p, n, align);

	EXPECT_EQ(rig->p.room, room);
	if (plan_rig_free(rig) < n)
		EXPECT_EQ(err, -ENOMEM);
	else if (!found)
		EXPECT_EQ(err, -EBUSY);
	else if (err)
		EXPECT(err == -ENOSPC && !run_sure(rig, &w, align),
		       "%u granules at %u: %d", n, align, err);
	plan_done(rig, err, n, &w);
	if (!err)
		EXPECT((rig->p.window + rig->p.lead) % align == 0, "window %u, alignment %u",
		       rig->p.window, align);
	plan_rig_again(rig);
	return err;
}

int plan_rig_range(struct plan_rig *rig, u32 start, u32 n)
{
	struct plan_window w;
	bool movable = plan_rig_window(rig, start, n, &w);
	int err = plan_range(&rig->p, start, n);

	if (!movable)
		EXPECT_EQ(err, -EBUSY);
	else if (!w.cost)
		EXPECT_EQ(err, 0);
	else if (err || plan_rig_free(rig) < n)
		EXPECT_EQ(err, plan_rig_free(rig) < n ? -ENOMEM : -ENOSPC);
	plan_done(rig, err, n, &w);
	if (!err)
		EXPECT_EQ(rig->p.window, start);
	plan_rig_again(rig);
	return err;
}

/* Everything free is one run afterwards. */
static void all_one_run(const struct plan_rig *rig, u32 after)
{
	u32 free = plan_rig_free(rig);

	EXPECT_EQ(after, free);
	if (rig->p.window != PLAN_NONE)
		EXPECT_EQ(rig->p.length, free);
}

void plan_rig_all(struct plan_rig *rig)
{
	u32 before = plan_rig_longest(rig, rig->before, 1);
	u32 after;

	plan_all(&rig->p);
	plan_rig_replay(rig);
	after = plan_rig_longest(rig, rig->work, 1);
	EXPECT_EQ(rig->p.moves != 0, rig->p.window != PLAN_NONE);
	if (rig->p.moves)
		EXPECT(after > before && after >= rig->p.length,
		       "the longest run was %u, is %u, %u were planned", before,
		       after, rig->p.length);
	if (rig->p.room == rig->full && plan_rig_loose(rig))
		all_one_run(rig, after);
	plan_rig_again(rig);
}
