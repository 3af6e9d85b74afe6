// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Freed memory: a write to it, a second free and a stale handle are found. The report names
 * the allocation, its maker, and the process that freed it.
 *
 * Rule: <linux/memmgr.h>, struct memmgr_corruption, and memmgr(7), "Memory errors".
 */
#include <signal.h>
#include <sys/wait.h>

#include "lib/debugging.h"
#include "lib/memmgr_test.h"

MEMMGR_FIXTURE(corruption_freed)
MEMMGR_KIND_FIXTURE(corruption_freed_kind);

#define BLOCKS	8u

static const struct memmgr_debug poison = {
	.flags = MEMMGR_DEBUG_POISON | MEMMGR_DEBUG_QUARANTINE,
	.quarantine_blocks = BLOCKS,
	.quarantine_bytes = 64 * KIB,
};

/* Room for all that is freed, which is not poisoned. */
static const struct memmgr_debug keep = {
	.flags = MEMMGR_DEBUG_QUARANTINE,
	.quarantine_blocks = 100,
	.quarantine_bytes = ~0ull,
};

static struct memmgr_debug must_debug(struct __test_metadata *_metadata, int fd, __u32 heap)
{
	struct memmgr_debug d;

	ASSERT_EQ(0, debug_get(fd, heap, &d));
	return d;
}

/* A report names the allocation, its maker, and who freed it: this process all of them. */
static void expect_mine(struct __test_metadata *_metadata, const struct memmgr_corruption *c,
			const struct memmgr_alloc *a, __u32 kind)
{
	EXPECT_EQ(kind, c->kind);
	EXPECT_EQ(a->handle, c->handle);
	EXPECT_EQ(a->offset, c->place);
	EXPECT_EQ(a->bytes, c->bytes);
	EXPECT_STREQ(a->tag, c->tag);
	EXPECT_EQ((__u32)getpid(), c->pid);
	EXPECT_EQ((__u32)getpid(), c->free_pid);
	EXPECT_STREQ(c->comm, c->free_comm);
	EXPECT_GE(c->free_ns, c->alloc_ns);
	EXPECT_GE(c->time_ns, c->free_ns);
}

/* One byte at a time of what was freed, found by CHECK, and by the end of the quarantine. */
static void damage_freed(struct __test_metadata *_metadata, struct ground *g,
			 const struct memmgr_alloc *wanted, __u64 at)
{
	struct memmgr_alloc a = *wanted;
	struct memmgr_corruption c;
	unsigned char *p, bad;

	ASSERT_EQ(0, mm_alloc(g->fd, &a));
	p = where(_metadata, g, &a);
	ASSERT_EQ(0, mm_free(g->fd, a.handle));
	EXPECT_EQ(0, mm_check(g->fd, g->heap));
	bad = p[at] ^ (1u << at % 8);
	p[at] = bad;
	EXPECT_EQ(0, reports(_metadata, g->fd, &g->after, &c));
	if (at % 2) {
		EXPECT_EQ(-EUCLEAN, mm_check(g->fd, g->heap));
	} else {
		/* Turned off, and on again: everything goes back. */
		ASSERT_EQ(0, debug_set(g->fd, g->heap, poison));
		EXPECT_EQ(0, must_debug(_metadata, g->fd, g->heap).held_blocks);
	}
	ASSERT_EQ(1, reports(_metadata, g->fd, &g->after, &c))
		TH_LOG("byte %llu of %llu", (unsigned long long)at, (unsigned long long)a.bytes);
	expect_mine(_metadata, &c, &a, MEMMGR_CORRUPTION_FREED);
	EXPECT_EQ(a.offset + at, c.offset);
	EXPECT_EQ(at, c.distance);
	EXPECT_EQ(1, c.damaged);
	EXPECT_EQ(bad, c.found[0]);
	EXPECT_EQ(bad ^ (1u << at % 8), c.expected[0]);
	/* It was mended: nobody hears of it again. */
	EXPECT_EQ(0, mm_check(g->fd, g->heap));
}

