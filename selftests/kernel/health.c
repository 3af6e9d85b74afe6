// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The health of a region: thresholds with hysteresis, events that no reader misses
 * without being told, and a worker that compacts when it should and sleeps when
 * nothing changes.
 *
 * Rule: <linux/memmgr.h>, struct memmgr_health, and memmgr(7), FRAGMENTATION, "Health".
 */
#include <sys/mman.h>
#include <sys/wait.h>

#include "lib/memmgr_test.h"

MEMMGR_FIXTURE(health)

#define REMEMBERED	256	/* events of a region */
#define PATIENCE_MS	60000	/* for what has to come; nothing depends on how long */

static struct memmgr_health health_now(struct __test_metadata *_metadata, int fd)
{
	struct memmgr_health h;

	ASSERT_EQ(0, mm_health(fd, &h));
	return h;
}

/* Thresholds that only the test passes; 1000 is never passed. */
static void set_health(struct __test_metadata *_metadata, int fd, __u32 compact_above,
		       __u32 warn_above, __u32 flags)
{
	struct memmgr_health h = {
		.compact_above = compact_above, .warn_above = warn_above, .hysteresis = 50,
		.cpu = 500,
	};

	ASSERT_EQ(0, mm_health_set(fd, &h, flags));
}

/* Until the worker has looked at what was changed before the call. */
static void wait_for_check(struct __test_metadata *_metadata, int fd, __u64 checks)
{
	int i;

	for (i = 0; i < PATIENCE_MS / 20; i++) {
		if (health_now(_metadata, fd).checks > checks)
			return;
		usleep(20000);
	}
	ASSERT_TRUE(!"the worker never looked");
}

static void wait_for_state(struct __test_metadata *_metadata, int fd, __u32 state)
{
	int i;

	for (i = 0; i < PATIENCE_MS / 20; i++) {
		if (health_now(_metadata, fd).state == state)
			return;
		usleep(20000);
	}
	ASSERT_EQ(state, health_now(_metadata, fd).state);
}

/* A client that has seen nothing yet, and is told of what comes from now on. */
static int listen_on(struct __test_metadata *_metadata)
{
	int fd = open_device(O_RDONLY | O_NONBLOCK);

	ASSERT_LE(0, fd);
	return fd;
}

static bool has_events(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1 && p.revents & POLLIN;
}

static struct memmgr_event next_event(struct __test_metadata *_metadata, int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct memmgr_event e;

	ASSERT_EQ(1, poll(&p, 1, PATIENCE_MS));
	ASSERT_EQ(POLLIN, p.revents & (POLLIN | POLLERR | POLLHUP));
	ASSERT_EQ(sizeof(e), read(fd, &e, sizeof(e)));
	return e;
}

static struct memmgr_event wait_for_event(struct __test_metadata *_metadata, int fd, __u32 kind)
{
	struct memmgr_event e;

	do {
		e = next_event(_metadata, fd);
	} while (e.kind != kind);
	return e;
}

/* Moves one allocation, which is an event. */
static void make_event(struct __test_metadata *_metadata, int fd, __u64 handle)
{
	struct memmgr_compact c;
	struct memmgr_info i;

	ASSERT_EQ(0, mm_info(fd, handle, &i));
	ASSERT_EQ(0, mm_empty(fd, MEMMGR_HEAP_MAIN, i.offset, i.granted, &c));
	ASSERT_EQ(1, c.moves);
}

static void quiet(struct __test_metadata *_metadata, int fd)
{
	set_health(_metadata, fd, 1000, 1000, 0);
	wait_for_state(_metadata, fd, 0);
}

/* ---- get and set --------------------------------------------------------------------- */

TEST_F(health, set_is_what_is_got)
{
	static const __u32 flags[] = { 0, MEMMGR_HEALTH_ON };
	struct memmgr_health h, set;
	__u32 i;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		set = (struct memmgr_health){
			.compact_above = 700 + i, .warn_above = 800 + i, .hysteresis = 20 + i,
			.cpu = 60 + i,
		};
		ASSERT_EQ(0, mm_health_set(self->fd, &set, flags[i]));
		h = health_now(_metadata, self->fd);
		EXPECT_EQ(set.compact_above, h.compact_above);
		EXPECT_EQ(set.warn_above, h.warn_above);
		EXPECT_EQ(set.hysteresis, h.hysteresis);
		EXPECT_EQ(set.cpu, h.cpu);
		EXPECT_EQ(flags[i], h.flags);
		EXPECT_EQ(0, h.reserved);
	}
}

