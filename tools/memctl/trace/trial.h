/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * A trace through an engine of the module, buddy or tlsf, in this program: an engine knows
 * offsets only, so that it takes no region and no memory of that size.
 */
#ifndef MEMCTL_TRIAL_H
#define MEMCTL_TRIAL_H

#include <linux/memmgr.h>
#include <memmgr.h>
#include <stdint.h>

#include "trace/trace.h"

#define TRIAL_MOST	(1ull << 32)	/* bytes of a region */
#define TRIAL_UNKNOWN	UINT64_MAX
#define TRIAL_STEP	4096ull		/* regions are whole pages */

/* The state of the heap after an event. */
struct trial_point {
	uint64_t requested;	/* by what lives */
	uint64_t used;		/* granted to it */
	uint64_t live;
	uint64_t free;
	uint64_t largest;	/* that one request would get */
	uint32_t external;	/* thousandths of the free memory that one cannot */
};

/**
 * struct trial - how it went
 * @kind: MEMMGR_KIND_BUDDY or MEMMGR_KIND_TLSF, in
 * @size: of the region, in: a multiple of TRIAL_STEP, up to TRIAL_MOST
 * @granule: the kind's usual one, or larger, so that the books stay small
 * @books: bytes of the books, which lie beside the region
 * @failed: requests by enum memmgr_reason
 * @failures: all of them
 * @first_failure: the event, when there was one
 * @skipped: events of what could not be allocated
 * @moved: resizes that took a new allocation and a free
 * @peak: at the highest @used
 * @peak_at: the event
 * @worst: at the highest @external
 * @worst_at: the event
 */
struct trial {
	uint32_t kind;
	uint64_t size;
	uint32_t granule;
	uint64_t books;
	uint64_t failed[MEMMGR_REASONS];
	uint64_t failures;
	size_t first_failure;
	uint64_t skipped;
	uint64_t moved;
	struct trial_point peak;
	size_t peak_at;
	struct trial_point worst;
	size_t worst_at;
};

/* The function that looks at each point; NULL: none. */
typedef void trial_look(void *arg, size_t event, const struct trial_point *point);

/*
 * Runs all of it; up to the first failure where nobody looks. -1 where this machine's memory
 * does not suffice for the books.
 */
int trial_run(const struct trace *trace, struct trial *trial, trial_look *look, void *arg);
/* The granule in which a region of @size is tried. */
uint32_t trial_granule(uint32_t kind, uint64_t size);
/*
 * The least size in which no request fails, within 1/64 of the peak, found by
 * trying; 0 where there is none, TRIAL_UNKNOWN where this machine's memory does not
 * suffice.
 */
uint64_t trial_least(const struct trace *trace, uint32_t kind);

#endif /* MEMCTL_TRIAL_H */
