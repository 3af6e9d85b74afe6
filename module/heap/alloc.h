/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Allocations with a record. */
#ifndef MEMMGR_HEAP_ALLOC_H
#define MEMMGR_HEAP_ALLOC_H

#include <linux/types.h>
#include <uapi/linux/memmgr.h>

struct client;
struct engine_block;
struct engine_refusal;
struct engine_search;
struct memmgr_heap;
struct record;
struct record_copy;

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

void heap_failed(struct memmgr_heap *heap, u64 bytes, u64 align,
		 const struct engine_refusal *why);
bool heap_wait(struct memmgr_heap *heap, u32 seen, long *left, int *err);
void heap_clear(struct memmgr_heap *heap, u64 offset, u64 bytes);
void record_prepare(struct record_copy *wanted, struct client *client,
		    const struct heap_request *rq);
int request_check(const struct memmgr_heap *heap, const struct heap_request *rq);
int alloc_again(struct memmgr_heap *heap);
int alloc_locked(struct memmgr_heap *heap, struct record_copy *wanted,
		 struct engine_search *search, struct record **record,
		 struct engine_block *block, struct engine_refusal *why);
bool alloc_done(struct memmgr_heap *heap, struct record *record,
		const struct engine_block *block, bool zero, struct heap_answer *answer);
int alloc_finish(struct memmgr_heap *heap, u64 handle, bool zero,
		 const struct engine_block *block, struct heap_answer *answer);
bool wants_zero(const struct record *template);
int alloc_try(struct memmgr_heap *heap, struct record_copy *wanted,
	      struct heap_answer *answer, struct engine_refusal *why);

#endif /* MEMMGR_HEAP_ALLOC_H */
