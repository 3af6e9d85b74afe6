// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Attacks. The victim is root, with memory of each sort; the attacker is a user
 * without capabilities who has the device open. An attack is held when it got
 * the error or signal of the contract, the victim's bytes and records are what
 * they were, and the books of all heaps too.
 */
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "lib/memmgr_test.h"

#define VACUOUS		4	/* exit code of an attack that cannot be tried here */
#define STRANGER	65533	/* one more user without any capability */
#define VICTIM_PAGES	4
#define QUOTA_PAGES	16

MEMMGR_FIXTURE(victim)

struct target {
	int node;
	int victim;
	size_t page;
	struct memmgr_alloc a;		/* in main */
	struct memmgr_alloc persistent;
	struct memmgr_heap_create arena;	/* private */
	struct memmgr_alloc block;	/* in it */
	struct memmgr_heap_create shared;
	struct memmgr_alloc common;	/* in it */
	struct memmgr_info info;	/* of @a */
	int buffer;			/* @a as a read-only dma-buf, when handed over */
};

/* Ends the attacker's process when a defence did not hold, and says which. */
static void holds(const char *who, int line, const char *what, bool ok)
{
	if (ok)
		return;
	fprintf(stderr, "# %s:%d: %s (errno %d)\n", who, line, what, errno);
	_exit(1);
}

#define HOLDS(condition) holds(__func__, __LINE__, #condition, condition)

/* Ends the attacker's process: nothing can be attacked here. */
static void vacuous(const char *why)
{
	fprintf(stderr, "# not tried: %s\n", why);
	_exit(VACUOUS);
}

static void become(uid_t uid)
{
	HOLDS(!setresgid(uid, uid, uid));
	HOLDS(!setresuid(uid, uid, uid));
	/* a change of user forbids /proc/self/mem to its own process otherwise */
	HOLDS(!prctl(PR_SET_DUMPABLE, 1));
}

static int attacker_open(const struct target *t, int mode)
{
	int fd = open_again(t->node, mode);

	HOLDS(fd >= 0);
	return fd;
}

static struct memmgr_alloc attacker_alloc(int fd, size_t bytes)
{
	struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, bytes);

	HOLDS(!mm_alloc(fd, &a));
	return a;
}

static unsigned char *attacker_map(int fd, __u64 offset, size_t bytes, int prot)
{
	unsigned char *p = mmap(NULL, bytes, prot, MAP_SHARED, fd, (off_t)offset);

	HOLDS(p != MAP_FAILED);
	return p;
}

/* 0 when it can be mapped so (it is unmapped again), else the errno. */
static int map_error(int fd, __u64 offset, size_t bytes, int prot, int flags)
{
	void *p = mmap(NULL, bytes, prot, flags, fd, (off_t)offset);

	if (p == MAP_FAILED)
		return errno;
	munmap(p, bytes);
	return 0;
}

static bool has_dmabuf(int fd)
{
	struct memmgr_query q;

	return !mm_query(fd, &q) && (q.features & MEMMGR_FEATURE_DMABUF);
}

static void fill_allocation(struct __test_metadata *_metadata, int fd,
			    const struct memmgr_alloc *a, __u32 seed)
{
	unsigned char *data = malloc(a->bytes);

	ASSERT_TRUE(!!data);
	fill_pattern(data, a->bytes, seed);
	ASSERT_EQ(0, mm_write(fd, a->handle, 0, data, a->bytes));
	free(data);
}

static void expect_allocation(struct __test_metadata *_metadata, int fd,
			      const struct memmgr_alloc *a, __u32 seed)
{
	unsigned char *data = malloc(a->bytes);

	ASSERT_TRUE(!!data);
	ASSERT_EQ(0, mm_read(fd, a->handle, 0, data, a->bytes));
	EXPECT_TRUE(is_pattern(data, a->bytes, seed));
	free(data);
}

static void expect_zeros(struct __test_metadata *_metadata, int fd,
			 const struct memmgr_alloc *a)
{
	unsigned char *data = malloc(a->bytes);

	ASSERT_TRUE(!!data);
	ASSERT_EQ(0, mm_read(fd, a->handle, 0, data, a->bytes));
	EXPECT_TRUE(is_zero(data, a->bytes));
	free(data);
}

static void set_up_target(struct __test_metadata *_metadata, struct target *t, int fd)
{
	*t = (struct target){ .victim = fd, .page = page_size() };
	ASSERT_EQ(0, quiet_health(fd));
	t->node = open_public_node();
	ASSERT_LE(0, t->node);
	t->a = must_alloc(_metadata, fd, MEMMGR_HEAP_MAIN, VICTIM_PAGES * t->page);
	t->persistent = alloc_request(MEMMGR_HEAP_MAIN, VICTIM_PAGES * t->page);
	t->persistent.flags = MEMMGR_ALLOC_PERSISTENT;
	ASSERT_EQ(0, mm_alloc(fd, &t->persistent));
	t->arena = heap_config(MEMMGR_KIND_BUDDY, "v-private");
	ASSERT_EQ(0, mm_heap_create(fd, &t->arena));
	t->block = must_alloc(_metadata, fd, t->arena.heap, 100);
	t->shared = heap_config(MEMMGR_KIND_BUDDY, "v-shared");
	t->shared.flags = 0;
	ASSERT_EQ(0, mm_heap_create(fd, &t->shared));
	t->common = must_alloc(_metadata, fd, t->shared.heap, 100);
	fill_allocation(_metadata, fd, &t->a, 1);
	fill_allocation(_metadata, fd, &t->persistent, 2);
	fill_allocation(_metadata, fd, &t->block, 3);
	fill_allocation(_metadata, fd, &t->common, 4);
	ASSERT_EQ(0, mm_info(fd, t->a.handle, &t->info));
}

static void expect_unharmed(struct __test_metadata *_metadata, struct target *t)
{
	struct memmgr_info i;

	expect_allocation(_metadata, t->victim, &t->a, 1);
	expect_allocation(_metadata, t->victim, &t->persistent, 2);
	expect_allocation(_metadata, t->victim, &t->block, 3);
	expect_allocation(_metadata, t->victim, &t->common, 4);
	ASSERT_EQ(0, mm_info(t->victim, t->a.handle, &i));
	EXPECT_EQ(0, memcmp(&i, &t->info, sizeof(i)))
		TH_LOG("state %x, access %x, exports %u, pins %u, violations %llu", i.state,
		       i.access, i.exports, i.pins, (unsigned long long)i.violations);
}

static void tear_down_target(struct __test_metadata *_metadata, struct target *t)
{
	EXPECT_EQ(0, mm_free(t->victim, t->persistent.handle));
	EXPECT_EQ(0, mm_free(t->victim, t->common.handle));
	EXPECT_EQ(0, mm_heap_destroy(t->victim, t->shared.heap, 0));
	close(t->node);
}

static void hand_over(struct __test_metadata *_metadata, struct target *t)
{
	t->buffer = mm_export(t->victim, t->a.handle, MEMMGR_EXPORT_READ_ONLY);
	ASSERT_LE(0, t->buffer);
	/* that it was mapped once is told to the victim */
	EXPECT_EQ(0, map_error(t->buffer, 0, t->page, PROT_READ, MAP_SHARED));
	ASSERT_EQ(0, mm_info(t->victim, t->a.handle, &t->info));
}

/* Runs the attack as another user, and looks what became of the victim. */
static void suffer(struct __test_metadata *_metadata, int fd, bool buffer,
		   void (*attack)(const struct target *t))
{
	static struct snapshot before;
	struct target t;
	pid_t child;
	int result;

	if (buffer && !has_dmabuf(fd))
		SKIP(return, "a build without dma-bufs");
	set_up_target(_metadata, &t, fd);
	if (buffer)
		hand_over(_metadata, &t);
	ASSERT_EQ(0, snapshot_take(fd, &before));
	child = fork();
	if (!child) {
		close(fd);
		become(NOBODY);
		attack(&t);
		_exit(0);
	}
	result = child_result(child);
	if (result != VACUOUS)
		EXPECT_EQ(0, result);
	EXPECT_TRUE(state_returns(fd, &before));
	expect_unharmed(_metadata, &t);
	if (buffer)
		close(t.buffer);
	tear_down_target(_metadata, &t);
	/* SKIP() forgets what failed */
	if (result == VACUOUS && _metadata->passed)
		SKIP(return, "cannot be tried here");
}

