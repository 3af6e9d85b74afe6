// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Every call of the device while the system is out of memory: each allocation of the
 * kernel, and each copy from or to the program, fails once. The call returns an error and
 * leaves nothing behind, or it succeeds without that memory. This test needs a kernel with
 * fault injection.
 *
 * Rule: <linux/memmgr.h>, ENOMEM and EFAULT.
 */
#include "lib/debugging.h"
#include "lib/faulting.h"
#include "lib/memmgr_test.h"
#include "lib/sweeping.h"

MEMMGR_FIXTURE(fault)

/* ---- allocations ----------------------------------------------------------------- */

static int do_alloc(struct swept *m)
{
	m->alloc = alloc_request(MEMMGR_HEAP_MAIN, 3 * page_size());
	return mm_alloc(m->fd, &m->alloc);
}

static int do_alloc_guarded(struct swept *m)
{
	m->alloc = alloc_request(MEMMGR_HEAP_MAIN, 3 * page_size());
	m->alloc.flags = MEMMGR_ALLOC_GUARD;
	return mm_alloc(m->fd, &m->alloc);
}

static int do_alloc_small(struct swept *m)
{
	m->alloc = alloc_request(m->heap, 100);
	return mm_alloc(m->fd, &m->alloc);
}

static int do_alloc_stacked(struct swept *m)
{
	m->alloc = alloc_request(m->stack, 100);
	return mm_alloc(m->fd, &m->alloc);
}

static int do_free(struct swept *m)
{
	return mm_free(m->fd, m->alloc.handle);
}

static void undo_alloc(struct swept *m)
{
	mm_free(m->fd, m->alloc.handle);
}

static int do_grow(struct swept *m)
{
	struct memmgr_resize r;

	return mm_resize(m->fd, m->alloc.handle, 4 * page_size(), &r);
}

static int do_batch(struct swept *m)
{
	__u32 count = SWEEP_BATCH;

	memset(m->batch, 0, sizeof(m->batch));
	return mm_alloc_batch(m->fd, MEMMGR_HEAP_MAIN, 0, page_size(), m->batch, &count);
}

static int do_free_batch(struct swept *m)
{
	return mm_free_batch(m->fd, m->batch, SWEEP_BATCH);
}

/* Where an entry could not be written, those before it are there. */
static void undo_batch(struct swept *m)
{
	int i;

	for (i = 0; i < SWEEP_BATCH; i++)
		if (m->batch[i])
			mm_free(m->fd, m->batch[i]);
}

static int do_mark(struct swept *m)
{
	return mm_mark(m->fd, m->stack, &m->mark);
}

static int prepare_release(struct swept *m)
{
	return do_mark(m) ?: do_alloc_stacked(m);
}

static int do_release(struct swept *m)
{
	__u32 released;

	return mm_release(m->fd, m->stack, m->mark, &released);
}

static int do_read(struct swept *m)
{
	char bytes[100];

	return mm_read(m->fd, m->handle, 5, bytes, sizeof(bytes));
}

static int do_write(struct swept *m)
{
	return mm_write(m->fd, m->handle, 5, m->create.name, sizeof(m->create.name));
}

static int do_info(struct swept *m)
{
	struct memmgr_info i;

	return mm_info(m->fd, m->handle, &i);
}

static int do_protect(struct swept *m)
{
	return mm_protect(m->fd, m->handle, MEMMGR_ACCESS_READ, 0);
}

static void undo_protect(struct swept *m)
{
	mm_protect(m->fd, m->handle, MEMMGR_ACCESS_READ | MEMMGR_ACCESS_WRITE, 0);
}

static int do_sync(struct swept *m)
{
	return mm_sync(m->fd, m->handle, 0, page_size(), MEMMGR_SYNC_FOR_DEVICE);
}

static int do_export(struct swept *m)
{
	m->file = mm_export(m->fd, m->handle, 0);
	return m->file < 0 ? m->file : 0;
}

static void undo_file(struct swept *m)
{
	close(m->file);
}

static int do_pin(struct swept *m)
{
	return mm_pin(m->fd, m->handle, 0);
}

static int do_unpin(struct swept *m)
{
	return mm_unpin(m->fd, m->handle, 0);
}

static void undo_pin(struct swept *m)
{
	mm_unpin(m->fd, m->handle, 0);
}

static int do_lease(struct swept *m)
{
	return mm_pin(m->fd, m->handle, MEMMGR_PIN_LEASE);
}

