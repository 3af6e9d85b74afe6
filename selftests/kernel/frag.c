// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Fragmentation: both indices are computed again from the free blocks of each order by
 * the formulas of the kernel (mm/vmstat.c), and the plain figures are compared with the
 * books.
 *
 * Rule: <linux/memmgr.h>, struct memmgr_frag, and memmgr(7), FRAGMENTATION, "The indices".
 */
#include "lib/memmgr_test.h"

MEMMGR_FIXTURE(frag)
MEMMGR_KIND_FIXTURE(frag_kind);

struct sums {
	__u64 units;	/* free, in units of order 0 */
	__u64 blocks;	/* free blocks of all orders */
};

static struct sums sums_of(const struct memmgr_frag *f)
{
	struct sums s = { 0 };
	__u32 o;

	for (o = 0; o < f->orders; o++) {
		s.units += f->blocks[o] << o;
		s.blocks += f->blocks[o];
	}
	return s;
}

/* Free blocks of order @o that all larger blocks amount to. */
static __u64 suitable(const struct memmgr_frag *f, __u32 o)
{
	__u64 sum = 0;
	__u32 k;

	for (k = o; k < f->orders; k++)
		sum += f->blocks[k] << (k - o);
	return sum;
}

static __s64 unusable_index(const struct memmgr_frag *f, __u32 o)
{
	struct sums s = sums_of(f);

	if (!s.units)
		return 0;
	return (s.units - (suitable(f, o) << o)) * 1000 / s.units;
}

static __s64 fragmentation_index(const struct memmgr_frag *f, __u32 o)
{
	struct sums s = sums_of(f);

	if (!s.blocks)
		return 0;
	if (suitable(f, o))
		return -1000;
	return 1000 - (__s64)((1000 + s.units * 1000 / (1ull << o)) / s.blocks);
}

static void expect_indices(struct __test_metadata *_metadata,
			   const struct memmgr_frag *f)
{
	struct sums s = sums_of(f);
	__u32 o;

	ASSERT_GE(MEMMGR_ORDERS, f->orders);
	ASSERT_LT(0, f->orders);
	EXPECT_EQ(f->free_blocks, s.blocks);
	EXPECT_EQ(f->free, s.units * f->unit);
	for (o = 0; o < f->orders; o++) {
		EXPECT_EQ(unusable_index(f, o), f->unusable[o])
			TH_LOG("unusable, order %u", o);
		EXPECT_EQ(fragmentation_index(f, o), f->index[o])
			TH_LOG("index, order %u", o);
	}
	for (; o < MEMMGR_ORDERS; o++) {
		EXPECT_EQ(0, f->blocks[o]);
		EXPECT_EQ(0, f->unusable[o]);
		EXPECT_EQ(0, f->index[o]);
	}
}

static bool one_size(int fd, __u32 heap)
{
	struct memmgr_heap_query q;

	return !mm_heap_query(fd, heap, &q) && q.object_size;
}

static void expect_books(struct __test_metadata *_metadata, int fd, __u32 heap,
			 const struct memmgr_frag *f)
{
	struct memmgr_stats s = must_stats(_metadata, fd, heap);
	__u64 external = s.free && !one_size(fd, heap) ?
			 1000 - s.largest * 1000 / s.free : 0;
	__u64 internal = s.used ? (s.used - s.requested) * 1000 / s.used : 0;

	EXPECT_EQ(s.free, f->free);
	EXPECT_EQ(s.largest, f->largest);
	EXPECT_GE(1, (__s64)(external - f->external));
	EXPECT_LE(-1, (__s64)(external - f->external));
	EXPECT_GE(1, (__s64)(internal - f->internal));
	EXPECT_LE(-1, (__s64)(internal - f->internal));
}

static void expect_frag(struct __test_metadata *_metadata, int fd, __u32 heap)
{
	struct memmgr_frag f;

	ASSERT_EQ(0, mm_frag(fd, heap, &f));
	EXPECT_EQ(heap, f.heap);
	expect_indices(_metadata, &f);
	expect_books(_metadata, fd, heap, &f);
}

TEST_F(frag, main_as_it_is)
{
	struct memmgr_frag f;

	expect_frag(_metadata, self->fd, MEMMGR_HEAP_MAIN);
	ASSERT_EQ(0, mm_frag(self->fd, MEMMGR_HEAP_MAIN, &f));
	EXPECT_EQ(self->page, f.unit);
}

