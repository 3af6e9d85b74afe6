// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Places for tests to stop a call at, where it goes on without a lock that it had. Several
 * can be armed at once, so that a test puts the steps of two calls into an order. A call
 * goes on when it is told to, or when its task is killed.
 */
#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/wait.h>

#include "region/hold.h"
#include "region/region.h"

static const char * const hold_words[HOLD_STEPS] = {
	[HOLD_SEEN]	= "seen",
	[HOLD_TAKEN]	= "taken",
	[HOLD_UNMAPS]	= "unmaps",
	[HOLD_ZAPPED]	= "zapped",
	[HOLD_COPIED]	= "copied",
	[HOLD_SWITCHED]	= "switched",
	[HOLD_TRIMMED]	= "trimmed",
	[HOLD_DESTROYING] = "destroying",
	[HOLD_CLOSING]	= "closing",
	[HOLD_COUNTED]	= "counted",
	[HOLD_BATCHED]	= "batched",
	[HOLD_MADE]	= "made",
	[HOLD_MAKING]	= "making",
	[HOLD_CHECKING]	= "checking",
	[HOLD_CHECKED]	= "checked",
};

/**
 * hold_wait - stop here if a test wants that; by hold_here() alone
 * @region: of the heap
 * @step: enum hold_step
 *
 * Context: process, may sleep, no locks held but compact_mutex and heap_mutex.
 */
void hold_wait(struct region *region, u32 step)
{
	struct hold *hold = &region->hold;

	if (!test_bit(step, &hold->armed))
		return;
	set_bit(step, &hold->waiting);
	if (wait_event_killable(region->hold_wait, !test_bit(step, &hold->armed)))
		clear_bit(step, &hold->armed);
	clear_bit(step, &hold->waiting);
}

/*
 * "none" and "go" let go of everything that waits. A step alone is armed then; "+STEP"
 * is armed beside others, "-STEP" goes on alone.
 */
int hold_set(struct region *region, const char *word)
{
	unsigned long *armed = &region->hold.armed;
	bool add = *word == '+', take = *word == '-';
	int step = match_string(hold_words, HOLD_STEPS, word + (add || take));

	if (step < 0 && strcmp(word, "none") && strcmp(word, "go"))
		return -EINVAL;
	if (!add && !take)
		WRITE_ONCE(*armed, 0);
	if (take)
		clear_bit(step, armed);
	else if (step >= 0)
		set_bit(step, armed);
	wake_up_all(&region->hold_wait);
	return 0;
}

/* What hold_set() armed, and whether a call waits there. */
void hold_print(struct seq_file *m, const struct region *region)
{
	unsigned long armed = READ_ONCE(region->hold.armed);
	const char *between = "";
	u32 step;

	for (step = 0; step < HOLD_STEPS; step++) {
		if (!(armed & BIT(step)))
			continue;
		seq_printf(m, "%s%s %s", between, hold_words[step],
			   test_bit(step, &region->hold.waiting) ? "waiting" : "armed");
		between = " ";
	}
	seq_puts(m, armed ? "\n" : "none\n");
}

/* The region is gone, and nobody can let go of what waits there. */
void hold_end(struct region *region)
{
	hold_set(region, "none");
}
