// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * fake_memmgr: /dev/memmgr for tests of memctl on a machine without the module.
 *
 *	LD_PRELOAD=libfake_memmgr.so MEMMGR_DEVICE=FILE memctl ...
 *
 * FILE is a plain file that holds the whole state, so that what one run
 * allocates the next one sees. The model is the simplest that keeps the rules
 * of the ABI: every heap is a range of main with a list of blocks in order of
 * their offset, searched first fit. It does not map. With
 * FAKE_DAMAGE in the environment what is written goes wrong in one bit, with
 * FAKE_INTERRUPT=N SIGINT arrives with the Nth allocation or compaction, with
 * FAKE_INTERRUPT_STATS=N with the Nth request for statistics. With FAKE_RESTLESS each
 * compaction finds as much to be moved as the one before. With
 * FAKE_BEFORE_WAIT="N SIGNAL" that signal arrives just before the Nth wait, after whatever
 * memctl looked at before it, and an allocation that may wait does, without end. With
 * FAKE_GROWS="FROM TO BYTES" somebody who has gone since allocates BYTES with each of
 * the requests for statistics FROM to TO, persistent, with the tag grows. Compaction
 * moves everything to the front of its heap, and each call takes FAKE_SLOW ms. What
 * read() gives is in FAKE_EVENTS="KIND:VALUE:LIMIT:BYTES ...".
 * FAKE_OWNER="COMM UID PINS" says who allocates, and how often that is pinned.
 * Sites are in FAKE_SITES="KIND:OFFSET:NAME ...", from id 1 on, with '|' between the
 * frames of kernel code; FAKE_SITE=ID says where an allocation comes from.
 * FAKE_TRACKED says that heaps are tracked from the start, FAKE_USER="UID BYTES PEAK MAX
 * REFUSED" is the one user that has something.
 * Where latency is measured an allocation takes a nanosecond for each byte that is asked
 * for, and a free half of that. FAKE_CONTEXT="CONTEXT:CALLER" is what is told of the
 * longest.
 * Memory errors are in FAKE_ERRORS="KIND:DISTANCE:DAMAGED:BYTES:SITE:FREED_AT:FOUND_AT:MARKS
 * ...", of which the marks are f (it was freed), k (kernel code's), i (found in an
 * interrupt), u (of which allocation is not known), o (outside of the region) or -;
 * FAKE_HIDDEN=N more are others'. FAKE_HELD="BYTES BLOCKS GUARDS GUARDED UNZONED" is
 * what memctl debug is told. FAKE_BROKEN="OFFSET:ERRORS:WHAT" is what a check finds.
 * FAKE_NOT_ROOT says that memctl is not root, FAKE_NO_DEBUG a module that was built without DEBUG.
 * FAKE_OLD is a module of before memory could move.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <linux/memmgr.h>

#define REGION_SIZE	(48ull << 20)
#define PAGE		4096ull
#define RECORDS		65536u
#define NONE		UINT32_MAX
#define NOBODY		(1u << 30)	/* no process can have that id */

struct block {
	struct memmgr_info info;	/* handle 0: free record */
	uint64_t at;			/* offset in its heap */
	uint32_t next;			/* in order of @at; of free records */
	uint32_t generation;
	uint32_t arena;			/* 1 + id of the heap whose arena it is */
};

struct heap {
	struct memmgr_heap_create make;
	bool exists;
	uint32_t owner;			/* pid of a private heap */
	uint64_t start, bytes;
	uint32_t first;			/* block */
	struct memmgr_stats stats;
};

struct state {
	uint32_t ready;
	uint32_t free_record;
	uint64_t failures;
	struct memmgr_failure failed[64];
	struct memmgr_health health;
	struct memmgr_inject inject[MEMMGR_MAX_HEAPS];	/* of heaps */
	struct memmgr_latency latency[MEMMGR_MAX_HEAPS];
	struct memmgr_debug debug[MEMMGR_MAX_HEAPS];
	struct heap heaps[MEMMGR_MAX_HEAPS];
	struct block blocks[RECORDS];
	uint8_t memory[REGION_SIZE];
};

static struct state *state;
static int device = -1;
static bool writable;

static uint64_t round_up(uint64_t value, uint64_t to)
{
	return (value + to - 1) / to * to;
}

static uint64_t unit_of(const struct heap *heap)
{
	if (heap->make.kind == MEMMGR_KIND_BUDDY)
		return heap->make.granule ? heap->make.granule : PAGE;
	if (heap->make.kind == MEMMGR_KIND_TLSF)
		return heap->make.granule ? heap->make.granule : 16;
	if (heap->make.kind == MEMMGR_KIND_STACK)
		return 8;
	return round_up(heap->make.object_size, heap->make.align ? heap->make.align : 8);
}

static void init_state(void)
{
	struct heap *main = &state->heaps[0];

	main->exists = true;
	main->bytes = REGION_SIZE;
	main->first = NONE;
	main->stats.total = REGION_SIZE;
	strcpy(main->make.name, "main");
	state->health.compact_above = 300;
	state->health.warn_above = 900;
	state->health.hysteresis = 50;
	state->health.cpu = 100;
	for (uint32_t i = 0; i < RECORDS; i++)
		state->blocks[i].next = i + 1;
	state->ready = 1;
}

static struct heap *heap_at(uint32_t id)
{
	if (id >= MEMMGR_MAX_HEAPS || !state->heaps[id].exists)
		return NULL;
	return &state->heaps[id];
}

static struct block *block_at(uint64_t handle)
{
	uint32_t index = (uint32_t)handle - 1;

	if (!handle || index >= RECORDS || state->blocks[index].info.handle != handle)
		return NULL;
	return &state->blocks[index];
}

/* The largest gap, and through @link and @at the first one that fits. */
static uint64_t find_gap(struct heap *heap, uint64_t bytes, uint64_t align, uint32_t **link,
			 uint64_t *at)
{
	uint64_t end = 0, largest = 0;
	uint32_t *next = &heap->first;

	*link = NULL;
	for (;; next = &state->blocks[*next].next) {
		uint64_t to = *next == NONE ? heap->bytes : state->blocks[*next].at;
		uint64_t from = round_up(heap->start + end, align) - heap->start;

		/* Only the top of a stack can be had. */
		if (heap->make.kind != MEMMGR_KIND_STACK || *next == NONE) {
			largest = to - end > largest ? to - end : largest;
			if (!*link && from <= to && to - from >= bytes) {
				*link = next;
				*at = from;
			}
		}
		if (*next == NONE)
			return largest;
		end = state->blocks[*next].at + state->blocks[*next].info.granted;
	}
}

static void log_failure(uint32_t id, uint64_t bytes, uint64_t align, uint32_t reason,
			uint64_t largest)
{
	struct memmgr_failure *failure = &state->failed[state->failures % 64];

	memset(failure, 0, sizeof(*failure));
	failure->seq = ++state->failures;
	failure->bytes = bytes;
	failure->align = align;
	failure->largest = largest;
	failure->free = state->heaps[id].bytes - state->heaps[id].stats.used;
	failure->heap = id;
	failure->reason = reason;
	failure->pid = (uint32_t)getpid();
	strcpy(failure->comm, "memctl");
	memcpy(failure->heap_name, state->heaps[id].make.name, sizeof(failure->heap_name));
	state->heaps[id].stats.failures[reason]++;
}

