// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Allocations: sizes, alignments, costs, contents, records, and refusals.
 *
 * Rule: <linux/memmgr.h>, struct memmgr_alloc.
 */
#include "lib/memmgr_test.h"

MEMMGR_FIXTURE(alloc)
MEMMGR_KIND_FIXTURE(alloc_kind);

/* ---- heap main ------------------------------------------------------------- */

TEST_F(alloc, five_pages_cost_five)
{
	struct memmgr_stats before, after;
	struct memmgr_alloc a;

	before = must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN);
	a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 5 * self->page);
	after = must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN);
	EXPECT_EQ(5 * self->page, a.granted);
	EXPECT_EQ(before.used + 5 * self->page, after.used);
	EXPECT_EQ(before.free - 5 * self->page, after.free);
	EXPECT_EQ(before.requested + 5 * self->page, after.requested);
	EXPECT_EQ(before.live + 1, after.live);
	EXPECT_EQ(before.records + 1, after.records);
}

TEST_F(alloc, every_size_costs_whole_pages)
{
	__u64 sizes[] = {
		1, self->page - 1, self->page, self->page + 1,
		3 * self->page - 1, 7 * self->page, 9 * self->page + 1,
		31 * self->page, 33 * self->page, 255 * self->page + 17,
	};
	struct memmgr_query q;
	unsigned int i;

	ASSERT_EQ(0, mm_query(self->fd, &q));
	for (i = 0; i < ARRAY_SIZE(sizes) && sizes[i] <= q.region_size / 2; i++) {
		struct memmgr_alloc a = must_alloc(_metadata, self->fd,
						   MEMMGR_HEAP_MAIN, sizes[i]);
		__u64 pages = (sizes[i] + self->page - 1) / self->page;

		EXPECT_EQ(pages * self->page, a.granted);
		EXPECT_EQ(0, a.offset % self->page);
		EXPECT_EQ(MEMMGR_HEAP_MAIN, a.from);
		EXPECT_EQ(MEMMGR_REASON_NONE, a.reason);
		EXPECT_EQ(0, a.map_offset % self->page);
		EXPECT_NE(NO_HANDLE, a.handle);
	}
	EXPECT_EQ(0, mm_check(self->fd, MEMMGR_HEAP_MAIN));
}

TEST_F(alloc, every_alignment)
{
	struct memmgr_query q;
	__u64 align;

	ASSERT_EQ(0, mm_query(self->fd, &q));
	for (align = 1; align <= q.max_align && align <= q.region_size / 4; align *= 2) {
		struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN,
						      self->page + 1);
		struct memmgr_info info;

		a.align = align;
		ASSERT_EQ(0, mm_alloc(self->fd, &a));
		EXPECT_EQ(0, mm_misaligned(self->fd, a.offset, align));
		EXPECT_EQ(2 * self->page, a.granted);
		EXPECT_EQ(0, mm_info(self->fd, a.handle, &info));
		EXPECT_EQ(align, info.align);
		EXPECT_EQ(0, mm_free(self->fd, a.handle));
	}
}

static bool blocks_overlap(struct memmgr_alloc *blocks, unsigned int count)
{
	unsigned int i;

	sort_by_offset(blocks, count);
	for (i = 1; i < count; i++)
		if (blocks[i - 1].offset + blocks[i - 1].granted > blocks[i].offset)
			return true;
	return false;
}

TEST_F(alloc, blocks_lie_apart_and_inside_the_region)
{
	struct memmgr_alloc blocks[200];
	unsigned int i, count = ARRAY_SIZE(blocks);
	struct memmgr_query q;

	/* 200 fit into each region of the boards with pages of 4 KiB; larger pages are fewer. */
	ASSERT_EQ(0, mm_query(self->fd, &q));
	if (self->page > 4096 && count > q.region_size / (8 * self->page))
		count = q.region_size / (8 * self->page);
	for (i = 0; i < count; i++) {
		blocks[i] = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN,
				       (1 + (i * 2654435761u) % (8 * 4096)) * (self->page / 4096));
		EXPECT_GE(q.region_size, blocks[i].offset + blocks[i].granted);
	}
	EXPECT_FALSE(blocks_overlap(blocks, count));
	EXPECT_EQ(0, mm_check(self->fd, MEMMGR_HEAP_MAIN));
}

