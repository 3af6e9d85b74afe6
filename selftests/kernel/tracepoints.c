// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The tracepoints of a client's allocations. The client module tests those of kernel code.
 *
 * Rule: memmgr(4), TRACEPOINTS.
 */
#include <sys/mman.h>

#include "lib/memmgr_test.h"
#include "lib/tracing.h"

static const char *const event_names[] = {
	"memmgr_alloc", "memmgr_free", "memmgr_fail", "memmgr_resize", "memmgr_pin", "memmgr_leak",
};

FIXTURE(tracepoints)
{
	int fd;
	size_t page;
	struct snapshot before;
	char events[64];
	char trace[64];
	struct memmgr_query q;
};

static bool events_set(const char *events, const char *value)
{
	char file[64];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(event_names); i++) {
		snprintf(file, sizeof(file), "%s/enable", event_names[i]);
		if (!put(events, file, value))
			return false;
	}
	return true;
}

FIXTURE_SETUP(tracepoints)
{
	self->page = page_size();
	self->fd = open_device(O_RDWR);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, snapshot_take(self->fd, &self->before));
	ASSERT_EQ(0, mm_query(self->fd, &self->q));
	if (!tracing_find(self->trace, self->events))
		SKIP(return, "no events of memmgr in tracefs");
	ASSERT_TRUE(put(self->trace, "", "\n"));
	ASSERT_TRUE(events_set(self->events, "1"));
}

FIXTURE_TEARDOWN(tracepoints)
{
	int fd = open_device(O_RDWR);

	events_set(self->events, "0");
	unmap_all();
	close(self->fd);
	EXPECT_TRUE(state_returns(fd, &self->before));
	close(fd);
}

/* How often heap main's @event was traced with these words since the last look. */
static int saw(const char *trace, const char *region, const char *event,
	       const char *format, ...)
{
	char text[512];
	va_list args;
	int n;

	n = snprintf(text, sizeof(text), "%s: region=%.31s heap=main ", event, region);
	va_start(args, format);
	vsnprintf(text + n, sizeof(text) - n, format, args);
	va_end(args);
	return traced(trace, text);
}

TEST_F(tracepoints, alloc_and_free)
{
	struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, 3 * self->page);

	a.align = 4 * self->page;
	strcpy(a.tag, "traced");
	ASSERT_EQ(0, mm_alloc(self->fd, &a));
	EXPECT_EQ(1, saw(self->trace, self->q.name, "memmgr_alloc",
			 "handle=0x%llx place=0x%llx bytes=%zu align=%zu tag=traced caller=",
			 a.handle, a.offset, 3 * self->page, 4 * self->page));
	ASSERT_EQ(0, mm_free(self->fd, a.handle));
	EXPECT_EQ(1, saw(self->trace, self->q.name, "memmgr_free",
			 "handle=0x%llx place=0x%llx caller=", a.handle, a.offset));
	EXPECT_EQ(-EBADF, mm_free(self->fd, a.handle));
	EXPECT_EQ(0, traced(self->trace, "memmgr_"));
}

TEST_F(tracepoints, fail)
{
	struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, 1ull << 40);

	EXPECT_EQ(-ENOMEM, mm_alloc(self->fd, &a));
	EXPECT_EQ(1, saw(self->trace, self->q.name, "memmgr_fail",
			 "bytes=%llu align=0 reason=%u largest=%llu",
			 1ull << 40, a.reason, a.largest));
}

TEST_F(tracepoints, resize)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 4 * self->page);
	struct memmgr_resize r;

	ASSERT_EQ(0, mm_resize(self->fd, a.handle, self->page, &r));
	EXPECT_EQ(1, saw(self->trace, self->q.name, "memmgr_resize",
			 "handle=0x%llx before=%zu bytes=%zu",
			 a.handle, 4 * self->page, self->page));
}