static uint32_t reason_for(const struct heap *heap, uint64_t granted, uint64_t largest)
{
	if (granted > heap->bytes)
		return MEMMGR_REASON_TOO_LARGE;
	if (granted > heap->bytes - heap->stats.used)
		return MEMMGR_REASON_EXHAUSTED;
	return granted <= largest ? MEMMGR_REASON_ALIGNMENT : MEMMGR_REASON_FRAGMENTED;
}

/* Owners and pins, for pictures of the region. */
static void dress(struct memmgr_info *info)
{
	const char *owner = getenv("FAKE_OWNER");

	strcpy(info->comm, "memctl");
	if (getenv("FAKE_SITE"))
		info->site = (uint32_t)atoi(getenv("FAKE_SITE"));
	if (owner)
		sscanf(owner, "%15s %u %u", info->comm, &info->uid, &info->pins);
	info->client = info->pid;
}

static void insert_block(struct heap *heap, uint32_t *link, uint64_t at,
			 struct memmgr_alloc *alloc, uint64_t granted)
{
	struct block *block = &state->blocks[state->free_record];
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	uint32_t index = state->free_record;

	state->free_record = block->next;
	block->next = *link;
	*link = index;
	block->at = at;
	block->arena = 0;
	memset(&block->info, 0, sizeof(block->info));
	block->generation++;
	block->info.handle = ((uint64_t)block->generation << 32) | (index + 1);
	block->info.size = sizeof(block->info);
	block->info.flags = alloc->flags;
	block->info.offset = heap->start + at;
	block->info.bytes = alloc->bytes;
	block->info.granted = granted;
	block->info.align = alloc->align;
	block->info.map_offset = UINT64_MAX;
	block->info.time_ns = (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
	block->info.heap = alloc->heap;
	block->info.pid = (uint32_t)getpid();
	block->info.tid = block->info.pid;
	dress(&block->info);
	memcpy(block->info.tag, alloc->tag, sizeof(block->info.tag));
	memset(state->memory + block->info.offset, 0, granted);
	alloc->handle = block->info.handle;
	alloc->offset = block->info.offset;
	alloc->granted = granted;
	alloc->map_offset = UINT64_MAX;
	alloc->from = alloc->heap;
}

static int compact_for(struct memmgr_alloc *alloc);

/* Counts a request to a heap; no chance is taken. */
static bool injected(uint32_t heap)
{
	struct memmgr_inject *inject = &state->inject[heap];
	uint64_t behind;

	if (!inject->times || ++inject->seen <= inject->skip)
		return false;
	behind = inject->seen - inject->skip;
	if (behind % inject->interval || inject->failed >= inject->times)
		return false;
	inject->failed++;
	return true;
}

static int do_inject(void *arg)
{
	struct memmgr_inject *inject = arg;
	struct memmgr_inject *known;

	if (!(inject->flags & MEMMGR_INJECT_HEAP) || !heap_at((uint32_t)inject->id))
		return -ENOENT;
	known = &state->inject[inject->id];
	if (inject->flags & MEMMGR_INJECT_SET) {
		*known = *inject;
		known->seen = 0;
		known->failed = 0;
	}
	known->flags = inject->flags;
	known->id = inject->id;
	known->size = inject->size;
	*inject = *known;
	return 0;
}

static void fill_worst(struct memmgr_latency_worst *worst, uint64_t bytes, bool failed)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	worst->time_ns = (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
	worst->bytes = bytes;
	worst->context = MEMMGR_CONTEXT_PROCESS | (failed ? MEMMGR_CONTEXT_FAILED : 0);
	worst->pid = (uint32_t)getpid();
	worst->tid = worst->pid;
	worst->cpu = 3;
	strcpy(worst->comm, "memctl");
	if (getenv("FAKE_CONTEXT"))
		sscanf(getenv("FAKE_CONTEXT"), "%u:%47[^\n]", &worst->context,
		       worst->caller);
}

static void measure(uint32_t heap, unsigned int op, uint64_t bytes, bool failed)
{
	struct memmgr_latency_op *o = &state->latency[heap].op[op];
	uint64_t ns = op == MEMMGR_LATENCY_FREE ? bytes / 2 : bytes;

	if (!state->latency[heap].state)
		return;
	if (!o->count || ns > o->max_ns) {
		o->max_ns = ns;
		fill_worst(&o->worst, bytes, failed);
	}
	if (!o->count || ns < o->min_ns)
		o->min_ns = ns;
	o->count++;
	o->failed += failed;
	o->total_ns += ns;
	o->bucket[ns < 1ull << 35 ? 63 - __builtin_clzll(ns | 1) : 35]++;
}

static int do_latency(void *arg)
{
	struct memmgr_latency *latency = arg;
	struct memmgr_latency *known = &state->latency[latency->heap];

	if (!heap_at(latency->heap))
		return -ENOENT;
	if (latency->flags & MEMMGR_LATENCY_RESET)
		memset(known->op, 0, sizeof(known->op));
	if (latency->flags & MEMMGR_LATENCY_ON) {
		known->state = MEMMGR_LATENCY_ON;
		known->since_ns = 1;
	}
	if (latency->flags & MEMMGR_LATENCY_OFF)
		known->state = 0;
	latency->state = known->state;
	latency->since_ns = known->since_ns;
	memcpy(latency->op, known->op, sizeof(known->op));
	return 0;
}

static int do_alloc(struct memmgr_alloc *alloc)
{
	struct heap *heap = heap_at(alloc->heap);
	uint64_t unit, granted, largest, at;
	uint32_t *link;

	if (!heap)
		return -ENOENT;
	if (!alloc->bytes || (alloc->align & (alloc->align - 1)))
		return -EINVAL;
	if (injected(alloc->heap)) {
		alloc->reason = MEMMGR_REASON_INJECTED;
		alloc->largest = 0;
		heap->stats.injected++;
		return -ENOMEM;
	}
	unit = unit_of(heap);
	granted = round_up(alloc->bytes, unit);
	if (heap->make.kind == MEMMGR_KIND_SLAB || heap->make.kind == MEMMGR_KIND_POOL)
		largest = granted > unit ? unit : find_gap(heap, unit, 1, &link, &at);
	else
		largest = find_gap(heap, granted, alloc->align ? alloc->align : 1, &link, &at);
	if ((granted > unit && largest == unit && heap->make.object_size) || !link ||
	    state->free_record == RECORDS) {
		alloc->reason = granted > unit && heap->make.object_size ?
				MEMMGR_REASON_TOO_LARGE : reason_for(heap, granted, largest);
		alloc->largest = largest;
		alloc->exact = 1;
		if (alloc->flags & MEMMGR_ALLOC_MAY_COMPACT && !compact_for(alloc))
			return do_alloc(alloc);
		log_failure(alloc->heap, alloc->bytes, alloc->align, alloc->reason, largest);
		return -ENOMEM;
	}
	insert_block(heap, link, at, alloc, granted);
	heap->stats.used += granted;
	heap->stats.requested += alloc->bytes;
	heap->stats.live++;
	heap->stats.allocs++;
	heap->stats.classes[alloc->bytes < 2 ? 0 : 64 - __builtin_clzll(alloc->bytes - 1)]++;
	if (heap->stats.used > heap->stats.peak)
		heap->stats.peak = heap->stats.used;
	return 0;
}

static void remove_block(struct block *block)
{
	struct heap *heap = &state->heaps[block->info.heap];
	uint32_t index = (uint32_t)(block - state->blocks);
	uint32_t *link = &heap->first;

	while (*link != index)
		link = &state->blocks[*link].next;
	*link = block->next;
	heap->stats.used -= block->info.granted;
	heap->stats.requested -= block->info.bytes;
	heap->stats.live--;
	heap->stats.frees++;
	block->info.handle = 0;
	block->next = state->free_record;
	state->free_record = index;
}

/* Pins of this process, by record: those that are no leases, and those that are. */
static uint32_t my_pins[2][RECORDS];

static int do_free(uint64_t handle)
{
	struct block *block = block_at(handle);
	uint32_t index = (uint32_t)(block - state->blocks);

	if (!block || block->arena)
		return -EBADF;
	if (block->info.pins > my_pins[0][index] + my_pins[1][index])
		return -EBUSY;
	if (state->heaps[block->info.heap].make.kind == MEMMGR_KIND_STACK &&
	    block->next != NONE) {
		state->heaps[block->info.heap].stats.refused_frees++;
		return -EBUSY;
	}
	remove_block(block);
	return 0;
}

static int measured_alloc(struct memmgr_alloc *alloc)
{
	int err = do_alloc(alloc);

	if (heap_at(alloc->heap))
		measure(alloc->heap, MEMMGR_LATENCY_ALLOC, alloc->bytes, err);
	return err;
}

static int measured_free(uint64_t handle)
{
	struct block *block = block_at(handle);
	uint64_t bytes = block ? block->info.bytes : 0;
	uint32_t heap = block ? block->info.heap : 0;
	int err = do_free(handle);

	measure(heap, MEMMGR_LATENCY_FREE, err ? 0 : bytes, err);
	return err;
}

static int do_free_batch(void *arg)
{
	struct memmgr_free_batch *batch = arg;
	const uint64_t *handles = (const void *)(uintptr_t)batch->handles;
	uint32_t count = batch->count;

	for (batch->count = 0; batch->count < count; batch->count++) {
		int err = measured_free(handles[batch->count]);

		if (err)
			return err;
	}
	return 0;
}

static int do_resize(void *arg)
{
	struct memmgr_resize *resize = arg;
	struct block *block = block_at(resize->handle);
	struct heap *heap;
	uint64_t granted, room;

	if (!block)
		return -EBADF;
	heap = &state->heaps[block->info.heap];
	if (heap->make.kind == MEMMGR_KIND_STACK && block->next != NONE)
		return -EBUSY;
	granted = round_up(resize->bytes, unit_of(heap));
	room = (block->next == NONE ? heap->bytes : state->blocks[block->next].at) - block->at;
	if (heap->make.object_size)
		room = unit_of(heap);
	if (granted > room) {
		resize->reason = MEMMGR_REASON_BLOCKED;
		resize->largest = room;
		resize->exact = 1;
		return -ENOMEM;
	}
	heap->stats.used += granted - block->info.granted;
	heap->stats.requested += resize->bytes - block->info.bytes;
	heap->stats.resizes++;
	block->info.granted = granted;
	block->info.bytes = resize->bytes;
	resize->granted = granted;
	return 0;
}

static int do_heap_create(void *arg)
{
	struct memmgr_heap_create *create = arg;
	struct memmgr_alloc arena = { .heap = 0 };
	uint32_t id = 1;
	int err;

	for (uint32_t i = 0; i < MEMMGR_MAX_HEAPS; i++) {
		if (heap_at(i) && !strcmp(state->heaps[i].make.name, create->name))
			return -EEXIST;
	}
	while (id < MEMMGR_MAX_HEAPS && state->heaps[id].exists)
		id++;
	if (id == MEMMGR_MAX_HEAPS)
		return -ENOSPC;
	struct heap *heap = &state->heaps[id];

	memset(heap, 0, sizeof(*heap));
	heap->make = *create;
	arena.bytes = create->bytes;
	if (create->kind == MEMMGR_KIND_POOL)
		arena.bytes = create->count * unit_of(heap);
	if (create->kind == MEMMGR_KIND_SLAB && !arena.bytes)
		arena.bytes = 1 << 20;
	if (!arena.bytes)
		return -EINVAL;
	err = do_alloc(&arena);
	create->reason = arena.reason;
	create->largest = arena.largest;
	if (err)
		return err;
	block_at(arena.handle)->arena = id + 1;
	state->heaps[0].stats.kernel_live++;
	heap->exists = true;
	heap->first = NONE;
	heap->start = arena.offset;
	heap->bytes = arena.bytes;
	heap->owner = create->flags & MEMMGR_HEAP_PRIVATE ? (uint32_t)getpid() : 0;
	heap->stats.total = heap->bytes;
	create->heap = id;
	return 0;
}

static int do_heap_destroy(void *arg)
{
	const struct memmgr_heap_destroy *destroy = arg;
	struct heap *heap = heap_at(destroy->heap);

	if (!heap)
		return -ENOENT;
	if (!destroy->heap)
		return -EINVAL;
	if (heap->first != NONE && !(destroy->flags & MEMMGR_DESTROY_FORCE))
		return -EBUSY;
	while (heap->first != NONE)
		remove_block(&state->blocks[heap->first]);
	for (uint32_t i = 0; i < RECORDS; i++) {
		if (state->blocks[i].info.handle && state->blocks[i].arena == destroy->heap + 1)
			remove_block(&state->blocks[i]);
	}
	state->heaps[0].stats.kernel_live--;
	heap->exists = false;
	memset(&state->latency[destroy->heap], 0, sizeof(state->latency[0]));
	return 0;
}

static int do_heap_rights(void *arg)
{
	const struct memmgr_heap_rights *rights = arg;
	struct heap *heap = heap_at(rights->heap);

	if (!heap)
		return -ENOENT;
	if (getenv("FAKE_OTHER"))
		return -EPERM;
	if (!(heap->make.flags & MEMMGR_HEAP_MODE))
		heap->make.mode = 0666;
	heap->make.flags |= MEMMGR_HEAP_MODE;
	if (rights->flags & MEMMGR_RIGHTS_MODE)
		heap->make.mode = rights->mode;
	if (rights->flags & MEMMGR_RIGHTS_OWNER)
		heap->make.uid = rights->uid;
	if (rights->flags & MEMMGR_RIGHTS_GROUP)
		heap->make.gid = rights->gid;
	return 0;
}

static int do_heap_query(void *arg)
{
	struct memmgr_heap_query *query = arg;
	uint32_t id = query->flags ? 0 : query->heap;
	struct heap *heap;

	if (query->flags & MEMMGR_QUERY_NEXT)
		id = query->heap;
	while (id < MEMMGR_MAX_HEAPS) {
		heap = heap_at(id);
		if (!query->flags || (heap && (query->flags & MEMMGR_QUERY_NEXT)) ||
		    (heap && !strncmp(heap->make.name, query->name, MEMMGR_NAME_LEN)))
			break;
		id++;
	}
	heap = heap_at(id);
	if (!heap)
		return -ENOENT;
	memcpy(query->name, heap->make.name, MEMMGR_NAME_LEN);
	query->kernel_bytes = (id + 2) << 10;
	query->heap = id;
	query->kind = heap->make.kind;
	query->heap_flags = heap->make.flags & ~MEMMGR_HEAP_MODE;
	query->mode = heap->make.flags & MEMMGR_HEAP_MODE ? heap->make.mode : 0666;
	query->uid = heap->make.uid == MEMMGR_ID_CALLER ? 0 : heap->make.uid;
	query->gid = heap->make.gid == MEMMGR_ID_CALLER ? 0 : heap->make.gid;
	query->granule = unit_of(heap);
	query->bytes = heap->bytes;
	query->held = heap->bytes;
	query->object_size = heap->make.object_size;
	query->count = heap->make.count;
	query->max_allocations = RECORDS;
	query->fallback = heap->make.fallback;
	query->offset = heap->start;
	return 0;
}

static int do_stats(void *arg)
{
	struct memmgr_stats *stats = arg;
	struct heap *heap = heap_at(stats->heap);
	uint32_t id = stats->heap, *link;
	uint64_t at;

	if (!heap)
		return -ENOENT;
	*stats = heap->stats;
	stats->size = sizeof(*stats);
	stats->heap = id;
	stats->free = heap->bytes - heap->stats.used;
	stats->largest = find_gap(heap, UINT64_MAX / 2, 1, &link, &at);
	return 0;
}

static int do_frag(void *arg)
{
	struct memmgr_frag *frag = arg;
	struct memmgr_stats stats = { .heap = frag->heap };
	int err = do_stats(&stats);

	if (err)
		return err;
	frag->unit = unit_of(&state->heaps[frag->heap]);
	frag->orders = 4;
	frag->free = stats.free;
	frag->largest = stats.largest;
	frag->free_blocks = 1;
	frag->external = stats.free ? 1000 - stats.largest * 1000 / stats.free : 0;
	frag->internal = stats.used ? (stats.used - stats.requested) * 1000 / stats.used : 0;
	for (int i = 0; i < 4; i++) {
		frag->blocks[i] = i == 3;
		frag->index[i] = -1000;
		frag->aligned[i] = stats.largest;
	}
	return 0;
}

static int do_copy(struct memmgr_copy *copy, bool in)
{
	struct block *block = block_at(copy->handle);
	void *ptr = (void *)(uintptr_t)copy->ptr;
	uint8_t *at;

	if (!block)
		return -EBADF;
	if (copy->offset > block->info.bytes || copy->bytes > block->info.bytes - copy->offset)
		return -ERANGE;
	at = state->memory + block->info.offset + copy->offset;
	if (!in) {
		memcpy(ptr, at, copy->bytes);
		return 0;
	}
	memcpy(at, ptr, copy->bytes);
	if (getenv("FAKE_DAMAGE"))
		*at ^= 1;
	return 0;
}

static uint32_t why_fixed(const struct block *block)
{
	if (block->arena)
		return MEMMGR_FIXED_KERNEL;
	return block->info.pins ? MEMMGR_FIXED_PINNED : MEMMGR_FIXED_NONE;
}

static uint32_t state_of(const struct block *block)
{
	return block->info.state | MEMMGR_INFO_MINE |
	       (why_fixed(block) ? 0 : MEMMGR_INFO_MOVABLE);
}

static int do_list(void *arg)
{
	struct memmgr_list *list = arg;
	struct memmgr_info *entries = (void *)(uintptr_t)list->entries;
	uint32_t room = list->count;

	/* The kernel has nothing. */
	if (list->flags & MEMMGR_LIST_KERNEL)
		list->cursor = RECORDS;
	for (list->count = 0; list->cursor < RECORDS && list->count < room; list->cursor++) {
		struct block *block = &state->blocks[list->cursor];

		if (block->info.handle && !block->arena &&
		    (list->heap == MEMMGR_HEAP_ANY || list->heap == block->info.heap)) {
			entries[list->count] = block->info;
			entries[list->count++].state = state_of(block);
		}
	}
	if (list->cursor == RECORDS)
		list->cursor = 0;
	return 0;
}

static int do_mark(struct memmgr_mark *mark, bool release)
{
	struct heap *heap = heap_at(mark->heap);

	if (!heap || heap->make.kind != MEMMGR_KIND_STACK)
		return heap ? -EOPNOTSUPP : -ENOENT;
	if (!release) {
		mark->mark = heap->stats.used;
		return 0;
	}
	for (;;) {
		uint32_t last = heap->first;

		while (last != NONE && state->blocks[last].next != NONE)
			last = state->blocks[last].next;
		if (last == NONE || state->blocks[last].at < mark->mark)
			return 0;
		remove_block(&state->blocks[last]);
		mark->released++;
	}
}

static int do_map(void *arg)
{
	struct memmgr_map *map = arg;
	struct memmgr_cell *cells = (void *)(uintptr_t)map->cells;

	map->cell_bytes = REGION_SIZE / map->count;
	for (uint32_t i = 0; i < map->count; i++) {
		cells[i].used = 0;
		cells[i].blocks = 0;
		cells[i].heap = MEMMGR_HEAP_ANY;
	}
	for (uint32_t b = state->heaps[0].first; b != NONE; b = state->blocks[b].next) {
		struct block *block = &state->blocks[b];
		uint64_t at = block->at, end = block->at + block->info.granted;

		while (at < end) {
			struct memmgr_cell *cell = &cells[at / map->cell_bytes];
			uint64_t next = (at / map->cell_bytes + 1) * map->cell_bytes;

			next = next < end ? next : end;
			cell->used += next - at;
			cell->heap = block->arena ? block->arena - 1 : 0;
			at = next;
		}
	}
	return 0;
}

static int do_failures(void *arg)
{
	struct memmgr_failures *failures = arg;
	struct memmgr_failure *entries = (void *)(uintptr_t)failures->entries;
	uint64_t seq = state->failures > 64 ? state->failures - 64 : 0;
	uint32_t room = failures->count;

	failures->total = state->failures;
	seq = seq > failures->after ? seq : failures->after;
	for (failures->count = 0; seq < state->failures && failures->count < room; seq++)
		entries[failures->count++] = state->failed[seq % 64];
	return 0;
}

static int do_query(void *arg)
{
	struct memmgr_query *query = arg;

	query->features = MEMMGR_FEATURE_SLAB | MEMMGR_FEATURE_POOL | MEMMGR_FEATURE_STACK;
	query->region_size = REGION_SIZE;
	query->max_align = 1 << 20;
	query->granule = PAGE;
	query->heaps = 1;
	query->kernel_bytes = 64 << 10;
	strcpy(query->name, "memmgr");
	return 0;
}

static int do_alloc_query(void *arg)
{
	struct memmgr_info *info = arg;
	struct block *block = block_at(info->handle);

	if (!block)
		return -EBADF;
	*info = block->info;
	info->state = state_of(block);
	return 0;
}

/* ---- moving, pins and health ---- */

static void move_block(struct heap *heap, struct block *block, uint64_t to)
{
	memmove(state->memory + heap->start + to, state->memory + block->info.offset,
		block->info.granted);
	block->at = to;
	block->info.offset = heap->start + to;
	block->info.moves++;
}

/*
 * Moves, or only counts, in order of the offsets until @max bytes are moved. What is
 * left over and the largest gap are those of moving everything.
 */
static void slide(struct heap *heap, struct memmgr_compact *compact, uint64_t max, bool dry)
{
	uint64_t end = 0;

	compact->after = 0;
	for (uint32_t b = heap->first; b != NONE; b = state->blocks[b].next) {
		struct block *block = &state->blocks[b];
		uint64_t align = block->info.align ? block->info.align : 1;
		uint64_t to = round_up(heap->start + end, align) - heap->start;
		uint32_t fixed = why_fixed(block);

		if (fixed && to < block->at)
			compact->stayed[fixed] += block->info.granted;
		if (fixed || to >= block->at) {
			to = block->at;
		} else if (compact->moved >= max) {
			compact->left += block->info.granted;
		} else {
			compact->moved += block->info.granted;
			compact->moves++;
			if (!dry)
				move_block(heap, block, to);
		}
		compact->after = to - end > compact->after ? to - end : compact->after;
		end = to + block->info.granted;
	}
	compact->after = heap->bytes - end > compact->after ? heap->bytes - end : compact->after;
}

static int do_compact(void *arg)
{
	struct memmgr_compact *compact = arg;
	struct heap *heap = heap_at(compact->heap);
	bool dry = compact->flags & MEMMGR_COMPACT_DRY_RUN;
	uint64_t max = compact->max_bytes ? compact->max_bytes : UINT64_MAX, at;
	uint64_t step = compact->step_bytes ? compact->step_bytes : MEMMGR_COMPACT_STEP;
	uint32_t *link;

	if (!heap)
		return -ENOENT;
	if (heap->make.kind == MEMMGR_KIND_POOL || heap->make.kind == MEMMGR_KIND_STACK)
		return -EOPNOTSUPP;
	if (compact->flags & MEMMGR_COMPACT_RANGE && compact->offset >= heap->bytes)
		return -EINVAL;
	compact->before = find_gap(heap, UINT64_MAX / 2, 1, &link, &at);
	compact->after = compact->before;
	compact->free = heap->bytes - heap->stats.used;
	if (!compact->bytes || compact->bytes > compact->before)
		slide(heap, compact, max, dry);
	compact->least = compact->moved + compact->left;
	compact->offset = UINT64_MAX;
	compact->steps = (compact->moved + step - 1) / step;
	compact->longest_bytes = compact->moved < step ? compact->moved : step;
	compact->longest_ns = compact->longest_bytes;
	/* Others undo it as fast. */
	if (getenv("FAKE_RESTLESS") && !dry) {
		compact->moved = 4096;
		compact->left = 24 << 20;
	}
	if (compact->left)
		compact->after = find_gap(heap, UINT64_MAX / 2, 1, &link, &at);
	if (compact->left || compact->bytes <= compact->after)
		return 0;
	compact->reason = compact->bytes <= compact->free ? MEMMGR_REASON_PINNED :
			  reason_for(heap, compact->bytes, compact->after);
	return -ENOMEM;
}

static int compact_for(struct memmgr_alloc *alloc)
{
	struct memmgr_compact compact = { .heap = alloc->heap, .bytes = alloc->bytes };

	if (alloc->reason != MEMMGR_REASON_FRAGMENTED || do_compact(&compact))
		return -ENOMEM;
	alloc->reason = MEMMGR_REASON_NONE;
	alloc->largest = 0;
	return 0;
}

static void explain_gap(struct memmgr_explain *explain, uint64_t from, uint64_t to)
{
	uint64_t units = (to - from) / explain->unit;

	if (!units)
		return;
	explain->free_runs++;
	explain->runs[63 - __builtin_clzll(units)]++;
	for (int order = 0; order < MEMMGR_ORDERS; order++) {
		uint64_t start = round_up(from, explain->unit << order);

		if (start < to && to - start > explain->aligned[order])
			explain->aligned[order] = to - start;
	}
}

/* Block @b lies between a gap that begins at @from and one that ends at @to. */
static void explain_block(struct memmgr_explain *explain, const struct block *block,
			  uint64_t from, uint64_t to)
{
	uint32_t fixed = why_fixed(block);

	if (fixed)
		explain->fixed[fixed] += block->info.granted;
	else
		explain->movable += block->info.granted;
	if (fixed || to - from <= explain->best_run)
		return;
	explain->best_run = to - from;
	explain->best_bytes = block->info.granted;
	explain->best_offset = block->info.offset;
}

static int do_explain(void *arg)
{
	struct memmgr_explain *explain = arg;
	struct heap *heap = heap_at(explain->heap);
	struct memmgr_compact moving = { .heap = explain->heap };
	uint64_t end = 0, at;
	uint32_t *link;

	if (!heap)
		return -ENOENT;
	if (heap->make.kind != MEMMGR_KIND_BUDDY && heap->make.kind != MEMMGR_KIND_TLSF)
		return -EOPNOTSUPP;
	explain->unit = unit_of(heap);
	explain->free = heap->bytes - heap->stats.used;
	explain->best_offset = UINT64_MAX;
	for (uint32_t b = heap->first; b != NONE; b = state->blocks[b].next) {
		struct block *block = &state->blocks[b];

		explain_gap(explain, end, block->at);
		explain_block(explain, block, end, block->next == NONE ? heap->bytes :
			      state->blocks[block->next].at);
		end = block->at + block->info.granted;
	}
	explain_gap(explain, end, heap->bytes);
	explain->largest = find_gap(heap, explain->bytes, explain->align ? explain->align : 1,
				    &link, &at);
	slide(heap, &moving, UINT64_MAX, true);
	explain->possible = moving.after;
	explain->move_bytes = explain->bytes <= moving.after ? moving.moved : UINT64_MAX;
	explain->moves = moving.moves;
	explain->move_offset = heap->start + heap->bytes - moving.after;
	if (!link)
		explain->reason = reason_for(heap, explain->bytes, explain->largest);
	return 0;
}

static int do_pin(struct memmgr_pin *pin, bool unpin)
{
	struct block *block = block_at(pin->handle);
	uint32_t index = (uint32_t)(block - state->blocks);
	uint32_t *mine = &my_pins[pin->flags & MEMMGR_PIN_LEASE][index];

	if (!block)
		return -EBADF;
	if (unpin && !*mine)
		return -EINVAL;
	*mine += unpin ? -1 : 1;
	block->info.pins += unpin ? -1 : 1;
	pin->offset = block->info.offset;
	pin->pins = block->info.pins;
	pin->mine = *mine;
	if (pin->flags & MEMMGR_PIN_LEASE)
		block->info.state = *mine ? MEMMGR_INFO_LEASED : 0;
	return 0;
}

static void drop_pins(void)
{
	for (uint32_t i = 0; i < 2 * RECORDS; i++) {
		uint32_t *mine = &my_pins[i / RECORDS][i % RECORDS];

		state->blocks[i % RECORDS].info.pins -= *mine;
		*mine = 0;
	}
}

static int do_health(void *arg)
{
	struct memmgr_health *health = arg;
	struct memmgr_frag frag = { .heap = 0 };

	if (health->flags & MEMMGR_HEALTH_SET) {
		if (health->hysteresis > health->compact_above || !health->cpu)
			return -EINVAL;
		state->health = *health;
		state->health.flags &= MEMMGR_HEALTH_ON;
	}
	do_frag(&frag);
	*health = state->health;
	health->size = sizeof(*health);
	health->usage = state->heaps[0].stats.used * 1000 / REGION_SIZE;
	health->fragmentation = frag.external;
	health->state = health->usage > health->warn_above ? MEMMGR_HEALTH_LOW : 0;
	return 0;
}

/* The next of $FAKE_EVENTS, if there is one. */
static bool next_event(struct memmgr_event *event)
{
	static const char *at;
	static uint64_t seq;
	unsigned long long value, limit, bytes;
	unsigned int kind;
	int len = 0;

	if (!at)
		at = getenv("FAKE_EVENTS") ? getenv("FAKE_EVENTS") : "";
	if (sscanf(at, "%u:%llu:%llu:%llu%n", &kind, &value, &limit, &bytes, &len) < 4)
		return false;
	if (event) {
		memset(event, 0, sizeof(*event));
		event->seq = ++seq;
		event->kind = kind;
		event->value = value;
		event->limit = limit;
		event->bytes = bytes;
		at += len;
	}
	return true;
}

static int do_track(void *arg)
{
	struct memmgr_track *track = arg;
	static bool on;

	if (!heap_at(track->heap))
		return -ENOENT;
	if (getenv("FAKE_TRACKED"))
		on = true;
	if (track->flags)
		on = track->flags == MEMMGR_TRACK_ON;
	track->state = on ? MEMMGR_TRACK_ON : 0;
	return 0;
}

/* One a call: the one behind @after of $FAKE_SITES. */
static int do_sites(void *arg)
{
	struct memmgr_sites *sites = arg;
	struct memmgr_site *site = (void *)(uintptr_t)sites->entries;
	const char *at = getenv("FAKE_SITES") ? getenv("FAKE_SITES") : "";
	unsigned long long offset;
	uint64_t i;
	int len;

	sites->count = 0;
	memset(site, 0, sizeof(*site));
	for (i = 0; i <= sites->after; i++, at += len)
		if (sscanf(at, "%u:%llu:%511s%n", &site->kind, &offset, site->name, &len) < 3)
			return 0;
	for (char *c = site->name; site->kind == MEMMGR_SITE_KERNEL && *c; c++)
		*c = *c == '|' ? '\n' : *c;
	site->offset = offset;
	site->live = 1;
	site->id = ++sites->after;
	sites->count = 1;
	return 0;
}

/* ---- memory errors ---- */

#define DEBUGS	(MEMMGR_DEBUG_ZONES | MEMMGR_DEBUG_POISON | MEMMGR_DEBUG_QUARANTINE | \
		 MEMMGR_DEBUG_GUARDS)

