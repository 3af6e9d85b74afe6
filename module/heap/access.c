// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Access to an allocation, by copying and through mappings, and its place. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/string_helpers.h>

#include "base/trace.h"
#include "core/slab.h"
#include "heap/access.h"
#include "heap/account.h"
#include "heap/heap.h"
#include "heap/moments.h"
#include "heap/moving.h"
#include "heap/record.h"
#include "heap/rights.h"
#include "heap/use.h"
#include "region/memory.h"
#include "region/region.h"
#include "region/view.h"

/* Count a refused access. */
int record_violated(struct memmgr_heap *heap, struct record *record, u64 offset,
		    u32 access, struct violation *violation)
{
	heap_assert_locked(heap);
	record_count(&record->violations);
	heap->counts.violations++;
	violation->offset = offset;
	violation->access = access;
	memcpy(violation->tag, record_origin(heap, record)->tag, sizeof(violation->tag));
	return -EACCES;
}

/* Escape a user's text, so that it cannot look like a line of the log or the trace. */
static void escape(char *to, size_t size, const char *text)
{
	int length = string_escape_mem(text, strlen(text), to, size - 1, ESCAPE_ANY_NP, NULL);

	to[min_t(size_t, length, size - 1)] = 0;
}

/* Report a refused access, after the lock was dropped. */
void violation_report(const struct memmgr_heap *heap, const struct violation *violation)
{
	const char *region = heap->region->name;
	bool write = violation->access & MEMMGR_ACCESS_WRITE;
	char comm[4 * TASK_COMM_LEN];
	char tag[4 * MEMMGR_TAG_LEN];

	escape(tag, sizeof(tag), violation->tag);
	escape(comm, sizeof(comm), current->comm);
	trace_memmgr_violation(region, heap->name, tag, (s64)violation->offset, write);
	pr_warn_ratelimited("%s: %s[%d] may not %s at %lld of allocation '%s' in heap %s\n",
			    region, comm, task_tgid_nr(current),
			    write ? "write" : "read", (s64)violation->offset, tag,
			    heap->name);
}

/**
 * heap_copy_begin - keep an allocation in place for a copy from or to it
 * @heap: the heap that the handle names
 * @client: the caller
 * @handle: handle of the allocation
 * @offset: offset of the first byte in it
 * @bytes: number of bytes
 * @access: MEMMGR_ACCESS_* that the copy needs; 0: none
 * @place: set to the offset of the first byte in the region
 *
 * Context: process, may reschedule. O(1), and the cost of heap_use().
 * Return: 0, or an error of the ABI's table; after 0 heap_copy_end() must follow.
 */
int heap_copy_begin(struct memmgr_heap *heap, struct client *client, u64 handle,
		    u64 offset, u64 bytes, u32 access, u64 *place)
{
	struct viewer viewer = viewer_of(client);
	struct violation violation;
	struct record *record;
	unsigned long flags;
	bool stopped;
	int err;

	record = heap_use(heap, &viewer, handle, false, &flags);
	err = PTR_ERR_OR_ZERO(record);
	if (err)
		heap_moment(heap, misuse, client, handle, err, false);
	if (!err && (bytes > record->bytes || offset > record->bytes - bytes))
		err = -ERANGE;
	if (!err && access & ~record->access)
		err = record_violated(heap, record, offset, access & ~record->access,
				      &violation);
	stopped = err == -EACCES && !IS_ERR(record);
	if (!err && record->busy == U16_MAX)
		err = -EBUSY;
	if (!err) {
		record->busy++;
		*place = heap_place(heap, record->offset) + offset;
	}
	heap_unlock(heap, flags);
	if (stopped)
		violation_report(heap, &violation);
	return err;
}

void heap_copy_end(struct memmgr_heap *heap, u64 handle)
{
	unsigned long flags = heap_lock(heap);
	struct record *record = record_of(heap, handle);

	if (record)
		record->busy--;
	heap_unlock(heap, flags);
}

/* Map the arena of a private heap, for its client. */
static int arena_map(struct memmgr_heap *heap, struct client *client, u64 offset,
		     u64 bytes, struct heap_view *view)
{
	u64 limit = PAGE_ALIGN(heap->bytes);
	int err = heap_may_use(heap, client);

	if (err)
		return err;
	if (bytes > limit || offset > limit - bytes)
		return -EINVAL;
	view->kind = MAPPING_ARENA;
	view->first = heap_window_page(heap, heap->table.arena_window);
	return 0;
}

