// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The table of ioctls: it checks and copies arguments and answers, and has no other logic. */
#include <linux/fs.h>
#include <linux/nospec.h>
#include <linux/uaccess.h>

#include "base/compat.h"
#include "face/call.h"
#include "face/calls_alloc.h"
#include "face/calls_debug.h"
#include "face/calls_heap.h"
#include "face/calls_move.h"
#include "face/calls_share.h"
#include "face/ioctl.h"
#include "heap/account.h"
#include "heap/lookup.h"
#include "region/stop.h"
#include "region/region.h"

/* Results that are written back into the structure of a call. */
enum call_results {
	NO_RESULTS,
	ANSWER,		/* the call only answers, so a lost answer does no harm */
	RESULTS,	/* checked to be writable before the call does anything */
};

#define CALL_BYTES_MAX	4096	/* of a structure, whatever the size of a page */

#define CHANGES		true
#define LOOKS		false

#define CALL(nr, name, type, last, changes, results, by, field, undo, keep)	\
	[_IOC_NR(nr)] = { name, undo, keep, offsetofend(struct type, last),	\
			  sizeof(struct type), offsetof(struct type, field),	\
			  by, changes, results }

/*
 * One line for each call: its number; its function; its structure, and the last field of
 * the structure's first published form; whether it changes anything; whether the structure
 * has results; how and by which field it names its heap; what to do if the answer did not,
 * or did, reach the caller.
 */
