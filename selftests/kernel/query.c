// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The descriptions of a region and of its heaps.
 *
 * Rule: <linux/memmgr.h>, struct memmgr_query and struct memmgr_heap_query.
 */
#include "lib/memmgr_test.h"

MEMMGR_FIXTURE(query)

TEST_F(query, region_figures)
{
	struct memmgr_heap_query main;
	struct memmgr_query q;

	ASSERT_EQ(0, mm_query(self->fd, &q));
	ASSERT_EQ(0, mm_heap_query(self->fd, MEMMGR_HEAP_MAIN, &main));
	EXPECT_EQ(self->page, q.granule);
	EXPECT_LT(0, q.region_size);
	EXPECT_EQ(0, q.region_size % q.granule);
	EXPECT_EQ(q.region_size, main.bytes);
	EXPECT_LE(self->page, q.max_align);
	EXPECT_EQ(0, q.max_align & (q.max_align - 1));
	/* The number is the end of the device's name, 0 is none. */
	EXPECT_EQ(atoi(device_path() + strcspn(device_path(), "0123456789")), q.region);
	EXPECT_LE(1, q.heaps);
	EXPECT_EQ(0, q.flags);
	EXPECT_NE('\0', q.name[0]);
	EXPECT_GT(sizeof(q.name), strnlen(q.name, sizeof(q.name)));
	EXPECT_EQ(0, q.features & ~(MEMMGR_FEATURE_SLAB | MEMMGR_FEATURE_POOL |
				    MEMMGR_FEATURE_STACK | MEMMGR_FEATURE_TLSF |
				    MEMMGR_FEATURE_DMABUF |
				    MEMMGR_FEATURE_DEBUG | MEMMGR_FEATURE_MOVE));
	EXPECT_EQ(0, q.region_flags & ~(MEMMGR_REGION_RESERVED |
					MEMMGR_REGION_CONTIGUOUS |
					MEMMGR_REGION_DT | MEMMGR_REGION_JOIN |
					MEMMGR_REGION_PAGES |
					MEMMGR_REGION_WRITE_COMBINE |
					MEMMGR_REGION_UNCACHED |
					MEMMGR_REGION_DEVICE));
}

/* A bit of @features is there exactly when its calls work. */
TEST_F(query, move_feature)
{
	struct memmgr_explain e;
	struct memmgr_query q;

	ASSERT_EQ(0, mm_query(self->fd, &q));
	EXPECT_EQ(q.features & MEMMGR_FEATURE_MOVE ? 0 : -EOPNOTSUPP,
		  mm_explain(self->fd, MEMMGR_HEAP_MAIN, 0, 0, &e));
}

TEST_F(query, physical_address_of_contiguous_memory)
{
	struct memmgr_query q;

	ASSERT_EQ(0, mm_query(self->fd, &q));
	EXPECT_EQ(!(q.region_flags & MEMMGR_REGION_CONTIGUOUS), !q.phys);
	if (q.region_flags & MEMMGR_REGION_DT)
		EXPECT_NE(0, q.region_flags & MEMMGR_REGION_RESERVED);
	EXPECT_EQ(0, q.phys % self->page);
}

/* MEMMGR_RECORDS says what the module was loaded with. */
TEST_F(query, main_is_the_root_buddy)
{
	const char *records = getenv("MEMMGR_RECORDS");
	struct memmgr_heap_query q;

	ASSERT_EQ(0, mm_heap_query(self->fd, MEMMGR_HEAP_MAIN, &q));
	EXPECT_EQ(MEMMGR_HEAP_MAIN, q.heap);
	EXPECT_EQ(MEMMGR_KIND_BUDDY, q.kind);
	EXPECT_STREQ("main", q.name);
	EXPECT_EQ(self->page, q.granule);
	EXPECT_EQ(q.bytes, q.held);
	EXPECT_EQ(0, q.offset);
	EXPECT_EQ(0, q.heap_flags & (MEMMGR_HEAP_PRIVATE | MEMMGR_HEAP_FALLBACK));
	EXPECT_LT(0, q.max_allocations);
	EXPECT_TRUE(!records || q.max_allocations == strtoul(records, NULL, 0));
	EXPECT_EQ(0, q.reserved);
}

