/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR MIT */
/*
 * memmgr: reserved memory, handed out by five allocators.
 *
 * This is the ABI of /dev/memmgr (and of /dev/memmgr1, ... for further regions).
 *
 * Every call takes one structure. Its first field, @size, is the size of the structure
 * as the caller knows it. A longer structure is accepted if the part that this kernel
 * does not know is zero (-E2BIG otherwise). A shorter structure is read as if the rest
 * were zero, but it must not be shorter than its first published form (-EINVAL).
 * Unknown flags and non-zero reserved fields are refused with -EINVAL, unknown commands
 * with -ENOTTY. All layouts are the same for 32 and 64 bit callers; pointers are passed
 * as __u64.
 *
 * If a call has results, its structure must be writable, as far as this kernel knows
 * it. The kernel checks this before it does anything, so -EFAULT for the structure means
 * that nothing has changed. HEAP_DESTROY, FREE, PROTECT, SYNC and SET_QUOTA have no
 * results: they write nothing, and their structures may lie in read-only memory. If
 * another thread takes the memory away during the call, -EFAULT comes after the work.
 * New heaps, allocations, batches, pins and descriptors are then unmade; memory that was
 * resized, freed, released, unpinned, moved, copied or set stays so.
 *
 * Arrays that a structure points to are written entry by entry. After -EFAULT for an
 * entry, @count is the number of entries written before it. If a list is called again, it
 * continues with the entry that failed.
 *
 * Words: a *region* is one range of memory with one device node; a *heap* is
 * an allocator inside it (heap 0, "main", is the region's root buddy); a
 * *block* is a piece that an allocator handed out; an *allocation* is a block
 * with a record and a *handle*; a *client* is one open file; a *persistent*
 * allocation outlives its client and belongs to a user id.
 *
 * Errors have the same meaning in every call:
 *
 *	EINVAL		an argument is malformed: size or count 0, not a power
 *			of two, unknown flag, non-zero reserved field,
 *			structure too short, string not terminated
 *	E2BIG		the structure is longer than this kernel knows and the
 *			unknown part is not zero, or it is longer than 4,096 bytes
 *	EFAULT		a pointer does not lead to the caller's memory
 *	ENODEV		the device of the region was removed; mappings, dma-bufs
 *			and close() still work
 *	ENOTTY		unknown command
 *	ENOENT		no such heap
 *	EBADF		no such handle: never issued, forged, or already freed
 *	EACCES		the handle or private heap belongs to another client; or the
 *			heap's mode does not allow the call; or the call changes
 *			something and the file was opened read-only; or the protection
 *			of the allocation does not allow the call
 *	EPERM		the call needs CAP_SYS_ADMIN or the heap's owner, or the
 *			allocation is sealed
 *	EEXIST		a heap of that name exists
 *	ENOMEM		the heap cannot serve the request; @reason is the reason,
 *			@largest is the size that would have worked
 *	ENOSPC		no free record or heap slot; or the books of a heap would cost
 *			more than its memory is worth (@reason: RECORDS); or no room in
 *			the mmap() offsets (WINDOWS) or for more pins
 *	EDQUOT		the client or its user has reached a limit (@reason: QUOTA);
 *			@largest is the rest that it may still have
 *	ETIMEDOUT	the time of a waiting allocation ran out
 *	EINTR		a signal interrupted a waiting allocation, or killed the task
 *			that was making a heap
 *	EBUSY		the heap has live allocations or users; or another call, a
 *			device or I/O uses the block; or a stack block is not the top
 *			one
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
 * @MEMMGR_KIND_BUDDY: blocks of any size, in granules
 * @MEMMGR_KIND_SLAB: objects of one size; the heap takes slabs from main as it grows
 * @MEMMGR_KIND_POOL: blocks of one size, all set aside at the start; predictable
 * @MEMMGR_KIND_STACK: last in, first out, with marks; for temporary memory
 * @MEMMGR_KIND_TLSF: blocks of any size, in granules, each in constant time
 * @MEMMGR_KINDS: their number
 */
enum memmgr_kind {
	MEMMGR_KIND_BUDDY	= 0,
	MEMMGR_KIND_SLAB	= 1,
	MEMMGR_KIND_POOL	= 2,
	MEMMGR_KIND_STACK	= 3,
	MEMMGR_KIND_TLSF	= 4,
	MEMMGR_KINDS		= 5,
};

/**
 * enum memmgr_reason - why a request failed
 * @MEMMGR_REASON_NONE: it did not fail
 * @MEMMGR_REASON_EXHAUSTED: less memory is free than was asked for
 * @MEMMGR_REASON_FRAGMENTED: enough memory is free, but no single run is long enough
 * @MEMMGR_REASON_ALIGNMENT: a run is long enough, but not at this alignment
 * @MEMMGR_REASON_QUOTA: the client or its user has reached a limit
 * @MEMMGR_REASON_RECORDS: the heap's max_allocations is reached
 * @MEMMGR_REASON_PINNED: memory in the way may not move
 * @MEMMGR_REASON_TOO_LARGE: larger than this heap can ever serve
 * @MEMMGR_REASON_LIMIT: the heap reached its own size limit
 * @MEMMGR_REASON_PARENT: the heap could not get more memory from main
 * @MEMMGR_REASON_TIMEOUT: nothing was freed in time
 * @MEMMGR_REASON_BLOCKED: resize in place: the memory behind the block is in use
 * @MEMMGR_REASON_INJECTED: MEMMGR_IOC_INJECT made the request fail
 * @MEMMGR_REASON_WINDOWS: making a heap: the mmap() offsets have no room for its
 *	allocations; a lower max_allocations needs less room
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
#define MEMMGR_FEATURE_MOVE	(1ull << 5)	/* COMPACT, EXPLAIN and HEALTH work */
#define MEMMGR_FEATURE_TLSF	(1ull << 6)

/* struct memmgr_query.region_flags */
#define MEMMGR_REGION_RESERVED		(1u << 0)	/* memory set aside at boot */
#define MEMMGR_REGION_CONTIGUOUS	(1u << 1)	/* physically contiguous */
#define MEMMGR_REGION_DT		(1u << 2)	/* described by device tree */
#define MEMMGR_REGION_JOIN		(1u << 3)	/* buddies join unaligned runs */
#define MEMMGR_REGION_WRITE_COMBINE	(1u << 4)	/* all mappings are write-combining */
#define MEMMGR_REGION_UNCACHED		(1u << 5)	/* all mappings are uncached memory */
#define MEMMGR_REGION_PAGES		(1u << 6)	/* direct I/O into mappings works */
#define MEMMGR_REGION_DEVICE		(1u << 7)	/* device mappings: aligned access only */

