// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * PIN and UNPIN: the counts, the owners of pins, the moves and frees that a pin prevents;
 * leases: no page fault afterwards.
 *
 * Rule: <linux/memmgr.h>, struct memmgr_pin, and memmgr(7), REAL TIME, "A lease".
 */
#include <linux/capability.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "lib/memmgr_test.h"

MEMMGR_FIXTURE(pin)

#define PAGES	8

static const __u32 sorts[] = { 0, MEMMGR_PIN_LEASE };

/* Pins, or unpins; what the call said is in *@p. */
static int pin_call(int fd, unsigned long command, __u64 handle, __u32 flags,
		    struct memmgr_pin *p)
{
	*p = pin_request(handle, flags);
	return mm_call(fd, command, p);
}

static struct memmgr_info info_of(struct __test_metadata *_metadata, int fd, __u64 handle)
{
	struct memmgr_info i;

	ASSERT_EQ(0, mm_info(fd, handle, &i));
	return i;
}

/* Tries all that could move an allocation; true when it lies where it lay. */
static bool resists(int fd, __u64 handle)
{
	struct memmgr_compact c;
	struct memmgr_info one, two;

	if (mm_info(fd, handle, &one))
		return false;
	if (mm_empty(fd, one.heap, one.offset, one.granted, &c) != -ENOMEM ||
	    c.reason != MEMMGR_REASON_PINNED ||
	    c.stayed[MEMMGR_FIXED_PINNED] != one.granted)
		return false;
	c = compact_request(one.heap, 0, 0);
	if (mm_compact(fd, &c) || mm_info(fd, handle, &two))
		return false;
	return one.offset == two.offset && one.moves == two.moves;
}

/* Moves it; true when it lies elsewhere. */
static bool yields(int fd, __u64 handle)
{
	struct memmgr_compact c;
	struct memmgr_info one, two;

	return !mm_info(fd, handle, &one) &&
	       !mm_empty(fd, one.heap, one.offset, one.granted, &c) &&
	       !mm_info(fd, handle, &two) && one.offset != two.offset &&
	       one.moves + 1 == two.moves;
}

TEST_F(pin, counts)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, self->page);
	struct memmgr_info info;
	struct memmgr_pin p;
	__u32 s, i;

	for (s = 0; s < ARRAY_SIZE(sorts); s++) {
		for (i = 1; i <= 5; i++) {
			ASSERT_EQ(0, pin_call(self->fd, MEMMGR_IOC_PIN, a.handle, sorts[s], &p));
			info = info_of(_metadata, self->fd, a.handle);
			EXPECT_EQ(i, p.pins);
			EXPECT_EQ(i, p.mine);
			EXPECT_EQ(i, info.pins);
			EXPECT_EQ(info.offset, p.offset);
			EXPECT_EQ(info.phys, p.phys);
			EXPECT_EQ(0, info.state & MEMMGR_INFO_MOVABLE);
			EXPECT_EQ(!!s, !!(info.state & MEMMGR_INFO_LEASED));
		}
		for (i = 5; i--;) {
			EXPECT_TRUE(resists(self->fd, a.handle));
			ASSERT_EQ(0, pin_call(self->fd, MEMMGR_IOC_UNPIN, a.handle, sorts[s], &p));
			EXPECT_EQ(i, p.pins);
			EXPECT_EQ(i, p.mine);
		}
		info = info_of(_metadata, self->fd, a.handle);
		EXPECT_EQ(0, info.pins);
		EXPECT_NE(0, info.state & MEMMGR_INFO_MOVABLE);
		EXPECT_EQ(0, info.state & MEMMGR_INFO_LEASED);
		EXPECT_TRUE(yields(self->fd, a.handle));
		EXPECT_EQ(-EINVAL, mm_unpin(self->fd, a.handle, sorts[s]));
	}
}

/* Each sort is counted for itself, and both together hold. */
TEST_F(pin, sorts_are_apart)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, self->page);
	struct memmgr_pin p;

	ASSERT_EQ(0, pin_call(self->fd, MEMMGR_IOC_PIN, a.handle, 0, &p));
	EXPECT_EQ(-EINVAL, mm_unpin(self->fd, a.handle, MEMMGR_PIN_LEASE));
	ASSERT_EQ(0, pin_call(self->fd, MEMMGR_IOC_PIN, a.handle, MEMMGR_PIN_LEASE, &p));
	EXPECT_EQ(2, p.pins);
	EXPECT_EQ(1, p.mine);
	ASSERT_EQ(0, pin_call(self->fd, MEMMGR_IOC_UNPIN, a.handle, 0, &p));
	EXPECT_EQ(1, p.pins);
	EXPECT_EQ(0, p.mine);
	EXPECT_EQ(-EINVAL, mm_unpin(self->fd, a.handle, 0));
	EXPECT_NE(0, info_of(_metadata, self->fd, a.handle).state & MEMMGR_INFO_LEASED);
	EXPECT_TRUE(resists(self->fd, a.handle));
	ASSERT_EQ(0, mm_unpin(self->fd, a.handle, MEMMGR_PIN_LEASE));
	EXPECT_TRUE(yields(self->fd, a.handle));
}

