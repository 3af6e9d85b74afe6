// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The tables of debugfs: each exists, begins with a version line, can be read by awk,
 * tells the same as the calls, and does not show physical addresses.
 *
 * Rule: module/doc/ABI-debugfs.
 */
#include <linux/capability.h>
#include <sys/prctl.h>

#include "lib/memmgr_test.h"

MEMMGR_FIXTURE(debugfs)

#define ROOT	"/sys/kernel/debug/memmgr"
#define COLUMNS	32

static const char *const files[] = {
	"summary", "heaps", "orders", "fragmentation", "map", "allocations", "clients", "users",
	"failures",
	/* only with MEMMGR_FEATURE_DEBUG, at the end: */
	"corruptions",
};

static unsigned int files_built(int fd)
{
	return ARRAY_SIZE(files) - !debug_is_built(fd);
}

static void __attribute__((constructor)) check_debugfs(void)
{
	if (access(ROOT, F_OK))
		ksft_exit_skip("no " ROOT ": mount debugfs first\n");
}

static int open_file(int fd, const char *file)
{
	struct memmgr_query q;
	char path[128];

	if (mm_query(fd, &q))
		return -EIO;
	snprintf(path, sizeof(path), ROOT "/%s/%s", q.name, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* The text of a file, in a buffer that the next call uses again. */
static char *read_file(int fd, const char *file)
{
	static char text[1 << 20];
	size_t have = 0;
	ssize_t got;
	int in = open_file(fd, file);

	if (in < 0)
		return NULL;
	while ((got = read(in, text + have, sizeof(text) - 1 - have)) > 0)
		have += got;
	close(in);
	text[have] = 0;
	return got < 0 ? NULL : text;
}

/* Splits a line at blanks, in place, as awk does; the last column takes the rest. */
static int split(char *line, char *columns[], int most)
{
	int n = 0;

	while (n < most) {
		line += strspn(line, " \t");
		if (!*line)
			break;
		columns[n++] = line;
		if (n == most)
			break;
		line += strcspn(line, " \t");
		if (*line)
			*line++ = 0;
	}
	return n;
}

/* A table, read row by row; columns are found by their names. */
struct table {
	char *names[COLUMNS], *row[COLUMNS];
	int width;
	char *next;
};

static char *next_line(struct table *t)
{
	char *line = t->next;

	if (!line || !*line)
		return NULL;
	t->next = strchr(line, '\n');
	if (t->next)
		*t->next++ = 0;
	return line;
}

/* Columns of these were added. */
static int file_version(const char *file)
{
	static const char *const second[] = { "allocations", "clients", "users" };
	unsigned int i;

	if (!strcmp(file, "heaps"))
		return 3;
	for (i = 0; i < ARRAY_SIZE(second); i++)
		if (!strcmp(file, second[i]))
			return 2;
	return 1;
}

static bool open_table(int fd, const char *file, struct table *t)
{
	char version[64], *line;

	*t = (struct table){ .next = read_file(fd, file) };
	snprintf(version, sizeof(version), "# memmgr %s %d", file, file_version(file));
	line = next_line(t);
	if (!line || strcmp(line, version))
		return false;
	line = next_line(t);
	if (!line || line[0] != '#')
		return false;
	t->width = split(line + 1, t->names, COLUMNS);
	return true;
}

static bool next_row(struct table *t)
{
	char *line = next_line(t);

	memset(t->row, 0, sizeof(t->row));
	if (!line)
		return false;
	split(line, t->row, t->width);
	return true;
}

static const char *text_of(struct table *t, const char *name)
{
	int i;

	for (i = 0; i < t->width; i++)
		if (!strcmp(t->names[i], name))
			return t->row[i] ? t->row[i] : "";
	return "no such column";
}

static __s64 number_of(struct table *t, const char *name)
{
	const char *text = text_of(t, name);
	char *end;
	__s64 value = strtoll(text, &end, 0);

	return *text && !*end ? value : -999999;
}

TEST_F(debugfs, every_file_has_a_version_line)
{
	char version[64];
	unsigned int i;

	for (i = 0; i < files_built(self->fd); i++) {
		char *text = read_file(self->fd, files[i]);

		snprintf(version, sizeof(version), "# memmgr %s %d\n", files[i],
			 file_version(files[i]));
		EXPECT_TRUE(text && !strncmp(text, version, strlen(version)))
			TH_LOG("%s", files[i]);
		EXPECT_TRUE(text && strlen(text) > strlen(version))
			TH_LOG("%s", files[i]);
	}
}

TEST_F(debugfs, heaps_equal_the_books)
{
	struct memmgr_heap_query q;
	struct memmgr_query query;
	struct memmgr_stats s;
	struct table t;
	__u32 kind, rows = 0, r;
	__u64 failures, costs = 0;

	for (kind = 0; kind < MEMMGR_KINDS; kind++)
		if (kind_is_built(self->fd, kind))
			must_alloc(_metadata, self->fd,
				   must_kind(_metadata, self->fd, kind), 77);
	ASSERT_TRUE(open_table(self->fd, "heaps", &t));
	for (; next_row(&t); rows++) {
		__u32 heap = (__u32)number_of(&t, "id");

		ASSERT_EQ(0, mm_heap_query(self->fd, heap, &q));
		s = must_stats(_metadata, self->fd, heap);
		EXPECT_STREQ(q.name, text_of(&t, "name"));
		EXPECT_STREQ(kind_names[q.kind], text_of(&t, "kind"));
		EXPECT_EQ((__s64)q.bytes, number_of(&t, "bytes"));
		EXPECT_EQ((__s64)s.total, number_of(&t, "total"));
		EXPECT_EQ((__s64)s.used, number_of(&t, "used"));
		EXPECT_EQ((__s64)s.peak, number_of(&t, "peak"));
		EXPECT_EQ((__s64)s.requested, number_of(&t, "requested"));
		EXPECT_EQ(s.live, number_of(&t, "live"));
		EXPECT_EQ(s.kernel_live, number_of(&t, "kernel_live"));
		EXPECT_EQ((__s64)s.allocs, number_of(&t, "allocs"));
		EXPECT_EQ((__s64)s.frees, number_of(&t, "frees"));
		EXPECT_EQ((__s64)q.kernel_bytes, number_of(&t, "kernel_bytes"));
		costs += q.kernel_bytes;
		for (r = 0, failures = s.injected; r < MEMMGR_STATS_REASONS; r++)
			failures += s.failures[r];
		EXPECT_EQ((__s64)failures, number_of(&t, "failures"));
	}
	EXPECT_LT(self->before.heaps, rows);
	/* Beside the heaps there are the region's own books. */
	ASSERT_EQ(0, mm_query(self->fd, &query));
	EXPECT_LT(costs, query.kernel_bytes);
}

/* The heap of a row that names it; private heaps of this client included. */
static __s64 heap_named(int fd, const char *name)
{
	struct memmgr_heap_query q = {
		.size = sizeof(q), .flags = MEMMGR_QUERY_NAME,
	};

	snprintf(q.name, sizeof(q.name), "%s", name);
	return mm_call(fd, MEMMGR_IOC_HEAP_QUERY, &q) ? -1 : (__s64)q.heap;
}

TEST_F(debugfs, orders_and_fragmentation_equal_the_call)
{
	struct memmgr_alloc a[8];
	struct memmgr_frag f;
	struct table t;
	__u32 rows = 0, i;
	__s64 heap;

	for (i = 0; i < 8; i++)
		a[i] = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, self->page);
	for (i = 0; i < 8; i += 2)
		ASSERT_EQ(0, mm_free(self->fd, a[i].handle));
	ASSERT_TRUE(open_table(self->fd, "orders", &t));
	for (; next_row(&t); rows++) {
		__u64 o = number_of(&t, "order");

		heap = heap_named(self->fd, text_of(&t, "heap"));
		ASSERT_LE(0, heap);
		ASSERT_EQ(0, mm_frag(self->fd, heap, &f));
		ASSERT_GT(f.orders, o);
		EXPECT_EQ((__s64)(f.unit << o), number_of(&t, "bytes"));
		EXPECT_EQ((__s64)f.blocks[o], number_of(&t, "free_blocks"));
		EXPECT_EQ(f.unusable[o], number_of(&t, "unusable"));
		EXPECT_EQ(f.index[o], number_of(&t, "index"));
	}
	EXPECT_LT(1, rows);
	ASSERT_TRUE(open_table(self->fd, "fragmentation", &t));
	for (rows = 0; next_row(&t); rows++) {
		heap = heap_named(self->fd, text_of(&t, "heap"));
		ASSERT_LE(0, heap);
		ASSERT_EQ(0, mm_frag(self->fd, heap, &f));
		EXPECT_EQ((__s64)f.free, number_of(&t, "free"));
		EXPECT_EQ((__s64)f.largest, number_of(&t, "largest"));
		EXPECT_EQ((__s64)f.free_blocks, number_of(&t, "free_blocks"));
		EXPECT_EQ(f.external, number_of(&t, "external"));
		EXPECT_EQ(f.internal, number_of(&t, "internal"));
	}
	EXPECT_EQ(self->before.heaps, rows);
}

/* How many rows of allocations have this tag; the last of them stays in @t. */
static int rows_with_tag(int fd, struct table *t, const char *tag)
{
	int found = 0;

	if (!open_table(fd, "allocations", t))
		return -1;
	while (next_row(t)) {
		if (strcmp(text_of(t, "tag"), tag))
			continue;
		found++;
		break;
	}
	return found;
}

TEST_F(debugfs, allocations_tell_whose_they_are)
{
	struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, 5000);
	struct table t;

	strcpy(a.tag, "seen");
	ASSERT_EQ(0, mm_alloc(self->fd, &a));
	ASSERT_EQ(1, rows_with_tag(self->fd, &t, "seen"));
	EXPECT_STREQ("main", text_of(&t, "heap"));
	EXPECT_EQ((__s64)a.offset, number_of(&t, "offset"));
	EXPECT_EQ(5000, number_of(&t, "bytes"));
	EXPECT_EQ((__s64)a.granted, number_of(&t, "granted"));
	EXPECT_EQ(getpid(), number_of(&t, "pid"));
	EXPECT_EQ(0, number_of(&t, "uid"));
	EXPECT_EQ(0, number_of(&t, "pins"));
	ASSERT_EQ(0, mm_free(self->fd, a.handle));
	EXPECT_EQ(0, rows_with_tag(self->fd, &t, "seen"));
}

