// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Allocations exported as dma-bufs: which users see which bytes, and that memory goes
 * with the last reference, in every order, and never before.
 *
 * Rule: <linux/memmgr.h>, struct memmgr_export, and memmgr(7), SHARING, "dma-bufs".
 */
#include <linux/dma-buf.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/vfs.h>

#include "lib/memmgr_test.h"

MEMMGR_FIXTURE(dmabuf)

#define PAGES	3	/* of what is exported: no power of two */

static __u64 used_now(int fd)
{
	struct memmgr_stats s;

	return mm_stats(fd, MEMMGR_HEAP_MAIN, &s) ? ~0ull : s.used;
}

static void *map_file(int file, size_t bytes, int prot)
{
	void *p = mmap(NULL, bytes, prot, MAP_SHARED, file, 0);

	return p == MAP_FAILED ? NULL : p;
}

static int sync_file(int file, __u64 flags)
{
	struct dma_buf_sync s = { .flags = flags };

	return mm_call(file, DMA_BUF_IOCTL_SYNC, &s);
}

TEST_F(dmabuf, same_memory_as_the_allocation)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN,
					   PAGES * self->page);
	static unsigned char copy[PAGES * 65536];
	size_t bytes = PAGES * self->page;
	unsigned char *p, *q;
	int file;

	file = mm_export(self->fd, a.handle, MEMMGR_EXPORT_CLOEXEC);
	ASSERT_LE(0, file);
	EXPECT_EQ(FD_CLOEXEC, fcntl(file, F_GETFD));
	EXPECT_EQ(bytes, (size_t)lseek(file, 0, SEEK_END));
	EXPECT_EQ(0, lseek(file, 0, SEEK_SET));
	p = map_file(file, bytes, PROT_READ | PROT_WRITE);
	ASSERT_TRUE(!!p);
	EXPECT_EQ(0, sync_file(file, DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW));
	fill_pattern(p, bytes, 3);
	EXPECT_EQ(0, sync_file(file, DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW));
	ASSERT_EQ(0, mm_read(self->fd, a.handle, 0, copy, bytes));
	EXPECT_TRUE(is_pattern(copy, bytes, 3));
	q = must_map(_metadata, self->fd, a.map_offset, bytes);
	EXPECT_TRUE(is_pattern(q, bytes, 3));
	EXPECT_EQ(-EINVAL, sync_file(file, 1ull << 5));
	munmap(p, bytes);
	close(file);
}

TEST_F(dmabuf, mapping_beyond_its_end)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN,
					   PAGES * self->page);
	int file = mm_export(self->fd, a.handle, 0);

	ASSERT_LE(0, file);
	EXPECT_EQ(0, fcntl(file, F_GETFD));
	EXPECT_EQ(0, map_error(file, (PAGES - 1) * self->page, self->page, PROT_READ, MAP_SHARED));
	EXPECT_EQ(EINVAL, map_error(file, 0, (PAGES + 1) * self->page, PROT_READ, MAP_SHARED));
	EXPECT_EQ(EINVAL, map_error(file, (PAGES - 1) * self->page, 2 * self->page, PROT_READ,
				    MAP_SHARED));
	EXPECT_EQ(EINVAL, map_error(file, PAGES * self->page, self->page, PROT_READ, MAP_SHARED));
	close(file);
}

/* Two dma-bufs of the same memory, each with an end of its own. */
TEST_F(dmabuf, exported_twice)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 1);
	struct stat one, two;
	struct memmgr_info i;
	unsigned char *p, *q;
	int first, second;

	first = mm_export(self->fd, a.handle, 0);
	second = mm_export(self->fd, a.handle, MEMMGR_EXPORT_CLOEXEC);
	ASSERT_LE(0, first);
	ASSERT_LE(0, second);
	EXPECT_NE(first, second);
	ASSERT_EQ(0, fstat(first, &one));
	ASSERT_EQ(0, fstat(second, &two));
	EXPECT_NE(one.st_ino, two.st_ino);
	p = map_file(first, self->page, PROT_READ | PROT_WRITE);
	q = map_file(second, self->page, PROT_READ);
	ASSERT_TRUE(p && q);
	fill_pattern(p, self->page, 8);
	EXPECT_TRUE(is_pattern(q, self->page, 8));
	munmap(p, self->page);
	ASSERT_EQ(0, mm_info(self->fd, a.handle, &i));
	EXPECT_EQ(2, i.exports);
	close(first);
	ASSERT_EQ(0, mm_info(self->fd, a.handle, &i));
	EXPECT_EQ(1, i.exports);
	EXPECT_TRUE(is_pattern(q, self->page, 8));
	munmap(q, self->page);
	close(second);
	ASSERT_EQ(0, mm_info(self->fd, a.handle, &i));
	EXPECT_EQ(0, i.exports);
}

