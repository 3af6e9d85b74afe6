// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Batches: as many allocations as possible, in order, and none half done.
 *
 * Rule: <linux/memmgr.h>, struct memmgr_alloc_batch and struct memmgr_free_batch.
 */
#include "lib/holding.h"
#include "lib/memmgr_test.h"

MEMMGR_FIXTURE(batch)
MEMMGR_KIND_FIXTURE(batch_kind);

static struct memmgr_alloc_batch batch_request(__u32 heap, __u32 count,
					       __u64 bytes, void *handles)
{
	return (struct memmgr_alloc_batch){
		.size = sizeof(struct memmgr_alloc_batch), .heap = heap,
		.count = count, .bytes = bytes, .handles = (uintptr_t)handles,
	};
}

static int alloc_batch(int fd, struct memmgr_alloc_batch *b)
{
	return mm_call(fd, MEMMGR_IOC_ALLOC_BATCH, b);
}

static int free_batch(int fd, __u64 *handles, __u32 count, __u32 *freed)
{
	struct memmgr_free_batch f = {
		.size = sizeof(f), .count = count, .handles = (uintptr_t)handles,
	};
	int result = mm_call(fd, MEMMGR_IOC_FREE_BATCH, &f);

	*freed = f.count;
	return result;
}

TEST_F(batch_kind, makes_and_frees_all)
{
	struct memmgr_alloc_batch b;
	struct memmgr_stats s;
	__u64 handles[48], backwards[48];
	__u32 heap, freed;
	int i;

	if (!kind_is_built(self->fd, variant->kind))
		SKIP(return, "%s is not in this build", kind_names[variant->kind]);
	heap = must_kind(_metadata, self->fd, variant->kind);
	b = batch_request(heap, 48, 100, handles);
	strcpy(b.tag, "together");
	ASSERT_EQ(0, alloc_batch(self->fd, &b));
	EXPECT_EQ(48, b.count);
	EXPECT_EQ(MEMMGR_REASON_NONE, b.reason);
	s = must_stats(_metadata, self->fd, heap);
	EXPECT_EQ(48, s.live);
	EXPECT_EQ(48 * 100, s.requested);
	EXPECT_EQ(48, s.allocs);
	for (i = 0; i < 48; i++) {
		struct memmgr_info info;

		ASSERT_EQ(0, mm_info(self->fd, handles[i], &info));
		EXPECT_EQ(100, info.bytes);
		EXPECT_STREQ("together", info.tag);
		backwards[47 - i] = handles[i];
	}
	EXPECT_EQ(0, free_batch(self->fd, backwards, 48, &freed));
	EXPECT_EQ(48, freed);
	EXPECT_EQ(0, must_stats(_metadata, self->fd, heap).live);
	EXPECT_EQ(0, mm_check(self->fd, heap));
}

TEST_F(batch_kind, memory_reads_as_zeros)
{
	struct memmgr_alloc_batch b;
	unsigned char data[100];
	__u64 handles[16];
	__u32 heap, freed;
	int round, i;

	if (!kind_is_built(self->fd, variant->kind))
		SKIP(return, "%s is not in this build", kind_names[variant->kind]);
	heap = must_kind(_metadata, self->fd, variant->kind);
	for (round = 0; round < 2; round++) {
		b = batch_request(heap, 16, 100, handles);
		ASSERT_EQ(0, alloc_batch(self->fd, &b));
		for (i = 0; i < 16; i++) {
			ASSERT_EQ(0, mm_read(self->fd, handles[i], 0, data, 100));
			EXPECT_TRUE(is_zero(data, 100));
			memset(data, 0xff, 100);
			ASSERT_EQ(0, mm_write(self->fd, handles[i], 0, data, 100));
		}
		for (i = 15; i >= 0; i--)
			ASSERT_EQ(0, free_batch(self->fd, &handles[i], 1, &freed));
	}
}