TEST_F(alloc, record_says_who_when_and_what)
{
	struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, 5000);
	struct memmgr_query q;
	struct memmgr_info i;
	char comm[MEMMGR_COMM_LEN] = "";
	__u64 start, end;

	ASSERT_EQ(0, mm_query(self->fd, &q));
	a.align = 8192;
	strcpy(a.tag, "frame buffer \xc3\xa4");
	start = now_ns(CLOCK_BOOTTIME);
	ASSERT_EQ(0, mm_alloc(self->fd, &a));
	end = now_ns(CLOCK_BOOTTIME);
	ASSERT_EQ(0, mm_info(self->fd, a.handle, &i));
	pthread_getname_np(pthread_self(), comm, sizeof(comm));
	EXPECT_EQ(sizeof(i), i.size);
	EXPECT_EQ(a.handle, i.handle);
	EXPECT_EQ(a.offset, i.offset);
	EXPECT_EQ(5000, i.bytes);
	EXPECT_EQ(a.granted, i.granted);
	EXPECT_EQ(8192, i.align);
	EXPECT_EQ(a.map_offset, i.map_offset);
	EXPECT_LE(start, i.time_ns);
	EXPECT_GE(end, i.time_ns);
	EXPECT_EQ(MEMMGR_HEAP_MAIN, i.heap);
	EXPECT_EQ(MEMMGR_INFO_MINE | MEMMGR_INFO_MOVABLE, i.state);
	EXPECT_EQ(0, i.flags);
	EXPECT_EQ(getpid(), (pid_t)i.pid);
	EXPECT_EQ(syscall(SYS_gettid), (long)i.tid);
	EXPECT_EQ(0, i.uid);
	EXPECT_EQ(0, i.pins);
	EXPECT_STREQ(comm, i.comm);
	EXPECT_STREQ("frame buffer \xc3\xa4", i.tag);
	EXPECT_EQ(q.region_flags & MEMMGR_REGION_CONTIGUOUS ?
		  q.phys + a.offset : 0, i.phys);
}

TEST_F(alloc, handles_are_not_used_again_soon)
{
	static __u64 seen[512];
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(seen); i++) {
		seen[i] = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 1).handle;
		for (j = 0; j < i; j++)
			ASSERT_NE(seen[j], seen[i]);
		ASSERT_EQ(0, mm_free(self->fd, seen[i]));
	}
}

TEST_F(alloc, tags)
{
	struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, 1);
	struct memmgr_info i;

	memset(a.tag, 't', MEMMGR_TAG_LEN - 1);
	ASSERT_EQ(0, mm_alloc(self->fd, &a));
	ASSERT_EQ(0, mm_info(self->fd, a.handle, &i));
	EXPECT_EQ(MEMMGR_TAG_LEN - 1, strlen(i.tag));
	a = alloc_request(MEMMGR_HEAP_MAIN, 1);
	memset(a.tag, 't', MEMMGR_TAG_LEN);
	EXPECT_EQ(-EINVAL, mm_alloc(self->fd, &a));
}

/* ---- small buddy heaps ------------------------------------------------------ */

TEST_F(alloc, small_granules_cost_what_they_should)
{
	static const struct {
		__u64 bytes, granted;
	} cases[] = {
		{ 1, 32 }, { 31, 32 }, { 32, 32 }, { 33, 64 }, { 65, 96 },
		{ 160, 160 }, { 161, 192 }, { 1000, 1024 }, { 1025, 1056 },
		{ 4097, 4128 },
	};
	__u32 heap = must_kind(_metadata, self->fd, MEMMGR_KIND_BUDDY);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct memmgr_alloc a = must_alloc(_metadata, self->fd, heap,
						   cases[i].bytes);

		EXPECT_EQ(cases[i].granted, a.granted);
		EXPECT_EQ(heap, a.from);
	}
	EXPECT_EQ(0, mm_check(self->fd, heap));
}

