// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Failures on purpose: exactly the chosen requests fail, they leave nothing behind, requests
 * of others succeed, and the rule ends with its client or heap.
 *
 * Rule: <linux/memmgr.h>, struct memmgr_inject.
 */
#include <linux/dma-heap.h>

#include "lib/memmgr_test.h"

MEMMGR_FIXTURE(inject)
MEMMGR_KIND_FIXTURE(inject_kind);

#define MOST	20	/* the n-th fails, for each n up to that */
#define BYTES	64	/* fits every kind of heap_config() */

static struct memmgr_inject rule(__u32 whom, __u64 id, __u64 skip, __u64 interval, __u64 times)
{
	return (struct memmgr_inject){
		.flags = whom | MEMMGR_INJECT_SET, .id = id, .skip = skip,
		.interval = interval, .times = times,
	};
}

static int set_rule(int fd, __u32 whom, __u64 id, __u64 skip, __u64 interval, __u64 times)
{
	struct memmgr_inject i = rule(whom, id, skip, interval, times);

	return mm_inject(fd, &i);
}

static int set_off(int fd, __u32 whom, __u64 id)
{
	return set_rule(fd, whom, id, 0, 0, 0);
}

static struct memmgr_inject read_rule(struct __test_metadata *_metadata, int fd, __u32 whom,
				      __u64 id)
{
	struct memmgr_inject i = { .flags = whom, .id = id };

	EXPECT_EQ(0, mm_inject(fd, &i));
	return i;
}

static void expect_counts(struct __test_metadata *_metadata, int fd, __u32 whom, __u64 id,
			  __u64 seen, __u64 failed)
{
	struct memmgr_inject i = read_rule(_metadata, fd, whom, id);

	EXPECT_EQ(seen, i.seen);
	EXPECT_EQ(failed, i.failed);
}

/* A request that fails on purpose, and as such. */
static void expect_injected(struct __test_metadata *_metadata, int fd, __u32 heap)
{
	struct memmgr_alloc a = alloc_request(heap, BYTES);

	EXPECT_EQ(-ENOMEM, mm_alloc(fd, &a));
	EXPECT_EQ(MEMMGR_REASON_INJECTED, a.reason);
	EXPECT_EQ(0, a.largest);
	EXPECT_EQ(NO_HANDLE, a.handle);
}

static struct memmgr_account account_of(struct __test_metadata *_metadata, int fd)
{
	struct memmgr_account entries[8];
	__u64 cursor = 0;
	__u32 count, i;

	do {
		count = ARRAY_SIZE(entries);
		EXPECT_EQ(0, mm_accounts(fd, 0, entries, &count, &cursor));
		for (i = 0; i < count; i++)
			if (entries[i].flags & MEMMGR_ACCOUNT_MINE)
				return entries[i];
	} while (cursor);
	EXPECT_TRUE(false);
	return entries[0];
}

/* What a failure may change nothing of. */
static void take_state(struct __test_metadata *_metadata, int fd, struct snapshot *s,
		       struct memmgr_account *account)
{
	ASSERT_EQ(0, snapshot_take(fd, s));
	*account = account_of(_metadata, fd);
}

static void expect_state(struct __test_metadata *_metadata, int fd, const struct snapshot *s,
			 const struct memmgr_account *account)
{
	static struct snapshot now;
	struct memmgr_account a;

	take_state(_metadata, fd, &now, &a);
	EXPECT_TRUE(snapshot_same_state(s, &now));
	EXPECT_EQ(account->bytes, a.bytes);
	EXPECT_EQ(account->allocations, a.allocations);
}

/*
 * MOST requests to @heap, of which only the @n-th fails, and another between each
 * two that no one counts: to @other, through @other_fd.
 */
static void only_nth_fails(struct __test_metadata *_metadata, int fd, __u32 heap, int other_fd,
			   __u32 other, int n)
{
	static struct snapshot before;
	struct memmgr_account account;
	struct memmgr_alloc beside;
	__u64 made[MOST];
	int i, count = 0;

	for (i = 1; i <= MOST; i++) {
		if (i == n) {
			take_state(_metadata, fd, &before, &account);
			expect_injected(_metadata, fd, heap);
			expect_state(_metadata, fd, &before, &account);
		} else {
			made[count++] = must_alloc(_metadata, fd, heap, BYTES).handle;
		}
		beside = must_alloc(_metadata, other_fd, other, BYTES);
		EXPECT_EQ(0, mm_free(other_fd, beside.handle));
	}
	while (count--)
		EXPECT_EQ(0, mm_free(fd, made[count]));
}

