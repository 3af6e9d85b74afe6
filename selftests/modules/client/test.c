// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Tests of the in-kernel interface, as KTAP. The heaps may be used by others
 * only as far as their blocks stay as they are: every test must leave the books
 * of all heaps as it found them.
 */
#include <linux/completion.h>
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "client.h"
#include "kernels.h"

#define OBJECTS		300	/* objects of the slab test: several slabs */
#define BURST		16	/* blocks between a mark and its release */
#define FRAMES		500	/* frames of the interrupt tests */
#define ROUNDS		4000	/* of each thread of the concurrent test */
#define WAITERS		4
#define OBJECT		64	/* bytes; any of the heaps has blocks as large */
#define COMPLAINTS	4	/* of one test that are printed */

/**
 * struct test - a run of the tests
 * @c: whose heaps
 * @out: where the results go
 * @failed: what the test that runs now found wrong
 */
struct test {
	struct client *c;
	struct seq_file *out;
	u32 failed;
};

/* Gives whether @cond holds; when not, the test has failed and says where. */
#define expect(t, cond) expected(t, cond, #cond, __func__, __LINE__)

static bool expected(struct test *t, bool held, const char *what, const char *func, int line)
{
	if (!held && t->failed++ < COMPLAINTS)
		seq_printf(t->out, "# %s:%d: not so: %s\n", func, line, what);
	return held;
}

static struct memmgr_heap *pool_of(struct test *t)
{
	return t->c->heap[MEMMGR_KIND_POOL];
}

static struct memmgr_heap *slab_of(struct test *t)
{
	return t->c->heap[MEMMGR_KIND_SLAB];
}

static struct memmgr_heap *stack_of(struct test *t)
{
	return t->c->heap[MEMMGR_KIND_STACK];
}

static struct memmgr_heap *buddy_of(struct test *t)
{
	return t->c->heap[MEMMGR_KIND_BUDDY];
}

static u64 refused(struct memmgr_heap *heap)
{
	struct memmgr_stats stats;

	memmgr_heap_stats(heap, &stats);
	return stats.refused_frees;
}

/* Not inline: a function with the statistics of two moments has too large a frame. */
static noinline_for_stack u64 live_of(struct memmgr_heap *heap)
{
	struct memmgr_stats stats;

	memmgr_heap_stats(heap, &stats);
	return stats.kernel_live;
}

static noinline_for_stack u64 failures_of(struct memmgr_heap *heap, u32 reason)
{
	struct memmgr_stats stats;

	memmgr_heap_stats(heap, &stats);
	return stats.failures[reason];
}

/* A free that must be refused, and counted. */
static void expect_refused(struct test *t, struct memmgr_heap *heap, void *ptr)
{
	u64 before = refused(heap);

	expect(t, memmgr_free(heap, ptr) < 0);
	expect(t, refused(heap) == before + 1);
}

/* --- heaps --------------------------------------------------------------- */

static void test_unknown_heap(struct test *t)
{
	expect(t, memmgr_heap_get("no-such-heap") == ERR_PTR(-ENOENT));
	expect(t, memmgr_heap_get("") == ERR_PTR(-ENOENT));
	expect(t, memmgr_heap_get("a-name-much-longer-than-any-heap-could-have") ==
		  ERR_PTR(-ENOENT));
}

static void test_heap_kinds(struct test *t)
{
	int kind;

	for (kind = 0; kind < MEMMGR_KINDS; kind++)
		expect(t, memmgr_heap_kind(t->c->heap[kind]) == kind);
}

/* --- pool ---------------------------------------------------------------- */

/*
 * Takes all blocks of the pool. Each holds the address of the one before, and
 * its number.
 */
static void **pool_drain(struct memmgr_heap *pool, unsigned long *count)
{
	void **block, **chain = NULL;

	*count = 0;
	while ((block = memmgr_pool_get(pool))) {
		block[0] = chain;
		block[1] = (void *)*count;
		chain = block;
		*count += 1;
	}
	return chain;
}

