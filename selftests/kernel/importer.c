// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Devices that import a dma-buf, and some that fail at it: half an import leaves
 * nothing behind, and a whole one nothing when its process is killed. They are
 * devices of memmgr_importer.ko.
 */
#include "importer/importer.h"
#include "memmgr_test.h"

#define EVERYWHERE	0xffffffffull
#define RW		(MEMMGR_ACCESS_READ | MEMMGR_ACCESS_WRITE)

enum { BIDIRECTIONAL, TO_DEVICE, FROM_DEVICE };	/* enum dma_data_direction */

FIXTURE(importer)
{
	int fd;
	size_t page;
	struct snapshot before;
	struct memmgr_alloc a;
	int file;
	int device;		/* negative: there is no memmgr_importer.ko */
};

FIXTURE_SETUP(importer)
{
	self->page = page_size();
	self->fd = open_device(O_RDWR);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, snapshot_take(self->fd, &self->before));
	self->a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 3 * self->page);
	self->file = mm_export(self->fd, self->a.handle, 0);
	self->device = open("/dev/memmgr_importer", O_WRONLY | O_CLOEXEC);
}

FIXTURE_TEARDOWN(importer)
{
	int fd = open_device(O_RDWR);

	close(self->device);
	close(self->file);
	close(self->fd);
	EXPECT_TRUE(state_returns(fd, &self->before));
	close(fd);
}

/* 0, or a negative errno. */
static int import(int device, struct import what)
{
	return write(device, &what, sizeof(what)) == sizeof(what) ? 0 : -errno;
}

/* Nobody uses the allocation: it may be protected, and its dma-buf is the only one. */
static void expect_unused(struct __test_metadata *_metadata, int fd, __u64 handle)
{
	struct memmgr_info i;

	EXPECT_EQ(0, mm_protect(fd, handle, MEMMGR_ACCESS_READ, 0));
	EXPECT_EQ(0, mm_protect(fd, handle, MEMMGR_ACCESS_NONE, 0));
	EXPECT_EQ(0, mm_protect(fd, handle, RW, 0));
	ASSERT_EQ(0, mm_info(fd, handle, &i));
	EXPECT_EQ(1, i.exports);
	EXPECT_EQ(1, i.pins);
}

/* Fails with @error each time, and the same device can import another time. */
static void fail_and_look(struct __test_metadata *_metadata, int fd, int device, __u64 handle,
			  struct import what, int error)
{
	int i;

	for (i = 0; i < 20; i++) {
		EXPECT_EQ(-error, import(device, what));
		expect_unused(_metadata, fd, handle);
	}
}

TEST_F(importer, whole_import_and_its_end)
{
	struct import what = { .fd = self->file, .mask = EVERYWHERE };

	if (self->device < 0)
		SKIP(return, "no memmgr_importer.ko");
	ASSERT_EQ(0, import(self->device, what));
	EXPECT_EQ(-EBUSY, import(self->device, what));
	EXPECT_EQ(-EBUSY, mm_protect(self->fd, self->a.handle, MEMMGR_ACCESS_READ, 0));
	close(self->device);
	self->device = -1;
	expect_unused(_metadata, self->fd, self->a.handle);
}

/* One that only reads does not stand in the way of what lets it read on. */
TEST_F(importer, reader_keeps_read)
{
	struct import what = {
		.fd = self->file, .mask = EVERYWHERE, .direction = TO_DEVICE,
	};

	if (self->device < 0)
		SKIP(return, "no memmgr_importer.ko");
	ASSERT_EQ(0, import(self->device, what));
	EXPECT_EQ(0, mm_protect(self->fd, self->a.handle, MEMMGR_ACCESS_READ, 0));
	EXPECT_EQ(-EBUSY, mm_protect(self->fd, self->a.handle, MEMMGR_ACCESS_NONE, 0));
	close(self->device);
	self->device = -1;
	EXPECT_EQ(0, mm_protect(self->fd, self->a.handle, MEMMGR_ACCESS_NONE, 0));
}

/*
 * Memory of the kernel's own the DMA interface would copy for such a device, or
 * warn that it cannot: that is no error of ours.
 */
