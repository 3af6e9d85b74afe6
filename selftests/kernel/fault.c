// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Calls while the system is out of memory: each allocation of the kernel, and each copy
 * from or to the program, fails once. The call returns an error and leaves nothing behind, or
 * it succeeds without that memory. This test needs a kernel with fault injection.
 *
 * Rule: <linux/memmgr.h>, ENOMEM and EFAULT.
 */
#include "lib/faulting.h"
#include "lib/memmgr_test.h"

MEMMGR_FIXTURE(fault)

#define POINTS	1000	/* more than a call has */
#define BATCH	4

/* What the calls work on, and what they made. */
struct made {
	int fd;
	__u64 handle;		/* of an allocation that there is */
	__u32 heap;		/* the same */
	struct memmgr_alloc alloc;
	struct memmgr_heap_create create;
	__u64 batch[BATCH];
	int file;
};

static int do_open(struct made *m)
{
	m->file = open(device_path(), O_RDWR | O_CLOEXEC);
	return m->file < 0 ? -errno : 0;
}

static void undo_file(struct made *m)
{
	close(m->file);
}

static int do_alloc(struct made *m)
{
	m->alloc = alloc_request(MEMMGR_HEAP_MAIN, 3 * page_size());
	return mm_alloc(m->fd, &m->alloc);
}

static int do_alloc_guarded(struct made *m)
{
	m->alloc = alloc_request(MEMMGR_HEAP_MAIN, 3 * page_size());
	m->alloc.flags = MEMMGR_ALLOC_GUARD;
	return mm_alloc(m->fd, &m->alloc);
}

static int do_alloc_small(struct made *m)
{
	m->alloc = alloc_request(m->heap, 100);
	return mm_alloc(m->fd, &m->alloc);
}

static void undo_alloc(struct made *m)
{
	mm_free(m->fd, m->alloc.handle);
}

static int do_batch(struct made *m)
{
	__u32 count = BATCH;

	memset(m->batch, 0, sizeof(m->batch));
	return mm_alloc_batch(m->fd, MEMMGR_HEAP_MAIN, 0, page_size(), m->batch, &count);
}

/* Where an entry could not be written, those before it are there. */
static void undo_batch(struct made *m)
{
	int i;

	for (i = 0; i < BATCH; i++)
		if (m->batch[i])
			mm_free(m->fd, m->batch[i]);
}

static int create(struct made *m, __u32 kind)
{
	m->create = heap_config(kind, "t-fault");
	return mm_heap_create(m->fd, &m->create);
}

static int do_buddy(struct made *m)
{
	return create(m, MEMMGR_KIND_BUDDY);
}

static int do_slab(struct made *m)
{
	return create(m, MEMMGR_KIND_SLAB);
}

static int do_pool(struct made *m)
{
	return create(m, MEMMGR_KIND_POOL);
}

static int do_stack(struct made *m)
{
	return create(m, MEMMGR_KIND_STACK);
}

static int do_shared(struct made *m)
{
	m->create = heap_config(MEMMGR_KIND_BUDDY, "t-fault");
	m->create.flags = 0;
	m->create.bytes = 64 * page_size();
	m->create.granule = page_size();
	return mm_heap_create(m->fd, &m->create);
}

static void undo_heap(struct made *m)
{
	mm_heap_destroy(m->fd, m->create.heap, 0);
}

static int do_export(struct made *m)
{
	m->file = mm_export(m->fd, m->handle, 0);
	return m->file < 0 ? m->file : 0;
}

static int do_pin(struct made *m)
{
	return mm_pin(m->fd, m->handle, 0);
}

static void undo_pin(struct made *m)
{
	mm_unpin(m->fd, m->handle, 0);
}

static int do_map(struct made *m)
{
	struct memmgr_cell cells[16];
	struct memmgr_map map = {
		.size = sizeof(map), .count = ARRAY_SIZE(cells), .cells = (uintptr_t)cells,
	};

	return mm_call(m->fd, MEMMGR_IOC_MAP, &map);
}

