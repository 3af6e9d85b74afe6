// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* What a heap is watched for is turned on and off. */
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "debug/key.h"
#include "heap/heap.h"

/* Changes of heap.debug, so that the key counts the heaps that have a feature on. */
static DEFINE_MUTEX(debug_mutex);

/**
 * debug_set - turn features of a heap on or off
 * @heap: the heap
 * @set: DEBUG_* that are on from now on
 * @clear: those that are off
 *
 * Context: process, may sleep.
 */
void debug_set(struct memmgr_heap *heap, u32 set, u32 clear)
{
	u32 before, after;

	mutex_lock(&debug_mutex);
	before = heap->debug;
	after = (before & ~clear) | set;
	/* First all calls look at the feature, then there is one: none misses the other. */
	if (!before && after)
		static_branch_inc(&debug_key);
	WRITE_ONCE(heap->debug, after);
	if (before && !after)
		static_branch_dec(&debug_key);
	mutex_unlock(&debug_mutex);
}

/**
 * debug_who - who is running
 * @pid: its thread group; 0: an interrupt
 * @tid: its thread; the same
 * @comm: its command name
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
