// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * What each call of a user does to others, in the worst state that a region can be in:
 * how long interrupts are off, and how late a SCHED_FIFO thread comes that sleeps
 * meanwhile. In a guest whose clock counts instructions, with one CPU.
 *
 * A case prepares its state, then calls while memmgr_bench's timer and the thread look
 * on. The caller is nobody, unless the call or the state needs root. One line "LATENCY"
 * for each case, and a result of KTAP; with arguments only the cases whose names begin so.
 * Nothing is looked at in steps of more than a few hundred, so that a few thousand show
 * what there is to see; --full takes as many as the region can have.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/memmgr.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define BENCH		"/sys/kernel/debug/memmgr_bench/"
#define NOBODY		65534
#define OFF_BOUND	20000	/* instructions with interrupts off */
#define LATE_BOUND	2000000	/* instructions between two chances to reschedule */
#define INTERVAL	4000	/* instructions between two looks at the interrupts */
#define MIB		(1ull << 20)
#define PAGE		4096ull
#define SLEEP		100000	/* ns, of the thread */
#define MANY		(full ? 16000u : 2500u)
#define OBJECTS		(full ? 20000u : 3000u)
#define CLIENTS		(full ? 900u : 200u)

static bool full;
static int device;		/* of the caller */
static int off;			/* BENCH "off" */
static __u32 heap;
static __u64 handles[65536];
static __u32 count;
static __u64 mark;
static char *buffer;

/* What the thread and the caller, two processes, tell each other. */
static struct {
	long long worst;
	bool end;
} *shared;

static long long worst_swap(long long value)
{
	return __atomic_exchange_n(&shared->worst, value, __ATOMIC_SEQ_CST);
}

static bool thread_ends(void)
{
	return __atomic_load_n(&shared->end, __ATOMIC_SEQ_CST);
}

static void thread_end(bool end)
{
	__atomic_store_n(&shared->end, end, __ATOMIC_SEQ_CST);
}

static void fail(const char *what)
{
	printf("# %s: %s\n", what, strerror(errno));
	fflush(stdout);
	_exit(1);
}

static long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static void *thread(void *unused)
{
	struct sched_param p = { .sched_priority = 90 };
	struct timespec t;
	long long due, late;

	if (sched_setscheduler(0, SCHED_FIFO, &p))
		fail("SCHED_FIFO");
	while (!thread_ends()) {
		due = now() + SLEEP;
		t.tv_sec = due / 1000000000;
		t.tv_nsec = due % 1000000000;
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
		late = now() - due;
		/* The caller sets it to 0 when it begins. */
		if (late > __atomic_load_n(&shared->worst, __ATOMIC_SEQ_CST))
			worst_swap(late);
	}
	return unused;
}

/* ---- calls: 0 or a negative errno ---------------------------------------- */

static int call(unsigned long command, void *argument)
{
	return ioctl(device, command, argument) ? -errno : 0;
}

static int allocate(__u32 from, __u64 bytes, __u64 align, __u32 flags, __u64 *handle)
{
	struct memmgr_alloc a = {
		.size = sizeof(a), .heap = from, .flags = flags, .bytes = bytes, .align = align,
	};
	int err = call(MEMMGR_IOC_ALLOC, &a);

	if (handle)
		*handle = a.handle;
	return err;
}

static int release(__u64 handle)
{
	struct memmgr_free f = { .size = sizeof(f), .handle = handle };

	return call(MEMMGR_IOC_FREE, &f);
}

static int create(struct memmgr_heap_create c)
{
	static int serial;

	c.size = sizeof(c);
	snprintf(c.name, sizeof(c.name), "l%d-%d", getpid(), serial++);
	return call(MEMMGR_IOC_HEAP_CREATE, &c) ? -errno : (int)c.heap;
}

/* The caller's own heap. @unit: granule, or size of an object. */
static void own_heap(__u32 kind, __u64 bytes, __u32 unit, __u32 blocks, __u32 records)
{
	struct memmgr_heap_create c = {
		.flags = MEMMGR_HEAP_PRIVATE, .kind = kind, .bytes = bytes, .count = blocks,
		.max_allocations = records,
	};
	int id;

	if (kind == MEMMGR_KIND_BUDDY)
		c.granule = unit;
	else
		c.object_size = unit;
	id = create(c);
	if (id < 0)
		fail("HEAP_CREATE");
	heap = id;
}

/* As many of one size as there can be, up to @most. */
static void fill(__u32 from, __u64 bytes, __u32 most)
{
	count = 0;
	while (count < most && !allocate(from, bytes, 0, 0, &handles[count]))
		count++;
}