#define ATTACK(name)							\
	TEST_F(victim, adversary_##name)				\
	{								\
		suffer(_metadata, self->fd, false, name);		\
	}

/* The same, where the victim gave the attacker a read-only dma-buf. */
#define ATTACK_BUFFER(name)						\
	TEST_F(victim, adversary_##name)				\
	{								\
		suffer(_metadata, self->fd, true, name);		\
	}

/* The same, where the attacker's user may have QUOTA_PAGES. */
#define ATTACK_QUOTA(name)						\
	TEST_F(victim, adversary_##name)				\
	{								\
		ASSERT_EQ(0, mm_set_quota(self->fd, MEMMGR_QUOTA_USER, NOBODY, \
					  QUOTA_PAGES * self->page, 0)); \
		suffer(_metadata, self->fd, false, name);		\
		EXPECT_EQ(0, mm_set_quota(self->fd,			\
					  MEMMGR_QUOTA_USER | MEMMGR_QUOTA_DEFAULT, \
					  NOBODY, 0, 0));		\
	}

/* ---- handles --------------------------------------------------------------- */

/* What each call that takes a handle says to one. */
enum { CALL_FREE, CALL_BATCH, CALL_RESIZE, CALL_READ, CALL_WRITE, CALL_QUERY,
	CALL_PROTECT, CALL_SYNC, CALL_EXPORT, CALLS };

static int call_with(int fd, int call, __u64 handle)
{
	struct memmgr_free_batch batch = {
		.size = sizeof(batch), .count = 1, .handles = (uintptr_t)&handle,
	};
	struct memmgr_resize r;
	struct memmgr_info i;
	char byte = 0x7f;

	switch (call) {
	case CALL_FREE:
		return mm_free(fd, handle);
	case CALL_BATCH:
		return mm_call(fd, MEMMGR_IOC_FREE_BATCH, &batch);
	case CALL_RESIZE:
		return mm_resize(fd, handle, 1, &r);
	case CALL_READ:
		return mm_read(fd, handle, 0, &byte, 1);
	case CALL_WRITE:
		return mm_write(fd, handle, 0, &byte, 1);
	case CALL_QUERY:
		return mm_info(fd, handle, &i);
	case CALL_PROTECT:
		return mm_protect(fd, handle, MEMMGR_ACCESS_NONE, MEMMGR_PROTECT_SEAL);
	case CALL_SYNC:
		return mm_sync(fd, handle, 0, 1, MEMMGR_SYNC_FOR_CPU);
	default:
		return mm_export(fd, handle, MEMMGR_EXPORT_CLOEXEC);
	}
}

static void try_handle(int fd, int call, __u64 handle, int error)
{
	int result;

	if (call == CALL_EXPORT && !has_dmabuf(fd))
		return;
	result = call_with(fd, call, handle);
	if (result != -error)
		fprintf(stderr, "# call %d, handle %#llx: %d\n", call,
			(unsigned long long)handle, result);
	HOLDS(result == -error);
}

static void try_all_calls(int fd, __u64 handle, int error)
{
	int call;

	for (call = 0; call < CALLS; call++)
		try_handle(fd, call, handle, error);
}

/* One test for each call, with all that belongs to the victim. */
static void try_foreign(const struct target *t, int call)
{
	int fd = attacker_open(t, O_RDWR);

	try_handle(fd, call, t->a.handle, EACCES);
	try_handle(fd, call, t->persistent.handle, EACCES);
	try_handle(fd, call, t->block.handle, EACCES);
	try_handle(fd, call, t->common.handle, EACCES);
}

static void foreign_free(const struct target *t)
{
	try_foreign(t, CALL_FREE);
}

ATTACK(foreign_free)

static void foreign_free_batch(const struct target *t)
{
	try_foreign(t, CALL_BATCH);
}

ATTACK(foreign_free_batch)

static void foreign_resize(const struct target *t)
{
	try_foreign(t, CALL_RESIZE);
}

ATTACK(foreign_resize)

static void foreign_read(const struct target *t)
{
	try_foreign(t, CALL_READ);
}

ATTACK(foreign_read)

static void foreign_write(const struct target *t)
{
	try_foreign(t, CALL_WRITE);
}

ATTACK(foreign_write)

static void foreign_query(const struct target *t)
{
	try_foreign(t, CALL_QUERY);
}

ATTACK(foreign_query)

static void foreign_protect(const struct target *t)
{
	try_foreign(t, CALL_PROTECT);
}

ATTACK(foreign_protect)

static void foreign_sync(const struct target *t)
{
	try_foreign(t, CALL_SYNC);
}

ATTACK(foreign_sync)

static void foreign_export(const struct target *t)
{
	if (!has_dmabuf(attacker_open(t, O_RDWR)))
		vacuous("a build without dma-bufs");
	try_foreign(t, CALL_EXPORT);
}

ATTACK(foreign_export)

/* Another client of the same user is a stranger too, but for what persists. */
TEST_F(victim, adversary_other_client_of_the_user)
{
	int other = open_device(O_RDWR), call;
	struct target t;

	ASSERT_LE(0, other);
	set_up_target(_metadata, &t, self->fd);
	for (call = 0; call < CALLS; call++) {
		if (call == CALL_EXPORT && !has_dmabuf(other))
			continue;
		EXPECT_EQ(-EACCES, call_with(other, call, t.a.handle))
			TH_LOG("call %d", call);
		EXPECT_EQ(-EACCES, call_with(other, call, t.block.handle))
			TH_LOG("call %d", call);
	}
	close(other);
	expect_unharmed(_metadata, &t);
	tear_down_target(_metadata, &t);
}

static void forged_generation(const struct target *t)
{
	int fd = attacker_open(t, O_RDWR), bit;

	for (bit = 32; bit < 64; bit++)
		try_all_calls(fd, t->a.handle ^ 1ull << bit, EBADF);
}

ATTACK(forged_generation)

static void forged_numbers(const struct target *t)
{
	static const __u64 handles[] = {
		NO_HANDLE, ~0ull, 1, 1ull << 31, 1ull << 32, 1ull << 63,
		0xffffffffull, 0xffffffff00000000ull, 0xdeadbeefcafef00dull,
	};
	int fd = attacker_open(t, O_RDWR), call;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(handles); i++)
		for (call = 0; call < CALLS; call++) {
			int result = call_with(fd, call, handles[i]);

			/* the first of a table may be a real one of the victim's */
			HOLDS(result == -EBADF || result == -EACCES ||
			      (call == CALL_EXPORT && result == -EOPNOTSUPP));
		}
}

ATTACK(forged_numbers)

/* The right one among them is found out, and of no use. */
static void guessed_generations(const struct target *t)
{
	__u64 first = (t->a.handle & ~0ull << 32) - (2048ull << 32);
	int fd = attacker_open(t, O_RDWR);
	__u64 i, guess;

	for (i = 0; i < 4096; i++) {
		guess = first + (i << 32) + (__u32)t->a.handle;
		HOLDS(mm_free(fd, guess) == (guess == t->a.handle ? -EACCES : -EBADF));
	}
}

ATTACK(guessed_generations)

static void handle_moved_to_another_heap(const struct target *t)
{
	int fd = attacker_open(t, O_RDWR), bit;
	struct memmgr_alloc a = attacker_alloc(fd, t->page);
	struct memmgr_info i;

	for (bit = 0; bit < 32; bit++) {
		int result = mm_free(fd, a.handle ^ 1ull << bit);

		HOLDS(result == -EBADF || result == -EACCES);
	}
	HOLDS(!mm_info(fd, a.handle, &i));
}

ATTACK(handle_moved_to_another_heap)

static void stale_handle(const struct target *t)
{
	int fd = attacker_open(t, O_RDWR);
	struct memmgr_alloc a = attacker_alloc(fd, t->page), b;
	struct memmgr_info i;

	HOLDS(!mm_free(fd, a.handle));
	try_all_calls(fd, a.handle, EBADF);
	b = attacker_alloc(fd, t->page);
	HOLDS(b.handle != a.handle);
	try_all_calls(fd, a.handle, EBADF);
	HOLDS(!mm_info(fd, b.handle, &i) && i.bytes == t->page &&
	      i.access == (MEMMGR_ACCESS_READ | MEMMGR_ACCESS_WRITE));
}

ATTACK(stale_handle)

static void double_free(const struct target *t)
{
	int fd = attacker_open(t, O_RDWR);
	struct memmgr_alloc a = attacker_alloc(fd, t->page);
	struct memmgr_alloc b = attacker_alloc(fd, t->page);
	__u64 handles[] = { b.handle, b.handle, t->a.handle };
	struct memmgr_free_batch batch = {
		.size = sizeof(batch), .count = 3, .handles = (uintptr_t)handles,
	};

	HOLDS(!mm_free(fd, a.handle));
	HOLDS(mm_free(fd, a.handle) == -EBADF);
	HOLDS(mm_call(fd, MEMMGR_IOC_FREE_BATCH, &batch) == -EBADF);
	HOLDS(batch.count == 1);
}

ATTACK(double_free)

/* The victim's handle in the middle: what comes behind it stays as well. */
static void batch_with_a_foreign_handle(const struct target *t)
{
	int fd = attacker_open(t, O_RDWR);
	struct memmgr_alloc a = attacker_alloc(fd, t->page);
	struct memmgr_alloc b = attacker_alloc(fd, t->page);
	__u64 handles[] = { a.handle, t->a.handle, b.handle };
	struct memmgr_free_batch batch = {
		.size = sizeof(batch), .count = 3, .handles = (uintptr_t)handles,
	};
	struct memmgr_info i;

	HOLDS(mm_call(fd, MEMMGR_IOC_FREE_BATCH, &batch) == -EACCES);
	HOLDS(batch.count == 1);
	HOLDS(mm_info(fd, a.handle, &i) == -EBADF);
	HOLDS(!mm_info(fd, b.handle, &i));
}

ATTACK(batch_with_a_foreign_handle)

static void listing_for_handles(const struct target *t)
{
	struct memmgr_info entries[64];
	struct memmgr_list l = {
		.size = sizeof(l), .heap = MEMMGR_HEAP_ANY, .count = ARRAY_SIZE(entries),
		.entry_size = sizeof(entries[0]), .entries = (uintptr_t)entries,
	};
	int fd = attacker_open(t, O_RDWR);
	__u32 i, seen = 0;

	HOLDS(!mm_call(fd, MEMMGR_IOC_LIST, &l));
	for (i = 0; i < l.count; i++) {
		HOLDS(!entries[i].handle && !entries[i].phys);
		HOLDS(entries[i].map_offset == NO_OFFSET);
		HOLDS(!(entries[i].state & MEMMGR_INFO_MINE));
		HOLDS(entries[i].heap != t->arena.heap);
		seen += entries[i].offset == t->a.offset;
	}
	HOLDS(seen == 1);
}

ATTACK(listing_for_handles)

/* ---- mappings -------------------------------------------------------------- */

static void try_windows(const struct target *t, __u64 offset)
{
	int fd = attacker_open(t, O_RDWR), reader = attacker_open(t, O_RDONLY);
	size_t page = t->page;

	HOLDS(map_error(fd, offset, page, PROT_READ, MAP_SHARED) == EACCES);
	HOLDS(map_error(fd, offset, page, PROT_READ | PROT_WRITE, MAP_SHARED) == EACCES);
	HOLDS(map_error(fd, offset, page, PROT_NONE, MAP_SHARED) == EACCES);
	HOLDS(map_error(reader, offset, page, PROT_READ, MAP_SHARED) == EACCES);
	HOLDS(map_error(fd, offset, VICTIM_PAGES * page, PROT_READ, MAP_SHARED) == EACCES);
	HOLDS(map_error(fd, offset + page, page, PROT_READ, MAP_SHARED) == EACCES);
	HOLDS(map_error(fd, offset, page, PROT_READ, MAP_PRIVATE) == EINVAL);
}

static void map_foreign(const struct target *t)
{
	try_windows(t, t->a.map_offset);
}

ATTACK(map_foreign)

static void map_foreign_persistent(const struct target *t)
{
	try_windows(t, t->persistent.map_offset);
}

ATTACK(map_foreign_persistent)

static void map_foreign_arena(const struct target *t)
{
	try_windows(t, t->arena.map_offset);
}

ATTACK(map_foreign_arena)

static void map_beyond(const struct target *t)
{
	int fd = attacker_open(t, O_RDWR), prot = PROT_READ | PROT_WRITE;
	struct memmgr_alloc a = attacker_alloc(fd, 2 * t->page);
	size_t page = t->page;

	HOLDS(map_error(fd, a.map_offset, 2 * page, prot, MAP_SHARED) == 0);
	HOLDS(map_error(fd, a.map_offset, 2 * page + 1, prot, MAP_SHARED) == EINVAL);
	HOLDS(map_error(fd, a.map_offset, 3 * page, prot, MAP_SHARED) == EINVAL);
	HOLDS(map_error(fd, a.map_offset + page, 2 * page, prot, MAP_SHARED) == EINVAL);
	HOLDS(map_error(fd, a.map_offset + 2 * page, page, prot, MAP_SHARED) == EINVAL);
	HOLDS(map_error(fd, a.map_offset, 64 * MIB, prot, MAP_SHARED) == EINVAL);
}

ATTACK(map_beyond)

/* The offsets before are the victim's, or nobody's: windows begin where one is. */
static int error_before(const struct target *t, int fd, __u64 offset)
{
	const __u64 begins[] = {
		t->a.map_offset, t->persistent.map_offset, t->arena.map_offset,
	};
	struct memmgr_query q;
	__u64 window = 1;
	unsigned int i;

	HOLDS(!mm_query(fd, &q));
	while (window < q.region_size)
		window *= 2;
	for (i = 0; i < ARRAY_SIZE(begins); i++)
		if (begins[i] < offset && offset - begins[i] <= window)
			return -EACCES;
	return -EINVAL;
}

static void map_before(const struct target *t)
{
	int fd = attacker_open(t, O_RDWR), prot = PROT_READ | PROT_WRITE, error;
	struct memmgr_alloc a = attacker_alloc(fd, 2 * t->page);
	size_t page = t->page;

	error = -error_before(t, fd, a.map_offset);
	HOLDS(map_error(fd, a.map_offset - page, page, prot, MAP_SHARED) == error);
	HOLDS(map_error(fd, a.map_offset - page, 2 * page, prot, MAP_SHARED) == error);
	HOLDS(map_error(fd, a.map_offset - 16 * page, page, prot, MAP_SHARED) == error);
}

ATTACK(map_before)

/* Who stops it first: the C library (offsets of 44 bits), the kernel, or we. */
static int wrapping_error(__u64 offset, size_t bytes)
{
	unsigned long first = offset / page_size(), pages = bytes / page_size();

	if (sizeof(long) == 4 && offset >> 44)
		return -EINVAL;
	if (first + pages < first)
		return -EOVERFLOW;
	return bytes == (size_t)0 - page_size() ? -ENOMEM : -EINVAL;
}

/* Lengths and offsets whose sum leaves the number range. */
static void map_wrapping(const struct target *t)
{
	static const __u64 pages[] = {
		0xffffffffull, 0xfffffffeull, 0xfffff000ull, 0x80000000ull,
		0x7fffffffull, 0x100000ull,
	};
	int fd = attacker_open(t, O_RDWR);
	struct memmgr_alloc a = attacker_alloc(fd, t->page);
	size_t lengths[] = { t->page, 2 * t->page, (size_t)0 - t->page, 0x40000000 };
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(pages); i++)
		for (j = 0; j < ARRAY_SIZE(lengths); j++) {
			__u64 offset = pages[i] * t->page, behind = a.map_offset + offset;

			HOLDS(map_error(fd, offset, lengths[j], PROT_READ, MAP_SHARED) ==
			      -wrapping_error(offset, lengths[j]));
			HOLDS(map_error(fd, behind, lengths[j], PROT_READ, MAP_SHARED) ==
			      -wrapping_error(behind, lengths[j]));
		}
	HOLDS(map_error(fd, a.map_offset, (size_t)0 - t->page, PROT_READ,
			MAP_SHARED) == ENOMEM);
	HOLDS(map_error(fd, a.map_offset, 0, PROT_READ, MAP_SHARED) == EINVAL);
}

ATTACK(map_wrapping)

static void map_private_copy(const struct target *t)
{
	int fd = attacker_open(t, O_RDWR);
	struct memmgr_alloc a = attacker_alloc(fd, t->page);

	HOLDS(map_error(fd, a.map_offset, t->page, PROT_READ, MAP_PRIVATE) == EINVAL);
	HOLDS(map_error(fd, a.map_offset, t->page, PROT_READ | PROT_WRITE,
			MAP_PRIVATE) == EINVAL);
}

ATTACK(map_private_copy)

static void map_executable(const struct target *t)
{
	int fd = attacker_open(t, O_RDWR);
	struct memmgr_alloc a = attacker_alloc(fd, t->page);
	unsigned char *p;

	HOLDS(map_error(fd, a.map_offset, t->page, PROT_READ | PROT_EXEC,
			MAP_SHARED) == EINVAL);
	HOLDS(map_error(fd, a.map_offset, t->page, PROT_EXEC, MAP_SHARED) == EINVAL);
	p = attacker_map(fd, a.map_offset, t->page, PROT_READ | PROT_WRITE);
	HOLDS(mprotect(p, t->page, PROT_READ | PROT_EXEC) == -1 && errno == EACCES);
}

ATTACK(map_executable)

static void mremap_grow(const struct target *t)
{
	int fd = attacker_open(t, O_RDWR);
	struct memmgr_alloc a = attacker_alloc(fd, t->page);
	unsigned char *p = attacker_map(fd, a.map_offset, t->page, PROT_READ | PROT_WRITE);

	HOLDS(mremap(p, t->page, 8 * t->page, MREMAP_MAYMOVE) == MAP_FAILED && errno == EFAULT);
	HOLDS(mremap(p, t->page, 2 * t->page, 0) == MAP_FAILED && errno == EFAULT);
	HOLDS(!touch(p, true));
}

ATTACK(mremap_grow)

/* An old size of 0 asks for one more mapping of the same. */
static void mremap_twin(const struct target *t)
{
	int fd = attacker_open(t, O_RDWR);
	struct memmgr_alloc a = attacker_alloc(fd, t->page);
	unsigned char *p = attacker_map(fd, a.map_offset, t->page, PROT_READ | PROT_WRITE);

	HOLDS(mremap(p, 0, t->page, MREMAP_MAYMOVE) == MAP_FAILED && errno == EFAULT);
	HOLDS(!touch(p, true));
	HOLDS(!mm_free(fd, a.handle));
	HOLDS(touch(p, false) == SIGBUS);
}

ATTACK(mremap_twin)

/* Moved elsewhere: free has to find it there. */
static void mremap_moved(const struct target *t)
{
	int fd = attacker_open(t, O_RDWR);
	struct memmgr_alloc a = attacker_alloc(fd, 2 * t->page);
	unsigned char *p = attacker_map(fd, a.map_offset, 2 * t->page, PROT_READ | PROT_WRITE);
	unsigned char *to = mmap(NULL, 2 * t->page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
				 -1, 0);
	unsigned char *q;

	HOLDS(to != MAP_FAILED && !touch(p, true));
	q = mremap(p, 2 * t->page, 2 * t->page, MREMAP_MAYMOVE | MREMAP_FIXED, to);
	HOLDS(q == to && q[0] == 0x5a);
	HOLDS(!mm_free(fd, a.handle));
	HOLDS(touch(q, false) == SIGBUS && touch(q + t->page, true) == SIGBUS);
}

ATTACK(mremap_moved)

/* Asks for other pages of the file under a mapping that there is. */
static void remap_file_pages_to_the_victim(const struct target *t)
{
	int fd = attacker_open(t, O_RDWR);
	struct memmgr_alloc a = attacker_alloc(fd, t->page);
	unsigned char *p = attacker_map(fd, a.map_offset, t->page, PROT_READ | PROT_WRITE);

	HOLDS(syscall(SYS_remap_file_pages, p, t->page, 0,
		      (unsigned long)(t->a.map_offset / t->page), 0) == -1 &&
	      errno == EACCES);
	/* the kernel unmapped it before it asked, and mapped nothing else */
	HOLDS(touch(p, false) == SIGSEGV);
}

ATTACK(remap_file_pages_to_the_victim)

static void partial_munmap_then_free(const struct target *t)
{
	int fd = attacker_open(t, O_RDWR);
	struct memmgr_alloc a = attacker_alloc(fd, 4 * t->page);
	unsigned char *p = attacker_map(fd, a.map_offset, 4 * t->page, PROT_READ | PROT_WRITE);

	HOLDS(!touch(p, true) && !touch(p + 3 * t->page, true));
	HOLDS(!munmap(p + t->page, t->page));
	HOLDS(!mm_free(fd, a.handle));
	HOLDS(touch(p, true) == SIGBUS && touch(p + 2 * t->page, true) == SIGBUS);
	HOLDS(touch(p + 3 * t->page, false) == SIGBUS);
}

ATTACK(partial_munmap_then_free)

static void child_after_free(const struct target *t)
{
	int fd = attacker_open(t, O_RDWR), go[2], seen[2];
	struct memmgr_alloc a = attacker_alloc(fd, 2 * t->page);
	unsigned char *p = attacker_map(fd, a.map_offset, 2 * t->page, PROT_READ | PROT_WRITE);
	pid_t child;
	char c = 0;

	HOLDS(!pipe(go) && !pipe(seen) && !touch(p, true));
	child = fork();
	if (!child) {
		close(go[1]);
		HOLDS(p[0] == 0x5a && write(seen[1], &c, 1) == 1 && !read(go[0], &c, 1));
		HOLDS(touch(p, false) == SIGBUS && touch(p + t->page, true) == SIGBUS);
		_exit(0);
	}
	HOLDS(read(seen[0], &c, 1) == 1 && !mm_free(fd, a.handle));
	close(go[1]);
	HOLDS(!child_result(child));
}

ATTACK(child_after_free)

/* A reader of its user's persistent memory may not become a writer. */
static void read_only_file_gains_write(const struct target *t)
{
	int fd = attacker_open(t, O_RDWR), reader = attacker_open(t, O_RDONLY);
	struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, t->page);
	unsigned char *p, byte = 1;

	a.flags = MEMMGR_ALLOC_PERSISTENT;
	HOLDS(!mm_alloc(fd, &a));
	HOLDS(map_error(reader, a.map_offset, t->page, PROT_READ | PROT_WRITE,
			MAP_SHARED) == EACCES);
	p = attacker_map(reader, a.map_offset, t->page, PROT_READ);
	HOLDS(mprotect(p, t->page, PROT_READ | PROT_WRITE) == -1 && errno == EACCES);
	HOLDS(touch(p, true) == SIGSEGV);
	HOLDS(mm_write(reader, a.handle, 0, &byte, 1) == -EACCES);
	HOLDS(!mm_read(reader, a.handle, 0, &byte, 1) && !byte);
	HOLDS(!mm_free(fd, a.handle));
}

