// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Memory belongs to a client, and closing returns it: at close, at exit, at
 * SIGKILL in the middle of everything, across fork, exec and passed files.
 *
 * Rule: memmgr(7), ISOLATION, "What belongs to whom".
 */
#include <sys/prctl.h>
#include <sys/socket.h>

#include "lib/memmgr_test.h"

MEMMGR_FIXTURE(owner)

/* Some of everything that a client can own. */
static int own_everything(int fd)
{
	__u32 kind;
	int i;

	for (kind = 0; kind < MEMMGR_KINDS; kind++) {
		struct memmgr_heap_create c;
		char name[MEMMGR_NAME_LEN];

		if (!kind_is_built(fd, kind))
			continue;
		snprintf(name, sizeof(name), "own-%s-%d", kind_names[kind], fd);
		c = heap_config(kind, name);
		if (mm_heap_create(fd, &c))
			return 1;
		for (i = 0; i < 20; i++) {
			struct memmgr_alloc a = alloc_request(c.heap, 100);

			if (mm_alloc(fd, &a))
				return 2;
		}
		if (mmap(NULL, c.map_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			 (off_t)c.map_offset) == MAP_FAILED)
			return 3;
	}
	for (i = 0; i < 20; i++) {
		struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, 1 + i * 1000);

		if (mm_alloc(fd, &a))
			return 4;
	}
	return 0;
}

TEST_F(owner, close_returns_everything)
{
	int fd = open_device(O_RDWR);
	struct snapshot after;
	pid_t child;

	ASSERT_LE(0, fd);
	child = fork();
	if (!child)
		_exit(own_everything(fd));
	ASSERT_EQ(0, child_result(child));
	EXPECT_LE(self->before.stats[0].live + 20,
		  must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN).live);
	close(fd);
	ASSERT_EQ(0, snapshot_take(self->fd, &after));
	EXPECT_TRUE(snapshot_same_state(&self->before, &after));
}

TEST_F(owner, exit_returns_everything)
{
	struct snapshot after;
	pid_t child = fork();

	if (!child) {
		int fd = open_device(O_RDWR);

		_exit(fd < 0 ? 9 : own_everything(fd));
	}
	ASSERT_EQ(0, child_result(child));
	ASSERT_EQ(0, snapshot_take(self->fd, &after));
	EXPECT_TRUE(snapshot_same_state(&self->before, &after));
}

/* ---- SIGKILL ---------------------------------------------------------------- */

struct victim {
	int fd;
	__u32 heap;
	__u32 bytes;
};

/* Allocates, maps, touches, frees, without end: something is always open. */
static void *hurry(void *argument)
{
	struct victim *v = argument;
	struct memmgr_alloc a[32];
	unsigned char *p;
	int i;

	for (;;) {
		for (i = 0; i < 32; i++) {
			a[i] = alloc_request(v->heap, v->bytes + i);
			if (mm_alloc(v->fd, &a[i]))
				break;
		}
		if (i && a[0].map_offset != NO_OFFSET) {
			p = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED,
				 v->fd, (off_t)a[0].map_offset);
			if (p != MAP_FAILED) {
				touch(p, true);
				munmap(p, page_size());
			}
		}
		while (i--)
			mm_free(v->fd, a[i].handle);
	}
	return NULL;
}

static void hurry_in_threads(void)
{
	static struct victim v[1 + MEMMGR_KINDS];
	pthread_t thread;
	__u32 kind;
	int fd = open_device(O_RDWR);

	v[0] = (struct victim){ .fd = fd, .heap = MEMMGR_HEAP_MAIN, .bytes = 5000 };
	for (kind = 0; kind < MEMMGR_KINDS; kind++) {
		struct memmgr_heap_create c = heap_config(kind, kind_names[kind]);

		if (mm_heap_create(fd, &c))
			continue;
		v[1 + kind] = (struct victim){ .fd = fd, .heap = c.heap, .bytes = 100 };
		pthread_create(&thread, NULL, hurry, &v[1 + kind]);
	}
	hurry(&v[0]);
}

TEST_F(owner, sigkill_in_the_middle)
{
	int round;

	for (round = 0; round < 12; round++) {
		pid_t child = fork();

		if (!child)
			hurry_in_threads();
		usleep(20000 + round * 7919 % 40000);
		ASSERT_EQ(0, kill(child, SIGKILL));
		ASSERT_EQ(1000 + SIGKILL, child_result(child));
		ASSERT_TRUE(state_returns(self->fd, &self->before));
		EXPECT_EQ(0, mm_check(self->fd, MEMMGR_HEAP_MAIN));
	}
}

/* ---- fork, exec, passed files ------------------------------------------------ */

