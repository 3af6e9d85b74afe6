// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Room for others: whatever one user does, others keep their share of a region, in its logs
 * as well as in its tables.
 *
 * Rule: memmgr(7), ISOLATION, "The mode of a heap" and "Room for others".
 */
#include <linux/netlink.h>
#include <sys/socket.h>

#include "lib/debugging.h"
#include "lib/memmgr_test.h"

MEMMGR_FIXTURE(room)

#define SOMEBODY	4711		/* another user without any capability */
#define FORGED		0x7000000000000500ull	/* a handle of heap main that was never issued */
#define FLOOD		100

static const struct memmgr_debug watched = { .flags = MEMMGR_DEBUG_ZONES };

/* ---- reports of memory errors -------------------------------------------------- */

static int free_wrongly(int fd, int node, __u64 times)
{
	while (times--)
		if (mm_free(fd, FORGED) != -EBADF)
			return 1;
	return 0;
}

/* The same through four files. */
static int free_wrongly_often(int fd, int node, __u64 times)
{
	int i;

	for (i = 0; i < 4; i++)
		if (free_wrongly(open_again(node, O_RDWR), node, times))
			return 1;
	return 0;
}

/* How many reports of a user's wrong frees after a number are remembered. */
static __u32 wrong_frees(struct __test_metadata *_metadata, int fd, __u64 after, __u32 uid)
{
	static struct memmgr_corruption c[64];
	struct memmgr_corruptions cs = {
		.size = sizeof(cs), .entry_size = sizeof(c[0]), .after = after,
		.count = ARRAY_SIZE(c), .entries = (uintptr_t)c,
	};
	__u32 i, n = 0;

	EXPECT_EQ(0, mm_call(fd, MEMMGR_IOC_CORRUPTIONS, &cs));
	for (i = 0; i < cs.count; i++)
		n += c[i].kind == MEMMGR_CORRUPTION_WRONG_FREE && c[i].uid == uid;
	return n;
}

TEST_F(room, room_for_reports_of_others)
{
	struct memmgr_corruption c;
	__u64 after = 0;

	REQUIRE_DEBUG;
	ASSERT_EQ(0, debug_set(self->fd, MEMMGR_HEAP_MAIN, watched));
	reports(_metadata, self->fd, &after, &c);
	EXPECT_EQ(-EBADF, mm_free(self->fd, FORGED));
	EXPECT_EQ(0, as_user(SOMEBODY, free_wrongly, 1));
	EXPECT_EQ(0, as_user(NOBODY, free_wrongly, FLOOD));
	EXPECT_EQ(4, wrong_frees(_metadata, self->fd, after, NOBODY));
	EXPECT_EQ(0, as_user(NOBODY, free_wrongly_often, FLOOD));
	EXPECT_EQ(8, wrong_frees(_metadata, self->fd, after, NOBODY));
	EXPECT_EQ(1, wrong_frees(_metadata, self->fd, after, SOMEBODY));
	EXPECT_EQ(1, wrong_frees(_metadata, self->fd, after, 0));
	ASSERT_EQ(0, debug_set(self->fd, MEMMGR_HEAP_MAIN, (struct memmgr_debug) { 0 }));
}

/* ---- failed requests ------------------------------------------------------------- */

static int fail_often(int fd, int node, __u64 times)
{
	while (times--) {
		struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, 1ull << 40);

		if (mm_alloc(fd, &a) != -ENOMEM)
			return 1;
	}
	return 0;
}

TEST_F(room, room_for_failures_of_others)
{
	static struct memmgr_failure entries[128];
	struct memmgr_failures f = {
		.size = sizeof(f), .count = ARRAY_SIZE(entries), .after = ~0ull,
		.entry_size = sizeof(entries[0]), .entries = (uintptr_t)entries,
	};
	__u32 i, ours = 0, theirs = 0;
	__u64 before;

	ASSERT_EQ(0, mm_call(self->fd, MEMMGR_IOC_FAILURES, &f));
	before = f.total;
	EXPECT_EQ(0, fail_often(self->fd, -1, 2));
	EXPECT_EQ(0, as_user(NOBODY, fail_often, FLOOD));
	EXPECT_EQ(0, as_user(SOMEBODY, fail_often, 3));
	f.after = before;
	f.count = ARRAY_SIZE(entries);
	ASSERT_EQ(0, mm_call(self->fd, MEMMGR_IOC_FAILURES, &f));
	EXPECT_EQ(before + 2 + FLOOD + 3, f.total);
	for (i = 0; i < f.count; i++) {
		ours += entries[i].uid == 0;
		theirs += entries[i].uid == NOBODY;
		if (i)
			EXPECT_LT(entries[i - 1].seq, entries[i].seq);
	}
	EXPECT_EQ(2, ours);
	EXPECT_EQ(16, theirs);
	EXPECT_EQ(2 + 16 + 3, f.count);
}

/* Users with a full share each leave a quarter of the log to root. */
TEST_F(room, room_for_failures_of_root)
{
	static struct memmgr_failure entries[128];
	struct memmgr_failures f = {
		.size = sizeof(f), .count = ARRAY_SIZE(entries), .after = ~0ull,
		.entry_size = sizeof(entries[0]), .entries = (uintptr_t)entries,
	};
	__u32 i, ours = 0;

	ASSERT_EQ(0, mm_call(self->fd, MEMMGR_IOC_FAILURES, &f));
	f.after = f.total;
	EXPECT_EQ(0, fail_often(self->fd, -1, 16));
	for (i = 0; i < 4; i++)
		EXPECT_EQ(0, as_user(SOMEBODY + i, fail_often, 20));
	f.count = ARRAY_SIZE(entries);
	ASSERT_EQ(0, mm_call(self->fd, MEMMGR_IOC_FAILURES, &f));
	for (i = 0; i < f.count; i++)
		ours += entries[i].uid == 0;
	EXPECT_EQ(16, ours);
	EXPECT_EQ(64, f.count);
}

