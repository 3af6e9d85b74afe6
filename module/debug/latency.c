// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Latency: histograms of how long allocations and frees of a heap take, and the
 * context of the longest calls.
 *
 * One lock for each heap guards both histograms. It is taken after a call was timed, so
 * its cost is in no measurement, and both histograms are read in a consistent state.
 */
#include <linux/bitops.h>
#include <linux/cred.h>
#include <linux/irqflags.h>
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/string.h>

#include "debug/debugging.h"
#include "debug/key.h"
#include "debug/latency.h"
#include "heap/account.h"
#include "heap/heap.h"

#define LATENCY_FLAGS	(MEMMGR_LATENCY_ON | MEMMGR_LATENCY_OFF | MEMMGR_LATENCY_RESET)

static struct latency *latency_of(const struct memmgr_heap *heap)
{
	return smp_load_acquire(&heap_debugging(heap)->latency);	/* made, then published */
}

/*
 * Made once, and kept until the heap is destroyed, so recording needs no lock to find it.
 * Under heap.features.
 */
static int latency_make(struct memmgr_heap *heap)
{
	struct latency *latency;

	if (heap_debugging(heap)->latency)
		return 0;
	latency = kzalloc(sizeof(*latency), GFP_KERNEL);
	if (!latency)
		return -ENOMEM;
	raw_spin_lock_init(&latency->lock);
	latency->since_ns = ktime_get_boottime_ns();
	smp_store_release(&heap->debugging->latency, latency);	/* see latency_of() */
	return 0;
}

/* The heap is being destroyed. */
void latency_free(struct memmgr_heap *heap)
{
	kfree(heap_debugging(heap)->latency);
}

static void latency_clear(struct latency *latency)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&latency->lock, flags);
	memset(latency->op, 0, sizeof(latency->op));
	latency->since_ns = ktime_get_boottime_ns();
	raw_spin_unlock_irqrestore(&latency->lock, flags);
}

/* Bucket i is for 2^i to 2^(i+1) - 1 ns; the first also for 0, the last for all longer. */
static u32 latency_bucket(u64 ns)
{
	return min_t(u32, fls64(ns | 1) - 1, MEMMGR_LATENCY_BUCKETS - 1);
}

static u32 context_now(bool irqs_off)
{
	u32 context = irqs_off ? MEMMGR_CONTEXT_IRQS_OFF : 0;

	if (in_hardirq())
		return context | MEMMGR_CONTEXT_HARDIRQ;
	return context | (in_task() ? MEMMGR_CONTEXT_PROCESS : MEMMGR_CONTEXT_SOFTIRQ);
}

static void worst_fill(struct memmgr_latency_worst *worst, const struct latency_sample *sample,
		       bool irqs_off)
{
	*worst = (struct memmgr_latency_worst) {
		.time_ns = ktime_get_boottime_ns(),
		.bytes = sample->bytes,
		.context = context_now(irqs_off) |
			   (sample->caller ? MEMMGR_CONTEXT_KERNEL : 0) |
			   (sample->failed ? MEMMGR_CONTEXT_FAILED : 0),
		.uid = in_task() ? __kuid_val(current_euid()) : 0,
		.cpu = smp_processor_id(),
	};
	debug_who(&worst->pid, &worst->tid, worst->comm);
}

static void latency_add(struct latency *latency, const struct latency_sample *sample, u64 ns,
			bool irqs_off)
{
	struct memmgr_latency_op *op = &latency->op[sample->op];

	lockdep_assert_held(&latency->lock);
	if (!op->count || ns > op->max_ns) {
		op->max_ns = ns;
		worst_fill(&op->worst, sample, irqs_off);
		latency->caller[sample->op] = sample->caller;
	}
	if (!op->count || ns < op->min_ns)
		op->min_ns = ns;
	op->count++;
	op->failed += sample->failed;
	op->total_ns += ns;
	op->bucket[latency_bucket(ns)]++;
}

/**
 * latency_record - record a measured call that has ended
 * @heap: the heap that it named
 * @sample: the call
 *
 * Context: any, hard interrupts included; no heap lock need be held. O(1).
 */
