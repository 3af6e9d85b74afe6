// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The rules that hold for every call, tried on every call: structure sizes,
 * unknown flags, reserved fields, bad pointers, unknown commands. Whatever is
 * refused leaves all books as they were.
 */
#include "memmgr_test.h"

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
			 MEMMGR_HEAP_NO_JOIN)
#define KNOWN_LATENCY	(MEMMGR_LATENCY_ON | MEMMGR_LATENCY_OFF | MEMMGR_LATENCY_RESET)
#define KNOWN_QUERY	(MEMMGR_QUERY_NAME | MEMMGR_QUERY_NEXT)
#define KNOWN_ALLOC	(MEMMGR_ALLOC_PERSISTENT | MEMMGR_ALLOC_WAIT |	\
			 MEMMGR_ALLOC_NO_FALLBACK | MEMMGR_ALLOC_GUARD | \
			 MEMMGR_ALLOC_NO_ZERO | MEMMGR_ALLOC_MAY_COMPACT | \
			 MEMMGR_ALLOC_MAY_SHIFT)
#define KNOWN_BATCH	(KNOWN_ALLOC & ~MEMMGR_ALLOC_WAIT)
#define KNOWN_INJECT	(MEMMGR_INJECT_CLIENT | MEMMGR_INJECT_HEAP | MEMMGR_INJECT_SET)
#define KNOWN_DEBUG	(MEMMGR_DEBUG_SET | MEMMGR_DEBUG_ZONES | MEMMGR_DEBUG_POISON | \
			 MEMMGR_DEBUG_QUARANTINE | MEMMGR_DEBUG_GUARDS)
#define KNOWN_QUOTA	(MEMMGR_QUOTA_CLIENT | MEMMGR_QUOTA_USER | MEMMGR_QUOTA_DEFAULT)

static const struct call calls[] = {
	CALL(QUERY, memmgr_query, 0, 0, true, fill_nothing, fill_nothing),
	CALL(HEAP_CREATE, memmgr_heap_create, KNOWN_HEAP,
	     RESERVED(memmgr_heap_create), true, fill_heap_create, undo_heap_create),
	CALL(HEAP_DESTROY, memmgr_heap_destroy, MEMMGR_DESTROY_FORCE,
	     RESERVED(memmgr_heap_destroy), false, fill_heap_destroy,
	     undo_heap_destroy),
	CALL(HEAP_QUERY, memmgr_heap_query, KNOWN_QUERY,
	     RESERVED(memmgr_heap_query), true, fill_nothing, fill_nothing),
	GROWN(ALLOC, memmgr_alloc, 112, KNOWN_ALLOC, 0, true, fill_alloc, undo_alloc),
	CALL(FREE, memmgr_free, 0, 0, false, fill_free, undo_free),
	CALL(RESIZE, memmgr_resize, 0, RESERVED(memmgr_resize), true,
	     fill_resize, fill_nothing),
	GROWN(ALLOC_BATCH, memmgr_alloc_batch, 88, KNOWN_BATCH,
	      RESERVED(memmgr_alloc_batch), true, fill_alloc_batch, undo_alloc_batch),
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
	CALL(CHECK, memmgr_check, 0, 0, true, fill_nothing, fill_nothing),
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
	CALL(SET_QUOTA, memmgr_quota, KNOWN_QUOTA, RESERVED(memmgr_quota), false,
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

/*
 * The request can be read, the answer cannot be written: the caller never
 * learns what was made, so it must not stay.
 */
TEST_F(abi, answers_that_cannot_be_written)
{
	unsigned char *page = page_before_hole();
	struct snapshot before, after;
	const struct call *c;
	struct ground g;

	ASSERT_TRUE(!!page);
	ground_make(_metadata, self->fd, &g);
	for_each_call(c, self->fd) {
		if (!c->answers || c->fill == fill_free_batch)
			continue;
		ASSERT_EQ(0, mprotect(page, self->page, PROT_READ | PROT_WRITE));
		fill(&g, c, (union request *)page);
		ASSERT_EQ(0, mprotect(page, self->page, PROT_READ));
		ASSERT_EQ(0, snapshot_take(self->fd, &before));
		EXPECT_EQ(-EFAULT, issue(&g, c, page))
			TH_LOG("%s", c->name);
		ASSERT_EQ(0, snapshot_take(self->fd, &after));
		EXPECT_TRUE(snapshot_same_state(&before, &after))
			TH_LOG("%s", c->name);
	}
}

TEST_F(abi, unknown_commands)
{
	static const unsigned int magics[] = { 0x00, 0xbb, 0xbd, 0x3c, 0xff };
	struct memmgr_query q = { .size = sizeof(q) };
	struct snapshot after;
	unsigned int last = _IOC_NR(MEMMGR_IOC_CORRUPTIONS), nr, i;

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

SAME_SIZE(memmgr_query, 88);
SAME_SIZE(memmgr_heap_create, 120);
SAME_SIZE(memmgr_heap_destroy, 16);
SAME_SIZE(memmgr_heap_query, 136);
SAME_SIZE(memmgr_alloc, 120);
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
SAME_SIZE(memmgr_explain, 696);
SAME_SIZE(memmgr_compact, 200);
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