TEST_F(dmabuf, refused)
{
	__u32 heap = must_kind(_metadata, self->fd, MEMMGR_KIND_BUDDY);
	struct memmgr_alloc small = must_alloc(_metadata, self->fd, heap, 64);
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 1);
	struct memmgr_resize r;
	int other = open_device(O_RDWR), file;

	EXPECT_EQ(-EOPNOTSUPP, mm_export(self->fd, small.handle, 0));
	EXPECT_EQ(-EBADF, mm_export(self->fd, NO_HANDLE, 0));
	EXPECT_EQ(-EACCES, mm_export(other, a.handle, 0));
	EXPECT_EQ(-EINVAL, mm_export(self->fd, a.handle, 1u << 2));
	close(other);
	file = mm_export(self->fd, a.handle, 0);
	ASSERT_LE(0, file);
	EXPECT_EQ(-EBUSY, mm_resize(self->fd, a.handle, 2 * self->page, &r));
	close(file);
	EXPECT_EQ(0, mm_resize(self->fd, a.handle, 2 * self->page, &r));
}

TEST_F(dmabuf, read_only)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 1);
	unsigned char *p;
	int file = mm_export(self->fd, a.handle, MEMMGR_EXPORT_READ_ONLY);

	ASSERT_LE(0, file);
	EXPECT_EQ(EACCES, map_error(file, 0, self->page, PROT_READ | PROT_WRITE, MAP_SHARED));
	p = map_file(file, self->page, PROT_READ);
	ASSERT_TRUE(!!p);
	EXPECT_EQ(0, touch(p, false));
	EXPECT_EQ(SIGSEGV, touch(p, true));
	EXPECT_EQ(-1, mprotect(p, self->page, PROT_READ | PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
	munmap(p, self->page);
	close(file);
}

TEST_F(dmabuf, protection_holds_for_it)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 1);
	unsigned char *p;
	int file;

	file = mm_export(self->fd, a.handle, 0);
	ASSERT_LE(0, file);
	p = map_file(file, self->page, PROT_READ | PROT_WRITE);
	ASSERT_TRUE(!!p);
	EXPECT_EQ(0, touch(p, true));
	ASSERT_EQ(0, mm_protect(self->fd, a.handle, MEMMGR_ACCESS_READ, 0));
	EXPECT_EQ(SIGSEGV, touch(p, true));
	EXPECT_EQ(0, touch(p, false));
	EXPECT_EQ(EACCES, map_error(file, 0, self->page, PROT_READ | PROT_WRITE, MAP_SHARED));
	ASSERT_EQ(0, mm_protect(self->fd, a.handle, MEMMGR_ACCESS_NONE, 0));
	EXPECT_EQ(SIGSEGV, touch(p, false));
	EXPECT_EQ(-EACCES, mm_export(self->fd, a.handle, 0));
	ASSERT_EQ(0, mm_protect(self->fd, a.handle, MEMMGR_ACCESS_READ | MEMMGR_ACCESS_WRITE, 0));
	EXPECT_EQ(0, touch(p, true));
	munmap(p, self->page);
	close(file);
}

/* The errno of rmmod, or 0 and there is no module any more. */
static int unload(void)
{
	return syscall(SYS_delete_module, "memmgr", O_NONBLOCK) ? errno : 0;
}

TEST_F(dmabuf, holds_the_module)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 1);
	int file = mm_export(self->fd, a.handle, 0);
	unsigned char *p;

	ASSERT_LE(0, file);
	p = map_file(file, self->page, PROT_READ | PROT_WRITE);
	ASSERT_TRUE(!!p);
	close(self->fd);
	EXPECT_EQ(EAGAIN, unload());
	close(file);
	EXPECT_EQ(EAGAIN, unload());
	EXPECT_EQ(0, touch(p, true));
	munmap(p, self->page);
	self->fd = open_device(O_RDWR);
	ASSERT_LE(0, self->fd);
}