/**
 * struct memmgr_query - describe the region behind this file
 * @size: in: sizeof(struct memmgr_query)
 * @flags: in: must be 0
 * @features: out: MEMMGR_FEATURE_*
 * @region_size: out: bytes
 * @phys: out: physical address; 0 without CAP_SYS_ADMIN or if the memory is not contiguous
 * @max_align: out: largest alignment in bytes that an allocation may ask for. It holds for
 *	the physical address, or for the offset if the memory is not contiguous
 * @granule: out: bytes of the smallest unit of heap main
 * @region_flags: out: MEMMGR_REGION_*
 * @region: out: number of the region, 0 is /dev/memmgr
 * @heaps: out: number of heaps
 * @name: out: name of the region
 * @kernel_bytes: out: system memory that the books of the region and of all its heaps take,
 *	without the module itself, page tables, and what debugging features take while on
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
	__u64 kernel_bytes;
};

/*
 * Rights to a heap. A private heap belongs to its client alone. Any other heap has an
 * owner, a group and a mode of read and write bits, like a file. The mode is 0666 unless
 * the maker of the heap sets another. As for a file, the bits of owner, group or others
 * apply; the first of these that the caller belongs to decides.
 *
 *	read	to see the heap: HEAP_QUERY, LIST, STATS, FRAG, CHECK, EXPLAIN, MARK, and
 *		the answers of COMPACT, DEBUG, TRACK, LATENCY and INJECT about it. Without
 *		this right, a call by name fails with ENOENT and one by id with EACCES; an
 *		enumeration leaves the heap out
 *	write	to allocate from the heap, directly or as a fallback, and to grow one's own
 *		allocations there; for main also: to make private heaps, which take their
 *		memory from main
 *
 * When rights change, an allocation still belongs to its client, to use and to free.
 * CAP_SYS_ADMIN gives sight of all heaps, and allows to allocate from all but those of
 * mode 0. A heap of mode 0 is for kernel code alone. Kernel code needs no rights.
 *
 * Some calls tell something about heaps that the caller may not see, private heaps of
 * other clients included. (That an id or a name is in use is no secret.)
 *
 *	QUERY		the number of heaps, and what all of them take of the system's memory
 *	HEAP_CREATE	EEXIST: its name
 *	HEAP_QUERY	its id, if a visible heap falls back on it
 *	ALLOC, handles	its id, to the client whose allocation lies in it
 *	MAP		where its memory is; the heap shows as MEMMGR_HEAP_ANY
 *	FAILURES	requests that it refused; @heap is MEMMGR_HEAP_ANY, @heap_name "(private)"
 *	CORRUPTIONS	of the caller's own allocations and calls; @heap_name is "(private)"
 *	ACCOUNTS	how many private heaps a client has
 *	events, HEALTH	of main: its usage and its fragmentation
 *	SITES, dma-bufs	nothing
 *
 * FAILURES and CORRUPTIONS name a heap that is gone to CAP_SYS_ADMIN and to the client whose
 * private heap it was. The files in debugfs are for root alone and show everything.
 *
 * So a driver should give mode 0 to a pool whose blocks users shall not take, and to a
 * stack that it releases to marks: a user's block above a mark makes a release fail with
 * EBUSY.
 */
#define MEMMGR_ID_CALLER	0xffffffffu	/* uid, gid: the caller's own */

/* struct memmgr_heap_create.flags */
#define MEMMGR_HEAP_PRIVATE	(1u << 0)	/* for this client alone; may be mapped whole */
#define MEMMGR_HEAP_FALLBACK	(1u << 1)	/* @fallback is valid */
#define MEMMGR_HEAP_NO_JOIN	(1u << 2)	/* buddy, tlsf: no slow path, for real time */
#define MEMMGR_HEAP_MODE	(1u << 3)	/* @mode, @uid, @gid are valid; not if private */

/**
 * struct memmgr_heap_create - make a heap
 * @size: in: sizeof(struct memmgr_heap_create)
 * @flags: in: MEMMGR_HEAP_PRIVATE, _FALLBACK, _NO_JOIN, _MODE
 * @name: in: unique in the region; letters, digits, '-', '_', '.'. The name of a
 *	private heap must be unique too, although only its client sees it
 * @kind: in: enum memmgr_kind
 * @heap: out: id of the heap
 * @bytes: in: buddy, tlsf, stack: size of the arena, rounded up to pages. Slab: the limit of
 *	its growth (0: 1/16 of the region, at least 1 MiB and the memory of @count
 *	objects). Pool: 0, or at least @count blocks; the arena's size follows from
 *	@count
 * @object_size: in: bytes of a slab's object or a pool's block; 0 for other kinds. In a
 *	private slab heap at most 64 KiB
 * @align: in: slab, pool: alignment of each object (0: 8 bytes); 0 for other kinds
 * @count: in: pool: number of blocks; slab: objects to preallocate; 0 for other kinds
 * @granule: in: buddy: 32 or a larger power of two up to the page size (0: the page size);
 *	tlsf: 16 or a larger one (0: 16); 0 for other kinds
 * @max_allocations: in: size of the record table, at most 2^24. 0: for a pool @count;
 *	for other kinds the largest possible number of live allocations, at most 4096,
 *	and fewer without CAP_SYS_ADMIN, see below
 * @fallback: in: with MEMMGR_HEAP_FALLBACK: the heap that serves when this heap cannot.
 *	It must not have a fallback itself
 * @map_offset: out: private heaps: offset for mmap() of the whole arena
 * @map_size: out: private heaps: bytes that may be mapped
 * @reason: out: after ENOMEM, EDQUOT or ENOSPC: enum memmgr_reason. NONE: the system has
 *	no memory for the heap's books. RECORDS: the region has its largest number of
 *	heaps, or the books of the new heap would cost too much
 * @reserved: 0
 * @largest: out: after a failure: the largest arena that would have worked
 * @mode: in: with MEMMGR_HEAP_MODE: mode as above; otherwise 0, which stands for 0666
 * @uid: in: with MEMMGR_HEAP_MODE: owner, or MEMMGR_ID_CALLER; otherwise 0, which stands
 *	for the caller
 * @gid: in: with MEMMGR_HEAP_MODE: group; the rest as for @uid
 * @pad: 0
 *
 * To make a heap that is not private needs CAP_SYS_ADMIN. A private heap is destroyed
 * when its client closes.
 *
 * A private heap takes all the system memory that it ever needs when it is made: struct
 * memmgr_heap_query.kernel_bytes. A shared heap takes the memory for its record table when a
 * program first allocates in it, and no more after that; without memory that call answers
 * ENOMEM with @reason NONE. A shared slab heap without objects to preallocate takes the memory
 * for the books of its slabs then, too, or when kernel code first gets the heap. With the
 * module parameter realtime=1 a shared heap is like a private one. For a private heap the memory
 * counts against the quota of its client, like the memory that the heap holds. Without
 * CAP_SYS_ADMIN it is at most 1/16 of the memory that the heap holds (1/8 for slabs and pools of
 * objects that take 16 bytes or less), plus 12 KiB and a page. If @max_allocations is 0, the
 * table is as large as this limit allows for the memory that the heap holds from the start; for
 * slabs of whole pages, for the memory that the heap holds once its records are used up. A
 * caller may ask for more, up to the size of the arena or limit; beyond that the call fails with
 * ENOSPC.
 *
 * If a fatal signal comes, the call fails with EINTR and makes no heap.
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
 * struct memmgr_heap_rights - change owner, group or mode of a heap
 * @size: in: sizeof(struct memmgr_heap_rights)
 * @flags: in: MEMMGR_RIGHTS_*, at least one
 * @heap: in: id, also MEMMGR_HEAP_MAIN; not a private heap (EINVAL)
 * @mode: in: as for chmod(), but only read and write bits
 * @uid: in: as for chown()
 * @gid: in: as for chown()
 *
 * @uid and @gid are ignored if their flag is not set; @mode must be valid in any case.
 * EPERM unless the caller has CAP_SYS_ADMIN or owns the heap; an owner may change the mode,
 * and the group to another group of his. ENOSPC if a heap that was made with mode 0 shall
 * be opened to users and the mmap() offsets have no room for it.
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
#define MEMMGR_DESTROY_FORCE	(1u << 0)	/* free its allocations first */

/**
 * struct memmgr_heap_destroy - destroy a heap
 * @size: in: sizeof(struct memmgr_heap_destroy)
 * @flags: in: MEMMGR_DESTROY_FORCE
 * @heap: in: id; never MEMMGR_HEAP_MAIN
 * @reserved: 0
 *
 * EBUSY if allocations live in the heap (without FORCE), if kernel code holds it or
 * blocks of it, if another heap falls back on it, if another client has pinned an
 * allocation in it, or while it is being compacted. The caller needs CAP_SYS_ADMIN,
 * unless it is the client of the private heap.
 */
struct memmgr_heap_destroy {
	__u32 size;
	__u32 flags;
	__u32 heap;
	__u32 reserved;
};

/* struct memmgr_heap_query.flags */
#define MEMMGR_QUERY_NAME	(1u << 0)	/* look up by @name, not by @heap */
#define MEMMGR_QUERY_NEXT	(1u << 1)	/* find the first heap with an id >= @heap */

