// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Running a trace through heaps, one call for each event. */
#include <errno.h>
#include <memmgr.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/bar.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/interrupt.h"
#include "base/memory.h"
#include "memctl.h"
#include "trace/replay.h"

#define PATTERN_BYTES	8u

enum slot_state {
	SLOT_EMPTY,
	SLOT_LIVE,
	SLOT_FAILED,	/* could not be allocated; its other events are skipped */
};

struct slot {
	uint64_t handle;
	uint64_t requested;
	uint64_t granted;
	uint64_t pattern;	/* with --verify */
	uint32_t class;		/* or NO_CLASS */
	uint32_t state;		/* enum slot_state */
	uint32_t layer;		/* stack heaps: index in struct replay.layers */
};

/* The allocations of a stack heap, from the bottom up. */
struct layer {
	uint64_t handle;
	uint64_t granted;
	bool kept;		/* freed by the trace, refused by the heap */
};

struct replay {
	const struct memctl *ctl;
	const struct trace *trace;
	const struct replay_options *options;
	struct replay_result *result;
	struct target target;
	struct slot *slots;
	struct layer *layers;	/* stack heaps only */
	size_t depth;
	uint64_t requested;	/* by what lives */
	uint64_t granted;	/* to what lives */
	uint64_t kept;
	uint64_t passed_on;	/* bytes of it */
};

/* ---- the pattern of --verify ---- */

static size_t edge(const struct slot *slot)
{
	return slot->requested < PATTERN_BYTES ? slot->requested : PATTERN_BYTES;
}

static int write_pattern(struct replay *replay, struct slot *slot)
{
	int err = memmgr_write(replay->ctl->fd, slot->handle, slot->requested - edge(slot),
			       &slot->pattern, edge(slot));

	if (!err)
		err = memmgr_write(replay->ctl->fd, slot->handle, 0, &slot->pattern, edge(slot));
	return err;
}

static int check_pattern(struct replay *replay, const struct slot *slot)
{
	uint64_t first = 0, last = 0;
	int err = memmgr_read(replay->ctl->fd, slot->handle, 0, &first, edge(slot));

	if (!err)
		err = memmgr_read(replay->ctl->fd, slot->handle, slot->requested - edge(slot),
				  &last, edge(slot));
	if (err)
		return err;
	/* Below 16 bytes the ends overlap; the first was written last. */
	if (memcmp(&first, &slot->pattern, edge(slot)) ||
	    (slot->requested >= 2 * PATTERN_BYTES &&
	     memcmp(&last, &slot->pattern, PATTERN_BYTES)))
		replay->result->damaged++;
	return 0;
}

static int mark_contents(struct replay *replay, struct slot *slot)
{
	static uint64_t serial;

	if (!replay->options->verify)
		return 0;
	slot->pattern = ++serial * 0x9e3779b97f4a7c15ull;
	return write_pattern(replay, slot);
}

static int check_contents(struct replay *replay, const struct slot *slot)
{
	return replay->options->verify ? check_pattern(replay, slot) : 0;
}

/* ---- events; each returns 0 or what no trace should bring about ---- */

static bool is_refusal(int err)
{
	return err == -ENOMEM || err == -ENOSPC;
}

static void count_live(struct replay *replay, const struct slot *slot)
{
	struct replay_result *result = replay->result;

	replay->requested += slot->requested;
	replay->granted += slot->granted;
	if (slot->class == NO_CLASS)
		replay->passed_on += slot->granted;
	if (replay->granted + replay->kept > result->most)
		result->most = replay->granted + replay->kept;
}

static void count_gone(struct replay *replay, const struct slot *slot)
{
	replay->requested -= slot->requested;
	replay->granted -= slot->granted;
	if (slot->class == NO_CLASS)
		replay->passed_on -= slot->granted;
}

/* Allocates into @slot, which stays as it is when that fails. @class: or NO_CLASS, as of main. */
static int obtain(struct replay *replay, struct slot *slot, uint32_t class, uint64_t bytes,
		  unsigned int shift)
{
	struct memmgr_alloc alloc = {
		.heap = class == NO_CLASS ? MEMMGR_HEAP_MAIN : replay->target.classes[class].heap,
		.flags = MEMMGR_ALLOC_NO_FALLBACK,
		.bytes = bytes,
		.align = shift ? 1ull << shift : 0,
	};
	int err = memmgr_alloc(replay->ctl->fd, &alloc);

	if (err) {
		if (is_refusal(err) && alloc.reason < MEMMGR_REASONS)
			replay->result->failed[alloc.reason]++;
		return err;
	}
	*slot = (struct slot){
		.handle = alloc.handle,
		.requested = bytes,
		.granted = alloc.granted,
		.class = class,
		.state = SLOT_LIVE,
		.layer = (uint32_t)replay->depth,
	};
	replay->result->passed_on += class == NO_CLASS;
	count_live(replay, slot);
	if (replay->layers)
		replay->layers[replay->depth++] = (struct layer){ slot->handle, slot->granted,
								  false };
	return mark_contents(replay, slot);
}

