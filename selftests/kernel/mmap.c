// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * mmap() of allocations and private heaps: the mappings that are allowed, and the result of
 * touching them before and after the memory is gone.
 *
 * Rule: <linux/memmgr.h>, "mmap()".
 */
#include <sys/personality.h>

#include "lib/memmgr_test.h"

MEMMGR_FIXTURE(mmap)
MEMMGR_KIND_FIXTURE(mmap_kind);

static int try_shared(int fd, __u64 offset, size_t bytes)
{
	return map_error(fd, offset, bytes, PROT_READ | PROT_WRITE, MAP_SHARED);
}

TEST_F(mmap, same_bytes_as_read_and_write)
{
	size_t bytes = 5 * self->page;
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, bytes);
	unsigned char *p = must_map(_metadata, self->fd, a.map_offset, bytes);
	unsigned char *data = malloc(bytes);

	ASSERT_TRUE(!!data);
	EXPECT_TRUE(is_zero(p, bytes));
	fill_pattern(p, bytes, 1);
	ASSERT_EQ(0, mm_read(self->fd, a.handle, 0, data, bytes));
	EXPECT_EQ(0, memcmp(data, p, bytes));
	fill_pattern(data, bytes, 2);
	ASSERT_EQ(0, mm_write(self->fd, a.handle, 0, data, bytes));
	EXPECT_TRUE(is_pattern(p, bytes, 2));
	free(data);
}

TEST_F(mmap, two_mappings_show_the_same)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN,
					   2 * self->page);
	unsigned char *p = must_map(_metadata, self->fd, a.map_offset, 2 * self->page);
	unsigned char *q = must_map(_metadata, self->fd, a.map_offset, 2 * self->page);

	fill_pattern(p, 2 * self->page, 3);
	EXPECT_TRUE(is_pattern(q, 2 * self->page, 3));
}

TEST_F(mmap, record_tells_that_it_was_mapped)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 10);
	struct memmgr_info i;

	ASSERT_EQ(0, mm_info(self->fd, a.handle, &i));
	EXPECT_EQ(0, i.state & MEMMGR_INFO_MAPPED);
	must_map(_metadata, self->fd, a.map_offset, self->page);
	ASSERT_EQ(0, mm_info(self->fd, a.handle, &i));
	EXPECT_NE(0, i.state & MEMMGR_INFO_MAPPED);
}

TEST_F(mmap, lengths_and_inner_offsets)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN,
					   5 * self->page - 100);
	__u64 at = a.map_offset, page = self->page;

	EXPECT_EQ(0, try_shared(self->fd, at, page));
	EXPECT_EQ(0, try_shared(self->fd, at, 5 * page));
	EXPECT_EQ(0, try_shared(self->fd, at, 5 * page - 100));
	EXPECT_EQ(0, try_shared(self->fd, at + page, 4 * page));
	EXPECT_EQ(0, try_shared(self->fd, at + 4 * page, page));
	EXPECT_EQ(EINVAL, try_shared(self->fd, at, 5 * page + 1));
	EXPECT_EQ(EINVAL, try_shared(self->fd, at, 6 * page));
	EXPECT_EQ(EINVAL, try_shared(self->fd, at + page, 5 * page));
	EXPECT_EQ(EINVAL, try_shared(self->fd, at + 4 * page, 2 * page));
	EXPECT_EQ(EINVAL, try_shared(self->fd, at + 5 * page, page));
	EXPECT_EQ(EINVAL, try_shared(self->fd, at, 0));
	EXPECT_EQ(EINVAL, try_shared(self->fd, at + 1, page));
}

TEST_F(mmap, inner_offset_shows_the_inner_pages)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN,
					   4 * self->page);
	unsigned char *p = must_map(_metadata, self->fd, a.map_offset, 4 * self->page);
	unsigned char *q = must_map(_metadata, self->fd, a.map_offset + 3 * self->page,
				    self->page);

	fill_pattern(p, 4 * self->page, 7);
	EXPECT_EQ(0, memcmp(p + 3 * self->page, q, self->page));
	q[5] = 0;
	EXPECT_EQ(0, p[3 * self->page + 5]);
}

