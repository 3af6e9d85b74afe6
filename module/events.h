/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The last events of a region, for those who read() its device. */
#ifndef MEMMGR_EVENTS_H
#define MEMMGR_EVENTS_H

#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <uapi/linux/memmgr.h>

#define EVENTS_KEPT	256u

struct device;
struct region;

/**
 * struct events - a ring
 * @lock: guards the rest; innermost
 * @total: events ever; number n is in @entry[(n - 1) % EVENTS_KEPT]
 * @entry: the last ones
 * @wait: readers
 * @gate: held to speak in the name of @device
 * @device: the region's, while it is registered
 */
struct events {
	raw_spinlock_t lock;
	u64 total;
	struct memmgr_event entry[EVENTS_KEPT];
	wait_queue_head_t wait;
	struct mutex gate;	/* uevents */
	struct device *device;
};

void events_init(struct events *events);
void events_set_device(struct events *events, struct device *device);
void events_add(struct region *region, u32 kind, u64 value, u64 limit, u64 bytes);
bool events_next(struct events *events, u64 after, struct memmgr_event *event);
u64 events_last(struct events *events);

#endif /* MEMMGR_EVENTS_H */
