/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Heaps: an engine with a name, a lock, limits and books, living in a region.
 *
 * The locks, their order and the longest work under each of them stand in
 * module/doc/README.md, section Locks. Only heap/, debug/, move/, client/request.c,
 * face/bulk.c and face/kernel.c take heap locks.
 *
 * Some calls drop a heap's lock and then continue. What they saw before may no longer be
 * true. This list names these calls, and what keeps it true or is checked again. If you
 * add such a call, add it here.
 *
 *	alloc_finish()		RECORD_NEW: no one has the handle; after a forced destruction
 *				of the heap the handle is stale
 *	alloc_wait()		keeps nothing: it tries again from the start
 *	alloc_fallback()	a reference to the fallback; each try checks heap.lasting.dying
 *	heap_alloc_some()	keeps nothing: what a group does not make is a request of its own
 *	heap_use(), heap_lock_unmoved()
 *				complete a slide, then look the handle up again
 *	slide_piece()		checks handle and progress each time; heap_move.copying
 *				keeps others from the piece, and preemption is off
 *	heap_reclaim()		checks the handle and its owner, under the lock
 *	heap_end()		RECORD_DYING: record_is_still()
 *	resize_cut(), resize_clear(), heap_protect()
 *				RECORD_CHANGING: record_is_still()
 *	heap_let_go()		checks again: RECORD_HELD, and no dma-buf
 *	heap_copy_begin()	record.busy refuses all calls but the heap's destruction, and the
 *				caller's reference keeps the memory; heap_copy_end() checks again
 *	heap_export_begin()	record.exports keeps the record until heap_export_end()
 *	heap_map_place()	view.map_gate, which mapping_zap() passes; record.faults,
 *				which a mover checks; heap_map_end() checks record.seq
 *	heap_pin()		the allocation is pinned while a lease maps it; checks the handle
 *	heap_stack_release()	release_step() checks again what release_check_all() checked
 *	heap_show()		heap_changes(): a torn picture is taken again if it matters
 *	compact_carry(), merge_move()
 *				mover_begin() checks the allocation (by number), its place and
 *				size, and that nothing fixes it there
 *	mover_begin()		between the steps of an engine's search for a given place; each
 *				step checks the allocation again, and the last one that the
 *				place is free
 *	mover_unmap(), mover_held(), mover_close(), mover_leave()
 *				mover_is_off(): a call may have ended the move. The new
 *				place is the mover's until then, or until mover_close(),
 *				which checks whether the old one was touched
 *	mover_slide()		as slide_piece()
 *	heap_trim()		the slab stays in the books; slab_left() decides
 *	heap_unmake()		heap.lasting.dying, set under the lock that saw the heap idle:
 *				record_use() refuses all its records
 *	heap_retire_orphans()	an orphan's memory gets no new users; the old ones only end
 *	quarantine_*()		FREED_BUSY: no other code touches the entry
 *	debug_apply()		RCU: every call that saw the old flags has finished
 *	heap_info_next(), heap_next_block(), see_records(), report_record_at(), heap_check()
 *				walks: each step is valid by itself
 *	tables_make(), slabs_open()
 *				fill tables that nobody can find; another caller may be
 *				faster, or the heap dying, which the lock tells at the end
 *
 * heap_create() and heap_destroy() take heap_mutex twice, and hold no lock in between. A
 * heap that is being made has its slot in region.making; a heap that is being destroyed
 * is marked as dying.
 *
 * Offsets: the engine's *offset* counts from the start of the heap; a *place*
 * counts from the start of the region.
 */
#ifndef MEMMGR_HEAP_H
#define MEMMGR_HEAP_H

#include <linux/kernel.h>
#include <linux/lockdep.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/swait.h>
#include <linux/uidgid.h>
#include <linux/memmgr.h>

#include "base/compat.h"
#include "core/buddy.h"
#include "core/engine.h"
#include "core/handle.h"
#include "core/pool.h"
#include "core/slab.h"
#include "core/stack.h"
#include "core/tlsf.h"
#include "heap/origins.h"
#include "heap/record.h"
#include "region/region.h"

struct client;
struct heap_debug;
struct heap_kind;