TEST_F(pin, own_pins_do_not_keep_from_freeing)
{
	struct memmgr_alloc a;
	__u32 s;

	for (s = 0; s < ARRAY_SIZE(sorts); s++) {
		a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, self->page);
		ASSERT_EQ(0, mm_pin(self->fd, a.handle, sorts[s]));
		ASSERT_EQ(0, mm_pin(self->fd, a.handle, sorts[s]));
		EXPECT_EQ(0, mm_free(self->fd, a.handle));
		EXPECT_EQ(-EBADF, mm_unpin(self->fd, a.handle, sorts[s]));
		EXPECT_EQ(-EBADF, mm_pin(self->fd, a.handle, sorts[s]));
	}
}

/* The successor of a record begins without a pin. */
TEST_F(pin, pins_go_with_the_allocation)
{
	struct memmgr_alloc a;
	struct memmgr_pin p;
	__u32 i;

	for (i = 0; i < 10; i++) {
		a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, self->page);
		ASSERT_EQ(0, pin_call(self->fd, MEMMGR_IOC_PIN, a.handle, 0, &p));
		EXPECT_EQ(1, p.pins);
		EXPECT_EQ(1, p.mine);
		ASSERT_EQ(0, mm_free(self->fd, a.handle));
	}
}

static bool heap_is_there(int fd, const char *name)
{
	struct memmgr_heap_query q;

	return mm_heap_named(fd, name, &q) != -ENOENT;
}

/* What could not be freed is pinned as before; and its heap goes with its client. */
TEST_F(pin, stay_where_a_free_is_refused)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_STACK, "t-pin-stack");
	struct memmgr_alloc a, b;
	int round, fd;

	if (!kind_is_built(self->fd, MEMMGR_KIND_STACK))
		SKIP(return, "no stack in this build");
	for (round = 0; round < 2; round++) {
		fd = open_device(O_RDWR);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, mm_heap_create(fd, &c));
		a = must_alloc(_metadata, fd, c.heap, 64);
		b = must_alloc(_metadata, fd, c.heap, 64);
		ASSERT_EQ(0, mm_pin(fd, a.handle, 0));
		EXPECT_EQ(-EBUSY, mm_free(fd, a.handle));
		EXPECT_EQ(1, info_of(_metadata, fd, a.handle).pins);
		if (round) {
			EXPECT_EQ(0, mm_unpin(fd, a.handle, 0));
			EXPECT_EQ(0, mm_free(fd, b.handle));
			EXPECT_EQ(0, mm_free(fd, a.handle));
		}
		close(fd);
		EXPECT_FALSE(heap_is_there(self->fd, c.name));
	}
}

/* What a dma-buf still shows has no pins; whatever ends first, its heap goes with it. */
TEST_F(pin, end_where_a_dma_buf_stays)
{
	struct memmgr_heap_create c = {
		.size = sizeof(c), .kind = MEMMGR_KIND_BUDDY, .bytes = 16 * self->page,
		.flags = MEMMGR_HEAP_PRIVATE, .name = "t-pin-shown",
	};
	struct memmgr_alloc a;
	int round, fd, shown, left;

	for (round = 0; round < 2; round++) {
		fd = open_device(O_RDWR);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, mm_heap_create(fd, &c));
		a = must_alloc(_metadata, fd, c.heap, self->page);
		ASSERT_EQ(0, mm_pin(fd, a.handle, 0));
		shown = mm_export(fd, a.handle, 0);
		if (shown == -EOPNOTSUPP || shown == -ENOTTY) {
			close(fd);
			SKIP(return, "no dma-bufs in this build");
		}
		ASSERT_LE(0, shown);
		EXPECT_EQ(0, mm_free(fd, a.handle));
		close(round ? fd : shown);
		close(round ? shown : fd);
		/* A worker takes it away when the dma-buf was the last. */
		for (left = round ? 1000 : 0; left && heap_is_there(self->fd, c.name); left--)
			usleep(10000);
		EXPECT_FALSE(heap_is_there(self->fd, c.name));
	}
}

static struct memmgr_alloc persistent(struct __test_metadata *_metadata, int fd, size_t bytes)
{
	struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, bytes);

	a.flags = MEMMGR_ALLOC_PERSISTENT;
	ASSERT_EQ(0, mm_alloc(fd, &a));
	return a;
}

