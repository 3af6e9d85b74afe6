// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Heaps are made and destroyed: the answers for each kind, the refusals, and the users who
 * may.
 *
 * Rule: <linux/memmgr.h>, struct memmgr_heap_create, _heap_destroy and _heap_query.
 */
#include "lib/memmgr_test.h"

MEMMGR_FIXTURE(heap)
MEMMGR_KIND_FIXTURE(heap_kind);

TEST_F(heap_kind, reports_what_was_asked_for)
{
	struct memmgr_heap_create c = heap_config(variant->kind, "t-report");
	struct memmgr_heap_query q;

	if (!kind_is_built(self->fd, variant->kind))
		SKIP(return, "%s is not in this build", kind_names[variant->kind]);
	ASSERT_EQ(0, mm_heap_create(self->fd, &c));
	ASSERT_EQ(0, mm_heap_query(self->fd, c.heap, &q));
	EXPECT_NE(MEMMGR_HEAP_MAIN, c.heap);
	EXPECT_GT(MEMMGR_MAX_HEAPS, c.heap);
	EXPECT_STREQ("t-report", q.name);
	EXPECT_EQ(variant->kind, q.kind);
	EXPECT_EQ(MEMMGR_HEAP_PRIVATE, q.heap_flags);
	EXPECT_LE(c.bytes, q.bytes);
	EXPECT_EQ(0, q.held % self->page);
	EXPECT_EQ(c.map_offset, q.map_offset);
	EXPECT_EQ(c.map_size, q.map_size);
	EXPECT_EQ(0, c.map_offset % self->page);
	EXPECT_LT(0, q.align);
	EXPECT_EQ(0, q.align & (q.align - 1));
	EXPECT_LE(q.align, q.max_align);
	EXPECT_LT(0, q.max_allocations);
	if (c.object_size)
		EXPECT_EQ(c.object_size, q.object_size);
	if (c.granule)
		EXPECT_EQ(c.granule, q.granule);
	if (variant->kind == MEMMGR_KIND_POOL) {
		EXPECT_EQ(c.count, q.count);
		EXPECT_EQ(c.count, q.max_allocations);
	}
	EXPECT_EQ(variant->kind == MEMMGR_KIND_SLAB, q.offset == ~0ull);
}

TEST_F(heap_kind, takes_its_memory_from_main_and_gives_it_back)
{
	struct memmgr_heap_create c = heap_config(variant->kind, "t-books");
	struct memmgr_stats before, during, after;
	struct memmgr_heap_query q;

	if (!kind_is_built(self->fd, variant->kind))
		SKIP(return, "%s is not in this build", kind_names[variant->kind]);
	before = must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN);
	ASSERT_EQ(0, mm_heap_create(self->fd, &c));
	ASSERT_EQ(0, mm_heap_query(self->fd, c.heap, &q));
	during = must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN);
	EXPECT_EQ(before.used + q.held, during.used);
	EXPECT_EQ(before.free - q.held, during.free);
	if (q.held)
		EXPECT_LT(before.kernel_live, during.kernel_live);
	EXPECT_EQ(0, mm_heap_destroy(self->fd, c.heap, 0));
	after = must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN);
	EXPECT_EQ(before.used, after.used);
	EXPECT_EQ(before.free, after.free);
	EXPECT_EQ(before.kernel_live, after.kernel_live);
	EXPECT_EQ(-ENOENT, mm_heap_query(self->fd, c.heap, &q));
	EXPECT_EQ(-ENOENT, mm_heap_destroy(self->fd, c.heap, 0));
}

TEST_F(heap_kind, live_allocations_keep_it)
{
	struct memmgr_alloc a;
	struct snapshot s, t;
	__u32 heap;

	if (!kind_is_built(self->fd, variant->kind))
		SKIP(return, "%s is not in this build", kind_names[variant->kind]);
	heap = must_kind(_metadata, self->fd, variant->kind);
	a = must_alloc(_metadata, self->fd, heap, 64);
	ASSERT_EQ(0, snapshot_take(self->fd, &s));
	EXPECT_EQ(-EBUSY, mm_heap_destroy(self->fd, heap, 0));
	ASSERT_EQ(0, snapshot_take(self->fd, &t));
	EXPECT_TRUE(snapshot_equal(&s, &t));
	EXPECT_EQ(0, mm_free(self->fd, a.handle));
	EXPECT_EQ(0, mm_heap_destroy(self->fd, heap, 0));
}

