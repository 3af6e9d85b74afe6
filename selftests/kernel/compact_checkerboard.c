// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Compaction and EXPLAIN on heaps that nobody else changes: what they do and say
 * beside what a brute force over all windows finds. SEED=n repeats a run.
 */
#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "lib/compact_layout.h"
#include "lib/memmgr_test.h"

MEMMGR_FIXTURE(board)

#define ORDER6		64u	/* units of the request */
#define MAPPED		24u	/* blocks that are mapped, too */

/* Blocks that fill a heap, and what is in them. */
struct board {
	int fd;
	__u32 heap;
	size_t unit;
	__u32 count;
	__u64 *handles;
	__u32 *bytes;		/* of each; its pattern is its number */
	unsigned char *data;	/* room for the largest */
	unsigned char *shown[MAPPED];
	struct layout before, now;
};

static void add_block(struct __test_metadata *_metadata, struct board *b, __u64 handle,
		      size_t bytes)
{
	__u32 n = b->count++;

	b->handles[n] = handle;
	b->bytes[n] = bytes;
	fill_pattern(b->data, bytes, n);
	ASSERT_EQ(0, mm_write(b->fd, handle, 0, b->data, bytes));
}

static void expect_contents(struct __test_metadata *_metadata, struct board *b)
{
	__u32 n, wrong = 0;

	for (n = 0; n < b->count; n++) {
		if (!b->handles[n])
			continue;
		memset(b->data, 0, b->bytes[n]);
		ASSERT_EQ(0, mm_read(b->fd, b->handles[n], 0, b->data, b->bytes[n]));
		wrong += !is_pattern(b->data, b->bytes[n], n);
		if (n < MAPPED && b->shown[n])
			wrong += !is_pattern(b->shown[n], b->bytes[n], n);
	}
	EXPECT_EQ(0, wrong);
}

/* Some are mapped as well, and show the same wherever they are. */
static void show_some(struct __test_metadata *_metadata, struct board *b)
{
	struct memmgr_info i;
	__u32 n;

	for (n = 0; n < MAPPED && n < b->count; n++) {
		if (!b->handles[n])
			continue;
		ASSERT_EQ(0, mm_info(b->fd, b->handles[n], &i));
		if (i.map_offset == NO_OFFSET)
			return;
		b->shown[n] = must_map(_metadata, b->fd, i.map_offset, i.granted);
		ASSERT_TRUE(is_pattern(b->shown[n], b->bytes[n], n));
	}
}

static void start_board(struct __test_metadata *_metadata, struct board *b, int fd, __u32 heap)
{
	struct memmgr_heap_query q;
	struct memmgr_stats s = must_stats(_metadata, fd, heap);

	ASSERT_EQ(0, quiet_health(fd));
	ASSERT_EQ(0, mm_heap_query(fd, heap, &q));
	*b = (struct board){ .fd = fd, .heap = heap, .unit = q.granule };
	b->handles = calloc(s.total / q.granule, sizeof(*b->handles));
	b->bytes = calloc(s.total / q.granule, sizeof(*b->bytes));
	b->data = malloc(ORDER6 * q.granule);
	ASSERT_TRUE(b->handles && b->bytes && b->data);
}

static void end_board(struct board *b)
{
	layout_free(&b->before);
	layout_free(&b->now);
	free(b->handles);
	free(b->bytes);
	free(b->data);
}

/* Pairs of units, of which the second is given back: every other unit is free. */
static void make_checkerboard(struct __test_metadata *_metadata, struct board *b, int fd,
			      __u32 heap)
{
	static __u64 handles[MEMMGR_BATCH_MAX];
	struct memmgr_resize r;
	__u32 i, count = MEMMGR_BATCH_MAX;

	start_board(_metadata, b, fd, heap);
	while (!mm_alloc_batch(fd, heap, 0, 2 * b->unit, handles, &count)) {
		for (i = 0; i < count; i++) {
			ASSERT_EQ(0, mm_resize(fd, handles[i], b->unit, &r));
			ASSERT_EQ(b->unit, r.granted);
			add_block(_metadata, b, handles[i], b->unit);
		}
		count = MEMMGR_BATCH_MAX;
	}
	ASSERT_EQ(0, layout_take(fd, heap, &b->before));
	/* half of what was free is free, and nowhere two units side by side */
	ASSERT_LT(64, b->count);
	ASSERT_EQ(b->count, b->before.free);
	ASSERT_EQ(1, largest_run(&b->before, 0));
	show_some(_metadata, b);
}

/* Sizes of 1 to 17 units, of which every second at random is freed. */
static void make_mixed(struct __test_metadata *_metadata, struct board *b, int fd, __u32 heap,
		       __u32 *random)
{
	struct memmgr_alloc a;
	__u32 n;

	start_board(_metadata, b, fd, heap);
	for (;;) {
		a = alloc_request(heap, (1 + test_random(random) % 17) * b->unit -
				  test_random(random) % b->unit);
		if (mm_alloc(fd, &a))
			break;
		add_block(_metadata, b, a.handle, a.bytes);
	}
	ASSERT_LT(64, b->count);
	for (n = 0; n < b->count; n++) {
		if (test_random(random) % 2)
			continue;
		ASSERT_EQ(0, mm_free(fd, b->handles[n]));
		b->handles[n] = 0;
	}
	ASSERT_EQ(0, layout_take(fd, heap, &b->before));
	show_some(_metadata, b);
}

/* Pins one block in @of, at random; none twice. */
static __u32 pin_some(struct __test_metadata *_metadata, struct board *b, __u32 of,
		      __u32 *random)
{
	__u32 n, pinned = 0;

	for (n = 0; n < b->count; n++) {
		if (!b->handles[n] || test_random(random) % of)
			continue;
		ASSERT_EQ(0, mm_pin(b->fd, b->handles[n], 0));
		pinned++;
	}
	ASSERT_EQ(0, layout_take(b->fd, b->heap, &b->before));
	return pinned;
}

/* Blocks that may not move lie where they lay. */
static void expect_fixed_stayed(struct __test_metadata *_metadata, struct board *b)
{
	__u32 i, k = 0;

	for (i = 0; i < b->before.count; i++) {
		struct block *was = &b->before.blocks[i];

		if (!was->fixed || !was->handle)
			continue;
		while (k < b->now.count && b->now.blocks[k].at < was->at)
			k++;
		ASSERT_GT(b->now.count, k);
		EXPECT_EQ(was->handle, b->now.blocks[k].handle);
		EXPECT_EQ(was->at, b->now.blocks[k].at);
	}
}

static void print_ratio(const char *what, __u64 moved, __u64 least)
{
	fprintf(stderr, "# %s: moved %llu bytes, at least %llu: ratio %llu.%03llu\n", what,
		(unsigned long long)moved, (unsigned long long)least,
		(unsigned long long)(least ? moved / least : 1),
		(unsigned long long)(least ? moved * 1000 / least % 1000 : 0));
}

/*
 * The same request as a dry run, which changes nothing, and for good; what the
 * first said has to be what the second does.
 */
static int compact_as_predicted(struct __test_metadata *_metadata, struct board *b,
				struct memmgr_compact *c)
{
	struct memmgr_compact dry = *c;
	int result, dry_result;

