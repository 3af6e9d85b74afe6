// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * While a heap of a user is made or destroyed, however long that takes, no other call waits:
 * neither close() nor an allocation, a free, or another heap. The maker may be killed.
 *
 * Rule: memmgr(7), REAL TIME, and <linux/memmgr.h>, EINTR.
 */
#include "lib/holding.h"
#include "lib/memmgr_test.h"

MEMMGR_FIXTURE(making)

#define HEAP_BYTES	MIB
#define PATIENCE	30000	/* looks, 1 ms apart, until it is said that somebody waits */

static struct memmgr_heap_create slow_config(const char *name)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_BUDDY, name);

	c.granule = 4096;
	c.bytes = HEAP_BYTES;
	return c;
}

/* As nobody: makes a heap, and unmakes it when @go says so. */
static pid_t start_maker(int *go)
{
	struct memmgr_heap_create c = slow_config("t-slow");
	int node = open_public_node(), fd, ends[2];
	pid_t child;
	char byte;

	if (node < 0 || pipe(ends))
		return -1;
	child = fork();
	if (!child) {
		close(ends[1]);
		fd = open_as_nobody(node);
		if (fd < 0 || mm_heap_create(fd, &c))
			_exit(1);
		if (read(ends[0], &byte, 1) == 1 && mm_heap_destroy(fd, c.heap, 0))
			_exit(2);
		_exit(0);
	}
	close(node);
	close(ends[0]);
	*go = ends[1];
	return child;
}

/*
 * What others do meanwhile; @fd is a client, perhaps with a private heap of its own,
 * @dying the heap that is being unmade, or 0.
 */
static int others(int fd, __u32 dying)
{
	struct memmgr_heap_create c = slow_config("t-slow");
	struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, 4096);
	int other = open_device(O_RDWR);

	if (other < 0 || mm_alloc(other, &a))
		return 1;
	/* The name is taken, though nobody can have the heap. */
	if (mm_heap_create(other, &c) != -EEXIST)
		return 2;
	/* A heap cannot die twice. */
	if (dying && mm_heap_destroy(other, dying, MEMMGR_DESTROY_FORCE) != -ENOENT)
		return 5;
	if (mm_free(other, a.handle))
		return 3;
	if (mm_alloc(other, &a))
		return 4;
	close(other);
	close(fd);
	return 0;
}

static bool wait_for_heap(int fd, const char *name, struct memmgr_heap_query *q)
{
	int tries;

	for (tries = 0; tries < PATIENCE; tries++) {
		if (!mm_heap_named(fd, name, q))
			return true;
		usleep(1000);
	}
	return false;
}

/* They begin when @go says so, and may have a heap from now on. */
static pid_t start_others(int *go, bool heap, __u32 dying)
{
	struct memmgr_heap_create c = slow_config("t-other");
	int fd, ends[2];
	pid_t child;
	char byte;

	if (pipe(ends))
		return -1;
	child = fork();
	if (!child) {
		close(ends[1]);
		fd = open_device(O_RDWR);
		if (fd < 0 || (heap && mm_heap_create(fd, &c)) || read(ends[0], &byte, 1) != 1)
			_exit(10);
		_exit(others(fd, dying));
	}
	close(ends[0]);
	*go = ends[1];
	return child;
}

/* They end by themselves. */
static bool ends_alone(pid_t child)
{
	siginfo_t info;
	int tries;

	for (tries = 0; tries < PATIENCE; tries++) {
		info.si_pid = 0;
		if (!waitid(P_PID, child, &info, WEXITED | WNOHANG | WNOWAIT) && info.si_pid)
			return true;
		usleep(1000);
	}
	return false;
}

TEST_F(making, nobody_waits_while_a_heap_is_made)
{
	struct memmgr_heap_query q;
	pid_t maker, other;
	int go, begin;

	REQUIRE_HOLD;
	other = start_others(&begin, true, 0);
	ASSERT_LT(0, other);
	ASSERT_TRUE(wait_for_heap(self->fd, "t-other", &q));
	ASSERT_EQ(0, hold_write(self->fd, "making"));
	maker = start_maker(&go);
	ASSERT_LT(0, maker);
	ASSERT_TRUE(hold_reached(maker, self->fd, "making"));
	ASSERT_EQ(1, write(begin, "x", 1));
	EXPECT_TRUE(ends_alone(other));
	EXPECT_EQ(0, hold_write(self->fd, "none"));
	EXPECT_EQ(0, child_result(other));
	close(begin);
	close(go);
	EXPECT_EQ(0, child_result(maker));
}

TEST_F(making, nobody_waits_while_a_heap_is_unmade)
{
	struct memmgr_heap_query q;
	pid_t maker, other;
	int go, begin;

	REQUIRE_HOLD;
	maker = start_maker(&go);
	ASSERT_LT(0, maker);
	ASSERT_TRUE(wait_for_heap(self->fd, "t-slow", &q));
	ASSERT_EQ(0, hold_write(self->fd, "destroying"));
	ASSERT_EQ(1, write(go, "x", 1));
	ASSERT_TRUE(hold_reached(maker, self->fd, "destroying"));
	other = start_others(&begin, false, q.heap);
	ASSERT_LT(0, other);
	ASSERT_EQ(1, write(begin, "x", 1));
	EXPECT_TRUE(ends_alone(other));
	EXPECT_EQ(0, hold_write(self->fd, "none"));
	EXPECT_EQ(0, child_result(other));
	close(begin);
	close(go);
	EXPECT_EQ(0, child_result(maker));
	EXPECT_EQ(-ENOENT, mm_heap_query(self->fd, q.heap, &q));
}

TEST_F(making, a_killed_maker_leaves_nothing)
{
	struct memmgr_heap_create c = slow_config("t-slow");
	pid_t maker;
	int go;

	REQUIRE_HOLD;
	ASSERT_EQ(0, hold_write(self->fd, "making"));
	maker = start_maker(&go);
	ASSERT_LT(0, maker);
	ASSERT_TRUE(hold_reached(maker, self->fd, "making"));
	kill(maker, SIGKILL);
	EXPECT_EQ(1000 + SIGKILL, child_result(maker));
	close(go);
	EXPECT_EQ(0, hold_write(self->fd, "none"));
	/* Name and memory are free; the rest is for the end of every test. */
	EXPECT_EQ(0, mm_heap_create(self->fd, &c));
}

MEMMGR_TEST_MAIN
