// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Quotas of clients and users: exact boundaries, the memory that counts, the users who may
 * set them, and the lists that show them.
 *
 * Rule: <linux/memmgr.h>, struct memmgr_quota, and memmgr(7), ISOLATION, "Quotas".
 */
#include "lib/memmgr_test.h"

MEMMGR_FIXTURE(quota)

/* The account with these flags set, of the whole list; 0 when it was found. */
static int find_account(int fd, bool user, __u64 id, __u32 flags, struct memmgr_account *found)
{
	struct memmgr_account entries[3];
	__u64 cursor = 0;
	__u32 count, i;

	do {
		int result;

		count = ARRAY_SIZE(entries);
		result = mm_accounts(fd, user ? MEMMGR_ACCOUNTS_USERS : 0, entries, &count,
				     &cursor);
		if (result)
			return result;
		for (i = 0; i < count; i++)
			if (id != ~0ull ? entries[i].id == id :
			    (entries[i].flags & flags) == flags) {
				*found = entries[i];
				return 0;
			}
	} while (cursor);
	return -ENOENT;
}

static struct memmgr_account my_account(struct __test_metadata *_metadata, int fd)
{
	struct memmgr_account account = { 0 };

	EXPECT_EQ(0, find_account(fd, false, ~0ull, MEMMGR_ACCOUNT_MINE, &account));
	return account;
}

static void set_client(struct __test_metadata *_metadata, int fd, __u64 bytes,
		       __u32 allocations)
{
	ASSERT_EQ(0, mm_set_quota(fd, MEMMGR_QUOTA_CLIENT, my_account(_metadata, fd).id,
				  bytes, allocations));
}

static void expect_quota(struct __test_metadata *_metadata, int fd, __u64 bytes, __u64 largest)
{
	struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, bytes);

	EXPECT_EQ(-EDQUOT, mm_alloc(fd, &a));
	/* The quota alone was asked, not what is free. */
	EXPECT_EQ(0, a.exact);
	EXPECT_EQ(MEMMGR_REASON_QUOTA, a.reason);
	EXPECT_EQ(largest, a.largest);
}

TEST_F(quota, bytes_of_a_client_to_the_page)
{
	struct memmgr_account before;
	struct memmgr_alloc a;

	set_client(_metadata, self->fd, 4 * self->page, 0);
	before = my_account(_metadata, self->fd);
	EXPECT_EQ(0, before.bytes);
	EXPECT_EQ(4 * self->page, before.max_bytes);
	EXPECT_NE(0, before.flags & MEMMGR_ACCOUNT_SET);
	expect_quota(_metadata, self->fd, 4 * self->page + 1, 4 * self->page);
	a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 3 * self->page);
	expect_quota(_metadata, self->fd, self->page + 1, self->page);
	must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, self->page);
	expect_quota(_metadata, self->fd, 1, 0);
	EXPECT_EQ(3, my_account(_metadata, self->fd).refused - before.refused);
	EXPECT_EQ(4 * self->page, my_account(_metadata, self->fd).bytes);
	ASSERT_EQ(0, mm_free(self->fd, a.handle));
	EXPECT_EQ(self->page, my_account(_metadata, self->fd).bytes);
	EXPECT_EQ(4 * self->page, my_account(_metadata, self->fd).peak);
	must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 3 * self->page);
}

TEST_F(quota, allocations_of_a_client)
{
	struct memmgr_alloc a, b = alloc_request(MEMMGR_HEAP_MAIN, 1);

	set_client(_metadata, self->fd, 0, 2);
	a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 1);
	must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 1);
	EXPECT_EQ(-EDQUOT, mm_alloc(self->fd, &b));
	EXPECT_EQ(MEMMGR_REASON_QUOTA, b.reason);
	EXPECT_EQ(2, my_account(_metadata, self->fd).allocations);
	ASSERT_EQ(0, mm_free(self->fd, a.handle));
	EXPECT_EQ(0, mm_alloc(self->fd, &b));
}

/* A private heap that is full asks its fallback: the answer is that of the fallback. */
TEST_F(quota, of_a_fallback)
{
	struct memmgr_heap_create config = heap_config(MEMMGR_KIND_BUDDY, "t-private");
	struct memmgr_alloc a;

	config.flags |= MEMMGR_HEAP_FALLBACK;
	config.fallback = MEMMGR_HEAP_MAIN;
	config.granule = self->page;
	config.bytes = 2 * self->page;
	ASSERT_EQ(0, mm_heap_create(self->fd, &config));
	must_alloc(_metadata, self->fd, config.heap, 2 * self->page);
	set_client(_metadata, self->fd, my_account(_metadata, self->fd).bytes + 3 * self->page, 0);
	a = alloc_request(config.heap, 4 * self->page);
	EXPECT_EQ(-EDQUOT, mm_alloc(self->fd, &a));
	EXPECT_EQ(MEMMGR_REASON_QUOTA, a.reason);
	EXPECT_EQ(3 * self->page, a.largest);
	a = alloc_request(config.heap, 3 * self->page);
	EXPECT_EQ(0, mm_alloc(self->fd, &a));
}

