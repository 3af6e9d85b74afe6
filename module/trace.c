// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The tracepoints' own code: the kernel makes it of trace.h. */
#include <linux/module.h>

#include "compat.h"

#define CREATE_TRACE_POINTS
#include "trace.h"
