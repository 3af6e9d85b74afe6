/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Functions that the handlers of ioctls share. */
#ifndef MEMMGR_FACE_CALL_H
#define MEMMGR_FACE_CALL_H

#include <linux/types.h>
#include <uapi/linux/memmgr.h>

struct client;
struct memmgr_heap;

/**
 * struct caller - one call: its client, and what the table of calls found for it
 * @client: the client of the file
 * @writes: the file was opened for writing
 * @heap: the heap of the id or handle in the argument, for calls that take one
 * @file: installed for the caller once the answer has been copied out
 * @made: something has to be undone if the answer cannot be copied out
 * @began: ALLOC_BATCH: a time before its first allocation
 */
struct caller {
	struct client *client;
	bool writes;
	struct memmgr_heap *heap;
	struct file *file;
	bool made;
	u64 began;
};

/* How a call names its heap, and which callers may name it. */
enum call_heap {
	HEAP_NONE,
	HEAP_ID,	/* by id; another client's private heap is refused */
	HEAP_READ,	/* by id; the caller must have the right to see it */
	HEAP_LOOK,	/* like HEAP_READ, but the administrator also sees private heaps */
	HEAP_HANDLE,	/* by handle; the record tells which callers may use it */
};

#define ENTRY_MAX	4096u

/* A cursor holds the next heap and record, and one bit that keeps it from being 0. */
#define CURSOR_VALID	(1ull << 63)

/* Large enough for every structure of the table. */
union call_arg {
	u32 size;
	struct memmgr_info info;
	struct memmgr_heap_create create;
	struct memmgr_heap_query query;
	struct memmgr_stats stats;
	struct memmgr_frag frag;
	struct memmgr_explain explain;
	struct memmgr_compact compact;
	struct memmgr_latency latency;
};

int call_find_heap(struct caller *caller, enum call_heap by, const void *field);
int call_pointer(u64 value, void __user **ptr);
bool text_ok(const char *text, size_t len);
int entry_put(u64 entries, u32 index, u32 entry_size, const void *entry, u32 size);
bool entries_ok(u32 count, u32 entry_size, u32 least);
u64 cursor_make(u32 heap, u32 index);
void heap_name_hide(char *name);
int caller_may_change(const struct caller *caller);
bool call_writable(u8 __user *user, const union call_arg *known, u32 bytes);

#endif /* MEMMGR_FACE_CALL_H */
