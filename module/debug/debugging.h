/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The state of the features in a heap. */
#ifndef MEMMGR_DEBUG_DEBUGGING_H
#define MEMMGR_DEBUG_DEBUGGING_H

#include <linux/types.h>

#include "debug/inject.h"
#include "debug/zones.h"
#include "heap/heap.h"

struct guards;
struct heap_moments;
struct latency;
struct quarantine;
struct region;
struct track;

/**
 * struct heap_debug - the state of the features in a heap
 * @injection: which requests to it shall fail; guarded by inject.c
 * @zones: red zones
 * @quarantine: the last freed allocations; NULL: never used
 * @track: blocks of kernel code; NULL: never tracked
 * @guards: slots for guarded blocks of kernel code; NULL: never used
 * @latency: durations of its calls; NULL: never measured
 * @errors: memory errors found; guarded by region.corruptions.lock
 */
struct heap_debug {
	struct injection injection;
	struct zones zones;
	struct quarantine *quarantine;
	struct track *track;
	struct guards *guards;
	struct latency *latency;
	u64 errors;
};

extern const struct heap_debug debugging_nothing;

/* The features' state in a heap, to read; an empty one if none was ever used. Context: any. */
static inline const struct heap_debug *heap_debugging(const struct memmgr_heap *heap)
{
	/* Pairs with the release that publishes it once it is made. */
	const struct heap_debug *debugging = smp_load_acquire(&heap->debugging);

	return debugging ? : &debugging_nothing;
}

/* The same, to write; NULL if no feature was ever used in the heap. Context: any. */
static inline struct heap_debug *heap_debugging_made(const struct memmgr_heap *heap)
{
	return smp_load_acquire(&heap->debugging);	/* made, then published */
}

int debugging_make(struct memmgr_heap *heap);
void moments_begin(struct region *region);
void debug_use_moments(const struct heap_moments *use);

#endif /* MEMMGR_DEBUG_DEBUGGING_H */
