// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Compaction under running programs: two threads and a second process write and
 * verify through their mappings without a pause, another thread makes every
 * other call, while all of their memory is moved back and forth. Not one byte is
 * wrong.
 *
 * MEMMGR_MOVES is the number of moves (a million; 20,000 on a debug kernel),
 * SEED=n repeats the sizes. The number of moves ends the test, never the time.
 *
 * Rule: memmgr(7), FRAGMENTATION, "How memory moves".
 */
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "lib/memmgr_test.h"

MEMMGR_FIXTURE(live_writers)

#define WRITERS		2	/* threads that share the pieces of the first process */
#define PROCESSES	2
#define PIECES		512	/* of each process, with pages of 4 KiB */
#define LARGEST		5	/* pages of a piece */
#define SIDE		24	/* pieces of the thread that makes every other call */
#define SIDE_LARGEST	4
#define CYCLE		256	/* of single granules that are checker-boarded, as well */

struct piece {
	__u64 handle;
	__u32 *words;
	__u32 pages;
	__u32 count;			/* of words */
	__u32 generation[WRITERS];
};

/* What a writer tells others; in memory that both processes see. */
struct progress {
	__u64 visits;			/* of pieces */
	__u64 wrong;
	__u32 piece, word, seen, wanted;	/* the first wrong word */
};

struct shared {
	struct progress progress[WRITERS + 1];
	__u32 stop;
};

struct writer {
	struct piece *pieces;
	struct progress *progress;
	struct shared *shared;
	__u32 id;
	__u32 first, step;		/* of each piece's words, these are this writer's */
};

static struct piece pieces[PROCESSES][PIECES];

/* As many bytes on every kernel: what half of the region holds must fit into the other half. */
static __u32 of_pages(__u32 count)
{
	return count * 4096 / page_size();
}

static __u32 word_of(__u32 id, __u32 piece, __u32 generation, __u32 word)
{
	return ((id * PIECES + piece) * 0x9e3779b1u) ^ (generation * 0x85ebca6bu) ^
	       (word * 0xc2b2ae35u);
}

static bool stopped(struct shared *shared)
{
	return __atomic_load_n(&shared->stop, __ATOMIC_RELAXED);
}

static void note_wrong(struct progress *p, __u32 piece, __u32 word, __u32 seen, __u32 wanted)
{
	if (!p->wrong) {
		p->piece = piece;
		p->word = word;
		p->seen = seen;
		p->wanted = wanted;
	}
	__atomic_fetch_add(&p->wrong, 1, __ATOMIC_RELAXED);
}

/* Every word has to be what was written last; the next generation replaces it. */
static void visit(struct writer *w, __u32 number, bool replace)
{
	struct piece *piece = &w->pieces[number];
	__u32 generation = piece->generation[w->first], i;

	for (i = w->first; i < piece->count; i += w->step) {
		__u32 wanted = word_of(w->id, number, generation, i);
		__u32 seen = __atomic_load_n(&piece->words[i], __ATOMIC_RELAXED);

		if (seen != wanted)
			note_wrong(w->progress, number, i, seen, wanted);
		if (replace)
			__atomic_store_n(&piece->words[i],
					 word_of(w->id, number, generation + 1, i),
					 __ATOMIC_RELAXED);
	}
	piece->generation[w->first] += replace;
	__atomic_fetch_add(&w->progress->visits, 1, __ATOMIC_RELAXED);
}

static void fill(struct writer *w)
{
	__u32 n, i;

	for (n = 0; n < of_pages(PIECES); n++)
		for (i = w->first; i < w->pieces[n].count; i += w->step)
			w->pieces[n].words[i] = word_of(w->id, n, 0, i);
}

static void *write_on(void *argument)
{
	struct writer *w = argument;
	__u32 n = 0;

	while (!stopped(w->shared))
		visit(w, n++ % of_pages(PIECES), true);
	for (n = 0; n < of_pages(PIECES); n++)
		visit(w, n, false);
	return NULL;
}

static void *map_shared(int fd, __u64 offset, size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)offset);

	return p == MAP_FAILED ? NULL : p;
}

