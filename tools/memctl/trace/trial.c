// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* A trace through an engine of the module, in this program. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "trace/env.h"
#include "core/buddy.h"
#include "core/frag.h"
#include "core/tlsf.h"
#include "trace/trial.h"

#define GRANULES_MOST	(1u << 22)	/* some 15 MiB of books */

enum slot_state {
	SLOT_EMPTY,
	SLOT_LIVE,
	SLOT_FAILED,	/* its other events are skipped */
};

struct slot {
	uint64_t offset;
	uint64_t requested;
	uint64_t granted;
	enum slot_state state;
};

struct run {
	struct trial *trial;
	union {
		struct buddy buddy;
		struct tlsf tlsf;
	};
	struct engine *engine;
	struct slot *slots;
	struct trial_point now;
	size_t event;
};

/* ---- engines ---- */

static int start_buddy(struct run *run, u32 granules, u32 shift, void *books)
{
	run->engine = &run->buddy.e;
	return buddy_init(&run->buddy, 0, granules, shift, BUDDY_JOIN, books);
}

static size_t books_of_buddy(u32 granules, u32 shift)
{
	(void)shift;
	return buddy_meta_size(0, granules);
}

static int start_tlsf(struct run *run, u32 granules, u32 shift, void *books)
{
	run->engine = &run->tlsf.e;
	return tlsf_init(&run->tlsf, 0, granules, shift, TLSF_SEARCH, books);
}

/* As heaps are made where nobody says otherwise; the buddy as memctl replay makes it. */
static const struct {
	u32 shift;	/* log2 of the granule */
	size_t (*books)(u32 granules, u32 shift);
	int (*start)(struct run *run, u32 granules, u32 shift, void *books);
} engines[MEMMGR_KINDS] = {
	[MEMMGR_KIND_BUDDY] = { 5, books_of_buddy, start_buddy },
	[MEMMGR_KIND_TLSF] = { TLSF_MIN_SHIFT, tlsf_meta_size, start_tlsf },
};

/* ---- events ---- */

static void count_live(struct run *run, struct slot *slot, const struct engine_block *block,
		       uint64_t bytes)
{
	slot->offset = block->offset;
	slot->requested = bytes;
	slot->granted = block->granted;
	slot->state = SLOT_LIVE;
	run->now.requested += bytes;
	run->now.used += block->granted;
	run->now.live++;
}

static void count_gone(struct run *run, const struct slot *slot)
{
	run->now.requested -= slot->requested;
	run->now.used -= slot->granted;
	run->now.live--;
}

static bool obtain(struct run *run, struct slot *slot, uint64_t bytes, unsigned int shift)
{
	struct engine_search search = { 0 };
	/* What is more than all that is free needs no look at each piece of it. */
	bool hopeless = bytes > run->trial->size - run->now.used;
	const struct engine_request request = {
		.bytes = bytes, .align = 1ull << shift, .search = hopeless ? NULL : &search,
	};
	struct engine *engine = run->engine;
	struct engine_refusal why;
	struct engine_block block;
	int err;

	do {
		err = engine->ops->alloc(engine, &request, &block, &why);
	} while (err == -EAGAIN);
	if (err) {
		if (!run->trial->failures++)
			run->trial->first_failure = run->event;
		run->trial->failed[why.reason]++;
		return false;
	}
	count_live(run, slot, &block, bytes);
	return true;
}

static void release(struct run *run, const struct slot *slot)
{
	struct engine *engine = run->engine;
	struct engine_block block;

	engine->ops->free(engine, slot->offset, false, &block);
	count_gone(run, slot);
}

static void run_alloc(struct run *run, struct slot *slot, const struct trace_event *event)
{
	if (!obtain(run, slot, event->size, event->align_shift))
		slot->state = SLOT_FAILED;
}

static void run_free(struct run *run, struct slot *slot, const struct trace_event *event)
{
	(void)event;
	if (slot->state == SLOT_LIVE)
		release(run, slot);
	else
		run->trial->skipped++;
	slot->state = SLOT_EMPTY;
}

