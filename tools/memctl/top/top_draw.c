// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* memctl top: a frame. */
#include <inttypes.h>
#include <memmgr.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "base/words.h"
#include "memctl.h"
#include "top/top.h"

#define LABEL_WIDTH	15
#define BAR_LEAST	10
#define BAR_MOST	50
#define BAR_TEXT	56	/* columns that the words behind a bar need */
#define HEAD_ROWS	6	/* title, two bars, health, rates, last failure */
#define OWNERS_LEAST	4
#define MAP_LEAST	2
#define MAP_MOST	10
#define WARN_MILLI	750u	/* usage that is worth a colour */

const char *const sort_names[SORTS] = {
	"bytes", "count", "age", "pins", "fixed", "growth", "name",
};

/* ---- the order of owners ---- */

static int compare(uint64_t x, uint64_t y)
{
	return (x > y) - (x < y);
}

/* Most, oldest, or first in the alphabet comes first; what is equal by bytes. */
static int compare_by(const struct owner *x, const struct owner *y, enum top_sort sort)
{
	switch (sort) {
	case SORT_COUNT:
		return compare(y->count, x->count);
	case SORT_AGE:
		return compare(x->oldest_ns, y->oldest_ns);
	case SORT_PINS:
		return compare(y->pins, x->pins);
	case SORT_FIXED:
		return compare(y->fixed, x->fixed);
	case SORT_GROWTH:
		return (y->growth > x->growth) - (y->growth < x->growth);
	case SORT_NAME:
		return strcmp(x->name, y->name);
	case SORT_BYTES:
	case SORTS:
		break;
	}
	return 0;
}

static int compare_in_order(const void *a, const void *b, void *arg)
{
	const struct owner *x = *(const struct owner *const *)a;
	const struct owner *y = *(const struct owner *const *)b;
	const struct top *top = arg;
	int order = compare_by(x, y, top->sort);

	/* They stand in an array by bytes. */
	order = order ? order : compare((uintptr_t)x, (uintptr_t)y);
	return top->reverse ? -order : order;
}

static const struct owner **sorted(const struct top *top)
{
	const struct picture *picture = &top->now.picture;
	const struct owner **order = calloc(picture->owner_count + 1, sizeof(*order));

	if (!order)
		out_of_memory();
	for (size_t i = 0; i < picture->owner_count; i++)
		order[i] = &picture->owners[i];
	qsort_r(order, picture->owner_count, sizeof(*order), compare_in_order, (void *)top);
	return order;
}

/* ---- the lines above ---- */

static int draw_label(struct canvas *canvas, int row, const char *label)
{
	canvas_text(canvas, row, 0, PAINT_PLAIN, LOOK_BOLD, "%s", label);
	return LABEL_WIDTH;
}

static void draw_title(struct canvas *canvas, const struct top *top)
{
	const struct picture *picture = &top->now.picture;
	time_t now = time(NULL);
	char clock[32] = "", text[64];
	struct tm tm;
	int column, right;

	if (localtime_r(&now, &tm))
		strftime(clock, sizeof(clock), top->live ? "%T" : "%F %T", &tm);
	column = canvas_text(canvas, 0, 0, PAINT_PLAIN, LOOK_BOLD, "%.*s", MEMMGR_NAME_LEN,
			     picture->region.name);
	column = canvas_text(canvas, 0, column, PAINT_PLAIN, 0, "  %s  by %s, sorted by %s%s",
			     size_text(picture->main.total), by_names[top->by],
			     sort_names[top->sort], top->reverse ? ", reversed" : "");
	snprintf(text, sizeof(text), "every %g s  %s", (double)top->delay_ms / 1000, clock);
	right = canvas->columns - (int)strlen(text);
	if (right > column)
		canvas_text(canvas, 0, right, PAINT_PLAIN, 0, "%s", text);
}

struct bar {
	unsigned int milli;	/* so full */
	unsigned int strong;	/* of these, drawn strong */
	unsigned int mark;	/* a threshold; 0: none */
	enum paint paint;
};

static wchar_t bar_sign(const struct canvas *canvas, bool full, bool strong)
{
	if (canvas->style.utf8)
		return full ? (strong ? L'\u2588' : L'\u2593') : L'\u00b7';
	return full ? (strong ? L'#' : L'=') : L'.';
}