/* ---- events ------------------------------------------------------------------------ */

/* Each wrong free is told before the next one. */
static int make_events(int fd, int node, __u64 times)
{
	struct memmgr_event e;

	while (times--) {
		if (mm_free(fd, FORGED) != -EBADF)
			return 1;
		do {
			if (read(fd, &e, sizeof(e)) != sizeof(e))
				return 2;
		} while (e.kind != MEMMGR_EVENT_CORRUPTION);
	}
	return 0;
}

TEST_F(room, room_for_events_of_others)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, self->page);
	struct memmgr_event e;
	__u32 mine = 0, theirs = 0;
	struct memmgr_compact c;
	struct pollfd p;

	REQUIRE_DEBUG;
	p = (struct pollfd) { .fd = open_device(O_RDONLY), .events = POLLIN };
	ASSERT_LE(0, p.fd);
	ASSERT_EQ(0, debug_set(self->fd, MEMMGR_HEAP_MAIN, watched));
	ASSERT_EQ(0, mm_empty(self->fd, MEMMGR_HEAP_MAIN, a.offset, a.granted, &c));
	EXPECT_EQ(0, as_user(NOBODY, make_events, 3 * FLOOD));
	while (poll(&p, 1, 0) == 1) {
		ASSERT_EQ(sizeof(e), read(p.fd, &e, sizeof(e)));
		mine += e.kind == MEMMGR_EVENT_COMPACTED;
		theirs += e.kind == MEMMGR_EVENT_CORRUPTION;
	}
	EXPECT_EQ(1, mine);
	EXPECT_EQ(64, theirs);
	close(p.fd);
	ASSERT_EQ(0, debug_set(self->fd, MEMMGR_HEAP_MAIN, (struct memmgr_debug) { 0 }));
}

static int listen_to_uevents(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	int size = 4 << 20, fd;

	fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)))
		return -1;
	return fd;
}

/* The next uevent of a memory error: its report, and for how many others it stands. */
static __u64 next_uevent(struct __test_metadata *_metadata, int fd, __u32 *others)
{
	static char text[8192];
	bool found = false;
	__u64 report = 0;
	ssize_t n, at;

	*others = 0;
	while (!found) {
		n = recv(fd, text, sizeof(text) - 1, 0);
		ASSERT_LT(0, n);
		text[n] = 0;
		for (at = 0; at < n; at += strlen(text + at) + 1) {
			found |= !strcmp(text + at, "MEMMGR_EVENT=corruption");
			if (!strncmp(text + at, "MEMMGR_VALUE=", 13))
				report = strtoull(text + at + 13, NULL, 10);
			if (!strncmp(text + at, "MEMMGR_SUPPRESSED=", 18))
				*others = strtoul(text + at + 18, NULL, 10);
		}
	}
	return report;
}

/* Five in a second, the rest is counted: none is forgotten. */
TEST_F(room, room_for_uevents_of_others)
{
	__u32 others, told = 0, sent = 0;
	struct memmgr_corruption c;
	__u64 start, seconds, last = 0;
	int fd;

	REQUIRE_DEBUG;
	fd = listen_to_uevents();
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, debug_set(self->fd, MEMMGR_HEAP_MAIN, watched));
	start = now_ns(CLOCK_MONOTONIC);
	EXPECT_EQ(0, as_user(NOBODY, make_events, FLOOD));
	reports(_metadata, self->fd, &last, &c);
	do {
		/* Those that an earlier test has made may come along. */
		c.seq = next_uevent(_metadata, fd, &others);
		told += 1 + others;
		sent++;
	} while (c.seq != last);
	seconds = (now_ns(CLOCK_MONOTONIC) - start) / 1000000000;
	EXPECT_LE(FLOOD, told);
	EXPECT_GE(6 * (seconds + 2), sent);
	close(fd);
	ASSERT_EQ(0, debug_set(self->fd, MEMMGR_HEAP_MAIN, (struct memmgr_debug) { 0 }));
}

/* ---- owner, group and mode of heaps --------------------------------------------- */

static struct memmgr_heap_create shared_heap(const char *name, __u32 mode, __u32 uid, __u32 gid)
{
	struct memmgr_heap_create c = {
		.size = sizeof(c), .kind = MEMMGR_KIND_BUDDY, .bytes = 8 * page_size(),
		.flags = MEMMGR_HEAP_MODE, .mode = mode, .uid = uid, .gid = gid,
	};

	snprintf(c.name, sizeof(c.name), "%s", name);
	return c;
}

#define SEES	1
#define TAKES	2

/* What a user can do with a heap: all ways to see it agree. */
static int rights_in(int fd, int node, __u64 heap)
{
	struct memmgr_info info;
	struct memmgr_list l = {
		.size = sizeof(l), .heap = heap, .count = 1, .entry_size = sizeof(info),
		.entries = (uintptr_t)&info,
	};
	struct memmgr_alloc a = alloc_request(heap, 1);
	struct memmgr_explain e;
	struct memmgr_heap_query q, named = {
		.size = sizeof(named), .flags = MEMMGR_QUERY_NAME, .name = "t-rights",
	};
	struct memmgr_stats s;
	struct memmgr_frag f;
	int sees = mm_heap_query(fd, heap, &q), takes = mm_alloc(fd, &a);

	if ((sees && sees != -EACCES) || (takes && takes != -EACCES))
		return 10;
	if (mm_stats(fd, heap, &s) != sees || mm_frag(fd, heap, &f) != sees ||
	    mm_explain(fd, heap, 1, 0, &e) != sees || mm_call(fd, MEMMGR_IOC_LIST, &l) != sees)
		return 11;
	if (mm_call(fd, MEMMGR_IOC_HEAP_QUERY, &named) != (sees ? -ENOENT : 0))
		return 12;
	if (heap_is_listed(fd, heap) != !sees)
		return 13;
	return (sees ? 0 : SEES) | (takes ? 0 : TAKES);
}