/**
 * heap_map - check whether a range may be mapped, and find what it shows
 * @heap: the heap that the window belongs to
 * @client: the caller
 * @window: window of a record or of the arena
 * @offset: first byte in the window
 * @bytes: number of bytes
 * @view: the answer
 *
 * Context: any. O(1).
 * Return: 0, -EINVAL or -EACCES.
 */
int heap_map(struct memmgr_heap *heap, struct client *client, u32 window,
	     u64 offset, u64 bytes, struct heap_view *view)
{
	struct viewer viewer = viewer_of(client);
	struct record *record;
	unsigned long flags;
	u64 limit;
	int err;

	view->heap = heap->id;
	view->serial = heap->serial;
	if (window == heap->table.arena_window)
		return arena_map(heap, client, offset, bytes, view);
	flags = heap_lock(heap);
	record = record_number(heap, window - heap->table.window);
	if (!record) {
		heap_unlock(heap, flags);
		return -EINVAL;
	}
	err = record->state == RECORD_LIVE || record->state == RECORD_MOVING ?
	      record_access(heap, record, &viewer) : -EINVAL;
	view->guard = record->flags & MEMMGR_ALLOC_GUARD;
	limit = record->map_bytes + (view->guard ? 2 * PAGE_SIZE : 0);
	if (!err && (bytes > limit || offset > limit - bytes))
		err = -EINVAL;
	if (!err) {
		record->mapped = true;
		view->kind = MAPPING_RECORD;
		view->handle = record->handle;
		view->seq = record->seq;
		view->inset = record_inset(record);
		view->first = heap_window_page(heap, window);
		view->pages = record->map_bytes >> PAGE_SHIFT;
		view->final = record->sealed;
		view->populate = record->flags & MEMMGR_ALLOC_POPULATE;
	}
	heap_unlock(heap, flags);
	return err;
}

/**
 * heap_map_access - the accesses that a mapping allows now
 * @heap: heap with the id of the one that the mapping showed when it was made
 * @view: the part that the mapping shows
 *
 * Context: any. O(1).
 * Return: MEMMGR_ACCESS_*; none if the allocation no longer exists.
 */
u32 heap_map_access(struct memmgr_heap *heap, const struct heap_view *view)
{
	u32 access = MEMMGR_ACCESS_NONE;
	struct record *record;
	unsigned long flags;

	flags = heap_lock(heap);
	if (heap->serial == view->serial && view->kind == MAPPING_ARENA) {
		access = MEMMGR_ACCESS_READ | MEMMGR_ACCESS_WRITE;
	} else if (heap->serial == view->serial) {
		record = record_of(heap, view->handle);
		if (record && record->seq == view->seq)
			access = record->access;
	}
	heap_unlock(heap, flags);
	return access;
}

static u64 page_of(u64 offset)
{
	return round_down(offset, PAGE_SIZE);
}

/* The page at @offset of @bytes that lie together at @place. */
static void pages_found(struct heap_pages *found, u64 place, u64 offset, u64 bytes)
{
	found->place = place + page_of(offset);
	found->before = offset >> PAGE_SHIFT;
	found->after = ((bytes - 1) >> PAGE_SHIFT) - found->before;
}

/* The page of a private arena. None for a slab that it does not hold, or is giving back. */
static int arena_place(struct memmgr_heap *heap, u64 offset, struct heap_pages *found)
{
	if (heap->lasting.dying || offset >= PAGE_ALIGN(heap->bytes))
		return -ENOENT;
	found->access = MEMMGR_ACCESS_READ | MEMMGR_ACCESS_WRITE;
	if (heap_is(heap, MEMMGR_KIND_SLAB)) {
		u32 shift = heap->slabs.layout.shift, max = heap->slabs.layout.max;
		unsigned long n = offset >> shift;

		if (n >= max)
			return -ENOENT;
		n = array_index_nospec(n, max);
		if (heap->slab_at[n] == SLAB_NONE || slab_is_leaving(&heap->slabs, n))
			return -ENOENT;
		/* The next slab may lie anywhere. */
		pages_found(found, heap_place(heap, (u64)n << shift),
			    offset & ((1ul << shift) - 1), 1ul << shift);
		return 0;
	}
	pages_found(found, heap_place(heap, 0), offset, heap->bytes);
	return 0;
}

