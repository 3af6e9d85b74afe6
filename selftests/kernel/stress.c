// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Random operations from several threads on all kinds of heaps, and random
 * structures to every call. The seed is printed; STRESS_SEED repeats a run,
 * STRESS_OPS makes it longer. The number of operations ends the test, never the time.
 *
 * Rule: <linux/memmgr.h>, the opening comment.
 */
#include "lib/memmgr_test.h"

MEMMGR_FIXTURE(stress)

#define THREADS		4
#define SLOTS		40

static __u64 from_environment(const char *name, __u64 otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

static __u32 seed_of_this_run(void)
{
	static __u32 seed;

	if (!seed) {
		seed = (__u32)from_environment("STRESS_SEED", now_ns(CLOCK_REALTIME)) | 1;
		fprintf(stderr, "# STRESS_SEED=%u\n", seed);
	}
	return seed;
}

/* xorshift: small, and the same everywhere */
static __u32 next_random(__u32 *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

struct slot {
	__u64 handle;
	__u32 bytes;
	__u32 stamp;
};

struct worker {
	int fd;
	int node;
	__u32 heap;
	__u32 kind;
	__u32 largest;
	__u32 random;
	__u32 operations;
	__u32 used;
	const char *failed;
	int result;
	struct slot slots[SLOTS];
};

/* First and last bytes of a block tell which one it is. */
static int stamp(struct worker *w, struct slot *s)
{
	__u32 bytes = s->bytes < 4 ? s->bytes : 4;
	int result = mm_write(w->fd, s->handle, 0, &s->stamp, bytes);

	if (!result)
		result = mm_write(w->fd, s->handle, s->bytes - bytes, &s->stamp, bytes);
	return result;
}

static bool stamped(struct worker *w, struct slot *s)
{
	__u32 bytes = s->bytes < 4 ? s->bytes : 4, first = 0, last = 0;

	if (mm_read(w->fd, s->handle, 0, &first, bytes) ||
	    mm_read(w->fd, s->handle, s->bytes - bytes, &last, bytes))
		return false;
	/* in a block of 5 to 7 bytes the last stamp covers a part of the first */
	return !memcmp(&last, &s->stamp, bytes) &&
	       (s->bytes < 8 || !memcmp(&first, &s->stamp, bytes));
}

static bool fail(struct worker *w, const char *what, int result)
{
	w->failed = what;
	w->result = result;
	return false;
}

static bool work_alloc(struct worker *w)
{
	struct slot *s = &w->slots[w->used];
	struct memmgr_alloc a;
	int result;

	if (w->used == SLOTS)
		return true;
	s->bytes = 1 + next_random(&w->random) % w->largest;
	s->stamp = next_random(&w->random);
	a = alloc_request(w->heap, s->bytes);
	if (w->kind == MEMMGR_KIND_BUDDY || w->kind == MEMMGR_KIND_TLSF)
		a.align = 1u << next_random(&w->random) % 13;
	result = mm_alloc(w->fd, &a);
	if (result == -ENOMEM || result == -ENOSPC)
		return a.reason ? true : fail(w, "reason", 0);
	if (result)
		return fail(w, "alloc", result);
	s->handle = a.handle;
	w->used++;
	result = stamp(w, s);
	return result ? fail(w, "stamp", result) : true;
}

static bool work_free(struct worker *w)
{
	__u32 i;
	int result;

	if (!w->used)
		return true;
	i = w->kind == MEMMGR_KIND_STACK ? w->used - 1 :
	    next_random(&w->random) % w->used;
	if (!stamped(w, &w->slots[i]))
		return fail(w, "contents", 0);
	result = mm_free(w->fd, w->slots[i].handle);
	w->slots[i] = w->slots[--w->used];
	return result ? fail(w, "free", result) : true;
}

static bool work_resize(struct worker *w)
{
	struct memmgr_resize r;
	struct slot *s;
	__u32 bytes;
	int result;

	if (!w->used)
		return true;
	s = &w->slots[w->kind == MEMMGR_KIND_STACK ? w->used - 1 :
		      next_random(&w->random) % w->used];
	bytes = 1 + next_random(&w->random) % w->largest;
	if (!stamped(w, s))
		return fail(w, "contents", 0);
	result = mm_resize(w->fd, s->handle, bytes, &r);
	if (result == -ENOMEM)
		return r.reason ? true : fail(w, "reason", 0);
	if (result)
		return fail(w, "resize", result);
	s->bytes = bytes;
	result = stamp(w, s);
	return result ? fail(w, "stamp", result) : true;
}

static bool work_wrong(struct worker *w)
{
	int result = mm_free(w->fd, (__u64)next_random(&w->random) << 32 |
			     next_random(&w->random));

	return result == -EBADF || result == -EACCES ? true :
	       fail(w, "wrong free", result);
}

static void *work(void *argument)
{
	struct worker *w = argument;
	bool good = true;
	__u32 i;

	for (i = 0; good && i < w->operations; i++) {
		__u32 dice = next_random(&w->random) % 100;

		if (dice < 45)
			good = work_alloc(w);
		else if (dice < 85)
			good = work_free(w);
		else if (dice < 95)
			good = work_resize(w);
		else if (dice < 98)
			good = work_wrong(w);
		else if (mm_check(w->fd, w->heap))
			good = fail(w, "check", -EUCLEAN);
	}
	while (good && w->used)
		good = work_free(w);
	return NULL;
}

static void run_workers(struct __test_metadata *_metadata, struct worker *w, int count)
{
	pthread_t threads[2 * THREADS];
	int i;

	for (i = 0; i < count; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, work, &w[i]));
	for (i = 0; i < count; i++) {
		ASSERT_EQ(0, pthread_join(threads[i], NULL));
		EXPECT_TRUE(!w[i].failed)
			TH_LOG("%s: %s (%d)", kind_names[w[i].kind],
			       w[i].failed, w[i].result);
	}
}

/* One thread on each kind of heap, and as many on main, through one file. */
TEST_F(stress, all_kinds_at_once)
{
	static const __u32 largest[MEMMGR_KINDS] = { 9000, 192, 256, 1500, 9000 };
	static struct worker w[2 * THREADS];
	__u32 random = seed_of_this_run();
	__u32 operations = from_environment("STRESS_OPS", 1500);
	int i;

	for (i = 0; i < 2 * THREADS; i++) {
		__u32 kind = i < THREADS ? i : MEMMGR_KIND_BUDDY;

		if (!kind_is_built(self->fd, kind))
			kind = MEMMGR_KIND_BUDDY;
		w[i] = (struct worker){
			.fd = self->fd, .kind = kind, .largest = largest[kind],
			.operations = operations, .random = next_random(&random),
			.heap = i < THREADS ? must_kind(_metadata, self->fd, i) :
				MEMMGR_HEAP_MAIN,
		};
		if (i >= THREADS)
			w[i].largest = 40 * self->page;
	}
	run_workers(_metadata, w, 2 * THREADS);
	for (i = 0; i < THREADS; i++) {
		struct memmgr_stats s = must_stats(_metadata, self->fd, w[i].heap);

		EXPECT_EQ(0, s.live);
		EXPECT_EQ(0, s.used);
		EXPECT_EQ(0, s.requested);
		EXPECT_EQ(s.allocs, s.frees);
		EXPECT_EQ(0, mm_check(self->fd, w[i].heap));
	}
}

/* Several clients on one shared heap of each kind that has no order. */
TEST_F(stress, many_clients_on_shared_heaps)
{
	static const __u32 kinds[] = {
		MEMMGR_KIND_BUDDY, MEMMGR_KIND_SLAB, MEMMGR_KIND_POOL, MEMMGR_KIND_TLSF,
	};
	static struct worker w[THREADS];
	__u32 random = seed_of_this_run();
	unsigned int k;
	int i;

	for (k = 0; k < ARRAY_SIZE(kinds); k++) {
		struct memmgr_heap_create c = heap_config(kinds[k], "t-stress");

		if (!kind_is_built(self->fd, kinds[k]))
			continue;
		c.flags = 0;
		ASSERT_EQ(0, mm_heap_create(self->fd, &c));
		for (i = 0; i < THREADS; i++) {
			w[i] = (struct worker){
				.fd = open_device(O_RDWR), .heap = c.heap,
				.kind = kinds[k], .largest = 192,
				.operations = from_environment("STRESS_OPS", 1500) / 2,
				.random = next_random(&random),
			};
			ASSERT_LE(0, w[i].fd);
		}
		run_workers(_metadata, w, THREADS);
		for (i = 0; i < THREADS; i++)
			close(w[i].fd);
		EXPECT_EQ(0, must_stats(_metadata, self->fd, c.heap).live);
		EXPECT_EQ(0, must_stats(_metadata, self->fd, c.heap).used);
		EXPECT_EQ(0, mm_check(self->fd, c.heap));
		EXPECT_EQ(0, mm_heap_destroy(self->fd, c.heap, 0));
	}
}

/* ---- clients and heaps that come and go --------------------------------------- */

static void *come_and_go(void *argument)
{
	struct worker *w = argument;
	__u32 i, kind;
	int fd;

	for (i = 0; i < w->operations; i++) {
		struct memmgr_heap_create c;
		char name[MEMMGR_NAME_LEN];

		fd = open_device(O_RDWR);
		kind = next_random(&w->random) % MEMMGR_KINDS;
		snprintf(name, sizeof(name), "s-%p-%u", (void *)w, i);
		c = heap_config(kind, name);
		if (!mm_heap_create(fd, &c)) {
			struct memmgr_alloc a = alloc_request(c.heap, 64);

			if (mm_alloc(fd, &a))
				fail(w, "alloc", 0);
			if (next_random(&w->random) % 2 &&
			    mm_heap_destroy(fd, c.heap, MEMMGR_DESTROY_FORCE))
				fail(w, "destroy", 0);
		}
		close(fd);
	}
	return NULL;
}

TEST_F(stress, heaps_come_and_go)
{
	static struct worker w[THREADS];
	pthread_t threads[THREADS];
	__u32 random = seed_of_this_run();
	struct snapshot seen;
	int i;

	for (i = 0; i < THREADS; i++) {
		w[i] = (struct worker){
			.operations = from_environment("STRESS_OPS", 1500) / 25,
			.random = next_random(&random),
		};
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, come_and_go, &w[i]));
	}
	for (i = 0; i < 50; i++)
		snapshot_take(self->fd, &seen);
	for (i = 0; i < THREADS; i++) {
		ASSERT_EQ(0, pthread_join(threads[i], NULL));
		EXPECT_TRUE(!w[i].failed)
			TH_LOG("%s (%d)", w[i].failed, w[i].result);
	}
}

