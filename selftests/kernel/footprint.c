// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * A shared heap takes system memory for the records of programs when a program first
 * allocates in it, and for the books of slabs when anybody first uses it; and no more after
 * that. With realtime=1, and in a private heap, all of it is there from the beginning.
 *
 * Rule: <linux/memmgr.h>, struct memmgr_heap_create; memmgr(7), REAL TIME.
 */
#include "lib/calling.h"
#include "lib/memmgr_test.h"

MEMMGR_FIXTURE(footprint_slab)
MEMMGR_KIND_FIXTURE(footprint);

#define BYTES		64
#define BLOCKS		1024
#define UNUSED_MOST	(64 * KIB)
#define THREADS		8

/* Room for BLOCKS blocks of BYTES. */
static struct memmgr_heap_create shared(__u32 kind)
{
	struct memmgr_heap_create c = heap_config(kind, "t-footprint");

	c.flags = 0;
	c.max_allocations = BLOCKS;
	if (kind == MEMMGR_KIND_SLAB || kind == MEMMGR_KIND_POOL)
		c.object_size = BYTES;
	if (kind == MEMMGR_KIND_POOL)
		c.count = BLOCKS;
	else
		c.bytes = 2 * BLOCKS * BYTES;
	return c;
}

static __u64 cost(struct __test_metadata *_metadata, int fd, __u32 heap)
{
	struct memmgr_heap_query q;

	ASSERT_EQ(0, mm_heap_query(fd, heap, &q));
	return q.kernel_bytes;
}

/* Takes and frees all blocks that the heap has records for; the last one first. */
static void use_all(struct __test_metadata *_metadata, int fd, __u32 heap)
{
	static __u64 handles[BLOCKS];
	__u32 i;

	for (i = 0; i < BLOCKS; i++)
		handles[i] = must_alloc(_metadata, fd, heap, BYTES).handle;
	EXPECT_EQ(0, mm_check(fd, heap));
	while (i--)
		EXPECT_EQ(0, mm_free(fd, handles[i]));
	EXPECT_EQ(0, mm_check(fd, heap));
}

TEST_F(footprint, records_come_with_the_first_program)
{
	struct memmgr_alloc a;
	__u64 unused, used;
	__u32 heap;

	REQUIRE_KIND(variant->kind);
	heap = must_heap(_metadata, self->fd, shared(variant->kind));
	unused = cost(_metadata, self->fd, heap);
	EXPECT_EQ(0, mm_check(self->fd, heap));
	a = must_alloc(_metadata, self->fd, heap, BYTES);
	used = cost(_metadata, self->fd, heap);
	EXPECT_EQ(0, mm_free(self->fd, a.handle));
	EXPECT_GE(is_realtime() ? used : UNUSED_MOST, unused);
	EXPECT_LE(BLOCKS * 160ull, used);
	use_all(_metadata, self->fd, heap);
	EXPECT_EQ(used, cost(_metadata, self->fd, heap));
	EXPECT_EQ(0, mm_heap_destroy(self->fd, heap, 0));
}

TEST_F(footprint, private_heaps_have_all_at_once)
{
	struct memmgr_heap_create c = shared(variant->kind);
	struct memmgr_alloc a;
	__u64 unused;
	__u32 heap;

	REQUIRE_KIND(variant->kind);
	c.flags = MEMMGR_HEAP_PRIVATE;
	heap = must_heap(_metadata, self->fd, c);
	unused = cost(_metadata, self->fd, heap);
	a = must_alloc(_metadata, self->fd, heap, BYTES);
	EXPECT_EQ(unused, cost(_metadata, self->fd, heap));
	EXPECT_EQ(0, mm_free(self->fd, a.handle));
	EXPECT_LE(BLOCKS * 160ull, unused);
}

struct first {
	int fd;
	__u32 heap;
	pthread_barrier_t *start;
	__u64 handle;
	int result;
	pthread_t thread;
};

