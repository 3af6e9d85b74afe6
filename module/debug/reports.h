/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The last reports of memory errors in a region. */
#ifndef MEMMGR_CORRUPTIONS_H
#define MEMMGR_CORRUPTIONS_H

#include <linux/irq_work.h>
#include <linux/ratelimit.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <uapi/linux/memmgr.h>

#include "base/kept.h"

struct freed;
struct memmgr_heap;
struct origin;
struct record;
struct region;
struct track_block;

#define CORRUPTIONS_KEPT	32u
#define CORRUPTIONS_REFUSED	4u	/* limit for the refused calls of one client */

/**
 * struct corruptions - log of the last reports
 * @region: the region
 * @lock: guards the rest, and the heaps' errors; innermost
 * @total: reports ever
 * @told: reports that were sent to the log, to readers and to tracers
 * @kept: owners of the entries; see base/kept.h
 * @entry: the last reports, in no order
 * @soon: queues @tell
 * @tell: sends them, because errors are found with locks held and interrupts off
 * @limit: rate limits of the log: for root's and the kernel's reports, and for users'
 */
struct corruptions {
	struct region *region;
	raw_spinlock_t lock;
	u64 total;
	u64 told;
	struct kept kept[CORRUPTIONS_KEPT];
	struct memmgr_corruption entry[CORRUPTIONS_KEPT];
	struct irq_work soon;
	struct work_struct tell;
	struct ratelimit_state limit[2];
};

#if IS_ENABLED(CONFIG_MEMMGR_DEBUG)
int corruptions_init(struct region *region);
void corruptions_free(struct region *region);
void corruptions_end(struct region *region);
void corruption_of_record(struct memmgr_corruption *c, const struct memmgr_heap *heap,
			  const struct record *record, const struct origin *origin);
void corruption_of_block(struct memmgr_corruption *c, const struct track_block *block);
void corruption_of_freed(struct memmgr_corruption *c, const struct freed *freed);
void corruptions_add(struct memmgr_heap *heap, struct memmgr_corruption *found);
void corruptions_add_refused(struct memmgr_heap *heap, struct memmgr_corruption *found,
			     u64 client);
bool corruptions_next(struct region *region, u64 after, struct memmgr_corruption *out,
		      struct kept *whose);
u64 corruptions_total(struct region *region);
u64 corruptions_of_heap(struct memmgr_heap *heap);
#else
static inline int corruptions_init(struct region *region)
{
	return 0;
}

static inline void corruptions_free(struct region *region)
{
}

static inline void corruptions_end(struct region *region)
{
}

static inline bool corruptions_next(struct region *region, u64 after,
				    struct memmgr_corruption *out, struct kept *whose)
{
	return false;
}

static inline u64 corruptions_total(struct region *region)
{
	return 0;
}
#endif

#endif /* MEMMGR_CORRUPTIONS_H */
