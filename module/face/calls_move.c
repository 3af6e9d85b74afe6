// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* ioctls about fragmentation and moving. */

#include "client/client.h"
#include "face/call.h"
#include "face/calls_move.h"
#include "heap/account.h"
#include "move/compact.h"
#include "move/explain.h"
#include "move/health.h"

int call_explain(struct caller *caller, void *arg)
{
	struct memmgr_explain *e = arg;

	return e->flags ? -EINVAL : compact_explain(caller->heap, e);
}

/* Keep the input fields of a request and clear all output fields. */
static void compact_clear(struct memmgr_compact *c)
{
	struct memmgr_compact asked = *c;

	memset(c, 0, sizeof(*c));
	c->size = asked.size;
	c->heap = asked.heap;
	c->flags = asked.flags;
	c->bytes = asked.bytes;
	c->align = asked.align;
	c->offset = asked.flags & MEMMGR_COMPACT_RANGE ? asked.offset : ~0ull;
	c->step_bytes = asked.step_bytes;
	c->max_bytes = asked.max_bytes;
	c->max_ns = asked.max_ns;
}

int call_compact(struct caller *caller, void *arg)
{
	struct memmgr_compact *c = arg;
	int err;

	if (c->flags & ~(MEMMGR_COMPACT_DRY_RUN | MEMMGR_COMPACT_RANGE) || c->reserved)
		return -EINVAL;
	if (!(c->flags & MEMMGR_COMPACT_DRY_RUN)) {
		err = caller_may_change(caller);
		if (err)
			return err;
	}
	compact_clear(c);
	return compact_heap(caller->heap, c, &client_file(caller->client)->slices);
}

int call_health(struct caller *caller, void *arg)
{
	struct memmgr_health *h = arg;
	bool set = h->flags & MEMMGR_HEALTH_SET;
	int err;

	if (h->flags & ~(MEMMGR_HEALTH_SET | MEMMGR_HEALTH_ON) || h->reserved ||
	    (h->flags && !set))
		return -EINVAL;
	err = set ? caller_may_change(caller) : 0;
	return err ? err : health_call(caller->client->region, h, set);
}
