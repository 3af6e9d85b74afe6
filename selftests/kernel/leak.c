// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Leaks: the places that allocations come from, the number of live ones of each place, and
 * the report about a client that closes with some of them. A program that forgets one
 * allocation in a thousand, at a known place, is found, and no other place is blamed.
 *
 * Rule: <linux/memmgr.h>, struct memmgr_track and struct memmgr_sites; memmgr(7), "Leaks".
 */
#include <sys/mman.h>
#include <sys/wait.h>

#include "lib/memmgr_test.h"

MEMMGR_FIXTURE(leak)

static struct memmgr_track track(struct __test_metadata *_metadata, int fd, __u32 heap,
				 __u32 flags)
{
	struct memmgr_track t = { .size = sizeof(t), .heap = heap, .flags = flags };

	ASSERT_EQ(0, mm_call(fd, MEMMGR_IOC_TRACK, &t));
	return t;
}

/* Any address will do: a place in this program for each number. */
#define PLACES	8
static void place0(void) { }
static char places[PLACES];

static __u64 place(int i)
{
	return (uintptr_t)&places[i];
}

static struct memmgr_alloc alloc_at(struct __test_metadata *_metadata, int fd, __u64 bytes,
				    __u64 site)
{
	struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, bytes);

	a.site = site;
	ASSERT_EQ(0, mm_alloc(fd, &a));
	return a;
}

static __u32 site_of(struct __test_metadata *_metadata, int fd, __u64 handle)
{
	struct memmgr_info i;

	ASSERT_EQ(0, mm_info(fd, handle, &i));
	return i.site;
}

/* The site with an id; the id is 0 in the answer when there is none. */
static struct memmgr_site site_with(struct __test_metadata *_metadata, int fd, __u32 id)
{
	struct memmgr_site site = { 0 };
	struct memmgr_sites s = {
		.size = sizeof(s), .count = 1, .entry_size = sizeof(site), .after = id - 1,
		.entries = (uintptr_t)&site,
	};

	ASSERT_EQ(0, mm_call(fd, MEMMGR_IOC_SITES, &s));
	if (!s.count || site.id != id)
		site.id = 0;
	return site;
}

TEST_F(leak, off_knows_no_sites)
{
	struct memmgr_alloc a;

	track(_metadata, self->fd, MEMMGR_HEAP_MAIN, MEMMGR_TRACK_OFF);
	a = alloc_at(_metadata, self->fd, self->page, (uintptr_t)place0);
	EXPECT_EQ(0, site_of(_metadata, self->fd, a.handle));
}

/* The file and the offset in it; the same again for the same place. */
TEST_F(leak, site_of_a_program)
{
	char self_path[256] = "";
	struct memmgr_site site;
	struct memmgr_alloc a, b, c;
	__u64 before;
	__u32 id;

	ASSERT_LT(0, readlink("/proc/self/exe", self_path, sizeof(self_path) - 1));
	EXPECT_EQ(MEMMGR_TRACK_ON,
		  track(_metadata, self->fd, MEMMGR_HEAP_MAIN, MEMMGR_TRACK_ON).state);
	a = alloc_at(_metadata, self->fd, 3 * self->page, (uintptr_t)place0);
	id = site_of(_metadata, self->fd, a.handle);
	ASSERT_NE(0, id);
	site = site_with(_metadata, self->fd, id);
	ASSERT_EQ(id, site.id);
	EXPECT_EQ(MEMMGR_SITE_USER, site.kind);
	EXPECT_STREQ(self_path, site.name);
	EXPECT_EQ((uintptr_t)place0 % self->page, site.offset % self->page);
	before = site.live;
	b = alloc_at(_metadata, self->fd, self->page, (uintptr_t)place0);
	EXPECT_EQ(id, site_of(_metadata, self->fd, b.handle));
	c = alloc_at(_metadata, self->fd, self->page, (uintptr_t)place0 + 4);
	EXPECT_NE(id, site_of(_metadata, self->fd, c.handle));
	site = site_with(_metadata, self->fd, id);
	EXPECT_EQ(before + 1, site.live);
	EXPECT_EQ(0, mm_free(self->fd, b.handle));
	EXPECT_EQ(before, site_with(_metadata, self->fd, id).live);
	track(_metadata, self->fd, MEMMGR_HEAP_MAIN, MEMMGR_TRACK_OFF);
	/* It knows of what it counted also when it is off. */
	EXPECT_EQ(0, mm_free(self->fd, a.handle));
	EXPECT_EQ(before - 1, site_with(_metadata, self->fd, id).live);
	EXPECT_EQ(site.live_bytes - 4 * self->page,
		  site_with(_metadata, self->fd, id).live_bytes);
}

