/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The device node of a region. */
#ifndef MEMMGR_DEV_H
#define MEMMGR_DEV_H

struct region;

int dev_add_region(struct region *region);
void dev_remove_region(struct region *region);

#endif /* MEMMGR_DEV_H */
