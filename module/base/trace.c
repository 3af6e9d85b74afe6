// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The code of the tracepoints, which the kernel generates from trace.h. */
#include <linux/module.h>

#include "base/compat.h"

#define CREATE_TRACE_POINTS
#include "base/trace.h"