/* Two clients of one user may both use what is persistent. */
TEST_F(pin, another_client_has_it_pinned)
{
	struct memmgr_alloc a = persistent(_metadata, self->fd, self->page);
	struct memmgr_pin p;
	int other;
	__u32 s;

	for (s = 0; s < ARRAY_SIZE(sorts); s++) {
		other = open_device(O_RDWR);
		ASSERT_LE(0, other);
		ASSERT_EQ(0, pin_call(other, MEMMGR_IOC_PIN, a.handle, sorts[s], &p));
		EXPECT_EQ(1, p.mine);
		ASSERT_EQ(0, pin_call(self->fd, MEMMGR_IOC_PIN, a.handle, sorts[s], &p));
		EXPECT_EQ(2, p.pins);
		EXPECT_EQ(1, p.mine);
		EXPECT_EQ(-EBUSY, mm_free(self->fd, a.handle));
		/* not by the other either, as long as this one has it */
		EXPECT_EQ(-EBUSY, mm_free(other, a.handle));
		ASSERT_EQ(0, mm_unpin(self->fd, a.handle, sorts[s]));
		EXPECT_EQ(-EINVAL, mm_unpin(self->fd, a.handle, sorts[s]));
		EXPECT_EQ(-EBUSY, mm_free(self->fd, a.handle));
		EXPECT_TRUE(resists(self->fd, a.handle));
		/* its pins go with its file */
		close(other);
		EXPECT_EQ(0, info_of(_metadata, self->fd, a.handle).pins);
		EXPECT_TRUE(yields(self->fd, a.handle));
	}
	EXPECT_EQ(0, mm_free(self->fd, a.handle));
}

TEST_F(pin, free_batch_stops_at_what_is_pinned)
{
	struct memmgr_alloc a = persistent(_metadata, self->fd, self->page);
	struct memmgr_alloc b = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, self->page);
	__u64 handles[] = { b.handle, a.handle };
	struct memmgr_free_batch batch = {
		.size = sizeof(batch), .count = 2, .handles = (uintptr_t)handles,
	};
	int other = open_device(O_RDWR);

	ASSERT_LE(0, other);
	ASSERT_EQ(0, mm_pin(other, a.handle, 0));
	EXPECT_EQ(-EBUSY, mm_call(self->fd, MEMMGR_IOC_FREE_BATCH, &batch));
	EXPECT_EQ(1, batch.count);
	ASSERT_EQ(0, mm_unpin(other, a.handle, 0));
	EXPECT_EQ(0, mm_free(self->fd, a.handle));
	close(other);
}

/* A heap in which another client has a pin stays, until that client closes. */
TEST_F(pin, closed_client_keeps_no_heap)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_BUDDY, "t-pins");
	int other = open_device(O_RDWR);
	struct memmgr_alloc a;

	ASSERT_LE(0, other);
	c.flags = 0;
	ASSERT_EQ(0, mm_heap_create(self->fd, &c));
	a = alloc_request(c.heap, 64);
	a.flags = MEMMGR_ALLOC_PERSISTENT;
	ASSERT_EQ(0, mm_alloc(self->fd, &a));
	ASSERT_EQ(0, mm_pin(other, a.handle, 0));
	EXPECT_EQ(-EBUSY, mm_heap_destroy(self->fd, c.heap, MEMMGR_DESTROY_FORCE));
	close(other);
	EXPECT_EQ(0, mm_heap_destroy(self->fd, c.heap, MEMMGR_DESTROY_FORCE));
}

/* A refused free changes nothing, however often it is tried. */
TEST_F(pin, refused_free_leaves_all)
{
	struct memmgr_alloc a = persistent(_metadata, self->fd, PAGES * self->page);
	unsigned char *p = must_map(_metadata, self->fd, a.map_offset, PAGES * self->page);
	int other = open_device(O_RDWR), i;

	ASSERT_LE(0, other);
	fill_pattern(p, PAGES * self->page, 4);
	ASSERT_EQ(0, mm_pin(other, a.handle, 0));
	for (i = 0; i < 10; i++)
		EXPECT_EQ(-EBUSY, mm_free(self->fd, a.handle));
	EXPECT_TRUE(is_pattern(p, PAGES * self->page, 4));
	EXPECT_EQ(1, info_of(_metadata, self->fd, a.handle).pins);
	close(other);
	EXPECT_EQ(0, mm_free(self->fd, a.handle));
	EXPECT_EQ(SIGBUS, touch(p, false));
}

/* A process that is killed takes its pins along. */
TEST_F(pin, killed_client)
{
	struct memmgr_alloc a = persistent(_metadata, self->fd, self->page);
	int ready[2], i;
	pid_t child;
	char c = 0;

	ASSERT_EQ(0, pipe(ready));
	child = fork();
	if (!child) {
		int fd = open_device(O_RDWR);

		for (i = 0; i < 7; i++)
			if (mm_pin(fd, a.handle, sorts[i % 2]))
				_exit(1);
		if (write(ready[1], &c, 1) != 1)
			_exit(2);
		for (;;)
			pause();
	}
	ASSERT_EQ(1, read(ready[0], &c, 1));
	EXPECT_EQ(7, info_of(_metadata, self->fd, a.handle).pins);
	EXPECT_EQ(-EBUSY, mm_free(self->fd, a.handle));
	ASSERT_EQ(0, kill(child, SIGKILL));
	EXPECT_EQ(1000 + SIGKILL, child_result(child));
	for (i = 0; i < 100 && info_of(_metadata, self->fd, a.handle).pins; i++)
		usleep(20000);
	EXPECT_EQ(0, info_of(_metadata, self->fd, a.handle).pins);
	EXPECT_TRUE(yields(self->fd, a.handle));
	EXPECT_EQ(0, mm_free(self->fd, a.handle));
}