TEST_F(inject_kind, nth_request_to_a_heap)
{
	__u32 heap, n;

	REQUIRE_DEBUG;
	REQUIRE_KIND(variant->kind);
	heap = must_kind(_metadata, self->fd, variant->kind);
	for (n = 1; n <= MOST; n++) {
		__u64 counted = must_stats(_metadata, self->fd, heap).injected;

		ASSERT_EQ(0, set_rule(self->fd, MEMMGR_INJECT_HEAP, heap, n - 1, 1, 1));
		only_nth_fails(_metadata, self->fd, heap, self->fd, MEMMGR_HEAP_MAIN, n);
		expect_counts(_metadata, self->fd, MEMMGR_INJECT_HEAP, heap, MOST, 1);
		EXPECT_EQ(counted + 1, must_stats(_metadata, self->fd, heap).injected);
	}
}

TEST_F(inject_kind, nth_request_of_a_client)
{
	int other = open_device(O_RDWR);
	__u32 heap, n;

	REQUIRE_DEBUG;
	REQUIRE_KIND(variant->kind);
	ASSERT_LE(0, other);
	heap = must_kind(_metadata, self->fd, variant->kind);
	for (n = 1; n <= MOST; n++) {
		ASSERT_EQ(0, set_rule(self->fd, MEMMGR_INJECT_CLIENT, 0, n - 1, 1, 1));
		only_nth_fails(_metadata, self->fd, heap, other, MEMMGR_HEAP_MAIN, n);
		expect_counts(_metadata, self->fd, MEMMGR_INJECT_CLIENT, 0, MOST, 1);
		expect_counts(_metadata, other, MEMMGR_INJECT_CLIENT, 0, 0, 0);
	}
	close(other);
}

TEST_F(inject_kind, growing_fails_and_changes_nothing)
{
	static struct snapshot before;
	struct memmgr_account account;
	struct memmgr_alloc a;
	struct memmgr_resize r;
	struct memmgr_info info;
	__u32 heap;

	REQUIRE_DEBUG;
	REQUIRE_KIND(variant->kind);
	heap = must_kind(_metadata, self->fd, variant->kind);
	a = must_alloc(_metadata, self->fd, heap, BYTES);
	take_state(_metadata, self->fd, &before, &account);
	ASSERT_EQ(0, set_rule(self->fd, MEMMGR_INJECT_HEAP, heap, 0, 1, 1));
	EXPECT_EQ(0, mm_resize(self->fd, a.handle, BYTES, &r));
	expect_counts(_metadata, self->fd, MEMMGR_INJECT_HEAP, heap, 0, 0);
	EXPECT_EQ(-ENOMEM, mm_resize(self->fd, a.handle, 2 * BYTES, &r));
	EXPECT_EQ(MEMMGR_REASON_INJECTED, r.reason);
	EXPECT_EQ(0, r.largest);
	expect_state(_metadata, self->fd, &before, &account);
	ASSERT_EQ(0, mm_info(self->fd, a.handle, &info));
	EXPECT_EQ(BYTES, info.bytes);
	EXPECT_EQ(0, mm_resize(self->fd, a.handle, 2 * BYTES, &r));
	EXPECT_EQ(0, mm_resize(self->fd, a.handle, BYTES, &r));
	expect_counts(_metadata, self->fd, MEMMGR_INJECT_HEAP, heap, 2, 1);
}

/* Its client's counts as well, in main, where it is charged. */
TEST_F(inject, growing_for_a_client)
{
	static struct snapshot before;
	struct memmgr_account account;
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, self->page);
	struct memmgr_resize r;

	REQUIRE_DEBUG;
	take_state(_metadata, self->fd, &before, &account);
	ASSERT_EQ(0, set_rule(self->fd, MEMMGR_INJECT_CLIENT, 0, 0, 1, 1));
	EXPECT_EQ(-ENOMEM, mm_resize(self->fd, a.handle, 2 * self->page, &r));
	EXPECT_EQ(MEMMGR_REASON_INJECTED, r.reason);
	expect_state(_metadata, self->fd, &before, &account);
	EXPECT_EQ(0, mm_resize(self->fd, a.handle, 2 * self->page, &r));
}

