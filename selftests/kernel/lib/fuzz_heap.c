// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* What hostile programs do with heaps of their own. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "basics.h"
#include "calls.h"
#include "fuzz.h"
#include "heaps.h"

static struct memmgr_heap_create any_config(struct fuzz_worker *w)
{
	struct memmgr_heap_create c = heap_config(fuzz_below(w, MEMMGR_KINDS), "");

	snprintf(c.name, sizeof(c.name), "fuzz-%u-%u", w->index, w->seq++ % 1000);
	if (c.kind == MEMMGR_KIND_POOL && fuzz_chance(w, 40)) {
		c.object_size = 2 * w->page;
		c.count = 12;
	} else if (c.kind == MEMMGR_KIND_BUDDY && fuzz_chance(w, 40)) {
		c.granule = 0;
		c.bytes = 24 * w->page;
	}
	return c;
}

/* What is wrong with it, and the error for that; 0: nothing is. */
static int spoil_config(struct fuzz_worker *w, struct memmgr_heap_create *c)
{
	switch (fuzz_below(w, 12)) {
	case 0:
		strcpy(c->name, "main");
		return -EEXIST;
	case 1:
		c->kind = MEMMGR_KINDS + fuzz_below(w, 100);
		return -EINVAL;
	case 2:
		c->name[0] = '/';
		return -EINVAL;
	case 3:
		c->flags |= MEMMGR_HEAP_MODE;
		return -EINVAL;
	case 4:
		c->granule = 24;
		c->count = 0;
		return -EINVAL;
	case 5:
		if (!w->uid)
			return 0;
		c->flags &= ~MEMMGR_HEAP_PRIVATE;
		return -EPERM;
	default:
		return 0;
	}
}

static void remember(struct fuzz_worker *w, const struct memmgr_heap_create *c, __u32 client)
{
	static const __u64 most[MEMMGR_KINDS] = { 5000, 192, 256, 2000, 5000 };

	w->heaps[w->heaps_used++] = (struct fuzz_heap){
		.id = c->heap, .kind = c->kind, .client = client,
		.object = c->object_size ?: most[c->kind],
		.map_offset = c->map_offset, .map_size = c->map_size,
	};
}

static bool op_create(struct fuzz_worker *w)
{
	struct memmgr_heap_create c = any_config(w);
	__u32 client = fuzz_below(w, FUZZ_CLIENTS);
	int must = spoil_config(w, &c), result;

	if (!must && w->heaps_used == FUZZ_HEAPS)
		return true;
	result = fuzz_ioctl(w, w->clients[client], F(HEAP_CREATE), &c, c.kind, c.flags);
	if (result == FUZZ_TWISTED)
		return true;
	if (must)
		return ALLOW(w, "a wrong heap", result, must, -EOPNOTSUPP);
	if (result == -ENOMEM || result == -EDQUOT || result == -ENOSPC)
		return true;
	if (result)
		return ALLOW(w, "HEAP_CREATE", result, -EOPNOTSUPP);
	remember(w, &c, client);
	return w->heaps[w->heaps_used - 1].map_size || fuzz_fail(w, "a heap without a mapping", 0);
}

static __u32 count_blocks(const struct fuzz_worker *w, __u32 heap)
{
	__u32 i, n = 0;

	for (i = 0; i < w->used; i++)
		n += w->blocks[i].heap == heap;
	return n;
}

static void lose_above(struct fuzz_worker *w, __u32 heap, __u32 seq)
{
	__u32 i;

	for (i = w->used; i--;)
		if (w->blocks[i].heap == heap && w->blocks[i].seq > seq)
			fuzz_forget(w, &w->blocks[i]);
}