TEST_F(health, figures_are_those_of_the_books)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, MIB);
	struct memmgr_stats s;
	struct memmgr_health h;
	struct memmgr_frag f;

	quiet(_metadata, self->fd);
	must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, MIB);
	ASSERT_EQ(0, mm_free(self->fd, a.handle));
	s = must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN);
	ASSERT_EQ(0, mm_frag(self->fd, MEMMGR_HEAP_MAIN, &f));
	h = health_now(_metadata, self->fd);
	EXPECT_EQ(s.used * 1000 / s.total, h.usage);
	EXPECT_EQ(f.external, h.fragmentation);
}

static int set_raw(int fd, __u32 flags, __u32 compact_above, __u32 warn_above, __u32 hysteresis,
		   __u32 cpu)
{
	struct memmgr_health h = {
		.size = sizeof(h), .flags = flags, .compact_above = compact_above,
		.warn_above = warn_above, .hysteresis = hysteresis, .cpu = cpu,
	};

	return mm_call(fd, MEMMGR_IOC_HEALTH, &h);
}

TEST_F(health, malformed_changes_nothing)
{
	const __u32 set = MEMMGR_HEALTH_SET;
	struct {
		struct memmgr_health h;
		__u64 future;
	} tomorrow = { .h = { .size = sizeof(tomorrow) } };
	struct memmgr_health before, after, h;

	before = health_now(_metadata, self->fd);
	EXPECT_EQ(-EINVAL, set_raw(self->fd, set, 1001, 900, 50, 100));
	EXPECT_EQ(-EINVAL, set_raw(self->fd, set, 300, 1001, 50, 100));
	EXPECT_EQ(-EINVAL, set_raw(self->fd, set, 300, 900, 1001, 100));
	EXPECT_EQ(-EINVAL, set_raw(self->fd, set, 300, 900, 50, 1001));
	EXPECT_EQ(-EINVAL, set_raw(self->fd, set, ~0u, 900, 50, 100));
	EXPECT_EQ(-EINVAL, set_raw(self->fd, set | 1u << 2, 300, 900, 50, 100));
	EXPECT_EQ(-EINVAL, set_raw(self->fd, 1u << 31, 0, 0, 0, 0));
	EXPECT_EQ(-EINVAL, set_raw(self->fd, MEMMGR_HEALTH_ON, 0, 0, 0, 0));
	h = (struct memmgr_health){ .size = sizeof(h), .reserved = 1 };
	EXPECT_EQ(-EINVAL, mm_call(self->fd, MEMMGR_IOC_HEALTH, &h));
	h = (struct memmgr_health){ .size = sizeof(h) - 8 };
	EXPECT_EQ(-EINVAL, mm_call(self->fd, MEMMGR_IOC_HEALTH, &h));
	EXPECT_EQ(-EFAULT, mm_call(self->fd, MEMMGR_IOC_HEALTH, NULL));
	EXPECT_EQ(0, mm_call(self->fd, MEMMGR_IOC_HEALTH, &tomorrow));
	tomorrow.h = (struct memmgr_health){ .size = sizeof(tomorrow) };
	tomorrow.future = 1;
	EXPECT_EQ(-E2BIG, mm_call(self->fd, MEMMGR_IOC_HEALTH, &tomorrow));
	after = health_now(_metadata, self->fd);
	EXPECT_EQ(before.flags, after.flags);
	EXPECT_EQ(before.compact_above, after.compact_above);
	EXPECT_EQ(before.warn_above, after.warn_above);
	EXPECT_EQ(before.hysteresis, after.hysteresis);
	EXPECT_EQ(before.cpu, after.cpu);
}

static int as_nobody(int node)
{
	struct memmgr_health h;
	int fd;

	fd = open_as_nobody(node);
	if (fd < 0)
		return 2;
	if (mm_health(fd, &h))
		return 3;
	if (mm_health_set(fd, &h, 0) != -EPERM)
		return 4;
	return mm_health_set(fd, &h, MEMMGR_HEALTH_ON) == -EPERM ? 0 : 5;
}

TEST_F(health, everybody_reads_and_admins_set)
{
	int node = open_public_node();
	pid_t child;

	ASSERT_LE(0, node);
	child = fork();
	if (!child)
		_exit(as_nobody(node));
	EXPECT_EQ(0, child_result(child));
	close(node);
}

TEST_F(health, read_only_file_sets_nothing)
{
	int reader = open_device(O_RDONLY);
	struct memmgr_health h;

	ASSERT_LE(0, reader);
	ASSERT_EQ(0, mm_health(reader, &h));
	EXPECT_EQ(-EACCES, mm_health_set(reader, &h, h.flags & MEMMGR_HEALTH_ON));
	close(reader);
}

/* ---- reading events -------------------------------------------------------------------- */