static void pool_refill(struct test *t, void **chain, unsigned long count)
{
	void **block;

	while (chain) {
		block = chain;
		chain = block[0];
		count--;
		expect(t, block[1] == (void *)count);
		expect(t, !memmgr_pool_put(pool_of(t), block));
	}
	expect(t, count == 0);
}

static void test_pool_exhausted(struct test *t)
{
	u64 failures = failures_of(pool_of(t), MEMMGR_REASON_EXHAUSTED);
	u64 live = live_of(pool_of(t));
	struct memmgr_stats after;
	unsigned long count;
	void **chain;

	chain = pool_drain(pool_of(t), &count);
	memmgr_heap_stats(pool_of(t), &after);
	expect(t, count > 1);
	expect(t, after.kernel_live == live + count);
	expect(t, after.free == 0);
	expect(t, after.failures[MEMMGR_REASON_EXHAUSTED] == failures + 1);
	expect(t, !memmgr_alloc(pool_of(t), OBJECT, 0, 0));
	pool_refill(t, chain, count);
}

static void test_pool_put_twice(struct test *t)
{
	void *block = memmgr_pool_get(pool_of(t));
	u64 before = refused(pool_of(t));

	if (!expect(t, block))
		return;
	expect(t, !memmgr_pool_put(pool_of(t), block));
	expect(t, memmgr_pool_put(pool_of(t), block) < 0);
	expect(t, refused(pool_of(t)) == before + 1);
}

static void test_pool_put_inside(struct test *t)
{
	char *block = memmgr_pool_get(pool_of(t));

	if (!expect(t, block))
		return;
	expect_refused(t, pool_of(t), block + 1);
	expect_refused(t, pool_of(t), block + 8);
	expect(t, !memmgr_pool_put(pool_of(t), block));
}

static void test_pool_only(struct test *t)
{
	expect(t, !memmgr_pool_get(slab_of(t)));
	expect(t, !memmgr_pool_get(buddy_of(t)));
	expect(t, !memmgr_pool_get(stack_of(t)));
}

/* --- wrong frees --------------------------------------------------------- */

static void test_free_elsewhere(struct test *t)
{
	void *block;
	int from, to;

	for (from = 0; from < MEMMGR_KINDS; from++) {
		block = memmgr_alloc(t->c->heap[from], OBJECT, 0, 0);
		if (!expect(t, block))
			continue;
		for (to = 0; to < MEMMGR_KINDS; to++)
			if (to != from)
				expect_refused(t, t->c->heap[to], block);
		expect(t, !memmgr_free(t->c->heap[from], block));
		expect_refused(t, t->c->heap[from], block);
	}
}

static void test_free_wild(struct test *t)
{
	void *foreign = kmalloc(OBJECT, GFP_KERNEL);
	int kind;

	for (kind = 0; kind < MEMMGR_KINDS; kind++) {
		expect_refused(t, t->c->heap[kind], foreign);
		expect_refused(t, t->c->heap[kind], (void *)1);
		expect_refused(t, t->c->heap[kind], (void *)ULONG_MAX);
	}
	kfree(foreign);
}

/*
 * Whatever others hold in heap main, users' allocations and the arenas of
 * heaps, kernel code cannot free: every page of the region is tried.
 */
static void test_free_of_others(struct test *t)
{
	struct memmgr_heap *main_heap = memmgr_heap_get("main");
	struct memmgr_stats stats;
	char *mine, *page;
	u64 wrong = 0;

	if (!expect(t, !IS_ERR(main_heap)))
		return;
	memmgr_heap_stats(main_heap, &stats);
	mine = memmgr_alloc(main_heap, PAGE_SIZE, 0, 0);
	if (expect(t, mine)) {
		for (page = mine - stats.total; page < mine + stats.total; page += PAGE_SIZE) {
			if (page != mine && page != t->c->ring && !memmgr_free(main_heap, page))
				wrong++;
			cond_resched();	/* each is reported where errors are looked for */
		}
		expect(t, wrong == 0);
		expect(t, !memmgr_free(main_heap, mine));
	}
	memmgr_heap_put(main_heap);
}

/* --- slab ---------------------------------------------------------------- */

