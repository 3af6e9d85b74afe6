// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * MEMMGR_ALLOC_MAY_COMPACT: a request that failed because of fragmentation succeeds in one
 * call. A request that fails for another reason fails as before, and the answer names it.
 *
 * Rule: <linux/memmgr.h>, struct memmgr_alloc.
 */
#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "lib/memmgr_test.h"

MEMMGR_FIXTURE(on_failure)

#define WANTED	64u	/* units of the request */
#define KEPT	64u	/* blocks whose contents are looked at, at both ends */

struct holes {
	__u64 *handles;
	__u32 count;
	size_t unit;
};

static void stamp(struct __test_metadata *_metadata, int fd, struct holes *h, __u32 i)
{
	unsigned char data[64];

	fill_pattern(data, sizeof(data), i);
	ASSERT_EQ(0, mm_write(fd, h->handles[i], 0, data, sizeof(data)));
}

static void expect_stamps(struct __test_metadata *_metadata, int fd, struct holes *h)
{
	unsigned char data[64];
	__u32 i;

	for (i = 0; i < h->count; i++) {
		if (i == KEPT && h->count > 2 * KEPT)
			i = h->count - KEPT;
		ASSERT_EQ(0, mm_read(fd, h->handles[i], 0, data, sizeof(data)));
		EXPECT_TRUE(is_pattern(data, sizeof(data), i));
	}
}

/* Every other unit of a heap is free, all of it holes of one unit. */
static void make_holes(struct __test_metadata *_metadata, int fd, __u32 heap, struct holes *h)
{
	struct memmgr_stats s = must_stats(_metadata, fd, heap);
	__u32 count = MEMMGR_BATCH_MAX, i;
	struct memmgr_heap_query q;
	struct memmgr_resize r;

	ASSERT_EQ(0, mm_heap_query(fd, heap, &q));
	*h = (struct holes){ .unit = q.granule };
	h->handles = calloc(s.total / q.granule + MEMMGR_BATCH_MAX, sizeof(*h->handles));
	ASSERT_TRUE(!!h->handles);
	while (!mm_alloc_batch(fd, heap, 0, 2 * h->unit, &h->handles[h->count], &count)) {
		h->count += count;
		count = MEMMGR_BATCH_MAX;
	}
	ASSERT_LT(2 * WANTED, h->count);
	for (i = 0; i < h->count; i++) {
		ASSERT_EQ(0, mm_resize(fd, h->handles[i], h->unit, &r));
		stamp(_metadata, fd, h, i);
	}
	EXPECT_EQ(h->unit, must_stats(_metadata, fd, heap).largest);
}

static void pin_all(struct __test_metadata *_metadata, int fd, struct holes *h)
{
	__u32 i;

	for (i = 0; i < h->count; i++)
		ASSERT_EQ(0, mm_pin(fd, h->handles[i], 0));
}

/* The result of one request; the reason in *@a. */
static int try_alloc(int fd, __u32 heap, __u64 bytes, __u64 align, __u32 flags,
		     struct memmgr_alloc *a)
{
	*a = alloc_request(heap, bytes);
	a->align = align;
	a->flags = flags;
	return mm_alloc(fd, a);
}

static bool reads_as_zeros(int fd, const struct memmgr_alloc *a)
{
	unsigned char *data = malloc(a->bytes);
	bool zero = data && !mm_read(fd, a->handle, 0, data, a->bytes) && is_zero(data, a->bytes);

	free(data);
	return zero;
}

