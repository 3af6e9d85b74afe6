// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* memctl top: the region, live. */
#include <argp.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/args.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/interrupt.h"
#include "base/json.h"
#include "base/options.h"
#include "base/terminal.h"
#include "cmd/commands.h"
#include "find/find.h"
#include "memctl.h"
#include "top/top.h"

#define DELAY_DEFAULT	2000u	/* ms */
#define DELAY_LEAST	100u
#define DELAY_MOST	3600000u
#define BATCH_COLUMNS	100
#define BATCH_ROWS	32	/* for the size of the map */
#define PAGE		10u

enum {
	KEY_COLOR = 0x200,
	KEY_SORT,
	KEY_BY,
};

static const struct argp_option options_table[] = {
	{ "delay", 'd', "SECONDS", 0, "Time between two looks, 0.1 to 3600 (default 2)", 0 },
	{ "batch", 'b', 0, 0, "Print plain frames, one after the other, without keys", 0 },
	{ "count", 'n', "COUNT", 0, "Print so many frames, as with --batch, then end", 0 },
	{ "sort", KEY_SORT, "KEY", 0,
	  "By bytes (the default), count, age, pins, fixed, growth or name", 0 },
	{ "by", KEY_BY, "KEY", 0,
	  "Who counts as one owner: owner (program and user, the default), client or tag", 0 },
	{ "color", KEY_COLOR, "WHEN", 0,
	  "auto (on a terminal, unless $NO_COLOR is set), always or never", 0 },
	{ 0 },
};

struct options {
	uint64_t delay_ms;
	uint64_t frames;
	bool batch;
	size_t sort;
	size_t by;
	enum color_when color;
};

