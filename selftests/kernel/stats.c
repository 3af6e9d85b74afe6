// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The books of a heap, followed step by step beside a model of them.
 *
 * Rule: <linux/memmgr.h>, struct memmgr_stats.
 */
#include "lib/memmgr_test.h"

MEMMGR_FIXTURE(stats)
MEMMGR_KIND_FIXTURE(stats_kind);

/* What the books of an undisturbed heap must say. */
struct model {
	__u32 live;
	__u64 used, peak, requested, allocs, frees;
	__u64 classes[MEMMGR_CLASSES];
};

static unsigned int size_class(__u64 bytes)
{
	unsigned int c = 0;

	while ((1ull << c) < bytes)
		c++;
	return c;
}

static void model_alloc(struct model *m, __u64 bytes, __u64 granted)
{
	m->live++;
	m->allocs++;
	m->used += granted;
	m->requested += bytes;
	m->classes[size_class(bytes)]++;
	if (m->peak < m->used)
		m->peak = m->used;
}

static void model_free(struct model *m, __u64 bytes, __u64 granted)
{
	m->live--;
	m->frees++;
	m->used -= granted;
	m->requested -= bytes;
}

static void expect_model(struct __test_metadata *_metadata, int fd, __u32 heap,
			 const struct model *m)
{
	struct memmgr_stats s = must_stats(_metadata, fd, heap);

	EXPECT_EQ(m->live, s.live);
	EXPECT_EQ(m->live, s.records);
	EXPECT_EQ(m->used, s.used);
	EXPECT_EQ(m->peak, s.peak);
	EXPECT_EQ(m->requested, s.requested);
	EXPECT_EQ(m->allocs, s.allocs);
	EXPECT_EQ(m->frees, s.frees);
	EXPECT_EQ(s.total, s.used + s.free);
	EXPECT_EQ(0, memcmp(m->classes, s.classes, sizeof(m->classes)));
	EXPECT_EQ(heap, s.heap);
	EXPECT_EQ(0, s.flags);
}

TEST_F(stats_kind, follow_the_model)
{
	struct memmgr_alloc blocks[48];
	struct model m = { 0 };
	__u32 heap;
	int i, round;

	if (!kind_is_built(self->fd, variant->kind))
		SKIP(return, "%s is not in this build", kind_names[variant->kind]);
	heap = must_kind(_metadata, self->fd, variant->kind);
	expect_model(_metadata, self->fd, heap, &m);
	for (round = 0; round < 3; round++) {
		for (i = 0; i < 48 - round * 9; i++) {
			blocks[i] = must_alloc(_metadata, self->fd, heap, 1 + i * 4);
			model_alloc(&m, 1 + i * 4, blocks[i].granted);
		}
		expect_model(_metadata, self->fd, heap, &m);
		while (i--) {
			ASSERT_EQ(0, mm_free(self->fd, blocks[i].handle));
			model_free(&m, 1 + i * 4, blocks[i].granted);
		}
		expect_model(_metadata, self->fd, heap, &m);
	}
}

TEST_F(stats, size_classes_at_their_borders)
{
	static const __u64 sizes[] = {
		1, 2, 3, 4, 5, 8, 9, 16, 17, 4096, 4097, 65536, 65537,
	};
	struct memmgr_stats before, after;
	unsigned int i, c;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		before = must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN);
		must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, sizes[i]);
		after = must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN);
		for (c = 0; c < MEMMGR_CLASSES; c++)
			EXPECT_EQ(before.classes[c] + (c == size_class(sizes[i])),
				  after.classes[c]);
	}
}

TEST_F(stats, failed_requests_are_counted_by_reason)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_BUDDY, "t-failing");
	struct memmgr_stats s;
	struct memmgr_alloc a;
	int i;

	c.bytes = 4 * self->page;
	c.granule = self->page;
	ASSERT_EQ(0, mm_heap_create(self->fd, &c));
	must_alloc(_metadata, self->fd, c.heap, 4 * self->page);
	for (i = 0; i < 3; i++) {
		a = alloc_request(c.heap, 1);
		EXPECT_EQ(-ENOMEM, mm_alloc(self->fd, &a));
	}
	for (i = 0; i < 2; i++) {
		a = alloc_request(c.heap, 5 * self->page);
		EXPECT_EQ(-ENOMEM, mm_alloc(self->fd, &a));
	}
	a = alloc_request(c.heap, 0);
	EXPECT_EQ(-EINVAL, mm_alloc(self->fd, &a));
	s = must_stats(_metadata, self->fd, c.heap);
	EXPECT_EQ(3, s.failures[MEMMGR_REASON_EXHAUSTED]);
	EXPECT_EQ(2, s.failures[MEMMGR_REASON_TOO_LARGE]);
	EXPECT_EQ(0, s.failures[MEMMGR_REASON_NONE]);
	EXPECT_EQ(1, s.allocs);
}

TEST_F(stats, peak_stays)
{
	__u32 heap = must_kind(_metadata, self->fd, MEMMGR_KIND_BUDDY);
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, heap, 64 * KIB);

	ASSERT_EQ(0, mm_free(self->fd, a.handle));
	must_alloc(_metadata, self->fd, heap, KIB);
	EXPECT_EQ(64 * KIB, must_stats(_metadata, self->fd, heap).peak);
	EXPECT_EQ(KIB, must_stats(_metadata, self->fd, heap).used);
}

/* The figures are counters, reading them changes nothing. */
TEST_F(stats, reading_changes_nothing)
{
	struct snapshot a, b;

	ASSERT_EQ(0, snapshot_take(self->fd, &a));
	ASSERT_EQ(0, snapshot_take(self->fd, &b));
	EXPECT_TRUE(snapshot_equal(&a, &b));
}

/* One request gets @largest, and it is not far from what a refusal names. */
TEST_F(stats_kind, largest_is_true)
{
	struct memmgr_alloc a;
	__u64 largest;
	__u32 heap;
	int i;

	if (!kind_is_built(self->fd, variant->kind))
		SKIP(return, "%s is not in this build", kind_names[variant->kind]);
	heap = must_kind(_metadata, self->fd, variant->kind);
	for (i = 0; i < 5; i++) {
		largest = must_stats(_metadata, self->fd, heap).largest;
		ASSERT_LT(0, largest);
		a = alloc_request(heap, 1ull << 40);
		EXPECT_EQ(-ENOMEM, mm_alloc(self->fd, &a));
		EXPECT_LE(largest, a.largest);
		EXPECT_GE(4 * largest, a.largest);
		a = must_alloc(_metadata, self->fd, heap, largest);
		ASSERT_EQ(0, mm_free(self->fd, a.handle));
		must_alloc(_metadata, self->fd, heap, 100 + i);
	}
}

TEST_F(stats, main_counts_the_memory_of_other_heaps)
{
	struct memmgr_stats before, after;
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_BUDDY, "t-child");

	c.bytes = 5 * self->page;
	before = must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN);
	ASSERT_EQ(0, mm_heap_create(self->fd, &c));
	after = must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN);
	EXPECT_EQ(before.used + 5 * self->page, after.used);
	EXPECT_EQ(before.kernel_live + 1, after.kernel_live);
	EXPECT_EQ(before.records, after.records);
}

MEMMGR_TEST_MAIN
