/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Places in programs as people know them. */
#ifndef MEMCTL_SITE_H
#define MEMCTL_SITE_H

#include <memmgr.h>

/* "function (file.c:12)" where there are symbols, "/path+0x12" elsewhere. Free it. */
char *site_text(const struct memmgr_site *site);

#endif /* MEMCTL_SITE_H */
