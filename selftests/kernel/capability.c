// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The limits of a user without capabilities, through a file that this user opened.
 *
 * Rule: <linux/memmgr.h>, EPERM and EACCES, and memmgr(7), ISOLATION.
 */
#include "lib/memmgr_test.h"

MEMMGR_FIXTURE(capability)

static int create_heaps(int fd, int node, __u64 unused)
{
	struct memmgr_heap_create c;
	__u32 kind;

	for (kind = 0; kind < MEMMGR_KINDS; kind++) {
		if (!kind_is_built(fd, kind))
			continue;
		c = heap_config(kind, "n-shared");
		c.flags = 0;
		if (mm_heap_create(fd, &c) != -EPERM)
			return 1;
		c = heap_config(kind, "n-private");
		if (mm_heap_create(fd, &c))
			return 2;
		if (mm_check(fd, c.heap))
			return 3;
		if (mm_heap_destroy(fd, c.heap, 0))
			return 4;
	}
	return 0;
}

TEST_F(capability, shared_heaps_need_it)
{
	struct snapshot after;

	EXPECT_EQ(0, as_user(NOBODY, create_heaps, 0));
	ASSERT_EQ(0, snapshot_take(self->fd, &after));
	EXPECT_TRUE(snapshot_same_state(&self->before, &after));
}

static int destroy_heap(int fd, int node, __u64 heap)
{
	if (mm_heap_destroy(fd, heap, 0) != -EPERM)
		return 1;
	return mm_heap_destroy(fd, heap, MEMMGR_DESTROY_FORCE) == -EPERM ? 0 : 2;
}

TEST_F(capability, destroying_a_shared_heap_needs_it)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_BUDDY, "t-shared");

	c.flags = 0;
	ASSERT_EQ(0, mm_heap_create(self->fd, &c));
	EXPECT_EQ(0, as_user(NOBODY, destroy_heap, c.heap));
	EXPECT_EQ(0, mm_heap_destroy(self->fd, c.heap, 0));
}

static int use_shared_heap(int fd, int node, __u64 heap)
{
	struct memmgr_alloc a = alloc_request(heap, 64);
	struct memmgr_stats s;

	if (mm_alloc(fd, &a))
		return 1;
	if (mm_stats(fd, heap, &s) || s.live != 1)
		return 2;
	if (mm_check(fd, heap) != -EPERM)
		return 3;
	return mm_free(fd, a.handle) ? 4 : 0;
}

TEST_F(capability, using_a_shared_heap_does_not)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_BUDDY, "t-shared");

	c.flags = 0;
	ASSERT_EQ(0, mm_heap_create(self->fd, &c));
	EXPECT_EQ(0, as_user(NOBODY, use_shared_heap, c.heap));
	EXPECT_EQ(0, mm_heap_destroy(self->fd, c.heap, 0));
}

static int look_for_addresses(int fd, int node, __u64 unused)
{
	struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, 64);
	struct memmgr_info i, entries[8];
	struct memmgr_list l = {
		.size = sizeof(l), .heap = MEMMGR_HEAP_MAIN, .count = 8,
		.entry_size = sizeof(i), .entries = (uintptr_t)entries,
	};
	struct memmgr_query q;

	if (mm_query(fd, &q) || q.phys)
		return 1;
	if (mm_alloc(fd, &a) || mm_info(fd, a.handle, &i) || i.phys)
		return 2;
	if (mm_call(fd, MEMMGR_IOC_LIST, &l) || !l.count)
		return 3;
	while (l.count--)
		if (entries[l.count].phys)
			return 4;
	return 0;
}

TEST_F(capability, physical_addresses_are_hidden)
{
	EXPECT_EQ(0, as_user(NOBODY, look_for_addresses, 0));
}

static int look_for_private_heap(int fd, int node, __u64 heap)
{
	struct memmgr_heap_query q, named = {
		.size = sizeof(named), .flags = MEMMGR_QUERY_NAME, .name = "t-secret",
	};
	struct memmgr_heap_create twin = heap_config(MEMMGR_KIND_BUDDY, "t-secret");
	struct memmgr_alloc a = alloc_request(heap, 64);
	struct memmgr_info info;
	struct memmgr_list l = {
		.size = sizeof(l), .heap = heap, .count = 1, .entry_size = sizeof(info),
		.entries = (uintptr_t)&info,
	};
	int result;

	if (!mm_heap_query(fd, heap, &q))
		return 1;
	if (mm_call(fd, MEMMGR_IOC_LIST, &l) != -EACCES)
		return 6;
	result = mm_call(fd, MEMMGR_IOC_HEAP_QUERY, &named);
	if (result != -ENOENT && result != -EACCES)
		return 2;
	if (heap_is_listed(fd, heap))
		return 3;
	if (mm_alloc(fd, &a) != -EACCES)
		return 4;
	return mm_heap_create(fd, &twin) == -EEXIST ? 0 : 5;
}

TEST_F(capability, private_heaps_of_others_are_hidden)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_BUDDY, "t-secret");

	ASSERT_EQ(0, mm_heap_create(self->fd, &c));
	EXPECT_EQ(0, as_user(NOBODY, look_for_private_heap, c.heap));
}

/* The device node is not for everybody unless somebody says so. */
TEST_F(capability, node_is_closed_to_others)
{
	struct stat st;
	pid_t child;

	ASSERT_EQ(0, stat(device_path(), &st));
	EXPECT_EQ(0, st.st_mode & 0007);
	child = fork();
	if (!child) {
		if (become_user(NOBODY))
			_exit(1);
		_exit(open_device(O_RDONLY) == -EACCES ? 0 : 2);
	}
	EXPECT_EQ(0, child_result(child));
}

MEMMGR_TEST_MAIN
