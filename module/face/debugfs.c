// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * /sys/kernel/debug/memmgr/<region>/: one file for each subject. Every file begins with
 * a line "# memmgr <file> 1"; the number changes when a table changes in a way
 * that a script would notice. A second line with '#' names the columns.
 */
#include <linux/ctype.h>
#include <linux/debugfs.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "base/kept.h"
#include "client/debug.h"
#include "client/quota.h"
#include "debug/inject.h"
#include "debug/latency.h"
#include "debug/reports.h"
#include "debug/sites.h"
#include "face/debugfs.h"
#include "face/nodes.h"
#include "heap/account.h"
#include "heap/arena.h"
#include "heap/heap.h"
#include "heap/kinds.h"
#include "heap/lookup.h"
#include "heap/rights.h"
#include "heap/stats.h"
#include "move/explain.h"
#include "move/health.h"
#include "move/state.h"
#include "region/failures.h"
#include "region/stop.h"
#include "region/memory.h"
#include "region/region.h"
#include "region/remap.h"

#define MAP_CELLS	1024u
#define MAP_COLUMNS	64u

static struct dentry *debugfs_root;

static void head_version(struct seq_file *m, const char *file, int version)
{
	seq_printf(m, "# memmgr %s %d\n", file, version);
}

static void head(struct seq_file *m, const char *file)
{
	head_version(m, file, 1);
}

/* Print a user's text as one word, so that it cannot forge columns or lines. */
static void word(struct seq_file *m, const char *text)
{
	const char *p;

	seq_puts(m, *text ? " " : " -");
	for (p = text; *p; p++) {
		if (isascii(*p) && isgraph(*p) && *p != '\\')
			seq_putc(m, *p);
		else
			seq_printf(m, "\\%03o", (unsigned char)*p);
	}
}

/* Call @show for each heap of the region. */
static void each_heap(struct seq_file *m,
		      void (*show)(struct seq_file *m, struct memmgr_heap *heap))
{
	struct region *region = m->private;
	struct memmgr_heap *heap;
	u32 id;

	for (id = 0; (heap = heap_get_next(region, id)); id++) {
		id = heap->id;
		show(m, heap);
		heap_put(heap);
	}
}

static int summary_show(struct seq_file *m, void *unused)
{
	struct region *region = m->private;
	struct memmgr_heap *main = heap_get(region, MEMMGR_HEAP_MAIN);
	struct memmgr_stats *stats;

	if (!main)
		return -ENODEV;
	stats = kzalloc(sizeof(*stats), GFP_KERNEL);
	if (!stats) {
		heap_put(main);
		return -ENOMEM;
	}
	heap_stats(main, stats);
	head(m, "summary");
	seq_printf(m, "name %s\n", region->name);
	seq_printf(m, "device /dev/%s\n", region->nodes->dev_name);
	seq_printf(m, "source %s\n",
		   region->memory.flags & MEMMGR_REGION_DT ? "device-tree" :
		   region->memory.flags & MEMMGR_REGION_RESERVED ? "parameters" :
		   "system");
	seq_printf(m, "size %llu\n", region->memory.bytes);
	if (region->memory.flags & MEMMGR_REGION_CONTIGUOUS &&
	    file_ns_capable(m->file, &init_user_ns, CAP_SYS_ADMIN))
		seq_printf(m, "phys 0x%llx\n", region_phys(region, 0));
	seq_printf(m, "cache %s\n", region_cache(region));
	seq_printf(m, "pages %d\n", !!(region->memory.flags & MEMMGR_REGION_PAGES));
	seq_printf(m, "granule %lu\n", PAGE_SIZE);
	seq_printf(m, "max_align %llu\n", region->memory.max_align);
	seq_printf(m, "join %d\n", !!(region->memory.flags & MEMMGR_REGION_JOIN));
	seq_printf(m, "heaps %u\n", heap_count(region));
	seq_printf(m, "used %llu\n", stats->used);
	seq_printf(m, "free %llu\n", stats->free);
	seq_printf(m, "peak %llu\n", stats->peak);
	seq_printf(m, "largest %llu\n", stats->largest);
	seq_printf(m, "failures %llu\n", failures_total(&region->failures));
	seq_printf(m, "kernel_bytes %llu\n", region_cost(region));
	kfree(stats);
	heap_put(main);
	return 0;
}

