// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Files, mappings and dma-bufs while the system is out of memory: each allocation of the
 * kernel, and each copy from or to the program, fails once. The program gets an error and
 * nothing is left behind, or it is served without that memory. This test needs a kernel
 * with fault injection.
 *
 * Rule: <linux/memmgr.h>, ENOMEM and EFAULT; memmgr(4).
 */
#include <glob.h>
#include <sys/mman.h>

#include <linux/dma-buf.h>
#include <linux/dma-heap.h>

#include "../modules/importer/importer.h"
#include "lib/faulting.h"
#include "lib/memmgr_test.h"
#include "lib/sweeping.h"

MEMMGR_FIXTURE(fault_files)

/* ---- files ----------------------------------------------------------------------- */

static int do_open(struct swept *m)
{
	m->file = open(device_path(), O_RDWR | O_CLOEXEC);
	return m->file < 0 ? -errno : 0;
}

static void undo_file(struct swept *m)
{
	close(m->file);
}

/* A client with an allocation of its own. */
static int prepare_close(struct swept *m)
{
	struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, page_size());

	return do_open(m) ?: mm_alloc(m->file, &a);
}

static int do_close(struct swept *m)
{
	return close(m->file) ? -errno : 0;
}

/* No event waits: the program is told to come again. */
static int do_read(struct swept *m)
{
	struct memmgr_event event;

	return read(m->file, &event, sizeof(event)) < 0 && errno != EAGAIN ? -errno : 0;
}

static int prepare_read(struct swept *m)
{
	m->file = open(device_path(), O_RDWR | O_CLOEXEC | O_NONBLOCK);
	return m->file < 0 ? -errno : 0;
}

static int do_poll(struct swept *m)
{
	struct pollfd p = { .fd = m->file, .events = POLLIN };

	return poll(&p, 1, 0) < 0 ? -errno : 0;
}

/* The whole text of a file in debugfs. */
static int do_text(struct swept *m)
{
	char text[4096];
	ssize_t n;
	int fd = open(m->path, O_RDONLY | O_CLOEXEC), error;

	if (fd < 0)
		return -errno;
	do {
		n = read(fd, text, sizeof(text));
		error = n < 0 ? -errno : 0;
	} while (n > 0);
	close(fd);
	return error;
}

/* ---- mappings -------------------------------------------------------------------- */

/* A page table that cannot be had makes the access wait, not fail. */
static int map_and_touch(struct swept *m, int fd, __u64 offset)
{
	int raised;

	m->at = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);
	if (m->at == MAP_FAILED)
		return -errno;
	raised = touch(m->at, false) ?: touch(m->at, true);
	if (!raised)
		return 0;
	munmap(m->at, page_size());
	return -EIO;
}

static int do_mmap(struct swept *m)
{
	struct memmgr_info i;

	return mm_info(m->fd, m->handle, &i) ?: map_and_touch(m, m->fd, i.map_offset);
}

static void undo_map(struct swept *m)
{
	munmap(m->at, page_size());
}

static int do_unmap(struct swept *m)
{
	return munmap(m->at, page_size()) ? -errno : 0;
}

/* A move takes the mapping away, and the next touch brings it back. */
static int do_move(struct swept *m)
{
	struct memmgr_compact c = compact_request(MEMMGR_HEAP_MAIN, 0, 0);
	int result = mm_compact(m->fd, &c);

	return result ?: touch(m->at, true) ? -EIO : 0;
}

/* ---- dma-bufs -------------------------------------------------------------------- */

static int prepare_export(struct swept *m)
{
	m->file = mm_export(m->fd, m->handle, 0);
	return m->file < 0 ? m->file : 0;
}

static int do_mmap_buf(struct swept *m)
{
	return map_and_touch(m, m->file, 0);
}

static int do_sync_buf(struct swept *m)
{
	struct dma_buf_sync sync = { .flags = DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW };
	int result = mm_call(m->file, DMA_BUF_IOCTL_SYNC, &sync);

	sync.flags = DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW;
	return result ?: mm_call(m->file, DMA_BUF_IOCTL_SYNC, &sync);
}

/* The import lasts as long as the importer's file is open. */
static int do_import(struct swept *m)
{
	struct import what = { .fd = m->file, .mask = 0xffffffffull };
	int error = 0;

	if (write(m->device, &what, sizeof(what)) != sizeof(what))
		error = -errno;
	return error;
}

static int prepare_import(struct swept *m)
{
	m->device = open("/dev/memmgr_importer", O_RDWR | O_CLOEXEC);
	return m->device < 0 ? -errno : prepare_export(m);
}

