// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Mappings as the target of the kernel's own I/O: it works where the region has
 * struct pages, fails with EFAULT elsewhere, and no page is reused before the
 * last pipe has let go of it. PROTECT refuses a change that I/O under way would break.
 *
 * Rule: memmgr(7), SHARING, "Direct I/O and devices".
 */
#include <linux/userfaultfd.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "lib/holding.h"
#include "lib/memmgr_test.h"

MEMMGR_FIXTURE(pages)

static bool has_pages(int fd)
{
	struct memmgr_query q;

	return !mm_query(fd, &q) && (q.region_flags & MEMMGR_REGION_PAGES);
}

static ssize_t splice_in(int pipe, void *p, size_t bytes)
{
	struct iovec v = { p, bytes };
	ssize_t result = vmsplice(pipe, &v, 1, 0);

	return result < 0 ? -errno : result;
}

TEST_F(pages, efault_without_struct_pages)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, self->page);
	unsigned char *p = must_map(_metadata, self->fd, a.map_offset, self->page);
	int ends[2];

	if (has_pages(self->fd))
		SKIP(return, "this region has struct pages");
	ASSERT_EQ(0, pipe(ends));
	memset(p, 1, self->page);
	EXPECT_EQ(-EFAULT, splice_in(ends[1], p, self->page));
	close(ends[0]);
	close(ends[1]);
}

TEST_F(pages, vmsplice_and_back)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 4 * self->page);
	unsigned char *p = must_map(_metadata, self->fd, a.map_offset, 4 * self->page);
	static unsigned char back[4 * 65536];
	int ends[2];

	if (!has_pages(self->fd))
		SKIP(return, "this region has no struct pages");
	ASSERT_EQ(0, pipe(ends));
	fill_pattern(p, 4 * self->page, 5);
	ASSERT_EQ(4 * self->page, splice_in(ends[1], p, 4 * self->page));
	ASSERT_EQ(4 * self->page, read(ends[0], back, 4 * self->page));
	EXPECT_TRUE(is_pattern(back, 4 * self->page, 5));
	close(ends[0]);
	close(ends[1]);
}

/* What a pipe has stays where it is, and compaction says what keeps it there. */
TEST_F(pages, compaction_names_io)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, self->page);
	unsigned char *p = must_map(_metadata, self->fd, a.map_offset, self->page);
	static unsigned char back[65536];
	struct memmgr_compact c;
	int ends[2];

	if (!has_pages(self->fd))
		SKIP(return, "this region has no struct pages");
	ASSERT_EQ(0, pipe(ends));
	fill_pattern(p, self->page, 7);
	ASSERT_EQ(self->page, splice_in(ends[1], p, self->page));
	EXPECT_EQ(-ENOMEM, mm_empty(self->fd, MEMMGR_HEAP_MAIN, a.offset, self->page, &c));
	EXPECT_EQ(MEMMGR_REASON_PINNED, c.reason);
	EXPECT_EQ(self->page, c.stayed[MEMMGR_FIXED_IO]);
	EXPECT_EQ(0, c.stayed[MEMMGR_FIXED_KERNEL]);
	EXPECT_EQ(0, c.moved);
	ASSERT_EQ(self->page, read(ends[0], back, self->page));
	EXPECT_TRUE(is_pattern(back, self->page, 7));
	EXPECT_EQ(0, mm_empty(self->fd, MEMMGR_HEAP_MAIN, a.offset, self->page, &c));
	EXPECT_EQ(self->page, c.moved);
	EXPECT_TRUE(is_pattern(p, self->page, 7));
	close(ends[0]);
	close(ends[1]);
}

