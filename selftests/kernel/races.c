// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * A fact that a call has read under the lock of a heap may be wrong once the call has dropped
 * that lock: two ordinary users, each stopped at the one place (lib/holding.h) where this was
 * once an error.
 *
 * Rule: module/heap/heap.h, the opening comment: the places that drop a lock.
 */
#include "lib/holding.h"
#include "lib/memmgr_test.h"

MEMMGR_FIXTURE(races)

/* Nobody's own client; what another user may not do to a process ends with the change. */
static int client_of_nobody(int node)
{
	int fd = open_as_nobody(node);

	end_with_parent();
	return fd;
}

#define BLOCK	4	/* pages */
#define BLOCKS	4

/* A heap for everybody, of so many pages. */
static __u32 shared_heap(struct __test_metadata *_metadata, int fd, __u64 pages)
{
	struct memmgr_heap_create config;
	char name[MEMMGR_NAME_LEN];

	snprintf(name, sizeof(name), "t-races-%d", getpid());
	config = heap_config(MEMMGR_KIND_BUDDY, name);
	config.flags = 0;
	config.granule = page_size();
	config.bytes = pages * page_size();
	return must_heap(_metadata, fd, config);
}

/* A process that was killed gives its file back a moment later. */
static int destroy_soon(int fd, __u32 heap)
{
	int i, result = -EBUSY;

	for (i = 0; i < 1000 && result == -EBUSY; i++) {
		result = mm_heap_destroy(fd, heap, 0);
		if (result == -EBUSY)
			usleep(20000);
	}
	return result;
}

/* ---- a client closes, a compaction moves --------------------------------------------- */

/* Allocates, says so, and closes its file when it is told to. */
static int closes(int node, __u32 heap, const int *told, const int *go)
{
	struct memmgr_alloc a = alloc_request(heap, BLOCK * page_size());
	unsigned char *data = malloc(a.bytes);
	int fd = client_of_nobody(node);
	char c = 0;

	DEMAND(fd >= 0 && data);
	DEMAND(!mm_alloc(fd, &a));
	fill_pattern(data, a.bytes, 1);
	DEMAND(!mm_write(fd, a.handle, 0, data, a.bytes));
	DEMAND(write(told[1], &c, 1) == 1);
	DEMAND(read(go[0], &c, 1) == 1);
	DEMAND(!close(fd));
	DEMAND(write(told[1], &c, 1) == 1);
	return 0;
}

/* Another user, whose request makes the heap compact itself. */
static int compacts(int node, __u32 heap, __u64 pages, int wanted)
{
	struct memmgr_alloc a = alloc_request(heap, pages * page_size());
	unsigned char *data = malloc(a.bytes);
	int fd = client_of_nobody(node);

	DEMAND(fd >= 0 && data);
	a.flags = MEMMGR_ALLOC_MAY_COMPACT;
	DEMAND(mm_alloc(fd, &a) == wanted);
	DEMAND(wanted || !mm_read(fd, a.handle, 0, data, a.bytes));
	DEMAND(wanted || is_zero(data, a.bytes));
	return 0;
}

/*
 * The client's close has seen that its allocation does not move, then a move of it
 * begins, then the close goes on: the allocation ends once, and whole.
 */