static int do_list(struct made *m)
{
	struct memmgr_info entries[4];
	struct memmgr_list l = {
		.size = sizeof(l), .heap = MEMMGR_HEAP_ANY, .count = ARRAY_SIZE(entries),
		.entry_size = sizeof(entries[0]), .entries = (uintptr_t)entries,
	};

	return mm_call(m->fd, MEMMGR_IOC_LIST, &l);
}

static int do_explain(struct made *m)
{
	struct memmgr_explain e;

	return mm_explain(m->fd, MEMMGR_HEAP_MAIN, 4 * page_size(), 0, &e);
}

static int do_compact(struct made *m)
{
	struct memmgr_compact c = compact_request(MEMMGR_HEAP_MAIN, 0, 0);

	return mm_compact(m->fd, &c);
}

static int do_quota(struct made *m)
{
	return mm_set_quota(m->fd, MEMMGR_QUOTA_USER, 1234, 0, 0);
}

static const struct {
	const char *name;
	int (*call)(struct made *m);
	void (*undo)(struct made *m);	/* NULL: it leaves nothing */
	bool partly;			/* a failure may leave something that is told */
} calls[] = {
	{ "open", do_open, undo_file },
	{ "ALLOC", do_alloc, undo_alloc },
	{ "ALLOC guarded", do_alloc_guarded, undo_alloc },
	{ "ALLOC small", do_alloc_small, undo_alloc },
	{ "ALLOC_BATCH", do_batch, undo_batch, true },
	{ "HEAP_CREATE buddy", do_buddy, undo_heap },
	{ "HEAP_CREATE slab", do_slab, undo_heap },
	{ "HEAP_CREATE pool", do_pool, undo_heap },
	{ "HEAP_CREATE stack", do_stack, undo_heap },
	{ "HEAP_CREATE shared", do_shared, undo_heap },
	{ "EXPORT", do_export, undo_file },
	{ "PIN", do_pin, undo_pin },
	{ "MAP", do_map },
	{ "LIST", do_list },
	{ "EXPLAIN", do_explain },
	{ "COMPACT", do_compact },
	{ "SET_QUOTA", do_quota },
};

/* Is all as it was? Descriptors too: the lowest free one tells. */
static bool nothing_left(int fd, const struct snapshot *before, int lowest)
{
	int file = dup(fd);

	close(file);
	if (file != lowest)
		fprintf(stderr, "# descriptor %d is left\n", lowest);
	return state_returns(fd, before) && file == lowest;
}

TEST_F(fault, each_point_of_each_call)
{
	static struct snapshot before;
	struct made m = { .fd = self->fd };
	unsigned int i, n, refused;
	int lowest;

	if (!faulting_begin())
		SKIP(return, "this kernel has no fault injection");
	ASSERT_EQ(0, quiet_health(self->fd));
	m.heap = must_kind(_metadata, self->fd, MEMMGR_KIND_SLAB);
	m.handle = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 2 * self->page).handle;
	lowest = dup(self->fd);
	close(lowest);
	/* A slab is kept when it gets empty, and what is compact stays so. */
	ASSERT_EQ(0, do_alloc_small(&m));
	undo_alloc(&m);
	ASSERT_EQ(0, do_compact(&m));
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		bool failed = true;

		ASSERT_EQ(0, snapshot_take(self->fd, &before));
		for (n = 1, refused = 0; failed && n < POINTS; n++) {
			int result;

			ASSERT_TRUE(fault_at(n));
			result = calls[i].call(&m);
			failed = fault_end();
			refused += !!result;
			EXPECT_TRUE(!result || (failed && (result == -ENOMEM || result == -EFAULT)))
				TH_LOG("%s, point %u: %d", calls[i].name, n, result);
			if (calls[i].undo && (!result || calls[i].partly))
				calls[i].undo(&m);
			EXPECT_TRUE(nothing_left(self->fd, &before, lowest))
				TH_LOG("%s, point %u: %d", calls[i].name, n, result);
		}
		fprintf(stderr, "# %s: %u points, %u of them needed\n", calls[i].name, n - 2,
			refused);
		EXPECT_FALSE(failed);
	}
}

MEMMGR_TEST_MAIN