TEST_F(heap_kind, force_frees_what_lives_in_it)
{
	struct memmgr_alloc a, b;
	struct memmgr_info info;
	__u32 heap;

	if (!kind_is_built(self->fd, variant->kind))
		SKIP(return, "%s is not in this build", kind_names[variant->kind]);
	heap = must_kind(_metadata, self->fd, variant->kind);
	a = must_alloc(_metadata, self->fd, heap, 64);
	b = must_alloc(_metadata, self->fd, heap, 64);
	EXPECT_EQ(0, mm_heap_destroy(self->fd, heap, MEMMGR_DESTROY_FORCE));
	EXPECT_EQ(-EBADF, mm_free(self->fd, a.handle));
	EXPECT_EQ(-EBADF, mm_info(self->fd, b.handle, &info));
	EXPECT_EQ(-EBADF, mm_read(self->fd, b.handle, 0, &info, 1));
}

/* Handles of a heap that is gone must not reach into its successor. */
TEST_F(heap_kind, old_handles_miss_the_next_heap)
{
	struct memmgr_info info;
	struct memmgr_alloc a;
	__u32 first, second;

	if (!kind_is_built(self->fd, variant->kind))
		SKIP(return, "%s is not in this build", kind_names[variant->kind]);
	first = must_kind(_metadata, self->fd, variant->kind);
	a = must_alloc(_metadata, self->fd, first, 64);
	ASSERT_EQ(0, mm_heap_destroy(self->fd, first, MEMMGR_DESTROY_FORCE));
	second = must_kind(_metadata, self->fd, variant->kind);
	must_alloc(_metadata, self->fd, second, 64);
	EXPECT_EQ(-EBADF, mm_free(self->fd, a.handle));
	EXPECT_EQ(-EBADF, mm_info(self->fd, a.handle, &info));
	EXPECT_EQ(1, must_stats(_metadata, self->fd, second).live);
}

TEST_F(heap_kind, shared_heap_outlives_its_maker)
{
	struct memmgr_heap_create c = heap_config(variant->kind, "t-shared");
	struct memmgr_heap_query q;
	int other = open_device(O_RDWR);

	if (!kind_is_built(self->fd, variant->kind))
		SKIP(return, "%s is not in this build", kind_names[variant->kind]);
	ASSERT_LE(0, other);
	c.flags = 0;
	ASSERT_EQ(0, mm_heap_create(other, &c));
	must_alloc(_metadata, other, c.heap, 64);
	close(other);
	ASSERT_EQ(0, mm_heap_query(self->fd, c.heap, &q));
	EXPECT_EQ(0, q.heap_flags);
	EXPECT_EQ(0, q.map_size);
	EXPECT_EQ(0, must_stats(_metadata, self->fd, c.heap).live);
	EXPECT_EQ(0, mm_heap_destroy(self->fd, c.heap, 0));
}

TEST_F(heap_kind, private_heap_goes_with_its_maker)
{
	struct memmgr_heap_create c = heap_config(variant->kind, "t-gone");
	struct memmgr_heap_query q = {
		.size = sizeof(q), .flags = MEMMGR_QUERY_NAME, .name = "t-gone",
	};
	int other = open_device(O_RDWR);

	if (!kind_is_built(self->fd, variant->kind))
		SKIP(return, "%s is not in this build", kind_names[variant->kind]);
	ASSERT_LE(0, other);
	ASSERT_EQ(0, mm_heap_create(other, &c));
	must_alloc(_metadata, other, c.heap, 64);
	EXPECT_EQ(0, mm_call(self->fd, MEMMGR_IOC_HEAP_QUERY, &q));
	close(other);
	q.flags = MEMMGR_QUERY_NAME;
	EXPECT_EQ(-ENOENT, mm_call(self->fd, MEMMGR_IOC_HEAP_QUERY, &q));
}

