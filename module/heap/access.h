/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Access to an allocation, by copying and through mappings, and its place. */
#ifndef MEMMGR_HEAP_ACCESS_H
#define MEMMGR_HEAP_ACCESS_H

#include <linux/types.h>
#include <uapi/linux/memmgr.h>

struct client;
struct memmgr_heap;
struct record;

/**
 * struct violation - an access that was refused, to be reported
 * @offset: offset in the allocation
 * @access: MEMMGR_ACCESS_*
 * @tag: tag of the allocation
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
 * struct heap_view - what a mapping shows of a heap; heap_map() fills it in
 * @heap: id of the heap
 * @serial: serial of the heap
 * @kind: enum mapping_kind
 * @guard: it begins with a guard page, which the allocation follows
 * @final: the protection of the allocation will not change
 * @populate: the first touch maps as much of it as one fault may
 * @handle: handle of the allocation, unless it is an arena
 * @seq: number of the allocation
 * @inset: offset of the allocation in its first page
 * @pages: pages of the allocation when it was mapped, without guard pages
 * @first: vm_pgoff of its first page
 */
struct heap_view {
	u32 heap;
	u64 serial;
	u8 kind;
	bool guard;
	bool final;
	bool populate;
	u64 handle;
	u64 seq;
	u32 inset;
	u32 pages;
	unsigned long first;
};

/**
 * struct heap_pages - a page that a mapping shows, and what may be mapped with it
 * @place: offset of the page in the region
 * @access: MEMMGR_ACCESS_* that it may be mapped for
 * @before: number of pages just before it, in the region too, that may be mapped as it is
 * @after: the same for the pages just behind it
 */
struct heap_pages {
	u64 place;
	u32 access;
	u32 before;
	u32 after;
};

/**
 * enum heap_look - the reason for which a page of a view is looked up
 * @LOOK_PROGRAM: the program accesses it: a page fault
 * @LOOK_LEASE: a lease maps it before the program accesses it
 * @LOOK_DEBUGGER: a debugger accesses it
 */
enum heap_look {
	LOOK_PROGRAM,
	LOOK_LEASE,
	LOOK_DEBUGGER,
};

int record_violated(struct memmgr_heap *heap, struct record *record, u64 offset,
		    u32 access, struct violation *violation);
void violation_report(const struct memmgr_heap *heap, const struct violation *violation);
int heap_copy_begin(struct memmgr_heap *heap, struct client *client, u64 handle,
		    u64 offset, u64 bytes, u32 access, u64 *place);
void heap_copy_end(struct memmgr_heap *heap, u64 handle);
int heap_map(struct memmgr_heap *heap, struct client *client, u32 window,
	     u64 offset, u64 bytes, struct heap_view *view);
u32 heap_map_access(struct memmgr_heap *heap, const struct heap_view *view);
int heap_map_place(struct memmgr_heap *heap, const struct heap_view *view,
		   u64 offset, u32 access, enum heap_look look, struct heap_pages *found);
int heap_protect(struct memmgr_heap *heap, struct client *client, u64 handle,
		 u32 access, bool seal);
void heap_map_end(struct memmgr_heap *heap, const struct heap_view *view);
void heap_map_help(struct memmgr_heap *heap, const struct heap_view *view, u64 offset);

#endif /* MEMMGR_HEAP_ACCESS_H */