TEST_F(corruption_freed_kind, corruption_each_freed_byte)
{
	static const __u64 sizes[] = { 16, 29, 64 }, aligns[] = { 0, 16, 64 };
	struct memmgr_alloc a;
	struct ground g;
	unsigned int s, n;
	__u64 at;

	if (!kind_is_built(self->fd, variant->kind) || !debug_is_built(self->fd))
		SKIP(return, "not in this build");
	if (variant->kind == MEMMGR_KIND_STACK)
		SKIP(return, "a stack keeps nothing");
	ground_make(_metadata, self->fd, variant->kind, poison, &g);
	for (n = 0; n < ARRAY_SIZE(aligns); n++)
		for (s = 0; s < ARRAY_SIZE(sizes); s++)
			for (at = 0; at < sizes[s]; at++) {
				a = alloc_request(g.heap, sizes[s]);
				a.align = aligns[n];
				strcpy(a.tag, "freed");
				damage_freed(_metadata, &g, &a, at);
			}
	EXPECT_EQ(3 * (16 + 29 + 64), must_debug(_metadata, self->fd, g.heap).found);
}

/* What waits is not used again, and the oldest goes first. */
TEST_F(corruption_freed_kind, corruption_quarantine_delays)
{
	struct memmgr_alloc a[BLOCKS + 1], again;
	struct memmgr_debug d;
	struct ground g;
	unsigned int i, j;

	if (!kind_is_built(self->fd, variant->kind) || !debug_is_built(self->fd))
		SKIP(return, "not in this build");
	ground_make(_metadata, self->fd, variant->kind, poison, &g);
	for (i = 0; i <= BLOCKS; i++) {
		a[i] = must_alloc(_metadata, self->fd, g.heap, 64);
		ASSERT_EQ(0, mm_free(self->fd, a[i].handle));
		d = must_debug(_metadata, self->fd, g.heap);
		if (variant->kind == MEMMGR_KIND_STACK) {
			EXPECT_EQ(0, d.held_blocks);
			continue;
		}
		EXPECT_EQ(i < BLOCKS ? i + 1 : BLOCKS, d.held_blocks);
		EXPECT_LE(d.held_blocks * 64, d.held_bytes);
		for (j = 0; j < i && i < BLOCKS; j++)
			EXPECT_NE(a[j].offset, a[i].offset);
	}
	/* Nobody has them: they are no allocations, and no leak. */
	EXPECT_EQ(0, must_stats(_metadata, self->fd, g.heap).live);
	EXPECT_EQ(0, must_stats(_metadata, self->fd, g.heap).kernel_live);
	again = must_alloc(_metadata, self->fd, g.heap, 64);
	for (i = 1; i <= BLOCKS && variant->kind != MEMMGR_KIND_STACK; i++)
		EXPECT_NE(a[i].offset, again.offset);
	EXPECT_EQ(0, mm_check(self->fd, g.heap));
}

/* No request fails because of what waits. */
TEST_F(corruption_freed_kind, corruption_quarantine_yields)
{
	struct memmgr_debug all = {
		.flags = MEMMGR_DEBUG_QUARANTINE, .quarantine_bytes = ~0ull,
		.quarantine_blocks = MEMMGR_QUARANTINE_MAX,
	};
	struct memmgr_alloc *a = calloc(4096, sizeof(*a));
	unsigned int round, n, first = 0;
	struct ground g;

	ASSERT_NE(NULL, a);
	if (!kind_is_built(self->fd, variant->kind) || !debug_is_built(self->fd))
		SKIP(return, "not in this build");
	ground_make(_metadata, self->fd, variant->kind, all, &g);
	for (round = 0; round < 3; round++) {
		for (n = 0; n < 4096; n++) {
			a[n] = alloc_request(g.heap, 192);
			/* A slab heap could take all of the region. */
			if ((variant->kind == MEMMGR_KIND_SLAB && n == 500) ||
			    mm_alloc(self->fd, &a[n]))
				break;
		}
		if (!round)
			first = n;
		EXPECT_EQ(first, n);
		while (n--)
			ASSERT_EQ(0, mm_free(self->fd, a[n].handle));
	}
	EXPECT_LT(10, first);
	ASSERT_EQ(0, mm_heap_destroy(self->fd, g.heap, 0));
	free(a);
}

