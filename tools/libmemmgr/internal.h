/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Declarations that the parts of libmemmgr share, and that no program sees. */
#ifndef MEMMGR_INTERNAL_H
#define MEMMGR_INTERNAL_H

#include <stdint.h>

/*
 * In the instruction that calls: the one that it returns to may be another line's.
 * Where that is Thumb code a return address has its lowest bit set.
 */
static inline uintptr_t call_before(uintptr_t returns_to)
{
#ifdef __arm__
	returns_to &= ~(uintptr_t)1;
#endif
	return returns_to - 1;
}

/* The place in the program that called the library. */
#define CALLER	call_before((uintptr_t)__builtin_return_address(0))

/* Unmap what memmgr_free_mapped() has left: each of these mappings keeps its file open. */
void memmgr_forget_mapped(void);

#endif /* MEMMGR_INTERNAL_H */