TEST_F(mmap, offsets_that_were_never_given)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN,
					   self->page);
	__u64 offsets[] = {
		a.map_offset ^ (1ull << 30), a.map_offset ^ (1ull << 32),
		a.map_offset ^ (1ull << 40), a.map_offset ^ (1ull << 43),
		a.map_offset + 1000 * self->page,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		int error = try_shared(self->fd, offsets[i], self->page);

		EXPECT_TRUE(error == EINVAL || error == EOVERFLOW)
			TH_LOG("offset %#llx: %d", (unsigned long long)offsets[i], error);
	}
}

TEST_F(mmap, only_shared_and_never_executable)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 1);
	unsigned char *p;

	EXPECT_EQ(EINVAL, map_error(self->fd, a.map_offset, self->page,
				    PROT_READ | PROT_WRITE, MAP_PRIVATE));
	EXPECT_EQ(EINVAL, map_error(self->fd, a.map_offset, self->page, PROT_READ,
				    MAP_PRIVATE));
	EXPECT_EQ(EINVAL, map_error(self->fd, a.map_offset, self->page,
				    PROT_READ | PROT_EXEC, MAP_SHARED));
	EXPECT_EQ(0, map_error(self->fd, a.map_offset, self->page, PROT_READ, MAP_SHARED));
	p = must_map(_metadata, self->fd, a.map_offset, self->page);
	EXPECT_EQ(-1, mprotect(p, self->page, PROT_READ | PROT_EXEC));
	EXPECT_EQ(0, mprotect(p, self->page, PROT_READ));
	EXPECT_EQ(SIGSEGV, touch(p, true));
	EXPECT_EQ(0, touch(p, false));
}

/* Does /proc/self/maps show the mapping at @p with an x? */
static bool is_executable(const void *p)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[256], rights[8] = "";
	unsigned long begin;
	bool found = false;

	while (maps && !found && fgets(line, sizeof(line), maps))
		found = sscanf(line, "%lx-%*x %7s", &begin, rights) == 2 &&
			begin == (unsigned long)p;
	if (maps)
		fclose(maps);
	return !found || strchr(rights, 'x');
}

/* The kernel asks for the right to execute in the name of an old program. */
TEST_F(mmap, read_implies_exec)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 1);
	int file = mm_export(self->fd, a.handle, 0);
	unsigned char *p, *q = NULL;

	ASSERT_LE(0, personality(PER_LINUX | READ_IMPLIES_EXEC));
	p = mmap(NULL, self->page, PROT_READ | PROT_WRITE, MAP_SHARED, self->fd,
		 (off_t)a.map_offset);
	ASSERT_TRUE(p != MAP_FAILED);
	EXPECT_FALSE(is_executable(p));
	EXPECT_EQ(0, mprotect(p, self->page, PROT_READ));
	EXPECT_FALSE(is_executable(p));
	EXPECT_EQ(0, mprotect(p, self->page, PROT_READ | PROT_WRITE));
	EXPECT_EQ(0, touch(p, true));
	if (file >= 0)
		q = mmap(NULL, self->page, PROT_READ, MAP_SHARED, file, 0);
	ASSERT_TRUE(q != MAP_FAILED);
	if (q)
		EXPECT_FALSE(is_executable(q));
	ASSERT_LE(0, personality(PER_LINUX));
	munmap(p, self->page);
	if (q)
		munmap(q, self->page);
	close(file);
}

TEST_F(mmap, memory_of_another_client)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 1);
	int other = open_device(O_RDWR), reader = open_device(O_RDONLY);

	ASSERT_LE(0, other);
	ASSERT_LE(0, reader);
	EXPECT_EQ(EACCES, try_shared(other, a.map_offset, self->page));
	EXPECT_EQ(EACCES, map_error(other, a.map_offset, self->page, PROT_READ, MAP_SHARED));
	EXPECT_EQ(EACCES, map_error(reader, a.map_offset, self->page, PROT_READ, MAP_SHARED));
	EXPECT_EQ(EACCES, try_shared(reader, a.map_offset, self->page));
	close(other);
	close(reader);
}

