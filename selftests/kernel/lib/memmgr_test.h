/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What the kselftests of memmgr share: the device, the calls as functions that
 * return 0 or a negative errno, heaps of each kind, and the books of a whole
 * region at one moment.
 *
 * Every test runs in a process of its own (kselftest_harness). The fixture that
 * MEMMGR_FIXTURE() makes opens the device, notes the books of all heaps, and at
 * the end closes it and demands that the books are as they were: every test is
 * a test of reclaiming too.
 */
#ifndef MEMMGR_TEST_H
#define MEMMGR_TEST_H

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <time.h>

#include <linux/memmgr.h>

#include "kselftest_harness.h"

/* Only what hangs takes so many seconds, be the machine as slow and as busy as it may. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	600

#define KIB		1024ull
#define MIB		(1024ull * KIB)
#define NOBODY		65534	/* a user id without any capability */
#define NO_OFFSET	(~0ull)	/* @map_offset of what cannot be mapped */
#define NO_HANDLE	0ull	/* never issued */

/* ---- the device ---------------------------------------------------------- */

static inline const char *device_path(void)
{
	const char *path = getenv("MEMMGR_DEVICE");

	return path ? path : "/dev/memmgr";
}

static inline int open_device(int mode)
{
	int fd = open(device_path(), mode | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* A test without a device or without rights says so and ends with 4 (skip). */
static inline void require_device(void)
{
	if (access(device_path(), F_OK))
		ksft_exit_skip("no %s: load memmgr.ko first\n", device_path());
	if (geteuid())
		ksft_exit_skip("needs root\n");
}

#define MEMMGR_TEST_MAIN						\
	static void __attribute__((constructor)) check_device(void)	\
	{								\
		require_device();					\
	}								\
	TEST_HARNESS_MAIN

static inline size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

/* Opens the device through a node of our own that everybody may open. */
static inline int open_public_node(void)
{
	char path[64];
	struct stat st;
	int fd = -1;

	snprintf(path, sizeof(path), "/dev/test-memmgr-%d", getpid());
	if (stat(device_path(), &st) || mknod(path, S_IFCHR, st.st_rdev))
		return -errno;
	if (!chmod(path, 0666))
		fd = open(path, O_PATH | O_CLOEXEC);
	unlink(path);
	return fd;
}

/* A new client of the node that open_public_node() found, for any user. */
static inline int open_again(int node, int mode)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", node);
	fd = open(path, mode | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* The same for a process that is nobody from then on. */
static inline int open_as_nobody(int node)
{
	if (setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY))
		return -EPERM;
	return open_again(node, O_RDWR);
}

/* ---- calls: 0 or a negative errno ---------------------------------------- */

static inline int mm_call(int fd, unsigned long command, void *argument)
{
	int result = ioctl(fd, command, argument);

	return result < 0 ? -errno : result;
}

static inline int mm_query(int fd, struct memmgr_query *q)
{
	*q = (struct memmgr_query){ .size = sizeof(*q) };
	return mm_call(fd, MEMMGR_IOC_QUERY, q);
}

/*
 * How far a place is from a multiple of @align: its address, or where root alone may see
 * that or there is none, its offset.
 */
static inline __u64 mm_misaligned(int fd, __u64 offset, __u64 align)
{
	struct memmgr_query q;

	return mm_query(fd, &q) ? ~0ull : (q.phys + offset) % align;
}

static inline int mm_heap_query(int fd, __u32 heap, struct memmgr_heap_query *q)
{
	*q = (struct memmgr_heap_query){ .size = sizeof(*q), .heap = heap };
	return mm_call(fd, MEMMGR_IOC_HEAP_QUERY, q);
}

static inline int mm_heap_next(int fd, __u32 heap, struct memmgr_heap_query *q)
{
	*q = (struct memmgr_heap_query){
		.size = sizeof(*q), .heap = heap, .flags = MEMMGR_QUERY_NEXT,
	};
	return mm_call(fd, MEMMGR_IOC_HEAP_QUERY, q);
}

static inline int mm_heap_destroy(int fd, __u32 heap, __u32 flags)
{
	struct memmgr_heap_destroy d = {
		.size = sizeof(d), .heap = heap, .flags = flags,
	};

	return mm_call(fd, MEMMGR_IOC_HEAP_DESTROY, &d);
}

static inline struct memmgr_alloc alloc_request(__u32 heap, __u64 bytes)
{
	return (struct memmgr_alloc){
		.size = sizeof(struct memmgr_alloc), .heap = heap, .bytes = bytes,
	};
}

static inline int mm_alloc(int fd, struct memmgr_alloc *a)
{
	return mm_call(fd, MEMMGR_IOC_ALLOC, a);
}

static inline int mm_free(int fd, __u64 handle)
{
	struct memmgr_free f = { .size = sizeof(f), .handle = handle };

	return mm_call(fd, MEMMGR_IOC_FREE, &f);
}

static inline int mm_resize(int fd, __u64 handle, __u64 bytes,
			    struct memmgr_resize *r)
{
	*r = (struct memmgr_resize){
		.size = sizeof(*r), .handle = handle, .bytes = bytes,
	};
	return mm_call(fd, MEMMGR_IOC_RESIZE, r);
}

static inline int mm_mark(int fd, __u32 heap, __u64 *mark)
{
	struct memmgr_mark m = { .size = sizeof(m), .heap = heap };
	int result = mm_call(fd, MEMMGR_IOC_MARK, &m);

	*mark = m.mark;
	return result;
}

static inline int mm_release(int fd, __u32 heap, __u64 mark, __u32 *released)
{
	struct memmgr_mark m = { .size = sizeof(m), .heap = heap, .mark = mark };
	int result = mm_call(fd, MEMMGR_IOC_RELEASE, &m);

	if (released)
		*released = m.released;
	return result;
}

static inline struct memmgr_copy copy_request(__u64 handle, __u64 offset,
					      __u64 bytes, const void *ptr)
{
	return (struct memmgr_copy){
		.size = sizeof(struct memmgr_copy), .handle = handle,
		.offset = offset, .bytes = bytes, .ptr = (uintptr_t)ptr,
	};
}

static inline int mm_read(int fd, __u64 handle, __u64 offset, void *to,
			  __u64 bytes)
{
	struct memmgr_copy c = copy_request(handle, offset, bytes, to);

	return mm_call(fd, MEMMGR_IOC_READ, &c);
}

static inline int mm_write(int fd, __u64 handle, __u64 offset, const void *from,
			   __u64 bytes)
{
	struct memmgr_copy c = copy_request(handle, offset, bytes, from);

	return mm_call(fd, MEMMGR_IOC_WRITE, &c);
}

static inline int mm_info(int fd, __u64 handle, struct memmgr_info *i)
{
	*i = (struct memmgr_info){ .size = sizeof(*i), .handle = handle };
	return mm_call(fd, MEMMGR_IOC_ALLOC_QUERY, i);
}

static inline int mm_stats(int fd, __u32 heap, struct memmgr_stats *s)
{
	*s = (struct memmgr_stats){ .size = sizeof(*s), .heap = heap };
	return mm_call(fd, MEMMGR_IOC_STATS, s);
}

static inline int mm_frag(int fd, __u32 heap, struct memmgr_frag *f)
{
	*f = (struct memmgr_frag){ .size = sizeof(*f), .heap = heap };
	return mm_call(fd, MEMMGR_IOC_FRAG, f);
}

/* Says what is broken, for it will not be seen again. */
static inline int mm_check(int fd, __u32 heap)
{
	struct memmgr_check c = { .size = sizeof(c), .heap = heap };
	int result = mm_call(fd, MEMMGR_IOC_CHECK, &c);

	if (result == -EUCLEAN)
		fprintf(stderr, "# heap %u broken at %llu: %.64s\n", heap,
			(unsigned long long)c.offset, c.what);
	return result;
}

static inline int mm_protect(int fd, __u64 handle, __u32 access, __u32 flags)
{
	struct memmgr_protect p = {
		.size = sizeof(p), .flags = flags, .handle = handle, .access = access,
	};

	return mm_call(fd, MEMMGR_IOC_PROTECT, &p);
}

static inline int mm_sync(int fd, __u64 handle, __u64 offset, __u64 bytes,
			  __u32 flags)
{
	struct memmgr_sync s = {
		.size = sizeof(s), .flags = flags, .handle = handle,
		.offset = offset, .bytes = bytes,
	};

	return mm_call(fd, MEMMGR_IOC_SYNC, &s);
}

/* The new file descriptor, or a negative errno. */
static inline int mm_export(int fd, __u64 handle, __u32 flags)
{
	struct memmgr_export e = {
		.size = sizeof(e), .flags = flags, .handle = handle, .fd = -1,
	};
	int result = mm_call(fd, MEMMGR_IOC_EXPORT, &e);

	return result ? result : e.fd;
}

/* One call: up to *@count entries from *@cursor on; both say how it went on. */
static inline int mm_accounts(int fd, __u32 flags, struct memmgr_account *entries,
			      __u32 *count, __u64 *cursor)
{
	struct memmgr_accounts a = {
		.size = sizeof(a), .flags = flags, .count = *count,
		.entry_size = sizeof(*entries), .cursor = *cursor,
		.entries = (uintptr_t)entries,
	};
	int result = mm_call(fd, MEMMGR_IOC_ACCOUNTS, &a);

	*count = a.count;
	*cursor = a.cursor;
	return result;
}

static inline int mm_set_quota(int fd, __u32 flags, __u64 id, __u64 max_bytes,
			       __u32 max_allocations)
{
	struct memmgr_quota q = {
		.size = sizeof(q), .flags = flags, .id = id,
		.max_bytes = max_bytes, .max_allocations = max_allocations,
	};

	return mm_call(fd, MEMMGR_IOC_SET_QUOTA, &q);
}

static inline int mm_explain(int fd, __u32 heap, __u64 bytes, __u64 align,
			     struct memmgr_explain *e)
{
	*e = (struct memmgr_explain){
		.size = sizeof(*e), .heap = heap, .bytes = bytes, .align = align,
	};
	return mm_call(fd, MEMMGR_IOC_EXPLAIN, e);
}

static inline struct memmgr_compact compact_request(__u32 heap, __u32 flags,
						    __u64 bytes)
{
	return (struct memmgr_compact){
		.size = sizeof(struct memmgr_compact), .heap = heap, .flags = flags,
		.bytes = bytes,
	};
}

static inline int mm_compact(int fd, struct memmgr_compact *c)
{
	return mm_call(fd, MEMMGR_IOC_COMPACT, c);
}

static inline int mm_empty(int fd, __u32 heap, __u64 offset, __u64 bytes,
			   struct memmgr_compact *c)
{
	*c = compact_request(heap, MEMMGR_COMPACT_RANGE, bytes);
	c->offset = offset;
	return mm_compact(fd, c);
}

static inline struct memmgr_pin pin_request(__u64 handle, __u32 flags)
{
	return (struct memmgr_pin){
		.size = sizeof(struct memmgr_pin), .flags = flags, .handle = handle,
	};
}

static inline int mm_pin(int fd, __u64 handle, __u32 flags)
{
	struct memmgr_pin p = pin_request(handle, flags);

	return mm_call(fd, MEMMGR_IOC_PIN, &p);
}

static inline int mm_unpin(int fd, __u64 handle, __u32 flags)
{
	struct memmgr_pin p = pin_request(handle, flags);

	return mm_call(fd, MEMMGR_IOC_UNPIN, &p);
}

static inline int mm_health(int fd, struct memmgr_health *h)
{
	*h = (struct memmgr_health){ .size = sizeof(*h) };
	return mm_call(fd, MEMMGR_IOC_HEALTH, h);
}

/* Sets the thresholds in @h; the state of _ON is @flags. */
static inline int mm_health_set(int fd, const struct memmgr_health *h, __u32 flags)
{
	struct memmgr_health set = {
		.size = sizeof(set), .flags = MEMMGR_HEALTH_SET | flags,
		.compact_above = h->compact_above, .warn_above = h->warn_above,
		.hysteresis = h->hysteresis, .cpu = h->cpu,
	};

	return mm_call(fd, MEMMGR_IOC_HEALTH, &set);
}

static inline int mm_inject(int fd, struct memmgr_inject *inject)
{
	inject->size = sizeof(*inject);
	return mm_call(fd, MEMMGR_IOC_INJECT, inject);
}

static inline int mm_alloc_batch(int fd, __u32 heap, __u32 flags, __u64 bytes,
				 __u64 *handles, __u32 *count)
{
	struct memmgr_alloc_batch b = {
		.size = sizeof(b), .heap = heap, .flags = flags, .count = *count,
		.bytes = bytes, .handles = (uintptr_t)handles,
	};
	int result = mm_call(fd, MEMMGR_IOC_ALLOC_BATCH, &b);

	*count = b.count;
	return result;
}

static inline int mm_free_batch(int fd, const __u64 *handles, __u32 count)
{
	struct memmgr_free_batch b = {
		.size = sizeof(b), .count = count, .handles = (uintptr_t)handles,
	};

	return mm_call(fd, MEMMGR_IOC_FREE_BATCH, &b);
}

/* ---- heaps of each kind -------------------------------------------------- */

/* The same words for the kinds in all test names. */
static const char *const kind_names[MEMMGR_KINDS] = {
	"buddy", "slab", "pool", "stack",
};

/* A private heap of a kind with room for at least 64 blocks of 64 bytes. */
static inline struct memmgr_heap_create heap_config(__u32 kind, const char *name)
{
	struct memmgr_heap_create c = {
		.size = sizeof(c), .flags = MEMMGR_HEAP_PRIVATE, .kind = kind,
	};

	snprintf(c.name, sizeof(c.name), "%s", name);
	switch (kind) {
	case MEMMGR_KIND_BUDDY:
		c.bytes = 256 * KIB;
		c.granule = 32;
		break;
	case MEMMGR_KIND_SLAB:
		c.object_size = 192;
		break;
	case MEMMGR_KIND_POOL:
		c.object_size = 256;
		c.count = 64;
		break;
	default:
		c.bytes = 64 * KIB;
	}
	return c;
}

static inline int mm_heap_create(int fd, struct memmgr_heap_create *c)
{
	return mm_call(fd, MEMMGR_IOC_HEAP_CREATE, c);
}

static inline bool kind_is_built(int fd, __u32 kind)
{
	static const __u64 feature[MEMMGR_KINDS] = {
		0, MEMMGR_FEATURE_SLAB, MEMMGR_FEATURE_POOL,
		MEMMGR_FEATURE_STACK,
	};
	struct memmgr_query q;

	return !feature[kind] || (!mm_query(fd, &q) && (q.features & feature[kind]));
}

static inline bool debug_is_built(int fd)
{
	struct memmgr_query q;

	return !mm_query(fd, &q) && (q.features & MEMMGR_FEATURE_DEBUG);
}

/* In tests of a fixture: what a build lacks is not tested. */
#define REQUIRE_DEBUG							\
	do {								\
		if (!debug_is_built(self->fd))				\
			SKIP(return, "this build has no DEBUG");	\
	} while (0)

#define REQUIRE_KIND(k)							\
	do {								\
		if (!kind_is_built(self->fd, k))			\
			SKIP(return, "%s is not in this build", kind_names[k]); \
	} while (0)

/* ---- the same, where failing ends the test -------------------------------- */

static inline __u32 must_heap(struct __test_metadata *_metadata, int fd,
			      struct memmgr_heap_create c)
{
	ASSERT_EQ(0, mm_heap_create(fd, &c));
	return c.heap;
}

static inline __u32 must_kind(struct __test_metadata *_metadata, int fd,
			      __u32 kind)
{
	char name[MEMMGR_NAME_LEN];

	snprintf(name, sizeof(name), "t-%s-%d", kind_names[kind], getpid());
	return must_heap(_metadata, fd, heap_config(kind, name));
}

static inline struct memmgr_alloc must_alloc(struct __test_metadata *_metadata,
					     int fd, __u32 heap, __u64 bytes)
{
	struct memmgr_alloc a = alloc_request(heap, bytes);

	ASSERT_EQ(0, mm_alloc(fd, &a)) {
		TH_LOG("heap %u, %llu bytes: reason %u, largest %llu", heap,
		       (unsigned long long)bytes, a.reason,
		       (unsigned long long)a.largest);
	}
	return a;
}

static inline struct memmgr_stats must_stats(struct __test_metadata *_metadata,
					     int fd, __u32 heap)
{
	struct memmgr_stats s;

	ASSERT_EQ(0, mm_stats(fd, heap, &s));
	return s;
}

/* What must_map() mapped: a mapping keeps its file open until it goes. */
static struct {
	void *start;
	size_t bytes;
} mapped[32];
static unsigned int mapped_count;

static inline void *must_map(struct __test_metadata *_metadata, int fd,
			     __u64 map_offset, size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		       (off_t)map_offset);

	ASSERT_TRUE(p != MAP_FAILED);
	ASSERT_GT(ARRAY_SIZE(mapped), mapped_count);
	mapped[mapped_count].start = p;
	mapped[mapped_count++].bytes = bytes;
	return p;
}

static inline void unmap_all(void)
{
	for (; mapped_count; mapped_count--)
		munmap(mapped[mapped_count - 1].start, mapped[mapped_count - 1].bytes);
}

/* ---- the books of a region ----------------------------------------------- */

struct snapshot {
	__u32 heaps;
	struct memmgr_stats stats[MEMMGR_MAX_HEAPS];
};

/* Takes the books of every heap, and lets each heap check itself. */
static inline int snapshot_take(int fd, struct snapshot *s)
{
	struct memmgr_heap_query q;
	__u32 heap = 0;
	int result;

	memset(s, 0, sizeof(*s));
	while (!(result = mm_heap_next(fd, heap, &q))) {
		if (s->heaps == MEMMGR_MAX_HEAPS)
			return -E2BIG;
		result = mm_stats(fd, q.heap, &s->stats[s->heaps++]);
		if (result)
			return result;
		result = mm_check(fd, q.heap);
		if (result)
			return result;
		heap = q.heap + 1;
	}
	return result == -ENOENT ? 0 : result;
}

/* Forgets what only counts events: what is left is the state. */
static inline void keep_state(struct memmgr_stats *s)
{
	s->peak = 0;
	s->allocs = 0;
	s->frees = 0;
	s->resizes = 0;
	s->refused_frees = 0;
	s->joins = 0;
	s->fallbacks = 0;
	s->waits = 0;
	s->zeroed = 0;
	s->zero_ns = 0;
	s->violations = 0;
	s->injected = 0;
	memset(s->failures, 0, sizeof(s->failures));
	memset(s->classes, 0, sizeof(s->classes));
}

static inline bool snapshot_equal(const struct snapshot *a,
				  const struct snapshot *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static inline void print_difference(const struct memmgr_stats *a,
				    const struct memmgr_stats *b)
{
	fprintf(stderr,
		"# heap %u/%u: live %u/%u used %llu/%llu free %llu/%llu requested %llu/%llu total %llu/%llu largest %llu/%llu records %u/%u kernel %u/%u\n",
		a->heap, b->heap, a->live, b->live,
		(unsigned long long)a->used, (unsigned long long)b->used,
		(unsigned long long)a->free, (unsigned long long)b->free,
		(unsigned long long)a->requested,
		(unsigned long long)b->requested,
		(unsigned long long)a->total, (unsigned long long)b->total,
		(unsigned long long)a->largest, (unsigned long long)b->largest,
		a->records, b->records, a->kernel_live, b->kernel_live);
}

/* Equal apart from event counters; says where they differ. */
static inline bool snapshot_same_state(const struct snapshot *before,
				       const struct snapshot *after)
{
	bool same = before->heaps == after->heaps;
	__u32 i;

	if (!same)
		fprintf(stderr, "# %u heaps before, %u after\n", before->heaps,
			after->heaps);
	for (i = 0; same && i < before->heaps; i++) {
		struct memmgr_stats a = before->stats[i], b = after->stats[i];

		keep_state(&a);
		keep_state(&b);
		same = !memcmp(&a, &b, sizeof(a));
		if (!same)
			print_difference(&a, &b);
	}
	return same;
}

static inline __u64 snapshot_refused(const struct snapshot *s)
{
	__u64 sum = 0;
	__u32 i;

	for (i = 0; i < s->heaps; i++)
		sum += s->stats[i].refused_frees;
	return sum;
}

/*
 * Waits until the state is what it was: a process that was killed gives its
 * file back a little after its parent was told.
 */
static inline bool state_returns(int fd, const struct snapshot *before)
{
	static struct snapshot now;
	int err = -ENOENT, i;

	/* A heap that goes meanwhile may be in the list and no longer there. */
	for (i = 0; i < 1000 && (!err || err == -ENOENT); i++) {
		err = snapshot_take(fd, &now);
		if (!err && now.heaps == before->heaps &&
		    now.stats[0].live == before->stats[0].live &&
		    now.stats[0].used == before->stats[0].used)
			break;
		usleep(20000);
	}
	return !err && snapshot_same_state(before, &now);
}

/* What quiet_health() found, until the fixture restores it. */
static struct memmgr_health found_health;
static bool health_is_changed;

/* The region does not compact itself while a test counts moves or compares places. */
static inline int quiet_health(int fd)
{
	int result = mm_health(fd, &found_health);

	if (result)
		return result;
	health_is_changed = true;
	return mm_health_set(fd, &found_health, 0);
}

static inline int restore_health(int fd)
{
	if (!health_is_changed)
		return 0;
	return mm_health_set(fd, &found_health, found_health.flags & MEMMGR_HEALTH_ON);
}

#define MEMMGR_FIXTURE(fixture)						\
	FIXTURE(fixture)						\
	{								\
		int fd;							\
		size_t page;						\
		struct snapshot before;					\
	};								\
	FIXTURE_SETUP(fixture)						\
	{								\
		self->page = page_size();				\
		self->fd = open_device(O_RDWR);				\
		ASSERT_LE(0, self->fd);					\
		ASSERT_EQ(0, snapshot_take(self->fd, &self->before));	\
	}								\
	FIXTURE_TEARDOWN(fixture)					\
	{								\
		int fd = open_device(O_RDWR);				\
									\
		unmap_all();						\
		close(self->fd);					\
		EXPECT_LE(0, fd);					\
		EXPECT_EQ(0, restore_health(fd));			\
		EXPECT_TRUE(state_returns(fd, &self->before));		\
		close(fd);						\
	}

/* The same fixture, whose tests run once with each kind of heap. */
#define MEMMGR_KIND_FIXTURE(fixture)					\
	MEMMGR_FIXTURE(fixture)						\
	FIXTURE_VARIANT(fixture) { __u32 kind; };			\
	FIXTURE_VARIANT_ADD(fixture, buddy) { MEMMGR_KIND_BUDDY };	\
	FIXTURE_VARIANT_ADD(fixture, slab) { MEMMGR_KIND_SLAB };	\
	FIXTURE_VARIANT_ADD(fixture, pool) { MEMMGR_KIND_POOL };	\
	FIXTURE_VARIANT_ADD(fixture, stack) { MEMMGR_KIND_STACK }

/* ---- small things --------------------------------------------------------- */

static inline __u64 now_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static inline int compare_offsets(const void *x, const void *y)
{
	const struct memmgr_alloc *a = x, *b = y;

	return a->offset < b->offset ? -1 : a->offset > b->offset;
}

static inline void sort_by_offset(struct memmgr_alloc *blocks, size_t count)
{
	qsort(blocks, count, sizeof(*blocks), compare_offsets);
}

/* Bytes that tell which block they belong to and where they lie in it. */
static inline void fill_pattern(unsigned char *p, size_t bytes, __u32 seed)
{
	size_t i;

	for (i = 0; i < bytes; i++)
		p[i] = (unsigned char)((seed + 1) * 31 + i * 7 + (i >> 8)) | 1;
}

static inline bool is_pattern(const unsigned char *p, size_t bytes, __u32 seed)
{
	size_t i;

	for (i = 0; i < bytes; i++)
		if (p[i] != ((unsigned char)((seed + 1) * 31 + i * 7 + (i >> 8)) | 1))
			return false;
	return true;
}

static inline bool is_zero(const unsigned char *p, size_t bytes)
{
	size_t i;

	for (i = 0; i < bytes; i++)
		if (p[i])
			return false;
	return true;
}

/* xorshift: small, and the same everywhere */
static inline __u32 test_random(__u32 *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static inline __u64 test_number(const char *name, __u64 otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

/* The seed of this run, printed; SEED=n repeats one. */
static inline __u32 test_seed(void)
{
	static __u32 seed;

	if (!seed) {
		seed = (__u32)test_number("SEED", now_ns(CLOCK_REALTIME)) | 1;
		fprintf(stderr, "# SEED=%u\n", seed);
	}
	return seed;
}

/* A debug kernel is many times slower. */
static inline bool is_debug_kernel(void)
{
	const char *kernel = getenv("KERNEL");

	return !access("/sys/kernel/debug/kmemleak", F_OK) ||
	       (kernel && !strcmp(kernel, "debug"));
}

/* A page, then a page that is not there: for structures that straddle. */
static inline unsigned char *page_before_hole(void)
{
	size_t page = page_size();
	unsigned char *p = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || munmap(p + page, page))
		return NULL;
	return p;
}

static sigjmp_buf touch_return;

static inline void touch_failed(int signal)
{
	siglongjmp(touch_return, signal);
}

/* The signal that touching a byte raises: 0, SIGBUS or SIGSEGV. */
static inline int touch(unsigned char *p, bool write)
{
	struct sigaction action = { .sa_handler = touch_failed }, bus, segv;
	int raised;

	sigaction(SIGBUS, &action, &bus);
	sigaction(SIGSEGV, &action, &segv);
	raised = sigsetjmp(touch_return, 1);
	if (!raised && write)
		__atomic_store_n(p, 0x5a, __ATOMIC_RELAXED);
	else if (!raised)
		__atomic_load_n(p, __ATOMIC_RELAXED);
	sigaction(SIGBUS, &bus, NULL);
	sigaction(SIGSEGV, &segv, NULL);
	return raised;
}

/*
 * Runs a part of a test in a child. The child tells by its exit code which
 * step went wrong, 0 when none.
 */
static inline int child_result(pid_t child)
{
	int status;

	if (child < 0 || waitpid(child, &status, 0) != child)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

#endif /* MEMMGR_TEST_H */
