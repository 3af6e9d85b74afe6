/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Health: thresholds of a region, and the worker that acts on them. */
#ifndef MEMMGR_HEALTH_H
#define MEMMGR_HEALTH_H

#include <linux/errno.h>
#include <linux/mutex.h>
#include <linux/types.h>
#include <linux/workqueue.h>
#include <uapi/linux/memmgr.h>

#include "move/compact.h"

struct region;

/**
 * struct health - thresholds of a region, and its worker
 * @region: the region
 * @work: the worker; it measures heap main some time after a change
 * @mutex: guards the rest
 * @on: compact in the background
 * @compact_above: threshold, as in struct memmgr_health
 * @warn_above: threshold, as in struct memmgr_health
 * @hysteresis: as in struct memmgr_health
 * @cpu: as in struct memmgr_health
 * @state: MEMMGR_HEALTH_*
 * @checks: number of measurements
 * @compactions: number of compactions
 * @moves: blocks that it moved
 * @moved: bytes that it moved
 * @more: the next slice continues a compaction
 * @slices: bytes that it moved and no event has reported yet; only the worker uses this
 *	while AT_WORK
 * @retry: jiffies before which it does not compact again, after gaining nothing
 * @backoff: length of this pause in jiffies
 */
struct health {
	struct region *region;
	struct delayed_work work;
	struct mutex mutex;	/* the rest */
	bool on;
	u32 compact_above;
	u32 warn_above;
	u32 hysteresis;
	u32 cpu;
	u32 state;
	u64 checks;
	u64 compactions;
	u64 moves;
	u64 moved;
	bool more;
	struct compact_slices slices;
	unsigned long retry;
	unsigned long backoff;
};

#if IS_ENABLED(CONFIG_MEMMGR_MOVE)
int health_start(void);
void health_init(struct region *region);
void health_watch(struct region *region);
void health_stop(struct region *region);
void health_end(struct region *region);
int health_call(struct region *region, struct memmgr_health *health, bool set);
#else
static inline int health_start(void)
{
	return 0;
}

static inline void health_watch(struct region *region)
{
}

static inline void health_stop(struct region *region)
{
}

static inline void health_end(struct region *region)
{
}

static inline int health_call(struct region *region, struct memmgr_health *health, bool set)
{
	return -EOPNOTSUPP;
}
#endif

#endif /* MEMMGR_HEALTH_H */
