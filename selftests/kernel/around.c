// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The pages that a touch maps beside its own: as many as promised, and none that the
 * program could not touch itself.
 *
 * Rule: <linux/memmgr.h>, "mmap()", and MEMMGR_ALLOC_POPULATE.
 */
#include <sys/mman.h>
#include <sys/resource.h>

#include "lib/memmgr_test.h"

#define AROUND		16u	/* pages of a block that is mapped at once */

MEMMGR_FIXTURE(around)

static long minor_faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_minflt;
}

/* The faults that touching each page takes; a page that is mapped takes none. */
static long faults_of(unsigned char *p, size_t pages, bool write)
{
	size_t page = page_size(), i;
	long before;

	minor_faults();
	before = minor_faults();
	for (i = 0; i < pages; i++) {
		volatile unsigned char *at = p + i * page;

		if (write)
			*at = 1;
		else
			(void)*at;
	}
	return minor_faults() - before;
}

/* Blocks of @bytes that a range touches. */
static long blocks(const unsigned char *p, size_t bytes, size_t block)
{
	return ((uintptr_t)p + bytes - 1) / block - (uintptr_t)p / block + 1;
}

/* Map at the beginning of an aligned block, @before pages behind it. */
static unsigned char *map_in_block(struct __test_metadata *_metadata, int fd, __u64 offset,
				   size_t bytes, size_t before)
{
	size_t page = page_size(), block = AROUND * page;
	unsigned char *room = mmap(NULL, bytes + 2 * block, PROT_NONE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *p;

	ASSERT_TRUE(room != MAP_FAILED);
	p = room + block - (uintptr_t)room % block + before * page;
	ASSERT_TRUE(mmap(p, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd,
			 (off_t)offset) == p);
	return p;
}

TEST_F(around, a_touch_maps_its_block)
{
	size_t page = self->page, pages = 4 * AROUND, i;
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, pages * page);
	unsigned char *p = map_in_block(_metadata, self->fd, a.map_offset, pages * page, 0);
	unsigned char seen[16];

	EXPECT_EQ(0, touch(p + 20 * page, false));
	EXPECT_EQ(0, faults_of(p + 16 * page, AROUND, false));
	EXPECT_EQ(1, faults_of(p + 15 * page, 1, false));
	EXPECT_EQ(0, faults_of(p, 2 * AROUND, true));
	EXPECT_EQ(2, faults_of(p, pages, true));
	/* Each shows its own place. */
	fill_pattern(p, pages * page, 3);
	for (i = 0; i < pages; i++) {
		ASSERT_EQ(0, mm_read(self->fd, a.handle, i * page, seen, sizeof(seen)));
		EXPECT_EQ(0, memcmp(seen, p + i * page, sizeof(seen)));
	}
	EXPECT_EQ(0, munmap(p, pages * page));
}

/* The other side of the same pages is in place, and the mapping ends inside the block. */
TEST_F(around, ends_with_the_mapping)
{
	size_t page = self->page;
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN,
					   AROUND * page);
	unsigned char *p = map_in_block(_metadata, self->fd, a.map_offset + 4 * page,
					3 * page, 2);

	EXPECT_EQ(0, touch(p + page, true));
	EXPECT_EQ(0, faults_of(p, 3, true));
	EXPECT_EQ(SIGSEGV, touch(p - page, false));
	EXPECT_EQ(SIGSEGV, touch(p + 3 * page, false));
	EXPECT_EQ(0, munmap(p, 3 * page));
}

/* Mapped behind the end of what the allocation has kept. */
TEST_F(around, ends_with_the_allocation)
{
	size_t page = self->page;
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 8 * page);
	unsigned char *p = map_in_block(_metadata, self->fd, a.map_offset, 8 * page, 0);
	struct memmgr_alloc next;
	struct memmgr_resize r;

	ASSERT_EQ(0, mm_resize(self->fd, a.handle, 4 * page, &r));
	next = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 4 * page);
	EXPECT_EQ(0, touch(p + 3 * page, true));
	EXPECT_EQ(0, faults_of(p, 4, true));
	EXPECT_EQ(SIGBUS, touch(p + 4 * page, true));
	EXPECT_EQ(0, mm_free(self->fd, next.handle));
	EXPECT_EQ(0, munmap(p, 8 * page));
}

TEST_F(around, stops_at_guard_pages)
{
	size_t page = self->page;
	struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, 4 * page);
	unsigned char *p;

	a.flags = MEMMGR_ALLOC_GUARD | MEMMGR_ALLOC_POPULATE;
	ASSERT_EQ(0, mm_alloc(self->fd, &a));
	p = map_in_block(_metadata, self->fd, a.map_offset, 6 * page, 4);
	EXPECT_EQ(0, touch(p + 2 * page, true));
	EXPECT_EQ(0, faults_of(p + page, 4, true));
	EXPECT_EQ(SIGSEGV, touch(p, false));
	EXPECT_EQ(SIGSEGV, touch(p + 5 * page, true));
	EXPECT_EQ(0, munmap(p, 6 * page));
}