/* The heap of another, or one that all share. */
static bool destroy_foreign(struct fuzz_worker *w)
{
	struct memmgr_heap_destroy d = {
		.flags = MEMMGR_DESTROY_FORCE, .heap = MEMMGR_HEAP_MAIN,
	};
	int result;

	/* root could */
	if (fuzz_chance(w, 40))
		d.heap = 64 + fuzz_below(w, 100);
	else if (w->uid)
		d.heap = w->board->shared[fuzz_below(w, w->board->shared_used)].id;
	result = fuzz_ioctl(w, w->clients[0], F(HEAP_DESTROY), &d, d.heap, d.flags);
	return result == FUZZ_TWISTED ||
	       ALLOW(w, "HEAP_DESTROY of what is another's", result, -EPERM, -EACCES, -ENOENT,
		     -EINVAL, -EBUSY);
}

static bool op_destroy(struct fuzz_worker *w)
{
	struct memmgr_heap_destroy d = { 0 };
	struct fuzz_heap *heap;
	int result;
	__u32 live;

	if (!w->heaps_used || fuzz_chance(w, 20))
		return destroy_foreign(w);
	heap = &w->heaps[fuzz_below(w, w->heaps_used)];
	live = count_blocks(w, heap->id);
	d.heap = heap->id;
	d.flags = fuzz_chance(w, 30) ? MEMMGR_DESTROY_FORCE : 0;
	result = fuzz_ioctl(w, w->clients[heap->client], F(HEAP_DESTROY), &d, d.heap, d.flags);
	if (result == FUZZ_TWISTED)
		return true;
	if (live && !d.flags)
		return ALLOW(w, "HEAP_DESTROY with allocations", result, -EBUSY);
	if (result)
		return ALLOW(w, "HEAP_DESTROY", result, -EBUSY);
	lose_above(w, heap->id, 0);
	*heap = w->heaps[--w->heaps_used];
	return true;
}

static struct fuzz_heap *any_stack(struct fuzz_worker *w)
{
	__u32 i;

	for (i = 0; i < w->heaps_used; i++)
		if (w->heaps[i].kind == MEMMGR_KIND_STACK)
			return &w->heaps[i];
	return NULL;
}

static bool op_mark(struct fuzz_worker *w)
{
	struct fuzz_heap *heap = any_stack(w);
	struct memmgr_mark m = { 0 };
	int result;

	if (!heap || fuzz_chance(w, 10)) {
		m.heap = w->board->shared[0].id;
		result = fuzz_ioctl(w, w->clients[0], F(MARK), &m, m.heap, 0);
		return result == FUZZ_TWISTED || ALLOW(w, "MARK of no stack", result, -EOPNOTSUPP);
	}
	m.heap = heap->id;
	result = fuzz_ioctl(w, w->clients[heap->client], F(MARK), &m, m.heap, 0);
	if (result == FUZZ_TWISTED)
		return true;
	if (result)
		return fuzz_fail(w, "MARK", result);
	heap->mark = m.mark;
	heap->mark_seq = w->seq;
	return true;
}

static bool op_release(struct fuzz_worker *w)
{
	struct fuzz_heap *heap = any_stack(w);
	struct memmgr_mark m = { 0 };
	__u32 above = 0, i;
	int result;

	if (!heap || !heap->mark_seq) {
		m.heap = w->board->shared[0].id;
		result = fuzz_ioctl(w, w->clients[0], F(RELEASE), &m, m.heap, 0);
		return result == FUZZ_TWISTED ||
		       ALLOW(w, "RELEASE of no stack", result, -EOPNOTSUPP);
	}
	m.heap = heap->id;
	m.mark = heap->mark;
	for (i = 0; i < w->used; i++)
		above += w->blocks[i].heap == heap->id && w->blocks[i].seq > heap->mark_seq;
	result = fuzz_ioctl(w, w->clients[heap->client], F(RELEASE), &m, m.heap, m.mark);
	if (result == FUZZ_TWISTED)
		return true;
	if (result == -EINVAL || result == -EBUSY)
		return true;
	if (result || m.released != above)
		return fuzz_fail(w, "RELEASE", result ?: (int)m.released);
	lose_above(w, heap->id, heap->mark_seq);
	return true;
}

const struct fuzz_op fuzz_heap_ops[] = {
	{ "create a heap", 16, op_create },
	{ "destroy a heap", 8, op_destroy },
	{ "mark", 8, op_mark },
	{ "release", 8, op_release },
	{ }
};
