// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Once heaps and clients exist, allocations need no memory of the system: every allocation
 * that the kernel makes for this thread fails here, and the calls of a program and of kernel
 * code still work until the heap itself is exhausted. Unless the module was loaded with
 * realtime=1, heap main makes more records when all are in use, and a shared heap makes its
 * records for the first program. This test needs a kernel with fault injection.
 *
 * Rule: memmgr(7), REAL TIME.
 */
#include "lib/calling.h"
#include "lib/faulting.h"
#include "lib/memmgr_test.h"

#define BYTES		64
#define MOST		1100	/* pools and stacks of heap_config() have fewer blocks */

MEMMGR_FIXTURE(no_memory)
MEMMGR_KIND_FIXTURE(no_memory_kind);

static __u64 handles[MOST];

/* Allocate up to @most blocks, or until there is no more: their number, or a negative errno. */
static int fill(int fd, __u32 heap, __u64 bytes, unsigned int most)
{
	unsigned int n;

	for (n = 0; n < most; n++) {
		struct memmgr_alloc a = alloc_request(heap, bytes);
		int result = mm_alloc(fd, &a);

		if (result == -ENOMEM)
			break;
		if (result)
			return result;
		handles[n] = a.handle;
	}
	return n;
}

/* The last block first, as a stack demands. */
static int drain(int fd, int n)
{
	while (n-- > 0) {
		int result = mm_free(fd, handles[n]);

		if (result)
			return result;
	}
	return 0;
}

/* Each block holds bytes, and one of them is changed in size and protection. */
static int use(int fd, int n)
{
	char there[BYTES], back[BYTES];
	struct memmgr_resize r;
	struct memmgr_info info;
	int i, result = 0;

	for (i = 0; i < n && !result; i++) {
		memset(there, i, sizeof(there));
		result = mm_write(fd, handles[i], 0, there, BYTES) ?:
			 mm_read(fd, handles[i], 0, back, BYTES);
		if (!result && memcmp(there, back, BYTES))
			return -EUCLEAN;
	}
	return result ?: mm_resize(fd, handles[n - 1], BYTES / 2, &r) ?:
	       mm_resize(fd, handles[n - 1], BYTES, &r) ?: mm_info(fd, handles[n - 1], &info);
}

/* The same number of blocks, in batches. */
static int fill_batches(int fd, __u32 heap, int n)
{
	int done = 0;

	while (done < n) {
		__u32 count = n - done < 64 ? n - done : 64;
		int result = mm_alloc_batch(fd, heap, 0, BYTES, handles + done, &count);

		if (result)
			return result;
		done += count;
	}
	return 0;
}

static int drain_batches(int fd, int n)
{
	while (n > 0) {
		int count = n < 64 ? n : 64, i, result;
		__u64 last[64];

		for (i = 0; i < count; i++)
			last[i] = handles[n - 1 - i];
		result = mm_free_batch(fd, last, count);
		if (result)
			return result;
		n -= count;
	}
	return 0;
}

static int views(int fd, __u32 heap)
{
	struct memmgr_heap_query q;
	struct memmgr_stats s;
	struct memmgr_frag f;

	return mm_heap_query(fd, heap, &q) ?: mm_stats(fd, heap, &s) ?: mm_frag(fd, heap, &f);
}

TEST_F(no_memory_kind, program)
{
	int wanted, got, used, freed, batched, unbatched, viewed;
	__u32 heap;

	REQUIRE_KIND(variant->kind);
	if (!faulting_begin())
		SKIP(return, "this kernel has no fault injection");
	heap = must_kind(_metadata, self->fd, variant->kind);
	wanted = fill(self->fd, heap, BYTES, MOST);
	ASSERT_LE(64, wanted);
	ASSERT_EQ(0, drain(self->fd, wanted));

	ASSERT_TRUE(faulting_on());
	got = fill(self->fd, heap, BYTES, MOST);
	used = got > 0 ? use(self->fd, got) : -ENOMEM;
	viewed = views(self->fd, heap);
	freed = drain(self->fd, got);
	batched = fill_batches(self->fd, heap, got);
	unbatched = drain_batches(self->fd, got);
	ASSERT_TRUE(faulting_off());
	EXPECT_EQ(wanted, got);
	EXPECT_EQ(0, used);
	EXPECT_EQ(0, viewed);
	EXPECT_EQ(0, freed);
	EXPECT_EQ(0, batched);
	EXPECT_EQ(0, unbatched);
}

TEST_F(no_memory, marks)
{
	int made, marked, released;
	__u32 heap, count = 0;
	__u64 mark;

	REQUIRE_KIND(MEMMGR_KIND_STACK);
	if (!faulting_begin())
		SKIP(return, "this kernel has no fault injection");
	heap = must_kind(_metadata, self->fd, MEMMGR_KIND_STACK);
	ASSERT_TRUE(faulting_on());
	marked = mm_mark(self->fd, heap, &mark);
	made = fill(self->fd, heap, BYTES, 50);
	released = mm_release(self->fd, heap, mark, &count);
	ASSERT_TRUE(faulting_off());
	EXPECT_EQ(0, marked);
	EXPECT_EQ(50, made);
	EXPECT_EQ(0, released);
	EXPECT_EQ(50, count);
}

/*
 * Main with realtime=1 serves until its memory ends. Otherwise it serves as many as it had
 * before, says ENOMEM then, and serves more when the system has memory again.
 */