/* ---- random structures ---------------------------------------------------------- */

static const struct {
	unsigned long command;
	__u32 size;
} commands[] = {
	{ MEMMGR_IOC_QUERY, sizeof(struct memmgr_query) },
	{ MEMMGR_IOC_HEAP_CREATE, sizeof(struct memmgr_heap_create) },
	{ MEMMGR_IOC_HEAP_DESTROY, sizeof(struct memmgr_heap_destroy) },
	{ MEMMGR_IOC_HEAP_QUERY, sizeof(struct memmgr_heap_query) },
	{ MEMMGR_IOC_ALLOC, sizeof(struct memmgr_alloc) },
	{ MEMMGR_IOC_FREE, sizeof(struct memmgr_free) },
	{ MEMMGR_IOC_RESIZE, sizeof(struct memmgr_resize) },
	{ MEMMGR_IOC_ALLOC_BATCH, sizeof(struct memmgr_alloc_batch) },
	{ MEMMGR_IOC_FREE_BATCH, sizeof(struct memmgr_free_batch) },
	{ MEMMGR_IOC_MARK, sizeof(struct memmgr_mark) },
	{ MEMMGR_IOC_RELEASE, sizeof(struct memmgr_mark) },
	{ MEMMGR_IOC_READ, sizeof(struct memmgr_copy) },
	{ MEMMGR_IOC_WRITE, sizeof(struct memmgr_copy) },
	{ MEMMGR_IOC_ALLOC_QUERY, sizeof(struct memmgr_info) },
	{ MEMMGR_IOC_LIST, sizeof(struct memmgr_list) },
	{ MEMMGR_IOC_STATS, sizeof(struct memmgr_stats) },
	{ MEMMGR_IOC_FRAG, sizeof(struct memmgr_frag) },
	{ MEMMGR_IOC_CHECK, sizeof(struct memmgr_check) },
	{ MEMMGR_IOC_MAP, sizeof(struct memmgr_map) },
	{ MEMMGR_IOC_FAILURES, sizeof(struct memmgr_failures) },
};

