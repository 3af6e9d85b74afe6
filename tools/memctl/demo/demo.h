/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Lessons on live memory: one for each allocator, in a private heap that is
 * gone afterwards.
 *
 * A lesson is a list of steps. Each step shows the call it makes and what came
 * of it. After a step that went wrong the others do nothing, so a lesson reads
 * from top to bottom without error paths; demo.err tells at the end.
 */
#ifndef MEMCTL_DEMO_H
#define MEMCTL_DEMO_H

#include <memmgr.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/json.h"
#include "memctl.h"

struct demo {
	const struct memctl *ctl;
	struct json_object *lines;	/* --json: the text goes here */
	uint32_t heap;			/* of this lesson */
	int err;			/* of the first step that went wrong, or 0 */
	char step[80];			/* that one */
};

void demo_buddy(struct demo *demo);
void demo_slab(struct demo *demo);
void demo_pool(struct demo *demo);
void demo_stack(struct demo *demo);
void demo_tlsf(struct demo *demo);

/* A line of text; explanation begins at the margin, what happens is indented. */
void demo_say(struct demo *demo, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Remembers that a step went wrong; false when it did, now or before. */
bool demo_ok(struct demo *demo, int err, const char *step);

/* Make the heap of the lesson. */
void demo_heap(struct demo *demo, struct memmgr_heap_create *create);
/* Shows the call and what came of it; 0 after a failure. */
uint64_t demo_alloc(struct demo *demo, uint64_t bytes);
/* An allocation that is to be refused: shows why. */
void demo_alloc_refused(struct demo *demo, uint64_t bytes, uint32_t timeout_ms);
void demo_free(struct demo *demo, uint64_t handle, const char *name);
/* Without a line of text, for many. */
void demo_alloc_many(struct demo *demo, uint64_t bytes, uint64_t *handles, uint32_t count);
void demo_free_many(struct demo *demo, const uint64_t *handles, size_t count);
/* The books of the lesson's heap. */
struct memmgr_stats demo_stats(struct demo *demo);
struct memmgr_frag demo_frag(struct demo *demo);
struct memmgr_heap_query demo_query(struct demo *demo);
/* Tells the mean time of an allocation and its free. */
void demo_time_pair(struct demo *demo, uint64_t bytes);

#endif /* MEMCTL_DEMO_H */
