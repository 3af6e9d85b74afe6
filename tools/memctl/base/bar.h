/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* A progress bar on standard error, for a person at a terminal. */
#ifndef MEMCTL_BAR_H
#define MEMCTL_BAR_H

#include <stdbool.h>
#include <stdint.h>

struct bar {
	bool wanted;
	uint64_t next_ns;	/* it is drawn again from then on */
	bool shown;
};

/* There is no bar if @quiet, and none where standard error is no terminal. */
struct bar bar_begin(bool quiet);
/* Draw that @done of @all is done, and a text behind, unless it was drawn just now. */
void bar_show(struct bar *bar, uint64_t done, uint64_t all, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* Take it off the terminal. */
void bar_end(struct bar *bar);

#endif /* MEMCTL_BAR_H */
