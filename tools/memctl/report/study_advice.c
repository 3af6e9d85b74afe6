// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Advice about a trace: each piece gives the numbers that it comes from. */
#include <inttypes.h>
#include <memmgr.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/words.h"
#include "report/study.h"

#define SLAB_MOST	4096u	/* bytes: what is larger than a page is no slab object here */
#define SLAB_LEAST	16u	/* and what is smaller shares its heap */
#define POOL_LEAST	1024u
#define FEW_SIZES	3u
#define HALF		500u
#define MOST		900u
#define MUCH_WASTE	250u
#define MUCH_FRAG	300u	/* where the health worker begins, too */

/* ---- the size that the region needs ---- */

static void advise_failures(const struct study *study, struct report *report)
{
	const struct trial *trial = &study->trial;
	char *count, *reasons;

	if (!trial->failures)
		return;
	count = report_count(trial->failures, "request");
	reasons = report_reasons(trial->failed);
	report_advise(report, LEVEL_WARN,
		      report_text("In %s, %s failed (%s), the first at event %zu.",
				  size_text(trial->size), count, reasons,
				  trial->first_failure + 1), NULL);
	free(count);
	free(reasons);
}

/* As the least that served it has; where nothing did, as the one that is shown. */
static uint32_t advised_granule(const struct study *study)
{
	uint64_t least = study->least[study->trial.kind];

	return least ? trial_granule(study->trial.kind, least) : study->trial.granule;
}

/* "; a buddy needs 1.2M": how the other kind does. */
static char *other_kind(const struct study *study)
{
	uint32_t other = study->trial.kind == MEMMGR_KIND_TLSF ? MEMMGR_KIND_BUDDY :
			 MEMMGR_KIND_TLSF;

	if (!study->least[other])
		return report_text("; no %s does", memmgr_kind_name(other));
	return report_text("; a %s needs %s", memmgr_kind_name(other),
			   size_text(study->least[other]));
}

/* What keeps even the largest region from serving it. */
static char *why_none(const struct trace *trace)
{
	if (trace->peak_bytes > TRIAL_MOST)
		return report_text("and a region is at most %s", size_text(TRIAL_MOST));
	return report_text("but alignment or fragmentation keeps even %s, the largest region, "
			   "from it", size_text(TRIAL_MOST));
}

static void advise_none(const struct study *study, struct report *report)
{
	char *why = why_none(study->trace);

	report_advise(report, LEVEL_WARN,
		      report_text("No region serves all of it: %s are asked for at the peak, %s.",
				  size_text(study->trace->peak_bytes), why), NULL);
	free(why);
}

static void advise_size(const struct study *study, struct report *report)
{
	const char *kind = memmgr_kind_name(study->trial.kind);
	const struct trace *trace = study->trace;
	uint64_t least = study->least[study->trial.kind];
	uint64_t roomy = report_roomy(least);
	char *other;

	if (!least) {
		advise_none(study, report);
		return;
	}
	other = other_kind(study);
	report_advise(report, LEVEL_NOTE,
		      report_text("Give it a %s of %s: %s are asked for at the peak (event %zu), "
				  "and %s is the least that served every request of those tried%s. "
				  "%s.", kind, size_text(roomy), size_text(trace->peak_bytes),
				  trace->peak_at + 1, size_text(least), other,
				  roomy < TRIAL_MOST ? "The rest is a quarter to spare" :
				  "No region is larger"),
		      report_text("memctl heap create app --kind %s --size %s --granule %u", kind,
				  size_word(roomy), advised_granule(study)));
	free(other);
}

/* Everything in whole pages, as from heap main. */
static void advise_pages(const struct study *study, struct report *report)
{
	uint64_t asked = study->trace->peak_bytes, pages = study->census.pages_most;
	uint64_t waste = report_share(pages - asked, pages);

	report_advise(report, waste > MUCH_WASTE ? LEVEL_WARN : LEVEL_GOOD,
		      report_text("In whole pages, straight from heap main, it would take up to %s "
				  "for the %s that are asked for: %s of that is waste%s.",
				  size_text(pages), size_text(asked), percent_text(waste),
				  waste > MUCH_WASTE ? ", so take a heap with a smaller unit" : ""),
		      NULL);
}

/* ---- the heap that suits ---- */

static uint64_t round_up(uint64_t bytes, uint64_t to)
{
	return (bytes + to - 1) / to * to;
}

