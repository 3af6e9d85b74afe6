/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* A command that memctl runs and waits for. */
#ifndef MEMCTL_COMMAND_H
#define MEMCTL_COMMAND_H

#include "memctl.h"

/* The words behind "--", which are cut off; NULL when there is none. */
char **command_split(int *argc, char **argv);
/* From here on no signal ends memctl, until command_run() passes them on. */
void command_prepare(void);
/*
 * After command_prepare(): runs a command and waits for it, however memctl is told to
 * end meanwhile, of which interrupt_arrived() tells then; its exit code, or 128 plus the
 * signal that ended it.
 */
int command_run(const struct memctl *ctl, char **command);

#endif /* MEMCTL_COMMAND_H */
