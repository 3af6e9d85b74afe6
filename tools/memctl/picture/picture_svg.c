// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The picture of the region as SVG: complete in itself, on light and dark pages. */
#include <inttypes.h>
#include <memmgr.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/words.h"
#include "draw/markup.h"
#include "picture/picture.h"

#define WIDTH		960
#define MARGIN		24
#define MAP_LEFT	(MARGIN + 80)		/* offsets stand at the left */
#define MAP_TOP		80
#define MAP_WIDTH	(WIDTH - MARGIN - MAP_LEFT)
#define ROW_HEIGHT	16
#define ROW_GAP		2
#define LINE		22
#define OWNERS_MOST	24u	/* rows of the legend */

/* The colours of canvas.c, as much as a page allows. */
static const char *const colors[PAINT_OWNERS + 1] = {
	"#2f81f7", "#f0883e", "#2da44e", "#c678dd", "#d4a72c", "#1b9e9e", "#f47067",
	"#8b7cf8", "#6b8e23", "#d18ab8", "#a0785a", "#5fa8c8", "#8c959f",
};

static const char head[] =
	"<style>\n"
	"text{font:13px system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif;fill:#1f2328}\n"
	".page{fill:#ffffff}.empty{fill:#eaeef2}.dim{fill:#59636e}\n"
	".title{font-size:18px;font-weight:600}.head{font-weight:600}\n"
	".right{text-anchor:end}.part{fill-opacity:.5}\n"
	"@media (prefers-color-scheme:dark){\n"
	"text{fill:#e6edf3}.page{fill:#0d1117}.empty{fill:#21262d}.dim{fill:#9198a1}\n"
	"}\n"
	"</style>\n"
	"<defs><pattern id=\"fixed\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\" "
	"patternTransform=\"rotate(45)\">"
	"<rect width=\"1.6\" height=\"5\" fill=\"#000000\" fill-opacity=\".5\"/>"
	"</pattern></defs>\n";

static const char *owner_color(const struct owner *owner)
{
	return colors[owner->slot < PAINT_OWNERS ? owner->slot : PAINT_OWNERS];
}

/* ---- the map ---- */

static bool is_part(const struct picture *picture, const struct tile *tile)
{
	return tile->used < picture->cell_bytes - tile->used;
}

static bool is_fixed(const struct picture *picture, const struct tile *tile)
{
	return picture->moves && tile->fixed;
}

static bool looks_same(const struct picture *picture, const struct tile *x, const struct tile *y)
{
	if (x->owner != y->owner)
		return false;
	return !x->owner || (is_part(picture, x) == is_part(picture, y) &&
			     is_fixed(picture, x) == is_fixed(picture, y));
}

/* Names show where a mouse rests. */
static void print_box(const struct picture *picture, const struct tile *tile, double x, int y,
		      double width, FILE *to)
{
	const char *box = "<rect x=\"%.2f\" y=\"%d\" width=\"%.2f\" height=\"%d\" ";

	fprintf(to, box, x, y, width, ROW_HEIGHT);
	fprintf(to, "fill=\"%s\"%s><title>", owner_color(tile->owner),
		is_part(picture, tile) ? " class=\"part\"" : "");
	markup_text(to, tile->owner->name, sizeof(tile->owner->name));
	fputs("</title></rect>\n", to);
	if (!is_fixed(picture, tile))
		return;
	fprintf(to, box, x, y, width, ROW_HEIGHT);
	fputs("fill=\"url(#fixed)\" pointer-events=\"none\"/>\n", to);
}

static void print_map_row(const struct picture *picture, uint32_t first, uint32_t width, int y,
			  FILE *to)
{
	uint32_t end = first + width < picture->count ? first + width : picture->count, next;
	double cell = (double)MAP_WIDTH / width;

	fprintf(to, "<text x=\"%d\" y=\"%d\" class=\"dim right\">%s</text>\n", MAP_LEFT - 8,
		y + ROW_HEIGHT - 3, size_text(first * picture->cell_bytes));
	fprintf(to, "<rect x=\"%d\" y=\"%d\" width=\"%.2f\" height=\"%d\" class=\"empty\"/>\n",
		MAP_LEFT, y, (end - first) * cell, ROW_HEIGHT);
	for (uint32_t i = first; i < end; i = next) {
		const struct tile *tile = &picture->tiles[i];

		for (next = i + 1; next < end; next++) {
			if (!looks_same(picture, tile, &picture->tiles[next]))
				break;
		}
		if (tile->owner)
			print_box(picture, tile, MAP_LEFT + (i - first) * cell, y,
				  (next - i) * cell, to);
	}
}

static int print_map(const struct picture *picture, uint32_t width, int y, FILE *to)
{
	for (uint32_t i = 0; i < picture->count; i += width, y += ROW_HEIGHT + ROW_GAP)
		print_map_row(picture, i, width, y, to);
	return y;
}

/* ---- the legend ---- */

static int print_sign(FILE *to, int x, int y, const char *attributes, const char *over,
		      const char *text)
{
	const char *box = "<rect x=\"%d\" y=\"%d\" width=\"14\" height=\"14\" %s/>\n";

	fprintf(to, box, x, y - 12, attributes);
	if (over)
		fprintf(to, box, x, y - 12, over);
	fprintf(to, "<text x=\"%d\" y=\"%d\" class=\"dim\">%s</text>\n", x + 20, y, text);
	return x + 44 + (int)strlen(text) * 7;
}

