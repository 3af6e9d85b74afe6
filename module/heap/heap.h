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
 *	inject.c's lock		who fails on purpose; innermost
 *	guards_lock		the list of all guards
 *	guards.lock		guarded slots of kernel code; innermost but for corruptions
 *	latency.lock		how long calls took; innermost
 *	failures.lock		only with no heap lock held
 *
 * Only heap*.c and api.c take heap locks.
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
 *	debug.c's mutex		the kernel patched, once	the same
 *	track.c, guards.c	memory for features		no
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

#include "client/client.h"
#include "base/compat.h"
#include "core/buddy.h"
#include "core/frag.h"
#include "core/handle.h"
#include "core/pool.h"
#include "core/slab.h"
#include "core/stack.h"
#include "debug/key.h"
#include "debug/guards.h"
#include "move/health.h"
#include "debug/inject.h"
#include "share/mmap.h"
#include "heap/record.h"
#include "region/region.h"
#include "debug/quarantine.h"
#include "debug/track.h"
#include "debug/zones.h"

#define HEAP_MAX_RECORDS	(1u << HANDLE_RECORD_BITS)
#define HEAP_DEFAULT_RECORDS	4096u
#define HEAP_NO_WINDOW		(~0u)
#define ROOT_PART		8u	/* of tables that all share a part in so many is root's */
#define ROOT_HEAPS		8	/* of the heaps of a region so many are */

/**
 * struct heap_move - an allocation on its way, see heap_move.c; guarded by the heap's lock
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
 * @watched: main: the next change is to be told to health.c
 * @debug: DEBUG_* of debug.h; read at any time, set by debug_set()
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
 * @injection: which requests to it fail on purpose; guarded by inject.c
 * @zones: red zones
 * @quarantine: what was freed last; NULL: that was never asked for
 * @track: blocks that kernel code has; NULL: it was never tracked
 * @guards: slots for guarded blocks of kernel code; NULL: there never were any
 * @latency: how long its calls took; NULL: that was never measured
 * @errors: memory errors found; guarded by region.corruptions.lock
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
	struct injection injection;
	struct zones zones;
	struct quarantine *quarantine;
	struct track *track;
	struct guards *guards;
	struct latency *latency;
	u64 errors;
	struct rcu_head rcu;
};

__visible unsigned long heap_lock(struct memmgr_heap *heap) __acquires(&heap->lock);

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
		health_kick(heap);
}

/**
 * struct heap_request - an allocation for a client
 * @bytes: size
 * @align: 0 or a power of two
 * @flags: MEMMGR_ALLOC_*
 * @timeout_ms: with MEMMGR_ALLOC_WAIT; 0: no limit
 * @tag: for people
 * @site: where it comes from, if that is known
 */
struct heap_request {
	u64 bytes;
	u64 align;
	u32 flags;
	u32 timeout_ms;
	const char *tag;
	u32 site;
};

/* Fields of a heap's configuration that go with some kinds only. */
#define HEAP_FIELD_BYTES	(1u << 0)
#define HEAP_FIELD_OBJECT	(1u << 1)
#define HEAP_FIELD_ALIGN	(1u << 2)
#define HEAP_FIELD_COUNT	(1u << 3)
#define HEAP_FIELD_GRANULE	(1u << 4)
#define HEAP_FIELD_NO_JOIN	(1u << 5)

/* heap.c: heaps come and go */
u32 heap_config_fields(const struct memmgr_heap_create *config, u32 *missing);
int heap_create_main(struct region *region, u32 max_records, bool join);
int heap_create(struct region *region, struct client *client,
		struct memmgr_heap_create *config);
int heap_destroy(struct region *region, struct client *client, u32 id,
		 u32 flags);
void heap_destroy_private(struct client *client);
bool heap_retire_orphans(struct region *region);
void heap_destroy_all(struct region *region);
void heap_wake_waiters(struct region *region);
struct memmgr_heap *heap_get(struct region *region, u32 id);
struct memmgr_heap *heap_get_named(struct region *region, const char *name);
struct memmgr_heap *heap_get_next(struct region *region, u32 id);
struct memmgr_heap *heap_get_window(struct region *region, u32 window);
void heap_put(struct memmgr_heap *heap);
__visible struct memmgr_heap *heap_hold(struct region *region, const char *name);
__visible void heap_unhold(struct memmgr_heap *heap);
struct memmgr_heap *heap_get_fallback(struct memmgr_heap *heap);
void heap_watch(struct memmgr_heap *main);
bool heap_unwatch(struct memmgr_heap *main);
int heap_main_take(const struct region *region, u64 bytes, u64 align, u64 *place,
		   struct engine_refusal *why);
