/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Records: the description of an allocation, and access to it by handle. */
#ifndef MEMMGR_RECORD_H
#define MEMMGR_RECORD_H

#include <linux/bits.h>
#include <linux/list.h>
#include <linux/types.h>
#include <uapi/linux/memmgr.h>

#include "heap/origins.h"

struct client;
struct engine_block;
struct memmgr_heap;
struct viewer;

#define RECORD_NONE		(~0u)
#define RECORD_STEP		32u	/* records that are made at once, a power of two */

/* record_from[] below tells which state may follow which. */
enum record_state {
	RECORD_FREE,	/* in the list of free records */
	RECORD_NEW,	/* its memory is being cleared; the handle is not known yet */
	RECORD_LIVE,
	RECORD_CHANGING,	/* its size or protection changes; only mappings may use it */
	RECORD_DYING,	/* its mappings are being removed */
	RECORD_HELD,	/* freed, but a dma-buf or I/O still uses the memory */
	RECORD_MOVING,	/* it moves, see move/mover.c; mappings may use it, calls end the move */
	RECORD_STATES,
};

/**
 * struct record - description of an allocation; guarded by the heap's lock
 * @handle: generation above index and heap; changes when the record is freed
 * @seq: number of the allocation in its heap; unlike a handle it never wraps,
 *	so that a mapping never shows a later allocation
 * @next: free: the next free record
 * @origin: otherwise: number of its origin
 * @state: enum record_state; only record_set_state() sets it
 * @mapped: a client has mapped it
 * @access: MEMMGR_ACCESS_* of users and devices
 * @sealed: @access and the size are final
 * @shifted: it begins inside its first page, and ends at the end of its last page
 * @busy: number of calls that are copying from or to it
 * @exports: number of dma-bufs of it
 * @faults: number of page faults that know its place and may yet map it there
 * @own_pins: plain pins among @pins that belong to @client
 * @own_leases: leases among @leases that belong to @client
 * @users: devices and kernel mappings that use its dma-bufs
 * @writers: how many of @users may write
 * @flags: MEMMGR_ALLOC_* that it was made with
 * @offset: where it begins, inside its block
 * @lead: bytes of the block before it, with room for a red zone; @shifted: bytes of its
 *	first page before it
 * @tail: bytes of the block behind it, for a red zone; @shifted: bytes of its last page
 *	behind it, which the alignment leaves
 * @bytes: requested size
 * @map_bytes: bytes that may be mapped
 * @align: requested alignment
 * @time_ns: when it was made
 * @violations: accesses that protection or guard pages stopped
 * @client: its owner; NULL: persistent, or held
 * @mine: in the client's list
 * @payer: the client that it is charged to; NULL: in a private heap
 * @charge: bytes that @payer is charged
 * @pins: pins, leases and dma-bufs, which keep it in its place
 * @leases: number of leases: pins that also promise that there are no page faults
 * @lease_faults: page faults since the first of the present leases
 * @moves: how often it was moved
 * @map_page: page of the region at which it was when it was first mapped
 * @depth: stack heaps: its index in the stack
 * @site: its site
 */
struct record {
	u64 handle;
	u64 seq;
	union {
		u32 next;
		u32 origin;
	};
	u8 state;
	bool mapped;
	u8 access;
	bool sealed;
	bool shifted;
	u16 busy;
	u16 exports;
	u16 faults;
	u16 own_pins;
	u16 own_leases;
	u32 users;
	u32 writers;
	u32 flags;
	u64 offset;
	u32 lead;
	u32 tail;
	u64 bytes;
	u64 map_bytes;
	u64 align;
	u64 time_ns;
	u64 violations;
	struct client *client;
	struct list_head mine;
	struct client *payer;
	u64 charge;
	u32 pins;
	u32 leases;
	u64 lease_faults;
	u64 moves;
	u32 map_page;
	u32 depth;
	u32 site;
};

/**
 * struct record_copy - a record outside of its table, and its origin
 * @record: a copy, for a reader who drops the lock; or the template of a new record
 * @origin: its origin
 */