static void print_signs(const struct picture *picture, int y, FILE *to)
{
	int x = MAP_LEFT;

	if (picture->moves) {
		x = print_sign(to, x, y, "fill=\"#8c959f\"", NULL, "may move");
		x = print_sign(to, x, y, "fill=\"#8c959f\"", "fill=\"url(#fixed)\"",
			       "something in it may not");
	}
	x = print_sign(to, x, y, "fill=\"#8c959f\" class=\"part\"", NULL, "less than half in use");
	x = print_sign(to, x, y, "class=\"empty\"", NULL, "free");
	fprintf(to, "<text x=\"%d\" y=\"%d\" class=\"dim right\">a cell is %s</text>\n",
		WIDTH - MARGIN, y, size_text(picture->cell_bytes));
}

/* Right-aligned, in column @column of the legend. */
static void print_figure(FILE *to, int column, int y, const char *class, const char *text)
{
	fprintf(to, "<text x=\"%d\" y=\"%d\" class=\"right%s\">%s</text>\n",
		MAP_LEFT + 330 + column * 105, y, class, text);
}

static const char *bytes_text(uint64_t bytes)
{
	return bytes ? size_text(bytes) : "-";
}

static void print_titles(const struct picture *picture, int y, FILE *to)
{
	fprintf(to, "<text x=\"%d\" y=\"%d\" class=\"head\">%s</text>\n", MAP_LEFT + 22, y,
		picture->by == BY_TAG ? "Tag" : "Owner");
	print_figure(to, 0, y, " head", "Bytes");
	print_figure(to, 1, y, " head", "Share");
	print_figure(to, 2, y, " head", "Count");
	if (!picture->moves)
		return;
	print_figure(to, 3, y, " head", "Movable");
	print_figure(to, 4, y, " head", "Fixed");
}

static void print_owner(const struct picture *picture, const struct owner *owner, int y,
			FILE *to)
{
	char text[32];

	fprintf(to, "<rect x=\"%d\" y=\"%d\" width=\"14\" height=\"14\" fill=\"%s\"/>\n"
		"<text x=\"%d\" y=\"%d\">", MAP_LEFT, y - 12, owner_color(owner), MAP_LEFT + 22, y);
	markup_text(to, owner->name, sizeof(owner->name));
	if (owner->kind == OWNER_PROGRAM && owner->uid)
		fprintf(to, " (uid %" PRIu32 ")", owner->uid);
	fputs("</text>\n", to);
	print_figure(to, 0, y, "", size_text(owner->bytes));
	print_figure(to, 1, y, "", percent_text(owner->bytes * 1000 / picture->main.total));
	snprintf(text, sizeof(text), "%" PRIu64, owner->count);
	print_figure(to, 2, y, "", owner->count ? text : "-");
	if (!picture->moves)
		return;
	print_figure(to, 3, y, "", bytes_text(owner->bytes - owner->fixed));
	print_figure(to, 4, y, "", bytes_text(owner->fixed));
}

static void print_legend(const struct picture *picture, int y, FILE *to)
{
	size_t shown = picture->owner_count < OWNERS_MOST ? picture->owner_count : OWNERS_MOST;

	print_titles(picture, y, to);
	for (size_t i = 0; i < shown; i++)
		print_owner(picture, &picture->owners[i], y += LINE, to);
	if (shown < picture->owner_count)
		fprintf(to, "<text x=\"%d\" y=\"%d\" class=\"dim\">and %zu more</text>\n",
			MAP_LEFT + 22, y + LINE, picture->owner_count - shown);
}

/* ---- all of it ---- */

static int height(const struct picture *picture, uint32_t width)
{
	size_t shown = picture->owner_count < OWNERS_MOST ? picture->owner_count : OWNERS_MOST + 1;
	int rows = (int)((picture->count + width - 1) / width);

	return MAP_TOP + rows * (ROW_HEIGHT + ROW_GAP) + 5 * LINE + (int)shown * LINE;
}

void picture_svg(const struct picture *picture, uint32_t width, FILE *to)
{
	const struct memmgr_stats *main = &picture->main;
	int y = height(picture, width);

	fprintf(to, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" "
		"width=\"%d\" height=\"%d\" role=\"img\">\n<title>Memory of region ",
		WIDTH, y, WIDTH, y);
	markup_text(to, picture->region.name, sizeof(picture->region.name));
	fputs("</title>\n", to);
	fputs(head, to);
	fprintf(to, "<rect class=\"page\" width=\"%d\" height=\"%d\" rx=\"8\"/>\n", WIDTH, y);
	fprintf(to, "<text x=\"%d\" y=\"40\" class=\"title\">", MAP_LEFT);
	markup_text(to, picture->region.name, sizeof(picture->region.name));
	fprintf(to, "</text>\n<text x=\"%d\" y=\"62\" class=\"dim\">%s of %s in use, %s free, "
		"%s of it in one piece</text>\n", MAP_LEFT, size_text(main->used),
		size_text(main->total), size_text(main->free), size_text(main->largest));
	y = print_map(picture, width, MAP_TOP, to);
	print_signs(picture, y + LINE, to);
	print_legend(picture, y + 3 * LINE, to);
	fputs("</svg>\n", to);
}