	dry.flags |= MEMMGR_COMPACT_DRY_RUN;
	dry_result = mm_compact(b->fd, &dry);
	ASSERT_EQ(0, layout_take(b->fd, b->heap, &b->now));
	EXPECT_TRUE(layout_same(&b->before, &b->now));
	result = mm_compact(b->fd, c);
	ASSERT_EQ(0, layout_take(b->fd, b->heap, &b->now));
	EXPECT_EQ(result, dry_result);
	EXPECT_EQ(c->reason, dry.reason);
	EXPECT_EQ(c->moved, dry.moved);
	EXPECT_EQ(c->moves, dry.moves);
	EXPECT_EQ(c->least, dry.least);
	EXPECT_EQ(c->before, dry.before);
	EXPECT_EQ(c->after, dry.after);
	EXPECT_EQ(c->free, dry.free);
	EXPECT_EQ(c->offset, dry.offset);
	EXPECT_EQ(0, memcmp(c->stayed, dry.stayed, sizeof(dry.stayed)));
	return result;
}

/* What every answer has to agree with: the layout before and now. */
static void expect_answer(struct __test_metadata *_metadata, struct board *b,
			  const struct memmgr_compact *c)
{
	EXPECT_EQ(b->before.free, b->now.free);
	EXPECT_EQ(b->now.free * b->unit, c->free);
	EXPECT_EQ(largest_run(&b->before, 0) * b->unit, c->before);
	EXPECT_EQ(largest_run(&b->now, 0) * b->unit, c->after);
	EXPECT_EQ(0, c->left);
	EXPECT_LE(c->least, c->moved);
	EXPECT_EQ(!c->moved, !c->moves);
	EXPECT_EQ(!c->moved, !c->steps);
	EXPECT_GE(c->moved, c->longest_bytes);
	EXPECT_GE(MEMMGR_COMPACT_STEP, c->longest_bytes);
	EXPECT_EQ(0, mm_check(b->fd, b->heap));
}

/* ---- everything, nothing pinned ------------------------------------------------ */

/* @limit: of moved to least, in thousandths; 0: none, blocks of other sizes do not pack */
static void compact_all(struct __test_metadata *_metadata, struct board *b, const char *what,
			__u64 limit)
{
	struct memmgr_compact c = compact_request(b->heap, 0, 0);
	__u64 least;

	ASSERT_EQ(0, compact_as_predicted(_metadata, b, &c));
	expect_answer(_metadata, b, &c);
	EXPECT_LE(b->now.free * 95, largest_run(&b->now, 0) * 100);
	least = (__u64)least_cost(&b->before, c.after / b->unit, 0) * b->unit;
	print_ratio(what, c.moved, least);
	if (limit)
		EXPECT_GE(least * limit, c.moved * 1000);
	/* no block moves twice */
	EXPECT_GE((b->before.units - b->before.free) * b->unit, c.moved);
	EXPECT_LE(least, c.moved);
	EXPECT_GE(c.moved, c.least);
	ASSERT_NE(~0ull, c.offset);
	EXPECT_TRUE(window_is_free(&b->now, c.offset, c.after));
	expect_contents(_metadata, b);
}

TEST_F(board, nothing_pinned_one_compaction)
{
	struct memmgr_compact again;
	struct board b;

	make_checkerboard(_metadata, &b, self->fd, MEMMGR_HEAP_MAIN);
	compact_all(_metadata, &b, "checkerboard", 1100);
	/* there is nothing left to do */
	again = compact_request(MEMMGR_HEAP_MAIN, 0, 0);
	ASSERT_EQ(0, mm_compact(self->fd, &again));
	EXPECT_EQ(again.before, again.after);
	EXPECT_GE(again.free / 20, again.moved);
	end_board(&b);
}

TEST_F(board, mixed_sizes_one_compaction)
{
	__u32 random = test_seed();
	struct board b;

	make_mixed(_metadata, &b, self->fd, MEMMGR_HEAP_MAIN, &random);
	compact_all(_metadata, &b, "mixed sizes", 0);
	end_board(&b);
}

/* Blocks that cannot be mapped move as well. */
TEST_F(board, small_units_of_a_shared_heap)
{
	struct memmgr_heap_create config = heap_config(MEMMGR_KIND_BUDDY, "t-small");
	__u32 random = test_seed();
	struct board b;

	config.flags = 0;
	config.granule = 64;
	config.bytes = 128 * KIB;
	config.max_allocations = 4096;
	ASSERT_EQ(0, mm_heap_create(self->fd, &config));
	make_checkerboard(_metadata, &b, self->fd, config.heap);
	compact_all(_metadata, &b, "units of 64 bytes", 1100);
	end_board(&b);
	ASSERT_EQ(0, mm_heap_destroy(self->fd, config.heap, MEMMGR_DESTROY_FORCE));
	ASSERT_EQ(0, mm_heap_create(self->fd, &config));
	make_mixed(_metadata, &b, self->fd, config.heap, &random);
	compact_all(_metadata, &b, "units of 64 bytes, mixed", 0);
	end_board(&b);
	ASSERT_EQ(0, mm_heap_destroy(self->fd, config.heap, MEMMGR_DESTROY_FORCE));
}

/* ---- one run ------------------------------------------------------------------- */

struct sum {
	__u64 moved, least;
};

/* The run is where the answer says, so aligned, and cost hardly more than it must. */
static void compact_run(struct __test_metadata *_metadata, struct board *b, __u32 units,
			__u64 align, __u64 limit, struct sum *sum)
{
	struct memmgr_compact c = compact_request(b->heap, 0, units * b->unit);
	__u64 least = (__u64)least_cost(&b->before, units, align) * b->unit;

	c.align = align;
	ASSERT_EQ(0, compact_as_predicted(_metadata, b, &c)) {
		TH_LOG("%u units aligned to %llu: reason %u, least by brute force %llu", units,
		       (unsigned long long)align, c.reason, (unsigned long long)least);
	}
	expect_answer(_metadata, b, &c);
	expect_fixed_stayed(_metadata, b);
	EXPECT_EQ(least, c.least);
	EXPECT_GE(least * limit, c.moved * 1000) {
		TH_LOG("moved %llu, least %llu", (unsigned long long)c.moved,
		       (unsigned long long)least);
	}
	ASSERT_NE(~0ull, c.offset);
	EXPECT_EQ(0, align ? c.offset % align : 0);
	EXPECT_TRUE(window_is_free(&b->now, c.offset, units * b->unit));
	EXPECT_LE(units, largest_run(&b->now, align));
	sum->moved += c.moved;
	sum->least += least;
}

/* Again and again, each run is taken: windows get dearer. */
static void take_runs(struct __test_metadata *_metadata, struct board *b, __u32 times,
		      __u64 align, __u64 limit, const char *what)
{
	struct sum sum = { 0 };
	struct memmgr_alloc a;
	__u32 i;

	for (i = 0; i < times; i++) {
		a = alloc_request(b->heap, ORDER6 * b->unit);
		a.align = align;
		if (!i)
			EXPECT_EQ(-ENOMEM, mm_alloc(b->fd, &a));
		compact_run(_metadata, b, ORDER6, align, limit, &sum);
		ASSERT_EQ(0, mm_alloc(b->fd, &a));
		ASSERT_EQ(0, layout_take(b->fd, b->heap, &b->before));
	}
	print_ratio(what, sum.moved, sum.least);
	expect_contents(_metadata, b);
}

