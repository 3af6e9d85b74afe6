// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* A report about a recorded trace. */
#include <inttypes.h>
#include <memmgr.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/table.h"
#include "base/words.h"
#include "memctl.h"
#include "report/study.h"

/* ---- facts ---- */

static const struct column fact_columns[] = {
	{ "events", "events", CELL_COUNT, 0 },
	{ "allocations", "allocs", CELL_COUNT, 0 },
	{ "frees", "frees", CELL_COUNT, 0 },
	{ "resizes", "resizes", CELL_COUNT, 0 },
	{ "live at a time, most", "peak_live", CELL_COUNT, 0 },
	{ "asked for, at peak", "peak_bytes", CELL_SIZE, 0 },
	{ "granted, at peak", "granted", CELL_SIZE, 0 },
	{ "never freed", "never_freed", CELL_COUNT, 0 },
	{ "  bytes of that", "never_freed_bytes", CELL_SIZE, COLUMN_HIDE_ZERO },
	{ "allocator", "kind", CELL_TEXT, 0 },
	{ "  granule", "granule", CELL_SIZE, 0 },
	{ "region tried", "size", CELL_SIZE, 0 },
	{ "least that would do", "least", CELL_SIZE, 0 },
	{ "  with a tlsf", "least_tlsf", CELL_SIZE, 0 },
	{ "  with a buddy", "least_buddy", CELL_SIZE, 0 },
	{ "failed requests", "failed", CELL_COUNT, 0 },
	{ "internal fragmentation", "internal", CELL_PERCENT, 0 },
	{ "external, at worst", "external", CELL_PERCENT, 0 },
};

static void add_least(struct table *table, uint64_t least)
{
	if (least)
		table_num(table, least);
	else
		table_none(table);
}

static struct table *facts(const struct study *study)
{
	struct table *table = table_new(fact_columns, ARRAY_SIZE(fact_columns));
	const struct trial_point *peak = &study->trial.peak;
	const struct trace *trace = study->trace;

	table_num(table, trace->count);
	table_num(table, trace->allocs);
	table_num(table, trace->frees);
	table_num(table, trace->resizes);
	table_num(table, trace->slots);
	table_num(table, trace->peak_bytes);
	table_num(table, peak->used);
	table_num(table, study->census.rest_allocs);
	table_num(table, study->census.rest_bytes);
	table_text(table, memmgr_kind_name(study->trial.kind));
	table_num(table, study->trial.granule);
	table_num(table, study->trial.size);
	add_least(table, study->least[study->trial.kind]);
	add_least(table, study->least[MEMMGR_KIND_TLSF]);
	add_least(table, study->least[MEMMGR_KIND_BUDDY]);
	table_num(table, study->trial.failures);
	table_num(table, report_share(peak->used - peak->requested, peak->used));
	table_num(table, study->trial.worst.external);
	return table;
}

/* ---- over time ---- */

/* Each place of a picture shows the highest of the events up to its own. */
struct curve {
	const struct trace *trace;
	struct {
		size_t event;
		struct trial_point usage;
		struct trial_point frag;
	} place[REPORT_POINTS];
	size_t count;
};

static void look(void *arg, size_t event, const struct trial_point *point)
{
	struct curve *curve = arg;
	uint64_t places = curve->trace->count < REPORT_POINTS ? curve->trace->count : REPORT_POINTS;
	size_t place = (size_t)(event * places / curve->trace->count);
	bool fresh = place == curve->count;

	curve->count = place + 1;
	curve->place[place].event = event + 1;
	if (fresh || point->used > curve->place[place].usage.used)
		curve->place[place].usage = *point;
	if (fresh || point->external > curve->place[place].frag.external)
		curve->place[place].frag = *point;
}

static const struct column usage_columns[] = {
	{ "event", "event", CELL_COUNT, 0 },
	{ "granted", "granted", CELL_SIZE, 0 },
	{ "asked for", "asked", CELL_SIZE, 0 },
	{ "live", "live", CELL_COUNT, COLUMN_JSON },
};

static struct table *usage(const struct curve *curve)
{
	struct table *table = table_new(usage_columns, ARRAY_SIZE(usage_columns));

	for (size_t i = 0; i < curve->count; i++) {
		table_num(table, curve->place[i].event);
		table_num(table, curve->place[i].usage.used);
		table_num(table, curve->place[i].usage.requested);
		table_num(table, curve->place[i].usage.live);
	}
	return table;
}

static const struct column frag_columns[] = {
	{ "event", "event", CELL_COUNT, 0 },
	{ "external fragmentation", "external", CELL_PERCENT, 0 },
	{ "free", "free", CELL_SIZE, COLUMN_JSON },
	{ "largest", "largest", CELL_SIZE, COLUMN_JSON },
};