/* As for files: the owner's bits, else the group's, else the others'. */
TEST_F(room, room_rights_by_mode)
{
	static const struct {
		__u32 mode;
		int owner, group, other, root;
	} t[] = {
		{ 0666, SEES | TAKES, SEES | TAKES, SEES | TAKES, SEES | TAKES },
		{ 0640, SEES | TAKES, SEES, 0, SEES | TAKES },
		{ 0660, SEES | TAKES, SEES | TAKES, 0, SEES | TAKES },
		{ 0066, 0, SEES | TAKES, SEES | TAKES, SEES | TAKES },
		{ 0606, SEES | TAKES, 0, SEES | TAKES, SEES | TAKES },
		{ 0264, TAKES, SEES | TAKES, SEES, SEES | TAKES },
		{ 0400, SEES, 0, 0, SEES | TAKES },
		{ 0, 0, 0, 0, SEES },
	};
	struct memmgr_heap_query q;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		struct memmgr_heap_create c = shared_heap("t-rights", t[i].mode, NOBODY, SOMEBODY);

		ASSERT_EQ(0, mm_heap_create(self->fd, &c));
		ASSERT_EQ(0, mm_heap_query(self->fd, c.heap, &q));
		EXPECT_EQ(t[i].mode, q.mode);
		EXPECT_EQ(NOBODY, q.uid);
		EXPECT_EQ(SOMEBODY, q.gid);
		EXPECT_EQ(0, q.heap_flags & MEMMGR_HEAP_MODE);
		EXPECT_EQ(t[i].owner, as_user(NOBODY, rights_in, c.heap));
		EXPECT_EQ(t[i].group, as_user(SOMEBODY, rights_in, c.heap));
		EXPECT_EQ(t[i].other, as_user(SOMEBODY + 1, rights_in, c.heap));
		EXPECT_EQ(t[i].root, as_user(0, rights_in, c.heap));
		ASSERT_EQ(0, mm_heap_destroy(self->fd, c.heap, 0));
	}
}

/* Without a mode a heap is for all that may open the node, as it was. */
TEST_F(room, room_rights_usual)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_BUDDY, "t-usual");
	struct memmgr_heap_query q;

	c.flags = 0;
	ASSERT_EQ(0, mm_heap_create(self->fd, &c));
	ASSERT_EQ(0, mm_heap_query(self->fd, c.heap, &q));
	EXPECT_EQ(0666, q.mode);
	EXPECT_EQ(0, q.uid | q.gid);
	ASSERT_EQ(0, mm_heap_destroy(self->fd, c.heap, 0));
	c = shared_heap("t-own", 0600, MEMMGR_ID_CALLER, MEMMGR_ID_CALLER);
	ASSERT_EQ(0, mm_heap_create(self->fd, &c));
	ASSERT_EQ(0, mm_heap_query(self->fd, c.heap, &q));
	EXPECT_EQ(0600, q.mode);
	EXPECT_EQ(0, q.uid | q.gid);
	ASSERT_EQ(0, mm_heap_destroy(self->fd, c.heap, 0));
}

TEST_F(room, room_rights_malformed)
{
	static const struct memmgr_heap_create bad[] = {
		{ .flags = MEMMGR_HEAP_MODE, .mode = 0777 },
		{ .flags = MEMMGR_HEAP_MODE, .mode = 01666 },
		{ .flags = MEMMGR_HEAP_MODE | MEMMGR_HEAP_PRIVATE, .mode = 0600 },
		{ .flags = MEMMGR_HEAP_MODE, .mode = 0600, .pad = 1 },
		{ .mode = 0600 },
		{ .uid = 1 },
		{ .gid = 1 },
		{ .pad = 1 },
	};
	struct memmgr_heap_rights r = { .size = sizeof(r) };
	struct memmgr_heap_create c;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		c = heap_config(MEMMGR_KIND_BUDDY, "t-bad");
		c.flags = bad[i].flags;
		c.mode = bad[i].mode;
		c.uid = bad[i].uid;
		c.gid = bad[i].gid;
		c.pad = bad[i].pad;
		EXPECT_EQ(-EINVAL, mm_heap_create(self->fd, &c));
	}
	EXPECT_EQ(-EINVAL, mm_call(self->fd, MEMMGR_IOC_HEAP_RIGHTS, &r));
	r.flags = MEMMGR_RIGHTS_MODE;
	r.mode = 0111;
	EXPECT_EQ(-EINVAL, mm_call(self->fd, MEMMGR_IOC_HEAP_RIGHTS, &r));
	r.flags = MEMMGR_RIGHTS_GROUP;
	r.mode = 0;
	r.gid = ~0u;
	EXPECT_EQ(-EINVAL, mm_call(self->fd, MEMMGR_IOC_HEAP_RIGHTS, &r));
	c = heap_config(MEMMGR_KIND_BUDDY, "t-private");
	ASSERT_EQ(0, mm_heap_create(self->fd, &c));
	r = (struct memmgr_heap_rights) {
		.size = sizeof(r), .heap = c.heap, .flags = MEMMGR_RIGHTS_MODE, .mode = 0600,
	};
	EXPECT_EQ(-EINVAL, mm_call(self->fd, MEMMGR_IOC_HEAP_RIGHTS, &r));
	r.heap = MEMMGR_MAX_HEAPS;
	EXPECT_EQ(-ENOENT, mm_call(self->fd, MEMMGR_IOC_HEAP_RIGHTS, &r));
}

static int set_rights(int fd, __u32 heap, __u32 flags, __u32 value)
{
	struct memmgr_heap_rights r = {
		.size = sizeof(r), .heap = heap, .flags = flags, .mode = value & 0666,
		.uid = value, .gid = value,
	};

	return mm_call(fd, MEMMGR_IOC_HEAP_RIGHTS, &r);
}

