// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Waiting for a block of a pool: timeouts, signals, wake-ups, many waiters.
 *
 * Rule: <linux/memmgr.h>, struct memmgr_alloc, MEMMGR_ALLOC_WAIT.
 */
#include <limits.h>
#include <sys/time.h>

#include "lib/memmgr_test.h"

MEMMGR_FIXTURE(wait)

#define MS	1000000ull
#define WAITERS	8

static __u32 pool_of(struct __test_metadata *_metadata, int fd, __u32 count)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_POOL, "t-wait");

	c.count = count;
	c.max_allocations = count + WAITERS;
	return must_heap(_metadata, fd, c);
}

static struct memmgr_alloc waiting_request(__u32 heap, __u32 timeout_ms)
{
	struct memmgr_alloc a = alloc_request(heap, 64);

	a.flags = MEMMGR_ALLOC_WAIT;
	a.timeout_ms = timeout_ms;
	return a;
}

TEST_F(wait, no_wait_when_a_block_is_free)
{
	struct memmgr_alloc a;
	__u32 heap;

	if (!kind_is_built(self->fd, MEMMGR_KIND_POOL))
		SKIP(return, "%s is not in this build", kind_names[MEMMGR_KIND_POOL]);
	heap = pool_of(_metadata, self->fd, 1);
	a = waiting_request(heap, 10000);
	EXPECT_EQ(0, mm_alloc(self->fd, &a));
	EXPECT_EQ(0, must_stats(_metadata, self->fd, heap).waits);
}

TEST_F(wait, times_out)
{
	struct memmgr_alloc a;
	struct memmgr_stats s;
	__u64 start, took;
	__u32 heap;

	if (!kind_is_built(self->fd, MEMMGR_KIND_POOL))
		SKIP(return, "%s is not in this build", kind_names[MEMMGR_KIND_POOL]);
	heap = pool_of(_metadata, self->fd, 1);
	must_alloc(_metadata, self->fd, heap, 64);
	a = waiting_request(heap, 150);
	start = now_ns(CLOCK_MONOTONIC);
	EXPECT_EQ(-ETIMEDOUT, mm_alloc(self->fd, &a));
	took = now_ns(CLOCK_MONOTONIC) - start;
	EXPECT_LE(149 * MS, took);
	EXPECT_EQ(MEMMGR_REASON_TIMEOUT, a.reason);
	EXPECT_EQ(NO_HANDLE, a.handle);
	s = must_stats(_metadata, self->fd, heap);
	EXPECT_EQ(1, s.live);
	EXPECT_EQ(1, s.waits);
	EXPECT_EQ(1, s.failures[MEMMGR_REASON_TIMEOUT]);
	EXPECT_EQ(0, mm_check(self->fd, heap));
}

TEST_F(wait, signal_interrupts)
{
	struct sigaction action = { .sa_handler = wake_up };
	/* Again and again: the first one may come before the wait. */
	struct itimerval every_100_ms = {
		.it_value = { .tv_usec = 100000 }, .it_interval = { .tv_usec = 100000 },
	};
	struct itimerval never = { 0 };
	struct memmgr_alloc a;
	__u32 heap;

	if (!kind_is_built(self->fd, MEMMGR_KIND_POOL))
		SKIP(return, "%s is not in this build", kind_names[MEMMGR_KIND_POOL]);
	heap = pool_of(_metadata, self->fd, 1);
	must_alloc(_metadata, self->fd, heap, 64);
	ASSERT_EQ(0, sigaction(SIGALRM, &action, NULL));
	ASSERT_EQ(0, setitimer(ITIMER_REAL, &every_100_ms, NULL));
	a = waiting_request(heap, 0);
	EXPECT_EQ(-EINTR, mm_alloc(self->fd, &a));
	ASSERT_EQ(0, setitimer(ITIMER_REAL, &never, NULL));
	EXPECT_EQ(1, must_stats(_metadata, self->fd, heap).live);
	EXPECT_EQ(0, mm_check(self->fd, heap));
}

struct waiter {
	int fd;
	__u32 heap;
	__u32 timeout_ms;
	__u64 bytes;		/* 0: those of waiting_request() */
	int result;
	int rounds;
};

static void *wait_and_free(void *argument)
{
	struct waiter *w = argument;
	int i;

	for (i = 0; i < w->rounds; i++) {
		struct memmgr_alloc a = waiting_request(w->heap, w->timeout_ms);

		a.bytes = w->bytes ?: a.bytes;
		w->result = mm_alloc(w->fd, &a);
		if (w->result)
			break;
		sched_yield();
		w->result = mm_free(w->fd, a.handle);
		if (w->result)
			break;
	}
	return NULL;
}