static void test_slab_objects(struct test *t)
{
	u64 **object = kcalloc(OBJECTS, sizeof(*object), GFP_KERNEL);
	int i;

	if (!expect(t, object))
		return;
	for (i = 0; i < OBJECTS; i++) {
		object[i] = memmgr_alloc(slab_of(t), OBJECT, 0, 0);
		if (!expect(t, object[i]))
			break;
		object[i][0] = i;
		object[i][OBJECT / sizeof(u64) - 1] = ~(u64)i;
	}
	while (i--) {
		expect(t, object[i][0] == i);
		expect(t, object[i][OBJECT / sizeof(u64) - 1] == ~(u64)i);
	}
	for (i = 0; i < OBJECTS; i++)	/* 7 and OBJECTS have no common divisor */
		if (object[i * 7 % OBJECTS])
			expect(t, !memmgr_free(slab_of(t), object[i * 7 % OBJECTS]));
	kfree(object);
}

/* Whole objects take another way than smaller requests: the last one stays aside. */
static void test_slab_whole(struct test *t)
{
	struct memmgr_stats stats;
	void *first, *second;

	memmgr_heap_stats(slab_of(t), &stats);
	first = memmgr_alloc(slab_of(t), stats.largest, 0, 0);
	second = memmgr_alloc(slab_of(t), stats.largest, 0, 0);
	if (!expect(t, first && second && first != second))
		return;
	expect(t, !memmgr_free(slab_of(t), first));
	expect(t, memmgr_free(slab_of(t), first) < 0);
	expect(t, memmgr_alloc(slab_of(t), stats.largest, 0, 0) == first);
	expect(t, !memmgr_free(slab_of(t), second));
	expect(t, !memmgr_free(slab_of(t), first));
	expect_refused(t, slab_of(t), second);
	expect_refused(t, slab_of(t), first);
}

static void test_slab_too_large(struct test *t)
{
	u64 failures = failures_of(slab_of(t), MEMMGR_REASON_TOO_LARGE);

	expect(t, !memmgr_alloc(slab_of(t), PAGE_SIZE * 64, 0, 0));
	expect(t, failures_of(slab_of(t), MEMMGR_REASON_TOO_LARGE) == failures + 1);
}

/* --- buddy --------------------------------------------------------------- */

static void test_buddy_sizes(struct test *t)
{
	size_t pages, align;
	char *block;

	for (pages = 1; pages <= 9; pages++) {
		align = roundup_pow_of_two(pages) * PAGE_SIZE;
		block = memmgr_alloc(buddy_of(t), pages * PAGE_SIZE, align, 0);
		if (!expect(t, block))
			continue;
		memset(block, 0xa5, pages * PAGE_SIZE);
		expect(t, !memmgr_free(buddy_of(t), block));
	}
}

static void test_bad_requests(struct test *t)
{
	int kind;

	for (kind = 0; kind < MEMMGR_KINDS; kind++) {
		struct memmgr_heap *heap = t->c->heap[kind];

		expect(t, !memmgr_alloc(heap, 0, 0, 0));
		expect(t, !memmgr_alloc(heap, SIZE_MAX, 0, 0));
		expect(t, !memmgr_alloc(heap, SIZE_MAX - PAGE_SIZE + 2, 0, 0));
		expect(t, !memmgr_alloc(heap, OBJECT, 24, 0));
		expect(t, !memmgr_alloc(heap, OBJECT, (size_t)1 << (BITS_PER_LONG - 1), 0));
	}
}

static void test_zeroed(struct test *t)
{
	char *block;
	int kind;

	for (kind = 0; kind < MEMMGR_KINDS; kind++) {
		block = memmgr_alloc(t->c->heap[kind], OBJECT, 0, 0);
		if (!expect(t, block))
			continue;
		memset(block, 0xa5, OBJECT);
		expect(t, !memmgr_free(t->c->heap[kind], block));
		block = memmgr_alloc(t->c->heap[kind], OBJECT, 0, MEMMGR_KALLOC_ZERO);
		if (!expect(t, block))
			continue;
		expect(t, !memchr_inv(block, 0, OBJECT));
		expect(t, !memmgr_free(t->c->heap[kind], block));
	}
}

