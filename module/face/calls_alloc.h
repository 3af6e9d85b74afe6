/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* ioctls about allocations. */
#ifndef MEMMGR_FACE_CALLS_ALLOC_H
#define MEMMGR_FACE_CALLS_ALLOC_H

#include <linux/types.h>
#include <uapi/linux/memmgr.h>

struct caller;

int call_alloc(struct caller *caller, void *arg);
int call_free(struct caller *caller, void *arg);
int call_resize(struct caller *caller, void *arg);
int call_alloc_batch(struct caller *caller, void *arg);
int call_free_batch(struct caller *caller, void *arg);
int call_mark(struct caller *caller, void *arg);
int call_release(struct caller *caller, void *arg);
int call_read(struct caller *caller, void *arg);
int call_write(struct caller *caller, void *arg);
int call_alloc_query(struct caller *caller, void *arg);
int call_list(struct caller *caller, void *arg);
int call_failures(struct caller *caller, void *arg);
void undo_alloc(struct caller *caller, void *arg);
void undo_alloc_batch(struct caller *caller, void *arg);

#endif /* MEMMGR_FACE_CALLS_ALLOC_H */