static void undo_lease(struct swept *m)
{
	mm_unpin(m->fd, m->handle, MEMMGR_PIN_LEASE);
}

/* ---- heaps ----------------------------------------------------------------------- */

static int create(struct swept *m, __u32 kind)
{
	m->create = heap_config(kind, "t-fault");
	return mm_heap_create(m->fd, &m->create);
}

static int do_buddy(struct swept *m)
{
	return create(m, MEMMGR_KIND_BUDDY);
}

static int do_slab(struct swept *m)
{
	return create(m, MEMMGR_KIND_SLAB);
}

static int do_pool(struct swept *m)
{
	return create(m, MEMMGR_KIND_POOL);
}

static int do_stack(struct swept *m)
{
	return create(m, MEMMGR_KIND_STACK);
}

static int do_shared(struct swept *m)
{
	m->create = heap_config(MEMMGR_KIND_BUDDY, "t-fault");
	m->create.flags = 0;
	m->create.bytes = 64 * page_size();
	m->create.granule = page_size();
	return mm_heap_create(m->fd, &m->create);
}

static int do_destroy(struct swept *m)
{
	return mm_heap_destroy(m->fd, m->create.heap, 0);
}

static void undo_heap(struct swept *m)
{
	mm_heap_destroy(m->fd, m->create.heap, 0);
}

static int do_rights(struct swept *m)
{
	struct memmgr_heap_rights r = {
		.size = sizeof(r), .heap = m->create.heap, .flags = MEMMGR_RIGHTS_MODE,
		.mode = 0600,
	};

	return mm_call(m->fd, MEMMGR_IOC_HEAP_RIGHTS, &r);
}

static int do_query(struct swept *m)
{
	struct memmgr_query q;

	return mm_query(m->fd, &q);
}

static int do_heap_query(struct swept *m)
{
	struct memmgr_heap_query q;

	return mm_heap_query(m->fd, m->heap, &q);
}

static int do_stats(struct swept *m)
{
	struct memmgr_stats s;

	return mm_stats(m->fd, m->heap, &s);
}

static int do_frag(struct swept *m)
{
	struct memmgr_frag f;

	return mm_frag(m->fd, MEMMGR_HEAP_MAIN, &f);
}

static int do_check(struct swept *m)
{
	return mm_check(m->fd, MEMMGR_HEAP_MAIN);
}

/* ---- views, and what changes the region ------------------------------------------ */

static int do_map(struct swept *m)
{
	struct memmgr_cell cells[16];
	struct memmgr_map map = {
		.size = sizeof(map), .count = ARRAY_SIZE(cells), .cells = (uintptr_t)cells,
	};

	return mm_call(m->fd, MEMMGR_IOC_MAP, &map);
}

static int do_list(struct swept *m)
{
	struct memmgr_info entries[4];
	struct memmgr_list l = {
		.size = sizeof(l), .heap = MEMMGR_HEAP_ANY, .count = ARRAY_SIZE(entries),
		.entry_size = sizeof(entries[0]), .entries = (uintptr_t)entries,
	};

	return mm_call(m->fd, MEMMGR_IOC_LIST, &l);
}

static int do_failures(struct swept *m)
{
	struct memmgr_failure entries[4];
	struct memmgr_failures f = {
		.size = sizeof(f), .count = ARRAY_SIZE(entries), .entry_size = sizeof(entries[0]),
		.entries = (uintptr_t)entries,
	};

	return mm_call(m->fd, MEMMGR_IOC_FAILURES, &f);
}

static int do_accounts(struct swept *m)
{
	struct memmgr_account entries[4];
	__u32 count = ARRAY_SIZE(entries);
	__u64 cursor = 0;

	return mm_accounts(m->fd, 0, entries, &count, &cursor);
}

static int do_quota(struct swept *m)
{
	return mm_set_quota(m->fd, MEMMGR_QUOTA_USER, 1234, 0, 0);
}

static int do_explain(struct swept *m)
{
	struct memmgr_explain e;

	return mm_explain(m->fd, MEMMGR_HEAP_MAIN, 4 * page_size(), 0, &e);
}

static int do_compact(struct swept *m)
{
	struct memmgr_compact c = compact_request(MEMMGR_HEAP_MAIN, 0, 0);

	return mm_compact(m->fd, &c);
}

static int do_health(struct swept *m)
{
	struct memmgr_health h;

	return mm_health(m->fd, &h) ?: mm_health_set(m->fd, &h, 0);
}