static void *allocate_first(void *argument)
{
	struct first *f = argument;
	struct memmgr_alloc a = alloc_request(f->heap, BYTES);

	pthread_barrier_wait(f->start);
	f->result = mm_alloc(f->fd, &a);
	f->handle = a.handle;
	return NULL;
}

/* Many threads are the first: one of them makes the tables, and each gets its own record. */
static void begin_together(struct __test_metadata *_metadata, int fd, __u32 kind)
{
	__u32 heap = must_heap(_metadata, fd, shared(kind));
	struct first f[THREADS];
	pthread_barrier_t start;
	int i, j;

	ASSERT_EQ(0, pthread_barrier_init(&start, NULL, THREADS));
	for (i = 0; i < THREADS; i++) {
		f[i] = (struct first){ .fd = fd, .heap = heap, .start = &start };
		ASSERT_EQ(0, pthread_create(&f[i].thread, NULL, allocate_first, &f[i]));
	}
	for (i = 0; i < THREADS; i++) {
		ASSERT_EQ(0, pthread_join(f[i].thread, NULL));
		EXPECT_EQ(0, f[i].result);
		for (j = 0; j < i; j++)
			EXPECT_NE(f[j].handle, f[i].handle);
	}
	EXPECT_EQ(THREADS, must_stats(_metadata, fd, heap).records);
	EXPECT_EQ(0, mm_check(fd, heap));
	/* Blocks of a stack go in an order of their own. */
	EXPECT_EQ(0, mm_heap_destroy(fd, heap, MEMMGR_DESTROY_FORCE));
}

TEST_F(footprint, many_are_the_first)
{
	int round;

	REQUIRE_KIND(variant->kind);
	for (round = 0; round < 20; round++)
		begin_together(_metadata, self->fd, variant->kind);
}

TEST_F(footprint, a_fallback_is_used_first)
{
	struct memmgr_heap_create c = shared(variant->kind), small;
	struct memmgr_alloc a, b;
	struct memmgr_info info;

	REQUIRE_KIND(variant->kind);
	ASSERT_EQ(0, mm_heap_create(self->fd, &c));
	small = heap_config(MEMMGR_KIND_BUDDY, "t-small");
	small.bytes = self->page;
	small.flags = MEMMGR_HEAP_FALLBACK;
	small.fallback = c.heap;
	ASSERT_EQ(0, mm_heap_create(self->fd, &small));
	a = must_alloc(_metadata, self->fd, small.heap, self->page);
	b = must_alloc(_metadata, self->fd, small.heap, BYTES);
	ASSERT_EQ(0, mm_info(self->fd, b.handle, &info));
	EXPECT_EQ(c.heap, info.heap);
	EXPECT_EQ(0, mm_free(self->fd, b.handle));
	EXPECT_EQ(0, mm_free(self->fd, a.handle));
	EXPECT_EQ(0, mm_heap_destroy(self->fd, small.heap, 0));
	EXPECT_EQ(0, mm_heap_destroy(self->fd, c.heap, 0));
}

/* ---- slabs ----------------------------------------------------------------------- */

#define EMPTY_MOST	(4 * KIB)

/* The books of objects of 8 bytes are large: 1/9 of the slabs. */
static __u32 unopened(struct __test_metadata *_metadata, int fd, const char *name)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_SLAB, name);

	c.flags = 0;
	c.object_size = 8;
	c.bytes = MIB;
	return must_heap(_metadata, fd, c);
}

