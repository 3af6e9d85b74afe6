// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "basics.h"
#include "calls.h"
#include "fuzz.h"

#define END(type, last) (offsetof(struct type, last) + sizeof(((struct type *)0)->last))

#define CALL(name, type, last, pad, pointer, results)				\
	[F(name)] = { #name, MEMMGR_IOC_##name, sizeof(struct type), END(type, last),	\
		      offsetof(struct type, flags), offsetof(struct type, pad),	\
		      offsetof(struct type, pointer), results }

#define NO_RESULTS	false
#define RESULTS		true

/*
 * Of each ioctl: its structure, the last field of the oldest one, a field that must be 0
 * or size if there is none, a field that is a pointer or size, and if the structure has
 * results.
 */
static const struct form {
	const char *name;
	unsigned long command;
	__u16 size;
	__u16 least;
	__u16 flags;
	__u16 pad;
	__u16 pointer;
	bool results;
} forms[] = {
	CALL(QUERY, memmgr_query, name, size, size, RESULTS),
	CALL(HEAP_CREATE, memmgr_heap_create, largest, pad, size, RESULTS),
	CALL(HEAP_DESTROY, memmgr_heap_destroy, reserved, reserved, size, NO_RESULTS),
	CALL(HEAP_QUERY, memmgr_heap_query, map_size, size, size, RESULTS),
	CALL(ALLOC, memmgr_alloc, largest, size, size, RESULTS),
	CALL(FREE, memmgr_free, handle, size, size, NO_RESULTS),
	CALL(RESIZE, memmgr_resize, largest, size, size, RESULTS),
	CALL(ALLOC_BATCH, memmgr_alloc_batch, largest, size, handles, RESULTS),
	CALL(FREE_BATCH, memmgr_free_batch, handles, reserved, handles, RESULTS),
	CALL(MARK, memmgr_mark, mark, size, size, RESULTS),
	CALL(RELEASE, memmgr_mark, mark, size, size, RESULTS),
	CALL(READ, memmgr_copy, ptr, size, ptr, RESULTS),
	CALL(WRITE, memmgr_copy, ptr, size, ptr, RESULTS),
	CALL(ALLOC_QUERY, memmgr_info, tag, size, size, RESULTS),
	CALL(LIST, memmgr_list, entries, reserved, entries, RESULTS),
	CALL(STATS, memmgr_stats, classes, size, size, RESULTS),
	CALL(FRAG, memmgr_frag, index, size, size, RESULTS),
	CALL(CHECK, memmgr_check, what, size, size, RESULTS),
	CALL(MAP, memmgr_map, cells, reserved, cells, RESULTS),
	CALL(FAILURES, memmgr_failures, entries, size, entries, RESULTS),
	CALL(PROTECT, memmgr_protect, reserved, reserved, size, NO_RESULTS),
	CALL(SYNC, memmgr_sync, bytes, size, size, NO_RESULTS),
	CALL(EXPORT, memmgr_export, reserved, reserved, size, RESULTS),
	CALL(ACCOUNTS, memmgr_accounts, entries, size, entries, RESULTS),
	CALL(SET_QUOTA, memmgr_quota, reserved, reserved, size, NO_RESULTS),
	CALL(EXPLAIN, memmgr_explain, best_run, size, size, RESULTS),
	CALL(COMPACT, memmgr_compact, reserved, size, size, RESULTS),
	CALL(PIN, memmgr_pin, mine, size, size, RESULTS),
	CALL(UNPIN, memmgr_pin, mine, size, size, RESULTS),
	CALL(HEALTH, memmgr_health, events, size, size, RESULTS),
	CALL(INJECT, memmgr_inject, failed, size, size, RESULTS),
	CALL(TRACK, memmgr_track, sites_lost, size, size, RESULTS),
	CALL(SITES, memmgr_sites, entries, size, entries, RESULTS),
	CALL(LATENCY, memmgr_latency, op, size, size, RESULTS),
	CALL(DEBUG, memmgr_debug, reserved, size, size, RESULTS),
	CALL(CORRUPTIONS, memmgr_corruptions, entries, size, entries, RESULTS),
	CALL(HEAP_RIGHTS, memmgr_heap_rights, gid, size, size, NO_RESULTS),
};

