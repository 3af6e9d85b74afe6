/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* A file that appears whole or not at all. */
#ifndef MEMCTL_NEWFILE_H
#define MEMCTL_NEWFILE_H

#include <stdio.h>

#include "memctl.h"

struct newfile {
	FILE *stream;
	char *path;		/* that it will have */
	char *fresh;		/* that it has until then; NULL: it is no plain file */
};

/* An enum exit_code; "-" is standard output. What was there before stays until newfile_close(). */
int newfile_open(const struct memctl *ctl, const char *path, struct newfile *file);
int newfile_close(const struct memctl *ctl, struct newfile *file);

#endif /* MEMCTL_NEWFILE_H */
