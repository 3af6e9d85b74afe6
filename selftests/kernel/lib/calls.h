/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The calls of the device as functions that return 0 or a negative errno. */
#ifndef MEMMGR_CALLS_H
#define MEMMGR_CALLS_H

#include <linux/memmgr.h>

#define NO_OFFSET	(~0ull)	/* @map_offset of what cannot be mapped */
#define NO_HANDLE	0ull	/* never issued */

int mm_call(int fd, unsigned long command, void *argument);
int mm_query(int fd, struct memmgr_query *q);

/*
 * How far a place is from a multiple of @align: its address, or where root alone may see
 * that or there is none, its offset.
 */
__u64 mm_misaligned(int fd, __u64 offset, __u64 align);

int mm_heap_query(int fd, __u32 heap, struct memmgr_heap_query *q);
int mm_heap_next(int fd, __u32 heap, struct memmgr_heap_query *q);
int mm_heap_named(int fd, const char *name, struct memmgr_heap_query *q);
int mm_heap_create(int fd, struct memmgr_heap_create *c);
int mm_heap_destroy(int fd, __u32 heap, __u32 flags);
struct memmgr_alloc alloc_request(__u32 heap, __u64 bytes);
int mm_alloc(int fd, struct memmgr_alloc *a);
int mm_free(int fd, __u64 handle);
int mm_resize(int fd, __u64 handle, __u64 bytes, struct memmgr_resize *r);
int mm_mark(int fd, __u32 heap, __u64 *mark);
int mm_release(int fd, __u32 heap, __u64 mark, __u32 *released);
struct memmgr_copy copy_request(__u64 handle, __u64 offset, __u64 bytes, const void *ptr);
int mm_read(int fd, __u64 handle, __u64 offset, void *to, __u64 bytes);
int mm_write(int fd, __u64 handle, __u64 offset, const void *from, __u64 bytes);
int mm_info(int fd, __u64 handle, struct memmgr_info *i);
int mm_stats(int fd, __u32 heap, struct memmgr_stats *s);
int mm_frag(int fd, __u32 heap, struct memmgr_frag *f);

/* Prints what is broken, because the next call does not find it again. */
int mm_check(int fd, __u32 heap);

int mm_protect(int fd, __u64 handle, __u32 access, __u32 flags);
int mm_sync(int fd, __u64 handle, __u64 offset, __u64 bytes, __u32 flags);

/* The new file descriptor, or a negative errno. */
int mm_export(int fd, __u64 handle, __u32 flags);

/* One call: up to *@count entries from *@cursor on; both say how it went on. */
int mm_accounts(int fd, __u32 flags, struct memmgr_account *entries, __u32 *count, __u64 *cursor);

int mm_set_quota(int fd, __u32 flags, __u64 id, __u64 max_bytes, __u32 max_allocations);
int mm_explain(int fd, __u32 heap, __u64 bytes, __u64 align, struct memmgr_explain *e);
struct memmgr_compact compact_request(__u32 heap, __u32 flags, __u64 bytes);
int mm_compact(int fd, struct memmgr_compact *c);
int mm_empty(int fd, __u32 heap, __u64 offset, __u64 bytes, struct memmgr_compact *c);
struct memmgr_pin pin_request(__u64 handle, __u32 flags);
int mm_pin(int fd, __u64 handle, __u32 flags);
int mm_unpin(int fd, __u64 handle, __u32 flags);
int mm_health(int fd, struct memmgr_health *h);

/* Sets the thresholds in @h; the state of _ON is @flags. */
int mm_health_set(int fd, const struct memmgr_health *h, __u32 flags);

int mm_inject(int fd, struct memmgr_inject *inject);
int mm_alloc_batch(int fd, __u32 heap, __u32 flags, __u64 bytes, __u64 *handles, __u32 *count);
int mm_free_batch(int fd, const __u64 *handles, __u32 count);

#endif /* MEMMGR_CALLS_H */