ATTACK(read_only_file_gains_write)

static void read_only_file_changes_things(const struct target *t)
{
	int fd = attacker_open(t, O_RDWR), reader = attacker_open(t, O_RDONLY), call;
	struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, t->page), b = a;
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_BUDDY, "a-reader");
	__u64 handles[2];
	struct memmgr_alloc_batch batch = {
		.size = sizeof(batch), .count = 2, .bytes = t->page,
		.handles = (uintptr_t)handles,
	};
	struct memmgr_info i;

	a.flags = MEMMGR_ALLOC_PERSISTENT;
	HOLDS(!mm_alloc(fd, &a));
	HOLDS(mm_alloc(reader, &b) == -EACCES);
	HOLDS(mm_call(reader, MEMMGR_IOC_ALLOC_BATCH, &batch) == -EACCES);
	HOLDS(mm_heap_create(reader, &c) == -EACCES);
	for (call = CALL_FREE; call <= CALL_RESIZE; call++)
		HOLDS(call_with(reader, call, a.handle) == -EACCES);
	HOLDS(call_with(reader, CALL_WRITE, a.handle) == -EACCES);
	HOLDS(call_with(reader, CALL_PROTECT, a.handle) == -EACCES);
	HOLDS(!mm_info(fd, a.handle, &i) && i.bytes == t->page);
	HOLDS(i.access == (MEMMGR_ACCESS_READ | MEMMGR_ACCESS_WRITE));
	HOLDS(!mm_free(fd, a.handle));
}