/* A heap without books answers as an empty one, and is compacted and destroyed as one. */
TEST_F(footprint_slab, without_books)
{
	__u32 heap, moved;
	struct memmgr_compact c;
	struct memmgr_stats s;
	struct memmgr_frag f;

	REQUIRE_KIND(MEMMGR_KIND_SLAB);
	heap = unopened(_metadata, self->fd, "t-unopened");
	if (!is_realtime())
		EXPECT_GE(EMPTY_MOST, cost(_metadata, self->fd, heap));
	s = must_stats(_metadata, self->fd, heap);
	EXPECT_EQ(0, s.live + s.used + s.total);
	ASSERT_EQ(0, mm_frag(self->fd, heap, &f));
	EXPECT_EQ(8, f.largest);
	EXPECT_EQ(0, f.free);
	EXPECT_EQ(0, mm_check(self->fd, heap));
	c = compact_request(heap, 0, 0);
	moved = mm_compact(self->fd, &c);
	EXPECT_TRUE(!moved || (int)moved == -EOPNOTSUPP);
	EXPECT_EQ(0, c.moves + c.slabs + c.left);
	EXPECT_EQ(0, mm_heap_destroy(self->fd, heap, 0));
}

static int hold(const char *name)
{
	int caller = open("/dev/memmgr_caller", O_RDWR | O_CLOEXEC);
	struct caller_call call = { 0 };

	snprintf(call.heap, sizeof(call.heap), "%s", name);
	if (caller >= 0 && ask(caller, CALLER_HOLD, 0, 0, &call)) {
		close(caller);
		return -1;
	}
	return caller;
}

/* Kernel code that holds a heap may allocate at once; it needs no records. */
TEST_F(footprint_slab, kernel_code_opens)
{
	struct caller_call call = { .bytes = 8 };
	__u64 unopen, open;
	__u32 heap;
	int caller;

	REQUIRE_KIND(MEMMGR_KIND_SLAB);
	if (access("/dev/memmgr_caller", F_OK))
		SKIP(return, "no memmgr_caller.ko");
	heap = unopened(_metadata, self->fd, "t-driver");
	unopen = cost(_metadata, self->fd, heap);
	caller = hold("t-driver");
	ASSERT_LE(0, caller);
	open = cost(_metadata, self->fd, heap);
	EXPECT_GE(MIB / 8 + 8 * KIB, open);
	if (!is_realtime())
		EXPECT_LE(unopen + MIB / 16, open);
	EXPECT_EQ(0, ask(caller, CALLER_ALLOC, 0, 0, &call));
	EXPECT_EQ(open, cost(_metadata, self->fd, heap));
	EXPECT_EQ(0, ask(caller, CALLER_FREE, 0, 0, &call));
	close(caller);
	EXPECT_EQ(0, mm_check(self->fd, heap));
	EXPECT_EQ(0, mm_heap_destroy(self->fd, heap, 0));
}

/* Kernel code that holds a heap may need the fallback at once, too. */
TEST_F(footprint_slab, kernel_code_opens_the_fallback)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_POOL, "t-front");
	struct caller_call call = { .bytes = 8 };
	int caller;

	REQUIRE_KIND(MEMMGR_KIND_SLAB);
	REQUIRE_KIND(MEMMGR_KIND_POOL);
	if (access("/dev/memmgr_caller", F_OK))
		SKIP(return, "no memmgr_caller.ko");
	c.flags = MEMMGR_HEAP_FALLBACK;
	c.object_size = 8;
	c.count = 1;
	c.fallback = unopened(_metadata, self->fd, "t-behind");
	ASSERT_EQ(0, mm_heap_create(self->fd, &c));
	caller = hold("t-front");
	ASSERT_LE(0, caller);
	EXPECT_EQ(0, ask(caller, CALLER_ALLOC, 0, 0, &call));
	EXPECT_EQ(0, ask(caller, CALLER_ALLOC, 1, 0, &call));
	EXPECT_EQ(1, must_stats(_metadata, self->fd, c.fallback).live);
	EXPECT_EQ(0, ask(caller, CALLER_FREE, 1, 0, &call));
	EXPECT_EQ(0, ask(caller, CALLER_FREE, 0, 0, &call));
	close(caller);
	EXPECT_EQ(0, mm_heap_destroy(self->fd, c.heap, 0));
	EXPECT_EQ(0, mm_heap_destroy(self->fd, c.fallback, 0));
}

MEMMGR_TEST_MAIN
