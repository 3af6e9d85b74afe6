// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The processes of a run, and what must hold while all of them rest. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "basics.h"
#include "calls.h"
#include "children.h"
#include "device.h"
#include "fuzz.h"

#define FIRST_USER	1001
#define ROUND		15000	/* calls of all workers between two rests */
#define PATIENCE	300	/* seconds without a call: something hangs */

/* ---- a worker ------------------------------------------------------------------------ */

static const struct fuzz_op *const tables[] = {
	fuzz_alloc_ops, fuzz_map_ops, fuzz_share_ops, fuzz_look_ops, fuzz_root_ops,
	fuzz_heap_ops, fuzz_wild_ops,
};

static __u32 weight_of_all(void)
{
	const struct fuzz_op *op;
	__u32 sum = 0, i;

	for (i = 0; i < ARRAY_SIZE(tables); i++)
		for (op = tables[i]; op->name; op++)
			sum += op->weight;
	return sum;
}

static const struct fuzz_op *any_op(struct fuzz_worker *w)
{
	__u32 dice = fuzz_below(w, weight_of_all()), i;
	const struct fuzz_op *op;

	for (i = 0; i < ARRAY_SIZE(tables); i++) {
		for (op = tables[i]; op->name; op++) {
			if (dice < op->weight)
				return op;
			dice -= op->weight;
		}
	}
	return tables[0];
}

bool fuzz_step(struct fuzz_worker *w)
{
	w->steps++;
	return any_op(w)->run(w) && !w->failed;
}

