// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Many blocks of kernel code at once: all or none, each of its own, each seen by what looks
 * for errors, none lost. The kernel code is memmgr_caller.ko.
 *
 * Rule: <linux/memmgr.h>, memmgr_alloc_bulk() and memmgr_free_bulk().
 */
#include "lib/calling.h"
#include "lib/memmgr_test.h"

CALLER_FIXTURE(bulk)

#define MANY	40

/* Whole objects of a slab or a pool, for which there is a fast path; else any size. */
static __u64 whole(__u32 kind)
{
	return kind == MEMMGR_KIND_POOL ? 256 : 192;
}

static int bulk(int caller, unsigned long command, __u32 first, __u32 count, __u64 bytes,
		__u32 zero)
{
	struct caller_call call = { .bytes = bytes, .value = count, .zero = zero };

	return ask(caller, command, first, 0, &call);
}

static __u64 live(struct __test_metadata *_metadata, int fd, __u32 heap)
{
	EXPECT_EQ(0, mm_check(fd, heap));
	return must_stats(_metadata, fd, heap).kernel_live;
}

/* Each block keeps its own bytes; cleared, if they were asked for so. */
static void own_bytes(struct __test_metadata *_metadata, int caller, __u32 count, __u64 bytes,
		      bool zero)
{
	__u32 i;

	for (i = 0; zero && i < count; i++) {
		EXPECT_EQ(0, block_read(caller, i, 0));
		EXPECT_EQ(0, block_read(caller, i, bytes - 1));
	}
	for (i = 0; i < count; i++) {
		ASSERT_EQ(0, block_write(caller, i, 0, i + 1));
		ASSERT_EQ(0, block_write(caller, i, bytes - 1, ~i));
	}
	for (i = 0; i < count; i++) {
		EXPECT_EQ((int)i + 1, block_read(caller, i, 0));
		EXPECT_EQ((__u8)~i, block_read(caller, i, bytes - 1));
	}
}

TEST_F(bulk, bulk_own_bytes)
{
	const __u64 sizes[] = { whole(variant->kind), 29 };
	static const __u32 counts[] = { 1, 17, CALLER_BLOCKS };
	__u32 round, zero, s, count;
	struct memmgr_stats before, after;

	NEEDS_CALLER();
	before = must_stats(_metadata, self->fd, self->heap);
	for (round = 0; round < 12; round++) {
		s = round % 2;
		zero = round / 2 % 2;
		count = counts[round / 4];
		ASSERT_EQ(0, bulk(self->caller, CALLER_ALLOC_BULK, 0, count, sizes[s], zero));
		own_bytes(_metadata, self->caller, count, sizes[s], zero);
		EXPECT_EQ(count, live(_metadata, self->fd, self->heap));
		ASSERT_EQ(0, bulk(self->caller, CALLER_FREE_BULK, 0, count, 0, 0));
		EXPECT_EQ(0, live(_metadata, self->fd, self->heap));
	}
	after = must_stats(_metadata, self->fd, self->heap);
	EXPECT_EQ(4 * (1 + 17 + CALLER_BLOCKS), after.allocs - before.allocs);
	EXPECT_EQ(after.allocs, after.frees);
	EXPECT_EQ(0, bulk(self->caller, CALLER_ALLOC_BULK, 0, 0, sizes[0], 0));
	EXPECT_EQ(0, bulk(self->caller, CALLER_FREE_BULK, 0, 0, 0, 0));
}

/* Another driver that has the same heap. */
static int second_caller(struct __test_metadata *_metadata, int fd)
{
	struct caller_call call = { 0 };
	struct memmgr_query q;
	int caller = open("/dev/memmgr_caller", O_RDWR | O_CLOEXEC);

	ASSERT_LE(0, caller);
	ASSERT_EQ(0, mm_query(fd, &q));
	snprintf(call.heap, sizeof(call.heap), "%s/t-caller-%d", q.name, getpid());
	ASSERT_EQ(0, mm_call(caller, CALLER_HOLD, &call));
	return caller;
}