#define HEAP_MAX_RECORDS	(1u << HANDLE_RECORD_BITS)
#define HEAP_DEFAULT_RECORDS	4096u
#define HEAP_NO_WINDOW		(~0u)
#define ROOT_PART		8u	/* one part in so many of a shared table is kept for root */
#define ROOT_HEAPS		8	/* number of a region's heaps that are kept for root */

/**
 * struct heap_move - the move of an allocation, see move/mover.c; guarded by the heap's lock
 * @record: its record; NULL: there is no move, or it was called off, or has completed
 * @to: its new offset in the heap
 * @touched: first byte that was mapped at the old place since the mover last looked
 * @touched_end: end of the last such byte; 0: there is none
 * @slides: it overwrites its own old place, piece by piece, and cannot be called off
 * @copying: a task is copying the next piece, with preemption off
 * @done: slides: bytes that have arrived
 */
struct heap_move {
	struct record *record;
	u64 to;
	unsigned long touched;
	unsigned long touched_end;
	bool slides;
	bool copying;
	unsigned long done;
};

/**
 * struct heap_rights - the users that may see a heap and allocate; guarded by its lock
 * @uid: owner
 * @gid: group
 * @mode: read and write bits, as a file's; 0: for kernel code alone
 */
struct heap_rights {
	kuid_t uid;
	kgid_t gid;
	u32 mode;
};

/**
 * struct heap_lasting - the uses and states that decide how long a heap lasts
 * @users: references; the last one frees the heap
 * @holders: number of kernel modules and other heaps that keep it from being destroyed
 * @dying: it is being destroyed; no more allocations
 * @orphan: it is destroyed when the last use of its memory has ended
 * @exports: number of dma-bufs of its allocations
 * @held: number of freed allocations that are still in use
 * @pinned: number of pins and leases of its allocations
 * @compacting: it is being compacted, and cannot be destroyed
 * @trimming: slab heaps: heap_trim() is giving slabs back
 *
 * The heap's lock guards all but three members: @users is atomic, region.heap_mutex guards
 * @holders, and heap_unmake() alone sets @orphan. @dying, @orphan and @held are read at any
 * time.
 */
struct heap_lasting {
	refcount_t users;
	u32 holders;
	bool dying;
	bool orphan;
	u32 exports;
	u32 held;
	u32 pinned;
	bool compacting;
	bool trimming;
};

/**
 * struct heap_steps - entries that are made HEAP_STEP at a time
 * @steps: the steps
 * @made: number of entries; it grows when all are in use
 * @free: first free entry, or RECORD_NONE
 */
struct heap_steps {
	void **steps;
	u32 made;
	u32 free;
};

/**
 * struct heap_table - the records of a heap
 * @records: the records
 * @origins: their makers and tags, see heap/origins.c
 * @hints: by hash: the origin that one of this hash took last, or RECORD_NONE. It may be
 *	free by now, or have got other content
 * @apart: each step has its own memory; otherwise all lie in heap.books or in @block
 * @late: the tables are made, in @block, when a program first allocates
 * @block: the tables, if they were made late
 * @max: the most records, and the most origins, that the table can have
 * @bits: handle_bits() of @max
 * @spent: number of records whose handles are used up
 * @used: number of records in use
 * @record_at: stack heaps: record of the block at each depth, or RECORD_NONE
 * @seq: number of the last allocation
 * @window: first window of the records, or HEAP_NO_WINDOW
 * @arena_window: window of a private heap's arena, or HEAP_NO_WINDOW
 *
 * The heap's lock guards the table; @used, @made and @free are also read without it. @apart,
 * @late, @max, @bits and the windows do not change once the heap can be found; until then
 * region.heap_mutex guards the windows.
 */
struct heap_table {
	struct heap_steps records;
	struct heap_steps origins;
	u32 hints[ORIGIN_HINTS];
	bool apart;
	bool late;
	void *block;
	u32 max;
	u32 bits;
	u32 spent;
	u32 used;
	u32 *record_at;
	u64 seq;
	u32 window;
	u32 arena_window;
};

/**
 * struct heap_counts - numbers of a heap's events, for struct memmgr_stats; guarded by its lock
 * @resizes: resizes that were done
 * @zeroed: bytes cleared for clients
 * @zero_ns: time that the clearing took
 * @violations: accesses that protection or guard pages stopped
 * @refused: refused frees
 * @fallbacks: requests passed on to the fallback
 * @waits: requests that waited
 * @failures: failed requests, by reason
 */
