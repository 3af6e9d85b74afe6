/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * A slab engine beside its model, with a source of slabs that does what the
 * test wants and refuses to be used wrongly.
 */
#ifndef SLAB_RIG_H
#define SLAB_RIG_H

#include "model.h"
#include "core/slab.h"

#define SLAB_RIG_MAX	16

/* What the source does with a slab. */
enum slab_rig_state { RIG_AWAY, RIG_HELD, RIG_LEAVING };

/**
 * struct slab_rig - all in one
 * @s: the engine
 * @m: its model, in units of 8 bytes
 * @may_grow: what the source says
 * @may_shrink: the same
 * @grows: calls of grow() since it was set to 0
 * @state: of each slab, as the source knows it
 * @memory: of engine and model
 */
struct slab_rig {
	struct slabs s;
	struct model m;
	u32 may_grow;
	u32 may_shrink;
	u32 grows;
	u32 reserved;
	u32 state[SLAB_RIG_MAX];
	u64 memory[];
};

size_t slab_rig_size(const struct slab_layout *layout);
struct slab_rig *slab_rig_new(const struct slab_layout *layout);

void slab_rig_alloc(struct slab_rig *rig, const struct engine_request *rq);
void slab_rig_take(struct slab_rig *rig, bool recorded);
void slab_rig_free(struct slab_rig *rig, u64 offset, bool recorded);
void slab_rig_give(struct slab_rig *rig, u64 offset, bool recorded);
void slab_rig_some(struct slab_rig *rig);
void slab_rig_resize(struct slab_rig *rig, u64 offset,
		     const struct engine_request *rq);
void slab_rig_leave(struct slab_rig *rig);
void slab_rig_later(struct slab_rig *rig);
void slab_rig_prepare(struct slab_rig *rig, u32 objects);
void slab_rig_verify(struct slab_rig *rig);

#endif /* SLAB_RIG_H */