void latency_record(struct memmgr_heap *heap, const struct latency_sample *sample)
{
	s64 ns = ktime_get_mono_fast_ns() - sample->start;
	struct latency *latency = latency_of(heap);
	bool irqs_off = irqs_disabled();
	unsigned long flags;

	/* The flag may be seen before the structure. */
	if (!latency)
		return;
	raw_spin_lock_irqsave(&latency->lock, flags);
	/* If measuring was turned off meanwhile, nothing may change any more. */
	if (READ_ONCE(heap->debug) & DEBUG_LATENCY)
		/* The clock may go back a little when its speed is corrected. */
		latency_add(latency, sample, max_t(s64, ns, 0), irqs_off);
	raw_spin_unlock_irqrestore(&latency->lock, flags);
}

/* Only the administrator and the user who made the call may see its details. */
static void worst_tell(struct memmgr_latency_worst *worst, unsigned long caller,
		       const struct viewer *viewer)
{
	bool mine = worst->uid == __kuid_val(viewer->uid) &&
		    !(worst->context & MEMMGR_CONTEXT_KERNEL);

	if (!worst->context)
		return;
	if (!viewer->admin && !mine)
		*worst = (struct memmgr_latency_worst) { .context = MEMMGR_CONTEXT_HIDDEN };
	else if (caller)
		snprintf(worst->caller, sizeof(worst->caller), "%pS", (void *)caller);
}

/**
 * latency_read - read the measurements of a heap
 * @heap: the heap
 * @viewer: the caller
 * @out: the answer, except size, heap and flags
 *
 * Context: process. O(1).
 */
void latency_read(struct memmgr_heap *heap, const struct viewer *viewer,
		  struct memmgr_latency *out)
{
	unsigned long caller[MEMMGR_LATENCY_OPS];
	struct latency *latency = latency_of(heap);
	unsigned long flags;
	u32 i;

	out->state = READ_ONCE(heap->debug) & DEBUG_LATENCY ? MEMMGR_LATENCY_ON : 0;
	out->since_ns = 0;
	memset(out->op, 0, sizeof(out->op));
	if (!latency)
		return;
	raw_spin_lock_irqsave(&latency->lock, flags);
	out->since_ns = latency->since_ns;
	memcpy(out->op, latency->op, sizeof(out->op));
	memcpy(caller, latency->caller, sizeof(caller));
	raw_spin_unlock_irqrestore(&latency->lock, flags);
	for (i = 0; i < MEMMGR_LATENCY_OPS; i++)
		worst_tell(&out->op[i].worst, caller[i], viewer);
}

/* Under heap.features. */
static int latency_set(struct memmgr_heap *heap, u32 flags)
{
	bool on = flags & MEMMGR_LATENCY_ON, off = flags & MEMMGR_LATENCY_OFF;
	int err = on ? debugging_make(heap) ? : latency_make(heap) : 0;

	/* As in debug/inject.c: a heap that is being destroyed turns no feature on. */
	if (READ_ONCE(heap->lasting.dying))
		err = -ENOENT;
	if (err)
		return err;
	if (flags & MEMMGR_LATENCY_RESET && heap_debugging(heap)->latency)
		latency_clear(heap_debugging(heap)->latency);
	debug_set(heap, on ? DEBUG_LATENCY : 0, off ? DEBUG_LATENCY : 0);
	return 0;
}

/**
 * latency_call - turn measuring on or off, clear it, and report the measurements
 * @heap: the heap
 * @viewer: the caller
 * @out: as in the ABI, capability checked; the answers are filled in
 *
 * Context: process, may sleep. O(1).
 * Return: 0, -EINVAL, -ENOMEM, or -ENOENT if the heap is being destroyed.
 */
int latency_call(struct memmgr_heap *heap, const struct viewer *viewer,
		 struct memmgr_latency *out)
{
	u32 both = MEMMGR_LATENCY_ON | MEMMGR_LATENCY_OFF;
	int err = 0;

	if (out->flags & ~LATENCY_FLAGS || (out->flags & both) == both)
		return -EINVAL;
	if (out->flags) {
		mutex_lock(&heap->features);
		err = latency_set(heap, out->flags);
		mutex_unlock(&heap->features);
	}
	if (!err)
		latency_read(heap, viewer, out);
	return err;
}
