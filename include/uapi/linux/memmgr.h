/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR MIT */
/*
 * memmgr: reserved memory handed out by four allocators.
 *
 * The ABI of /dev/memmgr (and /dev/memmgr1, ... for further regions).
 *
 * Every call takes one structure whose first field, @size, is the size of the
 * structure as the caller knows it. A longer structure is accepted when what
 * this kernel does not know is zero (-E2BIG otherwise), a shorter one (but not
 * shorter than its first published form, -EINVAL) is read as if the rest were
 * zero. Unknown flags and non-zero reserved fields are refused with -EINVAL,
 * unknown commands with -ENOTTY. All layouts are the same for 32 and 64 bit
 * callers; pointers travel as __u64.
 *
 * A call with results wants its structure to be writable, as far as this kernel knows
 * it: that is looked at before anything is done, so that -EFAULT for the structure means
 * that nothing has changed. HEAP_DESTROY, FREE, PROTECT, SYNC and SET_QUOTA have none: they
 * write nothing, and their structures may lie in read-only memory. When another thread
 * takes the memory away while the call works, -EFAULT comes after the work: a heap, an
 * allocation, a batch, a pin and a descriptor that were made are unmade; what was resized,
 * freed, released, unpinned, moved, copied or set stays so.
 *
 * Arrays that a structure points to are written entry by entry. -EFAULT for an entry says
 * in @count how many were written before it; a list, called again, goes on with it.
 *
 * Words: a *region* is one range of memory with one device node; a *heap* is
 * an allocator inside it (heap 0, "main", is the region's root buddy); a
 * *block* is a piece that an allocator handed out; an *allocation* is a block
 * with a record and a *handle*; a *client* is one open file; a *persistent*
 * allocation outlives its client and belongs to a user id.
 *
 * Errors, the same meaning in every call:
 *
 *	EINVAL		an argument is malformed: size or count 0, not a power
 *			of two, unknown flag, non-zero reserved field,
 *			structure too short, string not terminated
 *	E2BIG		the structure is longer than this kernel knows and what
 *			it does not know is not zero, or longer than a page
 *	EFAULT		a pointer does not lead to the caller's memory
 *	ENODEV		the device of the region was removed; mappings, dma-bufs
 *			and close() still work
 *	ENOTTY		unknown command
 *	ENOENT		no such heap
 *	EBADF		no such handle: never issued, forged, or already freed
 *	EACCES		the handle or private heap is another client's, the mode of
 *			the heap does not allow it, the call changes something and
 *			the file was opened read-only, or the protection of the
 *			allocation does not allow it
 *	EPERM		the call needs CAP_SYS_ADMIN, or to be the owner of the heap,
 *			or the allocation is sealed
 *	EEXIST		a heap of that name exists
 *	ENOMEM		the heap cannot serve the request; @reason says why and
 *			@largest what would have worked
 *	ENOSPC		no free record or heap slot, or the books of a heap would cost
 *			more than its memory is worth (@reason: RECORDS), no room in the
 *			mmap() offsets (WINDOWS), or for more pins
 *	EDQUOT		the client or its user may not have more (@reason: QUOTA);
 *			@largest is what it may still have
 *	ETIMEDOUT	a waiting allocation ran out of its time
 *	EINTR		a waiting allocation was interrupted by a signal, or the maker
 *			of a heap killed
 *	EBUSY		the heap has live allocations or users, the block is in
 *			use by another call, by a device or by I/O, or a stack
 *			block is not the top one
 *	ERANGE		offset and length reach past the end of the allocation
 *	EOPNOTSUPP	this kind of heap cannot do that, or the kind was left
 *			out of this build
 *	EUCLEAN		a check found damage; the answer says what and where
 */
#ifndef _UAPI_LINUX_MEMMGR_H
#define _UAPI_LINUX_MEMMGR_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define MEMMGR_IOC_MAGIC	0xBC

#define MEMMGR_NAME_LEN		32	/* of regions and heaps, with the NUL */
#define MEMMGR_TAG_LEN		32	/* of allocations, with the NUL */
#define MEMMGR_COMM_LEN		16
#define MEMMGR_ORDERS		32
#define MEMMGR_CLASSES		33	/* class c: sizes of 2^(c-1)+1 .. 2^c bytes */
#define MEMMGR_MAX_HEAPS	64	/* in a region, "main" included */
#define MEMMGR_BATCH_MAX	4096	/* entries of one batch or list call */

#define MEMMGR_HEAP_MAIN	0u
#define MEMMGR_HEAP_ANY		0xffffffffu	/* LIST: all heaps */

/**
 * enum memmgr_kind - the algorithm of a heap
 * @MEMMGR_KIND_BUDDY: any size in granules; variable sizes
 * @MEMMGR_KIND_SLAB: objects of one size, grown slab by slab from main
 * @MEMMGR_KIND_POOL: preallocated blocks of one size; predictable
 * @MEMMGR_KIND_STACK: last in, first out, with marks; temporary
 * @MEMMGR_KINDS: their number
 */
enum memmgr_kind {
	MEMMGR_KIND_BUDDY	= 0,
	MEMMGR_KIND_SLAB	= 1,
	MEMMGR_KIND_POOL	= 2,
	MEMMGR_KIND_STACK	= 3,
	MEMMGR_KINDS		= 4,
};

/**
 * enum memmgr_reason - why a request failed
 * @MEMMGR_REASON_NONE: it did not fail
 * @MEMMGR_REASON_EXHAUSTED: less memory is free than was asked for
 * @MEMMGR_REASON_FRAGMENTED: enough is free, but in no single run
 * @MEMMGR_REASON_ALIGNMENT: a run is long enough, but none so aligned
 * @MEMMGR_REASON_QUOTA: the client or user may not have more
 * @MEMMGR_REASON_RECORDS: the heap's max_allocations is reached
 * @MEMMGR_REASON_PINNED: memory in the way may not move
 * @MEMMGR_REASON_TOO_LARGE: larger than this heap can ever serve
 * @MEMMGR_REASON_LIMIT: the heap reached its own size limit
 * @MEMMGR_REASON_PARENT: the heap could not grow from main
 * @MEMMGR_REASON_TIMEOUT: nothing was freed in time
 * @MEMMGR_REASON_BLOCKED: resize in place: what follows is in use
 * @MEMMGR_REASON_INJECTED: MEMMGR_IOC_INJECT wanted it to fail
 * @MEMMGR_REASON_WINDOWS: a new heap: no room is left in the mmap() offsets for its
 *	allocations; fewer of them (max_allocations) need less
 * @MEMMGR_REASONS: their number
 */
enum memmgr_reason {
	MEMMGR_REASON_NONE		= 0,
	MEMMGR_REASON_EXHAUSTED		= 1,
	MEMMGR_REASON_FRAGMENTED	= 2,
	MEMMGR_REASON_ALIGNMENT		= 3,
	MEMMGR_REASON_QUOTA		= 4,
	MEMMGR_REASON_RECORDS		= 5,
	MEMMGR_REASON_PINNED		= 6,
	MEMMGR_REASON_TOO_LARGE		= 7,
	MEMMGR_REASON_LIMIT		= 8,
	MEMMGR_REASON_PARENT		= 9,
	MEMMGR_REASON_TIMEOUT		= 10,
	MEMMGR_REASON_BLOCKED		= 11,
	MEMMGR_REASON_INJECTED		= 12,
	MEMMGR_REASON_WINDOWS		= 13,
	MEMMGR_REASONS			= 14,
};

#define MEMMGR_STATS_REASONS	12	/* in struct memmgr_stats.failures */

/* struct memmgr_query.features */
#define MEMMGR_FEATURE_SLAB	(1ull << 0)
#define MEMMGR_FEATURE_POOL	(1ull << 1)
#define MEMMGR_FEATURE_STACK	(1ull << 2)
#define MEMMGR_FEATURE_DEBUG	(1ull << 3)
#define MEMMGR_FEATURE_DMABUF	(1ull << 4)

/* struct memmgr_query.region_flags */
#define MEMMGR_REGION_RESERVED		(1u << 0)	/* memory set aside at boot */
#define MEMMGR_REGION_CONTIGUOUS	(1u << 1)	/* physically contiguous */
#define MEMMGR_REGION_DT		(1u << 2)	/* described by device tree */
#define MEMMGR_REGION_JOIN		(1u << 3)	/* buddies join unaligned runs */
#define MEMMGR_REGION_WRITE_COMBINE	(1u << 4)	/* mapped so, by all */
#define MEMMGR_REGION_UNCACHED		(1u << 5)	/* as memory without a cache, by all */
#define MEMMGR_REGION_PAGES		(1u << 6)	/* direct I/O into mappings works */
#define MEMMGR_REGION_DEVICE		(1u << 7)	/* as a device: aligned access only */

/**
 * struct memmgr_query - about the region behind this file
 * @size: in: sizeof(struct memmgr_query)
 * @flags: in: must be 0
 * @features: out: MEMMGR_FEATURE_*
 * @region_size: out: bytes
 * @phys: out: physical address; 0 without CAP_SYS_ADMIN or contiguous memory
 * @max_align: out: largest alignment in bytes that an allocation may ask for: of its
 *	physical address, or where that is not contiguous of its offset
 * @granule: out: bytes of the smallest unit of heap main
 * @region_flags: out: MEMMGR_REGION_*
 * @region: out: number of the region, 0 is /dev/memmgr
 * @heaps: out: heaps that exist
 * @name: out: name of the region
 */
struct memmgr_query {
	__u32 size;
	__u32 flags;
	__u64 features;
	__u64 region_size;
	__u64 phys;
	__u64 max_align;
	__u32 granule;
	__u32 region_flags;
	__u32 region;
	__u32 heaps;
	char name[MEMMGR_NAME_LEN];
};

/*
 * Who may use a heap. A private heap is its client's alone. Any other has an owner, a
 * group and a mode, as files have, of read and write bits: 0666 unless it is made with
 * another. As for a file, the bits of the owner, of the group or of others hold, those
 * that fit the caller first.
 *
 *	read	to see it: HEAP_QUERY, LIST, STATS, FRAG, CHECK, EXPLAIN, MARK, and what
 *		COMPACT, DEBUG, TRACK, LATENCY and INJECT tell of it. ENOENT by name and
 *		EACCES by id otherwise; an enumeration leaves it out
 *	write	to allocate from it, directly or as a fallback, and to grow what one has
 *		there; of main: to make private heaps, which take their memory from it
 *
 * What somebody allocated stays his, to use and to free, when that changes. CAP_SYS_ADMIN
 * sees all heaps, and allocates from all but those of mode 0: a heap of mode 0 is for
 * kernel code alone. Kernel code asks for no rights.
 *
 * What else tells of a heap that the caller may not see, another client's private one
 * included (that an id or a name is taken is no secret):
 *
 *	QUERY		how many heaps there are
 *	HEAP_CREATE	EEXIST: its name
 *	HEAP_QUERY	its id, of a heap that falls back on it
 *	ALLOC, handles	its id, to him whose allocation it is
 *	MAP		where its memory is, but not whose it is: MEMMGR_HEAP_ANY
 *	FAILURES	requests that it refused; @heap is MEMMGR_HEAP_ANY, @heap_name "(private)"
 *	CORRUPTIONS	of the caller's own allocations and calls; @heap_name is "(private)"
 *	ACCOUNTS	how many private heaps a client has
 *	events, HEALTH	of main: how full and how fragmented it is
 *	SITES, dma-bufs	nothing
 *
 * FAILURES and CORRUPTIONS name a heap that is gone to CAP_SYS_ADMIN and to the client whose
 * private heap it was. The files of debugfs are root's alone and tell all.
 *
 * So a driver's heap: mode 0, for a pool whose blocks users shall not take, and for a
 * stack in which the driver releases to marks, for a user's block above a mark makes a
 * release fail with EBUSY.
 */