TEST_F(mmap, gone_after_free)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN,
					   3 * self->page);
	unsigned char *p = must_map(_metadata, self->fd, a.map_offset, 3 * self->page);

	memset(p, 1, 3 * self->page);
	ASSERT_EQ(0, mm_free(self->fd, a.handle));
	EXPECT_EQ(SIGBUS, touch(p, false));
	EXPECT_EQ(SIGBUS, touch(p + self->page, true));
	EXPECT_EQ(SIGBUS, touch(p + 2 * self->page, false));
	EXPECT_EQ(EINVAL, try_shared(self->fd, a.map_offset, self->page));
}

/* Never touched before it was freed: the fault itself must refuse. */
TEST_F(mmap, gone_after_free_untouched)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 1);
	unsigned char *p = must_map(_metadata, self->fd, a.map_offset, self->page);

	ASSERT_EQ(0, mm_free(self->fd, a.handle));
	EXPECT_EQ(SIGBUS, touch(p, false));
}

/* The old mapping must not show who has the memory, or the record, now. */
TEST_F(mmap, old_mapping_misses_the_successor)
{
	int other = open_device(O_RDWR), i;
	struct memmgr_alloc a, b = { 0 };
	unsigned char *p, data[16];

	ASSERT_LE(0, other);
	for (i = 0; i < 8; i++) {
		int fd = i % 2 ? other : self->fd;

		a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, self->page);
		p = must_map(_metadata, self->fd, a.map_offset, self->page);
		memset(p, 0xa5, self->page);
		ASSERT_EQ(0, mm_free(self->fd, a.handle));
		b = must_alloc(_metadata, fd, MEMMGR_HEAP_MAIN, self->page);
		EXPECT_EQ(SIGBUS, touch(p, false));
		EXPECT_EQ(SIGBUS, touch(p, true));
		ASSERT_EQ(0, mm_read(fd, b.handle, 0, data, sizeof(data)));
		EXPECT_TRUE(is_zero(data, sizeof(data)));
		ASSERT_EQ(0, mm_free(fd, b.handle));
	}
	close(other);
}

TEST_F(mmap, shrinking_takes_the_tail_away)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN,
					   4 * self->page);
	unsigned char *p = must_map(_metadata, self->fd, a.map_offset, 4 * self->page);
	struct memmgr_resize r;

	fill_pattern(p, 4 * self->page, 1);
	ASSERT_EQ(0, mm_resize(self->fd, a.handle, 2 * self->page, &r));
	EXPECT_TRUE(is_pattern(p, 2 * self->page, 1));
	EXPECT_EQ(SIGBUS, touch(p + 2 * self->page, false));
	EXPECT_EQ(SIGBUS, touch(p + 3 * self->page, true));
	EXPECT_EQ(EINVAL, try_shared(self->fd, a.map_offset, 3 * self->page));
	EXPECT_EQ(0, try_shared(self->fd, a.map_offset, 2 * self->page));
	ASSERT_EQ(0, mm_resize(self->fd, a.handle, 4 * self->page, &r));
	EXPECT_EQ(0, try_shared(self->fd, a.map_offset, 4 * self->page));
	p = must_map(_metadata, self->fd, a.map_offset, 4 * self->page);
	EXPECT_TRUE(is_pattern(p, 2 * self->page, 1));
	EXPECT_TRUE(is_zero(p + 2 * self->page, 2 * self->page));
}

TEST_F(mmap, growing_the_mapping_reaches_nothing)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN,
					   2 * self->page);
	unsigned char *p = must_map(_metadata, self->fd, a.map_offset, self->page), *q;

	must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, self->page);
	q = mremap(p, self->page, 4 * self->page, MREMAP_MAYMOVE);
	if (q != MAP_FAILED) {
		EXPECT_EQ(SIGBUS, touch(q + 2 * self->page, false));
		EXPECT_EQ(SIGBUS, touch(q + 3 * self->page, true));
		munmap(q, 4 * self->page);
	}
}

TEST_F(mmap, moving_and_splitting_the_mapping)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN,
					   4 * self->page);
	unsigned char *p = must_map(_metadata, self->fd, a.map_offset, 4 * self->page);

	fill_pattern(p, 4 * self->page, 5);
	ASSERT_EQ(0, munmap(p + self->page, self->page));
	EXPECT_TRUE(is_pattern(p, self->page, 5));
	EXPECT_EQ(SIGSEGV, touch(p + self->page, false));
	EXPECT_EQ(0, touch(p + 2 * self->page, false));
	p[3 * self->page] = 0x42;
	ASSERT_EQ(0, mm_free(self->fd, a.handle));
	EXPECT_EQ(SIGBUS, touch(p, false));
	EXPECT_EQ(SIGBUS, touch(p + 2 * self->page, false));
	EXPECT_EQ(SIGBUS, touch(p + 3 * self->page, false));
	EXPECT_EQ(0, munmap(p, 4 * self->page));
}