/* CHECK says where, also of what is kept. */
TEST_F(corruption_freed, corruption_check_tells_the_place)
{
	struct memmgr_check check = { .size = sizeof(check) };
	struct memmgr_corruption c;
	struct memmgr_alloc a;
	unsigned char *p;
	struct ground g;

	if (!debug_is_built(self->fd))
		SKIP(return, "not in this build");
	ground_make(_metadata, self->fd, MEMMGR_KIND_BUDDY, poison, &g);
	must_alloc(_metadata, self->fd, g.heap, 64);
	a = must_alloc(_metadata, self->fd, g.heap, 64);
	p = where(_metadata, &g, &a);
	ASSERT_LT(g.arena, p);
	ASSERT_EQ(0, mm_free(self->fd, a.handle));
	p[7] ^= 1;
	check.heap = g.heap;
	EXPECT_EQ(-EUCLEAN, mm_call(self->fd, MEMMGR_IOC_CHECK, &check));
	EXPECT_EQ(p - g.arena, check.offset);
	EXPECT_NE(NULL, strstr(check.what, "poison"));
	EXPECT_EQ(1, reports(_metadata, self->fd, &g.after, &c));
}

/* A slab heap lives on main: what waits there is no reason to fail, either. */
TEST_F(corruption_freed, corruption_quarantine_of_main_yields)
{
	struct memmgr_debug all = {
		.flags = MEMMGR_DEBUG_QUARANTINE, .quarantine_bytes = ~0ull,
		.quarantine_blocks = MEMMGR_QUARANTINE_MAX,
	};
	struct memmgr_alloc a[64], small;
	struct memmgr_heap_create slab;
	int n;

	if (!debug_is_built(self->fd) || !kind_is_built(self->fd, MEMMGR_KIND_SLAB))
		SKIP(return, "not in this build");
	slab = heap_config(MEMMGR_KIND_SLAB, "t-corruption");
	ASSERT_EQ(0, mm_heap_create(self->fd, &slab));
	ASSERT_EQ(0, debug_set(self->fd, MEMMGR_HEAP_MAIN, all));
	for (n = 0; n < (int)ARRAY_SIZE(a); n++) {
		a[n] = alloc_request(MEMMGR_HEAP_MAIN, ~0ull >> 2);
		ASSERT_NE(0, mm_alloc(self->fd, &a[n]));
		if (!a[n].largest)
			break;
		a[n] = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, a[n].largest);
	}
	ASSERT_GT(ARRAY_SIZE(a), n);
	small = alloc_request(slab.heap, 100);
	EXPECT_EQ(-ENOMEM, mm_alloc(self->fd, &small));
	while (n--)
		ASSERT_EQ(0, mm_free(self->fd, a[n].handle));
	EXPECT_LT(0, must_debug(_metadata, self->fd, MEMMGR_HEAP_MAIN).held_blocks);
	small = must_alloc(_metadata, self->fd, slab.heap, 100);
	ASSERT_EQ(0, mm_free(self->fd, small.handle));
	ASSERT_EQ(0, mm_heap_destroy(self->fd, slab.heap, 0));
	ASSERT_EQ(0, debug_set(self->fd, MEMMGR_HEAP_MAIN, (struct memmgr_debug) { 0 }));
}

/* A request that no memory could serve is no reason to give up what is kept. */
TEST_F(corruption_freed, corruption_quarantine_stays)
{
	struct memmgr_alloc a;
	int i;

	if (!debug_is_built(self->fd))
		SKIP(return, "not in this build");
	ASSERT_EQ(0, debug_set(self->fd, MEMMGR_HEAP_MAIN, keep));
	for (i = 1; i <= 3; i++) {
		a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, self->page);
		ASSERT_EQ(0, mm_free(self->fd, a.handle));
		a = alloc_request(MEMMGR_HEAP_MAIN, 1ull << 40);
		EXPECT_EQ(-ENOMEM, mm_alloc(self->fd, &a));
		EXPECT_EQ(MEMMGR_REASON_TOO_LARGE, a.reason);
		EXPECT_EQ(i, must_debug(_metadata, self->fd, MEMMGR_HEAP_MAIN).held_blocks);
	}
	ASSERT_EQ(0, debug_set(self->fd, MEMMGR_HEAP_MAIN, (struct memmgr_debug) { 0 }));
}

