// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The device of a region goes while the region is in use. This test unbinds the driver by
 * hand; the removal of a device tree overlay and platform_device_unregister() do the same.
 *
 * The region disappears at once, its memory stays until its last user goes, and
 * only then the device can be bound again.
 *
 * Rule: <linux/memmgr.h>, ENODEV, and module/region/region.h, the opening comment.
 */
#include <limits.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "../modules/caller/caller.h"
#include "lib/driver.h"
#include "lib/memmgr_test.h"

#define CALLS		64	/* more numbers than there are calls */
#define ROUNDS		10
#define CALLER_KO	"/lib/modules/memmgr_caller.ko"

static bool is_there(void)
{
	return !access(device_path(), F_OK);
}

FIXTURE(removal)
{
	char device[NAME_MAX + 1];
	char name[MEMMGR_NAME_LEN];
	__u32 flags;
	__u64 free;
	int fd;
};

/* A device of this test alone, which can come back. */
static void __attribute__((constructor)) check_device_of_tree(void)
{
	char device[NAME_MAX + 1];

	if (driver_device(device, sizeof(device)) != 1)
		ksft_exit_skip("no region of the device tree, or more than one\n");
}

FIXTURE_SETUP(removal)
{
	struct memmgr_query q;

	ASSERT_EQ(1, driver_device(self->device, sizeof(self->device)));
	self->fd = open_device(O_RDWR);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, mm_query(self->fd, &q));
	memcpy(self->name, q.name, sizeof(self->name));
	self->flags = q.region_flags;
	self->free = must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN).free;
}

/* All of the memory is free again after the device has come back. */
FIXTURE_TEARDOWN(removal)
{
	int fd;

	if (self->fd >= 0)
		close(self->fd);
	if (!is_there())
		EXPECT_EQ(0, driver_write("bind", self->device));
	fd = open_device(O_RDWR);
	ASSERT_LE(0, fd);
	EXPECT_EQ(self->free, must_stats(_metadata, fd, MEMMGR_HEAP_MAIN).free);
	EXPECT_EQ(0, mm_check(fd, MEMMGR_HEAP_MAIN));
	close(fd);
}

#define REMOVE()	ASSERT_EQ(0, driver_write("unbind", self->device))

/* The device cannot come back as long as its memory is in use. */
#define EXPECT_IN_USE()							\
	do {								\
		EXPECT_NE(0, driver_write("bind", self->device));		\
		EXPECT_FALSE(is_there());				\
	} while (0)

TEST_F(removal, nodes_go)
{
	char path[PATH_MAX];

	REMOVE();
	EXPECT_FALSE(is_there());
	snprintf(path, sizeof(path), "/dev/dma_heap/%s", self->name);
	EXPECT_NE(0, access(path, F_OK));
	snprintf(path, sizeof(path), "/sys/kernel/debug/memmgr/%s", self->name);
	EXPECT_NE(0, access(path, F_OK));
	EXPECT_IN_USE();
}

TEST_F(removal, calls_answer_enodev)
{
	__u32 argument[1024] = { 64 };
	struct pollfd p = { .fd = self->fd, .events = POLLIN };
	unsigned int nr;

	REMOVE();
	for (nr = 0; nr < CALLS; nr++)
		EXPECT_EQ(-ENODEV, mm_call(self->fd, _IO(MEMMGR_IOC_MAGIC, nr), argument))
			TH_LOG("call %u", nr);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, page_size(), PROT_READ, MAP_SHARED, self->fd, 0));
	EXPECT_EQ(ENODEV, errno);
	EXPECT_EQ(-1, read(self->fd, argument, sizeof(argument)));
	EXPECT_EQ(ENODEV, errno);
	EXPECT_EQ(1, poll(&p, 1, -1));
	EXPECT_TRUE(p.revents & POLLHUP);
}

