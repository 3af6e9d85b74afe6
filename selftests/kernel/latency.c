// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Latency: every call of any number of threads is counted once; the histogram, the extremes
 * and the sum agree; and the longest call is described with its process and its place, to
 * the users whom it concerns.
 *
 * Rule: <linux/memmgr.h>, struct memmgr_latency.
 */
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "lib/memmgr_test.h"

MEMMGR_FIXTURE(latency)
MEMMGR_KIND_FIXTURE(latency_kind);

#define BYTES	64	/* fits every kind of heap_config() */
#define CALLS	20
#define MS	1000000ull

static int mm_latency(int fd, __u32 heap, __u32 flags, struct memmgr_latency *l)
{
	*l = (struct memmgr_latency){ .size = sizeof(*l), .heap = heap, .flags = flags };
	return mm_call(fd, MEMMGR_IOC_LATENCY, l);
}

static struct memmgr_latency latency(struct __test_metadata *_metadata, int fd, __u32 heap,
				     __u32 flags)
{
	struct memmgr_latency l;

	ASSERT_EQ(0, mm_latency(fd, heap, flags, &l));
	return l;
}

/* A private heap of a kind that is measured from now on. */
static __u32 measured(struct __test_metadata *_metadata, int fd, __u32 kind)
{
	__u32 heap = must_kind(_metadata, fd, kind);

	ASSERT_EQ(MEMMGR_LATENCY_ON, latency(_metadata, fd, heap, MEMMGR_LATENCY_ON).state);
	return heap;
}

/* Of one block, which is full with it. */
static __u32 measured_pool(struct __test_metadata *_metadata, int fd)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_POOL, "t-latency");
	__u32 heap;

	c.count = 1;
	c.max_allocations = 4;
	heap = must_heap(_metadata, fd, c);
	must_alloc(_metadata, fd, heap, BYTES);
	latency(_metadata, fd, heap, MEMMGR_LATENCY_ON);
	return heap;
}

static void alloc_and_free(struct __test_metadata *_metadata, int fd, __u32 heap, int count)
{
	while (count--)
		ASSERT_EQ(0, mm_free(fd, must_alloc(_metadata, fd, heap, BYTES).handle));
}

/* ---- what must hold of every answer ------------------------------------------- */

static unsigned int bucket_of(__u64 ns)
{
	unsigned int i = 0;

	while (ns >>= 1)
		i++;
	return i < MEMMGR_LATENCY_BUCKETS ? i : MEMMGR_LATENCY_BUCKETS - 1;
}

static __u64 bucket_sum(const struct memmgr_latency_op *op)
{
	__u64 sum = 0;
	int i;

	for (i = 0; i < MEMMGR_LATENCY_BUCKETS; i++)
		sum += op->bucket[i];
	return sum;
}

/* The shortest and the longest lie at the two ends of the histogram. */
static void expect_ends(struct __test_metadata *_metadata, const struct memmgr_latency_op *op)
{
	unsigned int low = 0, high = MEMMGR_LATENCY_BUCKETS - 1;

	while (!op->bucket[low])
		low++;
	while (!op->bucket[high])
		high--;
	EXPECT_EQ(low, bucket_of(op->min_ns));
	EXPECT_EQ(high, bucket_of(op->max_ns));
}

static void expect_sound(struct __test_metadata *_metadata, const struct memmgr_latency_op *op)
{
	EXPECT_EQ(op->count, bucket_sum(op));
	EXPECT_LE(op->failed, op->count);
	if (!op->count) {
		EXPECT_TRUE(is_zero((const unsigned char *)op, sizeof(*op)));
		return;
	}
	EXPECT_LE(op->min_ns, op->total_ns / op->count);
	EXPECT_GE(op->max_ns, op->total_ns / op->count);
	EXPECT_NE(0, op->worst.context);
	expect_ends(_metadata, op);
}