static const struct call {
	int (*function)(struct caller *caller, void *arg);
	void (*undo)(struct caller *caller, void *arg);
	void (*keep)(struct caller *caller, void *arg);
	u16 least;
	u16 size;
	u16 field;
	u8 by;
	bool changes;
	u8 results;
} calls[] = {
	CALL(MEMMGR_IOC_QUERY, call_query, memmgr_query, name,
	     LOOKS, ANSWER, HEAP_NONE, size, NULL, NULL),
	CALL(MEMMGR_IOC_HEAP_CREATE, call_heap_create, memmgr_heap_create, largest,
	     CHANGES, RESULTS, HEAP_NONE, size, undo_heap_create, NULL),
	CALL(MEMMGR_IOC_HEAP_DESTROY, call_heap_destroy, memmgr_heap_destroy, reserved,
	     CHANGES, NO_RESULTS, HEAP_NONE, size, NULL, NULL),
	CALL(MEMMGR_IOC_HEAP_QUERY, call_heap_query, memmgr_heap_query, map_size,
	     LOOKS, ANSWER, HEAP_NONE, size, NULL, NULL),
	CALL(MEMMGR_IOC_ALLOC, call_alloc, memmgr_alloc, largest,
	     CHANGES, RESULTS, HEAP_ID, heap, undo_alloc, NULL),
	CALL(MEMMGR_IOC_FREE, call_free, memmgr_free, handle,
	     CHANGES, NO_RESULTS, HEAP_NONE, size, NULL, NULL),
	CALL(MEMMGR_IOC_RESIZE, call_resize, memmgr_resize, largest,
	     CHANGES, RESULTS, HEAP_HANDLE, handle, NULL, NULL),
	CALL(MEMMGR_IOC_ALLOC_BATCH, call_alloc_batch, memmgr_alloc_batch, largest,
	     CHANGES, RESULTS, HEAP_NONE, size, undo_alloc_batch, NULL),
	CALL(MEMMGR_IOC_FREE_BATCH, call_free_batch, memmgr_free_batch, handles,
	     CHANGES, RESULTS, HEAP_NONE, size, NULL, NULL),
	CALL(MEMMGR_IOC_MARK, call_mark, memmgr_mark, mark,
	     LOOKS, ANSWER, HEAP_READ, heap, NULL, NULL),
	CALL(MEMMGR_IOC_RELEASE, call_release, memmgr_mark, mark,
	     CHANGES, RESULTS, HEAP_ID, heap, NULL, NULL),
	CALL(MEMMGR_IOC_READ, call_read, memmgr_copy, ptr,
	     LOOKS, RESULTS, HEAP_HANDLE, handle, NULL, NULL),
	CALL(MEMMGR_IOC_WRITE, call_write, memmgr_copy, ptr,
	     CHANGES, RESULTS, HEAP_HANDLE, handle, NULL, NULL),
	CALL(MEMMGR_IOC_ALLOC_QUERY, call_alloc_query, memmgr_info, tag,
	     LOOKS, ANSWER, HEAP_HANDLE, handle, NULL, NULL),
	CALL(MEMMGR_IOC_LIST, call_list, memmgr_list, entries,
	     LOOKS, RESULTS, HEAP_NONE, size, NULL, NULL),
	CALL(MEMMGR_IOC_STATS, call_stats, memmgr_stats, classes,
	     LOOKS, ANSWER, HEAP_LOOK, heap, NULL, NULL),
	CALL(MEMMGR_IOC_FRAG, call_frag, memmgr_frag, index,
	     LOOKS, ANSWER, HEAP_LOOK, heap, NULL, NULL),
	CALL(MEMMGR_IOC_CHECK, call_check, memmgr_check, what,
	     LOOKS, RESULTS, HEAP_LOOK, heap, NULL, NULL),
	CALL(MEMMGR_IOC_MAP, call_map, memmgr_map, cells,
	     LOOKS, RESULTS, HEAP_NONE, size, NULL, NULL),
	CALL(MEMMGR_IOC_FAILURES, call_failures, memmgr_failures, entries,
	     LOOKS, RESULTS, HEAP_NONE, size, NULL, NULL),
	CALL(MEMMGR_IOC_PROTECT, call_protect, memmgr_protect, reserved,
	     CHANGES, NO_RESULTS, HEAP_HANDLE, handle, NULL, NULL),
	CALL(MEMMGR_IOC_SYNC, call_sync, memmgr_sync, bytes,
	     LOOKS, NO_RESULTS, HEAP_HANDLE, handle, NULL, NULL),
	CALL(MEMMGR_IOC_EXPORT, call_export, memmgr_export, reserved,
	     CHANGES, RESULTS, HEAP_HANDLE, handle, undo_export, keep_export),
	CALL(MEMMGR_IOC_ACCOUNTS, call_accounts, memmgr_accounts, entries,
	     LOOKS, RESULTS, HEAP_NONE, size, NULL, NULL),
	CALL(MEMMGR_IOC_SET_QUOTA, call_set_quota, memmgr_quota, reserved,
	     CHANGES, NO_RESULTS, HEAP_NONE, size, NULL, NULL),
	CALL(MEMMGR_IOC_EXPLAIN, call_explain, memmgr_explain, best_run,
	     LOOKS, ANSWER, HEAP_LOOK, heap, NULL, NULL),
	CALL(MEMMGR_IOC_COMPACT, call_compact, memmgr_compact, reserved,
	     LOOKS, RESULTS, HEAP_READ, heap, NULL, NULL),
	CALL(MEMMGR_IOC_PIN, call_pin, memmgr_pin, mine,
	     CHANGES, RESULTS, HEAP_HANDLE, handle, undo_pin, NULL),
	CALL(MEMMGR_IOC_UNPIN, call_unpin, memmgr_pin, mine,
	     CHANGES, RESULTS, HEAP_HANDLE, handle, NULL, NULL),
	CALL(MEMMGR_IOC_HEALTH, call_health, memmgr_health, events,
	     LOOKS, RESULTS, HEAP_NONE, size, NULL, NULL),
	CALL(MEMMGR_IOC_INJECT, call_inject, memmgr_inject, failed,
	     LOOKS, RESULTS, HEAP_NONE, size, NULL, NULL),
	CALL(MEMMGR_IOC_TRACK, call_track, memmgr_track, sites_lost,
	     LOOKS, RESULTS, HEAP_LOOK, heap, NULL, NULL),
	CALL(MEMMGR_IOC_SITES, call_sites, memmgr_sites, entries,
	     LOOKS, RESULTS, HEAP_NONE, size, NULL, NULL),
	CALL(MEMMGR_IOC_LATENCY, call_latency, memmgr_latency, op,
	     LOOKS, RESULTS, HEAP_LOOK, heap, NULL, NULL),
	CALL(MEMMGR_IOC_DEBUG, call_debug, memmgr_debug, reserved,
	     LOOKS, RESULTS, HEAP_LOOK, heap, NULL, NULL),
	CALL(MEMMGR_IOC_CORRUPTIONS, call_corruptions, memmgr_corruptions, entries,
	     LOOKS, RESULTS, HEAP_NONE, size, NULL, NULL),
	CALL(MEMMGR_IOC_HEAP_RIGHTS, call_heap_rights, memmgr_heap_rights, gid,
	     CHANGES, NO_RESULTS, HEAP_ID, heap, NULL, NULL),
};