static void heap_line(struct seq_file *m, struct memmgr_heap *heap)
{
	struct memmgr_stats *s = kzalloc(sizeof(*s), GFP_KERNEL);
	struct heap_rights rights = heap_rights_of(heap);
	u64 failures;
	int i;

	if (!s)
		return;
	heap_stats(heap, s);
	failures = s->injected;
	for (i = 0; i < MEMMGR_STATS_REASONS; i++)
		failures += s->failures[i];
	seq_printf(m, "%-3u %-31s %-6s %-7s %12llu %12llu %12llu %12llu %12llu %8u %8u %10llu %10llu %8llu %12llu %04o %6u %6u\n",
		   heap->id, heap->name, heap_kind_name(heap->kind),
		   heap->flags & MEMMGR_HEAP_PRIVATE ? "private" : "shared",
		   heap->bytes, s->total, s->used, s->peak, s->requested,
		   s->live, s->kernel_live, s->allocs, s->frees, failures, heap_cost(heap),
		   rights.mode, __kuid_val(rights.uid), __kgid_val(rights.gid));
	kfree(s);
}

static int heaps_show(struct seq_file *m, void *unused)
{
	head_version(m, "heaps", 3);
	seq_puts(m, "#id name kind access bytes total used peak requested live kernel_live allocs frees failures kernel_bytes mode uid gid\n");
	each_heap(m, heap_line);
	return 0;
}

static void orders_lines(struct seq_file *m, struct memmgr_heap *heap)
{
	struct memmgr_frag *f = kzalloc(sizeof(*f), GFP_KERNEL);
	u32 o;

	if (!f)
		return;
	heap_frag(heap, f);
	for (o = 0; o < f->orders; o++)
		seq_printf(m, "%-31s %5u %12llu %10llu %8d %6d\n", heap->name, o,
			   f->unit << o, f->blocks[o], f->unusable[o],
			   f->index[o]);
	kfree(f);
}

static int orders_show(struct seq_file *m, void *unused)
{
	head(m, "orders");
	seq_puts(m, "#heap order bytes free_blocks unusable index\n");
	each_heap(m, orders_lines);
	return 0;
}

static void fragmentation_line(struct seq_file *m, struct memmgr_heap *heap)
{
	struct memmgr_frag *f = kzalloc(sizeof(*f), GFP_KERNEL);

	if (!f)
		return;
	heap_frag(heap, f);
	seq_printf(m, "%-31s %12llu %12llu %10llu %8u %8u\n", heap->name,
		   f->free, f->largest, f->free_blocks, f->external, f->internal);
	kfree(f);
}

static int fragmentation_show(struct seq_file *m, void *unused)
{
	head(m, "fragmentation");
	seq_puts(m, "#heap free largest free_blocks external internal\n");
	each_heap(m, fragmentation_line);
	return 0;
}

/* '.': free, '#': full, '1' to '9': tenths used. */
static char cell_char(const struct memmgr_cell *cell, u64 cell_bytes)
{
	u64 tenths = div64_u64(cell->used * 10, cell_bytes);

	if (!cell->used)
		return '.';
	return cell->used == cell_bytes ? '#' : '0' + max_t(u64, tenths, 1);
}

static int map_show(struct seq_file *m, void *unused)
{
	struct region *region = m->private;
	struct memmgr_cell *cells;
	u64 cell_bytes;
	u32 n, i;

	cells = kvcalloc(MAP_CELLS, sizeof(*cells), GFP_KERNEL);
	if (!cells)
		return -ENOMEM;
	n = heap_picture(region, cells, MAP_CELLS, &cell_bytes);
	head(m, "map");
	seq_printf(m, "# a character is %llu bytes: '.' free, '1' to '9' tenths used, '#' full\n",
		   cell_bytes);
	for (i = 0; i < n; i++) {
		if (i % MAP_COLUMNS == 0)
			seq_printf(m, "%s%010llx ", i ? "\n" : "",
				   i * cell_bytes);
		seq_putc(m, cell_char(&cells[i], cell_bytes));
	}
	seq_putc(m, '\n');
	kvfree(cells);
	return 0;
}

static const char *access_word(const struct memmgr_info *info)
{
	bool sealed = info->state & MEMMGR_INFO_SEALED;

	if (info->access & MEMMGR_ACCESS_WRITE)
		return sealed ? "rws" : "rw";
	if (info->access & MEMMGR_ACCESS_READ)
		return sealed ? "rs" : "r";
	return sealed ? "-s" : "-";
}

