/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Debugging of clients: injected failures, and allocations that were not freed. */
#ifndef MEMMGR_CLIENT_DEBUG_H
#define MEMMGR_CLIENT_DEBUG_H

#include <linux/types.h>
#include <uapi/linux/memmgr.h>

struct client;
struct memmgr_heap;
struct region;
struct track_tally;

#if IS_ENABLED(CONFIG_MEMMGR_DEBUG)
int inject_call(struct client *caller, struct memmgr_heap *heap, struct memmgr_inject *inject);
bool inject_next_client(struct region *region, u64 *cursor, struct memmgr_inject *inject);
void track_tell(const struct client *client, struct track_tally *tally);
#else
static inline int inject_call(struct client *caller, struct memmgr_heap *heap,
			      struct memmgr_inject *inject)
{
	return -EOPNOTSUPP;
}

static inline void track_tell(const struct client *client, struct track_tally *tally)
{
}
#endif

#endif /* MEMMGR_CLIENT_DEBUG_H */