/* O_DIRECT to a RAM disk and back into another page of the mapping. */
TEST_F(pages, direct_io)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 2 * self->page);
	unsigned char *p = must_map(_metadata, self->fd, a.map_offset, 2 * self->page);
	int disk = open("/dev/ram0", O_RDWR | O_DIRECT | O_CLOEXEC);

	if (disk < 0)
		SKIP(return, "no /dev/ram0: load brd");
	fill_pattern(p, self->page, 8);
	if (has_pages(self->fd)) {
		EXPECT_EQ(self->page, pwrite(disk, p, self->page, 0));
		EXPECT_EQ(self->page, pread(disk, p + self->page, self->page, 0));
		EXPECT_TRUE(is_pattern(p + self->page, self->page, 8));
	} else {
		EXPECT_EQ(-1, pwrite(disk, p, self->page, 0));
		EXPECT_EQ(EFAULT, errno);
		EXPECT_EQ(-1, pread(disk, p, self->page, 0));
		EXPECT_EQ(EFAULT, errno);
		EXPECT_TRUE(is_pattern(p, self->page, 8));
	}
	close(disk);
}

/* ---- I/O under way ------------------------------------------------------------- */

/* A write by the kernel that waits, with its target looked up, for its source. */
struct slow_write {
	unsigned char *from, *to;
	size_t bytes;
	int gate;		/* a userfaultfd: serves the source */
	ssize_t result;
	pthread_t thread;
};

static void *slow_write_run(void *argument)
{
	struct slow_write *w = argument;
	struct iovec from = { w->from, w->bytes }, to = { w->to, w->bytes };

	w->result = process_vm_writev(getpid(), &from, 1, &to, 1, 0);
	return NULL;
}

/* NULL, or what the kernel lacks. */
static const char *slow_write_prepare(struct slow_write *w)
{
	struct uffdio_register source = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_api api = { .api = UFFD_API };
	struct iovec none = { 0 };

	if (process_vm_writev(getpid(), &none, 0, &none, 0, 0))
		return "no process_vm_writev()";
	w->gate = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (w->gate < 0 || ioctl(w->gate, UFFDIO_API, &api))
		return "no userfaultfd()";
	w->from = mmap(NULL, w->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);
	source.range.start = (uintptr_t)w->from;
	source.range.len = w->bytes;
	if (w->from == MAP_FAILED || ioctl(w->gate, UFFDIO_REGISTER, &source))
		return "no page to wait for";
	return NULL;
}

/* Returns when the write waits. */
static bool slow_write_begin(struct slow_write *w)
{
	struct pollfd wait = { .fd = w->gate, .events = POLLIN };
	struct uffd_msg message;

	return !pthread_create(&w->thread, NULL, slow_write_run, w) &&
	       poll(&wait, 1, 10000) == 1 &&
	       read(w->gate, &message, sizeof(message)) == sizeof(message) &&
	       message.event == UFFD_EVENT_PAGEFAULT;
}

static bool slow_write_end(struct slow_write *w, void *data)
{
	struct uffdio_copy copy = {
		.dst = (uintptr_t)w->from, .src = (uintptr_t)data, .len = w->bytes,
	};

	return !ioctl(w->gate, UFFDIO_COPY, &copy) && !pthread_join(w->thread, NULL);
}

