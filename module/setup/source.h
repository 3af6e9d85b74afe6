/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Which regions there are: device tree, module parameters, fallback. */
#ifndef MEMMGR_SOURCE_H
#define MEMMGR_SOURCE_H

__visible int source_init(void);
__visible void source_exit(void);

#endif /* MEMMGR_SOURCE_H */