/* 0, or a negative errno. Sizes differ, most are a single granule. */
static int make_pieces(int fd, struct piece *made, __u32 *random)
{
	__u32 i;
	int result;

	for (i = 0; i < of_pages(PIECES); i++) {
		__u32 pages = test_random(random) % 8 ? 1 : 2 + test_random(random) % (LARGEST - 1);
		struct memmgr_alloc a = alloc_request(MEMMGR_HEAP_MAIN, pages * page_size());
		void *p;

		result = mm_alloc(fd, &a);
		if (result)
			return result;
		p = map_shared(fd, a.map_offset, a.bytes);
		if (!p)
			return -errno;
		made[i] = (struct piece){
			.handle = a.handle, .words = p, .pages = pages, .count = a.bytes / 4,
		};
	}
	return 0;
}

static void unmap_pieces(struct piece *made)
{
	__u32 i;

	for (i = 0; i < of_pages(PIECES); i++)
		munmap(made[i].words, made[i].pages * page_size());
}

/* The second process: its own client, its own memory. */
static int other_process(struct shared *shared, __u32 random, int ready, int leave)
{
	struct writer w = {
		.pieces = pieces[1], .progress = &shared->progress[WRITERS],
		.shared = shared, .id = 1, .step = 1,
	};
	int fd = open_device(O_RDWR);
	char c = 0;

	end_with_parent();
	if (fd < 0 || make_pieces(fd, pieces[1], &random))
		return 1;
	fill(&w);
	if (write(ready, &c, 1) != 1)
		return 2;
	write_on(&w);
	/* the records are counted first */
	if (read(leave, &c, 1) != 1)
		return 3;
	return w.progress->wrong ? 4 : 0;
}

/* ---- every other call, beside --------------------------------------------- */

struct side {
	int fd;
	struct shared *shared;
	__u32 random;
	__u64 calls;
	const char *failed;
	int result;
	struct {
		__u64 handle, map_offset;
		unsigned char *p;
		__u32 pages;
		__u32 seed;
	} pieces[SIDE];
};

static bool side_fails(struct side *s, const char *what, int result)
{
	s->failed = what;
	s->result = result;
	return false;
}

static bool side_copy(struct side *s, __u32 i)
{
	static unsigned char data[SIDE_LARGEST * 65536];
	size_t bytes = s->pieces[i].pages * page_size();
	int result = mm_read(s->fd, s->pieces[i].handle, 0, data, bytes);

	if (result || !is_pattern(data, bytes, s->pieces[i].seed))
		return side_fails(s, "read", result);
	if (!is_pattern(s->pieces[i].p, bytes, s->pieces[i].seed))
		return side_fails(s, "mapping", 0);
	s->pieces[i].seed = test_random(&s->random);
	fill_pattern(data, bytes, s->pieces[i].seed);
	result = mm_write(s->fd, s->pieces[i].handle, 0, data, bytes);
	if (result || !is_pattern(s->pieces[i].p, bytes, s->pieces[i].seed))
		return side_fails(s, "write", result);
	return true;
}

static bool side_resize(struct side *s, __u32 i)
{
	__u32 pages = 1 + test_random(&s->random) % SIDE_LARGEST, had = s->pieces[i].pages;
	size_t page = page_size();
	struct memmgr_resize r;
	int result = mm_resize(s->fd, s->pieces[i].handle, pages * page, &r);

	if (result == -ENOMEM)
		return r.reason ? true : side_fails(s, "resize without a reason", 0);
	if (result)
		return side_fails(s, "resize", result);
	munmap(s->pieces[i].p, had * page);
	s->pieces[i].pages = pages;
	s->pieces[i].p = map_shared(s->fd, s->pieces[i].map_offset, pages * page);
	if (!s->pieces[i].p)
		return side_fails(s, "mmap", -errno);
	if (!is_pattern(s->pieces[i].p, (had < pages ? had : pages) * page, s->pieces[i].seed))
		return side_fails(s, "resized", 0);
	if (pages > had && !is_zero(s->pieces[i].p + had * page, (pages - had) * page))
		return side_fails(s, "what was added", 0);
	fill_pattern(s->pieces[i].p, pages * page, s->pieces[i].seed);
	return true;
}

