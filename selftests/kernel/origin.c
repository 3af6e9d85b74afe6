// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Maker and tag: each allocation keeps its own, whatever others came, went and reused. Many
 * allocations have few of them, so memmgr keeps each once; here are more than it can find
 * again, and one each.
 *
 * Rule: <linux/memmgr.h>, struct memmgr_info.
 */
#include <sys/prctl.h>

#include "lib/memmgr_test.h"

MEMMGR_FIXTURE(origin)

#define THREADS	4
#define SLOTS	200	/* of a thread; with THREADS a few times what main begins with */
#define UNIQUE	0	/* number of tags: each allocation has its own */

/* An allocation and what has to be told of it. Without a handle there is none. */
struct made {
	__u64 handle;
	__u32 pid;
	__u32 tid;
	char comm[MEMMGR_COMM_LEN];
	char tag[MEMMGR_TAG_LEN];
};

struct worker {
	int fd;
	__u32 heap;
	__u64 bytes;
	__u32 number;
	__u32 tags;
	__u32 slots;
	__u32 turns;
	const char *wrong;
	struct made made[SLOTS];
	pthread_t thread;
};

/* Most tags differ in the last bytes only. */
static void set_tag(char *tag, __u32 n)
{
	if (n)
		snprintf(tag, MEMMGR_TAG_LEN, "camera-frame-buffer-number-%04u", n % 10000);
	else
		tag[0] = 0;
}

static int make(int fd, __u32 heap, __u64 bytes, __u32 flags, __u32 tag, struct made *made)
{
	struct memmgr_alloc a = alloc_request(heap, bytes);
	int err;

	memset(made, 0, sizeof(*made));
	a.flags = flags;
	set_tag(a.tag, tag);
	err = mm_alloc(fd, &a);
	if (err)
		return err;
	memcpy(made->tag, a.tag, sizeof(made->tag));
	made->pid = getpid();
	made->tid = syscall(SYS_gettid);
	prctl(PR_GET_NAME, made->comm);
	made->handle = a.handle;
	return 0;
}

static bool told(const struct memmgr_info *info, const struct made *made)
{
	if (info->handle == made->handle && info->pid == made->pid && info->tid == made->tid &&
	    info->uid == geteuid() && !memcmp(info->comm, made->comm, sizeof(info->comm)) &&
	    !memcmp(info->tag, made->tag, sizeof(info->tag)))
		return true;
	fprintf(stderr, "# '%s' of %s, %u/%u is shown as '%s' of %s, %u/%u\n", made->tag,
		made->comm, made->pid, made->tid, info->tag, info->comm, info->pid, info->tid);
	return false;
}

static bool query_tells(int fd, const struct made *made)
{
	struct memmgr_info info;

	return !mm_info(fd, made->handle, &info) && told(&info, made);
}

/* Number of @made that LIST tells as they are, each once; -1 if it tells one wrongly. */
static int list_tells(int fd, __u32 heap, const struct made *made, __u32 count)
{
	struct memmgr_info entries[64];
	struct memmgr_list l = {
		.size = sizeof(l), .heap = heap, .entry_size = sizeof(entries[0]),
		.entries = (uintptr_t)entries,
	};
	int found = 0;
	__u32 i, j;

	do {
		l.count = ARRAY_SIZE(entries);
		if (mm_call(fd, MEMMGR_IOC_LIST, &l))
			return -1;
		for (i = 0; i < l.count; i++) {
			for (j = 0; j < count; j++)
				if (made[j].handle && made[j].handle == entries[i].handle)
					break;
			if (j < count && !told(&entries[i], &made[j]))
				return -1;
			found += j < count;
		}
	} while (l.cursor);
	return found;
}

/* Makes and frees in random order, and queries before each free. */
static void *work(void *argument)
{
	struct worker *w = argument;
	__u32 seed = test_seed() * (2 * w->number + 3);
	char name[MEMMGR_COMM_LEN];
	__u32 turn, tag;

	snprintf(name, sizeof(name), "tagger-%u", w->number);
	prctl(PR_SET_NAME, name);
	for (turn = 0; turn < w->turns && !w->wrong; turn++) {
		struct made *made = &w->made[test_random(&seed) % w->slots];

		tag = w->tags ? test_random(&seed) % w->tags : w->number * 2500 + turn % 2500;
		if (!made->handle) {
			if (make(w->fd, w->heap, w->bytes, 0, tag, made))
				w->wrong = "make";
		} else if (!query_tells(w->fd, made)) {
			w->wrong = "query";
		} else if (mm_free(w->fd, made->handle)) {
			w->wrong = "free";
		} else {
			made->handle = 0;
		}
	}
	return NULL;
}

/* @slots: of each thread */
static void threads_and_tags(struct __test_metadata *_metadata, int fd, __u32 heap, __u64 bytes,
			     __u32 slots, __u32 tags)
{
	static struct worker w[THREADS];
	int live, i;
	__u32 j;

	memset(w, 0, sizeof(w));
	for (i = 0; i < THREADS; i++) {
		w[i] = (struct worker){
			.fd = fd, .heap = heap, .bytes = bytes, .number = i, .tags = tags,
			.slots = slots, .turns = slots * (is_debug_kernel() ? 4 : race_rounds(12)),
		};
		ASSERT_EQ(0, pthread_create(&w[i].thread, NULL, work, &w[i]));
	}
	for (i = 0; i < THREADS; i++)
		ASSERT_EQ(0, pthread_join(w[i].thread, NULL));
	EXPECT_EQ(0, mm_check(fd, heap));
	for (i = 0; i < THREADS; i++) {
		EXPECT_EQ(NULL, w[i].wrong)
			TH_LOG("thread %d, %u tags: %s", i, tags, w[i].wrong);
		for (j = 0, live = 0; j < slots; j++) {
			if (!w[i].made[j].handle)
				continue;
			live++;
			EXPECT_TRUE(query_tells(fd, &w[i].made[j]));
		}
		EXPECT_EQ(live, list_tells(fd, heap, w[i].made, slots));
		for (j = 0; j < slots; j++)
			if (w[i].made[j].handle)
				EXPECT_EQ(0, mm_free(fd, w[i].made[j].handle));
	}
	EXPECT_EQ(0, mm_check(fd, heap));
}

