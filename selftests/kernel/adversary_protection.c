// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Attacks on protected memory, through the device, through mappings and through the kernel.
 *
 * Rule: memmgr(7), ISOLATION, "Protection".
 */
#include <sys/mman.h>
#include <sys/uio.h>

#include "lib/attacking.h"
#include "lib/memmgr_test.h"

MEMMGR_FIXTURE(victim)

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
	bool option;	/* a kernel may refuse it: EINVAL */
} advices[] = {
	{ MADV_DONTNEED, EINVAL, 0 },
	{ MADV_REMOVE, ENODEV, ENODEV },
	{ MADV_FREE, EINVAL, EINVAL },
	{ MADV_WILLNEED, 0, 0 },
	{ MADV_COLD, EINVAL, 0 },
	{ MADV_PAGEOUT, EINVAL, 0 },
	{ MADV_MERGEABLE, 0, 0, true },
	{ MADV_HUGEPAGE, 0, 0, true },
	{ MADV_DOFORK, 0, 0, true },	/* not of such a mapping on 7.3 */
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

MEMMGR_TEST_MAIN