/* ---- an ordinary user's attack -------------------------------------------------- */

#define HUSKS		32	/* dma-bufs that are closed, and their names kept */
#define SECRETS		2000	/* files that root opens then */
#define DMA_BUF_MAGIC	0x444d4142

/*
 * A name of a file, by O_PATH, keeps what belongs to the file but not the file, whose
 * memory goes to the next file that somebody opens.
 */
static bool husks_make(int fd, __u64 *handle, int *name)
{
	char path[64];
	int i, file;

	for (i = 0; i < HUSKS; i++) {
		struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, 1);

		file = mm_alloc(fd, &a) ? -1 : mm_export(fd, a.handle, 0);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
		name[i] = open(path, O_PATH | O_CLOEXEC);
		handle[i] = a.handle;
		if (name[i] < 0 || close(file))
			return false;
	}
	/* what the kernel frees behind readers' backs has gone then */
	return !syscall(SYS_membarrier, 1 /* MEMBARRIER_CMD_GLOBAL */, 0, 0);
}

/* Nobody: exports what it exported before, and has dma-bufs. 0, or what it has else. */
static int husks_try(int node, int told, int said)
{
	int fd = open_as_nobody(node), name[HUSKS], i, foreign = 0;
	__u64 handle[HUSKS];
	struct statfs fs;
	char c = 0;

	if (fd < 0 || !husks_make(fd, handle, name))
		return 100;
	if (write(said, &c, 1) != 1 || read(told, &c, 1) != 1)
		return 101;
	for (i = 0; i < HUSKS; i++) {
		int file = mm_export(fd, handle[i], 0);

		if (file < 0 || fstatfs(file, &fs))
			return 102;
		foreign += fs.f_type != DMA_BUF_MAGIC;
	}
	return foreign;
}

/* Root, which opens a file that nobody else may, again and again. */
static void open_secrets(int *secret)
{
	int file = open("/tmp/secret", O_RDONLY | O_CREAT | O_CLOEXEC, 0600), i;

	for (i = 0; i < SECRETS; i++)
		secret[i] = open("/tmp/secret", O_RDONLY | O_CLOEXEC);
	close(file);
	unlink("/tmp/secret");
}

TEST_F(dmabuf, closed_one_is_never_found_again)
{
	struct rlimit many = { SECRETS + 200, SECRETS + 200 };
	static int secret[SECRETS];
	int node = open_public_node(), round, i;

	ASSERT_LE(0, node);
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &many));
	for (round = 0; round < 4; round++) {
		int told[2], said[2];
		pid_t child;
		char c = 0;

		ASSERT_EQ(0, pipe2(told, O_CLOEXEC));
		ASSERT_EQ(0, pipe2(said, O_CLOEXEC));
		child = fork();
		if (!child) {
			close(told[1]);
			_exit(husks_try(node, told[0], said[1]));
		}
		close(said[1]);
		ASSERT_EQ(1, read(said[0], &c, 1));
		open_secrets(secret);
		ASSERT_EQ(1, write(told[1], &c, 1));
		EXPECT_EQ(0, child_result(child))
			TH_LOG("foreign files in round %d", round);
		for (i = 0; i < SECRETS; i++)
			close(secret[i]);
		close(told[0]);
		close(told[1]);
		close(said[0]);
	}
	close(node);
}

/* ---- the last reference ------------------------------------------------------ */

enum { FREE, CLOSE, FILE_CLOSE, TWIN_CLOSE, UNMAP, EVENTS };

struct life {
	int fd, file, twin;
	unsigned char *p;
	__u64 handle;
	bool handle_lives;
};

static int life_begin(struct life *l, size_t bytes)
{
	struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, bytes);

	*l = (struct life){ .fd = open_device(O_RDWR), .handle_lives = true };
	if (l->fd < 0 || mm_alloc(l->fd, &a))
		return -1;
	l->handle = a.handle;
	l->file = mm_export(l->fd, a.handle, 0);
	l->twin = dup(l->file);
	l->p = map_file(l->file, bytes, PROT_READ | PROT_WRITE);
	if (l->file < 0 || !l->p)
		return -1;
	fill_pattern(l->p, bytes, 9);
	return 0;
}

