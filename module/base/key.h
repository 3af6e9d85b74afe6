/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The static key of the drivers' fast paths. It is on while something watches them. */
#ifndef MEMMGR_BASE_KEY_H
#define MEMMGR_BASE_KEY_H

#include <linux/jump_label.h>

#if IS_ENABLED(CONFIG_MEMMGR_DEBUG)
/* Counts watchers: heaps with a feature on, and tracers of alloc and free. */
DECLARE_STATIC_KEY_FALSE(debug_key);

int debug_trace_begin(void);
void debug_trace_end(void);
#else
static inline int debug_trace_begin(void)
{
	return 0;
}

static inline void debug_trace_end(void)
{
}
#endif

#endif /* MEMMGR_BASE_KEY_H */