TEST_F(on_failure, succeeds_in_one_call)
{
	struct memmgr_stats before, after;
	struct memmgr_alloc a;
	struct memmgr_info i;
	struct holes h;
	__u64 bytes;

	make_holes(_metadata, self->fd, MEMMGR_HEAP_MAIN, &h);
	bytes = WANTED * h.unit;
	ASSERT_EQ(-ENOMEM, try_alloc(self->fd, MEMMGR_HEAP_MAIN, bytes, 0, 0, &a));
	EXPECT_EQ(MEMMGR_REASON_FRAGMENTED, a.reason);
	EXPECT_EQ(h.unit, a.largest);
	before = must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN);
	ASSERT_EQ(0, try_alloc(self->fd, MEMMGR_HEAP_MAIN, bytes, 0, MEMMGR_ALLOC_MAY_COMPACT,
			       &a));
	EXPECT_EQ(MEMMGR_HEAP_MAIN, a.from);
	EXPECT_LE(bytes, a.granted);
	EXPECT_TRUE(reads_as_zeros(self->fd, &a));
	ASSERT_EQ(0, mm_info(self->fd, a.handle, &i));
	EXPECT_EQ(MEMMGR_ALLOC_MAY_COMPACT, i.flags & MEMMGR_ALLOC_MAY_COMPACT);
	EXPECT_EQ(a.offset, i.offset);
	after = must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN);
	EXPECT_EQ(before.used + a.granted, after.used);
	EXPECT_EQ(before.live + 1, after.live);
	/* what succeeds in the end is no failure in the books */
	EXPECT_EQ(before.failures[MEMMGR_REASON_FRAGMENTED],
		  after.failures[MEMMGR_REASON_FRAGMENTED]);
	/* again and again, until there is not enough */
	while (!try_alloc(self->fd, MEMMGR_HEAP_MAIN, bytes, 0, MEMMGR_ALLOC_MAY_COMPACT, &a))
		;
	EXPECT_EQ(MEMMGR_REASON_EXHAUSTED, a.reason);
	EXPECT_GT(bytes, must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN).free);
	expect_stamps(_metadata, self->fd, &h);
	free(h.handles);
}

TEST_F(on_failure, all_that_is_free_at_once)
{
	struct memmgr_alloc a;
	struct holes h;
	__u64 bytes;

	make_holes(_metadata, self->fd, MEMMGR_HEAP_MAIN, &h);
	bytes = must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN).free;
	ASSERT_EQ(-ENOMEM, try_alloc(self->fd, MEMMGR_HEAP_MAIN, bytes, 0, 0, &a));
	EXPECT_EQ(MEMMGR_REASON_FRAGMENTED, a.reason);
	ASSERT_EQ(0, try_alloc(self->fd, MEMMGR_HEAP_MAIN, bytes, 0, MEMMGR_ALLOC_MAY_COMPACT,
			       &a));
	EXPECT_EQ(0, must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN).free);
	expect_stamps(_metadata, self->fd, &h);
	free(h.handles);
}

TEST_F(on_failure, exhausted_stays_exhausted)
{
	struct memmgr_info one, two;
	struct memmgr_alloc a;
	struct memmgr_query q;
	struct holes h;
	__u64 bytes;

	ASSERT_EQ(0, mm_query(self->fd, &q));
	make_holes(_metadata, self->fd, MEMMGR_HEAP_MAIN, &h);
	bytes = must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN).free + h.unit;
	ASSERT_EQ(0, mm_info(self->fd, h.handles[0], &one));
	EXPECT_EQ(-ENOMEM, try_alloc(self->fd, MEMMGR_HEAP_MAIN, bytes, 0,
				     MEMMGR_ALLOC_MAY_COMPACT, &a));
	EXPECT_EQ(MEMMGR_REASON_EXHAUSTED, a.reason);
	EXPECT_EQ(-ENOMEM, try_alloc(self->fd, MEMMGR_HEAP_MAIN, q.region_size + 1, 0,
				     MEMMGR_ALLOC_MAY_COMPACT, &a));
	EXPECT_EQ(MEMMGR_REASON_TOO_LARGE, a.reason);
	/* nothing was moved in vain */
	ASSERT_EQ(0, mm_info(self->fd, h.handles[0], &two));
	EXPECT_EQ(one.moves, two.moves);
	EXPECT_EQ(h.unit, must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN).largest);
	free(h.handles);
}

