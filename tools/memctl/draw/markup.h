/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Text in SVG and HTML. */
#ifndef MEMCTL_MARKUP_H
#define MEMCTL_MARKUP_H

#include <stddef.h>
#include <stdio.h>

/* A text of at most @len bytes as it is read, whatever is in it. */
void markup_text(FILE *to, const char *text, size_t len);

#endif /* MEMCTL_MARKUP_H */
