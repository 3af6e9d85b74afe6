// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The slow path of a driver's calls, used while the heap is watched. */
#include <linux/rcupdate.h>
#include <linux/stacktrace.h>
#include <linux/string.h>

#include "base/trace.h"
#include "core/engine.h"
#include "debug/driver.h"
#include "debug/guard_slots.h"
#include "debug/guards.h"
#include "debug/inject.h"
#include "debug/key.h"
#include "debug/latency.h"
#include "debug/misuse.h"
#include "debug/quarantine.h"
#include "debug/sites.h"
#include "debug/track.h"
#include "debug/zones.h"
#include "heap/alloc.h"
#include "heap/block.h"
#include "heap/heap.h"
#include "region/memory.h"
#include "region/region.h"

#define WAY_FRAMES	4u	/* most frames from stack_trace_save() to a driver's call */

/* The site of a driver's call: the stack from the call on outwards. */
u32 block_site(struct region *region, unsigned long caller)
{
	unsigned long frame[WAY_FRAMES + MEMMGR_SITE_FRAMES];
	u32 n = 0, i = 0;

#ifdef CONFIG_STACKTRACE
	n = stack_trace_save(frame, ARRAY_SIZE(frame), 0);
#endif
	while (i < n && frame[i] != caller)
		i++;
	/* A kernel that cannot walk its stack knows only the address of the call. */
	return i < n ? site_of_kernel(region, frame + i, n - i) :
		       site_of_kernel(region, &caller, 1);
}

void track_ptr(struct memmgr_heap *heap, const void *ptr, size_t bytes,
	       unsigned long caller)
{
	struct region *region = heap->region;
	struct track_block block;

	if (!ptr || !(READ_ONCE(heap->debug) & DEBUG_TRACK))
		return;
	block_fill(&block, ptr - region->memory.virt, bytes, block_site(region, caller));
	track_add(heap, &block);
}

/* Record and trace a driver's allocation that began at @start and has ended. */
void alloc_watch(struct memmgr_heap *heap, const void *ptr, size_t bytes, size_t align,
		 u64 start, unsigned long caller)
{
	/* A request of 0 bytes is malformed, so it does not count. */
	if (start && bytes)
		latency_record(heap, &(struct latency_sample) {
			.op = MEMMGR_LATENCY_ALLOC,
			.start = start,
			.bytes = bytes,
			.caller = caller,
			.failed = !ptr,
		});
	if (!ptr)
		return;
	trace_memmgr_alloc(heap->region->name, heap->name, 0, ptr - heap->region->memory.virt,
			   bytes, align, "", caller);
}

/*
 * Allocate between red zones. The track table remembers where the allocation begins. If
 * there is no room in the table, or for the zones, returns NULL, and the caller allocates
 * without zones. The engine marks the block as recorded, so that a free of the block's
 * own start is refused.
 */
static void *alloc_zoned(struct memmgr_heap *heap, size_t bytes, size_t align,
			 unsigned int alloc_flags, unsigned long caller)
{
	struct region *region = heap->region;
	struct engine_refusal why = { 0 };
	struct engine_block unused;
	struct track_block block;
	u32 lead = 0, tail = 0;
	unsigned long flags;
	u64 offset;
	void *ptr;

	flags = heap_lock(heap);
	zones_room(heap, bytes, align, &lead, &tail);
	heap_unlock(heap, flags);
	ptr = tail ? alloc_any(heap, lead + bytes + tail, align, true, &why) : NULL;
	if (!ptr)
		return NULL;
	block_fill(&block, ptr + lead - region->memory.virt, bytes, block_site(region, caller));
	block.lead = lead;
	block.tail = tail;
	zones_paint_block(heap, &block);
	if (track_add(heap, &block)) {
		if (alloc_flags & MEMMGR_KALLOC_ZERO)
			region_zero(region, block.place, bytes);
		return ptr + lead;
	}
	flags = heap_lock(heap);
	if (heap_offset(heap, ptr, &offset))
		heap->engine.ops->free(&heap->engine, offset, true, &unused);
	heap_unlock(heap, flags);
	return NULL;
}

/* Shall this allocation fail on purpose? Then count the failure like any other. */
bool alloc_injected(struct memmgr_heap *heap, size_t bytes, size_t align)
{
	struct engine_refusal why = { 0 };

	if (!bytes || !inject_heap(heap, bytes))
		return false;
	engine_refuse(&why, MEMMGR_REASON_INJECTED, 0);
	heap_failed(heap, bytes, align, &why);
	return true;
}

/* Allocate, with red zones if they are on, and enter the block into the track table. */
static void *alloc_tracked(struct memmgr_heap *heap, size_t bytes, size_t align,
			   unsigned int flags, unsigned long caller)
{
	void *ptr = NULL;

	/* Until the block is in the table: debug_apply() waits for this. */
	rcu_read_lock();
	if (bytes && READ_ONCE(heap->debug) & DEBUG_ZONES)
		ptr = alloc_zoned(heap, bytes, align, flags, caller);
	rcu_read_unlock();
	if (ptr)
		return ptr;
	ptr = alloc_slow(heap, bytes, align, flags);
	track_ptr(heap, ptr, bytes, caller);
	return ptr;
}