/* Another client of the same user has an account of its own. */
TEST_F(quota, clients_do_not_share)
{
	int other = open_device(O_RDWR);

	ASSERT_LE(0, other);
	set_client(_metadata, self->fd, self->page, 0);
	must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, self->page);
	must_alloc(_metadata, other, MEMMGR_HEAP_MAIN, 4 * self->page);
	expect_quota(_metadata, self->fd, 1, 0);
	EXPECT_NE(my_account(_metadata, self->fd).id, my_account(_metadata, other).id);
	close(other);
}

TEST_F(quota, users_share_among_their_clients)
{
	struct memmgr_account user;
	int other = open_device(O_RDWR);

	ASSERT_LE(0, other);
	ASSERT_EQ(0, find_account(self->fd, true, 0, 0, &user));
	ASSERT_EQ(0, mm_set_quota(self->fd, MEMMGR_QUOTA_USER, 0,
				  user.bytes + 3 * self->page, 0));
	must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 2 * self->page);
	expect_quota(_metadata, other, 2 * self->page, self->page);
	must_alloc(_metadata, other, MEMMGR_HEAP_MAIN, self->page);
	expect_quota(_metadata, self->fd, 1, 0);
	close(other);
	must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, self->page);
	EXPECT_EQ(0, mm_set_quota(self->fd, MEMMGR_QUOTA_USER | MEMMGR_QUOTA_DEFAULT, 0, 0, 0));
	must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 5 * self->page);
}

/* Lower than what it has: nothing is taken, and nothing more given. */
TEST_F(quota, lowered_below_what_is_there)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN,
					   4 * self->page);
	struct memmgr_resize r;
	char byte = 1;

	set_client(_metadata, self->fd, self->page, 0);
	expect_quota(_metadata, self->fd, 1, 0);
	EXPECT_EQ(0, mm_write(self->fd, a.handle, 0, &byte, 1));
	ASSERT_EQ(0, mm_resize(self->fd, a.handle, self->page, &r));
	EXPECT_EQ(-EDQUOT, mm_resize(self->fd, a.handle, 2 * self->page, &r));
	EXPECT_EQ(MEMMGR_REASON_QUOTA, r.reason);
	EXPECT_EQ(self->page, my_account(_metadata, self->fd).bytes);
}

TEST_F(quota, persistent_counts_after_its_client_closed)
{
	struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, 2 * self->page);
	int other = open_device(O_RDWR);
	struct memmgr_account account;
	__u64 id;

	ASSERT_LE(0, other);
	a.flags = MEMMGR_ALLOC_PERSISTENT;
	ASSERT_EQ(0, mm_alloc(other, &a));
	id = my_account(_metadata, other).id;
	close(other);
	ASSERT_EQ(0, find_account(self->fd, false, id, 0, &account));
	EXPECT_NE(0, account.flags & MEMMGR_ACCOUNT_CLOSED);
	EXPECT_EQ(2 * self->page, account.bytes);
	EXPECT_EQ(1, account.allocations);
	ASSERT_EQ(0, mm_free(self->fd, a.handle));
	EXPECT_EQ(-ENOENT, find_account(self->fd, false, id, 0, &account));
}

TEST_F(quota, private_heap_counts_as_one)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_BUDDY, "t-one");
	struct memmgr_account account;
	struct memmgr_heap_query q;
	int i;

	c.bytes = 8 * self->page;
	ASSERT_EQ(0, mm_heap_create(self->fd, &c));
	for (i = 0; i < 10; i++)
		must_alloc(_metadata, self->fd, c.heap, 64);
	account = my_account(_metadata, self->fd);
	ASSERT_EQ(0, mm_heap_query(self->fd, c.heap, &q));
	EXPECT_EQ(8 * self->page + q.kernel_bytes, account.bytes);
	EXPECT_EQ(1, account.allocations);
	EXPECT_EQ(1, account.heaps);
	ASSERT_EQ(0, mm_heap_destroy(self->fd, c.heap, MEMMGR_DESTROY_FORCE));
	account = my_account(_metadata, self->fd);
	EXPECT_EQ(0, account.bytes);
	EXPECT_EQ(0, account.allocations);
	EXPECT_EQ(0, account.heaps);
}

static int write_parameter(const char *name, __u64 value)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "/sys/module/memmgr/parameters/%s", name);
	file = fopen(path, "w");
	if (!file)
		return -errno;
	fprintf(file, "%llu", (unsigned long long)value);
	return fclose(file);
}

static __u64 default_limit(void)
{
	FILE *file = fopen("/sys/module/memmgr/parameters/user_max_bytes", "r");
	unsigned long long limit = 0xbad;

	if (file) {
		if (fscanf(file, "%llu", &limit) != 1)
			limit = 0xbad;
		fclose(file);
	}
	return limit;
}

