// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * CHECK walks all books and finds them whole, whatever users do to their memory.
 */
#include "memmgr_test.h"

MEMMGR_FIXTURE(check)
MEMMGR_KIND_FIXTURE(check_kind);

static struct memmgr_check check_request(__u32 heap)
{
	return (struct memmgr_check){
		.size = sizeof(struct memmgr_check), .heap = heap,
	};
}

TEST_F(check_kind, whole_in_every_state)
{
	__u64 handles[40];
	__u32 heap;
	int i;

	if (!kind_is_built(self->fd, variant->kind))
		SKIP(return, "%s is not in this build", kind_names[variant->kind]);
	heap = must_kind(_metadata, self->fd, variant->kind);
	EXPECT_EQ(0, mm_check(self->fd, heap));
	for (i = 0; i < 40; i++) {
		handles[i] = must_alloc(_metadata, self->fd, heap, 1 + i * 4).handle;
		EXPECT_EQ(0, mm_check(self->fd, heap));
	}
	while (i--) {
		ASSERT_EQ(0, mm_free(self->fd, handles[i]));
		EXPECT_EQ(0, mm_check(self->fd, heap));
	}
}

TEST_F(check_kind, counts_what_it_looked_at)
{
	struct memmgr_check c;
	__u32 heap;
	int i;

	if (!kind_is_built(self->fd, variant->kind))
		SKIP(return, "%s is not in this build", kind_names[variant->kind]);
	heap = must_kind(_metadata, self->fd, variant->kind);
	for (i = 0; i < 10; i++)
		must_alloc(_metadata, self->fd, heap, 50);
	c = check_request(heap);
	ASSERT_EQ(0, mm_call(self->fd, MEMMGR_IOC_CHECK, &c));
	EXPECT_LE(10, c.checked);
	EXPECT_EQ(0, c.what[0]);
}

/* The books lie outside the memory: scribbling over all of it harms nothing. */
TEST_F(check_kind, scribbled_arena_leaves_the_books_whole)
{
	struct memmgr_heap_create c = heap_config(variant->kind, "t-scribble");
	unsigned char *arena;
	__u64 handles[20];
	size_t at;
	int i;

	if (!kind_is_built(self->fd, variant->kind))
		SKIP(return, "%s is not in this build", kind_names[variant->kind]);
	ASSERT_EQ(0, mm_heap_create(self->fd, &c));
	for (i = 0; i < 20; i++)
		handles[i] = must_alloc(_metadata, self->fd, c.heap, 100).handle;
	for (i = 19; i >= 10; i--)
		ASSERT_EQ(0, mm_free(self->fd, handles[i]));
	arena = must_map(_metadata, self->fd, c.map_offset, c.map_size);
	for (at = 0; at < c.map_size && at < MIB; at += self->page)
		if (!touch(arena + at, true))
			memset(arena + at, 0xff, self->page);
	EXPECT_EQ(0, mm_check(self->fd, c.heap));
	for (i = 10; i < 20; i++)
		handles[i] = must_alloc(_metadata, self->fd, c.heap, 100).handle;
	EXPECT_EQ(0, mm_check(self->fd, c.heap));
	while (i--)
		EXPECT_EQ(0, mm_free(self->fd, handles[i]));
	EXPECT_EQ(0, mm_check(self->fd, c.heap));
}

TEST_F(check, needs_rights)
{
	int node = open_public_node();
	pid_t child;

	ASSERT_LE(0, node);
	child = fork();
	if (!child) {
		struct memmgr_heap_create c = heap_config(MEMMGR_KIND_BUDDY, "t-mine");
		int fd;

		if (setresuid(NOBODY, NOBODY, NOBODY))
			_exit(1);
		fd = open_again(node, O_RDWR);
		if (fd < 0)
			_exit(2);
		if (mm_check(fd, MEMMGR_HEAP_MAIN) != -EPERM)
			_exit(3);
		if (mm_heap_create(fd, &c))
			_exit(4);
		_exit(mm_check(fd, c.heap) ? 5 : 0);
	}
	EXPECT_EQ(0, child_result(child));
}

MEMMGR_TEST_MAIN