TEST_F(on_failure, pinned_is_said)
{
	struct memmgr_stats before, after;
	struct memmgr_alloc a;
	struct holes h;

	make_holes(_metadata, self->fd, MEMMGR_HEAP_MAIN, &h);
	pin_all(_metadata, self->fd, &h);
	before = must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN);
	EXPECT_EQ(-ENOMEM, try_alloc(self->fd, MEMMGR_HEAP_MAIN, 2 * h.unit, 0, 0, &a));
	EXPECT_EQ(MEMMGR_REASON_FRAGMENTED, a.reason);
	EXPECT_EQ(-ENOMEM, try_alloc(self->fd, MEMMGR_HEAP_MAIN, 2 * h.unit, 0,
				     MEMMGR_ALLOC_MAY_COMPACT, &a));
	EXPECT_EQ(MEMMGR_REASON_PINNED, a.reason);
	EXPECT_EQ(h.unit, a.largest);
	after = must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN);
	EXPECT_EQ(before.failures[MEMMGR_REASON_PINNED] + 1, after.failures[MEMMGR_REASON_PINNED]);
	ASSERT_EQ(0, mm_unpin(self->fd, h.handles[0], 0));
	ASSERT_EQ(0, mm_unpin(self->fd, h.handles[1], 0));
	EXPECT_EQ(0, try_alloc(self->fd, MEMMGR_HEAP_MAIN, 2 * h.unit, 0,
			       MEMMGR_ALLOC_MAY_COMPACT, &a));
	expect_stamps(_metadata, self->fd, &h);
	free(h.handles);
}

/* The first page of every @align bytes is taken, the rest is free. */
static void take_starts(struct __test_metadata *_metadata, int fd, size_t align, __u64 wanted)
{
	static __u64 handles[MEMMGR_BATCH_MAX];
	struct memmgr_alloc a;
	struct memmgr_resize r;
	__u32 count = 0, i;

	while (count < MEMMGR_BATCH_MAX &&
	       !try_alloc(fd, MEMMGR_HEAP_MAIN, align, wanted, 0, &a)) {
		ASSERT_EQ(0, a.offset % align);
		handles[count++] = a.handle;
	}
	ASSERT_LT(16, count);
	for (i = 0; i < count; i++)
		ASSERT_EQ(0, mm_resize(fd, handles[i], page_size(), &r));
}

/* What has to be aligned itself can lie nowhere else, so nothing can give way. */
TEST_F(on_failure, others_keep_their_alignment)
{
	size_t align = 16 * self->page;
	struct memmgr_alloc a;

	take_starts(_metadata, self->fd, align, align);
	EXPECT_EQ(-ENOMEM, try_alloc(self->fd, MEMMGR_HEAP_MAIN, self->page, align,
				     MEMMGR_ALLOC_MAY_COMPACT, &a));
	EXPECT_NE(MEMMGR_REASON_EXHAUSTED, a.reason);
	EXPECT_NE(MEMMGR_REASON_NONE, a.reason);
	EXPECT_EQ(0, mm_check(self->fd, MEMMGR_HEAP_MAIN));
}

/* A run that is long enough, but begins at the wrong place everywhere. */
TEST_F(on_failure, alignment)
{
	size_t align = 16 * self->page;
	struct memmgr_alloc a;
	struct memmgr_info i;

	take_starts(_metadata, self->fd, align, 0);
	ASSERT_EQ(-ENOMEM, try_alloc(self->fd, MEMMGR_HEAP_MAIN, 8 * self->page, align, 0, &a));
	EXPECT_EQ(MEMMGR_REASON_ALIGNMENT, a.reason);
	ASSERT_EQ(0, try_alloc(self->fd, MEMMGR_HEAP_MAIN, 8 * self->page, align,
			       MEMMGR_ALLOC_MAY_COMPACT, &a)) {
		TH_LOG("reason %u, largest %llu", a.reason, (unsigned long long)a.largest);
	}
	EXPECT_EQ(0, a.offset % align);
	ASSERT_EQ(0, try_alloc(self->fd, MEMMGR_HEAP_MAIN, 64 * self->page, 4 * align,
			       MEMMGR_ALLOC_MAY_COMPACT, &a));
	EXPECT_EQ(0, a.offset % (4 * align));
	ASSERT_EQ(0, mm_info(self->fd, a.handle, &i));
	EXPECT_EQ(a.offset, i.offset);
}