static bool side_protect(struct side *s, __u32 i)
{
	int result = mm_protect(s->fd, s->pieces[i].handle, MEMMGR_ACCESS_READ, 0);

	if (result)
		return side_fails(s, "protect", result);
	if (!is_pattern(s->pieces[i].p, s->pieces[i].pages * page_size(), s->pieces[i].seed))
		return side_fails(s, "protected", 0);
	result = mm_protect(s->fd, s->pieces[i].handle, MEMMGR_ACCESS_READ | MEMMGR_ACCESS_WRITE,
			    0);
	return result ? side_fails(s, "protect again", result) : true;
}

/* What is pinned stays where it is. */
static bool side_pin(struct side *s, __u32 i)
{
	__u64 handle = s->pieces[i].handle;
	struct memmgr_pin pin = pin_request(handle, 0);
	struct memmgr_info one, two;
	int result = mm_call(s->fd, MEMMGR_IOC_PIN, &pin);

	if (result || mm_info(s->fd, handle, &one))
		return side_fails(s, "pin", result);
	if (!is_pattern(s->pieces[i].p, s->pieces[i].pages * page_size(), s->pieces[i].seed))
		return side_fails(s, "pinned", 0);
	if (mm_info(s->fd, handle, &two) || one.offset != pin.offset ||
	    two.offset != pin.offset || one.moves != two.moves)
		return side_fails(s, "pinned and moved", 0);
	result = mm_unpin(s->fd, handle, 0);
	return result ? side_fails(s, "unpin", result) : true;
}

/* An allocation that lives all the time appears exactly once in a list. */
static bool side_list(struct side *s)
{
	static struct memmgr_info entries[64];
	struct memmgr_list l = {
		.size = sizeof(l), .entry_size = sizeof(entries[0]),
		.entries = (uintptr_t)entries, .flags = MEMMGR_LIST_MINE,
	};
	__u32 i, found = 0, k = test_random(&s->random) % SIDE;
	int result;

	do {
		l.count = ARRAY_SIZE(entries);
		result = mm_call(s->fd, MEMMGR_IOC_LIST, &l);
		for (i = 0; !result && i < l.count; i++)
			found += entries[i].handle == s->pieces[k].handle;
	} while (!result && l.cursor);
	return !result && found == 1 ? true : side_fails(s, "list", result);
}

static bool side_look(struct side *s)
{
	struct memmgr_explain e;
	struct memmgr_frag f;
	int result = mm_frag(s->fd, MEMMGR_HEAP_MAIN, &f);

	if (!result)
		result = mm_explain(s->fd, MEMMGR_HEAP_MAIN, 64 * page_size(), 0, &e);
	if (!result)
		result = mm_check(s->fd, MEMMGR_HEAP_MAIN);
	return result ? side_fails(s, "frag, explain or check", result) : true;
}

