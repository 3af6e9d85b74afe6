/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * libmemmgr: the client library of /dev/memmgr.
 *
 * A thin layer over the ABI in <linux/memmgr.h>: one function for each call,
 * and the words and numbers that every client needs. A region that was opened
 * is a plain file descriptor, so it can be polled, mapped and passed on.
 *
 * Functions that can fail return 0 (or what their comment says) on success and
 * a negative errno value otherwise; errno itself is not part of the interface.
 * Where the ABI gives a reason and the largest size that would have worked,
 * both are in the structure that the caller passed, after a failure as well.
 *
 * The caller zeroes a structure, fills in what it wants and leaves @size to
 * the library:
 *
 *	struct memmgr_alloc alloc = { .bytes = 65536, .tag = "frame" };
 *	int err = memmgr_alloc(fd, &alloc);
 *
 * Every function may be called from any thread at any time: the library keeps no
 * state but what memmgr_free_mapped() says. It never exits, prints or catches signals.
 */
#ifndef _MEMMGR_H
#define _MEMMGR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/memmgr.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The first region's device node, and what overrides it in the environment. */
#define MEMMGR_DEVICE		"/dev/memmgr"
#define MEMMGR_DEVICE_ENV	"MEMMGR_DEVICE"

/* Room that the longest text of memmgr_format_size() needs. */
#define MEMMGR_SIZE_TEXT	32

/* ---- regions ---- */

/**
 * memmgr_open() - open a region
 * @region: path of a device node ("/dev/memmgr1"), number ("1"), or name of a
 *	region; NULL for $MEMMGR_DEVICE, or the first region where that is unset
 * @flags: O_RDWR or O_RDONLY; O_CLOEXEC is added
 *
 * Return: a file descriptor, or
 *	-ENOENT, -ENODEV, -ENXIO: there is no such region;
 *	-ENOTTY: the file is not a region of memmgr;
 *	or another error of open(), such as -EACCES.
 */
int memmgr_open(const char *region, int flags);

/**
 * memmgr_close() - close a region
 * @fd: from memmgr_open()
 *
 * Everything that was allocated through it and is not persistent is freed, when
 * nothing of it is mapped any more. What memmgr_free_mapped() left is unmapped.
 */
void memmgr_close(int fd);

/**
 * memmgr_regions() - visit every region of this machine
 * @visit: called with the path of the device node and the region's query; a
 *	value other than 0 ends the walk
 * @arg: handed to @visit
 *
 * Regions that the caller may not open are left out.
 *
 * Return: what the last @visit returned, 0 when there was none, or an error.
 */
int memmgr_regions(int (*visit)(const char *path,
				const struct memmgr_query *query, void *arg),
		   void *arg);

/* What is known of the region behind @fd. */
int memmgr_query(int fd, struct memmgr_query *query);

/* ---- heaps ---- */

/* Make a heap; see struct memmgr_heap_create. */
int memmgr_heap_create(int fd, struct memmgr_heap_create *create);

/* Unmake a heap; @flags: MEMMGR_DESTROY_*. */
int memmgr_heap_destroy(int fd, uint32_t heap, uint32_t flags);

/* Change who may use a heap; see struct memmgr_heap_rights. */
int memmgr_heap_set_rights(int fd, struct memmgr_heap_rights *rights);

/* The make of the heap with the id @heap. */
int memmgr_heap_query(int fd, uint32_t heap, struct memmgr_heap_query *query);

/* The make of the heap called @name; -ENOENT when there is none. */
int memmgr_heap_by_name(int fd, const char *name,
			struct memmgr_heap_query *query);

/**
 * memmgr_heap_next() - enumerate the heaps of a region
 * @fd: the region
 * @first: 0 at first, then the id of the last heap plus one
 * @query: the make of the first heap whose id is at least @first
 *
 * Return: 0; -ENOENT when there is no further heap; or another error.
 */
