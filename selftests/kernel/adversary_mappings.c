// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Attacks by mapping: memory of others, beyond the end, by mremap() and after a free.
 *
 * Rule: <linux/memmgr.h>, "mmap()".
 */
#include <sys/mman.h>

#include "lib/attacking.h"
#include "lib/memmgr_test.h"

MEMMGR_FIXTURE(victim)

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
	/* Before offset 0, two pages reach beyond the last one: the kernel sees that first. */
	HOLDS(map_error(fd, a.map_offset - page, 2 * page, prot, MAP_SHARED) ==
	      (sizeof(long) == 8 && !a.map_offset ? EOVERFLOW : error));
	HOLDS(map_error(fd, a.map_offset - 16 * page, page, prot, MAP_SHARED) == error);
}

ATTACK(map_before)

/* Who stops it first: the C library (offsets of 44 bits), the kernel, or we. */
static int wrapping_error(__u64 offset, size_t bytes)
{
	__u64 last = offset / page_size() + bytes / page_size();

	if (sizeof(long) == 4 && offset >> 44)
		return -EINVAL;
	if (kernel_bits() == 32 && last >> 32)
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

MEMMGR_TEST_MAIN
