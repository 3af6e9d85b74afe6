// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* A report about a region. */
#include <inttypes.h>
#include <memmgr.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/table.h"
#include "base/words.h"
#include "memctl.h"
#include "report/survey.h"

/* ---- facts ---- */

static const struct column fact_columns[] = {
	{ "size", "size", CELL_SIZE, 0 },
	{ "in use", "used", CELL_SIZE, 0 },
	{ "most ever in use", "peak", CELL_SIZE, 0 },
	{ "free", "free", CELL_SIZE, 0 },
	{ "largest free", "largest", CELL_SIZE, 0 },
	{ "external fragmentation", "external", CELL_PERCENT, 0 },
	{ "internal fragmentation", "internal", CELL_PERCENT, 0 },
	{ "heaps", "heaps", CELL_COUNT, 0 },
	{ "live allocations", "live", CELL_COUNT, 0 },
	{ "allocations ever", "allocs", CELL_COUNT, 0 },
	{ "frees ever", "frees", CELL_COUNT, 0 },
	{ "failed requests", "failed", CELL_COUNT, 0 },
};

static struct table *facts(const struct survey *survey)
{
	struct table *table = table_new(fact_columns, ARRAY_SIZE(fact_columns));
	const struct survey_heap *main = &survey->heaps[0];
	uint64_t allocs = 0, frees = 0, failures = 0;

	for (size_t i = 0; i < survey->heap_count; i++) {
		allocs += survey->heaps[i].stats.allocs;
		frees += survey->heaps[i].stats.frees;
		failures += survey_failures(&survey->heaps[i].stats);
	}
	table_num(table, main->stats.total);
	table_num(table, main->stats.used);
	table_num(table, main->stats.peak);
	table_num(table, main->stats.free);
	table_num(table, main->frag.largest);
	table_num(table, main->frag.external);
	table_num(table, main->frag.internal);
	table_num(table, survey->heap_count);
	table_num(table, survey->after.count);
	table_num(table, allocs);
	table_num(table, frees);
	table_num(table, failures);
	return table;
}

/* ---- over time ---- */

static const struct column usage_columns[] = {
	{ "time", "time_ns", CELL_NS, 0 },
	{ "granted", "granted", CELL_SIZE, 0 },
	{ "asked for", "asked", CELL_SIZE, 0 },
	{ "live", "live", CELL_COUNT, COLUMN_JSON },
};

static struct table *usage(const struct survey *survey)
{
	struct table *table = table_new(usage_columns, ARRAY_SIZE(usage_columns));

	for (size_t i = 0; i < survey->count; i++) {
		table_num(table, survey->points[i].time_ns);
		table_num(table, survey->points[i].used);
		table_num(table, survey->points[i].requested);
		table_num(table, survey->points[i].live);
	}
	return table;
}

static const struct column frag_columns[] = {
	{ "time", "time_ns", CELL_NS, 0 },
	{ "external fragmentation", "external", CELL_PERCENT, 0 },
	{ "largest", "largest", CELL_SIZE, COLUMN_JSON },
};

static struct table *fragmentation(const struct survey *survey)
{
	struct table *table = table_new(frag_columns, ARRAY_SIZE(frag_columns));

	for (size_t i = 0; i < survey->count; i++) {
		table_num(table, survey->points[i].time_ns);
		table_num(table, survey->points[i].external);
		table_num(table, survey->points[i].largest);
	}
	return table;
}

/* ---- sizes and ages ---- */

static struct table *sizes(const struct survey *survey)
{
	uint64_t counts[MEMMGR_CLASSES] = { 0 };

	for (size_t i = 0; i < survey->heap_count; i++)
		for (int class = 0; class < MEMMGR_CLASSES; class++)
			counts[class] += survey->heaps[i].stats.classes[class];
	return report_sizes(counts);
}

static const struct column age_columns[] = {
	{ "AGE", NULL, CELL_TEXT, COLUMN_TEXT },
	{ NULL, "up_to_ms", CELL_AGE, COLUMN_JSON },
	{ "COUNT", "count", CELL_COUNT, 0 },
};

static const uint64_t age_limits[] = { 1, 10, 60, 600, 3600, 36000, 86400, 864000 };

static size_t age_class(uint64_t ns)
{
	size_t class = 0;

	while (class < ARRAY_SIZE(age_limits) && ns > age_limits[class] * NSEC_PER_SEC)
		class++;
	return class;
}

static struct table *ages(const struct leaks *leaks)
{
	struct table *table = table_new(age_columns, ARRAY_SIZE(age_columns));
	uint64_t counts[ARRAY_SIZE(age_limits) + 1] = { 0 };
	size_t rows = ARRAY_SIZE(counts);
	char text[32];