TEST_F(removal, memory_stays_for_who_mapped_it)
{
	const size_t bytes = 4 * page_size();
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, bytes);
	unsigned char *p = must_map(_metadata, self->fd, a.map_offset, bytes);

	/* The last page is touched for the first time when the device is gone. */
	fill_pattern(p, bytes - page_size(), 1);
	REMOVE();
	EXPECT_TRUE(is_pattern(p, bytes - page_size(), 1));
	EXPECT_TRUE(is_zero(p + bytes - page_size(), page_size()));
	fill_pattern(p, bytes, 2);
	EXPECT_TRUE(is_pattern(p, bytes, 2));
	EXPECT_IN_USE();
	/* The mapping keeps the file, and the file the region. */
	close(self->fd);
	self->fd = -1;
	EXPECT_IN_USE();
	EXPECT_TRUE(is_pattern(p, bytes, 2));
	unmap_all();
	EXPECT_EQ(0, driver_write("bind", self->device));
}

TEST_F(removal, persistent_allocations_go_with_the_region)
{
	struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, page_size());

	a.flags = MEMMGR_ALLOC_PERSISTENT;
	ASSERT_EQ(0, mm_alloc(self->fd, &a));
	REMOVE();
}

TEST_F(removal, dmabuf_keeps_the_memory)
{
	const size_t bytes = 2 * page_size();
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, bytes);
	unsigned char *p = must_map(_metadata, self->fd, a.map_offset, bytes);
	int dmabuf = mm_export(self->fd, a.handle, 0);

	if (dmabuf == -ENOTTY || dmabuf == -EOPNOTSUPP)
		SKIP(return, "no dma-bufs in this build");
	ASSERT_LE(0, dmabuf);
	fill_pattern(p, bytes, 3);
	unmap_all();
	REMOVE();
	close(self->fd);
	self->fd = -1;
	EXPECT_IN_USE();
	p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, dmabuf, 0);
	ASSERT_NE(MAP_FAILED, p);
	EXPECT_TRUE(is_pattern(p, bytes, 3));
	close(dmabuf);
	EXPECT_IN_USE();
	munmap(p, bytes);
	EXPECT_EQ(0, driver_write("bind", self->device));
}

/* A page in a pipe is a target of I/O: no file of ours and no dma-buf knows of it. */
TEST_F(removal, io_keeps_the_memory)
{
	struct memmgr_alloc a;
	struct iovec piece;
	unsigned char seen;
	int pipe_fd[2], i;

	if (!(self->flags & MEMMGR_REGION_PAGES))
		SKIP(return, "the region has no struct pages");
	a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, page_size());
	piece.iov_base = must_map(_metadata, self->fd, a.map_offset, page_size());
	piece.iov_len = page_size();
	fill_pattern(piece.iov_base, page_size(), 4);
	seen = *(unsigned char *)piece.iov_base;
	ASSERT_EQ(0, pipe2(pipe_fd, O_CLOEXEC));
	ASSERT_EQ(page_size(), vmsplice(pipe_fd[1], &piece, 1, 0));
	unmap_all();
	REMOVE();
	close(self->fd);
	self->fd = -1;
	EXPECT_IN_USE();
	ASSERT_EQ(1, read(pipe_fd[0], &seen, 1));
	EXPECT_EQ(0, close(pipe_fd[0]));
	EXPECT_EQ(0, close(pipe_fd[1]));
	/* A worker looks now and again whether I/O has ended. */
	for (i = 0; i < 1000 && driver_write("bind", self->device); i++)
		usleep(100000);
	EXPECT_TRUE(is_there());
}

/* Kernel code that holds a heap: memmgr_caller.ko, which this test loads. */
static int open_caller(void)
{
	int ko = open(CALLER_KO, O_RDONLY | O_CLOEXEC);
	long err;

	if (ko < 0)
		return -1;
	err = syscall(SYS_finit_module, ko, "", 0);
	close(ko);
	return err ? -1 : open("/dev/memmgr_caller", O_RDWR | O_CLOEXEC);
}