void heap_main_give(struct region *region, u64 place);
u32 heap_kernel_live(struct memmgr_heap *heap);
bool heap_has_pages(const struct memmgr_heap *heap);
u64 heap_capacity(const struct memmgr_heap *heap);
int heap_take_windows(struct memmgr_heap *heap, struct engine_refusal *why);
u32 heap_windows_left(const struct region *region);
u32 heap_main_records(const struct region *region);
const char *heap_kind_name(u32 kind);

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

/* heap_rights.c: who may see a heap and allocate from it */
bool heap_mode_ok(u32 mode);
void heap_rights_begin(struct memmgr_heap *heap, const struct memmgr_heap_create *c);
struct heap_rights heap_rights_of(struct memmgr_heap *heap);
int heap_own(const struct memmgr_heap *heap, const struct client *client);

#define HEAP_SEE	4u	/* as the bits of a mode are */
#define HEAP_TAKE	2u

int heap_allows(struct memmgr_heap *heap, const struct client *client, u32 wanted);
bool heap_told(struct region *region, const struct client *client, u32 id, const char *name,
	       u64 owner);

/* May the caller allocate from it? */
static inline int heap_access(struct memmgr_heap *heap, const struct client *client)
{
	return heap_allows(heap, client, HEAP_TAKE);
}

/* May he see it? Others' private heaps he may not. */
static inline int heap_look(struct memmgr_heap *heap, const struct client *client)
{
	return heap_allows(heap, client, HEAP_SEE);
}

int heap_may_make(struct region *region, const struct client *client,
		  const struct memmgr_heap_create *c);
int heap_set_rights(struct memmgr_heap *heap, const struct memmgr_heap_rights *r);

/* heap_alloc.c: allocations with a record */
int heap_alloc(struct memmgr_heap *heap, struct client *client,
	       const struct heap_request *rq, struct memmgr_info *info,
	       struct engine_refusal *why);
int heap_free(struct memmgr_heap *heap, struct client *client, u64 handle);
void heap_refused(struct region *region);
void heap_reclaim(struct memmgr_heap *heap, struct client *client, u64 handle,
		  struct track_tally *tally);
int heap_resize(struct memmgr_heap *heap, struct client *client, u64 handle,
		u64 bytes, u64 *granted, struct engine_refusal *why);
__visible int heap_stack_mark(struct memmgr_heap *heap, u64 *mark);
int heap_stack_release(struct memmgr_heap *heap, struct client *client, u64 mark,
		       u32 *released);
int heap_info(struct memmgr_heap *heap, struct client *client, u64 handle,
	      struct memmgr_info *info);
bool heap_info_next(struct memmgr_heap *heap, struct client *client,
		    u32 *index, struct memmgr_info *info);
__visible void heap_failed(struct memmgr_heap *heap, u64 bytes, u64 align,
			   const struct engine_refusal *why);
__visible bool heap_wait(struct memmgr_heap *heap, u32 seen, long *left, int *err);
void heap_forget_records(struct memmgr_heap *heap);
void heap_trim(struct memmgr_heap *heap);

/* heap_access.c: who may touch an allocation, and where it is */

/**
 * struct violation - an access that was stopped, to be reported
 * @offset: in the allocation
 * @access: MEMMGR_ACCESS_*
 * @tag: of the allocation
 */
struct violation {
	u64 offset;
	u32 access;
	char tag[MEMMGR_TAG_LEN];
};

int record_violated(struct memmgr_heap *heap, struct record *record, u64 offset,
		    u32 access, struct violation *violation);
void violation_report(const struct memmgr_heap *heap, const struct violation *violation);
int heap_copy_begin(struct memmgr_heap *heap, struct client *client, u64 handle,
		    u64 offset, u64 bytes, u32 access, u64 *place);
void heap_copy_end(struct memmgr_heap *heap, u64 handle);
int heap_map(struct memmgr_heap *heap, struct client *client, u32 window,
	     u64 offset, u64 bytes, struct mapping *mapping);
u32 heap_map_access(struct memmgr_heap *heap, const struct mapping *mapping);
int heap_map_place(struct memmgr_heap *heap, const struct mapping *mapping,
		   u64 offset, u32 access, bool fault, u64 *place);
int heap_protect(struct memmgr_heap *heap, struct client *client, u64 handle,
		 u32 access, bool seal);
void heap_map_end(struct memmgr_heap *heap, const struct mapping *mapping);
void heap_map_help(struct memmgr_heap *heap, const struct mapping *mapping, u64 offset);

/* heap_debug.c: memory errors */
#if IS_ENABLED(CONFIG_MEMMGR_DEBUG)
int heap_debug(struct memmgr_heap *heap, struct memmgr_debug *d);
__visible void heap_report_free(struct memmgr_heap *heap, u64 place, int err, u32 site);
void heap_report_handle(struct memmgr_heap *heap, const struct client *client, u64 handle,
			int err, bool free);
