// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * A device that maps dma-bufs and may fail at it, for the test importer.c. What is
 * written to /dev/memmgr_importer (struct import) is attached and mapped; closing
 * the file undoes it. What failed is undone at once.
 */
#include <linux/dma-buf.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "importer.h"

MODULE_IMPORT_NS(DMA_BUF);

/* An open file: one import at most. */
struct importer {
	struct platform_device *device;
	struct dma_buf *dmabuf;
	struct dma_buf_attachment *attachment;
	struct sg_table *table;
	enum dma_data_direction direction;
};

/* --- a bus that takes nothing -------------------------------------------------- */

#ifdef CONFIG_DMA_OPS
static dma_addr_t refuse_resource(struct device *dev, phys_addr_t phys, size_t bytes,
				  enum dma_data_direction direction, unsigned long attrs)
{
	return DMA_MAPPING_ERROR;
}

static int refuse_sg(struct device *dev, struct scatterlist *sg, int count,
		     enum dma_data_direction direction, unsigned long attrs)
{
	return -EIO;
}

static const struct dma_map_ops refusing_ops = {
	.map_resource = refuse_resource,
	.map_sg = refuse_sg,
};

static int importer_refuse(struct importer *im)
{
	set_dma_ops(&im->device->dev, &refusing_ops);
	return 0;
}
#else
static int importer_refuse(struct importer *im)
{
	return -EOPNOTSUPP;
}
#endif

/* --- one import ---------------------------------------------------------------- */

static int importer_attach(struct importer *im, const struct import *what)
{
	struct device *dev = &im->device->dev;
	int err;

	/* Not dma_set_mask(), which wants a device that reaches some memory. */
	dev->coherent_dma_mask = what->mask;
	*dev->dma_mask = what->mask;
	im->direction = what->direction;
	im->dmabuf = dma_buf_get(what->fd);
	if (IS_ERR(im->dmabuf))
		return PTR_ERR(im->dmabuf);
	im->attachment = dma_buf_attach(im->dmabuf, dev);
	err = PTR_ERR_OR_ZERO(im->attachment);
	if (err)
		goto out_put;
	im->table = dma_buf_map_attachment(im->attachment, im->direction);
	err = PTR_ERR_OR_ZERO(im->table);
	if (err)
		goto out_detach;
	return 0;

out_detach:
	dma_buf_detach(im->dmabuf, im->attachment);
out_put:
	dma_buf_put(im->dmabuf);
	im->table = NULL;
	return err;
}

static ssize_t importer_write(struct file *file, const char __user *from, size_t bytes,
			      loff_t *at)
{
	struct importer *im = file->private_data;
	struct import what;
	int err = 0;

	if (bytes != sizeof(what))
		return -EINVAL;
	if (copy_from_user(&what, from, sizeof(what)))
		return -EFAULT;
	if (what.direction > DMA_FROM_DEVICE || what.fail > IMPORT_FAIL_MAP || what.reserved)
		return -EINVAL;
	if (im->table)
		return -EBUSY;
	if (what.fail == IMPORT_FAIL_MAP)
		err = importer_refuse(im);
	err = err ?: importer_attach(im, &what);
	return err ?: bytes;
}

static int importer_open(struct inode *inode, struct file *file)
{
	struct importer *im = kzalloc(sizeof(*im), GFP_KERNEL);
	int err;

	if (!im)
		return -ENOMEM;
	im->device = platform_device_register_simple("memmgr_importer", PLATFORM_DEVID_AUTO,
						     NULL, 0);
	if (IS_ERR(im->device)) {
		err = PTR_ERR(im->device);
		kfree(im);
		return err;
	}
	file->private_data = im;
	return nonseekable_open(inode, file);
}

static int importer_release(struct inode *inode, struct file *file)
{
	struct importer *im = file->private_data;

	if (im->table) {
		dma_buf_unmap_attachment(im->attachment, im->table, im->direction);
		dma_buf_detach(im->dmabuf, im->attachment);
		dma_buf_put(im->dmabuf);
	}
	platform_device_unregister(im->device);
	kfree(im);
	return 0;
}

static const struct file_operations importer_fops = {
	.owner = THIS_MODULE,
	.open = importer_open,
	.release = importer_release,
	.write = importer_write,
};

static struct miscdevice importer_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "memmgr_importer",
	.fops = &importer_fops,
	.mode = 0600,
};

module_misc_device(importer_misc);
MODULE_DESCRIPTION("a device that maps dma-bufs, for memmgr's tests");
MODULE_LICENSE("Dual MIT/GPL");