#define MEMMGR_ID_CALLER	0xffffffffu	/* uid, gid: the caller's own */

/* struct memmgr_heap_create.flags */
#define MEMMGR_HEAP_PRIVATE	(1u << 0)	/* this client's alone, may be mapped whole */
#define MEMMGR_HEAP_FALLBACK	(1u << 1)	/* @fallback is valid */
#define MEMMGR_HEAP_NO_JOIN	(1u << 2)	/* buddy: no slow path, for real time */
#define MEMMGR_HEAP_MODE	(1u << 3)	/* @mode, @uid, @gid are valid; not if private */

/**
 * struct memmgr_heap_create - make a heap
 * @size: in: sizeof(struct memmgr_heap_create)
 * @flags: in: MEMMGR_HEAP_PRIVATE, _FALLBACK, _NO_JOIN, _MODE
 * @name: in: unique in the region; letters, digits, '-', '_', '.'; a private
 *	heap's name is seen by its client only, but must be unique as well
 * @kind: in: enum memmgr_kind
 * @heap: out: id of the heap
 * @bytes: in: buddy, stack: size of the arena, rounded up to pages; slab: the
 *	limit it may grow to (0: 1/16 of the region, at least 1 MiB and what @count
 *	objects need); pool: must be 0 or at least @count blocks, the arena follows
 *	from @count
 * @object_size: in: slab: object, pool: block, in bytes; others: 0. In a private
 *	slab heap at most 64 KiB
 * @align: in: slab, pool: alignment of each object (0: 8 bytes); others: 0
 * @count: in: pool: number of blocks; slab: objects to preallocate; others: 0
 * @granule: in: buddy: 32 or a larger power of two up to the page size
 *	(0: the page size); others: 0
 * @max_allocations: in: size of the record table (0: pool: @count; others:
 *	as many as could ever be live, at most 4096; without CAP_SYS_ADMIN fewer, see
 *	below); at most 2^24
 * @fallback: in: with MEMMGR_HEAP_FALLBACK: the heap that serves when this one
 *	cannot; it must not have a fallback itself
 * @map_offset: out: private heaps: what to pass to mmap() for the whole arena
 * @map_size: out: private heaps: bytes that may be mapped
 * @reason: out: when it failed with ENOMEM, EDQUOT or ENOSPC: enum memmgr_reason;
 *	NONE: the system has no memory for the heap's books; RECORDS: there are as many
 *	heaps as the region may have, or its books would cost too much
 * @reserved: 0
 * @largest: out: when it failed: largest arena that would have worked
 * @mode: in: with MEMMGR_HEAP_MODE: as above; else 0, which stands for 0666
 * @uid: in: with MEMMGR_HEAP_MODE: its owner, or MEMMGR_ID_CALLER; else 0, which stands
 *	for the caller
 * @gid: in: with MEMMGR_HEAP_MODE: its group; the same
 * @pad: 0
 *
 * A heap that is not private needs CAP_SYS_ADMIN. A private heap goes when its
 * client closes.
 *
 * All that a heap ever needs of the system's memory is taken when it is made: struct
 * memmgr_heap_query.kernel_bytes tells. A private heap's counts against the quota of its
 * client, like the memory that it holds. Without CAP_SYS_ADMIN it is at most 1/16 (1/8
 * for slabs and pools of objects that take 16 bytes or less) of the memory that the heap
 * holds, and 16 KiB. With @max_allocations 0 the table is as large as that allows, for
 * what the heap holds from the start, or, of slabs of whole pages, once its records are
 * used up. More may be asked for, up to what its arena or limit is worth: ENOSPC says
 * that it is too much.
 *
 * A fatal signal ends the call with EINTR, and there is no heap.
 */
struct memmgr_heap_create {
	__u32 size;
	__u32 flags;
	char name[MEMMGR_NAME_LEN];
	__u32 kind;
	__u32 heap;
	__u64 bytes;
	__u64 object_size;
	__u64 align;
	__u32 count;
	__u32 granule;
	__u32 max_allocations;
	__u32 fallback;
	__u64 map_offset;
	__u64 map_size;
	__u32 reason;
	__u32 reserved;
	__u64 largest;
	__u32 mode;
	__u32 uid;
	__u32 gid;
	__u32 pad;
};

/* struct memmgr_heap_rights.flags */
#define MEMMGR_RIGHTS_MODE	(1u << 0)	/* set @mode */
#define MEMMGR_RIGHTS_OWNER	(1u << 1)	/* set @uid */
#define MEMMGR_RIGHTS_GROUP	(1u << 2)	/* set @gid */

/**
 * struct memmgr_heap_rights - change who may use a heap
 * @size: in: sizeof(struct memmgr_heap_rights)
 * @flags: in: MEMMGR_RIGHTS_*, at least one
 * @heap: in: id, MEMMGR_HEAP_MAIN too; not a private one (EINVAL)
 * @mode: in: as chmod(), of read and write bits
 * @uid: in: as chown()
 * @gid: in: as chown()
 *
 * What is not set is not looked at. EPERM unless the caller is the owner, who may give
 * the heap to a group of his, or has CAP_SYS_ADMIN. ENOSPC when a heap that was made with
 * mode 0 shall be opened, and no room is left in the mmap() offsets.
 */
struct memmgr_heap_rights {
	__u32 size;
	__u32 flags;
	__u32 heap;
	__u32 mode;
	__u32 uid;
	__u32 gid;
};

/* struct memmgr_heap_destroy.flags */
#define MEMMGR_DESTROY_FORCE	(1u << 0)	/* free what lives in it first */

/**
 * struct memmgr_heap_destroy - unmake a heap
 * @size: in: sizeof(struct memmgr_heap_destroy)
 * @flags: in: MEMMGR_DESTROY_FORCE
 * @heap: in: id; never MEMMGR_HEAP_MAIN
 * @reserved: 0
 *
 * EBUSY when allocations live in it (without FORCE), when kernel code holds it
 * or blocks of it, when another heap falls back on it, when another client has
 * pinned something in it, or while it is being compacted. Needs CAP_SYS_ADMIN,
 * or to be the client of a private heap.
 */
struct memmgr_heap_destroy {
	__u32 size;
	__u32 flags;
	__u32 heap;
	__u32 reserved;
};

/* struct memmgr_heap_query.flags */
#define MEMMGR_QUERY_NAME	(1u << 0)	/* look up by @name, not by @heap */
#define MEMMGR_QUERY_NEXT	(1u << 1)	/* the first heap with an id >= @heap */

/**
 * struct memmgr_heap_query - the make of a heap
 * @size: in: sizeof(struct memmgr_heap_query)
 * @flags: in: MEMMGR_QUERY_NAME or _NEXT
 * @name: in with MEMMGR_QUERY_NAME, out otherwise
 * @heap: in: id (ignored with _NAME); out: the id
 * @kind: out: enum memmgr_kind
 * @heap_flags: out: MEMMGR_HEAP_*
 * @granule: out: smallest unit in bytes (slab, pool: distance of two objects)
 * @bytes: out: arena or limit
 * @held: out: bytes that the heap holds of main now (main: region size)
 * @object_size: out: slab, pool
 * @align: out: alignment that every block has at least
 * @max_align: out: largest alignment that may be asked for
 * @count: out: pool: blocks; slab: objects a slab
 * @max_allocations: out: size of the record table
 * @fallback: out: with MEMMGR_HEAP_FALLBACK in @heap_flags: heap id
 * @offset: out: of the arena in the region; ~0 for a slab heap
 * @map_offset: out: a private heap of this client: for mmap()
 * @map_size: out: the same
 * @mode: out: read and write bits; private: 0600
 * @uid: out: its owner
 * @gid: out: its group
 * @pad: 0
 * @kernel_bytes: out: what the heap costs the system: memory outside of the region, all
 *	of it taken when it was made
 * @reserved: 0
 *
 * ENOENT ends an enumeration with MEMMGR_QUERY_NEXT. Private heaps of other
 * clients are shown to CAP_SYS_ADMIN only.
 */
struct memmgr_heap_query {
	__u32 size;
	__u32 flags;
	char name[MEMMGR_NAME_LEN];
	__u32 heap;
	__u32 kind;
	__u32 heap_flags;
	__u32 granule;
	__u64 bytes;
	__u64 held;
	__u64 object_size;
	__u64 align;
	__u64 max_align;
	__u32 count;
	__u32 max_allocations;
	__u32 fallback;
	__u32 reserved;
	__u64 offset;
	__u64 map_offset;
	__u64 map_size;
	__u32 mode;
	__u32 uid;
	__u32 gid;
	__u32 pad;
	__u64 kernel_bytes;
};

/* flags of allocations, in struct memmgr_alloc.flags and memmgr_info.flags */
#define MEMMGR_ALLOC_PERSISTENT	(1u << 0)	/* outlives the client; not in private heaps */
#define MEMMGR_ALLOC_WAIT	(1u << 1)	/* wait for memory, see @timeout_ms */
#define MEMMGR_ALLOC_NO_FALLBACK (1u << 2)	/* this heap or nothing */
#define MEMMGR_ALLOC_GUARD	(1u << 3)	/* mappings have guard pages, see mmap() below */
#define MEMMGR_ALLOC_NO_ZERO	(1u << 4)	/* not cleared; needs CAP_SYS_ADMIN */
#define MEMMGR_ALLOC_MAY_COMPACT (1u << 5)	/* move others out of the way before failing */
#define MEMMGR_ALLOC_MAY_SHIFT	(1u << 6)	/* with _GUARD: may begin inside of a page */

/**
 * struct memmgr_alloc - allocate
 * @size: in: sizeof(struct memmgr_alloc)
 * @heap: in: id of the heap
 * @flags: in: MEMMGR_ALLOC_*
 * @timeout_ms: in: with MEMMGR_ALLOC_WAIT: longest wait; 0 waits without limit
 * @bytes: in: bytes wanted
 * @align: in: power of two, 0 for the heap's own alignment; of the physical address, or
 *	where that is not contiguous of the offset
 * @tag: in: a name for people, NUL terminated, may be empty
 * @handle: out: names the allocation from now on
 * @offset: out: where it lies in the region
 * @granted: out: bytes that are its own: what it occupies, or @bytes where errors are
 *	looked for beside it
 * @map_offset: out: what to pass to mmap(); ~0 when it cannot be mapped. With
 *	MEMMGR_ALLOC_MAY_SHIFT that may lie inside of a page, see mmap() below
 * @reason: out: when it failed: enum memmgr_reason
 * @from: out: the heap that served it (the fallback, perhaps)
 * @largest: out: when it failed: the largest size that is known to have worked
 * @site: in: where in the program it is asked for, an address in the instruction that
 *	calls (its return address less 1); 0: not told
 * @exact: out: when it failed: 1: no size above @largest would have worked; 0: one might
 *	have, as others allocated or freed meanwhile, or a quota or red zones come in:
 *	EXPLAIN tells
 * @pad: 0
 *
 * The memory reads as zeros. MEMMGR_ALLOC_NO_ZERO leaves in it what others left
 * there, in a heap that is not private. Results are written back on failure as
 * well. What it occupies counts against the quota of the client and its user,
 * persistent or not, until it is freed; a private heap counts as one allocation
 * of the memory that it holds, and what is allocated in it counts no more.
 *
 * An allocation may be moved in the region while nothing pins it: mappings stay
 * and show the same bytes, @offset changes. With MEMMGR_ALLOC_MAY_COMPACT a request
 * that fails for fragmentation alone, in a shared buddy heap or in main for a slab
 * heap, is tried again after compaction; it then takes as long as that does. When
 * what is in the way may not move, @reason is PINNED.
 */