/*
 * Flags of the kernel's own allocator, given by mistake: none of them means anything here,
 * least of all something else. The first such call is warned of, see client.boot.
 */
static void test_foreign_flags(struct test *t)
{
	static const unsigned int flags[] = {
		(__force unsigned int)GFP_KERNEL,
		(__force unsigned int)(GFP_KERNEL | __GFP_ZERO),
		(__force unsigned int)(GFP_ATOMIC | __GFP_NOWARN),
		(__force unsigned int)GFP_DMA,
		(__force unsigned int)__GFP_HIGHMEM,
		(__force unsigned int)GFP_KERNEL | MEMMGR_KALLOC_ZERO,
		1u << 0, 1u << 1, 1u << 16, 1u << 29,
	};
	char *block;
	u32 kind, i;

	for (kind = 0; kind < MEMMGR_KINDS; kind++) {
		for (i = 0; i < ARRAY_SIZE(flags); i++) {
			block = memmgr_alloc(t->c->heap[kind], OBJECT, 0, flags[i]);
			if (!expect(t, !block))
				memmgr_free(t->c->heap[kind], block);
		}
	}
}

static void test_phys(struct test *t)
{
	char *block = memmgr_alloc(buddy_of(t), 3 * PAGE_SIZE, 4 * PAGE_SIZE, 0);
	phys_addr_t first, later;

	if (!expect(t, block))
		return;
	expect(t, !memmgr_phys(buddy_of(t), block, &first));
	expect(t, IS_ALIGNED(first, 4 * PAGE_SIZE));
	expect(t, !memmgr_phys(buddy_of(t), block + 2 * PAGE_SIZE + 5, &later));
	expect(t, later == first + 2 * PAGE_SIZE + 5);
	expect(t, memmgr_phys(buddy_of(t), &first, &later) < 0);
	expect(t, memmgr_phys(buddy_of(t), NULL, &later) < 0);
	expect(t, !memmgr_free(buddy_of(t), block));
}

/* --- stack --------------------------------------------------------------- */

static void test_stack_order(struct test *t)
{
	void *low = memmgr_alloc(stack_of(t), OBJECT, 0, 0);
	void *high = memmgr_alloc(stack_of(t), OBJECT, 0, 0);

	if (!expect(t, low && high))
		return;
	expect(t, memmgr_free(stack_of(t), low) == -EBUSY);
	expect(t, !memmgr_free(stack_of(t), high));
	expect(t, !memmgr_free(stack_of(t), low));
}

static void test_stack_mark(struct test *t)
{
	u64 live = live_of(stack_of(t)), low, high;
	int i;

	expect(t, !memmgr_mark(stack_of(t), &low));
	for (i = 0; i < BURST; i++)
		expect(t, memmgr_alloc(stack_of(t), OBJECT, 0, 0));
	expect(t, !memmgr_mark(stack_of(t), &high));
	for (i = 0; i < BURST; i++)
		expect(t, memmgr_alloc(stack_of(t), OBJECT, 0, 0));
	expect(t, !memmgr_release(stack_of(t), high));
	expect(t, live_of(stack_of(t)) == live + BURST);
	expect(t, !memmgr_release(stack_of(t), low));
	expect(t, memmgr_release(stack_of(t), high) == -EINVAL);
}

static void test_stack_only(struct test *t)
{
	u64 mark;

	expect(t, memmgr_mark(pool_of(t), &mark) == -EOPNOTSUPP);
	expect(t, memmgr_release(pool_of(t), 0) == -EOPNOTSUPP);
	expect(t, memmgr_mark(buddy_of(t), &mark) == -EOPNOTSUPP);
	expect(t, memmgr_release(slab_of(t), 0) == -EOPNOTSUPP);
}

/* --- waiting ------------------------------------------------------------- */

