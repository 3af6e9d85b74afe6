/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Heaps full of blocks with holes between them, and the rules that each answer of COMPACT
 * has to keep there. Nobody else changes these heaps. SEED=n repeats a run.
 */
#ifndef MEMMGR_BOARD_H
#define MEMMGR_BOARD_H

#include <stddef.h>

#include <linux/memmgr.h>

#include "compact_layout.h"

struct __test_metadata;

#define ORDER6		64u	/* units of the request */
#define BOARD_MAPPED	24u	/* blocks that are mapped, too */

/* Blocks that fill a heap, and what is in them. */
struct board {
	int fd;
	__u32 heap;
	size_t unit;
	__u32 count;
	__u64 *handles;
	__u32 *bytes;		/* of each; its pattern is its number */
	unsigned char *data;	/* room for the largest */
	unsigned char *shown[BOARD_MAPPED];
	struct layout before, now;
};

void expect_contents(struct __test_metadata *_metadata, struct board *b);
void end_board(struct board *b);

/* Pairs of units, of which the second is given back: every other unit is free. */
void make_checkerboard(struct __test_metadata *_metadata, struct board *b, int fd, __u32 heap);

/* Sizes of 1 to 17 units, of which every second at random is freed. */
void make_mixed(struct __test_metadata *_metadata, struct board *b, int fd, __u32 heap,
		__u32 *random);

/* Pins one block in @of, at random; none twice. */
__u32 pin_some(struct __test_metadata *_metadata, struct board *b, __u32 of, __u32 *random);

/* Blocks that may not move lie where they lay. */
void expect_fixed_stayed(struct __test_metadata *_metadata, struct board *b);

void print_ratio(const char *what, __u64 moved, __u64 least);

/*
 * The same request as a dry run, which changes nothing, and for good; what the
 * first said has to be what the second does.
 */
int compact_as_predicted(struct __test_metadata *_metadata, struct board *b,
			 struct memmgr_compact *c);

/* What every answer has to agree with: the layout before and now. */
void expect_answer(struct __test_metadata *_metadata, struct board *b,
		   const struct memmgr_compact *c);

__u64 offset_of(struct __test_metadata *_metadata, int fd, __u64 handle);

#endif /* MEMMGR_BOARD_H */
