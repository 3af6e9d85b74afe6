/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The requests of a trace, whatever serves them: sizes, lifetimes, tags, lasting blocks. */
#ifndef MEMCTL_CENSUS_H
#define MEMCTL_CENSUS_H

#include <linux/memmgr.h>
#include <memmgr.h>
#include <stdint.h>

#include "trace/trace.h"

#define CENSUS_PAGE	4096u	/* the granule of heap main */

/**
 * struct census_size - all that was asked for in one size
 * @size: bytes
 * @allocs: that asked for it
 * @live: of that size now; at the end of the census what stayed
 * @most: that lived at a time
 */
struct census_size {
	uint64_t size;
	uint64_t allocs;
	uint64_t live;
	uint64_t most;
};

/**
 * struct census_rest - what was never freed, of one size and one tag
 * @size: bytes of each, at the end
 * @tag: index
 * @count: of them
 * @late: of them, those that were allocated in the second half of the trace
 * @first: event of the first
 * @last: event of the last
 */
struct census_rest {
	uint64_t size;
	uint32_t tag;
	uint64_t count;
	uint64_t late;
	size_t first;
	size_t last;
};

/**
 * struct census_tag - all that has one tag
 * @allocs: ever
 * @live: bytes at the end
 * @live_count: at the end
 * @most: bytes at a time
 */
struct census_tag {
	uint64_t allocs;
	uint64_t live;
	uint64_t live_count;
	uint64_t most;
};

/**
 * struct census - the figures of a whole trace
 * @sizes: what was asked for most often first
 * @size_count: of them
 * @classes: allocations by size: class c holds 2^(c-1)+1 .. 2^c bytes
 * @lifetimes: of what was freed, in events: classes likewise
 * @lifo: frees of the youngest that lived
 * @aligned: allocations that asked for an alignment
 * @align_most: the largest of these, bytes
 * @pages_most: bytes at a time, each allocation in whole pages
 * @rest: what was never freed, the most bytes first
 * @rest_count: groups
 * @rest_bytes: in all
 * @rest_allocs: in all
 * @rest_late: of these in the second half of the trace
 * @tags: by index
 */
struct census {
	struct census_size *sizes;
	size_t size_count;
	uint64_t classes[MEMMGR_CLASSES];
	uint64_t lifetimes[MEMMGR_CLASSES];
	uint64_t lifo;
	uint64_t aligned;
	uint64_t align_most;
	uint64_t pages_most;
	struct census_rest *rest;
	size_t rest_count;
	uint64_t rest_bytes;
	uint64_t rest_allocs;
	uint64_t rest_late;
	struct census_tag tags[TRACE_TAGS];
};

/* The class of @number, which is not 0: of sizes and lifetimes. */
unsigned int census_class(uint64_t number);
void census_take(const struct trace *trace, struct census *census);
void census_free(struct census *census);

#endif /* MEMCTL_CENSUS_H */
