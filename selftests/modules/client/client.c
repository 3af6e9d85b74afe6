// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * An example of a driver that takes its memory from memmgr; copy from here.
 *
 * The device captures frames. Its interrupt takes a block from a pool and hands
 * it to a work item, which looks at the frame with temporary memory from a
 * stack, keeps a report in an object from a slab, and puts the frame back. The
 * device's descriptors lie in memory from a buddy heap.
 *
 *	kind	served to	because
 *	pool	the interrupt	a block in constant time, or none, at once
 *	stack	the work item	many temporary pieces, all dropped together
 *	slab	the reports	many of one size, in no order
 *	buddy	the ring	a few pages, physically contiguous
 *
 * Reading /sys/kernel/debug/memmgr_client/run runs the tests in test.c; writing a number
 * to capture, beside it, has the device capture so many frames.
 */
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include "client.h"
#include "kernels.h"

#define RING_BYTES	(3 * PAGE_SIZE)
#define FRAME_BYTES	256
#define PIECES		8	/* temporary pieces that a frame is looked at in */
#define CAPTURE_MAX	1000	/* frames at a time */

/* What the device writes into a block of the pool. */
struct frame {
	struct llist_node ready;
	u32 number;
	u8 data[FRAME_BYTES];
};

/* Heaps are found by name: the board's device tree, or who loads memmgr, names them. */
static char *heap_name[MEMMGR_KINDS] = {
	[MEMMGR_KIND_BUDDY]	= "main",
	[MEMMGR_KIND_SLAB]	= "objects",
	[MEMMGR_KIND_POOL]	= "frames",
	[MEMMGR_KIND_STACK]	= "scratch",
	[MEMMGR_KIND_TLSF]	= "pieces",
};

module_param_named(buddy, heap_name[MEMMGR_KIND_BUDDY], charp, 0444);
MODULE_PARM_DESC(buddy, "name of the heap for descriptors");
module_param_named(slab, heap_name[MEMMGR_KIND_SLAB], charp, 0444);
MODULE_PARM_DESC(slab, "name of the heap for reports");
module_param_named(pool, heap_name[MEMMGR_KIND_POOL], charp, 0444);
MODULE_PARM_DESC(pool, "name of the heap for frames");
module_param_named(stack, heap_name[MEMMGR_KIND_STACK], charp, 0444);
MODULE_PARM_DESC(stack, "name of the heap for temporary memory");
module_param_named(tlsf, heap_name[MEMMGR_KIND_TLSF], charp, 0444);
MODULE_PARM_DESC(tlsf, "name of the heap for what has any size");

static struct client client;
static DEFINE_MUTEX(client_lock);	/* one run of the tests at a time */
static struct dentry *client_dir;

/* --- the interrupt ------------------------------------------------------- */

/*
 * Hard interrupt context: memmgr_pool_get() neither sleeps nor calls the system
 * allocator. No block means that the frame is dropped, never that we wait.
 */
static void client_capture(struct client *c)
{
	struct frame *frame = memmgr_pool_get(c->heap[MEMMGR_KIND_POOL]);

	if (!frame) {
		c->dropped++;
		return;
	}
	frame->number = c->captured++;
	memset(frame->data, frame->number, FRAME_BYTES);
	llist_add(&frame->ready, &c->ready);
	schedule_work(&c->work);
}

static enum hrtimer_restart client_interrupt(struct hrtimer *timer)
{
	struct client *c = container_of(timer, struct client, timer);

	client_capture(c);
	if (!--c->left)
		return HRTIMER_NORESTART;
	hrtimer_forward_now(timer, c->period);
	return HRTIMER_RESTART;
}

/* --- the work item ------------------------------------------------------- */

/* Sums the frame up in pieces that need temporary memory; -ENOMEM without it. */
static int client_sum(struct client *c, const struct frame *frame, u32 *sum)
{
	struct memmgr_heap *scratch = c->heap[MEMMGR_KIND_STACK];
	u8 *piece;
	int i, j;

	*sum = 0;
	for (i = 0; i < PIECES; i++) {
		piece = memmgr_alloc(scratch, FRAME_BYTES / PIECES, 0, 0);
		if (!piece)
			return -ENOMEM;
		memcpy(piece, frame->data + i * FRAME_BYTES / PIECES, FRAME_BYTES / PIECES);
		for (j = 0; j < FRAME_BYTES / PIECES; j++)
			*sum += piece[j];
	}
	return 0;
}

static int client_report(struct client *c, const struct frame *frame, u32 sum)
{
	struct memmgr_heap *objects = c->heap[MEMMGR_KIND_SLAB];
	struct report *report = memmgr_alloc(objects, sizeof(*report), 0, MEMMGR_KALLOC_ZERO);
	int err;

	if (!report)
		return -ENOMEM;
	err = memmgr_phys(c->heap[MEMMGR_KIND_POOL], frame, &report->phys);
	if (err) {
		memmgr_free(objects, report);
		return err;
	}
	report->number = frame->number;
	report->sum = sum;
	list_add_tail(&report->list, &c->reports);
	return 0;
}

/*
 * The mark drops the temporary pieces together, whether all of them were had
 * or not. What lies above a mark must be ours alone: no two work items may use
 * one stack heap at the same time.
 */
static void client_process(struct client *c, const struct frame *frame)
{
	struct memmgr_heap *scratch = c->heap[MEMMGR_KIND_STACK];
	u64 mark;
	u32 sum;
	int err;

	err = memmgr_mark(scratch, &mark);
	if (!err) {
		err = client_sum(c, frame, &sum);
		err = err ?: client_report(c, frame, sum);
		err = memmgr_release(scratch, mark) ?: err;
	}
	if (err)
		c->lost++;
	else
		c->processed++;
}