struct memmgr_alloc {
	__u32 size;
	__u32 heap;
	__u32 flags;
	__u32 timeout_ms;
	__u64 bytes;
	__u64 align;
	char tag[MEMMGR_TAG_LEN];
	__u64 handle;
	__u64 offset;
	__u64 granted;
	__u64 map_offset;
	__u32 reason;
	__u32 from;
	__u64 largest;
	__u64 site;
	__u32 exact;
	__u32 pad;
};

/**
 * struct memmgr_free - free an allocation
 * @size: in: sizeof(struct memmgr_free)
 * @flags: in: must be 0
 * @handle: in: of this client, or a persistent one of this user id
 *
 * Mappings of it are removed first: touching one afterwards is SIGBUS. What was
 * exported, or is still the target of I/O, loses its handle now, and its memory
 * when the last user of that is gone.
 */
struct memmgr_free {
	__u32 size;
	__u32 flags;
	__u64 handle;
};

/**
 * struct memmgr_resize - change the size of an allocation in place
 * @size: in: sizeof(struct memmgr_resize)
 * @flags: in: must be 0
 * @handle: in: the allocation
 * @bytes: in: new size
 * @granted: out: bytes that are its own now, as in struct memmgr_alloc
 * @reason: out: when it failed: enum memmgr_reason
 * @exact: out: when it failed: as in struct memmgr_alloc
 * @largest: out: when it failed: the largest size it could have here
 *
 * What is added reads as zeros; what is cut off is no longer mapped. A stack
 * resizes its top block only. EBUSY when it is exported or what would be cut off
 * is the target of I/O, EPERM when it is sealed.
 */
struct memmgr_resize {
	__u32 size;
	__u32 flags;
	__u64 handle;
	__u64 bytes;
	__u64 granted;
	__u32 reason;
	__u32 exact;
	__u64 largest;
};

/**
 * struct memmgr_alloc_batch - allocate many of one size
 * @size: in: sizeof(struct memmgr_alloc_batch)
 * @heap: in: id of the heap
 * @flags: in: MEMMGR_ALLOC_PERSISTENT, _NO_FALLBACK, _GUARD, _NO_ZERO, _MAY_COMPACT,
 *	_MAY_SHIFT
 * @count: in: how many, 1 .. MEMMGR_BATCH_MAX; out: how many were made
 * @bytes: in: bytes of each
 * @align: in: of each
 * @tag: in: of each
 * @handles: in: pointer to __u64[count]; the first @count (out) are written
 * @reason: out: when fewer than asked were made
 * @exact: out: the same, as in struct memmgr_alloc
 * @largest: out: the same
 * @site: in: as in struct memmgr_alloc
 *
 * Makes as many as it can. Fails when not even one could be made, and with
 * EFAULT when a handle could not be written: that one is freed again. Whatever
 * the call returns, @count tells how many were made and written. A signal that
 * kills the caller ends it.
 */
struct memmgr_alloc_batch {
	__u32 size;
	__u32 heap;
	__u32 flags;
	__u32 count;
	__u64 bytes;
	__u64 align;
	char tag[MEMMGR_TAG_LEN];
	__u64 handles;
	__u32 reason;
	__u32 exact;
	__u64 largest;
	__u64 site;
};

/**
 * struct memmgr_free_batch - free many
 * @size: in: sizeof(struct memmgr_free_batch)
 * @flags: in: must be 0
 * @count: in: how many, 1 .. MEMMGR_BATCH_MAX; out: how many were freed
 * @reserved: 0
 * @handles: in: pointer to __u64[count]
 *
 * Frees in order and stops at the first that it may not free: the call then
 * fails with that one's error, and @count is its index.
 */
struct memmgr_free_batch {
	__u32 size;
	__u32 flags;
	__u32 count;
	__u32 reserved;
	__u64 handles;
};

/**
 * struct memmgr_mark - remember or return to a height of a stack heap
 * @size: in: sizeof(struct memmgr_mark)
 * @heap: in: id of a stack heap
 * @flags: in: must be 0
 * @released: out: RELEASE: allocations that it freed
 * @mark: MARK: out, RELEASE: in
 *
 * RELEASE frees everything that was allocated since the mark: EBUSY, and
 * nothing freed, when another client's allocation lies above it; EINVAL when
 * the stack is already below the mark.
 */
struct memmgr_mark {
	__u32 size;
	__u32 heap;
	__u32 flags;
	__u32 released;
	__u64 mark;
};

/**
 * struct memmgr_copy - read or write an allocation by copying
 * @size: in: sizeof(struct memmgr_copy)
 * @flags: in: must be 0
 * @handle: in: the allocation
 * @offset: in: first byte, from the start of the allocation
 * @bytes: in: how many, up to the requested size of the allocation; out: how
 *	many were copied (fewer with EFAULT)
 * @ptr: in: pointer to the caller's memory
 */
struct memmgr_copy {
	__u32 size;
	__u32 flags;
	__u64 handle;
	__u64 offset;
	__u64 bytes;
	__u64 ptr;
};

/* struct memmgr_info.state */
#define MEMMGR_INFO_MAPPED	(1u << 0)	/* was mapped by mmap() */
#define MEMMGR_INFO_MINE	(1u << 1)	/* this client may use it */
#define MEMMGR_INFO_SEALED	(1u << 2)	/* @access and size are final */
#define MEMMGR_INFO_HELD	(1u << 3)	/* freed, but exported or the target of I/O */
#define MEMMGR_INFO_MOVABLE	(1u << 4)	/* compaction may move it now */
#define MEMMGR_INFO_LEASED	(1u << 5)	/* somebody has a real-time lease on it */
#define MEMMGR_INFO_KERNEL	(1u << 6)	/* a block of kernel code, see MEMMGR_IOC_TRACK */

/* struct memmgr_info.access and memmgr_protect.access */
#define MEMMGR_ACCESS_NONE	0u
#define MEMMGR_ACCESS_READ	(1u << 0)
#define MEMMGR_ACCESS_WRITE	(1u << 1)	/* only together with READ */

/**
 * struct memmgr_info - what is known of one allocation
 * @size: in (ALLOC_QUERY): sizeof(struct memmgr_info); out in a list
 * @flags: MEMMGR_ALLOC_* that it was made with; in (ALLOC_QUERY): must be 0
 * @handle: in (ALLOC_QUERY)
 * @offset: of the block in the region
 * @phys: physical address; 0 without CAP_SYS_ADMIN or contiguous memory
 * @bytes: as asked for
 * @granted: as in struct memmgr_alloc
 * @align: that was asked for
 * @map_offset: for mmap(), ~0 when it cannot be mapped by this client; inside of a page
 *	when it was made with MEMMGR_ALLOC_MAY_SHIFT and is shifted
 * @time_ns: when it was made, CLOCK_BOOTTIME
 * @heap: id of its heap
 * @state: MEMMGR_INFO_*
 * @pid: thread group of its maker
 * @tid: thread of its maker
 * @uid: user id of its owner
 * @pins: promises that it does not move
 * @comm: command name of its maker
 * @tag: as given
 * @client: serial of the client that it is charged to, 0: a private heap's
 * @violations: accesses that its protection or its guard pages stopped
 * @access: MEMMGR_ACCESS_* that is allowed now
 * @exports: dma-bufs of it
 * @moves: how often it was moved
 * @lease_faults: page faults in its mappings while it was leased, since the first of
 *	these leases began; with a lease that was taken after mapping it, 0
 * @site: id of the site that it comes from, see MEMMGR_IOC_SITES; 0: not known
 * @reserved: 0
 */
struct memmgr_info {
	__u32 size;
	__u32 flags;
	__u64 handle;
	__u64 offset;
	__u64 phys;
	__u64 bytes;
	__u64 granted;
	__u64 align;
	__u64 map_offset;
	__u64 time_ns;
	__u32 heap;
	__u32 state;
	__u32 pid;
	__u32 tid;
	__u32 uid;
	__u32 pins;
	char comm[MEMMGR_COMM_LEN];
	char tag[MEMMGR_TAG_LEN];
	__u64 client;
	__u64 violations;
	__u32 access;
	__u32 exports;
	__u64 moves;
	__u64 lease_faults;
	__u32 site;
	__u32 reserved;
};

/* struct memmgr_list.flags */
#define MEMMGR_LIST_MINE	(1u << 0)	/* only what this client may use */
#define MEMMGR_LIST_KERNEL	(1u << 1)	/* blocks of kernel code; needs CAP_SYS_ADMIN */

/**
 * struct memmgr_list - list allocations
 * @size: in: sizeof(struct memmgr_list)
 * @flags: in: MEMMGR_LIST_*
 * @heap: in: id, or MEMMGR_HEAP_ANY
 * @count: in: entries that fit, 1 .. MEMMGR_BATCH_MAX; out: entries written
 * @entry_size: in: sizeof(struct memmgr_info) as the caller knows it
 * @reserved: 0
 * @cursor: in: 0 at first; out: pass it again; 0 when the list is at its end
 * @entries: in: pointer to @count entries of @entry_size bytes
 *
 * An allocation that lives during the whole enumeration appears exactly once.
 * Those of other clients are shown without their handle (0), and to all; those in
 * their private heaps to CAP_SYS_ADMIN only. Blocks of kernel code are known of tracked
 * heaps only, from MEMMGR_IOC_TRACK on.
 */
struct memmgr_list {
	__u32 size;
	__u32 flags;
	__u32 heap;
	__u32 count;
	__u32 entry_size;
	__u32 reserved;
	__u64 cursor;
	__u64 entries;
};

/**
 * struct memmgr_stats - the books of a heap
 * @size: in: sizeof(struct memmgr_stats)
 * @heap: in: id
 * @flags: in: must be 0
 * @live: allocations and kernel-held blocks that live now
 * @total: bytes that the heap can hand out (arena; slab: held now)
 * @used: bytes granted
 * @free: bytes not granted
 * @peak: highest @used ever
 * @requested: bytes asked for by what lives now; @used - @requested is wasted
 * @largest: a size that one request would get now, by the same few steps as
 *	the rest: at least a quarter of the longest free run, and mostly all of it
 * @allocs: successful allocations ever
 * @frees: frees ever
 * @resizes: successful resizes ever
 * @refused_frees: wrong, second or foreign frees that were refused
 * @joins: allocations served by joining neighbouring blocks (buddy)
 * @fallbacks: requests passed on to the fallback heap
 * @waits: allocations that had to wait
 * @records: records in use
 * @kernel_live: blocks that kernel code and other heaps hold
 * @failures: failed requests by enum memmgr_reason, up to MEMMGR_REASON_BLOCKED
 * @classes: successful allocations ever, by size class of the request
 * @zeroed: bytes that were cleared for clients ever
 * @zero_ns: the time that this took, in nanoseconds
 * @violations: accesses that protection or guard pages stopped; a write through a
 *	mapping that the program itself made read-only is none of them
 * @injected: requests that failed because MEMMGR_IOC_INJECT wanted it
 */