static void expect_counts(struct __test_metadata *_metadata, int fd, __u32 heap, __u64 allocs,
			  __u64 failed, __u64 frees, __u64 refused)
{
	struct memmgr_latency l = latency(_metadata, fd, heap, 0);

	EXPECT_EQ(allocs, l.op[MEMMGR_LATENCY_ALLOC].count);
	EXPECT_EQ(failed, l.op[MEMMGR_LATENCY_ALLOC].failed);
	EXPECT_EQ(frees, l.op[MEMMGR_LATENCY_FREE].count);
	EXPECT_EQ(refused, l.op[MEMMGR_LATENCY_FREE].failed);
	expect_sound(_metadata, &l.op[MEMMGR_LATENCY_ALLOC]);
	expect_sound(_metadata, &l.op[MEMMGR_LATENCY_FREE]);
}

/* ---- what is counted ---------------------------------------------------------- */

TEST_F(latency_kind, counts_what_is_done)
{
	__u64 handles[CALLS];
	__u32 heap;
	int i;

	REQUIRE_DEBUG;
	REQUIRE_KIND(variant->kind);
	heap = measured(_metadata, self->fd, variant->kind);
	expect_counts(_metadata, self->fd, heap, 0, 0, 0, 0);
	for (i = 0; i < CALLS; i++)
		handles[i] = must_alloc(_metadata, self->fd, heap, BYTES).handle;
	expect_counts(_metadata, self->fd, heap, CALLS, 0, 0, 0);
	while (i-- > CALLS / 2)
		ASSERT_EQ(0, mm_free(self->fd, handles[i]));
	expect_counts(_metadata, self->fd, heap, CALLS, 0, CALLS / 2, 0);
}

TEST_F(latency, each_of_a_batch_counts)
{
	__u32 heap, count = CALLS;
	__u64 handles[CALLS];

	REQUIRE_DEBUG;
	heap = measured(_metadata, self->fd, MEMMGR_KIND_BUDDY);
	ASSERT_EQ(0, mm_alloc_batch(self->fd, heap, 0, BYTES, handles, &count));
	ASSERT_EQ(CALLS, count);
	ASSERT_EQ(0, mm_free_batch(self->fd, handles, CALLS));
	expect_counts(_metadata, self->fd, heap, CALLS, 0, CALLS, 0);
}

TEST_F(latency_kind, failures_count)
{
	struct memmgr_alloc a;
	__u64 handle;
	__u32 heap;

	REQUIRE_DEBUG;
	REQUIRE_KIND(variant->kind);
	heap = measured(_metadata, self->fd, variant->kind);
	a = alloc_request(heap, 1ull << 40);
	EXPECT_EQ(-ENOMEM, mm_alloc(self->fd, &a));
	expect_counts(_metadata, self->fd, heap, 1, 1, 0, 0);
	handle = must_alloc(_metadata, self->fd, heap, BYTES).handle;
	ASSERT_EQ(0, mm_free(self->fd, handle));
	EXPECT_EQ(-EBADF, mm_free(self->fd, handle));
	expect_counts(_metadata, self->fd, heap, 2, 1, 2, 1);
}

TEST_F(latency, failures_on_purpose_count)
{
	struct memmgr_inject i = {
		.flags = MEMMGR_INJECT_CLIENT | MEMMGR_INJECT_SET, .interval = 1, .times = 1,
	};
	struct memmgr_alloc a;
	__u32 heap;

	REQUIRE_DEBUG;
	heap = measured(_metadata, self->fd, MEMMGR_KIND_BUDDY);
	ASSERT_EQ(0, mm_inject(self->fd, &i));
	a = alloc_request(heap, BYTES);
	EXPECT_EQ(-ENOMEM, mm_alloc(self->fd, &a));
	expect_counts(_metadata, self->fd, heap, 1, 1, 0, 0);
}

TEST_F(latency, what_is_malformed_does_not_count)
{
	struct memmgr_alloc a;
	struct memmgr_resize r;
	__u64 handle;
	__u32 heap;

	REQUIRE_DEBUG;
	heap = measured(_metadata, self->fd, MEMMGR_KIND_BUDDY);
	a = alloc_request(heap, 0);
	EXPECT_EQ(-EINVAL, mm_alloc(self->fd, &a));
	a = alloc_request(heap, BYTES);
	a.align = 3;
	EXPECT_EQ(-EINVAL, mm_alloc(self->fd, &a));
	a.align = 0;
	a.flags = MEMMGR_ALLOC_PERSISTENT;
	EXPECT_EQ(-EINVAL, mm_alloc(self->fd, &a));
	expect_counts(_metadata, self->fd, heap, 0, 0, 0, 0);
	handle = must_alloc(_metadata, self->fd, heap, BYTES).handle;
	ASSERT_EQ(0, mm_resize(self->fd, handle, BYTES / 2, &r));
	expect_counts(_metadata, self->fd, heap, 1, 0, 0, 0);
}

