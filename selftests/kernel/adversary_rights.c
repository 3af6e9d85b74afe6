// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Attacks without a capability on what only root may do.
 *
 * Rule: memmgr(7), ISOLATION, "What belongs to whom", and <linux/memmgr.h>, EPERM and EACCES.
 */
#include "lib/attacking.h"
#include "lib/memmgr_test.h"

MEMMGR_FIXTURE(victim)

static void uncleared_memory(const struct target *t)
{
	int fd = attacker_open(t, O_RDWR);
	struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, t->page);
	__u64 handles[2];
	struct memmgr_alloc_batch batch = {
		.size = sizeof(batch), .count = 2, .bytes = t->page,
		.flags = MEMMGR_ALLOC_NO_ZERO, .handles = (uintptr_t)handles,
	};

	a.flags = MEMMGR_ALLOC_NO_ZERO;
	HOLDS(mm_alloc(fd, &a) == -EPERM);
	a.heap = t->shared.heap;
	HOLDS(mm_alloc(fd, &a) == -EPERM);
	HOLDS(mm_call(fd, MEMMGR_IOC_ALLOC_BATCH, &batch) == -EPERM);
}

ATTACK(uncleared_memory)

static void own_quota_raised(const struct target *t)
{
	int fd = attacker_open(t, O_RDWR);
	__u32 user = MEMMGR_QUOTA_USER;

	HOLDS(mm_set_quota(fd, user, NOBODY, 0, 0) == -EPERM);
	HOLDS(mm_set_quota(fd, user | MEMMGR_QUOTA_DEFAULT, NOBODY, 0, 0) == -EPERM);
	HOLDS(mm_set_quota(fd, user, 0, 1, 1) == -EPERM);
	HOLDS(mm_set_quota(fd, MEMMGR_QUOTA_CLIENT, t->info.client, 1, 1) == -EPERM);
}

ATTACK(own_quota_raised)

static void shared_heaps(const struct target *t)
{
	int fd = attacker_open(t, O_RDWR);
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_BUDDY, "a-shared");

	c.flags = 0;
	HOLDS(mm_heap_create(fd, &c) == -EPERM);
	HOLDS(mm_heap_destroy(fd, t->shared.heap, 0) == -EPERM);
	HOLDS(mm_heap_destroy(fd, t->shared.heap, MEMMGR_DESTROY_FORCE) == -EPERM);
	HOLDS(mm_heap_destroy(fd, MEMMGR_HEAP_MAIN, MEMMGR_DESTROY_FORCE) == -EINVAL);
	HOLDS(mm_check(fd, t->shared.heap) == -EPERM && mm_check(fd, 0) == -EPERM);
}

ATTACK(shared_heaps)

static void foreign_private_heap(const struct target *t)
{
	int fd = attacker_open(t, O_RDWR);
	struct memmgr_alloc a = alloc_request(t->arena.heap, 32);
	struct memmgr_heap_query q;

	HOLDS(mm_alloc(fd, &a) == -EACCES);
	HOLDS(mm_heap_query(fd, t->arena.heap, &q) == -EACCES);
	HOLDS(mm_heap_destroy(fd, t->arena.heap, 0) == -EACCES);
	HOLDS(mm_heap_destroy(fd, t->arena.heap, MEMMGR_DESTROY_FORCE) == -EACCES);
	HOLDS(mm_check(fd, t->arena.heap) == -EACCES);
}

ATTACK(foreign_private_heap)

static void physical_addresses(const struct target *t)
{
	int fd = attacker_open(t, O_RDWR);
	struct memmgr_alloc a = attacker_alloc(fd, t->page);
	struct memmgr_info i;
	struct memmgr_query q;

	HOLDS(!mm_query(fd, &q) && !q.phys);
	HOLDS(!mm_info(fd, a.handle, &i) && !i.phys);
}

ATTACK(physical_addresses)

MEMMGR_TEST_MAIN