ATTACK(read_only_file_changes_things)

/* ---- what others left ------------------------------------------------------ */

/* The attacker keeps a mapping of what the victim gets next. */
static void await_successor(struct __test_metadata *_metadata, int fd, bool resize)
{
	size_t page = page_size(), bytes = 4 * page;
	int node = open_public_node(), said[2], go[2];
	struct memmgr_alloc a, b;
	pid_t child;

	ASSERT_LE(0, node);
	/* what the attacker has left stays where it is */
	ASSERT_EQ(0, quiet_health(fd));
	ASSERT_EQ(0, pipe(said));
	ASSERT_EQ(0, pipe(go));
	child = fork();
	if (!child) {
		struct target t = { .node = node, .page = page };
		struct memmgr_resize r;
		unsigned char *p;
		int other;
		char c;

		close(fd);
		close(go[1]);
		become(NOBODY);
		other = attacker_open(&t, O_RDWR);
		a = attacker_alloc(other, bytes);
		p = attacker_map(other, a.map_offset, bytes, PROT_READ | PROT_WRITE);
		memset(p, 0xa5, bytes);
		if (resize)
			HOLDS(!mm_resize(other, a.handle, page, &r));
		else
			HOLDS(!mm_free(other, a.handle));
		HOLDS(write(said[1], &a, sizeof(a)) == sizeof(a));
		HOLDS(!read(go[0], &c, 1));
		HOLDS(touch(p + page, false) == SIGBUS && touch(p + page, true) == SIGBUS);
		HOLDS(touch(p + 3 * page, false) == SIGBUS);
		HOLDS(touch(p, false) == (resize ? 0 : SIGBUS));
		_exit(0);
	}
	close(said[1]);
	ASSERT_EQ(sizeof(a), read(said[0], &a, sizeof(a)));
	/* until one lies where the attacker's was */
	do {
		b = must_alloc(_metadata, fd, MEMMGR_HEAP_MAIN, resize ? 3 * page : bytes);
	} while (b.offset + b.granted <= a.offset + page || b.offset >= a.offset + bytes);
	expect_zeros(_metadata, fd, &b);
	fill_allocation(_metadata, fd, &b, 9);
	close(go[1]);
	EXPECT_EQ(0, child_result(child));
	expect_allocation(_metadata, fd, &b, 9);
	close(node);
}

TEST_F(victim, adversary_old_mapping_of_a_successor)
{
	await_successor(_metadata, self->fd, false);
}

TEST_F(victim, adversary_mapping_of_what_was_cut)
{
	await_successor(_metadata, self->fd, true);
}

/* What the victim freed is zero when the attacker gets it. */
static void memory_with_a_past(const struct target *t)
{
	int fd = attacker_open(t, O_RDWR);
	struct memmgr_stats s;
	struct memmgr_alloc a;
	unsigned char *p;
	size_t i;

	HOLDS(!mm_stats(fd, MEMMGR_HEAP_MAIN, &s));
	a = attacker_alloc(fd, s.largest);
	p = attacker_map(fd, a.map_offset, a.granted, PROT_READ | PROT_WRITE);
	for (i = 0; i < a.granted; i += t->page)
		HOLDS(is_zero(p + i, t->page));
}

TEST_F(victim, adversary_memory_with_a_past)
{
	__u64 largest = must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN).largest;
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, largest);
	unsigned char *p = must_map(_metadata, self->fd, a.map_offset, a.granted);

	memset(p, 0x77, a.granted);
	ASSERT_EQ(0, mm_free(self->fd, a.handle));
	suffer(_metadata, self->fd, false, memory_with_a_past);
}

/* ---- structures and pointers ----------------------------------------------- */

#define FIRST_CALL	0x00
#define LAST_CALL	_IOC_NR(MEMMGR_IOC_HEAP_RIGHTS)

static void truncated_structures(const struct target *t)
{
	static const __u32 sizes[] = { 0, 1, 4, 7, 8, 11 };
	int fd = attacker_open(t, O_RDWR), nr;
	unsigned int i;

	for (nr = FIRST_CALL; nr <= LAST_CALL; nr++)
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			__u32 words[1024] = { sizes[i] };

			HOLDS(mm_call(fd, _IO(MEMMGR_IOC_MAGIC, nr), words) == -EINVAL);
		}
}

ATTACK(truncated_structures)

static void overlong_structures(const struct target *t)
{
	int fd = attacker_open(t, O_RDWR), nr;
	static __u32 words[4096];

	for (nr = FIRST_CALL; nr <= LAST_CALL; nr++) {
		memset(words, 0, sizeof(words));
		words[0] = 4096;
		words[1023] = 1;
		HOLDS(mm_call(fd, _IO(MEMMGR_IOC_MAGIC, nr), words) == -E2BIG);
		words[1023] = 0;
		words[0] = 8192;
		HOLDS(mm_call(fd, _IO(MEMMGR_IOC_MAGIC, nr), words) == -E2BIG);
		words[0] = 0xffffffff;
		HOLDS(mm_call(fd, _IO(MEMMGR_IOC_MAGIC, nr), words) == -E2BIG);
	}
}

ATTACK(overlong_structures)

static void structure_over_a_hole(const struct target *t)
{
	int fd = attacker_open(t, O_RDWR);
	unsigned char *edge = page_before_hole();
	struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, t->page);
	size_t cut;

	HOLDS(edge);
	for (cut = 1; cut < sizeof(a); cut++) {
		unsigned char *at = edge + t->page - cut;

		memcpy(at, &a, cut);
		HOLDS(mm_call(fd, MEMMGR_IOC_ALLOC, at) == -EFAULT);
	}
}

ATTACK(structure_over_a_hole)

/* The answer cannot be written: nobody would know the handle. */
static void structure_that_cannot_be_answered(const struct target *t)
{
	int fd = attacker_open(t, O_RDWR), i;
	struct memmgr_alloc *a = (struct memmgr_alloc *)page_before_hole();
	struct memmgr_stats before, after;

	HOLDS(a);
	*a = alloc_request(MEMMGR_HEAP_MAIN, t->page);
	HOLDS(!mprotect(a, t->page, PROT_READ));
	HOLDS(!mm_stats(fd, MEMMGR_HEAP_MAIN, &before));
	for (i = 0; i < 20; i++)
		HOLDS(mm_call(fd, MEMMGR_IOC_ALLOC, a) == -EFAULT);
	HOLDS(!mm_stats(fd, MEMMGR_HEAP_MAIN, &after));
	HOLDS(after.used == before.used && after.live == before.live);
}