/**
 * struct memmgr_heap_query - describe a heap
 * @size: in: sizeof(struct memmgr_heap_query)
 * @flags: in: MEMMGR_QUERY_NAME or _NEXT
 * @name: in with MEMMGR_QUERY_NAME, out otherwise
 * @heap: in: id (ignored with _NAME); out: the id
 * @kind: out: enum memmgr_kind
 * @heap_flags: out: MEMMGR_HEAP_*
 * @granule: out: smallest unit in bytes (slab, pool: distance between two objects)
 * @bytes: out: size of the arena, or limit
 * @held: out: bytes of main that the heap holds now (main: region size)
 * @object_size: out: slab, pool
 * @align: out: alignment that every block has at least
 * @max_align: out: largest alignment that may be asked for
 * @count: out: pool: blocks; slab: objects in a slab
 * @max_allocations: out: size of the record table
 * @fallback: out: with MEMMGR_HEAP_FALLBACK in @heap_flags: heap id
 * @offset: out: offset of the arena in the region; ~0 for a slab heap
 * @map_offset: out: a private heap of this client: offset for mmap()
 * @map_size: out: a private heap of this client: bytes that may be mapped
 * @mode: out: read and write bits; private: 0600
 * @uid: out: owner
 * @gid: out: group
 * @pad: 0
 * @kernel_bytes: out: system memory outside of the region that the heap uses now
 * @reserved: 0
 *
 * With MEMMGR_QUERY_NEXT, ENOENT ends an enumeration. Only CAP_SYS_ADMIN sees the
 * private heaps of other clients.
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
#define MEMMGR_ALLOC_NO_FALLBACK (1u << 2)	/* try this heap only */
#define MEMMGR_ALLOC_GUARD	(1u << 3)	/* mappings have guard pages, see mmap() below */
#define MEMMGR_ALLOC_NO_ZERO	(1u << 4)	/* not cleared; needs CAP_SYS_ADMIN */
#define MEMMGR_ALLOC_MAY_COMPACT (1u << 5)	/* move others out of the way before failing */
#define MEMMGR_ALLOC_MAY_SHIFT	(1u << 6)	/* with _GUARD: may begin inside a page */
#define MEMMGR_ALLOC_POPULATE	(1u << 7)	/* a touch maps much at once, see mmap() below */
#define MEMMGR_POPULATE_BYTES	(4u << 20)	/* so much, at most */

/**
 * struct memmgr_alloc - make an allocation
 * @size: in: sizeof(struct memmgr_alloc)
 * @heap: in: id of the heap
 * @flags: in: MEMMGR_ALLOC_*
 * @timeout_ms: in: with MEMMGR_ALLOC_WAIT: longest wait; 0: no limit
 * @bytes: in: size
 * @align: in: power of two, 0 for the heap's own alignment. It holds for the physical
 *	address, or for the offset if the memory is not contiguous
 * @tag: in: a name for people, NUL terminated, may be empty
 * @handle: out: name of the allocation from now on
 * @offset: out: its offset in the region
 * @granted: out: bytes that the program may use: all that the allocation occupies, or
 *	@bytes if errors are looked for beside it
 * @map_offset: out: offset for mmap(); ~0 if the allocation cannot be mapped. With
 *	MEMMGR_ALLOC_MAY_SHIFT it may lie inside a page, see mmap() below
 * @reason: out: after a failure: enum memmgr_reason
 * @from: out: the heap that served the request: @heap or its fallback
 * @largest: out: after a failure: the largest size that is known to have worked
 * @site: in: place in the program that asks for the allocation: an address inside the
 *	calling instruction (its return address less 1); 0: not told
 * @exact: out: after a failure. 1: no size above @largest would have worked. 0: a larger
 *	size might have worked, because others allocated or freed meanwhile, or because of
 *	a quota or red zones; EXPLAIN gives the exact answer
 * @pad: 0
 *
 * The memory reads as zeros. With MEMMGR_ALLOC_NO_ZERO, in a heap that is not private, it
 * keeps what others left there. Results are written back after a failure too. The memory
 * that an allocation occupies counts against the quota of the client and its user,
 * persistent or not, until it is freed. A private heap counts as one allocation of all
 * the memory that it holds; allocations inside it do not count again.
 *
 * While no pin holds an allocation, memmgr may move it in the region. Its mappings stay
 * and show the same bytes; @offset changes. A request with MEMMGR_ALLOC_MAY_COMPACT that
 * fails only because of fragmentation, in a shared buddy or tlsf heap, or in main for a slab heap,
 * is tried again after compaction, and takes that much longer. If memory in the way may
 * not move, @reason is PINNED.
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
 * @handle: in: an allocation of this client, or a persistent one of this user id
 *
 * Its mappings are removed first; a later access to one raises SIGBUS. If the allocation
 * was exported or is still the target of I/O, its handle ends now, and its memory is freed
 * when the last user is gone.
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
 * @granted: out: bytes that the program may use now, as in struct memmgr_alloc
 * @reason: out: after a failure: enum memmgr_reason
 * @exact: out: after a failure: as in struct memmgr_alloc
 * @largest: out: after a failure: the largest size that it could have here
 *
 * Added memory reads as zeros: what lies beyond the old size, even where the program used
 * what was granted beyond it. Memory that is cut off is no longer mapped. A stack
 * resizes only its top block. EBUSY if the allocation is exported, or if the part to be
 * cut off is the target of I/O; EPERM if it is sealed.
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
 * struct memmgr_alloc_batch - make many allocations of one size
 * @size: in: sizeof(struct memmgr_alloc_batch)
 * @heap: in: id of the heap
 * @flags: in: MEMMGR_ALLOC_PERSISTENT, _NO_FALLBACK, _GUARD, _NO_ZERO, _MAY_COMPACT,
 *	_MAY_SHIFT, _POPULATE
 * @count: in: number wanted, 1 .. MEMMGR_BATCH_MAX; out: number made
 * @bytes: in: size of each
 * @align: in: alignment of each
 * @tag: in: tag of each
 * @handles: in: pointer to __u64[count]; the first @count (out) are written
 * @reason: out: if fewer were made than wanted: enum memmgr_reason
 * @exact: out: the same, as in struct memmgr_alloc
 * @largest: out: the same
 * @site: in: as in struct memmgr_alloc
 *
 * Makes as many as possible. The call fails if not even one could be made, and with
 * EFAULT if a handle could not be written; the allocation of this handle is freed again.
 * Whatever the call returns, @count is the number made and written. A signal that kills
 * the caller ends the call.
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
 * struct memmgr_free_batch - free many allocations
 * @size: in: sizeof(struct memmgr_free_batch)
 * @flags: in: must be 0
 * @count: in: number of handles, 1 .. MEMMGR_BATCH_MAX; out: number freed
 * @reserved: 0
 * @handles: in: pointer to __u64[count]
 *
 * Frees in order and stops at the first allocation that it may not free. The call then
 * fails with the error of that one, and @count is its index.
 */
struct memmgr_free_batch {
	__u32 size;
	__u32 flags;
	__u32 count;
	__u32 reserved;
	__u64 handles;
};

/**
 * struct memmgr_mark - mark the height of a stack heap, or release to a mark
 * @size: in: sizeof(struct memmgr_mark)
 * @heap: in: id of a stack heap
 * @flags: in: must be 0
 * @released: out: RELEASE: number of allocations freed
 * @mark: MARK: out, RELEASE: in
 *
 * RELEASE frees everything that was allocated since the mark. EBUSY, and nothing is
 * freed, if an allocation of another client lies above the mark. EINVAL if the stack is
 * already below the mark.
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
 * @bytes: in: bytes to copy, within the requested size of the allocation; out: bytes
 *	copied (fewer with EFAULT)
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
#define MEMMGR_INFO_LEASED	(1u << 5)	/* a client has a real-time lease on it */
#define MEMMGR_INFO_KERNEL	(1u << 6)	/* a block of kernel code, see MEMMGR_IOC_TRACK */

/* struct memmgr_info.access and memmgr_protect.access */
#define MEMMGR_ACCESS_NONE	0u
#define MEMMGR_ACCESS_READ	(1u << 0)
#define MEMMGR_ACCESS_WRITE	(1u << 1)	/* only together with READ */