TEST_F(latency, two_heaps_are_apart)
{
	__u32 one, other;

	REQUIRE_DEBUG;
	one = measured(_metadata, self->fd, MEMMGR_KIND_BUDDY);
	other = must_heap(_metadata, self->fd, heap_config(MEMMGR_KIND_BUDDY, "t-other"));
	latency(_metadata, self->fd, other, MEMMGR_LATENCY_ON);
	alloc_and_free(_metadata, self->fd, one, 3);
	alloc_and_free(_metadata, self->fd, other, 5);
	expect_counts(_metadata, self->fd, one, 3, 0, 3, 0);
	expect_counts(_metadata, self->fd, other, 5, 0, 5, 0);
	latency(_metadata, self->fd, other, MEMMGR_LATENCY_OFF);
	alloc_and_free(_metadata, self->fd, one, 1);
	alloc_and_free(_metadata, self->fd, other, 1);
	expect_counts(_metadata, self->fd, one, 4, 0, 4, 0);
	expect_counts(_metadata, self->fd, other, 5, 0, 5, 0);
}

/* The request counts for the heap that it names, the free for that of the handle. */
TEST_F(latency, a_fallback_is_not_seen)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_POOL, "t-falls");
	struct memmgr_alloc a;
	__u32 behind, heap;

	REQUIRE_DEBUG;
	REQUIRE_KIND(MEMMGR_KIND_POOL);
	behind = measured(_metadata, self->fd, MEMMGR_KIND_BUDDY);
	c.count = 1;
	c.flags |= MEMMGR_HEAP_FALLBACK;
	c.fallback = behind;
	heap = must_heap(_metadata, self->fd, c);
	must_alloc(_metadata, self->fd, heap, BYTES);
	latency(_metadata, self->fd, heap, MEMMGR_LATENCY_ON);
	a = must_alloc(_metadata, self->fd, heap, BYTES);
	ASSERT_EQ(behind, a.from);
	expect_counts(_metadata, self->fd, heap, 1, 0, 0, 0);
	expect_counts(_metadata, self->fd, behind, 0, 0, 0, 0);
	ASSERT_EQ(0, mm_free(self->fd, a.handle));
	expect_counts(_metadata, self->fd, heap, 1, 0, 0, 0);
	expect_counts(_metadata, self->fd, behind, 0, 0, 1, 0);
}

#define THREADS		4
#define ROUNDS		500

struct worker {
	pthread_t thread;
	int fd;
	__u32 heap;
	int errors;
};

static void *work(void *arg)
{
	struct worker *w = arg;
	struct memmgr_alloc a;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		a = alloc_request(w->heap, BYTES);
		w->errors += !!mm_alloc(w->fd, &a);
		w->errors += !!mm_free(w->fd, a.handle);
	}
	return NULL;
}

static void start_workers(struct __test_metadata *_metadata, struct worker *w, int fd,
			  __u32 heap)
{
	int i;

	for (i = 0; i < THREADS; i++) {
		w[i] = (struct worker){ .fd = fd, .heap = heap };
		ASSERT_EQ(0, pthread_create(&w[i].thread, NULL, work, &w[i]));
	}
}

static void join_workers(struct __test_metadata *_metadata, struct worker *w)
{
	int i;

	for (i = 0; i < THREADS; i++) {
		ASSERT_EQ(0, pthread_join(w[i].thread, NULL));
		EXPECT_EQ(0, w[i].errors);
	}
}

