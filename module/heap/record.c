// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Records: the description of an allocation, and access to it by handle. */
#include <linux/nospec.h>
#include <linux/string.h>

#include "base/compat.h"
#include "base/trace.h"
#include "core/engine.h"
#include "core/handle.h"
#include "heap/account.h"
#include "heap/heap.h"
#include "heap/kinds.h"
#include "heap/moments.h"
#include "heap/quick.h"
#include "heap/record.h"
#include "region/memory.h"
#include "region/region.h"

/* Report a transition that record_from[] does not allow: a bug of memmgr. Only once. */
void record_wrong_step(const struct memmgr_heap *heap, const struct record *record, u32 state)
{
	WARN_ONCE(true, "memmgr: a record of heap %s went from state %u to %u\n", heap->name,
		  record->state, state);
}

/**
 * record_is_still - is a record unchanged since the lock was dropped?
 * @heap: heap of the record, locked again
 * @record: the record
 * @handle: handle that it had
 * @state: state in which the caller left it
 *
 * Context: any. O(1).
 * Return: false if it has ended, or another call is ending it. Then it is not the caller's.
 */
bool record_is_still(const struct memmgr_heap *heap, const struct record *record,
		     u64 handle, u32 state)
{
	heap_assert_locked(heap);
	return record->handle == handle && record->state == state;
}

/* Copy a record in use, for a reader who drops the lock: what is read then may be gone. */
void record_copy(const struct memmgr_heap *heap, const struct record *record,
		 struct record_copy *copy)
{
	copy->record = *record;
	copy->origin = *record_origin(heap, record);
}

int record_access(const struct memmgr_heap *heap, const struct record *record,
		  const struct viewer *viewer)
{
	if (record->state == RECORD_HELD)
		return -EACCES;
	if (record->owned)
		return record->client == viewer->client ? 0 : -EACCES;
	return viewer->admin || uid_eq(record_origin(heap, record)->uid, viewer->uid) ?
	       0 : -EACCES;
}

static quick_inline struct record *number_of(const struct memmgr_heap *heap, u32 i)
{
	heap_assert_locked(heap);
	if (i >= heap->table.records.made)
		return NULL;
	return heap_record(heap, array_index_nospec(i, heap->table.records.made));
}

/* The record of a number that a user gave, or NULL if there is none yet. */
struct record *record_number(const struct memmgr_heap *heap, u32 i)
{
	return number_of(heap, i);
}

static quick_inline struct record *handle_of(struct memmgr_heap *heap, u64 handle)
{
	struct record *record = number_of(heap, handle_record(handle, heap->table.bits));

	return record && record->handle == handle && record->state != RECORD_FREE ?
	       record : NULL;
}

/* The record of a handle in any state; NULL if the handle is stale. */
struct record *record_of(struct memmgr_heap *heap, u64 handle)
{
	return handle_of(heap, handle);
}

/*
 * The record that a viewer may use now, or an error; -EAGAIN if it is moving. A heap that is
 * being destroyed was found idle, so nothing in it may be pinned or exported any more.
 */
struct record *record_use(struct memmgr_heap *heap, const struct viewer *viewer,
			  u64 handle)
{
	struct record *record = record_of(heap, handle);
	int err;

	if (!record || heap->lasting.dying || record->state == RECORD_NEW ||
	    record->state == RECORD_HELD)
		return ERR_PTR(-EBADF);
	err = record_access(heap, record, viewer);
	if (err)
		return ERR_PTR(err);
	if (record->state == RECORD_MOVING)
		return ERR_PTR(-EAGAIN);
	if (record->state != RECORD_LIVE)
		return ERR_PTR(-EBUSY);
	return record;
}

/* The same for a call that changes the record: -EBUSY if another call is copying. */
struct record *record_use_alone(struct memmgr_heap *heap,
				const struct viewer *viewer, u64 handle)
{
	struct record *record = record_use(heap, viewer, handle);

	return !IS_ERR(record) && record->busy ? ERR_PTR(-EBUSY) : record;
}

static u32 record_index(const struct memmgr_heap *heap,
			const struct record *record)
{
	return handle_record(record->handle, heap->table.bits);
}

/* The place in the region at which the mappable part of a record begins. */
u64 record_map_place(const struct memmgr_heap *heap, const struct record *record)
{
	return heap_place(heap, record->offset - record_inset(record));
}

/* The window of the mmap() offsets that shows a record, of a heap that has windows. */
static u32 record_window(const struct memmgr_heap *heap, const struct record *record)
{
	return heap->table.window + record_index(heap, record);
}

