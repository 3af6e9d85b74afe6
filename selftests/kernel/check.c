// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * CHECK walks all books of a heap and finds them whole, whatever users write to their memory.
 *
 * Rule: <linux/memmgr.h>, struct memmgr_check.
 */
#include "lib/holding.h"
#include "lib/memmgr_test.h"

MEMMGR_FIXTURE(check)
MEMMGR_KIND_FIXTURE(check_kind);

static struct memmgr_check check_request(__u32 heap)
{
	return (struct memmgr_check){
		.size = sizeof(struct memmgr_check), .heap = heap,
	};
}

TEST_F(check_kind, whole_in_every_state)
{
	__u64 handles[40];
	__u32 heap;
	int i;

	if (!kind_is_built(self->fd, variant->kind))
		SKIP(return, "%s is not in this build", kind_names[variant->kind]);
	heap = must_kind(_metadata, self->fd, variant->kind);
	EXPECT_EQ(0, mm_check(self->fd, heap));
	for (i = 0; i < 40; i++) {
		handles[i] = must_alloc(_metadata, self->fd, heap, 1 + i * 4).handle;
		EXPECT_EQ(0, mm_check(self->fd, heap));
	}
	while (i--) {
		ASSERT_EQ(0, mm_free(self->fd, handles[i]));
		EXPECT_EQ(0, mm_check(self->fd, heap));
	}
}

TEST_F(check_kind, counts_what_it_looked_at)
{
	struct memmgr_check c;
	__u32 heap;
	int i;

	if (!kind_is_built(self->fd, variant->kind))
		SKIP(return, "%s is not in this build", kind_names[variant->kind]);
	heap = must_kind(_metadata, self->fd, variant->kind);
	for (i = 0; i < 10; i++)
		must_alloc(_metadata, self->fd, heap, 50);
	c = check_request(heap);
	ASSERT_EQ(0, mm_call(self->fd, MEMMGR_IOC_CHECK, &c));
	EXPECT_LE(10, c.checked);
	EXPECT_EQ(0, c.what[0]);
}

struct changer {
	int fd;
	__u32 heap;
	bool stop;
};

/* Allocates and frees in a heap until it is to stop, blocks of all sizes. */
static void *changes(void *argument)
{
	struct changer *changer = argument;
	struct memmgr_alloc a = alloc_request(changer->heap, 1);
	int fd = changer->fd;
	__u64 handles[16] = { 0 };
	__u32 n = 0;

	while (!__atomic_load_n(&changer->stop, __ATOMIC_SEQ_CST)) {
		__u32 i = n++ % ARRAY_SIZE(handles);

		if (handles[i])
			mm_free(fd, handles[i]);
		a.bytes = 1 + n % 50;
		handles[i] = mm_call(fd, MEMMGR_IOC_ALLOC, &a) ? 0 : a.handle;
	}
	return NULL;
}

/* The walk drops the lock between its steps: what changes meanwhile is no damage. */
TEST_F(check_kind, whole_while_it_changes)
{
	struct changer changer = { .fd = self->fd };
	struct memmgr_check c;
	pthread_t thread;
	__u32 heap, i;

	if (!kind_is_built(self->fd, variant->kind))
		SKIP(return, "%s is not in this build", kind_names[variant->kind]);
	heap = must_kind(_metadata, self->fd, variant->kind);
	changer.heap = heap;
	ASSERT_EQ(0, pthread_create(&thread, NULL, changes, &changer));
	for (i = 0; i < 300; i++) {
		c = check_request(heap);
		EXPECT_EQ(0, mm_call(self->fd, MEMMGR_IOC_CHECK, &c))
			TH_LOG("%.64s at %llu", c.what, (unsigned long long)c.offset);
		EXPECT_EQ(0, c.flags & ~MEMMGR_CHECK_TORN);
	}
	__atomic_store_n(&changer.stop, true, __ATOMIC_SEQ_CST);
	pthread_join(thread, NULL);
	c = check_request(heap);
	EXPECT_EQ(0, mm_call(self->fd, MEMMGR_IOC_CHECK, &c));
	EXPECT_EQ(0, c.flags);
}