static void test_wait_runs_out(struct test *t)
{
	unsigned long count, start, wait = msecs_to_jiffies(50);
	void **chain = pool_drain(pool_of(t), &count);

	start = jiffies;
	expect(t, !memmgr_pool_get_timeout(pool_of(t), wait));
	expect(t, time_after_eq(jiffies, start + wait));
	expect(t, !memmgr_pool_get_timeout(pool_of(t), 0));
	pool_refill(t, chain, count);
}

/**
 * struct putter - an interrupt that puts one block back
 * @timer: the interrupt
 * @pool: whose block
 * @block: the block
 * @err: of the put
 */
struct putter {
	struct hrtimer timer;
	struct memmgr_heap *pool;
	void *block;
	int err;
};

static enum hrtimer_restart putter_interrupt(struct hrtimer *timer)
{
	struct putter *p = container_of(timer, struct putter, timer);

	p->err = memmgr_pool_put(p->pool, p->block);
	return HRTIMER_NORESTART;
}

/* A put in hard interrupt context wakes who waits for a block. */
static void test_put_wakes(struct test *t)
{
	struct putter p = { .pool = pool_of(t), .err = -EINPROGRESS };
	unsigned long count, start = jiffies;
	void **chain = pool_drain(pool_of(t), &count);
	void **rest;

	if (!expect(t, chain))
		return;
	rest = chain[0];
	p.block = chain;
	hrtimer_setup_on_stack(&p.timer, putter_interrupt, CLOCK_MONOTONIC,
			       HRTIMER_MODE_REL_HARD);
	hrtimer_start(&p.timer, ms_to_ktime(20), HRTIMER_MODE_REL_HARD);
	chain = memmgr_pool_get_timeout(pool_of(t), 10 * HZ);
	hrtimer_cancel(&p.timer);
	destroy_hrtimer_on_stack(&p.timer);

	expect(t, p.err == 0);
	expect(t, chain == p.block);
	expect(t, time_before(jiffies, start + 5 * HZ));
	expect(t, !memmgr_pool_put(pool_of(t), chain));
	pool_refill(t, rest, count - 1);
}

/**
 * struct waiter - a thread that waits for a block and puts it back
 * @pool: whose block
 * @done: the thread has ended
 * @err: 0 when it got one
 */
struct waiter {
	struct memmgr_heap *pool;
	struct completion done;
	int err;
};

static int waiter_thread(void *data)
{
	struct waiter *w = data;
	void *block = memmgr_pool_get_timeout(w->pool, 10 * HZ);

	w->err = block ? memmgr_pool_put(w->pool, block) : -ETIMEDOUT;
	kthread_complete_and_exit(&w->done, 0);
}

/* One block is enough for all, one after the other. */
static void test_many_waiters(struct test *t)
{
	struct waiter waiter[WAITERS];
	unsigned long count, start = jiffies;
	void **chain = pool_drain(pool_of(t), &count);
	void **rest;
	int i;

	if (!expect(t, chain))
		return;
	rest = chain[0];
	for (i = 0; i < WAITERS; i++) {
		waiter[i].pool = pool_of(t);
		init_completion(&waiter[i].done);
		if (!expect(t, !IS_ERR(kthread_run(waiter_thread, &waiter[i], "memmgr_waiter"))))
			complete(&waiter[i].done);
	}
	msleep(50);
	expect(t, !memmgr_pool_put(pool_of(t), chain));
	for (i = 0; i < WAITERS; i++) {
		wait_for_completion(&waiter[i].done);
		expect(t, waiter[i].err == 0);
	}
	expect(t, time_before(jiffies, start + 5 * HZ));
	pool_refill(t, rest, count - 1);
}

/* --- interrupts and threads at once -------------------------------------- */

static void expect_reports(struct test *t)
{
	struct client *c = t->c;
	struct report *report;
	u32 reports = 0;

	list_for_each_entry(report, &c->reports, list) {
		expect(t, report->sum == (report->number & 0xff) * 256);
		expect(t, report->phys);
		reports++;
	}
	expect(t, reports == c->processed);
	expect(t, c->processed + c->lost == c->captured);
	expect(t, c->captured + c->dropped == FRAMES);
	client_drop_reports(c);
}