static int change_as_owner(int fd, int node, __u64 heap)
{
	if (set_rights(fd, heap, MEMMGR_RIGHTS_MODE, 0606))
		return 1;
	if (set_rights(fd, heap, MEMMGR_RIGHTS_OWNER, SOMEBODY) != -EPERM)
		return 2;
	if (set_rights(fd, heap, MEMMGR_RIGHTS_OWNER, NOBODY) != -EPERM)
		return 3;
	if (set_rights(fd, heap, MEMMGR_RIGHTS_GROUP, SOMEBODY) != -EPERM)
		return 4;
	if (set_rights(fd, heap, MEMMGR_RIGHTS_GROUP, NOBODY))
		return 5;
	/* Not even to see it: it is still his. */
	return set_rights(fd, heap, MEMMGR_RIGHTS_MODE, 0020) ||
	       set_rights(fd, heap, MEMMGR_RIGHTS_MODE, 0600) ? 6 : 0;
}

static int change_as_other(int fd, int node, __u64 heap)
{
	return set_rights(fd, heap, MEMMGR_RIGHTS_MODE, 0666) == -EPERM &&
	       set_rights(fd, heap, MEMMGR_RIGHTS_GROUP, SOMEBODY) == -EPERM &&
	       set_rights(fd, MEMMGR_HEAP_MAIN, MEMMGR_RIGHTS_MODE, 0) == -EPERM ? 0 : 1;
}

TEST_F(room, room_rights_change)
{
	struct memmgr_heap_create c = shared_heap("t-change", 0600, NOBODY, SOMEBODY);
	struct memmgr_heap_query q;

	ASSERT_EQ(0, mm_heap_create(self->fd, &c));
	EXPECT_EQ(0, as_user(SOMEBODY, change_as_other, c.heap));
	EXPECT_EQ(0, as_user(NOBODY, change_as_owner, c.heap));
	ASSERT_EQ(0, mm_heap_query(self->fd, c.heap, &q));
	EXPECT_EQ(0600, q.mode);
	EXPECT_EQ(NOBODY, q.gid);
	EXPECT_EQ(0, set_rights(self->fd, c.heap, MEMMGR_RIGHTS_OWNER | MEMMGR_RIGHTS_GROUP, 7));
	ASSERT_EQ(0, mm_heap_query(self->fd, c.heap, &q));
	EXPECT_EQ(7, q.uid);
	EXPECT_EQ(7, q.gid);
	ASSERT_EQ(0, mm_heap_destroy(self->fd, c.heap, 0));
}

/* What somebody has stays his; there is no more. */
TEST_F(room, room_rights_taken_away)
{
	struct memmgr_heap_create c = shared_heap("t-taken", 0666, 0, 0);
	struct memmgr_resize r;
	struct memmgr_alloc a, b;
	char byte = 5;

	ASSERT_EQ(0, mm_heap_create(self->fd, &c));
	a = must_alloc(_metadata, self->fd, c.heap, 2 * self->page);
	ASSERT_EQ(0, set_rights(self->fd, c.heap, MEMMGR_RIGHTS_MODE, 0));
	b = alloc_request(c.heap, 1);
	EXPECT_EQ(-EACCES, mm_alloc(self->fd, &b));
	EXPECT_EQ(0, mm_write(self->fd, a.handle, 0, &byte, 1));
	EXPECT_EQ(0, mm_resize(self->fd, a.handle, self->page, &r));
	EXPECT_EQ(-EACCES, mm_resize(self->fd, a.handle, 2 * self->page, &r));
	EXPECT_EQ(0, touch(must_map(_metadata, self->fd, a.map_offset, self->page), true));
	EXPECT_EQ(0, mm_free(self->fd, a.handle));
	ASSERT_EQ(0, mm_heap_destroy(self->fd, c.heap, 0));
}

/* A fallback serves whom it may serve. */
static int fall_back(int fd, int node, __u64 heap)
{
	struct memmgr_alloc a = alloc_request(heap, 8 * page_size());
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_STACK, "n-falls");

	c.flags |= MEMMGR_HEAP_FALLBACK;
	c.fallback = heap - 1;
	if (mm_heap_create(fd, &c) != -EACCES)
		return 1;
	if (mm_alloc(fd, &a) || a.from != heap)
		return 2;
	a = alloc_request(heap, 1);
	return mm_alloc(fd, &a) == -ENOMEM ? 0 : 3;
}

TEST_F(room, room_rights_of_a_fallback)
{
	struct memmgr_heap_create behind = shared_heap("t-behind", 0, 0, 0);
	struct memmgr_heap_create c = shared_heap("t-front", 0666, 0, 0);

	ASSERT_EQ(0, mm_heap_create(self->fd, &behind));
	c.flags |= MEMMGR_HEAP_FALLBACK;
	c.fallback = behind.heap;
	ASSERT_EQ(0, mm_heap_create(self->fd, &c));
	ASSERT_EQ(behind.heap + 1, c.heap);
	EXPECT_EQ(0, as_user(NOBODY, fall_back, c.heap));
	ASSERT_EQ(0, mm_heap_destroy(self->fd, c.heap, 0));
	ASSERT_EQ(0, mm_heap_destroy(self->fd, behind.heap, 0));
}

/* ---- what the logs and the picture tell of heaps -------------------------------- */

/* A request that the heap refuses. */
static int fail_in(int fd, __u32 heap)
{
	struct memmgr_alloc a = alloc_request(heap, 1ull << 40);

	return mm_alloc(fd, &a) == -ENOMEM ? 0 : -EIO;
}

