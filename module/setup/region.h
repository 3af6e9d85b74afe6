/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Creating and removing regions. */
#ifndef MEMMGR_SETUP_REGION_H
#define MEMMGR_SETUP_REGION_H

#include <linux/types.h>
#include <uapi/linux/memmgr.h>

struct region;
struct region_source;

struct region *region_create(const struct region_source *source);
int regions_publish(void);
void region_remove(struct region *region);

#endif /* MEMMGR_SETUP_REGION_H */
