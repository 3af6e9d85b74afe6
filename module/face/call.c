// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Functions that the handlers of ioctls share. */
#include <linux/uaccess.h>

#include "core/handle.h"
#include "face/call.h"
#include "heap/account.h"
#include "heap/heap.h"
#include "heap/lookup.h"
#include "heap/rights.h"

int call_find_heap(struct caller *caller, enum call_heap by, const void *field)
{
	struct memmgr_heap *heap;
	int err = 0;

	if (by == HEAP_HANDLE)
		heap = heap_get(caller->client->region, handle_heap(*(const u64 *)field));
	else
		heap = heap_get(caller->client->region, *(const u32 *)field);
	if (!heap)
		return by == HEAP_HANDLE ? -EBADF : -ENOENT;
	if (by == HEAP_ID)
		err = heap_own(heap, caller->client);
	else if (by != HEAP_HANDLE)
		err = heap_look(heap, caller->client);
	if (err && by == HEAP_LOOK && is_admin())
		err = 0;
	if (err)
		heap_put(heap);
	else
		caller->heap = heap;
	return err;
}

/* Convert a pointer of the caller. -EFAULT if this kernel's pointers cannot hold it. */
int call_pointer(u64 value, void __user **ptr)
{
	*ptr = u64_to_user_ptr(value);
	return (u64)(uintptr_t)*ptr == value ? 0 : -EFAULT;
}

bool text_ok(const char *text, size_t len)
{
	return strnlen(text, len) < len;
}

/* Write a list entry, as long as the caller knows it, and clear the rest of it. */
int entry_put(u64 entries, u32 index, u32 entry_size, const void *entry, u32 size)
{
	u32 n = min(size, entry_size);
	void __user *to;

	if (call_pointer(entries + (u64)index * entry_size, &to) ||
	    copy_to_user(to, entry, n) || clear_user(to + n, entry_size - n))
		return -EFAULT;
	return 0;
}

/* Are the count and size of the caller's entries valid? @least: first published size. */
noinline bool entries_ok(u32 count, u32 entry_size, u32 least)
{
	return count && count <= MEMMGR_BATCH_MAX && entry_size >= least &&
	       entry_size <= ENTRY_MAX;
}

u64 cursor_make(u32 heap, u32 index)
{
	return CURSOR_VALID | (u64)heap << 32 | index;
}

void heap_name_hide(char *name)
{
	strscpy_pad(name, "(private)", MEMMGR_NAME_LEN);
}

/* The check for calls that can both query and change. */
int caller_may_change(const struct caller *caller)
{
	if (!caller->writes)
		return -EACCES;
	return capable(CAP_SYS_ADMIN) ? 0 : -EPERM;
}

/*
 * Can the results be written? Checked before anything is done: the fault of a page that is
 * not writable happens here. The bytes written are those already there. One byte of each
 * page is enough, and a structure lies in at most two pages.
 */
bool call_writable(u8 __user *user, const union call_arg *known, u32 bytes)
{
	const u8 *last = (const u8 *)known + bytes - 1;
	u8 __user *user_last = user + bytes - 1;

	if (put_user(known->size, (u32 __user *)user))
		return false;
	return !(((unsigned long)user ^ (unsigned long)user_last) & PAGE_MASK) ||
	       !put_user(*last, user_last);
}
