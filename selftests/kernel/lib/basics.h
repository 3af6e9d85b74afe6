/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Small things that every test wants: bytes, numbers and time. */
#ifndef MEMMGR_BASICS_H
#define MEMMGR_BASICS_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include <linux/memmgr.h>

#define KIB	1024ull
#define MIB	(1024ull * KIB)

__u64 now_ns(clockid_t clock);
void sort_by_offset(struct memmgr_alloc *blocks, size_t count);

/* Bytes that tell which block they belong to and where they lie in it. */
void fill_pattern(unsigned char *p, size_t bytes, __u32 seed);

bool is_pattern(const unsigned char *p, size_t bytes, __u32 seed);
bool is_zero(const unsigned char *p, size_t bytes);

/* xorshift: small, and the same everywhere */
__u32 test_random(__u32 *state);

__u64 test_number(const char *name, __u64 otherwise);

/* The seed of this run, printed; SEED=n repeats one. */
__u32 test_seed(void);

/* A debug kernel is many times slower. */
bool is_debug_kernel(void);

/* Its first access to a page that is mapped already is a fault all the same. */
bool is_user_mode_linux(void);

/* How often a race is run: a quarter of @many where one CPU leaves little to race. */
unsigned int race_rounds(unsigned int many);

/* Was the module loaded with realtime=1? */
bool is_realtime(void);

/* Of an address of the kernel, which may be wider than the program's own. */
unsigned int kernel_bits(void);

/* A handler that does nothing: its signal ends a wait. */
void wake_up(int signal);

#endif /* MEMMGR_BASICS_H */
