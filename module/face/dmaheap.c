// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * /dev/dma_heap/<region>: the kernel's dma-heap interface to a region.
 *
 * For programs that know dma-heaps but not memmgr. The rules are those of
 * drivers/dma-buf/dma-heap.c, which this kernel may lack. That file does not export its
 * functions to modules, so the device here is our own.
 */
#include <linux/dma-buf.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <uapi/linux/dma-heap.h>

#include "client/client.h"
#include "client/request.h"
#include "core/engine.h"
#include "face/dmaheap.h"
#include "face/nodes.h"
#include "heap/account.h"
#include "heap/alloc.h"
#include "heap/heap.h"
#include "heap/lookup.h"
#include "region/region.h"
#include "share/dmabuf.h"

#define DMAHEAP_TAG	"dma-heap"

/* Only the dma-buf uses the allocation, so its handle is freed at once. */
static struct dma_buf *dmaheap_alloc(struct client *client, u64 bytes, u32 fd_flags)
{
	struct heap_request rq = {
		.bytes = bytes,
		.flags = MEMMGR_ALLOC_MAY_COMPACT,
		.tag = DMAHEAP_TAG,
	};
	struct heap_answer answer;
	struct engine_refusal why = { 0 };
	struct memmgr_heap *main;
	struct dma_buf *dmabuf;
	int err;

	main = heap_get(client->region, MEMMGR_HEAP_MAIN);
	if (!main)
		return ERR_PTR(-ENODEV);
	err = heap_alloc(main, client, &rq, &answer, &why);
	if (!err) {
		dmabuf = dmabuf_export(main, client, answer.handle, false,
				       fd_flags & O_ACCMODE);
		heap_free(main, client, answer.handle);
	} else {
		/* A dma-heap has no other error for a valid request. */
		dmabuf = ERR_PTR(err == -ENOSPC ? -ENOMEM : err);
	}
	heap_put(main);
	return dmabuf;
}

static struct dma_buf *dmaheap_request(struct client *client,
				       const struct dma_heap_allocation_data *data)
{
	u64 bytes = PAGE_ALIGN(data->len);

	if (data->fd || data->fd_flags & ~DMA_HEAP_VALID_FD_FLAGS ||
	    data->heap_flags & ~DMA_HEAP_VALID_HEAP_FLAGS || !bytes)
		return ERR_PTR(-EINVAL);
	return dmaheap_alloc(client, bytes, data->fd_flags);
}

/* Fill in @data. After 0 a descriptor is reserved for the dma-buf. */
static int dmaheap_answer(struct client *client, struct dma_heap_allocation_data *data,
			  struct dma_buf **dmabuf)
{
	int fd;

	*dmabuf = dmaheap_request(client, data);
	if (IS_ERR(*dmabuf))
		return PTR_ERR(*dmabuf);
	fd = get_unused_fd_flags(data->fd_flags & O_CLOEXEC);
	if (fd < 0) {
		fput((*dmabuf)->file);
		return fd;
	}
	data->fd = fd;
	return 0;
}

/*
 * The rules are those of drivers/dma-buf/dma-heap.c: only the number of a command counts,
 * and the caller's structure may be shorter or longer than ours. Fields that the caller
 * lacks are read as 0; bytes that we do not know are returned unchanged.
 */
static long dmaheap_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	void __user *user = (void __user *)arg;
	size_t size = _IOC_SIZE(cmd);
	struct dma_heap_allocation_data *data;
	struct dma_buf *dmabuf;
	struct client *client = file->private_data;
	int err = 0;

	if (region_is_gone(client->region))
		return -ENODEV;
	if (_IOC_NR(cmd) != _IOC_NR(DMA_HEAP_IOCTL_ALLOC))
		return -EINVAL;
	data = kzalloc(max(size, sizeof(*data)), GFP_KERNEL_ACCOUNT);
	if (!data)
		return -ENOMEM;
	if (_IOC_DIR(cmd) & _IOC_WRITE && copy_from_user(data, user, size)) {
		err = -EFAULT;
		goto out_free;
	}
	err = dmaheap_answer(client, data, &dmabuf);
	if (_IOC_DIR(cmd) & _IOC_READ && copy_to_user(user, data, size)) {
		/* The descriptor is installed only if the caller learns its number. */
		if (!err) {
			put_unused_fd(data->fd);
			fput(dmabuf->file);
		}
		err = -EFAULT;
	} else if (!err) {
		fd_install(data->fd, dmabuf->file);
	}
out_free:
	kfree(data);
	return err;
}

static int dmaheap_open(struct inode *inode, struct file *file)
{
	struct region *region = container_of(file->private_data, struct region_nodes,
					     heap)->region;
	struct client *client = client_create(region);

	if (!client)
		return -ENOMEM;
	file->private_data = client;
	return nonseekable_open(inode, file);
}

static int dmaheap_release(struct inode *inode, struct file *file)
{
	client_destroy(file->private_data);
	return 0;
}

static const struct file_operations dmaheap_fops = {
	.owner = THIS_MODULE,
	.open = dmaheap_open,
	.release = dmaheap_release,
	.unlocked_ioctl = dmaheap_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

/* A region that was never published, or whose node could not be made, has no node. */
void dmaheap_remove_region(struct region *region)
{
	struct miscdevice *misc = &region->nodes->heap;

	if (!IS_ERR_OR_NULL(misc->this_device))
		misc_deregister(misc);
	misc->this_device = NULL;
}

/* The device number of a node in /dev; 0 if there is no such node. */
static dev_t node_of(const char *name)
{
	char text[sizeof("/dev/") + sizeof_field(struct region_nodes, heap_name)];
	struct file *file;
	dev_t devt;

	snprintf(text, sizeof(text), "/dev/%s", name);
	file = filp_open(text, O_PATH, 0);
	if (IS_ERR(file))
		return 0;
	devt = file_inode(file)->i_rdev;
	fput(file);
	return devt;
}

/*
 * misc_register() does not report whether the kernel made the node. It makes none if another
 * device has one of this name, or if it lacks memory. So look for the node, but only if
 * /dev shows new nodes at once, which the region's own node tells.
 */
static int node_look(const struct region *region)
{
	const struct region_nodes *nodes = region->nodes;
	dev_t found;

	if (node_of(nodes->dev_name) != nodes->dev.this_device->devt)
		return 0;
	found = node_of(nodes->heap_name);
	if (found == nodes->heap.this_device->devt)
		return 0;
	return found ? -EEXIST : -ENOMEM;
}

/**
 * dmaheap_add_region - let programs allocate from a region as from a dma-heap
 * @region: a region that has its own node
 *
 * Context: process, may sleep.
 * Return: 0; -EEXIST if the system has a dma-heap of the region's name; or another error.
 */
int dmaheap_add_region(struct region *region)
{
	struct region_nodes *nodes = region->nodes;
	struct miscdevice *misc = &nodes->heap;
	int err;

	snprintf(nodes->heap_name, sizeof(nodes->heap_name), "dma_heap/%s", region->name);
	misc->minor = MISC_DYNAMIC_MINOR;
	/*
	 * The name serves as the node's path. The kernel would copy a separate nodename; if
	 * that failed, it would make a node called by the name, and never remove it.
	 */
	misc->name = nodes->heap_name;
	misc->fops = &dmaheap_fops;
	misc->mode = 0660;
	err = misc_register(misc);
	if (!err)
		err = node_look(region);
	if (err)
		dmaheap_remove_region(region);
	return err;
}