/* As realloc(): in place, or else anew; what cannot be had leaves the old in place. */
static void run_resize(struct run *run, struct slot *slot, const struct trace_event *event)
{
	const struct engine_request request = { .bytes = event->size };
	struct engine *engine = run->engine;
	struct slot old = *slot;
	struct engine_refusal why;
	struct engine_block block;

	if (slot->state != SLOT_LIVE) {
		run->trial->skipped++;
		return;
	}
	if (!engine->ops->resize(engine, slot->offset, &request, &block, &why)) {
		count_gone(run, &old);
		count_live(run, slot, &block, event->size);
	} else if (obtain(run, slot, event->size, 0)) {
		release(run, &old);
		run->trial->moved++;
	}
}

static void (*const run_event[])(struct run *, struct slot *, const struct trace_event *) = {
	[TRACE_ALLOC]	= run_alloc,
	[TRACE_FREE]	= run_free,
	[TRACE_RESIZE]	= run_resize,
};

/* ---- what is looked at on the way ---- */

static void look_at(struct run *run, trial_look *look, void *arg)
{
	struct trial *trial = run->trial;
	struct engine *engine = run->engine;
	struct engine_frag frag;

	engine->ops->frag(engine, &frag);
	run->now.free = frag.free;
	run->now.largest = frag.largest;
	run->now.external = frag_external(&frag);
	if (run->now.used > trial->peak.used) {
		trial->peak = run->now;
		trial->peak_at = run->event;
	}
	if (run->now.external > trial->worst.external) {
		trial->worst = run->now;
		trial->worst_at = run->event;
	}
	look(arg, run->event, &run->now);
}

static u32 granule_shift(uint32_t kind, uint64_t size)
{
	u32 shift = engines[kind].shift;

	while (size >> shift > GRANULES_MOST)
		shift++;
	return shift;
}

uint32_t trial_granule(uint32_t kind, uint64_t size)
{
	return 1u << granule_shift(kind, size);
}

int trial_run(const struct trace *trace, struct trial *trial, trial_look *look, void *arg)
{
	u32 shift = granule_shift(trial->kind, trial->size);
	u32 granules = (u32)(trial->size >> shift);
	size_t bytes = engines[trial->kind].books(granules, shift);
	void *books = calloc(1, bytes);
	struct run run = { .trial = trial };

	*trial = (struct trial){
		.kind = trial->kind,
		.size = trial->size,
		.granule = 1u << shift,
		.books = bytes,
	};
	run.slots = calloc(trace->slots, sizeof(*run.slots));
	if (!books || !run.slots ||
	    engines[trial->kind].start(&run, granules, shift, books)) {
		free(books);
		free(run.slots);
		return -1;
	}
	for (; run.event < trace->count && (look || !trial->failures); run.event++) {
		const struct trace_event *event = &trace->events[run.event];

		run_event[event->op](&run, &run.slots[event->slot], event);
		if (look)
			look_at(&run, look, arg);
	}
	free(books);
	free(run.slots);
	return 0;
}

/* ---- the least size ---- */

static uint64_t whole(uint64_t bytes)
{
	return ALIGN(bytes, TRIAL_STEP);
}

/* 1: it suffices, 0: it does not, -1: nobody knows. */
static int suffices(const struct trace *trace, uint32_t kind, uint64_t size)
{
	struct trial trial = { .kind = kind, .size = size };

	return trial_run(trace, &trial, NULL, NULL) ? -1 : !trial.failures;
}

/* The first of ever larger sizes that suffices in @high, the one before it in @low. */
static int find_enough(const struct trace *trace, uint32_t kind, uint64_t *low,
		       uint64_t *high)
{
	int enough = 0;

	/* Nothing below the peak can do. */
	*high = whole(trace->peak_bytes);
	*low = *high - TRIAL_STEP;
	while (*high <= TRIAL_MOST) {
		enough = suffices(trace, kind, *high);
		if (enough || *high == TRIAL_MOST)
			break;
		*low = *high;
		*high = min_t(uint64_t, whole(*high + *high / 4), TRIAL_MOST);
	}
	return enough;
}

uint64_t trial_least(const struct trace *trace, uint32_t kind)
{
	uint64_t step = whole(trace->peak_bytes / 64 + 1), low, high;
	int enough = find_enough(trace, kind, &low, &high);

	while (enough > 0 && high - low > step) {
		uint64_t middle = whole(low + (high - low) / 2);
		int rc = suffices(trace, kind, middle);

		if (rc < 0)
			enough = rc;
		else if (rc)
			high = middle;
		else
			low = middle;
	}
	return enough < 0 ? TRIAL_UNKNOWN : enough ? high : 0;
}