static void allocations_lines(struct seq_file *m, struct memmgr_heap *heap)
{
	struct memmgr_info info = { 0 };
	u32 index = 0;

	while (heap_info_next(heap, NULL, &index, &info)) {
		seq_printf(m, "%-31s 0x%010llx %12llu %12llu %7u %7u", heap->name,
			   info.offset, info.bytes, info.granted, info.pid, info.tid);
		word(m, info.comm);
		seq_printf(m, " %6u %-10s %5u %llu %3s %3u %4llu", info.uid,
			   info.state & MEMMGR_INFO_HELD ? "held" :
			   info.flags & MEMMGR_ALLOC_PERSISTENT ? "persistent" : "client",
			   info.pins, info.time_ns, access_word(&info), info.exports,
			   info.violations);
		word(m, info.tag);
		seq_putc(m, '\n');
	}
}

static int allocations_show(struct seq_file *m, void *unused)
{
	head_version(m, "allocations", 2);
	seq_puts(m, "#heap offset bytes granted pid tid comm uid owner pins time_ns access exports violations tag\n");
	each_heap(m, allocations_lines);
	return 0;
}

static const char * const reasons[MEMMGR_REASONS] = {
	[MEMMGR_REASON_NONE]		= "none",
	[MEMMGR_REASON_EXHAUSTED]	= "exhausted",
	[MEMMGR_REASON_FRAGMENTED]	= "fragmented",
	[MEMMGR_REASON_ALIGNMENT]	= "alignment",
	[MEMMGR_REASON_QUOTA]		= "quota",
	[MEMMGR_REASON_RECORDS]		= "records",
	[MEMMGR_REASON_PINNED]		= "pinned",
	[MEMMGR_REASON_TOO_LARGE]	= "too-large",
	[MEMMGR_REASON_LIMIT]		= "limit",
	[MEMMGR_REASON_PARENT]		= "parent",
	[MEMMGR_REASON_TIMEOUT]		= "timeout",
	[MEMMGR_REASON_BLOCKED]		= "blocked",
	[MEMMGR_REASON_INJECTED]	= "injected",
	[MEMMGR_REASON_WINDOWS]		= "windows",
};

static int failures_show(struct seq_file *m, void *unused)
{
	struct region *region = m->private;
	struct memmgr_failure f = { 0 };
	struct kept whose;

	head(m, "failures");
	seq_puts(m, "#seq time_ns heap reason bytes align largest free pid uid comm\n");
	while (failures_next(&region->failures, f.seq, &f, &whose)) {
		seq_printf(m, "%-6llu %15llu %-31s %-10s %12llu %8llu %12llu %12llu %7u %6u",
			   f.seq, f.time_ns, f.heap_name, reasons[f.reason], f.bytes,
			   f.align, f.largest, f.free, f.pid, f.uid);
		word(m, f.comm);
		seq_putc(m, '\n');
	}
	return 0;
}

#if IS_ENABLED(CONFIG_MEMMGR_DEBUG)
static int sites_show(struct seq_file *m, void *unused)
{
	/* Only root can read these files. */
	static const struct viewer viewer = { .admin = true };
	struct memmgr_site *site = kmalloc(sizeof(*site), GFP_KERNEL);
	struct region *region = m->private;
	u64 after = 0;

	if (!site)
		return -ENOMEM;
	head(m, "sites");
	seq_puts(m, "#id kind live bytes allocs offset where\n");
	while (sites_next(region, &viewer, &after, site)) {
		seq_printf(m, "%-4u %-6s %8llu %12llu %12llu 0x%08llx", site->id,
			   site->kind == MEMMGR_SITE_KERNEL ? "kernel" : "user",
			   site->live, site->live_bytes, site->allocs, site->offset);
		word(m, site->name);
		seq_putc(m, '\n');
	}
	kfree(site);
	return 0;
}

static const char * const corruption_kinds[MEMMGR_CORRUPTIONS] = {
	[0]				= "unknown",
	[MEMMGR_CORRUPTION_BEFORE]	= "before",
	[MEMMGR_CORRUPTION_BEHIND]	= "behind",
	[MEMMGR_CORRUPTION_FREED]	= "freed",
	[MEMMGR_CORRUPTION_DOUBLE_FREE]	= "double-free",
	[MEMMGR_CORRUPTION_WRONG_FREE]	= "wrong-free",
	[MEMMGR_CORRUPTION_STALE]	= "stale",
	[MEMMGR_CORRUPTION_GUARD]	= "guard",
};

/* Print an offset; "-" if it is not known or lies outside of the region. */
static void place(struct seq_file *m, u64 offset)
{
	if (offset == ~0ull)
		seq_puts(m, " -");
	else
		seq_printf(m, " 0x%010llx", offset);
}