/* Exchange the block for a guarded slot, if it is the turn of this allocation. */
void *guard_block(struct memmgr_heap *heap, void *ptr, size_t bytes, size_t align,
		  unsigned int flags, unsigned long caller)
{
	struct guard_slot *slot = NULL;

	if (ptr && READ_ONCE(heap->debug) & DEBUG_GUARDS)
		slot = guards_take(heap, bytes, align);
	if (!slot)
		return ptr;
	ptr = guards_begin(heap, slot, ptr, block_site(heap->region, caller));
	if (flags & MEMMGR_KALLOC_ZERO)
		memset(ptr, 0, bytes);
	return ptr;
}

/* The slow path, for a watched heap, or while allocations are traced. */
noinline void *alloc_looked_at(struct memmgr_heap *heap, size_t bytes, unsigned long caller,
			       unsigned int how)
{
	unsigned int flags = how & ~HOW_ALIGN;
	size_t align = how & HOW_ALIGN ? 1ul << ((how & HOW_ALIGN) - 1) : 0;
	u64 start = latency_begin(heap);
	void *ptr = NULL;

	if (!alloc_injected(heap, bytes, align))
		ptr = alloc_tracked(heap, bytes, align, flags, caller);
	alloc_watch(heap, ptr, bytes, align, start, caller);
	return guard_block(heap, ptr, bytes, align, flags, caller);
}

/* Free in the engine, or put into quarantine. The lock may be dropped briefly. */
static int free_kept(struct memmgr_heap *heap, struct freeing *f, unsigned long *flags)
{
	struct engine *e = &heap->engine;
	bool recorded = block_has_zones(&f->was);
	bool kept;
	u64 offset;
	int err;

	heap_assert_locked(heap);
	if (!heap_offset(heap, f->ptr - f->was.lead, &offset))
		return -ERANGE;
	/* For the engine a block in quarantine is live, so check for it here. */
	if (quarantine_holds(heap, offset, flags))
		return -ENOENT;
	kept = quarantine_keeps(heap);
	err = kept ? e->ops->find(e, offset, &f->block) :
		     e->ops->free(e, offset, recorded, &f->block);
	if (!err && kept && f->block.recorded != recorded)
		err = -EACCES;
	if (err)
		return err;
	if (!f->was.time_ns)
		f->was.bytes = f->block.requested;
	quarantine_add_block(heap, &f->was, &f->block, f->site, kept);
	return 0;
}

static int free_plain(struct memmgr_heap *heap, struct freeing *f)
{
	unsigned long flags;
	bool wake;
	int err;

	flags = heap_lock(heap);
	err = free_kept(heap, f, &flags);
	wake = heap_freed(heap);
	heap_unlock(heap, flags);
	heap_wake(heap, wake);
	heap_touched(heap);
	quarantine_tidy(heap, false);
	if (err == -ERANGE && f->ptr && heap->fallback)
		return free_plain(heap->fallback, f);
	if (err && f->ptr && READ_ONCE(heap->debug) & DEBUG_ERRORS)
		heap_report_free(heap, f->was.place, err, f->site);
	if (err)
		return free_slow(heap, f->ptr, err);
	trace_memmgr_free(heap->region->name, heap->name, 0, f->was.place, f->caller);
	return 0;
}

static noinline int free_guarded(struct memmgr_heap *heap, void *ptr, unsigned long caller);

noinline int free_looked_at(struct memmgr_heap *heap, void *ptr, unsigned long caller)
{
	struct freeing f = {
		.ptr = ptr,
		.was.place = ptr - heap->region->memory.virt,
		.site = SITE_NONE,
		.caller = caller,
	};
	u32 debug = READ_ONCE(heap->debug);
	bool known = false;
	u64 start;
	int err;

	if (guards_have(heap, ptr))
		return free_guarded(heap, ptr, caller);
	if (ptr && debug & (DEBUG_TRACK | DEBUG_ZONED))
		known = track_remove(heap, f.was.place, &f.was);
	if (known)
		zones_check_block(heap, &f.was);
	if (ptr && debug & DEBUG_ERRORS)
		f.site = block_site(heap->region, caller);
	start = ptr ? latency_begin(heap) : 0;
	err = free_plain(heap, &f);
	if (start)
		latency_record(heap, &(struct latency_sample) {
			.op = MEMMGR_LATENCY_FREE,
			.start = start,
			.bytes = err ? 0 : f.block.granted,
			.caller = caller,
			.failed = err,
		});
	if (err && known)
		track_restore(heap, &f.was);
	else if (known)
		track_removed(heap, &f.was);
	return err;
}

/* Free an allocation in a slot. Its block is freed the usual way, which may refuse it. */
static noinline int free_guarded(struct memmgr_heap *heap, void *ptr, unsigned long caller)
{
	struct guard_slot *slot = guards_end(heap, ptr, block_site(heap->region, caller));
	int err;

	if (!slot)
		return free_slow(heap, ptr, -ENOENT);
	err = free_looked_at(heap, slot->block, caller);
	guards_ended(heap, slot, err);
	return err;
}
