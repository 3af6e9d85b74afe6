// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "asserting.h"
#include "basics.h"
#include "board.h"
#include "books.h"
#include "calls.h"
#include "heaps.h"
#include "mapping.h"

static void add_block(struct __test_metadata *_metadata, struct board *b, __u64 handle,
		      size_t bytes)
{
	__u32 n = b->count++;

	b->handles[n] = handle;
	b->bytes[n] = bytes;
	fill_pattern(b->data, bytes, n);
	ASSERT_EQ(0, mm_write(b->fd, handle, 0, b->data, bytes));
}

void expect_contents(struct __test_metadata *_metadata, struct board *b)
{
	__u32 n, wrong = 0;

	for (n = 0; n < b->count; n++) {
		if (!b->handles[n])
			continue;
		memset(b->data, 0, b->bytes[n]);
		ASSERT_EQ(0, mm_read(b->fd, b->handles[n], 0, b->data, b->bytes[n]));
		wrong += !is_pattern(b->data, b->bytes[n], n);
		if (n < BOARD_MAPPED && b->shown[n])
			wrong += !is_pattern(b->shown[n], b->bytes[n], n);
	}
	EXPECT_EQ(0, wrong);
}

/* Some are mapped as well, and show the same wherever they are. */
static void show_some(struct __test_metadata *_metadata, struct board *b)
{
	struct memmgr_info i;
	__u32 n;

	for (n = 0; n < BOARD_MAPPED && n < b->count; n++) {
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

void end_board(struct board *b)
{
	layout_free(&b->before);
	layout_free(&b->now);
	free(b->handles);
	free(b->bytes);
	free(b->data);
}

void make_checkerboard(struct __test_metadata *_metadata, struct board *b, int fd, __u32 heap)
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

void make_mixed(struct __test_metadata *_metadata, struct board *b, int fd, __u32 heap,
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

__u32 pin_some(struct __test_metadata *_metadata, struct board *b, __u32 of, __u32 *random)
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

void expect_fixed_stayed(struct __test_metadata *_metadata, struct board *b)
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

void print_ratio(const char *what, __u64 moved, __u64 least)
{
	fprintf(stderr, "# %s: moved %llu bytes, at least %llu: ratio %llu.%03llu\n", what,
		(unsigned long long)moved, (unsigned long long)least,
		(unsigned long long)(least ? moved / least : 1),
		(unsigned long long)(least ? moved * 1000 / least % 1000 : 0));
}

int compact_as_predicted(struct __test_metadata *_metadata, struct board *b,
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

void expect_answer(struct __test_metadata *_metadata, struct board *b,
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

__u64 offset_of(struct __test_metadata *_metadata, int fd, __u64 handle)
{
	struct memmgr_info i;

	ASSERT_EQ(0, mm_info(fd, handle, &i));
	return i.offset;
}