/* The top has gone: what was kept below it may go now. */
static int pop_layers(struct replay *replay)
{
	replay->depth--;
	while (replay->depth && replay->layers[replay->depth - 1].kept) {
		struct layer *top = &replay->layers[replay->depth - 1];
		int err = memmgr_free(replay->ctl->fd, top->handle);

		if (err)
			return err;
		replay->kept -= top->granted;
		replay->depth--;
	}
	return 0;
}

static void keep_layer(struct replay *replay, const struct slot *slot)
{
	struct replay_result *result = replay->result;

	replay->layers[slot->layer].kept = true;
	result->refused_frees++;
	replay->kept += slot->granted;
	if (replay->kept > result->kept_most)
		result->kept_most = replay->kept;
}

static int release(struct replay *replay, const struct slot *slot)
{
	int err = check_contents(replay, slot);

	if (err)
		return err;
	count_gone(replay, slot);
	err = memmgr_free(replay->ctl->fd, slot->handle);
	if (err == -EBUSY && replay->layers) {
		keep_layer(replay, slot);
		return 0;
	}
	if (!err && replay->layers)
		err = pop_layers(replay);
	return err;
}

static int run_alloc(struct replay *replay, struct slot *slot, const struct trace_event *event)
{
	uint32_t class = target_route(&replay->target, event->size, event->align_shift);
	int err = obtain(replay, slot, class, event->size, event->align_shift);

	if (!is_refusal(err))
		return err;
	slot->state = SLOT_FAILED;
	return 0;
}

static int run_free(struct replay *replay, struct slot *slot, const struct trace_event *event)
{
	int err = 0;

	(void)event;
	if (slot->state == SLOT_LIVE)
		err = release(replay, slot);
	else
		replay->result->skipped++;
	slot->state = SLOT_EMPTY;
	return err;
}

/*
 * As realloc(): what cannot be had anew leaves the old in place. What is in main stays there, as
 * target.c counts it: no class has room for it.
 */
static int move(struct replay *replay, struct slot *slot, uint64_t bytes)
{
	struct slot old = *slot;
	uint32_t class = old.class == NO_CLASS ? NO_CLASS : target_route(&replay->target, bytes, 0);
	int err = obtain(replay, slot, class, bytes, 0);

	if (is_refusal(err))
		return 0;
	replay->result->moved++;
	return err ? err : release(replay, &old);
}

static int run_resize(struct replay *replay, struct slot *slot, const struct trace_event *event)
{
	struct memmgr_resize resize = { .handle = slot->handle, .bytes = event->size };
	int err;

	if (slot->state != SLOT_LIVE) {
		replay->result->skipped++;
		return 0;
	}
	if (slot->class != NO_CLASS && event->size > replay->target.classes[slot->class].size)
		return move(replay, slot, event->size);
	err = check_contents(replay, slot);
	if (!err)
		err = memmgr_resize(replay->ctl->fd, &resize);
	if (err == -EBUSY || err == -EOPNOTSUPP || is_refusal(err))
		return move(replay, slot, event->size);
	if (err)
		return err;
	count_gone(replay, slot);
	slot->requested = event->size;
	slot->granted = resize.granted;
	count_live(replay, slot);
	if (replay->layers)
		replay->layers[slot->layer].granted = resize.granted;
	replay->result->resized++;
	return mark_contents(replay, slot);
}

static int (*const run_event[])(struct replay *, struct slot *, const struct trace_event *) = {
	[TRACE_ALLOC]	= run_alloc,
	[TRACE_FREE]	= run_free,
	[TRACE_RESIZE]	= run_resize,
};

/* ---- what is looked at on the way ---- */