/* Nor is one for which there is no record left. */
TEST_F(corruption_freed, corruption_quarantine_stays_without_records)
{
	struct memmgr_heap_create config = heap_config(MEMMGR_KIND_BUDDY, "t-few");
	struct memmgr_alloc a;
	__u32 heap;

	if (!debug_is_built(self->fd))
		SKIP(return, "not in this build");
	config.max_allocations = 2;
	heap = must_heap(_metadata, self->fd, config);
	ASSERT_EQ(0, debug_set(self->fd, heap, keep));
	a = must_alloc(_metadata, self->fd, heap, self->page);
	ASSERT_EQ(0, mm_free(self->fd, a.handle));
	must_alloc(_metadata, self->fd, heap, self->page);
	must_alloc(_metadata, self->fd, heap, self->page);
	a = alloc_request(heap, self->page);
	EXPECT_EQ(-ENOSPC, mm_alloc(self->fd, &a));
	a.flags = MEMMGR_ALLOC_WAIT;
	a.timeout_ms = 1;
	EXPECT_EQ(-ETIMEDOUT, mm_alloc(self->fd, &a));
	EXPECT_EQ(1, must_debug(_metadata, self->fd, heap).held_blocks);
	ASSERT_EQ(0, debug_set(self->fd, heap, (struct memmgr_debug) { 0 }));
}

/* Bytes are a limit of their own. */
TEST_F(corruption_freed, corruption_quarantine_bytes)
{
	struct memmgr_debug d = {
		.flags = MEMMGR_DEBUG_QUARANTINE, .quarantine_bytes = 3 * self->page,
	};
	struct snapshot before;
	struct memmgr_alloc a;
	int i;

	if (!debug_is_built(self->fd))
		SKIP(return, "not in this build");
	ASSERT_EQ(0, snapshot_take(self->fd, &before));
	ASSERT_EQ(0, debug_set(self->fd, MEMMGR_HEAP_MAIN, d));
	for (i = 0; i < 5; i++) {
		a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, self->page);
		ASSERT_EQ(0, mm_free(self->fd, a.handle));
	}
	d = must_debug(_metadata, self->fd, MEMMGR_HEAP_MAIN);
	EXPECT_EQ(3, d.held_blocks);
	EXPECT_EQ(3 * self->page, d.held_bytes);
	/* Larger than all that may wait: it does not wait, nor the others. */
	a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 4 * self->page);
	ASSERT_EQ(0, mm_free(self->fd, a.handle));
	EXPECT_EQ(0, must_debug(_metadata, self->fd, MEMMGR_HEAP_MAIN).held_blocks);
	ASSERT_EQ(0, debug_set(self->fd, MEMMGR_HEAP_MAIN, (struct memmgr_debug) { 0 }));
	EXPECT_TRUE(state_returns(self->fd, &before));
}

/* Each alone: poison without quarantine, quarantine without poison. */
TEST_F(corruption_freed, corruption_features_alone)
{
	static const __u32 alone[] = {
		MEMMGR_DEBUG_ZONES, MEMMGR_DEBUG_POISON, MEMMGR_DEBUG_QUARANTINE,
	};
	struct memmgr_debug d = { 0 };
	struct memmgr_corruption c;
	struct memmgr_alloc a;
	unsigned char *p;
	struct ground g;
	unsigned int i;

	if (!debug_is_built(self->fd))
		SKIP(return, "not in this build");
	ground_make(_metadata, self->fd, MEMMGR_KIND_BUDDY, d, &g);
	for (i = 0; i < ARRAY_SIZE(alone); i++) {
		d.flags = alone[i];
		ASSERT_EQ(0, debug_set(self->fd, g.heap, d));
		EXPECT_EQ(alone[i], must_debug(_metadata, self->fd, g.heap).flags);
		a = must_alloc(_metadata, self->fd, g.heap, 64);
		p = where(_metadata, &g, &a);
		memset(p, 0x11, 64);
		ASSERT_EQ(0, mm_free(self->fd, a.handle));
		EXPECT_EQ(alone[i] == MEMMGR_DEBUG_QUARANTINE,
			  must_debug(_metadata, self->fd, g.heap).held_blocks);
		EXPECT_EQ(alone[i] == MEMMGR_DEBUG_POISON, p[0] != 0x11 && p[63] != 0x11);
		p[5] ^= 1;
		EXPECT_EQ(0, mm_check(self->fd, g.heap));
		EXPECT_EQ(0, reports(_metadata, self->fd, &g.after, &c));
	}
}