TEST_F(inject, some_of_a_batch)
{
	__u64 handles[10] = { 0 };
	struct memmgr_alloc_batch b = {
		.size = sizeof(b), .heap = MEMMGR_HEAP_MAIN, .count = 10, .bytes = BYTES,
		.handles = (uintptr_t)handles,
	};
	static struct snapshot before;
	struct memmgr_account account;

	REQUIRE_DEBUG;
	take_state(_metadata, self->fd, &before, &account);
	ASSERT_EQ(0, set_rule(self->fd, MEMMGR_INJECT_CLIENT, 0, 4, 1, 1));
	EXPECT_EQ(0, mm_call(self->fd, MEMMGR_IOC_ALLOC_BATCH, &b));
	EXPECT_EQ(4, b.count);
	EXPECT_EQ(MEMMGR_REASON_INJECTED, b.reason);
	expect_counts(_metadata, self->fd, MEMMGR_INJECT_CLIENT, 0, 5, 1);
	ASSERT_EQ(0, mm_free_batch(self->fd, handles, 4));
	expect_state(_metadata, self->fd, &before, &account);
	ASSERT_EQ(0, set_rule(self->fd, MEMMGR_INJECT_CLIENT, 0, 0, 1, 1));
	b.count = 10;
	EXPECT_EQ(-ENOMEM, mm_call(self->fd, MEMMGR_IOC_ALLOC_BATCH, &b));
	EXPECT_EQ(0, b.count);
	EXPECT_EQ(MEMMGR_REASON_INJECTED, b.reason);
}

/* A pool without a free block, and with main to fall back on. */
static __u32 empty_pool(struct __test_metadata *_metadata, int fd)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_POOL, "t-inject");
	__u32 heap;

	c.flags = MEMMGR_HEAP_FALLBACK;
	c.count = 1;
	c.max_allocations = 8;
	heap = must_heap(_metadata, fd, c);
	must_alloc(_metadata, fd, heap, BYTES);
	return heap;
}

TEST_F(inject, no_fallback_is_tried)
{
	__u32 heap;

	REQUIRE_DEBUG;
	REQUIRE_KIND(MEMMGR_KIND_POOL);
	heap = empty_pool(_metadata, self->fd);
	ASSERT_EQ(0, set_rule(self->fd, MEMMGR_INJECT_HEAP, heap, 1, 1, 1));
	must_alloc(_metadata, self->fd, heap, BYTES);
	EXPECT_EQ(1, must_stats(_metadata, self->fd, heap).fallbacks);
	expect_injected(_metadata, self->fd, heap);
	EXPECT_EQ(1, must_stats(_metadata, self->fd, heap).fallbacks);
	EXPECT_EQ(0, mm_heap_destroy(self->fd, heap, MEMMGR_DESTROY_FORCE));
}

/* What is passed on counts for the heap that was named. */
TEST_F(inject, passed_on_is_not_seen_twice)
{
	__u32 heap;

	REQUIRE_DEBUG;
	REQUIRE_KIND(MEMMGR_KIND_POOL);
	heap = empty_pool(_metadata, self->fd);
	ASSERT_EQ(0, set_rule(self->fd, MEMMGR_INJECT_HEAP, MEMMGR_HEAP_MAIN, 0, 1, 1));
	must_alloc(_metadata, self->fd, heap, BYTES);
	expect_counts(_metadata, self->fd, MEMMGR_INJECT_HEAP, MEMMGR_HEAP_MAIN, 0, 0);
	EXPECT_EQ(0, set_off(self->fd, MEMMGR_INJECT_HEAP, MEMMGR_HEAP_MAIN));
	EXPECT_EQ(0, mm_heap_destroy(self->fd, heap, MEMMGR_DESTROY_FORCE));
}

TEST_F(inject, not_waited_for)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_POOL, "t-wait");
	struct memmgr_alloc a;
	__u64 start;
	__u32 heap;

	REQUIRE_DEBUG;
	REQUIRE_KIND(MEMMGR_KIND_POOL);
	heap = must_heap(_metadata, self->fd, c);
	ASSERT_EQ(0, set_rule(self->fd, MEMMGR_INJECT_HEAP, heap, 0, 1, 1));
	a = alloc_request(heap, BYTES);
	a.flags = MEMMGR_ALLOC_WAIT | MEMMGR_ALLOC_MAY_COMPACT;
	a.timeout_ms = 20000;
	start = now_ns(CLOCK_MONOTONIC);
	EXPECT_EQ(-ENOMEM, mm_alloc(self->fd, &a));
	EXPECT_GT(10000000000ull, now_ns(CLOCK_MONOTONIC) - start);
	EXPECT_EQ(MEMMGR_REASON_INJECTED, a.reason);
	EXPECT_EQ(0, must_stats(_metadata, self->fd, heap).waits);
	EXPECT_EQ(0, mm_alloc(self->fd, &a));
}