TEST_F(mmap, child_shares_the_mapping)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 1);
	unsigned char *p = must_map(_metadata, self->fd, a.map_offset, self->page);
	pid_t child;

	p[0] = 1;
	child = fork();
	if (!child) {
		if (p[0] != 1)
			_exit(1);
		p[1] = 2;
		_exit(0);
	}
	ASSERT_EQ(0, child_result(child));
	EXPECT_EQ(2, p[1]);
	EXPECT_EQ(1, p[0]);
}

/* Freed by the parent: the child's mapping goes as well. */
TEST_F(mmap, free_reaches_the_mappings_of_children)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 1);
	unsigned char *p = must_map(_metadata, self->fd, a.map_offset, self->page);
	int go[2], seen[2];
	char c = 0;
	pid_t child;

	ASSERT_EQ(0, pipe(go));
	ASSERT_EQ(0, pipe(seen));
	p[0] = 1;
	child = fork();
	if (!child) {
		close(go[1]);
		if (p[0] != 1 || write(seen[1], &c, 1) != 1 || read(go[0], &c, 1))
			_exit(1);
		_exit(touch(p, false) == SIGBUS ? 0 : 2);
	}
	close(go[0]);
	ASSERT_EQ(1, read(seen[0], &c, 1));
	ASSERT_EQ(0, mm_free(self->fd, a.handle));
	close(go[1]);
	EXPECT_EQ(0, child_result(child));
}

/* A mapping holds the file: memory stays until both are gone. */
TEST_F(mmap, mapping_outlives_close)
{
	struct memmgr_stats before = must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN);
	int other = open_device(O_RDWR);
	struct memmgr_alloc a;
	unsigned char *p;

	ASSERT_LE(0, other);
	a = must_alloc(_metadata, other, MEMMGR_HEAP_MAIN, self->page);
	p = must_map(_metadata, other, a.map_offset, self->page);
	close(other);
	fill_pattern(p, self->page, 6);
	EXPECT_EQ(before.live + 1, must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN).live);
	EXPECT_TRUE(is_pattern(p, self->page, 6));
	ASSERT_EQ(0, munmap(p, self->page));
	EXPECT_EQ(before.live, must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN).live);
}

/* System calls that reach into the mapping behave like the CPU does. */
TEST_F(mmap, system_calls_see_the_mapping)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 1);
	unsigned char *p = must_map(_metadata, self->fd, a.map_offset, self->page);
	int pipes[2];
	char c = 'x';

	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(1, write(pipes[1], &c, 1));
	EXPECT_EQ(1, read(pipes[0], p, 1));
	EXPECT_EQ('x', p[0]);
	ASSERT_EQ(0, mm_free(self->fd, a.handle));
	ASSERT_EQ(1, write(pipes[1], &c, 1));
	EXPECT_EQ(-1, read(pipes[0], p, 1));
	EXPECT_EQ(EFAULT, errno);
}

/* ---- private heaps -------------------------------------------------------- */

/* Where a block lies in the mapping of its heap: found by what it contains. */
static unsigned char *find_block(unsigned char *arena, size_t size,
				 const unsigned char *data, size_t bytes)
{
	size_t page = page_size(), at;

	for (at = 0; at + bytes <= size; at += 8) {
		if (at % page == 0 && touch(arena + at, false)) {
			at += page - 8;
			continue;
		}
		if (!memcmp(arena + at, data, bytes))
			return arena + at;
	}
	return NULL;
}