/**
 * struct memmgr_info - describe one allocation
 * @size: in (ALLOC_QUERY): sizeof(struct memmgr_info); out in a list
 * @flags: MEMMGR_ALLOC_* that it was made with; in (ALLOC_QUERY): must be 0
 * @handle: in (ALLOC_QUERY)
 * @offset: offset of the block in the region
 * @phys: physical address; 0 without CAP_SYS_ADMIN or if the memory is not contiguous
 * @bytes: requested size
 * @granted: as in struct memmgr_alloc
 * @align: requested alignment
 * @map_offset: offset for mmap(), ~0 if this client cannot map it. It lies inside a page
 *	if the allocation was made with MEMMGR_ALLOC_MAY_SHIFT and is shifted
 * @time_ns: time of the allocation, CLOCK_BOOTTIME
 * @heap: id of its heap
 * @state: MEMMGR_INFO_*
 * @pid: thread group of its maker
 * @tid: thread of its maker
 * @uid: user id of its owner
 * @pins: number of pins and leases that keep it in place
 * @comm: command name of its maker
 * @tag: as given
 * @client: serial of the client that it is charged to; 0 in a private heap
 * @violations: accesses that its protection or its guard pages stopped
 * @access: MEMMGR_ACCESS_* that is allowed now
 * @exports: number of dma-bufs of it
 * @moves: how often it was moved
 * @lease_faults: page faults in its mappings during leases, since the first of the
 *	present leases began. 0 if the lease was taken after mapping the allocation
 * @site: id of its site, see MEMMGR_IOC_SITES; 0: not known
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
#define MEMMGR_LIST_MINE	(1u << 0)	/* only allocations that this client may use */
#define MEMMGR_LIST_KERNEL	(1u << 1)	/* blocks of kernel code; needs CAP_SYS_ADMIN */

/**
 * struct memmgr_list - list allocations
 * @size: in: sizeof(struct memmgr_list)
 * @flags: in: MEMMGR_LIST_*
 * @heap: in: id, or MEMMGR_HEAP_ANY
 * @count: in: entries that fit, 1 .. MEMMGR_BATCH_MAX; out: entries written
 * @entry_size: in: sizeof(struct memmgr_info) as the caller knows it
 * @reserved: 0
 * @cursor: in: 0 for the first call, then the value of the last call; out: 0 at the end
 * @entries: in: pointer to @count entries of @entry_size bytes
 *
 * An allocation that lives during the whole enumeration appears exactly once. All callers
 * see the allocations of other clients, but with handle 0. Only CAP_SYS_ADMIN sees those
 * in private heaps of other clients. Blocks of kernel code are listed only for tracked
 * heaps, and only if they were made after MEMMGR_IOC_TRACK.
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
 * @live: live allocations and blocks of kernel code
 * @total: bytes that the heap can hand out (arena; slab: held now)
 * @used: bytes granted
 * @free: bytes not granted
 * @peak: highest @used ever
 * @requested: bytes that were asked for all live blocks, with their red zones; @used -
 *	@requested is wasted
 * @largest: a size that one request would get now. It costs as few steps as the rest, so
 *	it is at least a quarter of the longest free run, and mostly all of it
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
 * @zero_ns: time that the clearing took, in nanoseconds
 * @violations: accesses that protection or guard pages stopped. A write through a mapping
 *	that the program itself made read-only does not count
 * @injected: requests that MEMMGR_IOC_INJECT made fail
 *
 * While an allocation moves, it has two places, and @live, @used and @requested count both.
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
 * @unit: out: bytes of order 0 (buddy, tlsf: granule; slab, pool: distance between two
 *	objects; stack: 8)
 * @free: out: free bytes
 * @largest: out: bytes of the largest run that one request can get
 * @free_blocks: out: number of free blocks of all orders
 * @external: out: 1000 x (1 - largest / free); 0 if nothing is free, and for slab and
 *	pool, because any free object serves any request there
 * @internal: out: 1000 x wasted / granted; 0 if nothing is granted
 * @blocks: out: free blocks of exactly this order
 * @unusable: out: unusable free space index of each order, 0 .. 1000
 * @index: out: fragmentation index of each order. -1000: a request of this order would
 *	succeed; near 0 it would fail for lack of memory, near 1000 because of
 *	fragmentation; 0 if nothing is free
 * @aligned: out: bytes of the largest run that starts at a multiple of 2^o units. Like
 *	@largest it is found in a few steps, so it is a lower bound (EXPLAIN is exact)
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
 * @MEMMGR_FIXED_NONE: it may be moved
 * @MEMMGR_FIXED_PINNED: pinned, leased, guarded, or between red zones
 * @MEMMGR_FIXED_EXPORTED: exported as a dma-buf
 * @MEMMGR_FIXED_SEALED: sealed, which includes its place
 * @MEMMGR_FIXED_KERNEL: held by kernel code, or the arena of another heap
 * @MEMMGR_FIXED_BUSY: a call uses it right now
 * @MEMMGR_FIXED_IO: it is the target of I/O
 * @MEMMGR_FIXED_NO_ROOM: no free run elsewhere is long enough
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

#define MEMMGR_FIXED_ROOM	16u	/* room for reasons in structures; unused: 0 */

/**
 * struct memmgr_explain - explain why a request would fail, and what would help
 * @size: in: sizeof(struct memmgr_explain)
 * @heap: in: id of a buddy heap
 * @flags: in: must be 0
 * @reason: out: why the request would fail now; NONE: it would succeed
 * @bytes: in: size of the request; 0: no request, only the other answers
 * @align: in: 0 or a power of two
 * @unit: out: bytes of a granule of the heap
 * @free: out: free bytes
 * @largest: out: largest request that would succeed now at this alignment
 * @possible: out: largest run at this alignment that moving blocks could make
 * @move_bytes: out: fewest bytes that have to move before the request succeeds; ~0:
 *	moving does not help
 * @move_offset: out: offset in the region of the run that these moves make
 * @moves: out: number of blocks that have to move
 * @free_runs: out: number of maximal free runs
 * @movable: out: bytes of blocks that may move
 * @fixed: out: bytes of blocks that may not, by enum memmgr_fixed
 * @runs: out: maximal free runs of 2^o up to 2^(o+1) - 1 granules
 * @aligned: out: bytes of the largest run that starts at a multiple of 2^o granules
 * @best_offset: out: offset in the region of the movable block whose removal would leave
 *	the longest free run; ~0: there is none
 * @best_bytes: out: its size
 * @best_run: out: bytes of this run
 *
 * The call walks the whole heap in small steps, and may or may not see what others do
 * meanwhile. @reason and @largest are the answers that ALLOC would give now. If
 * @move_bytes is ~0, @move_offset is ~0 and @moves is 0. Alignments hold for physical
 * addresses, or for offsets if the memory is not contiguous, up to @max_align of the heap.
 * EOPNOTSUPP for other kinds than buddy.
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
#define MEMMGR_COMPACT_DRY_RUN	(1u << 0)	/* plan only, and report the plan */
#define MEMMGR_COMPACT_RANGE	(1u << 1)	/* empty the range @offset, @bytes */

#define MEMMGR_COMPACT_STEP	65536u		/* default of step_bytes */
#define MEMMGR_COMPACT_NS	10000000000ull	/* default of max_ns: 10 s */
#define MEMMGR_COMPACT_SLIDE	16u		/* longest block that may slide, in steps */

