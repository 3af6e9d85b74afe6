/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * A grid of characters to draw on: once drawn, it can be printed, with colours or
 * without, as a whole or row by row. What lies outside of it is cut off.
 */
#ifndef MEMCTL_CANVAS_H
#define MEMCTL_CANVAS_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <wchar.h>

enum color_when {
	COLOR_AUTO,
	COLOR_ALWAYS,
	COLOR_NEVER,
};

enum color_depth {
	DEPTH_NONE,		/* plain text */
	DEPTH_LOOKS,		/* no colours, but bold, dim and reverse */
	DEPTH_16,
	DEPTH_256,
};

/* The abilities of the terminal or file that a picture goes to. */
struct style {
	enum color_depth depth;
	bool utf8;
};

/* Colours by their use. Owners of memory have one each, as far as they go. */
enum paint {
	PAINT_PLAIN,		/* whatever the terminal writes in */
	PAINT_GOOD,
	PAINT_WARN,
	PAINT_BAD,
	PAINT_OTHERS,		/* all owners beyond the last colour */
	PAINT_OWNER,		/* the first owner's */
};

#define PAINT_OWNERS	12u
#define PAINTS		(PAINT_OWNER + PAINT_OWNERS)

#define LOOK_BOLD	(1u << 0)
#define LOOK_DIM	(1u << 1)
#define LOOK_SOLID	(1u << 2)	/* black on the paint */
#define LOOK_REVERSE	(1u << 3)

struct canvas_cell {
	wchar_t c;
	uint8_t paint;
	uint8_t look;
};

struct canvas {
	struct style style;
	int rows;
	int columns;
	struct canvas_cell *cells;
};

/* The value of --color; ends the run if it is bad. */
enum color_when arg_color(struct argp_state *state, const char *text);
/* For standard output. */
struct style style_find(enum color_when when);
/* The number of a colour among the terminal's. */
int paint_color(enum paint paint, enum color_depth depth);

struct canvas *canvas_new(int rows, int columns, struct style style);
struct canvas *canvas_copy(const struct canvas *canvas);
void canvas_free(struct canvas *canvas);
void canvas_put(struct canvas *canvas, int row, int column, wchar_t c, enum paint paint,
		unsigned int look);
/* Returns the column behind the text. */
int canvas_text(struct canvas *canvas, int row, int column, enum paint paint,
		unsigned int look, const char *format, ...)
	__attribute__((format(printf, 6, 7)));
/* The first @rows rows, without the blanks at their ends. */
void canvas_print(const struct canvas *canvas, int rows, FILE *to);
/* One row without the blanks at its end. Returns the column behind it. */
int canvas_print_row(const struct canvas *canvas, int row, FILE *to);

#endif /* MEMCTL_CANVAS_H */
