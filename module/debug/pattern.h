/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Patterns in the memory of a region, which no one may overwrite, and which are checked later. */
#ifndef MEMMGR_PATTERN_H
#define MEMMGR_PATTERN_H

#include <linux/types.h>

#include "core/guard.h"

struct region;

struct memmgr_corruption;

/**
 * struct pattern - a run of pattern bytes
 * @place: offset of the first byte in the region
 * @bytes: number of bytes
 * @kind: purpose of the pattern
 * @key: identifies the owner
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