/* ---- debugging ------------------------------------------------------------------- */

/* Of an allocation that is never made; @times 0 is off. */
static int inject(int fd, __u64 times)
{
	struct memmgr_inject inject = {
		.flags = MEMMGR_INJECT_CLIENT | MEMMGR_INJECT_SET, .skip = times * 1000000,
		.interval = times, .times = times,
	};

	return mm_inject(fd, &inject);
}

static int do_inject(struct swept *m)
{
	return inject(m->fd, 1);
}

static void undo_inject(struct swept *m)
{
	inject(m->fd, 0);
}

static int track(struct swept *m, __u32 flags)
{
	struct memmgr_track t = { .size = sizeof(t), .heap = m->create.heap, .flags = flags };

	return mm_call(m->fd, MEMMGR_IOC_TRACK, &t);
}

static int do_track(struct swept *m)
{
	return track(m, MEMMGR_TRACK_ON);
}

/* The first allocation in a shared heap makes the tables for all that follow. */
static int do_alloc_shared(struct swept *m)
{
	m->alloc = alloc_request(m->create.heap, 100);
	return mm_alloc(m->fd, &m->alloc);
}

static int prepare_used(struct swept *m)
{
	return do_shared(m) ?: do_alloc_shared(m) ?: do_free(m);
}

/* An allocation whose call site is kept. */
static int prepare_tracked(struct swept *m)
{
	return prepare_used(m) ?: do_track(m);
}

static int do_alloc_tracked(struct swept *m)
{
	m->alloc = alloc_request(m->create.heap, 100);
	m->alloc.site = (uintptr_t)do_alloc_tracked;
	return mm_alloc(m->fd, &m->alloc);
}

static int do_sites(struct swept *m)
{
	struct memmgr_site entries[4];
	struct memmgr_sites s = {
		.size = sizeof(s), .count = ARRAY_SIZE(entries), .entry_size = sizeof(entries[0]),
		.entries = (uintptr_t)entries,
	};

	return mm_call(m->fd, MEMMGR_IOC_SITES, &s);
}

static int do_latency(struct swept *m)
{
	struct memmgr_latency l = {
		.size = sizeof(l), .heap = m->create.heap, .flags = MEMMGR_LATENCY_ON,
	};

	return mm_call(m->fd, MEMMGR_IOC_LATENCY, &l);
}

static int do_debug(struct swept *m)
{
	struct memmgr_debug d = {
		.flags = MEMMGR_DEBUG_ZONES | MEMMGR_DEBUG_POISON | MEMMGR_DEBUG_QUARANTINE,
	};

	return debug_set(m->fd, m->create.heap, d);
}

static int prepare_debugged(struct swept *m)
{
	return prepare_used(m) ?: do_debug(m);
}

static int do_corruptions(struct swept *m)
{
	struct memmgr_corruption entries[4];
	struct memmgr_corruptions c = {
		.size = sizeof(c), .count = ARRAY_SIZE(entries), .entry_size = sizeof(entries[0]),
		.entries = (uintptr_t)entries,
	};

	return mm_call(m->fd, MEMMGR_IOC_CORRUPTIONS, &c);
}

#define NR(call)	_IOC_NR(MEMMGR_IOC_##call)