int memmgr_heap_next(int fd, uint32_t first, struct memmgr_heap_query *query);

/* ---- allocations ---- */

/* Allocate; see struct memmgr_alloc. */
int memmgr_alloc(int fd, struct memmgr_alloc *alloc);

/* Free the allocation @handle. Its mappings are removed. */
int memmgr_free(int fd, uint64_t handle);

/**
 * memmgr_alloc_mapped() - allocate, and map all of it to be read and written
 * @fd: the region
 * @alloc: as for memmgr_alloc()
 * @address: out: where it begins; aligned as @alloc asks, or to 8 bytes
 *
 * The page before its mapping and the page behind it cannot be touched, and while root
 * looks for memory errors (MEMMGR_DEBUG_GUARDS, "memctl debug --guards") one in N
 * allocations ends right before that page: the first access past its end is SIGSEGV, and
 * reported. Such a one can be neither exported nor moved.
 *
 * With MEMMGR_ALLOC_POPULATE in its flags all pages are mapped when this returns, so that
 * their first use is no page fault; one that is moved later faults once more.
 *
 * Return: 0, to be freed by memmgr_free_mapped(); -EOPNOTSUPP when what its
 * heap gives cannot be mapped; or another error of memmgr_alloc() and memmgr_mmap().
 */
int memmgr_alloc_mapped(int fd, struct memmgr_alloc *alloc, void **address);

/**
 * memmgr_free_mapped() - free what memmgr_alloc_mapped() made
 * @fd: the region
 * @alloc: as it was left; the size may have been changed since
 * @address: from memmgr_alloc_mapped()
 *
 * The mappings of the last 32 that were freed, of up to 16 pages each, stay until others
 * follow, and keep @fd's file open: using one is SIGBUS, and reported where root looks for
 * errors, and never hits what was mapped there next. memmgr_close() of any region ends that. A
 * child of fork() has them as well, and unmaps its own: what MADV_DONTFORK keeps from it
 * must be unmapped and freed by other means.
 *
 * Return: 0; -EINVAL when @address can not be that of @alloc, whose mapping it is taken
 * for otherwise; or an error of memmgr_free(). Then nothing was unmapped.
 */
int memmgr_free_mapped(int fd, const struct memmgr_alloc *alloc, void *address);

/*
 * Say how an allocation may be accessed: MEMMGR_ACCESS_*, with MEMMGR_PROTECT_SEAL
 * for good; see struct memmgr_protect.
 */
int memmgr_protect(int fd, uint64_t handle, uint32_t access, uint32_t flags);

/* Cache maintenance for a device; see struct memmgr_sync. */
int memmgr_sync(int fd, uint64_t handle, uint64_t offset, uint64_t bytes, uint32_t flags);

/* The descriptor of a dma-buf of an allocation, MEMMGR_EXPORT_*; or -errno. */
int memmgr_export(int fd, uint64_t handle, uint32_t flags);

/*
 * Every client, or with MEMMGR_ACCOUNTS_USERS every user. Ends early when @visit
 * returns anything but 0, and returns that.
 */
int memmgr_accounts(int fd, uint32_t flags,
		    int (*visit)(const struct memmgr_account *account, void *arg),
		    void *arg);

/* Limit a client or a user; see struct memmgr_quota. */
int memmgr_set_quota(int fd, struct memmgr_quota *quota);

/* Change the size of an allocation in place; see struct memmgr_resize. */
int memmgr_resize(int fd, struct memmgr_resize *resize);

/* Allocate many of one size; see struct memmgr_alloc_batch. */
int memmgr_alloc_batch(int fd, struct memmgr_alloc_batch *batch);

/**
 * memmgr_free_batch() - free many allocations
 * @fd: the region
 * @handles: which
 * @count: in: how many, any number; out: how many were freed, so after a
 *	failure the index of the one that was refused
 */
int memmgr_free_batch(int fd, const uint64_t *handles, size_t *count);