TEST_F(batch, as_many_as_can_be_made)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_BUDDY, "t-few");
	struct memmgr_alloc_batch b;
	__u64 handles[20];
	__u32 freed;
	int i;

	c.bytes = 10 * self->page;
	c.granule = self->page;
	ASSERT_EQ(0, mm_heap_create(self->fd, &c));
	memset(handles, 0x77, sizeof(handles));
	b = batch_request(c.heap, 20, 1, handles);
	EXPECT_EQ(0, alloc_batch(self->fd, &b));
	EXPECT_EQ(10, b.count);
	EXPECT_EQ(MEMMGR_REASON_EXHAUSTED, b.reason);
	EXPECT_EQ(0, b.largest);
	for (i = 10; i < 20; i++)
		EXPECT_EQ(0x7777777777777777ull, handles[i]);
	b = batch_request(c.heap, 20, 1, handles + 10);
	EXPECT_EQ(-ENOMEM, alloc_batch(self->fd, &b));
	EXPECT_EQ(0, b.count);
	EXPECT_EQ(MEMMGR_REASON_EXHAUSTED, b.reason);
	EXPECT_EQ(0, free_batch(self->fd, handles, 10, &freed));
}

TEST_F(batch, stops_at_the_record_limit)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_BUDDY, "t-records");
	struct memmgr_alloc_batch b;
	__u64 handles[8];

	c.max_allocations = 5;
	ASSERT_EQ(0, mm_heap_create(self->fd, &c));
	b = batch_request(c.heap, 8, 1, handles);
	EXPECT_EQ(0, alloc_batch(self->fd, &b));
	EXPECT_EQ(5, b.count);
	EXPECT_EQ(MEMMGR_REASON_RECORDS, b.reason);
	b = batch_request(c.heap, 8, 1, handles);
	EXPECT_EQ(-ENOSPC, alloc_batch(self->fd, &b));
}

TEST_F(batch, free_stops_at_the_first_that_it_may_not)
{
	int other = open_device(O_RDWR);
	__u64 handles[5];
	__u32 freed;
	int i;

	ASSERT_LE(0, other);
	for (i = 0; i < 5; i++)
		handles[i] = must_alloc(_metadata, i == 2 ? other : self->fd,
					MEMMGR_HEAP_MAIN, 1).handle;
	EXPECT_EQ(-EACCES, free_batch(self->fd, handles, 5, &freed));
	EXPECT_EQ(2, freed);
	EXPECT_EQ(-EBADF, free_batch(self->fd, handles, 5, &freed));
	EXPECT_EQ(0, freed);
	EXPECT_EQ(0, free_batch(self->fd, handles + 3, 2, &freed));
	EXPECT_EQ(2, freed);
	EXPECT_EQ(0, mm_free(other, handles[2]));
	close(other);
}

TEST_F(batch, the_same_handle_twice)
{
	__u64 handle = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 1).handle;
	__u64 twice[2] = { handle, handle };
	__u32 freed;

	EXPECT_EQ(-EBADF, free_batch(self->fd, twice, 2, &freed));
	EXPECT_EQ(1, freed);
}

/* What they were charged comes back, and their handles are never good again. */
TEST_F(batch, gives_back_charges_and_handles)
{
	struct memmgr_account before = own_account(self->fd), after;
	__u64 old[8], now[8];
	__u32 freed, count = ARRAY_SIZE(old), i;

	ASSERT_EQ(0, mm_alloc_batch(self->fd, MEMMGR_HEAP_MAIN, 0, 1, old, &count));
	EXPECT_EQ(before.bytes + 8 * self->page, own_account(self->fd).bytes);
	EXPECT_EQ(0, free_batch(self->fd, old, 8, &freed));
	after = own_account(self->fd);
	EXPECT_EQ(before.bytes, after.bytes);
	EXPECT_EQ(before.allocations, after.allocations);
	EXPECT_EQ(before.records, after.records);
	ASSERT_EQ(0, mm_alloc_batch(self->fd, MEMMGR_HEAP_MAIN, 0, 1, now, &count));
	for (i = 0; i < 8; i++)
		EXPECT_EQ(-EBADF, mm_free(self->fd, old[i]));
	EXPECT_EQ(0, free_batch(self->fd, now, 8, &freed));
}

