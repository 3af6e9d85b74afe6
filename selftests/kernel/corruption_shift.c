// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Guarded allocations of clients: one in N of those that may be shifted ends at the end of
 * its last page, so that a program that writes past the end is stopped at that byte.
 *
 * Rule: <linux/memmgr.h>, MEMMGR_ALLOC_MAY_SHIFT, and memmgr(7), "Memory errors".
 */
#include <sys/uio.h>

#include "lib/debugging.h"
#include "lib/memmgr_test.h"

#define SHIFTABLE	(MEMMGR_ALLOC_GUARD | MEMMGR_ALLOC_MAY_SHIFT)
#define OBJECT_PAGES	3u	/* of the slab and the pool heap */
#define HEAP_PAGES	64u	/* of the buddy heap */
#define BEFORE		256u	/* bytes before an allocation that are looked at */

MEMMGR_FIXTURE(shift)
FIXTURE_VARIANT(shift) { __u32 kind; };
FIXTURE_VARIANT_ADD(shift, buddy) { MEMMGR_KIND_BUDDY };
FIXTURE_VARIANT_ADD(shift, slab) { MEMMGR_KIND_SLAB };
FIXTURE_VARIANT_ADD(shift, pool) { MEMMGR_KIND_POOL };

/* A heap of this kind whose allocations can be mapped, guarded one in @interval. */
struct scene {
	int fd;
	__u32 heap;
	size_t page;
	__u64 after;
};

static int guards(int fd, __u32 heap, __u32 interval)
{
	struct memmgr_debug d = {
		.flags = interval ? MEMMGR_DEBUG_GUARDS : 0, .guard_interval = interval,
	};

	return debug_set(fd, heap, d);
}

/* Return: false when this build or region has no guards. */
static bool scene_make(struct __test_metadata *_metadata, int fd, __u32 kind, __u32 interval,
		       struct scene *s)
{
	struct memmgr_heap_create c = { .size = sizeof(c), .kind = kind };
	struct memmgr_corruption last;
	int err;

	*s = (struct scene) { .fd = fd, .page = page_size() };
	if (!debug_is_built(fd) || !kind_is_built(fd, kind))
		return false;
	snprintf(c.name, sizeof(c.name), "t-shift-%d", getpid());
	if (kind == MEMMGR_KIND_BUDDY) {
		c.bytes = HEAP_PAGES * s->page;
	} else {
		c.object_size = OBJECT_PAGES * s->page;
		c.count = kind == MEMMGR_KIND_POOL ? 64 : 0;
	}
	ASSERT_EQ(0, mm_heap_create(fd, &c));
	s->heap = c.heap;
	err = guards(fd, s->heap, interval);
	if (err == -EOPNOTSUPP) {
		ASSERT_EQ(0, mm_heap_destroy(fd, s->heap, 0));
		return false;
	}
	ASSERT_EQ(0, err);
	reports(_metadata, fd, &s->after, &last);
	return true;
}

/* The same with a heap of another make. */
static void scene_replace(struct __test_metadata *_metadata, struct scene *s,
			  struct memmgr_heap_create c)
{
	ASSERT_EQ(0, mm_heap_destroy(s->fd, s->heap, 0));
	ASSERT_EQ(0, mm_heap_create(s->fd, &c));
	s->heap = c.heap;
	ASSERT_EQ(0, guards(s->fd, s->heap, 1));
}

static void scene_end(struct __test_metadata *_metadata, const struct scene *s)
{
	unmap_all();
	EXPECT_EQ(0, mm_check(s->fd, s->heap));
	ASSERT_EQ(0, mm_heap_destroy(s->fd, s->heap, 0));
}

#define NEEDS_SCENE(interval, scene)						\
	do {									\
		if (!scene_make(_metadata, self->fd, variant->kind, interval, scene)) \
			SKIP(return, "no guards in this build or region");	\
	} while (0)

static struct memmgr_alloc shift_request(const struct scene *s, __u64 bytes, __u64 align)
{
	struct memmgr_alloc a = alloc_request(s->heap, bytes);

	a.flags = SHIFTABLE;
	a.align = align;
	strcpy(a.tag, "shifted");
	return a;
}