/* Every other one goes. */
static void thin_out(void)
{
	__u32 i;

	for (i = 0; i < count; i += 2)
		release(handles[i]);
}

/* ---- states -------------------------------------------------------------- */

static void nothing(void)
{
}

/* More granules than a region of 4 GiB has pages, nearly all of them free. */
static void large_heap(void)
{
	own_heap(MEMMGR_KIND_BUDDY, 40 * MIB, 32, 0, 0);
	allocate(heap, 32, 0, 0, NULL);
	allocate(heap, 20 * MIB, 0, 0, &handles[0]);
	allocate(heap, 32, 0, 0, NULL);
	release(handles[0]);
}

/* One block that has nearly all of them. */
static void large_block(void)
{
	own_heap(MEMMGR_KIND_BUDDY, 40 * MIB, 32, 0, 0);
	allocate(heap, 39 * MIB, 0, 0, &handles[0]);
}

static void many_pages(void)
{
	fill(0, PAGE, MANY);
}

static void checkerboard(void)
{
	many_pages();
	thin_out();
}

static void slab_heap(void)
{
	own_heap(MEMMGR_KIND_SLAB, 8 * MIB, 8, 0, OBJECTS);
	fill(heap, 8, OBJECTS);
}

static void pool_heap(void)
{
	own_heap(MEMMGR_KIND_POOL, 0, 8, full ? 500000 : 50000, OBJECTS);
	fill(heap, 8, OBJECTS / 2);
}

static void stack_heap(void)
{
	struct memmgr_mark m = { .size = sizeof(m) };

	own_heap(MEMMGR_KIND_STACK, 8 * MIB, 0, 0, OBJECTS);
	m.heap = heap;
	call(MEMMGR_IOC_MARK, &m);
	mark = m.mark;
	fill(heap, 8, OBJECTS);
}

/* A slab heap that could have as many slabs as the region has pages, and has one. */
static void sparse_slabs(void)
{
	own_heap(MEMMGR_KIND_SLAB, 60 * MIB, 8, 0, 1000);
	fill(heap, 8, 1);
}

static void pin(__u64 handle, unsigned long command, __u32 flags)
{
	struct memmgr_pin p = { .size = sizeof(p), .flags = flags, .handle = handle };

	call(command, &p);
}

static void many_pins(void)
{
	__u32 i;

	many_pages();
	for (i = 0; i < count; i++)
		pin(handles[i], MEMMGR_IOC_PIN, 0);
}

static void many_clients(void)
{
	struct rlimit limit = { .rlim_cur = CLIENTS + 64, .rlim_max = CLIENTS + 64 };
	unsigned int i;

	setrlimit(RLIMIT_NOFILE, &limit);
	for (i = 0; i < CLIENTS; i++)
		if (open("/dev/memmgr", O_RDWR) < 0)
			break;
}

static void many_users(void)
{
	__u32 i;

	for (i = 0; i < CLIENTS; i++) {
		struct memmgr_quota q = {
			.size = sizeof(q), .flags = MEMMGR_QUOTA_USER, .id = 100000 + i,
			.max_bytes = MIB,
		};

		call(MEMMGR_IOC_SET_QUOTA, &q);
	}
}

static void users_end(void)
{
	__u32 i;

	for (i = 0; i < CLIENTS; i++) {
		struct memmgr_quota q = {
			.size = sizeof(q), .flags = MEMMGR_QUOTA_USER | MEMMGR_QUOTA_DEFAULT,
			.id = 100000 + i,
		};

		call(MEMMGR_IOC_SET_QUOTA, &q);
	}
}

/* Errors are looked for in main or the own heap, as closely as can be. */
static void errors(__u32 flags, __u32 zone)
{
	struct memmgr_debug d = {
		.size = sizeof(d), .flags = MEMMGR_DEBUG_SET | flags, .heap = heap, .zone = zone,
		.quarantine_blocks = flags & MEMMGR_DEBUG_QUARANTINE ? MEMMGR_QUARANTINE_MAX : 0,
		.quarantine_bytes = flags & MEMMGR_DEBUG_QUARANTINE ? 32 * MIB : 0,
	};

	if (call(MEMMGR_IOC_DEBUG, &d))
		fail("DEBUG");
}

static void zones_on(void)
{
	errors(MEMMGR_DEBUG_ZONES, MEMMGR_ZONE_MAX);
}

