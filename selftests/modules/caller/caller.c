// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Kernel code that allocates as a program tells it, and touches what it has not got. */
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/io.h>
#include <linux/kthread.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/memmgr.h>
#include "caller.h"
#include "kernels.h"

/**
 * struct block - a block that was asked for
 * @ptr: where it is, or was
 * @bytes: of it
 * @live: it has not been freed
 */
struct block {
	u8 *ptr;
	size_t bytes;
	bool live;
};

/**
 * struct caller - an open file
 * @lock: guards the rest
 * @heap: that it allocates from
 * @block: what it got there
 * @many: pointers of a call for many blocks
 */
struct caller {
	struct mutex lock;	/* one call at a time */
	struct memmgr_heap *heap;
	struct block block[CALLER_BLOCKS];
	void *many[CALLER_BLOCKS];
};

static int caller_hold(struct caller *c, struct caller_call *call)
{
	struct memmgr_heap *heap;

	if (c->heap)
		return -EBUSY;
	call->heap[CALLER_NAME - 1] = 0;
	heap = memmgr_heap_get(call->heap);
	if (IS_ERR(heap))
		return PTR_ERR(heap);
	c->heap = heap;
	return 0;
}

static int caller_alloc(struct caller *c, struct block *block, struct caller_call *call, bool pool)
{
	if (block->live)
		return -EBUSY;
	block->ptr = pool ? memmgr_pool_get(c->heap) :
			    memmgr_alloc(c->heap, call->bytes, call->align,
					 call->zero ? MEMMGR_KALLOC_ZERO : 0);
	block->bytes = call->bytes;
	block->live = block->ptr;
	call->value = offset_in_page(block->ptr);
	return block->ptr ? 0 : -ENOMEM;
}

static int caller_free(struct caller *c, struct block *block, struct caller_call *call)
{
	int err = memmgr_free(c->heap, block->ptr + call->offset);

	if (!err)
		block->live = false;
	return err;
}

static int caller_put(struct caller *c, struct block *block)
{
	int err = memmgr_pool_put(c->heap, block->ptr);

	if (!err)
		block->live = false;
	return err;
}

/* The blocks that a call names, or NULL. */
static struct block *caller_many(struct caller *c, const struct caller_call *call)
{
	return call->value <= CALLER_BLOCKS - call->block ? &c->block[call->block] : NULL;
}

static int caller_alloc_bulk(struct caller *c, struct caller_call *call)
{
	struct block *block = caller_many(c, call);
	u32 i, count = call->value;

	for (i = 0; block && i < count; i++)
		if (block[i].live)
			return -EBUSY;
	if (!block)
		return -EINVAL;
	call->value = memmgr_alloc_bulk(c->heap, call->bytes, call->zero ? MEMMGR_KALLOC_ZERO : 0,
					count, c->many);
	for (i = 0; i < call->value; i++)
		block[i] = (struct block) { c->many[i], call->bytes, true };
	return call->value == count ? 0 : -ENOMEM;
}

static int caller_free_bulk(struct caller *c, struct caller_call *call)
{
	struct block *block = caller_many(c, call);
	u32 i;

	if (!block)
		return -EINVAL;
	for (i = 0; i < call->value; i++) {
		c->many[i] = block[i].ptr;
		block[i].live = false;
	}
	return memmgr_free_bulk(c->heap, call->value, c->many);
}

static int caller_read(struct block *block, struct caller_call *call)
{
	u8 byte;

	if (copy_from_kernel_nofault(&byte, block->ptr + call->offset, sizeof(byte)))
		return -EFAULT;
	call->value = byte;
	return 0;
}

/* Looked at through a mapping of our own, whose attribute is that of the region. */
static int caller_phys(struct caller *c, struct block *block, struct caller_call *call)
{
	phys_addr_t phys;
	int err;
	u8 *own;

	err = memmgr_phys(c->heap, block->ptr + call->offset, &phys);
	if (err)
		return err;
	call->value = phys;
	own = memremap(phys & PAGE_MASK, PAGE_SIZE, MEMREMAP_WB);
	if (!own)
		return -ENOMEM;
	if (own[offset_in_page(phys)] != block->ptr[call->offset])
		err = -EUCLEAN;
	memunmap(own);
	return err;
}

/* --- pairs --------------------------------------------------------------- */

#define BURST	50	/* pairs of one interrupt */

/**
 * struct stress - pairs of allocations and frees, in an interrupt
 * @timer: the interrupt
 * @heap: of them
 * @left: pairs to come
 * @failed: those that failed
 * @done: there are no more
 */
struct stress {
	struct hrtimer timer;
	struct memmgr_heap *heap;
	u64 left;
	u64 failed;
	struct completion done;
};

/* Each pair of another size; what is written is found again. */
static bool stress_pair(struct memmgr_heap *heap, u32 n)
{
	size_t bytes = 1 + n % 192;
	u8 *ptr = memmgr_alloc(heap, bytes, 0, 0);
	bool good;

	if (!ptr)
		return false;
	ptr[0] = n;
	ptr[bytes - 1] = n;
	good = READ_ONCE(ptr[0]) == (u8)n;
	return !memmgr_free(heap, ptr) && good;
}