static const __u32 tag_counts[] = { 1, 3, 40, UNIQUE };

static __u64 kernel_bytes(struct __test_metadata *_metadata, int fd)
{
	struct memmgr_heap_query q;

	ASSERT_EQ(0, mm_heap_query(fd, MEMMGR_HEAP_MAIN, &q));
	return q.kernel_bytes;
}

/* Allocate and free @count times; how many bytes of the system main has taken for it. */
static __u64 growth(struct __test_metadata *_metadata, int fd, __u32 count, bool unique)
{
	static struct made made[1000];
	__u64 before = kernel_bytes(_metadata, fd);
	__u32 i;

	for (i = 0; i < count; i++)
		ASSERT_EQ(0, make(fd, MEMMGR_HEAP_MAIN, 1, 0, unique ? i + 1 : 1, &made[i]));
	EXPECT_EQ(count, list_tells(fd, MEMMGR_HEAP_MAIN, made, count));
	for (i = 0; i < count; i++)
		EXPECT_EQ(0, mm_free(fd, made[i].handle));
	return kernel_bytes(_metadata, fd) - before;
}

TEST_F(origin, one_is_kept_once)
{
	__u64 same;

	if (!getenv("MEMMGR_FRESH"))
		SKIP(return, "not just loaded: set MEMMGR_FRESH=1 if it is");
	same = growth(_metadata, self->fd, 1000, false);
	EXPECT_LE(1000 * 100, same);
	/* The records are there now; each origin has 60 bytes and a count. */
	EXPECT_LE(900 * 64, growth(_metadata, self->fd, 1000, true));
	EXPECT_EQ(0, growth(_metadata, self->fd, 1000, true));
}

TEST_F(origin, threads_and_tags_in_main)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(tag_counts); i++)
		threads_and_tags(_metadata, self->fd, MEMMGR_HEAP_MAIN, 1, SLOTS, tag_counts[i]);
}

TEST_F(origin, threads_and_tags_in_private_heaps)
{
	static const __u32 kinds[] = { MEMMGR_KIND_BUDDY, MEMMGR_KIND_SLAB, MEMMGR_KIND_POOL };
	__u32 heap, k, i;

	for (k = 0; k < ARRAY_SIZE(kinds); k++) {
		if (!kind_is_built(self->fd, kinds[k]))
			continue;
		heap = must_kind(_metadata, self->fd, kinds[k]);
		for (i = 0; i < ARRAY_SIZE(tag_counts); i++)
			threads_and_tags(_metadata, self->fd, heap, 60, 64 / THREADS,
					 tag_counts[i]);
	}
}

/* A heap that makes all of them at once has as many as allocations, and loses none. */
TEST_F(origin, each_allocation_may_have_its_own)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_BUDDY, "t-origins");
	static struct made made[77 + 1];
	__u32 heap, round, i;

	c.max_allocations = 77;
	heap = must_heap(_metadata, self->fd, c);
	for (round = 0; round < 3; round++) {
		for (i = 0; i < 77; i++)
			ASSERT_EQ(0, make(self->fd, heap, 32, 0, 100 * round + i, &made[i]));
		EXPECT_EQ(-ENOSPC, make(self->fd, heap, 32, 0, 1, &made[77]));
		EXPECT_EQ(77, list_tells(self->fd, heap, made, 77));
		EXPECT_EQ(0, mm_check(self->fd, heap));
		for (i = 0; i < 77; i++)
			EXPECT_EQ(0, mm_free(self->fd, made[(i * 31) % 77].handle));
		threads_and_tags(_metadata, self->fd, heap, 32, 77 / THREADS, UNIQUE);
	}
}

/* The same tags of two programs; one has ended, but its allocations stay. */
TEST_F(origin, of_a_program_that_ended)
{
	static struct made mine[50], *theirs;
	pid_t child;
	__u32 i;

	theirs = mmap(NULL, 50 * sizeof(*theirs), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, theirs);
	child = start_child();
	if (!child) {
		int fd = open_device(O_RDWR), err = fd < 0;

		for (i = 0; i < 50; i++)
			err |= make(fd, MEMMGR_HEAP_MAIN, 1, MEMMGR_ALLOC_PERSISTENT, i / 2,
				    &theirs[i]);
		_exit(!!err);
	}
	for (i = 0; i < 50; i++)
		ASSERT_EQ(0, make(self->fd, MEMMGR_HEAP_MAIN, 1, 0, i / 2, &mine[i]));
	ASSERT_EQ(0, child_result(child));
	EXPECT_EQ(child, (pid_t)theirs[0].pid);
	EXPECT_EQ(50, list_tells(self->fd, MEMMGR_HEAP_MAIN, mine, 50));
	EXPECT_EQ(50, list_tells(self->fd, MEMMGR_HEAP_MAIN, theirs, 50));
	for (i = 0; i < 50; i++)
		EXPECT_EQ(0, mm_free(self->fd, theirs[i].handle));
	EXPECT_EQ(50, list_tells(self->fd, MEMMGR_HEAP_MAIN, mine, 50));
	for (i = 0; i < 50; i++)
		EXPECT_EQ(0, mm_free(self->fd, mine[i].handle));
}

MEMMGR_TEST_MAIN
