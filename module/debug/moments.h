/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Calls the features at the moments of an allocation. */
#ifndef MEMMGR_DEBUG_MOMENTS_H
#define MEMMGR_DEBUG_MOMENTS_H

#include <linux/compiler_attributes.h>

#if IS_ENABLED(CONFIG_MEMMGR_DEBUG)
void moments_start(void);
#else
static inline void moments_start(void)
{
}
#endif

#endif /* MEMMGR_DEBUG_MOMENTS_H */