/* One that has to wait is one request, however often it tries. */
TEST_F(inject, waiting_counts_once)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_POOL, "t-wait");
	struct memmgr_alloc a;
	__u32 heap;

	REQUIRE_DEBUG;
	REQUIRE_KIND(MEMMGR_KIND_POOL);
	c.count = 1;
	c.max_allocations = 4;
	heap = must_heap(_metadata, self->fd, c);
	must_alloc(_metadata, self->fd, heap, BYTES);
	ASSERT_EQ(0, set_rule(self->fd, MEMMGR_INJECT_HEAP, heap, 100, 1, 1));
	a = alloc_request(heap, BYTES);
	a.flags = MEMMGR_ALLOC_WAIT;
	a.timeout_ms = 100;
	EXPECT_EQ(-ETIMEDOUT, mm_alloc(self->fd, &a));
	expect_counts(_metadata, self->fd, MEMMGR_INJECT_HEAP, heap, 1, 0);
}

/* What is malformed fails for that reason, and is no request. */
TEST_F(inject, malformed_is_not_seen)
{
	struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, 0);
	struct memmgr_resize r;
	__u32 heap;

	REQUIRE_DEBUG;
	heap = must_kind(_metadata, self->fd, MEMMGR_KIND_BUDDY);
	ASSERT_EQ(0, set_rule(self->fd, MEMMGR_INJECT_CLIENT, 0, 0, 1, MEMMGR_INJECT_NO_LIMIT));
	EXPECT_EQ(-EINVAL, mm_alloc(self->fd, &a));
	a.bytes = BYTES;
	a.align = 3;
	EXPECT_EQ(-EINVAL, mm_alloc(self->fd, &a));
	a.align = 0;
	a.heap = 63;
	EXPECT_EQ(-ENOENT, mm_alloc(self->fd, &a));
	a.heap = heap;
	a.flags = MEMMGR_ALLOC_GUARD;
	EXPECT_EQ(-EOPNOTSUPP, mm_alloc(self->fd, &a));
	EXPECT_EQ(-EBADF, mm_resize(self->fd, 1, BYTES, &r));
	expect_counts(_metadata, self->fd, MEMMGR_INJECT_CLIENT, 0, 0, 0);
}

/* The pattern of @count requests: bit i is the i-th that fails. */
static __u64 pattern(struct __test_metadata *_metadata, int fd, int count)
{
	struct memmgr_alloc a;
	__u64 bits = 0;
	int i, result;

	for (i = 0; i < count; i++) {
		a = alloc_request(MEMMGR_HEAP_MAIN, BYTES);
		result = mm_alloc(fd, &a);
		if (result == -ENOMEM)
			bits |= 1ull << i;
		else
			EXPECT_EQ(0, result);
		if (!result)
			EXPECT_EQ(0, mm_free(fd, a.handle));
	}
	return bits;
}

TEST_F(inject, which_requests_fail)
{
	static const struct {
		__u64 skip, interval, times, bits;
	} t[] = {
		{ 0, 1, 1, 0x1 },
		{ 0, 1, MEMMGR_INJECT_NO_LIMIT, 0xffff },
		{ 3, 1, 2, 0x18 },
		{ 0, 4, MEMMGR_INJECT_NO_LIMIT, 0x8888 },
		{ 2, 3, MEMMGR_INJECT_NO_LIMIT, 0x2490 },
		{ 2, 3, 2, 0x0090 },
		{ 15, 1, 5, 0x8000 },
		{ 16, 1, 5, 0 },
		{ MEMMGR_INJECT_NO_LIMIT, 1, 1, 0 },
		{ 0, 1ull << 40, 1, 0 },
	};
	unsigned int i;

	REQUIRE_DEBUG;
	for (i = 0; i < ARRAY_SIZE(t); i++) {
		ASSERT_EQ(0, set_rule(self->fd, MEMMGR_INJECT_CLIENT, 0, t[i].skip,
				      t[i].interval, t[i].times));
		EXPECT_EQ(t[i].bits, pattern(_metadata, self->fd, 16));
		expect_counts(_metadata, self->fd, MEMMGR_INJECT_CLIENT, 0, 16,
			      __builtin_popcountll(t[i].bits));
	}
}

static __u64 chance_pattern(struct __test_metadata *_metadata, int fd, __u32 probability,
			    __u32 seed)
{
	struct memmgr_inject i = rule(MEMMGR_INJECT_CLIENT, 0, 0, 1, MEMMGR_INJECT_NO_LIMIT);

	i.probability = probability;
	i.seed = seed;
	EXPECT_EQ(0, mm_inject(fd, &i));
	EXPECT_EQ(probability, i.probability);
	EXPECT_EQ(seed, i.seed);
	return pattern(_metadata, fd, 64);
}