static void life_event(struct life *l, int event, size_t bytes)
{
	if (event == FREE && l->fd >= 0 && !mm_free(l->fd, l->handle))
		l->handle_lives = false;
	if (event == CLOSE) {
		close(l->fd);
		l->fd = -1;
		l->handle_lives = false;
	}
	if (event == FILE_CLOSE) {
		close(l->file);
		l->file = -1;
	}
	if (event == TWIN_CLOSE) {
		close(l->twin);
		l->twin = -1;
	}
	if (event == UNMAP) {
		munmap(l->p, bytes);
		l->p = NULL;
	}
}

static bool life_is_over(struct life *l)
{
	return !l->handle_lives && l->file < 0 && l->twin < 0 && !l->p;
}

static bool contents_right(struct life *l, size_t bytes)
{
	int file = l->file >= 0 ? l->file : l->twin;
	unsigned char *p = l->p;
	bool right;

	if (!p && file < 0)
		return true;
	if (!p)
		p = map_file(file, bytes, PROT_READ);
	right = p && is_pattern(p, bytes, 9);
	if (p && p != l->p)
		munmap(p, bytes);
	return right;
}

/* The n-th order of the events. */
static void permutation(int n, int *order)
{
	int pool[EVENTS], i, left;

	for (i = 0; i < EVENTS; i++)
		pool[i] = i;
	for (left = EVENTS; left; left--) {
		order[EVENTS - left] = pool[n % left];
		memmove(&pool[n % left], &pool[n % left + 1],
			(left - 1 - n % left) * sizeof(int));
		n /= left;
	}
}

TEST_F(dmabuf, closing_in_every_order)
{
	size_t bytes = PAGES * self->page;
	__u64 idle = used_now(self->fd);
	int n, step, order[EVENTS];
	struct life l;

	for (n = 0; n < 120; n++) {
		permutation(n, order);
		ASSERT_EQ(0, life_begin(&l, bytes));
		for (step = 0; step < EVENTS; step++) {
			life_event(&l, order[step], bytes);
			ASSERT_EQ(idle + (life_is_over(&l) ? 0 : bytes), used_now(self->fd))
				TH_LOG("order %d step %d", n, step);
			ASSERT_TRUE(contents_right(&l, bytes))
				TH_LOG("order %d step %d", n, step);
		}
		ASSERT_TRUE(life_is_over(&l));
	}
}

TEST_F(dmabuf, killed_between_any_two_steps)
{
	int n, step, stop, order[EVENTS];
	size_t bytes = PAGES * self->page;
	struct life l;
	pid_t child;

	for (n = 0; n < 120; n += 7) {
		permutation(n, order);
		for (stop = 0; stop < EVENTS; stop++) {
			child = fork();
			if (!child) {
				if (life_begin(&l, bytes))
					_exit(1);
				for (step = 0; step < stop; step++)
					life_event(&l, order[step], bytes);
				kill(getpid(), SIGKILL);
			}
			ASSERT_EQ(1000 + SIGKILL, child_result(child));
			ASSERT_TRUE(state_returns(self->fd, &self->before));
		}
	}
}

TEST_F(dmabuf, old_mapping_shows_nobody_elses_bytes)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 1);
	unsigned char *own = must_map(_metadata, self->fd, a.map_offset, self->page);
	struct memmgr_alloc b;
	unsigned char *p;
	int file;

	file = mm_export(self->fd, a.handle, 0);
	ASSERT_LE(0, file);
	p = map_file(file, self->page, PROT_READ | PROT_WRITE);
	ASSERT_TRUE(!!p);
	fill_pattern(p, self->page, 4);
	ASSERT_EQ(0, mm_free(self->fd, a.handle));
	EXPECT_EQ(SIGBUS, touch(own, false));
	b = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, self->page);
	EXPECT_NE(a.offset, b.offset);
	ASSERT_EQ(0, mm_write(self->fd, b.handle, 0, "other", 5));
	EXPECT_TRUE(is_pattern(p, self->page, 4));
	munmap(p, self->page);
	close(file);
	EXPECT_EQ(0, mm_free(self->fd, b.handle));
}