/* What is known of the allocation @handle. */
int memmgr_alloc_query(int fd, uint64_t handle, struct memmgr_info *info);

/**
 * memmgr_list() - visit the allocations of a region
 * @fd: the region
 * @heap: id, or MEMMGR_HEAP_ANY
 * @flags: MEMMGR_LIST_*
 * @visit: called for each; a value other than 0 ends the walk
 * @arg: handed to @visit
 *
 * Return: what the last @visit returned, 0 when there was none, or an error.
 */
int memmgr_list(int fd, uint32_t heap, uint32_t flags,
		int (*visit)(const struct memmgr_info *info, void *arg),
		void *arg);

/* ---- where allocations come from ---- */

/**
 * memmgr_track() - remember where the allocations of a heap come from
 * @fd: the region
 * @heap: id
 * @flags: MEMMGR_TRACK_ON or _OFF, for root; 0: only tell
 * @track: how it stands
 *
 * memmgr_alloc() and memmgr_alloc_batch() say where in the program they are called,
 * unless their structure has a site already.
 */
int memmgr_track(int fd, uint32_t heap, uint32_t flags, struct memmgr_track *track);

/* Visit the sites of a region, as memmgr_list() visits allocations. */
int memmgr_sites(int fd, int (*visit)(const struct memmgr_site *site, void *arg), void *arg);

/* ---- memory errors ---- */

/**
 * memmgr_debug() - look for memory errors in a heap
 * @fd: the region
 * @debug: in: its @heap, and with MEMMGR_DEBUG_SET in its @flags what is on from then
 *	on, for root; out: what is on, and how much was found; see struct memmgr_debug
 *
 * Without MEMMGR_DEBUG_SET it only tells, whatever else is in @debug, and with it the
 * answers of an earlier call may still be in there, as well as the sizes of what is
 * to be off. Red zones of 64 bytes, and a quarantine of the usual size:
 *
 *	struct memmgr_debug debug = {
 *		.flags = MEMMGR_DEBUG_SET | MEMMGR_DEBUG_ZONES | MEMMGR_DEBUG_QUARANTINE,
 *		.zone = 64,
 *	};
 *
 * Return: 0; -EOPNOTSUPP when the module was built without DEBUG; or another error,
 * and @debug is as it was.
 */
int memmgr_debug(int fd, struct memmgr_debug *debug);

/**
 * memmgr_corruptions() - the last memory errors that were found in the region
 * @fd: the region
 * @after: only those with a higher number, 0 for all that are remembered
 * @entries: room for them, oldest first
 * @count: in: entries that fit, 1 .. MEMMGR_BATCH_MAX; out: entries written
 * @total: out: errors ever, of others' allocations as well; may be NULL
 */
int memmgr_corruptions(int fd, uint64_t after, struct memmgr_corruption *entries,
		       uint32_t *count, uint64_t *total);

/* ---- keeping memory in place, and moving it ---- */

/**
 * memmgr_pin() - keep an allocation where it is
 * @fd: the region; the pin goes when it is closed
 * @handle: the allocation
 * @pin: out: where it lies, and how many pins it has; may be NULL
 *
 * Pins count: each needs a memmgr_unpin().
 */
int memmgr_pin(int fd, uint64_t handle, struct memmgr_pin *pin);

/**
 * memmgr_lease() - a pin for real time
 * @fd: the region; the lease goes when it is closed
 * @handle: the allocation, which the caller has mapped
 * @pin: out: as of memmgr_pin(); may be NULL
 *
 * What this process has mapped of it is made present: no touch of it faults from
 * then on. Map first, then take the lease. -EFAULT: a page could not be had.
 */
int memmgr_lease(int fd, uint64_t handle, struct memmgr_pin *pin);

/*
 * Take back one pin, or with MEMMGR_PIN_LEASE one lease, that was made through @fd;
 * -EINVAL when there is none.
 */
