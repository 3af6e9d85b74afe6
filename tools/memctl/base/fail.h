/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Every error message comes from here. */
#ifndef MEMCTL_FAIL_H
#define MEMCTL_FAIL_H

#include <memmgr.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "memctl.h"

/* The request that could not be served; where what it asked for is known. */
struct request {
	const char *heap;	/* name */
	uint32_t heap_id;
	uint64_t bytes;
	uint64_t align;
	uint32_t reason;
	bool exact;		/* more than @largest would not do */
	uint64_t largest;
};

/* "memctl: COMMAND: MESSAGE; REMEDY" (@remedy may be NULL) and EXIT_FAILED. */
int fail(const struct memctl *ctl, const char *remedy, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The same for a call that failed with -@err: the table has text and remedy. */
int fail_errno(const struct memctl *ctl, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The same for a request for memory that failed with -@err. */
int fail_request(const struct memctl *ctl, int err, const struct request *request);
/* The same for a free run of request->bytes that moving memory cannot make. */
int fail_compact(const struct memctl *ctl, int err, const struct request *request);
/* The same for a heap that could not be made. */
int fail_heap(const struct memctl *ctl, int err, const struct memmgr_heap_create *create);
/* For a trace that is wrong; @line 0: as a whole. */
int fail_trace(const struct memctl *ctl, const char *file, uint64_t line, const char *text);
/* EXIT_NO_DEVICE, or EXIT_FAILED when it is there and won't open. */
int fail_open(const struct memctl *ctl, int err);

#endif /* MEMCTL_FAIL_H */
