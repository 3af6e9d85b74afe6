// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Times of the kernel's clocks. */
#include "base/clock.h"

uint64_t now_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * NSEC_PER_SEC + (uint64_t)now.tv_nsec;
}