/* Does an entry of the log that is about the heap tell its name, or its id? */
static bool failures_tell(int fd, __u32 heap, const char *name)
{
	static struct memmgr_failure entries[128];
	struct memmgr_failures f = {
		.size = sizeof(f), .count = ARRAY_SIZE(entries),
		.entry_size = sizeof(entries[0]), .entries = (uintptr_t)entries,
	};
	bool tells = false;
	__u32 i;

	if (mm_call(fd, MEMMGR_IOC_FAILURES, &f))
		return true;
	for (i = 0; i < f.count; i++)
		tells |= !strcmp(entries[i].heap_name, name) ||
			 (entries[i].heap == heap && strcmp(entries[i].heap_name, "main"));
	/* The requests themselves are there: it is the last one. */
	return f.count && entries[f.count - 1].bytes == 1ull << 40 ? tells : true;
}

/* Is memory shown that is in use, and whose? */
static bool map_tells(int fd, __u32 heap)
{
	static struct memmgr_cell cells[4096];
	struct memmgr_map m = {
		.size = sizeof(m), .count = ARRAY_SIZE(cells), .cells = (uintptr_t)cells,
	};
	bool tells = false;
	__u32 i;

	if (mm_call(fd, MEMMGR_IOC_MAP, &m))
		return true;
	for (i = 0; i < m.count; i++)
		tells |= cells[i].used && cells[i].heap == heap;
	return tells;
}

/* A free that nobody may make; what is kept of it is the caller's to read. */
static bool reports_tell(int fd, __u32 heap, const char *name)
{
	static struct memmgr_corruption c[64];
	struct memmgr_corruptions cs = {
		.size = sizeof(cs), .entry_size = sizeof(c[0]),
		.count = ARRAY_SIZE(c), .entries = (uintptr_t)c,
	};
	bool tells = false;
	__u32 i;

	mm_free(fd, FORGED | heap);
	if (mm_call(fd, MEMMGR_IOC_CORRUPTIONS, &cs))
		return false;
	for (i = 0; i < cs.count; i++)
		tells |= !strcmp(c[i].heap_name, name);
	return tells;
}

#define TOLD_FAILURE	1
#define TOLD_MAP	2
#define TOLD_REPORT	4

static int told_of(int fd, int node, __u64 heap)
{
	return (failures_tell(fd, heap, "t-told") ? TOLD_FAILURE : 0) |
	       (map_tells(fd, heap) ? TOLD_MAP : 0) |
	       (reports_tell(fd, heap, "t-told") ? TOLD_REPORT : 0);
}

/* By the right to see the heap; of one that is gone, to root alone. */
TEST_F(room, room_names_in_logs)
{
	static const struct {
		__u32 mode;
		int owner, other;
	} t[] = {
		{ 0666, TOLD_FAILURE | TOLD_MAP, TOLD_FAILURE | TOLD_MAP },
		{ 0640, TOLD_FAILURE | TOLD_MAP, 0 },
		{ 0062, 0, 0 },
		{ 0, 0, 0 },
	};
	struct memmgr_heap_create c;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		c = shared_heap("t-told", t[i].mode, NOBODY, 0);
		ASSERT_EQ(0, mm_heap_create(self->fd, &c));
		ASSERT_EQ(0, t[i].mode ? fail_in(self->fd, c.heap) : 0);
		EXPECT_EQ(t[i].owner, as_user(NOBODY, told_of, c.heap) & ~TOLD_REPORT);
		EXPECT_EQ(t[i].other, as_user(SOMEBODY, told_of, c.heap) & ~TOLD_REPORT);
		EXPECT_EQ(TOLD_FAILURE | TOLD_MAP,
			  as_user(0, told_of, c.heap) & ~TOLD_REPORT);
		ASSERT_EQ(0, mm_heap_destroy(self->fd, c.heap, 0));
		EXPECT_EQ(0, as_user(NOBODY, told_of, c.heap) & ~TOLD_REPORT);
	}
}

/* Neither by what is refused in it. */
TEST_F(room, room_names_in_reports)
{
	struct memmgr_heap_create c = shared_heap("t-told", 0640, NOBODY, 0);

	REQUIRE_DEBUG;
	ASSERT_EQ(0, mm_heap_create(self->fd, &c));
	ASSERT_EQ(0, debug_set(self->fd, c.heap, watched));
	EXPECT_EQ(TOLD_REPORT, as_user(NOBODY, told_of, c.heap) & TOLD_REPORT);
	EXPECT_EQ(0, as_user(SOMEBODY, told_of, c.heap) & TOLD_REPORT);
	ASSERT_EQ(0, mm_heap_destroy(self->fd, c.heap, 0));
}

static int take_from_main(int fd, int node, __u64 expected)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_BUDDY, "n-main");
	struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, 1);

	return mm_alloc(fd, &a) == -(int)expected && mm_heap_create(fd, &c) == -(int)expected ?
	       0 : 1;
}

/* A private heap takes its memory from main. */
TEST_F(room, room_rights_of_main)
{
	EXPECT_EQ(0, as_user(NOBODY, take_from_main, 0));
	ASSERT_EQ(0, set_rights(self->fd, MEMMGR_HEAP_MAIN, MEMMGR_RIGHTS_MODE, 0644));
	EXPECT_EQ(0, as_user(NOBODY, take_from_main, EACCES));
	EXPECT_EQ(0, as_user(0, take_from_main, 0));
	ASSERT_EQ(0, set_rights(self->fd, MEMMGR_HEAP_MAIN, MEMMGR_RIGHTS_MODE, 0666));
	EXPECT_EQ(0, as_user(NOBODY, take_from_main, 0));
}

/* ---- tables that all share --------------------------------------------------------- */

static const struct memmgr_quota no_limits;

static int set_limit(int fd, __u32 flags, __u32 uid, struct memmgr_quota q)
{
	q.size = sizeof(q);
	q.flags = MEMMGR_QUOTA_USER | flags;
	q.id = uid;
	return mm_call(fd, MEMMGR_IOC_SET_QUOTA, &q);
}

