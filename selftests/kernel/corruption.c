// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Red zones: one byte is damaged at each place of both red zones of an allocation, in
 * each kind of heap, and exactly one report names the allocation and the place.
 *
 * Rule: <linux/memmgr.h>, struct memmgr_corruption, and memmgr(7), "Memory errors".
 */
#include "lib/debugging.h"
#include "lib/memmgr_test.h"

MEMMGR_FIXTURE(corruption)
MEMMGR_KIND_FIXTURE(corruption_kind);

static const struct memmgr_debug zones = { .flags = MEMMGR_DEBUG_ZONES, .zone = ZONE };

/* Damage one byte, @distance from the allocation; what is found in its place then. */
static void damage_one(struct __test_metadata *_metadata, struct ground *g,
		       const struct memmgr_alloc *wanted, __u32 kind, __u64 distance)
{
	struct memmgr_alloc a = *wanted;
	struct memmgr_corruption c;
	unsigned char *p, bad;

	ASSERT_EQ(0, mm_alloc(g->fd, &a));
	p = where(_metadata, g, &a);
	p = kind == MEMMGR_CORRUPTION_BEFORE ? p - 1 - distance : p + a.bytes + distance;
	bad = *p ^ (1u << distance % 8);
	*p = bad;
	EXPECT_EQ(0, reports(_metadata, g->fd, &g->after, &c));
	ASSERT_EQ(0, mm_free(g->fd, a.handle));
	ASSERT_EQ(1, reports(_metadata, g->fd, &g->after, &c)) {
		TH_LOG("kind %u, distance %llu, %llu bytes, align %llu", kind,
		       (unsigned long long)distance, (unsigned long long)a.bytes,
		       (unsigned long long)a.align);
	}
	EXPECT_EQ(kind, c.kind);
	EXPECT_EQ(g->heap, c.heap);
	EXPECT_EQ(a.handle, c.handle);
	EXPECT_EQ(a.offset, c.place);
	EXPECT_EQ(a.bytes, c.bytes);
	EXPECT_EQ(distance, c.distance);
	EXPECT_EQ(kind == MEMMGR_CORRUPTION_BEFORE ? a.offset - 1 - distance :
		  a.offset + a.bytes + distance, c.offset);
	EXPECT_EQ(1, c.damaged);
	EXPECT_EQ(1, c.dump);
	EXPECT_EQ(bad, c.found[0]);
	EXPECT_EQ(bad ^ (1u << distance % 8), c.expected[0]);
	EXPECT_EQ((__u32)getpid(), c.pid);
	EXPECT_STREQ("damaged", c.tag);
}

TEST_F(corruption_kind, corruption_each_byte)
{
	static const __u64 sizes[] = { 16, 29, 64 }, aligns[] = { 0, 16, 64 };
	struct memmgr_alloc a;
	struct memmgr_debug d;
	struct ground g;
	unsigned int s, n;
	__u64 distance;

	if (!kind_is_built(self->fd, variant->kind) || !debug_is_built(self->fd))
		SKIP(return, "not in this build");
	ground_make(_metadata, self->fd, variant->kind, zones, &g);
	for (n = 0; n < ARRAY_SIZE(aligns); n++)
		for (s = 0; s < ARRAY_SIZE(sizes); s++)
			for (distance = 0; distance < ZONE; distance++) {
				a = alloc_request(g.heap, sizes[s]);
				a.align = aligns[n];
				strcpy(a.tag, "damaged");
				damage_one(_metadata, &g, &a, MEMMGR_CORRUPTION_BEFORE, distance);
				damage_one(_metadata, &g, &a, MEMMGR_CORRUPTION_BEHIND, distance);
			}
	ASSERT_EQ(0, debug_get(self->fd, g.heap, &d));
	EXPECT_EQ(0, d.unzoned);
	EXPECT_EQ(2 * n * s * ZONE, d.found);
}