/* Not whose memory it is, and not what does not exist. */
TEST_F(pin, foreign_and_forged_handles)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, self->page);
	int other = open_device(O_RDWR);
	__u32 s;

	ASSERT_LE(0, other);
	for (s = 0; s < ARRAY_SIZE(sorts); s++) {
		EXPECT_EQ(-EACCES, mm_pin(other, a.handle, sorts[s]));
		EXPECT_EQ(-EACCES, mm_unpin(other, a.handle, sorts[s]));
		EXPECT_EQ(-EBADF, mm_pin(self->fd, NO_HANDLE, sorts[s]));
		EXPECT_EQ(-EBADF, mm_unpin(self->fd, NO_HANDLE, sorts[s]));
		EXPECT_EQ(-EBADF, mm_pin(self->fd, a.handle ^ 1ull << 60, sorts[s]));
		EXPECT_EQ(-EBADF, mm_pin(self->fd, ~0ull, sorts[s]));
	}
	EXPECT_EQ(0, info_of(_metadata, self->fd, a.handle).pins);
	close(other);
}

TEST_F(pin, malformed)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, self->page);
	static const unsigned long commands[] = { MEMMGR_IOC_PIN, MEMMGR_IOC_UNPIN };
	struct {
		struct memmgr_pin p;
		__u64 future;
	} tomorrow;
	struct memmgr_pin p;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		EXPECT_EQ(-EINVAL, pin_call(self->fd, commands[i], a.handle, 1u << 1, &p));
		EXPECT_EQ(-EINVAL, pin_call(self->fd, commands[i], a.handle, 1u << 31, &p));
		p = pin_request(a.handle, 0);
		p.size = sizeof(p) - 8;
		EXPECT_EQ(-EINVAL, mm_call(self->fd, commands[i], &p));
		p.size = 0;
		EXPECT_EQ(-EINVAL, mm_call(self->fd, commands[i], &p));
		EXPECT_EQ(-EFAULT, mm_call(self->fd, commands[i], NULL));
		tomorrow.p = pin_request(a.handle, 0);
		tomorrow.p.size = sizeof(tomorrow);
		tomorrow.future = 1;
		EXPECT_EQ(-E2BIG, mm_call(self->fd, commands[i], &tomorrow));
		tomorrow.future = 0;
		EXPECT_EQ(0, mm_call(self->fd, commands[i], &tomorrow));
	}
	EXPECT_EQ(0, info_of(_metadata, self->fd, a.handle).pins);
}

/* A file that may only read changes nothing. */
TEST_F(pin, read_only_file)
{
	struct memmgr_alloc a = persistent(_metadata, self->fd, self->page);
	int reader = open_device(O_RDONLY);

	ASSERT_LE(0, reader);
	EXPECT_EQ(-EACCES, mm_pin(reader, a.handle, 0));
	EXPECT_EQ(-EACCES, mm_pin(reader, a.handle, MEMMGR_PIN_LEASE));
	EXPECT_EQ(0, info_of(_metadata, self->fd, a.handle).pins);
	EXPECT_EQ(0, mm_free(self->fd, a.handle));
	close(reader);
}

/* What cannot move may be pinned, what cannot be mapped cannot be leased. */
TEST_F(pin, every_kind_of_heap)
{
	__u32 kind, heap;

	for (kind = 0; kind < MEMMGR_KINDS; kind++) {
		struct memmgr_alloc a;

		if (!kind_is_built(self->fd, kind))
			continue;
		heap = must_kind(_metadata, self->fd, kind);
		a = must_alloc(_metadata, self->fd, heap, 64);
		EXPECT_EQ(0, mm_pin(self->fd, a.handle, 0));
		EXPECT_EQ(-EOPNOTSUPP, mm_pin(self->fd, a.handle, MEMMGR_PIN_LEASE));
		EXPECT_EQ(1, info_of(_metadata, self->fd, a.handle).pins);
		EXPECT_EQ(0, mm_unpin(self->fd, a.handle, 0));
		EXPECT_EQ(0, mm_free(self->fd, a.handle));
	}
}

TEST_F(pin, small_units_of_a_shared_heap)
{
	struct memmgr_heap_create config = heap_config(MEMMGR_KIND_BUDDY, "t-small");
	struct memmgr_alloc a;

	config.flags = 0;
	config.granule = 64;
	ASSERT_EQ(0, mm_heap_create(self->fd, &config));
	a = must_alloc(_metadata, self->fd, config.heap, 100);
	EXPECT_EQ(-EOPNOTSUPP, mm_pin(self->fd, a.handle, MEMMGR_PIN_LEASE));
	ASSERT_EQ(0, mm_pin(self->fd, a.handle, 0));
	EXPECT_TRUE(resists(self->fd, a.handle));
	ASSERT_EQ(0, mm_unpin(self->fd, a.handle, 0));
	EXPECT_TRUE(yields(self->fd, a.handle));
	EXPECT_EQ(0, mm_free(self->fd, a.handle));
	EXPECT_EQ(0, mm_heap_destroy(self->fd, config.heap, 0));
}