/* May a mapping show the memory of the record in its present state? */
static bool record_shows(const struct record *record, const struct heap_view *view)
{
	if (!record || record->seq != view->seq)
		return false;
	if (record->state == RECORD_LIVE || record->state == RECORD_CHANGING ||
	    record->state == RECORD_MOVING)
		return true;
	return view->kind == MAPPING_EXPORT &&
	       (record->state == RECORD_HELD || record->state == RECORD_DYING);
}

/* The page of an allocation: at its old place, or at the new one if it has slid there. */
static int moving_place(struct memmgr_heap *heap, u64 offset, struct heap_pages *found)
{
	const struct heap_move *move = &heap->move;

	/* What of the others is mapped, the mover would have to copy again. */
	found->before = 0;
	found->after = 0;
	if (!move->slides) {
		heap_move_touched(heap, offset);
		return 0;
	}
	if (offset + PAGE_SIZE > move->done)
		return -EAGAIN;
	found->place = heap_place(heap, move->to) + offset;
	return 0;
}

static int record_place(struct memmgr_heap *heap, const struct heap_view *view,
			u64 offset, u32 access, enum heap_look look,
			struct heap_pages *found, struct violation *violation)
{
	struct record *record = record_of(heap, view->handle);
	u64 guard = view->guard ? PAGE_SIZE : 0;
	u64 byte = offset - guard - view->inset;

	if (!record_shows(record, view))
		return -ENOENT;
	/* A lease touches nothing: it ends where the allocation does, which may have been cut. */
	if (look == LOOK_LEASE && offset - guard >= record->map_bytes)
		return -ENOENT;
	/* An access before the allocation, or to the page behind it; offset from its start. */
	if (offset < guard || (guard && page_of(offset) - guard == record->map_bytes))
		return record_violated(heap, record, byte, access, violation);
	offset -= guard;
	if (offset >= record->map_bytes)
		return -ENOENT;
	if (access & ~record->access)
		return record_violated(heap, record, byte, access, violation);
	found->access = record->access;
	pages_found(found, record_map_place(heap, record), offset, record->map_bytes);
	return record->state == RECORD_MOVING ?
	       moving_place(heap, page_of(offset), found) : 0;
}

/**
 * heap_map_help - complete a slide as far as a fault needs
 * @heap: as for heap_map_place(), which returned -EAGAIN
 * @view: the part that the mapping shows
 * @offset: offset of the accessed byte in the mapping
 *
 * Context: process, may reschedule, no locks of memmgr held. See heap_help_move().
 */
void heap_map_help(struct memmgr_heap *heap, const struct heap_view *view, u64 offset)
{
	u64 guard = view->guard ? PAGE_SIZE : 0;

	heap_help_move(heap, view->handle, page_of(offset) - guard + PAGE_SIZE);
}

/* Keep the mover away from the record until heap_map_end(). */
static int count_fault(struct memmgr_heap *heap, const struct heap_view *view,
		       enum heap_look look)
{
	struct record *record = record_of(heap, view->handle);

	heap_assert_locked(heap);
	/* Try again later, when one of the other faults has ended. */
	if (record->faults == U16_MAX)
		return -EAGAIN;
	record->faults++;
	/* Leases promise real-time programs that there are no faults, so count them. */
	if (look == LOOK_PROGRAM && record->leases)
		record_count(&record->lease_faults);
	return 0;
}

/**
 * heap_map_end - end a fault that heap_map_place() began
 * @heap: the same
 * @view: the same
 *
 * Context: process, the region's map_gate is held. O(1).
 */
void heap_map_end(struct memmgr_heap *heap, const struct heap_view *view)
{
	struct record *record;
	unsigned long flags;

	if (view->kind == MAPPING_ARENA)
		return;
	flags = heap_lock(heap);
	record = record_of(heap, view->handle);
	/* The heap may have forgotten the record meanwhile, and use it for another. */
	if (record && record->seq == view->seq)
		record->faults--;
	heap_unlock(heap, flags);
}

