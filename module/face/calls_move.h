/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* ioctls about fragmentation and moving. */
#ifndef MEMMGR_FACE_CALLS_MOVE_H
#define MEMMGR_FACE_CALLS_MOVE_H

#include <linux/types.h>
#include <uapi/linux/memmgr.h>

struct caller;

int call_explain(struct caller *caller, void *arg);
int call_compact(struct caller *caller, void *arg);
int call_health(struct caller *caller, void *arg);

#endif /* MEMMGR_FACE_CALLS_MOVE_H */
