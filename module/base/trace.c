// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The code of the tracepoints, which the kernel generates from trace.h. */
#include <linux/module.h>

#include "base/compat.h"
#include "base/key.h"

#if IS_ENABLED(CONFIG_MEMMGR_DEBUG)
DEFINE_STATIC_KEY_FALSE(debug_key);

/* While a tracer watches alloc and free, kernel code's calls take the slow path. */
int debug_trace_begin(void)
{
	static_branch_inc(&debug_key);
	return 0;
}

void debug_trace_end(void)
{
	static_branch_dec(&debug_key);
}
#endif

#define CREATE_TRACE_POINTS
#include "base/trace.h"