/**
 * heap_map_place - find the page that a mapping shows at an offset
 * @heap: heap with the id of the one that the mapping showed when it was made
 * @view: the part that the mapping shows
 * @offset: offset of the accessed byte in the mapping
 * @access: MEMMGR_ACCESS_* that is wanted
 * @look: LOOK_PROGRAM alone counts as a page fault of a lease, and is an error of the program
 *	if the page is gone
 * @found: set to the page and what lies around it
 *
 * Context: process, the region's map_gate is held. O(1).
 * Return: 0, and heap_map_end() must follow when the page is mapped; -ENOENT if there is no
 * page any more; -EAGAIN if the page has yet to arrive, see heap_map_help(); or -EACCES,
 * which is counted and reported.
 */
int heap_map_place(struct memmgr_heap *heap, const struct heap_view *view,
		   u64 offset, u32 access, enum heap_look look, struct heap_pages *found)
{
	struct violation violation;
	unsigned long flags;
	int err = -ENOENT;

	flags = heap_lock(heap);
	if (heap->serial == view->serial && view->kind == MAPPING_ARENA)
		err = arena_place(heap, offset, found);
	else if (heap->serial == view->serial)
		err = record_place(heap, view, offset, access, look, found, &violation);
	if (!err && view->kind != MAPPING_ARENA)
		err = count_fault(heap, view, look);
	if (err && look == LOOK_PROGRAM)
		heap_moment(heap, fault, view, offset);
	heap_unlock(heap, flags);
	if (err == -EACCES)
		violation_report(heap, &violation);
	return err;
}

/* May the protection change to @access now? */
static int protect_check(const struct memmgr_heap *heap, const struct record *record,
			 u32 access)
{
	u32 taken = record->access & ~access;

	heap_assert_locked(heap);
	if (heap->flags & MEMMGR_HEAP_PRIVATE || !heap_has_pages(heap))
		return -EOPNOTSUPP;
	if (record->sealed && access != record->access)
		return -EPERM;
	/* A running copy was allowed; it has to end before the change takes effect. */
	if (record->busy || (record->writers && taken & MEMMGR_ACCESS_WRITE) ||
	    (record->users && taken & MEMMGR_ACCESS_READ))
		return -EBUSY;
	return 0;
}

/*
 * Remove mappings that allow more than the new protection, so that the next access to each
 * page is checked again. -EBUSY if I/O that has begun would continue.
 */
static int protect_zap(struct memmgr_heap *heap, const struct record *record)
{
	struct region *region = heap->region;
	u64 place = record_map_place(heap, record);
	u64 bytes = record->map_bytes;

	if (!record->mapped)
		return 0;
	region_wait_writes(region, place, bytes);
	return mapping_in_io(region, record_first_page(heap, record), place, bytes) ? -EBUSY : 0;
}

/**
 * heap_protect - set how an allocation may be accessed
 * @heap: the heap that the handle names
 * @client: the caller
 * @handle: handle of the allocation
 * @access: MEMMGR_ACCESS_*
 * @seal: make it final
 *
 * Context: process, may sleep. Cost: proportional to the existing mappings.
 * Return: 0 or an error of the ABI's table.
 */
int heap_protect(struct memmgr_heap *heap, struct client *client, u64 handle,
		 u32 access, bool seal)
{
	struct viewer viewer = viewer_of(client);
	struct record *record;
	struct record seen;
	unsigned long flags;
	int err;

	record = heap_use(heap, &viewer, handle, false, &flags);
	err = PTR_ERR_OR_ZERO(record);
	if (err)
		heap_moment(heap, misuse, client, handle, err, false);
	else
		err = protect_check(heap, record, access);
	if (err)
		goto out;
	seen = *record;
	record->access = access;
	/* Faults read the access from the record. No other call changes it meanwhile. */
	if (seen.access & ~access) {
		record_set_state(heap, record, RECORD_CHANGING);
		heap_unlock(heap, flags);
		err = protect_zap(heap, &seen);
		flags = heap_lock(heap);
		if (!record_is_still(heap, record, handle, RECORD_CHANGING)) {
			err = -EBADF;
			goto out;
		}
		record_set_state(heap, record, RECORD_LIVE);
		if (err)
			record->access = seen.access;
	}
	if (!err)
		record->sealed |= seal;
out:
	heap_unlock(heap, flags);
	return err;
}
