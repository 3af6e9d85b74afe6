/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Allocations with a record. */
#ifndef MEMMGR_HEAP_ALLOC_H
#define MEMMGR_HEAP_ALLOC_H

#include <linux/types.h>
#include <uapi/linux/memmgr.h>

#include "core/engine.h"
#include "heap/record.h"

struct client;
struct memmgr_heap;

/**
 * struct heap_request - a client's request for an allocation
 * @bytes: size
 * @align: 0 or a power of two
 * @flags: MEMMGR_ALLOC_*
 * @timeout_ms: with MEMMGR_ALLOC_WAIT; 0: no limit
 * @tag: a name for people
 * @site: site of the call, if it is known
 */
struct heap_request {
	u64 bytes;
	u64 align;
	u32 flags;
	u32 timeout_ms;
	const char *tag;
	u32 site;
};

/**
 * struct heap_answer - what the caller of an allocation learns
 * @handle: its handle
 * @offset: its place in the region
 * @granted: bytes that it has
 * @map_offset: offset for mmap(), or ~0
 * @heap: id of the heap that served it
 */
struct heap_answer {
	u64 handle;
	u64 offset;
	u64 granted;
	u64 map_offset;
	u32 heap;
};

/**
 * struct heap_order - a request that is being served: prepared once, for all its tries
 * @wanted: the template of the record
 * @rq: the request to the engine; each try plans its size anew
 * @search: progress of a slow search
 * @zero: the memory is to be cleared
 * @done: the record of the last try is live already
 * @record: the record of the last try; its heap is locked
 * @handle: its handle
 * @block: its block
 * @answer: for the caller; filled in when the record is live
 * @why: the reason of a refusal
 */
struct heap_order {
	struct record_copy wanted;
	struct engine_request rq;
	struct engine_search search;
	bool zero;
	bool done;
	struct record *record;
	u64 handle;
	struct engine_block block;
	struct heap_answer *answer;
	struct engine_refusal *why;
};

void heap_failed(struct memmgr_heap *heap, u64 bytes, u64 align,
		 const struct engine_refusal *why);
bool heap_wait(struct memmgr_heap *heap, u32 seen, long *left, int *err);
void heap_clear(struct memmgr_heap *heap, u64 offset, u64 bytes);
void order_prepare(struct heap_order *order, struct client *client,
		   const struct heap_request *rq);
int request_check(const struct memmgr_heap *heap, const struct heap_request *rq);
int alloc_again(struct memmgr_heap *heap);
int alloc_locked(struct memmgr_heap *heap, struct heap_order *order);
int alloc_finish(struct memmgr_heap *heap, struct heap_order *order);
int alloc_try(struct memmgr_heap *heap, struct heap_order *order);
bool group_fits(const struct memmgr_heap *heap, const struct heap_request *rq);
u32 alloc_group(struct memmgr_heap *heap, struct heap_order *order, u64 *handles, u32 n);

#endif /* MEMMGR_HEAP_ALLOC_H */
