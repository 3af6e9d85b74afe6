/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The file hold of debugfs (module/region/stop.c), which stops calls where they go on without a
 * lock, so that tests put the steps of two calls into an order. Root alone may open it:
 * tests of an ordinary user let a child become nobody, and tell it by pipes.
 */
#ifndef MEMMGR_HOLDING_H
#define MEMMGR_HOLDING_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/wait.h>

bool has_hold(int fd);

/* 0 or a negative errno. */
int hold_write(int fd, const char *word);

void hold_read(int fd, char *text, size_t room);

/* The step alone is armed, or waited at; "none" and "": nothing is. */
bool hold_says(int fd, const char *step, const char *state);

/* A call waits at the step, whatever else is armed. */
bool hold_waits(int fd, const char *step);

/* A child has come to a step, or has ended without coming there: false. */
bool hold_reached(pid_t child, int fd, const char *step);

/* In tests of a fixture: without the file there is nothing to be seen. */
#define REQUIRE_HOLD							\
	do {								\
		if (!has_hold(self->fd))				\
			SKIP(return, "no file hold in debugfs: not a module with DEBUG"); \
	} while (0)

#endif /* MEMMGR_HOLDING_H */