/* What is inside, to the first and last byte, is nobody's business; nor is reading. */
TEST_F(corruption_kind, corruption_none_inside)
{
	struct memmgr_corruption c;
	struct memmgr_alloc a;
	unsigned char *p, byte = 0;
	struct ground g;
	__u64 bytes;
	int i;

	if (!kind_is_built(self->fd, variant->kind) || !debug_is_built(self->fd))
		SKIP(return, "not in this build");
	ground_make(_metadata, self->fd, variant->kind, zones, &g);
	for (bytes = 16; bytes <= 80; bytes++) {
		a = must_alloc(_metadata, self->fd, g.heap, bytes);
		EXPECT_EQ(bytes, a.granted);
		p = where(_metadata, &g, &a);
		memset(p, 0xa5, bytes);
		for (i = -(int)ZONE; i < (int)(bytes + ZONE); i++)
			byte += p[i];
		EXPECT_EQ(0, mm_check(self->fd, g.heap));
		ASSERT_EQ(0, mm_free(self->fd, a.handle));
	}
	EXPECT_EQ(0, reports(_metadata, self->fd, &g.after, &c));
}

/* CHECK finds it while the allocation lives, mends it, and then it is over. */
TEST_F(corruption_kind, corruption_found_by_check)
{
	struct memmgr_corruption c;
	struct memmgr_alloc a;
	unsigned char *p;
	struct ground g;

	if (!kind_is_built(self->fd, variant->kind) || !debug_is_built(self->fd))
		SKIP(return, "not in this build");
	ground_make(_metadata, self->fd, variant->kind, zones, &g);
	a = must_alloc(_metadata, self->fd, g.heap, 32);
	p = where(_metadata, &g, &a);
	/* Not all of it: the seventh of twelve bytes is as it was. */
	memset(p + 32 + 2, 0xee, 6);
	memset(p + 32 + 9, 0xee, 5);
	EXPECT_EQ(-EUCLEAN, mm_check(self->fd, g.heap));
	ASSERT_EQ(1, reports(_metadata, self->fd, &g.after, &c));
	EXPECT_EQ(2, c.distance);
	EXPECT_EQ(12, c.damaged);
	EXPECT_EQ(12, c.dump);
	EXPECT_EQ(0xee, c.found[0]);
	EXPECT_EQ(c.expected[6], c.found[6]);
	EXPECT_EQ(0, mm_check(self->fd, g.heap));
	ASSERT_EQ(0, mm_free(self->fd, a.handle));
	EXPECT_EQ(0, reports(_metadata, self->fd, &g.after, &c));
}

/* The zone goes with the end of an allocation. */
TEST_F(corruption_kind, corruption_after_resize)
{
	struct memmgr_corruption c;
	struct memmgr_resize r;
	struct memmgr_alloc a;
	unsigned char *p;
	struct ground g;
	__u64 bytes;

	if (!kind_is_built(self->fd, variant->kind) || !debug_is_built(self->fd))
		SKIP(return, "not in this build");
	ground_make(_metadata, self->fd, variant->kind, zones, &g);
	a = must_alloc(_metadata, self->fd, g.heap, 40);
	p = where(_metadata, &g, &a);
	for (bytes = 20; bytes <= 60; bytes++) {
		if (mm_resize(self->fd, a.handle, bytes, &r))
			continue;	/* kinds whose blocks have one size grow so far only */
		memset(p, 0x33, bytes);
		EXPECT_EQ(0, mm_check(self->fd, g.heap));
		p[bytes] ^= 1;
		EXPECT_EQ(-EUCLEAN, mm_check(self->fd, g.heap));
		ASSERT_EQ(1, reports(_metadata, self->fd, &g.after, &c));
		EXPECT_EQ(0, c.distance);
		EXPECT_EQ(bytes, c.bytes);
	}
	ASSERT_EQ(0, mm_free(self->fd, a.handle));
	EXPECT_EQ(0, reports(_metadata, self->fd, &g.after, &c));
}