/* Mostly numbers that mean something somewhere. */
static __u32 odd_number(__u32 *random, unsigned char *buffer)
{
	static const __u32 numbers[] = {
		0, 0, 0, 1, 2, 3, 4, 8, 32, 63, 64, 100, 4095, 4096, 4097, 65536,
		0x100000, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffff000,
	};
	__u32 dice = next_random(random) % 32;

	if (dice < ARRAY_SIZE(numbers))
		return numbers[dice];
	return dice < 28 ? (__u32)(uintptr_t)buffer : next_random(random);
}

static void random_structure(__u32 *random, __u32 *words, __u32 size,
			     unsigned char *buffer)
{
	__u32 i;

	words[0] = size;
	for (i = 1; i < size / 4; i++)
		words[i] = next_random(random) % 3 ? 0 : odd_number(random, buffer);
}

/* Nothing that waits for ever, outlives the test or harms what is not the test's. */
static void tame(int fd, __u32 *random, unsigned int which, __u32 *words)
{
	struct memmgr_heap_destroy *d = (struct memmgr_heap_destroy *)words;
	struct memmgr_heap_create *c = (struct memmgr_heap_create *)words;
	struct memmgr_alloc *a = (struct memmgr_alloc *)words;
	struct memmgr_heap_query q;

	if (commands[which].command == MEMMGR_IOC_ALLOC ||
	    commands[which].command == MEMMGR_IOC_ALLOC_BATCH)
		a->flags &= ~(MEMMGR_ALLOC_WAIT | MEMMGR_ALLOC_PERSISTENT);
	if (commands[which].command == MEMMGR_IOC_HEAP_CREATE) {
		c->flags |= MEMMGR_HEAP_PRIVATE;
		snprintf(c->name, sizeof(c->name), "r-%u", next_random(random) % 40);
	}
	if (commands[which].command == MEMMGR_IOC_HEAP_DESTROY &&
	    !mm_heap_query(fd, d->heap, &q) && !(q.heap_flags & MEMMGR_HEAP_PRIVATE))
		d->heap = MEMMGR_HEAP_ANY;
}

TEST_F(stress, random_structures)
{
	static __u32 words[256];
	static unsigned char buffer[1 << 20];
	__u32 random = seed_of_this_run(), i, granted = 0;
	__u32 count = from_environment("STRESS_OPS", 1500) * 8;
	int fd = open_device(O_RDWR);

	ASSERT_LE(0, fd);
	for (i = 0; i < count; i++) {
		unsigned int which = next_random(&random) % ARRAY_SIZE(commands);
		int result;

		random_structure(&random, words, commands[which].size, buffer);
		tame(fd, &random, which, words);
		result = mm_call(fd, commands[which].command, words);
		EXPECT_TRUE(result <= 0 && result > -200);
		EXPECT_NE(-EUCLEAN, result);
		granted += !result;
		if (i % 1000 == 0)
			EXPECT_EQ(0, mm_check(fd, MEMMGR_HEAP_MAIN));
	}
	EXPECT_LT(count / 100, granted);
	close(fd);
}

MEMMGR_TEST_MAIN
