// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Attacks by structure and pointer: too short, too long, over a hole, in freed memory.
 *
 * Rule: <linux/memmgr.h>, the opening comment: sizes, unknown parts, results and errors.
 */
#include <sys/mman.h>

#include "lib/attacking.h"
#include "lib/memmgr_test.h"

MEMMGR_FIXTURE(victim)

static void truncated_structures(const struct target *t)
{
	static const __u32 sizes[] = { 0, 1, 4, 7, 8, 11 };
	int fd = attacker_open(t, O_RDWR), nr;
	unsigned int i;

	for (nr = FIRST_CALL; nr <= LAST_CALL; nr++)
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			__u32 words[1024] = { sizes[i] };

			HOLDS(mm_call(fd, _IO(MEMMGR_IOC_MAGIC, nr), words) == -EINVAL);
		}
}

ATTACK(truncated_structures)

static void overlong_structures(const struct target *t)
{
	int fd = attacker_open(t, O_RDWR), nr;
	static __u32 words[4096];

	for (nr = FIRST_CALL; nr <= LAST_CALL; nr++) {
		memset(words, 0, sizeof(words));
		words[0] = 4096;
		words[1023] = 1;
		HOLDS(mm_call(fd, _IO(MEMMGR_IOC_MAGIC, nr), words) == -E2BIG);
		words[1023] = 0;
		words[0] = 8192;
		HOLDS(mm_call(fd, _IO(MEMMGR_IOC_MAGIC, nr), words) == -E2BIG);
		words[0] = 0xffffffff;
		HOLDS(mm_call(fd, _IO(MEMMGR_IOC_MAGIC, nr), words) == -E2BIG);
	}
}

ATTACK(overlong_structures)

static void structure_over_a_hole(const struct target *t)
{
	int fd = attacker_open(t, O_RDWR);
	unsigned char *edge = page_before_hole();
	struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, t->page);
	size_t cut;

	HOLDS(edge);
	for (cut = 1; cut < sizeof(a); cut++) {
		unsigned char *at = edge + t->page - cut;

		memcpy(at, &a, cut);
		HOLDS(mm_call(fd, MEMMGR_IOC_ALLOC, at) == -EFAULT);
	}
}

ATTACK(structure_over_a_hole)

/* The answer cannot be written: nobody would know the handle. */
static void structure_that_cannot_be_answered(const struct target *t)
{
	int fd = attacker_open(t, O_RDWR), i;
	struct memmgr_alloc *a = (struct memmgr_alloc *)page_before_hole();
	struct memmgr_stats before, after;

	HOLDS(a);
	*a = alloc_request(MEMMGR_HEAP_MAIN, t->page);
	HOLDS(!mprotect(a, t->page, PROT_READ));
	HOLDS(!mm_stats(fd, MEMMGR_HEAP_MAIN, &before));
	for (i = 0; i < 20; i++)
		HOLDS(mm_call(fd, MEMMGR_IOC_ALLOC, a) == -EFAULT);
	HOLDS(!mm_stats(fd, MEMMGR_HEAP_MAIN, &after));
	HOLDS(after.used == before.used && after.live == before.live);
}

ATTACK(structure_that_cannot_be_answered)

static void structure_in_freed_memory(const struct target *t)
{
	int fd = attacker_open(t, O_RDWR), nr;
	struct memmgr_alloc a = attacker_alloc(fd, t->page);
	void *p = attacker_map(fd, a.map_offset, t->page, PROT_READ | PROT_WRITE);

	memset(p, 0, t->page);
	HOLDS(!mm_free(fd, a.handle));
	for (nr = FIRST_CALL; nr <= LAST_CALL; nr++)
		HOLDS(mm_call(fd, _IO(MEMMGR_IOC_MAGIC, nr), p) == -EFAULT);
}

ATTACK(structure_in_freed_memory)

static void unknown_commands(const struct target *t)
{
	int fd = attacker_open(t, O_RDWR), nr;
	__u32 words[1024] = { 64 };

	for (nr = LAST_CALL + 1; nr < 256; nr++)
		HOLDS(mm_call(fd, _IO(MEMMGR_IOC_MAGIC, nr), words) == -ENOTTY);
	for (nr = 0; nr < 256; nr++)
		HOLDS(mm_call(fd, _IOWR(MEMMGR_IOC_MAGIC, nr, __u64), words) == -ENOTTY);
}

ATTACK(unknown_commands)

static void sizes_that_wrap(const struct target *t)
{
	static const __u64 sizes[] = {
		0, ~0ull, ~0ull - 4094, 1ull << 63, 1ull << 32, (1ull << 32) + 1,
		0xffffffffull, 0xfffff001ull,
	};
	int fd = attacker_open(t, O_RDWR);
	struct memmgr_alloc a = attacker_alloc(fd, t->page), b;
	struct memmgr_resize r;
	unsigned int i;
	char byte;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		b = alloc_request(MEMMGR_HEAP_MAIN, sizes[i]);
		HOLDS(mm_alloc(fd, &b) == (sizes[i] ? -ENOMEM : -EINVAL));
		HOLDS(!sizes[i] || b.reason == MEMMGR_REASON_TOO_LARGE);
		HOLDS(mm_resize(fd, a.handle, sizes[i], &r) == (sizes[i] ? -ENOMEM : -EINVAL));
		HOLDS(!sizes[i] || mm_read(fd, a.handle, sizes[i], &byte, 1) == -ERANGE);
		HOLDS(mm_sync(fd, a.handle, 1, sizes[i], MEMMGR_SYNC_FOR_CPU) ==
		      (sizes[i] ? -ERANGE : -EINVAL));
	}
}

ATTACK(sizes_that_wrap)

MEMMGR_TEST_MAIN