TEST_F(alloc, every_granule)
{
	__u64 granule;

	for (granule = 32; granule <= self->page; granule *= 2) {
		struct memmgr_heap_create c = heap_config(MEMMGR_KIND_BUDDY, "t-granule");

		c.granule = granule;
		ASSERT_EQ(0, mm_heap_create(self->fd, &c));
		EXPECT_EQ(granule, must_alloc(_metadata, self->fd, c.heap, 1).granted);
		EXPECT_EQ(3 * granule, must_alloc(_metadata, self->fd, c.heap,
						  2 * granule + 1).granted);
		ASSERT_EQ(0, mm_heap_destroy(self->fd, c.heap, MEMMGR_DESTROY_FORCE));
	}
}

TEST_F(alloc, blocks_below_a_page_are_not_mapped_alone)
{
	__u32 heap = must_kind(_metadata, self->fd, MEMMGR_KIND_BUDDY);
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, heap, 100);

	EXPECT_EQ(NO_OFFSET, a.map_offset);
}

/* ---- every kind ------------------------------------------------------------- */

TEST_F(alloc_kind, blocks_lie_apart_and_inside_the_arena)
{
	struct memmgr_alloc blocks[64];
	struct memmgr_heap_query q;
	unsigned int i;
	__u32 heap;

	if (!kind_is_built(self->fd, variant->kind))
		SKIP(return, "%s is not in this build", kind_names[variant->kind]);
	heap = must_kind(_metadata, self->fd, variant->kind);
	for (i = 0; i < ARRAY_SIZE(blocks); i++)
		blocks[i] = must_alloc(_metadata, self->fd, heap, 1 + i * 3);
	ASSERT_EQ(0, mm_heap_query(self->fd, heap, &q));
	for (i = 0; i < ARRAY_SIZE(blocks) && q.offset != ~0ull; i++) {
		EXPECT_LE(q.offset, blocks[i].offset);
		EXPECT_GE(q.offset + q.held, blocks[i].offset + blocks[i].granted);
	}
	EXPECT_FALSE(blocks_overlap(blocks, ARRAY_SIZE(blocks)));
	EXPECT_EQ(0, mm_check(self->fd, heap));
}

TEST_F(alloc_kind, neighbours_keep_their_contents)
{
	unsigned char data[192], seen[192];
	__u64 handles[64];
	unsigned int i;
	__u32 heap;

	if (!kind_is_built(self->fd, variant->kind))
		SKIP(return, "%s is not in this build", kind_names[variant->kind]);
	heap = must_kind(_metadata, self->fd, variant->kind);
	for (i = 0; i < ARRAY_SIZE(handles); i++) {
		handles[i] = must_alloc(_metadata, self->fd, heap, sizeof(data)).handle;
		fill_pattern(data, sizeof(data), i);
		ASSERT_EQ(0, mm_write(self->fd, handles[i], 0, data, sizeof(data)));
	}
	for (i = 0; i < ARRAY_SIZE(handles); i++) {
		ASSERT_EQ(0, mm_read(self->fd, handles[i], 0, seen, sizeof(seen)));
		EXPECT_TRUE(is_pattern(seen, sizeof(seen), i));
	}
}

TEST_F(alloc_kind, memory_reads_as_zeros)
{
	unsigned char data[192];
	struct memmgr_alloc a;
	int round, i;
	__u32 heap;

	if (!kind_is_built(self->fd, variant->kind))
		SKIP(return, "%s is not in this build", kind_names[variant->kind]);
	heap = must_kind(_metadata, self->fd, variant->kind);
	for (round = 0; round < 2; round++) {
		__u64 handles[32];

		for (i = 0; i < 32; i++) {
			a = must_alloc(_metadata, self->fd, heap, sizeof(data));
			handles[i] = a.handle;
			memset(data, 0xee, sizeof(data));
			ASSERT_EQ(0, mm_read(self->fd, a.handle, 0, data, sizeof(data)));
			EXPECT_TRUE(is_zero(data, sizeof(data)));
			memset(data, 0xff, sizeof(data));
			ASSERT_EQ(0, mm_write(self->fd, a.handle, 0, data, sizeof(data)));
		}
		while (i--)
			ASSERT_EQ(0, mm_free(self->fd, handles[i]));
	}
}

