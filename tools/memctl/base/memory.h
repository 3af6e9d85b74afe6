/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The end of memctl where memory is short. */
#ifndef MEMCTL_MEMORY_H
#define MEMCTL_MEMORY_H

__attribute__((noreturn)) void out_of_memory(void);

#endif /* MEMCTL_MEMORY_H */
