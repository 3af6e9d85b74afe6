// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The last events of a region, for readers of its device and, as uevents, for udev. */
#include <linux/device.h>
#include <linux/kobject.h>
#include <linux/timekeeping.h>

#include "base/kept.h"
#include "region/events.h"
#include "region/region.h"

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

/* At most so many uevents of each kind in this time; further ones are held until its end. */
#define UEVENT_BURST	5u
#define UEVENT_TIME	HZ

/*
 * The state of heap main depends on what all users do. So each kind of event about this
 * state has its own share of the log.
 */
#define KIND_SHARE	(EVENTS_KEPT / 4)

static void event_uevent(struct region *region, const struct memmgr_event *event, u32 held)
{
	char kind[32], name[MEMMGR_NAME_LEN + 16], value[32], limit[32], suppressed[32];
	char *environment[6] = { kind, name, value, limit, suppressed, NULL };

	snprintf(kind, sizeof(kind), "MEMMGR_EVENT=%s", event_names[event->kind]);
	snprintf(name, sizeof(name), "MEMMGR_REGION=%s", region->name);
	snprintf(value, sizeof(value), "MEMMGR_VALUE=%llu", event->value);
	snprintf(limit, sizeof(limit), "MEMMGR_LIMIT=%llu", event->limit);
	snprintf(suppressed, sizeof(suppressed), "MEMMGR_SUPPRESSED=%u", held);
	/* Events may occur before the device is registered, and after it is removed. */
	if (region->events.device)
		kobject_uevent_env(&region->events.device->kobj, KOBJ_CHANGE, environment);
}

static bool uevents_over(const struct uevents *u)
{
	return time_after_eq(jiffies, u->window + UEVENT_TIME);
}

/* If the time is over, send the last held event, with the number of those it replaces. */
static void uevents_settle(struct region *region, struct uevents *u)
{
	lockdep_assert_held(&region->events.gate);
	if (!uevents_over(u))
		return;
	u->window = jiffies;
	u->sent = !!u->held;
	if (u->held)
		event_uevent(region, &u->last, u->held - 1);
	u->held = 0;
}

static void uevents_send(struct region *region, const struct memmgr_event *event)
{
	struct events *events = &region->events;
	struct uevents *u = &events->uevents[event->kind];

	lockdep_assert_held(&events->gate);
	uevents_settle(region, u);
	if (u->sent < UEVENT_BURST) {
		u->sent++;
		event_uevent(region, event, 0);
	} else {
		u->held++;
		u->last = *event;
		schedule_delayed_work(&events->later, UEVENT_TIME);
	}
}

static void uevents_later(struct work_struct *work)
{
	struct events *events = container_of(to_delayed_work(work), struct events, later);
	struct region *region = container_of(events, struct region, events);
	bool more = false;
	u32 kind;

	mutex_lock(&events->gate);
	for (kind = 0; kind < MEMMGR_EVENTS; kind++) {
		uevents_settle(region, &events->uevents[kind]);
		more |= events->uevents[kind].held;
	}
	if (more)
		schedule_delayed_work(&events->later, UEVENT_TIME);
	mutex_unlock(&events->gate);
}

void events_init(struct events *events)
{
	u32 kind;

	raw_spin_lock_init(&events->lock);
	init_waitqueue_head(&events->wait);
	mutex_init(&events->gate);
	INIT_DELAYED_WORK(&events->later, uevents_later);
	for (kind = 0; kind < MEMMGR_EVENTS; kind++)
		events->uevents[kind].window = jiffies;
}

/* Nothing in the region adds events any more. May sleep. */
void events_end(struct events *events)
{
	cancel_delayed_work_sync(&events->later);
}

/* Set the device that sends the uevents; NULL: send none. May sleep. */
void events_set_device(struct events *events, struct device *device)
{
	mutex_lock(&events->gate);
	events->device = device;
	mutex_unlock(&events->gate);
}

static bool event_is_state(u32 kind)
{
	return kind >= MEMMGR_EVENT_LOW && kind <= MEMMGR_EVENT_NOT_FRAGMENTED;
}

/**
 * events_add - log an event of heap main
 * @region: the region
 * @kind: enum memmgr_event_kind
 * @value: as in struct memmgr_event
 * @limit: as in struct memmgr_event
 * @bytes: as in struct memmgr_event
 * @uid: user who caused it; 0: root or the kernel
 *
 * A user replaces events of others only as base/kept.h allows.
 *
 * Context: process, may sleep. O(EVENTS_KEPT).
 */
void events_add(struct region *region, u32 kind, u64 value, u64 limit, u64 bytes, u32 uid)
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
	struct kept fresh = { .source = event_is_state(kind) ? kind : 0, .uid = uid };
	unsigned long flags;
	u32 i;

	mutex_lock(&events->gate);
	event.seq = events->total + 1;
	fresh.seq = event.seq;
	i = kept_place(events->kept, EVENTS_KEPT, &fresh, KIND_SHARE);
	/* Only readers hold the lock without the gate, so the search above needs no lock. */
	raw_spin_lock_irqsave(&events->lock, flags);
	events->total = event.seq;
	events->kept[i] = fresh;
	events->entry[i] = event;
	raw_spin_unlock_irqrestore(&events->lock, flags);
	wake_up_interruptible_all(&events->wait);
	uevents_send(region, &event);
	mutex_unlock(&events->gate);
}

/**
 * events_next - read the first event after a number
 * @events: the log
 * @after: the number
 * @event: the answer; MEMMGR_EVENT_LOST if the event with the next number is no longer kept
 *
 * Context: any. O(EVENTS_KEPT).
 * Return: false if there is no such event yet.
 */
bool events_next(struct events *events, u64 after, struct memmgr_event *event)
{
	const struct kept_log log = {
		.lock = &events->lock,
		.kept = events->kept,
		.entries = events->entry,
		.slots = EVENTS_KEPT,
		.bytes = sizeof(*event),
	};
	struct kept whose;

	if (!kept_next(&log, after, event, &whose))
		return false;
	if (event->seq != after + 1)
		*event = (struct memmgr_event) {
			.seq = event->seq,
			.time_ns = event->time_ns,
			.kind = MEMMGR_EVENT_LOST,
			.value = event->seq - 1 - after,
		};
	return true;
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
