// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Hostile programs: processes of root and of two users, with threads, that make random
 * calls of every sort on the device, in the right way, nearly so, and not at all. Each
 * knows what its own memory must hold; all together tell what the region's books must be.
 *
 * FUZZ_CALLS= and FUZZ_KILLS= make it longer; SEED= repeats the calls of each thread.
 *
 * Rule: <linux/memmgr.h>, the opening comment.
 */
#include "lib/fuzz.h"
#include "lib/memmgr_test.h"

#define LONGEST	(7 * 24 * 3600)	/* seconds: as long as the number of calls takes */
#define JUDGED	40000		/* calls in which each one has had its main outcomes */

MEMMGR_FIXTURE(fuzz)

TEST_F_TIMEOUT(fuzz, random_calls_of_three_users, LONGEST)
{
	__u64 calls = test_number("FUZZ_CALLS", is_debug_kernel() ? 40000 : 50000);
	struct fuzz_board *board = fuzz_begin(self->fd, test_seed());
	bool good;

	ASSERT_TRUE(!!board);
	good = fuzz_run(self->fd, board, calls);
	EXPECT_TRUE(good);
	EXPECT_TRUE(fuzz_histogram(board, good && calls >= JUDGED));
	EXPECT_TRUE(fuzz_end(self->fd, board));
}

TEST_F_TIMEOUT(fuzz, killed_at_random_points, LONGEST)
{
	__u32 kills = test_number("FUZZ_KILLS", is_debug_kernel() ? 60 : 200);
	struct fuzz_board *board = fuzz_begin(self->fd, test_seed());

	ASSERT_TRUE(!!board);
	EXPECT_TRUE(fuzz_kill(self->fd, board, kills));
	EXPECT_TRUE(fuzz_end(self->fd, board));
}

MEMMGR_TEST_MAIN