/* Names are the users' to choose: they must not forge rows or columns. */
TEST_F(debugfs, hostile_names_keep_the_table_whole)
{
	struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, 4321);
	struct table t;
	int rows = 0, mine = 0;

	ASSERT_EQ(0, prctl(PR_SET_NAME, "a b\nmain 0 1", 0, 0, 0));
	strcpy(a.tag, "x\nmain 0 1 2 3\t\x1b[2J%s%n");
	ASSERT_EQ(0, mm_alloc(self->fd, &a));
	ASSERT_TRUE(open_table(self->fd, "allocations", &t));
	for (; next_row(&t); rows++) {
		EXPECT_EQ(0, heap_named(self->fd, text_of(&t, "heap")));
		mine += number_of(&t, "bytes") == 4321 &&
			number_of(&t, "uid") == 0 &&
			number_of(&t, "pid") == getpid();
	}
	EXPECT_EQ(1, mine);
	EXPECT_EQ((int)self->before.stats[0].live + 1, rows);
}

TEST_F(debugfs, failures_equal_the_log)
{
	struct memmgr_failure entry;
	struct memmgr_failures f = {
		.size = sizeof(f), .count = 1, .entry_size = sizeof(entry),
		.entries = (uintptr_t)&entry, .after = ~0ull,
	};
	struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, 1ull << 40);
	struct table t;
	bool found = false;

	EXPECT_EQ(-ENOMEM, mm_alloc(self->fd, &a));
	ASSERT_EQ(0, mm_call(self->fd, MEMMGR_IOC_FAILURES, &f));
	f.after = f.total - 1;
	f.count = 1;
	ASSERT_EQ(0, mm_call(self->fd, MEMMGR_IOC_FAILURES, &f));
	ASSERT_EQ(1, f.count);
	ASSERT_TRUE(open_table(self->fd, "failures", &t));
	while (!found && next_row(&t))
		found = number_of(&t, "seq") == (__s64)entry.seq;
	ASSERT_TRUE(found);
	EXPECT_EQ((__s64)entry.time_ns, number_of(&t, "time_ns"));
	EXPECT_STREQ("main", text_of(&t, "heap"));
	EXPECT_EQ((__s64)entry.bytes, number_of(&t, "bytes"));
	EXPECT_EQ((__s64)entry.largest, number_of(&t, "largest"));
	EXPECT_EQ((__s64)entry.free, number_of(&t, "free"));
	EXPECT_EQ(getpid(), number_of(&t, "pid"));
}

