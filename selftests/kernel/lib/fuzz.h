/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Hostile programs: workers of three users that make random calls, each with a model of
 * what must hold for its own memory. A seed decides all calls of a worker; how the calls
 * of the workers mix is up to the machine.
 *
 * A run is a sequence of rounds: all workers work, all give back what they have of each
 * other, and then each compares its model with the region, while the parent compares the
 * books of the region with the sum of all models.
 */
#ifndef MEMMGR_FUZZ_H
#define MEMMGR_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/memmgr.h>

#include "kselftest.h"

#define FUZZ_USERS	3	/* root and two others */
#define FUZZ_THREADS	2	/* of each user's process */
#define FUZZ_WORKERS	(FUZZ_USERS * FUZZ_THREADS)

#define FUZZ_BLOCKS	32	/* allocations of a worker */
#define FUZZ_BUFFERS	6	/* its dma-bufs */
#define FUZZ_STALES	6	/* its mappings of what is gone */
#define FUZZ_HEAPS	2	/* its private heaps */
#define FUZZ_CLIENTS	2	/* its open files */
#define FUZZ_SHARED	8	/* heaps that all share */
#define FUZZ_TRAIL	24	/* last calls that are printed */
#define FUZZ_SHOWN	8	/* handles that a worker shows to the others */
#define FUZZ_PAGES	8	/* of the largest allocation that is not refused */

/* The calls: ioctls by their number, then what else a program does with the device. */
enum fuzz_call {
	F_HEAP_RIGHTS = 0x24,
	F_UNKNOWN,
	F_OPEN,
	F_CLOSE,
	F_DUP,
	F_POLL,
	F_READ_EVENTS,
	F_MMAP,
	F_MUNMAP,
	F_MREMAP,
	F_MPROTECT,
	F_TOUCH,
	F_TOUCH_WRITE,
	F_TOUCH_STALE,
	F_FORK,
	F_PASS,
	F_RECEIVE,
	F_VMSPLICE,
	F_SPLICE,
	F_DIRECT_WRITE,
	F_DIRECT_READ,
	F_BUFFER_MAP,
	F_BUFFER_CLOSE,
	F_CALLS
};

/* The number of an ioctl, as a call. */
#define F(name)		_IOC_NR(MEMMGR_IOC_##name)

/* Results beside 0 and negative errnos. */
#define FUZZ_TWISTED	1	/* refused as it must be, because it was spoiled on purpose */
#define FUZZ_SIGNAL	1000	/* and the number of the signal */
#define FUZZ_DIFFERENT	2	/* other bytes than the model has */

#define FUZZ_RESULTS	200	/* outcomes that are counted: errnos, then signals */

struct fuzz_block {
	__u64 handle;
	__u64 bytes;
	__u64 granted;
	__u64 map_offset;
	__u32 heap;
	__u32 flags;
	__u32 stamp;		/* tells its contents */
	__u32 access;
	__u32 seq;		/* when it was made: which one of a stack is the top one */
	__u32 client;		/* index of the file that it was made through */
	__u32 pins;
	__u32 leases;
	bool sealed;
	bool in_io;		/* a pipe has its first page */
	bool orphan;		/* its file was closed, and still pays for it */
	unsigned char *map;	/* or NULL */
	size_t map_bytes;
	unsigned char *start;	/* of the allocation in the mapping */
	int prot;
	bool split;		/* the mapping may be in pieces */
};

/* A dma-buf. It shows a block that lives, or what a freed block had at its end. */
struct fuzz_buffer {
	int fd;
	__u64 handle;		/* 0: the block was freed */
	__u64 bytes;
	__u32 stamp;
	__u32 access;
	bool writable;
};

struct fuzz_stale {
	unsigned char *map;
	size_t map_bytes;
	unsigned char *start;
};

struct fuzz_heap {
	__u32 id;
	__u32 kind;
	__u32 client;
	__u64 object;		/* largest allocation */
	bool pages;		/* whole pages: its allocations can be mapped */
	__u64 map_offset;
	__u64 map_size;
	__u64 mark;
	__u32 mark_seq;
};