/* Several at once are counted when it is off, as one is. */
TEST_F(leak, batch_is_counted)
{
	struct memmgr_free_batch f = { .size = sizeof(f), .count = 3 };
	__u64 handles[3];
	__u32 id, i;

	track(_metadata, self->fd, MEMMGR_HEAP_MAIN, MEMMGR_TRACK_ON);
	for (i = 0; i < 3; i++)
		handles[i] = alloc_at(_metadata, self->fd, self->page, place(6)).handle;
	id = site_of(_metadata, self->fd, handles[0]);
	track(_metadata, self->fd, MEMMGR_HEAP_MAIN, MEMMGR_TRACK_OFF);
	EXPECT_EQ(3, site_with(_metadata, self->fd, id).live);
	f.handles = (uintptr_t)handles;
	ASSERT_EQ(0, mm_call(self->fd, MEMMGR_IOC_FREE_BATCH, &f));
	EXPECT_EQ(0, site_with(_metadata, self->fd, id).live);
}

TEST_F(leak, resize_is_counted)
{
	struct memmgr_site before, after;
	struct memmgr_alloc a;
	struct memmgr_resize r;
	__u32 id;

	track(_metadata, self->fd, MEMMGR_HEAP_MAIN, MEMMGR_TRACK_ON);
	a = alloc_at(_metadata, self->fd, 4 * self->page, place(7));
	id = site_of(_metadata, self->fd, a.handle);
	before = site_with(_metadata, self->fd, id);
	ASSERT_EQ(0, mm_resize(self->fd, a.handle, self->page, &r));
	after = site_with(_metadata, self->fd, id);
	EXPECT_EQ(before.live, after.live);
	EXPECT_EQ(before.live_bytes - 3 * self->page, after.live_bytes);
	track(_metadata, self->fd, MEMMGR_HEAP_MAIN, MEMMGR_TRACK_OFF);
}

#define OPERATIONS	8000
#define EVERY		1000	/* one in so many is forgotten at place 3 */

/* Thousands of allocations from many places, of which one forgets some. */
TEST_F(leak, one_in_a_thousand)
{
	__u64 before[PLACES], live[64] = { 0 };
	struct memmgr_alloc a;
	__u32 id[PLACES];
	unsigned int i, p, slot, forgotten = 0;

	track(_metadata, self->fd, MEMMGR_HEAP_MAIN, MEMMGR_TRACK_ON);
	for (p = 0; p < PLACES; p++) {
		a = alloc_at(_metadata, self->fd, self->page, place(p));
		id[p] = site_of(_metadata, self->fd, a.handle);
		ASSERT_NE(0, id[p]);
		ASSERT_EQ(0, mm_free(self->fd, a.handle));
		before[p] = site_with(_metadata, self->fd, id[p]).live;
	}
	for (i = 0; i < OPERATIONS; i++) {
		slot = i * 7 % ARRAY_SIZE(live);
		if (live[slot])
			ASSERT_EQ(0, mm_free(self->fd, live[slot]));
		p = i % PLACES;
		a = alloc_at(_metadata, self->fd, self->page, place(p));
		live[slot] = a.handle;
		/* where it is forgotten nobody keeps the handle */
		if (p == 3 && i % EVERY == 3) {
			live[slot] = 0;
			forgotten++;
		}
	}
	for (slot = 0; slot < ARRAY_SIZE(live); slot++)
		if (live[slot])
			ASSERT_EQ(0, mm_free(self->fd, live[slot]));
	ASSERT_EQ(OPERATIONS / EVERY, forgotten);
	for (p = 0; p < PLACES; p++)
		EXPECT_EQ(before[p] + (p == 3 ? forgotten : 0),
			  site_with(_metadata, self->fd, id[p]).live);
	track(_metadata, self->fd, MEMMGR_HEAP_MAIN, MEMMGR_TRACK_OFF);
}

static struct memmgr_event next_leak(struct __test_metadata *_metadata, int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct memmgr_event e;

	do {
		ASSERT_EQ(1, poll(&p, 1, 60000));
		ASSERT_EQ(sizeof(e), read(fd, &e, sizeof(e)));
	} while (e.kind != MEMMGR_EVENT_LEAK);
	return e;
}