TEST_F(inject, chance_repeats_with_its_seed)
{
	__u64 first, again, other;
	int failed;

	REQUIRE_DEBUG;
	first = chance_pattern(_metadata, self->fd, 500, 7);
	again = chance_pattern(_metadata, self->fd, 500, 7);
	other = chance_pattern(_metadata, self->fd, 500, 8);
	EXPECT_EQ(first, again);
	EXPECT_NE(first, other);
	failed = __builtin_popcountll(first);
	EXPECT_LT(12, failed);
	EXPECT_GT(52, failed);
	EXPECT_EQ(~0ull, chance_pattern(_metadata, self->fd, 1000, 7));
	EXPECT_EQ(~0ull, chance_pattern(_metadata, self->fd, 0, 7));
	EXPECT_GT(8, __builtin_popcountll(chance_pattern(_metadata, self->fd, 10, 7)));
}

/* Both count, and one failure is enough. */
TEST_F(inject, client_and_heap_at_once)
{
	__u32 heap;

	REQUIRE_DEBUG;
	heap = must_kind(_metadata, self->fd, MEMMGR_KIND_BUDDY);
	ASSERT_EQ(0, set_rule(self->fd, MEMMGR_INJECT_CLIENT, 0, 0, 1, 2));
	ASSERT_EQ(0, set_rule(self->fd, MEMMGR_INJECT_HEAP, heap, 1, 1, 2));
	expect_injected(_metadata, self->fd, heap);
	expect_injected(_metadata, self->fd, heap);
	expect_injected(_metadata, self->fd, heap);
	must_alloc(_metadata, self->fd, heap, BYTES);
	expect_counts(_metadata, self->fd, MEMMGR_INJECT_CLIENT, 0, 4, 2);
	expect_counts(_metadata, self->fd, MEMMGR_INJECT_HEAP, heap, 4, 2);
}

TEST_F(inject, listed_as_a_failure)
{
	struct memmgr_failure last[64];
	struct memmgr_failures f = {
		.size = sizeof(f), .count = ARRAY_SIZE(last), .entry_size = sizeof(last[0]),
		.entries = (uintptr_t)last,
	};
	const struct memmgr_failure *failure;

	REQUIRE_DEBUG;
	ASSERT_EQ(0, set_rule(self->fd, MEMMGR_INJECT_CLIENT, 0, 0, 1, 1));
	expect_injected(_metadata, self->fd, MEMMGR_HEAP_MAIN);
	ASSERT_EQ(0, mm_call(self->fd, MEMMGR_IOC_FAILURES, &f));
	ASSERT_LT(0, f.count);
	failure = &last[f.count - 1];
	EXPECT_EQ(MEMMGR_REASON_INJECTED, failure->reason);
	EXPECT_EQ(BYTES, failure->bytes);
	EXPECT_EQ(MEMMGR_HEAP_MAIN, failure->heap);
	EXPECT_EQ(getpid(), failure->pid);
}

TEST_F(inject, dma_heaps_are_hit)
{
	struct dma_heap_allocation_data d = { .len = self->page, .fd_flags = O_RDWR };
	struct memmgr_query q;
	char path[64];
	int heap;

	REQUIRE_DEBUG;
	ASSERT_EQ(0, mm_query(self->fd, &q));
	if (!(q.features & MEMMGR_FEATURE_DMABUF))
		SKIP(return, "dma-bufs are not in this build");
	snprintf(path, sizeof(path), "/dev/dma_heap/%.31s", q.name);
	heap = open(path, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, heap);
	ASSERT_EQ(0, set_rule(self->fd, MEMMGR_INJECT_HEAP, MEMMGR_HEAP_MAIN, 0, 1, 1));
	EXPECT_EQ(-ENOMEM, mm_call(heap, DMA_HEAP_IOCTL_ALLOC, &d));
	EXPECT_EQ(0, mm_call(heap, DMA_HEAP_IOCTL_ALLOC, &d));
	expect_counts(_metadata, self->fd, MEMMGR_INJECT_HEAP, MEMMGR_HEAP_MAIN, 2, 1);
	EXPECT_EQ(0, set_off(self->fd, MEMMGR_INJECT_HEAP, MEMMGR_HEAP_MAIN));
	close(d.fd);
	close(heap);
}

/* ---- setting it, and its end ------------------------------------------------ */

