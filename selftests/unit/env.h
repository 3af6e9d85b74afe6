/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The seam of the engines in user space, with their checks of themselves. */
#define env_checks	1

#include "../../tools/memctl/trace/env.h"
