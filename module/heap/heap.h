/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Heaps: an engine with a name, a lock, limits and books, living in a region.
 *
 * Locks, outermost first:
 *
 *	region.compact_mutex	one compaction at a time
 *	heap.features		what a heap is watched for
 *	region.heap_mutex	slots, names and windows of heaps, who holds them, and
 *				the clients' lists of them
 *	region.map_gate		faults against changes of what is mapped
 *	heap.lock		a heap: engine, records and books; raw, irqs off
 *	main's heap.lock	inside the lock of a slab heap that grows
 *	region.client_lock	clients, their lists of records, accounts
 *	debug/inject.c's lock		who fails on purpose; innermost
 *	guards_lock		the list of all guards
 *	guards.lock		guarded slots of kernel code; innermost but for corruptions
 *	latency.lock		how long calls took; innermost
 *	failures.lock		only with no heap lock held
 *
 * Only heap*.c and face/kernel.c take heap locks.
 *
 * Where a call drops a heap's lock and goes on. What it saw before is a rumour then; on
 * the right is what keeps it true, or is looked at again. Whoever adds a place adds it here.
 *
 *	alloc_finish()		RECORD_NEW: nobody has the handle; a heap that was destroyed
 *				has forgotten it: the handle
 *	alloc_wait()		nothing is kept: it tries anew
 *	alloc_by_all_means()	a reference to the fallback; each try asks whether it dies
 *	heap_use(), heap_lock_unmoved()
 *				complete a slide, then look the handle up anew
 *	slide_piece()		the handle and what is done, each time; heap_move.copying
 *				keeps others from the piece, and preemption is off
 *	heap_reclaim()		the handle and its owner, under the lock
 *	heap_end()		RECORD_DYING: record_is_still()
 *	resize_cut(), resize_clear(), heap_protect()
 *				RECORD_CHANGING: record_is_still()
 *	heap_let_go()		RECORD_HELD, and no dma-buf: looked at again
 *	heap_copy_begin()	record.busy keeps all but the end of its heap away, and the
 *				caller's reference the memory; heap_copy_end() looks again
 *	heap_export_begin()	record.exports keeps the record until heap_export_end()
 *	heap_map_place()	region.map_gate, which mapping_zap() passes; record.faults,
 *				which a mover looks at; heap_map_end(): record.seq
 *	heap_pin()		a lease is a pin while it is mapped; the handle, each time
 *	heap_stack_release()	what release_check_all() saw, release_step() asks again
 *	heap_show()		heap_changes(): a torn picture is taken anew when it matters
 *	compact_carry(), merge_move()
 *				mover_begin(): the allocation (its number), its place and
 *				size, and that nothing keeps it there
 *	mover_unmap(), mover_held(), mover_settle(), mover_leave()
 *				mover_is_off(): a call may have ended the move. The new
 *				place is the mover's until then or until mover_settle(),
 *				which looks whether the old one was touched
 *	mover_slide()		as slide_piece()
 *	heap_trim()		the slab stays in the books: slab_left()
 *	heap_unmake()		heap.dying, set under the lock that saw it idle: record_use()
 *				gives nothing of it any more
 *	heap_retire_orphans()	an orphan's memory comes into use no more: that only ends
 *	quarantine_*()		FREED_BUSY: nobody else touches the entry
 *	debug_apply()		RCU: whoever saw the old flags has finished
 *	heap_info_next(), heap_next_block(), see_records(), report_record_at(), heap_check()
 *				walks: each step is true for itself
 *
 * No mutex that close(), ALLOC or FREE need is held while memory is cleared, copied,
 * allocated in large pieces or waited for:
 *
 *	mutex			longest under it		needed by close, ALLOC, FREE
 *	region.heap_mutex	a search of all slots		close, with private heaps
 *	heap.features		quarantine emptied, memory	close, the client's own heaps:
 *				for features, RCU, patching	root is at work on one of them
 *	debug/key.c's mutex		the kernel patched, once	the same
 *	debug/track.c, debug/guards.c	memory for features		no
 *	guards.mutex		a few pages mapped		close, the client's own heaps
 *	region.map_gate		a page found and mapped; it	all three, of what was mapped
 *				is never kept for writing
 *	region.compact_mutex	a whole compaction		ALLOC with MAY_COMPACT only,
 *								which a fatal signal ends
 *	health.mutex		the figures of main		no
 *	events.gate		a uevent			the settling of an event
 *	client.read_mutex	a read of events		no
 *
 * heap_create() and heap_destroy() take heap_mutex twice: a heap that is being made has
 * its slot in region.making, one that is being unmade is dying, and in between neither
 * is locked.
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
#include "heap/record.h"
#include "region/region.h"