/* Who closes with something is told; who freed all of it is not. */
TEST_F(leak, client_that_closes)
{
	struct pollfd p = { .events = POLLIN };
	struct memmgr_event e;
	struct memmgr_alloc a;
	int events, other, i;

	track(_metadata, self->fd, MEMMGR_HEAP_MAIN, MEMMGR_TRACK_ON);
	events = open_device(O_RDONLY | O_NONBLOCK);
	ASSERT_LE(0, events);
	other = open_device(O_RDWR);
	ASSERT_LE(0, other);
	a = alloc_at(_metadata, other, self->page, place(1));
	ASSERT_EQ(0, mm_free(other, a.handle));
	close(other);
	other = open_device(O_RDWR);
	ASSERT_LE(0, other);
	for (i = 0; i < 5; i++)
		alloc_at(_metadata, other, (i + 1) * self->page, place(i % 2));
	a = alloc_request(MEMMGR_HEAP_MAIN, self->page);
	a.flags = MEMMGR_ALLOC_PERSISTENT;
	ASSERT_EQ(0, mm_alloc(other, &a));
	close(other);
	e = next_leak(_metadata, events);
	EXPECT_EQ(5, e.value);
	EXPECT_EQ(15 * self->page, e.bytes);
	p.fd = events;
	while (poll(&p, 1, 0) == 1) {
		ASSERT_EQ(sizeof(e), read(events, &e, sizeof(e)));
		EXPECT_NE(MEMMGR_EVENT_LEAK, e.kind);
	}
	ASSERT_EQ(0, mm_free(self->fd, a.handle));
	close(events);
	track(_metadata, self->fd, MEMMGR_HEAP_MAIN, MEMMGR_TRACK_OFF);
}

static int as_nobody(int node, __u32 id)
{
	struct memmgr_track t = { .size = sizeof(t) };
	struct memmgr_site site = { 0 };
	struct memmgr_sites s = {
		.size = sizeof(s), .count = 1, .entry_size = sizeof(site), .after = id - 1,
		.entries = (uintptr_t)&site,
	};
	struct memmgr_info info;
	struct memmgr_list list = {
		.size = sizeof(list), .flags = MEMMGR_LIST_KERNEL, .heap = MEMMGR_HEAP_ANY,
		.count = 1, .entry_size = sizeof(info), .entries = (uintptr_t)&info,
	};
	int fd;

	fd = open_as_nobody(node);
	if (fd < 0)
		return 2;
	if (mm_call(fd, MEMMGR_IOC_TRACK, &t) || !(t.state & MEMMGR_TRACK_ON))
		return 3;
	t = (struct memmgr_track){ .size = sizeof(t), .flags = MEMMGR_TRACK_OFF };
	if (mm_call(fd, MEMMGR_IOC_TRACK, &t) != -EPERM)
		return 4;
	if (mm_call(fd, MEMMGR_IOC_LIST, &list) != -EPERM)
		return 5;
	/* That there is one, but not where. */
	if (mm_call(fd, MEMMGR_IOC_SITES, &s) || s.count != 1 || site.id != id)
		return 6;
	return site.name[0] || site.offset || site.frame[0] ? 7 : 0;
}

TEST_F(leak, others_do_not_learn_where)
{
	int node = open_public_node();
	struct memmgr_alloc a;
	pid_t child;
	__u32 id;

	ASSERT_LE(0, node);
	track(_metadata, self->fd, MEMMGR_HEAP_MAIN, MEMMGR_TRACK_ON);
	a = alloc_at(_metadata, self->fd, self->page, (uintptr_t)place0);
	id = site_of(_metadata, self->fd, a.handle);
	child = fork();
	if (!child)
		_exit(as_nobody(node, id));
	EXPECT_EQ(0, child_result(child));
	close(node);
	track(_metadata, self->fd, MEMMGR_HEAP_MAIN, MEMMGR_TRACK_OFF);
}