TEST_F(corruption_freed_kind, corruption_double_free)
{
	struct memmgr_stats before;
	struct memmgr_corruption c;
	struct memmgr_alloc a;
	struct ground g;

	if (!kind_is_built(self->fd, variant->kind) || !debug_is_built(self->fd))
		SKIP(return, "not in this build");
	ground_make(_metadata, self->fd, variant->kind, poison, &g);
	a = alloc_request(g.heap, 100);
	strcpy(a.tag, "twice");
	ASSERT_EQ(0, mm_alloc(self->fd, &a));
	ASSERT_EQ(0, mm_free(self->fd, a.handle));
	before = must_stats(_metadata, self->fd, g.heap);
	EXPECT_EQ(-EBADF, mm_free(self->fd, a.handle));
	ASSERT_EQ(1, reports(_metadata, self->fd, &g.after, &c));
	expect_mine(_metadata, &c, &a, MEMMGR_CORRUPTION_DOUBLE_FREE);
	EXPECT_EQ((__u32)getpid(), c.finder);
	EXPECT_EQ(0, c.damaged);
	EXPECT_EQ(before.refused_frees + 1,
		  must_stats(_metadata, self->fd, g.heap).refused_frees);
	/* Its memory may be another's by now: that one is not harmed. */
	ASSERT_EQ(0, debug_set(self->fd, g.heap, poison));
	must_alloc(_metadata, self->fd, g.heap, 100);
	EXPECT_EQ(-EBADF, mm_free(self->fd, a.handle));
	ASSERT_EQ(1, reports(_metadata, self->fd, &g.after, &c));
	expect_mine(_metadata, &c, &a, MEMMGR_CORRUPTION_DOUBLE_FREE);
	EXPECT_EQ(1, must_stats(_metadata, self->fd, g.heap).live);
	/* A handle that never was. */
	EXPECT_EQ(-EBADF, mm_free(self->fd, a.handle + (1ull << 40)));
	ASSERT_EQ(1, reports(_metadata, self->fd, &g.after, &c));
	EXPECT_EQ(MEMMGR_CORRUPTION_WRONG_FREE, c.kind);
	EXPECT_EQ(~0ull, c.place);
	EXPECT_EQ(0, c.pid);
	EXPECT_EQ((__u32)getpid(), c.finder);
}

/* Every call that takes a handle, but the one that only asks what it is. */
TEST_F(corruption_freed, corruption_stale_handle)
{
	struct memmgr_corruption c;
	struct memmgr_resize r;
	struct memmgr_info info;
	struct memmgr_alloc a;
	__u64 after = 0;
	char byte = 0;

	if (!debug_is_built(self->fd))
		SKIP(return, "not in this build");
	reports(_metadata, self->fd, &after, &c);
	ASSERT_EQ(0, debug_set(self->fd, MEMMGR_HEAP_MAIN, poison));
	a = alloc_request(MEMMGR_HEAP_MAIN, 100);
	strcpy(a.tag, "stale");
	ASSERT_EQ(0, mm_alloc(self->fd, &a));
	ASSERT_EQ(0, mm_free(self->fd, a.handle));
#define EXPECT_STALE(call)							\
	do {									\
		EXPECT_EQ(-EBADF, call);					\
		ASSERT_EQ(1, reports(_metadata, self->fd, &after, &c));		\
		expect_mine(_metadata, &c, &a, MEMMGR_CORRUPTION_STALE);	\
	} while (0)
	EXPECT_STALE(mm_resize(self->fd, a.handle, 50, &r));
	EXPECT_STALE(mm_write(self->fd, a.handle, 0, &byte, 1));
	EXPECT_STALE(mm_read(self->fd, a.handle, 0, &byte, 1));
	EXPECT_STALE(mm_pin(self->fd, a.handle, 0));
	EXPECT_STALE(mm_protect(self->fd, a.handle, MEMMGR_ACCESS_READ, 0));
	EXPECT_STALE(mm_export(self->fd, a.handle, 0));
	EXPECT_EQ(-EBADF, mm_info(self->fd, a.handle, &info));
	EXPECT_EQ(0, reports(_metadata, self->fd, &after, &c));
	ASSERT_EQ(0, debug_set(self->fd, MEMMGR_HEAP_MAIN, (struct memmgr_debug) { 0 }));
}

/* Off: it is refused as ever, and nobody is told. */
TEST_F(corruption_freed, corruption_off_says_nothing)
{
	struct memmgr_corruption c;
	struct memmgr_resize r;
	struct memmgr_alloc a;
	__u64 after = 0;

	if (!debug_is_built(self->fd))
		SKIP(return, "not in this build");
	reports(_metadata, self->fd, &after, &c);
	a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 100);
	ASSERT_EQ(0, mm_free(self->fd, a.handle));
	EXPECT_EQ(-EBADF, mm_free(self->fd, a.handle));
	EXPECT_EQ(-EBADF, mm_resize(self->fd, a.handle, 50, &r));
	EXPECT_EQ(0, reports(_metadata, self->fd, &after, &c));
}