/* The few sizes asked for most often, if they are slab objects and make up a half. */
static bool advise_few_sizes(const struct study *study, struct report *report)
{
	const struct census *census = &study->census;
	char *list = report_text("%s", ""), *commands = report_text("%s", "");
	uint64_t allocs = 0, object;
	size_t i;

	for (i = 0; i < FEW_SIZES && i < census->size_count; i++) {
		const struct census_size *size = &census->sizes[i];
		char *old = list, *older = commands;

		if (size->size > SLAB_MOST || !size->allocs)
			break;
		object = round_up(size->size, 8);
		allocs += size->allocs;
		list = report_text("%s%s%s (%s, %" PRIu64 " at a time)", old, i ? ", " : "",
				   size_text(size->size),
				   percent_text(report_share(size->allocs, study->trace->allocs)),
				   size->most);
		commands = report_text("%s%smemctl heap create s%" PRIu64 " --kind slab --object %"
				       PRIu64, older, i ? "\n" : "", size->size, object);
		free(old);
		free(older);
	}
	if (report_share(allocs, study->trace->allocs) < HALF) {
		free(list);
		free(commands);
		return false;
	}
	report_advise(report, LEVEL_NOTE,
		      report_text("%s of the allocations are %zu size%s: %s. A slab heap for each "
				  "wastes next to nothing and takes constant time.",
				  percent_text(report_share(allocs, study->trace->allocs)), i,
				  i == 1 ? "" : "s", list), commands);
	free(list);
	return true;
}

/* The least power of two that nine of ten allocations fit in. */
static uint64_t common_limit(const struct study *study)
{
	uint64_t allocs = 0;

	for (int class = 0; class < MEMMGR_CLASSES; class++) {
		allocs += study->census.classes[class];
		if (report_share(allocs, study->trace->allocs) >= MOST)
			return 1ull << class;
	}
	return UINT64_MAX;
}

static uint64_t class_size(uint64_t bytes)
{
	uint64_t size = 1ull << census_class(bytes);

	return size < SLAB_LEAST ? SLAB_LEAST : size;
}

/* The idle share of all allocations up to @limit, in thousandths: in classes, or in granules. */
static uint64_t waste_of(const struct study *study, uint64_t limit, bool in_classes)
{
	const struct census *census = &study->census;
	uint64_t asked = 0, granted = 0;

	for (size_t i = 0; i < census->size_count; i++) {
		const struct census_size *size = &census->sizes[i];

		if (size->size > limit)
			continue;
		asked += size->allocs * size->size;
		granted += size->allocs * (in_classes ? class_size(size->size) :
					   round_up(size->size, advised_granule(study)));
	}
	return report_share(granted - asked, granted);
}

static char *classes_text(uint64_t limit, const char *between)
{
	char *text = report_text("%u", SLAB_LEAST);

	for (uint64_t size = 2 * SLAB_LEAST; size <= limit; size *= 2) {
		char *longer = report_text("%s%s%" PRIu64, text, between, size);

		free(text);
		text = longer;
	}
	return text;
}

static void advise_classes(const struct study *study, struct report *report)
{
	uint64_t limit = common_limit(study);
	char *words, *list;

	if (limit > SLAB_MOST)
		return;
	limit = limit < SLAB_LEAST ? SLAB_LEAST : limit;
	list = classes_text(limit, ", ");
	words = classes_text(limit, " ");
	report_advise(report, LEVEL_NOTE,
		      report_text("Nine of ten allocations are at most %s, of many sizes: slab "
				  "heaps of %s take them in constant time and leave %s of theirs "
				  "idle; a %s with a granule of %u leaves %s.",
				  size_text(limit), list,
				  percent_text(waste_of(study, limit, true)),
				  memmgr_kind_name(study->trial.kind), advised_granule(study),
				  percent_text(waste_of(study, limit, false))),
		      report_text("for n in %s; do memctl heap create s$n --kind slab --object $n; "
				  "done", words));
	free(list);
	free(words);
}

static uint64_t pool_block(const struct census_size *size)
{
	return round_up(size->size, size->size < CENSUS_PAGE ? 8 : CENSUS_PAGE);
}

static bool suits_pool(const struct census_size *size)
{
	return size->size >= POOL_LEAST && size->allocs >= 16 && size->most * 4 <= size->allocs &&
	       size->most * pool_block(size) <= TRIAL_MOST;
}

/* Large blocks of one size that come and go, a few at a time. */
static void advise_pool(const struct study *study, struct report *report)
{
	const struct census *census = &study->census;
	const struct census_size *best = NULL;
	uint64_t block;

	for (size_t i = 0; i < census->size_count; i++) {
		const struct census_size *size = &census->sizes[i];

		if (suits_pool(size) &&
		    (!best || size->allocs * size->size > best->allocs * best->size))
			best = size;
	}
	if (!best)
		return;
	block = pool_block(best);
	report_advise(report, LEVEL_NOTE,
		      report_text("%" PRIu64 " allocations of %s come and go, at most %" PRIu64
				  " at a time: a pool of so many takes %s, cannot fragment and "
				  "cannot run out.", best->allocs, size_text(best->size),
				  best->most, size_text(best->most * block)),
		      report_text("memctl heap create blocks --kind pool --block-size %s --count %"
				  PRIu64, size_word(block), best->most));
}

