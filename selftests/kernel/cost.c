// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The heaps of an ordinary user cost the system, for each kind and size, at most a part of
 * the memory that they hold, and the user is charged for it.
 *
 * Rule: memmgr(7), HEAPS, "What a heap costs".
 */
#include "lib/memmgr_test.h"

MEMMGR_FIXTURE(cost)

#define BASE		(12 * KIB + page_size())
#define NOISE		(2 * MIB)	/* of MemAvailable: page tables, per-CPU lists of pages */

static const struct shape {
	__u32 kind;
	__u32 object;	/* or granule */
	__u64 bytes;
	__u32 count;
} shapes[] = {
	{ MEMMGR_KIND_SLAB, 8 }, { MEMMGR_KIND_SLAB, 16 }, { MEMMGR_KIND_SLAB, 24 },
	{ MEMMGR_KIND_SLAB, 64 }, { MEMMGR_KIND_SLAB, 100, MIB },
	{ MEMMGR_KIND_SLAB, 512, MIB, 32 }, { MEMMGR_KIND_SLAB, 2048 },
	{ MEMMGR_KIND_SLAB, 4096, MIB }, { MEMMGR_KIND_SLAB, 65536 },
	{ MEMMGR_KIND_POOL, 8, 0, 40 }, { MEMMGR_KIND_POOL, 16, 0, 512 },
	{ MEMMGR_KIND_POOL, 64, 0, 64 }, { MEMMGR_KIND_POOL, 1000, 0, 100 },
	{ MEMMGR_KIND_POOL, 4096, 0, 200 }, { MEMMGR_KIND_POOL, 65536, 0, 16 },
	{ MEMMGR_KIND_STACK, 0, 4 * KIB }, { MEMMGR_KIND_STACK, 0, MIB },
	{ MEMMGR_KIND_BUDDY, 32, 64 * KIB }, { MEMMGR_KIND_BUDDY, 64, MIB },
	{ MEMMGR_KIND_BUDDY, 256, 2 * MIB }, { MEMMGR_KIND_BUDDY, 4096, 4 * KIB },
	{ MEMMGR_KIND_BUDDY, 4096, 4 * MIB },
};

static struct memmgr_heap_create shape_config(const struct shape *s)
{
	struct memmgr_heap_create c = {
		.size = sizeof(c), .flags = MEMMGR_HEAP_PRIVATE, .name = "t-cost",
		.kind = s->kind, .bytes = s->bytes, .count = s->count,
	};

	if (s->kind == MEMMGR_KIND_BUDDY)
		c.granule = s->object;
	else
		c.object_size = s->object;
	return c;
}

static int run_as_nobody(int (*step)(int fd))
{
	int node = open_public_node(), fd;
	pid_t child;

	if (node < 0)
		return 100;
	child = fork();
	if (!child) {
		fd = open_as_nobody(node);
		_exit(fd < 0 ? 101 : step(fd));
	}
	close(node);
	return child_result(child);
}

/* The most that a heap may cost with what it holds. */
static __u64 most(const struct memmgr_heap_query *q)
{
	bool small = (q->kind == MEMMGR_KIND_SLAB || q->kind == MEMMGR_KIND_POOL) &&
		     q->object_size <= 16;

	return q->held / (small ? 8 : 16) + BASE;
}

static bool too_dear(const char *when, const struct memmgr_heap_query *q)
{
	fprintf(stderr, "# %s of %llu bytes, %s: holds %llu, costs %llu of %llu, %u records\n",
		kind_names[q->kind], q->object_size ? q->object_size : (__u64)q->granule, when,
		q->held, q->kernel_bytes, most(q), q->max_allocations);
	return q->kernel_bytes > most(q);
}

/* Is the client charged for the heap, and for nothing else? */
static bool is_charged(const char *when, int fd, const struct memmgr_heap_query *q)
{
	__u64 bytes = own_account(fd).bytes;

	if (bytes == q->held + q->kernel_bytes)
		return true;
	fprintf(stderr, "# %s: charged %llu, holds %llu and costs %llu\n", when, bytes, q->held,
		q->kernel_bytes);
	return false;
}

static int fill_shape(int fd, const struct shape *s)
{
	struct memmgr_heap_create c = shape_config(s);
	struct memmgr_heap_query q;
	struct memmgr_alloc a;
	int result;

	if (mm_heap_create(fd, &c))
		return 1;
	if (mm_heap_query(fd, c.heap, &q) || !q.kernel_bytes || !q.max_allocations)
		return 2;
	/* Objects of pages have their records before their memory. */
	if (s->object < 4096 && too_dear("new", &q))
		return 3;
	if (!is_charged("new", fd, &q))
		return 4;
	do {
		a = alloc_request(c.heap, s->object ? s->object : 8);
		result = mm_alloc(fd, &a);
	} while (!result);
	if (result != -ENOSPC && result != -ENOMEM)
		return 5;
	if (mm_heap_query(fd, c.heap, &q) || too_dear("full", &q))
		return 6;
	if (!is_charged("full", fd, &q))
		return 7;
	if (mm_check(fd, c.heap))
		return 8;
	if (mm_heap_destroy(fd, c.heap, MEMMGR_DESTROY_FORCE))
		return 9;
	return own_account(fd).bytes ? 10 : 0;
}