TEST_F(board, order_6_nothing_pinned)
{
	struct board b;

	make_checkerboard(_metadata, &b, self->fd, MEMMGR_HEAP_MAIN);
	take_runs(_metadata, &b, 4, 0, 1100, "order 6");
	end_board(&b);
}

TEST_F(board, order_6_five_percent_pinned)
{
	__u32 random = test_seed(), pinned;
	struct board b;

	make_checkerboard(_metadata, &b, self->fd, MEMMGR_HEAP_MAIN);
	pinned = pin_some(_metadata, &b, 20, &random);
	fprintf(stderr, "# %u of %u pinned\n", pinned, b.count);
	ASSERT_LT(0, pinned);
	take_runs(_metadata, &b, 5, 0, 1300, "order 6, pinned");
	end_board(&b);
}

TEST_F(board, order_6_aligned_and_pinned)
{
	__u32 random = test_seed();
	struct board b;

	make_checkerboard(_metadata, &b, self->fd, MEMMGR_HEAP_MAIN);
	pin_some(_metadata, &b, 40, &random);
	take_runs(_metadata, &b, 3, ORDER6 * b.unit, 1300, "order 6, aligned and pinned");
	end_board(&b);
}

TEST_F(board, order_6_mixed_sizes_and_pinned)
{
	__u32 random = test_seed();
	struct sum sum = { 0 };
	struct board b;

	make_mixed(_metadata, &b, self->fd, MEMMGR_HEAP_MAIN, &random);
	pin_some(_metadata, &b, 20, &random);
	compact_run(_metadata, &b, ORDER6, 0, 1300, &sum);
	ASSERT_EQ(0, layout_take(self->fd, MEMMGR_HEAP_MAIN, &b.before));
	compact_run(_metadata, &b, ORDER6, 32 * b.unit, 1300, &sum);
	print_ratio("order 6, mixed sizes and pinned", sum.moved, sum.least);
	expect_contents(_metadata, &b);
	end_board(&b);
}

TEST_F(board, run_that_is_there_moves_nothing)
{
	struct memmgr_compact c = compact_request(MEMMGR_HEAP_MAIN, 0, 2 * self->page);

	ASSERT_EQ(0, quiet_health(self->fd));
	must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 3 * self->page);
	ASSERT_EQ(0, mm_compact(self->fd, &c));
	EXPECT_EQ(0, c.moved);
	EXPECT_EQ(0, c.moves);
	EXPECT_EQ(0, c.least);
	EXPECT_EQ(c.before, c.after);
}

TEST_F(board, everything_pinned)
{
	struct memmgr_compact c;
	struct board b;

	make_checkerboard(_metadata, &b, self->fd, MEMMGR_HEAP_MAIN);
	EXPECT_EQ(b.count, pin_some(_metadata, &b, 1, &(__u32){ 1 }));
	c = compact_request(MEMMGR_HEAP_MAIN, 0, 2 * b.unit);
	EXPECT_EQ(-ENOMEM, compact_as_predicted(_metadata, &b, &c));
	EXPECT_EQ(MEMMGR_REASON_PINNED, c.reason);
	EXPECT_EQ(0, c.moved);
	EXPECT_EQ(~0ull, c.offset);
	EXPECT_LT(0, c.stayed[MEMMGR_FIXED_PINNED]);
	EXPECT_TRUE(layout_same(&b.before, &b.now));
	/* the longest runs that can be made are there already */
	c = compact_request(MEMMGR_HEAP_MAIN, 0, 0);
	EXPECT_EQ(0, compact_as_predicted(_metadata, &b, &c));
	EXPECT_EQ(0, c.moved);
	EXPECT_EQ(b.unit, c.after);
	EXPECT_TRUE(layout_same(&b.before, &b.now));
	end_board(&b);
}

/* More than is free can be had by no compaction; more than there is never. */
TEST_F(board, more_than_is_free)
{
	struct memmgr_compact c;
	struct board b;

	make_checkerboard(_metadata, &b, self->fd, MEMMGR_HEAP_MAIN);
	c = compact_request(MEMMGR_HEAP_MAIN, 0, (b.before.free + 1) * b.unit);
	EXPECT_EQ(-ENOMEM, compact_as_predicted(_metadata, &b, &c));
	EXPECT_EQ(MEMMGR_REASON_EXHAUSTED, c.reason);
	EXPECT_EQ(0, c.moved);
	c = compact_request(MEMMGR_HEAP_MAIN, 0, (b.before.units + 1) * b.unit);
	EXPECT_EQ(-ENOMEM, mm_compact(self->fd, &c));
	EXPECT_EQ(MEMMGR_REASON_TOO_LARGE, c.reason);
	end_board(&b);
}

/* ---- EXPLAIN ----------------------------------------------------------------- */

static __u32 reason_now(const struct layout *l, __u32 units, __u64 align)
{
	if (largest_run(l, align) >= units)
		return MEMMGR_REASON_NONE;
	if (l->free < units)
		return MEMMGR_REASON_EXHAUSTED;
	return largest_run(l, 0) >= units ? MEMMGR_REASON_ALIGNMENT :
					    MEMMGR_REASON_FRAGMENTED;
}

static void expect_best(struct __test_metadata *_metadata, const struct layout *l,
			const struct memmgr_explain *e)
{
	__u32 i, best = 0, found = NEVER;

	for (i = 0; i < l->count; i++) {
		if (l->blocks[i].fixed)
			continue;
		if (run_without(l, i) > best)
			best = run_without(l, i);
		if (l->base + l->blocks[i].at * l->unit == e->best_offset)
			found = i;
	}
	if (!best) {
		EXPECT_EQ(~0ull, e->best_offset);
		return;
	}
	EXPECT_EQ(best * l->unit, e->best_run);
	ASSERT_NE(NEVER, found);
	EXPECT_EQ(best, run_without(l, found));
	EXPECT_EQ(l->blocks[found].units * l->unit, e->best_bytes);
}

static void expect_runs(struct __test_metadata *_metadata, const struct layout *l,
			const struct memmgr_explain *e, __u64 max_align)
{
	__u64 runs[MEMMGR_ORDERS] = { 0 };
	__u32 at, o, run, count = 0;

	for (at = 0; at < l->units; at += run ? run : 1) {
		run = run_at(l, at);
		if (!run)
			continue;
		runs[31 - __builtin_clz(run)]++;
		count++;
	}
	EXPECT_EQ(count, e->free_runs);
	for (o = 0; o < MEMMGR_ORDERS; o++) {
		EXPECT_EQ(runs[o], e->runs[o]) {
			TH_LOG("order %u", o);
		}
		if (l->unit << o > max_align)
			continue;
		EXPECT_EQ(largest_run(l, l->unit << o) * l->unit, e->aligned[o]) {
			TH_LOG("order %u", o);
		}
	}
}

