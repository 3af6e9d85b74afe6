/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What the linker's --wrap makes of calls inside libmemmgr: theirs, and ours before it. */
#ifndef LIBRARY_WRAPPED_H
#define LIBRARY_WRAPPED_H

#include <memmgr.h>

int __real_memmgr_alloc(int fd, struct memmgr_alloc *alloc);
int __wrap_memmgr_alloc(int fd, struct memmgr_alloc *alloc);
int __real_memmgr_mmap(int fd, uint64_t map_offset, size_t bytes, int prot, void **address);
int __wrap_memmgr_mmap(int fd, uint64_t map_offset, size_t bytes, int prot, void **address);

#endif /* LIBRARY_WRAPPED_H */
