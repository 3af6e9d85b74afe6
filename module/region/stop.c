// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Places at which a test can stop a call. Each lies where the call goes on without a lock
 * that it had. Several can be armed at once, so that a test can order the steps of two
 * calls. A stopped call continues when the test says so, or when its task is killed.
 */
#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/wait.h>

#include "region/stop.h"
#include "region/region.h"

static const char * const stop_words[STOP_STEPS] = {
	[STOP_SEEN]	= "seen",
	[STOP_TAKEN]	= "taken",
	[STOP_UNMAPS]	= "unmaps",
	[STOP_ZAPPED]	= "zapped",
	[STOP_COPIED]	= "copied",
	[STOP_SWITCHED]	= "switched",
	[STOP_TRIMMED]	= "trimmed",
	[STOP_DESTROYING] = "destroying",
	[STOP_CLOSING]	= "closing",
	[STOP_COUNTED]	= "counted",
	[STOP_BATCHED]	= "batched",
	[STOP_MADE]	= "made",
	[STOP_MAKING]	= "making",
	[STOP_CHECKING]	= "checking",
	[STOP_CHECKED]	= "checked",
};

/**
 * stop_wait - stop here if a test wants it; called only by stop_here()
 * @region: region of the call
 * @step: enum stop_step
 *
 * Context: process, may sleep. No locks held except compact_mutex and heap_mutex.
 */
void stop_wait(struct region *region, u32 step)
{
	struct stop *stop = &region->stop;

	if (!test_bit(step, &stop->armed))
		return;
	set_bit(step, &stop->waiting);
	if (wait_event_killable(stop->wait, !test_bit(step, &stop->armed)))
		clear_bit(step, &stop->armed);
	clear_bit(step, &stop->waiting);
}

/*
 * "none" and "go" disarm all steps and release all stopped calls. "STEP" does the same
 * and arms this step. "+STEP" arms it in addition; "-STEP" disarms and releases only it.
 */
int stop_set(struct region *region, const char *word)
{
	unsigned long *armed = &region->stop.armed;
	bool add = *word == '+', take = *word == '-';
	int step = match_string(stop_words, STOP_STEPS, word + (add || take));

	if (step < 0 && strcmp(word, "none") && strcmp(word, "go"))
		return -EINVAL;
	if (!add && !take)
		WRITE_ONCE(*armed, 0);
	if (take)
		clear_bit(step, armed);
	else if (step >= 0)
		set_bit(step, armed);
	wake_up_all(&region->stop.wait);
	return 0;
}

/* Print the armed steps, and whether a call waits at each. */
void stop_print(struct seq_file *m, const struct region *region)
{
	unsigned long armed = READ_ONCE(region->stop.armed);
	const char *between = "";
	u32 step;

	for (step = 0; step < STOP_STEPS; step++) {
		if (!(armed & BIT(step)))
			continue;
		seq_printf(m, "%s%s %s", between, stop_words[step],
			   test_bit(step, &region->stop.waiting) ? "waiting" : "armed");
		between = " ";
	}
	seq_puts(m, armed ? "\n" : "none\n");
}

/* The region is gone, so no test can release calls that are stopped there. */
void stop_end(struct region *region)
{
	stop_set(region, "none");
}