static const struct sweep calls[] = {
	{ "QUERY", NR(QUERY), NULL, do_query },
	{ "HEAP_CREATE buddy", NR(HEAP_CREATE), NULL, do_buddy, undo_heap, .memory = true },
	{ "HEAP_CREATE slab", NR(HEAP_CREATE), NULL, do_slab, undo_heap, .memory = true },
	{ "HEAP_CREATE pool", NR(HEAP_CREATE), NULL, do_pool, undo_heap, .memory = true },
	{ "HEAP_CREATE stack", NR(HEAP_CREATE), NULL, do_stack, undo_heap, .memory = true },
	{ "HEAP_CREATE shared", NR(HEAP_CREATE), NULL, do_shared, undo_heap, .memory = true },
	{ "HEAP_DESTROY", NR(HEAP_DESTROY), do_shared, do_destroy, NULL, undo_heap },
	{ "HEAP_QUERY", NR(HEAP_QUERY), NULL, do_heap_query },
	{ "ALLOC", NR(ALLOC), NULL, do_alloc, undo_alloc },
	{ "ALLOC guarded", NR(ALLOC), NULL, do_alloc_guarded, undo_alloc },
	{ "ALLOC small", NR(ALLOC), NULL, do_alloc_small, undo_alloc },
	{ "ALLOC first", NR(ALLOC), do_shared, do_alloc_shared, undo_alloc, undo_heap,
	  .memory = true },
	{ "ALLOC tracked", NR(ALLOC), prepare_tracked, do_alloc_tracked, undo_alloc, undo_heap },
	{ "ALLOC debugged", NR(ALLOC), prepare_debugged, do_alloc_shared, undo_alloc,
	  undo_heap },
	{ "FREE", NR(FREE), do_alloc, do_free, NULL, undo_alloc },
	{ "FREE small", NR(FREE), do_alloc_small, do_free, NULL, undo_alloc },
	{ "RESIZE", NR(RESIZE), do_alloc, do_grow, NULL, undo_alloc },
	{ "ALLOC_BATCH", NR(ALLOC_BATCH), NULL, do_batch, undo_batch, NULL, true },
	{ "FREE_BATCH", NR(FREE_BATCH), do_batch, do_free_batch, NULL, undo_batch },
	{ "MARK", NR(MARK), NULL, do_mark },
	{ "RELEASE", NR(RELEASE), prepare_release, do_release, NULL, undo_alloc },
	{ "READ", NR(READ), NULL, do_read },
	{ "WRITE", NR(WRITE), NULL, do_write },
	{ "ALLOC_QUERY", NR(ALLOC_QUERY), NULL, do_info },
	{ "LIST", NR(LIST), NULL, do_list },
	{ "STATS", NR(STATS), NULL, do_stats },
	{ "FRAG", NR(FRAG), NULL, do_frag },
	{ "CHECK", NR(CHECK), NULL, do_check },
	{ "MAP", NR(MAP), NULL, do_map, .memory = true },
	{ "FAILURES", NR(FAILURES), NULL, do_failures },
	{ "PROTECT", NR(PROTECT), NULL, do_protect, undo_protect },
	{ "SYNC", NR(SYNC), NULL, do_sync },
	{ "EXPORT", NR(EXPORT), NULL, do_export, undo_file, .memory = true },
	{ "ACCOUNTS", NR(ACCOUNTS), NULL, do_accounts },
	{ "SET_QUOTA", NR(SET_QUOTA), NULL, do_quota, .memory = true },
	{ "EXPLAIN", NR(EXPLAIN), NULL, do_explain, .memory = true },
	{ "COMPACT", NR(COMPACT), NULL, do_compact, .memory = true },
	{ "PIN", NR(PIN), NULL, do_pin, undo_pin },
	{ "PIN lease", NR(PIN), NULL, do_lease, undo_lease },
	{ "UNPIN", NR(UNPIN), do_pin, do_unpin, NULL, undo_pin },
	{ "HEALTH", NR(HEALTH), NULL, do_health },
	{ "INJECT", NR(INJECT), NULL, do_inject, undo_inject, NULL, true, .memory = true },
	{ "TRACK", NR(TRACK), do_shared, do_track, NULL, undo_heap, .memory = true },
	{ "SITES", NR(SITES), NULL, do_sites, .memory = true },
	{ "LATENCY", NR(LATENCY), do_shared, do_latency, NULL, undo_heap, .memory = true },
	{ "DEBUG", NR(DEBUG), do_shared, do_debug, NULL, undo_heap, .memory = true },
	{ "CORRUPTIONS", NR(CORRUPTIONS), NULL, do_corruptions },
	{ "HEAP_RIGHTS", NR(HEAP_RIGHTS), do_shared, do_rights, NULL, undo_heap },
};

/* Does the device know the number, and has no row above? */
static bool is_forgotten(int fd, unsigned int nr)
{
	unsigned int i;

	if (mm_call(fd, _IO(MEMMGR_IOC_MAGIC, nr), NULL) == -ENOTTY)
		return false;
	for (i = 0; i < ARRAY_SIZE(calls); i++)
		if (calls[i].nr == nr)
			return false;
	return true;
}

TEST_F(fault, each_call_has_a_row)
{
	unsigned int nr;

	for (nr = 0; nr < 256; nr++)
		EXPECT_FALSE(is_forgotten(self->fd, nr))
			TH_LOG("no row above for call %#x", nr);
}

