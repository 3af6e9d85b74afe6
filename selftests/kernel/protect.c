// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * PROTECT: the signal and its address for each level, on existing mappings and on later
 * ones; sealing; and the allocations that cannot be protected.
 *
 * Rule: <linux/memmgr.h>, struct memmgr_protect, and memmgr(7), ISOLATION, "Protection".
 */
#include <sys/mman.h>

#include "lib/memmgr_test.h"

MEMMGR_FIXTURE(protect)

#define RW	(MEMMGR_ACCESS_READ | MEMMGR_ACCESS_WRITE)

static void *fault_address;
static sigjmp_buf fault_return;

static void note_fault(int signal, siginfo_t *info, void *context)
{
	fault_address = info->si_addr;
	siglongjmp(fault_return, signal);
}

/* The signal of a touch, 0 when there was none; fault_address is its si_addr. */
static int fault_of(unsigned char *p, bool write)
{
	struct sigaction action = { .sa_sigaction = note_fault, .sa_flags = SA_SIGINFO };
	struct sigaction bus, segv;
	int raised;

	fault_address = NULL;
	sigaction(SIGBUS, &action, &bus);
	sigaction(SIGSEGV, &action, &segv);
	raised = sigsetjmp(fault_return, 1);
	if (!raised && write)
		__atomic_store_n(p, 0x5a, __ATOMIC_RELAXED);
	else if (!raised)
		__atomic_load_n(p, __ATOMIC_RELAXED);
	sigaction(SIGBUS, &bus, NULL);
	sigaction(SIGSEGV, &segv, NULL);
	return raised;
}

static void expect_segv(struct __test_metadata *_metadata, unsigned char *p, bool write)
{
	EXPECT_EQ(SIGSEGV, fault_of(p, write));
	EXPECT_EQ((uintptr_t)p, (uintptr_t)fault_address);
}

static void expect_touch(struct __test_metadata *_metadata, unsigned char *p, bool write,
			 bool allowed)
{
	if (!allowed)
		return expect_segv(_metadata, p, write);
	EXPECT_EQ(0, fault_of(p, write));
}

static void expect_level(struct __test_metadata *_metadata, unsigned char *p,
			 size_t bytes, __u32 access)
{
	size_t at[] = { 0, 1, bytes / 2, bytes - 1 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(at); i++) {
		expect_touch(_metadata, p + at[i], false, access & MEMMGR_ACCESS_READ);
		expect_touch(_metadata, p + at[i], true, access & MEMMGR_ACCESS_WRITE);
	}
}

TEST_F(protect, levels_of_a_mapping_that_there_is)
{
	static const __u32 levels[] = { MEMMGR_ACCESS_READ, MEMMGR_ACCESS_NONE, RW,
		MEMMGR_ACCESS_NONE, MEMMGR_ACCESS_READ, RW };
	size_t bytes = 3 * self->page;
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, bytes);
	unsigned char *p = must_map(_metadata, self->fd, a.map_offset, bytes);
	struct memmgr_info i;
	unsigned int level;

	fill_pattern(p, bytes, 1);
	for (level = 0; level < ARRAY_SIZE(levels); level++) {
		ASSERT_EQ(0, mm_protect(self->fd, a.handle, levels[level], 0));
		expect_level(_metadata, p, bytes, levels[level]);
		ASSERT_EQ(0, mm_info(self->fd, a.handle, &i));
		EXPECT_EQ(levels[level], i.access);
		EXPECT_EQ(0, i.state & MEMMGR_INFO_SEALED);
	}
}

/* Never touched before: the fault itself refuses, not a page table entry. */
TEST_F(protect, levels_of_an_untouched_mapping)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN,
					   3 * self->page);
	unsigned char *p = must_map(_metadata, self->fd, a.map_offset, 3 * self->page);

	ASSERT_EQ(0, mm_protect(self->fd, a.handle, MEMMGR_ACCESS_READ, 0));
	expect_segv(_metadata, p + 5, true);
	EXPECT_EQ(0, fault_of(p + 5, false));
	expect_segv(_metadata, p + 6, true);
	ASSERT_EQ(0, mm_protect(self->fd, a.handle, MEMMGR_ACCESS_NONE, 0));
	expect_segv(_metadata, p + 2 * self->page, false);
}

TEST_F(protect, contents_survive)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN,
					   2 * self->page);
	unsigned char *p = must_map(_metadata, self->fd, a.map_offset, 2 * self->page);

	fill_pattern(p, 2 * self->page, 7);
	ASSERT_EQ(0, mm_protect(self->fd, a.handle, MEMMGR_ACCESS_NONE, 0));
	expect_segv(_metadata, p, true);
	ASSERT_EQ(0, mm_protect(self->fd, a.handle, MEMMGR_ACCESS_READ, 0));
	EXPECT_TRUE(is_pattern(p, 2 * self->page, 7));
	expect_segv(_metadata, p, true);
	ASSERT_EQ(0, mm_protect(self->fd, a.handle, RW, 0));
	EXPECT_TRUE(is_pattern(p, 2 * self->page, 7));
}

