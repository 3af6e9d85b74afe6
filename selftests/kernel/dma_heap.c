// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * /dev/dma_heap/<region> follows the rules of the kernel's own dma-buf heaps to the letter.
 *
 * Rule: drivers/dma-buf/dma-heap.c of the kernel, and memmgr(7), SHARING, "dma-bufs".
 */
#include <linux/dma-heap.h>

#include "lib/memmgr_test.h"

FIXTURE(dma_heap)
{
	int fd;
	int heap;
	size_t page;
	struct snapshot before;
};

static int open_heap(int fd, int mode)
{
	struct memmgr_query q;
	char path[sizeof("/dev/dma_heap/") + MEMMGR_NAME_LEN];
	int heap;

	if (mm_query(fd, &q))
		return -EIO;
	snprintf(path, sizeof(path), "/dev/dma_heap/%.31s", q.name);
	heap = open(path, mode | O_CLOEXEC);
	return heap < 0 ? -errno : heap;
}

FIXTURE_SETUP(dma_heap)
{
	self->page = page_size();
	self->fd = open_device(O_RDWR);
	ASSERT_LE(0, self->fd);
	self->heap = open_heap(self->fd, O_RDWR);
	ASSERT_LE(0, self->heap);
	ASSERT_EQ(0, snapshot_take(self->fd, &self->before));
}

FIXTURE_TEARDOWN(dma_heap)
{
	close(self->heap);
	EXPECT_TRUE(state_returns(self->fd, &self->before));
	close(self->fd);
}

static struct dma_heap_allocation_data request(__u64 len)
{
	return (struct dma_heap_allocation_data){ .len = len, .fd_flags = O_RDWR | O_CLOEXEC };
}

static int heap_alloc(int heap, struct dma_heap_allocation_data *d)
{
	return mm_call(heap, DMA_HEAP_IOCTL_ALLOC, d);
}

TEST_F(dma_heap, allocates_zeroed_pages)
{
	struct dma_heap_allocation_data d;
	unsigned char *p;
	int round;

	for (round = 0; round < 4; round++) {
		d = request(3 * self->page);
		ASSERT_EQ(0, heap_alloc(self->heap, &d));
		ASSERT_EQ(3 * self->page, (size_t)lseek(d.fd, 0, SEEK_END));
		p = mmap(NULL, 3 * self->page, PROT_READ | PROT_WRITE, MAP_SHARED, d.fd, 0);
		ASSERT_TRUE(p != MAP_FAILED);
		EXPECT_TRUE(is_zero(p, 3 * self->page));
		memset(p, 0xa5, 3 * self->page);
		munmap(p, 3 * self->page);
		close(d.fd);
	}
}

TEST_F(dma_heap, length_is_rounded_up_to_pages)
{
	struct dma_heap_allocation_data d = request(1);

	ASSERT_EQ(0, heap_alloc(self->heap, &d));
	EXPECT_EQ(1, d.len);
	EXPECT_EQ(self->page, (size_t)lseek(d.fd, 0, SEEK_END));
	close(d.fd);
	d = request(self->page + 1);
	ASSERT_EQ(0, heap_alloc(self->heap, &d));
	EXPECT_EQ(2 * self->page, (size_t)lseek(d.fd, 0, SEEK_END));
	close(d.fd);
}

TEST_F(dma_heap, length_zero)
{
	struct dma_heap_allocation_data d = request(0);

	EXPECT_EQ(-EINVAL, heap_alloc(self->heap, &d));
}

TEST_F(dma_heap, more_than_there_is)
{
	static const __u64 lengths[] = { 1ull << 31, 3ull << 30, 0xfffff000ull };
	struct dma_heap_allocation_data d;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		d = request(lengths[i]);
		EXPECT_EQ(-ENOMEM, heap_alloc(self->heap, &d));
		EXPECT_EQ(0, d.fd);
	}
}

TEST_F(dma_heap, fd_must_be_zero)
{
	struct dma_heap_allocation_data d = request(self->page);

	d.fd = 1;
	EXPECT_EQ(-EINVAL, heap_alloc(self->heap, &d));
}

TEST_F(dma_heap, no_heap_flags)
{
	struct dma_heap_allocation_data d;
	int bit;

	for (bit = 0; bit < 64; bit++) {
		d = request(self->page);
		d.heap_flags = 1ull << bit;
		EXPECT_EQ(-EINVAL, heap_alloc(self->heap, &d));
	}
}