TEST_F(on_failure, mappings_live_through_it)
{
	struct memmgr_alloc a;
	unsigned char *p[16];
	struct memmgr_info i;
	__u64 moves = 0;
	struct holes h;
	__u32 n;

	make_holes(_metadata, self->fd, MEMMGR_HEAP_MAIN, &h);
	for (n = 0; n < ARRAY_SIZE(p); n++) {
		ASSERT_EQ(0, mm_info(self->fd, h.handles[n], &i));
		p[n] = must_map(_metadata, self->fd, i.map_offset, h.unit);
		fill_pattern(p[n], h.unit, n);
	}
	ASSERT_EQ(0, try_alloc(self->fd, MEMMGR_HEAP_MAIN,
			       must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN).free, 0,
			       MEMMGR_ALLOC_MAY_COMPACT, &a));
	for (n = 0; n < ARRAY_SIZE(p); n++) {
		EXPECT_TRUE(is_pattern(p[n], h.unit, n));
		fill_pattern(p[n], h.unit, n + 1);
		ASSERT_EQ(0, mm_info(self->fd, h.handles[n], &i));
		moves += i.moves;
	}
	EXPECT_TRUE(reads_as_zeros(self->fd, &a));
	/* at one of the two ends of the region everything moved */
	for (n = h.count - ARRAY_SIZE(p); n < h.count; n++) {
		ASSERT_EQ(0, mm_info(self->fd, h.handles[n], &i));
		moves += i.moves;
	}
	EXPECT_LT(0, moves);
	free(h.handles);
}

TEST_F(on_failure, guard_and_persistent)
{
	struct memmgr_alloc a;
	struct holes h;

	make_holes(_metadata, self->fd, MEMMGR_HEAP_MAIN, &h);
	EXPECT_EQ(0, try_alloc(self->fd, MEMMGR_HEAP_MAIN, 5 * h.unit, 0,
			       MEMMGR_ALLOC_MAY_COMPACT | MEMMGR_ALLOC_GUARD, &a));
	ASSERT_EQ(0, try_alloc(self->fd, MEMMGR_HEAP_MAIN, 5 * h.unit, 0,
			       MEMMGR_ALLOC_MAY_COMPACT | MEMMGR_ALLOC_PERSISTENT, &a));
	EXPECT_EQ(0, mm_free(self->fd, a.handle));
	free(h.handles);
}

TEST_F(on_failure, batch)
{
	__u64 handles[8];
	struct holes h;
	__u32 count = ARRAY_SIZE(handles), i;

	make_holes(_metadata, self->fd, MEMMGR_HEAP_MAIN, &h);
	EXPECT_EQ(-ENOMEM, mm_alloc_batch(self->fd, MEMMGR_HEAP_MAIN, 0, WANTED * h.unit,
					  handles, &count));
	EXPECT_EQ(0, count);
	count = ARRAY_SIZE(handles);
	ASSERT_EQ(0, mm_alloc_batch(self->fd, MEMMGR_HEAP_MAIN, MEMMGR_ALLOC_MAY_COMPACT,
				    WANTED * h.unit, handles, &count));
	EXPECT_EQ(ARRAY_SIZE(handles), count);
	for (i = 0; i < count; i++)
		EXPECT_EQ(0, mm_free(self->fd, handles[i]));
	expect_stamps(_metadata, self->fd, &h);
	free(h.handles);
}

