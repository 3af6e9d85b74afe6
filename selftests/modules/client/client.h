/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
#ifndef _MEMMGR_CLIENT_H
#define _MEMMGR_CLIENT_H

#include <linux/hrtimer.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/types.h>
#include <linux/workqueue.h>
#include <linux/memmgr.h>

struct seq_file;

/**
 * struct client - a driver of a device that captures frames
 * @heap: its heaps, one of each kind
 * @ring: descriptors that the device reads; from the buddy heap
 * @ring_phys: where the device finds them
 * @timer: stands for the device's interrupt
 * @period: of the interrupt
 * @left: interrupts to come; interrupt only, once the timer runs
 * @captured: frames handed to the work item; interrupt only
 * @dropped: frames for which there was no block; interrupt only
 * @ready: frames that wait for the work item
 * @work: processes frames
 * @processed: frames that became a report; work item only
 * @lost: frames for which scratch memory or a report was lacking; work item only
 * @reports: what became of the frames; work item only
 */
struct client {
	struct memmgr_heap *heap[MEMMGR_KINDS];
	void *ring;
	phys_addr_t ring_phys;
	struct hrtimer timer;
	ktime_t period;
	u32 left;
	u32 captured;
	u32 dropped;
	struct llist_head ready;
	struct work_struct work;
	u32 processed;
	u32 lost;
	struct list_head reports;
};

/**
 * struct report - what the driver keeps of a frame; from the slab heap
 * @list: in the client's reports
 * @number: of the frame
 * @sum: of the bytes of the frame
 * @phys: where the frame lay
 */
struct report {
	struct list_head list;
	u32 number;
	u32 sum;
	phys_addr_t phys;
};

void client_start(struct client *c, u32 frames, ktime_t period);
void client_wait(struct client *c);
void client_stop(struct client *c);
void client_drop_reports(struct client *c);

int client_test(struct client *c, struct seq_file *out);

#endif /* _MEMMGR_CLIENT_H */