/* Pinning is no reason to refuse what does not move it. */
TEST_F(pin, other_calls_go_on)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN,
					   PAGES * self->page);
	unsigned char *p = must_map(_metadata, self->fd, a.map_offset, PAGES * self->page);
	unsigned char data[64];
	struct memmgr_resize r;

	ASSERT_EQ(0, mm_pin(self->fd, a.handle, 0));
	fill_pattern(p, PAGES * self->page, 2);
	EXPECT_EQ(0, mm_read(self->fd, a.handle, 0, data, sizeof(data)));
	EXPECT_TRUE(is_pattern(data, sizeof(data), 2));
	EXPECT_EQ(0, mm_write(self->fd, a.handle, 0, data, sizeof(data)));
	EXPECT_EQ(0, mm_protect(self->fd, a.handle, MEMMGR_ACCESS_READ, 0));
	EXPECT_EQ(SIGSEGV, touch(p, true));
	EXPECT_EQ(0, mm_protect(self->fd, a.handle, MEMMGR_ACCESS_READ | MEMMGR_ACCESS_WRITE, 0));
	EXPECT_EQ(0, mm_resize(self->fd, a.handle, self->page, &r));
	EXPECT_EQ(a.offset, info_of(_metadata, self->fd, a.handle).offset);
	EXPECT_TRUE(is_pattern(p, self->page, 2));
}

/* ---- addresses --------------------------------------------------------------------- */

/* Without the capability there is an offset, but no physical address. */
static int as_nobody(int node)
{
	struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, 1);
	struct memmgr_pin p;
	int fd;
	__u32 s;

	fd = open_as_nobody(node);
	if (fd < 0 || mm_alloc(fd, &a))
		return 2;
	for (s = 0; s < ARRAY_SIZE(sorts); s++) {
		p.phys = 1;
		if (pin_call(fd, MEMMGR_IOC_PIN, a.handle, sorts[s], &p))
			return 3;
		if (p.phys || p.offset != a.offset || p.mine != 1)
			return 4;
		if (pin_call(fd, MEMMGR_IOC_UNPIN, a.handle, sorts[s], &p) || p.phys)
			return 5;
	}
	return 0;
}

TEST_F(pin, physical_address_needs_the_capability)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 1);
	int node = open_public_node();
	struct memmgr_query q;
	struct memmgr_pin p;
	pid_t child;

	ASSERT_LE(0, node);
	ASSERT_EQ(0, mm_query(self->fd, &q));
	ASSERT_EQ(0, pin_call(self->fd, MEMMGR_IOC_PIN, a.handle, 0, &p));
	EXPECT_EQ(q.region_flags & MEMMGR_REGION_CONTIGUOUS ? q.phys + a.offset : 0, p.phys);
	child = fork();
	if (!child)
		_exit(as_nobody(node));
	EXPECT_EQ(0, child_result(child));
	close(node);
}

/* ---- leases ------------------------------------------------------------------------ */

static long minor_faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_minflt;
}

/* Faults that touching each page of a mapping takes, for reading, then writing. */
static long faults_of(volatile unsigned char *p, size_t bytes)
{
	size_t page = page_size(), at;
	long before;

	minor_faults();
	before = minor_faults();
	for (at = 0; at < bytes; at += page)
		(void)p[at];
	for (at = 0; at < bytes; at += page)
		p[at] = p[at] + 1;
	return minor_faults() - before;
}

TEST_F(pin, touching_without_a_lease_faults)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN,
					   PAGES * self->page);
	unsigned char *p = must_map(_metadata, self->fd, a.map_offset, PAGES * self->page);

	/* or the next tests would prove nothing */
	EXPECT_LT(0, faults_of(p, PAGES * self->page));
	EXPECT_EQ(0, info_of(_metadata, self->fd, a.handle).lease_faults);
}

TEST_F(pin, no_fault_with_a_lease)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN,
					   PAGES * self->page);
	unsigned char *p = must_map(_metadata, self->fd, a.map_offset, PAGES * self->page);
	int i;

	ASSERT_EQ(0, mm_pin(self->fd, a.handle, MEMMGR_PIN_LEASE));
	EXPECT_EQ(0, faults_of(p, PAGES * self->page));
	for (i = 0; i < 10; i++) {
		EXPECT_TRUE(resists(self->fd, a.handle));
		EXPECT_EQ(0, faults_of(p, PAGES * self->page));
	}
	EXPECT_EQ(0, info_of(_metadata, self->fd, a.handle).lease_faults);
	EXPECT_EQ(0, info_of(_metadata, self->fd, a.handle).moves);
}

/* All mappings of the calling process, parts of it and twice. */
TEST_F(pin, lease_reaches_every_mapping)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN,
					   PAGES * self->page);
	unsigned char *whole = must_map(_metadata, self->fd, a.map_offset, PAGES * self->page);
	unsigned char *again = must_map(_metadata, self->fd, a.map_offset, PAGES * self->page);
	unsigned char *part = must_map(_metadata, self->fd, a.map_offset + 2 * self->page,
				       3 * self->page);

	ASSERT_EQ(0, mm_pin(self->fd, a.handle, MEMMGR_PIN_LEASE));
	EXPECT_EQ(0, faults_of(whole, PAGES * self->page));
	EXPECT_EQ(0, faults_of(again, PAGES * self->page));
	EXPECT_EQ(0, faults_of(part, 3 * self->page));
	EXPECT_EQ(0, info_of(_metadata, self->fd, a.handle).lease_faults);
}