static void *call_on(void *argument)
{
	struct side *s = argument;
	bool good = true;

	while (good && !stopped(s->shared)) {
		__u32 dice = test_random(&s->random) % 100, i = test_random(&s->random) % SIDE;

		if (dice < 50)
			good = side_copy(s, i);
		else if (dice < 70)
			good = side_resize(s, i);
		else if (dice < 80)
			good = side_protect(s, i);
		else if (dice < 95)
			good = side_pin(s, i);
		else if (dice < 98)
			good = side_list(s);
		else
			good = side_look(s);
		__atomic_fetch_add(&s->calls, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void set_up_side(struct __test_metadata *_metadata, struct side *s)
{
	size_t page = page_size(), room = SIDE_LARGEST * page;
	struct memmgr_resize r;
	__u32 i;

	for (i = 0; i < SIDE; i++) {
		struct memmgr_alloc a = must_alloc(_metadata, s->fd, MEMMGR_HEAP_MAIN, room);

		s->pieces[i].handle = a.handle;
		s->pieces[i].map_offset = a.map_offset;
		ASSERT_EQ(0, mm_resize(s->fd, a.handle, page, &r));
		s->pieces[i].p = map_shared(s->fd, a.map_offset, page);
		ASSERT_TRUE(!!s->pieces[i].p);
		s->pieces[i].pages = 1;
		s->pieces[i].seed = i;
		fill_pattern(s->pieces[i].p, page, i);
	}
}

/* ---- the mover -------------------------------------------------------------- */

struct mover {
	int fd;
	__u64 size;			/* of the region */
	__u64 moves;			/* by the answers of COMPACT */
	__u64 moved;			/* bytes, too */
	__u64 gone;			/* moves of allocations that were freed */
	__u32 idle;			/* calls in a row that moved nothing */
};

static void note_moves(struct mover *m, const struct memmgr_compact *c)
{
	m->moves += c->moves;
	m->moved += c->moved;
	m->idle = c->moves ? 0 : m->idle + 1;
}

static void print_stayed(const struct memmgr_compact *c)
{
	int i;

	fprintf(stderr, "# moved %llu of %llu, left %llu, moves %u; stayed",
		(unsigned long long)c->moved, (unsigned long long)c->least,
		(unsigned long long)c->left, c->moves);
	for (i = 0; i < MEMMGR_FIXED_REASONS; i++)
		fprintf(stderr, " %llu", (unsigned long long)c->stayed[i]);
	fprintf(stderr, "\n");
}

/*
 * What may be in the way: what another call uses or pins just now, or a page that is
 * being mapped or unmapped, which looks as if I/O held it. Nothing is the kernel's.
 */
static bool excused(const struct memmgr_compact *c)
{
	return !c->stayed[MEMMGR_FIXED_KERNEL] &&
	       (c->stayed[MEMMGR_FIXED_BUSY] || c->stayed[MEMMGR_FIXED_PINNED] ||
		c->stayed[MEMMGR_FIXED_IO] || c->stayed[MEMMGR_FIXED_NO_ROOM]);
}

static void move_half(struct __test_metadata *_metadata, struct mover *m, bool upper)
{
	struct memmgr_compact c;
	int result = mm_empty(m->fd, MEMMGR_HEAP_MAIN, upper ? m->size / 2 : 0, m->size / 2, &c);

	ASSERT_TRUE(!result || (result == -ENOMEM && excused(&c))) {
		TH_LOG("COMPACT of the %s half: %d, reason %u", upper ? "upper" : "lower", result,
		       c.reason);
		print_stayed(&c);
	}
	note_moves(m, &c);
}

/* Holes between new blocks, which compaction closes again. */
static void checkerboard(struct __test_metadata *_metadata, struct mover *m)
{
	__u64 handles[CYCLE], keep[CYCLE / 2];
	__u32 cycle = of_pages(CYCLE), count = cycle, i;
	struct memmgr_compact c;
	struct memmgr_info info;

	ASSERT_EQ(0, mm_alloc_batch(m->fd, MEMMGR_HEAP_MAIN, 0, page_size(), handles, &count));
	ASSERT_EQ(cycle, count);
	for (i = 0; i < cycle; i += 2) {
		ASSERT_EQ(0, mm_info(m->fd, handles[i], &info));
		m->gone += info.moves;
		ASSERT_EQ(0, mm_free(m->fd, handles[i]));
		keep[i / 2] = handles[i + 1];
	}
	do {
		c = compact_request(MEMMGR_HEAP_MAIN, 0, 0);
		ASSERT_EQ(0, mm_compact(m->fd, &c));
		note_moves(m, &c);
	} while (c.left && c.moves);
	for (i = 0; i < cycle / 2; i++) {
		ASSERT_EQ(0, mm_info(m->fd, keep[i], &info));
		m->gone += info.moves;
	}
	ASSERT_EQ(0, mm_free_batch(m->fd, keep, cycle / 2));
}

/* The moves of everything in main, by the records. */
static __u64 recorded_moves(struct __test_metadata *_metadata, int fd)
{
	static struct memmgr_info entries[256];
	struct memmgr_list l = {
		.size = sizeof(l), .entry_size = sizeof(entries[0]),
		.entries = (uintptr_t)entries,
	};
	__u64 sum = 0;
	__u32 i;

	do {
		l.count = ARRAY_SIZE(entries);
		ASSERT_EQ(0, mm_call(fd, MEMMGR_IOC_LIST, &l));
		for (i = 0; i < l.count; i++)
			sum += entries[i].moves;
	} while (l.cursor);
	return sum;
}

static bool all_progressed(struct shared *shared, __u64 visits)
{
	int i;

	for (i = 0; i <= WRITERS; i++)
		if (__atomic_load_n(&shared->progress[i].visits, __ATOMIC_RELAXED) < visits)
			return false;
	return true;
}

static bool any_wrong(struct shared *shared)
{
	int i;

	for (i = 0; i <= WRITERS; i++)
		if (__atomic_load_n(&shared->progress[i].wrong, __ATOMIC_RELAXED))
			return true;
	return false;
}

/* Until there were @wanted moves and every writer has been at each piece. */
static void move_on(struct __test_metadata *_metadata, struct mover *m, struct side *side,
		    __u64 wanted)
{
	struct shared *shared = side->shared;
	__u32 round;

	for (round = 0; m->moves < wanted || !all_progressed(shared, of_pages(PIECES)); round++) {
		move_half(_metadata, m, round % 2);
		if (round % 16 == 15)
			checkerboard(_metadata, m);
		ASSERT_GT(1000, m->idle);
		if (any_wrong(shared) || __atomic_load_n(&side->failed, __ATOMIC_RELAXED))
			break;
	}
}

static void expect_right(struct __test_metadata *_metadata, struct shared *shared)
{
	int i;

	for (i = 0; i <= WRITERS; i++) {
		struct progress *p = &shared->progress[i];

		EXPECT_EQ(0, p->wrong) {
			TH_LOG("writer %d, piece %u, word %u: %#x, not %#x", i, p->piece, p->word,
			       p->seen, p->wanted);
		}
		fprintf(stderr, "# writer %d: %llu pieces verified and written\n", i,
			(unsigned long long)p->visits);
	}
}

/* The mover goes first, or it would wait for the writers most of the time. */
static void hurry(void)
{
	setpriority(PRIO_PROCESS, syscall(SYS_gettid), -10);
}

TEST_F_TIMEOUT(live_writers, not_one_wrong_byte, 3000)
{
	static struct writer w[WRITERS];
	static struct side side;
	__u64 wanted = test_number("MEMMGR_MOVES", is_debug_kernel() ? 20000 : 1000000);
	struct mover m = { .fd = self->fd };
	pthread_t threads[WRITERS + 1];
	__u32 random = test_seed();
	struct shared *shared;
	struct memmgr_query q;
	int ready[2], leave[2], i;
	pid_t child;
	char c;

	ASSERT_EQ(0, mm_query(self->fd, &q));
	m.size = q.region_size;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	ASSERT_TRUE(shared != MAP_FAILED);
	ASSERT_EQ(0, pipe(ready));
	ASSERT_EQ(0, pipe(leave));
	child = fork();
	if (!child) {
		close(self->fd);
		_exit(other_process(shared, test_random(&random), ready[1], leave[0]));
	}
	close(ready[1]);
	ASSERT_EQ(1, read(ready[0], &c, 1));
	test_random(&random);
	ASSERT_EQ(0, make_pieces(self->fd, pieces[0], &random));
	side = (struct side){
		.fd = self->fd, .shared = shared, .random = test_random(&random),
	};
	set_up_side(_metadata, &side);
	for (i = 0; i < WRITERS; i++) {
		w[i] = (struct writer){
			.pieces = pieces[0], .progress = &shared->progress[i],
			.shared = shared, .first = i, .step = WRITERS,
		};
		fill(&w[i]);
	}
	for (i = 0; i < WRITERS; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, write_on, &w[i]));
	ASSERT_EQ(0, pthread_create(&threads[WRITERS], NULL, call_on, &side));
	hurry();
	move_on(_metadata, &m, &side, wanted);
	__atomic_store_n(&shared->stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i <= WRITERS; i++)
		ASSERT_EQ(0, pthread_join(threads[i], NULL));
	EXPECT_EQ(m.moves, recorded_moves(_metadata, self->fd) + m.gone);
	ASSERT_EQ(1, write(leave[1], &c, 1));
	EXPECT_EQ(0, child_result(child));
	expect_right(_metadata, shared);
	EXPECT_TRUE(!side.failed) {
		TH_LOG("%s (%d)", side.failed, side.result);
	}
	EXPECT_LE(wanted, m.moves);
	EXPECT_LT(0, side.calls);
	EXPECT_EQ(0, mm_check(self->fd, MEMMGR_HEAP_MAIN));
	fprintf(stderr, "# %llu moves, %llu bytes, %llu other calls\n",
		(unsigned long long)m.moves, (unsigned long long)m.moved,
		(unsigned long long)side.calls);
	unmap_pieces(pieces[0]);
	for (i = 0; i < SIDE; i++)
		munmap(side.pieces[i].p, side.pieces[i].pages * self->page);
	munmap(shared, sizeof(*shared));
}

MEMMGR_TEST_MAIN
