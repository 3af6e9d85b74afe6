// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The last reports of damage in a region, and who is told of them. */
#include <linux/ctype.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/timekeeping.h>

#include "corruptions.h"
#include "events.h"
#include "region.h"
#include "sites.h"
#include "trace.h"

#define LOG_BURST	10	/* reports in 5 s */

/* Keep a report. Any context, any lock held. */
void corruptions_add(struct region *region, struct memmgr_corruption *found)
{
	struct corruptions *c = &region->corruptions;
	unsigned long flags;

	found->time_ns = ktime_get_boottime_ns();
	found->finder = in_task() ? task_tgid_nr(current) : 0;
	raw_spin_lock_irqsave(&c->lock, flags);
	found->seq = ++c->total;
	c->entry[(found->seq - 1) % CORRUPTIONS_KEPT] = *found;
	raw_spin_unlock_irqrestore(&c->lock, flags);
	schedule_work(&c->tell);
}

/**
 * corruptions_next - the oldest report that is remembered and is newer
 * @region: of it
 * @after: number of the last one seen
 * @out: the report
 *
 * Context: any. O(1).
 * Return: false when there is none.
 */
bool corruptions_next(struct region *region, u64 after, struct memmgr_corruption *out)
{
	struct corruptions *c = &region->corruptions;
	unsigned long flags;
	bool found;

	raw_spin_lock_irqsave(&c->lock, flags);
	if (c->total > CORRUPTIONS_KEPT)
		after = max(after, c->total - CORRUPTIONS_KEPT);
	found = after < c->total;
	if (found)
		*out = c->entry[after % CORRUPTIONS_KEPT];
	raw_spin_unlock_irqrestore(&c->lock, flags);
	return found;
}

u64 corruptions_total(struct region *region)
{
	unsigned long flags;
	u64 total;

	raw_spin_lock_irqsave(&region->corruptions.lock, flags);
	total = region->corruptions.total;
	raw_spin_unlock_irqrestore(&region->corruptions.lock, flags);
	return total;
}

static void log_dump(const char *what, const struct memmgr_corruption *c, const u8 *bytes)
{
	pr_err("memmgr:   %s: %*ph\n", what, (int)c->dump, bytes);
}

static void log_report(struct region *region, const struct memmgr_corruption *c)
{
	char site[SITE_PATH + 24];

	site_print(site, sizeof(site), region, c->site);
	pr_err("memmgr: %s: heap %s: %llu bytes damaged, the first %llu bytes %s an allocation of %llu at 0x%llx%s%.*s\n",
	       region->name, c->heap_name, c->damaged, c->distance,
	       c->kind == MEMMGR_CORRUPTION_BEFORE ? "before" : "past the end of",
	       c->bytes, c->place, *c->tag ? ", tag " : "",
	       (int)sizeof(c->tag), c->tag);
	log_dump("expected", c, c->expected);
	log_dump("found   ", c, c->found);
	pr_err("memmgr:   allocated by %*pE, pid %u, thread %u, at %s, %llu ms before; found by pid %u\n",
	       (int)strnlen(c->comm, sizeof(c->comm)), c->comm, c->pid, c->tid, site,
	       div_u64(c->time_ns - c->alloc_ns, NSEC_PER_MSEC), c->finder);
}

static void corruptions_tell(struct work_struct *work)
{
	struct region *region = container_of(work, struct region, corruptions.tell);
	struct corruptions *c = &region->corruptions;
	struct memmgr_corruption report;

	while (corruptions_next(region, c->told, &report)) {
		c->told = report.seq;
		if (__ratelimit(&c->limit))
			log_report(region, &report);
		trace_memmgr_corruption(region->name, report.heap_name, report.kind,
					report.handle, report.place, report.bytes,
					report.distance, report.damaged);
		events_add(region, MEMMGR_EVENT_CORRUPTION, report.seq, 0, report.damaged);
		cond_resched();
	}
}

void corruptions_init(struct region *region)
{
	struct corruptions *c = &region->corruptions;

	raw_spin_lock_init(&c->lock);
	INIT_WORK(&c->tell, corruptions_tell);
	ratelimit_state_init(&c->limit, 5 * HZ, LOG_BURST);
}

/* The region goes: no heap of it can find damage any more. */
void corruptions_end(struct region *region)
{
	flush_work(&region->corruptions.tell);
}
