// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* One result, shown as text or as JSON. */
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/table.h"
#include "base/terminal.h"
#include "base/words.h"
#include "memctl.h"

#define NAME_LEAST	8	/* characters of a name that are always shown */

struct cell {
	bool none;
	uint64_t number;
	char *text;		/* owned; of text cells */
};

struct table {
	const struct column *columns;
	size_t width;		/* number of columns */
	struct cell *cells;
	size_t used;
	size_t room;
};

struct table *table_new(const struct column *columns, size_t count)
{
	struct table *table = calloc(1, sizeof(*table));

	if (!table)
		out_of_memory();
	table->columns = columns;
	table->width = count;
	return table;
}

void table_free(struct table *table)
{
	for (size_t i = 0; i < table->used; i++)
		free(table->cells[i].text);
	free(table->cells);
	free(table);
}

static struct cell *next_cell(struct table *table)
{
	struct cell *cell;

	if (table->used == table->room) {
		table->room = table->room ? 2 * table->room : 64;
		table->cells = reallocarray(table->cells, table->room, sizeof(*cell));
		if (!table->cells)
			out_of_memory();
	}
	cell = &table->cells[table->used++];
	memset(cell, 0, sizeof(*cell));
	return cell;
}

void table_num(struct table *table, uint64_t number)
{
	next_cell(table)->number = number;
}

void table_text(struct table *table, const char *text)
{
	table_chars(table, text, strlen(text));
}

void table_chars(struct table *table, const char *chars, size_t size)
{
	char *text = clean_copy(chars, size);

	next_cell(table)->text = text;
}

void table_none(struct table *table)
{
	next_cell(table)->none = true;
}

size_t table_rows(const struct table *table)
{
	return table->used / table->width;
}

static const struct cell *cell_at(const struct table *table, size_t row, size_t column)
{
	return &table->cells[row * table->width + column];
}

/* ---- text ---- */

static void print_milli(int64_t milli, char *text, size_t len)
{
	int64_t size = milli < 0 ? -milli : milli;

	snprintf(text, len, "%s%" PRId64 ".%03" PRId64, milli < 0 ? "-" : "",
		 size / 1000, size % 1000);
}

/* The text of a cell, in @buffer unless the cell has its own. */
static const char *cell_text(const struct cell *cell, enum cell_type type,
			     char *buffer, size_t len)
{
	if (cell->none)
		return "-";
	switch (type) {
	case CELL_TEXT:
		return *cell->text ? cell->text : "-";
	case CELL_SIZE:
		print_brief_size(cell->number, buffer, len);
		break;
	case CELL_COUNT:
		snprintf(buffer, len, "%" PRIu64, cell->number);
		break;
	case CELL_HANDLE:
		snprintf(buffer, len, "0x%" PRIx64, cell->number);
		break;
	case CELL_MILLI:
		print_milli((int64_t)cell->number, buffer, len);
		break;
	case CELL_PERCENT:
		print_percent(cell->number, buffer, len);
		break;
	case CELL_AGE:
		print_age(cell->number, buffer, len);
		break;
	case CELL_NS:
		print_ns(cell->number, buffer, len);
		break;
	case CELL_FLAG:
		return cell->number ? "yes" : "no";
	}
	return buffer;
}

static bool is_text(enum cell_type type)
{
	return type == CELL_TEXT || type == CELL_HANDLE;
}

bool table_column_shown(const struct table *table, size_t column)
{
	unsigned int flags = table->columns[column].flags;

	if (flags & COLUMN_JSON)
		return false;
	if (!(flags & COLUMN_HIDE_ZERO))
		return true;
	for (size_t row = 0; row < table_rows(table); row++) {
		const struct cell *cell = cell_at(table, row, column);

		if (cell->number || (cell->text && *cell->text))
			return true;
	}
	return false;
}

size_t table_width(const struct table *table)
{
	return table->width;
}

const struct column *table_column(const struct table *table, size_t column)
{
	return &table->columns[column];
}

uint64_t table_number(const struct table *table, size_t row, size_t column)
{
	return cell_at(table, row, column)->number;
}

const char *table_cell(const struct table *table, size_t row, size_t column, char *buffer)
{
	return cell_text(cell_at(table, row, column), table->columns[column].type, buffer,
			 CELL_TEXT_MAX);
}

static size_t longer(size_t length, const char *text)
{
	size_t other = strlen(text);

	return other > length ? other : length;
}

static size_t column_width(const struct table *table, size_t column)
{
	size_t width = strlen(table->columns[column].title);
	char buffer[CELL_TEXT_MAX];

	for (size_t row = 0; row < table_rows(table); row++)
		width = longer(width, cell_text(cell_at(table, row, column),
						table->columns[column].type,
						buffer, sizeof(buffer)));
	return width;
}

static size_t last_shown(const struct table *table)
{
	size_t last = 0;

	for (size_t column = 0; column < table->width; column++) {
		if (table_column_shown(table, column))
			last = column;
	}
	return last;
}