int memmgr_unpin(int fd, uint64_t handle, uint32_t flags);

/**
 * memmgr_compact() - move allocations to make free runs
 * @fd: the region
 * @compact: what is wanted, and what was done; see struct memmgr_compact
 *
 * What was done is in @compact after -EINTR and -ENOMEM as well. While @left is not
 * 0 there is more to do, and the call can be made again.
 */
int memmgr_compact(int fd, struct memmgr_compact *compact);

/* Why a request would fail, and what would help; see struct memmgr_explain. */
int memmgr_explain(int fd, struct memmgr_explain *explain);

/* ---- health and events ---- */

/* The thresholds of the region, and how it is. */
int memmgr_health(int fd, struct memmgr_health *health);

/*
 * Change the thresholds to those in @health, and in its @flags MEMMGR_HEALTH_ON; best
 * got by memmgr_health() and changed. As root.
 */
int memmgr_set_health(int fd, struct memmgr_health *health);

/**
 * memmgr_next_event() - wait for what happens in the region
 * @fd: the region; events since it was opened
 * @timeout_ms: longest wait; 0 does not wait, -1 waits without limit
 * @event: out
 *
 * An event of kind MEMMGR_EVENT_LOST tells how many were missed by a reader that was
 * too slow. One thread at a time, unless the descriptor is O_NONBLOCK.
 *
 * A signal that comes between a look at what its handler noted and this call does not end
 * the wait: programs that look so wait by ppoll() for @fd, with the signal unblocked only
 * there, and call this with @timeout_ms 0.
 *
 * Return: 0; -ETIMEDOUT when nothing happened; -EINTR when a signal came; -ENODEV
 * when the region went away; or another error.
 */
int memmgr_next_event(int fd, int timeout_ms, struct memmgr_event *event);

/* ---- failures on purpose ---- */

/**
 * memmgr_inject() - let requests of a client, or to a heap, fail
 * @fd: the region
 * @inject: whose and which, with MEMMGR_INJECT_SET in its @flags; out: what is set,
 *	and how many requests it has seen and let fail; see struct memmgr_inject
 *
 * The tenth request that is made through @fd fails:
 *
 *	struct memmgr_inject inject = {
 *		.flags = MEMMGR_INJECT_CLIENT | MEMMGR_INJECT_SET,
 *		.skip = 9, .interval = 1, .times = 1,
 *	};
 *
 * Return: 0; -EOPNOTSUPP when the module was built without DEBUG; or another error.
 */
int memmgr_inject(int fd, struct memmgr_inject *inject);

/**
 * memmgr_latency() - measure how long allocations and frees of a heap take
 * @fd: the region
 * @heap: id
 * @flags: MEMMGR_LATENCY_ON or _OFF, and _RESET, for root; 0: only tell
 * @latency: out: what was measured, and who made the longest calls
 *
 * Return: 0; -EOPNOTSUPP when the module was built without DEBUG; or another error.
 */
int memmgr_latency(int fd, uint32_t heap, uint32_t flags, struct memmgr_latency *latency);

/* ---- contents ---- */

/**
 * memmgr_read() - copy bytes out of an allocation
 * @fd: the region
 * @handle: the allocation
 * @offset: first byte, from the start of the allocation
 * @to: where to
 * @bytes: how many
 *
 * Works for every allocation, also for those that cannot be mapped.
 */
int memmgr_read(int fd, uint64_t handle, uint64_t offset, void *to,
		size_t bytes);

/* Copy bytes into an allocation; the opposite of memmgr_read(). */
int memmgr_write(int fd, uint64_t handle, uint64_t offset, const void *from,
		 size_t bytes);

/**
 * memmgr_mmap() - map an allocation or a private heap
 * @fd: the region
 * @map_offset: from struct memmgr_alloc, memmgr_info or memmgr_heap_create
 * @bytes: length, up to what was granted
 * @prot: PROT_READ, PROT_WRITE or both
 * @address: out: where it is mapped; to be removed with munmap()
 *
 * Return: 0; -ENXIO when @map_offset says that it cannot be mapped; or an
 * error of mmap().
 */
