/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Logs that keep their last entries, and whose these are: nobody pushes out what
 * others have there.
 */
#ifndef MEMMGR_KEPT_H
#define MEMMGR_KEPT_H

#include <linux/spinlock_types.h>
#include <linux/types.h>

/**
 * struct kept - whose entry of a log it is
 * @seq: number of the entry, counted from 1; 0: the slot is empty
 * @source: entries of one source have a share of their own; 0: no such source
 * @owner: client.serial of the client whose private heap it is about; 0: another heap
 * @uid: of the user who caused it; 0: root or the kernel
 */
struct kept {
	u64 seq;
	u64 source;
	u64 owner;
	u32 uid;
};

/**
 * struct kept_log - the entries of a log
 * @lock: the log's
 * @kept: whose they are
 * @entries: what they say
 * @slots: how many there are
 * @bytes: of each
 */
struct kept_log {
	raw_spinlock_t *lock;
	const struct kept *kept;
	const void *entries;
	u32 slots;
	u32 bytes;
};

u32 kept_place(const struct kept *kept, u32 slots, const struct kept *fresh, u32 most);
bool kept_next(const struct kept_log *log, u64 after, void *entry, struct kept *whose);

#endif /* MEMMGR_KEPT_H */