/* The end of a text that is too long for its column shows as '~'. */
static void print_cell(const char *text, enum cell_type type, int width, bool last)
{
	if ((int)strlen(text) > width)
		printf("%.*s~", width - 1, text);
	else if (!is_text(type))
		printf("%*s", width, text);
	else
		printf("%-*s", last ? 0 : width, text);
	fputs(last ? "\n" : "  ", stdout);
}

/* Row @row, or the header when it is SIZE_MAX. */
static void print_row(const struct table *table, size_t row, const int *widths,
		      size_t last)
{
	for (size_t i = 0; i <= last; i++) {
		enum cell_type type = table->columns[i].type;
		char buffer[CELL_TEXT_MAX];
		const char *text = table->columns[i].title;

		if (widths[i] < 0)
			continue;
		if (row != SIZE_MAX)
			text = cell_text(cell_at(table, row, i), type, buffer, sizeof(buffer));
		print_cell(text, type, widths[i], i == last);
	}
}

/*
 * On a terminal that is too narrow the widest column of names gives way, one
 * character at a time. A pipe or file gets everything.
 */
static void fit_terminal(const struct table *table, int *widths)
{
	int room = (int)terminal_columns();

	while (room) {
		int total = -2, widest = NAME_LEAST;
		size_t column = table->width;

		for (size_t i = 0; i < table->width; i++) {
			total += widths[i] < 0 ? 0 : widths[i] + 2;
			if (table->columns[i].type == CELL_TEXT && widths[i] > widest) {
				widest = widths[i];
				column = i;
			}
		}
		if (total <= room || column == table->width)
			return;
		widths[column]--;
	}
}

void table_print(const struct table *table)
{
	int *widths = calloc(table->width, sizeof(*widths));
	size_t last = last_shown(table);

	if (!widths)
		out_of_memory();
	for (size_t i = 0; i < table->width; i++)
		widths[i] = table_column_shown(table, i) ? (int)column_width(table, i) : -1;
	fit_terminal(table, widths);
	print_row(table, SIZE_MAX, widths, last);
	for (size_t row = 0; row < table_rows(table); row++)
		print_row(table, row, widths, last);
	free(widths);
}

static int title_width(const struct table *table)
{
	size_t width = 0;

	for (size_t i = 0; i < table->width; i++) {
		if (table_column_shown(table, i))
			width = longer(width, table->columns[i].title);
	}
	return (int)width;
}

static int row_width(const struct table *table, size_t row)
{
	char buffer[CELL_TEXT_MAX];
	size_t width = 0;

	for (size_t i = 0; i < table->width; i++) {
		if (table_column_shown(table, i))
			width = longer(width, cell_text(cell_at(table, row, i),
							table->columns[i].type,
							buffer, sizeof(buffer)));
	}
	return (int)width;
}

void table_print_facts(const struct table *table)
{
	size_t rows = table_rows(table);
	int titles = title_width(table);
	int *widths = calloc(rows, sizeof(*widths));

	if (!widths)
		out_of_memory();
	for (size_t row = 0; row < rows; row++)
		widths[row] = rows > 1 ? row_width(table, row) : 0;
	for (size_t i = 0; i < table->width; i++) {
		if (!table_column_shown(table, i))
			continue;
		printf("%-*s", titles, table->columns[i].title);
		for (size_t row = 0; row < rows; row++) {
			char buffer[CELL_TEXT_MAX];

			printf("  %*s", widths[row],
			       cell_text(cell_at(table, row, i), table->columns[i].type,
					 buffer, sizeof(buffer)));
		}
		putchar('\n');
	}
	free(widths);
}

/* ---- JSON ---- */

static struct json_object *cell_json(const struct cell *cell, enum cell_type type)
{
	if (cell->none)
		return NULL;
	switch (type) {
	case CELL_TEXT:
		return json_object_new_string(cell->text);
	case CELL_HANDLE:
		return json_handle(cell->number);
	case CELL_MILLI:
		return json_object_new_int64((int64_t)cell->number);
	case CELL_AGE:
		return json_u64(cell->number / 1000000);
	case CELL_FLAG:
		return json_object_new_boolean(cell->number != 0);
	case CELL_SIZE:
	case CELL_COUNT:
	case CELL_PERCENT:
	case CELL_NS:
		break;
	}
	return json_u64(cell->number);
}

struct json_object *table_json_row(const struct table *table, size_t row)
{
	struct json_object *object = json_object_new_object();

	for (size_t i = 0; i < table->width; i++) {
		const struct column *column = &table->columns[i];

		if (!(column->flags & COLUMN_TEXT))
			json_add(object, column->key,
				 cell_json(cell_at(table, row, i), column->type));
	}
	return object;
}

struct json_object *table_json(const struct table *table)
{
	struct json_object *array = json_object_new_array();

	for (size_t row = 0; row < table_rows(table); row++)
		json_object_array_add(array, table_json_row(table, row));
	return array;
}

void table_show(const struct memctl *ctl, const char *key, const struct table *table)
{
	if (ctl->json)
		json_print(json_result(ctl, key, table_json(table)));
	else
		table_print(table);
}