struct client;
struct heap_debug;

#define HEAP_MAX_RECORDS	(1u << HANDLE_RECORD_BITS)
#define HEAP_DEFAULT_RECORDS	4096u
#define HEAP_NO_WINDOW		(~0u)
#define ROOT_PART		8u	/* of tables that all share a part in so many is root's */
#define ROOT_HEAPS		8	/* of the heaps of a region so many are */

/**
 * struct heap_move - an allocation on its way, see move/mover.c; guarded by the heap's lock
 * @record: of it; NULL: none is, or it was called off, or it has arrived
 * @to: where it goes, offset in the heap
 * @touched: first byte that was mapped at the old place since the mover last looked
 * @touched_end: behind the last such byte; 0: there is none
 * @slides: it goes over its own old place, piece by piece, and cannot be called off
 * @copying: a task copies the next piece, with preemption off
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
 * struct heap_rights - who may see a heap and allocate from it; guarded by its lock
 * @uid: its owner
 * @gid: its group
 * @mode: as a file's, read and write bits; 0: for kernel code alone
 */
struct heap_rights {
	kuid_t uid;
	kgid_t gid;
	u32 mode;
};

/**
 * struct memmgr_heap - a heap
 * @lock: guards the engine, the records and the books
 * @kind: enum memmgr_kind, selects the engine
 * @flags: MEMMGR_HEAP_*
 * @waiters: callers that wait for memory, and one for @watched
 * @freed: counts frees while somebody waits
 * @watched: main: the next change is to be told to move/health.c
 * @debug: DEBUG_* of debug/key.h; read at any time, set by debug_set()
 * @base: where the kernel maps the arena (slab: the region, and @skew before it)
 * @span: bytes from @base on in which its blocks lie
 * @spare: slab heaps: an object that kernel code gave back last and that the
 *	engine still takes for live, or NULL
 * @bytes: size of the arena (slab: limit)
 * @engine: the common part of the engine below
 * @buddy: the engine of a buddy heap
 * @slabs: the engine of a slab heap
 * @pool: the engine of a pool heap
 * @stack: the engine of a stack heap
 * @region: it lives in
 * @id: in the region
 * @name: unique in the region
 * @rights: who may use it, a private one apart; changed under region.heap_mutex too
 * @arena: place of the arena, ~0 for a slab heap
 * @max_align: largest alignment that can be asked for
 * @align: that every block has
 * @books: memory of the system for all that follows, in one piece
 * @kernel_bytes: what the heap costs the system
 * @meta: state of the engine
 * @skew: slab heaps: bytes from an address that is aligned like a slab to the region
 * @slab_at: slab heaps: by number of the slab, its place + skew >> shift
 * @slab_of: slab heaps: region.slab_of
 * @slab_key: slab heaps: what it adds to the numbers of its slabs there
 * @slab_mask: slab heaps: of the number of a page, that of its slab's first page
 * @fallback: serves when this heap cannot; held, and a reference; goes under the lock
 * @client: owner of a private heap
 * @owner: its serial, which can be told when it has gone; 0: not a private heap
 * @mine: in the client's list of heaps
 * @users: references; the last one unmakes the heap
 * @holders: kernel modules and other heaps that keep it from being destroyed;
 *	guarded by region.heap_mutex
 * @dying: it was destroyed; no more allocations
 * @orphan: it goes when what still uses its memory has gone
 * @payer: the client that a private heap is charged to
 * @windows: that @client is charged for it
 * @charge: bytes that it is charged, slabs apart
 * @exports: dma-bufs of its allocations
 * @held: records of allocations that were freed and are still in use
 * @pinned: pins and leases of its allocations
 * @compacting: it is being compacted, and cannot be destroyed
 * @trimming: slab heaps: heap_trim() gives slabs back
 * @move: the allocation that is moving
 * @features: turning on and off what it is watched for
 * @serial: tells it from all other heaps that the region ever had
 * @seq: number of the last allocation
 * @window: first window of its records, or HEAP_NO_WINDOW
 * @arena_window: window of a private heap's arena, or HEAP_NO_WINDOW
 * @wait: for memory
 * @records: the table
 * @max_records: its size
 * @record_bits: handle_bits() of that
 * @spent_records: records without a handle that was never given
 * @used_records: records in use
 * @free_record: first free one
 * @record_at: stack heaps: record of the block at each depth, or RECORD_NONE
 * @resizes: for struct memmgr_stats, as the following
 * @zeroed: bytes cleared for clients
 * @zero_ns: in that time
 * @violations: accesses that protection or guard pages stopped
 * @refused: refused frees
 * @fallbacks: requests passed on
 * @waits: requests that waited
 * @failures: by reason
 * @idle: blocks that are live for the engine alone: what was freed and is kept
 * @debugging: what debug/ knows of it; NULL: nobody ever looked at it
 * @rcu: delays the end until no reader can see it
 */
