// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * LIST: each allocation once, however many fit into one call, and whatever else changes
 * meanwhile.
 *
 * Rule: <linux/memmgr.h>, struct memmgr_list.
 */
#include "lib/memmgr_test.h"

MEMMGR_FIXTURE(list)

static struct memmgr_list list_request(__u32 heap, __u32 flags, void *entries,
				       __u32 count)
{
	return (struct memmgr_list){
		.size = sizeof(struct memmgr_list), .heap = heap, .flags = flags,
		.count = count, .entry_size = sizeof(struct memmgr_info),
		.entries = (uintptr_t)entries,
	};
}

static int list(int fd, struct memmgr_list *l)
{
	return mm_call(fd, MEMMGR_IOC_LIST, l);
}

/* How often a handle appears in a list that is read in steps of @step. */
static int count_in_list(int fd, __u32 heap, __u32 flags, __u64 handle, __u32 step)
{
	struct memmgr_info entries[64];
	struct memmgr_list l = list_request(heap, flags, entries, step);
	int found = 0;
	__u32 i;

	do {
		l.count = step;
		if (list(fd, &l) || l.count > step)
			return -1;
		for (i = 0; i < l.count; i++)
			found += entries[i].handle == handle;
	} while (l.cursor);
	return found;
}

TEST_F(list, entries_equal_the_query)
{
	struct memmgr_info entry, info;
	struct memmgr_alloc a;
	struct memmgr_list l;
	__u32 heap;

	heap = must_kind(_metadata, self->fd, MEMMGR_KIND_BUDDY);
	a = alloc_request(heap, 777);
	strcpy(a.tag, "listed");
	ASSERT_EQ(0, mm_alloc(self->fd, &a));
	memset(&entry, 0xee, sizeof(entry));
	l = list_request(heap, 0, &entry, 1);
	ASSERT_EQ(0, list(self->fd, &l));
	ASSERT_EQ(1, l.count);
	ASSERT_EQ(0, mm_info(self->fd, a.handle, &info));
	EXPECT_EQ(0, memcmp(&entry, &info, sizeof(info)));
	EXPECT_EQ(sizeof(info), entry.size);
}

TEST_F(list, every_step_width)
{
	static const __u32 steps[] = { 1, 2, 7, 20, 21, 64 };
	__u64 handles[20];
	__u32 heap, i, j;

	heap = must_kind(_metadata, self->fd, MEMMGR_KIND_BUDDY);
	for (i = 0; i < 20; i++)
		handles[i] = must_alloc(_metadata, self->fd, heap, 1).handle;
	for (i = 0; i < ARRAY_SIZE(steps); i++)
		for (j = 0; j < 20; j++)
			EXPECT_EQ(1, count_in_list(self->fd, heap, 0, handles[j],
						   steps[i]));
}

TEST_F(list, all_heaps)
{
	__u32 kind, heaps[MEMMGR_KINDS + 1] = { MEMMGR_HEAP_MAIN }, i;
	__u64 handles[MEMMGR_KINDS + 1];

	for (kind = 0, i = 1; kind < MEMMGR_KINDS; kind++)
		if (kind_is_built(self->fd, kind))
			heaps[i++] = must_kind(_metadata, self->fd, kind);
	while (i--) {
		handles[i] = must_alloc(_metadata, self->fd, heaps[i], 60).handle;
		EXPECT_EQ(1, count_in_list(self->fd, MEMMGR_HEAP_ANY, 0, handles[i], 3));
		EXPECT_EQ(1, count_in_list(self->fd, heaps[i], 0, handles[i], 3));
		EXPECT_EQ(1, count_in_list(self->fd, MEMMGR_HEAP_ANY,
					   MEMMGR_LIST_MINE, handles[i], 1));
		EXPECT_EQ(0, count_in_list(self->fd, heaps[i] ? 0 : heaps[1], 0,
					   handles[i], 3));
	}
}

TEST_F(list, others_are_shown_without_their_handle)
{
	struct memmgr_info entries[64];
	struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, 123);
	struct memmgr_list l;
	int other = open_device(O_RDWR), found = 0;
	__u32 i;

	ASSERT_LE(0, other);
	strcpy(a.tag, "someone else's");
	ASSERT_EQ(0, mm_alloc(other, &a));
	l = list_request(MEMMGR_HEAP_MAIN, 0, entries, 64);
	ASSERT_EQ(0, list(self->fd, &l));
	for (i = 0; i < l.count; i++) {
		if (strcmp(entries[i].tag, a.tag))
			continue;
		found++;
		EXPECT_EQ(NO_HANDLE, entries[i].handle);
		EXPECT_EQ(NO_OFFSET, entries[i].map_offset);
		EXPECT_EQ(0, entries[i].state & MEMMGR_INFO_MINE);
		EXPECT_EQ(123, entries[i].bytes);
	}
	EXPECT_EQ(1, found);
	l = list_request(MEMMGR_HEAP_MAIN, MEMMGR_LIST_MINE, entries, 64);
	ASSERT_EQ(0, list(self->fd, &l));
	EXPECT_EQ(0, l.count);
	EXPECT_EQ(0, l.cursor);
	close(other);
}

TEST_F(list, empty_heap)
{
	struct memmgr_info entry;
	struct memmgr_list l;

	l = list_request(must_kind(_metadata, self->fd, MEMMGR_KIND_BUDDY), 0, &entry, 1);
	EXPECT_EQ(0, list(self->fd, &l));
	EXPECT_EQ(0, l.count);
	EXPECT_EQ(0, l.cursor);
}

struct churn {
	int fd;
	__u32 heap;
	bool stop;
};

