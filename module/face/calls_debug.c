// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* ioctls about errors and debugging. */
#include <linux/slab.h>

#include "base/kept.h"
#include "client/debug.h"
#include "debug/features.h"
#include "debug/latency.h"
#include "debug/reports.h"
#include "debug/sites.h"
#include "debug/track.h"
#include "face/call.h"
#include "face/calls_debug.h"
#include "heap/account.h"
#include "heap/rights.h"
#include "region/region.h"

int call_debug(struct caller *caller, void *arg)
{
	struct memmgr_debug *d = arg;
	int err = d->flags & MEMMGR_DEBUG_SET ? caller_may_change(caller) : 0;

	return err ? err : heap_debug(caller->heap, d);
}

int call_corruptions(struct caller *caller, void *arg)
{
	struct region *region = caller->client->region;
	struct viewer viewer = viewer_of(caller->client);
	struct memmgr_corruptions *c = arg;
	struct memmgr_corruption report;
	struct kept whose;
	int err = 0;
	u32 n = 0;

	if (c->flags || !entries_ok(c->count, c->entry_size, sizeof(report)))
		return -EINVAL;
	if (!IS_ENABLED(CONFIG_MEMMGR_DEBUG))
		return -EOPNOTSUPP;
	while (!err && n < c->count && corruptions_next(region, c->after, &report, &whose)) {
		if (viewer.admin || report.uid == __kuid_val(viewer.uid)) {
			/* The id stays: it is part of the handle, which the caller has. */
			if (!heap_told(region, caller->client, report.heap, report.heap_name,
				       whose.owner))
				heap_name_hide(report.heap_name);
			err = entry_put(c->entries, n, c->entry_size, &report, sizeof(report));
			n += !err;
		}
		if (!err)
			c->after = report.seq;
	}
	c->total = corruptions_total(region);
	c->count = n;
	return err;
}

/* To turn injection off, all other values must be 0, so that a mistake is not taken for it. */
static bool inject_ok(const struct memmgr_inject *i)
{
	if (!(i->flags & MEMMGR_INJECT_SET))
		return true;
	if (!i->times)
		return !i->skip && !i->interval && !i->probability && !i->seed;
	return i->interval && i->probability <= 1000;
}

/* A client may set its own injection; all others need the administrator. */
static int inject_may_set(const struct caller *caller, const struct memmgr_inject *i)
{
	bool own = i->flags & MEMMGR_INJECT_CLIENT && i->id == caller->client->serial;

	if (!own)
		return caller_may_change(caller);
	return caller->writes ? 0 : -EACCES;
}

static int inject_find_heap(struct caller *caller, u64 id)
{
	u32 heap = id;

	return id == heap ? call_find_heap(caller, HEAP_LOOK, &heap) : -ENOENT;
}

int call_inject(struct caller *caller, void *arg)
{
	struct memmgr_inject *i = arg;
	u32 whom = i->flags & ~MEMMGR_INJECT_SET;
	int err = 0;

	if ((whom != MEMMGR_INJECT_CLIENT && whom != MEMMGR_INJECT_HEAP) || !inject_ok(i))
		return -EINVAL;
	if (whom == MEMMGR_INJECT_CLIENT && !i->id)
		i->id = caller->client->serial;
	if (i->flags & MEMMGR_INJECT_SET)
		err = inject_may_set(caller, i);
	if (!err && whom == MEMMGR_INJECT_HEAP)
		err = inject_find_heap(caller, i->id);
	return err ? err : inject_call(caller->client, caller->heap, i);
}

int call_track(struct caller *caller, void *arg)
{
	struct memmgr_track *t = arg;
	int err = t->flags ? caller_may_change(caller) : 0;

	return err ? err : track_call(caller->heap, t);
}

int call_latency(struct caller *caller, void *arg)
{
	struct viewer viewer = viewer_of(caller->client);
	struct memmgr_latency *l = arg;
	int err = l->flags ? caller_may_change(caller) : 0;

	return err ? err : latency_call(caller->heap, &viewer, l);
}

int call_sites(struct caller *caller, void *arg)
{
	struct viewer viewer = viewer_of(caller->client);
	struct memmgr_sites *s = arg;
	struct memmgr_site *site;
	u64 after = s->after;
	int err = 0;
	u32 n = 0;

	if (s->flags || !entries_ok(s->count, s->entry_size, sizeof(*site)))
		return -EINVAL;
	site = kmalloc(sizeof(*site), GFP_KERNEL_ACCOUNT);
	if (!site)
		return -ENOMEM;
	while (n < s->count && sites_next(caller->client->region, &viewer, &after, site)) {
		err = entry_put(s->entries, n, s->entry_size, site, sizeof(*site));
		if (err)
			break;
		s->after = after;
		n++;
		cond_resched();
	}
	kfree(site);
	s->count = n;
	return err;
}
