// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * COMPACT and EXPLAIN: users who may not, kinds of heaps that cannot, malformed structures.
 *
 * Rule: <linux/memmgr.h>, struct memmgr_compact and struct memmgr_explain.
 */
#include "lib/board.h"
#include "lib/memmgr_test.h"

MEMMGR_FIXTURE(board)

TEST_F(board, kinds_that_do_not_move)
{
	static const __u32 kinds[] = { MEMMGR_KIND_POOL, MEMMGR_KIND_STACK };
	struct memmgr_heap_create config;
	struct memmgr_compact c;
	struct memmgr_explain e;
	__u32 i, kind, heap;

	for (kind = 0; kind < MEMMGR_KINDS; kind++) {
		if (!kind_is_built(self->fd, kind))
			continue;
		heap = must_kind(_metadata, self->fd, kind);
		c = compact_request(heap, 0, 0);
		EXPECT_EQ(-EOPNOTSUPP, mm_compact(self->fd, &c));
		EXPECT_EQ(kind == MEMMGR_KIND_BUDDY || kind == MEMMGR_KIND_TLSF ? 0 : -EOPNOTSUPP,
			  mm_explain(self->fd, heap, 64, 0, &e));
	}
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (!kind_is_built(self->fd, kinds[i]))
			continue;
		config = heap_config(kinds[i], "t-shared");
		config.flags = 0;
		ASSERT_EQ(0, mm_heap_create(self->fd, &config));
		c = compact_request(config.heap, 0, 0);
		EXPECT_EQ(-EOPNOTSUPP, mm_compact(self->fd, &c));
		EXPECT_EQ(-EOPNOTSUPP, mm_explain(self->fd, config.heap, 64, 0, &e));
		EXPECT_EQ(0, mm_heap_destroy(self->fd, config.heap, 0));
	}
}

/* A user without the capability; its exit code tells what went wrong. */
static int as_nobody(int node)
{
	struct memmgr_compact c = compact_request(MEMMGR_HEAP_MAIN, 0, 0);
	struct memmgr_explain e;
	int fd;

	fd = open_as_nobody(node);
	if (fd < 0)
		return 2;
	if (mm_compact(fd, &c) != -EPERM)
		return 3;
	c = compact_request(MEMMGR_HEAP_MAIN, MEMMGR_COMPACT_RANGE, page_size());
	if (mm_compact(fd, &c) != -EPERM)
		return 4;
	c = compact_request(MEMMGR_HEAP_MAIN, MEMMGR_COMPACT_DRY_RUN, 0);
	if (mm_compact(fd, &c))
		return 5;
	if (mm_explain(fd, MEMMGR_HEAP_MAIN, page_size(), 0, &e))
		return 6;
	return 0;
}

TEST_F(board, unprivileged_may_only_ask)
{
	int node = open_public_node();
	pid_t child;

	ASSERT_LE(0, node);
	child = fork();
	if (!child)
		_exit(as_nobody(node));
	EXPECT_EQ(0, child_result(child));
	close(node);
}

TEST_F(board, read_only_may_only_ask)
{
	struct memmgr_compact c = compact_request(MEMMGR_HEAP_MAIN, 0, 0);
	int fd = open_device(O_RDONLY);
	struct memmgr_explain e;

	ASSERT_LE(0, fd);
	EXPECT_EQ(-EACCES, mm_compact(fd, &c));
	c = compact_request(MEMMGR_HEAP_MAIN, MEMMGR_COMPACT_DRY_RUN, 0);
	EXPECT_EQ(0, mm_compact(fd, &c));
	EXPECT_EQ(0, mm_explain(fd, MEMMGR_HEAP_MAIN, 1, 0, &e));
	close(fd);
}

static int compact_with(int fd, __u32 flags, __u64 bytes, __u64 align, __u64 offset)
{
	struct memmgr_compact c = compact_request(MEMMGR_HEAP_MAIN, flags, bytes);

	c.align = align;
	c.offset = offset;
	return mm_compact(fd, &c);
}

