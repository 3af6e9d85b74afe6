// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Watching a region for a while, and looking at all of it at the end. */
#include <errno.h>
#include <memmgr.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/interrupt.h"
#include "base/memory.h"
#include "find/find.h"
#include "find/reasons.h"
#include "memctl.h"
#include "report/survey.h"

#define FAILURES	64u	/* what the region remembers */

/* One more entry for an array of @count that doubles when it is full. */
static void *grown(void *array, size_t count, size_t size)
{
	if (count & (count - 1))
		return array;
	array = reallocarray(array, count ? 2 * count : 1, size);
	if (!array)
		out_of_memory();
	return array;
}

/* ---- over time ---- */

static int look(const struct memctl *ctl, struct survey *survey, uint64_t start_ns)
{
	struct memmgr_stats stats;
	struct memmgr_frag frag;
	int err = memmgr_stats(ctl->fd, MEMMGR_HEAP_MAIN, &stats);

	if (!err)
		err = memmgr_frag(ctl->fd, MEMMGR_HEAP_MAIN, &frag);
	if (err)
		return fail_errno(ctl, err, "heap 'main'");
	survey->points = grown(survey->points, survey->count, sizeof(*survey->points));
	survey->points[survey->count] = (struct survey_point){
		.time_ns = survey->count ? now_ns(CLOCK_MONOTONIC) - start_ns : 0,
		.used = stats.used,
		.requested = stats.requested,
		.largest = frag.largest,
		.live = stats.live,
		.external = frag.external,
	};
	survey->count++;
	return EXIT_OK;
}

static int watch(const struct memctl *ctl, const struct report_times *times,
		 struct survey *survey)
{
	uint64_t start = now_ns(CLOCK_MONOTONIC);
	int rc = look(ctl, survey, start);

	for (uint64_t at = times->interval_ns; !rc && at <= times->for_ns;
	     at += times->interval_ns) {
		interrupt_sleep_until(start + at);
		survey->interrupted = interrupt_arrived();
		if (survey->interrupted)
			break;
		rc = look(ctl, survey, start);
	}
	return rc;
}

/* ---- all of it ---- */

static int add_heap(const struct memctl *ctl, const struct memmgr_heap_query *query, void *arg)
{
	struct survey *survey = arg;
	struct survey_heap heap = { .heap = *query };
	struct memmgr_track track;
	int err = memmgr_stats(ctl->fd, query->heap, &heap.stats);

	if (!err)
		err = memmgr_frag(ctl->fd, query->heap, &heap.frag);
	/* It may have gone since. */
	if (err)
		return err == -ENOENT ? EXIT_OK :
		       fail_errno(ctl, err, "heap '%.*s'", MEMMGR_NAME_LEN, query->name);
	if (!memmgr_track(ctl->fd, query->heap, 0, &track)) {
		survey->tracks = true;
		heap.tracked = track.state & MEMMGR_TRACK_ON;
	}
	survey->heaps = grown(survey->heaps, survey->heap_count, sizeof(heap));
	survey->heaps[survey->heap_count++] = heap;
	return EXIT_OK;
}

static int add_user(const struct memmgr_account *account, void *arg)
{
	struct survey *survey = arg;

	survey->users = grown(survey->users, survey->user_count, sizeof(*account));
	survey->users[survey->user_count++] = *account;
	return 0;
}

/* The survey leaves out calls that an older module does not know. */
static int read_rest(const struct memctl *ctl, struct survey *survey)
{
	struct memmgr_failure failures[FAILURES];
	uint32_t count = FAILURES;
	int err = memmgr_failures(ctl->fd, 0, failures, &count, NULL);

	if (!err && count)
		survey->last = failures[count - 1];
	if (!err)
		err = memmgr_accounts(ctl->fd, MEMMGR_ACCOUNTS_USERS, add_user, survey);
	err = err == -ENOTTY ? 0 : err;
	if (!err) {
		err = memmgr_health(ctl->fd, &survey->health);
		survey->has_health = !err;
		err = err == -ENOTTY ? 0 : err;
	}
	return err ? fail_errno(ctl, err, "region") : EXIT_OK;
}

int survey_take(const struct memctl *ctl, const struct report_times *times,
		struct survey *survey)
{
	int err = memmgr_query(ctl->fd, &survey->region);
	int rc = err ? fail_errno(ctl, err, "region") : EXIT_OK;

	if (!rc)
		rc = leaks_collect(ctl, NULL, &survey->before);
	if (!rc)
		rc = watch(ctl, times, survey);
	if (!rc)
		rc = leaks_collect(ctl, NULL, &survey->after);
	if (!rc)
		rc = heaps_visit(ctl, NULL, add_heap, survey);
	return rc ? rc : read_rest(ctl, survey);
}

void survey_free(struct survey *survey)
{
	leaks_free(&survey->before);
	leaks_free(&survey->after);
	free(survey->points);
	free(survey->heaps);
	free(survey->users);
}

uint64_t survey_failures(const struct memmgr_stats *stats)
{
	uint64_t failures = 0;

	for (uint32_t i = 1; i < MEMMGR_REASONS; i++)
		failures += failed_for(stats, i);
	return failures;
}

bool survey_tracked(const struct survey *survey)
{
	for (size_t i = 0; i < survey->heap_count; i++)
		if (survey->heaps[i].tracked)
			return true;
	return false;
}