TEST_F(no_memory, main)
{
	int first, wanted, got, freed, more;

	if (!faulting_begin())
		SKIP(return, "this kernel has no fault injection");
	first = fill(self->fd, MEMMGR_HEAP_MAIN, self->page, 100);
	ASSERT_EQ(100, first);
	ASSERT_EQ(0, drain(self->fd, first));

	ASSERT_TRUE(faulting_on());
	got = fill(self->fd, MEMMGR_HEAP_MAIN, self->page, MOST);
	ASSERT_TRUE(faulting_off());
	freed = drain(self->fd, got);
	wanted = fill(self->fd, MEMMGR_HEAP_MAIN, self->page, MOST);
	more = drain(self->fd, wanted);
	EXPECT_EQ(0, freed);
	EXPECT_EQ(0, more);
	EXPECT_LE(100, got);
	EXPECT_TRUE(is_realtime() ? got == wanted : got < wanted)
		TH_LOG("%d pages, %d of them without memory", wanted, got);
}

/* A shared heap, made without records: the first request needs memory, and no later one does. */
TEST_F(no_memory_kind, shared)
{
	struct memmgr_heap_create c = heap_config(variant->kind, "t-no-memory");
	int starved, first, got, freed, wanted;

	REQUIRE_KIND(variant->kind);
	if (!faulting_begin())
		SKIP(return, "this kernel has no fault injection");
	c.flags = 0;
	ASSERT_EQ(0, mm_heap_create(self->fd, &c));
	ASSERT_TRUE(faulting_on());
	starved = fill(self->fd, c.heap, BYTES, 1);
	ASSERT_TRUE(faulting_off());
	first = starved ? starved : fill(self->fd, c.heap, BYTES, 1);
	ASSERT_EQ(1, first);
	ASSERT_EQ(0, drain(self->fd, first));
	ASSERT_TRUE(faulting_on());
	got = fill(self->fd, c.heap, BYTES, MOST);
	freed = drain(self->fd, got);
	ASSERT_TRUE(faulting_off());
	wanted = fill(self->fd, c.heap, BYTES, MOST);
	EXPECT_EQ(0, drain(self->fd, wanted));
	EXPECT_EQ(is_realtime(), starved);
	EXPECT_LE(64, got);
	EXPECT_EQ(wanted, got);
	EXPECT_EQ(0, freed);
	EXPECT_EQ(0, mm_heap_destroy(self->fd, c.heap, 0));
}

/* ---- kernel code ----------------------------------------------------------------- */

CALLER_FIXTURE(no_memory_kernel)

/* Blocks that kernel code gets until there is no more, or it has as many as it can hold. */
static int kernel_fill(int caller, bool pool)
{
	struct caller_call call = { .bytes = BYTES };
	__u32 n;

	for (n = 0; n < CALLER_BLOCKS; n++)
		if (ask(caller, pool ? CALLER_GET : CALLER_ALLOC, n, 0, &call))
			break;
	return n;
}

static int kernel_drain(int caller, int n, bool pool)
{
	struct caller_call call = { 0 };
	int result = 0;

	while (n-- > 0 && !result)
		result = ask(caller, pool ? CALLER_PUT : CALLER_FREE, n, 0, &call);
	return result;
}

TEST_F(no_memory_kernel, allocations)
{
	bool pool = variant->kind == MEMMGR_KIND_POOL;
	int got, freed, got_pool = CALLER_BLOCKS, freed_pool = 0;

	NEEDS_CALLER();
	if (!faulting_begin())
		SKIP(return, "this kernel has no fault injection");
	ASSERT_TRUE(faulting_on());
	got = kernel_fill(self->caller, false);
	freed = kernel_drain(self->caller, got, false);
	if (pool) {
		got_pool = kernel_fill(self->caller, true);
		freed_pool = kernel_drain(self->caller, got_pool, true);
	}
	ASSERT_TRUE(faulting_off());
	EXPECT_EQ(CALLER_BLOCKS, got);
	EXPECT_EQ(0, freed);
	EXPECT_EQ(CALLER_BLOCKS, got_pool);
	EXPECT_EQ(0, freed_pool);
}

/* Kernel code that is the first to hold a slab heap is told that its books lack memory. */
TEST_F(no_memory, slabs_of_kernel_code)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_SLAB, "t-unopened");
	struct caller_call call = { .heap = "t-unopened" };
	int caller, starved, held;

	REQUIRE_KIND(MEMMGR_KIND_SLAB);
	caller = open("/dev/memmgr_caller", O_RDWR | O_CLOEXEC);
	if (caller < 0 || !faulting_begin())
		SKIP(return, "no memmgr_caller.ko, or this kernel has no fault injection");
	c.flags = 0;
	ASSERT_EQ(0, mm_heap_create(self->fd, &c));
	ASSERT_TRUE(faulting_on());
	starved = ask(caller, CALLER_HOLD, 0, 0, &call);
	ASSERT_TRUE(faulting_off());
	held = starved ? ask(caller, CALLER_HOLD, 0, 0, &call) : 0;
	EXPECT_EQ(is_realtime() ? 0 : -ENOMEM, starved);
	EXPECT_EQ(0, held);
	close(caller);
	EXPECT_EQ(0, mm_heap_destroy(self->fd, c.heap, 0));
}

MEMMGR_TEST_MAIN
