/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The last events of a region, for readers of its device. */
#ifndef MEMMGR_EVENTS_H
#define MEMMGR_EVENTS_H

#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <uapi/linux/memmgr.h>

#include "base/kept.h"

struct region;

#define EVENTS_KEPT	256u

struct device;

/**
 * struct uevents - the uevents of one kind of event; guarded by events.gate
 * @window: jiffies at which the present interval began
 * @sent: uevents sent in the interval
 * @held: events in the interval that were not sent
 * @last: the last of the held events, sent at the end of the interval
 */
struct uevents {
	unsigned long window;
	u32 sent;
	u32 held;
	struct memmgr_event last;
};

/**
 * struct events - log of the last events
 * @lock: guards @total, @kept and @entry, which change only with @gate held too; innermost
 * @total: events ever
 * @kept: owners of the entries; see base/kept.h
 * @entry: the last events, in no order
 * @wait: readers that wait for an event
 * @gate: held to add an event, and to use @device
 * @device: the region's device, while it is registered
 * @uevents: by kind
 * @later: sends the held events
 */
struct events {
	raw_spinlock_t lock;
	u64 total;
	struct kept kept[EVENTS_KEPT];
	struct memmgr_event entry[EVENTS_KEPT];
	wait_queue_head_t wait;
	struct mutex gate;	/* uevents */
	struct device *device;
	struct uevents uevents[MEMMGR_EVENTS];
	struct delayed_work later;
};

void events_init(struct events *events);
void events_end(struct events *events);
void events_set_device(struct events *events, struct device *device);
void events_add(struct region *region, u32 kind, u64 value, u64 limit, u64 bytes, u32 uid);
bool events_next(struct events *events, u64 after, struct memmgr_event *event);
u64 events_last(struct events *events);

#endif /* MEMMGR_EVENTS_H */