/* A mapping of one ends with it, and so does a pin. */
TEST_F(batch, frees_what_is_mapped_or_pinned)
{
	struct memmgr_alloc a[3];
	__u64 handles[3];
	unsigned char *p;
	__u32 freed;
	int i;

	for (i = 0; i < 3; i++) {
		a[i] = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, self->page);
		handles[i] = a[i].handle;
	}
	p = must_map(_metadata, self->fd, a[1].map_offset, self->page);
	EXPECT_EQ(0, touch(p, true));
	ASSERT_EQ(0, mm_pin(self->fd, handles[2], 0));
	EXPECT_EQ(1, own_account(self->fd).pins);
	EXPECT_EQ(0, free_batch(self->fd, handles, 3, &freed));
	EXPECT_EQ(3, freed);
	EXPECT_EQ(SIGBUS, touch(p, false));
	EXPECT_EQ(0, own_account(self->fd).pins);
	munmap(p, self->page);
}

TEST_F(batch, largest_batch)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_BUDDY, "t-many");
	static __u64 handles[MEMMGR_BATCH_MAX + 1];
	struct memmgr_alloc_batch b;
	__u32 freed;

	c.max_allocations = MEMMGR_BATCH_MAX;
	ASSERT_EQ(0, mm_heap_create(self->fd, &c));
	b = batch_request(c.heap, MEMMGR_BATCH_MAX, 32, handles);
	EXPECT_EQ(0, alloc_batch(self->fd, &b));
	EXPECT_EQ(MEMMGR_BATCH_MAX, b.count);
	EXPECT_EQ(-EINVAL, free_batch(self->fd, handles, MEMMGR_BATCH_MAX + 1, &freed));
	EXPECT_EQ(MEMMGR_BATCH_MAX, must_stats(_metadata, self->fd, c.heap).live);
	EXPECT_EQ(0, free_batch(self->fd, handles, MEMMGR_BATCH_MAX, &freed));
	EXPECT_EQ(MEMMGR_BATCH_MAX, freed);
}

TEST_F(batch, bad_requests)
{
	struct memmgr_alloc_batch b;
	struct snapshot after;
	__u64 handles[4] = { 0 };
	__u32 freed;

	b = batch_request(MEMMGR_HEAP_MAIN, 0, 1, handles);
	EXPECT_EQ(-EINVAL, alloc_batch(self->fd, &b));
	b = batch_request(MEMMGR_HEAP_MAIN, MEMMGR_BATCH_MAX + 1, 1, handles);
	EXPECT_EQ(-EINVAL, alloc_batch(self->fd, &b));
	b = batch_request(MEMMGR_HEAP_MAIN, ~0u, 1, handles);
	EXPECT_EQ(-EINVAL, alloc_batch(self->fd, &b));
	b = batch_request(MEMMGR_HEAP_MAIN, 4, 0, handles);
	EXPECT_EQ(-EINVAL, alloc_batch(self->fd, &b));
	b = batch_request(MEMMGR_HEAP_MAIN, 4, 1, handles);
	b.align = 24;
	EXPECT_EQ(-EINVAL, alloc_batch(self->fd, &b));
	b = batch_request(MEMMGR_HEAP_MAIN, 4, 1, handles);
	b.flags = MEMMGR_ALLOC_WAIT;
	EXPECT_EQ(-EINVAL, alloc_batch(self->fd, &b));
	b = batch_request(MEMMGR_HEAP_MAIN, 4, 1, handles);
	memset(b.tag, 'x', sizeof(b.tag));
	EXPECT_EQ(-EINVAL, alloc_batch(self->fd, &b));
	b = batch_request(MEMMGR_HEAP_MAIN, 4, ~0ull, handles);
	EXPECT_EQ(-ENOMEM, alloc_batch(self->fd, &b));
	EXPECT_EQ(MEMMGR_REASON_TOO_LARGE, b.reason);
	EXPECT_EQ(-EINVAL, free_batch(self->fd, handles, 0, &freed));
	EXPECT_EQ(-EBADF, free_batch(self->fd, handles, 4, &freed));
	EXPECT_EQ(0, freed);
	ASSERT_EQ(0, snapshot_take(self->fd, &after));
	EXPECT_TRUE(snapshot_same_state(&self->before, &after));
}

