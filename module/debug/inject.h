/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Injected failures: requests of a client or to a heap fail on purpose, so that the
 * authors of programs and drivers can test how these react.
 */
#ifndef MEMMGR_INJECT_H
#define MEMMGR_INJECT_H

#include <linux/prandom.h>
#include <linux/types.h>

struct client;
struct memmgr_heap;

struct memmgr_inject;

/**
 * struct injection - which requests of a client, or to a heap, fail
 * @skip: number of requests that pass first
 * @interval: after these every @interval-th request is to fail
 * @times: largest number of failures; 0: it is off, which is read without the lock
 * @probability: thousandths of the requests that are to fail that do fail; 0: all
 * @seed: initial value of @chance
 * @chance: decides which of them fail
 * @seen: requests since the injection was set
 * @failed: requests that it let fail
 *
 * The lock in debug/inject.c guards it. That lock is innermost.
 */
struct injection {
	u64 skip;
	u64 interval;
	u64 times;
	u32 probability;
	u32 seed;
	struct rnd_state chance;
	u64 seen;
	u64 failed;
};

#if IS_ENABLED(CONFIG_MEMMGR_DEBUG)
bool inject_heap(struct memmgr_heap *heap, u64 bytes);
bool inject_client(struct client *client);
void inject_of_heap(struct memmgr_heap *heap, struct memmgr_inject *inject);
#else
static inline bool inject_heap(struct memmgr_heap *heap, u64 bytes)
{
	return false;
}

static inline bool inject_client(struct client *client)
{
	return false;
}
#endif

/* The kernel's own fault injection, if the kernel has it. */
#if IS_ENABLED(CONFIG_MEMMGR_DEBUG) && defined(CONFIG_FAULT_INJECTION)
void inject_start(void);
void inject_end(void);
#else
static inline void inject_start(void)
{
}

static inline void inject_end(void)
{
}
#endif

void injection_set(struct injection *in, const struct memmgr_inject *inject);
void injection_describe(const struct injection *in, struct memmgr_inject *inject);
bool is_set_call(const struct memmgr_inject *inject);
int call_heap_injection(struct memmgr_heap *heap, struct memmgr_inject *inject);

#endif /* MEMMGR_INJECT_H */
