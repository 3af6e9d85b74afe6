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
struct viewer;

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

void heap_failed(struct memmgr_heap *heap, u64 bytes, u64 align,
		 const struct engine_refusal *why);
bool heap_wait(struct memmgr_heap *heap, u32 seen, long *left, int *err);
void heap_clear(struct memmgr_heap *heap, u64 offset, u64 bytes);
void record_prepare(struct record_copy *wanted, struct client *client,
		    const struct heap_request *rq);
int request_check(const struct memmgr_heap *heap, const struct heap_request *rq);
int alloc_again(struct memmgr_heap *heap);
int alloc_locked(struct memmgr_heap *heap, struct record_copy *wanted,
		 struct engine_search *search, u64 *handle, struct engine_block *block,
		 struct engine_refusal *why);
int alloc_finish(struct memmgr_heap *heap, const struct viewer *viewer, u64 handle,
		 bool zero, const struct engine_block *block, struct memmgr_info *info);
bool wants_zero(const struct record *template);
int alloc_try(struct memmgr_heap *heap, struct record_copy *wanted,
	      const struct viewer *viewer, struct memmgr_info *info,
	      struct engine_refusal *why);

#endif /* MEMMGR_HEAP_ALLOC_H */