TEST_F(dma_heap, fd_flags_beyond_access_and_cloexec)
{
	struct dma_heap_allocation_data d;
	__u32 bit;

	for (bit = 0; bit < 32; bit++) {
		if ((O_CLOEXEC | O_ACCMODE) & (1u << bit))
			continue;
		d = request(self->page);
		d.fd_flags |= 1u << bit;
		EXPECT_EQ(-EINVAL, heap_alloc(self->heap, &d));
	}
}

TEST_F(dma_heap, fd_flags_are_those_of_the_file)
{
	static const int access[] = { O_RDONLY, O_WRONLY, O_RDWR };
	struct dma_heap_allocation_data d;
	unsigned int i;

	for (i = 0; i < 2 * ARRAY_SIZE(access); i++) {
		d = request(self->page);
		d.fd_flags = access[i / 2] | (i % 2 ? O_CLOEXEC : 0);
		ASSERT_EQ(0, heap_alloc(self->heap, &d));
		EXPECT_EQ(access[i / 2], fcntl(d.fd, F_GETFL) & O_ACCMODE);
		EXPECT_EQ(i % 2 ? FD_CLOEXEC : 0, fcntl(d.fd, F_GETFD));
		close(d.fd);
	}
}

/* What a file may do holds for its mappings. */
TEST_F(dma_heap, read_only_file_is_not_mapped_for_writing)
{
	struct dma_heap_allocation_data d = request(self->page);
	unsigned char *p;

	d.fd_flags = O_RDONLY;
	ASSERT_EQ(0, heap_alloc(self->heap, &d));
	EXPECT_TRUE(mmap(NULL, self->page, PROT_READ | PROT_WRITE, MAP_SHARED, d.fd,
			 0) == MAP_FAILED);
	EXPECT_EQ(EACCES, errno);
	p = mmap(NULL, self->page, PROT_READ, MAP_SHARED, d.fd, 0);
	ASSERT_TRUE(p != MAP_FAILED);
	EXPECT_EQ(SIGSEGV, touch(p, true));
	munmap(p, self->page);
	close(d.fd);
}

/* ---- the rule of extension: nr is the call, size may differ ---------------- */

TEST_F(dma_heap, shorter_structure_reads_as_zeros)
{
	struct {
		struct { __u64 len; __u32 fd; __u32 fd_flags; } d;
		__u64 guard;
	} older = { { self->page, 0, O_RDWR | O_CLOEXEC }, 0x5a5a5a5a5a5a5a5aull };

	ASSERT_EQ(0, mm_call(self->heap, _IOC(_IOC_READ | _IOC_WRITE, DMA_HEAP_IOC_MAGIC, 0,
					      sizeof(older.d)), &older));
	EXPECT_LT(0, older.d.fd);
	EXPECT_EQ(0x5a5a5a5a5a5a5a5aull, older.guard);
	close(older.d.fd);
}

TEST_F(dma_heap, longer_structure_is_carried_and_ignored)
{
	struct { struct dma_heap_allocation_data d; __u64 more[20]; } newer = {
		.d = request(self->page), .more = { 1, 2, [19] = 3 },
	};

	ASSERT_EQ(0, mm_call(self->heap, _IOC(_IOC_READ | _IOC_WRITE, DMA_HEAP_IOC_MAGIC, 0,
					      sizeof(newer)), &newer));
	EXPECT_LT(0, newer.d.fd);
	EXPECT_EQ(1, newer.more[0]);
	EXPECT_EQ(2, newer.more[1]);
	EXPECT_EQ(3, newer.more[19]);
	close(newer.d.fd);
}

/* Without a direction in, everything reads as zero, so the length is 0. */
TEST_F(dma_heap, direction_decides_what_is_copied)
{
	struct dma_heap_allocation_data d = request(self->page);

	EXPECT_EQ(-EINVAL, mm_call(self->heap, _IOC(_IOC_READ, DMA_HEAP_IOC_MAGIC, 0,
						    sizeof(d)), &d));
	EXPECT_EQ(-EINVAL, mm_call(self->heap, _IOC(_IOC_NONE, DMA_HEAP_IOC_MAGIC, 0, 0), &d));
}

/* The kernel's dma-heaps do not look at it either. */
TEST_F(dma_heap, type_does_not_matter)
{
	struct dma_heap_allocation_data d = request(self->page);

	ASSERT_EQ(0, mm_call(self->heap, _IOWR('x', 0, struct dma_heap_allocation_data), &d));
	close(d.fd);
}

TEST_F(dma_heap, unknown_numbers)
{
	struct dma_heap_allocation_data d;
	int nr;

	for (nr = 1; nr < 256; nr++) {
		d = request(self->page);
		EXPECT_EQ(-EINVAL, mm_call(self->heap, _IOWR(DMA_HEAP_IOC_MAGIC, nr,
							     struct dma_heap_allocation_data), &d));
	}
}