/* Allocates and frees so that records come and go around the living ones. */
static void *churn(void *argument)
{
	struct churn *c = argument;
	__u64 handles[16];
	int i, n;

	while (!__atomic_load_n(&c->stop, __ATOMIC_RELAXED)) {
		for (n = 0; n < 16; n++) {
			struct memmgr_alloc a = alloc_request(c->heap, 32 + n * 40);

			if (mm_alloc(c->fd, &a))
				break;
			handles[n] = a.handle;
		}
		for (i = 0; i < n; i++)
			mm_free(c->fd, handles[i]);
	}
	return NULL;
}

TEST_F(list, what_lives_all_the_time_appears_once)
{
	struct memmgr_heap_create config = heap_config(MEMMGR_KIND_BUDDY, "t-churn");
	struct churn c = { .fd = self->fd };
	static __u64 keep[200];
	static int seen[200];
	struct memmgr_info entries[32];
	struct memmgr_list l;
	pthread_t thread;
	__u32 i, j, round, flags;

	ASSERT_EQ(0, mm_heap_create(self->fd, &config));
	c.heap = config.heap;
	for (i = 0; i < 200; i++)
		keep[i] = must_alloc(_metadata, self->fd, c.heap, 40).handle;
	ASSERT_EQ(0, pthread_create(&thread, NULL, churn, &c));
	for (round = 0; round < 20; round++) {
		flags = round % 2 ? MEMMGR_LIST_MINE : 0;
		l = list_request(round % 4 < 2 ? c.heap : MEMMGR_HEAP_ANY, flags,
				 entries, 0);
		memset(seen, 0, sizeof(seen));
		do {
			l.count = 1 + round;
			ASSERT_EQ(0, list(self->fd, &l));
			for (i = 0; i < l.count; i++)
				for (j = 0; j < 200; j++)
					seen[j] += entries[i].handle == keep[j];
		} while (l.cursor);
		for (j = 0; j < 200; j++)
			EXPECT_EQ(1, seen[j]);
	}
	__atomic_store_n(&c.stop, true, __ATOMIC_RELAXED);
	ASSERT_EQ(0, pthread_join(thread, NULL));
}

/* A program of tomorrow brings larger entries, one of today gets its own. */
TEST_F(list, larger_entries)
{
	struct {
		struct memmgr_info info;
		__u64 future[2];
	} entries[3];
	struct memmgr_list l;
	__u64 handles[3];
	__u32 heap, i;

	heap = must_kind(_metadata, self->fd, MEMMGR_KIND_BUDDY);
	for (i = 0; i < 3; i++)
		handles[i] = must_alloc(_metadata, self->fd, heap, 1).handle;
	memset(entries, 0xee, sizeof(entries));
	l = list_request(heap, 0, entries, 3);
	l.entry_size = sizeof(entries[0]);
	ASSERT_EQ(0, list(self->fd, &l));
	ASSERT_EQ(3, l.count);
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(sizeof(struct memmgr_info), entries[i].info.size);
		EXPECT_EQ(1, entries[i].info.bytes);
		EXPECT_EQ(0, entries[i].future[0]);
		EXPECT_EQ(0, entries[i].future[1]);
		EXPECT_NE(0, entries[i].info.handle);
		EXPECT_EQ(0, mm_free(self->fd, handles[i]));
	}
}

TEST_F(list, bad_requests)
{
	struct memmgr_info entries[4];
	struct memmgr_list l;

	must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 1);
	l = list_request(MEMMGR_HEAP_MAIN, 0, entries, 0);
	EXPECT_EQ(-EINVAL, list(self->fd, &l));
	l = list_request(MEMMGR_HEAP_MAIN, 0, entries, MEMMGR_BATCH_MAX + 1);
	EXPECT_EQ(-EINVAL, list(self->fd, &l));
	l = list_request(MEMMGR_HEAP_MAIN, 4, entries, 4);
	EXPECT_EQ(-EINVAL, list(self->fd, &l));
	l = list_request(MEMMGR_HEAP_MAIN, 0, entries, 4);
	l.reserved = 1;
	EXPECT_EQ(-EINVAL, list(self->fd, &l));
	l = list_request(MEMMGR_HEAP_MAIN, 0, entries, 4);
	l.entry_size = 0;
	EXPECT_EQ(-EINVAL, list(self->fd, &l));
	l.entry_size = offsetof(struct memmgr_info, client) - 8;
	EXPECT_EQ(-EINVAL, list(self->fd, &l));
	l = list_request(MEMMGR_MAX_HEAPS, 0, entries, 4);
	EXPECT_EQ(-ENOENT, list(self->fd, &l));
	l = list_request(MEMMGR_HEAP_MAIN, 0, NULL, 4);
	EXPECT_EQ(-EFAULT, list(self->fd, &l));
	l = list_request(MEMMGR_HEAP_MAIN, 0, page_before_hole() + self->page - 8, 4);
	EXPECT_EQ(-EFAULT, list(self->fd, &l));
}

TEST_F(list, cursors_that_were_never_given)
{
	static const __u64 cursors[] = {
		1, 0xffff, 1ull << 32, ~0ull, 1ull << 63, ~0ull >> 1,
	};
	struct memmgr_info entries[4];
	struct memmgr_list l;
	unsigned int i;
	int result;

	must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 1);
	for (i = 0; i < ARRAY_SIZE(cursors); i++) {
		l = list_request(MEMMGR_HEAP_ANY, 0, entries, 4);
		l.cursor = cursors[i];
		result = list(self->fd, &l);
		EXPECT_TRUE(result == 0 || result == -EINVAL);
		EXPECT_GE(4, l.count);
	}
}

MEMMGR_TEST_MAIN