/* One block too many: nothing stays taken, the refusal counts once, and one less works. */
TEST_F(bulk, bulk_all_or_nothing)
{
	static const struct {
		__u64 bytes;
		__u32 fit;
	} kinds[MEMMGR_KINDS] = {
		[MEMMGR_KIND_BUDDY] = { 8192, 32 },
		[MEMMGR_KIND_POOL] = { 256, CALLER_BLOCKS - 2 },
		[MEMMGR_KIND_STACK] = { 2048, 32 },
	};
	__u64 bytes = kinds[variant->kind].bytes;
	__u32 i, fit = kinds[variant->kind].fit;
	struct memmgr_stats before, after;
	__u64 failures = 0;
	int other;

	NEEDS_CALLER();
	if (!bytes)
		SKIP(return, "64 objects always fit");
	other = second_caller(_metadata, self->fd);
	for (i = 0; variant->kind == MEMMGR_KIND_POOL && i < 2; i++)
		ASSERT_EQ(0, block_alloc(other, i, bytes, 0, 0, NULL));
	before = must_stats(_metadata, self->fd, self->heap);
	EXPECT_EQ(-ENOMEM, bulk(self->caller, CALLER_ALLOC_BULK, 0, fit + 1, bytes, 0));
	after = must_stats(_metadata, self->fd, self->heap);
	EXPECT_EQ(before.used, after.used);
	EXPECT_EQ(before.kernel_live, live(_metadata, self->fd, self->heap));
	for (i = 0; i < MEMMGR_STATS_REASONS; i++)
		failures += after.failures[i] - before.failures[i];
	EXPECT_EQ(1, failures);
	ASSERT_EQ(0, bulk(self->caller, CALLER_ALLOC_BULK, 0, fit, bytes, 0));
	ASSERT_EQ(0, bulk(self->caller, CALLER_FREE_BULK, 0, fit, 0, 0));
	close(other);
}

/* Some amid others, and again: those of a slab heap lie in two slabs. */
TEST_F(bulk, bulk_amid_others)
{
	__u64 bytes = whole(variant->kind);

	NEEDS_CALLER();
	if (variant->kind == MEMMGR_KIND_STACK)
		SKIP(return, "a stack frees its top alone");
	ASSERT_EQ(0, bulk(self->caller, CALLER_ALLOC_BULK, 0, CALLER_BLOCKS, bytes, 0));
	ASSERT_EQ(0, bulk(self->caller, CALLER_FREE_BULK, 13, 16, 0, 0));
	ASSERT_EQ(0, bulk(self->caller, CALLER_ALLOC_BULK, 13, 16, bytes, 0));
	own_bytes(_metadata, self->caller, CALLER_BLOCKS, bytes, false);
	ASSERT_EQ(0, bulk(self->caller, CALLER_FREE_BULK, 0, CALLER_BLOCKS, 0, 0));
	EXPECT_EQ(0, live(_metadata, self->fd, self->heap));
}

/* A block that does not live, or none: the others go. */
TEST_F(bulk, bulk_frees_the_others)
{
	struct memmgr_stats before, after;

	NEEDS_CALLER();
	if (variant->kind == MEMMGR_KIND_STACK)
		SKIP(return, "a stack frees its top alone");
	before = must_stats(_metadata, self->fd, self->heap);
	ASSERT_EQ(0, bulk(self->caller, CALLER_ALLOC_BULK, 0, MANY, whole(variant->kind), 0));
	ASSERT_EQ(0, block_free(self->caller, 5, 0));
	/* Block MANY was never there: NULL. */
	EXPECT_EQ(-ENOENT, bulk(self->caller, CALLER_FREE_BULK, 0, MANY + 1, 0, 0));
	after = must_stats(_metadata, self->fd, self->heap);
	EXPECT_EQ(0, live(_metadata, self->fd, self->heap));
	EXPECT_EQ(before.refused_frees + 1, after.refused_frees);
}