static struct memmgr_account user_account(struct __test_metadata *_metadata, int fd, __u32 uid)
{
	static struct memmgr_account entries[64];
	__u32 count = ARRAY_SIZE(entries), i;
	__u64 cursor = 0;

	ASSERT_EQ(0, mm_accounts(fd, MEMMGR_ACCOUNTS_USERS, entries, &count, &cursor));
	for (i = 0; i < count; i++)
		if (entries[i].uid == uid)
			return entries[i];
	return (struct memmgr_account) { 0 };
}

static struct memmgr_heap_create small_heap(void)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_BUDDY, "");
	static int number;

	snprintf(c.name, sizeof(c.name), "t-%d-%d", getpid(), number++);
	c.bytes = page_size();
	c.max_allocations = 8;
	return c;
}

/* As many private heaps as there may be; how many. */
static int make_heaps(int fd, int node, __u64 most)
{
	struct memmgr_heap_create c;
	int i;

	for (i = 0; i < (int)most; i++) {
		c = small_heap();
		if (mm_heap_create(fd, &c))
			break;
		if (c.map_offset == NO_OFFSET)
			return 200;
	}
	if (i == (int)most)
		return i;
	return c.reason == MEMMGR_REASON_QUOTA || c.reason == MEMMGR_REASON_RECORDS ? i : 201;
}

/* Eight a user, whatever the number of his files, unless root says otherwise. */
static int make_heaps_twice(int fd, int node, __u64 unused)
{
	struct memmgr_heap_create c = small_heap();
	int first = make_heaps(fd, node, 5), other = open_again(node, O_RDWR);
	int second = make_heaps(other, node, 63);

	if (first != 5 || second != 3)
		return 1;
	if (mm_heap_create(fd, &c) != -EDQUOT || c.reason != MEMMGR_REASON_QUOTA)
		return 2;
	close(other);
	return mm_heap_create(fd, &c) ? 3 : 0;
}

TEST_F(room, room_heaps_of_a_user)
{
	EXPECT_EQ(0, as_user(NOBODY, make_heaps_twice, 0));
	EXPECT_EQ(8, as_user(NOBODY, make_heaps, 63));
	ASSERT_EQ(0, set_limit(self->fd, 0, NOBODY, (struct memmgr_quota) {
			       .limits = MEMMGR_LIMIT_HEAPS, .max_heaps = 11 }));
	EXPECT_EQ(11, user_account(_metadata, self->fd, NOBODY).max_heaps);
	EXPECT_EQ(MEMMGR_LIMIT_HEAPS, user_account(_metadata, self->fd, NOBODY).set);
	EXPECT_EQ(11, as_user(NOBODY, make_heaps, 63));
	ASSERT_EQ(0, set_limit(self->fd, MEMMGR_QUOTA_DEFAULT, NOBODY, (struct memmgr_quota) {
			       .limits = MEMMGR_LIMIT_HEAPS }));
	EXPECT_EQ(8, as_user(NOBODY, make_heaps, 63));
}

/* Users without limits leave eight heaps to root, who may have any number. */
TEST_F(room, room_heaps_for_root)
{
	int node = open_public_node(), go[2], done[2], users = 0;
	struct memmgr_query q;
	pid_t child;

	ASSERT_EQ(0, mm_query(self->fd, &q));
	ASSERT_EQ(0, pipe(go));
	ASSERT_EQ(0, pipe(done));
	ASSERT_EQ(0, set_limit(self->fd, 0, NOBODY, (struct memmgr_quota) {
			       .limits = MEMMGR_LIMIT_HEAPS | MEMMGR_LIMIT_WINDOWS }));
	child = fork();
	if (!child) {
		int fd = open_as(node, NOBODY);

		users = fd < 0 ? -1 : make_heaps(fd, node, 63);
		if (write(done[1], &users, sizeof(users)) != sizeof(users))
			_exit(1);
		close(go[1]);
		_exit(read(go[0], &users, 1) ? 2 : 0);
	}
	close(node);
	ASSERT_EQ(sizeof(users), read(done[0], &users, sizeof(users)));
	EXPECT_EQ((int)(MEMMGR_MAX_HEAPS - 8 - q.heaps), users);
	EXPECT_EQ(users, (int)user_account(_metadata, self->fd, NOBODY).heaps);
	EXPECT_EQ(8, make_heaps(self->fd, -1, 63));
	close(go[1]);
	EXPECT_EQ(0, child_result(child));
	ASSERT_EQ(0, set_limit(self->fd, MEMMGR_QUOTA_DEFAULT, NOBODY, no_limits));
}

/* Records of main: five eighths for one user, an eighth for root. */
static int fill_main(int fd, int node, __u64 most)
{
	__u64 handles[64];
	__u32 count;
	__u64 done;

	for (done = 0; done < most; done += count) {
		count = ARRAY_SIZE(handles);
		if (mm_alloc_batch(fd, MEMMGR_HEAP_MAIN, 0, 1, handles, &count) || !count)
			break;
	}
	return done == most ? 0 : done > 250 ? 250 : (int)done;
}

/* Whoever has all records of main that he may have is still served elsewhere. */
static int beside_main(int fd, int node, __u64 heap)
{
	struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, 1), b = alloc_request(heap, 1);

	if (fill_main(fd, node, 128))
		return 1;
	if (mm_alloc(fd, &a) != -EDQUOT || a.reason != MEMMGR_REASON_QUOTA)
		return 2;
	return mm_alloc(fd, &b) ? 3 : 0;
}

