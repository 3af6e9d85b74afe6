/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The scale of a picture: round numbers that people read at its side. */
#ifndef MEMCTL_AXIS_H
#define MEMCTL_AXIS_H

#include <stdint.h>

#include "base/table.h"

/* From 0 to @most in steps of @step. */
struct axis {
	uint64_t most;
	uint64_t step;
};

/* For values up to @most, in at most @steps steps; it reaches up to the last of them. */
struct axis axis_fit(enum cell_type type, uint64_t most, unsigned int steps);
/* "20k", "512 KiB", "5%", "2.5 s" in one of a few buffers that take turns. */
const char *axis_text(enum cell_type type, uint64_t value);

#endif /* MEMCTL_AXIS_H */
