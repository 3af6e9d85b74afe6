// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The picture of the region, drawn with characters. */
#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/words.h"
#include "picture/picture.h"

#define NAME_LEAST	8
#define NAME_MOST	28
#define OWNER_GAP	2

/* Blocks tell more than letters, but need colours to tell whose they are. */
static bool has_blocks(const struct canvas *canvas)
{
	return canvas->style.utf8 && canvas->style.depth >= DEPTH_16;
}

static enum paint owner_paint(const struct owner *owner)
{
	return owner->slot < PAINT_OWNERS ? PAINT_OWNER + owner->slot : PAINT_OTHERS;
}

static wchar_t free_sign(const struct canvas *canvas)
{
	return canvas->style.utf8 ? L'\u00b7' : L'.';
}

struct sign {
	wchar_t c;
	unsigned int look;
};

/* Solid where much is in use, half where little; what has to stay is marked. */
static struct sign block_sign(bool fixed, bool much)
{
	if (!fixed)
		return (struct sign){ much ? L'\u2588' : L'\u2584', 0 };
	return (struct sign){ L'\u00d7', much ? LOOK_SOLID : 0 };
}

static struct sign letter_sign(const struct canvas *canvas, const struct owner *owner,
			       bool capital, bool much)
{
	char letter = owner->slot < SLOTS ? (char)('a' + owner->slot) : '+';

	return (struct sign){
		.c = capital ? (owner->slot < SLOTS ? toupper(letter) : L'*') : letter,
		.look = much && canvas->style.depth >= DEPTH_16 ? LOOK_SOLID : 0,
	};
}

/* Where nothing moves anyway, a capital tells that much is in use. */
static struct sign owner_sign(const struct canvas *canvas, const struct picture *picture,
			      const struct owner *owner, bool fixed, bool much)
{
	fixed = fixed && picture->moves;
	if (has_blocks(canvas))
		return block_sign(fixed, much);
	return letter_sign(canvas, owner, picture->moves ? fixed : much, much);
}

static void draw_tile(struct canvas *canvas, int row, int column, const struct picture *picture,
		      const struct tile *tile)
{
	bool much = tile->used >= picture->cell_bytes - tile->used;
	struct sign sign;

	if (!tile->owner) {
		canvas_put(canvas, row, column, free_sign(canvas), PAINT_PLAIN, LOOK_DIM);
		return;
	}
	sign = owner_sign(canvas, picture, tile->owner, tile->fixed, much);
	canvas_put(canvas, row, column, sign.c, owner_paint(tile->owner), sign.look);
}

int draw_map(struct canvas *canvas, int row, const struct picture *picture, int width)
{
	wchar_t frame = canvas->style.utf8 ? L'\u2502' : L'|';

	for (uint32_t i = 0; i < picture->count; i += (uint32_t)width, row++) {
		int column = canvas_text(canvas, row, 0, PAINT_PLAIN, LOOK_DIM, "%9s ",
					 size_text(i * picture->cell_bytes));

		canvas_put(canvas, row, column++, frame, PAINT_PLAIN, LOOK_DIM);
		for (uint32_t j = i; j < i + (uint32_t)width && j < picture->count; j++)
			draw_tile(canvas, row, column++, picture, &picture->tiles[j]);
		canvas_put(canvas, row, column, frame, PAINT_PLAIN, LOOK_DIM);
	}
	return row;
}

/* ---- what the signs mean ---- */

static int explain_block(struct canvas *canvas, int row, int column, bool fixed, bool much,
			 const char *text)
{
	struct sign sign = block_sign(fixed, much);

	canvas_put(canvas, row, column, sign.c, PAINT_OTHERS, sign.look);
	return canvas_text(canvas, row, column + 2, PAINT_PLAIN, 0, "%s", text) + 3;
}

static int explain_free(struct canvas *canvas, int row, int column)
{
	canvas_put(canvas, row, column, free_sign(canvas), PAINT_PLAIN, LOOK_DIM);
	return canvas_text(canvas, row, column + 2, PAINT_PLAIN, 0, "free") + 3;
}

static int draw_signs_letters(struct canvas *canvas, int row, const struct picture *picture)
{
	int column = explain_free(canvas, row, 0) - 1;

	column = canvas_text(canvas, row, column, PAINT_PLAIN, 0, picture->moves ?
			     "small: may move  CAPITAL: something in it may not" :
			     "CAPITAL: at least half of the cell is in use");
	canvas_text(canvas, row, column + 2, PAINT_PLAIN, 0, "a cell is %s",
		    size_text(picture->cell_bytes));
	return row + 1;
}

int draw_signs(struct canvas *canvas, int row, const struct picture *picture)
{
	int column = 0;

	if (!has_blocks(canvas))
		return draw_signs_letters(canvas, row, picture);
	if (picture->moves) {
		column = explain_block(canvas, row, column, false, true, "may move");
		column = explain_block(canvas, row, column, true, true, "may not move");
	}
	column = explain_block(canvas, row, column, false, false, "less than half in use");
	column = explain_free(canvas, row, column);
	canvas_text(canvas, row, column, PAINT_PLAIN, 0, "a cell is %s",
		    size_text(picture->cell_bytes));
	return row + 1;
}

/* ---- owners ---- */

