/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Modes, users and groups of heaps, and the access to allocations, as words. */
#ifndef MEMCTL_RIGHTS_H
#define MEMCTL_RIGHTS_H

#include <argp.h>
#include <memmgr.h>
#include <stdint.h>

#define MODE_ALL	0666u

/* The value of a word; a usage error that names the word if it has none. */
uint32_t arg_mode(struct argp_state *state, const char *text);
uint32_t arg_user(struct argp_state *state, const char *name, const char *text);
uint32_t arg_group(struct argp_state *state, const char *name, const char *text);
/* "rw-r-----", as ls has it, and a name or a number; valid until the next call of the same. */
const char *mode_text(const struct memmgr_heap_query *heap);
const char *user_text(uint32_t uid);
const char *group_text(uint32_t gid);

#define ACCESSES	3
/* "none", "read" and "read-write", and what they stand for. */
extern const char *const access_names[ACCESSES];
extern const uint32_t access_bits[ACCESSES];
/* The word of some MEMMGR_ACCESS_*. */
const char *access_name(uint32_t access);

#endif /* MEMCTL_RIGHTS_H */