/* What is not turned on takes no size, and answers are not asked. */
static bool debug_ok(const struct memmgr_debug *d)
{
	if (d->flags & ~(MEMMGR_DEBUG_SET | DEBUGS) ||
	    (d->flags && !(d->flags & MEMMGR_DEBUG_SET)))
		return false;
	if (d->held_bytes || d->held_blocks || d->guards || d->unzoned || d->guarded ||
	    d->found || d->reserved)
		return false;
	return (d->flags & MEMMGR_DEBUG_ZONES || !d->zone) &&
	       (d->flags & MEMMGR_DEBUG_QUARANTINE ||
		(!d->quarantine_bytes && !d->quarantine_blocks)) &&
	       (d->flags & MEMMGR_DEBUG_GUARDS || !d->guard_interval) &&
	       !(d->zone % MEMMGR_ZONE_MIN) && d->zone <= MEMMGR_ZONE_MAX &&
	       d->quarantine_blocks <= MEMMGR_QUARANTINE_MAX &&
	       d->guard_interval <= MEMMGR_GUARD_INTERVAL_MAX;
}

static void debug_set(const struct heap *heap, struct memmgr_debug *known,
		      const struct memmgr_debug *d)
{
	uint64_t found = known->found;

	*known = *d;
	known->flags &= DEBUGS;
	known->found = found;
	if (d->flags & MEMMGR_DEBUG_ZONES && !d->zone)
		known->zone = 64;
	if (d->flags & MEMMGR_DEBUG_QUARANTINE && !d->quarantine_bytes)
		known->quarantine_bytes = heap->bytes / 16;
	if (d->flags & MEMMGR_DEBUG_QUARANTINE && !d->quarantine_blocks)
		known->quarantine_blocks = 256;
	if (d->flags & MEMMGR_DEBUG_GUARDS && !d->guard_interval)
		known->guard_interval = 100;
}