TEST_F(health, nothing_to_read)
{
	struct memmgr_event e;
	int fd = listen_on(_metadata);

	EXPECT_FALSE(has_events(fd));
	EXPECT_EQ(-1, read(fd, &e, sizeof(e)));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(-1, read(fd, &e, sizeof(e) - 1));
	EXPECT_EQ(EINVAL, errno);
	close(fd);
}

TEST_F(health, compaction_is_an_event)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 3 * self->page);
	__u64 before = now_ns(CLOCK_BOOTTIME);
	struct memmgr_compact c;
	struct memmgr_event e;
	int fd;

	quiet(_metadata, self->fd);
	fd = listen_on(_metadata);
	ASSERT_EQ(0, mm_empty(self->fd, MEMMGR_HEAP_MAIN, a.offset, a.granted, &c));
	EXPECT_TRUE(has_events(fd));
	e = next_event(_metadata, fd);
	EXPECT_EQ(MEMMGR_EVENT_COMPACTED, e.kind);
	EXPECT_EQ(MEMMGR_HEAP_MAIN, e.heap);
	EXPECT_EQ(a.granted, e.value);
	EXPECT_EQ(c.after, e.bytes);
	EXPECT_EQ(health_now(_metadata, self->fd).events, e.seq);
	EXPECT_LE(before, e.time_ns);
	EXPECT_GE(now_ns(CLOCK_BOOTTIME), e.time_ns);
	EXPECT_EQ(0, e.reserved[0] | e.reserved[1]);
	EXPECT_FALSE(has_events(fd));
	close(fd);
}

/* Neither a dry run nor one that moved nothing. */
TEST_F(health, no_event_without_a_move)
{
	struct memmgr_compact c = compact_request(MEMMGR_HEAP_MAIN, MEMMGR_COMPACT_DRY_RUN, 0);
	int fd;

	must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, self->page);
	quiet(_metadata, self->fd);
	fd = listen_on(_metadata);
	ASSERT_EQ(0, mm_compact(self->fd, &c));
	EXPECT_FALSE(has_events(fd));
	close(fd);
}

TEST_F(health, as_many_whole_ones_as_fit)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, self->page);
	struct memmgr_event e[8];
	int fd, i;

	quiet(_metadata, self->fd);
	fd = listen_on(_metadata);
	for (i = 0; i < 5; i++)
		make_event(_metadata, self->fd, a.handle);
	memset(e, 0xee, sizeof(e));
	EXPECT_EQ(-1, read(fd, e, sizeof(e[0]) - 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(2 * sizeof(e[0]), read(fd, e, 3 * sizeof(e[0]) - 1));
	EXPECT_EQ(0xeeeeeeeeeeeeeeeeull, e[2].seq);
	EXPECT_EQ(3 * sizeof(e[0]), read(fd, &e[2], 6 * sizeof(e[0])));
	EXPECT_EQ(-1, read(fd, e, sizeof(e)));
	EXPECT_EQ(EAGAIN, errno);
	for (i = 1; i < 5; i++) {
		EXPECT_EQ(e[0].seq + i, e[i].seq);
		EXPECT_LE(e[i - 1].time_ns, e[i].time_ns);
	}
	close(fd);
}

/* What could not be handed over is still there. */
TEST_F(health, bad_pointers_lose_nothing)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, self->page);
	unsigned char *hole = page_before_hole();
	struct memmgr_event *half, e;
	__u64 first;
	int fd, got;

	quiet(_metadata, self->fd);
	fd = listen_on(_metadata);
	first = health_now(_metadata, self->fd).events + 1;
	make_event(_metadata, self->fd, a.handle);
	make_event(_metadata, self->fd, a.handle);
	EXPECT_EQ(-1, read(fd, hole + self->page, sizeof(e)));
	EXPECT_EQ(EFAULT, errno);
	/* room for one, then a hole: one, or an error and none */
	half = (struct memmgr_event *)(hole + self->page - sizeof(e));
	got = read(fd, half, 2 * sizeof(e));
	EXPECT_TRUE(got == sizeof(e) || (got == -1 && errno == EFAULT));
	if (got == sizeof(e))
		EXPECT_EQ(first++, half->seq);
	EXPECT_EQ(first, next_event(_metadata, fd).seq);
	close(fd);
}