static void quarantine_on(void)
{
	errors(MEMMGR_DEBUG_QUARANTINE, 0);
}

static void poison_on(void)
{
	errors(MEMMGR_DEBUG_POISON | MEMMGR_DEBUG_QUARANTINE, 0);
}

static void errors_off(void)
{
	errors(0, 0);
}

static void full_quarantine(void)
{
	__u32 i;

	for (i = 0; i < 4200 && !allocate(0, PAGE, 0, 0, &handles[0]); i++)
		release(handles[0]);
}

static void zoned_pages(void)
{
	fill(0, 100, 64);
}

/* All that a program can do to red zones: to write over what of them is mapped. */
static void damaged_pages(void)
{
	struct memmgr_alloc a = { .size = sizeof(a), .bytes = 100 };
	unsigned int i;
	char *at;

	for (i = 0; i < 16; i++) {
		if (call(MEMMGR_IOC_ALLOC, &a))
			fail("ALLOC");
		at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, device, a.map_offset);
		if (at == MAP_FAILED)
			fail("mmap");
		memset(at, 0, PAGE);
		handles[count++] = a.handle;
	}
}

static void zoned_stack(void)
{
	struct memmgr_mark m = { .size = sizeof(m) };

	own_heap(MEMMGR_KIND_STACK, 8 * MIB, 0, 0, 600);
	errors(MEMMGR_DEBUG_ZONES, MEMMGR_ZONE_MAX);
	m.heap = heap;
	call(MEMMGR_IOC_MARK, &m);
	mark = m.mark;
	fill(heap, 100, 100);
}

static __u32 shared_heap;

/* A stack that all use, */
static void shared_stack(void)
{
	struct memmgr_heap_create c = {
		.kind = MEMMGR_KIND_STACK, .bytes = MIB, .max_allocations = OBJECTS + 1,
	};
	int id = create(c);

	if (id < 0)
		fail("HEAP_CREATE");
	shared_heap = id;
}

/* and in which a client that is gone has left many blocks below one of the caller's. */
static void buried_blocks(void)
{
	int other, own = device;

	device = open("/dev/memmgr", O_RDWR);
	fill(shared_heap, 8, OBJECTS);
	count = 0;
	other = device;
	device = own;
	if (allocate(shared_heap, 8, 0, 0, &handles[0]))
		fail("ALLOC");
	close(other);
}

static void shared_stack_ends(void)
{
	struct memmgr_heap_destroy d = {
		.size = sizeof(d), .flags = MEMMGR_DESTROY_FORCE, .heap = shared_heap,
	};

	call(MEMMGR_IOC_HEAP_DESTROY, &d);
}

static void large_allocation(void)
{
	allocate(0, 48 * MIB, 0, 0, &handles[0]);
	buffer = malloc(4 * MIB);
	memset(buffer, 1, 4 * MIB);
}

static void main_block(void)
{
	allocate(0, PAGE, 0, 0, &handles[0]);
}

static void many_failures(void)
{
	int i;

	for (i = 0; i < 200; i++)
		allocate(0, 1ull << 40, 0, 0, NULL);
}

static void *shuffle(void *unused)
{
	__u64 handle;

	for (;;)
		if (!allocate(0, 63 * MIB, 0, 0, &handle))
			release(handle);
	return unused;
}

/* Beside it a block comes and goes that fills the region. */
static void shuffled(void)
{
	static pthread_t t;
	__u64 h[64];
	int i;

	for (i = 0; i < 64; i++)
		allocate(0, PAGE, 0, 0, &h[i]);
	for (i = 1; i < 64; i++)
		release(h[i]);
	pthread_create(&t, NULL, shuffle, NULL);
}

/* ---- what is measured ---------------------------------------------------- */

static void idle(void)
{
	long long end = now() + 20000000;

	while (now() < end)
		;
}

/* What is below goes with it: its place is needed at once. */
static void uncover(void)
{
	release(handles[0]);
	allocate(shared_heap, MIB - 8, 0, 0, &handles[0]);
}

static void query(void)
{
	struct memmgr_query q = { .size = sizeof(q) };
	struct memmgr_heap_query h = { .size = sizeof(h), .flags = MEMMGR_QUERY_NEXT };

	call(MEMMGR_IOC_QUERY, &q);
	call(MEMMGR_IOC_HEAP_QUERY, &h);
}

static void query_blocks(void)
{
	struct memmgr_info info = { .size = sizeof(info) };
	__u32 i;

	for (i = 0; i < count; i += 100) {
		info.handle = handles[i];
		call(MEMMGR_IOC_ALLOC_QUERY, &info);
	}
}