static void client_work(struct work_struct *work)
{
	struct client *c = container_of(work, struct client, work);
	struct llist_node *list = llist_reverse_order(llist_del_all(&c->ready));
	struct frame *frame, *next;

	llist_for_each_entry_safe(frame, next, list, ready) {
		client_process(c, frame);
		WARN_ON(memmgr_pool_put(c->heap[MEMMGR_KIND_POOL], frame));
	}
}

/* --- start and stop ------------------------------------------------------ */

/* The device captures @frames frames, one each @period. */
void client_start(struct client *c, u32 frames, ktime_t period)
{
	c->left = frames;
	c->period = period;
	c->captured = 0;
	c->dropped = 0;
	c->processed = 0;
	c->lost = 0;
	hrtimer_start(&c->timer, period, HRTIMER_MODE_REL_HARD);
}

/* First the interrupt, which queues the work, then the work: all frames are back. */
void client_stop(struct client *c)
{
	hrtimer_cancel(&c->timer);
	flush_work(&c->work);
}

/* Until the frames that were to be captured are. */
void client_wait(struct client *c)
{
	while (hrtimer_active(&c->timer))
		msleep(20);
	client_stop(c);
}

void client_drop_reports(struct client *c)
{
	struct report *report, *next;

	list_for_each_entry_safe(report, next, &c->reports, list) {
		list_del(&report->list);
		WARN_ON(memmgr_free(c->heap[MEMMGR_KIND_SLAB], report));
	}
}

/* --- probe and remove ---------------------------------------------------- */

static void client_put_heaps(struct client *c)
{
	int kind;

	for (kind = 0; kind < MEMMGR_KINDS; kind++)
		if (c->heap[kind])
			memmgr_heap_put(c->heap[kind]);
}

/* Holding a heap keeps it from being destroyed, and memmgr from being unloaded. */
static int client_get_heaps(struct client *c)
{
	struct memmgr_heap *heap;
	int kind;

	for (kind = 0; kind < MEMMGR_KINDS; kind++) {
		heap = memmgr_heap_get(heap_name[kind]);
		if (IS_ERR(heap)) {
			pr_err("heap '%s': error %ld; create it first\n", heap_name[kind],
			       PTR_ERR(heap));
			return PTR_ERR(heap);
		}
		c->heap[kind] = heap;
		if (memmgr_heap_kind(heap) != kind) {
			pr_err("heap '%s' is of another kind\n", heap_name[kind]);
			return -EINVAL;
		}
	}
	return 0;
}

/* The ring stays where it is until it is freed: its address may go to the device. */
static int client_get_ring(struct client *c)
{
	struct memmgr_heap *heap = c->heap[MEMMGR_KIND_BUDDY];
	int err;

	c->ring = memmgr_alloc(heap, RING_BYTES, PAGE_SIZE, MEMMGR_KALLOC_ZERO);
	if (!c->ring)
		return -ENOMEM;
	err = memmgr_phys(heap, c->ring, &c->ring_phys);
	if (err)
		memmgr_free(heap, c->ring);
	return err;
}

/* Frames alone: what only the interrupt and the work item ask for and give back. */
static int client_set_capture(void *unused, u64 frames)
{
	struct client *c = &client;

	if (!frames || frames > CAPTURE_MAX)
		return -EINVAL;
	mutex_lock(&client_lock);
	client_start(c, frames, ns_to_ktime(200 * NSEC_PER_USEC));
	client_wait(c);
	client_drop_reports(c);
	mutex_unlock(&client_lock);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(client_capture_fops, NULL, client_set_capture, "%llu\n");

static int client_show(struct seq_file *file, void *unused)
{
	int err;

	mutex_lock(&client_lock);
	err = client_test(&client, file);
	mutex_unlock(&client_lock);
	return err;
}

/* The buffer holds the whole answer, so that the tests run once. */
static int client_open(struct inode *inode, struct file *file)
{
	return single_open_size(file, client_show, NULL, SZ_16K);
}

static const struct file_operations client_fops = {
	.owner		= THIS_MODULE,
	.open		= client_open,
	.read		= seq_read,
	.llseek		= seq_lseek,
	.release	= single_release,
};

static int __init client_init(void)
{
	struct client *c = &client;
	int err;

	INIT_LIST_HEAD(&c->reports);
	init_llist_head(&c->ready);
	INIT_WORK(&c->work, client_work);
	hrtimer_setup(&c->timer, client_interrupt, CLOCK_MONOTONIC, HRTIMER_MODE_REL_HARD);

	err = client_get_heaps(c);
	if (err)
		goto put_heaps;
	err = client_get_ring(c);
	if (err)
		goto put_heaps;

	client_dir = debugfs_create_dir("memmgr_client", NULL);
	debugfs_create_file("run", 0400, client_dir, NULL, &client_fops);
	debugfs_create_file("capture", 0200, client_dir, NULL, &client_capture_fops);
	return 0;

put_heaps:
	client_put_heaps(c);
	return err;
}

/* All memory goes back before the heaps do. */
static void __exit client_exit(void)
{
	struct client *c = &client;

	debugfs_remove(client_dir);
	client_stop(c);
	client_drop_reports(c);
	WARN_ON(memmgr_free(c->heap[MEMMGR_KIND_BUDDY], c->ring));
	client_put_heaps(c);
}

module_init(client_init);
module_exit(client_exit);
MODULE_DESCRIPTION("an example of a driver that takes its memory from memmgr");
MODULE_LICENSE("Dual MIT/GPL");
