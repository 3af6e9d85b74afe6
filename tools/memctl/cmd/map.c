// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* memctl map: a picture of the region. */
#include <argp.h>
#include <fcntl.h>
#include <memmgr.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/args.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/newfile.h"
#include "base/options.h"
#include "base/terminal.h"
#include "base/words.h"
#include "cmd/commands.h"
#include "find/find.h"
#include "memctl.h"
#include "picture/picture.h"

#define ROWS_DEFAULT	8u
#define ROWS_LEAST	4u
#define ROWS_MOST	16u
#define WIDTH_DEFAULT	64u
#define WIDTH_MOST	256u
#define PLAIN_COLUMNS	100u	/* where there is no terminal */
#define SVG_WIDTH	128u
#define SVG_ROWS	16u
#define OWNERS_LEAST	8u	/* in a terminal that is not high enough */

enum {
	KEY_ROWS = 0x200,
	KEY_COLOR,
	KEY_SVG,
	KEY_BY,
};

static const struct argp_option options_table[] = {
	{ "width", 'w', "N", 0, "Cells in a row (default: what the terminal has room for)", 0 },
	{ "rows", KEY_ROWS, "N", 0, "Rows (default: what the terminal has room for, or 8)", 0 },
	{ "by", KEY_BY, "KEY", 0,
	  "Who counts as one owner: owner (program and user, the default), client or tag", 0 },
	{ "color", KEY_COLOR, "WHEN", 0,
	  "auto (on a terminal, unless $NO_COLOR is set), always or never", 0 },
	{ "svg", KEY_SVG, "FILE", 0, "Write an SVG picture instead; - is standard output", 0 },
	{ 0 },
};

struct options {
	uint32_t width;
	uint32_t rows;
	size_t by;
	enum color_when color;
	const char *svg;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case 'w':
		options->width = arg_count(state, "--width", arg, 1, 512);
		return 0;
	case KEY_ROWS:
		options->rows = arg_count(state, "--rows", arg, 1, 128);
		return 0;
	case KEY_BY:
		options->by = arg_choice(state, "--by", arg, by_names, ARRAY_SIZE(by_names));
		return 0;
	case KEY_COLOR:
		options->color = arg_color(state, arg);
		return 0;
	case KEY_SVG:
		options->svg = arg;
		return 0;
	case ARGP_KEY_END:
		if (options->rows * options->width > MEMMGR_BATCH_MAX)
			argp_error(state, "--width times --rows is more than %u cells",
				   MEMMGR_BATCH_MAX);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options_table,
	.parser = parse,
	.doc = "Draw the region: who has what of it, what may be moved, and what is free."
	       "\vA cell shows who has the most of it, and is marked when anything in it may not "
	       "be moved. What another heap took from heap main counts as in use, however much "
	       "of it that heap handed out. Without colours an owner is a letter: small where "
	       "all may move, CAPITAL where something may not.",
};

static uint32_t clamp(uint32_t value, uint32_t least, uint32_t most)
{
	return value < least ? least : value > most ? most : value;
}

static uint32_t default_width(bool svg)
{
	uint32_t columns = terminal_columns();

	if (svg)
		return SVG_WIDTH;
	/* A multiple of 8, for round offsets. */
	if (columns >= MAP_MARGIN + 8)
		return clamp((columns - MAP_MARGIN) & ~7u, 8, WIDTH_MOST);
	return WIDTH_DEFAULT;
}

static uint32_t default_rows(bool svg)
{
	uint32_t rows = terminal_rows();

	if (svg)
		return SVG_ROWS;
	return rows ? clamp(rows / 2, ROWS_LEAST, ROWS_MOST) : ROWS_DEFAULT;
}

static void choose_size(struct options *options)
{
	if (!options->width)
		options->width = default_width(options->svg);
	if (!options->rows)
		options->rows = clamp(default_rows(options->svg), 1,
				      MEMMGR_BATCH_MAX / options->width);
	options->width = clamp(options->width, 1, MEMMGR_BATCH_MAX / options->rows);
}

/* ---- on a terminal, or as text ---- */

static int draw_title(struct canvas *canvas, const struct picture *picture)
{
	const struct memmgr_stats *main = &picture->main;
	int column = canvas_text(canvas, 0, 0, PAINT_PLAIN, LOOK_BOLD, "%.*s", MEMMGR_NAME_LEN,
				 picture->region.name);

	column = canvas_text(canvas, 0, column, PAINT_PLAIN, 0, "  %s of %s in use, %s free, ",
			     size_text(main->used), size_text(main->total),
			     size_text(main->free));
	canvas_text(canvas, 0, column, PAINT_PLAIN, 0, "%s of it in one piece",
		    size_text(main->largest));
	return 2;
}

/* Rows of owners: all where there is no terminal that would scroll them away. */
static size_t owners_shown(const struct picture *picture, uint32_t map_rows)
{
	uint32_t rows = terminal_rows(), taken = map_rows + 7;
	size_t room = rows > taken + OWNERS_LEAST ? rows - taken : OWNERS_LEAST;

	return !rows || picture->owner_count <= room ? picture->owner_count : room - 1;
}

static int draw_all(struct canvas *canvas, const struct picture *picture, uint32_t width,
		    size_t shown)
{
	size_t left = picture->owner_count - shown;
	int row = draw_title(canvas, picture);

	row = draw_map(canvas, row, picture, (int)width) + 1;
	row = draw_signs(canvas, row, picture) + 1;
	if (!picture->owner_count)
		return row - 1;
	row = draw_owners(canvas, row, picture, NULL, 0, shown);
	if (left)
		canvas_text(canvas, row++, 2, PAINT_PLAIN, LOOK_DIM,
			    "and %zu more: make the window higher, or see memctl top", left);
	return row;
}

static void show(const struct picture *picture, const struct options *options)
{
	uint32_t columns = terminal_columns(), map_rows;
	size_t shown;
	struct canvas *canvas;

	map_rows = (picture->count + options->width - 1) / options->width;
	shown = owners_shown(picture, map_rows);
	columns = columns ? columns : clamp(options->width + MAP_MARGIN, PLAIN_COLUMNS, UINT32_MAX);
	canvas = canvas_new((int)(map_rows + shown) + 8, (int)columns, style_find(options->color));
	canvas_print(canvas, draw_all(canvas, picture, options->width, shown), stdout);
	canvas_free(canvas);
}

/* ---- as SVG ---- */

static int write_svg(const struct memctl *ctl, const struct picture *picture,
		     const struct options *options)
{
	struct newfile file;
	int rc = newfile_open(ctl, options->svg, &file);

	if (rc)
		return rc;
	picture_svg(picture, options->width, file.stream);
	return newfile_close(ctl, &file);
}

int cmd_map(struct memctl *ctl, int argc, char **argv)
{
	static struct slots slots;
	struct options options = { .color = COLOR_AUTO };
	struct picture picture = { .count = 0 };
	int rc, err;

	parse_args(ctl, &argp, argc, argv, &options);
	choose_size(&options);
	rc = region_open(ctl, O_RDONLY);
	if (rc)
		return rc;
	err = picture_read(ctl, options.by, options.width * options.rows, &slots, &picture);
	if (err)
		rc = fail_errno(ctl, err, "map");
	else if (options.svg)
		rc = write_svg(ctl, &picture, &options);
	else if (ctl->json)
		json_print(json_result(ctl, "map", picture_json(&picture)));
	else
		show(&picture, &options);
	picture_free(&picture);
	return rc;
}
