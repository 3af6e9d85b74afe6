// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Attacks by handle: handles of others, forged ones and stale ones.
 *
 * Rule: memmgr(7), ISOLATION, "What belongs to whom". An attack is held when it got the
 * error or the signal of the contract, the bytes and records of the victim are as before,
 * and so are the books of all heaps.
 */
#include "lib/attacking.h"
#include "lib/memmgr_test.h"

MEMMGR_FIXTURE(victim)

/* One test for each call, with all that belongs to the victim. */
static void try_foreign(const struct target *t, int call)
{
	int fd = attacker_open(t, O_RDWR);

	try_handle(fd, call, t->a.handle, EACCES);
	try_handle(fd, call, t->persistent.handle, EACCES);
	try_handle(fd, call, t->block.handle, EACCES);
	try_handle(fd, call, t->common.handle, EACCES);
}

static void foreign_free(const struct target *t)
{
	try_foreign(t, CALL_FREE);
}

ATTACK(foreign_free)

static void foreign_free_batch(const struct target *t)
{
	try_foreign(t, CALL_BATCH);
}

ATTACK(foreign_free_batch)

static void foreign_resize(const struct target *t)
{
	try_foreign(t, CALL_RESIZE);
}

ATTACK(foreign_resize)

static void foreign_read(const struct target *t)
{
	try_foreign(t, CALL_READ);
}

ATTACK(foreign_read)

static void foreign_write(const struct target *t)
{
	try_foreign(t, CALL_WRITE);
}

ATTACK(foreign_write)

static void foreign_query(const struct target *t)
{
	try_foreign(t, CALL_QUERY);
}

ATTACK(foreign_query)

static void foreign_protect(const struct target *t)
{
	try_foreign(t, CALL_PROTECT);
}

ATTACK(foreign_protect)

static void foreign_sync(const struct target *t)
{
	try_foreign(t, CALL_SYNC);
}

ATTACK(foreign_sync)

static void foreign_export(const struct target *t)
{
	if (!dmabuf_is_built(attacker_open(t, O_RDWR)))
		vacuous("a build without dma-bufs");
	try_foreign(t, CALL_EXPORT);
}

ATTACK(foreign_export)

/* Another client of the same user is a stranger too, but for what persists. */
TEST_F(victim, adversary_other_client_of_the_user)
{
	int other = open_device(O_RDWR), call;
	struct target t;

	ASSERT_LE(0, other);
	set_up_target(_metadata, &t, self->fd);
	for (call = 0; call < CALLS; call++) {
		if (call == CALL_EXPORT && !dmabuf_is_built(other))
			continue;
		EXPECT_EQ(-EACCES, call_with(other, call, t.a.handle))
			TH_LOG("call %d", call);
		EXPECT_EQ(-EACCES, call_with(other, call, t.block.handle))
			TH_LOG("call %d", call);
	}
	close(other);
	expect_unharmed(_metadata, &t);
	tear_down_target(_metadata, &t);
}

static void forged_generation(const struct target *t)
{
	int fd = attacker_open(t, O_RDWR), bit;

	for (bit = 32; bit < 64; bit++)
		try_all_calls(fd, t->a.handle ^ 1ull << bit, EBADF);
}

ATTACK(forged_generation)

static void forged_numbers(const struct target *t)
{
	static const __u64 handles[] = {
		NO_HANDLE, ~0ull, 1, 1ull << 31, 1ull << 32, 1ull << 63,
		0xffffffffull, 0xffffffff00000000ull, 0xdeadbeefcafef00dull,
	};
	int fd = attacker_open(t, O_RDWR), call;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(handles); i++)
		for (call = 0; call < CALLS; call++) {
			int result = call_with(fd, call, handles[i]);

			/* the first of a table may be a real one of the victim's */
			HOLDS(result == -EBADF || result == -EACCES ||
			      (call == CALL_EXPORT && result == -EOPNOTSUPP));
		}
}

ATTACK(forged_numbers)

/* The right one among them is found out, and of no use. */
static void guessed_generations(const struct target *t)
{
	__u64 first = (t->a.handle & ~0ull << 32) - (2048ull << 32);
	int fd = attacker_open(t, O_RDWR);
	__u64 i, guess;

	for (i = 0; i < 4096; i++) {
		guess = first + (i << 32) + (__u32)t->a.handle;
		HOLDS(mm_free(fd, guess) == (guess == t->a.handle ? -EACCES : -EBADF));
	}
}

