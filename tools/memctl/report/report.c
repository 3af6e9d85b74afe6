// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Putting a report together. */
#include <inttypes.h>
#include <memmgr.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/table.h"
#include "base/words.h"
#include "memctl.h"
#include "report/report.h"
#include "trace/trial.h"

char *report_text(const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		out_of_memory();
	va_end(args);
	return text;
}

void report_add(struct report *report, enum report_shape shape, const char *key,
		const char *title, struct table *table, char *note)
{
	if (report->section_count == REPORT_SECTIONS)
		abort();
	report->sections[report->section_count++] = (struct report_section){
		.key = key, .title = title, .note = note, .shape = shape, .table = table,
	};
}

void report_advise(struct report *report, enum report_level level, char *text, char *command)
{
	size_t i = report->advice_count++;

	if (i == REPORT_ADVICE)
		abort();
	for (; i && report->advice[i - 1].level < level; i--)
		report->advice[i] = report->advice[i - 1];
	report->advice[i] = (struct report_advice){
		.level = level, .text = text, .command = command,
	};
}

static const struct column size_columns[] = {
	{ "SIZE", NULL, CELL_TEXT, COLUMN_TEXT },
	{ NULL, "up_to", CELL_SIZE, COLUMN_JSON },
	{ "COUNT", "count", CELL_COUNT, 0 },
};

struct table *report_sizes(const uint64_t counts[MEMMGR_CLASSES])
{
	struct table *table = table_new(size_columns, ARRAY_SIZE(size_columns));
	int first = 0, last = MEMMGR_CLASSES - 1;
	char text[MEMMGR_SIZE_TEXT + 8];

	while (first < last && !counts[first])
		first++;
	while (last > first && !counts[last])
		last--;
	for (int class = first; class <= last && counts[first]; class++) {
		snprintf(text, sizeof(text), "up to %s", size_text(1ull << class));
		table_text(table, text);
		table_num(table, 1ull << class);
		table_num(table, counts[class]);
	}
	return table;
}

char *report_reasons(const uint64_t counts[MEMMGR_REASONS])
{
	char *text = report_text("%s", "");

	for (uint32_t reason = 0; reason < MEMMGR_REASONS; reason++) {
		char *longer;

		if (!counts[reason])
			continue;
		longer = report_text("%s%s%" PRIu64 " %s", text, *text ? ", " : "", counts[reason],
				     memmgr_reason_name(reason));
		free(text);
		text = longer;
	}
	return text;
}

struct report_lines report_lines(const struct table *table)
{
	struct report_lines lines = { .count = 0 };

	for (size_t i = 1; i < table_width(table) && lines.count < ARRAY_SIZE(lines.column); i++) {
		if (!table_column_shown(table, i))
			continue;
		lines.column[lines.count++] = i;
		for (size_t row = 0; row < table_rows(table); row++)
			if (table_number(table, row, i) > lines.most)
				lines.most = table_number(table, row, i);
	}
	return lines;
}

uint64_t report_bars_most(const struct table *table)
{
	uint64_t most = 0;

	for (size_t i = 0; i < table_rows(table); i++) {
		uint64_t count = table_number(table, i, 2);

		most = count > most ? count : most;
	}
	return most;
}

uint64_t report_bars_sum(const struct table *table)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < table_rows(table); i++)
		sum += table_number(table, i, 2);
	return sum;
}

bool report_section_shown(const struct report_section *section)
{
	return table_rows(section->table) || (section->note && section->shape == SHAPE_ROWS);
}

/* In steps of an eighth of its power of two, so that it reads well as 4.5M or 56K. */
uint64_t report_roomy(uint64_t bytes)
{
	uint64_t wanted = bytes + bytes / 4, step = 4096;

	if (wanted > TRIAL_MOST)
		return TRIAL_MOST;
	while (step * 16 <= wanted)
		step *= 2;
	return (wanted + step - 1) / step * step;
}

char *report_count(uint64_t count, const char *what)
{
	return report_text("%" PRIu64 " %s%s", count, what, count == 1 ? "" : "s");
}

uint64_t report_share(uint64_t part, uint64_t whole)
{
	return whole ? (uint64_t)((double)part * 1000 / (double)whole) : 0;
}

void report_free(struct report *report)
{
	for (size_t i = 0; i < report->section_count; i++) {
		table_free(report->sections[i].table);
		free(report->sections[i].note);
	}
	for (size_t i = 0; i < report->advice_count; i++) {
		free(report->advice[i].text);
		free(report->advice[i].command);
	}
	if (report->facts)
		table_free(report->facts);
	free(report->title);
	free(report->subtitle);
	free(report->lacking);
}
