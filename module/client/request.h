/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Serving a client's request: fallbacks, compaction, waiting. */
#ifndef MEMMGR_CLIENT_REQUEST_H
#define MEMMGR_CLIENT_REQUEST_H

#include <linux/types.h>
#include <uapi/linux/memmgr.h>

struct client;
struct engine_refusal;
struct heap_answer;
struct heap_order;
struct heap_request;
struct memmgr_heap;

int heap_alloc(struct memmgr_heap *heap, struct client *client,
	       const struct heap_request *rq, struct heap_answer *answer,
	       struct engine_refusal *why);
int heap_alloc_some(struct memmgr_heap *heap, struct client *client,
		    const struct heap_request *rq, struct heap_order *order, u64 *handles,
		    u32 n, struct engine_refusal *why);
u32 heap_free_some(struct memmgr_heap *heap, struct client *client, const u64 *handles, u32 n);
int heap_free(struct memmgr_heap *heap, struct client *client, u64 handle);

#endif /* MEMMGR_CLIENT_REQUEST_H */
