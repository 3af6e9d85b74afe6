// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Every call, with the arguments that no call may accept: structures too short or too long,
 * unknown flags, reserved fields that are set, bad pointers, unknown commands. A refused call
 * leaves all books as they were.
 *
 * Rule: <linux/memmgr.h>, the opening comment.
 */
#include "lib/holding.h"
#include "lib/memmgr_test.h"

MEMMGR_FIXTURE(abi)

/* Where the calls of the table act: a stack heap with one block, and main. */
struct ground {
	int fd;
	__u32 stack;
	__u64 block;
	__u64 handle;
	__u64 handles[4];
	unsigned char bytes[64];
	struct memmgr_info infos[4];
	struct memmgr_cell cells[4];
	struct memmgr_failure failures[4];
	struct memmgr_account accounts[4];
	struct memmgr_site sites[2];
	struct memmgr_corruption corruptions[2];
};

union request {
	__u32 size;
	struct memmgr_query query;
	struct memmgr_heap_create heap_create;
	struct memmgr_heap_destroy heap_destroy;
	struct memmgr_heap_query heap_query;
	struct memmgr_alloc alloc;
	struct memmgr_free free;
	struct memmgr_resize resize;
	struct memmgr_alloc_batch alloc_batch;
	struct memmgr_free_batch free_batch;
	struct memmgr_mark mark;
	struct memmgr_copy copy;
	struct memmgr_info info;
	struct memmgr_list list;
	struct memmgr_stats stats;
	struct memmgr_frag frag;
	struct memmgr_check check;
	struct memmgr_map map;
	struct memmgr_failures failures;
	struct memmgr_protect protect;
	struct memmgr_sync sync;
	struct memmgr_export export;
	struct memmgr_accounts accounts;
	struct memmgr_quota quota;
	struct memmgr_explain explain;
	struct memmgr_compact compact;
	struct memmgr_pin pin;
	struct memmgr_heap_rights rights;
	struct memmgr_health health;
	struct memmgr_inject inject;
	struct memmgr_track track;
	struct memmgr_sites sites;
	struct memmgr_latency latency;
	struct memmgr_debug debug;
	struct memmgr_corruptions corruptions;
	unsigned char raw[4096];
};

static void fill_nothing(struct ground *g, union request *r)
{
}

static void fill_heap_create(struct ground *g, union request *r)
{
	r->heap_create = heap_config(MEMMGR_KIND_BUDDY, "t-abi");
}

static void undo_heap_create(struct ground *g, union request *r)
{
	mm_heap_destroy(g->fd, r->heap_create.heap, 0);
}

static void fill_heap_destroy(struct ground *g, union request *r)
{
	struct memmgr_heap_create c = heap_config(MEMMGR_KIND_BUDDY, "t-abi");

	mm_heap_create(g->fd, &c);
	r->heap_destroy.heap = c.heap;
}

static void undo_heap_destroy(struct ground *g, union request *r)
{
	mm_heap_destroy(g->fd, r->heap_destroy.heap, 0);
}

static void fill_alloc(struct ground *g, union request *r)
{
	r->alloc.bytes = 64;
}

static void undo_alloc(struct ground *g, union request *r)
{
	mm_free(g->fd, r->alloc.handle);
}

static void fill_free(struct ground *g, union request *r)
{
	struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, 64);

	mm_alloc(g->fd, &a);
	g->handle = a.handle;
	r->free.handle = a.handle;
}

static void undo_free(struct ground *g, union request *r)
{
	mm_free(g->fd, g->handle);
}

static void fill_resize(struct ground *g, union request *r)
{
	r->resize.handle = g->block;
	r->resize.bytes = 64;
}

static void fill_alloc_batch(struct ground *g, union request *r)
{
	memset(g->handles, 0, sizeof(g->handles));
	r->alloc_batch.count = 4;
	r->alloc_batch.bytes = 64;
	r->alloc_batch.handles = (uintptr_t)g->handles;
}

static void undo_alloc_batch(struct ground *g, union request *r)
{
	int i;

	for (i = 0; i < 4; i++)
		mm_free(g->fd, g->handles[i]);
}

static void fill_free_batch(struct ground *g, union request *r)
{
	struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, 64);

	mm_alloc(g->fd, &a);
	g->handle = a.handle;
	g->handles[0] = a.handle;
	r->free_batch.count = 1;
	r->free_batch.handles = (uintptr_t)g->handles;
}

static void fill_mark(struct ground *g, union request *r)
{
	r->mark.heap = g->stack;
}

static void fill_release(struct ground *g, union request *r)
{
	r->mark.heap = g->stack;
	mm_mark(g->fd, g->stack, (__u64 *)&r->mark.mark);
}

static void fill_copy(struct ground *g, union request *r)
{
	r->copy.handle = g->block;
	r->copy.bytes = sizeof(g->bytes);
	r->copy.ptr = (uintptr_t)g->bytes;
}

static void fill_alloc_query(struct ground *g, union request *r)
{
	r->info.handle = g->block;
}

static void fill_list(struct ground *g, union request *r)
{
	r->list.heap = g->stack;
	r->list.count = ARRAY_SIZE(g->infos);
	r->list.entry_size = sizeof(g->infos[0]);
	r->list.entries = (uintptr_t)g->infos;
}

static void fill_map(struct ground *g, union request *r)
{
	r->map.count = ARRAY_SIZE(g->cells);
	r->map.cells = (uintptr_t)g->cells;
}

static void fill_failures(struct ground *g, union request *r)
{
	r->failures.count = ARRAY_SIZE(g->failures);
	r->failures.entry_size = sizeof(g->failures[0]);
	r->failures.entries = (uintptr_t)g->failures;
}

/* An allocation with pages of its own. */
static __u64 page_handle(struct ground *g)
{
	struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, 64);

	mm_alloc(g->fd, &a);
	g->handle = a.handle;
	return a.handle;
}

static void undo_page(struct ground *g, union request *r)
{
	mm_free(g->fd, g->handle);
}

static void fill_protect(struct ground *g, union request *r)
{
	r->protect.handle = page_handle(g);
	r->protect.access = MEMMGR_ACCESS_READ;
}

