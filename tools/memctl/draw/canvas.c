// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* A grid of characters to draw on. */
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/args.h"
#include "base/memory.h"
#include "base/terminal.h"
#include "draw/canvas.h"
#include "memctl.h"

#define TEXT_MAX	512	/* no line is longer */

static const char *const when_names[] = { "auto", "always", "never" };

enum color_when arg_color(struct argp_state *state, const char *text)
{
	return (enum color_when)arg_choice(state, "--color", text, when_names,
					   ARRAY_SIZE(when_names));
}

static bool is_set(const char *variable)
{
	const char *value = getenv(variable);

	return value && *value;
}

static bool color_wanted(enum color_when when)
{
	const char *terminal = getenv("TERM");

	if (when != COLOR_AUTO)
		return when == COLOR_ALWAYS;
	return isatty(STDOUT_FILENO) && !is_set("NO_COLOR") && terminal &&
	       strcmp(terminal, "dumb");
}

struct style style_find(enum color_when when)
{
	const char *terminal = getenv("TERM");
	struct style style = { .depth = DEPTH_NONE, .utf8 = is_utf8() };

	if (color_wanted(when))
		style.depth = is_set("COLORTERM") || (terminal && strstr(terminal, "256color")) ?
			      DEPTH_256 : DEPTH_16;
	return style;
}

/*
 * Of medium brightness, so that they can be told apart on black and on white and
 * carry black text; neighbours in the list differ the most.
 */
static const uint8_t colors_256[PAINTS] = {
	[PAINT_GOOD] = 35, [PAINT_WARN] = 178, [PAINT_BAD] = 167, [PAINT_OTHERS] = 246,
	[PAINT_OWNER] = 33, 208, 35, 170, 178, 37, 203, 105, 107, 175, 137, 74,
};

static const uint8_t colors_16[PAINTS] = {
	[PAINT_GOOD] = 2, [PAINT_WARN] = 3, [PAINT_BAD] = 1, [PAINT_OTHERS] = 7,
	[PAINT_OWNER] = 4, 3, 2, 5, 6, 1, 12, 11, 10, 13, 14, 9,
};

int paint_color(enum paint paint, enum color_depth depth)
{
	return depth == DEPTH_256 ? colors_256[paint] : colors_16[paint];
}

struct canvas *canvas_new(int rows, int columns, struct style style)
{
	struct canvas *canvas = calloc(1, sizeof(*canvas));

	if (!canvas)
		out_of_memory();
	canvas->style = style;
	canvas->rows = rows;
	canvas->columns = columns;
	canvas->cells = calloc((size_t)rows * (size_t)columns + 1, sizeof(*canvas->cells));
	if (!canvas->cells)
		out_of_memory();
	for (int i = 0; i < rows * columns; i++)
		canvas->cells[i].c = L' ';
	return canvas;
}

struct canvas *canvas_copy(const struct canvas *canvas)
{
	struct canvas *copy = canvas_new(canvas->rows, canvas->columns, canvas->style);

	memcpy(copy->cells, canvas->cells,
	       (size_t)canvas->rows * (size_t)canvas->columns * sizeof(*copy->cells));
	return copy;
}

void canvas_free(struct canvas *canvas)
{
	free(canvas->cells);
	free(canvas);
}

void canvas_put(struct canvas *canvas, int row, int column, wchar_t c, enum paint paint,
		unsigned int look)
{
	if (row < 0 || row >= canvas->rows || column < 0 || column >= canvas->columns)
		return;
	canvas->cells[row * canvas->columns + column] = (struct canvas_cell){
		.c = c,
		.paint = (uint8_t)paint,
		.look = (uint8_t)look,
	};
}

/* Names come from other users: what is no plain character becomes '?'. */
int canvas_text(struct canvas *canvas, int row, int column, enum paint paint,
		unsigned int look, const char *format, ...)
{
	char text[TEXT_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	for (const char *c = text; *c; c++)
		canvas_put(canvas, row, column++, *c < ' ' || *c > '~' ? L'?' : (wchar_t)*c,
			   paint, look);
	return column;
}

/* ---- printing ---- */

static void print_color(FILE *to, enum paint paint, enum color_depth depth, bool behind)
{
	int color = paint_color(paint, depth);

	if (depth == DEPTH_256)
		fprintf(to, ";%d;5;%d", behind ? 48 : 38, color);
	else
		fprintf(to, ";%d", (behind ? 40 : 30) + (color < 8 ? color : color - 8 + 60));
}

/* Everything anew at each change: what came before never matters. */
static void print_look(FILE *to, const struct canvas_cell *cell, enum color_depth depth)
{
	bool solid = cell->look & LOOK_SOLID;

	fputs("\033[0", to);
	if (cell->look & LOOK_BOLD)
		fputs(";1", to);
	if (cell->look & LOOK_DIM)
		fputs(";2", to);
	if (cell->look & LOOK_REVERSE)
		fputs(";7", to);
	if (depth >= DEPTH_16 && solid)
		fputs(";30", to);
	if (depth >= DEPTH_16 && cell->paint != PAINT_PLAIN)
		print_color(to, cell->paint, depth, solid);
	fputc('m', to);
}

static int row_end(const struct canvas *canvas, int row)
{
	const struct canvas_cell *cells = &canvas->cells[row * canvas->columns];
	int end = canvas->columns;

	while (end && cells[end - 1].c == L' ' &&
	       !(cells[end - 1].look & (LOOK_SOLID | LOOK_REVERSE)))
		end--;
	return end;
}

static void print_character(FILE *to, wchar_t c)
{
	char bytes[MB_LEN_MAX];
	mbstate_t state = { 0 };
	size_t count = wcrtomb(bytes, c, &state);

	if (count == (size_t)-1)
		fputc('?', to);
	else
		fwrite(bytes, 1, count, to);
}

int canvas_print_row(const struct canvas *canvas, int row, FILE *to)
{
	struct canvas_cell last = { .paint = PAINT_PLAIN };
	int end = row_end(canvas, row);

	for (int i = 0; i < end; i++) {
		const struct canvas_cell *cell = &canvas->cells[row * canvas->columns + i];

		if (canvas->style.depth != DEPTH_NONE &&
		    (cell->paint != last.paint || cell->look != last.look))
			print_look(to, cell, canvas->style.depth);
		print_character(to, cell->c);
		last = *cell;
	}
	if (canvas->style.depth != DEPTH_NONE && (last.paint != PAINT_PLAIN || last.look))
		fputs("\033[0m", to);
	return end;
}

void canvas_print(const struct canvas *canvas, int rows, FILE *to)
{
	for (int row = 0; row < rows && row < canvas->rows; row++) {
		canvas_print_row(canvas, row, to);
		fputc('\n', to);
	}
}
