/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Red zones and poison: patterns of bytes that no one may overwrite. */
#ifndef MEMMGR_GUARD_H
#define MEMMGR_GUARD_H

#include "core/env.h"

/* Purpose of a pattern. Each kind has its own byte values; no kind uses 0 or 255. */
enum guard_kind {
	GUARD_ZONE,	/* beside an allocation: 0x80 .. 0xbf */
	GUARD_POISON,	/* in freed memory: 0x60 .. 0x7f */
};

/**
 * struct guard - a run of pattern bytes
 * @kind: purpose of the pattern
 * @key: identifies the owner; another key gives other bytes
 * @position: position of the first byte; another position gives other bytes
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