/* Every figure but those of a request. */
static void expect_survey(struct __test_metadata *_metadata, int fd, __u32 heap,
			  const struct layout *l, const struct memmgr_explain *e)
{
	struct memmgr_heap_query q;
	__u64 movable = 0, fixed = 0, sum = 0;
	__u32 i;

	ASSERT_EQ(0, mm_heap_query(fd, heap, &q));
	for (i = 0; i < l->count; i++)
		*(l->blocks[i].fixed ? &fixed : &movable) += l->blocks[i].units * l->unit;
	for (i = 0; i < MEMMGR_FIXED_REASONS; i++)
		sum += e->fixed[i];
	EXPECT_EQ(l->unit, e->unit);
	EXPECT_EQ(l->free * l->unit, e->free);
	EXPECT_EQ(movable, e->movable);
	EXPECT_EQ(fixed, sum);
	EXPECT_EQ(0, e->fixed[MEMMGR_FIXED_NONE]);
	EXPECT_EQ(fixed, e->fixed[MEMMGR_FIXED_PINNED] + e->fixed[MEMMGR_FIXED_KERNEL]);
	expect_runs(_metadata, l, e, q.max_align);
	expect_best(_metadata, l, e);
}

/* @exact: all blocks are single units, so that room is never the question. */
static void expect_explained(struct __test_metadata *_metadata, struct board *b, __u32 units,
			     __u64 align, bool exact)
{
	struct memmgr_explain e;
	__u32 least = least_cost(&b->before, units, align);
	__u64 wanted = least == NEVER ? ~0ull : least * b->unit;

	ASSERT_EQ(0, mm_explain(b->fd, b->heap, units * b->unit - (units ? b->unit / 2 : 0), align,
				&e));
	expect_survey(_metadata, b->fd, b->heap, &b->before, &e);
	EXPECT_EQ(largest_run(&b->before, align) * b->unit, e.largest);
	if (exact)
		EXPECT_EQ(possible_run(&b->before, align) * b->unit, e.possible);
	EXPECT_GE(possible_run(&b->before, align) * b->unit, e.possible);
	EXPECT_LE(e.largest, e.possible);
	if (!units)
		return;
	EXPECT_EQ(reason_now(&b->before, units, align), e.reason);
	if (exact)
		EXPECT_EQ(wanted, e.move_bytes) {
			TH_LOG("%u units aligned to %llu", units, (unsigned long long)align);
		}
	EXPECT_LE(wanted, e.move_bytes);
	if (e.move_bytes == ~0ull || !e.move_bytes)
		return;
	EXPECT_EQ(e.move_bytes / b->unit,
		  window_cost(&b->before, (e.move_offset - b->before.base) / b->unit, units));
	EXPECT_EQ(0, align ? e.move_offset % align : 0);
	if (exact)
		EXPECT_EQ(e.move_bytes / b->unit, e.moves);
	EXPECT_LT(0, e.moves);
}

static void explain_many(struct __test_metadata *_metadata, struct board *b, bool exact)
{
	__u32 units[] = { 0, 1, 2, 5, 17, ORDER6, 100, 300, b->before.free, b->before.free + 1 };
	__u32 i, shift;

	for (i = 0; i < ARRAY_SIZE(units); i++)
		for (shift = 0; shift <= 8; shift += 4)
			expect_explained(_metadata, b, units[i], shift ? b->unit << shift : 0,
					 exact);
}

TEST_F(board, explained_nothing_pinned)
{
	struct board b;

	make_checkerboard(_metadata, &b, self->fd, MEMMGR_HEAP_MAIN);
	explain_many(_metadata, &b, true);
	end_board(&b);
}

TEST_F(board, explained_five_percent_pinned)
{
	__u32 random = test_seed();
	struct memmgr_explain e;
	struct board b;
	__u32 pinned;

	make_checkerboard(_metadata, &b, self->fd, MEMMGR_HEAP_MAIN);
	pinned = pin_some(_metadata, &b, 20, &random);
	explain_many(_metadata, &b, true);
	ASSERT_EQ(0, mm_explain(self->fd, MEMMGR_HEAP_MAIN, 0, 0, &e));
	EXPECT_EQ(pinned * b.unit, e.fixed[MEMMGR_FIXED_PINNED]);
	pin_some(_metadata, &b, 1, &random);
	explain_many(_metadata, &b, true);
	end_board(&b);
}

TEST_F(board, explained_mixed_sizes)
{
	__u32 random = test_seed();
	struct board b;

	make_mixed(_metadata, &b, self->fd, MEMMGR_HEAP_MAIN, &random);
	explain_many(_metadata, &b, false);
	pin_some(_metadata, &b, 20, &random);
	explain_many(_metadata, &b, false);
	end_board(&b);
}

/* What EXPLAIN calls the least is what COMPACT moves. */
TEST_F(board, explained_is_what_is_done)
{
	struct memmgr_compact c;
	struct memmgr_explain e;
	__u32 random = test_seed();
	struct board b;

	make_checkerboard(_metadata, &b, self->fd, MEMMGR_HEAP_MAIN);
	pin_some(_metadata, &b, 20, &random);
	ASSERT_EQ(0, mm_explain(self->fd, MEMMGR_HEAP_MAIN, ORDER6 * b.unit, 0, &e));
	c = compact_request(MEMMGR_HEAP_MAIN, 0, ORDER6 * b.unit);
	ASSERT_EQ(0, mm_compact(self->fd, &c));
	EXPECT_EQ(e.move_bytes, c.least);
	ASSERT_EQ(0, mm_explain(self->fd, MEMMGR_HEAP_MAIN, ORDER6 * b.unit, 0, &e));
	EXPECT_EQ(MEMMGR_REASON_NONE, e.reason);
	EXPECT_EQ(0, e.move_bytes);
	end_board(&b);
}

/* FRAG takes a few steps and EXPLAIN walks: a lower bound, never more. */
TEST_F(board, frag_is_a_lower_bound)
{
	__u32 random = test_seed(), o;
	struct memmgr_explain e;
	struct memmgr_frag f;
	struct board b;

	make_mixed(_metadata, &b, self->fd, MEMMGR_HEAP_MAIN, &random);
	ASSERT_EQ(0, mm_explain(self->fd, MEMMGR_HEAP_MAIN, 0, 0, &e));
	ASSERT_EQ(0, mm_frag(self->fd, MEMMGR_HEAP_MAIN, &f));
	EXPECT_EQ(f.free, e.free);
	for (o = 0; o < f.orders; o++) {
		EXPECT_GE(e.aligned[o], f.aligned[o]) {
			TH_LOG("order %u", o);
		}
		EXPECT_TRUE(!e.aligned[o] || f.aligned[o] || !f.blocks[o]) {
			TH_LOG("order %u", o);
		}
	}
	EXPECT_EQ(f.largest, f.aligned[0]);
	for (; o < MEMMGR_ORDERS; o++)
		EXPECT_EQ(0, f.aligned[o]);
	end_board(&b);
}

/* ---- ranges ------------------------------------------------------------------ */