/* Root may see another's private heap, but not use it. */
TEST_F(heap_kind, private_heap_refuses_others)
{
	struct memmgr_alloc a, stolen;
	struct memmgr_info info;
	struct memmgr_list l = {
		.size = sizeof(l), .count = 1, .entry_size = sizeof(info),
		.entries = (uintptr_t)&info,
	};
	__u32 heap;
	int other = open_device(O_RDWR);

	if (!kind_is_built(self->fd, variant->kind))
		SKIP(return, "%s is not in this build", kind_names[variant->kind]);
	ASSERT_LE(0, other);
	heap = must_kind(_metadata, self->fd, variant->kind);
	a = must_alloc(_metadata, self->fd, heap, 64);
	stolen = alloc_request(heap, 64);
	EXPECT_EQ(-EACCES, mm_alloc(other, &stolen));
	EXPECT_EQ(-EACCES, mm_free(other, a.handle));
	l.heap = heap;
	EXPECT_EQ(0, mm_call(other, MEMMGR_IOC_LIST, &l));
	EXPECT_EQ(1, l.count);
	EXPECT_EQ(64, info.bytes);
	EXPECT_EQ(NO_HANDLE, info.handle);
	EXPECT_EQ(1, must_stats(_metadata, self->fd, heap).live);
	close(other);
}

TEST_F(heap_kind, record_table_is_a_limit)
{
	struct memmgr_heap_create c = heap_config(variant->kind, "t-records");
	struct memmgr_alloc a;
	struct memmgr_stats s;
	int i;

	if (!kind_is_built(self->fd, variant->kind))
		SKIP(return, "%s is not in this build", kind_names[variant->kind]);
	c.max_allocations = 3;
	ASSERT_EQ(0, mm_heap_create(self->fd, &c));
	for (i = 0; i < 3; i++)
		must_alloc(_metadata, self->fd, c.heap, 64);
	a = alloc_request(c.heap, 64);
	EXPECT_EQ(-ENOSPC, mm_alloc(self->fd, &a));
	EXPECT_EQ(MEMMGR_REASON_RECORDS, a.reason);
	s = must_stats(_metadata, self->fd, c.heap);
	EXPECT_EQ(3, s.live);
	EXPECT_EQ(3, s.records);
	EXPECT_EQ(1, s.failures[MEMMGR_REASON_RECORDS]);
	EXPECT_EQ(0, mm_check(self->fd, c.heap));
}

/* ---- names ---------------------------------------------------------------- */

static int create_named(int fd, const char *name, size_t len)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_BUDDY, "");
	int result;

	memcpy(c.name, name, len);
	result = mm_heap_create(fd, &c);
	if (!result)
		mm_heap_destroy(fd, c.heap, 0);
	return result;
}

TEST_F(heap, good_names)
{
	static const char *const names[] = {
		"a", "A-b_c.9", "0", "MAIN", "main1",
		"0123456789012345678901234567890",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		const char *name = names[i];

		EXPECT_EQ(0, create_named(self->fd, name, strlen(name)))
			TH_LOG("name '%s'", name);
	}
}

TEST_F(heap, bad_names)
{
	static const char *const names[] = {
		"", " ", "a b", "a/b", "/", "../x", "a\n", "a\t", "a:b", "a;b",
		"a,b", "a=b", "a%s", "\x7f", "\xc3\xa4", "a\x01",
		"01234567890123456789012345678901", /* no room for the NUL */
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		const char *name = names[i];

		EXPECT_EQ(-EINVAL, create_named(self->fd, name, strlen(name)))
			TH_LOG("name '%s'", name);
	}
}

TEST_F(heap, names_are_unique)
{
	struct memmgr_heap_create a = heap_config(MEMMGR_KIND_BUDDY, "t-twin");
	struct memmgr_heap_create b = a, c = a;
	int other = open_device(O_RDWR);

	ASSERT_LE(0, other);
	EXPECT_EQ(-EEXIST, create_named(self->fd, "main", 4));
	ASSERT_EQ(0, mm_heap_create(self->fd, &a));
	EXPECT_EQ(-EEXIST, mm_heap_create(self->fd, &b));
	EXPECT_EQ(-EEXIST, mm_heap_create(other, &c));
	EXPECT_EQ(0, mm_heap_destroy(self->fd, a.heap, 0));
	EXPECT_EQ(0, mm_heap_create(other, &c));
	close(other);
}

/* ---- bad configurations --------------------------------------------------- */

struct bad_config {
	const char *what;
	int error;
	struct memmgr_heap_create c;
};

#define BUDDY	.kind = MEMMGR_KIND_BUDDY
#define SLAB	.kind = MEMMGR_KIND_SLAB
#define POOL	.kind = MEMMGR_KIND_POOL
#define STACK	.kind = MEMMGR_KIND_STACK
#define TLSF	.kind = MEMMGR_KIND_TLSF