ATTACK(structure_that_cannot_be_answered)

static void structure_in_freed_memory(const struct target *t)
{
	int fd = attacker_open(t, O_RDWR), nr;
	struct memmgr_alloc a = attacker_alloc(fd, t->page);
	void *p = attacker_map(fd, a.map_offset, t->page, PROT_READ | PROT_WRITE);

	memset(p, 0, t->page);
	HOLDS(!mm_free(fd, a.handle));
	for (nr = FIRST_CALL; nr <= LAST_CALL; nr++)
		HOLDS(mm_call(fd, _IO(MEMMGR_IOC_MAGIC, nr), p) == -EFAULT);
}

ATTACK(structure_in_freed_memory)

static void unknown_commands(const struct target *t)
{
	int fd = attacker_open(t, O_RDWR), nr;
	__u32 words[1024] = { 64 };

	for (nr = LAST_CALL + 1; nr < 256; nr++)
		HOLDS(mm_call(fd, _IO(MEMMGR_IOC_MAGIC, nr), words) == -ENOTTY);
	for (nr = 0; nr < 256; nr++)
		HOLDS(mm_call(fd, _IOWR(MEMMGR_IOC_MAGIC, nr, __u64), words) == -ENOTTY);
}

ATTACK(unknown_commands)

static void sizes_that_wrap(const struct target *t)
{
	static const __u64 sizes[] = {
		0, ~0ull, ~0ull - 4094, 1ull << 63, 1ull << 32, (1ull << 32) + 1,
		0xffffffffull, 0xfffff001ull,
	};
	int fd = attacker_open(t, O_RDWR);
	struct memmgr_alloc a = attacker_alloc(fd, t->page), b;
	struct memmgr_resize r;
	unsigned int i;
	char byte;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		b = alloc_request(MEMMGR_HEAP_MAIN, sizes[i]);
		HOLDS(mm_alloc(fd, &b) == (sizes[i] ? -ENOMEM : -EINVAL));
		HOLDS(!sizes[i] || b.reason == MEMMGR_REASON_TOO_LARGE);
		HOLDS(mm_resize(fd, a.handle, sizes[i], &r) == (sizes[i] ? -ENOMEM : -EINVAL));
		HOLDS(!sizes[i] || mm_read(fd, a.handle, sizes[i], &byte, 1) == -ERANGE);
		HOLDS(mm_sync(fd, a.handle, 1, sizes[i], MEMMGR_SYNC_FOR_CPU) ==
		      (sizes[i] ? -ERANGE : -EINVAL));
	}
}

ATTACK(sizes_that_wrap)

/* ---- protection ------------------------------------------------------------ */

static struct memmgr_alloc protected_alloc(int fd, size_t bytes, __u32 access, __u32 flags)
{
	struct memmgr_alloc a = attacker_alloc(fd, bytes);

	HOLDS(!mm_write(fd, a.handle, 0, "secret", 6));
	HOLDS(!mm_protect(fd, a.handle, access, flags));
	return a;
}

static void read_only_memory_gains_write(const struct target *t)
{
	int fd = attacker_open(t, O_RDWR);
	struct memmgr_alloc a = protected_alloc(fd, t->page, MEMMGR_ACCESS_READ, 0);
	unsigned char *p = attacker_map(fd, a.map_offset, t->page, PROT_READ);

	HOLDS(mprotect(p, t->page, PROT_READ | PROT_WRITE) == -1 && errno == EACCES);
	HOLDS(map_error(fd, a.map_offset, t->page, PROT_READ | PROT_WRITE,
			MAP_SHARED) == EACCES);
	HOLDS(touch(p, true) == SIGSEGV);
	HOLDS(mm_write(fd, a.handle, 0, "x", 1) == -EACCES);
	HOLDS(!memcmp(p, "secret", 6));
}

ATTACK(read_only_memory_gains_write)

/* A writable mapping from before stays one by name, and does not write. */
static void older_mapping_writes(const struct target *t)
{
	int fd = attacker_open(t, O_RDWR);
	struct memmgr_alloc a = attacker_alloc(fd, t->page);
	unsigned char *p = attacker_map(fd, a.map_offset, t->page, PROT_READ | PROT_WRITE);

	memcpy(p, "secret", 6);
	HOLDS(!mm_protect(fd, a.handle, MEMMGR_ACCESS_READ, 0));
	HOLDS(touch(p, true) == SIGSEGV && !memcmp(p, "secret", 6));
	HOLDS(!mprotect(p, t->page, PROT_READ));
	HOLDS(mprotect(p, t->page, PROT_READ | PROT_WRITE) == -1 && errno == EACCES);
	HOLDS(touch(p, true) == SIGSEGV && !memcmp(p, "secret", 6));
}

ATTACK(older_mapping_writes)

static void sealed_memory(const struct target *t)
{
	__u32 rw = MEMMGR_ACCESS_READ | MEMMGR_ACCESS_WRITE;
	int fd = attacker_open(t, O_RDWR);
	struct memmgr_alloc a = protected_alloc(fd, 2 * t->page, MEMMGR_ACCESS_READ,
						MEMMGR_PROTECT_SEAL);
	unsigned char *p = attacker_map(fd, a.map_offset, t->page, PROT_READ);
	struct memmgr_resize r;
	struct memmgr_info i;

	HOLDS(mm_protect(fd, a.handle, rw, 0) == -EPERM);
	HOLDS(mm_protect(fd, a.handle, rw, MEMMGR_PROTECT_SEAL) == -EPERM);
	HOLDS(mm_protect(fd, a.handle, MEMMGR_ACCESS_NONE, 0) == -EPERM);
	HOLDS(mm_resize(fd, a.handle, t->page, &r) == -EPERM);
	HOLDS(mm_resize(fd, a.handle, 3 * t->page, &r) == -EPERM);
	HOLDS(mprotect(p, t->page, PROT_READ | PROT_WRITE) == -1 && errno == EACCES);
	HOLDS(!mm_info(fd, a.handle, &i) && i.bytes == 2 * t->page);
	HOLDS(i.access == MEMMGR_ACCESS_READ && (i.state & MEMMGR_INFO_SEALED));
	HOLDS(!memcmp(p, "secret", 6));
}

ATTACK(sealed_memory)

static void malformed_protection(const struct target *t)
{
	static const __u32 levels[] = { 2, 4, 5, 7, 8, 0x80000000, 0xffffffff };
	int fd = attacker_open(t, O_RDWR);
	struct memmgr_alloc a = attacker_alloc(fd, t->page);
	struct memmgr_info i;
	unsigned int j;

	for (j = 0; j < ARRAY_SIZE(levels); j++)
		HOLDS(mm_protect(fd, a.handle, levels[j], 0) == -EINVAL);
	HOLDS(mm_protect(fd, a.handle, 0, 2) == -EINVAL);
	HOLDS(!mm_info(fd, a.handle, &i) && i.access == 3 && !(i.state & MEMMGR_INFO_SEALED));
}

ATTACK(malformed_protection)

/* The kernel on behalf of a program gets no further than the program. */
static void hidden_memory_as_a_buffer(const struct target *t)
{
	int fd = attacker_open(t, O_RDWR), pipes[2];
	struct memmgr_alloc a = attacker_alloc(fd, t->page), b = attacker_alloc(fd, t->page);
	char *p = (char *)attacker_map(fd, a.map_offset, t->page, PROT_READ | PROT_WRITE);
	struct memmgr_list l = {
		.size = sizeof(l), .heap = MEMMGR_HEAP_ANY, .count = 4,
		.entry_size = sizeof(struct memmgr_info), .entries = (uintptr_t)p,
	};

	memcpy(p, "secret", 6);
	HOLDS(!pipe(pipes) && !mm_protect(fd, a.handle, MEMMGR_ACCESS_NONE, 0));
	HOLDS(write(pipes[1], p, 6) == -1 && errno == EFAULT);
	HOLDS(write(pipes[1], "xxxxxx", 6) == 6);
	HOLDS(read(pipes[0], p, 6) == -1 && errno == EFAULT);
	HOLDS(mm_read(fd, b.handle, 0, p, 6) == -EFAULT);
	HOLDS(mm_write(fd, b.handle, 0, p, 6) == -EFAULT);
	HOLDS(mm_call(fd, MEMMGR_IOC_LIST, &l) == -EFAULT);
	HOLDS(mm_call(fd, MEMMGR_IOC_QUERY, p) == -EFAULT);
	HOLDS(!mm_protect(fd, a.handle, MEMMGR_ACCESS_READ, 0));
	HOLDS(!memcmp(p, "secret", 6));
	HOLDS(mm_read(fd, b.handle, 0, p, 6) == -EFAULT && !memcmp(p, "secret", 6));
}

ATTACK(hidden_memory_as_a_buffer)

static void hidden_memory_by_read_and_write(const struct target *t)
{
	int fd = attacker_open(t, O_RDWR);
	struct memmgr_alloc a = protected_alloc(fd, t->page, MEMMGR_ACCESS_NONE, 0);
	char data[6] = "xxxxxx";

	HOLDS(mm_read(fd, a.handle, 0, data, 6) == -EACCES);
	HOLDS(!memcmp(data, "xxxxxx", 6));
	HOLDS(mm_write(fd, a.handle, 0, data, 6) == -EACCES);
	HOLDS(map_error(fd, a.map_offset, t->page, PROT_READ, MAP_SHARED) == EACCES);
	HOLDS(!mm_protect(fd, a.handle, MEMMGR_ACCESS_READ, 0));
	HOLDS(!mm_read(fd, a.handle, 0, data, 6) && !memcmp(data, "secret", 6));
}