static int draw_bar(struct canvas *canvas, int row, int column, const struct bar *bar)
{
	int width = canvas->columns - LABEL_WIDTH - BAR_TEXT;
	unsigned int cells;

	width = width < BAR_LEAST ? BAR_LEAST : width > BAR_MOST ? BAR_MOST : width;
	cells = (unsigned int)width;
	canvas_put(canvas, row, column++, L'[', PAINT_PLAIN, LOOK_DIM);
	for (unsigned int i = 0; i < cells; i++) {
		/* Whatever there is shows. */
		bool full = i * 1000 < bar->milli * cells;
		bool strong = i * 1000 < bar->strong * cells;

		if (bar->mark && i == (bar->mark * cells - 1) / 1000 && bar->mark < 1000)
			canvas_put(canvas, row, column++, L'|', PAINT_PLAIN, LOOK_BOLD);
		else
			canvas_put(canvas, row, column++, bar_sign(canvas, full, strong),
				   full ? bar->paint : PAINT_PLAIN, full ? 0 : LOOK_DIM);
	}
	canvas_put(canvas, row, column++, L']', PAINT_PLAIN, LOOK_DIM);
	return canvas_text(canvas, row, column, PAINT_PLAIN, 0, " %3u.%u%%  ",
			   bar->milli / 10, bar->milli % 10);
}

static unsigned int share(uint64_t part, uint64_t whole)
{
	return whole ? (unsigned int)(part * 1000 / whole) : 0;
}

static int draw_usage(struct canvas *canvas, int row, const struct top *top)
{
	const struct memmgr_stats *main = &top->now.picture.main;
	const struct memmgr_health *health = &top->now.health;
	struct bar bar = {
		.milli = share(main->used, main->total),
		.strong = top->now.has_health ? share(top->now.picture.fixed, main->total) : 1000,
		.mark = health->warn_above,
		.paint = PAINT_GOOD,
	};
	int column;

	if (health->state & MEMMGR_HEALTH_LOW)
		bar.paint = PAINT_BAD;
	else if (bar.milli > WARN_MILLI)
		bar.paint = PAINT_WARN;
	column = draw_bar(canvas, row, draw_label(canvas, row, "in use"), &bar);
	column = canvas_text(canvas, row, column, PAINT_PLAIN, 0, "%s, peak %s",
			     size_text(main->used), size_text(main->peak));
	if (top->now.has_health)
		canvas_text(canvas, row, column, PAINT_PLAIN, 0, ", fixed %s",
			    size_text(top->now.picture.fixed));
	return row + 1;
}

static int draw_fragmentation(struct canvas *canvas, int row, const struct top *top)
{
	const struct memmgr_frag *frag = &top->now.frag;
	const struct memmgr_health *health = &top->now.health;
	struct bar bar = {
		.milli = frag->external,
		.strong = 1000,
		.mark = health->compact_above,
		.paint = PAINT_GOOD,
	};

	if (health->state & MEMMGR_HEALTH_FRAGMENTED)
		bar.paint = PAINT_BAD;
	canvas_text(canvas, row, draw_bar(canvas, row, draw_label(canvas, row, "fragmented"), &bar),
		    PAINT_PLAIN, 0, "largest free %s of %s", size_text(frag->largest),
		    size_text(frag->free));
	return row + 1;
}

static int draw_state(struct canvas *canvas, int row, uint32_t state)
{
	static const struct {
		uint32_t bit;
		const char *text;
		enum paint paint;
	} states[] = {
		{ MEMMGR_HEALTH_LOW, "low on memory  ", PAINT_BAD },
		{ MEMMGR_HEALTH_FRAGMENTED, "fragmented  ", PAINT_BAD },
		{ MEMMGR_HEALTH_AT_WORK, "compacting  ", PAINT_WARN },
	};
	int column = LABEL_WIDTH;

	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		if (state & states[i].bit)
			column = canvas_text(canvas, row, column, states[i].paint, LOOK_BOLD, "%s",
					     states[i].text);
	}
	return column == LABEL_WIDTH ?
	       canvas_text(canvas, row, column, PAINT_GOOD, LOOK_BOLD, "good  ") : column;
}

static int draw_health(struct canvas *canvas, int row, const struct top *top)
{
	const struct memmgr_health *health = &top->now.health;
	int column = draw_label(canvas, row, "health");

	if (!top->now.has_health) {
		canvas_text(canvas, row, column, PAINT_PLAIN, LOOK_DIM,
			    "not known: this module is older than memctl");
		return row + 1;
	}
	column = draw_state(canvas, row, health->state);
	column = canvas_text(canvas, row, column, PAINT_PLAIN, 0, "compaction by itself is %s",
			     health->flags & MEMMGR_HEALTH_ON ? "on" : "off");
	if (health->compactions)
		canvas_text(canvas, row, column, PAINT_PLAIN, 0, "; it ran %" PRIu64
			    " times and moved %s in %" PRIu64 " blocks",
			    (uint64_t)health->compactions, size_text(health->moved),
			    (uint64_t)health->moves);
	return row + 1;
}

/* The number so far, until there are two samples to compare. */
static int draw_rate(struct canvas *canvas, int row, int column, const struct top *top,
		     const char *what, uint64_t now, uint64_t before)
{
	double rate = top_rate(top, now, before);

	if (!top->before.time_ns)
		return canvas_text(canvas, row, column, PAINT_PLAIN, 0, "%" PRIu64 " %s  ", now,
				   what);
	return canvas_text(canvas, row, column, PAINT_PLAIN, rate > 0 ? 0 : LOOK_DIM,
			   "%.*f %s  ", rate > 0 && rate < 10 ? 1 : 0, rate, what);
}

