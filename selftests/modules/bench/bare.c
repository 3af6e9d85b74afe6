// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * A device whose mappings only map: at its offset 0 each fault maps a page, at that of one page
 * mmap() maps all. What they show is one and the same small memory.
 *
 * Its ioctls only copy: the floor of what calls cost. The command is what
 * BARE_CALL() of selftests/bench/calls.c makes: bytes of the argument, which are copied in
 * and out, and bytes of the table that the argument points to, which are written or read.
 * Each copy is as large as it can be, and the argument begins with its size.
 */
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/uaccess.h>
#include "bench.h"
#include "kernels.h"

#define BARE_REST	816u	/* bytes of the rest of an argument: that of FRAG fits */
#define BARE_TABLE	1024u

/* Without the attribute the compiler clears variables first, which no driver has to pay for. */
#ifndef __uninitialized
#define __uninitialized
#endif

static u8 table[BARE_TABLE];	/* for one caller at a time */

static long bare_ioctl(struct file *file, unsigned int command, unsigned long user)
{
	u32 bytes = command >> 20, out = command >> 10 & 1023, in = command & 1023;
	struct {
		u32 size;
		u32 pad;
		u64 table;
		u8 rest[BARE_REST];
	} argument __uninitialized;
	u32 size;

	if (bytes < offsetof(typeof(argument), rest) || bytes > sizeof(argument))
		return -EINVAL;
	if (get_user(size, (u32 __user *)user))
		return -EFAULT;
	if (size != bytes || copy_from_user(&argument, (void __user *)user, bytes))
		return -EFAULT;
	if (in && copy_from_user(table, u64_to_user_ptr(argument.table), in))
		return -EFAULT;
	if (out && copy_to_user(u64_to_user_ptr(argument.table), table, out))
		return -EFAULT;
	return copy_to_user((void __user *)user, &argument, bytes) ? -EFAULT : 0;
}

#define BARE_ORDER	8u	/* of the pages that are shown again and again */

static struct page *shown;	/* from the first mmap() on */

static vm_fault_t bare_fault(struct vm_fault *vmf)
{
	return vmf_insert_pfn(vmf->vma, vmf->address, page_to_pfn(shown));
}

static const struct vm_operations_struct bare_vm_ops = {
	.fault = bare_fault,
};

static int bare_remap(struct vm_area_struct *vma)
{
	const unsigned long chunk = PAGE_SIZE << BARE_ORDER;
	unsigned long at;
	int err = 0;

	for (at = vma->vm_start; !err && at < vma->vm_end; at += chunk)
		err = remap_pfn_range(vma, at, page_to_pfn(shown), min(chunk, vma->vm_end - at),
				      vma->vm_page_prot);
	return err;
}

static int bare_mmap(struct file *file, struct vm_area_struct *vma)
{
	bool remap = vma->vm_pgoff;

	if (!shown)
		shown = alloc_pages(GFP_KERNEL | __GFP_COMP, BARE_ORDER);
	if (!shown)
		return -ENOMEM;
	if (remap)
		return bare_remap(vma);
	vm_flags_set(vma, VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_ops = &bare_vm_ops;
	return 0;
}

static const struct file_operations bare_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.unlocked_ioctl = bare_ioctl,
	.mmap = bare_mmap,
};

void bare_start(struct dentry *dir)
{
	debugfs_create_file_unsafe("bare", 0600, dir, NULL, &bare_fops);
}

/* No mapping is left: each one holds its file, and that the module. */
void bare_end(void)
{
	if (shown)
		__free_pages(shown, BARE_ORDER);
}
