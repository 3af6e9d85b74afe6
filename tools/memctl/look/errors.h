/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Reports of memory errors, in words. */
#ifndef MEMCTL_ERRORS_H
#define MEMCTL_ERRORS_H

#include <memmgr.h>
#include <stdbool.h>
#include <stdint.h>

#include "memctl.h"

#define ERROR_TEXT	256	/* room for error_text() */

/* "red zone behind", "double free": what it is called. */
const char *error_title(const struct memmgr_corruption *c);
/* What was done where: "5 bytes written, the first 3 bytes past the end of ...". */
const char *error_text(const struct memmgr_corruption *c, char text[ERROR_TEXT]);
/* Whether it is known of which allocation it is. */
bool error_has_allocation(const struct memmgr_corruption *c);
/* Whether who was running when it was found is who did it. */
bool error_is_act(const struct memmgr_corruption *c);
/* Whether @c->expected and @found are in use; how many bytes of them. */
uint32_t error_dump(const struct memmgr_corruption *c);
/* How long before the error something was, or 0. */
uint64_t error_ns_since(const struct memmgr_corruption *c, uint64_t ns);

#endif /* MEMCTL_ERRORS_H */