static struct memmgr_alloc shift_alloc(struct __test_metadata *_metadata, const struct scene *s,
				       __u64 bytes)
{
	struct memmgr_alloc a = shift_request(s, bytes, 0);

	ASSERT_EQ(0, mm_alloc(s->fd, &a));
	return a;
}

static __u64 round_to_page(const struct scene *s, __u64 bytes)
{
	return (bytes + s->page - 1) / s->page * s->page;
}

/* As the ABI says that such a one is mapped, whether it is shifted or not. */
static unsigned char *shift_map(struct __test_metadata *_metadata, const struct scene *s,
				__u64 map_offset, __u64 granted)
{
	__u64 inset = map_offset % s->page;
	unsigned char *base = must_map(_metadata, s->fd, map_offset - inset,
				       round_to_page(s, inset + granted) + 2 * s->page);

	return base + s->page + inset;
}

static __u64 page_left(const struct scene *s, __u64 bytes)
{
	return round_to_page(s, bytes) - bytes;
}

/* What a report of the allocation says. */
static void expect_report(struct __test_metadata *_metadata, struct scene *s,
			  const struct memmgr_alloc *a, __u32 kind, __s64 at, __u64 distance)
{
	struct memmgr_corruption c;

	ASSERT_EQ(1, reports(_metadata, s->fd, &s->after, &c)) {
		TH_LOG("%llu bytes, byte %lld", (unsigned long long)a->bytes, (long long)at);
	}
	EXPECT_EQ(kind, c.kind);
	EXPECT_EQ(s->heap, c.heap);
	EXPECT_EQ(a->handle, c.handle);
	EXPECT_EQ(a->offset, c.place);
	EXPECT_EQ(a->bytes, c.bytes);
	EXPECT_EQ(a->offset + at, c.offset);
	EXPECT_EQ(distance, c.distance);
	EXPECT_EQ((__u32)getpid(), c.pid);
	EXPECT_STREQ(a->tag, c.tag);
	EXPECT_EQ(kind == MEMMGR_CORRUPTION_STALE, c.free_ns != 0);
}

static void expect_none(struct __test_metadata *_metadata, struct scene *s)
{
	struct memmgr_corruption c;

	EXPECT_EQ(0, reports(_metadata, s->fd, &s->after, &c)) {
		TH_LOG("kind %u, %lld bytes from the begin of %llu", c.kind,
		       (long long)(c.offset - c.place), (unsigned long long)c.bytes);
	}
}

/* It is mapped at @p: the first byte past its page, and both ends of it, are as promised. */
static void expect_at_end(struct __test_metadata *_metadata, struct scene *s,
			  const struct memmgr_alloc *a, unsigned char *p, __u64 tail)
{
	EXPECT_EQ(0, ((uintptr_t)p + a->bytes + tail) % s->page);
	EXPECT_TRUE(is_zero(p, a->bytes));
	memset(p, 0xa5, a->bytes);
	expect_none(_metadata, s);
	EXPECT_EQ(SIGSEGV, touch(p + a->bytes + tail, true));
	expect_report(_metadata, s, a, MEMMGR_CORRUPTION_GUARD, a->bytes + tail, tail);
	EXPECT_EQ(SIGSEGV, touch(p + a->bytes + tail + 77, false));
	expect_report(_metadata, s, a, MEMMGR_CORRUPTION_GUARD, a->bytes + tail + 77, tail + 77);
}

