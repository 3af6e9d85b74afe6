/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Bytes of a region that nobody may write, and that are looked at later. */
#ifndef MEMMGR_PATTERN_H
#define MEMMGR_PATTERN_H

#include <linux/types.h>

#include "core/guard.h"

struct region;

struct memmgr_corruption;

/**
 * struct pattern - a run of such bytes
 * @place: of the first, offset in the region
 * @bytes: how many
 * @kind: what they stand for
 * @key: whose they are
 */
struct pattern {
	u64 place;
	u64 bytes;
	enum guard_kind kind;
	u32 key;
};

void pattern_fill(const struct region *region, const struct pattern *pattern, bool may_sleep);
bool pattern_damaged(const struct region *region, const struct pattern *pattern,
		     struct memmgr_corruption *c, bool may_sleep);

#endif /* MEMMGR_PATTERN_H */