static struct table *fragmentation(const struct curve *curve)
{
	struct table *table = table_new(frag_columns, ARRAY_SIZE(frag_columns));

	for (size_t i = 0; i < curve->count; i++) {
		table_num(table, curve->place[i].event);
		table_num(table, curve->place[i].frag.external);
		table_num(table, curve->place[i].frag.free);
		table_num(table, curve->place[i].frag.largest);
	}
	return table;
}

/* ---- sizes and lifetimes ---- */

static const struct column often_columns[] = {
	{ "SIZE", "size", CELL_SIZE, 0 },
	{ "ALLOCS", "allocs", CELL_COUNT, 0 },
	{ "SHARE", "share", CELL_PERCENT, 0 },
	{ "AT A TIME", "live_most", CELL_COUNT, 0 },
	{ "BYTES THEN", "bytes_most", CELL_SIZE, 0 },
};

static struct table *often(const struct study *study)
{
	struct table *table = table_new(often_columns, ARRAY_SIZE(often_columns));
	const struct census *census = &study->census;

	for (size_t i = 0; i < census->size_count && i < REPORT_ROWS; i++) {
		const struct census_size *size = &census->sizes[i];

		if (!size->allocs)
			break;
		table_num(table, size->size);
		table_num(table, size->allocs);
		table_num(table, report_share(size->allocs, study->trace->allocs));
		table_num(table, size->most);
		table_num(table, size->most * size->size);
	}
	return table;
}

static const struct column life_columns[] = {
	{ "EVENTS", NULL, CELL_TEXT, COLUMN_TEXT },
	{ NULL, "up_to", CELL_COUNT, COLUMN_JSON },
	{ "COUNT", "count", CELL_COUNT, 0 },
};

static struct table *lifetimes(const struct census *census)
{
	struct table *table = table_new(life_columns, ARRAY_SIZE(life_columns));
	int last = MEMMGR_CLASSES - 1;
	char text[32];

	while (last && !census->lifetimes[last])
		last--;
	for (int class = 0; class <= last && census->lifetimes[last]; class++) {
		snprintf(text, sizeof(text), "up to %llu", 1ull << class);
		table_text(table, text);
		table_num(table, 1ull << class);
		table_num(table, census->lifetimes[class]);
	}
	return table;
}

/* ---- owners, and what stays ---- */

static const char *tag_text(const struct trace *trace, uint32_t tag)
{
	return tag ? trace->tags[tag] : "(no tag)";
}

static const struct column tag_columns[] = {
	{ "TAG", "tag", CELL_TEXT, 0 },
	{ "ALLOCS", "allocs", CELL_COUNT, 0 },
	{ "MOST", "bytes_most", CELL_SIZE, 0 },
	{ "AT END", "bytes_end", CELL_SIZE, 0 },
	{ "OF THEM", "count_end", CELL_COUNT, 0 },
};

/* The tag that had the most bytes at a time, of those that are not shown yet. */
static uint32_t next_tag(const struct study *study, bool shown[TRACE_TAGS])
{
	uint32_t best = TRACE_TAGS;

	for (uint32_t i = 0; i < study->trace->tag_count; i++) {
		const struct census_tag *tag = &study->census.tags[i];

		if (!shown[i] && tag->allocs && (best == TRACE_TAGS ||
						 tag->most > study->census.tags[best].most))
			best = i;
	}
	if (best < TRACE_TAGS)
		shown[best] = true;
	return best;
}

static struct table *tags(const struct study *study)
{
	struct table *table = table_new(tag_columns, ARRAY_SIZE(tag_columns));
	bool shown[TRACE_TAGS] = { false };

	for (int row = 0; row < REPORT_ROWS; row++) {
		uint32_t i = next_tag(study, shown);
		const struct census_tag *tag = &study->census.tags[i % TRACE_TAGS];

		if (i == TRACE_TAGS)
			break;
		table_text(table, tag_text(study->trace, i));
		table_num(table, tag->allocs);
		table_num(table, tag->most);
		table_num(table, tag->live);
		table_num(table, tag->live_count);
	}
	return table;
}

static const struct column leak_columns[] = {
	{ "COUNT", "count", CELL_COUNT, 0 },
	{ "SIZE", "size", CELL_SIZE, 0 },
	{ "BYTES", "bytes", CELL_SIZE, 0 },
	{ "FIRST AT", "first", CELL_COUNT, 0 },
	{ "LAST AT", "last", CELL_COUNT, 0 },
	{ "LATE", "late", CELL_COUNT, 0 },
	{ "TAG", "tag", CELL_TEXT, 0 },
};

static struct table *leaks(const struct study *study)
{
	struct table *table = table_new(leak_columns, ARRAY_SIZE(leak_columns));
	const struct census *census = &study->census;