static int fill_shapes(int fd)
{
	unsigned int i;
	int result = 0;

	for (i = 0; i < ARRAY_SIZE(shapes) && !result; i++)
		if (kind_is_built(fd, shapes[i].kind))
			result = fill_shape(fd, &shapes[i]);
	return result;
}

TEST_F(cost, each_kind_and_size)
{
	EXPECT_EQ(0, run_as_nobody(fill_shapes));
}

static __u64 available(void)
{
	FILE *file = fopen("/proc/meminfo", "r");
	unsigned long long kib = 0;
	char line[128];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1)
			break;
	if (file)
		fclose(file);
	return kib * KIB;
}

/* What the kernel itself says that it lost, for heaps made with nothing but their kind. */
static int lose_memory(int fd)
{
	struct memmgr_heap_create c;
	struct memmgr_heap_query q;
	__u64 before = available(), after, cost = 0;
	int i;

	for (i = 0; i < 6; i++) {
		c = shape_config(&shapes[i % 4]);
		c.name[0] = 'a' + i;
		if (mm_heap_create(fd, &c) || mm_heap_query(fd, c.heap, &q))
			return 1;
		cost += q.kernel_bytes;
	}
	after = available();
	fprintf(stderr, "# 6 heaps cost %llu bytes, MemAvailable went from %llu to %llu\n",
		cost, before, after);
	if (cost > 6 * BASE)
		return 2;
	return before > after && before - after > cost + NOISE ? 3 : 0;
}

TEST_F(cost, what_the_system_sees)
{
	if (!kind_is_built(self->fd, MEMMGR_KIND_SLAB))
		SKIP(return, "no slab heaps in this build");
	EXPECT_EQ(0, run_as_nobody(lose_memory));
}

/* More than the memory is worth is refused, and nothing is left of it. */
static int ask_for_too_much(int fd)
{
	static const struct shape dear[] = {
		{ MEMMGR_KIND_BUDDY, 32, 4 * MIB }, { MEMMGR_KIND_BUDDY, 4096, 64 * KIB },
		{ MEMMGR_KIND_SLAB, 8 }, { MEMMGR_KIND_POOL, 64, 0, 4096 },
		{ MEMMGR_KIND_STACK, 0, 64 * KIB },
	};
	struct memmgr_heap_create c;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(dear); i++) {
		if (!kind_is_built(fd, dear[i].kind))
			continue;
		c = shape_config(&dear[i]);
		c.max_allocations = 1 << 20;
		/* More than could ever be live are not made. */
		if (mm_heap_create(fd, &c) != -ENOSPC &&
		    !(dear[i].kind == MEMMGR_KIND_BUDDY && dear[i].object == 4096))
			return 1 + 10 * i;
		if (c.reason != MEMMGR_REASON_RECORDS && dear[i].object != 4096)
			return 2 + 10 * i;
		mm_heap_destroy(fd, c.heap, 0);
		if (own_account(fd).bytes || own_account(fd).allocations)
			return 3 + 10 * i;
	}
	/* Asked for, within what the limit is worth: more than there are by themselves. */
	c = shape_config(&(struct shape){ MEMMGR_KIND_SLAB, 64, MIB });
	c.max_allocations = 200;
	if (kind_is_built(fd, MEMMGR_KIND_SLAB) && mm_heap_create(fd, &c))
		return 4;
	return 0;
}

TEST_F(cost, more_records_than_the_memory_is_worth)
{
	struct memmgr_heap_create c = shape_config(&shapes[17]);

	EXPECT_EQ(0, run_as_nobody(ask_for_too_much));
	/* Root decides himself. */
	c.bytes = 64 * KIB;
	c.max_allocations = 2048;
	EXPECT_EQ(0, mm_heap_create(self->fd, &c));
}

TEST_F(cost, books_beyond_the_quota)
{
	struct memmgr_heap_create c = shape_config(&shapes[ARRAY_SIZE(shapes) - 1]);
	struct memmgr_account own = own_account(self->fd);

	/* The arena alone would do. */
	ASSERT_EQ(0, mm_set_quota(self->fd, MEMMGR_QUOTA_CLIENT, own.id, 4 * MIB + BASE, 0));
	EXPECT_EQ(-EDQUOT, mm_heap_create(self->fd, &c));
	EXPECT_EQ(MEMMGR_REASON_QUOTA, c.reason);
	EXPECT_EQ(0, own_account(self->fd).bytes);
	ASSERT_EQ(0, mm_set_quota(self->fd, MEMMGR_QUOTA_CLIENT, own.id, 5 * MIB, 0));
	EXPECT_EQ(0, mm_heap_create(self->fd, &c));
}

MEMMGR_TEST_MAIN