/* A slab heap that cannot grow, for main has no run for a slab. */
TEST_F(on_failure, slab_heap_grows)
{
	struct memmgr_heap_create config = heap_config(MEMMGR_KIND_SLAB, "t-grow");
	struct memmgr_alloc a;
	struct holes h;
	__u32 i;

	if (!kind_is_built(self->fd, MEMMGR_KIND_SLAB))
		SKIP(return, "%s is not in this build", kind_names[MEMMGR_KIND_SLAB]);
	config.flags = 0;
	/* its slabs are many pages */
	config.object_size = 8 * self->page;
	ASSERT_EQ(0, mm_heap_create(self->fd, &config));
	make_holes(_metadata, self->fd, MEMMGR_HEAP_MAIN, &h);
	EXPECT_EQ(-ENOMEM, try_alloc(self->fd, config.heap, config.object_size, 0, 0, &a));
	EXPECT_EQ(MEMMGR_REASON_PARENT, a.reason);
	ASSERT_EQ(0, try_alloc(self->fd, config.heap, config.object_size, 0,
			       MEMMGR_ALLOC_MAY_COMPACT, &a));
	EXPECT_EQ(config.heap, a.from);
	EXPECT_TRUE(reads_as_zeros(self->fd, &a));
	expect_stamps(_metadata, self->fd, &h);
	EXPECT_EQ(0, mm_check(self->fd, config.heap));
	for (i = 0; i < h.count; i++)
		ASSERT_EQ(0, mm_free(self->fd, h.handles[i]));
	EXPECT_EQ(0, mm_free(self->fd, a.handle));
	EXPECT_EQ(0, mm_heap_destroy(self->fd, config.heap, 0));
	free(h.handles);
}

TEST_F(on_failure, shared_heap_of_small_units)
{
	struct memmgr_heap_create config = heap_config(MEMMGR_KIND_BUDDY, "t-small");
	struct memmgr_alloc a;
	struct holes h;

	config.flags = 0;
	config.granule = 64;
	config.bytes = 64 * KIB;
	ASSERT_EQ(0, mm_heap_create(self->fd, &config));
	make_holes(_metadata, self->fd, config.heap, &h);
	EXPECT_EQ(-ENOMEM, try_alloc(self->fd, config.heap, WANTED * 64, 0, 0, &a));
	EXPECT_EQ(MEMMGR_REASON_FRAGMENTED, a.reason);
	EXPECT_EQ(0, try_alloc(self->fd, config.heap, WANTED * 64, 0, MEMMGR_ALLOC_MAY_COMPACT,
			       &a));
	EXPECT_EQ(config.heap, a.from);
	EXPECT_TRUE(reads_as_zeros(self->fd, &a));
	expect_stamps(_metadata, self->fd, &h);
	EXPECT_EQ(0, mm_check(self->fd, config.heap));
	EXPECT_EQ(0, mm_heap_destroy(self->fd, config.heap, MEMMGR_DESTROY_FORCE));
	free(h.handles);
}

/* A private heap may be mapped whole: nothing in it moves. */
TEST_F(on_failure, private_heap_stays)
{
	struct memmgr_heap_create config = heap_config(MEMMGR_KIND_BUDDY, "t-private");
	struct memmgr_info one, two;
	struct memmgr_alloc a;
	struct holes h;

	config.granule = 64;
	config.bytes = 64 * KIB;
	ASSERT_EQ(0, mm_heap_create(self->fd, &config));
	make_holes(_metadata, self->fd, config.heap, &h);
	ASSERT_EQ(0, mm_info(self->fd, h.handles[1], &one));
	EXPECT_EQ(0, one.state & MEMMGR_INFO_MOVABLE);
	EXPECT_EQ(-ENOMEM, try_alloc(self->fd, config.heap, WANTED * 64, 0,
				     MEMMGR_ALLOC_MAY_COMPACT, &a));
	EXPECT_EQ(MEMMGR_REASON_FRAGMENTED, a.reason);
	ASSERT_EQ(0, mm_info(self->fd, h.handles[1], &two));
	EXPECT_EQ(one.offset, two.offset);
	EXPECT_EQ(0, two.moves);
	free(h.handles);
}