TEST_F(health, every_client_gets_all)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, self->page);
	struct memmgr_event e[3][10];
	int fds[3], late, i, k;

	quiet(_metadata, self->fd);
	for (k = 0; k < 3; k++)
		fds[k] = listen_on(_metadata);
	for (i = 0; i < 10; i++) {
		make_event(_metadata, self->fd, a.handle);
		/* one reads at once, one now and then, one at the end */
		e[0][i] = next_event(_metadata, fds[0]);
		if (i % 3 == 2)
			ASSERT_EQ(3 * sizeof(e[1][0]), read(fds[1], &e[1][i - 2],
							    sizeof(e[1])));
	}
	e[1][9] = next_event(_metadata, fds[1]);
	EXPECT_EQ(sizeof(e[2]), read(fds[2], e[2], sizeof(e[2])));
	EXPECT_EQ(0, memcmp(e[0], e[1], sizeof(e[0])));
	EXPECT_EQ(0, memcmp(e[0], e[2], sizeof(e[0])));
	/* since it was opened */
	late = listen_on(_metadata);
	EXPECT_FALSE(has_events(late));
	make_event(_metadata, self->fd, a.handle);
	EXPECT_EQ(e[0][9].seq + 1, next_event(_metadata, late).seq);
	for (k = 0; k < 3; k++)
		close(fds[k]);
	close(late);
}

TEST_F(health, overflow_is_counted)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, self->page);
	static const int extra[] = { 0, 1, 44, REMEMBERED + 7 };
	struct memmgr_event e;
	__u64 first;
	unsigned int k;
	int fd, i;

	quiet(_metadata, self->fd);
	fd = listen_on(_metadata);
	for (k = 0; k < ARRAY_SIZE(extra); k++) {
		first = health_now(_metadata, self->fd).events + 1;
		for (i = 0; i < REMEMBERED + extra[k]; i++)
			make_event(_metadata, self->fd, a.handle);
		if (extra[k]) {
			e = next_event(_metadata, fd);
			EXPECT_EQ(MEMMGR_EVENT_LOST, e.kind);
			EXPECT_EQ(extra[k], e.value);
			EXPECT_EQ(first + extra[k], e.seq);
		}
		for (i = extra[k]; i < REMEMBERED + extra[k]; i++) {
			e = next_event(_metadata, fd);
			EXPECT_EQ(first + i, e.seq);
			EXPECT_EQ(MEMMGR_EVENT_COMPACTED, e.kind);
		}
		EXPECT_FALSE(has_events(fd));
	}
	close(fd);
}

struct reader {
	int fd;
	int result;
	struct memmgr_event e;
};

static void *read_one(void *argument)
{
	struct reader *r = argument;

	r->result = read(r->fd, &r->e, sizeof(r->e));
	return NULL;
}

TEST_F(health, blocking_read)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, self->page);
	struct reader r = { 0 };
	pthread_t thread;

	quiet(_metadata, self->fd);
	r.fd = open_device(O_RDONLY);
	ASSERT_LE(0, r.fd);
	ASSERT_EQ(0, pthread_create(&thread, NULL, read_one, &r));
	usleep(50000);
	make_event(_metadata, self->fd, a.handle);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(sizeof(r.e), r.result);
	EXPECT_EQ(MEMMGR_EVENT_COMPACTED, r.e.kind);
	close(r.fd);
}

/* A signal ends the waiting, and a kill the process. */
TEST_F(health, waiting_readers_can_be_ended)
{
	struct sigaction action = { .sa_handler = wake_up };
	struct memmgr_event e;
	pid_t child;
	int result;

	quiet(_metadata, self->fd);
	child = fork();
	if (!child) {
		int fd = open_device(O_RDONLY);

		sigaction(SIGALRM, &action, NULL);
		ualarm(20000, 20000);
		result = read(fd, &e, sizeof(e));
		_exit(result == -1 && errno == EINTR ? 0 : 1);
	}
	EXPECT_EQ(0, child_result(child));
	child = fork();
	if (!child) {
		int fd = open_device(O_RDONLY);

		result = read(fd, &e, sizeof(e));
		_exit(1);
	}
	usleep(20000);
	ASSERT_EQ(0, kill(child, SIGKILL));
	EXPECT_EQ(1000 + SIGKILL, child_result(child));
}

/* ---- low on memory ---------------------------------------------------------------------- */

/* Allocates pieces of 1/100 of the region, until that many are held. */
struct ballast {
	__u64 handles[100];
	__u32 count;
	__u64 piece;
};

static void hold_hundredths(struct __test_metadata *_metadata, int fd, struct ballast *b,
			    __u32 wanted)
{
	size_t page = page_size();

	b->piece = must_stats(_metadata, fd, MEMMGR_HEAP_MAIN).total / 100 / page * page;
	for (; b->count < wanted; b->count++)
		b->handles[b->count] = must_alloc(_metadata, fd, MEMMGR_HEAP_MAIN,
						  b->piece).handle;
	for (; b->count > wanted; b->count--)
		ASSERT_EQ(0, mm_free(fd, b->handles[b->count - 1]));
}

