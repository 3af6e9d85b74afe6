/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Records: the description of an allocation, and access to it by handle. */
#ifndef MEMMGR_RECORD_H
#define MEMMGR_RECORD_H

#include <linux/bitops.h>
#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/limits.h>
#include <linux/list.h>
#include <linux/types.h>
#include <asm/page.h>
#include <uapi/linux/memmgr.h>

#include "base/compat.h"
#include "heap/origins.h"

struct client;
struct engine_block;
struct memmgr_heap;
struct viewer;

#define RECORD_NONE		(~0u)
#define GROUP_MOST		8u	/* records made or ended in one hold of the heap's lock */
#define HEAP_STEP		32u	/* records or origins made at once, a power of two */

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
 * @offset: where it begins, inside its block
 * @bytes: requested size
 * @map_bytes: bytes that may be mapped
 * @time_ns: when it was made
 * @charge: bytes that record_payer() is charged
 * @mine: in the list of record_owner()
 * @client: the client of @owned and @charged; NULL if it is neither
 * @next: free: the next free record
 * @origin: otherwise: number of its origin
 * @pins: pins, leases and dma-bufs, which keep it in its place
 * @users: devices and kernel mappings that use its dma-bufs
 * @writers: how many of @users may write
 * @depth: stack heaps: its index in the stack
 * @moves: how often it was moved, see record_count()
 * @violations: accesses that protection or guard pages stopped, see record_count()
 * @lease_faults: page faults since the first of the present leases, see record_count()
 * @lead: bytes of the block before it, with room for a red zone; @shifted: bytes of its
 *	first page before it
 * @tail: bytes of the block behind it, for a red zone; @shifted: bytes of its last page
 *	behind it, which the alignment leaves
 * @site: its site
 * @busy: number of calls that are copying from or to it
 * @exports: number of dma-bufs of it
 * @faults: number of page faults that know its place and may yet map it there
 * @leases: number of leases: pins that also promise that there are no page faults. At most
 *	U16_MAX, because no more pins are made than that, see pin_change()
 * @own_pins: plain pins among @pins that belong to record_owner()
 * @own_leases: leases among @leases that belong to record_owner()
 * @state: enum record_state; only record_set_state() sets it
 * @flags: MEMMGR_ALLOC_* that it was made with
 * @align_bits: bits of the requested alignment, see record_align()
 * @access: MEMMGR_ACCESS_* of users and devices
 * @sealed: @access and the size are final
 * @mapped: a client has mapped it
 * @owned: @client owns it; otherwise it is persistent, or held
 * @charged: it is charged to @client; not in a private heap
 * @shifted: it begins inside its first page, and ends at the end of its last page
 * @marks: all members from @state on at once
 *
 * From large to small, so that there are no holes. A build without the search for memory
 * errors has the same structure, because the checksums of the exported functions cover it: a
 * driver fits all builds. There lead, tail, shifted and site are not read, see record_lead()
 * and the like.
 */
struct record {
	u64 handle;
	u64 seq;
	u64 offset;
	u64 bytes;
	u64 map_bytes;
	u64 time_ns;
	u64 charge;
	struct hlist_node mine;
	struct client *client;
	union {
		u32 next;
		u32 origin;
	};
	u32 pins;
	u32 users;
	u32 writers;
	u32 depth;
	u32 moves;
	u32 violations;
	u32 lease_faults;
	u32 lead;
	u16 tail;
	u16 site;
	u16 busy;
	u16 exports;
	u16 faults;
	u16 leases;
	u16 own_pins;
	u16 own_leases;
	union {
		struct {
			u8 state;
			u8 flags;
			u8 align_bits;
			u8 access : 2;
			u8 sealed : 1;
			u8 mapped : 1;
			u8 owned : 1;
			u8 charged : 1;
			u8 shifted : 1;
		};
		u32 marks;
	};
};

/* A heap may have thousands of records. */
static_assert(sizeof(struct record) <= (sizeof(void *) == 4 ? 128 : 144));
/* The values that the narrow fields have to hold. */
static_assert((MEMMGR_ACCESS_READ | MEMMGR_ACCESS_WRITE) < 1 << 2);
static_assert(MEMMGR_ZONE_MAX <= U16_MAX && PAGE_SIZE - 1 <= U16_MAX);