static void fill_sync(struct ground *g, union request *r)
{
	r->sync.handle = g->block;
	r->sync.flags = MEMMGR_SYNC_FOR_DEVICE;
	r->sync.bytes = 64;
}

static void fill_export(struct ground *g, union request *r)
{
	r->export.handle = page_handle(g);
	r->export.fd = -1;
}

static void undo_export(struct ground *g, union request *r)
{
	if (r->export.fd >= 0)
		close(r->export.fd);
	undo_page(g, r);
}

static void fill_accounts(struct ground *g, union request *r)
{
	r->accounts.count = ARRAY_SIZE(g->accounts);
	r->accounts.entry_size = sizeof(g->accounts[0]);
	r->accounts.entries = (uintptr_t)g->accounts;
}

#define QUOTA_USER	65531	/* of whom nobody else knows */

static void fill_quota(struct ground *g, union request *r)
{
	r->quota.flags = MEMMGR_QUOTA_USER;
	r->quota.id = QUOTA_USER;
	r->quota.max_bytes = 1;
}

static void undo_quota(struct ground *g, union request *r)
{
	struct memmgr_quota q = {
		.size = sizeof(q), .id = QUOTA_USER,
		.flags = MEMMGR_QUOTA_USER | MEMMGR_QUOTA_DEFAULT,
	};

	mm_call(g->fd, MEMMGR_IOC_SET_QUOTA, &q);
}

static void fill_heap_rights(struct ground *g, union request *r)
{
	r->rights.flags = MEMMGR_RIGHTS_MODE;
	r->rights.mode = 0666;
}

static void fill_pin(struct ground *g, union request *r)
{
	r->pin.handle = page_handle(g);
}

static void fill_inject(struct ground *g, union request *r)
{
	r->inject.flags = MEMMGR_INJECT_CLIENT;
}

static void fill_track(struct ground *g, union request *r)
{
	r->track.flags = MEMMGR_TRACK_OFF;
}

static void fill_sites(struct ground *g, union request *r)
{
	r->sites.count = ARRAY_SIZE(g->sites);
	r->sites.entry_size = sizeof(g->sites[0]);
	r->sites.entries = (uintptr_t)g->sites;
}

static void fill_latency(struct ground *g, union request *r)
{
	r->latency.flags = MEMMGR_LATENCY_OFF;
}

/* Off, as it is: what is on is not to stay. */
static void fill_debug(struct ground *g, union request *r)
{
	r->debug.flags = MEMMGR_DEBUG_SET;
}

static void fill_corruptions(struct ground *g, union request *r)
{
	r->corruptions.count = ARRAY_SIZE(g->corruptions);
	r->corruptions.entry_size = sizeof(g->corruptions[0]);
	r->corruptions.entries = (uintptr_t)g->corruptions;
}

static void fill_unpin(struct ground *g, union request *r)
{
	struct memmgr_pin p = { .size = sizeof(p), .handle = page_handle(g) };

	mm_call(g->fd, MEMMGR_IOC_PIN, &p);
	r->pin.handle = p.handle;
}

/*
 * Every call: how to make a good request, what to undo when it was granted,
 * its known flags, its reserved field (0: none), and whether it answers.
 */
struct call {
	const char *name;
	unsigned int nr;
	size_t size;
	size_t least;
	size_t flags_at;
	__u32 known_flags;
	size_t reserved_at;
	bool answers;
	void (*fill)(struct ground *g, union request *r);
	void (*undo)(struct ground *g, union request *r);
};

#define CALL(name, type, known_flags, reserved, answers, fill, undo)	\
	GROWN(name, type, sizeof(struct type), known_flags, reserved,	\
	      answers, fill, undo)
/* One whose first published form was shorter. */
#define GROWN(name, type, least, known_flags, reserved, answers, fill, undo) \
	{ #name, _IOC_NR(MEMMGR_IOC_##name), sizeof(struct type), least, \
	  offsetof(struct type, flags), known_flags, reserved, answers,	\
	  fill, undo }
#define RESERVED(type)	offsetof(struct type, reserved)

#define KNOWN_HEAP	(MEMMGR_HEAP_PRIVATE | MEMMGR_HEAP_FALLBACK |	\
			 MEMMGR_HEAP_NO_JOIN | MEMMGR_HEAP_MODE)
#define KNOWN_RIGHTS	(MEMMGR_RIGHTS_MODE | MEMMGR_RIGHTS_OWNER | MEMMGR_RIGHTS_GROUP)
#define KNOWN_LATENCY	(MEMMGR_LATENCY_ON | MEMMGR_LATENCY_OFF | MEMMGR_LATENCY_RESET)
#define KNOWN_QUERY	(MEMMGR_QUERY_NAME | MEMMGR_QUERY_NEXT)
#define KNOWN_ALLOC	(MEMMGR_ALLOC_PERSISTENT | MEMMGR_ALLOC_WAIT |	\
			 MEMMGR_ALLOC_NO_FALLBACK | MEMMGR_ALLOC_GUARD | \
			 MEMMGR_ALLOC_NO_ZERO | MEMMGR_ALLOC_MAY_COMPACT | \
			 MEMMGR_ALLOC_MAY_SHIFT | MEMMGR_ALLOC_POPULATE)
#define KNOWN_BATCH	(KNOWN_ALLOC & ~MEMMGR_ALLOC_WAIT)
#define KNOWN_INJECT	(MEMMGR_INJECT_CLIENT | MEMMGR_INJECT_HEAP | MEMMGR_INJECT_SET)
#define KNOWN_DEBUG	(MEMMGR_DEBUG_SET | MEMMGR_DEBUG_ZONES | MEMMGR_DEBUG_POISON | \
			 MEMMGR_DEBUG_QUARANTINE | MEMMGR_DEBUG_GUARDS)
#define KNOWN_QUOTA	(MEMMGR_QUOTA_CLIENT | MEMMGR_QUOTA_USER | MEMMGR_QUOTA_DEFAULT)

