// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The last failed requests of a region, and why they failed. */
#include <linux/cred.h>
#include <linux/pid.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <linux/uidgid.h>

#include "base/kept.h"
#include "region/failures.h"

void failures_init(struct failures *f)
{
	raw_spin_lock_init(&f->lock);
}

/**
 * failures_add - log a failed request
 * @f: the log
 * @failure: bytes, align, largest, free, heap, its name and reason; the rest is
 *	filled in
 * @owner: client.serial of a private heap's client; 0: a shared heap
 *
 * A user replaces failures of others only as base/kept.h allows.
 *
 * Context: any, no heap lock held. O(FAILURES_KEPT).
 */
void failures_add(struct failures *f, struct memmgr_failure *failure, u64 owner)
{
	struct kept fresh = { .owner = owner };
	unsigned long flags;
	u32 i;

	failure->time_ns = ktime_get_boottime_ns();
	if (in_task()) {
		failure->pid = task_tgid_nr(current);
		failure->uid = __kuid_val(current_uid());
		fresh.uid = __kuid_val(current_euid());
		/* Without task_lock(), which may sleep on a real-time kernel. */
		strscpy(failure->comm, current->comm, sizeof(failure->comm));
	}
	raw_spin_lock_irqsave(&f->lock, flags);
	failure->seq = ++f->total;
	fresh.seq = failure->seq;
	i = kept_place(f->kept, FAILURES_KEPT, &fresh, FAILURES_KEPT);
	f->kept[i] = fresh;
	f->entry[i] = *failure;
	raw_spin_unlock_irqrestore(&f->lock, flags);
}

/* Read the oldest kept failure with a number above @after. O(FAILURES_KEPT). */
bool failures_next(struct failures *f, u64 after, struct memmgr_failure *out,
		   struct kept *whose)
{
	const struct kept_log log = {
		.lock = &f->lock,
		.kept = f->kept,
		.entries = f->entry,
		.slots = FAILURES_KEPT,
		.bytes = sizeof(*out),
	};

	return kept_next(&log, after, out, whose);
}

u64 failures_total(struct failures *f)
{
	unsigned long flags;
	u64 total;

	raw_spin_lock_irqsave(&f->lock, flags);
	total = f->total;
	raw_spin_unlock_irqrestore(&f->lock, flags);
	return total;
}