TEST_F(room, room_records_for_others)
{
	struct memmgr_heap_create other = shared_heap("t-other", 0666, 0, 0);
	struct memmgr_heap_query q;
	struct memmgr_account a;
	struct memmgr_alloc b = alloc_request(MEMMGR_HEAP_MAIN, 1);

	ASSERT_EQ(0, mm_heap_query(self->fd, MEMMGR_HEAP_MAIN, &q));
	ASSERT_EQ(0, set_limit(self->fd, 0, NOBODY, (struct memmgr_quota) {
			       .limits = MEMMGR_LIMIT_RECORDS, .max_records = 128 }));
	EXPECT_EQ(0, as_user(NOBODY, fill_main, 128));
	EXPECT_EQ(128, as_user(NOBODY, fill_main, 1024));
	ASSERT_EQ(0, mm_heap_create(self->fd, &other));
	EXPECT_EQ(0, as_user(NOBODY, beside_main, other.heap));
	EXPECT_EQ(0, mm_heap_destroy(self->fd, other.heap, 0));
	ASSERT_EQ(0, set_limit(self->fd, 0, NOBODY, (struct memmgr_quota) {
			       .limits = MEMMGR_LIMIT_RECORDS, .max_records = 0 }));
	EXPECT_EQ(0, user_account(_metadata, self->fd, NOBODY).max_records);
	ASSERT_EQ(0, set_limit(self->fd, MEMMGR_QUOTA_DEFAULT, NOBODY, no_limits));
	EXPECT_EQ(0, mm_alloc(self->fd, &b));
	a = user_account(_metadata, self->fd, 0);
	EXPECT_LE(1, a.records);
	EXPECT_EQ(0, a.max_records);
}

/* Users without limits leave an eighth of main's records to root, also in a batch. */
TEST_F(room, room_records_for_root)
{
	int node = open_public_node(), go[2], done[2];
	struct memmgr_heap_query q;
	__u64 handles[5], arenas;
	__u32 n = ARRAY_SIZE(handles);
	char end = 0;
	pid_t child;

	ASSERT_EQ(0, mm_heap_query(self->fd, MEMMGR_HEAP_MAIN, &q));
	/* Heaps of the device tree take blocks of main, and no records. */
	arenas = must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN).live;
	ASSERT_EQ(0, mm_alloc_batch(self->fd, MEMMGR_HEAP_MAIN, 0, 1, handles, &n));
	ASSERT_EQ(0, pipe(go));
	ASSERT_EQ(0, pipe(done));
	ASSERT_EQ(0, set_limit(self->fd, 0, NOBODY, (struct memmgr_quota) {
			       .limits = MEMMGR_LIMIT_RECORDS, .max_records = ~0u }));
	child = fork();
	if (!child) {
		int fd = open_as(node, NOBODY);

		if (fd < 0 || fill_main(fd, node, ~0ull) != 250 || write(done[1], &end, 1) != 1)
			_exit(1);
		close(go[1]);
		_exit(read(go[0], &end, 1) ? 2 : 0);
	}
	close(node);
	close(done[1]);
	ASSERT_EQ(1, read(done[0], &end, 1));
	EXPECT_EQ(q.max_allocations - q.max_allocations / 8 + arenas,
		  must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN).live);
	EXPECT_EQ(0, mm_alloc_batch(self->fd, MEMMGR_HEAP_MAIN, 0, 1, handles, &n));
	close(go[1]);
	EXPECT_EQ(0, child_result(child));
	ASSERT_EQ(0, set_limit(self->fd, MEMMGR_QUOTA_DEFAULT, NOBODY, no_limits));
}

static int pin_many(int fd, int node, __u64 most)
{
	struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, 1);
	__u64 handles[5];
	int i;

	for (i = 0; i < 5; i++) {
		if (mm_alloc(fd, &a))
			return 1;
		handles[i] = a.handle;
		if (mm_pin(fd, a.handle, 0) != (i < (int)most ? 0 : -EDQUOT))
			return 2;
	}
	/* The same once more is no other; one for one. */
	if (mm_pin(fd, handles[0], 0) || mm_unpin(fd, handles[0], 0))
		return 3;
	if (mm_pin(fd, handles[4], 0) != -EDQUOT || mm_unpin(fd, handles[1], 0) ||
	    mm_pin(fd, handles[4], 0))
		return 4;
	return mm_free(fd, handles[0]) || mm_pin(fd, handles[3], 0) ? 5 : 0;
}

TEST_F(room, room_pins_of_a_user)
{
	ASSERT_EQ(0, set_limit(self->fd, 0, NOBODY, (struct memmgr_quota) {
			       .limits = MEMMGR_LIMIT_PINS, .max_pins = 3 }));
	EXPECT_EQ(0, as_user(NOBODY, pin_many, 3));
	EXPECT_EQ(0, user_account(_metadata, self->fd, NOBODY).pins);
	ASSERT_EQ(0, set_limit(self->fd, MEMMGR_QUOTA_DEFAULT, NOBODY, no_limits));
}

static int default_limits(int fd, int node, __u64 records)
{
	struct memmgr_account entries[64];
	__u32 count = ARRAY_SIZE(entries), i;
	__u64 cursor = 0;

	if (mm_accounts(fd, MEMMGR_ACCOUNTS_USERS, entries, &count, &cursor))
		return 1;
	for (i = 0; i < count; i++)
		if (entries[i].flags & MEMMGR_ACCOUNT_MINE)
			return entries[i].max_heaps == 8 && entries[i].max_pins == 1024 &&
			       entries[i].max_records == (records * 5 + 7) / 8 &&
			       entries[i].max_windows && entries[i].clients == 1 &&
			       !entries[i].set ? 0 : 2;
	return 3;
}

TEST_F(room, room_limits_are_told)
{
	struct memmgr_account root;
	struct memmgr_heap_query q;

	ASSERT_EQ(0, mm_heap_query(self->fd, MEMMGR_HEAP_MAIN, &q));
	EXPECT_EQ(0, as_user(NOBODY, default_limits, q.max_allocations));
	root = user_account(_metadata, self->fd, 0);
	EXPECT_EQ(0, root.max_heaps | root.max_pins | root.max_records | root.max_windows);
}

/*
 * The mmap() offsets of a 32-bit machine: a heap that could not be mapped is not made, and
 * the refusal says so. What is left is root's.
 */