TEST_F(quota, parameters_hold_at_once)
{
	ASSERT_EQ(0, write_parameter("client_max_bytes", 2 * self->page));
	EXPECT_EQ(2 * self->page, my_account(_metadata, self->fd).max_bytes);
	expect_quota(_metadata, self->fd, 2 * self->page + 1, 2 * self->page);
	must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 2 * self->page);
	set_client(_metadata, self->fd, 3 * self->page, 0);
	must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, self->page);
	EXPECT_EQ(0, mm_set_quota(self->fd, MEMMGR_QUOTA_CLIENT | MEMMGR_QUOTA_DEFAULT,
				  my_account(_metadata, self->fd).id, 0, 0));
	expect_quota(_metadata, self->fd, 1, 0);
	ASSERT_EQ(0, write_parameter("client_max_bytes", 0));
	must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, self->page);
}

static int write_text(const char *name, const char *text)
{
	char path[96];
	int fd, result;

	snprintf(path, sizeof(path), "/sys/module/memmgr/parameters/%s", name);
	fd = open(path, O_WRONLY);
	if (fd < 0)
		return -errno;
	result = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return result;
}

/* What does not fit is refused, and does not become another number. */
TEST_F(quota, parameters_are_whole_numbers)
{
	static const struct {
		const char *text;
		int result;
		__u64 limit;
	} t[] = {
		{ "15E", 0, 15ull << 60 },
		{ "18446744073709551615\n", 0, ~0ull },
		{ "0xffffffffffffffff", 0, ~0ull },
		{ "16k\n", 0, 16384 },
		{ "16E", -ERANGE, 16384 },
		{ "16777216T", -ERANGE, 16384 },
		{ "18446744073709551616", -ERANGE, 16384 },
		{ "0x10000000000000000", -ERANGE, 16384 },
		{ "000000000000000000000000000000000000010", -ERANGE, 16384 },
		{ "16Kib", -EINVAL, 16384 },
		{ "K", -EINVAL, 16384 },
		{ "-1", -EINVAL, 16384 },
		{ "4 K", -EINVAL, 16384 },
		{ "0", 0, 0 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		EXPECT_EQ(t[i].result, write_text("user_max_bytes", t[i].text));
		EXPECT_EQ(t[i].limit, default_limit());
	}
}

TEST_F(quota, malformed_settings)
{
	__u64 id = my_account(_metadata, self->fd).id;
	__u32 client = MEMMGR_QUOTA_CLIENT;

	EXPECT_EQ(-EINVAL, mm_set_quota(self->fd, 0, id, 1, 1));
	EXPECT_EQ(-EINVAL, mm_set_quota(self->fd, MEMMGR_QUOTA_DEFAULT, id, 0, 0));
	EXPECT_EQ(-EINVAL, mm_set_quota(self->fd, client | MEMMGR_QUOTA_USER, id, 1, 1));
	EXPECT_EQ(-EINVAL, mm_set_quota(self->fd, client | 8, id, 1, 1));
	EXPECT_EQ(-EINVAL, mm_set_quota(self->fd, client | MEMMGR_QUOTA_DEFAULT, id, 1, 0));
	EXPECT_EQ(-EINVAL, mm_set_quota(self->fd, client | MEMMGR_QUOTA_DEFAULT, id, 0, 1));
	EXPECT_EQ(-ENOENT, mm_set_quota(self->fd, client, 1ull << 60, 1, 1));
	/* No user has these ids. */
	EXPECT_EQ(-EINVAL, mm_set_quota(self->fd, MEMMGR_QUOTA_USER, UINT32_MAX, 1, 1));
	EXPECT_EQ(-EINVAL, mm_set_quota(self->fd, MEMMGR_QUOTA_USER, 1ull << 32, 1, 1));
	EXPECT_EQ(0, my_account(_metadata, self->fd).flags & MEMMGR_ACCOUNT_SET);
}

/* One entry a call or many: every client once, in the order of opening. */
TEST_F(quota, listing_by_cursor)
{
	struct memmgr_account one;
	int files[5], i, seen = 0;
	__u64 cursor = 0, last = 0, ids[5];
	__u32 count;

	for (i = 0; i < 5; i++) {
		files[i] = open_device(O_RDWR);
		ASSERT_LE(0, files[i]);
		ids[i] = my_account(_metadata, files[i]).id;
	}
	do {
		count = 1;
		ASSERT_EQ(0, mm_accounts(self->fd, 0, &one, &count, &cursor));
		if (!count)
			break;
		EXPECT_LT(last, one.id);
		last = one.id;
		for (i = 0; i < 5; i++)
			seen += one.id == ids[i];
	} while (cursor);
	EXPECT_EQ(5, seen);
	for (i = 0; i < 5; i++)
		close(files[i]);
}

MEMMGR_TEST_MAIN