static const char *const other_names[F_CALLS] = {
	[F_UNKNOWN] = "unknown ioctl", [F_OPEN] = "open", [F_CLOSE] = "close",
	[F_DUP] = "dup", [F_POLL] = "poll", [F_READ_EVENTS] = "read", [F_MMAP] = "mmap",
	[F_MUNMAP] = "munmap", [F_MREMAP] = "mremap", [F_MPROTECT] = "mprotect",
	[F_TOUCH] = "touch", [F_TOUCH_WRITE] = "touch to write",
	[F_TOUCH_STALE] = "touch of a stale mapping", [F_FORK] = "fork",
	[F_PASS] = "pass a file", [F_RECEIVE] = "use a file of others",
	[F_VMSPLICE] = "vmsplice", [F_SPLICE] = "splice", [F_DIRECT_WRITE] = "direct write",
	[F_DIRECT_READ] = "direct read", [F_BUFFER_MAP] = "mmap of a dma-buf",
	[F_BUFFER_CLOSE] = "close of a dma-buf",
};

const char *fuzz_call_name(__u32 call)
{
	return call < ARRAY_SIZE(forms) ? forms[call].name : other_names[call];
}

__u32 fuzz_call_size(__u32 call)
{
	return forms[call].size;
}

__u32 fuzz_call_pointer(__u32 call)
{
	return forms[call].pointer;
}

__u32 fuzz_random(struct fuzz_worker *w)
{
	return test_random(&w->random);
}

__u32 fuzz_below(struct fuzz_worker *w, __u32 limit)
{
	return fuzz_random(w) % limit;
}

bool fuzz_chance(struct fuzz_worker *w, __u32 percent)
{
	return fuzz_below(w, 100) < percent;
}

int fuzz_note(struct fuzz_worker *w, __u32 call, int result, __u64 what, __u64 number)
{
	__u32 outcome = result < 0 ? -result : 0;

	if (result >= FUZZ_SIGNAL)
		outcome = FUZZ_RESULTS - 65 + result - FUZZ_SIGNAL;
	w->counts[call][outcome < FUZZ_RESULTS ? outcome : FUZZ_RESULTS - 1]++;
	w->trail[w->calls % FUZZ_TRAIL] = (struct fuzz_step){ call, result, what, number };
	w->calls++;
	return result;
}

bool fuzz_fail(struct fuzz_worker *w, const char *what, int result)
{
	if (!w->failed) {
		w->failed_result = result;
		w->failed = what;
	}
	w->board->stop = 1;
	return false;
}

bool fuzz_allow(struct fuzz_worker *w, const char *what, int result, const int *allowed)
{
	for (; *allowed != 3; allowed++)
		if (result == *allowed)
			return true;
	return fuzz_fail(w, what, result);
}

int fuzz_exact(int fd, __u32 call, void *arg)
{
	return mm_call(fd, forms[call].command, arg);
}

/* ---- structures that are not as we know them ----------------------------------------- */

enum twist {
	LONGER,		/* with zeros behind: as ours */
	OLDER,		/* as ours, if all that it lacks is 0 */
	TOO_SHORT,
	TAIL,		/* something behind it that this kernel does not know */
	HUGE_SIZE,
	NOWHERE,
	READ_ONLY,
	BAD_FLAG,
	BAD_PAD,
	TWISTS
};

static bool all_zero(const void *p, size_t from, size_t to)
{
	return is_zero((const unsigned char *)p + from, to - from);
}

static bool fits(const struct form *f, enum twist way, const void *arg)
{
	switch (way) {
	case OLDER:
		return f->least < f->size && all_zero(arg, f->least, f->size);
	case READ_ONLY:
		return f->results;
	case BAD_PAD:
		return f->pad;
	default:
		return true;
	}
}

