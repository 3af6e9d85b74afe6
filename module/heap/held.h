/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Frees memory that was freed while in use, when its last user is gone. */
#ifndef MEMMGR_HEAP_HELD_H
#define MEMMGR_HEAP_HELD_H

#include <linux/types.h>
#include <uapi/linux/memmgr.h>

struct region;

void held_init(struct region *region);

#endif /* MEMMGR_HEAP_HELD_H */
