/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The rights of users to see a heap and to allocate from it. */
#ifndef MEMMGR_HEAP_RIGHTS_H
#define MEMMGR_HEAP_RIGHTS_H

#include <linux/types.h>
#include <uapi/linux/memmgr.h>

#include "heap/heap.h"

struct client;
struct region;

#define HEAP_SEE	4u	/* the bits of a mode */
#define HEAP_TAKE	2u
#define RIGHTS_EACH	0111u	/* times a right of one class: the right of all classes */

bool heap_mode_ok(u32 mode);
void heap_rights_begin(struct memmgr_heap *heap, const struct memmgr_heap_create *c);
struct heap_rights heap_rights_of(struct memmgr_heap *heap);
int heap_own(const struct memmgr_heap *heap, const struct client *client);
int heap_allows(struct memmgr_heap *heap, const struct client *client, u32 wanted);
bool heap_told(struct region *region, const struct client *client, u32 id, const char *name,
	       u64 owner);
int heap_may_make(struct region *region, const struct client *client,
		  const struct memmgr_heap_create *c);
int heap_set_rights(struct memmgr_heap *heap, const struct memmgr_heap_rights *r);

/* May all users allocate from the heap? Then it makes no difference who asks. */
static inline bool heap_is_open(const struct memmgr_heap *heap)
{
	return !(heap->flags & MEMMGR_HEAP_PRIVATE) &&
	       !(HEAP_TAKE * RIGHTS_EACH & ~READ_ONCE(heap->rights.mode));
}

/* May the caller allocate from the heap? */
static inline int heap_may_use(struct memmgr_heap *heap, const struct client *client)
{
	return heap_is_open(heap) ? 0 : heap_allows(heap, client, HEAP_TAKE);
}

/* May the caller see the heap? Not if it is another client's private heap. */
static inline int heap_look(struct memmgr_heap *heap, const struct client *client)
{
	return heap_allows(heap, client, HEAP_SEE);
}

#endif /* MEMMGR_HEAP_RIGHTS_H */