TEST_F(tracepoints, pin)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, self->page);
	int other = open_device(O_RDWR);
	struct memmgr_alloc b;

	ASSERT_LE(0, other);
	ASSERT_EQ(0, mm_pin(self->fd, a.handle, 0));
	EXPECT_EQ(1, saw(self->trace, self->q.name, "memmgr_pin",
			 "handle=0x%llx place=0x%llx kind=pin change=1 pins=1",
			 a.handle, a.offset));
	ASSERT_EQ(0, mm_unpin(self->fd, a.handle, 0));
	EXPECT_EQ(1, saw(self->trace, self->q.name, "memmgr_pin",
			 "handle=0x%llx place=0x%llx kind=pin change=-1 pins=0",
			 a.handle, a.offset));
	/* What goes with its client is told as well. */
	b = must_alloc(_metadata, other, MEMMGR_HEAP_MAIN, self->page);
	ASSERT_EQ(0, mm_pin(other, b.handle, 0));
	ASSERT_EQ(0, mm_pin(other, b.handle, 0));
	close(other);
	EXPECT_EQ(1, saw(self->trace, self->q.name, "memmgr_pin",
			 "handle=0x%llx place=0x%llx kind=pin change=-2 pins=0",
			 b.handle, b.offset));
}

/* Events of the kernel's allocators; none without them. */
static bool memory_events(const char *events, const char *value)
{
	static const char *const files[] = {
		"../kmem/kmalloc/enable", "../kmem/kmalloc_node/enable",
		"../kmem/kmem_cache_alloc/enable", "../kmem/kmem_cache_alloc_node/enable",
		"../kmem/mm_page_alloc/enable",
	};
	unsigned int i, n = 0;

	for (i = 0; i < ARRAY_SIZE(files); i++)
		n += put(events, files[i], value);
	return n >= 3;
}

/*
 * How often this program asked the kernel for memory between the first and the last of
 * so many pins; not: an interrupt in between, for which a letter stands in the trace.
 */
static int taken_between_pins(struct __test_metadata *_metadata, const char *trace, int pins)
{
	FILE *file = fopen(trace, "r");
	char line[512], *flags;
	int taken = 0, seen = 0;

	ASSERT_TRUE(file);
	while (fgets(line, sizeof(line), file)) {
		flags = strstr(line, "] ");
		seen += !!strstr(line, "memmgr_pin: ");
		if (flags && flags[4] == '.' && seen && seen < pins)
			taken += strstr(line, "bytes_alloc=") || strstr(line, "mm_page_alloc: ");
	}
	fclose(file);
	EXPECT_EQ(pins, seen);
	return taken;
}

/* No pin asks the system for memory: it may be taken where nothing may wait. */
TEST_F(tracepoints, pins_take_no_memory)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, self->page);
	struct memmgr_alloc b = alloc_request(MEMMGR_HEAP_MAIN, self->page);
	char folder[64], pid[16];
	unsigned int i;

	b.flags = MEMMGR_ALLOC_PERSISTENT;
	ASSERT_EQ(0, mm_alloc(self->fd, &b));
	strcpy(folder, self->trace);
	*strrchr(folder, '/') = 0;
	snprintf(pid, sizeof(pid), "%d", getpid());
	ASSERT_TRUE(put(folder, "/set_event_pid", pid));
	if (!memory_events(self->events, "1"))
		SKIP(return, "no events of the kernel's allocators");
	ASSERT_LE(0, traced(self->trace, "memmgr_"));
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(0, mm_pin(self->fd, a.handle, 0));
		EXPECT_EQ(0, mm_pin(self->fd, b.handle, 0));
	}
	memory_events(self->events, "0");
	put(folder, "/set_event_pid", " ");
	EXPECT_EQ(0, taken_between_pins(_metadata, self->trace, 2 * i));
	ASSERT_EQ(0, mm_free(self->fd, b.handle));
}

TEST_F(tracepoints, leak)
{
	struct memmgr_track t = { .size = sizeof(t), .flags = MEMMGR_TRACK_ON };
	int other = open_device(O_RDWR);
	char text[128];

	ASSERT_LE(0, other);
	ASSERT_EQ(0, mm_call(self->fd, MEMMGR_IOC_TRACK, &t));
	must_alloc(_metadata, other, MEMMGR_HEAP_MAIN, self->page);
	must_alloc(_metadata, other, MEMMGR_HEAP_MAIN, 2 * self->page);
	close(other);
	t.flags = MEMMGR_TRACK_OFF;
	ASSERT_EQ(0, mm_call(self->fd, MEMMGR_IOC_TRACK, &t));
	snprintf(text, sizeof(text), " count=2 bytes=%zu", 3 * self->page);
	EXPECT_EQ(1, traced(self->trace, text));
}

TEST_HARNESS_MAIN