/* Charged to who made it for as long as it lives. */
TEST_F(dmabuf, charged_until_the_last_reference)
{
	struct memmgr_account entries[32];
	__u32 count = ARRAY_SIZE(entries), i, found = 0;
	struct memmgr_alloc a;
	int fd = open_device(O_RDWR), file;
	struct memmgr_info info;
	__u64 cursor = 0;

	ASSERT_LE(0, fd);
	a = must_alloc(_metadata, fd, MEMMGR_HEAP_MAIN, PAGES * self->page);
	ASSERT_EQ(0, mm_info(fd, a.handle, &info));
	file = mm_export(fd, a.handle, 0);
	ASSERT_LE(0, file);
	close(fd);
	ASSERT_EQ(0, mm_accounts(self->fd, 0, entries, &count, &cursor));
	for (i = 0; i < count; i++) {
		if (entries[i].id != info.client)
			continue;
		found++;
		EXPECT_NE(0, entries[i].flags & MEMMGR_ACCOUNT_CLOSED);
		EXPECT_EQ(PAGES * self->page, entries[i].bytes);
	}
	EXPECT_EQ(1, found);
	close(file);
	count = ARRAY_SIZE(entries);
	cursor = 0;
	ASSERT_EQ(0, mm_accounts(self->fd, 0, entries, &count, &cursor));
	for (i = 0; i < count; i++)
		EXPECT_NE(info.client, entries[i].id);
}

/* ---- whoever looks on while it goes ------------------------------------------ */

#define LOOKED_AT	256	/* pages: long enough to be caught in the middle */

/* Maps it and touches all of it, again and again: 0, or what went wrong. */
static int look(int file, size_t bytes, int said)
{
	size_t page = page_size(), at;
	unsigned char *p;
	int round;

	for (round = 0; round < 8; round++) {
		p = map_file(file, bytes, PROT_READ);
		if (!p || (!round && write(said, "", 1) != 1))
			return 1;
		for (at = 0; at < bytes; at += page)
			if (!is_pattern(p + at, 64, at / page))
				return 2;
		munmap(p, bytes);
	}
	return 0;
}

/* An allocation whose pages differ, exported; its client has it mapped as well. */
static int looked_at(struct __test_metadata *_metadata, int fd, size_t bytes,
		     struct memmgr_alloc *a, unsigned char **p)
{
	size_t page = page_size(), at;
	int file;

	*a = must_alloc(_metadata, fd, MEMMGR_HEAP_MAIN, bytes);
	*p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)a->map_offset);
	ASSERT_TRUE(*p != MAP_FAILED);
	for (at = 0; at < bytes; at += page)
		fill_pattern(*p + at, 64, at / page);
	file = mm_export(fd, a->handle, 0);
	ASSERT_LE(0, file);
	return file;
}

/* The owner frees, or closes, at some moment of that: the looker never notices. */
static void look_and_go(struct __test_metadata *_metadata, bool by_close)
{
	unsigned int seed = test_seed(), round;
	size_t bytes = LOOKED_AT * page_size();
	struct memmgr_alloc a;
	unsigned char *p;
	pid_t child;
	char c;

	for (round = 0; round < race_rounds(60); round++) {
		int fd = open_device(O_RDWR), file, said[2];

		ASSERT_LE(0, fd);
		file = looked_at(_metadata, fd, bytes, &a, &p);
		ASSERT_EQ(0, pipe(said));
		child = fork();
		if (!child) {
			munmap(p, bytes);
			close(fd);
			_exit(look(file, bytes, said[1]));
		}
		ASSERT_EQ(1, read(said[0], &c, 1));
		if (by_close)
			munmap(p, bytes);
		usleep(rand_r(&seed) % 4000);
		if (by_close)
			close(fd);
		else
			ASSERT_EQ(0, mm_free(fd, a.handle));
		EXPECT_EQ(0, child_result(child))
			TH_LOG("round %u", round);
		if (!by_close) {
			munmap(p, bytes);
			close(fd);
		}
		close(file);
		close(said[0]);
		close(said[1]);
	}
}