static void write_under_way(struct __test_metadata *_metadata, int fd, __u32 flags)
{
	size_t page = page_size();
	struct memmgr_alloc a = must_alloc(_metadata, fd, MEMMGR_HEAP_MAIN, 2 * page);
	unsigned char *p = must_map(_metadata, fd, a.map_offset, 2 * page);
	struct slow_write w = { .to = p + page, .bytes = page };
	static unsigned char data[65536];
	struct memmgr_info i;
	const char *lacking;

	if (!has_pages(fd))
		SKIP(return, "this region has no struct pages");
	lacking = slow_write_prepare(&w);
	if (lacking)
		SKIP(return, "%s", lacking);
	ASSERT_EQ(0, quiet_health(fd));
	fill_pattern(data, page, 4);
	memset(p, 0x11, 2 * page);
	ASSERT_TRUE(slow_write_begin(&w));
	EXPECT_EQ(-EBUSY, mm_protect(fd, a.handle, MEMMGR_ACCESS_READ, flags));
	EXPECT_EQ(-EBUSY, mm_protect(fd, a.handle, MEMMGR_ACCESS_NONE, flags));
	ASSERT_EQ(0, mm_info(fd, a.handle, &i));
	EXPECT_EQ(MEMMGR_ACCESS_READ | MEMMGR_ACCESS_WRITE, i.access);
	EXPECT_EQ(0, i.state & MEMMGR_INFO_SEALED);
	EXPECT_EQ(0, touch(p, true));
	EXPECT_EQ(0, touch(p + page, false));
	EXPECT_EQ(0, mm_write(fd, a.handle, 0, "x", 1));
	EXPECT_EQ(0, i.violations);
	ASSERT_TRUE(slow_write_end(&w, data));
	EXPECT_EQ(page, w.result);
	EXPECT_EQ(0, mm_protect(fd, a.handle, MEMMGR_ACCESS_READ, flags));
	EXPECT_TRUE(is_pattern(p + page, page, 4));
	EXPECT_EQ(SIGSEGV, touch(p + page, true));
	/* what begins now is refused */
	slow_write_run(&w);
	EXPECT_EQ(-1, w.result);
	EXPECT_EQ(EFAULT, errno);
	EXPECT_TRUE(is_pattern(p + page, page, 4));
	munmap(w.from, w.bytes);
	close(w.gate);
}

TEST_F(pages, protect_refused_by_a_write_under_way)
{
	write_under_way(_metadata, self->fd, 0);
}

TEST_F(pages, seal_refused_by_a_write_under_way)
{
	write_under_way(_metadata, self->fd, MEMMGR_PROTECT_SEAL);
}

/* Takes all that is free and fills it with other bytes. */
static void take_the_rest(struct __test_metadata *_metadata, int fd)
{
	static unsigned char other[65536];
	__u64 bytes = 64 * MIB, at;
	struct memmgr_alloc a;

	memset(other, 0xee, sizeof(other));
	while (bytes >= page_size()) {
		a = alloc_request(MEMMGR_HEAP_MAIN, bytes);
		if (mm_alloc(fd, &a)) {
			bytes /= 2;
			continue;
		}
		for (at = 0; at < bytes; at += sizeof(other))
			ASSERT_EQ(0, mm_write(fd, a.handle, at, other,
					      bytes - at < sizeof(other) ? bytes - at :
					      sizeof(other)));
	}
}

static unsigned int held(int fd)
{
	static struct memmgr_info infos[256];
	struct memmgr_list l = {
		.size = sizeof(l), .heap = MEMMGR_HEAP_MAIN, .count = ARRAY_SIZE(infos),
		.entry_size = sizeof(infos[0]), .entries = (uintptr_t)infos,
	};
	unsigned int count = 0, i;

	if (mm_call(fd, MEMMGR_IOC_LIST, &l))
		return ~0u;
	for (i = 0; i < l.count; i++)
		count += !!(infos[i].state & MEMMGR_INFO_HELD);
	return count;
}

/* ---- a dma-buf that goes while its memory is freed -------------------------------- */

/* Nobody's allocation: mapped by itself and by its dma-buf. */
struct victim {
	int fd, file;
	size_t page;
	__u64 handle;
	unsigned char *own, *shown;
};

static bool victim_make(struct victim *v, int node)
{
	struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, 1);

	v->page = page_size();
	v->fd = open_as_nobody(node);
	if (v->fd < 0 || mm_alloc(v->fd, &a))
		return false;
	v->handle = a.handle;
	v->file = mm_export(v->fd, a.handle, 0);
	v->own = mmap(NULL, v->page, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd,
		      (off_t)a.map_offset);
	v->shown = mmap(NULL, v->page, PROT_READ | PROT_WRITE, MAP_SHARED, v->file, 0);
	if (v->file < 0 || v->own == MAP_FAILED || v->shown == MAP_FAILED)
		return false;
	fill_pattern(v->own, v->page, 6);
	return true;
}

