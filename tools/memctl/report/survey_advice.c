// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Advice about a region: each piece gives the numbers that it comes from. */
#include <inttypes.h>
#include <memmgr.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/words.h"
#include "find/reasons.h"
#include "report/survey.h"

#define FULL		900u	/* thousandths */
#define HALF		500u
#define MUCH_WASTE	250u
#define FRAGMENTED	300u	/* where the module tells nothing of its own threshold */
#define ALIKE_LEAST	8u	/* allocations of one size that are worth a heap */
#define HEAP_LINES	4u	/* heaps that are named: the table has all of them */

/* ---- size and growth ---- */

static void advise_size(const struct survey *survey, struct report *report)
{
	const struct memmgr_stats *main = &survey->heaps[0].stats;
	uint64_t share = report_share(main->peak, main->total), roomy = report_roomy(main->peak);
	char *most = report_text("At most %s of %s were ever in use, that is %s",
				 size_text(main->peak), size_text(main->total),
				 percent_text(share));

	if (share >= FULL)
		report_advise(report, LEVEL_WARN,
			      report_text("%s: reserve %s, a quarter more than that.", most,
					  size_text(roomy)), NULL);
	else if (share < HALF && main->peak)
		report_advise(report, LEVEL_NOTE,
			      report_text("%s: %s would leave a quarter to spare, if the region "
					  "has seen its worst.", most, size_text(roomy)), NULL);
	else
		report_advise(report, LEVEL_GOOD, report_text("%s.", most), NULL);
	free(most);
}

/* The last third of the time never came down to what the first third rose to. */
static bool keeps_growing(const struct survey *survey)
{
	size_t third = survey->count / 3;
	uint64_t most = 0, least = UINT64_MAX;

	for (size_t i = 0; i < third; i++)
		most = survey->points[i].used > most ? survey->points[i].used : most;
	for (size_t i = survey->count - third; i < survey->count; i++)
		least = survey->points[i].used < least ? survey->points[i].used : least;
	return third && least > most;
}

static void advise_growth(const struct survey *survey, struct report *report)
{
	const struct survey_point *first = survey->points, *last = &first[survey->count - 1];
	double bytes, seconds, left;

	if (!keeps_growing(survey))
		return;
	bytes = (double)(last->used - first->used);
	seconds = (double)(last->time_ns - first->time_ns) / 1e9;
	left = (double)(survey->heaps[0].stats.total - last->used) / bytes * seconds;
	report_advise(report, LEVEL_WARN,
		      report_text("Usage grew by %s in %.1f s and did not come down: at that pace "
				  "the region is full in %s.", size_text((uint64_t)bytes), seconds,
				  age_text((uint64_t)(left * 1e9))),
		      report_text("memctl leaks --on"));
}

/* ---- what failed ---- */

/* Of all heaps. */
static char *reasons_text(const struct survey *survey)
{
	uint64_t counts[MEMMGR_REASONS] = { 0 };

	for (size_t i = 0; i < survey->heap_count; i++)
		for (uint32_t reason = 1; reason < MEMMGR_REASONS; reason++)
			counts[reason] += failed_for(&survey->heaps[i].stats, reason);
	return report_reasons(counts);
}

static void advise_failures(const struct survey *survey, struct report *report)
{
	const struct memmgr_failure *last = &survey->last;
	char *reasons = reasons_text(survey), *example = NULL;

	if (*reasons && last->seq)
		example = report_text(" The last: %s of heap %.*s for %.*s, when %s would have "
				      "worked.", size_text(last->bytes), MEMMGR_NAME_LEN,
				      last->heap_name, MEMMGR_COMM_LEN, last->comm,
				      size_text(last->largest));
	if (*reasons)
		report_advise(report, LEVEL_WARN,
			      report_text("Requests failed: %s.%s", reasons,
					  example ? example : ""),
			      report_text("memctl failures"));
	else
		report_advise(report, LEVEL_GOOD, report_text("No request has ever failed."), NULL);
	free(example);
	free(reasons);
}

/* ---- fragmentation and waste ---- */