/* Where the structure lies: it ends where the page ends, and nothing is behind. */
static unsigned char *place(struct fuzz_worker *w, const struct form *f, const void *arg,
			    __u32 bytes)
{
	unsigned char *at = w->edge + w->page - bytes;

	memset(at, 0, bytes);
	memcpy(at, arg, f->size < bytes ? f->size : bytes);
	*(__u32 *)at = bytes;
	return at;
}

/* A structure of another size that means the same. */
static int call_sized(struct fuzz_worker *w, int fd, const struct form *f, void *arg,
		      __u32 bytes)
{
	unsigned char *at = place(w, f, arg, bytes);
	int result = mm_call(fd, f->command, at);

	if (bytes > f->size && !all_zero(at, f->size, bytes))
		fuzz_fail(w, "written behind the structure", result);
	memcpy(arg, at, f->size < bytes ? f->size : bytes);
	return result;
}

/* A structure that is spoiled: what it must be refused with. */
static int call_spoiled(struct fuzz_worker *w, int fd, const struct form *f, const void *arg,
			enum twist way)
{
	static const uintptr_t nowhere[] = { 0, 8, (uintptr_t)-4096, (uintptr_t)-64 };
	unsigned char *at = place(w, f, arg, f->size + (way == TAIL ? 16 : 0));
	__u32 bytes = f->size;
	int result;

	switch (way) {
	case TOO_SHORT:
		bytes = fuzz_below(w, f->least);
		break;
	case TAIL:
		bytes += 16;
		at[f->size + fuzz_below(w, 16)] = 1;
		break;
	case HUGE_SIZE:
		bytes = fuzz_chance(w, 50) ? 4097 : fuzz_random(w) | 0x80000000u;
		break;
	case BAD_FLAG:
		*(__u32 *)(at + f->flags) |= 1u << 30;
		break;
	case BAD_PAD:
		*(__u32 *)(at + f->pad) |= 1u << fuzz_below(w, 32);
		break;
	case READ_ONLY:
		mprotect(w->fixed, w->page, PROT_READ | PROT_WRITE);
		at = memcpy(w->fixed, at, bytes);
		break;
	default:
		at = (unsigned char *)nowhere[fuzz_below(w, ARRAY_SIZE(nowhere))];
		return mm_call(fd, f->command, at);
	}
	*(__u32 *)at = bytes;
	if (way == READ_ONLY)
		mprotect(w->fixed, w->page, PROT_READ);
	result = mm_call(fd, f->command, at);
	return result;
}

/* What else may be wrong with a call of which a flag or a reserved field is wrong. */
static bool refused_rightly(enum twist way, int result)
{
	switch (way) {
	case TOO_SHORT:
		return result == -EINVAL;
	case TAIL:
	case HUGE_SIZE:
		return result == -E2BIG;
	case NOWHERE:
	case READ_ONLY:
		return result == -EFAULT;
	default:
		return result == -EINVAL || result == -EBADF || result == -EACCES ||
		       result == -ENOENT || result == -EPERM || result == -EOPNOTSUPP;
	}
}

#define EVERY	6	/* one structure in so many is not plain */

/* Each sort in its turn, so that a rare call has all of them too. TWISTS: plain. */
static enum twist next_twist(struct fuzz_worker *w, __u32 call)
{
	__u32 n = w->tries[call]++ + w->index;

	return n % EVERY ? TWISTS : (n / EVERY + 2 * w->index) % TWISTS;
}