static void corruption_line(struct seq_file *m, const struct memmgr_corruption *c)
{
	int dump = min(c->dump, MEMMGR_CORRUPTION_DUMP);

	seq_printf(m, "%-6llu %15llu %-31s %-11s", c->seq, c->time_ns, c->heap_name,
		   corruption_kinds[c->kind < MEMMGR_CORRUPTIONS ? c->kind : 0]);
	place(m, c->place);
	place(m, c->offset);
	seq_printf(m, " %12llu %8llu %8llu 0x%llx %7u %7u %6u", c->bytes, c->distance,
		   c->damaged, c->handle, c->pid, c->tid, c->uid);
	word(m, c->comm);
	seq_printf(m, " %llu %u %7u %7u", c->alloc_ns, c->site, c->free_pid, c->free_tid);
	word(m, c->free_comm);
	seq_printf(m, " %llu %u %7u %7u", c->free_ns, c->free_site, c->finder,
		   c->finder_tid);
	word(m, c->finder_comm);
	seq_printf(m, " %u", c->finder_site);
	if (dump)
		seq_printf(m, " %*phN %*phN", dump, c->expected, dump, c->found);
	else
		seq_puts(m, " - -");
	word(m, c->tag);
	seq_putc(m, '\n');
}

static int corruptions_show(struct seq_file *m, void *unused)
{
	struct memmgr_corruption *c = kzalloc(sizeof(*c), GFP_KERNEL);
	struct kept whose;

	if (!c)
		return -ENOMEM;
	head(m, "corruptions");
	seq_puts(m, "#seq time_ns heap kind place offset bytes distance damaged handle pid tid uid comm alloc_ns site free_pid free_tid free_comm free_ns free_site finder finder_tid finder_comm finder_site expected found tag\n");
	while (corruptions_next(m->private, c->seq, c, &whose))
		corruption_line(m, c);
	kfree(c);
	return 0;
}
#endif

static void account_head(struct seq_file *m, const char *whose)
{
	seq_printf(m, "%s bytes peak max_bytes allocations max_allocations heaps max_heaps windows max_windows pins max_pins records max_records refused\n",
		   whose);
}

static void account_columns(struct seq_file *m, const struct memmgr_account *a)
{
	seq_printf(m, " %12llu %12llu %12llu %8u %8u %5u %5u %8u %8u %6u %6u %6u %6u %8llu\n",
		   a->bytes, a->peak, a->max_bytes, a->allocations, a->max_allocations,
		   a->heaps, a->max_heaps, a->windows, a->max_windows, a->pins, a->max_pins,
		   a->records, a->max_records, a->refused);
}

static int clients_show(struct seq_file *m, void *unused)
{
	struct memmgr_account a;
	u64 cursor = 0;

	head_version(m, "clients", 2);
	account_head(m, "#id uid pid comm state");
	while (client_account_next(m->private, NULL, false, &cursor, &a)) {
		seq_printf(m, "%-6llu %6u %7u", a.id, a.uid, a.pid);
		word(m, a.comm);
		seq_printf(m, " %-6s", a.flags & MEMMGR_ACCOUNT_CLOSED ? "closed" : "open");
		account_columns(m, &a);
	}
	return 0;
}

static int users_show(struct seq_file *m, void *unused)
{
	struct memmgr_account a;
	u64 cursor = 0;

	head_version(m, "users", 2);
	account_head(m, "#uid clients");
	while (client_account_next(m->private, NULL, true, &cursor, &a)) {
		seq_printf(m, "%-6u %7u", a.uid, a.clients);
		account_columns(m, &a);
	}
	return 0;
}

static void movable_line(struct seq_file *m, struct memmgr_heap *heap)
{
	struct memmgr_explain e = { 0 };

	if (compact_explain(heap, &e))
		return;
	seq_printf(m, "%-31s %12llu %12llu %12llu %12llu %12llu %12llu %12llu %8u %12llu %12llu\n",
		   heap->name, e.movable, e.fixed[MEMMGR_FIXED_PINNED],
		   e.fixed[MEMMGR_FIXED_EXPORTED], e.fixed[MEMMGR_FIXED_SEALED],
		   e.fixed[MEMMGR_FIXED_KERNEL], e.fixed[MEMMGR_FIXED_BUSY],
		   e.fixed[MEMMGR_FIXED_IO], e.free_runs, e.aligned[0], e.possible);
}

