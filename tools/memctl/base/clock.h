/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Times of the kernel's clocks. */
#ifndef MEMCTL_CLOCK_H
#define MEMCTL_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NSEC_PER_SEC		1000000000ull
#define NSEC_PER_MSEC		1000000ull

uint64_t now_ns(clockid_t clock);

#endif /* MEMCTL_CLOCK_H */