struct memmgr_stats {
	__u32 size;
	__u32 heap;
	__u32 flags;
	__u32 live;
	__u64 total;
	__u64 used;
	__u64 free;
	__u64 peak;
	__u64 requested;
	__u64 largest;
	__u64 allocs;
	__u64 frees;
	__u64 resizes;
	__u64 refused_frees;
	__u64 joins;
	__u64 fallbacks;
	__u64 waits;
	__u32 records;
	__u32 kernel_live;
	__u64 failures[MEMMGR_STATS_REASONS];
	__u64 classes[MEMMGR_CLASSES];
	__u64 zeroed;
	__u64 zero_ns;
	__u64 violations;
	__u64 injected;
};

/**
 * struct memmgr_frag - fragmentation of a heap
 * @size: in: sizeof(struct memmgr_frag)
 * @heap: in: id
 * @flags: in: must be 0
 * @orders: out: valid entries of the arrays; order o is 2^o units
 * @unit: out: bytes of order 0 (buddy: granule; slab, pool: distance of two
 *	objects; stack: 8)
 * @free: out: free bytes
 * @largest: out: bytes of the largest run one request can have
 * @free_blocks: out: number of free blocks of all orders
 * @external: out: 1000 x (1 - largest / free); 0 when nothing is free, and for
 *	slab and pool, whose every free object serves every request
 * @internal: out: 1000 x wasted / granted; 0 when nothing is granted
 * @blocks: out: free blocks of exactly that order
 * @unusable: out: unusable free space index of each order, 0 .. 1000
 * @index: out: fragmentation index of each order: -1000 a request of that order
 *	would succeed, towards 0 it fails for lack of memory, towards 1000 for
 *	fragmentation; 0 when nothing is free
 * @aligned: out: bytes of the largest run that starts at a multiple of 2^o units;
 *	like @largest found in a few steps, so a lower bound (EXPLAIN tells exactly)
 */
struct memmgr_frag {
	__u32 size;
	__u32 heap;
	__u32 flags;
	__u32 orders;
	__u64 unit;
	__u64 free;
	__u64 largest;
	__u64 free_blocks;
	__u32 external;
	__u32 internal;
	__u64 blocks[MEMMGR_ORDERS];
	__s32 unusable[MEMMGR_ORDERS];
	__s32 index[MEMMGR_ORDERS];
	__u64 aligned[MEMMGR_ORDERS];
};

/**
 * enum memmgr_fixed - why a block may not be moved
 * @MEMMGR_FIXED_NONE: it may
 * @MEMMGR_FIXED_PINNED: pinned, leased, guarded, or between red zones
 * @MEMMGR_FIXED_EXPORTED: a dma-buf shows it
 * @MEMMGR_FIXED_SEALED: sealed, which includes its place
 * @MEMMGR_FIXED_KERNEL: kernel code has it, or another heap as its arena
 * @MEMMGR_FIXED_BUSY: a call uses it right now
 * @MEMMGR_FIXED_IO: it is the target of I/O
 * @MEMMGR_FIXED_NO_ROOM: no free run elsewhere would hold it
 * @MEMMGR_FIXED_REASONS: their number
 */
enum memmgr_fixed {
	MEMMGR_FIXED_NONE	= 0,
	MEMMGR_FIXED_PINNED	= 1,
	MEMMGR_FIXED_EXPORTED	= 2,
	MEMMGR_FIXED_SEALED	= 3,
	MEMMGR_FIXED_KERNEL	= 4,
	MEMMGR_FIXED_BUSY	= 5,
	MEMMGR_FIXED_IO		= 6,
	MEMMGR_FIXED_NO_ROOM	= 7,
	MEMMGR_FIXED_REASONS	= 8,
};

#define MEMMGR_FIXED_ROOM	16u	/* for reasons in structures: those to come are 0 */

/**
 * struct memmgr_explain - why a request would fail, and what would help
 * @size: in: sizeof(struct memmgr_explain)
 * @heap: in: id of a buddy heap
 * @flags: in: must be 0
 * @reason: out: why the request would fail now; NONE: it would succeed
 * @bytes: in: size of the request; 0: no request, the rest is answered
 * @align: in: 0 or a power of two
 * @unit: out: bytes of a granule of the heap
 * @free: out: free bytes
 * @largest: out: largest request that would succeed now at that alignment
 * @possible: out: largest run at that alignment that moving could make
 * @move_bytes: out: bytes that have to move at the least before the request
 *	succeeds; ~0: moving does not help
 * @move_offset: out: of the run, in the region, that they make
 * @moves: out: blocks that these are
 * @free_runs: out: maximal free runs
 * @movable: out: bytes of blocks that may move
 * @fixed: out: bytes of blocks that may not, by enum memmgr_fixed
 * @runs: out: maximal free runs of 2^o up to 2^(o+1) - 1 granules
 * @aligned: out: bytes of the largest run that starts at a multiple of 2^o granules
 * @best_offset: out: of the one movable block in the region without which the
 *	longest run would be free; ~0: there is none
 * @best_bytes: out: its size
 * @best_run: out: bytes of that run
 *
 * Walks the whole heap, in small steps: what others do meanwhile may or may not
 * be seen. @reason and @largest are what ALLOC would say now. @move_offset is ~0 and
 * @moves 0 where @move_bytes is ~0. Alignments are those of physical addresses, or
 * where these are not contiguous of offsets, up to @max_align of the heap. EOPNOTSUPP
 * for other kinds than buddy.
 */
struct memmgr_explain {
	__u32 size;
	__u32 heap;
	__u32 flags;
	__u32 reason;
	__u64 bytes;
	__u64 align;
	__u64 unit;
	__u64 free;
	__u64 largest;
	__u64 possible;
	__u64 move_bytes;
	__u64 move_offset;
	__u32 moves;
	__u32 free_runs;
	__u64 movable;
	__u64 fixed[MEMMGR_FIXED_ROOM];
	__u64 runs[MEMMGR_ORDERS];
	__u64 aligned[MEMMGR_ORDERS];
	__u64 best_offset;
	__u64 best_bytes;
	__u64 best_run;
};

/* struct memmgr_compact.flags */
#define MEMMGR_COMPACT_DRY_RUN	(1u << 0)	/* only say what would be done */
#define MEMMGR_COMPACT_RANGE	(1u << 1)	/* empty the range @offset, @bytes */

#define MEMMGR_COMPACT_STEP	65536u		/* default of step_bytes */
#define MEMMGR_COMPACT_NS	10000000000ull	/* default of max_ns: 10 s */
#define MEMMGR_COMPACT_SLIDE	16u		/* steps of a block that may slide */

/**
 * struct memmgr_compact - move allocations to make free runs
 * @size: in: sizeof(struct memmgr_compact)
 * @heap: in: id of a shared buddy or slab heap
 * @flags: in: MEMMGR_COMPACT_*
 * @reason: out: with ENOMEM: enum memmgr_reason
 * @bytes: in: a free run of that size is wanted, and no more done than needed; 0:
 *	the longest runs that can be made; with _RANGE: size of the range
 * @align: in: 0 or a power of two: of that run
 * @offset: in with _RANGE: the range, in the region; out: of the run that was made,
 *	~0: none
 * @step_bytes: in: bytes that a step moves at most, in whole granules (0: 64 KiB)
 * @max_bytes: in: move no more than about that in this call (0: twice the heap's size)
 * @max_ns: in: begin no move after that time, in nanoseconds, with what the call waits
 *	for another compaction of the region (0: 10 s)
 * @moved: out: bytes moved; of a dry run: that would be
 * @least: out: bytes that had to be moved at the very least for what was wanted
 * @left: out: bytes that are still to be moved: not 0 when @max_bytes, @max_ns or a
 *	signal ended the call early, or others changed the heap as fast
 * @before: out: largest free run before
 * @after: out: largest free run afterwards; of a dry run: as predicted
 * @free: out: free bytes
 * @moves: out: blocks moved
 * @steps: out: steps that they took
 * @longest_ns: out: duration of the longest step, in nanoseconds
 * @longest_bytes: out: bytes that the longest step moved
 * @stayed: out: bytes of blocks that were in the way and could not be moved, by
 *	enum memmgr_fixed
 * @slabs: out: slab heap: slabs given back
 * @reserved: 0
 *
 * @least, @before and @stayed are as found when this call began, or failed; @after is
 * the truth at its end, also with EINTR and ENOMEM.
 *
 * Programs that have moved memory mapped keep their pointers and see the same
 * bytes. Who touches it, or uses it in a call, goes first: its move is called off and
 * tried again, and what is used all the time stays (BUSY). A block that moves onto a part
 * of its own old place (it slides) has to be completed once it has begun: a program that
 * touches it copies what is before that page itself, and a call all of it. So only blocks
 * of at most 16 times @step_bytes slide. Nobody waits for the task that compacts, but for
 * MEMMGR_PIN_LEASE, while mappings of that very allocation are being taken away. Needs
 * CAP_SYS_ADMIN unless it is a dry run. A slab heap takes neither @bytes nor
 * _RANGE: its sparse slabs are merged. EINTR when a signal came: what has been
 * done stays done and is reported. ENOMEM when the wanted run cannot be made:
 * @reason is PINNED when what may not move is in the way. EBUSY when another
 * compaction of the region did not end within @max_ns. EOPNOTSUPP for private heaps,
 * pools and stacks.
 */
struct memmgr_compact {
	__u32 size;
	__u32 heap;
	__u32 flags;
	__u32 reason;
	__u64 bytes;
	__u64 align;
	__u64 offset;
	__u64 step_bytes;
	__u64 max_bytes;
	__u64 max_ns;
	__u64 moved;
	__u64 least;
	__u64 left;
	__u64 before;
	__u64 after;
	__u64 free;
	__u32 moves;
	__u32 steps;
	__u64 longest_ns;
	__u64 longest_bytes;
	__u64 stayed[MEMMGR_FIXED_ROOM];
	__u32 slabs;
	__u32 reserved;
};

/* struct memmgr_pin.flags */
#define MEMMGR_PIN_LEASE	(1u << 0)	/* and map all of its pages now */

/**
 * struct memmgr_pin - keep an allocation where it is, or let it move again
 * @size: in: sizeof(struct memmgr_pin)
 * @flags: in: MEMMGR_PIN_LEASE
 * @handle: in: the allocation
 * @offset: out: in the region; stays the same while there is a pin
 * @phys: out: physical address; 0 without CAP_SYS_ADMIN or contiguous memory
 * @pins: out: pins and leases of it in all
 * @mine: out: of these, of this client and of this sort
 *
 * PIN counts: each needs an UNPIN with the same @flags (EINVAL when there is
 * none). They belong to the client that made them and go with it, or with the
 * allocation: a client may free what it has pinned itself, but not what another
 * one has (EBUSY). No pin asks the system for memory: a client has room for pins of 128
 * persistent allocations at a time (ENOSPC), and of its own for any number. A lease is a
 * pin for real time: what the calling process has mapped of the allocation is made
 * present, writable where it may be written, so that no touch of it faults (see
 * memmgr_info.lease_faults). Map first, then take the lease. EFAULT when a page could
 * not be made present, EOPNOTSUPP for memory that never moves and cannot be mapped:
 * blocks of heaps smaller than pages (LEASE only).
 */