/* Where it lies, by its size and alignment; it is no larger than others, and clear. */
TEST_F(shift, corruption_shift_place)
{
	const __u64 page = self->page;
	const __u64 sizes[] = { 1, 7, 8, 9, 100, page - 8, page - 1, page, page + 1, 2 * page,
				3 * page - 64 };
	const __u64 aligns[] = { 0, 1, 8, 16, 64, 1024, page };
	struct memmgr_info info;
	struct memmgr_alloc a;
	__u64 least, tail, guarded = 0;
	struct memmgr_debug d;
	unsigned int n, i;
	unsigned char *p;
	struct scene s;

	NEEDS_SCENE(1, &s);
	for (n = 0; n < ARRAY_SIZE(aligns); n++)
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			a = shift_request(&s, sizes[i], aligns[n]);
			if (mm_alloc(s.fd, &a)) {
				/* Objects of three pages lie at every page only. */
				EXPECT_NE(MEMMGR_KIND_BUDDY, variant->kind);
				EXPECT_EQ(page, aligns[n]);
				continue;
			}
			guarded++;
			least = aligns[n] > 8 ? aligns[n] : 8;
			tail = page_left(&s, sizes[i]) % least;
			EXPECT_EQ(sizes[i], a.granted);
			EXPECT_EQ((page_left(&s, sizes[i]) - tail) % page, a.offset % page);
			EXPECT_EQ(a.offset % page, a.map_offset % page);
			EXPECT_EQ(0, a.offset % least);
			ASSERT_EQ(0, mm_info(s.fd, a.handle, &info));
			EXPECT_EQ(a.map_offset, info.map_offset);
			EXPECT_EQ(a.offset, info.offset);
			EXPECT_EQ(SHIFTABLE, info.flags);
			p = shift_map(_metadata, &s, a.map_offset, a.granted);
			expect_at_end(_metadata, &s, &a, p, tail);
			EXPECT_EQ(0, mm_check(s.fd, s.heap));
			ASSERT_EQ(0, debug_get(s.fd, s.heap, &d));
			EXPECT_EQ(1, d.guards);
			ASSERT_EQ(0, mm_free(s.fd, a.handle));
			unmap_all();
		}
	expect_none(_metadata, &s);
	ASSERT_EQ(0, debug_get(s.fd, s.heap, &d));
	EXPECT_EQ(0, d.guards);
	EXPECT_EQ(guarded, d.guarded);
	scene_end(_metadata, &s);
}

/* Damage one byte of what is left of its pages; @at as seen from its first byte. */
static void damage_one(struct __test_metadata *_metadata, struct scene *s, __u64 bytes, __s64 at)
{
	bool before = at < 0;
	__u64 distance = before ? -at - 1 : at - bytes;
	struct memmgr_alloc a = shift_alloc(_metadata, s, bytes);
	unsigned char *p = shift_map(_metadata, s, a.map_offset, a.granted);

	p[at] ^= 1u << distance % 8;
	expect_none(_metadata, s);
	/* Found by a check, or when it is freed. */
	if (distance % 2 && !(before && distance >= BEFORE))
		EXPECT_EQ(-EUCLEAN, mm_check(s->fd, s->heap));
	ASSERT_EQ(0, mm_free(s->fd, a.handle));
	if (before && distance >= BEFORE)
		expect_none(_metadata, s);
	else
		expect_report(_metadata, s, &a, before ? MEMMGR_CORRUPTION_BEFORE :
			      MEMMGR_CORRUPTION_BEHIND, at, distance);
	unmap_all();
}

TEST_F(shift, corruption_shift_each_byte)
{
	const __u64 sizes[] = { 1, 9, 100, self->page - 13, self->page + 5 };
	struct scene s;
	unsigned int i;
	__s64 at, lead, tail;

	NEEDS_SCENE(1, &s);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		tail = page_left(&s, sizes[i]) % 8;
		lead = page_left(&s, sizes[i]) - tail;
		for (at = -lead; at < 0; at++)
			if (at >= -(__s64)BEFORE - 2 || at < -lead + 2)
				damage_one(_metadata, &s, sizes[i], at);
		for (at = 0; at < tail; at++)
			damage_one(_metadata, &s, sizes[i], sizes[i] + at);
	}
	scene_end(_metadata, &s);
}

