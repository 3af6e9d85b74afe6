// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * READ and WRITE: every bound, and the state that a bad pointer leaves behind.
 *
 * Rule: <linux/memmgr.h>, struct memmgr_copy.
 */
#include "lib/memmgr_test.h"

MEMMGR_FIXTURE(copy)
MEMMGR_KIND_FIXTURE(copy_kind);

TEST_F(copy_kind, every_byte_comes_back)
{
	unsigned char data[150], seen[150];
	struct memmgr_alloc a;
	size_t offset, bytes;
	__u32 heap;

	if (!kind_is_built(self->fd, variant->kind))
		SKIP(return, "%s is not in this build", kind_names[variant->kind]);
	heap = must_kind(_metadata, self->fd, variant->kind);
	a = must_alloc(_metadata, self->fd, heap, sizeof(data));
	fill_pattern(data, sizeof(data), 3);
	for (offset = 0; offset < sizeof(data); offset += 13)
		for (bytes = 1; offset + bytes <= sizeof(data); bytes += 17) {
			ASSERT_EQ(0, mm_write(self->fd, a.handle, offset,
					      data + offset, bytes));
			memset(seen, 0, sizeof(seen));
			ASSERT_EQ(0, mm_read(self->fd, a.handle, offset, seen, bytes));
			ASSERT_EQ(0, memcmp(seen, data + offset, bytes));
			ASSERT_TRUE(is_zero(seen + bytes, sizeof(seen) - bytes));
		}
}

TEST_F(copy_kind, bounds_are_what_was_asked_for)
{
	static const struct {
		__u64 offset, bytes;
		int error;
	} cases[] = {
		{ 0, 100, 0 }, { 99, 1, 0 }, { 0, 0, EINVAL }, { 100, 0, EINVAL },
		{ 0, 101, ERANGE }, { 100, 1, ERANGE }, { 99, 2, ERANGE },
		{ 101, 1, ERANGE }, { 4096, 1, ERANGE }, { 0, ~0ull, ERANGE },
		{ ~0ull, 1, ERANGE }, { ~0ull, 2, ERANGE }, { 1, ~0ull, ERANGE },
		{ 50, ~0ull - 49, ERANGE }, { ~0ull - 49, 100, ERANGE },
		{ 1ull << 32, 1, ERANGE }, { 0, (1ull << 32) + 1, ERANGE },
		{ 1ull << 63, 1ull << 63, ERANGE },
	};
	struct memmgr_alloc a;
	struct memmgr_copy c;
	unsigned char data[200];
	unsigned int i;
	__u32 heap;

	if (!kind_is_built(self->fd, variant->kind))
		SKIP(return, "%s is not in this build", kind_names[variant->kind]);
	heap = must_kind(_metadata, self->fd, variant->kind);
	a = must_alloc(_metadata, self->fd, heap, 100);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		c = copy_request(a.handle, cases[i].offset, cases[i].bytes, data);
		EXPECT_EQ(-cases[i].error, mm_call(self->fd, MEMMGR_IOC_READ, &c))
			TH_LOG("case %u", i);
		c = copy_request(a.handle, cases[i].offset, cases[i].bytes, data);
		EXPECT_EQ(-cases[i].error, mm_call(self->fd, MEMMGR_IOC_WRITE, &c))
			TH_LOG("case %u", i);
	}
}

/* A refused write must not reach what lies behind the allocation. */
TEST_F(copy_kind, refused_write_changes_nothing)
{
	unsigned char data[300];
	struct memmgr_alloc a, b;
	__u32 heap;

	if (!kind_is_built(self->fd, variant->kind))
		SKIP(return, "%s is not in this build", kind_names[variant->kind]);
	heap = must_kind(_metadata, self->fd, variant->kind);
	a = must_alloc(_metadata, self->fd, heap, 100);
	b = must_alloc(_metadata, self->fd, heap, 100);
	memset(data, 0xff, sizeof(data));
	EXPECT_EQ(-ERANGE, mm_write(self->fd, a.handle, 0, data, 300));
	EXPECT_EQ(-ERANGE, mm_write(self->fd, a.handle, 99, data, 2));
	EXPECT_EQ(0, mm_read(self->fd, a.handle, 0, data, 100));
	EXPECT_TRUE(is_zero(data, 100));
	EXPECT_EQ(0, mm_read(self->fd, b.handle, 0, data, 100));
	EXPECT_TRUE(is_zero(data, 100));
}

TEST_F(copy, many_pages_at_once)
{
	size_t bytes = 300 * 1000;
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, bytes);
	unsigned char *data = malloc(bytes), *seen = malloc(bytes);

	ASSERT_TRUE(data && seen);
	fill_pattern(data, bytes, 9);
	ASSERT_EQ(0, mm_write(self->fd, a.handle, 0, data, bytes));
	ASSERT_EQ(0, mm_read(self->fd, a.handle, 0, seen, bytes));
	EXPECT_EQ(0, memcmp(data, seen, bytes));
	ASSERT_EQ(0, mm_read(self->fd, a.handle, self->page - 3, seen, self->page * 2));
	EXPECT_EQ(0, memcmp(data + self->page - 3, seen, self->page * 2));
	free(data);
	free(seen);
}