TEST_F(alloc_kind, alignment_of_every_block)
{
	struct memmgr_heap_query q;
	unsigned int i;
	__u32 heap;

	if (!kind_is_built(self->fd, variant->kind))
		SKIP(return, "%s is not in this build", kind_names[variant->kind]);
	heap = must_kind(_metadata, self->fd, variant->kind);
	ASSERT_EQ(0, mm_heap_query(self->fd, heap, &q));
	EXPECT_LE(8, q.align);
	for (i = 1; i < 40; i++) {
		struct memmgr_alloc a = alloc_request(heap, i);

		a.align = i % 2 ? 0 : q.align;
		ASSERT_EQ(0, mm_alloc(self->fd, &a));
		EXPECT_EQ(0, mm_misaligned(self->fd, a.offset, q.align));
	}
}

TEST_F(alloc_kind, larger_alignments_that_the_heap_names)
{
	struct memmgr_heap_query q;
	__u64 align;
	__u32 heap;

	if (!kind_is_built(self->fd, variant->kind))
		SKIP(return, "%s is not in this build", kind_names[variant->kind]);
	heap = must_kind(_metadata, self->fd, variant->kind);
	ASSERT_EQ(0, mm_heap_query(self->fd, heap, &q));
	for (align = q.align; align <= q.max_align && align <= 4096; align *= 2) {
		struct memmgr_alloc a = alloc_request(heap, 24);

		a.align = align;
		ASSERT_EQ(0, mm_alloc(self->fd, &a));
		EXPECT_EQ(0, mm_misaligned(self->fd, a.offset, align));
		EXPECT_EQ(0, mm_free(self->fd, a.handle));
	}
}

/* Slab and pool have an alignment of their own. */
TEST_F(alloc, objects_of_chosen_alignment)
{
	static const __u32 kinds[] = { MEMMGR_KIND_SLAB, MEMMGR_KIND_POOL };
	unsigned int k;
	int i;

	for (k = 0; k < ARRAY_SIZE(kinds); k++) {
		struct memmgr_heap_create c = heap_config(kinds[k], kind_names[kinds[k]]);
		struct memmgr_heap_query q;

		if (!kind_is_built(self->fd, kinds[k]))
			continue;
		c.object_size = 100;
		c.align = 128;
		ASSERT_EQ(0, mm_heap_create(self->fd, &c));
		ASSERT_EQ(0, mm_heap_query(self->fd, c.heap, &q));
		EXPECT_EQ(128, q.align);
		for (i = 0; i < 40; i++)
			EXPECT_EQ(0, must_alloc(_metadata, self->fd, c.heap, 100).offset % 128);
	}
}

/* Beyond what the region's own address is aligned to. */
TEST_F(alloc, alignment_is_of_addresses)
{
	static const __u32 kinds[] = {
		MEMMGR_KIND_SLAB, MEMMGR_KIND_POOL, MEMMGR_KIND_BUDDY, MEMMGR_KIND_STACK
	};
	const __u64 align = 65536;
	struct memmgr_query region;
	__u64 mark;
	unsigned int k, i;

	ASSERT_EQ(0, mm_query(self->fd, &region));
	ASSERT_LE(16 * align, region.max_align);
	for (k = 0; k < ARRAY_SIZE(kinds); k++) {
		bool objects = kinds[k] == MEMMGR_KIND_SLAB || kinds[k] == MEMMGR_KIND_POOL;
		struct memmgr_heap_create c = {
			.size = sizeof(c),
			.kind = kinds[k],
			.name = "aligned",
			.object_size = objects ? align : 0,
			.align = objects ? align : 0,
			.count = objects ? 4 : 0,
			.bytes = objects ? 0 : 4 * align,
		};

		if (!kind_is_built(self->fd, kinds[k]))
			continue;
		ASSERT_EQ(0, mm_heap_create(self->fd, &c));
		for (i = 0; i < 4; i++) {
			struct memmgr_alloc a = alloc_request(c.heap, align);

			a.align = align;
			ASSERT_EQ(0, mm_alloc(self->fd, &a)) {
				TH_LOG("%s, %u", kind_names[kinds[k]], i);
			}
			EXPECT_EQ(0, mm_misaligned(self->fd, a.offset, align));
			mark = a.handle;
			EXPECT_EQ(0, mm_write(self->fd, a.handle, align - 8, &mark, 8));
			mark = 0;
			EXPECT_EQ(0, mm_read(self->fd, a.handle, align - 8, &mark, 8));
			EXPECT_EQ(a.handle, mark);
		}
		EXPECT_EQ(0, mm_check(self->fd, c.heap));
		ASSERT_EQ(0, mm_heap_destroy(self->fd, c.heap, MEMMGR_DESTROY_FORCE));
	}
}