/* One in N of those that may be, others do not count; off, none, and what is there stays. */
TEST_F(shift, corruption_shift_one_in)
{
	struct memmgr_alloc a[12], plain;
	unsigned int i, shifted = 0;
	struct memmgr_debug d;
	unsigned char *p;
	struct scene s;

	NEEDS_SCENE(4, &s);
	for (i = 0; i < ARRAY_SIZE(a); i++) {
		a[i] = shift_alloc(_metadata, &s, 100);
		shifted += a[i].map_offset % s.page != 0;
		EXPECT_EQ(i % 4 == 3, a[i].map_offset % s.page != 0);
		plain = alloc_request(s.heap, 100);
		plain.flags = i % 2 ? MEMMGR_ALLOC_GUARD : 0;
		ASSERT_EQ(0, mm_alloc(s.fd, &plain));
		EXPECT_EQ(0, plain.map_offset % s.page);
		EXPECT_EQ(0, plain.granted % s.page);
		ASSERT_EQ(0, mm_free(s.fd, plain.handle));
	}
	ASSERT_EQ(0, debug_get(s.fd, s.heap, &d));
	EXPECT_EQ(shifted, d.guards);
	EXPECT_EQ(shifted, d.guarded);
	EXPECT_EQ(4, d.guard_interval);
	ASSERT_EQ(0, guards(s.fd, s.heap, 0));
	plain = shift_alloc(_metadata, &s, 100);
	EXPECT_EQ(0, plain.map_offset % s.page);
	ASSERT_EQ(0, mm_free(s.fd, plain.handle));
	ASSERT_EQ(0, debug_get(s.fd, s.heap, &d));
	EXPECT_EQ(0, d.flags);
	EXPECT_EQ(shifted, d.guards);
	p = shift_map(_metadata, &s, a[3].map_offset, a[3].granted);
	EXPECT_EQ(SIGSEGV, touch(p + 104, true));
	expect_report(_metadata, &s, &a[3], MEMMGR_CORRUPTION_GUARD, 104, 4);
	p[100] ^= 1;
	for (i = 0; i < ARRAY_SIZE(a); i++)
		ASSERT_EQ(0, mm_free(s.fd, a[i].handle));
	expect_report(_metadata, &s, &a[3], MEMMGR_CORRUPTION_BEHIND, 100, 0);
	ASSERT_EQ(0, debug_get(s.fd, s.heap, &d));
	EXPECT_EQ(0, d.guards);
	scene_end(_metadata, &s);
}

/* A request that fails takes nobody's turn. */
TEST_F(shift, corruption_shift_after_failure)
{
	struct memmgr_alloc a;
	struct scene s;
	int i;

	NEEDS_SCENE(2, &s);
	a = shift_alloc(_metadata, &s, 100);
	EXPECT_EQ(0, a.map_offset % s.page);
	ASSERT_EQ(0, mm_free(s.fd, a.handle));
	for (i = 0; i < 3; i++) {
		a = shift_request(&s, ~0ull - i * s.page, 0);
		EXPECT_EQ(-ENOMEM, mm_alloc(s.fd, &a));
		EXPECT_EQ(MEMMGR_REASON_TOO_LARGE, a.reason);
		a = shift_request(&s, HEAP_PAGES * s.page + 1 + i, 0);
		EXPECT_EQ(-ENOMEM, mm_alloc(s.fd, &a));
	}
	a = shift_alloc(_metadata, &s, 100);
	EXPECT_NE(0, a.map_offset % s.page);
	ASSERT_EQ(0, mm_free(s.fd, a.handle));
	scene_end(_metadata, &s);
}

/* Through a mapping that was left: the signal, the byte, and who it was. */
TEST_F(shift, corruption_shift_after_free)
{
	struct memmgr_alloc a, next;
	unsigned char *p;
	struct scene s;

	NEEDS_SCENE(1, &s);
	a = shift_alloc(_metadata, &s, s.page + 100);
	p = shift_map(_metadata, &s, a.map_offset, a.granted);
	memset(p, 1, a.bytes);
	ASSERT_EQ(0, mm_free(s.fd, a.handle));
	/* Its memory may be another's. */
	next = shift_alloc(_metadata, &s, s.page + 100);
	EXPECT_EQ(SIGBUS, touch(p + 7, true));
	expect_report(_metadata, &s, &a, MEMMGR_CORRUPTION_STALE, 7, 7);
	EXPECT_EQ(SIGBUS, touch(p + s.page + 99, false));
	expect_report(_metadata, &s, &a, MEMMGR_CORRUPTION_STALE, s.page + 99, s.page + 99);
	ASSERT_EQ(0, mm_free(s.fd, next.handle));
	unmap_all();
	scene_end(_metadata, &s);
}