ATTACK(hidden_memory_by_read_and_write)

/* A debugger's way in, which does not ask for the rights of the mapping. */
static void own_memory_by_proc(const struct target *t)
{
	int fd = attacker_open(t, O_RDWR), mem = open("/proc/self/mem", O_RDWR);
	struct memmgr_alloc a = attacker_alloc(fd, t->page);
	unsigned char *p = attacker_map(fd, a.map_offset, t->page, PROT_READ | PROT_WRITE);
	char data[6] = "xxxxxx";

	HOLDS(mem >= 0);
	memcpy(p, "secret", 6);
	HOLDS(!mm_protect(fd, a.handle, MEMMGR_ACCESS_READ, 0));
	HOLDS(pwrite(mem, data, 6, (off_t)(uintptr_t)p) == -1 && errno == EIO);
	HOLDS(!memcmp(p, "secret", 6));
	HOLDS(!mm_protect(fd, a.handle, MEMMGR_ACCESS_NONE, 0));
	HOLDS(pread(mem, data, 6, (off_t)(uintptr_t)p) == -1 && errno == EIO);
	HOLDS(!memcmp(data, "xxxxxx", 6));
}

ATTACK(own_memory_by_proc)

static void memory_of_the_victims_process(const struct target *t)
{
	char data[16], path[64];
	struct iovec to = { data, sizeof(data) }, from = { (void *)t, sizeof(data) };
	pid_t victim = getppid();

	if (process_vm_readv(victim, NULL, 0, NULL, 0, 0))
		vacuous("no process_vm_readv()");
	HOLDS(process_vm_readv(victim, &to, 1, &from, 1, 0) == -1 && errno == EPERM);
	HOLDS(process_vm_writev(victim, &to, 1, &from, 1, 0) == -1 && errno == EPERM);
	snprintf(path, sizeof(path), "/proc/%d/mem", victim);
	HOLDS(open(path, O_RDONLY) == -1 && errno == EACCES);
}

ATTACK(memory_of_the_victims_process)

/* What the kernel says to each, with and without struct pages. */
static const struct {
	int advice, frames, pages;
	bool option;	/* a kernel may not know it: EINVAL */
} advices[] = {
	{ MADV_DONTNEED, EINVAL, 0 },
	{ MADV_REMOVE, ENODEV, ENODEV },
	{ MADV_FREE, EINVAL, EINVAL },
	{ MADV_WILLNEED, 0, 0 },
	{ MADV_COLD, EINVAL, 0 },
	{ MADV_PAGEOUT, EINVAL, 0 },
	{ MADV_MERGEABLE, 0, 0, true },
	{ MADV_HUGEPAGE, 0, 0, true },
	{ MADV_DOFORK, 0, 0 },
	{ MADV_WIPEONFORK, EINVAL, EINVAL },
	{ MADV_DODUMP, EINVAL, EINVAL },
	{ 22 /* POPULATE_READ */, EINVAL, 0 },
	{ 23 /* POPULATE_WRITE */, EINVAL, 0 },
};

/* Only what would make pages sees that they are gone. */
static void advise(unsigned char *p, size_t bytes, unsigned int i, bool pages, bool freed)
{
	int error = madvise(p, bytes, advices[i].advice) ? errno : 0;
	int due = pages ? advices[i].pages : advices[i].frames;

	if (freed && pages && advices[i].advice >= 22)
		due = EFAULT;
	if (error != due && !(advices[i].option && error == EINVAL))
		fprintf(stderr, "# advice %d: %d instead of %d\n", advices[i].advice, error, due);
	HOLDS(error == due || (advices[i].option && error == EINVAL));
}

static void advice(const struct target *t)
{
	int fd = attacker_open(t, O_RDWR);
	struct memmgr_alloc a = attacker_alloc(fd, 2 * t->page);
	unsigned char *p = attacker_map(fd, a.map_offset, 2 * t->page, PROT_READ | PROT_WRITE);
	struct memmgr_query q;
	unsigned int i;
	bool pages;

	HOLDS(!mm_query(fd, &q));
	pages = q.region_flags & MEMMGR_REGION_PAGES;
	fill_pattern(p, 2 * t->page, 8);
	for (i = 0; i < ARRAY_SIZE(advices); i++) {
		advise(p, t->page, i, pages, false);
		HOLDS(is_pattern(p, 2 * t->page, 8));
	}
	HOLDS(!mm_free(fd, a.handle));
	for (i = 0; i < ARRAY_SIZE(advices); i++) {
		advise(p, t->page, i, pages, true);
		HOLDS(touch(p, false) == SIGBUS && touch(p + t->page, true) == SIGBUS);
	}
}

ATTACK(advice)

static void dumping(const struct target *t)
{
	int fd = attacker_open(t, O_RDWR), inside = 0, seen = 0;
	struct memmgr_alloc a = attacker_alloc(fd, t->page);
	unsigned char *p = attacker_map(fd, a.map_offset, t->page, PROT_READ | PROT_WRITE);
	FILE *smaps = fopen("/proc/self/smaps", "r");
	char line[512];
	unsigned long start, end;

	if (!smaps)
		vacuous("no /proc/self/smaps");
	while (fgets(line, sizeof(line), smaps)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			inside = start == (unsigned long)p;
		if (inside && !strncmp(line, "VmFlags:", 8)) {
			HOLDS(strstr(line, " dd"));
			seen++;
		}
	}
	HOLDS(seen == 1);
}

ATTACK(dumping)

/* ---- capabilities ---------------------------------------------------------- */

static void uncleared_memory(const struct target *t)
{
	int fd = attacker_open(t, O_RDWR);
	struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, t->page);
	__u64 handles[2];
	struct memmgr_alloc_batch batch = {
		.size = sizeof(batch), .count = 2, .bytes = t->page,
		.flags = MEMMGR_ALLOC_NO_ZERO, .handles = (uintptr_t)handles,
	};

	a.flags = MEMMGR_ALLOC_NO_ZERO;
	HOLDS(mm_alloc(fd, &a) == -EPERM);
	a.heap = t->shared.heap;
	HOLDS(mm_alloc(fd, &a) == -EPERM);
	HOLDS(mm_call(fd, MEMMGR_IOC_ALLOC_BATCH, &batch) == -EPERM);
}

ATTACK(uncleared_memory)

static void own_quota_raised(const struct target *t)
{
	int fd = attacker_open(t, O_RDWR);
	__u32 user = MEMMGR_QUOTA_USER;

	HOLDS(mm_set_quota(fd, user, NOBODY, 0, 0) == -EPERM);
	HOLDS(mm_set_quota(fd, user | MEMMGR_QUOTA_DEFAULT, NOBODY, 0, 0) == -EPERM);
	HOLDS(mm_set_quota(fd, user, 0, 1, 1) == -EPERM);
	HOLDS(mm_set_quota(fd, MEMMGR_QUOTA_CLIENT, t->info.client, 1, 1) == -EPERM);
}

ATTACK(own_quota_raised)

static void shared_heaps(const struct target *t)
{
	int fd = attacker_open(t, O_RDWR);
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_BUDDY, "a-shared");

	c.flags = 0;
	HOLDS(mm_heap_create(fd, &c) == -EPERM);
	HOLDS(mm_heap_destroy(fd, t->shared.heap, 0) == -EPERM);
	HOLDS(mm_heap_destroy(fd, t->shared.heap, MEMMGR_DESTROY_FORCE) == -EPERM);
	HOLDS(mm_heap_destroy(fd, MEMMGR_HEAP_MAIN, MEMMGR_DESTROY_FORCE) == -EINVAL);
	HOLDS(mm_check(fd, t->shared.heap) == -EPERM && mm_check(fd, 0) == -EPERM);
}

ATTACK(shared_heaps)

static void foreign_private_heap(const struct target *t)
{
	int fd = attacker_open(t, O_RDWR);
	struct memmgr_alloc a = alloc_request(t->arena.heap, 32);
	struct memmgr_heap_query q;

	HOLDS(mm_alloc(fd, &a) == -EACCES);
	HOLDS(mm_heap_query(fd, t->arena.heap, &q) == -EACCES);
	HOLDS(mm_heap_destroy(fd, t->arena.heap, 0) == -EACCES);
	HOLDS(mm_heap_destroy(fd, t->arena.heap, MEMMGR_DESTROY_FORCE) == -EACCES);
	HOLDS(mm_check(fd, t->arena.heap) == -EACCES);
}

ATTACK(foreign_private_heap)

static void physical_addresses(const struct target *t)
{
	int fd = attacker_open(t, O_RDWR);
	struct memmgr_alloc a = attacker_alloc(fd, t->page);
	struct memmgr_info i;
	struct memmgr_query q;

	HOLDS(!mm_query(fd, &q) && !q.phys);
	HOLDS(!mm_info(fd, a.handle, &i) && !i.phys);
}

ATTACK(physical_addresses)

/* ---- quotas ---------------------------------------------------------------- */

/* Takes pages until it may have no more; how many that were. */
static int take_all(int fd)
{
	struct memmgr_alloc a;
	int pages = 0, result;

	for (;;) {
		a = alloc_request(MEMMGR_HEAP_MAIN, page_size());
		result = mm_alloc(fd, &a);
		if (result)
			break;
		pages++;
	}
	HOLDS(result == -EDQUOT && a.reason == MEMMGR_REASON_QUOTA);
	return pages;
}

static void quota_by_many_files(const struct target *t)
{
	int i;

	HOLDS(take_all(attacker_open(t, O_RDWR)) == QUOTA_PAGES);
	for (i = 0; i < 20; i++)
		HOLDS(take_all(attacker_open(t, O_RDWR)) == 0);
}

