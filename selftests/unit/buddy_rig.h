/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * A buddy beside its model: each operation is done to both, and what the
 * engine answers is compared with what the model knows.
 */
#ifndef BUDDY_RIG_H
#define BUDDY_RIG_H

#include "core/buddy.h"
#include "model.h"

struct buddy_rig {
	struct buddy b;
	struct model m;
};

#define MOVES(rig)	((rig)->b.e.ops->moves)

/* @meta: buddy_meta_size() bytes, @units: model_size() bytes. */
void buddy_rig_init(struct buddy_rig *rig, u32 lead, u32 granules, u32 shift, u32 flags,
		    void *meta, void *units);

/* Each returns whether the engine did it. Free and find: model_try_*(). */
bool buddy_rig_alloc(struct buddy_rig *rig, const struct engine_request *rq);
bool buddy_rig_resize(struct buddy_rig *rig, u64 offset,
		      const struct engine_request *rq);

/* The fast path of kernel callers. @bytes is not 0. */
void buddy_rig_take(struct buddy_rig *rig, u32 bytes);
void buddy_rig_give(struct buddy_rig *rig, u32 granule);

/* Moves: to a free place, and down. Each returns whether the engine did it. */
bool buddy_rig_take_at(struct buddy_rig *rig, u32 g, u32 n, u32 slack);
void buddy_rig_left(struct buddy_rig *rig, u32 g);
bool buddy_rig_slide(struct buddy_rig *rig, u32 g, u32 to);
void buddy_rig_slid(struct buddy_rig *rig, u32 g, u32 keep, u32 n);

/* Take a picture and compare it with the model. */
void buddy_rig_picture(struct buddy_rig *rig, u32 g, u32 n, u8 *cell);

void buddy_rig_frag(struct buddy_rig *rig);
void buddy_rig_verify(struct buddy_rig *rig);

#endif /* BUDDY_RIG_H */