/* The guard follows the end; what was before it keeps its place and its bytes. */
TEST_F(shift, corruption_shift_resize)
{
	struct memmgr_resize r;
	struct memmgr_alloc a;
	unsigned char *p;
	struct scene s;
	__u64 bytes;

	NEEDS_SCENE(1, &s);
	a = shift_alloc(_metadata, &s, s.page + 100);
	p = shift_map(_metadata, &s, a.map_offset, a.granted);
	fill_pattern(p, a.bytes, 1);
	/* Down to a part of its first page, which is 104 bytes. */
	for (bytes = s.page + 99; bytes; bytes = bytes > 120 ? bytes / 3 : bytes - 1) {
		ASSERT_EQ(0, mm_resize(s.fd, a.handle, bytes, &r));
		EXPECT_EQ(bytes, r.granted);
		a.bytes = bytes;
		EXPECT_TRUE(is_pattern(p, bytes, 1));
		EXPECT_EQ(0, mm_check(s.fd, s.heap));
		p[bytes] ^= 1;
		EXPECT_EQ(-EUCLEAN, mm_check(s.fd, s.heap));
		expect_report(_metadata, &s, &a, MEMMGR_CORRUPTION_BEHIND, bytes, 0);
		if (bytes <= 104) {
			EXPECT_EQ(SIGSEGV, touch(p + 104, true));
			expect_report(_metadata, &s, &a, MEMMGR_CORRUPTION_GUARD, 104,
				      104 - bytes);
		}
	}
	/* And up again, as far as its first object or the buddies let it. */
	ASSERT_EQ(0, mm_resize(s.fd, a.handle, s.page + 50, &r));
	a.bytes = s.page + 50;
	EXPECT_TRUE(is_pattern(p, 1, 1));
	EXPECT_TRUE(is_zero(p + 1, a.bytes - 1));
	EXPECT_EQ(0, touch(p + s.page + 103, false));
	EXPECT_EQ(SIGSEGV, touch(p + s.page + 104, false));
	expect_report(_metadata, &s, &a, MEMMGR_CORRUPTION_GUARD, s.page + 104, 54);
	if (variant->kind != MEMMGR_KIND_BUDDY) {
		/* An object is three pages, of which it does not have the first ones. */
		EXPECT_EQ(-ENOMEM, mm_resize(s.fd, a.handle, OBJECT_PAGES * s.page, &r));
		EXPECT_EQ(2 * s.page + 104, r.largest);
		ASSERT_EQ(0, mm_resize(s.fd, a.handle, r.largest, &r));
	}
	EXPECT_EQ(-ENOMEM, mm_resize(s.fd, a.handle, ~0ull, &r));
	ASSERT_EQ(0, mm_free(s.fd, a.handle));
	expect_none(_metadata, &s);
	scene_end(_metadata, &s);
}

/* All that its heap has is more than is left behind its first byte. */
TEST_F(shift, corruption_shift_within_the_heap)
{
	__u64 all = variant->kind == MEMMGR_KIND_BUDDY ? HEAP_PAGES : OBJECT_PAGES;
	struct memmgr_heap_create c = {
		.size = sizeof(c), .kind = variant->kind, .name = "t-shift-little",
	};
	struct memmgr_resize r;
	struct memmgr_alloc a;
	struct memmgr_info info;
	struct scene s;
	int more;

	NEEDS_SCENE(1, &s);
	all *= s.page;
	if (variant->kind == MEMMGR_KIND_POOL) {
		c.object_size = all;
		c.count = 1;
		scene_replace(_metadata, &s, c);
	}
	a = shift_alloc(_metadata, &s, 32);
	for (more = -1; more <= 1; more++) {
		EXPECT_EQ(-ENOMEM, mm_resize(s.fd, a.handle, all + more, &r));
		EXPECT_GE(all - page_left(&s, 32), r.largest);
		ASSERT_EQ(0, mm_info(s.fd, a.handle, &info));
		EXPECT_EQ(32, info.bytes);
	}
	ASSERT_EQ(0, mm_free(s.fd, a.handle));
	scene_end(_metadata, &s);
}