static void advise_fragmentation(const struct survey *survey, struct report *report)
{
	const struct survey_heap *main = &survey->heaps[0];
	bool known = survey->has_health;
	uint32_t limit = known ? survey->health.compact_above : FRAGMENTED;
	bool on = known && survey->health.flags & MEMMGR_HEALTH_ON;
	char *state;

	if (!main->frag.external) {
		report_advise(report, LEVEL_GOOD, report_text("All of the %s that are free can be "
							      "had in one piece.",
							      size_text(main->frag.free)), NULL);
		return;
	}
	state = report_text("%s of the %s that are free cannot be had in one piece, the largest "
			    "run being %s", percent_text(main->frag.external),
			    size_text(main->frag.free), size_text(main->frag.largest));
	if (main->frag.external <= limit)
		report_advise(report, LEVEL_GOOD,
			      report_text("%s; up to %s is nothing to worry about.", state,
					  percent_text(limit)), NULL);
	else if (!known)
		report_advise(report, LEVEL_WARN,
			      report_text("%s. This module cannot move memory: load a newer one, "
					  "or give what comes and goes a heap of its own.", state),
			      NULL);
	else
		report_advise(report, LEVEL_WARN,
			      report_text("%s. Compact it%s.", state, on ?
					  ": it does that by itself above its threshold, so that "
					  "something may be pinned" :
					  ", now or by itself above its threshold"),
			      report_text(on ? "memctl defrag --dry-run" :
					  "memctl defrag\nmemctl health --on"));
	free(state);
}

static void advise_waste(const struct survey *survey, struct report *report)
{
	const struct survey_heap *main = &survey->heaps[0];
	uint64_t small = 0;

	for (int class = 0; class < MEMMGR_CLASSES; class++)
		if (1ull << class < survey->region.granule)
			small += main->stats.classes[class];
	if (main->frag.internal <= MUCH_WASTE)
		return;
	report_advise(report, LEVEL_WARN,
		      report_text("%s of what heap main has granted was not asked for: %" PRIu64
				  " of its %" PRIu64 " allocations were of at most half its unit "
				  "of %s. Give those a heap with a smaller one.",
				  percent_text(main->frag.internal), small,
				  (uint64_t)main->stats.allocs, size_text(survey->region.granule)),
		      report_text("memctl heap create small --kind buddy --granule 32 --size %s",
				  size_word(report_roomy(main->stats.requested))));
}

/* ---- the heap that suits ---- */

/* Of pools and slab heaps. */
static uint64_t well_placed(const struct survey *survey)
{
	uint64_t live = 0;

	for (size_t i = 0; i < survey->heap_count; i++) {
		uint32_t kind = survey->heaps[i].heap.kind;

		if (kind == MEMMGR_KIND_POOL || kind == MEMMGR_KIND_SLAB)
			live += survey->heaps[i].stats.live;
	}
	return live;
}

/* The size that most of what lives has, unless such heaps have as much already. */
static void advise_alike(const struct survey *survey, struct report *report)
{
	struct leak_group *groups, *best = NULL;
	size_t count;

	groups = leaks_group(&survey->after, NULL, BY_SIZE, 0, &count);
	for (size_t i = 0; i < count; i++)
		if (!best || groups[i].count > best->count)
			best = &groups[i];
	if (best && best->count >= ALIKE_LEAST && best->count > well_placed(survey) &&
	    report_share(best->count, survey->after.count) >= HALF)
		report_advise(report, LEVEL_NOTE,
			      report_text("%" PRIu64 " of the %zu allocations that live (%s) are "
					  "of %s: a pool holds so many in constant time, without "
					  "fragmentation.", best->count, survey->after.count,
					  percent_text(report_share(best->count,
								    survey->after.count)),
					  size_text(best->bytes / best->count)),
			      report_text("memctl heap create alike --kind pool --block-size %s "
					  "--count %" PRIu64, size_word(best->bytes / best->count),
					  best->count + best->count / 4));
	for (size_t i = 0; i < count; i++)
		free(groups[i].word);
	free(groups);
}