	/* An allocation that came while the list was read has no age. */
	for (size_t i = 0; i < leaks->count; i++)
		counts[leaks->item[i].time_ns > leaks->time_ns ? 0 :
		       age_class(leaks->time_ns - leaks->item[i].time_ns)]++;
	while (rows && !counts[rows - 1])
		rows--;
	for (size_t i = 0; i < rows; i++) {
		bool last = i == ARRAY_SIZE(age_limits);

		if (!last)
			snprintf(text, sizeof(text), "up to %s",
				 age_text(age_limits[i] * NSEC_PER_SEC));
		table_text(table, last ? "longer" : text);
		if (last)
			table_none(table);
		else
			table_num(table, age_limits[i] * NSEC_PER_SEC);
		table_num(table, counts[i]);
	}
	return table;
}

/* ---- heaps, owners, users ---- */

static const struct column heap_columns[] = {
	{ "HEAP", "heap", CELL_TEXT, 0 },
	{ "KIND", "kind", CELL_TEXT, 0 },
	{ "OF", "total", CELL_SIZE, 0 },
	{ "USED", "used", CELL_SIZE, 0 },
	{ "PEAK", "peak", CELL_SIZE, 0 },
	{ "LIVE", "live", CELL_COUNT, 0 },
	{ "WASTED", "internal", CELL_PERCENT, 0 },
	{ "EXTERNAL", "external", CELL_PERCENT, 0 },
	{ "FAILED", "failed", CELL_COUNT, 0 },
};

static struct table *heaps(const struct survey *survey)
{
	struct table *table = table_new(heap_columns, ARRAY_SIZE(heap_columns));

	for (size_t i = 0; i < survey->heap_count; i++) {
		const struct survey_heap *heap = &survey->heaps[i];

		table_chars(table, heap->heap.name, sizeof(heap->heap.name));
		table_text(table, memmgr_kind_name(heap->heap.kind));
		table_num(table, heap->stats.total);
		table_num(table, heap->stats.used);
		table_num(table, heap->stats.peak);
		table_num(table, heap->stats.live);
		table_num(table, heap->frag.internal);
		table_num(table, heap->frag.external);
		table_num(table, survey_failures(&heap->stats));
	}
	return table;
}

static const struct column owner_columns[] = {
	{ "COUNT", "count", CELL_COUNT, 0 },
	{ "BYTES", "bytes", CELL_SIZE, 0 },
	{ "OF ALL", "share", CELL_PERCENT, 0 },
	{ "OLDEST", "oldest_ms", CELL_AGE, 0 },
	{ "WHO", "who", CELL_TEXT, 0 },
};

/* The allocations that live, put together by owner or by tag. */
static struct table *owners(const struct leaks *leaks, enum leaks_by by)
{
	struct table *table = table_new(owner_columns, ARRAY_SIZE(owner_columns));
	struct leak_group *groups;
	uint64_t sum = 0;
	size_t count;

	groups = leaks_group(leaks, NULL, by, 0, &count);
	for (size_t i = 0; i < count; i++)
		sum += groups[i].bytes;
	for (size_t i = 0; i < count && i < REPORT_ROWS; i++) {
		table_num(table, groups[i].count);
		table_num(table, groups[i].bytes);
		table_num(table, report_share(groups[i].bytes, sum));
		table_num(table, leaks->time_ns - groups[i].oldest_ns);
		table_text(table, groups[i].word);
	}
	free(groups);
	return table;
}

static const struct column user_columns[] = {
	{ "UID", "uid", CELL_COUNT, 0 },
	{ "CLIENTS", "clients", CELL_COUNT, 0 },
	{ "HAS", "bytes", CELL_SIZE, 0 },
	{ "PEAK", "peak", CELL_SIZE, 0 },
	{ "MAY HAVE", "max_bytes", CELL_SIZE, 0 },
	{ "REFUSED", "refused", CELL_COUNT, 0 },
};

static struct table *users(const struct survey *survey)
{
	struct table *table = table_new(user_columns, ARRAY_SIZE(user_columns));

	for (size_t i = 0; i < survey->user_count && i < REPORT_ROWS; i++) {
		const struct memmgr_account *user = &survey->users[i];

		table_num(table, user->uid);
		table_num(table, user->clients);
		table_num(table, user->bytes);
		table_num(table, user->peak);
		if (user->max_bytes)
			table_num(table, user->max_bytes);
		else
			table_none(table);
		table_num(table, user->refused);
	}
	return table;
}

/* ---- suspected leaks ---- */

static const struct column leak_columns[] = {
	{ "COUNT", "count", CELL_COUNT, 0 },
	{ "BYTES", "bytes", CELL_SIZE, 0 },
	{ "OLDEST", "oldest_ms", CELL_AGE, 0 },
	{ "ABANDONED", "abandoned", CELL_COUNT, 0 },
	{ "GROWN BY", "grown_by", CELL_SIZE, 0 },
	{ "WHERE", "where", CELL_TEXT, 0 },
};