/* Objects begin at a page and end within one: a size that has no room there is as usual. */
TEST_F(shift, corruption_shift_parts_of_pages)
{
	const __u64 object = page_size() + 904, lead = 96;
	struct memmgr_heap_create c = {
		.size = sizeof(c), .kind = variant->kind, .name = "t-shift-parts",
		.object_size = object, .align = page_size(),
		.count = variant->kind == MEMMGR_KIND_POOL ? 8 : 0,
	};
	struct memmgr_resize r;
	struct memmgr_alloc a;
	unsigned char *p;
	struct scene s;
	__u64 bytes;

	NEEDS_SCENE(1, &s);
	if (variant->kind == MEMMGR_KIND_BUDDY)
		SKIP(goto out, "its blocks are whole pages");
	scene_replace(_metadata, &s, c);
	for (bytes = 8; bytes <= object; bytes += 8) {
		a = shift_alloc(_metadata, &s, bytes);
		EXPECT_EQ(bytes <= s.page ? page_left(&s, bytes) : 0, a.map_offset % s.page);
		ASSERT_EQ(0, mm_free(s.fd, a.handle));
	}
	a = shift_request(&s, object + 1, 0);
	EXPECT_EQ(-ENOMEM, mm_alloc(s.fd, &a));
	EXPECT_EQ(object, a.largest);
	a = shift_alloc(_metadata, &s, s.page - lead);
	EXPECT_EQ(lead, a.map_offset % s.page);
	EXPECT_EQ(-ENOMEM, mm_resize(s.fd, a.handle, object - lead + 1, &r));
	EXPECT_EQ(object - lead, r.largest);
	for (bytes = object - lead; bytes > object - lead - 24; bytes--) {
		ASSERT_EQ(0, mm_resize(s.fd, a.handle, bytes, &r));
		a.bytes = bytes;
		p = shift_map(_metadata, &s, a.map_offset, bytes);
		memset(p, 0x11, bytes);
		EXPECT_EQ(0, mm_check(s.fd, s.heap));
		expect_none(_metadata, &s);
		if (bytes < object - lead) {
			p[object - lead - 1] ^= 1;
			EXPECT_EQ(-EUCLEAN, mm_check(s.fd, s.heap));
			expect_report(_metadata, &s, &a, MEMMGR_CORRUPTION_BEHIND,
				      object - lead - 1, object - lead - 1 - bytes);
		}
		unmap_all();
	}
	ASSERT_EQ(0, mm_free(s.fd, a.handle));
	expect_none(_metadata, &s);
out:
	scene_end(_metadata, &s);
}

/* Calls that take offsets count from its first byte. */
TEST_F(shift, corruption_shift_copies)
{
	unsigned char from[200], to[200] = { 0 };
	struct memmgr_alloc a;
	unsigned char *p;
	struct scene s;

	NEEDS_SCENE(1, &s);
	fill_pattern(from, sizeof(from), 3);
	a = shift_alloc(_metadata, &s, sizeof(from));
	p = shift_map(_metadata, &s, a.map_offset, a.granted);
	ASSERT_EQ(0, mm_write(s.fd, a.handle, 0, from, sizeof(from)));
	EXPECT_TRUE(is_pattern(p, sizeof(from), 3));
	p[199] = 7;
	ASSERT_EQ(0, mm_read(s.fd, a.handle, 100, to, 100));
	EXPECT_EQ(0, memcmp(from + 100, to, 99));
	EXPECT_EQ(7, to[99]);
	EXPECT_EQ(-ERANGE, mm_write(s.fd, a.handle, 1, from, sizeof(from)));
	EXPECT_EQ(0, mm_sync(s.fd, a.handle, 0, 200, MEMMGR_SYNC_FOR_DEVICE));
	EXPECT_EQ(-EOPNOTSUPP, mm_export(s.fd, a.handle, 0));
	ASSERT_EQ(0, mm_free(s.fd, a.handle));
	expect_none(_metadata, &s);
	scene_end(_metadata, &s);
}