/* What was mapped later faults, and that is counted. */
TEST_F(pin, mapped_after_the_lease)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN,
					   PAGES * self->page);
	unsigned char *p;

	ASSERT_EQ(0, mm_pin(self->fd, a.handle, MEMMGR_PIN_LEASE));
	EXPECT_EQ(0, info_of(_metadata, self->fd, a.handle).lease_faults);
	p = must_map(_metadata, self->fd, a.map_offset, PAGES * self->page);
	EXPECT_LT(0, faults_of(p, PAGES * self->page));
	EXPECT_LT(0, info_of(_metadata, self->fd, a.handle).lease_faults);
	/* the next lease makes it all present, and counts anew */
	ASSERT_EQ(0, mm_unpin(self->fd, a.handle, MEMMGR_PIN_LEASE));
	ASSERT_EQ(0, mm_pin(self->fd, a.handle, MEMMGR_PIN_LEASE));
	EXPECT_EQ(0, faults_of(p, PAGES * self->page));
	EXPECT_EQ(0, info_of(_metadata, self->fd, a.handle).lease_faults);
}

/* A heap of whole pages, private to another client, that comes and goes. */
static int come_and_go(int fd, __u32 kind, const char *name)
{
	struct memmgr_heap_create config = heap_config(kind, name);

	if (kind == MEMMGR_KIND_SLAB) {
		config.object_size = page_size();
	} else {
		config.granule = page_size();
		config.bytes = PAGES * page_size();
	}
	return mm_heap_create(fd, &config) ? : mm_heap_destroy(fd, config.heap, 0);
}

/* What other clients do with their heaps takes no page of a lease. */
TEST_F(pin, lease_beside_heaps_that_come_and_go)
{
	static const __u32 kinds[] = { MEMMGR_KIND_BUDDY, MEMMGR_KIND_SLAB };
	unsigned char *p[4 * PAGES];
	struct memmgr_alloc a;
	int other = open_device(O_RDWR), i;

	ASSERT_LE(0, other);
	/* On every side of the memory that the heaps will have. */
	for (i = 0; i < 4 * PAGES; i++) {
		a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, PAGES * self->page);
		p[i] = must_map(_metadata, self->fd, a.map_offset, PAGES * self->page);
		ASSERT_EQ(0, i % 2 ? mm_pin(self->fd, a.handle, MEMMGR_PIN_LEASE) :
				     mm_free(self->fd, a.handle));
	}
	for (i = 0; i < (int)ARRAY_SIZE(kinds); i++) {
		if (kind_is_built(self->fd, kinds[i]))
			EXPECT_EQ(0, come_and_go(other, kinds[i], "t-goes"));
	}
	for (i = 1; i < 4 * PAGES; i += 2)
		EXPECT_EQ(0, faults_of(p[i], PAGES * self->page));
	close(other);
}

/* Nor does a call that changes what lay there when it was mapped, and has moved since. */
TEST_F(pin, lease_where_another_was_mapped)
{
	size_t bytes = PAGES * self->page;
	struct memmgr_alloc moved = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, bytes);
	struct memmgr_alloc leased = { .offset = ~0ull };
	struct memmgr_compact c;
	unsigned char *p;
	int i;

	p = must_map(_metadata, self->fd, moved.map_offset, bytes);
	memset(p, 1, bytes);
	ASSERT_EQ(0, mm_empty(self->fd, MEMMGR_HEAP_MAIN, moved.offset, moved.granted, &c));
	ASSERT_NE(moved.offset, info_of(_metadata, self->fd, moved.handle).offset);
	for (i = 0; i < 64 && leased.offset != moved.offset; i++)
		leased = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, bytes);
	ASSERT_EQ(moved.offset, leased.offset);
	p = must_map(_metadata, self->fd, leased.map_offset, bytes);
	ASSERT_EQ(0, mm_pin(self->fd, leased.handle, MEMMGR_PIN_LEASE));
	ASSERT_EQ(0, mm_protect(self->fd, moved.handle, MEMMGR_ACCESS_READ, 0));
	EXPECT_EQ(0, faults_of(p, bytes));
	ASSERT_EQ(0, mm_free(self->fd, moved.handle));
	EXPECT_EQ(0, faults_of(p, bytes));
	EXPECT_EQ(0, info_of(_metadata, self->fd, leased.handle).lease_faults);
}

/* The pages that were cut off since they were mapped are no longer those of the allocation. */
TEST_F(pin, lease_of_what_was_cut)
{
	struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, PAGES * self->page);
	struct memmgr_resize r;
	unsigned char *p;
	int guarded;

	for (guarded = 0; guarded < 2; guarded++) {
		a.flags = guarded ? MEMMGR_ALLOC_GUARD : 0;
		ASSERT_EQ(0, mm_alloc(self->fd, &a));
		p = must_map(_metadata, self->fd, a.map_offset,
			     a.granted + 2 * guarded * self->page);
		ASSERT_EQ(0, mm_resize(self->fd, a.handle, PAGES / 2 * self->page, &r));
		ASSERT_EQ(0, mm_pin(self->fd, a.handle, MEMMGR_PIN_LEASE));
		EXPECT_EQ(0, faults_of(p + guarded * self->page, r.granted));
		EXPECT_EQ(0, info_of(_metadata, self->fd, a.handle).violations);
		EXPECT_EQ(0, info_of(_metadata, self->fd, a.handle).lease_faults);
	}
}