static void books(void)
{
	struct memmgr_stats s = { .size = sizeof(s), .heap = heap };
	struct memmgr_frag f = { .size = sizeof(f), .heap = heap };

	call(MEMMGR_IOC_STATS, &s);
	call(MEMMGR_IOC_FRAG, &f);
}

static void check(void)
{
	struct memmgr_check c = { .size = sizeof(c), .heap = heap };

	if (call(MEMMGR_IOC_CHECK, &c))
		fail(c.what);
}

static void check_damaged(void)
{
	struct memmgr_check c = { .size = sizeof(c) };

	if (call(MEMMGR_IOC_CHECK, &c) != -EUCLEAN)
		fail("CHECK");
}

static void refused_large(void)
{
	__u64 handle;

	allocate(heap, 32, 0, 0, &handle);
	allocate(heap, 39 * MIB, 0, 0, NULL);
	allocate(heap, 1ull << 40, 0, 0, NULL);
	release(handle);
}

static void refused_align(void)
{
	__u64 handle;

	allocate(heap, 32, 0, 0, &handle);
	allocate(heap, 30 * MIB, 65536, 0, NULL);
	release(handle);
}

static void refused_pages(void)
{
	__u64 handle;

	if (!allocate(0, PAGE, 0, 0, &handle))
		release(handle);
	allocate(0, 2 * PAGE, 0, 0, NULL);
	allocate(0, 3 * PAGE, 2 * PAGE, 0, NULL);
}

static void pairs(void)
{
	int i;

	for (i = 0; i < 500; i++)
		if (!allocate(heap, 24, 0, 0, &handles[60000]))
			release(handles[60000]);
}

static void pages(void)
{
	int i;

	for (i = 0; i < 100; i++)
		if (!allocate(0, 100, 0, 0, &handles[60000]))
			release(handles[60000]);
}

static void poisoned_pairs(void)
{
	if (!allocate(0, 4 * MIB, 0, 0, &handles[60000]))
		release(handles[60000]);
}

static void large_pairs(void)
{
	if (!allocate(0, 40 * MIB, 0, 0, &handles[60000]))
		release(handles[60000]);
}

static void batches(void)
{
	struct memmgr_alloc_batch a = {
		.size = sizeof(a), .heap = heap, .count = MEMMGR_BATCH_MAX, .bytes = 8,
		.handles = (unsigned long)&handles[40000],
	};
	struct memmgr_free_batch f = {
		.size = sizeof(f), .handles = (unsigned long)&handles[40000],
	};

	call(MEMMGR_IOC_ALLOC_BATCH, &a);
	f.count = a.count;
	call(MEMMGR_IOC_FREE_BATCH, &f);
}

static void resize(void)
{
	struct memmgr_resize r = { .size = sizeof(r), .handle = handles[0], .bytes = PAGE };

	call(MEMMGR_IOC_RESIZE, &r);
	r.bytes = 40 * MIB;
	call(MEMMGR_IOC_RESIZE, &r);
	r.bytes = 1ull << 40;
	call(MEMMGR_IOC_RESIZE, &r);
}

static void stack_release(void)
{
	struct memmgr_mark m = { .size = sizeof(m), .heap = heap, .mark = mark };

	if (call(MEMMGR_IOC_RELEASE, &m))
		fail("RELEASE");
	fill(heap, 8, OBJECTS);
}

static void release_zones(void)
{
	struct memmgr_mark m = { .size = sizeof(m), .heap = heap, .mark = mark };

	release(handles[--count]);
	if (call(MEMMGR_IOC_RELEASE, &m))
		fail("RELEASE");
}

static void resize_zones(void)
{
	struct memmgr_resize r = { .size = sizeof(r) };
	__u32 i;

	for (i = 0; i < count; i++) {
		r.handle = handles[i];
		r.bytes = 200;
		call(MEMMGR_IOC_RESIZE, &r);
		r.bytes = 50;
		call(MEMMGR_IOC_RESIZE, &r);
	}
}

static void free_all(void)
{
	while (count)
		release(handles[--count]);
}

static void list(__u32 flags)
{
	static struct memmgr_info entries[MEMMGR_BATCH_MAX];
	struct memmgr_list l = { .size = sizeof(l), .entry_size = sizeof(entries[0]) };

	do {
		l.flags = flags;
		l.heap = MEMMGR_HEAP_ANY;
		l.count = MEMMGR_BATCH_MAX;
		l.entries = (unsigned long)entries;
		if (call(MEMMGR_IOC_LIST, &l))
			fail("LIST");
	} while (l.cursor);
}

