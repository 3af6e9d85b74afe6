// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Health: a worker that measures a region some time after it changed, reports when
 * memory is low or fragmented, and compacts.
 *
 * If nothing changes, nothing runs. The worker leaves a mark in heap main
 * (heap.watched), and the next allocation or free that sees the mark queues the worker
 * again. So it measures at most ten times a second, and never without a change.
 *
 * Compaction is done in slices. After each slice the worker sleeps long enough to
 * use no more than its part of a CPU.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/moduleparam.h>

#include "base/trace.h"
#include "heap/heap.h"
#include "heap/lookup.h"
#include "heap/stats.h"
#include "move/compact.h"
#include "move/health.h"
#include "move/state.h"
#include "region/events.h"
#include "region/region.h"

#define HEALTH_DELAY	(HZ / 10 + 1)	/* from a change to its measurement */
#define HEALTH_SLICE	(1ull << 20)	/* bytes that a slice moves, at least */
#define HEALTH_SLICES	6		/* log2 of the number of slices for a whole heap */
#define HEALTH_BACKOFF	(60 * HZ)	/* longest pause after a compaction without gain */

static bool health = true;
module_param(health, bool, 0444);
MODULE_PARM_DESC(health, "compact fragmented regions in the background (default 1)");

static unsigned int compact_above = 300;
module_param(compact_above, uint, 0444);
MODULE_PARM_DESC(compact_above, "fragmentation above which a region is compacted, in thousandths (default 300)");

static unsigned int warn_above = 900;
module_param(warn_above, uint, 0444);
MODULE_PARM_DESC(warn_above, "usage above which a region is low on memory, in thousandths (default 900)");

static unsigned int health_cpu = 100;
module_param(health_cpu, uint, 0444);
MODULE_PARM_DESC(health_cpu, "part of a CPU that background compaction may take, in thousandths (default 100)");

static bool limits_ok(u32 fragmented, u32 low, u32 hysteresis, u32 cpu)
{
	return fragmented <= 1000 && low <= 1000 && hysteresis <= 1000 && cpu &&
	       cpu <= 1000;
}

/* Module init: check the parameters. */
int health_start(void)
{
	if (!limits_ok(compact_above, warn_above, 0, health_cpu)) {
		pr_err("compact_above=, warn_above= and health_cpu= are in thousandths, 1000 at most, health_cpu= not 0\n");
		return -EINVAL;
	}
	return 0;
}

/**
 * health_kick - queue the worker, because heap main has changed
 * @main: heap main, whose mark was seen
 *
 * Context: any; no lock held, except possibly a slab heap's.
 */
static void health_kick(struct memmgr_heap *main)
{
	if (heap_unmark_changes(main))
		queue_delayed_work(region_queue, &main->region->moving->health.work, HEALTH_DELAY);
}

/* The usage of a region and the external fragmentation of main, in thousandths. */
static void health_measure(struct memmgr_heap *main, struct memmgr_stats *stats,
			   u32 *usage, u32 *fragmentation)
{
	heap_stats(main, stats);
	*usage = div64_u64(stats->used * 1000, stats->total);
	*fragmentation = stats->free ?
			 1000 - div64_u64(stats->largest * 1000, stats->free) : 0;
}

/* Enter or leave a state. Returns true if the state has changed. */
static bool health_judge(struct health *h, u32 state, u32 value, u32 above)
{
	u32 below = above > h->hysteresis ? above - h->hysteresis : 0;

	if (!(h->state & state) && value > above) {
		h->state |= state;
		return true;
	}
	if (h->state & state && value <= below) {
		h->state &= ~state;
		return true;
	}
	return false;
}

static void health_tell(struct region *region, u32 kind, u32 value, u32 limit, u64 free)
{
	static const char * const words[MEMMGR_EVENTS] = {
		[MEMMGR_EVENT_LOW] = "low on memory: usage",
		[MEMMGR_EVENT_FRAGMENTED] = "fragmented: fragmentation",
	};

	trace_memmgr_watermark(region->name, kind, value, limit);
	if (words[kind])
		pr_notice_ratelimited("%s: %s %u.%03u is above %u.%03u\n",
				      region->name, words[kind], value / 1000,
				      value % 1000, limit / 1000, limit % 1000);
	events_add(region, kind, value, limit, free, 0);
}

static void health_look(struct region *region, struct memmgr_heap *main)
{
	struct health *h = &region->moving->health;
	struct memmgr_stats stats;
	u32 usage, fragmentation;

	lockdep_assert_held(&region->moving->health.mutex);
	h->checks++;
	health_measure(main, &stats, &usage, &fragmentation);
	if (health_judge(h, MEMMGR_HEALTH_LOW, usage, h->warn_above))
		health_tell(region, h->state & MEMMGR_HEALTH_LOW ? MEMMGR_EVENT_LOW :
			    MEMMGR_EVENT_NOT_LOW, usage, h->warn_above, stats.free);
	if (health_judge(h, MEMMGR_HEALTH_FRAGMENTED, fragmentation, h->compact_above))
		health_tell(region, h->state & MEMMGR_HEALTH_FRAGMENTED ?
			    MEMMGR_EVENT_FRAGMENTED : MEMMGR_EVENT_NOT_FRAGMENTED,
			    fragmentation, h->compact_above, stats.free);
}

/* After a compaction without gain, double the pause before the next one. */
static void health_rate(struct health *h, const struct memmgr_compact *c)
{
	if (c->left || c->after > c->before)
		h->backoff = 0;
	else
		h->backoff = min_t(unsigned long, h->backoff ? 2 * h->backoff : HZ,
				   HEALTH_BACKOFF);
	h->retry = jiffies + h->backoff;
}

