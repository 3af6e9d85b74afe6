// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The reasons of failed requests, of the books of heaps. */
#include "base/json.h"
#include "find/reasons.h"

uint64_t failed_for(const struct memmgr_stats *stats, uint32_t reason)
{
	if (reason < MEMMGR_STATS_REASONS)
		return stats->failures[reason];
	/* A heap that was refused, for lack of windows, has no books. */
	return reason == MEMMGR_REASON_INJECTED ? stats->injected : 0;
}

struct json_object *json_reasons(const __u64 counts[MEMMGR_REASONS])
{
	struct json_object *object = json_object_new_object();

	for (int i = 1; i < MEMMGR_REASONS; i++)
		json_add(object, memmgr_reason_name(i), json_u64(counts[i]));
	return object;
}
