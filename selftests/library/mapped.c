// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * libmemmgr's allocations that are used through a pointer, against the module: where they
 * end, the signal that a stale pointer meets, and the memory that stays behind.
 *
 * Rule: libmemmgr(3), "Allocations".
 */
#include <sys/resource.h>

#include "../kernel/lib/debugging.h"
#include "../kernel/lib/memmgr_test.h"
#include "wrapped.h"

#define STAY		32u	/* mappings that stay after a free */
#define STAY_PAGES	16u	/* of allocations of so many pages */

MEMMGR_FIXTURE(mapped)

/* What the library's own calls come by. */
static bool module_is_older, no_address_space;

int __wrap_memmgr_alloc(int fd, struct memmgr_alloc *alloc)
{
	const __u32 newer = MEMMGR_ALLOC_MAY_SHIFT | MEMMGR_ALLOC_POPULATE;

	return module_is_older && alloc->flags & newer ? -EINVAL :
	       __real_memmgr_alloc(fd, alloc);
}

int __wrap_memmgr_mmap(int fd, uint64_t map_offset, size_t bytes, int prot, void **address)
{
	return no_address_space ? -ENOMEM :
	       __real_memmgr_mmap(fd, map_offset, bytes, prot, address);
}

static int guards(int fd, __u32 interval)
{
	struct memmgr_debug d = {
		.flags = interval ? MEMMGR_DEBUG_GUARDS : 0, .guard_interval = interval,
	};

	return debug_set(fd, MEMMGR_HEAP_MAIN, d);
}

static unsigned char *must_alloc_mapped(struct __test_metadata *_metadata, int fd,
					struct memmgr_alloc *a)
{
	void *p = NULL;

	ASSERT_EQ(0, memmgr_alloc_mapped(fd, a, &p));
	EXPECT_EQ(0, a->flags);
	EXPECT_EQ(0, a->site);
	return p;
}

/* All of it is there, clear, and nothing beside its pages. */
TEST_F(mapped, library_mapped_sizes)
{
	const __u64 sizes[] = { 1, 32, self->page - 1, self->page, 5 * self->page + 3, MIB };
	unsigned char *p;
	unsigned int i, old;

	for (old = 0; old < 2; old++) {
		module_is_older = old;
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			struct memmgr_alloc a = { .bytes = sizes[i], .tag = "mapped" };

			p = must_alloc_mapped(_metadata, self->fd, &a);
			EXPECT_TRUE(is_zero(p, a.granted));
			memset(p, 0x5a, a.granted);
			EXPECT_EQ(SIGSEGV, touch(p - 1, false));
			EXPECT_EQ(SIGSEGV, touch(p + a.granted, true));
			ASSERT_EQ(0, memmgr_free_mapped(self->fd, &a, p));
			/* What is large does not stay. */
			EXPECT_EQ(a.granted > STAY_PAGES * self->page ? SIGSEGV : SIGBUS,
				  touch(p, false));
		}
	}
}

static long minor_faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_minflt;
}

/* The module maps much at a touch; one that is older maps what the library touches. */
TEST_F(mapped, library_mapped_populated)
{
	struct memmgr_alloc a = { .bytes = MIB, .flags = MEMMGR_ALLOC_POPULATE };
	unsigned char *p;
	unsigned int old;
	size_t at;
	void *q;
	long before;

	for (old = 0; old < 2; old++) {
		module_is_older = old;
		ASSERT_EQ(0, memmgr_alloc_mapped(self->fd, &a, &q));
		EXPECT_EQ(MEMMGR_ALLOC_POPULATE, a.flags);
		p = q;
		minor_faults();
		before = minor_faults();
		for (at = 0; at < MIB; at += self->page)
			*(volatile unsigned char *)(p + at) = 1;
		EXPECT_EQ(before, minor_faults());
		ASSERT_EQ(0, memmgr_free_mapped(self->fd, &a, p));
	}
}

/* Guarded, its end is where a program is stopped, and reported. */
TEST_F(mapped, library_mapped_ends_at_the_guard)
{
	struct memmgr_alloc a = { .bytes = 32, .tag = "caption" };
	struct memmgr_corruption c;
	unsigned char *p;
	__u64 after = 0;

	if (!debug_is_built(self->fd))
		SKIP(return, "not in this build");
	reports(_metadata, self->fd, &after, &c);
	ASSERT_EQ(0, guards(self->fd, 1));
	p = must_alloc_mapped(_metadata, self->fd, &a);
	memset(p, 1, 32);
	EXPECT_EQ(0, reports(_metadata, self->fd, &after, &c));
	EXPECT_EQ(SIGSEGV, touch(p + 32, true));
	ASSERT_EQ(1, reports(_metadata, self->fd, &after, &c));
	EXPECT_EQ(MEMMGR_CORRUPTION_GUARD, c.kind);
	EXPECT_EQ(a.handle, c.handle);
	EXPECT_EQ(0, c.distance);
	EXPECT_STREQ("caption", c.tag);
	ASSERT_EQ(0, memmgr_free_mapped(self->fd, &a, p));
	EXPECT_EQ(SIGBUS, touch(p + 3, true));
	ASSERT_EQ(1, reports(_metadata, self->fd, &after, &c));
	EXPECT_EQ(MEMMGR_CORRUPTION_STALE, c.kind);
	EXPECT_EQ(a.handle, c.handle);
	EXPECT_EQ(3, c.distance);
	memmgr_close(self->fd);
	EXPECT_EQ(SIGSEGV, touch(p + 3, true));
	self->fd = open_device(O_RDWR);
	ASSERT_EQ(0, guards(self->fd, 0));
}

