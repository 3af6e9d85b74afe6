// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* A report as text, as wide as the terminal, up to what reads well. */
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/table.h"
#include "base/terminal.h"
#include "base/words.h"
#include "draw/axis.h"
#include "report/report.h"

#define COLUMNS_PLAIN	90	/* where there is no terminal */
#define COLUMNS_MOST	100
#define COLUMNS_LEAST	40
#define CHART_ROWS	8
#define CHART_MARGIN	12	/* the scale at its left */

static int columns(void)
{
	int found = (int)terminal_columns();

	if (!found)
		return COLUMNS_PLAIN;
	return found < COLUMNS_LEAST ? COLUMNS_LEAST : found > COLUMNS_MOST ? COLUMNS_MOST : found;
}

/* Names come from other users: what a terminal would take for a command becomes '?'. */
static void print_clean(const char *text, size_t len)
{
	for (size_t i = 0; i < len && text[i]; i++)
		putchar(text[i] < ' ' || text[i] > '~' ? '?' : text[i]);
}

/* @text in lines that begin with @indent blanks; @first stands before the first word. */
static void print_wrapped(const char *first, int indent, const char *text)
{
	int column = printf("%-*s", indent, first);

	while (*text) {
		int len = (int)strcspn(text, " ");

		if (column > indent && column + 1 + len > columns())
			column = printf("\n%*s", indent, "") - 1;
		if (column > indent)
			column += printf(" ");
		print_clean(text, (size_t)len);
		column += len;
		text += len;
		text += strspn(text, " ");
	}
	putchar('\n');
}

/* ---- advice ---- */

static void print_commands(const char *command)
{
	while (*command) {
		size_t len = strcspn(command, "\n");

		fputs("      $ ", stdout);
		print_clean(command, len);
		putchar('\n');
		command += len;
		command += *command == '\n';
	}
}

static void print_advice(const struct report *report)
{
	static const char *const signs[] = {
		[LEVEL_GOOD] = "  +", [LEVEL_NOTE] = "  -", [LEVEL_WARN] = "  !",
	};

	puts("\nADVICE  (! needs attention, - to consider, + is good)");
	for (size_t i = 0; i < report->advice_count; i++) {
		const struct report_advice *advice = &report->advice[i];

		print_wrapped(signs[advice->level], 4, advice->text);
		if (advice->command)
			print_commands(advice->command);
	}
}

/* ---- series ---- */

struct chart {
	const struct table *table;
	struct axis axis;
	int width;
	struct report_lines lines;	/* the first is the higher one */
};

/* The highest of the points that share place @place of the picture. */
static uint64_t highest(const struct chart *chart, size_t line, int place)
{
	size_t rows = table_rows(chart->table), width = (size_t)chart->width;
	size_t from = (size_t)place * rows / width, to = ((size_t)place + 1) * rows / width;
	uint64_t most = 0;

	for (size_t i = from; i < to || i == from; i++) {
		uint64_t value = table_number(chart->table, i, chart->lines.column[line]);

		most = value > most ? value : most;
	}
	return most;
}

/* The area below all lines is solid; the area below the higher line alone is not. */
static const char *sign_at(const struct chart *chart, int row, int place)
{
	static const char *const plain[] = { " ", "+", "#" }, *const utf8[] = { " ", "░", "█" };
	const char *const *signs = is_utf8() ? utf8 : plain;
	double level = (row + 0.5) * (double)chart->axis.most / CHART_ROWS;
	size_t last = chart->lines.count - 1;

	if ((double)highest(chart, last, place) >= level)
		return signs[2];
	return last && (double)highest(chart, 0, place) >= level ? signs[1] : signs[0];
}

static void print_chart_row(const struct chart *chart, int row)
{
	enum cell_type type = table_column(chart->table, chart->lines.column[0])->type;
	const char *label = row == CHART_ROWS - 1 ? axis_text(type, chart->axis.most) :
			    row == 0 ? "0" : "";

	printf("%*s |", CHART_MARGIN - 2, label);
	for (int place = 0; place < chart->width; place++)
		fputs(sign_at(chart, row, place), stdout);
	fputs("|\n", stdout);
}

static void print_legend(const struct chart *chart)
{
	const size_t *column = chart->lines.column;
	bool two = chart->lines.count > 1;

	printf("%*s", CHART_MARGIN, "");
	printf("%s %s", is_utf8() ? "█" : "#",
	       table_column(chart->table, column[two])->title);
	if (two)
		printf("   %s %s", is_utf8() ? "░" : "+",
		       table_column(chart->table, column[0])->title);
	putchar('\n');
}

static void print_series(const struct table *table)
{
	struct chart chart = {
		.table = table,
		.width = columns() - CHART_MARGIN - 1,
		.lines = report_lines(table),
	};
	const char *unit = table_column(table, 0)->title;
	char last[CELL_TEXT_MAX];

	chart.axis = axis_fit(table_column(table, chart.lines.column[0])->type, chart.lines.most,
			      4);
	for (int row = CHART_ROWS - 1; row >= 0; row--)
		print_chart_row(&chart, row);
	printf("%*s%s 0%*s\n", CHART_MARGIN, "", unit, chart.width - (int)strlen(unit) - 2,
	       table_cell(table, table_rows(table) - 1, 0, last));
	print_legend(&chart);
}

/* ---- bars ---- */

static void print_bars(const struct table *table)
{
	uint64_t most = report_bars_most(table), sum = report_bars_sum(table);
	char buffer[CELL_TEXT_MAX];

	for (size_t i = 0; i < table_rows(table); i++) {
		uint64_t count = table_number(table, i, 2);

		printf("  %-16s %10" PRIu64 " %6s%s%s\n", table_cell(table, i, 0, buffer), count,
		       percent_text(report_share(count, sum)), count ? "  " : "",
		       bar_text(count, most));
	}
}

/* ---- all of it ---- */

static void print_section(const struct report_section *section)
{
	if (!report_section_shown(section))
		return;
	putchar('\n');
	for (const char *c = section->title; *c; c++)
		putchar(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c);
	putchar('\n');
	if (section->note)
		print_wrapped("", 0, section->note);
	if (!table_rows(section->table))
		return;
	switch (section->shape) {
	case SHAPE_SERIES:
		print_series(section->table);
		break;
	case SHAPE_BARS:
		print_bars(section->table);
		break;
	case SHAPE_ROWS:
		table_print(section->table);
		break;
	}
}

void report_print(const struct report *report)
{
	print_wrapped("", 0, report->title);
	if (*report->subtitle)
		print_wrapped("", 0, report->subtitle);
	putchar('\n');
	table_print_facts(report->facts);
	print_advice(report);
	for (size_t i = 0; i < report->section_count; i++)
		print_section(&report->sections[i]);
	if (report->lacking) {
		puts("\nNOT SHOWN");
		print_wrapped("", 0, report->lacking);
	}
}