static void list_all(void)
{
	list(0);
}

static void list_mine(void)
{
	list(MEMMGR_LIST_MINE);
}

static void map_cells(void)
{
	static struct memmgr_cell cells[256];
	struct memmgr_map m = { .size = sizeof(m), .cells = (unsigned long)cells };
	int i;

	for (i = 0; i < 20; i++) {
		m.count = 256;
		if (call(MEMMGR_IOC_MAP, &m))
			fail("MAP");
		sched_yield();
	}
}

static void pins(void)
{
	int i;

	for (i = 0; i < 20; i++) {
		pin(handles[0], MEMMGR_IOC_PIN, 0);
		pin(handles[0], MEMMGR_IOC_UNPIN, 0);
		pin(handles[0], MEMMGR_IOC_PIN, MEMMGR_PIN_LEASE);
		pin(handles[0], MEMMGR_IOC_UNPIN, MEMMGR_PIN_LEASE);
	}
}

static void free_pinned(void)
{
	int i;

	for (i = 0; i < 20; i++)
		release(handles[i]);
}

static void accounts(__u32 flags)
{
	static struct memmgr_account entries[1024];
	struct memmgr_accounts a = {
		.size = sizeof(a), .flags = flags, .count = 1024,
		.entry_size = sizeof(entries[0]), .entries = (unsigned long)entries,
	};

	if (call(MEMMGR_IOC_ACCOUNTS, &a))
		fail("ACCOUNTS");
}

static void accounts_clients(void)
{
	accounts(0);
	close(open("/dev/memmgr", O_RDWR));
}

static void accounts_users(void)
{
	struct memmgr_quota q = { .size = sizeof(q), .flags = MEMMGR_QUOTA_USER, .id = 200000 };

	accounts(MEMMGR_ACCOUNTS_USERS);
	call(MEMMGR_IOC_SET_QUOTA, &q);
	q.flags |= MEMMGR_QUOTA_DEFAULT;
	call(MEMMGR_IOC_SET_QUOTA, &q);
}

static void heaps(void)
{
	struct memmgr_heap_destroy d = { .size = sizeof(d), .flags = MEMMGR_DESTROY_FORCE };
	struct memmgr_heap_create c[] = {
		{ .kind = MEMMGR_KIND_BUDDY, .bytes = 32 * MIB, .granule = 32 },
		{ .kind = MEMMGR_KIND_SLAB, .bytes = 60 * MIB, .object_size = 8, .count = 100000 },
		{ .kind = MEMMGR_KIND_POOL, .object_size = 8, .count = 2000000 },
		{ .kind = MEMMGR_KIND_STACK, .bytes = 32 * MIB, .max_allocations = 60000 },
	};
	unsigned int i;
	int id;

	for (i = 0; i < ARRAY_SIZE(c); i++) {
		c[i].flags = MEMMGR_HEAP_PRIVATE;
		id = create(c[i]);
		if (id < 0)
			continue;
		d.heap = id;
		call(MEMMGR_IOC_HEAP_DESTROY, &d);
	}
}

static void explain(void)
{
	struct memmgr_explain e = { .size = sizeof(e), .heap = heap, .bytes = 2 * PAGE };

	call(MEMMGR_IOC_EXPLAIN, &e);
}

static void compact(__u32 flags)
{
	struct memmgr_compact c = { .size = sizeof(c), .heap = heap, .flags = flags };

	call(MEMMGR_IOC_COMPACT, &c);
}

static void dry_run(void)
{
	compact(MEMMGR_COMPACT_DRY_RUN);
}

static void compact_all(void)
{
	compact(0);
}

static void failures(void)
{
	static struct memmgr_failure entries[256];
	struct memmgr_failures f = {
		.size = sizeof(f), .count = 256, .entry_size = sizeof(entries[0]),
		.entries = (unsigned long)entries,
	};

	call(MEMMGR_IOC_FAILURES, &f);
}

static void corruptions(void)
{
	static struct memmgr_corruption entries[64];
	struct memmgr_corruptions c = {
		.size = sizeof(c), .count = 64, .entry_size = sizeof(entries[0]),
		.entries = (unsigned long)entries,
	};

	call(MEMMGR_IOC_CORRUPTIONS, &c);
}

/* Never issued, or long gone. */
static void wrong_frees(void)
{
	int i;

	for (i = 0; i < 20; i++)
		release((i + 99ull) << 32 | i);
	corruptions();
}