static const struct call calls[] = {
	GROWN(QUERY, memmgr_query, 88, 0, 0, true, fill_nothing, fill_nothing),
	GROWN(HEAP_CREATE, memmgr_heap_create, 120, KNOWN_HEAP,
	      RESERVED(memmgr_heap_create), true, fill_heap_create, undo_heap_create),
	CALL(HEAP_DESTROY, memmgr_heap_destroy, MEMMGR_DESTROY_FORCE,
	     RESERVED(memmgr_heap_destroy), false, fill_heap_destroy,
	     undo_heap_destroy),
	GROWN(HEAP_QUERY, memmgr_heap_query, 136, KNOWN_QUERY,
	      RESERVED(memmgr_heap_query), true, fill_nothing, fill_nothing),
	GROWN(ALLOC, memmgr_alloc, 112, KNOWN_ALLOC, 0, true, fill_alloc, undo_alloc),
	CALL(FREE, memmgr_free, 0, 0, false, fill_free, undo_free),
	CALL(RESIZE, memmgr_resize, 0, 0, true, fill_resize, fill_nothing),
	GROWN(ALLOC_BATCH, memmgr_alloc_batch, 88, KNOWN_BATCH, 0, true,
	      fill_alloc_batch, undo_alloc_batch),
	CALL(FREE_BATCH, memmgr_free_batch, 0, RESERVED(memmgr_free_batch), true,
	     fill_free_batch, undo_free),
	CALL(MARK, memmgr_mark, 0, 0, true, fill_mark, fill_nothing),
	CALL(RELEASE, memmgr_mark, 0, 0, true, fill_release, fill_nothing),
	CALL(READ, memmgr_copy, 0, 0, true, fill_copy, fill_nothing),
	CALL(WRITE, memmgr_copy, 0, 0, true, fill_copy, fill_nothing),
	GROWN(ALLOC_QUERY, memmgr_info, 144, 0, 0, true, fill_alloc_query, fill_nothing),
	CALL(LIST, memmgr_list, MEMMGR_LIST_MINE | MEMMGR_LIST_KERNEL,
	     RESERVED(memmgr_list), true, fill_list, fill_nothing),
	GROWN(STATS, memmgr_stats, 488, 0, 0, true, fill_nothing, fill_nothing),
	GROWN(FRAG, memmgr_frag, 568, 0, 0, true, fill_nothing, fill_nothing),
	CALL(CHECK, memmgr_check, MEMMGR_CHECK_TORN, 0, true, fill_nothing, fill_nothing),
	CALL(MAP, memmgr_map, 0, RESERVED(memmgr_map), true, fill_map,
	     fill_nothing),
	CALL(FAILURES, memmgr_failures, 0, 0, true, fill_failures, fill_nothing),
	CALL(PROTECT, memmgr_protect, MEMMGR_PROTECT_SEAL, RESERVED(memmgr_protect),
	     false, fill_protect, undo_page),
	CALL(SYNC, memmgr_sync, MEMMGR_SYNC_FOR_DEVICE | MEMMGR_SYNC_FOR_CPU, 0, false,
	     fill_sync, fill_nothing),
	CALL(EXPORT, memmgr_export, MEMMGR_EXPORT_CLOEXEC | MEMMGR_EXPORT_READ_ONLY,
	     RESERVED(memmgr_export), true, fill_export, undo_export),
	CALL(ACCOUNTS, memmgr_accounts, MEMMGR_ACCOUNTS_USERS, 0, true,
	     fill_accounts, fill_nothing),
	GROWN(SET_QUOTA, memmgr_quota, 32, KNOWN_QUOTA, RESERVED(memmgr_quota), false,
	      fill_quota, undo_quota),
	CALL(EXPLAIN, memmgr_explain, 0, 0, true, fill_nothing, fill_nothing),
	CALL(COMPACT, memmgr_compact, MEMMGR_COMPACT_DRY_RUN | MEMMGR_COMPACT_RANGE,
	     RESERVED(memmgr_compact), true, fill_nothing, fill_nothing),
	CALL(PIN, memmgr_pin, MEMMGR_PIN_LEASE, 0, true, fill_pin, undo_page),
	CALL(UNPIN, memmgr_pin, MEMMGR_PIN_LEASE, 0, true, fill_unpin, undo_page),
	CALL(HEALTH, memmgr_health, MEMMGR_HEALTH_SET | MEMMGR_HEALTH_ON,
	     RESERVED(memmgr_health), true, fill_nothing, fill_nothing),
	CALL(INJECT, memmgr_inject, KNOWN_INJECT, 0, true, fill_inject, fill_nothing),
	CALL(TRACK, memmgr_track, MEMMGR_TRACK_ON | MEMMGR_TRACK_OFF, 0, true,
	     fill_track, fill_nothing),
	CALL(SITES, memmgr_sites, 0, 0, true, fill_sites, fill_nothing),
	CALL(LATENCY, memmgr_latency, KNOWN_LATENCY, 0, true, fill_latency, fill_nothing),
	CALL(DEBUG, memmgr_debug, KNOWN_DEBUG, RESERVED(memmgr_debug), true, fill_debug,
	     fill_nothing),
	CALL(CORRUPTIONS, memmgr_corruptions, 0, 0, true, fill_corruptions, fill_nothing),
	CALL(HEAP_RIGHTS, memmgr_heap_rights, KNOWN_RIGHTS, 0, false, fill_heap_rights,
	     fill_nothing),
};

static void ground_make(struct __test_metadata *_metadata, int fd, struct ground *g)
{
	memset(g, 0, sizeof(*g));
	g->fd = fd;
	g->stack = must_kind(_metadata, fd, kind_is_built(fd, MEMMGR_KIND_STACK) ?
			     MEMMGR_KIND_STACK : MEMMGR_KIND_BUDDY);
	g->block = must_alloc(_metadata, fd, g->stack, 64).handle;
}

static bool call_is_built(int fd, const struct call *c)
{
	bool marks = c->fill == fill_mark || c->fill == fill_release;
	bool debugs = c->fill == fill_inject || c->fill == fill_track || c->fill == fill_sites ||
		      c->fill == fill_latency || c->fill == fill_debug ||
		      c->fill == fill_corruptions;

	if (debugs && !debug_is_built(fd))
		return false;
	return !marks || kind_is_built(fd, MEMMGR_KIND_STACK);
}

static void fill(struct ground *g, const struct call *c, union request *r)
{
	memset(r, 0, sizeof(*r));
	c->fill(g, r);
	r->size = c->size;
}

