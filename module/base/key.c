// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The static key of the drivers' fast paths. It is on while something watches them. */

#include "base/key.h"

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