struct record_copy {
	struct record record;
	struct origin origin;
};

/* The start of the engine's block, and the size that the engine was asked for. */
static inline u64 record_block(const struct record *record)
{
	return record->offset - record->lead;
}

static inline u64 record_request(const struct record *record)
{
	return record->lead + record->bytes + record->tail;
}

static inline bool record_has_zones(const struct record *record)
{
	return IS_ENABLED(CONFIG_MEMMGR_DEBUG) &&
	       (record->lead | record->tail | record->shifted);
}

/* Offset of the allocation in its first page, for mappings. */
static inline u32 record_inset(const struct record *record)
{
	return record->shifted ? record->lead : 0;
}

u64 record_map_bytes(const struct memmgr_heap *heap, const struct record *record,
		     const struct engine_block *block);

/* For each state: BIT() of the states from which a record may enter it. */
static const u8 record_from[RECORD_STATES] __maybe_unused = {
	/* From NEW, LIVE and CHANGING: the heap was destroyed meanwhile. */
	[RECORD_FREE]	  = BIT(RECORD_NEW) | BIT(RECORD_LIVE) | BIT(RECORD_CHANGING) |
			    BIT(RECORD_DYING) | BIT(RECORD_HELD),
	[RECORD_NEW]	  = BIT(RECORD_FREE),
	/* From MOVING: by the mover, or by a call that ends the move. */
	[RECORD_LIVE]	  = BIT(RECORD_NEW) | BIT(RECORD_CHANGING) | BIT(RECORD_MOVING),
	[RECORD_CHANGING] = BIT(RECORD_LIVE),
	/* From DYING: a second caller ends it too; the later one finds it gone. */
	[RECORD_DYING]	  = BIT(RECORD_LIVE) | BIT(RECORD_CHANGING) | BIT(RECORD_DYING),
	[RECORD_HELD]	  = BIT(RECORD_LIVE) | BIT(RECORD_CHANGING) | BIT(RECORD_DYING),
	[RECORD_MOVING]	  = BIT(RECORD_LIVE),
};

void record_wrong_step(const struct memmgr_heap *heap, const struct record *record, u32 state);

/* The caller of each function below holds the heap's lock. */
bool record_is_still(const struct memmgr_heap *heap, const struct record *record,
		     u64 handle, u32 state);
const struct origin *record_origin(const struct memmgr_heap *heap,
				   const struct record *record);
void record_copy(const struct memmgr_heap *heap, const struct record *record,
		 struct record_copy *copy);
int record_access(const struct memmgr_heap *heap, const struct record *record,
		  const struct viewer *viewer);
struct record *record_number(const struct memmgr_heap *heap, u32 i);
struct record *record_of(struct memmgr_heap *heap, u64 handle);
struct record *record_use(struct memmgr_heap *heap, const struct viewer *viewer,
			  u64 handle);
struct record *record_use_alone(struct memmgr_heap *heap,
				const struct viewer *viewer, u64 handle);
void record_set_mapped(struct memmgr_heap *heap, struct record *record);
u32 record_first_page(const struct record *record);
u64 record_map_place(const struct memmgr_heap *heap, const struct record *record);
struct record *record_take(struct memmgr_heap *heap, const struct record *template,
			   const struct origin *origin, const struct engine_block *block);
void record_disown(struct memmgr_heap *heap, struct record *record);
void record_release(struct memmgr_heap *heap, struct record *record);
int record_free(struct memmgr_heap *heap, struct record *record);
void record_describe(struct memmgr_heap *heap, const struct record *record,
		     const struct viewer *viewer, struct memmgr_info *info);

u32 record_fixed(const struct record *record);
bool heap_can_move(const struct memmgr_heap *heap);
void record_drop_pins(struct memmgr_heap *heap, struct record *record, u64 place);
bool record_zones(struct memmgr_heap *heap, struct record *record, unsigned long *flags,
		  bool paint);

#endif /* MEMMGR_RECORD_H */
