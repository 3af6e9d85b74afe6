/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* ioctls about clients, pins and dma-bufs. */
#ifndef MEMMGR_FACE_CALLS_SHARE_H
#define MEMMGR_FACE_CALLS_SHARE_H

#include <linux/types.h>
#include <uapi/linux/memmgr.h>

struct caller;

int call_protect(struct caller *caller, void *arg);
int call_sync(struct caller *caller, void *arg);
int call_export(struct caller *caller, void *arg);
void keep_export(struct caller *caller, void *arg);
void undo_export(struct caller *caller, void *arg);
int call_accounts(struct caller *caller, void *arg);
int call_set_quota(struct caller *caller, void *arg);
int call_pin(struct caller *caller, void *arg);
int call_unpin(struct caller *caller, void *arg);
void undo_pin(struct caller *caller, void *arg);

#endif /* MEMMGR_FACE_CALLS_SHARE_H */