static void test_interrupt(struct test *t)
{
	client_start(t->c, FRAMES, ns_to_ktime(200 * NSEC_PER_USEC));
	client_wait(t->c);
	expect(t, t->c->captured > 0);
	expect(t, t->c->lost == 0);
	expect_reports(t);
}

/* The interrupt meets an empty pool: it drops frames and goes on. */
static void test_interrupt_exhausted(struct test *t)
{
	unsigned long count;
	void **chain = pool_drain(pool_of(t), &count);

	client_start(t->c, FRAMES, ns_to_ktime(50 * NSEC_PER_USEC));
	client_wait(t->c);
	expect(t, t->c->dropped == FRAMES);
	expect_reports(t);
	pool_refill(t, chain, count);
}

#define SLOTS	16

/**
 * struct worker - a thread that allocates and frees at random
 * @c: from whose heaps
 * @done: the thread has ended
 * @random: state of its random numbers
 * @block: what it holds; each block begins with its own address and @random
 * @kind: which heap each block is from
 * @mark: the second word of each block
 * @wrong: blocks that had changed, and frees that were refused
 * @served: blocks that it got
 */
struct worker {
	struct client *c;
	struct completion done;
	u32 random;
	unsigned long *block[SLOTS];
	int kind[SLOTS];
	unsigned long mark[SLOTS];
	u32 wrong;
	u32 served;
};

static u32 worker_random(struct worker *w)
{
	w->random = w->random * 1664525 + 1013904223;
	return w->random >> 8;
}

static void worker_alloc(struct worker *w, int slot)
{
	/* not the stack: its order would be everybody's */
	static const int kinds[] = {
		MEMMGR_KIND_BUDDY, MEMMGR_KIND_SLAB, MEMMGR_KIND_POOL, MEMMGR_KIND_TLSF,
	};
	int kind = kinds[worker_random(w) % ARRAY_SIZE(kinds)];
	size_t bytes = OBJECT;
	unsigned long *block;

	if (kind == MEMMGR_KIND_BUDDY)
		bytes = (1 + worker_random(w) % 4) * PAGE_SIZE;
	else if (kind == MEMMGR_KIND_TLSF)
		bytes = 2 * sizeof(long) + worker_random(w) % 1000;
	block = memmgr_alloc(w->c->heap[kind], bytes, 0, 0);
	w->block[slot] = block;
	if (!block)
		return;
	w->served++;
	w->kind[slot] = kind;
	w->mark[slot] = w->random;
	block[0] = (unsigned long)block;
	block[1] = w->random;
}

static void worker_free(struct worker *w, int slot)
{
	unsigned long *block = w->block[slot];

	if (block[0] != (unsigned long)block || block[1] != w->mark[slot])
		w->wrong++;
	if (memmgr_free(w->c->heap[w->kind[slot]], block))
		w->wrong++;
	w->block[slot] = NULL;
}

static int worker_thread(void *data)
{
	struct worker *w = data;
	int i, slot;

	for (i = 0; i < ROUNDS; i++) {
		slot = worker_random(w) % SLOTS;
		if (w->block[slot])
			worker_free(w, slot);
		else
			worker_alloc(w, slot);
		if (i % 256 == 0)
			cond_resched();
	}
	for (slot = 0; slot < SLOTS; slot++)
		if (w->block[slot])
			worker_free(w, slot);
	kthread_complete_and_exit(&w->done, 0);
}

static void worker_start(struct test *t, struct worker *w, unsigned int cpu)
{
	struct task_struct *task;

	w->c = t->c;
	w->random = cpu + 1;
	init_completion(&w->done);
	task = kthread_create_on_cpu(worker_thread, w, cpu, "memmgr_worker/%u");
	if (expect(t, !IS_ERR(task)))
		wake_up_process(task);
	else
		complete(&w->done);
}

