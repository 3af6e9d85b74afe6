/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The options that every command takes. */
#ifndef MEMCTL_OPTIONS_H
#define MEMCTL_OPTIONS_H

#include <argp.h>

#include "memctl.h"

extern const struct argp global_argp;	/* input: struct memctl * */

/* Parses @argv with the command's argp and the global options; exits if bad. */
void parse_args(struct memctl *ctl, const struct argp *argp, int argc,
		char **argv, void *input);

#endif /* MEMCTL_OPTIONS_H */