/* Compact one slice. Returns the jiffies until the next one; 0 if nothing is left. */
static unsigned long health_compact(struct health *h, struct memmgr_heap *main)
{
	/* Each slice looks at the whole heap, so a larger heap has larger slices, not more. */
	struct memmgr_compact c = {
		.max_bytes = max_t(u64, HEALTH_SLICE, main->bytes >> HEALTH_SLICES),
	};
	u64 took = ktime_get_ns();
	int err;

	lockdep_assert_held(&h->mutex);
	h->state |= MEMMGR_HEALTH_AT_WORK;
	mutex_unlock(&h->mutex);
	err = compact_heap(main, &c, &h->slices);
	took = ktime_get_ns() - took;
	mutex_lock(&h->mutex);
	h->state &= ~MEMMGR_HEALTH_AT_WORK;
	h->compactions += !!c.moves;
	h->moves += c.moves;
	h->moved += c.moved;
	health_rate(h, &c);
	h->more = !err && c.left;
	/* Background compaction may have been turned off meanwhile. */
	if (!h->more || !h->on)
		return 0;
	return 1 + div64_u64(took * (1000 - h->cpu), (u64)h->cpu * (NSEC_PER_SEC / HZ));
}

static void health_work(struct work_struct *work)
{
	struct health *h = container_of(to_delayed_work(work), struct health, work);
	struct region *region = h->region;
	struct memmgr_heap *main = heap_get(region, MEMMGR_HEAP_MAIN);
	unsigned long again = 0;

	if (!main)
		return;
	if (region_is_gone(region))
		goto out;
	/* Mark before measuring, so that a later change queues the worker again. */
	heap_mark_changes(main);
	mutex_lock(&h->mutex);
	health_look(region, main);
	/* A compaction that was begun is completed, even if the state has ended. */
	if (h->on && (h->more || h->state & MEMMGR_HEALTH_FRAGMENTED) &&
	    !time_before(jiffies, h->retry)) {
		again = health_compact(h, main);
		if (!again)
			compact_slices_end(region, &h->slices);
		health_look(region, main);
		/* The worker's own moves must not queue it again. */
		heap_mark_changes(main);
	}
	mutex_unlock(&h->mutex);
	if (again)
		queue_delayed_work(region_queue, &h->work, again);
out:
	heap_put(main);
}

/* Called for a new region. */
void health_init(struct region *region)
{
	struct health *h = &region->moving->health;

	h->region = region;
	INIT_DELAYED_WORK(&h->work, health_work);
	region->changed = health_kick;
	mutex_init(&h->mutex);
	h->on = health && !region_realtime();
	h->compact_above = compact_above;
	h->warn_above = warn_above;
	h->hysteresis = 50;
	h->cpu = health_cpu;
	h->retry = jiffies;
}

/* The region is ready: measure it once, then after each change. */
void health_watch(struct region *region)
{
	queue_delayed_work(region_queue, &region->moving->health.work, HEALTH_DELAY);
}

/*
 * The region is gone: the worker measures it no more. A call that is still under way may
 * have queued the worker once more; health_work() then leaves no mark.
 */
void health_stop(struct region *region)
{
	struct memmgr_heap *main = heap_get(region, MEMMGR_HEAP_MAIN);

	cancel_delayed_work_sync(&region->moving->health.work);
	heap_unmark_changes(main);
	heap_put(main);
}

/* Wait for the worker. Nothing can queue it any more. */
void health_end(struct region *region)
{
	cancel_delayed_work_sync(&region->moving->health.work);
}

static int health_set(struct region *region, const struct memmgr_health *wanted)
{
	struct health *h = &region->moving->health;

	if (!limits_ok(wanted->compact_above, wanted->warn_above, wanted->hysteresis,
		       wanted->cpu))
		return -EINVAL;
	h->on = wanted->flags & MEMMGR_HEALTH_ON;
	/* There may be no further slice. If the worker is in one, it reports the bytes itself. */
	if (!h->on && !(h->state & MEMMGR_HEALTH_AT_WORK))
		compact_slices_end(region, &h->slices);
	h->compact_above = wanted->compact_above;
	h->warn_above = wanted->warn_above;
	h->hysteresis = wanted->hysteresis;
	h->cpu = wanted->cpu;
	h->backoff = 0;
	h->retry = jiffies;
	return 0;
}

/**
 * health_call - read or set the thresholds of a region
 * @region: the region
 * @out: as in the ABI; the answers are filled in
 * @set: set them; capability and flags are checked
 *
 * Context: process, may sleep. O(orders).
 * Return: 0 or -EINVAL.
 */
int health_call(struct region *region, struct memmgr_health *out, bool set)
{
	struct memmgr_heap *main = heap_get(region, MEMMGR_HEAP_MAIN);
	struct health *h = &region->moving->health;
	struct memmgr_stats stats;
	int err = 0;

	if (!main)
		return -ENODEV;
	mutex_lock(&h->mutex);
	if (set)
		err = health_set(region, out);
	if (!err) {
		out->flags = h->on ? MEMMGR_HEALTH_ON : 0;
		out->state = h->state;
		out->compact_above = h->compact_above;
		out->warn_above = h->warn_above;
		out->hysteresis = h->hysteresis;
		out->cpu = h->cpu;
		out->checks = h->checks;
		out->compactions = h->compactions;
		out->moves = h->moves;
		out->moved = h->moved;
		out->events = events_last(&region->events);
		health_measure(main, &stats, &out->usage, &out->fragmentation);
	}
	mutex_unlock(&h->mutex);
	/* Apply the new thresholds now. */
	if (set && !err)
		mod_delayed_work(region_queue, &h->work, 0);
	heap_put(main);
	return err;
}