/**
 * struct memmgr_compact - move allocations to make free runs
 * @size: in: sizeof(struct memmgr_compact)
 * @heap: in: id of a shared buddy, tlsf or slab heap
 * @flags: in: MEMMGR_COMPACT_*
 * @reason: out: with ENOMEM: enum memmgr_reason
 * @bytes: in: size of the free run that is wanted; the call does no more than this run
 *	needs. 0: make the longest runs possible. With _RANGE: size of the range
 * @align: in: alignment of this run: 0 or a power of two
 * @offset: in with _RANGE: start of the range, in the region; out: start of the run that
 *	was made, ~0: none
 * @step_bytes: in: largest number of bytes that one step moves, in whole granules (0: 64
 *	KiB)
 * @max_bytes: in: move not much more than this in the call (0: twice the heap's size)
 * @max_ns: in: begin no move after this time, in nanoseconds, which includes waiting for
 *	another compaction of the region (0: 10 s)
 * @moved: out: bytes moved; in a dry run: bytes that would be moved
 * @least: out: lower bound of the bytes that had to be moved for this request
 * @left: out: bytes that are still to be moved. Not 0 if @max_bytes, @max_ns or a signal
 *	ended the call early, or if others changed the heap as fast as it was compacted
 * @before: out: largest free run before the call
 * @after: out: largest free run after the call; in a dry run: as predicted
 * @free: out: free bytes
 * @moves: out: blocks moved
 * @steps: out: steps that these moves took
 * @longest_ns: out: duration of the longest step, in nanoseconds
 * @longest_bytes: out: bytes that the longest step moved
 * @stayed: out: bytes of blocks that were in the way and could not be moved, by
 *	enum memmgr_fixed
 * @slabs: out: slab heap: slabs given back
 * @reserved: 0
 *
 * @least, @before and @stayed describe the heap when the call began, or failed. @after
 * describes it when the call ends, also with EINTR and ENOMEM.
 *
 * Programs keep their pointers into mapped memory that moves, and see the same bytes. An
 * access or a call that uses a block has priority: its move is called off and tried
 * again. A block that is in use all the time stays (BUSY). If a block slides, which means
 * that it moves onto a part of its own old place, the move cannot be called off once it has
 * begun. A program that touches the block then copies the part before that page itself,
 * and a call copies all of it. So only blocks of at most 16 times @step_bytes slide. No
 * task waits for the compacting task, except in MEMMGR_PIN_LEASE, while the mappings of
 * this very allocation are being removed.
 *
 * The call needs CAP_SYS_ADMIN unless it is a dry run. For a slab heap it merges sparse
 * slabs, and takes neither @bytes nor _RANGE. EINTR if a signal came: completed moves stay
 * and are reported. ENOMEM if the wanted run cannot be made; @reason is PINNED if memory
 * that may not move is in the way. EBUSY if another compaction of the region did not end
 * within @max_ns. EOPNOTSUPP for private heaps, pools and stacks.
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
 * struct memmgr_pin - keep an allocation in its place, or let it move again
 * @size: in: sizeof(struct memmgr_pin)
 * @flags: in: MEMMGR_PIN_LEASE
 * @handle: in: the allocation
 * @offset: out: offset in the region; it does not change while there is a pin
 * @phys: out: physical address; 0 without CAP_SYS_ADMIN or if the memory is not contiguous
 * @pins: out: all pins and leases of the allocation
 * @mine: out: those of this client and of the kind that @flags names
 *
 * Pins count: each PIN needs an UNPIN with the same @flags (EINVAL if there is no such
 * pin). A pin belongs to the client that made it, and ends with the client or with the
 * allocation. A client may free an allocation that it has pinned itself, but not one that
 * another client has pinned (EBUSY). No pin asks the system for memory. A client can pin
 * 128 persistent allocations at a time (ENOSPC), and any number of its own.
 *
 * A lease is a pin for real time. It makes all pages present that the calling process has
 * mapped of the allocation, writable if they may be written, so that no access faults (see
 * memmgr_info.lease_faults). So map first, then take the lease. EFAULT if a page could not
 * be made present. EOPNOTSUPP (LEASE only) for memory that never moves and cannot be
 * mapped: blocks of heaps whose blocks are smaller than pages.
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
#define MEMMGR_HEALTH_ON	(1u << 1)	/* the health worker compacts the region */

/* struct memmgr_health.state */
#define MEMMGR_HEALTH_LOW	(1u << 0)	/* usage is above warn_above */
#define MEMMGR_HEALTH_FRAGMENTED (1u << 1)	/* fragmentation is above compact_above */
#define MEMMGR_HEALTH_AT_WORK	(1u << 2)	/* the worker compacts now */

/**
 * struct memmgr_health - thresholds and state of a region
 * @size: in: sizeof(struct memmgr_health)
 * @flags: in: 0, or MEMMGR_HEALTH_SET and the new state of _ON; out: _ON
 * @state: out: MEMMGR_HEALTH_LOW, _FRAGMENTED, _AT_WORK
 * @compact_above: external fragmentation of heap main above which it is compacted,
 *	in thousandths (default 300); in with _SET
 * @warn_above: usage of the region above which it is low on memory, in thousandths
 *	(default 900); in with _SET
 * @hysteresis: a state ends when the value is this much below the threshold, or lower, in
 *	thousandths (default 50); in with _SET
 * @cpu: largest part of one CPU's time that the worker uses while it compacts, in
 *	thousandths (default 100); in with _SET
 * @usage: out: bytes in use now, in thousandths of the region
 * @fragmentation: out: external fragmentation now, in thousandths
 * @reserved: 0
 * @checks: out: how often the worker measured
 * @compactions: out: how often it compacted
 * @moves: out: blocks that it moved
 * @moved: out: bytes that it moved
 * @events: out: events of the region ever
 *
 * The thresholds also work while _ON is off: then only the compaction is left out. While
 * nothing changes in the region, the worker measures nothing. With _SET, the first four
 * values are at most 1000 and @cpu is not 0 (EINVAL); fields that are only out are ignored.
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
 * @MEMMGR_EVENT_LOST: this client read too slowly: @value events before the next one
 *	are lost
 * @MEMMGR_EVENT_LOW: usage rose above its threshold
 * @MEMMGR_EVENT_NOT_LOW: usage fell below its threshold again, by the hysteresis
 * @MEMMGR_EVENT_FRAGMENTED: fragmentation rose above its threshold
 * @MEMMGR_EVENT_NOT_FRAGMENTED: fragmentation fell below its threshold again, by the
 *	hysteresis
 * @MEMMGR_EVENT_COMPACTED: a compaction of main ended or was given up. It consists of one
 *	or more calls of a client, or slices of the health worker. It moved @value bytes;
 *	the largest free run after it was @bytes
 * @MEMMGR_EVENT_LEAK: a client closed without freeing @value allocations of tracked heaps,
 *	@bytes in all
 * @MEMMGR_EVENT_CORRUPTION: a memory error was found. @value is the number of the report,
 *	see struct memmgr_corruption; @bytes is the number of damaged bytes
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
 * struct memmgr_event - one event; read() of the device returns a sequence of them
 * @seq: number of the event in its region, counted from 1; for _LOST: that of the next one
 * @time_ns: CLOCK_BOOTTIME
 * @kind: enum memmgr_event_kind
 * @heap: id of the heap
 * @value: usage or fragmentation in thousandths, or as @kind says
 * @limit: the threshold, in thousandths, without the hysteresis; 0: none
 * @bytes: free bytes, or as @kind says
 * @reserved: 0
 *
 * A client gets the events that happened since it was opened. read() returns as many whole
 * events as fit (EINVAL if not even one does). If there is none, it waits, or returns
 * EAGAIN if O_NONBLOCK is set. poll() reports POLLIN if there are events. A region keeps
 * 256 events: the last 64 that any one user caused, 64 of each kind that tells a state of
 * main, and 192 that users other than root caused.
 *
 * Each event is also a uevent of the device (MEMMGR_EVENT, _REGION, _VALUE, _LIMIT), but at
 * most 5 of each kind in a second. Of further events the last one is sent when this second
 * is over; MEMMGR_SUPPRESSED is the number of others that it stands for.
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
 * @flags: in: 0, or the value that an earlier call left there; out: MEMMGR_CHECK_TORN
 * @checked: out: blocks checked
 * @offset: out: with EUCLEAN: offset in the heap of the damage
 * @what: out: with EUCLEAN: the invariant that is broken
 *
 * The check walks the whole heap in small steps, so that others need not wait for it. If the
 * heap changes again and again meanwhile, every part is still checked, but sums over all
 * parts cannot be compared: TORN. The call needs CAP_SYS_ADMIN, unless the heap is a
 * private heap of this client.
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
 * @used: bytes of the cell that are in use
 * @blocks: blocks that begin in the cell
 * @heap: the heap that has the largest part of it (MEMMGR_HEAP_MAIN: allocations of main).
 *	MEMMGR_HEAP_ANY if the cell is empty, or if the caller may not see that heap
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
 * @cell_bytes: out: bytes of the region that one cell stands for
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
 * @bytes: requested size
 * @align: requested alignment
 * @largest: size that would have worked
 * @free: bytes that were free in the heap
 * @heap: id; MEMMGR_HEAP_ANY for a heap that the reader may not see
 * @reason: enum memmgr_reason
 * @pid: of the caller, 0 for kernel code in interrupt context
 * @uid: of the caller
 * @comm: of the caller
 * @heap_name: name of the heap, because its id may belong to another heap by now;
 *	"(private)" for a heap that the reader may not see
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
 * The region remembers 64 failures: the last 16 of any one user, and 48 of all users other
 * than root. If a resize is refused because the memory behind the block is in use
 * (MEMMGR_REASON_BLOCKED), the heap's books count it, but it is not remembered here.
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
#define MEMMGR_PROTECT_SEAL	(1u << 0)	/* final */