static void test_concurrent(struct test *t)
{
	unsigned int cpu, cpus = num_online_cpus();
	struct worker *worker = kcalloc(cpus, sizeof(*worker), GFP_KERNEL);

	if (!expect(t, worker))
		return;
	client_start(t->c, FRAMES, ns_to_ktime(200 * NSEC_PER_USEC));
	for (cpu = 0; cpu < cpus; cpu++)
		worker_start(t, &worker[cpu], cpumask_nth(cpu, cpu_online_mask));
	for (cpu = 0; cpu < cpus; cpu++) {
		wait_for_completion(&worker[cpu].done);
		expect(t, worker[cpu].wrong == 0);
		expect(t, worker[cpu].served > ROUNDS / 8);
	}
	client_wait(t->c);
	expect_reports(t);
	kfree(worker);
}

/* --- the run ------------------------------------------------------------- */

static const struct {
	const char *name;
	void (*run)(struct test *t);
} tests[] = {
	{ "unknown_heap",		test_unknown_heap },
	{ "heap_kinds",			test_heap_kinds },
	{ "bad_requests",		test_bad_requests },
	{ "zeroed",			test_zeroed },
	{ "foreign_flags",		test_foreign_flags },
	{ "pool_exhausted",		test_pool_exhausted },
	{ "pool_put_twice",		test_pool_put_twice },
	{ "pool_put_inside",		test_pool_put_inside },
	{ "pool_only",			test_pool_only },
	{ "slab_objects",		test_slab_objects },
	{ "slab_whole",			test_slab_whole },
	{ "slab_too_large",		test_slab_too_large },
	{ "buddy_sizes",		test_buddy_sizes },
	{ "phys",			test_phys },
	{ "stack_order",		test_stack_order },
	{ "stack_mark",			test_stack_mark },
	{ "stack_only",			test_stack_only },
	{ "wait_runs_out",		test_wait_runs_out },
	{ "put_wakes",			test_put_wakes },
	{ "many_waiters",		test_many_waiters },
	{ "interrupt",			test_interrupt },
	{ "interrupt_exhausted",	test_interrupt_exhausted },
	{ "concurrent",			test_concurrent },
	{ "free_elsewhere",		test_free_elsewhere },
	{ "free_wild",			test_free_wild },
	{ "free_of_others",		test_free_of_others },
};

/* What no test may change. Index: enum memmgr_kind. */
struct books {
	struct memmgr_stats stats[MEMMGR_KINDS];
};

static void books_read(struct test *t, struct books *books)
{
	int kind;

	for (kind = 0; kind < MEMMGR_KINDS; kind++)
		memmgr_heap_stats(t->c->heap[kind], &books->stats[kind]);
}

/*
 * The slab heap may keep an empty slab for later: what it holds of heap main is
 * not the test's.
 */
static void books_compare(struct test *t, const struct books *was, const struct books *is)
{
	bool slabs = is->stats[MEMMGR_KIND_SLAB].total != was->stats[MEMMGR_KIND_SLAB].total;
	int kind;

	for (kind = 0; kind < MEMMGR_KINDS; kind++) {
		const struct memmgr_stats *a = &was->stats[kind], *b = &is->stats[kind];
		bool other = slabs && kind == MEMMGR_KIND_BUDDY;

		expect(t, b->used + b->free == b->total);
		expect(t, b->used == a->used || other);
		expect(t, b->requested == a->requested || other);
		expect(t, b->allocs - b->frees == a->allocs - a->frees || other);
		expect(t, b->kernel_live == a->kernel_live || other);
	}
}

int client_test(struct client *c, struct seq_file *out)
{
	struct test t = { .c = c, .out = out };
	struct books *books = kmalloc_array(2, sizeof(*books), GFP_KERNEL);
	int i;

	if (!books)
		return -ENOMEM;
	seq_printf(out, "KTAP version 1\n1..%zu\n", ARRAY_SIZE(tests));
	for (i = 0; i < ARRAY_SIZE(tests); i++) {
		t.failed = 0;
		books_read(&t, &books[0]);
		tests[i].run(&t);
		books_read(&t, &books[1]);
		books_compare(&t, &books[0], &books[1]);
		seq_printf(out, "%s %d %s\n", t.failed ? "not ok" : "ok", i + 1, tests[i].name);
	}
	kfree(books);
	return 0;
}