TEST_F(frag_kind, indices_equal_the_formulas)
{
	struct memmgr_alloc blocks[64];
	__u32 heap;
	int i;

	if (!kind_is_built(self->fd, variant->kind))
		SKIP(return, "%s is not in this build", kind_names[variant->kind]);
	heap = must_kind(_metadata, self->fd, variant->kind);
	expect_frag(_metadata, self->fd, heap);
	for (i = 0; i < 64; i++) {
		blocks[i] = must_alloc(_metadata, self->fd, heap, 1 + i * 2);
		if (i % 8 == 0)
			expect_frag(_metadata, self->fd, heap);
	}
	expect_frag(_metadata, self->fd, heap);
	while (i--)
		if (variant->kind == MEMMGR_KIND_STACK || i % 2)
			ASSERT_EQ(0, mm_free(self->fd, blocks[i].handle));
	expect_frag(_metadata, self->fd, heap);
}

/* 16 pages, every second one free: the picture that everybody knows. */
TEST_F(frag, checkerboard)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_BUDDY, "t-checkers");
	struct memmgr_alloc blocks[16];
	struct memmgr_frag f;
	int i;

	c.bytes = 16 * self->page;
	c.granule = self->page;
	ASSERT_EQ(0, mm_heap_create(self->fd, &c));
	for (i = 0; i < 16; i++)
		blocks[i] = must_alloc(_metadata, self->fd, c.heap, self->page);
	sort_by_offset(blocks, 16);
	for (i = 0; i < 16; i += 2)
		ASSERT_EQ(0, mm_free(self->fd, blocks[i].handle));
	ASSERT_EQ(0, mm_frag(self->fd, c.heap, &f));
	expect_frag(_metadata, self->fd, c.heap);
	EXPECT_EQ(self->page, f.unit);
	EXPECT_EQ(8 * self->page, f.free);
	EXPECT_EQ(8, f.free_blocks);
	EXPECT_EQ(8, f.blocks[0]);
	EXPECT_EQ(self->page, f.largest);
	EXPECT_EQ(875, f.external);
	EXPECT_EQ(0, f.internal);
	EXPECT_EQ(0, f.unusable[0]);
	EXPECT_EQ(-1000, f.index[0]);
	EXPECT_EQ(1000, f.unusable[1]);
	EXPECT_EQ(1000 - (1000 + 8 * 1000 / 2) / 8, f.index[1]);
	EXPECT_EQ(1000, f.unusable[3]);
	EXPECT_EQ(1000 - (1000 + 8 * 1000 / 8) / 8, f.index[3]);
}

TEST_F(frag, full_heap_says_zero)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_BUDDY, "t-full");
	struct memmgr_frag f;
	__u32 o;

	c.bytes = 16 * self->page;
	c.granule = self->page;
	ASSERT_EQ(0, mm_heap_create(self->fd, &c));
	must_alloc(_metadata, self->fd, c.heap, 16 * self->page - 100);
	ASSERT_EQ(0, mm_frag(self->fd, c.heap, &f));
	EXPECT_EQ(0, f.free);
	EXPECT_EQ(0, f.largest);
	EXPECT_EQ(0, f.free_blocks);
	EXPECT_EQ(0, f.external);
	EXPECT_EQ(100 * 1000 / (16 * self->page), f.internal);
	for (o = 0; o < f.orders; o++) {
		EXPECT_EQ(0, f.unusable[o]);
		EXPECT_EQ(0, f.index[o]);
	}
}

/* An arena that is no power of two: 13 pages are 8 + 4 + 1. */
TEST_F(frag, odd_arena)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_BUDDY, "t-odd");
	struct memmgr_frag f;

	c.bytes = 13 * self->page;
	c.granule = self->page;
	ASSERT_EQ(0, mm_heap_create(self->fd, &c));
	ASSERT_EQ(0, mm_frag(self->fd, c.heap, &f));
	expect_frag(_metadata, self->fd, c.heap);
	EXPECT_EQ(13 * self->page, f.free);
	EXPECT_EQ(3, f.free_blocks);
	EXPECT_EQ(1, f.blocks[0]);
	EXPECT_EQ(1, f.blocks[2]);
	EXPECT_EQ(1, f.blocks[3]);
	must_alloc(_metadata, self->fd, c.heap, 5 * self->page);
	expect_frag(_metadata, self->fd, c.heap);
}

MEMMGR_TEST_MAIN