static const struct bad_config bad_configs[] = {
	{ "kind 5", EINVAL, { .kind = MEMMGR_KINDS, .bytes = 65536 } },
	{ "kind ~0", EINVAL, { .kind = ~0u, .bytes = 65536 } },
	{ "unknown flag", EINVAL, { BUDDY, .bytes = 65536, .flags = 1u << 31 } },
	{ "next flag", EINVAL, { BUDDY, .bytes = 65536, .flags = 1u << 4 } },
	{ "reserved", EINVAL, { BUDDY, .bytes = 65536, .reserved = 1 } },
	{ "buddy of 0 bytes", EINVAL, { BUDDY } },
	{ "buddy granule 16", EINVAL, { BUDDY, .bytes = 65536, .granule = 16 } },
	{ "tlsf granule 8", EINVAL, { TLSF, .bytes = 65536, .granule = 8 } },
	{ "tlsf granule 48", EINVAL, { TLSF, .bytes = 65536, .granule = 48 } },
	{ "tlsf granule of two pages", EINVAL, { TLSF, .bytes = 1 << 20, .granule = 131072 } },
	{ "tlsf of 0 bytes", EINVAL, { TLSF } },
	{ "tlsf with objects", EINVAL, { TLSF, .bytes = 65536, .object_size = 64 } },
	{ "buddy granule 1", EINVAL, { BUDDY, .bytes = 65536, .granule = 1 } },
	{ "buddy granule 48", EINVAL, { BUDDY, .bytes = 65536, .granule = 48 } },
	{ "buddy granule 1M", EINVAL,
		{ BUDDY, .bytes = 4 << 20, .granule = 1 << 20 } },
	{ "buddy granule 2G", EINVAL,
		{ BUDDY, .bytes = 65536, .granule = 1u << 31 } },
	{ "buddy object", EINVAL, { BUDDY, .bytes = 65536, .object_size = 64 } },
	{ "buddy align", EINVAL, { BUDDY, .bytes = 65536, .align = 64 } },
	{ "buddy count", EINVAL, { BUDDY, .bytes = 65536, .count = 1 } },
	{ "buddy records", EINVAL,
		{ BUDDY, .bytes = 65536, .max_allocations = (1 << 24) + 1 } },
	{ "buddy records ~0", EINVAL,
		{ BUDDY, .bytes = 65536, .max_allocations = ~0u } },
	{ "buddy over region", ENOMEM, { BUDDY, .bytes = 1ull << 40 } },
	{ "buddy ~0 bytes", ENOMEM, { BUDDY, .bytes = ~0ull } },
	{ "buddy ~0 - page", ENOMEM, { BUDDY, .bytes = ~0ull - 4096 } },
	{ "slab object 0", EINVAL, { SLAB } },
	{ "slab align 3", EINVAL, { SLAB, .object_size = 64, .align = 3 } },
	{ "slab align 48", EINVAL, { SLAB, .object_size = 64, .align = 48 } },
	{ "slab align ~0", EINVAL, { SLAB, .object_size = 64, .align = ~0ull } },
	{ "slab granule", EINVAL, { SLAB, .object_size = 64, .granule = 32 } },
	{ "slab object ~0", ENOMEM, { SLAB, .object_size = ~0ull } },
	{ "slab object 1T", ENOMEM, { SLAB, .object_size = 1ull << 40 } },
	{ "slab prealloc ~0", ENOMEM,
		{ SLAB, .object_size = 4096, .count = ~0u } },
	{ "slab records", EINVAL,
		{ SLAB, .object_size = 64, .max_allocations = (1 << 24) + 1 } },
	{ "pool object 0", EINVAL, { POOL, .count = 4 } },
	{ "pool count 0", EINVAL, { POOL, .object_size = 64 } },
	{ "pool align 12", EINVAL,
		{ POOL, .object_size = 64, .count = 4, .align = 12 } },
	{ "pool granule", EINVAL,
		{ POOL, .object_size = 64, .count = 4, .granule = 64 } },
	{ "pool bytes too few", EINVAL,
		{ POOL, .object_size = 64, .count = 4, .bytes = 255 } },
	{ "pool count ~0", ENOMEM, { POOL, .object_size = 4096, .count = ~0u } },
	{ "pool object ~0", ENOMEM, { POOL, .object_size = ~0ull, .count = 1 } },
	{ "pool product wraps", ENOMEM,
		{ POOL, .object_size = 1ull << 62, .count = 4 } },
	{ "pool product wraps to small", ENOMEM,
		{ POOL, .object_size = (1ull << 62) + 64, .count = 4 } },
	{ "pool product wraps 32 bits", ENOMEM,
		{ POOL, .object_size = 65536, .count = 65537 } },
	{ "stack of 0 bytes", EINVAL, { STACK } },
	{ "stack object", EINVAL, { STACK, .bytes = 65536, .object_size = 8 } },
	{ "stack align", EINVAL, { STACK, .bytes = 65536, .align = 8 } },
	{ "stack count", EINVAL, { STACK, .bytes = 65536, .count = 8 } },
	{ "stack granule", EINVAL, { STACK, .bytes = 65536, .granule = 32 } },
	{ "stack ~0 bytes", ENOMEM, { STACK, .bytes = ~0ull } },
	{ "fallback unknown", ENOENT,
		{ BUDDY, .bytes = 65536, .flags = MEMMGR_HEAP_FALLBACK,
		  .fallback = MEMMGR_MAX_HEAPS } },
	{ "fallback ~0", ENOENT,
		{ BUDDY, .bytes = 65536, .flags = MEMMGR_HEAP_FALLBACK,
		  .fallback = ~0u } },
};