TEST_F(inject, reads_as_it_was_set)
{
	struct memmgr_inject i = rule(MEMMGR_INJECT_CLIENT, 0, 5, 6, 7), read;
	__u64 id = account_of(_metadata, self->fd).id;

	REQUIRE_DEBUG;
	i.probability = 250;
	i.seed = 99;
	ASSERT_EQ(0, mm_inject(self->fd, &i));
	EXPECT_EQ(id, i.id);
	read = read_rule(_metadata, self->fd, MEMMGR_INJECT_CLIENT, id);
	EXPECT_EQ(id, read.id);
	EXPECT_EQ(5, read.skip);
	EXPECT_EQ(6, read.interval);
	EXPECT_EQ(7, read.times);
	EXPECT_EQ(250, read.probability);
	EXPECT_EQ(99, read.seed);
	must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, BYTES);
	expect_counts(_metadata, self->fd, MEMMGR_INJECT_CLIENT, 0, 1, 0);
	ASSERT_EQ(0, set_off(self->fd, MEMMGR_INJECT_CLIENT, id));
	read = read_rule(_metadata, self->fd, MEMMGR_INJECT_CLIENT, 0);
	EXPECT_EQ(0, read.times);
	EXPECT_EQ(0, read.seen);
}

TEST_F(inject, malformed_rules)
{
	static const struct {
		__u32 flags;
		__u64 skip, interval, times;
		__u32 probability, seed;
	} t[] = {
		{ 0 },
		{ MEMMGR_INJECT_SET, 0, 1, 1 },
		{ MEMMGR_INJECT_CLIENT | MEMMGR_INJECT_HEAP },
		{ MEMMGR_INJECT_CLIENT | MEMMGR_INJECT_HEAP | MEMMGR_INJECT_SET, 0, 1, 1 },
		{ MEMMGR_INJECT_CLIENT | 8 },
		{ MEMMGR_INJECT_CLIENT | MEMMGR_INJECT_SET | 1u << 31, 0, 1, 1 },
		{ MEMMGR_INJECT_CLIENT | MEMMGR_INJECT_SET, 0, 0, 1 },
		{ MEMMGR_INJECT_CLIENT | MEMMGR_INJECT_SET, 0, 1, 1, 1001 },
		{ MEMMGR_INJECT_CLIENT | MEMMGR_INJECT_SET, 1, 0, 0 },
		{ MEMMGR_INJECT_CLIENT | MEMMGR_INJECT_SET, 0, 1, 0 },
		{ MEMMGR_INJECT_CLIENT | MEMMGR_INJECT_SET, 0, 0, 0, 1 },
		{ MEMMGR_INJECT_CLIENT | MEMMGR_INJECT_SET, 0, 0, 0, 0, 1 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		struct memmgr_inject in = {
			.flags = t[i].flags, .skip = t[i].skip, .interval = t[i].interval,
			.times = t[i].times, .probability = t[i].probability, .seed = t[i].seed,
		};

		EXPECT_EQ(-EINVAL, mm_inject(self->fd, &in))
			TH_LOG("rule %u", i);
	}
	REQUIRE_DEBUG;
	EXPECT_EQ(0, read_rule(_metadata, self->fd, MEMMGR_INJECT_CLIENT, 0).times);
}

TEST_F(inject, nobody_of_that_name)
{
	struct memmgr_inject i = { .flags = MEMMGR_INJECT_CLIENT, .id = 1ull << 60 };

	REQUIRE_DEBUG;
	EXPECT_EQ(-ENOENT, mm_inject(self->fd, &i));
	EXPECT_EQ(-ENOENT, set_rule(self->fd, MEMMGR_INJECT_CLIENT, 1ull << 60, 0, 1, 1));
	EXPECT_EQ(-ENOENT, set_rule(self->fd, MEMMGR_INJECT_HEAP, 63, 0, 1, 1));
	EXPECT_EQ(-ENOENT, set_rule(self->fd, MEMMGR_INJECT_HEAP, 1ull << 32, 0, 1, 1));
}

TEST_F(inject, short_structure)
{
	struct memmgr_inject i = { .size = sizeof(i) - 1, .flags = MEMMGR_INJECT_CLIENT };

	EXPECT_EQ(-EINVAL, mm_call(self->fd, MEMMGR_IOC_INJECT, &i));
}

/* What somebody without rights may do: with himself as he likes, with others nothing. */
static int try_as_nobody(int fd, __u32 private, __u64 other)
{
	struct memmgr_inject i = { .flags = MEMMGR_INJECT_HEAP, .id = private };

	if (set_rule(fd, MEMMGR_INJECT_CLIENT, 0, 0, 1, 1))
		return 1;
	if (set_rule(fd, MEMMGR_INJECT_CLIENT, other, 0, 1, 1) != -EPERM ||
	    set_off(fd, MEMMGR_INJECT_CLIENT, other) != -EPERM ||
	    set_rule(fd, MEMMGR_INJECT_CLIENT, 1ull << 60, 0, 1, 1) != -EPERM)
		return 2;
	if (set_rule(fd, MEMMGR_INJECT_HEAP, MEMMGR_HEAP_MAIN, 0, 1, 1) != -EPERM ||
	    set_rule(fd, MEMMGR_INJECT_HEAP, private, 0, 1, 1) != -EPERM ||
	    set_rule(fd, MEMMGR_INJECT_HEAP, 63, 0, 1, 1) != -EPERM)
		return 3;
	if (mm_inject(fd, &i) != -EACCES)
		return 4;
	i = (struct memmgr_inject){ .flags = MEMMGR_INJECT_HEAP };
	if (mm_inject(fd, &i))
		return 5;
	i = (struct memmgr_inject){ .flags = MEMMGR_INJECT_CLIENT, .id = other };
	return mm_inject(fd, &i) ? 6 : 0;
}

TEST_F(inject, rights)
{
	__u64 id = account_of(_metadata, self->fd).id;
	int node = open_public_node(), fd;
	__u32 private;
	pid_t child;

	REQUIRE_DEBUG;
	ASSERT_LE(0, node);
	private = must_kind(_metadata, self->fd, MEMMGR_KIND_BUDDY);
	child = fork();
	if (!child) {
		if (setgid(NOBODY) || setuid(NOBODY))
			_exit(100);
		fd = open_again(node, O_RDWR);
		_exit(fd < 0 ? 101 : try_as_nobody(fd, private, id));
	}
	EXPECT_EQ(0, child_result(child));
	EXPECT_EQ(0, read_rule(_metadata, self->fd, MEMMGR_INJECT_CLIENT, 0).times);
	close(node);
}

TEST_F(inject, reading_takes_no_writing)
{
	int fd = open_device(O_RDONLY);

	REQUIRE_DEBUG;
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EACCES, set_rule(fd, MEMMGR_INJECT_CLIENT, 0, 0, 1, 1));
	EXPECT_EQ(-EACCES, set_rule(fd, MEMMGR_INJECT_HEAP, MEMMGR_HEAP_MAIN, 0, 1, 1));
	expect_counts(_metadata, fd, MEMMGR_INJECT_CLIENT, 0, 0, 0);
	expect_counts(_metadata, fd, MEMMGR_INJECT_HEAP, MEMMGR_HEAP_MAIN, 0, 0);
	close(fd);
}

