/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Latency: how long allocations and frees of a heap take, and which took longest. */
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
 * struct latency - what was measured of a heap
 * @lock: guards the rest; innermost
 * @since_ns: when it was cleared last, CLOCK_BOOTTIME
 * @op: as in the ABI, but for the callers of the longest
 * @caller: their addresses; names are found when it is read
 */
struct latency {
	raw_spinlock_t lock;
	u64 since_ns;
	struct memmgr_latency_op op[MEMMGR_LATENCY_OPS];
	unsigned long caller[MEMMGR_LATENCY_OPS];
};

/**
 * struct latency_sample - a call that was measured and has ended
 * @op: MEMMGR_LATENCY_ALLOC or _FREE
 * @start: of latency_begin(), not 0
 * @bytes: asked for, or given back; 0: nobody knows
 * @caller: address of kernel code; 0: a client's call
 * @failed: it did
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
 * When a call begins; 0: it is not measured, and latency_record() is not for it. Asked
 * behind debug_is_on(), so that calls cost nothing more while no heap is watched.
 *
 * Not local_clock(): a call that waits or compacts may end on another CPU, whose clock
 * that one would be. This clock is one for all of them, can be read in any context
 * without waiting, and counts instructions where the machine's counter does.
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