TEST_F(leak, malformed)
{
	struct memmgr_site site;
	struct memmgr_sites s = {
		.size = sizeof(s), .flags = 1, .count = 1, .entry_size = sizeof(site),
		.entries = (uintptr_t)&site,
	};
	struct memmgr_track t = { .size = sizeof(t), .flags = MEMMGR_TRACK_ON | MEMMGR_TRACK_OFF };
	int reader = open_device(O_RDONLY);

	ASSERT_LE(0, reader);
	EXPECT_EQ(-EINVAL, mm_call(self->fd, MEMMGR_IOC_TRACK, &t));
	t.flags = 4;
	EXPECT_EQ(-EINVAL, mm_call(self->fd, MEMMGR_IOC_TRACK, &t));
	t.flags = MEMMGR_TRACK_ON;
	EXPECT_EQ(-EACCES, mm_call(reader, MEMMGR_IOC_TRACK, &t));
	t.heap = 200;
	EXPECT_EQ(-ENOENT, mm_call(self->fd, MEMMGR_IOC_TRACK, &t));
	EXPECT_EQ(-EINVAL, mm_call(self->fd, MEMMGR_IOC_SITES, &s));
	s.flags = 0;
	s.count = 0;
	EXPECT_EQ(-EINVAL, mm_call(self->fd, MEMMGR_IOC_SITES, &s));
	s.count = 1;
	s.entry_size = sizeof(site) - 8;
	EXPECT_EQ(-EINVAL, mm_call(self->fd, MEMMGR_IOC_SITES, &s));
	s.entry_size = sizeof(site);
	s.after = ~0ull;
	EXPECT_EQ(0, mm_call(self->fd, MEMMGR_IOC_SITES, &s));
	EXPECT_EQ(0, s.count);
	close(reader);
}

/* Addresses that are none: no crash, and a site without a file. */
TEST_F(leak, nonsense_addresses)
{
	static const __u64 nonsense[] = { 1, 0xffffffffull, ~0ull, 1ull << 40, 0xc0008000ull };
	struct memmgr_alloc a;
	struct memmgr_site site;
	unsigned int i;
	__u32 id;

	track(_metadata, self->fd, MEMMGR_HEAP_MAIN, MEMMGR_TRACK_ON);
	for (i = 0; i < ARRAY_SIZE(nonsense); i++) {
		a = alloc_at(_metadata, self->fd, self->page, nonsense[i]);
		id = site_of(_metadata, self->fd, a.handle);
		if (!id)
			continue;
		site = site_with(_metadata, self->fd, id);
		EXPECT_EQ(0, site.name[0]);
		EXPECT_EQ(nonsense[i], site.offset);
	}
	track(_metadata, self->fd, MEMMGR_HEAP_MAIN, MEMMGR_TRACK_OFF);
}

static int fill_as_nobody(int node, __u32 count)
{
	struct memmgr_alloc a;
	int fd;
	__u32 i;

	fd = open_as_nobody(node);
	if (fd < 0)
		return 2;
	for (i = 0; i < count; i++) {
		a = alloc_request(MEMMGR_HEAP_MAIN, 1);
		a.site = 0x100010 + 8 * i;
		if (mm_alloc(fd, &a) || mm_free(fd, a.handle))
			return 3;
	}
	return 0;
}

/* However many places a user makes up, what root runs still has room for its own. */
TEST_F(leak, users_leave_room)
{
	struct memmgr_track t = track(_metadata, self->fd, MEMMGR_HEAP_MAIN, MEMMGR_TRACK_ON);
	int node = open_public_node();
	__u64 lost = t.sites_lost;
	struct memmgr_alloc a;
	pid_t child;

	if (t.sites == t.max_sites)
		SKIP(return, "no room for sites any more: load the module again");
	ASSERT_LE(0, node);
	child = fork();
	if (!child)
		_exit(fill_as_nobody(node, t.max_sites));
	EXPECT_EQ(0, child_result(child));
	close(node);
	t = track(_metadata, self->fd, MEMMGR_HEAP_MAIN, MEMMGR_TRACK_ON);
	EXPECT_LE(t.max_sites / 3, t.sites_lost - lost);
	ASSERT_GT(t.max_sites, t.sites);
	a = alloc_at(_metadata, self->fd, self->page, 0x200010);
	EXPECT_NE(0, site_of(_metadata, self->fd, a.handle));
	track(_metadata, self->fd, MEMMGR_HEAP_MAIN, MEMMGR_TRACK_OFF);
}

/* More places than there is room for: counted, and nothing else happens. */
TEST_F(leak, more_sites_than_room)
{
	struct memmgr_track t = track(_metadata, self->fd, MEMMGR_HEAP_MAIN, MEMMGR_TRACK_ON);
	struct memmgr_alloc a;
	__u32 i;

	for (i = 0; i < t.max_sites + 100; i++) {
		a = alloc_at(_metadata, self->fd, self->page, 0x10 + 8 * i);
		ASSERT_EQ(0, mm_free(self->fd, a.handle));
	}
	t = track(_metadata, self->fd, MEMMGR_HEAP_MAIN, MEMMGR_TRACK_OFF);
	EXPECT_EQ(t.max_sites, t.sites);
	EXPECT_LE(100, t.sites_lost);
}

TEST_HARNESS_MAIN