TEST_F(health, low_and_not_low)
{
	struct ballast b = { 0 };
	struct memmgr_event e;
	struct memmgr_stats s;
	__u64 checks;
	int fd, i;

	quiet(_metadata, self->fd);
	set_health(_metadata, self->fd, 1000, 400, 0);
	wait_for_state(_metadata, self->fd, 0);
	fd = listen_on(_metadata);
	for (i = 0; i < 3; i++) {
		checks = health_now(_metadata, self->fd).checks;
		hold_hundredths(_metadata, self->fd, &b, 38);
		wait_for_check(_metadata, self->fd, checks);
		EXPECT_FALSE(has_events(fd));
		EXPECT_EQ(0, health_now(_metadata, self->fd).state);
		hold_hundredths(_metadata, self->fd, &b, 45);
		s = must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN);
		e = next_event(_metadata, fd);
		EXPECT_EQ(MEMMGR_EVENT_LOW, e.kind);
		EXPECT_LT(400, e.value);
		EXPECT_GE(s.used * 1000 / s.total, e.value);
		EXPECT_EQ(400, e.limit);
		EXPECT_LE(s.free, e.bytes);
		wait_for_state(_metadata, self->fd, MEMMGR_HEALTH_LOW);
		/* below the threshold, but not by the hysteresis */
		checks = health_now(_metadata, self->fd).checks;
		hold_hundredths(_metadata, self->fd, &b, 37);
		wait_for_check(_metadata, self->fd, checks);
		EXPECT_FALSE(has_events(fd));
		EXPECT_EQ(MEMMGR_HEALTH_LOW, health_now(_metadata, self->fd).state);
		hold_hundredths(_metadata, self->fd, &b, 30);
		e = next_event(_metadata, fd);
		EXPECT_EQ(MEMMGR_EVENT_NOT_LOW, e.kind);
		EXPECT_GT(350, e.value);
		EXPECT_EQ(400, e.limit);
		wait_for_state(_metadata, self->fd, 0);
	}
	hold_hundredths(_metadata, self->fd, &b, 0);
	close(fd);
}

/* The threshold is set below what is in use, and above it again. */
TEST_F(health, thresholds_hold_from_now_on)
{
	struct ballast b = { 0 };
	int fd;

	quiet(_metadata, self->fd);
	hold_hundredths(_metadata, self->fd, &b, 50);
	fd = listen_on(_metadata);
	set_health(_metadata, self->fd, 1000, 300, 0);
	EXPECT_EQ(MEMMGR_EVENT_LOW, next_event(_metadata, fd).kind);
	set_health(_metadata, self->fd, 1000, 900, 0);
	EXPECT_EQ(MEMMGR_EVENT_NOT_LOW, next_event(_metadata, fd).kind);
	EXPECT_FALSE(has_events(fd));
	close(fd);
}

/* ---- fragmented ------------------------------------------------------------------------- */

#define BOARD		4096

struct board {
	__u64 handles[BOARD];
	__u32 count;
	unsigned char *shown[8];
};

/* Every other page of the region is free. */
static void make_board(struct __test_metadata *_metadata, int fd, struct board *b)
{
	size_t page = page_size();
	struct memmgr_resize r;
	struct memmgr_info info;
	__u32 count, i;

	b->count = 0;
	for (;;) {
		count = BOARD - b->count < 512 ? BOARD - b->count : 512;
		if (!count || mm_alloc_batch(fd, MEMMGR_HEAP_MAIN, 0, 2 * page,
					     &b->handles[b->count], &count))
			break;
		b->count += count;
	}
	ASSERT_LT(64, b->count);
	for (i = 0; i < b->count; i++)
		ASSERT_EQ(0, mm_resize(fd, b->handles[i], page, &r));
	for (i = 0; i < ARRAY_SIZE(b->shown); i++) {
		ASSERT_EQ(0, mm_info(fd, b->handles[i * 7], &info));
		b->shown[i] = must_map(_metadata, fd, info.map_offset, page);
		fill_pattern(b->shown[i], page, i);
	}
}

/* Larger regions than the board are held full, so that the holes are all there is. */
static void fill_rest(struct __test_metadata *_metadata, int fd)
{
	struct memmgr_stats s = must_stats(_metadata, fd, MEMMGR_HEAP_MAIN);
	struct memmgr_alloc a;

	while (s.largest > page_size()) {
		a = alloc_request(MEMMGR_HEAP_MAIN, s.largest);
		ASSERT_EQ(0, mm_alloc(fd, &a));
		s = must_stats(_metadata, fd, MEMMGR_HEAP_MAIN);
	}
}

static void expect_shown(struct __test_metadata *_metadata, struct board *b)
{
	__u32 i;

	for (i = 0; i < ARRAY_SIZE(b->shown); i++)
		EXPECT_TRUE(is_pattern(b->shown[i], page_size(), i));
}

