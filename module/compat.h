/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Every difference between kernel versions, 6.1 to 6.12, and nothing else. */
#ifndef MEMMGR_COMPAT_H
#define MEMMGR_COMPAT_H

#include <linux/mm.h>
#include <linux/platform_device.h>
#include <linux/version.h>

#define COMPAT_BEFORE(major, minor) \
	(KERNEL_VERSION(major, minor, 0) > LINUX_VERSION_CODE)

#if COMPAT_BEFORE(6, 3)
/* Debian's 6.1 has these two from stable, early 6.1 does not. */
#define compat_vm_flags_set(vma, flags)		((vma)->vm_flags |= (flags))
#define compat_vm_flags_clear(vma, flags)	((vma)->vm_flags &= ~(flags))
#else
#define compat_vm_flags_set(vma, flags)		vm_flags_set(vma, flags)
#define compat_vm_flags_clear(vma, flags)	vm_flags_clear(vma, flags)
#endif

/* platform_driver.remove lost its result, in two steps. */
#if COMPAT_BEFORE(6, 11)
#define COMPAT_REMOVE_TYPE	int
#define COMPAT_REMOVE_RESULT	0
#else
#define COMPAT_REMOVE_TYPE	void
#define COMPAT_REMOVE_RESULT
#endif

#endif /* MEMMGR_COMPAT_H */
