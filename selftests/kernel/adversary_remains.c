// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Attacks on the bytes of others: nobody sees what memory held before, or what it holds next.
 *
 * Rule: memmgr(7), ISOLATION, "What belongs to whom".
 */
#include <sys/mman.h>

#include "lib/attacking.h"
#include "lib/memmgr_test.h"

MEMMGR_FIXTURE(victim)

/* The attacker keeps a mapping of what the victim gets next. */
static void await_successor(struct __test_metadata *_metadata, int fd, bool resize)
{
	size_t page = page_size(), bytes = 4 * page;
	int node = open_public_node(), said[2], go[2];
	struct memmgr_alloc a, b;
	pid_t child;

	ASSERT_LE(0, node);
	ASSERT_EQ(0, pipe(said));
	ASSERT_EQ(0, pipe(go));
	child = fork();
	if (!child) {
		struct target t = { .node = node, .page = page };
		struct memmgr_resize r;
		unsigned char *p;
		int other;
		char c;

		close(fd);
		close(go[1]);
		become(NOBODY);
		other = attacker_open(&t, O_RDWR);
		a = attacker_alloc(other, bytes);
		p = attacker_map(other, a.map_offset, bytes, PROT_READ | PROT_WRITE);
		memset(p, 0xa5, bytes);
		if (resize)
			HOLDS(!mm_resize(other, a.handle, page, &r));
		else
			HOLDS(!mm_free(other, a.handle));
		HOLDS(write(said[1], &a, sizeof(a)) == sizeof(a));
		HOLDS(!read(go[0], &c, 1));
		HOLDS(touch(p + page, false) == SIGBUS && touch(p + page, true) == SIGBUS);
		HOLDS(touch(p + 3 * page, false) == SIGBUS);
		HOLDS(touch(p, false) == (resize ? 0 : SIGBUS));
		_exit(0);
	}
	close(said[1]);
	ASSERT_EQ(sizeof(a), read(said[0], &a, sizeof(a)));
	/* until one lies where the attacker's was */
	do {
		b = must_alloc(_metadata, fd, MEMMGR_HEAP_MAIN, resize ? 3 * page : bytes);
	} while (b.offset + b.granted <= a.offset + page || b.offset >= a.offset + bytes);
	expect_zeros(_metadata, fd, &b);
	fill_allocation(_metadata, fd, &b, 9);
	close(go[1]);
	EXPECT_EQ(0, child_result(child));
	expect_allocation(_metadata, fd, &b, 9);
	close(node);
}

TEST_F(victim, adversary_old_mapping_of_a_successor)
{
	await_successor(_metadata, self->fd, false);
}

TEST_F(victim, adversary_mapping_of_what_was_cut)
{
	await_successor(_metadata, self->fd, true);
}

/* What the victim freed is zero when the attacker gets it. */
static void memory_with_a_past(const struct target *t)
{
	int fd = attacker_open(t, O_RDWR);
	struct memmgr_stats s;
	struct memmgr_alloc a;
	unsigned char *p;
	size_t i;

	HOLDS(!mm_stats(fd, MEMMGR_HEAP_MAIN, &s));
	a = attacker_alloc(fd, s.largest);
	p = attacker_map(fd, a.map_offset, a.granted, PROT_READ | PROT_WRITE);
	for (i = 0; i < a.granted; i += t->page)
		HOLDS(is_zero(p + i, t->page));
}

TEST_F(victim, adversary_memory_with_a_past)
{
	__u64 largest = must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN).largest;
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, largest);
	unsigned char *p = must_map(_metadata, self->fd, a.map_offset, a.granted);

	memset(p, 0x77, a.granted);
	ASSERT_EQ(0, mm_free(self->fd, a.handle));
	suffer(_metadata, self->fd, false, memory_with_a_past);
}

MEMMGR_TEST_MAIN
