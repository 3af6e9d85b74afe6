/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Memory that may not be moved, and the reasons. */
#ifndef MEMCTL_FIXED_H
#define MEMCTL_FIXED_H

#include <json-c/json.h>
#include <memmgr.h>
#include <stdint.h>

#include "base/json.h"
#include "base/table.h"

/* Bytes and until when that holds, of the reasons that are not 0; @movable or NULL. */
struct table *fixed_table(const __u64 *movable, const __u64 fixed[MEMMGR_FIXED_REASONS]);
/* Bytes by enum memmgr_fixed: {"pinned": ...}. */
struct json_object *json_fixed(const __u64 fixed[MEMMGR_FIXED_REASONS]);
uint64_t fixed_total(const __u64 fixed[MEMMGR_FIXED_REASONS]);

#endif /* MEMCTL_FIXED_H */