TEST_F(board, malformed_compact)
{
	static const __u32 modes[] = { 0, MEMMGR_COMPACT_DRY_RUN };
	struct memmgr_compact c;
	struct memmgr_query q;
	__u32 i;

	ASSERT_EQ(0, mm_query(self->fd, &q));
	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		__u32 range = modes[i] | MEMMGR_COMPACT_RANGE;

		EXPECT_EQ(-EINVAL, compact_with(self->fd, modes[i] | 1u << 2, 0, 0, 0));
		EXPECT_EQ(-EINVAL, compact_with(self->fd, modes[i] | 1u << 31, 0, 0, 0));
		EXPECT_EQ(-EINVAL, compact_with(self->fd, modes[i], self->page, 3, 0));
		EXPECT_EQ(-EINVAL, compact_with(self->fd, range, 0, 0, 0));
		EXPECT_EQ(-ERANGE, compact_with(self->fd, range, self->page, 0, q.region_size));
		EXPECT_EQ(-ERANGE, compact_with(self->fd, range, 2 * self->page, 0,
						q.region_size - self->page));
		EXPECT_EQ(-ERANGE, compact_with(self->fd, range, q.region_size + self->page, 0,
						0));
		EXPECT_EQ(-ERANGE, compact_with(self->fd, range, self->page, 0,
						-(__u64)self->page));
		EXPECT_EQ(-ERANGE, compact_with(self->fd, range, -(__u64)self->page, 0,
						self->page));
		c = compact_request(MEMMGR_MAX_HEAPS, modes[i], 0);
		EXPECT_EQ(-ENOENT, mm_compact(self->fd, &c));
		c = compact_request(MEMMGR_HEAP_ANY, modes[i], 0);
		EXPECT_EQ(-ENOENT, mm_compact(self->fd, &c));
		c = compact_request(MEMMGR_HEAP_MAIN, modes[i], 0);
		c.reserved = 1;
		EXPECT_EQ(-EINVAL, mm_compact(self->fd, &c));
		c = compact_request(MEMMGR_HEAP_MAIN, modes[i], 0);
		c.size = sizeof(c) - 8;
		EXPECT_EQ(-EINVAL, mm_compact(self->fd, &c));
		c.size = 0;
		EXPECT_EQ(-EINVAL, mm_compact(self->fd, &c));
	}
	EXPECT_EQ(-EFAULT, mm_call(self->fd, MEMMGR_IOC_COMPACT, NULL));
}

TEST_F(board, structures_of_tomorrow)
{
	struct {
		struct memmgr_compact c;
		__u64 future;
	} c = { .c = compact_request(MEMMGR_HEAP_MAIN, MEMMGR_COMPACT_DRY_RUN, 0) };
	struct {
		struct memmgr_explain e;
		__u64 future;
	} e = { .e = { .heap = MEMMGR_HEAP_MAIN } };

	c.c.size = sizeof(c);
	EXPECT_EQ(0, mm_call(self->fd, MEMMGR_IOC_COMPACT, &c));
	c.future = 1;
	EXPECT_EQ(-E2BIG, mm_call(self->fd, MEMMGR_IOC_COMPACT, &c));
	e.e.size = sizeof(e);
	EXPECT_EQ(0, mm_call(self->fd, MEMMGR_IOC_EXPLAIN, &e));
	e.future = 1;
	EXPECT_EQ(-E2BIG, mm_call(self->fd, MEMMGR_IOC_EXPLAIN, &e));
}

TEST_F(board, malformed_explain)
{
	struct memmgr_explain e = { .size = sizeof(e), .flags = 1 };
	struct memmgr_query q;

	ASSERT_EQ(0, mm_query(self->fd, &q));
	EXPECT_EQ(-EINVAL, mm_call(self->fd, MEMMGR_IOC_EXPLAIN, &e));
	e = (struct memmgr_explain){ .size = sizeof(e) - 8 };
	EXPECT_EQ(-EINVAL, mm_call(self->fd, MEMMGR_IOC_EXPLAIN, &e));
	EXPECT_EQ(-EINVAL, mm_explain(self->fd, MEMMGR_HEAP_MAIN, 1, 3, &e));
	EXPECT_EQ(-ENOENT, mm_explain(self->fd, MEMMGR_MAX_HEAPS, 1, 0, &e));
	EXPECT_EQ(-EFAULT, mm_call(self->fd, MEMMGR_IOC_EXPLAIN, NULL));
	ASSERT_EQ(0, mm_explain(self->fd, MEMMGR_HEAP_MAIN, q.region_size + 1, 0, &e));
	EXPECT_EQ(MEMMGR_REASON_TOO_LARGE, e.reason);
	EXPECT_EQ(~0ull, e.move_bytes);
	ASSERT_EQ(0, mm_explain(self->fd, MEMMGR_HEAP_MAIN, 1, 1ull << 62, &e));
	EXPECT_EQ(MEMMGR_REASON_ALIGNMENT, e.reason);
	EXPECT_EQ(~0ull, e.move_bytes);
}

TEST_F(board, malformed_slab_requests)
{
	struct memmgr_heap_create config = heap_config(MEMMGR_KIND_SLAB, "t-bad");
	struct memmgr_compact c;

	if (!kind_is_built(self->fd, MEMMGR_KIND_SLAB))
		SKIP(return, "%s is not in this build", kind_names[MEMMGR_KIND_SLAB]);
	config.flags = 0;
	ASSERT_EQ(0, mm_heap_create(self->fd, &config));
	c = compact_request(config.heap, 0, 64);
	EXPECT_EQ(-EINVAL, mm_compact(self->fd, &c));
	c = compact_request(config.heap, MEMMGR_COMPACT_RANGE, self->page);
	EXPECT_EQ(-EINVAL, mm_compact(self->fd, &c));
	c = compact_request(config.heap, 0, 0);
	EXPECT_EQ(0, mm_compact(self->fd, &c));
	EXPECT_EQ(0, c.moves);
	EXPECT_EQ(0, mm_heap_destroy(self->fd, config.heap, 0));
}

MEMMGR_TEST_MAIN