static void *pages_for(struct fuzz_worker *w, size_t bytes, int prot)
{
	void *p = mmap(NULL, bytes, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		fuzz_fail(w, "no memory", -errno);
	return p;
}

void fuzz_open(struct fuzz_worker *w)
{
	int i;

	w->data_bytes = (FUZZ_PAGES + 1) * w->page;
	w->data = pages_for(w, w->data_bytes, PROT_READ | PROT_WRITE);
	w->scratch = pages_for(w, 2 * 65536, PROT_READ | PROT_WRITE);
	w->fixed = pages_for(w, w->page, PROT_READ | PROT_WRITE);
	/* Structures end where this page does. Nothing else can be mapped behind it. */
	w->edge = pages_for(w, 2 * w->page, PROT_READ | PROT_WRITE);
	if (mprotect(w->edge + w->page, w->page, PROT_NONE) ||
	    pipe2(w->pipe, O_CLOEXEC | O_NONBLOCK))
		fuzz_fail(w, "not begun", -errno);
	for (i = 0; i < FUZZ_CLIENTS; i++)
		w->clients[i] = open_again(w->node, O_RDWR | O_NONBLOCK);
	w->wild = open_again(w->node, O_RDWR | O_NONBLOCK);
	if (w->wild < 0)
		fuzz_fail(w, "the device cannot be opened", w->wild);
}

void fuzz_settle(struct fuzz_worker *w)
{
	__u32 i;
	int fd;

	while (!w->board->alone && (fd = receive_file(w->inbox)) >= 0)
		close(fd);
	if (w->piped.bytes)
		fuzz_drain(w);
	for (i = w->buffers_used; i--;) {
		if (w->buffers[i].handle)
			continue;
		close(w->buffers[i].fd);
		w->buffers[i] = w->buffers[--w->buffers_used];
	}
	close(w->wild);
	w->wild = open_again(w->node, O_RDWR | O_NONBLOCK);
}

static void work(struct fuzz_worker *w)
{
	while (!__atomic_load_n(&w->board->stop, __ATOMIC_RELAXED) && w->calls < w->goal)
		if (!fuzz_step(w))
			break;
}

static void verify(struct fuzz_worker *w)
{
	fuzz_verify_all(w);
}

static void (*const phases[])(struct fuzz_worker *w) = { work, fuzz_settle, verify };

#define PHASES	ARRAY_SIZE(phases)

/* All that is persistent goes by handle, the rest with the process. */
static void give_back(struct fuzz_worker *w)
{
	__u32 i;

	for (i = w->used; i--;)
		if (w->blocks[i].flags & MEMMGR_ALLOC_PERSISTENT)
			mm_free(fuzz_client(w, &w->blocks[i]), w->blocks[i].handle);
}

static void await_round(const struct fuzz_board *board, __u32 round)
{
	while (__atomic_load_n(&board->round, __ATOMIC_ACQUIRE) <= round)
		usleep(300);
}

static void *worker_run(void *argument)
{
	struct fuzz_worker *w = argument;
	struct fuzz_board *board = w->board;
	__u32 round;

	fuzz_open(w);
	for (round = 0; round < board->end; round++) {
		await_round(board, round);
		if (!board->stop)
			phases[round % PHASES](w);
		__atomic_store_n(&w->arrived, round + 1, __ATOMIC_RELEASE);
	}
	await_round(board, round);
	give_back(w);
	return NULL;
}

static void become_worker(struct fuzz_worker *w)
{
	if (w->uid && become_user(w->uid))
		_exit(2);
	prctl(PR_SET_DUMPABLE, 1);
	end_with_parent();
	fuzz_catch_signals();
}

static void user_run(struct fuzz_worker *first)
{
	pthread_t threads[FUZZ_THREADS];
	int i;

	become_worker(first);
	for (i = 0; i < FUZZ_THREADS; i++)
		if (pthread_create(&threads[i], NULL, worker_run, &first[i]))
			_exit(3);
	for (i = 0; i < FUZZ_THREADS; i++)
		pthread_join(threads[i], NULL);
	_exit(0);
}

/* ---- the board ------------------------------------------------------------------------ */

static void share(struct fuzz_board *board, int fd, struct memmgr_heap_create c, __u64 object,
		  bool pages)
{
	c.size = sizeof(c);
	/* a build may leave a kind out */
	if (board->shared_used == FUZZ_SHARED || mm_heap_create(fd, &c))
		return;
	board->shared[board->shared_used++] = (struct fuzz_heap){
		.id = c.heap, .kind = c.kind, .object = object, .pages = pages,
	};
}

static void share_heaps(struct fuzz_board *board, int fd, size_t page)
{
	board->shared[board->shared_used++] = (struct fuzz_heap){
		.id = MEMMGR_HEAP_MAIN, .kind = MEMMGR_KIND_BUDDY, .object = FUZZ_PAGES * page,
		.pages = true,
	};
	share(board, fd, (struct memmgr_heap_create){
		.name = "fuzz-rights", .kind = MEMMGR_KIND_BUDDY, .bytes = 32 * page,
	}, 4 * page, true);
	board->rights = board->shared[board->shared_used - 1].id;
	share(board, fd, (struct memmgr_heap_create){
		.name = "fuzz-buddy", .kind = MEMMGR_KIND_BUDDY, .bytes = 64 * page,
	}, FUZZ_PAGES * page, true);
	share(board, fd, (struct memmgr_heap_create){
		.name = "fuzz-pool", .kind = MEMMGR_KIND_POOL, .object_size = page, .count = 16,
		.flags = MEMMGR_HEAP_FALLBACK,
		.fallback = board->shared[board->shared_used - 1].id,
	}, page, true);
	share(board, fd, (struct memmgr_heap_create){
		.name = "fuzz-small", .kind = MEMMGR_KIND_BUDDY, .bytes = 32 * page, .granule = 32,
	}, 3000, false);
	share(board, fd, (struct memmgr_heap_create){
		.name = "fuzz-tlsf", .kind = MEMMGR_KIND_TLSF, .bytes = 32 * page,
	}, 3000, false);
	share(board, fd, (struct memmgr_heap_create){
		.name = "fuzz-slab", .kind = MEMMGR_KIND_SLAB, .object_size = 192,
	}, 192, false);
	share(board, fd, (struct memmgr_heap_create){
		.name = "fuzz-slab-pages", .kind = MEMMGR_KIND_SLAB, .object_size = 2 * page,
	}, 2 * page, true);
	share(board, fd, (struct memmgr_heap_create){
		.name = "fuzz-blocks", .kind = MEMMGR_KIND_POOL, .object_size = 256, .count = 48,
	}, 256, false);
}

static uid_t uid_of(__u32 user)
{
	return user ? FIRST_USER + user - 1 : 0;
}

static void prepare_worker(struct fuzz_board *board, int fd, __u32 i, int node, int disk)
{
	struct fuzz_worker *w = &board->workers[i];
	struct memmgr_query q;
	__u32 user = i / FUZZ_THREADS;

	mm_query(fd, &q);
	w->board = board;
	w->index = i;
	w->uid = uid_of(user);
	w->random = (board->seed + i * 0x9e3779b9u) | 1;
	w->node = node;
	w->disk = disk;
	w->page = page_size();
	w->has_pages = q.region_flags & MEMMGR_REGION_PAGES;
}

/* Each worker has an inbox, and the other end of all of them. */
static bool connect_workers(struct fuzz_board *board)
{
	int ends[2];
	__u32 i, from;

	for (i = 0; i < FUZZ_WORKERS; i++) {
		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends))
			return false;
		board->workers[i].inbox = ends[0];
		for (from = 0; from < FUZZ_WORKERS; from++)
			board->workers[from].outboxes[i] = ends[1];
	}
	return true;
}

