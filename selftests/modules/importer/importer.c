// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * A device that maps dma-bufs and may fail at it, for the test importer.c. What is
 * written to /dev/memmgr_importer (struct import) is attached and mapped; closing
 * the file undoes it. What failed is undone at once. The device is one of the device
 * tree (compatible "memmgr,test-importer"), behind the dma-ranges of its bus, or one
 * that is made when the file is opened.
 *
 * The test debugger.c has it look at mappings as ptrace() does (struct peek). The test
 * load_fault.c has it let an allocation of the next module's init fail.
 */
#include <linux/dma-buf.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/of.h>
#include <linux/of_platform.h>
#include <linux/platform_device.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/tracepoint.h>
#include <linux/uaccess.h>

#include "importer.h"
#include "kernels.h"

MODULE_IMPORT_NS("DMA_BUF");

/* An open file: one import at most. */
struct importer {
	struct platform_device *device;
	struct platform_device *found;	/* in the device tree, instead of it */
	struct imported result;
	struct dma_buf *dmabuf;
	struct dma_buf_attachment *attachment;
	struct sg_table *table;
	enum dma_data_direction direction;
};

/* --- a bus that takes nothing -------------------------------------------------- */

/* CONFIG_DMA_OPS until 6.10, CONFIG_ARCH_HAS_DMA_OPS since: set_dma_ops() does something. */
#if defined(CONFIG_DMA_OPS) || defined(CONFIG_ARCH_HAS_DMA_OPS)
static dma_addr_t refuse_phys(struct device *dev, phys_addr_t phys, size_t bytes,
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
	.map_phys = refuse_phys,
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

static struct device *importer_device(const struct importer *im)
{
	return im->found ? &im->found->dev : &im->device->dev;
}

static int importer_find(struct importer *im, const char *name)
{
	struct device_node *node = of_find_node_by_name(NULL, name);
	struct platform_device *found = node ? of_find_device_by_node(node) : NULL;

	of_node_put(node);
	if (!found || !found->dev.driver) {
		if (found)
			put_device(&found->dev);
		return -ENODEV;
	}
	if (im->found)
		put_device(&im->found->dev);
	im->found = found;
	return 0;
}

/* What the device is given of a page of the kernel's own. */
static int importer_ask(struct importer *im)
{
	struct page *page = alloc_page(GFP_KERNEL);
	struct device *dev = importer_device(im);
	dma_addr_t address;
	int err;

	if (!page)
		return -ENOMEM;
	address = dma_map_page(dev, page, 0, PAGE_SIZE, DMA_TO_DEVICE);
	err = dma_mapping_error(dev, address);
	if (!err) {
		im->result.page_phys = page_to_phys(page);
		im->result.page_address = address;
		dma_unmap_page(dev, address, PAGE_SIZE, DMA_TO_DEVICE);
	}
	__free_page(page);
	return err;
}

static void importer_note(struct importer *im)
{
	struct imported *r = &im->result;
	struct scatterlist *sg;
	int i;

	r->first = sg_dma_address(im->table->sgl);
	for_each_sgtable_dma_sg(im->table, sg, i) {
		r->entries++;
		r->bytes += sg_dma_len(sg);
		r->last = sg_dma_address(sg) + sg_dma_len(sg) - 1;
	}
}

static int importer_attach(struct importer *im, const struct import *what)
{
	struct device *dev = importer_device(im);
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
	importer_note(im);
	return 0;

out_detach:
	dma_buf_detach(im->dmabuf, im->attachment);
out_put:
	dma_buf_put(im->dmabuf);
	im->table = NULL;
	return err;
}

static int importer_import(struct importer *im, const struct import *what)
{
	int err = 0;

	if (what->direction > DMA_FROM_DEVICE || what->fail > IMPORT_FAIL_MAP ||
	    strnlen(what->device, IMPORT_NAME_LEN) == IMPORT_NAME_LEN)
		return -EINVAL;
	if (im->table)
		return -EBUSY;
	im->result = (struct imported) { 0 };
	if (what->fail == IMPORT_FAIL_MAP)
		err = importer_refuse(im);
	if (!err && *what->device)
		err = importer_find(im, what->device);
	err = err ?: importer_attach(im, what);
	if (!err && what->ask)
		err = importer_ask(im);
	return err;
}

/* --- a look ------------------------------------------------------------------------ */

static int peek_mapping(const struct peek *what, void *buf)
{
	struct vm_area_struct *vma;
	int done = -EFAULT;

	mmap_read_lock(current->mm);
	vma = vma_lookup(current->mm, what->address);
	if (vma && vma->vm_ops && vma->vm_ops->access)
		done = vma->vm_ops->access(vma, what->address, buf, what->bytes, what->write);
	mmap_read_unlock(current->mm);
	return done;
}

static int importer_peek(const struct peek *what)
{
	void __user *buffer = u64_to_user_ptr(what->buffer);
	void *buf;
	int done;

	if (!what->bytes || what->bytes > SZ_64K)
		return -EINVAL;
	buf = kzalloc(what->bytes, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	if (what->write && copy_from_user(buf, buffer, what->bytes))
		done = -EFAULT;
	else
		done = peek_mapping(what, buf);
	if (done > 0 && !what->write && copy_to_user(buffer, buf, done))
		done = -EFAULT;
	kfree(buf);
	return done;
}

/* --- the file ---------------------------------------------------------------------- */

static ssize_t importer_write(struct file *file, const char __user *from, size_t bytes,
			      loff_t *at)
{
	union {
		struct import import;
		struct peek peek;
	} what;

	if (bytes != sizeof(what.import) && bytes != sizeof(what.peek))
		return -EINVAL;
	if (copy_from_user(&what, from, bytes))
		return -EFAULT;
	if (bytes == sizeof(what.peek))
		return importer_peek(&what.peek);
	return importer_import(file->private_data, &what.import) ?: bytes;
}

static ssize_t importer_read(struct file *file, char __user *to, size_t bytes, loff_t *at)
{
	struct importer *im = file->private_data;

	if (bytes != sizeof(im->result))
		return -EINVAL;
	return copy_to_user(to, &im->result, bytes) ? -EFAULT : bytes;
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
	if (im->found)
		put_device(&im->found->dev);
	platform_device_unregister(im->device);
	kfree(im);
	return 0;
}

static const struct file_operations importer_fops = {
	.owner = THIS_MODULE,
	.open = importer_open,
	.release = importer_release,
	.read = importer_read,
	.write = importer_write,
};

static struct miscdevice importer_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "memmgr_importer",
	.fops = &importer_fops,
	.mode = 0600,
};

/* The kernel reads a bus's dma-ranges when a driver takes a device on it. */
static int importer_probe(struct platform_device *device)
{
	return 0;
}

static const struct of_device_id importer_ids[] = {
	{ .compatible = "memmgr,test-importer" },
	{ }
};

static struct platform_driver importer_driver = {
	.probe = importer_probe,
	.driver = {
		.name = "memmgr_importer_of",
		.of_match_table = importer_ids,
		.suppress_bind_attrs = true,
	},
};

/* --- a module that comes while memory is short ---------------------------------- */

#ifdef CONFIG_FAULT_INJECTION
static uint fail_init;
module_param(fail_init, uint, 0600);
MODULE_PARM_DESC(fail_init, "the n-th allocation of the next module's init fails");

static struct tracepoint *module_load;

/* The kernel's loader has done its own part, whose failures are not ours. */
static void importer_module_comes(void *data, struct module *module)
{
	current->fail_nth = fail_init;
	fail_init = 0;
}

static void importer_found(struct tracepoint *tp, void *data)
{
	if (!strcmp(tp->name, "module_load"))
		module_load = tp;
}

static int importer_watch(void)
{
	for_each_kernel_tracepoint(importer_found, NULL);
	return module_load ? tracepoint_probe_register(module_load, importer_module_comes, NULL) :
	       0;
}

static void importer_unwatch(void)
{
	if (!module_load)
		return;
	tracepoint_probe_unregister(module_load, importer_module_comes, NULL);
	tracepoint_synchronize_unregister();
}
#else
static int importer_watch(void)
{
	return 0;
}

static void importer_unwatch(void)
{
}
#endif

static int __init importer_init(void)
{
	int err = platform_driver_register(&importer_driver);

	if (err)
		return err;
	err = misc_register(&importer_misc);
	if (err)
		goto out_driver;
	err = importer_watch();
	if (err)
		goto out_misc;
	return 0;

out_misc:
	misc_deregister(&importer_misc);
out_driver:
	platform_driver_unregister(&importer_driver);
	return err;
}

static void __exit importer_exit(void)
{
	importer_unwatch();
	misc_deregister(&importer_misc);
	platform_driver_unregister(&importer_driver);
}

module_init(importer_init);
module_exit(importer_exit);
MODULE_DESCRIPTION("a device that maps dma-bufs, for memmgr's tests");
MODULE_LICENSE("Dual MIT/GPL");