struct resizer {
	int fd;
	__u64 handle;
	size_t page;
	bool done;
};

static void *resize_until_done(void *arg)
{
	struct resizer *r = arg;
	struct memmgr_resize resize;
	__u32 n = 0;

	while (!__atomic_load_n(&r->done, __ATOMIC_RELAXED))
		mm_resize(r->fd, r->handle, n++ % 2 ? r->page : 64 * r->page, &resize);
	return NULL;
}

/* A lease that another call made impossible meanwhile leaves no pin. */
TEST_F(pin, failed_lease_leaves_no_pin)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 64 * self->page);
	struct resizer r = { .fd = self->fd, .handle = a.handle, .page = self->page };
	pthread_t thread;
	int i, failed = 0;

	must_map(_metadata, self->fd, a.map_offset, 64 * self->page);
	ASSERT_EQ(0, pthread_create(&thread, NULL, resize_until_done, &r));
	for (i = 0; i < 2000; i++) {
		if (mm_pin(self->fd, a.handle, MEMMGR_PIN_LEASE)) {
			failed++;
			continue;
		}
		while (mm_unpin(self->fd, a.handle, MEMMGR_PIN_LEASE) == -EBUSY)
			;
	}
	__atomic_store_n(&r.done, true, __ATOMIC_RELAXED);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_LT(0, failed);
	EXPECT_EQ(0, info_of(_metadata, self->fd, a.handle).pins);
	EXPECT_EQ(-EINVAL, mm_unpin(self->fd, a.handle, 0));
	EXPECT_EQ(0, own_account(self->fd).pins);
}

TEST_F(pin, lease_of_guarded_memory)
{
	struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, 3 * self->page);
	unsigned char *p;

	a.flags = MEMMGR_ALLOC_GUARD;
	ASSERT_EQ(0, mm_alloc(self->fd, &a));
	p = must_map(_metadata, self->fd, a.map_offset, a.granted + 2 * self->page);
	ASSERT_EQ(0, mm_pin(self->fd, a.handle, MEMMGR_PIN_LEASE));
	EXPECT_EQ(0, faults_of(p + self->page, a.granted));
	EXPECT_EQ(SIGSEGV, touch(p, false));
	EXPECT_EQ(SIGSEGV, touch(p + self->page + a.granted, true));
}

/* A lease does not give more than the protection and the mapping allow. */
TEST_F(pin, lease_of_what_may_only_be_read)
{
	size_t bytes = PAGES * self->page, at;
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, bytes);
	unsigned char *p = must_map(_metadata, self->fd, a.map_offset, bytes);
	volatile unsigned char *q;
	long before;

	if (is_user_mode_linux())
		SKIP(return, "each first access is a fault");
	q = mmap(NULL, bytes, PROT_READ, MAP_SHARED, self->fd, (off_t)a.map_offset);
	ASSERT_TRUE(q != MAP_FAILED);
	ASSERT_EQ(0, mm_protect(self->fd, a.handle, MEMMGR_ACCESS_READ, 0));
	ASSERT_EQ(0, mm_pin(self->fd, a.handle, MEMMGR_PIN_LEASE));
	before = minor_faults();
	for (at = 0; at < bytes; at += self->page) {
		(void)q[at];
		(void)((volatile unsigned char *)p)[at];
	}
	EXPECT_EQ(before, minor_faults());
	EXPECT_EQ(SIGSEGV, touch(p, true));
	EXPECT_EQ(SIGSEGV, touch((unsigned char *)q, true));
	munmap((void *)q, bytes);
}

TEST_F(pin, lease_of_a_mapping_for_reading)
{
	size_t bytes = PAGES * self->page, at;
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, bytes);
	volatile unsigned char *q;
	long before;

	if (is_user_mode_linux())
		SKIP(return, "each first access is a fault");
	q = mmap(NULL, bytes, PROT_READ, MAP_SHARED, self->fd, (off_t)a.map_offset);
	ASSERT_TRUE(q != MAP_FAILED);
	ASSERT_EQ(0, mm_pin(self->fd, a.handle, MEMMGR_PIN_LEASE));
	before = minor_faults();
	for (at = 0; at < bytes; at += self->page)
		(void)q[at];
	EXPECT_EQ(before, minor_faults());
	EXPECT_EQ(0, info_of(_metadata, self->fd, a.handle).lease_faults);
	EXPECT_EQ(SIGSEGV, touch((unsigned char *)q, true));
	munmap((void *)q, bytes);
}

