// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Blocks of random sizes, 1 to RANDOM_BYTES bytes, while BENCH_LIVE others live: a random one
 * of them goes, and another comes.
 */
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/memmgr.h>
#include "bench.h"

#define RANDOM_BYTES	1024

static size_t random_bytes(u32 *state)
{
	return 1 + bench_random(state) % RANDOM_BYTES;
}

void bench_empty(struct memmgr_heap *heap, void **live, u32 count)
{
	u32 i;

	for (i = 0; i < count; i++)
		if (live[i])
			memmgr_free(heap, live[i]);
	kvfree(live);
}

void **bench_fill(struct memmgr_heap *heap, size_t (*bytes)(u32 *state), u32 *state)
{
	void **live = kvcalloc(BENCH_LIVE, sizeof(*live), GFP_KERNEL);
	u32 i;

	for (i = 0; live && i < BENCH_LIVE; i++) {
		live[i] = memmgr_alloc(heap, bytes(state), 0, 0);
		if (!live[i]) {
			bench_empty(heap, live, i);
			return NULL;
		}
	}
	return live;
}

enum what { PAIRS, ALLOCS, FREES };

static __always_inline int run(struct sample *s, struct memmgr_heap *heap, enum what what)
{
	u32 i, went, came, state = 1;
	void **live = bench_fill(heap, random_bytes, &state);
	int err = live ? 0 : -ENOMEM;

	for (i = 0; i < BENCH_PAIRS && !err; i++) {
		void **slot = &live[bench_random(&state) % BENCH_LIVE];
		size_t bytes = random_bytes(&state);

		bench_begin(s);
		err = memmgr_free(heap, *slot);
		went = bench_end(s);
		bench_begin(s);
		*slot = memmgr_alloc(heap, bytes, 0, 0);
		came = bench_end(s);
		sample_add(s, (what == ALLOCS ? 0 : went) + (what == FREES ? 0 : came));
		if (!*slot)
			err = -ENOMEM;
	}
	if (live)
		bench_empty(heap, live, BENCH_LIVE);
	return err;
}

static int random_pairs(struct sample *s, struct memmgr_heap *heap)
{
	return run(s, heap, PAIRS);
}

static int random_allocs(struct sample *s, struct memmgr_heap *heap)
{
	return run(s, heap, ALLOCS);
}

static int random_frees(struct sample *s, struct memmgr_heap *heap)
{
	return run(s, heap, FREES);
}

const struct bench random_benches[] = {
	{ "buddy_random",	"memmgr", "bcheck",	random_pairs },
	{ "buddy_random_alloc",	"memmgr", "bcheck",	random_allocs },
	{ "buddy_random_free",	"memmgr", "bcheck",	random_frees },
	{ "tlsf_random",	"memmgr", "btlsf",	random_pairs },
	{ "tlsf_random_alloc",	"memmgr", "btlsf",	random_allocs },
	{ "tlsf_random_free",	"memmgr", "btlsf",	random_frees },
	{ }
};
