/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What the commands of memctl share.
 *
 * A command is one entry of the table in main.c and one file, cmd/NAME.c. It
 * parses its arguments with argp, calls libmemmgr, and shows what it learned
 * as a struct table: text for people or JSON for programs from one source.
 */
#ifndef MEMCTL_H
#define MEMCTL_H

#include <stdbool.h>

struct argp;

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

struct command {
	const char *name;
	const char *summary;	/* one line of "memctl help" */
	const struct argp *argp;
	/* argv[0] is "memctl NAME"; returns an enum exit_code */
	int (*run)(struct memctl *ctl, int argc, char **argv);
};

#endif /* MEMCTL_H */
