// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Devices that import a dma-buf, and some that fail at it: half an import leaves
 * nothing behind, and a whole one leaves nothing when its process is killed. They are
 * devices of memmgr_importer.ko.
 *
 * Rule: memmgr(7), SHARING, "dma-bufs".
 */
#include "../modules/importer/importer.h"
#include "lib/memmgr_test.h"

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
	self->device = open("/dev/memmgr_importer", O_RDWR | O_CLOEXEC);
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

/* The DMA interface would copy the memory for such a device, or warn that it cannot. */
TEST_F(importer, device_that_does_not_reach_it)
{
	struct import what = { .fd = self->file };
	struct memmgr_info i;

	if (self->device < 0)
		SKIP(return, "no memmgr_importer.ko");
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

/* ---- buses that show memory elsewhere -------------------------------------------- */

#define WINDOWS	4

/* What a bus of buses.dtso shows. */
struct bus {
	const char *device;
	__u64 mask;
	bool whole;	/* shows all RAM, also to this device */
	struct window {
		__u64 bus, cpu, bytes;
	} windows[WINDOWS];
};

#define BITS(n)	((2ull << ((n) - 1)) - 1)

static const struct bus buses[] = {
	{ "", BITS(32), true, { { 0x40000000, 0x40000000, 0x20000000 } } },
	{ "importer-alias", BITS(30), true, { { 0, 0x40000000, 0x20000000 } } },
	{ "importer-high", BITS(64), true, { { 0x140000000, 0x40000000, 0x20000000 } } },
	{ "importer-high", BITS(32), false, { { 0x140000000, 0x40000000, 0x20000000 } } },
	{ "importer-top", BITS(32), true, { { 0xe0000000, 0x40000000, 0x20000000 } } },
	{ "importer-top", BITS(31), false, { { 0xe0000000, 0x40000000, 0x20000000 } } },
	{ "importer-short", BITS(64), false, { { 0xc0000000, 0x40000000, 0x08000000 } } },
	{ "importer-split", BITS(32), true, {
		{ 0x10000000, 0x40000000, 0x11800000 },
		{ 0x80000000, 0x51800000, 0x04000000 },
		{ 0x30000000, 0x55800000, 0x03000000 },
		{ 0x90000000, 0x58800000, 0x07800000 },
	} },
	{ "importer-hole", BITS(32), false, {
		{ 0x10000000, 0x40000000, 0x11800000 },
		{ 0x21801000, 0x51801000, 0x03fff000 },
		{ 0x25801000, 0x55801000, 0x02fff000 },
		{ 0x28801000, 0x58801000, 0x077ff000 },
	} },
};

#define NOWHERE	(~0ull)

/* The bus address of a byte. */
static __u64 shown_at(const struct bus *bus, __u64 phys)
{
	const struct window *w;

	for (w = bus->windows; w < bus->windows + WINDOWS; w++)
		if (phys >= w->cpu && phys - w->cpu < w->bytes)
			return phys - w->cpu + w->bus;
	return NOWHERE;
}

/* Does the device reach every page of it? In so many pieces. */
static bool reached(const struct bus *bus, __u64 phys, __u64 bytes, unsigned int *pieces)
{
	__u64 end = phys + bytes, before = NOWHERE, at;

	*pieces = 0;
	for (; phys < end; phys += 4096, before = at) {
		at = shown_at(bus, phys);
		if (at == NOWHERE || at + 4095 > bus->mask)
			return false;
		*pieces += at != before + 4096;
	}
	return true;
}

/* Can the kernel's bus addresses say where the bus shows its windows? */
static bool is_told(const struct bus *bus)
{
	__u64 bits = test_number("MEMMGR_DMA_BITS", 64);
	const struct window *w;

	for (w = bus->windows; w < bus->windows + WINDOWS; w++)
		if (bits < 64 && w->bytes && (w->bus + w->bytes - 1) >> bits)
			return false;
	return true;
}

/*
 * What the device gets is what the bus shows. That we know what it shows, a page of
 * the kernel's own proves.
 */
static void import_behind(struct __test_metadata *_metadata, int file, __u64 phys,
			  __u64 bytes, const struct bus *bus)
{
	struct import what = { .fd = file, .mask = bus->mask, .ask = bus->whole };
	int device = open("/dev/memmgr_importer", O_RDWR | O_CLOEXEC);
	struct imported seen;
	unsigned int pieces;
	int result;

	ASSERT_LE(0, device);
	strcpy(what.device, bus->device);
	result = import(device, what);
	if (!reached(bus, phys, bytes, &pieces)) {
		EXPECT_FALSE(bus->whole);
		EXPECT_EQ(-EIO, result);
		close(device);
		return;
	}
	ASSERT_EQ(0, result);
	ASSERT_EQ(sizeof(seen), read(device, &seen, sizeof(seen)));
	EXPECT_EQ(bytes, seen.bytes);
	EXPECT_EQ(shown_at(bus, phys), seen.first);
	EXPECT_EQ(shown_at(bus, phys + bytes - 1), seen.last);
	EXPECT_EQ(pieces, seen.entries);
	if (bus->whole)
		EXPECT_EQ(shown_at(bus, seen.page_phys), seen.page_address);
	close(device);
}

TEST_F(importer, devices_behind_buses)
{
	struct import what = { .fd = -1, .mask = EVERYWHERE };
	struct memmgr_query q;
	struct memmgr_alloc a;
	struct memmgr_info i;
	unsigned int n;
	int file;

	if (self->device < 0)
		SKIP(return, "no memmgr_importer.ko");
	strcpy(what.device, buses[1].device);
	if (import(self->device, what) == -ENODEV)
		SKIP(return, "no buses in the device tree");
	ASSERT_EQ(0, mm_query(self->fd, &q));
	close(self->file);
	self->file = -1;
	ASSERT_EQ(0, mm_free(self->fd, self->a.handle));
	/* The middle of the region is inside, where windows end. */
	a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, q.region_size / 4 * 3);
	ASSERT_EQ(0, mm_info(self->fd, a.handle, &i));
	ASSERT_NE(0, i.phys);
	file = mm_export(self->fd, a.handle, 0);
	ASSERT_LE(0, file);
	for (n = 0; n < ARRAY_SIZE(buses); n++) {
		if (!is_told(&buses[n]))
			continue;
		TH_LOG("%s, mask 0x%llx", buses[n].device, buses[n].mask);
		import_behind(_metadata, file, i.phys, a.granted, &buses[n]);
	}
	close(file);
	ASSERT_EQ(0, mm_free(self->fd, a.handle));
}

TEST_F(importer, bus_that_refuses)
{
	struct import what = {
		.fd = self->file, .mask = EVERYWHERE, .fail = IMPORT_FAIL_MAP,
	};
	int result;

	if (self->device < 0)
		SKIP(return, "no memmgr_importer.ko");
	/* dma-debug keeps an entry for each, and warns when there are eight. */
	if (getenv("MEMMGR_NO_PAGES") && !access("/sys/kernel/debug/dma-api", F_OK))
		SKIP(return, "this kernel counts what map_resource() refused");
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