TEST_F(board, ranges_are_emptied)
{
	struct memmgr_compact c;
	__u32 random = test_seed(), i;
	struct board b;

	make_mixed(_metadata, &b, self->fd, MEMMGR_HEAP_MAIN, &random);
	for (i = 0; i < 10; i++) {
		__u32 units = 1 + test_random(&random) % (b.before.units / 8);
		__u32 at = test_random(&random) % (b.before.units - units);
		__u64 least = (__u64)window_cost(&b.before, at, units) * b.unit;

		c = compact_request(MEMMGR_HEAP_MAIN, MEMMGR_COMPACT_RANGE, units * b.unit);
		c.offset = at * b.unit;
		ASSERT_EQ(0, compact_as_predicted(_metadata, &b, &c));
		expect_answer(_metadata, &b, &c);
		EXPECT_TRUE(window_is_free(&b.now, at * b.unit, units * b.unit));
		EXPECT_EQ(at * b.unit, c.offset);
		EXPECT_EQ(least, c.least);
		EXPECT_GE(least * 1300, c.moved * 1000);
		ASSERT_EQ(0, layout_take(self->fd, MEMMGR_HEAP_MAIN, &b.before));
	}
	expect_contents(_metadata, &b);
	end_board(&b);
}

TEST_F(board, range_in_a_shared_heap)
{
	struct memmgr_heap_create config = heap_config(MEMMGR_KIND_BUDDY, "t-range");
	struct memmgr_heap_query q;
	struct memmgr_compact c;
	__u32 random = test_seed();
	struct board b;

	config.flags = 0;
	config.granule = 64;
	config.bytes = 64 * KIB;
	/* an arena that does not begin where the region does */
	must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, self->page);
	ASSERT_EQ(0, mm_heap_create(self->fd, &config));
	ASSERT_EQ(0, mm_heap_query(self->fd, config.heap, &q));
	make_mixed(_metadata, &b, self->fd, config.heap, &random);
	EXPECT_EQ(0, mm_empty(self->fd, config.heap, q.offset + 16 * KIB, 8 * KIB, &c));
	ASSERT_EQ(0, layout_take(self->fd, config.heap, &b.now));
	EXPECT_TRUE(window_is_free(&b.now, q.offset + 16 * KIB, 8 * KIB));
	if (q.offset)
		EXPECT_EQ(-ERANGE, mm_empty(self->fd, config.heap, q.offset - 64, 128, &c));
	EXPECT_EQ(-ERANGE, mm_empty(self->fd, config.heap, q.offset + 64 * KIB, 64, &c));
	expect_contents(_metadata, &b);
	end_board(&b);
	ASSERT_EQ(0, mm_heap_destroy(self->fd, config.heap, MEMMGR_DESTROY_FORCE));
}

/* Each that may not move is named when it lies in the range, and stays. */
static void expect_in_the_way(struct __test_metadata *_metadata, int fd, __u64 offset,
			      __u64 bytes, __u32 why)
{
	struct memmgr_explain e;
	struct memmgr_compact c;
	__u32 i;

	EXPECT_EQ(-ENOMEM, mm_empty(fd, MEMMGR_HEAP_MAIN, offset, bytes, &c));
	EXPECT_EQ(MEMMGR_REASON_PINNED, c.reason);
	for (i = 0; i < MEMMGR_FIXED_REASONS; i++)
		EXPECT_EQ(i == why ? bytes : 0, c.stayed[i]) {
			TH_LOG("reason %u, wanted %u", i, why);
		}
	ASSERT_EQ(0, mm_explain(fd, MEMMGR_HEAP_MAIN, 0, 0, &e));
	EXPECT_EQ(bytes, e.fixed[why]);
}

static __u64 offset_of(struct __test_metadata *_metadata, int fd, __u64 handle)
{
	struct memmgr_info i;

	ASSERT_EQ(0, mm_info(fd, handle, &i));
	return i.offset;
}

TEST_F(board, pinned_and_leased_stay)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 3 * self->page);
	static const __u32 sorts[] = { 0, MEMMGR_PIN_LEASE };
	struct memmgr_compact c;
	struct memmgr_info info;
	__u32 i;

	ASSERT_EQ(0, quiet_health(self->fd));
	for (i = 0; i < ARRAY_SIZE(sorts); i++) {
		a.offset = offset_of(_metadata, self->fd, a.handle);
		ASSERT_EQ(0, mm_pin(self->fd, a.handle, sorts[i]));
		ASSERT_EQ(0, mm_info(self->fd, a.handle, &info));
		EXPECT_EQ(0, info.state & MEMMGR_INFO_MOVABLE);
		expect_in_the_way(_metadata, self->fd, a.offset, a.granted, MEMMGR_FIXED_PINNED);
		EXPECT_EQ(a.offset, offset_of(_metadata, self->fd, a.handle));
		ASSERT_EQ(0, mm_unpin(self->fd, a.handle, sorts[i]));
		ASSERT_EQ(0, mm_info(self->fd, a.handle, &info));
		EXPECT_NE(0, info.state & MEMMGR_INFO_MOVABLE);
		EXPECT_EQ(0, mm_empty(self->fd, MEMMGR_HEAP_MAIN, a.offset, a.granted, &c));
		EXPECT_EQ(1, c.moves);
		EXPECT_NE(a.offset, offset_of(_metadata, self->fd, a.handle));
	}
}

TEST_F(board, sealed_stays)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 2 * self->page);
	struct memmgr_info info;

	ASSERT_EQ(0, quiet_health(self->fd));
	ASSERT_EQ(0, mm_protect(self->fd, a.handle, MEMMGR_ACCESS_READ, MEMMGR_PROTECT_SEAL));
	ASSERT_EQ(0, mm_info(self->fd, a.handle, &info));
	EXPECT_EQ(0, info.state & MEMMGR_INFO_MOVABLE);
	expect_in_the_way(_metadata, self->fd, a.offset, a.granted, MEMMGR_FIXED_SEALED);
	EXPECT_EQ(a.offset, offset_of(_metadata, self->fd, a.handle));
}

TEST_F(board, protected_moves_and_stays_protected)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 2 * self->page);
	unsigned char *p = must_map(_metadata, self->fd, a.map_offset, 2 * self->page);
	struct memmgr_compact c;
	struct memmgr_info info;

	ASSERT_EQ(0, quiet_health(self->fd));
	fill_pattern(p, 2 * self->page, 5);
	ASSERT_EQ(0, mm_protect(self->fd, a.handle, MEMMGR_ACCESS_READ, 0));
	EXPECT_EQ(0, mm_empty(self->fd, MEMMGR_HEAP_MAIN, a.offset, a.granted, &c));
	EXPECT_NE(a.offset, offset_of(_metadata, self->fd, a.handle));
	EXPECT_TRUE(is_pattern(p, 2 * self->page, 5));
	EXPECT_EQ(SIGSEGV, touch(p, true));
	ASSERT_EQ(0, mm_info(self->fd, a.handle, &info));
	EXPECT_EQ(MEMMGR_ACCESS_READ, info.access);
	EXPECT_EQ(1, info.moves);
	EXPECT_EQ(1, info.violations);
}

TEST_F(board, exported_stays)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 2 * self->page);
	struct memmgr_compact c;
	struct memmgr_query q;
	int file;

	ASSERT_EQ(0, mm_query(self->fd, &q));
	if (!(q.features & MEMMGR_FEATURE_DMABUF))
		SKIP(return, "no dma-bufs in this build");
	ASSERT_EQ(0, quiet_health(self->fd));
	file = mm_export(self->fd, a.handle, MEMMGR_EXPORT_CLOEXEC);
	ASSERT_LE(0, file);
	expect_in_the_way(_metadata, self->fd, a.offset, a.granted, MEMMGR_FIXED_EXPORTED);
	EXPECT_EQ(a.offset, offset_of(_metadata, self->fd, a.handle));
	close(file);
	EXPECT_EQ(0, mm_empty(self->fd, MEMMGR_HEAP_MAIN, a.offset, a.granted, &c));
	EXPECT_NE(a.offset, offset_of(_metadata, self->fd, a.handle));
}