static int movable_show(struct seq_file *m, void *unused)
{
	head(m, "movable");
	seq_puts(m, "#heap movable pinned exported sealed kernel busy io free_runs longest possible\n");
	each_heap(m, movable_line);
	return 0;
}

static int compaction_show(struct seq_file *m, void *unused)
{
	const struct region *region = m->private;
	struct compact_total total = move_state_total(region->moving);

	head(m, "compaction");
	seq_puts(m, "#key value\n");
	seq_printf(m, "runs %llu\nmoves %llu\nmoved_bytes %llu\nlongest_step_ns %llu\n",
		   total.runs, total.moves, total.moved, total.longest_ns);
	return 0;
}

static int health_show(struct seq_file *m, void *unused)
{
	struct memmgr_health h = { 0 };

	head(m, "health");
	seq_puts(m, "#key value\n");
	if (health_call(m->private, &h, false))
		return 0;
	seq_printf(m, "on %u\nlow %u\nfragmented %u\nat_work %u\n",
		   !!(h.flags & MEMMGR_HEALTH_ON), !!(h.state & MEMMGR_HEALTH_LOW),
		   !!(h.state & MEMMGR_HEALTH_FRAGMENTED),
		   !!(h.state & MEMMGR_HEALTH_AT_WORK));
	seq_printf(m, "usage %u\nwarn_above %u\nfragmentation %u\ncompact_above %u\n",
		   h.usage, h.warn_above, h.fragmentation, h.compact_above);
	seq_printf(m, "hysteresis %u\ncpu %u\nchecks %llu\ncompactions %llu\n",
		   h.hysteresis, h.cpu, h.checks, h.compactions);
	seq_printf(m, "moves %llu\nmoved_bytes %llu\nevents %llu\n", h.moves, h.moved,
		   h.events);
	return 0;
}

#if IS_ENABLED(CONFIG_MEMMGR_DEBUG)
static void inject_line(struct seq_file *m, const char *whom, const char *name,
			const struct memmgr_inject *i)
{
	seq_printf(m, "%-6s %-31s %8llu %8llu", whom, name, i->skip, i->interval);
	if (i->times == MEMMGR_INJECT_NO_LIMIT)
		seq_puts(m, "        -");
	else
		seq_printf(m, " %8llu", i->times);
	seq_printf(m, " %11u %10u %8llu %8llu\n", i->probability, i->seed, i->seen,
		   i->failed);
}

static void inject_heap_line(struct seq_file *m, struct memmgr_heap *heap)
{
	struct memmgr_inject i = { 0 };

	inject_of_heap(heap, &i);
	if (i.times)
		inject_line(m, "heap", heap->name, &i);
}

static int inject_show(struct seq_file *m, void *unused)
{
	struct memmgr_inject i = { 0 };
	u64 cursor = 0;
	char id[24];

	head(m, "inject");
	seq_puts(m, "#whom name skip interval times probability seed seen failed\n");
	each_heap(m, inject_heap_line);
	while (inject_next_client(m->private, &cursor, &i)) {
		snprintf(id, sizeof(id), "%llu", i.id);
		inject_line(m, "client", id, &i);
	}
	return 0;
}

static const char * const latency_ops[MEMMGR_LATENCY_OPS] = {
	[MEMMGR_LATENCY_ALLOC]	= "alloc",
	[MEMMGR_LATENCY_FREE]	= "free",
};

static const char *context_word(u32 context)
{
	if (context & MEMMGR_CONTEXT_HARDIRQ)
		return "hardirq";
	if (context & MEMMGR_CONTEXT_SOFTIRQ)
		return "softirq";
	return context & MEMMGR_CONTEXT_PROCESS ? "process" : "-";
}

static void latency_line(struct seq_file *m, const char *heap, const char *op, bool on,
			 const struct memmgr_latency_op *o)
{
	const struct memmgr_latency_worst *w = &o->worst;
	u32 i;

	seq_printf(m, "%-31s %-5s %-3s %10llu %8llu %14llu %10llu %10llu %15llu %10llu %-7s %-8s %-6s %3u %7u %7u %6u",
		   heap, op, on ? "on" : "off", o->count, o->failed, o->total_ns,
		   o->min_ns, o->max_ns, w->time_ns, w->bytes, context_word(w->context),
		   w->context & MEMMGR_CONTEXT_IRQS_OFF ? "irqs-off" : "-",
		   w->context & MEMMGR_CONTEXT_FAILED ? "failed" : "-", w->cpu, w->pid,
		   w->tid, w->uid);
	word(m, w->comm);
	word(m, w->caller);
	for (i = 0; i < MEMMGR_LATENCY_BUCKETS; i++)
		if (o->bucket[i])
			seq_printf(m, " %u:%llu", i, o->bucket[i]);
	seq_putc(m, '\n');
}

