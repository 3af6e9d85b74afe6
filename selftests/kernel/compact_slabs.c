// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * COMPACT of slab heaps: sparse slabs are merged, pinned objects keep their slab.
 *
 * Rule: <linux/memmgr.h>, struct memmgr_compact, and memmgr(7), FRAGMENTATION, "What moves".
 */
#include "lib/board.h"
#include "lib/memmgr_test.h"

MEMMGR_FIXTURE(board)

#define OBJECTS		1024u
#define OBJECT		256u

TEST_F(board, sparse_slabs_are_merged)
{
	struct memmgr_heap_create config = heap_config(MEMMGR_KIND_SLAB, "t-merge");
	static __u64 handles[OBJECTS];
	unsigned char data[OBJECT];
	struct memmgr_heap_query before, after;
	struct memmgr_compact c, dry;
	__u32 i, live = 0, slabs;

	if (!kind_is_built(self->fd, MEMMGR_KIND_SLAB))
		SKIP(return, "%s is not in this build", kind_names[MEMMGR_KIND_SLAB]);
	config.flags = 0;
	config.object_size = OBJECT;
	ASSERT_EQ(0, mm_heap_create(self->fd, &config));
	for (i = 0; i < OBJECTS; i++) {
		handles[i] = must_alloc(_metadata, self->fd, config.heap, OBJECT).handle;
		fill_pattern(data, OBJECT, i);
		ASSERT_EQ(0, mm_write(self->fd, handles[i], 0, data, OBJECT));
	}
	for (i = 0; i < OBJECTS; i++) {
		if (i % 8 == 3) {
			live++;
			continue;
		}
		ASSERT_EQ(0, mm_free(self->fd, handles[i]));
		handles[i] = 0;
	}
	ASSERT_EQ(0, mm_heap_query(self->fd, config.heap, &before));
	dry = compact_request(config.heap, MEMMGR_COMPACT_DRY_RUN, 0);
	ASSERT_EQ(0, mm_compact(self->fd, &dry));
	ASSERT_EQ(0, mm_heap_query(self->fd, config.heap, &after));
	EXPECT_EQ(before.held, after.held);
	c = compact_request(config.heap, 0, 0);
	ASSERT_EQ(0, mm_compact(self->fd, &c));
	ASSERT_EQ(0, mm_heap_query(self->fd, config.heap, &after));
	ASSERT_LT(0, after.count);
	slabs = (live + after.count - 1) / after.count;
	fprintf(stderr, "# %llu KiB held before, %llu after: %u objects, %u in a slab\n",
		(unsigned long long)before.held / KIB, (unsigned long long)after.held / KIB, live,
		after.count);
	EXPECT_LT(0, c.moves);
	EXPECT_LT(0, c.slabs);
	EXPECT_GT(before.held, after.held);
	/* no slab more than the objects fill, and one to spare */
	EXPECT_GE(slabs + 1, after.held / ((before.held - after.held) / c.slabs));
	EXPECT_EQ(dry.slabs, c.slabs);
	EXPECT_EQ(dry.moved, c.moved);
	for (i = 0; i < OBJECTS; i++) {
		if (!handles[i])
			continue;
		ASSERT_EQ(0, mm_read(self->fd, handles[i], 0, data, OBJECT));
		EXPECT_TRUE(is_pattern(data, OBJECT, i));
	}
	EXPECT_EQ(0, mm_check(self->fd, config.heap));
	EXPECT_EQ(0, mm_check(self->fd, MEMMGR_HEAP_MAIN));
	EXPECT_EQ(0, mm_heap_destroy(self->fd, config.heap, MEMMGR_DESTROY_FORCE));
}

/* Free all but @left of the @n objects from @handle on. */
static void keep_some(struct __test_metadata *_metadata, int fd, const __u64 *handle, __u32 n,
		      __u32 left)
{
	__u32 i;

	for (i = left; i < n; i++)
		ASSERT_EQ(0, mm_free(fd, handle[i]));
}

/*
 * A compaction that ended early has put two sparse slabs behind the empty one that the heap
 * keeps, and nothing is left before it. The next compaction merges them all the same.
 */
