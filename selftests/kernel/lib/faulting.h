/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Fault injection: the n-th allocation of the kernel's for this thread fails. */
#ifndef MEMMGR_FAULTING_H
#define MEMMGR_FAULTING_H

#include <stdbool.h>

bool faulting_write(const char *path, const char *text);

/* From here on the @n-th allocation fails, be it one that may wait; 0: none does. */
bool fault_at(unsigned int n);

/* No allocation fails any more. Has one failed since fault_at()? */
bool fault_end(void);

/* Can this kernel do it? Faults that are wanted leave no trace of calls in the log. */
bool faulting_begin(void);

/*
 * From here on each allocation that the kernel makes for this thread fails, until
 * faulting_off(). Without page tables to come: all memory of the program is there, see
 * faulting_begin(), which must have come before.
 */
bool faulting_on(void);
bool faulting_off(void);

#endif /* MEMMGR_FAULTING_H */