static void sites(void)
{
	static struct memmgr_site entries[256];
	struct memmgr_sites s = {
		.size = sizeof(s), .count = 256, .entry_size = sizeof(entries[0]),
		.entries = (unsigned long)entries,
	};

	call(MEMMGR_IOC_SITES, &s);
}

static void switches(void)
{
	struct memmgr_track t = { .size = sizeof(t), .flags = MEMMGR_TRACK_ON };
	struct memmgr_latency l = { .size = sizeof(l), .flags = MEMMGR_LATENCY_ON };
	struct memmgr_inject i = { .size = sizeof(i), .flags = MEMMGR_INJECT_HEAP };

	call(MEMMGR_IOC_TRACK, &t);
	t.flags = MEMMGR_TRACK_OFF;
	call(MEMMGR_IOC_TRACK, &t);
	call(MEMMGR_IOC_LATENCY, &l);
	l.flags = MEMMGR_LATENCY_OFF | MEMMGR_LATENCY_RESET;
	call(MEMMGR_IOC_LATENCY, &l);
	call(MEMMGR_IOC_INJECT, &i);
	sites();
}

static void rights(void)
{
	struct memmgr_heap_rights r = {
		.size = sizeof(r), .flags = MEMMGR_RIGHTS_MODE, .mode = 0666, .heap = 0,
	};

	call(MEMMGR_IOC_HEAP_RIGHTS, &r);
}

/* All that is kept goes back. */
static void debug_off_and_on(void)
{
	errors_off();
	quarantine_on();
}

static void protect(void)
{
	struct memmgr_protect p = { .size = sizeof(p), .handle = handles[0],
				    .access = MEMMGR_ACCESS_READ };

	call(MEMMGR_IOC_PROTECT, &p);
	p.access |= MEMMGR_ACCESS_WRITE;
	call(MEMMGR_IOC_PROTECT, &p);
}

static void sync_all(void)
{
	struct memmgr_sync s = { .size = sizeof(s), .flags = MEMMGR_SYNC_FOR_DEVICE,
				 .handle = handles[0], .bytes = 48 * MIB };

	call(MEMMGR_IOC_SYNC, &s);
}

static void copies(void)
{
	struct memmgr_copy c = { .size = sizeof(c), .handle = handles[0], .bytes = 4 * MIB,
				 .ptr = (unsigned long)buffer };

	call(MEMMGR_IOC_WRITE, &c);
	call(MEMMGR_IOC_READ, &c);
}

static void export(void)
{
	struct memmgr_export e = { .size = sizeof(e), .handle = handles[0] };

	if (!call(MEMMGR_IOC_EXPORT, &e))
		close(e.fd);
}

static void lease_large(void)
{
	pin(handles[0], MEMMGR_IOC_PIN, MEMMGR_PIN_LEASE);
	pin(handles[0], MEMMGR_IOC_UNPIN, MEMMGR_PIN_LEASE);
}

static void health(void)
{
	struct memmgr_health h = { .size = sizeof(h) };

	call(MEMMGR_IOC_HEALTH, &h);
}

static void close_device(void)
{
	close(device);
}

/**
 * struct item - a case
 * @name: of the call
 * @state: in which it is made
 * @before: prepares as root, once
 * @setup: prepares as the caller
 * @run: the calls
 * @after: takes back what @before did
 * @rounds: how often they are made
 * @root: the caller is root
 */
