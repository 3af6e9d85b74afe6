/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* ioctls about heaps. */
#ifndef MEMMGR_FACE_CALLS_HEAP_H
#define MEMMGR_FACE_CALLS_HEAP_H

#include <linux/types.h>
#include <uapi/linux/memmgr.h>

struct caller;

int call_query(struct caller *caller, void *arg);
int call_heap_create(struct caller *caller, void *arg);
int call_heap_destroy(struct caller *caller, void *arg);
int call_heap_query(struct caller *caller, void *arg);
int call_heap_rights(struct caller *caller, void *arg);
int call_stats(struct caller *caller, void *arg);
int call_frag(struct caller *caller, void *arg);
int call_check(struct caller *caller, void *arg);
int call_map(struct caller *caller, void *arg);
void undo_heap_create(struct caller *caller, void *arg);

#endif /* MEMMGR_FACE_CALLS_HEAP_H */