static void try_bad_configs(struct __test_metadata *_metadata, int fd, __u32 flags)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad_configs); i++) {
		struct memmgr_heap_create c = bad_configs[i].c;

		if (c.kind < MEMMGR_KINDS && !kind_is_built(fd, c.kind))
			continue;
		c.size = sizeof(c);
		c.flags |= flags;
		strcpy(c.name, "t-bad");
		EXPECT_EQ(-bad_configs[i].error, mm_heap_create(fd, &c))
			TH_LOG("%s", bad_configs[i].what);
		EXPECT_EQ(bad_configs[i].error == ENOMEM, c.reason != MEMMGR_REASON_NONE)
			TH_LOG("%s: reason %u", bad_configs[i].what, c.reason);
	}
}

TEST_F(heap, bad_configurations)
{
	struct snapshot after;

	try_bad_configs(_metadata, self->fd, MEMMGR_HEAP_PRIVATE);
	try_bad_configs(_metadata, self->fd, 0);
	ASSERT_EQ(0, snapshot_take(self->fd, &after));
	EXPECT_TRUE(snapshot_same_state(&self->before, &after));
}

TEST_F(heap, output_fields_are_ignored_on_input)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_BUDDY, "t-out");

	c.heap = 77;
	c.map_offset = 1;
	c.map_size = ~0ull;
	c.reason = 99;
	c.largest = 3;
	EXPECT_EQ(0, mm_heap_create(self->fd, &c));
	EXPECT_GT(MEMMGR_MAX_HEAPS, c.heap);
	EXPECT_LT(0, c.map_size);
}

/* A compiled-out kind is told apart from a wrong one. */
TEST_F(heap, kinds_that_were_left_out)
{
	struct memmgr_heap_create c;
	__u32 kind;

	for (kind = 0; kind < MEMMGR_KINDS; kind++) {
		c = heap_config(kind, "t-built");
		EXPECT_EQ(kind_is_built(self->fd, kind) ? 0 : -EOPNOTSUPP,
			  mm_heap_create(self->fd, &c));
		mm_heap_destroy(self->fd, c.heap, 0);
	}
}

/* ---- limits ---------------------------------------------------------------- */

TEST_F(heap, number_of_heaps_is_limited)
{
	struct memmgr_heap_create c;
	__u32 made = 0;
	char name[16];
	int result;

	for (;;) {
		snprintf(name, sizeof(name), "t-%u", made);
		c = heap_config(MEMMGR_KIND_BUDDY, name);
		c.bytes = self->page;
		c.granule = self->page;
		result = mm_heap_create(self->fd, &c);
		if (result)
			break;
		ASSERT_GE(MEMMGR_MAX_HEAPS, ++made);
	}
	EXPECT_EQ(-ENOSPC, result);
	EXPECT_EQ(MEMMGR_REASON_RECORDS, c.reason);
	EXPECT_EQ(MEMMGR_MAX_HEAPS, made + self->before.heaps);
}