TEST_F(protect, mappings_to_come)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 1);
	unsigned char *p;

	ASSERT_EQ(0, mm_protect(self->fd, a.handle, MEMMGR_ACCESS_READ, 0));
	p = mmap(NULL, self->page, PROT_READ | PROT_WRITE, MAP_SHARED, self->fd,
		 (off_t)a.map_offset);
	EXPECT_TRUE(p == MAP_FAILED && errno == EACCES);
	p = mmap(NULL, self->page, PROT_READ, MAP_SHARED, self->fd, (off_t)a.map_offset);
	ASSERT_TRUE(p != MAP_FAILED);
	EXPECT_EQ(0, fault_of(p, false));
	EXPECT_TRUE(mprotect(p, self->page, PROT_READ | PROT_WRITE) && errno == EACCES);
	EXPECT_EQ(0, munmap(p, self->page));
	ASSERT_EQ(0, mm_protect(self->fd, a.handle, MEMMGR_ACCESS_NONE, 0));
	p = mmap(NULL, self->page, PROT_READ, MAP_SHARED, self->fd, (off_t)a.map_offset);
	EXPECT_TRUE(p == MAP_FAILED && errno == EACCES);
	ASSERT_EQ(0, mm_protect(self->fd, a.handle, RW, 0));
	expect_level(_metadata, must_map(_metadata, self->fd, a.map_offset, self->page),
		     self->page, RW);
}

/* Not a byte of the neighbours is concerned. */
TEST_F(protect, neighbours_are_not_concerned)
{
	struct memmgr_alloc a[3];
	unsigned char *p[3];
	int i;

	for (i = 0; i < 3; i++) {
		a[i] = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, self->page);
		p[i] = must_map(_metadata, self->fd, a[i].map_offset, self->page);
	}
	ASSERT_EQ(0, mm_protect(self->fd, a[1].handle, MEMMGR_ACCESS_NONE, 0));
	expect_level(_metadata, p[0], self->page, RW);
	expect_level(_metadata, p[1], self->page, MEMMGR_ACCESS_NONE);
	expect_level(_metadata, p[2], self->page, RW);
}

TEST_F(protect, violations_are_counted)
{
	struct memmgr_stats before = must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN);
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 1);
	struct memmgr_alloc b = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 1);
	unsigned char *p = must_map(_metadata, self->fd, a.map_offset, self->page);
	int i;

	EXPECT_EQ(0, violations_of(_metadata, self->fd, a.handle));
	ASSERT_EQ(0, mm_protect(self->fd, a.handle, MEMMGR_ACCESS_READ, 0));
	EXPECT_EQ(0, fault_of(p, false));
	EXPECT_EQ(0, violations_of(_metadata, self->fd, a.handle));
	for (i = 0; i < 5; i++)
		expect_segv(_metadata, p + i, true);
	EXPECT_EQ(5, violations_of(_metadata, self->fd, a.handle));
	EXPECT_EQ(0, violations_of(_metadata, self->fd, b.handle));
	EXPECT_EQ(before.violations + 5,
		  must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN).violations);
}

/* What READ and WRITE were refused is counted too, and nothing else of theirs. */
TEST_F(protect, stopped_copies_are_counted)
{
	struct memmgr_stats before = must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN);
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, self->page);
	int other = open_device(O_RDWR);
	char c = 0;

	ASSERT_LE(0, other);
	ASSERT_EQ(0, mm_protect(self->fd, a.handle, MEMMGR_ACCESS_READ, 0));
	EXPECT_EQ(0, mm_read(self->fd, a.handle, 0, &c, 1));
	EXPECT_EQ(-ERANGE, mm_write(self->fd, a.handle, self->page, &c, 1));
	EXPECT_EQ(-EACCES, mm_write(other, a.handle, 0, &c, 1));
	EXPECT_EQ(0, violations_of(_metadata, self->fd, a.handle));
	EXPECT_EQ(-EACCES, mm_write(self->fd, a.handle, 0, &c, 1));
	EXPECT_EQ(1, violations_of(_metadata, self->fd, a.handle));
	ASSERT_EQ(0, mm_protect(self->fd, a.handle, MEMMGR_ACCESS_NONE, 0));
	EXPECT_EQ(-EACCES, mm_read(self->fd, a.handle, 0, &c, 1));
	EXPECT_EQ(-EACCES, mm_write(self->fd, a.handle, 0, &c, 1));
	EXPECT_EQ(3, violations_of(_metadata, self->fd, a.handle));
	EXPECT_EQ(before.violations + 3,
		  must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN).violations);
	close(other);
}

