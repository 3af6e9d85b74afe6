/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * A report: facts, advice and sections, put together from a region or from a trace
 * and then shown as text, as JSON or as a page.
 *
 * All figures are in tables, so that a section looks alike wherever it comes from:
 *
 *	series	the first column is x, each further one a line above it
 *	bars	the first column is what a bar is of, the second its limit for
 *		programs, the third the count
 *	rows	a table for people
 */
#ifndef MEMCTL_REPORT_H
#define MEMCTL_REPORT_H

#include <memmgr.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/json.h"
#include "base/table.h"
#include "memctl.h"
#include "trace/trace.h"

#define REPORT_SECTIONS	10
#define REPORT_ADVICE	24
#define REPORT_ROWS	10	/* of a table: what comes after them matters little */
#define REPORT_POINTS	120	/* of a series: as many as a picture has room for */

enum report_shape {
	SHAPE_SERIES,
	SHAPE_BARS,
	SHAPE_ROWS,
};

struct report_section {
	const char *key;	/* in JSON */
	const char *title;
	char *note;		/* a sentence below the title; NULL: none */
	enum report_shape shape;
	struct table *table;
};

enum report_level {
	LEVEL_GOOD,
	LEVEL_NOTE,
	LEVEL_WARN,
};

struct report_advice {
	enum report_level level;
	char *text;
	char *command;		/* that does it; NULL: there is none */
};

struct report {
	char *title;
	char *subtitle;
	struct table *facts;	/* one row */
	struct report_section sections[REPORT_SECTIONS];
	size_t section_count;
	struct report_advice advice[REPORT_ADVICE];
	size_t advice_count;
	char *lacking;		/* what is not shown, and what would show it; NULL: nothing */
};

/* ---- report.c ---- */

/* printf() into memory that the caller frees. */
char *report_text(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* A new section, which owns @table and @note from now on. */
void report_add(struct report *report, enum report_shape shape, const char *key,
		const char *title, struct table *table, char *note);
/* New advice, the most urgent first; it owns @text and @command from now on. */
void report_advise(struct report *report, enum report_level level, char *text,
		   char *command);
/* A table of bars, "up to 64 B", from the first class that is not empty to the last. */
struct table *report_sizes(const uint64_t counts[MEMMGR_CLASSES]);
/* @bytes a quarter larger, in a number that is easily remembered, if a region can be so large. */
uint64_t report_roomy(uint64_t bytes);
/* "1 allocation", "2 allocations". */
char *report_count(uint64_t count, const char *what);
/* "300 exhausted, 12 fragmented", of counts by enum memmgr_reason. */
char *report_reasons(const uint64_t counts[MEMMGR_REASONS]);

/* The lines of a series: columns of its table, and the highest value of them. */
struct report_lines {
	size_t column[2];
	size_t count;
	uint64_t most;
};

struct report_lines report_lines(const struct table *table);
/* Of a table of bars: the highest count, and all of them. */
uint64_t report_bars_most(const struct table *table);
uint64_t report_bars_sum(const struct table *table);
/* There is something in it, or to say about it. */
bool report_section_shown(const struct report_section *section);
/* Thousandths; 0 of nothing. */
uint64_t report_share(uint64_t part, uint64_t whole);
void report_free(struct report *report);

/* ---- where the figures come from ---- */

/* An enum exit_code. @size: of the region that it is tried in, 0: chosen. */
int report_trace(const struct memctl *ctl, const char *file, uint64_t size,
		 struct report *report);

struct report_times {
	uint64_t for_ns;
	uint64_t interval_ns;
};

/* The region of @ctl, which is open; an enum exit_code, EXIT_INTERRUPTED with a report. */
int report_region(const struct memctl *ctl, const struct report_times *times,
		  struct report *report);

/* ---- how it is shown ---- */

void report_print(const struct report *report);
struct json_object *report_json(const struct report *report);
void report_html(const struct report *report, FILE *to);

#endif /* MEMCTL_REPORT_H */