TEST_F(owner, exit_of_a_child_frees_nothing)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 100);
	__u32 heap = must_kind(_metadata, self->fd, MEMMGR_KIND_BUDDY);
	struct memmgr_info i;
	pid_t child = fork();

	if (!child) {
		struct memmgr_alloc b = alloc_request(heap, 100);
		char byte = 7;

		if (mm_alloc(self->fd, &b))
			_exit(1);
		_exit(mm_write(self->fd, a.handle, 0, &byte, 1) ? 2 : 0);
	}
	ASSERT_EQ(0, child_result(child));
	EXPECT_EQ(0, mm_info(self->fd, a.handle, &i));
	EXPECT_EQ(1, must_stats(_metadata, self->fd, heap).live);
}

TEST_F(owner, child_keeps_the_file_alive)
{
	int fd = open_device(O_RDWR), go[2];
	struct snapshot after;
	pid_t child;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, pipe(go));
	must_alloc(_metadata, fd, MEMMGR_HEAP_MAIN, 100);
	child = fork();
	if (!child) {
		char c;

		close(go[1]);
		_exit(read(go[0], &c, 1) ? 1 : 0);
	}
	close(fd);
	EXPECT_EQ(self->before.stats[0].live + 1,
		  must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN).live);
	close(go[1]);
	ASSERT_EQ(0, child_result(child));
	ASSERT_EQ(0, snapshot_take(self->fd, &after));
	EXPECT_TRUE(snapshot_same_state(&self->before, &after));
}

TEST_F(owner, exec_closes_the_file)
{
	int go[2], i;
	pid_t child;

	ASSERT_EQ(0, pipe(go));
	child = fork();
	if (!child) {
		int fd = open_device(O_RDWR);

		close(go[1]);
		if (fd < 0 || own_everything(fd))
			_exit(1);
		dup2(go[0], 0);
		execl("/bin/sh", "sh", "-c", "read line; exit 0", NULL);
		_exit(2);
	}
	for (i = 0; i < 100; i++) {
		if (must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN).live !=
		    self->before.stats[0].live)
			break;
		usleep(5000);
	}
	EXPECT_TRUE(state_returns(self->fd, &self->before));
	EXPECT_EQ(0, waitpid(child, NULL, WNOHANG));
	close(go[1]);
	EXPECT_EQ(0, child_result(child));
}

/* Who gets the file gets the memory: sharing is explicit. */
TEST_F(owner, passed_file_carries_its_memory)
{
	int sockets[2], fd;
	struct memmgr_info i[4];
	struct memmgr_list l = {
		.size = sizeof(l), .heap = MEMMGR_HEAP_MAIN, .count = 4,
		.entry_size = sizeof(i[0]), .entries = (uintptr_t)i,
		.flags = MEMMGR_LIST_MINE,
	};
	unsigned char *p;
	pid_t child;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, sockets));
	child = fork();
	if (!child) {
		struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, 4);

		fd = open_device(O_RDWR);
		if (mm_alloc(fd, &a) || mm_write(fd, a.handle, 0, "gift", 4))
			_exit(1);
		_exit(send_file(sockets[1], fd) ? 2 : 0);
	}
	fd = receive_file(sockets[0]);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, child_result(child));
	ASSERT_EQ(0, mm_call(fd, MEMMGR_IOC_LIST, &l));
	ASSERT_EQ(1, l.count);
	EXPECT_EQ(child, (pid_t)i[0].pid);
	p = must_map(_metadata, fd, i[0].map_offset, self->page);
	EXPECT_EQ(0, memcmp(p, "gift", 4));
	EXPECT_EQ(0, mm_free(fd, i[0].handle));
	EXPECT_EQ(SIGBUS, touch(p, false));
	close(fd);
}

TEST_F(owner, file_in_flight_is_closed_too)
{
	int sockets[2], fd = open_device(O_RDWR);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, sockets));
	must_alloc(_metadata, fd, MEMMGR_HEAP_MAIN, 1);
	ASSERT_EQ(0, send_file(sockets[1], fd));
	close(fd);
	EXPECT_EQ(self->before.stats[0].live + 1,
		  must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN).live);
	close(sockets[0]);
	close(sockets[1]);
	EXPECT_TRUE(state_returns(self->fd, &self->before));
}

/* ---- persistent allocations ------------------------------------------------- */

static int alloc_persistent(int fd, __u32 heap, const char *tag, __u64 *handle)
{
	struct memmgr_alloc a = alloc_request(heap, 200);
	int result;

	a.flags = MEMMGR_ALLOC_PERSISTENT;
	snprintf(a.tag, sizeof(a.tag), "%s", tag);
	result = mm_alloc(fd, &a);
	*handle = a.handle;
	return result;
}