static int issue(struct ground *g, const struct call *c, void *argument)
{
	return mm_call(g->fd, _IO(MEMMGR_IOC_MAGIC, c->nr), argument);
}

/* A change of a good request that makes it bad: the offset and the new value. */
struct spoil {
	size_t at;
	__u32 value;
	__u32 size;
	int error;
};

/* Every one of @spoils is refused, and all of them leave everything as it was. */
static void expect_refused(struct __test_metadata *_metadata, struct ground *g,
			   const struct call *c, const struct spoil *spoils,
			   unsigned int count)
{
	static struct snapshot before, after;
	static union request good, r;
	const struct spoil *s;

	fill(g, c, &good);
	ASSERT_EQ(0, snapshot_take(g->fd, &before));
	for (s = spoils; s < spoils + count; s++) {
		r = good;
		r.size = s->size;
		if (s->at)
			memcpy(r.raw + s->at, &s->value, sizeof(s->value));
		EXPECT_EQ(s->error, issue(g, c, &r)) {
			TH_LOG("%s: size %u, [%zu] = %#x", c->name, s->size,
			       s->at, s->value);
		}
	}
	ASSERT_EQ(0, snapshot_take(g->fd, &after));
	EXPECT_TRUE(snapshot_equal(&before, &after))
		TH_LOG("%s", c->name);
	c->undo(g, &good);
}

/* The first call from @c on whose kind of heap is in this build. */
static const struct call *built_call(int fd, const struct call *c)
{
	while (c < calls + ARRAY_SIZE(calls) && !call_is_built(fd, c))
		c++;
	return c;
}

#define for_each_call(c, fd)						\
	for (c = built_call(fd, calls); c < calls + ARRAY_SIZE(calls);	\
	     c = built_call(fd, c + 1))

TEST_F(abi, good_requests_are_granted)
{
	const struct call *c;
	struct ground g;
	union request r;

	ground_make(_metadata, self->fd, &g);
	for_each_call(c, self->fd) {
		fill(&g, c, &r);
		EXPECT_EQ(0, issue(&g, c, &r))
			TH_LOG("%s", c->name);
		EXPECT_EQ(c->size, r.size);
		c->undo(&g, &r);
	}
}

TEST_F(abi, structures_that_are_too_short)
{
	const struct call *c;
	struct ground g;

	ground_make(_metadata, self->fd, &g);
	for_each_call(c, self->fd) {
		__u32 sizes[] = { 0, 1, 3, 4, 7, c->least - 8, c->least - 4, c->least - 1 };
		struct spoil spoils[ARRAY_SIZE(sizes)] = { 0 };
		unsigned int i;

		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			spoils[i].size = sizes[i];
			spoils[i].error = -EINVAL;
		}
		expect_refused(_metadata, &g, c, spoils, ARRAY_SIZE(spoils));
	}
}

/* What a caller does not know he is not told. */
TEST_F(abi, first_forms_are_granted)
{
	const struct call *c;
	struct ground g;
	union request r;

	ground_make(_metadata, self->fd, &g);
	for_each_call(c, self->fd) {
		if (c->least == c->size)
			continue;
		fill(&g, c, &r);
		r.size = c->least;
		memset(r.raw + c->least, 0x5a, c->size - c->least);
		EXPECT_EQ(0, issue(&g, c, &r))
			TH_LOG("%s", c->name);
		EXPECT_EQ(0x5a, r.raw[c->least]);
		EXPECT_EQ(0x5a, r.raw[c->size - 1]);
		c->undo(&g, &r);
	}
}

TEST_F(abi, longer_structures_with_zeros_are_granted)
{
	const struct call *c;
	struct ground g;
	union request r;

	ground_make(_metadata, self->fd, &g);
	for_each_call(c, self->fd) {
		__u32 sizes[] = { c->size + 1, c->size + 8, c->size + 100, sizeof(r) };
		unsigned int i;

		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			fill(&g, c, &r);
			r.size = sizes[i];
			EXPECT_EQ(0, issue(&g, c, &r))
				TH_LOG("%s: size %u", c->name, sizes[i]);
			EXPECT_TRUE(is_zero(r.raw + c->size, sizeof(r) - c->size));
			c->undo(&g, &r);
		}
	}
}

TEST_F(abi, longer_structures_with_anything_else_are_refused)
{
	const struct call *c;
	struct ground g;

	ground_make(_metadata, self->fd, &g);
	for_each_call(c, self->fd) {
		struct spoil spoils[] = {
			{ c->size, 1, c->size + 8, -E2BIG },
			{ c->size + 4, 0x80000000, c->size + 8, -E2BIG },
			{ 4092, 0xff000000, 4096, -E2BIG },
		};

		expect_refused(_metadata, &g, c, spoils, ARRAY_SIZE(spoils));
	}
}

/* The limit does not depend on the size of a page. */
TEST_F(abi, structures_of_more_than_4096_bytes_are_refused)
{
	struct {
		union request known;
		__u64 zero;
	} r;
	const struct call *c;
	struct ground g;

	ASSERT_EQ(4096, sizeof(r.known));
	ground_make(_metadata, self->fd, &g);
	for_each_call(c, self->fd) {
		fill(&g, c, &r.known);
		r.zero = 0;
		r.known.size = 4096 + 1;
		EXPECT_EQ(-E2BIG, issue(&g, c, &r))
			TH_LOG("%s", c->name);
		r.known.size = sizeof(r);
		EXPECT_EQ(-E2BIG, issue(&g, c, &r))
			TH_LOG("%s", c->name);
		c->undo(&g, &r.known);
	}
}

/* Larger than the caller's memory: whichever is met first, never a success. */
TEST_F(abi, sizes_beyond_everything)
{
	static const __u32 sizes[] = { 1u << 20, 0x7fffffff, 0x80000000, ~0u };
	union request *r = (union request *)page_before_hole();
	struct snapshot before, after;
	const struct call *c;
	struct ground g;
	unsigned int i;

	ASSERT_TRUE(!!r);
	ground_make(_metadata, self->fd, &g);
	for_each_call(c, self->fd) {
		fill(&g, c, r);
		ASSERT_EQ(0, snapshot_take(self->fd, &before));
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			int result;

			r->size = sizes[i];
			result = issue(&g, c, r);
			EXPECT_TRUE(result == -E2BIG || result == -EFAULT)
				TH_LOG("%s: size %u: %d", c->name, sizes[i], result);
		}
		ASSERT_EQ(0, snapshot_take(self->fd, &after));
		EXPECT_TRUE(snapshot_equal(&before, &after));
		c->undo(&g, r);
	}
}