/* Nothing is lost, and each answer meanwhile is sound in itself. */
TEST_F(latency_kind, threads_are_all_counted)
{
	struct worker workers[THREADS];
	struct memmgr_latency l;
	__u32 heap;

	REQUIRE_DEBUG;
	REQUIRE_KIND(variant->kind);
	if (variant->kind == MEMMGR_KIND_STACK)
		SKIP(return, "threads cannot free in order");
	heap = measured(_metadata, self->fd, variant->kind);
	start_workers(_metadata, workers, self->fd, heap);
	do {
		l = latency(_metadata, self->fd, heap, 0);
		expect_sound(_metadata, &l.op[MEMMGR_LATENCY_ALLOC]);
		expect_sound(_metadata, &l.op[MEMMGR_LATENCY_FREE]);
	} while (l.op[MEMMGR_LATENCY_FREE].count < THREADS * ROUNDS / 2);
	join_workers(_metadata, workers);
	expect_counts(_metadata, self->fd, heap, THREADS * ROUNDS, 0, THREADS * ROUNDS, 0);
}

/* ---- the longest call --------------------------------------------------------- */

struct caller {
	int fd;
	struct memmgr_alloc a;
	int result;
	__u32 tid;
};

static void *call_from_thread(void *arg)
{
	struct caller *c = arg;

	prctl(PR_SET_NAME, "t-longest");
	c->tid = syscall(SYS_gettid);
	c->result = mm_alloc(c->fd, &c->a);
	return NULL;
}

static void expect_worst(struct __test_metadata *_metadata,
			 const struct memmgr_latency_worst *worst, const struct caller *c,
			 __u64 bytes)
{
	EXPECT_EQ(bytes, worst->bytes);
	EXPECT_EQ(getpid(), worst->pid);
	EXPECT_EQ(c->tid, worst->tid);
	EXPECT_EQ(geteuid(), worst->uid);
	EXPECT_STREQ("t-longest", worst->comm);
	EXPECT_GT(sysconf(_SC_NPROCESSORS_CONF), worst->cpu);
	EXPECT_EQ(0, worst->caller[0]);
	EXPECT_EQ(0, worst->reserved);
}

TEST_F(latency, the_longest_is_known)
{
	struct caller c = { .fd = self->fd };
	struct memmgr_latency l;
	__u64 before, after;
	pthread_t thread;
	__u32 heap;

	REQUIRE_DEBUG;
	heap = measured(_metadata, self->fd, MEMMGR_KIND_BUDDY);
	c.a = alloc_request(heap, 1234);
	before = now_ns(CLOCK_BOOTTIME);
	ASSERT_EQ(0, pthread_create(&thread, NULL, call_from_thread, &c));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	after = now_ns(CLOCK_BOOTTIME);
	ASSERT_EQ(0, c.result);
	l = latency(_metadata, self->fd, heap, 0);
	expect_worst(_metadata, &l.op[MEMMGR_LATENCY_ALLOC].worst, &c, 1234);
	EXPECT_EQ(MEMMGR_CONTEXT_PROCESS, l.op[MEMMGR_LATENCY_ALLOC].worst.context);
	EXPECT_LE(before, l.op[MEMMGR_LATENCY_ALLOC].worst.time_ns);
	EXPECT_GE(after, l.op[MEMMGR_LATENCY_ALLOC].worst.time_ns);
	EXPECT_GE(after - before, l.op[MEMMGR_LATENCY_ALLOC].max_ns);
	ASSERT_EQ(0, mm_free(self->fd, c.a.handle));
	l = latency(_metadata, self->fd, heap, 0);
	EXPECT_EQ(1234, l.op[MEMMGR_LATENCY_FREE].worst.bytes);
	EXPECT_EQ(getpid(), l.op[MEMMGR_LATENCY_FREE].worst.tid);
}