TEST_F(board, sparse_slabs_behind_an_empty_one)
{
	struct memmgr_heap_create config = heap_config(MEMMGR_KIND_SLAB, "t-behind");
	struct memmgr_heap_query q;
	struct memmgr_compact c;
	static __u64 handles[OBJECTS];
	__u32 i, n, slab;

	if (!kind_is_built(self->fd, MEMMGR_KIND_SLAB))
		SKIP(return, "%s is not in this build", kind_names[MEMMGR_KIND_SLAB]);
	config.flags = 0;
	config.object_size = OBJECT;
	ASSERT_EQ(0, mm_heap_create(self->fd, &config));
	handles[0] = must_alloc(_metadata, self->fd, config.heap, OBJECT).handle;
	ASSERT_EQ(0, mm_heap_query(self->fd, config.heap, &q));
	n = q.count;
	ASSERT_LE(8, n);
	ASSERT_GE(OBJECTS, 4 * n);
	for (i = 1; i < 4 * n; i++)
		handles[i] = must_alloc(_metadata, self->fd, config.heap, OBJECT).handle;
	/* an empty slab, one with n / 4 objects, two with 2 each */
	for (slab = 0; slab < 4; slab++)
		keep_some(_metadata, self->fd, &handles[slab * n], n,
			  slab == 3 ? 0 : slab == 2 ? n / 4 : 2);
	c = compact_request(config.heap, 0, 0);
	c.max_bytes = OBJECT;
	ASSERT_EQ(0, mm_compact(self->fd, &c));
	ASSERT_EQ(1, c.moves);
	for (i = n / 4 + 1; i < n; i++)
		must_alloc(_metadata, self->fd, config.heap, OBJECT);
	c = compact_request(config.heap, 0, 0);
	ASSERT_EQ(0, mm_compact(self->fd, &c));
	EXPECT_EQ(1, c.moves);
	EXPECT_EQ(0, mm_check(self->fd, config.heap));
	EXPECT_EQ(0, mm_heap_destroy(self->fd, config.heap, MEMMGR_DESTROY_FORCE));
}

/* A pinned object keeps its slab. */
TEST_F(board, pinned_objects_keep_their_slab)
{
	struct memmgr_heap_create config = heap_config(MEMMGR_KIND_SLAB, "t-pinned");
	static __u64 handles[OBJECTS], offsets[OBJECTS];
	struct memmgr_heap_query before, after;
	struct memmgr_compact c;
	__u32 i;

	if (!kind_is_built(self->fd, MEMMGR_KIND_SLAB))
		SKIP(return, "%s is not in this build", kind_names[MEMMGR_KIND_SLAB]);
	config.flags = 0;
	config.object_size = OBJECT;
	ASSERT_EQ(0, mm_heap_create(self->fd, &config));
	for (i = 0; i < OBJECTS; i++)
		handles[i] = must_alloc(_metadata, self->fd, config.heap, OBJECT).handle;
	for (i = 0; i < OBJECTS; i++) {
		if (i % 8 != 3) {
			ASSERT_EQ(0, mm_free(self->fd, handles[i]));
			continue;
		}
		ASSERT_EQ(0, mm_pin(self->fd, handles[i], 0));
		offsets[i] = offset_of(_metadata, self->fd, handles[i]);
	}
	ASSERT_EQ(0, mm_heap_query(self->fd, config.heap, &before));
	c = compact_request(config.heap, 0, 0);
	ASSERT_EQ(0, mm_compact(self->fd, &c));
	EXPECT_EQ(0, c.moves);
	EXPECT_EQ(0, c.slabs);
	EXPECT_LT(0, c.stayed[MEMMGR_FIXED_PINNED]);
	ASSERT_EQ(0, mm_heap_query(self->fd, config.heap, &after));
	EXPECT_EQ(before.held, after.held);
	for (i = 3; i < OBJECTS; i += 8)
		EXPECT_EQ(offsets[i], offset_of(_metadata, self->fd, handles[i]));
	/* a client frees what it has pinned itself, one by one or with the heap */
	EXPECT_EQ(0, mm_free(self->fd, handles[3]));
	EXPECT_EQ(0, mm_heap_destroy(self->fd, config.heap, MEMMGR_DESTROY_FORCE));
}

MEMMGR_TEST_MAIN