static void advise_heap(const struct survey_heap *heap, struct report *report)
{
	uint64_t share = report_share(heap->stats.peak, heap->stats.total);
	uint64_t failures = survey_failures(&heap->stats);

	if (!heap->stats.allocs && heap->heap.held)
		report_advise(report, LEVEL_NOTE,
			      report_text("Heap %.*s holds %s of the region and has served "
					  "nothing.", MEMMGR_NAME_LEN, heap->heap.name,
					  size_text(heap->heap.held)),
			      report_text("memctl heap destroy %.*s", MEMMGR_NAME_LEN,
					  heap->heap.name));
	else if (share >= FULL && heap->heap.kind != MEMMGR_KIND_SLAB)
		report_advise(report, failures ? LEVEL_WARN : LEVEL_NOTE,
			      report_text("Heap %.*s was %s full at its peak, %s of %s, and %"
					  PRIu64 " of its requests failed: make it a quarter "
					  "larger, or give it a fallback.", MEMMGR_NAME_LEN,
					  heap->heap.name, percent_text(share),
					  size_text(heap->stats.peak),
					  size_text(heap->stats.total), failures), NULL);
}

static void advise_heaps(const struct survey *survey, struct report *report)
{
	size_t before = report->advice_count;

	for (size_t i = 1; i < survey->heap_count; i++)
		if (report->advice_count - before < HEAP_LINES)
			advise_heap(&survey->heaps[i], report);
}

/* ---- programs ---- */

static void advise_abandoned(const struct survey *survey, struct report *report)
{
	uint64_t count = 0, bytes = 0;
	char *what;

	for (size_t i = 0; i < survey->after.count; i++) {
		count += survey->after.item[i].abandoned;
		bytes += survey->after.item[i].abandoned ? survey->after.item[i].bytes : 0;
	}
	if (!count)
		return;
	what = report_count(count, "persistent allocation");
	report_advise(report, LEVEL_WARN,
		      report_text("%s of programs that are gone hold%s %s, and nobody uses them.",
				  what, count == 1 ? "s" : "", size_text(bytes)),
		      report_text("memctl leaks --by tag"));
	free(what);
}

static void advise_wrong(const struct survey *survey, struct report *report)
{
	uint64_t frees = 0, violations = 0;

	for (size_t i = 0; i < survey->heap_count; i++) {
		frees += survey->heaps[i].stats.refused_frees;
		violations += survey->heaps[i].stats.violations;
	}
	if (frees || violations)
		report_advise(report, LEVEL_WARN,
			      report_text("Programs did wrong: %" PRIu64 " frees were refused "
					  "(second, foreign, or not the top of a stack), %" PRIu64
					  " accesses were stopped by protection.", frees,
					  violations),
			      report_text("memctl stats --json"));
}

static void advise_quota(const struct survey *survey, struct report *report)
{
	uint64_t total = survey->heaps[0].stats.total, most = 0, refused = 0;
	const struct memmgr_account *user = NULL;

	for (size_t i = 0; i < survey->user_count; i++) {
		refused += survey->users[i].refused;
		if (!survey->users[i].max_bytes && survey->users[i].peak > most) {
			user = &survey->users[i];
			most = user->peak;
		}
	}
	if (refused)
		report_advise(report, LEVEL_NOTE,
			      report_text("Quotas refused %" PRIu64 " requests.", refused),
			      report_text("memctl clients --users"));
	if (user && report_share(most, total) >= HALF)
		report_advise(report, LEVEL_NOTE,
			      report_text("User %" PRIu32 " had up to %s of the region (%s) and "
					  "has no quota: one that goes wild takes it all.",
					  user->uid, size_text(most),
					  percent_text(report_share(most, total))),
			      report_text("memctl quota user %" PRIu32 " --bytes %s", user->uid,
					  size_word(report_roomy(most))));
}

void survey_advise(const struct survey *survey, struct report *report)
{
	advise_growth(survey, report);
	advise_failures(survey, report);
	advise_size(survey, report);
	advise_fragmentation(survey, report);
	advise_waste(survey, report);
	advise_abandoned(survey, report);
	advise_wrong(survey, report);
	advise_heaps(survey, report);
	advise_alike(survey, report);
	advise_quota(survey, report);
}