/* Red zones of each block, and the freed memory of each. */
TEST_F(bulk, bulk_watched)
{
	const struct memmgr_debug zones = { .flags = MEMMGR_DEBUG_ZONES, .zone = ZONE };
	struct memmgr_corruption c;
	__u32 i;

	NEEDS_CALLER();
	ASSERT_EQ(0, debug_set(self->fd, self->heap, zones));
	for (i = 0; i < 20; i += 7) {
		ASSERT_EQ(0, bulk(self->caller, CALLER_ALLOC_BULK, 0, 20, 40, 0));
		ASSERT_EQ(0, block_write(self->caller, i, 40,
					 block_read(self->caller, i, 40) ^ 1));
		ASSERT_EQ(0, bulk(self->caller, CALLER_FREE_BULK, 0, 20, 0, 0));
		ASSERT_EQ(1, reports(_metadata, self->fd, &self->seen, &c));
		EXPECT_EQ(MEMMGR_CORRUPTION_BEHIND, c.kind);
		EXPECT_EQ(40, c.bytes);
	}
	EXPECT_EQ(0, live(_metadata, self->fd, self->heap));
}

/* What looks at single calls sees each block, also one that fills its object. */
TEST_F(bulk, bulk_is_timed)
{
	struct memmgr_latency l = {
		.size = sizeof(l), .heap = self->heap, .flags = MEMMGR_LATENCY_ON,
	};

	NEEDS_CALLER();
	ASSERT_EQ(0, mm_call(self->fd, MEMMGR_IOC_LATENCY, &l));
	ASSERT_EQ(0, bulk(self->caller, CALLER_ALLOC_BULK, 0, 20, whole(variant->kind), 0));
	ASSERT_EQ(0, bulk(self->caller, CALLER_FREE_BULK, 0, 20, 0, 0));
	l.flags = MEMMGR_LATENCY_OFF;
	ASSERT_EQ(0, mm_call(self->fd, MEMMGR_IOC_LATENCY, &l));
	EXPECT_EQ(20, l.op[MEMMGR_LATENCY_ALLOC].count);
	EXPECT_EQ(20, l.op[MEMMGR_LATENCY_FREE].count);
}

/* Less than an object is counted as what was asked for; more than one is refused. */
TEST_F(bulk, bulk_of_other_sizes)
{
	__u64 before;

	NEEDS_CALLER();
	if (variant->kind != MEMMGR_KIND_SLAB && variant->kind != MEMMGR_KIND_POOL)
		SKIP(return, "no objects");
	before = must_stats(_metadata, self->fd, self->heap).requested;
	ASSERT_EQ(0, bulk(self->caller, CALLER_ALLOC_BULK, 0, 20, 29, 0));
	EXPECT_EQ(before + 20 * 29, must_stats(_metadata, self->fd, self->heap).requested);
	ASSERT_EQ(0, bulk(self->caller, CALLER_FREE_BULK, 0, 20, 0, 0));
	EXPECT_EQ(-ENOMEM, bulk(self->caller, CALLER_ALLOC_BULK, 0, 20,
				whole(variant->kind) + 1, 0));
}

/* While interrupts on another CPU allocate single blocks. */
TEST_F(bulk, bulk_beside_interrupts)
{
	struct caller_call call = { .bytes = test_number("MEMMGR_PAIRS", 20000) };
	int child, status, other;

	NEEDS_CALLER();
	if (variant->kind == MEMMGR_KIND_STACK)
		SKIP(return, "a stack is for one at a time");
	other = second_caller(_metadata, self->fd);
	child = fork();
	if (!child)
		_exit(ask(other, CALLER_STRESS, 0, 0, &call) || call.value);
	while (!waitpid(child, &status, WNOHANG)) {
		ASSERT_EQ(0, bulk(self->caller, CALLER_ALLOC_BULK, 0, MANY,
				  whole(variant->kind), 0));
		own_bytes(_metadata, self->caller, MANY, whole(variant->kind), false);
		ASSERT_EQ(0, bulk(self->caller, CALLER_FREE_BULK, 0, MANY, 0, 0));
	}
	EXPECT_EQ(0, status);
	close(other);
	EXPECT_EQ(0, live(_metadata, self->fd, self->heap));
}

struct waiter {
	int fd;
	int result;
	struct memmgr_alloc a;
};

static void *wait_for_one(void *argument)
{
	struct waiter *w = argument;

	w->result = mm_alloc(w->fd, &w->a);
	return NULL;
}