static void *victim_free(void *argument)
{
	struct victim *v = argument;

	mm_free(v->fd, v->handle);
	return NULL;
}

/*
 * Nobody frees it, and when its pages were looked at, gives one to a pipe and lets the
 * dma-buf go. What root writes to that memory then is not for nobody. 0, or what is wrong.
 */
static int splice_behind_a_free(int node, int told, int said)
{
	static unsigned char back[65536], wanted[65536];
	int ends[2], i;
	pthread_t thread;
	struct victim v;
	char c;

	if (!victim_make(&v, node) || pipe(ends) ||
	    pthread_create(&thread, NULL, victim_free, &v))
		return 1;
	/* root says that the free has stopped */
	if (write(said, "", 1) != 1 || read(told, &c, 1) != 1)
		return 2;
	if (splice_in(ends[1], v.shown, v.page) != v.page)
		return 3;
	munmap(v.shown, v.page);
	close(v.file);
	/* root lets it go on, and takes all memory that there is */
	if (write(said, "", 1) != 1 || pthread_join(thread, NULL))
		return 4;
	for (i = 0; i < 2; i++)
		if (write(said, "", 1) != 1 || read(told, &c, 1) != 1)
			return 5;
	if (read(ends[0], back, v.page) != v.page)
		return 6;
	fill_pattern(wanted, v.page, 6);
	return memcmp(back, wanted, v.page) ? 7 : 0;
}

TEST_F(pages, freed_while_exported_and_spliced)
{
	int node = open_public_node(), told[2], said[2], taker;
	pid_t child;
	char c = 0;

	ASSERT_LE(0, node);
	if (!has_pages(self->fd))
		SKIP(return, "this region has no struct pages");
	REQUIRE_HOLD;
	ASSERT_EQ(0, pipe(told));
	ASSERT_EQ(0, pipe(said));
	ASSERT_EQ(0, hold_write(self->fd, "counted"));
	child = fork();
	if (!child)
		_exit(splice_behind_a_free(node, told[0], said[1]));
	ASSERT_EQ(1, read(said[0], &c, 1));
	ASSERT_TRUE(hold_reached(child, self->fd, "counted"));
	ASSERT_EQ(1, write(told[1], &c, 1));
	ASSERT_EQ(1, read(said[0], &c, 1));
	ASSERT_EQ(0, hold_write(self->fd, "go"));
	ASSERT_EQ(1, read(said[0], &c, 1));
	EXPECT_EQ(1, held(self->fd));
	ASSERT_EQ(1, write(told[1], &c, 1));
	ASSERT_EQ(1, read(said[0], &c, 1));
	taker = open_device(O_RDWR);
	ASSERT_LE(0, taker);
	take_the_rest(_metadata, taker);
	ASSERT_EQ(1, write(told[1], &c, 1));
	EXPECT_EQ(0, child_result(child));
	close(taker);
	close(node);
}

/* ---- pages kept ------------------------------------------------------------------ */

FIXTURE_VARIANT(pages_kept)
{
	bool by_close;
};

FIXTURE(pages_kept)
{
	int fd;
	size_t page;
	struct snapshot before;
};

FIXTURE_VARIANT_ADD(pages_kept, freed) { false };
FIXTURE_VARIANT_ADD(pages_kept, client_closed) { true };

FIXTURE_SETUP(pages_kept)
{
	self->page = page_size();
	self->fd = open_device(O_RDWR);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, snapshot_take(self->fd, &self->before));
}

FIXTURE_TEARDOWN(pages_kept)
{
	EXPECT_TRUE(state_returns(self->fd, &self->before));
	close(self->fd);
}