TEST_F(dmabuf, looked_at_while_it_is_freed)
{
	look_and_go(_metadata, false);
}

TEST_F(dmabuf, looked_at_while_its_client_closes)
{
	look_and_go(_metadata, true);
}

/* ---- vgem: a device of the stock kernel --------------------------------------- */

struct prime { __u32 handle; __u32 flags; __s32 fd; };
struct gem_close { __u32 handle; __u32 pad; };

#define PRIME_HANDLE_TO_FD	_IOWR('d', 0x2d, struct prime)
#define PRIME_FD_TO_HANDLE	_IOWR('d', 0x2e, struct prime)
#define GEM_CLOSE		_IOW('d', 0x09, struct gem_close)

TEST_F(dmabuf, vgem_keeps_it)
{
	struct gem_close gone = { 0 };
	struct prime in = { 0 }, out = { 0 };
	size_t bytes = PAGES * self->page;
	__u64 idle = used_now(self->fd);
	int vgem = open("/dev/dri/card0", O_RDWR | O_CLOEXEC);
	unsigned char *p;
	struct life l;

	if (vgem < 0)
		SKIP(return, "no vgem");
	ASSERT_EQ(0, life_begin(&l, bytes));
	in.fd = l.file;
	ASSERT_EQ(0, mm_call(vgem, PRIME_FD_TO_HANDLE, &in));
	/* It may write, so nobody can be told that nothing does. */
	EXPECT_EQ(-EBUSY, mm_protect(l.fd, l.handle, MEMMGR_ACCESS_READ, 0));
	EXPECT_EQ(-EBUSY, mm_protect(l.fd, l.handle, MEMMGR_ACCESS_NONE, 0));
	EXPECT_EQ(0, touch(l.p, false));
	life_event(&l, FREE, bytes);
	life_event(&l, CLOSE, bytes);
	life_event(&l, UNMAP, bytes);
	life_event(&l, FILE_CLOSE, bytes);
	life_event(&l, TWIN_CLOSE, bytes);
	EXPECT_EQ(idle + bytes, used_now(self->fd));
	/* Nobody but the importer is left. */
	close(self->fd);
	EXPECT_EQ(EAGAIN, unload());
	self->fd = open_device(O_RDWR);
	ASSERT_LE(0, self->fd);
	out.handle = in.handle;
	ASSERT_EQ(0, mm_call(vgem, PRIME_HANDLE_TO_FD, &out));
	p = map_file(out.fd, bytes, PROT_READ);
	ASSERT_TRUE(!!p);
	EXPECT_TRUE(is_pattern(p, bytes, 9));
	munmap(p, bytes);
	close(out.fd);
	gone.handle = in.handle;
	EXPECT_EQ(0, mm_call(vgem, GEM_CLOSE, &gone));
	EXPECT_TRUE(state_returns(self->fd, &self->before));
	close(vgem);
}

/*
 * Two processes, each of which does a step when it is told to, and says so. Either
 * is killed after any of its steps, while the other is anywhere.
 */
enum { MAKE, SEND, UNMAP_OWN, FREE_OWN, CLOSE_OWN, CLOSE_FILES, EXPORTER_STEPS };
enum { RECEIVE, IMPORT, CLOSE_RECEIVED, MAP_IMPORTED, LOOK, GIVE_BACK, IMPORTER_STEPS };

struct actor {
	pid_t pid;
	int orders;	/* a byte for each step */
	int answers;
};

static bool exporter_step(int step, int socket, size_t bytes)
{
	static struct life l;

	switch (step) {
	case MAKE:
		return !life_begin(&l, bytes);
	case SEND:
		return !send_file(socket, l.file);
	case UNMAP_OWN:
		life_event(&l, UNMAP, bytes);
		return true;
	case FREE_OWN:
		life_event(&l, FREE, bytes);
		return !l.handle_lives;
	case CLOSE_OWN:
		life_event(&l, CLOSE, bytes);
		return true;
	default:
		life_event(&l, FILE_CLOSE, bytes);
		life_event(&l, TWIN_CLOSE, bytes);
		return life_is_over(&l);
	}
}