TEST_F(owner, persistent_outlives_its_client)
{
	int fd = open_device(O_RDWR);
	struct memmgr_info i;
	char text[4];
	__u64 handle;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, alloc_persistent(fd, MEMMGR_HEAP_MAIN, "stays", &handle));
	ASSERT_EQ(0, mm_write(fd, handle, 0, "kept", 4));
	close(fd);
	ASSERT_EQ(0, mm_info(self->fd, handle, &i));
	EXPECT_EQ(MEMMGR_ALLOC_PERSISTENT, i.flags);
	EXPECT_NE(0, i.state & MEMMGR_INFO_MINE);
	EXPECT_STREQ("stays", i.tag);
	ASSERT_EQ(0, mm_read(self->fd, handle, 0, text, 4));
	EXPECT_EQ(0, memcmp(text, "kept", 4));
	EXPECT_EQ(0, mm_free(self->fd, handle));
	EXPECT_EQ(-EBADF, mm_free(self->fd, handle));
}

TEST_F(owner, persistent_is_listed_with_its_handle)
{
	struct memmgr_info i[8];
	struct memmgr_list l = {
		.size = sizeof(l), .heap = MEMMGR_HEAP_MAIN, .count = 8,
		.entry_size = sizeof(i[0]), .entries = (uintptr_t)i,
		.flags = MEMMGR_LIST_MINE,
	};
	int fd = open_device(O_RDWR);
	__u64 handle;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, alloc_persistent(fd, MEMMGR_HEAP_MAIN, "listed", &handle));
	close(fd);
	ASSERT_EQ(0, mm_call(self->fd, MEMMGR_IOC_LIST, &l));
	ASSERT_LE(1, l.count);
	EXPECT_EQ(handle, i[l.count - 1].handle);
	EXPECT_EQ(0, mm_free(self->fd, handle));
}

TEST_F(owner, persistent_of_another_user)
{
	int node = open_public_node();
	struct memmgr_info i;
	__u64 handle;
	pid_t child;

	ASSERT_LE(0, node);
	ASSERT_EQ(0, alloc_persistent(self->fd, MEMMGR_HEAP_MAIN, "root's", &handle));
	ASSERT_EQ(0, mm_info(self->fd, handle, &i));
	child = fork();
	if (!child) {
		struct memmgr_resize r;
		char byte = 0;
		int fd = open_as_nobody(node);

		if (fd < 0)
			_exit(2);
		if (mm_free(fd, handle) != -EACCES)
			_exit(3);
		if (mm_read(fd, handle, 0, &byte, 1) != -EACCES)
			_exit(4);
		if (mm_write(fd, handle, 0, &byte, 1) != -EACCES)
			_exit(5);
		if (mm_resize(fd, handle, 10, &r) != -EACCES)
			_exit(6);
		if (mmap(NULL, page_size(), PROT_READ, MAP_SHARED, fd,
			 (off_t)i.map_offset) != MAP_FAILED || errno != EACCES)
			_exit(7);
		_exit(0);
	}
	EXPECT_EQ(0, child_result(child));
	EXPECT_EQ(0, mm_free(self->fd, handle));
}

TEST_F(owner, persistent_belongs_to_the_user_not_the_client)
{
	int node = open_public_node();
	pid_t child;

	ASSERT_LE(0, node);
	child = fork();
	if (!child) {
		struct memmgr_info i;
		__u64 handle;
		int fd = open_as_nobody(node);

		if (alloc_persistent(fd, MEMMGR_HEAP_MAIN, "nobody's", &handle))
			_exit(2);
		close(fd);
		fd = open_again(node, O_RDWR);
		if (mm_info(fd, handle, &i) || i.uid != NOBODY)
			_exit(3);
		_exit(mm_free(fd, handle) ? 4 : 0);
	}
	EXPECT_EQ(0, child_result(child));
}

TEST_F(owner, persistent_survives_sigkill)
{
	int pipes[2];
	__u64 handle = 0;
	pid_t child;

	ASSERT_EQ(0, pipe(pipes));
	child = fork();
	if (!child) {
		int fd = open_device(O_RDWR);

		if (own_everything(fd) ||
		    alloc_persistent(fd, MEMMGR_HEAP_MAIN, "survivor", &handle))
			_exit(1);
		if (write(pipes[1], &handle, sizeof(handle)) != sizeof(handle))
			_exit(2);
		pause();
	}
	ASSERT_EQ(sizeof(handle), read(pipes[0], &handle, sizeof(handle)));
	ASSERT_EQ(0, kill(child, SIGKILL));
	ASSERT_EQ(1000 + SIGKILL, child_result(child));
	usleep(100000);
	EXPECT_EQ(self->before.stats[0].live + 1,
		  must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN).live);
	EXPECT_EQ(0, mm_free(self->fd, handle));
	EXPECT_TRUE(state_returns(self->fd, &self->before));
}

MEMMGR_TEST_MAIN