TEST_F(alloc_kind, books_are_exact)
{
	struct memmgr_stats before, after;
	struct memmgr_alloc a;
	__u32 heap;

	if (!kind_is_built(self->fd, variant->kind))
		SKIP(return, "%s is not in this build", kind_names[variant->kind]);
	heap = must_kind(_metadata, self->fd, variant->kind);
	must_alloc(_metadata, self->fd, heap, 32);
	before = must_stats(_metadata, self->fd, heap);
	a = must_alloc(_metadata, self->fd, heap, 77);
	after = must_stats(_metadata, self->fd, heap);
	EXPECT_LE(77, a.granted);
	EXPECT_EQ(before.used + a.granted, after.used);
	EXPECT_EQ(before.requested + 77, after.requested);
	EXPECT_EQ(after.total, after.used + after.free);
	EXPECT_EQ(before.live + 1, after.live);
	EXPECT_EQ(before.allocs + 1, after.allocs);
}

struct bad_alloc {
	const char *what;
	int error;
	__u32 flags;
	__u64 bytes;
	__u64 align;
};

static const struct bad_alloc bad_allocs[] = {
	{ "0 bytes", EINVAL, 0, 0, 0 },
	{ "0 bytes, aligned", EINVAL, 0, 0, 64 },
	{ "align 3", EINVAL, 0, 64, 3 },
	{ "align 6", EINVAL, 0, 64, 6 },
	{ "align 4097", EINVAL, 0, 64, 4097 },
	{ "align ~0", EINVAL, 0, 64, ~0ull },
	{ "align 2^32+1", EINVAL, 0, 64, (1ull << 32) + 1 },
	{ "flag 6", EINVAL, 1u << 6, 64, 0 },
	{ "flag 31", EINVAL, 1u << 31, 64, 0 },
	{ "all flags", EINVAL, ~0u, 64, 0 },
	{ "~0 bytes", ENOMEM, 0, ~0ull, 0 },
	{ "~0 - 1 bytes", ENOMEM, 0, ~0ull - 1, 0 },
	{ "~0 - 31 bytes", ENOMEM, 0, ~0ull - 31, 0 },
	{ "~0 - 4095 bytes", ENOMEM, 0, ~0ull - 4095, 0 },
	{ "~0 - 4096 bytes", ENOMEM, 0, ~0ull - 4096, 0 },
	{ "2^63 bytes", ENOMEM, 0, 1ull << 63, 0 },
	{ "2^32 bytes", ENOMEM, 0, 1ull << 32, 0 },
	{ "2^32 + 1 bytes", ENOMEM, 0, (1ull << 32) + 1, 0 },
	{ "1 TiB, aligned", ENOMEM, 0, 1ull << 40, 8 },
};

