// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* A progress bar on standard error. */
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/bar.h"
#include "base/clock.h"

#define BAR_WIDTH	30
#define BAR_PAUSE_NS	100000000ull

struct bar bar_begin(bool quiet)
{
	return (struct bar){
		.wanted = !quiet && isatty(STDERR_FILENO),
		/* Work that is done by then needs no bar. */
		.next_ns = now_ns(CLOCK_MONOTONIC) + BAR_PAUSE_NS,
	};
}

void bar_show(struct bar *bar, uint64_t done, uint64_t all, const char *format, ...)
{
	uint64_t now = bar->wanted ? now_ns(CLOCK_MONOTONIC) : 0;
	int percent = all ? (int)(done * 100 / all) : 100;
	va_list args;

	if (!bar->wanted || now < bar->next_ns)
		return;
	bar->next_ns = now + BAR_PAUSE_NS;
	bar->shown = true;
	fprintf(stderr, "\r[%-*.*s] %3d%%  ", BAR_WIDTH, percent * BAR_WIDTH / 100,
		"##############################", percent);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputs("\033[K", stderr);
}

void bar_end(struct bar *bar)
{
	if (bar->shown)
		fputs("\r\033[K", stderr);
	bar->shown = false;
}
