// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Turns the features of a heap on and off. */
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "debug/key.h"
#include "heap/heap.h"

/* Held to change heap.debug, so that the key counts the heaps with a feature on. */
static DEFINE_MUTEX(debug_mutex);

/**
 * debug_set - turn features of a heap on or off
 * @heap: the heap
 * @set: DEBUG_* to turn on
 * @clear: DEBUG_* to turn off
 *
 * Context: process, may sleep.
 */
void debug_set(struct memmgr_heap *heap, u32 set, u32 clear)
{
	u32 before, after;

	mutex_lock(&debug_mutex);
	before = heap->debug;
	after = (before & ~clear) | set;
	/* Enable the static key before the flag: no call sees the flag on the fast path. */
	if (!before && after)
		static_branch_inc(&debug_key);
	WRITE_ONCE(heap->debug, after);
	if (before && !after)
		static_branch_dec(&debug_key);
	mutex_unlock(&debug_mutex);
}

/**
 * debug_who - identify the running task
 * @pid: set to its thread group; 0: an interrupt
 * @tid: set to its thread; 0: an interrupt
 * @comm: set to its command name
 *
 * Context: any. O(1).
 */
void debug_who(u32 *pid, u32 *tid, char comm[MEMMGR_COMM_LEN])
{
	*pid = in_task() ? task_tgid_nr(current) : 0;
	*tid = in_task() ? task_pid_nr(current) : 0;
	/* Without task_lock(), which may sleep on a real-time kernel. */
	strscpy(comm, in_task() ? current->comm : "(interrupt)", MEMMGR_COMM_LEN);
}