static const struct item {
	const char *name;
	const char *state;
	void (*before)(void);
	void (*setup)(void);
	void (*run)(void);
	void (*after)(void);
	int rounds;
	bool root;
} items[] = {
	{ "idle", "nothing is called",
	  nothing, nothing, idle, nothing, 1, false },
	{ "query", "many pages",
	  nothing, many_pages, query, nothing, 20, false },
	{ "stats-frag", "1.3 million granules",
	  nothing, large_heap, books, nothing, 50, true },
	{ "stats-frag-board", "a checkerboard",
	  nothing, checkerboard, books, nothing, 50, false },
	{ "health", "a checkerboard",
	  nothing, checkerboard, health, nothing, 50, false },
	{ "check-buddy", "1.3 million granules, free",
	  nothing, large_heap, check, nothing, 2, true },
	{ "check-buddy-block", "1.3 million granules, one block",
	  nothing, large_block, check, nothing, 2, true },
	{ "check-slab", "many 8-byte objects",
	  nothing, slab_heap, check, nothing, 2, true },
	{ "check-pool", "many blocks",
	  nothing, pool_heap, check, nothing, 2, true },
	{ "check-stack", "many blocks",
	  nothing, stack_heap, check, nothing, 2, true },
	{ "alloc-refused", "1.3 million granules, free",
	  nothing, large_heap, refused_large, nothing, 5, true },
	{ "alloc-aligned", "1.3 million granules, two runs",
	  nothing, large_heap, refused_align, nothing, 5, true },
	{ "alloc-board", "a checkerboard of pages",
	  nothing, checkerboard, refused_pages, nothing, 20, false },
	{ "alloc-free", "a heap of 1.3 million granules",
	  nothing, large_heap, pairs, nothing, 1, true },
	{ "alloc-free-slab", "slabs come and go",
	  nothing, slab_heap, batches, nothing, 2, true },
	{ "alloc-free-zones", "red zones of 4 KiB",
	  zones_on, nothing, pages, errors_off, 2, false },
	{ "alloc-free-kept", "a full quarantine",
	  quarantine_on, full_quarantine, pages, errors_off, 2, false },
	{ "alloc-free-large", "40 MiB are cleared",
	  nothing, nothing, large_pairs, nothing, 2, false },
	{ "alloc-free-poison", "4 MiB are poisoned",
	  poison_on, nothing, poisoned_pairs, errors_off, 1, false },
	{ "free-wrong", "a full quarantine",
	  quarantine_on, full_quarantine, wrong_frees, errors_off, 2, false },
	{ "batch", "4,096 at a time",
	  nothing, pool_heap, batches, nothing, 2, true },
	{ "resize", "48 MiB",
	  nothing, large_allocation, resize, nothing, 3, false },
	{ "release", "many blocks on a stack",
	  nothing, stack_heap, stack_release, nothing, 2, true },
	{ "release-zones", "100 blocks with red zones on a stack",
	  nothing, zoned_stack, release_zones, nothing, 1, true },
	{ "free-buried", "abandoned blocks below it on a stack",
	  shared_stack, buried_blocks, uncover, shared_stack_ends, 1, false },
	{ "alloc-query", "a stack",
	  nothing, stack_heap, query_blocks, nothing, 2, true },
	{ "check-zones", "red zones of 4 KiB",
	  zones_on, zoned_pages, check, errors_off, 2, true },
	{ "check-zones-damaged", "the same, written over",
	  zones_on, damaged_pages, check_damaged, errors_off, 1, true },
	{ "free-zones-damaged", "red zones of 4 KiB, written over",
	  zones_on, damaged_pages, free_all, errors_off, 1, false },
	{ "resize-zones", "red zones of 4 KiB",
	  zones_on, zoned_pages, resize_zones, errors_off, 2, false },
	{ "resize-zones-damaged", "the same, written over",
	  zones_on, damaged_pages, resize_zones, errors_off, 1, false },
	{ "debug", "a full quarantine",
	  quarantine_on, full_quarantine, debug_off_and_on, errors_off, 1, true },
	{ "rights", "main",
	  nothing, many_pages, rights, nothing, 5, true },
	{ "map-slabs", "a slab heap that may grow to 60 MiB",
	  nothing, sparse_slabs, map_cells, nothing, 1, true },
	{ "check-slabs", "a slab heap that may grow to 60 MiB",
	  nothing, sparse_slabs, check, nothing, 1, true },
	{ "compact", "a checkerboard",
	  nothing, checkerboard, compact_all, nothing, 1, true },
	{ "list", "many records",
	  nothing, many_pages, list_all, nothing, 2, false },
	{ "list-mine", "none of many records is mine",
	  many_pages, nothing, list_mine, nothing, 2, false },
	{ "map", "a checkerboard",
	  nothing, checkerboard, map_cells, nothing, 1, false },
	{ "map-shuffled", "a block of the region's size comes and goes",
	  nothing, shuffled, map_cells, nothing, 10, false },
	{ "pin", "many pins",
	  nothing, many_pins, pins, nothing, 3, false },
	{ "free-pinned", "many pins",
	  nothing, many_pins, free_pinned, nothing, 2, false },
	{ "close", "many pins",
	  nothing, many_pins, close_device, nothing, 1, false },
	{ "close-heaps", "a stack of many blocks",
	  nothing, stack_heap, close_device, nothing, 1, true },
	{ "lease", "48 MiB",
	  nothing, large_allocation, lease_large, nothing, 1, false },
	{ "accounts", "many clients",
	  nothing, many_clients, accounts_clients, nothing, 2, false },
	{ "accounts-users", "many users",
	  nothing, many_users, accounts_users, users_end, 2, true },
	{ "heaps", "small units",
	  nothing, nothing, heaps, nothing, 1, true },
	{ "explain", "a checkerboard",
	  nothing, checkerboard, explain, nothing, 2, false },
	{ "dry-run", "a checkerboard",
	  nothing, checkerboard, dry_run, nothing, 2, false },
	{ "dry-run-slab", "many objects",
	  nothing, slab_heap, dry_run, nothing, 1, true },
	{ "failures", "200 of them",
	  nothing, many_failures, failures, nothing, 5, false },
	{ "switches", "tracking, latency, injection",
	  nothing, nothing, switches, nothing, 3, true },
	{ "protect", "48 MiB",
	  nothing, large_allocation, protect, nothing, 2, false },
	{ "sync", "48 MiB",
	  nothing, large_allocation, sync_all, nothing, 2, false },
	{ "read-write", "4 MiB",
	  nothing, large_allocation, copies, nothing, 2, false },
	{ "export", "48 MiB",
	  nothing, large_allocation, export, nothing, 2, false },
};