ATTACK_QUOTA(quota_by_many_files)

static void quota_by_fork_and_dup(const struct target *t)
{
	int fd = attacker_open(t, O_RDWR);
	pid_t child;

	HOLDS(take_all(fd) == QUOTA_PAGES);
	HOLDS(take_all(dup(fd)) == 0);
	child = fork();
	if (!child) {
		HOLDS(take_all(fd) == 0);
		HOLDS(take_all(attacker_open(t, O_RDWR)) == 0);
		_exit(0);
	}
	HOLDS(!child_result(child));
}

ATTACK_QUOTA(quota_by_fork_and_dup)

static void quota_by_persistence(const struct target *t)
{
	struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, 10 * t->page);
	int fd = attacker_open(t, O_RDWR), again;

	a.flags = MEMMGR_ALLOC_PERSISTENT;
	HOLDS(!mm_alloc(fd, &a));
	close(fd);
	again = attacker_open(t, O_RDWR);
	HOLDS(take_all(again) == QUOTA_PAGES - 10);
	HOLDS(!mm_free(again, a.handle));
	HOLDS(take_all(again) == 10);
}

ATTACK_QUOTA(quota_by_persistence)

static void quota_by_private_heaps(const struct target *t)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_BUDDY, "a-arena");
	int fd = attacker_open(t, O_RDWR);
	struct memmgr_heap_query q;

	/* What it costs the system counts as well. */
	c.bytes = QUOTA_PAGES * t->page;
	HOLDS(mm_heap_create(fd, &c) == -EDQUOT && c.reason == MEMMGR_REASON_QUOTA);
	c = heap_config(MEMMGR_KIND_BUDDY, "a-arena");
	c.bytes = 8 * t->page;
	HOLDS(!mm_heap_create(fd, &c) && !mm_heap_query(fd, c.heap, &q));
	HOLDS(q.kernel_bytes && q.kernel_bytes < 8 * t->page);
	HOLDS(take_all(fd) == (8 * t->page - q.kernel_bytes) / t->page);
}

ATTACK_QUOTA(quota_by_private_heaps)

static void quota_by_growing_slabs(const struct target *t)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_SLAB, "a-slab");
	int fd = attacker_open(t, O_RDWR), i, result = 0;
	struct memmgr_heap_query q;
	struct memmgr_alloc a;

	if (!kind_is_built(fd, MEMMGR_KIND_SLAB))
		vacuous("a build without slab heaps");
	c.object_size = t->page;
	c.max_allocations = 2 * QUOTA_PAGES;
	HOLDS(!mm_heap_create(fd, &c));
	for (i = 0; !result && i < 10000; i++) {
		a = alloc_request(c.heap, 100);
		result = mm_alloc(fd, &a);
	}
	HOLDS(result == -EDQUOT && a.reason == MEMMGR_REASON_QUOTA);
	HOLDS(!mm_heap_query(fd, c.heap, &q) &&
	      q.held + q.kernel_bytes <= QUOTA_PAGES * t->page);
}

ATTACK_QUOTA(quota_by_growing_slabs)

static void quota_by_resize_and_batch(const struct target *t)
{
	int fd = attacker_open(t, O_RDWR);
	struct memmgr_alloc a = attacker_alloc(fd, t->page);
	__u64 handles[64];
	struct memmgr_alloc_batch batch = {
		.size = sizeof(batch), .count = 64, .bytes = t->page,
		.handles = (uintptr_t)handles,
	};
	struct memmgr_resize r;

	HOLDS(mm_resize(fd, a.handle, (QUOTA_PAGES + 1) * t->page, &r) == -EDQUOT);
	HOLDS(r.reason == MEMMGR_REASON_QUOTA);
	HOLDS(!mm_call(fd, MEMMGR_IOC_ALLOC_BATCH, &batch));
	HOLDS(batch.count == QUOTA_PAGES - 1 && batch.reason == MEMMGR_REASON_QUOTA);
	HOLDS(take_all(fd) == 0);
}

ATTACK_QUOTA(quota_by_resize_and_batch)

/* Freed, but a dma-buf keeps the memory: it counts as long. */
static void quota_by_dmabuf(const struct target *t)
{
	int fd = attacker_open(t, O_RDWR), buffer;
	struct memmgr_alloc a = attacker_alloc(fd, 10 * t->page);

	if (!has_dmabuf(fd))
		vacuous("a build without dma-bufs");
	buffer = mm_export(fd, a.handle, MEMMGR_EXPORT_CLOEXEC);
	HOLDS(buffer >= 0 && !mm_free(fd, a.handle));
	HOLDS(take_all(fd) == QUOTA_PAGES - 10);
	close(fd);
	fd = attacker_open(t, O_RDWR);
	HOLDS(take_all(fd) == QUOTA_PAGES - 10);
	close(buffer);
}

ATTACK_QUOTA(quota_by_dmabuf)

/* Whoever holds the file: it is charged to the user who opened it. */
TEST_F(victim, adversary_quota_by_a_file_passed_on)
{
	int node = open_public_node(), said[2];
	struct target t = { .node = node, .page = self->page };
	pid_t child;
	int pages = -1;

	ASSERT_LE(0, node);
	ASSERT_EQ(0, pipe(said));
	ASSERT_EQ(0, mm_set_quota(self->fd, MEMMGR_QUOTA_USER, NOBODY,
				  QUOTA_PAGES * self->page, 0));
	child = fork();
	if (!child) {
		int fd;

		HOLDS(!setresuid(-1, NOBODY, -1));
		fd = attacker_open(&t, O_RDWR);
		HOLDS(!setresuid(-1, 0, -1));
		become(STRANGER);
		pages = take_all(fd);
		HOLDS(write(said[1], &pages, sizeof(pages)) == sizeof(pages));
		_exit(0);
	}
	EXPECT_EQ(0, child_result(child));
	EXPECT_EQ(sizeof(pages), read(said[0], &pages, sizeof(pages)));
	EXPECT_EQ(QUOTA_PAGES, pages);
	EXPECT_EQ(0, mm_set_quota(self->fd, MEMMGR_QUOTA_USER | MEMMGR_QUOTA_DEFAULT,
				  NOBODY, 0, 0));
	close(node);
}

/* ---- a read-only dma-buf of the victim's ------------------------------------- */

/* A descriptor's link in /proc opens the file behind it again, by its own rights. */
static void buffer_opened_again(const struct target *t)
{
	int fd = attacker_open(t, O_RDWR), own;
	struct memmgr_alloc a = attacker_alloc(fd, t->page);
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", t->buffer);
	HOLDS(open(path, O_RDWR) == -1 && errno == EACCES);
	HOLDS(open(path, O_RDONLY) == -1 && errno == EACCES);
	HOLDS(chmod(path, 0666) == -1 && errno == EPERM);
	HOLDS(truncate(path, 0) == -1 && errno == EINVAL);
	/* of one's own, whose rights do not stop it */
	own = mm_export(fd, a.handle, MEMMGR_EXPORT_READ_ONLY);
	HOLDS(own >= 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", own);
	HOLDS(open(path, O_RDWR) == -1 && errno == ENXIO);
	HOLDS(map_error(own, 0, t->page, PROT_READ | PROT_WRITE, MAP_SHARED) == EACCES);
}

ATTACK_BUFFER(buffer_opened_again)

static void buffer_made_writable(const struct target *t)
{
	size_t bytes = VICTIM_PAGES * t->page;

	HOLDS(map_error(t->buffer, 0, bytes, PROT_READ | PROT_WRITE, MAP_SHARED) == EACCES);
	HOLDS(map_error(t->buffer, 0, bytes, PROT_WRITE, MAP_SHARED) == EACCES);
	HOLDS(map_error(t->buffer, 0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE) == EINVAL);
	HOLDS(fcntl(t->buffer, F_SETFL, O_RDWR) || (fcntl(t->buffer, F_GETFL) & O_ACCMODE) ==
	      O_RDONLY);
	HOLDS(map_error(t->buffer, 0, bytes, PROT_READ | PROT_WRITE, MAP_SHARED) == EACCES);
	HOLDS(write(t->buffer, "x", 1) == -1 && errno == EBADF);
	HOLDS(ftruncate(t->buffer, 0) == -1 && errno == EINVAL);
}

ATTACK_BUFFER(buffer_made_writable)

static void buffer_mapping_gains_write(const struct target *t)
{
	size_t bytes = VICTIM_PAGES * t->page;
	unsigned char *p = attacker_map(t->buffer, 0, bytes, PROT_READ);
	int mem = open("/proc/self/mem", O_RDWR), pipes[2];

	HOLDS(mem >= 0 && !pipe(pipes) && write(pipes[1], "x", 1) == 1);
	HOLDS(is_pattern(p, bytes, 1));
	HOLDS(mprotect(p, bytes, PROT_READ | PROT_WRITE) == -1 && errno == EACCES);
	HOLDS(mprotect(p, bytes, PROT_READ | PROT_EXEC) == -1 && errno == EACCES);
	HOLDS(touch(p, true) == SIGSEGV);
	HOLDS(pwrite(mem, "x", 1, (off_t)(uintptr_t)p) == -1 && errno == EIO);
	HOLDS(read(pipes[0], p, 1) == -1 && errno == EFAULT);
	HOLDS(mremap(p, bytes, 2 * bytes, MREMAP_MAYMOVE) == MAP_FAILED && errno == EFAULT);
	HOLDS(mremap(p, 0, bytes, MREMAP_MAYMOVE) == MAP_FAILED && errno == EFAULT);
	HOLDS(is_pattern(p, bytes, 1));
}

ATTACK_BUFFER(buffer_mapping_gains_write)

/* The calls of the device on it, and its handle's on a client of one's own. */
static void buffer_as_a_client(const struct target *t)
{
	__u32 words[1024] = { 64 };
	int nr;

	for (nr = FIRST_CALL; nr <= LAST_CALL; nr++)
		HOLDS(mm_call(t->buffer, _IO(MEMMGR_IOC_MAGIC, nr), words) == -ENOTTY);
	try_all_calls(attacker_open(t, O_RDWR), t->a.handle, EACCES);
}

ATTACK_BUFFER(buffer_as_a_client)

/* The attacker touches it all the time: the victim's bytes, to the last. */
static void look_for_others(const struct target *t, int file, int said, int end)
{
	struct pollfd over = { .fd = end, .events = POLLIN };
	size_t bytes = VICTIM_PAGES * t->page;
	unsigned char *p;

	HOLDS(write(said, "", 1) == 1);
	do {
		p = attacker_map(file, 0, bytes, PROT_READ);
		HOLDS(is_pattern(p, bytes, 5));
		HOLDS(!munmap(p, bytes));
	} while (!poll(&over, 1, 0));
}

TEST_F(victim, adversary_buffer_touched_during_free)
{
	struct target t = { .page = self->page };
	struct memmgr_alloc a, b;
	int round, file, said[2], end[2];
	unsigned char *p;
	pid_t child;
	char c;

	if (!has_dmabuf(self->fd))
		SKIP(return, "a build without dma-bufs");
	ASSERT_EQ(0, quiet_health(self->fd));
	for (round = 0; round < 30; round++) {
		a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, VICTIM_PAGES * self->page);
		fill_allocation(_metadata, self->fd, &a, 5);
		p = mmap(NULL, a.granted, PROT_READ, MAP_SHARED, self->fd, (off_t)a.map_offset);
		ASSERT_TRUE(p != MAP_FAILED);
		file = mm_export(self->fd, a.handle, MEMMGR_EXPORT_READ_ONLY);
		ASSERT_LE(0, file);
		ASSERT_TRUE(!pipe(said) && !pipe(end));
		child = fork();
		if (!child) {
			munmap(p, a.granted);
			close(self->fd);
			become(NOBODY);
			look_for_others(&t, file, said[1], end[0]);
			_exit(0);
		}
		close(file);
		ASSERT_EQ(1, read(said[0], &c, 1));
		usleep(round * 100);
		ASSERT_EQ(0, mm_free(self->fd, a.handle));
		b = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, a.bytes);
		fill_allocation(_metadata, self->fd, &b, 6);
		usleep(1000);
		ASSERT_EQ(1, write(end[1], "", 1));
		EXPECT_EQ(0, child_result(child))
			TH_LOG("round %d", round);
		expect_allocation(_metadata, self->fd, &b, 6);
		ASSERT_EQ(0, mm_free(self->fd, b.handle));
		munmap(p, a.granted);
		close(said[0]);
		close(said[1]);
		close(end[0]);
		close(end[1]);
	}
}