TEST_F(races, closes_while_it_moves)
{
	struct memmgr_alloc blocks[BLOCKS];
	int told[2], go[2], node = open_public_node();
	struct pollfd closed;
	pid_t closer, mover;
	__u32 heap, i;
	char c = 0;

	REQUIRE_HOLD;
	ASSERT_LE(0, node);
	ASSERT_EQ(0, pipe(told));
	ASSERT_EQ(0, pipe(go));
	heap = shared_heap(_metadata, self->fd, BLOCKS * BLOCK);
	for (i = 0; i < BLOCKS; i++)
		blocks[i] = must_alloc(_metadata, self->fd, heap, BLOCK * self->page);
	sort_by_offset(blocks, BLOCKS);
	/* The client gets the second place, the third one stays, the others are free. */
	ASSERT_EQ(0, mm_free(self->fd, blocks[1].handle));
	closer = start_child();
	if (!closer)
		_exit(closes(node, heap, told, go));
	ASSERT_EQ(1, read(told[0], &c, 1));
	ASSERT_EQ(0, mm_pin(self->fd, blocks[2].handle, 0));
	ASSERT_EQ(0, mm_free(self->fd, blocks[0].handle));
	ASSERT_EQ(0, mm_free(self->fd, blocks[3].handle));

	ASSERT_EQ(0, hold_write(self->fd, "closing"));
	ASSERT_EQ(1, write(go[1], &c, 1));
	ASSERT_TRUE(hold_reached(closer, self->fd, "closing"));
	ASSERT_EQ(0, hold_write(self->fd, "+taken"));
	mover = start_child();
	if (!mover)
		_exit(compacts(node, heap, 2 * BLOCK, 0));
	ASSERT_TRUE(hold_reached(mover, self->fd, "taken"));
	ASSERT_EQ(0, hold_write(self->fd, "-closing"));
	/* It ends here, or waits for the move: both are right. */
	closed = (struct pollfd){ .fd = told[0], .events = POLLIN };
	poll(&closed, 1, 30);
	ASSERT_EQ(0, hold_write(self->fd, "go"));
	EXPECT_EQ(0, child_result(closer));
	EXPECT_EQ(0, child_result(mover));
	EXPECT_EQ(0, mm_check(self->fd, heap));
	EXPECT_EQ(0, mm_free(self->fd, blocks[2].handle));
	EXPECT_EQ(0, destroy_soon(self->fd, heap));
	close(node);
}

/* ---- a plan and what took the place of what it saw ----------------------------------- */

#define ALIGN_PAGES	16	/* alignment of those that come */
#define PLACES		3	/* so aligned, in the heap */

/* The only place that is free and so aligned. */
static struct memmgr_alloc alloc_aligned(struct __test_metadata *_metadata, int fd, __u32 heap)
{
	struct memmgr_alloc a = alloc_request(heap, page_size());

	a.align = ALIGN_PAGES * page_size();
	ASSERT_EQ(0, mm_alloc(fd, &a));
	ASSERT_EQ(0, a.offset % a.align);
	return a;
}

/*
 * Of two allocations that a plan moves, the second one is freed when the first one has
 * moved, and another of the same size takes its place, its record, and asks for an
 * alignment that the plan knows nothing of.
 */
TEST_F(races, another_took_its_place)
{
	int node = open_public_node();
	struct memmgr_alloc pages[PLACES * ALIGN_PAGES], *left, first, second;
	struct memmgr_info info;
	pid_t mover;
	__u32 heap, i;

	REQUIRE_HOLD;
	ASSERT_LE(0, node);
	heap = shared_heap(_metadata, self->fd, ARRAY_SIZE(pages));
	for (i = 0; i < ARRAY_SIZE(pages); i++)
		pages[i] = must_alloc(_metadata, self->fd, heap, self->page);
	sort_by_offset(pages, ARRAY_SIZE(pages));
	ASSERT_EQ(0, mm_pin(self->fd, pages[0].handle, 0));
	for (i = 0; i < ARRAY_SIZE(pages); i++)
		if (i % ALIGN_PAGES)
			ASSERT_EQ(0, mm_free(self->fd, pages[i].handle));

	ASSERT_EQ(0, hold_write(self->fd, "switched"));
	mover = start_child();
	if (!mover)
		_exit(compacts(node, heap, 2 * ALIGN_PAGES, -ENOMEM));
	ASSERT_TRUE(hold_reached(mover, self->fd, "switched"));
	ASSERT_EQ(0, mm_info(self->fd, pages[ALIGN_PAGES].handle, &info));
	left = &pages[(info.moves ? 2 : 1) * ALIGN_PAGES];
	first = alloc_aligned(_metadata, self->fd, heap);
	ASSERT_EQ(0, mm_free(self->fd, left->handle));
	second = alloc_aligned(_metadata, self->fd, heap);
	ASSERT_EQ(left->offset, second.offset);
	ASSERT_EQ(0, hold_write(self->fd, "go"));
	EXPECT_EQ(0, child_result(mover));

	ASSERT_EQ(0, mm_info(self->fd, first.handle, &info));
	EXPECT_EQ(0, info.offset % info.align);
	ASSERT_EQ(0, mm_info(self->fd, second.handle, &info));
	EXPECT_EQ(0, info.offset % info.align);
	EXPECT_EQ(0, mm_check(self->fd, heap));
	ASSERT_EQ(0, mm_heap_destroy(self->fd, heap, MEMMGR_DESTROY_FORCE));
	close(node);
}