static void advise_stack(const struct study *study, struct report *report)
{
	uint64_t share = report_share(study->census.lifo, study->trace->frees);
	uint64_t peak = study->trace->peak_bytes;

	if (!study->trace->frees)
		return;
	if (share >= MOST)
		report_advise(report, LEVEL_NOTE,
			      report_text("%s of the frees are of the youngest allocation: a stack "
					  "heap suits, which costs the least.",
					  percent_text(share)),
			      peak > TRIAL_MOST ? NULL :
			      report_text("memctl heap create scratch --kind stack --size %s",
					  size_word(report_roomy(peak))));
	else
		report_advise(report, LEVEL_NOTE,
			      report_text("No stack: %s of the frees are of the youngest "
					  "allocation, and a stack refuses the others.",
					  percent_text(share)), NULL);
}

static void advise_alignment(const struct study *study, struct report *report)
{
	const struct census *census = &study->census;
	uint64_t refused = study->trial.failed[MEMMGR_REASON_ALIGNMENT];
	char *count;

	if (!census->aligned)
		return;
	count = report_count(census->aligned, "allocation");
	report_advise(report, refused ? LEVEL_WARN : LEVEL_GOOD,
		      report_text("%s (%s) ask%s for an alignment, of up to %s; %" PRIu64
				  " failed for it.", count,
				  percent_text(report_share(census->aligned, study->trace->allocs)),
				  census->aligned == 1 ? "s" : "", size_text(census->align_most),
				  refused), NULL);
	free(count);
}

/* ---- leaks, fragmentation, quota ---- */

static void advise_leaks(const struct study *study, struct report *report)
{
	const struct census *census = &study->census;
	bool grows = census->rest_late * 4 >= census->rest_allocs;
	const struct census_rest *most = census->rest;
	char *count;

	if (!census->rest_allocs) {
		report_advise(report, LEVEL_GOOD, report_text("Nothing leaks: all that was "
							      "allocated was freed."), NULL);
		return;
	}
	count = report_count(census->rest_allocs, "allocation");
	report_advise(report, grows ? LEVEL_WARN : LEVEL_NOTE,
		      report_text("%s, %s, %s never freed, that is %s of the peak; %" PRIu64 " of "
				  "them (%s) were made in the second half, %s. The most: %" PRIu64
				  " of %s.", count, size_text(census->rest_bytes),
				  census->rest_allocs == 1 ? "is" : "are",
				  percent_text(report_share(census->rest_bytes,
							    study->trace->peak_bytes)),
				  census->rest_late,
				  percent_text(report_share(census->rest_late,
							    census->rest_allocs)),
				  grows ? "which start-up does not explain" :
				  "so that most may be what a program keeps", most->count,
				  size_text(most->size)),
		      report_text("memctl leaks --on"));
	free(count);
}

static void advise_fragmentation(const struct study *study, struct report *report)
{
	const struct trial *trial = &study->trial;
	uint64_t failed = trial->failed[MEMMGR_REASON_FRAGMENTED];
	bool much = trial->worst.external > MUCH_FRAG;
	char *worst, *requests;

	if (!trial->worst.external) {
		report_advise(report, LEVEL_GOOD,
			      report_text("Nothing fragments: what is free is one piece at any "
					  "time."), NULL);
		return;
	}
	requests = report_count(failed, "request");
	worst = report_text("At its worst (event %zu) %s of the %s that are free cannot be had in "
			    "one piece, the largest run being %s; %s failed for that",
			    trial->worst_at + 1, percent_text(trial->worst.external),
			    size_text(trial->worst.free), size_text(trial->worst.largest),
			    requests);
	free(requests);
	if (failed || much)
		report_advise(report, failed ? LEVEL_WARN : LEVEL_NOTE,
			      report_text("%s. Let the region compact itself, or ask with "
					  "--may-compact.", worst),
			      report_text("memctl health --on --compact-above %u%%",
					  MUCH_FRAG / 10));
	else
		report_advise(report, LEVEL_GOOD, report_text("%s.", worst), NULL);
	free(worst);
}

static void advise_quota(const struct study *study, struct report *report)
{
	uint64_t peak = study->trial.peak.used;

	/* One of nothing, or of all there can be, is none. */
	if (!peak || report_roomy(peak) == TRIAL_MOST)
		return;
	report_advise(report, LEVEL_NOTE,
		      report_text("A quota of %s, a quarter above the %s granted at the peak, "
				  "keeps a run that goes wild from the memory of others.",
				  size_text(report_roomy(peak)), size_text(peak)),
		      report_text("memctl quota user NAME --bytes %s",
				  size_word(report_roomy(peak))));
}

void study_advise(const struct study *study, struct report *report)
{
	advise_failures(study, report);
	advise_size(study, report);
	advise_leaks(study, report);
	advise_fragmentation(study, report);
	if (!advise_few_sizes(study, report))
		advise_classes(study, report);
	advise_pool(study, report);
	advise_stack(study, report);
	advise_pages(study, report);
	advise_alignment(study, report);
	advise_quota(study, report);
}