/* What main has in use, but for the memory of the shared heaps, which come and go with use. */
static __u64 held_by_others(int fd, const struct fuzz_board *board, __u32 *heaps)
{
	struct memmgr_heap_query q;
	struct memmgr_query region;
	struct memmgr_stats s;
	__u64 held = 0;
	__u32 i;

	for (i = 1; i < board->shared_used; i++)
		if (!mm_heap_query(fd, board->shared[i].id, &q))
			held += q.held;
	*heaps = mm_query(fd, &region) ? 0 : region.heaps;
	return mm_stats(fd, MEMMGR_HEAP_MAIN, &s) ? 0 : s.used - held;
}

/* A user who has nothing may have no account. */
static struct memmgr_account account_of(int fd, uid_t uid)
{
	static struct memmgr_account all[32];
	__u64 cursor = 0;
	__u32 count, i;

	do {
		count = ARRAY_SIZE(all);
		if (mm_accounts(fd, MEMMGR_ACCOUNTS_USERS, all, &count, &cursor))
			break;
		for (i = 0; i < count; i++)
			if (all[i].id == uid)
				return all[i];
	} while (cursor);
	return (struct memmgr_account){ .id = uid };
}

static bool users_have_as_before(int fd, const struct fuzz_board *board)
{
	__u32 i;

	for (i = 0; i < FUZZ_USERS; i++) {
		const struct memmgr_account *a = &board->users[i];
		struct memmgr_account now = account_of(fd, uid_of(i));

		if (now.bytes != a->bytes || now.allocations != a->allocations ||
		    now.heaps != a->heaps || now.windows != a->windows || now.pins != a->pins ||
		    now.records != a->records || now.clients != a->clients)
			return false;
	}
	return true;
}

struct fuzz_board *fuzz_begin(int fd, __u32 seed)
{
	struct fuzz_board *board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE,
					MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int node = open_public_node(), disk = open("/dev/ram0", O_RDWR | O_DIRECT | O_CLOEXEC);
	struct memmgr_query q;
	__u32 i;

	if (board == MAP_FAILED || node < 0 || mm_query(fd, &q))
		return NULL;
	board->seed = seed;
	board->region_size = q.region_size;
	mm_health(fd, &board->health);
	share_heaps(board, fd, page_size());
	for (i = 0; i < FUZZ_WORKERS; i++)
		prepare_worker(board, fd, i, node, disk);
	board->held = held_by_others(fd, board, &board->heaps);
	for (i = 0; i < FUZZ_USERS; i++)
		board->users[i] = account_of(fd, uid_of(i));
	return connect_workers(board) ? board : NULL;
}

static bool is_empty(int fd, const struct fuzz_board *board);
static bool free_all_persistent(void);

bool fuzz_end(int fd, struct fuzz_board *board)
{
	bool good;
	__u32 i;

	for (i = 0; i < FUZZ_WORKERS; i++) {
		close(board->workers[i].inbox);
		close(board->workers[0].outboxes[i]);
	}
	if (board->workers[0].disk >= 0)
		close(board->workers[0].disk);
	close(board->workers[0].node);
	good = free_all_persistent() && !fuzz_reset(fd, board) && is_empty(fd, board);
	/* those that fall back on others first */
	for (i = board->shared_used; --i;)
		good = !mm_heap_destroy(fd, board->shared[i].id,
					good ? 0 : MEMMGR_DESTROY_FORCE) && good;
	munmap(board, sizeof(*board));
	return good;
}

static int reset_heap(int fd, __u32 heap)
{
	struct memmgr_debug d = { .heap = heap, .flags = MEMMGR_DEBUG_SET };
	struct memmgr_track t = { .heap = heap, .flags = MEMMGR_TRACK_OFF };
	struct memmgr_latency l = { .heap = heap, .flags = MEMMGR_LATENCY_OFF };
	struct memmgr_inject i = { .flags = MEMMGR_INJECT_HEAP | MEMMGR_INJECT_SET, .id = heap };
	struct {
		__u32 call;
		__u32 size;
		void *arg;
	} calls[] = {
		{ F(DEBUG), sizeof(d), &d }, { F(TRACK), sizeof(t), &t },
		{ F(LATENCY), sizeof(l), &l }, { F(INJECT), sizeof(i), &i },
	};
	__u32 n;
	int result;

	for (n = 0; n < ARRAY_SIZE(calls); n++) {
		*(__u32 *)calls[n].arg = calls[n].size;
		result = fuzz_exact(fd, calls[n].call, calls[n].arg);
		if (result && result != -EOPNOTSUPP)
			return result;
	}
	return 0;
}