static int batch_of_small_ones(int fd, __u32 heap, __u32 flags)
{
	struct memmgr_alloc_batch b;
	__u64 handles[20];
	__u32 freed;
	int err;

	b = batch_request(heap, ARRAY_SIZE(handles), 32, handles);
	b.flags = flags;
	err = alloc_batch(fd, &b);
	return err ? err : free_batch(fd, handles, b.count, &freed);
}

static int batch_of_user(int fd, int node, __u64 heap)
{
	if (batch_of_small_ones(fd, heap, 0) ||
	    batch_of_small_ones(fd, heap, MEMMGR_ALLOC_PERSISTENT))
		return 1;
	return batch_of_small_ones(fd, heap, MEMMGR_ALLOC_NO_ZERO) == -EPERM ? 0 : 2;
}

static int batch_is_denied(int fd, int node, __u64 heap)
{
	return batch_of_small_ones(fd, heap, 0) == -EACCES ? 0 : 1;
}

/* Small ones are made some at a time, and need the rights of a single one. */
TEST_F(batch, needs_the_rights_of_one)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_BUDDY, "t-rights");

	EXPECT_EQ(-EINVAL, batch_of_small_ones(self->fd, must_heap(_metadata, self->fd, c),
					       MEMMGR_ALLOC_PERSISTENT));
	snprintf(c.name, sizeof(c.name), "t-public");
	c.flags = MEMMGR_HEAP_MODE;
	c.mode = 0666;
	ASSERT_EQ(0, mm_heap_create(self->fd, &c));
	EXPECT_EQ(0, as_user(NOBODY, batch_of_user, c.heap));
	EXPECT_EQ(0, batch_of_small_ones(self->fd, c.heap, MEMMGR_ALLOC_NO_ZERO));
	EXPECT_EQ(0, mm_heap_destroy(self->fd, c.heap, 0));
	c.mode = 0600;
	ASSERT_EQ(0, mm_heap_create(self->fd, &c));
	EXPECT_EQ(0, as_user(NOBODY, batch_is_denied, c.heap));
	EXPECT_EQ(0, mm_heap_destroy(self->fd, c.heap, 0));
}

/* What the caller cannot be told about must not stay allocated. */
TEST_F(batch, handles_that_cannot_be_written_are_freed_again)
{
	__u64 *edge = (__u64 *)(page_before_hole() + self->page - 4 * sizeof(__u64));
	struct memmgr_alloc_batch b;
	struct snapshot after;
	__u32 heap, i;

	b = batch_request(MEMMGR_HEAP_MAIN, 16, 1, NULL);
	EXPECT_EQ(-EFAULT, alloc_batch(self->fd, &b));
	b = batch_request(MEMMGR_HEAP_MAIN, 16, 1, (void *)(uintptr_t)-4096);
	EXPECT_EQ(-EFAULT, alloc_batch(self->fd, &b));
	b = batch_request(MEMMGR_HEAP_MAIN, 16, 1, NULL);
	b.handles = 1ull << 63;
	EXPECT_EQ(-EFAULT, alloc_batch(self->fd, &b));
	ASSERT_EQ(0, snapshot_take(self->fd, &after));
	EXPECT_TRUE(snapshot_same_state(&self->before, &after));

	heap = must_kind(_metadata, self->fd, MEMMGR_KIND_BUDDY);
	b = batch_request(heap, 16, 1, edge);
	EXPECT_EQ(-EFAULT, alloc_batch(self->fd, &b));
	ASSERT_GE(4, b.count);
	EXPECT_EQ(b.count, must_stats(_metadata, self->fd, heap).live);
	for (i = 0; i < b.count; i++)
		EXPECT_EQ(0, mm_free(self->fd, edge[i]));
}