TEST_F(pages_kept, until_the_pipe_is_drained)
{
	static unsigned char back[65536];
	int maker = open_device(O_RDWR), other = open_device(O_RDWR), ends[2];
	struct memmgr_resize r;
	struct memmgr_alloc a;
	unsigned char *p;

	ASSERT_LE(0, maker);
	ASSERT_LE(0, other);
	if (!has_pages(maker))
		SKIP(return, "this region has no struct pages");
	a = must_alloc(_metadata, maker, MEMMGR_HEAP_MAIN, 2 * self->page);
	p = mmap(NULL, 2 * self->page, PROT_READ | PROT_WRITE, MAP_SHARED, maker,
		 (off_t)a.map_offset);
	ASSERT_TRUE(p != MAP_FAILED);
	ASSERT_EQ(0, pipe(ends));
	fill_pattern(p, 2 * self->page, 6);
	ASSERT_EQ(self->page, splice_in(ends[1], p + self->page, self->page));
	EXPECT_EQ(-EBUSY, mm_resize(maker, a.handle, self->page, &r));
	if (!variant->by_close)
		ASSERT_EQ(0, mm_free(maker, a.handle));
	munmap(p, 2 * self->page);
	close(maker);
	EXPECT_EQ(1, held(self->fd));
	take_the_rest(_metadata, other);
	ASSERT_EQ(self->page, read(ends[0], back, self->page));
	fill_pattern(back + self->page, 2 * self->page, 6);
	EXPECT_EQ(0, memcmp(back, back + 2 * self->page, self->page));
	close(ends[0]);
	close(ends[1]);
	close(other);
}

/* Bytes of the region that a heap has. */
static __u64 held_by(int fd, __u32 heap)
{
	struct memmgr_heap_query q;

	return mm_heap_query(fd, heap, &q) ? ~0ull : q.held;
}

/* What a client of its own finds wrong: 0, or the line. */
static int empty_slabs_in_a_pipe(int node)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_SLAB, "t-piped");
	size_t page = page_size();
	struct memmgr_alloc a[32];
	int fd = open_as_nobody(node), ends[2], i;
	unsigned char *p;
	__u64 slab = 0;

	c.object_size = page;
	c.bytes = 32 * page;
	if (fd < 0 || pipe(ends) || mm_heap_create(fd, &c))
		return __LINE__;
	p = mmap(NULL, c.map_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)c.map_offset);
	if (p == MAP_FAILED)
		return __LINE__;
	for (i = 0; i < 32; i++) {
		a[i] = alloc_request(c.heap, page);
		if (mm_alloc(fd, &a[i]))
			return __LINE__;
		if (!i)
			slab = held_by(fd, c.heap);
	}
	/* A page of the first slab. The one that becomes empty first is kept: another one. */
	*p = 1;
	if (held_by(fd, c.heap) < 3 * slab || splice_in(ends[1], p, page) != page)
		return __LINE__;
	while (i--)
		if (mm_free(fd, a[i].handle))
			return __LINE__;
	/* These two stay, in the books as well, and no other one. */
	if (held_by(fd, c.heap) != 2 * slab || mm_check(fd, c.heap))
		return __LINE__;
	close(ends[0]);
	close(ends[1]);
	/* It goes by itself when the pipe has gone. */
	for (i = 0; i < 1000 && held_by(fd, c.heap) != slab; i++)
		usleep(20000);
	return held_by(fd, c.heap) != slab || mm_check(fd, c.heap) ? __LINE__ : 0;
}

/* Slabs of a private heap that are empty, while a page of one is in a pipe. */
TEST_F(pages, empty_slab_in_a_pipe)
{
	int node = open_public_node();
	pid_t child;

	if (!has_pages(self->fd))
		SKIP(return, "this region has no struct pages");
	REQUIRE_KIND(MEMMGR_KIND_SLAB);
	ASSERT_LE(0, node);
	child = fork();
	/* A line may not fit into an exit code. */
	if (!child) {
		int line = empty_slabs_in_a_pipe(node);

		if (line)
			fprintf(stderr, "# wrong at line %d\n", line);
		_exit(!!line);
	}
	EXPECT_EQ(0, child_result(child));
	close(node);
}

MEMMGR_TEST_MAIN
