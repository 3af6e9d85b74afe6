// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * COMPACT of a range, and memory that has to stay where it is.
 *
 * Rule: <linux/memmgr.h>, MEMMGR_COMPACT_RANGE, and memmgr(7), FRAGMENTATION, "What moves".
 */
#include "lib/board.h"
#include "lib/memmgr_test.h"

MEMMGR_FIXTURE(board)

TEST_F(board, ranges_are_emptied)
{
	struct memmgr_compact c;
	__u32 random = test_seed(), i;
	struct board b;

	make_mixed(_metadata, &b, self->fd, MEMMGR_HEAP_MAIN, &random);
	for (i = 0; i < 10; i++) {
		__u32 units = 1 + test_random(&random) % (b.before.units / 8);
		__u32 at = test_random(&random) % (b.before.units - units);
		__u64 least = (__u64)window_cost(&b.before, at, units) * b.unit;

		c = compact_request(MEMMGR_HEAP_MAIN, MEMMGR_COMPACT_RANGE, units * b.unit);
		c.offset = at * b.unit;
		ASSERT_EQ(0, compact_as_predicted(_metadata, &b, &c));
		expect_answer(_metadata, &b, &c);
		EXPECT_TRUE(window_is_free(&b.now, at * b.unit, units * b.unit));
		EXPECT_EQ(at * b.unit, c.offset);
		EXPECT_EQ(least, c.least);
		EXPECT_GE(least * 1300, c.moved * 1000);
		ASSERT_EQ(0, layout_take(self->fd, MEMMGR_HEAP_MAIN, &b.before));
	}
	expect_contents(_metadata, &b);
	end_board(&b);
}

static void range_in_heap(struct __test_metadata *_metadata, int fd, __u64 page, __u32 kind)
{
	struct memmgr_heap_create config = heap_config(kind, "t-range");
	struct memmgr_heap_query q;
	struct memmgr_compact c;
	__u32 random = test_seed();
	struct board b;

	config.flags = 0;
	config.granule = 64;
	config.bytes = 64 * KIB;
	/* an arena that does not begin where the region does */
	must_alloc(_metadata, fd, MEMMGR_HEAP_MAIN, page);
	ASSERT_EQ(0, mm_heap_create(fd, &config));
	ASSERT_EQ(0, mm_heap_query(fd, config.heap, &q));
	make_mixed(_metadata, &b, fd, config.heap, &random);
	EXPECT_EQ(0, mm_empty(fd, config.heap, q.offset + 16 * KIB, 8 * KIB, &c));
	ASSERT_EQ(0, layout_take(fd, config.heap, &b.now));
	EXPECT_TRUE(window_is_free(&b.now, q.offset + 16 * KIB, 8 * KIB));
	if (q.offset)
		EXPECT_EQ(-ERANGE, mm_empty(fd, config.heap, q.offset - 64, 128, &c));
	EXPECT_EQ(-ERANGE, mm_empty(fd, config.heap, q.offset + 64 * KIB, 64, &c));
	expect_contents(_metadata, &b);
	end_board(&b);
	ASSERT_EQ(0, mm_heap_destroy(fd, config.heap, MEMMGR_DESTROY_FORCE));
}

TEST_F(board, range_in_a_shared_heap)
{
	range_in_heap(_metadata, self->fd, self->page, MEMMGR_KIND_BUDDY);
}

TEST_F(board, range_in_a_tlsf_heap)
{
	if (!kind_is_built(self->fd, MEMMGR_KIND_TLSF))
		SKIP(return, "%s is not in this build", kind_names[MEMMGR_KIND_TLSF]);
	range_in_heap(_metadata, self->fd, self->page, MEMMGR_KIND_TLSF);
}

/* Each that may not move is named when it lies in the range, and stays. */
static void expect_in_the_way(struct __test_metadata *_metadata, int fd, __u64 offset,
			      __u64 bytes, __u32 why)
{
	struct memmgr_explain e;
	struct memmgr_compact c;
	__u32 i;

	EXPECT_EQ(-ENOMEM, mm_empty(fd, MEMMGR_HEAP_MAIN, offset, bytes, &c));
	EXPECT_EQ(MEMMGR_REASON_PINNED, c.reason);
	for (i = 0; i < MEMMGR_FIXED_REASONS; i++)
		EXPECT_EQ(i == why ? bytes : 0, c.stayed[i]) {
			TH_LOG("reason %u, wanted %u", i, why);
		}
	ASSERT_EQ(0, mm_explain(fd, MEMMGR_HEAP_MAIN, 0, 0, &e));
	EXPECT_EQ(bytes, e.fixed[why]);
}