static void latency_lines(struct seq_file *m, struct memmgr_heap *heap)
{
	/* Only root can read these files. */
	static const struct viewer viewer = { .admin = true };
	struct memmgr_latency *l = kzalloc(sizeof(*l), GFP_KERNEL);
	u32 i;

	if (!l)
		return;
	latency_read(heap, &viewer, l);
	for (i = 0; l->since_ns && i < MEMMGR_LATENCY_OPS; i++)
		latency_line(m, heap->name, latency_ops[i], l->state, &l->op[i]);
	kfree(l);
}

static int latency_show(struct seq_file *m, void *unused)
{
	head(m, "latency");
	seq_puts(m, "#heap op state count failed total_ns min_ns max_ns time_ns bytes context irqs result cpu pid tid uid comm caller bucket:count...\n");
	each_heap(m, latency_lines);
	return 0;
}

/* For tests: no version line. A test reads and writes one word. */
static int stop_show(struct seq_file *m, void *unused)
{
	stop_print(m, m->private);
	return 0;
}

static int stop_open(struct inode *inode, struct file *file)
{
	return single_open(file, stop_show, inode->i_private);
}

static ssize_t stop_write(struct file *file, const char __user *from, size_t bytes,
			  loff_t *pos)
{
	struct region *region = ((struct seq_file *)file->private_data)->private;
	char word[16] = "";
	int err;

	if (bytes >= sizeof(word))
		return -EINVAL;
	if (copy_from_user(word, from, bytes))
		return -EFAULT;
	err = stop_set(region, strim(word));
	return err ? err : bytes;
}

static const struct file_operations stop_fops = {
	.owner = THIS_MODULE,
	.open = stop_open,
	.read = seq_read,
	.write = stop_write,
	.llseek = seq_lseek,
	.release = single_release,
};
#endif

static const struct {
	const char *name;
	int (*show)(struct seq_file *m, void *unused);
} files[] = {
	{ "summary",	   summary_show },
	{ "heaps",	   heaps_show },
	{ "orders",	   orders_show },
	{ "fragmentation", fragmentation_show },
	{ "map",	   map_show },
	{ "allocations",   allocations_show },
	{ "failures",	   failures_show },
	{ "clients",	   clients_show },
	{ "users",	   users_show },
	{ "movable",	   movable_show },
	{ "compaction",	   compaction_show },
	{ "health",	   health_show },
#if IS_ENABLED(CONFIG_MEMMGR_DEBUG)
	{ "inject",	   inject_show },
	{ "latency",	   latency_show },
	{ "sites",	   sites_show },
	{ "corruptions",   corruptions_show },
#endif
};

/* All files share one set of operations, because each set would take 200 bytes. */
static int file_open(struct inode *inode, struct file *file)
{
	size_t i = 0;

	while (strcmp(files[i].name, file->f_path.dentry->d_name.name))
		i++;
	return single_open(file, files[i].show, inode->i_private);
}

static const struct file_operations file_fops = {
	.owner = THIS_MODULE,
	.open = file_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = single_release,
};

static bool file_made(const struct region *region, const char *name, umode_t mode,
		      const struct file_operations *fops)
{
	return debugfs_create_file(name, mode, region->nodes->debugfs, (void *)region, fops) !=
	       ERR_PTR(-ENOMEM);
}

/* False if the system lacks memory for some of the files. A kernel may have no debugfs. */
bool debugfs_add_region(struct region *region)
{
	bool made = true;
	size_t i;

	region->nodes->debugfs = debugfs_create_dir(region->name, debugfs_root);
	for (i = 0; i < ARRAY_SIZE(files); i++)
		made &= file_made(region, files[i].name, 0400, &file_fops);
#if IS_ENABLED(CONFIG_MEMMGR_DEBUG)
	made &= file_made(region, "hold", 0600, &stop_fops);
#endif
	return made;
}

void debugfs_remove_region(struct region *region)
{
	debugfs_remove_recursive(region->nodes->debugfs);
}

void debugfs_init(void)
{
	debugfs_root = debugfs_create_dir("memmgr", NULL);
	inject_start();
}

void debugfs_exit(void)
{
	inject_end();
	debugfs_remove_recursive(debugfs_root);
}
