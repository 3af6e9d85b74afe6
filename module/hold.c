// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * A place for tests to stop a compaction at: while it looks at a heap, or at a step of
 * a move. It goes on when it is told to, or when its task is killed.
 */
#include <linux/string.h>
#include <linux/wait.h>

#include "hold.h"
#include "region.h"

static const char * const hold_words[HOLD_STEPS] = {
	[HOLD_NONE]	= "none",
	[HOLD_SEEN]	= "seen",
	[HOLD_TAKEN]	= "taken",
	[HOLD_ZAPPED]	= "zapped",
	[HOLD_COPIED]	= "copied",
	[HOLD_SWITCHED]	= "switched",
};

const char *hold_word(u32 step)
{
	return hold_words[step];
}

/**
 * hold_here - stop here if a test wants that
 * @region: of the heap
 * @step: enum hold_step
 *
 * Context: process, may sleep, no locks held but compact_mutex.
 */
void hold_here(struct region *region, u32 step)
{
	struct hold *hold = &region->hold;

	if (likely(READ_ONCE(hold->step) != step))
		return;
	WRITE_ONCE(hold->waiting, true);
	wait_event_killable(region->hold_wait, READ_ONCE(hold->step) != step);
	WRITE_ONCE(hold->waiting, false);
	if (READ_ONCE(hold->step) == step)
		WRITE_ONCE(hold->step, HOLD_NONE);
}

/* Arm the hold, or let go of what waits there. */
int hold_set(struct region *region, const char *word)
{
	int step = match_string(hold_words, HOLD_STEPS, word);

	if (!strcmp(word, "go"))
		step = HOLD_NONE;
	if (step < 0)
		return -EINVAL;
	WRITE_ONCE(region->hold.step, step);
	wake_up_all(&region->hold_wait);
	return 0;
}