static int do_debug(void *arg)
{
	struct memmgr_debug *d = arg;
	struct heap *heap = heap_at(d->heap);
	unsigned long long bytes, guarded, unzoned;
	struct memmgr_debug *known;

	if (!heap)
		return -ENOENT;
	if (!debug_ok(d))
		return -EINVAL;
	if (d->flags && getenv("FAKE_NOT_ROOT"))
		return -EPERM;
	known = &state->debug[d->heap];
	if (d->flags)
		debug_set(heap, known, d);
	known->size = d->size;
	known->heap = d->heap;
	*d = *known;
	if (getenv("FAKE_HELD") &&
	    sscanf(getenv("FAKE_HELD"), "%llu %u %u %llu %llu", &bytes, &d->held_blocks,
		   &d->guards, &guarded, &unzoned) == 5) {
		d->held_bytes = bytes;
		d->guarded = guarded;
		d->unzoned = unzoned;
	}
	return 0;
}

static void fill_who(struct memmgr_corruption *c, const char *marks)
{
	c->pid = 103;
	c->tid = 105;
	strcpy(c->comm, "camera");
	strcpy(c->tag, "picture");
	c->uid = 1000;
	c->finder = 200;
	c->finder_tid = 200;
	strcpy(c->finder_comm, "view\033er");
	c->alloc_ns = c->time_ns - 7200ull * 1000000000;
	if (strchr(marks, 'f')) {
		c->free_ns = c->time_ns - 1500000;
		c->free_pid = 103;
		c->free_tid = 103;
		strcpy(c->free_comm, "camera");
	}
	if (strchr(marks, 'k'))
		c->handle = 0;
	if (strchr(marks, 'i')) {
		c->finder = 0;
		c->finder_tid = 0;
		c->finder_comm[0] = 0;
	}
	if (strchr(marks, 'o'))
		c->offset = UINT64_MAX;
	if (!strchr(marks, 'u'))
		return;
	c->place = UINT64_MAX;
	c->bytes = 0;
	c->pid = 0;
	c->tid = 0;
	c->comm[0] = 0;
	c->tag[0] = 0;
	c->alloc_ns = 0;
}

