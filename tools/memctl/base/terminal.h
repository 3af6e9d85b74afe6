/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The terminal that the result goes to. */
#ifndef MEMCTL_TERMINAL_H
#define MEMCTL_TERMINAL_H

#include <stdbool.h>

/* Of the terminal that the result goes to; 0 when it goes elsewhere. */
unsigned int terminal_columns(void);
unsigned int terminal_rows(void);
bool is_utf8(void);

#endif /* MEMCTL_TERMINAL_H */
