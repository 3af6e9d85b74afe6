/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Latency: measures how long allocations and frees of a heap take. */
#ifndef MEMMGR_LATENCY_H
#define MEMMGR_LATENCY_H

#include <linux/spinlock.h>
#include <linux/ktime.h>
#include <linux/timekeeping.h>
#include <uapi/linux/memmgr.h>

#include "debug/key.h"
#include "heap/heap.h"

struct viewer;

/**
 * struct latency - measurements of a heap
 * @lock: guards the rest; innermost
 * @since_ns: when they were last cleared, CLOCK_BOOTTIME
 * @op: as in the ABI, without the callers of the longest calls
 * @caller: addresses of these callers; names are looked up when read
 */
struct latency {
	raw_spinlock_t lock;
	u64 since_ns;
	struct memmgr_latency_op op[MEMMGR_LATENCY_OPS];
	unsigned long caller[MEMMGR_LATENCY_OPS];
};

/**
 * struct latency_sample - one measured call that has ended
 * @op: MEMMGR_LATENCY_ALLOC or _FREE
 * @start: from latency_begin(), not 0
 * @bytes: requested, or freed; 0: not known
 * @caller: address of kernel code; 0: a client's call
 * @failed: the call failed
 */
struct latency_sample {
	u32 op;
	u64 start;
	u64 bytes;
	unsigned long caller;
	bool failed;
};

#if IS_ENABLED(CONFIG_MEMMGR_DEBUG)
void latency_record(struct memmgr_heap *heap, const struct latency_sample *sample);
int latency_call(struct memmgr_heap *heap, const struct viewer *viewer,
		 struct memmgr_latency *out);
void latency_read(struct memmgr_heap *heap, const struct viewer *viewer,
		  struct memmgr_latency *out);
void latency_free(struct memmgr_heap *heap);

/*
 * The start time of a call; 0 if it is not measured and latency_record() must not follow.
 * Called only after debug_is_on(), so that calls cost nothing while no heap is watched.
 *
 * local_clock() is not used, because a call that waits or compacts may end on another CPU,
 * which has another clock. This clock is the same for all CPUs, can be read in any context
 * without waiting, and counts instructions if the machine's counter does.
 */
static __always_inline u64 latency_begin(const struct memmgr_heap *heap)
{
	return READ_ONCE(heap->debug) & DEBUG_LATENCY ? ktime_get_mono_fast_ns() : 0;
}
#else
static inline void latency_record(struct memmgr_heap *heap, const struct latency_sample *sample)
{
}

static inline int latency_call(struct memmgr_heap *heap, const struct viewer *viewer,
			       struct memmgr_latency *out)
{
	return -EOPNOTSUPP;
}

static inline void latency_free(struct memmgr_heap *heap)
{
}

static __always_inline u64 latency_begin(const struct memmgr_heap *heap)
{
	return 0;
}
#endif

#endif /* MEMMGR_LATENCY_H */
