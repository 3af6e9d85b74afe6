/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The findings about a region, and the advice that follows. */
#ifndef MEMCTL_SURVEY_H
#define MEMCTL_SURVEY_H

#include <memmgr.h>
#include <stdbool.h>
#include <stdint.h>

#include "look/leaks.h"
#include "memctl.h"
#include "report/report.h"

/* Heap main, at one moment. */
struct survey_point {
	uint64_t time_ns;	/* since the first look */
	uint64_t used;
	uint64_t requested;
	uint64_t largest;
	uint32_t live;
	uint32_t external;
};

struct survey_heap {
	struct memmgr_heap_query heap;
	struct memmgr_stats stats;
	struct memmgr_frag frag;
	bool tracked;
};

/**
 * struct survey - of a region
 * @region: the region
 * @points: heap main, over the time that it was watched
 * @count: of them, at least 1
 * @interrupted: it was not watched for as long as was wanted
 * @heaps: as they are at the end; the first is main
 * @heap_count: of them
 * @users: who has what, and may have
 * @user_count: of them
 * @health: valid with @has_health: of a module that is new enough
 * @has_health: likewise
 * @tracks: the module can remember where allocations come from
 * @last: the last failure; seq 0: none that is remembered
 * @before: what lived at the first look
 * @after: what lived at the last
 */
struct survey {
	struct memmgr_query region;
	struct survey_point *points;
	size_t count;
	bool interrupted;
	struct survey_heap *heaps;
	size_t heap_count;
	struct memmgr_account *users;
	size_t user_count;
	struct memmgr_health health;
	bool has_health;
	bool tracks;
	struct memmgr_failure last;
	struct leaks before;
	struct leaks after;
};

/* ---- survey.c ---- */

/* Watches the region; an enum exit_code. To be freed in any case. */
int survey_take(const struct memctl *ctl, const struct report_times *times,
		struct survey *survey);
void survey_free(struct survey *survey);
uint64_t survey_failures(const struct memmgr_stats *stats);
bool survey_tracked(const struct survey *survey);

/* ---- survey_advice.c ---- */

void survey_advise(const struct survey *survey, struct report *report);

#endif /* MEMCTL_SURVEY_H */