/* Through a mapping that was left: the signal, and who it was. */
TEST_F(corruption_freed, corruption_touched_after_free)
{
	struct memmgr_corruption c;
	struct memmgr_alloc a;
	unsigned char *p;
	__u64 after = 0;

	if (!debug_is_built(self->fd))
		SKIP(return, "not in this build");
	reports(_metadata, self->fd, &after, &c);
	ASSERT_EQ(0, debug_set(self->fd, MEMMGR_HEAP_MAIN, poison));
	a = alloc_request(MEMMGR_HEAP_MAIN, 3 * self->page);
	strcpy(a.tag, "touched");
	ASSERT_EQ(0, mm_alloc(self->fd, &a));
	p = must_map(_metadata, self->fd, a.map_offset, 3 * self->page);
	p[0] = 1;
	ASSERT_EQ(0, mm_free(self->fd, a.handle));
	EXPECT_EQ(SIGBUS, touch(p + 2 * self->page + 7, true));
	ASSERT_EQ(1, reports(_metadata, self->fd, &after, &c));
	expect_mine(_metadata, &c, &a, MEMMGR_CORRUPTION_STALE);
	EXPECT_EQ(a.offset + 2 * self->page + 7, c.offset);
	EXPECT_EQ(2 * self->page + 7, c.distance);
	EXPECT_EQ((__u32)getpid(), c.finder);
	unmap_all();
	ASSERT_EQ(0, debug_set(self->fd, MEMMGR_HEAP_MAIN, (struct memmgr_debug) { 0 }));
}

/* The page before and behind a guarded allocation. */
TEST_F(corruption_freed, corruption_guard_page_touched)
{
	struct memmgr_corruption c;
	struct memmgr_alloc a;
	unsigned char *p;
	__u64 after = 0, at;

	if (!debug_is_built(self->fd))
		SKIP(return, "not in this build");
	reports(_metadata, self->fd, &after, &c);
	ASSERT_EQ(0, debug_set(self->fd, MEMMGR_HEAP_MAIN, poison));
	a = alloc_request(MEMMGR_HEAP_MAIN, self->page + 100);
	a.flags = MEMMGR_ALLOC_GUARD;
	ASSERT_EQ(0, mm_alloc(self->fd, &a));
	p = must_map(_metadata, self->fd, a.map_offset, 4 * self->page);
	EXPECT_EQ(0, touch(p + self->page, true));
	EXPECT_EQ(0, touch(p + 3 * self->page - 1, true));
	EXPECT_EQ(0, reports(_metadata, self->fd, &after, &c));
	for (at = 0; at < self->page; at = at < 3 ? at + 1 : at + self->page / 4 - 1) {
		EXPECT_EQ(SIGSEGV, touch(p + 3 * self->page + at, at % 2));
		ASSERT_EQ(1, reports(_metadata, self->fd, &after, &c));
		EXPECT_EQ(MEMMGR_CORRUPTION_GUARD, c.kind);
		EXPECT_EQ(a.handle, c.handle);
		EXPECT_EQ(a.offset + 2 * self->page + at, c.offset);
		EXPECT_EQ(self->page - 100 + at, c.distance);
		EXPECT_EQ(0, c.free_ns);
		EXPECT_EQ(SIGSEGV, touch(p + self->page - 1 - at, at % 2));
		ASSERT_EQ(1, reports(_metadata, self->fd, &after, &c));
		EXPECT_EQ(MEMMGR_CORRUPTION_GUARD, c.kind);
		EXPECT_EQ(a.offset - 1 - at, c.offset);
		EXPECT_EQ(at, c.distance);
	}
	unmap_all();
	ASSERT_EQ(0, mm_free(self->fd, a.handle));
	ASSERT_EQ(0, debug_set(self->fd, MEMMGR_HEAP_MAIN, (struct memmgr_debug) { 0 }));
}

