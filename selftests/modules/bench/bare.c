// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * A device whose ioctls only copy: the floor of what calls cost. The command is what
 * BARE_CALL() of selftests/bench/calls.c makes: bytes of the argument, which are copied in
 * and out, and bytes of the table that the argument points to, which are written or read.
 * Each copy is as large as it can be, and the argument begins with its size.
 */
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/uaccess.h>
#include "bench.h"

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

static const struct file_operations bare_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.unlocked_ioctl = bare_ioctl,
};

void bare_start(struct dentry *dir)
{
	debugfs_create_file_unsafe("bare", 0600, dir, NULL, &bare_fops);
}