TEST_F(batch, handles_that_cannot_be_read)
{
	__u64 *edge = (__u64 *)(page_before_hole() + self->page - 2 * sizeof(__u64));
	struct memmgr_stats s;
	__u32 freed;

	EXPECT_EQ(-EFAULT, free_batch(self->fd, NULL, 4, &freed));
	edge[0] = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 1).handle;
	edge[1] = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 1).handle;
	s = must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN);
	EXPECT_EQ(-EFAULT, free_batch(self->fd, edge, 4, &freed));
	ASSERT_GE(2, freed);
	EXPECT_EQ(s.live - freed,
		  must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN).live);
}

/* Who is killed in the midst of a batch makes no more of it. */
TEST_F(batch, ended_by_a_fatal_signal)
{
	__u64 handles[64];
	struct memmgr_alloc_batch b;
	__u32 heap;
	pid_t child;

	REQUIRE_HOLD;
	heap = must_kind(_metadata, self->fd, MEMMGR_KIND_BUDDY);
	b = batch_request(heap, ARRAY_SIZE(handles), 64, handles);
	ASSERT_EQ(0, hold_write(self->fd, "batched"));
	child = fork();
	ASSERT_LE(0, child);
	if (!child)
		_exit(alloc_batch(self->fd, &b) ? 1 : 0);
	EXPECT_TRUE(hold_reached(child, self->fd, "batched"));
	EXPECT_EQ(0, kill(child, SIGKILL));
	ASSERT_EQ(child, waitpid(child, NULL, 0));
	EXPECT_EQ(0, hold_write(self->fd, "none"));
	EXPECT_EQ(1, must_stats(_metadata, self->fd, heap).allocs);
}

struct racer {
	int fd;
	struct memmgr_alloc_batch *b;
	int result;
	bool done;
};

static void *allocate_aside(void *argument)
{
	struct racer *racer = argument;

	racer->result = alloc_batch(racer->fd, racer->b);
	__atomic_store_n(&racer->done, true, __ATOMIC_RELEASE);
	return NULL;
}

/*
 * Another thread takes the structure away, so that the batch is unmade, and puts other
 * handles into the array: those are not what is unmade.
 */
TEST_F(batch, unmade_whatever_the_array_says)
{
	unsigned char *page = page_before_hole();
	struct racer racer = { .fd = self->fd, .b = (void *)(page + self->page - 256) };
	__u64 handles[4], others[4];
	struct snapshot before, after;
	__u32 heap, i, count = 4;
	pthread_t thread;

	REQUIRE_HOLD;
	heap = must_kind(_metadata, self->fd, MEMMGR_KIND_BUDDY);
	ASSERT_EQ(0, mm_alloc_batch(self->fd, heap, 0, 64, others, &count));
	ASSERT_EQ(4, count);
	ASSERT_EQ(0, snapshot_take(self->fd, &before));
	*racer.b = batch_request(heap, 4, 64, handles);
	ASSERT_EQ(0, hold_write(self->fd, "made"));
	ASSERT_EQ(0, pthread_create(&thread, NULL, allocate_aside, &racer));
	while (!hold_waits(self->fd, "made") && !__atomic_load_n(&racer.done, __ATOMIC_ACQUIRE))
		usleep(1000);
	memcpy(handles, others, sizeof(handles));
	ASSERT_EQ(0, mprotect(page, self->page, PROT_READ));
	EXPECT_EQ(0, hold_write(self->fd, "none"));
	pthread_join(thread, NULL);
	EXPECT_EQ(-EFAULT, racer.result);
	ASSERT_EQ(0, snapshot_take(self->fd, &after));
	EXPECT_TRUE(snapshot_same_state(&before, &after));
	for (i = 0; i < 4; i++)
		EXPECT_EQ(0, mm_free(self->fd, others[i]));
}

MEMMGR_TEST_MAIN