TEST_F(protect, guard_pages)
{
	struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, 3 * self->page);
	unsigned char *p, *inner;

	a.flags = MEMMGR_ALLOC_GUARD;
	ASSERT_EQ(0, mm_alloc(self->fd, &a));
	p = must_map(_metadata, self->fd, a.map_offset, a.granted + 2 * self->page);
	inner = p + self->page;
	EXPECT_TRUE(is_zero(inner, a.granted));
	expect_level(_metadata, p, self->page, MEMMGR_ACCESS_NONE);
	expect_level(_metadata, inner, a.granted, RW);
	expect_level(_metadata, inner + a.granted, self->page, MEMMGR_ACCESS_NONE);
	EXPECT_EQ(16, violations_of(_metadata, self->fd, a.handle));
	EXPECT_TRUE(mmap(NULL, a.granted + 3 * self->page, PROT_READ, MAP_SHARED, self->fd,
			 (off_t)a.map_offset) == MAP_FAILED);
	ASSERT_EQ(0, mm_free(self->fd, a.handle));
	EXPECT_EQ(SIGBUS, fault_of(inner, false));
}

TEST_F(protect, sealing)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN,
					   2 * self->page);
	unsigned char *p = must_map(_metadata, self->fd, a.map_offset, 2 * self->page);
	struct memmgr_resize r;
	struct memmgr_info i;

	ASSERT_EQ(0, mm_protect(self->fd, a.handle, MEMMGR_ACCESS_READ,
				MEMMGR_PROTECT_SEAL));
	expect_level(_metadata, p, 2 * self->page, MEMMGR_ACCESS_READ);
	EXPECT_EQ(-EPERM, mm_protect(self->fd, a.handle, RW, 0));
	EXPECT_EQ(-EPERM, mm_protect(self->fd, a.handle, MEMMGR_ACCESS_NONE,
				     MEMMGR_PROTECT_SEAL));
	EXPECT_EQ(0, mm_protect(self->fd, a.handle, MEMMGR_ACCESS_READ, 0));
	EXPECT_EQ(-EPERM, mm_resize(self->fd, a.handle, self->page, &r));
	ASSERT_EQ(0, mm_info(self->fd, a.handle, &i));
	EXPECT_NE(0, i.state & MEMMGR_INFO_SEALED);
	EXPECT_EQ(2 * self->page, i.bytes);
	expect_level(_metadata, p, 2 * self->page, MEMMGR_ACCESS_READ);
	EXPECT_EQ(0, mm_free(self->fd, a.handle));
	EXPECT_EQ(SIGBUS, fault_of(p, false));
}

/* The next one in the same place begins as all do. */
TEST_F(protect, successor_is_not_protected)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 1);
	struct memmgr_info i;

	ASSERT_EQ(0, mm_protect(self->fd, a.handle, MEMMGR_ACCESS_NONE,
				MEMMGR_PROTECT_SEAL));
	ASSERT_EQ(0, mm_free(self->fd, a.handle));
	a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 1);
	ASSERT_EQ(0, mm_info(self->fd, a.handle, &i));
	EXPECT_EQ(RW, i.access);
	EXPECT_EQ(0, i.state & MEMMGR_INFO_SEALED);
	EXPECT_EQ(0, i.violations);
}

TEST_F(protect, private_heaps_and_small_blocks_are_refused)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_BUDDY, "t-small");
	struct memmgr_alloc a;
	__u32 kind;

	for (kind = 0; kind < MEMMGR_KINDS; kind++) {
		if (!kind_is_built(self->fd, kind))
			continue;
		a = must_alloc(_metadata, self->fd, must_kind(_metadata, self->fd, kind), 64);
		EXPECT_EQ(-EOPNOTSUPP, mm_protect(self->fd, a.handle, MEMMGR_ACCESS_READ, 0));
		EXPECT_EQ(0, mm_write(self->fd, a.handle, 0, "x", 1));
	}
	c.flags = 0;
	ASSERT_EQ(0, mm_heap_create(self->fd, &c));
	a = must_alloc(_metadata, self->fd, c.heap, 64);
	EXPECT_EQ(-EOPNOTSUPP, mm_protect(self->fd, a.handle, MEMMGR_ACCESS_READ, 0));
	EXPECT_EQ(0, mm_free(self->fd, a.handle));
	EXPECT_EQ(0, mm_heap_destroy(self->fd, c.heap, 0));
}

MEMMGR_TEST_MAIN