/* Waiting is part of it, a shorter call later changes nothing, a longer one does. */
TEST_F(latency, waiting_is_the_longest)
{
	struct caller c = { .fd = self->fd };
	struct memmgr_latency_op *op;
	struct memmgr_latency l;
	pthread_t thread;
	__u32 heap;

	REQUIRE_DEBUG;
	REQUIRE_KIND(MEMMGR_KIND_POOL);
	heap = measured_pool(_metadata, self->fd);
	op = &l.op[MEMMGR_LATENCY_ALLOC];
	c.a = alloc_request(heap, 77);
	EXPECT_EQ(-ENOMEM, mm_alloc(self->fd, &c.a));
	c.a.flags = MEMMGR_ALLOC_WAIT;
	c.a.timeout_ms = 3000;
	ASSERT_EQ(0, pthread_create(&thread, NULL, call_from_thread, &c));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	ASSERT_EQ(-ETIMEDOUT, c.result);
	c.a = alloc_request(heap, 78);
	EXPECT_EQ(-ENOMEM, mm_alloc(self->fd, &c.a));
	l = latency(_metadata, self->fd, heap, 0);
	EXPECT_EQ(3, op->count);
	EXPECT_EQ(3, op->failed);
	EXPECT_LE(2999 * MS, op->max_ns);
	EXPECT_LE(op->max_ns + op->min_ns, op->total_ns);
	EXPECT_GT(1000 * MS, op->min_ns);
	EXPECT_EQ(1, op->bucket[bucket_of(op->max_ns)]);
	expect_worst(_metadata, &op->worst, &c, 77);
	EXPECT_EQ(MEMMGR_CONTEXT_PROCESS | MEMMGR_CONTEXT_FAILED, op->worst.context);
}

/* How long that took was the signal's doing, not the heap's. */
TEST_F(latency, a_wait_that_a_signal_ends_does_not_count)
{
	struct sigaction action = { .sa_handler = wake_up };
	/* Again and again: the first one may come before the wait. */
	struct itimerval every_second = { { .tv_sec = 1 }, { .tv_sec = 1 } }, never = { 0 };
	struct memmgr_alloc a;
	__u32 heap;

	REQUIRE_DEBUG;
	REQUIRE_KIND(MEMMGR_KIND_POOL);
	heap = measured_pool(_metadata, self->fd);
	a = alloc_request(heap, BYTES);
	a.flags = MEMMGR_ALLOC_WAIT;
	a.timeout_ms = 10000;
	ASSERT_EQ(0, sigaction(SIGALRM, &action, NULL));
	ASSERT_EQ(0, setitimer(ITIMER_REAL, &every_second, NULL));
	EXPECT_EQ(-EINTR, mm_alloc(self->fd, &a));
	ASSERT_EQ(0, setitimer(ITIMER_REAL, &never, NULL));
	expect_counts(_metadata, self->fd, heap, 0, 0, 0, 0);
}

/* ---- on, off, reset and the end ------------------------------------------------- */

TEST_F(latency, off_counts_nothing_and_keeps_what_was)
{
	struct memmgr_latency before, after;
	__u32 heap;

	REQUIRE_DEBUG;
	heap = must_kind(_metadata, self->fd, MEMMGR_KIND_BUDDY);
	alloc_and_free(_metadata, self->fd, heap, 2);
	before = latency(_metadata, self->fd, heap, 0);
	EXPECT_EQ(0, before.state);
	EXPECT_EQ(0, before.since_ns);
	EXPECT_TRUE(is_zero((unsigned char *)before.op, sizeof(before.op)));
	/* What never was on is turned off and cleared without a word. */
	before = latency(_metadata, self->fd, heap, MEMMGR_LATENCY_OFF | MEMMGR_LATENCY_RESET);
	EXPECT_EQ(0, before.since_ns);

	latency(_metadata, self->fd, heap, MEMMGR_LATENCY_ON);
	alloc_and_free(_metadata, self->fd, heap, 3);
	before = latency(_metadata, self->fd, heap, MEMMGR_LATENCY_OFF);
	EXPECT_EQ(0, before.state);
	alloc_and_free(_metadata, self->fd, heap, 4);
	after = latency(_metadata, self->fd, heap, 0);
	EXPECT_EQ(0, memcmp(before.op, after.op, sizeof(after.op)));
	EXPECT_EQ(before.since_ns, after.since_ns);
	expect_counts(_metadata, self->fd, heap, 3, 0, 3, 0);

	latency(_metadata, self->fd, heap, MEMMGR_LATENCY_ON);
	latency(_metadata, self->fd, heap, MEMMGR_LATENCY_ON);
	alloc_and_free(_metadata, self->fd, heap, 5);
	expect_counts(_metadata, self->fd, heap, 8, 0, 8, 0);
}

