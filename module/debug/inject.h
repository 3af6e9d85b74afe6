/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Failures on purpose: the requests of a client or to a heap fail when they are
 * told to, so that programs and drivers can test what they do then.
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
 * @skip: so many pass first
 * @interval: then every so manieth fails
 * @times: but at most so many; 0: it is off, read without the lock for that
 * @probability: of these, in thousandths; 0: all
 * @seed: that @chance began with
 * @chance: decides which of them
 * @seen: requests since it was set
 * @failed: of these
 *
 * The lock of debug/inject.c guards it, which is innermost.
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

/* The kernel's own fault injection, where the kernel has it. */
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