TEST_F(abi, unknown_flags)
{
	const struct call *c;
	struct ground g;
	__u32 flag;

	ground_make(_metadata, self->fd, &g);
	for_each_call(c, self->fd) {
		struct spoil spoils[32];
		unsigned int n = 0;

		for (flag = 1; flag; flag <<= 1)
			if (!(c->known_flags & flag))
				spoils[n++] = (struct spoil){
					c->flags_at, flag, c->size, -EINVAL,
				};
		expect_refused(_metadata, &g, c, spoils, n);
	}
}

TEST_F(abi, reserved_fields)
{
	const struct call *c;
	struct ground g;

	ground_make(_metadata, self->fd, &g);
	for_each_call(c, self->fd) {
		struct spoil spoils[] = {
			{ c->reserved_at, 1, c->size, -EINVAL },
			{ c->reserved_at, 0x80000000, c->size, -EINVAL },
			{ c->reserved_at, ~0u, c->size, -EINVAL },
		};

		if (c->reserved_at)
			expect_refused(_metadata, &g, c, spoils, ARRAY_SIZE(spoils));
	}
}

TEST_F(abi, pointers_that_lead_nowhere)
{
	static const uintptr_t pointers[] = {
		0, 1, 8, 4095, (uintptr_t)-1, (uintptr_t)-4, (uintptr_t)-4096,
		(uintptr_t)0xc0000000,
	};
	const struct call *c;
	struct snapshot after;
	struct ground g = { .fd = self->fd };
	unsigned int i;

	for_each_call(c, self->fd)
		for (i = 0; i < ARRAY_SIZE(pointers); i++) {
			void *pointer = (void *)pointers[i];

			EXPECT_EQ(-EFAULT, issue(&g, c, pointer))
				TH_LOG("%s: %p", c->name, pointer);
		}
	ASSERT_EQ(0, snapshot_take(self->fd, &after));
	EXPECT_TRUE(snapshot_equal(&self->before, &after));
}

/* The structure starts on a page and ends on one that is not there. */
TEST_F(abi, structures_that_straddle_a_hole)
{
	unsigned char *page = page_before_hole();
	struct snapshot before, after;
	const struct call *c;
	struct ground g;
	union request r;
	unsigned int i;

	ASSERT_TRUE(!!page);
	ground_make(_metadata, self->fd, &g);
	for_each_call(c, self->fd) {
		size_t parts[] = { 1, 4, 8, c->size / 2, c->size - 1 };

		fill(&g, c, &r);
		ASSERT_EQ(0, snapshot_take(self->fd, &before));
		for (i = 0; i < ARRAY_SIZE(parts); i++) {
			unsigned char *at = page + self->page - parts[i];

			memcpy(at, &r, parts[i]);
			EXPECT_EQ(-EFAULT, issue(&g, c, at))
				TH_LOG("%s: %zu bytes", c->name, parts[i]);
		}
		ASSERT_EQ(0, snapshot_take(self->fd, &after));
		EXPECT_TRUE(snapshot_equal(&before, &after));
		c->undo(&g, &r);
	}
}

/* How a structure lies in two pages: so many bytes in the first, and which is read-only. */
static const struct {
	size_t before;
	unsigned int page;
} denials[] = { { 0, 1 }, { 8, 1 }, { 8, 0 } };

