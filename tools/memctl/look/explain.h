/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The reason that a request would fail, and the memory in its way. */
#ifndef MEMCTL_EXPLAIN_H
#define MEMCTL_EXPLAIN_H

#include <stdint.h>

#include "memctl.h"

/* memctl frag HEAP --explain SIZE,ALIGN; an enum exit_code. */
int explain(const struct memctl *ctl, const char *heap, uint64_t bytes, uint64_t align);

#endif /* MEMCTL_EXPLAIN_H */