static int take_windows(int fd, int node, __u64 unused)
{
	struct memmgr_heap_create c;
	int i, made = 0, err = 0;

	for (i = 0; i < 48 && !err; i++) {
		c = heap_config(MEMMGR_KIND_POOL, "");
		snprintf(c.name, sizeof(c.name), "w-%d", i);
		c.object_size = page_size();
		c.count = 8;
		c.max_allocations = 8;
		err = mm_heap_create(fd, &c);
		if (!err && c.map_offset == NO_OFFSET)
			return 1;
		made += !err;
	}
	if (!err)
		return 2;
	return err == -EDQUOT && c.reason == MEMMGR_REASON_QUOTA && made == 4 ? 0 : 3;
}

TEST_F(room, room_windows_of_a_user)
{
	REQUIRE_KIND(MEMMGR_KIND_POOL);
	ASSERT_EQ(0, set_limit(self->fd, 0, NOBODY, (struct memmgr_quota) {
			       .limits = MEMMGR_LIMIT_WINDOWS | MEMMGR_LIMIT_HEAPS,
			       .max_windows = 4 * 9 + 8 }));
	EXPECT_EQ(0, as_user(NOBODY, take_windows, 0));
	EXPECT_EQ(0, user_account(_metadata, self->fd, NOBODY).windows);
	ASSERT_EQ(0, set_limit(self->fd, MEMMGR_QUOTA_DEFAULT, NOBODY, no_limits));
}

/* A heap whose records take a lot of windows, but no memory of the region. */
static struct memmgr_heap_create wide_heap(const char *name, int number, __u64 bytes, __u32 mode)
{
	struct memmgr_heap_create c = shared_heap(name, mode, 0, 0);

	snprintf(c.name, sizeof(c.name), "%s-%d", name, number);
	c.kind = MEMMGR_KIND_SLAB;
	c.object_size = page_size();
	c.bytes = bytes;
	c.max_allocations = bytes / page_size();
	return c;
}

static int no_windows(int fd, int node, __u64 unused)
{
	struct memmgr_heap_create c = small_heap();

	return mm_heap_create(fd, &c) == -ENOSPC && c.reason == MEMMGR_REASON_WINDOWS ? 0 : 1;
}

static void expect_mapped(struct __test_metadata *_metadata, int fd, __u32 heap)
{
	struct memmgr_alloc a = must_alloc(_metadata, fd, heap, 1);

	EXPECT_EQ(0, touch(must_map(_metadata, fd, a.map_offset, page_size()), true));
	unmap_all();
	EXPECT_EQ(0, mm_free(fd, a.handle));
}

#define WIDE_HEAPS	20	/* too many for a region of 64 MiB on a 32-bit machine */

/*
 * The mmap() offsets of a 32-bit machine: a heap that could not be mapped is not made, and
 * the last ones are root's. A heap of mode 0 needs none, until it is opened.
 */
TEST_F(room, room_windows_for_root)
{
	struct memmgr_heap_create c[WIDE_HEAPS], hidden;
	struct memmgr_heap_query q;
	int heaps, result = 0;

	REQUIRE_KIND(MEMMGR_KIND_SLAB);
	ASSERT_EQ(0, mm_heap_query(self->fd, MEMMGR_HEAP_MAIN, &q));
	for (heaps = 0; heaps < WIDE_HEAPS && !result; heaps += !result) {
		c[heaps] = wide_heap("t-wide", heaps, q.bytes, 0666);
		result = mm_heap_create(self->fd, &c[heaps]);
	}
	hidden = wide_heap("t-hidden", 0, q.bytes, 0);
	ASSERT_EQ(0, mm_heap_create(self->fd, &hidden));
	if (result) {
		EXPECT_EQ(-ENOSPC, result);
		EXPECT_EQ(MEMMGR_REASON_WINDOWS, c[heaps].reason);
		/* One or more windows are left, but not so many. */
		ASSERT_EQ(0, mm_heap_destroy(self->fd, c[heaps - 1].heap, 0));
		c[heaps - 1].max_allocations--;
		ASSERT_EQ(0, mm_heap_create(self->fd, &c[heaps - 1]));
		EXPECT_EQ(0, as_user(NOBODY, no_windows, 0));
		EXPECT_EQ(1, make_heaps(self->fd, -1, 1));
		EXPECT_EQ(-ENOSPC, set_rights(self->fd, hidden.heap, MEMMGR_RIGHTS_MODE, 0666));
	}
	while (heaps--) {
		expect_mapped(_metadata, self->fd, c[heaps].heap);
		EXPECT_EQ(0, mm_heap_destroy(self->fd, c[heaps].heap, 0));
	}
	EXPECT_EQ(0, set_rights(self->fd, hidden.heap, MEMMGR_RIGHTS_MODE, 0666));
	expect_mapped(_metadata, self->fd, hidden.heap);
	EXPECT_EQ(0, mm_heap_destroy(self->fd, hidden.heap, 0));
}

TEST_F(room, room_limits_malformed)
{
	static const struct memmgr_quota bad[] = {
		{ .limits = MEMMGR_LIMIT_ALL + 1 },
		{ .limits = MEMMGR_LIMIT_HEAPS, .max_pins = 1 },
		{ .limits = MEMMGR_LIMIT_HEAPS, .max_bytes = 1 },
		{ .max_heaps = 1 },
		{ .limits = MEMMGR_LIMIT_HEAPS, .pad = 1 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_EQ(-EINVAL, set_limit(self->fd, 0, NOBODY, bad[i]));
	EXPECT_EQ(-EINVAL, set_limit(self->fd, MEMMGR_QUOTA_DEFAULT, NOBODY,
				     (struct memmgr_quota) {
				     .limits = MEMMGR_LIMIT_HEAPS, .max_heaps = 1 }));
}

MEMMGR_TEST_MAIN