struct memmgr_pin {
	__u32 size;
	__u32 flags;
	__u64 handle;
	__u64 offset;
	__u64 phys;
	__u32 pins;
	__u32 mine;
};

/* struct memmgr_health.flags */
#define MEMMGR_HEALTH_SET	(1u << 0)	/* in: change it; needs CAP_SYS_ADMIN */
#define MEMMGR_HEALTH_ON	(1u << 1)	/* the region is compacted by itself */

/* struct memmgr_health.state */
#define MEMMGR_HEALTH_LOW	(1u << 0)	/* usage is above warn_above */
#define MEMMGR_HEALTH_FRAGMENTED (1u << 1)	/* fragmentation is above compact_above */
#define MEMMGR_HEALTH_AT_WORK	(1u << 2)	/* the worker compacts now */

/**
 * struct memmgr_health - thresholds of a region, and how it is
 * @size: in: sizeof(struct memmgr_health)
 * @flags: in: 0, or MEMMGR_HEALTH_SET and the new state of _ON; out: _ON
 * @state: out: MEMMGR_HEALTH_LOW, _FRAGMENTED, _AT_WORK
 * @compact_above: external fragmentation of heap main above which it is compacted,
 *	in thousandths (default 300); in with _SET
 * @warn_above: usage of the region above which it is low on memory, in thousandths
 *	(default 900); in with _SET
 * @hysteresis: a state ends this much below its threshold, or lower, in thousandths
 *	(default 50); in with _SET
 * @cpu: of one CPU's time, in thousandths, that the worker takes at most while it
 *	compacts (default 100); in with _SET
 * @usage: out: bytes in use now, in thousandths of the region
 * @fragmentation: out: external fragmentation now, in thousandths
 * @reserved: 0
 * @checks: out: times that the worker looked
 * @compactions: out: times that it compacted
 * @moves: out: blocks that it moved
 * @moved: out: bytes that it moved
 * @events: out: events of the region ever
 *
 * The thresholds work while _ON is off, too: then only the compaction is left out.
 * Nothing is looked at while nothing changes. With _SET the first four are at most
 * 1000, @cpu not 0 (EINVAL), and what is only answered is not looked at.
 */
struct memmgr_health {
	__u32 size;
	__u32 flags;
	__u32 state;
	__u32 compact_above;
	__u32 warn_above;
	__u32 hysteresis;
	__u32 cpu;
	__u32 usage;
	__u32 fragmentation;
	__u32 reserved;
	__u64 checks;
	__u64 compactions;
	__u64 moves;
	__u64 moved;
	__u64 events;
};

/**
 * enum memmgr_event_kind - what happened
 * @MEMMGR_EVENT_LOST: this client was too slow: @value events before the next one
 *	are lost
 * @MEMMGR_EVENT_LOW: usage rose above its threshold
 * @MEMMGR_EVENT_NOT_LOW: it fell below it again, by the hysteresis
 * @MEMMGR_EVENT_FRAGMENTED: fragmentation rose above its threshold
 * @MEMMGR_EVENT_NOT_FRAGMENTED: it fell below it again, by the hysteresis
 * @MEMMGR_EVENT_COMPACTED: a compaction of main, in one or more calls of a client or
 *	slices of the health worker, ended or was given up: @value bytes were moved,
 *	and the largest free run after that was @bytes
 * @MEMMGR_EVENT_LEAK: a client closed with @value allocations of tracked heaps that it
 *	had not freed, @bytes in all
 * @MEMMGR_EVENT_CORRUPTION: a memory error was found: @value is the number of the
 *	report, see struct memmgr_corruption, @bytes how many are damaged
 * @MEMMGR_EVENTS: their number
 */
enum memmgr_event_kind {
	MEMMGR_EVENT_LOST		= 0,
	MEMMGR_EVENT_LOW		= 1,
	MEMMGR_EVENT_NOT_LOW		= 2,
	MEMMGR_EVENT_FRAGMENTED		= 3,
	MEMMGR_EVENT_NOT_FRAGMENTED	= 4,
	MEMMGR_EVENT_COMPACTED		= 5,
	MEMMGR_EVENT_LEAK		= 6,
	MEMMGR_EVENT_CORRUPTION		= 7,
	MEMMGR_EVENTS			= 8,
};

/**
 * struct memmgr_event - what read() of the device gives, one after the other
 * @seq: number of the event in its region, counted from 1; of _LOST: of the next
 * @time_ns: CLOCK_BOOTTIME
 * @kind: enum memmgr_event_kind
 * @heap: id of the heap
 * @value: usage or fragmentation in thousandths, or as @kind says
 * @limit: the threshold, in thousandths, without the hysteresis; 0: none
 * @bytes: free bytes, or as @kind says
 * @reserved: 0
 *
 * A client gets the events since it was opened. read() gives as many whole ones
 * as fit (EINVAL when not even one does), and waits for one unless O_NONBLOCK is
 * set (EAGAIN); poll() says POLLIN when there are some. A region remembers 256: the
 * last 64 that one user caused, 64 of each kind that tells a state of main, and 192 that
 * users other than root caused.
 *
 * Each event is a uevent of the device as well (MEMMGR_EVENT, _REGION, _VALUE, _LIMIT),
 * but of each kind at most 5 in a second: of what comes more the last one is sent when
 * that time is over, and MEMMGR_SUPPRESSED says for how many others it stands.
 */
struct memmgr_event {
	__u64 seq;
	__u64 time_ns;
	__u32 kind;
	__u32 heap;
	__u64 value;
	__u64 limit;
	__u64 bytes;
	__u64 reserved[2];
};

/* struct memmgr_check.flags, out */
#define MEMMGR_CHECK_TORN	(1u << 0)	/* sums were not compared */

/**
 * struct memmgr_check - verify every invariant of a heap
 * @size: in: sizeof(struct memmgr_check)
 * @heap: in: id
 * @flags: in: 0, or what a call before left there; out: MEMMGR_CHECK_TORN
 * @checked: out: blocks that were looked at
 * @offset: out: with EUCLEAN: offset in the heap where it broke
 * @what: out: with EUCLEAN: the invariant that is broken
 *
 * Walks everything, in small steps, so that others need not wait for it. Of a heap
 * that changes meanwhile, again and again, every part is looked at, but sums over all
 * of them cannot be compared: TORN. Needs CAP_SYS_ADMIN, or a private heap of this
 * client.
 */
struct memmgr_check {
	__u32 size;
	__u32 heap;
	__u32 flags;
	__u32 checked;
	__u64 offset;
	char what[64];
};

/**
 * struct memmgr_cell - one cell of a picture of the region
 * @used: bytes of it that are in use
 * @blocks: blocks that begin in it
 * @heap: the heap that has most of it (MEMMGR_HEAP_MAIN: allocations of main);
 *	MEMMGR_HEAP_ANY when it is empty, or that heap is not the caller's to see
 */
struct memmgr_cell {
	__u64 used;
	__u32 blocks;
	__u32 heap;
};

/**
 * struct memmgr_map - a picture of the region, as seen by heap main
 * @size: in: sizeof(struct memmgr_map)
 * @flags: in: must be 0
 * @count: in: cells wanted, 1 .. MEMMGR_BATCH_MAX; out: cells written
 * @reserved: 0
 * @cell_bytes: out: bytes of the region that a cell stands for
 * @cells: in: pointer to struct memmgr_cell[count]
 */
struct memmgr_map {
	__u32 size;
	__u32 flags;
	__u32 count;
	__u32 reserved;
	__u64 cell_bytes;
	__u64 cells;
};

/**
 * struct memmgr_failure - one failed request
 * @seq: number of the failure, counted from 1
 * @time_ns: CLOCK_BOOTTIME
 * @bytes: asked for
 * @align: asked for
 * @largest: what would have worked
 * @free: bytes that were free in the heap
 * @heap: id; MEMMGR_HEAP_ANY for a heap that the reader may not see
 * @reason: enum memmgr_reason
 * @pid: of the caller, 0 for kernel code in interrupt context
 * @uid: of the caller
 * @comm: of the caller
 * @heap_name: of the heap, whose id may have gone to another since;
 *	"(private)" for one that the reader may not see
 */
struct memmgr_failure {
	__u64 seq;
	__u64 time_ns;
	__u64 bytes;
	__u64 align;
	__u64 largest;
	__u64 free;
	__u32 heap;
	__u32 reason;
	__u32 pid;
	__u32 uid;
	char comm[MEMMGR_COMM_LEN];
	char heap_name[MEMMGR_NAME_LEN];
};

/**
 * struct memmgr_failures - the last failed requests of the region
 * @size: in: sizeof(struct memmgr_failures)
 * @flags: in: must be 0
 * @count: in: entries that fit, 1 .. MEMMGR_BATCH_MAX; out: entries written
 * @entry_size: in: sizeof(struct memmgr_failure) as the caller knows it
 * @after: in: only failures with a higher @seq
 * @total: out: failures ever
 * @entries: in: pointer to @count entries of @entry_size bytes, oldest first
 *
 * The region remembers 64: the last 16 of one user, and 48 of all users but root. A
 * resize that is refused because what follows is in use (MEMMGR_REASON_BLOCKED) is
 * counted in the heap's books, but not remembered here.
 */
struct memmgr_failures {
	__u32 size;
	__u32 flags;
	__u32 count;
	__u32 entry_size;
	__u64 after;
	__u64 total;
	__u64 entries;
};

/* struct memmgr_protect.flags */
#define MEMMGR_PROTECT_SEAL	(1u << 0)	/* for good */

/**
 * struct memmgr_protect - say how an allocation may be accessed
 * @size: in: sizeof(struct memmgr_protect)
 * @flags: in: MEMMGR_PROTECT_SEAL: @access and the size can never change again
 * @handle: in: the allocation
 * @access: in: MEMMGR_ACCESS_*
 * @reserved: 0
 *
 * Holds for mappings that there are and for those to come (an access that is
 * not allowed is SIGSEGV; mmap() and mprotect() that ask for more fail with
 * EACCES), for READ and WRITE, and for dma-bufs. It does not hold for kernel
 * code. A new allocation may be read and written. EPERM when it is sealed and
 * @access differs; EBUSY when a device, the kernel or I/O uses it now in a way that
 * @access would forbid; EOPNOTSUPP when it lies in a private
 * heap, which its client may map whole, or in a heap whose blocks are smaller
 * than a page. A sealed allocation is not moved either, and can
 * still be freed.
 */
struct memmgr_protect {
	__u32 size;
	__u32 flags;
	__u64 handle;
	__u32 access;
	__u32 reserved;
};

/* struct memmgr_sync.flags: exactly one */
#define MEMMGR_SYNC_FOR_DEVICE	(1u << 0)	/* the CPU wrote, a device will look */
#define MEMMGR_SYNC_FOR_CPU	(1u << 1)	/* a device wrote, the CPU will look */

/**
 * struct memmgr_sync - cache maintenance for devices that do not snoop caches
 * @size: in: sizeof(struct memmgr_sync)
 * @flags: in: MEMMGR_SYNC_FOR_DEVICE or _FOR_CPU
 * @handle: in: the allocation
 * @offset: in: first byte, from the start of the allocation
 * @bytes: in: how many, up to the requested size of the allocation
 *
 * Touches the cache lines of this range alone. Nothing to do, and 0, in a region
 * that is not cached. Not needed for dma-bufs, whose interface does it.
 */