/* A slab of a private heap has at most 64 KiB, but no object within that is refused for it. */
TEST_F(heap, private_slabs_of_large_objects)
{
	static const __u64 sizes[] = { 8200, 20000, 24576, 32768, 40000, 49152, 65536 };
	struct memmgr_heap_create c;
	unsigned int i, n;

	if (!kind_is_built(self->fd, MEMMGR_KIND_SLAB))
		SKIP(return, "no slab heaps");
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		c = heap_config(MEMMGR_KIND_SLAB, "t-large");
		c.object_size = sizes[i];
		c.bytes = 1u << 20;
		c.flags = MEMMGR_HEAP_PRIVATE;
		ASSERT_EQ(0, mm_heap_create(self->fd, &c)) TH_LOG("objects of %llu", sizes[i]);
		for (n = 0; n < 9; n++)
			must_alloc(_metadata, self->fd, c.heap, sizes[i]);
		EXPECT_EQ(0, mm_heap_destroy(self->fd, c.heap, MEMMGR_DESTROY_FORCE));
	}
	c.object_size = 65537;
	EXPECT_EQ(-ENOMEM, mm_heap_create(self->fd, &c));
	EXPECT_EQ(MEMMGR_REASON_TOO_LARGE, c.reason);
}

/* The largest arena that a refusal names works, and a page more does not. */
TEST_F(heap, largest_arena_is_true)
{
	static const __u32 kinds[] = { MEMMGR_KIND_BUDDY, MEMMGR_KIND_STACK };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct memmgr_heap_create c = heap_config(kinds[i], "t-largest");
		__u64 largest;

		if (!kind_is_built(self->fd, kinds[i]))
			continue;
		c.granule = 0;
		c.bytes = 1ull << 40;
		ASSERT_EQ(-ENOMEM, mm_heap_create(self->fd, &c));
		largest = c.largest;
		ASSERT_LT(0, largest);
		c.bytes = largest + self->page;
		EXPECT_EQ(-ENOMEM, mm_heap_create(self->fd, &c));
		EXPECT_EQ(largest, c.largest);
		c.bytes = largest;
		EXPECT_EQ(0, mm_heap_create(self->fd, &c));
		mm_heap_destroy(self->fd, c.heap, 0);
	}
}

TEST_F(heap, main_is_never_destroyed)
{
	EXPECT_EQ(-EINVAL, mm_heap_destroy(self->fd, MEMMGR_HEAP_MAIN, 0));
	EXPECT_EQ(-EINVAL, mm_heap_destroy(self->fd, MEMMGR_HEAP_MAIN,
					   MEMMGR_DESTROY_FORCE));
}

TEST_F(heap, destroy_by_another_client)
{
	__u32 heap = must_kind(_metadata, self->fd, MEMMGR_KIND_BUDDY);
	int node = open_public_node();
	pid_t child;

	ASSERT_LE(0, node);
	child = fork();
	if (!child) {
		int fd = open_as_nobody(node);

		if (fd < 0)
			_exit(2);
		_exit(mm_heap_destroy(fd, heap, MEMMGR_DESTROY_FORCE) ? 0 : 3);
	}
	EXPECT_EQ(0, child_result(child));
	EXPECT_EQ(0, mm_heap_destroy(self->fd, heap, 0));
}

TEST_F(heap, bytes_are_rounded_up_to_pages)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_BUDDY, "t-round");
	struct memmgr_heap_query q;

	c.bytes = self->page + 1;
	ASSERT_EQ(0, mm_heap_create(self->fd, &c));
	ASSERT_EQ(0, mm_heap_query(self->fd, c.heap, &q));
	EXPECT_EQ(2 * self->page, q.bytes);
	EXPECT_EQ(2 * self->page, q.held);
	EXPECT_EQ(2 * self->page, c.map_size);
	EXPECT_EQ(2 * self->page,
		  must_stats(_metadata, self->fd, c.heap).total);
}

TEST_F(heap, slab_preallocates)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_SLAB, "t-pre");
	struct memmgr_stats main;
	int i;

	if (!kind_is_built(self->fd, MEMMGR_KIND_SLAB))
		SKIP(return, "%s is not in this build", kind_names[MEMMGR_KIND_SLAB]);
	c.count = 100;
	ASSERT_EQ(0, mm_heap_create(self->fd, &c));
	main = must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN);
	EXPECT_LE(100 * c.object_size,
		  must_stats(_metadata, self->fd, c.heap).total);
	for (i = 0; i < 100; i++)
		must_alloc(_metadata, self->fd, c.heap, c.object_size);
	EXPECT_EQ(main.used,
		  must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN).used);
}