struct fuzz_step {
	__u32 call;
	int result;
	__u64 what;		/* mostly a handle */
	__u64 number;		/* a size, flags or an offset */
};

struct fuzz_worker {
	__u32 index;
	uid_t uid;
	__u32 seed;
	__u32 random;
	int node;		/* of the device, to open it */
	int disk;		/* for direct I/O, or -1 */
	int clients[FUZZ_CLIENTS];
	int wild;		/* the client of random structures */
	int inbox, outboxes[FUZZ_WORKERS];
	int pipe[2];
	struct fuzz_block blocks[FUZZ_BLOCKS];
	__u32 used;
	struct fuzz_buffer buffers[FUZZ_BUFFERS];
	__u32 buffers_used;
	struct fuzz_stale stales[FUZZ_STALES];
	__u32 stales_used;
	struct fuzz_heap heaps[FUZZ_HEAPS];
	__u32 heaps_used;
	__u32 seq;
	struct {
		__u32 stamp;
		__u32 bytes;	/* 0: the pipe is empty */
		__u64 handle;
	} piped;
	unsigned char *data, *expected, *edge, *fixed, *scratch;
	size_t data_bytes;
	size_t page;
	bool has_pages;		/* direct I/O works */
	struct fuzz_board *board;
	/* for the parent */
	__u32 arrived;
	__u64 calls, steps;
	__u64 goal;		/* calls until the next rest */
	const char *failed;
	__u32 failed_at;
	int failed_result;
	struct fuzz_step trail[FUZZ_TRAIL];
	__u32 tries[F_CALLS];
	__u32 counts[F_CALLS][FUZZ_RESULTS];
};

/* What all processes of a run share. */
struct fuzz_board {
	__u32 round;
	__u32 stop;
	__u32 end;		/* the workers end after this round */
	__u32 seed;
	bool alone;		/* nothing is passed on: the workers will be killed */
	__u32 shared_used;
	struct fuzz_heap shared[FUZZ_SHARED];
	__u32 rights;		/* the shared heap whose mode changes */
	__u64 region_size;
	struct memmgr_health health;	/* as it was */
	__u32 heaps;			/* there were, with the shared ones */
	__u64 held;			/* bytes of main that no shared heap holds */
	struct memmgr_account users[FUZZ_USERS];	/* had so much before */
	struct {
		__u64 handle;
		__u64 map_offset;
	} shown[FUZZ_WORKERS][FUZZ_SHOWN];
	struct fuzz_worker workers[FUZZ_WORKERS];
};

/* One thing that a worker may do, and how often. Returns false if a rule was broken. */
struct fuzz_op {
	const char *name;
	__u32 weight;
	bool (*run)(struct fuzz_worker *w);
};

extern const struct fuzz_op fuzz_alloc_ops[], fuzz_map_ops[], fuzz_share_ops[],
	fuzz_look_ops[], fuzz_root_ops[], fuzz_heap_ops[], fuzz_wild_ops[];

/* ---- fuzz_calls.c: making calls ---------------------------------------------------- */

__u32 fuzz_random(struct fuzz_worker *w);
__u32 fuzz_below(struct fuzz_worker *w, __u32 limit);
bool fuzz_chance(struct fuzz_worker *w, __u32 percent);

/* Counts a call and remembers it for the trail. Returns the result. */
int fuzz_note(struct fuzz_worker *w, __u32 call, int result, __u64 what, __u64 number);

/* The worker has seen something that must not be. Returns false. */
bool fuzz_fail(struct fuzz_worker *w, const char *what, int result);

/* Is the result one of those, which a 3 ends? Otherwise the worker fails. */
bool fuzz_allow(struct fuzz_worker *w, const char *what, int result, const int *allowed);

#define ALLOW(w, what, result, ...) \
	fuzz_allow(w, what, result, (const int []) { __VA_ARGS__, 3 })

/*
 * One ioctl. Now and then its structure is longer or older than ours, which changes nothing;
 * or it is spoiled, and must be refused with the error for that: FUZZ_TWISTED. @what and
 * @number are for the trail.
 */