static void finish_import(struct swept *m)
{
	close(m->device);
	close(m->file);
}

static int do_dma_heap(struct swept *m)
{
	struct dma_heap_allocation_data d = {
		.len = 2 * page_size(), .fd_flags = O_RDWR | O_CLOEXEC,
	};
	int result = mm_call(m->dma_heap, DMA_HEAP_IOCTL_ALLOC, &d);

	m->file = d.fd;
	return result;
}

static const struct sweep files[] = {
	{ "open", NO_NUMBER, NULL, do_open, undo_file },
	{ "close", NO_NUMBER, prepare_close, do_close, NULL, undo_file },
	{ "read", NO_NUMBER, prepare_read, do_read, NULL, undo_file },
	{ "poll", NO_NUMBER, prepare_read, do_poll, NULL, undo_file },
	{ "mmap and touch", NO_NUMBER, NULL, do_mmap, undo_map },
	{ "munmap", NO_NUMBER, do_mmap, do_unmap, NULL, undo_map },
	{ "move and touch", NO_NUMBER, do_mmap, do_move, NULL, undo_map },
};

static const struct sweep bufs[] = {
	{ "mmap of a dma-buf and touch", NO_NUMBER, prepare_export, do_mmap_buf, undo_map,
	  undo_file },
	{ "DMA_BUF_IOCTL_SYNC", NO_NUMBER, prepare_export, do_sync_buf, NULL, undo_file },
	{ "attach and map for a device", NO_NUMBER, prepare_import, do_import, NULL,
	  finish_import },
	{ "DMA_HEAP_IOCTL_ALLOC", NO_NUMBER, NULL, do_dma_heap, undo_file },
};

static struct swept must_begin(struct __test_metadata *_metadata, int fd, size_t page)
{
	struct swept m = { .fd = fd };
	struct memmgr_compact c = compact_request(MEMMGR_HEAP_MAIN, 0, 0);

	EXPECT_EQ(0, quiet_health(fd));
	m.handle = must_alloc(_metadata, fd, MEMMGR_HEAP_MAIN, 2 * page).handle;
	EXPECT_EQ(0, mm_compact(fd, &c));
	return m;
}

static void sweep_all(struct __test_metadata *_metadata, const struct sweep *s, unsigned int n,
		      struct swept *m)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		EXPECT_TRUE(sweep_call(&s[i], m))
			TH_LOG("%s", s[i].name);
}

TEST_F_TIMEOUT(fault_files, each_point_of_files_and_mappings, 1800)
{
	struct swept m;

	if (!faulting_begin())
		SKIP(return, "this kernel has no fault injection");
	m = must_begin(_metadata, self->fd, self->page);
	sweep_all(_metadata, files, ARRAY_SIZE(files), &m);
}

TEST_F_TIMEOUT(fault_files, each_point_of_dma_bufs, 1800)
{
	char path[sizeof("/dev/dma_heap/") + MEMMGR_NAME_LEN];
	struct memmgr_query q;
	struct swept m;

	REQUIRE_DMABUF;
	if (!faulting_begin())
		SKIP(return, "this kernel has no fault injection");
	if (access("/dev/memmgr_importer", W_OK))
		SKIP(return, "no memmgr_importer.ko");
	m = must_begin(_metadata, self->fd, self->page);
	ASSERT_EQ(0, mm_query(self->fd, &q));
	snprintf(path, sizeof(path), "/dev/dma_heap/%.31s", q.name);
	m.dma_heap = open(path, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, m.dma_heap);
	sweep_all(_metadata, bufs, ARRAY_SIZE(bufs), &m);
	close(m.dma_heap);
}

/* Each file of the region's debugfs folder. */
TEST_F_TIMEOUT(fault_files, each_point_of_debugfs, 1800)
{
	const struct sweep text = { "debugfs", NO_NUMBER, NULL, do_text };
	struct memmgr_query q;
	struct swept m;
	char pattern[96];
	glob_t g;
	size_t i;

	if (!faulting_begin())
		SKIP(return, "this kernel has no fault injection");
	m = must_begin(_metadata, self->fd, self->page);
	ASSERT_EQ(0, mm_query(self->fd, &q));
	snprintf(pattern, sizeof(pattern), "/sys/kernel/debug/memmgr/%.31s/*", q.name);
	ASSERT_EQ(0, glob(pattern, 0, NULL, &g));
	for (i = 0; i < g.gl_pathc; i++) {
		m.path = g.gl_pathv[i];
		EXPECT_TRUE(sweep_call(&text, &m))
			TH_LOG("%s", m.path);
	}
	globfree(&g);
}

MEMMGR_TEST_MAIN
