/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Numbers that people write. */
#ifndef MEMMGR_NUMBER_H
#define MEMMGR_NUMBER_H

#include <linux/types.h>

int number_parse(const char *text, u64 *number);

#endif /* MEMMGR_NUMBER_H */
