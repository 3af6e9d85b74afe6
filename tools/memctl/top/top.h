/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * memctl top takes a sample, draws a frame from the sample, and sends the frame to
 * the screen (top_screen.c, which alone knows the terminal) or to standard output.
 */
#ifndef MEMCTL_TOP_H
#define MEMCTL_TOP_H

#include <memmgr.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"
#include "memctl.h"
#include "picture/picture.h"

enum top_sort {
	SORT_BYTES,
	SORT_COUNT,
	SORT_AGE,
	SORT_PINS,
	SORT_FIXED,
	SORT_GROWTH,
	SORT_NAME,
	SORTS,
};

/* The first letter of each is its key. */
extern const char *const sort_names[SORTS];

struct top_sample {
	uint64_t time_ns;		/* CLOCK_MONOTONIC */
	uint64_t allocs, frees, failures;	/* of all heaps, ever */
	struct picture picture;
	struct memmgr_frag frag;
	struct memmgr_health health;
	bool has_health;		/* the module is new enough */
	struct memmgr_failure last;	/* seq 0: none that is remembered */
};

struct top {
	uint64_t delay_ms;
	uint64_t frames;		/* 0: without end */
	enum picture_by by;
	enum top_sort sort;
	bool reverse;
	bool hide_map;
	bool live;			/* on a screen, with keys */
	size_t first;			/* owner at the top of the list */
	struct slots slots;
	struct top_sample now;
	struct top_sample before;	/* time_ns 0: there is none; has no picture */
};

/* ---- top_sample.c ---- */

/* A new sample; a negative errno value if that fails. */
int top_sample(const struct memctl *ctl, struct top *top, uint32_t cells);
void top_forget(struct top *top);
/* The rate since the last sample, per second, of a count that was @before and is @now. */
double top_rate(const struct top *top, uint64_t now, uint64_t before);
struct json_object *top_json(const struct top *top);

/* ---- top_draw.c ---- */

/* The parts of a frame that its size has room for. */
struct top_layout {
	int map_width;
	int map_rows;		/* 0: no map */
};

struct top_layout top_layout(const struct top *top, int rows, int columns);
/* Returns the number of rows; draws the owners that fit. */
int top_draw(struct canvas *canvas, const struct top *top, const struct top_layout *layout);
/* Rows of a frame with all owners. */
int top_height(const struct top *top, const struct top_layout *layout);

/* ---- top_screen.c ---- */

/* false: the terminal is not known. Every way out of memctl restores it. */
bool screen_open(enum color_when color);
void screen_close(void);
void screen_size(int *rows, int *columns);
struct style screen_style(void);
void screen_show(const struct canvas *canvas);

enum screen_key {
	SCREEN_TIME = 0x10000,	/* no key came */
	SCREEN_RESIZED,
	SCREEN_ENDED,		/* by a signal, or the terminal is gone */
	SCREEN_UP,
	SCREEN_DOWN,
	SCREEN_PAGE_UP,
	SCREEN_PAGE_DOWN,
};

/* The next key, an ASCII character or one of these. */
int screen_wait(uint64_t ms);

#endif /* MEMCTL_TOP_H */
