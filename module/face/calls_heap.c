// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* ioctls about heaps. */
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "face/call.h"
#include "face/calls_heap.h"
#include "heap/account.h"
#include "heap/heap.h"
#include "heap/lookup.h"
#include "heap/make.h"
#include "heap/rights.h"
#include "heap/stats.h"
#include "region/memory.h"
#include "region/region.h"

int call_query(struct caller *caller, void *arg)
{
	struct region *region = caller->client->region;
	struct memmgr_query *q = arg;

	if (q->flags)
		return -EINVAL;
	q->features =
		(IS_ENABLED(CONFIG_MEMMGR_SLAB) ? MEMMGR_FEATURE_SLAB : 0) |
		(IS_ENABLED(CONFIG_MEMMGR_POOL) ? MEMMGR_FEATURE_POOL : 0) |
		(IS_ENABLED(CONFIG_MEMMGR_STACK) ? MEMMGR_FEATURE_STACK : 0) |
		(IS_ENABLED(CONFIG_MEMMGR_TLSF) ? MEMMGR_FEATURE_TLSF : 0) |
		(IS_ENABLED(CONFIG_MEMMGR_DMABUF) ? MEMMGR_FEATURE_DMABUF : 0) |
		(IS_ENABLED(CONFIG_MEMMGR_MOVE) ? MEMMGR_FEATURE_MOVE : 0) |
		(IS_ENABLED(CONFIG_MEMMGR_DEBUG) ? MEMMGR_FEATURE_DEBUG : 0);
	q->region_size = region->memory.bytes;
	q->phys = capable(CAP_SYS_ADMIN) ? region_phys(region, 0) : 0;
	q->max_align = region->memory.max_align;
	q->granule = PAGE_SIZE;
	q->region_flags = region->memory.flags;
	q->region = region->index;
	q->heaps = heap_count(region);
	strscpy_pad(q->name, region->name, sizeof(q->name));
	q->kernel_bytes = region_cost(region);
	return 0;
}

int call_heap_create(struct caller *caller, void *arg)
{
	struct memmgr_heap_create *c = arg;

	if (!text_ok(c->name, sizeof(c->name)))
		return -EINVAL;
	return heap_create(caller->client->region, caller->client, c);
}

int call_heap_destroy(struct caller *caller, void *arg)
{
	struct memmgr_heap_destroy *d = arg;

	if (d->flags & ~MEMMGR_DESTROY_FORCE || d->reserved)
		return -EINVAL;
	return heap_destroy(caller->client->region, caller->client, d->heap, d->flags);
}

/* The heap that a query names. Only the administrator finds other clients' private heaps. */
static struct memmgr_heap *query_heap(struct client *client,
				      const struct memmgr_heap_query *q)
{
	bool admin = is_admin();
	struct memmgr_heap *heap;
	u32 id = q->heap;

	for (;; id++) {
		if (q->flags & MEMMGR_QUERY_NAME)
			heap = heap_get_named(client->region, q->name);
		else if (q->flags & MEMMGR_QUERY_NEXT)
			heap = heap_get_next(client->region, id);
		else
			heap = heap_get(client->region, id);
		if (!heap)
			return ERR_PTR(-ENOENT);
		if (admin || !heap_look(heap, client))
			return heap;
		id = heap->id;
		heap_put(heap);
		if (q->flags & MEMMGR_QUERY_NAME)
			return ERR_PTR(-ENOENT);
		if (!(q->flags & MEMMGR_QUERY_NEXT))
			return ERR_PTR(-EACCES);
	}
}

int call_heap_query(struct caller *caller, void *arg)
{
	struct memmgr_heap_query *q = arg;
	struct memmgr_heap *heap;

	if (q->flags != 0 && q->flags != MEMMGR_QUERY_NAME &&
	    q->flags != MEMMGR_QUERY_NEXT)
		return -EINVAL;
	if (q->reserved || (q->flags & MEMMGR_QUERY_NAME &&
			    !text_ok(q->name, sizeof(q->name))))
		return -EINVAL;
	heap = query_heap(caller->client, q);
	if (IS_ERR(heap))
		return PTR_ERR(heap);
	heap_query(heap, caller->client, q);
	heap_put(heap);
	return 0;
}

int call_heap_rights(struct caller *caller, void *arg)
{
	struct memmgr_heap_rights *r = arg;

	if (!r->flags || r->flags & ~(MEMMGR_RIGHTS_MODE | MEMMGR_RIGHTS_OWNER |
				      MEMMGR_RIGHTS_GROUP))
		return -EINVAL;
	return heap_set_rights(caller->heap, r);
}

int call_stats(struct caller *caller, void *arg)
{
	struct memmgr_stats *s = arg;

	if (s->flags)
		return -EINVAL;
	heap_stats(caller->heap, s);
	return 0;
}

int call_frag(struct caller *caller, void *arg)
{
	struct memmgr_frag *f = arg;

	if (f->flags)
		return -EINVAL;
	heap_frag(caller->heap, f);
	return 0;
}

int call_check(struct caller *caller, void *arg)
{
	struct memmgr_heap *heap = caller->heap;
	struct memmgr_check *c = arg;

	if (c->flags & ~MEMMGR_CHECK_TORN)
		return -EINVAL;
	if (heap->client != caller->client && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	return heap_check(heap, c);
}

/* Hide all heaps in a picture that the caller may not see. */
static void cells_hide(struct client *client, struct memmgr_cell *cells, u32 count)
{
	struct memmgr_heap *heap;
	u64 seen = 0;
	u32 id, i;

	static_assert(MEMMGR_MAX_HEAPS <= 64);

	for (id = 0; (heap = heap_get_next(client->region, id)); id++) {
		id = heap->id;
		if (!heap_look(heap, client))
			seen |= BIT_ULL(id);
		heap_put(heap);
	}
	for (i = 0; i < count; i++) {
		if (cells[i].heap < MEMMGR_MAX_HEAPS && !(seen & BIT_ULL(cells[i].heap)))
			cells[i].heap = MEMMGR_HEAP_ANY;
		if (!(i % 1024))
			cond_resched();
	}
}

int call_map(struct caller *caller, void *arg)
{
	struct client *client = caller->client;
	struct memmgr_map *m = arg;
	struct memmgr_cell *cells;
	void __user *to;
	int err = 0;

	if (m->flags || m->reserved || !m->count || m->count > MEMMGR_BATCH_MAX)
		return -EINVAL;
	if (call_pointer(m->cells, &to))
		return -EFAULT;
	cells = kvcalloc(m->count, sizeof(*cells), GFP_KERNEL);
	if (!cells)
		return -ENOMEM;
	m->count = heap_picture(client->region, cells, m->count, &m->cell_bytes);
	if (!is_admin())
		cells_hide(client, cells, m->count);
	if (copy_to_user(to, cells, m->count * sizeof(*cells))) {
		m->count = 0;
		err = -EFAULT;
	}
	kvfree(cells);
	return err;
}

void undo_heap_create(struct caller *caller, void *arg)
{
	struct memmgr_heap_create *c = arg;

	heap_destroy(caller->client->region, caller->client, c->heap, 0);
}