/* A lease whose answer gets lost takes nothing back but itself. */
TEST_F(pin, failed_lease_leaves_the_earlier_one)
{
	size_t bytes = PAGES * self->page;
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, bytes);
	struct memmgr_pin *p;

	must_map(_metadata, self->fd, a.map_offset, bytes);
	ASSERT_EQ(0, mm_pin(self->fd, a.handle, MEMMGR_PIN_LEASE));
	p = mmap(NULL, self->page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(p != MAP_FAILED);
	*p = (struct memmgr_pin) {
		.size = sizeof(*p), .flags = MEMMGR_PIN_LEASE, .handle = a.handle,
	};
	p->mine = 1;
	ASSERT_EQ(0, mprotect(p, self->page, PROT_READ));
	EXPECT_EQ(-EFAULT, mm_call(self->fd, MEMMGR_IOC_PIN, p));
	EXPECT_EQ(1, info_of(_metadata, self->fd, a.handle).pins);
	EXPECT_TRUE(info_of(_metadata, self->fd, a.handle).state & MEMMGR_INFO_LEASED);
	munmap(p, self->page);
}

/* What outlives its client is pinned in a table of the client, which has an end. */
TEST_F(pin, persistent_up_to_the_limit)
{
	static __u64 handles[200];
	__u32 i, n = 0;
	int err = 0;

	for (i = 0; i < ARRAY_SIZE(handles); i++) {
		struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, self->page);

		a.flags = MEMMGR_ALLOC_PERSISTENT;
		ASSERT_EQ(0, mm_call(self->fd, MEMMGR_IOC_ALLOC, &a));
		handles[i] = a.handle;
	}
	for (i = 0; i < ARRAY_SIZE(handles) && !err; i++) {
		err = mm_pin(self->fd, handles[i], 0);
		n += !err;
	}
	EXPECT_EQ(-ENOSPC, err);
	EXPECT_EQ(128, n);
	/* What is there can be pinned again, and what ends makes room, in any order. */
	for (i = 0; i < n; i += 3)
		EXPECT_EQ(0, mm_pin(self->fd, handles[i], 0));
	for (i = 0; i < n; i += 2)
		EXPECT_EQ(0, mm_free(self->fd, handles[i]));
	for (i = 1; i < n; i += 2)
		EXPECT_EQ(i % 3 ? 1 : 2, info_of(_metadata, self->fd, handles[i]).pins);
	for (i = n; i < ARRAY_SIZE(handles) && i < n + n / 2; i++)
		EXPECT_EQ(0, mm_pin(self->fd, handles[i], 0));
	for (i = 1; i < n; i += 2)
		EXPECT_EQ(0, mm_free(self->fd, handles[i]));
	for (i = n; i < ARRAY_SIZE(handles); i++)
		EXPECT_EQ(0, mm_free(self->fd, handles[i]));
}

TEST_F(pin, lease_of_nothing_mapped)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, self->page);

	ASSERT_EQ(0, mm_pin(self->fd, a.handle, MEMMGR_PIN_LEASE));
	EXPECT_TRUE(resists(self->fd, a.handle));
}

/* A child has page tables of its own; the lease stays the parent's. */
TEST_F(pin, child_of_a_leaseholder)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN,
					   PAGES * self->page);
	unsigned char *p = must_map(_metadata, self->fd, a.map_offset, PAGES * self->page);
	pid_t child;

	fill_pattern(p, PAGES * self->page, 1);
	ASSERT_EQ(0, mm_pin(self->fd, a.handle, MEMMGR_PIN_LEASE));
	child = fork();
	if (!child) {
		if (!is_pattern(p, PAGES * page_size(), 1))
			_exit(1);
		_exit(0);
	}
	EXPECT_EQ(0, child_result(child));
	EXPECT_EQ(1, info_of(_metadata, self->fd, a.handle).pins);
	EXPECT_EQ(0, faults_of(p, PAGES * self->page));
	EXPECT_TRUE(resists(self->fd, a.handle));
}

/* All of one client's pins at once, beyond what a table might have. */
TEST_F(pin, many)
{
	static __u64 handles[1000];
	__u32 count = ARRAY_SIZE(handles), i;
	struct memmgr_compact c;
	struct memmgr_pin p;

	ASSERT_EQ(0, mm_alloc_batch(self->fd, MEMMGR_HEAP_MAIN, 0, self->page, handles, &count));
	ASSERT_EQ(ARRAY_SIZE(handles), count);
	for (i = 0; i < count; i++)
		ASSERT_EQ(0, mm_pin(self->fd, handles[i], 0));
	for (i = 0; i < 5000; i++)
		ASSERT_EQ(0, pin_call(self->fd, MEMMGR_IOC_PIN, handles[0], 0, &p));
	EXPECT_EQ(5001, p.pins);
	c = compact_request(MEMMGR_HEAP_MAIN, 0, 0);
	EXPECT_EQ(0, mm_compact(self->fd, &c));
	EXPECT_EQ(0, c.moves);
	for (i = 1; i < count; i++)
		ASSERT_EQ(0, mm_unpin(self->fd, handles[i], 0));
	EXPECT_EQ(5001, info_of(_metadata, self->fd, handles[0]).pins);
}

MEMMGR_TEST_MAIN