/* ---- at the wrong moment --------------------------------------------------- */

struct race {
	int fd;
	size_t page;
	unsigned char *p;
	__u64 handle;
	bool over;
};

/* Frees and takes again what the other thread touches or asks about. */
static void *race_to_free(void *argument)
{
	struct race *r = argument;
	struct memmgr_alloc a;
	int i, result;

	for (i = 0; i < 300; i++) {
		/* EBUSY: the other thread asks about it just now */
		do {
			result = mm_free(r->fd, r->handle);
		} while (result == -EBUSY);
		HOLDS(!result);
		a = attacker_alloc(r->fd, r->page);
		__atomic_store_n(&r->handle, a.handle, __ATOMIC_RELAXED);
		HOLDS(mmap(r->p, r->page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			   r->fd, (off_t)a.map_offset) == r->p);
	}
	__atomic_store_n(&r->over, true, __ATOMIC_RELEASE);
	return NULL;
}

static void race_of_free_and_touch(const struct target *t)
{
	struct race r = { .fd = attacker_open(t, O_RDWR), .page = t->page };
	struct memmgr_alloc a = attacker_alloc(r.fd, t->page);
	pthread_t thread;

	r.handle = a.handle;
	r.p = attacker_map(r.fd, a.map_offset, t->page, PROT_READ | PROT_WRITE);
	HOLDS(!pthread_create(&thread, NULL, race_to_free, &r));
	while (!__atomic_load_n(&r.over, __ATOMIC_ACQUIRE)) {
		int raised = touch(r.p, true);
		struct memmgr_info i;
		int result;

		HOLDS(!raised || raised == SIGBUS || raised == SIGSEGV);
		result = mm_info(r.fd, __atomic_load_n(&r.handle, __ATOMIC_RELAXED), &i);
		HOLDS(!result || result == -EBADF || result == -EBUSY);
	}
	HOLDS(!pthread_join(thread, NULL));
}

ATTACK(race_of_free_and_touch)

static void *race_to_close(void *argument)
{
	struct race *r = argument;
	int i;

	for (i = 0; i < 300; i++) {
		int fd = open("/dev/null", O_RDWR);

		/* the number stays, the file behind it goes in the middle of a call */
		HOLDS(fd >= 0 && dup2(fd, r->fd) == r->fd);
		HOLDS(dup2((int)r->handle, r->fd) == r->fd);
		close(fd);
	}
	__atomic_store_n(&r->over, true, __ATOMIC_RELEASE);
	return NULL;
}

static void race_of_close_and_calls(const struct target *t)
{
	struct race r = { .handle = attacker_open(t, O_RDWR), .page = t->page };
	pthread_t thread;

	r.fd = dup((int)r.handle);
	HOLDS(r.fd >= 0 && !pthread_create(&thread, NULL, race_to_close, &r));
	while (!__atomic_load_n(&r.over, __ATOMIC_ACQUIRE)) {
		struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, t->page);
		int result = mm_alloc(r.fd, &a);

		HOLDS(!result || result == -ENOTTY || result == -EBADF);
		if (!result)
			HOLDS(!mm_free((int)r.handle, a.handle));
	}
	HOLDS(!pthread_join(thread, NULL));
}

ATTACK(race_of_close_and_calls)

static void *export_and_close(void *argument)
{
	struct race *r = argument;
	int i, file;

	for (i = 0; i < 1000; i++) {
		file = mm_export(r->fd, r->handle, i % 2 ? MEMMGR_EXPORT_READ_ONLY : 0);
		HOLDS(file >= 0 && lseek(file, 0, SEEK_END) == r->page);
		HOLDS(!close(file));
	}
	return NULL;
}

/* The last reference goes while the next one is asked for. */
static void race_of_two_exports(const struct target *t)
{
	struct race r = { .fd = attacker_open(t, O_RDWR), .page = t->page };
	struct memmgr_alloc a = attacker_alloc(r.fd, t->page);
	pthread_t thread[2];
	struct memmgr_info i;
	int n;

	if (!has_dmabuf(r.fd))
		vacuous("a build without dma-bufs");
	r.handle = a.handle;
	for (n = 0; n < 2; n++)
		HOLDS(!pthread_create(&thread[n], NULL, export_and_close, &r));
	for (n = 0; n < 2; n++)
		HOLDS(!pthread_join(thread[n], NULL));
	HOLDS(!mm_info(r.fd, a.handle, &i) && !i.exports && !i.pins);
	HOLDS(!mm_free(r.fd, a.handle));
}

ATTACK(race_of_two_exports)

/* Pages that the kernel has no books of cannot be kept by a pipe. */
static void pages_kept_by_a_pipe(const struct target *t)
{
	int fd = attacker_open(t, O_RDWR), pipes[2];
	struct memmgr_alloc a = attacker_alloc(fd, t->page);
	unsigned char *p = attacker_map(fd, a.map_offset, t->page, PROT_READ | PROT_WRITE);
	struct iovec v = { p, t->page };
	struct memmgr_query q;

	HOLDS(!mm_query(fd, &q) && !touch(p, true) && !pipe(pipes));
	if (q.region_flags & MEMMGR_REGION_PAGES)
		vacuous("this region has struct pages: see pages_kept");
	HOLDS(vmsplice(pipes[1], &v, 1, 0) == -1 && errno == EFAULT);
	HOLDS(vmsplice(pipes[1], &v, 1, SPLICE_F_GIFT) == -1 && errno == EFAULT);
}

ATTACK(pages_kept_by_a_pipe)

/* Killed anywhere between protecting, mapping, freeing and creating heaps. */
TEST_F(victim, adversary_killed_between_steps)
{
	int node = open_public_node(), round;
	unsigned int seed = test_seed();

	ASSERT_LE(0, node);
	for (round = 0; round < 20; round++) {
		unsigned int delay = rand_r(&seed) % 20000;
		pid_t child = fork();

		if (!child) {
			struct target t = { .node = node, .page = self->page };
			int fd;

			close(self->fd);
			become(NOBODY);
			fd = attacker_open(&t, O_RDWR);
			for (;;) {
				struct memmgr_heap_create c = heap_config(MEMMGR_KIND_BUDDY, "a-k");
				struct memmgr_alloc a = attacker_alloc(fd, self->page);
				unsigned char *p = attacker_map(fd, a.map_offset, self->page,
								PROT_READ | PROT_WRITE);

				HOLDS(!touch(p, true) && !mm_heap_create(fd, &c));
				HOLDS(!mm_protect(fd, a.handle, MEMMGR_ACCESS_READ, 0));
				HOLDS(touch(p, true) == SIGSEGV);
				HOLDS(!mm_heap_destroy(fd, c.heap, 0));
				HOLDS(!munmap(p, self->page) && !mm_free(fd, a.handle));
			}
		}
		usleep(delay);
		ASSERT_EQ(0, kill(child, SIGKILL));
		ASSERT_EQ(1000 + SIGKILL, child_result(child));
		ASSERT_TRUE(state_returns(self->fd, &self->before));
	}
	close(node);
}

MEMMGR_TEST_MAIN