/* Nothing is mapped where the last ones were; the oldest goes when there are too many. */
TEST_F(mapped, library_mapped_stays)
{
	unsigned char *p[STAY + 1];
	struct memmgr_alloc a = { .bytes = 100 };
	unsigned int i, j;

	for (i = 0; i <= STAY; i++) {
		p[i] = must_alloc_mapped(_metadata, self->fd, &a);
		for (j = 0; j < i; j++)
			ASSERT_NE(p[j], p[i]);
		ASSERT_EQ(0, memmgr_free_mapped(self->fd, &a, p[i]));
	}
	EXPECT_EQ(SIGSEGV, touch(p[0], false));
	for (i = 1; i <= STAY; i++)
		EXPECT_EQ(SIGBUS, touch(p[i], false));
	memmgr_close(self->fd);
	for (i = 0; i <= STAY; i++)
		EXPECT_EQ(SIGSEGV, touch(p[i], false));
	self->fd = open_device(O_RDWR);
}

/* What was not freed goes with memmgr_close(), whatever stayed mapped before. */
TEST_F(mapped, library_mapped_close_reclaims)
{
	struct memmgr_alloc a = { .bytes = 100 }, b = { .bytes = MIB };
	int fd = memmgr_open(device_path(), O_RDWR);
	__u32 live;
	void *p;

	ASSERT_LE(0, fd);
	live = must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN).live;
	p = must_alloc_mapped(_metadata, fd, &a);
	ASSERT_EQ(0, memmgr_free_mapped(fd, &a, p));
	ASSERT_EQ(0, memmgr_alloc(fd, &b));
	EXPECT_EQ(live + 1, must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN).live);
	memmgr_close(fd);
	EXPECT_EQ(live, must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN).live);
}

/* An error leaves everything as it was, and the reasons of a failure are told. */
TEST_F(mapped, library_mapped_errors)
{
	struct memmgr_alloc a = { .bytes = 100 }, wrong;
	__u32 heap = must_kind(_metadata, self->fd, MEMMGR_KIND_BUDDY);
	struct memmgr_stats before;
	unsigned char *p;
	void *none = self;

	before = must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN);
	wrong = (struct memmgr_alloc) { .bytes = 0 };
	EXPECT_EQ(-EINVAL, memmgr_alloc_mapped(self->fd, &wrong, &none));
	wrong = (struct memmgr_alloc) { .bytes = 100, .heap = heap };
	EXPECT_EQ(-EOPNOTSUPP, memmgr_alloc_mapped(self->fd, &wrong, &none));
	wrong = (struct memmgr_alloc) { .bytes = 1ull << 40 };
	EXPECT_EQ(-ENOMEM, memmgr_alloc_mapped(self->fd, &wrong, &none));
	EXPECT_EQ(MEMMGR_REASON_TOO_LARGE, wrong.reason);
	no_address_space = true;
	wrong = (struct memmgr_alloc) { .bytes = 100 };
	EXPECT_EQ(-ENOMEM, memmgr_alloc_mapped(self->fd, &wrong, &none));
	no_address_space = false;
	EXPECT_EQ(self, none);
	EXPECT_EQ(before.live, must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN).live);
	EXPECT_EQ(before.used, must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN).used);

	p = must_alloc_mapped(_metadata, self->fd, &a);
	EXPECT_EQ(-EINVAL, memmgr_free_mapped(self->fd, &a, p + 1));
	wrong = a;
	wrong.handle += 1ull << 32;
	EXPECT_EQ(-EBADF, memmgr_free_mapped(self->fd, &wrong, p));
	EXPECT_EQ(0, touch(p + 99, true));
	ASSERT_EQ(0, memmgr_free_mapped(self->fd, &a, p));
	EXPECT_EQ(-EBADF, memmgr_free_mapped(self->fd, &a, p));
	EXPECT_EQ(SIGBUS, touch(p, true));
	memmgr_close(self->fd);
	self->fd = open_device(O_RDWR);
}

#define THREADS	4
#define ROUNDS	500

/* Returns the rounds that went well. */
static void *churn(void *argument)
{
	int fd = *(int *)argument;
	unsigned char *p[3];
	struct memmgr_alloc a[3];
	__u32 seed = (__u32)(uintptr_t)&seed | 1;
	intptr_t round;
	int i;

	for (round = 0; round < ROUNDS; round++)
		for (i = 0; i < 3; i++) {
			a[i] = (struct memmgr_alloc) { .bytes = 1 + test_random(&seed) % 9000 };
			if (memmgr_alloc_mapped(fd, &a[i], (void **)&p[i]))
				return (void *)round;
			fill_pattern(p[i], a[i].bytes, round * 3 + i);
			/* The last one of three is freed after the other two. */
			if (i < 2)
				continue;
			for (; i >= 0; i--)
				if (!is_pattern(p[i], a[i].bytes, round * 3 + i) ||
				    memmgr_free_mapped(fd, &a[i], p[i]))
					return (void *)round;
			break;
		}
	return (void *)round;
}

TEST_F(mapped, library_mapped_threads)
{
	pthread_t thread[THREADS];
	void *rounds;
	int i;

	if (debug_is_built(self->fd))
		ASSERT_EQ(0, guards(self->fd, 3));
	for (i = 0; i < THREADS; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, churn, &self->fd));
	for (i = 0; i < THREADS; i++) {
		ASSERT_EQ(0, pthread_join(thread[i], &rounds));
		EXPECT_EQ(ROUNDS, (intptr_t)rounds);
	}
	memmgr_close(self->fd);
	self->fd = open_device(O_RDWR);
	if (debug_is_built(self->fd))
		ASSERT_EQ(0, guards(self->fd, 0));
}

MEMMGR_TEST_MAIN
