/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Reading allocation traces, format 1: see tools/trace/README.md. */
#ifndef MEMCTL_TRACE_H
#define MEMCTL_TRACE_H

#include <stddef.h>
#include <stdint.h>

enum trace_op {
	TRACE_ALLOC,
	TRACE_FREE,
	TRACE_RESIZE,
};

#define TRACE_TAG_LEN	32	/* with the NUL */
#define TRACE_TAGS	256	/* different ones that are told apart */

/**
 * struct trace_event - one event
 * @size: bytes (alloc, resize)
 * @slot: stands for the id: ids that live at the same time have different
 *	slots, all below struct trace.slots
 * @op: enum trace_op
 * @align_shift: log2 of the alignment, 0 for none (alloc)
 * @tag: index in struct trace.tags (alloc)
 */
struct trace_event {
	uint64_t size;
	uint32_t slot;
	uint8_t op;
	uint8_t align_shift;
	uint8_t tag;
};

/**
 * struct trace - a whole trace, known to be sound
 * @events: in order
 * @count: of them
 * @allocs: of @count
 * @frees: of @count
 * @resizes: of @count
 * @zeros: allocations and resizes of no bytes, which are read as of one byte
 * @slots: most that lived at a time
 * @peak_bytes: most bytes that were live at a time
 * @peak_at: the event after which that was so (first)
 * @total_bytes: of all allocations and resizes
 * @program: from the header; may be empty
 * @tags: the first is empty, for none; as anybody may have written them
 * @tag_count: of them, at least 1
 */
struct trace {
	struct trace_event *events;
	size_t count;
	uint64_t allocs;
	uint64_t frees;
	uint64_t resizes;
	uint64_t zeros;
	uint32_t slots;
	uint64_t peak_bytes;
	size_t peak_at;
	uint64_t total_bytes;
	char program[128];
	char tags[TRACE_TAGS][TRACE_TAG_LEN];
	uint32_t tag_count;
};

/* An error of a trace; @line is 0 when the file as a whole is wrong. */
struct trace_error {
	uint64_t line;
	char text[160];
};

/**
 * trace_load() - read a trace
 * @path: text or gzip; "-" is standard input
 * @limit: read at most so many events, 0: all
 * @trace: out: to be freed with trace_free(), after a failure as well
 * @error: out: what is wrong
 *
 * Return: 0, or -1 with @error.
 */
int trace_load(const char *path, uint64_t limit, struct trace *trace,
	       struct trace_error *error);
void trace_free(struct trace *trace);

#endif /* MEMCTL_TRACE_H */