/* Everybody may ask for it; the exit code tells what went wrong. */
static int as_nobody(int node, __u64 bytes)
{
	struct memmgr_alloc a;
	int fd;

	fd = open_as_nobody(node);
	if (fd < 0)
		return 2;
	if (try_alloc(fd, MEMMGR_HEAP_MAIN, bytes, 0, 0, &a) != -ENOMEM)
		return 3;
	if (a.reason != MEMMGR_REASON_FRAGMENTED)
		return 4;
	if (try_alloc(fd, MEMMGR_HEAP_MAIN, bytes, 0, MEMMGR_ALLOC_MAY_COMPACT, &a))
		return 5;
	return reads_as_zeros(fd, &a) ? 0 : 6;
}

TEST_F(on_failure, unprivileged)
{
	int node = open_public_node();
	struct holes h;
	pid_t child;

	ASSERT_LE(0, node);
	make_holes(_metadata, self->fd, MEMMGR_HEAP_MAIN, &h);
	child = fork();
	if (!child)
		_exit(as_nobody(node, WANTED * h.unit));
	EXPECT_EQ(0, child_result(child));
	close(node);
	expect_stamps(_metadata, self->fd, &h);
	free(h.handles);
}

/* A quota refuses first, and nothing moves for a request that it refuses. */
TEST_F(on_failure, quota_comes_first)
{
	int other = open_device(O_RDWR);
	struct memmgr_info one, two;
	struct memmgr_alloc a;
	struct holes h;

	ASSERT_LE(0, other);
	make_holes(_metadata, self->fd, MEMMGR_HEAP_MAIN, &h);
	ASSERT_EQ(0, mm_set_quota(self->fd, MEMMGR_QUOTA_USER, getuid(), self->page, 0));
	ASSERT_EQ(0, mm_info(self->fd, h.handles[0], &one));
	EXPECT_EQ(-EDQUOT, try_alloc(other, MEMMGR_HEAP_MAIN, WANTED * h.unit, 0,
				     MEMMGR_ALLOC_MAY_COMPACT, &a));
	EXPECT_EQ(MEMMGR_REASON_QUOTA, a.reason);
	EXPECT_EQ(0, mm_set_quota(self->fd, MEMMGR_QUOTA_USER | MEMMGR_QUOTA_DEFAULT, getuid(), 0,
				  0));
	ASSERT_EQ(0, mm_info(self->fd, h.handles[0], &two));
	EXPECT_EQ(one.moves, two.moves);
	EXPECT_EQ(h.unit, must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN).largest);
	close(other);
	free(h.handles);
}

/* Pools and stacks take the flag, and fail as ever. */
TEST_F(on_failure, kinds_without_compaction)
{
	struct memmgr_alloc a;
	__u32 kind, heap, n;

	for (kind = MEMMGR_KIND_POOL; kind <= MEMMGR_KIND_STACK; kind++) {
		if (!kind_is_built(self->fd, kind))
			continue;
		heap = must_kind(_metadata, self->fd, kind);
		for (n = 0; n < 2000; n++)
			if (try_alloc(self->fd, heap, 64, 0, MEMMGR_ALLOC_MAY_COMPACT, &a))
				break;
		EXPECT_GT(2000, n);
		EXPECT_LT(8, n);
		EXPECT_NE(MEMMGR_REASON_NONE, a.reason);
		EXPECT_NE(MEMMGR_REASON_PINNED, a.reason);
	}
}

MEMMGR_TEST_MAIN
