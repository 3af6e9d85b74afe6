// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The last failed requests of a region, and why they failed. */
#include <linux/cred.h>
#include <linux/pid.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <linux/uidgid.h>

#include "failures.h"

void failures_init(struct failures *f)
{
	raw_spin_lock_init(&f->lock);
}

/**
 * failures_add - remember a failed request
 * @f: the ring
 * @failure: bytes, align, largest, free, heap, its name and reason; the rest is
 *	filled in
 * @owner: client.serial of a private heap's client; 0: a shared heap
 *
 * Context: any, no heap lock held. O(1).
 */
void failures_add(struct failures *f, struct memmgr_failure *failure, u64 owner)
{
	struct failure_entry *entry;
	unsigned long flags;

	failure->time_ns = ktime_get_boottime_ns();
	if (in_task()) {
		failure->pid = task_tgid_nr(current);
		failure->uid = from_kuid(&init_user_ns, current_uid());
		/* Without task_lock(), which may sleep on a real-time kernel. */
		strscpy(failure->comm, current->comm, sizeof(failure->comm));
	}
	raw_spin_lock_irqsave(&f->lock, flags);
	failure->seq = ++f->total;
	entry = &f->entry[(failure->seq - 1) % FAILURES_KEPT];
	entry->failure = *failure;
	entry->owner = owner;
	raw_spin_unlock_irqrestore(&f->lock, flags);
}

/* The oldest failure that is remembered and has a number above @after. */
bool failures_next(struct failures *f, u64 after, struct memmgr_failure *out,
		   u64 *owner)
{
	struct failure_entry *entry;
	unsigned long flags;
	bool found;

	raw_spin_lock_irqsave(&f->lock, flags);
	if (f->total > FAILURES_KEPT)
		after = max(after, f->total - FAILURES_KEPT);
	found = after < f->total;
	if (found) {
		entry = &f->entry[after % FAILURES_KEPT];
		*out = entry->failure;
		*owner = entry->owner;
	}
	raw_spin_unlock_irqrestore(&f->lock, flags);
	return found;
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