/**
 * struct memmgr_protect - set how an allocation may be accessed
 * @size: in: sizeof(struct memmgr_protect)
 * @flags: in: MEMMGR_PROTECT_SEAL: @access and the size can never change again
 * @handle: in: the allocation
 * @access: in: MEMMGR_ACCESS_*
 * @reserved: 0
 *
 * The protection applies to present and future mappings, to READ and WRITE, and to
 * dma-bufs. An access that is not allowed raises SIGSEGV; mmap() and mprotect() that ask
 * for more fail with EACCES. It does not apply to kernel code. A new allocation may be
 * read and written.
 *
 * EPERM if the allocation is sealed and @access differs. EBUSY if a device, the kernel or
 * I/O uses it now in a way that @access would forbid. EOPNOTSUPP if it lies in a private
 * heap, which its client may map whole, or in a heap whose blocks are smaller than a page.
 * A sealed allocation is not moved either. It can still be freed.
 */
struct memmgr_protect {
	__u32 size;
	__u32 flags;
	__u64 handle;
	__u32 access;
	__u32 reserved;
};

/* struct memmgr_sync.flags: exactly one */
#define MEMMGR_SYNC_FOR_DEVICE	(1u << 0)	/* the CPU wrote, a device will read */
#define MEMMGR_SYNC_FOR_CPU	(1u << 1)	/* a device wrote, the CPU will read */

/**
 * struct memmgr_sync - cache maintenance for devices that do not snoop caches
 * @size: in: sizeof(struct memmgr_sync)
 * @flags: in: MEMMGR_SYNC_FOR_DEVICE or _FOR_CPU
 * @handle: in: the allocation
 * @offset: in: first byte, from the start of the allocation
 * @bytes: in: number of bytes, within the requested size of the allocation
 *
 * Touches only the cache lines of this range. In a region that is not cached it does
 * nothing and returns 0. dma-bufs do not need it, because their own interface does it.
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
#define MEMMGR_EXPORT_READ_ONLY	(1u << 1)	/* no one may write through it */

/**
 * struct memmgr_export - export an allocation as a dma-buf file descriptor
 * @size: in: sizeof(struct memmgr_export)
 * @flags: in: MEMMGR_EXPORT_*
 * @handle: in: the allocation
 * @fd: out: the file descriptor
 * @reserved: 0
 *
 * A dma-buf is for devices and for other processes, which need no access to the region.
 * Its memory stays until the last reference to the dma-buf is gone, whatever happens to
 * the handle and the client, and counts against their quota until then.
 *
 * The protection of the allocation applies to the dma-buf. If the allocation may not be
 * written, the dma-buf is read-only, with or without the flag; EACCES if it may not even
 * be read. Attaching a device fails with EACCES if the device shall write to a read-only
 * dma-buf, and with EIO if the device cannot reach the memory: its mask and the
 * dma-ranges of its bus decide, and nothing is ever copied for it. A driver that maps a
 * read-only dma-buf into the kernel gets a copy, and its writes there are lost.
 *
 * Each call makes another dma-buf that shows the same memory. (dup() makes another
 * descriptor of one dma-buf.) Only whole pages can be exported: EOPNOTSUPP if the heap
 * has smaller blocks, or if the allocation is guarded, see MEMMGR_ALLOC_MAY_SHIFT.
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
#define MEMMGR_ACCOUNT_MINE	(1u << 1)	/* of this client, or of its user */
#define MEMMGR_ACCOUNT_CLOSED	(1u << 2)	/* the client closed; some of its memory stays */
#define MEMMGR_ACCOUNT_SET	(1u << 3)	/* limits were set by SET_QUOTA */

/**
 * struct memmgr_account - what a client or a user has, and may have
 * @id: serial of the client, or user id
 * @bytes: bytes that it has now
 * @peak: highest @bytes ever
 * @max_bytes: bytes that it may have; 0: no limit
 * @refused: requests that a quota refused
 * @time_ns: client: when it was opened, CLOCK_BOOTTIME; user: 0
 * @allocations: allocations that it has now, private heaps included
 * @max_allocations: allocations that it may have; 0: no limit
 * @flags: MEMMGR_ACCOUNT_*
 * @uid: user id of the opener of the client
 * @pid: thread group of the opener of the client; user: 0
 * @heaps: private heaps that it has
 * @comm: command name of the opener of the client; user: empty
 * @clients: user: its open clients; client: 1
 * @max_heaps: private heaps that it may have; 0: no limit, as for the other limits
 * @windows: windows of the mmap() offsets that its private heaps have
 * @max_windows: windows that they may have
 * @pins: allocations that it has pinned
 * @max_pins: allocations that it may pin
 * @records: records of heap main that it has
 * @max_records: records of heap main that it may have
 * @set: MEMMGR_LIMIT_*, the limits that were set for this account itself
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
 * @cursor: in: 0 for the first call, then the value of the last call; out: 0 at the end
 * @entries: in: pointer to @count entries of @entry_size bytes
 *
 * Clients are listed in the order in which they were opened, users by user id. Any caller
 * may list all.
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
 * @id: in: serial or user id, as @flags says
 * @max_bytes: in: bytes that it may have; 0: no limit
 * @max_allocations: in: allocations that it may have; 0: no limit
 * @reserved: 0
 * @limits: in: MEMMGR_LIMIT_*, the limits to set; 0: _BYTES and _ALLOCATIONS, or with
 *	MEMMGR_QUOTA_DEFAULT all
 * @max_heaps: in: private heaps that it may have; 0: no limit
 * @max_windows: in: windows of the mmap() offsets that its private heaps may have; 0: no
 *	limit. A heap has one window, and one more for each record if its blocks are whole
 *	pages
 * @max_pins: in: allocations that it may pin; 0: no limit
 * @max_records: in: allocations that it may have in heap main; 0: no limit
 * @pad: 0
 *
 * The call needs CAP_SYS_ADMIN. ENOENT if there is no such client; a user need not have
 * any. A limit may be lower than the present use: then nothing more is granted. Limits
 * that are not in @limits stay as they are, and their fields must be 0; with
 * MEMMGR_QUOTA_DEFAULT all fields must be 0. A client is the file that was opened, and its
 * user is the opener, whoever has the file now.
 *
 * Unless root sets other limits, a user may have 8 private heaps, 1024 pins, and five
 * eighths each of main's records and of the windows that main leaves. A client whose opener
 * had CAP_SYS_ADMIN or CAP_SYS_RESOURCE has no such limits. For such clients a reserve is
 * kept: 8 of the heaps that a region can have, and the last eighth of records and windows.
 * No reserve is kept from root, because root may destroy every heap and unload the module
 * anyway. A limit that is set for user 0 also holds for root's programs.
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
#define MEMMGR_INJECT_SET	(1u << 2)	/* set it; without this flag, only read it */

#define MEMMGR_INJECT_NO_LIMIT	(~0ull)		/* @times */

