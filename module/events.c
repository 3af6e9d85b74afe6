// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The last events of a region: to readers of its device and, by uevent, to udev. */
#include <linux/device.h>
#include <linux/kobject.h>
#include <linux/timekeeping.h>

#include "events.h"
#include "region.h"

static const char * const event_names[MEMMGR_EVENTS] = {
	[MEMMGR_EVENT_LOST]		= "lost",
	[MEMMGR_EVENT_LOW]		= "low",
	[MEMMGR_EVENT_NOT_LOW]		= "not-low",
	[MEMMGR_EVENT_FRAGMENTED]	= "fragmented",
	[MEMMGR_EVENT_NOT_FRAGMENTED]	= "not-fragmented",
	[MEMMGR_EVENT_COMPACTED]	= "compacted",
	[MEMMGR_EVENT_LEAK]		= "leak",
	[MEMMGR_EVENT_CORRUPTION]	= "corruption",
};

void events_init(struct events *events)
{
	raw_spin_lock_init(&events->lock);
	init_waitqueue_head(&events->wait);
	mutex_init(&events->gate);
}

/* From now on uevents are this device's; NULL: there are none. May sleep. */
void events_set_device(struct events *events, struct device *device)
{
	mutex_lock(&events->gate);
	events->device = device;
	mutex_unlock(&events->gate);
}

static void event_uevent(struct region *region, const struct memmgr_event *event)
{
	char kind[32], name[MEMMGR_NAME_LEN + 16], value[32], limit[32];
	char *environment[5] = { kind, name, value, limit, NULL };

	snprintf(kind, sizeof(kind), "MEMMGR_EVENT=%s", event_names[event->kind]);
	snprintf(name, sizeof(name), "MEMMGR_REGION=%s", region->name);
	snprintf(value, sizeof(value), "MEMMGR_VALUE=%llu", event->value);
	snprintf(limit, sizeof(limit), "MEMMGR_LIMIT=%llu", event->limit);
	/* The first ones may come before the device is there, the last ones after it. */
	mutex_lock(&region->events.gate);
	if (region->events.device)
		kobject_uevent_env(&region->events.device->kobj, KOBJ_CHANGE, environment);
	mutex_unlock(&region->events.gate);
}

/**
 * events_add - something happened to heap main
 * @region: of it
 * @kind: enum memmgr_event_kind
 * @value: as struct memmgr_event says
 * @limit: the same
 * @bytes: the same
 *
 * Context: process, may sleep. O(1).
 */
void events_add(struct region *region, u32 kind, u64 value, u64 limit, u64 bytes)
{
	struct events *events = &region->events;
	struct memmgr_event event = {
		.time_ns = ktime_get_boottime_ns(),
		.kind = kind,
		.heap = MEMMGR_HEAP_MAIN,
		.value = value,
		.limit = limit,
		.bytes = bytes,
	};
	unsigned long flags;

	raw_spin_lock_irqsave(&events->lock, flags);
	event.seq = ++events->total;
	events->entry[(event.seq - 1) % EVENTS_KEPT] = event;
	raw_spin_unlock_irqrestore(&events->lock, flags);
	wake_up_interruptible_all(&events->wait);
	event_uevent(region, &event);
}

/**
 * events_next - the first event after a number
 * @events: the ring
 * @after: the number
 * @event: the answer; MEMMGR_EVENT_LOST when it is no longer known
 *
 * Context: any. O(1).
 * Return: false when there is none yet.
 */
bool events_next(struct events *events, u64 after, struct memmgr_event *event)
{
	unsigned long flags;
	u64 first;
	bool more;

	raw_spin_lock_irqsave(&events->lock, flags);
	first = events->total > EVENTS_KEPT ? events->total - EVENTS_KEPT + 1 : 1;
	more = after < events->total;
	if (more && after + 1 < first)
		*event = (struct memmgr_event) {
			.seq = first,
			.time_ns = events->entry[(first - 1) % EVENTS_KEPT].time_ns,
			.kind = MEMMGR_EVENT_LOST,
			.value = first - 1 - after,
		};
	else if (more)
		*event = events->entry[after % EVENTS_KEPT];
	raw_spin_unlock_irqrestore(&events->lock, flags);
	return more;
}

u64 events_last(struct events *events)
{
	unsigned long flags;
	u64 last;

	raw_spin_lock_irqsave(&events->lock, flags);
	last = events->total;
	raw_spin_unlock_irqrestore(&events->lock, flags);
	return last;
}