TEST_F(heap, slab_stops_at_its_limit)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_SLAB, "t-limit");
	struct memmgr_stats s;
	struct memmgr_alloc a;
	int result, i;

	if (!kind_is_built(self->fd, MEMMGR_KIND_SLAB))
		SKIP(return, "%s is not in this build", kind_names[MEMMGR_KIND_SLAB]);
	c.bytes = 64 * KIB;
	ASSERT_EQ(0, mm_heap_create(self->fd, &c));
	for (i = 0; i < 1000; i++) {
		a = alloc_request(c.heap, c.object_size);
		result = mm_alloc(self->fd, &a);
		if (result)
			break;
	}
	EXPECT_EQ(-ENOMEM, result);
	EXPECT_EQ(MEMMGR_REASON_LIMIT, a.reason);
	s = must_stats(_metadata, self->fd, c.heap);
	EXPECT_GE(64 * KIB, s.total);
	EXPECT_LE(64 * KIB * 3 / 4, s.used);
	EXPECT_EQ(i, s.live);
}

TEST_F(heap, slab_gives_empty_slabs_back)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_SLAB, "t-shrink");
	struct memmgr_stats before, full, after;
	__u64 handles[256];
	int i;

	if (!kind_is_built(self->fd, MEMMGR_KIND_SLAB))
		SKIP(return, "%s is not in this build", kind_names[MEMMGR_KIND_SLAB]);
	c.object_size = 1024;
	ASSERT_EQ(0, mm_heap_create(self->fd, &c));
	before = must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN);
	for (i = 0; i < 256; i++)
		handles[i] = must_alloc(_metadata, self->fd, c.heap, 1024).handle;
	full = must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN);
	EXPECT_LE(before.used + 256 * KIB, full.used);
	for (i = 0; i < 256; i++)
		EXPECT_EQ(0, mm_free(self->fd, handles[i]));
	after = must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN);
	EXPECT_GT(before.used + 128 * KIB, after.used);
}

/* ---- fallback --------------------------------------------------------------- */

TEST_F(heap, fallback_serves_when_the_pool_is_empty)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_POOL, "t-small");
	struct memmgr_heap_query q;
	struct memmgr_stats s;
	struct memmgr_alloc a;
	__u32 rescue;

	if (!kind_is_built(self->fd, MEMMGR_KIND_POOL))
		SKIP(return, "%s is not in this build", kind_names[MEMMGR_KIND_POOL]);
	rescue = must_kind(_metadata, self->fd, MEMMGR_KIND_BUDDY);
	c.count = 1;
	c.flags |= MEMMGR_HEAP_FALLBACK;
	c.fallback = rescue;
	ASSERT_EQ(0, mm_heap_create(self->fd, &c));
	ASSERT_EQ(0, mm_heap_query(self->fd, c.heap, &q));
	EXPECT_EQ(MEMMGR_HEAP_PRIVATE | MEMMGR_HEAP_FALLBACK, q.heap_flags);
	EXPECT_EQ(rescue, q.fallback);
	EXPECT_EQ(c.heap, must_alloc(_metadata, self->fd, c.heap, 256).from);
	a = alloc_request(c.heap, 256);
	a.flags = MEMMGR_ALLOC_NO_FALLBACK;
	EXPECT_EQ(-ENOMEM, mm_alloc(self->fd, &a));
	EXPECT_EQ(MEMMGR_REASON_EXHAUSTED, a.reason);
	a = must_alloc(_metadata, self->fd, c.heap, 256);
	EXPECT_EQ(rescue, a.from);
	s = must_stats(_metadata, self->fd, c.heap);
	EXPECT_EQ(1, s.fallbacks);
	EXPECT_EQ(1, s.live);
	EXPECT_EQ(1, must_stats(_metadata, self->fd, rescue).live);
	EXPECT_EQ(-EBUSY, mm_heap_destroy(self->fd, rescue, MEMMGR_DESTROY_FORCE));
	EXPECT_EQ(0, mm_free(self->fd, a.handle));
	EXPECT_EQ(0, must_stats(_metadata, self->fd, rescue).live);
	EXPECT_EQ(0, mm_heap_destroy(self->fd, c.heap, MEMMGR_DESTROY_FORCE));
	EXPECT_EQ(0, mm_heap_destroy(self->fd, rescue, 0));
}

