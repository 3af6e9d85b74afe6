/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The seam of the engines in user space, with their moves and checks of themselves. */
#define env_moves	1
#define env_checks	1

#include "../../tools/memctl/trace/env.h"