TEST_F(latency, reset_clears_and_goes_on)
{
	struct memmgr_latency l;
	__u64 since, now;
	__u32 heap;

	REQUIRE_DEBUG;
	heap = measured(_metadata, self->fd, MEMMGR_KIND_BUDDY);
	since = latency(_metadata, self->fd, heap, 0).since_ns;
	EXPECT_LT(0, since);
	alloc_and_free(_metadata, self->fd, heap, 3);
	now = now_ns(CLOCK_BOOTTIME);
	l = latency(_metadata, self->fd, heap, MEMMGR_LATENCY_RESET);
	EXPECT_EQ(MEMMGR_LATENCY_ON, l.state);
	EXPECT_LE(now, l.since_ns);
	expect_counts(_metadata, self->fd, heap, 0, 0, 0, 0);
	alloc_and_free(_metadata, self->fd, heap, 2);
	expect_counts(_metadata, self->fd, heap, 2, 0, 2, 0);
	l = latency(_metadata, self->fd, heap, MEMMGR_LATENCY_OFF | MEMMGR_LATENCY_RESET);
	EXPECT_EQ(0, l.state);
	expect_counts(_metadata, self->fd, heap, 0, 0, 0, 0);
	l = latency(_metadata, self->fd, heap, MEMMGR_LATENCY_ON | MEMMGR_LATENCY_RESET);
	EXPECT_EQ(MEMMGR_LATENCY_ON, l.state);
}

TEST_F(latency_kind, ends_with_its_heap)
{
	struct memmgr_latency l;
	__u32 heap, again;

	REQUIRE_DEBUG;
	REQUIRE_KIND(variant->kind);
	heap = measured(_metadata, self->fd, variant->kind);
	alloc_and_free(_metadata, self->fd, heap, 3);
	ASSERT_EQ(0, mm_heap_destroy(self->fd, heap, 0));
	EXPECT_EQ(-ENOENT, mm_latency(self->fd, heap, 0, &l));
	EXPECT_EQ(-ENOENT, mm_latency(self->fd, heap, MEMMGR_LATENCY_OFF, &l));
	again = must_kind(_metadata, self->fd, variant->kind);
	EXPECT_EQ(heap, again);
	l = latency(_metadata, self->fd, again, 0);
	EXPECT_EQ(0, l.state);
	EXPECT_EQ(0, l.since_ns);
	EXPECT_EQ(0, l.op[MEMMGR_LATENCY_ALLOC].count);
}

struct switcher {
	int fd;
	__u32 heap;
	int errors;
	bool done;
};

static void *switch_on_and_off(void *arg)
{
	static const __u32 flags[] = {
		MEMMGR_LATENCY_ON, MEMMGR_LATENCY_OFF, MEMMGR_LATENCY_RESET, 0,
		MEMMGR_LATENCY_ON | MEMMGR_LATENCY_RESET,
	};
	struct switcher *s = arg;
	struct memmgr_latency l;
	unsigned int i;
	int result;

	for (i = 0; !__atomic_load_n(&s->done, __ATOMIC_RELAXED); i++) {
		result = mm_latency(s->fd, s->heap, flags[i % ARRAY_SIZE(flags)], &l);
		s->errors += result && result != -ENOENT;
	}
	return NULL;
}

/* Calls, switching and the end of the heap at once: nothing breaks. */
TEST_F(latency, switched_while_it_is_used_and_goes)
{
	struct switcher s = { .fd = self->fd };
	struct worker workers[THREADS];
	pthread_t thread;
	int i;

	REQUIRE_DEBUG;
	s.heap = must_kind(_metadata, self->fd, MEMMGR_KIND_BUDDY);
	ASSERT_EQ(0, pthread_create(&thread, NULL, switch_on_and_off, &s));
	start_workers(_metadata, workers, self->fd, s.heap);
	join_workers(_metadata, workers);
	for (i = 0; i < 50; i++) {
		ASSERT_EQ(0, mm_heap_destroy(self->fd, s.heap, 0));
		ASSERT_EQ(s.heap, must_kind(_metadata, self->fd, MEMMGR_KIND_BUDDY));
		alloc_and_free(_metadata, self->fd, s.heap, 2);
	}
	__atomic_store_n(&s.done, true, __ATOMIC_RELAXED);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, s.errors);
}