TEST_F(importer, device_that_does_not_reach_it)
{
	struct import what = { .fd = self->file };
	struct memmgr_info i;
	struct memmgr_query q;

	if (self->device < 0)
		SKIP(return, "no memmgr_importer.ko");
	ASSERT_EQ(0, mm_query(self->fd, &q));
	if (q.region_flags & MEMMGR_REGION_PAGES)
		SKIP(return, "this region has struct pages");
	ASSERT_EQ(0, mm_info(self->fd, self->a.handle, &i));
	ASSERT_NE(0, i.phys);
	what.mask = i.phys - 1;
	fail_and_look(_metadata, self->fd, self->device, self->a.handle, what, EIO);
	/* but for the last byte */
	what.mask = i.phys + i.granted - 2;
	fail_and_look(_metadata, self->fd, self->device, self->a.handle, what, EIO);
	what.mask = i.phys + i.granted - 1;
	EXPECT_EQ(0, import(self->device, what));
}

TEST_F(importer, bus_that_refuses)
{
	struct import what = {
		.fd = self->file, .mask = EVERYWHERE, .fail = IMPORT_FAIL_MAP,
	};
	int result;

	if (self->device < 0)
		SKIP(return, "no memmgr_importer.ko");
	result = import(self->device, what);
	if (result == -EOPNOTSUPP)
		SKIP(return, "a kernel without CONFIG_DMA_OPS");
	fail_and_look(_metadata, self->fd, self->device, self->a.handle, what, EIO);
}

TEST_F(importer, writer_of_read_only_memory)
{
	struct import what = { .mask = EVERYWHERE };
	struct memmgr_info i;
	int file;

	if (self->device < 0)
		SKIP(return, "no memmgr_importer.ko");
	close(self->file);
	self->file = -1;
	file = mm_export(self->fd, self->a.handle, MEMMGR_EXPORT_READ_ONLY);
	ASSERT_LE(0, file);
	what.fd = file;
	fail_and_look(_metadata, self->fd, self->device, self->a.handle, what, EACCES);
	what.direction = FROM_DEVICE;
	fail_and_look(_metadata, self->fd, self->device, self->a.handle, what, EACCES);
	ASSERT_EQ(0, mm_info(self->fd, self->a.handle, &i));
	EXPECT_EQ(40, i.violations);
	what.direction = TO_DEVICE;
	EXPECT_EQ(0, import(self->device, what));
	close(file);
}

/* Freed by its owner: only the dma-buf keeps it, and a failure must not. */
TEST_F(importer, fails_on_freed_memory)
{
	struct import what = {
		.fd = self->file, .mask = EVERYWHERE, .fail = IMPORT_FAIL_MAP,
	};
	int result;

	if (self->device < 0)
		SKIP(return, "no memmgr_importer.ko");
	ASSERT_EQ(0, mm_free(self->fd, self->a.handle));
	result = import(self->device, what);
	if (result == -EOPNOTSUPP)
		SKIP(return, "a kernel without CONFIG_DMA_OPS");
	EXPECT_EQ(-EIO, result);
	close(self->file);
	self->file = -1;
	EXPECT_TRUE(state_returns(self->fd, &self->before));
}

/* The process with the import is killed: the device lets go. */
TEST_F(importer, killed_with_an_import)
{
	struct import what = { .fd = self->file, .mask = EVERYWHERE };
	int said[2], status, tries;
	pid_t child;
	char c = 0;

	if (self->device < 0)
		SKIP(return, "no memmgr_importer.ko");
	close(self->device);
	self->device = -1;
	ASSERT_EQ(0, pipe(said));
	child = fork();
	if (!child) {
		int device = open("/dev/memmgr_importer", O_WRONLY);

		if (device < 0 || import(device, what) || write(said[1], &c, 1) != 1)
			_exit(1);
		pause();
	}
	ASSERT_EQ(1, read(said[0], &c, 1));
	EXPECT_EQ(-EBUSY, mm_protect(self->fd, self->a.handle, MEMMGR_ACCESS_READ, 0));
	ASSERT_EQ(0, kill(child, SIGKILL));
	status = child_result(child);
	EXPECT_EQ(1000 + SIGKILL, status);
	for (tries = 0; tries < 100; tries++) {
		status = mm_protect(self->fd, self->a.handle, MEMMGR_ACCESS_READ, 0);
		if (status != -EBUSY)
			break;
		usleep(20000);
	}
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, mm_protect(self->fd, self->a.handle, RW, 0));
	expect_unused(_metadata, self->fd, self->a.handle);
	close(said[0]);
	close(said[1]);
}

MEMMGR_TEST_MAIN