struct heap_counts {
	u64 resizes;
	u64 zeroed;
	u64 zero_ns;
	u64 violations;
	u64 refused;
	u64 fallbacks;
	u64 waits;
	u64 failures[MEMMGR_REASONS];
};

/**
 * struct heap_grid - the granules of a heap whose blocks have any number of them
 * @shift: log2 of the granule in bytes
 * @granules: their number
 * @lead: place of the first one (core/buddy.h)
 */
struct heap_grid {
	u32 shift;
	u32 granules;
	u32 lead;
};

/**
 * struct memmgr_heap - a heap
 * @lock: guards the engine, the records and the books
 * @kind: enum memmgr_kind, selects the engine
 * @waiters: number of callers that wait for memory, plus one if @watched
 * @freed: counts frees while there are waiters
 * @watched: main: the next change must be reported to move/health.c
 * @debug: DEBUG_* of debug/key.h; read at any time, set by debug_set()
 * @base: the kernel's address of the arena (slab: of the region, minus @skew)
 * @span: bytes from @base on in which its blocks lie
 * @spare: slab heaps: the object freed last by kernel code, cached here; the engine
 *	still counts it as allocated. NULL if none
 * @slab_at: slab heaps: by number of the slab: (place + skew) >> shift
 * @slab_of: slab heaps: region.slab_of
 * @slab_key: slab heaps: added to the numbers of its slabs in region.slab_of
 * @slab_mask: slab heaps: mask from the number of a page to its slab's first page
 * @engine: the common part of the engine below
 * @buddy: the engine of a buddy heap
 * @tlsf: the engine of a TLSF heap
 * @slabs: the engine of a slab heap
 * @pool: the engine of a pool heap
 * @stack: the engine of a stack heap
 * @region: the region that it lives in
 * @id: id in the region
 * @flags: MEMMGR_HEAP_*
 * @bytes: size of the arena (slab: limit)
 * @name: unique in the region
 * @rights: rights of users, unless it is private; changed under region.heap_mutex too
 * @grid: buddy, tlsf: its granules
 * @arena: place of the arena, ~0 for a slab heap
 * @max_align: largest alignment that can be asked for
 * @align: alignment of every block
 * @books: system memory for all tables that follow, in one piece
 * @kernel_bytes: system memory that the heap uses, without tables that have their own
 * @meta: state of the engine
 * @skew: slab heaps: bytes from the slab-aligned address below the region to the region
 * @fallback: serves when this heap cannot; holds it and a reference; cleared under the lock
 * @client: owner of a private heap
 * @owner: serial of the owner, which stays valid when the owner is gone; 0: not private
 * @mine: in the client's list of heaps
 * @lasting: the uses and states that decide how long it lasts
 * @payer: the client that a private heap is charged to
 * @windows: windows that @client is charged for it
 * @charge: bytes that @payer is charged, without slabs
 * @move: the allocation that is moving
 * @features: held to turn features of debug/ on and off
 * @serial: distinguishes it from all other heaps that the region ever had
 * @wait: queue of the callers that wait for memory
 * @table: its records
 * @counts: numbers of its events
 * @refused: jiffies of the last request of kernel code that found nothing and was logged
 * @idle: number of freed blocks that are kept, and so are live only for the engine
 * @traits: the row of @kind in heap/kinds.c
 * @capacity: bytes that each block has; 0: as many as were requested
 * @debugging: state of the features of debug/; NULL: none was ever used
 * @rcu: delays the free until no reader can see it
 *
 * What drivers' calls touch comes first, up to the engine: on a 32-bit CPU it lies in one
 * cache line with the lock, and the engine's own in one or two more. Whatever calls of
 * programs write, @lasting.users above all, lies in others.
 */
struct memmgr_heap {
	raw_spinlock_t lock;
	u32 kind;
	u32 waiters;
	u32 freed;
	bool watched;
	u32 debug;
	void *base;
	unsigned long span;
	void *spare;
	u32 *slab_at;
	u32 *slab_of;
	u32 slab_key;
	u32 slab_mask;
	union {
		struct engine engine;
		struct buddy buddy;
		struct tlsf tlsf;
		struct slabs slabs;
		struct pool pool;
		struct stack stack;
	};

