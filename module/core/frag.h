/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The fragmentation indices. */
#ifndef MEMMGR_FRAG_H
#define MEMMGR_FRAG_H

#include "core/engine.h"

u32 frag_external(const struct engine_frag *frag);
u32 frag_internal(const struct engine_frag *frag);
u32 frag_indices(const struct engine_frag *frag, s32 *unusable, s32 *index);

#endif /* MEMMGR_FRAG_H */
