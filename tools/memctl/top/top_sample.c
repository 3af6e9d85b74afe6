// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* memctl top: what is looked at, time and again. */
#include <errno.h>
#include <json-c/json.h>
#include <memmgr.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/json.h"
#include "find/reasons.h"
#include "memctl.h"
#include "top/top.h"

#define FAILURES	64u	/* what the region remembers */

static int sample_heaps(const struct memctl *ctl, struct top_sample *sample)
{
	struct memmgr_heap_query heap;
	struct memmgr_stats stats;
	int err;

	for (uint32_t id = 0;; id = heap.heap + 1) {
		err = memmgr_heap_next(ctl->fd, id, &heap);
		if (err)
			return err == -ENOENT ? 0 : err;
		/* It may have gone since. */
		if (memmgr_stats(ctl->fd, heap.heap, &stats))
			continue;
		sample->allocs += stats.allocs;
		sample->frees += stats.frees;
		for (int i = 1; i < MEMMGR_REASONS; i++)
			sample->failures += failed_for(&stats, i);
	}
}

static int sample_failure(const struct memctl *ctl, struct top_sample *sample)
{
	struct memmgr_failure failures[FAILURES];
	uint32_t count = FAILURES;
	int err = memmgr_failures(ctl->fd, 0, failures, &count, NULL);

	if (!err && count)
		sample->last = failures[count - 1];
	return err;
}

static int sample_health(const struct memctl *ctl, struct top_sample *sample)
{
	int err = memmgr_health(ctl->fd, &sample->health);

	sample->has_health = !err;
	return err == -ENOTTY ? 0 : err;
}

int top_sample(const struct memctl *ctl, struct top *top, uint32_t cells)
{
	struct top_sample sample = { .time_ns = now_ns(CLOCK_MONOTONIC) };
	int err = picture_read(ctl, top->by, cells, &top->slots, &sample.picture);

	if (!err)
		err = sample_heaps(ctl, &sample);
	if (!err)
		err = memmgr_frag(ctl->fd, MEMMGR_HEAP_MAIN, &sample.frag);
	if (!err)
		err = sample_failure(ctl, &sample);
	if (!err)
		err = sample_health(ctl, &sample);
	if (err) {
		picture_free(&sample.picture);
		return err;
	}
	picture_free(&top->now.picture);
	top->before = top->now;
	top->now = sample;
	return 0;
}

void top_forget(struct top *top)
{
	picture_free(&top->now.picture);
}

/* A heap that went took its books along: the sums may fall. */
double top_rate(const struct top *top, uint64_t now, uint64_t before)
{
	uint64_t ns = top->now.time_ns - top->before.time_ns;

	return now > before && ns ? (double)(now - before) * 1e9 / (double)ns : 0;
}

/* ---- JSON ---- */

static struct json_object *health_json(const struct memmgr_health *health)
{
	struct json_object *object = json_object_new_object();

	json_add(object, "on", json_object_new_boolean(health->flags & MEMMGR_HEALTH_ON));
	json_add(object, "low", json_object_new_boolean(health->state & MEMMGR_HEALTH_LOW));
	json_add(object, "fragmented",
		 json_object_new_boolean(health->state & MEMMGR_HEALTH_FRAGMENTED));
	json_add(object, "at_work",
		 json_object_new_boolean(health->state & MEMMGR_HEALTH_AT_WORK));
	json_add(object, "compactions", json_u64(health->compactions));
	json_add(object, "moves", json_u64(health->moves));
	json_add(object, "moved", json_u64(health->moved));
	return object;
}

/* null in the first frame, as there is nothing to compare with. */
static struct json_object *rate_json(const struct top *top, uint64_t now, uint64_t before)
{
	char text[32];
	double rate = top_rate(top, now, before);

	if (!top->before.time_ns)
		return NULL;
	snprintf(text, sizeof(text), "%.1f", rate);
	return json_object_new_double_s(rate, text);
}

static struct json_object *rates_json(const struct top *top)
{
	const struct top_sample *now = &top->now, *before = &top->before;
	struct json_object *object = json_object_new_object();

	json_add(object, "allocs", rate_json(top, now->allocs, before->allocs));
	json_add(object, "frees", rate_json(top, now->frees, before->frees));
	json_add(object, "failures", rate_json(top, now->failures, before->failures));
	json_add(object, "moves", now->has_health ?
		 rate_json(top, now->health.moves, before->health.moves) : NULL);
	return object;
}

struct json_object *top_json(const struct top *top)
{
	const struct top_sample *now = &top->now;
	struct json_object *object = json_object_new_object();

	json_add(object, "region", json_chars(now->picture.region.name, MEMMGR_NAME_LEN));
	json_add(object, "size", json_u64(now->picture.main.total));
	json_add(object, "used", json_u64(now->picture.main.used));
	json_add(object, "peak", json_u64(now->picture.main.peak));
	json_add(object, "fixed", json_u64(now->picture.fixed));
	json_add(object, "largest", json_u64(now->frag.largest));
	json_add(object, "fragmentation", json_u64(now->frag.external));
	json_add(object, "allocs", json_u64(now->allocs));
	json_add(object, "frees", json_u64(now->frees));
	json_add(object, "failures", json_u64(now->failures));
	json_add(object, "per_second", rates_json(top));
	json_add(object, "health", now->has_health ? health_json(&now->health) : NULL);
	json_add(object, "owners", owners_json(&now->picture));
	return object;
}