/* Digits of the dump in a column. */
static bool is_hex(const char *text, const __u8 *bytes, unsigned int count)
{
	char digits[3];
	unsigned int i;

	for (i = 0; i < count; i++) {
		snprintf(digits, sizeof(digits), "%02x", bytes[i]);
		if (strncmp(text + 2 * i, digits, 2))
			return false;
	}
	return strlen(text) == 2 * count;
}

/* The whole arena is written, and with it both zones of what is in it. */
static void damage_zones(struct __test_metadata *_metadata, int fd, const char *tag)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_BUDDY, "t-debugfs");
	struct memmgr_debug d = {
		.size = sizeof(d), .flags = MEMMGR_DEBUG_SET | MEMMGR_DEBUG_ZONES, .zone = 16,
	};
	struct memmgr_alloc a;
	unsigned char *p;
	__u64 at;

	ASSERT_EQ(0, mm_heap_create(fd, &c));
	d.heap = c.heap;
	ASSERT_EQ(0, mm_call(fd, MEMMGR_IOC_DEBUG, &d));
	a = alloc_request(c.heap, 64);
	strcpy(a.tag, tag);
	ASSERT_EQ(0, mm_alloc(fd, &a));
	p = must_map(_metadata, fd, c.map_offset, c.map_size);
	for (at = 0; at < c.map_size; at += page_size())
		if (!touch(p + at, true))
			memset(p + at, 0x55, page_size());
	ASSERT_EQ(0, mm_free(fd, a.handle));
	munmap(p, c.map_size);
	EXPECT_EQ(0, mm_heap_destroy(fd, c.heap, 0));
}