	struct region *region;
	u32 id;
	u32 flags;
	u64 bytes;
	char name[MEMMGR_NAME_LEN];
	struct heap_rights rights;
	struct heap_grid grid;
	u64 arena;
	u64 max_align;
	u64 align;
	void *books;
	u64 kernel_bytes;
	void *meta;
	u32 skew;
	struct memmgr_heap *fallback;
	struct client *client;
	u64 owner;
	struct list_head mine;
	struct heap_lasting lasting;
	struct client *payer;
	u32 windows;
	u64 charge;
	struct heap_move move;
	struct mutex features;	/* turning features on and off */
	u64 serial;
	struct swait_queue_head wait;
	struct heap_table table;
	struct heap_counts counts;
	unsigned long refused;
	u32 idle;
	const struct heap_kind *traits;
	u64 capacity;
	struct heap_debug *debugging;
	struct rcu_head rcu;
};

unsigned long heap_lock(struct memmgr_heap *heap) __acquires(&heap->lock);

static inline void heap_unlock(struct memmgr_heap *heap, unsigned long flags)
	__releases(&heap->lock)
{
	raw_spin_unlock_irqrestore(&heap->lock, flags);
}

/* The record of a number below heap_made_records(). Context: any. */
static __always_inline struct record *heap_record(const struct memmgr_heap *heap, u32 i)
{
	struct record *step = heap->table.records.steps[i / HEAP_STEP];

	return &step[i % HEAP_STEP];
}

/* The entry of an origin that there is. */
static __always_inline struct origin_entry *origin_entry(const struct memmgr_heap *heap, u32 i)
{
	struct origin_entry *step = heap->table.origins.steps[i / HEAP_STEP];

	return &step[i % HEAP_STEP];
}

/* The number of records in the table. It only grows. Context: any. */
static inline u32 heap_made_records(const struct memmgr_heap *heap)
{
	/* Pairs with records_add(), which publishes them. */
	return smp_load_acquire(&heap->table.records.made);
}

/* For functions that are called with the heap locked. */
static inline void heap_assert_locked(const struct memmgr_heap *heap)
{
	lockdep_assert_held(&heap->lock);
}

/* The maker and the tag of a record in use. They stay until the record ends. */
static inline const struct origin *record_origin(const struct memmgr_heap *heap,
						 const struct record *record)
{
	heap_assert_locked(heap);
	return &origin_entry(heap, record->origin)->origin;
}

/**
 * record_set_state - change the state of a record; the only function that does
 * @heap: heap of the record, locked
 * @record: the record
 * @state: enum record_state, a compile-time constant, so that the check is one mask
 *
 * Context: any. O(1).
 */
static __always_inline void record_set_state(struct memmgr_heap *heap, struct record *record,
					     u32 state)
{
	heap_assert_locked(heap);
	if (unlikely(!(BIT(record->state) & record_from[state])))
		record_wrong_step(heap, record, state);
	record->state = state;
}

/*
 * Locking in the fast paths, without a function call: the kernel's own inline form of the
 * lock, if this kernel has one. The spare stays, and the caller has to take care of it.
 */
static __always_inline unsigned long heap_lock_inline(struct memmgr_heap *heap)
	__acquires(&heap->lock)
{
	unsigned long flags;

#ifdef COMPAT_INLINE_LOCK
	flags = __raw_spin_lock_irqsave(&heap->lock);
#else
	raw_spin_lock_irqsave(&heap->lock, flags);
#endif
	return flags;
}

static __always_inline void heap_unlock_inline(struct memmgr_heap *heap, unsigned long flags)
	__releases(&heap->lock)
{
#ifdef COMPAT_INLINE_LOCK
	__raw_spin_unlock_irqrestore(&heap->lock, flags);
#else
	heap_unlock(heap, flags);
#endif
}

/* Count a free. Returns true if there are waiters: heap_wake() follows then, after the lock. */
static inline bool heap_freed(struct memmgr_heap *heap)
{
	heap_assert_locked(heap);
	if (likely(!heap->waiters))
		return false;
	heap->freed++;
	return true;
}

static inline void heap_wake(struct memmgr_heap *heap, bool wake)
{
	if (unlikely(wake))
		swake_up_one(&heap->wait);
}