static bool somebody_waits(int fd, __u32 heap)
{
	struct memmgr_stats s = { .size = sizeof(s), .heap = heap };
	int i;

	for (i = 0; i < 2000; i++) {
		if (!mm_stats(fd, heap, &s) && s.waits)
			return true;
		usleep(10000);
	}
	return false;
}

TEST_F(wait, free_wakes)
{
	struct waiter w = { .fd = self->fd, .rounds = 1, .result = 1 };
	struct memmgr_alloc a;
	pthread_t thread;

	if (!kind_is_built(self->fd, MEMMGR_KIND_POOL))
		SKIP(return, "%s is not in this build", kind_names[MEMMGR_KIND_POOL]);
	w.heap = pool_of(_metadata, self->fd, 1);
	a = must_alloc(_metadata, self->fd, w.heap, 64);
	ASSERT_EQ(0, pthread_create(&thread, NULL, wait_and_free, &w));
	ASSERT_TRUE(somebody_waits(self->fd, w.heap));
	EXPECT_EQ(1, w.result);
	ASSERT_EQ(0, mm_free(self->fd, a.handle));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, w.result);
	EXPECT_EQ(1, must_stats(_metadata, self->fd, w.heap).waits);
}

/* So does the free of several at once. */
TEST_F(wait, batch_free_wakes)
{
	struct waiter w = { .fd = self->fd, .rounds = 1, .result = 1 };
	struct memmgr_free_batch f = { .size = sizeof(f), .count = 2 };
	__u64 handles[2];
	pthread_t thread;

	if (!kind_is_built(self->fd, MEMMGR_KIND_POOL))
		SKIP(return, "%s is not in this build", kind_names[MEMMGR_KIND_POOL]);
	w.heap = pool_of(_metadata, self->fd, 2);
	handles[0] = must_alloc(_metadata, self->fd, w.heap, 64).handle;
	handles[1] = must_alloc(_metadata, self->fd, w.heap, 64).handle;
	ASSERT_EQ(0, pthread_create(&thread, NULL, wait_and_free, &w));
	ASSERT_TRUE(somebody_waits(self->fd, w.heap));
	f.handles = (uintptr_t)handles;
	ASSERT_EQ(0, mm_call(self->fd, MEMMGR_IOC_FREE_BATCH, &f));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, w.result);
}

/*
 * A free that is not enough wakes it, and it sleeps again for the rest of its time. The
 * heap is one page, which four allocations fill and the waiter wants whole.
 */
TEST_F(wait, woken_too_early)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_BUDDY, "t-wait");
	struct waiter w = { .fd = self->fd, .rounds = 1, .result = 1, .timeout_ms = 600000 };
	struct memmgr_alloc quarter[4];
	pthread_t thread;
	int i;

	c.bytes = self->page;
	w.heap = must_heap(_metadata, self->fd, c);
	w.bytes = self->page;
	for (i = 0; i < 4; i++)
		quarter[i] = must_alloc(_metadata, self->fd, w.heap, self->page / 4);
	ASSERT_EQ(0, pthread_create(&thread, NULL, wait_and_free, &w));
	ASSERT_TRUE(somebody_waits(self->fd, w.heap));
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, mm_free(self->fd, quarter[i].handle));
		/* Time to wake and to sleep again. With less of it the test finds less. */
		usleep(50000);
	}
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, w.result);
	EXPECT_EQ(1, must_stats(_metadata, self->fd, w.heap).waits);
}

/* It looks again and again, because main may have what it needs: its time ends all the same. */
TEST_F(wait, times_out_where_main_may_help)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_SLAB, "t-wait");
	struct memmgr_alloc a;
	__u32 heap;

	if (!kind_is_built(self->fd, MEMMGR_KIND_SLAB))
		SKIP(return, "%s is not in this build", kind_names[MEMMGR_KIND_SLAB]);
	c.object_size = 1024;
	c.bytes = 64 * KIB;
	heap = must_heap(_metadata, self->fd, c);
	do {
		a = alloc_request(heap, 1024);
	} while (!mm_alloc(self->fd, &a));
	a = waiting_request(heap, 350);
	EXPECT_EQ(-ETIMEDOUT, mm_alloc(self->fd, &a));
	EXPECT_EQ(MEMMGR_REASON_TIMEOUT, a.reason);
}