/* Allocations that are abandoned, and groups that grew while memctl watched. */
static struct table *leaks(const struct survey *survey)
{
	struct table *table = table_new(leak_columns, ARRAY_SIZE(leak_columns));
	const struct leaks *after = &survey->after;
	struct leak_group *groups;
	size_t count;

	groups = leaks_group(after, &survey->before, survey_tracked(survey) ? BY_SITE : BY_TAG, 0,
			     &count);
	for (size_t i = 0; i < count && table_rows(table) < REPORT_ROWS; i++) {
		const struct leak_group *group = &groups[i];
		bool grown = group->bytes > group->bytes_before;

		if (!group->count || (!group->abandoned && !grown))
			continue;
		table_num(table, group->count);
		table_num(table, group->bytes);
		table_num(table, after->time_ns - group->oldest_ns);
		table_num(table, group->abandoned);
		table_num(table, grown ? group->bytes - group->bytes_before : 0);
		table_text(table, group->word);
	}
	free(groups);
	return table;
}

static char *leaks_note(const struct survey *survey, const struct table *table)
{
	const char *by = survey_tracked(survey) ? "place in the program" : "tag";

	if (!table_rows(table))
		return report_text("None: nothing is abandoned, and nothing has grown while it was "
				   "watched.");
	return report_text("By %s. ABANDONED: persistent, its maker is gone, in no use. GROWN BY: "
			   "while it was watched.", by);
}

/* ---- all of it ---- */

static char *lacking(const struct survey *survey)
{
	const char *sites = survey_tracked(survey) ? "" : !survey->tracks ?
		"Where in programs the allocations come from: this module does not track that; it "
		"is an older one, or built with DEBUG=n. " :
		"Where in programs the allocations come from: no heap is tracked. After memctl "
		"leaks --on (as root), suspected leaks are shown by the place in the program that "
		"allocates them. ";

	return report_text("%sHow long lived what is freed by now: a region keeps no record of "
			   "that, a recorded trace does (tools/trace/record, then memctl report "
			   "TRACE).", sites);
}

static void add_sections(const struct survey *survey, struct report *report)
{
	struct table *suspects = leaks(survey);

	report_add(report, SHAPE_SERIES, "usage", "Usage over time", usage(survey),
		   report_text("Of heap main, from which all other heaps have their memory; the "
			       "region has %s.", size_text(survey->heaps[0].stats.total)));
	report_add(report, SHAPE_SERIES, "fragmentation", "Fragmentation over time",
		   fragmentation(survey),
		   report_text("The share of the free memory that one request could not get."));
	report_add(report, SHAPE_ROWS, "heaps", "Heaps", heaps(survey), NULL);
	report_add(report, SHAPE_BARS, "sizes", "Sizes", sizes(survey),
		   report_text("Allocations ever, of all heaps, by the size that was asked for."));
	report_add(report, SHAPE_BARS, "ages", "Ages", ages(&survey->after),
		   report_text("How long what lives now has lived."));
	report_add(report, SHAPE_ROWS, "owners", "Owners", owners(&survey->after, BY_OWNER), NULL);
	report_add(report, SHAPE_ROWS, "tags", "Tags", owners(&survey->after, BY_TAG), NULL);
	report_add(report, SHAPE_ROWS, "users", "Users", users(survey), NULL);
	report_add(report, SHAPE_ROWS, "leaks", "Suspected leaks", suspects,
		   leaks_note(survey, suspects));
}

/* A page is kept, and read elsewhere: it says when it was made, and where. */
static char *subtitle(const struct survey *survey)
{
	const struct survey_point *last = &survey->points[survey->count - 1];
	char host[65] = "", when[64] = "";
	time_t now = time(NULL);
	struct tm broken;

	if (gethostname(host, sizeof(host) - 1))
		host[0] = 0;
	if (localtime_r(&now, &broken))
		strftime(when, sizeof(when), "%F %T %Z", &broken);
	return report_text("On %s, %s; watched for %.1f s, %zu look%s%s", host, when,
			   (double)last->time_ns / 1e9, survey->count,
			   survey->count == 1 ? "" : "s",
			   survey->interrupted ? ", then interrupted" : "");
}

int report_region(const struct memctl *ctl, const struct report_times *times,
		  struct report *report)
{
	struct survey survey = { .count = 0 };
	int rc = survey_take(ctl, times, &survey);

	if (!rc) {
		report->title = report_text("Region %.*s", MEMMGR_NAME_LEN, survey.region.name);
		report->subtitle = subtitle(&survey);
		report->facts = facts(&survey);
		report->lacking = lacking(&survey);
		add_sections(&survey, report);
		survey_advise(&survey, report);
		rc = survey.interrupted ? EXIT_INTERRUPTED : EXIT_OK;
	}
	survey_free(&survey);
	return rc;
}