static unsigned char *two_pages(void)
{
	unsigned char *p = mmap(NULL, 2 * page_size(), PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* A good request in @pages; where. */
static unsigned char *place(struct ground *g, const struct call *c, unsigned char *pages,
			    unsigned int denial)
{
	unsigned char *at = pages + page_size() - denials[denial].before;
	union request r;

	fill(g, c, &r);
	memcpy(at, &r, c->size);
	return at;
}

/* The call, with its structure at @at, while @page cannot be written. */
static int issue_denied(struct ground *g, const struct call *c, void *at, void *page)
{
	int result;

	if (mprotect(page, page_size(), PROT_READ))
		return -errno;
	result = issue(g, c, at);
	return mprotect(page, page_size(), PROT_READ | PROT_WRITE) ? -errno : result;
}

/*
 * The request can be read, the answer cannot be written: nothing is done. What has no
 * answer needs nothing written, and is done.
 */
TEST_F(abi, efault_read_only)
{
	unsigned char *pages = two_pages(), *at;
	struct snapshot before, after;
	const struct call *c;
	struct ground g;
	unsigned int i;

	ASSERT_TRUE(!!pages);
	ground_make(_metadata, self->fd, &g);
	for_each_call(c, self->fd)
		for (i = 0; i < ARRAY_SIZE(denials); i++) {
			union request r;
			int result;

			at = place(&g, c, pages, i);
			memcpy(&r, at, c->size);
			ASSERT_EQ(0, snapshot_take(self->fd, &before));
			result = issue_denied(&g, c, at, pages + denials[i].page * self->page);
			ASSERT_EQ(0, snapshot_take(self->fd, &after));
			EXPECT_EQ(c->answers ? -EFAULT : 0, result)
				TH_LOG("%s, %u", c->name, i);
			if (c->answers) {
				EXPECT_TRUE(snapshot_equal(&before, &after))
					TH_LOG("%s, %u", c->name, i);
				EXPECT_EQ(0, memcmp(at, &r, c->size));
				/* It was not done: it can be. */
				EXPECT_EQ(0, issue(&g, c, at))
					TH_LOG("%s, %u: afterwards", c->name, i);
			}
			memcpy(&r, at, c->size);
			c->undo(&g, &r);
		}
}

/* What this kernel does not know of a structure it does not write. */
TEST_F(abi, efault_not_beyond_the_known)
{
	unsigned char *pages = two_pages();
	const struct call *c;
	struct ground g;
	union request r;

	ASSERT_TRUE(!!pages);
	ground_make(_metadata, self->fd, &g);
	for_each_call(c, self->fd) {
		unsigned char *at = pages + self->page - c->size;

		fill(&g, c, &r);
		r.size = c->size + 64;
		memcpy(at, &r, c->size);
		EXPECT_EQ(0, issue_denied(&g, c, at, pages + self->page))
			TH_LOG("%s", c->name);
		memcpy(&r, at, c->size);
		c->undo(&g, &r);
	}
}

/* Every call of an ordinary user; 0, or 1 and the number of that where something else came. */
static int denied_as_nobody(int node)
{
	struct ground g = { .fd = open_as_nobody(node) };
	struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, 64);
	unsigned char *pages = two_pages(), *at;
	size_t page = page_size();
	const struct call *c;
	unsigned int i;

	if (!pages || g.fd < 0 || mm_alloc(g.fd, &a))
		return 255;
	g.block = a.handle;
	for_each_call(c, g.fd)
		for (i = 0; c->answers && i < ARRAY_SIZE(denials); i++) {
			at = place(&g, c, pages, i);
			if (issue_denied(&g, c, at, pages + denials[i].page * page) != -EFAULT)
				return 1 + c->nr;
		}
	for_each_call(c, g.fd) {
		if (c->fill != fill_free && c->fill != fill_protect)
			continue;
		at = place(&g, c, pages, 0);
		if (issue_denied(&g, c, at, pages + page))
			return 1 + c->nr;
	}
	/* Nothing of all that has freed it. */
	return mm_free(g.fd, a.handle) ? 254 : 0;
}

TEST_F(abi, efault_as_nobody)
{
	int node = open_public_node(), status;
	pid_t child;

	ASSERT_LE(0, node);
	child = fork();
	ASSERT_LE(0, child);
	if (!child)
		_exit(denied_as_nobody(node));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	ASSERT_TRUE(WIFEXITED(status));
	EXPECT_EQ(0, WEXITSTATUS(status));
	close(node);
}

struct issuer {
	struct ground *g;
	const struct call *c;
	unsigned char *at;
	int result;
	bool done;
};

static void *issue_aside(void *argument)
{
	struct issuer *issuer = argument;

	issuer->result = issue(issuer->g, issuer->c, issuer->at);
	__atomic_store_n(&issuer->done, true, __ATOMIC_RELEASE);
	return NULL;
}

/* The call, with its structure's page writable until the work is done. */
static int issue_taken_away(struct ground *g, const struct call *c, unsigned char *at, void *page)
{
	struct issuer issuer = { g, c, at };
	pthread_t thread;

	if (hold_write(g->fd, "made") || pthread_create(&thread, NULL, issue_aside, &issuer))
		return -EIO;
	while (!hold_waits(g->fd, "made") && !__atomic_load_n(&issuer.done, __ATOMIC_ACQUIRE))
		usleep(1000);
	mprotect(page, page_size(), PROT_READ);
	hold_write(g->fd, "none");
	pthread_join(thread, NULL);
	mprotect(page, page_size(), PROT_READ | PROT_WRITE);
	return issuer.result;
}

/* Nobody learns of what was made: it does not stay. */
TEST_F(abi, efault_unmakes)
{
	unsigned char *pages = two_pages(), *at;
	struct snapshot before, after;
	const struct call *c;
	struct ground g;

	REQUIRE_HOLD;
	ASSERT_TRUE(!!pages);
	ground_make(_metadata, self->fd, &g);
	for_each_call(c, self->fd) {
		struct memmgr_info info;

		if (c->fill != fill_heap_create && c->fill != fill_alloc && c->fill != fill_pin &&
		    c->fill != fill_alloc_batch && c->fill != fill_export)
			continue;
		g.handle = g.block;
		at = place(&g, c, pages, 0);
		ASSERT_EQ(0, snapshot_take(self->fd, &before));
		EXPECT_EQ(-EFAULT, issue_taken_away(&g, c, at, pages + self->page))
			TH_LOG("%s", c->name);
		ASSERT_EQ(0, snapshot_take(self->fd, &after));
		EXPECT_TRUE(snapshot_same_state(&before, &after))
			TH_LOG("%s", c->name);
		ASSERT_EQ(0, mm_info(self->fd, g.handle, &info));
		EXPECT_EQ(0, info.pins)
			TH_LOG("%s", c->name);
	}
}

/*
 * Calls that write an array, and where in an entry it says which one it is. Their structures
 * begin alike, but for where the cursor is.
 */
struct listing {
	const char *name;
	unsigned int nr;
	bool debugs;		/* there with DEBUG only */
	size_t size, entry, key, count, entry_size, cursor, entries;
};

#define LISTING(name, type, of, key, cursor, debugs)			\
	{ #name, _IOC_NR(MEMMGR_IOC_##name), debugs, sizeof(struct type), \
	  sizeof(struct of), offsetof(struct of, key),			\
	  offsetof(struct type, count), offsetof(struct type, entry_size), \
	  offsetof(struct type, cursor), offsetof(struct type, entries) }

static const struct listing listings[] = {
	LISTING(LIST, memmgr_list, memmgr_info, handle, cursor, false),
	LISTING(FAILURES, memmgr_failures, memmgr_failure, seq, after, false),
	LISTING(ACCOUNTS, memmgr_accounts, memmgr_account, id, cursor, false),
	LISTING(SITES, memmgr_sites, memmgr_site, id, after, true),
	LISTING(CORRUPTIONS, memmgr_corruptions, memmgr_corruption, seq, after, true),
};

#define LISTED	512

/* The next entries of a list, to @entries; -errno, or how many. */
static int list_more(int fd, const struct listing *l, union request *r, void *entries, int *count)
{
	__u32 most = LISTED, entry_size = l->entry;
	__u64 pointer = (uintptr_t)entries;
	int result;

	r->size = l->size;
	memcpy(r->raw + l->count, &most, sizeof(most));
	memcpy(r->raw + l->entry_size, &entry_size, sizeof(entry_size));
	memcpy(r->raw + l->entries, &pointer, sizeof(pointer));
	if (l->nr == _IOC_NR(MEMMGR_IOC_LIST))
		r->list.heap = MEMMGR_HEAP_ANY;
	result = mm_call(fd, _IO(MEMMGR_IOC_MAGIC, l->nr), r);
	memcpy(&most, r->raw + l->count, sizeof(most));
	*count = most;
	return result;
}

static __u64 list_key(const struct listing *l, const unsigned char *entries, int i)
{
	__u64 key;

	memcpy(&key, entries + i * l->entry + l->key, sizeof(key));
	return key;
}

/* Three of each: allocations in two heaps, failures, clients, places in programs, errors. */
static void make_entries(struct __test_metadata *_metadata, int fd, __u32 heap)
{
	struct memmgr_track t = { .size = sizeof(t), .flags = MEMMGR_TRACK_ON };
	int i;

	EXPECT_TRUE(!mm_call(fd, MEMMGR_IOC_TRACK, &t) || !debug_is_built(fd));
	for (i = 0; i < 3; i++) {
		struct memmgr_alloc a = alloc_request(heap, 64);

		a.site = 0x10000 + 0x1000 * i;
		EXPECT_EQ(0, mm_alloc(fd, &a));
		a.heap = MEMMGR_HEAP_MAIN;
		EXPECT_EQ(0, mm_alloc(fd, &a));
		a.bytes = 1ull << 40;
		EXPECT_EQ(-ENOMEM, mm_alloc(fd, &a));
		EXPECT_LE(0, open_device(O_RDONLY));
		a = alloc_request(MEMMGR_HEAP_MAIN, 64);
		EXPECT_EQ(0, mm_alloc(fd, &a));
		EXPECT_EQ(0, mm_free(fd, a.handle));
		EXPECT_EQ(-EBADF, mm_free(fd, a.handle));
	}
	t.flags = MEMMGR_TRACK_OFF;
	EXPECT_TRUE(!mm_call(fd, MEMMGR_IOC_TRACK, &t) || !debug_is_built(fd));
}

/*
 * Entries where memory ends that can be written: it says how many there are, and the next
 * call goes on with the one that had no place.
 */
TEST_F(abi, efault_entries)
{
	static unsigned char all[LISTED * 1024], rest[LISTED * 1024];
	unsigned char *pages = two_pages();
	const struct listing *l;
	struct ground g;

	ASSERT_TRUE(!!pages);
	ground_make(_metadata, self->fd, &g);
	make_entries(_metadata, self->fd, g.stack);
	for (l = listings; l < listings + ARRAY_SIZE(listings); l++) {
		unsigned char *edge = pages + self->page - 2 * l->entry - l->entry / 2;
		union request r = { 0 };
		int total, count, i;

		if (l->debugs && !debug_is_built(self->fd))
			continue;
		ASSERT_EQ(0, list_more(self->fd, l, &r, all, &total));
		/* Errors are reported of heaps that are debugged alone. */
		if (l->nr == _IOC_NR(MEMMGR_IOC_CORRUPTIONS) && total < 3)
			continue;
		ASSERT_LE(3, total)
			TH_LOG("%s", l->name);
		memset(&r, 0, sizeof(r));
		ASSERT_EQ(0, mprotect(pages + self->page, self->page, PROT_READ));
		EXPECT_EQ(-EFAULT, list_more(self->fd, l, &r, edge, &count))
			TH_LOG("%s", l->name);
		ASSERT_EQ(0, mprotect(pages + self->page, self->page, PROT_READ | PROT_WRITE));
		EXPECT_EQ(2, count)
			TH_LOG("%s", l->name);
		EXPECT_EQ(list_key(l, all, 0), list_key(l, edge, 0));
		EXPECT_EQ(list_key(l, all, 1), list_key(l, edge, 1));
		EXPECT_EQ(0, list_more(self->fd, l, &r, rest, &count));
		EXPECT_EQ(total - 2, count)
			TH_LOG("%s", l->name);
		for (i = 0; i < count && i + 2 < total; i++)
			EXPECT_EQ(list_key(l, all, i + 2), list_key(l, rest, i))
				TH_LOG("%s: %d", l->name, i);
	}
}

/* Handles that cannot be written: it tells how many were made, also when none was. */
TEST_F(abi, efault_handles)
{
	unsigned char *pages = two_pages();
	__u64 *edge = (__u64 *)(pages + self->page) - 2;
	struct memmgr_alloc_batch b = {
		.size = sizeof(b), .count = 4, .bytes = 64, .handles = (uintptr_t)edge,
	};
	struct memmgr_free_batch f = { .size = sizeof(f), .count = 4 };
	struct ground g;
	__u32 live;

	ASSERT_TRUE(!!pages);
	ground_make(_metadata, self->fd, &g);
	b.heap = g.stack;
	live = must_stats(_metadata, self->fd, g.stack).live;
	ASSERT_EQ(0, mprotect(pages + self->page, self->page, PROT_READ));
	EXPECT_EQ(-EFAULT, mm_call(self->fd, MEMMGR_IOC_ALLOC_BATCH, &b));
	EXPECT_EQ(2, b.count);
	EXPECT_EQ(live + 2, must_stats(_metadata, self->fd, g.stack).live);
	EXPECT_EQ(0, mm_free(self->fd, edge[1]));
	EXPECT_EQ(0, mm_free(self->fd, edge[0]));
	b.count = 4;
	b.handles = 1ull << 63;
	EXPECT_EQ(-EFAULT, mm_call(self->fd, MEMMGR_IOC_ALLOC_BATCH, &b));
	EXPECT_EQ(0, b.count);
	b.count = 4;
	b.heap = 62;
	EXPECT_EQ(-ENOENT, mm_call(self->fd, MEMMGR_IOC_ALLOC_BATCH, &b));
	EXPECT_EQ(0, b.count);
	f.handles = 1ull << 63;
	EXPECT_EQ(-EFAULT, mm_call(self->fd, MEMMGR_IOC_FREE_BATCH, &f));
	EXPECT_EQ(0, f.count);
	EXPECT_EQ(live, must_stats(_metadata, self->fd, g.stack).live);
}

TEST_F(abi, unknown_commands)
{
	static const unsigned int magics[] = { 0x00, 0xbb, 0xbd, 0x3c, 0xff };
	struct memmgr_query q = { .size = sizeof(q) };
	struct snapshot after;
	unsigned int last = _IOC_NR(MEMMGR_IOC_HEAP_RIGHTS), nr, i;

	for (nr = last + 1; nr < 0x100; nr++)
		EXPECT_EQ(-ENOTTY, mm_call(self->fd, _IO(MEMMGR_IOC_MAGIC, nr), &q));
	for (nr = 0; nr <= last; nr++) {
		for (i = 0; i < ARRAY_SIZE(magics); i++)
			EXPECT_EQ(-ENOTTY, mm_call(self->fd, _IO(magics[i], nr + 0x20), &q));
		EXPECT_EQ(-ENOTTY, mm_call(self->fd, _IOC(_IOC_READ | _IOC_WRITE,
							  MEMMGR_IOC_MAGIC, nr,
							  sizeof(q)), &q));
		EXPECT_EQ(-ENOTTY, mm_call(self->fd, _IOC(_IOC_NONE, MEMMGR_IOC_MAGIC,
							  nr, 8), &q));
	}
	ASSERT_EQ(0, snapshot_take(self->fd, &after));
	EXPECT_TRUE(snapshot_equal(&self->before, &after));
}

TEST_F(abi, unaligned_structures_work)
{
	unsigned char *buffer = malloc(sizeof(union request) + 8);
	const struct call *c;
	struct ground g;
	union request r;
	int shift;

	ASSERT_TRUE(!!buffer);
	ground_make(_metadata, self->fd, &g);
	for_each_call(c, self->fd)
		for (shift = 1; shift < 8; shift += 3) {
			fill(&g, c, &r);
			memcpy(buffer + shift, &r, c->size);
			EXPECT_EQ(0, issue(&g, c, buffer + shift))
				TH_LOG("%s", c->name);
			memcpy(&r, buffer + shift, c->size);
			c->undo(&g, &r);
		}
	free(buffer);
}

TEST_F(abi, picture_of_the_region)
{
	struct memmgr_cell cells[33];
	struct memmgr_map m = { .size = sizeof(m), .count = 32, .cells = (uintptr_t)cells };
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN,
					   3 * self->page);
	struct memmgr_query q;
	struct memmgr_stats s;
	__u64 used = 0;
	__u32 i;

	memset(cells, 0x77, sizeof(cells));
	ASSERT_EQ(0, mm_query(self->fd, &q));
	ASSERT_EQ(0, mm_call(self->fd, MEMMGR_IOC_MAP, &m));
	ASSERT_GE(32, m.count);
	ASSERT_LT(0, m.cell_bytes);
	EXPECT_LE(q.region_size, m.count * m.cell_bytes);
	EXPECT_GT(q.region_size, (m.count - 1) * m.cell_bytes);
	for (i = 0; i < m.count; i++) {
		used += cells[i].used;
		EXPECT_GE(m.cell_bytes, cells[i].used);
		EXPECT_EQ(!cells[i].used, cells[i].heap == MEMMGR_HEAP_ANY);
	}
	s = must_stats(_metadata, self->fd, MEMMGR_HEAP_MAIN);
	EXPECT_EQ(s.used, used);
	EXPECT_LT(0, cells[a.offset / m.cell_bytes].used);
	EXPECT_LT(0, cells[a.offset / m.cell_bytes].blocks);
	EXPECT_EQ(0x77777777, cells[32].blocks);
}

