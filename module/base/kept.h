/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Logs that keep their last entries, and the owner of each entry. The limits of kept_place()
 * prevent that one user pushes out the entries of others.
 */
#ifndef MEMMGR_KEPT_H
#define MEMMGR_KEPT_H

#include <linux/spinlock_types.h>
#include <linux/types.h>

/**
 * struct kept - the owner of one entry of a log
 * @seq: number of the entry, counted from 1; 0: the slot is empty
 * @source: entries of one source share a limit of their own; 0: no such source
 * @owner: client.serial of the client whose private heap the entry is about; 0: another heap
 * @uid: user who caused the entry; 0: root or the kernel
 */
struct kept {
	u64 seq;
	u64 source;
	u64 owner;
	u32 uid;
};

/**
 * struct kept_log - the entries of a log
 * @lock: lock of the log
 * @kept: owners of the entries
 * @entries: contents of the entries
 * @slots: number of slots
 * @bytes: size of one entry
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