/* Thousandths of the target's free memory that one request could not get. */
static uint64_t external(const struct replay *replay)
{
	uint64_t free = 0, unusable = 0;

	for (uint32_t i = 0; i < replay->target.count; i++) {
		struct memmgr_frag frag;

		if (memmgr_frag(replay->ctl->fd, replay->target.classes[i].heap, &frag))
			continue;
		free += frag.free;
		unusable += frag.free * frag.external;
	}
	return free ? unusable / free : 0;
}

static uint64_t held(const struct replay *replay)
{
	uint64_t bytes = replay->passed_on;

	for (uint32_t i = 0; i < replay->target.count; i++) {
		struct memmgr_heap_query heap;

		if (!memmgr_heap_query(replay->ctl->fd, replay->target.classes[i].heap, &heap))
			bytes += heap.held;
	}
	return bytes;
}

static void look_at_peak(struct replay *replay)
{
	struct replay_result *result = replay->result;

	result->requested = replay->requested;
	result->granted = replay->granted + replay->kept;
	result->passed_on_peak = replay->passed_on;
	result->internal = replay->granted ?
		(replay->granted - replay->requested) * 1000 / replay->granted : 0;
	result->held = held(replay);
	result->external_peak = external(replay);
}

#define EVENTS_A_LOOK	1024u	/* between two looks at the progress bar */

static void show_progress(const struct replay *replay, struct bar *bar)
{
	if (!(replay->result->events % EVENTS_A_LOOK))
		bar_show(bar, replay->result->events, replay->trace->count, "%s",
			 memmgr_kind_name(replay->target.kind));
}

/* Runs all events. The clock stands still while figures are taken. */
static int run_events(struct replay *replay)
{
	const struct trace *trace = replay->trace;
	uint64_t start = now_ns(CLOCK_MONOTONIC), pause;
	struct bar bar = bar_begin(replay->ctl->json);
	int err = 0;

	for (size_t i = 0; i < trace->count && !interrupt_arrived() && !err; i++) {
		const struct trace_event *event = &trace->events[i];

		err = run_event[event->op](replay, &replay->slots[event->slot], event);
		replay->result->events++;
		show_progress(replay, &bar);
		if (i == trace->peak_at && !err) {
			pause = now_ns(CLOCK_MONOTONIC);
			look_at_peak(replay);
			start += now_ns(CLOCK_MONOTONIC) - pause;
		}
	}
	replay->result->ns = now_ns(CLOCK_MONOTONIC) - start;
	bar_end(&bar);
	replay->result->kept_end = replay->kept;
	replay->result->external_end = external(replay);
	return err;
}

/* ---- beginning and end ---- */

/* The heaps made for this go as a whole; here goes what lives elsewhere. */
static void free_rest(struct replay *replay)
{
	while (replay->depth)
		memmgr_free(replay->ctl->fd, replay->layers[--replay->depth].handle);
	for (uint32_t i = 0; i < replay->trace->slots; i++) {
		const struct slot *slot = &replay->slots[i];

		if (slot->state == SLOT_LIVE && !replay->layers &&
		    (!replay->target.own || slot->class == NO_CLASS))
			memmgr_free(replay->ctl->fd, slot->handle);
	}
	target_destroy(replay->ctl, &replay->target);
}

static int run_target(struct replay *replay)
{
	const struct trace *trace = replay->trace;
	int err;

	replay->result->heaps = replay->target.count;
	replay->slots = calloc(trace->slots, sizeof(*replay->slots));
	if (replay->target.kind == MEMMGR_KIND_STACK)
		replay->layers = calloc(trace->allocs + trace->resizes, sizeof(*replay->layers));
	if (!replay->slots || (replay->target.kind == MEMMGR_KIND_STACK && !replay->layers))
		out_of_memory();
	err = run_events(replay);
	free_rest(replay);
	free(replay->slots);
	free(replay->layers);
	if (interrupt_arrived())
		return EXIT_INTERRUPTED;
	if (err)
		return fail_errno(replay->ctl, err, "event %llu of the trace",
				  (unsigned long long)replay->result->events);
	return EXIT_OK;
}

int replay_run(const struct memctl *ctl, const struct trace *trace, uint32_t kind,
	       const struct memmgr_heap_query *heap,
	       const struct replay_options *options, struct replay_result *result)
{
	struct replay replay = {
		.ctl = ctl,
		.trace = trace,
		.options = options,
		.result = result,
	};
	int rc = EXIT_OK;

	memset(result, 0, sizeof(*result));
	if (heap)
		target_existing(heap, &replay.target);
	else
		rc = target_create(ctl, trace, kind, options->arena, &replay.target);
	return rc ? rc : run_target(&replay);
}