/* The offset for mmap() under which the caller maps it; ~0 if it cannot be mapped. */
u64 record_map_offset(const struct memmgr_heap *heap, const struct record *record)
{
	u64 window;

	if (heap->table.window == HEAP_NO_WINDOW)
		return ~0ull;
	window = record_window(heap, record);
	return (window << (heap->region->view.window_shift + PAGE_SHIFT)) + record_inset(record);
}

/* vm_pgoff of the allocation's first page, behind the guard page if there is one. */
unsigned long record_first_page(const struct memmgr_heap *heap, const struct record *record)
{
	return heap_window_page(heap, record_window(heap, record)) +
	       !!(record->flags & MEMMGR_ALLOC_GUARD);
}

/**
 * record_zap - remove the mappings of a part of an allocation so that they stay removed
 * @heap: its heap, not locked
 * @record: its record, which cannot move now, or a copy of it
 * @from: first byte behind the one at which the mappable part begins; aligned to pages
 * @to: the byte behind the last one
 *
 * In a private heap the arena shows the part too. There a page may be mapped again at once.
 * The caller has made sure that new faults of the allocation's own mappings do not find it.
 *
 * Context: process, may sleep. Cost: proportional to the existing mappings.
 */
void record_zap(struct memmgr_heap *heap, const struct record *record, u64 from, u64 to)
{
	if (heap->table.arena_window != HEAP_NO_WINDOW)
		mapping_unmap(heap->region, heap_window_page(heap, heap->table.arena_window) +
			      (unsigned long)(record->offset >> PAGE_SHIFT), from, to - from);
	mapping_zap(heap->region, record_first_page(heap, record), from, to - from);
}

/* Bytes of a block that users may map: without red zones, except in its last page. */
u64 record_map_bytes(const struct memmgr_heap *heap, const struct record *record,
		     const struct engine_block *block)
{
	if (!record_has_zones(record))
		return block->granted;
	return heap->table.window == HEAP_NO_WINDOW ? record->bytes :
		PAGE_ALIGN(record_inset(record) + record->bytes);
}

/* Fill in what the maker of a record chooses. Everything else begins as 0. */
static __always_inline void record_fill(struct record *record, const struct record *wanted)
{
	record->bytes = wanted->bytes;
	record->time_ns = wanted->time_ns;
	record->charge = wanted->charge;
	record->client = wanted->client;
	record->pins = 0;
	record->users = 0;
	record->writers = 0;
	record->depth = 0;
	record->moves = 0;
	record->violations = 0;
	record->lease_faults = 0;
	record->lead = wanted->lead;
	record->tail = wanted->tail;
	record->site = wanted->site;
	record->busy = 0;
	record->exports = 0;
	record->faults = 0;
	record->leases = 0;
	record->own_pins = 0;
	record->own_leases = 0;
	record->marks = wanted->marks;
}

/*
 * Give a newly allocated block the first free record, filled in from @wanted, and a use of an
 * origin; it is new, and its client does not know it yet.
 */
struct record *record_take(struct memmgr_heap *heap, const struct record *wanted, u32 origin,
			   const struct engine_block *block)
{
	u32 i = heap->table.records.free;
	struct record *record = heap_record(heap, i);

	heap_assert_locked(heap);
	heap->table.records.free = record->next;
	heap->table.used++;
	record_set_state(heap, record, RECORD_NEW);
	record_fill(record, wanted);
	record->origin = origin;
	record->seq = ++heap->table.seq;
	record->offset = block->offset + record_lead(record);
	record->map_bytes = likely(!record_has_zones(record)) ? block->granted :
			    record_map_bytes(heap, record, block);
	if (heap->table.record_at) {
		record->depth = heap->stack.count - 1;
		heap->table.record_at[record->depth] = i;
	}
	heap_moment(heap, born, record);
	return record;
}

/* Take a record off its owner, so that no client can use it. */
void record_disown(struct memmgr_heap *heap, struct record *record)
{
	if (record->owned)
		client_remove_record(record->client, record);
	record->owned = false;
	if (!record->charged)
		record->client = NULL;
}

static_assert(!RECORD_FREE);

/*
 * Put a record back among the free ones, after the use of its origin. Its @handle is the next
 * one that it will have.
 */
static quick_inline void record_put(struct memmgr_heap *heap, struct record *record)
{
	if (heap->table.record_at)
		heap->table.record_at[record->depth] = RECORD_NONE;
	record_set_state(heap, record, RECORD_FREE);
	record->marks = 0;
	record->pins = 0;
	record->client = NULL;
	heap->table.used--;
	if (unlikely(record->handle == HANDLE_NONE)) {
		heap->table.spent++;
		return;
	}
	record->next = heap->table.records.free;
	heap->table.records.free = record_index(heap, record);
}