/* ---- who may, and who is told ---------------------------------------------------- */

TEST_F(latency, malformed)
{
	static const __u32 flags[] = {
		MEMMGR_LATENCY_ON | MEMMGR_LATENCY_OFF,
		MEMMGR_LATENCY_ON | MEMMGR_LATENCY_OFF | MEMMGR_LATENCY_RESET,
		8, 8 | MEMMGR_LATENCY_ON, 1u << 31,
	};
	struct memmgr_latency l = { .size = sizeof(l) - 8 };
	unsigned int i;
	__u32 heap;

	REQUIRE_DEBUG;
	EXPECT_EQ(-EINVAL, mm_call(self->fd, MEMMGR_IOC_LATENCY, &l));
	EXPECT_EQ(-ENOENT, mm_latency(self->fd, 200, 0, &l));
	EXPECT_EQ(-ENOENT, mm_latency(self->fd, 200, MEMMGR_LATENCY_ON, &l));
	heap = must_kind(_metadata, self->fd, MEMMGR_KIND_BUDDY);
	for (i = 0; i < ARRAY_SIZE(flags); i++)
		EXPECT_EQ(-EINVAL, mm_latency(self->fd, heap, flags[i], &l))
			TH_LOG("flags %#x", flags[i]);
	EXPECT_EQ(0, latency(_metadata, self->fd, heap, 0).state);
}

TEST_F(latency, not_in_this_build)
{
	struct memmgr_latency l;

	if (debug_is_built(self->fd))
		SKIP(return, "this build has DEBUG");
	EXPECT_EQ(-EOPNOTSUPP, mm_latency(self->fd, MEMMGR_HEAP_MAIN, 0, &l));
	EXPECT_EQ(-EOPNOTSUPP, mm_latency(self->fd, MEMMGR_HEAP_MAIN, MEMMGR_LATENCY_ON, &l));
}

TEST_F(latency, reading_takes_no_writing)
{
	int reader = open_device(O_RDONLY);
	struct memmgr_latency l;

	REQUIRE_DEBUG;
	ASSERT_LE(0, reader);
	EXPECT_EQ(0, mm_latency(reader, MEMMGR_HEAP_MAIN, 0, &l));
	EXPECT_EQ(-EACCES, mm_latency(reader, MEMMGR_HEAP_MAIN, MEMMGR_LATENCY_ON, &l));
	EXPECT_EQ(-EACCES, mm_latency(reader, MEMMGR_HEAP_MAIN, MEMMGR_LATENCY_RESET, &l));
	close(reader);
}

/* He may look, and is told how long it took, but not whom. */
static int look_as_nobody(int node, __u32 private)
{
	struct memmgr_latency_worst hidden = { .context = MEMMGR_CONTEXT_HIDDEN };
	int fd = open_as_nobody(node);
	struct memmgr_latency l;

	if (fd < 0)
		return 1;
	if (mm_latency(fd, MEMMGR_HEAP_MAIN, MEMMGR_LATENCY_ON, &l) != -EPERM ||
	    mm_latency(fd, MEMMGR_HEAP_MAIN, MEMMGR_LATENCY_OFF, &l) != -EPERM ||
	    mm_latency(fd, MEMMGR_HEAP_MAIN, MEMMGR_LATENCY_RESET, &l) != -EPERM)
		return 2;
	if (mm_latency(fd, private, 0, &l) != -EACCES)
		return 3;
	if (mm_latency(fd, MEMMGR_HEAP_MAIN, 0, &l) || !(l.state & MEMMGR_LATENCY_ON))
		return 4;
	if (l.op[MEMMGR_LATENCY_ALLOC].count != 1 || !l.op[MEMMGR_LATENCY_ALLOC].max_ns)
		return 5;
	if (memcmp(&l.op[MEMMGR_LATENCY_ALLOC].worst, &hidden, sizeof(hidden)))
		return 6;
	/* Of what was never called there is nothing to hide. */
	return l.op[MEMMGR_LATENCY_FREE].worst.context ? 7 : 0;
}

