/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Records: what is known of an allocation, and who may use it. */
#ifndef MEMMGR_RECORD_H
#define MEMMGR_RECORD_H

#include <linux/bits.h>
#include <linux/list.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include <uapi/linux/memmgr.h>

struct client;
struct engine_block;
struct memmgr_heap;
struct viewer;

#define RECORD_NONE		(~0u)

/* Which state may follow which: record_origin[] below. */
enum record_state {
	RECORD_FREE,	/* in the list of free records */
	RECORD_NEW,	/* its memory is being cleared; nobody has the handle */
	RECORD_LIVE,
	RECORD_CHANGING,	/* its size or protection changes; may be mapped, nothing else */
	RECORD_DYING,	/* its mappings are being removed */
	RECORD_HELD,	/* freed, but a dma-buf or I/O still uses the memory */
	RECORD_MOVING,	/* on its way, see move/mover.c; may be mapped, all else ends the move */
	RECORD_STATES,
};

/**
 * struct record - what is known of an allocation; guarded by the heap's lock
 * @handle: generation over heap and index; moves on when the record is freed
 * @seq: number of the allocation in its heap; unlike a handle it never wraps,
 *	so that a mapping never shows a later allocation
 * @next: free: the next free record
 * @state: enum record_state; only record_set_state() sets it
 * @mapped: a client mapped it once
 * @access: MEMMGR_ACCESS_* that users and devices have
 * @sealed: @access and the size are final
 * @shifted: it lies in the middle of its first page, and ends where its last one does
 * @busy: calls that copy from or to it now
 * @exports: dma-bufs of it
 * @faults: page faults that know where it is, and may yet map it there
 * @own_pins: of @pins, plain ones of @client
 * @own_leases: of @leases, those of @client
 * @users: devices and kernel mappings of these dma-bufs
 * @writers: of these, those that may write
 * @flags: MEMMGR_ALLOC_* that it was made with
 * @offset: where it begins, in its block
 * @lead: bytes of the block before that, room for a red zone; @shifted: of its page
 * @tail: bytes of the block that were asked for behind it, a red zone; @shifted: what
 *	the alignment leaves of its page
 * @bytes: asked for
 * @map_bytes: that may be mapped
 * @align: asked for
 * @time_ns: when it was made
 * @violations: accesses that protection or guard pages stopped
 * @client: its owner; NULL: persistent, or held
 * @mine: in the client's list
 * @payer: the client that it is charged to; NULL: in a private heap
 * @charge: bytes that it is charged
 * @uid: of its maker
 * @pid: of its maker
 * @tid: of its maker
 * @pins: promises that it stays where it is: pins, leases, dma-bufs
 * @leases: pins that want no page faults either
 * @lease_faults: page faults since the first of these
 * @moves: how often it was moved
 * @map_page: page of the region where it was when it was mapped first
 * @depth: stack heaps: its place in the stack
 * @site: where it comes from
 * @comm: of its maker
 * @tag: as given
 */
struct record {
	u64 handle;
	u64 seq;
	u32 next;
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
	kuid_t uid;
	u32 pid;
	u32 tid;
	u32 pins;
	u32 leases;
	u64 lease_faults;
	u64 moves;
	u32 map_page;
	u32 depth;
	u32 site;
	char comm[MEMMGR_COMM_LEN];
	char tag[MEMMGR_TAG_LEN];
};

/* Where the engine's block begins, and what the engine was asked for. */
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

/* Where in its first page it begins, for who maps it. */
static inline u32 record_inset(const struct record *record)
{
	return record->shifted ? record->lead : 0;
}

u64 record_map_bytes(const struct memmgr_heap *heap, const struct record *record,
		     const struct engine_block *block);

/* All of these with the heap's lock held. */
/* Out of which states a record comes into each: BIT() of them. */
static const u8 record_origin[RECORD_STATES] __maybe_unused = {
	/* Out of NEW, LIVE and CHANGING: its heap was destroyed meanwhile. */
	[RECORD_FREE]	  = BIT(RECORD_NEW) | BIT(RECORD_LIVE) | BIT(RECORD_CHANGING) |
			    BIT(RECORD_DYING) | BIT(RECORD_HELD),
	[RECORD_NEW]	  = BIT(RECORD_FREE),
	/* Out of MOVING: by the mover, or by a call that ends the move. */
	[RECORD_LIVE]	  = BIT(RECORD_NEW) | BIT(RECORD_CHANGING) | BIT(RECORD_MOVING),
	[RECORD_CHANGING] = BIT(RECORD_LIVE),
	/* Out of DYING: a second caller ends it; the one that comes back last finds it gone. */
	[RECORD_DYING]	  = BIT(RECORD_LIVE) | BIT(RECORD_CHANGING) | BIT(RECORD_DYING),
	[RECORD_HELD]	  = BIT(RECORD_LIVE) | BIT(RECORD_CHANGING) | BIT(RECORD_DYING),
	[RECORD_MOVING]	  = BIT(RECORD_LIVE),
};

void record_wrong_step(const struct memmgr_heap *heap, const struct record *record, u32 state);

bool record_is_still(const struct memmgr_heap *heap, const struct record *record,
		     u64 handle, u32 state);
int record_access(const struct record *record, const struct viewer *viewer);
struct record *record_of(struct memmgr_heap *heap, u64 handle);
struct record *record_use(struct memmgr_heap *heap, const struct viewer *viewer,
			  u64 handle);
struct record *record_use_alone(struct memmgr_heap *heap,
				const struct viewer *viewer, u64 handle);
void record_set_mapped(struct memmgr_heap *heap, struct record *record);
u32 record_first_page(const struct record *record);
u64 record_map_place(const struct memmgr_heap *heap, const struct record *record);
struct record *record_take(struct memmgr_heap *heap, const struct record *template,
			   const struct engine_block *block);
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