ATTACK(guessed_generations)

static void handle_moved_to_another_heap(const struct target *t)
{
	int fd = attacker_open(t, O_RDWR), bit;
	struct memmgr_alloc a = attacker_alloc(fd, t->page);
	struct memmgr_info i;

	for (bit = 0; bit < 32; bit++) {
		int result = mm_free(fd, a.handle ^ 1ull << bit);

		HOLDS(result == -EBADF || result == -EACCES);
	}
	HOLDS(!mm_info(fd, a.handle, &i));
}

ATTACK(handle_moved_to_another_heap)

static void stale_handle(const struct target *t)
{
	int fd = attacker_open(t, O_RDWR);
	struct memmgr_alloc a = attacker_alloc(fd, t->page), b;
	struct memmgr_info i;

	HOLDS(!mm_free(fd, a.handle));
	try_all_calls(fd, a.handle, EBADF);
	b = attacker_alloc(fd, t->page);
	HOLDS(b.handle != a.handle);
	try_all_calls(fd, a.handle, EBADF);
	HOLDS(!mm_info(fd, b.handle, &i) && i.bytes == t->page &&
	      i.access == (MEMMGR_ACCESS_READ | MEMMGR_ACCESS_WRITE));
}

ATTACK(stale_handle)

static void double_free(const struct target *t)
{
	int fd = attacker_open(t, O_RDWR);
	struct memmgr_alloc a = attacker_alloc(fd, t->page);
	struct memmgr_alloc b = attacker_alloc(fd, t->page);
	__u64 handles[] = { b.handle, b.handle, t->a.handle };
	struct memmgr_free_batch batch = {
		.size = sizeof(batch), .count = 3, .handles = (uintptr_t)handles,
	};

	HOLDS(!mm_free(fd, a.handle));
	HOLDS(mm_free(fd, a.handle) == -EBADF);
	HOLDS(mm_call(fd, MEMMGR_IOC_FREE_BATCH, &batch) == -EBADF);
	HOLDS(batch.count == 1);
}

ATTACK(double_free)

/* The victim's handle in the middle: what comes behind it stays as well. */
static void batch_with_a_foreign_handle(const struct target *t)
{
	int fd = attacker_open(t, O_RDWR);
	struct memmgr_alloc a = attacker_alloc(fd, t->page);
	struct memmgr_alloc b = attacker_alloc(fd, t->page);
	__u64 handles[] = { a.handle, t->a.handle, b.handle };
	struct memmgr_free_batch batch = {
		.size = sizeof(batch), .count = 3, .handles = (uintptr_t)handles,
	};
	struct memmgr_info i;

	HOLDS(mm_call(fd, MEMMGR_IOC_FREE_BATCH, &batch) == -EACCES);
	HOLDS(batch.count == 1);
	HOLDS(mm_info(fd, a.handle, &i) == -EBADF);
	HOLDS(!mm_info(fd, b.handle, &i));
}

ATTACK(batch_with_a_foreign_handle)

static void listing_for_handles(const struct target *t)
{
	struct memmgr_info entries[64];
	struct memmgr_list l = {
		.size = sizeof(l), .heap = MEMMGR_HEAP_ANY, .count = ARRAY_SIZE(entries),
		.entry_size = sizeof(entries[0]), .entries = (uintptr_t)entries,
	};
	int fd = attacker_open(t, O_RDWR);
	__u32 i, seen = 0;

	HOLDS(!mm_call(fd, MEMMGR_IOC_LIST, &l));
	for (i = 0; i < l.count; i++) {
		HOLDS(!entries[i].handle && !entries[i].phys);
		HOLDS(entries[i].map_offset == NO_OFFSET);
		HOLDS(!(entries[i].state & MEMMGR_INFO_MINE));
		HOLDS(entries[i].heap != t->arena.heap);
		seen += entries[i].offset == t->a.offset;
	}
	HOLDS(seen == 1);
}

ATTACK(listing_for_handles)

MEMMGR_TEST_MAIN