/**
 * struct memmgr_inject - let requests fail on purpose, to test how the caller copes
 * @size: in: sizeof(struct memmgr_inject)
 * @flags: in: MEMMGR_INJECT_*
 * @id: in: client or heap; out: the same, with the caller's own serial instead of 0
 * @skip: number of requests that pass first; in with _SET
 * @interval: after these, every @interval-th request is to fail, 1: each; in with _SET
 * @times: largest number of failures, MEMMGR_INJECT_NO_LIMIT: no end; 0: injection is
 *	off, and all other values are 0 too; in with _SET
 * @probability: thousandths of the requests that are to fail that do fail; 0 and 1000:
 *	all; in with _SET
 * @seed: seed of this chance: the same seed lets the same requests fail; in with _SET
 * @seen: out: requests since the injection was set
 * @failed: out: requests that the injection let fail
 *
 * A request is an allocation, one allocation of a batch, or a resize that grows. Two
 * injections see it: that of its client, and that of the heap that it names. Neither sees
 * a malformed request. An injected failure is ENOMEM (@reason: INJECTED, @largest: 0), and
 * changes nothing: the request does not wait, and neither a fallback nor compaction is
 * tried. A heap's injection also sees requests of kernel code and of dma-heaps, but not
 * the memory that a heap takes from main to grow.
 *
 * With @skip n - 1, @interval 1 and @times 1, only the n-th request fails. A client may
 * set its own injection; those of other clients and of heaps need CAP_SYS_ADMIN. Any caller
 * may read those of clients, and of heaps that it may use. An injection ends with its
 * client or heap. EOPNOTSUPP if the build has no MEMMGR_FEATURE_DEBUG, ENOENT if there is
 * no such client or heap.
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
#define MEMMGR_DEBUG_SET	(1u << 0)	/* in: the flags below replace the old ones */
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
 * @flags: in: 0, or MEMMGR_DEBUG_SET and the features to be on, which needs CAP_SYS_ADMIN;
 *	out: the features that are on
 * @zone: in with _ZONES: bytes of a red zone, a multiple of 8 from MEMMGR_ZONE_MIN to
 *	_MAX; 0: 64; out: the same
 * @quarantine_bytes: in with _QUARANTINE: largest number of bytes kept from reuse; 0: a
 *	sixteenth of the heap; out: the same
 * @quarantine_blocks: in with _QUARANTINE: largest number of blocks kept from reuse, 1 ..
 *	MEMMGR_QUARANTINE_MAX; 0: 256; out: the same
 * @guard_interval: in with _GUARDS: one allocation in this many is guarded, 1 ..
 *	MEMMGR_GUARD_INTERVAL_MAX; 0: 100; out: the same. Only allocations of kernel code, and
 *	of clients with MEMMGR_ALLOC_MAY_SHIFT, count
 * @held_bytes: out: bytes in quarantine now
 * @held_blocks: out: blocks in quarantine now
 * @guards: out: guarded allocations that live now
 * @unzoned: out: allocations since the heap was made that did not get both zones, for lack
 *	of room, while zones were on
 * @guarded: out: allocations since the heap was made that were guarded
 * @found: out: errors found in this heap
 * @reserved: 0
 *
 * Red zones take room before and behind an allocation. In a slab or pool heap they use the
 * spare bytes of its object; if these are too few for both, only the zone behind is made,
 * if there is room for it. Where allocations can be mapped, the zone before one is in a
 * page of its own. Zones are checked when the allocation ends, when its size changes, and
 * by CHECK. An allocation between red zones is not moved.
 *
 * When one of the two limits of the quarantine is passed, its oldest memory goes back to
 * the heap; before a request would fail, all of it does. A stack has no quarantine, because
 * it takes back its top blocks at once. With _POISON the pattern is checked when memory
 * leaves the quarantine, and by CHECK. While any feature is on, the heap remembers who freed
 * its last allocations, so that the report of a second free can name the first one.
 *
 * A guarded allocation ends where its last page ends, as far as its alignment allows, and
 * the page behind it cannot be accessed. A wrong access is stopped and reported
 * (MEMMGR_CORRUPTION_GUARD), and so is an access after the free. The unused rest of its
 * pages is checked like a red zone, up to 256 bytes of it before the allocation. Of kernel
 * code's allocations, those of up to a page can be guarded, as long as there are pages kept
 * for it. A client's guarded allocation cannot be moved or exported.
 *
 * A change affects allocations that are made or freed later. Zones that exist are checked
 * even if the feature is off by then. EOPNOTSUPP if the build has no MEMMGR_FEATURE_DEBUG.
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
 * enum memmgr_corruption_kind - kind of damage or misuse
 * @MEMMGR_CORRUPTION_BEFORE: the red zone before an allocation was written
 * @MEMMGR_CORRUPTION_BEHIND: the red zone behind an allocation was written
 * @MEMMGR_CORRUPTION_FREED: an allocation was written after it had been freed
 * @MEMMGR_CORRUPTION_DOUBLE_FREE: a second free of an allocation
 * @MEMMGR_CORRUPTION_WRONG_FREE: a free at a place where no allocation of the caller begins
 * @MEMMGR_CORRUPTION_STALE: use of an allocation, other than a free, after it had been freed
 * @MEMMGR_CORRUPTION_GUARD: the page beside an allocation was accessed
 *
 * The last four are refused, so that nothing is damaged.
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
 * struct memmgr_corruption - report of a memory error
 * @seq: number of the report in its region, counted from 1
 * @time_ns: CLOCK_BOOTTIME when it was found
 * @kind: enum memmgr_corruption_kind
 * @heap: id
 * @handle: of the allocation; 0 if it is or was kernel code's, or is not known; for a
 *	refused free or use: the handle that was passed
 * @offset: offset in the region of the first wrong byte; for a free or a use: the offset
 *	that the caller meant, ~0 if outside of the region
 * @distance: bytes between the wrong place and the allocation, 0: next to it; if @offset
 *	lies inside the allocation: bytes from its start. @offset - @place, as a signed
 *	number, tells which of these it is
 * @damaged: bytes from the first to the last damaged byte; 0: none
 * @place: offset of the allocation in the region; ~0: no allocation is known
 * @bytes: size of the allocation
 * @alloc_ns: CLOCK_BOOTTIME when it was made
 * @free_ns: CLOCK_BOOTTIME when it was freed; 0: not freed, or no longer known
 * @site: its site, as in memmgr_info
 * @pid: thread group of its maker
 * @tid: thread of its maker
 * @uid: user id of its maker; if no allocation is known, of the task running then
 * @free_site: site of kernel code's free, as @site
 * @free_pid: thread group of the task that freed it
 * @free_tid: thread of the task that freed it
 * @finder: thread group of the task running when the error was found. For a free or a use
 *	this task made the error. 0: an interrupt
 * @finder_tid: thread of this task
 * @finder_site: site of kernel code's call, as @site
 * @dump: valid bytes of @expected and @found, from the first wrong byte on
 * @pad: 0
 * @expected: bytes that were written there
 * @found: bytes that are there
 * @comm: command name of its maker
 * @free_comm: command name of the task that freed it
 * @finder_comm: command name of the task running when the error was found
 * @tag: as given
 * @heap_name: name of the heap; "(private)" for a heap that the reader may not see
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
 * @after: in: 0, or @seq of the last report seen; out: @seq of the last report written
 * @total: out: reports ever
 * @entries: in: pointer to @count entries of @entry_size bytes
 *
 * The oldest report comes first. A region remembers 32 reports: of the refused calls of any
 * one client the last 4, of all reports that one user caused the last 8, and of all that
 * users other than root caused 24. Only CAP_SYS_ADMIN sees reports about allocations of
 * other users.
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
 * struct memmgr_track - record where the allocations of a heap come from
 * @size: in: sizeof(struct memmgr_track)
 * @heap: in: id of the heap
 * @flags: in: MEMMGR_TRACK_ON or _OFF, which need CAP_SYS_ADMIN; 0: only query
 * @state: out: MEMMGR_TRACK_ON if it is on
 * @blocks: out: blocks of kernel code that are recorded now
 * @max_blocks: out: largest number that can be recorded
 * @lost: out: blocks that were not recorded because @max_blocks was reached
 * @sites: out: known sites of the region
 * @max_sites: out: largest number of sites; users other than root use at most two thirds
 * @sites_lost: out: allocations without a site because @max_sites was reached
 *
 * When tracking is turned off, the recorded blocks are forgotten. Sites stay until the
 * region is removed.
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
 * struct memmgr_site - a place that allocations come from
 * @id: as in memmgr_info.site
 * @kind: enum memmgr_site_kind
 * @live: live allocations from this site
 * @live_bytes: bytes that these asked for
 * @allocs: allocations from this site ever
 * @offset: user's site: offset in the file, as addr2line expects it for a position
 *	independent file
 * @frames: kernel code: number of frames
 * @uid: user id of the first caller that allocated here
 * @frame: kernel code: addresses
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
 * @after: in: 0 for the first call, then id of the last site written; out: the same
 * @entries: in: pointer to @count entries of @entry_size bytes
 *
 * @count is 0 (out) when there are no more. Only CAP_SYS_ADMIN sees the sites of kernel
 * code and of other users; other callers get @kind and the counts.
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
#define MEMMGR_LATENCY_OFF	(1u << 1)	/* the measured values stay */
#define MEMMGR_LATENCY_RESET	(1u << 2)	/* clear them; alone, or with ON or OFF */

