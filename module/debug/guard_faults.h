/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The list of all guards, and the faults beside their slots, see debug/guards.c. */
#ifndef MEMMGR_GUARD_FAULTS_H
#define MEMMGR_GUARD_FAULTS_H

#include <linux/types.h>

struct guard_slot;
struct guards;
struct memmgr_corruption;
struct memmgr_heap;

void guards_enter(struct guards *g);
void guards_leave(struct guards *g);
bool guards_were_at(const void *page, bool forget);
void guard_report_fill(const struct guard_slot *slot, struct memmgr_corruption *c);
void guard_report_add(struct memmgr_heap *heap, struct memmgr_corruption *c, u32 kind, u32 site);

#endif /* MEMMGR_GUARD_FAULTS_H */
