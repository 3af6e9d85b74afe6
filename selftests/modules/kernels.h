/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The test modules are written for the newest kernel. These are the functions of it that
 * older kernels lack, down to 6.1: the comment on each says which kernel changed what.
 */
#ifndef MEMMGR_KERNELS_H
#define MEMMGR_KERNELS_H

#include <linux/hrtimer.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/version.h>

#if KERNEL_VERSION(6, 13, 0) > LINUX_VERSION_CODE
/* 6.13: a timer's function is given when the timer is set up; 6.15: and in no other way. */
#define hrtimer_setup(timer, callback, clock, mode) \
do { \
	hrtimer_init(timer, clock, mode); \
	(timer)->function = callback; \
} while (0)
#define hrtimer_setup_on_stack(timer, callback, clock, mode) \
do { \
	hrtimer_init_on_stack(timer, clock, mode); \
	(timer)->function = callback; \
} while (0)

/* 6.13: MODULE_IMPORT_NS() takes the name of a namespace as a string. */
#undef MODULE_IMPORT_NS
#define MODULE_IMPORT_NS(ns)	MODULE_INFO(import_ns, ns)
#endif

#if KERNEL_VERSION(6, 3, 0) > LINUX_VERSION_CODE
/* 6.3: the flags of a mapping are changed by functions alone. */
#define vm_flags_set(vma, flags)	((vma)->vm_flags |= (flags))
#endif

#if KERNEL_VERSION(6, 19, 0) > LINUX_VERSION_CODE
/* 6.19: dma_map_ops.map_phys maps what map_resource mapped before. */
#define map_phys	map_resource
#endif

#endif /* MEMMGR_KERNELS_H */