/* Measured operations: index of struct memmgr_latency.op */
#define MEMMGR_LATENCY_ALLOC	0u
#define MEMMGR_LATENCY_FREE	1u
#define MEMMGR_LATENCY_OPS	2u

/* Bucket i counts calls of 2^i to 2^(i+1) - 1 ns; bucket 0 also 0 ns, the last all longer. */
#define MEMMGR_LATENCY_BUCKETS	32	/* the last from 2.1 s on */
#define MEMMGR_CALLER_LEN	48

/* struct memmgr_latency_worst.context: one of the first three, plus others that apply */
#define MEMMGR_CONTEXT_PROCESS	(1u << 0)
#define MEMMGR_CONTEXT_SOFTIRQ	(1u << 1)
#define MEMMGR_CONTEXT_HARDIRQ	(1u << 2)
#define MEMMGR_CONTEXT_IRQS_OFF	(1u << 3)
#define MEMMGR_CONTEXT_KERNEL	(1u << 4)	/* a call of kernel code, not of a client */
#define MEMMGR_CONTEXT_FAILED	(1u << 5)	/* the call did not get what it asked for */
#define MEMMGR_CONTEXT_HIDDEN	(1u << 6)	/* alone: the caller may not see this call */

/**
 * struct memmgr_latency_worst - the longest call, and its circumstances
 * @time_ns: when it ended, CLOCK_BOOTTIME
 * @bytes: requested size; for a free the size of the allocation, or the granted bytes if
 *	kernel code freed it, or 0 if the free failed
 * @context: MEMMGR_CONTEXT_*; 0: there was no call yet
 * @pid: thread group that was running; 0: an interrupt
 * @tid: thread that was running; 0: an interrupt
 * @uid: user id that was running; 0: an interrupt
 * @cpu: CPU on which it ended
 * @reserved: 0
 * @comm: command name of the thread
 * @caller: kernel code that called, as "function+0x10/0x20 [module]", cut to the room
 *	there is; empty: a client's call
 *
 * CAP_SYS_ADMIN sees all of this. Other callers see it only for calls of clients of their
 * own user id; for another user's call and for kernel code they get MEMMGR_CONTEXT_HIDDEN
 * and nothing else.
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
 * struct memmgr_latency_op - durations of one kind of call
 * @count: number of calls; the sum of @bucket
 * @failed: calls that did not get what they asked for
 * @total_ns: sum of all durations
 * @min_ns: shortest duration
 * @max_ns: longest duration, which @worst describes
 * @worst: the longest call; the first one if several took as long
 * @bucket: number of calls by duration
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
 *	0: only query
 * @state: out: MEMMGR_LATENCY_ON if it is on
 * @since_ns: out: when it was cleared, or first turned on, CLOCK_BOOTTIME; 0: never
 * @op: out: by MEMMGR_LATENCY_ALLOC, _FREE
 *
 * A call counts when it ends, for the heap that it names, if measuring was on from its
 * beginning to its end. Its duration is the time that its caller spends in the module,
 * which includes waiting for memory and for compaction, the search in a fallback, and the
 * clearing of memory. It does not include the entry into the kernel and the return, nor the
 * cost of tracking (MEMMGR_IOC_TRACK). While a heap is measured, kernel code takes a longer
 * path than otherwise.
 *
 * The counted allocations are all, also those of a batch, of a dma-heap and of kernel code,
 * that succeed or are refused for lack of memory, records, quota or time, or on purpose. The
 * counted frees are those by handle or by kernel code, refused ones included. Calls that are
 * malformed or not allowed do not count, nor do waits that a signal ends, resizes, releases
 * to a mark, and frees because a client or heap goes.
 *
 * If measuring is turned off and on again, it continues with the old values; it ends with
 * its heap. EOPNOTSUPP if the build has no MEMMGR_FEATURE_DEBUG.
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
 * mmap(): pass the @map_offset of an allocation or a private heap of this client, plus a
 * multiple of the page size, with MAP_SHARED and without PROT_EXEC, inside the granted
 * bytes. A program with the personality READ_IMPLIES_EXEC gets a mapping that is not
 * executable. EINVAL for any other arguments, EACCES for memory of another client. Only
 * whole pages can be mapped: allocations of heap main and of shared heaps whose blocks
 * are whole pages. Smaller blocks are mapped through their private heap. The mapping of a
 * private slab heap shows its slabs one after the other; an access to a slab that the heap
 * does not hold raises SIGBUS.
 *
 * An allocation made with MEMMGR_ALLOC_GUARD begins one page behind its @map_offset. The
 * page before it and the page behind its granted bytes may be mapped along, and an access
 * to them raises SIGSEGV. A mapping of all of it is two pages longer than the granted
 * bytes, in whole pages.
 *
 * With MEMMGR_ALLOC_MAY_SHIFT in addition, the allocation may begin inside a page, so that
 * a wrong access past its end faults. This is done now and then, if MEMMGR_IOC_DEBUG asks
 * for it. Then @map_offset is no multiple of the page size, but tells the place in the page.
 * Map from @map_offset rounded down to a page. The length is two pages more than the sum of
 * the granted bytes and the bytes before the allocation in its page. The allocation begins
 * one page behind the start of the mapping, and as far into that page as @map_offset lies in
 * its own. Its alignment is @align of the call, or 8 bytes, whatever the heap's alignment is.
 *
 * Pages are mapped when they are touched, 16 at a time where the allocation has so many:
 * those of the aligned block of 16 pages of the program's addresses. MAP_POPULATE,
 * MADV_POPULATE_WRITE and mlock() cannot reach such memory. With MEMMGR_ALLOC_POPULATE, and
 * where MAP_LOCKED or mlockall(MCL_FUTURE) was in effect when it was mapped, a touch maps all
 * of the aligned block of MEMMGR_POPULATE_BYTES that belongs to the allocation. So to read
 * one byte in each such block maps everything before it is needed. What is mapped is mapped
 * for writing too, if that is allowed. A page that was moved, or whose protection changed,
 * faults once more; a lease promises that none does.
 *
 * If MEMMGR_REGION_PAGES is set, mappings can be the target of O_DIRECT, vmsplice(),
 * process_vm_readv() and the like; without it these fail with EFAULT. Debuggers (ptrace(),
 * /proc/PID/mem) can read and write what the program can, under the same protection; but
 * without MEMMGR_REGION_PAGES not on 32-bit arm, because its kernel does not ask drivers.
 *
 * VFIO (type 1) takes the addresses of mappings without MEMMGR_REGION_PAGES and is not
 * told when they change. So PIN or export an allocation before giving its mapping to VFIO,
 * and free it only after VFIO has let go of it.
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