struct memmgr_heap {
	raw_spinlock_t lock;
	u32 kind;
	u32 flags;
	u32 waiters;
	u32 freed;
	bool watched;
	u32 debug;
	void *base;
	unsigned long span;
	void *spare;
	u64 bytes;
	union {
		struct engine engine;
		struct buddy buddy;
		struct slabs slabs;
		struct pool pool;
		struct stack stack;
	};

	struct region *region;
	u32 id;
	char name[MEMMGR_NAME_LEN];
	struct heap_rights rights;
	u64 arena;
	u64 max_align;
	u64 align;
	void *books;
	u64 kernel_bytes;
	void *meta;
	u32 skew;
	u32 *slab_at;
	u32 *slab_of;
	u32 slab_key;
	u32 slab_mask;
	struct memmgr_heap *fallback;
	struct client *client;
	u64 owner;
	struct list_head mine;
	refcount_t users;
	u32 holders;
	bool dying;
	bool orphan;
	struct client *payer;
	u32 windows;
	u64 charge;
	u32 exports;
	u32 held;
	u32 pinned;
	bool compacting;
	bool trimming;
	struct heap_move move;
	struct mutex features;	/* what it is watched for */
	u64 serial;
	u64 seq;
	u32 window;
	u32 arena_window;
	struct swait_queue_head wait;

	struct record *records;
	u32 max_records;
	u32 record_bits;
	u32 spent_records;
	u32 used_records;
	u32 free_record;
	u32 *record_at;

	u64 resizes;
	u64 zeroed;
	u64 zero_ns;
	u64 violations;
	u64 refused;
	u64 fallbacks;
	u64 waits;
	u64 failures[MEMMGR_REASONS];
	u32 idle;
	struct heap_debug *debugging;
	struct rcu_head rcu;
};

unsigned long heap_lock(struct memmgr_heap *heap) __acquires(&heap->lock);

static inline void heap_unlock(struct memmgr_heap *heap, unsigned long flags)
	__releases(&heap->lock)
{
	raw_spin_unlock_irqrestore(&heap->lock, flags);
}

/* In functions that are called with the heap locked. */
static inline void heap_assert_locked(const struct memmgr_heap *heap)
{
	lockdep_assert_held(&heap->lock);
}

/**
 * record_set_state - the one way for a record from a state to the next
 * @heap: of the record, locked
 * @record: the record
 * @state: enum record_state, known when this is compiled: then the check is a mask
 *
 * Context: any. O(1).
 */
