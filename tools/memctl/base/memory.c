// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The end of memctl where memory is short. */
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "memctl.h"

void out_of_memory(void)
{
	fputs("memctl: out of memory; close other programs\n", stderr);
	exit(EXIT_FAILED);
}