static enum hrtimer_restart stress_interrupt(struct hrtimer *timer)
{
	struct stress *s = container_of(timer, struct stress, timer);
	u32 i;

	for (i = 0; i < BURST && s->left; i++, s->left--)
		s->failed += !stress_pair(s->heap, s->left);
	if (!s->left) {
		complete(&s->done);
		return HRTIMER_NORESTART;
	}
	hrtimer_forward_now(timer, 200 * NSEC_PER_USEC);
	return HRTIMER_RESTART;
}

static int caller_stress(struct caller *c, struct caller_call *call)
{
	struct stress s = { .heap = c->heap, .left = call->bytes };
	u64 n;

	init_completion(&s.done);
	hrtimer_setup_on_stack(&s.timer, stress_interrupt, CLOCK_MONOTONIC,
			       HRTIMER_MODE_REL_HARD);
	hrtimer_start(&s.timer, 0, HRTIMER_MODE_REL_HARD);
	call->value = 0;
	for (n = 0; n < call->bytes; n++) {
		call->value += !stress_pair(c->heap, n);
		if (n % 1024 == 0)
			cond_resched();
	}
	wait_for_completion(&s.done);
	hrtimer_cancel(&s.timer);
	destroy_hrtimer_on_stack(&s.timer);
	call->value += s.failed;
	return 0;
}

/* --- an access that the thread may die of -------------------------------- */

static int touch_thread(void *data)
{
	WRITE_ONCE(*(u8 *)data, 0x5a);
	return 0;
}

static int caller_touch(struct block *block, struct caller_call *call)
{
	return PTR_ERR_OR_ZERO(kthread_run(touch_thread, block->ptr + call->offset,
					   "memmgr_touch"));
}

/* --- the device ---------------------------------------------------------- */

static int caller_do(struct caller *c, unsigned int command, struct caller_call *call)
{
	struct block *block = &c->block[call->block];

	switch (command) {
	case CALLER_HOLD:
		return caller_hold(c, call);
	case CALLER_ALLOC:
	case CALLER_GET:
		return caller_alloc(c, block, call, command == CALLER_GET);
	case CALLER_FREE:
		return caller_free(c, block, call);
	case CALLER_PUT:
		return caller_put(c, block);
	case CALLER_ALLOC_BULK:
		return caller_alloc_bulk(c, call);
	case CALLER_FREE_BULK:
		return caller_free_bulk(c, call);
	case CALLER_READ:
		return caller_read(block, call);
	case CALLER_WRITE:
		block->ptr[call->offset] = call->value;
		return 0;
	case CALLER_PHYS:
		return caller_phys(c, block, call);
	case CALLER_STRESS:
		return caller_stress(c, call);
	case CALLER_TOUCH:
		return caller_touch(block, call);
	case CALLER_MARK:
		return memmgr_mark(c->heap, &call->value);
	case CALLER_RELEASE:
		return memmgr_release(c->heap, call->value);
	default:
		return -ENOTTY;
	}
}

static long caller_ioctl(struct file *file, unsigned int command, unsigned long arg)
{
	struct caller *c = file->private_data;
	struct caller_call call;
	int err;

	if (copy_from_user(&call, (void __user *)arg, sizeof(call)))
		return -EFAULT;
	if (call.block >= CALLER_BLOCKS)
		return -EINVAL;
	mutex_lock(&c->lock);
	err = c->heap || command == CALLER_HOLD ? caller_do(c, command, &call) : -ENXIO;
	mutex_unlock(&c->lock);
	if (copy_to_user((void __user *)arg, &call, sizeof(call)))
		return -EFAULT;
	return err;
}

static int caller_open(struct inode *inode, struct file *file)
{
	struct caller *c = kzalloc(sizeof(*c), GFP_KERNEL);

	if (!c)
		return -ENOMEM;
	mutex_init(&c->lock);
	file->private_data = c;
	return nonseekable_open(inode, file);
}

/* The last blocks first: a stack takes them back in no other order. */
static int caller_release(struct inode *inode, struct file *file)
{
	struct caller *c = file->private_data;
	int i;

	for (i = CALLER_BLOCKS - 1; i >= 0; i--)
		if (c->block[i].live)
			memmgr_free(c->heap, c->block[i].ptr);
	memmgr_heap_put(c->heap);
	kfree(c);
	return 0;
}

static const struct file_operations caller_fops = {
	.owner = THIS_MODULE,
	.open = caller_open,
	.release = caller_release,
	.unlocked_ioctl = caller_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice caller_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "memmgr_caller",
	.fops = &caller_fops,
	.mode = 0600,
};

module_misc_device(caller_misc);
MODULE_DESCRIPTION("kernel code that uses memmgr as a program tells it, for memmgr's tests");
MODULE_LICENSE("Dual MIT/GPL");