/* Between two looks of a check, blocks come; in the end it tells that it is torn. */
static bool change_while_checked(struct __test_metadata *_metadata, int fd, pid_t child)
{
	static const char * const steps[] = { "checking", "checked" };
	char word[16];
	__u32 i;

	for (i = 0; i < 8; i++) {
		if (!hold_reached(child, fd, steps[i % 2]))
			return false;
		must_alloc(_metadata, fd, MEMMGR_HEAP_MAIN, page_size());
		/* Where it comes next has to be armed before it goes on. */
		snprintf(word, sizeof(word), "+%s", steps[(i + 1) % 2]);
		hold_write(fd, word);
		snprintf(word, sizeof(word), "-%s", steps[i % 2]);
		hold_write(fd, word);
	}
	return true;
}

TEST_F(check, torn_when_it_changes_again_and_again)
{
	struct memmgr_check c = check_request(MEMMGR_HEAP_MAIN);
	int status;
	pid_t child;

	REQUIRE_HOLD;
	ASSERT_EQ(0, hold_write(self->fd, "checking"));
	child = fork();
	if (!child) {
		if (mm_call(self->fd, MEMMGR_IOC_CHECK, &c) || c.flags != MEMMGR_CHECK_TORN)
			_exit(1);
		/* As it was left it can be asked again. */
		_exit(mm_call(self->fd, MEMMGR_IOC_CHECK, &c) || c.flags);
	}
	EXPECT_TRUE(change_while_checked(_metadata, self->fd, child));
	ASSERT_EQ(0, hold_write(self->fd, "none"));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
}

/* What has changed once only is looked at again. */
TEST_F(check, not_torn_when_it_has_changed_once)
{
	struct memmgr_check c = check_request(MEMMGR_HEAP_MAIN);
	int status;
	pid_t child;

	REQUIRE_HOLD;
	ASSERT_EQ(0, hold_write(self->fd, "checking"));
	child = fork();
	if (!child)
		_exit(mm_call(self->fd, MEMMGR_IOC_CHECK, &c) || c.flags);
	EXPECT_TRUE(hold_reached(child, self->fd, "checking"));
	must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, self->page);
	ASSERT_EQ(0, hold_write(self->fd, "none"));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
}

/* The books lie outside the memory: scribbling over all of it harms nothing. */
TEST_F(check_kind, scribbled_arena_leaves_the_books_whole)
{
	struct memmgr_heap_create c = heap_config(variant->kind, "t-scribble");
	unsigned char *arena;
	__u64 handles[20];
	size_t at;
	int i;

	if (!kind_is_built(self->fd, variant->kind))
		SKIP(return, "%s is not in this build", kind_names[variant->kind]);
	ASSERT_EQ(0, mm_heap_create(self->fd, &c));
	for (i = 0; i < 20; i++)
		handles[i] = must_alloc(_metadata, self->fd, c.heap, 100).handle;
	for (i = 19; i >= 10; i--)
		ASSERT_EQ(0, mm_free(self->fd, handles[i]));
	arena = must_map(_metadata, self->fd, c.map_offset, c.map_size);
	for (at = 0; at < c.map_size && at < MIB; at += self->page)
		if (!touch(arena + at, true))
			memset(arena + at, 0xff, self->page);
	EXPECT_EQ(0, mm_check(self->fd, c.heap));
	for (i = 10; i < 20; i++)
		handles[i] = must_alloc(_metadata, self->fd, c.heap, 100).handle;
	EXPECT_EQ(0, mm_check(self->fd, c.heap));
	while (i--)
		EXPECT_EQ(0, mm_free(self->fd, handles[i]));
	EXPECT_EQ(0, mm_check(self->fd, c.heap));
}

TEST_F(check, needs_rights)
{
	int node = open_public_node();
	pid_t child;

	ASSERT_LE(0, node);
	child = fork();
	if (!child) {
		struct memmgr_heap_create c = heap_config(MEMMGR_KIND_BUDDY, "t-mine");
		int fd;

		if (setresuid(NOBODY, NOBODY, NOBODY))
			_exit(1);
		fd = open_again(node, O_RDWR);
		if (fd < 0)
			_exit(2);
		if (mm_check(fd, MEMMGR_HEAP_MAIN) != -EPERM)
			_exit(3);
		if (mm_heap_create(fd, &c))
			_exit(4);
		_exit(mm_check(fd, c.heap) ? 5 : 0);
	}
	EXPECT_EQ(0, child_result(child));
}

MEMMGR_TEST_MAIN