/* In main, through a program's own mapping: what lies behind the end in its last page. */
TEST_F(corruption, corruption_past_the_end_of_a_mapping)
{
	struct memmgr_corruption c;
	struct memmgr_debug d;
	struct memmgr_alloc a;
	unsigned char *p;
	__u64 after = 0;

	if (!debug_is_built(self->fd))
		SKIP(return, "not in this build");
	reports(_metadata, self->fd, &after, &c);
	ASSERT_EQ(0, debug_set(self->fd, MEMMGR_HEAP_MAIN,
			       (struct memmgr_debug) { .flags = MEMMGR_DEBUG_ZONES }));
	a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, self->page + 5);
	p = must_map(_metadata, self->fd, a.map_offset, 2 * self->page);
	memset(p, 1, self->page + 5);
	EXPECT_EQ(0, mm_check(self->fd, MEMMGR_HEAP_MAIN));
	strcpy((char *)p + self->page, "12345");
	EXPECT_EQ(-EUCLEAN, mm_check(self->fd, MEMMGR_HEAP_MAIN));
	ASSERT_EQ(1, reports(_metadata, self->fd, &after, &c));
	EXPECT_EQ(MEMMGR_CORRUPTION_BEHIND, c.kind);
	EXPECT_EQ(0, c.distance);
	EXPECT_EQ(1, c.damaged);
	EXPECT_EQ(0, c.found[0]);
	ASSERT_EQ(0, debug_set(self->fd, MEMMGR_HEAP_MAIN, (struct memmgr_debug) { 0 }));
	ASSERT_EQ(0, debug_get(self->fd, MEMMGR_HEAP_MAIN, &d));
	EXPECT_EQ(0, d.flags);
	/* Those that have zones are looked at still. */
	p[self->page + 5 + 63] ^= 0x10;
	ASSERT_EQ(0, mm_free(self->fd, a.handle));
	ASSERT_EQ(1, reports(_metadata, self->fd, &after, &c));
	EXPECT_EQ(63, c.distance);
	unmap_all();
}

/* Slabs of a shared heap go back to main with their last object: it is looked at before. */
TEST_F(corruption, corruption_of_slabs_that_go)
{
	struct memmgr_heap_create h = { .size = sizeof(h), .kind = MEMMGR_KIND_SLAB };
	struct memmgr_corruption c;
	struct memmgr_alloc a[24];
	unsigned char *p;
	__u64 after = 0;
	int i;

	if (!kind_is_built(self->fd, h.kind) || !debug_is_built(self->fd))
		SKIP(return, "not in this build");
	snprintf(h.name, sizeof(h.name), "t-slabs-%d", getpid());
	h.object_size = 4 * self->page;
	ASSERT_EQ(0, mm_heap_create(self->fd, &h));
	ASSERT_EQ(0, debug_set(self->fd, h.heap, zones));
	reports(_metadata, self->fd, &after, &c);
	for (i = 0; i < (int)ARRAY_SIZE(a); i++) {
		a[i] = must_alloc(_metadata, self->fd, h.heap, 5);
		p = must_map(_metadata, self->fd, a[i].map_offset, self->page);
		p[5] ^= 1;
	}
	for (i = ARRAY_SIZE(a); i--; ) {
		ASSERT_EQ(0, mm_free(self->fd, a[i].handle));
		ASSERT_EQ(1, reports(_metadata, self->fd, &after, &c));
		EXPECT_EQ(MEMMGR_CORRUPTION_BEHIND, c.kind);
		EXPECT_EQ(a[i].handle, c.handle);
		EXPECT_EQ(a[i].offset + 5, c.offset);
		EXPECT_EQ(-EBADF, mm_free(self->fd, a[i].handle));
		EXPECT_EQ(1, reports(_metadata, self->fd, &after, &c));
	}
	unmap_all();
	ASSERT_EQ(0, mm_heap_destroy(self->fd, h.heap, 0));
}

/* A size that wraps when the zones are added is refused like any that is too large. */
TEST_F(corruption_kind, corruption_resize_never_wraps)
{
	struct memmgr_resize r;
	struct memmgr_alloc a;
	struct memmgr_info info;
	struct ground g;
	__u64 less;

	if (!kind_is_built(self->fd, variant->kind) || !debug_is_built(self->fd))
		SKIP(return, "not in this build");
	ground_make(_metadata, self->fd, variant->kind, zones, &g);
	a = must_alloc(_metadata, self->fd, g.heap, 40);
	for (less = 0; less < 3 * ZONE; less++) {
		EXPECT_EQ(-ENOMEM, mm_resize(self->fd, a.handle, ~0ull - less, &r));
		ASSERT_EQ(0, mm_info(self->fd, a.handle, &info));
		ASSERT_EQ(40, info.bytes);
	}
	EXPECT_EQ(0, mm_check(self->fd, g.heap));
	ASSERT_EQ(0, mm_free(self->fd, a.handle));
}