TEST_F(health, fragmented_and_off)
{
	static struct board b;
	struct memmgr_health before, after;
	struct memmgr_event e;
	struct memmgr_info i;
	__u64 checks;
	int fd;

	quiet(_metadata, self->fd);
	set_health(_metadata, self->fd, 300, 1000, 0);
	fd = listen_on(_metadata);
	before = health_now(_metadata, self->fd);
	make_board(_metadata, self->fd, &b);
	fill_rest(_metadata, self->fd);
	e = wait_for_event(_metadata, fd, MEMMGR_EVENT_FRAGMENTED);
	EXPECT_LT(300, e.value);
	EXPECT_EQ(300, e.limit);
	wait_for_state(_metadata, self->fd, MEMMGR_HEALTH_FRAGMENTED);
	/* a change that the worker looks at, and nothing more */
	checks = health_now(_metadata, self->fd).checks;
	ASSERT_EQ(0, mm_free(self->fd, b.handles[b.count - 1]));
	wait_for_check(_metadata, self->fd, checks);
	after = health_now(_metadata, self->fd);
	EXPECT_LT(300, after.fragmentation);
	EXPECT_EQ(before.compactions, after.compactions);
	EXPECT_EQ(before.moves, after.moves);
	ASSERT_EQ(0, mm_info(self->fd, b.handles[0], &i));
	EXPECT_EQ(0, i.moves);
	EXPECT_FALSE(has_events(fd));
	ASSERT_EQ(0, mm_free_batch(self->fd, b.handles, b.count - 1));
	e = next_event(_metadata, fd);
	EXPECT_EQ(MEMMGR_EVENT_NOT_FRAGMENTED, e.kind);
	EXPECT_GE(250, e.value);
	wait_for_state(_metadata, self->fd, 0);
	close(fd);
}

TEST_F(health, fragmented_and_on)
{
	static struct board b;
	struct memmgr_health before, after;
	struct memmgr_event e;
	struct memmgr_stats s;
	int fd;

	quiet(_metadata, self->fd);
	fd = listen_on(_metadata);
	before = health_now(_metadata, self->fd);
	make_board(_metadata, self->fd, &b);
	fill_rest(_metadata, self->fd);
	/* the worker finds it as it is now, not half done */
	set_health(_metadata, self->fd, 300, 1000, MEMMGR_HEALTH_ON);
	e = next_event(_metadata, fd);
	EXPECT_EQ(MEMMGR_EVENT_FRAGMENTED, e.kind);
	e = wait_for_event(_metadata, fd, MEMMGR_EVENT_NOT_FRAGMENTED);
	EXPECT_GE(250, e.value);
	wait_for_state(_metadata, self->fd, 0);
	after = health_now(_metadata, self->fd);
	EXPECT_GE(250, after.fragmentation);
	EXPECT_LT(before.compactions, after.compactions);
	EXPECT_LT(before.moves, after.moves);
	EXPECT_LE((after.moves - before.moves) * self->page, after.moved - before.moved);
	s = must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN);
	EXPECT_LT(s.free / 2, s.largest);
	expect_shown(_metadata, &b);
	EXPECT_EQ(0, mm_check(self->fd, MEMMGR_HEAP_MAIN));
	close(fd);
}

/* Compact the whole region, as far as @max_bytes go. */
static struct memmgr_compact slice(struct __test_metadata *_metadata, int fd, __u64 max_bytes)
{
	struct memmgr_compact c = compact_request(MEMMGR_HEAP_MAIN, 0, 0);

	c.max_bytes = max_bytes;
	ASSERT_EQ(0, mm_compact(fd, &c));
	ASSERT_LT(0, c.moved);
	return c;
}

static void expect_compacted(struct __test_metadata *_metadata, int fd, __u64 moved)
{
	struct memmgr_event e = next_event(_metadata, fd);

	EXPECT_EQ(MEMMGR_EVENT_COMPACTED, e.kind);
	EXPECT_EQ(moved, e.value);
}

TEST_F(health, slices_are_one_event)
{
	static struct board b;
	struct memmgr_compact c;
	__u64 moved = 0;
	int fd, i;

	quiet(_metadata, self->fd);
	make_board(_metadata, self->fd, &b);
	fill_rest(_metadata, self->fd);
	fd = listen_on(_metadata);
	for (i = 0; i < 3; i++) {
		c = slice(_metadata, self->fd, 4 * self->page);
		ASSERT_LT(0, c.left);
		moved += c.moved;
	}
	c = compact_request(MEMMGR_HEAP_MAIN, MEMMGR_COMPACT_DRY_RUN, 0);
	ASSERT_EQ(0, mm_compact(self->fd, &c));
	EXPECT_FALSE(has_events(fd));
	c = slice(_metadata, self->fd, 0);
	EXPECT_EQ(0, c.left);
	expect_compacted(_metadata, fd, moved + c.moved);
	EXPECT_FALSE(has_events(fd));
	close(fd);
}