/* A record ends, and its use of an origin with it. */
static noinline void record_close(struct memmgr_heap *heap, struct record *record)
{
	origin_put(heap, record->origin, 1);
	record_put(heap, record);
}

/* Undo record_take(): the client cannot have the allocation, and nobody has seen it. */
void record_untake(struct memmgr_heap *heap, struct record *record)
{
	heap_assert_locked(heap);
	heap_moment(heap, gone, record);
	record_close(heap, record);
}

/* End a record. Its block, and in a slab heap its slab, may be gone; it lay at @place. */
static void record_end(struct memmgr_heap *heap, struct record *record, u64 place)
{
	heap_assert_locked(heap);
	trace_memmgr_free(heap->region->name, heap->name, record->handle, place, 0);
	heap_moment(heap, gone, record);
	record_drop_pins(heap, record, place);
	client_give_records(heap, &record, 1, record->charge);
	record->handle = handle_next(record->handle, heap->table.bits);
	record_close(heap, record);
}

/* Forget a record whose zones were checked. Its block stays allocated. */
void record_release(struct memmgr_heap *heap, struct record *record)
{
	record_end(heap, record, heap_place(heap, record->offset));
}

/*
 * Return a record's block to the engine, or keep it in quarantine. The caller has checked
 * its zones.
 */
int record_free(struct memmgr_heap *heap, struct record *record)
{
	u64 place = heap_place(heap, record->offset);
	bool kept = heap_keeps_freed(heap);
	struct engine_block block __uninitialized;
	int err;

	heap_assert_locked(heap);
	err = kept ? heap->engine.ops->find(&heap->engine, record_block(record), &block) :
		     heap->engine.ops->free(&heap->engine, record_block(record), true, &block);
	if (!err) {
		heap_moment(heap, ended, record, place, &block, kept);
		record_end(heap, record, place);
	}
	return err;
}

/* The record of a handle, if its owner may free it at once: nothing uses or shows it. */
static __always_inline struct record *record_idle(struct memmgr_heap *heap,
						  const struct client *client, u64 handle)
{
	struct record *record = handle_of(heap, handle);

	if (!record || record->state != RECORD_LIVE || !record->owned ||
	    record->client != client)
		return NULL;
	/* Without pins it has no dma-bufs either. */
	if (record->busy | record->pins | record->mapped | record_has_zones(record))
		return NULL;
	return record;
}

/* Records that gave their blocks back end. Those of a program usually have one origin. */
static void group_end(struct memmgr_heap *heap, struct record * const *records, u32 n)
{
	u32 i, same, bits = heap->table.bits;

	for (i = 0; i < n; i += same) {
		u32 origin = records[i]->origin;

		for (same = 0; i + same < n && records[i + same]->origin == origin; same++) {
			struct record *record = records[i + same];

			record->handle = handle_next(record->handle, bits);
			record_put(heap, record);
		}
		origin_put(heap, origin, same);
	}
}

/**
 * record_free_group - free allocations, until there is more to do with one
 * @heap: the heap, locked; nobody keeps what is freed in it, or looks at it
 * @client: the owner
 * @handles: handles of the allocations
 * @n: number of handles, at most GROUP_MOST
 *
 * Context: any. O(@n).
 * Return: the number of allocations freed: the first ones.
 */
u32 record_free_group(struct memmgr_heap *heap, const struct client *client, const u64 *handles,
		      u32 n)
{
	bool traced = trace_memmgr_free_enabled();
	struct record *records[GROUP_MOST] __uninitialized;
	u64 place = 0, bytes = 0;
	u32 done = 0;

	heap_assert_locked(heap);
	if (heap->lasting.dying)
		return 0;
	for (; done < n; done++) {
		struct record *record = record_idle(heap, client, handles[done]);

		if (!record)
			break;
		if (traced)
			place = heap_place(heap, record->offset);
		if (block_give(heap, record_block(record)))
			break;
		if (traced)
			trace_memmgr_free(heap->region->name, heap->name, record->handle,
					  place, 0);
		/* The same handle a second time finds it no longer live. */
		record_set_state(heap, record, RECORD_DYING);
		bytes += record->charge;
		records[done] = record;
	}
	if (done)
		client_give_records(heap, records, done, bytes);
	group_end(heap, records, done);
	return done;
}