struct memmgr_sync {
	__u32 size;
	__u32 flags;
	__u64 handle;
	__u64 offset;
	__u64 bytes;
};

/* struct memmgr_export.flags */
#define MEMMGR_EXPORT_CLOEXEC	(1u << 0)
#define MEMMGR_EXPORT_READ_ONLY	(1u << 1)	/* nobody may write through it */

/**
 * struct memmgr_export - a file descriptor of an allocation, as a dma-buf
 * @size: in: sizeof(struct memmgr_export)
 * @flags: in: MEMMGR_EXPORT_*
 * @handle: in: the allocation
 * @fd: out: the file descriptor
 * @reserved: 0
 *
 * For devices, and for other processes, which need no access to the region. The
 * memory stays until the last reference to the dma-buf is gone, whatever becomes
 * of the handle and the client, and counts against their quota as long. The
 * protection of the allocation holds for the dma-buf: one that may not be
 * written is exported read-only, with or without the flag, and EACCES when it
 * may not even be read. A device may not be given a read-only one to write to
 * (EACCES), nor one that it cannot reach (EIO: its mask and the dma-ranges of its
 * bus decide; nothing is ever copied for it). A driver that maps a read-only one into
 * the kernel gets a copy, and what it writes there is lost. Each call makes a dma-buf
 * of its own, which shows the same memory (dup() makes another descriptor of one).
 * Only whole pages can be exported:
 * EOPNOTSUPP for an allocation whose heap has smaller blocks, or that is guarded,
 * see MEMMGR_ALLOC_MAY_SHIFT.
 */
struct memmgr_export {
	__u32 size;
	__u32 flags;
	__u64 handle;
	__s32 fd;
	__u32 reserved;
};

/* struct memmgr_account.flags */
#define MEMMGR_ACCOUNT_USER	(1u << 0)	/* of a user id, not of a client */
#define MEMMGR_ACCOUNT_MINE	(1u << 1)	/* this client, or its user */
#define MEMMGR_ACCOUNT_CLOSED	(1u << 2)	/* it went, what it made did not */
#define MEMMGR_ACCOUNT_SET	(1u << 3)	/* limits were set by SET_QUOTA */

/**
 * struct memmgr_account - what a client or a user has, and may have
 * @id: serial of the client; of a user: its id
 * @bytes: that it has now
 * @peak: highest @bytes ever
 * @max_bytes: that it may have; 0: no limit
 * @refused: requests that a quota refused
 * @time_ns: client: when it was opened, CLOCK_BOOTTIME; user: 0
 * @allocations: that it has now, private heaps included
 * @max_allocations: that it may have; 0: no limit
 * @flags: MEMMGR_ACCOUNT_*
 * @uid: user id of who opened the client
 * @pid: thread group of who opened the client; user: 0
 * @heaps: private heaps
 * @comm: command name of who opened the client; user: empty
 * @clients: user: its open clients; client: 1
 * @max_heaps: private heaps that it may have; 0: no limit, as for the others
 * @windows: of the mmap() offsets, that its private heaps have
 * @max_windows: that it may have
 * @pins: allocations that it has pinned
 * @max_pins: that it may have
 * @records: of heap main, that it has
 * @max_records: that it may have
 * @set: MEMMGR_LIMIT_*, the limits that are its own
 * @pad: 0
 */
struct memmgr_account {
	__u64 id;
	__u64 bytes;
	__u64 peak;
	__u64 max_bytes;
	__u64 refused;
	__u64 time_ns;
	__u32 allocations;
	__u32 max_allocations;
	__u32 flags;
	__u32 uid;
	__u32 pid;
	__u32 heaps;
	char comm[MEMMGR_COMM_LEN];
	__u32 clients;
	__u32 max_heaps;
	__u32 windows;
	__u32 max_windows;
	__u32 pins;
	__u32 max_pins;
	__u32 records;
	__u32 max_records;
	__u32 set;
	__u32 pad;
};

/* struct memmgr_accounts.flags */
#define MEMMGR_ACCOUNTS_USERS	(1u << 0)	/* users instead of clients */

/**
 * struct memmgr_accounts - list clients or users
 * @size: in: sizeof(struct memmgr_accounts)
 * @flags: in: MEMMGR_ACCOUNTS_USERS
 * @count: in: entries that fit, 1 .. MEMMGR_BATCH_MAX; out: entries written
 * @entry_size: in: sizeof(struct memmgr_account) as the caller knows it
 * @cursor: in: 0 at first; out: pass it again; 0 when the list is at its end
 * @entries: in: pointer to @count entries of @entry_size bytes
 *
 * In the order in which clients were opened, and of user ids. Everybody may
 * list all.
 */
struct memmgr_accounts {
	__u32 size;
	__u32 flags;
	__u32 count;
	__u32 entry_size;
	__u64 cursor;
	__u64 entries;
};

/* struct memmgr_quota.flags: exactly one of the first two */
#define MEMMGR_QUOTA_CLIENT	(1u << 0)	/* @id is the serial of a client */
#define MEMMGR_QUOTA_USER	(1u << 1)	/* @id is a user id */
#define MEMMGR_QUOTA_DEFAULT	(1u << 2)	/* back to the module's parameters */

/* struct memmgr_quota.limits, memmgr_account.set */
#define MEMMGR_LIMIT_BYTES	(1u << 0)
#define MEMMGR_LIMIT_ALLOCATIONS (1u << 1)
#define MEMMGR_LIMIT_HEAPS	(1u << 2)
#define MEMMGR_LIMIT_WINDOWS	(1u << 3)
#define MEMMGR_LIMIT_PINS	(1u << 4)
#define MEMMGR_LIMIT_RECORDS	(1u << 5)
#define MEMMGR_LIMIT_ALL	((1u << 6) - 1)

/**
 * struct memmgr_quota - limit what a client or a user may have
 * @size: in: sizeof(struct memmgr_quota)
 * @flags: in: MEMMGR_QUOTA_*
 * @id: in: of whom
 * @max_bytes: in: bytes that it may have; 0: no limit
 * @max_allocations: in: allocations that it may have; 0: no limit
 * @reserved: 0
 * @limits: in: MEMMGR_LIMIT_*, the limits that are meant; 0: _BYTES and _ALLOCATIONS, or
 *	with MEMMGR_QUOTA_DEFAULT all
 * @max_heaps: in: private heaps that it may have; 0: no limit
 * @max_windows: in: windows of the mmap() offsets that its private heaps may have: one
 *	for each, and one for each record where blocks are whole pages; 0: no limit
 * @max_pins: in: allocations that it may pin; 0: no limit
 * @max_records: in: allocations that it may have in heap main; 0: no limit
 * @pad: 0
 *
 * Needs CAP_SYS_ADMIN. ENOENT when there is no such client; a user need not have
 * any. Lower than what it has now is allowed: it gets no more then. Limits that are not
 * meant stay as they are, and have to be 0 here, as all have with MEMMGR_QUOTA_DEFAULT. A
 * client is the file that was opened, and its user who opened it, whoever it was handed to.
 *
 * Unless root says otherwise, a user may have 8 private heaps, 1024 pins, and five eighths
 * each of main's records and of the windows that main leaves. Who has CAP_SYS_ADMIN or
 * CAP_SYS_RESOURCE when he opens the file has no such limits, and what is kept for him:
 * 8 of the heaps that a region can have, and the last eighth of records and windows. Nothing
 * is kept from root for others: whoever may destroy every heap and unload the module cannot
 * be held by a table. A limit that is set for user 0 holds for root's programs as well.
 */
struct memmgr_quota {
	__u32 size;
	__u32 flags;
	__u64 id;
	__u64 max_bytes;
	__u32 max_allocations;
	__u32 reserved;
	__u32 limits;
	__u32 max_heaps;
	__u32 max_windows;
	__u32 max_pins;
	__u32 max_records;
	__u32 pad;
};

/* struct memmgr_inject.flags: exactly one of the first two */
#define MEMMGR_INJECT_CLIENT	(1u << 0)	/* @id is the serial of a client; 0: the caller */
#define MEMMGR_INJECT_HEAP	(1u << 1)	/* @id is the id of a heap */
#define MEMMGR_INJECT_SET	(1u << 2)	/* set it; otherwise it is only read */

#define MEMMGR_INJECT_NO_LIMIT	(~0ull)		/* @times */

/**
 * struct memmgr_inject - let requests fail on purpose, to test what comes then
 * @size: in: sizeof(struct memmgr_inject)
 * @flags: in: MEMMGR_INJECT_*
 * @id: in: of whom; out: the same, with the caller's own serial for 0
 * @skip: so many requests pass first; in with _SET
 * @interval: every so manieth of those after them fails, 1: each; in with _SET
 * @times: at most so many fail, MEMMGR_INJECT_NO_LIMIT: no end; 0: it is off, and
 *	all the others are 0 as well; in with _SET
 * @probability: of those whose turn it is, so many thousandths fail; 0 and 1000:
 *	all; in with _SET
 * @seed: of that chance: the same one lets the same requests fail; in with _SET
 * @seen: out: requests since it was set
 * @failed: out: of these, those that it let fail
 *
 * A request is an allocation, one of a batch, or a resize that grows. It is seen by
 * the injection of the client that makes it and by that of the heap that it names,
 * and when it is malformed by neither. What fails so fails with ENOMEM (@reason:
 * INJECTED, @largest: 0) and changes nothing; it is not waited for, and neither a
 * fallback nor compaction is tried. A heap's injection sees the requests of kernel
 * code and of dma-heaps too, but not what a heap takes from main to grow.
 *
 * The n-th request fails alone with @skip n - 1, @interval 1, @times 1. A client may
 * set its own; other clients' and heaps' need CAP_SYS_ADMIN. All may read those
 * of clients, and of heaps that they may use. It ends with its client or heap.
 * EOPNOTSUPP when the build has no MEMMGR_FEATURE_DEBUG, ENOENT when there is no
 * such client or heap.
 */
struct memmgr_inject {
	__u32 size;
	__u32 flags;
	__u64 id;
	__u64 skip;
	__u64 interval;
	__u64 times;
	__u32 probability;
	__u32 seed;
	__u64 seen;
	__u64 failed;
};

/* struct memmgr_debug.flags */
#define MEMMGR_DEBUG_SET	(1u << 0)	/* in: what is on from now on is what follows */
#define MEMMGR_DEBUG_ZONES	(1u << 1)	/* new allocations lie between red zones */
#define MEMMGR_DEBUG_POISON	(1u << 2)	/* freed memory is filled with a pattern */
#define MEMMGR_DEBUG_QUARANTINE	(1u << 3)	/* freed memory is used again later */
#define MEMMGR_DEBUG_GUARDS	(1u << 4)	/* some allocations end at an unmapped page */

#define MEMMGR_ZONE_MIN		8u
#define MEMMGR_ZONE_MAX		4096u
#define MEMMGR_QUARANTINE_MAX	4096u
#define MEMMGR_GUARD_INTERVAL_MAX	1000000u

