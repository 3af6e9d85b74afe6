/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* A run of memctl, its commands, and its exit codes. */
#ifndef MEMCTL_H
#define MEMCTL_H

#include <stdbool.h>

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

enum exit_code {
	EXIT_OK			= 0,
	EXIT_FAILED		= 1,
	EXIT_USAGE		= 2,
	EXIT_NO_DEVICE		= 3,
	EXIT_SIGNALLED		= 128,	/* plus the signal, as shells have it */
	EXIT_INTERRUPTED	= 0x100,	/* main() says by which signal */
};

/* One run of memctl. */
struct memctl {
	const char *region;	/* as given, NULL for the default */
	const char *command;	/* "heap create" */
	bool json;
	int fd;			/* of the region, -1 before region_open() */
};

/* A row of cmd/commands.h. */
struct command {
	const char *name;	/* "heap create" */
	const char *summary;
	const char *option;	/* of the build, that it hangs on */
	int (*run)(struct memctl *ctl, int argc, char **argv);	/* NULL: left out of the build */
};

#endif /* MEMCTL_H */
