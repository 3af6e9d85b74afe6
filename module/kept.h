/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Logs that keep their last entries, and whose these are: nobody pushes out what
 * others have there.
 */
#ifndef MEMMGR_KEPT_H
#define MEMMGR_KEPT_H

#include <linux/types.h>

/**
 * struct kept - whose entry of a log it is
 * @seq: number of the entry, counted from 1; 0: the slot is empty
 * @source: entries of one source have a share of their own; 0: no such source
 * @uid: of the user who caused it; 0: root or the kernel
 */
struct kept {
	u64 seq;
	u64 source;
	u32 uid;
};

u32 kept_place(const struct kept *kept, u32 slots, const struct kept *fresh, u32 most);
u32 kept_next(const struct kept *kept, u32 slots, u64 after);

#endif /* MEMMGR_KEPT_H */
