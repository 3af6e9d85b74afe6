// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The heaps that serve a trace: heaps made to measure, or one that exists. */
#include <inttypes.h>
#include <memmgr.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/memory.h"
#include "memctl.h"
#include "trace/replay.h"

#define CLASS_SMALLEST	16u
#define CLASS_LARGEST	32768u
#define SLAB_LARGEST	65536u
#define GRANULE		32u	/* of a buddy made for a trace; the others have their usual one */
#define ARENA_LEAST	65536u

static bool has_classes(uint32_t kind)
{
	return kind == MEMMGR_KIND_SLAB || kind == MEMMGR_KIND_POOL;
}

uint32_t target_route(const struct target *target, uint64_t bytes, unsigned int align_shift)
{
	if (!target->own || !has_classes(target->kind))
		return 0;
	if (1ull << align_shift > CLASS_ALIGN)
		return NO_CLASS;
	for (uint32_t i = 0; i < target->count; i++) {
		if (bytes <= target->classes[i].size)
			return i;
	}
	return NO_CLASS;
}

/* 16, 24, 32, 48, 64, 96 ... : at most a third of an object is wasted. */
static void list_classes(struct target *target)
{
	target->count = 0;
	for (uint64_t size = CLASS_SMALLEST; size <= CLASS_LARGEST; size *= 2) {
		target->classes[target->count++].size = size;
		if (size < CLASS_LARGEST)
			target->classes[target->count++].size = size + size / 2;
	}
}

/* The allocations of each class that live at a time; replay.c moves between classes alike. */
struct tally {
	uint32_t live[CLASSES_MAX];
	uint32_t *class_of;	/* by slot */
};

static void enter(struct target *target, struct tally *tally, uint32_t slot, uint32_t class)
{
	tally->class_of[slot] = class;
	if (class == NO_CLASS)
		return;
	if (++tally->live[class] > target->classes[class].peak)
		target->classes[class].peak = tally->live[class];
}

static void leave(struct tally *tally, uint32_t class)
{
	if (class != NO_CLASS)
		tally->live[class]--;
}

static void count_event(struct target *target, struct tally *tally,
			const struct trace_event *event)
{
	uint32_t class, old = tally->class_of[event->slot];

	switch (event->op) {
	case TRACE_ALLOC:
		class = target_route(target, event->size, event->align_shift);
		enter(target, tally, event->slot, class);
		break;
	case TRACE_FREE:
		leave(tally, old);
		break;
	case TRACE_RESIZE:
		/* A block that fits in its place stays; so does one that moved to main. */
		if (old == NO_CLASS || event->size <= target->classes[old].size)
			break;
		enter(target, tally, event->slot, target_route(target, event->size, 0));
		leave(tally, old);
		break;
	}
}

static void count_classes(const struct trace *trace, struct target *target)
{
	struct tally tally = { .class_of = calloc(trace->slots, sizeof(uint32_t)) };

	if (!tally.class_of)
		out_of_memory();
	for (size_t i = 0; i < trace->count; i++)
		count_event(target, &tally, &trace->events[i]);
	free(tally.class_of);
}

static int create_heap(const struct memctl *ctl, struct memmgr_heap_create *create)
{
	int err;

	create->flags = MEMMGR_HEAP_PRIVATE;
	err = memmgr_heap_create(ctl->fd, create);
	return err ? fail_heap(ctl, err, create) : EXIT_OK;
}

/*
 * How far the slabs of a class may grow. Up to half of a slab may lie behind its last object,
 * the last slab may have one object alone, and a slab may be as large as 64 KiB. A limit costs
 * nothing by itself; main has no more to give than what is free in it.
 */
static uint64_t slab_limit(const struct target_class *class, uint64_t main_free)
{
	uint64_t bytes = 2 * class->size * class->peak + SLAB_LARGEST;

	return bytes < main_free ? bytes : main_free;
}

