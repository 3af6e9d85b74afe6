// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Attacks on a quota: by more files, children, sorts of memory and owners.
 *
 * Rule: memmgr(7), ISOLATION, "Quotas".
 */
#include "lib/attacking.h"
#include "lib/memmgr_test.h"

MEMMGR_FIXTURE(victim)

#define STRANGER	65533	/* one more user without any capability */

/* Takes pages until it may have no more; how many that were. */
static int take_all(int fd)
{
	struct memmgr_alloc a;
	int pages = 0, result;

	for (;;) {
		a = alloc_request(MEMMGR_HEAP_MAIN, page_size());
		result = mm_alloc(fd, &a);
		if (result)
			break;
		pages++;
	}
	HOLDS(result == -EDQUOT && a.reason == MEMMGR_REASON_QUOTA);
	return pages;
}

static void quota_by_many_files(const struct target *t)
{
	int i;

	HOLDS(take_all(attacker_open(t, O_RDWR)) == QUOTA_PAGES);
	for (i = 0; i < 20; i++)
		HOLDS(take_all(attacker_open(t, O_RDWR)) == 0);
}

ATTACK_QUOTA(quota_by_many_files)

static void quota_by_fork_and_dup(const struct target *t)
{
	int fd = attacker_open(t, O_RDWR);
	pid_t child;

	HOLDS(take_all(fd) == QUOTA_PAGES);
	HOLDS(take_all(dup(fd)) == 0);
	child = fork();
	if (!child) {
		HOLDS(take_all(fd) == 0);
		HOLDS(take_all(attacker_open(t, O_RDWR)) == 0);
		_exit(0);
	}
	HOLDS(!child_result(child));
}

ATTACK_QUOTA(quota_by_fork_and_dup)

static void quota_by_persistence(const struct target *t)
{
	struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, 10 * t->page);
	int fd = attacker_open(t, O_RDWR), again;

	a.flags = MEMMGR_ALLOC_PERSISTENT;
	HOLDS(!mm_alloc(fd, &a));
	close(fd);
	again = attacker_open(t, O_RDWR);
	HOLDS(take_all(again) == QUOTA_PAGES - 10);
	HOLDS(!mm_free(again, a.handle));
	HOLDS(take_all(again) == 10);
}

ATTACK_QUOTA(quota_by_persistence)

static void quota_by_private_heaps(const struct target *t)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_BUDDY, "a-arena");
	int fd = attacker_open(t, O_RDWR);
	struct memmgr_heap_query q;

	/* What it costs the system counts as well. */
	c.bytes = QUOTA_PAGES * t->page;
	HOLDS(mm_heap_create(fd, &c) == -EDQUOT && c.reason == MEMMGR_REASON_QUOTA);
	c = heap_config(MEMMGR_KIND_BUDDY, "a-arena");
	c.bytes = 8 * t->page;
	HOLDS(!mm_heap_create(fd, &c) && !mm_heap_query(fd, c.heap, &q));
	HOLDS(q.kernel_bytes && q.kernel_bytes < 8 * t->page);
	HOLDS(take_all(fd) == (8 * t->page - q.kernel_bytes) / t->page);
}

ATTACK_QUOTA(quota_by_private_heaps)

static void quota_by_growing_slabs(const struct target *t)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_SLAB, "a-slab");
	int fd = attacker_open(t, O_RDWR), i, result = 0;
	struct memmgr_heap_query q;
	struct memmgr_alloc a;

	if (!kind_is_built(fd, MEMMGR_KIND_SLAB))
		vacuous("a build without slab heaps");
	c.object_size = t->page;
	c.max_allocations = 2 * QUOTA_PAGES;
	HOLDS(!mm_heap_create(fd, &c));
	for (i = 0; !result && i < 10000; i++) {
		a = alloc_request(c.heap, 100);
		result = mm_alloc(fd, &a);
	}
	HOLDS(result == -EDQUOT && a.reason == MEMMGR_REASON_QUOTA);
	HOLDS(!mm_heap_query(fd, c.heap, &q) &&
	      q.held + q.kernel_bytes <= QUOTA_PAGES * t->page);
}

ATTACK_QUOTA(quota_by_growing_slabs)

static void quota_by_resize_and_batch(const struct target *t)
{
	int fd = attacker_open(t, O_RDWR);
	struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, t->page);
	__u64 handles[64];
	struct memmgr_alloc_batch batch = {
		.size = sizeof(batch), .count = 64, .bytes = t->page,
		.handles = (uintptr_t)handles,
	};
	struct memmgr_resize r;

	/* Where there are pages behind it. */
	a.align = 2 * QUOTA_PAGES * t->page;
	HOLDS(!mm_alloc(fd, &a));
	HOLDS(mm_resize(fd, a.handle, (QUOTA_PAGES + 1) * t->page, &r) == -EDQUOT);
	HOLDS(r.reason == MEMMGR_REASON_QUOTA);
	HOLDS(!mm_call(fd, MEMMGR_IOC_ALLOC_BATCH, &batch));
	HOLDS(batch.count == QUOTA_PAGES - 1 && batch.reason == MEMMGR_REASON_QUOTA);
	HOLDS(take_all(fd) == 0);
}

ATTACK_QUOTA(quota_by_resize_and_batch)

/* Freed, but a dma-buf keeps the memory: it counts as long. */
static void quota_by_dmabuf(const struct target *t)
{
	int fd = attacker_open(t, O_RDWR), buffer;
	struct memmgr_alloc a = attacker_alloc(fd, 10 * t->page);

	if (!dmabuf_is_built(fd))
		vacuous("a build without dma-bufs");
	buffer = mm_export(fd, a.handle, MEMMGR_EXPORT_CLOEXEC);
	HOLDS(buffer >= 0 && !mm_free(fd, a.handle));
	HOLDS(take_all(fd) == QUOTA_PAGES - 10);
	close(fd);
	fd = attacker_open(t, O_RDWR);
	HOLDS(take_all(fd) == QUOTA_PAGES - 10);
	close(buffer);
}

ATTACK_QUOTA(quota_by_dmabuf)

/* Whoever holds the file: it is charged to the user who opened it. */
TEST_F(victim, adversary_quota_by_a_file_passed_on)
{
	int node = open_public_node(), said[2];
	struct target t = { .node = node, .page = self->page };
	pid_t child;
	int pages = -1;

	ASSERT_LE(0, node);
	ASSERT_EQ(0, pipe(said));
	ASSERT_EQ(0, mm_set_quota(self->fd, MEMMGR_QUOTA_USER, NOBODY,
				  QUOTA_PAGES * self->page, 0));
	child = fork();
	if (!child) {
		int fd;

		HOLDS(!setresuid(-1, NOBODY, -1));
		fd = attacker_open(&t, O_RDWR);
		HOLDS(!setresuid(-1, 0, -1));
		become(STRANGER);
		pages = take_all(fd);
		HOLDS(write(said[1], &pages, sizeof(pages)) == sizeof(pages));
		_exit(0);
	}
	EXPECT_EQ(0, child_result(child));
	EXPECT_EQ(sizeof(pages), read(said[0], &pages, sizeof(pages)));
	EXPECT_EQ(QUOTA_PAGES, pages);
	EXPECT_EQ(0, mm_set_quota(self->fd, MEMMGR_QUOTA_USER | MEMMGR_QUOTA_DEFAULT,
				  NOBODY, 0, 0));
	close(node);
}

MEMMGR_TEST_MAIN