/* As the module has them: of which place is its first byte. */
static void fill_where(struct memmgr_corruption *c)
{
	c->place = 0x300000;
	c->handle = 0x100000003;
	c->offset = c->place + c->distance;
	if (c->kind == MEMMGR_CORRUPTION_BEFORE)
		c->offset = c->place - c->distance - c->damaged;
	else if (c->kind == MEMMGR_CORRUPTION_BEHIND ||
		 (c->kind == MEMMGR_CORRUPTION_GUARD && !c->damaged))
		c->offset = c->place + c->bytes + c->distance;
	else if (c->kind == MEMMGR_CORRUPTION_GUARD)
		c->offset = c->place - c->distance;
	if (c->kind > MEMMGR_CORRUPTION_FREED)
		return;
	c->dump = c->damaged < MEMMGR_CORRUPTION_DUMP ? (uint32_t)c->damaged :
							MEMMGR_CORRUPTION_DUMP;
	for (uint32_t i = 0; i < c->dump; i++) {
		c->expected[i] = (uint8_t)(0xa0 + i);
		c->found[i] = i % 3 == 1 ? c->expected[i] : (uint8_t)('A' + i);
	}
}

static int do_corruptions(void *arg)
{
	struct memmgr_corruptions *corruptions = arg;
	struct memmgr_corruption *entries = (void *)(uintptr_t)corruptions->entries;
	const char *at = getenv("FAKE_ERRORS") ? getenv("FAKE_ERRORS") : "";
	const char *hidden = getenv("FAKE_HIDDEN");
	uint32_t room = corruptions->count;
	unsigned long long distance, damaged, bytes;
	struct memmgr_corruption c;
	struct timespec now;
	char marks[8];
	int len;

	if (corruptions->entry_size != sizeof(c) || corruptions->flags || !room)
		return -EINVAL;
	clock_gettime(CLOCK_BOOTTIME, &now);
	corruptions->count = 0;
	for (uint64_t seq = 1;; seq++, at += len) {
		memset(&c, 0, sizeof(c));
		if (sscanf(at, "%u:%llu:%llu:%llu:%u:%u:%u:%7s%n", &c.kind, &distance, &damaged,
			   &bytes, &c.site, &c.free_site, &c.finder_site, marks, &len) < 8) {
			corruptions->total = seq - 1 + (hidden ? (uint64_t)atoi(hidden) : 0);
			return 0;
		}
		c.seq = seq;
		c.time_ns = ((uint64_t)now.tv_sec - 3) * 1000000000ull + (uint64_t)now.tv_nsec;
		c.distance = distance;
		c.damaged = damaged;
		c.bytes = bytes;
		strcpy(c.heap_name, "main");
		fill_where(&c);
		fill_who(&c, marks);
		if (seq > corruptions->after && corruptions->count < room) {
			entries[corruptions->count++] = c;
			corruptions->after = seq;
		}
	}
}