int fuzz_ioctl(struct fuzz_worker *w, int fd, __u32 call, void *arg, __u64 what, __u64 number)
{
	const struct form *f = &forms[call];
	enum twist way = next_twist(w, call);
	int result;

	*(__u32 *)arg = f->size;
	if (way == TWISTS || !fits(f, way, arg))
		return fuzz_note(w, call, mm_call(fd, f->command, arg), what, number);
	if (way == LONGER || way == OLDER)
		return fuzz_note(w, call,
				 call_sized(w, fd, f, arg, way == OLDER ? f->least :
					    f->size + 8 * (1 + fuzz_below(w, 8))), what, number);
	result = fuzz_note(w, call, call_spoiled(w, fd, f, arg, way), way, number);
	if (!refused_rightly(way, result))
		fuzz_fail(w, "a structure that is spoiled", result);
	return FUZZ_TWISTED;
}

/* ---- what came of the calls ------------------------------------------------------------ */

#define STRUCTURES	EINVAL, EFAULT, E2BIG

/* Main reasons for which a call has to have failed in a long run. */
static const int must_fail[F_CALLS][8] = {
	[F(QUERY)] = { STRUCTURES },
	[F(HEAP_CREATE)] = { STRUCTURES, EPERM, EEXIST },
	[F(HEAP_DESTROY)] = { EINVAL, EFAULT, E2BIG, EBUSY, ENOENT },
	[F(HEAP_QUERY)] = { STRUCTURES, ENOENT },
	[F(ALLOC)] = { STRUCTURES, ENOMEM, ENOENT, EPERM, EACCES },
	[F(FREE)] = { STRUCTURES, EBADF, EACCES, EBUSY },
	[F(RESIZE)] = { STRUCTURES, EBADF, EACCES, ENOMEM, EBUSY },
	[F(ALLOC_BATCH)] = { STRUCTURES, ENOMEM },
	[F(FREE_BATCH)] = { STRUCTURES, EBADF, EACCES },
	[F(MARK)] = { STRUCTURES, EOPNOTSUPP },
	[F(RELEASE)] = { STRUCTURES, EOPNOTSUPP },
	[F(READ)] = { STRUCTURES, EBADF, EACCES, ERANGE },
	[F(WRITE)] = { STRUCTURES, EBADF, EACCES, ERANGE },
	[F(ALLOC_QUERY)] = { STRUCTURES, EBADF, EACCES },
	[F(LIST)] = { STRUCTURES, ENOENT },
	[F(STATS)] = { STRUCTURES, ENOENT },
	[F(FRAG)] = { STRUCTURES, ENOENT },
	[F(CHECK)] = { STRUCTURES, EPERM },
	[F(MAP)] = { STRUCTURES },
	[F(FAILURES)] = { STRUCTURES },
	[F(PROTECT)] = { EINVAL, EFAULT, E2BIG, EBADF, EACCES, EPERM, EOPNOTSUPP },
	[F(SYNC)] = { EINVAL, EFAULT, E2BIG, EBADF, EACCES },
	[F(EXPORT)] = { STRUCTURES, EBADF, EACCES, EOPNOTSUPP },
	[F(ACCOUNTS)] = { STRUCTURES },
	[F(SET_QUOTA)] = { EINVAL, EFAULT, E2BIG, EPERM, ENOENT },
	[F(EXPLAIN)] = { STRUCTURES, EOPNOTSUPP },
	[F(COMPACT)] = { STRUCTURES, EPERM },
	[F(PIN)] = { STRUCTURES, EBADF, EACCES },
	[F(UNPIN)] = { STRUCTURES, EBADF, EACCES },
	[F(HEALTH)] = { STRUCTURES, EPERM },
	[F(INJECT)] = { STRUCTURES, EPERM },
	[F(TRACK)] = { STRUCTURES, EPERM },
	[F(SITES)] = { STRUCTURES },
	[F(LATENCY)] = { STRUCTURES, EPERM },
	[F(DEBUG)] = { STRUCTURES, EPERM },
	[F(CORRUPTIONS)] = { STRUCTURES },
	[F(HEAP_RIGHTS)] = { EINVAL, EFAULT, E2BIG, EPERM },
	[F_UNKNOWN] = { ENOTTY },
	[F_READ_EVENTS] = { EINVAL, EAGAIN },
	[F_MMAP] = { EINVAL, EACCES },
	[F_MPROTECT] = { EACCES },
	[F_TOUCH] = { FUZZ_RESULTS - 65 + SIGSEGV },
	[F_TOUCH_WRITE] = { FUZZ_RESULTS - 65 + SIGSEGV },
	[F_TOUCH_STALE] = { FUZZ_RESULTS - 65 + SIGBUS },
	[F_BUFFER_MAP] = { EACCES },
};

