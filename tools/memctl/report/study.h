/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The findings about a trace, and the advice that follows. */
#ifndef MEMCTL_STUDY_H
#define MEMCTL_STUDY_H

#include <stdint.h>

#include "report/report.h"
#include "trace/census.h"
#include "trace/trial.h"

/**
 * struct study - of a trace
 * @trace: the trace
 * @census: what it asks for
 * @trial: how the allocator served it that needs less
 * @least: the least region that served all of it, as of trial_least(), of each kind of
 *	allocator that was tried
 */
struct study {
	const struct trace *trace;
	struct census census;
	struct trial trial;
	uint64_t least[MEMMGR_KINDS];
};

/* ---- study_advice.c ---- */

void study_advise(const struct study *study, struct report *report);

#endif /* MEMCTL_STUDY_H */