static void try_bad_allocs(struct __test_metadata *_metadata, int fd, __u32 heap)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad_allocs); i++) {
		const struct bad_alloc *bad = &bad_allocs[i];
		struct memmgr_alloc a = alloc_request(heap, bad->bytes);

		a.flags = bad->flags;
		a.align = bad->align;
		EXPECT_EQ(-bad->error, mm_alloc(fd, &a))
			TH_LOG("%s", bad->what);
		if (bad->error != ENOMEM)
			continue;
		EXPECT_EQ(MEMMGR_REASON_TOO_LARGE, a.reason)
			TH_LOG("%s", bad->what);
		EXPECT_EQ(NO_HANDLE, a.handle);
	}
}

TEST_F(alloc_kind, bad_requests)
{
	struct snapshot before, after;
	__u32 heap;

	if (!kind_is_built(self->fd, variant->kind))
		SKIP(return, "%s is not in this build", kind_names[variant->kind]);
	heap = must_kind(_metadata, self->fd, variant->kind);
	must_alloc(_metadata, self->fd, heap, 64);
	ASSERT_EQ(0, snapshot_take(self->fd, &before));
	try_bad_allocs(_metadata, self->fd, heap);
	ASSERT_EQ(0, snapshot_take(self->fd, &after));
	EXPECT_TRUE(snapshot_same_state(&before, &after));
}

TEST_F(alloc, bad_requests_to_main)
{
	struct snapshot after;

	try_bad_allocs(_metadata, self->fd, MEMMGR_HEAP_MAIN);
	ASSERT_EQ(0, snapshot_take(self->fd, &after));
	EXPECT_TRUE(snapshot_same_state(&self->before, &after));
}

TEST_F(alloc, impossible_alignment_is_named)
{
	struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, 1);

	a.align = 1ull << 63;
	EXPECT_EQ(-ENOMEM, mm_alloc(self->fd, &a));
	EXPECT_EQ(MEMMGR_REASON_ALIGNMENT, a.reason);
}

TEST_F(alloc, output_fields_are_ignored_on_input)
{
	struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, 1);

	a.handle = ~0ull;
	a.offset = 1;
	a.granted = ~0ull;
	a.map_offset = 3;
	a.reason = 99;
	a.from = 99;
	a.largest = ~0ull;
	a.exact = ~0u;
	ASSERT_EQ(0, mm_alloc(self->fd, &a));
	EXPECT_EQ(self->page, a.granted);
	EXPECT_EQ(MEMMGR_REASON_NONE, a.reason);
	EXPECT_EQ(MEMMGR_HEAP_MAIN, a.from);
	EXPECT_EQ(0, mm_free(self->fd, a.handle));
}

TEST_F(alloc, read_only_file_changes_nothing)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_BUDDY, "t-ro");
	struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, 1);
	__u64 handle = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 1).handle;
	struct snapshot before, after;
	struct memmgr_resize r;
	int fd = open_device(O_RDONLY);
	char byte = 0;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, snapshot_take(self->fd, &before));
	EXPECT_EQ(-EACCES, mm_alloc(fd, &a));
	EXPECT_EQ(-EACCES, mm_free(fd, handle));
	EXPECT_EQ(-EACCES, mm_resize(fd, handle, 2, &r));
	EXPECT_EQ(-EACCES, mm_heap_create(fd, &c));
	EXPECT_EQ(-EACCES, mm_write(fd, handle, 0, &byte, 1));
	ASSERT_EQ(0, snapshot_take(self->fd, &after));
	EXPECT_TRUE(snapshot_same_state(&before, &after));
	close(fd);
}

/* A heap of 16 pages, all allocated one by one, then pages 3 to 8 freed. */
static __u32 heap_with_hole(struct __test_metadata *_metadata, int fd, __u32 flags)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_BUDDY, "t-hole");
	struct memmgr_alloc blocks[16];
	struct memmgr_heap_query q;
	unsigned int i;

	c.bytes = 16 * page_size();
	c.granule = page_size();
	c.flags |= flags;
	ASSERT_EQ(0, mm_heap_create(fd, &c));
	ASSERT_EQ(0, mm_heap_query(fd, c.heap, &q));
	for (i = 0; i < ARRAY_SIZE(blocks); i++)
		blocks[i] = must_alloc(_metadata, fd, c.heap, 1);
	for (i = 0; i < ARRAY_SIZE(blocks); i++) {
		__u64 at = (blocks[i].offset - q.offset) / page_size();

		ASSERT_EQ(0, at >= 3 && at <= 8 ? mm_free(fd, blocks[i].handle) : 0);
	}
	return c.heap;
}

