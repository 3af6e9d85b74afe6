// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Logs: which entry makes room for a new one. */
#include <linux/kernel.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "base/compat.h"
#include "base/kept.h"

/* Limits of the entries in a log: 1 / USER_PART for a user, OTHERS / 4 for all but root. */
#define USER_PART	4u
#define OTHERS		3u

/* Groups of entries that share a limit, the narrowest first. The last group is all slots. */
enum kept_group {
	KEPT_SOURCE,
	KEPT_USER,
	KEPT_OTHERS,
	KEPT_ALL,
};

static quick_inline bool kept_in(const struct kept *kept, const struct kept *fresh,
				 enum kept_group group)
{
	switch (group) {
	case KEPT_SOURCE:
		return kept->seq && kept->source == fresh->source;
	case KEPT_USER:
		return kept->seq && kept->uid == fresh->uid;
	case KEPT_OTHERS:
		return kept->seq && kept->uid;
	default:
		return true;
	}
}

/*
 * The oldest entry of a group to which the new one belongs, and the number of its entries.
 * The group is a constant, so that each search is a loop of a few instructions.
 */
static quick_inline u32 kept_oldest(const struct kept *kept, u32 slots,
				    const struct kept *fresh, enum kept_group group,
				    u32 *count)
{
	u64 seq = ~0ull;
	u32 i, oldest = 0;

	*count = 0;
	for (i = 0; i < slots; i++) {
		if (!kept_in(&kept[i], fresh, group))
			continue;
		++*count;
		if (kept[i].seq < seq) {
			seq = kept[i].seq;
			oldest = i;
		}
	}
	return oldest;
}

/**
 * kept_place - choose the slot for a new entry
 * @kept: owners of the entries
 * @slots: number of slots
 * @fresh: owner of the new entry
 * @most: largest number of entries of one source
 *
 * If a group that the new entry belongs to has reached its limit, the group's oldest entry
 * is replaced. Otherwise an empty slot is used, or the oldest entry of all is replaced.
 *
 * Context: the log's lock is held. O(slots).
 * Return: index of the slot.
 */
u32 kept_place(const struct kept *kept, u32 slots, const struct kept *fresh, u32 most)
{
	u32 i, n;

	if (fresh->source) {
		i = kept_oldest(kept, slots, fresh, KEPT_SOURCE, &n);
		if (n && n >= most)
			return i;
	}
	if (fresh->uid) {
		i = kept_oldest(kept, slots, fresh, KEPT_USER, &n);
		if (n && n >= slots / USER_PART)
			return i;
		i = kept_oldest(kept, slots, fresh, KEPT_OTHERS, &n);
		if (n && n >= slots / 4 * OTHERS)
			return i;
	}
	return kept_oldest(kept, slots, fresh, KEPT_ALL, &n);
}

/* Index of the entry that follows number @after; @slots if there is none. */
static u32 kept_find(const struct kept *kept, u32 slots, u64 after)
{
	u32 i, next = slots;

	for (i = 0; i < slots; i++)
		if (kept[i].seq > after && (next == slots || kept[i].seq < kept[next].seq))
			next = i;
	return next;
}

/**
 * kept_next - read the entry that follows a number
 * @log: the log
 * @after: the number
 * @entry: set to a copy of the entry
 * @whose: set to the owner of the entry
 *
 * Context: any, the log's lock not held. O(slots).
 * Return: false if there is no such entry.
 */
bool kept_next(const struct kept_log *log, u64 after, void *entry, struct kept *whose)
{
	unsigned long flags;
	u32 i;

	raw_spin_lock_irqsave(log->lock, flags);
	i = kept_find(log->kept, log->slots, after);
	if (i < log->slots) {
		memcpy(entry, log->entries + (size_t)i * log->bytes, log->bytes);
		*whose = log->kept[i];
	}
	raw_spin_unlock_irqrestore(log->lock, flags);
	return i < log->slots;
}