static uint64_t parse_delay(struct argp_state *state, const char *text)
{
	char *end;
	double ms = strtod(text, &end) * 1000;

	/* Not a number is not in the range either. */
	if (end == text || *end || !(ms >= DELAY_LEAST && ms <= DELAY_MOST))
		argp_error(state, "--delay: '%s' is not a time; give seconds from 0.1 to 3600",
			   text);
	return (uint64_t)ms;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case 'd':
		options->delay_ms = parse_delay(state, arg);
		return 0;
	case 'b':
		options->batch = true;
		return 0;
	case 'n':
		options->frames = arg_count(state, "--count", arg, 1, UINT32_MAX);
		options->batch = true;
		return 0;
	case KEY_SORT:
		options->sort = arg_choice(state, "--sort", arg, sort_names, SORTS);
		return 0;
	case KEY_BY:
		options->by = arg_choice(state, "--by", arg, by_names, ARRAY_SIZE(by_names));
		return 0;
	case KEY_COLOR:
		options->color = arg_color(state, arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options_table,
	.parser = parse,
	.doc = "Watch the region: how full and how fragmented it is, how it is doing, what "
	       "happens each second, and who has the most of it, with the colours of the map."
	       "\vKeys: q ends it; b, c, a, p, f, g, n sort by bytes, count, age of the oldest "
	       "allocation, pins, bytes that may not move, growth since memctl top started, "
	       "and name; r reverses that; o changes who counts as one owner; m hides the map; "
	       "+ and - change the delay; the arrow and page keys scroll; a blank looks again "
	       "at once. Where standard output is no terminal it prints frames as with --batch; "
	       "with --json each frame is an object.",
};

/* ---- frames on standard output ---- */

static uint32_t cells(const struct top_layout *layout)
{
	return layout->map_rows ? (uint32_t)(layout->map_rows * layout->map_width) : 1;
}

static void print_frame(const struct memctl *ctl, const struct top *top,
			const struct top_layout *layout, int columns, enum color_when color)
{
	struct canvas *canvas;

	if (ctl->json) {
		json_print_line(json_result(ctl, "top", top_json(top)));
		return;
	}
	/* Plain unless colours were asked for: logs are read later. */
	canvas = canvas_new(top_height(top, layout) + 1, columns,
			    style_find(color == COLOR_ALWAYS ? color : COLOR_NEVER));
	canvas_print(canvas, top_draw(canvas, top, layout), stdout);
	canvas_free(canvas);
}

static int run_batch(const struct memctl *ctl, struct top *top, enum color_when color)
{
	const struct timespec delay = {
		.tv_sec = (time_t)(top->delay_ms / 1000),
		.tv_nsec = (long)(top->delay_ms % 1000) * 1000000,
	};
	int columns = (int)terminal_columns();
	struct top_layout layout;
	int err;

	columns = columns ? columns : BATCH_COLUMNS;
	layout = top_layout(top, BATCH_ROWS, columns);
	for (uint64_t frame = 0; !top->frames || frame < top->frames; frame++) {
		if (frame) {
			nanosleep(&delay, NULL);
			fputs(ctl->json ? "" : "\n", stdout);
		}
		err = top_sample(ctl, top, cells(&layout));
		if (err)
			return fail_errno(ctl, err, "region");
		print_frame(ctl, top, &layout, columns, color);
		/* A reader wants the frame now, and may have gone. */
		if (fflush(stdout))
			break;
	}
	return EXIT_OK;
}

/* ---- frames on the screen ---- */

static void scroll(struct top *top, long lines)
{
	long last = (long)top->now.picture.owner_count - 1;
	long first = (long)top->first + lines;

	top->first = first < 0 || last < 0 ? 0 : (size_t)(first < last ? first : last);
}

static void change_delay(struct top *top, bool longer)
{
	uint64_t delay = longer ? top->delay_ms * 2 : top->delay_ms / 2;

	top->delay_ms = delay < DELAY_LEAST ? DELAY_LEAST : delay > DELAY_MOST ? DELAY_MOST : delay;
}

static void choose_sort(struct top *top, int key)
{
	for (int sort = 0; sort < SORTS; sort++) {
		if (key == sort_names[sort][0]) {
			top->sort = (enum top_sort)sort;
			top->first = 0;
		}
	}
}

/* Owners that are put together anew have not been seen before: colours and growth begin anew. */
static void next_by(struct top *top)
{
	top->by = (top->by + 1) % ARRAY_SIZE(by_names);
	top->first = 0;
	memset(&top->slots, 0, sizeof(top->slots));
}

/* The effect of a key: another sample, only another frame, or the end. */
enum wish {
	WISH_SAMPLE,
	WISH_FRAME,
	WISH_END,
};

static enum wish on_key(struct top *top, int key)
{
	switch (key) {
	case 'q':
	case SCREEN_ENDED:
		return WISH_END;
	case SCREEN_TIME:
	case SCREEN_RESIZED:
	case ' ':
		return WISH_SAMPLE;
	case 'o':
		next_by(top);
		return WISH_SAMPLE;
	case 'm':
		top->hide_map = !top->hide_map;
		return WISH_SAMPLE;
	case 'r':
		top->reverse = !top->reverse;
		break;
	case '+':
	case '-':
		change_delay(top, key == '+');
		break;
	case SCREEN_UP:
	case SCREEN_DOWN:
		scroll(top, key == SCREEN_UP ? -1 : 1);
		break;
	case SCREEN_PAGE_UP:
	case SCREEN_PAGE_DOWN:
		scroll(top, key == SCREEN_PAGE_UP ? -(long)PAGE : (long)PAGE);
		break;
	default:
		choose_sort(top, key);
	}
	return WISH_FRAME;
}

static void show_frame(const struct top *top, const struct top_layout *layout)
{
	struct canvas *canvas;
	int rows, columns;

	screen_size(&rows, &columns);
	canvas = canvas_new(rows, columns, screen_style());
	top_draw(canvas, top, layout);
	screen_show(canvas);
	canvas_free(canvas);
}

/* Until it is time for the next sample; keys may change the frame meanwhile. */
static enum wish wait_for_wish(struct top *top, const struct top_layout *layout)
{
	enum wish wish = WISH_FRAME;

	while (wish == WISH_FRAME) {
		uint64_t due = top->now.time_ns + top->delay_ms * 1000000;
		uint64_t now = now_ns(CLOCK_MONOTONIC);

		show_frame(top, layout);
		/* Rounded up, or it would be asked again for what is left of a millisecond. */
		wish = on_key(top, screen_wait(due > now ? (due - now) / 1000000 + 1 : 0));
	}
	return wish;
}

static int run_live(const struct memctl *ctl, struct top *top, enum color_when color)
{
	struct top_layout layout;
	int err = 0, rows, columns;

	if (!screen_open(color))
		return fail(ctl, "set TERM to one that is, such as vt100, or use --batch",
			    "the terminal '%s' is not known", getenv("TERM") ? getenv("TERM") : "");
	top->live = true;
	do {
		screen_size(&rows, &columns);
		layout = top_layout(top, rows, columns);
		err = top_sample(ctl, top, cells(&layout));
		if (!err)
			scroll(top, 0);
	} while (!err && wait_for_wish(top, &layout) != WISH_END);
	screen_close();
	interrupt_raise();
	return err ? fail_errno(ctl, err, "region") : EXIT_OK;
}

int cmd_top(struct memctl *ctl, int argc, char **argv)
{
	static struct top top;
	struct options options = { .delay_ms = DELAY_DEFAULT, .color = COLOR_AUTO };
	int rc;

	parse_args(ctl, &argp, argc, argv, &options);
	top.delay_ms = options.delay_ms;
	top.frames = options.frames;
	top.sort = (enum top_sort)options.sort;
	top.by = (enum picture_by)options.by;
	rc = region_open(ctl, O_RDONLY);
	if (rc)
		return rc;
	if (options.batch || ctl->json || !isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		rc = run_batch(ctl, &top, options.color);
	else
		rc = run_live(ctl, &top, options.color);
	top_forget(&top);
	return rc;
}