void record_describe(struct memmgr_heap *heap, const struct record *record,
		     const struct viewer *viewer, struct memmgr_info *info)
{
	const struct origin *origin = record_origin(heap, record);
	bool mine = !record_access(heap, record, viewer);
	struct engine_block block = { .granted = record->map_bytes };
	u32 size = info->size;

	memset(info, 0, sizeof(*info));
	/* During a move the block at the old offset may be another one. */
	if (record->state != RECORD_MOVING)
		heap->engine.ops->find(&heap->engine, record_block(record), &block);
	info->size = size;
	info->flags = record->flags;
	info->handle = mine ? record->handle : 0;
	info->offset = heap_place(heap, record->offset);
	info->phys = viewer->admin ? region_phys(heap->region, info->offset) : 0;
	info->bytes = record->bytes;
	info->granted = record_has_zones(record) ? record->bytes : block.granted;
	info->align = record_align(record);
	info->map_offset = mine ? record_map_offset(heap, record) : ~0ull;
	info->time_ns = record->time_ns;
	info->heap = heap->id;
	info->state = (record->mapped ? MEMMGR_INFO_MAPPED : 0) |
		      (mine ? MEMMGR_INFO_MINE : 0) |
		      (record->sealed ? MEMMGR_INFO_SEALED : 0) |
		      (record->state == RECORD_HELD ? MEMMGR_INFO_HELD : 0) |
		      (record->leases ? MEMMGR_INFO_LEASED : 0) |
		      (heap_can_move(heap) && !record_fixed(record) ?
		       MEMMGR_INFO_MOVABLE : 0);
	info->pid = origin->pid;
	info->tid = origin->tid;
	info->uid = __kuid_val(origin->uid);
	info->pins = record->pins;
	memcpy(info->comm, origin->comm, sizeof(info->comm));
	memcpy(info->tag, origin->tag, sizeof(info->tag));
	info->client = record->charged ? record->client->serial : 0;
	info->violations = record->violations;
	info->access = record->access;
	info->exports = record->exports;
	info->moves = record->moves;
	info->lease_faults = record->lease_faults;
	info->site = record_site(record);
}

/**
 * record_fixed - the reason why an allocation may not be moved
 * @record: its record; the heap's lock is held
 *
 * Context: any. O(1).
 * Return: enum memmgr_fixed; I/O is not checked.
 */
u32 record_fixed(const struct record *record)
{
	if (record->exports)
		return MEMMGR_FIXED_EXPORTED;
	if (record->state == RECORD_HELD)
		return MEMMGR_FIXED_IO;
	if (record->pins || record_has_zones(record))
		return MEMMGR_FIXED_PINNED;
	if (record->sealed)
		return MEMMGR_FIXED_SEALED;
	if (record->busy || record->state != RECORD_LIVE)
		return MEMMGR_FIXED_BUSY;
	return MEMMGR_FIXED_NONE;
}

/* Can the heap's allocations be moved at all? A private arena is mapped as a whole. */
bool heap_can_move(const struct memmgr_heap *heap)
{
	return !(heap->flags & MEMMGR_HEAP_PRIVATE) && heap->traits->may_move;
}

/**
 * record_zones - write or check the red zones of a live allocation
 * @heap: its heap, locked
 * @record: its record
 * @flags: flags of the lock, which is dropped meanwhile
 * @paint: write them; otherwise check them
 *
 * The record is CHANGING meanwhile, so no other call ends it, uses it or checks its zones.
 *
 * Context: any. O(bytes of a zone).
 * Return: false if the heap was destroyed by force and has forgotten the record.
 */
bool record_zones(struct memmgr_heap *heap, struct record *record, unsigned long *flags,
		  bool paint)
	__must_hold(&heap->lock)
{
	struct record_copy seen;

	/* In another state: destroyed by force, so the zones are of no interest. */
	if (!record_has_zones(record) || record->state != RECORD_LIVE)
		return true;
	record_copy(heap, record, &seen);
	record_set_state(heap, record, RECORD_CHANGING);
	heap_unlock(heap, *flags);
	if (paint)
		heap_moment(heap, paint, &seen);
	else
		heap_moment(heap, look, &seen);
	*flags = heap_lock(heap);
	if (!record_is_still(heap, record, seen.record.handle, RECORD_CHANGING))
		return false;
	record_set_state(heap, record, RECORD_LIVE);
	return true;
}

/* An allocation at @place ends, and all clients' pins with it. */
void record_drop_pins(struct memmgr_heap *heap, struct record *record, u64 place)
{
	int pins = record->pins - record->exports;

	heap_assert_locked(heap);
	if (likely(!record->pins))
		return;
	heap->lasting.pinned -= pins;
	if (record->owned)
		record->client->pinned[heap->id] -= pins;
	if (record->own_pins | record->own_leases) {
		client_give(record->client, ACCOUNT_PINS, 1);
		trace_memmgr_pin(heap->region->name, heap->name, record->handle, place,
				 record->own_leases, -pins, record->exports);
	}
	record->own_pins = 0;
	record->own_leases = 0;
	record->pins = record->exports;
	record->leases = 0;
}