int fuzz_reset(int fd, const struct fuzz_board *board)
{
	struct memmgr_heap_rights rights = {
		.size = sizeof(rights), .heap = board->rights, .flags = MEMMGR_RIGHTS_MODE,
		.mode = 0666,
	};
	int result = fuzz_exact(fd, F(HEAP_RIGHTS), &rights);
	__u32 i;

	for (i = 0; !result && i < board->shared_used; i++)
		result = reset_heap(fd, board->shared[i].id);
	for (i = 1; !result && i < FUZZ_USERS; i++)
		result = mm_set_quota(fd, MEMMGR_QUOTA_USER | MEMMGR_QUOTA_DEFAULT,
				      uid_of(i), 0, 0);
	if (!result && board->health.size)
		result = mm_health_set(fd, &board->health, 0);
	return result == -EOPNOTSUPP ? 0 : result;
}

/* ---- the books of all ------------------------------------------------------------------- */

static bool heap_is_right(int fd, const struct fuzz_board *board, const struct fuzz_heap *heap,
			  bool say)
{
	const struct fuzz_block *b;
	__u32 count = 0, i, n;
	struct memmgr_stats s;
	bool zoned = false;
	__u64 bytes = 0;

	for (i = 0; i < FUZZ_WORKERS; i++) {
		for (n = 0; n < board->workers[i].used; n++) {
			b = &board->workers[i].blocks[n];
			if (b->heap != heap->id)
				continue;
			count++;
			bytes += b->bytes;
			/* red zones count as requested */
			zoned |= b->granted == b->bytes;
		}
	}
	if (mm_stats(fd, heap->id, &s))
		return false;
	if (s.live - s.kernel_live == count && s.records == count &&
	    (s.kernel_live || (zoned ? s.requested >= bytes : s.requested == bytes)))
		return true;
	if (say)
		fprintf(stderr,
			"# heap %u: %u live, %u kernel's, %u records, %llu bytes; models: %u, %llu\n",
			heap->id, s.live, s.kernel_live, s.records,
			(unsigned long long)s.requested, count, (unsigned long long)bytes);
	return false;
}

/* What I/O held goes a little later, and so does what a move has twice. */
static bool books_are_right(int fd, const struct fuzz_board *board)
{
	__u32 tries, i;
	bool right = false;

	for (tries = 0; !right && tries < 500; tries++) {
		if (tries)
			usleep(20000);
		right = true;
		for (i = 0; i < board->shared_used; i++)
			right &= heap_is_right(fd, board, &board->shared[i], tries == 499);
	}
	return right;
}

static bool checks_are_clean(int fd)
{
	struct memmgr_heap_query q;
	__u32 heap = 0;

	while (!mm_heap_next(fd, heap, &q)) {
		if (mm_check(fd, q.heap))
			return false;
		heap = q.heap + 1;
	}
	return true;
}

/* No program has anything: nothing is left of those that there were. */
static bool is_empty(int fd, const struct fuzz_board *board)
{
	__u32 tries, i, heaps = 0;
	struct memmgr_stats s;
	bool empty = false;
	__u64 held = 0;

	for (tries = 0; !empty && tries < 500; tries++) {
		if (tries)
			usleep(20000);
		held = held_by_others(fd, board, &heaps);
		empty = held == board->held && heaps == board->heaps &&
			users_have_as_before(fd, board);
		for (i = 0; i < board->shared_used; i++)
			empty &= !mm_stats(fd, board->shared[i].id, &s) && !s.records &&
				 s.live == s.kernel_live && (!i || (!s.used && !s.requested));
	}
	if (!empty)
		fprintf(stderr, "# left: %llu bytes of %llu, %u heaps of %u; users %s\n",
			(unsigned long long)held, (unsigned long long)board->held, heaps,
			board->heaps, users_have_as_before(fd, board) ? "as before" : "have more");
	return empty && checks_are_clean(fd);
}

static int compare_places(const void *x, const void *y)
{
	const struct memmgr_info *a = x, *b = y;

	return a->offset < b->offset ? -1 : a->offset > b->offset;
}

