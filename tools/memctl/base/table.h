/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* One result, shown as text or as JSON. */
#ifndef MEMCTL_TABLE_H
#define MEMCTL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "memctl.h"

enum cell_type {
	CELL_TEXT,	/* string */
	CELL_SIZE,	/* bytes: "64K"; an integer in JSON */
	CELL_COUNT,	/* integer */
	CELL_HANDLE,	/* "0x100000003", in JSON too (beyond 2^53) */
	CELL_MILLI,	/* signed thousandths: "0.125"; an integer in JSON */
	CELL_PERCENT,	/* thousandths as percent: "12.5%"; an integer in JSON */
	CELL_AGE,	/* ns: "3m"; an integer of ms in JSON */
	CELL_NS,	/* ns: "4.1 us"; an integer in JSON */
	CELL_FLAG,	/* "yes"; a boolean in JSON */
};

#define COLUMN_HIDE_ZERO	(1u << 0)	/* not in text when 0 in all rows */
#define COLUMN_JSON		(1u << 1)	/* never in text */
#define COLUMN_TEXT		(1u << 2)	/* never in JSON */

struct column {
	const char *title;	/* in text */
	const char *key;	/* in JSON */
	enum cell_type type;
	unsigned int flags;
};

struct table;

struct table *table_new(const struct column *columns, size_t count);
void table_free(struct table *table);
/* The next cell of the row, then of the next row. */
void table_num(struct table *table, uint64_t number);
void table_text(struct table *table, const char *text);
/* Text from the ABI, which may fill its array without a NUL. */
void table_chars(struct table *table, const char *chars, size_t size);
void table_none(struct table *table);
size_t table_rows(const struct table *table);
/* Cells for those who draw: the column, and the number or the text in a row of it. */
size_t table_width(const struct table *table);
const struct column *table_column(const struct table *table, size_t column);
bool table_column_shown(const struct table *table, size_t column);
uint64_t table_number(const struct table *table, size_t row, size_t column);
#define CELL_TEXT_MAX	48	/* room for the text of a number */
/* In @buffer of CELL_TEXT_MAX bytes, unless the cell has a text of its own. */
const char *table_cell(const struct table *table, size_t row, size_t column, char *buffer);
/* Rows as lines below a header. */
void table_print(const struct table *table);
/* Columns as lines: "title  value", one value for each row. */
void table_print_facts(const struct table *table);
/* The whole result: the table, or with --json an object with its rows as @key. */
void table_show(const struct memctl *ctl, const char *key, const struct table *table);
struct json_object *table_json(const struct table *table);
struct json_object *table_json_row(const struct table *table, size_t row);

#endif /* MEMCTL_TABLE_H */
