// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Measures memmgr beside the kernel's own allocators.
 *
 * Reading /sys/kernel/debug/memmgr_bench/IMPL.NAME runs one measurement and
 * gives its result as one line of JSON. The heaps that it needs must exist;
 * bench.sh makes them.
 */
#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/seq_file.h>
#include <linux/memmgr.h>
#include "bench.h"

#define CLOCK_NOPS	64

static char *unit = "cycles";
module_param(unit, charp, 0444);
MODULE_PARM_DESC(unit, "what the clock counts here (insn in QEMU with -icount shift=0)");

static struct dentry *bench_dir;
static DEFINE_MUTEX(bench_lock);	/* one measurement at a time */

/* A section of a known length: shows whether the clock can be trusted. */
static int clock_nops(struct sample *s, struct memmgr_heap *heap)
{
	u32 i;

	for (i = 0; i < BENCH_PAIRS; i++) {
		bench_begin(s);
		asm volatile(".rept " __stringify(CLOCK_NOPS) "\n\tnop\n\t.endr" : : : "memory");
		sample_add(s, bench_end(s));
	}
	return 0;
}

static const struct bench clock_benches[] = {
	{ "clock_64_nops", "clock", NULL, clock_nops },
	{ }
};

/* What a move is measured by: a granule of the region copied to another. */
static int copy_granule(struct sample *s, struct memmgr_heap *heap)
{
	void *from = memmgr_alloc(heap, PAGE_SIZE, PAGE_SIZE, MEMMGR_KALLOC_ZERO);
	void *to = memmgr_alloc(heap, PAGE_SIZE, PAGE_SIZE, 0);
	u32 i;

	for (i = 0; i < BENCH_PAIRS && from && to; i++) {
		bench_begin(s);
		memcpy(to, from, PAGE_SIZE);
		sample_add(s, bench_end(s));
	}
	memmgr_free(heap, to);
	memmgr_free(heap, from);
	return from && to ? 0 : -ENOMEM;
}

static const struct bench copy_benches[] = {
	{ "copy_granule", "kernel", "main", copy_granule },
	{ }
};

static const struct bench * const bench_tables[] = {
	clock_benches, copy_benches, heap_benches, board_benches, random_benches, rival_benches,
};

/*
 * The cheapest of many empty sections; the others were hit from outside. Not
 * inlined: where the compiler sees the sample it would measure another way
 * than the measurements do.
 */
static noinline void calibrate(struct sample *s)
{
	u32 least = U32_MAX;
	int i;

	s->overhead = 0;
	for (i = 0; i < 1000; i++) {
		bench_begin(s);
		least = min(least, bench_end(s));
	}
	s->overhead = least;
}

static int bench_run(const struct bench *b, struct sample *s)
{
	struct memmgr_heap *heap = NULL;
	int err;

	if (b->heap) {
		heap = memmgr_heap_get(b->heap);
		if (IS_ERR(heap))
			return PTR_ERR(heap);
	}
	err = b->run(s, heap);
	if (heap)
		memmgr_heap_put(heap);
	return err;
}

static int bench_show(struct seq_file *file, void *unused)
{
	const struct bench *b = file->private;
	struct sample s = { };
	u64 tenths;
	u32 tenth;
	int err;

	mutex_lock(&bench_lock);
	calibrate(&s);
	err = bench_run(b, &s);
	mutex_unlock(&bench_lock);
	if (err)
		return err;

	tenths = div_u64_rem(div_u64(s.sum * 10 + s.n / 2, s.n), 10, &tenth);
	seq_printf(file, "{\"name\":\"%s\",\"impl\":\"%s\",", b->name, b->impl);
	seq_printf(file, "\"unit\":\"%s\"", unit);
	seq_printf(file, ",\"mean\":%llu.%u,\"max\":%u,\"n\":%u}\n", tenths, tenth, s.max, s.n);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(bench);

static int __init bench_init(void)
{
	const struct bench *b;
	char name[64];
	int i;

	bench_dir = debugfs_create_dir("memmgr_bench", NULL);
	for (i = 0; i < ARRAY_SIZE(bench_tables); i++) {
		for (b = bench_tables[i]; b->name; b++) {
			snprintf(name, sizeof(name), "%s.%s", b->impl, b->name);
			debugfs_create_file(name, 0400, bench_dir, (void *)b, &bench_fops);
		}
	}
	bare_start(bench_dir);
	off_start(bench_dir);
	return 0;
}

static void __exit bench_exit(void)
{
	off_end();
	debugfs_remove(bench_dir);
	bare_end();
}

module_init(bench_init);
module_exit(bench_exit);
MODULE_DESCRIPTION("measures memmgr beside the kernel's own allocators");
MODULE_LICENSE("Dual MIT/GPL");