TEST_F(board, arena_of_a_heap_stays)
{
	struct memmgr_heap_create config = heap_config(MEMMGR_KIND_BUDDY, "t-arena");
	unsigned char data[100], seen[100];
	struct memmgr_heap_query q, then;
	struct memmgr_alloc a;

	ASSERT_EQ(0, quiet_health(self->fd));
	ASSERT_EQ(0, mm_heap_create(self->fd, &config));
	ASSERT_EQ(0, mm_heap_query(self->fd, config.heap, &q));
	a = must_alloc(_metadata, self->fd, config.heap, sizeof(data));
	fill_pattern(data, sizeof(data), 1);
	ASSERT_EQ(0, mm_write(self->fd, a.handle, 0, data, sizeof(data)));
	expect_in_the_way(_metadata, self->fd, q.offset, q.held, MEMMGR_FIXED_KERNEL);
	ASSERT_EQ(0, mm_heap_query(self->fd, config.heap, &then));
	EXPECT_EQ(q.offset, then.offset);
	ASSERT_EQ(0, mm_read(self->fd, a.handle, 0, seen, sizeof(seen)));
	EXPECT_TRUE(is_pattern(seen, sizeof(seen), 1));
}

/* ---- steps and budgets --------------------------------------------------------- */

TEST_F(board, steps_are_bounded)
{
	static const __u32 units[] = { 1, 3, 16 };
	__u32 random = test_seed(), i;
	struct memmgr_compact c;
	struct board b;

	make_mixed(_metadata, &b, self->fd, MEMMGR_HEAP_MAIN, &random);
	for (i = 0; i < ARRAY_SIZE(units); i++) {
		c = compact_request(MEMMGR_HEAP_MAIN, MEMMGR_COMPACT_RANGE,
				    b.before.units / 4 * b.unit);
		c.offset = i * c.bytes;
		c.step_bytes = units[i] * b.unit;
		ASSERT_EQ(0, mm_compact(self->fd, &c));
		ASSERT_LT(0, c.moved);
		EXPECT_LT(0, c.longest_bytes);
		EXPECT_GE(units[i] * b.unit, c.longest_bytes);
		EXPECT_LE(c.moved / (units[i] * b.unit), c.steps);
		EXPECT_LT(0, c.longest_ns);
	}
	expect_contents(_metadata, &b);
	EXPECT_EQ(0, mm_check(self->fd, MEMMGR_HEAP_MAIN));
	end_board(&b);
}

/* One block of many steps. */
TEST_F(board, large_block_in_small_steps)
{
	struct memmgr_alloc a = must_alloc(_metadata, self->fd, MEMMGR_HEAP_MAIN, 40 * self->page);
	unsigned char *p = must_map(_metadata, self->fd, a.map_offset, 40 * self->page);
	struct memmgr_compact c = compact_request(MEMMGR_HEAP_MAIN, MEMMGR_COMPACT_RANGE,
						  a.granted);

	ASSERT_EQ(0, quiet_health(self->fd));
	fill_pattern(p, 40 * self->page, 3);
	c.offset = a.offset;
	c.step_bytes = 4 * self->page;
	ASSERT_EQ(0, mm_compact(self->fd, &c));
	EXPECT_EQ(1, c.moves);
	EXPECT_EQ(a.granted, c.moved);
	EXPECT_LE(10, c.steps);
	EXPECT_EQ(4 * self->page, c.longest_bytes);
	EXPECT_TRUE(is_pattern(p, 40 * self->page, 3));
	EXPECT_NE(a.offset, offset_of(_metadata, self->fd, a.handle));
}

TEST_F(board, budget_in_several_calls)
{
	__u64 moved = 0, left = ~0ull, budget, least;
	struct memmgr_compact c, all;
	__u32 calls = 0;
	struct board b;

	make_checkerboard(_metadata, &b, self->fd, MEMMGR_HEAP_MAIN);
	all = compact_request(MEMMGR_HEAP_MAIN, MEMMGR_COMPACT_DRY_RUN, 0);
	ASSERT_EQ(0, mm_compact(self->fd, &all));
	budget = 100 * b.unit;
	ASSERT_LT(4 * budget, all.moved);
	do {
		c = compact_request(MEMMGR_HEAP_MAIN, 0, 0);
		c.max_bytes = budget;
		ASSERT_EQ(0, mm_compact(self->fd, &c));
		EXPECT_GE(budget + b.unit, c.moved);
		EXPECT_GT(left, c.left);
		ASSERT_TRUE(c.moved || !c.left);
		left = c.left;
		moved += c.moved;
		calls++;
	} while (c.left);
	EXPECT_LE(all.moved / budget, calls);
	ASSERT_EQ(0, layout_take(self->fd, MEMMGR_HEAP_MAIN, &b.now));
	EXPECT_LE(b.now.free * 95, largest_run(&b.now, 0) * 100);
	least = (__u64)least_cost(&b.before, largest_run(&b.now, 0), 0) * b.unit;
	print_ratio("in several calls", moved, least);
	EXPECT_GE(least * 1100, moved * 1000);
	expect_contents(_metadata, &b);
	end_board(&b);
}

static void *compact_in_background(void *argument)
{
	struct board *b = argument;
	static struct memmgr_compact c;
	int result;

	c = compact_request(b->heap, 0, 0);
	c.step_bytes = b->unit;
	result = mm_compact(b->fd, &c);
	/* EINTR with what was done, or it was faster */
	if (result == -EINTR)
		return c.left ? NULL : "EINTR, but nothing is left";
	return result ? "neither EINTR nor 0" : NULL;
}

static void wake_up(int signal)
{
}

/* What has been done when a signal comes stays done. */
TEST_F(board, signals_end_it)
{
	struct sigaction action = { .sa_handler = wake_up };
	pthread_t thread;
	struct board b;
	void *wrong;

	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	make_checkerboard(_metadata, &b, self->fd, MEMMGR_HEAP_MAIN);
	ASSERT_EQ(0, pthread_create(&thread, NULL, compact_in_background, &b));
	usleep(5000);
	pthread_kill(thread, SIGUSR1);
	ASSERT_EQ(0, pthread_join(thread, &wrong));
	EXPECT_TRUE(!wrong) {
		TH_LOG("%s", (const char *)wrong);
	}
	ASSERT_EQ(0, layout_take(self->fd, MEMMGR_HEAP_MAIN, &b.now));
	EXPECT_EQ(b.before.free, b.now.free);
	EXPECT_EQ(0, mm_check(self->fd, MEMMGR_HEAP_MAIN));
	expect_contents(_metadata, &b);
	end_board(&b);
}

/* ---- slab heaps ---------------------------------------------------------------- */

#define OBJECTS		1024u
#define OBJECT		256u

