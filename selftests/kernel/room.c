// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Room for others: whatever one user does, others keep their share of what a region
 * has, in its logs as well as in its tables.
 */
#include <linux/netlink.h>
#include <sys/socket.h>

#include "debugging.h"

MEMMGR_FIXTURE(room)

#define SOMEBODY	4711		/* another user without any capability */
#define FORGED		0x700000005ull	/* a handle of heap main that was never issued */
#define FLOOD		100

static const struct memmgr_debug watched = { .flags = MEMMGR_DEBUG_ZONES };

/* A file of the region for a user; 0 is root. */
static int open_as(int node, uid_t uid)
{
	if (uid && (setresgid(uid, uid, uid) || setresuid(uid, uid, uid)))
		return -EPERM;
	return open_again(node, O_RDWR);
}

/* Runs @step as a user; 0 when it returned 0. */
static int as_user(uid_t uid, int (*step)(int fd, int node, __u64 what), __u64 what)
{
	int node = open_public_node();
	pid_t child;

	if (node < 0)
		return 100;
	child = fork();
	if (!child) {
		int fd = open_as(node, uid);

		_exit(fd < 0 ? 101 : step(fd, node, what));
	}
	close(node);
	return child_result(child);
}

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
	ASSERT_EQ(0, quiet_health(self->fd));
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

MEMMGR_TEST_MAIN