/* All that the heap has, and nearly that, is more than is behind its lead. */
TEST_F(corruption_kind, corruption_resize_within_the_heap)
{
	struct memmgr_heap_create c = heap_config(variant->kind, "t-little");
	const __u64 all = 3 * page_size();
	struct memmgr_resize r;
	struct memmgr_alloc a;
	struct memmgr_info info;
	__u64 bytes;

	if (!kind_is_built(self->fd, variant->kind) || !debug_is_built(self->fd))
		SKIP(return, "not in this build");
	if (c.object_size)
		c.object_size = all;
	if (c.count)
		c.count = 1;
	if (c.bytes)
		c.bytes = all;
	ASSERT_EQ(0, mm_heap_create(self->fd, &c));
	ASSERT_EQ(0, debug_set(self->fd, c.heap, zones));
	a = must_alloc(_metadata, self->fd, c.heap, 40);
	for (bytes = all - 2 * ZONE + 1; bytes <= all + 2 * ZONE; bytes++) {
		EXPECT_EQ(-ENOMEM, mm_resize(self->fd, a.handle, bytes, &r));
		EXPECT_GE(all - 2 * ZONE, r.largest);
		ASSERT_EQ(0, mm_info(self->fd, a.handle, &info));
		ASSERT_EQ(40, info.bytes);
	}
	EXPECT_EQ(0, mm_check(self->fd, c.heap));
	ASSERT_EQ(0, mm_free(self->fd, a.handle));
	EXPECT_EQ(0, mm_heap_destroy(self->fd, c.heap, 0));
}

/* What was damaged before is told before the zone moves. */
TEST_F(corruption_kind, corruption_before_resize)
{
	struct memmgr_corruption c;
	struct memmgr_resize r;
	struct memmgr_alloc a;
	struct ground g;

	if (!kind_is_built(self->fd, variant->kind) || !debug_is_built(self->fd))
		SKIP(return, "not in this build");
	ground_make(_metadata, self->fd, variant->kind, zones, &g);
	a = must_alloc(_metadata, self->fd, g.heap, 40);
	where(_metadata, &g, &a)[40 + 3] ^= 1;
	ASSERT_EQ(0, mm_resize(self->fd, a.handle, 20, &r));
	ASSERT_EQ(1, reports(_metadata, self->fd, &g.after, &c));
	EXPECT_EQ(40, c.bytes);
	EXPECT_EQ(3, c.distance);
	ASSERT_EQ(0, mm_free(self->fd, a.handle));
	EXPECT_EQ(0, reports(_metadata, self->fd, &g.after, &c));
}

/* An object that leaves no room for both zones: what is behind its end has to do. */
TEST_F(corruption_kind, corruption_little_room)
{
	__u64 room[] = { 8, 1, 0 }, object;
	struct memmgr_corruption c;
	struct memmgr_debug d;
	struct memmgr_alloc a;
	unsigned char *p;
	struct ground g;
	unsigned int i;

	if (!kind_is_built(self->fd, variant->kind) || !debug_is_built(self->fd))
		SKIP(return, "not in this build");
	object = heap_config(variant->kind, "").object_size;
	if (!object)
		SKIP(return, "its blocks are as large as they have to be");
	ground_make(_metadata, self->fd, variant->kind, zones, &g);
	for (i = 0; i < ARRAY_SIZE(room); i++) {
		a = must_alloc(_metadata, self->fd, g.heap, object - room[i]);
		p = where(_metadata, &g, &a);
		memset(p, 0x77, a.bytes);
		EXPECT_EQ(0, mm_check(self->fd, g.heap));
		if (room[i])
			p[object - 1] ^= 1;
		ASSERT_EQ(0, mm_free(self->fd, a.handle));
		ASSERT_EQ(!!room[i], reports(_metadata, self->fd, &g.after, &c));
		if (room[i])
			EXPECT_EQ(room[i] - 1, c.distance);
		ASSERT_EQ(0, debug_get(self->fd, g.heap, &d));
		EXPECT_EQ(i + 1, d.unzoned);
	}
}

