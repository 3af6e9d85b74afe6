/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Who may touch an allocation, and where it is. */
#ifndef MEMMGR_HEAP_ACCESS_H
#define MEMMGR_HEAP_ACCESS_H

#include <linux/refcount.h>
#include <linux/types.h>
#include <uapi/linux/memmgr.h>

struct client;
struct memmgr_heap;
struct record;
struct region;

/**
 * struct violation - an access that was stopped, to be reported
 * @offset: in the allocation
 * @access: MEMMGR_ACCESS_*
 * @tag: of the allocation
 */
struct violation {
	u64 offset;
	u32 access;
	char tag[MEMMGR_TAG_LEN];
};

enum mapping_kind {
	MAPPING_RECORD,		/* an allocation, for its client */
	MAPPING_ARENA,		/* all of a private heap, for its client */
	MAPPING_EXPORT,		/* an allocation, through a dma-buf */
};

/**
 * struct mapping - what a VMA shows; shared by its copies and parts
 * @users: VMAs
 * @region: where
 * @heap: id
 * @serial: of the heap
 * @kind: enum mapping_kind
 * @guard: it begins with a guard page, and the allocation behind it
 * @final: the protection of the allocation will not change
 * @handle: of the allocation, unless it is an arena
 * @seq: of the allocation
 * @inset: where in its first page the allocation begins
 * @first: vm_pgoff of its first page
 * @populator: the task that maps its pages for a lease just now
 * @pages: of the allocation when it was mapped, without guard pages
 */
struct mapping {
	refcount_t users;
	struct region *region;
	u32 heap;
	u64 serial;
	u8 kind;
	bool guard;
	bool final;
	u64 handle;
	u64 seq;
	u32 inset;
	u32 first;
	u32 pages;
	const struct task_struct *populator;
};

int record_violated(struct memmgr_heap *heap, struct record *record, u64 offset,
		    u32 access, struct violation *violation);
void violation_report(const struct memmgr_heap *heap, const struct violation *violation);
int heap_copy_begin(struct memmgr_heap *heap, struct client *client, u64 handle,
		    u64 offset, u64 bytes, u32 access, u64 *place);
void heap_copy_end(struct memmgr_heap *heap, u64 handle);
int heap_map(struct memmgr_heap *heap, struct client *client, u32 window,
	     u64 offset, u64 bytes, struct mapping *mapping);
u32 heap_map_access(struct memmgr_heap *heap, const struct mapping *mapping);
int heap_map_place(struct memmgr_heap *heap, const struct mapping *mapping,
		   u64 offset, u32 access, bool fault, u64 *place);
int heap_protect(struct memmgr_heap *heap, struct client *client, u64 handle,
		 u32 access, bool seal);
void heap_map_end(struct memmgr_heap *heap, const struct mapping *mapping);
void heap_map_help(struct memmgr_heap *heap, const struct mapping *mapping, u64 offset);

#endif /* MEMMGR_HEAP_ACCESS_H */