/* Those that cannot succeed, and those that only some regions let succeed. */
static bool may_never_succeed(const struct fuzz_board *board, __u32 call)
{
	switch (call) {
	case F_UNKNOWN:
	case F_TOUCH_STALE:
		return true;
	case F_VMSPLICE:
	case F_SPLICE:
	case F_DIRECT_WRITE:
	case F_DIRECT_READ:
		return !board->workers[0].has_pages || board->workers[0].disk < 0;
	default:
		return false;
	}
}

static __u64 count_of(const struct fuzz_board *board, __u32 call, __u32 outcome)
{
	__u64 sum = 0;
	__u32 i;

	for (i = 0; i < FUZZ_WORKERS; i++)
		sum += board->workers[i].counts[call][outcome];
	return sum;
}

static void print_outcome(char *line, size_t bytes, __u32 outcome, __u64 count)
{
	size_t at = strlen(line);

	if (!outcome)
		snprintf(line + at, bytes - at, " ok %llu", (unsigned long long)count);
	else if (outcome >= FUZZ_RESULTS - 65)
		snprintf(line + at, bytes - at, " SIG%s %llu",
			 sigabbrev_np(outcome - (FUZZ_RESULTS - 65)), (unsigned long long)count);
	else
		snprintf(line + at, bytes - at, " %s %llu", strerrorname_np(outcome) ?: "?",
			 (unsigned long long)count);
}

static bool call_is_whole(const struct fuzz_board *board, __u32 call)
{
	const int *must;
	bool whole = true;

	if (!count_of(board, call, 0) && !may_never_succeed(board, call)) {
		fprintf(stderr, "# %s has never succeeded\n", fuzz_call_name(call));
		whole = false;
	}
	for (must = must_fail[call]; *must; must++) {
		char line[40] = "";

		if (count_of(board, call, *must))
			continue;
		print_outcome(line, sizeof(line), *must, 0);
		fprintf(stderr, "# %s has never ended with%s\n", fuzz_call_name(call), line);
		whole = false;
	}
	return whole;
}

bool fuzz_histogram(const struct fuzz_board *board, bool judge)
{
	bool whole = true;
	__u32 call, outcome;

	for (call = 0; call < F_CALLS; call++) {
		char line[400] = "";

		for (outcome = 0; outcome < FUZZ_RESULTS; outcome++) {
			__u64 count = count_of(board, call, outcome);

			if (count)
				print_outcome(line, sizeof(line), outcome, count);
		}
		fprintf(stderr, "#   %-24s%s\n", fuzz_call_name(call), line);
		if (judge && !call_is_whole(board, call))
			whole = false;
	}
	return whole;
}

void fuzz_print_trail(const struct fuzz_worker *w)
{
	__u64 i = w->calls > FUZZ_TRAIL ? w->calls - FUZZ_TRAIL : 0;

	fprintf(stderr, "# worker %u (user %u), step %llu: %s (%d); its last calls:\n", w->index,
		w->uid, (unsigned long long)w->steps, w->failed ?: "ended", w->failed_result);
	for (; i < w->calls; i++) {
		const struct fuzz_step *s = &w->trail[i % FUZZ_TRAIL];

		fprintf(stderr, "#   %llu: %s of %#llx, %#llx: %d\n", (unsigned long long)i,
			fuzz_call_name(s->call), (unsigned long long)s->what,
			(unsigned long long)s->number, s->result);
	}
}