/* A program that waits for a block gets one of those that kernel code frees. */
TEST_F(bulk, bulk_free_wakes)
{
	struct waiter w = { .fd = self->fd, .result = 1 };
	pthread_t thread;

	NEEDS_CALLER();
	if (variant->kind != MEMMGR_KIND_POOL)
		SKIP(return, "not a pool");
	ASSERT_EQ(0, bulk(self->caller, CALLER_ALLOC_BULK, 0, CALLER_BLOCKS,
			  whole(variant->kind), 0));
	w.a = alloc_request(self->heap, whole(variant->kind));
	w.a.flags = MEMMGR_ALLOC_WAIT;
	ASSERT_EQ(0, pthread_create(&thread, NULL, wait_for_one, &w));
	while (!must_stats(_metadata, self->fd, self->heap).waits)
		usleep(1000);
	ASSERT_EQ(0, bulk(self->caller, CALLER_FREE_BULK, 0, CALLER_BLOCKS, 0, 0));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, w.result);
	EXPECT_EQ(0, mm_free(self->fd, w.a.handle));
}

/* So does one that waits for a single block. */
TEST_F(bulk, single_free_wakes)
{
	static const __u64 sizes[MEMMGR_KINDS] = {
		[MEMMGR_KIND_BUDDY] = 4096, [MEMMGR_KIND_TLSF] = 4096,
		[MEMMGR_KIND_STACK] = 1024, [MEMMGR_KIND_POOL] = 256,
	};
	struct waiter w = { .fd = self->fd, .result = 1 };
	__u64 bytes = sizes[variant->kind];
	pthread_t thread;
	__u32 i;

	NEEDS_CALLER();
	if (!bytes)
		SKIP(return, "a slab heap looks again and again");
	for (i = 0; i < CALLER_BLOCKS; i++)
		ASSERT_EQ(0, block_alloc(self->caller, i, bytes, 0, 0, NULL));
	w.a = alloc_request(self->heap, bytes);
	w.a.flags = MEMMGR_ALLOC_WAIT;
	ASSERT_EQ(0, pthread_create(&thread, NULL, wait_for_one, &w));
	while (!must_stats(_metadata, self->fd, self->heap).waits)
		usleep(1000);
	ASSERT_EQ(0, block_free(self->caller, CALLER_BLOCKS - 1, 0));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, w.result);
	EXPECT_EQ(0, mm_free(self->fd, w.a.handle));
}

/* Single blocks are counted too, also one that is taken and given again and again. */
TEST_F(bulk, single_blocks_count)
{
	struct memmgr_stats before, after;
	__u32 i;

	NEEDS_CALLER();
	before = must_stats(_metadata, self->fd, self->heap);
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(0, block_alloc(self->caller, 0, whole(variant->kind), 0, 0, NULL));
		ASSERT_EQ(0, block_free(self->caller, 0, 0));
	}
	after = must_stats(_metadata, self->fd, self->heap);
	EXPECT_EQ(before.allocs + 10, after.allocs);
	EXPECT_EQ(before.frees + 10, after.frees);
}

/* An exhausted pool counts each refusal, though not each one is in the log. */
TEST_F(bulk, bulk_pool_says_that_it_is_exhausted)
{
	struct memmgr_stats before, after;
	__u64 bytes = whole(variant->kind);
	int other;
	__u32 i;

	NEEDS_CALLER();
	if (variant->kind != MEMMGR_KIND_POOL)
		SKIP(return, "not a pool");
	other = second_caller(_metadata, self->fd);
	ASSERT_EQ(0, bulk(self->caller, CALLER_ALLOC_BULK, 0, CALLER_BLOCKS, bytes, 0));
	before = must_stats(_metadata, self->fd, self->heap);
	for (i = 0; i < 100; i++)
		EXPECT_EQ(-ENOMEM, block_alloc(other, 0, bytes, 0, 0, NULL));
	after = must_stats(_metadata, self->fd, self->heap);
	EXPECT_EQ(before.failures[MEMMGR_REASON_EXHAUSTED] + 100,
		  after.failures[MEMMGR_REASON_EXHAUSTED]);
	ASSERT_EQ(0, bulk(self->caller, CALLER_FREE_BULK, 0, CALLER_BLOCKS, 0, 0));
	EXPECT_EQ(0, block_alloc(other, 0, bytes, 0, 0, NULL));
	close(other);
}

MEMMGR_TEST_MAIN
