/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Measuring pairs of alloc and free, one by one.
 *
 * Every pair is timed on its own with interrupts off, so the worst one is
 * known. What reading the clock itself costs is measured beforehand and
 * subtracted: an empty section counts as 0.
 *
 * On 32-bit Arm the clock is the cycle counter of the performance monitor. In
 * QEMU with -icount shift=0 it counts instructions, exactly; the architected
 * timer would count them in steps of 16. Elsewhere the clock is ktime.
 */
#ifndef _MEMMGR_BENCH_H
#define _MEMMGR_BENCH_H

#include <linux/irqflags.h>
#include <linux/ktime.h>
#include <linux/types.h>

#define BENCH_PAIRS	10000	/* pairs of one measurement, unless it says otherwise */
#define BENCH_LIVE	4096	/* live blocks of the measurements named *_live */
#define BENCH_OBJECT	64	/* bytes of an object */
#define BENCH_BULK	64	/* blocks of a call for many */

struct dentry;
struct memmgr_heap;

/**
 * struct sample - the pairs that were timed so far
 * @sum: of all costs
 * @max: highest cost of one pair
 * @n: pairs
 * @overhead: cost of an empty section
 * @start: clock at the start of the section
 * @irqflags: of the caller of bench_begin()
 */
struct sample {
	u64 sum;
	u32 max;
	u32 n;
	u32 overhead;
	u32 start;
	unsigned long irqflags;
};

/**
 * struct bench - one measurement
 * @name: what is measured; the same for all that may be compared
 * @impl: whose allocator
 * @heap: name of the memmgr heap that it needs, NULL for none
 * @run: fills the sample; -errno when the measurement is void
 */
struct bench {
	const char *name;
	const char *impl;
	const char *heap;
	int (*run)(struct sample *s, struct memmgr_heap *heap);
};

/* bare.c */
void bare_start(struct dentry *dir);
void bare_end(void);

/* off.c */
void off_start(struct dentry *dir);
void off_end(void);

/* Each table ends with an entry without a name. */
extern const struct bench heap_benches[];
extern const struct bench board_benches[];
extern const struct bench random_benches[];
extern const struct bench rival_benches[];

#ifdef CONFIG_ARM
#define PMCR_ENABLE		BIT(0)
#define PMCR_DIVIDE_BY_64	BIT(3)
#define PMCNTEN_CYCLES		BIT(31)

static __always_inline void bench_clock_enable(void)
{
	u32 pmcr;

	asm volatile("mrc p15, 0, %0, c9, c12, 0" : "=r" (pmcr));
	pmcr = (pmcr | PMCR_ENABLE) & ~PMCR_DIVIDE_BY_64;
	asm volatile("mcr p15, 0, %0, c9, c12, 0" : : "r" (pmcr));
	asm volatile("mcr p15, 0, %0, c9, c12, 1" : : "r" (PMCNTEN_CYCLES));
}

static __always_inline u32 bench_clock(void)
{
	u32 cycles;

	asm volatile("mrc p15, 0, %0, c9, c13, 0" : "=r" (cycles) : : "memory");
	return cycles;
}
#else
static __always_inline void bench_clock_enable(void)
{
}

static __always_inline u32 bench_clock(void)
{
	return ktime_get_ns();
}
#endif

static __always_inline void bench_begin(struct sample *s)
{
	local_irq_save(s->irqflags);
	bench_clock_enable();
	s->start = bench_clock();
}

/* Ends the section; returns its cost. */
static __always_inline u32 bench_end(struct sample *s)
{
	u32 cost = bench_clock() - s->start;

	local_irq_restore(s->irqflags);
	return cost > s->overhead ? cost - s->overhead : 0;
}

static inline void sample_add(struct sample *s, u32 cost)
{
	s->sum += cost;
	s->max = max(s->max, cost);
	s->n++;
}

/*
 * Times @count pairs of @alloc, an expression that gives the block, and @free,
 * one that takes "block" and gives 0 or an error. Gives 0 or an error.
 */
#define bench_pairs(s, count, alloc, free)				\
({									\
	struct sample *s_ = (s);					\
	u32 left_ = (count);						\
	int err_ = 0;							\
									\
	while (!err_ && left_--) {					\
		void *block;						\
									\
		bench_begin(s_);					\
		block = (alloc);					\
		err_ = (free);						\
		sample_add(s_, bench_end(s_));				\
		if (!block)						\
			err_ = -ENOMEM;					\
	}								\
	err_;								\
})

/* BENCH_BULK pairs cost @cost. What counts is one of them, rounded up for the worst. */
static inline void sample_add_lot(struct sample *s, u32 cost)
{
	s->sum += cost;
	s->max = max_t(u32, s->max, DIV_ROUND_UP(cost, BENCH_BULK));
	s->n += BENCH_BULK;
}

/*
 * Times @count lots of BENCH_BULK pairs: @alloc gives 0 when it fails, @free gives 0 or an
 * error. Gives 0 or an error.
 */
#define bench_lots(s, count, alloc, free)				\
({									\
	struct sample *s_ = (s);					\
	u32 left_ = (count);						\
	int err_ = 0;							\
									\
	while (!err_ && left_--) {					\
		bench_begin(s_);					\
		err_ = (alloc) ? (free) : -ENOMEM;			\
		sample_add_lot(s_, bench_end(s_));			\
	}								\
	err_;								\
})

/* random.c: BENCH_LIVE live blocks, NULL when they do not fit; and their end. */
void **bench_fill(struct memmgr_heap *heap, size_t (*bytes)(u32 *state), u32 *state);
void bench_empty(struct memmgr_heap *heap, void **live, u32 count);

/* The same sequence in every run: numbers must repeat to the digit. */
static inline u32 bench_random(u32 *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

#endif /* _MEMMGR_BENCH_H */
