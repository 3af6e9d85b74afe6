/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The table of ioctls. */
#ifndef MEMMGR_FACE_IOCTL_H
#define MEMMGR_FACE_IOCTL_H

#include <linux/fs.h>

long dev_ioctl(struct file *file, unsigned int cmd, unsigned long arg);

#endif /* MEMMGR_FACE_IOCTL_H */