/* What a client moved is its own event, when it stops half-way as well. */
TEST_F(health, closed_between_slices)
{
	static struct board b;
	struct memmgr_compact c, rest;
	int fd, other;

	quiet(_metadata, self->fd);
	make_board(_metadata, self->fd, &b);
	fill_rest(_metadata, self->fd);
	fd = listen_on(_metadata);
	other = open_device(O_RDWR);
	ASSERT_LE(0, other);
	c = slice(_metadata, other, 4 * self->page);
	ASSERT_LT(0, c.left);
	rest = slice(_metadata, self->fd, 0);
	expect_compacted(_metadata, fd, rest.moved);
	EXPECT_FALSE(has_events(fd));
	close(other);
	expect_compacted(_metadata, fd, c.moved);
	EXPECT_FALSE(has_events(fd));
	close(fd);
}

/* The worker sleeps a thousand times as long as it works: that is when it is stopped. */
TEST_F(health, turned_off_between_slices)
{
	struct memmgr_health before, h = {
		.compact_above = 300, .warn_above = 1000, .hysteresis = 50, .cpu = 1,
	};
	static struct board b;
	struct memmgr_event e;
	int fd, i;

	quiet(_metadata, self->fd);
	make_board(_metadata, self->fd, &b);
	fill_rest(_metadata, self->fd);
	ASSERT_LT(4 * MIB, b.count * self->page);
	fd = listen_on(_metadata);
	before = health_now(_metadata, self->fd);
	ASSERT_EQ(0, mm_health_set(self->fd, &h, MEMMGR_HEALTH_ON));
	for (i = 0; i < PATIENCE_MS / 20; i++) {
		h = health_now(_metadata, self->fd);
		if (h.moves > before.moves && !(h.state & MEMMGR_HEALTH_AT_WORK))
			break;
		usleep(20000);
	}
	ASSERT_LT(before.moves, h.moves);
	set_health(_metadata, self->fd, 1000, 1000, 0);
	e = wait_for_event(_metadata, fd, MEMMGR_EVENT_COMPACTED);
	EXPECT_EQ(h.moved - before.moved, e.value);
	wait_for_state(_metadata, self->fd, 0);
	make_event(_metadata, self->fd, b.handles[0]);
	e = wait_for_event(_metadata, fd, MEMMGR_EVENT_COMPACTED);
	EXPECT_EQ(self->page, e.value);
	EXPECT_FALSE(has_events(fd));
	close(fd);
}

/* Turned on when it is too late for the event: it acts all the same. */
TEST_F(health, turned_on_while_fragmented)
{
	static struct board b;
	struct memmgr_event e;
	int fd;

	quiet(_metadata, self->fd);
	set_health(_metadata, self->fd, 300, 1000, 0);
	fd = listen_on(_metadata);
	make_board(_metadata, self->fd, &b);
	fill_rest(_metadata, self->fd);
	wait_for_event(_metadata, fd, MEMMGR_EVENT_FRAGMENTED);
	wait_for_state(_metadata, self->fd, MEMMGR_HEALTH_FRAGMENTED);
	set_health(_metadata, self->fd, 300, 1000, MEMMGR_HEALTH_ON);
	wait_for_event(_metadata, fd, MEMMGR_EVENT_NOT_FRAGMENTED);
	wait_for_state(_metadata, self->fd, 0);
	expect_shown(_metadata, &b);
	while (has_events(fd)) {
		e = next_event(_metadata, fd);
		EXPECT_EQ(MEMMGR_EVENT_COMPACTED, e.kind);
	}
	close(fd);
}

/* When the worker has seen all there is to see, it sees nothing more for 2 s. */
static void expect_idle(struct __test_metadata *_metadata, int fd)
{
	__u64 checks = ~0ull, now = health_now(_metadata, fd).checks;
	int i;

	for (i = 0; i < 30 && now != checks; i++) {
		checks = now;
		usleep(2000000);
		now = health_now(_metadata, fd).checks;
	}
	EXPECT_EQ(checks, now) {
		struct memmgr_health h = health_now(_metadata, fd);

		TH_LOG("no rest: state %u, fragmentation %u, %llu checks, %llu moves", h.state,
		       h.fragmentation, (unsigned long long)h.checks,
		       (unsigned long long)h.moves);
	}
}