/* A free by another client, by close, wakes as well. */
TEST_F(wait, close_of_another_client_wakes)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_POOL, "t-shared");
	struct waiter w = { .fd = self->fd, .rounds = 1, .timeout_ms = INT_MAX };
	int other = open_device(O_RDWR);
	pthread_t thread;

	if (!kind_is_built(self->fd, MEMMGR_KIND_POOL))
		SKIP(return, "%s is not in this build", kind_names[MEMMGR_KIND_POOL]);
	ASSERT_LE(0, other);
	c.flags = 0;
	c.count = 1;
	ASSERT_EQ(0, mm_heap_create(self->fd, &c));
	w.heap = c.heap;
	must_alloc(_metadata, other, c.heap, 64);
	ASSERT_EQ(0, pthread_create(&thread, NULL, wait_and_free, &w));
	ASSERT_TRUE(somebody_waits(self->fd, w.heap));
	close(other);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, w.result);
	EXPECT_EQ(0, mm_heap_destroy(self->fd, c.heap, 0));
}

TEST_F(wait, many_waiters_all_get_their_turn)
{
	struct waiter w[WAITERS];
	pthread_t threads[WAITERS];
	struct memmgr_stats s;
	__u32 heap;
	int i;

	if (!kind_is_built(self->fd, MEMMGR_KIND_POOL))
		SKIP(return, "%s is not in this build", kind_names[MEMMGR_KIND_POOL]);
	heap = pool_of(_metadata, self->fd, 2);
	for (i = 0; i < WAITERS; i++) {
		w[i] = (struct waiter){
			.fd = self->fd, .heap = heap, .timeout_ms = 20000,
			.rounds = 100, .result = 1,
		};
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, wait_and_free, &w[i]));
	}
	for (i = 0; i < WAITERS; i++) {
		ASSERT_EQ(0, pthread_join(threads[i], NULL));
		EXPECT_EQ(0, w[i].result);
	}
	s = must_stats(_metadata, self->fd, heap);
	EXPECT_EQ(0, s.live);
	EXPECT_EQ(WAITERS * 100, s.allocs);
	EXPECT_EQ(WAITERS * 100, s.frees);
	EXPECT_EQ(0, s.failures[MEMMGR_REASON_TIMEOUT]);
	EXPECT_EQ(0, mm_check(self->fd, heap));
}

TEST_F(wait, killed_while_waiting)
{
	pid_t child = fork();

	if (!child) {
		struct memmgr_heap_create c = heap_config(MEMMGR_KIND_POOL, "t-killed");
		int fd = open_device(O_RDWR);
		struct memmgr_alloc a;

		c.count = 1;
		if (mm_heap_create(fd, &c))
			_exit(0);
		a = waiting_request(c.heap, 0);
		mm_alloc(fd, &a);
		a = waiting_request(c.heap, 0);
		mm_alloc(fd, &a);
		_exit(0);
	}
	usleep(150000);
	kill(child, SIGKILL);
	child_result(child);
	EXPECT_TRUE(state_returns(self->fd, &self->before));
}

/* The heap goes while somebody waits, who is told. */
TEST_F(wait, heap_under_a_waiter)
{
	struct waiter w = { .fd = self->fd, .rounds = 1, .timeout_ms = 20000 };
	pthread_t thread;

	if (!kind_is_built(self->fd, MEMMGR_KIND_POOL))
		SKIP(return, "%s is not in this build", kind_names[MEMMGR_KIND_POOL]);
	w.heap = pool_of(_metadata, self->fd, 1);
	must_alloc(_metadata, self->fd, w.heap, 64);
	ASSERT_EQ(0, pthread_create(&thread, NULL, wait_and_free, &w));
	ASSERT_TRUE(somebody_waits(self->fd, w.heap));
	EXPECT_EQ(0, mm_heap_destroy(self->fd, w.heap, MEMMGR_DESTROY_FORCE));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(-ENOENT, w.result);
}

TEST_F(wait, what_can_never_be_served_does_not_wait)
{
	struct memmgr_alloc a;
	__u32 heap;

	if (!kind_is_built(self->fd, MEMMGR_KIND_POOL))
		SKIP(return, "%s is not in this build", kind_names[MEMMGR_KIND_POOL]);
	heap = pool_of(_metadata, self->fd, 1);
	a = waiting_request(heap, 10000);
	a.bytes = 100000;
	EXPECT_EQ(-ENOMEM, mm_alloc(self->fd, &a));
	EXPECT_EQ(MEMMGR_REASON_TOO_LARGE, a.reason);
	EXPECT_EQ(0, must_stats(_metadata, self->fd, heap).waits);
}

MEMMGR_TEST_MAIN