TEST_F(board, sparse_slabs_are_merged)
{
	struct memmgr_heap_create config = heap_config(MEMMGR_KIND_SLAB, "t-merge");
	static __u64 handles[OBJECTS];
	unsigned char data[OBJECT];
	struct memmgr_heap_query before, after;
	struct memmgr_compact c, dry;
	__u32 i, live = 0, slabs;

	if (!kind_is_built(self->fd, MEMMGR_KIND_SLAB))
		SKIP(return, "%s is not in this build", kind_names[MEMMGR_KIND_SLAB]);
	ASSERT_EQ(0, quiet_health(self->fd));
	config.flags = 0;
	config.object_size = OBJECT;
	ASSERT_EQ(0, mm_heap_create(self->fd, &config));
	for (i = 0; i < OBJECTS; i++) {
		handles[i] = must_alloc(_metadata, self->fd, config.heap, OBJECT).handle;
		fill_pattern(data, OBJECT, i);
		ASSERT_EQ(0, mm_write(self->fd, handles[i], 0, data, OBJECT));
	}
	for (i = 0; i < OBJECTS; i++) {
		if (i % 8 == 3) {
			live++;
			continue;
		}
		ASSERT_EQ(0, mm_free(self->fd, handles[i]));
		handles[i] = 0;
	}
	ASSERT_EQ(0, mm_heap_query(self->fd, config.heap, &before));
	dry = compact_request(config.heap, MEMMGR_COMPACT_DRY_RUN, 0);
	ASSERT_EQ(0, mm_compact(self->fd, &dry));
	ASSERT_EQ(0, mm_heap_query(self->fd, config.heap, &after));
	EXPECT_EQ(before.held, after.held);
	c = compact_request(config.heap, 0, 0);
	ASSERT_EQ(0, mm_compact(self->fd, &c));
	ASSERT_EQ(0, mm_heap_query(self->fd, config.heap, &after));
	ASSERT_LT(0, after.count);
	slabs = (live + after.count - 1) / after.count;
	fprintf(stderr, "# %llu KiB held before, %llu after: %u objects, %u in a slab\n",
		(unsigned long long)before.held / KIB, (unsigned long long)after.held / KIB, live,
		after.count);
	EXPECT_LT(0, c.moves);
	EXPECT_LT(0, c.slabs);
	EXPECT_GT(before.held, after.held);
	/* no slab more than the objects fill, and one to spare */
	EXPECT_GE(slabs + 1, after.held / ((before.held - after.held) / c.slabs));
	EXPECT_EQ(dry.slabs, c.slabs);
	EXPECT_EQ(dry.moved, c.moved);
	for (i = 0; i < OBJECTS; i++) {
		if (!handles[i])
			continue;
		ASSERT_EQ(0, mm_read(self->fd, handles[i], 0, data, OBJECT));
		EXPECT_TRUE(is_pattern(data, OBJECT, i));
	}
	EXPECT_EQ(0, mm_check(self->fd, config.heap));
	EXPECT_EQ(0, mm_check(self->fd, MEMMGR_HEAP_MAIN));
	EXPECT_EQ(0, mm_heap_destroy(self->fd, config.heap, MEMMGR_DESTROY_FORCE));
}

/* A pinned object keeps its slab. */
TEST_F(board, pinned_objects_keep_their_slab)
{
	struct memmgr_heap_create config = heap_config(MEMMGR_KIND_SLAB, "t-pinned");
	static __u64 handles[OBJECTS], offsets[OBJECTS];
	struct memmgr_heap_query before, after;
	struct memmgr_compact c;
	__u32 i;

	if (!kind_is_built(self->fd, MEMMGR_KIND_SLAB))
		SKIP(return, "%s is not in this build", kind_names[MEMMGR_KIND_SLAB]);
	ASSERT_EQ(0, quiet_health(self->fd));
	config.flags = 0;
	config.object_size = OBJECT;
	ASSERT_EQ(0, mm_heap_create(self->fd, &config));
	for (i = 0; i < OBJECTS; i++)
		handles[i] = must_alloc(_metadata, self->fd, config.heap, OBJECT).handle;
	for (i = 0; i < OBJECTS; i++) {
		if (i % 8 != 3) {
			ASSERT_EQ(0, mm_free(self->fd, handles[i]));
			continue;
		}
		ASSERT_EQ(0, mm_pin(self->fd, handles[i], 0));
		offsets[i] = offset_of(_metadata, self->fd, handles[i]);
	}
	ASSERT_EQ(0, mm_heap_query(self->fd, config.heap, &before));
	c = compact_request(config.heap, 0, 0);
	ASSERT_EQ(0, mm_compact(self->fd, &c));
	EXPECT_EQ(0, c.moves);
	EXPECT_EQ(0, c.slabs);
	EXPECT_LT(0, c.stayed[MEMMGR_FIXED_PINNED]);
	ASSERT_EQ(0, mm_heap_query(self->fd, config.heap, &after));
	EXPECT_EQ(before.held, after.held);
	for (i = 3; i < OBJECTS; i += 8)
		EXPECT_EQ(offsets[i], offset_of(_metadata, self->fd, handles[i]));
	/* a client frees what it has pinned itself, one by one or with the heap */
	EXPECT_EQ(0, mm_free(self->fd, handles[3]));
	EXPECT_EQ(0, mm_heap_destroy(self->fd, config.heap, MEMMGR_DESTROY_FORCE));
}

/* ---- who may, and what is malformed -------------------------------------------- */

TEST_F(board, kinds_that_do_not_move)
{
	static const __u32 kinds[] = { MEMMGR_KIND_POOL, MEMMGR_KIND_STACK };
	struct memmgr_heap_create config;
	struct memmgr_compact c;
	struct memmgr_explain e;
	__u32 i, kind, heap;

	for (kind = 0; kind < MEMMGR_KINDS; kind++) {
		if (!kind_is_built(self->fd, kind))
			continue;
		heap = must_kind(_metadata, self->fd, kind);
		c = compact_request(heap, 0, 0);
		EXPECT_EQ(-EOPNOTSUPP, mm_compact(self->fd, &c));
		EXPECT_EQ(kind == MEMMGR_KIND_BUDDY ? 0 : -EOPNOTSUPP,
			  mm_explain(self->fd, heap, 64, 0, &e));
	}
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (!kind_is_built(self->fd, kinds[i]))
			continue;
		config = heap_config(kinds[i], "t-shared");
		config.flags = 0;
		ASSERT_EQ(0, mm_heap_create(self->fd, &config));
		c = compact_request(config.heap, 0, 0);
		EXPECT_EQ(-EOPNOTSUPP, mm_compact(self->fd, &c));
		EXPECT_EQ(-EOPNOTSUPP, mm_explain(self->fd, config.heap, 64, 0, &e));
		EXPECT_EQ(0, mm_heap_destroy(self->fd, config.heap, 0));
	}
}

/* A user without the capability; its exit code tells what went wrong. */
static int as_nobody(int node)
{
	struct memmgr_compact c = compact_request(MEMMGR_HEAP_MAIN, 0, 0);
	struct memmgr_explain e;
	int fd;

	fd = open_as_nobody(node);
	if (fd < 0)
		return 2;
	if (mm_compact(fd, &c) != -EPERM)
		return 3;
	c = compact_request(MEMMGR_HEAP_MAIN, MEMMGR_COMPACT_RANGE, page_size());
	if (mm_compact(fd, &c) != -EPERM)
		return 4;
	c = compact_request(MEMMGR_HEAP_MAIN, MEMMGR_COMPACT_DRY_RUN, 0);
	if (mm_compact(fd, &c))
		return 5;
	if (mm_explain(fd, MEMMGR_HEAP_MAIN, page_size(), 0, &e))
		return 6;
	return 0;
}

