/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Red zones and poison: bytes that nobody may write. */
#ifndef MEMMGR_GUARD_H
#define MEMMGR_GUARD_H

#include "core/env.h"

/* What a pattern stands for. Each has bytes of its own; none has 0 or 255. */
enum guard_kind {
	GUARD_ZONE,	/* beside an allocation: 0x80 .. 0xbf */
	GUARD_POISON,	/* in what is freed: 0x60 .. 0x7f */
};

/**
 * struct guard - a run of pattern bytes
 * @kind: what it stands for
 * @key: whose it is: the bytes of another key differ
 * @position: of its first byte: the bytes of another position differ
 */
struct guard {
	enum guard_kind kind;
	u32 key;
	u64 position;
};

void guard_fill(const struct guard *guard, void *at, size_t bytes);
size_t guard_check(const struct guard *guard, const void *at, size_t bytes);
size_t guard_damage(const struct guard *guard, const void *at, size_t bytes);

#endif /* MEMMGR_GUARD_H */