TEST_F(query, find_by_name)
{
	struct memmgr_heap_query q = {
		.size = sizeof(q), .flags = MEMMGR_QUERY_NAME, .heap = 12345,
		.name = "main",
	};

	ASSERT_EQ(0, mm_call(self->fd, MEMMGR_IOC_HEAP_QUERY, &q));
	EXPECT_EQ(MEMMGR_HEAP_MAIN, q.heap);
	q.flags = MEMMGR_QUERY_NAME;
	strcpy(q.name, "mai");
	EXPECT_EQ(-ENOENT, mm_call(self->fd, MEMMGR_IOC_HEAP_QUERY, &q));
	strcpy(q.name, "main2");
	EXPECT_EQ(-ENOENT, mm_call(self->fd, MEMMGR_IOC_HEAP_QUERY, &q));
	q.name[0] = 0;
	EXPECT_NE(0, mm_call(self->fd, MEMMGR_IOC_HEAP_QUERY, &q));
	memset(q.name, 'm', sizeof(q.name));
	EXPECT_EQ(-EINVAL, mm_call(self->fd, MEMMGR_IOC_HEAP_QUERY, &q));
}

TEST_F(query, unknown_heaps)
{
	static const __u32 ids[] = {
		MEMMGR_MAX_HEAPS - 1, MEMMGR_MAX_HEAPS, MEMMGR_MAX_HEAPS + 1,
		0x7fffffff, 0x80000000, 0xfffffffe, MEMMGR_HEAP_ANY,
	};
	struct memmgr_heap_query q;
	struct memmgr_stats s;
	struct memmgr_frag f;
	unsigned int i;
	__u64 mark;

	for (i = 0; i < ARRAY_SIZE(ids); i++) {
		struct memmgr_alloc a = alloc_request(ids[i], self->page);

		EXPECT_EQ(-ENOENT, mm_heap_query(self->fd, ids[i], &q));
		EXPECT_EQ(-ENOENT, mm_stats(self->fd, ids[i], &s));
		EXPECT_EQ(-ENOENT, mm_frag(self->fd, ids[i], &f));
		EXPECT_EQ(-ENOENT, mm_check(self->fd, ids[i]));
		EXPECT_EQ(-ENOENT, mm_heap_destroy(self->fd, ids[i], 0));
		EXPECT_EQ(-ENOENT, mm_alloc(self->fd, &a));
		EXPECT_EQ(-ENOENT, mm_mark(self->fd, ids[i], &mark));
		EXPECT_EQ(-ENOENT, mm_release(self->fd, ids[i], 0, NULL));
	}
}

TEST_F(query, enumeration)
{
	struct memmgr_heap_query q, direct;
	struct memmgr_query region;
	__u32 next = 0, seen = 0;
	int result;

	must_kind(_metadata, self->fd, MEMMGR_KIND_BUDDY);
	while (!(result = mm_heap_next(self->fd, next, &q))) {
		EXPECT_LE(next, q.heap);
		EXPECT_EQ(0, mm_heap_query(self->fd, q.heap, &direct));
		EXPECT_STREQ(q.name, direct.name);
		EXPECT_EQ(q.kind, direct.kind);
		next = q.heap + 1;
		ASSERT_GE(MEMMGR_MAX_HEAPS, ++seen);
	}
	EXPECT_EQ(-ENOENT, result);
	ASSERT_EQ(0, mm_query(self->fd, &region));
	EXPECT_EQ(region.heaps, seen);
	EXPECT_EQ(self->before.heaps + 1, seen);
}

TEST_F(query, largest_alignment_is_served)
{
	struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, 1);
	struct memmgr_query q;

	ASSERT_EQ(0, mm_query(self->fd, &q));
	a.align = q.max_align;
	ASSERT_EQ(0, mm_alloc(self->fd, &a));
	EXPECT_EQ(0, mm_misaligned(self->fd, a.offset, q.max_align));
	a = alloc_request(MEMMGR_HEAP_MAIN, 1);
	a.align = q.max_align * 2;
	EXPECT_NE(0, mm_alloc(self->fd, &a));
}

TEST_F(query, works_on_a_file_opened_read_only)
{
	struct memmgr_heap_query h;
	struct memmgr_query q;
	struct memmgr_stats s;
	struct memmgr_frag f;
	int fd = open_device(O_RDONLY);

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, mm_query(fd, &q));
	EXPECT_EQ(0, mm_heap_query(fd, MEMMGR_HEAP_MAIN, &h));
	EXPECT_EQ(0, mm_stats(fd, MEMMGR_HEAP_MAIN, &s));
	EXPECT_EQ(0, mm_frag(fd, MEMMGR_HEAP_MAIN, &f));
	EXPECT_EQ(0, mm_check(fd, MEMMGR_HEAP_MAIN));
	close(fd);
}

MEMMGR_TEST_MAIN