TEST_F(abi, bad_pictures)
{
	struct memmgr_cell cells[4];
	struct memmgr_map m = { .size = sizeof(m), .cells = (uintptr_t)cells };

	EXPECT_EQ(-EINVAL, mm_call(self->fd, MEMMGR_IOC_MAP, &m));
	m.count = MEMMGR_BATCH_MAX + 1;
	EXPECT_EQ(-EINVAL, mm_call(self->fd, MEMMGR_IOC_MAP, &m));
	m.count = 4;
	m.cells = 0;
	EXPECT_EQ(-EFAULT, mm_call(self->fd, MEMMGR_IOC_MAP, &m));
	m.count = 4;
	m.cells = (uintptr_t)page_before_hole() + self->page - 8;
	EXPECT_EQ(-EFAULT, mm_call(self->fd, MEMMGR_IOC_MAP, &m));
}

/* The same layout for 32 and 64 bit callers, for ever. */
#define SAME_SIZE(type, bytes)						\
	_Static_assert(sizeof(struct type) == (bytes), #type)

SAME_SIZE(memmgr_query, 96);
SAME_SIZE(memmgr_heap_create, 136);
SAME_SIZE(memmgr_heap_destroy, 16);
SAME_SIZE(memmgr_heap_query, 160);
SAME_SIZE(memmgr_heap_rights, 24);
SAME_SIZE(memmgr_alloc, 128);
SAME_SIZE(memmgr_free, 16);
SAME_SIZE(memmgr_resize, 48);
SAME_SIZE(memmgr_alloc_batch, 96);
SAME_SIZE(memmgr_free_batch, 24);
SAME_SIZE(memmgr_mark, 24);
SAME_SIZE(memmgr_copy, 40);
SAME_SIZE(memmgr_info, 192);
SAME_SIZE(memmgr_list, 40);
SAME_SIZE(memmgr_stats, 520);
SAME_SIZE(memmgr_frag, 824);
SAME_SIZE(memmgr_check, 88);
SAME_SIZE(memmgr_cell, 16);
SAME_SIZE(memmgr_map, 32);
SAME_SIZE(memmgr_failure, 112);
SAME_SIZE(memmgr_failures, 40);
SAME_SIZE(memmgr_account, 128);
SAME_SIZE(memmgr_quota, 56);
SAME_SIZE(memmgr_explain, 760);
SAME_SIZE(memmgr_compact, 272);
SAME_SIZE(memmgr_pin, 40);
SAME_SIZE(memmgr_health, 80);
SAME_SIZE(memmgr_event, 64);
SAME_SIZE(memmgr_inject, 64);
SAME_SIZE(memmgr_track, 48);
SAME_SIZE(memmgr_site, 624);
SAME_SIZE(memmgr_sites, 32);
SAME_SIZE(memmgr_latency_worst, 104);
SAME_SIZE(memmgr_latency_op, 400);
SAME_SIZE(memmgr_latency, 824);

MEMMGR_TEST_MAIN