static int do_check(void *arg)
{
	struct memmgr_check *check = arg;
	const char *broken = getenv("FAKE_BROKEN");
	unsigned long long offset, errors;

	if (!heap_at(check->heap))
		return -ENOENT;
	check->checked = (uint32_t)state->heaps[check->heap].stats.live;
	if (!broken || sscanf(broken, "%llu:%llu:%63[^\n]", &offset, &errors, check->what) < 3)
		return 0;
	check->offset = offset;
	state->debug[check->heap].found += errors;
	return -EUCLEAN;
}

static int do_accounts(void *arg)
{
	struct memmgr_accounts *accounts = arg;
	struct memmgr_account *account = (void *)(uintptr_t)accounts->entries;
	unsigned long long bytes, peak, max, refused;
	const char *user = getenv("FAKE_USER");

	accounts->count = 0;
	accounts->cursor = 0;
	if (!user || !(accounts->flags & MEMMGR_ACCOUNTS_USERS))
		return 0;
	memset(account, 0, sizeof(*account));
	sscanf(user, "%u %llu %llu %llu %llu", &account->uid, &bytes, &peak, &max, &refused);
	account->id = account->uid;
	account->bytes = bytes;
	account->peak = peak;
	account->max_bytes = max;
	account->refused = refused;
	account->clients = 1;
	accounts->count = 1;
	return 0;
}

