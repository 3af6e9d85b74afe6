// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * How long interrupts are off while something else runs: a timer that is due again
 * and again, at intervals that never match what runs, and how late it comes.
 *
 * Writing 1 to /sys/kernel/debug/memmgr_bench/off starts it anew, reading tells the
 * longest delay. The way into the interrupt is part of it: what an idle machine
 * shows is to be subtracted.
 */
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/hrtimer.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/sched.h>
#include "bench.h"

#define OFF_INTERVAL	20000	/* instructions, and up to so many more */
#define OFF_JITTER	8191

static struct hrtimer off_timer;
static u32 off_seed;
static u64 off_longest;
static u64 off_samples;
static unsigned long off_jiffies;
static unsigned long off_switches;
static struct task_struct *off_task;	/* that was there when it was started */

static enum hrtimer_restart off_due(struct hrtimer *timer)
{
	unsigned long ticks = jiffies - off_jiffies;
	unsigned long switches = current->nvcsw + current->nivcsw;
	u64 late = ktime_to_ns(ktime_sub(ktime_get(), hrtimer_get_expires(timer)));

	/* What the tick, or a change to another task, has delayed says nothing. */
	if (current == off_task && !ticks && off_switches == switches) {
		off_longest = max(off_longest, late);
		off_samples++;
	}
	off_jiffies += ticks;
	off_switches = switches;
	hrtimer_set_expires(timer, ktime_add_ns(ktime_get(), OFF_INTERVAL +
						(bench_random(&off_seed) & OFF_JITTER)));
	return HRTIMER_RESTART;
}

static int off_set(void *unused, u64 on)
{
	hrtimer_cancel(&off_timer);
	if (!on)
		return 0;
	off_longest = 0;
	off_samples = 0;
	off_seed = on;
	off_task = current;
	hrtimer_start(&off_timer, ns_to_ktime(OFF_INTERVAL), HRTIMER_MODE_REL_HARD);
	return 0;
}

static int off_get(void *unused, u64 *longest)
{
	*longest = off_samples ? off_longest : 0;
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(off_fops, off_get, off_set, "%llu\n");

void off_start(struct dentry *dir)
{
	hrtimer_init(&off_timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_HARD);
	off_timer.function = off_due;
	debugfs_create_file_unsafe("off", 0600, dir, NULL, &off_fops);
}

void off_end(void)
{
	hrtimer_cancel(&off_timer);
}
