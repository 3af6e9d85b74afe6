/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* tracefs, for tests that look at what tracepoints say. */
#ifndef MEMMGR_TRACING_H
#define MEMMGR_TRACING_H

#include <stdbool.h>

bool put(const char *folder, const char *file, const char *text);

/* The file with the trace and the folder of memmgr's events; false: there are none. */
bool tracing_find(char trace[64], char events[64]);

/* Lines of the trace with all of this text; then it is empty again. */
int traced(const char *trace, const char *text);

#endif /* MEMMGR_TRACING_H */
