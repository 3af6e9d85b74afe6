/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Reports of memory errors, in words. */
#ifndef MEMCTL_ERRORS_H
#define MEMCTL_ERRORS_H

#include <memmgr.h>
#include <stdbool.h>
#include <stdint.h>

#include "memctl.h"

#define ERROR_TEXT	256	/* room for error_text() */

/* "red zone behind", "double free": the name of the error. */
const char *error_title(const struct memmgr_corruption *c);
/* The access and its place: "5 bytes written, the first 3 bytes past the end of ...". */
const char *error_text(const struct memmgr_corruption *c, char text[ERROR_TEXT]);
/* Whether the allocation that the error is about is known. */
bool error_has_allocation(const struct memmgr_corruption *c);
/* Whether the program that ran when the error was found made it. */
bool error_is_act(const struct memmgr_corruption *c);
/* Whether @c->expected and @found are in use; how many bytes of them. */
uint32_t error_dump(const struct memmgr_corruption *c);
/* The time between an event and the error, or 0. */
uint64_t error_ns_since(const struct memmgr_corruption *c, uint64_t ns);

#endif /* MEMCTL_ERRORS_H */
