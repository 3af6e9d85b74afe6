/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The fragmentation indices. */
#ifndef MEMMGR_FRAG_H
#define MEMMGR_FRAG_H

#include "engine.h"

u32 frag_external(const struct engine_frag *frag);
u32 frag_internal(const struct engine_books *books);
u64 frag_free_blocks(const struct engine_frag *frag);
s32 frag_unusable(const struct engine_frag *frag, u32 order);
s32 frag_index(const struct engine_frag *frag, u32 order);

#endif /* MEMMGR_FRAG_H */
