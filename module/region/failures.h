/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The last failed requests of a region, and why they failed. */
#ifndef MEMMGR_FAILURES_H
#define MEMMGR_FAILURES_H

#include <linux/spinlock.h>
#include <uapi/linux/memmgr.h>

#include "base/kept.h"

#define FAILURES_KEPT	64u

/**
 * struct failures - log of the last failures
 * @lock: guards the rest; innermost
 * @total: failures ever
 * @kept: owners of the entries; see base/kept.h
 * @entry: the last failures, in no order
 */
struct failures {
	raw_spinlock_t lock;
	u64 total;
	struct kept kept[FAILURES_KEPT];
	struct memmgr_failure entry[FAILURES_KEPT];
};

void failures_init(struct failures *f);
void failures_add(struct failures *f, struct memmgr_failure *failure, u64 owner);
bool failures_next(struct failures *f, u64 after, struct memmgr_failure *out,
		   struct kept *whose);
u64 failures_total(struct failures *f);

#endif /* MEMMGR_FAILURES_H */