TEST_F(board, pinned_and_leased_stay)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 3 * self->page);
	static const __u32 sorts[] = { 0, MEMMGR_PIN_LEASE };
	struct memmgr_compact c;
	struct memmgr_info info;
	__u32 i;

	for (i = 0; i < ARRAY_SIZE(sorts); i++) {
		a.offset = offset_of(_metadata, self->fd, a.handle);
		ASSERT_EQ(0, mm_pin(self->fd, a.handle, sorts[i]));
		ASSERT_EQ(0, mm_info(self->fd, a.handle, &info));
		EXPECT_EQ(0, info.state & MEMMGR_INFO_MOVABLE);
		expect_in_the_way(_metadata, self->fd, a.offset, a.granted, MEMMGR_FIXED_PINNED);
		EXPECT_EQ(a.offset, offset_of(_metadata, self->fd, a.handle));
		ASSERT_EQ(0, mm_unpin(self->fd, a.handle, sorts[i]));
		ASSERT_EQ(0, mm_info(self->fd, a.handle, &info));
		EXPECT_NE(0, info.state & MEMMGR_INFO_MOVABLE);
		EXPECT_EQ(0, mm_empty(self->fd, MEMMGR_HEAP_MAIN, a.offset, a.granted, &c));
		EXPECT_EQ(1, c.moves);
		EXPECT_NE(a.offset, offset_of(_metadata, self->fd, a.handle));
	}
}

TEST_F(board, sealed_stays)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 2 * self->page);
	struct memmgr_info info;

	ASSERT_EQ(0, mm_protect(self->fd, a.handle, MEMMGR_ACCESS_READ, MEMMGR_PROTECT_SEAL));
	ASSERT_EQ(0, mm_info(self->fd, a.handle, &info));
	EXPECT_EQ(0, info.state & MEMMGR_INFO_MOVABLE);
	expect_in_the_way(_metadata, self->fd, a.offset, a.granted, MEMMGR_FIXED_SEALED);
	EXPECT_EQ(a.offset, offset_of(_metadata, self->fd, a.handle));
}

TEST_F(board, protected_moves_and_stays_protected)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 2 * self->page);
	unsigned char *p = must_map(_metadata, self->fd, a.map_offset, 2 * self->page);
	struct memmgr_compact c;
	struct memmgr_info info;

	fill_pattern(p, 2 * self->page, 5);
	ASSERT_EQ(0, mm_protect(self->fd, a.handle, MEMMGR_ACCESS_READ, 0));
	EXPECT_EQ(0, mm_empty(self->fd, MEMMGR_HEAP_MAIN, a.offset, a.granted, &c));
	EXPECT_NE(a.offset, offset_of(_metadata, self->fd, a.handle));
	EXPECT_TRUE(is_pattern(p, 2 * self->page, 5));
	EXPECT_EQ(SIGSEGV, touch(p, true));
	ASSERT_EQ(0, mm_info(self->fd, a.handle, &info));
	EXPECT_EQ(MEMMGR_ACCESS_READ, info.access);
	EXPECT_EQ(1, info.moves);
	EXPECT_EQ(1, info.violations);
}

TEST_F(board, exported_stays)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 2 * self->page);
	struct memmgr_compact c;
	int file;

	REQUIRE_DMABUF;
	file = mm_export(self->fd, a.handle, MEMMGR_EXPORT_CLOEXEC);
	ASSERT_LE(0, file);
	expect_in_the_way(_metadata, self->fd, a.offset, a.granted, MEMMGR_FIXED_EXPORTED);
	EXPECT_EQ(a.offset, offset_of(_metadata, self->fd, a.handle));
	close(file);
	EXPECT_EQ(0, mm_empty(self->fd, MEMMGR_HEAP_MAIN, a.offset, a.granted, &c));
	EXPECT_NE(a.offset, offset_of(_metadata, self->fd, a.handle));
}

TEST_F(board, arena_of_a_heap_stays)
{
	struct memmgr_heap_create config = heap_config(MEMMGR_KIND_BUDDY, "t-arena");
	unsigned char data[100], seen[100];
	struct memmgr_heap_query q, then;
	struct memmgr_alloc a;

	ASSERT_EQ(0, mm_heap_create(self->fd, &config));
	ASSERT_EQ(0, mm_heap_query(self->fd, config.heap, &q));
	a = must_alloc(_metadata, self->fd, config.heap, sizeof(data));
	fill_pattern(data, sizeof(data), 1);
	ASSERT_EQ(0, mm_write(self->fd, a.handle, 0, data, sizeof(data)));
	expect_in_the_way(_metadata, self->fd, q.offset, q.held, MEMMGR_FIXED_KERNEL);
	ASSERT_EQ(0, mm_heap_query(self->fd, config.heap, &then));
	EXPECT_EQ(q.offset, then.offset);
	ASSERT_EQ(0, mm_read(self->fd, a.handle, 0, seen, sizeof(seen)));
	EXPECT_TRUE(is_pattern(seen, sizeof(seen), 1));
}

MEMMGR_TEST_MAIN