/* Protected and leased like any other; a violation tells the byte from its begin. */
TEST_F(shift, corruption_shift_protect_and_lease)
{
	struct memmgr_info info;
	struct memmgr_alloc a;
	unsigned char *p;
	struct scene s;

	NEEDS_SCENE(1, &s);
	a = shift_alloc(_metadata, &s, s.page + 8);
	p = shift_map(_metadata, &s, a.map_offset, a.granted);
	ASSERT_EQ(0, mm_pin(s.fd, a.handle, MEMMGR_PIN_LEASE));
	memset(p, 1, a.bytes);
	ASSERT_EQ(0, mm_info(s.fd, a.handle, &info));
	EXPECT_EQ(0, info.lease_faults);
	EXPECT_EQ(0, info.state & MEMMGR_INFO_MOVABLE);
	ASSERT_EQ(0, mm_unpin(s.fd, a.handle, MEMMGR_PIN_LEASE));
	ASSERT_EQ(0, mm_info(s.fd, a.handle, &info));
	EXPECT_EQ(0, info.state & MEMMGR_INFO_MOVABLE);
	ASSERT_EQ(0, mm_protect(s.fd, a.handle, MEMMGR_ACCESS_READ, 0));
	EXPECT_EQ(0, touch(p, false));
	EXPECT_EQ(SIGSEGV, touch(p, true));
	EXPECT_EQ(SIGSEGV, touch(p + a.bytes - 1, true));
	ASSERT_EQ(0, mm_info(s.fd, a.handle, &info));
	EXPECT_EQ(2, info.violations);
	/* Not allowed, but its own: no memory error. */
	expect_none(_metadata, &s);
	ASSERT_EQ(0, mm_free(s.fd, a.handle));
	scene_end(_metadata, &s);
}

/* Only who says that he maps with guard pages, in both calls that allocate. */
TEST_F(shift, corruption_shift_asked_for)
{
	struct memmgr_info info;
	__u64 handles[3];
	struct memmgr_alloc a;
	unsigned char *p;
	struct scene s;
	__u32 count, i;

	NEEDS_SCENE(1, &s);
	a = shift_request(&s, 100, 0);
	a.flags = MEMMGR_ALLOC_MAY_SHIFT;
	EXPECT_EQ(-EINVAL, mm_alloc(s.fd, &a));
	count = 1;
	EXPECT_EQ(-EINVAL, mm_alloc_batch(s.fd, s.heap, MEMMGR_ALLOC_MAY_SHIFT, 100, handles,
					  &count));
	count = ARRAY_SIZE(handles);
	ASSERT_EQ(0, mm_alloc_batch(s.fd, s.heap, SHIFTABLE, 100, handles, &count));
	ASSERT_EQ(ARRAY_SIZE(handles), count);
	for (i = 0; i < count; i++) {
		ASSERT_EQ(0, mm_info(s.fd, handles[i], &info));
		a = (struct memmgr_alloc) {
			.handle = info.handle, .offset = info.offset, .bytes = info.bytes,
		};
		p = shift_map(_metadata, &s, info.map_offset, info.granted);
		expect_at_end(_metadata, &s, &a, p, 4);
	}
	ASSERT_EQ(0, mm_free_batch(s.fd, handles, count));
	scene_end(_metadata, &s);
}

/* A client that goes leaves nothing; its memory that a pipe still has is held. */
TEST_F(shift, corruption_shift_client_goes)
{
	struct memmgr_debug d;
	struct memmgr_alloc a;
	struct memmgr_query q;
	unsigned char *p, back;
	int ends[2], fd, i;
	struct iovec v;
	struct scene s, other;

	NEEDS_SCENE(1, &s);
	fd = open_device(O_RDWR);
	ASSERT_LE(0, fd);
	other = s;
	other.fd = fd;
	a = shift_alloc(_metadata, &other, 50);
	p = shift_map(_metadata, &other, a.map_offset, a.granted);
	p[0] = 77;
	ASSERT_EQ(0, mm_query(fd, &q));
	ASSERT_EQ(0, pipe(ends));
	v = (struct iovec) { p, 1 };
	EXPECT_EQ(q.region_flags & MEMMGR_REGION_PAGES ? 1 : -1, vmsplice(ends[1], &v, 1, 0));
	p[50] ^= 0x80;
	unmap_all();
	close(fd);
	if (q.region_flags & MEMMGR_REGION_PAGES) {
		ASSERT_EQ(0, debug_get(s.fd, s.heap, &d));
		EXPECT_EQ(1, d.guards);
		ASSERT_EQ(1, read(ends[0], &back, 1));
		EXPECT_EQ(77, back);
	}
	for (i = 0, d.guards = 1; i < 500 && d.guards; i++, usleep(10000))
		ASSERT_EQ(0, debug_get(s.fd, s.heap, &d));
	EXPECT_EQ(0, d.guards);
	expect_report(_metadata, &s, &a, MEMMGR_CORRUPTION_BEHIND, 50, 0);
	close(ends[0]);
	close(ends[1]);
	scene_end(_metadata, &s);
}

