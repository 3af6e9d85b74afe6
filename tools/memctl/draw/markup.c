// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Text in SVG and HTML. */
#include <string.h>

#include "draw/markup.h"

/* Names come from other users: plain characters alone, and none that XML means. */
void markup_text(FILE *to, const char *text, size_t len)
{
	for (size_t i = 0; i < len && text[i]; i++) {
		char c = text[i];

		if (c < ' ' || c > '~')
			fputc('?', to);
		else if (strchr("<>&\"'", c))
			fprintf(to, "&#%d;", c);
		else
			fputc(c, to);
	}
}