/* No two allocations share a byte of the region. */
static bool places_are_apart(int fd)
{
	static struct memmgr_info all[1024];
	struct memmgr_list l = {
		.size = sizeof(l), .heap = MEMMGR_HEAP_ANY, .entry_size = sizeof(all[0]),
	};
	__u32 count = 0, i;

	do {
		l.count = ARRAY_SIZE(all) - count;
		l.entries = (uintptr_t)(all + count);
		if (!l.count || fuzz_exact(fd, F(LIST), &l))
			return false;
		count += l.count;
	} while (l.cursor);
	qsort(all, count, sizeof(all[0]), compare_places);
	for (i = 1; i < count; i++) {
		if (all[i - 1].offset + all[i - 1].bytes <= all[i].offset)
			continue;
		fprintf(stderr, "# two allocations at %#llx\n", (unsigned long long)all[i].offset);
		return false;
	}
	return true;
}

static bool handles_are_unique(const struct fuzz_board *board)
{
	static __u64 all[FUZZ_WORKERS * FUZZ_BLOCKS];
	__u32 count = 0, i, n;

	for (i = 0; i < FUZZ_WORKERS; i++)
		for (n = 0; n < board->workers[i].used; n++)
			all[count++] = board->workers[i].blocks[n].handle;
	for (i = 0; i < count; i++)
		for (n = 0; n < i; n++)
			if (all[i] == all[n])
				return false;
	return true;
}

static bool region_is_right(int fd, const struct fuzz_board *board)
{
	static const char *const rules[] = {
		"the books are not the sum of all models", "a heap is damaged",
		"allocations overlap", "a handle was given out twice",
	};
	const bool holds[] = {
		books_are_right(fd, board), checks_are_clean(fd), places_are_apart(fd),
		handles_are_unique(board),
	};
	bool right = true;
	__u32 i;

	for (i = 0; i < ARRAY_SIZE(rules); i++) {
		if (holds[i])
			continue;
		fprintf(stderr, "# %s\n", rules[i]);
		right = false;
	}
	return right;
}

/* ---- a run ------------------------------------------------------------------------------ */

static __u64 calls_of_all(const struct fuzz_board *board)
{
	__u64 sum = 0;
	__u32 i;

	for (i = 0; i < FUZZ_WORKERS; i++)
		sum += board->workers[i].calls;
	return sum;
}

static void report(const struct fuzz_board *board)
{
	bool named = false;
	__u32 i;

	fprintf(stderr, "# failed after %llu calls; repeat with SEED=%u\n",
		(unsigned long long)calls_of_all(board), board->seed);
	for (i = 0; i < FUZZ_WORKERS; i++)
		named |= !!board->workers[i].failed;
	for (i = 0; i < FUZZ_WORKERS; i++)
		if (!named || board->workers[i].failed)
			fuzz_print_trail(&board->workers[i]);
}

static bool all_arrived(const struct fuzz_board *board)
{
	__u32 i;

	for (i = 0; i < FUZZ_WORKERS; i++)
		if (__atomic_load_n(&board->workers[i].arrived, __ATOMIC_ACQUIRE) != board->round)
			return false;
	return true;
}

static bool users_live(const pid_t *users)
{
	siginfo_t info;
	int i;

	for (i = 0; i < FUZZ_USERS; i++) {
		info.si_pid = 0;
		if (waitid(P_PID, users[i], &info, WEXITED | WNOHANG | WNOWAIT) || info.si_pid)
			return false;
	}
	return true;
}

/* One phase of a round: false if a process has died, or nothing happens any more. */
static bool run_phase(struct fuzz_board *board, const pid_t *users)
{
	__u64 calls = 0, since = now_ns(CLOCK_MONOTONIC);

	__atomic_store_n(&board->round, board->round + 1, __ATOMIC_RELEASE);
	while (!all_arrived(board)) {
		usleep(500);
		if (!users_live(users)) {
			fprintf(stderr, "# a process has died\n");
			return false;
		}
		if (calls != calls_of_all(board)) {
			calls = calls_of_all(board);
			since = now_ns(CLOCK_MONOTONIC);
		} else if (now_ns(CLOCK_MONOTONIC) - since > PATIENCE * 1000000000ull) {
			fprintf(stderr, "# nothing happens any more\n");
			return false;
		}
	}
	return !board->stop;
}

