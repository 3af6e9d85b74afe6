/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Running a trace through heaps, one call for each event.
 *
 * Words: the *target* is where the requests of a trace go: one heap, or for
 * slab and pool one heap for each *size class*. A request that no class takes
 * is *passed on* to heap main. A stack refuses to free what is not its top; that
 * memory is *kept* until what lies above it has gone.
 */
#ifndef MEMCTL_REPLAY_H
#define MEMCTL_REPLAY_H

#include <memmgr.h>
#include <stdbool.h>
#include <stdint.h>

#include "memctl.h"
#include "trace/trace.h"

/**
 * struct replay_options - how to run it
 * @arena: bytes of a buddy's or stack's arena, 0: chosen from the trace
 * @verify: write a pattern into each allocation and look at it before its end
 */
struct replay_options {
	uint64_t arena;
	bool verify;
};

/**
 * struct replay_result - how a trace went
 * @heaps: that served it, main not counted
 * @events: that were run
 * @ns: that they took
 * @failed: requests by enum memmgr_reason
 * @skipped: events of what could not be allocated before
 * @refused_frees: a stack's
 * @kept_most: bytes kept at most
 * @kept_end: bytes kept after the last event
 * @passed_on: requests that main served for lack of a class
 * @passed_on_peak: bytes of them, at the peak
 * @resized: in place
 * @moved: resizes that took a new allocation and a free
 * @requested: bytes asked for by what lived at the peak
 * @granted: bytes that it occupied, kept ones included
 * @most: bytes occupied at most, at any time
 * @held: bytes of the region that the target had at the peak
 * @internal: thousandths of what live allocations occupied at the peak that
 *	nobody asked for
 * @external_peak: thousandths of the target's free memory that one request
 *	could not get, at the peak
 * @external_end: the same after the last event
 * @damaged: allocations whose pattern was not there any more
 *
 * The peak is after the event that made most bytes live in the trace.
 */
struct replay_result {
	uint32_t heaps;
	uint64_t events;
	uint64_t ns;
	__u64 failed[MEMMGR_REASONS];
	uint64_t skipped;
	uint64_t refused_frees;
	uint64_t kept_most;
	uint64_t kept_end;
	uint64_t passed_on;
	uint64_t passed_on_peak;
	uint64_t resized;
	uint64_t moved;
	uint64_t requested;
	uint64_t granted;
	uint64_t most;
	uint64_t held;
	uint64_t internal;
	uint64_t external_peak;
	uint64_t external_end;
	uint64_t damaged;
};

/*
 * Runs @trace through private heaps of @kind, made for it and gone afterwards,
 * or through the heap @heap if that is not NULL. An enum exit_code;
 * EXIT_INTERRUPTED after SIGINT (see interrupt_catch()).
 */
int replay_run(const struct memctl *ctl, const struct trace *trace, uint32_t kind,
	       const struct memmgr_heap_query *heap,
	       const struct replay_options *options, struct replay_result *result);

/* ---- target.c ---- */

#define CLASSES_MAX	32u
#define CLASS_ALIGN	16u	/* what malloc promises; more is passed on */
#define NO_CLASS	UINT32_MAX

struct target_class {
	uint64_t size;
	uint32_t heap;		/* id */
	uint32_t peak;		/* most live at a time */
};

/**
 * struct target - where requests go
 * @kind: enum memmgr_kind
 * @own: made for this run
 * @arena: bytes of the arena, buddy and stack
 * @classes: buddy, stack: one; slab, pool: by size, those without a heap left out
 * @count: of them
 */
struct target {
	uint32_t kind;
	bool own;
	uint64_t arena;
	struct target_class classes[CLASSES_MAX];
	uint32_t count;
};

/* Makes the heaps; an enum exit_code. */
int target_create(const struct memctl *ctl, const struct trace *trace, uint32_t kind,
		  uint64_t arena, struct target *target);
/* An existing heap. */
void target_existing(const struct memmgr_heap_query *heap, struct target *target);
void target_destroy(const struct memctl *ctl, struct target *target);
/* The class for a request, or NO_CLASS: main. */
uint32_t target_route(const struct target *target, uint64_t bytes, unsigned int align_shift);

#endif /* MEMCTL_REPLAY_H */
