// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Debuggers on mappings of a program, also where there are no struct pages: they may read
 * and change the bytes that the program may, and no more. /proc/PID/mem and
 * ptrace() look; where this kernel does not ask drivers for that (32-bit arm),
 * memmgr_importer.ko asks in its place.
 *
 * Rule: <linux/memmgr.h>, "mmap()".
 */
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "../modules/importer/importer.h"
#include "lib/memmgr_test.h"

#define PAGES	3
#define RW	(MEMMGR_ACCESS_READ | MEMMGR_ACCESS_WRITE)

struct looker {
	int memory;		/* /proc/self/mem */
	int device;		/* memmgr_importer, if the kernel does not ask */
};

FIXTURE(debugger)
{
	int fd;
	size_t page;
	struct snapshot before;
	struct looker looker;
};

static bool kernel_looks(int fd, int memory)
{
	struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, 1);
	bool looks = false;
	unsigned char *p;
	char c;

	if (mm_alloc(fd, &a))
		return false;
	p = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		 (off_t)a.map_offset);
	if (p != MAP_FAILED) {
		looks = pread(memory, &c, 1, (off_t)(uintptr_t)p) == 1;
		munmap(p, page_size());
	}
	mm_free(fd, a.handle);
	return looks;
}

FIXTURE_SETUP(debugger)
{
	self->page = page_size();
	self->fd = open_device(O_RDWR);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, snapshot_take(self->fd, &self->before));
	self->looker.memory = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->looker.memory);
	self->looker.device = -1;
	if (kernel_looks(self->fd, self->looker.memory))
		return;
	self->looker.device = open("/dev/memmgr_importer", O_RDWR | O_CLOEXEC);
	if (self->looker.device < 0)
		SKIP(return, "no memmgr_importer.ko, and this kernel does not ask drivers");
}

FIXTURE_TEARDOWN(debugger)
{
	int fd = open_device(O_RDWR);

	unmap_all();
	close(self->looker.device);
	close(self->looker.memory);
	close(self->fd);
	EXPECT_TRUE(state_returns(fd, &self->before));
	close(fd);
}

#define REQUIRE_LOOKS							\
	do {								\
		if (self->looker.device < 0 && !kernel_looks(self->fd, self->looker.memory)) \
			SKIP(return, "nobody looks");			\
	} while (0)

/* One look: how many bytes, or less than 1. */
static int look_once(const struct looker *l, const void *p, void *data, size_t bytes,
		     bool write_it)
{
	struct peek what = {
		.address = (uintptr_t)p, .buffer = (uintptr_t)data, .bytes = bytes,
		.write = write_it,
	};

	if (l->device >= 0)
		return write(l->device, &what, sizeof(what));
	if (write_it)
		return pwrite(l->memory, data, bytes, (off_t)(uintptr_t)p);
	return pread(l->memory, data, bytes, (off_t)(uintptr_t)p);
}

/* As many bytes as a debugger gets, which goes on until it gets no more. */
static size_t look(const struct looker *l, const void *p, void *data, size_t bytes,
		   bool write_it)
{
	size_t done = 0;
	int n;

	while (done < bytes) {
		n = look_once(l, (const char *)p + done, (char *)data + done, bytes - done,
			      write_it);
		if (n < 1)
			break;
		done += n;
	}
	return done;
}

static size_t look_at(const struct looker *l, const void *p, void *data, size_t bytes)
{
	return look(l, p, data, bytes, false);
}

static size_t change(const struct looker *l, void *p, const char *text)
{
	return look(l, p, (void *)text, strlen(text), true);
}

static unsigned char seen[PAGES * 65536];