static void interrupt(const char *name, int *calls)
{
	const char *when = getenv(name);

	if (++*calls == (when ? atoi(when) : 0))
		raise(SIGINT);
}

/* Each wait calls this, and nothing comes between it and the wait. */
static void before_wait(void)
{
	const char *when = getenv("FAKE_BEFORE_WAIT");
	static int waits;
	int nth, signal;

	waits++;
	if (when && sscanf(when, "%d %d", &nth, &signal) == 2 && waits == nth)
		raise(signal);
}

/* Nobody frees anything meanwhile: only a signal ends it. */
static int waiting_alloc(struct memmgr_alloc *alloc)
{
	int err = measured_alloc(alloc);

	if (err != -ENOMEM || !(alloc->flags & MEMMGR_ALLOC_WAIT) || !getenv("FAKE_BEFORE_WAIT"))
		return err;
	before_wait();
	pause();
	alloc->reason = MEMMGR_REASON_NONE;
	return -EINTR;
}

/* What happens meanwhile is told by how often somebody looked, not by a clock. */
static void grow(int looks)
{
	struct memmgr_alloc alloc = {
		.size = sizeof(alloc), .flags = MEMMGR_ALLOC_PERSISTENT, .tag = "grows",
	};
	const char *grows = getenv("FAKE_GROWS");
	unsigned long long bytes;
	int from, to;

	if (!grows || sscanf(grows, "%d %d %llu", &from, &to, &bytes) != 3 || looks < from ||
	    looks > to)
		return;
	alloc.bytes = bytes;
	if (!do_alloc(&alloc))
		block_at(alloc.handle)->info.pid = NOBODY;
}

/* How often memctl has changed something, and asked for statistics. */
static int changes, looks;

static int call_alloc(void *arg)
{
	interrupt("FAKE_INTERRUPT", &changes);
	return waiting_alloc(arg);
}

static int call_free(void *arg)
{
	const struct memmgr_free *free = arg;

	return measured_free(free->handle);
}

static int call_mark(void *arg)
{
	return do_mark(arg, false);
}

static int call_release(void *arg)
{
	return do_mark(arg, true);
}

static int call_read(void *arg)
{
	return do_copy(arg, false);
}

static int call_write(void *arg)
{
	return do_copy(arg, true);
}

static int call_stats(void *arg)
{
	interrupt("FAKE_INTERRUPT_STATS", &looks);
	grow(looks);
	return do_stats(arg);
}

static int call_compact(void *arg)
{
	interrupt("FAKE_INTERRUPT", &changes);
	if (getenv("FAKE_SLOW"))
		usleep(1000u * (unsigned int)atoi(getenv("FAKE_SLOW")));
	return do_compact(arg);
}

static int call_pin(void *arg)
{
	return do_pin(arg, false);
}

static int call_unpin(void *arg)
{
	return do_pin(arg, true);
}

#define LOOKS			0, 0
#define CHANGES			0, 1
#define LOOKS_IF(mask, value)	(mask), (value)

#define CALL(nr, name, type, field, access)	\
	[_IOC_NR(nr)] = { name, offsetof(struct type, field), access }

/*
 * One line a call: its number and its structure. A client that may only read may make it
 * when the bits of @mask in the field at @flags are @asks.
 */