/* ---- a heap that goes ------------------------------------------------------------------ */

/* A heap was found idle, and is destroyed: what is in it is not promised to anybody now. */
TEST_F(races, pinned_while_its_heap_goes)
{
	__u32 heap = shared_heap(_metadata, self->fd, BLOCKS);
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, heap, self->page);
	struct memmgr_info info;
	pid_t child;

	REQUIRE_HOLD;
	ASSERT_EQ(0, hold_write(self->fd, "destroying"));
	child = start_child();
	if (!child)
		_exit(!!mm_heap_destroy(self->fd, heap, MEMMGR_DESTROY_FORCE));
	ASSERT_TRUE(hold_reached(child, self->fd, "destroying"));
	EXPECT_EQ(-EBADF, mm_pin(self->fd, a.handle, 0));
	EXPECT_GT(0, mm_export(self->fd, a.handle, 0));
	EXPECT_EQ(-EBADF, mm_info(self->fd, a.handle, &info));
	EXPECT_EQ(-EBADF, mm_free(self->fd, a.handle));
	ASSERT_EQ(0, hold_write(self->fd, "go"));
	EXPECT_EQ(0, child_result(child));
}

/* ---- an empty slab that is needed again ----------------------------------------------- */

#define OBJECTS	64	/* more than the heap has */

/* The client: one of its processes frees all, and says so; another one allocates meanwhile. */
static int needs_again(int node, const int *told, const int *go)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_SLAB, "t-trimmed");
	size_t page = page_size();
	unsigned char *data = malloc(page);
	struct memmgr_alloc a[OBJECTS], again[OBJECTS];
	int fd = client_of_nobody(node);
	struct memmgr_stats stats;
	__u32 i, n, count = 0;
	pid_t child;
	char b = 0;

	DEMAND(fd >= 0 && data);
	c.object_size = page;
	c.bytes = 16 * page;
	DEMAND(!mm_heap_create(fd, &c));
	for (; count < OBJECTS; count++) {
		a[count] = alloc_request(c.heap, page);
		if (mm_alloc(fd, &a[count]))
			break;
	}
	DEMAND(count && count < OBJECTS && a[count].reason == MEMMGR_REASON_LIMIT);
	child = start_child();
	if (!child) {
		for (i = 0; i < count; i++)
			DEMAND(!mm_free(fd, a[i].handle));
		_exit(0);
	}
	DEMAND(write(told[1], &child, sizeof(child)) == sizeof(child));
	DEMAND(read(go[0], &b, 1) == 1);
	/* A slab is on its way, and the heap may have no other memory: all of it serves. */
	DEMAND(!mm_stats(fd, c.heap, &stats));
	n = count - stats.live;
	for (i = 0; i < n; i++) {
		again[i] = alloc_request(c.heap, page);
		DEMAND(!mm_alloc(fd, &again[i]));
		fill_pattern(data, page, i);
		DEMAND(!mm_write(fd, again[i].handle, 0, data, page));
	}
	DEMAND(!mm_check(fd, c.heap));
	DEMAND(write(told[1], &b, 1) == 1);
	DEMAND(!child_result(child));
	for (i = 0; i < n; i++) {
		memset(data, 0, page);
		DEMAND(!mm_read(fd, again[i].handle, 0, data, page));
		DEMAND(is_pattern(data, page, i));
		DEMAND(!mm_free(fd, again[i].handle));
	}
	DEMAND(!mm_check(fd, c.heap));
	return 0;
}