static bool importer_step(int step, int socket, size_t bytes)
{
	static struct prime in, out;
	static unsigned char *p;
	static int vgem;
	struct gem_close gone = { .handle = in.handle };

	switch (step) {
	case RECEIVE:
		vgem = open("/dev/dri/card0", O_RDWR | O_CLOEXEC);
		in.fd = receive_file(socket);
		return vgem >= 0 && in.fd >= 0;
	case IMPORT:
		return !mm_call(vgem, PRIME_FD_TO_HANDLE, &in);
	case CLOSE_RECEIVED:
		return !close(in.fd);
	case MAP_IMPORTED:
		out.handle = in.handle;
		if (mm_call(vgem, PRIME_HANDLE_TO_FD, &out))
			return false;
		p = map_file(out.fd, bytes, PROT_READ);
		return p && !close(out.fd);
	case LOOK:
		return is_pattern(p, bytes, 9);
	default:
		return !munmap(p, bytes) && !mm_call(vgem, GEM_CLOSE, &gone);
	}
}

static void actor_start(struct __test_metadata *_metadata, struct actor *a, int socket,
			size_t bytes, bool (*step)(int step, int socket, size_t bytes))
{
	int orders[2], answers[2];
	char order, done = 0;

	ASSERT_EQ(0, pipe2(orders, O_CLOEXEC));
	ASSERT_EQ(0, pipe2(answers, O_CLOEXEC));
	a->pid = fork();
	if (!a->pid) {
		close(orders[1]);
		while (read(orders[0], &order, 1) == 1)
			if (!step(order, socket, bytes) || write(answers[1], &done, 1) != 1)
				_exit(1);
		_exit(0);
	}
	ASSERT_LT(0, a->pid);
	a->orders = orders[1];
	a->answers = answers[0];
	close(orders[0]);
	close(answers[1]);
}

/* Steps @from up to, not including, @to. */
static bool actor_run(struct actor *a, int from, int to)
{
	char order, done;

	for (order = from; order < to; order++)
		if (write(a->orders, &order, 1) != 1 || read(a->answers, &done, 1) != 1)
			return false;
	return true;
}

/* By force, or by the end of its orders. */
static int actor_end(struct actor *a, bool force)
{
	if (force)
		kill(a->pid, SIGKILL);
	close(a->orders);
	close(a->answers);
	return child_result(a->pid);
}

/* @exporter and @importer have done so many steps when one of them is killed. */
static void kill_one(struct __test_metadata *_metadata, int exporter, int importer,
		     bool kill_exporter)
{
	size_t bytes = PAGES * page_size();
	struct actor from, to;
	int sockets[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets));
	actor_start(_metadata, &from, sockets[0], bytes, exporter_step);
	actor_start(_metadata, &to, sockets[1], bytes, importer_step);
	ASSERT_TRUE(actor_run(&from, 0, exporter));
	ASSERT_TRUE(actor_run(&to, 0, importer));
	if (kill_exporter) {
		EXPECT_EQ(1000 + SIGKILL, actor_end(&from, true));
		/* The other goes on as if nothing had happened. */
		if (exporter > SEND)
			EXPECT_TRUE(actor_run(&to, importer, IMPORTER_STEPS));
		EXPECT_EQ(0, actor_end(&to, false));
	} else {
		EXPECT_EQ(1000 + SIGKILL, actor_end(&to, true));
		EXPECT_TRUE(actor_run(&from, exporter, EXPORTER_STEPS));
		EXPECT_EQ(0, actor_end(&from, false));
	}
	close(sockets[0]);
	close(sockets[1]);
}

TEST_F(dmabuf, killed_with_an_importer_attached)
{
	int exporter, importer, victim;

	if (access("/dev/dri/card0", R_OK | W_OK))
		SKIP(return, "no vgem");
	for (exporter = 0; exporter <= EXPORTER_STEPS; exporter++) {
		/* It cannot receive what was not sent. */
		int last = exporter > SEND ? IMPORTER_STEPS : 0;

		for (importer = 0; importer <= last; importer++)
			for (victim = 0; victim < 2; victim++) {
				kill_one(_metadata, exporter, importer, victim);
				ASSERT_TRUE(state_returns(self->fd, &self->before))
					TH_LOG("exporter %d, importer %d, victim %d", exporter,
					       importer, victim);
			}
	}
}

MEMMGR_TEST_MAIN