/* The layout of the ABI is the same everywhere. Any change here is a mistake. */
static_assert(sizeof(struct memmgr_query) == 96);
static_assert(sizeof(struct memmgr_heap_create) == 136);
static_assert(sizeof(struct memmgr_heap_destroy) == 16);
static_assert(sizeof(struct memmgr_heap_rights) == 24);
static_assert(sizeof(struct memmgr_heap_query) == 160);
static_assert(sizeof(struct memmgr_alloc) == 128);
static_assert(sizeof(struct memmgr_free) == 16);
static_assert(sizeof(struct memmgr_resize) == 48);
static_assert(sizeof(struct memmgr_alloc_batch) == 96);
static_assert(sizeof(struct memmgr_free_batch) == 24);
static_assert(sizeof(struct memmgr_mark) == 24);
static_assert(sizeof(struct memmgr_copy) == 40);
static_assert(sizeof(struct memmgr_info) == 192);
static_assert(sizeof(struct memmgr_list) == 40);
static_assert(sizeof(struct memmgr_stats) == 520);
static_assert(sizeof(struct memmgr_frag) == 824);
static_assert(sizeof(struct memmgr_check) == 88);
static_assert(sizeof(struct memmgr_cell) == 16);
static_assert(sizeof(struct memmgr_map) == 32);
static_assert(sizeof(struct memmgr_failure) == 112);
static_assert(sizeof(struct memmgr_failures) == 40);
static_assert(sizeof(struct memmgr_protect) == 24);
static_assert(sizeof(struct memmgr_sync) == 32);
static_assert(sizeof(struct memmgr_export) == 24);
static_assert(sizeof(struct memmgr_account) == 128);
static_assert(sizeof(struct memmgr_accounts) == 32);
static_assert(sizeof(struct memmgr_quota) == 56);
static_assert(BIT(ACCOUNT_ITEMS) - 1 == MEMMGR_LIMIT_ALL);
/* client_set_quota() reads the limits by their position. */
static_assert(offsetof(struct memmgr_quota, max_records) ==
	      offsetof(struct memmgr_quota, max_heaps) +
	      (ACCOUNT_RECORDS - ACCOUNT_HEAPS) * sizeof(u32));
static_assert(sizeof(struct memmgr_explain) == 760);
static_assert(sizeof(struct memmgr_compact) == 272);
static_assert(sizeof(struct memmgr_pin) == 40);
static_assert(sizeof(struct memmgr_health) == 80);
static_assert(sizeof(struct memmgr_event) == 64);
static_assert(sizeof(struct memmgr_inject) == 64);
static_assert(sizeof(struct memmgr_track) == 48);
static_assert(sizeof(struct memmgr_latency_worst) == 104);
static_assert(sizeof(struct memmgr_latency_op) == 400);
static_assert(sizeof(struct memmgr_latency) == 824);
static_assert(sizeof(struct memmgr_site) == 624);
static_assert(sizeof(struct memmgr_sites) == 32);
static_assert(sizeof(struct memmgr_debug) == 80);
static_assert(sizeof(struct memmgr_corruptions) == 40);
static_assert(sizeof(struct memmgr_corruption) == 312);

/* call_writable() checks only two bytes of a structure. */
static_assert(sizeof(union call_arg) <= CALL_BYTES_MAX);

/*
 * Copy an argument of the size that this build knows. Programs make two of the calls all the
 * time: a copy of a size that the compiler knows needs no check by hardened user copies.
 */