int fuzz_ioctl(struct fuzz_worker *w, int fd, __u32 call, void *arg, __u64 what, __u64 number);

/* One ioctl as it is; it is not counted. */
int fuzz_exact(int fd, __u32 call, void *arg);

const char *fuzz_call_name(__u32 call);
__u32 fuzz_call_size(__u32 call);

/* Where the structure has a pointer; 0: nowhere. */
__u32 fuzz_call_pointer(__u32 call);

/* Prints how often each call had each outcome. False if one never had one that it must. */
bool fuzz_histogram(const struct fuzz_board *board, bool judge);

void fuzz_print_trail(const struct fuzz_worker *w);

/* ---- fuzz_model.c: what must hold --------------------------------------------------- */

struct fuzz_block *fuzz_any_block(struct fuzz_worker *w);
struct fuzz_heap *fuzz_heap_of(struct fuzz_worker *w, __u32 id);
int fuzz_client(struct fuzz_worker *w, const struct fuzz_block *b);
bool fuzz_is_top(const struct fuzz_worker *w, const struct fuzz_block *b);
bool fuzz_is_stack(struct fuzz_worker *w, const struct fuzz_block *b);
bool fuzz_is_exported(const struct fuzz_worker *w, const struct fuzz_block *b);

/* Contents. */
void fuzz_fill(unsigned char *p, size_t bytes, __u32 stamp);
bool fuzz_is_filled(const unsigned char *p, size_t bytes, __u32 stamp);

/* A step that may raise SIGBUS or SIGSEGV: 0, or FUZZ_SIGNAL and the signal. */
int fuzz_try(void (*step)(void *arg), void *arg);
int fuzz_touch(unsigned char *p, bool write);

/* The bytes that are mapped: 0, FUZZ_DIFFERENT or a signal. */
int fuzz_compare(const unsigned char *p, size_t bytes, __u32 stamp);
int fuzz_compare_zero(const unsigned char *p, size_t bytes);
int fuzz_refill(unsigned char *p, size_t bytes, __u32 stamp);
void fuzz_catch_signals(void);

/* The block has other contents, rights or size from now on: its dma-bufs show that. */
void fuzz_restamped(struct fuzz_worker *w, const struct fuzz_block *b);

/* The block is no more; its mapping stays, as a stale one. */
void fuzz_forget(struct fuzz_worker *w, struct fuzz_block *b);
void fuzz_unmap(struct fuzz_worker *w, struct fuzz_block *b);
void fuzz_drop_stales(struct fuzz_worker *w);

/* Contents by READ: false if they are not what they must be. */
bool fuzz_verify(struct fuzz_worker *w, const struct fuzz_block *b);

/* The whole model against the region, at rest. */
bool fuzz_verify_all(struct fuzz_worker *w);

/* A block that was just made is clear; from now on it is the worker's. */
bool fuzz_adopt(struct fuzz_worker *w, const struct fuzz_block *made);

/* ---- fuzz_run.c: processes ----------------------------------------------------------- */

/* The board of a run, with its shared heaps, made by root; NULL if that fails. */
struct fuzz_board *fuzz_begin(int fd, __u32 seed);

/* Ends what the run made of the region's state. */
bool fuzz_end(int fd, struct fuzz_board *board);

/* @calls calls in all by all workers. False if a rule was broken, which is printed. */
bool fuzz_run(int fd, struct fuzz_board *board, __u64 calls);

/* @kills workers are killed at random points; the books are right after each batch. */
bool fuzz_kill(int fd, struct fuzz_board *board, __u32 kills);

/* In a worker's process. */
void fuzz_open(struct fuzz_worker *w);
bool fuzz_step(struct fuzz_worker *w);

/* What the worker has of others, or others may have of it, goes. */
void fuzz_settle(struct fuzz_worker *w);

/* Reads what the pipe has. */
bool fuzz_drain(struct fuzz_worker *w);

/* All debugging off, no limits, all shared heaps open. */
int fuzz_reset(int fd, const struct fuzz_board *board);

#endif /* MEMMGR_FUZZ_H */