/* Where both refuse, the size that either would have served. */
TEST_F(heap, fallback_tells_the_larger_size)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_POOL, "t-small");
	struct memmgr_alloc a;

	if (!kind_is_built(self->fd, MEMMGR_KIND_POOL))
		SKIP(return, "%s is not in this build", kind_names[MEMMGR_KIND_POOL]);
	c.flags |= MEMMGR_HEAP_FALLBACK;
	c.fallback = must_kind(_metadata, self->fd, MEMMGR_KIND_BUDDY);
	ASSERT_EQ(0, mm_heap_create(self->fd, &c));
	a = alloc_request(c.heap, 1 << 20);
	EXPECT_EQ(-ENOMEM, mm_alloc(self->fd, &a));
	EXPECT_EQ(256 * KIB, a.largest);
	a = must_alloc(_metadata, self->fd, c.heap, a.largest);
	EXPECT_EQ(c.fallback, a.from);
	EXPECT_EQ(0, mm_free(self->fd, a.handle));
}

/* What cannot be mapped takes no request for memory that is: the heap is full, no more. */
TEST_F(heap, fallback_that_never_serves)
{
	struct memmgr_heap_create c = {
		.size = sizeof(c), .kind = MEMMGR_KIND_BUDDY, .name = "t-pages",
		.flags = MEMMGR_HEAP_PRIVATE | MEMMGR_HEAP_FALLBACK, .bytes = page_size(),
	};
	struct memmgr_alloc a, b;

	c.fallback = must_kind(_metadata, self->fd, MEMMGR_KIND_BUDDY);
	ASSERT_EQ(0, mm_heap_create(self->fd, &c));
	a = must_alloc(_metadata, self->fd, c.heap, 1);
	EXPECT_EQ(c.heap, a.from);
	b = alloc_request(c.heap, 64);
	b.flags = MEMMGR_ALLOC_GUARD;
	EXPECT_EQ(-ENOMEM, mm_alloc(self->fd, &b));
	EXPECT_EQ(MEMMGR_REASON_EXHAUSTED, b.reason);
	b.flags = MEMMGR_ALLOC_GUARD | MEMMGR_ALLOC_WAIT;
	b.timeout_ms = 10;
	EXPECT_EQ(-ETIMEDOUT, mm_alloc(self->fd, &b));
	EXPECT_EQ(0, must_stats(_metadata, self->fd, c.heap).fallbacks);
	b = must_alloc(_metadata, self->fd, c.heap, 64);
	EXPECT_EQ(c.fallback, b.from);
	ASSERT_EQ(0, mm_free(self->fd, b.handle));
	ASSERT_EQ(0, mm_free(self->fd, a.handle));
}

TEST_F(heap, fallback_has_no_fallback_itself)
{
	struct memmgr_heap_create a = heap_config(MEMMGR_KIND_BUDDY, "t-first");
	struct memmgr_heap_create b = heap_config(MEMMGR_KIND_BUDDY, "t-second");

	a.flags |= MEMMGR_HEAP_FALLBACK;
	a.fallback = MEMMGR_HEAP_MAIN;
	ASSERT_EQ(0, mm_heap_create(self->fd, &a));
	b.flags |= MEMMGR_HEAP_FALLBACK;
	b.fallback = a.heap;
	EXPECT_EQ(-EINVAL, mm_heap_create(self->fd, &b));
}

TEST_F(heap, fallback_on_a_heap_of_another)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_BUDDY, "t-leech");
	int other = open_device(O_RDWR);

	ASSERT_LE(0, other);
	c.flags |= MEMMGR_HEAP_FALLBACK;
	c.fallback = must_kind(_metadata, other, MEMMGR_KIND_BUDDY);
	EXPECT_EQ(-EACCES, mm_heap_create(self->fd, &c));
	close(other);
}

TEST_F(heap, two_heaps_do_not_overlap)
{
	struct memmgr_heap_query a, b;
	struct memmgr_alloc x;

	ASSERT_EQ(0, mm_heap_query(self->fd,
				   must_heap(_metadata, self->fd,
					     heap_config(MEMMGR_KIND_BUDDY, "t-a")), &a));
	x = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 3 * self->page);
	ASSERT_EQ(0, mm_heap_query(self->fd,
				   must_heap(_metadata, self->fd,
					     heap_config(MEMMGR_KIND_BUDDY, "t-b")), &b));
	EXPECT_TRUE(a.offset + a.held <= b.offset || b.offset + b.held <= a.offset);
	EXPECT_TRUE(x.offset + x.granted <= a.offset ||
		    a.offset + a.held <= x.offset);
	EXPECT_TRUE(x.offset + x.granted <= b.offset ||
		    b.offset + b.held <= x.offset);
}

MEMMGR_TEST_MAIN