/* One heap for each class that the trace uses; the others leave the list. */
static int create_classes(const struct memctl *ctl, struct target *target)
{
	uint32_t all = target->count;
	struct memmgr_frag main;
	int rc = EXIT_OK;

	if (memmgr_frag(ctl->fd, MEMMGR_HEAP_MAIN, &main))
		main.free = UINT64_MAX;
	target->count = 0;
	for (uint32_t i = 0; i < all && !rc; i++) {
		struct target_class *class = &target->classes[i];
		struct memmgr_heap_create create = {
			.kind = target->kind,
			.bytes = target->kind == MEMMGR_KIND_SLAB ?
				slab_limit(class, main.free) : 0,
			.object_size = class->size,
			.align = class->size % CLASS_ALIGN ? 8 : CLASS_ALIGN,
			.count = target->kind == MEMMGR_KIND_POOL ? class->peak : 0,
			.max_allocations = class->peak,
		};

		if (!class->peak)
			continue;
		snprintf(create.name, sizeof(create.name), "replay-%d-%s-%" PRIu64, (int)getpid(),
			 memmgr_kind_name(target->kind), class->size);
		rc = create_heap(ctl, &create);
		class->heap = create.heap;
		if (!rc)
			target->classes[target->count++] = *class;
	}
	return rc;
}

/*
 * A buddy gets twice the trace's peak, as one that sizes a region would; a
 * stack, which may have to keep everything, all that the trace ever asks for.
 * Neither gets more than there is.
 */
static uint64_t choose_arena(const struct memctl *ctl, const struct trace *trace, uint32_t kind)
{
	uint64_t arena = kind == MEMMGR_KIND_STACK ? trace->total_bytes : 2 * trace->peak_bytes;
	struct memmgr_frag main;

	/* Every block is rounded up to a granule or unit. */
	arena += (kind == MEMMGR_KIND_STACK ? trace->allocs + trace->resizes : trace->slots) *
		 (uint64_t)GRANULE;
	if (arena < ARENA_LEAST)
		arena = ARENA_LEAST;
	if (!memmgr_frag(ctl->fd, MEMMGR_HEAP_MAIN, &main) && main.largest < arena)
		arena = main.largest;
	return arena;
}

static int create_single(const struct memctl *ctl, const struct trace *trace,
			 struct target *target)
{
	bool stack = target->kind == MEMMGR_KIND_STACK;
	struct memmgr_heap_create create = {
		.kind = target->kind,
		.bytes = target->arena,
		.granule = target->kind == MEMMGR_KIND_BUDDY ? GRANULE : 0,
		/* A resize that moves has both for a moment; a stack keeps what it refuses. */
		.max_allocations = stack ? trace->allocs + trace->resizes : trace->slots + 1,
	};
	int rc;

	snprintf(create.name, sizeof(create.name), "replay-%d-%s", (int)getpid(),
		 memmgr_kind_name(target->kind));
	rc = create_heap(ctl, &create);
	if (!rc) {
		target->classes[0].heap = create.heap;
		target->classes[0].size = UINT64_MAX;
		target->count = 1;
	}
	return rc;
}

int target_create(const struct memctl *ctl, const struct trace *trace, uint32_t kind,
		  uint64_t arena, struct target *target)
{
	int rc;

	*target = (struct target){ .kind = kind, .own = true };
	if (has_classes(kind)) {
		list_classes(target);
		count_classes(trace, target);
		rc = create_classes(ctl, target);
	} else {
		target->arena = arena ? arena : choose_arena(ctl, trace, kind);
		rc = create_single(ctl, trace, target);
	}
	if (rc)
		target_destroy(ctl, target);
	return rc;
}

void target_existing(const struct memmgr_heap_query *heap, struct target *target)
{
	*target = (struct target){
		.kind = heap->kind,
		.classes[0] = { .size = UINT64_MAX, .heap = heap->heap },
		.count = 1,
	};
}

void target_destroy(const struct memctl *ctl, struct target *target)
{
	while (target->own && target->count)
		memmgr_heap_destroy(ctl->fd, target->classes[--target->count].heap,
				    MEMMGR_DESTROY_FORCE);
}