static int draw_rates(struct canvas *canvas, int row, const struct top *top)
{
	const struct top_sample *now = &top->now, *before = &top->before;
	int column = draw_label(canvas, row, before->time_ns ? "per second" : "so far");

	column = draw_rate(canvas, row, column, top, "allocations", now->allocs, before->allocs);
	column = draw_rate(canvas, row, column, top, "frees", now->frees, before->frees);
	column = draw_rate(canvas, row, column, top, "failures", now->failures,
			   before->failures);
	if (now->has_health)
		draw_rate(canvas, row, column, top, "moves", now->health.moves,
			  before->health.moves);
	return row + 1;
}

static int draw_failure(struct canvas *canvas, int row, const struct top *top)
{
	const struct memmgr_failure *last = &top->now.last;
	uint64_t now = top->now.picture.now_ns;
	int column = draw_label(canvas, row, "last failure");

	if (!last->seq) {
		canvas_text(canvas, row, column, PAINT_PLAIN, LOOK_DIM, "none");
		return row + 1;
	}
	column = canvas_text(canvas, row, column, PAINT_PLAIN, 0, "%s ago, %.*s: ",
			     age_text(now > last->time_ns ? now - last->time_ns : 0),
			     MEMMGR_COMM_LEN, last->comm);
	column = canvas_text(canvas, row, column, PAINT_WARN, 0, "%s",
			     memmgr_reason_name(last->reason));
	canvas_text(canvas, row, column, PAINT_PLAIN, 0, ", %s of %.*s, %s would have worked",
		    size_text(last->bytes), MEMMGR_NAME_LEN, last->heap_name,
		    size_text(last->largest));
	return row + 1;
}

/* ---- the keys ---- */

static void draw_keys(struct canvas *canvas, int row)
{
	static const struct {
		const char *key;
		const char *text;
	} keys[] = {
		{ "q", "quit" }, { "b", "bytes" }, { "c", "count" }, { "a", "age" },
		{ "p", "pins" }, { "f", "fixed" }, { "g", "growth" }, { "n", "name" },
		{ "r", "reverse" }, { "o", "owners" }, { "m", "map" }, { "+-", "delay" },
		{ "arrows", "scroll" },
	};
	int column = 0;

	/* In a low window it lies over something else. */
	canvas_text(canvas, row, 0, PAINT_PLAIN, 0, "%*s", canvas->columns, "");
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		int width = (int)(strlen(keys[i].key) + strlen(keys[i].text)) + 1;

		if (column + width > canvas->columns)
			break;
		column = canvas_text(canvas, row, column, PAINT_PLAIN, LOOK_REVERSE, "%s",
				     keys[i].key);
		column = canvas_text(canvas, row, column, PAINT_PLAIN, 0, " %s", keys[i].text) + 1;
	}
}

/* ---- all of it ---- */

static int clamp(int value, int least, int most)
{
	return value < least ? least : value > most ? most : value;
}

struct top_layout top_layout(const struct top *top, int rows, int columns)
{
	/* Head, its blank line, map, its signs and blank line, owners, keys. */
	int room = rows - HEAD_ROWS - 1 - 2 - 1 - OWNERS_LEAST - 1;
	struct top_layout layout = {
		.map_width = clamp((columns - MAP_MARGIN) & ~7, 8, 256),
		.map_rows = clamp(rows / 4, MAP_LEAST, MAP_MOST),
	};

	if (top->hide_map || room < MAP_LEAST || columns < MAP_MARGIN + 8)
		layout.map_rows = 0;
	else if (room < layout.map_rows)
		layout.map_rows = room;
	return layout;
}

int top_height(const struct top *top, const struct top_layout *layout)
{
	return HEAD_ROWS + 1 + (layout->map_rows ? layout->map_rows + 2 : 0) + 1 +
	       (int)top->now.picture.owner_count;
}

int top_draw(struct canvas *canvas, const struct top *top, const struct top_layout *layout)
{
	const struct picture *picture = &top->now.picture;
	int row = 1, room;
	const struct owner **order;

	draw_title(canvas, top);
	row = draw_usage(canvas, row, top);
	row = draw_fragmentation(canvas, row, top);
	row = draw_health(canvas, row, top);
	row = draw_rates(canvas, row, top);
	row = draw_failure(canvas, row, top) + 1;
	if (layout->map_rows) {
		row = draw_map(canvas, row, picture, layout->map_width);
		row = draw_signs(canvas, row, picture) + 1;
	}
	room = canvas->rows - row - 1 - (top->live ? 1 : 0);
	order = sorted(top);
	if (room > 0)
		row = draw_owners(canvas, row, picture, order, top->first, (size_t)room);
	free(order);
	if (top->live)
		draw_keys(canvas, canvas->rows - 1);
	return row;
}