/* Compaction goes around it, and says why. */
TEST_F(shift, corruption_shift_stays)
{
	struct memmgr_alloc hole, a;
	struct memmgr_compact c;
	struct memmgr_info info;
	struct scene s;

	NEEDS_SCENE(1, &s);
	if (variant->kind != MEMMGR_KIND_BUDDY) {
		ASSERT_EQ(0, mm_heap_destroy(s.fd, s.heap, 0));
		SKIP(return, "only buddies are compacted");
	}
	hole = must_alloc(_metadata, s.fd, s.heap, s.page);
	a = shift_alloc(_metadata, &s, 100);
	ASSERT_EQ(0, mm_free(s.fd, hole.handle));
	c = compact_request(s.heap, 0, 0);
	ASSERT_EQ(0, mm_compact(s.fd, &c));
	ASSERT_EQ(0, mm_info(s.fd, a.handle, &info));
	EXPECT_EQ(a.offset, info.offset);
	EXPECT_EQ(0, info.moves);
	EXPECT_EQ(-ENOMEM, mm_empty(s.fd, s.heap, a.offset / s.page * s.page, s.page, &c));
	EXPECT_EQ(s.page, c.stayed[MEMMGR_FIXED_PINNED]);
	ASSERT_EQ(0, mm_info(s.fd, a.handle, &info));
	EXPECT_EQ(a.offset, info.offset);
	ASSERT_EQ(0, mm_free(s.fd, a.handle));
	scene_end(_metadata, &s);
}

/* With all the rest on: its zones are those of its pages, and its freed bytes are kept. */
TEST_F(shift, corruption_shift_with_others)
{
	struct memmgr_debug d = {
		.flags = MEMMGR_DEBUG_GUARDS | MEMMGR_DEBUG_ZONES | MEMMGR_DEBUG_POISON |
			 MEMMGR_DEBUG_QUARANTINE,
		.guard_interval = 2, .quarantine_bytes = MIB, .quarantine_blocks = 8,
	};
	struct memmgr_alloc a[4];
	unsigned char *p;
	struct scene s;
	int i;

	NEEDS_SCENE(0, &s);
	ASSERT_EQ(0, debug_set(s.fd, s.heap, d));
	for (i = 0; i < 4; i++) {
		a[i] = shift_alloc(_metadata, &s, 100);
		EXPECT_EQ(i % 2, a[i].map_offset % s.page != 0);
		p = shift_map(_metadata, &s, a[i].map_offset, a[i].granted);
		EXPECT_TRUE(is_zero(p, 100));
		memset(p, 9, 100);
		p[100] ^= 1;
		EXPECT_EQ(-EUCLEAN, mm_check(s.fd, s.heap));
		expect_report(_metadata, &s, &a[i], MEMMGR_CORRUPTION_BEHIND, 100, 0);
		EXPECT_EQ(SIGSEGV, touch(p + (i % 2 ? 104 : s.page), false));
		expect_report(_metadata, &s, &a[i], MEMMGR_CORRUPTION_GUARD,
			      i % 2 ? 104 : s.page, i % 2 ? 4 : s.page - 100);
	}
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, mm_free(s.fd, a[i].handle));
		EXPECT_EQ(-EBADF, mm_free(s.fd, a[i].handle));
	}
	ASSERT_EQ(0, debug_get(s.fd, s.heap, &d));
	EXPECT_EQ(4, d.held_blocks);
	EXPECT_EQ(0, mm_check(s.fd, s.heap));
	scene_end(_metadata, &s);
}

MEMMGR_TEST_MAIN