enum owner_field {
	FIELD_BYTES,
	FIELD_SHARE,
	FIELD_COUNT,
	FIELD_MOVABLE,
	FIELD_FIXED,
	FIELD_PINS,
	FIELD_OLDEST,
	FIELD_GROWTH,
	FIELD_UID,
	FIELD_EXPORTS,
	FIELDS,
};

/* Columns that do not fit are left out, from the right. */
static const struct {
	const char *title;
	int width;
} fields[FIELDS] = {
	[FIELD_BYTES] = { "BYTES", 7 },
	[FIELD_SHARE] = { "SHARE", 6 },
	[FIELD_COUNT] = { "COUNT", 6 },
	[FIELD_MOVABLE] = { "MOVABLE", 7 },
	[FIELD_FIXED] = { "FIXED", 7 },
	[FIELD_PINS] = { "PINS", 4 },
	[FIELD_OLDEST] = { "OLDEST", 6 },
	[FIELD_GROWTH] = { "GROWTH", 7 },
	[FIELD_UID] = { "UID", 5 },
	[FIELD_EXPORTS] = { "EXPORTS", 7 },
};

static bool field_shown(const struct picture *picture, enum owner_field field)
{
	if (field == FIELD_MOVABLE || field == FIELD_FIXED)
		return picture->moves;
	/* Only a second look can tell. */
	return field != FIELD_GROWTH || picture->grows;
}

static const char *count_text(uint64_t count)
{
	static char text[32];

	snprintf(text, sizeof(text), "%" PRIu64, count);
	return count ? text : "-";
}

static const char *growth_text(int64_t growth)
{
	static char text[64];

	snprintf(text, sizeof(text), "%c%s", growth < 0 ? '-' : '+',
		 brief_size_text(growth < 0 ? (uint64_t)-growth : (uint64_t)growth));
	return growth ? text : "-";
}

static const char *bytes_text(uint64_t bytes)
{
	return bytes ? brief_size_text(bytes) : "-";
}

static const char *field_text(const struct picture *picture, const struct owner *owner,
			      enum owner_field field)
{
	switch (field) {
	case FIELD_BYTES:
		return brief_size_text(owner->bytes);
	case FIELD_SHARE:
		return percent_text(owner->bytes * 1000 / picture->main.total);
	case FIELD_COUNT:
		return count_text(owner->count);
	case FIELD_MOVABLE:
		return bytes_text(owner->bytes - owner->fixed);
	case FIELD_FIXED:
		return bytes_text(owner->fixed);
	case FIELD_PINS:
		return count_text(owner->pins);
	case FIELD_OLDEST:
		return owner->oldest_ns > picture->now_ns ? "-" :
		       age_text(picture->now_ns - owner->oldest_ns);
	case FIELD_GROWTH:
		return growth_text(owner->growth);
	case FIELD_UID:
		return owner->kind == OWNER_PROGRAM ? (owner->uid ? count_text(owner->uid) : "0") :
						      "-";
	case FIELD_EXPORTS:
		return count_text(owner->exports);
	case FIELDS:
		break;
	}
	return "";
}

static int name_width(const struct picture *picture)
{
	size_t width = NAME_LEAST;

	for (size_t i = 0; i < picture->owner_count; i++) {
		size_t len = strlen(picture->owners[i].name);

		width = len > width ? len : width;
	}
	return width < NAME_MOST ? (int)width : NAME_MOST;
}

static void draw_fields(struct canvas *canvas, int row, int column,
			const struct picture *picture, const struct owner *owner)
{
	for (int field = 0; field < FIELDS; field++) {
		int width = fields[field].width;

		if (!field_shown(picture, field))
			continue;
		if (column + OWNER_GAP + width > canvas->columns)
			break;
		column = canvas_text(canvas, row, column, PAINT_PLAIN, owner ? 0 : LOOK_BOLD,
				     "%*s%*s", OWNER_GAP, "", width,
				     owner ? field_text(picture, owner, field) :
					     fields[field].title);
	}
}

static void draw_name(struct canvas *canvas, int row, int column, const struct owner *owner,
		      int width)
{
	if ((int)strlen(owner->name) > width)
		canvas_text(canvas, row, column, PAINT_PLAIN, 0, "%.*s~", width - 1, owner->name);
	else
		canvas_text(canvas, row, column, PAINT_PLAIN, 0, "%s", owner->name);
}

static void draw_owner(struct canvas *canvas, int row, const struct picture *picture,
		       const struct owner *owner, int width)
{
	/* Capital as in most of its cells. */
	bool fixed = owner->fixed > owner->bytes - owner->fixed;
	struct sign sign = owner_sign(canvas, picture, owner, fixed, true);

	canvas_put(canvas, row, 0, sign.c, owner_paint(owner), sign.look);
	draw_name(canvas, row, 2, owner, width);
	draw_fields(canvas, row, 2 + width, picture, owner);
}

int draw_owners(struct canvas *canvas, int row, const struct picture *picture,
		const struct owner *const *order, size_t first, size_t count)
{
	int width = name_width(picture);

	canvas_text(canvas, row, 2, PAINT_PLAIN, LOOK_BOLD, "%s",
		    picture->by == BY_TAG ? "TAG" : "OWNER");
	draw_fields(canvas, row++, 2 + width, picture, NULL);
	for (size_t i = first; i < picture->owner_count && i < first + count; i++)
		draw_owner(canvas, row++, picture, order ? order[i] : &picture->owners[i], width);
	return row;
}