TEST_F(board, unprivileged_may_only_ask)
{
	int node = open_public_node();
	pid_t child;

	ASSERT_LE(0, node);
	child = fork();
	if (!child)
		_exit(as_nobody(node));
	EXPECT_EQ(0, child_result(child));
	close(node);
}

TEST_F(board, read_only_may_only_ask)
{
	struct memmgr_compact c = compact_request(MEMMGR_HEAP_MAIN, 0, 0);
	int fd = open_device(O_RDONLY);
	struct memmgr_explain e;

	ASSERT_LE(0, fd);
	EXPECT_EQ(-EACCES, mm_compact(fd, &c));
	c = compact_request(MEMMGR_HEAP_MAIN, MEMMGR_COMPACT_DRY_RUN, 0);
	EXPECT_EQ(0, mm_compact(fd, &c));
	EXPECT_EQ(0, mm_explain(fd, MEMMGR_HEAP_MAIN, 1, 0, &e));
	close(fd);
}

static int compact_with(int fd, __u32 flags, __u64 bytes, __u64 align, __u64 offset)
{
	struct memmgr_compact c = compact_request(MEMMGR_HEAP_MAIN, flags, bytes);

	c.align = align;
	c.offset = offset;
	return mm_compact(fd, &c);
}

TEST_F(board, malformed_compact)
{
	static const __u32 modes[] = { 0, MEMMGR_COMPACT_DRY_RUN };
	struct memmgr_compact c;
	struct memmgr_query q;
	__u32 i;

	ASSERT_EQ(0, mm_query(self->fd, &q));
	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		__u32 range = modes[i] | MEMMGR_COMPACT_RANGE;

		EXPECT_EQ(-EINVAL, compact_with(self->fd, modes[i] | 1u << 2, 0, 0, 0));
		EXPECT_EQ(-EINVAL, compact_with(self->fd, modes[i] | 1u << 31, 0, 0, 0));
		EXPECT_EQ(-EINVAL, compact_with(self->fd, modes[i], self->page, 3, 0));
		EXPECT_EQ(-EINVAL, compact_with(self->fd, range, 0, 0, 0));
		EXPECT_EQ(-ERANGE, compact_with(self->fd, range, self->page, 0, q.region_size));
		EXPECT_EQ(-ERANGE, compact_with(self->fd, range, 2 * self->page, 0,
						q.region_size - self->page));
		EXPECT_EQ(-ERANGE, compact_with(self->fd, range, q.region_size + self->page, 0,
						0));
		EXPECT_EQ(-ERANGE, compact_with(self->fd, range, self->page, 0,
						-(__u64)self->page));
		EXPECT_EQ(-ERANGE, compact_with(self->fd, range, -(__u64)self->page, 0,
						self->page));
		c = compact_request(MEMMGR_MAX_HEAPS, modes[i], 0);
		EXPECT_EQ(-ENOENT, mm_compact(self->fd, &c));
		c = compact_request(MEMMGR_HEAP_ANY, modes[i], 0);
		EXPECT_EQ(-ENOENT, mm_compact(self->fd, &c));
		c = compact_request(MEMMGR_HEAP_MAIN, modes[i], 0);
		c.reserved = 1;
		EXPECT_EQ(-EINVAL, mm_compact(self->fd, &c));
		c = compact_request(MEMMGR_HEAP_MAIN, modes[i], 0);
		c.size = sizeof(c) - 8;
		EXPECT_EQ(-EINVAL, mm_compact(self->fd, &c));
		c.size = 0;
		EXPECT_EQ(-EINVAL, mm_compact(self->fd, &c));
	}
	EXPECT_EQ(-EFAULT, mm_call(self->fd, MEMMGR_IOC_COMPACT, NULL));
}

TEST_F(board, structures_of_tomorrow)
{
	struct {
		struct memmgr_compact c;
		__u64 future;
	} c = { .c = compact_request(MEMMGR_HEAP_MAIN, MEMMGR_COMPACT_DRY_RUN, 0) };
	struct {
		struct memmgr_explain e;
		__u64 future;
	} e = { .e = { .heap = MEMMGR_HEAP_MAIN } };

	c.c.size = sizeof(c);
	EXPECT_EQ(0, mm_call(self->fd, MEMMGR_IOC_COMPACT, &c));
	c.future = 1;
	EXPECT_EQ(-E2BIG, mm_call(self->fd, MEMMGR_IOC_COMPACT, &c));
	e.e.size = sizeof(e);
	EXPECT_EQ(0, mm_call(self->fd, MEMMGR_IOC_EXPLAIN, &e));
	e.future = 1;
	EXPECT_EQ(-E2BIG, mm_call(self->fd, MEMMGR_IOC_EXPLAIN, &e));
}

TEST_F(board, malformed_explain)
{
	struct memmgr_explain e = { .size = sizeof(e), .flags = 1 };
	struct memmgr_query q;

	ASSERT_EQ(0, mm_query(self->fd, &q));
	EXPECT_EQ(-EINVAL, mm_call(self->fd, MEMMGR_IOC_EXPLAIN, &e));
	e = (struct memmgr_explain){ .size = sizeof(e) - 8 };
	EXPECT_EQ(-EINVAL, mm_call(self->fd, MEMMGR_IOC_EXPLAIN, &e));
	EXPECT_EQ(-EINVAL, mm_explain(self->fd, MEMMGR_HEAP_MAIN, 1, 3, &e));
	EXPECT_EQ(-ENOENT, mm_explain(self->fd, MEMMGR_MAX_HEAPS, 1, 0, &e));
	EXPECT_EQ(-EFAULT, mm_call(self->fd, MEMMGR_IOC_EXPLAIN, NULL));
	ASSERT_EQ(0, mm_explain(self->fd, MEMMGR_HEAP_MAIN, q.region_size + 1, 0, &e));
	EXPECT_EQ(MEMMGR_REASON_TOO_LARGE, e.reason);
	EXPECT_EQ(~0ull, e.move_bytes);
}

TEST_F(board, malformed_slab_requests)
{
	struct memmgr_heap_create config = heap_config(MEMMGR_KIND_SLAB, "t-bad");
	struct memmgr_compact c;

	if (!kind_is_built(self->fd, MEMMGR_KIND_SLAB))
		SKIP(return, "%s is not in this build", kind_names[MEMMGR_KIND_SLAB]);
	config.flags = 0;
	ASSERT_EQ(0, mm_heap_create(self->fd, &config));
	c = compact_request(config.heap, 0, 64);
	EXPECT_EQ(-EINVAL, mm_compact(self->fd, &c));
	c = compact_request(config.heap, MEMMGR_COMPACT_RANGE, self->page);
	EXPECT_EQ(-EINVAL, mm_compact(self->fd, &c));
	c = compact_request(config.heap, 0, 0);
	EXPECT_EQ(0, mm_compact(self->fd, &c));
	EXPECT_EQ(0, c.moves);
	EXPECT_EQ(0, mm_heap_destroy(self->fd, config.heap, 0));
}

MEMMGR_TEST_MAIN