/**
 * struct memmgr_debug - look for memory errors in a heap
 * @size: in: sizeof(struct memmgr_debug)
 * @heap: in: id
 * @flags: in: 0, or MEMMGR_DEBUG_SET with those to be on, which needs CAP_SYS_ADMIN;
 *	out: those that are on
 * @zone: in with _ZONES: bytes of a red zone, a multiple of 8 from MEMMGR_ZONE_MIN to
 *	_MAX; 0: 64; out: the same
 * @quarantine_bytes: in with _QUARANTINE: how much is kept from reuse at most; 0: a
 *	sixteenth of the heap; out: the same
 * @quarantine_blocks: in with _QUARANTINE: how many blocks, 1 .. MEMMGR_QUARANTINE_MAX;
 *	0: 256; out: the same
 * @guard_interval: in with _GUARDS: one of so many allocations of kernel code, and of
 *	clients with MEMMGR_ALLOC_MAY_SHIFT, is guarded, 1 .. MEMMGR_GUARD_INTERVAL_MAX;
 *	0: 100; out: the same
 * @held_bytes: out: in quarantine now
 * @held_blocks: out: the same
 * @guards: out: guarded allocations that live now
 * @unzoned: out: allocations since the heap was made for which there was no room for
 *	both zones while these were on
 * @guarded: out: allocations since the heap was made that were guarded
 * @found: out: errors found in this heap
 * @reserved: 0
 *
 * Red zones take room before and behind an allocation: in a slab or pool heap what its
 * object has to spare; where that is not enough, only the zone behind is made, as
 * long as there is room. Where allocations can be mapped, the zone before one is in a
 * page of its own. They are looked at when the allocation ends, when its size
 * changes, and by CHECK. An allocation between red zones is not moved.
 *
 * What is in quarantine goes back to the heap when one of the two limits is passed, the
 * oldest first, and all of it before a request would fail. A stack has none: it
 * takes back what is on top at once. With _POISON the pattern is looked at when the
 * memory leaves the quarantine, and by CHECK. While any of these is on, who freed an
 * allocation is remembered for the last ones, so that a second free can name him.
 *
 * A guarded allocation ends where its last page does, as far as its alignment lets it,
 * and has a page behind it that nobody can touch: the access that is wrong is stopped
 * and reported (MEMMGR_CORRUPTION_GUARD), and so is one after the free. What is left of
 * its pages is looked at like a red zone, before it up to 256 bytes. Of kernel code's, those
 * of up to a page can be guarded, as long as there are pages kept for it. A client's
 * cannot be moved or exported.
 *
 * It has effect on allocations that are made or freed later, and zones that are there
 * are looked at although it is off by then. EOPNOTSUPP when the build has no
 * MEMMGR_FEATURE_DEBUG.
 */
struct memmgr_debug {
	__u32 size;
	__u32 heap;
	__u32 flags;
	__u32 zone;
	__u64 quarantine_bytes;
	__u32 quarantine_blocks;
	__u32 guard_interval;
	__u64 held_bytes;
	__u32 held_blocks;
	__u32 guards;
	__u64 unzoned;
	__u64 guarded;
	__u64 found;
	__u64 reserved;
};

/**
 * enum memmgr_corruption_kind - what was damaged or done wrong
 * @MEMMGR_CORRUPTION_BEFORE: the red zone before an allocation was written
 * @MEMMGR_CORRUPTION_BEHIND: the red zone behind it was written
 * @MEMMGR_CORRUPTION_FREED: it was written after it had been freed
 * @MEMMGR_CORRUPTION_DOUBLE_FREE: it was to be freed once more
 * @MEMMGR_CORRUPTION_WRONG_FREE: no allocation of the caller begins where it was to be
 *	freed
 * @MEMMGR_CORRUPTION_STALE: it was to be used, other than freed, after it had been freed
 * @MEMMGR_CORRUPTION_GUARD: the page beside it was touched
 *
 * The last four are refused: nothing is damaged.
 * @MEMMGR_CORRUPTIONS: their number
 */
enum memmgr_corruption_kind {
	MEMMGR_CORRUPTION_BEFORE	= 1,
	MEMMGR_CORRUPTION_BEHIND	= 2,
	MEMMGR_CORRUPTION_FREED		= 3,
	MEMMGR_CORRUPTION_DOUBLE_FREE	= 4,
	MEMMGR_CORRUPTION_WRONG_FREE	= 5,
	MEMMGR_CORRUPTION_STALE		= 6,
	MEMMGR_CORRUPTION_GUARD		= 7,
	MEMMGR_CORRUPTIONS		= 8,
};

#define MEMMGR_CORRUPTION_DUMP	32u

/**
 * struct memmgr_corruption - a memory error
 * @seq: number of the report in its region, counted from 1
 * @time_ns: CLOCK_BOOTTIME when it was found
 * @kind: enum memmgr_corruption_kind
 * @heap: id
 * @handle: of the allocation; 0: kernel code has or had it, or it is not known; of a
 *	free or a use that was refused: what was passed
 * @offset: of the first byte, in the region; of a free or a use: what was meant, ~0:
 *	outside of it
 * @distance: bytes between what is wrong and the allocation, 0: next to it; where
 *	@offset lies in it: from its begin. Which of these it is tells @offset - @place as
 *	a signed number
 * @damaged: bytes from the first to the last; 0: none
 * @place: of the allocation, offset in the region; ~0: none is known
 * @bytes: of the allocation
 * @alloc_ns: CLOCK_BOOTTIME when that was made
 * @free_ns: CLOCK_BOOTTIME when it was freed; 0: it was not, or that is forgotten
 * @site: where it comes from, as in memmgr_info
 * @pid: of its maker
 * @tid: of its maker
 * @uid: of its maker; of who was running when no allocation is known
 * @free_site: kernel code's free, as @site
 * @free_pid: of who freed it
 * @free_tid: of who freed it
 * @finder: pid of who was running when it was found: who does it in the case of a free
 *	or a use; 0: an interrupt
 * @finder_tid: the same
 * @finder_site: kernel code's call, as @site
 * @dump: bytes of @expected and @found, from the first on
 * @pad: 0
 * @expected: what was written there
 * @found: what is there
 * @comm: of its maker
 * @free_comm: of who freed it
 * @finder_comm: of who was running when it was found
 * @tag: as given
 * @heap_name: of the heap; "(private)" for one that the reader may not see
 */
struct memmgr_corruption {
	__u64 seq;
	__u64 time_ns;
	__u32 kind;
	__u32 heap;
	__u64 handle;
	__u64 offset;
	__u64 distance;
	__u64 damaged;
	__u64 place;
	__u64 bytes;
	__u64 alloc_ns;
	__u64 free_ns;
	__u32 site;
	__u32 pid;
	__u32 tid;
	__u32 uid;
	__u32 free_site;
	__u32 free_pid;
	__u32 free_tid;
	__u32 finder;
	__u32 finder_tid;
	__u32 finder_site;
	__u32 dump;
	__u32 pad;
	__u8 expected[MEMMGR_CORRUPTION_DUMP];
	__u8 found[MEMMGR_CORRUPTION_DUMP];
	char comm[MEMMGR_COMM_LEN];
	char free_comm[MEMMGR_COMM_LEN];
	char finder_comm[MEMMGR_COMM_LEN];
	char tag[MEMMGR_TAG_LEN];
	char heap_name[MEMMGR_NAME_LEN];
};

/**
 * struct memmgr_corruptions - the last reports of the region
 * @size: in: sizeof(struct memmgr_corruptions)
 * @flags: in: must be 0
 * @count: in: entries that fit, 1 .. MEMMGR_BATCH_MAX; out: entries written
 * @entry_size: in: sizeof(struct memmgr_corruption) as the caller knows it
 * @after: in: 0, or @seq of the last one seen; out: of the last one written
 * @total: out: reports ever
 * @entries: in: pointer to @count entries of @entry_size bytes
 *
 * The oldest first. A region remembers 32: of calls of one client that were refused the
 * last 4, of all that one user caused the last 8, of all that users other than root caused
 * 24. Those of other users' allocations are told to CAP_SYS_ADMIN alone.
 */
struct memmgr_corruptions {
	__u32 size;
	__u32 flags;
	__u32 count;
	__u32 entry_size;
	__u64 after;
	__u64 total;
	__u64 entries;
};

/* struct memmgr_track.flags */
#define MEMMGR_TRACK_ON		(1u << 0)
#define MEMMGR_TRACK_OFF	(1u << 1)

/**
 * struct memmgr_track - remember where the allocations of a heap come from
 * @size: in: sizeof(struct memmgr_track)
 * @heap: in: id of the heap
 * @flags: in: MEMMGR_TRACK_ON or _OFF, which need CAP_SYS_ADMIN; 0: only tell
 * @state: out: MEMMGR_TRACK_ON when it is on
 * @blocks: out: blocks of kernel code that are remembered now
 * @max_blocks: out: that can be
 * @lost: out: blocks that were not remembered, since there were as many
 * @sites: out: sites of the region that are known
 * @max_sites: out: that can be; those of users other than root take at most two thirds
 * @sites_lost: out: allocations without a site, since there were as many
 *
 * Off, the blocks are forgotten. Sites stay until the region goes.
 */
struct memmgr_track {
	__u32 size;
	__u32 heap;
	__u32 flags;
	__u32 state;
	__u32 blocks;
	__u32 max_blocks;
	__u64 lost;
	__u32 sites;
	__u32 max_sites;
	__u64 sites_lost;
};

#define MEMMGR_SITE_FRAMES	8
#define MEMMGR_SITE_NAME	512

/* struct memmgr_site.kind */
enum memmgr_site_kind {
	MEMMGR_SITE_KERNEL	= 1,	/* kernel code: @frame, the innermost first */
	MEMMGR_SITE_USER	= 2,	/* @offset in the file @name; empty: in no file */
};

/**
 * struct memmgr_site - where allocations come from
 * @id: as in memmgr_info.site
 * @kind: enum memmgr_site_kind
 * @live: allocations from there that live now
 * @live_bytes: bytes that these asked for
 * @allocs: allocations ever
 * @offset: of a user's site: in the file, as addr2line takes it of a position
 *	independent one
 * @frames: of kernel code
 * @uid: of who allocated there first
 * @frame: addresses of kernel code
 * @name: the file, or the names of kernel code's frames, one a line
 */
struct memmgr_site {
	__u32 id;
	__u32 kind;
	__u64 live;
	__u64 live_bytes;
	__u64 allocs;
	__u64 offset;
	__u32 frames;
	__u32 uid;
	__u64 frame[MEMMGR_SITE_FRAMES];
	char name[MEMMGR_SITE_NAME];
};

/**
 * struct memmgr_sites - list the sites of a region
 * @size: in: sizeof(struct memmgr_sites)
 * @flags: in: must be 0
 * @count: in: entries that fit, 1 .. MEMMGR_BATCH_MAX; out: entries written
 * @entry_size: in: sizeof(struct memmgr_site) as the caller knows it
 * @after: in: 0 at first; out: id of the last one written
 * @entries: in: pointer to @count entries of @entry_size bytes
 *
 * @count is 0 (out) when there are no more. Where kernel code and other users
 * allocate, CAP_SYS_ADMIN alone is told: others get @kind and the counts.
 */
struct memmgr_sites {
	__u32 size;
	__u32 flags;
	__u32 count;
	__u32 entry_size;
	__u64 after;
	__u64 entries;
};

/* struct memmgr_latency.flags and .state */
#define MEMMGR_LATENCY_ON	(1u << 0)
#define MEMMGR_LATENCY_OFF	(1u << 1)	/* what was measured stays */
#define MEMMGR_LATENCY_RESET	(1u << 2)	/* clear it; alone, or with one of the others */