TEST_F(copy, read_until_a_hole)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN,
					   3 * self->page);
	unsigned char *edge = page_before_hole(), *data = malloc(3 * self->page);
	struct memmgr_copy c;

	ASSERT_TRUE(edge && data);
	fill_pattern(data, 3 * self->page, 4);
	ASSERT_EQ(0, mm_write(self->fd, a.handle, 0, data, 3 * self->page));
	c = copy_request(a.handle, 0, 3 * self->page, edge);
	EXPECT_EQ(-EFAULT, mm_call(self->fd, MEMMGR_IOC_READ, &c));
	ASSERT_GE(self->page, c.bytes);
	EXPECT_EQ(0, memcmp(edge, data, c.bytes));
	c = copy_request(a.handle, 0, self->page, edge);
	EXPECT_EQ(0, mm_call(self->fd, MEMMGR_IOC_READ, &c));
	EXPECT_EQ(self->page, c.bytes);
	free(data);
}

TEST_F(copy, write_until_a_hole)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN,
					   3 * self->page);
	unsigned char *edge = page_before_hole(), *seen = malloc(3 * self->page);
	unsigned char *old = malloc(3 * self->page);
	struct memmgr_copy c;

	ASSERT_TRUE(edge && seen && old);
	fill_pattern(old, 3 * self->page, 9);
	ASSERT_EQ(0, mm_write(self->fd, a.handle, 0, old, 3 * self->page));
	fill_pattern(edge, self->page, 4);
	c = copy_request(a.handle, 0, 3 * self->page, edge);
	EXPECT_EQ(-EFAULT, mm_call(self->fd, MEMMGR_IOC_WRITE, &c));
	ASSERT_GE(self->page, c.bytes);
	ASSERT_EQ(0, mm_read(self->fd, a.handle, 0, seen, 3 * self->page));
	EXPECT_EQ(0, memcmp(edge, seen, c.bytes));
	/* what could not be copied changes nothing */
	EXPECT_EQ(0, memcmp(old + self->page, seen + self->page, 2 * self->page));
	ASSERT_EQ(0, mm_write(self->fd, a.handle, 0, old, 3 * self->page));
	EXPECT_EQ(-EFAULT, mm_write(self->fd, a.handle, 0, NULL, 100));
	ASSERT_EQ(0, mm_read(self->fd, a.handle, 0, seen, 3 * self->page));
	EXPECT_EQ(0, memcmp(old, seen, 3 * self->page));
	free(seen);
	free(old);
}

TEST_F(copy, pointers_that_lead_nowhere)
{
	static const __u64 pointers[] = {
		0, 8, 0xfffff000ull, 0xffffffffull, 0xc0000000ull, 1ull << 63,
		~0ull,
	};
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 100);
	unsigned char *data = page_before_hole();
	struct memmgr_copy c;
	unsigned int i;

	ASSERT_TRUE(!!data);
	for (i = 0; i < ARRAY_SIZE(pointers); i++) {
		c = copy_request(a.handle, 0, 100, NULL);
		c.ptr = pointers[i];
		EXPECT_EQ(-EFAULT, mm_call(self->fd, MEMMGR_IOC_READ, &c));
		EXPECT_EQ(0, c.bytes);
		c = copy_request(a.handle, 0, 100, NULL);
		c.ptr = pointers[i];
		EXPECT_EQ(-EFAULT, mm_call(self->fd, MEMMGR_IOC_WRITE, &c));
		EXPECT_EQ(0, c.bytes);
	}
	EXPECT_EQ(0, mprotect(data, self->page, PROT_READ));
	EXPECT_EQ(-EFAULT, mm_read(self->fd, a.handle, 0, data, 100));
	EXPECT_EQ(0, mm_write(self->fd, a.handle, 0, data, 100));
	EXPECT_EQ(0, munmap(data, self->page));
	EXPECT_EQ(-EFAULT, mm_write(self->fd, a.handle, 0, data, 100));
}

/* 64 bits travel: on 32-bit systems the upper half must not be cut off. */
TEST_F(copy, pointers_beyond_the_address_space)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 100);
	unsigned char data[100] = { 0 };
	struct memmgr_copy c = copy_request(a.handle, 0, 100, data);

	c.ptr |= 1ull << 62;
	EXPECT_EQ(-EFAULT, mm_call(self->fd, MEMMGR_IOC_READ, &c));
}

TEST_F(copy, unknown_handles_and_flags)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 100);
	unsigned char data[100];
	struct memmgr_copy c = copy_request(a.handle, 0, 100, data);

	EXPECT_EQ(-EBADF, mm_read(self->fd, a.handle + 1, 0, data, 1));
	EXPECT_EQ(-EBADF, mm_write(self->fd, NO_HANDLE, 0, data, 1));
	c.flags = 1;
	EXPECT_EQ(-EINVAL, mm_call(self->fd, MEMMGR_IOC_READ, &c));
	EXPECT_EQ(-EINVAL, mm_call(self->fd, MEMMGR_IOC_WRITE, &c));
}

MEMMGR_TEST_MAIN