/* What he did himself he is told. */
static int call_as_nobody(int node)
{
	struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, BYTES);
	struct memmgr_latency_worst *worst;
	int fd = open_as_nobody(node);
	struct memmgr_latency l;

	if (fd < 0)
		return 1;
	if (mm_alloc(fd, &a) || mm_latency(fd, MEMMGR_HEAP_MAIN, 0, &l))
		return 2;
	worst = &l.op[MEMMGR_LATENCY_ALLOC].worst;
	if (worst->context != MEMMGR_CONTEXT_PROCESS || worst->pid != getpid() ||
	    worst->uid != NOBODY || worst->bytes != BYTES || !worst->time_ns)
		return 3;
	return 0;
}

TEST_F(latency, others_are_not_told_who)
{
	int node = open_public_node();
	struct memmgr_latency l;
	__u32 private;
	pid_t child;

	REQUIRE_DEBUG;
	ASSERT_LE(0, node);
	private = must_kind(_metadata, self->fd, MEMMGR_KIND_BUDDY);
	latency(_metadata, self->fd, MEMMGR_HEAP_MAIN, MEMMGR_LATENCY_ON | MEMMGR_LATENCY_RESET);
	must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, BYTES);
	child = fork();
	if (!child)
		_exit(look_as_nobody(node, private));
	EXPECT_EQ(0, child_result(child));
	latency(_metadata, self->fd, MEMMGR_HEAP_MAIN, MEMMGR_LATENCY_RESET);
	child = fork();
	if (!child)
		_exit(call_as_nobody(node));
	EXPECT_EQ(0, child_result(child));
	l = latency(_metadata, self->fd, MEMMGR_HEAP_MAIN, MEMMGR_LATENCY_OFF);
	EXPECT_EQ(child, l.op[MEMMGR_LATENCY_ALLOC].worst.pid);
	EXPECT_EQ(NOBODY, l.op[MEMMGR_LATENCY_ALLOC].worst.uid);
	latency(_metadata, self->fd, MEMMGR_HEAP_MAIN, MEMMGR_LATENCY_RESET);
	close(node);
}

/* ---- debugfs ----------------------------------------------------------------------- */

/* The line of a heap and an op. */
static bool in_debugfs(int fd, const char *start, char *line, size_t size)
{
	char path[96];
	struct memmgr_query q;
	bool found = false;
	FILE *file;

	if (mm_query(fd, &q))
		return false;
	snprintf(path, sizeof(path), "/sys/kernel/debug/memmgr/%.31s/latency", q.name);
	file = fopen(path, "r");
	while (file && !found && fgets(line, (int)size, file))
		found = !strncmp(line, start, strlen(start));
	if (file)
		fclose(file);
	return found;
}

TEST_F(latency, shown_in_debugfs)
{
	char start[64], line[1024], end[32];
	struct memmgr_latency l;
	__u32 heap;

	REQUIRE_DEBUG;
	EXPECT_TRUE(in_debugfs(self->fd, "# memmgr latency 1\n", line, sizeof(line)));
	EXPECT_TRUE(in_debugfs(self->fd, "#heap op state count ", line, sizeof(line)));
	heap = must_heap(_metadata, self->fd, heap_config(MEMMGR_KIND_BUDDY, "t-shown"));
	EXPECT_FALSE(in_debugfs(self->fd, "t-shown ", line, sizeof(line)));
	latency(_metadata, self->fd, heap, MEMMGR_LATENCY_ON);
	must_alloc(_metadata, self->fd, heap, BYTES);
	l = latency(_metadata, self->fd, heap, 0);
	snprintf(start, sizeof(start), "%-31s %-5s %-3s %10d ", "t-shown", "alloc", "on", 1);
	ASSERT_TRUE(in_debugfs(self->fd, start, line, sizeof(line)));
	snprintf(end, sizeof(end), " latency - %u:1\n",
		 bucket_of(l.op[MEMMGR_LATENCY_ALLOC].max_ns));
	EXPECT_TRUE(strstr(line, end) && strstr(line, " process -        -      "))
		TH_LOG("%s", line);
	snprintf(start, sizeof(start), "%-31s %-5s %-3s %10d ", "t-shown", "free", "on", 0);
	EXPECT_TRUE(in_debugfs(self->fd, start, line, sizeof(line)));
}

MEMMGR_TEST_MAIN