static const struct call {
	int (*function)(void *arg);
	size_t flags;
	uint32_t mask;
	uint32_t asks;
} calls[] = {
	CALL(MEMMGR_IOC_QUERY, do_query, memmgr_query, size, LOOKS),
	CALL(MEMMGR_IOC_HEAP_CREATE, do_heap_create, memmgr_heap_create, size, CHANGES),
	CALL(MEMMGR_IOC_HEAP_DESTROY, do_heap_destroy, memmgr_heap_destroy, size, CHANGES),
	CALL(MEMMGR_IOC_HEAP_QUERY, do_heap_query, memmgr_heap_query, size, LOOKS),
	CALL(MEMMGR_IOC_ALLOC, call_alloc, memmgr_alloc, size, CHANGES),
	CALL(MEMMGR_IOC_FREE, call_free, memmgr_free, size, CHANGES),
	CALL(MEMMGR_IOC_RESIZE, do_resize, memmgr_resize, size, CHANGES),
	CALL(MEMMGR_IOC_FREE_BATCH, do_free_batch, memmgr_free_batch, size, CHANGES),
	CALL(MEMMGR_IOC_MARK, call_mark, memmgr_mark, size, CHANGES),
	CALL(MEMMGR_IOC_RELEASE, call_release, memmgr_mark, size, CHANGES),
	CALL(MEMMGR_IOC_READ, call_read, memmgr_copy, size, LOOKS),
	CALL(MEMMGR_IOC_WRITE, call_write, memmgr_copy, size, CHANGES),
	CALL(MEMMGR_IOC_ALLOC_QUERY, do_alloc_query, memmgr_info, size, LOOKS),
	CALL(MEMMGR_IOC_LIST, do_list, memmgr_list, size, LOOKS),
	CALL(MEMMGR_IOC_STATS, call_stats, memmgr_stats, size, LOOKS),
	CALL(MEMMGR_IOC_FRAG, do_frag, memmgr_frag, size, LOOKS),
	CALL(MEMMGR_IOC_CHECK, do_check, memmgr_check, size, LOOKS),
	CALL(MEMMGR_IOC_MAP, do_map, memmgr_map, size, LOOKS),
	CALL(MEMMGR_IOC_FAILURES, do_failures, memmgr_failures, size, LOOKS),
	CALL(MEMMGR_IOC_ACCOUNTS, do_accounts, memmgr_accounts, size, LOOKS),
	CALL(MEMMGR_IOC_EXPLAIN, do_explain, memmgr_explain, size, LOOKS),
	CALL(MEMMGR_IOC_COMPACT, call_compact, memmgr_compact, flags,
	     LOOKS_IF(MEMMGR_COMPACT_DRY_RUN, MEMMGR_COMPACT_DRY_RUN)),
	CALL(MEMMGR_IOC_PIN, call_pin, memmgr_pin, size, CHANGES),
	CALL(MEMMGR_IOC_UNPIN, call_unpin, memmgr_pin, size, CHANGES),
	CALL(MEMMGR_IOC_HEALTH, do_health, memmgr_health, flags, LOOKS_IF(MEMMGR_HEALTH_SET, 0)),
	CALL(MEMMGR_IOC_INJECT, do_inject, memmgr_inject, flags, LOOKS_IF(MEMMGR_INJECT_SET, 0)),
	CALL(MEMMGR_IOC_TRACK, do_track, memmgr_track, flags, LOOKS_IF(UINT32_MAX, 0)),
	CALL(MEMMGR_IOC_SITES, do_sites, memmgr_sites, size, LOOKS),
	CALL(MEMMGR_IOC_LATENCY, do_latency, memmgr_latency, flags, LOOKS_IF(UINT32_MAX, 0)),
	CALL(MEMMGR_IOC_DEBUG, do_debug, memmgr_debug, flags, LOOKS_IF(UINT32_MAX, 0)),
	CALL(MEMMGR_IOC_CORRUPTIONS, do_corruptions, memmgr_corruptions, size, LOOKS),
	CALL(MEMMGR_IOC_HEAP_RIGHTS, do_heap_rights, memmgr_heap_rights, size, CHANGES),
};

/* Does the module that is asked know the call? */
static bool is_known(unsigned int nr)
{
	if (nr >= sizeof(calls) / sizeof(*calls) || !calls[nr].function)
		return false;
	return nr < _IOC_NR(MEMMGR_IOC_EXPLAIN) || !getenv("FAKE_OLD");
}

static bool is_built(unsigned int nr)
{
	return (nr != _IOC_NR(MEMMGR_IOC_DEBUG) && nr != _IOC_NR(MEMMGR_IOC_CORRUPTIONS)) ||
	       !getenv("FAKE_NO_DEBUG");
}

static int dispatch(unsigned long command, void *arg)
{
	unsigned int nr = _IOC_NR(command);
	const struct call *call = &calls[nr];
	uint32_t flags;

	if (!is_known(nr))
		return -ENOTTY;
	memcpy(&flags, (char *)arg + call->flags, sizeof(flags));
	if (!writable && (flags & call->mask) != call->asks)
		return -EACCES;
	return is_built(nr) ? call->function(arg) : -EOPNOTSUPP;
}

/* What a client leaves behind, as the module returns it at close. */
static void reclaim(void)
{
	uint32_t pid = (uint32_t)getpid();

	drop_pins();
	for (uint32_t i = 1; i < MEMMGR_MAX_HEAPS; i++) {
		struct memmgr_heap_destroy destroy = { .heap = i, .flags = MEMMGR_DESTROY_FORCE };

		if (heap_at(i) && state->heaps[i].owner == pid)
			do_heap_destroy(&destroy);
	}
	for (uint32_t i = 0; i < RECORDS; i++) {
		struct memmgr_info *info = &state->blocks[i].info;

		if (info->handle && info->pid == pid && !state->blocks[i].arena &&
		    !(info->flags & MEMMGR_ALLOC_PERSISTENT))
			remove_block(&state->blocks[i]);
	}
}

static int open_device(const char *path, int flags)
{
	int (*real)(const char *path, int flags, ...) = dlsym(RTLD_NEXT, "open64");
	int fd = real(path, (flags & ~O_ACCMODE) | O_RDWR);

	if (fd < 0)
		return fd;
	if (ftruncate(fd, sizeof(*state)))
		return -1;
	state = mmap(NULL, sizeof(*state), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (state == MAP_FAILED)
		return -1;
	if (!state->ready)
		init_state();
	writable = (flags & O_ACCMODE) != O_RDONLY;
	device = fd;
	return fd;
}

int open64(const char *path, int flags, ...)
{
	int (*real)(const char *path, int flags, ...) = dlsym(RTLD_NEXT, "open64");
	const char *fake = getenv("MEMMGR_DEVICE");
	va_list args;
	int mode;

	if (fake && !strcmp(path, fake))
		return open_device(path, flags);
	va_start(args, flags);
	mode = va_arg(args, int);
	va_end(args);
	return real(path, flags, mode);
}

int ioctl(int fd, unsigned long command, ...)
{
	int (*real)(int fd, unsigned long command, ...) = dlsym(RTLD_NEXT, "ioctl");
	va_list args;
	void *arg;
	int err;

	va_start(args, command);
	arg = va_arg(args, void *);
	va_end(args);
	if (fd != device || device < 0)
		return real(fd, command, arg);
	err = dispatch(command, arg);
	if (!err)
		return 0;
	errno = -err;
	return -1;
}

int close(int fd)
{
	int (*real)(int fd) = dlsym(RTLD_NEXT, "close");

	if (fd == device && device >= 0) {
		reclaim();
		device = -1;
	}
	return real(fd);
}

/* This machine may have been up for minutes only; what is told happened hours ago. */
int clock_gettime(clockid_t clock, struct timespec *now)
{
	int err = syscall(SYS_clock_gettime, clock, now);

	if (!err && clock == CLOCK_BOOTTIME)
		now->tv_sec += 86400;
	return err;
}

int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask)
{
	int (*real)(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
		    const sigset_t *mask) = dlsym(RTLD_NEXT, "ppoll");

	before_wait();
	if (count != 1 || fds->fd != device || device < 0)
		return real(fds, count, timeout, mask);
	if (!next_event(NULL))
		return real(NULL, 0, timeout, mask);
	fds->revents = POLLIN;
	return 1;
}

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *time, struct timespec *left)
{
	int (*real)(clockid_t clock, int flags, const struct timespec *time,
		    struct timespec *left) = dlsym(RTLD_NEXT, "clock_nanosleep");

	before_wait();
	return real(clock, flags, time, left);
}

int poll(struct pollfd *fds, nfds_t count, int timeout)
{
	int (*real)(struct pollfd *fds, nfds_t count, int timeout) = dlsym(RTLD_NEXT, "poll");

	before_wait();
	if (count != 1 || fds->fd != device || device < 0)
		return real(fds, count, timeout);
	if (!next_event(NULL))
		return real(NULL, 0, timeout);
	fds->revents = POLLIN;
	return 1;
}

ssize_t read(int fd, void *to, size_t len)
{
	ssize_t (*real)(int fd, void *to, size_t len) = dlsym(RTLD_NEXT, "read");

	if (fd != device || device < 0)
		return real(fd, to, len);
	if (len >= sizeof(struct memmgr_event) && next_event(to))
		return sizeof(struct memmgr_event);
	errno = len < sizeof(struct memmgr_event) ? EINVAL : EAGAIN;
	return -1;
}
