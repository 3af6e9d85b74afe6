/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Heaps that a region has from the start, named in the device tree or in heaps=. */
#ifndef MEMMGR_HEAP_CONFIG_H
#define MEMMGR_HEAP_CONFIG_H

struct region;
struct region_source;

struct device_node;

void heap_config_look(const struct device_node *node);
int heap_config_apply(struct region *region, const struct region_source *source);

#endif /* MEMMGR_HEAP_CONFIG_H */