/* A slab is kept when it gets empty, and what is compact stays so. */
static void must_have_all(struct __test_metadata *_metadata, struct swept *m)
{
	m->heap = must_kind(_metadata, m->fd, MEMMGR_KIND_SLAB);
	m->stack = must_kind(_metadata, m->fd, MEMMGR_KIND_STACK);
	m->handle = must_alloc(_metadata, m->fd, MEMMGR_HEAP_MAIN, 2 * page_size()).handle;
	ASSERT_EQ(0, do_alloc_small(m));
	undo_alloc(m);
	ASSERT_EQ(0, do_compact(m));
}

TEST_F_TIMEOUT(fault, each_point_of_each_call, 1800)
{
	struct swept m = { .fd = self->fd };
	unsigned int i;

	if (!faulting_begin())
		SKIP(return, "this kernel has no fault injection");
	must_have_all(_metadata, &m);
	for (i = 0; i < ARRAY_SIZE(calls); i++)
		EXPECT_TRUE(sweep_call(&calls[i], &m))
			TH_LOG("%s", calls[i].name);
}

/* The calls with @memory are those that memmgr(7), REAL TIME, names. */
TEST_F_TIMEOUT(fault, calls_without_memory, 600)
{
	struct swept m = { .fd = self->fd };
	unsigned int i;

	if (!faulting_begin())
		SKIP(return, "this kernel has no fault injection");
	must_have_all(_metadata, &m);
	for (i = 0; i < ARRAY_SIZE(calls); i++)
		EXPECT_TRUE(starve_call(&calls[i], &m))
			TH_LOG("%s", calls[i].name);
}

#define POINTS	100	/* more than ALLOC has */
#define TAGGED	200	/* a few times what main makes at once */

static __u64 kernel_bytes(int fd)
{
	struct memmgr_heap_query q;

	return mm_heap_query(fd, MEMMGR_HEAP_MAIN, &q) ? 0 : q.kernel_bytes;
}

/* An allocation with a tag of its own, points of which fail. Number of -ENOMEM. */
static int alloc_tagged(struct __test_metadata *_metadata, int fd, __u32 i, __u64 *handle)
{
	int result = -ENOMEM, short_of_memory = 0;
	bool failed = true;
	unsigned int n;

	/*
	 * The first point is the copy of the argument, which has a second way: the request would
	 * be served, and make the step.
	 */
	for (n = 2; failed && n < POINTS; n++) {
		struct memmgr_stats before = must_stats(_metadata, fd, MEMMGR_HEAP_MAIN);
		struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, 1);

		snprintf(a.tag, sizeof(a.tag), "number %u", i);
		ASSERT_TRUE(fault_at(n));
		result = mm_alloc(fd, &a);
		failed = fault_end();
		short_of_memory += result == -ENOMEM;
		EXPECT_TRUE(!result || (failed && (result == -ENOMEM || result == -EFAULT)))
			TH_LOG("allocation %u, point %u: %d", i, n, result);
		EXPECT_EQ(before.records + !result,
			  must_stats(_metadata, fd, MEMMGR_HEAP_MAIN).records);
		*handle = a.handle;
		if (!result && failed)
			EXPECT_EQ(0, mm_free(fd, a.handle));
	}
	EXPECT_EQ(0, result);
	return short_of_memory;
}

/*
 * The table of records of heap main, and that of their makers and tags, grow in steps.
 * Without memory for a step the request says ENOMEM, and the next one has it.
 */
TEST_F(fault, steps_of_main)
{
	static __u64 handles[TAGGED];
	struct memmgr_info info;
	int short_of_memory = 0;
	char tag[MEMMGR_TAG_LEN];
	__u64 bytes;
	__u32 i;

	if (!faulting_begin())
		SKIP(return, "this kernel has no fault injection");
	bytes = kernel_bytes(self->fd);
	for (i = 0; i < TAGGED; i++)
		short_of_memory += alloc_tagged(_metadata, self->fd, i, &handles[i]);
	bytes = kernel_bytes(self->fd) - bytes;
	fprintf(stderr, "# main grew by %llu bytes, after %d refusals\n",
		(unsigned long long)bytes, short_of_memory);
	/* Earlier tests may have left main with all that this one needs. */
	EXPECT_EQ(!bytes, !short_of_memory);
	EXPECT_EQ(0, mm_check(self->fd, MEMMGR_HEAP_MAIN));
	for (i = 0; i < TAGGED; i++) {
		snprintf(tag, sizeof(tag), "number %u", i);
		EXPECT_EQ(0, mm_info(self->fd, handles[i], &info));
		EXPECT_STREQ(tag, info.tag);
		EXPECT_EQ(0, mm_free(self->fd, handles[i]));
	}
}

MEMMGR_TEST_MAIN
