// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * How long interrupts are off while something else runs: a timer that is due again
 * and again, at intervals that never match what runs, and how late it comes.
 *
 * Writing 1 to /sys/kernel/debug/memmgr_bench/off starts it anew, reading tells the
 * longest delay. The way into the interrupt is part of it: what an idle machine
 * shows is to be subtracted. off_interval says how long it waits between, and off_where
 * which code had interrupts off in the longest delay.
 */
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/kallsyms.h>
#include <linux/ktime.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <asm/irq_regs.h>
#include "bench.h"
#include "kernels.h"

/* Instructions from one to the next, and up to so many more. */
static u32 off_interval = 20000;
#define OFF_JITTER	8191u
#define OFF_TICK	20000u	/* more than a tick takes */

static struct hrtimer off_timer;
static u32 off_seed;
static u64 off_longest;
static u64 off_samples;
static unsigned long off_jiffies;
static unsigned long off_switches;
static unsigned long off_pc;		/* where the longest delay ended */
static unsigned long off_caller;	/* and what had called that */
static struct task_struct *off_task;	/* that was there when it was started */

/*
 * The page allocator takes back what was freed in lots, with interrupts off: at the end of
 * a program as at that of a heap. That is not what is looked for.
 */
static bool off_others(const struct pt_regs *regs)
{
	char name[KSYM_SYMBOL_LEN] = "";

#ifdef CONFIG_ARM
	if (regs)
		sprint_symbol_no_offset(name, regs->ARM_lr);
#endif
	return !strcmp(name, "free_unref_page");
}

static void off_note(u64 late)
{
	struct pt_regs *regs = get_irq_regs();

	if (late <= off_longest || off_others(regs))
		return;
	off_longest = late;
	off_pc = regs ? instruction_pointer(regs) : 0;
#ifdef CONFIG_ARM
	off_caller = regs ? regs->ARM_lr : 0;
#endif
}

static enum hrtimer_restart off_due(struct hrtimer *timer)
{
	unsigned long ticks = jiffies - off_jiffies;
	unsigned long switches = current->nvcsw + current->nivcsw;
	u64 late = ktime_to_ns(ktime_sub(ktime_get(), hrtimer_get_expires(timer)));

	/*
	 * What a change to another task has delayed says nothing, nor does the tick,
	 * unless it was delayed as well.
	 */
	if (current == off_task && (!ticks || late > OFF_TICK) && off_switches == switches) {
		off_note(late);
		off_samples++;
	}
	off_jiffies += ticks;
	off_switches = switches;
	hrtimer_set_expires(timer, ktime_add_ns(ktime_get(), off_interval +
						bench_random(&off_seed) %
						min(off_interval, OFF_JITTER)));
	return HRTIMER_RESTART;
}

static int off_set(void *unused, u64 on)
{
	hrtimer_cancel(&off_timer);
	if (!on)
		return 0;
	off_interval = max(off_interval, 1000u);
	off_longest = 0;
	off_pc = 0;
	off_caller = 0;
	off_samples = 0;
	off_seed = on;
	off_task = current;
	hrtimer_start(&off_timer, ns_to_ktime(off_interval), HRTIMER_MODE_REL_HARD);
	return 0;
}

static int off_get(void *unused, u64 *longest)
{
	*longest = off_samples ? off_longest : 0;
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(off_fops, off_get, off_set, "%llu\n");

static int off_where_show(struct seq_file *file, void *unused)
{
	seq_printf(file, "%ps < %pS\n", (void *)off_pc, (void *)off_caller);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(off_where);

void off_start(struct dentry *dir)
{
	hrtimer_setup(&off_timer, off_due, CLOCK_MONOTONIC, HRTIMER_MODE_REL_HARD);
	debugfs_create_file_unsafe("off", 0600, dir, NULL, &off_fops);
	debugfs_create_u32("off_interval", 0600, dir, &off_interval);
	debugfs_create_file("off_where", 0400, dir, NULL, &off_where_fops);
}

void off_end(void)
{
	hrtimer_cancel(&off_timer);
}
