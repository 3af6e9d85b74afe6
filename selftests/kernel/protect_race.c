// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * When PROTECT has answered, no write arrives any more. Threads write and read
 * a page all the time, while it is made read-only again and again, or sealed. The
 * readers keep read-only entries present, so that a write has something to build on.
 *
 * Rule: <linux/memmgr.h>, struct memmgr_protect.
 */
#include <sys/mman.h>

#include "lib/memmgr_test.h"

#define THREADS		2
#define ROUNDS		1000	/* a module that was wrong showed it in one of 600 */
#define SEAL_ROUNDS	300
#define READER_ROUNDS	300
#define MAX_BUSY	100000	/* times that PROTECT may say EBUSY in a row */
#define RW		(MEMMGR_ACCESS_READ | MEMMGR_ACCESS_WRITE)

MEMMGR_FIXTURE(protect_race)

FIXTURE_VARIANT(protect_race)
{
	bool dmabuf;
};

FIXTURE_VARIANT_ADD(protect_race, mapping) { false };
FIXTURE_VARIANT_ADD(protect_race, mapping_of_a_dmabuf) { true };

static volatile __u32 *words;	/* 0: is written; 1: is read */
static bool over;
static __thread sigjmp_buf again;
static __thread __u32 number;

static void try_again(int signal)
{
	siglongjmp(again, signal);
}

static void *write_words(void *unused)
{
	sigsetjmp(again, 1);
	while (!__atomic_load_n(&over, __ATOMIC_RELAXED))
		words[0] = ++number;
	return NULL;
}

static void *read_words(void *unused)
{
	sigsetjmp(again, 1);
	while (!__atomic_load_n(&over, __ATOMIC_RELAXED))
		number += words[1];
	return NULL;
}

static void threads_start(struct __test_metadata *_metadata, pthread_t *thread)
{
	struct sigaction action = { .sa_handler = try_again };
	int i;

	ASSERT_EQ(0, sigaction(SIGSEGV, &action, NULL));
	ASSERT_EQ(0, sigaction(SIGBUS, &action, NULL));
	for (i = 0; i < THREADS; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, i % 2 ? read_words : write_words,
					    NULL));
}

static void threads_end(struct __test_metadata *_metadata, pthread_t *thread)
{
	int i;

	__atomic_store_n(&over, true, __ATOMIC_RELAXED);
	for (i = 0; i < THREADS; i++)
		ASSERT_EQ(0, pthread_join(thread[i], NULL));
}

/* Shows an allocation at @words, by its client or by a dma-buf. */
static void show(struct __test_metadata *_metadata, int fd, const struct memmgr_alloc *a,
		 bool dmabuf)
{
	int file = dmabuf ? mm_export(fd, a->handle, 0) : dup(fd);
	off_t offset = dmabuf ? 0 : (off_t)a->map_offset;

	ASSERT_LE(0, file);
	ASSERT_TRUE(mmap((void *)words, page_size(), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_FIXED, file, offset) == words);
	close(file);
}

/* A touch of another thread may look like I/O for a moment: EBUSY, ask again. */
static void make_read_only(struct __test_metadata *_metadata, int fd, __u64 handle,
			   __u32 flags)
{
	int busy = 0, result;

	do {
		result = mm_protect(fd, handle, MEMMGR_ACCESS_READ, flags);
	} while (result == -EBUSY && ++busy < MAX_BUSY);
	ASSERT_EQ(0, result);
}

/* Does it change after all? @last: what it was the last time, and is now. */
static bool changes(struct __test_metadata *_metadata, int fd, __u64 handle,
		    unsigned int delay, __u32 *last)
{
	__u32 before, after;

	ASSERT_EQ(0, mm_read(fd, handle, 0, &before, sizeof(before)));
	usleep(delay);
	ASSERT_EQ(0, mm_read(fd, handle, 0, &after, sizeof(after)));
	*last = after;
	return before != after;
}

TEST_F(protect_race, no_write_after_protect)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN,
					   self->page);
	unsigned int seed = test_seed(), round, late = 0, written = 0;
	pthread_t thread[THREADS];
	__u32 was = 0, is;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "there is one CPU: nobody races");
	words = mmap(NULL, self->page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(words != MAP_FAILED);
	show(_metadata, self->fd, &a, variant->dmabuf);
	threads_start(_metadata, thread);
	for (round = 0; round < ROUNDS; round++) {
		make_read_only(_metadata, self->fd, a.handle, 0);
		late += changes(_metadata, self->fd, a.handle, rand_r(&seed) % 300, &is);
		written += is != was;
		was = is;
		ASSERT_EQ(0, mm_protect(self->fd, a.handle, RW, 0));
		usleep(rand_r(&seed) % 50);
	}
	threads_end(_metadata, thread);
	EXPECT_EQ(0, late)
		TH_LOG("written while read-only: %u of %u rounds", late, ROUNDS);
	/* else nobody raced */
	EXPECT_LT(ROUNDS / 32, written);
	munmap((void *)words, self->page);
}

/* Who may go on reading, and does, is no reason to refuse. */
TEST_F(protect_race, readers_do_not_make_it_fail)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN,
					   self->page);
	pthread_t thread[THREADS];
	unsigned int round, busy = 0;
	int i;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "there is one CPU: nobody races");
	words = mmap(NULL, self->page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(words != MAP_FAILED);
	show(_metadata, self->fd, &a, variant->dmabuf);
	for (i = 0; i < THREADS; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, read_words, NULL));
	for (round = 0; round < READER_ROUNDS; round++) {
		words[0] = round;	/* an entry to take away */
		busy += !!mm_protect(self->fd, a.handle, MEMMGR_ACCESS_READ, 0);
		ASSERT_EQ(0, mm_protect(self->fd, a.handle, RW, 0));
	}
	threads_end(_metadata, thread);
	EXPECT_EQ(0, busy)
		TH_LOG("refused in %u of %u rounds", busy, READER_ROUNDS);
	munmap((void *)words, self->page);
}

TEST_F(protect_race, no_write_after_seal)
{
	unsigned int seed = test_seed(), round, late = 0, written = 0;
	pthread_t thread[THREADS];
	struct memmgr_alloc a;
	__u32 is;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "there is one CPU: nobody races");
	words = mmap(NULL, self->page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(words != MAP_FAILED);
	threads_start(_metadata, thread);
	for (round = 0; round < SEAL_ROUNDS; round++) {
		a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, self->page);
		show(_metadata, self->fd, &a, variant->dmabuf);
		usleep(rand_r(&seed) % 500);
		make_read_only(_metadata, self->fd, a.handle, MEMMGR_PROTECT_SEAL);
		late += changes(_metadata, self->fd, a.handle, rand_r(&seed) % 300, &is);
		written += !!is;
		EXPECT_EQ(-EPERM, mm_protect(self->fd, a.handle, RW, 0));
		ASSERT_EQ(0, mm_free(self->fd, a.handle));
	}
	threads_end(_metadata, thread);
	EXPECT_EQ(0, late)
		TH_LOG("written while sealed: %u of %u rounds", late, SEAL_ROUNDS);
	EXPECT_LT(SEAL_ROUNDS / 32, written);
	munmap((void *)words, self->page);
}

MEMMGR_TEST_MAIN