TEST_F(dma_heap, bad_pointers)
{
	struct dma_heap_allocation_data d = request(self->page), *straddling;
	unsigned char *hole = page_before_hole();

	ASSERT_TRUE(!!hole);
	EXPECT_EQ(-EFAULT, mm_call(self->heap, DMA_HEAP_IOCTL_ALLOC, NULL));
	straddling = (void *)(hole + self->page - sizeof(d) / 2);
	memcpy(straddling, &d, sizeof(d) / 2);
	EXPECT_EQ(-EFAULT, mm_call(self->heap, DMA_HEAP_IOCTL_ALLOC, straddling));
	/* All that the size says has to be there, what is known of it or not. */
	straddling = (void *)(hole + self->page - sizeof(d));
	*straddling = d;
	EXPECT_EQ(-EFAULT, mm_call(self->heap, _IOC(_IOC_READ | _IOC_WRITE, DMA_HEAP_IOC_MAGIC, 0,
						    sizeof(d) + 1), straddling));
	EXPECT_EQ(0, memcmp(straddling, &d, sizeof(d)));
}

/* ---- the books -------------------------------------------------------------- */

TEST_F(dma_heap, memory_goes_with_the_last_reference)
{
	struct dma_heap_allocation_data d = request(5 * self->page);
	__u64 used = self->before.stats[0].used;
	struct memmgr_stats s;
	unsigned char *p;
	int twin, heap;

	heap = open_heap(self->fd, O_RDWR);
	ASSERT_LE(0, heap);
	ASSERT_EQ(0, heap_alloc(heap, &d));
	p = mmap(NULL, 5 * self->page, PROT_READ | PROT_WRITE, MAP_SHARED, d.fd, 0);
	ASSERT_TRUE(p != MAP_FAILED);
	fill_pattern(p, 5 * self->page, 1);
	twin = dup(d.fd);
	close(heap);
	close(d.fd);
	s = must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN);
	EXPECT_EQ(used + 5 * self->page, s.used);
	close(twin);
	s = must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN);
	EXPECT_EQ(used + 5 * self->page, s.used);
	EXPECT_TRUE(is_pattern(p, 5 * self->page, 1));
	munmap(p, 5 * self->page);
	EXPECT_TRUE(state_returns(self->fd, &self->before));
}

/* All that there is, page runs halving, until nothing is left; then all again. */
TEST_F(dma_heap, exhaustion_and_back)
{
	static int files[256];
	struct dma_heap_allocation_data d;
	unsigned int count = 0, round;
	struct snapshot now;
	__u64 len;

	for (round = 0; round < 2; round++) {
		for (len = 16 * MIB; len >= self->page && count < ARRAY_SIZE(files); ) {
			int result;

			d = request(len);
			result = heap_alloc(self->heap, &d);
			if (!result) {
				files[count++] = d.fd;
			} else {
				ASSERT_EQ(-ENOMEM, result);
				len /= 2;
			}
		}
		EXPECT_EQ(0, must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN).free);
		while (count)
			close(files[--count]);
		ASSERT_EQ(0, snapshot_take(self->fd, &now));
		EXPECT_TRUE(snapshot_same_state(&self->before, &now));
	}
}

/* Each open file of the heap is a client of the region. */
TEST_F(dma_heap, quota_of_its_client)
{
	struct memmgr_account entries[32];
	__u32 count = ARRAY_SIZE(entries), i;
	struct dma_heap_allocation_data d, e;
	__u64 cursor = 0, id = 0;

	d = request(3 * self->page);
	ASSERT_EQ(0, heap_alloc(self->heap, &d));
	ASSERT_EQ(0, mm_accounts(self->fd, 0, entries, &count, &cursor));
	for (i = 0; i < count; i++)
		if (entries[i].pid == (__u32)getpid() && entries[i].bytes == 3 * self->page)
			id = entries[i].id;
	ASSERT_NE(0, id);
	ASSERT_EQ(0, mm_set_quota(self->fd, MEMMGR_QUOTA_CLIENT, id, 4 * self->page, 0));
	e = request(2 * self->page);
	EXPECT_EQ(-EDQUOT, heap_alloc(self->heap, &e));
	e = request(self->page);
	ASSERT_EQ(0, heap_alloc(self->heap, &e));
	close(e.fd);
	close(d.fd);
	d = request(4 * self->page);
	ASSERT_EQ(0, heap_alloc(self->heap, &d));
	close(d.fd);
}

MEMMGR_TEST_MAIN