TEST_F(races, empty_slab_needed_again)
{
	int told[2], go[2], node = open_public_node();
	pid_t client, freer;
	char c = 0;

	REQUIRE_HOLD;
	REQUIRE_KIND(MEMMGR_KIND_SLAB);
	ASSERT_LE(0, node);
	ASSERT_EQ(0, pipe(told));
	ASSERT_EQ(0, pipe(go));
	ASSERT_EQ(0, hold_write(self->fd, "trimmed"));
	client = start_child();
	if (!client)
		_exit(needs_again(node, told, go));
	ASSERT_EQ(sizeof(freer), read(told[0], &freer, sizeof(freer)));
	ASSERT_TRUE(hold_reached(client, self->fd, "trimmed"));
	ASSERT_EQ(1, write(go[1], &c, 1));
	close(told[1]);
	EXPECT_EQ(1, read(told[0], &c, 1));
	ASSERT_EQ(0, hold_write(self->fd, "go"));
	EXPECT_EQ(0, child_result(client));
	close(node);
}

/* ---- a heap that an orphan fell back on ----------------------------------------------- */

static __u32 private_heap(int fd, const char *name, __u64 bytes, const __u32 *fallback)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_BUDDY, name);

	c.bytes = bytes;
	c.granule = page_size();
	if (fallback) {
		c.flags |= MEMMGR_HEAP_FALLBACK;
		c.fallback = *fallback;
	}
	return mm_heap_create(fd, &c) ? MEMMGR_HEAP_MAIN : c.heap;
}

/* Leaves a dma-buf of a private heap that falls back on another, and nothing else. */
static int leaves_orphan(int node, const int *told, const int *go)
{
	int fd = client_of_nobody(node), buf;
	struct memmgr_alloc a;
	__u32 one, other;
	char c = 0;

	DEMAND(fd >= 0);
	other = private_heap(fd, "t-other", 256 * KIB, NULL);
	one = private_heap(fd, "t-orphan", 64 * KIB, &other);
	DEMAND(one && other);
	a = alloc_request(one, page_size());
	DEMAND(!mm_alloc(fd, &a));
	buf = mm_export(fd, a.handle, 0);
	DEMAND(buf >= 0);
	DEMAND(!close(fd));
	DEMAND(write(told[1], &c, 1) == 1);
	DEMAND(read(go[0], &c, 1) == 1);
	return 0;
}

/* The orphan stays for its dma-buf; what it fell back on goes with the client. */
TEST_F(races, fallback_of_an_orphan)
{
	int told[2], go[2], node = open_public_node();
	struct memmgr_heap_query q;
	pid_t child;
	char c = 0;

	REQUIRE_DMABUF;
	ASSERT_LE(0, node);
	ASSERT_EQ(0, pipe(told));
	ASSERT_EQ(0, pipe(go));
	child = start_child();
	if (!child)
		_exit(leaves_orphan(node, told, go));
	ASSERT_EQ(1, read(told[0], &c, 1));
	EXPECT_EQ(0, mm_heap_named(self->fd, "t-orphan", &q));
	EXPECT_EQ(-ENOENT, mm_heap_named(self->fd, "t-other", &q));
	ASSERT_EQ(1, write(go[1], &c, 1));
	EXPECT_EQ(0, child_result(child));
	close(node);
	/* The end of the test sees to it that both have gone. */
}

MEMMGR_TEST_MAIN
