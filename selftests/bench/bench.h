/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What the programs that measure share. Each is one file, so all is here. */
#ifndef BENCH_H
#define BENCH_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>

#include <linux/memmgr.h>

static int device;	/* /dev/memmgr */

static inline void fail(const char *what)
{
	perror(what);
	exit(1);
}

static inline __u64 now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static inline void report_max(const char *name, const char *impl, __u64 sum, __u64 max,
			      unsigned int n)
{
	printf("BENCH {\"name\":\"%s\",\"impl\":\"%s\",\"unit\":\"insn\",", name, impl);
	printf("\"mean\":%llu.%llu,\"max\":%llu,\"n\":%u}\n", sum / n, sum * 10 / n % 10,
	       max, n);
}

static inline void report(const char *name, const char *impl, __u64 sum, unsigned int n)
{
	report_max(name, impl, sum, (sum + n - 1) / n, n);
}

static inline void call(unsigned long command, void *argument, const char *what)
{
	if (ioctl(device, command, argument))
		fail(what);
}

/* The worker of health would run meanwhile. */
static inline void health_off(void)
{
	struct memmgr_health h = { .size = sizeof(h) };

	call(MEMMGR_IOC_HEALTH, &h, "HEALTH");
	h.flags = MEMMGR_HEALTH_SET;
	call(MEMMGR_IOC_HEALTH, &h, "HEALTH");
}

#endif /* BENCH_H */