/* What is mapped beside a page has its rights, and loses them with it. */
TEST_F(around, keeps_to_the_protection)
{
	size_t page = self->page, i;
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN,
					   AROUND * page);
	unsigned char *p = map_in_block(_metadata, self->fd, a.map_offset, AROUND * page, 0);

	EXPECT_EQ(0, touch(p, true));
	EXPECT_EQ(0, faults_of(p, AROUND, true));
	ASSERT_EQ(0, mm_protect(self->fd, a.handle, MEMMGR_ACCESS_READ, 0));
	EXPECT_EQ(1, faults_of(p, AROUND, false));
	for (i = 0; i < AROUND; i++)
		EXPECT_EQ(SIGSEGV, touch(p + i * page, true));
	ASSERT_EQ(0, mm_protect(self->fd, a.handle, MEMMGR_ACCESS_READ | MEMMGR_ACCESS_WRITE,
				0));
	for (i = 0; i < AROUND; i++)
		EXPECT_EQ(0, touch(p + i * page, true));
	ASSERT_EQ(0, mm_protect(self->fd, a.handle, MEMMGR_ACCESS_NONE, 0));
	for (i = 0; i < AROUND; i++)
		EXPECT_EQ(SIGSEGV, touch(p + i * page, false));
	EXPECT_EQ(0, munmap(p, AROUND * page));
}

/* A mapping that may only be read stays so, whatever the allocation allows. */
TEST_F(around, keeps_to_the_rights_of_the_mapping)
{
	size_t page = self->page, i;
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN,
					   AROUND * page);
	unsigned char *p = map_in_block(_metadata, self->fd, a.map_offset, AROUND * page, 0);

	ASSERT_EQ(0, mprotect(p, AROUND * page, PROT_READ));
	EXPECT_EQ(0, touch(p, false));
	for (i = 0; i < AROUND; i++)
		EXPECT_EQ(SIGSEGV, touch(p + i * page, true));
	ASSERT_EQ(0, mprotect(p, AROUND * page, PROT_READ | PROT_WRITE));
	for (i = 0; i < AROUND; i++)
		EXPECT_EQ(0, touch(p + i * page, true));
	EXPECT_EQ(0, munmap(p, AROUND * page));
}

TEST_F(around, writing_what_was_read_is_no_fault)
{
	size_t page = self->page;
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN,
					   AROUND * page);
	unsigned char *p = map_in_block(_metadata, self->fd, a.map_offset, AROUND * page, 0);

	EXPECT_EQ(0, touch(p, false));
	EXPECT_EQ(0, faults_of(p, AROUND, true));
	EXPECT_EQ(0, munmap(p, AROUND * page));
}

TEST_F(around, populate_maps_all_at_a_touch)
{
	size_t page = self->page, pages = MEMMGR_POPULATE_BYTES / page + 2 * AROUND;
	struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, pages * page);
	unsigned char *p;
	long parts;

	a.flags = MEMMGR_ALLOC_POPULATE;
	ASSERT_EQ(0, mm_alloc(self->fd, &a));
	p = must_map(_metadata, self->fd, a.map_offset, pages * page);
	parts = blocks(p, pages * page, MEMMGR_POPULATE_BYTES);
	EXPECT_EQ(0, touch(p + 5 * page, false));
	EXPECT_EQ(parts - 1, faults_of(p, pages, false));
	EXPECT_EQ(0, faults_of(p, pages, true));
	ASSERT_EQ(0, mm_free(self->fd, a.handle));
	EXPECT_EQ(SIGBUS, touch(p, false));
	EXPECT_EQ(SIGBUS, touch(p + (pages - 1) * page, false));
}

TEST_F(around, locked_mappings_are_mapped_whole)
{
	size_t page = self->page, pages = 8 * AROUND;
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, pages * page);
	unsigned char *p = mmap(NULL, pages * page, PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_LOCKED, self->fd, (off_t)a.map_offset);

	ASSERT_TRUE(p != MAP_FAILED);
	EXPECT_EQ(blocks(p, pages * page, MEMMGR_POPULATE_BYTES), faults_of(p, pages, false));
	EXPECT_EQ(0, faults_of(p, pages, true));
	EXPECT_EQ(0, munmap(p, pages * page));
}

TEST_F(around, dma_bufs_too)
{
	size_t page = self->page, pages = 4 * AROUND;
	struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, pages * page);
	unsigned char *p;
	int file;

	a.flags = MEMMGR_ALLOC_POPULATE;
	ASSERT_EQ(0, mm_alloc(self->fd, &a));
	file = mm_export(self->fd, a.handle, 0);
	if (file == -ENOTTY || file == -EOPNOTSUPP)
		SKIP(return, "no dma-bufs in this build");
	ASSERT_LE(0, file);
	p = must_map(_metadata, file, 0, pages * page);
	EXPECT_EQ(blocks(p, pages * page, MEMMGR_POPULATE_BYTES), faults_of(p, pages, true));
	unmap_all();
	close(file);
}

/* Slabs of a private heap lie anywhere: what one touch maps ends with its slab. */
TEST_F(around, ends_with_the_slab)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_SLAB, "t-around");
	size_t at, held = 0, slab = 0;
	unsigned char *arena, *first = NULL;

	if (!kind_is_built(self->fd, MEMMGR_KIND_SLAB))
		SKIP(return, "%s is not in this build", kind_names[MEMMGR_KIND_SLAB]);
	c.object_size = 64;
	c.bytes = MIB;
	ASSERT_EQ(0, mm_heap_create(self->fd, &c));
	must_alloc(_metadata, self->fd, c.heap, 64);
	arena = must_map(_metadata, self->fd, c.map_offset, c.map_size);
	for (at = 0; at < c.map_size; at += self->page) {
		if (touch(arena + at, true))
			continue;
		first = first ? first : arena + at;
		held++;
		slab += faults_of(arena + at, 1, true);
	}
	/* What is not held was refused, also right behind what was touched. */
	EXPECT_LT(0, held);
	EXPECT_GT(c.map_size / self->page, held);
	EXPECT_EQ(0, slab);
	EXPECT_EQ(0, mm_heap_destroy(self->fd, c.heap, MEMMGR_DESTROY_FORCE));
	EXPECT_EQ(SIGBUS, touch(first, false));
}

MEMMGR_TEST_MAIN