static void off_write(unsigned int seed)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u\n", seed);

	if (write(off, text, len) != len)
		fail("off");
}

static void off_read(const char *name, char *text, size_t size)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), BENCH "%s", name);
	file = fopen(path, "r");
	if (!file || !fgets(text, size, file))
		fail(path);
	text[strcspn(text, "\n")] = 0;
	fclose(file);
}

/* The timer leaves out what comes right after a change to another task. */
static void pause_between(void)
{
	long long end = now() + 3 * INTERVAL;

	while (now() < end)
		;
}

static void caller(const struct item *item)
{
	int i;

	if (!item->root && (setgid(NOBODY) || setuid(NOBODY)))
		fail("setuid");
	device = open("/dev/memmgr", O_RDWR);
	if (device < 0)
		fail("/dev/memmgr");
	item->setup();
	worst_swap(0);
	off_write(1);
	for (i = 0; i < item->rounds; i++) {
		pause_between();
		item->run();
	}
	usleep(1000);
	off_write(0);
	/* What goes at its end is no part of it. */
	thread_end(true);
	fflush(stdout);
	_exit(0);
}

/* 0 when it is within bounds. */
static int run(const struct item *item, int number)
{
	long long longest, worst, took = now();
	char text[64], where[128];
	int status, own = device;
	bool bad = false;
	pthread_t t;
	pid_t pid;

	item->before();
	thread_end(false);
	if (pthread_create(&t, NULL, thread, NULL))
		fail("thread");
	fflush(stdout);
	pid = fork();
	if (!pid)
		caller(item);
	waitpid(pid, &status, 0);
	worst = worst_swap(0);
	thread_end(true);
	pthread_join(t, NULL);
	off_read("off", text, sizeof(text));
	longest = atoll(text);
	off_read("off_where", where, sizeof(where));
	item->after();
	device = own;
	while (count)
		release(handles[--count]);
	if (!status)
		bad = longest > OFF_BOUND || worst > LATE_BOUND;
	printf("LATENCY %-22s %-46s %10lld %10lld %s\n", item->name, item->state, longest,
	       worst, where);
	printf("%sok %d %s # off %lld insn, late %lld insn, took %lld ms%s\n",
	       status || bad ? "not " : "", number, item->name, longest, worst,
	       (now() - took) / 1000000, status ? ", the caller failed" : "");
	fflush(stdout);
	return status || bad;
}

static bool wanted(const struct item *item, char **names)
{
	char **name;

	for (name = names; *name; name++)
		if (!strncmp(item->name, *name, strlen(*name)))
			return true;
	return name == names;
}

int main(int argc, char **argv)
{
	int number = 0, bad = 0;
	char **names = argv + 1;
	unsigned int i;

	full = argc > 1 && !strcmp(argv[1], "--full");
	names += full;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	device = open("/dev/memmgr", O_RDWR);
	off = open(BENCH "off_interval", O_RDWR);
	if (off >= 0)
		off_write(INTERVAL);
	close(off);
	off = open(BENCH "off", O_RDWR);
	if (shared == MAP_FAILED || device < 0 || off < 0)
		fail("/dev/memmgr, " BENCH "off");
	printf("KTAP version 1\n");
	for (i = 0; i < ARRAY_SIZE(items); i++)
		if (wanted(&items[i], names))
			bad += run(&items[i], ++number);
	printf("1..%d\n", number);
	return !!bad;
}
