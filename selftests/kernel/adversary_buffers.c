// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Attacks on a read-only dma-buf that the victim handed over.
 *
 * Rule: memmgr(7), SHARING, "dma-bufs".
 */
#include <sys/mman.h>

#include "lib/attacking.h"
#include "lib/memmgr_test.h"

MEMMGR_FIXTURE(victim)

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

	if (!dmabuf_is_built(self->fd))
		SKIP(return, "a build without dma-bufs");
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

MEMMGR_TEST_MAIN
