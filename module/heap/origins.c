// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Origins: the makers and tags of a heap's allocations. A program makes many allocations with
 * few tags, so their records share an origin. To look for an equal one costs a single
 * comparison: a hint, chosen by a hash, names the entry to compare with. If it is not equal,
 * the record gets an entry of its own, even if an equal one exists elsewhere. So no program
 * can make others search, and whoever defeats the hints only uses more memory of the heap.
 *
 * Each record in use has one origin, so a heap never needs more origins than records. Both
 * tables are made by heap/records.c.
 */
#include <linux/align.h>
#include <linux/hash.h>
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/string.h>

#include "heap/heap.h"
#include "heap/origins.h"

/* Number of records that have an origin. 0: its entry is free, or there is no such entry. */
u32 origin_uses(const struct memmgr_heap *heap, u32 i)
{
	heap_assert_locked(heap);
	return i < heap->table.origins.made ? origin_entry(heap, i)->uses : 0;
}

static_assert(IS_ALIGNED(MEMMGR_TAG_LEN, 4) && IS_ALIGNED(offsetof(struct origin, tag), 4));
static_assert(IS_ALIGNED(MEMMGR_COMM_LEN, 4) && IS_ALIGNED(offsetof(struct origin, comm), 4));

/*
 * The hint for an origin. A sum is good enough. Of a tag all bytes count, as many tags differ
 * in the last ones alone. Threads of one program differ in @tid.
 */
static u32 *origin_hint(struct memmgr_heap *heap, const struct origin *origin)
{
	const u32 *tag = (const u32 *)origin->tag;
	u32 sum = origin->tid;
	u32 i;

	/* Behind its end a tag is 0. */
	for (i = 0; i < MEMMGR_TAG_LEN / sizeof(u32) && tag[i]; i++)
		sum += tag[i];

	return &heap->table.hints[hash_32(sum, ilog2(ORIGIN_HINTS))];
}

/* Are two texts equal that end with zeros? They are compared by words, up to their end. */
static bool text_is(const char *a, const char *b, u32 size)
{
	u32 i;

	for (i = 0; i < size; i += sizeof(u32)) {
		if (*(const u32 *)(a + i) != *(const u32 *)(b + i))
			return false;
		if (!a[i + sizeof(u32) - 1])
			break;
	}
	return true;
}

static bool origin_is(const struct origin_entry *entry, const struct origin *wanted)
{
	const struct origin *has = &entry->origin;

	return entry->uses && uid_eq(has->uid, wanted->uid) && has->pid == wanted->pid &&
	       has->tid == wanted->tid && text_is(has->comm, wanted->comm, sizeof(has->comm)) &&
	       text_is(has->tag, wanted->tag, sizeof(has->tag));
}

/**
 * origin_take - find or make the origin of new records
 * @heap: heap of the records, locked; it has a free entry, see record_ready()
 * @wanted: the origin; behind a tag of no bytes the rest of the tag is not read
 * @n: number of records
 *
 * Context: any. O(1): one comparison.
 * Return: number of the origin, for origin_put().
 */
u32 origin_take(struct memmgr_heap *heap, const struct origin *wanted, u32 n)
{
	u32 *hint = origin_hint(heap, wanted);
	struct origin_entry *entry;

	heap_assert_locked(heap);
	if (*hint != RECORD_NONE) {
		entry = origin_entry(heap, *hint);
		if (origin_is(entry, wanted)) {
			entry->uses += n;
			return *hint;
		}
	}
	*hint = heap->table.origins.free;
	entry = origin_entry(heap, *hint);
	heap->table.origins.free = entry->next;
	entry->uses = n;
	entry->origin = *wanted;
	if (!wanted->tag[0])
		memset(entry->origin.tag, 0, sizeof(entry->origin.tag));
	return *hint;
}

/* @n records with this origin end. */
void origin_put(struct memmgr_heap *heap, u32 i, u32 n)
{
	struct origin_entry *entry = origin_entry(heap, i);

	heap_assert_locked(heap);
	entry->uses -= n;
	if (entry->uses)
		return;
	entry->next = heap->table.origins.free;
	heap->table.origins.free = i;
}