/* Report a change of the heap to its watcher, after the lock was dropped. */
static __always_inline void heap_touched(struct memmgr_heap *heap)
{
	if (unlikely(READ_ONCE(heap->watched)))
		heap->region->changed(heap);
}

void heap_mark_changes(struct memmgr_heap *main);
bool heap_unmark_changes(struct memmgr_heap *main);
bool heap_has_pages(const struct memmgr_heap *heap);

/* Is a kind part of this build? A compile-time constant if the kind is. */
static __always_inline bool heap_kind_built(u32 kind)
{
	switch (kind) {
	case MEMMGR_KIND_BUDDY:
		return true;
	case MEMMGR_KIND_SLAB:
		return IS_ENABLED(CONFIG_MEMMGR_SLAB);
	case MEMMGR_KIND_POOL:
		return IS_ENABLED(CONFIG_MEMMGR_POOL);
	case MEMMGR_KIND_STACK:
		return IS_ENABLED(CONFIG_MEMMGR_STACK);
	case MEMMGR_KIND_TLSF:
		return IS_ENABLED(CONFIG_MEMMGR_TLSF);
	default:
		return false;
	}
}

/* Has it granules, by which its allocations move and requests are explained? */
static inline bool heap_is_grid(const struct memmgr_heap *heap)
{
	return heap->grid.granules;
}

/* If the kind is not part of this build, the compiler drops the code that depends on this. */
static __always_inline bool heap_is(const struct memmgr_heap *heap, u32 kind)
{
	return heap_kind_built(kind) && heap->kind == kind;
}

/* The place in the region that an entry of slab_at stands for. */
static inline u64 heap_slab_place(const struct memmgr_heap *heap, u32 at)
{
	return ((u64)at << heap->slabs.layout.shift) - heap->skew;
}

/* An entry of region.slab_of: number of a slab, and above it the id of its heap, not 0. */
#define SLAB_KEY_SHIFT	24
#define SLAB_NOT_OURS	(1u << SLAB_KEY_SHIFT)

static_assert(MEMMGR_MAX_HEAPS <= 1u << (32 - SLAB_KEY_SHIFT));

/*
 * The entry in region.slab_of of the slab that contains a place. @skewed is place + skew,
 * below heap.span. The entry is that of the slab's page whose number is aligned like a
 * slab, so no two heaps share an entry.
 */
static __always_inline u32 *heap_slab_entry(const struct memmgr_heap *heap,
					    unsigned long skewed)
{
	return &heap->slab_of[(skewed >> PAGE_SHIFT) & heap->slab_mask];
}

/*
 * The number of the slab that contains a place; SLAB_NOT_OURS or more if it is no slab of
 * this heap. @skewed is place + skew, below heap.span. Under the heap's lock.
 */
static __always_inline u32 heap_slab_of(const struct memmgr_heap *heap, unsigned long skewed)
{
	return READ_ONCE(*heap_slab_entry(heap, skewed)) ^ heap->slab_key;
}

/* The place in the region for an offset of the engine. */
static inline u64 heap_place(const struct memmgr_heap *heap, u64 offset)
{
	u32 shift;

	if (!heap_is(heap, MEMMGR_KIND_SLAB))
		return heap->arena + offset;
	shift = heap->slabs.layout.shift;
	return heap_slab_place(heap, heap->slab_at[offset >> shift]) +
	       (offset & ((1u << shift) - 1));
}

/* The offset of the engine for a place; 0 if its slab is gone. Under the heap's lock. */
static inline u64 heap_unplace(const struct memmgr_heap *heap, u64 place)
{
	u32 shift, n;

	if (!heap_is(heap, MEMMGR_KIND_SLAB))
		return place - heap->arena;
	shift = heap->slabs.layout.shift;
	place += heap->skew;
	n = place < heap->span ? heap_slab_of(heap, place) : SLAB_NOT_OURS;
	return n < SLAB_NOT_OURS ?
	       ((u64)n << shift) | (place & ((1u << shift) - 1)) : 0;
}

/* The first page of a window of the mmap() offsets. */
static inline unsigned long heap_window_page(const struct memmgr_heap *heap, u32 window)
{
	return (unsigned long)window << heap->region->view.window_shift;
}

#endif /* MEMMGR_HEAP_H */