/* What is measured: index of struct memmgr_latency.op */
#define MEMMGR_LATENCY_ALLOC	0u
#define MEMMGR_LATENCY_FREE	1u
#define MEMMGR_LATENCY_OPS	2u

/* Bucket i counts calls of 2^i to 2^(i+1) - 1 ns, 0 also 0 ns, the last what is longer */
#define MEMMGR_LATENCY_BUCKETS	32	/* the last from 2.1 s on */
#define MEMMGR_CALLER_LEN	48

/* struct memmgr_latency_worst.context: one of the first three, and what else holds */
#define MEMMGR_CONTEXT_PROCESS	(1u << 0)
#define MEMMGR_CONTEXT_SOFTIRQ	(1u << 1)
#define MEMMGR_CONTEXT_HARDIRQ	(1u << 2)
#define MEMMGR_CONTEXT_IRQS_OFF	(1u << 3)
#define MEMMGR_CONTEXT_KERNEL	(1u << 4)	/* a call of kernel code, not of a client */
#define MEMMGR_CONTEXT_FAILED	(1u << 5)	/* it did not get what it asked for */
#define MEMMGR_CONTEXT_HIDDEN	(1u << 6)	/* alone: not the caller's business */

/**
 * struct memmgr_latency_worst - the call that took longest, and how it came to be
 * @time_ns: when it ended, CLOCK_BOOTTIME
 * @bytes: asked for; of a free: of the allocation, of kernel code what was granted,
 *	0 when it failed
 * @context: MEMMGR_CONTEXT_*; 0: there was no call yet
 * @pid: thread group that was running; 0: an interrupt
 * @tid: thread that was running; 0: an interrupt
 * @uid: user id that was running; 0: an interrupt
 * @cpu: where it ended
 * @reserved: 0
 * @comm: command name of the thread
 * @caller: kernel code that called, as "function+0x10/0x20 [module]", or as much of
 *	that as there is room for; empty: a client's call
 *
 * CAP_SYS_ADMIN is told of all, others of what clients of their user id did: of
 * another's call and of kernel code they get MEMMGR_CONTEXT_HIDDEN and no more.
 */
struct memmgr_latency_worst {
	__u64 time_ns;
	__u64 bytes;
	__u32 context;
	__u32 pid;
	__u32 tid;
	__u32 uid;
	__u32 cpu;
	__u32 reserved;
	char comm[MEMMGR_COMM_LEN];
	char caller[MEMMGR_CALLER_LEN];
};

/**
 * struct memmgr_latency_op - how long one kind of call took
 * @count: calls; the sum of @bucket
 * @failed: of these, those that did not get what they asked for
 * @total_ns: in all of them
 * @min_ns: in the shortest
 * @max_ns: in the longest, which @worst describes
 * @worst: the longest; of several, the first
 * @bucket: calls by their length
 */
struct memmgr_latency_op {
	__u64 count;
	__u64 failed;
	__u64 total_ns;
	__u64 min_ns;
	__u64 max_ns;
	struct memmgr_latency_worst worst;
	__u64 bucket[MEMMGR_LATENCY_BUCKETS];
};

/**
 * struct memmgr_latency - measure how long allocations and frees of a heap take
 * @size: in: sizeof(struct memmgr_latency)
 * @heap: in: id of the heap
 * @flags: in: MEMMGR_LATENCY_ON or _OFF, and _RESET, which need CAP_SYS_ADMIN;
 *	0: only tell
 * @state: out: MEMMGR_LATENCY_ON when it is on
 * @since_ns: out: when it was cleared, or turned on first, CLOCK_BOOTTIME; 0: never
 * @op: out: by MEMMGR_LATENCY_ALLOC, _FREE
 *
 * A call is counted when it ends, for the heap that it names, if measuring was on
 * from its beginning to its end. It takes as long as its caller feels it inside the
 * module: with what it waits for memory and for compaction, with
 * the search in a fallback, and with the clearing of what it gets. The way into the
 * kernel and back is not in it, nor is what tracking (MEMMGR_IOC_TRACK) costs. While a
 * heap is measured kernel code takes a longer way than it does otherwise.
 *
 * Counted are allocations, also those of a batch, of a dma-heap and of kernel code,
 * that succeed or are refused for want of memory, records, quota or time, or on purpose;
 * and frees by handle or of kernel code, with those that are refused. Not counted are
 * calls that are malformed or not allowed, waits that a signal ends, resizes, releases
 * to a mark, and what goes with its client or heap.
 *
 * Turned off and on again it goes on where it was; it ends with its heap. EOPNOTSUPP
 * when the build has no MEMMGR_FEATURE_DEBUG.
 */
struct memmgr_latency {
	__u32 size;
	__u32 heap;
	__u32 flags;
	__u32 state;
	__u64 since_ns;
	struct memmgr_latency_op op[MEMMGR_LATENCY_OPS];
};

/*
 * mmap(): @map_offset (plus a multiple of the page size) of an allocation or a
 * private heap of this client, MAP_SHARED, without PROT_EXEC, inside what was
 * granted. A program with the personality READ_IMPLIES_EXEC gets a mapping that is not
 * executable. EINVAL otherwise, EACCES for what is another client's. Only whole
 * pages can be mapped: allocations of heap main and of shared heaps whose
 * blocks are whole pages; smaller blocks through their private heap. A private
 * slab heap maps as its slabs lie one after the other; a page of a slab that
 * it does not hold is SIGBUS.
 *
 * An allocation made with MEMMGR_ALLOC_GUARD begins one page behind its
 * @map_offset: the page before it and the page behind what was granted may be
 * mapped along, and touching them is SIGSEGV. Mapped whole it is two pages longer
 * than what was granted, in whole pages.
 *
 * With MEMMGR_ALLOC_MAY_SHIFT besides it may begin inside of a page, so that what is
 * wrong past its end faults: now and then, where MEMMGR_IOC_DEBUG asks for that. Then
 * @map_offset is no multiple of the page size, but says where in the page: map from
 * there rounded down, and two pages more than what was granted together with what
 * comes before it in its page; it begins one page behind the begin of the mapping,
 * and as far into that page. Its alignment is @align of the call, or 8 bytes, whatever
 * the heap's is.
 *
 * Where MEMMGR_REGION_PAGES is set, mappings can be the target of O_DIRECT,
 * vmsplice(), process_vm_readv() and the like; elsewhere those fail with EFAULT.
 * Debuggers (ptrace(), /proc/PID/mem) see and change what the program may, by the same
 * protection; without MEMMGR_REGION_PAGES not on 32-bit arm, whose kernel does not ask
 * drivers.
 *
 * VFIO (type 1) takes the addresses of mappings without MEMMGR_REGION_PAGES and is not
 * told when they change: PIN an allocation, or export it, before its mapping is given to
 * VFIO, and free it after VFIO let go.
 *
 * /dev/dma_heap/<region> takes DMA_HEAP_IOCTL_ALLOC of <linux/dma-heap.h>, by
 * its rules, and allocates from heap main.
 */

#define MEMMGR_IOC_QUERY		_IO(MEMMGR_IOC_MAGIC, 0x00)
#define MEMMGR_IOC_HEAP_CREATE		_IO(MEMMGR_IOC_MAGIC, 0x01)
#define MEMMGR_IOC_HEAP_DESTROY		_IO(MEMMGR_IOC_MAGIC, 0x02)
#define MEMMGR_IOC_HEAP_QUERY		_IO(MEMMGR_IOC_MAGIC, 0x03)
#define MEMMGR_IOC_ALLOC		_IO(MEMMGR_IOC_MAGIC, 0x04)
#define MEMMGR_IOC_FREE			_IO(MEMMGR_IOC_MAGIC, 0x05)
#define MEMMGR_IOC_RESIZE		_IO(MEMMGR_IOC_MAGIC, 0x06)
#define MEMMGR_IOC_ALLOC_BATCH		_IO(MEMMGR_IOC_MAGIC, 0x07)
#define MEMMGR_IOC_FREE_BATCH		_IO(MEMMGR_IOC_MAGIC, 0x08)
#define MEMMGR_IOC_MARK			_IO(MEMMGR_IOC_MAGIC, 0x09)
#define MEMMGR_IOC_RELEASE		_IO(MEMMGR_IOC_MAGIC, 0x0a)
#define MEMMGR_IOC_READ			_IO(MEMMGR_IOC_MAGIC, 0x0b)
#define MEMMGR_IOC_WRITE		_IO(MEMMGR_IOC_MAGIC, 0x0c)
#define MEMMGR_IOC_ALLOC_QUERY		_IO(MEMMGR_IOC_MAGIC, 0x0d)
#define MEMMGR_IOC_LIST			_IO(MEMMGR_IOC_MAGIC, 0x0e)
#define MEMMGR_IOC_STATS		_IO(MEMMGR_IOC_MAGIC, 0x0f)
#define MEMMGR_IOC_FRAG			_IO(MEMMGR_IOC_MAGIC, 0x10)
#define MEMMGR_IOC_CHECK		_IO(MEMMGR_IOC_MAGIC, 0x11)
#define MEMMGR_IOC_MAP			_IO(MEMMGR_IOC_MAGIC, 0x12)
#define MEMMGR_IOC_FAILURES		_IO(MEMMGR_IOC_MAGIC, 0x13)
#define MEMMGR_IOC_PROTECT		_IO(MEMMGR_IOC_MAGIC, 0x14)
#define MEMMGR_IOC_SYNC			_IO(MEMMGR_IOC_MAGIC, 0x15)
#define MEMMGR_IOC_EXPORT		_IO(MEMMGR_IOC_MAGIC, 0x16)
#define MEMMGR_IOC_ACCOUNTS		_IO(MEMMGR_IOC_MAGIC, 0x17)
#define MEMMGR_IOC_SET_QUOTA		_IO(MEMMGR_IOC_MAGIC, 0x18)
#define MEMMGR_IOC_EXPLAIN		_IO(MEMMGR_IOC_MAGIC, 0x19)
#define MEMMGR_IOC_COMPACT		_IO(MEMMGR_IOC_MAGIC, 0x1a)
#define MEMMGR_IOC_PIN			_IO(MEMMGR_IOC_MAGIC, 0x1b)
#define MEMMGR_IOC_UNPIN		_IO(MEMMGR_IOC_MAGIC, 0x1c)
#define MEMMGR_IOC_HEALTH		_IO(MEMMGR_IOC_MAGIC, 0x1d)
#define MEMMGR_IOC_INJECT		_IO(MEMMGR_IOC_MAGIC, 0x1e)
#define MEMMGR_IOC_TRACK		_IO(MEMMGR_IOC_MAGIC, 0x1f)
#define MEMMGR_IOC_SITES		_IO(MEMMGR_IOC_MAGIC, 0x20)
#define MEMMGR_IOC_LATENCY		_IO(MEMMGR_IOC_MAGIC, 0x21)
#define MEMMGR_IOC_DEBUG		_IO(MEMMGR_IOC_MAGIC, 0x22)
#define MEMMGR_IOC_CORRUPTIONS		_IO(MEMMGR_IOC_MAGIC, 0x23)
#define MEMMGR_IOC_HEAP_RIGHTS		_IO(MEMMGR_IOC_MAGIC, 0x24)

#endif /* _UAPI_LINUX_MEMMGR_H */
