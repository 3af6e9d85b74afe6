/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Checks that memory may be handed out by a region. */
#ifndef MEMMGR_CLAIM_H
#define MEMMGR_CLAIM_H

#include <linux/types.h>

struct region;
struct region_source;

struct device_node;

bool claim_is_reserved_node(const struct device_node *memory);
int claim_node(struct region_source *s);
int claim_check(const struct region_source *s, const struct region *other);
void claim_refuse(const struct region_source *s, const char *cause, ...) __printf(2, 3);

#endif /* MEMMGR_CLAIM_H */