	for (size_t i = 0; i < census->rest_count && i < REPORT_ROWS; i++) {
		const struct census_rest *rest = &census->rest[i];

		table_num(table, rest->count);
		table_num(table, rest->size);
		table_num(table, rest->count * rest->size);
		table_num(table, rest->first + 1);
		table_num(table, rest->last + 1);
		table_num(table, rest->late);
		table_text(table, tag_text(study->trace, rest->tag));
	}
	return table;
}

/* "; the 10 largest of 123 groups" where some are left out. */
static char *leaks_note(const struct census *census)
{
	char *left = census->rest_count > REPORT_ROWS ?
		     report_text("; the largest %u of %zu groups", REPORT_ROWS,
				 census->rest_count) : report_text("%s", "");
	char *note = census->rest_allocs ?
		     report_text("Never freed, of one size and tag. LATE: allocated in the second "
				 "half of the trace, which start-up does not explain%s.", left) :
		     report_text("None: all that was allocated was freed.");

	free(left);
	return note;
}

/* ---- all of it ---- */

static void add_sections(const struct study *study, const struct curve *curve,
			 struct report *report)
{
	const struct trial *trial = &study->trial;

	report_add(report, SHAPE_SERIES, "usage", "Usage over time", usage(curve),
		   report_text("In a %s of %s with a granule of %s.",
			       memmgr_kind_name(trial->kind), size_text(trial->size),
			       size_text(trial->granule)));
	report_add(report, SHAPE_SERIES, "fragmentation", "Fragmentation over time",
		   fragmentation(curve),
		   report_text("The share of the free memory that one request could not get."));
	report_add(report, SHAPE_BARS, "sizes", "Sizes", report_sizes(study->census.classes),
		   report_text("Allocations by the size that was asked for."));
	report_add(report, SHAPE_ROWS, "often", "Most frequent sizes", often(study), NULL);
	report_add(report, SHAPE_BARS, "lifetimes", "Lifetimes", lifetimes(&study->census),
		   report_text("Events from an allocation to its free, of what was freed."));
	report_add(report, SHAPE_ROWS, "owners", "Owners", tags(study),
		   report_text("By tag; a trace knows neither clients nor users."));
	report_add(report, SHAPE_ROWS, "leaks", "Suspected leaks", leaks(study),
		   leaks_note(&study->census));
}

static uint64_t default_size(const struct trace *trace)
{
	uint64_t size = TRIAL_STEP;

	while (size < TRIAL_MOST && size <= trace->peak_bytes + trace->peak_bytes / 4)
		size *= 2;
	return size;
}

/*
 * Tries the allocators for variable sizes, and runs the trace through the one that needs less.
 * The tlsf wins a tie: its time is constant. -1: this machine's memory does not suffice.
 */
static int study_kinds(struct study *study, struct curve *curve)
{
	static const uint32_t kinds[] = { MEMMGR_KIND_TLSF, MEMMGR_KIND_BUDDY };
	uint64_t best = UINT64_MAX;

	study->trial.kind = kinds[0];
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		uint64_t least = trial_least(study->trace, kinds[i]);

		if (least == TRIAL_UNKNOWN)
			return -1;
		study->least[kinds[i]] = least;
		if (least && least < best) {
			best = least;
			study->trial.kind = kinds[i];
		}
	}
	return trial_run(study->trace, &study->trial, look, curve);
}

static int study_trace(const struct memctl *ctl, const char *file, uint64_t size,
		       const struct trace *trace, struct report *report)
{
	struct curve *curve = calloc(1, sizeof(*curve));
	struct study study = { .trace = trace };
	int rc = EXIT_OK;

	if (!curve)
		out_of_memory();
	curve->trace = trace;
	size = size ? (size + TRIAL_STEP - 1) / TRIAL_STEP * TRIAL_STEP : default_size(trace);
	study.trial.size = size;
	if (study_kinds(&study, curve)) {
		rc = fail(ctl, "give a smaller --size",
			  "%s: this machine's memory does not suffice for the books of %s", file,
			  size_text(size));
	} else {
		census_take(trace, &study.census);
		report->title = report_text("%s", file);
		report->subtitle = report_text("%s", trace->program);
		report->facts = facts(&study);
		add_sections(&study, curve, report);
		study_advise(&study, report);
		census_free(&study.census);
	}
	free(curve);
	return rc;
}

int report_trace(const struct memctl *ctl, const char *file, uint64_t size,
		 struct report *report)
{
	struct trace_error error;
	struct trace trace;
	int rc;

	if (trace_load(file, 0, &trace, &error))
		rc = fail_trace(ctl, file, error.line, error.text);
	else
		rc = study_trace(ctl, file, size, &trace, report);
	trace_free(&trace);
	return rc;
}