int memmgr_mmap(int fd, uint64_t map_offset, size_t bytes, int prot,
		void **address);

/* Remove a mapping. */
int memmgr_munmap(void *address, size_t bytes);

/* ---- stack heaps ---- */

/* Remember the height of the stack heap @heap. */
int memmgr_mark(int fd, uint32_t heap, uint64_t *mark);

/* Free what was allocated since @mark; @released (or NULL): how many. */
int memmgr_release(int fd, uint32_t heap, uint64_t mark, uint32_t *released);

/* ---- looking inside ---- */

/* The books of a heap. */
int memmgr_stats(int fd, uint32_t heap, struct memmgr_stats *stats);

/* The fragmentation of a heap. */
int memmgr_frag(int fd, uint32_t heap, struct memmgr_frag *frag);

/* Verify a heap; -EUCLEAN: @check says where and what is broken. */
int memmgr_check(int fd, uint32_t heap, struct memmgr_check *check);

/**
 * memmgr_map() - a picture of the region
 * @fd: the region
 * @cells: room for the cells
 * @count: in: cells wanted, 1 .. MEMMGR_BATCH_MAX; out: cells written
 * @cell_bytes: out: bytes of the region that one cell stands for
 */
int memmgr_map(int fd, struct memmgr_cell *cells, uint32_t *count,
	       uint64_t *cell_bytes);

/**
 * memmgr_failures() - the last failed requests of the region
 * @fd: the region
 * @after: only those with a higher number, 0 for all that are remembered
 * @entries: room for them, oldest first
 * @count: in: entries that fit, 1 .. MEMMGR_BATCH_MAX; out: entries written
 * @total: out: failures ever; may be NULL
 */
int memmgr_failures(int fd, uint64_t after, struct memmgr_failure *entries,
		    uint32_t *count, uint64_t *total);

/* ---- words and numbers ---- */

/* The name of an enum memmgr_kind: "buddy"; "unknown" for other values. */
const char *memmgr_kind_name(uint32_t kind);

/* The enum memmgr_kind called @name, or -EINVAL. */
int memmgr_kind_parse(const char *name);

/* The name of an enum memmgr_reason: "exhausted"; "unknown" for others. */
const char *memmgr_reason_name(uint32_t reason);

/* The name of an enum memmgr_fixed: "pinned"; "unknown" for others. */
const char *memmgr_fixed_name(uint32_t reason);

/* The name of an enum memmgr_event_kind: "low"; "unknown" for others. */
const char *memmgr_event_name(uint32_t kind);

/* The name of an enum memmgr_corruption_kind: "double-free"; "unknown" for others. */
const char *memmgr_corruption_name(uint32_t kind);

/**
 * memmgr_parse_size() - read a size
 * @text: a decimal number, or a hexadecimal one after 0x, and a unit: none or
 *	B for bytes, K or KiB (1024), M or MiB, G or GiB, T or TiB; in either
 *	case of letters, after one space if any
 * @bytes: out
 *
 * Return: 0; -EINVAL when it is no number, -EDOM when it is negative, -ENOTSUP
 * when the unit is not known, -ERANGE when it does not fit 64 bits.
 */
int memmgr_parse_size(const char *text, uint64_t *bytes);

/**
 * memmgr_format_size() - write a size for people
 * @bytes: the size
 * @text: where to
 * @len: room there; MEMMGR_SIZE_TEXT always suffices
 *
 * "64 KiB" where that is exact, "64.1 KiB" where it is rounded, "100 B" below
 * one KiB. Return: @text.
 */
char *memmgr_format_size(uint64_t bytes, char *text, size_t len);

#ifdef __cplusplus
}
#endif

#endif /* _MEMMGR_H */