static __always_inline void record_set_state(struct memmgr_heap *heap, struct record *record,
					     u32 state)
{
	heap_assert_locked(heap);
	if (unlikely(!(BIT(record->state) & record_origin[state])))
		record_wrong_step(heap, record, state);
	record->state = state;
}

/*
 * The same in the fast paths, without the calls: the kernel's own inline form of
 * the lock, where this kernel has one. The spare stays: who takes the lock this
 * way looks after it.
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

/*
 * Something was freed, under the lock: true when somebody waits for that.
 * heap_wake() then, after the lock.
 */
static inline bool heap_freed(struct memmgr_heap *heap)
{
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

/* Something of the heap has changed; after the lock. */
static __always_inline void heap_touched(struct memmgr_heap *heap)
{
	if (unlikely(READ_ONCE(heap->watched)))
		heap->region->changed(heap);
}

/* Fields of a heap's configuration that go with some kinds only. */
#define HEAP_FIELD_BYTES	(1u << 0)
#define HEAP_FIELD_OBJECT	(1u << 1)
#define HEAP_FIELD_ALIGN	(1u << 2)
#define HEAP_FIELD_COUNT	(1u << 3)
#define HEAP_FIELD_GRANULE	(1u << 4)
#define HEAP_FIELD_NO_JOIN	(1u << 5)
void heap_watch(struct memmgr_heap *main);
bool heap_unwatch(struct memmgr_heap *main);
bool heap_has_pages(const struct memmgr_heap *heap);

/* Is a kind part of this build? Known to the compiler when the kind is. */
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
	default:
		return false;
	}
}

/* The code behind it vanishes when the kind is not part of this build. */
static __always_inline bool heap_is(const struct memmgr_heap *heap, u32 kind)
{
	return heap_kind_built(kind) && heap->kind == kind;
}

/* The place in the region of what slab_at says. */
static inline u64 heap_slab_place(const struct memmgr_heap *heap, u32 at)
{
	return ((u64)at << heap->slabs.layout.shift) - heap->skew;
}

/* In region.slab_of: number of a slab, and above it the id of its heap, which is not 0. */
#define SLAB_KEY_SHIFT	24
#define SLAB_NOT_OURS	(1u << SLAB_KEY_SHIFT)

static_assert(MEMMGR_MAX_HEAPS <= 1u << (32 - SLAB_KEY_SHIFT));

/*
 * The entry of the slab in which a place + skew below heap.span lies: it is that of a page
 * of the slab, the one whose number is aligned like a slab, so that no two heaps share it.
 */
static __always_inline u32 *heap_slab_entry(const struct memmgr_heap *heap,
					    unsigned long skewed)
{
	return &heap->slab_of[(skewed >> PAGE_SHIFT) & heap->slab_mask];
}

/*
 * The number of the slab that has a place + skew below heap.span: SLAB_NOT_OURS or more
 * when none of this heap has. Under the heap's lock.
 */
static __always_inline u32 heap_slab_of(const struct memmgr_heap *heap, unsigned long skewed)
{
	return READ_ONCE(*heap_slab_entry(heap, skewed)) ^ heap->slab_key;
}

/* The place in the region of an engine's offset. */
static inline u64 heap_place(const struct memmgr_heap *heap, u64 offset)
{
	u32 shift;

	if (!heap_is(heap, MEMMGR_KIND_SLAB))
		return heap->arena + offset;
	shift = heap->slabs.layout.shift;
	return heap_slab_place(heap, heap->slab_at[offset >> shift]) +
	       (offset & ((1u << shift) - 1));
}

/* The other way round; 0 for a slab that has gone. Under the heap's lock. */
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

/* Under which page of the mmap() address space the arena's mappings are found. */
static inline u32 heap_arena_page(const struct memmgr_heap *heap)
{
	return (heap_is(heap, MEMMGR_KIND_SLAB) ? heap->region->bytes :
						  heap->arena) >> PAGE_SHIFT;
}

#endif /* MEMMGR_HEAP_H */
