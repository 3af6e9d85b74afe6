/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Memory of the program: mappings of the device, and what touching a byte raises. */
#ifndef MEMMGR_MAPPING_H
#define MEMMGR_MAPPING_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>

struct __test_metadata;

void *must_map(struct __test_metadata *_metadata, int fd, __u64 map_offset, size_t bytes);
void unmap_all(void);

/* 0 when it can be mapped so (it is unmapped again), else the errno. */
int map_error(int fd, __u64 offset, size_t bytes, int prot, int flags);

/* A page, then a page that is not there: for structures that straddle. */
unsigned char *page_before_hole(void);

/* The signal that touching a byte raises: 0, SIGBUS or SIGSEGV. */
int touch(unsigned char *p, bool write);

#endif /* MEMMGR_MAPPING_H */
