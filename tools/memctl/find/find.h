/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Regions, heaps and allocations as people name them. */
#ifndef MEMCTL_FIND_H
#define MEMCTL_FIND_H

#include <memmgr.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memctl.h"

/* Opens the region of @ctl; an enum exit_code. @flags as for open(). */
int region_open(struct memctl *ctl, int flags);
/* A heap by name or id; an enum exit_code. */
int heap_find(const struct memctl *ctl, const char *text,
	      struct memmgr_heap_query *heap);
/* The heap @text (as heap_find()), or all heaps when it is NULL or "all". */
int heaps_visit(const struct memctl *ctl, const char *text,
		int (*visit)(const struct memctl *ctl,
			     const struct memmgr_heap_query *heap, void *arg),
		void *arg);
/* The name of heap @id in @name; its number when it has gone. */
const char *heap_name(const struct memctl *ctl, uint32_t id,
		      char name[MEMMGR_NAME_LEN]);
/* The one allocation that @text names by handle or tag; an enum exit_code. */
int allocation_find(const struct memctl *ctl, const char *text,
		    struct memmgr_info *info);
/* Every usable allocation with the tag @text, newest first; an enum exit_code. */
int allocations_tagged(const struct memctl *ctl, const char *text,
		       struct memmgr_info **infos, size_t *count);
bool parse_handle(const char *text, uint64_t *handle);

#endif /* MEMCTL_FIND_H */