TEST_F(debugfs, corruptions_equal_the_reports)
{
	struct memmgr_corruption entry[2];
	struct memmgr_corruptions c = {
		.size = sizeof(c), .count = 1, .entry_size = sizeof(entry[0]),
		.entries = (uintptr_t)entry, .after = ~0ull,
	};
	struct table t;
	unsigned int i;
	bool found;

	if (!debug_is_built(self->fd))
		SKIP(return, "not in this build");
	ASSERT_EQ(0, mm_call(self->fd, MEMMGR_IOC_CORRUPTIONS, &c));
	damage_zones(_metadata, self->fd, "a b\nc");
	c.after = c.total;
	c.count = 2;
	ASSERT_EQ(0, mm_call(self->fd, MEMMGR_IOC_CORRUPTIONS, &c));
	ASSERT_EQ(2, c.count);
	ASSERT_TRUE(open_table(self->fd, "corruptions", &t));
	for (i = 0; i < 2; i++) {
		for (found = false; !found && next_row(&t);)
			found = number_of(&t, "seq") == (__s64)entry[i].seq;
		ASSERT_TRUE(found);
		EXPECT_STREQ(entry[i].kind == MEMMGR_CORRUPTION_BEFORE ? "before" : "behind",
			     text_of(&t, "kind"));
		EXPECT_STREQ("t-debugfs", text_of(&t, "heap"));
		EXPECT_EQ((__s64)entry[i].time_ns, number_of(&t, "time_ns"));
		EXPECT_EQ((__s64)entry[i].place, number_of(&t, "place"));
		EXPECT_EQ((__s64)entry[i].offset, number_of(&t, "offset"));
		EXPECT_EQ((__s64)entry[i].handle, number_of(&t, "handle"));
		EXPECT_EQ(64, number_of(&t, "bytes"));
		EXPECT_EQ(16, number_of(&t, "damaged"));
		EXPECT_EQ(0, number_of(&t, "distance"));
		EXPECT_EQ(getpid(), number_of(&t, "pid"));
		EXPECT_EQ((__s64)entry[i].alloc_ns, number_of(&t, "alloc_ns"));
		EXPECT_EQ((__s64)entry[i].finder_site, number_of(&t, "finder_site"));
		EXPECT_TRUE(is_hex(text_of(&t, "expected"), entry[i].expected, 16));
		EXPECT_STREQ("55555555555555555555555555555555", text_of(&t, "found"));
		EXPECT_STREQ("a\\040b\\012c", text_of(&t, "tag"));
	}
	EXPECT_NE(entry[0].kind, entry[1].kind);
	EXPECT_FALSE(next_row(&t));
}

TEST_F(debugfs, closed_to_other_users)
{
	pid_t child = fork();
	unsigned int i;

	if (!child) {
		if (become_user(NOBODY))
			_exit(100);
		for (i = 0; i < files_built(self->fd); i++)
			if (open_file(self->fd, files[i]) != -EACCES)
				_exit(1 + i);
		_exit(0);
	}
	EXPECT_EQ(0, child_result(child));
}

static int drop_sys_admin(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data))
		return -1;
	data[0].effective &= ~(1u << CAP_SYS_ADMIN);
	return syscall(SYS_capset, &header, data);
}

static bool any_file_contains(int fd, const char *format, __u64 address)
{
	char needle[24];
	unsigned int i;

	snprintf(needle, sizeof(needle), format, address);
	for (i = 0; i < files_built(fd); i++) {
		char *text = read_file(fd, files[i]);

		if (text && strstr(text, needle))
			return true;
	}
	return false;
}

/* Root without CAP_SYS_ADMIN may read the files, but learns no address. */
TEST_F(debugfs, no_physical_addresses)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 1);
	struct memmgr_query q, hidden;
	pid_t child;

	ASSERT_EQ(0, mm_query(self->fd, &q));
	if (!q.phys)
		SKIP(return, "the region is not contiguous");
	child = fork();
	if (!child) {
		if (drop_sys_admin())
			_exit(1);
		if (any_file_contains(self->fd, "%llx", q.phys) ||
		    any_file_contains(self->fd, "%llu", q.phys) ||
		    any_file_contains(self->fd, "%llx", q.phys + a.offset))
			_exit(2);
		_exit(mm_query(self->fd, &hidden) || hidden.phys ? 3 : 0);
	}
	EXPECT_EQ(0, child_result(child));
}

MEMMGR_TEST_MAIN
