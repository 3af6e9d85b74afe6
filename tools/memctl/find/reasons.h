/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The reasons of failed requests, of the books of heaps. */
#ifndef MEMCTL_REASONS_H
#define MEMCTL_REASONS_H

#include <json-c/json.h>
#include <memmgr.h>
#include <stdint.h>

#include "base/json.h"

/* Requests that failed for a reason, of the books of a heap. */
uint64_t failed_for(const struct memmgr_stats *stats, uint32_t reason);
/* Counts by enum memmgr_reason: {"exhausted": ...}. */
struct json_object *json_reasons(const __u64 counts[MEMMGR_REASONS]);

#endif /* MEMCTL_REASONS_H */
