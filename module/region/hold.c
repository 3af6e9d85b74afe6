// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Places at which a test can stop a call. Each lies where the call goes on without a lock
 * that it had. Several can be armed at once, so that a test can order the steps of two
 * calls. A stopped call continues when the test says so, or when its task is killed.
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
 * hold_wait - stop here if a test wants it; called only by hold_here()
 * @region: region of the call
 * @step: enum hold_step
 *
 * Context: process, may sleep. No locks held except compact_mutex and heap_mutex.
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
 * "none" and "go" disarm all steps and release all stopped calls. "STEP" does the same
 * and arms this step. "+STEP" arms it in addition; "-STEP" disarms and releases only it.
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

/* Print the armed steps, and whether a call waits at each. */
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

/* The region is gone, so no test can release calls that are stopped there. */
void hold_end(struct region *region)
{
	hold_set(region, "none");
}