/**
 * struct record_copy - a record outside of its table, and its origin
 * @record: a copy, for a reader who drops the lock; or the template of a new record, in which
 *	only those members are set that record_take() reads
 * @origin: its origin
 */
struct record_copy {
	struct record record;
	struct origin origin;
};

/* Room for red zones, and the site. Without the search for memory errors there are none. */
#if IS_ENABLED(CONFIG_MEMMGR_DEBUG)
static inline u32 record_lead(const struct record *record)
{
	return record->lead;
}

static inline u32 record_tail(const struct record *record)
{
	return record->tail;
}

static inline u32 record_site(const struct record *record)
{
	return record->site;
}

static inline bool record_shifted(const struct record *record)
{
	return record->shifted;
}

static inline void record_set_tail(struct record *record, u32 tail)
{
	record->tail = tail;
}

static inline void record_set_site(struct record *record, u32 site)
{
	record->site = site;
}
#else
static inline u32 record_lead(const struct record *record)
{
	return 0;
}

static inline u32 record_tail(const struct record *record)
{
	return 0;
}

static inline u32 record_site(const struct record *record)
{
	return 0;
}

static inline bool record_shifted(const struct record *record)
{
	return false;
}

static inline void record_set_tail(struct record *record, u32 tail)
{
}

static inline void record_set_site(struct record *record, u32 site)
{
}
#endif

/* The client that owns it; NULL: it is persistent, or held. */
static inline struct client *record_owner(const struct record *record)
{
	return record->owned ? record->client : NULL;
}

/* The client that it is charged to; NULL: in a private heap. */
static inline struct client *record_payer(const struct record *record)
{
	return record->charged ? record->client : NULL;
}

/* The requested alignment: 0 or a power of two. */
static inline u64 record_align(const struct record *record)
{
	return record->align_bits ? 1ull << (record->align_bits - 1) : 0;
}

static inline void record_set_align(struct record *record, u64 align)
{
	record->align_bits = fls64(align);
}

/* Count what a user can repeat without end. The count stays at its largest number. */
static inline void record_count(u32 *count)
{
	*count += *count != U32_MAX;
}

/* The start of the engine's block, and the size that the engine was asked for. */
static inline u64 record_block(const struct record *record)
{
	return record->offset - record_lead(record);
}

static inline u64 record_request(const struct record *record)
{
	return record_lead(record) + record->bytes + record_tail(record);
}

static quick_inline bool record_has_zones(const struct record *record)
{
	return record_lead(record) | record_tail(record) | record_shifted(record);
}

/* Offset of the allocation in its first page, for mappings. */
static inline u32 record_inset(const struct record *record)
{
	return record_shifted(record) ? record_lead(record) : 0;
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
unsigned long record_first_page(const struct memmgr_heap *heap, const struct record *record);
void record_zap(struct memmgr_heap *heap, const struct record *record, u64 from, u64 to);
u64 record_map_place(const struct memmgr_heap *heap, const struct record *record);
u64 record_map_offset(const struct memmgr_heap *heap, const struct record *record);
struct record *record_take(struct memmgr_heap *heap, const struct record *wanted, u32 origin,
			   const struct engine_block *block);
void record_untake(struct memmgr_heap *heap, struct record *record);
void record_disown(struct memmgr_heap *heap, struct record *record);
void record_release(struct memmgr_heap *heap, struct record *record);
int record_free(struct memmgr_heap *heap, struct record *record);
u32 record_free_group(struct memmgr_heap *heap, const struct client *client, const u64 *handles,
		      u32 n);
void record_describe(struct memmgr_heap *heap, const struct record *record,
		     const struct viewer *viewer, struct memmgr_info *info);

u32 record_fixed(const struct record *record);
bool heap_can_move(const struct memmgr_heap *heap);
void record_drop_pins(struct memmgr_heap *heap, struct record *record, u64 place);
bool record_zones(struct memmgr_heap *heap, struct record *record, unsigned long *flags,
		  bool paint);

#endif /* MEMMGR_RECORD_H */