void heap_report_fault(struct memmgr_heap *heap, const struct mapping *mapping, u64 offset);
#else
static inline int heap_debug(struct memmgr_heap *heap, struct memmgr_debug *d)
{
	return -EOPNOTSUPP;
}

static inline void heap_report_free(struct memmgr_heap *heap, u64 place, int err, u32 site)
{
}

static inline void heap_report_handle(struct memmgr_heap *heap, const struct client *client,
				      u64 handle, int err, bool free)
{
}

static inline void heap_report_fault(struct memmgr_heap *heap, const struct mapping *mapping,
				     u64 offset)
{
}
#endif

/* heap_move.c: allocations move */
struct compaction;
struct heap_object;
struct heap_route;
struct move_pace;

u32 record_fixed(const struct record *record);
bool heap_can_move(const struct memmgr_heap *heap);
struct record *heap_use(struct memmgr_heap *heap, const struct viewer *viewer,
			u64 handle, bool alone, unsigned long *flags)
	__acquires(&heap->lock);
unsigned long heap_lock_unmoved(struct memmgr_heap *heap, u64 handle)
	__acquires(&heap->lock);
void heap_move_touched(struct memmgr_heap *heap, unsigned long offset);
int heap_wait_unmapped(struct region *region);
void heap_help_move(struct memmgr_heap *heap, u64 handle, unsigned long upto);
int heap_move(struct memmgr_heap *heap, u32 index, const struct heap_route *route,
	      struct move_pace *pace, struct memmgr_compact *tally);
int heap_compact_begin(struct memmgr_heap *heap);
void heap_compact_end(struct memmgr_heap *heap);
void heap_show(struct memmgr_heap *heap, struct compaction *c);
void heap_show_slabs(struct memmgr_heap *heap, u16 *live);
u32 heap_slabs_kept(struct memmgr_heap *heap);
void heap_slab_last(struct memmgr_heap *heap, u32 number);
u32 heap_see_objects(struct memmgr_heap *heap, u32 *from, struct heap_object *seen, u32 room);

/* heap_pin.c: allocations stay */
int heap_pin(struct memmgr_heap *heap, struct client *client, struct memmgr_pin *pin);
int heap_unpin(struct memmgr_heap *heap, struct client *client, struct memmgr_pin *pin);
struct pin *pins_make(void);
u32 client_pins(const struct client *client, const struct record *record);
void record_drop_pins(struct memmgr_heap *heap, struct record *record, u64 place);
void client_forget_pin(struct client *client, struct memmgr_heap *heap, u64 handle);
void client_forget_pins(struct client *client, struct memmgr_heap *heap);
void client_unpin_all(struct client *client);

/* heap_hold.c: what stays in use when its handle is gone */

/**
 * struct heap_export - an allocation that a dma-buf shows
 * @heap: it lies in; a reference
 * @handle: that it had when it was exported
 * @place: in the region
 * @bytes: whole pages
 * @writable: through this dma-buf
 */
struct heap_export {
	struct memmgr_heap *heap;
	u64 handle;
	u64 place;
	u64 bytes;
	bool writable;
};

bool record_zones(struct memmgr_heap *heap, struct record *record, unsigned long *flags,
		  void (*act)(struct memmgr_heap *heap, const struct record *record));
int heap_end(struct memmgr_heap *heap, struct record *record, unsigned long *flags);
int heap_export_begin(struct memmgr_heap *heap, struct client *client, u64 handle,
		      bool read_only, struct heap_export *export);
void heap_export_end(struct heap_export *export);
int heap_export_use(const struct heap_export *export, u32 access, bool ask);
void heap_export_unuse(const struct heap_export *export, u32 access);
void heap_map_export(const struct heap_export *export, struct mapping *mapping);
bool heap_in_io(struct memmgr_heap *heap);
void heap_settle_start(struct region *region);
void heap_settle_init(struct region *region);

/* heap_stats.c: what is known of a heap */
__visible void heap_stats(struct memmgr_heap *heap, struct memmgr_stats *stats);
void heap_frag(struct memmgr_heap *heap, struct memmgr_frag *frag);
int heap_check(struct memmgr_heap *heap, struct memmgr_check *check);
void heap_query(struct memmgr_heap *heap, struct client *client,
		struct memmgr_heap_query *query);
bool heap_next_block(struct memmgr_heap *heap, u64 *pos,
		     struct engine_block *block);
u32 heap_owner(struct region *region, u64 place);
u32 heap_picture(struct region *region, struct memmgr_cell *cells, u32 count,
		 u64 *cell_bytes);
__visible bool heap_stack_has_records(struct memmgr_heap *heap, u32 depth, unsigned long *flags);
u32 heap_count(struct region *region);

#endif /* MEMMGR_HEAP_H */
