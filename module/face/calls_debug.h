/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* ioctls about errors and debugging. */
#ifndef MEMMGR_FACE_CALLS_DEBUG_H
#define MEMMGR_FACE_CALLS_DEBUG_H

#include <linux/types.h>
#include <uapi/linux/memmgr.h>

struct caller;

int call_debug(struct caller *caller, void *arg);
int call_corruptions(struct caller *caller, void *arg);
int call_inject(struct caller *caller, void *arg);
int call_track(struct caller *caller, void *arg);
int call_latency(struct caller *caller, void *arg);
int call_sites(struct caller *caller, void *arg);

#endif /* MEMMGR_FACE_CALLS_DEBUG_H */