TEST_F(inject, an_administrator_sets_it_for_others)
{
	int other = open_device(O_RDWR);
	__u64 id;

	REQUIRE_DEBUG;
	ASSERT_LE(0, other);
	id = account_of(_metadata, other).id;
	ASSERT_EQ(0, set_rule(self->fd, MEMMGR_INJECT_CLIENT, id, 0, 1, 1));
	must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, BYTES);
	expect_injected(_metadata, other, MEMMGR_HEAP_MAIN);
	expect_counts(_metadata, self->fd, MEMMGR_INJECT_CLIENT, id, 1, 1);
	close(other);
}

/* A client that is closed but still has something, too. */
TEST_F(inject, ends_with_its_client)
{
	struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, BYTES);
	struct memmgr_inject i = { .flags = MEMMGR_INJECT_CLIENT };
	int other = open_device(O_RDWR);

	REQUIRE_DEBUG;
	ASSERT_LE(0, other);
	a.flags = MEMMGR_ALLOC_PERSISTENT;
	ASSERT_EQ(0, mm_alloc(other, &a));
	ASSERT_EQ(0, set_rule(other, MEMMGR_INJECT_CLIENT, 0, 0, 1, MEMMGR_INJECT_NO_LIMIT));
	i.id = account_of(_metadata, other).id;
	ASSERT_EQ(0, mm_inject(self->fd, &i));
	close(other);
	EXPECT_EQ(-ENOENT, mm_inject(self->fd, &i));
	other = open_device(O_RDWR);
	ASSERT_LE(0, other);
	EXPECT_EQ(0, read_rule(_metadata, other, MEMMGR_INJECT_CLIENT, 0).times);
	must_alloc(_metadata, other, MEMMGR_HEAP_MAIN, BYTES);
	EXPECT_EQ(0, mm_free(other, a.handle));
	close(other);
}