/* The last 32 are remembered, in their order, and all are counted. */
TEST_F(corruption, corruption_many_reports)
{
	struct memmgr_corruption c;
	struct memmgr_corruptions cs = {
		.size = sizeof(cs), .entry_size = sizeof(c), .entries = (uintptr_t)&c,
	};
	struct memmgr_alloc a;
	struct ground g;
	unsigned char *p;
	int i;

	if (!debug_is_built(self->fd))
		SKIP(return, "not in this build");
	ground_make(_metadata, self->fd, MEMMGR_KIND_BUDDY, zones, &g);
	a = must_alloc(_metadata, self->fd, g.heap, 32);
	p = where(_metadata, &g, &a);
	for (i = 0; i < 70; i++) {
		p[32] ^= 1;
		EXPECT_EQ(-EUCLEAN, mm_check(self->fd, g.heap));
	}
	for (i = 0; i < 32; i++) {
		cs.count = 1;
		ASSERT_EQ(0, mm_call(self->fd, MEMMGR_IOC_CORRUPTIONS, &cs));
		ASSERT_EQ(1, cs.count);
		EXPECT_EQ(g.after + 70, cs.total);
		EXPECT_EQ(g.after + 70 - 31 + i, c.seq);
		EXPECT_EQ(a.handle, c.handle);
	}
	cs.count = 1;
	ASSERT_EQ(0, mm_call(self->fd, MEMMGR_IOC_CORRUPTIONS, &cs));
	EXPECT_EQ(0, cs.count);
}

TEST_F(corruption, corruption_bad_requests)
{
	static const struct memmgr_debug bad[] = {
		{ .flags = MEMMGR_DEBUG_ZONES },
		{ .zone = 64 },
		{ .quarantine_bytes = 1 },
		{ .flags = 1u << 5 },
		{ .flags = 1u << 31 },
		{ .reserved = 1 },
		{ .flags = MEMMGR_DEBUG_SET | 1u << 5 },
		{ .flags = MEMMGR_DEBUG_SET, .zone = 64 },
		{ .flags = MEMMGR_DEBUG_SET, .quarantine_blocks = 1 },
		{ .flags = MEMMGR_DEBUG_SET, .guard_interval = 1 },
		{ .flags = MEMMGR_DEBUG_SET | MEMMGR_DEBUG_POISON, .quarantine_bytes = 4096 },
		{ .flags = MEMMGR_DEBUG_SET | MEMMGR_DEBUG_ZONES, .zone = 4 },
		{ .flags = MEMMGR_DEBUG_SET | MEMMGR_DEBUG_ZONES, .zone = 12 },
		{ .flags = MEMMGR_DEBUG_SET | MEMMGR_DEBUG_ZONES, .zone = 4104 },
		{ .flags = MEMMGR_DEBUG_SET | MEMMGR_DEBUG_QUARANTINE,
		  .quarantine_blocks = MEMMGR_QUARANTINE_MAX + 1 },
	};
	struct memmgr_debug d;
	unsigned int i;

	if (!debug_is_built(self->fd))
		SKIP(return, "not in this build");
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		d = bad[i];
		d.size = sizeof(d);
		EXPECT_EQ(-EINVAL, mm_call(self->fd, MEMMGR_IOC_DEBUG, &d))
			TH_LOG("request %u", i);
	}
	EXPECT_EQ(-ENOENT, debug_get(self->fd, MEMMGR_MAX_HEAPS, &d));
	ASSERT_EQ(0, debug_get(self->fd, MEMMGR_HEAP_MAIN, &d));
	EXPECT_EQ(0, d.flags);
}

MEMMGR_TEST_MAIN