static __always_inline unsigned long copy_known(union call_arg *known, const void __user *user,
						u32 size)
{
	if (size == sizeof(struct memmgr_alloc))
		return copy_from_user(known, user, sizeof(struct memmgr_alloc));
	if (size == sizeof(struct memmgr_free))
		return copy_from_user(known, user, sizeof(struct memmgr_free));
	return copy_from_user(known, user, size);
}

/* The other way. */
static __always_inline unsigned long copy_answer(void __user *user, const union call_arg *known,
						 u32 size)
{
	if (!IS_ENABLED(CONFIG_MEMMGR_LEAN) && size == sizeof(struct memmgr_alloc))
		return copy_to_user(user, known, sizeof(struct memmgr_alloc));
	return copy_to_user(user, known, size);
}

/* Find the heap that the argument names, and run the call. */
static int call_run(const struct call *call, struct caller *caller, void *arg)
{
	int err = 0;

	if (call->by != HEAP_NONE)
		err = call_find_heap(caller, call->by, arg + call->field);
	return err ? err : call->function(caller, arg);
}

/*
 * Run the call, then copy its answer out, also after a failure, because the answer has the
 * reason. Another thread may have taken the memory away after call_writable(). Then the
 * caller would never learn of the objects that the call made, so they are unmade.
 */
static int call_answer(const struct call *call, struct caller *caller, union call_arg *known,
		       u8 __user *user, u32 bytes)
{
	int err;

	if (call->results == NO_RESULTS)
		return call_run(call, caller, known);
	if (call->results == RESULTS && !call_writable(user, known, bytes))
		return -EFAULT;
	err = call_run(call, caller, known);
	caller->made |= !err;
	if (call->undo)
		stop_here(caller->client->region, STOP_MADE);
	if (copy_answer(user, known, bytes)) {
		if (caller->made && call->undo)
			call->undo(caller, known);
		return -EFAULT;
	}
	if (!err && call->keep)
		call->keep(caller, known);
	return err;
}

/* Copy in an argument of any size that the ABI allows. */
static noinline int copy_other(const struct call *call, union call_arg *known,
			       const void __user *user)
{
	u32 size;
	int err;

	if (get_user(size, (const u32 __user *)user))
		return -EFAULT;
	if (size < call->least)
		return -EINVAL;
	if (size > CALL_BYTES_MAX)
		return -E2BIG;
	err = copy_struct_from_user(known, call->size, user, size);
	known->size = size;
	return err;
}

/*
 * Copy in the argument of a call. Most programs know its structure as this build does, so that
 * is tried first: it takes one copy. A shorter structure may be the last bytes of its memory.
 */
static __always_inline int call_argument(const struct call *call, union call_arg *known,
					 const void __user *user)
{
	if (!IS_ENABLED(CONFIG_MEMMGR_LEAN) && !copy_known(known, user, call->size) &&
	    likely(known->size == call->size))
		return 0;
	return copy_other(call, known, user);
}

long dev_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct caller caller __uninitialized;
	void __user *user = (void __user *)arg;
	const struct call *call;
	/* call_argument() fills all bytes of the call's structure; no others are read. */
	union call_arg known __uninitialized;
	int err;

	caller.client = file->private_data;
	caller.writes = file->f_mode & FMODE_WRITE;
	caller.heap = NULL;
	caller.file = NULL;
	caller.made = false;
	caller.began = 0;
	if (region_is_gone(caller.client->region))
		return -ENODEV;
	if (_IOC_TYPE(cmd) != MEMMGR_IOC_MAGIC || cmd != _IO(MEMMGR_IOC_MAGIC, _IOC_NR(cmd)) ||
	    _IOC_NR(cmd) >= ARRAY_SIZE(calls))
		return -ENOTTY;
	call = &calls[array_index_nospec(_IOC_NR(cmd), ARRAY_SIZE(calls))];
	if (!call->function)
		return -ENOTTY;
	err = call_argument(call, &known, user);
	if (err)
		return err;
	if (call->changes && !caller.writes)
		return -EACCES;
	err = call_answer(call, &caller, &known, user, min_t(u32, known.size, call->size));
	if (caller.heap)
		heap_put(caller.heap);
	return err;
}