TEST_F(inject_kind, ends_with_its_heap)
{
	__u32 heap, again;

	REQUIRE_DEBUG;
	REQUIRE_KIND(variant->kind);
	heap = must_kind(_metadata, self->fd, variant->kind);
	ASSERT_EQ(0, set_rule(self->fd, MEMMGR_INJECT_HEAP, heap, 0, 1, MEMMGR_INJECT_NO_LIMIT));
	ASSERT_EQ(0, mm_heap_destroy(self->fd, heap, 0));
	EXPECT_EQ(-ENOENT, set_off(self->fd, MEMMGR_INJECT_HEAP, heap));
	again = must_kind(_metadata, self->fd, variant->kind);
	EXPECT_EQ(heap, again);
	EXPECT_EQ(0, read_rule(_metadata, self->fd, MEMMGR_INJECT_HEAP, again).times);
	must_alloc(_metadata, self->fd, again, BYTES);
}

/* The rest of the line in debugfs that begins so. */
static bool in_debugfs(int fd, const char *text, char line[256])
{
	struct memmgr_query q;
	bool found = false;
	char path[96];
	FILE *file;

	if (mm_query(fd, &q))
		return false;
	snprintf(path, sizeof(path), "/sys/kernel/debug/memmgr/%.31s/inject", q.name);
	file = fopen(path, "r");
	while (file && !found && fgets(line, 256, file))
		found = !strncmp(line, text, strlen(text));
	if (file)
		fclose(file);
	if (found)
		memmove(line, line + strlen(text), strlen(line + strlen(text)) + 1);
	return found;
}

static bool is_in_debugfs(int fd, const char *text)
{
	char line[256];

	return in_debugfs(fd, text, line);
}

/* The line that begins so tells the rule of heap or client @id. */
static void expect_told(struct __test_metadata *_metadata, int fd, const char *text, __u32 whom,
			__u64 id)
{
	struct memmgr_inject i = read_rule(_metadata, fd, whom, id);
	unsigned long long skip, interval, times, seen, failed;
	unsigned int probability, seed;
	char line[256];

	ASSERT_TRUE(in_debugfs(fd, text, line));
	ASSERT_EQ(7, sscanf(line, "%llu %llu %llu %u %u %llu %llu", &skip, &interval, &times,
			    &probability, &seed, &seen, &failed));
	EXPECT_EQ(i.skip, skip);
	EXPECT_EQ(i.interval, interval);
	EXPECT_EQ(i.times, times);
	EXPECT_EQ(i.probability, probability);
	EXPECT_EQ(i.seed, seed);
	EXPECT_EQ(i.seen, seen);
	EXPECT_EQ(i.failed, failed);
}

TEST_F(inject, shown_in_debugfs)
{
	char client[32];

	REQUIRE_DEBUG;
	snprintf(client, sizeof(client), "client %llu ",
		 (unsigned long long)account_of(_metadata, self->fd).id);
	EXPECT_TRUE(is_in_debugfs(self->fd, "# memmgr inject 1"));
	EXPECT_FALSE(is_in_debugfs(self->fd, client));
	ASSERT_EQ(0, set_rule(self->fd, MEMMGR_INJECT_CLIENT, 0, 1, 2, 3));
	ASSERT_EQ(0, set_rule(self->fd, MEMMGR_INJECT_HEAP, MEMMGR_HEAP_MAIN, 1000, 4, 5));
	must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 1);
	expect_told(_metadata, self->fd, client, MEMMGR_INJECT_CLIENT, 0);
	expect_told(_metadata, self->fd, "heap   main ", MEMMGR_INJECT_HEAP, MEMMGR_HEAP_MAIN);
	EXPECT_EQ(0, set_off(self->fd, MEMMGR_INJECT_HEAP, MEMMGR_HEAP_MAIN));
	EXPECT_FALSE(is_in_debugfs(self->fd, "heap   main "));
}

/* ---- the kernel's own, where there is one ---- */

#define FAULTS	"/sys/kernel/debug/fail_memmgr/"

static void fault_set(struct __test_metadata *_metadata, const char *name, const char *value)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), FAULTS "%s", name);
	fd = open(path, O_WRONLY);
	ASSERT_LE(0, fd);
	EXPECT_EQ((ssize_t)strlen(value), write(fd, value, strlen(value)));
	close(fd);
}

TEST_F(inject, by_the_kernels_fault_attr)
{
	struct memmgr_alloc a;
	int i;

	REQUIRE_DEBUG;
	if (access(FAULTS "times", W_OK))
		SKIP(return, "this kernel has no fault injection");
	fault_set(_metadata, "verbose", "0");
	fault_set(_metadata, "interval", "1");
	fault_set(_metadata, "times", "3");
	fault_set(_metadata, "probability", "100");
	for (i = 0; i < 3; i++)
		expect_injected(_metadata, self->fd, MEMMGR_HEAP_MAIN);
	a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, BYTES);
	EXPECT_EQ(0, mm_free(self->fd, a.handle));
	fault_set(_metadata, "probability", "0");
}

MEMMGR_TEST_MAIN