TEST_F(mmap_kind, private_heap_shows_its_blocks)
{
	struct memmgr_heap_create c = heap_config(variant->kind, "t-map");
	unsigned char *arena, *p, data[128], seen[128];
	struct memmgr_heap_query q;
	struct memmgr_alloc a;
	size_t size;
	int i;

	if (!kind_is_built(self->fd, variant->kind))
		SKIP(return, "%s is not in this build", kind_names[variant->kind]);
	ASSERT_EQ(0, mm_heap_create(self->fd, &c));
	ASSERT_EQ(0, mm_heap_query(self->fd, c.heap, &q));
	ASSERT_LT(0, c.map_size);
	size = c.map_size;
	arena = must_map(_metadata, self->fd, c.map_offset, size);
	for (i = 0; i < 10; i++) {
		a = must_alloc(_metadata, self->fd, c.heap, sizeof(data));
		fill_pattern(data, sizeof(data), i);
		ASSERT_EQ(0, mm_write(self->fd, a.handle, 0, data, sizeof(data)));
		if (q.offset == ~0ull)
			p = find_block(arena, size < MIB ? size : MIB, data, sizeof(data));
		else
			p = arena + (a.offset - q.offset);
		ASSERT_TRUE(!!p);
		EXPECT_EQ(0, memcmp(p, data, sizeof(data)));
		fill_pattern(p, sizeof(data), i + 100);
		ASSERT_EQ(0, mm_read(self->fd, a.handle, 0, seen, sizeof(seen)));
		EXPECT_TRUE(is_pattern(seen, sizeof(seen), i + 100));
	}
	EXPECT_EQ(0, mm_check(self->fd, c.heap));
}

TEST_F(mmap_kind, private_heap_bounds)
{
	struct memmgr_heap_create c = heap_config(variant->kind, "t-bounds");
	int other = open_device(O_RDWR);

	if (!kind_is_built(self->fd, variant->kind))
		SKIP(return, "%s is not in this build", kind_names[variant->kind]);
	ASSERT_LE(0, other);
	ASSERT_EQ(0, mm_heap_create(self->fd, &c));
	EXPECT_EQ(0, c.map_size % self->page);
	EXPECT_EQ(0, try_shared(self->fd, c.map_offset, self->page));
	EXPECT_EQ(0, try_shared(self->fd, c.map_offset, c.map_size));
	EXPECT_EQ(0, try_shared(self->fd, c.map_offset + c.map_size - self->page,
				self->page));
	EXPECT_EQ(EINVAL, try_shared(self->fd, c.map_offset, c.map_size + self->page));
	EXPECT_EQ(EINVAL, try_shared(self->fd, c.map_offset + self->page, c.map_size));
	EXPECT_EQ(EINVAL, map_error(self->fd, c.map_offset, self->page, PROT_READ,
				    MAP_PRIVATE));
	EXPECT_EQ(EACCES, try_shared(other, c.map_offset, self->page));
	close(other);
}

TEST_F(mmap_kind, destroyed_heap_is_gone)
{
	struct memmgr_heap_create c = heap_config(variant->kind, "t-gone");
	unsigned char *arena;

	if (!kind_is_built(self->fd, variant->kind))
		SKIP(return, "%s is not in this build", kind_names[variant->kind]);
	ASSERT_EQ(0, mm_heap_create(self->fd, &c));
	must_alloc(_metadata, self->fd, c.heap, 64);
	arena = must_map(_metadata, self->fd, c.map_offset, c.map_size);
	EXPECT_EQ(0, touch(arena, true));
	ASSERT_EQ(0, mm_heap_destroy(self->fd, c.heap, MEMMGR_DESTROY_FORCE));
	EXPECT_EQ(SIGBUS, touch(arena, false));
	EXPECT_EQ(EINVAL, try_shared(self->fd, c.map_offset, self->page));
	must_kind(_metadata, self->fd, variant->kind);
	EXPECT_EQ(SIGBUS, touch(arena, true));
}

