// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The report of an access that protection stopped: the tracepoint memmgr:memmgr_violation
 * and a line of the kernel's log, for every user and every way of access.
 *
 * Rule: memmgr(4), TRACEPOINTS, and memmgr(7), ISOLATION, "Protection".
 */
#include <sys/mman.h>
#include <sys/prctl.h>

#include "lib/memmgr_test.h"
#include "lib/tracing.h"

#define TAG	"a tag\nmemmgr: forged"	/* a line that it must not become */
#define SHOWN	"a tag\\nmemmgr: forged"
#define BACKSLASH "\\x5c"		/* as /dev/kmsg gives it */

FIXTURE(violation)
{
	int fd;
	size_t page;
	struct snapshot before;
	char events[64];	/* folder of the events; empty: there are none */
	char trace[64];
	struct memmgr_query q;
	struct memmgr_alloc a;
	unsigned char *p;
};

FIXTURE_SETUP(violation)
{
	self->page = page_size();
	self->fd = open_device(O_RDWR);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, snapshot_take(self->fd, &self->before));
	ASSERT_EQ(0, mm_query(self->fd, &self->q));
	self->a = alloc_request(MEMMGR_HEAP_MAIN, 3 * self->page);
	strcpy(self->a.tag, TAG);
	ASSERT_EQ(0, mm_alloc(self->fd, &self->a));
	self->p = must_map(_metadata, self->fd, self->a.map_offset, 3 * self->page);
	if (!tracing_find(self->trace, self->events))
		self->events[0] = 0;
	if (self->events[0]) {
		ASSERT_TRUE(put(self->trace, "", "\n"));
		ASSERT_TRUE(put(self->events, "memmgr_violation/enable", "1"));
	}
}

FIXTURE_TEARDOWN(violation)
{
	int fd = open_device(O_RDWR);

	if (self->events[0])
		EXPECT_TRUE(put(self->events, "memmgr_violation/enable", "0"));
	unmap_all();
	close(self->fd);
	EXPECT_TRUE(state_returns(fd, &self->before));
	close(fd);
}

/* What the event says of this region, and @what. */
static const char *fields(const struct memmgr_query *q, const char *what)
{
	static char text[256];

	snprintf(text, sizeof(text), "memmgr_violation: region=%.31s heap=main tag=%s %s\n",
		 q->name, SHOWN, what);
	return text;
}

TEST_F(violation, by_a_mapping_is_traced)
{
	char what[64];

	if (!self->events[0])
		SKIP(return, "no event memmgr:memmgr_violation in tracefs");
	ASSERT_EQ(0, mm_protect(self->fd, self->a.handle, MEMMGR_ACCESS_READ, 0));
	EXPECT_EQ(0, touch(self->p + self->page, false));
	EXPECT_EQ(0, traced(self->trace, "memmgr_violation"));
	EXPECT_EQ(SIGSEGV, touch(self->p + self->page + 5, true));
	snprintf(what, sizeof(what), "offset=%zu access=write", self->page + 5);
	EXPECT_EQ(1, traced(self->trace, fields(&self->q, what)));
	ASSERT_EQ(0, mm_protect(self->fd, self->a.handle, MEMMGR_ACCESS_NONE, 0));
	EXPECT_EQ(SIGSEGV, touch(self->p + 7, false));
	EXPECT_EQ(1, traced(self->trace, fields(&self->q, "offset=7 access=read")));
}

TEST_F(violation, by_a_copy_is_traced)
{
	char c = 0;

	if (!self->events[0])
		SKIP(return, "no event memmgr:memmgr_violation in tracefs");
	ASSERT_EQ(0, mm_protect(self->fd, self->a.handle, MEMMGR_ACCESS_READ, 0));
	EXPECT_EQ(0, mm_read(self->fd, self->a.handle, 9, &c, 1));
	EXPECT_EQ(0, traced(self->trace, "memmgr_violation"));
	EXPECT_EQ(-EACCES, mm_write(self->fd, self->a.handle, 9, &c, 1));
	EXPECT_EQ(1, traced(self->trace, fields(&self->q, "offset=9 access=write")));
	ASSERT_EQ(0, mm_protect(self->fd, self->a.handle, MEMMGR_ACCESS_NONE, 0));
	EXPECT_EQ(-EACCES, mm_read(self->fd, self->a.handle, 9, &c, 1));
	EXPECT_EQ(1, traced(self->trace, fields(&self->q, "offset=9 access=read")));
	ASSERT_TRUE(put(self->events, "memmgr_violation/enable", "0"));
	EXPECT_EQ(-EACCES, mm_read(self->fd, self->a.handle, 9, &c, 1));
	EXPECT_EQ(0, traced(self->trace, "memmgr_violation"));
}

/* What is there to be read of the log has this line; one with @forged fails. */
static bool logged(int log, const char *text, bool *forged)
{
	char record[2048];
	bool found = false;
	ssize_t bytes;

	for (;;) {
		bytes = read(log, record, sizeof(record) - 1);
		if (bytes < 0 && errno == EPIPE)
			continue;	/* overwritten: the next is still there */
		if (bytes <= 0)
			return found;
		record[bytes] = 0;
		found |= !!strstr(record, text);
		*forged |= !!strstr(record, ";memmgr: forged");
	}
}

/* The log takes ten in five seconds, of all: so more than once. */
TEST_F(violation, is_logged)
{
	int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC), i;
	bool found = false, forged = false;
	char line[256], c = 0;

	if (log < 0)
		SKIP(return, "no /dev/kmsg");
	ASSERT_EQ(0, prctl(PR_SET_NAME, "x\nmemmgr: forge"));
	snprintf(line, sizeof(line),
		 ";memmgr: %.31s: x" BACKSLASH "nmemmgr: forge[%d] may not write at 9 of "
		 "allocation 'a tag" BACKSLASH "nmemmgr: forged' in heap main\n",
		 self->q.name, getpid());
	ASSERT_EQ(0, mm_protect(self->fd, self->a.handle, MEMMGR_ACCESS_READ, 0));
	ASSERT_LE(0, lseek(log, 0, SEEK_END));
	for (i = 0; i < 100 && !found; i++) {
		EXPECT_EQ(-EACCES, mm_write(self->fd, self->a.handle, 9, &c, 1));
		found = logged(log, line, &forged);
		if (!found)
			usleep(100000);
	}
	EXPECT_TRUE(found);
	EXPECT_FALSE(forged);
	close(log);
}

MEMMGR_TEST_MAIN