/* As nobody: frees twice, and something that never was, and looks at the reports. */
static int err_as_nobody(int node)
{
	struct memmgr_corruption c;
	struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, 100);
	__u64 after = 0;
	int fd;

	fd = open_as_nobody(node);
	if (fd < 0 || reports_after(fd, &after, &c))
		return 2;
	if (mm_alloc(fd, &a) || mm_free(fd, a.handle) || mm_free(fd, a.handle) != -EBADF)
		return 3;
	if (reports_after(fd, &after, &c) != 1 || c.uid != NOBODY || c.handle != a.handle)
		return 4;
	if (mm_free(fd, a.handle + (1ull << 40)) != -EBADF)
		return 5;
	if (reports_after(fd, &after, &c) != 1 || c.uid != NOBODY || c.pid)
		return 6;
	return 0;
}

/* A user is told of what is its own, and root of everything. */
TEST_F(corruption_freed, corruption_told_to_its_owner)
{
	struct memmgr_corruption c;
	struct memmgr_alloc a;
	__u64 after = 0;
	pid_t child;
	int node;

	if (!debug_is_built(self->fd))
		SKIP(return, "not in this build");
	ASSERT_EQ(0, debug_set(self->fd, MEMMGR_HEAP_MAIN, poison));
	a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 100);
	ASSERT_EQ(0, mm_free(self->fd, a.handle));
	reports(_metadata, self->fd, &after, &c);
	EXPECT_EQ(-EBADF, mm_free(self->fd, a.handle));
	node = open_public_node();
	ASSERT_LE(0, node);
	child = fork();
	if (!child)
		_exit(err_as_nobody(node));
	EXPECT_EQ(0, child_result(child));
	close(node);
	EXPECT_EQ(3, reports(_metadata, self->fd, &after, &c));
	EXPECT_EQ((__u32)child, c.finder);
	ASSERT_EQ(0, debug_set(self->fd, MEMMGR_HEAP_MAIN, (struct memmgr_debug) { 0 }));
}

/* Somebody else's: refused, and its owner is told who tried. */
TEST_F(corruption_freed, corruption_free_of_anothers)
{
	struct memmgr_corruption c;
	struct memmgr_alloc a;
	__u64 after = 0;
	pid_t child;
	int fd;

	if (!debug_is_built(self->fd))
		SKIP(return, "not in this build");
	reports(_metadata, self->fd, &after, &c);
	ASSERT_EQ(0, debug_set(self->fd, MEMMGR_HEAP_MAIN, poison));
	a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 100);
	child = fork();
	if (!child) {
		fd = open_device(O_RDWR);
		_exit(mm_free(fd, a.handle) == -EACCES ? 0 : 1);
	}
	ASSERT_EQ(0, child_result(child));
	ASSERT_EQ(1, reports(_metadata, self->fd, &after, &c));
	EXPECT_EQ(MEMMGR_CORRUPTION_WRONG_FREE, c.kind);
	EXPECT_EQ(a.handle, c.handle);
	EXPECT_EQ(a.offset, c.place);
	EXPECT_EQ((__u32)getpid(), c.pid);
	EXPECT_EQ((__u32)child, c.finder);
	EXPECT_EQ(0, c.free_ns);
	ASSERT_EQ(0, mm_free(self->fd, a.handle));
	EXPECT_EQ(0, reports(_metadata, self->fd, &after, &c));
	ASSERT_EQ(0, debug_set(self->fd, MEMMGR_HEAP_MAIN, (struct memmgr_debug) { 0 }));
}

/* A heap goes with what waits in it, and so does a client. */
TEST_F(corruption_freed_kind, corruption_heap_goes)
{
	struct snapshot before;
	struct memmgr_alloc a;
	struct ground g;
	int fd, i;

	if (!kind_is_built(self->fd, variant->kind) || !debug_is_built(self->fd))
		SKIP(return, "not in this build");
	ASSERT_EQ(0, snapshot_take(self->fd, &before));
	for (i = 0; i < 2; i++) {
		fd = open_device(O_RDWR);
		ASSERT_LE(0, fd);
		ground_make(_metadata, fd, variant->kind, poison, &g);
		a = must_alloc(_metadata, fd, g.heap, 100);
		ASSERT_EQ(0, mm_free(fd, a.handle));
		unmap_all();
		if (i)
			ASSERT_EQ(0, mm_heap_destroy(fd, g.heap, 0));
		close(fd);
	}
	EXPECT_TRUE(state_returns(self->fd, &before));
}

MEMMGR_TEST_MAIN