static bool run_round(int fd, struct fuzz_board *board, const pid_t *users, __u64 calls)
{
	__u32 i;

	for (i = 0; i < FUZZ_WORKERS; i++)
		board->workers[i].goal = board->workers[i].calls + calls / FUZZ_WORKERS;
	if (!run_phase(board, users) || !run_phase(board, users))
		return false;
	if (fuzz_reset(fd, board)) {
		fprintf(stderr, "# the region cannot be reset\n");
		return false;
	}
	return run_phase(board, users) && region_is_right(fd, board);
}

static bool end_users(struct fuzz_board *board, const pid_t *users, bool good)
{
	int i, status;

	__atomic_store_n(&board->round, board->round + 1, __ATOMIC_RELEASE);
	for (i = 0; i < FUZZ_USERS; i++) {
		if (!good)
			kill(users[i], SIGKILL);
		if (waitpid(users[i], &status, 0) != users[i])
			return false;
		if (good && status) {
			fprintf(stderr, "# user %d ended with %#x\n", i, status);
			good = false;
		}
	}
	return good;
}

bool fuzz_run(int fd, struct fuzz_board *board, __u64 calls)
{
	__u32 rounds = calls / ROUND + 1, i;
	pid_t users[FUZZ_USERS];
	bool good = true;

	board->end = rounds * PHASES;
	for (i = 0; i < FUZZ_USERS; i++) {
		users[i] = fork();
		if (!users[i])
			user_run(&board->workers[i * FUZZ_THREADS]);
	}
	for (i = 0; good && i < rounds; i++)
		good = run_round(fd, board, users, calls / rounds);
	if (!good)
		report(board);
	return end_users(board, users, good);
}

/* ---- workers that are killed --------------------------------------------------------------- */

/* Persistent allocations outlive who made them: their user finds them again, and frees them. */
static int free_persistent(int fd, int node, __u64 what)
{
	static struct memmgr_info all[64];
	struct memmgr_list l = {
		.size = sizeof(l), .heap = MEMMGR_HEAP_ANY, .entry_size = sizeof(all[0]),
		.flags = MEMMGR_LIST_MINE, .entries = (uintptr_t)all,
	};
	__u32 i;

	do {
		l.count = ARRAY_SIZE(all);
		l.cursor = 0;
		DEMAND(!fuzz_exact(fd, F(LIST), &l));
		for (i = 0; i < l.count; i++) {
			DEMAND(all[i].flags & MEMMGR_ALLOC_PERSISTENT);
			DEMAND(!mm_free(fd, all[i].handle));
		}
	} while (l.count);
	return 0;
}

static bool free_all_persistent(void)
{
	__u32 i;

	for (i = 0; i < FUZZ_USERS; i++)
		if (as_user(uid_of(i), free_persistent, 0))
			return false;
	return true;
}

static pid_t start_victim(struct fuzz_board *board, __u32 i, __u32 seed)
{
	struct fuzz_worker *w = &board->workers[i];
	pid_t victim;

	w->random = seed * 2654435761u | 1;
	w->used = 0;
	w->buffers_used = 0;
	w->stales_used = 0;
	w->heaps_used = 0;
	w->piped.bytes = 0;
	victim = fork();
	if (victim)
		return victim;
	become_worker(w);
	fuzz_open(w);
	while (fuzz_step(w))
		;
	_exit(1);
}

static bool kill_batch(int fd, struct fuzz_board *board, __u32 count, __u32 *random)
{
	pid_t victims[FUZZ_WORKERS];
	bool good = true;
	__u32 i;

	for (i = 0; i < count; i++)
		victims[i] = start_victim(board, i, test_random(random));
	usleep(test_random(random) % 20000);
	for (i = 0; i < count; i++) {
		usleep(test_random(random) % 4000);
		kill(victims[i], SIGKILL);
	}
	for (i = 0; i < count; i++)
		if (child_result(victims[i]) != 1000 + SIGKILL)
			good = false;
	return good && free_all_persistent() && !fuzz_reset(fd, board) && is_empty(fd, board);
}

bool fuzz_kill(int fd, struct fuzz_board *board, __u32 kills)
{
	__u32 random = board->seed, done, count;

	board->alone = true;
	for (done = 0; done < kills; done += count) {
		count = kills - done < FUZZ_WORKERS ? kills - done : FUZZ_WORKERS;
		if (kill_batch(fd, board, count, &random))
			continue;
		fprintf(stderr, "# after %u kills\n", done);
		report(board);
		return false;
	}
	fprintf(stderr, "# %u killed, in %llu calls\n", kills,
		(unsigned long long)calls_of_all(board));
	return true;
}