/* What is pinned stays where it is, whatever the worker would like. */
TEST_F(health, worker_respects_pins)
{
	static struct board b;
	static __u64 offsets[BOARD];
	struct memmgr_info info;
	__u64 moves;
	__u32 i;
	int fd;

	quiet(_metadata, self->fd);
	make_board(_metadata, self->fd, &b);
	for (i = 0; i < b.count; i += 101) {
		ASSERT_EQ(0, mm_pin(self->fd, b.handles[i], 0));
		ASSERT_EQ(0, mm_info(self->fd, b.handles[i], &info));
		offsets[i] = info.offset;
	}
	fill_rest(_metadata, self->fd);
	fd = listen_on(_metadata);
	moves = health_now(_metadata, self->fd).moves;
	set_health(_metadata, self->fd, 300, 1000, MEMMGR_HEALTH_ON);
	/* to its end, however long the worker sleeps between two slices */
	wait_for_event(_metadata, fd, MEMMGR_EVENT_COMPACTED);
	EXPECT_LT(moves, health_now(_metadata, self->fd).moves);
	expect_idle(_metadata, self->fd);
	for (i = 0; i < b.count; i += 101) {
		ASSERT_EQ(0, mm_info(self->fd, b.handles[i], &info));
		EXPECT_EQ(offsets[i], info.offset);
		EXPECT_EQ(0, info.moves);
	}
	expect_shown(_metadata, &b);
	close(fd);
}

/* ---- idle ------------------------------------------------------------------------------- */

TEST_F(health, idle_worker_sleeps)
{
	quiet(_metadata, self->fd);
	must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, MIB);
	set_health(_metadata, self->fd, 300, 900, MEMMGR_HEALTH_ON);
	expect_idle(_metadata, self->fd);
	set_health(_metadata, self->fd, 300, 900, 0);
	expect_idle(_metadata, self->fd);
}

/* Even when it is fragmented, and nothing can be done about it. */
TEST_F(health, worker_that_cannot_help_sleeps)
{
	static struct board b;
	__u32 i;

	quiet(_metadata, self->fd);
	make_board(_metadata, self->fd, &b);
	fill_rest(_metadata, self->fd);
	for (i = 0; i < b.count; i++)
		ASSERT_EQ(0, mm_pin(self->fd, b.handles[i], 0));
	set_health(_metadata, self->fd, 300, 1000, MEMMGR_HEALTH_ON);
	wait_for_state(_metadata, self->fd, MEMMGR_HEALTH_FRAGMENTED);
	expect_idle(_metadata, self->fd);
}

/* Looking is no change. */
TEST_F(health, readers_do_not_wake_it)
{
	struct memmgr_explain e;
	struct memmgr_frag f;
	__u64 checks;
	int i;

	quiet(_metadata, self->fd);
	set_health(_metadata, self->fd, 300, 900, MEMMGR_HEALTH_ON);
	expect_idle(_metadata, self->fd);
	checks = health_now(_metadata, self->fd).checks;
	for (i = 0; i < 50; i++) {
		must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN);
		ASSERT_EQ(0, mm_frag(self->fd, MEMMGR_HEAP_MAIN, &f));
		ASSERT_EQ(0, mm_explain(self->fd, MEMMGR_HEAP_MAIN, MIB, 0, &e));
		usleep(10000);
	}
	EXPECT_EQ(checks, health_now(_metadata, self->fd).checks);
}

/* The state of a process, as in /proc/PID/stat. */
static char process_state(pid_t pid)
{
	char path[32], state = 0;
	FILE *stat;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	stat = fopen(path, "r");
	if (!stat)
		return 0;
	if (fscanf(stat, "%*d (%*[^)]) %c", &state) != 1)
		state = 0;
	fclose(stat);
	return state;
}

/* Whoever waits for an event has nothing that O_NONBLOCK would have to wait for. */
TEST_F(health, nonblocking_read_beside_one_that_waits)
{
	const struct sigaction action = { .sa_handler = wake_up };
	int fd = open_device(O_RDONLY), pipes[2];
	struct memmgr_event e;
	pid_t child;
	char c;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, pipe(pipes));
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		/* Nothing sleeps from here on but the read. */
		if (write(pipes[1], "", 1) == 1)
			read(fd, &e, sizeof(e));
		_exit(0);
	}
	ASSERT_EQ(1, read(pipes[0], &c, 1));
	while (process_state(child) != 'S')
		usleep(1000);
	ASSERT_EQ(0, fcntl(fd, F_SETFL, O_NONBLOCK));
	/* Only what hangs is ended by the alarm. */
	ASSERT_EQ(0, sigaction(SIGALRM, &action, NULL));
	alarm(60);
	EXPECT_EQ(-1, read(fd, &e, sizeof(e)));
	EXPECT_EQ(EAGAIN, errno);
	alarm(0);
	EXPECT_EQ(0, kill(child, SIGKILL));
	EXPECT_EQ(child, waitpid(child, NULL, 0));
	close(fd);
}

MEMMGR_TEST_MAIN