TEST_F(removal, driver_keeps_its_heap)
{
	struct caller_call call = { .heap = "main", .bytes = page_size(), .value = 7 };
	int caller = open_caller();

	if (caller < 0)
		SKIP(return, "no " CALLER_KO);
	ASSERT_EQ(0, mm_call(caller, CALLER_HOLD, &call));
	ASSERT_EQ(0, mm_call(caller, CALLER_ALLOC, &call));
	call.value = 7;
	ASSERT_EQ(0, mm_call(caller, CALLER_WRITE, &call));
	REMOVE();
	close(self->fd);
	self->fd = -1;
	EXPECT_IN_USE();
	/* All that it had still works, and no other driver finds the heap. */
	call.value = 0;
	EXPECT_EQ(0, mm_call(caller, CALLER_READ, &call));
	EXPECT_EQ(7, call.value);
	call.block = 1;
	EXPECT_EQ(0, mm_call(caller, CALLER_ALLOC, &call));
	EXPECT_EQ(0, mm_call(caller, CALLER_FREE, &call));
	call.block = 0;
	EXPECT_EQ(0, mm_call(caller, CALLER_FREE, &call));
	EXPECT_IN_USE();
	close(caller);
	caller = open("/dev/memmgr_caller", O_RDWR | O_CLOEXEC);
	EXPECT_EQ(-ENOENT, mm_call(caller, CALLER_HOLD, &call));
	EXPECT_EQ(0, driver_write("bind", self->device));
	EXPECT_EQ(0, mm_call(caller, CALLER_HOLD, &call));
	close(caller);
	EXPECT_EQ(0, syscall(SYS_delete_module, "memmgr_caller", 0));
}

struct waiter {
	int fd;
	__u32 heap;
	int result;
};

static void *wait_for_memory(void *argument)
{
	struct waiter *w = argument;
	struct memmgr_alloc a = alloc_request(w->heap, 64);

	a.flags = MEMMGR_ALLOC_WAIT;
	w->result = mm_alloc(w->fd, &a);
	return NULL;
}

static void *wait_for_event(void *argument)
{
	struct waiter *w = argument;
	struct memmgr_event event;

	do
		w->result = read(w->fd, &event, sizeof(event)) < 0 ? -errno : 0;
	while (!w->result);
	return NULL;
}

TEST_F(removal, waiters_end)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_POOL, "t-removal");
	struct waiter memory = { .fd = self->fd }, event = { .fd = self->fd };
	pthread_t thread[2];
	int i;

	if (!kind_is_built(self->fd, MEMMGR_KIND_POOL))
		SKIP(return, "%s is not in this build", kind_names[MEMMGR_KIND_POOL]);
	c.count = 1;
	memory.heap = must_heap(_metadata, self->fd, c);
	must_alloc(_metadata, self->fd, memory.heap, 64);
	ASSERT_EQ(0, pthread_create(&thread[0], NULL, wait_for_memory, &memory));
	ASSERT_EQ(0, pthread_create(&thread[1], NULL, wait_for_event, &event));
	for (i = 0; i < 2000 && !must_stats(_metadata, self->fd, memory.heap).waits; i++)
		usleep(10000);
	REMOVE();
	pthread_join(thread[0], NULL);
	pthread_join(thread[1], NULL);
	EXPECT_EQ(-ENODEV, memory.result);
	EXPECT_EQ(-ENODEV, event.result);
}

static void *use_device(void *argument)
{
	const bool *stop = argument;

	while (!__atomic_load_n(stop, __ATOMIC_RELAXED)) {
		struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, page_size());
		int fd = open_device(O_RDWR);

		if (fd < 0) {
			sched_yield();
			continue;
		}
		if (!mm_alloc(fd, &a))
			mm_free(fd, a.handle);
		close(fd);
	}
	return NULL;
}

TEST_F(removal, again_and_again_beside_users)
{
	bool stop = false;
	pthread_t thread;
	int i, j;

	close(self->fd);
	self->fd = -1;
	ASSERT_EQ(0, pthread_create(&thread, NULL, use_device, &stop));
	for (i = 0; i < ROUNDS; i++) {
		EXPECT_EQ(0, driver_write("unbind", self->device));
		/* The other thread's file may just be open. */
		for (j = 0; j < 1000 && driver_write("bind", self->device); j++)
			usleep(1000);
		EXPECT_TRUE(is_there());
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
}

MEMMGR_TEST_MAIN