TEST_F(debugger, sees_and_changes_what_the_program_may)
{
	size_t bytes = PAGES * self->page;
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, bytes);
	unsigned char *p = must_map(_metadata, self->fd, a.map_offset, bytes);

	REQUIRE_LOOKS;
	fill_pattern(p, bytes, 3);
	EXPECT_EQ(bytes, look_at(&self->looker, p, seen, bytes));
	EXPECT_TRUE(is_pattern(seen, bytes, 3));
	/* across the end of a page */
	EXPECT_EQ(6, change(&self->looker, p + self->page - 3, "change"));
	EXPECT_EQ(0, memcmp(p + self->page - 3, "change", 6));
	EXPECT_EQ(1, look_at(&self->looker, p + bytes - 1, seen, 1));
	/* what the program keeps from itself */
	ASSERT_EQ(0, mprotect(p, bytes, PROT_NONE));
	EXPECT_EQ(6, look_at(&self->looker, p + self->page - 3, seen, 6));
	EXPECT_EQ(0, memcmp(seen, "change", 6));
	EXPECT_EQ(0, change(&self->looker, p, "x"));
	EXPECT_EQ(0, violations_of(_metadata, self->fd, a.handle));
}

TEST_F(debugger, protection_holds_for_it)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, self->page);
	unsigned char *p = must_map(_metadata, self->fd, a.map_offset, self->page);

	REQUIRE_LOOKS;
	memcpy(p, "before", 6);
	ASSERT_EQ(0, mm_protect(self->fd, a.handle, MEMMGR_ACCESS_READ, 0));
	EXPECT_EQ(0, change(&self->looker, p, "after"));
	EXPECT_EQ(1, violations_of(_metadata, self->fd, a.handle));
	EXPECT_EQ(6, look_at(&self->looker, p, seen, 6));
	EXPECT_EQ(0, memcmp(seen, "before", 6));
	ASSERT_EQ(0, mm_protect(self->fd, a.handle, MEMMGR_ACCESS_NONE, 0));
	EXPECT_EQ(0, look_at(&self->looker, p, seen, 1));
	EXPECT_EQ(2, violations_of(_metadata, self->fd, a.handle));
	ASSERT_EQ(0, mm_protect(self->fd, a.handle, RW, 0));
	EXPECT_EQ(5, change(&self->looker, p, "after"));
	EXPECT_EQ(0, memcmp(p, "aftere", 6));
	/* a mapping that may not be written, of what may */
	p = mmap(NULL, self->page, PROT_READ, MAP_SHARED, self->fd, (off_t)a.map_offset);
	ASSERT_TRUE(p != MAP_FAILED);
	EXPECT_EQ(0, change(&self->looker, p, "x"));
	EXPECT_EQ(5, look_at(&self->looker, p, seen, 5));
	EXPECT_EQ(2, violations_of(_metadata, self->fd, a.handle));
	munmap(p, self->page);
}

TEST_F(debugger, guard_pages)
{
	struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, self->page);
	unsigned char *p;

	REQUIRE_LOOKS;
	a.flags = MEMMGR_ALLOC_GUARD;
	ASSERT_EQ(0, mm_alloc(self->fd, &a));
	p = must_map(_metadata, self->fd, a.map_offset, 3 * self->page);
	fill_pattern(p + self->page, self->page, 4);
	EXPECT_EQ(0, look_at(&self->looker, p + self->page - 1, seen, 1));
	EXPECT_EQ(self->page, look_at(&self->looker, p + self->page, seen, self->page));
	EXPECT_EQ(0, look_at(&self->looker, p + 2 * self->page, seen, 1));
	EXPECT_TRUE(is_pattern(seen, self->page, 4));
	EXPECT_EQ(2, violations_of(_metadata, self->fd, a.handle));
}

TEST_F(debugger, freed_and_held)
{
	struct memmgr_alloc a;
	unsigned char *p, *q;
	int file;

	REQUIRE_LOOKS;
	a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, self->page);
	p = must_map(_metadata, self->fd, a.map_offset, self->page);
	file = mm_export(self->fd, a.handle, MEMMGR_EXPORT_READ_ONLY);
	ASSERT_LE(0, file);
	q = mmap(NULL, self->page, PROT_READ, MAP_SHARED, file, 0);
	ASSERT_TRUE(q != MAP_FAILED);
	fill_pattern(p, self->page, 5);
	ASSERT_EQ(0, mm_free(self->fd, a.handle));
	EXPECT_EQ(0, look_at(&self->looker, p, seen, 1));
	EXPECT_EQ(0, change(&self->looker, p, "x"));
	EXPECT_EQ(self->page, look_at(&self->looker, q, seen, self->page));
	EXPECT_TRUE(is_pattern(seen, self->page, 5));
	EXPECT_EQ(0, change(&self->looker, q, "x"));
	munmap(q, self->page);
	close(file);
}