/* Behind its guard page the memory shows a page further up than it lies. */
TEST_F(mmap_kind, destroyed_heap_had_guards)
{
	struct memmgr_heap_create c = heap_config(variant->kind, "t-guarded");
	struct memmgr_alloc a;
	unsigned char *p;

	if (!kind_is_built(self->fd, variant->kind))
		SKIP(return, "%s is not in this build", kind_names[variant->kind]);
	if (variant->kind == MEMMGR_KIND_STACK)
		SKIP(return, "its blocks are not mapped one by one");
	c.granule = c.granule ? self->page : 0;
	c.object_size = c.object_size ? self->page : 0;
	c.count = c.count ? 1 : 0;
	c.bytes = c.bytes ? self->page : 0;
	ASSERT_EQ(0, mm_heap_create(self->fd, &c));
	a = alloc_request(c.heap, self->page);
	a.flags = MEMMGR_ALLOC_GUARD;
	ASSERT_EQ(0, mm_alloc(self->fd, &a));
	p = must_map(_metadata, self->fd, a.map_offset, 3 * self->page);
	EXPECT_EQ(0, touch(p + self->page, true));
	ASSERT_EQ(0, mm_heap_destroy(self->fd, c.heap, MEMMGR_DESTROY_FORCE));
	EXPECT_EQ(SIGBUS, touch(p + self->page, false));
	EXPECT_EQ(SIGBUS, touch(p + self->page, true));
}

TEST_F(mmap_kind, shared_heap_is_not_mapped)
{
	struct memmgr_heap_create c = heap_config(variant->kind, "t-shared");
	struct memmgr_alloc a;

	if (!kind_is_built(self->fd, variant->kind))
		SKIP(return, "%s is not in this build", kind_names[variant->kind]);
	c.flags = 0;
	ASSERT_EQ(0, mm_heap_create(self->fd, &c));
	EXPECT_EQ(0, c.map_size);
	a = must_alloc(_metadata, self->fd, c.heap, 64);
	EXPECT_EQ(NO_OFFSET, a.map_offset);
	EXPECT_EQ(0, mm_free(self->fd, a.handle));
	EXPECT_EQ(0, mm_heap_destroy(self->fd, c.heap, 0));
}

/* Blocks of a shared heap that are whole pages may be mapped. */
TEST_F(mmap, page_blocks_of_a_shared_pool)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_POOL, "t-frames");
	struct memmgr_alloc a;
	unsigned char *p;

	if (!kind_is_built(self->fd, MEMMGR_KIND_POOL))
		SKIP(return, "%s is not in this build", kind_names[MEMMGR_KIND_POOL]);
	c.flags = 0;
	c.object_size = 4 * self->page;
	c.align = self->page;
	c.count = 4;
	ASSERT_EQ(0, mm_heap_create(self->fd, &c));
	a = must_alloc(_metadata, self->fd, c.heap, 4 * self->page);
	ASSERT_NE(NO_OFFSET, a.map_offset);
	p = must_map(_metadata, self->fd, a.map_offset, 4 * self->page);
	memset(p, 1, 4 * self->page);
	EXPECT_EQ(EINVAL, try_shared(self->fd, a.map_offset, 5 * self->page));
	EXPECT_EQ(0, mm_free(self->fd, a.handle));
	EXPECT_EQ(SIGBUS, touch(p, false));
	EXPECT_EQ(0, mm_heap_destroy(self->fd, c.heap, 0));
}

/* A slab that is given back may serve another: its pages leave the mapping. */
TEST_F(mmap, slabs_that_are_given_back)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_SLAB, "t-slabs");
	size_t at, held = 0, left = 0, size;
	struct memmgr_heap_query q;
	unsigned char *arena;
	__u64 handles[128];
	int i;

	if (!kind_is_built(self->fd, MEMMGR_KIND_SLAB))
		SKIP(return, "%s is not in this build", kind_names[MEMMGR_KIND_SLAB]);
	c.object_size = 1024;
	c.bytes = MIB;
	ASSERT_EQ(0, mm_heap_create(self->fd, &c));
	for (i = 0; i < 128; i++)
		handles[i] = must_alloc(_metadata, self->fd, c.heap, 1024).handle;
	size = c.map_size;
	arena = must_map(_metadata, self->fd, c.map_offset, size);
	for (at = 0; at < size; at += self->page)
		held += !touch(arena + at, true);
	EXPECT_LE(128 * 1024 / self->page, held);
	EXPECT_GT(size / self->page, held);
	for (i = 0; i < 128; i++)
		ASSERT_EQ(0, mm_free(self->fd, handles[i]));
	for (at = 0; at < size; at += self->page)
		left += !touch(arena + at, false);
	ASSERT_EQ(0, mm_heap_query(self->fd, c.heap, &q));
	EXPECT_EQ(q.held / self->page, left);
	EXPECT_GT(held, left);
}

MEMMGR_TEST_MAIN