/* No false out-of-memory: six free pages serve six, though no order shows it. */
TEST_F(alloc, unaligned_neighbours_are_joined)
{
	__u32 heap = heap_with_hole(_metadata, self->fd, 0);
	struct memmgr_stats s = must_stats(_metadata, self->fd, heap);
	struct memmgr_alloc a;
	struct memmgr_query q;

	ASSERT_EQ(0, mm_query(self->fd, &q));
	if (!(q.region_flags & MEMMGR_REGION_JOIN))
		SKIP(return, "joining is off in this region");
	EXPECT_LE(6 * self->page / 4, s.largest);
	EXPECT_GE(6 * self->page, s.largest);
	a = must_alloc(_metadata, self->fd, heap, 6 * self->page);
	EXPECT_EQ(6 * self->page, a.granted);
	s = must_stats(_metadata, self->fd, heap);
	EXPECT_EQ(1, s.joins);
	EXPECT_EQ(0, s.free);
	EXPECT_EQ(0, mm_check(self->fd, heap));
	EXPECT_EQ(0, mm_free(self->fd, a.handle));
	EXPECT_EQ(0, mm_check(self->fd, heap));
}

TEST_F(alloc, real_time_heaps_do_not_join)
{
	__u32 heap = heap_with_hole(_metadata, self->fd, MEMMGR_HEAP_NO_JOIN);
	struct memmgr_alloc a = alloc_request(heap, 6 * self->page);

	EXPECT_EQ(-ENOMEM, mm_alloc(self->fd, &a));
	EXPECT_EQ(MEMMGR_REASON_FRAGMENTED, a.reason);
	EXPECT_EQ(4 * self->page, a.largest);
	EXPECT_EQ(0, must_stats(_metadata, self->fd, heap).joins);
	EXPECT_EQ(4 * self->page, must_stats(_metadata, self->fd, heap).largest);
	must_alloc(_metadata, self->fd, heap, 4 * self->page);
}

/* What is told to be the largest size works, and when it is exact, no larger one does. */
TEST_F(alloc, largest_is_exact)
{
	__u32 heap = heap_with_hole(_metadata, self->fd, 0);
	struct memmgr_alloc a = alloc_request(heap, 8 * self->page);
	struct memmgr_alloc_batch b = {
		.size = sizeof(b), .heap = heap, .count = 1, .bytes = 8 * self->page,
		.handles = (uintptr_t)&a.handle,
	};
	struct memmgr_resize r;
	__u64 largest;

	EXPECT_EQ(-ENOMEM, mm_alloc(self->fd, &a));
	EXPECT_EQ(1, a.exact);
	EXPECT_EQ(-ENOMEM, mm_call(self->fd, MEMMGR_IOC_ALLOC_BATCH, &b));
	EXPECT_EQ(1, b.exact);
	EXPECT_EQ(a.largest, b.largest);
	largest = a.largest;
	a = alloc_request(heap, largest + 1);
	EXPECT_EQ(-ENOMEM, mm_alloc(self->fd, &a));
	/* As it was left it can be asked again. */
	a.bytes = largest;
	ASSERT_EQ(0, mm_alloc(self->fd, &a));
	EXPECT_EQ(0, a.exact);
	EXPECT_EQ(-ENOMEM, mm_resize(self->fd, a.handle, 16 * self->page, &r));
	EXPECT_EQ(1, r.exact);
	/* In its place it may be longer than one that is looked for, where nothing is joined. */
	largest = r.largest;
	EXPECT_EQ(-ENOMEM, mm_resize(self->fd, a.handle, largest + 1, &r));
	EXPECT_EQ(0, mm_resize(self->fd, a.handle, largest, &r));
}

MEMMGR_TEST_MAIN