TEST_F(debugger, where_it_moved_to)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, self->page);
	unsigned char *p = must_map(_metadata, self->fd, a.map_offset, self->page);
	struct memmgr_compact c;

	REQUIRE_LOOKS;
	ASSERT_EQ(0, quiet_health(self->fd));
	fill_pattern(p, self->page, 6);
	ASSERT_EQ(0, mm_empty(self->fd, MEMMGR_HEAP_MAIN, a.offset, self->page, &c));
	ASSERT_EQ(self->page, c.moved);
	EXPECT_EQ(self->page, look_at(&self->looker, p, seen, self->page));
	EXPECT_TRUE(is_pattern(seen, self->page, 6));
	EXPECT_EQ(2, change(&self->looker, p, "ok"));
	EXPECT_EQ(0, memcmp(p, "ok", 2));
	ASSERT_EQ(0, restore_health(self->fd));
}

TEST_F(debugger, private_arena)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_BUDDY, "t-debugger");
	unsigned char *p;

	REQUIRE_LOOKS;
	ASSERT_EQ(0, mm_heap_create(self->fd, &c));
	p = must_map(_metadata, self->fd, c.map_offset, 2 * self->page);
	fill_pattern(p, 2 * self->page, 7);
	EXPECT_EQ(2 * self->page, look_at(&self->looker, p, seen, 2 * self->page));
	EXPECT_TRUE(is_pattern(seen, 2 * self->page, 7));
	EXPECT_EQ(2, change(&self->looker, p, "ok"));
	EXPECT_EQ(0, memcmp(p, "ok", 2));
	EXPECT_EQ(0, mm_heap_destroy(self->fd, c.heap, MEMMGR_DESTROY_FORCE));
	EXPECT_EQ(0, look_at(&self->looker, p, seen, 1));
}

/* A real-time program's promise of no page faults is not broken by one who looks on. */
TEST_F(debugger, no_fault_of_a_lease)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, self->page);
	unsigned char *p = must_map(_metadata, self->fd, a.map_offset, self->page);
	struct memmgr_info i;

	REQUIRE_LOOKS;
	p[0] = 1;
	ASSERT_EQ(0, mm_pin(self->fd, a.handle, MEMMGR_PIN_LEASE));
	EXPECT_EQ(1, look_at(&self->looker, p, seen, 1));
	EXPECT_EQ(2, change(&self->looker, p, "ok"));
	ASSERT_EQ(0, mm_info(self->fd, a.handle, &i));
	EXPECT_EQ(0, i.lease_faults);
	EXPECT_EQ(0, mm_unpin(self->fd, a.handle, MEMMGR_PIN_LEASE));
}

TEST_F(debugger, ptrace)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, self->page);
	unsigned char *p = must_map(_metadata, self->fd, a.map_offset, self->page);
	pid_t child;
	int status;

	if (self->looker.device >= 0)
		SKIP(return, "this kernel does not ask drivers");
	memcpy(p, "debugger", 8);
	child = fork();
	if (!child) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		_exit(memcmp(p, "DEBUGGER", sizeof(long)) ? 1 : 0);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	ASSERT_TRUE(WIFSTOPPED(status));
	errno = 0;
	*(long *)seen = ptrace(PTRACE_PEEKDATA, child, p, 0);
	EXPECT_EQ(0, errno);
	EXPECT_EQ(0, memcmp(seen, "debugger", sizeof(long)));
	memcpy(seen, "DEBUGGER", 8);
	EXPECT_EQ(0, ptrace(PTRACE_POKEDATA, child, p, *(long *)seen));
	EXPECT_EQ(0, ptrace(PTRACE_CONT, child, 0, 0));
	EXPECT_EQ(0, child_result(child));
	EXPECT_EQ(0, memcmp(p, "DEBUGGER", sizeof(long)));
}

MEMMGR_TEST_MAIN
